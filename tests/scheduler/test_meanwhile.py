"""What changes while a round is under way, on this machine or another: the ledger, the mails and the people agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest

from planner import i18n, points
from planner.domain.agency import Officer, OfficerRole
from planner.domain.changes import OfficersImported
from planner.service import tasks
from planner.store import cases, upkeep
from planner.store.engine import writing
from scheduler import jobs
from tests.fakes import DIRECTIVE, MailServer, Province, at, mailbox, planned

MONDAY = at("2020-05-18")
RISK = """
name: risk
version: 1
sending: {from: "07:30", to: "17:00"}
rungs:
  - {name: due, trigger: due, tell: [agency_head, responsible], kind: reminder}
  - {name: risk, trigger: at_risk, tell: [responsible, focal], kind: at_risk}
"""


@pytest.fixture
def risky(province: Province) -> Province:
    """The same with a ladder that warns two roles."""
    policy = province.shop.settings.home / "risk.yaml"
    policy.write_text(RISK, encoding="utf-8")
    return province.with_settings(policy_file=policy)


@contextmanager
def once(point: str, happens: Callable[[], object]) -> Iterator[None]:
    """Let something happen when the program comes by a point for the first time."""
    came_by: list[str] = []

    def hook(name: str) -> None:
        if name == point and not came_by:
            came_by.append(name)
            happens()

    before, points.hook = points.hook, hook
    try:
        yield
    finally:
        points.hook = before
    assert came_by, f"nobody came by {point}"


def leave(province: Province, *roles: str) -> None:
    """Let people of the home affairs department have left the day before."""
    gone = tuple(
        Officer(
            email=mailbox("snv", role),
            name=f"Nguyễn Thị {role}",
            title="Chuyên viên",
            agency="snv",
            role=OfficerRole(role),
            valid_to=date(2020, 5, 17),
        )
        for role in roles
    )
    desk = province.desk(MONDAY)
    with desk.writing() as session:
        desk.record(session, [("officers", OfficersImported(officers=gone))])


def told(province: Province) -> dict[str, str]:
    """Return who was told by role, as the ledger says."""
    return {
        role: recipient for role, recipient, state in province.notices("role", "recipient", "state") if state == "sent"
    }


def test_a_mail_to_somebody_who_has_left_since_it_was_written_is_not_sent(
    province: Province, server: MailServer
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))

    def replaced() -> None:
        leave(province, "member")
        jobs.queue_due(province.shop, MONDAY)  # as another machine would

    with once("mails composed", replaced):
        province.tick(MONDAY)
    province.tick(MONDAY + timedelta(minutes=1))
    assert mailbox("snv") not in server.recipients()
    assert told(province) == {"responsible": mailbox("snv", "focal"), "agency_head": mailbox("snv", "head")}
    assert sorted(server.recipients()) == sorted(told(province).values())


def test_who_leaves_between_queueing_and_writing_is_not_written_to(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-05-15"))
    jobs.queue_due(province.shop, MONDAY)
    leave(province, "member")
    tasks.done(province.desk(MONDAY), "snv:I.2", document="1/BC", on=date(2020, 5, 15), file=None)
    jobs.fill_mails(province.shop, MONDAY)
    assert all(recipient != mailbox("snv") for recipient, _state in province.mails())
    province.tick(MONDAY + timedelta(minutes=1))
    assert sorted(server.recipients()) == sorted(told(province).values())
    assert told(province)["responsible"] == mailbox("snv", "focal")


def test_a_mail_that_names_the_number_a_task_no_longer_has_is_not_stored(
    province: Province, server: MailServer
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))

    def renumbered() -> None:
        with writing(province.engine) as session:
            upkeep.follow_renumbering(session, {f"{DIRECTIVE}/snv:I.1": f"{DIRECTIVE}/snv:I.2"})

    jobs.queue_due(province.shop, MONDAY)
    with once("mails composed", renumbered):
        jobs.fill_mails(province.shop, MONDAY)
    assert province.mails() == []
    assert server.accepted == []


def test_who_was_told_a_step_as_head_is_not_told_it_again_in_the_place_of_others(
    province: Province, server: MailServer
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    server.rcpt[mailbox("snv")] = "451 4.7.1 not now"
    province.tick(MONDAY)
    assert server.recipients() == [mailbox("snv", "head")]
    leave(province, "member", "focal")  # the head stands in for both
    with i18n.speaking("en"):  # whoever runs the round: the ledger speaks the province's language
        for minutes in (1, 10, 60):
            province.tick(MONDAY + timedelta(minutes=minutes))
    assert server.recipients() == [mailbox("snv", "head")]
    [reason] = [
        row[2] for row in province.notices("role", "state", "reason") if row[:2] == ("responsible", "suppressed")
    ]
    assert reason == "Đã được thông báo với tư cách khác."


def test_a_role_of_a_warning_that_gets_another_holder_is_told_the_same_day(risky: Province) -> None:
    focal = mailbox("snv", "focal")
    risky.file("snv", planned("I.1", "2020-05-18", duration=8, responsible=focal))
    risky.tick(MONDAY)
    assert [row for row in risky.notices() if row[0] == "risk"] == [
        ("risk", "responsible", focal, "sent"),
        ("risk", "focal", focal, "suppressed"),
    ]
    old = Officer(email=focal, name="Cũ", title="", agency="snv", role=OfficerRole.MEMBER)
    new = replace(old, email="new@snv.example.vn", role=OfficerRole.FOCAL)
    desk = risky.desk(MONDAY)
    with desk.writing() as session:
        desk.record(session, [("officers", OfficersImported(officers=(old, new)))])
    assert jobs.queue_due(risky.shop, MONDAY + timedelta(hours=1)).queued == 1


def test_who_answers_for_a_task_by_a_plan_filed_anew_is_told_the_same_day(risky: Province) -> None:
    risky.file("snv", planned("I.1", "2020-05-18", responsible=mailbox("snv", "head")))
    risky.tick(MONDAY)
    risky.file("snv", planned("I.1", "2020-05-18"), now=MONDAY + timedelta(hours=1))
    assert jobs.queue_due(risky.shop, MONDAY + timedelta(hours=2)).queued == 1


def test_cases_that_are_moved_while_a_round_is_under_way_are_looked_at_by_the_next(
    province: Province, risky: Province
) -> None:
    without = province.shop.settings.home / "without.yaml"
    without.write_text(RISK[: RISK.index("  - {name: risk")], encoding="utf-8")
    old = province.with_settings(policy_file=without)
    old.file("snv", planned("I.1", "2020-05-20", duration=8))
    old.file("stc", planned("I.1", "2020-05-20", "stc"))
    jobs.queue_due(old.shop, at("2020-05-18"))
    moving, staying = ((f"{DIRECTIVE}/{agency}:I.1", 0) for agency in ("snv", "stc"))
    with writing(old.engine) as session:  # their ladders have begun
        cases.begin(session, {moving, staying}, old.shop.policy_version, at("2020-05-18"))
    jobs.queue_due(risky.shop, at("2020-05-18", 9))
    risky.file("stttt", planned("I.1", "2020-07-15", "stttt"), now=at("2020-05-18", 9))

    def moved() -> None:
        with writing(risky.engine) as session:
            assert cases.move(session, [moving], risky.shop.policy_version, at("2020-05-18", 10))

    with once("judged", moved):
        assert jobs.queue_due(risky.shop, at("2020-05-18", 10)).queued == 0
    assert jobs.queue_due(risky.shop, at("2020-05-18", 11)).queued == 2


def test_of_two_rounds_at_once_under_two_policies_neither_spoils_what_the_other_watches(
    province: Province, risky: Province
) -> None:
    without = province.shop.settings.home / "without.yaml"
    without.write_text(RISK[: RISK.index("  - {name: risk")], encoding="utf-8")
    other = province.with_settings(policy_file=without)
    risky.file("snv", planned("I.1", "2020-05-29", duration=5))
    jobs.queue_due(risky.shop, at("2020-05-11"))
    risky.file("stc", planned("I.1", "2020-07-15", "stc"), now=at("2020-05-12"))
    with once("judged", lambda: jobs.queue_due(other.shop, at("2020-05-12", 8.1))):
        jobs.queue_due(risky.shop, at("2020-05-12"))
    days = [date(2020, 5, day) for day in range(13, 30)]
    assert next(day for day in days if jobs.queue_due(risky.shop, at(day)).queued) == date(2020, 5, 26)
