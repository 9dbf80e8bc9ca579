"""The officer's way: take the form, fill it in, have it checked and given back with notes, file it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.cli.conftest import Run
from tests.factories import focal, head


def fill(path: Path, out: Path, **cells: Any) -> Path:
    """Fill in the first task of a form."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    headings = {cell.value: cell.column for row in sheet.iter_rows(max_row=12) for cell in row if cell.value}
    row = next(row for row in range(1, 99) if sheet.cell(row, 1).value == "1")
    sound = {"Nhiệm vụ": "Tập huấn", "Người chịu trách nhiệm": focal("snv"), "Thời hạn hoàn thành": "22/5/2020"}
    for title, value in (sound | cells).items():
        sheet.cell(row, headings[title]).value = value
    title = next(row for row in range(1, 99) if sheet.cell(row, 1).value == "I")
    sheet.cell(title, 2).value = "Mục tiêu"
    book.save(out)
    return out


@pytest.fixture
def form(site: Path, run: Run) -> Path:
    """Give a blank form of snv."""
    assert run("plan", "form", "--agency", "snv", "-o", "form.xlsx").code == 0
    return site / "form.xlsx"


def test_form_fill_file_is_all_there_is_to_do(form: Path, run: Run) -> None:
    assert run("plan", "check", "form.xlsx", "--json").data["problems"][0]["code"] == "no_tasks"
    fill(form, form)
    assert run("plan", "check", "form.xlsx", "--json").data["problems"] == []
    filed = run("plan", "file", "form.xlsx", "--user", focal("snv"), "--json")
    assert (filed.code, filed.data["agency"], filed.data["tasks"]) == (0, "snv", 1)


def test_the_form_tells_what_stands_in_it(site: Path, run: Run) -> None:
    data = run("plan", "form", "--agency", "snv", "-o", "form.xlsx", "--json").data
    assert set(data) == {"file", "agency", "directive", "goals", "rows", "officers", "targets", "cooperating"}
    assert (data["file"], data["agency"]) == ("form.xlsx", "snv")
    assert data["officers"] >= 2


def test_an_officer_need_not_name_the_own_agency(site: Path, run: Run) -> None:
    assert run("plan", "form", "-o", "form.xlsx", "--user", focal("snv"), "--json").data["agency"] == "snv"
    assert run("plan", "form", "-o", "other.xlsx").code == 2


def test_a_form_that_is_only_tried_is_not_written(site: Path, run: Run) -> None:
    before = sorted(site.iterdir())
    said = run("plan", "form", "--agency", "snv", "-o", "form.xlsx", "--dry-run", "--json")
    assert (said.code, said.data["agency"]) == (0, "snv")
    assert sorted(site.iterdir()) == before


def test_a_form_never_replaces_a_file_that_may_hold_work(form: Path, run: Run) -> None:
    before = form.read_bytes()
    assert run("plan", "form", "--agency", "snv", "-o", "form.xlsx").code == 4
    assert form.read_bytes() == before


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (1, "plan form --agency snv -o form.xls"),
        (3, "plan form --agency nobody -o form.xlsx"),
        (3, "plan form --agency snv --directive none -o form.xlsx"),
        (4, "plan form --agency snv -o form.xlsx --user nobody@example.vn"),
        (5, "plan form --agency snv -o no/such/form.xlsx"),
    ],
)
def test_a_form_that_cannot_be_made_leaves_nothing(site: Path, run: Run, code: int, line: str) -> None:
    before = sorted(site.iterdir())
    assert run(*line.split()).code == code
    assert sorted(site.iterdir()) == before


# --- given back with notes ---


def notes(path: Path) -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sheet = openpyxl.load_workbook(path).worksheets[0]
    coloured = {"FFFFC7CE", "FFFFEB9C"}
    cells = [cell for row in sheet.iter_rows() for cell in row]
    return {c.coordinate: c.comment.text for c in cells if c.comment and c.fill.fgColor.rgb in coloured}


def test_a_checked_workbook_comes_back_with_its_problems(form: Path, run: Run) -> None:
    bad = fill(form, form.with_name("bad.xlsx"), **{"Thời hạn hoàn thành": "kịp thời", "Sau nhiệm vụ": "I.9"})
    before = bad.read_bytes()
    said = run("plan", "check", "bad.xlsx", "--annotate", "back.xlsx", "--json")
    assert (said.code, said.data["annotated"], said.data["cells"]) == (1, "back.xlsx", 2)
    told = {problem["place"].rpartition("!")[2]: problem["message"] for problem in said.data["problems"]}
    assert {cell: f"Error: {message}" for cell, message in told.items()} == notes(form.with_name("back.xlsx"))
    assert bad.read_bytes() == before
    assert "back.xlsx" in run("plan", "check", "bad.xlsx", "--annotate", "back.xlsx").out


def test_an_annotated_workbook_can_be_corrected_and_filed(form: Path, run: Run) -> None:
    bad = fill(form, form.with_name("bad.xlsx"), **{"Thời hạn hoàn thành": "kịp thời"})
    assert run("plan", "check", bad.name, "--annotate", "back.xlsx").code == 1
    fill(form.with_name("back.xlsx"), form.with_name("good.xlsx"))
    assert run("plan", "file", "good.xlsx").code == 0


def test_a_workbook_without_problems_comes_back_as_it_is(form: Path, run: Run) -> None:
    fill(form, form)
    said = run("plan", "check", "form.xlsx", "--annotate", "back.xlsx", "--json")
    assert (said.code, said.data["cells"]) == (0, 0)
    assert form.with_name("back.xlsx").read_bytes() == form.read_bytes()


def test_annotating_never_replaces_the_file_itself(form: Path, run: Run) -> None:
    before = form.read_bytes()
    form.with_name("link.xlsx").symlink_to(form)
    form.with_name("hard.xlsx").hardlink_to(form)
    for out in ("form.xlsx", "./form.xlsx", "link.xlsx", "hard.xlsx"):
        assert run("plan", "check", "form.xlsx", "--annotate", out).code == 2, out
    assert form.read_bytes() == before


def test_only_a_workbook_can_be_annotated(form: Path, run: Run) -> None:
    (form.parent / "plan.yaml").write_text("goals: [")
    said = run("plan", "check", "plan.yaml", "--annotate", "back.xlsx")
    assert said.code == 2
    assert ".xlsx" in said.err
    assert run("plan", "check", "form.xlsx", "--annotate", "back.pdf").code == 1
    assert run("plan", "check", "none.xlsx", "--annotate", "back.xlsx").code == 3
    assert run("plan", "check", "form.xlsx", "--annotate", "no/such/back.xlsx").code == 5
    assert not list(form.parent.glob("*back*"))


def test_a_damaged_workbook_says_so_and_is_not_given_back(site: Path, run: Run) -> None:
    (site / "bad.xlsx").write_bytes(b"PK\x03\x04 not a workbook")
    said = run("plan", "check", "bad.xlsx", "--annotate", "back.xlsx", "--json")
    assert (said.code, said.data["annotated"], said.data["cells"]) == (1, None, 0)
    assert [problem["code"] for problem in said.data["problems"]] == ["not_xlsx"]
    assert "was not written" in run("plan", "check", "bad.xlsx", "--annotate", "back.xlsx").out
    assert not (site / "back.xlsx").exists()


def test_the_head_is_offered_as_well_as_the_focal_officer(form: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lists = openpyxl.load_workbook(form).worksheets[2]
    assert {head("snv"), focal("snv")} <= {row[2].value for row in lists.iter_rows(min_row=2)}


def test_a_workbook_that_can_be_read_and_not_written_is_refused_with_its_problems(
    form: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planner.importer.opc.LARGEST_PART", 1000)
    said = run("plan", "check", "form.xlsx", "--annotate", "back.xlsx", "--json")
    assert (said.code, said.data["error"]["code"]) == (4, "refused")
    assert [problem["code"] for problem in said.data["error"]["problems"]] == ["no_tasks"]
    assert not form.with_name("back.xlsx").exists()
