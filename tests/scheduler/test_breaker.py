"""The breaker: when the server as a whole is at fault nobody knocks, nothing is lost, and no address is called dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from planner.domain.notification import BreakerState
from planner.errors import DeliveryError
from planner.service.doctor import doctor
from planner.store import breaker as store
from planner.store import registers
from planner.store.engine import reading, writing
from planner.store.tables import AttemptRow
from scheduler import breaker, jobs
from tests.fakes import (
    MailServer,
    Province,
    at,
    finished,
    free_port,
    mailbox,
    make_province,
    planned,
    run,
    start,
)

NOW = at("2020-05-18")
MEMBERS = 30
CROWD = sorted([mailbox("snv", "head"), *(mailbox("snv", f"m{n}") for n in range(MEMBERS))])


@pytest.fixture
def crowd(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    with make_province(database_url, tmp_path, smtp_port=server.port, members=MEMBERS) as made:
        made.file(
            "snv", *(planned(f"I.{n}", "2020-05-15", responsible=mailbox("snv", f"m{n % MEMBERS}")) for n in range(60))
        )
        yield made


def standing(province: Province) -> store.Breaker | None:
    with reading(province.engine) as session:
        return store.standing(session)


def opened(province: Province) -> store.Breaker:
    found = standing(province)
    assert found is not None
    return found


def dead(province: Province) -> set[str]:
    with reading(province.engine) as session:
        return set(registers.dead_addresses(session))


def states(province: Province) -> Counter[str]:
    return Counter(state for _recipient, state in province.mails())


# --- opening, probing, closing ---


def test_while_the_server_is_down_nobody_knocks_and_nothing_is_counted(crowd: Province, server: MailServer) -> None:
    down = crowd.with_settings(smtp_port=free_port())
    assert down.tick(NOW).channel_fault
    found = opened(crowd)
    assert (found.state, found.cause, found.since) == (BreakerState.OPEN, store.Cause.SERVER, NOW)
    # The server is back, but it is not yet time to ask.
    early = crowd.tick(NOW + timedelta(seconds=40))
    assert early.channel_fault.startswith(found.reason)
    assert server.accepted == []
    assert set(crowd.mails("attempts", "first_try_at", "state")) == {(0, None, "ready")}
    done = crowd.tick(found.probe_at)
    assert (done.sent, done.channel_fault) == (len(CROWD), "")
    assert server.recipients() == CROWD
    assert standing(crowd) is None


def test_what_falls_due_meanwhile_is_queued_and_written(crowd: Province, server: MailServer) -> None:
    down = crowd.with_settings(smtp_port=free_port())
    with writing(crowd.engine) as session:
        store.trip(session, cause=store.Cause.SERVER, reason="-", now=NOW, probe_at=NOW + timedelta(minutes=9))
    done = down.tick(NOW)
    assert done.queued == 120
    assert states(crowd) == {"ready": len(CROWD)}
    assert server.accepted == []


def test_one_mail_probes_and_the_waits_grow(crowd: Province, server: MailServer) -> None:
    down = crowd.with_settings(smtp_port=free_port())
    now, waits = NOW, []
    for _probe in range(7):
        assert down.tick(now).channel_fault
        waits.append((opened(crowd).probe_at - now) / timedelta(minutes=1))
        now = opened(crowd).probe_at
    for wait, plain in zip(waits, (1, 2, 5, 10, 15, 15, 15), strict=True):
        assert 0.8 * plain <= wait <= 1.2 * plain
    with reading(crowd.engine) as session:
        tries = session.scalars(select(AttemptRow.at)).all()
    first = [one for one in tries if one == NOW]
    assert len(first) <= crowd.shop.settings.smtp_connections  # those that were under way at once
    assert len(tries) - len(first) == 6  # then one a probe
    assert opened(crowd).since == NOW


def test_a_probe_that_fails_for_its_recipient_shows_that_the_server_is_back(
    crowd: Province, server: MailServer
) -> None:
    assert crowd.with_settings(smtp_port=free_port()).tick(NOW).channel_fault
    server.rcpt[mailbox("snv", "head")] = "550 5.1.1 no such mailbox"
    done = crowd.tick(opened(crowd).probe_at)
    assert (done.sent, done.failed, done.channel_fault) == (len(CROWD) - 1, 1, "")
    assert standing(crowd) is None


def test_a_prober_that_froze_changes_nothing(crowd: Province) -> None:
    with writing(crowd.engine) as session:
        store.trip(session, cause=store.Cause.SERVER, reason="-", now=NOW, probe_at=NOW)
        assert store.begin_probe(session, now=NOW, lease=-1) == 2  # its lease is over at once
    with writing(crowd.engine) as session:
        assert store.begin_probe(session, now=NOW, lease=900) == 3
    with writing(crowd.engine) as session:
        assert store.begin_probe(session, now=NOW, lease=900) is None
        assert not store.close(session, 2)
        assert not store.probe_failed(session, 2, reason="-", probe_at=NOW)
        assert store.close(session, 3)
    assert standing(crowd) is None


@pytest.mark.parametrize("probing", [False, True])
def test_a_breaker_from_before_the_clock_was_set_back_is_probed(
    crowd: Province, server: MailServer, probing: bool
) -> None:
    tomorrow = NOW + timedelta(days=1)
    with writing(crowd.engine) as session:
        store.trip(session, cause=store.Cause.SERVER, reason="-", now=tomorrow, probe_at=tomorrow)
        if probing:  # and the prober died
            assert store.begin_probe(session, now=tomorrow, lease=86_400 + 900)
    assert crowd.tick(NOW).sent == len(CROWD)
    assert standing(crowd) is None


def test_of_two_workers_one_probes(crowd: Province, server: MailServer, tmp_path: Path) -> None:
    jobs.queue_due(crowd.shop, NOW)
    jobs.fill_mails(crowd.shop, NOW)
    server.slow_rcpt = 0.5
    server.rcpt["*"] = "530 5.7.0 log in first"
    with writing(crowd.engine) as session:
        store.trip(session, cause=store.Cause.SERVER, reason="-", now=NOW, probe_at=NOW)
    processes = [
        start("scheduler", "tick", "--now", "2020-05-18T08:00", environment=crowd.environment(), cwd=tmp_path)
        for _worker in range(2)
    ]
    assert [finished(process)[0] for process in processes] == [5, 5]
    with reading(crowd.engine) as session:
        assert session.scalars(select(AttemptRow.outcome)).all() == ["channel"]


def test_a_delivery_under_way_stops_when_another_worker_opens_the_breaker(crowd: Province, server: MailServer) -> None:
    def trip(_recipient: str) -> None:
        server.on_rcpt = None
        with writing(crowd.engine) as session:
            store.trip(session, cause=store.Cause.SERVER, reason="heard elsewhere", now=NOW, probe_at=at("2020-05-19"))

    server.on_rcpt = trip
    done = crowd.with_settings(smtp_connections=1).tick(NOW)
    assert done.channel_fault == "heard elsewhere"
    assert done.sent == len(server.accepted) <= 2  # what it held already
    assert states(crowd) == {"sent": done.sent, "ready": len(CROWD) - done.sent}


def test_tick_and_doctor_say_what_is_wrong_and_what_to_do(crowd: Province, server: MailServer, tmp_path: Path) -> None:
    environment = crowd.environment(PLANNER_SMTP_PORT=free_port(), PLANNER_LANG="en")
    tick = ("scheduler", "tick", "--now", "2020-05-18T08:00")
    assert run(*tick, environment=environment, cwd=tmp_path)[0] == 5
    code, _out, complaint = run(*tick, environment=environment, cwd=tmp_path)
    assert code == 5
    assert "It is tried again at 08:01" in complaint or "It is tried again at 08:00" in complaint
    (check,) = [one for one in doctor(crowd.desk(NOW)) if one.name == "channel"]
    assert not check.ok
    crowd.tick(opened(crowd).probe_at)
    (check,) = [one for one in doctor(crowd.desk(NOW)) if one.name == "channel"]
    assert check.ok


# --- a relay that was set up wrongly ---


@pytest.mark.parametrize(
    ("setting", "reply"),
    [
        ("rcpt", "550 5.1.1 user unknown in local recipient table"),
        ("rcpt", "550 no such user"),
        ("rcpt", "553 sorry, that domain is not in my list"),
        ("rcpt", "554 relay access denied"),
        ("rcpt", "550 5.7.1 unable to relay"),
        ("data", "550 5.7.1 message refused"),
        ("data", "554 transaction failed"),
        ("data", "550 we do not like you"),
        ("data", "550 5.1.1 no such user"),
    ],
)
def test_a_server_that_refuses_everybody_makes_no_address_dead(
    crowd: Province, server: MailServer, setting: str, reply: str
) -> None:
    getattr(server, setting)["*"] = reply
    now = NOW
    for _round in range(4):
        done = crowd.tick(now)
        assert done.channel_fault
        assert (done.sent, done.failed) == (0, 0)
        now = opened(crowd).probe_at
    assert dead(crowd) == set()
    assert states(crowd) == {"ready": len(CROWD)}
    assert set(crowd.mails("attempts", "first_try_at")) == {(0, None)}
    getattr(server, setting).clear()
    late = at("2020-05-18", 15)
    total = crowd.tick(late).sent + crowd.tick(late + timedelta(minutes=2)).sent
    assert total == len(CROWD)
    assert server.recipients() == CROWD


def test_a_server_that_refuses_half_of_all_makes_no_address_dead(crowd: Province, server: MailServer) -> None:
    for n in range(0, MEMBERS, 2):
        server.rcpt[mailbox("snv", f"m{n}")] = "550 5.1.1 no such user"
    assert crowd.tick(NOW).channel_fault
    assert dead(crowd) == set()
    assert opened(crowd).cause is store.Cause.REFUSALS
    assert states(crowd)["bounced"] == 0


def test_what_is_refused_again_while_others_get_their_mail_is_believed_in_the_end(
    crowd: Province, server: MailServer
) -> None:
    refused = {mailbox("snv", f"m{n}") for n in range(8)}
    server.rcpt.update(dict.fromkeys(refused, "550 5.1.1 no such user"))
    now = NOW
    for _round in range(12):
        crowd.tick(now)
        now += timedelta(minutes=30)
    assert dead(crowd) == refused
    assert {recipient for recipient, state in crowd.mails() if state == "sent"} >= set(CROWD) - refused


def test_a_domain_that_the_server_will_not_serve_is_not_dead_however_often_it_is_refused(
    crowd: Province, server: MailServer
) -> None:
    server.rcpt.update(dict.fromkeys(CROWD, "550 5.1.1 no such user"))
    crowd.file("stc", planned("I.1", "2020-05-15", agency="stc"))
    now = NOW
    for _round in range(30):
        crowd.tick(now)
        now += timedelta(minutes=16)
    assert {recipient for recipient, state in crowd.mails() if state == "sent"} == {
        mailbox("stc"),
        mailbox("stc", "head"),
    }
    assert dead(crowd) == set()


@pytest.mark.parametrize(
    ("setting", "reply"),
    [
        ("rcpt", "450 4.1.2 domain not found"),
        ("rcpt", "451 4.4.1 no answer from the server behind"),
        ("rcpt", "452 4.2.2 mailbox full"),
        ("rcpt", "451 try later"),
        ("data", "552 too large"),
        ("mail", "552 too large"),
    ],
)
def test_a_server_that_puts_everybody_off_for_days_ends_no_mail_and_no_address(
    crowd: Province, server: MailServer, setting: str, reply: str
) -> None:
    server.mail = reply if setting == "mail" else ""
    if setting != "mail":
        getattr(server, setting)["*"] = reply
    done = [crowd.tick(at(f"2020-05-{day}", hour)) for day in (18, 19, 20, 21) for hour in (8, 10)]
    assert sum(one.failed + one.sent for one in done) == 0
    assert done[-1].channel_fault
    assert dead(crowd) == set()
    server.mail = ""
    server.rcpt.clear()
    server.data.clear()
    assert crowd.tick(at("2020-05-21", 12)).sent == len(CROWD)
    assert standing(crowd) is None
    assert {state for (state,) in crowd.notices("state")} == {"sent", "superseded"}


def test_a_few_dead_addresses_are_believed_at_once(crowd: Province, server: MailServer) -> None:
    refused = {mailbox("snv", f"m{n}") for n in range(4)}
    server.rcpt.update(dict.fromkeys(refused, "550 5.1.1 no such user"))
    done = crowd.tick(NOW)
    assert (done.failed, done.channel_fault) == (4, "")
    assert dead(crowd) == refused


def test_one_recipient_refused_by_rules_harms_nobody_else(crowd: Province, server: MailServer) -> None:
    server.rcpt[mailbox("snv", "m7")] = "550 5.7.1 this mailbox takes mail from colleagues only"
    done = crowd.tick(NOW)
    assert (done.sent, done.retry, done.channel_fault) == (len(CROWD) - 1, 1, "")
    assert standing(crowd) is None
    assert dead(crowd) == set()


def test_a_server_that_cuts_every_connection_is_left_alone(crowd: Province, server: MailServer) -> None:
    server.mail = "421 4.3.2 closing"
    done = crowd.tick(NOW)
    assert done.channel_fault
    with reading(crowd.engine) as session:
        assert len(session.scalars(select(AttemptRow.mail_id)).all()) < len(CROWD)
    server.mail = ""
    assert crowd.tick(NOW + timedelta(minutes=3)).channel_fault == ""


# --- the judgement itself ---


def refusal(stage: str, code: int, status: str = "", words: str = "refused") -> DeliveryError:
    return DeliveryError(
        f"step {stage}: reply {code} {status} {words}",
        stage=stage,
        reply_code=code,
        permanent=not status.startswith("5.7") and code != 554,
        status=status,
    )


GONE = refusal("rcpt", 550, "5.1.1")
RELAY = refusal("rcpt", 554, "5.7.1", "relay access denied")
SPAM = refusal("data", 550, "", "looks like spam")


@pytest.mark.parametrize(
    ("accepted", "refused", "against"),
    [
        (0, [GONE] * 5, False),
        (0, [GONE] * 6, True),
        (24, [GONE] * 6, False),
        (23, [GONE] * 6, True),
        (2900, [GONE] * 100, False),
        (0, [RELAY], False),
        (0, [RELAY] * 2, True),
        (7, [RELAY] * 2, True),
        (8, [RELAY] * 2, False),
        (0, [SPAM] * 2, True),
        (0, [SPAM, RELAY], False),
        (0, [SPAM, RELAY, GONE, GONE, GONE, GONE], True),
    ],
)
def test_how_much_refusal_is_about_us(accepted: int, refused: list[DeliveryError], against: bool) -> None:
    evidence = breaker.Evidence(accepted=accepted)
    for n, error in enumerate(refused):
        evidence.refused(f"p{n}@snv.example.vn", error)
    assert evidence.speaks_against_server() is against


def test_the_same_recipient_refused_twice_is_one() -> None:
    evidence = breaker.Evidence()
    for _try in range(9):
        evidence.refused("p@snv.example.vn", RELAY)
    assert not evidence.speaks_against_server()


def test_refusals_that_differ_by_a_number_are_alike() -> None:
    evidence = breaker.Evidence()
    evidence.refused("a@snv.example.vn", refusal("data", 554, "5.7.1", "refused as 4F1A-77"))
    evidence.refused("b@snv.example.vn", refusal("data", 554, "5.7.1", "refused as 90C2-13"))
    assert evidence.speaks_against_server()


def test_probes_come_at_growing_intervals_with_some_play() -> None:
    since = datetime.fromisoformat("2020-05-18T01:00:00+00:00")
    waits = [(breaker.next_probe(since, n, since) - since) / timedelta(minutes=1) for n in range(30)]
    for wait, plain in zip(waits, (1, 2, 5, 10, *[15] * 26), strict=True):
        assert 0.8 * plain <= wait <= 1.2 * plain
    assert len(set(waits)) > 20
