"""Sorts and times the tasks of a very large graph in arrays, a wave of tasks at a time.

Knows no names: tasks are numbers from 0, in the order as filed. It answers what `lists.py` answers, and the same.

A *wave* is what can be done at once: the first wave waits for nobody, the next only for the first, and so on. No task
waits for another of its wave, so one array operation reckons a whole wave. Tasks are numbered anew by *rank*, their
place in the order by waves; a wave is then a slice of every array, and so are the dependencies that leave it:

    waves          0        | 1     | 2            a slice of ranks each: 0-3, 3-5, 5-6
    rank           0  1  2  | 3  4  | 5
    followers      3  3,4 4 | 5  5  | -            `to`, in one array: 3 3 4 4 5 5
    first          0  1  3  | 4  5  | 6  (6)       where the followers of each rank begin in `to`

An array operation costs the same for one task as for hundreds. So where waves are narrow (a chain has one task a wave)
the tasks are walked one by one, in memory views of the same arrays; a graph may be wide here and narrow there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planner.domain import lists

Numbers: TypeAlias = NDArray[np.int64]

#: A wave of fewer tasks is walked one by one. Measured: the two ways cost the same at some 25 tasks.
NARROW = 25


@dataclass(frozen=True, slots=True)
class Stretch:
    """Ranks that are reckoned in one go: one wide wave, or narrow waves that follow each other."""

    start: int  #: first rank
    stop: int  #: the rank after the last
    wide: bool  #: one wave, to be reckoned as a whole; otherwise one rank after the other


class Followers:
    """Who waits for whom: the followers of task t are `to[first[t]:first[t + 1]]`."""

    def __init__(self, first: Numbers, to: Numbers) -> None:
        self.first = first
        self.to = to

    @classmethod
    def from_pairs(cls, before: Numbers, after: Numbers, size: int) -> Followers:
        """Sort the pairs (before[i], after[i]) by task; a pair given twice is kept once."""
        pairs = before << 32
        pairs |= after
        pairs.sort()
        if len(pairs):
            pairs = pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))]
        first = np.zeros(size + 1, dtype=np.int64)
        np.cumsum(np.bincount(pairs >> 32, minlength=size), out=first[1:])
        pairs &= 2**32 - 1
        return cls(first, pairs)

    def of(self, tasks: Numbers) -> tuple[Numbers, Numbers]:
        """Return the followers of `tasks`, one task after the other, and how many each has."""
        begin = self.first[tasks]
        counts = self.first[tasks + 1] - begin
        ends = np.cumsum(counts)
        places = np.repeat(begin - ends + counts, counts)
        places += np.arange(len(places))
        return self.to[places], counts

    def named(self, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Yield the followers of each task by their names; `names` is by task."""
        told = list(map(names.__getitem__, self.to.tolist()))
        return (tuple(told[begin:end]) for begin, end in pairwise(self.first.tolist()))


class WaveGraph:
    """Tasks with durations and their followers, sorted as far as they are in no circle."""

    def __init__(self, days: ArrayLike, before: ArrayLike, after: ArrayLike) -> None:
        """Sort the tasks.

        Args:
            days: by task; their sum is less than 2**62.
            before: of each dependency the task that others wait for; fewer than 2**31 tasks.
            after: of each dependency the task that waits; as long as `before`.

        Raises:
            ValueError: there is no task of such a number.
        """
        self._days, before, after = (np.asarray(numbers, dtype=np.int64) for numbers in (days, before, after))
        size = len(self._days)
        if any(len(tasks) and not 0 <= tasks.min() <= tasks.max() < size for tasks in (before, after)):
            raise ValueError("a dependency names a task that is not among the durations")
        self._filed = Followers.from_pairs(before, after, size)
        self.dependencies = len(self._filed.to)
        self.order, self.stretches = _sorted_by_waves(self._filed, size)  #: tasks by rank; those in circles are missing
        self.rank = np.full(size, -1, dtype=np.int64)  #: by task; -1: in a circle or behind one
        self.rank[self.order] = np.arange(len(self.order))
        if len(self.order) == size:
            to, counts = self._filed.of(self.order)
            first = np.zeros(size + 1, dtype=np.int64)
            np.cumsum(counts, out=first[1:])
            self.followers = Followers(first, self.rank[to])  #: by rank
            del self._filed

    def circle(self) -> list[int]:
        """Return the first circle, its first task again at the end; there must be one."""
        left = np.flatnonzero(self.rank < 0)
        first, to = self._filed.first, self._filed.to
        after = {task: to[first[task] : first[task + 1]].tolist() for task in left.tolist()}
        return lists.circles_among(after, set(after))[0]

    def after(self, task: int) -> list[int]:
        """Return the tasks that wait for `task`, ascending."""
        return _neighbours(self.followers, self.rank[task], self.order)

    def before(self, task: int) -> list[int]:
        """Return the tasks that `task` waits for, ascending."""
        return _neighbours(self.leaders, self.rank[task], self.order)

    @cached_property
    def leaders(self) -> Followers:
        """Return, by rank, the ranks that each task waits for."""
        size = len(self.order)
        first = self.followers.first
        return Followers.from_pairs(self.followers.to, np.repeat(np.arange(size), np.diff(first)), size)

    def joined_among(self, chosen: ArrayLike) -> tuple[Followers, Followers]:
        """Return, by task, the chosen tasks that each waits for, and those that wait for it.

        Args:
            chosen: by task; one that is not chosen is joined to none.
        """
        among = np.asarray(chosen, dtype=np.bool_)
        size = len(self.order)
        before, after = np.repeat(self.order, np.diff(self.followers.first)), self.order[self.followers.to]
        kept = among[before] & among[after]
        before, after = before[kept], after[kept]
        return Followers.from_pairs(after, before, size), Followers.from_pairs(before, after, size)

    def ahead_of(self, rank: int) -> Iterator[Stretch]:
        """Yield what comes after `rank`: the rest of its stretch if that is walked rank by rank, then the others."""
        for stretch in self.stretches:
            if stretch.start > rank:
                yield stretch
            elif stretch.stop > rank:
                yield Stretch(rank, stretch.stop, stretch.wide)

    def downstream(self, task: int) -> list[int]:
        """Return every task that can be reached from `task`, without it, as sorted by `order`."""
        here = int(self.rank[task])
        reached = np.zeros(len(self.order), dtype=np.bool_)
        reached[here] = True
        flags, first, to = views(reached, self.followers.first, self.followers.to)
        for stretch in self.ahead_of(here):
            if stretch.wide:
                found = stretch.start + np.flatnonzero(reached[stretch.start : stretch.stop])
                reached[self.followers.of(found)[0]] = True
                continue
            for rank in range(stretch.start, stretch.stop):
                if flags[rank]:
                    for place in range(first[rank], first[rank + 1]):
                        flags[to[place]] = True
        reached[here] = False
        tasks: list[int] = self.order[reached].tolist()
        return tasks

    def passes(self) -> lists.Passes:
        """Return the earliest and latest days of every task, and the same longest chain that `lists.py` finds."""
        days = self._days[self.order]
        start = self._forward(days)
        makespan = int((start + days).max(initial=0))
        late = self._backward(days, makespan)
        chain = self._longest_chain(days, start, late)
        start, late = start[self.rank], late[self.rank]
        slack = late - start
        return lists.Passes(
            start=start,
            finish=start + self._days,
            late_start=late,
            late_finish=late + self._days,
            slack=slack,
            makespan=makespan,
            critical=np.flatnonzero(slack == 0).tolist(),
            longest_chain=chain,
        )

    def longest_to(self, days: Numbers) -> Numbers:
        """Return, by rank, the days of the longest chain that ends with each task, its own included.

        Args:
            days: by rank; their sum is less than 2**62.
        """
        return self._forward(days) + days

    def _forward(self, days: Numbers) -> Numbers:
        start = np.zeros(len(days), dtype=np.int64)
        first, to = self.followers.first, self.followers.to
        starts, lengths, firsts, followers = views(start, days, first, to)
        for stretch in self.stretches:
            a, b = stretch.start, stretch.stop
            if stretch.wide:
                finish = np.repeat(start[a:b] + days[a:b], np.diff(first[a : b + 1]))
                np.maximum.at(start, to[first[a] : first[b]], finish)
                continue
            place = firsts[a]
            for rank in range(a, b):
                begun = starts[rank] + lengths[rank]
                end = firsts[rank + 1]
                while place < end:
                    later = followers[place]
                    if starts[later] < begun:  # noqa: PLR1730 - a call for each dependency is felt at a million tasks
                        starts[later] = begun
                    place += 1
        return start

    def _backward(self, days: Numbers, makespan: int) -> Numbers:
        late = makespan - days  # of those for whom nobody waits; of the others at the most
        first, to = self.followers.first, self.followers.to
        waited_for = np.flatnonzero(np.diff(first))  # ranks that have followers
        lates, lengths, firsts, followers = views(late, days, first, to)
        for stretch in reversed(self.stretches):
            a, b = stretch.start, stretch.stop
            if stretch.wide:
                low, high = np.searchsorted(waited_for, (a, b))
                ranks = waited_for[low:high]
                if len(ranks):
                    earliest = np.minimum.reduceat(late[to[first[a] : first[b]]], first[ranks] - first[a])
                    late[ranks] = earliest - days[ranks]
                continue
            place = firsts[b]
            for rank in range(b - 1, a - 1, -1):
                begin = firsts[rank]
                finish = makespan
                while place > begin:
                    place -= 1
                    later = lates[followers[place]]
                    if later < finish:  # noqa: PLR1730 - as above
                        finish = later
                lates[rank] = finish - lengths[rank]
        return late

    def _longest_chain(self, days: Numbers, start: Numbers, late: Numbers) -> list[int]:
        starts, lates, lengths, tasks = views(start, late, days, self.order)
        first, to = views(self.followers.first, self.followers.to)
        roots = np.flatnonzero((start == 0) & (late == 0))
        rank = int(roots[0]) if len(roots) else None
        chain: list[int] = []
        while rank is not None:
            chain.append(tasks[rank])
            finish = starts[rank] + lengths[rank]
            following = None
            for place in range(first[rank], first[rank + 1]):
                later = to[place]  # the followers of a rank are ascending as filed
                if starts[later] == lates[later] == finish:
                    following = later
                    break
            rank = following
        return chain


def views(*arrays: NDArray[Any]) -> list[Any]:
    """Return memory views of arrays: one number is read or written there several times quicker than in the array."""
    return [array.data for array in arrays]


def _neighbours(joined: Followers, rank: int, order: Numbers) -> list[int]:
    found: list[int] = order[joined.to[joined.first[rank] : joined.first[rank + 1]]].tolist()
    return sorted(found)


def _sorted_by_waves(filed: Followers, size: int) -> tuple[Numbers, list[Stretch]]:
    # The order of `lists.py`: wave after wave, within a wave as filed.
    waits_for = np.bincount(filed.to, minlength=size)
    order = np.empty(size, dtype=np.int64)
    stretches: list[Stretch] = []
    counts, first, to, ordered = views(waits_for, filed.first, filed.to, order)
    wave = np.flatnonzero(waits_for == 0)
    sorted_so_far = 0
    while len(wave):
        start = sorted_so_far
        if len(wave) >= NARROW:
            sorted_so_far += len(wave)
            order[start:sorted_so_far] = wave
            stretches.append(Stretch(start, sorted_so_far, True))
            later = filed.of(wave)[0]
            np.subtract.at(waits_for, later, 1)
            wave = later[waits_for[later] == 0]
            wave.sort()
            if len(wave):  # who waited for several tasks of this wave was found several times
                wave = wave[np.concatenate(([True], wave[1:] != wave[:-1]))]
            continue
        few = wave.tolist()
        while 0 < len(few) < NARROW:
            following = []
            for task in few:
                ordered[sorted_so_far] = task
                sorted_so_far += 1
                for place in range(first[task], first[task + 1]):
                    after = to[place]
                    left = counts[after] - 1
                    counts[after] = left
                    if left == 0:
                        following.append(after)
            following.sort()
            few = following
        stretches.append(Stretch(start, sorted_so_far, False))
        wave = np.array(few, dtype=np.int64)
    return order[:sorted_so_far], stretches
