"""Writes down what happens to several mails at a time: what comes while the disk is busy shares one transaction.

Nobody goes on before the transaction with the own entry is committed. Knows no mail server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from planner.store import ledger, outbox, sending
from planner.store.engine import Connection, Engine, Session, connection_of, writing

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """One thing to write; exactly one of the first three is set."""

    sent: sending.Accepted | None = None
    begin: outbox.HeldMail | None = None
    other: Callable[[Session], Any] | None = None
    written: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Book:
    """The ledger's only writer in one delivery; used as `with Book(...) as book`."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self._engine, self._now = engine, now
        self._entries: list[_Entry] = []
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "book")
        self._connection: Connection | None = None  # kept: taking one from the pool costs a question to the server

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()
        self._hang_up()

    async def write(self, entry: Callable[[Session], _T]) -> _T:
        """Let `entry` write and return what it returns, once that is committed.

        Raises:
            DatabaseFailed: it is not.
        """
        return cast(_T, await self._enter(_Entry(other=entry)))

    async def begin(self, mail: outbox.HeldMail) -> tuple[bool, int]:
        """Write that DATA begins; return whether it may, and how many notices of the mail were found untrue.

        Raises:
            DatabaseFailed: nothing is written.
        """
        return cast(tuple[bool, int], await self._enter(_Entry(begin=mail)))

    async def sent(self, accepted: sending.Accepted) -> bool:
        """Write that the server took a mail; return whether it was still this worker's.

        Raises:
            DatabaseFailed: nothing is written.
        """
        return cast(bool, await self._enter(_Entry(sent=accepted)))

    async def _enter(self, entry: _Entry) -> Any:
        self._entries.append(entry)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        return await entry.written

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._entries:
            some, self._entries = self._entries, []
            outcomes = await loop.run_in_executor(self._thread, self._commit, some)
            for entry, outcome in zip(some, outcomes, strict=True):
                if entry.written.done():  # whoever waited has been cancelled
                    continue
                if isinstance(outcome, BaseException):
                    entry.written.set_exception(outcome)
                else:
                    entry.written.set_result(outcome)

    def _commit(self, entries: Sequence[_Entry]) -> list[Any]:
        try:
            if self._connection is None:
                self._connection = connection_of(self._engine)
            with writing(self._connection) as session:
                return self._write_some(session, entries)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            self._hang_up()  # it may be what is broken
            if len(entries) == 1:
                return [error]
        # One entry's trouble is not the others': each by itself.
        return [self._commit([entry])[0] for entry in entries]

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _write_some(self, session: Session, entries: Sequence[_Entry]) -> list[Any]:
        kept = sending.settle_sent(session, [one.sent for one in entries if one.sent], self._now)
        begun = sending.begin_all(session, [one.begin for one in entries if one.begin])
        found: list[Any] = []
        for entry in entries:
            if entry.sent:
                found.append(entry.sent.mail.claim in kept)
            elif entry.begin:
                found.append((True, 0) if entry.begin.claim in begun else _give_up(session, entry.begin, self._now))
            elif entry.other:
                found.append(entry.other(session))
        return found


def _give_up(session: Session, mail: outbox.HeldMail, now: datetime) -> tuple[bool, int]:
    """Find out why a mail may not go, and settle it; return whether it may after all, and its untrue notices."""
    if outbox.begin_data(session, mail, now):
        return True, 0
    return False, ledger.obsolete_in(session, mail.id)
