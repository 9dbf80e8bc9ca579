"""Writes a plan as a file that our own readers take for the same plan: filed again, it changes nothing.

Deadlines stand as they were filed. One that was a real date, or would be read in two ways outside its file, is written
as a date. In Excel every text is a text: a title that begins with "=" is no formula, the number 1.10 keeps its zero.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import xlsxwriter
import yaml

from planner.domain.calendar import Calendar
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.plan import Goal, Plan, PlannedTask
from planner.importer.columns import BY_FIELD, FULL_CODE, both_come_first, day_comes_first, read_deadline
from planner.importer.draft import Cell
from planner.importer.numerals import as_roman
from planner.importer.sheet import goal_and_number

_SPELLED = 4096  # characters a line of YAML may have before it is folded; a plan's texts are shorter


#: what shows the reader that "05/6/2020" is the fifth of June, where nothing else in the file does
DAY_FIRST = "Ngày ghi theo thứ tự ngày/tháng/năm, ví dụ 31/12/2020"

Due = str | date


@dataclass(frozen=True, kw_only=True, slots=True)
class Dues:
    """What stands in the deadline cells of a file."""

    cells: Mapping[str, Due]  #: by task code: the text as filed, or the day or instant of a real date
    day_first: bool = False  #: whether the line `DAY_FIRST` is needed above


def export_plan(plan: Plan, suffix: str, calendar: Calendar | None) -> bytes:
    """Return a plan as a file.

    Args:
        plan: as filed.
        suffix: one of `WRITERS`.
        calendar: the plan's, in which "10 working days from signing" was read.
    """
    # In a sheet the day of signing stands above the table and shows how the file writes its dates.
    dated = suffix == ".xlsx" and plan.signed is not None
    return WRITERS[suffix](plan, settled_dues(plan, calendar, dated=dated))


# --- deadlines --------------------------------------------------------------------------------------------------------


def settled_dues(plan: Plan, calendar: Calendar | None, *, dated: bool) -> Dues:
    """Return what to write as deadlines so that each is read as it was.

    "05/6/2020" may mean a day in May or in June, which the file it came from showed in other cells or above the table;
    or it was a real date. So it is tried: all as text; those that would be misread as real dates; all that can be as
    real dates; and each of these with a line that says that the day comes first.
    """
    as_texts: dict[str, Due] = {task.code: task.deadline.text for task in plan.tasks}
    as_days: dict[str, Due] = {task.code: _day_of(task.deadline) or task.deadline.text for task in plan.tasks}
    best: tuple[int, Dues] | None = None
    for day_first in (False, True):
        lines = (DAY_FIRST,) if day_first or dated else ()
        misread = _misread(plan, calendar, as_texts, lines)
        mixed = as_texts | {code: as_days[code] for code in misread}
        for cells in (as_texts, mixed, as_days):
            wrong = len(_misread(plan, calendar, cells, lines))
            if best is None or wrong < best[0]:
                best = wrong, Dues(cells=cells, day_first=day_first)
    assert best is not None  # noqa: S101 - the loop runs
    return best[1]


def _misread(plan: Plan, calendar: Calendar | None, cells: Mapping[str, Due], lines: tuple[str, ...]) -> list[str]:
    """Return the codes of the tasks whose deadline would be read otherwise than it stands in the plan."""
    texts = [due for due in cells.values() if isinstance(due, str)]
    order = {"day_first": day_comes_first(texts, lines), "mixed": both_come_first(texts)}
    known = {"signed": plan.signed, "calendar": calendar, **order}
    return [task.code for task in plan.tasks if read_deadline(Cell(cells[task.code], ""), **known) != task.deadline]


def _day_of(deadline: Deadline) -> date | None:
    """Return the date or instant that a date cell would hold, if the deadline could have come from one."""
    if deadline.kind is not DeadlineKind.BY or deadline.last_day is None:
        return None
    day = datetime.combine(deadline.last_day, deadline.time) if deadline.time else deadline.last_day
    return day if read_deadline(Cell(day, "")) == deadline else None


# --- YAML -------------------------------------------------------------------------------------------------------------


class _Plain(yaml.SafeDumper):
    """Writes each value where it stands; our reader takes no references."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - asked of every value
        """Return True: two tasks that name one day each name it."""
        return True


def write_yaml(plan: Plan, dues: Dues) -> bytes:
    """Return a plan as YAML; what is not stated is left out."""
    document = {
        "agency": plan.agency,
        "directive": plan.directive,
        "number": plan.number,
        "signed": plan.signed,
        "calendar": plan.calendar,
        "goals": [
            _stated(
                {
                    "code": goal.code,
                    "title": goal.title,
                    "target": goal.target,
                    "tasks": [_task_entry(task, dues.cells[task.code]) for task in goal.tasks],
                }
            )
            for goal in plan.goals
        ],
    }
    text = yaml.dump(_stated(document), Dumper=_Plain, allow_unicode=True, sort_keys=False, width=_SPELLED)
    return (f"# {DAY_FIRST}\n" * dues.day_first + str(text)).encode("utf-8")


def _task_entry(task: PlannedTask, due: Due) -> dict[str, Any]:
    return _stated(
        {
            "code": task.code,
            "title": task.title,
            "responsible": task.responsible,
            "cooperating": list(task.cooperating),
            "start": task.start,
            "due": due,
            "duration": task.duration,
            "deliverable": task.deliverable,
            "after": list(task.after),
            "note": task.note,
        }
    )


def _stated(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entries.items() if value not in (None, "", [])}


# --- Excel ------------------------------------------------------------------------------------------------------------

#: field and width in characters, as they stand in the table
_WIDTHS: tuple[tuple[str, int], ...] = (
    ("code", 8),
    ("title", 46),
    ("responsible", 24),
    ("cooperating", 20),
    ("deliverable", 22),
    ("start", 12),
    ("due", 18),
    ("duration", 10),
    ("after", 14),
    ("target", 9),
    ("note", 16),
)
_LAST = len(_WIDTHS) - 1
_LINE = 16.5  # points
_CREATED = datetime(2020, 1, 1)  # noqa: DTZ001 - the workbook's own property; the same plan gives the same bytes
_BASE = {"font_name": "Times New Roman", "font_size": 12, "valign": "vcenter"}
_BOX = {**_BASE, "border": 1, "text_wrap": True}
_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "plain": _BASE,
    "name": {**_BASE, "bold": True, "align": "center"},
    "plain date": {**_BASE, "num_format": "dd/mm/yyyy", "align": "left"},
    "head": {**_BOX, "align": "center", "bold": True, "bg_color": "#E7EEF7"},
    "goal": {**_BOX, "bold": True},
    "text": _BOX,
    "date": {**_BOX, "num_format": "dd/mm/yyyy", "align": "center"},
    "instant": {**_BOX, "num_format": "hh:mm dd/mm/yyyy", "align": "center"},
}


def write_xlsx(plan: Plan, dues: Dues) -> bytes:
    """Return a plan as a workbook of one sheet, laid out for print on A4."""
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    book.set_properties({"title": plan.number, "created": _CREATED})
    looks = {name: book.add_format(dict(look)) for name, look in _LOOKS.items()}
    sheet = book.add_worksheet("Kế hoạch")
    head = _title_block(sheet, plan, looks, day_first=dues.day_first)
    full = any(
        goal_and_number(goal.code, task.code) != task.code for goal in plan.goals for task in goal.tasks
    )  # else the sheet would put the goal's number in front
    sheet.set_row(head, 2 * _LINE)
    for n, (field, width) in enumerate(_WIDTHS):
        sheet.set_column(n, n, width)
        sheet.write_string(head, n, FULL_CODE if full and field == "code" else BY_FIELD[field].title, looks["head"])
    row = head + 1
    for goal in plan.goals:
        by_row = bool(as_roman(goal.code)) and not goal.code.isdecimal()
        _goal_row(sheet, row, goal, looks, by_row=by_row)
        row += 1
        for task in goal.tasks:
            cells = _task_cells(task, dues.cells[task.code])
            if not by_row and goal.target:  # a goal without a Roman number has no cell of its own for it
                cells["target"] = goal.target
            _task_row(sheet, row, cells, looks)
            row += 1
    _print_setup(sheet, head, row - 1)
    book.close()
    return stream.getvalue()


def _title_block(sheet: Any, plan: Plan, looks: Mapping[str, Any], *, day_first: bool) -> int:
    """Write what stands above the table; return the row of the headings, counted from 0."""
    sheet.merge_range(0, 0, 0, _LAST, "KẾ HOẠCH", looks["name"])
    lines: list[tuple[str, str | date | None]] = [
        ("Mã cơ quan", plan.agency),
        ("Văn bản giao", plan.directive),
        ("Số kế hoạch", plan.number),
        ("Ngày ký", plan.signed),
        ("Lịch", plan.calendar),
    ]
    row = 1
    for label, value in lines:
        if isinstance(value, date):
            sheet.write_string(row, 0, f"{label}:", looks["plain"])
            sheet.write_datetime(row, 1, datetime.combine(value, time()), looks["plain date"])
        elif value:
            sheet.write_string(row, 0, f"{label}: {value}", looks["plain"])
        else:
            continue
        row += 1
    if day_first:
        sheet.write_string(row, 0, f"({DAY_FIRST})", looks["plain"])
        row += 1
    return row + 1


def _goal_row(sheet: Any, row: int, goal: Goal, looks: Mapping[str, Any], *, by_row: bool) -> None:
    if by_row:
        cells = {"code": goal.code, "title": goal.title, "target": goal.target or ""}
        for n, (field, _width) in enumerate(_WIDTHS):
            _write(sheet, (row, n), cells.get(field, ""), looks["goal"], looks)
        width = dict(_WIDTHS)["title"]
    else:
        _write(sheet, (row, 0), goal.code, looks["goal"], looks)
        sheet.merge_range(row, 1, row, _LAST, "", looks["goal"])
        sheet.write_string(row, 1, goal.title, looks["goal"])
        width = sum(width for _field, width in _WIDTHS[1:])
    sheet.set_row(row, _LINE * _lines(goal.title, width))


def _task_cells(task: PlannedTask, due: Due) -> dict[str, Any]:
    return {
        "code": task.code,
        "title": task.title,
        "responsible": task.responsible,
        "cooperating": "; ".join(task.cooperating),
        "deliverable": task.deliverable,
        "start": task.start,
        "due": due,
        "duration": task.duration,
        "after": "; ".join(task.after),
        "note": task.note,
    }


def _task_row(sheet: Any, row: int, cells: Mapping[str, Any], looks: Mapping[str, Any]) -> None:
    for n, (field, _width) in enumerate(_WIDTHS):
        _write(sheet, (row, n), cells.get(field, ""), looks["text"], looks)
    lines = [_lines(value, width) for field, width in _WIDTHS if isinstance(value := cells.get(field, ""), str)]
    sheet.set_row(row, _LINE * max(lines))


def _write(sheet: Any, at: tuple[int, int], value: Any, look: Any, looks: Mapping[str, Any]) -> None:
    if isinstance(value, datetime):
        sheet.write_datetime(*at, value, looks["instant"])
    elif isinstance(value, date):
        sheet.write_datetime(*at, datetime.combine(value, time()), looks["date"])
    elif isinstance(value, int):
        sheet.write_number(*at, value, look)
    elif value:
        sheet.write_string(*at, value, look)  # never a formula, a link or a number
    else:
        sheet.write_blank(*at, None, look)


def _lines(text: str, width: int) -> int:
    """Return how many lines a wrapped text takes; not every program finds a row's height by itself."""
    return min(20, sum(max(1, -(-len(line) * 8 // (width * 7))) for line in text.split("\n")))


def _print_setup(sheet: Any, head: int, last_row: int) -> None:
    sheet.freeze_panes(head + 1, 2)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.set_margins(left=0.6, right=0.6, top=0.8, bottom=0.7)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(head)
    sheet.print_area(0, 0, last_row, _LAST)
    sheet.set_footer("&C&P")


#: suffix -> writer of (plan, what stands in each deadline cell)
WRITERS: Mapping[str, Callable[[Plan, Dues], bytes]] = {
    ".xlsx": write_xlsx,
    ".yaml": write_yaml,
    ".yml": write_yaml,
}
