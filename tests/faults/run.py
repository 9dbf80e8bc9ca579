"""A run over many scenarios: several lanes at once, each with its own database and mail server.

Nothing is remembered from one scenario to the next but what the days bring without faults.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tests.faults.databases import Database, Postgres, Sqlite
from tests.faults.kinds import FIRST_SLICES, KINDS, SLICES, Scene
from tests.faults.lane import Lane, Work, morning
from tests.faults.province import DAYS, found
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


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A kind of fault with a number of workers, and how much of the run it has."""

    kind: str
    workers: int
    share: float  #: of the injections; 0: all slices of the matrix for so many `days`
    days: int = 0


#: The whole run. Shares need not add up to one.
PLAN: tuple[Entry, ...] = (
    Entry(kind="killed at each point", workers=1, share=0, days=3),
    Entry(kind="killed at random", workers=1, share=8),
    Entry(kind="killed at random", workers=2, share=12),
    Entry(kind="killed at random", workers=5, share=14),
    Entry(kind="frozen past the lease", workers=1, share=3),
    Entry(kind="frozen past the lease", workers=2, share=3),
    Entry(kind="frozen past the lease", workers=5, share=2),
    Entry(kind="mail server fails at a step", workers=1, share=12),
    Entry(kind="mail server fails at a step", workers=2, share=8),
    Entry(kind="mail server fails at a step", workers=5, share=6),
    Entry(kind="mail server refuses for good", workers=1, share=3),
    Entry(kind="mail server refuses for good", workers=5, share=3),
    Entry(kind="mail taken, answer lost", workers=1, share=5),
    Entry(kind="mail taken, answer lost", workers=5, share=5),
    Entry(kind="database locked", workers=1, share=1.5),
    Entry(kind="database locked", workers=2, share=1.5),
    Entry(kind="database read-only", workers=1, share=1),
    Entry(kind="database read-only", workers=2, share=1),
    Entry(kind="connections cut", workers=1, share=2),
    Entry(kind="connections cut", workers=5, share=2),
    Entry(kind="server crashed", workers=1, share=0.8),
    Entry(kind="server crashed", workers=5, share=0.8),
    Entry(kind="disk full", workers=1, share=0.8),
    Entry(kind="disk full", workers=2, share=0.8),
    Entry(kind="clocks apart", workers=2, share=1.5),
    Entry(kind="clocks apart", workers=5, share=1.5),
    Entry(kind="ticks doubled", workers=2, share=2),
    Entry(kind="ticks doubled", workers=5, share=3),
    Entry(kind="ticks missing", workers=1, share=1.5),
    Entry(kind="ticks missing", workers=2, share=1.5),
    Entry(kind="yesterday's backup restored", workers=1, share=1),
    Entry(kind="yesterday's backup restored", workers=2, share=1),
    Entry(kind="killed while filing", workers=1, share=0.5),
    Entry(kind="killed while filing", workers=2, share=0.5),
)
#: what only one kind of database can suffer
ONLY = {"connections cut": "postgresql", "server crashed": "postgresql"}
#: what needs a server and a disk that no other lane uses
PRIVATE = frozenset({"server crashed", "disk full"})
_WHOLE = 2000  # injections from which a run does the whole matrix
_NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
_SMALL = 400 << 20  # octets: ten mornings of PostgreSQL and its log


@dataclass(frozen=True, kw_only=True)
class Task:
    """One scenario."""

    kind: str
    workers: int
    index: int
    seed: int
    rounds: str = "round"  #: how rounds are done

    @property
    def name(self) -> str:
        """Return from what its chances are drawn."""
        return f"{self.seed}:{self.kind}:{self.workers}:{self.index}"

    def command(self, database: str) -> str:
        """Return what repeats it alone."""
        return (
            f'python -m tests.faults --database {database} --seed {self.seed} --kind "{self.kind}"'
            f" --workers {self.workers} --only {self.index}"
        )


@dataclass(kw_only=True)
class Row:
    """What all scenarios of an entry came to."""

    kind: str
    workers: int
    injected: int = 0
    survived: int = 0
    lost: int = 0
    duplicates: int = 0
    extra: int = 0
    explained: int = 0
    scenarios: int = 0
    seconds: float = 0.0
    failures: list[tuple[Task, list[str]]] = field(default_factory=list)
    where: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        """Whether the bar is held."""
        return not self.failures and self.injected == self.survived

    def add(self, task: Task, done: Any) -> None:
        """Add a scenario."""
        self.scenarios += 1
        self.seconds += done["seconds"]
        self.where += done["where"]
        problems: list[str] = list(done["problems"])
        for injected, verdict in done["parts"]:
            self.injected += injected
            self.lost += verdict.lost
            self.duplicates += verdict.duplicates
            self.extra += verdict.extra
            self.explained += verdict.explained
            if verdict.ok:
                self.survived += injected
            else:
                problems += verdict.problems or ["a number that must be 0 is not"]
        if problems:
            self.failures.append((task, problems))


# --- lanes


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
            server = stack.enter_context(running_postgres(small, **SERVER))
            if small:  # the files of the lanes themselves are none of the server's
                folder = Path(tempfile.mkdtemp(prefix="faults-", dir=place))
                stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield Ground(folder=folder, server=server, ballast=small / "ballast" if small else None)


def small_disk() -> Path | None:
    """Mount a small file system that only this process and its children see; None where that is not allowed."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_MOUNTS) != 0:
        return None
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    try:
        for command in (["--make-rprivate", "/"], ["-t", "tmpfs", "-o", f"size={_SMALL}", "none", str(folder)]):
            if subprocess.run(["mount", *command], check=False, capture_output=True).returncode:
                return None
    finally:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
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
        for n, day in enumerate(DAYS):
            lane.database.save(f"day{n}")
            (ended,) = lane.run(Work(rounds=(morning(day),)))
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
    with ground(kind, small_disk()) as on:
        prepare(on, seed)
        with open_lane(on, "own") as lane:
            _serve(lane, pipe)


def _serve(lane: Lane, pipe: Connection) -> None:
    pipe.send(None)
    while (task := pipe.recv()) is not None:
        pipe.send(play(lane, task))


# --- the run


def entries(kind: str, chosen: Sequence[str] = (), workers: int = 0) -> list[Entry]:
    """Return what a run on a kind of database plays."""
    return [
        entry
        for entry in PLAN
        if ONLY.get(entry.kind, kind) == kind
        and (not chosen or entry.kind in chosen)
        and (not workers or entry.workers == workers)
    ]


class Wanted:
    """Which scenario comes next, until each entry has its share."""

    def __init__(self, plan: Sequence[Entry], injections: int, seed: int, rounds: str = "round") -> None:
        self._rounds = rounds
        self.seed = seed
        self._single: list[Task] = []
        self.rows = {(one.kind, one.workers): Row(kind=one.kind, workers=one.workers) for one in plan}
        whole = sum(one.share for one in plan)
        # The matrix is done whole, in a small run each place once; the others share what is left.
        self._fixed = [
            (one, index)
            for one in plan
            if not one.share
            for index in range(-FIRST_SLICES, one.days * SLICES if injections >= _WHOLE else 0)
        ]
        rest = injections - 10 * min(len(self._fixed), FIRST_SLICES)
        self._targets = {
            (one.kind, one.workers): max(1.0, rest * one.share / whole) for one in plan if one.share and whole
        }
        self._next: Counter[tuple[str, int]] = Counter()
        self._under_way: Counter[tuple[str, int]] = Counter()

    def one(self, task: Task) -> None:
        """Want a single scenario and nothing else."""
        self._fixed, self._targets = [], {}
        self.rows = {(task.kind, task.workers): Row(kind=task.kind, workers=task.workers)}
        self._single = [task]

    def has(self, *, private: bool) -> bool:
        """Say whether anything is wanted that needs a server and a disk of its own, or that does not."""
        return any((name in PRIVATE) == private for name, _workers in self.rows)

    def next(self, *, private: bool) -> Task | None:
        """Return the next scenario for a lane; None: none is needed any more."""
        if self._single:
            return self._single.pop()
        if self._fixed and not private:
            entry, index = self._fixed.pop(0)
            return Task(kind=entry.kind, workers=entry.workers, index=index, seed=self.seed, rounds=self._rounds)
        need = {
            name: self._done(name) / target for name, target in self._targets.items() if (name[0] in PRIVATE) == private
        }
        name = min(need, key=lambda one: need[one], default=None)
        if name is None or need[name] >= 1:
            return None
        index = self._next[name]
        self._next[name] += 1
        self._under_way[name] += 1
        return Task(kind=name[0], workers=name[1], index=index, seed=self.seed, rounds=self._rounds)

    def _done(self, name: tuple[str, int]) -> float:
        row = self.rows[name]
        usual = row.injected / row.scenarios if row.scenarios else 6
        return row.injected + usual * self._under_way[name]

    def take(self, task: Task, done: dict[str, Any]) -> None:
        """Add what a scenario came to."""
        name = (task.kind, task.workers)
        self._under_way[name] -= 1 if self._under_way[name] else 0
        self.rows[name].add(task, done)


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
                if task is not None:
                    wanted.take(task, done)
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
