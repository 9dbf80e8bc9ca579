"""Every task of the plans in force in a few columns of numbers, and which waits for which: for questions to all.

A whole country fits: rows are read in batches and kept as numbers. `plans.task_records` gives the same tasks whole.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice

from sqlalchemy import Row, and_, select
from sqlalchemy.orm import Session

from planner.domain.calendar import Calendar
from planner.domain.forecast import Forecast
from planner.domain.outcome import TaskColumns
from planner.domain.status import TaskState
from planner.store.plans import OPEN_STATES
from planner.store.tables import DependencyRow, PlanRow, PlanVersionRow, TaskRow

_ROWS = 500  # read at a time; measured: with 20,000 reading takes twice as long
_KEYS = 5_000  # asked for at a time: a statement takes a limited number of values
_FINISHED = (TaskState.SUBMITTED.value, TaskState.CONFIRMED.value)


@dataclass(frozen=True, kw_only=True)
class Network:
    """Tasks as numbers: the place of a task in `keys` is its number."""

    keys: list[str]  #: task keys, plan by plan, as filed
    columns: TaskColumns  #: what a forecast needs to know of each
    before: array[int]  #: of each dependency the number of the predecessor
    after: array[int]  #: of each dependency the number of the successor


def network(session: Session, calendar: Callable[[str], Calendar]) -> Network:
    """Return the tasks of all plans in force, and their dependencies on each other.

    Args:
        session: an open transaction.
        calendar: finds a calendar by the name a plan gives.
    """
    keys, columns, withdrawn = _columns(session, calendar)
    place = {key: number for number, key in enumerate(keys)}
    # What `plans.dependencies` asks of the database is known here already: a join would take longer than all the rest.
    before, after = array("i"), array("i")
    table = DependencyRow.__table__
    statement = select(table.c.predecessor, table.c.successor)
    for rows in session.execute(statement, execution_options={"yield_per": _ROWS}).partitions():
        for predecessor, successor in rows:
            first, second = place.get(predecessor), place.get(successor)
            # A predecessor need not be filed yet; a withdrawn task waits for nothing.
            if first is not None and second is not None and second not in withdrawn:
                before.append(first)
                after.append(second)
    return Network(keys=keys, columns=columns, before=before, after=after)


def _columns(session: Session, calendar: Callable[[str], Calendar]) -> tuple[list[str], TaskColumns, set[int]]:
    task, plan, version = TaskRow.__table__.c, PlanRow.__table__.c, PlanVersionRow.__table__.c
    statement = (
        select(
            task.key,
            task.start,
            task.deadline["start"].as_string(),
            task.deadline["last_day"].as_string(),
            version.signed,
            version.calendar,
            task.duration,
            task.last_day,
            task.state,
            task.done_on,
            task.percent,
        )
        .join_from(TaskRow.__table__, PlanRow.__table__, plan.key == task.plan)
        .join(PlanVersionRow.__table__, and_(version.plan == plan.key, version.version == plan.accepted_version))
        .order_by(task.plan, task.position)
    )
    keys: list[str] = []
    start, plan_date, last_day, done_on, duration, is_open, percent, number = (array("i") for _ in range(8))
    numbers: dict[str, int] = {}
    withdrawn: set[int] = set()
    for rows in session.execute(statement, execution_options={"yield_per": _ROWS}).partitions():
        key, begins, from_day, to_day, signed, name, length, last, state, done, share = zip(*rows, strict=True)
        withdrawn.update(at for at, one in enumerate(state, len(keys)) if one == TaskState.WITHDRAWN.value)
        keys.extend(key)
        start.extend(_ordinals(map(_begins, begins, from_day, to_day)))
        plan_date.extend(_ordinals(signed))
        last_day.extend(_ordinals(last))
        done_on.extend(_ordinals(day if s in _FINISHED else None for day, s in zip(done, state, strict=True)))
        duration.extend(-1 if days is None else days for days in length)
        is_open.extend(one in OPEN_STATES for one in state)
        percent.extend(share)
        number.extend(numbers.setdefault(one, len(numbers)) for one in name)
    columns = TaskColumns(
        start=start,
        plan_date=plan_date,
        last_day=last_day,
        done_on=done_on,
        duration=duration,
        is_open=is_open,
        percent=percent,
        calendar=number,
        calendars=[calendar(name) for name in numbers],
    )
    return keys, columns, withdrawn


def _ordinals(days: Iterable[date | None]) -> Iterator[int]:
    return (0 if day is None else day.toordinal() for day in days)


def _begins(start: date | None, from_day: str | None, to_day: str | None) -> date | None:
    # As `PlannedTask.begins`: a deadline that names a single day says nothing about the beginning.
    if start is not None or from_day is None or from_day == to_day:
        return start
    return date.fromisoformat(from_day)


def foreseen_late(session: Session, calendar: Callable[[str], Calendar], today: date) -> dict[str, Forecast]:
    """Return the forecasts of all open tasks that are foreseen to be late and are not late on `today` yet, by key.

    Of each only the finish is told.
    """
    from planner.domain.outcome import Outcome
    from planner.domain.waves import WaveGraph

    found = network(session, calendar)
    graph = WaveGraph([0] * len(found.keys), found.before, found.after)
    outcome = Outcome(graph, found.columns, today)
    return {
        found.keys[task]: Forecast(start=None, finish=finish, at_risk=True)
        for task, finish in outcome.late_from(today).items()
    }


def described(session: Session, keys: Iterable[str]) -> dict[str, Row[str, str, str, str, date | None]]:
    """Return (key, agency, title, responsible, last_day) of tasks, by key."""
    found: dict[str, Row[str, str, str, str, date | None]] = {}
    rest = iter(keys)
    while some := list(islice(rest, _KEYS)):
        rows = session.execute(
            select(TaskRow.key, TaskRow.agency, TaskRow.title, TaskRow.responsible, TaskRow.last_day).where(
                TaskRow.key.in_(some)
            )
        )
        found.update((row.key, row) for row in rows)
    return found
