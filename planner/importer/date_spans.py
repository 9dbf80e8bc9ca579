"""Reads one day, month, quarter or year as Vietnamese plans write it: "22/5/2020", "tháng 5/2020", "Quý II/2020".

The lower half of the deadline grammar: `dates.py` reads the words around a span. Knows no file and no clock.
Source: domain notes, section 3.
"""

from __future__ import annotations

import calendar as months
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from planner.i18n import gettext as _
from planner.importer.date_words import YEARS, month_number, pattern, quarter_number, vietnamese


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of days that a text names, or what must be asked about it."""

    unit: str  #: "day", "third" (of a month), "month", "quarter", "part" (of a year) or "year"
    start: date | None = None
    last: date | None = None  #: inclusive
    problem: str | None = None  #: translated; what is wrong with it: then there are no days, unless they are a proposal
    has_year: bool = True  #: whether the text names its year
    month_first: bool = False  #: whether it is a spreadsheet's "6/30/2025"


@dataclass(frozen=True, kw_only=True, slots=True)
class Around:
    """What is known around a span."""

    quoted: str = ""  #: the text as filed, as a question quotes it
    signed: date | None = None  #: the next such span that ends on or after this day is meant when no year is named
    year: int | None = None  #: the year meant when no year is named; stands before `signed`
    day_first: bool | None = None  #: how the file writes bare dates; True: dd/mm, False: mm/dd
    mixed: bool = False  #: whether the file writes both ways: then only "ngày" or a number above 12 decides
    bare: bool = False  #: whether the text holds no word that shows it is Vietnamese


_OfYear = Callable[[int], tuple[date, date]]


def read_span(key: str, around: Around) -> Span | None:
    """Return the span that a folded text names; None when it names none. Never raises on any text."""
    for _name, rule, build in _SPANS:
        match = rule.fullmatch(key)
        if match:
            return build(match, around)
    return None


def month_of(year: int, month: int, months_long: int = 1) -> tuple[date, date]:
    """Return the first and the last day of some months of one year."""
    end = month + months_long - 1
    return date(year, month, 1), date(year, end, months.monthrange(year, end)[1])


def _span(unit: str, year: str | None, of_year: _OfYear, around: Around) -> Span:
    """Place a span in its year: the one it names, or the one that `around` settles."""
    if year is not None and len(year) == 2:
        return Span(unit=unit, problem=_('"{text}" writes its year with two digits.').format(text=around.quoted))
    candidates = [int(year)] if year else [around.year] if around.year else []
    if not candidates and around.signed:
        candidates = [around.signed.year + n for n in range(9)]  # 29 February comes after 8 years at most
    if not candidates:
        return Span(unit=unit, has_year=False, problem=_('"{text}" names no year.').format(text=around.quoted))
    for candidate in candidates:
        if candidate not in YEARS:
            problem = _("The year {year} is not between {first} and {last}.")
            return Span(unit=unit, problem=problem.format(year=candidate, first=YEARS[0], last=YEARS[-1]))
        try:
            start, last = of_year(candidate)
        except ValueError:
            continue  # no such day in this year; another candidate may have it
        if year or around.year or not around.signed or last >= around.signed:
            return Span(unit=unit, start=start, last=last, has_year=year is not None)
    return Span(unit=unit, problem=_('"{text}" is not on the calendar.').format(text=around.quoted))


def _one_day(month: int, day: int) -> _OfYear:
    return lambda year: (date(year, month, day), date(year, month, day))


def _day(match: re.Match[str], around: Around) -> Span:
    return _span("day", match.groupdict().get("y"), _one_day(month_number(match["m"]), int(match["d"])), around)


def _bare_day(match: re.Match[str], around: Around) -> Span:
    """Read d/m/yyyy without "ngày": m/d/yyyy when its numbers or the file say so, a question when they do not agree.

    Another Vietnamese word, or a zero before the day, says dd/mm only while nothing in the file says mm/dd.
    """
    plain = _day(match, around)
    first, second, year = int(match["d"]), int(match["m"]), match.groupdict().get("y")
    doubted = around.mixed or around.day_first is False
    if first > 12 or first == second or match["s"] == "." or not (around.bare or doubted):
        return plain
    swapped = replace(_span("day", year, _one_day(first, second), around), month_first=True)
    if around.bare and year and (second > 12 or (around.day_first is False and not around.mixed)):
        return swapped
    told = around.day_first or "0" in (match["d"][0], match["m"][0]) or not year
    if not (plain.last and swapped.last) or (told and not doubted):
        return plain
    problem = _('"{text}" can be {first} or {second}.').format(
        text=around.quoted, first=f"ngày {vietnamese(plain.last)}", second=f"ngày {vietnamese(swapped.last)}"
    )
    return Span(unit="day", start=swapped.start, last=swapped.last, problem=problem)


def _month(match: re.Match[str], around: Around) -> Span:
    month = month_number(match["m"])
    return _span("month", match.groupdict().get("y"), lambda year: month_of(year, month), around)


def _third(match: re.Match[str], around: Around) -> Span:
    """Read the dictionary's thirds of a month: thượng tuần 1-10, trung tuần 11-20, hạ tuần from 21 on."""
    month, part = month_number(match["m"]), ("thuong", "trung", "ha").index(match["third"])

    def days(year: int) -> tuple[date, date]:
        first, last = month_of(year, month)
        return first.replace(day=10 * part + 1), last if part == 2 else first.replace(day=10 * part + 10)

    return _span("third", match.groupdict().get("y"), days, around)


def _this_year(_match: re.Match[str], around: Around) -> Span:
    """Read "trong năm" as the year of signing; a range says which year it is in."""
    year = around.year or (around.signed.year if around.signed else None)
    return replace(_span("year", str(year) if year else None, lambda y: month_of(y, 1, 12), around), has_year=False)


def _quarter(match: re.Match[str], around: Around) -> Span | None:
    number = quarter_number(match["q"])
    if number is None:
        return None
    first = 3 * number - 2
    return _span("quarter", match.groupdict().get("y"), lambda year: month_of(year, first, 3), around)


def _part(match: re.Match[str], around: Around) -> Span:
    count = {"3": 3, "ba": 3, "6": 6, "sau": 6, "9": 9, "chin": 9}[match["n"].lstrip("0")]
    first = 1 if match["side"] == "dau" else 13 - count
    return _span("part", match.groupdict().get("y"), lambda year: month_of(year, first, count), around)


def _year(match: re.Match[str], around: Around) -> Span:
    return _span("year", match["y"], lambda year: month_of(year, 1, 12), around)


_DM = r"(?P<d>{NN}) ?(?P<s>[/.-]) ?(?P<m>{NN})"
_DMY = _DM + r" ?(?P=s) ?(?P<y>[0-9]{4}|[0-9]{2})"
_OTHER_SIGNS = r"(?P<m>{NN})(?: ?[/.-] ?|,? năm )(?P<y>[0-9]{4})"  # "30/6-2020", "30/6 năm 2020"
_SHORT_YEAR = r" ?[/.-] ?(?P<y>[2-9][0-9])"
_ABOVE_12 = r"(?P<d>1[3-9]|2[0-9]|3[01])"
_PART = r"(?P<n>0?[369]|sáu|chín|ba) tháng (?P<side>đầu|cuối)"
_THIRD = r"(?P<third>thượng|trung|hạ) tuần (?:của )?tháng (?P<m>{NN})"
_DAY_AND = r"(?:ngày )?(?P<d>{NN}),? tháng "
_Builder = Callable[[re.Match[str], Around], Span | None]
#: (name, pattern, builder). Months stand before days: "tháng 5/2020" is never the 5th of a month 20.
_SPANS: tuple[tuple[str, re.Pattern[str], _Builder], ...] = (
    ("month", pattern(r"(?:tháng |t\.? ?)?(?P<m>{NN}) ?[/.-] ?{YEAR}"), _month),
    ("month in words", pattern(r"tháng (?P<m>{NN}){OFYEAR}"), _month),
    ("month named", pattern(r"tháng {MONTH}{ITSYEAR}"), _month),
    ("month of a short year", pattern(r"tháng (?P<m>{NN})" + _SHORT_YEAR), _month),
    ("month without year", pattern(r"tháng (?P<m>{NN})"), _month),
    ("ISO month", pattern(r"{YEAR}[/-](?P<m>0[1-9]|1[0-2])"), _month),
    ("quarter", pattern(r"{QUARTER}{OFYEAR}"), _quarter),
    ("quarter by its letter", pattern(r"q\.? ?(?P<q>[1-4]|i{1,3}|iv) ?[/.-] ?{YEAR}"), _quarter),
    ("quarter of a short year", pattern(r"{QUARTER}" + _SHORT_YEAR), _quarter),
    ("quarter without year", pattern(r"{QUARTER}"), _quarter),
    ("part of a year", pattern(_PART + "{OFYEAR}"), _part),
    ("part without year", pattern(_PART + " năm"), _part),
    ("third of a month", pattern(_THIRD + "{OFYEAR}"), _third),
    ("third without year", pattern(_THIRD), _third),
    ("year", pattern(r"(?:cả )?(?:năm )?{YEAR}"), _year),
    ("this year", pattern(r"cả năm|năm nay"), _this_year),
    ("bare day", pattern(_DMY), _bare_day),
    ("day", pattern(r"ngày " + _DMY), _day),
    ("day with other signs", pattern(r"ngày (?P<d>{NN}) ?[/.-] ?" + _OTHER_SIGNS), _day),
    ("day above 12 with other signs", pattern(_ABOVE_12 + r" ?[/.-] ?" + _OTHER_SIGNS), _day),
    ("day in words", pattern(_DAY_AND + r"(?P<m>{NN}){OFYEAR}"), _day),
    ("day of a named month", pattern(_DAY_AND + "{MONTH}{ITSYEAR}"), _day),
    ("bare day without year", pattern(r"(?P<d>{NN}) ?(?P<s>/) ?(?P<m>{NN})"), _bare_day),
    ("day without year", pattern(r"ngày (?P<d>{NN}) ?[/.-] ?(?P<m>{NN})"), _day),
    ("day above 12 without year", pattern(_ABOVE_12 + r"[.-](?P<m>{NN})"), _day),
    ("day in words without year", pattern(_DAY_AND + r"(?P<m>{NN})"), _day),
    ("ISO day", pattern(r"{YEAR}(?P<s>[/-])(?P<m>{NN})(?P=s)(?P<d>{NN})"), _day),
)
