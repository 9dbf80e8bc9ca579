"""Who holds up whom, against a slow search, on long chains and on circles that should not be there."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from planner.domain.agency import Agency, Succession, Tier
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.plan import PlannedTask, State, TaskRecord
from planner.domain.status import TaskState
from scheduler.waiting import holding_up

NONE = Deadline(text="", kind=DeadlineKind.NONE)


def task(code: str, agency: str, how: TaskState = TaskState.ASSIGNED) -> TaskRecord:
    planned = PlannedTask(code=code, title="", responsible="", deadline=NONE)
    return TaskRecord(plan=f"kl/{agency}", agency=agency, goal="I", task=planned, last_day=None, state=how)


def state(tasks: Iterable[TaskRecord], *successions: Succession) -> State:
    return State(
        at=datetime(2020, 6, 2, tzinfo=UTC),
        agencies={code: Agency(code=code, name=code, tier=Tier.DISTRICT) for code in "abcd"},
        officers={},
        absences=(),
        successions=successions,
        directives={},
        plans={},
        tasks={record.key: record for record in tasks},
    )


def test_direct_and_indirect_waiting_counts_but_not_the_own_agency() -> None:
    first, own, other, third = task("1", "a"), task("2", "a"), task("3", "b"), task("4", "c")
    pairs = [(first.key, own.key), (own.key, other.key), (first.key, other.key), (other.key, third.key)]
    assert holding_up(state([first, own, other, third]), pairs) == {
        first.key: (2, 2),
        own.key: (2, 2),
        other.key: (1, 1),
    }


def test_two_who_wait_for_one_task_each_hold_up_all_that_wait_for_it() -> None:
    left, right, middle, last = task("1", "a"), task("2", "b"), task("3", "c"), task("4", "d")
    pairs = [(left.key, middle.key), (right.key, middle.key), (middle.key, last.key)]
    assert holding_up(state([left, right, middle, last]), pairs) == {
        left.key: (2, 2),
        right.key: (2, 2),
        middle.key: (1, 1),
    }


def test_what_is_done_neither_waits_nor_passes_the_waiting_on() -> None:
    first, middle, last = task("1", "a"), task("2", "b", TaskState.SUBMITTED), task("3", "c")
    pairs = [(first.key, middle.key), (middle.key, last.key)]
    assert holding_up(state([first, middle, last]), pairs) == {}
    again = replace(middle, state=TaskState.RETURNED)
    assert holding_up(state([first, again, last]), pairs)[first.key] == (2, 2)


def test_an_agency_taken_over_counts_as_its_successor() -> None:
    first, second = task("1", "a"), task("2", "b")
    over = Succession(from_code="b", to_code="a", on=date(2020, 6, 1))
    assert holding_up(state([first, second], over), [(first.key, second.key)]) == {}


def test_a_circle_that_should_not_be_there_does_not_hang() -> None:
    tasks = [task("1", "a"), task("2", "b"), task("3", "c")]
    keys = [record.key for record in tasks]
    found = holding_up(state(tasks), [*zip(keys, keys[1:] + keys[:1], strict=True), (keys[0], keys[0])])
    assert found
    assert all(1 <= count <= 2 for count, _agencies in found.values())


def test_a_chain_of_twenty_thousand_tasks_is_counted_without_recursion() -> None:
    tasks = [task(f"{n:05d}", "ab"[n % 2]) for n in range(20_000)]
    keys = [record.key for record in tasks]
    found = holding_up(state(tasks), pairwise(keys))
    assert found[keys[0]] == (10_000, 1)
    assert keys[-1] not in found


@given(
    agencies=st.lists(st.sampled_from("abcd"), min_size=9, max_size=9),
    edges=st.sets(st.tuples(st.integers(0, 7), st.integers(1, 8)).map(lambda ends: (min(ends), max(ends)))),
    closed=st.sets(st.integers(0, 8), max_size=2),
)
def test_counts_agree_with_a_search_from_every_task(
    agencies: list[str], edges: set[tuple[int, int]], closed: set[int]
) -> None:
    tasks = [
        task(f"{n}", agency, TaskState.CONFIRMED if n in closed else TaskState.ASSIGNED)
        for n, agency in enumerate(agencies)
    ]
    pairs = [(tasks[a].key, tasks[b].key) for a, b in sorted(edges) if a != b]
    by_key = {record.key: record for record in tasks}
    expected = {}
    for start in tasks:
        reached: set[str] = set()
        front = [start.key] if start.state.is_open else []
        while front:
            key = front.pop()
            fresh = [b for a, b in pairs if a == key and b not in reached and by_key[b].state.is_open]
            reached.update(fresh)
            front.extend(fresh)
        others = [by_key[key] for key in reached if by_key[key].agency != start.agency]
        if others:
            expected[start.key] = (len(others), len({record.agency for record in others}))
    assert holding_up(state(tasks), pairs) == expected
