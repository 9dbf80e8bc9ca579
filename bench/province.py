"""Makes a province for the measures: a database with agencies and officers, and plans of any size."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from planner.config import Settings
from planner.domain.agency import Agency, Officer, OfficerRole, Tier
from planner.domain.changes import AgenciesImported, DirectiveImported, OfficersImported
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.directive import Directive
from planner.domain.plan import Goal, Plan, PlannedTask
from planner.service.desk import Desk
from planner.store import engine as database

NOW = datetime(2020, 5, 4, 1, tzinfo=UTC)
DIRECTIVE = "bench"


def make_database(folder: Path, agencies: int, *, url: str = "") -> Desk:
    """Fill a database with `agencies` agencies of five officers and a head each, and one directive.

    It is the one at `url`, or else an SQLite file in `folder`.
    """
    settings = Settings(home=folder, database_url=url or f"sqlite:///{folder / 'bench.db'}")
    database.upgrade(settings.resolved_database_url)
    desk = Desk(settings=settings, now=NOW)
    register = [Agency(code=f"a{n}", name=f"Cơ quan {n}", tier=Tier.DEPARTMENT) for n in range(agencies)]
    register.append(Agency(code="stttt", name="Sở Thông tin và Truyền thông", tier=Tier.DEPARTMENT))
    people = [officer for agency in register for officer in _people(agency.code)]
    directive = Directive(code=DIRECTIVE, number="1", title="Bench", issuer="-", issued_on=date(2020, 4, 29))
    with desk.writing() as session:
        desk.record(
            session,
            [
                ("agencies", AgenciesImported(agencies=tuple(register))),
                ("officers", OfficersImported(officers=tuple(people))),
                (DIRECTIVE, DirectiveImported(directive=directive)),
            ],
        )
    return desk


def _people(agency: str) -> Iterator[Officer]:
    yield Officer(
        email=f"head@{agency}.example.vn", name="Trưởng", title="Giám đốc", agency=agency, role=OfficerRole.HEAD
    )
    for n in range(5):
        role = OfficerRole.FOCAL if n == 0 else OfficerRole.MEMBER
        yield Officer(
            email=f"o{n}@{agency}.example.vn", name=f"Cán bộ {n}", title="Chuyên viên", agency=agency, role=role
        )


def make_plans(agencies: int, tasks: int, *, due_share: float = 0.05, seed: int = 1) -> Iterator[Plan]:
    """Yield one plan an agency: about 1.25 dependencies a task, `due_share` of the tasks due on 7 May 2020.

    The others are due after September.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret, the same plans at every run
    for n in range(agencies):
        rows = []
        for t in range(tasks):
            due = date(2020, 5, 7) if chance.random() < due_share else date(2020, 10, 1) + timedelta(days=t % 60)
            earlier = chance.sample(range(t), min(t, chance.choice((1, 1, 1, 2))))
            rows.append(
                PlannedTask(
                    code=f"I.{t + 1}",
                    title=f"Nhiệm vụ {t + 1}",
                    responsible=f"o{t % 5}@a{n}.example.vn",
                    deadline=Deadline(text=f"{due.day}/{due.month}/{due.year}", kind=DeadlineKind.BY, last_day=due),
                    duration=3,
                    after=tuple(f"I.{one + 1}" for one in earlier),
                )
            )
        goal = Goal(code="I", title="Mục tiêu", tasks=tuple(rows))
        yield Plan(agency=f"a{n}", directive=DIRECTIVE, number=f"{n}/KH", signed=date(2020, 5, 4), goals=(goal,))
