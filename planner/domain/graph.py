"""Which task waits for which: their order, their slack, and the chain of tasks that decides when all is done.

Knows no dates: days are counted from 0, and `forecast.py` turns working days into dates. A task is a name here; inside
it is a number, and the work is done by `lists.py`, or by `waves.py` when there are many tasks. Both answer the same.
Source: critical path method; design notes "The task graph".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any

from planner.domain.lists import ListGraph, circles_of
from planner.errors import CycleFound

if TYPE_CHECKING:  # arrays are loaded when there is a large graph
    from numpy.typing import ArrayLike

    from planner.domain.lists import Days
    from planner.domain.waves import WaveGraph

#: From so many tasks on arrays are quicker, the 0.1 s to load NumPy included. Measured: `python -m bench.graph`.
MANY = 50_000
_BATCH = 100_000  # dependencies turned into numbers at a time


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When each task may begin and must end, in days from 0; a task's days are [start, finish)."""

    early_start: Mapping[str, int]  #: the earliest day on which it can begin
    early_finish: Mapping[str, int]  #: early_start + duration
    late_start: Mapping[str, int]  #: the latest day on which it may begin without moving the end
    late_finish: Mapping[str, int]  #: late_start + duration
    slack: Mapping[str, int]  #: late_start - early_start: days it may slip without moving the end
    makespan_days: int  #: days from the first start to the last finish
    critical_path: tuple[str, ...]  #: one longest chain, from a task without predecessors to one without successors
    critical: frozenset[str]  #: every task of slack 0
    dependencies: int  #: how many there are, each counted once

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of `planner plan graph`."""
        return {
            "tasks": len(self.slack),
            "dependencies": self.dependencies,
            "makespan_days": self.makespan_days,
            "critical_path": list(self.critical_path),
            "schedule": {
                key: {
                    "early_start": self.early_start[key],
                    "early_finish": self.early_finish[key],
                    "late_start": self.late_start[key],
                    "late_finish": self.late_finish[key],
                    "slack": self.slack[key],
                }
                for key in self.slack
            },
        }


class _Days(Mapping[str, int]):
    """Days by task, in an array: equal to a dict of the same, at a tenth of its memory."""

    def __init__(self, graph: TaskGraph, days: Days) -> None:
        self._graph = graph
        self._days = days

    def __getitem__(self, key: str) -> int:
        return int(self._days[self._graph.place[key]])

    def __iter__(self) -> Iterator[str]:
        return iter(self._graph.keys)

    def __len__(self) -> int:
        return len(self._days)

    def __repr__(self) -> str:
        return repr(dict(self))


class TaskGraph:
    """Tasks with durations, and which waits for which; never circular.

    Tasks keep the order in which they were given (the order as filed); every answer is told in that order or in
    `order()`, whatever the order of the dependencies. Nothing here recurses: a chain of a million tasks is fine.
    """

    def __init__(
        self,
        durations: Mapping[str, int],
        dependencies: Iterable[tuple[str, str]],
        *,
        strict: bool = True,
    ) -> None:
        """Build the graph and sort it.

        Args:
            durations: days (0 or more) by task; 0 is a milestone.
            dependencies: (predecessor, successor) pairs; a pair given twice is one dependency.
            strict: a dependency on a task that `durations` does not hold is a mistake; otherwise it is left out.

        Raises:
            CycleFound: the dependencies run in a circle; `.path` names its tasks in order, the first again at the end.
            ValueError: a dependency names a task that `durations` does not hold, or a duration is negative. Both are
                the caller's to rule out: whoever reads a plan knows the place of the mistake and tells it.
        """
        self.keys: Sequence[str] = list(durations)
        days = list(durations.values())
        if min(days, default=0) < 0:
            negative = next(key for key, length in durations.items() if length < 0)
            raise ValueError(f"task {negative!r} has a negative duration")
        # Python counts without end, an array up to 2**63.
        if len(days) >= MANY and sum(days) < 2**62:
            self._sort(days, *_numbered(self.place, dependencies, strict))
        else:
            self._inside: ListGraph | WaveGraph = ListGraph(days, _successor_lists(self.place, dependencies, strict))
            self._refuse_circles()

    @classmethod
    def from_arrays(cls, keys: Sequence[str], durations: ArrayLike, before: ArrayLike, after: ArrayLike) -> TaskGraph:
        """Build the graph of tasks that are numbered already; kept in arrays, whatever its size.

        Args:
            keys: the names, each once, in the order as filed; a task's number is its place here.
            durations: days (0 or more) by number; their sum is less than 2**62.
            before: numbers: of each dependency the predecessor.
            after: numbers: of each dependency the successor; as long as `before`.

        Raises:
            CycleFound: as above.
        """
        graph = cls.__new__(cls)
        graph.keys = keys
        graph._sort(durations, before, after)
        return graph

    def _sort(self, days: ArrayLike, before: ArrayLike, after: ArrayLike) -> None:
        from planner.domain.waves import WaveGraph

        self._inside = WaveGraph(days, before, after)
        self._refuse_circles()

    def _refuse_circles(self) -> None:
        if len(self._inside.order) < len(self.keys):
            raise CycleFound([self.keys[task] for task in self._inside.circle()])

    @cached_property
    def place(self) -> dict[str, int]:
        """Return the number of each task: its place in the order as filed."""
        return {key: place for place, key in enumerate(self.keys)}

    @cached_property
    def waves(self) -> WaveGraph:
        """Return the graph in arrays, for whoever reckons with all tasks at once."""
        from planner.domain.waves import WaveGraph

        if isinstance(self._inside, WaveGraph):
            return self._inside
        pairs = [(task, later) for task in range(len(self.keys)) for later in self._inside.after(task)]
        return WaveGraph([0] * len(self.keys), [task for task, _ in pairs], [later for _, later in pairs])

    def __len__(self) -> int:
        return len(self.keys)

    def __contains__(self, key: object) -> bool:
        return key in self.place

    def _named(self, tasks: Iterable[int]) -> tuple[str, ...]:
        return tuple(map(self.keys.__getitem__, tasks))

    def order(self) -> list[str]:
        """Return every task after all its predecessors.

        Tasks come in waves: first those that wait for nobody, then those that wait only for them, and so on; within a
        wave in the order given.
        """
        return list(map(self.keys.__getitem__, self._inside.order))

    def predecessors(self, key: str) -> tuple[str, ...]:
        """Return the tasks that `key` itself waits for, in the order given."""
        return self._named(self._inside.before(self.place[key]))

    def successors(self, key: str) -> tuple[str, ...]:
        """Return the tasks that themselves wait for `key`, in the order given."""
        return self._named(self._inside.after(self.place[key]))

    def downstream(self, key: str) -> tuple[str, ...]:
        """Return every task that a slip of `key` may push, near or far, without `key`; as sorted by `order()`."""
        return self._named(self._inside.downstream(self.place[key]))

    def schedule(self) -> Schedule:
        """Return the earliest and latest days of every task, its slack, and the critical path."""
        passes = self._inside.passes()
        return Schedule(
            early_start=self._by_key(passes.start),
            early_finish=self._by_key(passes.finish),
            late_start=self._by_key(passes.late_start),
            late_finish=self._by_key(passes.late_finish),
            slack=self._by_key(passes.slack),
            makespan_days=passes.makespan,
            critical_path=self._named(passes.longest_chain),
            critical=frozenset(self._named(passes.critical)),
            dependencies=self._inside.dependencies,
        )

    def _by_key(self, days: Days) -> Mapping[str, int]:
        return dict(zip(self.keys, days, strict=True)) if isinstance(days, list) else _Days(self, days)


def circles(tasks: Iterable[str], dependencies: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Return circles of dependencies, no two of which share a task; empty when there is none.

    For whoever must tell all that is wrong at once. Each circle names its tasks in order, the first again at the end.
    Further circles through the tasks already named may come to light once those are cut.

    Raises:
        ValueError: a dependency names a task that `tasks` does not hold.
    """
    keys = list(tasks)
    after = _successor_lists({key: place for place, key in enumerate(keys)}, dependencies)
    return [tuple(keys[task] for task in circle) for circle in circles_of(after)]


def _successor_lists(
    place: Mapping[str, int], dependencies: Iterable[tuple[str, str]], strict: bool = True
) -> list[list[int]]:
    after: list[list[int]] = [[] for _ in place]
    for predecessor, successor in dependencies:
        try:
            after[place[predecessor]].append(place[successor])
        except KeyError as error:
            if strict:
                raise _unknown(predecessor, successor, error.args[0]) from None
    return [sorted(set(later)) if len(later) > 1 else later for later in after]


def _numbered(
    place: Mapping[str, int], dependencies: Iterable[tuple[str, str]], strict: bool
) -> tuple[ArrayLike, ArrayLike]:
    import numpy as np

    batches = [np.empty((0, 2), dtype=np.int64)]
    rest = iter(dependencies)
    while batch := list(islice(rest, _BATCH)):
        # Without a loop in Python: -1 for a task that is not there.
        numbers = np.fromiter(map(place.get, chain.from_iterable(batch), repeat(-1)), np.int64, 2 * len(batch))
        pairs = numbers.reshape(-1, 2)
        known = (pairs >= 0).all(axis=1)
        if strict and not known.all():
            wrong = batch[int(known.argmin())]
            raise _unknown(*wrong, next(key for key in wrong if key not in place))
        batches.append(pairs[known])
    numbers = np.concatenate(batches)
    return numbers[:, 0], numbers[:, 1]


def _unknown(predecessor: str, successor: str, missing: str) -> ValueError:
    return ValueError(f"dependency {predecessor!r} -> {successor!r}: there is no task {missing!r}")
