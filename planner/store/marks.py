"""What the engine has worked out already, so that no process does it again as long as nothing has changed.

A mark is a shortcut and never a reason: without it everything is worked out anew, with the same result.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from planner.store.registers import upsert
from planner.store.tables import EventRow, MarkRow

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

    def is_other_than(self, before: Foreseen) -> bool:
        """Say whether more than events lies between this and `before`: everything must be foreseen anew."""
        return (self.day, self.basis) != (before.day, before.basis) or self.seq < before.seq


def foreseen(session: Session) -> Foreseen | None:
    """Return what the last forecast knew; None: there was none."""
    row = session.execute(select(MarkRow.day, MarkRow.seq, MarkRow.basis).where(MarkRow.name == _FORECAST)).first()
    return Foreseen(day=row.day, seq=row.seq, basis=row.basis) if row else None


def leave(session: Session, mark: Foreseen) -> None:
    """Leave the mark of a forecast, in the transaction that enters what came of it."""
    row = {"name": _FORECAST, "day": mark.day, "seq": mark.seq, "basis": mark.basis}
    upsert(session, MarkRow, [row], replace=True)


def wipe(session: Session) -> None:
    """Let the next round foresee everything anew: something changed that is no event."""
    session.execute(delete(MarkRow).where(MarkRow.name == _FORECAST))


def last_event(session: Session) -> int:
    """Return the number of the last event; 0: there is none."""
    return session.scalar(select(func.max(EventRow.seq))) or 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Touched:
    """What events were about."""

    tasks: set[str]  #: whose state, progress or deadline changed
    plans: set[str]  #: filed or decided
    people: bool  #: officers, agencies, absences or addresses changed, or anything else that is no task or plan


def touched(session: Session, since: int) -> Touched:
    """Return what events after `since` were about."""
    rows = session.execute(select(EventRow.kind, EventRow.subject).where(EventRow.seq > since)).all()
    return Touched(
        tasks={subject for kind, subject in rows if kind in _TASK_KINDS},
        plans={subject for kind, subject in rows if kind in _PLAN_KINDS},
        people=any(not kind.startswith(("task.", "plan.", "target.")) for kind, _subject in rows),
    )
