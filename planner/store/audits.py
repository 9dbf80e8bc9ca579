"""What the auditor reads: plans page by page, what the ledger says of a notice, which mails are stuck; and its record.

Knows nothing of how a round finds what is due: the two ways of looking must not share a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from planner.domain.notification import MailState, NoticeState
from planner.domain.plan import State
from planner.store import ledger, plans
from planner.store.engine import DatabaseEpoch
from planner.store.plans import WAITING_STATES
from planner.store.tables import AuditRow, EventRow, MailRow, NoticeRow, PlanRow, TaskRow, TickRow

KEPT_ROUNDS, KEPT_LOOKS = 50_000, 10_000  #: about a month of each: one a minute, one in five


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """One look of the auditor, as it was recorded."""

    at: datetime
    ok: bool
    counts: Mapping[str, Any]
    cursor: str  #: the plan after which the next look begins; "": the first
    suspects: Mapping[str, str]  #: key of a notice that was missing: the instant at which that was seen first


def record(session: Session, audit: Audit) -> None:
    """Keep one look."""
    session.execute(
        insert(AuditRow).values(
            at=audit.at,
            ok=audit.ok,
            counts=dict(audit.counts),
            cursor=audit.cursor,
            suspects=dict(audit.suspects),
        )
    )


def forget_old(session: Session, rounds: int = KEPT_ROUNDS, looks: int = KEPT_LOOKS) -> None:
    """Strike off the records of all but so many of the latest rounds and looks: nobody asks for them any more."""
    # Counted, not dated: a clock that is wrong must not empty them.
    for row, kept in ((TickRow, rounds), (AuditRow, looks)):
        newest = select(func.max(row.id)).scalar_subquery()
        session.execute(delete(row).where(row.id <= newest - kept))


def latest(session: Session) -> Audit | None:
    """Return the latest look; None: there was none."""
    row = session.scalar(select(AuditRow).order_by(AuditRow.id.desc()).limit(1))
    if row is None:
        return None
    return Audit(at=row.at, ok=row.ok, counts=row.counts, cursor=row.cursor, suspects=row.suspects)


def since(session: Session, at: datetime) -> list[Audit]:
    """Return the looks at and after an instant, the oldest first."""
    rows = session.scalars(select(AuditRow).where(AuditRow.at >= at).order_by(AuditRow.id))
    return [Audit(at=r.at, ok=r.ok, counts=r.counts, cursor=r.cursor, suspects=r.suspects) for r in rows]


def waiting_plans(session: Session) -> list[tuple[str, int]]:
    """Return each plan in force that has open or submitted tasks, with their number, by key."""
    rows = session.execute(
        select(TaskRow.plan, func.count())
        .join(PlanRow, PlanRow.key == TaskRow.plan)
        .where(PlanRow.accepted_version.is_not(None), TaskRow.state.in_(WAITING_STATES))
        .group_by(TaskRow.plan)
        .order_by(TaskRow.plan)
    )
    return [(key, int(count)) for key, count in rows]


def page(session: Session, frame: State, keys: Sequence[str]) -> tuple[State, list[str]]:
    """Return `frame` with the waiting tasks of some plans, and the keys of those tasks.

    The state also holds every task on a way that leads to one of them, the finished ones too: what is foreseen of a
    task, and who is urged in its place, follows from those.
    """
    chosen = select(TaskRow.key).where(TaskRow.plan.in_(list(keys)), TaskRow.state.in_(WAITING_STATES))
    own = list(session.scalars(chosen.order_by(TaskRow.key)))
    before = {earlier for earlier, _later in plans.dependencies_before(session, own)}
    tasks = {}
    for some in ledger.chunks(sorted({*own, *before})):
        tasks.update(plans.task_records(session, keys=some))
    return replace(frame, tasks=tasks), own


def entries(session: Session, keys: Sequence[str]) -> dict[str, tuple[NoticeState, bool]]:
    """Return, for each of `keys` that the ledger holds, its state and whether it may come back by itself."""
    return {
        row.key: (NoticeState(row.state), row.may_return)
        for some in ledger.chunks(keys)
        for row in session.execute(
            select(NoticeRow.key, NoticeRow.state, NoticeRow.may_return).where(NoticeRow.key.in_(some))
        )
    }


def newest_event(session: Session) -> datetime | None:
    """Return when the newest event was recorded; None: nothing has happened yet."""
    return session.scalar(select(EventRow.at).order_by(EventRow.seq.desc()).limit(1))


def expired_leases(session: Session, grace: float) -> int:
    """Return how many mails are held by somebody whose lease ended more than `grace` seconds ago."""
    held = (MailState.LEASED.value, MailState.SENDING.value)
    return _count(session, MailRow.id, MailRow.state.in_(held), MailRow.lease_until < DatabaseEpoch() - grace)


def held_mails(session: Session) -> int:
    """Return how many mails somebody holds at this moment."""
    held = (MailState.LEASED.value, MailState.SENDING.value)
    return _count(session, MailRow.id, MailRow.state.in_(held), MailRow.lease_until >= DatabaseEpoch())


def overdue_mails(session: Session, before: datetime) -> int:
    """Return how many mails should have been tried before an instant, and nobody holds them."""
    waiting = (MailState.READY.value, MailState.UNKNOWN.value)
    return _count(session, MailRow.id, MailRow.state.in_(waiting), MailRow.next_try_at < before)


def unmailed(session: Session, before: datetime, day: date) -> int:
    """Return how many notices, queued before an instant, are in no mail though their reader has had none on `day`."""
    gone = (MailState.OBSOLETE.value, MailState.CANCELLED.value)
    digest = select(MailRow.id).where(
        MailRow.recipient == NoticeRow.recipient,
        MailRow.day == day,
        MailRow.kind == "digest",
        MailRow.state.not_in(gone),
    )
    waits = and_(NoticeRow.state == NoticeState.QUEUED.value, NoticeRow.recipient != "")
    return _count(session, NoticeRow.id, waits, NoticeRow.queued_at < before, or_(NoticeRow.urgent, ~digest.exists()))


def unaddressed(session: Session) -> int:
    """Return how many notices wait for whom nobody could be found."""
    return _count(session, NoticeRow.id, NoticeRow.state == NoticeState.QUEUED.value, NoticeRow.recipient == "")


def unknown_mails(session: Session) -> int:
    """Return of how many mails nobody knows whether they arrived."""
    return _count(session, MailRow.id, MailRow.state == MailState.UNKNOWN.value)


def _count(session: Session, column: Any, *conditions: Any) -> int:
    return session.scalar(select(func.count(column)).where(*conditions)) or 0
