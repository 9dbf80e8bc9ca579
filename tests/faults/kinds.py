"""The kinds of faults: each is a function that hurts workers on one or two days of the province and has them judged.

A scenario is drawn from its seed alone, so the command that is printed beside a failure brings the same one again (the
instants at which several workers meet are the machine's, not the seed's).
"""

from __future__ import annotations

import pickle
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from planner import points
from tests.faults.check import Expected, Verdict, judge, look
from tests.faults.databases import Postgres
from tests.faults.lane import HALF, Ended, Hit, Lane, Work, morning
from tests.faults.province import DAYS, LEASE, NEW_PLAN, TASKS_FILED

#: places of commands, which a round does not pass
ELSEWHERE = frozenset({"change committed"})
_STEPS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "DOT", "RSET", "QUIT")


@dataclass(kw_only=True)
class Tally:
    """What a scenario brought."""

    parts: list[tuple[int, Verdict]] = field(default_factory=list)  #: each judged by itself: injections, verdict
    where: Counter[str] = field(default_factory=Counter)  #: at which place, or in which step

    def take(self, verdict: Verdict, injected: int, wrong: Sequence[str] = ()) -> None:
        """Add a judged part."""
        verdict.problems += wrong
        self.parts.append((injected, verdict))


class Scene:
    """A lane with its memory of what the days bring without faults."""

    def __init__(self, lane: Lane, seed: str, workers: int) -> None:
        self.lane, self.workers, self.seed = lane, workers, seed
        self.chance = random.Random(seed)  # noqa: S311 - no secret: a scenario that can be repeated
        self.tally = Tally()

    def expected(self, days: Sequence[date], *, bounce: bool = False) -> Expected:
        """Return what these days bring without faults, found out once."""
        name = f"{'-'.join(map(str, days))}{'-bounce' * bounce}.expected"
        kept = self.lane.folder.parent / name  # of all lanes
        if not kept.exists():
            usual, self.lane.rounds = self.lane.rounds, "round"
            self.begin(days[0], bounce=bounce)
            before = frozenset(one[1] for one in look(self.lane).mails.values() if one[0] == "sent")
            for day in days:
                (ended,) = self.lane.run(Work(rounds=(morning(day),)))
                if ended.refused or ended.crash or ended.hung:
                    raise RuntimeError(f"a round without faults fails: {ended}")
                if wrong := self.lane.finish_day(morning(day)):
                    raise RuntimeError(f"a day without faults fails: {wrong}")
            seen = look(self.lane)
            if not any(state == "sent" for state, *_rest in seen.notices.values()):
                raise RuntimeError("nothing is told on these days")
            expected = Expected(
                notices={key: (state, who, nominal) for key, (state, who, nominal, _m) in seen.notices.items()},
                before=before,
            )
            clean = judge(self.lane, expected)
            if not clean.ok or clean.extra:
                raise RuntimeError(f"a day without faults is not clean: {clean}")
            self.lane.rounds = usual
            mine = self.lane.folder / name
            mine.write_bytes(pickle.dumps(expected))
            mine.replace(kept)
        found: Expected = pickle.loads(kept.read_bytes())  # noqa: S301 - our own file, some minutes old
        return found

    def begin(self, day: date, *, bounce: bool = False) -> None:
        """Go to the morning of a day."""
        self.lane.begin(f"day{DAYS.index(day)}")
        if bounce:
            self.lane.bounce(morning(day))

    def days(self, count: int = 1) -> tuple[date, ...]:
        """Choose days that follow each other; before the first of them mail has been sent."""
        first = self.chance.randrange(1, len(DAYS) - count + 1)
        return DAYS[first : first + count]

    def point(self) -> tuple[str, int]:
        """Choose a place of a round and when to strike there."""
        names = [name for name in points.POINTS if name not in ELSEWHERE] + [HALF]
        return self.chance.choice(names), 1 + int(self.chance.expovariate(0.5))

    def wait(self) -> None:
        """Wait until what the dead held is free, if they held something."""
        if self.lane.open_work()[1]:
            time.sleep(LEASE + 0.02)

    def complaints(self, ended: Sequence[Ended], *, refused: bool = False) -> list[str]:
        """Return what no worker may do: crash, hang, or refuse work where nothing is wrong with the database.

        PostgreSQL may break a deadlock of two workers by refusing one of them: its next round makes it good, as the
        judge will see. It is counted.
        """
        wrong = []
        for one in ended:
            deadlocks = [what for what in one.refused if "deadlock detected" in what]
            if deadlocks:
                self.tally.where["(a round refused: deadlock)"] += len(deadlocks)
            rest = [] if refused else [what for what in one.refused if what not in deadlocks]
            wrong += [what for what in (one.crash, "hung" * one.hung, *rest) if what]
        return wrong


Kind = Callable[[Scene, int], None]
KINDS: dict[str, Kind] = {}


def kind(name: str) -> Callable[[Kind], Kind]:
    """Enter a kind of fault into the list."""

    def enter(function: Kind) -> Kind:
        KINDS[name] = function
        return function

    return enter


# --- kills


def cells(scene: Scene, day: date) -> list[tuple[str, int]]:
    """Return every place that a round of a day passes, each time that it does."""
    scene.begin(day, bounce=True)
    (ended,) = scene.lane.run(Work(rounds=(morning(day),), hits=(Hit(point=HALF, nth=10**9, act="kill"),)))
    return [(name, nth) for name, count in sorted(ended.reached.items()) for nth in range(1, count + 1)]


@kind("killed at each point")
def matrix(scene: Scene, index: int) -> None:
    """Kill one worker at one cell of the matrix after the other; `index` says which slice of it.

    Slices below 0 hold the first time at each place, the others the whole matrix of one day after the other.
    """
    day = DAYS[1 + max(0, index) // SLICES % (len(DAYS) - 1)]
    expected = scene.expected((day,), bounce=True)
    chosen = cells(scene, day)
    if index < 0:
        chosen = [cell for cell in chosen if cell[1] == 1][-index - 1 :: FIRST_SLICES]
    else:
        chosen = chosen[index % SLICES :: SLICES]
    for name, nth in chosen:
        scene.begin(day, bounce=True)
        ended = scene.lane.run(Work(rounds=(morning(day),), hits=(Hit(point=name, nth=nth, act="kill"),)))
        wrong = scene.complaints(ended)
        if not ended[0].killed and nth == 1:
            wrong.append(f"{name} was not reached")
        wrong += scene.lane.finish_day(morning(day))
        # On a slow machine a lease runs out now and then, and one round comes by a place once more than another.
        scene.tally.where[name] += ended[0].killed
        injected = int(ended[0].killed)
        scene.tally.take(judge(scene.lane, expected), injected, [f"{name} ({nth}): {what}" for what in wrong])


SLICES = 12  #: scenarios in which the matrix of one day is done
FIRST_SLICES = 4


@kind("killed at random")
def soak(scene: Scene, _index: int) -> None:
    """Kill some workers again and again over two days."""
    days = scene.days(2)
    expected = scene.expected(days)
    scene.begin(days[0])
    injected, wrong = 0, []
    for day in days:
        for now in _tries(day, 6):
            works = []
            for _worker in range(scene.workers):
                name, nth = scene.point()
                works.append(Work(rounds=(now,), hits=(Hit(point=name, nth=nth, act="kill"),)))
            ended = scene.lane.run(*works)
            wrong += scene.complaints(ended)
            injected += sum(one.killed for one in ended)
            for one, work in zip(ended, works, strict=True):
                scene.tally.where[work.hits[0].point] += one.killed
            scene.wait()
            if not any(scene.lane.open_work()) and now > morning(day):
                break
        wrong += scene.lane.finish_day(morning(day))
    scene.tally.take(judge(scene.lane, expected), injected, wrong)


def _tries(day: date, count: int) -> Iterator[datetime]:
    for n in range(count):
        yield morning(day) + timedelta(minutes=2 * n)


# --- freezes


@kind("frozen past the lease")
def freeze(scene: Scene, _index: int) -> None:
    """Stop a worker at a place, let others take over what it held, and let it go on."""
    days = scene.days(2)
    expected = scene.expected(days)
    scene.begin(days[0])
    injected, wrong = 0, []
    names = [name for name in points.POINTS if name not in ELSEWHERE] + [HALF]
    late = names[names.index("mails claimed") : names.index("mails delivered")]
    for day in days:
        for now in _tries(day, 5):
            name = scene.chance.choice(late if scene.chance.random() < 0.8 else names)
            hit = Hit(point=name, nth=1 + int(scene.chance.expovariate(0.6)), act="stop")
            others = [Work(rounds=(now,)) for _other in range(scene.workers - 1)]
            ended = scene.lane.run(Work(rounds=(now,), hits=(hit,)), *others, meanwhile=Work(rounds=(now,)))
            wrong += scene.complaints(ended)
            fired = sum(one.stopped for one in ended)
            injected += fired
            scene.tally.where[name] += fired
            scene.wait()
            if not any(scene.lane.open_work()) and now > morning(day):
                break
        wrong += scene.lane.finish_day(morning(day))
    scene.tally.take(judge(scene.lane, expected), injected, wrong)


# --- the mail server


_PASSING = {
    "CONNECT": ("drop", "hang", "421 4.3.2 too busy", "554 5.7.1 not you", "garbage", "long", "drip"),
    "EHLO": ("drop", "hang", "421 4.3.2 too busy", "502 5.5.1 what", "garbage", "long", "drip"),
    "STARTTLS": ("drop", "hang", "454 4.7.0 not now", "garbage", "220 and then cut"),
    "MAIL": (
        "drop",
        "hang",
        "421 4.3.2 bye",
        "450 4.2.0 later",
        "451 4.3.0 later",
        "452 4.3.1 full",
        "garbage",
        "drip",
    ),
    "RCPT": ("drop", "hang", "421 4.3.2 bye", "450 4.2.0 grey", "451 4.7.1 grey", "452 4.2.2 full", "garbage", "drip"),
    "DATA": (
        "drop",
        "hang",
        "421 4.3.2 bye",
        "450 4.2.0 later",
        "451 4.3.0 later",
        "452 4.3.1 full",
        "garbage",
        "drip",
    ),
    "BODY": ("drop", "hang"),
    "DOT": ("drop", "hang", "421 4.3.2 bye", "450 4.2.0 later", "451 4.3.0 later", "452 4.3.1 full", "garbage"),
    "RSET": ("drop", "hang", "421 4.3.2 bye", "garbage"),
    "QUIT": ("drop", "hang", "garbage"),
}
_LASTING = {
    "RCPT": ("550 5.1.1 no mailbox", "553 5.1.3 no such name", "550 5.2.1 closed"),
    "DATA": ("554 5.6.0 no such mail here",),
    "DOT": ("554 5.6.0 content refused", "550 5.1.1 no mailbox after all", "552 5.3.4 too large"),
}
_TAKEN = ("taken, drop", "taken, hang", "taken, garbage", "taken, long", "taken, drip")


@kind("mail server fails at a step")
def smtp(scene: Scene, _index: int) -> None:
    """Let the server refuse, hang up, dawdle and talk nonsense at every step, in a passing way."""
    _server(scene, lambda: _script(scene, _PASSING))


@kind("mail server refuses for good")
def refusals(scene: Scene, _index: int) -> None:
    """Let the server refuse addresses and mails for good: someone else is told, or the mail is dead and said to be."""
    _server(scene, lambda: _script(scene, _LASTING), mode="refused")


@kind("mail taken, answer lost")
def taken(scene: Scene, _index: int) -> None:
    """Let the server take mails without our hearing of it."""
    _server(scene, lambda: [_act(scene, "DOT", scene.chance.choice(_TAKEN)) for _act_ in range(3)])


def _script(scene: Scene, acts: dict[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    steps = [scene.chance.choice(list(acts)) for _act_ in range(scene.chance.randint(2, 7))]
    return [_act(scene, step, scene.chance.choice(acts[step])) for step in steps]


def _act(scene: Scene, step: str, do: str) -> dict[str, Any]:
    often = step in ("CONNECT", "EHLO", "STARTTLS", "QUIT")
    nth = scene.chance.randint(1, 3) if often else scene.chance.randint(1, 9)
    return {"step": step, "do": do, "nth": nth, "times": scene.chance.choice((1, 1, 1, 2))}


def _server(scene: Scene, script: Callable[[], list[dict[str, Any]]], mode: str = "strict") -> None:
    days = scene.days(2)
    expected = scene.expected(days)
    scene.begin(days[0])
    injected, wrong = 0, []
    for day in days:
        for now in _tries(day, 7):
            acts = script()
            scene.lane.sink.script(*acts)
            tls = "starttls" if any(act["step"] == "STARTTLS" for act in acts) else "none"
            work = Work(rounds=(now,), quick=any("hang" in act["do"] for act in acts), tls=tls)  # type: ignore[arg-type]
            ended = scene.lane.run(*[work] * scene.workers)
            wrong += scene.complaints(ended)
            fired = scene.lane.sink.script()
            injected += fired
            for act in acts:
                scene.tally.where[f"{act['step']}: {act['do']}"] += 1
            scene.wait()
            if not any(scene.lane.open_work()) and now > morning(day):
                break
        wrong += scene.lane.finish_day(morning(day), patient=mode != "strict")
    if mode != "strict":  # what goes to somebody else may wait for that person's next digest
        for later in (1, 2, 3, 4):
            if scene.lane.open_work()[2] and not wrong:
                wrong += scene.lane.finish_day(morning(days[-1] + timedelta(days=later)), patient=True)
    scene.tally.take(judge(scene.lane, expected, mode=mode), injected, wrong)


# --- the database


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
        for now in _tries(day, 4):
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
    days = scene.days(2)
    expected = scene.expected(days)
    scene.begin(days[0])
    names = [name for name, what in points.POINTS.items() if "inside" not in what and name not in ELSEWHERE]
    injected, wrong = 0, []

    def on_ask() -> Callable[[], None]:
        stack = ExitStack()
        harm(stack)
        return stack.close

    for day in days:
        for now in _tries(day, 6):
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


# --- time


@kind("clocks apart")
def clocks(scene: Scene, _index: int) -> None:
    """Let one worker's clock be wrong while others' are right."""
    days = scene.days(2)
    expected = scene.expected(days)
    scene.begin(days[0])
    injected, wrong = 0, []
    for day in days:
        for now in _tries(day, 4):
            off = scene.chance.choice([timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)])
            ended = scene.lane.run(Work(rounds=(now + off,)), *[Work(rounds=(now,))] * (scene.workers - 1))
            wrong += scene.complaints(ended)
            injected += 1
            scene.tally.where[str(off)] += 1
        wrong += scene.lane.finish_day(morning(day))
    scene.tally.take(judge(scene.lane, expected, mode="skewed"), injected, wrong)


@kind("ticks doubled")
def doubled(scene: Scene, _index: int) -> None:
    """Let rounds of the same instant run at once and again."""
    days = scene.days(2)
    expected = scene.expected(days)
    scene.begin(days[0])
    injected, wrong = 0, []
    for day in days:
        now = morning(day)
        for _again in range(2):
            ended = scene.lane.run(*[Work(rounds=(now, now))] * scene.workers)
            wrong += scene.complaints(ended)
            injected += 2 * scene.workers - 1
        wrong += scene.lane.finish_day(now)
    verdict = judge(scene.lane, expected)
    scene.tally.take(verdict, injected, wrong)


@kind("ticks missing")
def missing(scene: Scene, _index: int) -> None:
    """Let the engine stand still for hours or days, and be killed when it comes back."""
    first = scene.chance.randrange(1, len(DAYS) - 2)
    span = DAYS[first : scene.chance.randrange(first + 2, len(DAYS)) + 1]
    played = (span[0], span[-1])
    whole, expected = scene.expected(span), scene.expected(played)
    scene.begin(span[0])
    injected, wrong = len(span) - 2, []  # one for each day without a round
    for day in played:
        late = timedelta(hours=scene.chance.choice((0, 2)))
        name, nth = scene.point()
        hit = Hit(point=name, nth=nth, act="kill")
        ended = scene.lane.run(*[Work(rounds=(morning(day) + late,), hits=(hit,))] * scene.workers)
        wrong += scene.complaints(ended)
        injected += bool(late) + sum(one.killed for one in ended)
        wrong += scene.lane.finish_day(morning(day))
    verdict = judge(scene.lane, expected)
    # Against the days as they should have been: what was not told then has been overtaken by a higher rung.
    overtaken = judge(scene.lane, whole, mode="skewed")
    verdict.lost += overtaken.lost
    verdict.problems += overtaken.problems
    scene.tally.take(verdict, injected, wrong)


# --- a backup


@kind("yesterday's backup restored")
def restored(scene: Scene, _index: int) -> None:
    """Put back the database as it was before the day's mail went out; the mail server does not forget."""
    (day,) = scene.days(1)
    expected = scene.expected((day,))
    scene.begin(day)
    name, nth = scene.point()
    hit = Hit(point=name, nth=nth, act="kill")
    ended = scene.lane.run(*[Work(rounds=(morning(day),), hits=(hit,))] * scene.workers)
    scene.lane.sink.rest()
    gone = len(scene.lane.sink.accepted())
    scene.lane.database.put_back(f"day{DAYS.index(day)}")
    wrong = scene.complaints(ended) + scene.lane.finish_day(morning(day))
    scene.tally.take(judge(scene.lane, expected, restored=gone), 1 + sum(one.killed for one in ended), wrong)


# --- a command


@kind("killed while filing")
def filing(scene: Scene, _index: int) -> None:
    """Kill who files a plan: it is there whole or not at all, and filing it again makes one of it."""
    (day,) = scene.days(1)
    expected = scene.expected((day,))
    for name in ("events appended", "change committed"):
        scene.begin(day)
        ended = scene.lane.run(
            *[Work(rounds=(morning(day),), hits=(Hit(point=name, nth=1, act="kill"),), job="file")] * scene.workers
        )
        wrong = scene.complaints(ended)
        half = filed(scene)
        if half not in ((0, 0, 0), (1, TASKS_FILED, 1)):
            wrong.append(f"half a plan is there: {half}")
        again = scene.lane.run(Work(rounds=(morning(day),), job="file"))
        wrong += scene.complaints(again)
        wrong += scene.lane.finish_day(morning(day))
        verdict = judge(scene.lane, expected)
        got = filed(scene)
        verdict.lost += got[1] != TASKS_FILED
        verdict.duplicates += got[0] != 1 or got[2] != 1
        scene.tally.where[name] += 1
        scene.tally.take(verdict, sum(one.killed for one in ended), wrong)


def filed(scene: Scene) -> tuple[int, int, int]:
    """Return how many versions of the new plan there are, with how many tasks, by how many events."""
    (row,) = scene.lane.database.ask(
        f"SELECT (SELECT count(*) FROM plan_version WHERE plan = '{NEW_PLAN}'),"  # noqa: S608
        f" (SELECT count(*) FROM task WHERE plan = '{NEW_PLAN}'),"
        f" (SELECT count(*) FROM event WHERE subject = '{NEW_PLAN}')"
    )
    return int(row[0]), int(row[1]), int(row[2])
