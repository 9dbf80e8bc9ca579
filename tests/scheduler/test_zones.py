"""Days and hours are the province's: the zone of the machine, and of the database's session, changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from datetime import time as clock
from pathlib import Path

import pytest
from sqlalchemy import text

from planner.config import ZONE
from planner.store.engine import reading
from scheduler.jobs import queue_due
from tests.fakes import DIRECTIVE, MailServer, Province, at, make_province, planned

ZONES = ("UTC", "Asia/Ho_Chi_Minh", "Europe/Berlin", "America/New_York", "Pacific/Kiritimati")
#: last day, rung, its day: counted by hand on a calendar
STEPS = (
    ("2024-02-15", "due-1wd", "2024-02-07"),  # Tết: 8 to 14 February off
    ("2024-03-01", "due-1wd", "2024-02-29"),
    ("2024-04-01", "due", "2024-04-01"),  # clocks go forward in Berlin the night before
    ("2024-10-28", "due", "2024-10-28"),  # and back
    ("2024-12-31", "due+1wd", "2025-01-02"),
    ("2026-01-12", "due-1wd", "2026-01-10"),  # a Saturday that is worked
)


@pytest.fixture(params=ZONES)
def host_zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """Let this process, and what it says to a database, be in another zone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        patch.setenv("PGTZ", request.param)  # PostgreSQL's client takes its session's zone from here
        time.tzset()
        yield request.param
    time.tzset()


@pytest.fixture
def province(host_zone: str, database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    assert time.tzname == _names(host_zone)
    with make_province(database_url, tmp_path, smtp_port=server.port) as made:
        if made.engine.dialect.name == "postgresql":
            with reading(made.engine) as session:
                assert session.scalar(text("SHOW timezone")) == host_zone
        yield made


def _names(zone: str) -> tuple[str, str]:
    return {
        "UTC": ("UTC", "UTC"),
        "Asia/Ho_Chi_Minh": ("+07", "+07"),
        "Europe/Berlin": ("CET", "CEST"),
        "America/New_York": ("EST", "EDT"),
        "Pacific/Kiritimati": ("+14", "+14"),
    }[zone]


def here(day: str, of_day: clock) -> datetime:
    """Return an instant of the province's day as the machine's own clock would tell it."""
    return datetime.combine(date.fromisoformat(day), of_day, ZONE).astimezone()


def test_a_step_is_reached_at_the_provinces_midnight_wherever_the_machine_stands(province: Province) -> None:
    codes = [f"I.{n}" for n in range(len(STEPS))]
    province.file(
        "snv",
        *(planned(code, last) for code, (last, _rung, _day) in zip(codes, STEPS, strict=True)),
        now=at("2024-01-15"),
    )
    for code, (_last, rung, day) in zip(codes, STEPS, strict=True):
        # What was due before is sent: a task of which something still waits is looked at whatever the day.
        province.tick(at(province.shop.calendar().add(date.fromisoformat(day), -1)))
        step = (f"{DIRECTIVE}/snv:{code}", rung, date.fromisoformat(day), "queued")
        for moment, is_reached in ((here(day, clock()) - timedelta(seconds=1), False), (here(day, clock()), True)):
            queue_due(province.shop, moment)
            assert (step in province.notices("subject", "rung", "nominal", "state")) is is_reached, moment


def test_mail_leaves_in_the_provinces_hours_wherever_the_machine_stands(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2024-04-01"), now=at("2024-01-15"))
    # The night in which the clocks of Berlin go forward is a Sunday's morning here.
    closed = (("2024-03-31", clock(8)), ("2024-04-01", clock(7, 29, 59)), ("2024-03-29", clock(17)))
    assert [province.tick(here(*moment)).sent for moment in sorted(closed)] == [0, 0, 0]
    assert province.tick(here("2024-04-01", clock(7, 30))).sent == 1
    [mail] = server.parsed()
    assert mail["Date"] == "Mon, 01 Apr 2024 07:30:00 +0700"
    assert province.mails("day") == [(date(2024, 4, 1),)]
