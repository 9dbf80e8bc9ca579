"""The ladder file: the shipped one word for word, and every way of getting it wrong told with its line."""

import json
import re
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import InputRejected, Problem
from planner.i18n import speaking
from scheduler.policy import DEFAULT_FILE, SCHEMA_FILE, Policy, Role, Sending, load, schema, schema_text
from scheduler.policy_file import PolicyFile

GOOD = """\
name: site
version: 3
sending: {from: 07:30, to: 17:00, working_days_only: yes}
rungs:
  - {name: due, trigger: due, tell: [responsible], kind: reminder}
  - {name: again, trigger: every 5wd from due +10wd, tell: [agency_head, department], kind: overdue, cap: 4}
"""


def problems(tmp_path: Path, text: str | bytes) -> list[Problem]:
    file = tmp_path / "policy.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with speaking("en"), pytest.raises(InputRejected) as caught:
        load(file)
    assert str(file) in caught.value.message
    assert caught.value.problems
    return list(caught.value.problems)


def one(tmp_path: Path, rung: str) -> Problem:
    found = problems(tmp_path, GOOD + f"  - {rung}\n")
    assert len(found) == 1, found
    return found[0]


def test_the_shipped_ladder_is_the_one_in_the_design() -> None:
    policy = load()
    assert policy.name == "default"
    assert policy.version == "1"
    assert policy.sending.opens == time(7, 30)
    assert policy.sending.closes == time(17)
    assert policy.sending.working_days_only is True
    assert policy.sending.most_a_day is None
    assert (str(policy.acknowledge.most), str(policy.snooze.most)) == ("10wd", "20wd")
    assert {rung.name: rung.cap for rung in policy.rungs if rung.cap} == {"submitted+8wd": 12, "returned+5wd": 4}
    assert [(str(r.trigger), [role.value for role in r.tell], r.kind.value) for r in policy.rungs] == [
        ("due -5wd", ["responsible"], "reminder"),
        ("due -3wd", ["responsible"], "reminder"),
        ("due -1wd", ["responsible"], "reminder"),
        ("due", ["responsible"], "reminder"),
        ("due +1wd", ["responsible", "agency_head"], "overdue"),
        ("due +5wd", ["responsible", "agency_head", "department"], "overdue"),
        ("due +10wd", ["responsible", "agency_head", "department"], "urging"),
        ("due +20wd", ["responsible", "agency_head", "chairman_list"], "chairman_list"),
        ("at_risk", ["responsible"], "at_risk"),
        ("submitted +3wd", ["department"], "confirmation"),
        ("every 5wd from submitted +8wd", ["department"], "confirmation"),
        ("returned +1wd", ["responsible"], "returned"),
        ("every 5wd from returned +5wd", ["responsible", "agency_head"], "returned"),
        ("filing -3wd", ["focal"], "filing"),
        ("filing", ["focal"], "filing"),
        ("filing +1wd", ["focal", "agency_head"], "filing"),
        ("filing +5wd", ["agency_head", "parent_agency", "department"], "filing"),
        ("filing +10wd", ["agency_head", "chairman_list"], "chairman_list"),
    ]
    assert not any(rung.urgent for rung in policy.rungs)


def test_an_hour_without_quotes_is_an_hour_and_yes_is_true(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(GOOD, encoding="utf-8")
    policy = load(file)
    assert policy.sending.closes == time(17)
    assert policy.sending.working_days_only is True
    assert policy.rungs[1].cap == 4
    assert policy.rungs[1].tell == (Role.AGENCY_HEAD, Role.DEPARTMENT)


def test_the_hash_tells_content_and_not_layout(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(DEFAULT_FILE.read_text(encoding="utf-8").replace("# A rung", "# Một bậc"), encoding="utf-8-sig")
    assert load(file).hash == load().hash
    assert len(load().hash) == 64
    file.write_text(DEFAULT_FILE.read_text(encoding="utf-8").replace("due -3wd", "due -2wd"), encoding="utf-8")
    assert load(file).hash != load().hash


def test_every_problem_is_told_at_once_from_top_to_bottom(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "name: x\n"
        "version: 1\n"
        "colour: red\n"
        "sending: {from: 25:00, to: 17:00, working_days_only: maybe}\n"
        "rungs:\n"
        "  - {name: a, trigger: tomorrow, tell: [boss, focal], kind: shout}\n"
        "  - {name: a, trigger: due, tell: [], kind: reminder, urgent: 3}\n",
    )
    assert [(problem.place, problem.message.split(",")[0]) for problem in found] == [
        ("line 3, column 9", 'No such key: "colour". Known keys: name'),
        ("line 4, column 17", 'Found "25:00"'),
        ("line 4, column 54", 'Found "maybe"'),
        ("line 6, column 24", 'Found "tomorrow"'),
        ("line 6, column 41", 'Found "boss"'),
        ("line 6, column 61", 'Found "shout"'),
        ("line 7, column 12", 'Another rung is named "a" already; each needs a name of its own.'),
        ("line 7, column 35", "Expected a list with at least one entry."),
        ("line 7, column 63", 'Found "3"'),
    ]


@pytest.mark.parametrize(
    ("rung", "said"),
    [
        ("{name: n, trigger: filing, tell: [responsible], kind: filing}", "tell focal or agency_head"),
        ("{name: n, trigger: due +1wd, tell: [focal, focal], kind: overdue}", "stands twice"),
        ("{name: n, trigger: due +1wd, tell: [focal], kind: filing}", "cannot be of kind filing"),
        ("{name: n, trigger: at_risk, tell: [focal], kind: reminder}", "expected one of: at_risk"),
        ("{name: n, trigger: due +1wd, tell: [focal], kind: blocked}", "cannot be of kind blocked"),
        ("{name: n, trigger: due +1wd, tell: [focal], kind: overdue, cap: 2}", "remove it"),
        ("{name: n, trigger: every 1wd from due, tell: [focal], kind: overdue, cap: 0}", "whole number from 1"),
        ("{name: n, trigger: every 1wd from due, tell: [focal], kind: overdue, cap: two}", "whole number from 1"),
        ("{name: n, trigger: DUE, tell: [focal], kind: overdue}", 'on "DUE" already'),
        ("{name: due, trigger: due +1wd, tell: [focal], kind: overdue}", 'named "due" already'),
        ("{name: '', trigger: due +1wd, tell: [focal], kind: overdue}", "1 to 60 characters"),
        ("{name: n, trigger: due +1wd, tell: focal, kind: overdue}", "Expected a list."),
        ("{name: n, trigger: due +1wd, tell: [focal]}", 'The key "kind" is missing.'),
        ("{name: n, trigger: due +1wd, tell: [focal], kind: overdue, kind: urging}", '"kind" stands twice'),
        ("hello", "Expected the keys: name, trigger, tell, kind, urgent, cap."),
    ],
)
def test_a_rung_that_cannot_be_meant_is_refused_at_its_line(tmp_path: Path, rung: str, said: str) -> None:
    problem = one(tmp_path, rung)
    assert said in problem.message
    assert problem.place.startswith("line 7, column")


def test_hours_that_run_backwards_are_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, GOOD.replace("to: 17:00", "to: 07:30"))
    assert problem.message == '"to" must be later than "from".'


@pytest.mark.parametrize(
    "text",
    ["", "- a", "a: [", "\t", "[" * 5000, "name: a\n---\nname: b\n", b"\xff\xfe\x00", "42"],
)
def test_a_file_that_is_no_policy_is_one_clear_problem(tmp_path: Path, text: str | bytes) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.place.startswith("line ")
    said = ("cannot be read as YAML", "too deeply", "several documents", "UTF-8", "Expected the keys")
    assert any(words in problem.message for words in said)


def test_a_file_that_does_not_exist_is_a_problem_too(tmp_path: Path) -> None:
    with pytest.raises(InputRejected) as caught:
        load(tmp_path / "none.yaml")
    assert [problem.code for problem in caught.value.problems] == ["policy_file"]


def test_references_inside_the_file_are_refused_so_that_a_small_file_cannot_grow(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert "Anchors and aliases are not read; write the value out." in [p.message for p in problems(tmp_path, bomb)]


def test_an_alias_is_refused_once_and_where_it_stands_and_what_it_stands_for_is_not_judged(tmp_path: Path) -> None:
    text = GOOD.replace("rungs:", "acknowledge: &far {most: 10wd}\nsnooze: *far\nrungs:")
    (problem,) = problems(tmp_path, text)
    assert problem.message == "Anchors and aliases are not read; write the value out."
    line = text.splitlines().index("snooze: *far") + 1
    assert problem.place == f"line {line}, column 9"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: site", "name: [test]", 'Found "[...]", expected a text'),
        ("name: site", "name:", 'Found "", expected a text'),
        ("name: site", "name: " + "x" * 100_000, "The text has 100000 characters, at most 200 are kept; shorten it."),
        ("name: site", "name: !!python/object/apply:os.getcwd []", "Tags (!) are not accepted"),
        ("name: site", "name: te\x00st", "type the line anew"),
        ("name: site", "name: site\n? [a, b]\n: c", 'No such key: "?"'),
        ("name: site", "%TAG ! x:\nname: site", "Lines that begin with %"),
        ("from: 07:30", "from: " + "7" * 150, 'Found "' + "7" * 60 + '...", expected an hour'),
    ],
)
def test_a_strange_value_is_told_in_our_words_and_never_at_length(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in GOOD
    (problem,) = problems(tmp_path, GOOD.replace(old, new))
    assert said in problem.message
    assert len(problem.message) < 200


def test_a_file_of_ten_megabytes_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, GOOD + "# " + "x" * 10_000_000)
    assert "larger than 1024 KiB" in problem.message


def test_a_ladder_has_an_end(tmp_path: Path) -> None:
    text = GOOD + "".join(
        f"  - {{name: r{n}, trigger: due +{n}d, tell: [focal], kind: overdue}}\n" for n in range(100, 301)
    )
    (problem,) = problems(tmp_path, text)
    assert problem.message == "Expected a list of at most 200 entries."


@given(text=st.text(alphabet="nameruts :[]{}-,\n\"'&*#0157+wd", max_size=80))
def test_no_text_at_all_breaks_the_reader(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "random.yaml"
    file.write_text(text, encoding="utf-8")
    reader = PolicyFile(file, Sending)
    data = reader.read()
    assert isinstance(data, dict) or reader.sorted_problems()
    with pytest.raises(InputRejected):  # these letters cannot spell a whole policy
        load(file)


# --- the schema, for editors ---


def test_the_shipped_schema_is_the_models_and_the_shipped_ladder_names_it() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()
    first = DEFAULT_FILE.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA_FILE.name}"
    assert json.loads(schema_text()) == schema()


def fits(value: Any, rule: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Say whether a value fits a JSON Schema, as far as ours goes; a keyword it does not know is an error."""
    if "$ref" in rule:
        return fits(value, whole["$defs"][rule["$ref"].rsplit("/", 1)[1]], whole)
    types = {"string": str, "boolean": bool, "object": dict, "array": list, "null": type(None)}

    def is_a(name: str) -> bool:
        if name in ("integer", "number"):
            return isinstance(value, int) and not isinstance(value, bool)
        return isinstance(value, types[name])

    checks: dict[str, Callable[[Any], bool]] = {
        "type": lambda want: any(map(is_a, [want] if isinstance(want, str) else want)),
        "enum": lambda want: value in want,
        "anyOf": lambda want: any(fits(value, one, whole) for one in want),
        "minimum": lambda want: not isinstance(value, int) or value >= want,
        "pattern": lambda want: not isinstance(value, str) or re.search(want, value) is not None,
        "minLength": lambda want: not isinstance(value, str) or len(value) >= want,
        "maxLength": lambda want: not isinstance(value, str) or len(value) <= want,
        "minItems": lambda want: not isinstance(value, list) or len(value) >= want,
        "maxItems": lambda want: not isinstance(value, list) or len(value) <= want,
        "uniqueItems": lambda _want: not isinstance(value, list) or len(set(map(str, value))) == len(value),
        "items": lambda want: not isinstance(value, list) or all(fits(one, want, whole) for one in value),
        "required": lambda want: not isinstance(value, dict) or set(want) <= value.keys(),
        "additionalProperties": lambda _no: not isinstance(value, dict) or value.keys() <= rule["properties"].keys(),
        "properties": lambda want: (
            not isinstance(value, dict) or all(fits(value[key], want[key], whole) for key in value.keys() & want.keys())
        ),
    }
    said = {"$schema", "$defs", "title", "description", "default", "examples"}
    assert rule.keys() <= checks.keys() | said, rule.keys()
    return all(checks[word](want) for word, want in rule.items() if word in checks)


SOUND = {
    "name": "site",
    "version": 3,
    "sending": {"from": "7:30", "to": "17:00", "most_a_day": 3},
    "acknowledge": {"most": "5wd"},
    "rungs": [
        {"name": "a", "trigger": "due -5wd", "tell": ["responsible"], "kind": "reminder"},
        {"name": "b", "trigger": "every 5wd from due +10wd", "tell": ["focal"], "kind": "urging", "cap": 4},
        {"name": "c", "trigger": "at_risk", "tell": ["responsible"], "kind": "at_risk", "urgent": True},
        {"name": "d", "trigger": "returned +1wd", "tell": ["responsible"], "kind": "returned"},
    ],
}


def changed(**changes: Any) -> dict[str, Any]:
    """Return the sound policy with some values put in by their path."""
    whole: dict[str, Any] = json.loads(json.dumps(SOUND))
    for path, value in changes.items():
        *way, last = path.split("__")
        here: Any = whole
        for step in way:
            here = here[int(step) if step.isdigit() else step]
        here[last] = value
    return whole


def test_what_the_model_takes_the_schema_takes() -> None:
    assert fits(SOUND, schema(), schema())
    policy = Policy.model_validate(changed(version="3"))
    assert fits(policy.content, schema(), schema())
    assert fits(load().content, schema(), schema())
    assert Policy.from_content(policy.content) == policy
    assert Policy.from_content(policy.content).hash == policy.hash


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"sending__from": "25:00"},
        {"sending__most_a_day": 0},
        {"sending__lunch": "12:00"},
        {"acknowledge__most": "10"},
        {"acknowledge__most": "0wd"},
        {"snooze": {}},
        {"rungs": []},
        {"rungs__0__trigger": "due -5"},
        {"rungs__0__trigger": "tomorrow"},
        {"rungs__0__tell": []},
        {"rungs__0__tell": ["responsible", "responsible"]},
        {"rungs__0__tell": ["boss"]},
        {"rungs__0__kind": "shout"},
        {"rungs__0__urgent": "perhaps"},
        {"rungs__1__cap": 0},
        {"rungs__1__colour": "red"},
    ],
    ids=str,
)
def test_what_the_schema_refuses_the_model_refuses_too(wrong: dict[str, Any]) -> None:
    assert not fits(changed(**wrong), schema(), schema())
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's own is one
        Policy.model_validate(changed(version="3", **wrong))


def test_a_limit_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, GOOD + "acknowledge: {most: soon}\n")
    assert found.place == "line 7, column 21"
    assert found.message == 'Found "soon", expected a length such as 10wd or 14d, from 1 to 999.'


def test_a_returned_result_cannot_be_foreseen_and_has_its_own_kind(tmp_path: Path) -> None:
    before = one(tmp_path, "{name: r, trigger: returned -1wd, tell: [responsible], kind: returned}")
    assert '"returned +1wd"' in before.message
    other = one(tmp_path, "{name: r, trigger: returned +1wd, tell: [responsible], kind: overdue}")
    assert "expected one of: returned" in other.message
