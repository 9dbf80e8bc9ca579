"""Plans as people look at them: which there are, who has none, how one stands and how its tasks hang together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from planner import calendars
from planner.config import ZONE, Settings
from planner.domain import progress
from planner.domain.calendar import Calendar
from planner.domain.changes import moved_keys, renumber_tasks, tasks_of_accepted
from planner.domain.forecast import plan_durations
from planner.domain.graph import Schedule, TaskGraph
from planner.domain.outlook import outlook
from planner.domain.plan import Plan, TaskRecord, predecessor_key, task_key
from planner.domain.status import PlanState
from planner.errors import InputRejected, NotFound, WorldFailed, words_of
from planner.i18n import gettext as _
from planner.importer import load
from planner.service.desk import Desk
from planner.service.tasks import timeliness_of
from planner.service.versions import pick, versions_of
from planner.store import plans
from planner.store.engine import Session
from planner.store.state import present


def list_plans(desk: Desk) -> list[dict[str, Any]]:
    """Return every plan with its version in force (or its newest)."""
    with desk.reading() as session:
        records = plans.plan_records(session)
        counts = plans.task_counts(session)
    return [
        {
            "plan": key,
            "agency": record.plan.agency,
            "kind": record.plan.kind.value,
            "number": record.plan.number,
            "version": record.version,
            "state": record.state.value,
            "filed_at": record.filed_at,
            "receipt": record.receipt,
            "tasks": counts.get(key, 0),
        }
        for key, record in records.items()
    ]


def missing(desk: Desk, directive: str | None) -> list[dict[str, Any]]:
    """Return who owes a plan and has none accepted."""
    with desk.reading() as session:
        code = desk.directive_code(session, directive)
        state = present(session, desk.now, states=())
    calendar, today = desk.calendar(), desk.today
    filing = progress.filing(
        state, directive=code, today=today, days_late=lambda day: max(0, calendar.count(day, today))
    )
    return [row.as_dict() for row in filing.missing]


def show(desk: Desk, text: str, version: int | None = None) -> dict[str, Any]:
    """Return a plan with its goals and tasks, each as it stands and as it is foreseen.

    Without `version` the one in force, else the newest. An older version is shown as it was filed.

    Raises:
        NotFound: no such plan, or no such version.
    """
    with desk.reading() as session:
        key, versions = versions_of(desk, session, text)
        in_force = next((one for one in versions if one.state is PlanState.ACCEPTED), versions[-1])
        record = in_force if version is None else pick(key, versions, version)
        tasks = plans.task_records(session, plan=key, in_force=False)
        if record.state is PlanState.SUPERSEDED:
            tasks = tasks_of_accepted(record, {}, record.filed_at, record.filed_at.astimezone(ZONE).date())
        elif record.state is not PlanState.ACCEPTED:  # shown as they would stand, for whoever has to decide
            tasks = renumber_tasks(tasks, moved_keys(record, tasks))
            tasks = tasks_of_accepted(record, tasks, desk.now, desk.today)
        around = with_predecessors(session, tasks)
        headers = plans.plan_records(session)
    schedule = graph_of(record.plan, desk.calendar).schedule()
    foreseen = outlook(around, headers, desk.calendar, desk.today)

    def line(task: TaskRecord) -> dict[str, Any]:
        forecast = foreseen[task.key]
        return {
            "code": task.task.code,
            "title": task.task.title,
            "responsible": task.task.responsible,
            "due_text": task.task.deadline.text,
            "last_day": task.last_day,
            "state": task.state.value,
            "timeliness": timeliness_of(desk, task).value,
            "forecast_finish": forecast.finish,
            "slack": schedule.slack.get(task.task.code),
            "critical": task.task.code in schedule.critical,
            "blocked_by": [before.split("/", 1)[1] for before in forecast.blocked_by],
        }

    return {
        "plan": key,
        "agency": record.plan.agency,
        "directive": record.plan.directive,
        "number": record.plan.number,
        "signed": record.plan.signed,
        "version": record.version,
        "state": record.state.value,
        "receipt": record.receipt,
        "reason": record.reason,
        "goals": [
            {
                "code": goal.code,
                "title": goal.title,
                "target": goal.target,
                "tasks": [
                    line(tasks[task_key(key, task.code)]) for task in goal.tasks if task_key(key, task.code) in tasks
                ],
            }
            for goal in record.plan.goals
        ],
    }


def with_predecessors(session: Session, tasks: dict[str, TaskRecord]) -> dict[str, TaskRecord]:
    """Return `tasks` with everything they wait for, near or far: one query a step of the longest chain of plans."""
    found = dict(tasks)
    wanted = {predecessor_key(r.plan, ref) for r in tasks.values() for ref in r.task.after} - set(found)
    while wanted:
        step = plans.task_records(session, keys=wanted)
        found.update(step)
        wanted = {predecessor_key(r.plan, ref) for r in step.values() for ref in r.task.after} - set(found)
    return found


def graph_of(plan: Plan, calendar: Callable[[str], Calendar]) -> TaskGraph:
    """Return the graph of a plan alone; tasks of other agencies are left out."""
    codes = {task.code for task in plan.tasks}
    edges = [(ref, task.code) for task in plan.tasks for ref in task.after if ref in codes]
    return TaskGraph(plan_durations(plan.tasks, plan.signed, calendar(plan.calendar)), edges)


def graph(desk: Desk, text: str) -> Schedule:
    """Return the schedule of a stored plan, as filed.

    Raises:
        NotFound: no such plan.
    """
    with desk.reading() as session:
        key = desk.plan_key(session, text)
        found = plans.plan_records(session, content=True, key=key)
    if key not in found:
        raise NotFound(_("There is no plan {plan}. See: planner plan list").format(plan=text))
    return graph_of(found[key].plan, desk.calendar).schedule()


def graph_of_file(path: Path, settings: Settings) -> Schedule:
    """Return the schedule of a file alone, without a database; tasks of other agencies are left out.

    Raises:
        InputRejected: the file has problems; a circle is one of them.
    """
    plan = plan_of_file(path)
    return graph_of(plan, lambda name: calendars.load(name, settings.calendar_file)).schedule()


def plan_of_file(path: Path) -> Plan:
    """Return the plan of a file of which only order and days are wanted.

    Raises:
        InputRejected: the file has problems; a circle is one of them.
    """
    try:
        loaded = load(path, None, for_graph=True)
    except OSError as error:
        raise WorldFailed(
            _("The file {name} cannot be read: {reason}").format(name=path, reason=words_of(error))
        ) from error
    if loaded.plan is None:
        raise InputRejected(_("{file} cannot be scheduled.").format(file=path.name), loaded.problems)
    return loaded.plan
