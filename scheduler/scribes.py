"""Writes mails from plain facts, as many at a time as the machine has processors when there are many to write.

Knows no database and no ledger. Composing takes most of a large round's time, all of it processor time, and one mail
has nothing to do with the next. The processes end with the one that began them, whatever ends that one.
"""

from __future__ import annotations

import copyreg
import gc
import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import partial
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from planner import i18n
from planner.domain.agency import Officer
from planner.domain.deadline import Deadline
from planner.domain.notification import Notice
from planner.domain.plan import PlannedTask, TaskRecord
from planner.errors import PlannerError
from scheduler import compose, message
from scheduler.wording import Item

log = logging.getLogger(__name__)

_T = TypeVar("_T")

MANY = 500  #: mails; fewer are written before a second process has begun
MOST = 8  #: processes
_VALUES_BETWEEN_SEARCHES = 50_000  # for garbage, that is
_AHEAD = 2  # batches handed out for each process: enough to keep it busy, few enough to keep in memory


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One mail to be written."""

    key: str  #: of the mail; its Message-ID follows from it
    officer: Officer  #: whom it addresses
    agency_name: str  #: of the recipient's own agency
    items: tuple[Item, ...]
    today: date
    now: datetime
    language: str
    site: Path | None  #: folder whose templates stand before the shipped ones
    sender: str
    sender_name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Letter:
    """A mail as it leaves."""

    subject: str
    message_id: str
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Unwritten:
    """Why a mail could not be written."""

    code: str
    reason: str


def _hand_over_quickly(kind: type[Any]) -> None:
    """Let pickle take the values of a class all at once; a frozen class with slots has it look up each by its name.

    A round hands about a hundred thousand objects to other processes, while it also stores what those have written.
    """
    names = [each.name for each in fields(kind)]
    values = attrgetter(*names)
    _SETTERS[kind] = [getattr(kind, name).__set__ for name in names]
    copyreg.pickle(kind, lambda one: (_taken_over, (kind, values(one))))


def _taken_over(kind: type[_T], values: tuple[Any, ...]) -> _T:
    one = object.__new__(kind)
    for put, value in zip(_SETTERS[kind], values, strict=True):
        put(one, value)
    return one


_SETTERS: dict[type[Any], list[Callable[[Any, Any], None]]] = {}
for _kind in (Order, Item, Notice, TaskRecord, PlannedTask, Deadline):
    _hand_over_quickly(_kind)


def words(order: Order) -> message.Message:
    """Return what a mail says.

    Raises:
        PlannerError: it cannot be written.
    """
    return compose.compose(
        order.officer, order.agency_name, order.items, today=order.today, now=order.now, site=order.site
    )


def write(orders: Sequence[Order]) -> list[Letter | Unwritten]:
    """Write some mails, one after the other; what one person filed must not silence all the others."""
    done: list[Letter | Unwritten] = []
    for order in orders:
        try:
            done.append(_letter(order))
        except PlannerError as error:
            done.append(Unwritten(code=error.code, reason=error.in_one_line()))
    return done


def _letter(order: Order) -> Letter:
    with i18n.speaking(order.language):
        written = words(order)
        message_id = message.message_id(order.key, order.sender.rpartition("@")[2])
        body = message.assemble(
            written,
            sender=order.sender,
            sender_name=order.sender_name,
            to=order.officer.email,
            to_name=order.officer.name,
            message_id=message_id,
            date=order.now,
        )
    return Letter(subject=written.subject, message_id=message_id, body=body)


Scribes: TypeAlias = Callable[[Iterable[Sequence[Order]]], Iterator[list[Letter | Unwritten]]]


@contextmanager
def called(mails: int) -> Iterator[Scribes]:
    """Call as many processes as `mails`, about, are worth; they begin at once and end with the context.

    Yields:
        What writes batches of mails, one after the other in the order given.
    """
    processes = min(MOST, _processors()) if mails >= MANY else 1
    pool = _pool(processes) if processes > 1 else None
    if pool is None:
        yield partial(map, write)
        return
    try:
        yield lambda batches: _in(pool, iter(batches), processes * _AHEAD)
    finally:
        pool.shutdown(cancel_futures=True)


def _pool(processes: int) -> ProcessPoolExecutor | None:
    """Return processes that write, or None where the machine gives none."""
    try:
        # A process made by fork would inherit the locks that other threads of ours hold at that moment.
        pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_begin)
    except (OSError, NotImplementedError) as error:  # no shared memory, or too few semaphores
        log.warning("mails are written by one process", extra={"reason": str(error)})
        return None
    # A process is begun when it is given something; the caller has other things to do before the first mail.
    for _process in range(processes):
        _handed_to(pool, ())
    return pool


def _processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in(
    pool: ProcessPoolExecutor, batches: Iterator[Sequence[Order]], ahead: int
) -> Iterator[list[Letter | Unwritten]]:
    waiting: deque[tuple[Sequence[Order], Future[list[Letter | Unwritten]] | None]] = deque()
    while True:
        for batch in islice(batches, ahead - len(waiting)):
            waiting.append((batch, _handed_to(pool, batch)))
        if not waiting:
            return
        batch, future = waiting.popleft()
        try:
            yield future.result() if future is not None else write(batch)
        except BrokenExecutor:  # killed, for want of memory perhaps; what it had in hand is written here
            log.warning("a process that wrote mails has died", extra={"mails": len(batch)})
            yield write(batch)


def _handed_to(pool: ProcessPoolExecutor, batch: Sequence[Order]) -> Future[list[Letter | Unwritten]] | None:
    try:
        return pool.submit(write, batch)
    except (BrokenExecutor, OSError) as error:  # one was killed, or none can be begun
        log.warning("a batch of mails is written here", extra={"mails": len(batch), "reason": str(error)})
        return None


def _begin() -> None:
    """Begin a process: it leaves Ctrl-C to the one that began it, and ends when that one has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is loaded by now stays, and a mail is many small values that go with it: memory is searched seldom.
    gc.freeze()
    gc.set_threshold(_VALUES_BETWEEN_SEARCHES)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
