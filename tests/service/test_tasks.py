"""The life of a task: who may move it, what a result needs, what an extension leaves behind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from planner.domain.status import TaskState, Timeliness
from planner.errors import InputRejected, NotFound, PermissionRefused, Refused, TransitionRefused
from planner.service import tasks
from planner.service.desk import Desk
from tests.factories import (
    NOW,
    TODAY,
    at,
    content,
    fill,
    focal,
    head,
    make_deadline,
    make_desk,
    make_plan,
    make_task,
    moved,
)
from tests.store.actions import accept_plan

T = "stttt:I.1"


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)
    fill(desk)
    accept_plan(desk, make_plan())
    accept_plan(desk, make_plan("snv", [make_task("I.1", responsible=focal("snv"), deadline=make_deadline(None))]))
    yield desk
    desk.engine.dispose()


def done(desk: Desk, name: str = T, **fields: Any) -> dict[str, Any]:
    return tasks.done(desk, name, **{"document": "5/BC-STTTT", "on": TODAY, "file": None, **fields})


def test_a_task_goes_from_assigned_to_confirmed(desk: Desk) -> None:
    states = [tasks.start(desk, T), tasks.progress(desk, T, 60, "đã khảo sát"), done(desk), tasks.confirm(desk, T)]
    assert [s["state"] for s in states] == ["in_progress", "in_progress", "submitted", "confirmed"]
    assert [s["percent"] for s in states] == [0, 60, 100, 100]
    shown = tasks.show(desk, T)
    assert [h["kind"] for h in shown["history"]] == ["task.moved"] * 4
    assert shown["history"][1]["reason"] == "đã khảo sát"
    assert (shown["document"], shown["done_on"], shown["recorded_on"]) == ("5/BC-STTTT", TODAY, TODAY)


def test_a_returned_result_opens_the_task_again_and_leaves_its_deadline(desk: Desk) -> None:
    done(desk)
    returned = tasks.return_(desk, T, "thiếu chữ ký")
    assert (returned["state"], returned["last_day"]) == ("returned", date(2020, 5, 22))
    shown = tasks.show(desk, T)
    assert (shown["document"], shown["done_on"], shown["reason"]) == (None, None, "thiếu chữ ký")
    assert done(desk, document="6/BC")["state"] == "submitted"


Move = Callable[[Desk], Any]
START: Move = lambda desk: tasks.start(desk, T)  # noqa: E731
DONE: Move = done
CONFIRM: Move = lambda desk: tasks.confirm(desk, T)  # noqa: E731
RETURN: Move = lambda desk: tasks.return_(desk, T, "thiếu")  # noqa: E731


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ([], CONFIRM),
        ([], RETURN),
        ([START], CONFIRM),
        ([DONE], START),
        ([DONE], DONE),
        ([DONE, CONFIRM], START),
        ([DONE, CONFIRM], DONE),
        ([DONE, CONFIRM], CONFIRM),
        ([DONE, CONFIRM], RETURN),
        ([DONE, RETURN], CONFIRM),
    ],
)
def test_a_move_that_is_not_allowed_is_refused_and_leaves_no_trace(
    desk: Desk, before: list[Move], refused: Move
) -> None:
    for move in before:
        move(desk)
    state = content(desk.engine)
    with pytest.raises(TransitionRefused) as error:
        refused(desk)
    assert (error.value.exit_code, content(desk.engine)) == (4, state)


def test_a_result_without_a_document_and_from_tomorrow_has_both_problems_told(desk: Desk) -> None:
    with pytest.raises(InputRejected) as rejected:
        done(desk, document=" ", on=TODAY + timedelta(days=1))
    assert [p.code for p in rejected.value.problems] == ["result_missing", "date_in_future"]


def test_a_document_of_today_is_not_of_the_future_while_it_is_still_yesterday_in_utc(desk: Desk) -> None:
    early = moved(desk, now=at(TODAY + timedelta(days=1), 1))
    assert early.now.date() == TODAY
    assert done(early, on=TODAY + timedelta(days=1))["state"] == "submitted"


def test_a_file_is_a_document_and_its_hash_is_kept(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "báo cáo.pdf"
    path.write_bytes(b"%PDF")
    done(desk, document="", file=path)
    with desk.reading() as session:
        result = tasks.find(session, desk, T).result
    assert result is not None
    assert (result.file_name, result.file_sha256) == ("báo cáo.pdf", hashlib.sha256(b"%PDF").hexdigest())


def test_a_file_that_is_not_there_is_not_found(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        done(desk, file=tmp_path / "missing.pdf")


@pytest.mark.parametrize(
    ("on", "wanted"),
    [(date(2020, 5, 22), "done_on_time"), (date(2020, 5, 23), "done_late")],
)
def test_a_task_is_late_by_its_work_and_not_by_its_data_entry(desk: Desk, on: date, wanted: str) -> None:
    assert done(moved(desk, now=at(date(2020, 7, 1))), on=on)["timeliness"] == wanted


def test_an_extension_keeps_the_first_day_and_counts_from_the_new_one(desk: Desk) -> None:
    tasks.extend(desk, T, to=date(2020, 6, 5), reason="chờ thiết bị", document="7/CV")
    tasks.extend(desk, T, to=date(2020, 6, 30), reason="chờ kinh phí", document="9/CV")
    shown = tasks.show(moved(desk, now=at(date(2020, 6, 1))), T)
    assert (shown["first_last_day"], shown["last_day"]) == (date(2020, 5, 22), date(2020, 6, 30))
    assert [(e["from"], e["to"], e["document"]) for e in shown["extensions"]] == [
        (date(2020, 5, 22), date(2020, 6, 5), "7/CV"),
        (date(2020, 6, 5), date(2020, 6, 30), "9/CV"),
    ]
    assert shown["timeliness"] == "in_time"
    with desk.reading() as session:
        assert tasks.find(session, desk, T).deadline_revision == 2


@pytest.mark.parametrize("to", [date(2020, 5, 22), date(2020, 5, 1)])
def test_an_extension_to_no_later_day_is_refused(desk: Desk, to: date) -> None:
    with pytest.raises(Refused):
        tasks.extend(desk, T, to=to, reason="x", document="7/CV")


def test_an_extension_of_a_task_that_is_handed_in_or_has_no_deadline_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        tasks.extend(desk, "snv:I.1", to=date(2020, 7, 1), reason="x", document="7/CV")
    assert "None" not in refused.value.message
    done(desk)
    with pytest.raises(Refused):
        tasks.extend(desk, T, to=date(2020, 7, 1), reason="x", document="7/CV")


@pytest.mark.parametrize(("reason", "document", "n"), [("", "7/CV", 1), ("chờ", " ", 1), ("", "", 2)])
def test_an_extension_needs_its_grounds(desk: Desk, reason: str, document: str, n: int) -> None:
    with pytest.raises(InputRejected) as rejected:
        tasks.extend(desk, T, to=date(2020, 7, 1), reason=reason, document=document)
    assert len(rejected.value.problems) == n


def test_a_result_is_returned_with_a_reason(desk: Desk) -> None:
    done(desk)
    with pytest.raises(InputRejected):
        tasks.return_(desk, T, "")


def test_an_officer_moves_the_own_agencys_tasks_only(desk: Desk) -> None:
    officer = moved(desk, user=focal("snv"))
    assert tasks.start(officer, "snv:I.1")["state"] == "in_progress"
    for move in (tasks.start, done, lambda d, t: tasks.progress(d, t, 5, "")):
        with pytest.raises(PermissionRefused):
            move(officer, T)


def test_nobody_confirms_extends_or_returns_the_own_result_but_the_department(desk: Desk) -> None:
    officer = moved(desk, user=head("snv"))
    done(officer, "snv:I.1")
    moves: tuple[Callable[[], object], ...] = (
        lambda: tasks.confirm(officer, "snv:I.1"),
        lambda: tasks.return_(officer, "snv:I.1", "x"),
        lambda: tasks.extend(officer, "snv:I.1", to=date(2020, 7, 1), reason="x", document="7/CV"),
    )
    for move in moves:
        with pytest.raises(PermissionRefused):
            move()
    assert tasks.confirm(moved(desk, user=head("stttt")), "snv:I.1")["state"] == "confirmed"


def test_the_actor_stands_in_the_history(desk: Desk) -> None:
    tasks.start(moved(desk, user=focal("stttt")), T)
    assert tasks.show(desk, T)["history"][0] | {"at": None} == {
        "at": None,
        "actor": focal("stttt"),
        "kind": "task.moved",
        "to": "in_progress",
        "until": None,
        "reason": "",
    }


@pytest.mark.parametrize("name", ["I.1", "stttt:IX.9", "nobody:I.1", ":", "kl-2020-04-29/stttt:", "stttt:i.1"])
def test_a_task_that_is_not_there_is_not_found(desk: Desk, name: str) -> None:
    with pytest.raises(NotFound):
        tasks.show(desk, name)


def test_a_task_has_a_short_and_a_long_name(desk: Desk) -> None:
    assert tasks.show(desk, T) == tasks.show(desk, "kl-2020-04-29/stttt:I.1")


def test_the_list_narrows_and_the_most_urgent_comes_first(desk: Desk) -> None:
    def names(**narrow: Any) -> list[str]:
        return [row["task"] for row in tasks.list_tasks(desk, tasks.TaskFilter(**narrow))]

    assert names() == ["assigned/snv:3.3.9", "assigned/stttt:3.3.7", "stttt:I.1", "stttt:I.2", "snv:I.1"]
    assert names(agency="snv") == ["assigned/snv:3.3.9", "snv:I.1"]
    assert names(responsible=focal("snv")) == ["snv:I.1"]
    assert names(timeliness=Timeliness.NO_DEADLINE) == ["snv:I.1"]
    tasks.start(desk, T)
    assert names(state=TaskState.IN_PROGRESS) == [T]
    assert names(agency="nobody") == []


def test_timeliness_turns_with_the_day(desk: Desk) -> None:
    def on(day: date) -> str:
        return str(tasks.show(moved(desk, now=at(day)), T)["timeliness"])

    # five working days before Friday 22 May 2020 is Friday 15 May
    assert [on(date(2020, 5, d)) for d in (14, 15, 22, 23)] == ["in_time", "due_soon", "due_soon", "overdue"]


def test_a_dry_run_answers_and_changes_nothing(desk: Desk) -> None:
    before = content(desk.engine)
    assert done(moved(desk, dry_run=True))["state"] == "submitted"
    assert content(desk.engine) == before


def test_the_clock_of_a_move_is_the_one_given(desk: Desk) -> None:
    tasks.start(moved(desk, now=NOW + timedelta(hours=5)), T)
    with desk.reading() as session:
        assert tasks.find(session, desk, T).state_since == NOW + timedelta(hours=5)


def test_what_is_done_stands_below_what_is_still_owed_however_early_its_last_day(desk: Desk) -> None:
    early, late = make_deadline(date(2020, 5, 8)), make_deadline(date(2020, 9, 1))
    accept_plan(desk, make_plan(tasks=[make_task("I.1", deadline=early), make_task("I.2", deadline=late)]))
    done(desk)
    tasks.confirm(desk, T)
    rows = [row["task"] for row in tasks.list_tasks(desk, tasks.TaskFilter(agency="stttt"))]
    assert rows == ["assigned/stttt:3.3.7", "stttt:I.2", "stttt:I.1"]


def test_the_history_of_a_task_says_which_state_each_move_led_to(desk: Desk) -> None:
    tasks.start(desk, T)
    done(desk)
    assert [entry["to"] for entry in tasks.show(desk, T)["history"]] == ["in_progress", "submitted"]
