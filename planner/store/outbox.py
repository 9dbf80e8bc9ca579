r"""The outbox of mails: in which bytes the notices go, who holds a mail, and how each try ended.

Every write that depends on what was read before is compare-and-set on (id, fence). The fence rises with each claim, so
a worker that froze past its lease can no longer write. Leases run on the database's clock; when to try again follows
`now`.

    ready -> leased -> sending -> sent
                  \\-> ready (retry) | dead | bounced | obsolete      sent, and returned later -> bounced
    sending, lease expired -> unknown -> leased (a reminder is resent; a report waits for a person)
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, and_, bindparam, case, func, insert, or_, select, update
from sqlalchemy.orm import Session

from planner import points
from planner.domain.notification import MailState, Notice, NoticeState
from planner.store import bulk, ledger
from planner.store.engine import DatabaseEpoch, longest_lease
from planner.store.tables import AttemptRow, MailBodyRow, MailRow, NoticeRow

MAIL, ATTEMPT, _BODY = (cast(Table, row.__table__) for row in (MailRow, AttemptRow, MailBodyRow))


@dataclass(frozen=True, kw_only=True, slots=True)
class NewMail:
    """A mail about to enter the outbox."""

    kind: str  #: "digest", "urgent" or "report"
    recipient: str
    day: date
    key: str
    subject: str
    message_id: str
    body: bytes
    first_try_at: datetime | None = None  #: since when this person could not be reached, if that is so


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldMail:
    """A mail that this worker holds until its lease ends."""

    id: int
    fence: int
    kind: str
    recipient: str
    body: bytes
    attempts: int  #: tries before this one
    first_try_at: datetime | None
    lease: int  #: seconds that the lease lasts

    @property
    def claim(self) -> tuple[int, int]:
        """Return by what it is held: a worker that lost it and claimed it again has it in its hands twice."""
        return self.id, self.fence


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenMail:
    """A mail that nobody holds and that is still to go."""

    kind: str  #: "digest" or "urgent"
    day: date
    recipient: str
    subject: str
    state: MailState  #: ready, or of unknown fate
    next_try_at: datetime
    notices: tuple[Notice, ...]


def mail_key(kind: str, recipient: str, day: date, extra: Sequence[str]) -> str:
    """Return the deterministic key of a mail; `extra` tells apart what may be sent twice on one day."""
    parts = (kind, recipient, day.isoformat(), *extra)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def open_mails(session: Session) -> list[OpenMail]:
    """Return the mails that wait for a try, with the notices they carry, oldest first."""
    rows = session.execute(
        select(NoticeRow, MAIL.c.id, MAIL.c.kind, MAIL.c.day, MAIL.c.subject, MAIL.c.state, MAIL.c.next_try_at)
        .join(MAIL, MAIL.c.id == NoticeRow.mail_id)
        .where(NoticeRow.state == NoticeState.MAILED.value, MAIL.c.state.in_(_OPEN))
        .order_by(MAIL.c.id, NoticeRow.id)
    ).all()
    return [
        OpenMail(
            kind=kind,
            day=day,
            recipient=carried[0][0].recipient,
            subject=subject,
            state=MailState(state),
            next_try_at=next_try_at,
            notices=tuple(ledger.notice_of(row[0]) for row in carried),
        )
        for (_id, kind, day, subject, state, next_try_at), group in groupby(rows, key=lambda row: tuple(row[1:]))
        if (carried := list(group))
    ]


def digests_of(session: Session, day: date) -> dict[str, tuple[int, bool]]:
    """Return, for each recipient, how many digests of `day` were given up and whether one stands."""
    gone = (MailState.OBSOLETE.value, MailState.CANCELLED.value)
    rows = session.execute(
        select(
            MailRow.recipient,
            func.sum(case((MailRow.state.in_(gone), 1), else_=0)),
            func.sum(case((MailRow.state.in_(gone), 0), else_=1)),
        )
        .where(MailRow.day == day, MailRow.kind == "digest")
        .group_by(MailRow.recipient)
    )
    return {recipient: (int(given_up), standing > 0) for recipient, given_up, standing in rows}


def mails_of(session: Session, day: date) -> dict[str, int]:
    """Return how many mails of `day` each recipient has, those given up left out."""
    gone = (MailState.OBSOLETE.value, MailState.CANCELLED.value)
    rows = session.execute(
        select(MAIL.c.recipient, func.count())
        .where(MAIL.c.day == day, MAIL.c.state.not_in(gone))
        .group_by(MAIL.c.recipient)
    )
    return {recipient: int(count) for recipient, count in rows}


def unreached_since(session: Session, since: datetime) -> dict[str, datetime]:
    """Return who could not be reached, and since when: digests given up after tries, newer than the last one sent.

    Only mails whose next try was due after `since` are looked at.
    """
    later = MAIL.alias()
    settled = (MailState.SENT.value, MailState.DEAD.value, MailState.BOUNCED.value)
    rows = session.execute(
        select(MAIL.c.recipient, func.min(MAIL.c.first_try_at))
        .where(
            MAIL.c.state == MailState.OBSOLETE.value,
            MAIL.c.next_try_at > since,
            MAIL.c.attempts > 0,
            ~select(later.c.id)
            .where(later.c.recipient == MAIL.c.recipient, later.c.id > MAIL.c.id, later.c.state.in_(settled))
            .exists(),
        )
        .group_by(MAIL.c.recipient)
    )
    return {recipient: first for recipient, first in rows if first is not None}


def is_stored(session: Session, key: str) -> bool:
    """Say whether the outbox holds a mail of this key."""
    return session.scalar(select(MAIL.c.id).where(MAIL.c.key == key)) is not None


def last_of_kind(session: Session, kind: str) -> datetime | None:
    """Return when the latest mail of a kind was written; None: none was."""
    return session.scalar(select(MAIL.c.created_at).where(MAIL.c.kind == kind).order_by(MAIL.c.id.desc()).limit(1))


def save_mail(session: Session, mail: NewMail, notices: Sequence[ledger.QueuedNotice], at: datetime) -> bool:
    """Store a mail with the notices it carries; False when another worker was faster (then nothing changed)."""
    return save_mails(session, [(mail, notices)], at) == {mail.key}


def save_mails(
    session: Session, mails: Sequence[tuple[NewMail, Sequence[ledger.QueuedNotice]]], at: datetime
) -> set[str]:
    """Store mails, each with the notices it carries; return the keys of those for which no other worker was faster.

    A mail of which a notice has changed since it was read is not stored. The same number of statements for one and for
    many.
    """
    # Held first: they must still be there when the mail is, and a mail once entered would have to be taken back.
    held = ledger.hold(session, [one for _mail, notices in mails for one in notices])
    mine = {mail.key: (mail, notices) for mail, notices in mails if held.issuperset(one.id for one in notices)}
    if not mine:
        return set()
    new = [mail for mail, _notices in mine.values()]
    columns: dict[str, list[Any]] = {
        "key": [mail.key for mail in new],
        "kind": [mail.kind for mail in new],
        "recipient": [mail.recipient for mail in new],
        "day": [mail.day for mail in new],
        "subject": [mail.subject for mail in new],
        "message_id": [mail.message_id for mail in new],
        "state": [MailState.READY.value] * len(new),
        "maybe_taken": [False] * len(new),
        "fence": [0] * len(new),
        "attempts": [0] * len(new),
        "first_try_at": [mail.first_try_at for mail in new],
        "next_try_at": [at] * len(new),
        "last_error": [""] * len(new),
        "created_at": [at] * len(new),
    }
    ids: dict[str, int] = dict(bulk.insert_and_tell(session, MAIL, columns, unique=["key"], tell=["key", "id"]))
    if ids:
        bodies: dict[str, list[Any]] = {"mail_id": list(ids.values()), "body": [mine[key][0].body for key in ids]}
        bulk.insert_columns(session, _BODY, bodies, unique=["mail_id"])
        ledger.put_into(session, {one.id: mail_id for key, mail_id in ids.items() for one in mine[key][1]})
    points.reach("mail stored")
    return set(ids)


def reap(session: Session, lease: int = 0) -> None:
    """Take back what dead workers hold: before DATA a mail is ready again, after it nobody knows.

    A lease that has longer to go than leases of `lease` seconds have is from before the database's clock was set back.
    Nobody else would get the mail before that clock has come there again; should its worker still live, this is as if
    the lease had run out under it.
    """
    for statement in _REAP:
        session.execute(statement, {"b_longest": longest_lease(lease)})
    points.reach("leases reaped")


def claim(session: Session, *, now: datetime, limit: int, lease: int) -> list[HeldMail]:
    """Hold up to `limit` mails that may be tried at `now`, for `lease` seconds of the database's clock.

    They are taken by one statement: rows that another worker holds are passed over on PostgreSQL, and SQLite admits one
    writer at a time. Reminders of unknown fate are resent, with the same bytes and Message-ID; a report of unknown fate
    is never taken: a person must first say whether it arrived.
    """
    rows = session.execute(_CLAIM, {"b_now": now, "b_limit": limit, "b_lease": lease}).all()
    if not rows:
        return []
    bodies = dict(map(tuple, session.execute(_BODIES, {"b_ids": [row.id for row in rows]})))
    held = (HeldMail(**row._mapping, body=bodies[row.id], lease=lease) for row in rows)
    points.reach("mails claimed")
    return sorted(held, key=lambda mail: mail.id)


def begin_data(session: Session, mail: HeldMail, at: datetime) -> bool:
    """Judge the mail's notices once more and, if all hold, record that DATA begins.

    The lease begins anew: the wait for the server's verdict is the longest of all, and a mail that another worker took
    over meanwhile would be sent twice.

    Returns:
        False when the lease was lost, or when a notice no longer holds: then the mail is obsolete and the notices that
        still hold are queued anew.
    """
    held = {"b_id": mail.id, "b_fence": mail.fence}
    if session.scalar(_BEGIN, {**held, "b_lease": mail.lease}) is not None:
        points.reach("sending marked")
        return True
    stale = ledger.stale_in(session, mail.id)
    if not stale or session.scalar(_GIVE_UP_HELD, held) is None:
        return False
    ledger.make_obsolete(session, stale, at)
    ledger.release(session, [mail.id])
    return False


def settle(
    session: Session,
    mail: HeldMail,
    *,
    at: datetime,
    state: MailState,
    outcome: str,
    stage: str,
    reply_code: int | None,
    reply: str,
    next_try_at: datetime | None = None,
    counts: bool = True,
) -> bool:
    """Record how a try ended; False when the fence says that the mail is no longer this worker's.

    `counts` is False for a fault of the whole channel, which uses up no try of this mail and none of its time.
    """
    changed = session.scalar(
        _SETTLE,
        {
            "b_id": mail.id,
            "b_fence": mail.fence,
            "b_state": state.value,
            "b_error": "" if state is MailState.SENT else reply,
            "b_tries": 1 if counts else 0,
            "b_first": mail.first_try_at if counts or mail.first_try_at != at else None,
            "b_next": next_try_at,
            "b_sent": at if state is MailState.SENT else None,
        },
    )
    if changed is None:
        return False
    session.execute(
        _TRIED,
        {
            "mail_id": mail.id,
            "fence": mail.fence,
            "at": at,
            "outcome": outcome,
            "stage": stage,
            "reply_code": reply_code,
            "reply": reply,
        },
    )
    final = _THEN.get(state)
    if final is not None:
        ledger.told(session, mail.id, final, at)
    points.reach("settled")
    return True


def may_be_given_up(today: date) -> ColumnElement[bool]:
    """Return the condition that a mail may make room for another one: nobody has begun to send it.

    Or nobody knows since an earlier day whether it arrived: by now a higher step may have been reached.
    """
    unsure = and_(MAIL.c.state == MailState.UNKNOWN.value, MAIL.c.kind != HELD_FOR_A_PERSON, MAIL.c.day < today)
    return or_(MAIL.c.state == MailState.READY.value, unsure)


def give_up(session: Session, mails: Collection[int], today: date | None = None) -> set[int]:
    """Make mails obsolete that nobody has begun to send, and return which those were.

    With `today` those of unknown fate of an earlier day too.
    """
    may = MAIL.c.state == MailState.READY.value if today is None else may_be_given_up(today)
    gone: set[int] = set()
    for some in ledger.chunks(sorted(mails)):
        gone.update(
            session.scalars(
                update(MAIL).where(MAIL.c.id.in_(some), may).values(state=MailState.OBSOLETE.value).returning(MAIL.c.id)
            )
        )
    return gone


# What is done for every single mail is prepared once: building a statement costs more than running it.
_THEN = {
    MailState.SENT: NoticeState.SENT,
    MailState.DEAD: NoticeState.DEAD,
    MailState.BOUNCED: NoticeState.BOUNCED,
}
_OPEN = (MailState.READY.value, MailState.UNKNOWN.value)
REPORT = "report"
HELD_FOR_A_PERSON = REPORT  #: the kind of mail that is not repeated by itself: its reader would take it for another
_MAY_GO = or_(
    MAIL.c.state == MailState.READY.value,
    and_(MAIL.c.state == MailState.UNKNOWN.value, MAIL.c.kind != HELD_FOR_A_PERSON),
)
#: the state of a mail that is put off: one that the server may have stays one that it may have, at every later try too
PUT_OFF = case((MAIL.c.maybe_taken.is_(True), MailState.UNKNOWN.value), else_=MailState.READY.value)
_EXPIRED = or_(
    MAIL.c.lease_until < DatabaseEpoch(),
    MAIL.c.lease_until > DatabaseEpoch() + bindparam("b_longest"),
)
_FREED: dict[str, Any] = {"lease_until": None, "fence": MAIL.c.fence + 1}
_REAP = (
    update(MAIL).where(MAIL.c.state == MailState.LEASED.value, _EXPIRED).values(state=PUT_OFF, **_FREED),
    update(MAIL)
    .where(MAIL.c.state == MailState.SENDING.value, _EXPIRED)
    .values(state=MailState.UNKNOWN.value, maybe_taken=True, **_FREED),
)
_CLAIM = (
    update(MAIL)
    .where(
        MAIL.c.id.in_(
            select(MAIL.c.id)
            .where(_MAY_GO, MAIL.c.next_try_at <= bindparam("b_now"))
            .order_by(MAIL.c.next_try_at, MAIL.c.id)
            .limit(bindparam("b_limit"))
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        ),
        _MAY_GO,
    )
    .values(
        state=MailState.LEASED.value,
        fence=MAIL.c.fence + 1,
        lease_until=DatabaseEpoch() + bindparam("b_lease"),
        first_try_at=func.coalesce(MAIL.c.first_try_at, bindparam("b_now")),
    )
    .returning(MAIL.c.id, MAIL.c.fence, MAIL.c.kind, MAIL.c.recipient, MAIL.c.attempts, MAIL.c.first_try_at)
)
_BODIES = select(_BODY.c.mail_id, _BODY.c.body).where(_BODY.c.mail_id.in_(bindparam("b_ids", expanding=True)))
_HELD = and_(
    MAIL.c.id == bindparam("b_id"),
    MAIL.c.fence == bindparam("b_fence"),
    MAIL.c.state == MailState.LEASED.value,
    MAIL.c.lease_until > DatabaseEpoch(),
)
_BEGIN = (
    update(MAIL)
    .where(_HELD, ~select(ledger.NOTICE.c.id).where(ledger.NOTICE.c.mail_id == MAIL.c.id, ledger.is_stale()).exists())
    .values(state=MailState.SENDING.value, lease_until=DatabaseEpoch() + bindparam("b_lease"))
    .returning(MAIL.c.id)
)
_GIVE_UP_HELD = update(MAIL).where(_HELD).values(state=MailState.OBSOLETE.value).returning(MAIL.c.id)
_then_state = cast(ColumnElement[str], bindparam("b_state", type_=MAIL.c.state.type))
_SETTLE = (
    update(MAIL)
    .where(
        MAIL.c.id == bindparam("b_id"),
        MAIL.c.fence == bindparam("b_fence"),
        MAIL.c.state.in_((MailState.LEASED.value, MailState.SENDING.value)),
    )
    .values(
        state=case((_then_state == MailState.READY.value, PUT_OFF), else_=_then_state),
        maybe_taken=or_(MAIL.c.maybe_taken.is_(True), _then_state == MailState.UNKNOWN.value),
        lease_until=None,
        last_error=bindparam("b_error"),
        attempts=MAIL.c.attempts + bindparam("b_tries"),
        first_try_at=bindparam("b_first"),
        next_try_at=func.coalesce(bindparam("b_next", type_=MAIL.c.next_try_at.type), MAIL.c.next_try_at),
        sent_at=func.coalesce(bindparam("b_sent", type_=MAIL.c.sent_at.type), MAIL.c.sent_at),
    )
    .returning(MAIL.c.id)
)
_TRIED = insert(ATTEMPT)
