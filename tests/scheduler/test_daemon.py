"""The service as a process of its own: it sends, it stops clean, it outlives its database, it has company."""

import json
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from planner.config import ZONE
from planner.errors import DatabaseFailed, WorldFailed
from planner.service import doctor
from planner.store import audits, ticks
from planner.store.engine import reading
from scheduler import daemon, mark, supervisor
from tests.fakes import MailServer, Province, finished, mailbox, make_province, planned, run, start

ALWAYS = """
name: always
version: 1
sending: {from: "00:00", to: "23:59", working_days_only: false}
rungs:
  - {name: due-5wd, trigger: due -5wd, tell: [responsible], kind: reminder}
"""
MEMBERS = 12
PATIENCE = 40.0  #: seconds until a test gives up waiting for the service


@pytest.fixture
def province(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    while datetime.now(ZONE).strftime("%H:%M") >= "23:57":  # the policy shuts for the day's last minute
        time.sleep(1)
    policy = tmp_path / "always.yaml"
    policy.write_text(ALWAYS)
    with make_province(
        database_url,
        tmp_path,
        smtp_port=server.port,
        members=MEMBERS,
        policy_file=policy,
        tick_seconds=1,
        smtp_connections=4,
    ) as made:
        yield made


def give_work(province: Province, people: int) -> list[str]:
    """Give so many people a task due tomorrow; return who is to be told."""
    tomorrow = datetime.now(ZONE).date() + timedelta(days=1)
    names = [mailbox("snv", f"m{n}") for n in range(people)]
    province.file("snv", *(planned(f"I.{n}", tomorrow, responsible=name) for n, name in enumerate(names)))
    return sorted(names)


@contextmanager
def service(province: Province, tmp_path: Path, **more: object) -> Iterator[subprocess.Popen[str]]:
    environment = province.environment(
        PLANNER_TICK_SECONDS=1, PLANNER_POLICY_FILE=province.shop.settings.policy_file, **more
    )
    process = start("scheduler", "run", environment=environment, cwd=tmp_path)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(condition: Callable[[], object], what: str) -> None:
    last = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < last, f"waited in vain for {what}"
        time.sleep(0.05)


def states(province: Province) -> Counter[str]:
    return Counter(state for _recipient, state in province.mails())


def test_it_sends_what_is_due_and_what_comes_due_while_it_runs(
    province: Province, server: MailServer, tmp_path: Path
) -> None:
    give_work(province, 2)
    with service(province, tmp_path) as process:
        wait_for(lambda: len(server.accepted) == 2, "the first mails")
        expected = give_work(province, 5)
        wait_for(lambda: len(server.accepted) == 5, "the mails of the plan's new version")
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        code, _out, log = finished(process)
    assert code == 0, log
    assert server.recipients() == expected
    assert states(province) == {"sent": 5}
    assert "Traceback" not in log
    assert not any(name in log for name in expected)  # no log shows an address


def test_its_rounds_are_the_heartbeat_that_the_doctor_reads(province: Province, tmp_path: Path) -> None:
    def heartbeat() -> doctor.Check | None:
        checks = doctor.doctor(province.desk(datetime.now(ZONE)))
        return next((check for check in checks if check.name == "heartbeat"), None)

    before = heartbeat()
    assert before is not None
    assert not before.ok
    with service(province, tmp_path):
        wait_for(lambda: (found := heartbeat()) and found.ok, "a heartbeat")


def test_told_to_stop_in_the_middle_of_a_message_it_finishes_what_it_holds(
    province: Province, server: MailServer, tmp_path: Path
) -> None:
    give_work(province, MEMBERS)
    server.slow_data = 1.5
    with service(province, tmp_path) as process:
        wait_for(lambda: server.in_data > 0, "a message under way")
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        code, _out, log = finished(process)
        took = time.monotonic() - begun
    assert code == 0, log
    assert took < 10
    left = states(province)
    assert left["leased"] == left["sending"] == left["unknown"] == 0
    assert left["sent"] == len(server.accepted) > 0
    assert left["sent"] + left["ready"] == MEMBERS
    assert left["ready"] > 0  # it did not send on after it was told to stop
    assert set(server.message_ids().values()) == {1}


def test_interrupted_from_the_keyboard_it_stops_as_clean(
    province: Province, server: MailServer, tmp_path: Path
) -> None:
    give_work(province, 1)
    with service(province, tmp_path) as process:
        wait_for(lambda: server.accepted, "the first mail")
        process.send_signal(signal.SIGINT)
        code, _out, log = finished(process)
    assert code == 0, log
    assert "Traceback" not in log


def test_it_outlives_its_database_and_sends_when_it_is_back(
    province: Province, server: MailServer, tmp_path: Path
) -> None:
    give_work(province, 1)
    with service(province, tmp_path) as process:
        wait_for(lambda: states(province)["sent"] == 1, "the first mail")
        _lose(province)
        time.sleep(5)  # more than the three periods after which silence would end it
        assert process.poll() is None
        _find(province)
        expected = give_work(province, 3)
        wait_for(lambda: len(server.accepted) == 3, "the mails after the database came back")
        process.send_signal(signal.SIGTERM)
        code, _out, log = finished(process)
    assert code == 0, log
    assert "round failed" in log
    assert server.recipients() == expected
    assert states(province) == {"sent": 3}


def _lose(province: Province) -> None:
    with province.engine.begin() as connection:
        connection.execute(text("ALTER TABLE notice RENAME TO notice_gone"))
        if connection.dialect.name == "postgresql":
            others = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            connection.execute(text(others))


def _find(province: Province) -> None:
    province.engine.dispose()
    with province.engine.begin() as connection:
        connection.execute(text("ALTER TABLE notice_gone RENAME TO notice"))


def test_a_mail_server_that_comes_back_gets_everything(province: Province, server: MailServer, tmp_path: Path) -> None:
    expected = give_work(province, 3)
    server.mail = "421 4.3.2 closing down"
    with service(province, tmp_path) as process:
        wait_for(lambda: states(province)["ready"] == 3, "the first tries")
        server.mail = ""
        with province.engine.begin() as connection:  # the wait of a minute is tested elsewhere
            connection.execute(text("UPDATE mail SET next_try_at = created_at"))
        wait_for(lambda: len(server.accepted) == 3, "the mails")
        assert process.poll() is None
    assert server.recipients() == expected


def test_two_services_on_one_database_send_everything_once(
    province: Province, server: MailServer, tmp_path: Path
) -> None:
    server.slow_data = 0.05
    with service(province, tmp_path) as one, service(province, tmp_path) as other:
        time.sleep(1)
        expected = give_work(province, MEMBERS)
        wait_for(lambda: states(province)["sent"] == MEMBERS, "all mails")
        time.sleep(2)
        for process in (one, other):
            process.send_signal(signal.SIGTERM)
        assert [finished(process)[0] for process in (one, other)] == [0, 0]
    assert server.recipients() == expected
    assert set(server.message_ids().values()) == {1}
    assert {state for (state,) in province.notices("state")} == {"sent"}


def test_without_a_database_it_says_so_at_once(tmp_path: Path) -> None:
    environment = {"PLANNER_DATABASE_URL": f"sqlite:///{tmp_path / 'none.db'}", "PLANNER_LANG": "en"}
    code, _out, complaint = run("scheduler", "run", environment=environment, cwd=tmp_path)
    assert code == 5
    assert "planner init" in complaint
    assert "Traceback" not in complaint


@pytest.fixture
def quiet(sqlite_url: str, tmp_path: Path) -> Iterator[Province]:
    with make_province(sqlite_url, tmp_path, tick_seconds=1) as made:
        yield made


def test_when_no_round_comes_to_an_end_any_more_it_ends_itself(
    quiet: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(daemon, "run_round", broken)
    begun = time.monotonic()
    with pytest.raises(WorldFailed):
        daemon.run(quiet.shop, quiet.channel())
    assert 3 <= time.monotonic() - begun < 20


def test_a_round_that_fails_is_no_silence(quiet: Province, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[int] = []

    def failing(*_args: Any) -> None:
        rounds.append(1)
        if len(rounds) == 6:
            signal.raise_signal(signal.SIGTERM)
        raise DatabaseFailed("locked")

    monkeypatch.setattr(daemon, "run_round", failing)
    daemon.run(quiet.shop, quiet.channel())
    assert len(rounds) == 6


def test_a_long_round_is_no_silence_and_no_second_one_begins_beside_it(
    quiet: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[int] = []
    most = 0

    def long(*_args: Any) -> None:
        nonlocal most
        running.append(1)
        most = max(most, len(running))
        time.sleep(4.5)
        running.pop()
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(daemon, "run_round", long)
    daemon.run(quiet.shop, quiet.channel())
    assert most == 1


# --- it looks at itself ---


def test_a_round_that_hangs_ends_the_process(province: Province, server: MailServer, tmp_path: Path) -> None:
    give_work(province, 1)
    server.slow_data = 300  # the mail server never answers, and the lease of the mail is over
    with service(province, tmp_path, PLANNER_DELIVERY_LEASE=4) as process:
        code, _out, log = finished(process)
    assert code == 5, log
    assert "service dies" in log


def test_a_long_delivery_is_no_hang(province: Province, server: MailServer, tmp_path: Path) -> None:
    expected = give_work(province, MEMBERS)
    server.slow_data = 1.2  # all mails together take longer than the lease, and than three periods
    with service(province, tmp_path, PLANNER_DELIVERY_LEASE=4) as process:
        wait_for(lambda: len(server.accepted) == MEMBERS, "all mails")
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert finished(process)[0] == 0
    assert server.recipients() == expected


def test_a_database_that_has_been_moved_away_ends_the_process(sqlite_url: str, tmp_path: Path) -> None:
    with make_province(sqlite_url, tmp_path, tick_seconds=1) as province:
        environment = province.environment(PLANNER_TICK_SECONDS=1)
        process = start("scheduler", "run", environment=environment, cwd=tmp_path)
        try:
            wait_for(lambda: _last_tick(province), "a round")
            province.engine.dispose()
            path = Path(sqlite_url.removeprefix("sqlite:///"))
            path.rename(tmp_path / "elsewhere.db")  # the service goes on writing there, and would never know
            code, _out, log = finished(process)
        finally:
            process.kill()
            process.communicate()
    assert code == 5, log


def _last_tick(province: Province) -> datetime | None:
    with reading(province.engine) as session:
        return ticks.last_tick(session)


def test_the_auditor_looks_and_the_heartbeat_follows_him(province: Province, tmp_path: Path) -> None:
    beat = tmp_path / "beat.json"
    more = {"PLANNER_AUDIT_SECONDS": 1, "PLANNER_HEARTBEAT_FILE": beat}
    with service(province, tmp_path, **more) as process:
        wait_for(beat.exists, "a heartbeat")
        assert json.loads(beat.read_text())["pid"] == process.pid
        with reading(province.engine) as session:
            assert [worker.name.rpartition(":")[2] for worker in ticks.workers(session)] == [str(process.pid)]
        mark.hold(province.shop, datetime.now(ZONE), actor="a", reason="r")  # now something is wrong
        wait_for(lambda: not _audited(province), "an audit that finds it")
        beat.unlink()
        time.sleep(2.5)
        assert not beat.exists()
        process.send_signal(signal.SIGTERM)
        code, _out, log = finished(process)
    assert code == 0, log
    assert "ERROR scheduler.audit audit" in log
    with reading(province.engine) as session:
        assert ticks.workers(session) == []


def _audited(province: Province) -> bool:
    with reading(province.engine) as session:
        last = audits.latest(session)
    return last is None or last.ok


def test_systemd_is_told_of_the_beginning_the_work_and_the_end(quiet: Province, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(PATIENCE)
        environment = quiet.environment(
            PLANNER_TICK_SECONDS=1, NOTIFY_SOCKET=tmp_path / "notify", WATCHDOG_USEC=3_000_000
        )
        environment.pop("WATCHDOG_PID", None)
        process = start("scheduler", "run", environment=environment, cwd=tmp_path)
        try:
            heard = [ear.recv(100), ear.recv(100)]
            process.send_signal(signal.SIGTERM)
            while heard[-1] != b"STOPPING=1":
                heard.append(ear.recv(100))
            assert finished(process)[0] == 0
        finally:
            process.kill()
            process.communicate()
    assert heard[:2] == [b"READY=1", b"WATCHDOG=1"]


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "300000000"}, 300.0),
        ({"WATCHDOG_USEC": "300000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_counts_only_for_this_process(environment: dict[str, str], seconds: float | None) -> None:
    assert supervisor.watchdog_seconds(environment) == seconds


def test_without_systemd_nobody_is_told(tmp_path: Path) -> None:
    assert not supervisor.notify("READY=1", {})
    assert not supervisor.notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "none")})
