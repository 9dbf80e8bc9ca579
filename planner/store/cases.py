"""Which version of the reminder policy each climb up the ladder keeps, and those versions whole.

A case begins when its first notice is entered and keeps the policy then in force until a person moves it. What a policy
means is the engine's to know; here it is a hash and a document. Source: design notes, "Reminders and escalations".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Table, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from planner.store import marks
from planner.store.bulk import chunks, insert_new, keys_listed
from planner.store.tables import CaseRow, PolicyRow

CASE = cast(Table, CaseRow.__table__)
POLICY = cast(Table, PolicyRow.__table__)

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
    """Keep a version of the policy whole, once."""
    row = {
        "hash": policy.hash,
        "name": policy.name,
        "version": policy.version,
        "content": dict(policy.content),
        "first_used_at": at,
    }
    session.execute(_if_new(POLICY, session, ["hash"]), [row])


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


def policies(session: Session) -> dict[str, dict[str, Any]]:
    """Return every version that has been in force, whole, by its hash."""
    return {row.hash: row.content for row in session.execute(select(POLICY.c.hash, POLICY.c.content))}


def counts(session: Session) -> list[tuple[PolicyVersion, datetime, int]]:
    """Return each version with the instant of its first use and the number of cases under it, oldest first."""
    number = func.count(CASE.c.subject)
    statement = (
        select(POLICY, number)
        .outerjoin(CASE, CASE.c.policy_hash == POLICY.c.hash)
        .group_by(POLICY.c.hash)
        .order_by(POLICY.c.first_used_at, POLICY.c.hash)
    )
    # Grouped by the primary key: its content need not be compared, which JSON cannot be.
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


def _if_new(table: Table, session: Session, columns: list[str]) -> Any:
    own = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    return own.insert(table).on_conflict_do_nothing(index_elements=columns)
