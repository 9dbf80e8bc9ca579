"""Both kinds of database as the tests of reliability need them: copied, put back, locked, cut, stopped, filled up.

Each lane of a run has one database; its content is put back from a snapshot before each scenario. A table beside the
program's own, filled by triggers, notes each change of a mail's state: evidence that the program cannot touch up.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from tests.postgres import START_SECONDS, PostgresServer

TRAIL_SQLITE = """
CREATE TABLE fault_trail (id INTEGER PRIMARY KEY, mail_id INTEGER, old TEXT, new TEXT, fence INTEGER);
CREATE TABLE fault_carried (notice_id INTEGER, mail_id INTEGER);
CREATE TRIGGER fault_mail AFTER UPDATE OF state ON mail WHEN OLD.state <> NEW.state BEGIN
  INSERT INTO fault_trail (mail_id, old, new, fence) VALUES (NEW.id, OLD.state, NEW.state, NEW.fence);
END;
CREATE TRIGGER fault_notice AFTER UPDATE OF mail_id ON notice
  WHEN NEW.mail_id IS NOT NULL AND NEW.mail_id IS NOT OLD.mail_id BEGIN
  INSERT INTO fault_carried VALUES (NEW.id, NEW.mail_id);
END;
"""
TRAIL_POSTGRES = """
CREATE TABLE fault_trail (id BIGINT GENERATED ALWAYS AS IDENTITY, mail_id BIGINT, old TEXT, new TEXT, fence BIGINT);
CREATE TABLE fault_carried (notice_id BIGINT, mail_id BIGINT);
CREATE FUNCTION fault_mail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO fault_trail (mail_id, old, new, fence) VALUES (NEW.id, OLD.state, NEW.state, NEW.fence); RETURN NULL;
END $$;
CREATE TRIGGER fault_mail AFTER UPDATE OF state ON mail FOR EACH ROW WHEN (OLD.state <> NEW.state)
  EXECUTE FUNCTION fault_mail();
CREATE FUNCTION fault_notice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO fault_carried VALUES (NEW.id, NEW.mail_id); RETURN NULL;
END $$;
CREATE TRIGGER fault_notice AFTER UPDATE OF mail_id ON notice FOR EACH ROW
  WHEN (NEW.mail_id IS NOT NULL AND NEW.mail_id IS DISTINCT FROM OLD.mail_id) EXECUTE FUNCTION fault_notice();
"""


class Database(ABC):
    """One database of a lane."""

    kind: str
    url: str

    @abstractmethod
    def put_back(self, snapshot: str) -> None:
        """Give the database the content of a snapshot; nobody is connected."""

    @abstractmethod
    def save(self, snapshot: str) -> None:
        """Keep the content of the database under a name; nobody is connected."""

    @abstractmethod
    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, over a connection of its own."""

    @abstractmethod
    def watch(self) -> None:
        """Add the table that notes what becomes of each mail."""

    @abstractmethod
    def impatient(self, engine: Engine, milliseconds: int) -> None:
        """Let waits for a lock fail after so long; to be called before the first connection."""

    @abstractmethod
    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Keep everybody else from writing."""

    @abstractmethod
    def read_only(self) -> contextlib.AbstractContextManager[None]:
        """Let nobody write."""

    def __init__(self, ballast: Path | None) -> None:
        self._ballast = ballast

    @abstractmethod
    def revive(self) -> None:
        """Bring the server back, should it have ended."""

    @abstractmethod
    def discard(self) -> None:
        """Remove the database."""

    @property
    def has_disk(self) -> bool:
        """Whether the database lies on a small file system of its own."""
        return self._ballast is not None

    @contextlib.contextmanager
    def disk_full(self, spare: int) -> Iterator[None]:
        """Fill the file system of the database up to `spare` octets; it must be a small one of its own."""
        assert self._ballast is not None, "a lane with a disk of its own is needed"
        with self._ballast.open("wb", buffering=0) as file:
            free = os.statvfs(self._ballast.parent)
            left = free.f_bavail * free.f_frsize - spare
            with contextlib.suppress(OSError):
                while left > 0:
                    left -= file.write(b"\0" * min(left, 1 << 20))
        try:
            yield
        finally:
            self._ballast.unlink()
            self.revive()


class Sqlite(Database):
    """An SQLite file."""

    kind = "sqlite"

    def __init__(self, folder: Path, name: str, ballast: Path | None = None) -> None:
        super().__init__(ballast)
        self._snapshots = folder / "snapshots"
        self._snapshots.mkdir(exist_ok=True)
        self.path = folder / name / "planner.db"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.url = f"sqlite:///{self.path}"

    def revive(self) -> None:
        """Do nothing: there is no server."""

    def discard(self) -> None:
        shutil.rmtree(self.path.parent)

    def put_back(self, snapshot: str) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(self._snapshots / snapshot, self.path)

    def save(self, snapshot: str) -> None:
        target = self._snapshots / snapshot
        target.unlink(missing_ok=True)
        with (
            contextlib.closing(sqlite3.connect(self.path)) as ours,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            ours.backup(copy)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as connection:
            return connection.execute(statement).fetchall()

    def watch(self) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(TRAIL_SQLITE)

    def impatient(self, engine: Engine, milliseconds: int) -> None:
        event.listen(engine, "connect", lambda raw, _record: raw.execute(f"PRAGMA busy_timeout = {milliseconds}"))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with contextlib.closing(sqlite3.connect(self.path, timeout=5, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        # Root may write whatever the mode says: a worker reads this mark when it begins a transaction.
        mark = self.path.parent / "read-only"
        mark.touch()
        try:
            yield
        finally:
            mark.unlink()

    def obey_marks(self, engine: Engine) -> None:
        """Let `read_only` hold for the transactions of `engine`."""
        mark = self.path.parent / "read-only"

        def begin(connection: Any) -> None:
            connection.exec_driver_sql(f"PRAGMA query_only = {int(mark.exists())}")

        # Before the program's own BEGIN IMMEDIATE, which a connection that may only read refuses.
        event.listen(engine, "begin", begin, insert=True)


class Postgres(Database):
    """A database of a PostgreSQL server."""

    kind = "postgresql"

    def __init__(self, server: PostgresServer, name: str, ballast: Path | None = None) -> None:
        super().__init__(ballast)
        self.server = server
        self.name = name
        self.url = server.url(name)

    def _run(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(
            f"host={self.server.socket_folder} user=planner dbname={database}", autocommit=True
        ) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def create(self) -> None:
        """Make the database, empty."""
        self._run(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)", f"CREATE DATABASE {self.name}")

    def put_back(self, snapshot: str) -> None:
        self._run(
            f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)",
            f"CREATE DATABASE {self.name} TEMPLATE snapshot_{snapshot} STRATEGY wal_log",
            # A sequence notes its numbers 32 ahead. Copied in this way it believes that the copy's log has that note
            # already, and after a crash it gives the same numbers again; after a checkpoint it notes anew.
            "CHECKPOINT",
        )

    def save(self, snapshot: str) -> None:
        self._run(
            f"DROP DATABASE IF EXISTS snapshot_{snapshot}",
            f"CREATE DATABASE snapshot_{snapshot} TEMPLATE {self.name} STRATEGY wal_log",
        )

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        return self._run(statement, database=self.name)

    def watch(self) -> None:
        self._run(TRAIL_POSTGRES, database=self.name)

    def impatient(self, engine: Engine, milliseconds: int) -> None:
        event.listen(engine, "connect", lambda raw, _record: _set(raw, f"SET lock_timeout = {milliseconds}"))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with psycopg.connect(f"host={self.server.socket_folder} user=planner dbname={self.name}") as connection:
            connection.execute("SET lock_timeout = '5s'")
            connection.execute("LOCK TABLE mail, notice, tick IN EXCLUSIVE MODE")
            yield
            connection.rollback()

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        self._run(f"ALTER DATABASE {self.name} SET default_transaction_read_only = on")
        self.cut()  # it holds for new connections
        try:
            yield
        finally:
            self._run(f"ALTER DATABASE {self.name} RESET default_transaction_read_only")
            self.cut()

    def cut(self) -> int:
        """End every connection to the database; return how many there were."""
        return len(
            self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'")  # noqa: S608
        )

    def restart(self) -> None:
        """Crash the server ("immediate": nothing is written any more) and start it again."""
        self.server.stop(signal.SIGQUIT)
        self.server.start()

    def revive(self) -> None:
        last = time.monotonic() + START_SECONDS
        while time.monotonic() < last:
            if not self.server.is_running():
                self.server.start()
            with contextlib.suppress(psycopg.OperationalError):
                self._run("SELECT 1", database=self.name)
                return
            time.sleep(0.02)
        raise RuntimeError("PostgreSQL does not come back")

    def discard(self) -> None:
        self._run(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


def _set(raw: Any, statement: str) -> None:
    with raw.cursor() as cursor:
        cursor.execute(statement)
    raw.commit()
