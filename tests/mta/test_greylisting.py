"""A relay that puts newcomers off: the mail waits for the time of its next try, and arrives once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from planner.store.tables import MailRow
from tests.fakes import Province, at, rows
from tests.mta.greylist import Greylist, greylisting
from tests.mta.postfix import Mta
from tests.mta.rounds import NOW, arrived_once, many_late_tasks, tick

WAIT = timedelta(minutes=5)  #: as postgrey's


@pytest.fixture
def greylist(mta: Mta) -> Iterator[Greylist]:
    with greylisting(NOW, WAIT) as running:
        mta.relay.restart(
            smtpd_recipient_restrictions=(
                f"reject_unauth_destination, check_policy_service inet:127.0.0.1:{running.port}"
            )
        )
        yield running


def round_at(province: Province, greylist: Greylist, now: datetime) -> tuple[int, int]:
    """Do a round, on both clocks; return how many mails were sent and how many put off."""
    greylist.now = now
    done = tick(province, now)
    assert (done.failed, done.unknown, done.channel_fault) == (0, 0, "")
    return done.sent, done.retry


def test_put_off_mails_are_tried_when_their_time_has_come_and_arrive_once(
    province: Province, mta: Mta, greylist: Greylist
) -> None:
    many_late_tasks(province)
    assert round_at(province, greylist, NOW) == (0, 41)
    assert "450 4.2.0" in mta.relay.log
    assert set(province.mails("state", "attempts")) == {("ready", 1)}
    tries = [one for (one,) in rows(province.engine, MailRow, ("next_try_at",))]
    # What may be greylisting is tried again after five minutes, give or take a fifth.
    assert all(timedelta(minutes=4) <= one - NOW <= timedelta(minutes=6) for one in tries)

    assert round_at(province, greylist, NOW + timedelta(seconds=239)) == (0, 0), "before its time nobody is tried"
    assert greylist.refused == 41
    assert round_at(province, greylist, NOW + timedelta(minutes=6)) == (41, 0)
    assert (greylist.refused, greylist.passed) == (41, 41)
    assert len(greylist.first) == 41, "every try came from the same sender"
    mta.settle()
    assert arrived_once(province, mta.destination) == 41
    assert round_at(province, greylist, NOW + timedelta(hours=2)) == (0, 0)


def test_what_was_put_off_in_the_last_minute_of_the_day_arrives_the_next_morning(
    small: Province, mta: Mta, greylist: Greylist
) -> None:
    many_late_tasks(small, 3)
    assert round_at(small, greylist, at("2020-05-18", 16.98)) == (0, 4)
    assert round_at(small, greylist, at("2020-05-18", 17.5)) == (0, 0)
    arrived = 0
    for minute in range(0, 60, 5):
        sent, _again = round_at(small, greylist, at("2020-05-19", 7.5) + timedelta(minutes=minute))
        arrived += sent
    assert arrived == 4
    mta.settle()
    assert arrived_once(small, mta.destination) == 4
