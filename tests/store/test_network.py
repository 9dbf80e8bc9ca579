"""All tasks as columns of numbers say the same as the tasks themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from planner.domain.graph import TaskGraph
from planner.domain.outcome import Outcome
from planner.domain.outlook import outlook
from planner.domain.status import PlanState, TaskState
from planner.service import filing, tasks
from planner.service.desk import Desk
from planner.store import plans
from planner.store.network import described, network
from planner.store.state import present
from tests.factories import DIRECTIVE, TODAY, fill, focal, make_deadline, make_desk, make_plan, make_task
from tests.store.actions import accept_plan


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """Give a province in which tasks of every sort wait for each other across two plans."""
    desk = make_desk(database_url)
    fill(desk)
    # Words of a person that look like the stored form of a deadline without a beginning do not make it one.
    period = replace(make_deadline(date(2020, 6, 10)), start=date(2020, 5, 18), text='"start":null,')
    mine = [
        make_task("I.1", start=date(2020, 5, 4), duration=6),
        make_task("I.2", deadline=make_deadline(date(2020, 5, 8)), after=("I.1",)),
        make_task("I.3", deadline=period, after=("I.2", "snv:I.1", "snv:IX.9")),
        make_task("I.4", deadline=make_deadline(None), after=("I.3",)),
        make_task("I.5", deadline=replace(make_deadline(), start=date(2020, 5, 22)), after=("I.1",)),
    ]
    accept_plan(desk, make_plan("stttt", mine))
    theirs = [make_task(f"I.{n}", responsible=focal("snv"), duration=n, after=("stttt:I.1",)) for n in (1, 2, 3)]
    accept_plan(desk, make_plan("snv", theirs, calendar="every-day"))
    accept_plan(desk, make_plan("snv", theirs[:2], calendar="every-day"))  # I.3 is withdrawn by that
    tasks.progress(desk, "stttt:I.1", 50, "")
    tasks.done(desk, "stttt:I.5", document="5/BC", on=TODAY, file=None)
    yield desk
    desk.engine.dispose()


def test_the_forecast_from_columns_is_the_forecast_of_the_tasks(desk: Desk) -> None:
    with desk.reading() as session:
        found = network(session, desk.calendar)
        state = present(session, desk.now)
    graph = TaskGraph.from_arrays(found.keys, [0] * len(found.keys), found.before, found.after)
    assert {record.state for record in state.tasks.values()} >= {TaskState.WITHDRAWN, TaskState.SUBMITTED}
    for today in (TODAY, date(2020, 5, 20), date(2020, 9, 2)):
        expected = outlook(state.tasks, state.plans, desk.calendar, today)
        outcome = Outcome(graph.waves, found.columns, today)
        told = zip(outcome.start.tolist(), outcome.finish.tolist(), outcome.at_risk.tolist(), strict=True)
        assert found.keys == list(expected)
        assert [
            (date.fromordinal(start) if start else None, date.fromordinal(finish) if finish else None, late)
            for start, finish, late in told
        ] == [(one.start, one.finish, one.at_risk) for one in expected.values()]


def test_dependencies_are_those_in_force_on_tasks_that_are_filed(desk: Desk) -> None:
    with desk.reading() as session:
        found = network(session, desk.calendar)
        stored = plans.dependencies(session)
    pairs = [(found.keys[a], found.keys[b]) for a, b in zip(found.before, found.after, strict=True)]
    assert sorted(pairs) == sorted(pair for pair in stored if pair[0] != f"{DIRECTIVE}/snv:IX.9")
    assert len(pairs) == len(stored) - 1
    assert f"{DIRECTIVE}/snv:I.3" not in {successor for _, successor in pairs}


def test_the_tasks_of_a_returned_plan_are_not_among_them(desk: Desk) -> None:
    filing.decide(desk, "snv", PlanState.RETURNED, "x")
    with desk.reading() as session:
        found = network(session, desk.calendar)
        in_force = present(session, desk.now).tasks
    assert f"{DIRECTIVE}/snv:I.1" not in found.keys
    assert found.keys == list(in_force)
    assert len(found.before) == 4


def test_tasks_are_described_however_many_are_asked_for(desk: Desk) -> None:
    with desk.reading() as session:
        many = [f"{DIRECTIVE}/stttt:X.{n}" for n in range(12_000)]
        found = described(session, [*many, f"{DIRECTIVE}/stttt:I.1", f"{DIRECTIVE}/snv:I.2"])
    assert set(found) == {f"{DIRECTIVE}/stttt:I.1", f"{DIRECTIVE}/snv:I.2"}
    assert found[f"{DIRECTIVE}/snv:I.2"].agency == "snv"
