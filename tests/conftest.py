"""Fixtures shared by all rooms: a database of each kind, a mail server, and no skipped test under CI."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    import asyncio

    from aiosmtpd.smtp import SMTP, Envelope, Session
    from sqlalchemy import Engine

    from tests.postgres import PostgresServer

DATABASES = ("sqlite", "postgresql")


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure under CI: a part that did not run must not pass in silence."""
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"Skipped under CI, where nothing may be skipped. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Look at every report of a test."""
    report = yield
    _refuse_skip(report)  # type: ignore[arg-type]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """Look at every report of collecting a file."""
    report = yield
    _refuse_skip(report)  # type: ignore[arg-type]
    return report


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no PLANNER_* variable of the developer's own shell change what a test sees."""
    for name in [name for name in os.environ if name.startswith("PLANNER_")]:
        monkeypatch.delenv(name)


# --- databases ---


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one SQLite file for the session; the tests get copies."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start one PostgreSQL server for the session (one in each worker of a parallel run)."""
    from tests.postgres import running_postgres

    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def _migrated_postgres(postgres_server: PostgresServer) -> str:
    """Migrate one PostgreSQL database for the session; the tests get copies."""
    name = postgres_server.create_database()
    _migrate(postgres_server.url(name))
    return name


def _migrate(url: str) -> None:
    from planner.store.engine import upgrade

    upgrade(url)


@pytest.fixture(params=DATABASES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database without any table; the test runs once on each kind of database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'planner.db'}"
    else:
        yield from _postgres_database(request.getfixturevalue("postgres_server"), None)


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a migrated database without data; the test runs once on each kind of database."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def sqlite_url(_migrated_sqlite: Path, tmp_path: Path) -> str:
    """Give the URL of a migrated SQLite file without data."""
    path = tmp_path / "planner.db"
    shutil.copyfile(_migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, _migrated_postgres: str) -> Iterator[str]:
    """Give the URL of a migrated PostgreSQL database without data."""
    yield from _postgres_database(postgres_server, _migrated_postgres)


def _postgres_database(server: PostgresServer, template: str | None) -> Iterator[str]:
    name = server.create_database(template)
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Give an engine on a migrated database without data; the test runs once on each kind of database."""
    from planner.store.engine import connect

    engine = connect(database_url)
    yield engine
    engine.dispose()


# --- mail ---


@dataclass
class SmtpSink:
    """A real SMTP server that keeps what it is given."""

    host: str
    port: int
    messages: list[tuple[str, list[str], bytes]] = field(default_factory=list)  #: sender, recipients, bytes

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep one message."""
        assert isinstance(envelope.content, bytes)
        self.messages.append((envelope.mail_from or "", list(envelope.rcpt_tos), envelope.content))
        return "250 OK"


class _BoundController(Controller):
    """Listens on a socket that is bound already, so that no other process can take the port in between."""

    def __init__(self, handler: SmtpSink, listening: socket.socket) -> None:
        super().__init__(handler, hostname=handler.host, port=handler.port)
        self._listening = listening

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        loop: Any = self.loop
        made: Awaitable[asyncio.AbstractServer] = loop.create_server(self._factory_invoker, sock=self._listening)
        return made


@pytest.fixture
def smtp_sink() -> Iterator[SmtpSink]:
    """Run a mail server on a free port of this machine; `.messages` holds what it took."""
    listening = socket.create_server(("127.0.0.1", 0))
    sink = SmtpSink(host="127.0.0.1", port=listening.getsockname()[1])
    controller = _BoundController(sink, listening)
    controller.start()
    yield sink
    controller.stop()
