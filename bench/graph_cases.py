"""What `bench.graph` measures, each case in a process of its own: ours, rustworkx, networkx and plain lists.

`python -m bench.graph_cases CASE FOLDER` reads the graph from FOLDER/graph.npz and prints one JSON document: seconds by
phase, the days until the last task is finished, the highest memory of the process in MiB, and what moved.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

TODAY = date(2020, 5, 4)
_SLIP = 5  # working days


class Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Take the time of one phase."""
        start = time.perf_counter()
        yield
        self.seconds[phase] = time.perf_counter() - start


class Graph:
    """The graph as the parent wrote it: numbers only."""

    def __init__(self, folder: Path) -> None:
        self._file = np.load(folder / "graph.npz")
        self.days = self._file["days"]
        self.size = len(self.days)

    @cached_property
    def before(self) -> Any:
        """Return of each dependency the task that others wait for."""
        return self._file["before"]

    @cached_property
    def after(self) -> Any:
        """Return of each dependency the task that waits."""
        return self._file["after"]

    def pairs(self) -> Iterable[tuple[int, int]]:
        """Yield the dependencies as pairs of whole numbers of Python, without holding all of them."""
        for begin in range(0, len(self.before), 100_000):
            end = begin + 100_000
            yield from zip(self.before[begin:end].tolist(), self.after[begin:end].tolist(), strict=True)


def key(task: int) -> str:
    """Return a key as long as they are in a province: 100 tasks a plan."""
    return f"bench/a{task // 100}:I.{task % 100 + 1}"


def _number(name: str) -> int:
    plan, _, code = name.partition(":I.")
    return int(plan.removeprefix("bench/a")) * 100 + int(code) - 1


# --- ours ---


def arrays(clock: Clock, graph: Graph) -> dict[str, Any]:
    """Numbers in, as the store gives them."""
    import planner.domain.waves  # noqa: F401 - loading it is not what is measured
    from planner.domain.graph import TaskGraph

    keys = [key(task) for task in range(graph.size)]
    with clock("build and order"):
        ours = TaskGraph.from_arrays(keys, graph.days, graph.before, graph.after)
    with clock("passes"):
        schedule = ours.schedule()
    return {"makespan": schedule.makespan_days}


def names(clock: Clock, graph: Graph) -> dict[str, Any]:
    """Names in: a dict of durations, pairs of names."""
    import planner.domain.waves  # noqa: F401 - loading it is not what is measured
    from planner.domain.graph import TaskGraph

    keys = [key(task) for task in range(graph.size)]
    durations = dict(zip(keys, graph.days.tolist(), strict=True))
    pairs = [(keys[before], keys[after]) for before, after in graph.pairs()]
    with clock("build and order"):
        ours = TaskGraph(durations, pairs)
    with clock("passes"):
        schedule = ours.schedule()
    return {"makespan": schedule.makespan_days}


def _foreseen(clock: Clock, graph: Graph, many: int) -> dict[str, Any]:
    from planner import calendars
    from planner.domain import forecast
    from planner.domain import graph as graphs
    from planner.domain.calendar import EVERY_DAY

    forecast.MANY = graphs.MANY = many
    calendar = calendars.load("vn")
    tasks = {
        key(task): forecast.ForecastTask(
            plan_date=date(2020, 4, 29),
            last_day=TODAY + timedelta(days=task % 300),
            duration=int(days) if task % 2 else None,
            done_on=date(2020, 4, 28) if task % 10 == 0 else None,
            is_open=task % 10 > 0,
            percent=task % 40,
            calendar=EVERY_DAY if task % 7 == 0 else None,
        )
        for task, days in enumerate(graph.days)
    }
    keys = list(tasks)
    pairs = [(keys[before], keys[after]) for before, after in graph.pairs()]
    forecast.forecast({"a": forecast.ForecastTask()}, [], calendar, TODAY)  # loads what is loaded once
    with clock("forecast"):
        found = forecast.forecast(tasks, pairs, calendar, TODAY)
    return {"makespan": str(max(one.finish for one in found.values() if one.finish))}


def forecast_arrays(clock: Clock, graph: Graph) -> dict[str, Any]:
    """The calendar-exact forecast from Python objects to Python objects, as reports and reminders ask for it."""
    return _foreseen(clock, graph, 0)


def forecast_tasks(clock: Clock, graph: Graph) -> dict[str, Any]:
    """The same, task by task: what small plans get."""
    return _foreseen(clock, graph, 2**62)


# --- the store ---


def stored(clock: Clock, graph: Graph) -> dict[str, Any]:
    """Everything from an SQLite database: read, sort, passes, forecast, impact."""
    from planner import calendars
    from planner.domain.graph import TaskGraph
    from planner.domain.outcome import Outcome
    from planner.store.engine import connect, reading
    from planner.store.network import network

    engine = connect(f"sqlite:///{Path(sys.argv[2]) / 'bench.db'}")
    with clock("read from the store"), reading(engine) as session:
        found = network(session, calendars.load)
    days = graph.days[np.fromiter(map(_number, found.keys), np.int64, graph.size)]
    with clock("build and order"):
        ours = TaskGraph.from_arrays(found.keys, days, found.before, found.after)
    with clock("passes"):
        schedule = ours.schedule()
    with clock("forecast"):
        outcome = Outcome(ours.waves, found.columns, TODAY)
    busiest = np.bincount(found.before, minlength=graph.size) * (np.asarray(found.columns.is_open) > 0)
    task = int(busiest.argmax())
    with clock("impact"):
        moves = outcome.impact(task, _SLIP)
    # The most that one slip can move: what waits for it, near or far, and is pushed past everything else.
    with clock("impact, years"):
        most = outcome.impact(task, 2500)
    return {"makespan": schedule.makespan_days, "moved": len(moves.tasks), "most": len(most.tasks)}


# --- the yardsticks ---


def lists(clock: Clock, graph: Graph) -> dict[str, Any]:
    """Plain lists of Python, in our own code for small graphs."""
    from planner.domain.lists import ListGraph

    days = graph.days.tolist()
    with clock("build and order"):
        after: list[list[int]] = [[] for _ in days]
        for task, later in graph.pairs():
            after[task].append(later)
        ours = ListGraph(days, after)
    with clock("passes"):
        passes = ours.passes()
    return {"makespan": passes.makespan}


def rustworkx(clock: Clock, graph: Graph) -> dict[str, Any]:
    """Rustworkx builds and sorts; it has no passes, so they are plain Python over its successors."""
    import rustworkx

    days = graph.days.tolist()
    with clock("build and order"):
        theirs: Any = rustworkx.PyDiGraph()
        theirs.add_nodes_from(range(graph.size))
        theirs.add_edges_from_no_data(list(graph.pairs()))
        order = list(rustworkx.topological_sort(theirs))
    with clock("passes"):
        makespan = _passes(order, days, theirs.successor_indices)
    return {"makespan": makespan}


def networkx(clock: Clock, graph: Graph) -> dict[str, Any]:
    """Networkx builds and sorts; the passes are plain Python over its successors."""
    import networkx

    days = graph.days.tolist()
    with clock("build and order"):
        theirs = networkx.DiGraph()
        theirs.add_nodes_from(range(graph.size))
        theirs.add_edges_from(graph.pairs())
        order = list(networkx.topological_sort(theirs))
    with clock("passes"):
        makespan = _passes(order, days, theirs._succ.__getitem__)
    return {"makespan": makespan}


def _passes(order: list[int], days: list[int], after: Callable[[int], Iterable[int]]) -> int:
    start = [0] * len(days)
    for task in order:
        finish = start[task] + days[task]
        for later in after(task):
            if start[later] < finish:  # noqa: PLR1730 - the quickest form
                start[later] = finish
    makespan = max(map(int.__add__, start, days))
    late = [0] * len(days)
    for task in reversed(order):
        finish = makespan
        for later in after(task):
            if late[later] < finish:  # noqa: PLR1730 - the quickest form
                finish = late[later]
        late[task] = finish - days[task]
    slack = list(map(int.__sub__, late, start))
    if min(slack) != 0:
        raise SystemExit("no task is critical: the passes are wrong")
    return makespan


CASES: dict[str, Callable[[Clock, Graph], dict[str, Any]]] = {
    case.__name__: case for case in (rustworkx, networkx, lists, arrays, names, stored, forecast_tasks, forecast_arrays)
}


def main() -> None:
    """Run one case and print what was measured."""
    clock, graph = Clock(), Graph(Path(sys.argv[2]))
    found = CASES[sys.argv[1]](clock, graph)
    print(json.dumps({"seconds": clock.seconds, "peak_mib": _peak_mib(), **found}))


def _peak_mib() -> float:
    status = Path("/proc/self/status")
    if status.exists():  # Linux: getrusage would tell the parent's peak if that is higher
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
