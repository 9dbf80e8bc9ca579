"""Mail that came back, and addresses at which mail does not arrive.

What could not be delivered is taken back: its notices may be told again, to whoever is found in the person's place. An
address dies at once when there is no such mailbox, and otherwise when the mails of several days have come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from planner import points
from planner.domain.changes import AddressDied, AddressRevived, Change
from planner.domain.notification import MailState, NoticeState
from planner.i18n import N_
from planner.store import events, ledger, registers
from planner.store.engine import lock_appends
from planner.store.outbox import MAIL
from planner.store.state import Book, save_all
from planner.store.tables import BounceRow, EventRow, table_of
from planner.store.wire import KINDS

_BOUNCE = table_of(BounceRow)
SYSTEM = "system"  #: who acts when nobody does


class Cause(StrEnum):
    """Why a mail did not arrive, as far as its address goes."""

    ADDRESS = "address"  #: no such mailbox, or a closed one
    FULL = "full"  #: the mailbox is full
    UNREACHED = "unreached"  #: the server behind the address could not be reached, or said nothing of use
    CHANNEL = "channel"  #: refused for what we are or send, not for the address
    ELSEWHERE = "elsewhere"  #: another mailbox refused, to which the address passes mail on

    @property
    def label(self) -> str:
        """Return the message id of the cause in words."""
        return _LABELS[self]


_LABELS = {
    Cause.ADDRESS: N_("no such mailbox, or a closed one"),
    Cause.FULL: N_("the mailbox is full"),
    Cause.UNREACHED: N_("the mailbox cannot be reached"),
    Cause.CHANNEL: N_("refused for the sender or the content, not for the address"),
    Cause.ELSEWHERE: N_("another mailbox refused, to which mail is passed on"),
}
#: after how long an address is dead whose mails all come back: from the day of the first of them to that of the last
PATIENCE = {Cause.ADDRESS: timedelta(), Cause.FULL: timedelta(days=1), Cause.UNREACHED: timedelta(days=3)}


class Taken(StrEnum):
    """What became of a report about one mail."""

    DIED = "died"  #: the address is dead from now on
    RETURNED = "returned"  #: the mail is taken back, the address is still tried
    NOTED = "noted"  #: written down, nothing else: the mail reached the address
    REPEATED = "repeated"  #: known already
    LATER = "later"  #: a worker holds the mail just now
    UNKNOWN = "unknown"  #: there is no such mail


@dataclass(frozen=True, kw_only=True, slots=True)
class Return:
    """What a report says about one mail."""

    mail_id: int
    cause: Cause
    status: str  #: "5.1.1", or ""
    detail: str  #: the server's words, in one line, without addresses


def recipient_of(session: Session, mail_id: int) -> str | None:
    """Return to whom a mail went; None: there is no such mail."""
    return session.scalar(select(MAIL.c.recipient).where(MAIL.c.id == mail_id))


def take_back(session: Session, back: Return, at: datetime) -> Taken:
    """Record that a mail did not arrive, once, and free its notices; kill the address when it is time.

    Args:
        session: a writing transaction; it is let into the event log first, as every writer is.
        back: what the report says.
        at: when it was read.
    """
    lock_appends(session)
    mail = session.execute(
        select(MAIL.c.id, MAIL.c.recipient, MAIL.c.state, MAIL.c.day).where(MAIL.c.id == back.mail_id)
    ).first()
    if mail is None:
        return Taken.UNKNOWN
    if session.scalar(select(_BOUNCE.c.mail_id).where(_BOUNCE.c.mail_id == mail.id)) is not None:
        return Taken.REPEATED
    if back.cause is Cause.ELSEWHERE:
        _write_down(session, back, at, carried=[])
        return Taken.NOTED
    changed = session.scalar(
        update(MAIL)
        .where(MAIL.c.id == mail.id, MAIL.c.state.in_(_MAY_RETURN))
        .values(
            state=MailState.BOUNCED.value,
            fence=MAIL.c.fence + 1,  # whoever held it before must not write any more
            last_error=in_words(back.status, back.detail),
        )
        .returning(MAIL.c.id)
    )
    if changed is None and session.scalar(select(MAIL.c.state).where(MAIL.c.id == mail.id)) in _HELD:
        return Taken.LATER
    _write_down(session, back, at, carried=_free(session, mail.id, at))
    points.reach("bounce entered")
    patience = PATIENCE.get(back.cause)
    if patience is None or mail.day - _returned_since(session, mail.recipient, mail.id, mail.day) < patience:
        return Taken.RETURNED
    die(session, mail.recipient, status=back.status, detail=back.detail, at=at)
    return Taken.DIED


_HELD = (MailState.LEASED.value, MailState.SENDING.value)
#: the server may have it; one that was given up or set aside stays so
_MAY_RETURN = tuple(
    state.value for state in (MailState.SENT, MailState.UNKNOWN, MailState.READY, MailState.DEAD, MailState.BOUNCED)
)


def _write_down(session: Session, back: Return, at: datetime, *, carried: list[str]) -> None:
    session.execute(
        insert(_BOUNCE).values(
            mail_id=back.mail_id,
            at=at,
            cause=back.cause.value,
            status=back.status,
            detail=back.detail,
            carried=carried,
        )
    )


def _free(session: Session, mail_id: int, at: datetime) -> list[str]:
    """Let the notices of a mail be told again; return the kinds of those that had counted as told."""
    mine = ledger.NOTICE.c.mail_id == mail_id
    sent = session.scalars(
        select(ledger.NOTICE.c.kind).where(mine, ledger.NOTICE.c.state == NoticeState.SENT.value)
    ).all()
    undelivered = (NoticeState.SENT.value, NoticeState.MAILED.value, NoticeState.DEAD.value)
    session.execute(
        update(ledger.NOTICE)
        .where(mine, ledger.NOTICE.c.state.in_(undelivered))
        .values(state=NoticeState.BOUNCED.value, settled_at=at)
    )
    return list(sent)


def _returned_since(session: Session, email: str, mail_id: int, day: date) -> date:
    """Return the day of the first mail of the unbroken row of returned ones that ends with this mail."""
    arrived = select(func.max(MAIL.c.id)).where(
        MAIL.c.recipient == email, MAIL.c.id < mail_id, MAIL.c.state == MailState.SENT.value
    )
    last_arrived = session.scalar(arrived) or 0
    revived = session.scalar(select(func.max(EventRow.at)).where(EventRow.subject == email, EventRow.kind == _REVIVED))
    returned = (
        select(func.min(MAIL.c.day))
        .join(_BOUNCE, _BOUNCE.c.mail_id == MAIL.c.id)
        .where(
            MAIL.c.recipient == email,
            MAIL.c.id > last_arrived,
            MAIL.c.id <= mail_id,
            _BOUNCE.c.cause.in_([cause.value for cause in PATIENCE]),
        )
    )
    if revived is not None:
        returned = returned.where(MAIL.c.created_at > revived)
    return session.scalar(returned) or day


_REVIVED = next(kind for kind, cls in KINDS.items() if cls is AddressRevived)


def in_words(status: str, detail: str) -> str:
    """Return a code with the server's words, which often begin with it."""
    return detail if status in detail else f"{status} {detail}".strip()


def die(session: Session, email: str, *, status: str, detail: str, at: datetime) -> bool:
    """Record that mail to an officer's address does not arrive; False when that is known already, or no officer's."""
    lock_appends(session)
    if email in registers.dead_addresses(session) or email not in registers.officers(session):
        return False
    change: Change = AddressDied(email=email, status=status, detail=detail)
    events.append(session, [(email, change)], at=at, actor=SYSTEM, reason=in_words(status, detail))
    save_all(session, [change], Book(), at, "")
    points.reach("address died")
    return True


def other_returns(session: Session, since: datetime) -> int:
    """Return how many mails came back since an instant, or were refused further on, for no fault of their address."""
    causes = (Cause.CHANNEL.value, Cause.ELSEWHERE.value)
    statement = select(func.count()).where(_BOUNCE.c.at >= since, _BOUNCE.c.cause.in_(causes))
    return session.scalar(statement) or 0
