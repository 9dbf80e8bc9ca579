"""Where a command finds its settings, and what it says when the database is not as it should be."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import sqlite3
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from planner import i18n
from tests.cli.conftest import Run
from tests.factories import file_of, make_plan

PLANNER = [sys.executable, "-m", "planner"]


def process(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a shell does."""
    return subprocess.run(
        [*PLANNER, *arguments], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )


def on_a_terminal(*arguments: str, cwd: Path, **env: str) -> tuple[int, str]:
    """Run the program on a terminal of its own; return its exit code and all it showed."""
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [*PLANNER, *arguments],
        cwd=cwd,
        env={**os.environ, "TERM": "xterm-256color", **env},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    while select.select([master], [], [], 60)[0]:
        try:
            piece = os.read(master, 65536)
        except OSError:  # how Linux tells that the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    return child.wait(60), shown.decode()


def width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in line)


NOW = {"PLANNER_NOW": "2020-05-05T09:00"}


# --- settings ---


def test_the_settings_are_found_upward(site: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = site / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert len(run("plan", "list", "--json").data) == 3
    assert list(deep.iterdir()) == []


def test_a_variable_stands_before_the_file_and_an_option_before_both(site: Path, run: Run) -> None:
    assert "version" in run("plan", "show", "stttt").out.lower()  # the file says en
    assert "Phiên bản" in run("plan", "show", "stttt", PLANNER_LANG="vi").out
    assert "Version" in run("plan", "show", "stttt", "--lang", "en", PLANNER_LANG="vi").out
    said = run("plan", "list", PLANNER_DATABASE_URL="sqlite:///other.db")
    assert said.code == 5
    assert str(site / "other.db") in said.err


def test_vietnamese_is_the_language_without_settings(empty: Path, run: Run) -> None:
    i18n.use_language("vi")
    assert "planner init" in run("plan", "list").err
    assert run("plan", "list").err.startswith("Lỗi")
    assert f"'{empty}' là một thư mục." in run("plan", "file", str(empty)).err  # without the library's English name


def test_now_is_an_option_before_it_is_a_variable(site: Path, run: Run) -> None:
    def late(*more: str) -> int:
        return int(run("plan", "missing", "--json", *more).data[0]["days_late"])

    assert late() == 0
    assert late("--now", "2020-05-12") == 2
    assert late("--now", "2020-05-08T17:00:00Z") == 0  # midnight in the province, and then a Saturday


def test_the_acting_person_comes_from_option_variable_or_file(site: Path, run: Run) -> None:
    stranger = "nobody@example.vn"
    assert run("task", "start", "stttt:I.1", PLANNER_USER=stranger).code == 4
    assert run("task", "start", "stttt:I.1", "--user", "head@stttt.example.vn", PLANNER_USER=stranger).code == 0
    with (site / "planner.toml").open("a") as file:
        file.write(f'user = "{stranger}"\n')
    assert run("task", "start", "stttt:I.1").code == 4


def test_a_broken_settings_file_tells_all_its_problems(site: Path, run: Run) -> None:
    (site / "planner.toml").write_text(
        '[planner]\nlang = "fr"\ncolour = "red"\n'
        '[smtp]\nport = 0\nhost = "mail.example.vn"\ntls = "none"\nlease = 1.5\n[mail]\nto = "x"\n'
    )
    said = run("plan", "list", "--json", PLANNER_TICK_SECONDS="often")
    problems = said.data["error"]["problems"]
    places = " ".join(problem["place"] for problem in problems)
    assert said.code == 1
    assert len(problems) == 7
    for place in (
        "[planner] lang",
        "[planner] colour",
        "[smtp] port",
        "[smtp] lease",
        "[mail] to",
        "PLANNER_TICK_SECONDS",
    ):
        assert place in places
    assert run("plan", "list").code == 1


def test_a_settings_file_that_is_no_toml_is_told_with_its_line(site: Path, run: Run) -> None:
    (site / "planner.toml").write_text('[database]\nurl = "sqlite\n')
    said = run("plan", "list", "--json")
    assert said.code == 1
    assert "line 2" in said.data["error"]["problems"][0]["message"]


# --- the database ---


def test_init_makes_a_site_and_again_changes_nothing(empty: Path, run: Run) -> None:
    first = run("init", "--sample", "thanh-hoa-2020", "--json").data
    assert (first["agencies"], first["directives"]) == (606, 1)
    assert {path.name for path in empty.iterdir()} >= {"planner.toml", "planner.db"}
    events = run("audit", "verify", "--json").data["head"]
    assert run("init", "--sample", "thanh-hoa-2020", "--json").data == first
    assert run("audit", "verify", "--json").data["head"] == events
    assert run("agency", "list", "--tier", "district", "--json").data
    assert len(run("plan", "missing", "--json").data) == 606


def test_reading_a_database_that_is_not_there_makes_none(empty: Path, run: Run) -> None:
    for line in ("plan list", "task list", "report status", "doctor", "audit verify"):
        assert run(*line.split()).code == 5
    assert run("db", "current", "--json").data["revision"] is None
    assert list(empty.iterdir()) == []


def test_a_file_that_is_no_database_is_told(site: Path, run: Run) -> None:
    (site / "planner.db").write_text("Kính gửi các đồng chí, đây không phải là cơ sở dữ liệu. " * 20)
    said = run("plan", "list", "--json")
    assert (said.code, said.data["error"]["code"]) == (5, "database")


def test_a_folder_in_place_of_the_database_is_told(site: Path, run: Run) -> None:
    (site / "planner.db").unlink()
    (site / "planner.db").mkdir()
    assert run("plan", "list", "--json").data["error"]["code"] == "database"


def test_an_empty_database_and_an_older_one_say_what_to_run(
    site: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planner.store.engine.newest_revision", lambda _url: "0002")
    said = run("plan", "list")
    assert said.code == 5
    assert "planner db upgrade" in said.err
    monkeypatch.undo()
    (site / "planner.db").unlink()
    sqlite3.connect(site / "planner.db").close()
    assert "planner init" in run("plan", "list").err


def test_a_database_of_a_newer_program_is_not_upgraded(site: Path, run: Run) -> None:
    connection = sqlite3.connect(site / "planner.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    for line in ("plan list", "db upgrade"):
        said = run(*line.split())
        assert said.code == 5
        assert "newer" in said.err
    assert run("db", "current", "--json").data["revision"] == "9999"


@pytest.mark.parametrize("url", ["mysql://x/y", "planner.db", "sqlite:/planner.db", "oracle://x"])
def test_a_database_that_is_not_supported_is_refused(empty: Path, run: Run, url: str) -> None:
    said = run("plan", "list", "--json", PLANNER_DATABASE_URL=url)
    assert (said.code, bool(said.data["error"]["message"])) == (2, True)


def test_a_server_that_is_not_there_is_a_failure_of_the_world_without_the_password(empty: Path, run: Run) -> None:
    url = "postgresql+psycopg://planner:secret@127.0.0.1:1/planner"
    said = run("plan", "list", "--json", PLANNER_DATABASE_URL=url)
    assert (said.code, said.data["error"]["code"]) == (5, "database")
    assert "secret" not in said.out


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root can write to")
def test_a_folder_that_cannot_be_written_is_a_failure_of_the_world(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/proc")
    said = run("init", "--json")
    assert (said.code, said.data["error"]["code"]) == (5, "world")
    assert "planner.toml" in said.data["error"]["message"]


# --- the program as a process ---


@pytest.mark.parametrize(
    ("code", "line"),
    [(0, "plan list"), (1, "plan check bad.yaml"), (2, "plan fly"), (3, "plan show nobody"), (4, "plan accept stttt")],
)
def test_the_process_exits_with_the_code(site: Path, code: int, line: str) -> None:
    (site / "bad.yaml").write_text("goals: [")
    done = process(*line.split(), cwd=site, **NOW)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_the_process_exits_with_5_where_the_database_is_missing(empty: Path) -> None:
    assert process("plan", "list", cwd=empty).returncode == 5


def test_help_is_there_for_every_group_in_both_languages(empty: Path) -> None:
    assert "Theo dõi việc thực hiện kế hoạch" in process("--help", cwd=empty).stdout
    english = process("--help", "--lang", "en", cwd=empty, PLANNER_LANG="en")
    assert "File plans and report work" in english.stdout
    assert process("--version", cwd=empty).stdout.startswith("planner ")


def test_letters_that_are_not_utf8_are_told_and_not_stored(site: Path) -> None:
    done = subprocess.run(
        [*PLANNER, "task", "progress", "stttt:I.1", "5", "--note", b"\xc8\xef", "--json"],
        cwd=site,
        env={**os.environ, **NOW},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert '"usage"' in done.stdout
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_crash(site: Path) -> None:
    line = f"{sys.executable} -m planner officer list --json | head -c 10"
    done = subprocess.run(
        ["bash", "-c", line], cwd=site, env={**os.environ, **NOW}, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


def test_two_processes_that_file_at_once_both_file(site: Path) -> None:
    for agency in ("snv", "vp-ubnd"):
        file_of(site, make_plan(agency))
    children = [
        subprocess.Popen(
            [*PLANNER, "plan", "file", f"{agency}.yaml", "--json"],
            cwd=site,
            env={**os.environ, **NOW},
            stdout=subprocess.PIPE,
        )
        for agency in ("snv", "vp-ubnd")
    ]
    told = [child.communicate(timeout=120)[0].decode() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert len({re.search(r'"receipt": "([^"]+)"', text)[1] for text in told}) == 2  # type: ignore[index]


LISTS = [
    "agency list",
    "officer list",
    "directive show",
    "plan list",
    "plan show stttt",
    "plan missing",
    "plan graph stttt",
    "task list",
    "task show stttt:I.1",
    "report status",
    "audit log",
]


@pytest.mark.parametrize("line", LISTS)
def test_tables_fit_a_terminal_of_80_columns_and_lose_no_code(site: Path, line: str) -> None:
    code, shown = on_a_terminal(*line.split(), cwd=site, COLUMNS="80", NO_COLOR="1", PLANNER_LANG="vi", **NOW)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert code == 0
    assert max(width(one) for one in lines) <= 80
    if line == "task list":
        assert "assigned/stttt:3.3.7" in shown
        assert "22/5/2020" in shown


def test_no_color_means_no_colour(site: Path) -> None:
    late = {"PLANNER_NOW": "2020-07-01"}
    colour = re.compile(r"\x1b\[(3|9)\d")
    for line in ("task list", "plan show nobody"):
        _code, plain = on_a_terminal(*line.split(), cwd=site, NO_COLOR="1", COLUMNS="80", **late)
        _code, bright = on_a_terminal(*line.split(), cwd=site, NO_COLOR="", COLUMNS="80", **late)
        assert not colour.search(plain)
        assert colour.search(bright)


def test_nothing_is_coloured_or_cut_in_a_pipe(site: Path) -> None:
    shown = process("officer", "list", cwd=site, **NOW).stdout
    assert "\x1b" not in shown
    assert "focal@h-tinh-gia.x-hai-chau.example.vn" in shown


def test_a_site_moved_to_another_folder_still_works(
    site: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.move(site, tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    assert len(run("plan", "list", "--json").data) == 3
