"""A small province with every default sound, so that a test says only what matters to it.

Three provincial departments, a district that becomes a town on 1 June 2020, a commune; a head and a focal officer each;
one directive with two direct assignments. Plans as values and as files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import MetaData, select
from sqlalchemy.engine import Engine

from planner.config import ZONE, Settings
from planner.domain.agency import Agency, Officer, OfficerRole, Succession, Tier
from planner.domain.changes import AgenciesImported, Change, OfficersImported, SuccessionsRecorded
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.directive import DirectAssignment, Directive, Target
from planner.domain.notification import Notice, NoticeKind
from planner.domain.plan import Goal, Plan, PlannedTask
from planner.service.admin import enter_directive
from planner.service.desk import Desk
from planner.store.cases import PolicyVersion

DIRECTIVE = "kl-2020-04-29"
MERGER = date(2020, 6, 1)
NOW = datetime(2020, 5, 5, 1, 0, tzinfo=UTC)  # 08:00 in the province
TODAY = date(2020, 5, 5)
POLICY = PolicyVersion(hash="p", name="test", version="1", content={})

AGENCIES = (
    Agency(code="stttt", name="Sở Thông tin và Truyền thông", tier=Tier.DEPARTMENT),
    Agency(code="vp-ubnd", name="Văn phòng UBND tỉnh", tier=Tier.DEPARTMENT),
    Agency(code="snv", name="Sở Nội vụ", tier=Tier.DEPARTMENT),
    Agency(code="h-tinh-gia", name="UBND huyện Tĩnh Gia", tier=Tier.DISTRICT, valid_to=date(2020, 5, 31)),
    Agency(code="tx-nghi-son", name="UBND thị xã Nghi Sơn", tier=Tier.DISTRICT, valid_from=MERGER),
    Agency(code="h-tinh-gia.x-hai-chau", name="UBND xã Hải Châu", tier=Tier.COMMUNE, parent="h-tinh-gia"),
)
SUCCESSIONS = (Succession(from_code="h-tinh-gia", to_code="tx-nghi-son", on=MERGER, legal_basis="933/NQ-UBTVQH14"),)


def head(agency: str) -> str:
    """Return the address of an agency's head."""
    return f"head@{agency}.example.vn"


def focal(agency: str) -> str:
    """Return the address of an agency's focal officer."""
    return f"focal@{agency}.example.vn"


OFFICERS = tuple(
    officer
    for agency in AGENCIES
    for officer in (
        Officer(email=head(agency.code), name="Lê Thị Hà", title="Giám đốc", agency=agency.code, role=OfficerRole.HEAD),
        Officer(
            email=focal(agency.code),
            name="Trần Văn Nam",
            title="Chuyên viên",
            agency=agency.code,
            role=OfficerRole.FOCAL,
            substitute=head(agency.code),
        ),
    )
)


def make_assignment(code: str = "3.3.7", agency: str = "stttt", **fields: Any) -> DirectAssignment:
    """Return a direct assignment of the directive."""
    sound: dict[str, Any] = {"title": "Tham mưu ban hành chỉ thị", "deadline": make_deadline(date(2020, 5, 14))}
    return DirectAssignment(code=code, agency=agency, **{**sound, **fields})


def make_directive(**fields: Any) -> Directive:
    """Return the directive."""
    sound: dict[str, Any] = {
        "code": DIRECTIVE,
        "number": "60/TB-UBND",
        "title": "Thông báo kết luận của Chủ tịch UBND tỉnh",
        "issuer": "Chủ tịch UBND tỉnh",
        "issued_on": date(2020, 4, 29),
        "filing_duty": "Xây dựng kế hoạch chi tiết",
        "filing_tiers": (Tier.DEPARTMENT, Tier.DISTRICT),
        "filing_deadline": date(2020, 5, 8),
        "targets": (
            Target(code="2.3", title="Văn bản điện tử", value=100, tiers=(Tier.DEPARTMENT, Tier.DISTRICT)),
            Target(code="2.7", title="Phòng họp không giấy tờ", value=50, tiers=(Tier.DEPARTMENT,)),
        ),
        "assignments": (make_assignment(), make_assignment("3.3.9", "snv", cooperating=("stttt", "vp-ubnd"))),
    }
    return Directive(**{**sound, **fields})


def make_deadline(last_day: date | None = date(2020, 5, 22), text: str = "") -> Deadline:
    """Return a deadline by a day; without one, routine work."""
    if last_day is None:
        return Deadline(text=text or "Thường xuyên", kind=DeadlineKind.CONTINUOUS)
    return Deadline(text=text or f"{last_day:%d/%m/%Y}", kind=DeadlineKind.BY, last_day=last_day)


def make_task(code: str = "I.1", **fields: Any) -> PlannedTask:
    """Return a planned task."""
    sound: dict[str, Any] = {
        "title": "Rà soát, cấp chữ ký số",
        "responsible": focal("stttt"),
        "deadline": make_deadline(),
    }
    return PlannedTask(code=code, **{**sound, **fields})


def make_plan(agency: str = "stttt", tasks: Sequence[PlannedTask] | None = None, **fields: Any) -> Plan:
    """Return a plan with one goal."""
    sound: dict[str, Any] = {"number": "12/KH", "signed": date(2020, 5, 4), "directive": DIRECTIVE}
    if tasks is None:
        mine = focal(agency)
        tasks = (make_task("I.1", responsible=mine), make_task("I.2", responsible=mine, after=("I.1",)))
    goal = Goal(code="I", title="100% văn bản điện tử", target="2.3", tasks=tuple(tasks))
    return Plan(**{"agency": agency, "goals": (goal,), **sound, **fields})


def file_of(folder: Path, plan: Plan, name: str = "") -> Path:
    """Write a plan as the YAML file that an agency would file."""
    document = {
        "agency": plan.agency,
        "directive": plan.directive,
        "number": plan.number,
        "signed": plan.signed,
        "goals": [
            {
                "code": goal.code,
                "title": goal.title,
                "target": goal.target,
                "tasks": [
                    {
                        "code": task.code,
                        "title": task.title,
                        "responsible": task.responsible,
                        "cooperating": list(task.cooperating),
                        "due": task.deadline.text,
                        "after": list(task.after),
                        **({} if task.start is None else {"start": task.start}),
                        **({} if task.duration is None else {"duration": task.duration}),
                    }
                    for task in goal.tasks
                ],
            }
            for goal in plan.goals
        ],
    }
    path = folder / (name or f"{plan.agency}.yaml")
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def at(day: date, hour: int = 8) -> datetime:
    """Return an hour of a day in the province, in UTC."""
    return datetime.combine(day, time(hour), ZONE).astimezone(UTC)


def make_desk(url: str, **fields: Any) -> Desk:
    """Return a desk at NOW; `settings` are given as a mapping."""
    settings = Settings(home=Path("/nowhere"), **{"database_url": url, **fields.pop("settings", {})})
    return Desk(settings=settings, **{"now": NOW, **fields})


def moved(desk: Desk, **fields: Any) -> Desk:
    """Return the same desk at another time, or with another person at it, on the same engine."""
    other = replace(desk, **fields)
    other.__dict__["engine"] = desk.engine
    return other


def fill(desk: Desk, *, directive: Directive | None = None) -> None:
    """Enter the province's registers and the directive."""
    changes: list[tuple[str, Change]] = [
        ("agencies", AgenciesImported(agencies=AGENCIES)),
        ("agencies", SuccessionsRecorded(successions=SUCCESSIONS)),
        ("officers", OfficersImported(officers=OFFICERS)),
    ]
    with desk.writing() as session:
        desk.record(session, changes)
        enter_directive(desk, session, directive or make_directive(), reason="")


def make_notice(subject: str = f"{DIRECTIVE}/stttt:I.1", **fields: Any) -> Notice:
    """Return a notice to the officer who answers for the task."""
    sound: dict[str, Any] = {
        "kind": NoticeKind.REMINDER,
        "revision": 0,
        "rung": "due-5wd",
        "nominal": date(2020, 5, 15),
        "role": "responsible",
        "recipient": focal("stttt"),
        "reason": "người chịu trách nhiệm",
    }
    return Notice(subject=subject, **{**sound, **fields})


def content(engine: Engine, *, without: Iterable[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, sorted: two databases with the same content compare equal."""
    metadata = MetaData()
    with engine.connect() as connection:
        metadata.reflect(connection)
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in metadata.tables.items()
            if name not in without
        }
