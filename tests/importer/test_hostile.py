"""Files made to do harm: each is refused for its reason, whoever reads it, and nothing of it is stored."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from planner.cli import cli
from planner.cli.printable import printable
from planner.errors import WorldFailed
from planner.importer import load
from planner.importer.cells import _SCRIPT as SCRIPT
from planner.importer.cells import read_cells
from planner.importer.directives import read_directive
from planner.importer.door import take
from planner.importer.package import XLSX, Unreadable, open_package
from planner.importer.registers import read_agencies
from tests.hostile_files import HOSTILE, Hostile, workbook_parts
from tests.hostile_files import pack as pack_parts
from tests.importer.plan_files import register

#: These take a second or more to make or to read, and stand for nothing that a smaller one does not show; the measure
#: `python -m bench.hostile` has them all.
_SLOW = {"zip-bomb-picture.xlsx", "rows-9900.xlsx", "cell-100mb.csv", "names-unknown.xlsx", "rows-1e6.xlsx"}


def made(one: Hostile, folder: Path) -> Path:
    path = folder / one.name
    one.make(path)
    return path


@pytest.mark.parametrize("one", [h for h in HOSTILE if h.name not in _SLOW], ids=lambda one: ascii(one.name))
def test_a_file_made_to_do_harm_is_refused_for_its_reason(tmp_path: Path, one: Hostile) -> None:
    loaded = load(made(one, tmp_path), register())
    codes = [problem.code for problem in loaded.problems]
    assert one.code in codes if one.code else loaded.plan is not None, codes
    assert not one.warning or one.warning in codes
    assert (loaded.plan is None) == bool(one.code)
    assert all(problem.place and problem.message for problem in loaded.problems)
    assert all(printable(text) == text for p in loaded.problems for text in (p.place, p.message))


@pytest.mark.parametrize(
    "one",
    [h for h in HOSTILE if h.code and h.name not in _SLOW and not h.name.endswith(".docx")],
    ids=lambda one: ascii(one.name),
)
@pytest.mark.parametrize("read", [read_agencies, read_directive])
def test_the_registers_refuse_it_too(tmp_path: Path, one: Hostile, read: object) -> None:
    assert callable(read)
    entries, problems = read(made(one, tmp_path))
    assert not entries
    assert any(problem.severity == "error" for problem in problems)
    assert all(problem.place and problem.message for problem in problems)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    result = CliRunner().invoke(
        cli,
        ["init", "--sample", "thanh-hoa-2020", "--now", "2020-04-29"],
        env={"PLANNER_DATABASE_URL": f"sqlite:///{folder}/a.db"},
    )
    assert result.exit_code == 0, result.output
    return folder / "a.db"


@pytest.mark.parametrize("name", ["entity-bomb-sheet.xlsx", "laughs.yaml", "nul.csv", "cells-32k.xlsx", "macros.docx"])
def test_nothing_of_a_refused_file_is_stored(tmp_path: Path, sample: Path, name: str) -> None:
    database = tmp_path / "a.db"
    shutil.copy(sample, database)
    folder = tmp_path / "plans"
    folder.mkdir()
    path = made(next(one for one in HOSTILE if one.name == name), folder)
    environment = {"PLANNER_DATABASE_URL": f"sqlite:///{database}", "PLANNER_NOW": "2020-05-06", "NO_COLOR": "1"}
    for command in (["plan", "file", str(path)], ["plan", "file-all", str(folder)], ["agency", "import", str(path)]):
        result = CliRunner().invoke(cli, [*command, "--json"], env=environment)
        assert result.exit_code == 1, result.output
        document = json.loads(result.stdout)
        assert document.get("error", {}).get("problems") or document["files"][0]["problems"]
    listed = CliRunner().invoke(cli, ["plan", "list", "--json"], env=environment)
    assert [plan["agency"] for plan in json.loads(listed.stdout) if plan["number"]] == []
    assert {one.name for one in tmp_path.iterdir()} <= {"a.db", "a.db-wal", "a.db-shm", "plans"}
    assert [one.name for one in folder.iterdir()] == [name]


def test_a_name_that_steers_the_terminal_does_not_reach_it(tmp_path: Path, sample: Path) -> None:
    path = tmp_path / "a\x1b[31m\x07\u202eb\nc.yaml"
    path.write_text("a: 1\x1b", encoding="utf-8")
    environment = {"PLANNER_DATABASE_URL": f"sqlite:///{sample}", "PLANNER_NOW": "2020-05-06", "NO_COLOR": "1"}
    for more in ([], ["--json"]):
        result = CliRunner().invoke(cli, ["plan", "check", str(path), *more], env=environment)
        assert result.exit_code == 1
        assert printable(result.output) == result.output
        assert "a?[31m??b" in result.output or "yaml_unreadable" in result.output


def test_a_sheets_name_is_told_without_what_steers_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "plan.xlsx"
    parts = workbook_parts(sheets=("\x1b[2J\u202e!",))
    parts["xl/worksheets/sheet1.xml"] = b"<worksheet><sheetData/></worksheet>"
    pack_parts(path, parts)
    (problem,) = load(path, register()).problems
    assert problem.place == "?[2J?!"


def test_a_pipe_is_not_waited_for_and_a_device_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for name in ("pipe.yaml", "zero.csv"):
        assert getattr(take(tmp_path / name, [".yaml", ".csv"]), "code", "") == "not_a_file"


def test_a_file_that_grows_while_it_is_read_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.csv"
    path.write_bytes(b"x" * 100)
    real = os.fstat

    def small(handle: int) -> os.stat_result:
        known = list(real(handle))
        known[6] = 0
        return os.stat_result(known)

    monkeypatch.setattr("planner.importer.door.os.fstat", small)
    assert getattr(take(path, [".csv"], most=50), "code", "") == "file_too_large"


def test_a_file_that_may_not_be_read_is_a_failure_of_the_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.csv"
    path.write_bytes(b"x")

    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("planner.importer.door.os.open", refuse)  # as root every file may be read
    with pytest.raises(WorldFailed, match=r"plan\.csv"):
        take(path, [".csv"])


def test_a_parser_that_ends_or_panics_is_one_problem_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Unreadable) as damaged:
        read_cells(b"PK\x05\x06" + bytes(18), XLSX)
    assert damaged.value.code == "not_xlsx"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("end", ["bytes(2**31)", "os.abort()", "sys.exit(3)", "[bytes(2**20) for _ in iter(int, 1)]"])
def test_a_child_that_takes_too_much_or_dies_is_one_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], end: str
) -> None:
    own, started, rest = SCRIPT.read_text(encoding="utf-8").partition("\nif __name__")
    assert started
    script = tmp_path / "child.py"
    script.write_text(f"import os\n{own.partition('from __future__ import annotations')[2]}\n", encoding="utf-8")
    with script.open("a", encoding="utf-8") as file:
        file.write(f"def read_workbook(data):\n    return {{'sheets': len({end})}}\n{started}{rest}")
    monkeypatch.setattr("planner.importer.cells._SCRIPT", script)
    with pytest.raises(Unreadable) as refused:
        read_cells(b"", XLSX)
    assert refused.value.code == "file_too_large" or (end == "sys.exit(3)" and refused.value.code == "not_xlsx")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "name", ["cell-100mb.xlsx", "string-100mb.xlsx", "zip-bomb-sheet.xlsx", "rows-styled-1e6.xlsx"]
)
def test_unpacking_stops_at_the_cap_before_any_parser_is_asked(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unreadable) as refused:
        open_package(made(next(one for one in HOSTILE if one.name == name), tmp_path).read_bytes(), XLSX)
    assert refused.value.code == "file_too_large"
