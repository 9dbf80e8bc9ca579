"""What must be told by now: the default ladder day by day, against a slow oracle, and every way out of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.config import ZONE
from planner.domain.agency import Absence, Agency, Officer, OfficerRole, Succession, Tier
from planner.domain.calendar import Calendar
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.directive import Directive
from planner.domain.forecast import Forecast
from planner.domain.notification import Notice, NoticeKind, NoticeState
from planner.domain.plan import Pause, Plan, PlannedTask, PlanRecord, State, TaskRecord
from planner.domain.status import PlanState, TaskState
from planner.i18n import speaking
from scheduler.due import Judge, due_notices, still_true
from scheduler.policy import Policy, load

VN = Calendar("vn", exceptions=lambda year: {date(2020, 4, 30): False, date(2020, 5, 1): False} if year == 2020 else {})
DEFAULT = load()
DUE = date(2020, 5, 8)
QUEUED, SUPERSEDED, SUPPRESSED = NoticeState.QUEUED, NoticeState.SUPERSEDED, NoticeState.SUPPRESSED
AGENCIES = (
    Agency(code="stttt", name="Sở Thông tin và Truyền thông", tier=Tier.DEPARTMENT),
    Agency(code="snv", name="Sở Nội vụ", tier=Tier.DEPARTMENT),
    Agency(code="stc", name="Sở Tài chính", tier=Tier.DEPARTMENT),
    Agency(code="h-tinh-gia", name="UBND huyện Tĩnh Gia", tier=Tier.DISTRICT, valid_to=date(2020, 5, 31)),
    Agency(code="tx-nghi-son", name="UBND thị xã Nghi Sơn", tier=Tier.DISTRICT, valid_from=date(2020, 6, 1)),
)
BECAME = Succession(from_code="h-tinh-gia", to_code="tx-nghi-son", on=date(2020, 6, 1))


def at(day: date | str, hour: int = 8) -> datetime:
    found = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime.combine(found, time(hour), tzinfo=ZONE).astimezone(UTC)


def officers() -> dict[str, Officer]:
    found = {}
    for agency in AGENCIES:
        for role in OfficerRole:
            email = f"{role.value}@{agency.code}.example.vn"
            found[email] = Officer(email=email, name=email, title="", agency=agency.code, role=role)
    return found


def task(code: str = "I.1", agency: str = "snv", last_day: date | None = DUE, **more: Any) -> TaskRecord:
    planned = PlannedTask(
        code=code,
        title=f"Nhiệm vụ {code}",
        responsible=more.pop("responsible", f"member@{agency}.example.vn"),
        deadline=Deadline(text="", kind=DeadlineKind.BY, last_day=last_day),
    )
    return TaskRecord(plan=f"kl/{agency}", agency=agency, goal="I", task=planned, last_day=last_day, **more)


def state(*tasks: TaskRecord, **more: Any) -> State:
    parts: dict[str, Any] = {
        "at": at(DUE),
        "agencies": {agency.code: agency for agency in AGENCIES},
        "officers": officers(),
        "absences": (),
        "successions": (BECAME,),
        "directives": {},
        "plans": {},
        "tasks": {record.key: record for record in tasks},
    }
    return State(**parts | more)


def due(found: State, day: date | str, policy: Policy = DEFAULT, calendar: Calendar = VN, **more: Any) -> list[Notice]:
    return due_notices(found, policy, calendar, at(day), department="stttt", **more)


def true_on(notice: Notice, found: State, day: date | str, **more: Any) -> bool:
    return still_true(notice, found, DEFAULT, VN, at(day), department="stttt", **more)


def told(notices: Iterable[Notice]) -> list[tuple[str, str, str, str]]:
    """Return who is told what: rung, role, mailbox, kind."""
    return [(n.rung, n.role, n.recipient.split(".")[0], n.kind.value) for n in notices if n.state is QUEUED]


class Ledger:
    """Keeps what was told first, as the outbox does: a key that is there already changes nothing."""

    def __init__(self) -> None:
        self.keys: set[str] = set()

    def enter(self, notices: Iterable[Notice]) -> list[Notice]:
        new = [notice for notice in notices if notice.key not in self.keys]
        self.keys.update(notice.key for notice in new)
        return new


# --- one task through the default ladder -----------------------------------------------------------------------------


def test_the_default_ladder_day_by_day_around_the_holidays_of_2020() -> None:
    found, ledger, calendar_of_mails = state(task()), Ledger(), {}
    day = date(2020, 4, 20)
    while day <= date(2020, 6, 30):
        new = ledger.enter(due(found, day))
        assert all(notice.state is QUEUED for notice in new)  # nothing is skipped when each day has its tick
        assert all(notice.nominal == day for notice in new)
        if new:
            calendar_of_mails[day.isoformat()] = told(new)
        day += timedelta(days=1)
    doer, head, monitor = "member@snv", "head@snv", "focal@stttt"
    assert calendar_of_mails == {
        "2020-04-29": [("due-5wd", "responsible", doer, "reminder")],
        "2020-05-05": [("due-3wd", "responsible", doer, "reminder")],
        "2020-05-07": [("due-1wd", "responsible", doer, "reminder")],
        "2020-05-08": [("due", "responsible", doer, "reminder")],
        "2020-05-11": [
            ("due+1wd", "responsible", doer, "overdue"),
            ("due+1wd", "agency_head", head, "escalation"),
        ],
        "2020-05-15": [
            ("due+5wd", "responsible", doer, "overdue"),
            ("due+5wd", "agency_head", head, "escalation"),
            ("due+5wd", "department", monitor, "escalation"),
        ],
        "2020-05-22": [
            ("due+10wd", "responsible", doer, "urging"),
            ("due+10wd", "agency_head", head, "urging"),
            ("due+10wd", "department", monitor, "urging"),
        ],
        "2020-06-05": [
            ("due+20wd", "responsible", doer, "chairman_list"),
            ("due+20wd", "agency_head", head, "chairman_list"),
            ("due+20wd", "chairman_list", monitor, "chairman_list"),
        ],
    }


def test_the_local_date_decides_and_not_the_date_in_utc() -> None:
    midnight = datetime(2020, 4, 28, 17, tzinfo=UTC)  # 00:00 of 29 April in the province
    found = state(task())
    assert due_notices(found, DEFAULT, VN, midnight - timedelta(seconds=1), department="stttt") == []
    assert len(due_notices(found, DEFAULT, VN, midnight, department="stttt")) == 1


def test_a_second_computation_of_the_same_instant_gives_the_same_notices() -> None:
    found = state(task(), task("I.2", "stc", date(2020, 5, 14)))
    backwards = replace(found, tasks=dict(reversed(found.tasks.items())))
    first = due(found, "2020-06-05")
    assert first
    assert due(found, "2020-06-05") == first
    assert due(backwards, "2020-06-05") == first
    assert len({notice.key for notice in first}) == len(first)


def test_after_an_outage_only_the_highest_rung_is_told_and_the_others_are_recorded() -> None:
    found, ledger = state(task()), Ledger()
    ledger.enter(due(found, "2020-05-05"))
    new = ledger.enter(due(found, "2020-05-15"))
    assert [rung for rung, *_rest in told(new)] == ["due+5wd"] * 3
    assert [(n.rung, n.role) for n in new if n.state is SUPERSEDED] == [
        ("due-1wd", "responsible"),
        ("due", "responsible"),
        ("due+1wd", "responsible"),
        ("due+1wd", "agency_head"),
    ]
    with speaking("en"):
        lower = due(found, "2020-05-15")[0]
    assert lower.reason == "A later rung has been reached: 5 working days after the last day."


def test_a_task_filed_two_working_days_before_its_last_day_is_told_the_rung_it_has_passed() -> None:
    notices = due(state(task(assigned_on=date(2020, 5, 6))), "2020-05-06")
    assert [rung for rung, *_rest in told(notices)] == ["due-3wd"]


def test_a_task_already_overdue_when_filed_begins_at_the_rung_reached() -> None:
    notices = due(state(task(assigned_on=date(2020, 5, 25))), "2020-05-25")
    assert {rung for rung, *_rest in told(notices)} == {"due+10wd"}


def test_an_extension_begins_the_ladder_anew() -> None:
    before = due(state(task()), "2020-05-15")
    longer = state(task(last_day=date(2020, 5, 22), deadline_revision=1))
    after = due(longer, "2020-05-15")
    assert told(after) == [("due-5wd", "responsible", "member@snv", "reminder")]
    assert not {n.key for n in before} & {n.key for n in after}
    assert not any(true_on(notice, longer, "2020-05-15") for notice in before)


def test_an_extension_to_the_same_day_is_a_new_deadline_all_the_same() -> None:
    again = due(state(task(deadline_revision=1)), "2020-05-08")
    assert again[-1].key != due(state(task()), "2020-05-08")[-1].key


def test_a_last_day_on_a_sunday_is_told_on_friday_and_the_rung_of_the_day_before_gives_way() -> None:
    notices = due(state(task(last_day=date(2020, 5, 10))), "2020-05-08")
    assert [rung for rung, *_rest in told(notices)] == ["due"]
    assert ("due-1wd", SUPERSEDED) in [(n.rung, n.state) for n in notices]
    monday = due(state(task(last_day=date(2020, 5, 10))), "2020-05-11")
    assert {rung for rung, *_rest in told(monday)} == {"due+1wd"}


def test_a_worked_saturday_is_a_day_for_reminders() -> None:
    swap = Calendar("vn", exceptions=lambda _year: {date(2020, 5, 9): True, date(2020, 5, 11): False})
    assert {n.nominal for n in due(state(task()), "2020-05-09", calendar=swap) if n.state is QUEUED} == {
        date(2020, 5, 9)
    }


@pytest.mark.parametrize(
    "kept",
    [TaskState.SUBMITTED, TaskState.CONFIRMED, TaskState.SUSPENDED, TaskState.WITHDRAWN],
)
def test_what_is_not_open_is_not_reminded(kept: TaskState) -> None:
    assert due(state(task(state=kept)), "2020-05-15") == []


def test_a_returned_task_is_open_and_a_task_without_a_deadline_never_due() -> None:
    assert told(due(state(task(state=TaskState.RETURNED)), "2020-05-15"))
    assert due(state(task(last_day=None)), "2020-05-15") == []


def test_each_occurrence_of_a_repeating_rung_is_told_once() -> None:
    policy = Policy.model_validate(
        {
            "name": "p",
            "version": "1",
            "sending": {"from": "07:30", "to": "17:00"},
            "rungs": [
                {"name": "again", "trigger": "every 5wd from due +10wd", "tell": ["focal"], "kind": "overdue", "cap": 3}
            ],
        }
    )
    found, ledger, days = state(task()), Ledger(), []
    for n in range(90):
        day = DUE + timedelta(days=n)
        days += [notice.nominal for notice in ledger.enter(due(found, day, policy)) if notice.state is QUEUED]
    assert days == [date(2020, 5, 22), date(2020, 5, 29), date(2020, 6, 5)]


# --- against an oracle that walks each day ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Spec:
    """A rung as the oracle understands it: so many days from the last day, and again after so many."""

    n: int
    unit: str
    every: int | None
    every_unit: str
    cap: int | None

    def text(self) -> str:
        first = f"due {self.n:+d}{self.unit}" if self.n else "due"
        return f"every {self.every}{self.every_unit} from {first}" if self.every else first


Works = dict[date, bool]


def worked(works: Works, first: date, last: date) -> int:
    """Count the days worked from `first` to `last`, one by one."""
    return sum(works[first + timedelta(days=n)] for n in range((last - first).days + 1))


def begins(spec: Spec, last: date, day: date, works: Works) -> bool:
    """Say whether the rung falls due for the first time on `day`, from its meaning alone."""
    one = timedelta(days=1)
    if not works[day]:
        return False
    is_due_day = day <= last and worked(works, day + one, last) == 0
    if spec.n == 0:
        return is_due_day
    if spec.unit == "wd":
        if spec.n > 0:
            return day > last and worked(works, last + one, day) == spec.n
        return day < last and worked(works, day, last - one) == -spec.n
    raw = last + timedelta(days=spec.n)
    if spec.n < 0 and worked(works, raw, last) == 0:
        return is_due_day
    return day >= raw and worked(works, raw, day - one) == 0


def oracle(specs: list[Spec], last: date, today: date, works: Works) -> list[tuple[date, int]]:
    """Walk every day and note what is due that day, in the order of the ladder."""
    fired: list[tuple[date, int]] = []
    begun: dict[int, date] = {}
    day = min(works)
    while day <= today:
        for place, spec in enumerate(specs):
            count = sum(1 for _day, other in fired if other == place)
            if place not in begun:
                if begins(spec, last, day, works):
                    begun[place] = day
                    fired.append((day, place))
            elif spec.every and works[day] and (spec.cap is None or count < spec.cap):
                first = begun[place]
                if spec.every_unit == "wd":
                    again = worked(works, first + timedelta(days=1), day) % spec.every == 0
                else:
                    raw = last + timedelta(days=spec.n) if spec.unit == "d" else first
                    marks = [raw + timedelta(days=spec.every * k) for k in range(1, 400)]
                    again = any(mark <= day and worked(works, mark, day - timedelta(days=1)) == 0 for mark in marks)
                if again:
                    fired.append((day, place))
        day += timedelta(days=1)
    return fired


UNITS = st.sampled_from(["wd", "d"])
SPECS = st.builds(
    Spec,
    n=st.integers(-12, 15),
    unit=UNITS,
    every=st.none() | st.integers(1, 9),
    every_unit=UNITS,
    cap=st.none() | st.integers(1, 4),
).map(lambda spec: replace(spec, unit="wd" if spec.n == 0 else spec.unit, cap=spec.cap if spec.every else None))


@settings(max_examples=400, deadline=None)
@given(
    specs=st.lists(SPECS, min_size=1, max_size=6, unique_by=lambda spec: spec.text()),
    last=st.dates(date(2020, 4, 20), date(2020, 5, 25)),
    later=st.integers(-15, 45),
    moved=st.dictionaries(st.dates(date(2020, 3, 20), date(2020, 7, 20)), st.booleans(), max_size=25),
)
def test_every_ladder_on_every_calendar_agrees_with_a_walk_through_the_days(
    specs: list[Spec], last: date, later: int, moved: dict[date, bool]
) -> None:
    calendar = Calendar("any", exceptions=lambda year: {d: works for d, works in moved.items() if d.year == year})
    policy = Policy.model_validate(
        {
            "name": "p",
            "version": "1",
            "sending": {"from": "07:30", "to": "17:00"},
            "rungs": [
                {"name": f"r{place}", "trigger": spec.text(), "tell": ["responsible"], "kind": "overdue"}
                | ({"cap": spec.cap} if spec.cap else {})
                for place, spec in enumerate(specs)
            ],
        }
    )
    start = date(2020, 2, 1)
    days = [start + timedelta(days=n) for n in range(220)]
    works = {day: moved.get(day, day.weekday() < 5) for day in days}
    today = last + timedelta(days=later)
    expected = [(f"r{place}", day) for day, place in oracle(specs, last, today, works)]
    notices = due(state(task(last_day=last)), today, policy, calendar)
    assert [(notice.rung, notice.nominal) for notice in notices] == expected
    assert [notice.state for notice in notices] == [SUPERSEDED] * (len(expected) - 1) + [QUEUED] * bool(expected)


@settings(max_examples=60, deadline=None)
@given(ticks=st.sets(st.dates(date(2020, 4, 20), date(2020, 6, 30)), min_size=1), last=st.dates(DUE, date(2020, 5, 20)))
def test_missed_and_doubled_ticks_never_tell_a_lower_rung_after_a_higher_one(ticks: set[date], last: date) -> None:
    found, ledger, sent = state(task(last_day=last)), Ledger(), []
    for day in sorted([*ticks, *ticks]):
        sent += [n for n in ledger.enter(due(found, day)) if n.state is QUEUED and n.role == "responsible"]
    assert [n.nominal for n in sent] == sorted({n.nominal for n in sent})
    everything = due(found, max(ticks))
    assert {n.key for n in everything} <= ledger.keys


# --- persons ---------------------------------------------------------------------------------------------------------


def test_a_substitute_is_told_in_the_role_of_the_absent_person_and_the_reason_says_so() -> None:
    found = state(
        task(),
        absences=(
            Absence(
                officer="member@snv.example.vn",
                first_day=date(2020, 5, 4),
                last_day=date(2020, 5, 20),
                substitute="focal@snv.example.vn",
            ),
        ),
    )
    with speaking("en"):
        (notice,) = [n for n in due(found, "2020-05-08") if n.state is QUEUED]
    assert notice.recipient == "focal@snv.example.vn"
    assert notice.role == "responsible"
    assert notice.reason == (
        "Told as the responsible person: on the last day (08/5/2020). "
        "member@snv.example.vn is absent until 20/5/2020. focal@snv.example.vn stands in."
    )
    assert notice.key == next(n for n in due(state(task()), "2020-05-08") if n.state is QUEUED).key


def test_a_person_with_two_roles_of_one_rung_is_told_once() -> None:
    with speaking("en"):
        notices = due(state(task(responsible="head@snv.example.vn")), "2020-05-11")
    assert told(notices) == [("due+1wd", "responsible", "head@snv", "overdue")]
    (other,) = [n for n in notices if n.state is SUPPRESSED]
    assert (other.role, other.recipient) == ("agency_head", "head@snv.example.vn")
    assert other.reason == "Already told as the responsible person."


def test_an_absent_head_without_a_substitute_falls_to_the_focal_officer() -> None:
    away = Absence(officer="head@snv.example.vn", first_day=date(2020, 5, 1), last_day=date(2020, 5, 31))
    assert ("due+1wd", "agency_head", "focal@snv", "escalation") in told(
        due(state(task(), absences=(away,)), "2020-05-11")
    )


def test_a_notice_for_nobody_is_queued_with_its_reason_so_that_it_is_seen() -> None:
    with speaking("en"):
        notices = due(state(task(), officers={}), "2020-05-15")
    queued = [n for n in notices if n.state is QUEUED]
    assert [(n.role, n.recipient) for n in queued] == [("responsible", ""), ("agency_head", ""), ("department", "")]
    assert all("complete the register of officers" in n.reason for n in queued)


def test_after_the_succession_the_new_agency_is_told_of_the_old_ones_task() -> None:
    found = state(task(agency="h-tinh-gia", last_day=date(2020, 5, 29), responsible="gone"))
    assert told(due(found, "2020-05-29"))[0][2] == "focal@h-tinh-gia"
    assert [who for _rung, _role, who, _kind in told(due(found, "2020-06-01"))] == [
        "focal@tx-nghi-son",
        "head@tx-nghi-son",
    ]


# --- confirmation, risk ----------------------------------------------------------------------------------------------


def test_a_result_that_waits_three_working_days_is_brought_to_the_confirmer() -> None:
    waiting = state(task(state=TaskState.SUBMITTED, state_since=at("2020-05-07", 23)))
    assert due(waiting, "2020-05-11") == []
    (notice,) = due(waiting, "2020-05-12")
    assert (notice.kind, notice.recipient, notice.nominal) == (
        NoticeKind.CONFIRMATION,
        "focal@stttt.example.vn",
        date(2020, 5, 12),
    )
    assert true_on(notice, waiting, "2020-05-18")
    assert not true_on(notice, waiting, "2020-05-19")  # the eighth working day: the next rung stands higher
    assert not true_on(notice, state(task(state=TaskState.CONFIRMED)), "2020-05-18")
    later = state(task(state=TaskState.SUBMITTED, state_since=at("2020-05-18")))
    assert not true_on(notice, later, "2020-05-25")  # returned and handed in anew: the wait begins anew


def forecast(finish: str, *, at_risk: bool = True) -> dict[str, Forecast]:
    return {task().key: Forecast(start=None, finish=date.fromisoformat(finish), at_risk=at_risk)}


def test_a_task_at_risk_is_told_once_for_each_deadline_however_the_forecast_moves() -> None:
    found, ledger, seen = state(task(last_day=date(2020, 5, 22))), Ledger(), []
    for n in range(20):
        day = date(2020, 5, 4) + timedelta(days=n)
        risks = forecast((day + timedelta(days=20)).isoformat())
        seen += [
            (day, notice.reason)
            for notice in ledger.enter(due(found, day, forecasts=risks))
            if notice.kind is NoticeKind.AT_RISK
        ]
    assert [day for day, _reason in seen] == [date(2020, 5, 4)]
    (again,) = due(state(task(last_day=date(2020, 6, 22), deadline_revision=1)), "2020-05-04", forecasts=risks)
    assert again.key not in ledger.keys


def test_a_risk_and_a_reminder_are_two_things_and_neither_replaces_the_other() -> None:
    with speaking("en"):
        notices = due(state(task()), "2020-05-07", forecasts=forecast("2020-05-12"))
    assert [(n.kind, n.rung) for n in notices if n.state is QUEUED] == [
        (NoticeKind.REMINDER, "due-1wd"),
        (NoticeKind.AT_RISK, "at-risk"),
    ]
    assert "The forecast ends on 12/5/2020." in notices[-1].reason


def test_an_overdue_task_is_no_longer_at_risk_nor_one_whose_forecast_recovered() -> None:
    assert NoticeKind.AT_RISK not in {
        n.kind for n in due(state(task()), "2020-05-09", forecasts=forecast("2020-05-12"))
    }
    (notice,) = due(state(task()), "2020-04-20", forecasts=forecast("2020-05-12"))
    assert true_on(notice, state(task()), "2020-04-21", forecasts=forecast("2020-05-12"))
    assert not true_on(notice, state(task()), "2020-04-21", forecasts=forecast("2020-05-07", at_risk=False))


# --- inhibition ------------------------------------------------------------------------------------------------------

EARLY = date(2020, 5, 5)


def chain() -> tuple[TaskRecord, TaskRecord, TaskRecord]:
    return task("A", "snv"), task("B", "stc"), task("C", "stttt", EARLY)


def waits(*pairs: tuple[TaskRecord, TaskRecord]) -> list[tuple[str, str]]:
    """Turn (waiting, waited for) into dependencies."""
    return [(before.key, after.key) for after, before in pairs]


def test_who_waits_for_another_agencys_late_task_is_told_and_not_escalated() -> None:
    a, b, _c = chain()
    with speaking("en"):
        notices = due(state(a, b), "2020-05-15", dependencies=waits((a, b)))
    mine = [n for n in notices if n.subject == a.key and n.rung == "due+5wd"]
    assert [(n.role, n.state, n.kind) for n in mine] == [
        ("responsible", QUEUED, NoticeKind.BLOCKED),
        ("agency_head", SUPPRESSED, NoticeKind.ESCALATION),
        ("department", SUPPRESSED, NoticeKind.ESCALATION),
    ]
    assert all("Blocked by stc:B of Sở Tài chính" in n.reason for n in mine)
    theirs = [n for n in notices if n.subject == b.key and n.rung == "due+5wd"]
    assert [(n.role, n.state, n.kind) for n in theirs] == [
        ("responsible", QUEUED, NoticeKind.OVERDUE),
        ("agency_head", QUEUED, NoticeKind.ESCALATION),
        ("department", QUEUED, NoticeKind.ESCALATION),
    ]


def test_before_its_own_last_day_a_waiting_task_is_reminded_as_ever() -> None:
    a, b = task("A", "snv", date(2020, 5, 15)), task("B", "stc")
    apart = [n for n in due(state(a, b), "2020-05-14") if n.subject == a.key]
    joined = [n for n in due(state(a, b), "2020-05-14", dependencies=waits((a, b))) if n.subject == a.key]
    assert joined == apart


def test_a_chain_of_blockers_ends_at_the_one_that_is_not_blocked() -> None:
    a, b, c = chain()
    with speaking("en"):
        notices = due(state(a, b, c), "2020-05-22", dependencies=waits((a, b), (b, c)))
    escalated = {n.subject for n in notices if n.state is QUEUED and n.role != "responsible"}
    assert escalated == {c.key}
    for waiting in (a, b):
        (mine,) = [n for n in notices if n.subject == waiting.key and n.state is QUEUED]
        assert mine.kind is NoticeKind.BLOCKED
        assert "Blocked by stttt:C" in mine.reason


def test_a_chain_through_the_own_agency_is_a_chain_too() -> None:
    a, own, c = task("A", "snv"), task("A2", "snv"), task("C", "stttt", EARLY)
    notices = due(state(a, own, c), "2020-05-22", dependencies=waits((a, own), (own, c)))
    assert {n.subject for n in notices if n.state is QUEUED and n.role != "responsible"} == {c.key}


def test_waiting_for_the_own_agency_excuses_nobody() -> None:
    a, own = task("A", "snv"), task("A2", "snv")
    notices = due(state(a, own), "2020-05-22", dependencies=waits((a, own)))
    assert SUPPRESSED not in {n.state for n in notices}


def test_a_chain_that_comes_back_to_the_own_agency_excuses_it_not() -> None:
    a, b, own = task("A", "snv"), task("B", "stc"), task("A2", "snv", EARLY)
    notices = due(state(a, b, own), "2020-05-22", dependencies=waits((a, b), (b, own)))
    assert {n.subject for n in notices if n.state is SUPPRESSED} == {b.key}


@pytest.mark.parametrize(
    "change",
    [
        {"state": TaskState.CONFIRMED},
        {"state": TaskState.SUBMITTED},
        {"last_day": date(2020, 5, 29)},
        {"last_day": None},
    ],
)
def test_only_a_blocker_that_is_open_and_overdue_excuses(change: dict[str, Any]) -> None:
    a, b, _c = chain()
    notices = due(state(a, replace(b, **change)), "2020-05-22", dependencies=waits((a, b)))
    assert SUPPRESSED not in {n.state for n in notices if n.subject == a.key}


def test_a_blocker_whom_nobody_can_urge_excuses_nobody() -> None:
    a, b, _c = chain()
    only = {email: one for email, one in officers().items() if one.agency == "snv"}
    notices = due(state(a, b, officers=only), "2020-05-22", dependencies=waits((a, b)))
    assert SUPPRESSED not in {n.state for n in notices if n.subject == a.key}


def test_no_superior_is_silenced_unless_the_blocker_is_being_told() -> None:
    a, b, c = chain()
    pairs = waits((a, b), (b, c))
    for n in range(60):
        day = date(2020, 5, 4) + timedelta(days=n)
        notices = due(state(a, b, c), day, dependencies=pairs)
        if any(n.state is SUPPRESSED for n in notices):
            assert any(n.subject == c.key and n.state is QUEUED and n.role == "responsible" for n in notices)


def test_when_the_blocker_is_done_the_waiting_task_is_escalated_with_the_same_key() -> None:
    a, b, _c = chain()
    blocked = due(state(a, b), "2020-05-15", dependencies=waits((a, b)))
    free = due(state(a, replace(b, state=TaskState.CONFIRMED)), "2020-05-15", dependencies=waits((a, b)))
    was = {n.key for n in blocked if n.subject == a.key and n.state is SUPPRESSED}
    now = {n.key for n in free if n.subject == a.key and n.state is QUEUED}
    assert was
    assert was < now


def test_a_circle_that_should_not_be_there_does_not_hang() -> None:
    a, b, c = chain()
    pairs = [*waits((a, b), (b, c), (c, a)), (a.key, a.key), ("kl/nobody:1", a.key)]
    notices = due(state(a, b, c), "2020-05-22", dependencies=pairs)
    assert {n.subject for n in notices if n.state is QUEUED and n.role == "responsible"} == {a.key, b.key, c.key}
    assert any(n.state is QUEUED and n.role == "agency_head" for n in notices)


# --- plans that are owed ---------------------------------------------------------------------------------------------


def directive(*tiers: Tier) -> Directive:
    return Directive(
        code="kl",
        number="",
        title="Kết luận",
        issuer="UBND tỉnh",
        issued_on=date(2020, 4, 29),
        filing_tiers=tiers,
        filing_deadline=date(2020, 5, 15),
    )


def filed(agency: str, how: PlanState = PlanState.ACCEPTED) -> dict[str, PlanRecord]:
    plan = Plan(agency=agency, directive="kl")
    return {plan.key: PlanRecord(plan=plan, version=1, state=how, filed_at=at("2020-05-10"), receipt="1")}


def test_the_ladder_of_an_owed_plan_goes_up_to_the_chairmans_list() -> None:
    found = state(directives={"kl": directive(Tier.DISTRICT)}, successions=())
    found = replace(
        found,
        agencies={
            "stttt": found.agencies["stttt"],
            "h-tinh-gia": replace(found.agencies["h-tinh-gia"], valid_to=None),
        },
    )
    ledger, mails = Ledger(), {}
    for n in range(40):
        day = date(2020, 5, 10) + timedelta(days=n)
        new = told(ledger.enter(due(found, day)))
        if new:
            mails[day.isoformat()] = new
    focal, head, monitor = "focal@h-tinh-gia", "head@h-tinh-gia", "focal@stttt"
    assert mails == {
        "2020-05-12": [("filing-3wd", "focal", focal, "filing")],
        "2020-05-15": [("filing", "focal", focal, "filing")],
        "2020-05-18": [("filing+1wd", "focal", focal, "filing"), ("filing+1wd", "agency_head", head, "filing")],
        "2020-05-22": [
            ("filing+5wd", "agency_head", head, "filing"),
            ("filing+5wd", "parent_agency", monitor, "filing"),  # a district has no agency above but the province
        ],
        "2020-05-29": [
            ("filing+10wd", "agency_head", head, "chairman_list"),
            ("filing+10wd", "chairman_list", monitor, "chairman_list"),
        ],
    }


def test_only_the_tiers_that_must_file_are_asked_and_only_without_an_accepted_plan() -> None:
    found = state(directives={"kl": directive(Tier.DEPARTMENT)}, plans=filed("snv") | filed("stc", PlanState.RETURNED))
    notices = due(found, "2020-05-18")
    assert {n.subject for n in notices} == {"kl/stttt", "kl/stc"}
    assert {n.revision for n in notices} == {0}
    assert not any(true_on(n, replace(found, plans=filed("stc")), "2020-05-18") for n in notices if "stc" in n.subject)


def test_nghi_son_owes_no_plan_after_tinh_gia_filed_one() -> None:
    found = state(directives={"kl": directive(Tier.DISTRICT)}, plans=filed("h-tinh-gia"))
    assert due(found, "2020-05-29") == []
    assert due(found, "2020-06-10") == []


def test_nghi_son_owes_the_plan_that_tinh_gia_did_not_file_and_tinh_gia_is_left_alone() -> None:
    found = state(directives={"kl": directive(Tier.DISTRICT)})
    before, after = due(found, "2020-05-29"), due(found, "2020-06-01")
    assert {n.subject for n in before} == {"kl/h-tinh-gia"}
    assert {n.subject for n in after} == {"kl/tx-nghi-son"}
    assert {rung for rung, *_rest in told(after)} == {"filing+10wd"}
    assert not any(true_on(notice, found, "2020-06-01") for notice in before)


# --- just before sending ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        task(state=TaskState.SUBMITTED, state_since=at("2020-05-11")),
        task(state=TaskState.WITHDRAWN),
        task(deadline_revision=1),
        task(last_day=date(2020, 5, 20), deadline_revision=1),
    ],
)
def test_a_notice_is_no_longer_true_once_its_task_was_done_or_its_deadline_changed(changed: TaskRecord) -> None:
    notice = next(n for n in due(state(task()), "2020-05-11") if n.state is QUEUED)
    assert true_on(notice, state(task()), "2020-05-11")
    assert not true_on(notice, state(changed), "2020-05-11")
    assert not true_on(notice, state(), "2020-05-11")


def test_a_reminder_overtaken_by_a_higher_rung_is_no_longer_true() -> None:
    notice = next(n for n in due(state(task()), "2020-05-08") if n.state is QUEUED)
    assert true_on(notice, state(task()), "2020-05-10")
    assert not true_on(notice, state(task()), "2020-05-11")


def test_an_escalation_is_no_longer_true_once_another_agency_is_found_to_be_the_cause() -> None:
    a, b, _c = chain()
    notice = next(n for n in due(state(a, b), "2020-05-15") if n.subject == a.key and n.role == "agency_head")
    assert not true_on(notice, state(a, b), "2020-05-15", dependencies=waits((a, b)))


def test_the_judge_names_the_person_who_is_there_today() -> None:
    notice = next(n for n in due(state(task()), "2020-05-08") if n.state is QUEUED)
    away = Absence(officer=notice.recipient, first_day=date(2020, 5, 9), last_day=date(2020, 5, 9))
    judge = Judge(state(task(), absences=(away,)), DEFAULT, VN, at("2020-05-09"), department="stttt")
    fresh = judge.now(notice)
    assert fresh is not None
    assert fresh.recipient == "focal@snv.example.vn"


@settings(max_examples=80, deadline=None)
@given(
    days=st.lists(st.dates(date(2020, 4, 27), date(2020, 6, 12)), min_size=3, max_size=3),
    states=st.lists(st.sampled_from(list(TaskState)), min_size=3, max_size=3),
    today=st.dates(date(2020, 4, 20), date(2020, 7, 1)),
    later=st.integers(0, 12),
)
def test_what_is_still_true_is_exactly_what_would_be_decided_anew(
    days: list[date], states: list[TaskState], today: date, later: int
) -> None:
    records = [
        replace(record, last_day=day, state=how, state_since=at("2020-04-24"))
        for record, day, how in zip(chain(), days, states, strict=True)
    ]
    found = state(*records, directives={"kl": directive(Tier.DISTRICT)})
    pairs = waits((records[0], records[1]), (records[1], records[2]))
    then = today + timedelta(days=later)
    anew = {n.key for n in due(found, then, dependencies=pairs) if n.state is QUEUED}
    for notice in due(found, today, dependencies=pairs):
        assert true_on(notice, found, then, dependencies=pairs) == (notice.key in anew)


# --- promises, snoozes, returned results, versions --------------------------------------------------------------------


def pause(until: str, by: str = "member@snv.example.vn") -> Pause:
    return Pause(until=date.fromisoformat(until), reason="chờ ký số", by=by, at=at("2020-05-08"))


def by_role(notices: Iterable[Notice]) -> dict[str, tuple[str, str]]:
    """Return what becomes of each role's notice of the highest rung."""
    return {n.role: (n.rung, n.state.value) for n in notices if n.state is not SUPERSEDED}


def test_a_promise_mutes_those_who_do_the_work_and_those_above_read_who_promised_what() -> None:
    found = state(task(promise=pause("2020-05-13")))
    with speaking("en"):
        notices = due(found, "2020-05-11")
    assert by_role(notices) == {"responsible": ("due+1wd", "suppressed"), "agency_head": ("due+1wd", "queued")}
    mine, heads = (next(n for n in notices if (n.rung, n.role) == ("due+1wd", role)) for role in by_role(notices))
    words = "member@snv.example.vn promised on 08/5/2020 to have it done by 13/5/2020: chờ ký số."
    assert mine.may_return
    assert mine.reason == words
    assert words in heads.reason


def test_a_promise_ends_by_itself_and_the_same_rung_is_told_after_all() -> None:
    found = state(task(promise=pause("2020-05-13")))
    assert by_role(due(found, "2020-05-13"))["responsible"] == ("due+1wd", "suppressed")
    with speaking("en"):
        after = due(found, "2020-05-14")
    assert by_role(after)["responsible"] == ("due+1wd", "queued")
    held = next(n for n in due(found, "2020-05-13") if n.role == "responsible" and n.rung == "due+1wd")
    told_after = next(n for n in after if n.role == "responsible" and n.rung == "due+1wd")
    assert told_after.key == held.key
    heads = next(n for n in after if n.role == "agency_head")
    assert "to have it done by 13/5/2020, which is past" in heads.reason


def test_while_a_promise_holds_the_rungs_are_climbed_all_the_same() -> None:
    found = state(task(promise=pause("2020-05-18")))
    assert by_role(due(found, "2020-05-15")) == {
        "responsible": ("due+5wd", "suppressed"),
        "agency_head": ("due+5wd", "queued"),
        "department": ("due+5wd", "queued"),
    }
    assert by_role(due(found, "2020-05-19"))["responsible"] == ("due+5wd", "queued")


def test_a_substitute_who_stands_in_is_muted_by_the_promise_too() -> None:
    away = Absence(officer="member@snv.example.vn", first_day=date(2020, 5, 1), last_day=date(2020, 5, 31))
    found = state(task(promise=pause("2020-05-13")), absences=(replace(away, substitute="focal@snv.example.vn"),))
    mine = next(n for n in due(found, "2020-05-11") if n.role == "responsible" and n.rung == "due+1wd")
    assert (mine.recipient, mine.state) == ("focal@snv.example.vn", SUPPRESSED)


def test_a_snooze_holds_everything_and_says_until_when_and_why() -> None:
    held = pause("2020-05-13", "focal@stttt.example.vn")
    for record in (
        task(snooze=held),
        task(snooze=held, promise=pause("2020-05-30")),
        task(snooze=held, state=TaskState.SUBMITTED, state_since=at("2020-05-05")),
        task(snooze=held, state=TaskState.RETURNED, state_since=at("2020-05-05")),
    ):
        with speaking("en"):
            notices = due(state(record), "2020-05-13", forecasts=forecast("2020-06-01"))
        live = [n for n in notices if n.state is not SUPERSEDED]
        assert live
        assert {(n.state, n.may_return, n.reason) for n in live} == {
            (SUPPRESSED, True, "Held by the department until 13/5/2020: chờ ký số")
        }
        assert any(n.state is QUEUED for n in due(state(record), "2020-05-14"))


def test_a_snoozed_task_blocks_nobody_and_a_promised_one_still_does() -> None:
    waits = task("I.1", "stc")
    for blocker, inhibits in (
        (task("I.1", "snv"), True),
        (task("I.1", "snv", promise=pause("2020-05-20")), True),
        (task("I.1", "snv", snooze=pause("2020-05-20")), False),
    ):
        found = state(waits, blocker)
        notices = [
            n
            for n in due(found, "2020-05-11", dependencies=[(blocker.key, waits.key)])
            if n.subject == waits.key and n.state is not SUPERSEDED
        ]
        assert by_role(notices)["agency_head"][1] == ("suppressed" if inhibits else "queued")


def test_a_returned_result_is_brought_to_its_officer_until_work_begins_again() -> None:
    back = task(last_day=date(2020, 6, 30), state=TaskState.RETURNED, state_since=at("2020-05-07", 23))
    assert due(state(back), "2020-05-07") == []  # 23:00 is still the 7th
    (notice,) = due(state(back), "2020-05-08")
    assert (notice.kind, notice.recipient, notice.nominal, notice.role) == (
        NoticeKind.RETURNED,
        "member@snv.example.vn",
        date(2020, 5, 8),
        "responsible",
    )
    assert not true_on(notice, state(replace(back, state=TaskState.IN_PROGRESS)), "2020-05-08")
    again = replace(back, state_since=at("2020-05-12"))
    assert due(state(again), "2020-05-12") == []  # handed in and returned anew: the count begins anew


LOUD = Policy.model_validate(
    {
        "name": "loud",
        "version": "1",
        "sending": {"from": "07:30", "to": "17:00"},
        "rungs": [
            {"name": "late", "trigger": "every 5wd from due +1wd", "tell": ["responsible"], "kind": "overdue", "cap": 3}
        ],
    }
)
SLOW = Policy.from_content(
    LOUD.content | {"version": "2", "rungs": [LOUD.content["rungs"][0] | {"trigger": "every 10wd from due +1wd"}]}
)


def nominal_days(notices: Iterable[Notice]) -> list[str]:
    return [n.nominal.isoformat() for n in notices]


def test_a_case_follows_the_policy_it_began_with_and_another_the_one_in_force() -> None:
    found = state(task("I.1"), task("I.2"))
    notices = due(found, "2020-05-18", DEFAULT, cases={("kl/snv:I.1", 0): LOUD})
    assert {(n.subject, n.rung) for n in notices if n.state is QUEUED} == {
        ("kl/snv:I.1", "late"),
        ("kl/snv:I.2", "due+5wd"),
    }
    extended = state(replace(task("I.1"), deadline_revision=1))  # a new deadline is a new case
    assert {n.rung for n in due(extended, "2020-05-18", DEFAULT, cases={("kl/snv:I.1", 0): LOUD})} != {"late"}


def test_a_step_told_under_one_version_has_the_same_key_under_another() -> None:
    found = state(task())
    assert nominal_days(due(found, "2020-05-11", LOUD)) == ["2020-05-11"]
    assert [n.key for n in due(found, "2020-05-11", LOUD)] == [n.key for n in due(found, "2020-05-11", SLOW)]


def test_what_was_told_under_another_version_counts_against_the_cap() -> None:
    found, case = state(task()), ("kl/snv:I.1", 0)
    assert nominal_days(due(found, "2020-08-01", LOUD)) == ["2020-05-11", "2020-05-18", "2020-05-25"]
    assert nominal_days(due(found, "2020-08-01", SLOW)) == ["2020-05-11", "2020-05-25", "2020-06-08"]
    for told_before, then in (
        (["2020-05-11"], ["2020-05-11", "2020-05-25", "2020-06-08"]),
        (["2020-05-11", "2020-05-18"], ["2020-05-11", "2020-05-25"]),
        (["2020-05-11", "2020-05-18", "2020-05-25"], ["2020-05-11", "2020-05-25"]),
    ):
        spent = {case: {("late", date.fromisoformat(day)) for day in told_before}}
        assert nominal_days(due(found, "2020-08-01", SLOW, spent=spent)) == then
        assert len(set(told_before) | set(then)) <= 3


def test_a_cap_counts_for_one_deadline() -> None:
    extended = state(task(last_day=date(2020, 6, 5), deadline_revision=1))
    spent = {("kl/snv:I.1", 0): {("late", date(2020, 5, 11))}}
    assert len(due(extended, "2020-08-01", LOUD, spent=spent)) == 3
