from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import pytest

from planner.calendars import SHIPPED_OVERRIDES, load, read_overrides
from planner.errors import InputRejected, Problem, UsageRefused
from planner.i18n import speaking

TABLE = Path(__file__).parent / "data" / "holidays-vn-2020-2026.csv"
HEADER = "date,kind,name,legal_basis\n"


def published() -> dict[date, bool]:
    """Return the table's days: True is a day worked, False a day off."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {date.fromisoformat(row["date"]): row["kind"] == "swap_work" for row in csv.DictReader(file)}


def site_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "lich.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems_of(folder: Path, text: str | bytes) -> list[Problem]:
    with speaking("en"), pytest.raises(InputRejected) as caught:
        load("vn", site_file(folder, text))
    return list(caught.value.problems)


@pytest.mark.parametrize("year", [2020, 2026])
def test_every_day_of_the_year_is_as_the_government_published_it(year: int) -> None:
    calendar, table = load("vn"), published()
    assert sum(day.year == year for day in table) >= 12
    day = date(year, 1, 1)
    while day.year == year:
        assert calendar.is_working(day) == table.get(day, day.weekday() < 5), day
        day += timedelta(days=1)


def test_the_swap_of_2_january_2026_is_shipped_with_its_legal_basis() -> None:
    calendar = load("vn")
    assert not calendar.is_working(date(2026, 1, 2))
    assert calendar.is_working(date(2026, 1, 10))
    shipped = {override.day: override for override in read_overrides(SHIPPED_OVERRIDES)}
    assert "12729/VPCP-KGVX" in shipped[date(2026, 1, 2)].legal_basis
    assert "12729/VPCP-KGVX" in shipped[date(2026, 1, 10)].legal_basis


def test_a_saturday_worked_for_a_day_off_of_the_year_before_is_worked() -> None:
    calendar = load("vn")
    assert not calendar.is_working(date(2018, 12, 31))
    assert calendar.is_working(date(2019, 1, 5))


def test_two_working_days_after_29_april_2020_is_5_may() -> None:
    assert load("vn").add(date(2020, 4, 29), 2) == date(2020, 5, 5)


def test_beyond_the_years_with_known_holidays_the_week_alone_counts() -> None:
    calendar = load("vn")
    assert calendar.is_working(date(2150, 1, 1))  # a Thursday
    assert not calendar.is_working(date(2150, 1, 3))
    assert calendar.is_working(date(1, 1, 1))  # a Monday
    assert calendar.is_working(date(9999, 12, 31))  # a Friday


def test_the_sites_file_wins_over_the_shipped_one_and_over_the_holidays(tmp_path: Path) -> None:
    text = HEADER + (
        "2026-01-02,worked,Không nghỉ,Công văn số 1/UBND\n"
        "30/4/2020,worked,Trực,Công văn số 2/UBND\n"
        '2020-05-07,off,"Ngày truyền thống, toàn tỉnh",Quyết định số 3/QĐ-UBND\n'
    )
    calendar = load("vn", site_file(tmp_path, text))
    assert calendar.is_working(date(2026, 1, 2))
    assert calendar.is_working(date(2020, 4, 30))
    assert not calendar.is_working(date(2020, 5, 7))
    assert load("vn").is_working(date(2020, 5, 7))


def test_a_calendar_is_made_once_until_the_sites_file_changes(tmp_path: Path) -> None:
    path = site_file(tmp_path, HEADER + "2020-05-07,off,Nghỉ,QĐ 3\n")
    first = load("vn", path)
    assert load("vn", path) is first
    site_file(tmp_path, HEADER + "2020-05-08,off,Nghỉ bù,QĐ 4\n")
    assert load("vn", path).is_working(date(2020, 5, 7))
    assert not load("vn", path).is_working(date(2020, 5, 8))


def test_a_file_as_excel_saves_it_is_read(tmp_path: Path) -> None:
    text = "\ufeffDate;Kind;Name;Legal_basis\r\n07/5/2020;OFF;Nghỉ;Quyết định số 3/QĐ-UBND\r\n;;;\r\n"
    assert not load("vn", site_file(tmp_path, text)).is_working(date(2020, 5, 7))


def test_every_day_heeds_no_holiday(tmp_path: Path) -> None:
    text = HEADER + "2020-05-07,off,Nghỉ,Quyết định số 3/QĐ-UBND\n"
    calendar = load("every-day", site_file(tmp_path, text))
    assert calendar.is_working(date(2020, 5, 7))
    assert calendar.is_working(date(2020, 1, 25))


def test_all_problems_of_the_sites_file_are_told_each_with_its_line(tmp_path: Path) -> None:
    text = HEADER + (
        "2020-05-07,off,Nghỉ,QĐ 3\n"
        "2020-02-30,off,Nghỉ,QĐ 3\n"
        "2020-05-08,free,,\n"
        "\n"
        "07/5/2020,worked,Làm bù,QĐ 3\n"
        "2020-05-11,off,Nghỉ, toàn tỉnh,QĐ 3\n"
    )
    found = problems_of(tmp_path, text)
    assert [(problem.place, problem.code) for problem in found] == [
        ("lich.csv, line 3", "calendar_date"),
        ("lich.csv, line 4", "calendar_kind"),
        ("lich.csv, line 4", "calendar_legal_basis"),
        ("lich.csv, line 6", "calendar_day_twice"),
        ("lich.csv, line 7", "calendar_cells"),
    ]
    assert "2020-02-30" in found[0].message
    assert "free" in found[1].message
    assert "line 2" in found[3].message


@pytest.mark.parametrize("text", ["", "ngay,loai\n2020-05-07,off\n", "date,date,kind,name\n"])
def test_a_file_without_the_four_columns_says_which_are_expected(tmp_path: Path, text: str) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.code == "calendar_columns"
    assert problem.place == "lich.csv, line 1"
    assert "date, kind, name, legal_basis" in problem.message


@pytest.mark.parametrize("text", [HEADER.encode() + "Nghỉ".encode("utf-16"), HEADER.encode() + b"x" * 200_000])
def test_a_file_that_is_no_csv_in_utf_8_is_a_problem_and_not_a_crash(tmp_path: Path, text: bytes) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.code == "calendar_file"
    assert problem.place.endswith("lich.csv")


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(InputRejected) as caught:
        load("vn", tmp_path / "khong-co.csv")
    assert caught.value.problems[0].code == "calendar_file"
    assert caught.value.problems[0].place.endswith("khong-co.csv")


def test_an_unknown_calendar_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UsageRefused, match="vn, every-day"):
        load("lunar")
