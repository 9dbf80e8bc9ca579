"""Which database this is, how far it has come, and whether deliveries wait for a person after a restore.

A database that was restored from a backup has forgotten the mails sent since. The engine keeps a mark outside of it
(`scheduler/mark.py`); when the database is behind the mark, a hold is laid here, where every host sees it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Table, bindparam, func, insert, or_, select, update
from sqlalchemy.orm import Session

from planner.domain.notification import MailState, NoticeState
from planner.store import ledger
from planner.store.engine import lock_appends
from planner.store.tables import EventRow, HoldRow, IdentityRow, MailRow, TickRow

ASSUME_SENT, RESEND = "assume-sent", "resend"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """How far a database has come."""

    identity: str
    ancestors: tuple[str, ...]  #: identities that it had before deliveries were resumed after a restore
    tick: int  #: id of the latest round
    mail: int  #: highest id of a mail
    event: int  #: number of the newest event
    at: datetime | None  #: the instant of the latest round


def reached(session: Session) -> Reached:
    """Return how far the database has come."""
    *ancestors, identity = session.scalars(select(IdentityRow.identity).order_by(IdentityRow.id)).all() or ("",)
    last = session.execute(select(TickRow.id, TickRow.at).order_by(TickRow.id.desc()).limit(1)).first()
    return Reached(
        identity=identity,
        ancestors=tuple(ancestors),
        tick=last.id if last else 0,
        mail=session.scalar(select(func.max(MailRow.id))) or 0,
        event=session.scalar(select(func.max(EventRow.seq))) or 0,
        at=last.at if last else None,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """Deliveries wait for a person."""

    since: datetime
    host: str  #: the machine that found it out
    mark: Mapping[str, Any]  #: how far the database had come before: "tick", "mail", "event", "at"; or who, and why

    @property
    def actor(self) -> str:
        """Return who stopped deliveries; "" when the database was found restored."""
        return str(self.mark.get("actor", ""))

    @property
    def reason(self) -> str:
        """Return why a person stopped them; "" when the database was found restored."""
        return str(self.mark.get("reason", ""))

    @property
    def told_until(self) -> datetime:
        """Return the instant up to which mail had been sent, as far as is known."""
        at = self.mark.get("at")
        return datetime.fromisoformat(at) if at else self.since


def standing(session: Session) -> Hold | None:
    """Return the hold that stands; None: mail may leave."""
    row = session.scalar(select(HoldRow).where(HoldRow.ended_at.is_(None)).order_by(HoldRow.id).limit(1))
    return Hold(since=row.since, host=row.host, mark=row.mark) if row is not None else None


def lay(session: Session, mark: Mapping[str, Any], *, host: str, at: datetime) -> bool:
    """Stop deliveries until a person decides; False when a hold stands already."""
    lock_appends(session)  # two hosts may find out at the same time
    if standing(session) is not None:
        return False
    session.execute(insert(HoldRow).values(since=at, host=host, mark=dict(mark), decision="", actor="", reason=""))
    return True


def end(session: Session, *, decision: str, actor: str, reason: str, at: datetime) -> None:
    """Let deliveries go on, and give the database a new identity: marks of before no longer measure it."""
    session.execute(
        update(HoldRow)
        .where(HoldRow.ended_at.is_(None))
        .values(ended_at=at, decision=decision, actor=actor, reason=reason)
    )
    session.execute(insert(IdentityRow).values(identity=uuid.uuid4().hex))


def assume_told(session: Session, due: Iterable[str], *, until: datetime, reason: str, at: datetime) -> tuple[int, int]:
    """Settle as told what waits since before `until`, and whatever else is in `due`.

    Args:
        session: a writing transaction.
        due: keys of the notices that had fallen due by `until`.
        until: up to when mail had been sent.
        reason: what the ledger says of them from now on.
        at: now.

    Returns:
        How many notices, and how many mails, were settled.
    """
    # What stood in the outbox at the time of the backup was sent, or tried, since.
    open_ = (MailState.READY, MailState.LEASED, MailState.SENDING, MailState.UNKNOWN)
    mail, notice = cast(Table, MailRow.__table__), ledger.NOTICE
    mails = session.scalars(
        update(MailRow)
        .where(MailRow.state.in_([state.value for state in open_]), MailRow.created_at <= until)
        .values(state=MailState.CANCELLED.value, lease_until=None, last_error=reason, fence=mail.c.fence + 1)
        .returning(MailRow.id)
    ).all()
    waits = or_(
        notice.c.state == NoticeState.QUEUED.value,
        (notice.c.state == NoticeState.MAILED.value)
        & notice.c.mail_id.in_(select(MailRow.id).where(MailRow.state == MailState.CANCELLED.value)),
    )
    told = {"state": NoticeState.CANCELLED.value, "reason": reason, "settled_at": at}
    changed = session.execute(update(notice).where(waits, notice.c.queued_at <= until).values(**told))
    count = cast(CursorResult[Any], changed).rowcount
    for some in ledger.chunks(sorted(due)):
        changed = session.execute(
            update(notice).where(waits, notice.c.key.in_(bindparam("b_keys", expanding=True))).values(**told),
            {"b_keys": some},
        )
        count += cast(CursorResult[Any], changed).rowcount
    return count, len(mails)
