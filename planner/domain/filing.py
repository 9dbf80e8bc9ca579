"""Who owes a plan under a directive, who has filed one, and who answers today for an agency that is no more.

Knows no database and no clock. A plan counts as filed only once it is accepted. An agency taken over wholly is
represented by its successor, who keeps what the predecessors filed; a partial take-over is never decided here.
Source: design notes "Agencies and people", "Plan and task lifecycle"; notice of 29 April 2020, section 3.2.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from planner.domain.agency import Agency, Succession, Tier
from planner.domain.plan import PlanKind, State, plan_key
from planner.domain.status import PlanState


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingPlan:
    """One agency that owes a plan and has none accepted."""

    agency: str  #: agency code
    name: str
    tier: Tier
    parent: str | None  #: code of the agency that stands over it on the day
    parent_name: str  #: "" when nobody stands over it
    deadline: date | None  #: last day for filing
    days_late: int  #: working days after `deadline`; 0 while there is still time

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of `planner plan missing`."""
        return {
            "agency": self.agency,
            "name": self.name,
            "tier": self.tier.value,
            "parent": self.parent,
            "filing_deadline": self.deadline.isoformat() if self.deadline else None,
            "days_late": self.days_late,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Filing:
    """Who owes a plan on a day, in the order of the register."""

    deadline: date | None  #: last day for filing
    owing: tuple[str, ...]  #: codes of the agencies that owe a plan
    missing: tuple[MissingPlan, ...]  #: those of them without an accepted one
    by_tier: dict[Tier, tuple[int, int]]  #: owed and filed, by tier; tiers that owe nothing are left out

    @property
    def owed(self) -> int:
        """Return how many agencies owe a plan."""
        return len(self.owing)

    @property
    def filed(self) -> int:
        """Return how many of them have an accepted one."""
        return len(self.owing) - len(self.missing)

    @property
    def rate(self) -> float | None:
        """Return filed / owed, or None when nobody owes a plan."""
        return self.filed / self.owed if self.owing else None


class Owners:
    """Who answers for whom on one day; made once and asked often."""

    def __init__(self, state: State, day: date) -> None:
        self._day = day
        self._to: dict[str, list[Succession]] = defaultdict(list)
        for step in state.successions:
            if step.on <= day:
                self._to[step.from_code].append(step)
        self._from: dict[str, list[str]] = defaultdict(list)
        for code in self._to:
            successor = self._successor(code)
            if successor is not None:
                self._from[successor].append(code)

    def of(self, agency: str) -> str:
        """Return the agency that answers for `agency`: itself, or the end of its chain of whole successions."""
        seen = {agency}
        successor = self._successor(agency)
        while successor is not None and successor not in seen:
            agency = successor
            seen.add(agency)
            successor = self._successor(agency)
        return agency

    def answers(self, agency: Agency) -> bool:
        """Say whether `agency` exists on the day and nobody has taken it over wholly."""
        return agency.is_valid_on(self._day) and self._successor(agency.code) is None

    def formers(self, agency: str) -> tuple[str, ...]:
        """Return the agencies that `agency` took over wholly, directly."""
        return tuple(self._from.get(agency, ()))

    def undecided(self, agency: str) -> tuple[str, ...]:
        """Return those among whom a person must divide the work of `agency`; empty when nothing is open."""
        return tuple(step.to_code for step in self._to.get(self.of(agency), ()))

    def _successor(self, agency: str) -> str | None:
        steps = self._to.get(agency, ())
        return steps[0].to_code if len(steps) == 1 and steps[0].extent == "whole" else None


def owner_on(state: State, agency: str, day: date) -> str:
    """Return the code of the agency that answers on `day` for what was given to `agency`.

    Whole successions that have begun by `day` are followed to the end. A partial succession, or two from the same
    agency, leaves the agency as it is: a person must decide (`Owners.undecided`).
    """
    return Owners(state, day).of(agency)


def filing(state: State, *, directive: str, today: date, days_late: Callable[[date], int]) -> Filing:
    """Return who owes a plan under `directive` on `today` and who has none accepted.

    An agency owes a plan when its tier must file, it exists on `today` and nobody has taken it over wholly. It has
    filed when its own plan is accepted, or when all those it took over wholly had filed.

    Args:
        state: what holds.
        directive: code of the directive.
        today: the day the question is asked for.
        days_late: working days from a last day to today.
    """
    order = state.directives[directive]
    owners = Owners(state, today)

    def has_filed(code: str, seen: frozenset[str] = frozenset()) -> bool:
        record = state.plans.get(plan_key(directive, code, PlanKind.FILED))
        if record is not None and record.state is PlanState.ACCEPTED:
            return True
        before = [former for former in owners.formers(code) if former not in seen]
        return bool(before) and all(has_filed(former, seen | {code}) for former in before)

    deadline = order.filing_deadline
    late = max(days_late(deadline), 0) if deadline is not None and today > deadline else 0
    owing: list[Agency] = [
        agency for agency in state.agencies.values() if agency.tier in order.filing_tiers and owners.answers(agency)
    ]
    missing: list[MissingPlan] = []
    for agency in owing:
        if has_filed(agency.code):
            continue
        parent = owners.of(agency.parent) if agency.parent else None
        over = state.agencies.get(parent) if parent else None
        missing.append(
            MissingPlan(
                agency=agency.code,
                name=agency.name,
                tier=agency.tier,
                parent=parent,
                parent_name=over.name if over else "",
                deadline=deadline,
                days_late=late,
            )
        )
    owed = Counter(agency.tier for agency in owing)
    lacking = Counter(row.tier for row in missing)
    return Filing(
        deadline=deadline,
        owing=tuple(agency.code for agency in owing),
        missing=tuple(missing),
        by_tier={tier: (owed[tier], owed[tier] - lacking[tier]) for tier in Tier if owed[tier]},
    )
