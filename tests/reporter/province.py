"""A small province for tests of reports: 43 agencies, some 90 tasks of all kinds, one district that became a town."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from planner.domain.agency import Agency, Officer, OfficerRole, Succession, Tier
from planner.domain.calendar import EVERY_DAY
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.directive import Directive, Target
from planner.domain.forecast import Forecast
from planner.domain.plan import (
    Extension,
    Goal,
    Plan,
    PlannedTask,
    PlanRecord,
    State,
    TargetValue,
    TaskRecord,
    plan_key,
    task_key,
)
from planner.domain.progress import Progress, measure
from planner.domain.status import PlanState, TaskState

TODAY = date(2020, 6, 5)
NOON = datetime(2020, 6, 5, 5, 0, tzinfo=UTC)
CODE = "kl-2020-04-29"
DEPARTMENTS = {
    "vp-ubnd": "Văn phòng UBND tỉnh",
    "snv": "Sở Nội vụ",
    "stp": "Sở Tư pháp",
    "skhdt": "Sở Kế hoạch và Đầu tư",
    "stc": "Sở Tài chính",
    "sct": "Sở Công Thương",
    "snnptnt": "Sở Nông nghiệp và Phát triển nông thôn",
    "sgtvt": "Sở Giao thông vận tải",
    "sxd": "Sở Xây dựng",
    "stnmt": "Sở Tài nguyên và Môi trường",
    "stttt": "Sở Thông tin và Truyền thông",
    "syt": "Sở Y tế",
}
DISTRICTS = {
    "tp-thanh-hoa": "thành phố Thanh Hóa",
    "h-tinh-gia": "huyện Tĩnh Gia",
    "h-yen-dinh": "huyện Yên Định",
    "h-hoang-hoa": "huyện Hoằng Hóa",
    "h-hau-loc": "huyện Hậu Lộc",
    "h-nga-son": "huyện Nga Sơn",
    "h-tho-xuan": "huyện Thọ Xuân",
    "h-quan-hoa": "huyện Quan Hóa",
}
COMMUNES = {
    "h-yen-dinh": ("Yên Lâm", "Yên Tâm", "Yên Phú", "Yên Thọ", "Yên Trung", "Yên Trường"),
    "h-hoang-hoa": ("Hoằng Quý", "Hoằng Quỳ", "Hoằng Kim", "Hoằng Trung", "Hoằng Trinh", "Hoằng Sơn"),
    "h-hau-loc": ("Hoa Lộc", "Hòa Lộc", "Phú Lộc", "Minh Lộc", "Hưng Lộc"),
    "h-tinh-gia": ("Hải An", "Tân Dân", "Ngọc Lĩnh", "Anh Sơn", "Các Sơn"),
}
TITLES = (
    "Rà soát, cấp chữ ký số chuyên dùng cho cán bộ, công chức",
    "Tập huấn sử dụng phần mềm Quản lý văn bản và Hồ sơ công việc",
    "Ban hành quy chế xử lý văn bản, hồ sơ công việc trên môi trường điện tử",
    "Số hóa và tạo lập hồ sơ công việc điện tử",
)
STATES = (
    TaskState.CONFIRMED,
    TaskState.IN_PROGRESS,
    TaskState.ASSIGNED,
    TaskState.SUBMITTED,
    TaskState.CONFIRMED,
    TaskState.RETURNED,
    TaskState.WITHDRAWN,
)


def agencies() -> dict[str, Agency]:
    """Return the register, in its order."""
    found = [Agency(code=code, name=name, tier=Tier.DEPARTMENT) for code, name in DEPARTMENTS.items()]
    for code, name in DISTRICTS.items():
        last = date(2020, 5, 31) if code == "h-tinh-gia" else None
        found.append(Agency(code=code, name=f"UBND {name}", tier=Tier.DISTRICT, valid_to=last))
    found.append(
        Agency(code="tx-nghi-son", name="UBND thị xã Nghi Sơn", tier=Tier.DISTRICT, valid_from=date(2020, 6, 1))
    )
    for parent, names in COMMUNES.items():
        for at, name in enumerate(names, 1):
            found.append(Agency(code=f"{parent}.x{at}", name=f"UBND xã {name}", tier=Tier.COMMUNE, parent=parent))
    return {agency.code: agency for agency in found}


def directive() -> Directive:
    """Return the directive of the tests, with three targets."""
    return Directive(
        code=CODE,
        number="",
        title="Kết luận của Chủ tịch UBND tỉnh tại Hội nghị sơ kết 01 năm thực hiện Nghị quyết số 17/NQ-CP",
        issuer="Chủ tịch UBND tỉnh",
        issued_on=date(2020, 4, 29),
        filing_tiers=tuple(Tier),
        filing_deadline=date(2020, 5, 8),
        targets=(
            Target(
                code="2.1",
                title="20% người dân và doanh nghiệp được xác thực định danh",
                value=20,
                by=date(2020, 12, 31),
            ),
            Target(
                code="2.3",
                title="100% văn bản, hồ sơ công việc của các cơ quan cấp tỉnh được xử lý trên môi trường điện tử",
                value=100,
                tiers=(Tier.DEPARTMENT,),
                holds_from=date(2020, 5, 22),
            ),
            Target(
                code="2.4",
                title="100% văn bản, hồ sơ công việc của UBND cấp huyện được xử lý trên môi trường điện tử",
                value=100,
                tiers=(Tier.DISTRICT,),
                holds_from=date(2020, 6, 30),
            ),
        ),
    )


def make_task(  # noqa: PLR0917 - every default is sound, and most tests name but one
    agency: str = "snv",
    code: str = "I.1",
    last_day: date | None = date(2020, 6, 10),
    state: TaskState = TaskState.IN_PROGRESS,
    done_on: date | None = None,
    start: date | None = None,
    *,
    title: str = TITLES[0],
    extended_to: date | None = None,
) -> TaskRecord:
    """Return one task as it stands."""
    extension = Extension(
        old_last_day=last_day,
        new_last_day=extended_to or TODAY,
        reason="Chờ kinh phí",
        document="15/QĐ-STTTT",
        decided_by="admin@stttt.example.vn",
        decided_at=NOON,
    )
    kind = DeadlineKind.BY if last_day else DeadlineKind.CONTINUOUS
    text = f"trước ngày {last_day + timedelta(days=1):%d/%m/%Y}" if last_day else "Thường xuyên"
    return TaskRecord(
        plan=plan_key(CODE, agency),
        agency=agency,
        goal="I",
        task=PlannedTask(
            code=code,
            title=title,
            responsible=f"phu.trach@{agency}.example.vn",
            deadline=Deadline(text=text, kind=kind, last_day=last_day),
            start=start,
        ),
        last_day=extended_to or last_day,
        state=state,
        done_on=done_on,
        extensions=(extension,) if extended_to else (),
    )


def make_state(
    *tasks: TaskRecord,
    filed: tuple[str, ...] = (),
    units: dict[str, Agency] | None = None,
    successions: tuple[Succession, ...] = (),
    values: tuple[TargetValue, ...] = (),
    order: Directive | None = None,
) -> State:
    """Return a state that holds exactly these tasks and accepted plans of these agencies."""
    known = units or agencies()
    return State(
        at=NOON,
        agencies=known,
        officers={
            f"phu.trach@{code}.example.vn": Officer(
                email=f"phu.trach@{code}.example.vn",
                name="Nguyễn Văn An",
                title="Phó Giám đốc" if agency.tier is Tier.DEPARTMENT else "Phó Chủ tịch",
                agency=code,
                role=OfficerRole.FOCAL,
            )
            for code, agency in known.items()
        },
        absences=(),
        successions=successions,
        directives={CODE: order or directive()},
        plans={plan_key(CODE, code): make_plan(code) for code in filed},
        tasks={task.key: task for task in tasks},
        values=values,
    )


def make_plan(agency: str, state: PlanState = PlanState.ACCEPTED) -> PlanRecord:
    """Return a plan as it stands; its tasks live in the state."""
    plan = Plan(agency=agency, directive=CODE, goals=(Goal(code="I", title="Mục tiêu"),))
    return PlanRecord(plan=plan, version=1, state=state, filed_at=NOON, receipt=f"BN-{agency}")


def whole_province() -> tuple[State, dict[str, Forecast]]:
    """Return the sample with its forecasts: Tĩnh Gia has become Nghi Sơn, some communes have not filed."""
    known = agencies()
    filed = tuple(
        code
        for at, code in enumerate(known)
        if code not in ("tx-nghi-son", "sct") and (known[code].tier is not Tier.COMMUNE or at % 3)
    )
    tasks: list[TaskRecord] = []
    for at, code in enumerate(filed):
        for number, title in enumerate(TITLES[: 4 if "." not in code else 2], 1):
            salt = at * 5 + number * 3
            last_day: date | None = date(2020, 5, 4) + timedelta(days=salt * 7 % 75)
            if salt % 11 == 0:
                last_day = None
            state = TaskState.CONFIRMED if code in ("stp", "h-nga-son") else STATES[salt % len(STATES)]
            done_on = None
            if state in (TaskState.SUBMITTED, TaskState.CONFIRMED):
                late = salt % 4 == 0 and code not in ("stp", "h-nga-son")
                done_on = (last_day or TODAY) + timedelta(days=3 if late else -2)
            extended = last_day + timedelta(days=7) if last_day and salt % 9 == 1 else None
            tasks.append(make_task(code, f"I.{number}", last_day, state, done_on, title=title, extended_to=extended))
    values = [
        TargetValue(directive=CODE, target="2.3", agency=code, value=100 if at % 3 else 92.5, on=date(2020, 6, 1))
        for at, code in enumerate(list(DEPARTMENTS)[:9])
    ]
    whole = (Succession(from_code="h-tinh-gia", to_code="tx-nghi-son", on=date(2020, 6, 1)),)
    state_now = make_state(*tasks, filed=filed, successions=whole, values=tuple(values))
    first = task_key(plan_key(CODE, "vp-ubnd"), "I.2")
    endangered = [t for t in tasks if t.state.is_open and t.last_day and t.last_day >= TODAY][:5]
    stuck = [t for t in tasks if t.state.is_open and t.last_day and t.last_day < TODAY][:2]
    forecasts = {
        task.key: Forecast(
            start=TODAY, finish=task.last_day + timedelta(days=12), at_risk=True, blocked_by=(first,), blocking=()
        )
        for task in (*endangered, *stuck)
        if task.last_day is not None and task.key != first
    }
    return state_now, forecasts


def days_late(last_day: date, today: date = TODAY) -> int:
    """Count every day, so that the tests need no calendar of holidays."""
    return max(0, EVERY_DAY.count(last_day, today))


def figures(state: State, forecasts: dict[str, Forecast] | None = None, today: date = TODAY) -> Progress:
    """Return the figures of a state with due soon five days before the last day."""
    return measure(
        state,
        directive=CODE,
        today=today,
        due_soon_from=lambda last_day: last_day - timedelta(days=5),
        days_late=lambda last_day: days_late(last_day, today),
        forecasts=forecasts,
        department="stttt",
    )
