"""Which version of the reminder policy each climb up the ladder keeps, and those versions whole.

A case begins when its first notice is entered and keeps the policy then in force until a person moves it. What a policy
means is the engine's to know; here it is a hash and a document. Source: design notes, "Reminders and escalations".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Table, and_, delete, func, insert, not_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from planner.domain.notification import NoticeState
from planner.domain.status import TaskState
from planner.store import marks
from planner.store.bulk import chunks, insert_new, keys_listed
from planner.store.plans import OPEN_STATES
from planner.store.tables import CaseRow, NoticeRow, PlanRow, PolicyRow, TaskRow

CASE = cast(Table, CaseRow.__table__)
POLICY = cast(Table, PolicyRow.__table__)
NOTICE = cast(Table, NoticeRow.__table__)

Case = tuple[str, int]
"""A subject (task key, or plan key) and the revision of its deadline: a new deadline is a new case."""


@dataclass(frozen=True, kw_only=True)
class PolicyVersion:
    """One version of the reminder policy, as it is kept."""

    hash: str  #: SHA-256 of the content
    name: str
    version: str
    content: Mapping[str, Any]  #: the whole document, JSON values only


def begin(session: Session, begun: Iterable[Case], policy: PolicyVersion, at: datetime) -> None:
    """Let cases begin under a policy; one that has begun already keeps its own.

    Args:
        session: a writing transaction.
        begun: the cases that have a notice now.
        policy: the policy in force.
        at: now.
    """
    rows = [
        {"subject": subject, "revision": revision, "policy_hash": policy.hash, "begun_at": at}
        for subject, revision in sorted(set(begun))
    ]
    if rows:
        keep(session, policy, at)
        insert_new(session, CASE, rows, unique=["subject", "revision"])


def keep(session: Session, policy: PolicyVersion, at: datetime) -> None:
    """Keep a version of the policy whole, once, and when it was last put to use."""
    row = {
        "hash": policy.hash,
        "name": policy.name,
        "version": policy.version,
        "content": dict(policy.content),
        "first_used_at": at,
        "last_used_at": at,
    }
    insertion = _own(session).insert(POLICY)
    session.execute(insertion.on_conflict_do_update(index_elements=["hash"], set_={"last_used_at": at}), [row])


def hashes(session: Session, subjects: Collection[str] | None = None, *, but: str | None = None) -> dict[Case, str]:
    """Return the hash of the policy of each case that has begun.

    Args:
        session: any transaction.
        subjects: only cases of these; None: all.
        but: leave out the cases of this hash, usually the one in force; None: leave out none.
    """
    statement = select(CASE.c.subject, CASE.c.revision, CASE.c.policy_hash)
    if but is not None:
        statement = statement.where(CASE.c.policy_hash != but)
    if subjects is not None:
        wanted = keys_listed(session, set(subjects))
        statement = statement.join(wanted, wanted.c.key == CASE.c.subject)
    return {(row.subject, row.revision): row.policy_hash for row in session.execute(statement)}


def living(session: Session, *, but: str | None = None) -> dict[Case, str]:
    """Return the hash of the policy of each case in which somebody may still be told something.

    A case is over when its task is done or out of force, when the deadline was changed, or when the plan was accepted.
    """
    statement = select(CASE.c.subject, CASE.c.revision, CASE.c.policy_hash).where(_lives())
    if but is not None:  # the others by name: an index finds them, and mostly there are none
        others = session.scalars(select(POLICY.c.hash).where(POLICY.c.hash != but)).all()
        statement = statement.where(CASE.c.policy_hash.in_(others))
    return {(row.subject, row.revision): row.policy_hash for row in session.execute(statement)}


def _lives() -> ColumnElement[bool]:
    task = (
        select(TaskRow.key)
        .join(PlanRow, PlanRow.key == TaskRow.plan)
        .where(
            TaskRow.key == CASE.c.subject,
            TaskRow.deadline_revision == CASE.c.revision,
            TaskRow.state.in_((*OPEN_STATES, TaskState.SUBMITTED.value)),
            PlanRow.accepted_version.is_not(None),
        )
    )
    filed = select(PlanRow.key).where(PlanRow.key == CASE.c.subject, PlanRow.accepted_version.is_not(None))
    of_task = CASE.c.subject.contains(":")
    return or_(and_(of_task, task.exists()), and_(not_(of_task), ~filed.exists()))


def spent(session: Session, rungs: Collection[str]) -> dict[Case, set[tuple[str, date]]]:
    """Return (rung, day) of what was told on some rungs, for each case that was moved to another version."""
    statement = (
        select(NOTICE.c.subject, NOTICE.c.revision, NOTICE.c.rung, NOTICE.c.nominal)
        .join(CASE, and_(CASE.c.subject == NOTICE.c.subject, CASE.c.revision == NOTICE.c.revision))
        # A bound and not "is not null": it lets both databases walk the index.
        .where(CASE.c.moved_at > datetime(1970, 1, 1, tzinfo=UTC), NOTICE.c.rung.in_(rungs), NOTICE.c.state.in_(_TOLD))
        .distinct()
    )
    found: dict[Case, set[tuple[str, date]]] = {}
    for row in session.execute(statement) if rungs else ():
        found.setdefault((row.subject, row.revision), set()).add((row.rung, row.nominal))
    return found


_TOLD = (NoticeState.SENT.value, NoticeState.MAILED.value)


def agency_of(subject: str) -> str:
    """Return the code of the agency that a task key or plan key names."""
    return subject.split(":", 1)[0].rsplit("/", 1)[-1]


def terms(session: Session, case: Case) -> Mapping[str, Any]:
    """Return the content of the policy that a case runs under, or would begin under; empty: none was ever used."""
    own = (
        select(POLICY.c.content)
        .join(CASE, CASE.c.policy_hash == POLICY.c.hash)
        .where(CASE.c.subject == case[0], CASE.c.revision == case[1])
    )
    latest = select(POLICY.c.content).order_by(POLICY.c.last_used_at.desc(), POLICY.c.hash).limit(1)
    found = session.scalar(own)
    return found if found is not None else session.scalar(latest) or {}


def policies(session: Session) -> dict[str, dict[str, Any]]:
    """Return every version that has been in force, whole, by its hash."""
    return {row.hash: row.content for row in session.execute(select(POLICY.c.hash, POLICY.c.content))}


def counts(session: Session) -> list[tuple[PolicyVersion, datetime, int]]:
    """Return each version with the instant of its first use and the number of living cases, oldest first."""
    number = (
        select(func.count()).where(CASE.c.policy_hash == POLICY.c.hash, _lives()).correlate(POLICY).scalar_subquery()
    )
    statement = select(POLICY, number).order_by(POLICY.c.first_used_at, POLICY.c.hash)
    return [
        (
            PolicyVersion(hash=row.hash, name=row.name, version=row.version, content=row.content),
            row.first_used_at,
            row[-1],
        )
        for row in session.execute(statement)
    ]


def move(session: Session, moved: Iterable[Case], policy: PolicyVersion, at: datetime) -> int:
    """Let cases go on under another policy; return how many were under a different one until now."""
    keep(session, policy, at)
    marks.wipe(session)  # the other policy may warn of what this one did not
    wanted = sorted(set(moved))
    count = 0
    for some in chunks(wanted):
        by_revision: dict[int, list[str]] = {}
        for subject, revision in some:
            by_revision.setdefault(revision, []).append(subject)
        for revision, subjects in by_revision.items():
            done = session.execute(
                update(CASE)
                .where(CASE.c.subject.in_(subjects), CASE.c.revision == revision, CASE.c.policy_hash != policy.hash)
                .values(policy_hash=policy.hash, moved_at=at)
            )
            count += cast(CursorResult[Any], done).rowcount
    return count


def follow_renumbering(session: Session, moved: Mapping[str, str]) -> None:
    """Let cases follow tasks to their new keys; two tasks may change places."""
    rows = [
        dict(row._mapping)
        for some in chunks(list(moved))
        for row in session.execute(select(CASE).where(CASE.c.subject.in_(some)))
    ]
    if rows:
        for some in chunks(list(moved)):
            session.execute(delete(CASE).where(CASE.c.subject.in_(some)))
        # What a task left behind under the number that another takes now is not of that task.
        for some in chunks([new for new in moved.values() if new not in moved]):
            session.execute(delete(CASE).where(CASE.c.subject.in_(some)))
        session.execute(insert(CASE), [{**row, "subject": moved[row["subject"]]} for row in rows])


def _own(session: Session) -> Any:
    return sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
