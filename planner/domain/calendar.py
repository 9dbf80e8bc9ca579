"""On which days people work, and how many working days lie between two dates.

Knows no holidays of its own: `planner/calendars.py` brings the public ones and the site's overrides, year by year.
Source: design notes "Time"; a five-day week, Saturday and Sunday off.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import MAXYEAR, MINYEAR, date

SATURDAY_AND_SUNDAY = frozenset({5, 6})

Exceptions = Callable[[int], Mapping[date, bool]]
"""For a year: the days that leave the weekly rhythm; True is a day worked, False a day off."""


def _no_exceptions(_year: int) -> Mapping[date, bool]:
    return {}


class Calendar:
    """The working days of one place, for every year from 1 to 9999.

    The working days of the years asked about so far lie in one sorted array, so that every question is a binary
    search, however long the span. Years are added as they are needed; the state is replaced in one assignment, so
    threads may share a calendar.
    """

    def __init__(
        self,
        name: str,
        *,
        weekend: Collection[int] = SATURDAY_AND_SUNDAY,
        exceptions: Exceptions = _no_exceptions,
    ) -> None:
        """Make a calendar.

        Args:
            name: how plans call it: "vn", "every-day".
            weekend: weekdays off, Monday is 0; never all seven.
            exceptions: the days off and days worked of a year; asked at most once a year.
        """
        if set(weekend) >= set(range(7)):
            raise ValueError("a calendar needs at least one weekday on which people work")
        self.name = name
        self._weekend = frozenset(weekend)
        self._exceptions = exceptions
        self._known: tuple[int, int, array[int]] | None = None  # first year, last year, ordinals of working days

    def __repr__(self) -> str:
        return f"Calendar({self.name!r})"

    def is_working(self, day: date) -> bool:
        """Say whether people work on `day`."""
        days = self._covering(day.year, day.year)
        place = bisect_left(days, day.toordinal())
        return place < len(days) and days[place] == day.toordinal()

    def next_working(self, day: date) -> date:
        """Return `day` if people work on it, else the first working day after it."""
        return day if self.is_working(day) else self.add(day, 1)

    def previous_working(self, day: date) -> date:
        """Return `day` if people work on it, else the last working day before it."""
        return day if self.is_working(day) else self.add(day, -1)

    def add(self, day: date, n: int) -> date:
        """Return the n-th working day strictly after `day`; for n < 0 the |n|-th strictly before; for 0 `day` itself.

        Raises:
            OverflowError: there is no such day between the years 1 and 9999.
        """
        if n == 0:
            return day
        ordinal = day.toordinal()
        first = last = day.year
        while True:
            days = self._covering(first, last)
            place = bisect_right(days, ordinal) + n - 1 if n > 0 else bisect_left(days, ordinal) + n
            if 0 <= place < len(days):
                return date.fromordinal(days[place])
            if (last if n > 0 else -first) >= (MAXYEAR if n > 0 else -MINYEAR):
                raise OverflowError(f"{n} working days from {day} leave the calendar")
            # A year has at most 366 working days: this never asks for more years than the answer needs.
            if n > 0:
                last = min(MAXYEAR, last + 1 + (place - len(days)) // 366)
            else:
                first = max(MINYEAR, first - 1 + (place + 1) // 366)

    def count(self, a: date, b: date) -> int:
        """Return the working days after `a` up to and including `b`; when b < a, minus those after `b` up to `a`."""
        days = self._covering(min(a, b).year, max(a, b).year)
        return bisect_right(days, b.toordinal()) - bisect_right(days, a.toordinal())

    def span(self, start: date, last: date) -> int:
        """Return the working days from `start` to `last`, both included; 0 when `last` is before `start`."""
        if last < start:
            return 0
        days = self._covering(start.year, last.year)
        return bisect_right(days, last.toordinal()) - bisect_left(days, start.toordinal())

    def working_days(self, first: date, last: date) -> array[int]:
        """Return the ordinals of the working days from `first` to `last`, both included, ascending."""
        days = self._covering(first.year, last.year)
        return days[bisect_left(days, first.toordinal()) : bisect_right(days, last.toordinal())]

    def _covering(self, first: int, last: int) -> array[int]:
        if self._known is None:
            days = array("l", self._working(first, last))
        else:
            known_first, known_last, days = self._known
            if known_first <= first and last <= known_last:
                return days
            first, last = min(first, known_first), max(last, known_last)
            before = array("l", self._working(first, known_first - 1))
            days = before + days + array("l", self._working(known_last + 1, last))
        self._known = (first, last, days)
        return days

    def _working(self, first: int, last: int) -> Iterator[int]:
        for year in range(first, last + 1):
            exceptions = {day.toordinal(): works for day, works in self._exceptions(year).items()}
            for ordinal in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1):
                # Ordinal 1 is a Monday.
                if exceptions.get(ordinal, (ordinal - 1) % 7 not in self._weekend):
                    yield ordinal


EVERY_DAY = Calendar("every-day", weekend=())
"""The calendar in which each day works: a count of its working days is a count of days."""
