"""What is written while mails are sent, for many mails in one statement.

Each statement names every mail with the fence that its worker holds, so that a worker that lost a mail changes nothing
of it while it goes on with the others. One mail at a time, and what failed: `outbox.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, func, insert, null, select, tuple_, update
from sqlalchemy.orm import Session

from planner.domain.notification import MailState, NoticeState
from planner.store import ledger
from planner.store.engine import DatabaseEpoch
from planner.store.outbox import ATTEMPT, MAIL, HeldMail


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A mail that the server has taken."""

    mail: HeldMail
    code: int  #: the server's reply
    words: str


def begin_all(session: Session, mails: Sequence[HeldMail]) -> set[int]:
    """Record that DATA begins for those mails that are still held and whose notices all hold; return which.

    The leases begin anew. What became of the others, `outbox.begin_data` finds out one by one.
    """
    if not mails:
        return set()
    return set(session.scalars(_BEGIN, {**_names(mails), "b_lease": mails[0].lease}))


def settle_sent(session: Session, accepted: Sequence[Accepted], at: datetime) -> set[int]:
    """Record that the server took mails, and their notices with them; return those that were still this worker's."""
    if not accepted:
        return set()
    kept = set(session.scalars(_SENT, {**_names([one.mail for one in accepted]), "b_sent": at}))
    if kept:
        session.execute(
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
                if one.mail.id in kept
            ],
        )
        session.execute(_TOLD, {"b_ids": sorted(kept), "b_at": at})
    return kept


def give_back(session: Session, mails: Sequence[HeldMail], now: datetime) -> None:
    """Let go of mails that were claimed at `now` and for which nothing was begun: as if they had not been claimed."""
    if mails:
        session.execute(_GIVE_BACK, {**_names(mails), "b_now": now})


def _names(mails: Sequence[HeldMail]) -> dict[str, Any]:
    # By id first: the key's index is used for it everywhere, and the pairs are looked at in those few rows.
    return {"b_ids": [mail.id for mail in mails], "b_pairs": [(mail.id, mail.fence) for mail in mails]}


# Prepared once: building a statement costs more than running it.
_NAMED = and_(
    MAIL.c.id.in_(bindparam("b_ids", expanding=True)),
    tuple_(MAIL.c.id, MAIL.c.fence).in_(bindparam("b_pairs", expanding=True)),
)
_BEGIN = (
    update(MAIL)
    .where(
        _NAMED,
        MAIL.c.state == MailState.LEASED.value,
        MAIL.c.lease_until > DatabaseEpoch(),
        ~select(ledger.NOTICE.c.id).where(ledger.NOTICE.c.mail_id == MAIL.c.id, ledger.is_stale()).exists(),
    )
    .values(state=MailState.SENDING.value, lease_until=DatabaseEpoch() + bindparam("b_lease"))
    .returning(MAIL.c.id)
)
_SENT = (
    update(MAIL)
    .where(_NAMED, MAIL.c.state == MailState.SENDING.value)
    .values(
        state=MailState.SENT.value,
        lease_until=None,
        last_error="",
        attempts=MAIL.c.attempts + 1,
        sent_at=bindparam("b_sent", type_=MAIL.c.sent_at.type),
    )
    .returning(MAIL.c.id)
)
_TRIED = insert(ATTEMPT)
_TOLD = (
    update(ledger.NOTICE)
    .where(
        ledger.NOTICE.c.mail_id.in_(bindparam("b_ids", expanding=True)),
        ledger.NOTICE.c.state == NoticeState.MAILED.value,
    )
    .values(state=NoticeState.SENT.value, settled_at=bindparam("b_at"))
)
_GIVE_BACK = (
    update(MAIL)
    .where(_NAMED, MAIL.c.state == MailState.LEASED.value)
    .values(
        state=MailState.READY.value,
        lease_until=None,
        # The claim began the count of 72 hours if nothing had before it.
        first_try_at=case((MAIL.c.first_try_at == bindparam("b_now"), null()), else_=MAIL.c.first_try_at),
    )
)


def was_refused_before(session: Session, mail: HeldMail, until: datetime) -> bool:
    """Say whether a mail was refused by `until` for reasons not believed, and another mail was taken since."""
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
    return session.scalar(select(MAIL.c.id).where(MAIL.c.sent_at > before).limit(1)) is not None
