"""Timeliness is one formula, and a task's life allows some moves only."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.domain.status import TaskState, Timeliness, timeliness
from planner.errors import TransitionRefused

LAST = date(2020, 5, 14)
SOON = date(2020, 5, 7)
BEFORE, ON, AFTER = LAST - timedelta(days=1), LAST, LAST + timedelta(days=1)
EARLY = date(2020, 5, 1)
OPEN = (TaskState.ASSIGNED, TaskState.IN_PROGRESS, TaskState.RETURNED)
HANDED_IN = (TaskState.SUBMITTED, TaskState.CONFIRMED)
T = Timeliness

#: today, start, last day, date of the result, first day of "due soon"; what holds for open tasks; for handed-in ones
TABLE = [
    # an open task by the day
    (EARLY, None, LAST, None, SOON, T.IN_TIME, T.IN_TIME),
    (SOON - timedelta(days=1), None, LAST, None, SOON, T.IN_TIME, T.IN_TIME),
    (SOON, None, LAST, None, SOON, T.DUE_SOON, T.DUE_SOON),
    (ON, None, LAST, None, SOON, T.DUE_SOON, T.DUE_SOON),
    (AFTER, None, LAST, None, SOON, T.OVERDUE, T.OVERDUE),
    (ON, None, LAST, None, None, T.IN_TIME, T.IN_TIME),
    # a start in the future
    (EARLY, SOON, LAST, None, SOON, T.NOT_YET, T.NOT_YET),
    (SOON, SOON, LAST, None, SOON, T.DUE_SOON, T.DUE_SOON),
    (BEFORE, ON, LAST, None, SOON, T.NOT_YET, T.NOT_YET),
    (AFTER, AFTER + timedelta(days=9), LAST, None, SOON, T.OVERDUE, T.OVERDUE),
    (EARLY, SOON, None, None, None, T.NOT_YET, T.NOT_YET),
    # no deadline
    (AFTER, None, None, None, None, T.NO_DEADLINE, T.NO_DEADLINE),
    (AFTER, EARLY, None, AFTER, None, T.NO_DEADLINE, T.NO_DEADLINE),
    # a result: judged by its own date, not by today; an open task's earlier result says nothing
    (AFTER, None, LAST, BEFORE, SOON, T.OVERDUE, T.DONE_ON_TIME),
    (AFTER, None, LAST, ON, SOON, T.OVERDUE, T.DONE_ON_TIME),
    (AFTER, None, LAST, AFTER, SOON, T.OVERDUE, T.DONE_LATE),
    (EARLY, SOON, LAST, BEFORE, SOON, T.NOT_YET, T.DONE_ON_TIME),
]


@pytest.mark.parametrize(("today", "start", "last_day", "done_on", "soon", "when_open", "when_handed_in"), TABLE)
def test_the_truth_table_of_timeliness(  # noqa: PLR0917 - a line of the table
    today: date,
    start: date | None,
    last_day: date | None,
    done_on: date | None,
    soon: date | None,
    when_open: Timeliness,
    when_handed_in: Timeliness,
) -> None:
    for states, wanted in ((OPEN, when_open), (HANDED_IN, when_handed_in)):
        for state in states:
            found = timeliness(
                state=state, start=start, last_day=last_day, done_on=done_on, today=today, due_soon_from=soon
            )
            assert found is wanted, state


def test_a_task_finished_on_its_last_day_is_on_time_however_late_it_is_recorded() -> None:
    found = timeliness(
        state=TaskState.CONFIRMED,
        start=None,
        last_day=LAST,
        done_on=LAST,
        today=LAST + timedelta(days=90),
        due_soon_from=SOON,
    )
    assert found is Timeliness.DONE_ON_TIME


@given(
    state=st.sampled_from(TaskState),
    today=st.dates(date(2020, 1, 1), date(2020, 12, 31)),
    start=st.none() | st.dates(date(2020, 1, 1), date(2020, 12, 31)),
    done_on=st.none() | st.dates(date(2020, 1, 1), date(2020, 12, 31)),
)
def test_a_task_without_a_last_day_is_never_late_and_never_due(
    state: TaskState, today: date, start: date | None, done_on: date | None
) -> None:
    found = timeliness(state=state, start=start, last_day=None, done_on=done_on, today=today, due_soon_from=None)
    assert found in {Timeliness.NO_DEADLINE, Timeliness.NOT_YET}


ALLOWED = {
    ("assigned", "in_progress"),
    ("assigned", "submitted"),
    ("assigned", "suspended"),
    ("assigned", "withdrawn"),
    ("in_progress", "in_progress"),
    ("in_progress", "submitted"),
    ("in_progress", "suspended"),
    ("in_progress", "withdrawn"),
    ("submitted", "confirmed"),
    ("submitted", "returned"),
    ("returned", "in_progress"),
    ("returned", "submitted"),
    ("returned", "suspended"),
    ("returned", "withdrawn"),
    ("suspended", "assigned"),
    ("suspended", "in_progress"),
    ("suspended", "withdrawn"),
}


@pytest.mark.parametrize("now", TaskState)
@pytest.mark.parametrize("wanted", TaskState)
def test_a_task_moves_as_its_life_allows_and_not_otherwise(now: TaskState, wanted: TaskState) -> None:
    if (now.value, wanted.value) in ALLOWED:
        now.require(wanted, "snv:I.1")
        return
    with pytest.raises(TransitionRefused, match="snv:I"):
        now.require(wanted, "snv:I.1")


def test_only_tasks_still_owed_are_open_and_only_stopped_ones_do_not_count() -> None:
    assert {state for state in TaskState if state.is_open} == set(OPEN)
    assert {state for state in TaskState if not state.counts} == {TaskState.SUSPENDED, TaskState.WITHDRAWN}
