"""Promises and snoozes: who may, how far, what ends them, and what the record keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from planner.domain.agency import Absence, Officer
from planner.domain.changes import AbsenceRecorded, OfficersImported
from planner.domain.plan import PauseKind, TaskRecord
from planner.errors import InputRejected, PermissionRefused, Refused
from planner.i18n import speaking
from planner.service import pauses, tasks
from planner.service.desk import Desk
from planner.store import cases, events, ledger, plans
from planner.store.state import as_of, present
from tests.factories import (
    DIRECTIVE,
    NOW,
    POLICY,
    TODAY,
    at,
    content,
    fill,
    focal,
    head,
    make_deadline,
    make_desk,
    make_notice,
    make_plan,
    make_task,
    moved,
)
from tests.store.actions import accept_plan

T = "stttt:I.1"
KEY = f"{DIRECTIVE}/snv:I.1"
OF_SNV = "snv:I.1"
WORKER, STAND_IN, OTHER = "w@snv.example.vn", "s@snv.example.vn", "o@snv.example.vn"


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)
    fill(desk)
    people = tuple(
        Officer(email=email, name=email, title="", agency="snv", substitute=STAND_IN if email == WORKER else None)
        for email in (WORKER, STAND_IN, OTHER)
    )
    with desk.writing() as session:
        desk.record(session, [("officers", OfficersImported(officers=people))])
    accept_plan(desk, make_plan())
    accept_plan(desk, make_plan("snv", [make_task("I.1", responsible=WORKER)]))
    yield desk
    desk.engine.dispose()


def acknowledge(desk: Desk, name: str = OF_SNV, **fields: Any) -> dict[str, Any]:
    return pauses.acknowledge(desk, name, **{"until": TODAY + timedelta(days=3), "reason": "chờ ký số", **fields})


def snooze(desk: Desk, name: str = OF_SNV, **fields: Any) -> dict[str, Any]:
    return pauses.snooze(desk, name, **{"until": TODAY + timedelta(days=3), "reason": "chờ hướng dẫn", **fields})


def record(desk: Desk, key: str = KEY) -> TaskRecord:
    with desk.reading() as session:
        return plans.task_records(session, keys=[key])[key]


# --- who ---


@pytest.mark.parametrize("user", [None, WORKER, STAND_IN, focal("snv"), head("snv"), focal("stttt")])
def test_who_answers_for_a_task_and_who_stands_above_may_promise(desk: Desk, user: str | None) -> None:
    data = acknowledge(moved(desk, user=user))
    assert data["promise"]["by"] == (user or "local")
    assert data["promise"]["until"] == TODAY + timedelta(days=3)


@pytest.mark.parametrize("user", [OTHER, focal("vp-ubnd")])
def test_a_colleague_and_another_agency_may_not_promise(desk: Desk, user: str) -> None:
    before = content(desk.engine)
    with pytest.raises(PermissionRefused):
        acknowledge(moved(desk, user=user))
    assert content(desk.engine) == before


def test_who_stands_in_during_an_absence_may_promise_while_it_lasts(desk: Desk) -> None:
    absence = Absence(officer=WORKER, first_day=TODAY, last_day=TODAY + timedelta(days=1), substitute=OTHER)
    with desk.writing() as session:
        desk.record(session, [("officers", AbsenceRecorded(absence=absence))])
    assert acknowledge(moved(desk, user=OTHER))["promise"]["by"] == OTHER
    with pytest.raises(PermissionRefused):
        acknowledge(moved(desk, user=OTHER, now=NOW + timedelta(days=2)))


@pytest.mark.parametrize("user", [WORKER, focal("snv"), head("snv")])
def test_a_snooze_is_the_departments_alone(desk: Desk, user: str) -> None:
    with pytest.raises(PermissionRefused):
        snooze(moved(desk, user=user))
    assert snooze(moved(desk, user=focal("stttt")))["snooze"]["by"] == focal("stttt")
    with pytest.raises(PermissionRefused):
        pauses.lift(moved(desk, user=user), OF_SNV, PauseKind.SNOOZE, reason="thôi")


# --- how far ---


@pytest.mark.parametrize("act", [acknowledge, snooze])
@pytest.mark.parametrize("reason", ["", "  \n"])
def test_without_a_reason_nothing_is_recorded(desk: Desk, act: Callable[..., Any], reason: str) -> None:
    with pytest.raises(InputRejected) as caught:
        act(desk, reason=reason)
    assert [(p.place, p.code) for p in caught.value.problems] == [("--reason", "value_missing")]


@pytest.mark.parametrize("act", [acknowledge, snooze])
def test_a_reason_that_mails_would_repeat_without_end_is_refused(desk: Desk, act: Callable[..., Any]) -> None:
    with pytest.raises(InputRejected) as caught:
        act(desk, reason="y" * 2001)
    assert [(p.place, p.code) for p in caught.value.problems] == [("--reason", "value_too_long")]
    assert act(desk, reason="y" * 2000)


# From Tuesday 5 May 2020: ten working days end on Tuesday the 19th, twenty on Tuesday 2 June.
@pytest.mark.parametrize(
    ("act", "option", "latest", "most"),
    [
        (acknowledge, "--promise", date(2020, 5, 19), "10 working days"),
        (snooze, "--until", date(2020, 6, 2), "20 working days"),
    ],
)
def test_a_day_beyond_the_limit_is_refused_with_the_limit_named(
    desk: Desk, act: Callable[..., Any], option: str, latest: date, most: str
) -> None:
    assert act(desk, until=latest)
    with speaking("en"), pytest.raises(InputRejected) as caught:
        act(desk, until=latest + timedelta(days=1))
    (problem,) = caught.value.problems
    assert (problem.place, problem.code) == (option, "pause_day")
    assert most in problem.message
    assert f"{latest.day}/{latest.month}/2020" in problem.message.replace("/0", "/")


@pytest.mark.parametrize("act", [acknowledge, snooze])
def test_a_day_that_is_past_is_refused_and_today_is_not(desk: Desk, act: Callable[..., Any]) -> None:
    with pytest.raises(InputRejected):
        act(desk, until=TODAY - timedelta(days=1))
    assert act(desk, until=TODAY)


def test_the_limits_are_those_of_the_policy_that_the_case_runs_under(desk: Desk) -> None:
    strict = replace(POLICY, content={"acknowledge": {"most": "2wd"}, "snooze": {"most": "3d"}})
    loose = replace(POLICY, hash="q", content={"acknowledge": {"most": "40wd"}, "snooze": {"most": "90d"}})
    with desk.writing() as session:
        ledger.enqueue(session, [make_notice(KEY)], policy=strict, at=NOW)
    for _later in range(2):
        with pytest.raises(InputRejected):
            acknowledge(desk, until=date(2020, 5, 8))  # the third working day
        with pytest.raises(InputRejected):
            snooze(desk, until=date(2020, 5, 9))  # the fourth day
        with desk.writing() as session:  # a newer version is in use, for other cases
            ledger.enqueue(session, [make_notice(f"{DIRECTIVE}/stttt:I.2")], policy=loose, at=NOW + timedelta(hours=1))
    assert acknowledge(desk, T, until=date(2020, 6, 20))  # not begun yet: it would begin under the newest
    with desk.writing() as session:
        cases.move(session, [(KEY, 0)], loose, NOW + timedelta(hours=2))
    assert acknowledge(desk, until=date(2020, 6, 20))


# --- what ends them ---


def test_a_new_deadline_and_a_result_handed_in_end_a_promise_and_leave_a_snooze(desk: Desk) -> None:
    acknowledge(desk)
    snooze(desk)
    tasks.extend(desk, OF_SNV, to=date(2020, 6, 10), reason="chờ máy chủ", document="9/CV")
    assert (record(desk).promise, record(desk).snooze is None) == (None, False)
    acknowledge(desk)
    tasks.done(desk, OF_SNV, document="1/BC", on=TODAY, file=None)
    assert record(desk).promise is None
    tasks.return_(desk, OF_SNV, "thiếu chữ ký")
    assert record(desk).promise is None


def test_a_deadline_filed_anew_ends_a_promise(desk: Desk) -> None:
    acknowledge(desk)
    accept_plan(desk, make_plan("snv", [make_task("I.1", responsible=WORKER, title="Tên mới")]))
    assert record(desk).promise is not None
    later = make_deadline(date(2020, 6, 30))
    accept_plan(desk, make_plan("snv", [make_task("I.1", responsible=WORKER, deadline=later)]))
    assert record(desk).promise is None


def test_reporting_progress_leaves_a_promise(desk: Desk) -> None:
    acknowledge(desk)
    tasks.progress(desk, OF_SNV, 40, "đang làm")
    assert record(desk).promise is not None


def test_a_promise_and_a_snooze_can_be_lifted_and_only_while_they_hold(desk: Desk) -> None:
    for act, what in ((acknowledge, PauseKind.PROMISE), (snooze, PauseKind.SNOOZE)):
        with pytest.raises(Refused):
            pauses.lift(desk, OF_SNV, what, reason="thôi")
        act(desk)
        with pytest.raises(InputRejected):
            pauses.lift(desk, OF_SNV, what, reason=" ")
        with pytest.raises(Refused):
            pauses.lift(moved(desk, now=NOW + timedelta(days=4)), OF_SNV, what, reason="thôi")
        assert pauses.lift(desk, OF_SNV, what, reason="xong sớm")[what.value] is None


@pytest.mark.parametrize("act", [acknowledge, snooze])
def test_of_what_nobody_is_reminded_nothing_is_promised_or_held(desk: Desk, act: Callable[..., Any]) -> None:
    tasks.done(desk, OF_SNV, document="1/BC", on=TODAY, file=None)
    if act is snooze:
        assert act(desk)["snooze"]  # the confirmer is reminded
    else:
        with pytest.raises(Refused):
            act(desk)
    tasks.confirm(desk, OF_SNV)
    with pytest.raises(Refused):
        act(desk)


# --- the record ---


def test_the_history_of_a_task_tells_who_promised_what_and_until_when(desk: Desk) -> None:
    acknowledge(moved(desk, user=WORKER))
    snooze(desk)
    pauses.lift(desk, OF_SNV, PauseKind.PROMISE, reason="làm xong sớm")
    shown = tasks.show(desk, OF_SNV)
    assert [(h["kind"], h["actor"], h["until"], h["reason"]) for h in shown["history"]] == [
        ("task.acknowledged", WORKER, TODAY + timedelta(days=3), "chờ ký số"),
        ("task.snoozed", "local", TODAY + timedelta(days=3), "chờ hướng dẫn"),
        ("task.resumed", "local", None, "làm xong sớm"),
    ]
    assert shown["promise"] is None
    assert shown["snooze"] == {
        "until": TODAY + timedelta(days=3),
        "reason": "chờ hướng dẫn",
        "by": "local",
        "at": NOW,
        "holds": True,
    }
    later = tasks.show(moved(desk, now=at(TODAY + timedelta(days=4))), OF_SNV)
    assert later["snooze"]["holds"] is False


def test_what_was_promised_is_known_as_of_any_day_and_the_chain_holds(desk: Desk) -> None:
    acknowledge(desk)
    later = moved(desk, now=NOW + timedelta(days=1))
    pauses.lift(later, OF_SNV, PauseKind.PROMISE, reason="thôi")
    with desk.reading() as session:
        then = as_of(session, NOW + timedelta(hours=1)).tasks[KEY]
        assert then.promise is not None
        assert (then.promise.until, then.promise.reason) == (TODAY + timedelta(days=3), "chờ ký số")
        assert as_of(session, later.now).tasks == present(session, later.now).tasks
        assert events.verify(session).ok


@pytest.mark.parametrize("act", [acknowledge, snooze])
def test_a_dry_run_leaves_no_trace(desk: Desk, act: Callable[..., Any]) -> None:
    before = content(desk.engine)
    assert act(moved(desk, dry_run=True))
    assert content(desk.engine) == before
