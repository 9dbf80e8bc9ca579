"""Reads the deadlines that Vietnamese plans hold: "trước ngày 15/5/2020", "Quý II/2020", "hằng tháng".

A grammar, not a list: `_RULES` is a table of (name, pattern, builder), and the first that reads the whole text wins.
Days and periods inside are read by `date_spans`, several of them by `date_ranges`, what repeats by `date_recurrence`,
counts by `date_relative`, near misses by `date_vague`. What no rule reads, and what can be read in two ways, becomes a
question to the officer, never a guess. Knows no file and no clock. Source: domain notes, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

from planner.domain.deadline import Deadline, DeadlineKind
from planner.i18n import gettext as _
from planner.importer import date_vague as vague
from planner.importer.date_asked import EXAMPLES, LONGEST, Asked
from planner.importer.date_ranges import read_list, read_range
from planner.importer.date_recurrence import read_recurrence
from planner.importer.date_relative import anchor_of, later
from planner.importer.date_words import fold, hour_of, pattern, weekday_number

if TYPE_CHECKING:
    from planner.domain.calendar import Calendar

__all__ = ["EXAMPLES", "LONGEST", "parse_deadline"]
_DAY = timedelta(days=1)


def parse_deadline(
    text: str,
    *,
    signed: date | None = None,
    calendar: Calendar | None = None,
    day_first: bool | None = None,
    mixed: bool = False,
) -> Deadline:
    """Read one deadline; what cannot be decided comes back with a question. Never raises, whatever the text.

    Args:
        text: the deadline as filed; the result keeps it word for word.
        signed: the day the document was signed: it settles a missing year (the next such day on or after it) and
            what counts "kể từ ngày ký".
        calendar: the working days in which "10 ngày làm việc" is counted.
        day_first: how the file writes bare dates such as "12/1/2025": True for dd/mm, False for mm/dd, None when
            nothing in the file settles it. "Ngày" before a date says dd/mm; another word ("trước") or a leading zero
            says so too unless the file writes mm/dd.
        mixed: whether the file proves both orders; then each date that can be read in both is asked.
    """
    key = fold(text[:LONGEST])
    asked = Asked(text=text, key=key, signed=signed, calendar=calendar, day_first=day_first, mixed=mixed)
    if len(text) > LONGEST:
        problem = _('"{text}" has {count} characters, too many for a deadline.')
        return asked.question(DeadlineKind.NONE, problem.format(text=asked.quoted, count=len(text)))
    if not key.strip("-/"):
        return asked.question(DeadlineKind.NONE, _("The deadline is blank."))
    return (
        _read(asked, key)
        or _alternatives(asked, key)
        or asked.question(DeadlineKind.NONE, _('"{text}" cannot be read as a deadline.').format(text=asked.quoted))
    )


_Builder = Callable[[Asked, re.Match[str]], Deadline | None]
_Rules = tuple[tuple[str, re.Pattern[str], _Builder], ...]


def _read(asked: Asked, key: str) -> Deadline | None:
    """Return what the first rule makes of the text; a builder declines with None."""
    key = _LEAD.sub("", key, count=1)
    key = _CLOCK_LAST.sub(_clock_first, _THIS_YEAR.sub(r"\1 nam nay", key), count=1)
    for _name, rule, build in _RULES:
        match = rule.fullmatch(key)
        found = build(asked, match) if match else None
        if found:
            return found
    return None


def _clock_first(match: re.Match[str]) -> str:
    """Put the clock of "30/6/2020 17:00" where the grammar has it; 00:00 is what a spreadsheet adds to a day."""
    at = match["at"]
    if at.count(":") == 2:  # with seconds
        at = at.rpartition(":")[0]
    at = "" if at in ("00:00", "0:00") else f"{at} "
    return f"{match['head']}{at}{match['day']}"


# --- builders ---------------------------------------------------------------------------------------------------------


def _continuous(asked: Asked, match: re.Match[str]) -> Deadline | None:
    if match["point"] is None or match["point"] == "nam nay":
        return asked.deadline(DeadlineKind.CONTINUOUS)
    span = asked.span(match["point"])
    if span is None or span.problem:
        return None
    return asked.deadline(DeadlineKind.CONTINUOUS, start=span.start)  # no last day: routine work is never overdue


def _conditional(asked: Asked, _match: re.Match[str]) -> Deadline:
    return asked.deadline(DeadlineKind.CONDITIONAL)


def _snapshot(asked: Asked, match: re.Match[str]) -> Deadline | None:
    found = _ending(DeadlineKind.SNAPSHOT, asked, match)
    if found is None or found.question:
        return found
    problem = _('"{text}" is the time of a figure, not a deadline.').format(text=asked.quoted)
    return asked.question(DeadlineKind.SNAPSHOT, problem, last_day=found.last_day, time=found.time)


def _recurring(asked: Asked, match: re.Match[str]) -> Deadline | None:
    found = read_recurrence(match[0])
    if found is None:
        return None
    if found.rrule is None:
        problem = _('"{text}" repeats, but on which days cannot be told.').format(text=asked.quoted)
        return asked.question(DeadlineKind.RECURRING, problem)
    return asked.deadline(DeadlineKind.RECURRING, start=found.start, rrule=found.rrule, time=found.time)


def _starting(kind: DeadlineKind, asked: Asked, match: re.Match[str]) -> Deadline | None:
    span = asked.span(match["point"])
    return (asked.undecided(kind, span) or asked.deadline(kind, start=span.start)) if span else None


def _before(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Read "trước ...": strictly before a day or a period, but by the hour of a day when one is named."""
    found = _ending(DeadlineKind.BEFORE, asked, match)
    if found is None or found.question or found.time or found.last_day is None:
        return found
    span = asked.span(match["point"])
    midnight = match["hour"] is not None  # 0h00 or 24h00: `_ending` has moved the day
    last_day = found.last_day if midnight or span is None or span.start is None else span.start - _DAY
    return asked.deadline(DeadlineKind.BEFORE, last_day=last_day)


def _period(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Read a period that stands alone or after "trong": it names its first day as well as its last.

    A single day is only the last; a spreadsheet's month-first date stands for both, as the collected examples have it.
    """
    span = asked.span(match["point"])
    if span is None:
        return None
    kind = DeadlineKind.RANGE if span.unit == "part" else DeadlineKind.BY
    start = span.start if span.unit != "day" or span.month_first else None
    return asked.undecided(kind, span) or asked.deadline(kind, start=start, last_day=span.last)


def _ending(kind: DeadlineKind, asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Read an optional hour and the span whose last day counts."""
    span = asked.span(match["point"])
    of_day = match["hour"] or match.groupdict().get("close")
    if span is None or (of_day and span.unit != "day"):
        return None
    undecided = asked.undecided(kind, span)
    if undecided or span.last is None:
        return undecided
    if match["hour"] is None:
        return asked.deadline(kind, last_day=span.last)
    at = hour_of(match.groupdict())
    if at is None:
        return asked.question(kind, _('"{text}" names an hour that does not exist.').format(text=asked.quoted))
    if at in ((0, 0), (24, 0)):  # midnight ends a day: 0h00 the day before, 24h00 this one
        return asked.deadline(kind, last_day=span.last - _DAY * (at == (0, 0)))
    return asked.deadline(kind, last_day=span.last, time=time(*at))


def _relative(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Read so many days from an event; only signing and a named day can be computed here."""
    event, count, unit = match["event"], int(match.groupdict().get("n") or 0), match.groupdict().get("unit")
    anchor = anchor_of(event)
    origin = asked.signed if anchor == "signed" else None
    day = asked.span(event)
    if day is not None:
        undecided = asked.undecided(DeadlineKind.RELATIVE, day)
        if undecided or day.unit != "day" or day.last is None:
            return undecided
        origin, anchor = day.last, day.last.isoformat()
    last_day = later(origin, count, unit, asked.calendar) if origin else None
    if last_day is None:
        problem = _('"{text}" counts from a day that is not known here; its last day must be stated.')
        return asked.question(DeadlineKind.RELATIVE, problem.format(text=asked.quoted), anchor=anchor)
    return asked.deadline(DeadlineKind.RELATIVE, last_day=last_day, anchor=anchor)


def _not_before(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Ask about "sau 10 ngày kể từ ...": within the ten days, or not before they are over."""
    found = _relative(asked, match)
    if found is None or found.question or found.last_day is None:
        return found
    problem = _('"{text}" can mean within that time, or only after it.').format(text=asked.quoted)
    days = {"last_day": found.last_day, "anchor": found.anchor}
    return asked.question(DeadlineKind.AMBIGUOUS, problem, _("Write the last day that is meant."), **days)


def _from_event(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Read "kể từ ngày ký", which is known, and ask about any other event."""
    anchor = anchor_of(match["event"])
    if anchor is None:
        return None
    if anchor == "signed" and asked.signed:
        return asked.deadline(DeadlineKind.FROM, start=asked.signed, anchor=anchor)
    problem = _('"{text}" counts from a day that is not known here; its last day must be stated.')
    return asked.question(DeadlineKind.RELATIVE, problem.format(text=asked.quoted), anchor=anchor)


def _on_weekday(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Read "thứ Ba, ngày 30/6/2020", whose weekday must be that of the day."""
    span = asked.span(match["day"])
    if span is None or span.unit != "day":
        return None  # before anything is read again: a text of many weekdays stays quick
    found = asked.undecided(DeadlineKind.BY, span) or _read(
        asked, f"{match.groupdict().get('head') or ''}{match['day']}"
    )
    if found is None or found.question or span.last is None:
        return found
    if span.last.weekday() == weekday_number(match["weekday"]):
        return found
    problem = _('In "{text}" the weekday is not that of the day.').format(text=asked.quoted)
    return asked.question(DeadlineKind.AMBIGUOUS, problem)


def _about(asked: Asked, match: re.Match[str]) -> Deadline | None:
    """Ask about "dự kiến 30/6/2020": clear, but not said to bind."""
    found = _read(asked, match["rest"])
    if found is None or found.question:
        return found
    problem = _('"{text}" is only an estimate.').format(text=asked.quoted)
    days = {"start": found.start, "last_day": found.last_day, "rrule": found.rrule}
    return asked.question(DeadlineKind.AMBIGUOUS, problem, _("Write the day or the period that binds."), **days)


def _alternatives(asked: Asked, key: str) -> Deadline | None:
    """Recognise several deadlines in one text: each is clear, together they are a question."""
    parts = re.split(r" hoac |; ?|, (?:va )?| va ", key)
    if not 2 <= len(parts) <= 6 or not all(_read(asked, part) for part in parts):
        return None
    return asked.several()


# --- the grammar ------------------------------------------------------------------------------------------------------

_PHASE = r"(?:từ |(?:trong )?giai đoạn |trong |các (?=năm ))?"
_VISION = r"(?:(?:,| và|, và) (?:định hướng|tầm nhìn) .+)?"
_TO = r"(?P<before>trước )?(?:hết |cuối )?(?P<b>.+?)" + _VISION
_WITHIN = r"{LATE?}(?:trong )?(?:vòng |thời hạn |thời gian )?(?:không quá |tối đa )?"
_AMOUNT = r"(?P<n>[0-9]{1,4})(?: \([^()]*\))? (?P<unit>ngày làm việc|ngày|tuần|tháng)"
_SINCE = r",? (?:tính |kể )?(?:từ|sau) (?P<event>.+)"
_HURRY = r"(?:ngay|ngay lập tức|sớm(?: nhất)?|kịp thời|khẩn trương|đúng (?:tiến độ|hạn|thời hạn))"
_OPEN = r"(?:chưa (?:xác định|rõ|có)(?: .+)?|không(?: có)?|tbd|n/a|định kỳ|thường kỳ)"
_DOCUMENT = r"(?:quy định|kế hoạch|lộ trình|tiến độ|hướng dẫn)"
_RULED = rf"(?:định kỳ )?theo (?:đúng )?(?:thời (?:gian|hạn) |tiến độ )?{_DOCUMENT}(?: .+)?"
_STATE = r"(?:(?:đã|đang|chưa) )?(?:hoàn thành|hoàn tất|kết thúc|thực hiện|triển khai|xong|ban hành)"
_ROUTINE = r"(?:nhiệm vụ )?(?:thường xuyên(?:,? liên tục)?|liên tục)"
_NEED = r"(?:yêu cầu|chỉ đạo|đề nghị|nhu cầu|phát sinh|thay đổi|văn bản|hướng dẫn|cần(?: thiết)?)"
_ON_NEED = rf"(?:(?:đột xuất,? )?(?:khi (?:có )?|theo (?!hướng)){_NEED}(?: (?:của|từ) [^0-9,;]+)?|đột xuất)"
_YEAR_ON = (
    r"(?:từ |giai đoạn )?(?P<point>(?:năm )?[0-9]{4})(?: ?- ?[0-9]{4})? và (?:những|các) năm (?:tiếp theo|tiếp|sau|tới)"
)
_END = r"(?:hết |(?:ngày )?cuối (?:cùng )?(?:của )?)?"
_CLOSE = r"(?P<close>(?:hết|cuối) (?:giờ(?: làm việc| hành chính)?|buổi)(?: chiều)?|chiều),? (?:của )?"
_NOW = r"(?:từ (?:nay|(?:khi|ngày) (?:ký|ban hành|được giao|được phê duyệt)) )?"
_UNTIL = _NOW + r"{LATE?}(?:trong |vào )?(?:(?:cho )?(?:đến|tới) )?(?:vào )?"
_WORK = (
    r"(?:phải|cần|hoàn thành|hoàn tất|kết thúc|thực hiện|triển khai|xong|thời hạn|thời gian|hạn chót|hạn cuối|hạn"
    r"|phấn đấu|tổ chức|tham mưu|ban hành|trình|gửi|nộp|báo cáo(?: kết quả)?|kế hoạch"
    r"|(?:chủ tịch )?(?:ubnd|hđnd)(?: tỉnh| huyện| xã)?|(?:thủ tướng )?chính phủ)"
)
#: Words that say the line is about finishing, or about handing in, and nothing about when.
_LEAD = pattern(rf"(?:{_WORK}(?: là)?(?:: ?| )){{0,6}}")
_THIS_YEAR = pattern(r"(?<!tháng )\b(trong|hết|cuối|đầu|giữa) năm$")
_CLOCK_LAST = pattern(
    r"^(?P<head>.*?)(?P<day>(?:ngày )?{NN} ?([/.-]) ?{NN} ?\3 ?[0-9]{4}|[0-9]{4}([/-]){NN}\4{NN})"
    r"(?:t|,? (?:vào )?(?:lúc )?)"
    r"(?P<at>{NN}(?: ?(?:h|g|giờ) ?(?:[0-9]{2}|[0-9]{1,2} ?phút)?|:[0-9]{2}(?::00|(?<=23:59):59)?))$"
)
_ON_WEEKDAY = r"(?P<head>.*?)(?P<weekday>{WEEKDAY}),? (?P<day>(?:ngày )?[0-9].*)"
#: (name, pattern, builder); the first that reads the whole text wins. "{PART}" is defined in `date_words`.
_RULES: _Rules = (
    ("vague", pattern(f"{_HURRY}|{_OPEN}"), vague.no_day),
    ("elsewhere", pattern(_RULED), vague.elsewhere),
    ("state of the work", pattern(_STATE), vague.state),
    ("serial number", pattern(r"(?P<number>[0-9]{5})(?:\.0+)?"), vague.serial),
    ("continuous", pattern(_ROUTINE + r"(?:,? (?:trong |từ )?{POINT})?"), _continuous),
    ("conditional", pattern(_ON_NEED), _conditional),
    ("snapshot", pattern(r"(?:số liệu )?tính (?:đến|tới) (?:thời điểm )?" + _END + "{CLOCK?}{POINT}"), _snapshot),
    ("relative", pattern(_WITHIN + _AMOUNT + _SINCE), _relative),
    ("after so long", pattern("sau " + _AMOUNT + _SINCE), _not_before),
    ("so long", pattern(_WITHIN + _AMOUNT), vague.how_long),
    ("at once after", pattern(r"ngay (?:sau )?khi (?P<event>.+)"), _relative),
    ("after", pattern(r"sau khi (?P<event>.+)"), vague.after_event),
    ("several rhythms", pattern(vague.RHYTHMS), vague.several),
    ("recurring", pattern(r".+"), _recurring),
    ("estimate", pattern(r"(?:(?:dự kiến|khoảng|tầm) ){1,2}(?P<rest>(?!.*dự kiến|khoảng|tầm).+)"), _about),
    ("estimate in brackets", pattern(r"(?P<rest>(?!.*dự kiến.* dự kiến).+?),? \(?dự kiến"), _about),
    ("weekday and day", pattern(_ON_WEEKDAY), _on_weekday),
    ("day and weekday", pattern(r"(?P<day>(?:ngày )?[0-9][^ ]+),? \(?(?P<weekday>{WEEKDAY})"), _on_weekday),
    ("open after", pattern(_YEAR_ON), partial(_starting, DeadlineKind.OPEN_AFTER)),
    ("list of periods", pattern(r"(?:trong |vào )?(?:các )?(?P<list>.+)"), read_list),
    ("range in words", pattern(r"(?P<from>từ )?(?:giai đoạn )?(?P<a>.+?) (?:đến|tới) " + _TO), read_range),
    ("range", pattern(_PHASE + r"(?P<a>.+?) - " + _TO), read_range),
    ("range without spaces", pattern(_PHASE + r"(?P<a>[^-]+)-" + _TO), read_range),
    ("from an event", pattern(r"(?:kể |tính )?từ (?P<event>(?:khi|ngày) (?!.* (?:đến|tới) ).+)"), _from_event),
    ("from", pattern(r"(?:bắt đầu )?(?:kể )?từ {CLOCK?}{POINT}(?: trở đi)?"), partial(_starting, DeadlineKind.FROM)),
    ("onward", pattern(r"{POINT} trở đi"), partial(_starting, DeadlineKind.FROM)),
    ("after a day", pattern(r"sau {POINT}"), vague.after_day),
    ("edge of a period", pattern(r"(?:vào |trong )?(?P<side>đầu|giữa) {POINT}"), vague.edge),
    ("half of a period", pattern(r"(?:trong |vào )?nửa (?P<side>đầu|cuối|sau) {POINT}"), vague.half),
    ("week of a month", pattern(vague.WEEK), vague.week),
    ("before", pattern(r"{LATE?}(?:đến )?trước {CLOCK?}{POINT}"), _before),
    ("period", pattern(r"(?:trong |vào )?{POINT}"), _period),
    ("by", pattern(_UNTIL + f"(?:{_CLOSE}|{_END})" + "{CLOCK?}{POINT}" + _VISION), partial(_ending, DeadlineKind.BY)),
)
