"""The ledger and the outbox as people read them; changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from planner.domain.notification import MailState, NoticeKind, NoticeState
from planner.store.outbox import REPORT
from planner.store.tables import AttemptRow, BounceRow, MailBodyRow, MailRow, NoticeRow


def ledger(
    session: Session,
    *,
    states: Sequence[str] = (),
    subject: str = "",
    key: str = "",
    until: datetime | None = None,
) -> Iterable[Mapping[str, Any]]:
    """Stream the ledger, oldest first: each notice with the mail that carried it.

    `states` are those of notices; "unknown" stands for notices in a mail of unknown fate.
    """
    statement = (
        select(
            NoticeRow,
            MailRow.state.label("mail_state"),
            MailRow.attempts,
            MailRow.message_id,
            MailRow.last_error,
            MailRow.sent_at,
            MailRow.subject.label("mail_subject"),
        )
        .outerjoin(MailRow, MailRow.id == NoticeRow.mail_id)
        .order_by(NoticeRow.id)
    )
    if states:
        statement = statement.where(or_(NoticeRow.state.in_(states), MailRow.state.in_({"unknown"} & set(states))))
    if subject:
        statement = statement.where(NoticeRow.subject == subject)
    if key:
        statement = statement.where(NoticeRow.key == key)
    if until is not None:
        statement = statement.where(NoticeRow.queued_at <= until)
    for row in session.execute(statement.execution_options(yield_per=1000)):
        notice: NoticeRow = row[0]
        yield {
            "key": notice.key,
            "state": notice.state,
            "kind": notice.kind,
            "subject": notice.subject,
            "rung": notice.rung,
            "nominal": notice.nominal,
            "role": notice.role,
            "recipient": notice.recipient,
            "reason": notice.reason,
            "queued_at": notice.queued_at,
            "settled_at": notice.settled_at,
            "mail_state": row.mail_state,
            "attempts": row.attempts or 0,
            "message_id": row.message_id,
            "mail_subject": row.mail_subject,
            "sent_at": row.sent_at,
            "last_error": row.last_error or "",
        }


def reports(session: Session, *, states: Sequence[str] = (), beginning: str = "") -> list[Mapping[str, Any]]:
    """Return the mails that carry a report instead of notices, oldest first, in the form of `ledger`."""
    statement = select(MailRow).where(MailRow.kind == REPORT).order_by(MailRow.id)
    if states:
        statement = statement.where(MailRow.state.in_(states))
    if beginning:
        statement = statement.where(MailRow.key.startswith(beginning, autoescape=True))
    return [
        {
            "key": mail.key,
            "state": mail.state,
            "kind": mail.kind,
            "subject": mail.subject,
            "recipient": mail.recipient,
            "mail_state": mail.state,
            "attempts": mail.attempts,
            "message_id": mail.message_id,
            "mail_subject": mail.subject,
            "sent_at": mail.sent_at,
            "last_error": mail.last_error,
            "mail_id": mail.id,
        }
        for mail in session.scalars(statement)
    ]


def attempts_of(session: Session, mail_id: int) -> list[AttemptRow]:
    """Return the tries to deliver a mail, in their order."""
    return list(session.scalars(select(AttemptRow).where(AttemptRow.mail_id == mail_id).order_by(AttemptRow.fence)))


def keys_like(session: Session, beginning: str) -> list[str]:
    """Return at most two keys that begin so: enough to know whether it names one notice."""
    statement = select(NoticeRow.key).where(NoticeRow.key.startswith(beginning, autoescape=True)).limit(2)
    return list(session.scalars(statement))


def mail_of(session: Session, notice_key: str) -> MailRow | None:
    """Return the mail that carries a notice; None: it is in no mail."""
    return session.scalar(
        select(MailRow).join(NoticeRow, NoticeRow.mail_id == MailRow.id).where(NoticeRow.key == notice_key)
    )


def body_of(session: Session, mail_id: int) -> bytes:
    """Return the bytes of a mail."""
    return session.scalars(select(MailBodyRow.body).where(MailBodyRow.mail_id == mail_id)).one()


def sent_counts(session: Session, *, until: datetime) -> dict[NoticeKind, int]:
    """Return how many notices of each kind had been sent by an instant."""
    rows = session.execute(
        select(NoticeRow.kind, func.count())
        .join(MailRow, MailRow.id == NoticeRow.mail_id)
        .where(MailRow.sent_at <= until, NoticeRow.state == NoticeState.SENT.value)
        .group_by(NoticeRow.kind)
    )
    told = Counter({NoticeKind(kind): int(count) for kind, count in rows})
    # What came back later counted as told by then, and a figure of the past must not change.
    later = (
        select(BounceRow.carried)
        .join(MailRow, MailRow.id == BounceRow.mail_id)
        .where(MailRow.sent_at <= until, BounceRow.at > until)
    )
    for carried in session.scalars(later):
        told.update(NoticeKind(kind) for kind in carried)
    return dict(told)


def mails_like(session: Session, beginning: str) -> list[MailRow]:
    """Return at most two mails whose own key begins so, or that carry a notice whose key does."""
    begins = [
        MailRow.key.startswith(beginning, autoescape=True),
        MailRow.id.in_(select(NoticeRow.mail_id).where(NoticeRow.key.startswith(beginning, autoescape=True))),
    ]
    return list(session.scalars(select(MailRow).where(or_(*begins)).order_by(MailRow.id).limit(2)))


def held_for_a_person(session: Session) -> int:
    """Return how many mails nobody will send again unless a person says what became of them."""
    settled = (MailState.UNKNOWN.value, MailState.DEAD.value, MailState.BOUNCED.value)
    statement = select(func.count()).where(MailRow.kind == REPORT, MailRow.state.in_(settled))
    return session.scalar(statement) or 0


def mail_counts(session: Session, until: datetime | None = None) -> dict[str, int]:
    """Return how many mails stand in each state."""
    statement = select(MailRow.state, func.count()).group_by(MailRow.state)
    if until is not None:
        statement = statement.where(MailRow.created_at <= until)
    return {state: int(count) for state, count in session.execute(statement)}
