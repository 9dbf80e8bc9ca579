"""What one slip moves, from the database to the answer: across agencies, with nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from planner.errors import NotFound, Refused
from planner.service import tasks
from planner.service.desk import Desk
from planner.service.impact import impact
from planner.service.plans import show
from tests.factories import TODAY, content, fill, focal, make_deadline, make_desk, make_plan, make_task
from tests.store.actions import accept_plan

FIRST = "stttt:I.1"


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)  # Tuesday 5 May 2020
    fill(desk)
    mine = [
        make_task("I.1", duration=3, deadline=make_deadline(date(2020, 5, 8))),
        make_task("I.2", duration=2, deadline=make_deadline(date(2020, 5, 12)), after=("I.1",)),
        make_task("I.3", start=date(2020, 6, 1), deadline=make_deadline(date(2020, 6, 5)), after=("I.1",)),
        make_task("I.4", deadline=make_deadline(date(2020, 5, 6))),
    ]
    accept_plan(desk, make_plan("stttt", mine))
    theirs = make_task("I.1", responsible=focal("snv"), duration=1, after=("stttt:I.2",))
    accept_plan(desk, make_plan("snv", [theirs]))
    yield desk
    desk.engine.dispose()


def test_a_slip_moves_those_without_room_of_whatever_agency(desk: Desk) -> None:
    found = impact(desk, FIRST, 3)
    told = [(m["task"], m["agency"], m["finish_before"].day, m["finish_after"].day) for m in found["moves"]]
    # 5, 6, 7 May, then 8 and 11, then 12; three working days later: 12, then 13 and 14, then 15.
    assert told == [("stttt:I.1", "stttt", 7, 12), ("stttt:I.2", "stttt", 11, 14), ("snv:I.1", "snv", 12, 15)]
    assert found["newly_late"] == ["stttt:I.1", "stttt:I.2"]
    assert found["agencies"] == ["stttt", "snv"]
    assert found["moves"][2]["responsible"] == focal("snv")
    assert found["moves"][2]["last_day"] == date(2020, 5, 22)


def test_what_it_moves_from_is_what_the_plan_shows(desk: Desk) -> None:
    shown = {task["code"]: task["forecast_finish"] for goal in show(desk, "stttt")["goals"] for task in goal["tasks"]}
    moves = {m["task"]: m["finish_before"] for m in impact(desk, FIRST, 40)["moves"]}
    assert moves == {"snv:I.1": date(2020, 5, 12), **{f"stttt:{code}": shown[code] for code in ("I.1", "I.2", "I.3")}}


def test_asking_changes_nothing(desk: Desk) -> None:
    before = content(desk.engine)
    impact(desk, FIRST, 3)
    assert content(desk.engine) == before


def test_only_work_that_is_owed_can_slip(desk: Desk) -> None:
    tasks.done(desk, "stttt:I.4", document="5/BC", on=TODAY, file=None)
    with pytest.raises(Refused, match=r"stttt:I\.4"):
        impact(desk, "stttt:I.4", 3)
    with pytest.raises(NotFound, match=r"IX\.9"):
        impact(desk, "stttt:IX.9", 3)
