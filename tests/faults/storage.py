"""A database that is locked, cut off, crashed, read-only or without room."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta

from planner import points
from tests.faults.check import judge
from tests.faults.databases import Postgres
from tests.faults.lane import morning
from tests.faults.scene import ELSEWHERE, Scene, kind, tries
from tests.faults.worker import Hit, Work


@kind("database locked")
def locked(scene: Scene, _index: int) -> None:
    """Keep the database locked for longer than a worker waits."""
    _database(scene, lambda stack: stack.enter_context(scene.lane.database.locked()), impatient=120)


@kind("database read-only")
def read_only(scene: Scene, _index: int) -> None:
    """Let nobody write for a while."""
    _database(scene, lambda stack: stack.enter_context(scene.lane.database.read_only()))


@kind("connections cut")
def cut(scene: Scene, _index: int) -> None:
    """End all connections to the database."""
    database = scene.lane.database
    assert isinstance(database, Postgres), "SQLite has no connections to cut"
    _database(scene, lambda _stack: database.cut())


@kind("server crashed")
def crashed(scene: Scene, _index: int) -> None:
    """End the server as a crash would, and start it again."""
    database = scene.lane.database
    assert isinstance(database, Postgres), "SQLite has no server"
    _database(scene, lambda _stack: database.restart())


@kind("disk full")
def disk_full(scene: Scene, _index: int) -> None:
    """Leave no room on the disk of the database, or hardly any, for a while."""
    database = scene.lane.database
    if database.has_disk:
        most = 64_000 if database.kind == "sqlite" else 400_000
        _database(scene, lambda stack: stack.enter_context(database.disk_full(scene.chance.randrange(most))))
    else:
        assert database.kind == "sqlite", "to fill the disk of a server, be root"
        _limited(scene)


def _limited(scene: Scene) -> None:
    """Let the files of the database not grow: the kernel refuses, as it does when the disk is full."""
    days = scene.days(2)
    expected = scene.expected(days)
    scene.begin(days[0])
    injected, wrong = 0, []
    for day in days:
        for now in tries(day, 4):
            works = [
                Work(rounds=(now, now + timedelta(minutes=1)), room=scene.chance.randrange(120_000))
                for _worker in range(scene.workers)
            ]
            ended = scene.lane.run(*works)
            wrong += scene.complaints(ended, refused=True)
            injected += sum(bool(one.refused) for one in ended)
            scene.wait()
        wrong += scene.lane.finish_day(morning(day))
    scene.tally.take(judge(scene.lane, expected), injected, wrong)


def _database(scene: Scene, harm: Callable[[ExitStack], object], impatient: int = 0) -> None:
    """Do harm at a place where no worker is in a transaction, and undo it a moment later."""
    days = scene.days(4)
    expected = scene.expected(days)
    scene.begin(days[0])
    names = [name for name, what in points.POINTS.items() if "inside" not in what and name not in ELSEWHERE]
    injected, wrong = 0, []

    def on_ask() -> Callable[[], None]:
        stack = ExitStack()
        harm(stack)
        return stack.close

    for day in days:
        for now in tries(day, 6):
            name = scene.chance.choice(names)
            hit = Hit(point=name, nth=1 + int(scene.chance.expovariate(0.5)), act="ask")
            rounds = (now, now + timedelta(minutes=1))
            work = Work(rounds=rounds, hits=(hit,), impatient=impatient)
            others = [Work(rounds=rounds, impatient=impatient)] * (scene.workers - 1)
            ended = scene.lane.run(work, *others, on_ask=on_ask)
            wrong += scene.complaints(ended, refused=True)
            fired = sum(one.asked for one in ended)
            injected += fired
            scene.tally.where[name] += fired
            scene.wait()
            if not any(scene.lane.open_work()) and now > morning(day):
                break
        wrong += scene.lane.finish_day(morning(day))
    scene.tally.take(judge(scene.lane, expected), injected, wrong)
