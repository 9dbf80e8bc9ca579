"""When each task will be done, as far as can be told today, and who waits for whom.

Knows no database and no clock: `today` is a parameter. Days are working days of a calendar.
Source: design notes "The task graph".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from planner.domain.calendar import Calendar
from planner.domain.graph import TaskGraph
from planner.domain.plan import PlannedTask

if TYPE_CHECKING:  # arrays are loaded when there are many tasks
    from planner.domain.outcome import TaskColumns


#: From so many tasks on arrays are quicker, the 0.1 s to load NumPy included. Measured: `python -m bench.graph`.
MANY = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastTask:
    """What a forecast needs to know of one task."""

    start: date | None = None  #: first day of the work, if its plan names one
    plan_date: date | None = None  #: the day its plan was signed
    duration: int | None = None  #: days of its calendar, if its plan names them
    last_day: date | None = None  #: in force, extensions included
    done_on: date | None = None  #: date of the result document
    is_open: bool = True  #: work is still owed
    percent: int = 0  #: 0-100, as last reported
    calendar: Calendar | None = None  #: of its plan; None: the calendar of the forecast


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """When one task will be done, and how it hangs together with others."""

    start: date | None  #: first day of the work, or of what remains of it; None: no work is expected
    finish: date | None  #: last day of the work, `done_on` once it is done; None: no work is expected
    at_risk: bool  #: it is open and its finish is after its last day (also when it is overdue already)
    blocked_by: tuple[str, ...] = ()  #: open tasks it directly waits for; none once it is done
    blocking: tuple[str, ...] = ()  #: open tasks that directly wait for it; none once it is done


def forecast(
    tasks: Mapping[str, ForecastTask],
    dependencies: Iterable[tuple[str, str]],
    calendar_of: Calendar,
    today: date,
) -> dict[str, Forecast]:
    """Return the forecast of every task, in the order of `tasks`.

    A finished task (not open, with `done_on`) was finished on `done_on`. A task that is neither open nor finished
    (suspended, withdrawn) has no forecast and holds nobody up. An open task cannot begin before its start, nor before
    the working day after each predecessor's actual or forecast finish, and cannot be finished before today:

    - With an explicit duration, what remains of it (duration less the percentage done, rounded up, at least a day)
      begins today, or as soon after as the rules above allow.
    - Without one it lasts from its start to its last day; without a start, from the working day after its predecessors'
      last days, or from its plan's date when it waits for nobody. As long as no predecessor pushes it and
      its last day has not passed, it is taken to be finished on that day: not having begun is no risk by itself.
      Pushed, it keeps its length from its new first day. Its last day passed, it is done today at the earliest.
    - Without a duration and without a last day it lasts one day.

    A finish beyond the year 9999 is told as 9999-12-31.

    Args:
        tasks: what is known, by task key.
        dependencies: (predecessor, successor) pairs; one that names a key not in `tasks` is ignored.
        calendar_of: the calendar of every task that does not bring its own.
        today: the day for which the forecast is made.

    Raises:
        CycleFound: the dependencies run in a circle.
    """
    graph = TaskGraph(dict.fromkeys(tasks, 0), dependencies, strict=False)
    if len(tasks) >= MANY:
        return _of_many(tasks, graph, calendar_of, today)
    spans: dict[str, tuple[date | None, date | None]] = {}
    for key in graph.order():
        task = tasks[key]
        before = graph.predecessors(key)
        finishes = [finish for one in before if (finish := spans[one][1]) is not None]
        promised = [day for one in before if (day := tasks[one].last_day) is not None]
        calendar = task.calendar or calendar_of
        task = replace(task, plan_date=_planned_start(task.plan_date, max(promised, default=None), calendar))
        spans[key] = _span(task, max(finishes, default=None), calendar, today)
    return {key: _forecast(key, tasks, graph, spans[key]) for key in tasks}


def columns_of(tasks: Collection[ForecastTask], calendar_of: Calendar) -> TaskColumns:
    """Return tasks in columns, for `Outcome`; `calendar_of` is the calendar of each that brings none."""
    from planner.domain.outcome import TaskColumns

    def ordinals(days: Iterable[date | None]) -> list[int]:
        return [0 if day is None else day.toordinal() for day in days]

    calendars: dict[Calendar, int] = {}
    return TaskColumns(
        start=ordinals(task.start for task in tasks),
        plan_date=ordinals(task.plan_date for task in tasks),
        last_day=ordinals(task.last_day for task in tasks),
        done_on=ordinals(task.done_on for task in tasks),
        duration=[-1 if task.duration is None else task.duration for task in tasks],
        is_open=[task.is_open for task in tasks],
        percent=[task.percent for task in tasks],
        calendar=[calendars.setdefault(task.calendar or calendar_of, len(calendars)) for task in tasks],
        calendars=list(calendars),
    )


def _of_many(
    tasks: Mapping[str, ForecastTask], graph: TaskGraph, calendar_of: Calendar, today: date
) -> dict[str, Forecast]:
    from planner.domain.outcome import Outcome

    columns = columns_of(tasks.values(), calendar_of)
    outcome = Outcome(graph.waves, columns, today)
    start, finish = outcome.start.tolist(), outcome.finish.tolist()
    dates = {ordinal: date.fromordinal(ordinal) if ordinal else None for ordinal in {*start, *finish}}
    blocked_by, blocking = (joined.named(graph.keys) for joined in graph.waves.joined_among(columns.is_open))
    return {
        key: Forecast(start=dates[begin], finish=dates[end], at_risk=at_risk, blocked_by=waits_for, blocking=holds_up)
        for key, begin, end, at_risk, waits_for, holds_up in zip(
            tasks, start, finish, outcome.at_risk.tolist(), blocked_by, blocking, strict=True
        )
    }


def plan_durations(tasks: Iterable[PlannedTask], plan_date: date | None, calendar: Calendar) -> dict[str, int]:
    """Return how many working days each task of a plan lasts, by task code.

    That is its explicit duration; without one, the working days from its start (the task's, else its deadline's, else
    the working day after the last days of those it waits for, else the plan's date) to its last day, at least one;
    without those dates, one.
    """
    tasks = tuple(tasks)
    last_days = {task.code: task.deadline.last_day for task in tasks}

    def start(task: PlannedTask) -> date | None:
        promised = [day for code in task.after if (day := last_days.get(code)) is not None]
        return task.begins or _planned_start(plan_date, max(promised, default=None), calendar)

    return {
        task.code: task.duration
        if task.duration is not None
        else _length(start(task), task.deadline.last_day, calendar)
        for task in tasks
    }


def _planned_start(plan_date: date | None, promised: date | None, calendar: Calendar) -> date | None:
    """Return when a task without a start of its own was meant to begin.

    Counting it from the plan's date although it waits for others would call it late on the day of filing.
    """
    if promised is None or promised >= date.max - timedelta(days=31):
        return plan_date
    after = calendar.add(promised, 1)
    return after if plan_date is None else max(plan_date, after)


def _length(start: date | None, last_day: date | None, calendar: Calendar) -> int:
    return max(1, calendar.span(start, last_day)) if start is not None and last_day is not None else 1


def _forecast(
    key: str, tasks: Mapping[str, ForecastTask], graph: TaskGraph, span: tuple[date | None, date | None]
) -> Forecast:
    task, (start, finish) = tasks[key], span
    if not task.is_open:
        return Forecast(start=start, finish=finish, at_risk=False)
    return Forecast(
        start=start,
        finish=finish,
        at_risk=task.last_day is not None and finish is not None and finish > task.last_day,
        blocked_by=tuple(before for before in graph.predecessors(key) if tasks[before].is_open),
        blocking=tuple(after for after in graph.successors(key) if tasks[after].is_open),
    )


def _span(
    task: ForecastTask, predecessors_finish: date | None, calendar: Calendar, today: date
) -> tuple[date | None, date | None]:
    if not task.is_open:
        if task.done_on is None:
            return None, None
        return min(task.start or task.done_on, task.done_on), task.done_on
    try:
        after = None if predecessors_finish is None else calendar.add(predecessors_finish, 1)
        if task.duration is not None:
            return _what_remains(task, task.duration, after, calendar, today)
        return _as_planned(task, after, calendar, today)
    except OverflowError:  # a duration of thousands of years must not hide every other task's forecast
        return today, date.max


def _what_remains(
    task: ForecastTask, duration: int, after: date | None, calendar: Calendar, today: date
) -> tuple[date, date]:
    remaining = max(1, -(-duration * (100 - task.percent) // 100))
    start = calendar.next_working(max(day for day in (today, task.start, after) if day is not None))
    return start, calendar.add(start, remaining - 1)


def _as_planned(task: ForecastTask, after: date | None, calendar: Calendar, today: date) -> tuple[date, date]:
    last_day = task.last_day
    planned = task.start or task.plan_date or last_day or today
    if last_day is not None and task.start is None:
        planned = min(planned, last_day)  # a plan signed after the last day does not move the work behind it
    earliest = calendar.next_working(planned)
    pushed = after is not None and (after > earliest or (last_day is not None and after > last_day))
    if last_day is not None and planned <= last_day and not pushed:
        return planned, last_day if today <= last_day else calendar.next_working(today)
    start = earliest if after is None else max(earliest, after)
    finish = calendar.add(start, _length(planned, last_day, calendar) - 1)
    return start, finish if finish >= today else calendar.next_working(today)
