"""Writes a sample plan as a workbook the way an officer lays it out: title block, table, A4 landscape.

No two agencies name their columns alike; each takes one heading of every set. Times New Roman, thin borders, bold
heads, frozen heading, the heading repeated on every printed page.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from planner.domain.agency import Tier
from planner.samples.thanh_hoa_2020 import DIRECTIVE
from planner.samples.thanh_hoa_2020.plans import SamplePlan, SampleTask, goals_of, pick

#: field, width in characters, headings of which each agency uses one
_COLUMNS: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    ("code", 6, ("TT", "STT", "Số TT")),
    ("title", 44, ("Nội dung nhiệm vụ", "Tên nhiệm vụ", "Nội dung công việc", "Nhiệm vụ")),
    ("responsible", 19, ("Người chịu trách nhiệm", "Người thực hiện", "Người phụ trách")),
    ("cooperating", 22, ("Cơ quan phối hợp", "Đơn vị phối hợp", "Cơ quan, đơn vị phối hợp")),
    ("deliverable", 21, ("Sản phẩm", "Kết quả đầu ra", "Kết quả")),
    ("start", 12, ("Thời gian bắt đầu", "Ngày bắt đầu", "Bắt đầu")),
    ("due", 16, ("Thời hạn hoàn thành", "Thời gian hoàn thành", "Thời hạn")),
    ("after", 13, ("Sau nhiệm vụ", "Phụ thuộc")),
    ("target", 8, ("Chỉ tiêu", "Mã chỉ tiêu")),
    ("note", 10, ("Ghi chú",)),
)
_LAST = len(_COLUMNS) - 1
_LINE = 16.5  # points
_CREATED = datetime(2020, 5, 4, 1, 0)  # noqa: DTZ001 - the workbook's own property, which has no zone
_BASE = {"font_name": "Times New Roman", "font_size": 12, "valign": "vcenter", "text_wrap": True}
_BOX = _BASE | {"border": 1}
_FORMATS: dict[str, dict[str, Any]] = {
    "plain": _BASE | {"text_wrap": False},
    "centre": _BASE | {"align": "center", "text_wrap": False},
    "bold": _BASE | {"align": "center", "bold": True, "text_wrap": False},
    "italic": _BASE | {"align": "center", "italic": True, "text_wrap": False},
    "head": _BOX | {"align": "center", "bold": True, "bg_color": "#E7EEF7"},
    "goal": _BOX | {"bold": True},
    "goal_centre": _BOX | {"bold": True, "align": "center"},
    "numbers": _BOX | {"align": "center", "italic": True, "font_size": 10},
    "text": _BOX,
    "middle": _BOX | {"align": "center"},
    "date": _BOX | {"align": "center", "num_format": "dd/mm/yyyy"},
}


def write_workbook(plan: SamplePlan, path: Path, names: Mapping[str, str]) -> None:
    """Write a plan to `path`; the same plan gives the same bytes.

    Args:
        plan: what to write.
        path: an .xlsx file, replaced if it is there.
        names: agency names by code, for the column of cooperating agencies.
    """
    book = xlsxwriter.Workbook(str(path))
    book.set_properties({"title": "Kế hoạch chi tiết", "author": plan.agency.name, "created": _CREATED})
    formats = {name: book.add_format(look) for name, look in _FORMATS.items()}
    sheet = book.add_worksheet("Kế hoạch")
    head = _title_block(sheet, plan, formats)
    sheet.set_row(head, 2 * _LINE)
    for n, (_field, width, headings) in enumerate(_COLUMNS):
        sheet.set_column(n, n, width)
        sheet.write_string(head, n, headings[pick(plan.agency.code, f"heading {n}", len(headings))], formats["head"])
    row = head + 1
    if pick(plan.agency.code, "numbers", 2):
        for n in range(len(_COLUMNS)):
            sheet.write_string(row, n, f"({n + 1})", formats["numbers"])
        row += 1
    full_codes = pick(plan.agency.code, "codes", 4) == 0
    for roman, aim, tasks in goals_of(plan):
        _write(sheet, row, {"code": roman, "title": aim.title, "target": aim.target or ""}, formats, goal=True)
        row += 1
        for task in tasks:
            _write(sheet, row, _cells(plan, task, names, full_codes=full_codes), formats)
            row += 1
    _print_setup(sheet, head, row - 1)
    book.close()


def _title_block(sheet: Any, plan: SamplePlan, formats: Mapping[str, Any]) -> int:
    """Write what stands above the table; return the row of the headings, counted from 0."""
    agency, day = plan.agency, plan.signed
    above, name = "UBND TỈNH THANH HÓA", agency.name.upper()
    if agency.tier is not Tier.DEPARTMENT:
        above, name = "ỦY BAN NHÂN DÂN", name.removeprefix("UBND ")
    signed = f"{plan.number} ngày {day.day:02d}/{day.month}/{day.year}"
    sheet.merge_range(0, 0, 0, 2, above, formats["centre"])
    sheet.merge_range(1, 0, 1, 2, name, formats["bold"])
    sheet.merge_range(0, 4, 0, _LAST, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", formats["bold"])
    sheet.merge_range(1, 4, 1, _LAST, "Độc lập - Tự do - Hạnh phúc", formats["bold"])
    sheet.merge_range(3, 0, 3, _LAST, "PHỤ LỤC", formats["bold"])
    title = "KẾ HOẠCH CHI TIẾT XỬ LÝ VĂN BẢN, THỦ TỤC HÀNH CHÍNH TRÊN MÔI TRƯỜNG ĐIỆN TỬ"
    sheet.merge_range(4, 0, 4, _LAST, title, formats["bold"])
    sheet.merge_range(5, 0, 5, _LAST, f"(Kèm theo Kế hoạch số {signed} của {agency.name})", formats["italic"])
    for row, line in enumerate(
        (f"Mã cơ quan: {agency.code}", f"Văn bản giao: {DIRECTIVE}", f"Kế hoạch số {signed}", "Lịch: vn"), start=7
    ):
        sheet.write_string(row, 0, line, formats["plain"])
    return 12


def _cells(plan: SamplePlan, task: SampleTask, names: Mapping[str, str], *, full_codes: bool) -> dict[str, Any]:
    due: Any = datetime.fromisoformat(task.due) if task.due.startswith("2020-") else task.due
    by_mail = pick(plan.agency.code, "mail", 4) == 0
    return {
        "code": task.code if full_codes else task.code.split(".")[1],
        "title": task.title,
        "responsible": task.responsible.email if by_mail else task.responsible.name,
        "cooperating": "; ".join(names[code] for code in task.cooperating),
        "deliverable": task.deliverable,
        "start": datetime.combine(task.start, datetime.min.time()) if task.start else "",
        "due": due,
        "after": "; ".join(task.after),
    }


def _write(sheet: Any, row: int, cells: Mapping[str, Any], formats: Mapping[str, Any], *, goal: bool = False) -> None:
    sheet.set_row(row, _LINE * max(_lines(cells.get(field, ""), width) for field, width, _headings in _COLUMNS))
    for n, (field, _width, _headings) in enumerate(_COLUMNS):
        value = cells.get(field, "")
        centred = field in ("code", "start", "due", "after", "target")
        if isinstance(value, datetime):
            sheet.write_datetime(row, n, value, formats["date"])
            continue
        look = ("goal_centre" if centred else "goal") if goal else ("middle" if centred else "text")
        if value:
            sheet.write_string(row, n, value, formats[look])
        else:
            sheet.write_blank(row, n, None, formats[look])


def _lines(value: Any, width: int) -> int:
    """Return how many lines a wrapped text takes; not every program finds a row's height by itself."""
    return -(-len(value) * 8 // (width * 7)) if isinstance(value, str) and value else 1


def _print_setup(sheet: Any, head: int, last_row: int) -> None:
    sheet.freeze_panes(head + 1, 2)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.set_margins(left=0.6, right=0.6, top=0.8, bottom=0.7)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(head)
    sheet.print_area(0, 0, last_row, _LAST)
    sheet.set_header("&C&P")
