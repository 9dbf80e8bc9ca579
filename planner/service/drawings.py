"""A plan as a drawing: its days, its slack and whose tasks it waits for, worked out for the reporter to draw.

A stored plan is drawn as it is foreseen today; a file alone as it is planned, with nothing done yet. Order, slack and
critical path are those of `plan graph`, days those of `domain/forecast.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path

from planner import calendars
from planner.config import Settings
from planner.domain.calendar import Calendar
from planner.domain.changes import tasks_of_accepted
from planner.domain.forecast import Forecast, ForecastTask, forecast
from planner.domain.graph import Schedule
from planner.domain.outlook import outlook
from planner.domain.plan import Plan, TaskRecord, predecessor_key, task_key
from planner.domain.status import PlanState, TaskState, Timeliness
from planner.errors import NotFound, UsageRefused
from planner.i18n import gettext as _
from planner.reporter.drawing import DRAWINGS, Drawing, Edge, Lane, Node
from planner.service.desk import Desk
from planner.service.documents import save
from planner.service.plans import graph_of, plan_of_file, with_predecessors
from planner.service.tasks import timeliness_of
from planner.store import plans, registers
from planner.templating import vi_date

_LONGEST_SHADED = 3 * 366  #: days of an axis on which days off are looked up
_OUTSIDE = "\0outside"  #: key of the lane of other agencies' tasks: no goal is called so
_GUESSED = 5  #: days that another agency's task of unknown days is drawn with
_Span = tuple[date, date]


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What is known beyond the plan itself; nothing, for a file."""

    spans: Mapping[str, _Span] = field(default_factory=dict)  #: first and last day, by node key
    outside: Mapping[str, TaskRecord] = field(default_factory=dict)  #: other plans' tasks, by reference
    own: Mapping[str, TaskRecord] = field(default_factory=dict)  #: the plan's own tasks, by code
    states: Mapping[str, Timeliness] = field(default_factory=dict)  #: by node key
    agencies: Mapping[str, str] = field(default_factory=dict)  #: names by code
    officers: Mapping[str, str] = field(default_factory=dict)  #: names by e-mail
    today: date | None = None


def require_format(path: Path, source: Path | None = None) -> str:
    """Return the suffix that names the format of a drawing, without its dot.

    Raises:
        UsageRefused: there is no such format, or the drawing would replace the file it is made from.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in DRAWINGS:
        raise UsageRefused(
            _("{suffix!r} is no format of a drawing; expected one of: {known}.").format(
                suffix=path.suffix, known=", ".join(f".{name}" for name in DRAWINGS)
            )
        )
    if source is not None and path.resolve() == source.resolve():
        raise UsageRefused(_("{path} is the plan itself; name another file for the drawing.").format(path=path))
    return suffix


def write(drawing: Drawing, path: Path) -> None:
    """Write a drawing in the format that the suffix names, whole or not at all.

    Raises:
        UsageRefused: there is no such format.
        WorldFailed: the disk refuses.
    """
    save(path, DRAWINGS[require_format(path)](drawing))


def of_file(path: Path, settings: Settings) -> tuple[Schedule, Drawing]:
    """Return the schedule and the drawing of a file alone, without a database.

    Raises:
        InputRejected: the file has problems; a circle is one of them.
    """
    plan = plan_of_file(path)
    calendar = calendars.load(plan.calendar, settings.calendar_file)
    schedule = graph_of(plan, lambda name: calendars.load(name, settings.calendar_file)).schedule()
    return schedule, _draw(plan, schedule, calendar, _Known(spans=_planned(plan, calendar)), path.name)


def of_stored(desk: Desk, text: str) -> tuple[Schedule, Drawing]:
    """Return the schedule of a stored plan as filed, and its drawing as it stands today.

    Raises:
        NotFound: no such plan.
    """
    with desk.reading() as session:
        key = desk.plan_key(session, text)
        found = plans.plan_records(session, content=True, key=key)
        if key not in found:
            raise NotFound(_("There is no plan {plan}. See: planner plan list").format(plan=text))
        record = found[key]
        tasks = plans.task_records(session, plan=key, in_force=False)
        if record.state is not PlanState.ACCEPTED:  # as in `plan show`: how they would stand
            tasks = tasks_of_accepted(record, tasks, desk.now, desk.today)
        around = with_predecessors(session, tasks)
        headers = plans.plan_records(session)
        agencies, officers = registers.agencies(session), registers.officers(session)
    plan = record.plan
    foreseen = outlook(around, headers, desk.calendar, desk.today)
    references = {ref: predecessor_key(key, ref) for task in plan.tasks for ref in task.after}
    keys = {task.code: task_key(key, task.code) for task in plan.tasks} | references
    known = _Known(
        spans=_spans({name: foreseen[full] for name, full in keys.items() if full in foreseen}),
        outside={ref: around[full] for ref, full in references.items() if full in around},
        own={one.task.code: one for one in tasks.values()},
        states={name: timeliness_of(desk, around[full]) for name, full in keys.items() if full in around},
        agencies={code: agency.name for code, agency in agencies.items()},
        officers={email: officer.name for email, officer in officers.items()},
        today=desk.today,
    )
    schedule = graph_of(plan, desk.calendar).schedule()
    return schedule, _draw(plan, schedule, desk.calendar(plan.calendar), known, key)


def _planned(plan: Plan, calendar: Calendar) -> dict[str, _Span]:
    """Return the days of every task as planned; empty when the plan names no date at all."""
    named = [plan.signed, *(day for task in plan.tasks for day in (task.begins, task.deadline.last_day))]
    origin = min((day for day in named if day is not None), default=None)
    if origin is None:
        return {}
    return _spans(
        forecast(
            {
                task.code: ForecastTask(
                    # a length alone says nothing about the beginning; the plan's date does
                    start=task.begins or (plan.signed if task.duration is not None else None),
                    plan_date=plan.signed,
                    duration=task.duration,
                    last_day=task.deadline.last_day,
                )
                for task in plan.tasks
            },
            [(ref, task.code) for task in plan.tasks for ref in task.after],
            calendar,
            origin,
        )
    )


def _spans(foreseen: Mapping[str, Forecast]) -> dict[str, _Span]:
    return {
        key: (one.start, one.finish)
        for key, one in foreseen.items()
        if one.start is not None and one.finish is not None
    }


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """Days as numbers: of the calendar where dates are known, of the schedule where not."""

    origin: date | None
    calendar: Calendar
    schedule: Schedule
    spans: Mapping[str, _Span]
    end: date  #: last day of the plan; nothing is drawn behind it for slack alone

    def days(self, code: str, planned: tuple[date | None, date | None]) -> tuple[int, int, int]:
        """Return first day, day after the last, and how far a task may slip."""
        schedule = self.schedule
        if self.origin is None:
            finish = schedule.early_finish[code]
            return schedule.early_start[code], finish, finish + schedule.slack[code]
        first, last = self.spans.get(code) or (None, None)
        if first is None or last is None:  # suspended or withdrawn: where the plan has it
            first = planned[0] or planned[1] or self.origin
            last = max(first, planned[1] or first)
        finish = self.number(last) + 1
        slip = min(schedule.slack[code], max(0, self.calendar.count(last, self.end)))
        return self.number(first), finish, self.number(self.calendar.add(last, slip)) + 1

    def number(self, day: date) -> int:
        return 0 if self.origin is None else (day - self.origin).days


def _axis(plan: Plan, schedule: Schedule, calendar: Calendar, known: _Known) -> _Axis:
    own = [known.spans[task.code] for task in plan.tasks if task.code in known.spans]
    dates = [day for span in known.spans.values() for day in span]
    return _Axis(
        origin=min(dates, default=None),
        calendar=calendar,
        schedule=schedule,
        spans=known.spans,
        end=max((last for _first, last in own), default=date.min),
    )


def _draw(plan: Plan, schedule: Schedule, calendar: Calendar, known: _Known, name: str) -> Drawing:
    axis = _axis(plan, schedule, calendar, known)
    own = list(_own_nodes(plan, schedule, axis, known))
    begins = {node.key: node.start for node in own}
    needed: dict[str, int] = {}  # tasks of others, and the first day on which one of ours waits for them
    for task in plan.tasks:
        for ref in task.after:
            if ref not in begins:
                needed[ref] = min(needed.get(ref, begins[task.code]), begins[task.code])
    outside = [_outside_node(ref, axis, known, day) for ref, day in needed.items()]
    nodes = (*outside, *own)
    path = set(pairwise(schedule.critical_path))
    lanes = [Lane(key=_OUTSIDE, title=_("Tasks of other agencies"))] if outside else []
    lanes += [Lane(key=goal.code, title=f"{goal.code}. {goal.title}".rstrip(". ")) for goal in plan.goals]
    return Drawing(
        title=_title(plan, known, name),
        subtitle=_subtitle(schedule, known),
        nodes=nodes,
        edges=tuple(
            Edge(before=ref, after=task.code, critical=_is_critical(schedule, ref, task.code, path))
            for task in plan.tasks
            for ref in dict.fromkeys(task.after)
        ),
        lanes=tuple(lanes),
        agencies=tuple((code, known.agencies.get(code, "")) for code in dict.fromkeys(node.agency for node in nodes)),
        origin=axis.origin,
        days_off=_days_off(nodes, axis),
        today=None if known.today is None or axis.origin is None else axis.number(known.today),
    )


def _is_critical(schedule: Schedule, before: str, after: str, path: set[tuple[str, str]]) -> bool:
    if (before, after) in path:
        return True
    both = before in schedule.critical and after in schedule.critical
    return both and schedule.early_finish[before] == schedule.early_start[after]


def _own_nodes(plan: Plan, schedule: Schedule, axis: _Axis, known: _Known) -> Iterable[Node]:
    for goal in plan.goals:
        for task in goal.tasks:
            record = known.own.get(task.code)
            last_day = record.last_day if record is not None else task.deadline.last_day
            start, finish, tail = axis.days(task.code, (task.begins, last_day))
            closed = record is not None and not record.state.is_open
            state, late = _standing(task.code, record, known)
            yield Node(
                key=task.code,
                title=task.title,
                agency=plan.agency,
                lane=goal.code,
                responsible=known.officers.get(task.responsible.lower(), task.responsible.split("@")[0]),
                start=start,
                finish=finish,
                tail=finish if closed else tail,
                due=axis.number(last_day) + 1 if last_day is not None and axis.origin is not None else None,
                slack=schedule.slack[task.code],
                critical=task.code in schedule.critical,
                closed=closed,
                state=state,
                late=late,
            )


def _outside_node(reference: str, axis: _Axis, known: _Known, needed: int) -> Node:
    record = known.outside.get(reference)
    span = axis.spans.get(reference)
    start, finish = (
        (axis.number(span[0]), axis.number(span[1]) + 1)
        if span is not None and axis.origin is not None
        else (needed - _GUESSED, needed)
    )
    state, late = _standing(reference, record, known)
    return Node(
        key=reference,
        title=record.task.title if record is not None else "",
        agency=reference.split(":", 1)[0].rsplit("/", 1)[-1],
        lane=_OUTSIDE,
        start=start,
        finish=finish,
        tail=finish,
        outside=True,
        closed=record is not None and not record.state.is_open,
        state=state,
        late=late,
    )


def _standing(key: str, record: TaskRecord | None, known: _Known) -> tuple[str, bool]:
    """Return how a task stands, in words, and whether that is bad news."""
    if record is None or key not in known.states:
        return "", False
    if record.state in (TaskState.SUSPENDED, TaskState.WITHDRAWN, TaskState.SUBMITTED):
        return _(record.state.label), False
    state = known.states[key]
    return _(state.label), state in (Timeliness.OVERDUE, Timeliness.DONE_LATE)


def _title(plan: Plan, known: _Known, name: str) -> str:
    agency = known.agencies.get(plan.agency, plan.agency)
    number = _("plan {number}").format(number=plan.number) if plan.number else ""
    return " – ".join(part for part in (agency, number, plan.directive) if part) or name


def _subtitle(schedule: Schedule, known: _Known) -> str:
    said = _("{tasks} tasks, {dependencies} dependencies; length in days: {days}; critical path: {path}").format(
        tasks=len(schedule.slack),
        dependencies=schedule.dependencies,
        days=schedule.makespan_days,
        path=" → ".join(schedule.critical_path),
    )
    if known.today is None:
        return said
    return _("As foreseen on {day}").format(day=vi_date(known.today)) + ". " + said


def _days_off(nodes: Iterable[Node], axis: _Axis) -> tuple[tuple[int, int], ...]:
    if axis.origin is None:
        return ()
    days = [day for node in nodes for day in (node.start, node.finish, node.tail, node.due) if day is not None]
    first, last = min(days, default=0), max(days, default=0)
    base = axis.origin.toordinal()
    if last - first > _LONGEST_SHADED or base + first < 1 or base + last > date.max.toordinal():
        return ()
    found: list[tuple[int, int]] = []
    for day in range(first, last):
        if axis.calendar.is_working(date.fromordinal(base + day)):
            continue
        if found and found[-1][1] == day:
            found[-1] = (found[-1][0], day + 1)
        else:
            found.append((day, day + 1))
    return tuple(found)
