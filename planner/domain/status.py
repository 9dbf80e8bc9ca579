"""What a task's status means: the stored lifecycle, and the timeliness computed for a date.

Timeliness is never stored. `timeliness` is the one formula; reports, mails and JSON all call it.
Source: design notes "Plan and task lifecycle", "Timeliness".
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from planner.errors import TransitionRefused
from planner.i18n import N_


class TaskState(StrEnum):
    """Where a task stands in its life; the member carries label, openness and allowed moves."""

    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    SUBMITTED = "submitted"  #: result handed in, awaiting confirmation
    CONFIRMED = "confirmed"
    RETURNED = "returned"  #: evidence not accepted: open again, deadline unchanged
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        """Return the message id of the state's name."""
        return _LABELS[self]

    @property
    def is_open(self) -> bool:
        """Whether work is still owed (a submitted result is owed until it is confirmed, but its doer is not late)."""
        return self in (TaskState.ASSIGNED, TaskState.IN_PROGRESS, TaskState.RETURNED)

    @property
    def counts(self) -> bool:
        """Whether the task counts in figures: not suspended, not withdrawn."""
        return self not in (TaskState.SUSPENDED, TaskState.WITHDRAWN)

    def require(self, wanted: TaskState, task: str) -> None:
        """Check that this state may become `wanted`.

        Raises:
            TransitionRefused: it may not.
        """
        if wanted not in _MOVES[self]:
            raise TransitionRefused(task, self.label, wanted.label)


_LABELS = {
    TaskState.ASSIGNED: N_("not started"),
    TaskState.IN_PROGRESS: N_("in progress"),
    TaskState.SUBMITTED: N_("awaiting confirmation"),
    TaskState.CONFIRMED: N_("confirmed complete"),
    TaskState.RETURNED: N_("returned, to be redone"),
    TaskState.SUSPENDED: N_("suspended"),
    TaskState.WITHDRAWN: N_("withdrawn"),
}

_S = TaskState
_MOVES: dict[TaskState, frozenset[TaskState]] = {
    _S.ASSIGNED: frozenset({_S.IN_PROGRESS, _S.SUBMITTED, _S.SUSPENDED, _S.WITHDRAWN}),
    _S.IN_PROGRESS: frozenset({_S.IN_PROGRESS, _S.SUBMITTED, _S.SUSPENDED, _S.WITHDRAWN}),
    _S.SUBMITTED: frozenset({_S.CONFIRMED, _S.RETURNED}),
    _S.CONFIRMED: frozenset(),
    _S.RETURNED: frozenset({_S.IN_PROGRESS, _S.SUBMITTED, _S.SUSPENDED, _S.WITHDRAWN}),
    _S.SUSPENDED: frozenset({_S.ASSIGNED, _S.IN_PROGRESS, _S.WITHDRAWN}),
    _S.WITHDRAWN: frozenset(),
}


class PlanState(StrEnum):
    """Where a plan version stands in the filing workflow."""

    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    SUPERSEDED = "superseded"

    @property
    def label(self) -> str:
        """Return the message id of the state's name."""
        return _PLAN_LABELS[self]


_PLAN_LABELS = {
    PlanState.SUBMITTED: N_("submitted"),
    PlanState.ACCEPTED: N_("accepted"),
    PlanState.RETURNED: N_("returned"),
    PlanState.SUPERSEDED: N_("superseded"),
}


class Timeliness(StrEnum):
    """How a task stands against its deadline on a date."""

    NO_DEADLINE = "no_deadline"
    NOT_YET = "not_yet"
    IN_TIME = "in_time"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    DONE_ON_TIME = "done_on_time"
    DONE_LATE = "done_late"

    @property
    def label(self) -> str:
        """Return the message id of the timeliness's name."""
        return _TIMELINESS_LABELS[self]

    @property
    def tone(self) -> str:
        """Return the colour name a terminal or page shows it in."""
        return _TONES[self]


_TIMELINESS_LABELS = {
    Timeliness.NO_DEADLINE: N_("no deadline"),
    Timeliness.NOT_YET: N_("not yet begun"),
    Timeliness.IN_TIME: N_("within time"),
    Timeliness.DUE_SOON: N_("due soon"),
    Timeliness.OVERDUE: N_("overdue"),
    Timeliness.DONE_ON_TIME: N_("completed on time"),
    Timeliness.DONE_LATE: N_("completed late"),
}
_TONES = {
    Timeliness.NO_DEADLINE: "bright_black",
    Timeliness.NOT_YET: "bright_black",
    Timeliness.IN_TIME: "blue",
    Timeliness.DUE_SOON: "yellow",
    Timeliness.OVERDUE: "red",
    Timeliness.DONE_ON_TIME: "green",
    Timeliness.DONE_LATE: "magenta",
}


def timeliness(  # noqa: PLR0911 - a truth table, line by line
    *,
    state: TaskState,
    start: date | None,
    last_day: date | None,
    done_on: date | None,
    today: date,
    due_soon_from: date | None,
) -> Timeliness:
    """Return how a task stands on `today`.

    Args:
        state: the stored state; a submitted or confirmed task is judged by `done_on`, the date of its result document.
        start: first day of the work, if the plan names one.
        last_day: last day on which completion counts as on time, in force (extensions included); None: no deadline.
        done_on: date of the result document, for submitted and confirmed tasks.
        today: the date the question is asked for.
        due_soon_from: first day of the policy's first rung before `last_day` (None: no such rung).
    """
    if state in (TaskState.SUBMITTED, TaskState.CONFIRMED) and done_on is not None:
        if last_day is None:
            return Timeliness.NO_DEADLINE
        return Timeliness.DONE_ON_TIME if done_on <= last_day else Timeliness.DONE_LATE
    if last_day is not None and today > last_day:
        return Timeliness.OVERDUE
    if start is not None and today < start:
        return Timeliness.NOT_YET
    if last_day is None:
        return Timeliness.NO_DEADLINE
    if due_soon_from is not None and today >= due_soon_from:
        return Timeliness.DUE_SOON
    return Timeliness.IN_TIME
