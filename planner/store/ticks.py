"""The marks that the engine leaves: one for each round."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from planner import points
from planner.store.tables import TickRow


def record_tick(session: Session, at: datetime, counts: Mapping[str, int]) -> None:
    """Leave the mark of one round."""
    session.execute(insert(TickRow).values(at=at, counts=dict(counts)))
    points.reach("tick recorded")


def last_tick(session: Session) -> datetime | None:
    """Return the instant of the latest round; None: the engine has never run."""
    return session.scalar(select(TickRow.at).order_by(TickRow.id.desc()).limit(1))
