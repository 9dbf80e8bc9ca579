"""How the dates of one file are taken together: their order, real dates beside text, and a question at its cell."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from planner.i18n import speaking
from planner.importer import Loaded, load
from tests.importer.plan_files import GOAL, codes, only, register, rows, task, workbook


def loaded(folder: Path, *tasks: Any) -> Loaded:
    """Load a plan without a date above its table; its day of signing is not known."""
    content = rows(GOAL, *tasks)
    content[2] = []
    with speaking("en"):
        return load(workbook(folder, content), register())


def last_days(result: Loaded) -> list[date | None]:
    assert result.plan is not None, [problem.as_dict() for problem in result.problems]
    return [one.deadline.last_day for one in result.plan.tasks]


def test_one_american_date_settles_the_others_of_its_sheet(tmp_path: Path) -> None:
    found = loaded(tmp_path, task(1, due="6/30/2025"), task(2, due="12/1/2025"))
    assert last_days(found) == [date(2025, 6, 30), date(2025, 12, 1)]


def test_a_vietnamese_date_settles_the_others_of_its_sheet(tmp_path: Path) -> None:
    found = loaded(tmp_path, task(1, due="30/6/2025"), task(2, due="12/1/2025"))
    assert last_days(found) == [date(2025, 6, 30), date(2025, 1, 12)]


def test_a_start_settles_the_order_too(tmp_path: Path) -> None:
    found = loaded(tmp_path, task(1, start="6/15/2025", due="12/1/2025"))
    assert last_days(found) == [date(2025, 12, 1)]


def test_where_nothing_settles_the_order_the_cell_is_asked(tmp_path: Path) -> None:
    found = loaded(tmp_path, task(1, due="12/1/2025"), task(2, start="2/1/2025", due="Quý II/2025"))
    assert codes(found) == ["deadline_ambiguous", "start_ambiguous"]
    assert only(found, "deadline_ambiguous").place == "Kế hoạch!G7"
    assert only(found, "start_ambiguous").place == "Kế hoạch!F8"
    assert "ngày 12/01/2025" in only(found, "deadline_ambiguous").message


def test_a_file_of_both_orders_is_asked_at_each_date_of_two_readings(tmp_path: Path) -> None:
    dues = ("6/30/2025", "30/6/2025", "12/1/2025", "05/06/2025", "trước 12/1/2025", "ngày 12/1/2025", "12.1.2025")
    found = loaded(tmp_path, *(task(n, due=due) for n, due in enumerate(dues, start=1)))
    asked = [problem.place for problem in found.problems if problem.code == "deadline_ambiguous"]
    assert asked == ["Kế hoạch!G9", "Kế hoạch!G10", "Kế hoạch!G11"]


def test_a_real_date_needs_no_order_and_settles_none(tmp_path: Path) -> None:
    found = loaded(tmp_path, task(1, due=date(2025, 6, 30)), task(2, due="12/1/2025"))
    assert only(found, "deadline_ambiguous").place == "Kế hoạch!G8"


def test_real_dates_that_excel_may_have_exchanged_are_told(tmp_path: Path) -> None:
    """Typed 12/1/2025 and 30/6/2025 under American settings: the first became 1 December, the second stayed text."""
    found = loaded(tmp_path, task(1, due=date(2025, 12, 1)), task(2, due="30/6/2025"), task(3, due=date(2025, 5, 5)))
    warned = only(found, "day_month_exchanged")
    assert (warned.place, warned.severity) == ("Kế hoạch!G7", "warning")
    assert "01/12/2025" in warned.message
    assert "ngày 12/01/2025" in warned.message
    assert last_days(found) == [date(2025, 12, 1), date(2025, 6, 30), date(2025, 5, 5)]


def test_a_real_date_after_the_twelfth_shows_that_excel_read_days_first(tmp_path: Path) -> None:
    found = loaded(tmp_path, task(1, due=date(2025, 12, 1)), task(2, due="30/6/2025"), task(3, due=date(2025, 5, 20)))
    assert [problem.code for problem in found.problems] == []
