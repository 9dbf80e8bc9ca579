"""Delivers what is in the outbox: claim with a lease, send, record.

A crash at any point loses nothing: before DATA the lease runs out and another worker takes the mail, after it the mail
is of unknown fate and is sent again with the same Message-ID. Only this file decides about retrying.
Source: design notes "Reminders and escalations"; RFC 5321 4.5.4 on retries.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar

from planner import points
from planner.domain.notification import MailState
from planner.errors import DatabaseFailed, DeliveryError
from planner.store import addresses, ledger, outbox
from planner.store.engine import Engine, Session, writing
from scheduler import envelope
from scheduler.channels import Channel, Receipt
from scheduler.channels.replies import is_full, is_no_mailbox
from scheduler.shop import Shop

log = logging.getLogger(__name__)

_T = TypeVar("_T")

CONNECTIONS = 4
# Few at a time: whatever is held must be finished before the lease runs out, and before a stop.
_HELD = 2 * CONNECTIONS
_WAITS = (1, 5, 15, 30)  # minutes after the first, second ... failed try; then hourly
_HOURLY = 60
GIVE_UP_AFTER = timedelta(hours=72)
FULL_AFTER = timedelta(hours=24)  #: a mailbox that is full for so long is one that nobody reads
#: enhanced codes about the address, its mailbox, or the way to its server (RFC 3463)
_OF_THE_ADDRESS = ("4.1.", "4.2.", "4.4.", "5.1.", "5.2.", "5.4.")
# Seconds between tries to write down that a mail was accepted: unwritten, it would be sent a second time.
_PATIENCE = (0.5, 2)


@dataclass(kw_only=True)
class Outcome:
    """What became of the mails of one delivery; `obsolete` counts notices, the others mails."""

    sent: int = 0
    retry: int = 0
    failed: int = 0
    unknown: int = 0
    obsolete: int = 0  #: notices found untrue just before DATA
    given_up: int = 0  #: mails given up for that; what of them still holds waits for another mail
    channel_fault: str = ""


class _Book:
    """Writes into the ledger for several mails at a time: what comes while the disk is busy shares one transaction.

    Nobody goes on before the transaction with the own entry is committed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._entries: list[tuple[Callable[[Session], Any], asyncio.Future[Any]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def write(self, entry: Callable[[Session], _T]) -> _T:
        """Let `entry` write and return what it returns, once that is committed.

        Raises:
            DatabaseFailed: it is not.
        """
        written: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._entries.append((entry, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        return await written

    async def _write_all(self) -> None:
        while self._entries:
            some, self._entries = self._entries, []
            outcomes = await asyncio.to_thread(self._commit, [entry for entry, _written in some])
            for (_entry, written), outcome in zip(some, outcomes, strict=True):
                if isinstance(outcome, BaseException):
                    written.set_exception(outcome)
                else:
                    written.set_result(outcome)

    def _commit(self, entries: Sequence[Callable[[Session], Any]]) -> list[Any]:
        try:
            with writing(self._engine) as session:
                return [entry(session) for entry in entries]
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            if len(entries) == 1:
                return [error]
        # One entry's trouble is not the others': each by itself.
        return [self._commit([entry])[0] for entry in entries]


async def deliver_pending(
    shop: Shop, now: datetime, channel: Callable[[], Channel], stop: Callable[[], bool]
) -> Outcome:
    """Deliver every mail that may be tried at `now`, until none is left, the server fails, or `stop` says so."""
    book = _Book(shop.engine)
    await book.write(outbox.reap)
    async with channel() as post:
        round_ = _Delivery(shop=shop, now=now, post=post, book=book)
        while not round_.outcome.channel_fault and not stop():
            held = await book.write(
                lambda session: outbox.claim(session, now=now, limit=_HELD, lease=shop.settings.delivery_lease)
            )
            points.reach("claim committed")
            if not held:
                break
            done = await asyncio.gather(*(round_.deliver(mail) for mail in held), return_exceptions=True)
            # Only when all are at rest: one mail's trouble with the database must not cut off another in the middle.
            for error in done:
                if error is not None:
                    raise error
    return round_.outcome


@dataclass(kw_only=True)
class _Delivery:
    """What the mails of one delivery have in common."""

    shop: Shop
    now: datetime
    post: Channel
    book: _Book
    outcome: Outcome = field(default_factory=Outcome)

    async def deliver(self, mail: outbox.HeldMail) -> None:
        """Take one mail to the server and record what became of it."""
        given_up = False

        async def before_data() -> bool:
            nonlocal given_up
            begun, untrue = await self.book.write(lambda session: _begin(session, mail, self.now))
            points.reach("sending committed")
            given_up = not begun
            self.outcome.obsolete += untrue
            return begun

        if self.outcome.channel_fault:  # another mail has just found the server out of order
            await self._failed(mail, DeliveryError(self.outcome.channel_fault, stage="connect", channel=True))
            return
        try:
            receipt = await self.post.send(
                sender=self._sender(mail), recipient=mail.recipient, data=mail.body, before_data=before_data
            )
        except DeliveryError as error:
            await self._failed(mail, error)
            return
        if receipt is None:
            self.outcome.given_up += given_up
            return
        points.reach("accepted")
        kept = await self._record_sent(mail, receipt)
        points.reach("settle committed")
        if kept:
            self.outcome.sent += 1
        else:
            log.warning("lease lost after acceptance", extra={"mail": mail.id})
        log.info("mail sent", extra={"mail": mail.id, "attempt": mail.attempts + 1})

    def _sender(self, mail: outbox.HeldMail) -> str:
        """Return the address to which the mail comes back if it cannot be delivered."""
        own, key = self.shop.settings.mail_from, self.shop.bounce_key
        return envelope.signed(own, mail.id, self.now, key) if key else own

    def _kill(self, mail: outbox.HeldMail, error: DeliveryError) -> None:
        """Record that mail to this person does not arrive, before the mail itself is settled.

        In a transaction of its own: whoever appends to the event log must come to its lock first. Killed in between,
        the mail is free again after its lease, and the next round gives it to somebody else.
        """
        with writing(self.shop.engine) as session:
            addresses.die(session, mail.recipient, status=error.status, detail=error.message, at=self.now)

    async def _record_sent(self, mail: outbox.HeldMail, receipt: Receipt) -> bool:
        for wait in (*_PATIENCE, None):
            try:
                return await self.book.write(
                    lambda session: outbox.settle(
                        session,
                        mail,
                        at=self.now,
                        state=MailState.SENT,
                        outcome="sent",
                        stage="data",
                        reply_code=receipt.code,
                        reply=receipt.text,
                    )
                )
            except DatabaseFailed:
                if wait is None:
                    raise
                await asyncio.sleep(wait)
        return False

    async def _failed(self, mail: outbox.HeldMail, error: DeliveryError) -> None:
        state, name, next_try = _verdict(mail, error, self.now)
        if error.channel:
            self.outcome.channel_fault = error.message
        if state is MailState.BOUNCED:
            await asyncio.to_thread(self._kill, mail, error)
        kept = await self.book.write(
            lambda session: outbox.settle(
                session,
                mail,
                at=self.now,
                state=state,
                outcome=name,
                stage=error.stage,
                reply_code=error.reply_code,
                reply=error.message,
                next_try_at=next_try,
                counts=not error.channel,
            )
        )
        if kept:
            counter = "retry" if name == "channel" else name
            setattr(self.outcome, counter, getattr(self.outcome, counter) + 1)
        log.warning(
            "mail not sent", extra={"mail": mail.id, "stage": error.stage, "code": error.reply_code, "then": name}
        )


def _begin(session: Session, mail: outbox.HeldMail, now: datetime) -> tuple[bool, int]:
    """Return whether the message may go now, and how many of its notices were found untrue."""
    if outbox.begin_data(session, mail, now):
        return True, 0
    return False, ledger.obsolete_in(session, mail.id)


def _verdict(mail: outbox.HeldMail, error: DeliveryError, now: datetime) -> tuple[MailState, str, datetime | None]:
    if error.channel:
        return MailState.READY, "channel", now + timedelta(minutes=_WAITS[0])
    waited = now - mail.first_try_at if mail.first_try_at is not None else timedelta()
    given_up = error.permanent or waited >= GIVE_UP_AFTER
    # Of the address it must be said, and not of the mail or of the server, before its person is passed over.
    if error.permanent:
        is_address = error.stage == "rcpt" or is_no_mailbox(error.status)
    elif is_full(error.status, error.reply_code):
        is_address = waited >= FULL_AFTER
    else:
        is_address = given_up and error.stage == "rcpt" and error.status.startswith(_OF_THE_ADDRESS)
    if is_address:
        return MailState.BOUNCED, "failed", None
    if given_up:
        return MailState.DEAD, "failed", None
    minutes = _WAITS[mail.attempts] if mail.attempts < len(_WAITS) else _HOURLY
    next_try = now + timedelta(minutes=minutes * _jitter(mail))
    if error.ambiguous:
        return MailState.UNKNOWN, "unknown", next_try
    return MailState.READY, "retry", next_try


def _jitter(mail: outbox.HeldMail) -> float:
    """Return 0.8-1.2, fixed for a try of a mail: retries must not come back all in one minute."""
    digest = sha256(f"{mail.id}:{mail.attempts}".encode()).digest()
    return 0.8 + 0.4 * digest[0] / 255
