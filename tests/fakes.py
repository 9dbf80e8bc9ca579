"""A small province on a real database, a mail server that does as it is told, and the program as a process of its own.

Shared by the tests of the engine. Nothing here is mocked: the database, the mail server and the processes are real.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import Engine, MetaData, select

from planner.config import ZONE, Settings
from planner.domain.agency import Agency, Officer, OfficerRole, Tier
from planner.domain.changes import AgenciesImported, DirectiveImported, OfficersImported, PlanFiled
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.directive import Directive
from planner.domain.plan import Goal, Plan, PlannedTask, PlanRecord
from planner.domain.status import PlanState
from planner.service.desk import Desk
from planner.store import plans as stored
from planner.store.state import Book
from planner.store.tables import MailRow, NoticeRow
from scheduler.channels import Channel
from scheduler.channels.email import EmailChannel, Timeouts
from scheduler.jobs import Round, run_round
from scheduler.shop import Shop

ROOT = Path(__file__).parent.parent
DIRECTIVE = "kl-2020-04-29"
FILING_DEADLINE = date(2020, 5, 15)
AGENCIES = (
    Agency(code="stttt", name="Sở Thông tin và Truyền thông", tier=Tier.DEPARTMENT),
    Agency(code="snv", name="Sở Nội vụ", tier=Tier.DEPARTMENT),
    Agency(code="stc", name="Sở Tài chính", tier=Tier.DEPARTMENT),
    Agency(code="h-yen-dinh", name="UBND huyện Yên Định", tier=Tier.DISTRICT),
)


def at(day: str | date, hour: float = 8) -> datetime:
    """Return an instant of the province's day, by default at eight in the morning."""
    found = date.fromisoformat(day) if isinstance(day, str) else day
    clock = time(int(hour), round(hour % 1 * 60))
    return datetime.combine(found, clock, ZONE).astimezone(UTC)


def mailbox(agency: str, role: str = "member") -> str:
    """Return the address of a person of the small province."""
    return f"{role}@{agency}.example.vn"


def planned(code: str, last_day: str | date, agency: str = "snv", **more: Any) -> PlannedTask:
    """Return a task of a plan, due on `last_day`; its agency's member answers for it."""
    due = date.fromisoformat(last_day) if isinstance(last_day, str) else last_day
    return PlannedTask(
        **{
            "code": code,
            "title": f"Nhiệm vụ {code} về chữ ký số",
            "responsible": mailbox(agency),
            "deadline": Deadline(text=f"ngày {due.day}/{due.month}/{due.year}", kind=DeadlineKind.BY, last_day=due),
            **more,
        }
    )


# --- the province ---


@dataclass(frozen=True)
class Province:
    """A few agencies, their officers and one directive, in a migrated database."""

    shop: Shop

    @property
    def engine(self) -> Engine:
        """Return its database."""
        return self.shop.engine

    def desk(self, now: datetime, user: str | None = None) -> Desk:
        """Return the desk of somebody who acts at `now`."""
        desk = Desk(settings=self.shop.settings, now=now, user=user)
        vars(desk)["engine"] = self.engine  # one pool of connections for all
        return desk

    def file(self, agency: str, *tasks: PlannedTask, now: datetime | None = None) -> None:
        """File the plan of an agency; it is in force at once."""
        plan = Plan(
            agency=agency,
            directive=DIRECTIVE,
            number="12/KH",
            signed=date(2020, 5, 4),
            goals=(Goal(code="I", title="Ứng dụng chữ ký số", tasks=tasks),),
        )
        desk = self.desk(now or at("2020-05-04"))
        with desk.writing() as session:
            latest = stored.latest_record(session, plan.key)
            record = PlanRecord(
                plan=plan,
                version=latest.version + 1 if latest else 1,
                state=PlanState.ACCEPTED,
                filed_at=desk.now,
                receipt=stored.next_receipt(session, 2020),
            )
            book = Book()
            book.tasks[plan.key] = stored.task_records(session, plan=plan.key, in_force=False)
            desk.record(session, [(plan.key, PlanFiled(record=record))], book=book)

    def with_settings(self, **changes: Any) -> Province:
        """Return the same province with other settings."""
        shop = Shop(settings=replace(self.shop.settings, **changes))
        vars(shop)["engine"] = self.engine
        return Province(shop)

    def channel(self, **more: Any) -> Callable[[], Channel]:
        """Return what opens the way to the mail server of the settings."""
        settings = self.shop.settings
        return lambda: EmailChannel(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_tls,
            **{"connections": settings.smtp_connections, **more},
        )

    def tick(self, now: datetime, *, stop: Callable[[], bool] | None = None, timeouts: Timeouts | None = None) -> Round:
        """Do one round at `now` in this process."""
        return run_round(self.shop, now, self.channel(timeouts=timeouts), stop)

    def notices(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return these columns of the ledger's notices, in their order."""
        return rows(self.engine, NoticeRow, columns or ("rung", "role", "recipient", "state"))

    def mails(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return these columns of the mails, in their order."""
        return rows(self.engine, MailRow, columns or ("recipient", "state"))

    def environment(self, **more: object) -> dict[str, str]:
        """Return the variables under which a process of the program works on this province."""
        settings = self.shop.settings
        named = {
            "PLANNER_DATABASE_URL": settings.database_url,
            "PLANNER_SMTP_HOST": settings.smtp_host,
            "PLANNER_SMTP_PORT": settings.smtp_port,
            "PLANNER_SMTP_TLS": settings.smtp_tls,
            "PLANNER_SMTP_CONNECTIONS": settings.smtp_connections,
            "PLANNER_DELIVERY_LEASE": settings.delivery_lease,
            "PLANNER_LANG": "vi",
            **more,
        }
        return {**os.environ, **{name: str(value) for name, value in named.items()}}


def rows(engine: Engine, table: Any, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return some columns of a table, by id."""
    statement = select(*(getattr(table, name) for name in columns)).order_by(table.id)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(statement)]


def everything(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return the whole database, table by table."""
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in metadata.tables.items()
        }


@contextmanager
def make_province(
    database_url: str,
    home: Path,
    *,
    filing_deadline: date | None = None,
    smtp_port: int = 1,
    members: int = 0,
    **settings: Any,
) -> Iterator[Province]:
    """Enter the small province into an empty, migrated database; without a filing deadline nobody owes a plan.

    `members` more people work at snv: "m0@snv.example.vn", "m1@snv.example.vn" ...
    """
    province = Province(
        Shop(
            settings=Settings(
                home=home,
                database_url=database_url,
                **{"smtp_host": "127.0.0.1", "smtp_port": smtp_port, "smtp_tls": "none", **settings},
            )
        )
    )
    directive = Directive(
        code=DIRECTIVE,
        number="1234/UBND",
        title="Kết luận về chuyển đổi số",
        issuer="UBND tỉnh",
        issued_on=date(2020, 4, 29),
        filing_tiers=(Tier.DEPARTMENT, Tier.DISTRICT),
        filing_deadline=filing_deadline,
    )
    people = tuple(
        Officer(
            email=mailbox(agency.code, role.value),
            name=f"Nguyễn Thị {role.value.title()} {agency.code}",
            title={OfficerRole.HEAD: "Giám đốc", OfficerRole.FOCAL: "Chánh Văn phòng"}.get(role, "Chuyên viên"),
            agency=agency.code,
            role=role,
        )
        for agency in AGENCIES
        for role in OfficerRole
    ) + tuple(
        Officer(email=mailbox("snv", f"m{n}"), name=f"Trần Văn {n}", title="Chuyên viên", agency="snv")
        for n in range(members)
    )
    desk = province.desk(at("2020-04-29"))
    with desk.writing() as session:
        desk.record(
            session,
            [
                ("agencies", AgenciesImported(agencies=AGENCIES)),
                ("officers", OfficersImported(officers=people)),
                (DIRECTIVE, DirectiveImported(directive=directive)),
            ],
        )
    try:
        yield province
    finally:
        province.engine.dispose()


# --- the mail server ---


@dataclass
class MailServer:
    """A real SMTP server on loopback that keeps what it takes and can be told to refuse, to dawdle or to hang up."""

    port: int = 0
    accepted: list[tuple[str, bytes]] = field(default_factory=list)  #: recipient, bytes; only what got a 250
    rcpt: dict[str, str] = field(default_factory=dict)  #: by recipient ("*": any), the reply to RCPT
    data: dict[str, str] = field(default_factory=dict)  #: by recipient ("*": any), the reply after the final dot
    mail: str = ""  #: the reply to MAIL, when not "250 OK"
    slow_rcpt: float = 0  #: seconds before RCPT is answered
    slow_data: float = 0  #: seconds between the final dot and its answer
    cut_after: int = 0  #: hang up without an answer after the final dot, so many times; the mail is kept as accepted
    on_rcpt: Callable[[str], None] | None = None  #: called with the recipient at RCPT
    before_verdict: Callable[[str], None] | None = None  #: called with the recipient after the final dot
    in_data: int = 0  #: mails that wait for their verdict at this moment
    most_in_data: int = 0

    def parsed(self) -> list[EmailMessage]:
        """Return the accepted mails, read by the standard library."""
        found = [message_from_bytes(data, policy=default) for _recipient, data in self.accepted]
        assert all(isinstance(one, EmailMessage) for one in found)
        return found

    def recipients(self) -> list[str]:
        """Return to whom mail went, sorted."""
        return sorted(recipient for recipient, _data in self.accepted)

    def to(self, recipient: str) -> list[EmailMessage]:
        """Return the mails of one recipient."""
        return [one for one, (name, _data) in zip(self.parsed(), self.accepted, strict=True) if name == recipient]

    def message_ids(self) -> Counter[str]:
        """Return how often each Message-ID was accepted."""
        return Counter(str(one["Message-ID"]) for one in self.parsed())

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer MAIL."""
        if self.mail:
            return self.mail
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer RCPT."""
        if self.on_rcpt:
            self.on_rcpt(address)
        await asyncio.sleep(self.slow_rcpt)
        reply = self.rcpt.get(address) or self.rcpt.get("*")
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Answer the final dot."""
        (recipient,) = envelope.rcpt_tos
        self.in_data += 1
        self.most_in_data = max(self.most_in_data, self.in_data)
        try:
            if self.before_verdict:
                self.before_verdict(recipient)
            await asyncio.sleep(self.slow_data)
        finally:
            self.in_data -= 1
        reply = self.data.get(recipient) or self.data.get("*") or "250 OK"
        if reply.startswith("2"):
            assert isinstance(envelope.original_content, bytes)
            self.accepted.append((recipient, envelope.original_content))
        if self.cut_after > 0:
            self.cut_after -= 1
            assert server.transport is not None
            server.transport.abort()  # type: ignore[attr-defined]
        return reply


class _Bound(Controller):
    def __init__(self, handler: MailServer, listening: socket.socket) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=listening.getsockname()[1])
        self._listening = listening

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        loop: Any = self.loop
        made: Awaitable[asyncio.AbstractServer] = loop.create_server(self._factory_invoker, sock=self._listening)
        return made


@contextmanager
def mail_server(port: int = 0) -> Iterator[MailServer]:
    """Run a mail server on a free port, or on the one given."""
    listening = socket.create_server(("127.0.0.1", port))
    server = MailServer(port=listening.getsockname()[1])
    controller = _Bound(server, listening)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# --- processes ---


def start(*arguments: str, environment: dict[str, str], cwd: Path, script: str = "") -> subprocess.Popen[str]:
    """Start the program, or a script that ends by calling it, as a process of its own."""
    program = ["-c", script] if script else ["-m", "planner"]
    environment = {**environment, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # without bytecode every start costs a second more
    return subprocess.Popen(
        [sys.executable, *program, *arguments],
        env=environment,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: subprocess.Popen[str], seconds: float = 60) -> tuple[int, str, str]:
    """Wait for a process; return its exit code, what it printed and what it complained of."""
    try:
        out, complaint = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, out, complaint


def run(
    *arguments: str, environment: dict[str, str], cwd: Path, script: str = "", seconds: float = 60
) -> tuple[int, str, str]:
    """Run the program to its end."""
    return finished(start(*arguments, environment=environment, cwd=cwd, script=script), seconds)


def run_json(*arguments: str, environment: dict[str, str], cwd: Path, code: int = 0) -> Any:
    """Run the program with --json; return the one document that it printed."""
    ended, out, complaint = run(*arguments, "--json", environment=environment, cwd=cwd)
    assert ended == code, (ended, out, complaint)
    return json.loads(out)
