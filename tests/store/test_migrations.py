"""The database keeps what the tables promise, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, insert, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from planner.errors import DatabaseFailed
from planner.store.engine import connect, current_revision, newest_revision, require_current, upgrade
from planner.store.tables import Base, MailRow
from tests.factories import fill, make_desk, make_plan, make_task
from tests.store.actions import accept_plan


def test_an_empty_database_upgraded_equals_the_models(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    engine = connect(empty_database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "target_metadata": Base.metadata}
        )
        difference = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert difference == []


def test_every_check_of_the_models_stands_in_the_database(engine: Engine) -> None:
    # compare_metadata does not look at CHECK constraints
    found = inspect(engine)
    for table in Base.metadata.sorted_tables:
        wanted = {str(c.name) for c in table.constraints if type(c).__name__ == "CheckConstraint"}
        have = {str(c["name"]) for c in found.get_check_constraints(table.name)}
        assert have == wanted, table.name


def test_upgrading_again_changes_nothing(database_url: str) -> None:
    assert upgrade(database_url) == newest_revision(database_url)


@pytest.mark.parametrize("statement", ["UPDATE event SET actor = 'x'", "DELETE FROM event", "UPDATE event SET seq = 9"])
def test_the_log_refuses_to_be_changed(database_url: str, statement: str) -> None:
    desk = make_desk(database_url)
    fill(desk)
    with desk.engine.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(statement))
    desk.engine.dispose()


def test_postgresql_refuses_to_truncate_the_log(postgres_url: str) -> None:
    engine = connect(postgres_url)
    with engine.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text("TRUNCATE event"))
    engine.dispose()


TASK = "UPDATE task SET "
LIES: dict[str, str] = {
    "a confirmed task without a day": TASK + "state = 'confirmed', result_number = '1', done_on = NULL",
    "a submitted task without a result": TASK + "state = 'submitted', done_on = '2020-05-05'",
    "a confirmed task without a result": TASK + "state = 'confirmed', done_on = '2020-05-05'",
    "a state that does not exist": TASK + "state = 'finished'",
    "more than all of it": TASK + "percent = 101",
    "less than nothing": TASK + "percent = -1",
    "a negative duration": TASK + "duration = -1",
    "a task of no plan": TASK + "plan = 'nothing'",
    "two tasks of one code": TASK + "code = 'I.1'",
    "a task of no agency": TASK + "agency = 'nobody'",
    "a plan version of a state that does not exist": "UPDATE plan_version SET state = 'draft'",
    "a version 0": "UPDATE plan_version SET version = 0",
    "one receipt twice": "UPDATE plan_version SET receipt = '0001/2020'",
    "a plan of an unknown kind": "UPDATE plan SET kind = 'other'",
    "an agency of an unknown tier": "UPDATE agency SET tier = 'village'",
    "an agency that ends before it begins": "UPDATE agency SET valid_from = '2020-06-02', valid_to = '2020-06-01'",
    "an agency under nobody": "UPDATE agency SET parent = 'nobody'",
    "a succession of itself": "UPDATE agency_succession SET to_code = from_code",
    "an extent in between": "UPDATE agency_succession SET extent = 'half'",
    "an officer of an unknown role": "UPDATE officer SET role = 'boss'",
    "a task that waits for itself": "UPDATE dependency SET predecessor = successor",
    "an absence that ends before it begins": "INSERT INTO officer_absence (officer, first_day, last_day, reason) "
    "VALUES ('focal@stttt.example.vn', '2020-05-06', '2020-05-05', '')",
}


@pytest.mark.parametrize("lie", LIES)
def test_the_database_refuses(database_url: str, lie: str) -> None:
    desk = make_desk(database_url)
    fill(desk)
    accept_plan(desk, make_plan())
    with desk.engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text(LIES[lie]))
    desk.engine.dispose()


MAIL: dict[str, Any] = {
    "key": "k",
    "kind": "digest",
    "recipient": "a@b.vn",
    "day": date(2020, 5, 5),
    "subject": "s",
    "message_id": "<m@b.vn>",
    "state": "ready",
    "maybe_taken": False,
    "fence": 0,
    "attempts": 0,
    "next_try_at": datetime(2020, 5, 5, tzinfo=UTC),
    "last_error": "",
    "created_at": datetime(2020, 5, 5, tzinfo=UTC),
}


def _mail(connection: Connection, **values: Any) -> None:
    row = {**MAIL, **values}
    connection.execute(insert(MailRow).values(**row))


@pytest.mark.parametrize("values", [{"state": "lost"}, {"state": "leased"}, {"state": "sending"}, {"state": "sent"}])
def test_a_mail_that_is_held_has_a_lease_and_a_sent_one_an_instant(engine: Engine, values: dict[str, Any]) -> None:
    with engine.connect() as connection:
        _mail(connection)
        with pytest.raises(IntegrityError):
            _mail(connection, key="k2", message_id="<m2@b.vn>", **values)


def test_a_database_without_tables_says_what_to_run(empty_database_url: str) -> None:
    engine = connect(empty_database_url)
    engine.connect().close()  # makes the file, where it is one
    with pytest.raises(DatabaseFailed, match="planner init"):
        require_current(engine, empty_database_url)
    engine.dispose()


def test_a_database_of_an_older_program_says_what_to_run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.store.engine.newest_revision", lambda _url: "0002")
    engine = connect(database_url)
    with pytest.raises(DatabaseFailed, match="planner db upgrade"):
        require_current(engine, database_url)
    engine.dispose()


def test_a_database_of_a_newer_program_is_left_alone(database_url: str) -> None:
    engine = connect(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseFailed) as refused:
        require_current(engine, database_url)
    assert "db upgrade" not in refused.value.message
    with pytest.raises(DatabaseFailed):
        upgrade(database_url)
    assert current_revision(engine) == "9999"
    engine.dispose()


def test_asking_for_the_revision_makes_no_file(tmp_path: Any) -> None:
    assert current_revision(connect(f"sqlite:///{tmp_path / 'planner.db'}")) is None
    assert list(tmp_path.iterdir()) == []


def test_a_task_code_as_long_as_its_column_is_kept_whole(database_url: str) -> None:
    desk = make_desk(database_url)
    fill(desk)
    accept_plan(desk, make_plan(tasks=[make_task("1." * 30)]))
    desk.engine.dispose()
