"""A sound draft becomes a plan.

Called when no error stands; knows no file format. Source: design notes, "The tree", importer.
"""

from __future__ import annotations

from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.plan import Goal, Plan, PlannedTask
from planner.importer.columns import read_line, read_number
from planner.importer.reading import Reading, TaskReading


def build(reading: Reading) -> Plan:
    """Return the plan that a reading without errors states."""
    draft = reading.draft
    named = reading.directive_option or draft.directive.text
    return Plan(
        agency=reading.agency,
        directive=reading.directive.code if reading.directive else named,
        number=read_line(draft.number),
        signed=reading.signed,
        calendar=reading.calendar_name or "vn",
        goals=tuple(
            Goal(
                code=read_number(goal.code),
                title=read_line(goal.title),
                target=read_number(goal.target) or None,
                tasks=tuple(_task(task) for task in tasks),
            )
            for goal, tasks in reading.goals
        ),
    )


def _task(task: TaskReading) -> PlannedTask:
    deadline = task.deadline or Deadline(text="", kind=DeadlineKind.NONE)
    start = task.start
    if start is None and deadline.kind is DeadlineKind.RANGE:  # "từ ngày 04/5 đến ngày 15/5/2020" names both days
        start = deadline.start
    return PlannedTask(
        code=task.code,
        title=task.title,
        responsible=_responsible(task),
        deadline=deadline,
        cooperating=tuple(dict.fromkeys(code for _cell, found in task.cooperating for code in found.codes)),
        start=start,
        duration=task.duration,
        deliverable=task.draft.deliverable.text,
        after=tuple(dict.fromkeys(before.key for before in task.after)),
        note=task.draft.note.text,
    )


def _responsible(task: TaskReading) -> str:
    """Return the registered e-mail, else the e-mail as filed, else the text as filed."""
    if len(task.officers) == 1:
        return task.officers[0].email
    return task.person.email or read_line(task.draft.responsible)
