"""What the cells of a draft mean: codes, days, people and agencies, each worked out once for the checks and the plan.

Judges nothing: what cannot be read stays empty beside its cell, and `checks` says so. Asks no database.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from planner.domain.agency import Agency, Officer
from planner.domain.calendar import EVERY_DAY, Calendar
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.directive import Directive
from planner.importer.columns import (
    Person,
    both_come_first,
    day_comes_first,
    read_days,
    read_deadline,
    read_line,
    read_number,
    read_person,
    read_start,
)
from planner.importer.draft import Cell, GoalDraft, PlanDraft, Register, TaskDraft
from planner.importer.names import Matched, agency_key, match_agencies, split_codes, split_names

_CALENDARS = {
    "": "vn",
    "vn": "vn",
    "every-day": "every-day",
    agency_key("ngày làm việc"): "vn",
    agency_key("mọi ngày"): "every-day",
    agency_key("tất cả các ngày"): "every-day",
}
_ELSEWHERE = re.compile(r"(?:(?P<directive>[\w.-]+)/)??(?P<assigned>assigned/)?(?P<agency>[\w.-]+)\s*:\s*(?P<code>\S+)")
_MOST_SEARCHES = 20  # distinct names of one file that get suggestions
_MOST_DEADLINES = 10_000  # distinct texts kept for the files that follow
_MOST_UNKNOWN = 5000  # names of agencies in one file
_TASK_WORD = re.compile(r"(?:nhiệm vụ|mục|nv|task)\s+(?:số\s+)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Predecessor:
    """One task that another waits for, as written and as it is kept."""

    cell: Cell
    text: str  #: as written
    key: str  #: "I.1" in this plan, "vp-ubnd:II.3" in another
    agency: str = ""  #: code as written when the task is another agency's


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskReading:
    """One task, understood as far as it can be."""

    draft: TaskDraft
    code: str
    title: str
    person: Person
    officers: tuple[Officer, ...]  #: who in the register may be meant
    deadline: Deadline | None  #: None: the cell is empty
    start: date | None
    duration: int | None
    cooperating: tuple[tuple[Cell, Matched], ...]
    after: tuple[Predecessor, ...]

    @property
    def name(self) -> str:
        """Return how messages call the task: its code, or its place while it has none."""
        return self.code or self.draft.place


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A draft beside the register, and what the one means in the light of the other."""

    draft: PlanDraft
    register: Register | None = None  #: None: only what the file alone can show
    agency_option: str | None = None  #: agency code given beside the file
    directive_option: str | None = None  #: directive code given beside the file
    for_graph: bool = False  #: only order and durations are wanted; who and by when may be missing

    @cached_property
    def signed(self) -> date | None:
        """The day the plan was signed."""
        value = self.draft.signed.value
        if isinstance(value, date):
            return value.date() if isinstance(value, datetime) else value
        return read_start(self.draft.signed, day_first=True) if self.draft.signed else None

    @cached_property
    def day(self) -> date | None:
        """The day on which agencies and people must hold: of signing, else today."""
        return self.signed or (self.register.today if self.register else None)

    @cached_property
    def agency_candidates(self) -> tuple[Agency, ...]:
        """The agencies of the register that the plan may mean."""
        if self.register is None or self.day is None:
            return ()
        text = self.agency_option or self.draft.agency.text
        by_code = self.register.agencies.get(text) or self.register.agencies.get(text.casefold())
        if by_code:
            return (by_code,)
        named = self.register.agencies_by_name.get(agency_key(text), ())
        return tuple(agency for agency in named if agency.is_valid_on(self.day)) or named

    @cached_property
    def agency(self) -> str:
        """The code of the plan's agency; "" when it is not known."""
        if self.register is None:
            return self.agency_option or self.draft.agency.text
        return self.agency_candidates[0].code if len(self.agency_candidates) == 1 else ""

    @cached_property
    def directive(self) -> Directive | None:
        """The directive the plan is filed under: the one named, else the latest of the register."""
        if self.register is None:
            return None
        named = self.directive_option or self.draft.directive.text
        if named:
            return self.register.directives.get(named) or self.register.directives.get(named.casefold())
        return max(self.register.directives.values(), key=lambda d: (d.issued_on, d.code), default=None)

    @cached_property
    def calendar_name(self) -> str | None:
        """The calendar's name, "vn" or "every-day"; None when the file names another."""
        text = self.draft.calendar.text.casefold()
        return _CALENDARS.get(text) or _CALENDARS.get(agency_key(text) if text else "")

    @cached_property
    def calendar(self) -> Calendar | None:
        """The calendar in which deadlines count working days; None without a register."""
        if self.calendar_name == "every-day":
            return EVERY_DAY
        return self.register.calendar(self.calendar_name or "vn") if self.register else None

    @cached_property
    def _written_dates(self) -> list[str]:
        """The texts of the start and due columns."""
        tasks = [task for goal in self.draft.goals for task in goal.tasks]
        cells = [cell.value for task in tasks for cell in (task.due, task.start)]
        return [value for value in cells if isinstance(value, str) and value]

    @cached_property
    def order_of_dates(self) -> dict[str, Any]:
        """How this file writes "12/1/2025", as `parse_deadline` asks for it: one answer for all its cells."""
        texts = self._written_dates
        return {"day_first": day_comes_first(texts, self.draft.heading), "mixed": both_come_first(texts)}

    @cached_property
    def goals(self) -> tuple[tuple[GoalDraft, tuple[TaskReading, ...]], ...]:
        """Every goal with its tasks."""
        codes = {read_number(task.code) for goal in self.draft.goals for task in goal.tasks}
        return tuple((goal, tuple(self._task(goal, task, codes) for task in goal.tasks)) for goal in self.draft.goals)

    @cached_property
    def tasks(self) -> tuple[TaskReading, ...]:
        """Every task, goal by goal."""
        return tuple(task for _goal, tasks in self.goals for task in tasks)

    def _task(self, goal: GoalDraft, draft: TaskDraft, codes: set[str]) -> TaskReading:
        person = read_person(draft.responsible)
        return TaskReading(
            draft=draft,
            code=read_number(draft.code),
            title=read_line(draft.title),
            person=person,
            officers=self._officers(person),
            deadline=self._deadline(draft.due) if draft.due else None,
            start=self._start(draft.start) if draft.start else None,
            duration=read_days(draft.duration) if draft.duration else None,
            cooperating=tuple((cell, self.match(cell.text)) for cell in draft.cooperating if cell),
            after=tuple(
                self._predecessor(cell, text, read_number(goal.code), codes)
                for cell in draft.after
                for text in split_codes(cell.text)
            ),
        )

    # Many cells of a plan say the same; each distinct text is worked out once.

    @cached_property
    def _memory(self) -> dict[tuple[str, object], object]:
        return {}

    def _deadline(self, cell: Cell) -> Deadline:
        order = self.order_of_dates
        key = (type(cell.value), cell.value, self.signed, self.calendar_name, order["day_first"], order["mixed"])
        memory = self._deadlines
        if key not in memory:
            if len(memory) >= _MOST_DEADLINES:
                memory.clear()
            memory[key] = read_deadline(cell, signed=self.signed, calendar=self.calendar, **order)
        return memory[key]

    @cached_property
    def _deadlines(self) -> dict[object, Deadline]:
        return self.register.deadlines if self.register else {}

    def _start(self, cell: Cell) -> date | None:
        return read_start(cell, signed=self.signed, calendar=self.calendar, **self.order_of_dates)

    def ask_start(self, cell: Cell) -> str | None:
        """Return the question of a start with two readings; None when it is no date at all."""
        found = self._deadline(cell)
        return found.question if found.kind is DeadlineKind.AMBIGUOUS else None

    def match(self, text: str) -> Matched:
        """Return the agencies that a text names; without a register its pieces as they are."""
        if self.register is None or self.day is None:
            return Matched(codes=tuple(split_names(text)))
        key = ("agencies", text)
        if key not in self._memory:
            missed = self._memory.setdefault(("missed", ""), [])
            assert isinstance(missed, list)  # noqa: S101 - the memory holds what was put in above
            if len(missed) > _MOST_UNKNOWN:  # the file is refused by now, and the rest would only take time
                return Matched(unknown=(text,))
            matched = self._memory[key] = match_agencies(
                text,
                self.register.agencies,
                self.register.agencies_by_name,
                day=self.day,
                home=self.register.agencies.get(self.agency),
            )
            missed += matched.unknown
        found = self._memory[key]
        assert isinstance(found, Matched)  # noqa: S101 - the memory holds what was put in above
        return found

    def spend_search(self, key: str) -> bool:
        """Say whether the names near to `key` may still be looked for: it is slow, and a hopeless file asks often."""
        searched = self._memory.setdefault(("searched", ""), set())
        assert isinstance(searched, set)  # noqa: S101 - the memory holds what was put in above
        searched.add(key)
        return len(searched) <= _MOST_SEARCHES

    def near(self, key: str) -> list[str]:
        """Return the keys of the register's names that are nearest to `key`; the same name is looked for once."""
        assert self.register is not None  # noqa: S101 - only asked beside a register
        found = self._memory.get(("near", key))
        if found is None:
            names = self.register.agencies_by_name
            found = self._memory["near", key] = difflib.get_close_matches(key, names, n=3, cutoff=0.6)
        assert isinstance(found, list)  # noqa: S101 - the memory holds what was put in above
        return found

    def _officers(self, person: Person) -> tuple[Officer, ...]:
        if self.register is None:
            return ()
        if person.email:
            known = self.register.officers_by_email.get(person.email)
            return (known,) if known else ()
        for name in person.names:
            found = self.register.officers_by_agency.get((self.agency, agency_key(name)), ())
            valid = tuple(officer for officer in found if self.day is None or officer.is_valid_on(self.day))
            if valid:
                return valid
        return ()

    def _predecessor(self, cell: Cell, text: str, goal: str, codes: set[str]) -> Predecessor:
        bare = _TASK_WORD.sub("", text.strip("().: \t"), count=1)
        other = _ELSEWHERE.fullmatch(bare)
        if other and not (other["agency"].casefold() == self.agency and not other["assigned"]):
            code = read_number(Cell(other["code"], cell.place))
            agency = other["agency"].casefold()
            key = f"{other['assigned'] or ''}{agency}:{code}"
            own = self.directive.code if self.directive else self.directive_option or self.draft.directive.text
            if other["directive"] and other["directive"] != own:
                key = f"{other['directive']}/{key}"
            return Predecessor(cell=cell, text=text, key=key, agency=agency)
        code = other["code"] if other else bare
        if code not in codes and f"{goal}.{code}" in codes:
            code = f"{goal}.{code}"
        return Predecessor(cell=cell, text=text, key=code)
