"""The ladder put to a table of facts: the shipped one holds, and a difference is told with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from planner import i18n
from planner.calendars import load as calendar
from planner.cli import cli
from planner.errors import InputRejected, Problem
from planner.i18n import speaking
from scheduler.policy import DEFAULT_FILE, load
from scheduler.rules import Anchor
from scheduler.trial import EXAMPLE, Difference, differences, judged, read

GOOD = """\
cases:
  - name: one day late
    given: {today: 2020-05-18, last_day: 2020-05-15}
    expect:
      - {rung: due+1wd, role: responsible, to: officer, kind: overdue}
      - {rung: due+1wd, role: agency_head, to: head, day: 2020-05-18}
    superseded: [due-5wd, due-3wd, due-1wd, due]
"""


def tried(tmp_path: Path, text: str) -> list[Difference]:
    file = tmp_path / "table.yaml"
    file.write_text(text, encoding="utf-8")
    table, source = read(file)
    return differences(table, source, load(), calendar("vn"))


def problems(tmp_path: Path, text: str) -> list[Problem]:
    with speaking("en"), pytest.raises(InputRejected) as caught:
        tried(tmp_path, text)
    return list(caught.value.problems)


# --- the shipped table ---


def test_the_shipped_ladder_does_what_its_table_says() -> None:
    table, source = read(EXAMPLE)
    assert differences(table, source, load(), calendar("vn")) == []
    assert len(table.cases) > 60


def test_the_shipped_table_has_each_rung_told() -> None:
    table, _source = read(EXAMPLE)
    told = {one.rung for case in table.cases for one in case.expect if one.state == "told"}
    assert told == {rung.name for rung in load().rungs}


def test_the_shipped_table_notices_when_any_rung_is_taken_away_or_moved() -> None:
    table, source = read(EXAMPLE)
    policy = load()
    for place, rung in enumerate(policy.rungs):
        others = policy.rungs[:place] + policy.rungs[place + 1 :]
        assert differences(table, source, policy.model_copy(update={"rungs": others}), calendar("vn")), rung.name
        if rung.trigger.anchor is Anchor.AT_RISK:
            continue
        trigger = type(rung.trigger)(
            anchor=rung.trigger.anchor,
            offset=rung.trigger.offset + 1,
            every=rung.trigger.every,
        )
        moved = (*policy.rungs[:place], rung.model_copy(update={"trigger": trigger}), *policy.rungs[place + 1 :])
        assert differences(table, source, policy.model_copy(update={"rungs": moved}), calendar("vn")), rung.name


# --- differences ---


def test_a_table_that_holds_has_no_difference(tmp_path: Path) -> None:
    assert tried(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("wrong", "line", "expected", "found"),
    [
        (
            ("to: officer", "to: substitute"),
            5,
            "due+1wd responsible told: substitute (overdue)",
            "due+1wd 2020-05-18 responsible told: officer (overdue)",
        ),
        (
            ("kind: overdue", "kind: urging"),
            5,
            "due+1wd responsible told: officer (urging)",
            "due+1wd 2020-05-18 responsible told: officer (overdue)",
        ),
        (
            ("day: 2020-05-18", "day: 2020-05-19"),
            6,
            "due+1wd 2020-05-19 agency_head told: head",
            "due+1wd 2020-05-18 agency_head told: head (escalation)",
        ),
        (
            ("to: officer", "to: officer, state: held"),
            5,
            "due+1wd responsible held: officer (overdue)",
            "due+1wd 2020-05-18 responsible told: officer (overdue)",
        ),
        (
            ("[due-5wd, due-3wd, due-1wd, due]", "[due]"),
            7,
            "superseded: due",
            "superseded: due-5wd, due-3wd, due-1wd, due",
        ),
    ],
    ids=["person", "kind", "day", "state", "superseded"],
)
def test_each_sort_of_difference_is_told_with_its_line(
    tmp_path: Path, wrong: tuple[str, str], line: int, expected: str, found: str
) -> None:
    (one,) = tried(tmp_path, GOOD.replace(*wrong))
    assert (one.line, one.case, one.expected, one.found) == (line, "one day late", expected, found)


def test_what_does_not_come_and_what_nobody_expected_are_both_told(tmp_path: Path) -> None:
    missing, surplus = sorted(
        tried(tmp_path, GOOD.replace("role: agency_head, to: head", "role: focal, to: focal")),
        key=lambda one: -one.line,
    )
    assert (missing.line, missing.expected, missing.found) == (6, "due+1wd 2020-05-18 focal told: focal", "")
    assert (surplus.line, surplus.expected) == (2, "")
    assert surplus.found == "due+1wd 2020-05-18 agency_head told: head (escalation)"
    assert surplus.reason


def test_all_differences_come_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("to: officer", "to: focal")
    assert [one.line for one in tried(tmp_path, text + text.removeprefix("cases:\n"))] == [5, 11]


# --- problems of the file ---


def test_all_problems_of_the_file_are_told_each_with_its_line(tmp_path: Path) -> None:
    text = GOOD.replace("last_day: 2020-05-15", "last_day: 15/5").replace("to: officer", "to: chief")
    text += "  - name: another\n    given: {today: 2020-05-18, absent: [boss], foo: 1}\n    expect: []\n"
    found = problems(tmp_path, text)
    assert [(one.place.split(",")[0], one.message) for one in found] == [
        ("line 3", 'Found "15/5", expected a day such as 2020-05-15.'),
        (
            "line 5",
            'Found "chief", expected one of: officer, substitute, focal, head, parent, department, nobody.',
        ),
        ("line 9", 'Found "boss", expected one of: officer, substitute, focal, head, parent, department.'),
        ("line 9", found[3].message),
    ]
    assert 'No such key: "foo". Known keys: today, last_day, state, since, tier' in found[3].message


@pytest.mark.parametrize(
    "text", ["", "cases: []", "cases: 3", "- a", "cases:\n  - {name: x, given: {}, expect: []}", ": ["]
)
def test_a_file_that_is_no_table_is_a_problem_and_not_a_crash(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text)


@given(st.text(max_size=200))
def test_no_text_is_too_odd_to_be_refused_in_good_order(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("odd") / "table.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(InputRejected) as caught:
        read(file)
    assert caught.value.problems


@pytest.mark.parametrize(
    "facts", ["today: 9999-12-31, last_day: 9999-12-30", "today: 0001-01-02, last_day: 0001-01-01"]
)
def test_a_day_where_the_calendar_ends_is_a_problem_and_not_a_crash(tmp_path: Path, facts: str) -> None:
    found = problems(tmp_path, f"cases:\n  - {{name: a, given: {{{facts}}}, expect: []}}\n")
    assert [one.place.partition(",")[0] for one in found] == ["line 2", "line 2"]
    assert all("expected a day from 1900 to 2199" in one.message for one in found)


def test_facts_are_a_state_of_their_own_and_no_clock_is_read() -> None:
    table, _source = read(EXAMPLE)
    for case in table.cases[::7]:
        assert judged(case.given, load(), calendar("vn")) == judged(case.given, load(), calendar("vn"))


# --- the command ---


def run(*arguments: str, tmp_path: Path) -> tuple[int, str]:
    with i18n.speaking("en"):
        ended = CliRunner().invoke(
            cli,
            ["--lang", "en", "scheduler", "policy", *arguments],
            env={"PLANNER_HOME": str(tmp_path), "PLANNER_LANG": "en"},
        )
    return ended.exit_code, ended.output


def test_the_command_ends_with_0_when_all_holds_and_needs_no_database(tmp_path: Path) -> None:
    code, out = run("test", str(EXAMPLE), "--policy", str(DEFAULT_FILE), tmp_path=tmp_path)
    assert code == 0, out
    assert "0 differences" in out


def test_the_command_ends_with_1_on_a_difference_and_shows_expected_and_found(tmp_path: Path) -> None:
    file = tmp_path / "table.yaml"
    file.write_text(GOOD.replace("to: officer", "to: focal"), encoding="utf-8")
    code, out = run("test", str(file), tmp_path=tmp_path)
    assert code == 1, out
    assert "due+1wd responsible told: focal (overdue)" in " ".join(out.split())
    assert "1 differences" in out
    code, out = run("test", str(file), "--json", tmp_path=tmp_path)
    data = json.loads(out)
    assert code == 1
    assert (data["ok"], data["cases"], data["expectations"]) == (False, 1, 2)
    assert [one["line"] for one in data["differences"]] == [5]


def test_the_command_ends_with_1_on_a_broken_table_too_and_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "table.yaml"
    file.write_text(GOOD.replace("to: officer", "to: chief"), encoding="utf-8")
    code, out = run("test", str(file), "--json", tmp_path=tmp_path)
    assert code == 1
    assert json.loads(out)["error"]["problems"][0]["place"] == "line 5, column 48"
