"""Which task waits for which: their order, their slack, and the chain of tasks that decides when all is done.

Knows no dates: days are counted from 0, and `forecast.py` turns working days into dates. A task is a name here.
Source: critical path method; design notes "The task graph".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from planner.errors import CycleFound


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When each task may begin and must end, in days from 0; a task's days are [start, finish)."""

    early_start: dict[str, int]  #: the earliest day on which it can begin
    early_finish: dict[str, int]  #: early_start + duration
    late_start: dict[str, int]  #: the latest day on which it may begin without moving the end
    late_finish: dict[str, int]  #: late_start + duration
    slack: dict[str, int]  #: late_start - early_start: days it may slip without moving the end
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


class TaskGraph:
    """Tasks with durations, and which waits for which; never circular.

    Tasks keep the order in which they were given (the order as filed); every answer is told in that order or in
    `order()`, whatever the order of the dependencies. Nothing here recurses: a chain of a million tasks is fine.
    """

    def __init__(self, durations: Mapping[str, int], dependencies: Iterable[tuple[str, str]]) -> None:
        """Build the graph and sort it.

        Args:
            durations: days (0 or more) by task; 0 is a milestone.
            dependencies: (predecessor, successor) pairs; a pair given twice is one dependency.

        Raises:
            CycleFound: the dependencies run in a circle; `.path` names its tasks in order, the first again at the end.
            ValueError: a dependency names a task that `durations` does not hold, or a duration is negative. Both are
                the caller's to rule out: whoever reads a plan knows the place of the mistake and tells it.
        """
        self._keys = list(durations)
        self._place = {key: place for place, key in enumerate(self._keys)}
        self._days = list(durations.values())
        if any(days < 0 for days in self._days):
            negative = next(key for key, days in durations.items() if days < 0)
            raise ValueError(f"task {negative!r} has a negative duration")
        self._after = _successor_lists(self._place, dependencies)
        self._order = _sorted_by_waves(self._after)
        if len(self._order) < len(self._keys):
            raise CycleFound([self._keys[task] for task in _circles(self._after, self._order)[0]])

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._place

    def order(self) -> list[str]:
        """Return every task after all its predecessors.

        Tasks come in waves: first those that wait for nobody, then those that wait only for them, and so on; within a
        wave in the order given.
        """
        return [self._keys[task] for task in self._order]

    def predecessors(self, key: str) -> tuple[str, ...]:
        """Return the tasks that `key` itself waits for, in the order given."""
        return tuple(self._keys[task] for task in self._before[self._place[key]])

    def successors(self, key: str) -> tuple[str, ...]:
        """Return the tasks that themselves wait for `key`, in the order given."""
        return tuple(self._keys[task] for task in self._after[self._place[key]])

    def downstream(self, key: str) -> tuple[str, ...]:
        """Return every task that a slip of `key` may push, near or far, without `key`; as sorted by `order()`."""
        found = {self._place[key]}
        waiting = [self._place[key]]
        while waiting:
            for task in self._after[waiting.pop()]:
                if task not in found:
                    found.add(task)
                    waiting.append(task)
        found.remove(self._place[key])
        return tuple(self._keys[task] for task in sorted(found, key=self._rank.__getitem__))

    def schedule(self) -> Schedule:
        """Return the earliest and latest days of every task, its slack, and the critical path."""
        days, after = self._days, self._after
        start = [0] * len(days)
        for task in self._order:
            finish = start[task] + days[task]
            for later in after[task]:
                if start[later] < finish:  # noqa: PLR1730 - a call for each dependency is felt at a million tasks
                    start[later] = finish
        makespan = max((begin + length for begin, length in zip(start, days, strict=True)), default=0)
        late = [0] * len(days)
        for task in reversed(self._order):
            finish = makespan
            for later in after[task]:
                if late[later] < finish:  # noqa: PLR1730 - as above
                    finish = late[later]
            late[task] = finish - days[task]
        keys = self._keys
        return Schedule(
            early_start=dict(zip(keys, start, strict=True)),
            early_finish={key: start[task] + days[task] for task, key in enumerate(keys)},
            late_start=dict(zip(keys, late, strict=True)),
            late_finish={key: late[task] + days[task] for task, key in enumerate(keys)},
            slack={key: late[task] - start[task] for task, key in enumerate(keys)},
            makespan_days=makespan,
            critical_path=tuple(keys[task] for task in self._longest_chain(start, late)),
            critical=frozenset(key for task, key in enumerate(keys) if late[task] == start[task]),
            dependencies=sum(map(len, after)),
        )

    def _longest_chain(self, start: list[int], late: list[int]) -> list[int]:
        # A critical task that starts on day 0 has no predecessor, or a critical one that ends on day 0 and comes before
        # it in the order: so the first of them has none. A critical task that ends before the end has a critical
        # successor that starts there. Taking the first at each step makes the chain the same every time.
        task = next((task for task in self._order if start[task] == late[task] == 0), None)
        chain: list[int] = []
        while task is not None:
            chain.append(task)
            finish = start[task] + self._days[task]
            task = next((later for later in self._after[task] if start[later] == late[later] == finish), None)
        return chain

    @cached_property
    def _before(self) -> list[list[int]]:
        before: list[list[int]] = [[] for _ in self._keys]
        for task, later_tasks in enumerate(self._after):
            for later in later_tasks:
                before[later].append(task)
        return before

    @cached_property
    def _rank(self) -> list[int]:
        rank = [0] * len(self._keys)
        for position, task in enumerate(self._order):
            rank[task] = position
        return rank


def circles(tasks: Iterable[str], dependencies: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Return circles of dependencies, no two of which share a task; empty when there is none.

    For whoever must tell all that is wrong at once. Each circle names its tasks in order, the first again at the end.
    Further circles through the tasks already named may come to light once those are cut.

    Raises:
        ValueError: a dependency names a task that `tasks` does not hold.
    """
    keys = list(tasks)
    after = _successor_lists({key: place for place, key in enumerate(keys)}, dependencies)
    return [tuple(keys[task] for task in circle) for circle in _circles(after, _sorted_by_waves(after))]


def _successor_lists(place: Mapping[str, int], dependencies: Iterable[tuple[str, str]]) -> list[list[int]]:
    after: list[list[int]] = [[] for _ in place]
    for predecessor, successor in dependencies:
        try:
            after[place[predecessor]].append(place[successor])
        except KeyError as error:
            message = f"dependency {predecessor!r} -> {successor!r}: there is no task {error.args[0]!r}"
            raise ValueError(message) from None
    return [sorted(set(later)) if len(later) > 1 else later for later in after]


def _sorted_by_waves(after: list[list[int]]) -> list[int]:
    waits_for = [0] * len(after)
    for later_tasks in after:
        for later in later_tasks:
            waits_for[later] += 1
    wave = [task for task, count in enumerate(waits_for) if count == 0]
    order: list[int] = []
    while wave:
        order += wave
        following: list[int] = []
        for task in wave:
            for later in after[task]:
                waits_for[later] -= 1
                if waits_for[later] == 0:
                    following.append(later)
        following.sort()
        wave = following
    return order


def _circles(after: list[list[int]], order: list[int]) -> list[list[int]]:
    # What sorting leaves over lies on a circle or behind one. Walk ahead, depth first; a step back onto the walk closes
    # a circle, whose tasks are then out, as are tasks from which there is no further step.
    left = set(range(len(after))).difference(order)
    found: list[list[int]] = []
    for first in sorted(left):
        walk = [first] if first in left else []
        on_walk = {task: place for place, task in enumerate(walk)}
        ahead = {task: iter(after[task]) for task in walk}
        while walk:
            later = next((later for later in ahead[walk[-1]] if later in left), None)
            if later is None:
                left.discard(walk[-1])
                del on_walk[walk.pop()]
            elif later in on_walk:
                lap = walk[on_walk[later] :]
                circle = _shortest_circle(after, later, set(lap))
                found.append([*circle, circle[0]])
                left.difference_update(circle)
                del walk[on_walk[later] :]
                for task in lap:
                    del on_walk[task]
            else:
                on_walk[later] = len(walk)
                walk.append(later)
                ahead[later] = iter(after[later])
    return found


def _shortest_circle(after: list[list[int]], through: int, among: set[int]) -> list[int]:
    # Breadth first from `through` back to it; the caller has seen that there is a way round.
    came_from: dict[int, int] = {}
    reached = [through]
    while through not in came_from:
        reached = [
            later
            for task in reached
            for later in after[task]
            if later in among and came_from.setdefault(later, task) == task
        ]
    circle = [came_from[through]]
    while circle[-1] != through:
        circle.append(came_from[circle[-1]])
    circle.reverse()
    first = circle.index(min(circle))  # told from the task that was filed first
    return circle[first:] + circle[:first]
