"""Roman numerals as people type them: I, II., l, IV."""

from __future__ import annotations

import re

_ROMAN = re.compile(r"X{0,3}(?:IX|IV|V?I{0,3})")
_DIGITS = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def as_roman(text: str) -> str:
    """Return the numeral that `text` writes, "II" for "ll" or "I1" too; "" when it is none from I to XXXIX."""
    if not 0 < len(text) <= 7:
        return ""
    numeral = text.replace("l", "I").replace("1", "I")
    return numeral if _ROMAN.fullmatch(numeral) else ""


def roman(number: int) -> str:
    """Return `number` (from 1) as a Roman numeral."""
    written = ""
    for value, letters in _DIGITS:
        count, number = divmod(number, value)
        written += letters * count
    return written
