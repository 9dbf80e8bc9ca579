"""How many faults of which kind a run injects, which scenario comes next, and what they came to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.faults.kills import FIRST_SLICES, SLICES


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
    Entry(kind="server crashed", workers=1, share=0.5),
    Entry(kind="server crashed", workers=5, share=0.5),
    Entry(kind="disk full", workers=1, share=0.5),
    Entry(kind="disk full", workers=2, share=0.5),
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
    unplayed: int = 0  #: scenarios that could not be played; each is a failure
    seconds: float = 0.0
    failures: list[tuple[Task, list[str]]] = field(default_factory=list)
    where: Counter[str] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        """Whether the bar is held."""
        return not self.failures and self.injected == self.survived

    def add(self, task: Task, done: Any) -> list[str]:
        """Add a scenario, and return what did not hold."""
        self.scenarios += 1
        self.unplayed += not done["parts"]
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
        return problems


@cache
def small_disks() -> bool:
    """Say whether a file system can be mounted here, which takes root and a kernel that lets it."""
    tried = "import sys; from tests.faults.run import small_disk\nwith small_disk() as disk: sys.exit(disk is None)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    return subprocess.run([sys.executable, "-c", tried], check=False, env=environment).returncode == 0


def entries(kind: str, chosen: Sequence[str] = (), workers: int = 0) -> list[Entry]:
    """Return what a run on a kind of database plays."""
    return [
        entry
        for entry in PLAN
        if ONLY.get(entry.kind, kind) == kind
        and not (entry.kind == "disk full" and kind == "postgresql" and not small_disks())
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
        usual = row.injected / row.scenarios if row.injected else 6
        # What could not be played counts as if it had been: an engine under which none can must not be tried for ever.
        return row.injected + usual * (self._under_way[name] + row.unplayed)

    def take(self, task: Task, done: dict[str, Any]) -> list[str]:
        """Add what a scenario came to, and return what did not hold."""
        name = (task.kind, task.workers)
        self._under_way[name] -= 1 if self._under_way[name] else 0
        return self.rows[name].add(task, done)
