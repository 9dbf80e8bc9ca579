"""Opens an Excel workbook (.xlsx) and hands its sheets over as grids; `sheet.py` makes a plan of them.

The only file that knows calamine. A file is measured before it is parsed: its unpacked size, and how far its cells
reach, because the parser allots memory for the whole rectangle. Source: design notes, Excel measurements.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

import python_calamine

from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.draft import PlanDraft
from planner.importer.grid import Grid, cell_name
from planner.importer.sheet import read_grids

LARGEST_UNPACKED = 200 * 1024 * 1024  #: bytes
MOST_ROWS = 19_999  # `_FAR_CELL` says the same two bounds
MOST_COLUMNS = 256

_OLD_OR_LOCKED = bytes.fromhex("d0cf11e0a1b11ae1")  # an OLE container: .xls, or an encrypted .xlsx
_REFERENCE = re.compile(rb"\br\s*=\s*[\"']([A-Z]{1,3})(\d{1,7})[\"']")
# A cell with content (its opening tag is not closed at once) below row 19999 or right of column IV (256).
_FAR_CELL = re.compile(
    rb"<(?:\w+:)?c\s[^<>]*?\br\s*=\s*[\"']((?:[A-Z]+0*(?:[2-9]\d{4}|[1-9]\d{5,})|(?:[A-Z]{3,}|[J-Z][A-Z]|I[W-Z])\d+))[\"']"
    rb"[^<>]*(?<!/)>"
)
_FAULTY = re.compile(
    rb"<(?:\w+:)?c\s([^<>]*[^<>/])>\s*(?:<(?:\w+:)?f\b[^<>]*(?:/>|>[^<]*</(?:\w+:)?f>)\s*)?"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>([^<]*)</(?:\w+:)?v>)?"
)


class Unreadable(Exception):
    """The workbook cannot be opened; carries the problem's code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_excel(name: str, data: bytes, sha256: str) -> PlanDraft:
    """Return the draft of an .xlsx file; a workbook that cannot be opened is one problem in `draft.problems`."""
    try:
        grids = list(read_workbook(data))
    except Unreadable as found:
        problem = Problem(place=name, code=found.code, message=found.message)
        return PlanDraft(file_name=name, sha256=sha256, format="xlsx", problems=(problem,), readable=False)
    return read_grids(name, sha256, "xlsx", grids)


def read_workbook(data: bytes) -> Iterator[Grid]:
    """Yield the visible sheets in their order."""
    parts = sheet_parts(data)
    try:
        with python_calamine.load_workbook(io.BytesIO(data)) as book:
            for sheet in book.sheets_metadata:
                if sheet.visible != python_calamine.SheetVisibleEnum.Visible:
                    continue
                if sheet.typ != python_calamine.SheetTypeEnum.WorkSheet:
                    continue
                table = book.get_sheet_by_name(sheet.name)
                yield Grid(
                    name=sheet.name,
                    rows=table.to_python(skip_empty_area=False),
                    merged=tuple(table.merged_cell_ranges or ()),
                    faults=_faults(parts.get(sheet.name, b"")),
                )
    except python_calamine.PasswordError:
        raise Unreadable("encrypted", _locked()) from None
    except BaseException as error:
        # calamine is Rust: where it gives up on a damaged file it panics, and that is no `Exception`.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("not_xlsx", damaged()) from error


def sheet_parts(data: bytes) -> dict[str, bytes]:
    """Return the XML of each sheet by name, after measuring that the workbook is fit to be parsed.

    Raises:
        Unreadable: it is no workbook, is locked, or unpacks to more than a plan ever needs.
    """
    if data.startswith(_OLD_OR_LOCKED):
        raise Unreadable("encrypted", _locked())
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if any(entry.flag_bits & 1 for entry in entries):
                raise Unreadable("encrypted", _locked())
            if sum(entry.file_size for entry in entries) > LARGEST_UNPACKED:
                message = _("Unpacked, the workbook is larger than {most} MiB; remove pictures and unused sheets.")
                raise Unreadable("file_too_large", message.format(most=LARGEST_UNPACKED // 2**20))
            names = {entry.filename for entry in entries}
            if "xl/workbook.xml" not in names:
                raise Unreadable("not_xlsx", damaged())
            parts = {}
            for name in sorted(n for n in names if n.startswith("xl/worksheets/") and n.endswith(".xml")):
                parts[name] = archive.read(name)
                _measure(parts[name])
            return _by_sheet_name(archive, names, parts)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, zlib.error) as error:
        raise Unreadable("not_xlsx", damaged()) from error


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


def _by_sheet_name(archive: zipfile.ZipFile, names: set[str], parts: dict[str, bytes]) -> dict[str, bytes]:
    """Return the sheets' XML by sheet name; a sheet whose part is not found is left out."""
    relations = "xl/_rels/workbook.xml.rels"
    if relations not in names:
        return {}
    targets: dict[str, str] = {}
    for attributes in map(_attributes, _RELATION.findall(archive.read(relations).decode("utf-8", "replace"))):
        target = attributes.get("Target", "")
        targets[attributes.get("Id", "")] = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    found = {}
    for attributes in map(_attributes, _SHEET.findall(archive.read("xl/workbook.xml").decode("utf-8", "replace"))):
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


def _locked() -> str:
    return _("The workbook is locked with a password or saved as .xls; save it as .xlsx without a password.")


def damaged() -> str:
    """Return the message that a file is no sound workbook."""
    return _("The file is not an Excel workbook (.xlsx) or is damaged; open it in Excel and save it as .xlsx.")
