"""Reads what comes near to a deadline and is none yet: "kịp thời", "đầu tháng 6", "05 ngày làm việc", "Đã hoàn thành".

Each becomes a question that says what was found and what to write; where days can be proposed, they are. Knows no file
and no clock. Source: domain notes, section 3.
"""

from __future__ import annotations

import re
from datetime import timedelta

from planner.domain.deadline import Deadline, DeadlineKind
from planner.i18n import gettext as _
from planner.importer.date_asked import Asked
from planner.importer.date_relative import anchor_of
from planner.importer.date_spans import month_of

_DAY = timedelta(days=1)
_EVERY = r"{EACH} (?:ngày|tuần|tháng|quý|năm)"
RHYTHMS = rf"(?:theo )?{_EVERY}(?:(?: ?[,/] ?|,? và |,? hoặc )(?:{_EVERY}|tuần|tháng|quý|năm))+"
_NTH = r"(?P<n>[1-5]|một|nhất|đầu(?: tiên)?|hai|ba|tư|năm|cuối(?: cùng)?)"
WEEK = rf"(?:trong |vào )?tuần (?:thứ )?{_NTH} (?:của |trong )?{{POINT}}"
_WEEKS = {"mot": 1, "nhat": 1, "dau": 1, "dau tien": 1, "hai": 2, "ba": 3, "tu": 4, "nam": 5}


def no_day(asked: Asked, _match: re.Match[str]) -> Deadline:
    """Ask about words without any day."""
    return asked.question(DeadlineKind.NONE, _('"{text}" names no day.').format(text=asked.quoted))


def elsewhere(asked: Asked, _match: re.Match[str]) -> Deadline:
    """Ask about a deadline that stands in another document."""
    problem = _('"{text}" refers to another document; the deadline it sets must be stated here.')
    return asked.question(DeadlineKind.NONE, problem.format(text=asked.quoted))


def state(asked: Asked, _match: re.Match[str]) -> Deadline:
    """Ask about "Đã hoàn thành" in the column of deadlines."""
    problem = _('"{text}" says how the work stands, not when it must be done.').format(text=asked.quoted)
    return asked.question(DeadlineKind.NONE, problem)


def serial(asked: Asked, match: re.Match[str]) -> Deadline:
    """Ask about a spreadsheet's date that lost its format: it is a count of days since 1900."""
    problem = _("Found the number {number}, expected a date; give the cell a date format.")
    return asked.deadline(DeadlineKind.NONE, question=problem.format(number=match["number"]))


def how_long(asked: Asked, _match: re.Match[str]) -> Deadline:
    """Ask from when "05 ngày làm việc" counts."""
    problem = _('"{text}" says how long, but not from which day.').format(text=asked.quoted)
    expected = _('Add the event, for example "{example}", or write the last day.')
    return asked.question(DeadlineKind.RELATIVE, problem, expected.format(example="kể từ ngày ký"))


def after_event(asked: Asked, match: re.Match[str]) -> Deadline:
    """Ask how long after an event."""
    problem = _('"{text}" does not say how many days after the event.').format(text=asked.quoted)
    expected = _('Write how many, for example "{example}", or the last day.')
    example = "trong 05 ngày làm việc kể từ ngày nhận được văn bản"
    anchor = anchor_of(match["event"])
    return asked.question(DeadlineKind.RELATIVE, problem, expected.format(example=example), anchor=anchor)


def after_day(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Ask about "sau ngày 30/6/2020": a first day, and no last one."""
    span = asked.span(match["point"])
    if span is None:
        return None
    undecided = asked.undecided(DeadlineKind.FROM, span)
    if undecided or span.last is None:
        return undecided
    problem = _('"{text}" says after which day, not until when.').format(text=asked.quoted)
    return asked.question(DeadlineKind.FROM, problem, start=span.last + _DAY)


def several(asked: Asked, _match: re.Match[str]) -> Deadline:
    """Ask which of several rhythms is meant."""
    return asked.several()


def edge(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Propose days for "đầu tháng 6/2020" and "giữa ..." (ten days, or a part of the period), and ask."""
    span = asked.span(match["point"])
    if span is None or span.unit not in ("month", "quarter", "year"):
        return None
    undecided = asked.undecided(DeadlineKind.AMBIGUOUS, span)
    if undecided or span.start is None:
        return undecided
    middle = match["side"] == "giua"
    if span.unit == "month":
        start = span.start + 10 * _DAY * middle
        return asked.proposal(start, start + 9 * _DAY)
    length = 1 if span.unit == "quarter" else 3
    return asked.proposal(*month_of(span.start.year, span.start.month + length * middle, length))


def half(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Read half a year, or the second half of a month; where the first half of a month ends is asked."""
    span = asked.span(match["point"])
    if span is None or span.unit not in ("month", "year"):
        return None
    undecided = asked.undecided(DeadlineKind.AMBIGUOUS, span)
    if undecided or span.start is None or span.last is None:
        return undecided
    first = match["side"] == "dau"
    if span.unit == "year":
        start, last = month_of(span.start.year, 1 if first else 7, 6)
    elif first:
        return asked.proposal(span.start, span.start.replace(day=15))
    else:
        start, last = span.start.replace(day=16), span.last
    return asked.deadline(DeadlineKind.RANGE, start=start, last_day=last)


def week(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Propose seven days for "tuần 3 tháng 5/2020": whether weeks run from the 1st or from Monday is not said."""
    span = asked.span(match["point"])
    if span is None or span.unit != "month":
        return None
    undecided = asked.undecided(DeadlineKind.AMBIGUOUS, span)
    if undecided or span.start is None or span.last is None:
        return undecided
    if match["n"].startswith("cuoi"):
        return asked.proposal(span.last - 6 * _DAY, span.last)
    number = _WEEKS.get(match["n"]) or int(match["n"])
    start = span.start + 7 * (number - 1) * _DAY
    return asked.proposal(min(start, span.last), min(start + 6 * _DAY, span.last))
