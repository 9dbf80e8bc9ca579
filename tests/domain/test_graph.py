from __future__ import annotations

import json
import random
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.domain.graph import TaskGraph, circles
from planner.errors import CycleFound

Pairs = list[tuple[str, str]]


@st.composite
def acyclic(draw: st.DrawFn) -> tuple[dict[str, int], Pairs]:
    """Draw tasks in a filed order that need not be a sorted one, and dependencies without a circle."""
    size = draw(st.integers(0, 9))
    names = draw(st.permutations([f"t{n}" for n in range(size)]))
    durations = {name: draw(st.integers(0, 6)) for name in draw(st.permutations(names))}
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    return durations, draw(st.lists(st.sampled_from(pairs), max_size=20)) if pairs else []


@st.composite
def any_pairs(draw: st.DrawFn) -> tuple[list[str], Pairs]:
    names = [f"t{n}" for n in range(draw(st.integers(1, 8)))]
    name = st.sampled_from(names)
    return names, draw(st.lists(st.tuples(name, name), max_size=16))


def all_paths(durations: dict[str, int], pairs: Pairs) -> list[list[str]]:
    """Return every path there is, the slow and obvious way."""
    paths = [[name] for name in durations]
    for path in paths:  # grows as it goes
        paths.extend([*path, b] for b in {b for a, b in pairs if a == path[-1]})
    return paths


@given(acyclic())
def test_the_schedule_agrees_with_the_longest_of_all_paths(drawn: tuple[dict[str, int], Pairs]) -> None:
    durations, pairs = drawn
    schedule = TaskGraph(durations, pairs).schedule()
    paths = all_paths(durations, pairs)

    def length(path: list[str]) -> int:
        return sum(durations[name] for name in path)

    makespan = max(map(length, paths), default=0)
    assert schedule.makespan_days == makespan
    for name, days in durations.items():
        until = max(length(path) for path in paths if path[-1] == name)
        onward = max(length(path) for path in paths if path[0] == name)
        assert schedule.early_finish[name] == until
        assert schedule.early_start[name] == until - days
        assert schedule.late_start[name] == makespan - onward
        assert schedule.late_finish[name] == makespan - onward + days
        assert schedule.slack[name] == makespan - (until + onward - days)
    assert schedule.critical == {name for name, slack in schedule.slack.items() if slack == 0}


@given(acyclic())
def test_the_critical_path_is_one_of_the_longest_chains(drawn: tuple[dict[str, int], Pairs]) -> None:
    durations, pairs = drawn
    schedule = TaskGraph(durations, pairs).schedule()
    path = schedule.critical_path
    assert bool(path) == bool(durations)
    assert set(pairwise(path)) <= set(pairs)
    assert set(path) <= schedule.critical
    assert sum(durations[name] for name in path) == schedule.makespan_days
    if path:
        assert path[0] not in {b for _, b in pairs}
        assert path[-1] not in {a for a, _ in pairs}


@given(acyclic())
def test_the_makespan_agrees_with_networkx(drawn: tuple[dict[str, int], Pairs]) -> None:
    durations, pairs = drawn
    graph = nx.DiGraph()
    graph.add_nodes_from([*durations, "end"])
    graph.add_weighted_edges_from((a, b, durations[a]) for a, b in pairs)
    graph.add_weighted_edges_from((a, "end", days) for a, days in durations.items())
    assert TaskGraph(durations, pairs).schedule().makespan_days == nx.dag_longest_path_length(graph)


@given(acyclic(), st.randoms())
def test_the_order_of_the_dependencies_changes_nothing(
    drawn: tuple[dict[str, int], Pairs], chance: random.Random
) -> None:
    durations, pairs = drawn
    shuffled = pairs + pairs[:3]
    chance.shuffle(shuffled)
    one, other = TaskGraph(durations, pairs), TaskGraph(durations, shuffled)
    assert one.order() == other.order()
    assert one.schedule() == other.schedule()


@given(acyclic())
def test_each_task_comes_after_its_predecessors_and_a_slip_pushes_what_is_reachable(
    drawn: tuple[dict[str, int], Pairs],
) -> None:
    durations, pairs = drawn
    graph = TaskGraph(durations, pairs)
    order = graph.order()
    assert sorted(order) == sorted(durations)
    assert all(order.index(a) < order.index(b) for a, b in pairs)
    paths = all_paths(durations, pairs)
    for name in durations:
        assert set(graph.predecessors(name)) == {a for a, b in pairs if b == name}
        assert set(graph.successors(name)) == {b for a, b in pairs if a == name}
        reached = {path[-1] for path in paths if path[0] == name} - {name}
        assert graph.downstream(name) == tuple(other for other in order if other in reached)


@given(any_pairs())
def test_a_circle_is_found_whenever_there_is_one_and_its_path_is_real(drawn: tuple[list[str], Pairs]) -> None:
    names, pairs = drawn
    graph = nx.DiGraph(pairs)
    graph.add_nodes_from(names)
    found = circles(names, pairs)
    assert bool(found) == (not nx.is_directed_acyclic_graph(graph))
    for path in found:
        assert path[0] == path[-1]
        assert len(set(path)) == len(path) - 1 >= 1
        assert set(pairwise(path)) <= set(pairs)
    named = [name for path in found for name in path[1:]]
    assert len(named) == len(set(named))
    graph.remove_nodes_from(named)
    assert nx.is_directed_acyclic_graph(graph)
    if found:
        with pytest.raises(CycleFound) as caught:
            TaskGraph(dict.fromkeys(names, 1), pairs)
        assert caught.value.path == found[0]
    else:
        assert len(TaskGraph(dict.fromkeys(names, 1), pairs)) == len(names)


def test_a_circle_is_told_from_its_first_task_by_the_shortest_way_round() -> None:
    pairs = [("c", "a"), ("a", "b"), ("b", "c"), ("c", "d"), ("d", "a"), ("x", "a"), ("d", "y")]
    with pytest.raises(CycleFound) as caught:
        TaskGraph(dict.fromkeys("xabcdy", 1), pairs)
    assert caught.value.path == ("a", "b", "c", "a")
    assert "a -> b -> c -> a" in str(caught.value)


def test_a_task_that_waits_for_itself_is_a_circle() -> None:
    with pytest.raises(CycleFound) as caught:
        TaskGraph({"a": 1, "b": 1}, [("a", "b"), ("b", "b")])
    assert caught.value.path == ("b", "b")


def test_two_circles_apart_are_both_told() -> None:
    assert circles("abcd", [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"), ("b", "c")]) == [
        ("a", "b", "a"),
        ("c", "d", "c"),
    ]


def test_a_circle_entered_from_an_earlier_task_is_still_told_from_its_own_first() -> None:
    pairs = [("z", "y"), ("y", "z"), ("y", "x"), ("x", "b"), ("b", "a"), ("a", "b")]
    assert circles("xabyz", pairs) == [("a", "b", "a"), ("y", "z", "y")]


def test_a_short_cut_through_a_circle_does_not_hide_the_circle_it_passes_by() -> None:
    pairs = [("a", "d"), ("a", "e"), ("d", "b"), ("b", "c"), ("b", "d"), ("c", "e"), ("e", "a")]
    assert circles("abcde", pairs) == [("a", "e", "a"), ("b", "d", "b")]


def test_a_pair_given_twice_is_one_dependency() -> None:
    schedule = TaskGraph({"a": 1, "b": 1}, [("a", "b"), ("a", "b")]).schedule()
    assert schedule.dependencies == 1


def test_tasks_stay_in_filed_order_unless_they_must_wait() -> None:
    assert TaskGraph(dict.fromkeys("dcba", 1), [("a", "d")]).order() == ["c", "b", "a", "d"]
    assert TaskGraph(dict.fromkeys("abcd", 1), [("a", "d"), ("b", "c")]).order() == ["a", "b", "c", "d"]


def test_a_plan_as_json_holds_what_plan_graph_promises() -> None:
    durations = {"I.1": 3, "I.2": 5, "I.3": 2, "I.4": 0}
    pairs = [("I.1", "I.2"), ("I.1", "I.3"), ("I.2", "I.4"), ("I.3", "I.4")]
    assert json.loads(json.dumps(TaskGraph(durations, pairs).schedule().as_dict())) == {
        "tasks": 4,
        "dependencies": 4,
        "makespan_days": 8,
        "critical_path": ["I.1", "I.2", "I.4"],
        "schedule": {
            "I.1": {"early_start": 0, "early_finish": 3, "late_start": 0, "late_finish": 3, "slack": 0},
            "I.2": {"early_start": 3, "early_finish": 8, "late_start": 3, "late_finish": 8, "slack": 0},
            "I.3": {"early_start": 3, "early_finish": 5, "late_start": 6, "late_finish": 8, "slack": 3},
            "I.4": {"early_start": 8, "early_finish": 8, "late_start": 8, "late_finish": 8, "slack": 0},
        },
    }


def test_no_task_at_all_is_a_plan_of_no_days() -> None:
    schedule = TaskGraph({}, []).schedule()
    assert schedule.makespan_days == 0
    assert schedule.critical_path == ()
    assert TaskGraph({}, []).order() == []


def test_an_unknown_task_and_a_negative_duration_are_the_callers_mistakes() -> None:
    with pytest.raises(ValueError, match="there is no task 'b'"):
        TaskGraph({"a": 1}, [("a", "b")])
    with pytest.raises(ValueError, match="'b' has a negative duration"):
        TaskGraph({"a": 1, "b": -1}, [])


def test_a_chain_of_200000_tasks_is_sorted_and_scheduled() -> None:
    size = 200_000
    names = [str(n) for n in range(size)]
    graph = TaskGraph(dict.fromkeys(names, 2), pairwise(names))
    schedule = graph.schedule()
    assert graph.order() == names
    assert schedule.makespan_days == 2 * size
    assert schedule.critical_path == tuple(names)
    assert graph.downstream("0") == tuple(names[1:])


def test_a_circle_of_200000_tasks_is_named() -> None:
    names = [str(n) for n in range(200_000)]
    with pytest.raises(CycleFound) as caught:
        TaskGraph(dict.fromkeys(names, 1), [*pairwise(names), (names[-1], names[0])])
    assert caught.value.path == (*names, "0")
