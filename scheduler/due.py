"""Everything that must be told by now: the state and the policy become notices.

Pure and level-triggered: each call works out everything anew and knows nothing of what was told before; the keys of the
notices make a repeat harmless. Of the rungs reached on one subject the highest is told, the others are recorded as
superseded. Reads no clock, sends nothing. Source: design notes "Reminders and escalations".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from planner.config import ZONE
from planner.domain.calendar import Calendar
from planner.domain.filing import filing
from planner.domain.forecast import Forecast
from planner.domain.notification import Notice, NoticeKind, NoticeState
from planner.domain.plan import Pause, State, TaskRecord, plan_key
from planner.domain.status import TaskState
from planner.i18n import gettext as _
from planner.templating import vi_date
from scheduler.ladder import Ladder
from scheduler.policy import Policy, Role, Rung
from scheduler.rules import Anchor, occurrences
from scheduler.waiting import Blockers, holding_up

__all__ = ["Judge", "Step", "due_notices", "holding_up", "steps_reached", "still_true"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One occurrence of one rung that has been reached."""

    rung: Rung
    nominal: date  #: the day it fell due
    when: str  #: the trigger in words


def steps_reached(
    policy: Policy,
    anchor: Anchor,
    day: date,
    calendar: Calendar,
    today: date,
    *,
    spent: Collection[tuple[str, date]] = (),
) -> tuple[Step, ...]:
    """Return what has been reached by `today`, lowest first: by day, on one day by the order of the ladder.

    Args:
        policy: the ladder.
        anchor: what its rungs count from.
        day: that day.
        calendar: which days are worked.
        today: the day asked about, inclusive.
        spent: (rung, day) of what was told under another version: it counts against a rung's cap.
    """
    reached = []
    for place, rung in policy.on(anchor):
        days = occurrences(rung.trigger, day, calendar, today, rung.cap)
        told = {nominal for name, nominal in spent if name == rung.name}
        if rung.cap is not None and told:
            known = [nominal for nominal in days if nominal <= max(told)]
            days = (*known, *days[len(known) :][: max(0, rung.cap - len(told))])
        reached += [(nominal, place, rung) for nominal in days]
    reached.sort(key=lambda step: step[:2])
    return tuple(Step(rung=rung, nominal=nominal, when=rung.trigger.describe()) for nominal, _place, rung in reached)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Subject:
    """What the notices of one climb are about."""

    key: str  #: task key, or plan key
    revision: int
    agency: str  #: code, as given
    responsible: str | None = None
    blocker: str | None = None  #: late task of another agency for which this one waits
    promise: Pause | None = None  #: by when who answers for it promised it, kept or not
    snooze: Pause | None = None  #: the department holds the whole ladder
    extra: str = ""  #: one more sentence for the reason


class Judge:
    """What is true at one instant, prepared for many questions."""

    def __init__(
        self,
        state: State,
        policy: Policy,
        calendar: Calendar,
        now: datetime,
        *,
        department: str,
        dependencies: Iterable[tuple[str, str]] = (),
        forecasts: Mapping[str, Forecast] | None = None,
        cases: Mapping[tuple[str, int], Policy] | None = None,
        spent: Mapping[tuple[str, int], Collection[tuple[str, date]]] | None = None,
    ) -> None:
        """Prepare the answers; see `due_notices` for the arguments."""
        self._state, self._policy, self._calendar = state, policy, calendar
        self._today = now.astimezone(ZONE).date()
        self._ladder = Ladder(state, self._today, department)
        self._forecasts, self._cases, self._spent = forecasts or {}, cases or {}, spent or {}
        self._reached: dict[tuple[str, Anchor, date], tuple[Step, ...]] = {}
        self._unfiled: dict[str, frozenset[str]] = {}
        self._whys: dict[tuple[Role, str, date], str] = {}
        before: dict[str, list[str]] = defaultdict(list)
        for earlier, later in dependencies:
            if earlier in state.tasks and later in state.tasks:
                before[later].append(earlier)
        for waits_for in before.values():
            waits_for.sort(key=lambda key: (state.tasks[key].last_day or date.max, key))
        self._blockers = Blockers(before, is_late=self._is_late, is_urged=self._is_urged, owner=self._owner)

    def due(self) -> list[Notice]:
        """Return all notices, by subject, then from the lowest rung to the highest."""
        found = [notice for key in sorted(self._state.tasks) for notice in self._of_task(self._state.tasks[key])]
        for directive in sorted(self._state.directives):
            for agency in sorted(self._without_plan(directive)):
                found.extend(self._of_filing(directive, agency))
        return found

    def of(self, subject: str) -> list[Notice]:
        """Return the notices of one task (by task key) or one owed plan (by plan key); empty when nothing is owed."""
        record = self._state.tasks.get(subject)
        if record is not None:
            return list(self._of_task(record))
        directive, _slash, agency = subject.partition("/")
        if directive in self._state.directives and agency in self._without_plan(directive):
            return list(self._of_filing(directive, agency))
        return []

    def now(self, notice: Notice) -> Notice | None:
        """Return `notice` as it is to be told now (recipient and reason may have changed), or None if it no longer is.

        It no longer is when its task is done, its deadline was changed, a higher rung has been reached, the plan was
        filed, the result was judged, the forecast recovered, or a blocker is urged in its place.
        """
        return next(
            (one for one in self.of(notice.subject) if one.state is NoticeState.QUEUED and one.key == notice.key), None
        )

    def _of_task(self, record: TaskRecord) -> Iterator[Notice]:
        if record.state is TaskState.SUBMITTED and record.state_since is not None:
            handed_in = record.state_since.astimezone(ZONE).date()
            subject = self._subject(record)
            yield from self._climb(subject, self._steps(subject, Anchor.SUBMITTED, handed_in))
        if record.state is TaskState.RETURNED and record.state_since is not None:
            returned = record.state_since.astimezone(ZONE).date()
            subject = self._subject(record)
            yield from self._climb(subject, self._steps(subject, Anchor.RETURNED, returned))
        if not record.state.is_open or record.last_day is None:
            return
        subject = self._subject(record)
        steps = self._steps(subject, Anchor.DUE, record.last_day)
        if steps:
            blocker = self._blockers.end(record.key) if self._today > record.last_day else None
            yield from self._climb(subject if blocker is None else replace(subject, blocker=blocker), steps)
        forecast = self._forecasts.get(record.key)
        if forecast is not None and forecast.at_risk and self._today <= record.last_day:
            extra = ""
            if forecast.finish is not None:
                extra = _("The forecast ends on {day}.").format(day=vi_date(forecast.finish))
            at_risk = self._steps(subject, Anchor.AT_RISK, record.last_day)
            yield from self._climb(replace(subject, extra=extra), at_risk)

    def _of_filing(self, directive: str, agency: str) -> Iterator[Notice]:
        deadline = self._state.directives[directive].filing_deadline
        if deadline is not None:
            subject = _Subject(key=plan_key(directive, agency), revision=0, agency=agency)
            yield from self._climb(subject, self._steps(subject, Anchor.FILING, deadline))

    def _climb(self, subject: _Subject, steps: tuple[Step, ...]) -> Iterator[Notice]:
        """Yield the notices of the rungs reached, lowest first: the last is told, the others are superseded."""
        if not steps:
            return
        *lower, top = steps
        if lower:
            reason = _("A later rung has been reached: {when}.").format(when=top.when)
            for step in lower:
                for role in step.rung.tell:
                    yield self._notice(subject, step, role, reason=reason, state=NoticeState.SUPERSEDED)
        told: dict[str, Role] = {}
        for role in top.rung.tell:
            held = self._held(subject, role)
            if held:
                yield self._notice(subject, top, role, reason=held, state=NoticeState.SUPPRESSED, may_return=True)
                continue
            officer, how = self._ladder.resolve(role, subject.agency, subject.responsible)
            if officer is not None and officer.email in told:
                reason = _("Already told as {role}.").format(role=_(told[officer.email].label))
                yield self._notice(subject, top, role, reason=reason, state=NoticeState.SUPPRESSED)
                continue
            if officer is not None:
                told[officer.email] = role
            when = self._why(role, top)
            blocked = self._blocked(subject.blocker) if subject.blocker is not None else ""
            promise = subject.promise
            promised = self._promised(promise) if promise is not None and promise.since <= self._today else ""
            reason = " ".join(part for part in (when, blocked, promised, subject.extra, how) if part)
            yield self._notice(subject, top, role, reason=reason, state=NoticeState.QUEUED)

    def _why(self, role: Role, step: Step) -> str:
        """Return the sentence that begins a reason; thousands of notices share it."""
        known = (role, step.when, step.nominal)
        if known not in self._whys:
            text = _("Told as {role}: {when} ({day}).")
            self._whys[known] = text.format(role=_(role.label), when=step.when, day=vi_date(step.nominal))
        return self._whys[known]

    def _held(self, subject: _Subject, role: Role) -> str:
        """Return why a role is not told for the time being, in words; "" when it is told."""
        if subject.snooze is not None:
            message = _("Held by the department until {day}: {reason}")
            return message.format(day=vi_date(subject.snooze.until), reason=subject.snooze.reason)
        if subject.blocker is not None and role is not Role.RESPONSIBLE:
            return self._blocked(subject.blocker)
        promise = subject.promise
        if promise is not None and promise.holds_on(self._today) and role.does_the_work:
            return self._promised(promise)
        return ""

    def _promised(self, promise: Pause) -> str:
        message = (
            _("{person} promised on {on} to have it done by {day}: {reason}")
            if promise.holds_on(self._today)
            else _("{person} promised on {on} to have it done by {day}, which is past: {reason}")
        )
        officer = self._state.officers.get(promise.by)
        text = message.format(
            person=officer.name if officer else promise.by if "@" in promise.by else _("the operator"),
            on=vi_date(promise.at.astimezone(ZONE).date()),
            day=vi_date(promise.until),
            reason=promise.reason,
        )
        return text if text.endswith(".") else f"{text}."

    def _notice(
        self, subject: _Subject, step: Step, role: Role, *, reason: str, state: NoticeState, may_return: bool = False
    ) -> Notice:
        officer, _how = self._ladder.resolve(role, subject.agency, subject.responsible)
        kind = step.rung.kind_for(role)
        if subject.blocker is not None and state is NoticeState.QUEUED and kind is not NoticeKind.REMINDER:
            kind = NoticeKind.BLOCKED
        return Notice(
            kind=kind,
            subject=subject.key,
            revision=subject.revision,
            rung=step.rung.name,
            nominal=step.nominal,
            role=role.value,
            recipient=officer.email if officer is not None else "",
            reason=reason,
            urgent=step.rung.urgent,
            state=state,
            may_return=may_return,
        )

    def _steps(self, subject: _Subject, anchor: Anchor, day: date) -> tuple[Step, ...]:
        """Return what has been reached, lowest first: by day, on one day by the order of the ladder."""
        case = (subject.key, subject.revision)
        policy = self._cases.get(case, self._policy)
        if case in self._spent:
            return steps_reached(policy, anchor, day, self._calendar, self._today, spent=self._spent[case])
        known = (policy.hash, anchor, day)
        if known not in self._reached:
            self._reached[known] = steps_reached(policy, anchor, day, self._calendar, self._today)
        return self._reached[known]

    def _without_plan(self, directive: str) -> frozenset[str]:
        if directive not in self._unfiled:
            missing: tuple[str, ...] = ()
            if self._state.directives[directive].filing_deadline is not None:
                found = filing(self._state, directive=directive, today=self._today, days_late=lambda _last: 0)
                missing = tuple(row.agency for row in found.missing)
            self._unfiled[directive] = frozenset(missing)
        return self._unfiled[directive]

    def _subject(self, record: TaskRecord) -> _Subject:
        return _Subject(
            key=record.key,
            revision=record.deadline_revision,
            agency=record.agency,
            responsible=record.task.responsible,
            promise=record.promise,
            snooze=record.snooze if record.snooze is not None and record.snooze.holds_on(self._today) else None,
        )

    def _blocked(self, key: str) -> str:
        message = _("Blocked by {task} of {agency}, which is overdue and is urged first.")
        return message.format(task=self._state.tasks[key].short_key, agency=self._ladder.agency_name(self._owner(key)))

    def _owner(self, key: str) -> str:
        return self._ladder.owner(self._state.tasks[key].agency)

    def _is_late(self, key: str) -> bool:
        record = self._state.tasks[key]
        return record.state.is_open and record.last_day is not None and self._today > record.last_day

    def _is_urged(self, key: str) -> bool:
        """Say whether a late task has reached a rung that tells its responsible person, and there is such a person.

        A promise is an answer to having been urged; a task that the department holds urges nobody.
        """
        record = self._state.tasks[key]
        if record.snooze is not None and record.snooze.holds_on(self._today):
            return False
        if record.last_day is None or not any(
            Role.RESPONSIBLE in step.rung.tell
            for step in self._steps(self._subject(record), Anchor.DUE, record.last_day)
        ):
            return False
        officer, _how = self._ladder.resolve(Role.RESPONSIBLE, record.agency, record.task.responsible)
        return officer is not None


def due_notices(
    state: State,
    policy: Policy,
    calendar: Calendar,
    now: datetime,
    *,
    department: str,
    dependencies: Iterable[tuple[str, str]] = (),
    forecasts: Mapping[str, Forecast] | None = None,
    cases: Mapping[tuple[str, int], Policy] | None = None,
    spent: Mapping[tuple[str, int], Collection[tuple[str, date]]] | None = None,
) -> list[Notice]:
    """Return everything that must have been told by `now`, in a steady order.

    On each subject the highest rung reached is `QUEUED` for each of its roles and the lower ones are `SUPERSEDED`; a
    person who has two roles of one rung, or whose superiors need not hear because another agency is the cause, is
    `SUPPRESSED` there. A notice for whom nobody was found is queued with an empty recipient, so that it is seen.

    Args:
        state: what holds, at or before `now`.
        policy: the ladder.
        calendar: which days are worked.
        now: the instant, UTC; its local date decides.
        department: code of the monitoring agency.
        dependencies: pairs of task keys, the predecessor first.
        forecasts: by task key; None: nothing is said about risk.
        cases: by subject and deadline revision, the policy of a case begun under another version; missing: `policy`.
        spent: by subject and deadline revision, for cases moved to another version: (rung, day) of what was told on
            rungs that have a cap.
    """
    return Judge(
        state,
        policy,
        calendar,
        now,
        department=department,
        dependencies=dependencies,
        forecasts=forecasts,
        cases=cases,
        spent=spent,
    ).due()


def still_true(
    notice: Notice,
    state: State,
    policy: Policy,
    calendar: Calendar,
    now: datetime,
    *,
    department: str,
    dependencies: Iterable[tuple[str, str]] = (),
    forecasts: Mapping[str, Forecast] | None = None,
    cases: Mapping[tuple[str, int], Policy] | None = None,
    spent: Mapping[tuple[str, int], Collection[tuple[str, date]]] | None = None,
) -> bool:
    """Say whether a notice decided earlier would be decided again now; asked just before it is sent.

    For many notices make one `Judge` and ask its `now`.
    """
    judge = Judge(
        state,
        policy,
        calendar,
        now,
        department=department,
        dependencies=dependencies,
        forecasts=forecasts,
        cases=cases,
        spent=spent,
    )
    return judge.now(notice) is not None
