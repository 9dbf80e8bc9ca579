"""Delivers what is in the outbox: claim with a lease, send, record.

A crash at any point loses nothing: before DATA the lease runs out and another worker takes the mail, after it the mail
is of unknown fate and is sent again with the same Message-ID. Only this file decides about retrying.
Source: design notes "Reminders and escalations"; RFC 5321 4.5.4 on retries.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from planner.domain.notification import MailState
from planner.errors import DeliveryError
from planner.store import outbox
from planner.store.engine import writing
from scheduler.channels import Channel
from scheduler.shop import Shop

log = logging.getLogger(__name__)

CONNECTIONS = 4
# Few at a time: whatever is held must be finished before the lease runs out, and before a stop.
_HELD = 2 * CONNECTIONS
_WAITS = (1, 5, 15, 30)  # minutes after the first, second ... failed try; then hourly
_HOURLY = 60
GIVE_UP_AFTER = timedelta(hours=72)


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
    outcome = Outcome()
    with writing(shop.engine) as session:
        outbox.reap(session)
    async with channel() as post:
        while not outcome.channel_fault and not stop():
            with writing(shop.engine) as session:
                held = outbox.claim(session, now=now, limit=_HELD, lease=shop.settings.delivery_lease)
            if not held:
                break
            done = await asyncio.gather(
                *(_deliver(shop, now, post, mail, outcome) for mail in held), return_exceptions=True
            )
            # Only when all are at rest: one mail's trouble with the database must not cut off another in the middle.
            for error in done:
                if error is not None:
                    raise error
    return outcome


async def _deliver(shop: Shop, now: datetime, post: Channel, mail: outbox.HeldMail, outcome: Outcome) -> None:
    given_up = False

    async def before_data() -> bool:
        nonlocal given_up
        with writing(shop.engine) as session:
            begun = outbox.begin_data(session, mail, now)
            if not begun:
                outcome.obsolete += outbox.obsolete_in(session, mail.id)
        given_up = not begun
        return begun

    if outcome.channel_fault:  # another mail has just found the server out of order
        _record_failure(shop, now, mail, DeliveryError(outcome.channel_fault, stage="connect", channel=True), outcome)
        return
    try:
        receipt = await post.send(
            sender=shop.settings.mail_from, recipient=mail.recipient, data=mail.body, before_data=before_data
        )
    except DeliveryError as error:
        _record_failure(shop, now, mail, error, outcome)
        return
    if receipt is None:
        outcome.given_up += given_up
        return
    with writing(shop.engine) as session:
        kept = outbox.settle(
            session,
            mail,
            at=now,
            state=MailState.SENT,
            outcome="sent",
            stage="data",
            reply_code=receipt.code,
            reply=receipt.text,
        )
    if kept:
        outcome.sent += 1
    else:
        log.warning("lease lost after acceptance", extra={"mail": mail.id})
    log.info("mail sent", extra={"mail": mail.id, "attempt": mail.attempts + 1})


def _record_failure(shop: Shop, now: datetime, mail: outbox.HeldMail, error: DeliveryError, outcome: Outcome) -> None:
    state, name, next_try = _verdict(mail, error, now)
    if error.channel:
        outcome.channel_fault = error.message
    with writing(shop.engine) as session:
        kept = outbox.settle(
            session,
            mail,
            at=now,
            state=state,
            outcome=name,
            stage=error.stage,
            reply_code=error.reply_code,
            reply=error.message,
            next_try_at=next_try,
            counts=not error.channel,
        )
    if kept:
        counter = "retry" if name == "channel" else name
        setattr(outcome, counter, getattr(outcome, counter) + 1)
    log.warning("mail not sent", extra={"mail": mail.id, "stage": error.stage, "code": error.reply_code, "then": name})


def _verdict(mail: outbox.HeldMail, error: DeliveryError, now: datetime) -> tuple[MailState, str, datetime | None]:
    if error.channel:
        return MailState.READY, "channel", now + timedelta(minutes=_WAITS[0])
    if error.permanent:
        return MailState.DEAD, "failed", None
    if mail.first_try_at is not None and now - mail.first_try_at >= GIVE_UP_AFTER:
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
