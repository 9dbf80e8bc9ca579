"""A policy put to the test: a table of facts, and who is expected to be told of what.

Pure but for reading the file: each case becomes a state of one task (or one owed plan) with a fixed cast, and is judged
as a round would judge it. The cast: `officer` answers for the task, `substitute` stands in for the officer, `focal` and
`head` are of the same agency, `parent` heads the agency above (of a commune), `department` is the focal officer of the
monitoring agency. Source: design notes "Reminders and escalations"; the route test of Alertmanager's amtool.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from planner.config import ZONE
from planner.domain.agency import Absence, Agency, DeadAddress, Officer, OfficerRole, Tier
from planner.domain.calendar import Calendar
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.directive import Directive
from planner.domain.forecast import Forecast
from planner.domain.notification import Notice, NoticeKind, NoticeState
from planner.domain.plan import Pause, PlannedTask, State, TaskRecord, plan_key, task_key
from planner.domain.status import TaskState
from planner.errors import InputRejected
from planner.i18n import gettext as _
from scheduler.due import Judge
from scheduler.policy import Policy, Role, Strict, Text, choice
from scheduler.policy_file import PolicyFile

EXAMPLE = Path(__file__).parent / "policies" / "default.test.yaml"


class Person(StrEnum):
    """The cast."""

    OFFICER = "officer"
    SUBSTITUTE = "substitute"
    FOCAL = "focal"
    HEAD = "head"
    PARENT = "parent"
    DEPARTMENT = "department"


class Recipient(StrEnum):
    """Whom a notice goes to: one of the cast, or nobody."""

    OFFICER = "officer"
    SUBSTITUTE = "substitute"
    FOCAL = "focal"
    HEAD = "head"
    PARENT = "parent"
    DEPARTMENT = "department"
    NOBODY = "nobody"


class Outcome(StrEnum):
    """What becomes of a notice."""

    TOLD = "told"
    HELD = "held"


def _near(day: date) -> date:
    """Return a day from which a ladder can be counted: the calendar ends somewhere."""
    if not 1900 <= day.year < 2200:
        raise ValueError(_('Found "{found}", expected a day from 1900 to 2199.').format(found=day))
    return day


Day = Annotated[date, AfterValidator(_near)]
_Person = Annotated[Person, BeforeValidator(choice(Person))]


class Given(Strict):
    """The facts of one case; what is left out is the ordinary."""

    today: Day
    last_day: Day | None = None
    state: Annotated[TaskState, BeforeValidator(choice(TaskState))] = TaskState.IN_PROGRESS
    since: Day | None = None  #: day on which the task came into its state: handed in, returned
    tier: Annotated[Tier, BeforeValidator(choice(Tier))] = Tier.DEPARTMENT
    responsible: Annotated[Recipient, BeforeValidator(choice(Recipient))] = Recipient.OFFICER
    absent: tuple[_Person, ...] = ()
    dead: tuple[_Person, ...] = ()  #: mail to them does not arrive
    missing: tuple[_Person, ...] = ()  #: not in the register
    blocked_by: Day | None = None  #: last day of another agency's task, still open, for which this one waits
    promised: Day | None = None  #: who answers promised to have it done by this day
    snoozed: Day | None = None  #: the department holds the reminders through this day
    forecast: Day | None = None  #: the day on which it is foreseen to end
    filing: Day | None = None  #: last day for plans: the case is about a plan that is owed


class Expected(Strict):
    """One notice that must be there, told or held back."""

    rung: Text
    role: Annotated[Role, BeforeValidator(choice(Role))]
    to: Annotated[Recipient, BeforeValidator(choice(Recipient))]
    kind: Annotated[NoticeKind, BeforeValidator(choice(NoticeKind))] | None = None
    day: Day | None = None  #: on which the rung fell due
    state: Annotated[Outcome, BeforeValidator(choice(Outcome))] = Outcome.TOLD


class Case(Strict):
    """Facts, and what must come of them: these notices and no others."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    given: Given
    expect: tuple[Expected, ...]
    superseded: tuple[Text, ...] | None = None  #: rungs overtaken by a higher one; None: not looked at


class Table(Strict):
    """A whole file."""

    cases: tuple[Case, ...] = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that is not as expected."""

    line: int  #: of the expectation, or of the case
    case: str
    expected: str  #: "" when something came that nobody expected
    found: str  #: "" when it did not come
    reason: str = ""  #: why it was told or held back, in the engine's words


def read(path: Path) -> tuple[Table, PolicyFile]:
    """Read a table of facts and expectations.

    Raises:
        InputRejected: the file cannot be used; `.problems` holds everything wrong with it, each with its line.
    """
    source = PolicyFile(path, Table)
    data = source.read()
    table = source.understood(data, Table) if data is not None else None
    if source.problems or table is None:
        message = _("The table {file} has problems; correct them and run the command again.")
        raise InputRejected(message.format(file=path), source.sorted_problems())
    return table, source


def differences(table: Table, source: PolicyFile, policy: Policy, calendar: Calendar) -> list[Difference]:
    """Return everything that does not come as expected, from the top of the file to its end."""
    return [
        found
        for n, case in enumerate(table.cases)
        for found in sorted(_compare(n, case, source, policy, calendar), key=lambda one: one.line)
    ]


def _compare(n: int, case: Case, source: PolicyFile, policy: Policy, calendar: Calendar) -> Iterator[Difference]:
    notices = judged(case.given, policy, calendar)
    live = {(one.rung, one.role): one for one in notices if one.state is not NoticeState.SUPERSEDED}
    for m, wanted in enumerate(case.expect):
        line = source.line("cases", n, "expect", m)
        notice = live.pop((wanted.rung, wanted.role.value), None)
        if notice is None:
            yield Difference(line=line, case=case.name, expected=_words(wanted), found="")
            continue
        is_right = (
            wanted.to.value == _recipient(notice)
            and wanted.state is _outcome(notice)
            and wanted.kind in (None, notice.kind)
            and wanted.day in (None, notice.nominal)
        )
        if not is_right:
            found = _found(notice)
            yield Difference(line=line, case=case.name, expected=_words(wanted), found=found, reason=notice.reason)
    for notice in live.values():
        line = source.line("cases", n)
        yield Difference(line=line, case=case.name, expected="", found=_found(notice), reason=notice.reason)
    if case.superseded is not None:
        overtaken = list(dict.fromkeys(one.rung for one in notices if one.state is NoticeState.SUPERSEDED))
        if overtaken != list(case.superseded):
            yield Difference(
                line=source.line("cases", n, "superseded"),
                case=case.name,
                expected="superseded: " + ", ".join(case.superseded),
                found="superseded: " + ", ".join(overtaken),
            )


def _words(wanted: Expected) -> str:
    day = f" {wanted.day}" if wanted.day else ""
    kind = f" ({wanted.kind})" if wanted.kind else ""
    return f"{wanted.rung}{day} {wanted.role} {wanted.state}: {wanted.to}{kind}"


def _found(notice: Notice) -> str:
    return f"{notice.rung} {notice.nominal} {notice.role} {_outcome(notice)}: {_recipient(notice)} ({notice.kind})"


def _recipient(notice: Notice) -> str:
    return notice.recipient.split("@", 1)[0] or Recipient.NOBODY.value


def _outcome(notice: Notice) -> Outcome:
    return Outcome.TOLD if notice.state is NoticeState.QUEUED else Outcome.HELD


# --- facts become a state ---

_AGENCY, _PARENT, _OTHER, _DEPARTMENT = "agency", "parent", "other", "department"
_DIRECTIVE = "test"
_POSTS = {
    Person.OFFICER: (_AGENCY, OfficerRole.MEMBER),
    Person.SUBSTITUTE: (_AGENCY, OfficerRole.MEMBER),
    Person.FOCAL: (_AGENCY, OfficerRole.FOCAL),
    Person.HEAD: (_AGENCY, OfficerRole.HEAD),
    Person.PARENT: (_PARENT, OfficerRole.HEAD),
    Person.DEPARTMENT: (_DEPARTMENT, OfficerRole.FOCAL),
}
_BLOCKER = "blocker"  # who answers for the other agency's task
_LONG = timedelta(days=3660)


def judged(given: Given, policy: Policy, calendar: Calendar) -> list[Notice]:
    """Return what must have been told by eight in the morning of the case's day."""
    now = datetime.combine(given.today, time(8), ZONE).astimezone(UTC)
    state = _state(given, now)
    key = task_key(plan_key(_DIRECTIVE, _AGENCY), "I.1")
    forecasts = {}
    if given.forecast is not None and given.last_day is not None:
        forecasts[key] = Forecast(start=None, finish=given.forecast, at_risk=given.forecast > given.last_day)
    judge = Judge(
        state,
        policy,
        calendar,
        now,
        department=_DEPARTMENT,
        dependencies=[(task_key(plan_key(_DIRECTIVE, _OTHER), "I.1"), key)] if given.blocked_by else [],
        forecasts=forecasts,
    )
    return judge.of(plan_key(_DIRECTIVE, _AGENCY) if given.filing else key)


def _state(given: Given, now: datetime) -> State:
    tiers = {_AGENCY: given.tier, _PARENT: Tier.DISTRICT, _OTHER: given.tier, _DEPARTMENT: Tier.DEPARTMENT}
    people = {
        _mailbox(person): Officer(
            email=_mailbox(person),
            name=person.value,
            title="",
            agency=agency,
            role=post,
            substitute=_mailbox(Person.SUBSTITUTE) if person is Person.OFFICER else None,
        )
        for person, (agency, post) in _POSTS.items()
        if person not in given.missing
    }
    blocker = Officer(email=f"{_BLOCKER}@test", name=_BLOCKER, title="", agency=_OTHER, role=OfficerRole.HEAD)
    records = []
    if given.filing is None:
        responsible = "" if given.responsible is Recipient.NOBODY else f"{given.responsible}@test"
        records.append(_task(_AGENCY, responsible, given.last_day, now, given))
    if given.blocked_by is not None:
        records.append(_task(_OTHER, blocker.email, given.blocked_by, now, None))
    return State(
        at=now,
        agencies={
            code: Agency(
                code=code,
                name=code,
                tier=tier,
                parent=_PARENT if code == _AGENCY and given.tier is Tier.COMMUNE else None,
            )
            for code, tier in tiers.items()
        },
        officers={**people, blocker.email: blocker},
        absences=tuple(
            Absence(officer=_mailbox(person), first_day=given.today - _LONG, last_day=given.today + _LONG)
            for person in given.absent
        ),
        successions=(),
        directives={
            _DIRECTIVE: Directive(
                code=_DIRECTIVE,
                number="",
                title=_DIRECTIVE,
                issuer="",
                issued_on=given.today - _LONG,
                filing_tiers=(given.tier,) if given.filing else (),
                filing_deadline=given.filing,
            )
        },
        plans={},
        tasks={record.key: record for record in records},
        dead_addresses={_mailbox(one): DeadAddress(email=_mailbox(one), since=now) for one in given.dead},
    )


def _task(agency: str, responsible: str, last_day: date | None, now: datetime, given: Given | None) -> TaskRecord:
    facts: dict[str, Any] = {"state": TaskState.IN_PROGRESS}
    if given is not None:
        since = datetime.combine(given.since, time(8), ZONE).astimezone(UTC) if given.since else None
        facts = {
            "state": given.state,
            "state_since": since,
            "promise": _pause(given.promised, Person.OFFICER, now),
            "snooze": _pause(given.snoozed, Person.DEPARTMENT, now),
        }
    return TaskRecord(
        plan=plan_key(_DIRECTIVE, agency),
        agency=agency,
        goal="I",
        task=PlannedTask(
            code="I.1",
            title="",
            responsible=responsible,
            deadline=Deadline(text="", kind=DeadlineKind.BY, last_day=last_day),
        ),
        last_day=last_day,
        **facts,
    )


def _pause(until: date | None, by: Person, now: datetime) -> Pause | None:
    return None if until is None else Pause(since=date.min, until=until, reason="-", by=_mailbox(by), at=now)


def _mailbox(person: Person) -> str:
    return f"{person}@test"
