"""What the engine has worked out already, so that no process does it again as long as nothing has changed.

A mark is a shortcut and never a reason: without it everything is worked out anew, with the same result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import cast

from sqlalchemy import Table, delete, func, select
from sqlalchemy.orm import Session

from planner.store.bulk import insert_new, keys_listed
from planner.store.plans import OPEN_STATES
from planner.store.registers import upsert
from planner.store.tables import EventRow, MarkRow, PlanRow, TaskRow, WatchRow

_TASK, _PLAN, _WATCH = (cast(Table, row.__table__) for row in (TaskRow, PlanRow, WatchRow))
_FORECAST = "forecast"
#: of these kinds an event changes what is foreseen; all others concern people, agencies and targets
_PLAN_KINDS = ("plan.filed", "plan.decided")
_TASK_KINDS = ("task.moved", "task.extended")


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreseen:
    """Which tasks were foreseen to be late has been worked out, and entered into the ledger, with what was known."""

    day: date  #: the local day of the forecast
    seq: int  #: the last event known then
    basis: str  #: hash of all else that a forecast depends on: policies, calendar
    since: date  #: from this day ...
    until: date  #: ... to this one all tasks are watched that may be foreseen late

    def still_holds(self, day: date, seq: int, basis: str) -> bool:
        """Say whether nothing but events and days of its span came after it; otherwise all is to be foreseen anew."""
        return self.basis == basis and self.since <= day <= self.until and self.seq <= seq


def foreseen(session: Session, *, for_update: bool = False) -> Foreseen | None:
    """Return what the last forecast knew; None: there was none. `for_update` holds it until the transaction ends."""
    columns = (MarkRow.day, MarkRow.seq, MarkRow.basis, MarkRow.since, MarkRow.until)
    statement = select(*columns).where(MarkRow.name == _FORECAST)
    row = session.execute(statement.with_for_update() if for_update else statement).first()
    return Foreseen(**row._mapping) if row else None


def leave(session: Session, mark: Foreseen, watched: Mapping[str, date], *, anew: bool, after: Foreseen | None) -> None:
    """Leave the mark of a forecast, in the transaction that enters what came of it.

    Not when another round has left its own since, or something that is no event has wiped it: what was added to the
    one would be missing from the other.

    Args:
        session: an open transaction.
        mark: what the forecast knew.
        watched: from which day on tasks may be foreseen late.
        anew: no other tasks are watched any more.
        after: the mark that the forecast began with.
    """
    if foreseen(session, for_update=True) != after:
        return
    row = {
        "name": _FORECAST,
        "day": mark.day,
        "seq": mark.seq,
        "basis": mark.basis,
        "since": mark.since,
        "until": mark.until,
    }
    upsert(session, MarkRow, [row], replace=True)
    if anew:
        session.execute(delete(_WATCH))
    elif watched:
        session.execute(delete(_WATCH).where(_WATCH.c.task.in_(select(keys_listed(session, watched).c.key))))
    insert_new(session, _WATCH, [{"task": task, "day": day} for task, day in watched.items()], unique=["task"])


def watched(session: Session, today: date) -> set[str]:
    """Return the open tasks in force, not late yet, of which the mark says that they may be foreseen late today."""
    statement = (
        select(_TASK.c.key)
        .select_from(_WATCH)
        .join(_TASK, _TASK.c.key == _WATCH.c.task)
        .join(_PLAN, _PLAN.c.key == _TASK.c.plan)
        .where(
            _WATCH.c.day <= today,
            _TASK.c.last_day >= today,
            # Not the column itself: see `neighbours`.
            func.coalesce(_TASK.c.state, "").in_(OPEN_STATES),
            _PLAN.c.accepted_version.is_not(None),
        )
    )
    return set(session.scalars(statement))


def wipe(session: Session) -> None:
    """Let the next round foresee everything anew: something changed that is no event."""
    session.execute(delete(MarkRow).where(MarkRow.name == _FORECAST))


def last_event(session: Session) -> int:
    """Return the number of the last event; 0: there is none."""
    return session.scalar(select(func.max(EventRow.seq))) or 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Touched:
    """What events were about."""

    tasks: frozenset[str] = frozenset()  #: whose state, progress or deadline changed
    plans: frozenset[str] = frozenset()  #: filed or decided
    people: bool = False  #: officers, agencies, absences or addresses changed, or anything else that is no task or plan


def touched(session: Session, since: int) -> Touched:
    """Return what events after `since` were about."""
    rows = session.execute(select(EventRow.kind, EventRow.subject).where(EventRow.seq > since)).all()
    return Touched(
        tasks=frozenset(subject for kind, subject in rows if kind in _TASK_KINDS),
        plans=frozenset(subject for kind, subject in rows if kind in _PLAN_KINDS),
        people=any(not kind.startswith(("task.", "plan.", "target.")) for kind, _subject in rows),
    )
