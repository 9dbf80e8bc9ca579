"""Counts relative deadlines: "trong 10 ngày làm việc kể từ ngày ký".

The day of the event is not counted: one day from the 5th is the 6th. Knows no file and no clock; of all events only
signing and a day named in the text have a date here. Source: domain notes, section 3.
"""

from __future__ import annotations

import calendar as months
from datetime import date, timedelta
from typing import TYPE_CHECKING

from planner.importer.date_words import YEARS, pattern

if TYPE_CHECKING:
    from planner.domain.calendar import Calendar

MOST = 3660  #: days, weeks or months; a longer count is a slip of the pen
_SIGNED = r"(?:ngày |khi )?(?:được )?ký(?: ban hành)?(?: (?:văn bản|kế hoạch))?(?: này)?"
#: (anchor, pattern of the words after "kể từ"); signing is that of the plan itself, not of "hợp đồng".
_ANCHORS = (
    ("signed", pattern(_SIGNED)),
    ("assigned", pattern(r".*(?:giao việc|giao nhiệm vụ|được giao).*")),
    ("promulgated", pattern(r".*ban hành.*")),
    ("approved", pattern(r".*phê duyệt.*")),
    ("received", pattern(r".*nhận được.*")),
    ("in_force", pattern(r".*có hiệu lực.*")),
)


def anchor_of(event: str) -> str | None:
    """Return the name of the event that a folded text describes; None for one that has no name here."""
    return next((name for name, words in _ANCHORS if words.fullmatch(event)), None)


def later(origin: date, count: int, unit: str | None, calendar: Calendar | None) -> date | None:
    """Return the day `count` units after `origin`, at the event itself when `unit` is None.

    Args:
        origin: the day of the event.
        count: from 1 to MOST when there is a unit.
        unit: folded: "ngay", "ngay lam viec" (working days of `calendar`), "tuan", "thang" (the same day of a later
            month, or its last).
        calendar: needed for working days.

    Returns:
        None when it cannot be told: no calendar, a count out of bounds, a year outside `YEARS`.
    """
    if unit is None:
        return origin
    if origin.year not in YEARS or not 0 < count <= MOST:
        return None
    if unit == "thang":
        year, month = divmod(origin.year * 12 + origin.month - 1 + count, 12)
        if year not in YEARS:
            return None
        return date(year, month + 1, min(origin.day, months.monthrange(year, month + 1)[1]))
    if unit == "ngay lam viec":
        return calendar.add(origin, count) if calendar else None
    day = origin + timedelta(days=count * (7 if unit == "tuan" else 1))
    return day if day.year in YEARS else None
