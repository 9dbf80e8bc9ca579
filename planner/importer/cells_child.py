"""Reads the cells of one Office file in a process of its own, which gets little memory and little time.

Run by `cells.py` as a script, never imported by it: the file's bytes come in, one JSON document goes out. Whatever
the parsers do with a hostile file, they do it here. Knows nothing of plans and imports nothing of ours.
"""

from __future__ import annotations

import io
import json
import sys
from datetime import date, datetime, time, timedelta

TYPE_CHECKING = False
if TYPE_CHECKING:  # as `typing` has it; to import that takes longer than to read a small file
    from collections.abc import Iterable, Iterator
    from typing import Any

MEMORY = 160 * 1024 * 1024  #: bytes of data; libraries and the stack do not count
ADDRESSES = 1024 * 1024 * 1024  #: bytes of address space, for systems that do not count the data alone
SECONDS = 2  #: of computing
MOST_CELLS = 600_000  #: of the rectangle that the filled cells of a sheet span
MOST_TEXT = 3 * 1024 * 1024  #: characters of all cells; a plan of a thousand tasks has some 300 thousand
LONGEST_CELL = 32_767  #: characters; Excel keeps no more
MOST_COLUMNS = 256  #: of a document's table; a workbook's are measured before
MOST_SHEETS = 60
MOST_MERGED = 20_000  #: merged cells of a sheet


NO_LIBRARY = 3  #: exit code: the parser is not installed where this process looks for it


class _TooMuch(Exception):
    """More than any plan holds."""


def _limit() -> None:
    """Keep this process within its memory and time, where the system can."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    limits = {"DATA": MEMORY, "AS": ADDRESSES, "CPU": SECONDS, "CORE": 0}
    for what, most in ((getattr(resource, f"RLIMIT_{name}"), most) for name, most in limits.items()):
        try:
            resource.setrlimit(what, (most, most))
        except (ValueError, OSError):  # macOS knows no limit of address space
            continue


def read_workbook(data: bytes) -> dict[str, Any]:
    """Return the visible sheets of a workbook: name, rows, merged cells."""
    import python_calamine

    sheets: list[dict[str, Any]] = []
    text = 0
    with python_calamine.load_workbook(io.BytesIO(data)) as book:
        wanted = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.visible == python_calamine.SheetVisibleEnum.Visible
            and sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
        ]
        if len(wanted) > MOST_SHEETS:
            raise _TooMuch
        for name in wanted:
            table = book.get_sheet_by_name(name)
            merged = table.merged_cell_ranges or ()
            if table.total_height * table.total_width > MOST_CELLS or len(merged) > MOST_MERGED:
                raise _TooMuch
            rows = []
            for row in table.to_python(skip_empty_area=False):
                text += _length(row)
                if text > MOST_TEXT:
                    raise _TooMuch
                rows.append([_plain(value) for value in row])
            sheets.append({"name": name, "rows": rows, "merged": merged})
    return {"sheets": sheets}


def _length(texts: Iterable[Any]) -> int:
    """Return how many characters the texts have together."""
    lengths = [len(text) for text in texts if isinstance(text, str)]
    if max(lengths, default=0) > LONGEST_CELL:
        raise _TooMuch
    return sum(lengths)


def _plain(value: Any) -> Any:
    """Return a cell as JSON has it: a date or time as a list of its kind and its text."""
    if isinstance(value, datetime):
        return ["datetime", value.isoformat()]
    if isinstance(value, date):
        return ["date", value.isoformat()]
    if isinstance(value, time):
        return ["time", value.isoformat()]
    return ["seconds", value.total_seconds()] if isinstance(value, timedelta) else value


def read_document(data: bytes) -> dict[str, Any]:
    """Return the tables of a document in their order: rows, merged cells, and the lines that stand before each."""
    from docx import Document

    tables: list[dict[str, Any]] = []
    lines: list[str] = []
    text = 0
    for element in _children(Document(io.BytesIO(data)).element.body, "p", "tbl"):
        if _tag(element) == "p":
            lines.append(_text(element))
        else:
            tables.append({"above": [line for line in lines if line.strip()], **_table(element)})
            # The head of an official letter is a table too: what it says stands above the next one.
            lines += [value for row in tables[-1]["rows"] for value in row]
            text += _length(lines)  # what stands above is told with each table
        if text > MOST_TEXT or len(tables) > MOST_SHEETS:
            raise _TooMuch
    return {"tables": tables}


_AROUND = frozenset({"sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo"})  # hold what stands in their place
_NOT_READ = frozenset({"txbxContent", "moveFrom", "del", "Fallback", "tbl", "pPr", "rPr"})
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def _tag(element: Any) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""  # a comment's tag is no text


def _children(element: Any, *tags: str) -> Iterator[Any]:
    """Yield the children with one of `tags`, also out of content controls and tracked insertions."""
    for child in element:
        tag = _tag(child)
        if tag in tags:
            yield child
        elif tag in _AROUND:
            yield from _children(child, *tags)


def _text(element: Any) -> str:
    """Return the text of a paragraph as it reads with tracked changes accepted, without text boxes."""
    found = []
    for child in element:
        tag = _tag(child)
        if tag == "t":
            found.append(child.text or "")
        elif tag in _BREAKS:
            found.append(_BREAKS[tag])
        elif tag not in _NOT_READ:
            found.append(_text(child))
    return "".join(found)


def _table(table: Any) -> dict[str, Any]:
    """Return a table's rows of text, with "" where a cell is covered, and its merged cells; tables inside are left."""
    rows: list[list[str]] = []
    merged: list[list[list[int]]] = []
    open_cells: dict[int, list[list[int]]] = {}  # column -> the merged cell that may go on in the next row
    cells = 0
    for number, row in enumerate(_children(table, "tr")):
        values: list[str] = [""] * min(row.grid_before, MOST_COLUMNS)
        going_on: dict[int, list[list[int]]] = {}
        for cell in _children(row, "tc"):
            column, width = len(values), cell.grid_span
            cells += max(width, 1)
            if cells > MOST_CELLS or column + width > MOST_COLUMNS or len(merged) > MOST_MERGED:
                raise _TooMuch
            area = open_cells.get(column) if cell.vMerge == "continue" else None
            is_new = area is None
            if area is None:
                area = [[number, column], [number, column + width - 1]]
                if width > 1 or cell.vMerge:
                    merged.append(area)
            else:
                area[1] = [number, max(area[1][1], column + width - 1)]
            if cell.vMerge:
                going_on[column] = area
            values += ["\n".join(map(_text, _children(cell, "p"))) if is_new else ""] + [""] * (width - 1)
        open_cells = going_on
        rows.append(values)
    return {"rows": rows, "merged": [area for area in merged if area[0] != area[1]]}


def main() -> None:
    """Read bytes from standard input, write one JSON document to standard output."""
    _limit()
    kind, *libraries = sys.argv[1:]
    sys.path.extend(libraries)
    answer: dict[str, Any]
    try:
        __import__("python_calamine" if kind == "xlsx" else "docx")
    except ImportError as error:  # not the file's fault
        sys.stderr.write(f"{error}")
        sys.exit(NO_LIBRARY)
    try:
        answer = (read_workbook if kind == "xlsx" else read_document)(sys.stdin.buffer.read())
    except (_TooMuch, MemoryError):
        answer = {"refused": "too_much"}
    except BaseException as error:  # noqa: BLE001 - calamine panics with what is no Exception
        answer = {"refused": "damaged", "detail": f"{type(error).__name__}: {error}"[:500]}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
