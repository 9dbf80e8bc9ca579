"""Reads several days or periods in one deadline: "từ 15/5 đến 30/6/2020", "tháng 5-7/2020", "Quý II, III/2020".

What one end leaves out, its unit or its year, the other says. Periods that follow one another are one stretch; days and
periods with a gap are several deadlines, and which one is meant is asked. Knows no file and no clock.
Source: domain notes, section 3.
"""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from itertools import pairwise

from planner.domain.deadline import Deadline, DeadlineKind
from planner.i18n import gettext as _
from planner.importer.date_asked import Asked
from planner.importer.date_spans import Span
from planner.importer.date_words import hour_of, pattern

_DAY = timedelta(days=1)
_UNITS = {"thang": "month", "t": "month", "quy": "quarter", "nam": "year"}
_WORD = re.compile(r"(thang|quy|nam|t)(?: |\.|(?=[0-9il]))")
_CLOCK_AND_DAY = pattern(r"{CLOCK?}(?P<day>.+)")
_AND = re.compile(r",? (?:va|&|\+) |(?<=[0-9i])[&+]|[,;] ?")


def read_range(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Read "a - b" and "từ a đến b", where each may leave out what the other says; only the latter may mix units."""
    (first_key, _begins), (last_key, hour) = _clock(match["a"]), _clock(match["b"])
    last = asked.span(last_key)
    word = _WORD.match(first_key)
    if last is None and word:  # "tháng 5 - 6 năm 2020", "quý I - II/2020": the word is said once
        last = asked.span(f"{'thang' if word[1] == 't' else word[1]} {last_key}")
    if last is None:
        return None
    open_last = asked.undecided(DeadlineKind.RANGE, last)
    if open_last or last.start is None or last.last is None:
        return open_last
    bare_day = re.fullmatch("(?:ngay )?([0-9]{1,2})", first_key)
    if bare_day and last.unit == "day":  # "15 - 20/6/2020"
        first_key = f"ngay {bare_day[1]}/{last.last.month}"
    first = _before(asked, _named(first_key), last)
    mixed = first is not None and first.unit != last.unit and not match.groupdict().get("from")
    if first is None or mixed or (hour and last.unit != "day"):
        return None
    last_day = last.start - _DAY if match["before"] and not hour else last.last
    return asked.undecided(DeadlineKind.RANGE, first) or _stretch(asked, first.start, last_day, hour)


def _stretch(asked: Asked, start: date | None, last_day: date, hour: time | None) -> Deadline:
    if start and last_day < start:
        problem = _('"{text}" ends before it begins.').format(text=asked.quoted)
        return asked.question(DeadlineKind.RANGE, problem)
    return asked.deadline(DeadlineKind.RANGE, start=start, last_day=last_day, time=hour)


def read_list(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Read "tháng 5, 6/2020", "quý II và quý III năm 2020": one stretch if each follows the one before."""
    parts = _AND.split(match["list"])
    word = _WORD.match(parts[0] + " ") or re.match("()[0-9]{4}$", parts[0])
    if not 2 <= len(parts) <= 12 or word is None:
        return None
    unit = word[1] or "nam"
    spans: list[Span] = []
    for part in reversed(parts):
        key = _named(part if _WORD.match(part) else f"{unit} {part}")
        span = _before(asked, key, spans[-1]) if spans else asked.span(key)
        if span is None or span.unit != _UNITS[unit]:
            return None
        question = asked.undecided(DeadlineKind.RANGE, span)
        if question:
            return question
        spans.append(span)
    if not all(early.last and late.start == early.last + _DAY for late, early in pairwise(spans)):
        return asked.several()
    return asked.deadline(DeadlineKind.RANGE, start=spans[-1].start, last_day=spans[0].last)


def _before(asked: Asked, key: str, later: Span) -> Span | None:
    """Read the span that comes before `later`: without a year it is in the same one, or in the year before."""
    span = asked.span(key, year=later.last.year if later.last else None)
    if span and span.start and later.last and not span.has_year and span.start > later.last:
        return asked.span(key, year=later.last.year - 1)  # "từ 15/12 đến 15/01/2021"
    return span


def _named(key: str) -> str:
    """Write a month's letter out: "t5" can be a Thursday, but not beside other months."""
    return re.sub(r"^t\.? ?(?=[0-9])", "thang ", key)


def _clock(key: str) -> tuple[str, time | None]:
    """Split "17h00 ngày 3/6/2020" into the day and the hour; a clock that does not exist stays where it is."""
    match = _CLOCK_AND_DAY.fullmatch(key)
    found = hour_of(match.groupdict()) if match and match["hour"] else None
    if match is None or found is None or found in ((0, 0), (24, 0)):
        return key, None
    return match["day"], time(*found)
