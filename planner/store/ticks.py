"""The marks that the engine leaves: one for each round, and a sign of life of each process of the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from planner import points
from planner.store.engine import DatabaseEpoch
from planner.store.registers import upserting
from planner.store.tables import TickRow, WorkerRow, table_of

_FORGOTTEN = 86_400  # seconds after which a process that was killed is struck off the list


def record_tick(session: Session, at: datetime, counts: Mapping[str, int]) -> None:
    """Leave the mark of one round."""
    session.execute(insert(TickRow).values(at=at, counts=dict(counts)))
    points.reach("tick recorded")


def last_tick(session: Session) -> datetime | None:
    """Return the instant of the latest round; None: the engine has never run."""
    return session.scalar(select(TickRow.at).order_by(TickRow.id.desc()).limit(1))


def was_recorded(session: Session, at: datetime) -> bool:
    """Say whether the database holds the round of an instant."""
    return session.scalar(select(TickRow.id).where(TickRow.at == at).limit(1)) is not None


def ticks_since(session: Session, at: datetime) -> list[Mapping[str, int]]:
    """Return the counts of the rounds at and after an instant, the oldest first."""
    return list(session.scalars(select(TickRow.counts).where(TickRow.at >= at).order_by(TickRow.id)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A process of the service."""

    name: str  #: host and process
    begun_at: datetime
    age: float  #: seconds since its latest sign of life, or to it, when the clock has been set back since


def sign_of_life(session: Session, name: str, begun_at: datetime) -> None:
    """Record that a process of the service goes on with its work."""
    table = table_of(WorkerRow)
    statement = upserting(session, table)
    # The clock is asked in the statement itself: an expression among values is not one of the rows' parameters.
    statement = statement.values(name=name, begun_at=begun_at, seen_at=DatabaseEpoch())
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"seen_at": DatabaseEpoch()}))
    session.execute(delete(WorkerRow).where(WorkerRow.seen_at < DatabaseEpoch() - _FORGOTTEN))


def forget_worker(session: Session, name: str) -> None:
    """Strike a process off the list that ends in order."""
    session.execute(delete(WorkerRow).where(WorkerRow.name == name))


def workers(session: Session) -> list[Worker]:
    """Return the processes of the service that have not ended in order, the latest sign of life first."""
    age = (DatabaseEpoch() - WorkerRow.seen_at).label("age")
    rows = session.execute(select(WorkerRow.name, WorkerRow.begun_at, age).order_by(age))
    return [Worker(name=row.name, begun_at=row.begun_at, age=abs(float(row.age))) for row in rows]
