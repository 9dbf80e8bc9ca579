"""A notice: one thing that one person must be told, once.

A notice is decided (by rung and role), queued in the ledger, grouped with others of the same recipient into a mail, and
sent. Its key says what it is about, never when it was sent, so that deciding it again changes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from planner.i18n import N_


class NoticeKind(StrEnum):
    """What a notice says; one template folder each, `templates/notification/<kind>/`."""

    REMINDER = "reminder"  #: before and on the last day
    OVERDUE = "overdue"  #: after it
    ESCALATION = "escalation"  #: to those above the responsible person
    URGING = "urging"  #: the rung at which the department writes an urging letter
    CHAIRMAN_LIST = "chairman_list"  #: named in the Chairman's report
    AT_RISK = "at_risk"  #: forecast later than the last day
    BLOCKED = "blocked"  #: waits for another agency: told, not escalated
    CONFIRMATION = "confirmation"  #: a submitted result waits for the confirmer
    FILING = "filing"  #: a plan is owed
    RETURNED = "returned"  #: a result was returned and waits to be redone

    @property
    def label(self) -> str:
        """Return the message id of the kind's name."""
        return _LABELS[self]


_LABELS = {
    NoticeKind.REMINDER: N_("reminder"),
    NoticeKind.OVERDUE: N_("overdue"),
    NoticeKind.ESCALATION: N_("escalation"),
    NoticeKind.URGING: N_("urging letter due"),
    NoticeKind.CHAIRMAN_LIST: N_("Chairman's list"),
    NoticeKind.AT_RISK: N_("at risk"),
    NoticeKind.BLOCKED: N_("waiting for another agency"),
    NoticeKind.CONFIRMATION: N_("awaiting confirmation"),
    NoticeKind.FILING: N_("plan not filed"),
    NoticeKind.RETURNED: N_("result returned"),
}


class NoticeState(StrEnum):
    """Where a notice stands in the ledger. `docs/reminders.md` says which can still change."""

    QUEUED = "queued"  #: decided, not yet in a mail
    MAILED = "mailed"  #: in a mail whose bytes are stored
    SENT = "sent"
    DEAD = "dead"  #: its mail cannot be delivered; escalated
    OBSOLETE = "obsolete"  #: no longer true when it was about to be sent
    SUPERSEDED = "superseded"  #: a higher rung had been reached
    SUPPRESSED = "suppressed"  #: held back: a blocker, a promise, a snooze, or told in another role
    BOUNCED = "bounced"  #: its mail came back, or its address is dead; told after all when it holds again
    CANCELLED = "cancelled"  #: by a person

    @property
    def label(self) -> str:
        """Return the message id of the state's name."""
        return _STATE_LABELS[self]


_STATE_LABELS = {
    NoticeState.QUEUED: N_("waiting to be sent"),
    NoticeState.MAILED: N_("waiting to be sent"),
    NoticeState.SENT: N_("sent"),
    NoticeState.DEAD: N_("could not be delivered"),
    NoticeState.OBSOLETE: N_("no longer needed, not sent"),
    NoticeState.SUPERSEDED: N_("replaced by a higher step"),
    NoticeState.SUPPRESSED: N_("held back"),
    NoticeState.BOUNCED: N_("came back undelivered"),
    NoticeState.CANCELLED: N_("cancelled"),
}


class MailState(StrEnum):
    """Where a mail stands: ready -> leased -> sending -> sent | ready (retry) | unknown | dead."""

    READY = "ready"
    LEASED = "leased"
    SENDING = "sending"  #: committed just before DATA
    SENT = "sent"  #: committed just after the server's 250
    UNKNOWN = "unknown"  #: the server may have it; resolved by policy
    DEAD = "dead"
    BOUNCED = "bounced"  #: refused because of its address, or accepted and then returned
    OBSOLETE = "obsolete"
    CANCELLED = "cancelled"

    @property
    def label(self) -> str:
        """Return the message id of the state's name."""
        return _MAIL_LABELS[self]


_MAIL_LABELS = {
    MailState.READY: N_("waiting to be sent"),
    MailState.LEASED: N_("being sent"),
    MailState.SENDING: N_("being sent"),
    MailState.SENT: N_("sent"),
    MailState.UNKNOWN: N_("sent or not: unknown"),
    MailState.DEAD: N_("could not be delivered"),
    MailState.BOUNCED: N_("came back undelivered"),
    MailState.OBSOLETE: N_("no longer needed, not sent"),
    MailState.CANCELLED: N_("cancelled"),
}


class BreakerState(StrEnum):
    """Whether a channel is used: closed -> open after a fault of all of it -> half open while one mail probes."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One thing to tell one role about one subject."""

    kind: NoticeKind
    subject: str  #: task key, or plan key for filing notices
    revision: int  #: deadline revision of the subject
    rung: str  #: the policy's name of the rung: "due+1wd"
    nominal: date  #: the day on which the rung falls due
    role: str  #: "responsible", "agency_head", ...; the person is resolved from it
    recipient: str  #: e-mail; "" when nobody could be found
    reason: str  #: translated: why this person is told
    urgent: bool = False  #: at once instead of in the digest
    state: NoticeState = NoticeState.QUEUED
    channel: str = "email"
    may_return: bool = False  #: held back for a cause that may pass: a late blocker, a promise, a snooze

    @property
    def key(self) -> str:
        """Return the deterministic key: SHA-256 over subject, revision, rung, nominal day, role and channel."""
        parts = (self.subject, str(self.revision), self.rung, self.nominal.isoformat(), self.role, self.channel)
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
