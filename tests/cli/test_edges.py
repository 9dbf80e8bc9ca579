from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from planner.cli import cli


@pytest.mark.parametrize("day", ["5/6/20", "1/1/1", "31/12/9999", "2020-W19-3", "20200506", "31/2/2020", ""])
def test_a_day_that_is_a_slip_of_the_finger_is_refused(day: str) -> None:
    found = CliRunner().invoke(cli, ["task", "done", "stttt:I.1", "--document", "5/BC", "--on", day])
    assert found.exit_code == 2


@pytest.mark.parametrize("instant", ["0020-05-15", "9999-12-31", "2101-01-01T08:00"])
def test_an_instant_outside_a_persons_time_is_refused(instant: str) -> None:
    assert CliRunner().invoke(cli, ["report", "status", "--as-of", instant]).exit_code == 2


def test_init_below_another_planner_toml_does_not_touch_its_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "planner.toml").write_text("")
    below = tmp_path / "walk"
    below.mkdir()
    monkeypatch.chdir(below)
    found = CliRunner().invoke(cli, ["init", "--lang", "en"])
    assert found.exit_code == 4
    assert str(tmp_path / "planner.toml") in found.output
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["planner.toml"]


def test_an_officer_is_shown_with_the_days_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_DATABASE_URL", f"sqlite:///{tmp_path / 'planner.db'}")
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    email = "nguyen.van.a@stttt.example.vn"
    assert run(cli, ["init", "--sample", "thanh-hoa-2020"]).exit_code == 0
    assert run(cli, ["officer", "absence", email, "--from", "2020-05-04", "--to", "2020-05-08"]).exit_code == 0
    shown = json.loads(run(cli, ["officer", "show", email.upper(), "--json"]).output)
    assert (shown["name"], shown["agency"]) == ("Nguyễn Văn A", "stttt")
    assert [(a["first_day"], a["last_day"]) for a in shown["absences"]] == [("2020-05-04", "2020-05-08")]
    assert "08/5/2020" in run(cli, ["officer", "show", email]).output
    assert run(cli, ["officer", "show", "nobody@example.vn"]).exit_code == 3


def test_an_unforeseen_error_is_told_as_json_and_shows_where_it_arose(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("by design")

    monkeypatch.setattr("planner.service.desk.Desk.reading", broken)
    found = CliRunner().invoke(cli, ["agency", "list", "--json"])
    assert found.exit_code == 5
    error = json.loads(found.stdout)["error"]
    assert (error["code"], "by design" in error["message"]) == ("failed", True)
    assert "in broken" in found.stderr


def test_a_pipe_is_neither_annotated_nor_handed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_DATABASE_URL", f"sqlite:///{tmp_path / 'planner.db'}")
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    assert run(cli, ["init", "--sample", "thanh-hoa-2020", "--now", "2020-04-29"]).exit_code == 0
    os.mkfifo("p.xlsx")
    assert run(cli, ["plan", "check", "p.xlsx", "--annotate", "out.xlsx"]).exit_code == 1
    done = ["task", "done", "assigned/stttt:3.3.7", "--document", "5/BC", "--on", "2020-05-05", "--file", "p.xlsx"]
    found = run(cli, [*done, "--now", "2020-05-06", "--json"])
    assert found.exit_code == 1
    assert json.loads(found.stdout)["error"]["problems"][0]["code"] == "not_a_file"
