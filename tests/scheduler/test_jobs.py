"""One round of the engine, end to end: a real database, real SMTP, and what people find in their mailboxes."""

import gc
from collections.abc import Iterator
from datetime import date, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from planner.domain.agency import Absence, Officer, OfficerRole
from planner.domain.changes import AbsenceRecorded, OfficersImported
from planner.errors import PlannerError
from planner.service import tasks
from planner.store import ledger_view
from planner.store.engine import reading
from scheduler import jobs, message
from tests.fakes import (
    DIRECTIVE,
    FILING_DEADLINE,
    MailServer,
    Province,
    at,
    everything,
    mailbox,
    make_province,
    planned,
)

URGENT = """
name: urgent-test
version: 1
sending: {from: "07:30", to: "17:00"}
rungs:
  - {name: due-5wd, trigger: due -5wd, tell: [responsible], kind: reminder}
  - {name: due+1wd, trigger: due +1wd, tell: [responsible, agency_head], kind: overdue}
  - {name: submitted, trigger: submitted, tell: [department], kind: confirmation, urgent: true}
"""


@pytest.fixture
def owing(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    with make_province(database_url, tmp_path, smtp_port=server.port, filing_deadline=FILING_DEADLINE) as made:
        yield made


def plain(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


def test_one_mail_that_cannot_be_written_silences_nobody_else(
    province: Province, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    whole = message.assemble

    def odd(written: message.Message, **fields: Any) -> bytes:
        if fields["to"] == mailbox("snv"):  # whatever the mail holds, it did not read back
            raise PlannerError("The mail does not read back as it was written.")
        return whole(written, **fields)

    monkeypatch.setattr(message, "assemble", odd)
    done = province.tick(at("2020-05-18"))
    assert (done.sent, done.failed) == (1, 1)
    assert server.recipients() == [mailbox("snv", "head")]


def test_garbage_is_looked_for_again_after_a_round_however_it_ended(
    province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    during = []

    def fail(*_args: object) -> None:
        during.append(gc.isenabled())
        raise RuntimeError

    province.file("snv", planned("I.1", "2020-05-15"))
    jobs.queue_due(province.shop, at("2020-05-18"))
    assert gc.isenabled()
    monkeypatch.setattr(jobs, "agenda_of", fail)
    with pytest.raises(RuntimeError):
        jobs.queue_due(province.shop, at("2020-05-18"))
    assert (during, gc.isenabled()) == ([False], True)


# --- who is told, and what ---


def test_a_round_tells_the_right_people_in_the_right_words_and_counts_them(
    province: Province, server: MailServer
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-08-30"))
    province.file("stc", planned("I.1", "2020-05-22", "stc"))

    done = province.tick(at("2020-05-18"))  # one working day after the first deadline, four before the other

    assert server.recipients() == [mailbox("snv", "head"), mailbox("snv"), mailbox("stc")]
    assert (done.queued, done.sent, done.retry, done.failed, done.unknown) == (3, 3, 0, 0, 0)
    assert done.superseded == 4  # due-5wd, due-3wd, due-1wd and due, all missed
    (late,) = server.to(mailbox("snv"))
    assert str(late["Subject"]).startswith("[Quá hạn]")
    assert "snv:I.1" in plain(late)
    assert "quá hạn 1 ngày làm việc" in plain(late)
    assert "chữ ký số" in plain(late)
    assert "I.2" not in plain(late)
    (head,) = server.to(mailbox("snv", "head"))
    assert "Sở Nội vụ" in plain(head)
    assert "snv:I.1" in plain(head)
    (soon,) = server.to(mailbox("stc"))
    assert str(soon["Subject"]).startswith("[Nhắc việc]")
    assert "22/5/2020" in plain(soon)


def test_every_mail_has_the_headers_of_automatic_mail_and_parses(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    province.tick(at("2020-05-18"))
    assert len(server.parsed()) == 2
    for recipient, mail in zip(server.recipients(), sorted(server.parsed(), key=lambda m: str(m["To"])), strict=True):
        assert mail.defects == []
        assert mail["Auto-Submitted"] == "auto-generated"
        assert [one.addr_spec for one in mail["To"].addresses] == [recipient]
        assert mail["Date"].datetime == at("2020-05-18")
        assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_the_ledger_says_who_was_told_in_which_mail_and_when(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    province.tick(at("2020-05-18"))
    with reading(province.engine) as session:
        told = [row for row in ledger_view.ledger(session) if row["state"] == "sent"]
    assert {row["recipient"] for row in told} == {mailbox("snv"), mailbox("snv", "head")}
    assert {row["sent_at"] for row in told} == {at("2020-05-18")}
    assert {row["message_id"] for row in told} == set(server.message_ids())
    assert {row["attempts"] for row in told} == {1}


# --- once and no more ---


def test_a_second_round_at_the_same_instant_queues_and_sends_nothing(owing: Province, server: MailServer) -> None:
    owing.file("snv", planned("I.1", "2020-05-15"))
    first = owing.tick(at("2020-05-18"))
    before = everything(owing.engine)
    second = owing.tick(at("2020-05-18"))
    assert first.sent == len(server.accepted) == 8
    assert set(second.as_dict().values()) == {0}
    after = everything(owing.engine)
    assert len(after.pop("tick")) == len(before.pop("tick")) + 1
    assert after == before


@pytest.mark.parametrize("day", ["2020-05-22", "2020-05-29", "2020-06-12", "2020-06-30"])
def test_no_day_of_the_ladder_leaves_anything_to_do_for_a_second_round(
    owing: Province, server: MailServer, day: str
) -> None:
    owing.file("snv", planned("I.1", "2020-05-15"))
    first = owing.tick(at(day))
    second = owing.tick(at(day, 9))
    assert first.sent == len(server.accepted) > 0
    assert set(second.as_dict().values()) == {0}
    assert {state for (state,) in owing.notices("state")} <= {"sent", "superseded", "suppressed"}


def test_each_rung_comes_once_as_the_days_pass(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    days = [date(2020, 5, 4) + timedelta(days=n) for n in range(60)]
    for day in days:
        province.tick(at(day))
    sent = [
        (rung, nominal.isoformat(), role)
        for rung, nominal, role, state in province.notices("rung", "nominal", "role", "state")
        if state == "sent"
    ]
    expected = [
        ("due-5wd", "2020-05-08", ["responsible"]),
        ("due-3wd", "2020-05-12", ["responsible"]),
        ("due-1wd", "2020-05-14", ["responsible"]),
        ("due", "2020-05-15", ["responsible"]),
        ("due+1wd", "2020-05-18", ["responsible", "agency_head"]),
        ("due+5wd", "2020-05-22", ["responsible", "agency_head", "department"]),
        ("due+10wd", "2020-05-29", ["responsible", "agency_head", "department"]),
        ("due+20wd", "2020-06-12", ["responsible", "agency_head", "chairman_list"]),
    ]
    assert sorted(sent) == sorted((rung, day, role) for rung, day, roles in expected for role in roles)
    assert len(server.accepted) == len(sent)
    dates = [mail["Date"].datetime.date().isoformat() for mail in server.to(mailbox("snv"))]
    assert dates == [day for _rung, day, _roles in expected]


def test_many_notices_of_one_person_are_one_mail(province: Province, server: MailServer) -> None:
    province.file("snv", *(planned(f"I.{n}", "2020-05-15") for n in range(1, 21)))
    done = province.tick(at("2020-05-18"))
    assert done.queued == 40
    assert done.sent == len(server.accepted) == 2
    (mail,) = server.to(mailbox("snv"))
    assert "20 nhiệm vụ quá hạn" in str(mail["Subject"])
    assert all(f"snv:I.{n} " in plain(mail) or f"snv:I.{n}." in plain(mail) for n in (1, 20))


def test_nobody_gets_two_digests_on_one_day_and_what_comes_later_goes_the_next(
    province: Province, server: MailServer
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    assert province.tick(at("2020-05-08")).sent == 1
    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-05-15"), now=at("2020-05-08", 9))
    afternoon = province.tick(at("2020-05-08", 14))
    assert (afternoon.queued, afternoon.sent) == (1, 0)
    monday = province.tick(at("2020-05-11"))
    assert (monday.queued, monday.sent) == (0, 1)
    assert "snv:I.2" in plain(server.to(mailbox("snv"))[-1])
    assert "snv:I.1" not in plain(server.to(mailbox("snv"))[-1])


def test_a_digest_that_could_not_leave_is_told_anew_in_the_next_days_only_one(
    province: Province, server: MailServer
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-05-20"))
    server.rcpt[mailbox("snv")] = "451 4.7.1 come back later"
    assert province.tick(at("2020-05-12", 16.9)).retry == 1  # due-3wd of I.1; sending hours end soon
    server.rcpt.clear()
    done = province.tick(at("2020-05-13"))  # due-5wd of I.2
    assert done.sent == 1
    (mail,) = server.to(mailbox("snv"))
    assert "snv:I.1" in plain(mail)
    assert "snv:I.2" in plain(mail)
    assert "còn 2 ngày làm việc" in plain(mail).lower()  # as of today, not as of yesterday
    assert [state for _recipient, state in province.mails()] == ["obsolete", "sent"]


def test_what_is_urgent_goes_at_once_beside_the_days_digest(
    province: Province, server: MailServer, tmp_path: Path
) -> None:
    file = tmp_path / "ladder.yaml"
    file.write_text(URGENT)
    urgent = province.with_settings(policy_file=file)
    urgent.file("stttt", planned("I.1", "2020-05-20", "stttt", responsible=mailbox("stttt", "focal")))
    urgent.file("snv", planned("I.1", "2020-05-20"))
    urgent.tick(at("2020-05-13"))
    assert server.recipients() == [mailbox("stttt", "focal"), mailbox("snv")]
    tasks.done(
        urgent.desk(at("2020-05-13", 9), mailbox("snv")),
        "snv:I.1",
        document="5/BC",
        on=at("2020-05-13").date(),
        file=None,
    )
    done = urgent.tick(at("2020-05-13", 10))
    assert done.sent == 1
    assert len(server.to(mailbox("stttt", "focal"))) == 2
    assert [kind for kind, recipient in urgent.mails("kind", "recipient") if "focal" in recipient] == [
        "digest",
        "urgent",
    ]


# --- hours and days ---


def test_outside_sending_hours_mail_waits_and_goes_at_the_next_open_minute(
    province: Province, server: MailServer
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    night = province.tick(at("2020-05-08", 6))
    assert (night.queued, night.sent) == (1, 0)
    assert province.tick(at("2020-05-08", 7 + 29 / 60)).sent == 0
    assert province.mails() == []
    assert province.tick(at("2020-05-08", 7.5)).sent == 1
    assert len(server.accepted) == 1


def test_after_the_last_minute_of_the_day_mail_waits(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    assert province.tick(at("2020-05-08", 17)).sent == 0
    assert province.tick(at("2020-05-08", 16 + 59 / 60)).sent == 1


@pytest.mark.parametrize(
    ("due", "reached", "shut", "opens"),
    [
        ("2020-05-08", "2020-04-29", ["2020-04-30", "2020-05-01", "2020-05-02", "2020-05-03"], "2020-05-04"),
        ("2020-05-15", "2020-05-08", ["2020-05-09", "2020-05-10"], "2020-05-11"),
    ],
    ids=["30 April, 1 May and a weekend", "weekend"],
)
def test_on_days_off_mail_waits_for_the_next_working_day(  # noqa: PLR0917
    province: Province, server: MailServer, due: str, reached: str, shut: list[str], opens: str
) -> None:
    province.file("snv", planned("I.1", due), now=at("2020-04-29", 7))
    evening = province.tick(at(reached, 18))
    assert (evening.queued, evening.sent) == (1, 0)
    for day in shut:
        assert province.tick(at(day, 10)).sent == 0
    assert server.accepted == []
    assert province.tick(at(opens, 7.5)).sent == 1


# --- what became untrue meanwhile ---


def test_a_task_done_between_queueing_and_sending_is_not_told(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-05-15"))
    assert province.tick(at("2020-05-18", 6)).queued == 4
    tasks.done(
        province.desk(at("2020-05-18", 7), mailbox("snv")),
        "snv:I.1",
        document="7/BC",
        on=at("2020-05-18").date(),
        file=None,
    )
    done = province.tick(at("2020-05-18", 8))
    assert (done.obsolete, done.sent) == (2, 2)
    assert all("snv:I.1" not in plain(mail) and "snv:I.2" in plain(mail) for mail in server.parsed())
    states = {(s, state) for s, rung, state in province.notices("subject", "rung", "state") if rung == "due+1wd"}
    assert states == {(f"{DIRECTIVE}/snv:I.1", "obsolete"), (f"{DIRECTIVE}/snv:I.2", "sent")}


def test_a_task_done_after_its_mail_was_written_is_taken_out_of_it(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-05-15"))

    def hand_in(_recipient: str) -> None:
        server.before_verdict = None
        for code in ("I.1", "I.2"):
            tasks.done(
                province.desk(at("2020-05-18", 8), mailbox("snv")),
                f"snv:{code}",
                document="7/BC",
                on=at("2020-05-18").date(),
                file=None,
            )

    # With one connection the second mail is judged only after the first is away.
    server.before_verdict = hand_in
    done = jobs.run_round(province.shop, at("2020-05-18"), province.channel(connections=1))
    assert done.sent == len(server.accepted) == 1
    assert done.obsolete == 2
    assert sorted(state for _recipient, state in province.mails()) == ["obsolete", "sent"]
    assert set(province.tick(at("2020-05-18", 9)).as_dict().values()) == {0}


def test_what_still_holds_of_a_mail_given_up_goes_out_in_the_same_round(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-05-15"))

    def hand_in(_recipient: str) -> None:
        server.before_verdict = None
        tasks.done(
            province.desk(at("2020-05-18", 8), mailbox("snv")),
            "snv:I.1",
            document="7/BC",
            on=at("2020-05-18").date(),
            file=None,
        )

    server.before_verdict = hand_in
    done = jobs.run_round(province.shop, at("2020-05-18"), province.channel(connections=1))
    assert done.sent == len(server.accepted) == 2
    last = server.parsed()[-1]
    assert "snv:I.2" in plain(last)
    assert "snv:I.1" not in plain(last)
    assert sorted(state for _recipient, state in province.mails()) == ["obsolete", "sent", "sent"]


def test_a_result_returned_is_reminded_of_again(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    desk = province.desk(at("2020-05-18", 7))
    assert province.tick(at("2020-05-18", 6)).queued == 2
    tasks.done(desk, "snv:I.1", document="7/BC", on=date(2020, 5, 18), file=None)
    assert province.tick(at("2020-05-18", 8)).sent == 0
    tasks.return_(desk, "snv:I.1", "Chưa có văn bản minh chứng.")
    done = province.tick(at("2020-05-18", 9))
    assert (done.queued, done.sent) == (2, 2)
    assert server.recipients() == [mailbox("snv", "head"), mailbox("snv")]


def test_an_extension_silences_the_old_ladder_and_starts_a_new_one(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    assert province.tick(at("2020-05-08")).sent == 1
    tasks.extend(
        province.desk(at("2020-05-12")), "snv:I.1", to=date(2020, 6, 15), reason="Chờ thiết bị", document="9/CV"
    )
    assert province.tick(at("2020-05-18")).sent == 0
    assert province.tick(at("2020-06-08")).sent == 1
    (_first, again) = server.to(mailbox("snv"))
    assert "15/6/2020" in plain(again)
    assert "nhắc lần đầu" in plain(again)
    revisions = [
        (rung, revision) for rung, revision, state in province.notices("rung", "revision", "state") if state == "sent"
    ]
    assert revisions == [("due-5wd", 0), ("due-5wd", 1)]


def test_filing_reminders_climb_and_stop_when_the_plan_is_filed(owing: Province, server: MailServer) -> None:
    for agency in ("stttt", "snv", "h-yen-dinh"):
        owing.file(agency, planned("I.1", "2020-12-01", agency))
    for day in ("2020-05-12", "2020-05-15", "2020-05-18", "2020-05-22", "2020-05-29"):
        owing.tick(at(day))
    told = [(rung, role) for rung, role, state in owing.notices("rung", "role", "state") if state == "sent"]
    assert told == [
        ("filing-3wd", "focal"),
        ("filing", "focal"),
        ("filing+1wd", "focal"),
        ("filing+1wd", "agency_head"),
        ("filing+5wd", "agency_head"),
        ("filing+5wd", "parent_agency"),
        ("filing+10wd", "agency_head"),
        ("filing+10wd", "chairman_list"),
    ]
    assert {subject for (subject,) in owing.notices("subject")} == {f"{DIRECTIVE}/stc"}
    assert "Sở Tài chính" in plain(server.to(mailbox("stc", "head"))[-1])


def test_a_plan_filed_before_its_reminder_leaves_is_not_reminded_of(owing: Province, server: MailServer) -> None:
    for agency in ("stttt", "snv", "h-yen-dinh"):
        owing.file(agency, planned("I.1", "2020-12-01", agency))
    assert owing.tick(at("2020-05-29", 6)).queued == 2
    owing.file("stc", planned("I.1", "2020-12-01", "stc"), now=at("2020-05-29", 7))
    done = owing.tick(at("2020-05-29", 8))
    assert (done.obsolete, done.sent) == (2, 0)
    assert server.accepted == []


# --- one mail for the cause, not ten for the effects ---


def test_the_blocker_is_urged_and_the_blocked_agency_is_told_not_escalated(
    province: Province, server: MailServer
) -> None:
    province.file("stc", planned("I.1", "2020-05-15", "stc"))
    province.file("snv", planned("I.1", "2020-05-15", after=("stc:I.1",)))
    done = province.tick(at("2020-05-22"))
    assert done.suppressed == 2  # head and department need not hear of the one that waits
    assert server.recipients() == [mailbox("stttt", "focal"), mailbox("stc", "head"), mailbox("snv"), mailbox("stc")]
    (blocker,) = server.to(mailbox("stc"))
    assert "1 nhiệm vụ của 1 cơ quan" in plain(blocker)
    (blocked,) = server.to(mailbox("snv"))
    assert "Đang chờ kết quả của nhiệm vụ: stc:I.1" in plain(blocked)
    assert not str(blocked["Subject"]).startswith("[Quá hạn]")
    (department,) = server.to(mailbox("stttt", "focal"))
    assert "snv:I.1" not in plain(department)
    tasks.done(province.desk(at("2020-05-22", 9)), "stc:I.1", document="3/BC", on=date(2020, 5, 22), file=None)
    after = province.tick(at("2020-05-22", 10))
    assert after.queued == 2  # the cause is gone, and the head and the department hear of it after all
    assert len(server.to(mailbox("snv", "head"))) == 1


def test_after_ten_days_of_silence_only_the_highest_rung_is_told(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    assert province.tick(at("2020-05-12")).sent == 1
    done = province.tick(at("2020-05-22"))
    assert done.sent == 3
    assert done.superseded == 4  # due-1wd, due, and due+1wd for two roles
    history = {(rung, role): state for rung, role, state in province.notices("rung", "role", "state")}
    assert history == {
        ("due-5wd", "responsible"): "superseded",
        ("due-3wd", "responsible"): "sent",
        ("due-1wd", "responsible"): "superseded",
        ("due", "responsible"): "superseded",
        ("due+1wd", "responsible"): "superseded",
        ("due+1wd", "agency_head"): "superseded",
        ("due+5wd", "responsible"): "sent",
        ("due+5wd", "agency_head"): "sent",
        ("due+5wd", "department"): "sent",
    }


def test_a_notice_that_waited_too_long_is_overtaken_by_the_next_rung(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-12"))
    assert province.tick(at("2020-05-09")).queued == 1  # Saturday: due-1wd is Monday's, this is due-3wd
    done = province.tick(at("2020-05-11"))
    assert (done.superseded, done.sent) == (1, 1)
    assert [(r, s) for r, s in province.notices("rung", "state") if r in ("due-3wd", "due-1wd")] == [
        ("due-3wd", "superseded"),
        ("due-1wd", "sent"),
    ]
    [why] = [reason for rung, reason in province.notices("rung", "reason") if rung == "due-3wd"]
    assert why.startswith("Đã đến mốc nhắc việc sau")


@pytest.mark.parametrize("tasks", [1, 3])
def test_an_absent_persons_mail_that_waits_goes_to_the_substitute(
    province: Province, server: MailServer, tasks: int
) -> None:
    province.file("snv", *(planned(f"I.{n}", "2020-05-15") for n in range(tasks)))
    assert province.tick(at("2020-05-08", 6)).queued == tasks
    away = Absence(
        officer=mailbox("snv"),
        first_day=date(2020, 5, 8),
        last_day=date(2020, 5, 20),
        substitute=mailbox("snv", "focal"),
    )
    desk = province.desk(at("2020-05-08", 7))
    with desk.writing() as session:
        desk.record(session, [("officers", AbsenceRecorded(absence=away))])
    assert province.tick(at("2020-05-08", 8)).sent == 1
    assert server.recipients() == [mailbox("snv", "focal")]
    assert [recipient for (recipient,) in province.notices("recipient")] == [mailbox("snv", "focal")] * tasks


def test_a_broken_template_of_one_kind_silences_only_the_mails_that_need_it(
    province: Province, server: MailServer, tmp_path: Path
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"))
    province.file("stc", planned("I.1", "2020-05-07", responsible=mailbox("stc")))
    site = tmp_path / "site"
    (site / "notification" / "overdue").mkdir(parents=True)
    (site / "notification" / "overdue" / "item.txt").write_text("{{ nobody.knows }}")
    done = province.with_settings(templates_dir=site).tick(at("2020-05-08"))
    assert done.failed
    assert mailbox("snv") in server.recipients()
    assert mailbox("stc") not in server.recipients()


def test_an_entry_that_cannot_be_written_to_silences_nobody_else(province: Province, server: MailServer) -> None:
    broken = Officer(email="ông.a@snv.example.vn", name="Ông A", title="", agency="snv", role=OfficerRole.MEMBER)
    desk = province.desk(at("2020-05-04"))
    with desk.writing() as session:
        desk.record(session, [("officers", OfficersImported(officers=(broken,)))])
    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-05-15", responsible=broken.email))
    done = province.tick(at("2020-05-08"))
    assert (done.queued, done.sent, done.failed) == (2, 1, 1)
    assert server.recipients() == [mailbox("snv")]
    assert ("queued", broken.email) in province.notices("state", "recipient")


# --- size ---


def test_the_number_of_statements_of_a_quiet_round_does_not_grow_with_the_tasks(province: Province) -> None:
    statements: list[str] = []
    event.listen(province.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def quiet_round() -> int:
        province.tick(at("2020-05-18"))
        statements.clear()
        province.tick(at("2020-05-18", 9))
        return len(statements)

    province.file("snv", planned("I.1", "2020-05-15"))
    few = quiet_round()
    province.file("stc", *(planned(f"I.{n}", "2020-05-15", "stc") for n in range(300)))
    assert quiet_round() == few


def test_queueing_costs_a_few_statements_however_much_is_new(province: Province) -> None:
    province.file("stc", *(planned(f"I.{n}", "2020-05-15", "stc") for n in range(300)))
    statements: list[str] = []
    event.listen(province.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    done = jobs.queue_due(province.shop, at("2020-05-18"))
    assert (done.queued, done.superseded) == (600, 1200)
    assert len(statements) < 40
