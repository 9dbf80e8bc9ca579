"""Every task of the plans in force in a few columns of numbers, and which waits for which: for questions to all.

A whole country fits: rows are read in batches and kept as numbers. `plans.task_records` gives the same tasks whole.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import islice, repeat
from typing import Any

from sqlalchemy import Row, Text, and_, case, cast, select, type_coerce
from sqlalchemy.orm import Session

from planner.domain.calendar import Calendar
from planner.domain.forecast import Forecast
from planner.domain.outcome import TaskColumns
from planner.domain.status import TaskState
from planner.store.tables import DependencyRow, PlanRow, PlanVersionRow, TaskRow
from planner.store.wire import deadline_from_text

_ROWS = 500  # read at a time; measured: with 20,000 reading takes twice as long
_KEYS = 5_000  # asked for at a time: a statement takes a limited number of values
_NOWHERE = -1  # the place of a task that is not there
_FINISHED = (TaskState.SUBMITTED.value, TaskState.CONFIRMED.value)
_WITHDRAWN = TaskState.WITHDRAWN.value
_IS_OPEN = {state.value: state.is_open for state in TaskState}


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
        predecessors, successors = zip(*rows, strict=True)
        before.extend(map(place.get, predecessors, repeat(_NOWHERE)))
        after.extend(map(place.get, successors, repeat(_NOWHERE)))
    # A predecessor need not be filed yet; a withdrawn task waits for nothing.
    if withdrawn or _NOWHERE in before or _NOWHERE in after:
        gone = {_NOWHERE, *withdrawn}
        pairs = [(a, b) for a, b in zip(before, after, strict=True) if a != _NOWHERE and b not in gone]
        before, after = array("i", (a for a, _b in pairs)), array("i", (b for _a, b in pairs))
    return Network(keys=keys, columns=columns, before=before, after=after)


def _columns(session: Session, calendar: Callable[[str], Calendar]) -> tuple[list[str], TaskColumns, set[int]]:
    ordinals = _Ordinals()
    signed, number, names = _plans(session)
    task = TaskRow.__table__.c
    deadline = cast(task.deadline, Text)
    # Nearly every deadline names no beginning: the others alone are taken apart.
    without_start = deadline.like('%"start":null%')
    statement = select(
        task.key,
        task.plan,
        *(type_coerce(day, Text) for day in (task.start, task.last_day, task.done_on)),
        case((without_start, None), else_=deadline),
        task.duration,
        task.state,
        task.percent,
    ).order_by(task.plan, task.position)
    keys: list[str] = []
    start, plan_date, last_day, done_on, duration, is_open, percent, of_plan = (array("i") for _ in range(8))
    withdrawn: set[int] = set()
    for some in session.execute(statement, execution_options={"yield_per": _ROWS}).partitions():
        rows = [row for row in some if row[1] in number]
        if not rows:
            continue
        key, plan, begins, last, done, period, length, state, share = zip(*rows, strict=True)
        if _WITHDRAWN in state:
            withdrawn.update(at for at, one in enumerate(state, len(keys)) if one == _WITHDRAWN)
        keys.extend(key)
        if any(period):
            begins = tuple(map(_begins, begins, period))
        start.extend(map(ordinals.__getitem__, begins))
        plan_date.extend(map(signed.__getitem__, plan))
        last_day.extend(map(ordinals.__getitem__, last))
        if any(done):
            done_on.extend(ordinals[day if s in _FINISHED else None] for day, s in zip(done, state, strict=True))
        else:
            done_on.extend(repeat(0, len(rows)))
        duration.extend(-1 if days is None else days for days in length)
        is_open.extend(map(_IS_OPEN.__getitem__, state))
        percent.extend(share)
        of_plan.extend(map(number.__getitem__, plan))
    columns = TaskColumns(
        start=start,
        plan_date=plan_date,
        last_day=last_day,
        done_on=done_on,
        duration=duration,
        is_open=is_open,
        percent=percent,
        calendar=of_plan,
        calendars=[calendar(name) for name in names],
    )
    return keys, columns, withdrawn


def _plans(session: Session) -> tuple[dict[str, int], dict[str, int], list[str]]:
    """Return the day each plan in force was signed, the number of its calendar, and the calendars' names."""
    plan, version = PlanRow.__table__.c, PlanVersionRow.__table__.c
    statement = select(plan.key, version.signed, version.calendar).join_from(
        PlanRow.__table__,
        PlanVersionRow.__table__,
        and_(version.plan == plan.key, version.version == plan.accepted_version),
    )
    signed: dict[str, int] = {}
    number: dict[str, int] = {}
    names: dict[str, int] = {}
    for key, day, name in session.execute(statement):
        signed[key] = 0 if day is None else day.toordinal()
        number[key] = names.setdefault(name, len(names))
    return signed, number, list(names)


class _Ordinals(dict[Any, int]):
    """The number of each day, 0 for none: many rows, few days. SQLite gives a day as ISO text, PostgreSQL as a date."""

    def __missing__(self, day: date | str | None) -> int:
        known = date.fromisoformat(day) if isinstance(day, str) else day
        self[day] = number = 0 if known is None else known.toordinal()
        return number


def _begins(start: date | str | None, period: str | None) -> date | str | None:
    # As `PlannedTask.begins`: a deadline that names a single day says nothing about the beginning.
    if start is not None or period is None:
        return start
    deadline = deadline_from_text(period)
    return None if deadline.start == deadline.last_day else deadline.start


@dataclass(frozen=True, kw_only=True)
class Danger:
    """Which open tasks are foreseen to be late, or may come to be; by key."""

    forecasts: dict[str, Forecast]  #: of those that are foreseen to be late and are not late yet; only the finish
    first_days: dict[str, date]  #: on which each may be foreseen late, while nothing happens


def danger(session: Session, calendar: Callable[[str], Calendar], today: date, until: date) -> Danger:
    """Return which open tasks are in danger on `today`, or will be on a day up to `until`."""
    from planner.domain.outcome import Outcome
    from planner.domain.waves import WaveGraph

    found = network(session, calendar)
    graph = WaveGraph([0] * len(found.keys), found.before, found.after)
    outcome = Outcome(graph, found.columns, today)
    return Danger(
        forecasts={
            found.keys[task]: Forecast(start=None, finish=finish, at_risk=True)
            for task, finish in outcome.late_from(today).items()
        },
        first_days={found.keys[task]: day for task, day in outcome.in_danger(until).items()},
    )


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
