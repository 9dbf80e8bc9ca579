"""A small province with work due day by day, made once for each kind of database and kept as one snapshot a morning.

24 agencies, 72 tasks, three people an agency. Each morning of `DAYS` is a snapshot in which all earlier days have been
done without any fault, so that a scenario may begin on any of them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from planner.config import Settings
from planner.domain.agency import Agency, Officer, OfficerRole, Tier
from planner.domain.changes import AgenciesImported, DirectiveImported, OfficersImported
from planner.domain.directive import Directive
from planner.store.engine import upgrade
from scheduler.shop import Shop
from tests.fakes import Province, at, mailbox, planned
from tests.faults.databases import Database

DIRECTIVE = "kl-2020-04-29"
FILED = date(2020, 5, 4)
#: working days, a weekend among them
DAYS = tuple(date(2020, 5, 18) + timedelta(days=n) for n in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11))
AGENCIES = 24
LEASE = 0.5  #: seconds; of the database's own clock
_TASKS = 3
#: the plan of the last agency is filed in a scenario only; nothing of it falls due on these days
NEW_PLAN = f"{DIRECTIVE}/a{AGENCIES - 1:02}"
TASKS_FILED = 2


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where a lane has its files."""

    folder: Path
    port: int

    def settings(self, url: str, **more: Any) -> Settings:
        """Return the settings of a worker."""
        values: dict[str, Any] = {
            "home": self.folder,
            "database_url": url,
            "smtp_host": "127.0.0.1",
            "smtp_port": self.port,
            "delivery_lease": LEASE,
            "bounce_key_file": self.folder / "bounce-key",
            "bounce_maildir": self.folder / "bounces",
            **more,
        }
        return Settings(**values)

    def prepare(self) -> None:
        """Make the files that a worker expects."""
        (self.folder / "bounce-key").write_text("0123456789abcdef" * 4)
        for name in ("new", "cur", "tmp"):
            (self.folder / "bounces" / name).mkdir(parents=True, exist_ok=True)


def found(database: Database, home: Home, seed: int) -> None:
    """Make the province in an empty database."""
    upgrade(database.url)
    shop = Shop(settings=home.settings(database.url))
    province = Province(shop)
    chance = random.Random(seed)  # noqa: S311 - no secret: the same province at every run
    codes = ["stttt", *(f"a{n:02}" for n in range(1, AGENCIES))]
    agencies = tuple(Agency(code=code, name=f"Cơ quan {code}", tier=Tier.DEPARTMENT) for code in codes)
    people = tuple(
        Officer(
            email=mailbox(code, role.value),
            name=f"Nguyễn Thị {role.value.title()} {code}",
            title="Chuyên viên",
            agency=code,
            role=role,
        )
        for code in codes
        for role in OfficerRole
    )
    directive = Directive(
        code=DIRECTIVE, number="1234/UBND", title="Kết luận", issuer="UBND tỉnh", issued_on=date(2020, 4, 29)
    )
    desk = province.desk(at("2020-04-29"))
    with desk.writing() as session:
        desk.record(
            session,
            [
                ("agencies", AgenciesImported(agencies=agencies)),
                ("officers", OfficersImported(officers=people)),
                (DIRECTIVE, DirectiveImported(directive=directive)),
            ],
        )
    for code in codes[:-1]:
        tasks = []
        for n in range(1, _TASKS + 1):
            due = date(2020, 5, 14) + timedelta(days=chance.randrange(45))
            after = (f"I.{n - 1}",) if n > 1 and chance.random() < 0.3 else ()
            tasks.append(planned(f"I.{n}", due, code, after=after))
        province.file(code, *tasks, now=at(FILED))
    province.engine.dispose()
    database.watch()


def write_plan(path: Path) -> None:
    """Write the plan file of the last agency."""
    agency = f"a{AGENCIES - 1:02}"
    tasks = "".join(
        f"      - {{code: I.{n}, title: Nhiệm vụ {n}, responsible: {mailbox(agency)}, due: ngày 1/12/2020}}\n"
        for n in range(1, TASKS_FILED + 1)
    )
    path.write_text(
        f"agency: {agency}\ndirective: {DIRECTIVE}\nnumber: 12/KH\nsigned: 2020-05-04\n"
        f"goals:\n  - code: I\n    title: Chuyển đổi số\n    tasks:\n{tasks}",
        encoding="utf-8",
    )
