"""A directive as people keep it in a table: labelled lines above, the tasks it gives, and the targets it sets.

The tasks stand in the same table as a plan's (TT, Tên nhiệm vụ, Cơ quan chủ trì, Cơ quan phối hợp, Kết quả, Thời gian
hoàn thành), as in the appendices of resolutions; the targets in a table of their own, on the same sheet or another.
Knows no register: what is read is handed on as `Stated`. Source: domain notes, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from planner.errors import Problem
from planner.importer.columns import day_comes_first, read_number, read_start
from planner.importer.directive_form import Stated
from planner.importer.draft import Cell, PlanDraft, TaskDraft
from planner.importer.grid import Grid
from planner.importer.names import agency_key
from planner.importer.plain_yaml import Keys
from planner.importer.register_columns import TARGET_COLUMNS, TIERS
from planner.importer.sheet import TableForm, read_grids

_LABELLED = {
    "code": ("mã văn bản", "code"),
    "number": ("số", "số văn bản", "số, ký hiệu", "số kế hoạch", "number"),
    "title": ("trích yếu", "tên văn bản", "title"),
    "issuer": ("cơ quan ban hành", "người ban hành", "issuer"),
    "issued_on": ("ngày ban hành", "ngày ký", "issued on"),
    "filing.duty": ("yêu cầu lập kế hoạch", "filing duty"),
    "filing.tiers": ("cấp phải lập kế hoạch", "filing tiers"),
    "filing.deadline": ("hạn gửi kế hoạch", "filing deadline"),
    "filing.note": ("ghi chú về hạn gửi kế hoạch", "filing note"),
    "recipients": ("nơi nhận", "recipients"),
}
_TABLE = TableForm(
    required=("code", "title", "lead"),
    labels={agency_key(name): key for key, names in _LABELLED.items() for name in names},
    under_goal=False,
)
_DAYS = ("issued_on", "filing.deadline")
_LISTS = ("filing.tiers", "recipients")
# "(Kèm theo Nghị quyết số 03/NQ-CP ngày 08 tháng 01 năm 2025 của Chính phủ)"
_CITED = re.compile(
    r"\bkèm theo\s+(?:\w+\s+){1,4}số\s*:?\s*(?P<number>\d[^\s,;()]{0,40})\s*,?\s*ngày\s+"
    r"(?P<day>\d{1,2}\s?[/.\-]\s?\d{1,2}\s?[/.\-]\s?\d{4}|\d{1,2}\s+tháng\s+\d{1,2}\s+năm\s+\d{4})"
    r"(?:\s+của\s+(?P<issuer>[^()\n]{1,200}))?",
    re.IGNORECASE,
)


def read_directive_grids(name: str, grids: Sequence[Grid]) -> tuple[Stated, list[Problem]]:
    """Return what the sheets of a file state of a directive, and what of them could not be accepted."""
    reader = _Reader(name)
    without_targets = [reader.targets(grid) for grid in grids]
    draft = read_grids(name, "", "", without_targets, _TABLE)
    if draft.readable:
        reader.tasks(draft)
        reader.problems += draft.problems
    elif not reader.document.get("targets"):  # a directive may set targets only
        reader.problems += draft.problems
    texts = [cell.value for task in reader.given for cell in (task.due,) if isinstance(cell.value, str)]
    day_first = day_comes_first(texts, draft.heading)
    return Stated(document=reader.document, places=reader.places, day_first=day_first), reader.problems


@dataclass
class _Reader:
    """Collects what the tables state as the form wants it."""

    name: str
    document: dict[str, Any] = field(default_factory=dict)
    places: dict[Keys, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    given: list[TaskDraft] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.places[()] = self.name

    def tasks(self, draft: PlanDraft) -> None:
        """Take the labelled lines and the tasks."""
        for line in draft.heading:
            if cited := _CITED.search(" ".join(line[:2000].split())):
                for key, text in (
                    ("number", cited["number"]),
                    ("issued_on", cited["day"]),
                    ("issuer", cited["issuer"]),
                ):
                    if text:
                        self._label(key, Cell(text.strip(), self.name))
                break
        for key, cell in draft.labelled.items():
            self._label("issued_on" if key == "signed" else key, cell)  # "Kế hoạch số 90/KH-UBND ngày 04/5/2020"
        if "filing" in self.document:
            self.places.setdefault(("filing",), self.name)
        rows = [(goal.code.text, task) for goal in draft.goals for task in goal.tasks]
        self.given = [task for _goal, task in rows]
        codes = [read_number(task.code) for task in self.given]
        again = len(set(codes)) < len(codes)  # numbered anew under each heading: the heading's number goes in front
        for n, (goal, task) in enumerate(rows):
            code = f"{goal}.{codes[n]}" if again and goal and codes[n] else codes[n]
            self._entry("assignments", n, task.place)
            for key, cell, value in (
                ("code", task.code, code),
                ("title", task.title, task.title.text),
                ("agency", task.lead, _one_line(task.lead)),
                ("due", task.due, task.due.text),
                ("deliverable", task.deliverable, task.deliverable.text),
            ):
                self._value(("assignments", n, key), cell.place, value)
            for cell in task.cooperating:
                self._value(("assignments", n, "cooperating"), cell.place, [_one_line(cell)])

    def targets(self, grid: Grid) -> Grid:
        """Take the targets of a sheet; return the sheet without their rows, which are no tasks."""
        at = next((row for row in range(len(grid.rows)) if self._names_targets(grid, row)), None)
        if at is None:
            return grid
        columns = {column: TARGET_COLUMNS.find(grid.cell(at, column).text) for column in range(len(grid.rows[at]))}
        end = at + 1
        for row in range(at + 1, len(grid.rows)):
            cells = {key: grid.cell(row, column) for column, key in columns.items() if key}
            if not grid.filled(row) or not (cells.get("value") or cells.get("title")):
                break
            end = row + 1
            if all(cell.text.strip("()").isdecimal() for cell in grid.filled(row)):
                continue  # the line (1) (2) (3)
            self._target(cells, grid.place(row, 0))
        rows = [() if at <= row < end else values for row, values in enumerate(grid.rows)]
        return replace(grid, rows=rows)

    def _names_targets(self, grid: Grid, row: int) -> bool:
        named = {TARGET_COLUMNS.find(cell.text) for cell in grid.filled(row) if len(cell.text) < 60}
        return named >= set(TARGET_COLUMNS.required)

    def _target(self, cells: Mapping[str, Cell], place: str) -> None:
        n = len(self.document.get("targets", ()))
        self._entry("targets", n, place)
        for key, cell in cells.items():
            if not cell:
                continue
            if key == "tiers":
                self._value(("targets", n, key), cell.place, _tiers(cell.text))
            elif key in ("holds_from", "by"):
                self._value(("targets", n, key), cell.place, _day(cell))
            elif key == "code":
                self._value(("targets", n, key), cell.place, read_number(cell))
            else:
                self._value(("targets", n, key), cell.place, cell.text)

    def _label(self, key: str, cell: Cell) -> None:
        text = _day(cell) if key in _DAYS else cell.text
        value = _tiers(text) if key == "filing.tiers" else _pieces(text) if key in _LISTS else text
        self._value(tuple(key.split(".")), cell.place, value)

    def _entry(self, part: str, n: int, place: str) -> None:
        self.document.setdefault(part, []).append({})
        self.places[part,] = self.places.get((part,), place)
        self.places[part, n] = place

    def _value(self, keys: Keys, place: str, value: Any) -> None:
        """Set a value; one that is empty is not given, and is missed at its own cell."""
        self.places[keys] = place
        if value in ("", []):
            return
        at: Any = self.document
        for key in keys[:-1]:
            at = at.setdefault(key, {}) if isinstance(at, dict) else at[key]
        at[keys[-1]] = value


def _one_line(cell: Cell) -> str:
    """Return names with a mark where the line breaks, which separates them too."""
    return cell.text.replace("\n", "; ")


def _day(cell: Cell) -> str:
    """Write the day of a cell as the form wants it; what is no day stays as it is, to be complained of."""
    if isinstance(cell.value, date):
        return cell.value.isoformat()[:10]
    day = read_start(Cell(" ".join(cell.text.split()), cell.place), day_first=True)
    return day.isoformat() if day else cell.text


def _pieces(text: str) -> list[str]:
    return [piece for part in re.split(r"[;\n]", text) if (piece := part.strip(" \t-–+•"))]


def _tiers(text: str) -> list[str]:
    """Return tiers by their own names, "sở, ban, ngành; cấp huyện"; a word that names none stays as it is."""
    found = []
    for piece in _pieces(text):
        for word in [piece] if TIERS.find(piece) else re.split(r"\s*,\s*|\s+và\s+", piece):
            tier = TIERS.find(word)
            found.append(tier.value if tier else word)
    return found
