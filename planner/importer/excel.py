"""Opens an Excel workbook (.xlsx) and hands its sheets over as grids; `sheet.py` makes a plan of them.

A file is measured before it is parsed: by `package.py`, and here how far its cells reach, because the parser, calamine
in a child process, allots memory for the whole rectangle. Source: design notes, Excel measurements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.cells import read_cells, value_of
from planner.importer.door import seemly
from planner.importer.draft import PlanDraft
from planner.importer.grid import Grid, cell_name
from planner.importer.package import XLSX, Package, Unreadable, open_package, pack
from planner.importer.sheet import read_grids
from planner.importer.word import external

__all__ = ["Unreadable", "read_excel", "read_workbook"]

MOST_ROWS = 9_999  # `_FAR_CELL` says the same two bounds
MOST_COLUMNS = 256

_REFERENCE = re.compile(rb"\br\s*=\s*[\"']([A-Z]{1,3})(\d{1,7})[\"']")
# A cell with content (its opening tag is not closed at once) below row 9999 or right of column IV (256).
_FAR_CELL = re.compile(
    rb"<(?:\w+:)?c\s[^<>]*?\br\s*=\s*[\"']((?:[A-Z]+0*[1-9]\d{4,}|(?:[A-Z]{3,}|[J-Z][A-Z]|I[W-Z])\d+))[\"']"
    rb"[^<>]*(?<!/)>"
)
_FAULTY = re.compile(
    rb"<(?:\w+:)?c\s([^<>]*[^<>/])>\s*(?:<(?:\w+:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*)?"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>([^<]*)</(?:\w+:)?v>)?"
)


def read_excel(name: str, data: bytes, sha256: str) -> PlanDraft:
    """Return the draft of an .xlsx file; a workbook that cannot be opened is one problem in `draft.problems`."""
    try:
        package = open_package(data, XLSX)
        grids = list(_sheets(package))
    except Unreadable as found:
        problem = Problem(place=name, code=found.code, message=found.message)
        return PlanDraft(file_name=name, sha256=sha256, format="xlsx", problems=(problem,), readable=False)
    linked = any(part.casefold().startswith("xl/externallinks/") for part in package.names)
    return read_grids(name, sha256, "xlsx", grids).warned((external(name),) if linked else ())


def read_workbook(data: bytes) -> Iterator[Grid]:
    """Yield the visible sheets in their order.

    Raises:
        Unreadable: the workbook cannot be opened, or not within the memory and time that a plan needs.
    """
    return _sheets(open_package(data, XLSX))


def _sheets(package: Package) -> Iterator[Grid]:
    for name, xml in package.parts.items():
        if name.casefold().startswith("xl/worksheets/"):
            _measure(xml)
    parts = _by_sheet_name(package.parts, package.main)
    for sheet in read_cells(pack(package.parts), XLSX)["sheets"]:
        yield Grid(
            name=seemly(sheet["name"]),
            rows=[[value_of(value) for value in row] for row in sheet["rows"]],
            merged=tuple((tuple(first), tuple(last)) for first, last in sheet["merged"]),
            faults=_faults(parts.get(sheet["name"], b"")),
        )


def _measure(xml: bytes) -> None:
    """Refuse a sheet whose filled cells reach further than any plan does."""
    far = _FAR_CELL.search(xml)
    if far:
        message = _("A cell of the workbook stands at {cell}; at most {rows} rows and {columns} columns are read.")
        cell = far[1][:12].decode("ascii")
        raise Unreadable("sheet_too_large", message.format(cell=cell, rows=MOST_ROWS, columns=MOST_COLUMNS))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


_SHEET = re.compile(r"<(?:\w+:)?sheet\s[^<>]*>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\s[^<>]*>")
_ATTRIBUTE = re.compile(r"([\w:]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


def _by_sheet_name(parts: Mapping[str, bytes], main: bytes) -> dict[str, bytes]:
    """Return the sheets' XML by sheet name; a sheet whose part is not found is left out."""
    targets: dict[str, str] = {}
    relations = parts.get("xl/_rels/workbook.xml.rels", b"").decode("utf-8", "replace")
    for attributes in map(_attributes, _RELATION.findall(relations)):
        target = attributes.get("Target", "")
        targets[attributes.get("Id", "")] = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    found = {}
    for attributes in map(_attributes, _SHEET.findall(main.decode("utf-8", "replace"))):
        identity = next((value for key, value in attributes.items() if key.endswith(":id")), "")
        part = parts.get(targets.get(identity, ""))
        if part is not None:
            found[attributes.get("name", "")] = part
    return found


def _attributes(tag: str) -> dict[str, str]:
    found = {}
    for key, double, single in _ATTRIBUTE.findall(tag):
        value = double or single
        for entity, letter in _ENTITIES:
            value = value.replace(entity, letter)
        found[key] = value
    return found


def _faults(xml: bytes) -> dict[tuple[int, int], str]:
    """Return what calamine passes over as empty: cells that hold an Excel error, formulas never calculated."""
    if b'="e"' not in xml and b"='e'" not in xml and not re.search(rb"<(?:\w+:)?f\b", xml):
        return {}
    found: dict[tuple[int, int], str] = {}
    for match in _FAULTY.finditer(xml):
        reference = _REFERENCE.search(match[1])
        if not reference:
            continue
        at = int(reference[2]) - 1, _column(reference[1]) - 1
        value = (match[2] or b"").decode("utf-8", "replace").strip()
        if re.search(rb"\bt\s*=\s*[\"']e[\"']", match[1]):
            message = _("{cell} holds the Excel error {found}; correct the formula or type the value.")
            found[at] = message.format(cell=cell_name(*at), found=value or "#N/A")
        elif not value and re.search(rb"<(?:\w+:)?f\b", match[0]):
            message = _(
                "{cell} holds a formula without a result; open the file in Excel and save it, or type the value."
            )
            found[at] = message.format(cell=cell_name(*at))
    return found
