"""What happens to the sample's tasks from 4 May to 30 September 2020: who does what, and when.

Invented, and the same at every run. Most tasks are done in time; some late, a few never; two tasks that many others
wait for come late; results are returned, deadlines extended, values of targets reported. Nothing happens to a plan
before the working day after it was signed. From 1 June the people of thị xã Nghi Sơn act for huyện Tĩnh Gia.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from graphlib import TopologicalSorter
from itertools import accumulate
from typing import Any, Literal

from planner.config import ZONE
from planner.domain.agency import Officer, OfficerRole, Tier
from planner.domain.plan import Plan, PlanKind, PlannedTask
from planner.samples.thanh_hoa_2020 import Sample, load
from planner.samples.thanh_hoa_2020.plans import pick

FIRST, LAST = date(2020, 5, 4), date(2020, 9, 30)
DEPARTMENT = "stttt"  #: confirms results, grants extensions
_DAYS_OFF = (date(2020, 9, 2),)  # besides Saturdays and Sundays, between FIRST and LAST

Action = Literal["start", "done", "confirm", "return", "extend", "report_target"]

#: fates and how many of a hundred tasks have each; "late 8" is done 8 working days after its last day
_SHARES: tuple[tuple[str, int], ...] = (
    ("in_time", 77),
    ("late 3", 6),
    ("late 8", 4),
    ("late 16", 3),
    ("late 24", 2),
    ("never", 3),
    ("returned", 4),
    ("extended", 3),
    ("unconfirmed", 2),
)
_FORCED = {
    "vp-ubnd:II.3": "late 5",
    "stttt:II.2": "late 14",
    "stttt:I.1": "in_time",
    "stttt:V.1": "in_time",
    "assigned/stttt:3.3.7": "in_time",
    "assigned/stttt:3.3.8": "late 3",
}
_RETURNED_FOR = (
    "Chưa có văn bản minh chứng kèm theo.",
    "Sản phẩm chưa đúng nội dung được giao.",
    "Văn bản kết quả chưa được ký số.",
)
_EXTENDED_FOR = (
    "Chờ nhà cung cấp bàn giao thiết bị.",
    "Phải điều chỉnh dự toán kinh phí thực hiện.",
    "Khối lượng hồ sơ cần rà soát lớn hơn dự kiến.",
)
_REPORT_DAYS = (date(2020, 5, 25), date(2020, 6, 24), date(2020, 7, 24), date(2020, 8, 25), date(2020, 9, 24))


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that somebody does.

    `data` holds, by action: done: `document`, `done_on`; return: `reason`; extend: `new_last_day`, `reason`,
    `document`; report_target: `target`, `agency`, `value`, `on`; start and confirm: nothing. Days are `date` values.
    """

    at: datetime  #: UTC
    action: Action
    task: str  #: short key, "stttt:I.1"; empty for report_target
    actor: str  #: e-mail
    data: Mapping[str, Any] = field(default_factory=dict)


def story(plans: Sequence[Plan]) -> list[Event]:
    """Return everything that happens to the tasks of `plans`, in the order of time."""
    teller = _Teller(load())
    events: list[Event] = []
    tasks = {_key(plan, task): (plan, task) for plan in plans for task in plan.tasks}
    waits = {key: [one for one in _predecessors(plan, task) if one in tasks] for key, (plan, task) in tasks.items()}
    done: dict[str, date | None] = {}
    for key in TopologicalSorter(waits).static_order():
        plan, task = tasks[key]
        happened = list(teller.task(key, plan, task, [done[one] for one in waits[key]]))
        handed_in = [_day(event) for event in happened if event.action == "done"]
        done[key] = handed_in[-1] if handed_in else None
        events += happened
    for plan in plans:
        if plan.kind is PlanKind.FILED:
            events += teller.targets(plan)
    return sorted((e for e in events if _day(e) <= LAST), key=lambda e: (e.at, e.task, e.action, e.actor, str(e.data)))


def _key(plan: Plan, task: PlannedTask) -> str:
    return f"{plan.key.split('/', 1)[1]}:{task.code}"


def _predecessors(plan: Plan, task: PlannedTask) -> list[str]:
    own = plan.key.split("/", 1)[1]
    return [one if ":" in one else f"{own}:{one}" for one in task.after]


def _day(event: Event) -> date:
    return event.at.astimezone(ZONE).date()


def _is_working(day: date) -> bool:
    return day.weekday() < 5 and day not in _DAYS_OFF


def _add(day: date, n: int) -> date:
    """Return the n-th working day after `day` (before it if n is negative); for 0 the day, or the next that works."""
    step = timedelta(days=-1 if n < 0 else 1)
    while n:
        day += step
        n -= (1 if n > 0 else -1) if _is_working(day) else 0
    while not _is_working(day):
        day += timedelta(days=1)
    return day


def _at(day: date, hour: int, seed: str) -> datetime:
    """Return an instant in the given hour of office, Asia/Ho_Chi_Minh."""
    return datetime.combine(day, time(hour, pick(seed, "minute", 60)), ZONE).astimezone(UTC)


class _Teller:
    """Knows the people and tells what becomes of one task at a time."""

    def __init__(self, sample: Sample) -> None:
        self.agencies = {agency.code: agency for agency in (*sample.agencies, *sample.changes)}
        self.officers = {officer.email: officer for officer in sample.officers}
        self.staff: dict[str, list[Officer]] = {}
        for officer in sample.officers:
            self.staff.setdefault(officer.agency, []).append(officer)
        self.successor = {one.from_code: (one.to_code, one.on) for one in sample.successions}
        self.bound = [target for target in sample.directive.targets if target.tiers and target.holds_from]

    def task(self, key: str, plan: Plan, task: PlannedTask, before: Sequence[date | None]) -> Iterator[Event]:
        """Tell what becomes of a task, given when the tasks it waits for were done (None: never)."""
        earliest = _add(max(plan.signed or FIRST, FIRST), 1)
        last = task.deadline.last_day
        if None in before:
            return
        if last is None:  # routine work: somebody begins it, and it goes on
            yield self._start(key, plan, task, _add(earliest, pick(key, "begin", 12)))
            return
        ready = max([earliest, *(_add(one, 1) for one in before if one)])
        fate = self._fate(key)
        start = max(_add(task.start or _add(last, -6 - pick(key, "lead", 10)), 0), ready)
        least = _add(start, (task.duration or 3) - 1) if before else start  # what was waited for is then worked on
        if fate.startswith("late"):
            finish = max(_add(last, int(fate.split()[1])), least)
        else:
            finish = max(_add(last + timedelta(days=1), -1 - pick(key, "early", 6)), least)
        yield self._start(key, plan, task, start)
        if fate == "extended":
            new = _add(last, 8 + pick(key, "more", 10))
            yield self._extend(key, plan, max(_add(last, -2), start), new)
            finish = max(_add(new, -pick(key, "early", 4)), least)
        if fate == "never":
            return
        handed_in = _add(finish, pick(key, "entry", 3))
        yield self._done(key, plan, task, finish, handed_in)
        if fate == "returned":
            back = _add(handed_in, 1)
            reason = _RETURNED_FOR[pick(key, "reason", len(_RETURNED_FOR))]
            yield self._event("return", key, back, 9, self._department(plan), reason=reason)
            finish = handed_in = _add(back, 2 + pick(key, "again", 6))
            yield self._done(key, plan, task, finish, handed_in)
        if fate != "unconfirmed":
            yield self._event("confirm", key, _add(handed_in, 1 + pick(key, "confirm", 3)), 9, self._department(plan))

    def targets(self, plan: Plan) -> Iterator[Event]:
        """Tell which values an agency reports for the targets that bind it."""
        agency = self.agencies[plan.agency]
        for target in self.bound:
            if agency.tier not in target.tiers or target.holds_from is None:
                continue
            reached = pick(agency.code, f"reach {target.code}", 5)  # the report at which it stands at 100
            for n, on in enumerate(day for day in _REPORT_DAYS if day >= target.holds_from):
                gap = max(0, reached - n) * (4 + pick(agency.code, f"gap {target.code}", 60) / 10)
                value = 100.0 if not gap else 0.0 if target.code == "2.7" else round(100 - gap, 1)
                now = self._present(agency.code, on)
                actor = self._of(now, OfficerRole.FOCAL).email
                data = {"target": target.code, "agency": now, "value": value, "on": on}
                yield Event(at=_at(on, 15, now + target.code), action="report_target", task="", actor=actor, data=data)

    def _fate(self, key: str) -> str:
        if key in _FORCED:
            return _FORCED[key]
        at = pick(key, "fate", sum(share for _fate, share in _SHARES))
        shares = list(accumulate(share for _fate, share in _SHARES))
        return _SHARES[bisect_right(shares, at)][0]

    def _start(self, key: str, plan: Plan, task: PlannedTask, on: date) -> Event:
        return self._event("start", key, on, 8, self._worker(plan, task, on))

    def _done(self, key: str, plan: Plan, task: PlannedTask, finish: date, handed_in: date) -> Event:
        number = f"{20 + pick(key, f'document {finish}', 400)}/BC-{self._symbol(self._present(plan.agency, finish))}"
        worker = self._worker(plan, task, handed_in)
        return self._event("done", key, handed_in, 10 + pick(key, "hour", 6), worker, document=number, done_on=finish)

    def _extend(self, key: str, plan: Plan, on: date, new: date) -> Event:
        reason = _EXTENDED_FOR[pick(key, "reason", len(_EXTENDED_FOR))]
        document = f"{20 + pick(key, 'request', 400)}/{self._symbol(self._present(plan.agency, on))}-CNTT"
        actor = self._of(DEPARTMENT, OfficerRole.HEAD).email
        return self._event("extend", key, on, 9, actor, new_last_day=new, reason=reason, document=document)

    @staticmethod
    def _event(action: Action, key: str, on: date, hour: int, actor: str, **data: object) -> Event:
        return Event(at=_at(on, hour, key), action=action, task=key, actor=actor, data=data)

    def _symbol(self, agency: str) -> str:
        if self.agencies[agency].tier is not Tier.DEPARTMENT:
            return "UBND"
        return "VP" if agency == "vp-ubnd" else agency.upper()

    def _present(self, agency: str, day: date) -> str:
        """Return the agency that holds an agency's tasks on `day`."""
        new, on = self.successor.get(agency, (agency, FIRST))
        return new if day >= on else agency

    def _of(self, agency: str, role: OfficerRole) -> Officer:
        return next(officer for officer in self.staff[agency] if officer.role is role)

    def _worker(self, plan: Plan, task: PlannedTask, day: date) -> str:
        """Return who acts for a task: the responsible person, under the present address, or the focal officer."""
        present = self._present(plan.agency, day)
        known = self.officers.get(task.responsible)
        name = known.name if known else task.responsible
        same = [officer.email for officer in self.staff[present] if officer.name == name]
        return same[0] if same else self._of(present, OfficerRole.FOCAL).email

    def _department(self, plan: Plan) -> str:
        """Return who confirms: the department's focal officer; its head, where the task is the department's own."""
        return self._of(DEPARTMENT, OfficerRole.HEAD if plan.agency == DEPARTMENT else OfficerRole.FOCAL).email
