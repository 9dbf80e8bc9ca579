"""What is wrong in a plan is told at its cell, all of it, with what was found and what to do."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from planner.i18n import speaking
from planner.importer import Loaded, Register, check, load
from planner.importer.yaml_file import read_yaml_file
from tests.importer.plan_files import GOAL, HEADINGS, A, codes, only, register, rows, task, workbook


def judged(folder: Path, *body: Any, known: Register | None = None, **options: Any) -> Loaded:
    given = {key: options.pop(key) for key in ("agency", "directive", "for_graph") if key in options}
    stated = options.pop("stated", "stttt")
    with speaking("en"):
        return load(workbook(folder, rows(*body, agency=stated, **options)), known or register(), **given)


def one_task(folder: Path, **fields: Any) -> Loaded:
    return judged(folder, GOAL, task(1, **fields))


def test_a_sound_plan_has_no_problem(tmp_path: Path) -> None:
    assert one_task(tmp_path).problems == ()


@pytest.mark.parametrize(
    ("fields", "code", "severity", "where"),
    [
        ({"title": None}, "title_missing", "error", ("B7", "no text")),
        ({"responsible": None}, "responsible_missing", "error", ("C7", "Nobody")),
        ({"responsible": "x@stttt.example.vn"}, "responsible_unknown", "warning", ("C7", "focal officer")),
        ({"responsible": "Nguyễn Văn Z"}, "responsible_unknown", "warning", ("C7", "Nguyễn Văn Z")),
        ({"responsible": "Sở Nội vụ"}, "responsible_agency", "warning", ("C7", "one person answers")),
        ({"responsible": "Nguyễn Văn A, Trần Thị B"}, "responsible_several", "error", ("C7", "several persons")),
        ({"responsible": "Đ/c Nguyễn Văn A và bà Trần Thị B"}, "responsible_several", "error", ("C7", "only that")),
        ({"responsible": "a@stttt.example.vn; b@stttt.example.vn"}, "responsible_several", "error", ("C7", "a@stttt")),
        ({"responsible": "chanh.vp@vp-ubnd.example.vn"}, "responsible_elsewhere", "error", ("C7", "vp-ubnd")),
        ({"responsible": "Lê Văn C"}, "responsible_shared_name", "error", ("C7", "le.c1@stttt.example.vn, le.c2@")),
        ({"cooperating": "Sở Nội vu"}, "cooperating_unknown", "error", ("D7", "Sở Nội vụ (snv)")),
        ({"cooperating": "các đơn vị liên quan"}, "cooperating_open_group", "warning", ("D7", "names no agency")),
        ({"cooperating": "UBND xã Tân Tiến"}, "cooperating_shared_name", "error", ("D7", "h-nga-son.x-tan-tien")),
        ({"start": "sớm"}, "start_unreadable", "error", ("F7", "sớm")),
        ({"start": "20/5/2020"}, "start_after_due", "error", ("F7", "14/5/2020")),
        ({"due": None}, "deadline_missing", "error", ("G7", "Quý II/2020")),
        ({"due": "kịp thời"}, "deadline_none", "error", ("G7", "kịp thời")),
        ({"due": "Hàng quý hoặc hằng năm"}, "deadline_ambiguous", "error", ("G7", "Hàng quý hoặc hằng năm")),
        ({"after": "9"}, "after_unknown", "error", ("H7", '"9"')),
        ({"after": "snx:II.1"}, "after_agency_unknown", "error", ("H7", "snx")),
        ({"after": "snv:II.1"}, "after_not_filed", "warning", ("H7", "snv:II.1")),
        ({"after": "1"}, "cycle", "error", ("H7", "I.1 -> I.1")),
        ({"duration": 2.5}, "duration_unreadable", "error", ("I7", "2.5")),
        ({"note": "x" * 2001}, "text_too_long", "error", ("J7", "2001")),
        ({"note": "a\u202eb"}, "text_unprintable", "error", ("J7", "a?b")),
    ],
)
def test_each_mistake_is_told_at_its_cell(
    tmp_path: Path, fields: dict[str, Any], code: str, severity: str, where: tuple[str, str]
) -> None:
    place, told = where
    loaded = one_task(tmp_path, **fields)
    problem = only(loaded, code)
    assert (problem.place, problem.severity) == (f"Kế hoạch!{place}", severity)
    assert told in problem.message
    assert len(loaded.problems) == 1
    assert (loaded.plan is None) == (severity == "error")


def test_all_mistakes_of_a_plan_are_told_at_once(tmp_path: Path) -> None:
    loaded = judged(tmp_path, GOAL, task(1, due="kịp thời", responsible=None), task(1, cooperating="Sở X", after="7"))
    assert sorted(codes(loaded)) == [
        "after_unknown",
        "cooperating_unknown",
        "deadline_none",
        "responsible_missing",
        "task_code_twice",
    ]


def test_a_number_used_twice_names_the_other_place(tmp_path: Path) -> None:
    problem = only(judged(tmp_path, GOAL, task(1), task(2), task(1)), "task_code_twice")
    assert problem.place == "Kế hoạch!A9"
    assert "Kế hoạch!A7" in problem.message


def test_a_task_without_a_number_is_told(tmp_path: Path) -> None:
    assert only(judged(tmp_path, GOAL, task(None)), "task_code_missing").place == "Kế hoạch!A7"


def test_a_circle_is_named_with_its_path_at_a_cell_that_closes_it(tmp_path: Path) -> None:
    loaded = judged(tmp_path, GOAL, task(1, after="3"), task(2, after="1"), task(3, after="2"))
    problem = only(loaded, "cycle")
    assert "I.1 -> I.2 -> I.3 -> I.1" in problem.message
    assert problem.place == "Kế hoạch!H8"


def test_two_circles_are_both_told(tmp_path: Path) -> None:
    loaded = judged(tmp_path, GOAL, task(1, after="2"), task(2, after="1"), task(3, after="4"), task(4, after="3"))
    assert codes(loaded) == ["cycle", "cycle"]


def test_a_plan_without_tasks_is_told(tmp_path: Path) -> None:
    assert codes(judged(tmp_path, GOAL)) == ["no_tasks"]


def test_the_agency_must_be_named_known_and_valid_on_the_day_of_signing(tmp_path: Path) -> None:
    body = (GOAL, task(1, responsible="a@x.vn"))
    assert only(judged(tmp_path, *body, stated=""), "agency_missing").place == "Kế hoạch"
    unknown = only(judged(tmp_path, *body, stated="stttx"), "agency_unknown")
    assert unknown.place == "Kế hoạch!A2"
    signed_in_may = judged(tmp_path, *body, stated="h-tinh-gia", known=register(today=date(2020, 7, 1)))
    assert "agency_not_valid" not in codes(signed_in_may)
    text = "agency: h-tinh-gia\nsigned: 2020-06-01\ngoals: []\n"
    loaded = check(read_yaml_file("p.yaml", text.encode(), ""), register())
    assert "agency_not_valid" in codes(loaded)


def test_an_agency_may_be_named_in_words(tmp_path: Path) -> None:
    loaded = judged(tmp_path, GOAL, task(1), stated="Sở Thông tin và Truyền thông")
    assert loaded.plan is not None
    assert loaded.plan.agency == "stttt"


def test_the_option_settles_the_agency_and_a_file_that_says_otherwise_is_told(tmp_path: Path) -> None:
    given = judged(tmp_path, GOAL, task(1), stated="", agency="stttt")
    assert given.plan is not None
    assert given.plan.agency == "stttt"
    other = judged(tmp_path, GOAL, task(1), stated="snv", agency="stttt")
    assert codes(other) == ["agency_other"]


def test_without_a_directive_the_latest_is_meant_and_an_unknown_one_is_told(tmp_path: Path) -> None:
    task_text = f"{{code: '1', title: y, responsible: {A}, due: 2020}}"
    text = f"agency: stttt\ngoals:\n- {{code: I, title: x, tasks: [{task_text}]}}\n"
    silent = check(read_yaml_file("p.yaml", text.encode(), ""), register())
    assert silent.plan is not None, silent.problems
    assert silent.plan.directive == "kl-2020-04-29"
    with speaking("en"):
        named = check(read_yaml_file("p.yaml", f"directive: x\n{text}".encode(), ""), register())
    problem = only(named, "directive_unknown")
    assert problem.place == "line 1, column 12"
    assert "kl-2020-04-29" in problem.message


def test_the_heading_must_be_readable() -> None:
    text = "agency: stttt\nsigned: hôm qua\ncalendar: lunar\ngoals: []\n"
    loaded = check(read_yaml_file("p.yaml", text.encode(), ""), register())
    assert {"signed_unreadable", "calendar_unknown"} <= set(codes(loaded))


def test_a_plan_holds_its_own_agencys_tasks_only(tmp_path: Path) -> None:
    headings = (*HEADINGS, "Cơ quan chủ trì")
    body = (GOAL, [*task(1), "Sở Nội vụ"], [*task(2), "Sở Thông tin và Truyền thông"], [*task(3), "Phòng CNTT"])
    problem = only(judged(tmp_path, *body, headings=headings), "lead_elsewhere")
    assert problem.place == "Kế hoạch!K7"
    assert "snv" in problem.message


def test_the_target_must_be_one_of_the_directives(tmp_path: Path) -> None:
    headings = (*HEADINGS, "Chỉ tiêu")
    problem = only(judged(tmp_path, GOAL, [*task(1), "9.9"], headings=headings), "target_unknown")
    assert "2.3, 2.7" in problem.message


def test_a_bare_date_is_read_as_the_rest_of_the_file_writes_dates() -> None:
    def days(*dues: str) -> list[date | None]:
        tasks = "".join(f"- {{code: '{n}', title: x, responsible: {A}, due: {due}}}\n" for n, due in enumerate(dues, 1))
        text = f"agency: stttt\ngoals:\n- code: I\n  title: x\n  tasks:\n{tasks}".replace("\n- {", "\n  - {")
        loaded = check(read_yaml_file("p.yaml", text.encode(), ""), register())
        return [task.deadline.last_day for task in loaded.plan.tasks] if loaded.plan else []

    assert days("12/1/2025", "6/30/2025") == [date(2025, 12, 1), date(2025, 6, 30)]
    assert days("12/1/2025", "30/6/2025") == [date(2025, 1, 12), date(2025, 6, 30)]
    assert days("12/1/2025") == []


def test_without_a_register_only_the_file_is_judged(tmp_path: Path) -> None:
    path = workbook(tmp_path, rows(GOAL, task(1, responsible="ai đó", cooperating="Sở X", after="snv:1"), agency="abc"))
    loaded = load(path, None)
    assert loaded.problems == ()
    assert loaded.plan is not None
    assert loaded.plan.tasks[0].cooperating == ("Sở X",)


def test_suggestions_stop_in_a_file_of_unknown_names_but_every_problem_is_told(tmp_path: Path) -> None:
    loaded = judged(tmp_path, GOAL, *(task(n, cooperating=f"Sở Nội vu{n}") for n in range(1, 41)))
    told = [problem.message for problem in loaded.problems]
    assert len(told) == 40
    assert sum("Nearest" in message for message in told) == 20


def test_problems_are_told_in_vietnamese_by_default(tmp_path: Path) -> None:
    path = workbook(tmp_path, rows(GOAL, task(1, responsible=None)))
    with speaking("vi"):
        message = load(path, register()).problems[0].message
    assert message


def test_a_deadline_before_the_day_of_signing_is_asked_about(tmp_path: Path) -> None:
    loaded = judged(tmp_path, GOAL, task(1, due="20/4/2019"), task(2, due="4/5/2020"))
    found = [problem for problem in loaded.problems if problem.code == "due_before_signed"]
    assert [(problem.severity, problem.place) for problem in found] == [("warning", "Kế hoạch!G7")]
    assert "20/4/2019" in found[0].message
