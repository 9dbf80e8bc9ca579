"""Each climb keeps the version of the policy it began with, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from planner.service.desk import Desk
from planner.store import cases, ledger, upkeep
from planner.store.tables import CaseRow, NoticeRow
from tests.factories import DIRECTIVE, NOW, POLICY, fill, make_desk, make_notice

KEY = f"{DIRECTIVE}/stttt:"
SECOND = replace(POLICY, hash="q", version="2", content={"name": "test", "rungs": []})
LATER = NOW + timedelta(days=1)


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)
    fill(desk)
    yield desk
    desk.engine.dispose()


def test_a_case_keeps_the_policy_it_began_with(desk: Desk) -> None:
    with desk.writing() as session:
        cases.begin(session, [(f"{KEY}I.1", 0), (f"{KEY}I.1", 0), (f"{KEY}I.2", 1)], POLICY, NOW)
    with desk.writing() as session:
        cases.begin(session, [(f"{KEY}I.1", 0), (f"{KEY}I.1", 1)], SECOND, LATER)
    with desk.reading() as session:
        assert cases.hashes(session) == {(f"{KEY}I.1", 0): "p", (f"{KEY}I.2", 1): "p", (f"{KEY}I.1", 1): "q"}
        assert cases.hashes(session, [f"{KEY}I.2"]) == {(f"{KEY}I.2", 1): "p"}
        assert cases.hashes(session, but="p") == {(f"{KEY}I.1", 1): "q"}
        assert cases.policies(session) == {"p": {}, "q": {"name": "test", "rungs": []}}
        assert [(one.hash, at, n) for one, at, n in cases.counts(session)] == [("p", NOW, 0), ("q", LATER, 0)]


def test_a_case_moves_on_purpose_and_says_how_many(desk: Desk) -> None:
    with desk.writing() as session:
        cases.begin(session, [(f"{KEY}I.1", 0), (f"{KEY}I.2", 0), (f"{KEY}I.2", 1)], POLICY, NOW)
        cases.begin(session, [(f"{KEY}I.3", 0)], SECOND, NOW)
    with desk.writing() as session:
        wanted = [(f"{KEY}I.2", 1), (f"{KEY}I.3", 0), (f"{KEY}I.9", 0)]
        assert cases.move(session, wanted, SECOND, LATER) == 1
    with desk.reading() as session:
        assert cases.hashes(session, but="p") == {(f"{KEY}I.2", 1): "q", (f"{KEY}I.3", 0): "q"}
        moved = session.execute(select(CaseRow.subject, CaseRow.moved_at).where(CaseRow.moved_at.is_not(None))).all()
        assert [tuple(row) for row in moved] == [(f"{KEY}I.2", LATER)]


def test_entering_a_notice_begins_its_case_and_later_ones_carry_its_policy(desk: Desk) -> None:
    first, second, other = (
        make_notice(f"{KEY}I.1", rung="a"),
        make_notice(f"{KEY}I.1", rung="b"),
        make_notice(f"{KEY}I.2"),
    )
    with desk.writing() as session:
        ledger.enqueue(session, [first], policy=POLICY, at=NOW)
    with desk.writing() as session:
        ledger.enqueue(session, [first, second, other], policy=SECOND, at=LATER)
    with desk.reading() as session:
        assert cases.hashes(session) == {(f"{KEY}I.1", 0): "p", (f"{KEY}I.2", 0): "q"}
        rows = session.execute(select(NoticeRow.subject, NoticeRow.rung, NoticeRow.policy_hash)).all()
        assert {(row.subject[-3:], row.rung): row.policy_hash for row in rows} == {
            ("I.1", "a"): "p",
            ("I.1", "b"): "p",
            ("I.2", other.rung): "q",
        }


def test_cases_follow_tasks_that_change_places(desk: Desk) -> None:
    with desk.writing() as session:
        cases.begin(session, [(f"{KEY}I.1", 0), (f"{KEY}I.2", 3)], POLICY, NOW)
        upkeep.follow_renumbering(session, {f"{KEY}I.1": f"{KEY}I.2", f"{KEY}I.2": f"{KEY}I.1"})
    with desk.reading() as session:
        assert set(cases.hashes(session)) == {(f"{KEY}I.2", 0), (f"{KEY}I.1", 3)}
