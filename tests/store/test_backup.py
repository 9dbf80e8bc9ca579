"""A backup is whole, and a restore touches nothing before it is sure."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from planner.errors import InputRejected, NotFound, Refused, WorldFailed
from planner.service.desk import Desk
from planner.store import backup, checking, holds, ticks
from planner.store.engine import connect, reading, writing
from tests.factories import fill, make_desk, make_plan
from tests.fakes import at, mail_server, make_province, planned
from tests.store.actions import accept_plan

NOW = datetime(2020, 5, 20, tzinfo=UTC)
HOST = "h1"


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[Desk]:
    made = make_desk(sqlite_url)
    fill(made)
    accept_plan(made, make_plan())
    yield made
    made.engine.dispose()


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def tick(desk: Desk) -> None:
    with writing(desk.engine) as session:
        ticks.record_tick(session, NOW, {})


def tick_total(url: str) -> int:
    with closing(sqlite3.connect(path_of(url))) as connection:
        return int(connection.execute("SELECT count(*) FROM tick").fetchone()[0])


def test_a_backup_taken_while_others_write_is_one_sound_file(desk: Desk, sqlite_url: str, tmp_path: Path) -> None:
    tick(desk)
    target = tmp_path / "b" / "copy.db"
    target.parent.mkdir()
    with writing(desk.engine) as session:  # somebody is in the middle of a change
        ticks.record_tick(session, NOW, {})
        session.flush()
        backup.back_up(sqlite_url, target)
    assert [path.name for path in target.parent.iterdir()] == ["copy.db"]
    assert tick_total(f"sqlite:///{target}") == 1
    copy = connect(f"sqlite:///{target}")
    assert all(one.ok for one in checking.check(copy))
    copy.dispose()


def test_a_backup_never_overwrites(desk: Desk, sqlite_url: str, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(Refused):
        backup.back_up(sqlite_url, target)
    assert target.read_text() == "mine"


def test_a_backup_that_cannot_be_written_leaves_nothing(desk: Desk, sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(WorldFailed):
        backup.back_up(sqlite_url, tmp_path / "none" / "copy.db")


def test_a_damaged_database_makes_no_backup(desk: Desk, sqlite_url: str, tmp_path: Path) -> None:
    desk.engine.dispose()
    path = path_of(sqlite_url)
    content = bytearray(path.read_bytes())
    for place in range(4096 * 3, len(content), 4096):
        content[place : place + 64] = os.urandom(64)
    path.write_bytes(content)
    with pytest.raises(WorldFailed):
        backup.back_up(sqlite_url, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_restore_keeps_the_database_of_before_and_stops_deliveries(
    desk: Desk, sqlite_url: str, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    backup.back_up(sqlite_url, copy)
    tick(desk)
    desk.engine.dispose()
    done = backup.restore(sqlite_url, copy, now=NOW, host=HOST)
    assert done.on_hold
    assert done.kept is not None
    assert tick_total(f"sqlite:///{done.kept}") == 1
    assert tick_total(sqlite_url) == 0
    with reading(make_desk(sqlite_url).engine) as session:
        hold = holds.standing(session)
    assert hold is not None
    assert (hold.told_until, hold.host) == (NOW, HOST)
    assert copy.exists()


def test_a_restore_of_the_same_state_holds_nothing_back(desk: Desk, sqlite_url: str, tmp_path: Path) -> None:
    tick(desk)
    copy = tmp_path / "copy.db"
    backup.back_up(sqlite_url, copy)
    desk.engine.dispose()
    assert not backup.restore(sqlite_url, copy, now=NOW, host=HOST).on_hold


def test_a_restore_onto_a_new_machine_stops_deliveries(desk: Desk, sqlite_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup.back_up(sqlite_url, copy)
    elsewhere = f"sqlite:///{tmp_path / 'new.db'}"
    done = backup.restore(elsewhere, copy, now=NOW, host=HOST)
    assert (done.on_hold, done.kept) == (True, None)
    assert done.events > 0


def test_a_restore_over_a_broken_database_works_and_keeps_it(desk: Desk, sqlite_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup.back_up(sqlite_url, copy)
    desk.engine.dispose()
    path_of(sqlite_url).write_bytes(b"not a database at all" * 500)
    done = backup.restore(sqlite_url, copy, now=NOW, host=HOST)
    assert done.on_hold
    assert done.kept is not None
    assert done.kept.read_bytes().startswith(b"not a database")


def test_a_database_that_somebody_has_open_is_not_replaced(desk: Desk, sqlite_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup.back_up(sqlite_url, copy)
    tick(desk)
    with desk.engine.connect() as held:
        held.execute(text("SELECT count(*) FROM tick"))
        with pytest.raises(Refused):
            backup.restore(sqlite_url, copy, now=NOW, host=HOST)
    assert tick_total(sqlite_url) == 1


def test_a_trial_restore_changes_nothing(desk: Desk, sqlite_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    backup.back_up(sqlite_url, copy)
    tick(desk)
    desk.engine.dispose()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert backup.restore(sqlite_url, copy, now=NOW, host=HOST, dry_run=True).on_hold
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def broken_chain(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER event_no_update")
        connection.execute("UPDATE event SET actor = 'somebody else' WHERE seq = 1")
        connection.commit()


def no_schema(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (x)")
        connection.commit()


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


BAD: dict[str, Callable[[Path], object]] = {
    "a broken chain": broken_chain,
    "another program's": no_schema,
    "a newer program's": newer,
    "no database": lambda path: path.write_text("hello"),
    "half of it": lambda path: path.write_bytes(path.read_bytes()[: 4096 * 7]),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_backup_is_refused_and_nothing_is_touched(desk: Desk, sqlite_url: str, tmp_path: Path, kind: str) -> None:
    copy = tmp_path / "copy.db"
    backup.back_up(sqlite_url, copy)
    tick(desk)
    desk.engine.dispose()
    BAD[kind](copy)
    with pytest.raises(InputRejected):
        backup.restore(sqlite_url, copy, now=NOW, host=HOST)
    assert tick_total(sqlite_url) == 1


def test_a_backup_that_is_not_there_is_said_to_be_so(sqlite_url: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        backup.restore(sqlite_url, tmp_path / "none.db", now=NOW, host=HOST)


# --- PostgreSQL ---


@pytest.fixture
def with_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PostgreSQL's own programs be found, of the version that the test server has."""
    from tests.postgres import programs_folder

    monkeypatch.setenv("PATH", f"{programs_folder()}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("with_programs")
def test_postgresql_is_dumped_and_restored_by_the_commands_that_are_told(postgres_url: str, tmp_path: Path) -> None:
    desk = make_desk(postgres_url)
    fill(desk)
    accept_plan(desk, make_plan())
    target = tmp_path / "copy.dump"
    backup.back_up(postgres_url, target)
    tick(desk)
    with pytest.raises(Refused) as told:
        backup.restore(postgres_url, target, now=NOW, host=HOST)
    (command,) = [line.strip() for line in told.value.message.splitlines() if "pg_restore" in line]
    done = subprocess.run(command, shell=True, check=False, capture_output=True, text=True)  # noqa: S602 - as told
    assert done.returncode == 0, done.stderr
    desk.engine.dispose()
    assert all(one.ok for one in checking.check(desk.engine))
    with reading(desk.engine) as session:
        assert ticks.last_tick(session) is None
    desk.engine.dispose()


def test_without_pg_dump_the_command_is_told_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorldFailed) as told:
        backup.back_up("postgresql+psycopg://u:hidden@db.example.vn/planner", tmp_path / "x.dump")
    assert "pg_dump --format=custom" in told.value.message
    assert "postgresql://u@db.example.vn/planner" in told.value.message
    assert "hidden" not in told.value.message


# --- the check ---

BROKEN = {
    "sent": "UPDATE mail SET state = 'ready'",
    "mailed": "UPDATE notice SET state = 'mailed' WHERE mail_id IS NOT NULL",
    "attempts": "DELETE FROM attempt",
    "digests": "UPDATE mail SET recipient = 'a@b.vn'",
    "once": "INSERT INTO attempt (mail_id, fence, at, outcome, stage, reply) "
    "SELECT mail_id, fence + 1, at, outcome, stage, reply FROM attempt",
    "tables": "UPDATE task SET percent = 55",
    "schema": "CREATE TABLE foreign_one (x INTEGER)",
}


@pytest.mark.parametrize("promise", BROKEN)
def test_a_broken_promise_is_found_and_only_that(database_url: str, tmp_path: Path, promise: str) -> None:
    with mail_server() as server, make_province(database_url, tmp_path, smtp_port=server.port) as province:
        province.file("snv", planned("I.1", "2020-05-15"))
        province.tick(at("2020-05-18"))  # a working day late: two people are told
        assert len(server.accepted) == 2
        assert [one.name for one in checking.check(province.engine) if not one.ok] == []
        with province.engine.begin() as connection:
            connection.execute(text(BROKEN[promise]))
        assert [one.name for one in checking.check(province.engine) if not one.ok] == [promise]
