"""A calendar that is changed while steps are told: nobody is told a step again, and none is left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from planner.service import tasks
from scheduler import moved_days
from tests.fakes import FILING_DEADLINE, MailServer, Province, at, make_province, planned

HEAD = "date,kind,name,legal_basis\n"
SERIES = """
name: series
version: 1
sending: {from: "07:30", to: "17:00"}
rungs:
  - {name: again, trigger: every 1wd from due +1wd, tell: [responsible], kind: overdue, cap: 4}
  - {name: submitted, trigger: submitted +1wd, tell: [department], kind: confirmation}
"""


@pytest.fixture
def province(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    (tmp_path / "days.csv").write_text(HEAD)
    with make_province(
        database_url,
        tmp_path,
        smtp_port=server.port,
        filing_deadline=FILING_DEADLINE,
        calendar_file=tmp_path / "days.csv",
    ) as made:
        yield made


def decree(province: Province, *days: tuple[str, str]) -> None:
    """Let days be off, or worked."""
    lines = [f"{day},{kind},bão,công điện\n" for day, kind in days]
    (province.shop.settings.home / "days.csv").write_text(HEAD + "".join(lines))


def told(province: Province, subject: str) -> list[tuple[str, date, str]]:
    """Return (rung, day, role) of what was sent about a subject."""
    rows = province.notices("subject", "rung", "nominal", "role", "state")
    return [row[1:4] for row in rows if row[0].endswith(subject) and row[4] == "sent"]


@pytest.mark.parametrize(
    ("told_on", "change", "after", "moved_to"),
    [
        ("2020-05-18", ("2020-05-18", "off"), "2020-05-19", "2020-05-19"),
        ("2020-05-18", ("2020-05-16", "worked"), "2020-05-19", "2020-05-16"),
    ],
    ids=["the day itself off, at noon", "a past Saturday worked"],
)
def test_a_step_that_was_told_is_not_told_again_when_its_day_moves(
    province: Province, told_on: str, change: tuple[str, str], after: str, moved_to: str
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    province.tick(at(told_on))
    expected = [
        ("due+1wd", date.fromisoformat(told_on), "responsible"),
        ("due+1wd", date.fromisoformat(told_on), "agency_head"),
    ]
    assert told(province, "snv:I.1") == expected
    decree(province, change)
    assert province.tick(at(after)).queued == 0
    assert told(province, "snv:I.1") == [(rung, date.fromisoformat(moved_to), role) for rung, _day, role in expected]


def test_a_step_whose_day_comes_later_now_is_told_on_that_day(province: Province) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    province.tick(at("2020-05-18"))
    decree(province, ("2020-05-22", "off"))
    for day, people in (("2020-05-22", 0), ("2020-05-25", 3)):
        province.tick(at(day))
        assert sum(rung == "due+5wd" for rung, _day, _role in told(province, "snv:I.1")) == people


def test_the_steps_of_a_series_keep_their_number(province: Province) -> None:
    policy = province.shop.settings.home / "series.yaml"
    policy.write_text(SERIES)
    here = province.with_settings(policy_file=policy)
    here.file("snv", planned("I.1", "2020-05-15"))
    for day in ("2020-05-18", "2020-05-19"):
        here.tick(at(day))
    decree(here, ("2020-05-18", "off"))
    assert [here.tick(at(day)).queued for day in ("2020-05-20", "2020-05-21", "2020-05-22", "2020-05-25")] == [
        0,
        1,
        1,
        0,
    ]
    assert [day.day for _rung, day, _role in told(here, "snv:I.1")] == [19, 20, 21, 22]


def test_of_a_second_result_the_steps_of_the_first_are_left_alone(province: Province) -> None:
    policy = province.shop.settings.home / "series.yaml"
    policy.write_text(SERIES)
    here = province.with_settings(policy_file=policy)
    here.file("snv", planned("I.1", "2020-06-15"))
    for day in ("2020-05-14", "2020-05-18"):
        tasks.done(here.desk(at(day, 9)), "snv:I.1", document="1/BC", on=date.fromisoformat(day), file=None)
        here.tick(at(date.fromisoformat(day).replace(day=int(day[-2:]) + 1), 10))
        if day == "2020-05-14":
            tasks.return_(here.desk(at("2020-05-15", 11)), "snv:I.1", "thiếu")
    assert [day.day for _rung, day, _role in told(here, "snv:I.1")] == [15, 19]
    decree(here, ("2020-05-19", "off"))
    assert here.tick(at("2020-05-20")).queued == 0
    assert [day.day for _rung, day, _role in told(here, "snv:I.1")] == [15, 20]


def test_reminders_of_plans_that_are_owed_follow_too(province: Province) -> None:
    for day in ("2020-05-15", "2020-05-18"):
        province.tick(at(day))
    decree(province, ("2020-05-18", "off"))
    assert province.tick(at("2020-05-19")).queued == 0
    assert [row for row in told(province, "/snv") if row[0] == "filing+1wd"] == [
        ("filing+1wd", date(2020, 5, 19), role) for role in ("focal", "agency_head")
    ]


def test_a_calendar_that_stays_moves_nothing(province: Province, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def moved(*_arguments: object) -> dict[int, date]:
        asked.append(_arguments)
        return {}

    monkeypatch.setattr(moved_days, "moved", moved)
    province.file("snv", planned("I.1", "2020-05-15"))
    for day in ("2020-05-18", "2020-05-19", "2020-05-20"):
        province.tick(at(day))
    assert len(asked) == 1  # before the first mark
