"""What happened to one task, under whatever number it stood at the time.

The log names a task by the number it had then. Where a new version of the plan carried it on under another number, what
happened before stands there under the old one, and what stands there later is another task's.
"""

from __future__ import annotations

from collections.abc import Iterator

from planner.domain.changes import PlanDecided, PlanFiled
from planner.domain.plan import PlanRecord
from planner.domain.status import PlanState
from planner.store import events, plans
from planner.store.engine import Session


def task_history(session: Session, key: str) -> list[tuple[events.Event, str]]:
    """Return what happened to a task, under whatever number it stood, oldest first.

    Returns:
        Events; where one gave the task its number, with "I.3 -> I.4", else with "".
    """
    found: list[tuple[events.Event, str]] = []
    upper: int | None = None
    for event, record in reversed(_renumberings(session, key.rsplit(":", 1)[0])):
        plan, _colon, code = key.rpartition(":")
        came_from = {new: old for old, new in record.renumbered}
        retired = f"@{record.version - 1}"
        before = code.removesuffix(retired) if code.endswith(retired) else came_from.get(code, code)
        is_new_bearer = before == code and code in dict(record.renumbered)
        if before == code and not is_new_bearer:
            continue
        found += [(one, "") for one in _between(session, key, event.seq, upper)]
        upper = event.seq
        if is_new_bearer:  # who bore the number before has another one now
            return sorted(found, key=lambda one: one[0].seq)
        found.append((event, f"{before} -> {code}"))
        key = f"{plan}:{before}"
    found += [(one, "") for one in _between(session, key, 0, upper)]
    return sorted(found, key=lambda one: one[0].seq)


def _between(session: Session, key: str, lower: int, upper: int | None) -> Iterator[events.Event]:
    for event in events.walk(session, subject=key):
        if lower < event.seq and (upper is None or event.seq < upper):
            yield event


def _renumberings(session: Session, plan: str) -> list[tuple[events.Event, PlanRecord]]:
    """Return the events that put versions with renumbered tasks in force, with those versions."""
    if not plans.has_renumbered(session, plan):
        return []
    records: dict[int, PlanRecord] = {}
    found = []
    for event in events.walk(session, subject=plan):
        change = event.change
        if isinstance(change, PlanFiled):
            records[change.record.version] = change.record
            accepted = change.record if change.record.state is PlanState.ACCEPTED else None
        elif isinstance(change, PlanDecided) and change.state is PlanState.ACCEPTED:
            accepted = records[change.version]
        else:
            continue
        if accepted is not None and accepted.renumbered:
            found.append((event, accepted))
    return found
