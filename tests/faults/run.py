"""A run over many scenarios: several lanes at once, each with its own database and mail server.

Nothing is remembered from one scenario to the next but what the days bring without faults.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tests.faults.databases import Database, Postgres, Sqlite
from tests.faults.kinds import KINDS
from tests.faults.lane import Lane, morning
from tests.faults.plan import Task, Wanted
from tests.faults.province import DAYS, found
from tests.faults.report import failure
from tests.faults.scene import Scene
from tests.faults.worker import Work
from tests.postgres import PostgresServer, running_postgres

#: A commit must be on its way to the disk when it is told, or a server that is killed forgets it. No file is synced:
#: nothing here cuts the power.
SERVER = {
    "synchronous_commit": "on",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "min_wal_size": "32MB",
    "max_wal_size": "64MB",
}
_FAST_FOLDER = Path("/dev/shm")  # noqa: S108 - in memory where there is such a place: nothing outlives a run
_NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
_SMALL = 400 << 20  # octets: ten mornings of PostgreSQL and its log


@dataclass(frozen=True, kw_only=True)
class Ground:
    """On what lanes stand."""

    folder: Path
    server: PostgresServer | None  #: None: SQLite
    ballast: Path | None = None  #: the file that fills up a small disk of their own

    def database(self, name: str) -> Database:
        """Return the database of a lane."""
        if self.server is None:
            return Sqlite(self.folder, name, self.ballast)
        return Postgres(self.server, name, self.ballast)


@contextlib.contextmanager
def ground(kind: str, small: Path | None = None) -> Iterator[Ground]:
    """Give a folder, and a server where one is needed; on the `small` disk if there is one."""
    place = _FAST_FOLDER if _FAST_FOLDER.is_dir() and os.access(_FAST_FOLDER, os.W_OK) else None
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="faults-", dir=small or place))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = None
        if kind == "postgresql":
            server = stack.enter_context(running_postgres(small, changed=SERVER))
            if small:  # the files of the lanes themselves are none of the server's
                folder = Path(tempfile.mkdtemp(prefix="faults-", dir=place))
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield Ground(folder=folder, server=server, ballast=small / "ballast" if small else None)


@contextlib.contextmanager
def small_disk() -> Iterator[Path | None]:
    """Mount a small file system that only this process and its children see; None where that is not allowed."""
    with contextlib.ExitStack() as stack:
        yield _mounted(stack) if os.geteuid() == 0 and shutil.which("mount") else None


def _mounted(stack: contextlib.ExitStack) -> Path | None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_MOUNTS) != 0:
        return None
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    stack.callback(folder.rmdir)
    for command in (["--make-rprivate", "/"], ["-t", "tmpfs", "-o", f"size={_SMALL}", "none", str(folder)]):
        if subprocess.run(["mount", *command], check=False, capture_output=True).returncode:
            return None
    stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
    return folder


def prepare(on: Ground, seed: int) -> None:
    """Make the province and its mornings, for all lanes."""
    lane = Lane(on.folder / "first", on.database("first"))
    try:
        if isinstance(lane.database, Postgres):
            lane.database.create()
        found(lane.database, lane.home, seed)
        lane.database.save("warm")
        lane.warm_up(morning(DAYS[0]))
        lane.database.put_back("warm")
        lane.forget()
        for n, day in enumerate(DAYS):
            lane.database.save(f"day{n}")
            (ended,) = lane.run(Work(rounds=(morning(day),), calm=True))
            if ended.crash or ended.refused or lane.finish_day(morning(day)):
                raise RuntimeError(f"{day} cannot be done without faults: {ended}")
    finally:
        lane.close()


@contextlib.contextmanager
def open_lane(on: Ground, name: str) -> Iterator[Lane]:
    """Give a lane that is warm."""
    lane = Lane(on.folder / name, on.database(name))
    try:
        lane.begin("warm")
        lane.warm_up(morning(DAYS[0]))
        yield lane
    finally:
        lane.close()


def play(lane: Lane, task: Task) -> dict[str, Any]:
    """Play one scenario and return what it came to."""
    start = time.monotonic()
    scene = Scene(lane, task.name, task.workers)
    lane.rounds = task.rounds
    problems: list[str] = []
    try:
        KINDS[task.kind](scene, task.index)
    except Exception:  # noqa: BLE001 - a scenario that cannot be played is a failure with a name
        problems.append(traceback.format_exc())
    return {
        "parts": [(injected, verdict) for injected, verdict in scene.tally.parts],
        "where": scene.tally.where,
        "problems": problems,
        "seconds": time.monotonic() - start,
    }


def _lane_process(on: Ground, name: str, pipe: Connection) -> None:
    with open_lane(on, name) as lane:
        _serve(lane, pipe)


def _private_process(kind: str, seed: int, pipe: Connection) -> None:
    """Be a lane with a server and a disk of its own, which may be stopped and filled up."""
    with small_disk() as small, ground(kind, small) as on:
        prepare(on, seed)
        with open_lane(on, "own") as lane:
            _serve(lane, pipe)


def _serve(lane: Lane, pipe: Connection) -> None:
    pipe.send(None)
    with contextlib.suppress(EOFError):  # whoever gave the tasks is gone
        while (task := pipe.recv()) is not None:
            pipe.send(play(lane, task))


# --- the run


def run(kind: str, wanted: Wanted, jobs: int, *, say: Callable[[str], object] = print) -> None:
    """Play scenarios on several lanes until enough are done."""
    with contextlib.ExitStack() as stack:
        on = None
        if wanted.has(private=False):
            on = stack.enter_context(ground(kind))
            prepare(on, wanted.seed)
        lanes: dict[Connection, tuple[Any, bool]] = {}
        for n in range(jobs if on else 0):
            _start(lanes, False, _lane_process, on, f"lane{n}")
        if wanted.has(private=True):
            for _n in range(max(1, jobs // 4)):
                _start(lanes, True, _private_process, kind, wanted.seed)
        busy: dict[Connection, Task | None] = dict.fromkeys(lanes)
        last = time.monotonic()
        while busy:
            for pipe in wait(list(busy)):
                assert isinstance(pipe, Connection)
                done = pipe.recv()
                task = busy.pop(pipe)
                if task is not None and (problems := wanted.take(task, done)):
                    say(failure(kind, task, problems))  # at once: a long run goes on for an hour
                following = wanted.next(private=lanes[pipe][1])
                pipe.send(following)
                if following is not None:
                    busy[pipe] = following
            if time.monotonic() - last > 15:
                last = time.monotonic()
                rows = wanted.rows.values()
                say(f"  {kind}: {sum(r.injected for r in rows)} injected, {sum(r.survived for r in rows)} survived")
        for pipe, (process, _private) in lanes.items():
            process.join()
            pipe.close()
            if process.exitcode:
                raise RuntimeError(f"a lane ended with {process.exitcode}")


def _start(lanes: dict[Connection, tuple[Any, bool]], private: bool, target: Any, *arguments: Any) -> None:
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe()
    process = context.Process(target=target, args=(*arguments, theirs))
    process.start()
    theirs.close()
    lanes[mine] = (process, private)
