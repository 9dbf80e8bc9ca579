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
        tasks = described(session, [stored.keys[move.task] for move in moves])
    rows = []
    for move in moves:
        task = tasks[stored.keys[move.task]]
        rows.append(
            {
                "task": task.key.split("/", 1)[1],
                "agency": task.agency,
                "title": task.title,
                "responsible": task.responsible,
                "last_day": task.last_day,
                "finish_before": move.before,
                "finish_after": move.after,
                "late_before": move.late_before,
                "late_after": move.late_after,
            }
        )
    newly_late = [row for row in rows if row["late_after"] and not row["late_before"]]
    return {
        "task": record.short_key,
        "days": days,
        "moves": rows,
        "newly_late": [row["task"] for row in newly_late],
        "agencies": list(dict.fromkeys(row["agency"] for row in rows)),
    }
