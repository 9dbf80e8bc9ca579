"""Folds a deadline's letters and compiles the patterns that read it: without marks, either spelling, any dash.

Texts are matched without marks (`fold`), so that either placement of a tone mark, "hàng" for "hằng" and decomposed
letters are one; the few words of the grammar stay apart without their marks. "Tháng sau" (next month) does not stay
apart from "tháng sáu", nor "tới" from "tối": what depends on them is not read. Source: domain notes, section 3.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

YEARS = range(1990, 2101)  #: years a deadline may fall in

_LETTERS = str.maketrans({"đ": "d", "ⅰ": "i", "ⅱ": "ii", "ⅲ": "iii", "ⅳ": "iv"} | dict.fromkeys("‐‑‒–—―−", "-"))
_LIST_SIGN = re.compile(r"\n\s*[-+*•]\s*")
_ARROW = re.compile(r"(?<=[^\s-])\s*(?:[÷→~]|=>|->)\s*(?=\S)")
_GLUED = re.compile(r"\b(ngay|thang|nam)(?=[0-9])")
_AROUND = " .,;:()[]\"'“”/"


def _without_marks(text: str) -> str:
    letters = unicodedata.normalize("NFD", text).translate(_LETTERS)
    return "".join(c for c in letters if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")


def fold(text: str) -> str:
    """Return the key patterns are matched against: lower case, no marks, plain hyphens, single spaces, quí as quý.

    The sign of a list before a line goes; several such lines stay apart by ";".
    """
    plain = _without_marks(text.casefold()).strip().strip(_AROUND)
    if re.match(r"[-+*•]\s", plain):
        plain = _LIST_SIGN.sub("; ", "\n" + plain).lstrip("; ")
    plain = _GLUED.sub(r"\1 ", re.sub(r"\bqui\b", "quy", " ".join(plain.split())))
    return _ARROW.sub(" - ", plain).strip(_AROUND)


_MONTH_WORDS = ("một", "hai", "ba", "tư", "năm", "sáu", "bảy", "tám", "chín", "mười", "mười một", "mười hai")
_MONTH_ROMANS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
#: Parts of patterns, written there as {PART}; "{PART?}" may be absent, with the space after it.
_PARTS = {
    "NN": r"[0-9]{1,2}",
    "YEAR": r"(?P<y>[0-9]{4})",
    "OFYEAR": r"(?: ?[/.-] ?|,? (?:của )?(?:năm )?)(?P<y>[0-9]{4})",
    "ITSYEAR": r"(?: ?[/.-] ?|,? (?:của )?năm )(?P<y>[0-9]{4})",
    "MONTH": "(?P<m>" + "|".join(sorted((*_MONTH_WORDS, *_MONTH_ROMANS), key=len, reverse=True)) + ")",
    "QUARTER": r"quý ?(?:thứ )?(?P<q>0?[1-4]|[il1]{1,3}|[il1]v|một|hai|ba|tư|bốn)",
    "LATE": r"(?:(?:chậm|muộn|trễ) nhất(?: là)?(?: không quá)?"
    r"|không (?:được )?(?:muộn|chậm|trễ) (?:hơn|quá)|không (?:được )?quá)",
    "BEFORE": r"(?P<before>trước)",
    "CLOCK": r"(?:lúc )?(?P<hour>[0-9]{1,2})(?: ?(?:h|g|giờ|:) ?)(?P<minute>[0-9]{2}|[0-9](?= ?phút))?(?: ?phút|')?"
    r"(?: (?P<half>sáng|trưa|chiều))?,?",
    "EACH": r"(?:(?:định kỳ )?(?:hằng|mỗi|từng)|định kỳ)",
    "UNIT": r"(?P<unit>ngày|tuần|tháng|quý|năm)",
    "WEEKDAY": r"(?:thứ (?:hai|ba|tư|năm|sáu|bảy|0?[2-7])|chủ nhật)",
    "POINT": r"(?P<point>.+?)",
}
WEEKDAY_NAMES = ("hai2", "ba3", "tu4", "nam5", "sau6", "bay7", "chu nhat")  #: from Monday


def pattern(source: str) -> re.Pattern[str]:
    """Compile a pattern of the grammar's tables: its parts filled in, its marks removed as texts lose theirs."""
    filled = re.sub(r"\{([A-Z]+)\?\}", lambda m: f"(?:{_PARTS[m[1]]} )?", source)
    filled = re.sub(r"\{([A-Z]+)\}", lambda m: _PARTS[m[1]], filled)
    return re.compile(_without_marks(filled))


_MONTHS = {_without_marks(name): n for names in (_MONTH_WORDS, _MONTH_ROMANS) for n, name in enumerate(names, start=1)}


def month_number(numeral: str) -> int:
    """Return the number of a month in digits, in words or in Roman digits; digits may name none, as 13."""
    return int(numeral) if numeral.isdecimal() else _MONTHS[numeral]


def quarter_number(numeral: str) -> int | None:
    """Return 1-4 for a folded numeral: "2", "ii", "l1" or "hai"; None when there is no such quarter."""
    roman = numeral.replace("l", "i").replace("1", "i")
    words = {"i": 1, "0i": 1, "mot": 1, "ii": 2, "hai": 2, "iii": 3, "ba": 3, "iv": 4, "tu": 4, "bon": 4}
    return words.get(roman) or (int(numeral) if numeral.isdecimal() and 1 <= int(numeral) <= 4 else None)


def weekday_number(words: str) -> int:
    """Return 0 for "thu hai" or "thu 2" up to 6 for "chu nhat"."""
    word = words.removeprefix("thu ")
    return next(n for n, names in enumerate(WEEKDAY_NAMES) if word.lstrip("0") in names)


def hour_of(groups: Mapping[str, str | None]) -> tuple[int, int] | None:
    """Return (hour, minute) of a matched {CLOCK}, from (0, 0) to (24, 0); None for an hour that does not exist."""
    hour, minute = int(groups["hour"] or 0), int(groups["minute"] or 0)
    bounds = {"sang": range(12), "trua": range(10, 14), "chieu": range(12, 19)}.get(groups["half"] or "", range(25))
    afternoon = groups["half"] in ("trua", "chieu") and hour < 7
    hour += 12 * afternoon
    return (hour, minute) if hour in bounds and minute < 60 and (hour, minute) <= (24, 0) else None


def vietnamese(day: date) -> str:
    """Write a day as documents do, with a zero before a month 1 or 2: "05/6/2020"."""
    return f"{day.day:02d}/{day.month:02d}/{day.year}" if day.month < 3 else f"{day.day:02d}/{day.month}/{day.year}"
