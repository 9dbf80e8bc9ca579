"""A run over many scenarios: several lanes at once, each with its own database and mail server.

Nothing is remembered from one scenario to the next but what the days bring without faults.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tests.faults.databases import Database, Postgres, Sqlite
from tests.faults.kinds import KINDS, SLICES, Scene
from tests.faults.lane import Lane, Work, morning
from tests.faults.province import DAYS, found
from tests.postgres import PostgresServer, running_postgres

#: A commit must be on its way to the disk when it is told, or a server that is killed forgets it. No file is synced:
#: nothing here cuts the power.
SERVER = {"synchronous_commit": "on", "max_connections": "300", "shared_buffers": "64MB", "max_wal_size": "4GB"}
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
    Entry(kind="clocks apart", workers=2, share=1.5),
    Entry(kind="clocks apart", workers=5, share=1.5),
    Entry(kind="ticks doubled", workers=2, share=2),
    Entry(kind="ticks doubled", workers=5, share=3),
)
#: what only one kind of database can suffer
ONLY = {"connections cut": "postgresql"}


@dataclass(frozen=True, kw_only=True)
class Task:
    """One scenario."""

    kind: str
    workers: int
    index: int
    seed: int

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


@contextlib.contextmanager
def ground(kind: str) -> Iterator[tuple[Path, PostgresServer | None]]:
    """Give a folder, and a server where one is needed."""
    place = _FAST_FOLDER if _FAST_FOLDER.is_dir() and os.access(_FAST_FOLDER, os.W_OK) else None
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="faults-", dir=place))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = stack.enter_context(running_postgres(**SERVER)) if kind == "postgresql" else None
        yield folder, server


def database_of(folder: Path, server: PostgresServer | None, name: str) -> Database:
    """Return the database of a lane."""
    return Sqlite(folder, name) if server is None else Postgres(server, name)


def prepare(folder: Path, server: PostgresServer | None, seed: int) -> None:
    """Make the province and its mornings, for all lanes."""
    lane = Lane(folder / "first", database_of(folder, server, "first"))
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
def open_lane(folder: Path, server: PostgresServer | None, name: str) -> Iterator[Lane]:
    """Give a lane that is warm."""
    lane = Lane(folder / name, database_of(folder, server, name))
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


def _lane_process(folder: Path, server: PostgresServer | None, name: str, pipe: Connection) -> None:
    with open_lane(folder, server, name) as lane:
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

    def __init__(self, plan: Sequence[Entry], injections: int, seed: int) -> None:
        self._seed = seed
        self._single: list[Task] = []
        self.rows = {(one.kind, one.workers): Row(kind=one.kind, workers=one.workers) for one in plan}
        whole = sum(one.share for one in plan)
        self._fixed = [(one, index) for one in plan if not one.share for index in range(one.days * SLICES)]
        # The matrix is done whole, in a small run the first slices of it; the others share what is left.
        self._fixed = self._fixed[: max(1, injections // 40)]
        rest = injections - 22 * len(self._fixed)
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

    def next(self) -> Task | None:
        """Return the next scenario; None: none is needed any more."""
        if self._single:
            return self._single.pop()
        if self._fixed:
            entry, index = self._fixed.pop(0)
            return Task(kind=entry.kind, workers=entry.workers, index=index, seed=self._seed)
        need = {name: self._done(name) / target for name, target in self._targets.items()}
        name = min(need, key=lambda one: need[one], default=None)
        if name is None or need[name] >= 1:
            return None
        index = self._next[name]
        self._next[name] += 1
        self._under_way[name] += 1
        return Task(kind=name[0], workers=name[1], index=index, seed=self._seed)

    def _done(self, name: tuple[str, int]) -> float:
        row = self.rows[name]
        usual = row.injected / row.scenarios if row.scenarios else 6
        return row.injected + usual * self._under_way[name]

    def take(self, task: Task, done: dict[str, Any]) -> None:
        """Add what a scenario came to."""
        name = (task.kind, task.workers)
        self._under_way[name] -= 1 if self._under_way[name] else 0
        self.rows[name].add(task, done)


def run(kind: str, wanted: Wanted, jobs: int, seed: int, *, say: Any = print) -> None:
    """Play scenarios on several lanes until enough are done."""
    context = multiprocessing.get_context("fork")
    with ground(kind) as (folder, server):
        prepare(folder, server, seed)
        lanes: dict[Connection, Any] = {}
        for n in range(jobs):
            mine, theirs = context.Pipe()
            process = context.Process(target=_lane_process, args=(folder, server, f"lane{n}", theirs))
            process.start()
            theirs.close()
            lanes[mine] = process
        busy: dict[Connection, Task | None] = dict.fromkeys(lanes)
        last = time.monotonic()
        while busy:
            for pipe in wait(list(busy)):
                assert isinstance(pipe, Connection)
                done = pipe.recv()
                task = busy.pop(pipe)
                if task is not None:
                    wanted.take(task, done)
                following = wanted.next()
                pipe.send(following)
                if following is not None:
                    busy[pipe] = following
            if time.monotonic() - last > 15:
                last = time.monotonic()
                rows = wanted.rows.values()
                say(f"  {kind}: {sum(r.injected for r in rows)} injected, {sum(r.survived for r in rows)} survived")
        for pipe, process in lanes.items():
            process.join()
            pipe.close()
            if process.exitcode:
                raise RuntimeError(f"a lane ended with {process.exitcode}")
