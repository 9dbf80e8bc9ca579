"""The forecast of every task of a state: joins what tasks and plans say into the graph that `forecast` reads.

Pure. Used by reports, by `plan show` and by the reminders, so that all of them foresee the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from planner.domain.calendar import Calendar
from planner.domain.forecast import Forecast, ForecastTask, forecast
from planner.domain.plan import PlanRecord, TaskRecord, predecessor_key
from planner.domain.status import TaskState


def dependencies_of(tasks: Mapping[str, TaskRecord]) -> list[tuple[str, str]]:
    """Return every (predecessor, successor) pair of task keys; a predecessor may not be filed yet.

    A withdrawn task waits for nothing.
    """
    return [
        (predecessor_key(record.plan, reference), key)
        for key, record in tasks.items()
        if record.state is not TaskState.WITHDRAWN
        for reference in record.task.after
    ]


def outlook(
    tasks: Mapping[str, TaskRecord],
    plans: Mapping[str, PlanRecord],
    calendar: Callable[[str], Calendar],
    today: date,
) -> dict[str, Forecast]:
    """Return the forecast of every task on `today`.

    A submitted task is finished as far as its successors are concerned; whether its result is accepted is another
    matter, and returns it to the open ones if not.

    Args:
        tasks: by key.
        plans: their plans, by key; each gives its date and its calendar.
        calendar: finds a calendar by the name a plan gives.
        today: the day of the forecast.
    """
    calendars = {name: calendar(name) for name in {record.plan.calendar for record in plans.values()}}
    return forecast(
        {
            key: ForecastTask(
                start=record.task.begins,
                plan_date=plans[record.plan].plan.signed,
                duration=record.task.duration,
                last_day=record.last_day,
                done_on=record.done_on if record.state in (TaskState.SUBMITTED, TaskState.CONFIRMED) else None,
                is_open=record.state.is_open,
                percent=record.percent,
                calendar=calendars[plans[record.plan].plan.calendar],
            )
            for key, record in tasks.items()
        },
        dependencies_of(tasks),
        calendar("vn"),
        today,
    )
