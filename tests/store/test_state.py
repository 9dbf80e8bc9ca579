"""The present as the tables hold it and the past as the log tells it are one and the same state."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from planner.domain.agency import Absence, Agency, Succession, Tier
from planner.domain.changes import AgenciesImported, SuccessionsRecorded
from planner.domain.plan import PauseKind, PlannedTask, State
from planner.domain.status import PlanState, TaskState
from planner.errors import DatabaseFailed, InputRejected, Refused
from planner.importer import Loaded, PlanDraft
from planner.service import filing, pauses, registers, tasks
from planner.service.admin import enter_directive
from planner.service.desk import Desk
from planner.service.renumbering import NO_ANSWERS, Answers
from planner.store import events
from planner.store.engine import connect, upgrade
from planner.store.state import Book, as_of, present, rebuild
from tests.factories import (
    AGENCIES,
    NOW,
    fill,
    focal,
    make_assignment,
    make_deadline,
    make_desk,
    make_directive,
    make_plan,
    make_task,
    moved,
)


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)
    fill(desk)
    yield desk
    desk.engine.dispose()


def file(
    desk: Desk, agency: str, planned: list[PlannedTask], number: str = "12/KH", given: Answers = NO_ANSWERS
) -> filing.Filed:
    loaded = Loaded(
        plan=make_plan(agency, planned, number=number),
        draft=PlanDraft(file_name=f"{agency}.xlsx", sha256="a" * 64, format="xlsx"),
        problems=(),
    )
    with desk.writing() as session:
        return filing.store(desk, session, f"{agency}.xlsx", loaded, given)


class Province:
    """Plays a random sequence of everything that can happen, through the service, and keeps what was refused apart."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.chance = desk, random.Random(seed)  # noqa: S311 - the same at every run
        self.done: dict[str, int] = {}

    def step(self, now: datetime) -> None:
        desk = moved(self.desk, now=now, settings=replace(self.desk.settings, auto_accept=self.chance.random() < 0.7))
        action = self.chance.choice(self.ACTIONS)
        try:
            action(self, desk)
        except (Refused, InputRejected):
            return
        self.done[action.__name__] = self.done.get(action.__name__, 0) + 1

    def _task(self, desk: Desk) -> str:
        with desk.reading() as session:
            keys = sorted(present(session, desk.now).tasks)
        return self.chance.choice(keys)

    def _day(self) -> date:
        return date(2020, 5, 1) + timedelta(days=self.chance.randrange(120))

    def file(self, desk: Desk) -> None:
        agency = self.chance.choice(("stttt", "vp-ubnd", "snv"))
        codes = self.chance.sample(["I.1", "I.2", "I.3", "II.1", "II.2", "III.1"], k=self.chance.randint(1, 5))
        titles = self.chance.sample(range(7), k=len(codes))
        planned = [
            make_task(
                code,
                title=f"Nhiệm vụ {titles[n]}",
                deadline=make_deadline(self.chance.choice([None, self._day()])),
                cooperating=tuple(self.chance.sample(["h-tinh-gia", "tx-nghi-son"], k=self.chance.randrange(3))),
                after=tuple(self.chance.sample([*codes[:n], "snv:II.1", "vp-ubnd:I.1"], k=self.chance.randrange(2))),
                duration=self.chance.choice([None, 0, 5]),
                start=self.chance.choice([None, date(2020, 5, 4)]),
                note=self.chance.choice(["", "ghi chú\nhai dòng"]),
            )
            for n, code in enumerate(codes)
        ]
        planned = [
            replace(task, after=tuple(a for a in task.after if a != f"{agency}:{task.code}")) for task in planned
        ]
        given = Answers(all_renumbered=self.chance.random() < 0.6, all_replaced=True)
        filed = file(desk, agency, planned, number=f"{self.chance.randrange(99)}/KH", given=given)
        self.done["renumbered"] = self.done.get("renumbered", 0) + len(filed.renumbered)

    def decide(self, desk: Desk) -> None:
        state = self.chance.choice((PlanState.ACCEPTED, PlanState.RETURNED))
        with desk.reading() as session:
            keys = [k for k in sorted(present(session, desk.now).plans) if "/assigned/" not in k]
        if keys:
            filing.decide(desk, self.chance.choice(keys), state, f"lý do {self.chance.randrange(9)}")

    def start(self, desk: Desk) -> None:
        tasks.start(desk, self._task(desk))

    def progress(self, desk: Desk) -> None:
        tasks.progress(desk, self._task(desk), self.chance.randrange(101), "đang làm")

    def hand_in(self, desk: Desk) -> None:
        on = min(self._day(), desk.today)
        tasks.done(desk, self._task(desk), document=f"{self.chance.randrange(99)}/BC", on=on, file=None)

    def confirm(self, desk: Desk) -> None:
        tasks.confirm(desk, self._task(desk))

    def return_(self, desk: Desk) -> None:
        tasks.return_(desk, self._task(desk), "thiếu chữ ký")

    def extend(self, desk: Desk) -> None:
        with desk.reading() as session:
            now = present(session, desk.now).tasks
        dated = [key for key in sorted(now) if now[key].state.is_open and now[key].last_day]
        to = desk.today + timedelta(days=self.chance.randrange(90))
        tasks.extend(desk, self.chance.choice(dated or sorted(now)), to=to, reason="chờ thiết bị", document="5/CV")

    def acknowledge(self, desk: Desk) -> None:
        until = desk.today + timedelta(days=self.chance.randrange(9))
        pauses.acknowledge(desk, self._task(desk), until=until, reason="chờ ký số")

    def snooze(self, desk: Desk) -> None:
        until = desk.today + timedelta(days=self.chance.randrange(9))
        pauses.snooze(desk, self._task(desk), until=until, reason="chờ hướng dẫn")

    def lift(self, desk: Desk) -> None:
        with desk.reading() as session:
            now = present(session, desk.now).tasks
        held = [key for key, record in sorted(now.items()) if record.promise or record.snooze]
        key = self.chance.choice(held or sorted(now))
        pauses.lift(desk, key, PauseKind.PROMISE if now[key].promise else PauseKind.SNOOZE, reason="thôi")

    def report(self, desk: Desk) -> None:
        agency = self.chance.choice(AGENCIES).code
        value = self.chance.choice([0, 12.5, 98.6, 100])
        on = min(self._day(), desk.today)
        registers.report_target(
            desk, target=self.chance.choice(("2.3", "2.7")), agency=agency, value=value, on=on, directive=None
        )

    def be_away(self, desk: Desk) -> None:
        first = self._day()
        absence = Absence(
            officer=focal("stttt"), first_day=first, last_day=first + timedelta(days=3), reason="nghỉ phép"
        )
        registers.record_absence(desk, absence)

    def correct_registers(self, desk: Desk) -> None:
        agency = replace(self.chance.choice(AGENCIES), name=f"Tên mới {self.chance.randrange(99)}")
        new = Agency(code=f"x-{self.chance.randrange(5)}.a", name="Xã mới", tier=Tier.COMMUNE, parent="tx-nghi-son")
        taken = Succession(
            from_code="h-tinh-gia.x-hai-chau",
            to_code=new.code,
            on=self._day(),
            extent=self.chance.choice(("whole", "partial")),
        )
        with desk.writing() as session:
            desk.record(session, [("agencies", AgenciesImported(agencies=(agency, new)))], reason="x.csv")
            desk.record(session, [("agencies", SuccessionsRecorded(successions=(taken,)))], reason="x.csv")

    def correct_directive(self, desk: Desk) -> None:
        given = [
            make_assignment(f"3.3.{n}", self.chance.choice(("stttt", "snv"))) for n in range(self.chance.randrange(3))
        ]
        directive = make_directive(assignments=tuple(given), number=f"{self.chance.randrange(9)}/TB")
        with desk.writing() as session:
            enter_directive(desk, session, directive, reason="d.yaml")

    ACTIONS: tuple[Callable[[Province, Desk], None], ...] = (
        file, file, file, decide, decide, start, progress, progress, hand_in, hand_in, hand_in, confirm, return_,
        extend, extend, acknowledge, acknowledge, snooze, snooze, lift, lift, report, report, be_away,
        correct_registers, correct_directive,
    )  # fmt: skip


def same(left: State, right: State) -> None:
    """Compare part by part, order included: reports are read from top to bottom."""
    assert left.at == right.at
    for name in ("agencies", "officers", "directives", "plans", "tasks"):
        a, b = getattr(left, name), getattr(right, name)
        assert list(a) == list(b), name
        for key, value in a.items():
            assert value == b[key], (name, key)
    assert left.absences == right.absences
    assert left.successions == right.successions
    assert left.values == right.values


@pytest.mark.parametrize("seed", range(4))
def test_the_present_and_the_replayed_log_are_one_state(desk: Desk, seed: int) -> None:
    province = Province(desk, seed)
    now = NOW
    remembered: list[tuple[datetime, State]] = []
    for n in range(130):
        now += timedelta(hours=province.chance.randrange(1, 48))
        province.step(now)
        if n % 10 == 9:
            with desk.reading() as session:
                remembered.append((now, present(session, now, content=True)))
                same(as_of(session, now), remembered[-1][1])
    assert {"file", "decide", "hand_in", "extend", "report", "acknowledge", "snooze", "lift"} <= set(province.done)
    assert province.done["renumbered"] > 3
    with desk.reading() as session:
        assert events.verify(session).ok
        for then, state in remembered:  # what was known then is known for ever
            same(as_of(session, then), state)


@pytest.mark.parametrize("seed", [7])
def test_an_empty_database_rebuilt_from_the_log_holds_the_same(desk: Desk, empty_database_url: str, seed: int) -> None:
    if empty_database_url == desk.settings.database_url:  # both are files in the same folder
        empty_database_url += ".rebuilt"
    province, now = Province(desk, seed), NOW
    for _n in range(80):
        now += timedelta(hours=9)
        province.step(now)
    upgrade(empty_database_url)
    empty = make_desk(empty_database_url)
    with desk.reading() as session, empty.writing() as fresh:
        count = rebuild(fresh, events.walk(session))
        log = sum(1 for _event in events.walk(session))
    with desk.reading() as session, empty.reading() as rebuilt:
        same(present(rebuilt, now, content=True), present(session, now, content=True))
    empty.engine.dispose()
    assert count == log > 50


def test_before_the_first_event_nothing_was_known(desk: Desk) -> None:
    with desk.reading() as session:
        state = as_of(session, NOW - timedelta(seconds=1))
    assert (state.agencies, state.plans, state.tasks, state.values) == ({}, {}, {}, ())


def test_values_stand_in_the_order_of_their_days_and_not_of_their_text(desk: Desk) -> None:
    later = moved(desk, now=NOW + timedelta(days=300))
    for day in (date(2020, 10, 1), date(2020, 5, 25), date(2020, 9, 3)):
        registers.report_target(later, target="2.3", agency="stttt", value=50, on=day, directive=None)
    with desk.reading() as session:
        for state in (as_of(session, later.now), present(session, later.now)):
            assert [value.on for value in state.values] == [date(2020, 5, 25), date(2020, 9, 3), date(2020, 10, 1)]


def test_a_clock_set_back_does_not_break_the_past(desk: Desk) -> None:
    ahead, behind = moved(desk, now=NOW + timedelta(days=30)), moved(desk, now=NOW + timedelta(days=1))
    file(ahead, "stttt", [make_task("I.1")])
    tasks.start(behind, "stttt:I.1")
    with desk.reading() as session:
        state = as_of(session, behind.now)
    assert {key: task.state for key, task in state.tasks.items() if key.endswith("/stttt:I.1")} == {
        "kl-2020-04-29/stttt:I.1": TaskState.IN_PROGRESS
    }


def test_an_event_of_a_newer_program_is_told_and_not_skipped(desk: Desk) -> None:
    event = events.Event(
        seq=99, at=NOW, actor="x", kind="task.sung", subject="x", reason="", payload="{}", previous_hash="", hash=""
    )
    with pytest.raises(DatabaseFailed, match=r"task\.sung"):
        Book().apply(event)


def test_restricting_the_states_restricts_the_tasks_alone(desk: Desk) -> None:
    file(desk, "stttt", [make_task("I.1"), make_task("I.2")])
    tasks.start(desk, "stttt:I.2")
    with desk.reading() as session:
        state = present(session, NOW, states=("in_progress",))
        whole = present(session, NOW)
    assert list(state.tasks) == ["kl-2020-04-29/stttt:I.2"]
    assert (state.agencies, state.plans) == (whole.agencies, whole.plans)


def test_a_large_plan_costs_no_more_statements_than_a_small_one(desk: Desk) -> None:
    from sqlalchemy import event as sqlalchemy_event

    counts = []
    for agency, size in (("vp-ubnd", 5), ("snv", 60)):
        seen: list[str] = []
        listener = lambda *args, seen=seen: seen.append(args[2])  # noqa: E731
        sqlalchemy_event.listen(desk.engine, "before_cursor_execute", listener)
        file(
            desk,
            agency,
            [make_task(f"I.{n}", cooperating=("stttt",), after=("I.0",) if n else ()) for n in range(size)],
        )
        sqlalchemy_event.remove(desk.engine, "before_cursor_execute", listener)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_connect_makes_no_connection() -> None:
    assert connect("postgresql+psycopg://nobody@nowhere.invalid/none").dialect.name == "postgresql"
