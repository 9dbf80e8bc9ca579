"""What would move if one task were finished some working days later: which tasks, of which agencies, which newly late.

Changes nothing. Looks at all plans in force, because a slip crosses from one agency's plan to another's.
"""

from __future__ import annotations

from typing import Any

from planner.domain.graph import TaskGraph
from planner.domain.outcome import Outcome
from planner.errors import Refused
from planner.i18n import gettext as _
from planner.service.desk import Desk
from planner.service.tasks import find
from planner.store.network import described, network


def impact(desk: Desk, text: str, days: int) -> dict[str, Any]:
    """Return what moves if a task is finished `days` working days (1 or more) after its forecast: itself first.

    Raises:
        NotFound: there is no such task in a plan in force.
        Refused: no work on it is expected, so there is nothing that could slip.
    """
    with desk.reading() as session:
        record = find(session, desk, text)
        if not record.state.is_open:
            message = _('{task} cannot slip: its state is "{state}".')
            raise Refused(message.format(task=record.short_key, state=_(record.state.label)))
        stored = network(session, desk.calendar)
        graph = TaskGraph.from_arrays(stored.keys, [0] * len(stored.keys), stored.before, stored.after)
        moves = Outcome(graph.waves, stored.columns, desk.today).impact(graph.place[record.key], days)
        keys = [stored.keys[task] for task in moves.tasks]
        tasks = described(session, keys)
    rows = [
        {
            "task": key.split("/", 1)[1],
            "agency": tasks[key].agency,
            "title": tasks[key].title,
            "responsible": tasks[key].responsible,
            "last_day": tasks[key].last_day,
            "finish_before": before,
            "finish_after": after,
            "late_before": late_before,
            "late_after": late_after,
        }
        for key, before, after, late_before, late_after in zip(
            keys, moves.before, moves.after, moves.late_before, moves.late_after, strict=True
        )
    ]
    newly_late = [row for row in rows if row["late_after"] and not row["late_before"]]
    return {
        "task": record.short_key,
        "days": days,
        "moves": rows,
        "newly_late": [row["task"] for row in newly_late],
        "agencies": list(dict.fromkeys(row["agency"] for row in rows)),
    }
