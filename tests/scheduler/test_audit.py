"""The auditor: what is missing in the ledger is found, told and queued, whatever the rounds do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from planner.config import ZONE
from planner.domain.changes import AddressDied
from planner.store import audits, ticks
from planner.store.engine import reading, writing
from scheduler import audit
from tests.fakes import MailServer, Province, mailbox, make_province, planned

MORNING = "2020-05-15T08:00"


def at(instant: str) -> datetime:
    """Return an instant of the province."""
    return datetime.fromisoformat(instant).replace(tzinfo=ZONE).astimezone(UTC)


@pytest.fixture
def province(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    with make_province(database_url, tmp_path, smtp_port=server.port) as made:
        made.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-08-30"))
        made.file("stttt", planned("I.1", "2020-05-14"))
        yield made


def look(province: Province, instant: str | datetime, **more: Any) -> audit.Findings:
    return audit.run(province.shop, at(instant) if isinstance(instant, str) else instant, **more)


def forget(province: Province, subject: str) -> None:
    """Take a task's notices out of the ledger, as if a round had never seen it."""
    with province.engine.begin() as connection:
        connection.execute(text("DELETE FROM notice WHERE subject LIKE :subject"), {"subject": f"%{subject}"})


def test_after_a_round_nothing_is_missing(province: Province) -> None:
    province.tick(at(MORNING))
    found = look(province, MORNING)
    assert found.ok, found.as_dict()
    assert found.expected == 3  # one on the day, two one day after: the responsible person and the head
    assert (found.plans, found.covered, found.share, found.cursor) == (2, 2, 1.0, "")


def test_what_no_round_has_seen_is_found_told_and_queued(
    province: Province, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    province.tick(at("2020-05-14T07:31"))
    found = look(province, MORNING)
    assert not found.ok
    assert found.silent
    assert {(one["subject"].rsplit("/", 1)[1], one["rung"]) for one in found.missing} == {
        ("snv:I.1", "due"),
        ("stttt:I.1", "due+1wd"),
    }
    assert found.missed == found.queued == 3
    assert [record.levelname for record in caplog.records if record.message == "audit"] == ["ERROR"]
    province.tick(at(MORNING))
    assert look(province, MORNING).ok
    assert server.recipients().count(mailbox("snv")) == 2  # yesterday's reminder and today's, which the audit queued


def test_a_notice_lost_from_the_ledger_is_missed_though_rounds_go_on(province: Province) -> None:
    province.tick(at(MORNING))
    forget(province, "snv:I.1")
    (one,) = look(province, MORNING).missing
    assert (one["rung"], one["role"], one["state"]) == ("due", "responsible", None)
    assert look(province, MORNING).ok  # the look itself has queued it again


def test_a_notice_held_back_though_it_holds_is_missed(province: Province) -> None:
    province.tick(at(MORNING))
    with province.engine.begin() as connection:
        connection.execute(text("UPDATE notice SET state = 'obsolete', mail_id = NULL WHERE rung = 'due'"))
    found = look(province, MORNING)
    assert [one["state"] for one in found.missing] == ["obsolete"]
    assert found.queued == 1


def test_a_look_without_a_trace_changes_nothing(province: Province) -> None:
    found = look(province, MORNING, dry_run=True)
    assert found.missed == 3
    assert found.queued == 0
    assert province.notices() == []
    with reading(province.engine) as session:
        assert audits.latest(session) is None


def test_what_was_entered_a_moment_ago_is_a_suspect_first_and_a_fault_later(province: Province) -> None:
    province.tick(at(MORNING))
    now = at(MORNING) + timedelta(seconds=90)
    province.file("stc", planned("I.1", "2020-05-15"), now=now - timedelta(seconds=30))
    found = look(province, now)
    assert found.ok
    assert found.suspects == 1
    assert look(province, now + timedelta(seconds=60)).ok
    later = now + timedelta(seconds=130)
    province.file("stc", planned("I.1", "2020-05-15"), planned("I.9", "2020-12-15"), now=later)  # never quiet
    found = look(province, later)
    assert [one["subject"].rsplit("/", 1)[1] for one in found.missing] == ["stc:I.1"]


def test_what_fell_due_within_the_last_two_rounds_is_not_missed_yet(province: Province) -> None:
    province.tick(at("2020-05-14T23:59"))
    midnight = at("2020-05-15T00:01")
    assert look(province, midnight).missed == 0
    assert look(province, midnight + timedelta(seconds=60)).missed == 3


def test_the_mute_of_a_blocker_is_seen_across_the_pages(province: Province) -> None:
    # stc waits for snv, which is late: stc's head is not told, and the auditor must not ask for it.
    province.file("stc", planned("I.5", "2020-05-14", after=("snv:I.1",)))
    day = "2020-05-25T08:00"
    province.tick(at(day))
    found = look(province, day, page=1)
    assert found.ok, found.as_dict()
    assert found.covered == 3


def test_a_province_too_large_for_one_look_is_covered_by_several(province: Province) -> None:
    province.tick(at(MORNING))
    forget(province, "stttt:I.1")
    first = look(province, MORNING, budget=0, page=1)
    assert (first.covered, first.share, first.missed) == (1, 0.5, 0)
    second = look(province, MORNING, budget=0, page=1)
    assert (second.covered, second.missed) == (1, 2)
    third = look(province, MORNING, budget=0, page=1)
    assert third.cursor == first.cursor
    assert third.ok


def test_an_owed_plan_that_nobody_is_asked_for_is_missed(database_url: str, tmp_path: Path) -> None:
    with make_province(database_url, tmp_path, filing_deadline=at(MORNING).date()) as province:
        found = look(province, MORNING)
        assert found.missed > 0
        assert {one["rung"] for one in found.missing} == {"filing"}


STUCK: dict[str, tuple[str, str]] = {
    "a lease that ended long ago": (
        "leases",
        "UPDATE mail SET state = 'leased', lease_until = 1000, sent_at = NULL",
    ),
    "a mail that nobody tries": (
        "overdue",
        "UPDATE mail SET state = 'ready', sent_at = NULL, next_try_at = created_at",
    ),
    "a notice that gets into no mail": (
        "unmailed",
        "UPDATE notice SET state = 'queued', mail_id = NULL, recipient = 'm@x.vn', queued_at = '2020-05-14 20:00:00'",
    ),
}


@pytest.mark.parametrize("trouble", STUCK)
def test_what_is_stuck_is_a_fault_while_mail_may_leave(province: Province, trouble: str) -> None:
    name, statement = STUCK[trouble]
    province.tick(at(MORNING))
    with province.engine.begin() as connection:
        connection.execute(text(statement))
    for hour, wrong in (("12:00", True), ("20:00", False), ("07:31", False)):
        day = "2020-05-18" if hour == "07:31" else "2020-05-15"
        now = at(f"{day}T{hour}")
        with writing(province.engine) as session:
            ticks.record_tick(session, now, {})
        counts = look(province, now, dry_run=True).counts()
        assert bool(counts[name]) is wrong, (hour, counts)


def test_mails_that_wait_behind_one_under_way_are_no_fault(province: Province) -> None:
    province.tick(at(MORNING))
    with province.engine.begin() as connection:
        connection.execute(text("UPDATE mail SET state = 'ready', sent_at = NULL"))
        connection.execute(
            text("UPDATE mail SET state = 'sending', lease_until = 9e9 WHERE id = (SELECT min(id) FROM mail)")
        )
    assert look(province, "2020-05-15T12:00", dry_run=True).overdue == 0


def test_unknown_mails_and_notices_for_nobody_are_counted_and_no_fault(province: Province) -> None:
    province.tick(at(MORNING))
    with province.engine.begin() as connection:
        connection.execute(
            text("UPDATE mail SET state = 'unknown', sent_at = NULL WHERE id = (SELECT min(id) FROM mail)")
        )
        connection.execute(
            text(
                "UPDATE notice SET state = 'queued', mail_id = NULL, recipient = '' "
                "WHERE rung = 'due' AND state = 'sent'"
            )
        )
    found = look(province, at(MORNING) + timedelta(minutes=1))
    assert found.ok, found.as_dict()
    assert (found.unknown, found.unaddressed) == (1, 1)


def test_a_dead_address_leaves_nothing_missing(province: Province) -> None:
    province.tick(at(MORNING))
    desk = province.desk(at("2020-05-15T08:10"))
    with desk.writing() as session:
        change = AddressDied(email=mailbox("snv"), status="5.1.1", detail="no such user")
        desk.record(session, [(mailbox("snv"), change)])
    province.tick(at("2020-05-15T08:11"))
    assert look(province, "2020-05-15T08:20", dry_run=True).missed == 0


def test_rounds_and_signs_of_life_from_before_the_clock_was_set_back_hide_no_silence(province: Province) -> None:
    tomorrow = at(MORNING) + timedelta(days=1)
    with writing(province.engine) as session:
        ticks.record_tick(session, tomorrow, {})
        ticks.sign_of_life(session, "host:1", tomorrow)
        session.execute(text("UPDATE worker SET seen_at = seen_at + 86400"))
    assert look(province, at(MORNING), dry_run=True).silent
    with writing(province.engine) as session:
        ticks.sign_of_life(session, "host:1", at(MORNING))
    assert not look(province, at(MORNING), dry_run=True).silent


def test_a_worker_that_shows_signs_of_life_is_not_silent(province: Province) -> None:
    province.tick(at(MORNING))
    late = at(MORNING) + timedelta(minutes=10)
    assert look(province, late).silent
    with writing(province.engine) as session:
        ticks.sign_of_life(session, "host:1", late)
        ticks.sign_of_life(session, "host:1", late)
        assert [worker.name for worker in ticks.workers(session)] == ["host:1"]
    assert not look(province, late).silent
    with writing(province.engine) as session:
        ticks.forget_worker(session, "host:1")
    assert look(province, late).silent


def test_of_old_rounds_and_looks_only_the_latest_are_kept(province: Province) -> None:
    for minute in range(5):
        now = at(MORNING) + timedelta(minutes=minute)
        province.tick(now)
        look(province, now)
    with writing(province.engine) as session:
        audits.forget_old(session, rounds=2, looks=3)
    with reading(province.engine) as session:
        assert len(ticks.ticks_since(session, at("2020-01-01T00:00"))) == 2
        assert ticks.last_tick(session) == at(MORNING) + timedelta(minutes=4)
        kept = audits.since(session, at("2020-01-01T00:00"))
    assert [one.at for one in kept] == [at(MORNING) + timedelta(minutes=minute) for minute in (2, 3, 4)]
