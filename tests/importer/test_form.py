"""The blank form: what stands in it, how it is read back, and that whatever it offers is understood."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils import get_column_letter
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from planner.domain.agency import Agency, Officer, Tier
from planner.domain.directive import Target
from planner.i18n import speaking
from planner.importer import Loaded, Register, load
from planner.importer.columns import BY_FIELD, COLUMNS
from planner.importer.form import Form, agency_choices, draw_form, officer_choices
from planner.importer.form_texts import EXAMPLE_MARKS
from tests.importer.plan_files import AGENCIES, DIRECTIVE, A, B, codes, only, register

TARGETS = (
    Target(code="2.3", title="100% văn bản được xử lý trên môi trường điện tử", value=100, tiers=(Tier.DEPARTMENT,)),
    Target(code="2.4", title="Của cấp huyện", value=100, tiers=(Tier.DISTRICT,)),
    Target(code="2.10", title="Phòng họp không giấy tờ", value=100, tiers=(Tier.DEPARTMENT, Tier.DISTRICT)),
)
GIVEN = replace(DIRECTIVE, targets=TARGETS)
STTTT = AGENCIES[0]


@pytest.fixture(params=["vi", "en"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    with speaking(request.param):
        yield request.param


def known() -> Register:
    return replace(register(), directives={GIVEN.code: GIVEN})


def drawn(agency: Agency = STTTT, **fields: Any) -> Form:
    return draw_form(agency, replace(GIVEN, **fields), known(), superior="UBND TỈNH THANH HÓA")


def opened(content: bytes) -> Workbook:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return openpyxl.load_workbook(io.BytesIO(content))


def head_of(sheet: Worksheet) -> int:
    return next(row for row in range(1, 30) if sheet.cell(row, 1).value == "TT")


def columns_of(sheet: Worksheet) -> dict[str, int]:
    titles = {cell.value: at for at, cell in enumerate(sheet[head_of(sheet)], start=1)}
    return {column.field: titles[column.title] for column in COLUMNS if column.title in titles}


def first_task(sheet: Worksheet, goal: int = 1) -> int:
    found = [row for row in range(head_of(sheet), sheet.max_row + 1) if sheet.cell(row, 1).value == "1"]
    return found[goal - 1]


def write(sheet: Worksheet, row: int, **cells: Any) -> None:
    columns = columns_of(sheet)
    for field, value in cells.items():
        sheet.cell(row, columns[field]).value = value


TASK = {"title": "Tập huấn", "responsible": "Trần Thị B", "due": "22/5/2020"}


def filed(book: Workbook, folder: Path) -> Loaded:
    book.save(folder / "form.xlsx")
    return load(folder / "form.xlsx", known())


# --- read back ---


def test_an_empty_form_says_that_it_holds_no_task(tmp_path: Path, language: str) -> None:
    path = tmp_path / "form.xlsx"
    path.write_bytes(drawn().content)
    result = load(path, known())
    assert [problem.code for problem in result.problems] == ["no_tasks"]
    draft = result.draft
    assert (draft.agency.text, draft.directive.text) == ("stttt", "kl-2020-04-29")
    assert [(g.code.text, g.title.text, g.target.text) for g in draft.goals] == [
        ("I", TARGETS[0].title, "2.3"),
        ("II", TARGETS[2].title, "2.10"),
    ]


def test_a_filled_form_is_filed_without_a_complaint(tmp_path: Path, language: str) -> None:
    book = opened(drawn().content)
    sheet = book.worksheets[0]
    number, signed = (sheet.cell(row, 6) for row in (6, 7))
    number.value, signed.value = "12/KH-STTTT", "04/5/2020"
    row = first_task(sheet)
    both = {"cooperating": "Văn phòng UBND tỉnh; Sở Văn hóa, Thể thao và Du lịch", "duration": 5, "start": "04/5/2020"}
    write(sheet, row, title="Rà soát", responsible="Nguyễn Văn A", due="trước ngày 15/5/2020", **both)
    write(sheet, row + 1, title="Tập huấn", responsible=B, due="Quý II/2020", after="I.1")
    write(sheet, first_task(sheet, 2), title="Lắp đặt", responsible="Trần Thị B", due=date(2020, 6, 12))
    result = filed(book, tmp_path)
    assert result.problems == ()
    plan = result.plan
    assert plan is not None
    assert (plan.agency, plan.directive, plan.number, plan.signed) == (
        "stttt",
        "kl-2020-04-29",
        "12/KH-STTTT",
        date(2020, 5, 4),
    )
    assert [(t.code, t.responsible, t.deadline.text, t.deadline.last_day) for t in plan.tasks] == [
        ("I.1", A, "trước ngày 15/5/2020", date(2020, 5, 14)),
        ("I.2", B, "Quý II/2020", date(2020, 6, 30)),
        ("II.1", B, "12/6/2020", date(2020, 6, 12)),
    ]
    first, second, _third = plan.tasks
    assert (first.cooperating, first.duration, first.start) == (("vp-ubnd", "svhttdl"), 5, date(2020, 5, 4))
    assert second.after == ("I.1",)


def test_a_day_typed_into_the_form_starts_with_the_day(tmp_path: Path) -> None:
    book = opened(drawn().content)
    write(book.worksheets[0], first_task(book.worksheets[0]), **TASK | {"due": "12/6/2020", "start": "5/6/2020"})
    plan = filed(book, tmp_path).plan
    assert plan is not None
    assert (plan.tasks[0].start, plan.tasks[0].deadline.last_day) == (date(2020, 6, 5), date(2020, 6, 12))


def test_an_agency_without_targets_gets_a_goal_to_write(tmp_path: Path) -> None:
    commune = next(agency for agency in AGENCIES if agency.tier is Tier.COMMUNE)
    form = drawn(commune)
    assert (form.goals, form.rows) == (0, 60)
    book = opened(form.content)
    write(book.worksheets[0], first_task(book.worksheets[0]), title="Tập huấn", responsible="ai đó", due="22/5/2020")
    assert codes(filed(book, tmp_path)) == ["goal_title_missing"]


# --- the example, and lines nobody filled in ---


def example_row(sheet: Worksheet) -> int:
    return next(row for row in range(1, 40) if sheet.cell(row, 1).value in EXAMPLE_MARKS)


def test_the_example_is_grey_and_is_not_filed_beside_a_task(tmp_path: Path, language: str) -> None:
    book = opened(drawn().content)
    sheet = book.worksheets[0]
    row = example_row(sheet)
    assert all(cell.font.color.rgb == "FF7F7F7F" for cell in sheet[row])
    write(sheet, first_task(sheet), **TASK)
    result = filed(book, tmp_path)
    assert (codes(result), [t.title for t in result.plan.tasks] if result.plan else None) == ([], ["Tập huấn"])


def test_a_task_written_over_the_example_is_filed(tmp_path: Path, language: str) -> None:
    book = opened(drawn().content)
    sheet = book.worksheets[0]
    write(sheet, example_row(sheet), code="7", **TASK)
    result = filed(book, tmp_path)
    assert (codes(result), [t.code for t in result.plan.tasks] if result.plan else None) == ([], ["I.7"])


@pytest.mark.parametrize(
    ("field", "text"), [("code", "7"), ("code", None), ("title", "Tập huấn"), ("title", None)], ids=str
)
def test_a_task_begun_over_the_example_is_asked_about_and_never_lost(
    tmp_path: Path, field: str, text: str | None, language: str
) -> None:
    book = opened(drawn().content)
    sheet = book.worksheets[0]
    row = example_row(sheet)
    write(sheet, row, **{field: text})
    write(sheet, first_task(sheet), **TASK)
    problem = only(filed(book, tmp_path), "example_left")
    assert problem.place == f"{sheet.title}!{'B' if field == 'code' else 'A'}{row}"
    assert any(mark in problem.message for mark in EXAMPLE_MARKS)


def test_an_example_cleared_but_for_its_mark_is_passed_over(tmp_path: Path) -> None:
    book = opened(drawn().content)
    sheet = book.worksheets[0]
    for column in range(2, 12):
        sheet.cell(example_row(sheet), column).value = None
    write(sheet, first_task(sheet), **TASK)
    assert filed(book, tmp_path).problems == ()


def test_a_numbered_line_is_passed_over_only_while_nothing_else_stands_in_it(tmp_path: Path) -> None:
    book = opened(drawn().content)
    sheet = book.worksheets[0]
    row = first_task(sheet)
    write(sheet, row, **TASK)
    write(sheet, row + 4, note="để sau")
    found = filed(book, tmp_path)
    assert codes(found) == ["title_missing", "responsible_missing", "deadline_missing"]
    assert {problem.place[-2:] for problem in found.problems} == {str(row + 4)}


def test_a_numbered_line_below_a_merged_cell_is_a_task(tmp_path: Path) -> None:
    book = opened(drawn().content)
    sheet = book.worksheets[0]
    row = first_task(sheet)
    write(sheet, row, **TASK)
    sheet.merge_cells(start_row=row, end_row=row + 1, start_column=3, end_column=3)
    assert codes(filed(book, tmp_path)) == ["title_missing", "deadline_missing"]


# --- what can be chosen is understood ---


def listed(book: Workbook, field: str) -> list[str]:
    """Return what the drop-down of a column offers."""
    sheet = book.worksheets[0]
    letter = get_column_letter(columns_of(sheet)[field])
    (rule,) = [
        rule
        for rule in sheet.data_validations.dataValidation
        if rule.type == "list" and str(rule.sqref).startswith(letter)
    ]
    name, _mark, area = rule.formula1.strip("=").rpartition("!")
    cells = book[name.strip("'")][area.replace("$", "")]
    return [line[0].value for line in (cells if isinstance(cells, tuple) else ((cells,),))]


def test_every_officer_offered_is_found_again_namesakes_too(tmp_path: Path) -> None:
    book = opened(drawn().content)
    sheet = book.worksheets[0]
    offered = listed(book, "responsible")
    assert offered == [
        "Nguyễn Văn A",
        "Trần Thị B",
        "Lê Văn C (le.c1@stttt.example.vn)",
        "Lê Văn C (le.c2@stttt.example.vn)",
    ]
    for n, text in enumerate(offered):
        write(sheet, first_task(sheet) + n, **TASK | {"responsible": text})
    result = filed(book, tmp_path)
    assert result.problems == ()
    assert result.plan is not None
    assert [t.responsible for t in result.plan.tasks] == [A, B, "le.c1@stttt.example.vn", "le.c2@stttt.example.vn"]


def test_a_name_that_is_anothers_post_is_offered_with_its_mailbox() -> None:
    odd = Officer(email="gd@stttt.example.vn", name="Giám đốc", title="", agency="stttt")
    base = known()
    texts = [
        t
        for t, _post, _mail in officer_choices(
            STTTT, replace(base, officers_by_email={**base.officers_by_email, odd.email: odd})
        )
    ]
    assert "Giám đốc (gd@stttt.example.vn)" in texts


def test_every_agency_offered_is_found_again_and_means_one(tmp_path: Path) -> None:
    commune = next(agency for agency in AGENCIES if agency.code == "h-hoang-hoa.x-hoang-quy")
    for agency in (STTTT, commune):
        choices = agency_choices(agency, known())
        assert agency.code not in [code for _text, code in choices]
        book = opened(drawn(agency).content)
        assert listed(book, "cooperating") == [text for text, _code in choices]
        sheet = book.worksheets[0]
        write(sheet, head_of(sheet) + 1, title="Mục tiêu")
        for n, (text, _code) in enumerate(choices):
            write(sheet, first_task(sheet) + n, **TASK | {"responsible": "chưa có", "cooperating": text})
        result = filed(book, tmp_path)
        assert codes(result) == []
        assert result.plan is not None
        assert [t.cooperating for t in result.plan.tasks] == [(code,) for _text, code in choices]
    assert "h-tinh-gia" in [code for _text, code in agency_choices(STTTT, known())]
    later = replace(known(), today=date(2020, 6, 1))
    assert "h-tinh-gia" not in [code for _text, code in agency_choices(STTTT, later)]


def test_a_name_that_two_agencies_share_is_offered_as_a_code() -> None:
    twin = replace(AGENCIES[1], code="vp-ubnd-2")
    base = known()
    choices = agency_choices(STTTT, replace(base, agencies={**base.agencies, twin.code: twin}))
    assert {("vp-ubnd", "vp-ubnd"), ("vp-ubnd-2", "vp-ubnd-2"), ("Sở Nội vụ", "snv")} <= set(choices)


def test_the_targets_of_the_directive_can_be_chosen_and_stay_text(tmp_path: Path) -> None:
    book = opened(drawn().content)
    assert listed(book, "target") == ["2.3", "2.4", "2.10"]
    write(book.worksheets[0], first_task(book.worksheets[0]), **TASK)
    plan = filed(book, tmp_path).plan
    assert plan is not None
    assert [goal.target for goal in plan.goals] == ["2.3", "2.10"]


# --- what the workbook is ---


def test_nothing_in_the_form_is_a_formula_whatever_the_registers_hold() -> None:
    bad = '=HYPERLINK("http://example.org",1)'
    agency = replace(STTTT, name=bad)
    officer = Officer(email="=1+1@stttt.example.vn", name=bad, title="{=1+1}", agency="stttt")
    base = known()
    people = replace(base, officers_by_email={officer.email: officer}, agencies={"snv": replace(AGENCIES[2], name=bad)})
    target = Target(code="=2", title="{=1+1}", value=1, tiers=(Tier.DEPARTMENT,))
    directive = replace(GIVEN, title=bad, targets=(target, replace(target, title="=1+1")))
    book = opened(draw_form(agency, directive, people, superior="=1", file="=1.xlsx").content)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert bad in [cell.value for cell in cells]


def test_cells_to_fill_in_keep_what_is_typed(language: str) -> None:
    sheet = opened(drawn().content).worksheets[0]
    columns = columns_of(sheet)
    for field, column in columns.items():
        wanted = "General" if field == "duration" else "@"
        assert sheet.cell(first_task(sheet), column).number_format == wanted, field
    assert (sheet["F6"].number_format, sheet["F7"].number_format) == ("@", "@")
    assert not sheet.protection.sheet


def test_headings_are_those_the_reader_knows_and_each_has_a_note(language: str) -> None:
    sheet = opened(drawn().content).worksheets[0]
    columns = columns_of(sheet)
    assert set(columns) == set(BY_FIELD) - {"goal", "lead"}
    notes = {field: sheet.cell(head_of(sheet), column).comment for field, column in columns.items()}
    texts = {field: note.text for field, note in notes.items() if note is not None}
    assert texts.keys() == columns.keys()
    assert all(text.strip() and "{" not in text for text in texts.values())
    assert "Quý II/2020" in texts["due"]


def test_the_form_prints_on_a4_across_with_its_headings_on_every_page() -> None:
    sheet = opened(drawn().content).worksheets[0]
    head = head_of(sheet)
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert sheet.print_title_rows == f"${head}:${head}"
    fit = sheet.sheet_properties.pageSetUpPr
    assert fit is not None
    assert (fit.fitToPage, sheet.page_setup.fitToHeight) == (True, 0)
    assert sheet.freeze_panes == f"C{head + 1}"
    assert {cell.font.name for row in sheet.iter_rows() for cell in row if cell.value} == {"Times New Roman"}


def test_the_guide_tells_what_deadlines_mean_by_the_grammar_itself(language: str) -> None:
    guide = opened(drawn().content).worksheets[1]
    meanings = {row[0].value: row[1].value for row in guide.iter_rows() if row[0].value and row[1].value}
    assert meanings["trước ngày 15/5/2020"] == "14/5/2020"
    assert meanings["Quý II/2020"] == "30/6/2020"
    assert not any("{" in str(cell.value) for row in guide.iter_rows() for cell in row)


def test_rows_are_shared_out_among_the_goals() -> None:
    many = tuple(replace(TARGETS[0], code=f"9.{n}") for n in range(1, 51))
    for targets, goals, rows in ((TARGETS, 2, 60), (many[:20], 20, 120), (many, 39, 234)):
        form = drawn(targets=targets)
        assert (form.goals, form.rows) == (goals, rows)
