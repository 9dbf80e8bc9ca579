"""Workers that are killed or frozen, in a round and in a command."""

from __future__ import annotations

from datetime import date

from planner import points
from tests.faults.check import judge
from tests.faults.lane import morning
from tests.faults.province import DAYS, NEW_PLAN, TASKS_FILED
from tests.faults.scene import ELSEWHERE, Scene, kind, tries
from tests.faults.worker import HALF, Hit, Work

# --- kills


def cells(scene: Scene, day: date) -> list[tuple[str, int]]:
    """Return every place that a round of a day passes, each time that it does."""
    scene.begin(day, bounce=True)
    count = Work(rounds=(morning(day),), hits=(Hit(point=HALF, nth=10**9, act="kill"),), calm=True)
    (ended,) = scene.lane.run(count)
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
        for now in tries(day, 6):
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


# --- freezes


@kind("frozen past the lease")
def freeze(scene: Scene, _index: int) -> None:
    """Stop a worker at a place, let others take over what it held, and let it go on.

    Who takes over may die when it has freed what the frozen one held: that one then claims mails that it has still in
    its hands.
    """
    days = scene.days(2)
    expected = scene.expected(days)
    scene.begin(days[0])
    injected, wrong = 0, []
    names = [name for name in points.POINTS if name not in ELSEWHERE] + [HALF]
    late = names[names.index("mails claimed") : names.index("mails delivered")]
    for day in days:
        for now in tries(day, 5):
            name = scene.chance.choice(late if scene.chance.random() < 0.8 else names)
            hit = Hit(point=name, nth=1 + int(scene.chance.expovariate(0.6)), act="stop")
            others = [Work(rounds=(now,)) for _other in range(scene.workers - 1)]
            dies = (Hit(point="mails claimed", nth=1, act="kill"),) if scene.chance.random() < 0.5 else ()
            ended = scene.lane.run(Work(rounds=(now,), hits=(hit,)), *others, meanwhile=Work(rounds=(now,), hits=dies))
            wrong += scene.complaints(ended)
            fired = sum(one.stopped for one in ended)
            injected += fired + sum(one.killed for one in ended)
            scene.tally.where[name] += fired
            scene.wait()
            if not any(scene.lane.open_work()) and now > morning(day):
                break
        wrong += scene.lane.finish_day(morning(day))
    scene.tally.take(judge(scene.lane, expected), injected, wrong)


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
