r"""The ledger of notices and the outbox of mails: what was to be told, in which bytes, and what became of it.

Every write that depends on what was read before is compare-and-set: a notice on its state, a mail on (id, fence). The
fence rises with each claim, so a worker that froze past its lease can no longer write. Leases run on the database's
clock; what is due and when to try again follow `now`.

    mail: ready -> leased -> sending -> sent
                        \-> ready (retry) | dead | obsolete      sending, lease expired -> unknown -> leased (resent)
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from itertools import groupby
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Table,
    and_,
    bindparam,
    case,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from planner.config import ZONE
from planner.domain.notification import MailState, Notice, NoticeKind, NoticeState
from planner.domain.status import TaskState
from planner.store.engine import DatabaseEpoch
from planner.store.plans import OPEN_STATES
from planner.store.tables import AttemptRow, MailRow, NoticeRow, PlanRow, TaskRow, TickRow

_MAIL, _NOTICE, _ATTEMPT = (cast(Table, row.__table__) for row in (MailRow, NoticeRow, AttemptRow))
_CHUNK = 5000  # a statement takes so many values and no more: databases have their limits
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedNotice:
    """A notice of the ledger with its row's id."""

    id: int
    notice: Notice
    queued_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class NewMail:
    """A mail about to enter the outbox."""

    kind: str  #: "digest" or "urgent"
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
    recipient: str
    body: bytes
    attempts: int  #: tries before this one
    first_try_at: datetime | None
    lease: int  #: seconds that the lease lasts


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


def enqueue(session: Session, notices: Sequence[Notice], *, policy_hash: str, at: datetime) -> Counter[NoticeState]:
    """Enter notices into the ledger; one whose key is known changes nothing, unless it was held back and holds again.

    Returns:
        How many rows came into each state.
    """
    if not notices:
        return Counter()
    settled = {NoticeState.SUPERSEDED, NoticeState.SUPPRESSED, NoticeState.DEAD, NoticeState.OBSOLETE}
    by_key = {notice.key: notice for notice in notices}
    rows = {
        key: {
            "key": key,
            "kind": notice.kind.value,
            "subject": notice.subject,
            "revision": notice.revision,
            "rung": notice.rung,
            "nominal": notice.nominal,
            "role": notice.role,
            "channel": notice.channel,
            "recipient": notice.recipient,
            "reason": notice.reason,
            "urgent": notice.urgent,
            "state": notice.state.value,
            "policy_hash": policy_hash,
            "queued_at": at,
            "settled_at": at if notice.state in settled else None,
        }
        for key, notice in by_key.items()
    }
    # Most of what a tick finds is in the ledger already: asking first is cheaper than inserting in vain. The unique key
    # still decides when another worker is faster.
    reopened = [
        row
        for key, row in _known(session, list(rows))
        if rows.pop(key)["state"] == NoticeState.QUEUED and row is not None
    ]
    for notice_id, key in reopened:
        notice = by_key[key]
        session.execute(
            update(NoticeRow)
            .where(NoticeRow.id == notice_id, NoticeRow.state.in_(_HELD_BACK))
            .values(
                state=NoticeState.QUEUED.value,
                recipient=notice.recipient,
                kind=notice.kind.value,
                reason=notice.reason,
                settled_at=None,
                mail_id=None,
            )
        )
    if not rows:
        return Counter({NoticeState.QUEUED: len(reopened)})
    new = Counter({NoticeState.QUEUED: len(reopened)})
    statement = _insert_new(_NOTICE, session.get_bind().dialect.name)
    if session.get_bind().dialect.name == "postgresql":  # many rows a statement, and the driver counts none of them
        came = session.scalars(statement.returning(_NOTICE.c.state), list(rows.values()))
        return new + Counter(NoticeState(state) for state in came)
    # Counted by state through the number of rows that came in: asking for the rows themselves costs a statement each.
    for state in dict.fromkeys(row["state"] for row in rows.values()):
        done = session.execute(statement, [row for row in rows.values() if row["state"] == state])
        new[NoticeState(str(state))] += cast(CursorResult[Any], done).rowcount
    return new


#: never sent and not given up by a person: such a notice is told after all when it holds again (a blocker is done and
#: the waiting task still late; a result was handed in and returned)
_HELD_BACK = (NoticeState.SUPPRESSED.value, NoticeState.OBSOLETE.value)


def _insert_new(table: Table, dialect: str) -> Any:
    """Return the statement that enters rows of `table` whose keys are new and passes over the others."""
    own = sqlite if dialect == "sqlite" else postgresql
    return own.insert(table).on_conflict_do_nothing(index_elements=["key"])


@cache
def _insert_mail(dialect: str) -> Any:
    return _insert_new(_MAIL, dialect).returning(_MAIL.c.id)


def _known(session: Session, keys: Sequence[str]) -> Iterator[tuple[str, tuple[int, str] | None]]:
    """Yield each key that the ledger holds, with the row when it was held back and may be reopened."""
    statement = select(NoticeRow.id, NoticeRow.key, NoticeRow.state)
    for some in _chunks(keys):
        for row in session.execute(statement.where(NoticeRow.key.in_(some))):
            yield row.key, (row.id, row.key) if row.state in _HELD_BACK else None


def reconcile(session: Session, judged: Mapping[str, Notice], at: datetime) -> Counter[NoticeState]:
    """Bring what waits in the ledger up to date: settle what is no longer to be sent, follow a change of person.

    A digest of an earlier day that nobody has begun to send is given up, for today's tells all of it as of today.

    Args:
        session: a writing transaction.
        judged: every notice that holds now, by key; a waiting one that is missing there is obsolete.
        at: now.

    Returns:
        How many notices were settled, by their new state.
    """
    today = at.astimezone(ZONE).date()
    waiting = session.execute(
        select(
            NoticeRow.id,
            NoticeRow.key,
            NoticeRow.mail_id,
            NoticeRow.recipient,
            NoticeRow.kind,
            and_(MailRow.day < today, MailRow.kind == "digest").label("is_old"),
        )
        .outerjoin(MailRow, MailRow.id == NoticeRow.mail_id)
        .where(
            or_(
                NoticeRow.state == NoticeState.QUEUED.value,
                and_(NoticeRow.state == NoticeState.MAILED.value, MailRow.state == MailState.READY.value),
            )
        )
    ).all()
    settled: dict[int, NoticeState] = {}
    moved: dict[int, Notice] = {}
    mails: dict[int, int] = {}
    for row in waiting:
        notice = judged.get(row.key)
        if notice is None or notice.state is not NoticeState.QUEUED:
            settled[row.id] = notice.state if notice else NoticeState.OBSOLETE
        elif (notice.recipient, notice.kind.value) != (row.recipient, row.kind):
            moved[row.id] = notice
        elif not row.is_old:
            continue
        if row.mail_id is not None:
            mails[row.id] = row.mail_id
    gone = _give_up(session, set(mails.values()))
    # A mail that another worker has just taken up goes out as it is, and its notices with it.
    away = {notice_id for notice_id, mail_id in mails.items() if mail_id not in gone}
    done: Counter[NoticeState] = Counter()
    for state in dict.fromkeys(settled.values()):
        for some in _chunks([one for one, then in settled.items() if then is state and one not in away]):
            changed = session.execute(
                update(_NOTICE).where(_NOTICE.c.id.in_(some), _waits()).values(state=state.value, settled_at=at)
            )
            done[state] += cast(CursorResult[Any], changed).rowcount
    follow = [
        {"b_id": one, "b_recipient": notice.recipient, "b_kind": notice.kind.value, "b_reason": notice.reason}
        for one, notice in moved.items()
        if one not in away
    ]
    if follow:
        session.connection().execute(
            update(_NOTICE)
            .where(_NOTICE.c.id == bindparam("b_id"), _waits())
            .values(recipient=bindparam("b_recipient"), kind=bindparam("b_kind"), reason=bindparam("b_reason")),
            follow,
        )
    _release(session, sorted(gone))
    return +done


def _waits() -> ColumnElement[bool]:
    # Not IN: its list is expanded at each call, which one statement run for many rows cannot do.
    return or_(_NOTICE.c.state == NoticeState.QUEUED.value, _NOTICE.c.state == NoticeState.MAILED.value)


def _give_up(session: Session, mails: Collection[int]) -> set[int]:
    """Make mails obsolete that nobody has begun to send, and return which those were."""
    gone: set[int] = set()
    for some in _chunks(sorted(mails)):
        gone.update(
            session.scalars(
                update(_MAIL)
                .where(_MAIL.c.id.in_(some), _MAIL.c.state == MailState.READY.value)
                .values(state=MailState.OBSOLETE.value)
                .returning(_MAIL.c.id)
            )
        )
    return gone


def follow_renumbering(session: Session, moved: Mapping[str, str]) -> None:
    """Let the ledger follow tasks to their new keys, so that nobody is told twice, and nobody of the wrong task.

    A mail that nobody has begun to send names the old number; it is given up, and the next round writes it anew.

    Args:
        session: a writing transaction.
        moved: new task key by old task key; two tasks may change places.
    """
    rows = [
        row
        for some in _chunks(list(moved))
        for row in session.scalars(select(NoticeRow).where(NoticeRow.subject.in_(some)))
    ]
    if not rows:
        return
    gone = _give_up(session, {row.mail_id for row in rows if row.mail_id is not None})
    _release(session, sorted(gone))
    change = update(_NOTICE).where(_NOTICE.c.id == bindparam("b_id"))
    subjects = {row.id: moved[row.subject] for row in rows}
    keys = {row.id: replace(notice_of(row), subject=subjects[row.id]).key for row in rows}
    session.expire_all()
    # In two steps: while tasks change places, a key may still be another notice's.
    session.connection().execute(
        change.values(key=bindparam("b_key")), [{"b_id": one, "b_key": f"moving {one}"} for one in keys]
    )
    session.connection().execute(
        change.values(key=bindparam("b_key"), subject=bindparam("b_subject")),
        [{"b_id": one, "b_key": key, "b_subject": subjects[one]} for one, key in keys.items()],
    )


def _chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield `values` in pieces that one statement can take."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _release(session: Session, mails: Sequence[int]) -> None:
    """Put the notices of mails that will not be sent back into the queue."""
    for some in _chunks(mails):
        session.execute(
            update(_NOTICE)
            .where(_NOTICE.c.mail_id.in_(some), _NOTICE.c.state == NoticeState.MAILED.value)
            .values(state=NoticeState.QUEUED.value, mail_id=None)
        )


def queued(session: Session) -> list[QueuedNotice]:
    """Return what waits to be put into a mail, by recipient."""
    rows = session.scalars(
        select(NoticeRow)
        .where(NoticeRow.state == NoticeState.QUEUED.value, NoticeRow.recipient != "")
        .order_by(NoticeRow.recipient, NoticeRow.id)
    )
    return [QueuedNotice(id=row.id, notice=notice_of(row), queued_at=row.queued_at) for row in rows]


def notice_of(row: NoticeRow) -> Notice:
    """Return the notice that a row holds."""
    return Notice(
        kind=NoticeKind(row.kind),
        subject=row.subject,
        revision=row.revision,
        rung=row.rung,
        nominal=row.nominal,
        role=row.role,
        recipient=row.recipient,
        reason=row.reason,
        urgent=row.urgent,
        state=NoticeState(row.state),
        channel=row.channel,
    )


def open_mails(session: Session) -> list[OpenMail]:
    """Return the mails that wait for a try, with the notices they carry, oldest first."""
    rows = session.execute(
        select(NoticeRow, _MAIL.c.id, _MAIL.c.kind, _MAIL.c.day, _MAIL.c.subject, _MAIL.c.state, _MAIL.c.next_try_at)
        .join(_MAIL, _MAIL.c.id == NoticeRow.mail_id)
        .where(NoticeRow.state == NoticeState.MAILED.value, _MAIL.c.state.in_(_OPEN))
        .order_by(_MAIL.c.id, NoticeRow.id)
    ).all()
    return [
        OpenMail(
            kind=kind,
            day=day,
            recipient=carried[0][0].recipient,
            subject=subject,
            state=MailState(state),
            next_try_at=next_try_at,
            notices=tuple(notice_of(row[0]) for row in carried),
        )
        for (_id, kind, day, subject, state, next_try_at), group in groupby(rows, key=lambda row: tuple(row[1:]))
        if (carried := list(group))
    ]


def states_by_key(session: Session) -> dict[str, NoticeState]:
    """Return the state of every notice of the ledger by its key."""
    return {key: NoticeState(state) for key, state in session.execute(select(NoticeRow.key, NoticeRow.state))}


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


def times_told(session: Session, subjects: Iterable[str]) -> dict[tuple[str, str], int]:
    """Return how often each (subject, recipient) has been told already."""
    statement = (
        select(_NOTICE.c.subject, _NOTICE.c.recipient, func.count())
        .where(_NOTICE.c.state == NoticeState.SENT.value)
        .group_by(_NOTICE.c.subject, _NOTICE.c.recipient)
    )
    return {
        (subject, recipient): count
        for some in _chunks(sorted(set(subjects)))
        for subject, recipient, count in session.execute(statement.where(_NOTICE.c.subject.in_(some)))
    }


def unreached_since(session: Session, since: datetime) -> dict[str, datetime]:
    """Return who could not be reached, and since when: digests given up after tries, newer than the last one sent.

    Only mails whose next try was due after `since` are looked at.
    """
    later = _MAIL.alias()
    settled = (MailState.SENT.value, MailState.DEAD.value)
    rows = session.execute(
        select(_MAIL.c.recipient, func.min(_MAIL.c.first_try_at))
        .where(
            _MAIL.c.state == MailState.OBSOLETE.value,
            _MAIL.c.next_try_at > since,
            _MAIL.c.attempts > 0,
            ~select(later.c.id)
            .where(later.c.recipient == _MAIL.c.recipient, later.c.id > _MAIL.c.id, later.c.state.in_(settled))
            .exists(),
        )
        .group_by(_MAIL.c.recipient)
    )
    return {recipient: first for recipient, first in rows if first is not None}


def save_mail(session: Session, mail: NewMail, notices: Sequence[int], at: datetime) -> bool:
    """Store a mail with the notices it carries; False when another worker was faster (then nothing changed)."""
    # Held first: they must still be there when the mail is, and a mail once entered would have to be taken back.
    held = sum(len(session.execute(_HOLD, {"b_ids": some}).all()) for some in _chunks(notices))
    if held != len(notices):
        return False
    mail_id = session.scalar(
        _insert_mail(session.get_bind().dialect.name),
        {
            "key": mail.key,
            "kind": mail.kind,
            "recipient": mail.recipient,
            "day": mail.day,
            "subject": mail.subject,
            "message_id": mail.message_id,
            "body": mail.body,
            "state": MailState.READY.value,
            "fence": 0,
            "attempts": 0,
            "first_try_at": mail.first_try_at,
            "next_try_at": at,
            "last_error": "",
            "created_at": at,
        },
    )
    if mail_id is None:
        return False
    for some in _chunks(notices):
        session.execute(_TAKE, {"b_ids": some, "b_mail": mail_id})
    return True


def reap(session: Session) -> None:
    """Take back what dead workers hold: before DATA a mail is ready again, after it nobody knows."""
    for held, then in ((MailState.LEASED, MailState.READY), (MailState.SENDING, MailState.UNKNOWN)):
        session.execute(_REAP, {"b_held": held.value, "b_then": then.value})


def claim(session: Session, *, now: datetime, limit: int, lease: int) -> list[HeldMail]:
    """Hold up to `limit` mails that may be tried at `now`, for `lease` seconds of the database's clock.

    One statement: rows that another worker holds are passed over on PostgreSQL, and SQLite admits one writer at a time.
    Mails of unknown fate are reminders, and reminders are resent, with the same bytes and Message-ID.
    """
    rows = session.execute(_CLAIM, {"b_now": now, "b_limit": limit, "b_lease": lease})
    return sorted((HeldMail(**row._mapping, lease=lease) for row in rows), key=lambda mail: mail.id)


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
        return True
    stale = session.scalars(select(_NOTICE.c.id).where(_NOTICE.c.mail_id == mail.id, _is_stale())).all()
    if not stale or session.scalar(_GIVE_UP_HELD, held) is None:
        return False
    session.execute(
        update(_NOTICE)
        .where(_NOTICE.c.id.in_(stale), _NOTICE.c.state == NoticeState.MAILED.value)
        .values(state=NoticeState.OBSOLETE.value, settled_at=at)
    )
    _release(session, [mail.id])
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
    final = {MailState.SENT: NoticeState.SENT, MailState.DEAD: NoticeState.DEAD}.get(state)
    if final is not None:
        session.execute(_TOLD, {"b_mail": mail.id, "b_state": final.value, "b_at": at})
    return True


def _is_stale() -> ColumnElement[bool]:
    """Return the condition that a notice no longer holds, as far as its own task or plan tells."""
    task = (
        select(TaskRow.key)
        .join(PlanRow, PlanRow.key == TaskRow.plan)
        .where(
            TaskRow.key == _NOTICE.c.subject,
            TaskRow.deadline_revision == _NOTICE.c.revision,
            PlanRow.accepted_version.is_not(None),
        )
    )
    wanted = case(
        (_NOTICE.c.kind == NoticeKind.CONFIRMATION.value, TaskRow.state == TaskState.SUBMITTED.value),
        else_=TaskRow.state.in_(OPEN_STATES),
    )
    filed = select(PlanRow.key).where(PlanRow.key == _NOTICE.c.subject, PlanRow.accepted_version.is_not(None))
    # By its subject, not by its kind: a rung about an owed plan may also be an urging letter or the Chairman's list.
    of_task = _NOTICE.c.subject.contains(":")
    return or_(and_(of_task, ~task.where(wanted).exists()), and_(not_(of_task), filed.exists()))


# What is done for every single mail is prepared once: building a statement costs more than running it.
_OPEN = (MailState.READY.value, MailState.UNKNOWN.value)
_QUEUED_ONES = and_(_NOTICE.c.id.in_(bindparam("b_ids", expanding=True)), _NOTICE.c.state == NoticeState.QUEUED.value)
_HOLD = select(_NOTICE.c.id).where(_QUEUED_ONES).order_by(_NOTICE.c.id).with_for_update()
_TAKE = update(_NOTICE).where(_QUEUED_ONES).values(state=NoticeState.MAILED.value, mail_id=bindparam("b_mail"))
_REAP = (
    update(_MAIL)
    .where(_MAIL.c.state == bindparam("b_held"), _MAIL.c.lease_until < DatabaseEpoch())
    .values(state=bindparam("b_then"), lease_until=None, fence=_MAIL.c.fence + 1)
)
_CLAIM = (
    update(_MAIL)
    .where(
        _MAIL.c.id.in_(
            select(_MAIL.c.id)
            .where(_MAIL.c.state.in_(_OPEN), _MAIL.c.next_try_at <= bindparam("b_now"))
            .order_by(_MAIL.c.next_try_at, _MAIL.c.id)
            .limit(bindparam("b_limit"))
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        ),
        _MAIL.c.state.in_(_OPEN),
    )
    .values(
        state=MailState.LEASED.value,
        fence=_MAIL.c.fence + 1,
        lease_until=DatabaseEpoch() + bindparam("b_lease"),
        first_try_at=func.coalesce(_MAIL.c.first_try_at, bindparam("b_now")),
    )
    .returning(_MAIL.c.id, _MAIL.c.fence, _MAIL.c.recipient, _MAIL.c.body, _MAIL.c.attempts, _MAIL.c.first_try_at)
)
_HELD = and_(
    _MAIL.c.id == bindparam("b_id"),
    _MAIL.c.fence == bindparam("b_fence"),
    _MAIL.c.state == MailState.LEASED.value,
    _MAIL.c.lease_until > DatabaseEpoch(),
)
_BEGIN = (
    update(_MAIL)
    .where(_HELD, ~select(_NOTICE.c.id).where(_NOTICE.c.mail_id == _MAIL.c.id, _is_stale()).exists())
    .values(state=MailState.SENDING.value, lease_until=DatabaseEpoch() + bindparam("b_lease"))
    .returning(_MAIL.c.id)
)
_GIVE_UP_HELD = update(_MAIL).where(_HELD).values(state=MailState.OBSOLETE.value).returning(_MAIL.c.id)
_SETTLE = (
    update(_MAIL)
    .where(
        _MAIL.c.id == bindparam("b_id"),
        _MAIL.c.fence == bindparam("b_fence"),
        _MAIL.c.state.in_((MailState.LEASED.value, MailState.SENDING.value)),
    )
    .values(
        state=bindparam("b_state"),
        lease_until=None,
        last_error=bindparam("b_error"),
        attempts=_MAIL.c.attempts + bindparam("b_tries"),
        first_try_at=bindparam("b_first"),
        next_try_at=func.coalesce(bindparam("b_next", type_=_MAIL.c.next_try_at.type), _MAIL.c.next_try_at),
        sent_at=func.coalesce(bindparam("b_sent", type_=_MAIL.c.sent_at.type), _MAIL.c.sent_at),
    )
    .returning(_MAIL.c.id)
)
_TRIED = insert(_ATTEMPT)
_TOLD = (
    update(_NOTICE)
    .where(_NOTICE.c.mail_id == bindparam("b_mail"), _NOTICE.c.state == NoticeState.MAILED.value)
    .values(state=bindparam("b_state"), settled_at=bindparam("b_at"))
)


def obsolete_in(session: Session, mail_id: int) -> int:
    """Return how many notices of a mail were found untrue just before it was to be sent."""
    statement = select(func.count()).where(_NOTICE.c.mail_id == mail_id, _NOTICE.c.state == NoticeState.OBSOLETE.value)
    return session.scalar(statement) or 0


def record_tick(session: Session, at: datetime, counts: Mapping[str, int]) -> None:
    """Leave the mark of one round."""
    session.execute(insert(TickRow).values(at=at, counts=dict(counts)))


def last_tick(session: Session) -> datetime | None:
    """Return the instant of the latest round; None: the engine has never run."""
    return session.scalar(select(TickRow.at).order_by(TickRow.id.desc()).limit(1))


def ledger(
    session: Session,
    *,
    states: Sequence[str] = (),
    subject: str = "",
    key: str = "",
    until: datetime | None = None,
) -> Iterable[Mapping[str, Any]]:
    """Stream the ledger, oldest first: each notice with the mail that carried it."""
    statement = (
        select(
            NoticeRow,
            MailRow.state.label("mail_state"),
            MailRow.attempts,
            MailRow.message_id,
            MailRow.last_error,
            MailRow.sent_at,
            MailRow.subject.label("mail_subject"),
        )
        .outerjoin(MailRow, MailRow.id == NoticeRow.mail_id)
        .order_by(NoticeRow.id)
    )
    if states:
        statement = statement.where(NoticeRow.state.in_(states))
    if subject:
        statement = statement.where(NoticeRow.subject == subject)
    if key:
        statement = statement.where(NoticeRow.key == key)
    if until is not None:
        statement = statement.where(NoticeRow.queued_at <= until)
    for row in session.execute(statement.execution_options(yield_per=1000)):
        notice: NoticeRow = row[0]
        yield {
            "key": notice.key,
            "state": notice.state,
            "kind": notice.kind,
            "subject": notice.subject,
            "rung": notice.rung,
            "nominal": notice.nominal,
            "role": notice.role,
            "recipient": notice.recipient,
            "reason": notice.reason,
            "queued_at": notice.queued_at,
            "settled_at": notice.settled_at,
            "mail_state": row.mail_state,
            "attempts": row.attempts or 0,
            "message_id": row.message_id,
            "mail_subject": row.mail_subject,
            "sent_at": row.sent_at,
            "last_error": row.last_error or "",
        }


def keys_like(session: Session, beginning: str) -> list[str]:
    """Return at most two keys that begin so: enough to know whether it names one notice."""
    statement = select(NoticeRow.key).where(NoticeRow.key.startswith(beginning, autoescape=True)).limit(2)
    return list(session.scalars(statement))


def mail_of(session: Session, notice_key: str) -> tuple[MailRow, list[AttemptRow]] | None:
    """Return the mail that carries a notice, with its attempts; None: it is in no mail."""
    mail = session.scalar(
        select(MailRow).join(NoticeRow, NoticeRow.mail_id == MailRow.id).where(NoticeRow.key == notice_key)
    )
    if mail is None:
        return None
    attempts = session.scalars(select(AttemptRow).where(AttemptRow.mail_id == mail.id).order_by(AttemptRow.fence))
    return mail, list(attempts)


def retry(session: Session, notice_key: str, at: datetime) -> bool:
    """Let a mail that is dead, or waits for its next try, be tried at once; False when it is in neither state."""
    may = (MailState.DEAD.value, MailState.READY.value, MailState.UNKNOWN.value)
    # A digest of an earlier day goes as a mail of its own: a person asks for it, so it is no part of today's.
    today = at.astimezone(ZONE).date()
    mail_id = session.scalar(
        update(MailRow)
        .where(
            MailRow.id.in_(select(NoticeRow.mail_id).where(NoticeRow.key == notice_key)),
            MailRow.state.in_(may),
        )
        .values(
            state=MailState.READY.value,
            kind=case((MailRow.day < today, "urgent"), else_=MailRow.kind),
            next_try_at=at,
            attempts=0,
            first_try_at=None,
            fence=MailRow.fence + 1,
        )
        .returning(MailRow.id)
    )
    if mail_id is None:
        return False
    session.execute(
        update(NoticeRow)
        .where(NoticeRow.mail_id == mail_id, NoticeRow.state == NoticeState.DEAD.value)
        .values(state=NoticeState.MAILED.value, settled_at=None)
    )
    return True


def cancel(session: Session, notice_key: str, at: datetime) -> bool:
    """Take a notice out for good that waits, or stands in a mail that nobody has begun to send; False when too late.

    What else such a mail carries goes into another one.
    """
    row = session.execute(select(_NOTICE.c.id, _NOTICE.c.mail_id).where(_NOTICE.c.key == notice_key)).first()
    if row is None:
        return False
    gone = _give_up(session, [row.mail_id] if row.mail_id is not None else [])
    _release(session, sorted(gone))
    changed = session.execute(
        update(_NOTICE)
        .where(_NOTICE.c.id == row.id, _NOTICE.c.state == NoticeState.QUEUED.value)
        .values(state=NoticeState.CANCELLED.value, settled_at=at)
    )
    return cast(CursorResult[Any], changed).rowcount > 0


def sent_counts(session: Session, *, until: datetime) -> dict[NoticeKind, int]:
    """Return how many notices of each kind had been sent by an instant."""
    rows = session.execute(
        select(NoticeRow.kind, func.count())
        .join(MailRow, MailRow.id == NoticeRow.mail_id)
        .where(MailRow.sent_at <= until, NoticeRow.state == NoticeState.SENT.value)
        .group_by(NoticeRow.kind)
    )
    return {NoticeKind(kind): int(count) for kind, count in rows}


def mail_counts(session: Session, until: datetime | None = None) -> dict[str, int]:
    """Return how many mails stand in each state."""
    statement = select(MailRow.state, func.count()).group_by(MailRow.state)
    if until is not None:
        statement = statement.where(MailRow.created_at <= until)
    return {state: int(count) for state, count in session.execute(statement)}
