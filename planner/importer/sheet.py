"""Makes a draft of a sheet: in the table that `headings` found, the goals, the tasks and the end.

Knows grids of values, not the file they come from. What it passes over it says. Source: domain notes, section 3 (a line
(1) (2) (3), goals by Roman numeral, numbers such as "1.", cells merged or "như trên", a signature below).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from functools import lru_cache

from planner.errors import Problem, Severity
from planner.i18n import gettext as _
from planner.importer.columns import BY_FIELD, FULL_CODE, REQUIRED, heading, read_number
from planner.importer.complaints import quoted
from planner.importer.draft import Cell, GoalDraft, PlanDraft, TaskDraft
from planner.importer.form_texts import example_of
from planner.importer.grid import Grid
from planner.importer.headings import PLAN_LABELS, Header, find_header, headings_met, title_block
from planner.importer.legacy_text import advice, legacy_code
from planner.importer.names import agency_key
from planner.importer.numerals import as_roman, roman


@dataclass(frozen=True, kw_only=True)
class TableForm:
    """What a table of tasks must have and how its numbers count."""

    required: tuple[str, ...]  #: fields of the columns it must have
    labels: Mapping[str, str]  #: key of a label above the table -> what it labels
    under_goal: bool  #: whether 1 under goal I is called I.1, and a goal is missed where none stands


PLAN_TABLE = TableForm(required=REQUIRED, labels=PLAN_LABELS, under_goal=True)


def read_grids(name: str, sha256: str, suffix: str, grids: Sequence[Grid], form: TableForm = PLAN_TABLE) -> PlanDraft:
    """Return the draft of the first sheet that holds a table of tasks; without one, a draft that says so."""
    tables = [(grid, header) for grid in grids if (header := find_header(grid)) is not None]
    if not tables:
        legacy = next(_legacy(grids), None)
        if legacy is not None:  # the headings cannot be known before they are converted
            return PlanDraft(file_name=name, sha256=sha256, format=suffix, problems=(legacy,), readable=False)
        message = _("No table of tasks was found: no row holds the headings {headings}. Headings met: {found}.").format(
            headings=", ".join(f'"{BY_FIELD[key].title}"' for key in form.required),
            found=headings_met(grids) or _("no heading"),
        )
        problem = Problem(place=grids[0].name if grids else name, code="no_table", message=message)
        return PlanDraft(file_name=name, sha256=sha256, format=suffix, problems=(problem,), readable=False)
    grid, header = tables[0]
    draft = _Table(grid, header, form).read(PlanDraft(file_name=name, sha256=sha256, format=suffix))
    message = _("This sheet holds a table too; only the first, {first}, is read.").format(first=grid.name)
    others = [Problem(place=g.name, code="second_table", message=message, severity="warning") for g, _h in tables[1:]]
    return replace(draft, problems=(*draft.problems, *others))


def _legacy(grids: Sequence[Grid]) -> Iterator[Problem]:
    """Say which text is typed in a font of the time before Unicode, in the first rows of each sheet."""
    for grid in grids:
        for row in range(min(len(grid.rows), _LEGACY_WITHIN)):
            for cell in grid.filled(row):
                code = legacy_code(cell.text)
                if code is not None:
                    yield Problem(place=cell.place, code="legacy_text", message=advice(code, quoted(cell.text)))


_LEGACY_WITHIN = 60  # rows
_NUMBER = re.compile(r"\d{1,4}(?:\.\d{1,4})*")
_GOAL_TEXT = re.compile(r"([IVXLl1]{1,7})[.):\-–]\s*(\S.*)", re.DOTALL)
_COLUMN_NUMBER = re.compile(r"\(?\d{1,2}\)?")
_ABOVE = frozenset(map(agency_key, ("như trên", "nt", "n/t", "-nt-", "ditto"))) - {""}
_ABOVE_MARKS = frozenset({'"', "''", "//", "“", "”", "〃"})
_END = tuple(
    map(
        agency_key,
        (
            "người lập",
            "nơi nhận",
            "thủ trưởng",
            "giám đốc",
            "phó giám đốc",
            "chủ tịch",
            "phó chủ tịch",
            "KT. ",
            "TM. ",
            "TL. ",
            "TUQ. ",
            "xác nhận của",
            "người duyệt",
            "lãnh đạo",
            "prepared by",
        ),
    )
)
_END_DATE = re.compile(r"ngày\s*[\d.…]*\s*tháng\s*[\d.…]*\s*năm", re.IGNORECASE)


@lru_cache(maxsize=1024)
def says_above(text: str) -> bool:
    """Say whether a cell of a column that repeats stands for the value above: "như trên", "nt", a ditto mark."""
    return text in _ABOVE_MARKS or agency_key(text) in _ABOVE


@lru_cache(maxsize=4096)
def _number_kind(text: str) -> tuple[str, str]:
    """Return `text` and what such a number counts: "goal", "task", or "" for anything else."""
    if as_roman(text) and not text.isdecimal():
        return text, "goal"
    first, _dot, rest = text.partition(".")
    if _NUMBER.fullmatch(text) or (rest and as_roman(first) and _NUMBER.fullmatch(rest)):
        return text, "task"
    return text, ""


def goal_and_number(goal: str, text: str) -> str:
    """Return a task's number with its goal's in front: 1 under goal I is I.1; I.1 stays, "l.1" becomes I.1."""
    first, dot, rest = text.partition(".")
    if dot and not first.isdecimal() and as_roman(first):
        return f"{as_roman(first)}.{rest}"
    return f"{goal}.{text}" if _NUMBER.fullmatch(text) and goal and first != goal else text


class _Table:
    """Reads the rows of one table in turn."""

    def __init__(self, grid: Grid, header: Header, form: TableForm) -> None:
        self.grid = grid
        self.header = header
        self.form = form
        self.problems: list[Problem] = []
        self.goals: list[GoalDraft] = []
        self.tasks: list[TaskDraft] = []  # of the goal that is open
        self.targets: list[Cell] = []  # that the tasks of the open goal name
        self.above: dict[str, Cell] = {}  # what "như trên" stands for, by field
        self.heading_place = grid.place(header.row, 0)
        code = header.columns.get("code")
        self.full_codes = code is not None and agency_key(grid.cell(header.row, code).text) == agency_key(FULL_CODE)
        self.missing = Cell(None, self.heading_place)  # in a column that the table does not have
        self.goal_text = ""  # of a column that repeats the goal

    def refuse(self, place: str, code: str, message: str, *, only_warn: bool = False) -> None:
        severity: Severity = "warning" if only_warn else "error"
        self.problems.append(Problem(place=place, code=code, message=message, severity=severity))

    def read(self, draft: PlanDraft) -> PlanDraft:
        """Return `draft` with everything the sheet holds."""
        self.headings()
        rows = range(self.header.first, len(self.grid.rows))
        for row in rows:
            filled = self.grid.filled(row)
            if not filled and not self.faulty(row):
                continue
            if self.is_column_numbers(row, filled) or self.is_heading_again(filled):
                continue
            if self.is_of_the_form(row, filled):
                continue
            if self.is_end(row, filled):
                self.rest(row)
                break
            self.row(row, filled)
        self.close_goal()
        block = title_block(self.grid, self.header.row, self.form.labels)
        lines = tuple(cell.text for row in range(self.header.row) for cell in self.grid.filled(row))
        missing = Cell(None, self.grid.name)
        return replace(
            draft,
            agency=block.get("agency", missing),
            directive=block.get("directive", missing),
            number=block.get("number", missing),
            signed=block.get("signed", missing),
            calendar=block.get("calendar", missing),
            goals=tuple(self.goals),
            labelled=block,
            heading=lines,
            problems=tuple(self.problems),
        )

    # --- headings and rows that are no tasks

    def headings(self) -> None:
        """Say which columns are missing, met twice, or not read."""
        for key in self.form.required:
            if key not in self.header.columns:
                message = _('The table has no column "{title}"; add it (other headings accepted: {names}).')
                column = BY_FIELD[key]
                names = ", ".join(f'"{name}"' for name in column.names[:4])
                self.refuse(
                    self.heading_place, f"column_{key}_missing", message.format(title=column.title, names=names)
                )
        for cell in self.header.twice:
            message = _('The heading "{text}" means a column that stands further left already; rename or remove one.')
            self.refuse(cell.place, "column_twice", message.format(text=" ".join(cell.text.split())[:80]))
        for cell in self.header.unknown:
            message = _('The column "{text}" is not read.').format(text=" ".join(cell.text.split())[:80])
            self.refuse(cell.place, "column_unknown", message, only_warn=True)

    def faulty(self, row: int) -> bool:
        return any((row, column) in self.grid.faults for column in self.header.columns.values())

    def is_column_numbers(self, row: int, filled: list[Cell]) -> bool:
        """Recognise the line (1) (2) (3) below the headings."""
        if row > self.header.first + 1 or self.goals or self.tasks or len(filled) < 3:
            return False
        texts = [cell.text for cell in filled]
        numbers = [int(text.strip("()")) for text in texts if _COLUMN_NUMBER.fullmatch(text)]
        return len(numbers) == len(texts) and all(b == a + 1 for a, b in itertools.pairwise(numbers))

    def is_heading_again(self, filled: list[Cell]) -> bool:
        """Recognise the headings repeated at the top of a printed page."""
        return len(filled) >= 3 and all(isinstance(c.value, str) and heading(c.value) for c in filled[:3])

    def is_of_the_form(self, row: int, filled: list[Cell]) -> bool:
        """Recognise what a blank form leaves behind: its example, and a line with a task's number and nothing else."""
        if len(filled) == 1 and self.number(row)[1] == "task" and not self.faulty(row):
            merged = (row, self.header.columns.get("code", -1)) in self.grid.across
            return not merged and not any(self.cell(row, key) for key in self.header.columns if key != "code")
        marked, half = example_of(self.cell(row, "code"), self.cell(row, "title"))
        if half is not None and len(filled) > 1:
            message = _(
                'This row still bears "{mark}" of the form\'s example; write a task over it, or delete the row.'
            )
            self.refuse(half.place, "example_left", message.format(mark=half.text.split(")")[0] + ")"))
        return marked

    def is_end(self, row: int, filled: list[Cell]) -> bool:
        """Recognise what stands below a table: who drew it up, who receives it, the place and date, "./."."""
        if not filled or self.number(row)[1]:
            return False
        first = filled[0].text
        if first.strip() in ("./.", "/."):
            return True
        at_end = agency_key(first).startswith(_END) or _END_DATE.search(first) is not None
        return at_end and len(filled) <= 3 and not self.cell(row, "due")

    def rest(self, end: int) -> None:
        """Say which rows below the end of the table look like tasks all the same."""
        for row in range(end + 1, len(self.grid.rows)):
            if self.number(row)[1] and self.cell(row, "title") and self.cell(row, "due"):
                message = _("This row stands below the end of the table (row {end}) and is not read; move it up.")
                self.refuse(self.place(row), "row_after_end", message.format(end=end + 1))

    # --- cells

    def place(self, row: int) -> str:
        return self.grid.place(row, self.header.columns.get("code", 0))

    def cell(self, row: int, key: str) -> Cell:
        """Return the cell of a field; in a cell merged over several rows the value above holds for each."""
        column = self.header.columns.get(key)
        if column is None:  # where the heading is missed: told there once, not at every task
            return self.missing
        cell = self.grid.cell(row, column)
        if not cell and BY_FIELD[key].repeats:
            above = self.grid.merged_above(row, column)
            if above is not None and above[0] >= self.header.first:
                return self.grid.cell(*above)
        return cell

    def used(self, row: int, key: str) -> Cell:
        """Return the cell of a field as it counts: "như trên" resolved, a fault told."""
        cell = self.cell(row, key)
        if cell is self.missing:
            return cell
        if self.grid.faults and not cell and (row, self.header.columns.get(key)) in self.grid.faults:
            self.refuse(cell.place, "cell_fault", self.grid.faults[row, self.header.columns[key]])
        if BY_FIELD[key].repeats:
            text = cell.value
            if isinstance(text, str) and len(text) < 12 and says_above(text):
                cell = Cell(self.above[key].value, cell.place) if key in self.above else cell
            self.above[key] = cell
        return cell

    def number(self, row: int) -> tuple[str, str]:
        """Return the text of the number cell and what it is: "goal", "task", or "" for anything else."""
        return _number_kind(read_number(self.cell(row, "code")))

    # --- goals and tasks

    def row(self, row: int, filled: list[Cell]) -> None:
        """Read a row that is a goal or a task."""
        text, kind = self.number(row)
        code, title = self.cell(row, "code"), self.cell(row, "title")
        merged = any(self.grid.across.get((row, self.header.columns.get(key, -1)), 1) >= 3 for key in ("code", "title"))
        together = _GOAL_TEXT.fullmatch(code.text) if isinstance(code.value, str) and not title else None
        if together and as_roman(together[1]):
            self.open_goal(Cell(as_roman(together[1]), code.place), Cell(together[2], code.place), row)
        elif kind == "goal":
            self.open_goal(Cell(as_roman(text), code.place), self.used(row, "title"), row)
        elif merged and len(filled) <= 2:
            if text and not kind and not title:  # a line of text across the table, without a number
                code, title = Cell(None, code.place), code
            self.open_goal(Cell(text or None, code.place), title, row)
        elif code.text and not kind and len(filled) == 1:
            message = _('The row "{text}" is neither a goal nor a task and is not read.')
            self.refuse(self.place(row), "row_not_read", message.format(text=code.text[:80]), only_warn=True)
        else:
            self.task(row, text)

    def open_goal(self, code: Cell, title: Cell, row: int) -> None:
        self.close_goal()
        self.goals.append(GoalDraft(place=self.place(row), code=code, title=title, target=self.used(row, "target")))

    def close_goal(self) -> None:
        """Give the open goal its tasks, and the target that they name if its own row names none."""
        if not self.goals:
            return
        goal = self.goals[-1]
        named = {read_number(cell): cell for cell in self.targets if cell}
        target = goal.target if goal.target else next(iter(named.values()), goal.target)
        for text, cell in named.items():
            if text != read_number(target):
                message = _("The tasks of one goal name the targets {first} and {second}; a goal serves one target.")
                self.refuse(cell.place, "goal_targets", message.format(first=target.text, second=cell.text))
        self.goals[-1] = replace(goal, target=target, tasks=tuple(self.tasks))
        self.tasks, self.targets = [], []

    def goal_of(self, row: int) -> None:
        """Open the goal that a task stands under, where no row of its own has done so."""
        place = self.place(row)
        stated = self.used(row, "goal")
        if stated and stated.text != self.goal_text:  # a column repeats the goal: a new text opens the next one
            self.goal_text = stated.text
            match = _GOAL_TEXT.fullmatch(stated.text)
            number = as_roman(match[1]) if match else ""
            title = match[2] if match and number else stated.text
            code, title_cell = number or roman(len(self.goals) + 1), Cell(title, stated.place)
        elif not self.goals:
            message = _("No goal stands above the tasks; they are kept under one goal, I. Add a row I with the goal.")
            if self.form.under_goal:
                self.refuse(place, "goal_missing", message, only_warn=True)
            code, title_cell = "I", Cell(_("Tasks of the plan"), place)
        else:
            return
        self.close_goal()
        self.goals.append(GoalDraft(place=place, code=Cell(code, place), title=title_cell, target=Cell(None, place)))

    def task(self, row: int, text: str) -> None:
        self.goal_of(row)
        self.targets.append(self.used(row, "target"))
        cooperating, after = self.used(row, "cooperating"), self.used(row, "after")
        self.tasks.append(
            TaskDraft(
                place=self.place(row),
                code=self.task_code(row, text),
                title=self.used(row, "title"),
                responsible=self.used(row, "responsible"),
                due=self.used(row, "due"),
                start=self.used(row, "start"),
                duration=self.used(row, "duration"),
                deliverable=self.used(row, "deliverable"),
                note=self.used(row, "note"),
                lead=self.used(row, "lead"),
                cooperating=(cooperating,) if cooperating else (),
                after=(after,) if after else (),
            )
        )

    def task_code(self, row: int, text: str) -> Cell:
        """Return the task's number, with its goal's in front unless the column holds whole numbers."""
        cell = self.used(row, "code")
        if not text or isinstance(cell.value, (date, time)):
            return cell
        if self.full_codes or not self.form.under_goal:
            return Cell(text, cell.place)
        return Cell(goal_and_number(self.goals[-1].code.text, text), cell.place)
