"""Where in a file something stands, so that problems can be told in the order of reading."""

from __future__ import annotations

import re

_CELL = re.compile(r"^(?P<sheet>.*)!(?P<column>[A-Z]+)(?P<row>[0-9]+)$")
# "line 12, column 9" or "dòng 12, cột 9": the words are the reader's language
_LINE = re.compile(r"^[^0-9]+ (?P<line>[0-9]+)(?:, [^0-9]+ (?P<column>[0-9]+))?$")

# "table 1, row 5, column 2" or "bảng 1, hàng 5, cột 2"
_TABLE = re.compile(r"^[^0-9]+ (?P<table>[0-9]+), [^0-9]+ (?P<row>[0-9]+), [^0-9]+ (?P<column>[0-9]+)$")


def cell_of(place: str) -> tuple[str, int, int] | None:
    """Return sheet, row and column (both from 0) of a place such as "Kế hoạch!E7"; None for any other place."""
    found = _CELL.match(place)
    return (found["sheet"], int(found["row"]) - 1, column_number(found["column"])) if found else None


def column_number(letters: str) -> int:
    """Return the number, from 0, of a column by its letters: 4 for "E"."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def in_reading_order(place: str) -> tuple[str, int, int, str]:
    """Return a key that sorts places row by row, then column by column; what is no place in the file comes first."""
    if found := _CELL.match(place):
        return found["sheet"], int(found["row"]), column_number(found["column"]), place
    if found := _LINE.match(place):
        return "", int(found["line"]), int(found["column"] or 0), place
    if found := _TABLE.match(place):
        return found["table"].zfill(4), int(found["row"]), int(found["column"]), place
    return "", 0, 0, place
