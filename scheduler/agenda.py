"""What one round must look at: the few tasks and plans of which something may be to tell, found by asking the database.

A task is looked at when it has reached a step that the ledger lacks or holds back, when a notice about it still waits,
or when it may be foreseen to be late. Which tasks may be, and from which day on, is worked out for a month at a time
(`store/marks.py`). Whatever is looked at is judged as everything would be, so that this choice can only leave out what
would change nothing. Source: design notes "Reminders and escalations".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from planner.config import ZONE
from planner.domain.calendar import Calendar
from planner.domain.filing import filing
from planner.domain.forecast import Forecast
from planner.domain.outlook import dependencies_of, outlook
from planner.domain.plan import State, plan_key
from planner.domain.status import TaskState
from planner.store import candidates, cases, marks, neighbours, network, plans, registers
from planner.store.candidates import Asked, Reached, Which
from planner.store.engine import Session
from planner.store.marks import Foreseen
from planner.store.network import Danger
from scheduler.due import steps_reached
from scheduler.policy import Policy
from scheduler.rules import Anchor
from scheduler.shop import Picture, Shop, local_day

_AHEAD = timedelta(days=31)  # so far it is worked out which tasks may be foreseen late
#: Of more tasks at once all are foreseen anew. Measured: read whole, so many take as long as 60,000 in columns.
_MANY = 10_000


@dataclass(frozen=True, kw_only=True)
class Agenda:
    """What a round looks at."""

    subjects: frozenset[str]  #: task keys, and plan keys of plans that are owed
    forecasts: Mapping[str, Forecast]  #: of those among them that are foreseen to be late
    mark: Foreseen  #: what the forecasts knew
    before: Foreseen | None  #: the mark before it
    policies: Mapping[str, Policy]  #: under which tasks stand, by hash
    is_new: bool  #: the mark differs from the one before
    watched: Mapping[str, date]  #: tasks that may be foreseen to be late, with the first day
    is_anew: bool  #: those are all, not only what events were about

    @property
    def has_new_days(self) -> bool:
        """Whether the calendar may have been changed since the mark was left."""
        return self.before is None or self.before.basis != self.mark.basis


def agenda_of(shop: Shop, session: Session, now: datetime) -> Agenda:
    """Return what must be looked at at `now`; the number of statements does not grow with the number of tasks."""
    return _Search(shop, session, local_day(now)).agenda()


def _policies(shop: Shop, session: Session) -> dict[str, Policy]:
    """Return the policies under which tasks stand, by hash: the one in force, and those with which others began."""
    found = {shop.policy.hash: shop.policy}
    others = candidates.policies_begun(session) - found.keys()
    if others:
        kept = cases.policies(session)
        found.update((one, Policy.from_content(kept[one])) for one in sorted(others))
    return found


class _Search:
    """One look for what must be looked at."""

    def __init__(self, shop: Shop, session: Session, today: date) -> None:
        self._shop, self._session, self._today = shop, session, today
        self._calendar = shop.calendar()
        self._in_force = shop.policy.hash
        self._policies = _policies(shop, session)
        self._before = marks.foreseen(session)
        self._seq = marks.last_event(session)
        self._basis = _basis(today, self._calendar, self._policies, self._in_force)
        # What stands of the last look; None: all must be foreseen anew, and nobody asks what events were about.
        self._known = self._before if self._before and self._before.still_holds(today, self._seq, self._basis) else None
        self._is_first_today = self._known is None or self._known.day != today
        self._touched = marks.touched(session, self._known.seq) if self._known else marks.Touched()
        self._which = Which(
            policies=frozenset(self._policies),
            in_force=self._in_force,
            doubled=self._is_first_today or self._touched.people or bool(self._touched.plans),
        )
        self._days = candidates.last_days(session)

    def agenda(self) -> Agenda:
        tasks = set(self._due())
        asked = {state: anchor for state, anchor in _STATES.items() if self._has(anchor)}
        for state, first in candidates.first_since(self._session, asked).items():
            tasks.update(self._standing(state, asked[state], first))
        waiting, warned = candidates.waiting(self._session, self._today)
        subjects = tasks | waiting | self._owed()
        danger = Danger(forecasts={}, first_days={})
        if self._has(Anchor.AT_RISK):
            warned |= candidates.returned_ahead(self._session, self._today)
            danger = self._danger(warned)
            subjects |= warned
            subjects |= self._risky(danger.forecasts.keys() - subjects)
        mark = Foreseen(
            day=self._today,
            seq=self._seq,
            basis=self._basis,
            since=self._known.since if self._known else self._today,
            until=self._known.until if self._known else self._today + _AHEAD,
        )
        return Agenda(
            subjects=frozenset(subjects),
            forecasts=danger.forecasts,
            mark=mark,
            before=self._before,
            policies=self._policies,
            is_new=mark != self._before,
            watched=danger.first_days,
            is_anew=self._known is None,
        )

    def _danger(self, warned: set[str]) -> Danger:
        """Return which tasks are foreseen to be late: of all, or only as far as something may have changed.

        That is what events were about and what waits for it, and `warned`; on the first look of a day, and after people
        have changed, also what may be foreseen late from then on. Of the others the ledger holds what there is to say.
        """
        if self._known is not None:
            changed: frozenset[str] = frozenset()
            if self._touched.tasks or self._touched.plans:
                moved = self._touched.tasks | neighbours.of_plans(self._session, self._touched.plans)
                changed = moved | neighbours.after(self._session, moved)
            is_asked = self._is_first_today or self._touched.people  # a role may have another holder
            may_be = marks.watched(self._session, self._today) if is_asked else set()
            if len(changed | may_be) <= _MANY:
                forecasts = self._foreseen(changed | may_be | warned)
                return Danger(forecasts=forecasts, first_days=dict.fromkeys(changed, self._known.since))
            self._known = None
        return network.danger(self._session, self._shop.calendar, self._today, self._today + _AHEAD)

    def _foreseen(self, tasks: frozenset[str]) -> dict[str, Forecast]:
        """Return the forecasts of those among `tasks` that are foreseen to be late, and not late yet."""
        wanted = neighbours.open_of(self._session, tasks, self._today) if tasks else set()
        if not wanted:
            return {}
        records = plans.task_records(self._session, keys=wanted | neighbours.before(self._session, wanted))
        headers = plans.plan_records(self._session, keys={record.plan for record in records.values()})
        foreseen = outlook(records, headers, self._shop.calendar, self._today)
        return {key: foreseen[key] for key in wanted if foreseen[key].at_risk}

    def _has(self, anchor: Anchor) -> bool:
        return any(policy.on(anchor) for policy in self._policies.values())

    def _reached(self, anchor: Anchor, days: Iterable[date]) -> Iterator[Reached]:
        """Yield the highest step reached for each policy and day; without a mark of the same basis, all of them.

        Then cases may have been moved to a policy that has other steps below one that both have, or the calendar was
        changed, and with it the days of lower steps.
        """
        is_same = self._before is not None and self._before.basis == self._basis
        for found, policy in self._policies.items():
            for day in days if policy.on(anchor) else ():
                steps = steps_reached(policy, anchor, day, self._calendar, self._today)
                for step in steps[-1:] if is_same else steps:
                    roles = tuple(role.value for role in step.rung.tell)
                    yield Reached(policy=found, day=day, rung=step.rung.name, nominal=step.nominal, roles=roles)

    def _due(self) -> Iterable[str]:
        return candidates.due(self._session, self._reached(Anchor.DUE, self._days), self._which)

    def _standing(self, state: TaskState, anchor: Anchor, first: datetime) -> Iterable[str]:
        begin = local_day(first)
        days = [begin + timedelta(days=n) for n in range((self._today - begin).days + 1)]
        reached = [(one, datetime.combine(one.day, time(), ZONE)) for one in self._reached(anchor, days)]
        return candidates.standing(self._session, state, reached, self._which)

    def _owed(self) -> set[str]:
        """Return the keys of plans that are owed and of which the ledger lacks a step."""
        directives = registers.directives(self._session)
        steps = {
            code: found
            for code, directive in directives.items()
            if directive.filing_deadline is not None
            and (found := list(self._reached(Anchor.FILING, [directive.filing_deadline])))
        }
        if not steps:
            return set()
        state = State(
            at=datetime.combine(self._today, time(), ZONE),
            agencies=registers.agencies(self._session),
            officers={},
            absences=(),
            tasks={},
            successions=registers.successions(self._session),
            directives=directives,
            plans=plans.plan_records(self._session),
        )
        asked = [
            Asked(
                policy=one.policy,
                subject=plan_key(code, row.agency),
                revision=0,
                rung=one.rung,
                nominal=one.nominal,
                roles=one.roles,
            )
            for code, found in steps.items()
            for row in filing(state, directive=code, today=self._today, days_late=lambda _last: 0).missing
            for one in found
        ]
        return candidates.lacking(self._session, asked, self._which)

    def _risky(self, keys: Iterable[str]) -> set[str]:
        """Return which tasks that are foreseen to be late the ledger lacks a warning of."""
        known = candidates.deadlines(self._session, keys)
        top: dict[date, list[Reached]] = {}
        for one in self._reached(Anchor.AT_RISK, sorted({day for day, _revision in known.values()})):
            top.setdefault(one.day, []).append(one)
        asked = [
            Asked(
                policy=one.policy,
                subject=key,
                revision=revision,
                rung=one.rung,
                nominal=one.nominal,
                roles=one.roles,
            )
            for key, (day, revision) in known.items()
            for one in top.get(day, ())
        ]
        return candidates.lacking(self._session, asked, self._which) if asked else set()


#: the states of tasks whose own day some rungs count from
_STATES = {TaskState.SUBMITTED: Anchor.SUBMITTED, TaskState.RETURNED: Anchor.RETURNED}


def _basis(today: date, calendar: Calendar, policies: Mapping[str, Policy], in_force: str) -> str:
    """Return a hash of what a look depends on beside events: the policies, and the working days around this year."""
    days = calendar.working_days(date(today.year - 1, 1, 1), date(today.year + 2, 12, 31))
    known = json.dumps([sorted(policies), in_force, days.tolist()])
    return hashlib.sha256(known.encode()).hexdigest()


def picture_of(shop: Shop, session: Session, now: datetime, agenda: Agenda) -> Picture:
    """Return what must be known to judge the subjects of `agenda`: nothing else is loaded."""
    today = local_day(now)
    of_tasks = {subject for subject in agenda.subjects if ":" in subject}
    tasks = plans.task_records(session, keys=of_tasks | neighbours.late_before(session, of_tasks, today))
    is_owed = len(of_tasks) < len(agenda.subjects)
    state = State(
        at=now,
        agencies=registers.agencies(session),
        officers=registers.officers(session),
        absences=registers.absences(session),
        successions=registers.successions(session),
        directives=registers.directives(session),
        plans=plans.plan_records(session) if is_owed else {},
        tasks=tasks,
        dead_addresses=registers.dead_addresses(session),
    )
    return Picture(
        state=state,
        dependencies=dependencies_of(tasks),
        forecasts=agenda.forecasts,
        **_cases_of(shop, session, {*agenda.subjects, *tasks}),
    )


def picture_to_tell(shop: Shop, session: Session, now: datetime, subjects: Iterable[str]) -> Picture:
    """Return what must be known to judge subjects and to write of them: what they wait for, and what waits for them."""
    wanted = set(subjects)
    of_tasks = {subject for subject in wanted if ":" in subject}
    foreseen = of_tasks | neighbours.before(session, of_tasks)
    around = neighbours.late_before(session, of_tasks, local_day(now)) | neighbours.after(session, of_tasks)
    tasks = plans.task_records(session, keys=foreseen | around)
    is_owed = len(of_tasks) < len(wanted)
    headers = plans.plan_records(session, keys=None if is_owed else {record.plan for record in tasks.values()})
    state = State(
        at=now,
        agencies=registers.agencies(session),
        officers=registers.officers(session),
        absences=registers.absences(session),
        successions=registers.successions(session),
        directives=registers.directives(session),
        plans=headers,
        tasks=tasks,
        dead_addresses=registers.dead_addresses(session),
    )
    known = {key: record for key, record in tasks.items() if key in foreseen}
    return Picture(
        state=state,
        dependencies=dependencies_of(tasks),
        forecasts=outlook(known, headers, shop.calendar, local_day(now)),
        **_cases_of(shop, session, {*wanted, *tasks}),
    )


def _cases_of(shop: Shop, session: Session, subjects: Collection[str]) -> dict[str, Any]:
    begun = shop.pinned(session, subjects)
    return {"cases": begun, "spent": shop.spent(session, begun.values())}
