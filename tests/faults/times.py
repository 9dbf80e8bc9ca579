"""Clocks that are wrong, rounds that come twice or not at all, and a database of yesterday."""

from __future__ import annotations

from datetime import timedelta

from tests.faults.check import judge
from tests.faults.lane import morning
from tests.faults.province import DAYS
from tests.faults.scene import Scene, kind, tries
from tests.faults.worker import Hit, Work


@kind("clocks apart")
def clocks(scene: Scene, _index: int) -> None:
    """Let one worker's clock be wrong while others' are right."""
    days = scene.days(2)
    expected = scene.expected(days)
    scene.begin(days[0])
    injected, wrong = 0, []
    for day in days:
        for now in tries(day, 4):
            off = scene.chance.choice([timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)])
            wrong_one, others = Work(rounds=(now + off,)), [Work(rounds=(now,))] * (scene.workers - 1)
            if scene.chance.random() < 0.5:
                ended = scene.lane.run(wrong_one, *others)
            else:  # who is ahead has told everything before the others look
                ended = [*scene.lane.run(wrong_one), *scene.lane.run(*others)]
            wrong += scene.complaints(ended)
            injected += 1
            scene.tally.where[str(off)] += 1
        wrong += scene.lane.finish_day(morning(day), patient=True)
    # A worker a day ahead lets tomorrow's rung overtake today's, which is then told tomorrow; and who had tomorrow's
    # digest from it gets what is new tomorrow on the day after.
    wrong += scene.days_after(days[-1], least=4)
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
    """Put back the database as it was before the day's mail went out; the mail server does not forget.

    Nothing more may leave until a person has said so; then everything is told, what was told before a second time.
    """
    (day,) = scene.days(1)
    expected = scene.expected((day,))
    scene.begin(day)
    name, nth = scene.point()
    hit = Hit(point=name, nth=nth, act="kill")
    ended = scene.lane.run(*[Work(rounds=(morning(day),), hits=(hit,))] * scene.workers)
    scene.lane.sink.rest()
    gone = len(scene.lane.sink.accepted())
    scene.lane.database.put_back(f"day{DAYS.index(day)}")
    (asked,) = scene.lane.run(Work(rounds=(morning(day) + timedelta(hours=1),), calm=True))
    scene.lane.sink.rest()
    wrong = scene.complaints([*ended, asked])
    if gone and len(scene.lane.sink.accepted()) > gone:
        wrong.append("the restored database sent mail before anybody had said that it may")
    scene.lane.resume(morning(day) + timedelta(hours=2))
    wrong += scene.lane.finish_day(morning(day))
    scene.tally.take(judge(scene.lane, expected, restored=gone), 1 + sum(one.killed for one in ended), wrong)
