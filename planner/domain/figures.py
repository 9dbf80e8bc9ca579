"""The figures of a report, as values: counts and their rates, and a line for each task, agency and target.

Knows no database, no calendar and no text for people; `domain/progress.py` computes them, documents and JSON show them.
Source: design notes "Figures"; Decision 42/2014/QĐ-TTg on following assigned tasks.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

from planner.domain.agency import Tier
from planner.domain.directive import Directive
from planner.domain.filing import Filing
from planner.domain.status import TaskState

AGEING = ((5, "up_to_5"), (10, "6_to_10"), (20, "11_to_20"))  #: working days late, inclusive, and the bucket's key
AGEING_REST = "over_20"
LOOK_AHEAD = 30  #: calendar days of the next period


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many tasks stand where; the first six partition `total`."""

    no_deadline: int = 0  #: without a last day, whatever their state
    done_on_time: int = 0  #: confirmed, result dated on or before the last day
    done_late: int = 0  #: confirmed, result dated after it
    open_in_time: int = 0
    open_overdue: int = 0
    awaiting_confirmation: int = 0  #: submitted: neither done nor late until it is decided
    due_soon: int = 0  #: part of open_in_time
    not_yet: int = 0  #: part of open_in_time
    extensions: int = 0  #: extensions granted, not tasks extended

    @property
    def total(self) -> int:
        """Return the number of tasks that count."""
        return self.no_deadline + self.with_deadline

    @property
    def with_deadline(self) -> int:
        """Return the number of tasks that have a last day."""
        return self.done + self.open_in_time + self.open_overdue + self.awaiting_confirmation

    @property
    def done(self) -> int:
        """Return the number of confirmed tasks that had a last day."""
        return self.done_on_time + self.done_late

    @property
    def due(self) -> int:
        """Return the denominator of the official rates: done, or overdue and still open."""
        return self.done + self.open_overdue

    @property
    def completion(self) -> float | None:
        """Return done / (done + open overdue), 0-1; None when nothing is due."""
        return _ratio(self.done, self.due)

    @property
    def on_time(self) -> float | None:
        """Return done on time / (done + open overdue), 0-1; None when nothing is due."""
        return _ratio(self.done_on_time, self.due)

    @property
    def done_of_all(self) -> float | None:
        """Return done / all with a deadline, 0-1; None when no task has one."""
        return _ratio(self.done, self.with_deadline)

    @property
    def all_on_time(self) -> bool:
        """Say whether every task with a deadline is done, and none late."""
        return 0 < self.done_on_time == self.with_deadline

    def rates(self) -> dict[str, float | None]:
        """Return the three rates, unrounded."""
        return {"completion": self.completion, "on_time": self.on_time, "done_of_all": self.done_of_all}

    def as_dict(self) -> dict[str, int]:
        """Return the total, its parts and the subsets."""
        return {"total": self.total, "done": self.done, **self.parts()}

    def parts(self) -> dict[str, int]:
        """Return the fields alone, which may be added up."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """An unfinished task that another one waits for."""

    task: str  #: short key
    title: str
    agency_name: str
    last_day: date | None
    elsewhere: bool  #: it belongs to another agency than the task that waits


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskLine:
    """One task as a report lists it."""

    key: str
    short_key: str
    title: str
    agency: str  #: code of the agency that answers today
    agency_name: str
    tier: Tier | None
    given_to: str  #: code of the agency it was given to
    responsible: str  #: e-mail, or the name as filed
    responsible_name: str
    responsible_title: str  #: "" when the person is not in the register
    state: TaskState
    due_text: str  #: as filed
    first_last_day: date | None  #: before any extension
    last_day: date  #: in force
    extensions: int
    days_late: int  #: working days after `last_day`; 0 when not overdue, or overdue over days off only
    forecast_finish: date | None  #: None without a forecast
    waits_for: tuple[Waiting, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the line with plain values."""
        found: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        found["task"] = found.pop("short_key")
        found["waits_for"] = [
            {"task": w.task, "title": w.title, "agency_name": w.agency_name, "last_day": _iso(w.last_day)}
            for w in self.waits_for
        ]
        for name in ("first_last_day", "last_day", "forecast_finish"):
            found[name] = _iso(found[name])
        found["tier"] = self.tier.value if self.tier else None
        found["state"] = self.state.value
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class AgencyLine:
    """One agency's figures."""

    code: str
    name: str
    tier: Tier
    parent: str | None  #: code of the agency that stands over it today
    filed: bool | None  #: None: owes no plan
    counts: Counts
    worst: int  #: working days by which its most overdue task is late; 0: none

    def as_dict(self) -> dict[str, Any]:
        """Return the line with plain values."""
        return {
            "agency": self.code,
            "name": self.name,
            "tier": self.tier.value,
            "parent": self.parent,
            "filed": self.filed,
            "worst_days_late": self.worst,
            **self.counts.as_dict(),
            "rates": self.counts.rates(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetLine:
    """How one tier stands against one target."""

    code: str
    title: str
    tier: Tier | None  #: None: the province as a whole, reported by the department
    value: float  #: to reach
    unit: str
    holds_from: date | None
    by: date | None
    bound: int  #: agencies it binds today (1 for the province)
    reported: int  #: of them, with a value
    attained: int  #: of them, at or above `value`

    @property
    def starts(self) -> date | None:
        """Return the day from which, or by which, it must be met."""
        return self.holds_from or self.by

    @property
    def rate(self) -> float | None:
        """Return attained / bound, 0-1; None when it binds nobody today."""
        return _ratio(self.attained, self.bound)

    def as_dict(self) -> dict[str, Any]:
        """Return the line with plain values."""
        found: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            **found,
            "tier": self.tier.value if self.tier else None,
            "holds_from": _iso(self.holds_from),
            "by": _iso(self.by),
            "rate": self.rate,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Undecided:
    """An agency taken over in part, with work whose new owner a person must name."""

    agency: str
    name: str
    among: tuple[str, ...]  #: names of the agencies that took it over
    open_tasks: int

    def as_dict(self) -> dict[str, Any]:
        """Return the line with plain values."""
        return {"agency": self.agency, "name": self.name, "among": list(self.among), "open_tasks": self.open_tasks}


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """All figures of one directive on one day."""

    as_of: date
    directive: Directive
    department: str  #: code of the agency that monitors and reports
    filing: Filing
    counts: Counts
    by_tier: dict[Tier, Counts]
    by_parent: dict[str, Counts]  #: communes only, by the code of their district
    agencies: tuple[AgencyLine, ...]  #: those that owe a plan or have a task
    ageing: dict[str, int]  #: overdue tasks by working days late; see AGEING
    overdue: tuple[TaskLine, ...]  #: the latest first
    at_risk: tuple[TaskLine, ...]  #: forecast after the last day, not yet overdue
    upcoming: tuple[TaskLine, ...]  #: open, last day within LOOK_AHEAD days from `as_of`
    targets: tuple[TargetLine, ...]
    undecided: tuple[Undecided, ...]

    @property
    def most_overdue(self) -> tuple[AgencyLine, ...]:
        """Return the agencies with overdue tasks, those with the most and the longest overdue first."""
        late = [row for row in self.agencies if row.counts.open_overdue]
        return tuple(sorted(late, key=lambda row: (-row.counts.open_overdue, -row.worst)))

    @property
    def overdue_waiting(self) -> int:
        """Return how many overdue tasks wait for an unfinished task of another agency."""
        return sum(any(other.elsewhere for other in line.waits_for) for line in self.overdue)

    @property
    def holding_up(self) -> tuple[str, ...]:
        """Return the names of agencies for whose tasks overdue or endangered tasks of others wait, the worst first."""
        lines = (*self.overdue, *self.at_risk)
        held = Counter(name for line in lines for name in {w.agency_name for w in line.waits_for if w.elsewhere})
        return tuple(name for name, _ in sorted(held.items(), key=lambda pair: (-pair[1], pair[0])))

    @property
    def target_codes(self) -> tuple[str, ...]:
        """Return the codes of all targets, in order."""
        return tuple(dict.fromkeys(line.code for line in self.targets))

    @property
    def targets_in_force(self) -> tuple[str, ...]:
        """Return the codes of the targets that must be met by `as_of`."""
        return tuple(
            dict.fromkeys(line.code for line in self.targets if line.starts is None or line.starts <= self.as_of)
        )

    @property
    def targets_met(self) -> tuple[str, ...]:
        """Return the codes of those in force that every agency bound has met."""
        short = {line.code for line in self.targets if line.attained < line.bound or not line.bound}
        return tuple(code for code in self.targets_in_force if code not in short)

    @property
    def targets_unreported(self) -> tuple[str, ...]:
        """Return the codes of those in force for which nobody has reported a value."""
        known = {line.code for line in self.targets if line.reported}
        return tuple(code for code in self.targets_in_force if code not in known)

    @property
    def targets_to_come(self) -> tuple[TargetLine, ...]:
        """Return one line of each target that comes into force within LOOK_AHEAD days."""
        end = self.as_of + timedelta(days=LOOK_AHEAD)
        found = {
            line.code: line for line in self.targets if line.starts is not None and self.as_of < line.starts <= end
        }
        return tuple(found.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON of `planner report status`."""
        return {
            "as_of": self.as_of.isoformat(),
            "directive": self.directive.code,
            "filing": {
                "owed": self.filing.owed,
                "filed": self.filing.filed,
                "deadline": _iso(self.filing.deadline),
                "missing": [row.as_dict() for row in self.filing.missing],
            },
            "tasks": {**self.counts.as_dict(), "ageing": dict(self.ageing)},
            "rates": self.counts.rates(),
            "tiers": [{"tier": tier.value, **c.as_dict(), "rates": c.rates()} for tier, c in self.by_tier.items()],
            "targets": [row.as_dict() for row in self.targets],
            "agencies": [row.as_dict() for row in self.agencies],
            "overdue": [row.as_dict() for row in self.overdue],
            "at_risk": [row.as_dict() for row in self.at_risk],
            "upcoming": [row.as_dict() for row in self.upcoming],
            "undecided": [row.as_dict() for row in self.undecided],
        }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
