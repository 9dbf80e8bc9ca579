"""Reads the deadlines that Vietnamese plans hold: "trước ngày 15/5/2020", "Quý II/2020", "hằng tháng".

A grammar, not a list: `_RULES` is a table of (name, pattern, builder), and the first that reads the whole text wins.
Days and periods inside are read by `date_spans`, what repeats by `date_recurrence`, counts by `date_relative`. What no
rule reads, and what can be read in two ways, becomes a question to the officer, never a guess. Knows no file and no
clock. Source: domain notes, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from planner.domain.deadline import Deadline, DeadlineKind
from planner.i18n import gettext as _
from planner.importer.date_recurrence import read_recurrence
from planner.importer.date_relative import anchor_of, later
from planner.importer.date_spans import Around, Span, fold, month_of, pattern, read_span, vietnamese

if TYPE_CHECKING:
    from planner.domain.calendar import Calendar

LONGEST = 500  #: characters; a longer text is prose, not a deadline
EXAMPLES = ("trước ngày 15/5/2020", "Quý II/2020")
_DAY = timedelta(days=1)


def parse_deadline(
    text: str, *, signed: date | None = None, calendar: Calendar | None = None, day_first: bool | None = None
) -> Deadline:
    """Read one deadline; what cannot be decided comes back with a question. Never raises, whatever the text.

    Args:
        text: the deadline as filed; the result keeps it word for word.
        signed: the day the document was signed: it settles a missing year (the next such day on or after it) and
            what counts "kể từ ngày ký".
        calendar: the working days in which "10 ngày làm việc" is counted.
        day_first: how the file writes bare dates such as "12/1/2025": True for dd/mm, False for mm/dd, None when
            nothing in the file settles it. A word ("ngày", "trước") or, under None, a leading zero says dd/mm.
    """
    key = fold(text[:LONGEST]).strip(" .,;:()[]\"'“”")
    asked = _Asked(text=text, key=key, signed=signed, calendar=calendar, day_first=day_first)
    if len(text) > LONGEST:
        problem = _('"{text}" has {count} characters, too many for a deadline.')
        return asked.question(DeadlineKind.NONE, problem.format(text=asked.quoted, count=len(text)))
    if not key.strip("-/"):
        return asked.question(DeadlineKind.NONE, _("The deadline is blank."))
    return (
        _read(asked, _LEAD.sub("", key, count=1))
        or _alternatives(asked, key)
        or asked.question(DeadlineKind.NONE, _('"{text}" cannot be read as a deadline.').format(text=asked.quoted))
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """The text that is asked about and what is known around it."""

    text: str
    key: str  #: the text folded: what the patterns are matched against
    signed: date | None
    calendar: Calendar | None
    day_first: bool | None

    @property
    def quoted(self) -> str:
        """The text as a question quotes it: one line, at most 80 characters."""
        line = " ".join(self.text[:LONGEST].split())
        return line if len(line) <= 80 else line[:79] + "…"

    def deadline(self, kind: DeadlineKind, **fields: Any) -> Deadline:
        """Return a deadline of this text."""
        return Deadline(text=self.text, kind=kind, **fields)

    def question(self, kind: DeadlineKind, problem: str, expected: str = "", **fields: Any) -> Deadline:
        """Return an open deadline, whose question says what was found and what is expected."""
        usual = _('Write a day or a period, for example "{first}" or "{second}".')
        expected = expected or usual.format(first=EXAMPLES[0], second=EXAMPLES[1])
        return self.deadline(kind, question=f"{problem} {expected}", **fields)

    def span(self, key: str, *, bare: bool = False, year: int | None = None) -> Span | None:
        """Read a span with what is known around this text."""
        known = Around(quoted=self.quoted, signed=self.signed, year=year, day_first=self.day_first, bare=bare)
        return read_span(key, known)


_Builder = Callable[[_Asked, re.Match[str]], Deadline | None]
_Rules = tuple[tuple[str, re.Pattern[str], _Builder], ...]


def _read(asked: _Asked, key: str) -> Deadline | None:
    """Return what the first rule makes of the text; a builder declines with None."""
    for _name, rule, build in _RULES:
        match = rule.fullmatch(key)
        found = build(asked, match) if match else None
        if found:
            return found
    return None


# --- builders ---------------------------------------------------------------------------------------------------------


def _vague(asked: _Asked, _match: re.Match[str]) -> Deadline:
    return asked.question(DeadlineKind.NONE, _('"{text}" names no day.').format(text=asked.quoted))


def _elsewhere(asked: _Asked, _match: re.Match[str]) -> Deadline:
    problem = _('"{text}" refers to another document; the deadline it sets must be stated here.')
    return asked.question(DeadlineKind.NONE, problem.format(text=asked.quoted))


def _continuous(asked: _Asked, match: re.Match[str]) -> Deadline | None:
    if match["point"] is None:
        return asked.deadline(DeadlineKind.CONTINUOUS)
    span = asked.span(match["point"])
    if span is None or span.problem:
        return None
    return asked.deadline(DeadlineKind.CONTINUOUS, start=span.start)  # no last day: routine work is never overdue


def _conditional(asked: _Asked, _match: re.Match[str]) -> Deadline:
    return asked.deadline(DeadlineKind.CONDITIONAL)


def _snapshot(asked: _Asked, match: re.Match[str]) -> Deadline | None:
    found = _ending(DeadlineKind.SNAPSHOT, asked, match)
    if found is None or found.question:
        return found
    problem = _('"{text}" is the time of a figure, not a deadline.').format(text=asked.quoted)
    return asked.question(DeadlineKind.SNAPSHOT, problem, last_day=found.last_day, time=found.time)


def _recurring(asked: _Asked, match: re.Match[str]) -> Deadline | None:
    found = read_recurrence(match[0])
    if found is None:
        return None
    if found.rrule is None:
        problem = _('"{text}" repeats, but on which days cannot be told.').format(text=asked.quoted)
        return asked.question(DeadlineKind.RECURRING, problem)
    return asked.deadline(DeadlineKind.RECURRING, start=found.start, rrule=found.rrule, time=found.time)


def _starting(kind: DeadlineKind, asked: _Asked, match: re.Match[str]) -> Deadline | None:
    span = asked.span(match["point"])
    return (_undecided(asked, kind, span) or asked.deadline(kind, start=span.start)) if span else None


def _range(asked: _Asked, match: re.Match[str]) -> Deadline | None:
    """Read "a - b" and "từ a đến b", where each may leave out what the other says; only the latter may mix units."""
    first_key, last_key = match["a"], match["b"]
    last = asked.span(last_key)
    word = first_key.split(" ")[0]
    if last is None and word in ("thang", "quy"):  # "tháng 5 - 6 năm 2020", "quý I - II/2020": the word is said once
        last = asked.span(f"{word} {last_key}")
    if last is None:
        return None
    open_last = _undecided(asked, DeadlineKind.RANGE, last)
    if open_last or last.start is None or last.last is None:
        return open_last
    bare_day = re.fullmatch("(?:ngay )?([0-9]{1,2})", first_key)
    if bare_day and last.unit == "day":  # "15 - 20/6/2020"
        first_key = f"ngay {bare_day[1]}/{last.last.month}"
    first = asked.span(first_key, year=last.last.year)
    if first and first.start and not first.has_year and first.start > last.last:  # "từ 15/12 đến 15/01/2021"
        first = asked.span(first_key, year=last.last.year - 1)
    if first is None or (first.unit != last.unit and not match.groupdict().get("from")):
        return None
    open_first = _undecided(asked, DeadlineKind.RANGE, first)
    if open_first or first.start is None:
        return open_first
    last_day = last.start - _DAY if match["before"] else last.last
    if last_day < first.start:
        problem = _('"{text}" ends before it begins.').format(text=asked.quoted)
        return asked.question(DeadlineKind.RANGE, problem)
    return asked.deadline(DeadlineKind.RANGE, start=first.start, last_day=last_day)


def _edge(asked: _Asked, match: re.Match[str]) -> Deadline | None:
    """Propose days for "đầu tháng 6/2020" and "giữa ..." (ten days, or a part of the period), and ask."""
    span = asked.span(match["point"])
    if span is None or span.unit not in ("month", "quarter", "year"):
        return None
    undecided = _undecided(asked, DeadlineKind.AMBIGUOUS, span)
    if undecided or span.start is None:
        return undecided
    middle = match["side"] == "giua"
    if span.unit == "month":
        start = span.start + 10 * _DAY * middle
        last = start + 9 * _DAY
    else:
        length = 1 if span.unit == "quarter" else 3
        start, last = month_of(span.start.year, span.start.month + length * middle, length)
    problem = _('"{text}" names no last day; it may mean from {start} to {last}.').format(
        text=asked.quoted, start=vietnamese(start), last=vietnamese(last)
    )
    expected = _("Write the last day that is meant.")
    return asked.question(DeadlineKind.AMBIGUOUS, problem, expected, start=start, last_day=last)


def _before(asked: _Asked, match: re.Match[str]) -> Deadline | None:
    """Read "trước ...": strictly before a day or a period, but by the hour of a day when one is named."""
    found = _ending(DeadlineKind.BEFORE, asked, match)
    if found is None or found.question or found.time or found.last_day is None:
        return found
    span = asked.span(match["point"])
    midnight = match["hour"] is not None  # 0h00 or 24h00: `_ending` has moved the day
    last_day = found.last_day if midnight or span is None or span.start is None else span.start - _DAY
    return asked.deadline(DeadlineKind.BEFORE, last_day=last_day)


def _period(asked: _Asked, match: re.Match[str]) -> Deadline | None:
    """Read a period that stands alone or after "trong": it names its first day as well as its last.

    A single day is only the last; a spreadsheet's month-first date stands for both, as the collected examples have it.
    """
    span = asked.span(match["point"], bare=match["point"] == asked.key)
    if span is None:
        return None
    kind = DeadlineKind.RANGE if span.unit == "part" else DeadlineKind.BY
    start = span.start if span.unit != "day" or span.month_first else None
    return _undecided(asked, kind, span) or asked.deadline(kind, start=start, last_day=span.last)


def _ending(kind: DeadlineKind, asked: _Asked, match: re.Match[str]) -> Deadline | None:
    """Read an optional hour and the span whose last day counts."""
    span = asked.span(match["point"])
    if span is None or (match["hour"] and span.unit != "day"):
        return None
    undecided = _undecided(asked, kind, span)
    if undecided or span.last is None:
        return undecided
    if match["hour"] is None:
        return asked.deadline(kind, last_day=span.last)
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if (hour, minute) in ((0, 0), (24, 0)):  # midnight ends a day: 0h00 the day before, 24h00 this one
        return asked.deadline(kind, last_day=span.last - _DAY * (hour == 0))
    if hour > 23 or minute > 59:
        return asked.question(kind, _('"{text}" names an hour that does not exist.').format(text=asked.quoted))
    return asked.deadline(kind, last_day=span.last, time=time(hour, minute))


def _undecided(asked: _Asked, kind: DeadlineKind, span: Span) -> Deadline | None:
    """Return the question a span raises; with days, they are one of two readings."""
    if span.problem is None:
        return None
    if span.last:
        days = {"start": span.start, "last_day": span.last}
        return asked.question(DeadlineKind.AMBIGUOUS, span.problem, _("Write the one that is meant."), **days)
    return asked.question(kind, span.problem)


def _relative(asked: _Asked, match: re.Match[str]) -> Deadline | None:
    """Read so many days from an event; only signing and a named day can be computed here."""
    event, count, unit = match["event"], int(match.groupdict().get("n") or 0), match.groupdict().get("unit")
    anchor = anchor_of(event)
    origin = asked.signed if anchor == "signed" else None
    day = asked.span(event)
    if day is not None:
        undecided = _undecided(asked, DeadlineKind.RELATIVE, day)
        if undecided or day.unit != "day" or day.last is None:
            return undecided
        origin, anchor = day.last, day.last.isoformat()
    last_day = later(origin, count, unit, asked.calendar) if origin else None
    if last_day is None:
        problem = _('"{text}" counts from a day that is not known here; its last day must be stated.')
        return asked.question(DeadlineKind.RELATIVE, problem.format(text=asked.quoted), anchor=anchor)
    return asked.deadline(DeadlineKind.RELATIVE, last_day=last_day, anchor=anchor)


def _alternatives(asked: _Asked, key: str) -> Deadline | None:
    """Recognise several deadlines in one text: each is clear, together they are a question."""
    parts = re.split(r" hoac |; ?|, (?:va )?| va ", key)
    if not 2 <= len(parts) <= 6 or not all(_read(asked, part) for part in parts):
        return None
    problem = _('"{text}" holds more than one deadline.').format(text=asked.quoted)
    return asked.question(DeadlineKind.AMBIGUOUS, problem, _("Keep one, or write one row for each."))


# --- the grammar ------------------------------------------------------------------------------------------------------

_PHASE = r"(?:từ |(?:trong )?giai đoạn |trong )?"
_TO = r"(?P<before>trước )?(?:hết |cuối )?(?P<b>.+?)(?:(?:,| và|, và) (?:định hướng|tầm nhìn) .+)?"
_WITHIN = r"{LATE?}(?:trong )?(?:vòng |thời hạn |thời gian )?(?:không quá |tối đa )?"
_AMOUNT = r"(?P<n>[0-9]{1,4})(?: \([^()]*\))? (?P<unit>ngày làm việc|ngày|tuần|tháng)"
_HURRY = r"(?:ngay|ngay lập tức|sớm(?: nhất)?|kịp thời|khẩn trương|đúng (?:tiến độ|hạn|thời hạn))"
_RULED = r"theo (?:đúng )?(?:thời (?:gian|hạn) |tiến độ )?(?:quy định|kế hoạch|lộ trình)(?: .+)?"
_ROUTINE = r"(?:nhiệm vụ )?(?:thường xuyên(?:,? liên tục)?|liên tục)"
_NEED = r"(?:yêu cầu|chỉ đạo|đề nghị|nhu cầu|phát sinh|thay đổi|văn bản|cần(?: thiết)?)"
_ON_NEED = rf"(?:đột xuất,? )?(?:khi (?:có )?|theo ){_NEED}(?: (?:của|từ) [^0-9,;]+)?"
_YEAR_ON = r"(?:từ )?(?P<point>(?:năm )?[0-9]{4}) và (?:những|các) năm (?:tiếp theo|tiếp|sau|tới)"
_END = r"(?:hết |(?:ngày )?cuối (?:cùng )?(?:của )?)?"
_UNTIL = r"(?:từ nay )?{LATE?}(?:trong |vào )?(?:(?:cho )?(?:đến|tới) )?(?:vào )?"
_WORK = r"(?:phải|cần|hoàn thành|hoàn tất|kết thúc|thực hiện|xong|thời hạn|thời gian|hạn chót|hạn cuối|hạn)"
#: Words that say the line is about finishing, and nothing about when.
_LEAD = pattern(rf"(?:{_WORK}(?: là)?(?:: ?| )){{0,4}}")
#: (name, pattern, builder); the first that reads the whole text wins. "{PART}" is defined in `date_spans`.
_RULES: _Rules = (
    ("vague", pattern(_HURRY), _vague),
    ("elsewhere", pattern(_RULED), _elsewhere),
    ("continuous", pattern(_ROUTINE + r"(?:,? (?:trong )?{POINT})?"), _continuous),
    ("conditional", pattern(_ON_NEED), _conditional),
    ("snapshot", pattern(r"(?:số liệu )?tính (?:đến|tới) (?:thời điểm )?" + _END + "{CLOCK?}{POINT}"), _snapshot),
    ("relative", pattern(_WITHIN + _AMOUNT + r",? (?:tính |kể )?(?:từ|sau) (?P<event>.+)"), _relative),
    ("at once after", pattern(r"ngay (?:sau )?khi (?P<event>.+)"), _relative),
    ("recurring", pattern(r".+"), _recurring),
    ("open after", pattern(_YEAR_ON), partial(_starting, DeadlineKind.OPEN_AFTER)),
    ("range in words", pattern(r"(?P<from>từ )?(?:giai đoạn )?(?P<a>.+?) (?:đến|tới) " + _TO), _range),
    ("range", pattern(_PHASE + r"(?P<a>.+?) - " + _TO), _range),
    ("range without spaces", pattern(_PHASE + r"(?P<a>[^-]+)-" + _TO), _range),
    ("from", pattern(r"(?:bắt đầu )?(?:kể )?từ {POINT}(?: trở đi)?"), partial(_starting, DeadlineKind.FROM)),
    ("edge of a period", pattern(r"(?:vào |trong )?(?:khoảng )?(?P<side>đầu|giữa) {POINT}"), _edge),
    ("before", pattern(r"{LATE?}(?:đến )?trước {CLOCK?}{POINT}"), _before),
    ("period", pattern(r"(?:trong |vào )?{POINT}"), _period),
    ("by", pattern(_UNTIL + _END + "{CLOCK?}{POINT}"), partial(_ending, DeadlineKind.BY)),
)
