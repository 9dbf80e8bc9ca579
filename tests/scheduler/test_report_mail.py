"""The Chairman's report by mail: once, with its document, and never repeated unless a person says so."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from docx import Document

from planner.domain.changes import MailResolved
from planner.service import admin
from planner.service.doctor import doctor
from planner.store import outbox
from planner.store.engine import reading, writing
from planner.store.events import newest
from scheduler import jobs
from tests.fakes import (
    MailServer,
    Province,
    at,
    everything,
    mailbox,
    make_province,
    planned,
    run,
    run_json,
)

NOW = at("2020-05-18")
CHAIRMAN = "chu.tich@ubnd.example.vn"
REPORT = ("outbox", "report", CHAIRMAN, "--as-of", "2020-05-17", "--now", "2020-05-18T07:00")
HEAD = mailbox("stttt", "head")


@pytest.fixture
def province(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    with make_province(database_url, tmp_path, smtp_port=server.port) as made:
        made.file("snv", planned("I.1", "2020-06-15"))
        yield made


@pytest.fixture
def planner(province: Province, tmp_path: Path) -> Any:
    environment = province.environment()
    return lambda *arguments, code=0: run_json(*arguments, environment=environment, cwd=tmp_path, code=code)


def state(province: Province) -> str:
    [(found,)] = province.mails("state")
    return str(found)


def lost_after_the_message(province: Province, server: MailServer, planner: Any) -> str:
    """Let the report's fate become unknown; return its key."""
    key = str(planner(*REPORT)["key"])
    server.cut_after = 1
    assert province.tick(NOW).unknown == 1
    return key


def test_the_report_leaves_with_its_document_within_sending_hours(
    province: Province, server: MailServer, planner: Any
) -> None:
    made = planner(*REPORT)
    assert province.tick(at("2020-05-18", 7)).sent == 0  # before half past seven
    assert province.tick(NOW).sent == 1
    [mail] = server.to(CHAIRMAN)
    assert mail["Message-ID"] == made["message_id"]
    assert "17/5/2020" in mail["Subject"]
    plain = mail.get_body(("plain",))
    assert isinstance(plain, EmailMessage)
    assert ": 1\r\n" in plain.get_content()  # the number of tasks
    [document] = mail.iter_attachments()
    assert document.get_filename() == "bao-cao-2020-05-17.docx"
    text = "\n".join(one.text for one in Document(io.BytesIO(document.get_content())).paragraphs)
    assert "BÁO CÁO" in text
    assert province.tick(NOW + timedelta(hours=1)).sent == 0


def test_the_same_report_is_in_the_outbox_once_for_each_person(province: Province, planner: Any) -> None:
    first = planner(*REPORT)
    planner(*REPORT, code=4)
    other = planner("outbox", "report", HEAD, *REPORT[3:])
    later = planner("outbox", "report", CHAIRMAN, "--as-of", "2020-05-16", *REPORT[5:])
    assert len({first["key"], other["key"], later["key"]}) == 3
    assert len(province.mails()) == 3


def test_only_the_department_mails_the_report(province: Province, planner: Any) -> None:
    planner(*REPORT, "--user", mailbox("snv"), code=4)
    assert province.mails() == []


def test_an_address_that_is_none_is_refused(province: Province, planner: Any) -> None:
    planner("outbox", "report", "a@b.vn, c@d.vn", *REPORT[3:], code=1)
    assert province.mails() == []


def test_a_dry_run_leaves_no_trace(province: Province, planner: Any) -> None:
    before = everything(province.engine)
    planner(*REPORT, "--dry-run")
    assert everything(province.engine) == before


# --- unknown fate ---


def test_a_report_of_unknown_fate_is_held_for_a_person(province: Province, server: MailServer, planner: Any) -> None:
    key = lost_after_the_message(province, server, planner)
    for hour in (9, 10, 16):
        assert province.tick(at("2020-05-18", hour)).sent == 0
    assert province.tick(at("2020-05-25")).sent == 0  # nor after 72 hours
    assert state(province) == "unknown"
    assert len(server.accepted) == 1
    [listed] = planner("outbox", "list", "--state", "unknown")
    assert (listed["key"], listed["kind"], listed["recipient"]) == (key, "report", CHAIRMAN)
    (check,) = [one for one in doctor(province.desk(NOW)) if one.name == "reports"]
    assert not check.ok
    assert "outbox resolve" in check.detail


def test_a_report_whose_worker_died_after_the_message_began_is_held_too(
    province: Province, server: MailServer, planner: Any
) -> None:
    planner(*REPORT)
    with writing(province.engine) as session:
        [held] = outbox.claim(session, now=NOW, limit=1, lease=900)
        assert outbox.begin_data(session, replace(held, lease=-1), NOW)
    assert province.tick(NOW).sent == 0
    assert state(province) == "unknown"
    assert server.accepted == []


def test_a_reminder_of_unknown_fate_needs_nobody(province: Province, server: MailServer, planner: Any) -> None:
    province.file("stc", planned("I.1", "2020-05-15", agency="stc"))
    server.cut_after = 1
    assert province.tick(NOW).unknown == 1
    [listed] = planner("outbox", "list", "--state", "unknown")
    assert listed["kind"] != "report"
    assert province.tick(NOW + timedelta(minutes=2)).sent == 1
    assert set(server.message_ids().values()) == {1, 2}


def test_a_person_who_found_it_arrived_settles_it(province: Province, server: MailServer, planner: Any) -> None:
    key = lost_after_the_message(province, server, planner)
    say = ("outbox", "resolve", key[:12], "--sent", "--reason", "văn thư đã nhận", "--now", "2020-05-18T11:00")
    planner(*say, "--user", mailbox("snv"), code=4)
    planner(*say, "--user", HEAD)
    assert state(province) == "sent"
    assert province.tick(at("2020-05-18", 12)).sent == 0
    with reading(province.engine) as session:
        [event] = newest(session, limit=1, subject=CHAIRMAN)
    assert isinstance(event.change, MailResolved)
    assert (event.actor, event.reason, event.change.arrived) == (HEAD, "văn thư đã nhận", True)
    assert admin.audit_verify(province.desk(NOW)).ok
    planner(*say, code=4)  # its fate is known


def test_a_person_may_have_it_sent_once_more_the_same(province: Province, server: MailServer, planner: Any) -> None:
    key = lost_after_the_message(province, server, planner)
    planner("outbox", "resolve", key, "--resend", "--reason", "không thấy", "--now", "2020-05-18T11:00")
    assert province.tick(at("2020-05-18", 12)).sent == 1
    (first, again) = server.accepted
    assert first == again
    assert state(province) == "sent"


def test_a_report_is_shown_with_each_attempt_to_deliver_it(
    province: Province, server: MailServer, planner: Any, tmp_path: Path
) -> None:
    key = lost_after_the_message(province, server, planner)
    shown = planner("outbox", "show", key[:12])
    assert (shown["key"], shown["kind"], shown["recipient"]) == (key, "report", CHAIRMAN)
    assert [(one["outcome"], one["stage"]) for one in shown["attempts_made"]] == [("unknown", "data")]
    assert "wordprocessingml" in shown["body"]
    seen = run("outbox", "show", key[:12], environment=province.environment(), cwd=tmp_path)[1]
    assert "Báo cáo" in seen
    assert CHAIRMAN in seen


def test_a_report_that_was_refused_may_be_sent_again(province: Province, server: MailServer, planner: Any) -> None:
    key = str(planner(*REPORT)["key"])
    server.rcpt[CHAIRMAN] = "550 5.1.1 no such mailbox"
    assert province.tick(NOW).failed == 1
    (check,) = [one for one in doctor(province.desk(NOW)) if one.name == "reports"]
    assert not check.ok
    server.rcpt.clear()
    planner("outbox", "resolve", key, "--sent", "--reason", "-", code=4)
    planner("outbox", "resolve", key, "--resend", "--reason", "sửa hộp thư", "--now", "2020-05-18T11:00")
    assert province.tick(at("2020-05-18", 12)).sent == 1


def test_a_mail_that_is_being_sent_is_not_settled(province: Province, planner: Any) -> None:
    key = str(planner(*REPORT)["key"])
    with writing(province.engine) as session:
        outbox.claim(session, now=NOW, limit=1, lease=900)
    for choice in ("--sent", "--resend"):
        planner("outbox", "resolve", key, choice, "--reason", "-", code=4)
    assert state(province) == "leased"


def test_one_of_the_two_must_be_said(province: Province, tmp_path: Path, planner: Any) -> None:
    key = str(planner(*REPORT)["key"])
    code, _out, _complaint = run(
        "outbox", "resolve", key, "--reason", "-", environment=province.environment(), cwd=tmp_path
    )
    assert code == 2
    planner("outbox", "resolve", "ffff", "--sent", "--reason", "-", code=3)


def test_a_round_that_writes_digests_leaves_a_waiting_report_alone(
    province: Province, server: MailServer, planner: Any
) -> None:
    planner(*REPORT)
    jobs.queue_due(province.shop, at("2020-05-18", 6))
    jobs.queue_due(province.shop, at("2020-05-20", 6))
    assert state(province) == "ready"
    assert province.tick(at("2020-05-20")).sent == 1
    assert [recipient for recipient, _data in server.accepted] == [CHAIRMAN]
