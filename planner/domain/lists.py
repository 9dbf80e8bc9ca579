"""Sorts and times the tasks of a graph, task by task, in plain lists: what `graph.py` does inside for most plans.

Knows no names: tasks are numbers from 0, in the order as filed. `waves.py` gives the same answers for graphs of a
province or a country.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import add, sub
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Days by task: a list here, an array in `waves.py`.
Days: TypeAlias = Union[list[int], "NDArray[np.int64]"]

Followers = Sequence[Sequence[int]] | Mapping[int, Sequence[int]]
"""By task: the tasks that wait for it, ascending, each once."""


@dataclass(frozen=True, kw_only=True)
class Passes:
    """What walking the graph forwards and backwards tells; days from 0, by task."""

    start: Days  #: the earliest first day
    finish: Days  #: the day after the earliest last day
    late_start: Days  #: the latest first day that does not move the end
    late_finish: Days
    slack: Days
    makespan: int  #: days until the last task is finished
    critical: list[int]  #: the tasks of slack 0, ascending
    longest_chain: list[int]  #: critical tasks that follow each other from the first day to the last


class ListGraph:
    """Tasks with durations and their followers, sorted as far as they are in no circle."""

    def __init__(self, days: list[int], after: list[list[int]]) -> None:
        """Sort the tasks; `days` and `after` are by task, `after` ascending and without repetition."""
        self._days = days
        self._after = after
        self.order = _sorted_by_waves(after)  #: every task after all it waits for; tasks in circles are missing
        self.dependencies = sum(map(len, after))

    def circle(self) -> list[int]:
        """Return the first circle, its first task again at the end; there must be one."""
        return circles_among(self._after, set(range(len(self._after))).difference(self.order))[0]

    def after(self, task: int) -> list[int]:
        """Return the tasks that wait for `task`, ascending."""
        return self._after[task]

    def before(self, task: int) -> list[int]:
        """Return the tasks that `task` waits for, ascending."""
        return self._before[task]

    def downstream(self, task: int) -> list[int]:
        """Return every task that can be reached from `task`, without it, as sorted by `order`."""
        found = {task}
        waiting = [task]
        while waiting:
            for later in self._after[waiting.pop()]:
                if later not in found:
                    found.add(later)
                    waiting.append(later)
        found.remove(task)
        return sorted(found, key=self._rank.__getitem__)

    def passes(self) -> Passes:
        """Return the earliest and latest days of every task."""
        days, after = self._days, self._after
        start = [0] * len(days)
        for task in self.order:
            finish = start[task] + days[task]
            for later in after[task]:
                if start[later] < finish:  # noqa: PLR1730 - a call for each dependency is felt at a million tasks
                    start[later] = finish
        ends = list(map(add, start, days))
        makespan = max(ends, default=0)
        late = [0] * len(days)
        for task in reversed(self.order):
            finish = makespan
            for later in after[task]:
                if late[later] < finish:  # noqa: PLR1730 - as above
                    finish = late[later]
            late[task] = finish - days[task]
        slack = list(map(sub, late, start))
        return Passes(
            start=start,
            finish=ends,
            late_start=late,
            late_finish=list(map(add, late, days)),
            slack=slack,
            makespan=makespan,
            critical=[task for task, spare in enumerate(slack) if spare == 0],
            longest_chain=self._longest_chain(start, late),
        )

    def _longest_chain(self, start: list[int], late: list[int]) -> list[int]:
        # A critical task that starts on day 0 has no predecessor, or a critical one that ends on day 0 and comes before
        # it in the order: so the first of them has none. A critical task that ends before the end has a critical
        # successor that starts there. Taking the first at each step makes the chain the same every time.
        task = next((task for task in self.order if start[task] == late[task] == 0), None)
        chain: list[int] = []
        while task is not None:
            chain.append(task)
            finish = start[task] + self._days[task]
            task = next((later for later in self._after[task] if start[later] == late[later] == finish), None)
        return chain

    @cached_property
    def _before(self) -> list[list[int]]:
        before: list[list[int]] = [[] for _ in self._after]
        for task, later_tasks in enumerate(self._after):
            for later in later_tasks:
                before[later].append(task)
        return before

    @cached_property
    def _rank(self) -> list[int]:
        rank = [0] * len(self._after)
        for position, task in enumerate(self.order):
            rank[task] = position
        return rank


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


def circles_of(after: list[list[int]]) -> list[list[int]]:
    """Return circles, no two of which share a task; each with its first task again at the end."""
    return circles_among(after, set(range(len(after))).difference(_sorted_by_waves(after)))


def circles_among(after: Followers, left: set[int]) -> list[list[int]]:
    """Return the circles among the tasks that sorting left over; `after` holds at least those."""
    # What sorting leaves over lies on a circle or behind one. Walk ahead, depth first; a step back onto the walk closes
    # a circle, whose tasks are then out, as are tasks from which there is no further step.
    left = set(left)
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


def _shortest_circle(after: Followers, through: int, among: set[int]) -> list[int]:
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
