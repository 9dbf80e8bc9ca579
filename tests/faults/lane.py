"""One lane of a run: a database, a mail server, and workers that are forked, hurt on purpose, and looked at afterwards.

The lane has everything imported and warmed up and holds no connection, no thread and no loop, so a worker is a fork of
some milliseconds and yet a real process: it opens its own connections, and dies of a real SIGKILL.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import resource
import select
import signal
import time
import traceback
from asyncio import selector_events
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from planner import points
from planner.errors import PlannerError
from planner.service import filing
from planner.service.desk import Desk
from scheduler import envelope
from scheduler.channels import Channel
from scheduler.channels.email import EmailChannel, Timeouts
from scheduler.jobs import run_round
from scheduler.shop import Shop
from tests.bounce_mails import postfix
from tests.fakes import at
from tests.faults.databases import Database, Sqlite
from tests.faults.province import LEASE, Home, write_plan
from tests.faults.sink import Sink

#: not in the code: half of a mail is on its way when the worker ends
HALF = "half of the message"
QUICK = Timeouts(connect=0.3, mail=0.3, rcpt=0.3, data=0.3, dot=0.4, quit=0.2)
_PATIENCE = 0.6  # seconds past its lease that a worker stays frozen at most
_LONGEST = 60  # seconds after which a worker counts as hung
_OPEN = "('ready', 'leased', 'sending', 'unknown')"

Act = Literal["kill", "stop", "ask"]


@dataclass(frozen=True, kw_only=True)
class Hit:
    """What is done to a worker when it comes to a place for the n-th time."""

    point: str
    nth: int
    act: Act


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a worker is to do."""

    rounds: tuple[datetime, ...]  #: `now` of each
    hits: tuple[Hit, ...] = ()
    quick: bool = False  #: short waits for the mail server
    tls: Literal["none", "starttls"] = "none"
    impatient: int = 0  #: milliseconds that it waits for a lock, if not as long as usual
    room: int | None = None  #: octets by which its files may grow at most, where a small disk cannot be had
    job: str = "round"  #: a key of `JOBS`


@dataclass(kw_only=True)
class Ended:
    """How a worker ended."""

    killed: bool = False
    hung: bool = False
    stopped: int = 0
    asked: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)  #: codes of the errors that its rounds ended with
    crash: str = ""  #: an exception that the service would not survive


Job = Callable[["Lane", Work, datetime], None]
JOBS: dict[str, Job] = {}


class Lane:
    """A database, a mail server and workers."""

    def __init__(self, folder: Path, database: Database) -> None:
        logging.disable(logging.CRITICAL)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.database = folder, database
        self.sink = Sink(folder)
        self.home = Home(folder=folder, port=self.sink.port)
        self.home.prepare()
        write_plan(folder / "plan.yaml")
        self.shop = Shop(settings=self.home.settings(database.url))
        self.rounds = "round"  #: a key of `JOBS`: how this lane does its rounds

    def warm_up(self, now: datetime) -> None:
        """Do one round in this process, so that forks find everything loaded and compiled."""
        run_round(self.shop, now, self.channel(Work(rounds=())))
        self.shop.engine.dispose()
        gc.collect()
        gc.freeze()

    def close(self) -> None:
        """End the mail server and remove the database."""
        self.shop.close()
        self.sink.stop()
        self.database.discard()

    def channel(self, work: Work) -> Callable[[], Channel]:
        """Return what opens the way to this lane's mail server."""
        waits = QUICK if work.quick else Timeouts()
        return lambda: EmailChannel("127.0.0.1", self.sink.port, work.tls, timeouts=waits)

    # --- scenes

    def begin(self, snapshot: str) -> None:
        """Put everything back to a morning."""
        self.sink.script()
        self.sink.forget()
        self.database.put_back(snapshot)
        for name in ("new", "cur"):
            for path in (self.home.folder / "bounces" / name).iterdir():
                path.unlink()

    def bounce(self, now: datetime) -> None:
        """Lay the report into the folder that yesterday's first mail to a plain officer came back."""
        ((mail_id, recipient),) = self.database.ask(
            "SELECT id, recipient FROM mail WHERE state = 'sent' AND recipient LIKE 'member@%' ORDER BY id DESC LIMIT 1"
        )
        key = self.shop.bounce_key
        assert key is not None
        sender = envelope.signed(self.shop.settings.mail_from, mail_id, now, key)
        (self.home.folder / "bounces" / "new" / "1.report").write_bytes(postfix(sender, recipient))

    def open_work(self) -> tuple[int, int, int]:
        """Return how many mails are not settled, how many of them somebody holds, and how many notices wait."""
        row = self.database.ask(
            f"SELECT (SELECT count(*) FROM mail WHERE state IN {_OPEN}),"  # noqa: S608
            " (SELECT count(*) FROM mail WHERE state IN ('leased', 'sending')),"
            " (SELECT count(*) FROM notice WHERE state = 'queued' AND recipient <> '')"
        )[0]
        return int(row[0]), int(row[1]), int(row[2])

    def finish_day(self, day: datetime, *, patient: bool = False) -> list[str]:
        """Do rounds without faults until nothing is left; return what went wrong.

        Who is `patient` lets notices wait for the next day: nobody gets two digests on one.
        """
        self.sink.script()
        wrong: list[str] = []
        for hours in (2.5, 4, 5.5, 7, 8.5):
            if self.open_work()[1]:
                time.sleep(LEASE + 0.02)
            (ended,) = self.run(Work(rounds=(day + timedelta(hours=hours),)))
            wrong += [f"clean round: {what}" for what in (*ended.refused, ended.crash, "hung" * ended.hung) if what]
            left = self.open_work()
            if left[0] == 0 and (patient or left[2] == 0):
                break
        else:
            wrong.append(f"never quiet: {left}")
        self.sink.rest()
        return wrong

    # --- workers

    def run(
        self,
        *works: Work,
        on_ask: Callable[[], Callable[[], None] | None] | None = None,
        meanwhile: Work | None = None,
    ) -> list[Ended]:
        """Let workers work at once until all have ended.

        Args:
            works: one worker each.
            on_ask: called when a worker asks; what it returns is called a moment later, while the worker goes on.
            meanwhile: what another worker does while one is frozen, as soon as its lease is over. The frozen one goes
                on when that one has ended, or after a while: it may have stopped with the database in its hand.
        """
        running = {n: _Worker(self, work) for n, work in enumerate(works)}
        ended: dict[int, Ended] = {}
        later: list[tuple[float, Callable[[], None]]] = []
        start = time.monotonic()
        other = -1  # the worker that takes over
        while running:
            ups = [one.up for one in running.values() if one.up >= 0]
            ready = select.select(ups, [], [], 0.004)[0] if ups else []
            now = time.monotonic()
            for n, one in list(running.items()):
                if one.up in ready and one.listen():
                    undo = on_ask() if on_ask else None
                    if undo:
                        later.append((now + 0.35, undo))
                    one.answer()
                if one.frozen_at and now - one.frozen_at > LEASE + 0.02:
                    if meanwhile is not None:
                        other = len(works) + len(ended) + len(running)
                        running[other] = _Worker(self, meanwhile)
                        meanwhile = None
                    if other not in running or now - one.frozen_at > LEASE + _PATIENCE:
                        one.frozen_at = 0.0
                        os.kill(one.pid, signal.SIGCONT)
                if now - start > _LONGEST:
                    one.ended.hung = True
                    os.kill(one.pid, signal.SIGKILL)
                if one.over():
                    ended[n] = one.ended
                    del running[n]
            for due, undo in list(later):
                if now >= due or not running:
                    later.remove((due, undo))
                    undo()
        for _due, undo in later:
            undo()
        return [ended[n] for n in sorted(ended)]


class _Worker:
    """The lane's side of a worker."""

    def __init__(self, lane: Lane, work: Work) -> None:
        self.up, theirs = os.pipe()
        mine, self._down = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.up)
            os.close(self._down)
            _be_worker(lane, work, theirs, mine)
        os.close(theirs)
        os.close(mine)
        self._text = b""
        self.ended = Ended()
        self.frozen_at = 0.0

    def listen(self) -> bool:
        """Take in what the worker says; True when it asks."""
        data = os.read(self.up, 65536)
        if not data:
            os.close(self.up)
            self.up = -1
            return False
        self._text += data
        *lines, self._text = self._text.split(b"\n")
        asks = False
        for line in lines:
            said = json.loads(line)
            if said == "ask":
                asks = True
                self.ended.asked += 1
            else:
                self.ended.reached = Counter(said["reached"])
                self.ended.refused = said["refused"]
                self.ended.crash = said["crash"]
        return asks

    def answer(self) -> None:
        """Let a worker that asked go on."""
        with suppress(BrokenPipeError):
            os.write(self._down, b"\n")

    def over(self) -> bool:
        """Look whether the worker has ended or stopped."""
        pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
        if pid == 0:
            return False
        if os.WIFSTOPPED(status):
            self.ended.stopped += 1
            self.frozen_at = time.monotonic()
            return False
        self.ended.killed = os.WIFSIGNALED(status) and not self.ended.hung
        if self.up >= 0:
            while self.up >= 0:
                self.listen()
        os.close(self._down)
        return True


def _be_worker(lane: Lane, work: Work, up: int, down: int) -> None:
    """Be the worker: never returns."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    seen: Counter[str] = Counter()
    hits = {(hit.point, hit.nth): hit.act for hit in work.hits}

    def reached(name: str) -> None:
        seen[name] += 1
        act = hits.pop((name, seen[name]), None)
        if act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif act == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif act == "ask":
            os.write(up, b'"ask"\n')
            os.read(down, 1)

    gc.disable()  # a short life: collecting would only touch the pages that it shares with its lane
    points.hook = reached
    if any(hit.point == HALF for hit in work.hits):
        _write_in_halves(reached)
    refused: list[str] = []
    crash = ""
    try:
        _prepare(lane, work)
        for now in work.rounds:
            try:
                JOBS[lane.rounds if work.job == "round" else work.job](lane, work, now)
            except PlannerError as error:  # as the service does
                refused.append(f"{error.code}: {error}")
                time.sleep(0.05)
    except BaseException:  # noqa: BLE001 - the worker ends here, and its lane must know why
        crash = traceback.format_exc(limit=-4)
    os.write(up, json.dumps({"reached": seen, "refused": refused, "crash": crash}).encode() + b"\n")
    os._exit(0)


def _prepare(lane: Lane, work: Work) -> None:
    database, engine = lane.database, lane.shop.engine
    if work.impatient:
        database.impatient(engine, work.impatient)
    if isinstance(database, Sqlite):
        database.obey_marks(engine)
    if work.room is not None:
        # The kernel refuses to write beyond; the log of an SQLite database is the file that grows.
        log = Path(f"{engine.url.database}-wal")
        size = (log.stat().st_size if log.exists() else 0) + work.room
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _write_in_halves(reached: Callable[[str], None]) -> None:
    transport: Any = selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
    write = transport.write

    def halves(self: Any, data: bytes) -> None:
        if len(data) < 1000:
            write(self, data)
            return
        write(self, data[: len(data) // 2])
        reached(HALF)
        write(self, data[len(data) // 2 :])

    transport.write = halves


def _round(lane: Lane, work: Work, now: datetime) -> None:
    run_round(lane.shop, now, lane.channel(work))


JOBS["round"] = _round


def _file(lane: Lane, _work: Work, now: datetime) -> None:
    desk = Desk(settings=lane.shop.settings, now=now)
    vars(desk)["engine"] = lane.shop.engine
    filing.file(desk, lane.home.folder / "plan.yaml")


JOBS["file"] = _file


def morning(day: Any) -> datetime:
    """Return the instant at which the faults of a day begin."""
    return at(day, 7.75)
