"""What is written while mails are sent, for many mails in one statement.

Each statement names every mail with the fence that its worker holds, so that a worker that lost a mail changes nothing
of it while it goes on with the others. One mail at a time, and what failed: `outbox.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from planner import points
from planner.domain.notification import MailState, NoticeState
from planner.store import ledger
from planner.store.engine import DatabaseEpoch
from planner.store.outbox import ATTEMPT, MAIL, PUT_OFF, REPORT, HeldMail


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A mail that the server has taken."""

    mail: HeldMail
    code: int  #: the server's reply
    words: str


def begin_all(session: Session, mails: Sequence[HeldMail]) -> set[tuple[int, int]]:
    """Record that DATA begins for those mails that are still held and whose notices all hold; return their claims.

    The leases begin anew. What became of the others, `outbox.begin_data` finds out one by one.
    """
    if not mails:
        return set()
    dialect = _dialect(session)
    begun = session.execute(_statements(dialect).begin, {**_names(dialect, mails), "b_lease": mails[0].lease})
    claims = {(row.id, row.fence) for row in begun}
    points.reach("sending marked")
    return claims


def settle_sent(session: Session, accepted: Sequence[Accepted], at: datetime) -> set[tuple[int, int]]:
    """Record that the server took mails, and their notices with them; return the claims that still held."""
    if not accepted:
        return set()
    dialect = _dialect(session)
    statements, names = _statements(dialect), _names(dialect, [one.mail for one in accepted])
    if statements.settle is not None:
        answers = {"b_codes": [one.code for one in accepted], "b_words": [one.words for one in accepted]}
        settled = session.execute(statements.settle, {**names, **answers, "b_sent": at, "b_at": at})
        kept = {(row.id, row.fence) for row in settled}
        points.reach("settled")
        return kept
    kept = {(row.id, row.fence) for row in session.execute(statements.sent, {**names, "b_sent": at})}
    if kept:
        session.connection().execute(
            _TRIED,
            [
                {
                    "mail_id": one.mail.id,
                    "fence": one.mail.fence,
                    "at": at,
                    "outcome": "sent",
                    "stage": "data",
                    "reply_code": one.code,
                    "reply": one.words,
                }
                for one in accepted
                if one.mail.claim in kept
            ],
        )
        ids = sorted(mail for mail, _fence in kept)
        session.execute(statements.told, {"b_ids": json.dumps(ids) if dialect == "sqlite" else ids, "b_at": at})
    points.reach("settled")
    return kept


def give_back(session: Session, mails: Sequence[HeldMail], now: datetime) -> None:
    """Let go of mails that were claimed at `now` and for which nothing was begun: as if they had not been claimed."""
    if mails:
        dialect = _dialect(session)
        session.execute(_statements(dialect).give_back, {**_names(dialect, mails), "b_now": now})


def _unindexed(column: Any) -> Any:
    """Return a column by which no index is searched: rows are found by their ids, which are few and at hand."""
    return func.coalesce(column, "")


def _names(dialect: str, mails: Sequence[HeldMail]) -> dict[str, Any]:
    if dialect == "sqlite":
        return {"b_held": json.dumps([(mail.id, mail.fence) for mail in mails])}
    return {"b_ids": [mail.id for mail in mails], "b_fences": [mail.fence for mail in mails]}


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


@dataclass(frozen=True, kw_only=True)
class _Statements:
    begin: Any
    sent: Any
    told: Any
    settle: Any  #: `sent`, the tries and `told` at once; None: the database has no such statement
    give_back: Any


@cache
def _statements(dialect: str) -> _Statements:
    """Return the statements for a kind of database, prepared once: building one costs more than running it.

    Ids and fences go in as one value each, so that the text stays the same for any number of mails and the database
    keeps its plan.
    """
    if dialect == "sqlite":
        held = func.json_each(bindparam("b_held", type_=Text)).table_valued("value", name="held")
        ids, fences = (func.json_extract(held.c.value, f"$[{place}]") for place in (0, 1))
        named = and_(MAIL.c.id == ids, MAIL.c.fence == fences)
        of = func.json_each(bindparam("b_ids", type_=Text)).table_valued("value", name="carried")
        carried = ledger.NOTICE.c.mail_id == of.c.value
    else:
        numbers = ARRAY(BigInteger)
        names = bindparam("b_ids", type_=numbers)
        pairs = func.unnest(names, bindparam("b_fences", type_=numbers))
        held = pairs.table_valued("id", "fence", name="held").render_derived()
        # By the array too: without statistics PostgreSQL would rather read the whole table than join.
        named = and_(MAIL.c.id == func.any(names), MAIL.c.id == held.c.id, MAIL.c.fence == held.c.fence)
        carried = ledger.NOTICE.c.mail_id == func.any(names)
    sent = (
        update(MAIL)
        .where(named, _unindexed(MAIL.c.state) == MailState.SENDING.value)
        .values(
            state=MailState.SENT.value,
            lease_until=None,
            last_error="",
            attempts=MAIL.c.attempts + 1,
            sent_at=bindparam("b_sent", type_=MAIL.c.sent_at.type),
        )
    )
    told = (
        update(ledger.NOTICE)
        .where(carried, _unindexed(ledger.NOTICE.c.state) == NoticeState.MAILED.value)
        .values(state=NoticeState.SENT.value, settled_at=bindparam("b_at", type_=ledger.NOTICE.c.settled_at.type))
    )
    stale = select(ledger.NOTICE.c.id).where(ledger.NOTICE.c.mail_id == MAIL.c.id, ledger.is_stale()).exists()
    return _Statements(
        begin=update(MAIL)
        .where(
            named,
            _unindexed(MAIL.c.state) == MailState.LEASED.value,
            MAIL.c.lease_until > DatabaseEpoch(),
            ~stale,
        )
        .values(state=MailState.SENDING.value, lease_until=DatabaseEpoch() + bindparam("b_lease"))
        .returning(MAIL.c.id, MAIL.c.fence),
        sent=sent.returning(MAIL.c.id, MAIL.c.fence),
        told=told,
        settle=None if dialect == "sqlite" else _settle(sent, told),
        give_back=update(MAIL)
        .where(named, _unindexed(MAIL.c.state) == MailState.LEASED.value)
        .values(
            state=PUT_OFF,
            lease_until=None,
            # The claim began the count of 72 hours if nothing had before it.
            first_try_at=case(
                (MAIL.c.first_try_at == bindparam("b_now", type_=MAIL.c.first_try_at.type), null()),
                else_=MAIL.c.first_try_at,
            ),
        ),
    )


def _settle(sent: Any, told: Any) -> Any:
    """Return one statement for all that is written of mails that were taken: on PostgreSQL each costs a way there."""
    kept = sent.returning(MAIL.c.id, MAIL.c.fence).cte("kept")
    answers = (
        func.unnest(
            bindparam("b_ids", type_=ARRAY(BigInteger)),
            bindparam("b_fences", type_=ARRAY(BigInteger)),
            bindparam("b_codes", type_=ARRAY(Integer)),
            bindparam("b_words", type_=ARRAY(Text)),
        )
        .table_valued("id", "fence", "code", "words", name="answers")
        .render_derived()
    )
    at = bindparam("b_at", type_=ATTEMPT.c.at.type)
    tries = select(kept.c.id, kept.c.fence, at, literal("sent"), literal("data"), answers.c.code, answers.c.words)
    columns = ["mail_id", "fence", "at", "outcome", "stage", "reply_code", "reply"]
    answered = and_(answers.c.id == kept.c.id, answers.c.fence == kept.c.fence)
    tried = insert(ATTEMPT).from_select(columns, tries.join(answers, answered)).cte("tried")
    told = told.where(ledger.NOTICE.c.mail_id.in_(select(kept.c.id))).cte("told")
    return select(kept.c.id, kept.c.fence).add_cte(tried, told)


def was_refused_before(session: Session, mail: HeldMail, until: datetime) -> bool:
    """Say whether a mail was refused, not believed, by `until`, and one to its domain was taken then or since.

    A server that relays for some domains and not for others must not make the addresses of the others dead.
    """
    before = session.scalar(
        select(func.min(ATTEMPT.c.at)).where(
            ATTEMPT.c.mail_id == mail.id,
            ATTEMPT.c.outcome == "channel",
            ATTEMPT.c.stage.in_(("rcpt", "data")),
            ATTEMPT.c.at <= until,
        )
    )
    if before is None:
        return False
    same = MAIL.c.recipient.endswith("@" + mail.recipient.rpartition("@")[2], autoescape=True)
    return session.scalar(select(MAIL.c.id).where(MAIL.c.sent_at >= before, same).limit(1)) is not None


def took_any(session: Session, since: datetime) -> bool:
    """Say whether the server took a mail since an instant."""
    # A mail is tried for some days at most: its own day, which has an index, narrows down where to look.
    oldest = (since - timedelta(days=7)).date()
    return session.scalar(select(MAIL.c.id).where(MAIL.c.day >= oldest, MAIL.c.sent_at >= since).limit(1)) is not None


def resolve(session: Session, mail_id: int, *, arrived: bool, at: datetime) -> bool:
    """Settle a mail of unknown fate as a person says; False when its fate is known, or somebody holds it.

    A report that could not be delivered may be sent again too: nothing else would tell it again.
    """
    open_to = MAIL.c.state == MailState.UNKNOWN.value
    if not arrived:
        gone = (MailState.DEAD.value, MailState.BOUNCED.value)
        open_to = or_(open_to, and_(MAIL.c.state.in_(gone), MAIL.c.kind == REPORT))
    then: dict[str, Any] = (
        {"state": MailState.SENT.value, "sent_at": at}
        if arrived
        else {
            "state": MailState.READY.value,
            "maybe_taken": False,
            "next_try_at": at,
            "attempts": 0,
            "first_try_at": None,
        }
    )
    changed = session.scalar(
        update(MAIL)
        .where(MAIL.c.id == mail_id, open_to)
        .values(fence=MAIL.c.fence + 1, lease_until=None, **then)
        .returning(MAIL.c.id)
    )
    if changed is not None and arrived:
        ledger.told(session, mail_id, NoticeState.SENT, at)
    return changed is not None


_TRIED = insert(ATTEMPT)
