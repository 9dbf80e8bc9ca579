"""What differs between two versions, and which tasks are recognised under another number."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from planner.domain.comparison import FIELD_NAMES, Titled, compare, renumberings, similar
from planner.domain.plan import Goal, Plan, PlannedTask
from tests.factories import make_deadline, make_plan, make_task


def titled(**titles: str) -> dict[str, Titled]:
    return {code.replace("_", "."): Titled(goal="Mục tiêu", title=title) for code, title in titles.items()}


def found(old: dict[str, Titled], new: dict[str, Titled]) -> list[tuple[str, str]]:
    return [(one.old, one.new) for one in renumberings(old, new)]


def test_a_title_that_stands_once_under_a_new_number_is_recognised() -> None:
    assert found(titled(I_1="A", I_3="B"), titled(I_1="A", I_4="B")) == [("I.3", "I.4")]


def test_a_row_inserted_at_the_top_shifts_every_number() -> None:
    old = titled(I_1="A", I_2="B", I_3="C")
    assert found(old, titled(I_1="mới", I_2="A", I_3="B", I_4="C")) == [
        ("I.1", "I.2"),
        ("I.2", "I.3"),
        ("I.3", "I.4"),
    ]


def test_two_tasks_that_change_places_are_both_recognised() -> None:
    assert found(titled(I_1="A", I_2="B"), titled(I_1="B", I_2="A")) == [("I.2", "I.1"), ("I.1", "I.2")]


def test_a_title_that_stands_twice_is_never_guessed() -> None:
    assert found(titled(I_1="A", I_2="A"), titled(I_3="A", I_2="A")) == []
    assert found(titled(I_1="A"), titled(I_2="A", I_3="A")) == []


def test_the_goal_tells_apart_tasks_of_one_title() -> None:
    old = {"I.1": Titled(goal="X", title="Báo cáo"), "II.1": Titled(goal="Y", title="Báo cáo")}
    new = {"I.2": Titled(goal="X", title="Báo cáo"), "II.1": Titled(goal="Y", title="Báo cáo")}
    assert found(old, new) == [("I.1", "I.2")]


def test_a_task_that_moves_to_another_goal_is_recognised() -> None:
    assert found({"I.1": Titled(goal="X", title="A")}, {"II.4": Titled(goal="Y", title="A")}) == [("I.1", "II.4")]


def test_case_spaces_and_the_place_of_tone_marks_do_not_matter_but_tones_do() -> None:
    assert found(titled(I_1="Số hoá  hồ sơ"), titled(I_2="số hóa hồ sơ")) == [("I.1", "I.2")]
    assert found(titled(I_1="Hoằng Quý"), titled(I_2="Hoằng Quỳ")) == []


def test_a_changed_title_at_its_number_is_no_renumbering() -> None:
    assert found(titled(I_1="A"), titled(I_1="B")) == []


def test_a_title_much_like_another_is_a_hint() -> None:
    new = {"I.7": "Rà soát, cấp chữ ký số cho cán bộ công chức", "I.8": "Tập huấn"}
    assert similar("Rà soát, cấp chữ ký số cho cán bộ, công chức", new) == "I.7"
    assert similar("Mua máy chủ", new) is None


def test_nothing_differs_between_a_plan_and_itself() -> None:
    assert compare(make_plan(), make_plan()).is_empty


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("title", "Rà soát, cấp chữ ký số", "khác"),
        ("responsible", make_task().responsible, "a@b.vn"),
        ("cooperating", (), ("snv",)),
        ("start", None, date(2020, 5, 6)),
        ("duration", None, 3),
        ("deliverable", "", "Báo cáo"),
        ("after", (), ("vp-ubnd:I.1",)),
        ("note", "", "x"),
    ],
)
def test_each_field_of_a_task_that_changed_is_told(field: str, before: Any, after: Any) -> None:
    changes: dict[str, Any] = {field: after}
    new = replace(make_task(), **changes)
    [one] = compare(make_plan(tasks=[make_task()]), make_plan(tasks=[new])).changed
    assert (one.what, one.code, one.field, one.before, one.after) == ("task", "I.1", field, before, after)
    assert one.field in FIELD_NAMES


def test_a_moved_deadline_is_told_by_its_words_and_its_day() -> None:
    new = make_task(deadline=make_deadline(date(2020, 6, 1)))
    changed = compare(make_plan(tasks=[make_task()]), make_plan(tasks=[new])).changed
    assert [(one.field, one.after) for one in changed] == [
        ("due_text", "01/06/2020"),
        ("last_day", date(2020, 6, 1)),
    ]


def test_goals_and_the_plan_itself_are_compared_too() -> None:
    old = make_plan()
    new = replace(old, number="13/KH", goals=(replace(old.goals[0], title="Khác", target=None),))
    assert [(one.what, one.field) for one in compare(old, new).changed] == [
        ("plan", "number"),
        ("goal", "title"),
        ("goal", "target"),
    ]


def _tasks(*named: tuple[str, str, tuple[str, ...]]) -> list[PlannedTask]:
    return [make_task(code, title=title, after=after) for code, title, after in named]


def test_a_shifted_plan_differs_by_the_new_row_alone() -> None:
    old = make_plan(tasks=_tasks(("I.1", "A", ()), ("I.2", "B", ("I.1",))))
    new = make_plan(tasks=_tasks(("I.1", "mới", ()), ("I.2", "A", ()), ("I.3", "B", ("I.2",))))
    seen = compare(old, new)
    assert [task.code for task in seen.added] == ["I.1"]
    assert ([(one.old, one.new) for one in seen.renumbered], seen.removed, seen.changed) == (
        [("I.1", "I.2"), ("I.2", "I.3")],
        (),
        (),
    )


def test_what_was_said_about_the_numbers_goes_before_what_titles_show() -> None:
    old, new = make_plan(tasks=_tasks(("I.1", "A", ()))), make_plan(tasks=_tasks(("I.2", "A", ())))
    seen = compare(old, new, {})
    assert (len(seen.added), len(seen.removed), seen.renumbered) == (1, 1, ())
    other = make_plan(tasks=_tasks(("I.2", "B", ())))
    assert compare(old, other, {"I.1": "I.2"}).counts == {"added": 0, "removed": 0, "renumbered": 1, "changed": 1}


def test_the_counts_count_tasks_and_not_fields() -> None:
    new = make_task(title="khác", note="x")
    plan = Plan(agency="a", directive="d", goals=(Goal(code="I", title="x", tasks=(new,)),))
    old = replace(plan, goals=(replace(plan.goals[0], tasks=(make_task(),)),))
    assert compare(old, plan).counts == {"added": 0, "removed": 0, "renumbered": 0, "changed": 1}


def test_a_goal_under_another_number_is_one_change_and_none_of_its_tasks() -> None:
    old = make_plan()
    goal = old.goals[0]
    new = replace(old, goals=(Goal(code="I", title="Mục tiêu mới"), replace(goal, code="II", tasks=goal.tasks)))
    told = compare(old, new)
    assert [(one.what, one.code, one.field, one.before, one.after) for one in told.changed] == [
        ("goal", "I", "code", None, "I"),
        ("goal", "I", "title", None, "Mục tiêu mới"),
        ("goal", "II", "code", "I", "II"),
    ]
    assert told.counts["changed"] == 0


def test_a_goal_that_is_left_out_is_told() -> None:
    new = make_plan()
    old = replace(new, goals=(*new.goals, Goal(code="IX", title="Bỏ")))
    assert [(one.what, one.field, one.before, one.after) for one in compare(old, new).changed] == [
        ("goal", "code", "IX", None)
    ]
