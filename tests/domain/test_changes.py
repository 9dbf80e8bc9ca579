from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from planner.domain.changes import tasks_of_accepted
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.plan import Goal, Plan, PlannedTask, PlanRecord, ResultDocument, TaskRecord
from planner.domain.status import PlanState, TaskState

AT = datetime(2020, 5, 20, 1, tzinfo=UTC)


def version(number: int, last_day: date) -> PlanRecord:
    deadline = Deadline(text=last_day.isoformat(), kind=DeadlineKind.BY, last_day=last_day)
    task = PlannedTask(code="I.1", title="Rà soát", responsible="a@b.example.vn", deadline=deadline)
    plan = Plan(agency="b", directive="d", goals=(Goal(code="I", title="Mục tiêu", tasks=(task,)),))
    return PlanRecord(plan=plan, version=number, state=PlanState.ACCEPTED, filed_at=AT, receipt=f"{number:04d}/2020")


def filed(state: TaskState) -> dict[str, TaskRecord]:
    first = tasks_of_accepted(version(1, date(2020, 5, 14)), {}, AT, date(2020, 5, 4))
    result = ResultDocument(number="5/BC")
    return {key: replace(task, state=state, done_on=date(2020, 5, 18), result=result) for key, task in first.items()}


def test_filing_anew_with_a_later_day_moves_the_deadline_of_an_open_task_and_raises_its_revision() -> None:
    first = tasks_of_accepted(version(1, date(2020, 5, 14)), {}, AT, date(2020, 5, 4))
    again = tasks_of_accepted(version(2, date(2020, 5, 29)), first, AT, date(2020, 5, 20))["d/b:I.1"]
    assert (again.last_day, again.deadline_revision) == (date(2020, 5, 29), 1)


@pytest.mark.parametrize("state", [TaskState.SUBMITTED, TaskState.CONFIRMED])
def test_filing_anew_with_a_later_day_does_not_turn_a_late_result_into_one_on_time(state: TaskState) -> None:
    again = tasks_of_accepted(version(2, date(2020, 5, 29)), filed(state), AT, date(2020, 5, 20))["d/b:I.1"]
    assert (again.last_day, again.deadline_revision) == (date(2020, 5, 14), 0)
