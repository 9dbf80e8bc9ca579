"""Promises, snoozes, other versions of the ladder and the cap of a day, round after round, on both databases."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from planner.config import ZONE
from planner.domain.plan import PauseKind
from planner.service import pauses, policy, tasks
from planner.store import cases
from planner.store.engine import reading
from scheduler import foresee
from tests.fakes import MailServer, Province, at, mailbox, planned
from tests.scheduler.test_foresee import away, busy, lived, simulated
from tests.scheduler.test_jobs import plain

LADDER = """
name: test
version: {version}
sending: {{from: "07:30", to: "17:00"{most}}}
rungs:
{rungs}
"""
WEEKLY = "  - {name: late, trigger: every 5wd from due +1wd, tell: [responsible], kind: overdue, cap: 3}"
FORTNIGHTLY = WEEKLY.replace("every 5wd", "every 10wd")
RENAMED = WEEKLY.replace("name: late", "name: spät")


def with_ladder(province: Province, tmp_path: Path, rungs: str, version: int = 1, most: int | None = None) -> Province:
    file = tmp_path / f"policy{version}.yaml"
    cap = f", most_a_day: {most}" if most else ""
    file.write_text(LADDER.format(version=version, rungs=rungs, most=cap), encoding="utf-8")
    return province.with_settings(policy_file=file)


def live(province: Province, first: str, last: str) -> list[tuple[str, str]]:
    """Let the days pass, a round each; return (day, recipient) of each mail."""
    sent = lived(province, date.fromisoformat(first), date.fromisoformat(last), 8)
    return [(day.isoformat(), recipient.split(".")[0]) for day, recipient, _keys in sent]


def states(province: Province, rung: str) -> dict[str, str]:
    return {role: state for name, role, state in province.notices("rung", "role", "state") if name == rung}


# --- promises and snoozes ---


def test_a_promise_mutes_the_officer_until_its_day_and_then_the_same_rung_is_told(
    province: Province, server: MailServer
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    live(province, "2020-05-06", "2020-05-15")
    server.accepted.clear()
    desk = province.desk(at("2020-05-15", 9), mailbox("snv"))
    pauses.acknowledge(desk, "snv:I.1", until=date(2020, 5, 19), reason="chờ ký số")

    assert live(province, "2020-05-18", "2020-05-19") == [("2020-05-18", "head@snv")]
    assert states(province, "due+1wd") == {"responsible": "suppressed", "agency_head": "sent"}
    (told,) = server.to(mailbox("snv", "head"))
    assert "19/5/2020" in plain(told)
    assert "chờ ký số" in plain(told)
    assert "Nguyễn Thị Member snv" in plain(told)

    assert live(province, "2020-05-20", "2020-05-21") == [("2020-05-20", "member@snv")]  # the same rung, after all
    assert states(province, "due+1wd") == {"responsible": "sent", "agency_head": "sent"}
    assert set(province.tick(at("2020-05-21", 10)).as_dict().values()) == {0}


def test_what_waits_in_the_queue_is_held_when_the_promise_comes_before_the_mail(
    province: Province, server: MailServer
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    province.tick(at("2020-05-18", 6))  # before sending hours: queued only
    pauses.acknowledge(province.desk(at("2020-05-18", 7)), "snv:I.1", until=date(2020, 5, 20), reason="chờ ký")
    province.tick(at("2020-05-18"))
    assert server.recipients() == [mailbox("snv", "head")]
    assert [state for _r, role, _to, state in province.notices() if role == "responsible"][-1] == "suppressed"
    assert live(province, "2020-05-21", "2020-05-21") == [("2020-05-21", "member@snv")]


def test_the_ledger_says_what_holds_a_notice_back_that_waited_before(province: Province) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    province.tick(at("2020-05-18", 6))  # before sending hours: queued only
    pauses.snooze(province.desk(at("2020-05-18", 7)), "snv:I.1", until=date(2020, 5, 25), reason="chờ hướng dẫn của bộ")
    province.tick(at("2020-05-18"))
    reasons = [reason for rung, reason in province.notices("rung", "reason") if rung == "due+1wd"]
    assert len(reasons) == 2
    assert all("25/5/2020" in reason and "chờ hướng dẫn của bộ" in reason for reason in reasons)


def test_a_lifted_promise_lets_the_ladder_go_on_at_once(province: Province) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    pauses.acknowledge(province.desk(at("2020-05-15")), "snv:I.1", until=date(2020, 5, 28), reason="chờ ký")
    assert live(province, "2020-05-18", "2020-05-18") == [("2020-05-18", "head@snv")]
    pauses.lift(province.desk(at("2020-05-18", 9)), "snv:I.1", PauseKind.PROMISE, reason="không giữ được")
    assert live(province, "2020-05-19", "2020-05-19") == [("2020-05-19", "member@snv")]


def test_an_extension_ends_the_promise_and_the_new_ladder_is_told(province: Province) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    pauses.acknowledge(province.desk(at("2020-05-13")), "snv:I.1", until=date(2020, 5, 27), reason="chờ ký")
    assert live(province, "2020-05-14", "2020-05-15") == []
    tasks.extend(province.desk(at("2020-05-15", 9)), "snv:I.1", to=date(2020, 5, 20), reason="chờ", document="2/CV")
    assert live(province, "2020-05-18", "2020-05-19") == [("2020-05-18", "member@snv"), ("2020-05-19", "member@snv")]


def test_a_head_who_answers_for_the_task_is_told_a_step_once_though_promised(province: Province) -> None:
    head = mailbox("snv", "head")
    province.file("snv", planned("I.1", "2020-05-15", responsible=head))
    pauses.acknowledge(province.desk(at("2020-05-15")), "snv:I.1", until=date(2020, 5, 19), reason="chờ ký")
    # Told on Monday as the head; on Wednesday the promise is over, and the same person knows of the same step.
    assert live(province, "2020-05-18", "2020-05-21") == [("2020-05-18", "head@snv")]


def test_a_snooze_holds_the_whole_ladder_and_ends_by_itself(province: Province) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    pauses.snooze(province.desk(at("2020-05-07")), "snv:I.1", until=date(2020, 5, 25), reason="chờ hướng dẫn của bộ")
    assert live(province, "2020-05-08", "2020-05-25") == []
    held = {(rung, state) for rung, _role, _to, state in province.notices()}
    assert ("due+5wd", "suppressed") in held
    assert live(province, "2020-05-26", "2020-05-27") == [
        ("2020-05-26", "focal@stttt"),
        ("2020-05-26", "head@snv"),
        ("2020-05-26", "member@snv"),
    ]
    assert set(states(province, "due+5wd").values()) == {"sent"}


def test_a_result_that_is_returned_is_brought_to_the_officer_with_the_reason(
    province: Province, server: MailServer
) -> None:
    province.file("snv", planned("I.1", "2020-06-30"))
    tasks.done(province.desk(at("2020-05-11")), "snv:I.1", document="1/BC", on=date(2020, 5, 11), file=None)
    tasks.return_(province.desk(at("2020-05-12")), "snv:I.1", "Văn bản chưa ký số")
    assert live(province, "2020-05-12", "2020-05-19") == [
        ("2020-05-13", "member@snv"),
        ("2020-05-19", "head@snv"),
        ("2020-05-19", "member@snv"),
    ]
    first = server.to(mailbox("snv"))[0]
    assert "Văn bản chưa ký số" in plain(first)
    tasks.progress(province.desk(at("2020-05-20")), "snv:I.1", 50, "đang sửa")
    assert live(province, "2020-05-21", "2020-06-10") == []


def test_a_stuck_confirmer_is_reminded_again_and_again_up_to_the_cap(province: Province) -> None:
    province.file("snv", planned("I.1", "2020-06-30"))
    tasks.done(province.desk(at("2020-05-12")), "snv:I.1", document="1/BC", on=date(2020, 5, 12), file=None)
    days = [day for day, _who in live(province, "2020-05-12", "2020-06-06")]
    assert days == ["2020-05-15", "2020-05-22", "2020-05-29", "2020-06-05"]


# --- versions ---


def test_a_case_keeps_its_version_and_a_new_deadline_begins_under_the_one_in_force(
    province: Province, tmp_path: Path
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-05-15"))
    old = with_ladder(province, tmp_path, WEEKLY)
    assert [day for day, _who in live(old, "2020-05-18", "2020-05-19")] == ["2020-05-18"]
    new = with_ladder(province, tmp_path, FORTNIGHTLY, 2)
    assert [day for day, _who in live(new, "2020-05-20", "2020-05-26")] == ["2020-05-25"]  # weekly, as begun
    tasks.extend(new.desk(at("2020-05-26", 9)), "snv:I.2", to=date(2020, 5, 29), reason="chờ", document="2/CV")
    found = lived(new, date(2020, 5, 27), date(2020, 6, 20), 8)
    assert [day.isoformat() for day, _who, _keys in found] == ["2020-06-01", "2020-06-15"]
    with reading(new.engine) as session:
        begun = cases.hashes(session)
    assert begun == {
        ("kl-2020-04-29/snv:I.1", 0): old.shop.policy.hash,
        ("kl-2020-04-29/snv:I.2", 0): old.shop.policy.hash,
        ("kl-2020-04-29/snv:I.2", 1): new.shop.policy.hash,
    }
    by_hash = Counter(row["cases"] for row in new.shop.versions())
    assert by_hash == {1: 2}


def test_after_a_move_nothing_told_is_told_again_and_the_cap_holds(province: Province, tmp_path: Path) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    old = with_ladder(province, tmp_path, WEEKLY)
    assert [day for day, _who in live(old, "2020-05-18", "2020-05-26")] == ["2020-05-18", "2020-05-25"]
    new = with_ladder(province, tmp_path, FORTNIGHTLY, 2)
    moved = policy.move(new.desk(at("2020-05-26", 9)), new.shop.policy_version, everything=True, reason="thống nhất")
    assert moved["moved"] == 1
    # The 18th was told; the 1st of June and the 15th would be the second and third of the new version, but two were
    # told before: one is left of three.
    assert [day for day, _who in live(new, "2020-05-27", "2020-08-01")] == ["2020-06-01"]


def test_a_move_to_another_name_of_the_rung_asks_for_another_rung_and_is_told(
    province: Province, tmp_path: Path
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    live(with_ladder(province, tmp_path, WEEKLY), "2020-05-18", "2020-05-18")
    new = with_ladder(province, tmp_path, RENAMED, 2)
    policy.move(new.desk(at("2020-05-18", 9)), new.shop.policy_version, everything=True, reason="thống nhất")
    assert live(new, "2020-05-19", "2020-05-20") == [("2020-05-19", "member@snv")]


# --- so many mails a day ---


URGENT = """\
  - {name: due-5wd, trigger: due -5wd, tell: [responsible], kind: reminder}
  - {name: submitted, trigger: submitted, tell: [department], kind: confirmation, urgent: true}"""


@pytest.mark.parametrize(("most", "mails"), [(None, 4), (1, 1), (2, 2), (3, 3)])
def test_nobody_gets_more_mails_a_day_than_the_policy_allows_and_nothing_is_lost(
    province: Province, server: MailServer, tmp_path: Path, most: int | None, mails: int
) -> None:
    names = [f"I.{n}" for n in range(1, 5)]
    province.file("snv", *(planned(name, "2020-06-30") for name in names))
    world = with_ladder(province, tmp_path, URGENT, most=most)
    over = 0
    for hour, name in enumerate(names, 8):
        tasks.done(world.desk(at("2020-05-12", hour)), f"snv:{name}", document="1/BC", on=date(2020, 5, 12), file=None)
        foreseen = foresee.preview(world.shop, at("2020-05-12", hour + 0.5))
        done = world.tick(at("2020-05-12", hour + 0.5))
        assert done.sent == len(foreseen["messages"])
        over = done.over
    assert len(server.to(mailbox("stttt", "focal"))) == mails
    assert over == 4 - mails  # counted, not dropped
    world.tick(at("2020-05-13"))
    sent = [state for rung, _role, _to, state in world.notices() if rung == "submitted"]
    assert sent == ["sent"] * 4
    assert len(server.to(mailbox("stttt", "focal"))) == mails + (1 if over else 0)


# --- foresight agrees ---


def test_a_simulation_with_promises_snoozes_and_versions_is_what_then_happens(
    province: Province, server: MailServer, tmp_path: Path
) -> None:
    old = with_ladder(busy(province), tmp_path, WEEKLY + "\n" + URGENT)
    lived(old, date(2020, 5, 6), date(2020, 5, 12), 8)
    world = province  # the shipped ladder, with some cases begun under the other
    desk = world.desk(at("2020-05-12", 9))
    pauses.acknowledge(desk, "snv:I.1", until=date(2020, 5, 20), reason="chờ ký")
    pauses.acknowledge(desk, "snv:I.4", until=date(2020, 5, 26), reason="chờ ký")
    pauses.snooze(desk, "stc:I.1", until=date(2020, 5, 25), reason="chờ bộ")
    away(world, mailbox("stc"), date(2020, 5, 14), date(2020, 5, 27))
    first, last = date(2020, 5, 13), date(2020, 6, 26)
    foreseen = simulated(world, first, last)
    assert foreseen == lived(world, first, last, 7.5)
    assert len(foreseen) == len({(day, who) for day, who, _keys in foreseen}) > 30


def test_a_simulation_knows_who_was_told_in_another_role(province: Province, server: MailServer) -> None:
    head = mailbox("snv", "head")
    province.file("snv", planned("I.1", "2020-05-15", responsible=head))
    pauses.acknowledge(province.desk(at("2020-05-15")), "snv:I.1", until=date(2020, 5, 19), reason="chờ ký")
    live(province, "2020-05-18", "2020-05-18")
    first, last = date(2020, 5, 19), date(2020, 6, 30)
    foreseen = simulated(province, first, last)
    assert foreseen == lived(province, first, last, 7.5)
    assert all(day > date(2020, 5, 21) for day, _who, _keys in foreseen)


def held(rows: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(row["rung"], row["role"], row["state"]) for row in rows}


def test_preview_simulate_and_route_each_show_what_is_not_told_and_why(province: Province) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    pauses.acknowledge(province.desk(at("2020-05-15")), "snv:I.1", until=date(2020, 5, 19), reason="chờ ký số")
    seen = foresee.preview(province.shop, at("2020-05-18"))["held_back"]
    assert {("due+1wd", "responsible", "suppressed"), ("due", "responsible", "superseded")} <= held(seen)
    days = foresee.simulate(province.shop, date(2020, 5, 18), date(2020, 5, 22))
    by_day = {day["date"].day: held(day["held_back"]) for day in days}
    assert ("due+1wd", "responsible", "suppressed") in by_day[18]
    assert 19 not in by_day  # nothing is sent, and nothing newly held back
    assert by_day[20] == set()
    assert ("due+1wd", "agency_head", "superseded") not in by_day[22]  # it was told
    rows = foresee.route(province.shop, "snv:I.1", at("2020-05-15"))
    mine = [(row["day"].day, row["state"]) for row in rows if (row["rung"], row["role"]) == ("due+1wd", "responsible")]
    assert mine == [(18, "suppressed"), (20, "queued")]
    assert [row["state"] for row in rows if row["rung"] == "due-1wd"] == ["queued"]  # before the promise was made
    for row in (one for one in (*seen, *rows, *days[0]["held_back"]) if one["state"] == "suppressed"):
        assert "chờ ký số" in row["reason"]
    assert all(one["reason"] for one in seen)


def test_the_cap_of_a_day_is_a_day_of_the_province(province: Province, server: MailServer, tmp_path: Path) -> None:
    province.file("snv", planned("I.1", "2020-06-30"), planned("I.2", "2020-06-30"))
    world = with_ladder(province, tmp_path, URGENT, most=1)
    for offset, name in enumerate(("I.1", "I.2")):
        now = at("2020-05-12", 16) + timedelta(days=offset)
        tasks.done(world.desk(now), f"snv:{name}", document="1/BC", on=now.astimezone(ZONE).date(), file=None)
        assert world.tick(now).sent == 1
    assert len(server.to(mailbox("stttt", "focal"))) == 2
