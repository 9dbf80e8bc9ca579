"""The append-only log of what happened, each event chained to the one before by SHA-256.

The hash covers the previous hash and every field of the event, so that a changed, removed, inserted or reordered event
breaks the chain at that place. It does not show that the newest events were cut off: keep the head (`audit verify`
prints it) somewhere else, as the report to the Chairman does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner import points
from planner.domain.changes import Change
from planner.store.bulk import insert_rows
from planner.store.engine import lock_appends
from planner.store.tables import EventRow, table_of
from planner.store.wire import canonical, change_from, kind_of, to_plain

GENESIS = "0" * 64
_BATCH = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One recorded happening."""

    seq: int  #: 1, 2, 3 ... without a gap
    at: datetime  #: UTC
    actor: str  #: e-mail, or "local" for whoever has the machine, or "system"
    kind: str
    subject: str  #: key of the plan, task, agency ... concerned
    reason: str
    payload: str  #: canonical JSON
    previous_hash: str
    hash: str

    @property
    def change(self) -> Change:
        """Return the change recorded."""
        return change_from(self.kind, self.payload)


def event_hash(
    *, previous: str, seq: int, at: datetime, actor: str, kind: str, subject: str, reason: str, payload: str
) -> str:
    """Return the hash that chains an event to the one before."""
    fields = [previous, seq, at.astimezone(UTC).isoformat(), actor, kind, subject, reason, payload]
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


def append(
    session: Session, changes: Sequence[tuple[str, Change]], *, at: datetime, actor: str, reason: str = ""
) -> list[int]:
    """Append changes, each with its subject, and return their sequence numbers."""
    if not changes:
        return []
    lock_appends(session)
    last = session.execute(select(EventRow.seq, EventRow.hash).order_by(EventRow.seq.desc()).limit(1)).first()
    seq, previous = (last.seq, last.hash) if last else (0, GENESIS)
    rows = []
    for subject, change in changes:
        seq += 1
        kind, payload = kind_of(change), canonical(to_plain(change))
        digest = event_hash(
            previous=previous, seq=seq, at=at, actor=actor, kind=kind, subject=subject, reason=reason, payload=payload
        )
        rows.append(
            {
                "seq": seq,
                "at": at,
                "actor": actor,
                "kind": kind,
                "subject": subject,
                "reason": reason,
                "payload": payload,
                "previous_hash": previous,
                "hash": digest,
            }
        )
        previous = digest
    insert_rows(session, table_of(EventRow), rows)
    points.reach("events appended")
    return [int(str(row["seq"])) for row in rows]


def walk(session: Session, *, until: datetime | None = None, subject: str | None = None) -> Iterator[Event]:
    """Stream events in their order; with `until`, up to the last one recorded at or before that instant.

    A clock that was set back leaves events of a later instant before it. They are part of what was known by then, and
    without them what follows would hang in the air.
    """
    table = EventRow.__table__
    statement = select(table).order_by(table.c.seq)
    if until is not None:
        last = select(func.max(EventRow.seq)).where(EventRow.at <= until).scalar_subquery()
        statement = statement.where(table.c.seq <= last)
    if subject is not None:
        statement = statement.where(EventRow.subject == subject)
    for row in session.execute(statement.execution_options(yield_per=_BATCH)):
        yield Event(**row._mapping)


def newest(session: Session, *, limit: int, subject: str | None = None) -> list[Event]:
    """Return the newest events, newest first."""
    table = EventRow.__table__
    statement = select(table).order_by(table.c.seq.desc()).limit(limit)
    if subject is not None:
        statement = statement.where(EventRow.subject == subject)
    return [Event(**row._mapping) for row in session.execute(statement)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What walking the chain found."""

    events: int
    first_bad: int | None  #: sequence number of the first event that does not fit; None: the chain holds
    head: str  #: hash of the last good event

    @property
    def ok(self) -> bool:
        """Whether the chain holds."""
        return self.first_bad is None


def verify(session: Session) -> Verdict:
    """Walk the whole chain and recompute every hash."""
    previous, expected, count, first_bad = GENESIS, 1, 0, None
    for event in walk(session):
        count += 1
        digest = event_hash(
            previous=previous,
            seq=event.seq,
            at=event.at,
            actor=event.actor,
            kind=event.kind,
            subject=event.subject,
            reason=event.reason,
            payload=event.payload,
        )
        if first_bad is None:
            if event.seq != expected or event.previous_hash != previous or event.hash != digest:
                first_bad = expected
            else:
                previous = digest
        expected += 1
    return Verdict(events=count, first_bad=first_bad, head=previous)
