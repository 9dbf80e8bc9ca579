"""The tools of the house do what .ci/run relies on."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest

from bench.timing import compare, measure, show
from tools import mutants, ran, reference
from tools.mutations import MUTATIONS, Edit, Mutation

REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_layers" name="test_a[sqlite-1]"/>
<testcase classname="tests.store.test_plans" name="test_b[1-postgresql]"/>
{more}</testsuite></testsuites>"""


def test_a_report_in_which_everything_ran_has_no_problem() -> None:
    assert ran.problems(REPORT.format(more=""), ["tests/test_layers.py"]) == []


def test_a_skipped_test_and_a_missing_file_are_problems() -> None:
    skipped = '<testcase classname="tests.test_docs" name="test_c"><skipped/></testcase>'
    found = ran.problems(REPORT.format(more=skipped), ["tests/test_layers.py", "tests/test_docs.py"])
    assert found == ["skipped: tests.test_docs::test_c", "not run: tests/test_docs.py"]


def test_a_run_on_one_database_only_is_a_problem() -> None:
    found = ran.problems(REPORT.format(more="").replace("postgresql", "sqlite"), [])
    assert found == ["no test ran on postgresql"]


def test_a_missing_report_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran.main([str(tmp_path / "none.xml")]) == 1
    assert "left no report" in capsys.readouterr().err


def test_the_reference_tells_usage_values_and_defaults() -> None:
    @click.command(help="File a plan.")
    @click.argument("file", metavar="FILE")
    @click.option("--kind", type=click.Choice(["a", "b"]), required=True, help="Its kind.")
    @click.option("--json", is_flag=True, help="Print JSON.")
    def file(file: str, kind: str, json: bool) -> None:
        """File."""

    root = click.Group("planner", commands={"file": file}, help="Plans.")
    text = reference.page(root)
    assert "`planner file [OPTIONS] FILE`\n\nFile a plan.\n" in text
    assert "| `--kind` | `a` or `b` | Its kind. Required. |" in text
    assert "Also: `--json`, `--help`." in text
    assert [path for path, _command in reference.walk(root)] == ["planner", "planner file"]


def test_a_command_and_a_function_are_measured() -> None:
    seconds, peak = measure([sys.executable, "-c", "x = bytearray(64 * 2**20)"])
    assert seconds > 0
    assert peak > 64
    _seconds, peak = measure(lambda: bytearray(8 * 2**20))
    assert 8 <= peak < 9


def test_rows_are_compared_with_the_first_case(capsys: pytest.CaptureFixture[str]) -> None:
    rows = compare({"yardstick": lambda: sum(range(1000)), "other": lambda: sum(range(1000))}, size=1000, rounds=3)
    assert [row.case for row in rows] == ["yardstick", "other"]
    assert rows[0].ratio is None
    assert rows[1].ratio == rows[1].seconds / rows[0].seconds
    show("sum", rows, as_json=False)
    assert capsys.readouterr().out.splitlines()[0].split() == ["case", "size", "seconds", "peak", "MiB", "ratio"]


# --- the mutations ---

ROOT = Path(__file__).parent.parent


def test_every_mutation_finds_its_place() -> None:
    assert mutants.misplaced(ROOT, MUTATIONS) == []


def test_every_mutation_has_a_name_of_its_own_and_says_what_it_would_cost() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    for mutation in MUTATIONS:
        assert mutation.claim
        assert mutation.edits
        assert all(edit.old != edit.new for edit in mutation.edits)
        assert all((ROOT / test.partition("::")[0]).exists() for test in mutation.tests)


def test_a_text_that_is_gone_or_stands_twice_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\ny = 1\n")
    found = [
        mutants.misplaced(
            tmp_path, [Mutation(name="m", claim="c", edits=(Edit(file=file, old=old, new=""),), tests=())]
        )
        for file, old in (("a.py", "x = 1"), ("a.py", "= 1"), ("a.py", "z"), ("b.py", "x"))
    ]
    assert found == [[], ["m: 2 times in a.py: = 1"], ["m: 0 times in a.py: z"], ["m: 0 times in b.py: x"]]


@pytest.mark.parametrize(
    ("code", "failures", "errors", "verdict"),
    [
        (1, [("test_a", "assert 1 == 2")], [], "caught"),
        (1, [("test_a", "planner.errors.DatabaseFailed: locked")], [], "caught"),
        (0, [], [], "SURVIVED"),
        (1, [("test_a", "NameError: name 'x' is not defined")], [], "BROKEN"),
        (1, [], ["test_a: failed on setup"], "BROKEN"),
        (2, [], ["tests/a.py: collection failure"], "BROKEN"),
        (4, [], [], "BROKEN"),
    ],
)
def test_a_mutation_is_caught_by_what_a_test_saw_and_by_nothing_else(
    code: int, failures: list[tuple[str, str]], errors: list[str], verdict: str
) -> None:
    assert mutants.judge(code, failures, errors)[0].split(":")[0] == verdict
