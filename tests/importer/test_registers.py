"""The administrator's registers: what is read, and how a mistake is told with its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.agency import Absence, Agency, Officer, OfficerRole, Succession, Tier
from planner.errors import Problem
from planner.i18n import speaking
from planner.importer.registers import (
    mailbox,
    plain_date,
    read_absences,
    read_agencies,
    read_officers,
    read_successions,
)

AGENCIES = "code,name,tier,parent_code,valid_from,valid_to\n"
OFFICERS = "email,name,title,agency,role,substitute,valid_from,valid_to\n"


def write(folder: Path, text: str, name: str = "so.csv", encoding: str = "utf-8") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def workbook(folder: Path, *rows: Sequence[object]) -> Path:
    """Write rows to the first sheet, "Sổ", of a workbook that has another sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Sổ"
    for row in rows:
        sheet.append(list(row))
    book.create_sheet("Khác").append(["code", "name"])
    path = folder / "so.xlsx"
    book.save(path)
    return path


def told(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    """Return place and code of each problem."""
    return [(problem.place, problem.code) for problem in problems]


@pytest.fixture(autouse=True)
def _in_english() -> object:
    with speaking("en"):
        yield


# --- what is read ---


def test_agencies_are_read_from_csv_under_english_headings(tmp_path: Path) -> None:
    path = write(tmp_path, AGENCIES + "h-a,UBND huyện A,district,,,2020-05-31\nh-a.x-b,UBND xã B,commune,h-a,,\n")
    agencies, problems = read_agencies(path)
    assert problems == []
    assert agencies == [
        Agency(code="h-a", name="UBND huyện A", tier=Tier.DISTRICT, valid_to=date(2020, 5, 31)),
        Agency(code="h-a.x-b", name="UBND xã B", tier=Tier.COMMUNE, parent="h-a"),
    ]


def test_vietnamese_headings_a_byte_order_mark_and_semicolons_are_read_alike(tmp_path: Path) -> None:
    english = write(tmp_path, AGENCIES + "sa,Sở A,department,,1/6/2020,\n", "a.csv")
    text = "STT;Mã;Tên cơ quan;Cấp;Cơ quan cấp trên;Hiệu lực từ\n1;sa;Sở A;Cấp tỉnh;;01.06.2020\n"
    vietnamese = write(tmp_path, text, "b.csv", "utf-8-sig")
    assert read_agencies(vietnamese) == read_agencies(english)


def test_a_workbook_with_a_title_above_the_table_and_real_dates_is_read(tmp_path: Path) -> None:
    header = ["Thư điện tử", "Họ và tên", "Chức vụ", "Mã cơ quan", "Vai trò", "Người thay thế", "Đến ngày"]
    row = [
        "A@SA.example.vn",
        "Nguyễn Văn A",
        "Giám đốc",
        "sa",
        "Người đứng đầu",
        "b@sa.example.vn",
        date(2020, 5, 31),
    ]
    path = workbook(tmp_path, ["DANH SÁCH CÁN BỘ"], [], header, row, [None] * 7)
    officers, problems = read_officers(path, known=["sa"])
    assert problems == []
    assert officers == [
        Officer(
            email="a@sa.example.vn",
            name="Nguyễn Văn A",
            title="Giám đốc",
            agency="sa",
            role=OfficerRole.HEAD,
            substitute="b@sa.example.vn",
            valid_to=date(2020, 5, 31),
        )
    ]


def test_a_yaml_register_is_a_list_with_or_without_a_name_over_it(tmp_path: Path) -> None:
    entry = "- {officer: a@sa.example.vn, first_day: 2020-06-01, last_day: 5/6/2020, reason: Tập huấn}\n"
    absence = Absence(
        officer="a@sa.example.vn", first_day=date(2020, 6, 1), last_day=date(2020, 6, 5), reason="Tập huấn"
    )
    assert read_absences(write(tmp_path, entry, "a.yaml")) == ([absence], [])
    assert read_absences(write(tmp_path, "absences:\n" + entry, "b.yaml")) == ([absence], [])


def test_successions_say_wholly_unless_they_say_partly(tmp_path: Path) -> None:
    path = write(tmp_path, "from_code,to_code,on,extent\na,b,2025-07-01,\na,c,1/7/2025,Một phần\n")
    day = date(2025, 7, 1)
    partly = Succession(from_code="a", to_code="c", on=day, extent="partial")
    assert read_successions(path, known="abc") == ([Succession(from_code="a", to_code="b", on=day), partly], [])


def test_names_are_kept_in_nfc_with_single_spaces(tmp_path: Path) -> None:
    decomposed = "So\u031b\u0309 Y  te\u0302\u0301"
    [agency], problems = read_agencies(write(tmp_path, f'{AGENCIES}sa,"{decomposed}\n",department,,,\n'))
    assert (agency.name, problems) == ("Sở Y tế", [])


# --- mistakes, all at once, each with its place ---


def test_every_mistake_of_a_register_is_told_at_once(tmp_path: Path) -> None:
    text = AGENCIES + 'sa,"Sở\nA",department,,,\nsa,,city,none,31/13/2020,\nSB,B,sở,,2020-05-02,1/5/2020\n'
    agencies, problems = read_agencies(write(tmp_path, text))
    assert told(problems) == [
        ("line 4, column name", "value_missing"),
        ("line 4, column tier", "tier_unknown"),
        ("line 4, column valid_from", "date_form"),
        ("line 4, column code", "duplicate"),
        ("line 4, column parent_code", "unknown"),
        ("line 5, column code", "code_form"),
        ("line 5, column valid_to", "span_reversed"),
    ]
    assert [agency.code for agency in agencies] == ["sa"]
    assert 'Found "city"; expected one of: department; district; commune' in problems[1].message


def test_a_mistake_in_a_workbook_is_told_by_sheet_and_cell(tmp_path: Path) -> None:
    header = ["email", "name", "title", "agency", "role"]
    path = workbook(tmp_path, ["Danh sách"], header, ["a b@x.vn", "A", "", "sa", "chief"])
    officers, problems = read_officers(path, known=["sb"])
    assert officers == []
    assert told(problems) == [("Sổ!A3", "email_form"), ("Sổ!E3", "role_unknown"), ("Sổ!D3", "unknown")]


def test_a_mistake_in_yaml_is_told_by_its_line_and_key(tmp_path: Path) -> None:
    text = "- code: sa\n  name: A\n  tier: xa\n  colour: red\n- just text\n- code: sb\n  tier: xã\n"
    _agencies, problems = read_agencies(write(tmp_path, text, "a.yml"))
    assert told(problems) == [
        ("line 4, column colour", "key_unknown"),
        ("line 5", "yaml_shape"),
        ("line 3, column tier", "tier_unknown"),
        ("line 6", "value_missing"),
    ]


def test_mistakes_are_told_in_vietnamese_by_default(tmp_path: Path) -> None:
    with speaking("vi"):
        _agencies, problems = read_agencies(write(tmp_path, AGENCIES + "sa,A,sở,,,x\n"))
    assert problems[0].place == "dòng 2, cột valid_to"


def test_a_parent_may_be_in_the_file_or_on_record(tmp_path: Path) -> None:
    path = write(tmp_path, AGENCIES + "x,X,xã,h,,\n")
    assert told(read_agencies(path)[1]) == [("line 2, column parent_code", "unknown")]
    assert read_agencies(path, known={"h"})[1] == []


def test_agencies_that_stand_over_each_other_in_a_circle_are_told(tmp_path: Path) -> None:
    text = AGENCIES + "a,A,xã,b,,\nb,B,xã,c,,\nc,C,xã,a,,\nd,D,xã,a,,\n"
    codes = [code for _place, code in told(read_agencies(write(tmp_path, text))[1])]
    assert codes == ["parent_circle"] * 3


def test_a_missing_column_is_told_once_and_a_strange_one_is_only_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, "code,name,valid_form\nsa,A,2020-01-01\nsb,B,\n")
    _agencies, problems = read_agencies(path)
    assert [(p.code, p.severity) for p in problems] == [("heading_unknown", "warning"), ("heading_missing", "error")]
    assert "cấp" in problems[1].message


def test_an_address_given_twice_in_other_capitals_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, OFFICERS + "a@x.vn,A,,sa,,,,\nA@X.vn,B,,sa,,a@x.vn,,\n")
    assert told(read_officers(path)[1]) == [
        ("line 3, column email", "duplicate"),
        ("line 3, column substitute", "substitute_self"),
    ]


def test_a_substitute_must_be_known_when_the_known_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, OFFICERS + "a@x.vn,A,,sa,,b@x.vn,,\n")
    assert read_officers(path)[1] == []
    assert told(read_officers(path, known_officers=[])[1]) == [("line 2, column substitute", "unknown")]
    assert read_officers(path, known_officers=["b@x.vn"])[1] == []


def test_a_line_feed_cannot_smuggle_a_second_address_in(tmp_path: Path) -> None:
    path = write(tmp_path, OFFICERS + '"a@x.vn\r\nBcc: b@x.vn",A,,sa,,,,\nc@x.vn,"C\x00",,sa,,,,\n')
    officers, problems = read_officers(path)
    assert officers == []
    assert told(problems) == [("line 4", "nul_bytes")]
    path = write(tmp_path, OFFICERS + '"a@x.vn\r\nBcc: b@x.vn",A,,sa,,,,\nc@x.vn,"C\x07",,sa,,,,\n')
    officers, problems = read_officers(path)
    assert officers == []
    assert told(problems) == [("line 2, column email", "email_form"), ("line 4, column name", "control_character")]


def test_one_value_too_many_in_a_row_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, AGENCIES + "sa,Sở Văn hóa, Thể thao,department,,,2020-05-31\n")
    assert ("line 2", "row_too_long") in told(read_agencies(path)[1])


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", "code,name\n".encode("utf-16"), "heading_missing"),  # read, and no agency's table
        ("a.csv", "mã,tên\n".encode("utf-16-le"), "nul_bytes"),
        ("a.csv", b"", "empty_file"),
        ("a.csv", b'code,name,tier\n"sa" x,A,b\n', "csv_unreadable"),
        ("a.xlsx", b"no workbook", "not_xlsx"),
        ("a.yaml", b"[[[", "yaml_unreadable"),
        ("a.yaml", b"[" * 20000, "yaml_depth"),
        ("a.yaml", b"a: &x [1]\nb: *x\n", "yaml_alias"),
        ("a.yaml", b"\x01", "yaml_unreadable"),
        ("a.doc", b"text", "file_kind"),
        (None, b"", "file_unreadable"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path, name: str | None, content: bytes, code: str) -> None:
    path = tmp_path / (name or "gone.csv")
    if name:
        path.write_bytes(content)
    entries, problems = read_agencies(path)
    assert entries == []
    assert problems[0].code == code


# --- addresses and days ---


@pytest.mark.parametrize("text", ["giam.doc@stttt.example.vn", "a@b.vn", "x-1_y+z@x-yen-lam.h-yen-dinh.example.vn"])
def test_a_plain_mailbox_is_taken_in_small_letters(text: str) -> None:
    assert mailbox(text.upper()) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "@b.vn",
        "a@",
        "a@b",
        "a@@b.vn",
        "a@b@c.vn",
        "a b@c.vn",
        " a@b.vn",
        "a@b.vn\n",
        "a@b.vn\r\nBcc: c@d.vn",
        "A <a@b.vn>",
        '"a"@b.vn',
        "a@b.vn, c@d.vn",
        "a.@b.vn",
        ".a@b.vn",
        "a..b@c.vn",
        "a@-b.vn",
        "a@b..vn",
        "a@[127.0.0.1]",
        "đ@b.vn",
        "a@thanhhóa.vn",
        "a@b.vn\x00",
        "a" * 65 + "@b.vn",
        "a@" + "b." * 130 + "vn",
    ],
)
def test_anything_else_is_no_mailbox(text: str) -> None:
    assert mailbox(text) is None


@settings(deadline=None)
@given(st.text(alphabet=st.characters() | st.sampled_from("@.a\r\n"), max_size=30))
def test_a_mailbox_is_always_one_address_on_one_line(text: str) -> None:
    found = mailbox(text)
    if found is not None:
        assert found.isascii()
        assert found.isprintable()
        assert found.count("@") == 1
        assert not set(found) & set(' ,;<>()"')


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2020-05-31", date(2020, 5, 31)),
        ("31/5/2020", date(2020, 5, 31)),
        ("01.06.2020", date(2020, 6, 1)),
        ("12/1/2025", date(2025, 1, 12)),
        ("5/31/2020", None),
        ("2020-02-30", None),
        ("5/2020", None),
        ("1588204800", None),
        ("", None),
    ],
)
def test_a_plain_day_is_day_first_or_iso(text: str, day: date | None) -> None:
    assert plain_date(text) == day
