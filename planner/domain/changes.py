"""What can happen, and what each happening does to the state: the one place where the present is made from the past.

Pure. A command checks the rules and makes a `Change`; the store appends it to the event log and saves what the
functions here return; a replay calls the same functions on the log. So the log and the tables cannot disagree in
meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from planner.domain.agency import Absence, Agency, DeadAddress, Officer, Succession
from planner.domain.directive import Directive
from planner.domain.plan import (
    Extension,
    Goal,
    Pause,
    PauseKind,
    Plan,
    PlanKind,
    PlannedTask,
    PlanRecord,
    ResultDocument,
    TargetValue,
    TaskRecord,
    predecessor_key,
    task_key,
)
from planner.domain.status import PlanState, TaskState
from planner.i18n import N_


@dataclass(frozen=True, kw_only=True, slots=True)
class AgenciesImported:
    """Agencies were entered or corrected; each replaces the one of the same code."""

    agencies: tuple[Agency, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SuccessionsRecorded:
    """Agencies took over from others."""

    successions: tuple[Succession, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OfficersImported:
    """Officers were entered or corrected; each replaces the one of the same e-mail."""

    officers: tuple[Officer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AbsenceRecorded:
    """An officer is away for a time."""

    absence: Absence


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressDied:
    """Mail to an officer was refused for good, or came back."""

    email: str
    status: str  #: "5.1.1", or ""
    detail: str  #: why, and the server's words


@dataclass(frozen=True, kw_only=True, slots=True)
class AddressRevived:
    """Somebody saw to an officer's address: mail goes there again."""

    email: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MailResolved:
    """A person said what became of a mail, or that it is to be sent again; the reason says why."""

    message_id: str
    recipient: str
    arrived: bool  #: it counts as sent; else it goes once more


@dataclass(frozen=True, kw_only=True, slots=True)
class DirectiveImported:
    """A directive was entered or corrected."""

    directive: Directive


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanFiled:
    """An agency filed a version of its plan."""

    record: PlanRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanDecided:
    """The department accepted or returned a filed version."""

    plan: str
    version: int
    state: PlanState


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskMoved:
    """A task changed its state or its reported progress."""

    task: str
    to: TaskState
    percent: int
    done_on: date | None = None
    recorded_on: date | None = None
    result: ResultDocument | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskExtended:
    """The department granted a new last day."""

    task: str
    extension: Extension


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskAcknowledged:
    """Who answers for a task promised a day by which it will be done."""

    task: str
    promise: Pause


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSnoozed:
    """The department holds all reminders about a task until a day."""

    task: str
    snooze: Pause


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskResumed:
    """A promise or a snooze was ended before its day."""

    task: str
    what: PauseKind


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyMoved:
    """Reminder cases went on under another version of the policy; neither plans nor tasks change by it."""

    policy: str  #: hash of the version they go on under
    name: str
    version: str
    scope: str  #: task key, agency code, or "all"
    left: tuple[tuple[str, int], ...]  #: (hash of the version they left, how many cases)


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetReported:
    """An agency reported a value for a target."""

    value: TargetValue


Change = (
    AgenciesImported
    | SuccessionsRecorded
    | OfficersImported
    | AbsenceRecorded
    | AddressDied
    | AddressRevived
    | MailResolved
    | DirectiveImported
    | PlanFiled
    | PlanDecided
    | TaskMoved
    | TaskExtended
    | TaskAcknowledged
    | TaskSnoozed
    | TaskResumed
    | PolicyMoved
    | TargetReported
)
Pausing = TaskAcknowledged | TaskSnoozed | TaskResumed
TaskChange = TaskMoved | TaskExtended | Pausing


def dead_address(change: AddressDied, at: datetime) -> DeadAddress:
    """Return what is known of an address that died at the instant `at`."""
    return DeadAddress(email=change.email, since=at, status=change.status, detail=change.detail)


def change_task(record: TaskRecord, change: TaskChange, at: datetime, reason: str) -> TaskRecord:
    """Return a task after what happened to it alone."""
    match change:
        case TaskMoved():
            return move_task(record, change, at, reason)
        case TaskExtended():
            return extend_task(record, change.extension)
        case _:
            return pause_task(record, change)


def move_task(record: TaskRecord, change: TaskMoved, at: datetime, reason: str) -> TaskRecord:
    """Return the task after a move.

    A returned or resumed task is open again: its result no longer stands, its deadline does not change.
    """
    done = change.to in (TaskState.SUBMITTED, TaskState.CONFIRMED)
    return replace(
        record,
        state=change.to,
        percent=change.percent,
        done_on=(change.done_on or record.done_on) if done else None,
        recorded_on=(change.recorded_on or record.recorded_on) if done else None,
        result=(change.result or record.result) if done else None,
        state_since=at,
        state_reason=reason,
        promise=None if change.to is TaskState.SUBMITTED else record.promise,
    )


def pause_task(record: TaskRecord, change: Pausing) -> TaskRecord:
    """Return the task with the promise or snooze that a change makes or ends; a new one takes the place of the old."""
    match change:
        case TaskAcknowledged():
            return replace(record, promise=change.promise)
        case TaskSnoozed():
            return replace(record, snooze=change.snooze)
        case TaskResumed(what=PauseKind.PROMISE):
            return replace(record, promise=None)
        case TaskResumed():
            return replace(record, snooze=None)


def extend_task(record: TaskRecord, extension: Extension) -> TaskRecord:
    """Return the task with its new last day; reminders begin anew with the next deadline revision, a promise ends."""
    return replace(
        record,
        last_day=extension.new_last_day,
        deadline_revision=record.deadline_revision + 1,
        extensions=(*record.extensions, extension),
        promise=None,
    )


def tasks_of_accepted(
    record: PlanRecord, existing: Mapping[str, TaskRecord], at: datetime, today: date
) -> dict[str, TaskRecord]:
    """Return the tasks of a plan once its version is accepted, by key.

    A task keeps its identity by its code: state, result and history stay. Where the deadline as filed changed, the new
    one holds and the deadline revision rises. A task that the new version leaves out is withdrawn.

    Args:
        record: the accepted version.
        existing: the plan's tasks so far, by key.
        at: the instant of acceptance, UTC.
        today: its local date, from which new tasks are assigned.
    """
    tasks: dict[str, TaskRecord] = {}
    for goal in record.plan.goals:
        for task in goal.tasks:
            new = TaskRecord(
                plan=record.plan.key,
                agency=record.plan.agency,
                goal=goal.code,
                task=task,
                last_day=task.deadline.last_day,
                assigned_on=today,
                state_since=at,
            )
            old = existing.get(new.key)
            tasks[new.key] = new if old is None else _refiled(old, new, at)
    for key, old in existing.items():
        if key not in tasks:
            gone = replace(old, state=TaskState.WITHDRAWN, state_since=at, state_reason=LEFT_OUT)
            tasks[key] = old if old.state in (TaskState.WITHDRAWN, TaskState.CONFIRMED) else gone
    return tasks


def moved_keys(record: PlanRecord, existing: Iterable[str]) -> dict[str, str]:
    """Return the new key of each task that an accepted version carries on under another number, by its old key.

    A task that is not carried on and whose number another one takes keeps its record under a key that no plan can
    file: "I.3@1", what I.3 meant up to version 1.

    Args:
        record: the accepted version.
        existing: keys of the plan's tasks so far.
    """
    if not record.renumbered:
        return {}
    plan, known = record.plan.key, dict.fromkeys(existing)
    moved = {task_key(plan, old): task_key(plan, new) for old, new in record.renumbered}
    moved = {old: new for old, new in moved.items() if old in known}
    taken = set(moved.values())
    return moved | {key: f"{key}@{record.version - 1}" for key in known if key in taken and key not in moved}


def renumber_tasks(tasks: Mapping[str, TaskRecord], moved: Mapping[str, str]) -> dict[str, TaskRecord]:
    """Return tasks under their new keys, with everything that became of them; `moved` is what `moved_keys` says."""
    return {
        moved.get(key, key): replace(record, task=replace(record.task, code=moved[key].rsplit(":", 1)[1]))
        if key in moved
        else record
        for key, record in ((key, follow_renumbering(record, moved)) for key, record in tasks.items())
    }


def follow_renumbering(record: TaskRecord, moved: Mapping[str, str]) -> TaskRecord:
    """Return a task that waits for the same tasks as before, by their new numbers."""
    followed = [_followed(record.plan, reference, moved) for reference in record.task.after]
    after = tuple({predecessor_key(record.plan, reference): reference for reference in reversed(followed)}.values())[
        ::-1
    ]
    return record if after == record.task.after else replace(record, task=replace(record.task, after=after))


def _followed(plan: str, reference: str, moved: Mapping[str, str]) -> str:
    new = moved.get(predecessor_key(plan, reference))
    if new is None:
        return reference
    agency, colon, _code = reference.rpartition(":")
    return f"{agency}{colon}{new.rsplit(':', 1)[1]}"


LEFT_OUT = N_("left out of the plan's new version")


def _refiled(old: TaskRecord, new: TaskRecord, at: datetime) -> TaskRecord:
    kept = replace(old, goal=new.goal, task=new.task)
    # What is handed in was judged by the deadline it was done under; filing anew must not turn late into on time.
    judged = old.state in (TaskState.SUBMITTED, TaskState.CONFIRMED)
    if old.task.deadline.last_day != new.task.deadline.last_day and not judged:
        kept = replace(kept, last_day=new.last_day, deadline_revision=old.deadline_revision + 1, promise=None)
    if old.state is TaskState.WITHDRAWN and old.state_reason == LEFT_OUT:
        kept = replace(kept, state=TaskState.ASSIGNED, state_since=at, state_reason="")
        kept = replace(kept, done_on=None, recorded_on=None, result=None)  # what was handed in before no longer stands
    return kept


def assigned_plans(directive: Directive) -> list[Plan]:
    """Return the directive's direct assignments as one plan for each agency that leads one."""
    by_agency: dict[str, list[PlannedTask]] = {}
    for given in directive.assignments:
        by_agency.setdefault(given.agency, []).append(
            PlannedTask(
                code=given.code,
                title=given.title,
                responsible="",  # the head answers until the agency names a person
                deadline=given.deadline,
                cooperating=given.cooperating,
                start=directive.issued_on,
                deliverable=given.deliverable,
            )
        )
    return [
        Plan(
            agency=agency,
            directive=directive.code,
            number=directive.number,
            signed=directive.issued_on,
            kind=PlanKind.ASSIGNED,
            goals=(
                Goal(
                    code=".".join(tasks[0].code.split(".")[:-1]) or tasks[0].code,
                    title=directive.title,
                    tasks=tuple(tasks),
                ),
            ),
        )
        for agency, tasks in by_agency.items()
    ]
