"""Delivery under faults: refusals, a dead server, two and four workers at once, and kill -9 at named moments.

The rule: nothing is lost, nothing is repeated, except what the server took before we could write that down; such a
repeat has the same Message-ID and the same bytes.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from planner.domain.notification import MailState
from planner.errors import DatabaseFailed, DeliveryError
from planner.service import tasks
from planner.store import outbox, registers, sending
from planner.store.engine import reading, writing
from planner.store.tables import AttemptRow, MailRow
from scheduler import delivery, jobs
from scheduler.channels.email import Timeouts
from tests.fakes import (
    MailServer,
    Province,
    at,
    finished,
    free_port,
    mailbox,
    make_province,
    planned,
    run_json,
    start,
)

NOW = at("2020-05-18")
MEMBERS = 30


@pytest.fixture
def late(province: Province) -> Province:
    """One task, one working day late: its officer and the head are to be told."""
    province.file("snv", planned("I.1", "2020-05-15"))
    return province


@pytest.fixture
def crowd(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    """Thirty officers and their head, all to be told on the same day."""
    with make_province(database_url, tmp_path, smtp_port=server.port, members=MEMBERS, delivery_lease=1) as made:
        made.file(
            "snv", *(planned(f"I.{n}", "2020-05-15", responsible=mailbox("snv", f"m{n % MEMBERS}")) for n in range(60))
        )
        yield made


CROWD = sorted([mailbox("snv", "head"), *(mailbox("snv", f"m{n}") for n in range(MEMBERS))])


def attempts(province: Province, *columns: str) -> list[tuple[Any, ...]]:
    statement = select(*(getattr(AttemptRow, name) for name in columns)).order_by(AttemptRow.mail_id, AttemptRow.fence)
    with province.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def minutes_to_next_try(province: Province, recipient: str, now: datetime) -> float:
    ((_recipient, then),) = [row for row in province.mails("recipient", "next_try_at") if row[0] == recipient]
    return float((then - now) / timedelta(minutes=1))


def assert_told_once(province: Province, server: MailServer, expected: list[str]) -> None:
    """Nothing lost, nothing doubled: not in the ledger, not in the outbox, not in anybody's mailbox."""
    assert {state for (state,) in province.notices("state")} <= {"sent", "superseded", "suppressed"}
    keys = Counter(key for (key,) in province.notices("key"))
    assert set(keys.values()) == {1}
    assert sorted(recipient for recipient, state in province.mails() if state == "sent") == expected
    assert {state for _recipient, state in province.mails()} == {"sent"}
    assert server.recipients() == expected
    assert set(server.message_ids().values()) == {1}


# --- refusals ---


def test_a_mail_put_off_is_tried_again_when_its_time_has_come_and_not_before(
    late: Province, server: MailServer
) -> None:
    server.rcpt[mailbox("snv")] = "451 4.7.1 greylisted, come back later"
    first = late.tick(NOW)
    assert (first.sent, first.retry) == (1, 1)
    wait = minutes_to_next_try(late, mailbox("snv"), NOW)
    assert 4 <= wait <= 6  # whoever puts off strangers knows us after some minutes
    server.rcpt.clear()
    assert late.tick(NOW + timedelta(minutes=wait, seconds=-1)).sent == 0
    assert late.tick(NOW + timedelta(minutes=wait)).sent == 1
    assert_told_once(late, server, [mailbox("snv", "head"), mailbox("snv")])
    assert [row for row in attempts(late, "outcome", "stage", "reply_code") if row[0] == "retry"] == [
        ("retry", "rcpt", 451)
    ]


def test_the_waits_grow_from_a_minute_to_an_hour(late: Province, server: MailServer) -> None:
    server.data[mailbox("snv")] = "451 4.3.0 not now"
    now, waits = at("2020-05-18", 7.5), []
    for _attempt in range(7):
        assert late.tick(now).retry == 1
        wait = minutes_to_next_try(late, mailbox("snv"), now)
        waits.append(wait)
        now += timedelta(minutes=wait)
    for wait, plain in zip(waits, (1, 5, 15, 30, 60, 60, 60), strict=True):
        assert 0.8 * plain <= wait <= 1.2 * plain
    assert [tries for recipient, tries in late.mails("recipient", "attempts") if recipient == mailbox("snv")] == [7]


@pytest.mark.parametrize(
    ("stage", "code", "waits"),
    [
        ("connect", None, (1, 5, 15, 30, 60, 60)),
        ("mail", 421, (1, 5, 15, 30, 60, 60)),
        ("mail", 451, (1, 5, 15, 30, 60, 60)),
        ("rcpt", 450, (5, 5, 15, 30, 60, 60)),
        ("rcpt", 451, (5, 5, 15, 30, 60, 60)),
        ("rcpt", 452, (5, 5, 15, 30, 60, 60)),
        ("rcpt", 421, (1, 5, 15, 30, 60, 60)),
        ("rcpt", 552, (1, 5, 15, 30, 60, 60)),
        ("data", None, (1, 5, 15, 30, 60, 60)),
        ("data", 451, (1, 5, 15, 30, 60, 60)),
    ],
)
def test_the_table_of_waits(stage: str, code: int | None, waits: tuple[int, ...]) -> None:
    error = DeliveryError("-", stage=stage, reply_code=code)
    played = set()
    for mail_id in range(1, 40):
        for attempts, plain in enumerate(waits):
            held = outbox.HeldMail(
                id=mail_id,
                fence=1,
                kind="digest",
                recipient=mailbox("snv"),
                body=b"",
                attempts=attempts,
                first_try_at=NOW,
                lease=900,
            )
            share = delivery.wait_after(held, error) / timedelta(minutes=plain)
            assert 0.8 <= share <= 1.2
            assert delivery.wait_after(held, error) == delivery.wait_after(held, error)
            played.add(share)
    assert max(played) - min(played) > 0.3  # they do not all come back in one minute


@pytest.fixture
def served(late: Province) -> Province:
    """The same province; every day the server takes a mail for somebody of another agency."""
    late.file("stc", *(planned(f"I.{n}", f"2020-05-{15 + n}", agency="stc") for n in range(3, 10)))
    return late


def test_a_person_who_cannot_be_reached_for_72_hours_is_passed_over(served: Province, server: MailServer) -> None:
    server.rcpt[mailbox("snv")] = "451 4.4.1 no answer from the server behind"
    days = {}
    for day in ("2020-05-18", "2020-05-19", "2020-05-20", "2020-05-21"):
        done = served.tick(at(day, 8))
        days[day] = (done.retry, done.failed)
    # A new digest each day, but the time counts on from the first try.
    assert days == {
        "2020-05-18": (1, 0),
        "2020-05-19": (1, 0),
        "2020-05-20": (1, 0),
        "2020-05-21": (0, 1),
    }
    assert [state for recipient, state in served.mails() if recipient == mailbox("snv")] == ["obsolete"] * 3 + [
        "bounced"
    ]
    assert served.tick(at("2020-05-21", 9)).sent == 1
    assert ("due+1wd", "responsible", mailbox("snv", "focal"), "sent") in served.notices()


def test_a_mailbox_that_is_full_for_24_hours_is_passed_over(served: Province, server: MailServer) -> None:
    server.rcpt[mailbox("snv")] = "452 4.2.2 mailbox full"
    assert served.tick(at("2020-05-18", 8)).retry == 1
    assert served.tick(at("2020-05-18", 16)).retry == 1
    assert served.tick(at("2020-05-19", 8)).failed == 1
    assert served.tick(at("2020-05-19", 9)).sent == 1
    assert ("due+1wd", "responsible", mailbox("snv", "focal"), "sent") in served.notices()


def test_a_552_after_the_message_may_speak_of_its_size_and_kills_no_address(
    served: Province, server: MailServer
) -> None:
    server.data[mailbox("snv")] = "552 exceeded storage allocation"
    done = [served.tick(at(day, 8)).failed for day in ("2020-05-18", "2020-05-19", "2020-05-20", "2020-05-21")]
    assert done == [0, 0, 0, 1]
    with reading(served.engine) as session:
        assert registers.dead_addresses(session) == {}


@pytest.mark.parametrize("reply", ["451 4.3.5 server configuration error", "451 4.7.1 greylisted", "451 try later"])
def test_a_server_in_trouble_for_72_hours_is_no_proof_against_an_address(
    served: Province, server: MailServer, reply: str
) -> None:
    server.rcpt[mailbox("snv")] = reply
    done = [served.tick(at(day, 8)).failed for day in ("2020-05-18", "2020-05-19", "2020-05-20", "2020-05-21")]
    assert done == [0, 0, 0, 1]
    with reading(served.engine) as session:
        assert registers.dead_addresses(session) == {}
    assert ("due+1wd", "dead") in served.notices("rung", "state")


def test_a_person_who_was_reached_again_begins_with_a_clean_sheet(province: Province, server: MailServer) -> None:
    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-05-25"))
    server.rcpt[mailbox("snv")] = "452 4.2.2 mailbox full"
    assert province.tick(at("2020-05-18")).retry == 1
    server.rcpt.clear()
    assert province.tick(at("2020-05-19")).sent == 1
    server.rcpt[mailbox("snv")] = "452 4.2.2 mailbox full"
    done = province.tick(at("2020-05-22"))  # more than 72 hours after the first trouble
    assert (done.retry, done.failed) == (1, 0)


def test_a_refused_address_is_dead_at_once_and_harms_nobody_else(late: Province, server: MailServer) -> None:
    server.rcpt[mailbox("snv")] = "550 5.1.1 no such mailbox"
    done = late.tick(NOW)
    assert (done.sent, done.failed) == (1, 1)
    assert sorted(late.mails()) == [(mailbox("snv", "head"), "sent"), (mailbox("snv"), "bounced")]
    assert ("due+1wd", "responsible", mailbox("snv"), "bounced") in late.notices()
    with reading(late.engine) as session:
        (found,) = registers.dead_addresses(session).values()
    assert (found.email, found.since, found.status) == (mailbox("snv"), NOW, "5.1.1")
    assert "no such mailbox" in found.detail
    assert mailbox("snv") not in found.detail
    again = late.tick(at("2020-05-18", 12))
    assert (again.queued, again.sent) == (1, 1)
    assert ("due+1wd", "responsible", mailbox("snv", "focal"), "sent") in late.notices()
    assert set(late.tick(at("2020-05-18", 13)).as_dict().values()) == {0}
    assert len(server.to(mailbox("snv", "head"))) == 1


@pytest.mark.parametrize(
    ("setting", "reply"),
    [("mail", "530 5.7.0 authentication required"), ("rcpt", "554 5.7.1 relay access denied")],
)
def test_a_server_that_will_not_have_us_uses_up_no_attempt_and_no_time(
    late: Province, server: MailServer, setting: str, reply: str
) -> None:
    setattr(server, setting, reply if setting == "mail" else {"*": reply})
    for hour in (8, 9, 10):
        done = late.tick(at("2020-05-18", hour))
        assert done.channel_fault
        assert (done.sent, done.failed) == (0, 0)
    assert late.mails("attempts", "first_try_at", "state") == [(0, None, "ready")] * 2
    setattr(server, setting, "" if setting == "mail" else {})
    assert late.tick(at("2020-05-18", 11)).sent == 2
    assert_told_once(late, server, [mailbox("snv", "head"), mailbox("snv")])


def test_a_server_that_cannot_be_reached_loses_nothing(late: Province, server: MailServer) -> None:
    nowhere = late.with_settings(smtp_port=free_port())
    down = nowhere.tick(NOW)
    assert down.channel_fault
    assert (down.queued, down.sent, down.retry) == (2, 0, 2)
    assert late.tick(NOW).sent == 0  # it is not hammered either
    assert late.tick(NOW + timedelta(minutes=2)).sent == 2
    assert_told_once(late, server, [mailbox("snv", "head"), mailbox("snv")])


def test_a_mail_cut_off_after_its_last_line_is_of_unknown_fate_and_goes_again_as_the_same_mail(
    late: Province, server: MailServer
) -> None:
    server.cut_after = 1
    first = late.tick(NOW)
    assert (first.sent, first.unknown) == (1, 1)
    ((bad, wait),) = [row for row in late.mails("state", "next_try_at") if row[0] == "unknown"]
    assert bad == "unknown"
    assert late.tick(wait).sent == 1
    ids = server.message_ids()
    assert sorted(ids.values()) == [1, 2]
    (twice,) = [one for one, count in ids.items() if count == 2]
    copies = [data for _r, data in server.accepted if message_from_bytes(data)["Message-ID"] == twice]
    assert copies[0] == copies[1]
    assert {state for _recipient, state in late.mails()} == {"sent"}


# --- leases ---


@pytest.mark.parametrize("begun", [False, True])
def test_a_lease_from_before_the_clock_was_set_back_is_over(late: Province, server: MailServer, begun: bool) -> None:
    jobs.queue_due(late.shop, NOW)
    jobs.fill_mails(late.shop, NOW)
    with writing(late.engine) as session:  # a worker that died while the clock was a day ahead
        held = outbox.claim(session, now=NOW, limit=9, lease=86_400 + 900)
        assert len(held) == 2
        if begun:
            assert all(outbox.begin_data(session, mail, NOW) for mail in held)
    assert late.tick(NOW + timedelta(minutes=1)).sent == 2
    assert_told_once(late, server, [mailbox("snv", "head"), mailbox("snv")])


def test_the_lease_begins_anew_when_the_message_is_about_to_go(late: Province, server: MailServer) -> None:
    seen: dict[str, list[float]] = {}

    def look(recipient: str) -> None:
        with late.engine.connect() as connection:
            until = connection.scalar(select(MailRow.lease_until).where(MailRow.recipient == recipient))
        assert until is not None
        seen.setdefault(recipient, []).append(until)

    server.on_rcpt = server.before_verdict = look
    server.slow_rcpt = 0.5
    late.tick(NOW)
    assert len(seen) == 2
    for at_rcpt, at_dot in seen.values():
        assert at_dot >= at_rcpt + server.slow_rcpt


def test_what_a_dead_worker_held_before_the_message_is_ready_again_after_the_lease(
    late: Province, server: MailServer
) -> None:
    short = late.with_settings(delivery_lease=1)
    short.tick(at("2020-05-18", 6))
    jobs.fill_mails(short.shop, NOW)
    with writing(late.engine) as session:
        held = outbox.claim(session, now=NOW, limit=8, lease=1)
    assert len(held) == 2
    assert short.tick(NOW).sent == 0  # held by the other
    time.sleep(1.2)
    assert short.tick(NOW).sent == 2
    assert_told_once(late, server, [mailbox("snv", "head"), mailbox("snv")])


def test_a_worker_that_slept_past_its_lease_writes_nothing_any_more(late: Province, server: MailServer) -> None:
    jobs.queue_due(late.shop, NOW)
    jobs.fill_mails(late.shop, NOW)
    with writing(late.engine) as session:
        sleeper = outbox.claim(session, now=NOW, limit=8, lease=1)
    time.sleep(1.2)
    assert late.tick(NOW).sent == 2
    for mail in sleeper:
        with writing(late.engine) as session:
            assert not outbox.begin_data(session, mail, NOW)
        with writing(late.engine) as session:
            assert not outbox.settle(
                session,
                mail,
                at=NOW,
                state=MailState.DEAD,
                outcome="failed",
                stage="rcpt",
                reply_code=550,
                reply="",
            )
    assert_told_once(late, server, [mailbox("snv", "head"), mailbox("snv")])


# --- stopping and failing in the middle ---


def test_asked_to_stop_it_finishes_what_it_holds_and_leaves_the_rest_ready(crowd: Province, server: MailServer) -> None:
    done = crowd.tick(NOW, stop=lambda: bool(server.accepted))
    states = Counter(state for _recipient, state in crowd.mails())
    assert done.sent == len(server.accepted) == states["sent"]
    assert 0 < states["sent"] <= crowd.shop.settings.smtp_connections
    assert states["ready"] == len(CROWD) - states["sent"]
    crowd.tick(NOW)
    assert_told_once(crowd, server, CROWD)


def test_one_mails_trouble_with_the_database_does_not_cut_off_the_others(
    crowd: Province, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.slow_data = 0.3
    begin = sending.begin_all

    def failing(session: Any, mails: Sequence[outbox.HeldMail]) -> set[tuple[int, int]]:
        # It is written down with others; its trouble stays when it is tried by itself.
        if mailbox("snv", "m0") in {mail.recipient for mail in mails}:
            raise DatabaseFailed("the database is gone for a moment")
        return begin(session, mails)

    monkeypatch.setattr(sending, "begin_all", failing)
    eight = crowd.with_settings(smtp_connections=8)
    with pytest.raises(DatabaseFailed):
        eight.tick(NOW)
    states = Counter(state for _recipient, state in crowd.mails())
    assert states["sent"] == len(server.accepted) == 7  # the others of the eight that were under way
    assert states["sending"] == 0
    monkeypatch.undo()
    server.slow_data = 0
    time.sleep(1.2)
    crowd.tick(NOW)
    assert_told_once(crowd, server, CROWD)


def test_a_database_gone_for_a_moment_after_the_acceptance_costs_no_second_mail(
    late: Province, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = sending.settle_sent
    called: list[sending.Accepted] = []

    def failing(session: Any, accepted: Sequence[sending.Accepted], when: datetime) -> set[tuple[int, int]]:
        called.extend(accepted)
        if accepted and len(called) <= 3:
            raise DatabaseFailed("the database is gone for a moment")
        return settle(session, accepted, when)

    monkeypatch.setattr(sending, "settle_sent", failing)
    monkeypatch.setattr(delivery, "_PATIENCE", (0.1, 0.1, 0.1, 0.1))
    assert late.tick(NOW).sent == 2
    assert_told_once(late, server, [mailbox("snv", "head"), mailbox("snv")])


def test_no_message_begins_before_it_is_written_that_the_one_before_was_taken(
    crowd: Province, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = sending.settle_sent

    def failing(session: Any, accepted: Sequence[sending.Accepted], when: datetime) -> set[tuple[int, int]]:
        if accepted:
            raise DatabaseFailed("the database takes nothing")
        return settle(session, accepted, when)

    monkeypatch.setattr(sending, "settle_sent", failing)
    monkeypatch.setattr(delivery, "_PATIENCE", (0.05, 0.05))
    with pytest.raises(DatabaseFailed):
        crowd.with_settings(smtp_connections=1).tick(NOW)
    assert len(server.accepted) == 1


def test_several_mails_are_under_way_at_once_but_not_too_many(crowd: Province, server: MailServer) -> None:
    server.slow_data = 0.05
    crowd.tick(NOW)
    assert server.most_in_data == crowd.shop.settings.smtp_connections


def test_a_round_that_is_still_sending_when_hours_end_leaves_the_rest_to_the_next_day(
    crowd: Province, server: MailServer
) -> None:
    closing = at("2020-05-18", 17)
    server.slow_data = 0.2
    one = crowd.with_settings(smtp_connections=1)
    done = one.tick(closing - timedelta(seconds=2))
    assert len(server.accepted) == done.sent < len(CROWD)
    assert one.tick(closing).sent == 0
    server.slow_data = 0
    assert one.tick(at("2020-05-19")).sent == len(CROWD) - done.sent
    assert sorted(server.recipients()) == CROWD


def test_a_server_that_does_not_answer_in_time_leaves_the_fate_unknown(late: Province, server: MailServer) -> None:
    server.slow_data = 1
    done = late.tick(NOW, timeouts=Timeouts(dot=0.3))
    assert (done.sent, done.unknown) == (0, 2)
    assert {row[:2] for row in attempts(late, "outcome", "stage")} == {("unknown", "data")}


def test_a_mail_that_waits_for_its_next_try_is_dropped_when_its_task_is_handed_in(
    late: Province, server: MailServer
) -> None:
    server.rcpt["*"] = "451 4.7.1 not now"
    assert late.tick(NOW).retry == 2
    server.rcpt.clear()
    tasks.done(late.desk(at("2020-05-18", 9)), "snv:I.1", document="1/BC", on=NOW.date(), file=None)
    done = late.tick(at("2020-05-18", 10))
    assert (done.obsolete, done.sent) == (2, 0)
    assert server.accepted == []


# --- real processes ---


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_that_begin_at_once_queue_and_send_everything_once(
    crowd: Province, server: MailServer, tmp_path: Path, workers: int
) -> None:
    server.slow_data = 0.02  # so that no worker is done before the others begin
    environment = crowd.environment(PLANNER_DELIVERY_LEASE=60)
    processes = [
        start("scheduler", "tick", "--now", "2020-05-18T08:00", "--json", environment=environment, cwd=tmp_path)
        for _worker in range(workers)
    ]
    rounds = [finished(process) for process in processes]
    assert [code for code, _out, _complaint in rounds] == [0] * workers, rounds
    counts: Counter[str] = Counter()
    for _code, out, _complaint in rounds:
        counts.update(json.loads(out))
    assert counts["queued"] == 120
    assert counts["sent"] == len(CROWD)
    assert counts["retry"] == counts["failed"] == counts["unknown"] == 0
    assert_told_once(crowd, server, CROWD)
    assert set(attempts(crowd, "outcome", "stage", "reply_code")) == {("sent", "data", 250)}


KILLED = """
import os, signal, sys

moment, nth = sys.argv[1], int(sys.argv[2])
del sys.argv[1:3]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

from planner.store import ledger, sending as store
from scheduler import delivery, jobs
from scheduler.channels.email import EmailChannel

send, enqueue, fill, deliver, settle = (
    EmailChannel.send, ledger.enqueue, jobs.fill_mails, delivery.deliver_pending, store.settle_sent
)
calls = 0

def killed_before(name, function):
    def wrapped(*args, **kw):
        if moment == name:
            die()
        return function(*args, **kw)
    return wrapped

def killed_after(name, function):
    times = 0
    def wrapped(*args, **kw):
        nonlocal times
        done = function(*args, **kw)
        times += done != set()
        if moment == name and times >= nth:
            die()
        return done
    return wrapped

async def sending(self, *, sender, recipient, data, before_data):
    global calls
    if moment == "claimed":
        calls += 1
        if calls >= nth:
            die()
    async def begun():
        global calls
        calls += 1
        go = await before_data()
        if moment == "begun" and calls >= nth:
            die()
        return go
    receipt = await send(self, sender=sender, recipient=recipient, data=data, before_data=begun)
    if moment == "accepted" and calls >= nth:
        die()
    return receipt

ledger.enqueue = killed_after("queueing", enqueue)
jobs.fill_mails = killed_before("queued", fill)
delivery.deliver_pending = killed_before("written", deliver)
store.settle_sent = killed_after("settling", settle)
EmailChannel.send = sending

from planner.cli import main
main()
"""


@pytest.mark.parametrize(
    ("moment", "nth", "accepted", "states"),
    [
        # in the transaction that queues; after it; when the mails are written; when some are claimed
        ("queueing", 1, 0, {}),
        ("queued", 1, 0, {}),
        ("written", 1, 0, {"waiting": 31}),
        ("claimed", 1, 0, {"waiting": 31}),
        # after the commit that says "the message goes now"
        ("begun", 3, 2, {"sent": 2, "sending": 1, "waiting": 28}),
        # the server has it, and that is not written down
        ("accepted", 3, 3, {"sent": 2, "sending": 1, "waiting": 28}),
        ("settling", 3, 3, {"sent": 2, "sending": 1, "waiting": 28}),
    ],
)
def test_a_worker_killed_at_any_moment_loses_nothing(  # noqa: PLR0917
    crowd: Province, server: MailServer, tmp_path: Path, moment: str, nth: int, accepted: int, states: dict[str, int]
) -> None:
    environment = crowd.environment(PLANNER_SMTP_CONNECTIONS=1)  # one mail after the other: the moment is exact
    tick = ("scheduler", "tick", "--now", "2020-05-18T08:00", "--json")
    code, _out, complaint = finished(
        start(moment, str(nth), *tick, environment=environment, cwd=tmp_path, script=KILLED)
    )
    assert code == -9, complaint
    assert len(server.accepted) == accepted
    waiting = ("ready", "leased")  # how many are claimed at a time is not the point
    assert Counter("waiting" if state in waiting else state for _recipient, state in crowd.mails()) == states

    time.sleep(1.2)  # the lease of the dead
    run_json(*tick[:-1], environment=environment, cwd=tmp_path)

    assert {state for _recipient, state in crowd.mails()} == {"sent"}
    assert {state for (state,) in crowd.notices("state")} == {"sent", "superseded"}
    assert sorted(recipient for recipient, _state in crowd.mails()) == CROWD
    copies = Counter(server.accepted)
    repeated = sum(copies.values()) - len(copies)
    assert repeated == (1 if moment in ("accepted", "settling") else 0)
    assert sorted({recipient for recipient, _data in copies}) == CROWD
    assert len(server.message_ids()) == len(copies) == len(CROWD)  # a repeat: same Message-ID, same bytes
    again = run_json(*tick[:-1], environment=environment, cwd=tmp_path)
    assert set(again.values()) == {0}


def test_after_a_kill_another_worker_does_not_wait_for_the_dead_ones_share(
    crowd: Province, server: MailServer, tmp_path: Path
) -> None:
    environment = crowd.environment(PLANNER_DELIVERY_LEASE=900, PLANNER_SMTP_CONNECTIONS=1)
    tick = ("scheduler", "tick", "--now", "2020-05-18T08:00")
    finished(start("claimed", "1", *tick, environment=environment, cwd=tmp_path, script=KILLED))
    done = run_json(*tick, environment=environment, cwd=tmp_path)
    assert done["sent"] == len(CROWD) - 2  # its two stay held until its lease ends
    assert Counter(state for _recipient, state in crowd.mails()) == {"sent": 29, "leased": 2}
