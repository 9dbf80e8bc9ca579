"""A restored backup sends nothing again by itself: the mark outside the database, the hold, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, select, text

from planner.config import ZONE
from planner.errors import Refused
from planner.store import holds, ticks
from planner.store.engine import reading
from scheduler import audit, mark
from tests.fakes import MailServer, Province, mailbox, make_province, planned


def at(instant: str) -> datetime:
    """Return an instant of the province."""
    return datetime.fromisoformat(instant).replace(tzinfo=ZONE).astimezone(UTC)


@pytest.fixture
def province(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    with make_province(database_url, tmp_path, smtp_port=server.port) as made:
        made.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-05-18"))
        yield made


Rows = dict[str, list[dict[str, object]]]
#: what a backup of the engine's tables holds; those of the plans do not change in these tests
TABLES = ("tick", "mail", "mail_body", "notice", "attempt", "audit", "delivery_hold", "database_identity")


def backup(engine: Engine) -> Rows:
    """Return what the engine's tables hold."""
    metadata = MetaData()
    metadata.reflect(engine, only=TABLES)
    with engine.connect() as connection:
        return {
            name: [dict(row._mapping) for row in connection.execute(select(metadata.tables[name]))] for name in TABLES
        }


def restore(engine: Engine, rows: Rows) -> None:
    """Put the rows back, as a restored backup would."""
    metadata = MetaData()
    metadata.reflect(engine, only=TABLES)
    order = ("attempt", "notice", "mail_body", "mail", "tick", "audit", "delivery_hold", "database_identity")
    with engine.begin() as connection:
        for name in order:
            connection.execute(metadata.tables[name].delete())
        for name in reversed(order):
            if rows[name]:
                connection.execute(metadata.tables[name].insert(), rows[name])


def standing(province: Province) -> holds.Hold | None:
    with reading(province.engine) as session:
        return holds.standing(session)


def yesterday_restored(province: Province) -> Rows:
    """Send on the 14th and the 15th, and go back to the evening of the 14th."""
    province.tick(at("2020-05-14T08:00"))
    evening = backup(province.engine)
    province.tick(at("2020-05-15T08:00"))
    restore(province.engine, evening)
    return evening


def test_a_restored_database_queues_and_sends_nothing(province: Province, server: MailServer) -> None:
    yesterday_restored(province)
    before = len(server.accepted)
    for minute in (10, 11, 12):
        done = province.tick(at(f"2020-05-15T08:{minute}"))
        assert done.on_hold
        assert done.sent == 0
    assert len(server.accepted) == before
    assert ("due", "queued") in province.notices("rung", "state")
    hold = standing(province)
    assert hold is not None
    assert hold.told_until == at("2020-05-15T08:00")
    found = audit.run(province.shop, at("2020-05-15T08:12"))
    assert found.on_hold
    assert not found.ok


def test_the_hold_stays_when_rounds_have_overtaken_the_mark(province: Province, server: MailServer) -> None:
    yesterday_restored(province)
    before = len(server.accepted)
    for minute in range(10, 20):
        assert province.tick(at(f"2020-05-15T08:{minute}")).on_hold
    assert len(server.accepted) == before


def test_assumed_sent_is_not_sent_again_and_says_why(province: Province, server: MailServer) -> None:
    yesterday_restored(province)
    province.tick(at("2020-05-15T08:10"))
    before = len(server.accepted)
    notices, _mails = mark.resume(
        province.shop, at("2020-05-15T09:00"), assume_sent=True, actor="q@x.vn", reason="relay's log seen"
    )
    assert notices == 2  # I.1 on its day, I.2 a working day before
    assert not province.tick(at("2020-05-15T09:01")).on_hold
    assert len(server.accepted) == before
    told = [reason for state, reason in province.notices("state", "reason") if state == "cancelled"]
    assert len(told) == 2
    assert all("q@x.vn" in reason and "relay's log seen" in reason for reason in told)
    province.tick(at("2020-05-18T08:00"))  # the next day's step goes out as ever
    assert len(server.accepted) == before + 2  # the responsible person, and the head of the agency
    assert audit.run(province.shop, at("2020-05-18T08:00")).ok


def test_a_mail_that_stood_in_the_backup_is_assumed_sent_too(province: Province, server: MailServer) -> None:
    server.mail = "421 later"
    province.tick(at("2020-05-14T08:00"))
    evening = backup(province.engine)
    server.mail = ""
    province.tick(at("2020-05-14T08:05"))
    assert len(server.accepted) == 1
    restore(province.engine, evening)
    assert province.tick(at("2020-05-14T08:20")).on_hold
    _notices, mails = mark.resume(
        province.shop, at("2020-05-14T08:30"), assume_sent=True, actor="local", reason="it arrived"
    )
    assert mails == 1
    province.tick(at("2020-05-14T08:31"))
    assert len(server.accepted) == 1
    assert province.mails("state") == [("cancelled",)]


def test_resend_lets_everything_go_again(province: Province, server: MailServer) -> None:
    yesterday_restored(province)
    province.tick(at("2020-05-15T08:10"))
    before = len(server.accepted)
    mark.resume(province.shop, at("2020-05-15T09:00"), assume_sent=False, actor="local", reason="relay lost them")
    assert not province.tick(at("2020-05-15T09:01")).on_hold
    assert len(server.accepted) == before + 1
    assert server.recipients()[-1] == mailbox("snv")
    assert standing(province) is None
    with province.engine.connect() as connection:
        row = connection.execute(text("SELECT decision, actor, reason FROM delivery_hold")).one()
    assert tuple(row) == ("resend", "local", "relay lost them")


def test_a_backup_of_before_the_resumption_is_noticed_again(province: Province, server: MailServer) -> None:
    evening = yesterday_restored(province)
    province.tick(at("2020-05-15T08:10"))
    mark.resume(province.shop, at("2020-05-15T09:00"), assume_sent=False, actor="local", reason="r")
    province.tick(at("2020-05-15T09:01"))
    restore(province.engine, evening)
    assert province.tick(at("2020-05-15T10:00")).on_hold


def test_a_trial_of_the_decision_leaves_the_hold(province: Province) -> None:
    yesterday_restored(province)
    province.tick(at("2020-05-15T08:10"))
    now = at("2020-05-15T09:00")
    assert mark.resume(province.shop, now, assume_sent=True, actor="a", reason="r", dry_run=True)[0] == 2
    assert standing(province) is not None
    assert "cancelled" not in {state for (state,) in province.notices("state")}


def test_without_a_hold_there_is_nothing_to_resume(province: Province) -> None:
    with pytest.raises(Refused):
        mark.resume(province.shop, at("2020-05-15T09:00"), assume_sent=True, actor="a", reason="r")


def test_a_hold_by_hand_stops_mail_and_ends_like_any_other(province: Province, server: MailServer) -> None:
    now = at("2020-05-14T08:00")
    assert mark.hold(province.shop, now, actor="local", reason="wrong template")
    assert not mark.hold(province.shop, now, actor="local", reason="again")
    assert province.tick(now).on_hold
    assert server.accepted == []
    mark.resume(province.shop, now, assume_sent=False, actor="local", reason="mended")
    province.tick(at("2020-05-14T08:05"))
    assert len(server.accepted) == 1


def test_a_new_database_in_the_same_folder_is_no_restored_one(
    province: Province, tmp_path: Path, server: MailServer, request: pytest.FixtureRequest
) -> None:
    province.tick(at("2020-05-14T08:00"))
    with province.engine.begin() as connection:  # as `init` would make it
        for table in ("attempt", "notice", "mail_body", "mail", "tick"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - names of ours
        connection.execute(text("UPDATE database_identity SET identity = 'another'"))
    before = len(server.accepted)
    assert not province.tick(at("2020-05-14T08:00")).on_hold
    assert len(server.accepted) == before + 1
    known = json.loads((tmp_path / "planner-state.json").read_text())["databases"]
    assert len(known) == 2


BROKEN: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_text(""),
    "another form": lambda path: path.write_text('{"databases": {"a": [1]}}'),
    "not text": lambda path: path.write_bytes(b"\xff\xfe"),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_mark_that_cannot_be_read_is_written_anew(province: Province, tmp_path: Path, damage: str) -> None:
    province.tick(at("2020-05-14T08:00"))
    BROKEN[damage](tmp_path / "planner-state.json")
    assert not province.tick(at("2020-05-14T08:01")).on_hold
    assert json.loads((tmp_path / "planner-state.json").read_text())["schema"] == 1


def test_a_mark_that_cannot_be_written_does_not_stop_mail(
    province: Province, tmp_path: Path, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = province.with_settings(state_file=tmp_path / "none" / "state.json")
    nowhere.tick(at("2020-05-14T08:00"))
    assert len(server.accepted) == 1
    assert "state file not written" in caplog.text


def test_two_hosts_each_keep_a_mark_of_their_own(province: Province, tmp_path: Path) -> None:
    one = province.with_settings(state_file=tmp_path / "one.json")
    other = province.with_settings(state_file=tmp_path / "other.json")
    one.tick(at("2020-05-14T08:00"))
    evening = backup(province.engine)
    other.tick(at("2020-05-15T08:00"))
    restore(province.engine, evening)
    assert not one.tick(at("2020-05-14T08:10")).on_hold  # it had seen no more than this
    assert other.tick(at("2020-05-15T08:10")).on_hold
    assert one.tick(at("2020-05-15T08:11")).on_hold  # the hold is in the database, for all


def test_a_round_that_died_after_sending_counts_too(
    province: Province, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = backup(province.engine)
    with monkeypatch.context() as patch:
        patch.setattr(ticks, "record_tick", _die)
        with pytest.raises(ZeroDivisionError):
            province.tick(at("2020-05-14T08:00"))
    assert len(server.accepted) == 1
    restore(province.engine, before)
    assert province.tick(at("2020-05-14T08:10")).on_hold
    assert len(server.accepted) == 1


def _die(*_args: object) -> None:
    raise ZeroDivisionError
