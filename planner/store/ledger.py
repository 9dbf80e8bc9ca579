"""The ledger of notices: what was to be told to whom, each once, and what became of it.

A notice waits until it is put into a mail (`outbox.py`); every write that depends on what was read before is
compare-and-set on its state. Source: design notes, "Reminders and escalations".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, CursorResult, Table, and_, bindparam, case, func, not_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from planner.domain.notification import Notice, NoticeKind, NoticeState
from planner.domain.status import TaskState
from planner.store.plans import OPEN_STATES
from planner.store.tables import NoticeRow, PlanRow, TaskRow

NOTICE = cast(Table, NoticeRow.__table__)
_CHUNK = 5000  # a statement takes so many values and no more: databases have their limits
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedNotice:
    """A notice of the ledger with its row's id."""

    id: int
    notice: Notice
    queued_at: datetime


def enqueue(session: Session, notices: Sequence[Notice], *, policy_hash: str, at: datetime) -> Counter[NoticeState]:
    """Enter notices into the ledger; one whose key is known changes nothing, unless it was held back and holds again.

    Returns:
        How many rows came into each state.
    """
    if not notices:
        return Counter()
    settled = {NoticeState.SUPERSEDED, NoticeState.SUPPRESSED, NoticeState.DEAD, NoticeState.OBSOLETE}
    by_key = {notice.key: notice for notice in notices}
    rows = {
        key: {
            "key": key,
            "kind": notice.kind.value,
            "subject": notice.subject,
            "revision": notice.revision,
            "rung": notice.rung,
            "nominal": notice.nominal,
            "role": notice.role,
            "channel": notice.channel,
            "recipient": notice.recipient,
            "reason": notice.reason,
            "urgent": notice.urgent,
            "state": notice.state.value,
            "policy_hash": policy_hash,
            "may_return": notice.may_return,
            "queued_at": at,
            "settled_at": at if notice.state in settled else None,
        }
        for key, notice in by_key.items()
    }
    # Most of what a tick finds is in the ledger already: asking first is cheaper than inserting in vain. The unique key
    # still decides when another worker is faster.
    reopened = [
        row
        for key, row in _known(session, list(rows))
        if rows.pop(key)["state"] == NoticeState.QUEUED and row is not None
    ]
    again = already_told(session, [by_key[key] for _id, key, state in reopened if state == NoticeState.BOUNCED])
    reopened = [row for row in reopened if row[1] not in again]
    for notice_id, key, _state in reopened:
        notice = by_key[key]
        session.execute(
            update(NoticeRow)
            .where(NoticeRow.id == notice_id, NoticeRow.state.in_(_HELD_BACK))
            .values(
                state=NoticeState.QUEUED.value,
                recipient=notice.recipient,
                kind=notice.kind.value,
                reason=notice.reason,
                settled_at=None,
                mail_id=None,
                may_return=False,
            )
        )
    if not rows:
        return Counter({NoticeState.QUEUED: len(reopened)})
    new = Counter({NoticeState.QUEUED: len(reopened)})
    statement = insert_new(NOTICE, session.get_bind().dialect.name)
    if session.get_bind().dialect.name == "postgresql":  # many rows a statement, and the driver counts none of them
        came = session.scalars(statement.returning(NOTICE.c.state), list(rows.values()))
        return new + Counter(NoticeState(state) for state in came)
    # Counted by state through the number of rows that came in: asking for the rows themselves costs a statement each.
    for state in dict.fromkeys(row["state"] for row in rows.values()):
        done = session.execute(statement, [row for row in rows.values() if row["state"] == state])
        new[NoticeState(str(state))] += cast(CursorResult[Any], done).rowcount
    return new


#: never received and not given up by a person: such a notice is told after all when it holds again (a blocker is done
#: and the waiting task still late; a result was handed in and returned; the mail came back)
HELD_BACK = (NoticeState.SUPPRESSED, NoticeState.OBSOLETE, NoticeState.BOUNCED)
_HELD_BACK = tuple(state.value for state in HELD_BACK)


def already_told(session: Session, notices: Sequence[Notice]) -> set[str]:
    """Return the keys of those notices whose person has been told the same step in another role.

    Who stands in for somebody whose mail came back may have had the step as head of the agency before.
    """
    columns = (NOTICE.c.subject, NOTICE.c.revision, NOTICE.c.rung, NOTICE.c.nominal, NOTICE.c.recipient)
    received = or_(NOTICE.c.state == NoticeState.SENT.value, NOTICE.c.state == NoticeState.MAILED.value)
    told: set[tuple[Any, ...]] = set()
    for some in chunks(sorted({notice.subject for notice in notices})):
        told.update(map(tuple, session.execute(select(*columns).where(received, NOTICE.c.subject.in_(some)))))
    return {one.key for one in notices if (one.subject, one.revision, one.rung, one.nominal, one.recipient) in told}


def insert_new(table: Table, dialect: str, key: str = "key") -> Any:
    """Return the statement that enters rows of `table` whose keys are new and passes over the others."""
    own = sqlite if dialect == "sqlite" else postgresql
    return own.insert(table).on_conflict_do_nothing(index_elements=[key])


def _known(session: Session, keys: Sequence[str]) -> Iterator[tuple[str, tuple[int, str, str] | None]]:
    """Yield each key that the ledger holds, with the row when it was held back and may be reopened."""
    statement = select(NoticeRow.id, NoticeRow.key, NoticeRow.state)
    for some in chunks(keys):
        for row in session.execute(statement.where(NoticeRow.key.in_(some))):
            yield row.key, (row.id, row.key, row.state) if row.state in _HELD_BACK else None


def queued(session: Session) -> list[QueuedNotice]:
    """Return what waits to be put into a mail, by recipient."""
    rows = session.scalars(
        select(NoticeRow)
        .where(NoticeRow.state == NoticeState.QUEUED.value, NoticeRow.recipient != "")
        .order_by(NoticeRow.recipient, NoticeRow.id)
    )
    return [QueuedNotice(id=row.id, notice=notice_of(row), queued_at=row.queued_at) for row in rows]


def notice_of(row: NoticeRow) -> Notice:
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


def times_told(session: Session, subjects: Iterable[str]) -> dict[tuple[str, str], int]:
    """Return how often each (subject, recipient) has been told already."""
    statement = (
        select(NOTICE.c.subject, NOTICE.c.recipient, func.count())
        .where(NOTICE.c.state == NoticeState.SENT.value)
        .group_by(NOTICE.c.subject, NOTICE.c.recipient)
    )
    return {
        (subject, recipient): count
        for some in chunks(sorted(set(subjects)))
        for subject, recipient, count in session.execute(statement.where(NOTICE.c.subject.in_(some)))
    }


def obsolete_in(session: Session, mail_id: int) -> int:
    """Return how many notices of a mail were found untrue just before it was to be sent."""
    statement = select(func.count()).where(NOTICE.c.mail_id == mail_id, NOTICE.c.state == NoticeState.OBSOLETE.value)
    return session.scalar(statement) or 0


def hold(session: Session, notices: Sequence[int]) -> set[int]:
    """Hold those of the notices that are still queued until the transaction ends; return which."""
    return {one for some in chunks(notices) for one in session.scalars(_HOLD, {"b_ids": some})}


def put_into(session: Session, mails: Mapping[int, int]) -> None:
    """Put held notices into mails: mail by notice."""
    if mails:
        session.connection().execute(_TAKE, [{"b_id": one, "b_mail": mail} for one, mail in mails.items()])


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


def waits() -> ColumnElement[bool]:
    """Return the condition that a notice is still to be sent."""
    # Not IN: its list is expanded at each call, which one statement run for many rows cannot do.
    return or_(NOTICE.c.state == NoticeState.QUEUED.value, NOTICE.c.state == NoticeState.MAILED.value)


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
        else_=TaskRow.state.in_(OPEN_STATES),
    )
    filed = select(PlanRow.key).where(PlanRow.key == NOTICE.c.subject, PlanRow.accepted_version.is_not(None))
    # By its subject, not by its kind: a rung about an owed plan may also be an urging letter or the Chairman's list.
    of_task = NOTICE.c.subject.contains(":")
    return or_(and_(of_task, ~task.where(wanted).exists()), and_(not_(of_task), filed.exists()))


def chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield `values` in pieces that one statement can take."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


# What is done for every single mail is prepared once: building a statement costs more than running it.
_QUEUED_ONES = and_(NOTICE.c.id.in_(bindparam("b_ids", expanding=True)), NOTICE.c.state == NoticeState.QUEUED.value)
_HOLD = select(NOTICE.c.id).where(_QUEUED_ONES).order_by(NOTICE.c.id).with_for_update()
_TAKE = (
    update(NOTICE)
    .where(NOTICE.c.id == bindparam("b_id"), NOTICE.c.state == NoticeState.QUEUED.value)
    .values(state=NoticeState.MAILED.value, mail_id=bindparam("b_mail"))
)
_TOLD = (
    update(NOTICE)
    .where(NOTICE.c.mail_id == bindparam("b_mail"), NOTICE.c.state == NoticeState.MAILED.value)
    .values(state=bindparam("b_state"), settled_at=bindparam("b_at"))
)
