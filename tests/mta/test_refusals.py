"""Addresses that a real Postfix refuses: at once, or later by a report that comes back to the signed sender."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from planner.store.engine import reading
from planner.store.tables import BounceRow, MailRow
from scheduler import bounces
from tests.fakes import Province, mail_server, rows
from tests.mta.postfix import PEOPLE, Mta, mailboxes, wait_for
from tests.mta.rounds import AN, FOCAL, HEAD, NOW, arrived_once, dead, one_late_task, states, tick

SOON = NOW + timedelta(minutes=5)


def without(mta: Mta, *people: str) -> None:
    """Take mailboxes away from the destination; the relay still takes mail for them."""
    mta.destination.tables["mailboxes"] = mailboxes(tuple(one for one in PEOPLE if one not in people))
    mta.destination.restart()


def returns(province: Province) -> list[tuple[str, str]]:
    """Return cause and code of what came back."""
    with reading(province.engine) as session:
        return [(one.cause, one.status) for one in session.scalars(select(BounceRow).order_by(BounceRow.mail_id))]


def comes_back(mta: Mta, count: int = 1) -> list[Path]:
    """Wait until so many reports lie in the Maildir of the sender, and return their files."""
    new = mta.bounces / "new"
    wait_for(lambda: len(list(new.iterdir())) >= count, "no report came back")
    mta.settle()
    return sorted(new.iterdir())


def test_a_mailbox_unknown_to_the_relay_is_dead_at_once_and_another_is_told(province: Province, mta: Mta) -> None:
    known = [one for one in PEOPLE if one != AN]
    mta.relay.tables["recipients"] = "".join(f"{one} x\n" for one in known)
    mta.relay.restart()
    one_late_task(province)
    done = tick(province, NOW)
    assert (done.sent, done.failed) == (1, 1)
    assert (dead(province), states(province)[AN]) == ([AN], "bounced")
    ((detail,),) = [one for one in rows(province.engine, MailRow, ("last_error",)) if one[0]]
    assert "550" in detail
    assert "5.1.1" in detail
    assert AN not in detail
    assert tick(province, SOON).sent == 1
    mta.settle()
    assert mta.destination.recipients() == [FOCAL, HEAD]
    assert arrived_once(province, mta.destination) == 2
    assert set(tick(province, NOW + timedelta(minutes=10)).as_dict().values()) == {0}


def test_a_report_comes_back_and_the_next_round_tells_another(province: Province, mta: Mta) -> None:
    without(mta, AN)
    one_late_task(province)
    assert tick(province, NOW).sent == 2
    (report,) = comes_back(mta)
    assert dead(province) == []
    done = tick(province, SOON)
    assert (done.queued, done.sent) == (1, 1)
    assert (dead(province), states(province)[AN]) == ([AN], "bounced")
    assert returns(province) == [("address", "5.1.1")]
    assert [one.name for one in (mta.bounces / "cur").iterdir()] == [f"{report.name.partition(':')[0]}:2,S"]
    mta.settle()
    assert mta.destination.recipients() == [FOCAL, HEAD]
    assert arrived_once(province, mta.destination) == 2
    assert set(tick(province, NOW + timedelta(minutes=10)).as_dict().values()) == {0}


def test_a_report_whose_recipient_was_changed_and_one_whose_address_was_made_up_change_nothing(
    small: Province, mta: Mta
) -> None:
    without(mta, AN)
    one_late_task(small)
    assert tick(small, NOW).sent == 2
    (path,) = comes_back(mta)
    real = path.read_bytes()
    path.unlink()
    new = mta.bounces / "new"
    # Somebody who saw a report says it of another person, and of another mail.
    (new / "1.forged").write_bytes(real.replace(AN.encode(), HEAD.encode()))
    number = {to: one for one, to in small.mails("id", "recipient")}
    signed = f"+{number[AN]}.".encode()
    assert signed in real
    (new / "2.forged").write_bytes(
        real.replace(signed, f"+{number[HEAD]}.".encode()).replace(AN.encode(), HEAD.encode())
    )
    assert set(tick(small, SOON).as_dict().values()) == {0}
    assert dead(small) == []
    assert states(small) == {AN: "sent", HEAD: "sent"}
    assert sorted(one.name for one in (mta.bounces / "cur").iterdir()) == ["1.forged:2,S", "2.forged:2,F"]


def test_mail_to_a_full_mailbox_comes_back_and_its_person_is_told_again_the_next_day(small: Province, mta: Mta) -> None:
    # Postfix has no quotas of its own; where something behind it keeps them, it answers like this.
    mta.destination.restart(
        smtpd_recipient_restrictions=(
            f"check_recipient_access inline:{{ {{{AN} = 552 5.2.2 Mailbox full}} }}, reject_unauth_destination"
        )
    )
    one_late_task(small)
    assert tick(small, NOW).sent == 2
    comes_back(mta)
    assert tick(small, SOON).sent == 0
    assert (dead(small), returns(small)) == ([], [("full", "5.2.2")])
    assert states(small) == {AN: "bounced", HEAD: "sent"}
    assert tick(small, NOW + timedelta(days=1)).sent == 1
    comes_back(mta)
    tick(small, NOW + timedelta(days=1, minutes=5))
    assert dead(small) == [AN], "two days in a row: nobody reads it"


@pytest.mark.parametrize(
    ("reply", "cause", "dies"),
    [
        ("550 No such user here", "address", True),
        ("550 5.1.1 The email account that you tried to reach does not exist.", "address", True),
        ("550-5.1.1 Requested action not taken:\r\n550 5.1.1 mailbox unavailable", "address", True),
        ("553 5.1.3 unknown user", "address", True),
        ("550 5.2.1 The mailbox is disabled", "address", True),
        ("550 5.7.1 Message rejected by policy", "channel", False),
        ("554 5.7.1 Service unavailable; client blocked", "channel", False),
        ("554 delivery error: this user does not have an account", "unreached", False),
        ("552 5.2.2 Quota exceeded", "full", False),
    ],
)
def test_the_words_of_other_servers_pass_through_the_report_of_a_real_relay(
    small: Province, mta: Mta, reply: str, cause: str, dies: bool
) -> None:
    mta.destination.stop()
    with mail_server(mta.destination.port) as far:
        far.rcpt[AN] = reply
        one_late_task(small)
        assert tick(small, NOW).sent == 2
        wait_for(lambda: list((mta.bounces / "new").iterdir()), "no report came back")
        tick(small, SOON)
        wait_for(lambda: not mta.relay.queued(), "the relay keeps mail")
        assert [one for one, _status in returns(small)] == [cause]
        assert dead(small) == ([AN] if dies else [])
        assert far.recipients() == ([FOCAL, HEAD] if dies else [HEAD])


def test_a_report_of_delay_changes_nothing_and_the_mail_arrives_later(small: Province, mta: Mta) -> None:
    mta.relay.restart(delay_warning_time="1s")
    mta.destination.stop()
    one_late_task(small)
    assert tick(small, NOW).sent == 2
    wait_for(lambda: len(list((mta.bounces / "new").iterdir())) == 2, "nobody warned of the delay")
    reports = [path.read_bytes() for path in (mta.bounces / "new").iterdir()]
    assert all(b"\nAction: delayed\n" in one for one in reports)
    assert set(tick(small, SOON).as_dict().values()) == {0}
    assert (dead(small), returns(small)) == ([], [])
    assert {one.name.partition(":")[2] for one in (mta.bounces / "cur").iterdir()} == {"2,S"}
    mta.destination.start()
    mta.settle()
    assert arrived_once(small, mta.destination) == 2


def test_what_a_relay_gives_up_is_told_again_and_the_address_lives(small: Province, mta: Mta) -> None:
    mta.destination.stop()
    mta.relay.restart(maximal_queue_lifetime="0", bounce_queue_lifetime="0")
    one_late_task(small)
    assert tick(small, NOW).sent == 2
    wait_for(lambda: len(list((mta.bounces / "new").iterdir())) == 2, "no report came back")
    assert tick(small, SOON).sent == 0
    assert returns(small) == [("unreached", "4.4.1")] * 2
    assert dead(small) == []
    mta.destination.start()
    assert tick(small, NOW + timedelta(days=1)).sent == 2
    mta.settle()
    assert arrived_once(small, mta.destination) == 2


def test_two_reports_about_one_mail_count_once(small: Province, mta: Mta) -> None:
    without(mta, AN)
    one_late_task(small)
    assert tick(small, NOW).sent == 2
    (path,) = comes_back(mta)
    shutil.copy(path, path.with_name("0.copy"))
    assert tick(small, SOON).sent == 1
    assert returns(small) == [("address", "5.1.1")]
    assert dead(small) == [AN]


def test_by_hand_a_real_report_says_the_same(small: Province, mta: Mta) -> None:
    without(mta, AN)
    one_late_task(small)
    assert tick(small, NOW).sent == 2
    (path,) = comes_back(mta)
    found = bounces.take(small.shop, path.read_bytes(), SOON)
    assert (found.outcome, found.recipient, found.status) == ("died", AN, "5.1.1")
    assert AN not in found.detail
