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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, insert, not_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from planner.domain.notification import MailState, Notice, NoticeKind, NoticeState
from planner.domain.status import TaskState
from planner.store.engine import DatabaseEpoch
from planner.store.plans import OPEN_STATES
from planner.store.tables import AttemptRow, MailRow, NoticeRow, PlanRow, TaskRow, TickRow


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
    statement: Any = (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert(NoticeRow)
    statement = statement.on_conflict_do_nothing(index_elements=["key"]).returning(NoticeRow.state)
    new = Counter(NoticeState(state) for (state,) in session.execute(statement, list(rows.values())))
    return new + Counter({NoticeState.QUEUED: len(reopened)})


#: never sent and not given up by a person: such a notice is told after all when it holds again (a blocker is done and
#: the waiting task still late; a result was handed in and returned)
_HELD_BACK = (NoticeState.SUPPRESSED.value, NoticeState.OBSOLETE.value)


def _known(session: Session, keys: Sequence[str]) -> Iterator[tuple[str, tuple[int, str] | None]]:
    """Yield each key that the ledger holds, with the row when it was held back and may be reopened."""
    for start in range(0, len(keys), 5000):
        statement = select(NoticeRow.id, NoticeRow.key, NoticeRow.state)
        for row in session.execute(statement.where(NoticeRow.key.in_(keys[start : start + 5000]))):
            yield row.key, (row.id, row.key) if row.state in _HELD_BACK else None


def reconcile(session: Session, judged: Mapping[str, Notice], at: datetime) -> Counter[NoticeState]:
    """Bring what waits in the ledger up to date: settle what is no longer to be sent, follow a change of person.

    Args:
        session: a writing transaction.
        judged: every notice that holds now, by key; a waiting one that is missing there is obsolete.
        at: now.

    Returns:
        How many notices were settled, by their new state.
    """
    done: Counter[NoticeState] = Counter()
    waiting = session.execute(
        select(NoticeRow.id, NoticeRow.key, NoticeRow.mail_id, NoticeRow.recipient, NoticeRow.kind)
        .outerjoin(MailRow, MailRow.id == NoticeRow.mail_id)
        .where(
            or_(
                NoticeRow.state == NoticeState.QUEUED.value,
                and_(NoticeRow.state == NoticeState.MAILED.value, MailRow.state == MailState.READY.value),
            )
        )
    ).all()
    settled: dict[NoticeState, list[int]] = {}
    moved: list[dict[str, Any]] = []
    mails: set[int] = set()
    for row in waiting:
        notice = judged.get(row.key)
        state = notice.state if notice else NoticeState.OBSOLETE
        if state is not NoticeState.QUEUED:
            settled.setdefault(state, []).append(row.id)
        elif notice and (notice.recipient, notice.kind.value) != (row.recipient, row.kind):
            moved.append(
                {
                    "id": row.id,
                    "recipient": notice.recipient,
                    "kind": notice.kind.value,
                    "reason": notice.reason,
                }
            )
        else:
            continue
        if row.mail_id is not None:
            mails.add(row.mail_id)
    for state, ids in settled.items():
        session.execute(
            update(NoticeRow)
            .where(NoticeRow.id.in_(ids), NoticeRow.state.in_((NoticeState.QUEUED.value, NoticeState.MAILED.value)))
            .values(state=state.value, settled_at=at)
        )
        done[state] += len(ids)
    if moved:
        session.execute(update(NoticeRow), moved)
    if mails:
        gone = session.scalars(
            update(MailRow)
            .where(MailRow.id.in_(mails), MailRow.state == MailState.READY.value)
            .values(state=MailState.OBSOLETE.value)
            .returning(MailRow.id)
        ).all()
        _release(session, gone)
    return done


def _release(session: Session, mails: Sequence[int]) -> None:
    """Put the notices of mails that will not be sent back into the queue."""
    session.execute(
        update(NoticeRow)
        .where(NoticeRow.mail_id.in_(mails), NoticeRow.state == NoticeState.MAILED.value)
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
    rows = session.execute(
        select(NoticeRow.subject, NoticeRow.recipient, func.count())
        .where(NoticeRow.state == NoticeState.SENT.value, NoticeRow.subject.in_(list(subjects)))
        .group_by(NoticeRow.subject, NoticeRow.recipient)
    )
    return {(subject, recipient): count for subject, recipient, count in rows}


def save_mail(session: Session, mail: NewMail, notices: Sequence[int], at: datetime) -> bool:
    """Store a mail with the notices it carries; False when another worker was faster (then nothing changed)."""
    with session.begin_nested() as attempt:
        statement: Any = (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert(MailRow)
        mail_id = session.scalar(
            statement.on_conflict_do_nothing(index_elements=["key"])
            .values(
                key=mail.key,
                kind=mail.kind,
                recipient=mail.recipient,
                day=mail.day,
                subject=mail.subject,
                message_id=mail.message_id,
                body=mail.body,
                state=MailState.READY.value,
                fence=0,
                attempts=0,
                next_try_at=at,
                last_error="",
                created_at=at,
            )
            .returning(MailRow.id)
        )
        if mail_id is None:
            return False
        taken = session.scalars(
            update(NoticeRow)
            .where(NoticeRow.id.in_(notices), NoticeRow.state == NoticeState.QUEUED.value)
            .values(state=NoticeState.MAILED.value, mail_id=mail_id)
            .returning(NoticeRow.id)
        ).all()
        if len(taken) != len(notices):
            attempt.rollback()
            return False
    return True


def reap(session: Session) -> None:
    """Take back what dead workers hold: before DATA a mail is ready again, after it nobody knows."""
    expired = MailRow.lease_until < DatabaseEpoch()
    for held, then in ((MailState.LEASED, MailState.READY), (MailState.SENDING, MailState.UNKNOWN)):
        session.execute(
            update(MailRow)
            .where(MailRow.state == held.value, expired)
            .values(state=then.value, lease_until=None, fence=MailRow.fence + 1)
        )


def claim(session: Session, *, now: datetime, limit: int, lease: int) -> list[HeldMail]:
    """Hold up to `limit` mails that may be tried at `now`, for `lease` seconds of the database's clock.

    One statement: rows that another worker holds are passed over on PostgreSQL, and SQLite admits one writer at a time.
    Mails of unknown fate are reminders, and reminders are resent, with the same bytes and Message-ID.
    """
    free = (MailState.READY.value, MailState.UNKNOWN.value)
    chosen = (
        select(MailRow.id)
        .where(MailRow.state.in_(free), MailRow.next_try_at <= now)
        .order_by(MailRow.next_try_at, MailRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = session.execute(
        update(MailRow)
        .where(MailRow.id.in_(chosen.scalar_subquery()), MailRow.state.in_(free))
        .values(
            state=MailState.LEASED.value,
            fence=MailRow.fence + 1,
            lease_until=DatabaseEpoch() + lease,
            first_try_at=func.coalesce(MailRow.first_try_at, now),
        )
        .returning(MailRow.id, MailRow.fence, MailRow.recipient, MailRow.body, MailRow.attempts, MailRow.first_try_at)
    )
    return sorted((HeldMail(**row._mapping, lease=lease) for row in rows), key=lambda mail: mail.id)


def _stale() -> Select[int]:
    """Return the query for notices of a mail that no longer hold, to be narrowed to one mail."""
    task_moved = or_(
        TaskRow.key.is_(None),
        TaskRow.deadline_revision != NoticeRow.revision,
        and_(NoticeRow.kind == NoticeKind.CONFIRMATION.value, TaskRow.state != TaskState.SUBMITTED.value),
        and_(NoticeRow.kind != NoticeKind.CONFIRMATION.value, TaskRow.state.not_in(OPEN_STATES)),
    )
    # By its subject, not by its kind: a rung about an owed plan may also be an urging letter or the Chairman's list.
    filing = not_(NoticeRow.subject.contains(":"))
    return (
        select(NoticeRow.id)
        .outerjoin(TaskRow, TaskRow.key == NoticeRow.subject)
        .outerjoin(PlanRow, PlanRow.key == NoticeRow.subject)
        .where(or_(and_(filing, PlanRow.accepted_version.is_not(None)), and_(not_(filing), task_moved)))
    )


def begin_data(session: Session, mail: HeldMail, at: datetime) -> bool:
    """Judge the mail's notices once more and, if all hold, record that DATA begins.

    The lease begins anew: the wait for the server's verdict is the longest of all, and a mail that another worker took
    over meanwhile would be sent twice.

    Returns:
        False when the lease was lost, or when a notice no longer holds: then the mail is obsolete and the notices that
        still hold are queued anew.
    """
    held = and_(
        MailRow.id == mail.id,
        MailRow.fence == mail.fence,
        MailRow.state == MailState.LEASED.value,
        MailRow.lease_until > DatabaseEpoch(),
    )
    stale = session.scalars(_stale().where(NoticeRow.mail_id == mail.id)).all()
    wanted = MailState.OBSOLETE if stale else MailState.SENDING
    changed = session.scalar(
        update(MailRow)
        .where(held)
        .values(state=wanted.value, lease_until=DatabaseEpoch() + mail.lease)
        .returning(MailRow.id)
    )
    if changed is None:
        return False
    if stale:
        session.execute(
            update(NoticeRow)
            .where(NoticeRow.id.in_(stale), NoticeRow.state == NoticeState.MAILED.value)
            .values(state=NoticeState.OBSOLETE.value, settled_at=at)
        )
        _release(session, [mail.id])
    return not stale


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

    `counts` is False for a fault of the whole channel, which uses up no try of this mail.
    """
    values: dict[str, Any] = {
        "state": state.value,
        "lease_until": None,
        "last_error": "" if state is MailState.SENT else reply,
        "attempts": MailRow.attempts + (1 if counts else 0),
    }
    if state is MailState.SENT:
        values["sent_at"] = at
    if next_try_at is not None:
        values["next_try_at"] = next_try_at
    held = (MailState.LEASED.value, MailState.SENDING.value)
    changed = session.scalar(
        update(MailRow)
        .where(MailRow.id == mail.id, MailRow.fence == mail.fence, MailRow.state.in_(held))
        .values(**values)
        .returning(MailRow.id)
    )
    if changed is None:
        return False
    session.execute(
        insert(AttemptRow).values(
            mail_id=mail.id,
            fence=mail.fence,
            at=at,
            outcome=outcome,
            stage=stage,
            reply_code=reply_code,
            reply=reply,
        )
    )
    final = {MailState.SENT: NoticeState.SENT, MailState.DEAD: NoticeState.DEAD}.get(state)
    if final is not None:
        session.execute(
            update(NoticeRow)
            .where(NoticeRow.mail_id == mail.id, NoticeRow.state == NoticeState.MAILED.value)
            .values(state=final.value, settled_at=at)
        )
    return True


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
    mail_id = session.scalar(
        update(MailRow)
        .where(
            MailRow.id.in_(select(NoticeRow.mail_id).where(NoticeRow.key == notice_key)),
            MailRow.state.in_(may),
        )
        .values(state=MailState.READY.value, next_try_at=at, attempts=0, first_try_at=None, fence=MailRow.fence + 1)
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
