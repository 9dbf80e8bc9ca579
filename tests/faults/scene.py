"""What a scenario has at hand: a lane, its chances, and what the same days bring without any fault.

A scenario is drawn from its seed alone, so the command that is printed beside a failure brings the same one again (the
instants at which several workers meet are the machine's, not the seed's).
"""

from __future__ import annotations

import pickle
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from planner import points
from tests.faults.check import Expected, Verdict, judge, look
from tests.faults.lane import Lane, morning
from tests.faults.province import DAYS, LEASE
from tests.faults.worker import HALF, Ended, Work

#: places of commands, which a round does not pass
ELSEWHERE = frozenset({"change committed"})


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
                (ended,) = self.lane.run(Work(rounds=(morning(day),), calm=True))
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
                risks={key: seen.chains[key] for key, rung in seen.rungs.items() if rung == "at-risk"},
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

    def days_after(self, day: date, *, least: int = 0) -> list[str]:
        """Play the days after, without faults, until no notice waits for a digest; return what went wrong."""
        for later in (1, 2, 3, 4):
            if later > least and not self.lane.open_work()[2]:
                break
            if wrong := self.lane.finish_day(morning(day + timedelta(days=later)), patient=True):
                return wrong
        return []

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


def tries(day: date, count: int) -> Iterator[datetime]:
    """Yield the instants of a day at which something is done to its workers."""
    for n in range(count):
        yield morning(day) + timedelta(minutes=2 * n)
