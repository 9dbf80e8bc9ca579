"""A plan: its goals and tasks as filed, and each task as it stands.

Knows no database and no file format. `PlannedTask` is what an agency promised; `TaskRecord` is what became of it.
A task is named by its key, "kl-2020-04-29/stttt:I.1": directive, agency, code as filed. People may leave the directive
out ("stttt:I.1"), which is also how one plan refers to another's task.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from planner.domain.agency import Absence, Agency, DeadAddress, Officer, Succession
from planner.domain.deadline import Deadline
from planner.domain.directive import Directive
from planner.domain.status import PlanState, TaskState
from planner.i18n import N_


class PlanKind(StrEnum):
    """Where a plan comes from."""

    FILED = "filed"  #: an agency's own plan
    ASSIGNED = "assigned"  #: the directive's direct assignments to one agency, kept as a plan


def plan_key(directive: str, agency: str, kind: PlanKind = PlanKind.FILED) -> str:
    """Return the key of a plan: "kl-2020-04-29/stttt", or "kl-2020-04-29/assigned/stttt"."""
    return f"{directive}/assigned/{agency}" if kind is PlanKind.ASSIGNED else f"{directive}/{agency}"


def task_key(plan: str, code: str) -> str:
    """Return the key of a task: "kl-2020-04-29/stttt:I.1"."""
    return f"{plan}:{code}"


def predecessor_key(plan: str, reference: str) -> str:
    """Return the task key that "I.1" or "vp-ubnd:II.3" means inside the plan of key `plan`."""
    if ":" not in reference:
        return task_key(plan, reference)
    return f"{plan.split('/', 1)[0]}/{reference}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedTask:
    """One task as its plan states it."""

    code: str  #: unique in its plan: "II.3"
    title: str
    responsible: str  #: e-mail of the one who answers, or the name as filed when no mailbox is known
    deadline: Deadline
    cooperating: tuple[str, ...] = ()  #: agency codes
    start: date | None = None  #: first day of the work
    duration: int | None = None  #: days of the plan's calendar; None: from start (or the plan's date) to the last day
    deliverable: str = ""
    after: tuple[str, ...] = ()  #: predecessors: "I.1" in the same plan, "vp-ubnd:II.3" in another
    note: str = ""

    @property
    def begins(self) -> date | None:
        """Return the first day of the work: the plan's, else the first day of the period its deadline names.

        A deadline that names a single day says nothing about the beginning.
        """
        if self.start is not None:
            return self.start
        named = self.deadline.start
        return named if named != self.deadline.last_day else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """A goal row and the tasks under it."""

    code: str  #: "I"
    title: str
    target: str | None = None  #: code of the directive's target it serves
    tasks: tuple[PlannedTask, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A plan as filed by one agency under one directive."""

    agency: str
    directive: str
    number: str = ""  #: "12/KH-STTTT"
    signed: date | None = None
    calendar: str = "vn"  #: "vn" (working days) or "every-day"
    kind: PlanKind = PlanKind.FILED
    goals: tuple[Goal, ...] = ()

    @property
    def key(self) -> str:
        """Return the plan's key."""
        return plan_key(self.directive, self.agency, self.kind)

    @property
    def tasks(self) -> tuple[PlannedTask, ...]:
        """Return every task, goal by goal."""
        return tuple(task for goal in self.goals for task in goal.tasks)


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultDocument:
    """The document that shows a task is done: a number, a file with its SHA-256, or both."""

    number: str = ""
    file_name: str = ""
    file_sha256: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """One change of a deadline, granted by the department."""

    old_last_day: date | None
    new_last_day: date
    reason: str
    document: str
    decided_by: str
    decided_at: datetime  #: UTC


class PauseKind(StrEnum):
    """Why reminders about a task are quiet for a time."""

    PROMISE = "promise"  #: who answers for it promised a day; those above are told all the same
    SNOOZE = "snooze"  #: the department holds the whole ladder

    @property
    def label(self) -> str:
        """Return the message id of the kind's name."""
        return _PAUSE_LABELS[self]


_PAUSE_LABELS = {PauseKind.PROMISE: N_("promised"), PauseKind.SNOOZE: N_("reminders held by the department")}


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """Reminders about a task are quiet through a day; it ends by itself, for it is only ever compared with today."""

    until: date  #: last day on which it holds
    reason: str
    by: str  #: e-mail of who promised or decided, or "local"
    at: datetime  #: UTC

    def holds_on(self, today: date) -> bool:
        """Say whether it still holds."""
        return today <= self.until


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRecord:
    """One task as it stands at an instant."""

    plan: str  #: plan key
    agency: str  #: the agency it was given to, for ever
    goal: str
    task: PlannedTask
    last_day: date | None  #: in force, extensions included
    state: TaskState = TaskState.ASSIGNED
    percent: int = 0  #: 0-100, as last reported
    assigned_on: date | None = None  #: the day its plan was accepted
    deadline_revision: int = 0  #: raised by each extension or refiled deadline
    extensions: tuple[Extension, ...] = ()
    done_on: date | None = None  #: date of the result document
    recorded_on: date | None = None  #: day of the data entry
    result: ResultDocument | None = None
    state_since: datetime | None = None  #: UTC
    state_reason: str = ""
    promise: Pause | None = None  #: ended by a new deadline and by a result handed in
    snooze: Pause | None = None

    @property
    def key(self) -> str:
        """Return the task's key."""
        return task_key(self.plan, self.task.code)

    @property
    def short_key(self) -> str:
        """Return the key without its directive, as people write it: "stttt:I.1"."""
        return self.key.split("/", 1)[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanRecord:
    """A plan as it stands: which version is in force and when it came."""

    plan: Plan
    version: int
    state: PlanState
    filed_at: datetime  #: UTC
    receipt: str
    file_name: str = ""
    file_sha256: str = ""
    reason: str = ""  #: why it was returned
    renumbered: tuple[tuple[str, str], ...] = ()  #: (old code, new code) of tasks that it carries on under a new number


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetValue:
    """A value that an agency reports for a target."""

    directive: str
    target: str
    agency: str
    value: float
    on: date


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """Everything that holds at one instant: what figures, reminders and reports are made from."""

    at: datetime  #: UTC
    agencies: dict[str, Agency]
    officers: dict[str, Officer]
    absences: tuple[Absence, ...]
    successions: tuple[Succession, ...]
    directives: dict[str, Directive]
    plans: dict[str, PlanRecord]  #: by plan key, the version in force (accepted), or the latest if none is
    tasks: dict[str, TaskRecord]  #: by task key; tasks of accepted plans only
    values: tuple[TargetValue, ...] = ()
    dead_addresses: dict[str, DeadAddress] = field(default_factory=dict)  #: by e-mail; mail to them does not arrive
