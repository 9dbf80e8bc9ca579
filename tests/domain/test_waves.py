"""Arrays, wave by wave, answer what plain lists answer: everything is asked of both."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.domain import graph as graphs
from planner.domain import waves
from planner.domain.graph import TaskGraph
from planner.errors import CycleFound

Pairs = list[tuple[str, str]]


@contextmanager
def in_arrays(narrow: int = 2) -> Iterator[None]:
    """Let graphs of any size be kept in arrays, and waves of `narrow` tasks be reckoned as a whole."""
    with patch.object(graphs, "MANY", 0), patch.object(waves, "NARROW", narrow):
        yield


@st.composite
def acyclic(draw: st.DrawFn) -> tuple[dict[str, int], Pairs]:
    """Draw tasks in a filed order that need not be a sorted one, with waves both wide and narrow."""
    size = draw(st.integers(0, 24))
    names = draw(st.permutations([f"t{n}" for n in range(size)]))
    durations = {name: draw(st.integers(0, 6)) for name in sorted(names)}
    reach = draw(st.integers(1, max(1, size)))  # only to near ones: long chains
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 : place + 1 + reach]]
    return durations, draw(st.lists(st.sampled_from(pairs), max_size=60)) if pairs else []


narrow = st.sampled_from([1, 2, 3, 5, 1000])


@given(acyclic(), narrow)
def test_arrays_and_lists_give_the_same_answers(drawn: tuple[dict[str, int], Pairs], width: int) -> None:
    durations, pairs = drawn
    lists = TaskGraph(durations, pairs)
    with in_arrays(width):
        arrays = TaskGraph(durations, pairs)
        assert arrays.order() == lists.order()
        schedule, expected = arrays.schedule(), lists.schedule()
        assert schedule == expected
        assert expected == schedule
        assert json.dumps(schedule.as_dict()) == json.dumps(expected.as_dict())
        for key in durations:
            assert arrays.successors(key) == lists.successors(key)
            assert arrays.predecessors(key) == lists.predecessors(key)
            assert arrays.downstream(key) == lists.downstream(key)
        assert len(arrays) == len(lists)
        assert "t0" not in arrays or "t0" in lists


@given(acyclic(), narrow)
def test_numbers_in_give_the_same_graph_as_names_in(drawn: tuple[dict[str, int], Pairs], width: int) -> None:
    durations, pairs = drawn
    keys = list(durations)
    numbers = [(keys.index(a), keys.index(b)) for a, b in pairs]
    with patch.object(waves, "NARROW", width):
        graph = TaskGraph.from_arrays(keys, list(durations.values()), [a for a, _ in numbers], [b for _, b in numbers])
        assert graph.schedule() == TaskGraph(durations, pairs).schedule()
        assert graph.order() == TaskGraph(durations, pairs).order()


@given(acyclic())
def test_a_graph_in_lists_can_be_had_in_arrays(drawn: tuple[dict[str, int], Pairs]) -> None:
    graph = TaskGraph(*drawn)
    assert [graph.keys[task] for task in graph.waves.order] == graph.order()
    assert [graph.waves.after(task) for task in range(len(graph))] == [
        [graph.place[later] for later in graph.successors(key)] for key in graph.keys
    ]


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30), narrow)
def test_the_same_circle_is_named(numbers: list[tuple[int, int]], width: int) -> None:
    durations = {f"t{n}": 1 for n in range(12)}
    pairs = [(f"t{a}", f"t{b}") for a, b in numbers]

    def path() -> tuple[str, ...]:
        try:
            TaskGraph(durations, pairs)
        except CycleFound as error:
            return error.path
        return ()

    expected = path()
    with in_arrays(width):
        assert path() == expected


@pytest.mark.parametrize("many", [0, 10**9], ids=["arrays", "lists"])
def test_an_unknown_task_is_named_or_left_out_as_the_caller_wants(many: int) -> None:
    pairs = [("a", "b"), ("x", "b"), ("a", "y")]
    with patch.object(graphs, "MANY", many):
        with pytest.raises(ValueError, match="'x' -> 'b': there is no task 'x'"):
            TaskGraph({"a": 1, "b": 1}, pairs)
        with pytest.raises(ValueError, match="'b' has a negative duration"):
            TaskGraph({"a": 1, "b": -1}, [])
        assert TaskGraph({"a": 1, "b": 1}, pairs, strict=False).schedule().dependencies == 1


def test_numbers_of_tasks_that_do_not_exist_are_refused() -> None:
    for before, after in ([0], [2]), ([-1], [1]):
        with pytest.raises(ValueError, match="not among the durations"):
            TaskGraph.from_arrays(["a", "b"], [1, 1], before, after)


def test_days_too_many_for_an_array_are_counted_in_lists() -> None:
    with in_arrays():
        schedule = TaskGraph({"a": 2**62, "b": 2**62}, [("a", "b")]).schedule()
    assert schedule.makespan_days == 2**63


def test_a_schedule_in_arrays_reads_as_a_dict() -> None:
    with in_arrays():
        schedule = TaskGraph({"a": 2, "b": 3}, [("a", "b")]).schedule()
    assert schedule.early_finish == {"a": 2, "b": 5}
    assert schedule.early_finish != {"a": 2, "b": 4}
    assert schedule.early_finish == {"a": 2, "b": 5}
    assert schedule.slack.get("c") is None
    assert repr(schedule.early_start) == "{'a': 0, 'b': 2}"
    assert type(schedule.late_start["b"]) is int


@pytest.mark.parametrize("width", [1, 25], ids=["each wave as a whole", "one by one"])
def test_a_chain_of_100000_tasks_is_the_same_in_both_ways(width: int) -> None:
    size = 100_000 if width > 1 else 5_000
    names = [str(n) for n in range(size)]
    with in_arrays(width):
        graph = TaskGraph(dict.fromkeys(names, 2), pairwise(names))
        schedule = graph.schedule()
        assert graph.downstream("0") == tuple(names[1:])
    assert graph.order() == names
    assert schedule.makespan_days == 2 * size
    assert schedule.critical_path == tuple(names)


def test_a_million_dependencies_given_again_and_again_are_counted_once() -> None:
    chance = random.Random(1)  # noqa: S311 - no secret
    pairs = [(f"t{chance.randrange(300)}", f"t{300 + chance.randrange(300)}") for _ in range(1_000_000)]
    durations = {f"t{n}": n % 7 for n in range(600)}
    with in_arrays(25):
        arrays = TaskGraph(durations, pairs).schedule()
    assert arrays.dependencies == len(set(pairs))
    assert arrays == TaskGraph(durations, pairs).schedule()


def test_a_graph_wide_here_and_narrow_there_is_reckoned_in_stretches() -> None:
    fan = [f"f{n}" for n in range(40)]
    chain = [f"c{n}" for n in range(30)]
    pairs = [(one, chain[0]) for one in fan] + list(pairwise(chain)) + [(chain[-1], f"g{n}") for n in range(40)]
    durations = {name: len(name) for name in [*chain, *fan, *(f"g{n}" for n in range(40))]}
    expected = TaskGraph(durations, pairs)
    with in_arrays(25):
        graph = TaskGraph(durations, pairs)
        assert [(s.stop - s.start, s.wide) for s in graph.waves.stretches] == [(40, True), (30, False), (40, True)]
        assert graph.schedule() == expected.schedule()
        assert graph.downstream("f7") == expected.downstream("f7")
        assert graph.downstream("c29") == expected.downstream("c29")


def test_a_circle_of_100000_tasks_is_named_from_arrays() -> None:
    names = [str(n) for n in range(100_000)]
    with in_arrays(25), pytest.raises(CycleFound) as caught:
        TaskGraph(dict.fromkeys(names, 1), [*pairwise(names), (names[-1], names[0])])
    assert caught.value.path == (*names, "0")
