"""Addresses that a real Postfix refuses: at once, or later by a report that comes back to the signed sender."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from planner.store.engine import reading
from planner.store.tables import BounceRow, MailRow
from tests.fakes import Province, rows
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
