"""Working days as numbers that can be added, for several calendars at once: tables for `outcome.py`.

Two kinds of whole numbers stand for dates:

- A *day* counts calendar days from the first of the tables: 1, 2, 3 ...; 0 is "none", `beyond` is all that is later.
- A *turn* counts the working days of one calendar, from 0: the fifth working day after turn 7 is turn 12.

`turn_of[day]` is the turn of a day, of a day off that of the next working day; `turn_after[day]` that of the first
working day strictly after it (of no day: -1); `day_of[turn]` leads back. The tables of all calendars lie in one array
each, one calendar after the other: those of the calendar c begin at c * `stride`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from planner.domain.calendar import Calendar

Small = NDArray[np.int32]


class Turns:
    """The tables of some calendars between two dates."""

    def __init__(self, calendars: Sequence[Calendar], first: date, last: date) -> None:
        """Make the tables from `first` to `last`, both included."""
        days = last.toordinal() - first.toordinal() + 1
        self.zero = first.toordinal() - 1  #: the ordinal of day 0
        self.beyond = days + 1  #: the day that stands for all later ones
        self.is_final = last == date.max  #: nothing lies beyond but what no calendar reaches
        self.stride = days + 2
        worked = np.zeros((len(calendars), self.stride), dtype=np.int32)
        day_of = np.full_like(worked, self.beyond)
        for row, calendar in enumerate(calendars):
            working = np.asarray(calendar.working_days(first, last), dtype=np.int64) - self.zero
            worked[row, working] = 1
            day_of[row, : len(working)] = working
        turn_after = np.cumsum(worked, axis=1, dtype=np.int32)
        self.count = turn_after[:, -1].copy()  #: how many turns each calendar has; this one leads to `beyond`
        self.turn_of = (turn_after - worked).ravel()
        turn_after[:, 0] = -1
        self.turn_after = turn_after.ravel()
        self.day_of = day_of.ravel()

    def days(self, ordinals: Small) -> Small:
        """Return the days of ordinals between the two dates; 0 stays 0."""
        return np.where(ordinals > 0, ordinals - self.zero, 0).astype(np.int32)

    def ordinals(self, days: Small) -> Small:
        """Return the ordinals of days; 0 stays 0, and what lies beyond is the last day of the year 9999."""
        return np.where(days > 0, np.minimum(days + self.zero, date.max.toordinal()), 0).astype(np.int32)
