"""Opens the database: engine, transactions, schema version.

SQLite runs in WAL with synchronous FULL; every writing transaction begins IMMEDIATE, because a deferred one that turns
to writing fails at once with "locked" instead of waiting. PostgreSQL is the same code on another URL. What differs
between the two (the lease clock, the lock before an append) stands in this file.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection as Connection  # noqa: PLC0414
from sqlalchemy import Engine as Engine  # noqa: PLC0414
from sqlalchemy import create_engine, event, make_url, select, text
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session as Session  # noqa: PLC0414
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import Float

from planner.errors import DatabaseFailed, RowsRefused, UsageRefused
from planner.i18n import gettext as _

_APPEND_LOCK = 0x504C414E  # "PLAN": one appender of the event log at a time on PostgreSQL


class DatabaseEpoch(GenericFunction[float]):
    """Seconds since 1970 on the database's own clock, the only clock that leases run on."""

    type = Float()
    inherit_cache = True
    name = "planner_database_epoch"


@compiles(DatabaseEpoch, "sqlite")
def _sqlite_epoch(_element: DatabaseEpoch, _compiler: Any, **_kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(DatabaseEpoch, "postgresql")
def _postgresql_epoch(_element: DatabaseEpoch, _compiler: Any, **_kw: Any) -> str:
    return "EXTRACT(EPOCH FROM clock_timestamp())::float8"


def connect(url: str) -> Engine:
    """Return an engine for `url`; nothing is connected yet.

    Raises:
        UsageRefused: the URL cannot be understood or names a database that is not supported.
        DatabaseFailed: its driver is not installed.
    """
    try:
        if make_url(url).get_backend_name() not in ("sqlite", "postgresql"):
            raise UsageRefused(_("Only SQLite and PostgreSQL are supported."))
        # Statements in an error message must not carry people's addresses and texts.
        engine = create_engine(
            url, hide_parameters=True, pool_pre_ping=not url.startswith("sqlite"), json_serializer=_json
        )
    except (ArgumentError, NoSuchModuleError) as error:
        raise UsageRefused(
            _("The database URL cannot be read; write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.")
        ) from error
    except ModuleNotFoundError as error:
        raise DatabaseFailed(
            _("The driver {name} is not installed; run: pip install 'planner[postgres]'.").format(name=error.name)
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


class JsonText(str):
    """JSON already written, for a JSON column: what many rows share is written once."""

    __slots__ = ()


# A Vietnamese letter as itself takes two or three bytes, escaped it takes six. Made once: a call of json.dumps with
# options makes one each time.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _json(data: Any) -> str:
    return data if isinstance(data, JsonText) else _encode(data)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin transactions behind our back
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    # KiB, taken only as far as they are needed. With SQLite's own 2 MB a day on which 50,000 tasks fall due is written
    # to the disk piece by piece, in the order of each index.
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("planner_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def connection_of(engine: Engine) -> Connection:
    """Return a connection to keep for many writing transactions; the caller closes it.

    Raises:
        DatabaseFailed: the database cannot be reached.
    """
    with _translated():
        return engine.connect()


@contextmanager
def writing(engine: Engine | Connection, *, dry_run: bool = False) -> Iterator[Session]:
    """Open one writing transaction; commit at the end, or roll all of it back for a dry run or an error.

    Raises:
        DatabaseFailed: the database cannot be reached, is locked too long, is read-only or full.
    """
    with _translated(), Session(engine, autoflush=False, expire_on_commit=False) as session:
        yield session
        if dry_run:
            session.rollback()
        else:
            session.commit()


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open one reading transaction that sees a single instant of the data."""
    # PostgreSQL's default would let each statement see another instant; a report needs one.
    level = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    bound = engine.execution_options(planner_reading=True, **level)
    with _translated(), Session(bound, autoflush=False, expire_on_commit=False) as session:
        yield session


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        failure = RowsRefused if isinstance(error, (DataError, IntegrityError)) else DatabaseFailed
        raise failure(
            _("The database refused: {reason}. Check it with: planner doctor").format(reason=error.orig)
        ) from error
    except SQLAlchemyError as error:
        raise DatabaseFailed(_("The database failed: {reason}").format(reason=str(error).split("\n", 1)[0])) from error


def lock_appends(session: Session) -> None:
    """Let one transaction at a time append to the event log, until it ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _APPEND_LOCK})


# SQLite has no queue for its write lock: whoever waits asks again after at most a tenth of a second.
_POLL = 0.11


def give_way(engine: Engine, since: float) -> None:
    """Wait until whoever else wants to write has had a moment for it, `since` the last transaction ended.

    Args:
        engine: the database; PostgreSQL lets writers in by their turn, so there is nothing to wait for.
        since: when the last transaction ended, on `time.monotonic`.
    """
    if engine.dialect.name == "sqlite":
        time.sleep(max(0.0, since + _POLL - time.monotonic()))


def longest_lease(lease: int) -> int:
    """Return how many seconds a lease may have to go at most; one with more is from before the clock was set back.

    Long, for another machine may have longer leases in its settings.
    """
    return max(4 * lease, 3600)


def clock(session: Session) -> float:
    """Return the database's clock, in seconds since 1970."""
    return float(session.execute(select(DatabaseEpoch())).scalar_one())


def _alembic_config(url: str) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> str:
    """Bring the schema to the newest revision and return it.

    Raises:
        DatabaseFailed: the database cannot be reached or written, or is newer than this program.
    """
    from alembic import command
    from alembic.util import CommandError

    try:
        with _translated():
            command.upgrade(_alembic_config(url), "head")
    except CommandError as error:  # its revision is in none of our migrations
        raise DatabaseFailed(_newer()) from error
    return newest_revision(url)


def _newer() -> str:
    return _("The database was made by a newer program; install that one.")


def newest_revision(url: str) -> str:
    """Return the newest revision that this program knows."""
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory.from_config(_alembic_config(url)).get_current_head())


def current_revision(engine: Engine) -> str | None:
    """Return the revision of the database; None: it holds no schema of ours, or there is none."""
    from alembic.runtime.migration import MigrationContext

    if _missing_file(engine) is not None:  # connecting would make it
        return None
    with _translated(), engine.execution_options(planner_reading=True).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _is_known(revision: str, url: str) -> bool:
    from alembic.script import ScriptDirectory

    return revision in {
        script.revision for script in ScriptDirectory.from_config(_alembic_config(url)).walk_revisions()
    }


def _missing_file(engine: Engine) -> str | None:
    name = engine.url.database if engine.dialect.name == "sqlite" else None
    return name if name and name != ":memory:" and not Path(name).exists() else None


def connect_current(url: str) -> Engine:
    """Return an engine for `url`, whose database has this program's schema.

    Raises:
        UsageRefused: the URL cannot be understood.
        DatabaseFailed: the database is missing, unreachable, older or newer; the message says what to run.
    """
    engine = connect(url)
    try:
        require_current(engine, url)
    except BaseException:
        engine.dispose()
        raise
    return engine


def require_current(engine: Engine, url: str) -> None:
    """Check that the database has this program's schema.

    Raises:
        DatabaseFailed: it is missing, older or newer; the message says what to run.
    """
    missing = _missing_file(engine)
    if missing is not None:
        raise DatabaseFailed(_("There is no database at {path}. Make one with: planner init").format(path=missing))
    found, wanted = current_revision(engine), newest_revision(url)
    if found is None:
        raise DatabaseFailed(_("The database is empty. Fill it with: planner init"))
    if found != wanted and not _is_known(found, url):
        raise DatabaseFailed(_newer())
    if found != wanted:
        raise DatabaseFailed(
            _("The database has revision {found}, this program needs {wanted}. Run: planner db upgrade").format(
                found=found, wanted=wanted
            )
        )
