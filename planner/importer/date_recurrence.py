"""Reads what repeats, "hằng quý" or "trước ngày 25 hằng tháng", as an RFC 5545 rule.

A rule without a day (BYMONTHDAY, BYDAY) falls due on the last day of each calendar period. "Trước ngày 25" is strictly
before: the 24th. Knows no file and no clock. Source: domain notes, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, time, timedelta

from planner.importer.date_words import YEARS, hour_of, pattern, quarter_number, weekday_number


@dataclass(frozen=True, kw_only=True, slots=True)
class Recurrence:
    """How a deadline repeats."""

    rrule: str | None  #: None: it repeats, but the text does not say on which days
    start: date | None = None  #: first day, when the text names a year
    time: time | None = None  #: hour of each last day


def read_recurrence(key: str) -> Recurrence | None:
    """Return what a folded text repeats; None when it does not speak of repetition. Never raises on any text."""
    within = _WITHIN.fullmatch(key)
    if within:
        year = int(within["y"])
        found = read_recurrence(within["rest"]) if year in YEARS else None
        if found is None or found.rrule is None or found.start:
            return None
        return replace(found, rrule=f"{found.rrule};UNTIL={year}1231", start=date(year, 1, 1))
    inverted = _INVERTED.fullmatch(key)  # "hằng tháng, trước ngày 25" says "trước ngày 25 hằng tháng"
    for words in (key, f"{inverted['rest']} {inverted['each']}") if inverted else (key,):
        for _name, rule, build in _RECURRENCES:
            match = rule.fullmatch(words)
            if match:
                return _with_hour(match, build)
    return None


_Builder = Callable[[re.Match[str], bool], str | None]
_QUARTER_ENDS = "BYMONTH=3,6,9,12"
_EVERY = {"ngay": "DAILY", "tuan": "WEEKLY", "thang": "MONTHLY", "nam": "YEARLY"}
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def _with_hour(match: re.Match[str], build: _Builder) -> Recurrence | None:
    """Build the rule; an hour makes "trước" a matter of hours, not of days."""
    groups = match.groupdict()
    at = hour_of(groups) if groups.get("hour") else None
    if groups.get("hour") and (at is None or at in ((0, 0), (24, 0))):
        return None
    rule = build(match, groups.get("before") is not None and at is None)
    return Recurrence(rrule=rule, time=time(*at) if at and rule else None)


def _each(count: int, unit: str) -> str:
    if unit == "quy":
        count, unit = 3 * count, "thang"
    return f"FREQ={_EVERY[unit]}" + (f";INTERVAL={count}" if count > 1 else "")


def _monthday(day: int, before: bool) -> str | None:
    """Return BYMONTHDAY for a day of any month; the 29th and 30th become the last day of a shorter February."""
    if not 1 <= day <= 31:
        return None
    day -= before
    if day in (0, 31):
        return "BYMONTHDAY=-1"
    return f"BYMONTHDAY={day}" if day < 29 else f"BYMONTHDAY={_up_to(day)};BYSETPOS=-1"


def _up_to(day: int) -> str:
    """Return the days 28 to `day`, of which every month has one."""
    return ",".join(map(str, range(28, day + 1)))


def _unit(match: re.Match[str], _before: bool) -> str:
    return _each(1, match["unit"])


def _every_so_many(match: re.Match[str], _before: bool) -> str | None:
    count = int(match["n"])
    return _each(count, match["unit"]) if count else None


def _so_many_times(match: re.Match[str], _before: bool) -> str | None:
    """Read "2 lần/năm": an even share of whole months, or nothing that can be told."""
    count, length = int(match["n"]), {"nam": 12, "quy": 3}.get(match["unit"], 1)
    if count == 1:
        return _each(1, match["unit"])
    return _each(length // count, "thang") if count and length % count == 0 else None


def _two_days(match: re.Match[str], before: bool) -> str | None:
    """Read "ngày 15 và 30 hằng tháng"; after the 28th only the last day of the month is in every February."""
    first, second = int(match["d"]) - before, int(match["e"]) - before
    if not 0 < first < second <= 31 or first > 28:
        return None
    if second == 31:
        return f"FREQ=MONTHLY;BYMONTHDAY={first},-1" if first < 28 else None
    if second <= 28:
        return f"FREQ=MONTHLY;BYMONTHDAY={first},{second}"
    return f"FREQ=MONTHLY;BYMONTHDAY={first},{_up_to(second)};BYSETPOS=1,-1" if first < 28 else None


def _two_months(match: re.Match[str], before: bool) -> str | None:
    """Read "15/6 và 15/12 hằng năm": one rule while both are the same day of their months."""
    rules = [_yearly(int(match[m]), int(match[d]), before) for d, m in (("d", "m"), ("e", "n"))]
    if None in rules:
        return None
    (first, day), (second, other) = (str(rule).split("BYMONTH=")[1].split(";") for rule in rules)
    return f"FREQ=YEARLY;BYMONTH={first},{second};{day}" if day == other and int(first) < int(second) else None


def _day_of_month(match: re.Match[str], before: bool) -> str | None:
    last = "BYMONTHDAY=-2" if before else "BYMONTHDAY=-1"
    days = _monthday(int(match["d"]), before) if match["d"] else last
    return days and f"FREQ=MONTHLY;{days}"


def _day_of_quarter(match: re.Match[str], before: bool) -> str | None:
    days = _monthday(int(match["d"]), before)
    return days and f"FREQ=MONTHLY;{_QUARTER_ENDS};{days}"


def _end_of_each(match: re.Match[str], _before: bool) -> str:
    ends = {"thang": "FREQ=MONTHLY", "quy": f"FREQ=MONTHLY;{_QUARTER_ENDS}", "nam": "FREQ=YEARLY;BYMONTH=12"}
    return f"{ends[match['unit']]};BYMONTHDAY=-1"


def _yearly(month: int, day: int | None, before: bool) -> str | None:
    """Return the rule of one day a year; None as `day` is the last of the month."""
    try:
        on = date(2000, month, day or 1) - timedelta(days=before)  # a leap year: 29 February is a day
    except ValueError:
        return None
    end_of_month = day is None or (on.month, on.day) == (2, 29)
    return f"FREQ=YEARLY;BYMONTH={on.month};BYMONTHDAY={-1 if end_of_month else on.day}"


def _day_of_year(match: re.Match[str], before: bool) -> str | None:
    return _yearly(int(match["m"]), int(match["d"]), before)


def _month_of_year(match: re.Match[str], before: bool) -> str | None:
    return _yearly(int(match["m"]), 1 if before else None, before)


def _quarter_of_year(match: re.Match[str], before: bool) -> str | None:
    number = quarter_number(match["q"])
    return _yearly(3 * number - 2 if before else 3 * number, 1 if before else None, before) if number else None


def _weekday(match: re.Match[str], before: bool) -> str:
    words = [word for word in (match["weekday"], match.groupdict().get("other")) if word]
    numbers = sorted({(weekday_number(word) - before) % 7 for word in words})
    return f"FREQ=WEEKLY;BYDAY={','.join(_WEEKDAYS[number] for number in numbers)}"


def _untold(_match: re.Match[str], _before: bool) -> None:
    return None


_BY = r"{LATE?}(?:vào |trong )?{BEFORE?}(?:vào |hết |cuối )?{CLOCK?}"
_D, _M = r"(?:ngày )?(?P<d>{NN})", r"(?P<m>{NN})"
_LEAST = r"(?:(?:tối thiểu|ít nhất) )?"
_DM = r"(?P<d>{NN})(?: ?/ ?| tháng )(?P<m>{NN})"
_AND = r"(?:, ?| và )"
_WITHIN = pattern(r"(?P<rest>.+?),? (?:trong |của )?năm {YEAR}")
_INVERTED = pattern(r"(?P<each>{EACH} (?:tuần|tháng|quý|năm))[,:]? \(?(?P<rest>.+)")
#: (name, pattern, builder); a builder that returns None asks for the days.
_RECURRENCES: tuple[tuple[str, re.Pattern[str], _Builder], ...] = (
    ("each period", pattern(_LEAST + r"(?:theo )?{EACH} {UNIT}(?: (?:một|0?1) lần)?"), _unit),
    ("every n periods", pattern(r"(?:{EACH} )?(?P<n>{NN}) {UNIT}(?: ?/ ?| (?:một|0?1) )lần"), _every_so_many),
    ("regularly every n", pattern(r"{EACH} (?P<n>{NN}) {UNIT}"), _every_so_many),
    (
        "n times a period",
        pattern(_LEAST + r"(?:định kỳ )?(?P<n>{NN}) lần ?(?:/ ?|một |mỗi |trong )(?:0?1 )?{UNIT}"),
        _so_many_times,
    ),
    ("a period n times", pattern(r"(?:{EACH}|một|0?1) {UNIT} " + _LEAST + r"(?P<n>{NN}) lần"), _so_many_times),
    ("day of each month", pattern(_BY + _D + r" (?:của )?(?:{EACH} )tháng"), _day_of_month),
    ("two days of each month", pattern(_BY + _D + _AND + r"(?:ngày )?(?P<e>{NN}) (?:của )?{EACH} tháng"), _two_days),
    ("last day of each month", pattern(_BY + r"ngày cuối (?:cùng )?(?:của )?{EACH} tháng(?P<d>)"), _day_of_month),
    (
        "day of each quarter",
        pattern(_BY + _D + r" (?:của )?tháng (?:của )?cuối (?:của )?(?:{EACH} )?quý"),
        _day_of_quarter,
    ),
    ("end of each period", pattern(r"{LATE?}(?:vào )?cuối (?:tháng |quý |năm )?{EACH} {UNIT}"), _end_of_each),
    ("day of each year", pattern(_BY + _D + r"(?: ?[/.-] ?| tháng )" + _M + r" (?:của )?{EACH} năm"), _day_of_year),
    (
        "two days of each year",
        pattern(_BY + "(?:ngày )?" + _DM + _AND + r"(?:ngày )?(?P<e>{NN})(?: ?/ ?| tháng )(?P<n>{NN}) {EACH} năm"),
        _two_months,
    ),
    ("month of each year", pattern(_BY + r"tháng " + _M + r" (?:của )?{EACH} năm"), _month_of_year),
    ("quarter of each year", pattern(_BY + r"{QUARTER} (?:của )?{EACH} năm"), _quarter_of_year),
    (
        "day of each week",
        pattern(
            r"(?:chiều )?" + _BY + "(?P<weekday>{WEEKDAY})(?:" + _AND + "(?P<other>{WEEKDAY}))? (?:của )?{EACH} tuần"
        ),
        _weekday,
    ),
    ("day of a reporting period", pattern(_BY + _D + r" (?:của )?tháng cuối kỳ báo cáo"), _untold),
)
