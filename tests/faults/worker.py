"""A worker: a fork of its lane that opens its own connections, does rounds, and is killed or stopped at a place."""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import time
import traceback
from asyncio import selector_events
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from planner import points
from planner.errors import PlannerError
from planner.service import filing
from planner.service.desk import Desk
from scheduler.jobs import run_round
from scheduler.shop import Shop
from tests.faults.databases import Sqlite

if TYPE_CHECKING:
    from tests.faults.lane import Lane

#: not in the code: half of a mail is on its way when the worker ends
HALF = "half of the message"
LONGEST = 60  #: seconds after which a worker counts as hung

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
    calm: bool = False  #: nothing is done to it: its lease is long, so that a slow machine does not take its mails away
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


class Worker:
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
    if work.calm:
        usual = lane.shop
        lane.shop = Shop(settings=replace(usual.settings, delivery_lease=2 * LONGEST))
        vars(lane.shop).update((name, value) for name, value in vars(usual).items() if name != "settings")
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
