"""The days along the top of a drawing: months and weeks where dates are known, numbered days where they are not.

Pure; at most a few dozen marks, however long the plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from planner.i18n import gettext as _
from planner.reporter.graph_shapes import Tick
from planner.reporter.lettering import text_width

_SIZE = 9.5  #: letter height
_STEPS = (1, 2, 5, 7, 14)  #: days between minor marks


def ticks(origin: date | None, first: int, last: int, left: float, scale: float) -> list[Tick]:
    """Return the marks from day `first` to day `last` (excluded) of an axis that begins at `left`.

    Args:
        origin: the date of day 0; None: days are only numbered.
        first: the first day.
        last: the day after the last.
        left: where `first` stands.
        scale: the width of a day.
    """
    if origin is None:
        step = _round_step(text_width(f"{last}", _SIZE) + 10, scale)
        days = range(first - first % step, last + 1, step)
        marks = [(day, False, str(day)) for day in days if first <= day]
        return _with_room(marks, first, last, left, scale)
    base = origin.toordinal()
    marks = [(day - base, False, text) for day, text in _days(base + first, base + last, scale)]
    marks += [(day - base, True, text) for day, text in _months(base + first, base + last, scale)]
    return _with_room(marks, first, last, left, scale)


def _with_room(marks: list[tuple[int, bool, str]], first: int, last: int, left: float, scale: float) -> list[Tick]:
    """Keep the text of a mark only where the next one of its kind, and the edge, leave room for it."""
    found = []
    for kind in (False, True):
        row = [mark for mark in marks if mark[1] is kind and mark[0] < last]
        for place, (day, _kind, text) in enumerate(row):
            end = row[place + 1][0] if place + 1 < len(row) else last
            room = (end - max(day, first)) * scale - 5
            fits = text_width(text, _SIZE, bold=kind) <= room
            found.append(Tick(x=left + (max(day, first) - first) * scale, major=kind, text=text if fits else ""))
    return found


def _round_step(needed: float, scale: float) -> int:
    step = 1
    while step * scale < needed:
        step = step * 2 if str(step)[0] in "15" else step * 5 // 2
    return step


def _days(first: int, last: int, scale: float) -> Iterator[tuple[int, str]]:
    """Yield days of the month; from a week on always Mondays."""
    needed = text_width("30/12", _SIZE) + 7
    step = next((step for step in _STEPS if step * scale >= needed), None)
    if step is None:
        return
    # Ordinal 1 is a Monday.
    day = first if step < 7 else first + (1 - first) % 7
    for ordinal in range(day, last, step):
        when = date.fromordinal(ordinal)
        yield ordinal, f"{when.day:02d}/{when.month}"


def _months(first: int, last: int, scale: float) -> Iterator[tuple[int, str]]:
    """Yield the first days of months, of every third or sixth month, or of every n-th year."""
    month_width = 30.4 * scale
    needed = text_width(_month(date(2020, 12, 1)), _SIZE, bold=True) + 8
    step = next((step for step in (1, 3, 6, 12) if step * month_width >= needed), 12)
    every = 1
    if step == 12:
        every = _round_step(text_width("2020", _SIZE, bold=True) + 8, 12 * month_width)
    start = date.fromordinal(first)
    year, month = start.year, (start.month - 1) // step * step + 1
    if step == 12:
        year -= year % every
    while year <= 9999:
        ordinal = date(max(year, 1), month, 1).toordinal()
        if ordinal >= last:
            return
        if ordinal >= first or _next(year, month, step, every) > first:
            when = date(max(year, 1), month, 1)
            yield ordinal, str(year) if step == 12 else _month(max(when, start))
        if step == 12:
            year += every
        else:
            year, month = (year, month + step) if month + step <= 12 else (year + 1, 1)


def _next(year: int, month: int, step: int, every: int) -> int:
    if step == 12 or year >= 9999:
        return date(min(9999, year + every), 1, 1).toordinal() if year < 9999 else date.max.toordinal() + 1
    later = date(max(year, 1), month, 1) + timedelta(days=31 * step)
    return later.replace(day=1).toordinal()


def _month(when: date) -> str:
    return _("{month}/{year}").format(month=when.month, year=when.year)


def shaded(days_off: tuple[tuple[int, int], ...], first: int, last: int, scale: float) -> list[tuple[int, int]]:
    """Return the spans of days off worth shading: those that are seen, and where days are thin only the long ones."""
    return [
        (max(begin, first), min(end, last))
        for begin, end in days_off
        if end > first and begin < last and ((end - begin) * scale >= 4 or end - begin >= 4)
    ]
