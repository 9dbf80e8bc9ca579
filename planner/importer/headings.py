"""Finds the table of a plan in a sheet by its headings, in one row or two, and reads the lines above it.

Source: domain notes, section 3 (headings met in the field, the title block of a plan).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planner.importer.columns import heading
from planner.importer.draft import Cell
from planner.importer.grid import Grid
from planner.importer.names import agency_key

_HEADER_WITHIN = 60  # rows


@dataclass(frozen=True, kw_only=True)
class Header:
    """Where the table begins and which column holds what."""

    row: int  #: the heading row, the upper of two
    first: int  #: the first row below the headings
    columns: Mapping[str, int]  #: field -> column
    unknown: tuple[Cell, ...]  #: headings that name no known column
    twice: tuple[Cell, ...]  #: headings that name a column already found


def find_header(grid: Grid) -> Header | None:
    """Return the first row, with the row below it if the headings span two, that names the tasks and what they need."""
    for row in range(min(len(grid.rows), _HEADER_WITHIN)):
        named = sum(1 for cell in grid.filled(row) if heading(cell.text))
        if named < 2:
            continue
        columns: dict[str, int] = {}
        unknown: list[Cell] = []
        twice: list[Cell] = []
        lower = _lower_headings(grid, row)
        upper = Cell(None, "")
        width = 0  # columns still covered by the merged heading in `upper`
        for column in range(max(len(grid.rows[row]), len(grid.rows[row + 1]) if lower else 0)):
            cell = grid.cell(row, column)
            if cell:
                upper, width = cell, grid.across.get((row, column), 1)
            below = grid.cell(row + 1, column) if lower else Cell(None, "")
            covered = upper.text if cell or width > 0 else ""
            width -= 1
            if not cell and not below:
                continue
            found = (
                (heading(f"{covered} {below.text}") or heading(below.text)) if below else heading(cell.text)
            ) or heading(cell.text)
            told = below or cell
            if found is None:
                unknown.append(told)
            elif found.field in columns:
                twice.append(told)
            else:
                columns[found.field] = column
        if "title" in columns and len(columns) >= 3 and ("code" in columns or "due" in columns):
            return Header(
                row=row,
                first=row + (2 if lower else 1),
                columns=columns,
                unknown=tuple(unknown),
                twice=tuple(twice),
            )
    return None


def _lower_headings(grid: Grid, row: int) -> bool:
    """Say whether the row below continues the headings: it names columns, and nothing under the number's heading."""
    if row + 1 >= len(grid.rows):
        return False
    numbers = [
        column
        for column in range(len(grid.rows[row]))
        if (found := heading(grid.cell(row, column).text)) and found.field == "code"
    ]
    below = grid.filled(row + 1)
    if not below or any(grid.cell(row + 1, column) for column in numbers):
        return False
    split = any((row, column) in grid.across for column in range(len(grid.rows[row])))
    named = sum(1 for cell in below if heading(cell.text))
    return named >= 2 or (named >= 1 and split)


def headings_met(grids: Sequence[Grid]) -> str:
    """Return the texts of the row that looks most like headings, for the message that none was found."""
    best: list[Cell] = []
    for grid in grids:
        for row in range(min(len(grid.rows), _HEADER_WITHIN)):
            cells = [cell for cell in grid.filled(row) if isinstance(cell.value, str) and len(cell.text) < 60]
            if len(cells) > max(1, len(best)):
                best = cells
    return ", ".join(f'"{" ".join(cell.text.split())}"' for cell in best[:8])


_LABELLED = {
    "agency": ("mã cơ quan", "cơ quan lập kế hoạch", "agency"),
    "directive": ("văn bản giao", "mã văn bản giao", "directive"),
    "number": ("số kế hoạch", "số, ký hiệu", "number"),
    "signed": ("ngày ký", "ngày ban hành", "signed"),
    "calendar": ("lịch", "lịch làm việc", "calendar"),
}
PLAN_LABELS: Mapping[str, str] = {agency_key(name): key for key, names in _LABELLED.items() for name in names}
_LONGEST_LINE = 2000  # characters of a cell above the table
_NUMBER_AND_DAY = re.compile(
    r"kế hoạch\s+số\s*:?\s*(?P<number>[^\s,;]+)\s*,?\s*ngày\s+"
    r"(?P<day>\d{1,2}\s*[/.\-]\s*\d{1,2}\s*[/.\-]\s*\d{4}|\d{1,2}\s+tháng\s+\d{1,2}\s+năm\s+\d{4})",
    re.IGNORECASE,
)


def title_block(grid: Grid, header_row: int, labels: Mapping[str, str] = PLAN_LABELS) -> dict[str, Cell]:
    """Return what the lines above the table say: "Mã cơ quan: stttt", "Kế hoạch số 12/KH-STTTT ngày 04/5/2020".

    Args:
        grid: the sheet.
        header_row: where its table begins.
        labels: key of a label, by `agency_key` -> what it labels.
    """
    found: dict[str, Cell] = {}
    for row in range(header_row):
        cells = grid.filled(row)
        for at, cell in enumerate(cells):
            if not isinstance(cell.value, str):
                continue
            # Single blanks only: the pattern would try every way of dividing a run of them.
            stated = _NUMBER_AND_DAY.search(" ".join(cell.value[:_LONGEST_LINE].split()))
            if stated:
                found.setdefault("number", Cell(stated["number"], cell.place))
                found.setdefault("signed", Cell(" ".join(stated["day"].split()), cell.place))
            for line in cell.value.split("\n"):
                label, colon, text = line.partition(":")
                key = labels.get(agency_key(label)) if len(label) < 40 else None
                if key is None or not (colon or at + 1 < len(cells)):
                    continue
                if text.strip():
                    found.setdefault(key, Cell(text.strip(), cell.place))
                elif at + 1 < len(cells) and agency_key(cells[at + 1].text.partition(":")[0][:40]) not in labels:
                    found.setdefault(key, cells[at + 1])
    return found
