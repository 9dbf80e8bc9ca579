"""How the work under a directive stands on a day: every figure of a report, computed here and nowhere else.

Pure: no database, no clock, no calendar (working days come in as functions), no text for people. Tasks are counted with
the agency that answers for them today. Source: design notes "Figures" and "Timeliness"; the official rate has the tasks
due as its denominator (report 1270/BC-TCTTTg of 2017).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

from planner.domain.agency import Tier
from planner.domain.directive import Directive
from planner.domain.figures import (
    AGEING,
    AGEING_REST,
    LOOK_AHEAD,
    AgencyLine,
    Counts,
    Progress,
    TargetLine,
    TaskLine,
    Undecided,
    Waiting,
)
from planner.domain.filing import Filing, MissingPlan, Owners, filing, owner_on
from planner.domain.plan import State, TargetValue, TaskRecord
from planner.domain.status import TaskState, Timeliness, timeliness

if TYPE_CHECKING:
    from planner.domain.forecast import Forecast

__all__ = [
    "AgencyLine",
    "Counts",
    "Filing",
    "MissingPlan",
    "Progress",
    "TargetLine",
    "TaskLine",
    "Undecided",
    "Waiting",
    "filing",
    "measure",
    "owner_on",
    "standing",
]

_COUNTED: dict[Timeliness, tuple[str, ...]] = {
    Timeliness.NO_DEADLINE: ("no_deadline",),
    Timeliness.NOT_YET: ("open_in_time", "not_yet"),
    Timeliness.IN_TIME: ("open_in_time",),
    Timeliness.DUE_SOON: ("open_in_time", "due_soon"),
    Timeliness.OVERDUE: ("open_overdue",),
    Timeliness.DONE_ON_TIME: ("done_on_time",),
    Timeliness.DONE_LATE: ("done_late",),
}


def standing(record: TaskRecord, *, today: date, due_soon_from: Callable[[date], date]) -> tuple[str, ...]:
    """Return the names of the counts that a task raises: one part of the total, and at most one subset of it."""
    if record.last_day is None:
        return ("no_deadline",)
    if record.state is TaskState.SUBMITTED:
        return ("awaiting_confirmation",)
    done_on = None
    if record.state is TaskState.CONFIRMED:
        # A confirmed task has a dated result; should the date be missing, the day of the entry is the latest it can be.
        done_on = record.done_on or record.recorded_on or today
    return _COUNTED[
        timeliness(
            state=record.state,
            start=record.task.begins,
            last_day=record.last_day,
            done_on=done_on,
            today=today,
            due_soon_from=due_soon_from(record.last_day),
        )
    ]


def measure(
    state: State,
    *,
    directive: str,
    today: date,
    due_soon_from: Callable[[date], date],
    days_late: Callable[[date], int],
    forecasts: Mapping[str, Forecast] | None,
    department: str,
) -> Progress:
    """Return all figures of one directive on `today`.

    Args:
        state: what holds at the cut-off.
        directive: its code, a key of `state.directives`.
        today: the day the figures are for.
        due_soon_from: the first day on which a task with this last day is due soon.
        days_late: working days from a last day to `today`.
        forecasts: by task key; None: nothing is said about risk.
        department: code of the agency that monitors, and reports values for the province as a whole.
    """
    owners = Owners(state, today)
    soon = cache(due_soon_from)
    late = cache(days_late)
    lines = _Lines(state, owners, forecasts or {}, today, late)
    prefix = directive + "/"
    every: Counter[str] = Counter()
    by_agency: dict[str, Counter[str]] = defaultdict(Counter)
    worst: dict[str, int] = defaultdict(int)
    ageing = {key: 0 for _, key in AGEING} | {AGEING_REST: 0}
    unfinished: Counter[str] = Counter()
    overdue: list[TaskLine] = []
    at_risk: list[TaskLine] = []
    upcoming: list[TaskLine] = []
    for key, record in state.tasks.items():
        if not record.state.counts or not key.startswith(prefix):
            continue
        owner = owners.of(record.agency)
        raised = Counter(standing(record, today=today, due_soon_from=soon))
        raised["extensions"] = len(record.extensions)
        every.update(raised)
        by_agency[owner].update(raised)
        unfinished[owner] += record.state is not TaskState.CONFIRMED
        if raised["open_overdue"]:
            line = lines.make(record)
            overdue.append(line)
            ageing[_bucket(line.days_late)] += 1
            worst[owner] = max(worst[owner], line.days_late)
        elif raised["open_in_time"]:
            if lines.is_at_risk(record):
                at_risk.append(lines.make(record))
            if record.last_day is not None and record.last_day <= today + timedelta(days=LOOK_AHEAD):
                upcoming.append(lines.make(record))
    filed = filing(state, directive=directive, today=today, days_late=late)
    missing = {row.agency for row in filed.missing}
    owing = set(filed.owing)
    agencies = tuple(
        AgencyLine(
            code=agency.code,
            name=agency.name,
            tier=agency.tier,
            parent=owners.of(agency.parent) if agency.parent else None,
            filed=agency.code not in missing if agency.code in owing else None,
            counts=Counts(**by_agency.get(agency.code, Counter())),
            worst=worst.get(agency.code, 0),
        )
        for agency in state.agencies.values()
        if agency.code in owing or agency.code in by_agency
    )
    return Progress(
        as_of=today,
        directive=state.directives[directive],
        department=department,
        filing=filed,
        counts=Counts(**every),
        by_tier={tier: _sum(row.counts for row in agencies if row.tier is tier) for tier in Tier},
        by_parent=_by_parent(agencies),
        agencies=agencies,
        ageing=ageing,
        overdue=tuple(sorted(overdue, key=lambda line: (line.last_day, line.key))),
        at_risk=tuple(sorted(at_risk, key=lambda line: (line.last_day, line.key))),
        upcoming=tuple(sorted(upcoming, key=lambda line: (line.last_day, line.key))),
        targets=_targets(state, state.directives[directive], today=today, owners=owners, department=department),
        undecided=tuple(
            Undecided(
                agency=code,
                name=_name(state, code),
                among=tuple(_name(state, other) for other in owners.undecided(code)),
                open_tasks=unfinished[code],
            )
            for code in by_agency
            if unfinished[code] and owners.undecided(code)
        ),
    )


class _Lines:
    """Makes the line of a task from what is known around it."""

    def __init__(
        self,
        state: State,
        owners: Owners,
        forecasts: Mapping[str, Forecast],
        today: date,
        days_late: Callable[[date], int],
    ) -> None:
        self._state, self._owners, self._forecasts = state, owners, forecasts
        self._today, self._days_late = today, days_late

    def is_at_risk(self, record: TaskRecord) -> bool:
        """Say whether the forecast ends after the last day."""
        forecast = self._forecasts.get(record.key)
        return forecast is not None and forecast.at_risk

    def make(self, record: TaskRecord) -> TaskLine:
        """Return the line of a task that has a last day."""
        assert record.last_day is not None  # noqa: S101 - only tasks with a deadline are listed
        owner = self._owners.of(record.agency)
        agency = self._state.agencies.get(owner)
        person = self._state.officers.get(record.task.responsible)
        forecast = self._forecasts.get(record.key)
        first = record.extensions[0].old_last_day if record.extensions else record.last_day
        return TaskLine(
            key=record.key,
            short_key=record.short_key,
            title=record.task.title,
            agency=owner,
            agency_name=_name(self._state, owner),
            tier=agency.tier if agency else None,
            given_to=record.agency,
            responsible=record.task.responsible,
            responsible_name=person.name if person else record.task.responsible,
            responsible_title=person.title if person else "",
            state=record.state,
            due_text=record.task.deadline.text,
            first_last_day=first,
            last_day=record.last_day,
            extensions=len(record.extensions),
            days_late=max(self._days_late(record.last_day), 0) if self._today > record.last_day else 0,
            forecast_finish=forecast.finish if forecast else None,
            waits_for=tuple(self._waiting(key, owner) for key in forecast.blocked_by if key in self._state.tasks)
            if forecast
            else (),
        )

    def _waiting(self, key: str, owner: str) -> Waiting:
        record = self._state.tasks[key]
        other = self._owners.of(record.agency)
        return Waiting(
            task=record.short_key,
            title=record.task.title,
            agency_name=_name(self._state, other),
            last_day=record.last_day,
            elsewhere=other != owner,
        )


def _targets(
    state: State, directive: Directive, *, today: date, owners: Owners, department: str
) -> tuple[TargetLine, ...]:
    latest: dict[tuple[str, str], TargetValue] = {}
    for value in state.values:
        if value.directive != directive.code or value.on > today:
            continue
        key = (value.target, value.agency)
        if key not in latest or latest[key].on <= value.on:
            latest[key] = value

    def reported(target: str, agency: str) -> float | None:
        # A successor starts from its predecessor's value; the values of several predecessors make no common value.
        while (target, agency) not in latest:
            formers = owners.formers(agency)
            if len(formers) != 1:
                return None
            agency = formers[0]
        return latest[target, agency].value

    lines = []
    for target in directive.targets:
        for tier in target.tiers or (None,):
            bound = (
                [department]
                if tier is None
                else [a.code for a in state.agencies.values() if a.tier is tier and owners.answers(a)]
            )
            values = [found for code in bound if (found := reported(target.code, code)) is not None]
            lines.append(
                TargetLine(
                    code=target.code,
                    title=target.title,
                    tier=tier,
                    value=target.value,
                    unit=target.unit,
                    holds_from=target.holds_from,
                    by=target.by,
                    bound=len(bound),
                    reported=len(values),
                    attained=sum(value >= target.value for value in values),
                )
            )
    return tuple(lines)


def _by_parent(agencies: Iterable[AgencyLine]) -> dict[str, Counts]:
    rows: dict[str, list[Counts]] = defaultdict(list)
    for row in agencies:
        if row.tier is Tier.COMMUNE and row.parent is not None:
            rows[row.parent].append(row.counts)
    return {parent: _sum(counts) for parent, counts in rows.items()}


def _sum(counts: Iterable[Counts]) -> Counts:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one.parts())
    return Counts(**total)


def _bucket(days: int) -> str:
    return next((key for most, key in AGEING if days <= most), AGEING_REST)


def _name(state: State, agency: str) -> str:
    return state.agencies[agency].name if agency in state.agencies else agency
