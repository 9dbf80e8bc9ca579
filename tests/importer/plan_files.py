"""A register and plan files for the importer's tests, each sound unless a test says otherwise."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import docx
import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

from planner.domain.agency import Agency, Officer, OfficerRole, Tier
from planner.domain.calendar import EVERY_DAY
from planner.domain.directive import Directive, Target
from planner.errors import Problem
from planner.importer import Loaded, Register

AGENCIES = (
    Agency(code="stttt", name="Sở Thông tin và Truyền thông", tier=Tier.DEPARTMENT),
    Agency(code="vp-ubnd", name="Văn phòng UBND tỉnh", tier=Tier.DEPARTMENT),
    Agency(code="snv", name="Sở Nội vụ", tier=Tier.DEPARTMENT),
    Agency(code="svhttdl", name="Sở Văn hóa, Thể thao và Du lịch", tier=Tier.DEPARTMENT),
    Agency(code="h-hoang-hoa", name="UBND huyện Hoằng Hóa", tier=Tier.DISTRICT),
    Agency(code="h-tinh-gia", name="UBND huyện Tĩnh Gia", tier=Tier.DISTRICT, valid_to=date(2020, 5, 31)),
    Agency(code="h-hoang-hoa.x-hoang-quy", name="UBND xã Hoằng Quý", tier=Tier.COMMUNE, parent="h-hoang-hoa"),
    Agency(code="h-hoang-hoa.x-hoang-quyf", name="UBND xã Hoằng Quỳ", tier=Tier.COMMUNE, parent="h-hoang-hoa"),
    Agency(code="h-hoang-hoa.x-tan-tien", name="UBND xã Tân Tiến", tier=Tier.COMMUNE, parent="h-hoang-hoa"),
    Agency(code="h-nga-son.x-tan-tien", name="UBND xã Tân Tiến", tier=Tier.COMMUNE, parent="h-nga-son"),
)
OFFICERS = (
    Officer(email="nguyen.van.a@stttt.example.vn", name="Nguyễn Văn A", title="Giám đốc", agency="stttt"),
    Officer(email="tran.thi.b@stttt.example.vn", name="Trần Thị B", title="Trưởng phòng", agency="stttt"),
    Officer(email="le.c1@stttt.example.vn", name="Lê Văn C", title="Chuyên viên", agency="stttt"),
    Officer(email="le.c2@stttt.example.vn", name="Lê Văn C", title="Chuyên viên", agency="stttt"),
    Officer(
        email="chanh.vp@vp-ubnd.example.vn",
        name="Phạm Văn D",
        title="Chánh Văn phòng",
        agency="vp-ubnd",
        role=OfficerRole.HEAD,
    ),
)
DIRECTIVE = Directive(
    code="kl-2020-04-29",
    number="",
    title="Thông báo kết luận",
    issuer="Chủ tịch UBND tỉnh",
    issued_on=date(2020, 4, 29),
    targets=(Target(code="2.3", title="100% văn bản", value=100), Target(code="2.7", title="Phòng họp", value=100)),
)


def register(*, filed: Sequence[str] = ("vp-ubnd:II.3",), today: date = date(2020, 5, 5)) -> Register:
    """Return a small register; `filed` are other agencies' tasks that exist."""
    return Register(
        agencies={agency.code: agency for agency in AGENCIES},
        officers_by_email={officer.email: officer for officer in OFFICERS},
        directives={DIRECTIVE.code: DIRECTIVE},
        calendar=lambda _name: EVERY_DAY,
        task_exists=lambda key: key in filed,
        today=today,
    )


HEADINGS = (
    "TT",
    "Nhiệm vụ",
    "Người chịu trách nhiệm",
    "Cơ quan phối hợp",
    "Sản phẩm",
    "Bắt đầu",
    "Thời hạn hoàn thành",
    "Sau nhiệm vụ",
    "Số ngày thực hiện",
    "Ghi chú",
)
A = "nguyen.van.a@stttt.example.vn"
B = "tran.thi.b@stttt.example.vn"


def rows(*body: Sequence[Any], headings: Sequence[Any] = HEADINGS, agency: str = "stttt") -> list[list[Any]]:
    """Return a sheet's rows: title block (rows 1-3), a blank row, headings in row 5, then `body` from row 6."""
    return [
        ["KẾ HOẠCH"],
        [f"Mã cơ quan: {agency}", None, "Văn bản giao: kl-2020-04-29"],
        ["(Kèm theo Kế hoạch số 12/KH-STTTT ngày 04/5/2020 của Sở Thông tin và Truyền thông)"],
        [],
        list(headings),
        *map(list, body),
    ]


GOAL = ("I", "100% văn bản được xử lý trên môi trường điện tử")


def task(number: Any = 1, **fields: Any) -> list[Any]:
    """Return the cells of a sound task under `HEADINGS`; `fields` change them by name."""
    sound: dict[str, Any] = {
        "number": number,
        "title": "Rà soát, cấp chữ ký số",
        "responsible": A,
        "cooperating": None,
        "deliverable": "Báo cáo",
        "start": None,
        "due": "trước ngày 15/5/2020",
        "after": None,
        "duration": None,
        "note": None,
    }
    assert set(fields) <= set(sound)
    return list((sound | fields).values())


def workbook(
    folder: Path,
    sheets: Mapping[str, Sequence[Sequence[Any]]] | Sequence[Sequence[Any]],
    *,
    merge: Sequence[str] = (),
    edit: Callable[[Worksheet], None] | None = None,
) -> Path:
    """Write an .xlsx file and return its path; one sheet is named "Kế hoạch"."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    named = sheets if isinstance(sheets, Mapping) else {"Kế hoạch": sheets}
    for name, content in named.items():
        sheet = book.create_sheet(name)
        for row in content:
            sheet.append(list(row))
        for area in merge:
            sheet.merge_cells(area)
        if edit:
            edit(sheet)
    path = folder / "ke-hoach.xlsx"
    book.save(path)
    return path


def document(folder: Path, content: Sequence[Sequence[Any]], *, edit: Callable[[Any], None] | None = None) -> Path:
    """Write a .docx file and return its path: rows before the first with more than two cells become paragraphs."""
    paper = docx.Document()
    at = next(n for n, row in enumerate(content) if len(row) > 3)
    for row in content[:at]:
        for value in filter(None, row):
            paper.add_paragraph(str(value))
    width = max(map(len, content[at:]))
    table = paper.add_table(0, width)
    for row in content[at:]:
        for cell, value in zip(table.add_row().cells, row, strict=False):
            cell.text = "" if value is None else str(value)
    if edit:
        edit(paper)
    path = folder / "ke-hoach.docx"
    paper.save(str(path))
    return path


def csv_plan(folder: Path, content: Sequence[Sequence[Any]], *, encoding: str = "utf-8", delimiter: str = ",") -> Path:
    """Write a .csv file and return its path."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(content)
    path = folder / "ke-hoach.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def yaml_plan(folder: Path, text: str, name: str = "plan.yaml") -> Path:
    """Write a YAML file and return its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def codes(loaded: Loaded) -> list[str]:
    """Return the codes of the errors, in order."""
    return [problem.code for problem in loaded.problems if problem.severity == "error"]


def only(loaded: Loaded, code: str) -> Problem:
    """Return the one problem with `code`."""
    found = [problem for problem in loaded.problems if problem.code == code]
    assert len(found) == 1, [problem.as_dict() for problem in loaded.problems]
    return found[0]
