"""A province for the model: the real engine on a real database, a pretended clock, a mail server in this process."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import yaml

from planner.config import STATE_FILE_NAME, ZONE, Settings
from planner.domain.agency import Agency, Officer, OfficerRole, Succession, Tier
from planner.domain.changes import AgenciesImported, DirectiveImported, OfficersImported, SuccessionsRecorded
from planner.domain.directive import Directive
from planner.errors import DeliveryError
from planner.service.desk import Desk
from planner.store.engine import Engine, connect, upgrade
from planner.store.tables import MailRow, NoticeRow
from scheduler.channels import Receipt
from scheduler.jobs import Round, run_round
from scheduler.shop import Shop
from tests.fakes import rows
from tests.model.facts import DAYS_OFF, DAYS_WORKED, Facts, Key, Ladder, Person, Post, Rung

if TYPE_CHECKING:
    from tests.postgres import PostgresServer

SQLITE = "sqlite:///"
DIRECTIVE = "kl"
DEPARTMENT = "stttt"
STARTS = (date(2025, 12, 22), date(2026, 2, 9), date(2020, 4, 20))
FILING_AFTER, SUCCESSION_AFTER, LEAVES_AFTER = 8, 20, 25  # days after the start

_OVERDUE = ("responsible", "agency_head")
SHIPPED = Ladder(
    "shipped",
    time(7, 30),
    time(17),
    True,
    (
        Rung("due-5wd", "due", ("responsible",), "reminder", -5),
        Rung("due-3wd", "due", ("responsible",), "reminder", -3),
        Rung("due-1wd", "due", ("responsible",), "reminder", -1),
        Rung("due", "due", ("responsible",), "reminder"),
        Rung("due+1wd", "due", _OVERDUE, "overdue", 1),
        Rung("due+5wd", "due", (*_OVERDUE, "department"), "overdue", 5),
        Rung("due+10wd", "due", (*_OVERDUE, "department"), "urging", 10),
        Rung("due+20wd", "due", (*_OVERDUE, "chairman_list"), "chairman_list", 20),
        Rung("at-risk", "at_risk", ("responsible",), "at_risk"),
        Rung("submitted+3wd", "submitted", ("department",), "confirmation", 3),
        Rung("submitted+8wd", "submitted", ("department",), "confirmation", 8, "wd", 5, "wd", 12),
        Rung("returned+1wd", "returned", ("responsible",), "returned", 1),
        Rung("returned+5wd", "returned", ("responsible", "agency_head"), "returned", 5, "wd", 5, "wd", 4),
        Rung("filing-3wd", "filing", ("focal",), "filing", -3),
        Rung("filing", "filing", ("focal",), "filing"),
        Rung("filing+1wd", "filing", ("focal", "agency_head"), "filing", 1),
        Rung("filing+5wd", "filing", ("agency_head", "parent_agency", "department"), "filing", 5),
        Rung("filing+10wd", "filing", ("agency_head", "chairman_list"), "chairman_list", 10),
    ),
)
CROWDED = Ladder(
    "crowded",
    time(8),
    time(16, 30),
    True,
    (
        Rung("due-7d", "due", ("responsible", "substitute"), "reminder", -7, "d"),
        Rung("due-2wd", "due", ("responsible", "focal"), "reminder", -2),
        Rung("due", "due", ("responsible", "agency_head"), "reminder", urgent=True),
        Rung("due+1wd", "due", (*_OVERDUE, "parent_agency"), "overdue", 1, urgent=True),
        Rung("due+3d", "due", ("agency_head", "responsible"), "overdue", 3, "d"),
        Rung("again", "due", (*_OVERDUE, "focal", "department"), "overdue", 5, "wd", 3, "wd", 3),
        Rung("for-ever", "due", (*_OVERDUE, "chairman_list"), "chairman_list", 20, "d", 4, "d"),
        Rung("at-risk", "at_risk", ("substitute", "agency_head", "responsible"), "at_risk", urgent=True),
        Rung("submitted", "submitted", ("department",), "confirmation", urgent=True),
        Rung("submitted+2wd", "submitted", ("department", "chairman_list"), "confirmation", 2, "wd", 2, "wd", 2),
        Rung("returned", "returned", ("responsible", "substitute"), "returned", urgent=True),
        Rung("returned+2d", "returned", ("responsible", "department"), "returned", 2, "d", 2, "wd", 3),
        Rung("filing-2d", "filing", ("focal", "agency_head"), "filing", -2, "d"),
        Rung("filing+1wd", "filing", ("focal", "agency_head", "parent_agency"), "filing", 1, urgent=True),
        Rung("filing-again", "filing", ("agency_head", "department"), "urging", 2, "wd", 1, "d", 4),
    ),
    acknowledge=(9, "d"),
    snooze=(5, "wd"),
    most_a_day=2,
)
#: who does the work hears last, there are no days off, and nobody gets a second mail
SPARSE = Ladder(
    "sparse",
    time(7, 29),
    time(22),
    False,
    (
        Rung("due+1wd", "due", ("agency_head",), "overdue", 1, urgent=True),
        Rung("due+2wd", "due", ("parent_agency", "agency_head"), "overdue", 2),
        Rung("due+4d", "due", ("focal", "responsible", "substitute"), "overdue", 4, "d"),
        Rung("again", "due", ("responsible", "department"), "urging", 6, "d", 1, "wd"),
        Rung("submitted", "submitted", ("department",), "confirmation", 0, "d", 1, "d", 3, urgent=True),
        Rung("returned+1wd", "returned", ("agency_head", "responsible"), "returned", 1, "wd", 2, "d"),
        Rung("filing", "filing", ("parent_agency",), "filing"),
        Rung("filing+1d", "filing", ("focal",), "chairman_list", 1, "d", 5, "d"),
    ),
    most_a_day=1,
)
LADDERS = {ladder.name: ladder for ladder in (SHIPPED, CROWDED, SPARSE)}

#: (agency, tier, parent, posts that are filled)
AGENCIES = (
    (DEPARTMENT, Tier.DEPARTMENT, None, ("head", "focal")),
    ("snv", Tier.DEPARTMENT, None, ("head", "focal", "member")),
    ("stc", Tier.DEPARTMENT, None, ("head", "focal", "member")),
    ("huyen", Tier.DISTRICT, None, ("head", "focal", "member")),
    ("xa-cu", Tier.COMMUNE, "huyen", ("head", "member")),
    ("xa-moi", Tier.COMMUNE, "huyen", ("focal",)),
)
WORKING = ("snv", "stc", "huyen", "xa-cu")  #: agencies that have tasks
SUBSTITUTES = {
    "focal@snv": "head@snv",
    "member@snv": "focal@snv",
    "member@stc": "member@snv",
    "head@stc": "focal@stc",
    "focal@stc": "head@stc",  # and back: nobody is found that way
    "member@huyen": "focal@huyen",
    "head@xa-cu": "head@huyen",
    "focal@stttt": "head@stttt",
}


def address(post: str, agency: str) -> str:
    """Return somebody's address."""
    return f"{post}@{agency}.example.vn"


def people(start: date) -> dict[str, Person]:
    """Return the register of people, by address."""
    found = {}
    for agency, _tier, _parent, posts in AGENCIES:
        for post in posts:
            named = SUBSTITUTES.get(f"{post}@{agency}", "")
            found[address(post, agency)] = Person(
                email=address(post, agency),
                agency=agency,
                post=post,
                substitute=f"{named}.example.vn" if named else "",
                last_day=start + timedelta(days=LEAVES_AFTER) if (post, agency) == ("member", "huyen") else date.max,
            )
    return found


def facts(ladder: Ladder, start: date) -> Facts:
    """Return what is so at the beginning."""
    return Facts(
        ladder=ladder,
        department=DEPARTMENT,
        filing_deadline=start + timedelta(days=FILING_AFTER),
        people=people(start),
        parents={code: parent for code, _tier, parent, _posts in AGENCIES if parent},
        successors={"xa-cu": (start + timedelta(days=SUCCESSION_AFTER), "xa-moi")},
        owing={code for code, tier, _parent, _posts in AGENCIES if tier is not Tier.COMMUNE},
    )


def instant(day: date, hour: time) -> datetime:
    """Return a local time of the province."""
    return datetime.combine(day, hour, ZONE)


@dataclass
class MailServer(Post):
    """A mail server without a wire: what it takes, and how it fails."""

    connections: int = 4
    taken: list[tuple[str, str]] = field(default_factory=list)  #: recipient, Message-ID

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def send(
        self,
        *,
        sender: str,  # noqa: ARG002
        recipient: str,
        data: bytes,
        before_data: Callable[[], Awaitable[bool]],
    ) -> Receipt | None:
        """Take one mail, or refuse it as a server would."""
        if self.down:
            raise DeliveryError("the server is out of order", stage="connect", channel=True)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        if recipient in self.refused:
            message = "5.1.1 no such mailbox"
            raise DeliveryError(message, stage="rcpt", reply_code=550, permanent=True, status="5.1.1")
        if not await before_data():
            return None
        self.taken.append((recipient, str(message_from_bytes(data)["Message-ID"])))
        if recipient in self.cut:
            self.hit.add(recipient)
            raise DeliveryError("the line was cut", stage="data", ambiguous=True)
        return Receipt(250, "2.0.0 taken")


class Places:
    """Ready-made databases: migrated, with the register as it is at each start."""

    def __init__(self, home: Path, create: Callable[[str | None], str], drop: Callable[[str], None]) -> None:
        """Keep the files in `home`.

        `create` makes a database, a copy of the one whose URL is given, and returns its URL; `drop` takes a URL.
        """
        self.home, self._create, self.drop = home, create, drop
        self._ready: dict[date, str] = {}
        empty = create(None)
        upgrade(empty)
        for start in STARTS:
            url = create(empty)
            _fill(url, start)
            self._ready[start] = url
        self.policies = {}
        for ladder in LADDERS.values():
            path = home / f"{ladder.name}.yaml"
            path.write_text(yaml.safe_dump(ladder.as_dict(), sort_keys=False), encoding="utf-8")
            self.policies[ladder.name] = path
        self.calendar = home / "days.csv"
        days = [*((day, "off") for day in DAYS_OFF), *((day, "worked") for day in DAYS_WORKED)]
        lines = [f"{day},{kind},mô hình,quyết định" for day, kind in sorted(days)]
        self.calendar.write_text("\n".join(["date,kind,name,legal_basis", *lines, ""]), encoding="utf-8")

    def open(self, start: date) -> str:
        """Return the URL of a new copy of the database as it is at a start."""
        # How far an earlier copy had come is no news of this one: it would be taken for a restored backup.
        (self.home / STATE_FILE_NAME).unlink(missing_ok=True)
        return self._create(self._ready[start])

    def settings(self, url: str, ladder: Ladder) -> Settings:
        """Return the settings under which the engine works."""
        return Settings(
            home=self.home,
            database_url=url,
            department=DEPARTMENT,
            policy_file=self.policies[ladder.name],
            calendar_file=self.calendar,
        )


def _fill(url: str, start: date) -> None:
    desk = Desk(settings=Settings(home=Path("/nowhere"), database_url=url), now=instant(start, time(5)).astimezone(UTC))
    agencies = tuple(Agency(code=code, name=code, tier=tier, parent=parent) for code, tier, parent, _p in AGENCIES)
    officers = tuple(
        Officer(
            email=one.email,
            name=f"Nguyễn {one.post} {one.agency}",
            title="Chuyên viên",
            agency=one.agency,
            role=OfficerRole(one.post),
            substitute=one.substitute or None,
            valid_to=one.last_day if one.last_day < date.max else None,
        )
        for one in people(start).values()
    )
    succession = Succession(from_code="xa-cu", to_code="xa-moi", on=start + timedelta(days=SUCCESSION_AFTER))
    directive = Directive(
        code=DIRECTIVE,
        number="1/KL",
        title="Kết luận về chuyển đổi số",
        issuer="UBND tỉnh",
        issued_on=start,
        filing_tiers=(Tier.DEPARTMENT, Tier.DISTRICT),
        filing_deadline=start + timedelta(days=FILING_AFTER),
    )
    with desk.writing() as session:
        desk.record(
            session,
            [
                ("agencies", AgenciesImported(agencies=agencies)),
                ("agencies", SuccessionsRecorded(successions=(succession,))),
                ("officers", OfficersImported(officers=officers)),
                (DIRECTIVE, DirectiveImported(directive=directive)),
            ],
        )
    desk.close()


class World:
    """The real thing, at a pretended time."""

    def __init__(self, places: Places, ladder: Ladder, start: date) -> None:
        self.shop = Shop(settings=places.settings(places.open(start), ladder))
        vars(self.shop)["engine"] = connect(self.shop.settings.resolved_database_url)
        self.post = MailServer()
        self.now = instant(start, time(5))  #: local time
        self._drop = places.drop

    def close(self) -> None:
        """Throw its database away."""
        self.engine.dispose()
        self._drop(self.shop.settings.database_url)

    @property
    def engine(self) -> Engine:
        """Return its database."""
        return self.shop.engine

    def desk(self) -> Desk:
        """Return the desk of somebody who acts now."""
        desk = Desk(settings=self.shop.settings, now=self.now.astimezone(UTC))
        vars(desk)["engine"] = self.engine
        return desk

    def round(self) -> tuple[Round, list[tuple[str, str]]]:
        """Do one round now; return what it counts and what the mail server took in it."""
        before = len(self.post.taken)
        return run_round(self.shop, self.now.astimezone(UTC), lambda: self.post), self.post.taken[before:]

    def ledger(self) -> dict[Key, tuple[str, str, str]]:
        """Return the ledger: by key, the state, the recipient and the kind; no key stands in it twice."""
        columns = ("subject", "revision", "rung", "nominal", "role", "state", "recipient", "kind")
        found = rows(self.engine, NoticeRow, columns)
        by_key = {row[:5]: row[5:] for row in found}
        assert len(by_key) == len(found), "a notice stands in the ledger twice"
        return by_key

    def reasons(self) -> dict[Key, str]:
        """Return why each notice is told, or is not, by its key."""
        found = rows(self.engine, NoticeRow, ("subject", "revision", "rung", "nominal", "role", "reason"))
        return {row[:5]: row[5] for row in found}

    def carried(self) -> dict[str, set[Key]]:
        """Return the notices that each mail carries, by its Message-ID."""
        ids = dict(rows(self.engine, MailRow, ("id", "message_id")))
        found: dict[str, set[Key]] = {}
        for *key, mail in rows(self.engine, NoticeRow, ("subject", "revision", "rung", "nominal", "role", "mail_id")):
            if mail is not None:
                found.setdefault(ids[mail], set()).add(tuple(key))
        return found


def sqlite_places(home: Path) -> Places:
    """Return ready-made databases as files of a folder."""
    numbers = count()

    def create(template: str | None) -> str:
        path = home / f"{next(numbers)}.db"
        if template is not None:
            shutil.copyfile(template.removeprefix(SQLITE), path)
        return f"{SQLITE}{path}"

    def drop(url: str) -> None:
        for end in ("", "-wal", "-shm"):
            Path(url.removeprefix(SQLITE) + end).unlink(missing_ok=True)

    return Places(home, create, drop)


def postgres_places(home: Path, server: PostgresServer) -> Places:
    """Return ready-made databases of a server."""
    names: dict[str, str] = {}

    def create(template: str | None) -> str:
        name = server.create_database(names[template] if template else None)
        url = server.url(name)
        names[url] = name
        return url

    return Places(home, create, lambda url: server.drop_database(names.pop(url)))
