"""The event log: one chain, and every kind of tampering is found where it was done."""

# ruff: noqa: S608 - the tampering is written out, with nothing from outside in it

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from planner.domain.agency import Absence
from planner.domain.changes import AbsenceRecorded
from planner.service.desk import Desk
from planner.store import events
from planner.store.engine import connect, reading, writing
from planner.store.tables import EventRow
from tests.factories import DIRECTIVE, NOW, fill, focal, make_desk, moved


def _absence(n: int) -> tuple[str, AbsenceRecorded]:
    day = date(2020, 5, 5) + timedelta(days=n)
    return focal("stttt"), AbsenceRecorded(absence=Absence(officer=focal("stttt"), first_day=day, last_day=day))


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)
    fill(desk)
    with desk.writing() as session:
        desk.record(session, [_absence(n) for n in range(6)], reason="học tập")
    yield desk
    desk.engine.dispose()


def _verify(desk: Desk) -> events.Verdict:
    with desk.reading() as session:
        return events.verify(session)


def test_an_untouched_chain_holds(desk: Desk) -> None:
    verdict = _verify(desk)
    assert (verdict.ok, verdict.first_bad, verdict.events) == (True, None, 12)
    with desk.reading() as session:
        assert verdict.head == events.newest(session, limit=1)[0].hash


def test_the_numbers_run_from_one_without_a_gap(desk: Desk) -> None:
    with desk.reading() as session:
        assert [event.seq for event in events.walk(session)] == list(range(1, 13))


def test_an_event_reads_back_as_what_happened(desk: Desk) -> None:
    with desk.reading() as session:
        last = events.newest(session, limit=1)[0]
    assert (last.subject, last.change) == _absence(5)
    assert (last.at, last.actor, last.reason) == (NOW, "local", "học tập")


FORGED = "'" + "f" * 64 + "'"


def _swap(connection: Connection) -> None:
    for old, new in ((8, -1), (9, 8), (-1, 9)):
        connection.execute(text(f"UPDATE event SET seq = {new} WHERE seq = {old}"))


def _insert(connection: Connection) -> None:
    for seq in range(12, 7, -1):
        connection.execute(text(f"UPDATE event SET seq = {seq + 1} WHERE seq = {seq}"))
    connection.execute(
        text(
            "INSERT INTO event SELECT 8, at, actor, kind, subject, reason, payload, previous_hash, "
            f"{FORGED} FROM event WHERE seq = 9"
        )
    )


def _sql(*statements: str) -> Callable[[Connection], None]:
    def run(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement))

    return run


def _rehash(connection: Connection) -> None:
    # a forger who knows the formula mends the event itself, and the break moves to the next one
    with Session(connection) as session:
        event = {e.seq: e for e in events.walk(session)}[8]
    forged = events.event_hash(
        previous=event.previous_hash,
        seq=8,
        at=event.at,
        actor="somebody",
        kind=event.kind,
        subject=event.subject,
        reason=event.reason,
        payload=event.payload,
    )
    connection.execute(text(f"UPDATE event SET actor = 'somebody', hash = '{forged}' WHERE seq = 8"))


TAMPERING: dict[str, tuple[Callable[[Connection], None], int]] = {
    "payload": (_sql("UPDATE event SET payload = replace(payload, '2020', '2021') WHERE seq = 8"), 8),
    "actor": (_sql("UPDATE event SET actor = 'x' WHERE seq = 8"), 8),
    "reason": (_sql("UPDATE event SET reason = 'x' WHERE seq = 8"), 8),
    "subject": (_sql("UPDATE event SET subject = 'x' WHERE seq = 8"), 8),
    "kind": (_sql("UPDATE event SET kind = 'task.moved' WHERE seq = 8"), 8),
    "instant": (_sql("UPDATE event SET at = '2020-01-01 00:00:00' WHERE seq = 8"), 8),
    "hash": (_sql(f"UPDATE event SET hash = {FORGED} WHERE seq = 8"), 8),
    "previous hash": (_sql(f"UPDATE event SET previous_hash = {FORGED} WHERE seq = 8"), 8),
    "removed": (_sql("DELETE FROM event WHERE seq = 8"), 8),
    "first removed": (_sql("DELETE FROM event WHERE seq = 1"), 1),
    "removed and closed up": (
        _sql("DELETE FROM event WHERE seq = 8", "UPDATE event SET seq = seq - 1 WHERE seq = 9"),
        8,
    ),
    "reordered": (_swap, 8),
    "inserted": (_insert, 8),
    "appended": (
        _sql(
            "INSERT INTO event SELECT 13, at, actor, kind, subject, reason, payload, hash, "
            f"{FORGED} FROM event WHERE seq = 12"
        ),
        13,
    ),
    "mended by a forger": (_rehash, 9),
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_found_at_the_event(desk: Desk, kind: str) -> None:
    tamper, where = TAMPERING[kind]
    with desk.engine.begin() as connection:
        if desk.engine.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER event_no_update"))
            connection.execute(text("DROP TRIGGER event_no_delete"))
        else:
            connection.execute(text("DROP TRIGGER event_no_change ON event"))
        tamper(connection)
    verdict = _verify(desk)
    assert (verdict.ok, verdict.first_bad) == (False, where)


def _append_some(url: str, n: int) -> None:
    engine = connect(url)
    for k in range(n):
        with writing(engine) as session:
            events.append(session, [_absence(k), _absence(k + 1)], at=NOW, actor="local")
    engine.dispose()


def test_writers_in_many_threads_keep_one_chain(desk: Desk, database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _n: _append_some(database_url, 10), range(4)))
    verdict = _verify(desk)
    assert (verdict.ok, verdict.events) == (True, 12 + 4 * 10 * 2)


def test_writers_in_two_processes_keep_one_chain(desk: Desk, database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_some, args=(database_url, 15)) for _n in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    verdict = _verify(desk)
    assert (verdict.ok, verdict.events) == (True, 12 + 2 * 15 * 2)


def test_a_transaction_that_fails_leaves_no_event(desk: Desk) -> None:
    before = _verify(desk)
    with suppress(ZeroDivisionError), desk.writing() as session:
        desk.record(session, [_absence(7)])
        raise ZeroDivisionError
    assert _verify(desk) == before


def test_a_dry_run_leaves_no_event(desk: Desk) -> None:
    before = _verify(desk)
    dry = moved(desk, dry_run=True)
    with dry.writing() as session:
        dry.record(session, [_absence(7)])
    assert _verify(desk) == before


def test_the_walk_up_to_an_instant_stops_there(desk: Desk) -> None:
    with moved(desk, now=NOW + timedelta(days=1)).writing() as session:
        moved(desk, now=NOW + timedelta(days=1)).record(session, [_absence(7)])
    with desk.reading() as session:
        assert [e.seq for e in events.walk(session, until=NOW)] == list(range(1, 13))
        assert list(events.walk(session, until=NOW - timedelta(microseconds=1))) == []
        assert len(list(events.walk(session, until=NOW + timedelta(days=1)))) == 13


def test_the_walk_up_to_an_instant_has_no_hole_where_the_clock_was_set_back(desk: Desk) -> None:
    ahead, behind = moved(desk, now=NOW + timedelta(days=9)), moved(desk, now=NOW + timedelta(days=1))
    for one in (ahead, behind):
        with one.writing() as session:
            one.record(session, [_absence(7)])
    with desk.reading() as session:
        assert [e.seq for e in events.walk(session, until=behind.now)] == list(range(1, 15))


def test_events_of_a_subject_are_found(desk: Desk) -> None:
    with desk.reading() as session:
        assert {e.kind for e in events.walk(session, subject=DIRECTIVE)} == {"directive.imported"}
        assert [e.seq for e in events.newest(session, limit=2, subject=focal("stttt"))] == [12, 11]


def test_the_payload_is_stored_byte_for_byte_as_it_was_hashed(desk: Desk) -> None:
    with reading(desk.engine) as session:
        payload = session.scalars(select(EventRow.payload).where(EventRow.kind == "agencies.imported")).one()
    assert '"name":"Sở Thông tin và Truyền thông"' in payload
    assert payload == payload.strip()
