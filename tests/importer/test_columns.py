"""Headings as people write them, and how the cells under them are read; which agencies a cell names."""

from __future__ import annotations

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.importer.columns import (
    BY_HEADING,
    COLUMNS,
    both_come_first,
    day_comes_first,
    heading,
    read_days,
    read_number,
    read_person,
    read_start,
)
from planner.importer.draft import Cell, clean
from planner.importer.names import agency_key, match_agencies
from planner.importer.numerals import as_roman, roman
from tests.importer.plan_files import register


def cell(value: object) -> Cell:
    return Cell(value, "A1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("TT", "code"),
        ("Số TT", "code"),
        ("#", "code"),
        ("NỘI DUNG CÔNG VIỆC", "title"),
        ("Nhiệm vụ:", "title"),
        ("Cơ quan, đơn vị chủ trì", "lead"),
        ("Cơ quan/đơn vị phối hợp", "cooperating"),
        ("Người chịu\ntrách nhiệm", "responsible"),
        ("Thời gian hoàn thành (ngày/tháng/năm)", "due"),
        ("Tiến độ", "due"),
        ("Kết quả đầu ra", "deliverable"),
        ("Mục tiêu số", "target"),
        ("Nhiệm vụ trước", "after"),
        ("Due date", "due"),
    ],
)
def test_a_heading_names_its_column_however_it_is_typed(text: str, field: str) -> None:
    for typed in (unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)):
        found = heading(clean(typed))
        assert found is not None
        assert found.field == field


@pytest.mark.parametrize("text", ["", "Kinh phí", "Họ tên", "x" * 200])
def test_other_text_is_no_heading(text: str) -> None:
    assert heading(text) is None


def test_no_heading_means_two_columns() -> None:
    names = [agency_key(name) or name for column in COLUMNS for name in (column.title, *column.names)]
    assert len(set(names)) == len(BY_HEADING)
    for column in COLUMNS:
        assert all(BY_HEADING[agency_key(name) or name] is column for name in (column.title, *column.names))


@pytest.mark.parametrize(
    ("value", "days"),
    [
        (5.0, 5),
        ("5", 5),
        ("05 ngày", 5),
        ("5 ngày làm việc", 5),
        (0, None),
        (-3, None),
        (2.5, None),
        ("hai", None),
        (True, None),
        ("99999", None),
        (date(2020, 1, 5), None),
    ],
)
def test_a_duration_is_a_whole_number_above_zero(value: object, days: int | None) -> None:
    assert read_days(cell(value)) == days


@pytest.mark.parametrize(
    ("value", "number"), [("(1)", "1"), (1.0, "1"), ("I.", "I"), (" II) ", "II"), (date(2020, 1, 1), "")]
)
def test_a_number_loses_the_marks_around_it(value: object, number: str) -> None:
    assert read_number(cell(value)) == number


@pytest.mark.parametrize(
    "text",
    ["Nguyễn Văn A", "Đ/c Nguyễn Văn A", "Đồng chí Nguyễn Văn A - Giám đốc", "Ông Nguyễn Văn A, Giám đốc Sở"],
)
def test_a_person_is_found_under_the_bare_name(text: str) -> None:
    assert "Nguyễn Văn A" in read_person(cell(text)).names


def test_a_mailbox_in_the_cell_decides() -> None:
    assert read_person(cell("Nguyễn Văn A\n<Nguyen.Van.A@stttt.example.vn>")).email == "nguyen.van.a@stttt.example.vn"


@pytest.mark.parametrize(
    ("cells", "above", "expected"),
    [
        (["12/1/2025", "6/30/2025"], (), False),
        (["12/1/2025", "30/6/2025"], (), True),
        (["30/6/2025", "6/30/2025"], ("ngày 04/5/2020",), None),
        (["12/1/2025"], (), None),
        (["12/1/2025", "trước ngày 5/6/2025"], (), True),
        (["12/1/2025"], ("Kế hoạch số 12 ngày 04/5/2020",), True),
        (["6/30/2025"], ("Kế hoạch số 12 ngày 04/5/2020",), False),
        (["tháng 5-15/2020"], (), None),
        (["12/1/2025", "1/6-15/6/2025"], (), True),
        ([], (), None),
    ],
)
def test_the_order_of_day_and_month_is_decided_for_the_file(
    cells: list[str], above: tuple[str, ...], expected: bool | None
) -> None:
    assert day_comes_first(cells, above) is expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [(["30/6/2025", "6/30/2025"], True), (["30/6/2025", "12/1/2025"], False), (["6/30/2025"], False), ([], False)],
)
def test_both_orders_are_found_only_where_numbers_prove_both(cells: list[str], expected: bool) -> None:
    assert both_come_first(cells) is expected


@pytest.mark.parametrize(
    ("value", "start"),
    [
        ("04/5/2020", date(2020, 5, 4)),
        ("Tháng 5/2020", date(2020, 5, 1)),
        ("Quý III/2020", date(2020, 7, 1)),
        ("Từ ngày 22/5/2020", date(2020, 5, 22)),
        (date(2020, 5, 4), date(2020, 5, 4)),
        ("kịp thời", None),
        ("trước ngày 15/5/2020", None),
        ("Thường xuyên", None),
    ],
)
def test_a_start_is_the_first_day_it_names(value: object, start: date | None) -> None:
    assert read_start(cell(value), day_first=True) == start


MATCHES: list[tuple[str, tuple[str, ...]]] = [
    ("vp-ubnd", ("vp-ubnd",)),
    ("VP-UBND; snv", ("vp-ubnd", "snv")),
    ("Sở Văn hóa, Thể thao và Du lịch", ("svhttdl",)),
    ("Sở Văn hoá, Thể thao và Du lịch, Sở Nội vụ và Văn phòng UBND tỉnh", ("svhttdl", "snv", "vp-ubnd")),
    ("- Sở Nội vụ;\n- Sở Thông tin\nvà Truyền thông.", ("snv", "stttt")),
    ("Ủy ban nhân dân huyện Hoằng Hóa", ("h-hoang-hoa",)),
    ("Uỷ ban nhân dân huyện Hoằng Hoá", ("h-hoang-hoa",)),
    ("huyện Hoằng Hóa", ("h-hoang-hoa",)),
    ("UBND xã Hoằng Quý", ("h-hoang-hoa.x-hoang-quy",)),
    ("UBND xã Hoằng Quỳ", ("h-hoang-hoa.x-hoang-quyf",)),
    ("Các sở, ban, ngành cấp tỉnh", ("stttt", "vp-ubnd", "snv", "svhttdl")),
    ("UBND các huyện, thị xã, thành phố", ("h-hoang-hoa", "h-tinh-gia")),
    ("UBND các huyện, thị xã và thành phố; Sở Nội vụ", ("h-hoang-hoa", "h-tinh-gia", "snv")),
]


@pytest.mark.parametrize(("text", "expected"), MATCHES)
def test_agencies_are_found_by_code_name_and_group(text: str, expected: tuple[str, ...]) -> None:
    known = register()
    found = match_agencies(text, known.agencies, known.agencies_by_name, day=date(2020, 5, 5))
    assert found.codes == expected
    assert (found.unknown, found.shared, found.gone, found.open_groups) == ((), (), (), ())


def test_a_name_is_never_matched_without_its_tone_marks() -> None:
    known = register()
    found = match_agencies("UBND xa Hoang Quy", known.agencies, known.agencies_by_name, day=date(2020, 5, 5))
    assert (found.codes, found.unknown) == ((), ("UBND xa Hoang Quy",))


def test_of_two_agencies_with_one_name_the_nearer_is_meant_and_from_afar_it_is_asked() -> None:
    known = register()
    day = date(2020, 5, 5)
    near = known.agencies["h-hoang-hoa.x-hoang-quy"]
    assert match_agencies("UBND xã Tân Tiến", known.agencies, known.agencies_by_name, day=day, home=near).codes == (
        "h-hoang-hoa.x-tan-tien",
    )
    far = match_agencies("UBND xã Tân Tiến", known.agencies, known.agencies_by_name, day=day)
    assert far.shared == (("UBND xã Tân Tiến", ("h-hoang-hoa.x-tan-tien", "h-nga-son.x-tan-tien")),)


def test_an_agency_that_is_gone_and_a_group_of_nobody_are_told_apart() -> None:
    known = register()
    text = "UBND huyện Tĩnh Gia, các cơ quan, đơn vị liên quan"
    found = match_agencies(text, known.agencies, known.agencies_by_name, day=date(2020, 6, 1))
    assert (found.codes, found.gone, found.open_groups) == ((), ("h-tinh-gia",), ("các cơ quan, đơn vị liên quan",))


@given(st.text(max_size=80))
def test_any_text_is_divided_without_loss_of_a_known_code(text: str) -> None:
    known = register()
    found = match_agencies(f"{text}; snv", known.agencies, known.agencies_by_name, day=date(2020, 5, 5))
    assert "snv" in found.codes


@given(st.integers(1, 39))
def test_a_roman_numeral_is_read_back(number: int) -> None:
    assert as_roman(roman(number)) == roman(number)
    assert as_roman(roman(number).replace("I", "l")) == roman(number)
