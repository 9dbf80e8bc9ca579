"""Reads a plan's table from a .csv file: one grid whose places are lines and columns. Judges no content.

The bytes become text here too: UTF-8, UTF-16 with its mark, and windows-1258, the code page of Vietnamese Windows.
Texts in the older codes TCVN3 and VNI are refused with advice. Source: RFC 4180; Unicode 3.10 (byte order marks).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata

from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.columns import heading
from planner.importer.complaints import quoted
from planner.importer.draft import PlanDraft
from planner.importer.grid import Grid
from planner.importer.legacy_text import advice, legacy_code
from planner.importer.sheet import read_grids

LARGEST_TEXT = 8 * 1024 * 1024  #: bytes; a thousand tasks take half of one
MOST_ROWS = 9_999
MOST_COLUMNS = 256
LONGEST_FIELD = 32_767  #: characters; Excel keeps no more in a cell

_WORD = re.compile(r"[^\W\d_]+")
_VIETNAMESE = re.compile(r"[a-zàáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ]+", re.IGNORECASE)


class _Refused(Exception):
    """The file cannot be read on; its problem is the argument."""

    def __init__(self, place: str, code: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(place=place, code=code, message=message)


def read_csv_file(name: str, data: bytes, sha256: str) -> PlanDraft:
    """Return the draft of a .csv file; what is wrong with the file itself is in `draft.problems`. Never raises."""
    grid, problems = read_csv(name, data)
    if grid is None:
        return PlanDraft(file_name=name, sha256=sha256, format="csv", problems=problems, readable=False)
    return read_grids(name, sha256, "csv", [grid]).warned(problems)


def read_csv(name: str, data: bytes) -> tuple[Grid | None, tuple[Problem, ...]]:
    """Return a .csv file as a grid and what should be known of it; None, with the reason, when it cannot be read."""
    try:
        text, warnings = decode(name, data)
        return _grid(name, text), warnings
    except _Refused as refused:
        return None, (refused.problem,)


def decode(name: str, data: bytes) -> tuple[str, tuple[Problem, ...]]:
    """Return the text of a file and what the officer should know of its code.

    Raises:
        _Refused: the code is not known, is an old one, or the file is no text.
    """
    if len(data) > LARGEST_TEXT:
        message = _("The text is larger than {most} MiB; a plan of a thousand tasks has half of one.")
        raise _Refused(name, "file_too_large", message.format(most=LARGEST_TEXT // 2**20))
    text: str | None = None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not data.startswith(codecs.BOM_UTF32_LE):
        text = _decoded(data, "utf-16")
    elif b"\0" not in data:
        text = _decoded(data, "utf-8-sig")
    if text is not None:
        if "\0" in text:
            raise _no_text(text.count("\n", 0, text.index("\0")) + 1)
        return text, ()
    if b"\0" in data:
        raise _no_text(data.count(b"\n", 0, data.index(b"\0")) + 1)
    western = data.decode("cp1252", "replace")
    vietnamese = unicodedata.normalize("NFC", data.decode("cp1258", "replace"))
    if _is_vietnamese(vietnamese):
        message = _("The file is written in windows-1258 and was read so; save it as CSV UTF-8 next time.")
        return vietnamese, (Problem(place=name, code="code_page", message=message, severity="warning"),)
    code = legacy_code(western)
    if code is not None:
        line = next((one for one in western.splitlines() if legacy_code(one)), western)
        raise _Refused(name, "legacy_text", advice(code, quoted(line)))
    message = _("The file is not written in UTF-8; open it in Excel and save it as CSV UTF-8 (comma delimited).")
    raise _Refused(name, "not_utf8", message)


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _no_text(line: int) -> _Refused:
    message = _("Line {line} holds a NUL byte, which no text has; open the file in Excel and save it as CSV UTF-8.")
    return _Refused(_("line {line}").format(line=line), "nul_bytes", message.format(line=line))


def _is_vietnamese(text: str) -> bool:
    """Say whether words with accents are nearly all of Vietnamese letters, which a wrong code does not give."""
    accented = {word for word in _WORD.findall(text) if not word.isascii()}
    loose = sum(1 for letter in text if unicodedata.combining(letter))
    toned = any("\u1ea0" <= letter <= "\u1ef9" for letter in text)
    fitting = sum(1 for word in accented if _VIETNAMESE.fullmatch(word))
    return toned and not loose and fitting >= 0.9 * len(accented)


def _grid(name: str, text: str) -> Grid:
    """Return the rows of a text, each with the line it begins on."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    rows: list[list[str]] = []
    lines: list[int] = []
    line = 1
    reader = csv.reader(io.StringIO(text), delimiter=_delimiter(text), strict=True)
    unended = False
    try:
        for record in reader:
            unended = max(map(len, record), default=0) > LONGEST_FIELD
            if unended or len(rows) >= MOST_ROWS or len(record) > MOST_COLUMNS:
                break
            rows.append(record)
            lines.append(line)
            line = reader.line_num + 1
        else:
            return Grid(name=name, rows=rows, lines=lines)
    except csv.Error:  # what follows cannot be told apart, so nothing is judged
        unended = True
    place = _("line {line}").format(line=line)
    if unended:
        message = _(
            "A quoted value that begins here does not end, or is longer than {most} characters; close its quotes."
        )
        raise _Refused(place, "csv_unreadable", message.format(most=LONGEST_FIELD))
    message = _("At most {rows} rows and {columns} columns are read; remove what is no part of the plan.")
    raise _Refused(place, "sheet_too_large", message.format(rows=MOST_ROWS, columns=MOST_COLUMNS))


def _delimiter(text: str) -> str:
    """Return the separator: the one that gives the most headings in a line, else the most frequent.

    The lines above the table hold commas of their own; a spreadsheet set to Vietnamese writes ";".
    """
    lines = [line[:4000] for line in text.split("\n", 60)[:60]]

    def headings(mark: str) -> tuple[int, int]:
        named = (sum(1 for cell in line.split(mark) if heading(cell.strip(' "'))) for line in lines)
        return max(named, default=0), max((line.count(mark) for line in lines), default=0)

    return max(",;\t", key=headings)
