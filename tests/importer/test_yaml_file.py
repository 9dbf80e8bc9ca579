"""Plans in YAML: places, refused constructs, and that no text makes the reader fail."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from planner.domain.deadline import DeadlineKind
from planner.i18n import speaking
from planner.importer import Loaded, check, load
from planner.importer.yaml_file import read_yaml_file
from tests.importer.plan_files import A, codes, only, register, yaml_plan

EXAMPLE = """\
agency: stttt
directive: kl-2020-04-29
number: 12/KH-STTTT
signed: 2020-05-04
calendar: vn            # or every-day
goals:
  - code: I
    title: 100% văn bản, hồ sơ công việc được xử lý trên môi trường điện tử
    target: "2.3"
    tasks:
      - code: I.1
        title: Rà soát, cấp chữ ký số cho cán bộ, công chức
        responsible: nguyen.van.a@stttt.example.vn
        cooperating: [vp-ubnd]
        start: 2020-05-04
        due: trước ngày 15/5/2020
        deliverable: Báo cáo rà soát
      - code: I.2
        title: Tập huấn sử dụng phần mềm
        responsible: tran.thi.b@stttt.example.vn
        duration: 5         # days of the plan's calendar; optional
        due: 22/5/2020
        after: [I.1, "vp-ubnd:II.3"]
"""


def read(text: str) -> Loaded:
    return check(read_yaml_file("plan.yaml", text.encode(), "0" * 64), register())


def test_the_documented_example_becomes_a_plan(tmp_path: Path) -> None:
    loaded = load(yaml_plan(tmp_path, EXAMPLE), register())
    assert loaded.problems == ()
    plan = loaded.plan
    assert plan is not None
    assert (plan.agency, plan.directive, plan.number, plan.signed) == (
        "stttt",
        "kl-2020-04-29",
        "12/KH-STTTT",
        date(2020, 5, 4),
    )
    first, second = plan.tasks
    assert (first.code, first.responsible, first.cooperating, first.start) == (
        "I.1",
        A,
        ("vp-ubnd",),
        date(2020, 5, 4),
    )
    assert (first.deadline.text, first.deadline.kind, first.deadline.last_day) == (
        "trước ngày 15/5/2020",
        DeadlineKind.BEFORE,
        date(2020, 5, 14),
    )
    assert (second.duration, second.deadline.last_day, second.after) == (5, date(2020, 5, 22), ("I.1", "vp-ubnd:II.3"))
    assert plan.goals[0].target == "2.3"


def test_a_problem_names_line_and_column() -> None:
    with speaking("en"):
        problem = only(read(EXAMPLE.replace("22/5/2020", "kịp thời")), "deadline_none")
    assert problem.place == "line 22, column 14"
    assert "kịp thời" in problem.message


def test_values_are_never_reinterpreted() -> None:
    text = EXAMPLE.replace("I.2", "1.10").replace("Tập huấn sử dụng phần mềm", "no").replace("12/KH-STTTT", "1:30")
    loaded = read(text)
    assert loaded.plan is not None, loaded.problems
    assert loaded.plan.number == "1:30"
    assert (loaded.plan.tasks[1].code, loaded.plan.tasks[1].title) == ("1.10", "no")


def test_a_key_written_twice_is_refused() -> None:
    with speaking("en"):
        problem = only(read(EXAMPLE.replace("        due: 22", "        code: I.3\n        due: 22")), "key_twice")
    assert problem.place == "line 22, column 9"


def test_an_unknown_key_is_refused_with_the_known_ones_and_the_nearest() -> None:
    with speaking("en"):
        problem = only(read(EXAMPLE.replace("deliverable:", "deliverables:")), "key_unknown")
    assert 'Perhaps "deliverable" is meant' in problem.message
    assert "cooperating, start, due" in problem.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_file"),
        ("# nothing\n", "empty_file"),
        ("just text", "not_a_mapping"),
        ("- a\n- b\n", "not_a_mapping"),
        ("goals: soon\n", "not_a_list"),
        ("agency: [a, b]\n", "not_a_value"),
        ("agency: &x stttt\nnumber: *x\n", "yaml_alias"),
        ("agency: &x [*x]\n", "yaml_alias"),
        ("agency: !!python/object/apply:os.system [ls]\n", "yaml_tag"),
        ("agency: !!str stttt\n", "yaml_tag"),
        ("<<: {agency: stttt}\n", "key_unknown"),
        ("agency: a\n---\nagency: b\n", "yaml_documents"),
        ("agency: 'x\n", "yaml_unreadable"),
        ("agency:\n\tstttt\n", "yaml_unreadable"),
        ("agency: \x01\n", "yaml_unreadable"),
        ("[" * 200_000, "yaml_depth"),
        ("- " * 100_000, "yaml_depth"),
        ("{a: " * 100_000, "yaml_depth"),
    ],
)
def test_what_is_no_plain_plan_is_a_problem(text: str, code: str) -> None:
    loaded = read(text)
    assert loaded.plan is None
    assert code in codes(loaded)


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(b"agency: stttt\ntitle: \xe0\xe1\n")
    with speaking("en"):
        problem = only(load(path, register()), "not_utf8")
    assert problem.place == "line 2"


def test_a_decomposed_text_is_kept_composed() -> None:
    loaded = read(EXAMPLE.replace("Báo cáo rà soát", "Ba\u0301o ca\u0301o"))
    assert loaded.plan is not None
    assert loaded.plan.tasks[0].deliverable == "Báo cáo"


@pytest.mark.parametrize("written", ["2020-02-30", "2020-13-01", "0000-00-00"])
def test_a_day_that_does_not_exist_is_asked_about(written: str) -> None:
    loaded = read(EXAMPLE.replace("due: 22/5/2020", f"due: {written}"))
    assert loaded.plan is None
    assert len(loaded.problems) == 1


def test_all_problems_of_a_file_come_at_once() -> None:
    text = (
        EXAMPLE.replace('"2.3"', '"9.9"')
        .replace("duration: 5 ", "duration: 0 ")
        .replace("[vp-ubnd]", "[vp-ubnx]")
        .replace("[I.1, ", "[I.9, ")
        .replace("trước ngày 15/5/2020", "kịp thời")
    )
    assert sorted(codes(read(text))) == [
        "after_unknown",
        "cooperating_unknown",
        "deadline_none",
        "duration_unreadable",
        "target_unknown",
    ]


def test_durations_alone_are_enough_for_a_graph(tmp_path: Path) -> None:
    text = """\
goals:
  - code: A
    tasks:
      - {code: A.1, duration: 3}
      - {code: A.2, duration: 2, after: A.1}
"""
    path = yaml_plan(tmp_path, text)
    loaded = load(path, None, for_graph=True)
    assert loaded.problems == ()
    assert loaded.plan is not None
    assert [(t.code, t.duration, t.after) for t in loaded.plan.tasks] == [("A.1", 3, ()), ("A.2", 2, ("A.1",))]
    assert "deadline_missing" in codes(load(path, None))


LINES = st.lists(st.one_of(st.sampled_from(EXAMPLE.splitlines()), st.text(max_size=30)), max_size=25).map("\n".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(max_size=200), LINES))
@example("agency: \ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
@example("\ufeffagency: stttt")
@example("? [a, b]\n: c\n? {x: y}\n: z")
@example("goals: [{tasks: [{code: {a: b}, after: {c: d}, cooperating: [[x]]}]}]")
def test_no_text_makes_the_reader_fail(text: str) -> None:
    loaded = check(read_yaml_file("plan.yaml", text.encode("utf-8", "replace"), ""), register())
    assert loaded.plan is not None or loaded.problems
    assert all(problem.place and problem.message for problem in loaded.problems)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail(data: bytes) -> None:
    loaded = check(read_yaml_file("plan.yaml", data, ""), None)
    assert loaded.plan is None
    assert loaded.problems
