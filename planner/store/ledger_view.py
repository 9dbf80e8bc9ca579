"""The ledger and the outbox as people read them; changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.domain.notification import NoticeKind, NoticeState
from planner.store.tables import AttemptRow, BounceRow, MailBodyRow, MailRow, NoticeRow


def ledger(
    session: Session,
    *,
    states: Sequence[str] = (),
    subject: str = "",
    key: str = "",
    until: datetime | None = None,
) -> Iterable[Mapping[str, Any]]:
    """Stream the ledger, oldest first: each notice with the mail that carried it."""
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
        statement = statement.where(NoticeRow.state.in_(states))
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


def keys_like(session: Session, beginning: str) -> list[str]:
    """Return at most two keys that begin so: enough to know whether it names one notice."""
    statement = select(NoticeRow.key).where(NoticeRow.key.startswith(beginning, autoescape=True)).limit(2)
    return list(session.scalars(statement))


def mail_of(session: Session, notice_key: str) -> tuple[MailRow, list[AttemptRow]] | None:
    """Return the mail that carries a notice, with its attempts; None: it is in no mail."""
    mail = session.scalar(
        select(MailRow).join(NoticeRow, NoticeRow.mail_id == MailRow.id).where(NoticeRow.key == notice_key)
    )
    if mail is None:
        return None
    attempts = session.scalars(select(AttemptRow).where(AttemptRow.mail_id == mail.id).order_by(AttemptRow.fence))
    return mail, list(attempts)


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


def mail_counts(session: Session, until: datetime | None = None) -> dict[str, int]:
    """Return how many mails stand in each state."""
    statement = select(MailRow.state, func.count()).group_by(MailRow.state)
    if until is not None:
        statement = statement.where(MailRow.created_at <= until)
    return {state: int(count) for state, count in session.execute(statement)}
