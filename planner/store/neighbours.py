"""Which tasks lie before and after others: only as far as it matters to a question, in one statement each.

Source: design notes "The task graph", "Inhibition".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, cast

from sqlalchemy import Select, Table, and_, func, select
from sqlalchemy.orm import Session

from planner.store.bulk import keys_listed
from planner.store.plans import OPEN_STATES
from planner.store.tables import DependencyRow, PlanRow, TaskRow

_TASK, _PLAN, _EDGE = (cast(Table, row.__table__) for row in (TaskRow, PlanRow, DependencyRow))
# Not the column itself: SQLite would go through the index of all open tasks instead of from edge to edge.
_IS_OPEN = func.coalesce(_TASK.c.state, "").in_(OPEN_STATES)
_IN_FORCE = _PLAN.c.accepted_version.is_not(None)


def late_before(session: Session, keys: Iterable[str], today: date) -> set[str]:
    """Return the open tasks in force that are late on `today` and for which `keys` wait, through late ones only."""
    wanted = keys_listed(session, keys)
    is_late = and_(_IS_OPEN, _TASK.c.last_day < today)
    ways = _before().join(wanted, wanted.c.key == _EDGE.c.successor).where(is_late).cte("ways", recursive=True)
    ways = ways.union(_before().join(ways, ways.c.key == _EDGE.c.successor).where(is_late))
    return set(session.scalars(select(ways.c.key)))


def before(session: Session, keys: Iterable[str]) -> set[str]:
    """Return the tasks in force that must be known to foresee `keys`: those they wait for, through open ones only.

    What is finished, suspended or withdrawn is foreseen by itself, whatever it waited for.
    """
    wanted = keys_listed(session, keys)
    columns = (_TASK.c.key, _TASK.c.state)
    ways = _before(*columns).join(wanted, wanted.c.key == _EDGE.c.successor).cte("ways", recursive=True)
    through = ways.c.state.in_(OPEN_STATES)
    ways = ways.union(_before(*columns).join(ways, and_(ways.c.key == _EDGE.c.successor, through)))
    return set(session.scalars(select(ways.c.key)))


def after(session: Session, keys: Iterable[str]) -> set[str]:
    """Return the open tasks in force that wait for `keys`, directly or through open ones."""
    wanted = keys_listed(session, keys)
    ways = _after().join(wanted, wanted.c.key == _EDGE.c.predecessor).cte("ways", recursive=True)
    ways = ways.union(_after().join(ways, ways.c.key == _EDGE.c.predecessor))
    return set(session.scalars(select(ways.c.key)))


def open_of(session: Session, keys: Iterable[str], since: date) -> set[str]:
    """Return which of `keys` are open tasks in force with a last day from `since` on."""
    wanted = keys_listed(session, keys)
    statement = (
        select(_TASK.c.key)
        .join(wanted, wanted.c.key == _TASK.c.key)
        .join(_PLAN, _PLAN.c.key == _TASK.c.plan)
        .where(_IN_FORCE, _IS_OPEN, _TASK.c.last_day >= since)
    )
    return set(session.scalars(statement))


def of_plans(session: Session, plans: Iterable[str]) -> set[str]:
    """Return the keys of all tasks of some plans, whatever became of them."""
    of = keys_listed(session, plans, "plans")
    return set(session.scalars(select(_TASK.c.key).join(of, of.c.key == _TASK.c.plan)))


def _before(*columns: Any) -> Select[Any]:
    # From the edge to the task that is waited for. Who waits is open, or one of those asked about.
    return (
        select(*(columns or (_TASK.c.key,)))
        .select_from(_EDGE)
        .join(_TASK, _TASK.c.key == _EDGE.c.predecessor)
        .join(_PLAN, _PLAN.c.key == _TASK.c.plan)
        .where(_IN_FORCE)
    )


def _after() -> Select[Any]:
    return (
        select(_TASK.c.key)
        .select_from(_EDGE)
        .join(_TASK, _TASK.c.key == _EDGE.c.successor)
        .join(_PLAN, _PLAN.c.key == _TASK.c.plan)
        .where(_IN_FORCE, _IS_OPEN)
    )
