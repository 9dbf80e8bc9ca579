"""The breaker of a channel: while it is open nobody knocks at the mail server, in whatever process.

    closed -> open (a fault of the whole channel) -> half_open (one mail probes) -> closed, or open again for longer

Every change from half open names the fence of the probe, so that a prober that froze changes nothing. A probe has a
lease on the database's clock; when to probe next follows `now`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from planner.domain.notification import BreakerState
from planner.store.engine import DatabaseEpoch, longest_lease
from planner.store.ledger import insert_unless_known
from planner.store.tables import BreakerRow, table_of

BREAKER = table_of(BreakerRow)
CHANNEL = "email"
_LONGEST_WAIT = timedelta(hours=1)  # more than there ever is between two probes


class Cause(StrEnum):
    """What speaks against the channel, and so what speaks for it again."""

    SERVER = "server"  #: it cannot be reached, or will not have us: any answer about a recipient disproves that
    REFUSALS = "refusals"  #: it refuses too many recipients: only a mail that it takes disproves that


@dataclass(frozen=True, kw_only=True, slots=True)
class Breaker:
    """How it stands."""

    state: BreakerState
    cause: Cause
    reason: str  #: what went wrong last
    since: datetime  #: when it opened
    probe_at: datetime  #: when one mail may be tried
    failures: int  #: probes that have failed since
    fence: int


def standing(session: Session, channel: str = CHANNEL) -> Breaker | None:
    """Return the breaker as it stands; None: closed."""
    row = session.execute(
        select(BREAKER).where(BREAKER.c.channel == channel, BREAKER.c.state != BreakerState.CLOSED.value)
    ).first()
    if row is None:
        return None
    return Breaker(
        state=BreakerState(row.state),
        cause=Cause(row.cause),
        reason=row.reason,
        since=row.since,
        probe_at=row.probe_at,
        failures=row.failures,
        fence=row.fence,
    )


def trip(
    session: Session, *, cause: Cause, reason: str, now: datetime, probe_at: datetime, channel: str = CHANNEL
) -> bool:
    """Open a closed breaker; False when it is not closed (then nothing changes)."""
    statement = insert_unless_known(BREAKER, session.get_bind().dialect.name, key="channel")
    session.execute(
        statement,
        {
            "channel": channel,
            "state": BreakerState.CLOSED.value,
            "cause": cause.value,
            "reason": "",
            "since": now,
            "probe_at": now,
            "failures": 0,
            "fence": 0,
            "lease_until": None,
        },
    )
    opened = session.scalar(
        update(BREAKER)
        .where(BREAKER.c.channel == channel, BREAKER.c.state == BreakerState.CLOSED.value)
        .values(
            state=BreakerState.OPEN.value,
            cause=cause.value,
            reason=reason,
            since=now,
            probe_at=probe_at,
            failures=0,
            fence=BREAKER.c.fence + 1,
        )
        .returning(BREAKER.c.fence)
    )
    return opened is not None


def begin_probe(session: Session, *, now: datetime, lease: int, channel: str = CHANNEL) -> int | None:
    """Take the right to try one mail, for `lease` seconds; return its fence, or None: not yet, or somebody else has it.

    A prober that died gives it up when its lease ends.
    """
    # What lies further ahead than it was ever put is from before a clock was set back: all mail would wait for it.
    due = and_(
        BREAKER.c.state == BreakerState.OPEN.value,
        or_(BREAKER.c.probe_at <= now, BREAKER.c.probe_at > now + _LONGEST_WAIT),
    )
    forsaken = and_(
        BREAKER.c.state == BreakerState.HALF_OPEN.value,
        or_(
            BREAKER.c.lease_until < DatabaseEpoch(),
            BREAKER.c.lease_until > DatabaseEpoch() + longest_lease(lease),
        ),
    )
    fence: int | None = session.scalar(
        update(BREAKER)
        .where(BREAKER.c.channel == channel, or_(due, forsaken))
        .values(state=BreakerState.HALF_OPEN.value, fence=BREAKER.c.fence + 1, lease_until=DatabaseEpoch() + lease)
        .returning(BREAKER.c.fence)
    )
    return fence


def probe_failed(session: Session, fence: int, *, reason: str, probe_at: datetime, channel: str = CHANNEL) -> bool:
    """Open again after a probe; False when somebody else has the probe by now."""
    return _after_probe(
        session,
        fence,
        channel,
        state=BreakerState.OPEN.value,
        reason=reason,
        probe_at=probe_at,
        failures=BREAKER.c.failures + 1,
    )


def close(session: Session, fence: int, channel: str = CHANNEL) -> bool:
    """Close after a probe that succeeded; False when somebody else has the probe by now."""
    return _after_probe(session, fence, channel, state=BreakerState.CLOSED.value, failures=0)


def _after_probe(session: Session, fence: int, channel: str, **values: object) -> bool:
    changed = session.scalar(
        update(BREAKER)
        .where(
            BREAKER.c.channel == channel,
            BREAKER.c.fence == fence,
            BREAKER.c.state == BreakerState.HALF_OPEN.value,
        )
        .values(lease_until=None, **values)
        .returning(BREAKER.c.fence)
    )
    return changed is not None
