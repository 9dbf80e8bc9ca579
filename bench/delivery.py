"""How many mails a second go to a mail server on this machine, with everything that keeps them from being lost.

`--size` is the number of mails, each stored with four notices about real tasks. The server takes everything: Postfix's
smtp-sink where it is installed, else a small one of ours (`bench/smtp_sink.py`). Beside it: the yardstick, an
EmailMessage made and sent with `send_message` over a connection of its own; the same with bytes that are made already;
Postfix's smtp-source, the limit of the wire. Both databases commit to the disk.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import IO, Any, cast

import aiosmtplib
from sqlalchemy import func, select

from bench.province import make_database, make_plans
from bench.timing import Row, parser
from planner.domain.changes import tasks_of_accepted
from planner.domain.notification import MailState, Notice, NoticeKind, NoticeState
from planner.domain.plan import PlanRecord
from planner.domain.status import PlanState
from planner.store import engine as database
from planner.store import ledger, outbox
from planner.store import plans as stored
from planner.store.cases import PolicyVersion
from planner.store.engine import reading, writing
from planner.store.tables import AttemptRow, MailRow, NoticeRow
from scheduler import message
from scheduler.shop import Shop

NOW = datetime(2020, 5, 7, 1, tzinfo=UTC)
NOTICES = 4  #: a mail
_CONNECTIONS = 16  #: of the yardsticks; as many as a worker has
_TASKS_A_PLAN = 100
_ROOT = Path(__file__).parent.parent


def main() -> None:
    """Measure and print."""
    asked = parser(__doc__ or "", size=2000)
    asked.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both", help="default: both")
    asked.add_argument("--sink", choices=("postfix", "ours"), default=None, help="default: Postfix's where installed")
    asked.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], metavar="N", help="default: 1 2 4")
    asked.add_argument("--work", nargs=2, metavar=("URL", "PORT"), help="be one of the workers that are measured")
    options = asked.parse_args()
    if options.work:
        _work(options.work[0], int(options.work[1]))
        return
    notes: list[str] = []
    sink = options.sink or ("postfix" if _postfix("smtp-sink") else "ours")
    kinds = ("sqlite", "postgresql") if options.database == "both" else (options.database,)
    with tempfile.TemporaryDirectory() as name, _sink(sink) as port:
        rows = [_yardstick(port, options.size)]
        rows.append(_stored(port, options.size, rows[0]))
        wire = _wire(port, options.size, rows[0], notes)
        rows += [wire] if wire else []
        for kind in kinds:
            with databases(kind, Path(name) / kind, lambda desk: fill(desk, options.size)) as copy:
                for workers in options.workers:
                    seconds = _deliver(copy(), port, workers, options.size)
                    case = f"planner, {kind}, {workers} worker{'s' if workers > 1 else ''}"
                    rows.append(_row(case, options.size, seconds, rows[0]))
    notes.append(f"server: {'smtp-sink of Postfix' if sink == 'postfix' else 'bench/smtp_sink.py'}")
    show("delivery", rows, notes, as_json=options.json)


def _row(case: str, size: int, seconds: float, yardstick: Row | None = None) -> Row:
    return Row(
        case=case, size=size, seconds=seconds, peak_mib=0, ratio=seconds / yardstick.seconds if yardstick else None
    )


def show(name: str, rows: Sequence[Row], notes: Sequence[str], *, as_json: bool) -> None:
    """Print rows with their mails a second."""
    if as_json:
        told = [{**asdict(row), "per_second": row.size / row.seconds} for row in rows]
        print(json.dumps({"name": name, "rows": told, "notes": list(notes)}, indent=2))
        return
    width = max(len(row.case) for row in rows)
    print(f"{'case':<{width}}  {'mails':>7}  {'seconds':>8}  {'a second':>9}  {'ratio':>6}")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        print(f"{row.case:<{width}}  {row.size:>7}  {row.seconds:>8.3f}  {row.size / row.seconds:>9.0f}  {ratio:>6}")
    for note in notes:
        print(note)


# --- servers


def _postfix(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/libexec/postfix:/usr/lib/postfix/sbin")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _sink(kind: str) -> Iterator[int]:
    if kind == "ours":
        with our_sink() as (port, _count):
            yield port
        return
    program, port = _postfix("smtp-sink"), _free_port()
    if program is None:
        raise SystemExit("smtp-sink is not installed; install Postfix, or take --sink ours")
    account = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program, *account, f"127.0.0.1:{port}", "1000"])
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def our_sink() -> Iterator[tuple[int, Callable[[], int]]]:
    """Run our server; give its port, and what tells how many mails it has taken."""
    command = [sys.executable, "-m", "bench.smtp_sink"]
    process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    answers, questions = cast(IO[str], process.stdout), cast(IO[str], process.stdin)

    def count() -> int:
        questions.write("count\n")
        questions.flush()
        return int(answers.readline())

    try:
        yield int(answers.readline()), count
    finally:
        questions.close()
        process.wait()
        answers.close()


def _wait_for(port: int) -> None:
    last = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > last:
                raise
            time.sleep(0.02)
        else:
            return


# --- yardsticks


def _yardstick(port: int, size: int) -> Row:
    said = message_of_many()

    def made(n: int) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"] = "nhac-viec@planner.example.vn", f"o{n}@a{n % 600}.example.vn"
        mail["Subject"], mail["Message-ID"] = said.subject, f"<{n}@planner.example.vn>"
        mail.set_content(said.text)
        mail.add_alternative(said.html, subtype="html")
        return mail

    async def send(client: aiosmtplib.SMTP, n: int) -> None:
        await client.send_message(made(n))

    return _row("EmailMessage, send_message, a connection each", size, _plainly(port, size, send))


def _stored(port: int, size: int, yardstick: Row) -> Row:
    mails = [_mail(n, message_of_many()) for n in range(size)]

    async def send(client: aiosmtplib.SMTP, n: int) -> None:
        await client.sendmail("nhac-viec@planner.example.vn", [mails[n].recipient], mails[n].body)

    return _row("ready bytes, sendmail, a connection each", size, _plainly(port, size, send), yardstick)


def _plainly(port: int, size: int, send: Callable[[aiosmtplib.SMTP, int], Awaitable[None]]) -> float:
    """Send without ledger and without safety; return the seconds."""

    async def run() -> None:
        slots = asyncio.Semaphore(_CONNECTIONS)

        async def one(n: int) -> None:
            async with (
                slots,
                aiosmtplib.SMTP(hostname="127.0.0.1", port=port, local_hostname="localhost", start_tls=False) as client,
            ):
                await send(client, n)

        await asyncio.gather(*(one(n) for n in range(size)))

    start = time.perf_counter()
    asyncio.run(run())
    return time.perf_counter() - start


def _wire(port: int, size: int, yardstick: Row, notes: list[str]) -> Row | None:
    program = _postfix("smtp-source")
    if program is None:
        notes.append("smtp-source: not installed (it comes with Postfix)")
        return None
    length = str(len(_mail(0, message_of_many()).body))
    command = [program, "-d", "-s", str(_CONNECTIONS), "-m", str(size), "-l", length]
    start = time.perf_counter()
    subprocess.run([*command, "-f", "a@example.vn", "-t", "b@example.vn", f"127.0.0.1:{port}"], check=True)
    return _row("smtp-source, kept connections: the wire", size, time.perf_counter() - start, yardstick)


# --- databases


@contextmanager
def databases(kind: str, home: Path, fill_it: Callable[[Any], None], agencies: int = 1) -> Iterator[Callable[[], str]]:
    """Make a database, fill it, and give what makes a copy of it and returns its URL."""
    home.mkdir()
    with ExitStack() as stack:
        if kind == "sqlite":
            count = iter(range(1000))

            def copy() -> str:
                path = home / f"copy-{next(count)}.db"
                shutil.copyfile(home / "bench.db", path)
                return f"sqlite:///{path}"

            desk = make_database(home, agencies)
        else:
            from tests.postgres import running_postgres

            server = stack.enter_context(running_postgres(durable=True))
            template = server.create_database()

            def copy() -> str:
                return server.url(server.create_database(template))

            desk = make_database(home, agencies, url=server.url(template))
        fill_it(desk)
        desk.close()
        yield copy


def message_of_many() -> message.Message:
    """Return the words of a digest of the usual size."""
    line = "1. Nhiệm vụ I.1: Triển khai chữ ký số chuyên dùng. Quá hạn 2 ngày làm việc; nhắc lần thứ 2.\n"
    html = f"<p>{line}</p>\n"
    return message.Message(
        subject="[Quá hạn] 4 nhiệm vụ quá hạn", text=line * 16, html="<body>" + html * 40 + "</body>"
    )


def _mail(n: int, said: message.Message) -> outbox.NewMail:
    recipient = f"o{n}@a{n % 600}.example.vn"
    key = outbox.mail_key("digest", recipient, NOW.date(), ["0"])
    ident = message.message_id(key, "planner.example.vn")
    body = message.assemble(
        said,
        sender="nhac-viec@planner.example.vn",
        sender_name="Hệ thống theo dõi kế hoạch",
        to=recipient,
        to_name="Nguyễn Văn An",
        message_id=ident,
        date=NOW,
    )
    return outbox.NewMail(
        kind="digest", recipient=recipient, day=NOW.date(), key=key, subject=said.subject, message_id=ident, body=body
    )


def fill(desk: Any, size: int) -> None:
    """Enter plans, and `size` mails with the notices they carry, ready to go."""
    agencies, said = 1, message_of_many()
    with desk.writing() as session:
        tasks: list[str] = []
        for n, plan in enumerate(make_plans(agencies, size * NOTICES, due_share=1.0)):
            record = PlanRecord(plan=plan, version=1, state=PlanState.ACCEPTED, filed_at=NOW, receipt=f"{n:06d}/2020")
            stored.save_versions(session, [record])
            made = tasks_of_accepted(record, {}, NOW, date(2020, 5, 4))
            stored.save_tasks(session, list(made.values()), fresh=True)
            tasks += made
    notices = [
        Notice(
            kind=NoticeKind.OVERDUE,
            subject=tasks[n],
            revision=0,
            rung="due+1wd",
            nominal=NOW.date(),
            role="responsible",
            recipient=f"o{n // NOTICES}@a{n // NOTICES % 600}.example.vn",
            reason="",
        )
        for n in range(size * NOTICES)
    ]
    with desk.writing() as session:
        ledger.enqueue(session, notices, policy=PolicyVersion(hash="-", name="bench", version="1", content={}), at=NOW)
    with desk.reading() as session:
        waiting: dict[str, list[ledger.QueuedNotice]] = {}
        for one in ledger.queued(session):
            waiting.setdefault(one.notice.recipient, []).append(one)
    mails = [_mail(n, said) for n in range(size)]
    with desk.writing() as session:
        outbox.save_mails(session, [(mail, waiting[mail.recipient]) for mail in mails], NOW)


# --- ours


def _deliver(url: str, port: int, workers: int, size: int) -> float:
    command = [sys.executable, "-m", "bench.delivery", "--work", url, str(port)]
    processes = [
        subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _worker in range(workers)
    ]
    for process in processes:
        if cast(IO[str], process.stdout).readline() != "ready\n":
            raise RuntimeError("a worker did not start")
    start = time.perf_counter()
    sent = 0
    for process in processes:
        go = cast(IO[str], process.stdin)
        go.write("go\n")
        go.flush()
    for process in processes:
        out, _none = process.communicate()
        sent += json.loads(out)["sent"]
    seconds = time.perf_counter() - start
    _check(url, size, sent)
    return seconds


def _check(url: str, size: int, sent: int) -> None:
    """See that every mail and every notice is written down as sent, once."""
    engine = database.connect(url)
    with reading(engine) as session:
        counted = session.execute(select(MailRow.state, func.count()).group_by(MailRow.state))
        states = {state: int(count) for state, count in counted}
        told = session.scalar(select(func.count()).where(NoticeRow.state == NoticeState.SENT.value))
        tries = session.scalar(select(func.count()).select_from(AttemptRow))
    engine.dispose()
    found = (sent, states, told, tries)
    if found != (size, {MailState.SENT.value: size}, size * NOTICES, size):
        raise RuntimeError(f"not every mail was sent once and written down: {found}")


def _work(url: str, port: int) -> None:
    from scheduler import delivery
    from scheduler.channels.email import EmailChannel

    shop = Shop(settings=replace(_settings(url), smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none"))
    with writing(shop.engine) as session:
        database.clock(session)  # connected, and every module loaded

    def channel() -> EmailChannel:
        return EmailChannel("127.0.0.1", port, "none", connections=shop.settings.smtp_connections)

    print("ready", flush=True)
    sys.stdin.readline()
    done = asyncio.run(delivery.deliver_pending(shop, NOW + timedelta(minutes=1), channel, lambda: False))
    print(json.dumps({"sent": done.sent}), flush=True)
    shop.close()


def _settings(url: str) -> Any:
    from planner.config import Settings

    return Settings(home=Path.cwd(), database_url=url)


if __name__ == "__main__":
    main()
