"""A directive from a file: what is read of YAML and of tables, and how a mistake is told with its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import docx
import openpyxl
import pytest

from planner.domain.agency import Agency, Tier
from planner.domain.deadline import DeadlineKind
from planner.domain.directive import Directive
from planner.errors import Problem
from planner.i18n import speaking
from planner.importer.directives import read_directive
from planner.samples import thanh_hoa_2020

DIRECTIVE = """\
code: kl-1
title: Thông báo
issuer: Chủ tịch
issued_on: 2020-04-29
filing: {duty: phải xây dựng kế hoạch, tiers: [department, commune], deadline: 8/5/2020}
targets:
  - {code: "2.10", title: Chữ ký số, value: 20, by: 2020-12-31}
  - {code: 2.3, title: Văn bản, value: 100, tiers: [department], holds_from: 2020-05-22}
assignments:
  - {code: 3.3.7, title: Chỉ thị, agency: stttt, cooperating: [vp-ubnd], due: trước ngày 15/5/2020}
  - {code: "4", title: Tiêu chí, agency: snv}
recipients: [Lưu]
"""


KNOWN = {
    agency.code: agency
    for agency in (
        Agency(code="stttt", name="Sở Thông tin và Truyền thông", tier=Tier.DEPARTMENT),
        Agency(code="snv", name="Sở Nội vụ", tier=Tier.DEPARTMENT),
        Agency(code="vp-ubnd", name="Văn phòng UBND tỉnh", tier=Tier.DEPARTMENT),
        Agency(code="h-yen-dinh", name="UBND huyện Yên Định", tier=Tier.DISTRICT),
        Agency(code="h-tinh-gia", name="UBND huyện Tĩnh Gia", tier=Tier.DISTRICT, valid_to=date(2020, 5, 31)),
        Agency(code="h-a.x-tan", name="UBND xã Tân", tier=Tier.COMMUNE, parent="h-a"),
        Agency(code="h-b.x-tan", name="UBND xã Tân", tier=Tier.COMMUNE, parent="h-b"),
    )
}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with speaking("en"):
        yield


def write(folder: Path, text: str, name: str = "d.yaml", encoding: str = "utf-8") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def workbook(folder: Path, **sheets: Sequence[Sequence[object]]) -> Path:
    """Write rows to the sheets of a workbook."""
    book = openpyxl.Workbook()
    del book["Sheet"]
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    path = folder / "d.xlsx"
    book.save(path)
    return path


def told(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    """Return place and code of each problem."""
    return [(problem.place, problem.code) for problem in problems]


def read(path: Path, **given: str) -> Directive:
    """Read a directive that has nothing wrong with it."""
    directive, problems = read_directive(path, known=KNOWN, given=given)
    assert problems == []
    assert directive is not None
    return directive


# --- YAML ---


def test_a_directive_is_read_with_its_deadlines_understood(tmp_path: Path) -> None:
    directive, problems = read_directive(write(tmp_path, DIRECTIVE), known=KNOWN)
    assert problems == []
    assert directive is not None
    assert directive.filing_deadline == date(2020, 5, 8)
    assert directive.filing_tiers == (Tier.DEPARTMENT, Tier.COMMUNE)
    assert [(t.code, t.value, t.holds_from) for t in directive.targets] == [
        ("2.10", 20.0, None),
        ("2.3", 100.0, date(2020, 5, 22)),
    ]
    assert directive.assignments[0].deadline.last_day == date(2020, 5, 14)
    assert directive.assignments[0].cooperating == ("vp-ubnd",)


@pytest.mark.parametrize("due", ["", "due: kịp thời"])
def test_an_assignment_without_a_day_raises_no_question(tmp_path: Path, due: str) -> None:
    text = DIRECTIVE.replace("title: Tiêu chí,", f"title: Tiêu chí, {due + ',' if due else ''}")
    directive, problems = read_directive(write(tmp_path, text))
    assert problems == []
    assert directive is not None
    deadline = directive.assignments[1].deadline
    assert (deadline.kind, deadline.last_day, deadline.question) == (DeadlineKind.NONE, None, None)


@pytest.mark.parametrize(
    ("old", "new", "at", "code"),
    [
        ("code: kl-1", "code: kl 1", "kl 1", "code_form"),
        ("title: Thông báo\n", "", "code: kl-1", "value_missing"),
        ("issuer: Chủ tịch", "issuer: ''", "''", "value_missing"),
        ("2020-04-29", "0", "0\n", "date_form"),
        ("2020-04-29", "", " \nfiling", "value_missing"),
        ("commune]", "city]", "city]", "tier_unknown"),
        ("[department, commune]", "[]", "[]", "list_form"),
        ("tiers: [department],", "tiers: sở,", "sở,", "list_form"),
        ("value: 20", "value: nan", "nan", "number_form"),
        ("value: 20", "value: 20, colour: red", "colour", "key_unknown"),
        ("code: 2.3", 'code: "2.10"', '"2.10", title: Văn', "duplicate"),
        ("by: 2020", "holds_from: 2020-06-01, by: 2020", "2020-12-31", "target_days"),
        ("agency: snv", "agency: xyz", "xyz", "unknown"),
        ("[vp-ubnd]", "[vp-ubnd, xyz]", "xyz", "unknown"),
        ("trước ngày 15/5/2020", "Hằng quý hoặc hằng năm", "Hằng quý", "date_ambiguous"),
        ("recipients:", "code: kl-2\nrecipients:", "code: kl-2", "key_twice"),
        ("recipients: [Lưu]", "recipients: {a: b}", "{a", "list_form"),
    ],
)
def test_a_mistake_in_a_directive_is_told_at_its_place(tmp_path: Path, old: str, new: str, at: str, code: str) -> None:
    assert old in DIRECTIVE
    text = DIRECTIVE.replace(old, new).replace("title: Văn bản", "title: Văn")
    directive, problems = read_directive(write(tmp_path, text), known=KNOWN)
    assert directive is None
    before = text[: text.index(at)]
    place = f"line {before.count(chr(10)) + 1}, column {len(before.rpartition(chr(10))[2]) + 1}"
    assert told(problems) == [(place, code)]


def test_every_mistake_of_a_directive_is_told_at_once(tmp_path: Path) -> None:
    text = "code: kl-1\ncode: kl-2\nissued_on: soon\nextra: 1\ntargets: [{code: 1, title: T, value: high}]\n"
    directive, problems = read_directive(write(tmp_path, text))
    assert directive is None
    assert sorted(told(problems)) == [
        ("line 1, column 1", "value_missing"),
        ("line 1, column 1", "value_missing"),
        ("line 2, column 1", "key_twice"),
        ("line 3, column 12", "date_form"),
        ("line 4, column 1", "key_unknown"),
        ("line 5, column 38", "number_form"),
    ]


@pytest.mark.parametrize(("text", "code"), [("", "empty_file"), ("- a\n", "yaml_shape"), ("a: [", "yaml_unreadable")])
def test_what_is_no_directive_is_told_so(tmp_path: Path, text: str, code: str) -> None:
    directive, problems = read_directive(write(tmp_path, text))
    assert directive is None
    assert [p.code for p in problems] == [code]


def test_a_directive_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    assert [p.code for p in read_directive(tmp_path / "gone.yaml")[1]] == ["file_unreadable"]


def test_a_deadline_and_names_of_agencies_in_yaml_are_understood(tmp_path: Path) -> None:
    text = DIRECTIVE.replace("agency: snv", "agency: 'Sở Nội vụ, UBND huyện Yên Định'")
    found = [(a.code, a.agency) for a in read(write(tmp_path, text)).assignments]
    assert found == [("3.3.7", "stttt"), ("4", "snv"), ("4", "h-yen-dinh")]


# --- tables ---

HEADINGS = ("TT", "Tên nhiệm vụ", "Cơ quan chủ trì", "Cơ quan phối hợp", "Kết quả", "Thời gian hoàn thành")
STATED = {"code": "nq-03", "title": "Đột phá phát triển khoa học", "issuer": "Chính phủ", "issued_on": "2020-04-29"}


def test_a_table_states_the_same_directive_as_yaml(tmp_path: Path) -> None:
    rows = [
        ("Mã văn bản: kl-1",),
        ("Trích yếu", "Thông báo"),
        ("Cơ quan ban hành: Chủ tịch",),
        ("Ngày ban hành", date(2020, 4, 29)),
        ("Yêu cầu lập kế hoạch: phải xây dựng kế hoạch",),
        ("Cấp phải lập kế hoạch: sở, ban, ngành; cấp xã",),
        ("Hạn gửi kế hoạch: 08/5/2020",),
        ("Nơi nhận: Lưu",),
        (),
        ("TT", "Nội dung", "Cơ quan chủ trì", "Cơ quan phối hợp", "Thời hạn"),
        ("3.3.7", "Chỉ thị", "Sở Thông tin và Truyền thông", "Văn phòng UBND tỉnh", "trước ngày 15/5/2020"),
        (4, "Tiêu chí", "snv"),
    ]
    targets = [
        ("TT", "Chỉ tiêu", "Giá trị", "Đơn vị", "Cấp áp dụng", "Từ ngày", "Đến ngày"),
        ("(1)", "(2)", "(3)", "(4)", "(5)", "(6)", "(7)"),
        ("2.10", "Chữ ký số", 20, None, None, None, datetime(2020, 12, 31)),  # noqa: DTZ001 - as a sheet holds it
        ("2.3", "Văn bản", "100%", "%", "cấp tỉnh", "22/5/2020", None),
    ]
    found = read(workbook(tmp_path, NhiemVu=rows, ChiTieu=targets))
    assert found == read(write(tmp_path, DIRECTIVE))


def test_a_csv_file_holds_assignments_and_targets_one_below_the_other(tmp_path: Path) -> None:
    text = (
        "Mã văn bản;kl-1\nTrích yếu;Thông báo\nCơ quan ban hành;Chủ tịch\nNgày ban hành;29/4/2020\n"
        "Yêu cầu lập kế hoạch;phải xây dựng kế hoạch\nCấp phải lập kế hoạch;department, commune\n"
        "Hạn gửi kế hoạch;8/5/2020\nNơi nhận;Lưu\n"
        "code;title;value;unit;tiers;holds_from;by\n2.10;Chữ ký số;20;;;;31/12/2020\n"
        "2.3;Văn bản;100,0;%;department;2020-05-22;\n;;;;;;\n"
        "TT;Nhiệm vụ;Cơ quan chủ trì;Cơ quan phối hợp;Thời hạn\n"
        "3.3.7;Chỉ thị;stttt;vp-ubnd;trước ngày 15/5/2020\n4;Tiêu chí;snv;;\n"
    )
    assert read(write(tmp_path, text, "d.csv", "utf-8-sig")) == read(write(tmp_path, DIRECTIVE))


def test_the_appendix_of_a_resolution_is_read_as_it_was_issued(tmp_path: Path) -> None:
    rows: list[Sequence[object]] = [
        ("PHỤ LỤC II",),
        ("DANH MỤC NHIỆM VỤ",),
        ("(Kèm theo Nghị quyết số 03/NQ-CP ngày 09 tháng 01 năm 2025 của Chính phủ)",),
        HEADINGS,
        ("(1)", "(2)", "(3)", "(4)", "(5)", "(6)"),
        ("I", "Nâng cao nhận thức"),
        ("1.", "Ban hành nghị quyết", "Sở Nội vụ", "Các cơ quan liên quan", "Nghị quyết", "Quý II/2025"),
        ("2.", "Tuyên truyền", "Các huyện, thị xã, thành phố\nSở Nội vụ", "stttt, snv", None, "Thường xuyên"),
        ("II", "Hoàn thiện thể chế"),
        ("3.", "Rà soát", "Sở Nội vụ và Sở Thông tin và Truyền thông", None, "Báo cáo", "12/2025"),
    ]
    directive, problems = read_directive(
        workbook(tmp_path, PL=rows), known=KNOWN, given={"code": "nq-03-2025", "title": "Đột phá"}
    )
    assert told(problems) == [("PL!D7", "open_group")]
    assert problems[0].severity == "warning"
    assert directive is not None
    assert (directive.number, directive.issued_on, directive.issuer) == ("03/NQ-CP", date(2025, 1, 9), "Chính phủ")
    given = [(a.code, a.agency, a.cooperating, a.deadline.last_day) for a in directive.assignments]
    assert given == [
        ("1", "snv", (), date(2025, 6, 30)),
        ("2", "h-yen-dinh", ("stttt", "snv"), None),  # Tĩnh Gia no longer exists in 2025
        ("2", "snv", ("stttt",), None),
        ("3", "snv", (), date(2025, 12, 31)),
        ("3", "stttt", (), date(2025, 12, 31)),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "(Kèm theo Kế hoạch số 90/KH-UBND ngày 04 tháng 5 năm 2020 của UBND tỉnh)",
        "Kế hoạch số 90/KH-UBND ngày 04/5/2020",
    ],
)
def test_number_and_day_are_taken_from_the_line_that_cites_the_document(tmp_path: Path, line: str) -> None:
    given = {"code": "kh-90", "title": "Kế hoạch", "issuer": "UBND tỉnh"}
    directive = read(workbook(tmp_path, PL=[(line,), HEADINGS, ("1", "x", "snv")]), **given)
    assert (directive.number, directive.issued_on) == ("90/KH-UBND", date(2020, 5, 4))


def test_a_word_document_states_the_same_as_its_table_in_a_workbook(tmp_path: Path) -> None:
    rows = [HEADINGS, ("I", "Hạ tầng", "", "", "", ""), ("1.", "Rà soát", "snv", "stttt", "Báo cáo", "Quý II/2020")]
    document = docx.Document()
    document.add_paragraph("Số: 90/KH-UBND")
    document.add_paragraph("Thanh Hóa, ngày 04 tháng 5 năm 2020")
    table = document.add_table(rows=len(rows), cols=len(HEADINGS))
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    document.save(str(tmp_path / "d.docx"))
    given = {"code": "kh-90", "title": "Kế hoạch", "issuer": "UBND tỉnh"}
    found = read(tmp_path / "d.docx", **given)
    assert (found.number, found.issued_on) == ("90/KH-UBND", date(2020, 5, 4))
    stated = given | {"number": "90/KH-UBND", "issued_on": "2020-05-04"}
    assert found == read(workbook(tmp_path, PL=rows), **stated)


def test_numbers_begun_anew_under_each_heading_get_the_headings_number(tmp_path: Path) -> None:
    rows = [HEADINGS, ("I", "A"), ("1", "x", "snv"), ("2", "y", "snv"), ("II", "B"), ("1", "z", "snv")]
    directive = read(workbook(tmp_path, PL=rows), **STATED)
    assert [one.code for one in directive.assignments] == ["I.1", "I.2", "II.1"]


def test_what_is_stated_beside_the_file_counts_before_what_it_says(tmp_path: Path) -> None:
    path = write(tmp_path, DIRECTIVE)
    assert read(path, code="kl-2", issued_on="2020-05-01") == replace(
        read(path), code="kl-2", issued_on=date(2020, 5, 1)
    )


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (("1", "x", "Sở Ngoại vụ"), ("PL!C2", "unknown")),
        (("1", "x", None), ("PL!C2", "value_missing")),
        (("1", "x", "Các đơn vị liên quan"), ("PL!C2", "open_group")),
        (("1", "x", "UBND xã Tân"), ("PL!C2", "shared_name")),
        (("1", "x", "snv", "Sở Ngoại vụ"), ("PL!D2", "unknown")),
        (("1", None, "snv"), ("PL!B2", "value_missing")),
        ((None, "x", "snv"), ("PL!A2", "value_missing")),
        (("1" * 21, "x", "snv"), ("PL!A2", "code_form")),
        (("1", "x" * 2001, "snv"), ("PL!B2", "text_too_long")),
        (("1", "x", "snv", "", "", "Hằng quý hoặc hằng năm"), ("PL!F2", "date_ambiguous")),
        (("1", "x", "snv", "", "", "12/1/2025"), ("PL!F2", "date_ambiguous")),
        (("1", "x", "snv", "", "", "30/6/202"), ("PL!F2", "date_ambiguous")),
    ],
)
def test_a_mistake_in_a_table_is_told_at_its_cell(
    tmp_path: Path, row: tuple[object, ...], problem: tuple[str, str]
) -> None:
    directive, problems = read_directive(workbook(tmp_path, PL=[HEADINGS, row]), known=KNOWN, given=STATED)
    assert directive is None
    assert told(problems) == [problem]


def test_an_agency_gone_on_the_day_of_issue_is_not_given_a_task(tmp_path: Path) -> None:
    path = workbook(tmp_path, PL=[HEADINGS, ("1", "x", "UBND huyện Tĩnh Gia")])
    assert [a.agency for a in read(path, **STATED).assignments] == ["h-tinh-gia"]
    directive, problems = read_directive(path, known=KNOWN, given=STATED | {"issued_on": "2020-06-01"})
    assert directive is None
    assert told(problems) == [("PL!C2", "not_valid")]


def test_a_table_that_states_no_directive_says_what_is_missing(tmp_path: Path) -> None:
    directive, problems = read_directive(workbook(tmp_path, PL=[HEADINGS, ("1", "x", "snv")]), known=KNOWN)
    assert directive is None
    assert told(problems) == [("d.xlsx", "value_missing")] * 4
    assert "--code" in problems[0].message


def test_a_mistake_in_csv_is_told_by_its_line_and_column(tmp_path: Path) -> None:
    text = "TT,Nhiệm vụ,Cơ quan chủ trì\n1,x,snv\n2,y,khong-co\n"
    directive, problems = read_directive(write(tmp_path, text, "d.csv"), known=KNOWN, given=STATED)
    assert directive is None
    assert told(problems) == [("line 3, column 3", "unknown")]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [("d.csv", "a,b\n1,2\n", "no_table"), ("d.xlsx", "no workbook", "not_xlsx"), ("d.txt", "x", "format_unknown")],
)
def test_a_file_without_a_directive_is_one_problem(tmp_path: Path, name: str, text: str, code: str) -> None:
    directive, problems = read_directive(write(tmp_path, text, name), known=KNOWN, given=STATED)
    assert directive is None
    assert [p.code for p in problems] == [code]


def test_the_sample_directive_is_the_same_from_a_workbook(tmp_path: Path) -> None:
    sample = thanh_hoa_2020.load()
    known = {agency.code: agency for agency in (*sample.changes, *sample.agencies)}
    wanted = sample.directive
    rows: list[Sequence[object]] = [
        (f"Mã văn bản: {wanted.code}",),
        ("Trích yếu", wanted.title),
        ("Cơ quan ban hành", wanted.issuer),
        ("Ngày ban hành", wanted.issued_on),
        ("Yêu cầu lập kế hoạch", wanted.filing_duty),
        ("Cấp phải lập kế hoạch", "; ".join(wanted.filing_tiers)),
        ("Hạn gửi kế hoạch", wanted.filing_deadline),
        ("Ghi chú về hạn gửi kế hoạch", wanted.filing_deadline_note),
        ("Nơi nhận", "\n".join(wanted.recipients)),
        HEADINGS,
    ]
    rows += [
        (a.code, a.title, known[a.agency].name, ", ".join(a.cooperating), a.deliverable, a.deadline.text)
        for a in wanted.assignments
    ]
    targets: list[Sequence[object]] = [("code", "title", "value", "unit", "tiers", "holds_from", "by")]
    targets += [(t.code, t.title, t.value, t.unit, "; ".join(t.tiers), t.holds_from, t.by) for t in wanted.targets]
    directive, problems = read_directive(workbook(tmp_path, A=rows, B=targets), known=known)
    assert problems == []
    assert directive == wanted
