"""Reads one day, month, quarter or year as Vietnamese plans write it: "22/5/2020", "tháng 5/2020", "Quý II/2020".

The lower half of the deadline grammar: `dates.py` reads the words around a span. Knows no file and no clock. Texts are
matched without marks (`fold`), so that either placement of a tone mark, "hàng" for "hằng" and decomposed letters are
one; the few words of the grammar stay apart without their marks. Source: domain notes, section 3.
"""

from __future__ import annotations

import calendar as months
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from planner.i18n import gettext as _

YEARS = range(1990, 2101)  #: years a deadline may fall in

# --- letters and patterns ---------------------------------------------------------------------------------------------

_LETTERS = str.maketrans({"đ": "d", "ⅰ": "i", "ⅱ": "ii", "ⅲ": "iii", "ⅳ": "iv"} | dict.fromkeys("‐‑‒–—―−", "-"))


def _without_marks(text: str) -> str:
    letters = unicodedata.normalize("NFD", text).translate(_LETTERS)
    return "".join(c for c in letters if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")


def fold(text: str) -> str:
    """Return the key patterns are matched against: lower case, no marks, plain hyphens, single spaces, quí as quý."""
    return re.sub(r"\bqui\b", "quy", " ".join(_without_marks(text.casefold()).split()))


#: Parts of patterns, written there as {PART}; "{PART?}" may be absent, with the space after it.
_PARTS = {
    "NN": r"[0-9]{1,2}",
    "YEAR": r"(?P<y>[0-9]{4})",
    "OFYEAR": r"(?: ?[/.-] ?|,? (?:của )?(?:năm )?)(?P<y>[0-9]{4})",
    "QUARTER": r"quý ?(?P<q>0?[1-4]|[il1]{1,3}|[il1]v|một|hai|ba|tư|bốn)",
    "LATE": r"(?:chậm|muộn) nhất(?: là)?",
    "BEFORE": r"(?P<before>trước)",
    "CLOCK": r"(?:lúc )?(?P<hour>[0-9]{1,2})(?: ?(?:h|g|giờ|:) ?)(?P<minute>[0-9]{2})?(?: ?phút|')?,?",
    "EACH": r"(?:(?:định kỳ )?(?:hằng|mỗi|từng)|định kỳ)",
    "UNIT": r"(?P<unit>ngày|tuần|tháng|quý|năm)",
    "POINT": r"(?P<point>.+?)",
}


def pattern(source: str) -> re.Pattern[str]:
    """Compile a pattern of the grammar's tables: its parts filled in, its marks removed as texts lose theirs."""
    filled = re.sub(r"\{([A-Z]+)\?\}", lambda m: f"(?:{_PARTS[m[1]]} )?", source)
    filled = re.sub(r"\{([A-Z]+)\}", lambda m: _PARTS[m[1]], filled)
    return re.compile(_without_marks(filled))


# --- spans ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of days that a text names, or what must be asked about it."""

    unit: str  #: "day", "month", "quarter", "part" (of a year) or "year"
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
    bare: bool = False  #: whether the span stands alone, without a word that shows it is Vietnamese


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


def quarter_number(numeral: str) -> int | None:
    """Return 1-4 for a folded numeral: "2", "ii", "l1" or "hai"; None when there is no such quarter."""
    roman = numeral.replace("l", "i").replace("1", "i")
    words = {"i": 1, "0i": 1, "mot": 1, "ii": 2, "hai": 2, "iii": 3, "ba": 3, "iv": 4, "tu": 4, "bon": 4}
    return words.get(roman) or (int(numeral) if numeral.isdecimal() and 1 <= int(numeral) <= 4 else None)


def vietnamese(day: date) -> str:
    """Write a day as documents do, with a zero before a month 1 or 2: "05/6/2020"."""
    return f"{day.day:02d}/{day.month:02d}/{day.year}" if day.month < 3 else f"{day.day:02d}/{day.month}/{day.year}"


def _span(unit: str, year: str | None, of_year: _OfYear, around: Around) -> Span:
    """Place a span in its year: the one it names, or the one that `around` settles."""
    if year is not None and len(year) == 2:
        return Span(unit=unit, problem=_('"{text}" writes its year with two digits.').format(text=around.quoted))
    candidates = [int(year)] if year else [around.year] if around.year else []
    if not candidates and around.signed:
        candidates = list(
            range(around.signed.year, around.signed.year + 9)
        )  # 9: 29 February comes after 8 years at most
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
    return _span("day", match.groupdict().get("y"), _one_day(int(match["m"]), int(match["d"])), around)


def _bare_day(match: re.Match[str], around: Around) -> Span:
    """Read d/m/yyyy without a word: m/d/yyyy when its numbers or the file say so, a question when nothing does."""
    plain = _day(match, around)
    first, second = int(match["d"]), int(match["m"])
    if not around.bare or first > 12 or first == second or match["s"] == ".":
        return plain
    swapped = replace(_span("day", match["y"], _one_day(first, second), around), month_first=True)
    if second > 12 or around.day_first is False:
        return swapped
    if around.day_first or "0" in (match["d"][0], match["m"][0]) or not (plain.last and swapped.last):
        return plain
    problem = _('"{text}" can be {first} or {second}.').format(
        text=around.quoted, first=f"ngày {vietnamese(plain.last)}", second=f"ngày {vietnamese(swapped.last)}"
    )
    return Span(unit="day", start=swapped.start, last=swapped.last, problem=problem)


def _month(match: re.Match[str], around: Around) -> Span:
    month = int(match["m"])
    return _span("month", match.groupdict().get("y"), lambda year: month_of(year, month), around)


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


_DMY = r"(?P<d>{NN}) ?(?P<s>[/.-]) ?(?P<m>{NN}) ?(?P=s) ?(?P<y>[0-9]{4}|[0-9]{2})"
_PART = r"(?P<n>0?[369]|sáu|chín|ba) tháng (?P<side>đầu|cuối)"
_Builder = Callable[[re.Match[str], Around], Span | None]
#: (name, pattern, builder). Months stand before days: "tháng 5/2020" is never the 5th of a month 20.
_SPANS: tuple[tuple[str, re.Pattern[str], _Builder], ...] = (
    ("month", pattern(r"(?:tháng |t\.? ?)?(?P<m>{NN}) ?[/.-] ?{YEAR}"), _month),
    ("month in words", pattern(r"tháng (?P<m>{NN}){OFYEAR}"), _month),
    ("month without year", pattern(r"tháng (?P<m>{NN})"), _month),
    ("quarter", pattern(r"{QUARTER}{OFYEAR}"), _quarter),
    ("quarter without year", pattern(r"{QUARTER}"), _quarter),
    ("part of a year", pattern(_PART + "{OFYEAR}"), _part),
    ("part without year", pattern(_PART + " năm"), _part),
    ("year", pattern(r"(?:cả )?(?:năm )?{YEAR}"), _year),
    ("bare day", pattern(_DMY), _bare_day),
    ("day", pattern(r"ngày " + _DMY), _day),
    ("day in words", pattern(r"(?:ngày )?(?P<d>{NN}) tháng (?P<m>{NN}){OFYEAR}"), _day),
    ("day without year", pattern(r"(?:ngày )?(?P<d>{NN}) ?/ ?(?P<m>{NN})"), _day),
    ("day without year, other signs", pattern(r"ngày (?P<d>{NN}) ?[.-] ?(?P<m>{NN})"), _day),
    ("day in words without year", pattern(r"(?:ngày )?(?P<d>{NN}) tháng (?P<m>{NN})"), _day),
    ("ISO day", pattern(r"{YEAR}(?P<s>[/-])(?P<m>{NN})(?P=s)(?P<d>{NN})(?:[ t]00:00(?::00)?)?"), _day),
)
