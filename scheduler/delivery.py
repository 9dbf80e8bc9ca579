"""Delivers what is in the outbox: claim with a lease, send, record.

A crash at any point loses nothing: before DATA the lease runs out and another worker takes the mail, after it the mail
is of unknown fate: a reminder is sent again with the same Message-ID, a report waits for a person. Only this file
decides about retrying.
Source: design notes "Reminders and escalations"; RFC 5321 4.5.4 on retries.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from planner import points
from planner.domain.notification import MailState
from planner.errors import DatabaseFailed, DeliveryError
from planner.i18n import gettext as _
from planner.store import addresses, breaker, outbox, sending
from planner.store.engine import Session, writing
from planner.templating import vi_instant
from scheduler import envelope
from scheduler.book import Book
from scheduler.breaker import Evidence, is_lasting, jitter, next_probe
from scheduler.channels import Channel, Receipt
from scheduler.channels.replies import is_full, is_greylisting, is_no_mailbox
from scheduler.shop import Shop

log = logging.getLogger(__name__)

_LEAST_HELD = 2  # mails claimed at first, and when the server is slow, for each connection
_MOST_HELD = 128  # mails claimed at a time when the server is quick
# A claim is made larger as long as the one before was worked off in this share of the lease: whatever is held must be
# finished long before the lease runs out.
_SHARE_OF_LEASE = 1 / 30
_WAITS = (1, 5, 15, 30)  # minutes after the first, second ... failed try; then hourly
_GREYLISTED = 5  # minutes at least after a try that may have been greylisted
_HOURLY = 60
GIVE_UP_AFTER = timedelta(hours=72)
FULL_AFTER = timedelta(hours=24)  #: a mailbox that is full for so long is one that nobody reads
#: enhanced codes about the address, its mailbox, or the way to its server (RFC 3463)
_OF_THE_ADDRESS = ("4.1.", "4.2.", "4.4.", "5.1.", "5.2.", "5.4.")
# A refusal not believed at first is believed when it is repeated after so long and others got their mail in between.
_SECOND_OPINION = timedelta(hours=1)
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


async def deliver_pending(
    shop: Shop, now: datetime, channel: Callable[[], Channel], stop: Callable[[], bool]
) -> Outcome:
    """Deliver every mail that may be tried at `now`, until none is left, the server fails, or `stop` says so."""
    with Book(shop.engine, now) as book:
        await book.write(lambda session: outbox.reap(session, shop.settings.delivery_lease))
        async with channel() as post:
            round_ = _Delivery(shop=shop, now=now, post=post, book=book, stop=stop)
            await round_.run()
        return round_.outcome


@dataclass(kw_only=True)
class _Delivery:
    """What the mails of one delivery have in common."""

    shop: Shop
    now: datetime
    post: Channel
    book: Book
    stop: Callable[[], bool]
    outcome: Outcome = field(default_factory=Outcome)
    evidence: Evidence = field(default_factory=Evidence)
    broken: bool = False  #: the database failed; what is under way is finished, nothing new is begun
    pool: deque[outbox.HeldMail] = field(default_factory=deque)  #: claimed, not begun
    doubtful: list[tuple[outbox.HeldMail, DeliveryError]] = field(default_factory=list)  #: refused; why, is not clear
    doubtful_since: float = 0.0
    claiming: asyncio.Lock = field(default_factory=asyncio.Lock)
    claimed_at: float = 0.0
    held: int = 0  #: mails to claim at a time

    async def run(self) -> None:
        """Deliver until nothing is left."""
        standing = await self.book.write(breaker.standing)
        if standing is not None and not await self._probe(standing):
            return
        workers = [asyncio.create_task(self._work()) for _connection in range(self.post.connections)]
        done = await asyncio.gather(*workers, return_exceptions=True)
        # Only when all are at rest: one mail's trouble with the database must not cut off another in the middle.
        for error in done:
            if error is not None:
                raise error
        await self._judge_doubtful()
        if self.pool:
            await self.book.write(lambda session: sending.give_back(session, self.pool, self.now))

    async def _work(self) -> None:
        """Deliver one mail after the other over one connection."""
        written: asyncio.Future[bool] | None = None  # that the mail before was accepted
        try:
            while (mail := await self._next()) is not None:
                written = await self._deliver(mail, written)
            if written is not None:
                await written
        except BaseException:
            self.broken = True
            if written is not None and not written.done():
                await asyncio.wait([written])
            raise

    async def _next(self) -> outbox.HeldMail | None:
        """Return a mail that this delivery holds; None: there is none, or this delivery is to end."""
        async with self.claiming:
            if self.broken or self.outcome.channel_fault or self.stop():
                return None
            if not self.pool:
                self.pool.extend(await self._claim())
            return self.pool.popleft() if self.pool else None

    async def _claim(self) -> list[outbox.HeldMail]:
        clock, lease = asyncio.get_running_loop().time(), self.shop.settings.delivery_lease
        least = _LEAST_HELD * self.post.connections
        quick = bool(self.held) and clock - self.claimed_at < lease * _SHARE_OF_LEASE
        self.held = max(least, min(2 * self.held, _MOST_HELD)) if quick else least
        self.claimed_at = clock
        if self.doubtful and clock - self.doubtful_since > lease / 3:
            await self._judge_doubtful()

        def claim(session: Session) -> tuple[breaker.Breaker | None, list[outbox.HeldMail]]:
            found = breaker.standing(session)  # another worker may have opened it meanwhile
            return found, [] if found else outbox.claim(session, now=self.now, limit=self.held, lease=lease)

        opened, mails = await self.book.write(claim)
        points.reach("claim committed")
        if opened is not None:
            self.outcome.channel_fault = opened.reason
        return mails

    async def _probe(self, standing: breaker.Breaker) -> bool:
        """Try one mail if it is time; return whether the server may be used again."""
        lease = self.shop.settings.delivery_lease

        def take(session: Session) -> tuple[int | None, list[outbox.HeldMail]]:
            mails = outbox.claim(session, now=self.now, limit=1, lease=lease)
            fence = breaker.begin_probe(session, now=self.now, lease=lease) if mails else None
            if fence is None:
                sending.give_back(session, mails, self.now)
            return fence, mails

        fence, mails = await self.book.write(take)
        points.reach("claim committed")
        if fence is None:
            text = _("{reason} It is tried again at {instant}.")
            self.outcome.channel_fault = text.format(reason=standing.reason, instant=vi_instant(standing.probe_at))
            return False
        failure = ""
        try:
            written = await self._deliver(mails[0], None, probes=standing)
            if written is not None:
                await written
        except DeliveryError as error:
            failure = error.message
        if not failure:
            return await self.book.write(lambda session: breaker.close(session, fence))
        self.outcome.channel_fault = failure
        probe_at = next_probe(standing.since, standing.failures + 1, self.now)
        await self.book.write(lambda session: breaker.probe_failed(session, fence, reason=failure, probe_at=probe_at))
        return False

    async def _deliver(
        self, mail: outbox.HeldMail, before: asyncio.Future[bool] | None, probes: breaker.Breaker | None = None
    ) -> asyncio.Future[bool] | None:
        """Take one mail to the server and record what became of it.

        Args:
            mail: which.
            before: that the mail before it on this connection was accepted is being written; no message begins before
                that is committed.
            probes: the breaker, when this mail is to show whether the server may be used again.

        Returns:
            That the mail was accepted is being written; `before` when it was not accepted.

        Raises:
            DeliveryError: a probe found that the server may not be used.
        """
        given_up = False

        async def before_data() -> bool:
            nonlocal given_up
            begun, untrue = await self.book.begin(mail)
            if before is not None:
                await before
            points.reach("sending committed")
            given_up = not begun
            self.outcome.obsolete += untrue
            return begun

        try:
            receipt = await self.post.send(
                sender=self._sender(mail), recipient=mail.recipient, data=mail.body, before_data=before_data
            )
        except DeliveryError as error:
            await self._failed(mail, error, probes)
            return before
        if receipt is None:
            self.outcome.given_up += given_up
            return before
        points.reach("accepted")
        self.evidence.took()
        return asyncio.create_task(self._record_sent(mail, receipt))

    def _sender(self, mail: outbox.HeldMail) -> str:
        """Return the address to which the mail comes back if it cannot be delivered."""
        own, key = self.shop.settings.mail_from, self.shop.bounce_key
        return envelope.signed(own, mail.id, self.now, key) if key else own

    async def _record_sent(self, mail: outbox.HeldMail, receipt: Receipt) -> bool:
        accepted = sending.Accepted(mail=mail, code=receipt.code, words=receipt.text)
        for wait in (*_PATIENCE, None):
            try:
                kept = await self.book.sent(accepted)
                points.reach("settle committed")
            except DatabaseFailed:
                if wait is None:
                    raise
                await asyncio.sleep(wait)
            else:
                break
        if kept:
            self.outcome.sent += 1
        else:
            log.warning("lease lost after acceptance", extra={"mail": mail.id})
        log.info("mail sent", extra={"mail": mail.id, "attempt": mail.attempts + 1})
        return kept

    async def _failed(self, mail: outbox.HeldMail, error: DeliveryError, probes: breaker.Breaker | None) -> None:
        lasting = is_lasting(error)
        believed = lasting and await self.book.write(
            lambda session: sending.was_refused_before(session, mail, self.now - _SECOND_OPINION)
        )
        # Time alone proves nothing against an address when nobody got mail meanwhile.
        nobody = not lasting and _is_given_up(mail, error, self.now) and not await self._has_taken_some()
        if probes is not None and not believed and (nobody or not _answers(error, probes)):
            # Behind all others: a mail that alone is refused must not be every probe.
            await self._settle(mail, _no_fault_of(error, self.now if lasting or nobody else None))
            raise error
        if nobody:
            await self._trip(breaker.Cause.REFUSALS, error.message)
            await self._settle(mail, _no_fault_of(error, self.now))
            return
        if error.channel or self.evidence.ended(error):
            await self._trip(breaker.Cause.SERVER, error.message)
        elif lasting and not believed:
            if not self.doubtful:
                self.doubtful_since = asyncio.get_running_loop().time()
            self.doubtful.append((mail, error))
            self.evidence.refused(mail.recipient, error)
            if self.evidence.speaks_against_server():
                await self._trip(breaker.Cause.REFUSALS, error.message)
            return
        await self._conclude(mail, error)

    async def _has_taken_some(self) -> bool:
        """Say whether the server took a mail of ours in this round or the day before."""
        since = self.now - FULL_AFTER
        return bool(self.evidence.accepted) or await self.book.write(lambda session: sending.took_any(session, since))

    async def _trip(self, cause: breaker.Cause, reason: str) -> None:
        """Stop knocking at this server, for all workers."""
        self.outcome.channel_fault = reason
        probe_at = next_probe(self.now, 0, self.now)
        opened = await self.book.write(
            lambda session: breaker.trip(session, cause=cause, reason=reason, now=self.now, probe_at=probe_at)
        )
        if opened:
            log.error("breaker opened", extra={"reason": reason, "probe_at": probe_at.isoformat()})

    async def _judge_doubtful(self) -> None:
        """Believe the lasting refusals of this round if they are few; else they say nothing about their mails."""
        against_server = self.evidence.speaks_against_server()
        doubtful, self.doubtful = self.doubtful, []
        for mail, error in doubtful:
            if against_server or (self.outcome.channel_fault and is_lasting(error) and not error.permanent):
                await self._settle(mail, _no_fault_of(error, next_probe(self.now, 0, self.now)))
            else:
                await self._conclude(mail, error)

    async def _conclude(self, mail: outbox.HeldMail, error: DeliveryError) -> None:
        verdict = _verdict(mail, error, self.now)
        if verdict.state is MailState.BOUNCED:
            await asyncio.to_thread(self._kill, mail, error)
        await self._settle(mail, verdict)

    def _kill(self, mail: outbox.HeldMail, error: DeliveryError) -> None:
        """Record that mail to this person does not arrive, before the mail itself is settled.

        In a transaction of its own: whoever appends to the event log must come to its lock first. Killed in between,
        the mail is free again after its lease, and the next round gives it to somebody else.
        """
        with writing(self.shop.engine) as session:
            addresses.die(session, mail.recipient, status=error.status, detail=error.message, at=self.now)

    async def _settle(self, mail: outbox.HeldMail, verdict: _Verdict) -> None:
        error, name = verdict.error, verdict.name
        kept = await self.book.write(
            lambda session: outbox.settle(
                session,
                mail,
                at=self.now,
                state=verdict.state,
                outcome=name,
                stage=error.stage,
                reply_code=error.reply_code,
                reply=error.message,
                next_try_at=verdict.next_try,
                counts=name != "channel",
            )
        )
        if kept:
            counter = "retry" if name == "channel" else name
            setattr(self.outcome, counter, getattr(self.outcome, counter) + 1)
        log.warning(
            "mail not sent", extra={"mail": mail.id, "stage": error.stage, "code": error.reply_code, "then": name}
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Verdict:
    """What is to become of a mail that was not sent."""

    error: DeliveryError
    state: MailState
    name: str  #: as the ledger writes it: retry, failed, unknown, channel
    next_try: datetime | None = None  #: None: as before


def _answers(error: DeliveryError, standing: breaker.Breaker) -> bool:
    """Say whether the failure of a probe shows all the same that the server may be used again."""
    if error.channel or error.reply_code in (None, 421):
        return False
    return standing.cause is breaker.Cause.SERVER or not is_lasting(error)


def _no_fault_of(error: DeliveryError, next_try: datetime | None) -> _Verdict:
    """Return what becomes of a mail when the server is at fault: ready as before, and no try is counted."""
    if error.ambiguous:  # the message had gone out; nothing but its state is known
        return _Verdict(error=error, state=MailState.UNKNOWN, name="unknown", next_try=next_try)
    return _Verdict(error=error, state=MailState.READY, name="channel", next_try=next_try)


def _is_given_up(mail: outbox.HeldMail, error: DeliveryError, now: datetime) -> bool:
    """Say whether a mail would end for the time that it has been tried in vain; one the server may have ends so."""
    return not error.ambiguous and _verdict(mail, error, now).state in (MailState.BOUNCED, MailState.DEAD)


def _verdict(mail: outbox.HeldMail, error: DeliveryError, now: datetime) -> _Verdict:
    if error.channel:
        return _no_fault_of(error, None)
    if error.ambiguous and mail.kind == outbox.HELD_FOR_A_PERSON:
        return _Verdict(error=error, state=MailState.UNKNOWN, name="unknown")
    waited = now - mail.first_try_at if mail.first_try_at is not None else timedelta()
    given_up = error.permanent or waited >= GIVE_UP_AFTER
    # Of the address it must be said, and not of the mail or of the server, before its person is passed over.
    if error.permanent:
        is_address = error.stage == "rcpt" or is_no_mailbox(error.status)
    # Before a recipient is named, or after the message, a bare 552 speaks of the message's size as well.
    elif error.stage != "mail" and is_full(error.status, error.reply_code if error.stage == "rcpt" else None):
        is_address = waited >= FULL_AFTER
    else:
        is_address = given_up and error.stage == "rcpt" and error.status.startswith(_OF_THE_ADDRESS)
    if is_address:
        return _Verdict(error=error, state=MailState.BOUNCED, name="failed")
    if given_up:
        return _Verdict(error=error, state=MailState.DEAD, name="failed")
    next_try = now + wait_after(mail, error)
    if error.ambiguous:
        return _Verdict(error=error, state=MailState.UNKNOWN, name="unknown", next_try=next_try)
    return _Verdict(error=error, state=MailState.READY, name="retry", next_try=next_try)


def wait_after(mail: outbox.HeldMail, error: DeliveryError) -> timedelta:
    """Return how long to wait after a failed try of a mail."""
    minutes = _WAITS[mail.attempts] if mail.attempts < len(_WAITS) else _HOURLY
    if is_greylisting(error.stage, error.reply_code):
        minutes = max(minutes, _GREYLISTED)
    return timedelta(minutes=minutes * jitter(f"{mail.id}:{mail.attempts}"))
