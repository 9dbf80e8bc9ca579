"""Copies the whole database into one file while others work on it, and puts such a file in its place.

SQLite is copied by its own online backup, checked, and only then given its name. For PostgreSQL its own programs do it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import join

from sqlalchemy import URL, make_url

from planner.errors import (
    DatabaseFailed,
    InputRejected,
    NotFound,
    PlannerError,
    Problem,
    Refused,
    WorldFailed,
    words_of,
)
from planner.i18n import gettext as _
from planner.store import engine as database
from planner.store import events, holds
from planner.store.engine import reading, writing

_SIDES = ("-wal", "-shm")  # files that SQLite keeps beside the database


def is_sqlite(url: str) -> bool:
    """Say whether a URL names an SQLite file."""
    return make_url(url).get_backend_name() == "sqlite"


def back_up(url: str, target: Path) -> None:
    """Copy the database into a new file.

    Raises:
        Refused: the file exists.
        DatabaseFailed: there is no database, or the copy is not sound.
        WorldFailed: the file cannot be written, or the program that does it is missing or failed.
    """
    if target.exists():
        raise Refused(_("{path} exists; a backup never overwrites. Give another name.").format(path=target))
    if not is_sqlite(url):
        _dump(url, target)
        return
    path = _file_of(url)
    part = target.with_name(f".{target.name}.part")
    try:
        with _raw(path) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without any beside it
        _require_sound(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise WorldFailed(
            _("{path} cannot be written: {reason}").format(path=target, reason=words_of(error))
        ) from error
    finally:
        _remove(part)


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore found and did."""

    revision: str  #: schema of the backup
    events: int  #: events in its log
    kept: Path | None  #: where the database of before lies now
    on_hold: bool  #: deliveries wait for a person


def restore(url: str, source: Path, *, now: datetime, host: str, dry_run: bool = False) -> Restored:
    """Put a backup in the place of the database; the database of before is kept beside it.

    Everything about the backup is checked before anything is touched.

    Raises:
        NotFound: there is no such file.
        InputRejected: it is no sound backup of ours.
        Refused: a service or another program has the database open, or it is PostgreSQL's, which has its own programs.
        WorldFailed: a file cannot be written.
    """
    if not is_sqlite(url):
        raise Refused(restore_commands(url, source))
    if not source.is_file():
        raise NotFound(_("There is no file {path}.").format(path=source))
    path = Path(make_url(url).database or "")
    part = path.with_name(f".{path.name}.restore")
    try:
        _remove(part)
        try:
            shutil.copyfile(source, part)
        except OSError as error:
            raise WorldFailed(
                _("{path} cannot be written: {reason}").format(path=part, reason=words_of(error))
            ) from error
        revision, count, reached = _inspect(part, source)
        with nullcontext() if dry_run else _alone(path):
            before = _reached(path) if path.exists() else None
            on_hold = not _is_as_far(reached, before)
            if on_hold and not dry_run:
                _hold(part, before, now=now, host=host)
            with closing(sqlite3.connect(part)) as copy:
                copy.execute("PRAGMA journal_mode = DELETE")
            kept = None if dry_run else _exchange(path, part, now)
    finally:
        _remove(part)
    return Restored(revision=revision, events=count, kept=kept, on_hold=on_hold)


def restore_commands(url: str, source: Path) -> str:
    """Return, for people, what to run to restore a PostgreSQL database."""
    options = ["--clean", "--if-exists", "--no-owner", "--single-transaction"]
    command = join(["pg_restore", *options, f"--dbname={_plain(url)}", str(source)])
    lines = [
        "systemctl stop planner",
        command,
        "planner db check",
        "planner scheduler hold --reason '...'",
        "systemctl start planner",
    ]
    text = _("PostgreSQL is restored by its own program. On every host stop the service, then run:")
    return "\n".join([text, *(f"    {line}" for line in lines)])


def _exchange(path: Path, part: Path, now: datetime) -> Path | None:
    """Move the database aside and the backup into its place."""
    kept = None
    try:
        if path.exists():
            kept = path.with_name(f"{path.name}.before-restore-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
            if kept.exists():
                raise Refused(_("{path} exists; a backup never overwrites. Give another name.").format(path=kept))
            path.replace(kept)
            for side in _SIDES:
                with suppress(FileNotFoundError):
                    path.with_name(path.name + side).replace(kept.with_name(kept.name + side))
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise WorldFailed(_("{path} cannot be written: {reason}").format(path=path, reason=words_of(error))) from error
    return kept


def _inspect(part: Path, source: Path) -> tuple[str, int, holds.Reached]:
    """Return the revision of a backup, how many events it holds, and how far it has come.

    Raises:
        InputRejected: it is no sound backup of ours.
    """

    def wrong(message: str) -> InputRejected:
        return InputRejected(
            _("{file} is no backup that can be used; nothing changed.").format(file=source),
            [Problem(place=str(source), code="backup", message=message)],
        )

    url = f"sqlite:///{part}"
    try:
        _require_sound(part)
        opened = database.connect(url)
        try:
            if database.current_revision(opened) is None:
                raise DatabaseFailed(_("It holds no database of this program."))
            database.upgrade(url)  # one of an older program, too: it is a copy
            with reading(opened) as session:
                verdict, reached = events.verify(session), holds.reached(session)
        finally:
            opened.dispose()
    except (PlannerError, sqlite3.Error) as error:
        raise wrong(str(error)) from error
    if not verdict.ok:
        raise wrong(
            _("The chain breaks at event {seq}: it, or the one before it, was changed or removed.").format(
                seq=verdict.first_bad
            )
        )
    return database.newest_revision(url), verdict.events, reached


def _reached(path: Path) -> holds.Reached | None:
    """Return how far a database had come; None: it cannot be read."""
    opened = database.connect(f"sqlite:///{path}")
    try:
        with reading(opened) as session:
            return holds.reached(session)
    except (PlannerError, sqlite3.Error):
        return None
    finally:
        opened.dispose()


def _is_as_far(backup: holds.Reached, before: holds.Reached | None) -> bool:
    """Say whether nothing can have been sent that the backup does not know."""
    return before is not None and (before.identity, before.tick, before.mail) == (
        backup.identity,
        backup.tick,
        backup.mail,
    )


def _hold(part: Path, before: holds.Reached | None, *, now: datetime, host: str) -> None:
    at = before.at if before is not None and before.at is not None else now
    mark = {"at": at.isoformat()}
    if before is not None:
        mark |= {"tick": str(before.tick), "mail": str(before.mail), "event": str(before.event)}
    opened = database.connect(f"sqlite:///{part}")
    try:
        with writing(opened) as session:
            holds.lay(session, mark, host=host, at=now)
    finally:
        opened.dispose()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """See that nobody has a database open: only then does SQLite leave its write-ahead log."""
    if not path.exists():
        yield
        return
    with closing(sqlite3.connect(path, timeout=1)) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise Refused(
                    _("Another program has {path} open; stop the service and every command first.").format(path=path)
                ) from error
        except sqlite3.DatabaseError:
            pass  # broken: that is why it is restored
    yield


def _require_sound(path: Path) -> None:
    with _raw(path) as connection:
        found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
    if found != ["ok"]:
        raise DatabaseFailed(_("The file is damaged: {reason}").format(reason="; ".join(found)))


@contextmanager
def _raw(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        yield connection


def _file_of(url: str) -> Path:
    path = Path(make_url(url).database or "")
    if not path.is_file():
        raise DatabaseFailed(_("There is no database at {path}. Make one with: planner init").format(path=path))
    return path


def _remove(part: Path) -> None:
    for name in (part.name, *(part.name + side for side in _SIDES), f"{part.name}-journal"):
        part.with_name(name).unlink(missing_ok=True)


def _plain(url: str) -> str:
    """Return a URL as PostgreSQL's programs take it, without the password."""
    given = make_url(url)
    # Made anew: SQLAlchemy takes "no password" in a change for "the same password".
    plain = URL.create("postgresql", given.username, None, given.host, given.port, given.database, given.query)
    return plain.render_as_string(hide_password=False)


def _dump(url: str, target: Path) -> None:
    command = ["pg_dump", "--format=custom", "--no-owner", f"--file={target}", f"--dbname={_plain(url)}"]
    if shutil.which(command[0]) is None:
        raise WorldFailed(
            _("pg_dump is not installed here. On a machine that has it, run: {command}").format(command=join(command))
        )
    password = make_url(url).password
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    done = subprocess.run(command, check=False, capture_output=True, env=environment)  # noqa: S603 - no shell
    if done.returncode:
        target.unlink(missing_ok=True)
        reason = done.stderr.decode(errors="replace").strip()
        raise WorldFailed(
            _("pg_dump failed: {reason} The command was: {command}").format(reason=reason, command=join(command))
        )
