"""Foresight: what is foretold is what then happens, and foretelling changes nothing."""

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from planner.config import ZONE
from planner.domain.agency import Absence
from planner.domain.changes import AbsenceRecorded
from planner.domain.plan import PauseKind
from planner.errors import NotFound, Refused
from planner.service import pauses, tasks
from planner.store.tables import AttemptRow, MailRow, NoticeRow
from scheduler import foresee
from tests.fakes import (
    FILING_DEADLINE,
    MailServer,
    Province,
    at,
    everything,
    mailbox,
    make_province,
    planned,
)

URGENT_CONFIRMATIONS = """
name: test
version: 1
sending: {from: "07:30", to: "17:00"}
rungs:
  - {name: due-5wd, trigger: due -5wd, tell: [responsible], kind: reminder}
  - {name: due, trigger: due, tell: [responsible], kind: reminder}
  - {name: due+1wd, trigger: due +1wd, tell: [responsible, agency_head], kind: overdue}
  - {name: due+5wd, trigger: every 5wd from due +5wd, tell: [responsible, agency_head, department], kind: overdue}
  - {name: at-risk, trigger: at_risk, tell: [responsible], kind: at_risk}
  - {name: submitted, trigger: submitted, tell: [department], kind: confirmation, urgent: true}
  - {name: filing, trigger: filing, tell: [focal], kind: filing}
  - {name: filing+5wd, trigger: filing +5wd, tell: [agency_head, department], kind: chairman_list}
"""


@pytest.fixture
def any_province(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    with make_province(database_url, tmp_path, smtp_port=server.port, filing_deadline=FILING_DEADLINE) as made:
        yield made


@pytest.fixture
def province(sqlite_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    with make_province(sqlite_url, tmp_path, smtp_port=server.port, filing_deadline=FILING_DEADLINE) as made:
        yield made


def away(province: Province, officer: str, first: date, last: date) -> None:
    desk = province.desk(at("2020-05-04"))
    with desk.writing() as session:
        absence = Absence(officer=officer, first_day=first, last_day=last)
        desk.record(session, [("officers", AbsenceRecorded(absence=absence))])


def busy(province: Province) -> Province:
    """Fill the province with every kind of work: late, soon, waiting for others, at risk, handed in."""
    province.file(
        "snv",
        planned("I.1", "2020-05-08"),
        planned("I.2", "2020-05-15", after=("stc:I.1",)),
        planned("I.3", "2020-05-22", start=date(2020, 5, 4), duration=30),
        planned("I.4", "2020-05-28", responsible=mailbox("snv", "head")),
        planned("I.5", "2020-06-10", after=("I.1",)),
    )
    province.file("stc", planned("I.1", "2020-05-12", "stc"), planned("I.2", "2020-05-13", "stc", after=("snv:I.1",)))
    province.file("stttt", planned("I.1", "2020-05-20", "stttt"))
    tasks.done(province.desk(at("2020-05-05")), "stttt:I.1", document="1/BC", on=date(2020, 5, 5), file=None)
    away(province, mailbox("snv"), date(2020, 5, 11), date(2020, 5, 20))
    away(province, mailbox("snv", "head"), date(2020, 5, 18), date(2020, 5, 26))
    return province


def foretold(messages: list[dict[str, Any]]) -> dict[tuple[str, str | None], set[str]]:
    """Return who gets what subject with which notices."""
    found = {
        (one["recipient"], one.get("subject")): {notice["key"] for notice in one["notices"]}
        for one in messages
        if one["recipient"] is not None
    }
    assert len(found) == sum(one["recipient"] is not None for one in messages)
    return found


def tried(province: Province, now: datetime) -> dict[tuple[str, str | None], set[str]]:
    """Return what the round at `now` tried to send."""
    statement = (
        select(MailRow.recipient, MailRow.subject, NoticeRow.key)
        .join(AttemptRow, AttemptRow.mail_id == MailRow.id)
        .join(NoticeRow, NoticeRow.mail_id == MailRow.id)
        .where(AttemptRow.at == now)
    )
    found: dict[tuple[str, str | None], set[str]] = {}
    with province.engine.connect() as connection:
        for recipient, subject, key in connection.execute(statement):
            found.setdefault((recipient, subject), set()).add(key)
    return found


# --- no trace ---


@pytest.mark.parametrize(
    "look",
    [
        lambda shop: foresee.preview(shop, at("2020-05-22")),
        lambda shop: foresee.simulate(shop, date(2020, 5, 4), date(2020, 6, 30)),
        lambda shop: foresee.route(shop, "snv:I.1", at("2020-05-22")),
    ],
    ids=["preview", "simulate", "route"],
)
def test_foretelling_leaves_no_trace(any_province: Province, look: Callable[[Any], Any]) -> None:
    busy(any_province)
    any_province.tick(at("2020-05-12"))
    before = everything(any_province.engine)
    assert look(any_province.shop)
    assert everything(any_province.engine) == before


# --- preview ---


@pytest.mark.parametrize("day", ["2020-05-08", "2020-05-15", "2020-05-22", "2020-06-01"])
def test_a_round_sends_what_was_foretold(any_province: Province, server: MailServer, day: str) -> None:
    busy(any_province)
    foreseen = foresee.preview(any_province.shop, at(day))
    assert foreseen["may_send"]
    done = any_province.tick(at(day))
    assert foretold(foreseen["messages"]) == tried(any_province, at(day))
    assert len(foreseen["messages"]) == done.sent == len(server.accepted) > 0
    assert [str(mail["Subject"]) for mail in sorted(server.parsed(), key=lambda m: str(m["To"]))]
    assert foresee.preview(any_province.shop, at(day))["messages"] == []


@pytest.mark.parametrize("seed", range(6))
def test_through_weeks_of_work_and_trouble_each_round_does_what_was_foretold(
    province: Province, server: MailServer, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same weeks at every run
    policy = tmp_path / "policy.yaml"
    policy.write_text(URGENT_CONFIRMATIONS)
    world = busy(province.with_settings(policy_file=policy)) if seed % 2 else busy(province)
    names = [f"snv:I.{n}" for n in range(1, 6)] + ["stc:I.1", "stc:I.2", "stttt:I.1"]
    people = [mailbox(agency, role) for agency in ("snv", "stc", "stttt") for role in ("member", "head", "focal")]
    rounds = sent = 0
    for offset in range(45):
        day = date(2020, 5, 6) + timedelta(days=offset)
        hours = sorted({chance.choice((6.5, 7.5, 8, 9, 11.25, 14, 16.75, 18)) for _n in range(2)})
        for hour in hours:
            now = at(day, hour)
            if chance.random() < 0.5:
                meddle(world, chance, names, now)
            server.rcpt = {
                person: chance.choice(("451 4.7.1 not now", "451 4.7.1 not now", "550 5.1.1 unknown"))
                for person in people
                if chance.random() < 0.15
            }
            foreseen = foresee.preview(world.shop, now)
            done = world.tick(now)
            rounds += 1
            sent += done.sent
            if not foreseen["may_send"]:
                assert tried(world, now) == {}
                continue
            assert foretold(foreseen["messages"]) == tried(world, now), (seed, now)
            assert done.sent + done.retry + done.failed == len(tried(world, now))
    assert rounds > 60
    assert sent > 25
    assert_house_rules(world)


def meddle(world: Province, chance: random.Random, names: list[str], now: datetime) -> None:
    """Let somebody do something; a rule may refuse it."""
    desk, name = world.desk(now), chance.choice(names)
    deeds: tuple[Callable[[], object], ...] = (
        lambda: tasks.done(desk, name, document="1/BC", on=desk.today, file=None),
        lambda: tasks.return_(desk, name, "Thiếu minh chứng"),
        lambda: tasks.confirm(desk, name),
        lambda: tasks.extend(desk, name, to=desk.today + timedelta(days=9), reason="Chờ thiết bị", document="2/CV"),
        lambda: away(world, mailbox("snv"), desk.today, desk.today + timedelta(days=2)),
        lambda: pauses.acknowledge(desk, name, until=desk.today + timedelta(days=chance.randrange(6)), reason="chờ ký"),
        lambda: pauses.snooze(desk, name, until=desk.today + timedelta(days=chance.randrange(4)), reason="chờ bộ"),
        lambda: pauses.lift(desk, name, PauseKind.PROMISE, reason="thôi"),
    )
    with contextlib.suppress(Refused):
        chance.choice(deeds)()


def assert_house_rules(world: Province) -> None:
    """Check what must hold whatever happened: hours, one digest a day, no lower rung after a higher one."""
    digests = Counter(
        (recipient, sent_at.astimezone(ZONE).date())
        for kind, recipient, state, sent_at in world.mails("kind", "recipient", "state", "sent_at")
        if state == "sent" and kind == "digest"
    )
    assert set(digests.values()) == {1}
    statement = (
        select(
            NoticeRow.subject, NoticeRow.revision, NoticeRow.role, NoticeRow.rung, NoticeRow.nominal, MailRow.sent_at
        )
        .join(MailRow, MailRow.id == NoticeRow.mail_id)
        .where(NoticeRow.state == "sent")
        .order_by(MailRow.sent_at)
    )
    reached: dict[tuple[str, int, str, bool], date] = {}
    with world.engine.connect() as connection:
        told = connection.execute(statement).all()
    for subject, revision, role, rung, nominal, sent_at in told:
        assert sent_at is not None
        local = sent_at.astimezone(ZONE)
        assert local.weekday() < 5
        assert "07:30" <= local.strftime("%H:%M") < "17:00"
        if rung != "at-risk":  # its nominal day is the deadline's
            climb = (subject, revision, role, rung.startswith("submitted"))
            assert reached.get(climb, nominal) <= nominal <= local.date()
            reached[climb] = nominal


def test_what_waits_for_its_next_try_is_foretold_for_its_time(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    server.rcpt["*"] = "451 4.7.1 not now"
    province.tick(at("2020-05-08"))
    assert foresee.preview(province.shop, at("2020-05-08"))["messages"] == []
    later = foresee.preview(province.shop, at("2020-05-08", 9))["messages"]
    assert [message["recipient"] for message in later] == [mailbox("snv")]


def test_what_is_held_back_is_told_with_the_reason(province: Province) -> None:
    province.file("stc", planned("I.1", "2020-05-15", "stc"))
    province.file("snv", planned("I.1", "2020-05-15", after=("stc:I.1",)))
    held = foresee.preview(province.shop, at("2020-05-22"))["held_back"]
    suppressed = [one for one in held if one["state"] == "suppressed" and one["subject"] == "snv:I.1"]
    assert {one["role"] for one in suppressed} == {"agency_head", "department"}
    assert all("stc:I.1" in one["reason"] for one in suppressed)
    assert {one["rung"] for one in held if one["state"] == "superseded" and one["subject"] == "snv:I.1"} == {
        "due-5wd",
        "due-3wd",
        "due-1wd",
        "due",
        "due+1wd",
    }


def test_outside_sending_hours_it_says_so_and_shows_what_waits(province: Province) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    seen = foresee.preview(province.shop, at("2020-05-08", 6))
    assert seen["may_send"] is False
    assert [message["recipient"] for message in seen["messages"]] == [mailbox("snv")]


# --- simulate ---


def lived(province: Province, first: date, last: date, hour: float) -> list[tuple[date, str, set[str]]]:
    """Let the days pass, one round a day, and return what was sent."""
    found = []
    for offset in range((last - first).days + 1):
        now = at(first + timedelta(days=offset), hour)
        province.tick(now)
        day = now.astimezone(ZONE).date()
        found += [(day, recipient, keys) for (recipient, _subject), keys in sorted(tried(province, now).items())]
    return found


def simulated(province: Province, first: date, last: date) -> list[tuple[date, str, set[str]]]:
    return [
        (day["date"], mail["recipient"], {one["key"] for one in mail["notices"]})
        for day in foresee.simulate(province.shop, first, last)
        for mail in day["mails"]
        if mail["recipient"]
    ]


def test_a_simulated_may_and_june_is_what_happens_when_nobody_reports_anything(
    province: Province, server: MailServer
) -> None:
    busy(province)
    first, last = date(2020, 5, 6), date(2020, 6, 30)
    foreseen = simulated(province, first, last)
    assert foreseen == lived(province, first, last, 7.5)
    assert len(foreseen) == len(server.accepted) > 60
    assert simulated(province, first, last) == []


def test_a_simulation_begun_in_the_middle_goes_on_from_what_has_been_told(
    province: Province, server: MailServer
) -> None:
    busy(province)
    lived(province, date(2020, 5, 6), date(2020, 5, 14), 8)
    server.rcpt[mailbox("snv", "head")] = "451 4.7.1 not now"
    lived(province, date(2020, 5, 15), date(2020, 5, 15), 16.9)
    server.rcpt.clear()
    first, last = date(2020, 5, 16), date(2020, 6, 12)
    foreseen = simulated(province, first, last)
    assert foreseen == lived(province, first, last, 7.5)
    assert len(foreseen) > 20


# --- route ---


def test_the_route_names_who_is_told_at_each_rung_on_its_day(province: Province) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    away(province, mailbox("snv", "head"), date(2020, 5, 21), date(2020, 5, 25))
    rows = foresee.route(province.shop, "snv:I.1", at("2020-05-06"))
    assert [(row["rung"], row["nominal"].isoformat(), row["role"], row["recipient"]) for row in rows] == [
        ("due-5wd", "2020-05-08", "responsible", mailbox("snv")),
        ("due-3wd", "2020-05-12", "responsible", mailbox("snv")),
        ("due-1wd", "2020-05-14", "responsible", mailbox("snv")),
        ("due", "2020-05-15", "responsible", mailbox("snv")),
        ("due+1wd", "2020-05-18", "responsible", mailbox("snv")),
        ("due+1wd", "2020-05-18", "agency_head", mailbox("snv", "head")),
        ("due+5wd", "2020-05-22", "responsible", mailbox("snv")),
        ("due+5wd", "2020-05-22", "agency_head", mailbox("snv", "focal")),  # the head is away on that day
        ("due+5wd", "2020-05-22", "department", mailbox("stttt", "focal")),
        ("due+10wd", "2020-05-29", "responsible", mailbox("snv")),
        ("due+10wd", "2020-05-29", "agency_head", mailbox("snv", "head")),
        ("due+10wd", "2020-05-29", "department", mailbox("stttt", "focal")),
        ("due+20wd", "2020-06-12", "responsible", mailbox("snv")),
        ("due+20wd", "2020-06-12", "agency_head", mailbox("snv", "head")),
        ("due+20wd", "2020-06-12", "chairman_list", mailbox("stttt", "focal")),
    ]


def test_the_route_of_a_task_is_the_one_it_then_takes(province: Province) -> None:
    busy(province)
    told = {row["key"] for row in foresee.route(province.shop, "snv:I.1", at("2020-05-04")) if row["state"] == "queued"}
    lived(province, date(2020, 4, 29), date(2020, 6, 30), 8)
    sent = {
        key
        for key, subject, state, rung in province.notices("key", "subject", "state", "rung")
        if subject.endswith("snv:I.1") and state == "sent" and rung != "at-risk"
    }
    assert told == sent


def test_the_route_of_an_extended_task_begins_on_the_day_it_was_extended(province: Province) -> None:
    province.file("snv", planned("I.1", "2020-05-08"))
    saturday = province.desk(at("2020-05-16", 10))
    tasks.extend(saturday, "snv:I.1", to=date(2020, 5, 20), reason="chờ văn bản", document="9/STTTT")
    rows = foresee.route(province.shop, "snv:I.1", at("2020-05-16", 11))
    assert [(str(row["day"]), row["rung"], row["state"]) for row in rows][:4] == [
        ("2020-05-18", "due-5wd", "superseded"),
        ("2020-05-18", "due-3wd", "queued"),
        ("2020-05-19", "due-1wd", "queued"),
        ("2020-05-20", "due", "queued"),
    ]
    lived(province, date(2020, 5, 16), date(2020, 5, 20), 8)
    ledger = {row["key"]: row["state"] for row in rows if row["day"] <= date(2020, 5, 20)}
    entered = dict(province.notices("key", "state"))
    assert {key: entered.get(key, "").replace("sent", "queued") for key in ledger} == ledger


def test_a_task_that_is_not_open_has_no_route(province: Province) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    with pytest.raises(NotFound):
        foresee.route(province.shop, "snv:I.9", at("2020-05-06"))
