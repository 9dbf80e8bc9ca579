"""`plan history`, `diff`, `export`, and filing anew, as people and scripts meet them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from planner.domain.plan import Plan
from tests.cli.conftest import Run
from tests.factories import DIRECTIVE, file_of, focal, make_deadline, make_plan, make_task

PLAN = f"{DIRECTIVE}/snv"


def plan(*titles: str, **fields: Any) -> Plan:
    tasks = [make_task(f"I.{n}", title=title, responsible=focal("snv")) for n, title in enumerate(titles, start=1)]
    return make_plan("snv", tasks, **fields)


@pytest.fixture
def filed(site: Path, run: Run) -> Path:
    """Give a site in which one plan was filed twice; return the second file."""
    assert run("plan", "file", str(file_of(site, plan("A", "B"), "mot.yaml"))).code == 0
    second = file_of(site, plan("mới", "A", "B", number="13/KH"), "hai.yaml")
    assert run("plan", "file", str(second), "--renumbered", "all").code == 0
    return second


def test_filing_the_same_again_says_so_and_not_that_it_was_filed(filed: Path, run: Run) -> None:
    said = run("plan", "file", str(filed), "--lang", "en")
    assert said.code == 0
    assert said.out.startswith("Filed before and unchanged: ")
    assert "version 2" in said.out
    assert run("plan", "file", str(filed), "--json").data["unchanged"] is True


def test_an_unanswered_question_refuses_the_file_and_names_both_answers(site: Path, run: Run) -> None:
    run("plan", "file", str(file_of(site, plan("A", "B"))))
    path = str(file_of(site, plan("B", "A")))
    said = run("plan", "file", path, "--json")
    assert said.code == 1
    problems = [one for one in said.data["error"]["problems"] if one["code"] == "renumbered"]
    assert len(problems) == 2
    assert "--renumbered I.1=I.2" in problems[1]["message"]
    assert run("plan", "check", path).code == 1
    answered = run("plan", "file", path, "--renumbered", "I.1=I.2", "--renumbered", "I.2=I.1", "--json")
    assert {(one["from"], one["to"]) for one in answered.data["renumbered"]} == {("I.1", "I.2"), ("I.2", "I.1")}
    assert run("plan", "file", path, "--renumbered", "I.1").code == 2


def test_history_tells_each_version_with_its_file_and_what_it_changed(filed: Path, run: Run) -> None:
    data = run("plan", "history", "snv", "--json").data
    assert data["plan"] == PLAN
    newest, first = data["versions"]
    assert (newest["version"], newest["state"], newest["file"]) == (2, "accepted", "hai.yaml")
    assert newest["sha256"] == hashlib.sha256(filed.read_bytes()).hexdigest()
    assert newest["changes"] == {"added": 1, "removed": 0, "renumbered": 2, "changed": 0}
    assert (first["version"], first["state"], first["changes"], first["filed_by"]) == (1, "superseded", None, "local")
    assert "0005/2020" in run("plan", "history", "snv").out


def test_history_tells_who_returned_a_version_and_why(filed: Path, run: Run) -> None:
    assert filed.exists()
    run("plan", "return", "snv", "--reason", "Thiếu sản phẩm", "--user", focal("stttt"))
    newest = run("plan", "history", "snv", "--json").data["versions"][0]
    assert (newest["state"], newest["decided_by"], newest["reason"]) == ("returned", focal("stttt"), "Thiếu sản phẩm")


def test_diff_compares_the_two_newest_or_those_that_are_named(filed: Path, run: Run) -> None:
    assert filed.exists()
    data = run("plan", "diff", "snv", "--json").data
    assert (data["from"], data["to"], data["identical"]) == ("1", "2", False)
    assert [task["code"] for task in data["added"]] == ["I.1"]
    assert data["renumbered"] == [
        {"from": "I.1", "to": "I.2", "title": "A"},
        {"from": "I.2", "to": "I.3", "title": "B"},
    ]
    assert [(one["what"], one["field"], one["after"]) for one in data["changed"]] == [("plan", "number", "13/KH")]
    back = run("plan", "diff", "snv", "--from", "2", "--to", "1", "--json").data
    assert [task["code"] for task in back["removed"]] == ["I.1"]
    assert run("plan", "diff", "snv", "--to", "9").code == 3
    assert run("plan", "diff", "stttt").code == 4  # one version only
    assert run("plan", "diff", "vp-ubnd").code == 3


def test_diff_with_a_file_tells_what_filing_it_would_change_and_ask(filed: Path, run: Run) -> None:
    path = str(file_of(filed.parent, plan("mới", "B", "A", number="13/KH"), "ba.yaml"))
    said = run("plan", "diff", "snv", path, "--json")
    assert (said.code, said.data["from"], said.data["to"]) == (0, "2", "ba.yaml")
    assert len(said.data["renumbered"]) == 2
    assert [one["code"] for one in said.data["problems"]] == ["renumbered", "renumbered"]
    assert run("plan", "diff", "snv", str(filed), "--json").data["identical"] is True
    assert run("plan", "diff", "snv", path, "--to", "1").code == 2
    assert run("plan", "diff", "stttt", path).code == 4
    assert run("plan", "diff", "snv", str(filed.parent / "khong-co.yaml")).code == 3


def test_a_changed_deadline_is_shown_with_both_days(site: Path, run: Run) -> None:
    first = plan("A")
    run("plan", "file", str(file_of(site, first)))
    task = replace(first.goals[0].tasks[0], deadline=make_deadline(date(2020, 6, 30)))
    path = file_of(site, make_plan("snv", [task]))
    said = run("plan", "diff", "snv", str(path), "--lang", "en")
    assert "22/5/2020" in said.out
    assert "30/6/2020" in said.out


@pytest.mark.parametrize("suffix", [".xlsx", ".yaml"])
def test_what_is_exported_and_filed_again_changes_nothing(filed: Path, run: Run, suffix: str) -> None:
    path = filed.parent / f"ra{suffix}"
    data = run("plan", "export", "snv", "-o", str(path), "--json").data
    assert (data["plan"], data["version"], data["tasks"], data["same"], data["problems"]) == (PLAN, 2, 3, True, [])
    again = run("plan", "file", str(path), "--json").data
    assert (again["unchanged"], again["version"]) == (True, 2)


def test_an_older_version_can_be_shown_and_exported(filed: Path, run: Run) -> None:
    shown = run("plan", "show", "snv", "--version", "1", "--json").data
    assert (shown["version"], shown["state"]) == (1, "superseded")
    assert [task["title"] for task in shown["goals"][0]["tasks"]] == ["A", "B"]
    assert run("plan", "show", "snv", "--version", "7").code == 3
    path = filed.parent / "cu.xlsx"
    assert run("plan", "export", "snv", "-o", str(path), "--version", "1").code == 0
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert [row[1].value for row in sheet.iter_rows(min_row=10, max_row=11)] == ["A", "B"]


def test_what_cannot_be_exported_is_told(filed: Path, run: Run) -> None:
    assert run("plan", "export", "snv", "-o", str(filed.parent / "x.pdf")).code == 1
    assert run("plan", "export", "assigned/snv", "-o", str(filed.parent / "x.yaml")).code == 4
    assert run("plan", "export", "vp-ubnd", "-o", str(filed.parent / "x.yaml")).code == 3
    assert not (filed.parent / "x.yaml").exists()


def test_an_export_never_overwrites_work_unless_told_to(filed: Path, run: Run) -> None:
    path = filed.parent / "sua.yaml"
    path.write_text("# của tôi", encoding="utf-8")
    refused = run("plan", "export", "snv", "-o", str(path), "--json")
    assert (refused.code, path.read_text(encoding="utf-8")) == (4, "# của tôi")
    assert run("plan", "export", "snv", "-o", str(path), "--overwrite").code == 0
    assert "của tôi" not in path.read_text(encoding="utf-8")


def test_answers_about_an_unchanged_file_are_said_to_be_unused(filed: Path, run: Run) -> None:
    path = filed.parent / "ra.yaml"
    run("plan", "export", "snv", "-o", str(path))
    again = run("plan", "file", str(path), "--renumbered", "I.9=II.1", "--json").data
    assert again["unchanged"] is True
    assert [one["code"] for one in again["problems"]] == ["answers_unused"]


def test_an_export_that_would_not_read_the_same_says_which_cell(site: Path, run: Run) -> None:
    path = site / "ghi-chu.yaml"
    text = file_of(site, plan("A", "B")).read_text(encoding="utf-8")
    path.write_text(text.replace("title: A", "title: A\n    note: một").replace("title: B", "title: B\n    note: nt"))
    assert run("plan", "file", str(path)).code == 0
    data = run("plan", "export", "snv", "-o", str(site / "ra.xlsx"), "--json").data
    assert data["same"] is False
    assert ["I.2" in one["message"] for one in data["problems"]] == [True]
    assert run("plan", "export", "snv", "-o", str(site / "ra.yaml"), "--json").data["same"] is True
