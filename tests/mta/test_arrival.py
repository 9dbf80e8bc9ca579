"""Mail through a real Postfix: what arrives is what the ledger says, once, and reads as it was written."""

from __future__ import annotations

from datetime import timedelta

from planner.store.tables import MailRow
from scheduler.envelope import opened
from tests.fakes import ROOT, Province, rows, run_json
from tests.mta.postfix import Mta
from tests.mta.rounds import AN, HEAD, NOW, arrived_once, many_late_tasks, one_late_task, tick

KEY = b"0123456789abcdef0123456789abcdef"


def test_digests_arrive_once_with_their_subject_and_a_signed_sender(province: Province, mta: Mta) -> None:
    many_late_tasks(province)
    assert tick(province, NOW).sent == 41
    mta.settle()
    assert arrived_once(province, mta.destination) == 41
    subjects = dict(rows(province.engine, MailRow, ("recipient", "subject")))
    numbers = {to: number for number, to in province.mails("id", "recipient")}
    for to in set(mta.destination.recipients()):
        (mail,) = mta.destination.mails(to)
        assert str(mail["Subject"]) == subjects[to]
        assert "nhiệm vụ" in str(mail["Subject"]).lower()
        assert mail["To"].addresses[0].addr_spec == to
        assert mail["From"].addresses[0].addr_spec == province.shop.settings.mail_from
        text = mail.get_body(("plain",))
        assert text is not None
        assert "chữ ký số" in text.get_content()
        found = opened(str(mail["Return-Path"]).strip("<>"), NOW, KEY)
        assert found is not None
        assert found.mail_id == numbers[to]
    assert mta.relay.files() == []


def test_a_second_round_sends_nothing(province: Province, mta: Mta) -> None:
    one_late_task(province)
    assert tick(province, NOW).sent == 2
    assert set(tick(province, NOW + timedelta(minutes=1)).as_dict().values()) == {0}
    mta.settle()
    assert mta.destination.recipients() == [HEAD, AN]


def test_the_command_does_the_same_as_a_process_of_its_own(province: Province, mta: Mta) -> None:
    one_late_task(province)
    settings = province.shop.settings
    environment = province.environment(
        PLANNER_NOW=NOW.isoformat(),
        PLANNER_BOUNCE_KEY_FILE=settings.bounce_key_file,
        PLANNER_BOUNCE_MAILDIR=settings.bounce_maildir,
    )
    done = run_json("scheduler", "tick", environment=environment, cwd=settings.home)
    assert done["sent"] == 2
    mta.settle()
    assert arrived_once(province, mta.destination) == 2


def test_the_lines_of_main_cf_that_the_operator_reads_are_those_that_are_tested(mta: Mta) -> None:
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    block = page.partition("# /etc/postfix/main.cf\n")[2].partition("```")[0]
    lines = dict(line.split(" = ", 1) for line in block.splitlines())
    assert len(lines) == 6
    assert lines.keys() <= mta.relay.settings.keys()
    for name in ("recipient_delimiter", "virtual_mailbox_domains"):
        assert lines[name] == mta.relay.settings[name]


def test_nothing_leaves_the_machine(mta: Mta) -> None:
    for one in (mta.relay, mta.destination):
        said = dict(line.split(" = ", 1) for line in one.command("postconf").splitlines() if " = " in line)
        assert said["smtp_bind_address"] == "127.0.0.1"
        assert said["inet_interfaces"] == "127.0.0.1"
        for name in ("default_transport", "local_transport", "relay_transport"):
            assert said[name].startswith("error:"), name
        ways = (one.config / "transport").read_text().split()[1::2]
        assert ways
        assert all(way.startswith("smtp:[127.0.0.1]:") for way in ways)
        assert said["queue_directory"].startswith(str(one.folder))
