"""The forecast of very many tasks at once, and what one slip would move.

The rules are those of `forecast.py`, and a test holds the two together. Here they are reckoned in arrays, a wave of
tasks at a time (`waves.py`), with dates as numbers (`turns.py`). Knows no names: a task is a number, its place in the
columns; inside, tasks stand in the order of their ranks.

What a task needs of its predecessors is one day: when the last of them is finished. All else is settled beforehand
(`_Terms`), so that a wave takes a handful of array operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, date

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planner.domain.calendar import Calendar
from planner.domain.turns import Small, Turns
from planner.domain.waves import Numbers, WaveGraph, views

_YEARS_AHEAD = 4  # how far the tables reach at first; made eight times longer as often as needed
_LONGEST = 10**9  # days; a longer task is beyond the year 9999 even when 99 % of it is done
_SETTLED = date.max.toordinal() - 31  # as in `forecast.py`: no working day is sought after a last day as late as this
_ALWAYS, _NEVER = -1, 2**30  # as limits: from the first push on; by no push at all


@dataclass(frozen=True, kw_only=True)
class TaskColumns:
    """What a forecast needs to know of each task: the fields of `ForecastTask`, a column each; days are ordinals."""

    start: ArrayLike  #: 0: none
    plan_date: ArrayLike  #: 0: none
    last_day: ArrayLike  #: 0: none
    done_on: ArrayLike  #: 0: none
    duration: ArrayLike  #: days of its calendar; -1: none
    is_open: ArrayLike  #: 1 or 0
    percent: ArrayLike  #: 0-100
    calendar: ArrayLike  #: the place of its calendar in `calendars`
    calendars: Sequence[Calendar]


@dataclass(frozen=True, kw_only=True, slots=True)
class Moves:
    """How a slip moves tasks, a column each: a slip of a whole province is 60,000 of them."""

    tasks: list[int]  #: their numbers, in order: the one that slips first
    before: list[date]  #: forecast finish without the slip
    after: list[date]  #: forecast finish with it
    late_before: list[bool]  #: without the slip it is after their last day
    late_after: list[bool]


class _Terms:
    """What is settled of each task before anything is known of its predecessors' finish; by rank.

    A task keeps its `kept_finish` as long as its predecessors push it to a turn below its `limit`. Otherwise it begins
    on the turn `begin`, or where it is pushed, and lasts `more` turns longer.
    """

    def __init__(self, graph: WaveGraph, columns: TaskColumns, turns: Turns, today: date) -> None:
        def column(values: ArrayLike) -> Small:
            return np.asarray(values, dtype=np.int32)[graph.order]

        start, plan, last, done = (
            turns.days(column(values))
            for values in (columns.start, columns.plan_date, columns.last_day, columns.done_on)
        )
        now = today.toordinal() - turns.zero
        calendar = column(columns.calendar)
        self.row = row = calendar * np.int32(turns.stride)  # where the tables of its calendar begin
        self.count = turns.count[calendar]
        self.floor = turns.turn_of[row + now]  # no open task is finished before today
        self.is_open = column(columns.is_open) > 0
        self.last = last

        promised = np.zeros_like(last)  # the latest last day of those it waits for
        np.maximum.at(promised, graph.followers.to, np.repeat(last, np.diff(graph.followers.first)))
        follows = (promised > 0) & (promised + turns.zero < _SETTLED)
        after_promised = turns.day_of[row + np.maximum(turns.turn_after[row + promised], 0)]
        plan = np.maximum(plan, np.where(follows, after_promised, 0))

        planned = np.where(start > 0, start, np.where(plan > 0, plan, np.where(last > 0, last, now)))
        planned = np.where((last > 0) & (start == 0), np.minimum(planned, last), planned)
        earliest = turns.turn_of[row + planned]
        after_last = turns.turn_after[row + last]
        duration = np.asarray(columns.duration, dtype=np.int64)[graph.order]
        named = duration >= 0
        remaining = np.maximum(1, -(-np.minimum(duration, _LONGEST) * (100 - column(columns.percent)) // 100))
        length = np.where(last > 0, np.maximum(1, after_last - earliest), 1)
        self.named = named  # begins today at the earliest, whatever its plan says
        self.begin = np.where(named, turns.turn_of[row + np.maximum(start, now)], earliest)
        self.more = np.where(named, remaining, length).astype(np.int32) - 1

        as_planned = ~named & (last > 0) & (planned <= last) & (earliest < self.count)
        limit = np.where(as_planned, np.minimum(earliest + 1, after_last), _ALWAYS)
        self.limit = np.where(self.is_open, limit, _NEVER).astype(np.int32)
        kept = np.where(now <= last, last, turns.day_of[row + self.floor])
        self.kept_finish = np.where(self.is_open, kept, done)
        began = np.where((start > 0) & (start < done), start, done)
        self.kept_start = np.where(self.is_open, planned, began).astype(np.int32)


class Outcome:
    """The forecast of every task on one day."""

    def __init__(self, graph: WaveGraph, columns: TaskColumns, today: date) -> None:
        """Make the forecast.

        Args:
            graph: which task waits for which; without circles.
            columns: what is known of as many tasks as the graph has.
            today: the day for which the forecast is made.
        """
        self._graph = graph
        self._columns = columns
        self._today = today
        self._reckon(_YEARS_AHEAD)

    def _reckon(self, years: int) -> None:
        self._years = years
        given = [self._columns.start, self._columns.plan_date, self._columns.last_day, self._columns.done_on]
        columns = [np.asarray(days, dtype=np.int32) for days in given]
        latest = max(int(days.max(initial=0)) for days in columns)
        earliest = min(int(days.min(initial=date.max.toordinal(), where=days > 0)) for days in columns)
        first = min(self._today, date.fromordinal(earliest))
        last = max(self._today, date.fromordinal(max(1, latest)))
        last = date(min(last.year + years, MAXYEAR), 12, 31)
        self._turns = Turns(self._columns.calendars, first, last)
        self._terms = _Terms(self._graph, self._columns, self._turns, self._today)
        size = len(self._graph.order)
        self._finish = np.full(size, -1, dtype=np.int32)  # by rank, as a day
        self._waits = np.zeros(size, dtype=np.int32)  # by rank: the day on which the last it waits for is finished
        self._walk(0, self._finish, self._waits, np.ones(size, dtype=np.bool_))
        if self._fell_short(self._finish):
            self._reckon(years * 8)

    def _fell_short(self, finish: Small) -> bool:
        return not self._turns.is_final and bool((finish == self._turns.beyond).any())

    @property
    def start(self) -> Small:
        """Return the first day of each task, or of what remains of it, as ordinals by number; 0: no work expected."""
        terms, turns = self._terms, self._turns
        push = turns.turn_after[terms.row + self._waits]
        begin = np.minimum(np.maximum(terms.begin, push), terms.count)
        start = np.where(push < terms.limit, terms.kept_start, turns.day_of[terms.row + begin])
        start[self._finish == turns.beyond] = self._today.toordinal() - turns.zero
        return turns.ordinals(start)[self._graph.rank]

    @property
    def finish(self) -> Small:
        """Return the last day of each task as ordinals by number; 0: no work expected."""
        return self._turns.ordinals(self._finish)[self._graph.rank]

    @property
    def at_risk(self) -> NDArray[np.bool_]:
        """Tell, by number, which tasks are open and foreseen after their last day."""
        return self._late(self._finish)[self._graph.rank]

    def late_from(self, day: date) -> dict[int, date]:
        """Return the finish of each open task that is foreseen after its last day, when that is `day` or later."""
        last = self._terms.last
        ranks = np.flatnonzero(self._late(self._finish) & (last >= day.toordinal() - self._turns.zero))
        return dict(zip(self._graph.order[ranks].tolist(), self._dates(self._finish[ranks]), strict=True))

    def in_danger(self, until: date) -> dict[int, date]:
        """Return from which day on each open task may be foreseen late, up to `until`, while nothing happens to any.

        Left out is what comes to be foreseen late only when its last day is over. A day may be too early, never too
        late; it is exact for last days that are worked, as long as a task has the calendar of those it waits for.
        """
        terms, turns, graph = self._terms, self._turns, self._graph
        after = graph.followers.to
        before = np.repeat(np.arange(len(graph.order)), np.diff(graph.followers.first))
        is_held = terms.is_open[before]
        waits, abroad = np.zeros((2, len(graph.order)), dtype=np.bool_)
        waits[after[is_held]] = True
        # Turns of other calendars are none of its own.
        abroad[after[is_held & (terms.row[before] != terms.row[after])]] = True
        # Who waits for nobody and names no duration keeps its last day until that is over.
        turns_needed = np.where(terms.named | waits, terms.more.astype(np.int64) + 1, 1)
        turns_needed[~terms.is_open] = 0
        turns_needed[abroad] = _LONGEST
        chain = graph.longest_to(turns_needed)
        # The last turn on which the chain may begin and be done by the last day; too late is the day after it.
        latest = turns.turn_after[terms.row + terms.last].astype(np.int64) - chain
        now = self._today.toordinal() - turns.zero
        first = np.where(latest < 0, now, np.maximum(turns.day_of[terms.row + np.maximum(latest, 0)] + 1, now))
        first[self._late(self._finish)] = now
        is_near = (first <= terms.last) & (first <= until.toordinal() - turns.zero)
        ranks = np.flatnonzero(terms.is_open & (terms.last > 0) & is_near)
        return dict(zip(graph.order[ranks].tolist(), self._dates(first[ranks]), strict=True))

    def _late(self, finish: Small) -> NDArray[np.bool_]:
        # What lies beyond everything is told as the last day there is.
        foreseen = np.minimum(finish, self._turns.beyond - 1)
        return self._terms.is_open & (self._terms.last > 0) & (foreseen > self._terms.last)

    def impact(self, task: int, days: int) -> Moves:
        """Return what moves if `task` is finished `days` working days later: itself, then the others in order.

        Only tasks that wait for one that moves are reckoned again.

        Args:
            task: its number; one that is not open does not move.
            days: working days of its calendar, 1 or more.
        """
        rank = int(self._graph.rank[task])
        if not self._terms.is_open[rank]:
            return Moves(tasks=[], before=[], after=[], late_before=[], late_after=[])
        finish = self._slipped(rank, days)
        while self._fell_short(finish):
            self._reckon(self._years * 8)
            finish = self._slipped(rank, days)
        moved = np.flatnonzero(finish != self._finish)
        return Moves(
            tasks=self._graph.order[moved].tolist(),
            before=self._dates(self._finish[moved]),
            after=self._dates(finish[moved]),
            late_before=self._late(self._finish)[moved].tolist(),
            late_after=self._late(finish)[moved].tolist(),
        )

    def _dates(self, days: Small) -> list[date]:
        return list(map(date.fromordinal, self._turns.ordinals(days).tolist()))

    def _slipped(self, rank: int, days: int) -> Small:
        finish, waits = self._finish.copy(), self._waits.copy()
        row = self._terms.row[rank]
        turn = int(self._turns.turn_after[row + finish[rank]]) + min(days, _LONGEST) - 1
        finish[rank] = self._turns.day_of[row + min(turn, int(self._terms.count[rank]))]
        touched = np.zeros(len(finish), dtype=np.bool_)
        self._hand_on(np.array([rank]), finish, waits, touched)
        self._walk(rank, finish, waits, touched)
        return finish

    def _walk(self, rank: int, finish: Small, waits: Small, touched: NDArray[np.bool_]) -> None:
        """Settle the touched tasks from `rank` on; whoever waits for one whose finish changes is touched in turn."""
        for stretch in self._graph.ahead_of(rank):
            if stretch.wide:
                ranks = stretch.start + np.flatnonzero(touched[stretch.start : stretch.stop])
                settled = self._settled(ranks, waits[ranks])
                changed = settled != finish[ranks]
                ranks = ranks[changed]
                finish[ranks] = settled[changed]
                self._hand_on(ranks, finish, waits, touched)
            else:
                self._walk_singly(range(stretch.start, stretch.stop), finish, waits, touched)

    def _hand_on(self, ranks: Numbers, finish: Small, waits: Small, touched: NDArray[np.bool_]) -> None:
        # A finish only ever moves to a later day, so the latest is what those who wait must heed.
        later, counts = self._graph.followers.of(ranks)
        np.maximum.at(waits, later, np.repeat(finish[ranks], counts))
        touched[later] = True

    def _settled(self, ranks: Numbers, waits: Small) -> Small:
        """Return on which day each task is finished when the last that it waits for is finished on the day `waits`."""
        terms, turns = self._terms, self._turns
        row = terms.row[ranks]
        push = turns.turn_after[row + waits]
        turn = np.maximum(np.maximum(terms.begin[ranks], push) + terms.more[ranks], terms.floor[ranks])
        finish = turns.day_of[row + np.minimum(turn, terms.count[ranks])]
        return np.where(push < terms.limit[ranks], terms.kept_finish[ranks], finish)

    def _walk_singly(self, ranks: range, finish: Small, waits: Small, touched: NDArray[np.bool_]) -> None:
        # `_settled` and `_hand_on` for one task after the other.
        terms, turns = self._terms, self._turns
        finishes, waited, flags = views(finish, waits, touched)
        first, to = views(self._graph.followers.first, self._graph.followers.to)
        turn_after, day_of = views(turns.turn_after, turns.day_of)
        rows, begins, more, floors = views(terms.row, terms.begin, terms.more, terms.floor)
        counts, limits, kept = views(terms.count, terms.limit, terms.kept_finish)
        for rank in ranks:
            if not flags[rank]:
                continue
            row = rows[rank]
            push = turn_after[row + waited[rank]]
            if push < limits[rank]:
                day = kept[rank]
            else:
                turn = max(max(begins[rank], push) + more[rank], floors[rank])
                day = day_of[row + min(turn, counts[rank])]
            if day == finishes[rank]:
                continue
            finishes[rank] = day
            for place in range(first[rank], first[rank + 1]):
                later = to[place]
                flags[later] = True
                waited[later] = max(waited[later], day)
