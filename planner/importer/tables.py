"""A register as a person keeps it, in a .csv, .xlsx or .yaml file, read into cells that know their place.

Knows nothing of agencies or officers: a register says which columns it has, this file finds them under their English
or Vietnamese headings. YAML is read from its nodes, so that "2.10" stays text and every value keeps its line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from planner.domain.agency import name_key
from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.csv_file import read_csv
from planner.importer.excel import Unreadable, read_workbook
from planner.importer.grid import Grid, cell_name
from planner.importer.plain_yaml import SUFFIXES, Keys, admit, line_place, read_yaml, unopened

IGNORED = ("stt", "tt", "số tt", "số thứ tự", "no.", "ghi chú", "note", "notes")
_ISO = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
_DMY = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")
MOST_ROWS = 20_000  #: of a register in a text file; a country has some ten thousand communes
MOST_COLUMNS = 256
_HEADER_WITHIN = 20  # rows; a title block longer than this is not a register's

Value = str | date | float


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One value and where it stands."""

    value: Value  #: text is NFC with single spaces; "" for an empty cell
    place: str  #: "line 12, column email" or "Sheet1!B7"

    @property
    def text(self) -> str:
        """Return the value as text; a whole number without its ".0"."""
        if isinstance(self.value, float):
            return str(int(self.value)) if self.value.is_integer() else str(self.value)
        return self.value.isoformat() if isinstance(self.value, date) else self.value


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One entry of a register: a cell for each known column, empty where the file has none."""

    cells: Mapping[str, Cell]
    place: str  #: of the whole entry: "line 12", "Sheet1!7"

    def __getitem__(self, name: str) -> Cell:
        """Return the cell of a column; a column that the file lacks is an empty cell at the row's place."""
        return self.cells.get(name) or Cell(value="", place=self.place)


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """The columns of one register: field name -> the headings it may stand under besides its own name."""

    headings: Mapping[str, Sequence[str]]
    required: Sequence[str]

    def find(self, heading: str) -> str | None:
        """Return the field that a heading names, if any; capitals, "_" and the tone mark's place do not matter."""
        key = _heading_key(heading)
        for name, others in self.headings.items():
            if key in map(_heading_key, (name, *others)):
                return name
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    values: Sequence[Value]
    place: str
    cell_place: Callable[[int, str], str]  #: column from 0, its heading -> place


@lru_cache(maxsize=4096)
def _heading_key(heading: str) -> str:
    return name_key(heading.replace("_", " "))


def clean(text: str) -> str:
    """Return `text` in NFC with single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def plain_date(text: str) -> date | None:
    """Return the day that "2020-05-31" or "31/5/2020" (day first, always) names; None if it names none."""
    iso, dmy = _ISO.fullmatch(text), _DMY.fullmatch(text)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        return date(int(dmy[3]), int(dmy[2]), int(dmy[1])) if dmy else None
    except ValueError:
        return None


def read_table(path: Path, columns: Columns) -> tuple[list[Row], list[Problem]]:
    """Read every entry of a register; a file that cannot be read is one problem, never an exception."""
    suffix = path.suffix.lower()
    problems: list[Problem] = []
    try:
        if suffix == ".csv":
            return _rows(path, list(_csv_lines(path, problems)), columns, problems), problems
        if suffix == ".xlsx":
            return _rows(path, list(_xlsx_lines(path, problems)), columns, problems), problems
        if suffix in (".yaml", ".yml"):
            return _yaml_rows(path, columns, problems), problems
    except OSError as error:
        return [], [unopened(path, error)]
    message = _("Files of this kind are not read; expected one of {suffixes}.").format(suffixes=", ".join(SUFFIXES))
    return [], [Problem(place=path.name, code="file_kind", message=message)]


# --- spreadsheets --------------------------------------------------------------------------------------------------


def _csv_lines(path: Path, problems: list[Problem]) -> Iterator[_Line]:
    data = admit(path, problems)
    grid, found = read_csv(path.name, data) if data else (None, ())
    problems.extend(found)
    for start, values in zip(grid.lines, grid.rows, strict=True) if grid else ():

        def cell_place(_column: int, heading: str, start: int = start) -> str:
            return line_place(start, heading)

        place = _("line {line}").format(line=start)
        yield _Line(values=[clean(str(value)) for value in values], place=place, cell_place=cell_place)


def _xlsx_lines(path: Path, problems: list[Problem]) -> Iterator[_Line]:
    data = admit(path, problems)
    if problems:
        return
    try:
        grid = next(read_workbook(data), Grid(name="", rows=()))  # measured before it is parsed
    except Unreadable as found:
        problems.append(Problem(place=path.name, code=found.code, message=found.message))
        return
    for at, message in grid.faults.items():
        problems.append(Problem(place=f"{grid.name}!{cell_name(*at)}", code="cell_fault", message=message))
    for row, values in enumerate(grid.rows):

        def cell_place(column: int, _heading: str, row: int = row) -> str:
            return f"{grid.name}!{cell_name(row, column)}"

        yield _Line(values=[_value(v) for v in values], place=f"{grid.name}!{row + 1}", cell_place=cell_place)


def _value(raw: object) -> Value:
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, int | float):
        return float(raw)
    return raw if isinstance(raw, date) else clean(str(raw))


def _rows(path: Path, lines: Sequence[_Line], columns: Columns, problems: list[Problem]) -> list[Row]:
    if problems and not lines:
        return []
    filled = [(i, line) for i, line in enumerate(lines[:_HEADER_WITHIN]) if any(v != "" for v in line.values)]
    named = [(sum(columns.find(str(v)) is not None for v in line.values), -i) for i, line in filled]
    best, at = max(named, default=(0, 0))
    if not best:
        expected = ", ".join(columns.headings)
        message = _("No row of headings was found. Expected columns: {columns}.").format(columns=expected)
        problems.append(Problem(place=path.name, code="heading_missing", message=message))
        return []
    header = lines[-at]
    fields = _fields(header, columns, problems)
    rows = []
    for line in lines[-at + 1 :]:
        if not any(v != "" for v in line.values):
            continue
        cells = {
            name: Cell(value=line.values[n] if n < len(line.values) else "", place=line.cell_place(n, heading))
            for n, (name, heading) in fields.items()
        }
        if len(line.values) > len(header.values) and any(v != "" for v in line.values[len(header.values) :]):
            message = _(
                "Found {found} values under {expected} headings; a value with the separator in it needs quotes."
            )
            message = message.format(found=len(line.values), expected=len(header.values))
            problems.append(Problem(place=line.place, code="row_too_long", message=message))
        rows.append(Row(cells=cells, place=line.place))
    return rows


def _fields(header: _Line, columns: Columns, problems: list[Problem]) -> dict[int, tuple[str, str]]:
    """Return column number -> field and heading; complain of what is missing, twice there, or unknown."""
    fields: dict[int, tuple[str, str]] = {}
    for n, value in enumerate(header.values):
        heading = str(value)
        name = columns.find(heading)
        place = header.cell_place(n, heading)
        if name is not None and name in (one for one, _heading in fields.values()):
            message = _('The column "{column}" stands twice; keep one.').format(column=heading)
            problems.append(Problem(place=place, code="heading_twice", message=message))
        elif name is not None:
            fields[n] = (name, heading)
        elif heading and _heading_key(heading) not in map(_heading_key, IGNORED):
            message = _('The column "{column}" is not known and is not read. Known columns: {columns}.')
            message = message.format(column=heading, columns=", ".join(columns.headings))
            problems.append(Problem(place=place, code="heading_unknown", message=message, severity="warning"))
    have = {name for name, _heading in fields.values()}
    for name in columns.required:
        if name not in have:
            names = ", ".join((name, *columns.headings[name]))
            message = _("A column is missing; it may be headed: {names}.").format(names=names)
            problems.append(Problem(place=header.place, code="heading_missing", message=message))
    return fields


# --- YAML ----------------------------------------------------------------------------------------------------------


def _yaml_rows(path: Path, columns: Columns, problems: list[Problem]) -> list[Row]:
    document, marks, found = read_yaml(path)
    problems.extend(found)
    base: Keys = ()
    if isinstance(document, dict) and len(document) == 1:  # "agencies:" over the list is welcome
        base, document = (next(iter(document)),), next(iter(document.values()))
    if not isinstance(document, list):
        if not found:
            message = _("Expected a list of entries with the keys: {keys}.").format(keys=", ".join(columns.headings))
            problems.append(Problem(place=path.name, code="yaml_shape", message=message))
        return []
    rows = []
    for n, entry in enumerate(document):
        line = marks[(*base, n)][0]
        place = _("line {line}").format(line=line)
        if not isinstance(entry, dict):
            message = _("Expected an entry with the keys: {keys}.").format(keys=", ".join(columns.headings))
            problems.append(Problem(place=place, code="yaml_shape", message=message))
            continue
        cells: dict[str, Cell] = {}
        for key, value in entry.items():
            at = line_place(marks[(*base, n, key)][0], key)
            name = columns.find(key)
            if name is None or name in cells or isinstance(value, dict | list):
                message = _('The key "{key}" is not expected here. Known keys: {keys}.')
                message = message.format(key=key, keys=", ".join(columns.headings))
                problems.append(Problem(place=at, code="key_unknown", message=message))
            else:
                cells[name] = Cell(value=clean(value or ""), place=at)
        for name in columns.required:
            cells.setdefault(name, Cell(value="", place=place))  # to be missed by whoever reads the row
        rows.append(Row(cells=cells, place=place))
    return rows
