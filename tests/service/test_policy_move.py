"""Moving reminder cases to another version of the policy: who may, which cases, and what the log keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from planner.errors import InputRejected, NotFound, PermissionRefused, UsageRefused
from planner.service import policy, tasks
from planner.service.desk import Desk
from planner.store import cases, events, ledger
from planner.store.state import as_of, present
from tests.factories import (
    DIRECTIVE,
    NOW,
    POLICY,
    TODAY,
    content,
    fill,
    focal,
    make_desk,
    make_notice,
    make_plan,
    moved,
)
from tests.store.actions import accept_plan

NEW = replace(POLICY, hash="q", name="tỉnh", version="2")
A1, A2, B1 = f"{DIRECTIVE}/stttt:I.1", f"{DIRECTIVE}/stttt:I.2", f"{DIRECTIVE}/snv:I.1"
OWED = f"{DIRECTIVE}/vp-ubnd"  # a plan that is not filed


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)
    fill(desk)
    accept_plan(desk, make_plan())
    accept_plan(desk, make_plan("snv"))
    with desk.writing() as session:
        ledger.enqueue(session, [make_notice(key) for key in (A1, A2, B1, OWED)], policy=POLICY, at=NOW)
    yield desk
    desk.engine.dispose()


def move(desk: Desk, **scope: Any) -> int:
    moved_cases: int = policy.move(desk, NEW, **{"reason": "thống nhất toàn tỉnh", **scope})["moved"]
    return moved_cases


def under_new(desk: Desk) -> set[str]:
    with desk.reading() as session:
        return {subject for (subject, _revision), found in cases.hashes(session).items() if found == "q"}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"task": "stttt:I.2"}, {A2}),
        ({"agency": "stttt"}, {A1, A2}),
        ({"agency": "vp-ubnd"}, {OWED}),
        ({"everything": True}, {A1, A2, B1, OWED}),
    ],
    ids=["task", "agency", "owed", "all"],
)
def test_the_cases_asked_for_move_once_and_no_others(desk: Desk, scope: dict[str, Any], expected: set[str]) -> None:
    assert move(desk, **scope) == len(expected)
    assert under_new(desk) == expected
    before = content(desk.engine)
    assert move(desk, **scope) == 0
    assert content(desk.engine) == before  # nothing moved: no event


def test_the_log_says_who_moved_how_many_from_which_version_and_why(desk: Desk) -> None:
    move(moved(desk, user=focal("stttt")), agency="stttt")
    move(desk, task="snv:I.1")
    with desk.reading() as session:
        found = [event for event in events.walk(session) if event.kind == "policy.moved"]
        assert [(e.subject, e.actor, e.reason) for e in found] == [
            ("policy", focal("stttt"), "thống nhất toàn tỉnh"),
            (B1, "local", "thống nhất toàn tỉnh"),
        ]
        change: Any = found[0].change
        assert (change.policy, change.name, change.version, change.scope) == ("q", "tỉnh", "2", "stttt")
        assert change.left == (("p", 2),)
        assert events.verify(session).ok
        assert as_of(session, desk.now).tasks == present(session, desk.now).tasks
    assert [h["kind"] for h in tasks.show(desk, "snv:I.1")["history"]] == ["policy.moved"]


def test_what_is_over_stays_with_its_version(desk: Desk) -> None:
    tasks.done(desk, "stttt:I.1", document="1/BC", on=TODAY, file=None)
    tasks.confirm(desk, "stttt:I.1")
    tasks.extend(desk, "stttt:I.2", to=TODAY + timedelta(days=60), reason="chờ", document="2/CV")
    accept_plan(desk, make_plan("vp-ubnd"))
    assert move(desk, everything=True) == 1
    assert under_new(desk) == {B1}


def test_a_dry_run_says_how_many_and_leaves_no_trace(desk: Desk) -> None:
    before = content(desk.engine)
    assert move(moved(desk, dry_run=True), everything=True) == 4
    assert content(desk.engine) == before


def test_only_the_department_moves_cases_and_gives_a_reason_and_one_scope(desk: Desk) -> None:
    with pytest.raises(PermissionRefused):
        move(moved(desk, user=focal("snv")), agency="snv")
    with pytest.raises(InputRejected):
        move(desk, everything=True, reason=" ")
    for scope in ({}, {"everything": True, "agency": "snv"}, {"task": "snv:I.1", "agency": "snv"}):
        with pytest.raises(UsageRefused):
            move(desk, **scope)
    with pytest.raises(NotFound):
        move(desk, agency="nobody")
    with pytest.raises(NotFound):
        move(desk, task="snv:IX.9")
    assert under_new(desk) == set()


def test_each_version_is_counted_with_the_cases_that_still_run_under_it(desk: Desk) -> None:
    move(desk, agency="stttt")
    tasks.done(desk, "stttt:I.1", document="1/BC", on=TODAY, file=None)
    tasks.confirm(desk, "stttt:I.1")
    with desk.reading() as session:
        assert [(one.hash, n) for one, _since, n in cases.counts(session)] == [("p", 2), ("q", 1)]
