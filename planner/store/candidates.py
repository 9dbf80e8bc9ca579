"""Which tasks and plans a round of the engine must look at, asked of the database: all the others have nothing to say.

What rung has been reached depends only on the policy and the day that it counts from, so the caller works it out for
each day once (`Reached`), and one statement finds the tasks of those days whose ledger lacks it. Nothing is remembered
between two rounds but what the database holds, so a round that comes late, or twice, finds what is still to do. The
number of statements does not depend on the number of tasks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    Integer,
    Select,
    Table,
    Text,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from planner.domain.notification import NoticeKind, NoticeState
from planner.domain.status import TaskState
from planner.store.bulk import keys_listed, listed
from planner.store.cases import CASE
from planner.store.outbox import may_be_given_up
from planner.store.plans import OPEN_STATES
from planner.store.tables import MailRow, NoticeRow, PlanRow, TaskRow, UtcDateTime

_TASK, _PLAN, _NOTICE, _MAIL = (cast(Table, row.__table__) for row in (TaskRow, PlanRow, NoticeRow, MailRow))
_IS_OPEN = _TASK.c.state.in_(OPEN_STATES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """The highest step that tasks of one policy have reached which count from one day."""

    policy: str  #: hash
    day: date  #: the last day, or the local day on which a result was handed in or returned
    rung: str
    nominal: date
    roles: tuple[str, ...]  #: who is told at that step


@dataclass(frozen=True, kw_only=True, slots=True)
class Which:
    """What a look for candidates must heed."""

    policies: frozenset[str]  #: hashes of all policies under which subjects may stand
    in_force: str  #: hash of the policy of subjects that nobody has been told of
    doubled: bool  #: also ask again for whom was passed over as told in another role: people may have changed


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One subject that has reached a step, if its case stands under that policy."""

    policy: str  #: hash
    subject: str
    revision: int
    rung: str
    nominal: date
    roles: tuple[str, ...]


def last_days(session: Session) -> list[date]:
    """Return the different last days of open tasks, ascending; tasks without one are left out.

    The database jumps from one day to the next in its index instead of reading every task.
    """
    states = keys_listed(session, OPEN_STATES, "states")
    least = select(func.min(_TASK.c.last_day)).where(_TASK.c.state == states.c.key).scalar_subquery()
    days = select(states.c.key.label("state"), least.label("day")).cte("days", recursive=True)
    later = (
        select(func.min(_TASK.c.last_day))
        .where(_TASK.c.state == days.c.state, _TASK.c.last_day > days.c.day)
        .correlate(days)
        .scalar_subquery()
    )
    days = days.union_all(select(days.c.state, later).where(days.c.day.is_not(None)))
    return sorted({day for day in session.scalars(select(days.c.day)) if day is not None})


def first_since(session: Session, states: Iterable[TaskState]) -> dict[TaskState, datetime]:
    """Return since when the oldest task stands in each state, submitted or returned; those without a task are left out.

    Each is looked up in its index.
    """
    oldest = [
        select(literal(state.value).label("state"), func.min(_TASK.c.state_since).label("since")).where(_stands(state))
        for state in states
    ]
    if not oldest:
        return {}
    rows = session.execute(union_all(*oldest))
    return {TaskState(state): since for state, since in rows if since is not None}


def policies_begun(session: Session) -> set[str]:
    """Return the hashes of the policies under which cases stand, looked up in their index."""
    first = select(func.min(CASE.c.policy_hash).label("hash")).cte("hashes", recursive=True)
    later = (
        select(func.min(CASE.c.policy_hash)).where(CASE.c.policy_hash > first.c.hash).correlate(first).scalar_subquery()
    )
    hashes = first.union_all(select(later).where(first.c.hash.is_not(None)))
    return {one for one in session.scalars(select(hashes.c.hash)) if one is not None}


def due(session: Session, reached: Iterable[Reached], which: Which) -> list[str]:
    """Return the open tasks that have reached a step which the ledger lacks, or holds back.

    Args:
        session: an open transaction.
        reached: the highest step for each policy and last day; days without one are left out.
        which: under which policies tasks stand, and what of the ledger counts as settled.
    """
    columns: dict[str, TypeEngine[Any]] = {
        "policy": Text(),
        "day": Date(),
        "rung": Text(),
        "nominal": Date(),
        "roles": Text(),
        "many": Integer(),
    }
    rows = ((one.policy, one.day, one.rung, one.nominal, _marked(one.roles), len(one.roles)) for one in reached)
    step = listed(session, "reached", columns, rows)
    statement = _of_cases(step, which).where(_IS_OPEN, _TASK.c.last_day == step.c.day)
    lacks = _lacks(step, _TASK.c.key, _TASK.c.deadline_revision, doubled=which.doubled)
    return list(session.scalars(statement.where(lacks, _is_in_force())))


def standing(
    session: Session, state: TaskState, reached: Iterable[tuple[Reached, datetime]], which: Which
) -> list[str]:
    """Return the tasks that have stood so long in a state, submitted or returned, that the ledger lacks a step.

    Args:
        session: an open transaction.
        state: the state.
        reached: the highest step for each policy and local day, with the instant at which that day begins.
        which: under which policies tasks stand, and what of the ledger counts as settled.
    """
    instant = UtcDateTime()
    columns: dict[str, TypeEngine[Any]] = {
        "policy": Text(),
        "begins": instant,
        "ends": instant,
        "rung": Text(),
        "nominal": Date(),
        "roles": Text(),
        "many": Integer(),
    }
    is_sqlite = session.get_bind().dialect.name == "sqlite"

    def written(at: datetime) -> str:
        at = at.astimezone(UTC)  # as it is stored
        return f"{at:%Y-%m-%d %H:%M:%S.%f}" if is_sqlite else at.isoformat()

    rows = (
        (
            one.policy,
            written(begins),
            written(begins + timedelta(days=1)),
            one.rung,
            one.nominal,
            _marked(one.roles),
            len(one.roles),
        )
        for one, begins in reached
    )
    step = listed(session, "reached", columns, rows)
    since = _TASK.c.state_since
    statement = _of_cases(step, which).where(_stands(state), since >= step.c.begins, since < step.c.ends)
    lacks = _lacks(step, _TASK.c.key, _TASK.c.deadline_revision, doubled=which.doubled)
    return list(session.scalars(statement.where(lacks, _is_in_force())))


def lacking(session: Session, asked: Iterable[Asked], which: Which) -> set[str]:
    """Return the subjects of those steps that the ledger lacks, or holds back.

    Args:
        session: an open transaction.
        asked: a step of each subject, or one for each policy.
        which: under which policies subjects stand, and what of the ledger counts as settled.
    """
    columns: dict[str, TypeEngine[Any]] = {
        "policy": Text(),
        "subject": Text(),
        "revision": Integer(),
        "rung": Text(),
        "nominal": Date(),
        "roles": Text(),
        "many": Integer(),
    }
    rows = (
        (one.policy, one.subject, one.revision, one.rung, one.nominal, _marked(one.roles), len(one.roles))
        for one in asked
    )
    step = listed(session, "asked", columns, rows)
    statement = (
        select(step.c.subject)
        .outerjoin(CASE, and_(CASE.c.subject == step.c.subject, CASE.c.revision == step.c.revision))
        .where(func.coalesce(CASE.c.policy_hash, which.in_force) == step.c.policy)
    )
    return set(session.scalars(statement.where(_lacks(step, step.c.subject, step.c.revision, doubled=which.doubled))))


def deadlines(session: Session, keys: Iterable[str]) -> dict[str, tuple[date, int]]:
    """Return the last day and its revision of tasks that have one."""
    wanted = keys_listed(session, keys)
    rows = session.execute(
        select(_TASK.c.key, _TASK.c.last_day, _TASK.c.deadline_revision)
        .join(wanted, wanted.c.key == _TASK.c.key)
        .where(_TASK.c.last_day.is_not(None))
    )
    return {row.key: (row.last_day, row.deadline_revision) for row in rows}


def returned_ahead(session: Session, today: date) -> set[str]:
    """Return the subjects of notices that are held back though their day is today or still to come.

    These are warnings of what is foreseen: their mail came back, or what held them back may have passed. What had
    become untrue is not among them; it is found when it is foreseen again.
    """
    held = _NOTICE.c.state.in_([literal_column(f"'{state.value}'") for state in _HELD_BACK])
    statement = select(_NOTICE.c.subject).where(
        held,
        _NOTICE.c.nominal >= today,
        or_(_NOTICE.c.state == NoticeState.BOUNCED.value, _NOTICE.c.may_return.is_(True)),
    )
    return set(session.scalars(statement.distinct()))


def waiting(session: Session, today: date) -> tuple[set[str], set[str]]:
    """Return the subjects of notices that are still to be sent, and whose mail may still make room for another one.

    Each may have become untrue, or another person's. Beside them stand those of which a warning waits.
    """
    statement = (
        select(_NOTICE.c.subject, _NOTICE.c.kind)
        .outerjoin(_MAIL, _MAIL.c.id == _NOTICE.c.mail_id)
        .where(
            or_(
                _NOTICE.c.state == NoticeState.QUEUED.value,
                and_(_NOTICE.c.state == NoticeState.MAILED.value, may_be_given_up(today)),
            )
        )
    )
    rows = session.execute(statement).all()
    return {subject for subject, _kind in rows}, {subject for subject, kind in rows if kind == NoticeKind.AT_RISK.value}


def _of_cases(step: FromClause, which: Which) -> Select[Any]:
    """Return the keys of tasks whose case stands under the policy of `step`; all do when there is only one."""
    statement = select(_TASK.c.key).select_from(step).join(_TASK, literal(True))
    if which.policies == {which.in_force}:
        return statement
    return statement.outerjoin(
        CASE, and_(CASE.c.subject == _TASK.c.key, CASE.c.revision == _TASK.c.deadline_revision)
    ).where(func.coalesce(CASE.c.policy_hash, which.in_force) == step.c.policy)


def _is_in_force() -> ColumnElement[bool]:
    # Asked last, and of candidates only: nearly all tasks are in force.
    return select(_PLAN.c.key).where(_PLAN.c.key == _TASK.c.plan, _PLAN.c.accepted_version.is_not(None)).exists()


def _lacks(
    step: FromClause, subject: ColumnElement[str], revision: ColumnElement[int], *, doubled: bool
) -> ColumnElement[bool]:
    """Return the condition that not every role of a step is settled, or waits, in the ledger.

    A role that was passed over because its person was told in another one is settled, except when `doubled`.
    """
    settled = _NOTICE.alias("told").c
    is_final: ColumnElement[bool] = settled.state.in_(_FINAL)
    if not doubled:
        passed_over = and_(settled.state == NoticeState.SUPPRESSED.value, settled.may_return.is_(False))
        is_final = or_(is_final, passed_over)
    known = (
        select(func.count(settled.id))
        .where(
            settled.subject == subject,
            settled.revision == revision,
            settled.rung == step.c.rung,
            settled.nominal == step.c.nominal,
            step.c.roles.contains("," + settled.role + ","),
            is_final,
        )
        .scalar_subquery()
    )
    return known < step.c.many


#: Of what stands in another state it may be that it, or what was held back because of it, must be told after all.
_FINAL = tuple(
    state.value for state in (NoticeState.QUEUED, NoticeState.MAILED, NoticeState.SENT, NoticeState.SUPERSEDED)
)


# In the order and words of the index that serves it.
_HELD_BACK = (NoticeState.OBSOLETE, NoticeState.BOUNCED, NoticeState.SUPPRESSED)


def _marked(roles: Iterable[str]) -> str:
    return f",{','.join(roles)},"


def _stands(state: TaskState) -> ColumnElement[bool]:
    # Written out: the index on these tasks serves only a statement that names the state.
    return _TASK.c.state == literal_column(f"'{state.value}'")
