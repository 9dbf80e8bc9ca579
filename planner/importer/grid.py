"""One sheet as a grid of values, with its merged cells; knows neither the file it comes from nor what a plan is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from planner.i18n import gettext as _
from planner.importer.draft import Cell, Value, clean
from planner.importer.plain_yaml import line_place

_MERGED = tuple[tuple[int, int], tuple[int, int]]


def cell_name(row: int, column: int) -> str:
    """Return the name of a cell, "E7" for row 6 and column 4 (both from 0)."""
    letters = ""
    number = column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """One sheet: its values row by row, which cells are merged, and which hold no usable value."""

    name: str
    rows: Sequence[Sequence[Value]]
    merged: tuple[_MERGED, ...] = ()  #: (first row, first column), (last row, last column), from 0
    faults: Mapping[tuple[int, int], str] = field(default_factory=dict)  #: (row, column) -> translated message
    lines: Sequence[int] = ()  #: of a text file: the line on which each row begins; a sheet has none
    table: int = 0  #: of a document: which table it is, from 1; a sheet or a text file is none
    rows_above: int = 0  #: of a document: how many of the first rows are lines above the table

    @cached_property
    def _cells(self) -> list[tuple[Cell, ...] | None]:
        return [None] * len(self.rows)  # each row's when it is asked for

    def place(self, row: int, column: int) -> str:
        """Return where a cell stands: "Kế hoạch!E7", "line 7, column 5", "table 1, row 5, column 2"."""
        if self.lines:
            return line_place(self.lines[min(row, len(self.lines) - 1)], column + 1)
        if self.table and row < self.rows_above:
            return _("above table {table}, line {row}").format(table=self.table, row=row + 1)
        if self.table:
            where = _("table {table}, row {row}, column {column}")
            return where.format(table=self.table, row=row - self.rows_above + 1, column=column + 1)
        return f"{self.name}!{cell_name(row, column)}"

    @cached_property
    def _letters(self) -> list[str]:
        return [cell_name(0, column)[:-1] for column in range(max(map(len, self.rows), default=0))]

    def row(self, row: int) -> tuple[Cell, ...]:
        """Return the cells of a row, text `clean`, each with its place; none below the last row."""
        if row >= len(self.rows):
            return ()
        known = self._cells[row]
        if known is None:
            raw = self.rows[row]
            if self.lines or self.table:
                places = [self.place(row, column) for column in range(len(raw))]
            else:
                sheet, number = f"{self.name}!", row + 1
                places = [f"{sheet}{letters}{number}" for letters in self._letters]
            known = self._cells[row] = tuple(
                [
                    Cell((clean(value) or None) if isinstance(value, str) else value, place)
                    for place, value in zip(places, raw, strict=False)
                ]
            )
        return known

    def cell(self, row: int, column: int) -> Cell:
        """Return a cell; an empty one where the sheet has none."""
        cells = self.row(row)
        return cells[column] if column < len(cells) else Cell(None, self.place(row, column))

    def filled(self, row: int) -> list[Cell]:
        """Return the cells of a row that hold something, from left to right."""
        return [cell for cell in self.row(row) if cell.value is not None]

    @cached_property
    def across(self) -> Mapping[tuple[int, int], int]:
        """How many columns a merged cell covers, by the place of its value."""
        return {start: end[1] - start[1] + 1 for start, end in self.merged if end[1] > start[1]}

    @cached_property
    def _down(self) -> Mapping[int, list[_MERGED]]:
        """The cells merged over several rows, by their first column, from top to bottom."""
        found: dict[int, list[_MERGED]] = {}
        for start, end in sorted(self.merged):
            if end[0] > start[0]:
                found.setdefault(start[1], []).append((start, end))
        return found

    def merged_above(self, row: int, column: int) -> tuple[int, int] | None:
        """Return the cell further up in the column that is merged down over this one, if there is one."""
        areas = self._down.get(column, [])
        at = bisect_left(areas, ((row, 0), (0, 0))) - 1
        return areas[at][0] if at >= 0 and areas[at][0][0] < row <= areas[at][1][0] else None
