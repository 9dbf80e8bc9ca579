"""The order that loses mail, to see that the suite counts losses: mark as sent, commit, then send (`--baseline`).

The same ladder, ledger, mails, faults and judge; only the post office is replaced. Healthchecks works in this order,
and its author says what it costs: a send that is cut off is neither repeated nor noted.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from sqlalchemy import text

from planner.errors import DeliveryError
from planner.store.engine import writing
from scheduler import jobs
from tests.faults.lane import Lane
from tests.faults.worker import JOBS, Work

_NEXT = text(
    "SELECT id, recipient, body FROM mail JOIN mail_body ON mail_id = id WHERE state = 'ready' ORDER BY id LIMIT 1"
)
_MARK = text("UPDATE mail SET state = 'sent', sent_at = :at WHERE id = :id AND state = 'ready'")
_TELL = text("UPDATE notice SET state = 'sent', settled_at = :at WHERE mail_id = :id AND state = 'mailed'")
_AGAIN = text("UPDATE mail SET state = 'ready', sent_at = NULL WHERE id = :id")
_WAIT = text("UPDATE notice SET state = 'mailed', settled_at = NULL WHERE mail_id = :id AND state = 'sent'")


def mark_first(lane: Lane, work: Work, now: datetime) -> None:
    """Do a round that marks each mail as sent before it sends it."""
    jobs.queue_due(lane.shop, now)
    if lane.shop.may_send(now):
        jobs.fill_mails(lane.shop, now)
        asyncio.run(_send_all(lane, work, now))


async def _send_all(lane: Lane, work: Work, now: datetime) -> None:
    async with lane.channel(work)() as post:
        for _mail in range(200):
            with writing(lane.shop.engine) as session:
                mail = session.execute(_NEXT).first()
                if mail is None:
                    return
                at = now.replace(tzinfo=None).isoformat(" ")
                session.execute(_MARK, {"id": mail.id, "at": at})
                session.execute(_TELL, {"id": mail.id, "at": at})
            try:
                await post.send(sender="a@b.vn", recipient=mail.recipient, data=mail.body, before_data=_yes)
            except DeliveryError:  # a failure that is heard of is tried again in the next round
                with writing(lane.shop.engine) as session:
                    session.execute(_AGAIN, {"id": mail.id})
                    session.execute(_WAIT, {"id": mail.id})
                return


async def _yes() -> bool:
    return True


JOBS["mark first"] = mark_first
