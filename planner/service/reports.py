"""The truth on one date: the Chairman's report and the department's list of escalations.

Figures come from `domain/progress.py`, on the state replayed from the event log, so that the same instant gives the
same figures ever after.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from planner.config import ZONE
from planner.domain.agency import Agency
from planner.domain.notification import NoticeState
from planner.domain.outlook import outlook
from planner.domain.plan import State
from planner.domain.progress import Progress, measure
from planner.errors import NotFound
from planner.i18n import gettext as _
from planner.service.desk import Desk
from planner.store import ledger_view
from planner.store.engine import Session
from planner.store.state import as_of
from planner.templating import vi_instant


def progress_at(desk: Desk, session: Session, at: datetime, directive: str | None = None) -> tuple[Progress, State]:
    """Return all figures at an instant, with the state they come from.

    Raises:
        NotFound: no such directive, or none at that instant.
    """
    state = as_of(session, at)
    today = at.astimezone(ZONE).date()
    code = directive or next(reversed(state.directives), None) or desk.directive_code(session, None)
    if code not in state.directives:
        desk.directive_code(session, code)  # says so when it is not there today either
        raise NotFound(
            _("The directive {code} was not entered yet at that instant ({at}); ask for a later one.").format(
                code=code, at=vi_instant(at)
            )
        )
    calendar = desk.calendar()
    progress = measure(
        state,
        directive=code,
        today=today,
        due_soon_from=lambda last_day: calendar.add(last_day, -desk.settings.due_soon),
        days_late=lambda last_day: max(0, calendar.count(last_day, today)),
        forecasts=outlook(state.tasks, state.plans, desk.calendar, today),
        department=desk.settings.department,
    )
    return progress, state


def escalations(session: Session, at: datetime) -> list[dict[str, Any]]:
    """Return who was told of what up to an instant, the newest first, and what followed."""
    state = as_of(session, at)
    rows: list[dict[str, Any]] = []
    for line in ledger_view.ledger(session, until=at):
        if line["kind"] not in ("overdue", "escalation", "urging", "chairman_list", "blocked"):
            continue
        record = state.tasks.get(line["subject"])
        if record is None:
            continue
        sent = line["sent_at"] if line["sent_at"] is not None and line["sent_at"] <= at else None
        rows.append(
            {
                "task": record.short_key,
                "title": record.task.title,
                "agency": record.agency,
                "agency_name": _name(state.agencies, record.agency),
                "kind": line["kind"],
                "rung": line["rung"],
                "role": line["role"],
                "recipient": line["recipient"],
                "recipient_name": state.officers[line["recipient"]].name
                if line["recipient"] in state.officers
                else line["recipient"],
                "queued_at": line["queued_at"],
                "sent_at": sent,
                "state": _state_at(line, at),
                "reason": line["reason"],
                "followed": {
                    "state": record.state.value,
                    "done_on": record.done_on,
                    "last_day": record.last_day,
                    "extensions": len(record.extensions),
                },
            }
        )
    return rows[::-1]


def _state_at(line: Mapping[str, Any], at: datetime) -> str:
    """Return a notice's state at an instant, which must not change with what happens later."""
    if line["settled_at"] is None or line["settled_at"] > at:
        return NoticeState.QUEUED.value
    return str(line["state"])


def _name(agencies: dict[str, Agency], code: str) -> str:
    return agencies[code].name if code in agencies else code
