"""What people and scripts may rely on: exit codes, one JSON document, the keys in it, and no trace of a dry run."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
import pytest

from planner.cli import COMMANDS, cli
from planner.cli.registers import TIERS
from planner.cli.tasks import STATES, TIMELINESS
from planner.domain.agency import Tier
from planner.domain.status import TaskState, Timeliness
from planner.store import addresses
from planner.store.engine import connect, writing
from tests.cli.conftest import Run
from tests.factories import (
    DIRECTIVE,
    content,
    file_of,
    fill,
    focal,
    head,
    make_deadline,
    make_desk,
    make_plan,
    make_task,
)
from tests.store.actions import accept_plan

T = "stttt:I.1"

#: command line -> keys of its document, or of the first entry of its list
KEYS: dict[str, set[str]] = {
    "agency list": {"code", "name", "tier", "parent", "valid_from", "valid_to"},
    "agency show snv": {"code", "name", "tier", "parent", "officers", "successors", "predecessors"},
    "officer list": {"email", "name", "title", "agency", "role", "substitute"},
    "directive list": {"code", "title", "issued_on", "filing_deadline"},
    "directive show": {"code", "targets", "assignments", "filing_deadline"},
    "plan form --agency snv -o form.xlsx": {"file", "agency", "directive", "goals", "rows", "officers"},
    "plan check new.yaml": {"ok", "goals", "tasks", "problems"},
    "plan file new.yaml": {"plan", "agency", "version", "receipt", "tasks", "problems"},
    "plan file-all plans": {"filed", "refused", "files"},
    "plan return stttt --reason x": {"plan", "version", "state", "reason"},
    "plan list": {"plan", "agency", "version", "state", "receipt", "tasks"},
    "plan show stttt": {"plan", "agency", "version", "state", "goals"},
    "plan missing": {"agency", "tier", "filing_deadline", "days_late"},
    "plan graph stttt": {"tasks", "dependencies", "makespan_days", "critical_path", "schedule"},
    "plan graph new.yaml": {"tasks", "dependencies", "makespan_days", "critical_path", "schedule"},
    "task list": {"task", "agency", "title", "responsible", "due_text", "last_day", "state", "percent", "timeliness"},
    f"task show {T}": {"task", "goal", "deadline", "first_last_day", "extensions", "history", "timeliness"},
    f"task impact {T} --days 5": {"task", "days", "moves", "newly_late", "agencies"},
    f"task start {T}": {"task", "state", "percent", "last_day"},
    f"task progress {T} 40": {"task", "state", "percent", "last_day"},
    f"task done {T} --document 5/BC --on 2020-05-05": {"task", "state", "percent", "timeliness"},
    f"task extend {T} --to 2020-07-01 --reason x --document 7/CV": {"task", "last_day"},
    f"task acknowledge {T} --promise 2020-05-06 --reason x": {"task", "last_day", "promise", "snooze"},
    f"task snooze {T} --until 2020-05-06 --reason x": {"task", "last_day", "promise", "snooze"},
    "target report 2.3 98.5 --agency snv": {"directive", "target", "agency", "value", "on"},
    f"officer absence {head('snv')} --from 2020-05-05 --to 6/5/2020": {"officer", "first_day", "last_day"},
    f"officer revive {head('snv')}": {"email", "changed"},
    "report status": {"as_of", "filing", "tasks", "rates", "targets", "agencies", "overdue", "at_risk"},
    "audit log": {"seq", "at", "actor", "kind", "subject", "reason", "hash"},
    "audit verify": {"events", "ok", "first_bad"},
    "db current": {"revision", "newest"},
    "db upgrade": {"revision"},
    "db backup copy.db": {"file"},
    "db check": {"ok", "checks"},
    "init": {"database", "revision", "agencies", "directives"},
    "doctor": {"checks"},
}  # fmt: skip

WRITES = [
    "init",
    "init --sample thanh-hoa-2020",
    "db upgrade",
    "db backup copy.db",
    "agency import agencies.csv",
    "agency succeed successions.csv",
    "officer import officers.csv",
    f"officer absence {head('snv')} --from 2020-05-05 --to 2020-05-06",
    f"officer revive {head('snv')}",
    "directive import directive.yaml",
    "target report 2.3 98.5 --agency snv",
    "plan form --agency snv -o form.xlsx",
    "plan file new.yaml",
    "plan file-all plans",
    "plan accept snv",
    "plan return stttt --reason x",
    f"task start {T}",
    f"task progress {T} 40 --note x",
    f"task done {T} --document 5/BC --on 2020-05-05",
    "task confirm stttt:I.2",
    "task return stttt:I.2 --reason x",
    f"task extend {T} --to 2020-07-01 --reason x --document 7/CV",
    f"task acknowledge {T} --promise 2020-05-06 --reason x",
    f"task snooze {T} --until 2020-05-06 --reason x",
]


@pytest.fixture
def files(site: Path) -> Path:
    """Give a site with a file for each command that reads one."""
    file_of(site, make_plan("snv"), "new.yaml")
    (site / "plans").mkdir()
    for agency in ("vp-ubnd", "stttt"):
        file_of(site / "plans", make_plan(agency, number="99/KH"))
    (site / "agencies.csv").write_text("code,name,tier\nstc,Sở Tài chính,department\n")
    (site / "successions.csv").write_text("from,to,on\nh-tinh-gia.x-hai-chau,tx-nghi-son,2020-06-01\n")
    (site / "officers.csv").write_text("email,name,agency\nan@snv.example.vn,Nguyễn An,snv\n")
    (site / "directive.yaml").write_text("code: d\ntitle: D\nissuer: D\nissued_on: 2020-05-05\n")
    return site


@pytest.fixture
def both(files: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the URL of a filled database of each kind, set for the site; a result waits and so does a plan."""
    desk = make_desk(database_url)
    fill(desk)
    accept_plan(desk, make_plan())
    desk.engine.dispose()
    monkeypatch.setenv("PLANNER_DATABASE_URL", database_url)
    return database_url


def _told(data: Any) -> set[str]:
    first = data[0] if isinstance(data, list) else data
    return set(first)


@pytest.mark.parametrize("line", KEYS)
def test_json_is_one_document_with_the_promised_keys(files: Path, run: Run, line: str) -> None:
    said = run(*line.split(), "--json")
    assert said.code == (5 if line == "doctor" else 0), said.err
    assert KEYS[line] <= _told(said.data)
    assert said.err == ""


@pytest.mark.parametrize("line", KEYS)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_command_speaks_to_people_in_both_languages(files: Path, run: Run, line: str, language: str) -> None:
    said = run(*line.split(), "--lang", language)
    assert said.code == (5 if line == "doctor" else 0), said.err
    assert said.out.strip()
    with pytest.raises(json.JSONDecodeError):
        json.loads(said.out)


def test_deeper_keys_are_there_too(files: Path, run: Run) -> None:
    goal = run("plan", "show", "stttt", "--json").data["goals"][0]
    assert set(goal) >= {"code", "title", "target", "tasks"}
    assert set(goal["tasks"][1]) >= {
        "code",
        "title",
        "responsible",
        "due_text",
        "last_day",
        "state",
        "timeliness",
        "forecast_finish",
        "slack",
        "critical",
        "blocked_by",
    }
    assert goal["tasks"][1]["blocked_by"] == [T]
    status = run("report", "status", "--json").data
    assert set(status["filing"]) >= {"owed", "filed", "missing"}
    assert set(status["tasks"]) >= {
        "total",
        "no_deadline",
        "done_on_time",
        "done_late",
        "open_in_time",
        "open_overdue",
        "awaiting_confirmation",
    }
    move = run("task", "impact", T, "--days", "5", "--json").data["moves"][0]
    assert set(move) >= {"task", "agency", "last_day", "finish_before", "finish_after", "late_before", "late_after"}
    schedule = run("plan", "graph", "stttt", "--json").data["schedule"]["I.1"]
    assert set(schedule) == {"early_start", "early_finish", "late_start", "late_finish", "slack"}
    assert all(isinstance(value, int) for value in schedule.values())
    check = run("doctor", "--json").data["checks"][0]
    assert set(check) == {"name", "ok", "detail"}


def test_the_doctor_names_each_part_in_the_language_of_people(files: Path, run: Run) -> None:
    names = [check["name"] for check in run("doctor", "--json").data["checks"]]
    shown = [line[2:].partition(":")[0] for line in run("doctor", "--lang", "vi").out.splitlines() if line[:1] in "✓✗"]
    assert len(shown) == len(names) > 12
    assert set(shown).isdisjoint(names)


def test_dates_in_json_are_iso_and_for_people_vietnamese(files: Path, run: Run) -> None:
    assert run("task", "show", T, "--json").data["last_day"] == "2020-05-22"
    assert "22/5/2020" in run("task", "show", T).out


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("trước ngày 15/5/2020", {"kind": "before", "last_day": "2020-05-14"}),
        ("Quý II/2020", {"kind": "by", "last_day": "2020-06-30"}),
        ("Thường xuyên", {"kind": "continuous", "last_day": None}),
        ("trước 20h00 ngày 25/5/2025", {"last_day": "2025-05-25", "time": "20:00"}),
    ],
)
def test_a_deadline_is_told_without_any_database(empty: Path, run: Run, text: str, wanted: dict[str, Any]) -> None:
    data = run("dates", "parse", text, "--json").data
    assert set(data) == {"kind", "start", "last_day", "time", "rrule", "anchor", "question"}
    assert wanted.items() <= data.items()
    assert list(empty.iterdir()) == []


def test_a_recurring_deadline_shows_when_it_falls_due_once_a_day_of_signing_is_given(empty: Path, run: Run) -> None:
    shown = run("dates", "parse", "hằng quý", "--signed", "2020-05-04").out
    assert "30/6/2020, 30/9/2020, 31/12/2020, 31/3/2021" in shown
    assert "30/6/2020" not in run("dates", "parse", "hằng quý").out
    run("dates", "parse", "hằng quý", "--signed", "9999-12-31")


# --- dry run ---


@pytest.mark.parametrize("line", WRITES)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_dry_run_leaves_no_trace_at_all(both: str, files: Path, run: Run, line: str, as_json: bool) -> None:
    if line.startswith(("task confirm", "task return")):
        assert run("task", "done", "stttt:I.2", "--document", "6/BC", "--on", "2020-05-05").code == 0
    if line.startswith("plan accept"):
        assert run("plan", "file", "new.yaml", PLANNER_AUTO_ACCEPT="false").code == 0
    engine = connect(both)
    if line.startswith("officer revive"):
        with writing(engine) as session:
            assert addresses.die(session, head("snv"), status="5.1.1", detail="x", at=datetime(2020, 5, 5, tzinfo=UTC))
    before, names = content(engine), {p: p.read_bytes() for p in files.rglob("*") if p.is_file()}
    said = run(*line.split(), "--dry-run", *(["--json"] if as_json else []))
    assert said.code == 0, said.err
    assert content(engine) == before
    assert {p: p.read_bytes() for p in files.rglob("*") if p.is_file()} == names
    assert bool(said.err) != as_json
    if not line.startswith(("init", "db", "plan form")):  # here the same without --dry-run does leave one
        assert run(*line.split()).code == 0
        assert content(engine) != before
    engine.dispose()


def test_every_command_that_writes_has_a_dry_run_and_is_tried() -> None:
    tried = {tuple(line.split()[:n]) for line in WRITES for n in (1, 2)}
    for path, command in _leaves(cli):
        if any("--dry-run" in p.opts for p in command.params) and path[0] in OURS and path != ("db", "restore"):
            assert path in tried, path  # a restore needs a backup, and nobody else there: tests/store/test_backup.py


OURS = {name for name, (where, _section, _help) in COMMANDS.items() if where}


def _leaves(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found += _leaves(command, (*path, name)) if isinstance(command, click.Group) else [((*path, name), command)]
    return found


def test_an_init_that_is_tried_makes_nothing(empty: Path, run: Run) -> None:
    assert run("init", "--sample", "thanh-hoa-2020", "--dry-run", "--json").data["revision"]
    assert list(empty.iterdir()) == []


# --- exit codes ---

EXITS: list[tuple[int, str, str]] = [
    (0, "plan list", ""),
    (1, "plan check broken.yaml", "input_rejected"),
    (1, "plan file broken.yaml", "input_rejected"),
    (1, f"task done {T} --on 2020-05-05", "input_rejected"),
    (1, f"task done {T} --document 5/BC --on 2020-05-06", "input_rejected"),
    (1, f"task return {T} --reason=", "input_rejected"),
    (1, "target report 2.3 nan --agency snv", "input_rejected"),
    (1, "report status -o report.doc", "input_rejected"),
    (1, "plan graph circle.yaml", "input_rejected"),
    (2, "plan fly", "usage"),
    (2, "fly", "usage"),
    (2, "plan list --fly", "usage"),
    (2, "plan file", "usage"),
    (2, "plan check .", "usage"),
    (2, "plan file-all broken.yaml", "usage"),
    (2, f"task progress {T} 101", "usage"),
    (2, f"task progress {T} many", "usage"),
    (2, f"task done {T} --document 5/BC", "usage"),
    (2, f"task done {T} --document 5/BC --on 31/2/2020", "usage"),
    (2, "task list --state finished", "usage"),
    (2, "plan list --now yesterday", "usage"),
    (2, "plan list --now 0001-01-01T00:00", "usage"),
    (2, "report status --as-of 9999-12-31T23:59-12:00", "usage"),
    (2, "plan list --lang fr", "usage"),
    (2, "plan list --user=", "usage"),
    (2, f"task return {T} --reason bell\a", "usage"),
    (2, "report status --number 5\x07", "usage"),
    (2, "task list --agency a\x1b[2J", "usage"),
    (3, "plan check missing.yaml", "not_found"),
    (3, "plan file missing.xlsx", "not_found"),
    (3, "plan file-all missing", "not_found"),
    (3, "plan graph missing.yaml", "not_found"),
    (3, "agency import missing.csv", "not_found"),
    (3, "agency succeed missing.csv", "not_found"),
    (3, "officer import missing.csv", "not_found"),
    (3, "directive import missing.yaml", "not_found"),
    (3, "plan show nobody", "not_found"),
    (3, "plan graph nobody", "not_found"),
    (3, "plan missing --directive nothing", "not_found"),
    (3, "plan accept nobody", "not_found"),
    (3, "task show stttt:IX.9", "not_found"),
    (3, "task show I.1", "not_found"),
    (3, f"task done {T} --file missing.pdf --on 2020-05-05", "not_found"),
    (3, "agency show nobody", "not_found"),
    (3, "directive show nothing", "not_found"),
    (3, "officer absence nobody@example.vn --from 2020-05-05 --to 2020-05-05", "not_found"),
    (3, "report status --as-of 2020-05-04", "not_found"),
    (3, "report status --directive nothing", "not_found"),
    (3, "init --sample mars-2050", "not_found"),
    (4, "plan accept stttt", "refused"),
    (4, "plan return assigned/stttt --reason x", "refused"),
    (4, f"task confirm {T}", "transition"),
    (4, f"task extend {T} --to 2020-05-01 --reason x --document 7/CV", "refused"),
    (4, f"task start {T} --user {focal('snv')}", "permission"),
    (1, f"task acknowledge {T} --promise 2021-05-06 --reason x", "input_rejected"),
    (2, f"task acknowledge {T} --promise 2020-05-06 --lift --reason x", "usage"),
    (2, f"task snooze {T} --reason x", "usage"),
    (4, f"task snooze {T} --lift --reason x", "refused"),
    (4, f"task snooze {T} --until 2020-05-06 --reason x --user {focal('snv')}", "permission"),
    (4, f"task acknowledge {T} --promise 2020-05-06 --reason x --user {focal('snv')}", "permission"),
    (4, f"task start {T} --user nobody@example.vn", "permission"),
    (4, f"plan file new.yaml --user {focal('vp-ubnd')}", "permission"),
    (4, f"plan return stttt --reason x --user {focal('snv')}", "permission"),
    (4, f"agency import agencies.csv --user {focal('snv')}", "permission"),
    (4, "init --sample thanh-hoa-2020", "refused"),
    (5, "report status -o no/such/folder/report.html", "world"),
]


@pytest.fixture
def wrong(files: Path) -> Path:
    """Give a site with files that are wrong."""
    (files / "broken.yaml").write_text("goals: [")
    circle = [make_task("I.1", after=("I.2",)), make_task("I.2", after=("I.1",))]
    file_of(files, make_plan(tasks=circle), "circle.yaml")
    return files


@pytest.mark.parametrize(("code", "line", "name"), EXITS, ids=[line for _code, line, _name in EXITS])
def test_the_exit_code_says_what_kind_of_failure_it_was(wrong: Path, run: Run, code: int, line: str, name: str) -> None:
    said = run(*line.split())
    assert said.code == code
    assert (said.err == "") == (code == 0 or line == "plan check broken.yaml")
    assert "Traceback" not in said.err
    as_json = run(*line.split(), "--json")
    assert as_json.code == code
    data = as_json.data
    assert as_json.err == ""
    if code and line != "plan check broken.yaml":
        assert set(data) == {"error"}
        assert set(data["error"]) == {"code", "message", "problems"}
        assert (data["error"]["code"], bool(data["error"]["message"])) == (name, True)
        for problem in data["error"]["problems"]:
            assert set(problem) == {"place", "severity", "code", "message"}


def test_a_folder_with_a_bad_file_files_the_good_ones_and_exits_1(wrong: Path, run: Run) -> None:
    (wrong / "plans" / "broken.yaml").write_text("goals: [")
    said = run("plan", "file-all", "plans", "--json")
    assert (said.code, said.data["filed"], said.data["refused"]) == (1, 2, 1)


def test_all_problems_are_told_at_once_with_their_places(files: Path, run: Run) -> None:
    bad = [make_task("I.1", deadline=make_deadline(text="31/02/2020")), make_task("I.2", after=("I.9",))]
    file_of(files, make_plan("snv", bad), "bad.yaml")
    said = run("plan", "file", "bad.yaml", "--json")
    problems = said.data["error"]["problems"]
    assert len([p for p in problems if p["severity"] == "error"]) >= 2
    people = run("plan", "file", "bad.yaml")
    for problem in problems:
        assert problem["place"] in people.err
    assert people.out == ""


def test_a_broken_chain_exits_1_and_names_the_event(site: Path, run: Run) -> None:
    import sqlite3

    connection = sqlite3.connect(site / "planner.db")
    connection.executescript("DROP TRIGGER event_no_update; UPDATE event SET actor = 'x' WHERE seq = 2")
    connection.close()
    said = run("audit", "verify", "--json")
    assert (said.code, said.data["ok"], said.data["first_bad"]) == (1, False, 2)
    assert "2" in run("audit", "verify").out


# --- the choices stand in two places ---


def test_the_choices_of_the_command_line_are_those_of_the_domain() -> None:
    assert tuple(state.value for state in TaskState) == STATES
    assert tuple(one.value for one in Timeliness) == TIMELINESS
    assert tuple(tier.value for tier in Tier) == TIERS


def test_a_task_list_narrows_by_every_choice(files: Path, run: Run) -> None:
    for option, choices in (("--state", STATES), ("--timeliness", TIMELINESS)):
        rows = [row for choice in choices for row in run("task", "list", option, choice, "--json").data]
        assert len(rows) == len(run("task", "list", "--json").data)


def test_a_day_is_written_the_vietnamese_way_or_as_iso(files: Path, run: Run) -> None:
    for day in ("6/5/2020", "2020-05-06", "06/05/2020"):
        assert run("task", "done", T, "--document", "5/BC", "--on", day, "--now", "2020-05-07", "--dry-run").code == 0
    assert date(2020, 5, 6) == date.fromisoformat(
        run(
            "target", "report", "2.3", "1", "--agency", "snv", "--on", "6/5/2020", "--now", "2020-05-07", "--json"
        ).data["on"]
    )


def test_the_directive_of_the_site_is_the_default(files: Path, run: Run) -> None:
    assert run("directive", "show", "--json").data == run("directive", "show", DIRECTIVE, "--json").data
