"""Claims of planner/service/drawings.py: which days, whose tasks and what standing a drawing shows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from planner.config import Settings
from planner.errors import InputRejected, NotFound, UsageRefused, WorldFailed
from planner.reporter.drawing import Drawing, Node
from planner.service import drawings, tasks
from planner.service.desk import Desk
from tests.factories import at, fill, make_deadline, make_desk, make_plan, make_task, moved
from tests.store.actions import accept_plan

SETTINGS = Settings(home=Path("/nowhere"))


def plan_file(folder: Path, *tasks: dict[str, object], **head: object) -> Path:
    path = folder / "ke-hoach.yaml"
    goals = [{"code": "I", "title": "Mục tiêu", "tasks": list(tasks)}]
    path.write_text(yaml.safe_dump({"agency": "stttt", **head, "goals": goals}, allow_unicode=True), encoding="utf-8")
    return path


def by_key(drawing: Drawing) -> dict[str, Node]:
    return {node.key: node for node in drawing.nodes}


def test_a_file_of_durations_alone_is_drawn_in_days_from_0(tmp_path: Path) -> None:
    path = plan_file(
        tmp_path,
        {"code": "A", "duration": 3},
        {"code": "B", "duration": 2, "after": ["A"]},
        {"code": "C", "duration": 1, "after": ["A"]},
    )
    schedule, drawing = drawings.of_file(path, SETTINGS)
    assert drawing.origin is None
    assert drawing.today is None
    assert drawing.days_off == ()
    found = by_key(drawing)
    assert [(n.start, n.finish, n.tail, n.slack) for n in found.values()] == [(0, 3, 3, 0), (3, 5, 5, 0), (3, 4, 5, 1)]
    assert {n.key for n in found.values() if n.critical} == set(schedule.critical) == {"A", "B"}
    assert [(e.before, e.after, e.critical) for e in drawing.edges] == [("A", "B", True), ("A", "C", False)]


def test_a_file_with_dates_is_drawn_on_the_days_it_plans(tmp_path: Path) -> None:
    path = plan_file(
        tmp_path,
        {"code": "I.1", "due": "08/5/2020"},
        {"code": "I.2", "duration": 2, "after": ["I.1"], "due": "20/5/2020"},
        {"code": "I.3", "start": date(2020, 5, 6), "duration": 1},
        signed=date(2020, 5, 4),
    )
    _schedule, drawing = drawings.of_file(path, SETTINGS)
    assert drawing.origin == date(2020, 5, 4)  # a Monday
    found = by_key(drawing)
    assert (found["I.1"].start, found["I.1"].finish, found["I.1"].due) == (0, 5, 5)
    assert (found["I.2"].start, found["I.2"].finish, found["I.2"].due) == (7, 9, 17)  # behind the weekend
    assert (found["I.3"].start, found["I.3"].finish) == (2, 3)
    assert found["I.3"].slack == 6  # of 7 days: 5 of I.1 and 2 of I.2
    assert found["I.3"].tail == 9  # never behind the end of the plan
    assert drawing.days_off[0] == (5, 7)


def test_a_task_of_another_agency_stands_outside_and_before_who_waits_for_it(tmp_path: Path) -> None:
    path = plan_file(
        tmp_path,
        {"code": "I.1", "due": "08/5/2020", "after": ["vp-ubnd:II.3"]},
        {"code": "I.2", "due": "20/5/2020", "after": ["I.1", "vp-ubnd:II.3", "assigned/snv:3.3.9"]},
        signed=date(2020, 5, 4),
    )
    _schedule, drawing = drawings.of_file(path, SETTINGS)
    found = by_key(drawing)
    outside = [node for node in drawing.nodes if node.outside]
    assert [(node.key, node.agency) for node in outside] == [("vp-ubnd:II.3", "vp-ubnd"), ("assigned/snv:3.3.9", "snv")]
    assert all(node.finish <= found["I.1"].start or node.key.startswith("assigned") for node in outside)
    assert {(e.before, e.after) for e in drawing.edges} == {
        ("vp-ubnd:II.3", "I.1"),
        ("I.1", "I.2"),
        ("vp-ubnd:II.3", "I.2"),
        ("assigned/snv:3.3.9", "I.2"),
    }
    assert [code for code, _name in drawing.agencies] == ["vp-ubnd", "snv", "stttt"]


def test_a_circle_is_refused_with_its_place(tmp_path: Path) -> None:
    path = plan_file(
        tmp_path, {"code": "A", "duration": 1, "after": ["B"]}, {"code": "B", "duration": 1, "after": ["A"]}
    )
    with pytest.raises(InputRejected) as caught:
        drawings.of_file(path, SETTINGS)
    assert caught.value.problems


@pytest.fixture
def desk(database_url: str) -> Desk:
    desk = make_desk(database_url)
    fill(desk)
    accept_plan(
        desk, make_plan("vp-ubnd", tasks=[make_task("I.1", title="Danh mục", deadline=make_deadline(date(2020, 5, 8)))])
    )
    first = make_task("I.1", responsible="focal@stttt.example.vn")
    last = make_task(
        "I.2", duration=3, after=("I.1", "vp-ubnd:I.1", "snv:I.9"), deadline=make_deadline(date(2020, 6, 5))
    )
    accept_plan(desk, make_plan(tasks=[first, last]))
    return desk


def test_a_stored_plan_is_drawn_as_it_stands_today(desk: Desk) -> None:
    later = moved(desk, now=at(date(2020, 5, 25)))
    _schedule, drawing = drawings.of_stored(later, "stttt")
    assert drawing.origin is not None
    assert drawing.today is not None
    assert date.fromordinal(drawing.origin.toordinal() + drawing.today) == date(2020, 5, 25)
    found = by_key(drawing)
    assert found["I.1"].state == "quá hạn"
    assert found["I.1"].late
    assert found["I.1"].responsible == "Trần Văn Nam"
    assert found["vp-ubnd:I.1"].title == "Danh mục"
    assert found["vp-ubnd:I.1"].late
    assert found["snv:I.9"].title == ""
    assert found["snv:I.9"].outside
    last_day = date.fromordinal(drawing.origin.toordinal() + found["I.1"].finish - 1)
    assert last_day == date(2020, 5, 25)  # done today at the earliest
    assert found["I.2"].start == found["I.1"].finish
    assert ("stttt", "Sở Thông tin và Truyền thông") in drawing.agencies
    desk.close()


def test_a_task_done_is_drawn_as_closed_and_without_slack(desk: Desk) -> None:
    tasks.done(moved(desk, now=at(date(2020, 5, 7))), "stttt:I.1", document="1/BC", on=date(2020, 5, 7), file=None)
    _schedule, drawing = drawings.of_stored(moved(desk, now=at(date(2020, 5, 8))), "stttt")
    done = by_key(drawing)["I.1"]
    assert done.closed
    assert done.tail == done.finish
    assert done.state == "chờ xác nhận"
    assert not done.late
    desk.close()


def test_a_plan_that_is_not_there_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        drawings.of_stored(desk, "snv")
    desk.close()


def test_only_known_formats_are_written_and_never_over_the_plan_itself(tmp_path: Path) -> None:
    plan = tmp_path / "plan.svg"
    for wrong in ("x.png", "x", "x.yaml"):
        with pytest.raises(UsageRefused, match=r"\.svg, \.dot, \.mmd"):
            drawings.require_format(tmp_path / wrong)
    assert drawings.require_format(tmp_path / "X.SVG", plan) == "svg"
    with pytest.raises(UsageRefused):
        drawings.require_format(tmp_path / "." / "plan.svg", plan)


def test_a_disk_that_refuses_leaves_the_former_drawing_and_nothing_else(tmp_path: Path) -> None:
    _schedule, drawing = drawings.of_file(plan_file(tmp_path, {"code": "A", "duration": 3}), SETTINGS)
    with pytest.raises(WorldFailed):
        drawings.write(drawing, tmp_path / "missing" / "x.svg")
    (tmp_path / "x.svg").mkdir()
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(WorldFailed):
        drawings.write(drawing, tmp_path / "x.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
