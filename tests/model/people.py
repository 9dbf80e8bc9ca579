"""What people do in the model's province: they file plans, work, hand in, judge, extend, and stay away.

Each deed is done on the real engine and entered among the oracle's facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from planner.domain.agency import Absence
from planner.domain.changes import TaskMoved
from planner.domain.plan import Goal, PauseKind, Plan, PlannedTask
from planner.domain.status import TaskState
from planner.errors import InputRejected, Refused
from planner.service import filing, pauses, registers, tasks
from planner.store.state import Book
from tests.factories import file_of, make_deadline
from tests.model.facts import Facts, Task, reach
from tests.model.oracle import Oracle
from tests.model.world import DIRECTIVE, SHIPPED, WORKING, Places, World, address

picks = st.integers(0, 99)
dues = st.lists(st.integers(-4, 16), min_size=1, max_size=3)  # days from today to the last day
#: how long a task lasts, in working days, and days from today to its start, as far as its plan says so
works_of_plans = st.lists(st.tuples(st.none() | st.integers(1, 9), st.none() | st.integers(-3, 9)), max_size=3)

OPEN = ("assigned", "in_progress", "returned")


class People(RuleBasedStateMachine):
    """Who does what; the days go on elsewhere."""

    places: Places
    world: World
    facts: Facts
    oracle: Oracle
    day: date  #: today
    plans: dict[str, list[PlannedTask]]  #: as last filed, by agency
    left_out: dict[str, PlannedTask]  #: a task that its agency's plan has no more

    @rule(
        agency=st.sampled_from(WORKING),
        due=dues,
        who=st.sampled_from(("member", "head", "unknown")),
        after=picks,
        joined=st.booleans(),
        work=works_of_plans,
    )
    def a_plan_is_filed(
        self,
        agency: str,
        due: list[int],
        who: str,
        after: int,
        *,
        joined: bool,
        work: Sequence[tuple[int | None, int | None]] = (),
    ) -> None:
        old = self.plans.get(agency, [])
        if len(old) > 4 or agency in self.left_out:
            return
        named = {
            "member": address("member", agency),
            "head": address("head", agency),
            "unknown": "Nguyễn Văn Tí",  # a name as filed, no mailbox known
        }[who]
        known = sorted(
            key for key, task in self.facts.tasks.items() if task.state != "withdrawn" and task.agency != agency
        )
        new = []
        for n, days in enumerate(due):
            code = f"I.{len(old) + n + 1}"
            waits = (known[after % len(known)].split("/", 1)[1],) if joined and known else ()
            last_day = self.day + timedelta(days=days)
            length, start = work[n % len(work)] if work else (None, None)
            new.append(
                PlannedTask(
                    code=code,
                    title=f"Nhiệm vụ {agency} số {len(old) + n + 1}",
                    responsible=named,
                    start=None if start is None else min(self.day + timedelta(days=start), last_day),
                    duration=length,
                    deadline=make_deadline(last_day),
                    after=waits,
                )
            )
        self._file(agency, [*old, *new])

    @precondition(lambda self: self.facts.tasks)
    @rule(pick=picks, days=st.integers(-3, 12))
    def a_deadline_is_filed_anew(self, pick: int, days: int) -> None:
        agency, n = self._planned(pick)
        task = self.plans[agency][n]
        changed = list(self.plans[agency])
        last_day = self.day + timedelta(days=days)
        start = None if task.start is None else min(task.start, last_day)
        changed[n] = replace(task, deadline=make_deadline(last_day), start=start)
        self._file(agency, changed)

    @precondition(lambda self: len(self.facts.tasks) > 1)
    @rule(pick=picks, other=picks)
    def a_task_is_said_to_wait_for_an_older_one(self, pick: int, other: int) -> None:
        keys = [key for key, task in self.facts.tasks.items() if task.state != "withdrawn"]  # oldest first
        if len(keys) < 2:
            return
        later = 1 + pick % (len(keys) - 1)
        key, before = keys[later], keys[other % later]
        agency, code = key.split("/", 1)[1].split(":")
        n = next(n for n, task in enumerate(self.plans[agency]) if task.code == code)
        reference = before.split("/", 1)[1]
        task = self.plans[agency][n]
        if reference in task.after:
            return
        changed = list(self.plans[agency])
        changed[n] = replace(task, after=(*task.after, reference))
        self._file(agency, changed)

    def _planned(self, pick: int) -> tuple[str, int]:
        found = [(agency, n) for agency in sorted(self.plans) for n in range(len(self.plans[agency]))]
        return found[pick % len(found)]

    def _file(self, agency: str, planned: list[PlannedTask]) -> None:
        signed = self.facts.filing_deadline - timedelta(days=8)
        plan = Plan(
            agency=agency,
            directive=DIRECTIVE,
            number="1/KH",
            signed=signed,
            goals=(Goal(code="I", title="Mục tiêu", tasks=tuple(planned)),),
        )
        try:
            filing.file(self.world.desk(), file_of(self.places.home, plan, "plan.yaml"))
        except InputRejected as error:
            raise AssertionError([str(problem) for problem in error.problems]) from error
        self.plans[agency] = planned
        self.facts.owing.discard(agency)
        for task in planned:
            key = f"{DIRECTIVE}/{agency}:{task.code}"
            last_day = task.deadline.last_day
            assert last_day is not None
            after = {f"{DIRECTIVE}/{one}" for one in task.after}
            mine = self.facts.tasks.get(key)
            if mine is None:
                self.facts.tasks[key] = Task(
                    key, agency, task.responsible, last_day, last_day, signed, task.start, task.duration, after
                )
                continue
            if mine.state == "withdrawn":
                mine.state = "assigned"
            if mine.filed != last_day and mine.state not in ("submitted", "confirmed"):
                mine.set_deadline(last_day)
            mine.filed, mine.after, mine.responsible = last_day, after, task.responsible
            mine.start = task.start

    def some(self, pick: int, *states: str) -> Task | None:
        """Return a task that is in one of some states."""
        found = [task for task in self.facts.tasks.values() if task.state in states]
        return found[pick % len(found)] if found else None

    def _free(self, pick: int) -> Task | None:
        """Return an open task that none waits for."""
        awaited = {key for task in self.facts.tasks.values() for key in task.after}
        found = [task for task in self.facts.tasks.values() if task.is_open and task.key not in awaited]
        return found[pick % len(found)] if found else None

    @precondition(lambda self: self.some(0, *OPEN))
    @rule(pick=picks, percent=st.integers(0, 99))
    def work_goes_on(self, pick: int, percent: int) -> None:
        task = self.some(pick, *OPEN)
        assert task
        tasks.progress(self.world.desk(), task.key, percent, "đang làm")
        task.state, task.percent = "in_progress", percent

    @precondition(lambda self: self.some(0, *OPEN))
    @rule(pick=picks)
    def a_result_is_handed_in(self, pick: int) -> None:
        task = self.some(pick, *OPEN)
        assert task
        tasks.done(self.world.desk(), task.key, document="9/BC", on=self.day, file=None)
        task.hand_in(self.day)

    @precondition(lambda self: self.some(0, "submitted"))
    @rule(some=st.sets(picks, min_size=1, max_size=3), good=st.booleans())
    def results_are_judged(self, some: set[int], good: bool) -> None:
        for pick in sorted(some):
            task = self.some(pick, "submitted")
            if task is None:
                break
            if good:
                tasks.confirm(self.world.desk(), task.key)
                task.state = "confirmed"
            else:
                tasks.return_(self.world.desk(), task.key, "thiếu tài liệu")
                task.state, task.returned = "returned", self.day

    @precondition(lambda self: self.some(0, *OPEN, "suspended"))
    @rule(pick=picks)
    def a_task_is_suspended_or_resumed(self, pick: int) -> None:
        task = self.some(pick, *OPEN, "suspended")
        assert task
        to = TaskState.IN_PROGRESS if task.state == "suspended" else TaskState.SUSPENDED
        desk = self.world.desk()
        with desk.writing() as session:
            record = tasks.find(session, desk, task.key)
            book = Book()
            book.tasks[record.plan] = {record.key: record}
            change = TaskMoved(task=record.key, to=to, percent=record.percent)
            desk.record(session, [(record.key, change)], book=book, reason="chờ ý kiến")
        task.state = to.value

    @precondition(lambda self: self.some(0, *OPEN))
    @rule(pick=picks, days=st.integers(1, 15))
    def a_deadline_is_extended(self, pick: int, days: int) -> None:
        task = self.some(pick, *OPEN)
        assert task
        to = task.last_day + timedelta(days=days)
        tasks.extend(self.world.desk(), task.key, to=to, reason="chờ thiết bị", document="7/CV")
        task.set_deadline(to)

    @precondition(lambda self: self.some(0, *OPEN))
    @rule(
        what=st.sampled_from(PauseKind),
        some=st.sets(picks, min_size=1, max_size=6),
        days=st.integers(0, 2) | st.integers(-1, 32),
    )
    def reminders_are_held(self, what: PauseKind, some: set[int], days: int) -> None:
        open_ = [task for task in self.facts.tasks.values() if task.is_open]
        may_be = [task for task in open_ if task.last_day < self.day] or open_
        if what is PauseKind.SNOOZE:
            may_be += [task for task in self.facts.tasks.values() if task.state == "submitted"]
        for pick in sorted(some):
            self._hold(what, may_be[pick % len(may_be)], self.day + timedelta(days=days))

    def _hold(self, what: PauseKind, task: Task, until: date) -> None:
        ladder = self.facts.ladder if self.oracle.ledger else SHIPPED
        hold, most = {
            PauseKind.PROMISE: (pauses.acknowledge, ladder.acknowledge),
            PauseKind.SNOOZE: (pauses.snooze, ladder.snooze),
        }[what]
        if self.day <= until <= reach(self.day, most):
            hold(self.world.desk(), task.key, until=until, reason="chờ hướng dẫn")
            setattr(task, what.value, until)
        else:
            with pytest.raises(InputRejected):
                hold(self.world.desk(), task.key, until=until, reason="chờ hướng dẫn")

    @precondition(lambda self: any(task.promise or task.snooze for task in self.facts.tasks.values()))
    @rule(some=st.sets(picks, min_size=1, max_size=6))
    def promises_and_snoozes_are_lifted(self, some: set[int]) -> None:
        for pick in sorted(some):
            found = [
                (task, what)
                for task in self.facts.tasks.values()
                for what in PauseKind
                if task.state != "withdrawn" and getattr(task, what.value) is not None
            ]
            if not found:
                break
            task, what = found[pick % len(found)]
            if self.day <= getattr(task, what.value):
                pauses.lift(self.world.desk(), task.key, what, reason="không còn đúng")
                setattr(task, what.value, None)
            else:
                with pytest.raises(Refused):
                    pauses.lift(self.world.desk(), task.key, what, reason="không còn đúng")

    @rule(who=picks, first=st.integers(-1, 3), length=st.integers(0, 12), instead=st.none() | picks)
    def somebody_is_absent(self, who: int, first: int, length: int, instead: int | None) -> None:
        emails = sorted(self.facts.people)
        email = emails[who % len(emails)]
        substitute = emails[instead % len(emails)] if instead is not None else ""
        begins = self.day + timedelta(days=first)
        ends = begins + timedelta(days=length)
        if any(one[0] == email and one[1] <= ends and begins <= one[2] for one in self.facts.absences):
            return
        absence = Absence(officer=email, first_day=begins, last_day=ends, substitute=substitute or None, reason="phép")
        registers.record_absence(self.world.desk(), absence)
        self.facts.absences.append((email, begins, ends, substitute))

    @precondition(lambda self: self.plans)
    @rule(pick=picks)
    def a_task_is_left_out_or_comes_back(self, pick: int) -> None:
        agency = sorted(self.plans)[pick % len(self.plans)]
        planned = self.plans[agency]
        gone = self.left_out.pop(agency, None)
        if gone is not None:
            self._file(agency, [*planned, gone])
            return
        last = planned[-1]
        if self.facts.tasks[f"{DIRECTIVE}/{agency}:{last.code}"].state == "confirmed":
            return
        awaited = any(f"{agency}:{last.code}" in one.after for tasks_ in self.plans.values() for one in tasks_)
        if len(planned) < 2 or awaited:
            return
        self._file(agency, planned[:-1])
        self.left_out[agency] = last
        self.facts.tasks[f"{DIRECTIVE}/{agency}:{last.code}"].state = "withdrawn"
