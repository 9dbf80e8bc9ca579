"""The ledger of notices: what was to be told to whom, each once, and what became of it.

A notice waits until it is put into a mail (`outbox.py`); every write that depends on what was read before is
compare-and-set on its state. Source: design notes, "Reminders and escalations".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Table,
    Text,
    and_,
    bindparam,
    case,
    func,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from planner.domain.notification import Notice, NoticeKind, NoticeState
from planner.domain.status import TaskState
from planner.store import bulk, cases
from planner.store.plans import OPEN_STATES
from planner.store.tables import NoticeRow, PlanRow, TaskRow

NOTICE = cast(Table, NoticeRow.__table__)
chunks = bulk.chunks


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedNotice:
    """A notice of the ledger with its row's id."""

    id: int
    key: str
    notice: Notice
    queued_at: datetime


def enqueue(
    session: Session,
    notices: Sequence[Notice] | Mapping[str, Notice],
    *,
    policy: cases.PolicyVersion,
    at: datetime,
) -> Counter[NoticeState]:
    """Enter notices into the ledger; one whose key is known changes nothing, unless it was held back and holds again.

    What is told of for the first time begins a case under `policy`, in this transaction.

    Args:
        session: a writing transaction.
        notices: what must be in the ledger; by key, where the keys are known already.
        policy: the policy in force.
        at: now.

    Returns:
        How many rows came into each state.
    """
    by_key = notices if isinstance(notices, Mapping) else {notice.key: notice for notice in notices}
    if not by_key:
        return Counter()
    # Most of what a tick finds is in the ledger already: asking first is cheaper than inserting in vain. The unique key
    # still decides when another worker is faster.
    known = _known(session, by_key)
    new = Counter({NoticeState.QUEUED: _reopen(session, by_key, known)})
    coming = [(key, notice) for key, notice in by_key.items() if key not in known]
    if not coming:
        return new
    begun = {(notice.subject, notice.revision) for _key, notice in coming}
    cases.begin(session, begun, policy, at)
    other = cases.hashes(session, {subject for subject, _revision in begun}, but=policy.hash)
    by_state: dict[NoticeState, list[tuple[str, Notice]]] = {}
    for one in coming:
        by_state.setdefault(one[1].state, []).append(one)
    for state, some in by_state.items():
        these = [notice for _key, notice in some]
        columns: dict[str, list[Any]] = {
            "key": [key for key, _notice in some],
            "kind": [notice.kind.value for notice in these],
            "subject": [notice.subject for notice in these],
            "revision": [notice.revision for notice in these],
            "rung": [notice.rung for notice in these],
            "nominal": [notice.nominal for notice in these],
            "role": [notice.role for notice in these],
            "channel": [notice.channel for notice in these],
            "recipient": [notice.recipient for notice in these],
            "reason": [notice.reason for notice in these],
            "urgent": [notice.urgent for notice in these],
            "state": [state.value] * len(these),
            "policy_hash": [other.get((notice.subject, notice.revision), policy.hash) for notice in these]
            if other
            else [policy.hash] * len(these),
            "may_return": [notice.may_return for notice in these],
            "queued_at": [at] * len(these),
            "settled_at": [at if state in _SETTLED else None] * len(these),
        }
        new[state] += bulk.insert_columns(session, NOTICE, columns, unique=["key"])
    return new


_SETTLED = (NoticeState.SUPERSEDED, NoticeState.SUPPRESSED, NoticeState.DEAD, NoticeState.OBSOLETE)


def _known(session: Session, keys: Iterable[str]) -> dict[str, Any]:
    """Return the rows of those keys that the ledger holds, by key."""
    wanted = bulk.keys_listed(session, keys)
    columns = (NOTICE.c.id, NOTICE.c.key, NOTICE.c.state, NOTICE.c.may_return, NOTICE.c.recipient)
    rows = session.execute(select(*columns).join(wanted, wanted.c.key == NOTICE.c.key))
    return {row.key: row for row in rows}


def _reopen(session: Session, by_key: Mapping[str, Notice], known: Mapping[str, Any]) -> int:
    """Queue anew what was held back and holds again, and return how much that is."""
    held = [
        (row, by_key[key])
        for key, row in known.items()
        if row.state in _HELD_BACK and by_key[key].state is NoticeState.QUEUED
    ]
    told = already_told(session, [notice for _row, notice in held])
    reopened = [
        {
            "b_id": row.id,
            "b_recipient": notice.recipient,
            "b_kind": notice.kind.value,
            "b_reason": notice.reason,
        }
        for row, notice in held
        if row.key not in told
    ]
    if reopened:
        session.connection().execute(_REOPEN, reopened)
    return len(reopened)


#: never received and not given up by a person: such a notice is told after all when it holds again (a blocker is done
#: and the waiting task still late; a result was handed in and returned; the mail came back)
HELD_BACK = (NoticeState.SUPPRESSED, NoticeState.OBSOLETE, NoticeState.BOUNCED)
_HELD_BACK = tuple(state.value for state in HELD_BACK)


def already_told(session: Session, notices: Sequence[Notice]) -> set[str]:
    """Return the keys of those notices whose person has been told the same step in another role.

    Who stands in for somebody whose mail came back may have had the step as head of the agency before.
    """
    told = told_to(session, {notice.subject for notice in notices}) if notices else set()
    return {one.key for one in notices if (one.subject, one.revision, one.rung, one.nominal, one.recipient) in told}


def told_to(session: Session, subjects: Collection[str] | None = None) -> set[tuple[str, int, str, date, str]]:
    """Return (subject, revision, rung, day, recipient) of everything somebody was told of `subjects`; None: of all."""
    columns = (NOTICE.c.subject, NOTICE.c.revision, NOTICE.c.rung, NOTICE.c.nominal, NOTICE.c.recipient)
    received = or_(NOTICE.c.state == NoticeState.SENT.value, NOTICE.c.state == NoticeState.MAILED.value)
    statement = select(*columns).where(received)
    if subjects is not None:
        wanted = bulk.keys_listed(session, subjects)
        statement = statement.join(wanted, wanted.c.key == NOTICE.c.subject)
    return {(row.subject, row.revision, row.rung, row.nominal, row.recipient) for row in session.execute(statement)}


def insert_unless_known(table: Table, dialect: str, key: str = "key") -> Any:
    """Return the statement that enters rows of `table` whose keys are new and passes over the others."""
    own = sqlite if dialect == "sqlite" else postgresql
    return own.insert(table).on_conflict_do_nothing(index_elements=[key])


def queued(session: Session) -> list[QueuedNotice]:
    """Return what waits to be put into a mail, by recipient."""
    rows = session.execute(
        select(NOTICE)
        .where(NOTICE.c.state == NoticeState.QUEUED.value, NOTICE.c.recipient != "")
        .order_by(NOTICE.c.recipient, NOTICE.c.id)
    )
    return [QueuedNotice(id=row.id, key=row.key, notice=notice_of(row), queued_at=row.queued_at) for row in rows]


def readers(session: Session) -> dict[str, str]:
    """Return who is to read what waits to be put into a mail, by key; "": nobody was found."""
    statement = select(NOTICE.c.key, NOTICE.c.recipient).where(NOTICE.c.state == NoticeState.QUEUED.value)
    return {row.key: row.recipient for row in session.execute(statement)}


def notice_of(row: NoticeRow | Row[Any]) -> Notice:
    """Return the notice that a row holds."""
    return Notice(
        kind=NoticeKind(row.kind),
        subject=row.subject,
        revision=row.revision,
        rung=row.rung,
        nominal=row.nominal,
        role=row.role,
        recipient=row.recipient,
        reason=row.reason,
        urgent=row.urgent,
        state=NoticeState(row.state),
        channel=row.channel,
        may_return=row.may_return,
    )


def states_by_key(session: Session) -> dict[str, NoticeState]:
    """Return the state of every notice of the ledger by its key."""
    return {key: NoticeState(state) for key, state in session.execute(select(NoticeRow.key, NoticeRow.state))}


def times_told(session: Session, subjects: Iterable[str]) -> dict[tuple[str, int, str], int]:
    """Return how often each (subject, revision of its deadline, recipient) has been told already."""
    known = (NOTICE.c.subject, NOTICE.c.revision, NOTICE.c.recipient)
    statement = select(*known, func.count()).where(NOTICE.c.state == NoticeState.SENT.value).group_by(*known)
    wanted = bulk.keys_listed(session, set(subjects))
    rows = session.execute(statement.join(wanted, wanted.c.key == NOTICE.c.subject))
    return {(subject, revision, recipient): count for subject, revision, recipient, count in rows}


def obsolete_in(session: Session, mail_id: int) -> int:
    """Return how many notices of a mail were found untrue just before it was to be sent."""
    statement = select(func.count()).where(NOTICE.c.mail_id == mail_id, NOTICE.c.state == NoticeState.OBSOLETE.value)
    return session.scalar(statement) or 0


def hold(session: Session, notices: Sequence[QueuedNotice]) -> set[int]:
    """Hold those of the notices that are still queued as they were read until the transaction ends; return their ids.

    What was written of one that has another reader since, or is about another task, would tell the wrong person.
    """
    columns: dict[str, TypeEngine[Any]] = {"id": BigInteger(), "key": Text(), "recipient": Text(), "kind": Text()}
    read = ([one.id, one.key, one.notice.recipient, one.notice.kind.value] for one in notices)
    wanted = bulk.listed(session, "wanted", columns, read)
    statement = select(NOTICE.c.id).join(
        wanted,
        and_(
            wanted.c.id == NOTICE.c.id,
            wanted.c.key == NOTICE.c.key,
            wanted.c.recipient == NOTICE.c.recipient,
            wanted.c.kind == NOTICE.c.kind,
        ),
    )
    held = statement.where(NOTICE.c.state == NoticeState.QUEUED.value).order_by(NOTICE.c.id)
    return set(session.scalars(held.with_for_update(of=NOTICE)))


def put_into(session: Session, mails: Mapping[int, int]) -> None:
    """Put held notices into mails: mail by notice."""
    taken = bulk.listed(session, "taken", {"id": BigInteger(), "mail": BigInteger()}, mails.items())
    session.execute(
        update(NOTICE)
        .where(NOTICE.c.id == taken.c.id, NOTICE.c.state == NoticeState.QUEUED.value)
        .values(state=NoticeState.MAILED.value, mail_id=taken.c.mail)
        .execution_options(synchronize_session=False)
    )


def told(session: Session, mail_id: int, state: NoticeState, at: datetime) -> None:
    """Record what became of every notice that a mail carries."""
    session.execute(_TOLD, {"b_mail": mail_id, "b_state": state.value, "b_at": at})


def stale_in(session: Session, mail_id: int) -> Sequence[int]:
    """Return the ids of the notices of a mail that no longer hold."""
    return session.scalars(select(NOTICE.c.id).where(NOTICE.c.mail_id == mail_id, is_stale())).all()


def make_obsolete(session: Session, notices: Sequence[int], at: datetime) -> None:
    """Settle notices of a mail that were found untrue just before it was to be sent."""
    session.execute(
        update(NOTICE)
        .where(NOTICE.c.id.in_(notices), NOTICE.c.state == NoticeState.MAILED.value)
        .values(state=NoticeState.OBSOLETE.value, settled_at=at)
    )


def release(session: Session, mails: Sequence[int]) -> None:
    """Put the notices of mails that will not be sent back into the queue."""
    for some in chunks(mails):
        session.execute(
            update(NOTICE)
            .where(NOTICE.c.mail_id.in_(some), NOTICE.c.state == NoticeState.MAILED.value)
            .values(state=NoticeState.QUEUED.value, mail_id=None)
        )


def is_stale() -> ColumnElement[bool]:
    """Return the condition that a notice no longer holds, as far as its own task or plan tells."""
    task = (
        select(TaskRow.key)
        .join(PlanRow, PlanRow.key == TaskRow.plan)
        .where(
            TaskRow.key == NOTICE.c.subject,
            TaskRow.deadline_revision == NOTICE.c.revision,
            PlanRow.accepted_version.is_not(None),
        )
    )
    wanted = case(
        (NOTICE.c.kind == NoticeKind.CONFIRMATION.value, TaskRow.state == TaskState.SUBMITTED.value),
        (NOTICE.c.kind == NoticeKind.RETURNED.value, TaskRow.state == TaskState.RETURNED.value),
        else_=TaskRow.state.in_(OPEN_STATES),
    )
    filed = select(PlanRow.key).where(PlanRow.key == NOTICE.c.subject, PlanRow.accepted_version.is_not(None))
    # By its subject, not by its kind: a rung about an owed plan may also be an urging letter or the Chairman's list.
    of_task = NOTICE.c.subject.contains(":")
    return or_(and_(of_task, ~task.where(wanted).exists()), and_(not_(of_task), filed.exists()))


_REOPEN = (
    update(NOTICE)
    .where(
        NOTICE.c.id == bindparam("b_id"),
        # Not IN: its list is expanded at each call, which one statement run for many rows cannot do.
        or_(*(NOTICE.c.state == state for state in _HELD_BACK)),
    )
    .values(
        state=NoticeState.QUEUED.value,
        recipient=bindparam("b_recipient"),
        kind=bindparam("b_kind"),
        reason=bindparam("b_reason"),
        settled_at=None,
        mail_id=None,
        may_return=False,
    )
)
# What is done for every single mail is prepared once: building a statement costs more than running it.
_TOLD = (
    update(NOTICE)
    .where(NOTICE.c.mail_id == bindparam("b_mail"), NOTICE.c.state == NoticeState.MAILED.value)
    .values(state=bindparam("b_state"), settled_at=bindparam("b_at"))
)
