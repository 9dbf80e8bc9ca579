"""What the engine leans on and no other test would miss: keys, clocks, and what a commit is worth."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import insert, select

from planner.domain.notification import MailState
from planner.errors import RowsRefused
from planner.service.desk import Desk
from planner.store import ledger, outbox
from planner.store.engine import connect, writing
from planner.store.tables import MailRow, NoticeRow, table_of
from tests.factories import NOW, POLICY, TODAY, fill, focal, make_desk, make_notice, make_plan
from tests.store.actions import accept_plan

HOUR = 3600


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    """A notice in a mail that is ready to go."""
    desk = make_desk(database_url)
    fill(desk)
    accept_plan(desk, make_plan())
    with desk.writing() as session:
        ledger.enqueue(session, [make_notice()], policy=POLICY, at=NOW)
        mail = outbox.NewMail(
            kind="digest",
            recipient=focal("stttt"),
            day=TODAY,
            key="m1",
            subject="Nhắc việc",
            message_id="<m1@planner.example.vn>",
            body=b"To: focal\r\n\r\n",
        )
        assert outbox.save_mail(session, mail, ledger.queued(session), NOW)
    yield desk
    desk.engine.dispose()


def claim(desk: Desk, lease: int = 900) -> list[outbox.HeldMail]:
    with writing(desk.engine) as session:
        outbox.reap(session)
        return outbox.claim(session, now=NOW, limit=9, lease=lease)


@pytest.mark.parametrize("table", [NoticeRow, MailRow])
def test_the_database_itself_refuses_a_second_row_of_one_key(desk: Desk, table: type) -> None:
    with desk.reading() as session:
        row = dict(session.execute(select(table_of(table))).one()._mapping)
    row["id"] += 1
    if table is MailRow:
        row["message_id"] = "<other@planner.example.vn>"
    with pytest.raises(RowsRefused), writing(desk.engine) as session:
        session.execute(insert(table_of(table)).values(row))


@pytest.mark.parametrize("wrong", [-HOUR, HOUR])
def test_a_worker_whose_own_clock_is_wrong_takes_no_mail_that_another_holds(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, wrong: int
) -> None:
    right = time.time
    if wrong < 0:  # who claims is behind, so that its lease would seem to be over
        monkeypatch.setattr(time, "time", lambda: right() + wrong)
    [held] = claim(desk)
    monkeypatch.setattr(time, "time", right if wrong < 0 else lambda: right() + wrong)
    assert claim(desk) == []
    with writing(desk.engine) as session:
        assert outbox.begin_data(session, held, NOW)
        assert session.scalar(select(MailRow.state)) == MailState.SENDING


def test_what_is_committed_on_sqlite_survives_a_power_cut(sqlite_url: str) -> None:
    engine = connect(sqlite_url)
    for _connection in range(2):  # each connection has settings of its own
        with closing(engine.raw_connection()) as raw:
            cursor = raw.cursor()
            assert cursor.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL: WAL with less loses the last commits
            assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        engine.dispose()


def test_a_writer_on_sqlite_holds_the_lock_from_its_first_word(sqlite_url: str) -> None:
    engine, other = connect(sqlite_url), connect(sqlite_url)
    with writing(engine) as session:
        session.execute(select(1))
        with closing(other.raw_connection()) as raw:
            raw.cursor().execute("PRAGMA busy_timeout = 0")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                raw.cursor().execute("BEGIN IMMEDIATE")
    engine.dispose()
    other.dispose()
