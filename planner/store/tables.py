"""What the database holds, table by table, with the constraints that keep it true.

Instants are UTC, deadlines plain dates, enumerations their values under a CHECK. `event` is append-only (triggers, in
the first migration); every other table of plans and tasks can be rebuilt from it. `notice` is the ledger of who was to
be told of what; `mail` holds the stored bytes that carry notices; `attempt` is one try to deliver a mail.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from planner.domain.agency import OfficerRole, Tier
from planner.domain.notification import BreakerState, MailState, NoticeKind, NoticeState
from planner.domain.plan import PlanKind
from planner.domain.status import PlanState, TaskState


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite drops zones, so it is stored naive there and made aware again."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a naive instant and store the others in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant must be aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the instant aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def one_of(column: str, members: Iterable[StrEnum]) -> CheckConstraint:
    """Return the CHECK that `column` holds one of the members' values."""
    values = ", ".join(f"'{member.value}'" for member in members)
    return CheckConstraint(f"{column} IN ({values})", name=f"{column}_known")


class Base(DeclarativeBase):
    """The root of the tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - read by SQLAlchemy
        datetime: UtcDateTime,
        date: Date,
        str: Text,
        dict[str, Any]: JSON,
        list[Any]: JSON,
    }


def table_of(row: type[DeclarativeBase]) -> Table:
    """Return the table of a row class, for plain statements: the ORM's own cost more than the rows they write."""
    return cast(Table, row.__table__)


BigId = BigInteger().with_variant(Integer, "sqlite")


# Spelt as the statements that are to use the index spell it.
_IS_SUBMITTED = text("state = 'submitted'")
_IS_RETURNED = text("state = 'returned'")
_IS_HELD_BACK = text("state IN ('obsolete', 'bounced', 'suppressed')")


class AgencyRow(Base):
    """One agency between two days."""

    __tablename__ = "agency"
    __table_args__ = (
        one_of("tier", Tier),
        CheckConstraint("valid_to IS NULL OR valid_from IS NULL OR valid_from <= valid_to", name="validity"),
    )

    code: Mapped[str] = mapped_column(String(80), primary_key=True)
    name: Mapped[str]
    tier: Mapped[str] = mapped_column(String(20), index=True)
    parent: Mapped[str | None] = mapped_column(ForeignKey("agency.code"), index=True)
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]


class SuccessionRow(Base):
    """One agency takes over from another on a day."""

    __tablename__ = "agency_succession"
    __table_args__ = (
        CheckConstraint("extent IN ('whole', 'partial')", name="extent_known"),
        CheckConstraint("from_code <> to_code", name="not_itself"),
    )

    from_code: Mapped[str] = mapped_column(ForeignKey("agency.code"), primary_key=True)
    to_code: Mapped[str] = mapped_column(ForeignKey("agency.code"), primary_key=True)
    on: Mapped[date] = mapped_column("on_day", primary_key=True)
    extent: Mapped[str] = mapped_column(String(10))
    legal_basis: Mapped[str]


class OfficerRow(Base):
    """A person with a post and a mailbox."""

    __tablename__ = "officer"
    __table_args__ = (one_of("role", OfficerRole),)

    email: Mapped[str] = mapped_column(String(254), primary_key=True)
    name: Mapped[str]
    title: Mapped[str]
    agency: Mapped[str] = mapped_column(ForeignKey("agency.code"), index=True)
    role: Mapped[str] = mapped_column(String(10))
    substitute: Mapped[str | None] = mapped_column(String(254))
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]


class AbsenceRow(Base):
    """A person is away between two days."""

    __tablename__ = "officer_absence"
    __table_args__ = (CheckConstraint("first_day <= last_day", name="order"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    officer: Mapped[str] = mapped_column(ForeignKey("officer.email"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    substitute: Mapped[str | None] = mapped_column(String(254))
    reason: Mapped[str]


class DeadAddressRow(Base):
    """An officer's address at which mail does not arrive; gone when the address is in use again."""

    __tablename__ = "dead_address"

    email: Mapped[str] = mapped_column(ForeignKey("officer.email"), primary_key=True)
    since: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(12))
    detail: Mapped[str]


class DirectiveRow(Base):
    """A directive, whole, as data."""

    __tablename__ = "directive"

    code: Mapped[str] = mapped_column(String(80), primary_key=True)
    number: Mapped[str]
    title: Mapped[str]
    issued_on: Mapped[date]
    filing_deadline: Mapped[date | None]
    content: Mapped[dict[str, Any]]  # the Directive value


class TargetValueRow(Base):
    """A value an agency reports for a target on a day; a later report of the same day replaces it."""

    __tablename__ = "target_value"

    directive: Mapped[str] = mapped_column(ForeignKey("directive.code"), primary_key=True)
    target: Mapped[str] = mapped_column(String(20), primary_key=True)
    agency: Mapped[str] = mapped_column(ForeignKey("agency.code"), primary_key=True)
    on: Mapped[date] = mapped_column("on_day", primary_key=True)
    value: Mapped[float] = mapped_column(Float)


class PlanRow(Base):
    """One agency's plan under one directive, through all its versions."""

    __tablename__ = "plan"
    __table_args__ = (one_of("kind", PlanKind), UniqueConstraint("directive", "agency", "kind"))

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    directive: Mapped[str] = mapped_column(ForeignKey("directive.code"))
    agency: Mapped[str] = mapped_column(ForeignKey("agency.code"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    accepted_version: Mapped[int | None]  # the version in force
    latest_version: Mapped[int]


class PlanVersionRow(Base):
    """One filed version of a plan, with its content as filed."""

    __tablename__ = "plan_version"
    __table_args__ = (one_of("state", PlanState), CheckConstraint("version >= 1", name="version_from_1"))

    plan: Mapped[str] = mapped_column(ForeignKey("plan.key"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(12))
    filed_at: Mapped[datetime]
    receipt: Mapped[str] = mapped_column(String(40), unique=True)
    file_name: Mapped[str]
    file_sha256: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str]
    number: Mapped[str]
    signed: Mapped[date | None]
    calendar: Mapped[str] = mapped_column(String(20))
    task_count: Mapped[int]
    content: Mapped[dict[str, Any]]  # the Plan value
    renumbered: Mapped[list[Any]]  # [old code, new code] of tasks carried on under a new number


class TaskRow(Base):
    """One task as it stands; its history is in `event`."""

    __tablename__ = "task"
    __table_args__ = (
        one_of("state", TaskState),
        UniqueConstraint("plan", "code"),
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent_range"),
        CheckConstraint("state <> 'confirmed' OR done_on IS NOT NULL", name="confirmed_is_done"),
        CheckConstraint(
            "state NOT IN ('submitted', 'confirmed') OR result_number <> '' OR result_file_sha256 <> ''",
            name="done_has_result",
        ),
        CheckConstraint("duration IS NULL OR duration >= 0", name="duration_positive"),
        Index("ix_task_state_last_day", "state", "last_day"),
        Index("ix_task_submitted", "state_since", sqlite_where=_IS_SUBMITTED, postgresql_where=_IS_SUBMITTED),
        Index("ix_task_returned", "state_since", sqlite_where=_IS_RETURNED, postgresql_where=_IS_RETURNED),
    )

    key: Mapped[str] = mapped_column(String(260), primary_key=True)
    plan: Mapped[str] = mapped_column(ForeignKey("plan.key"))
    agency: Mapped[str] = mapped_column(ForeignKey("agency.code"), index=True)
    goal: Mapped[str]
    code: Mapped[str] = mapped_column(String(60))
    position: Mapped[int]
    title: Mapped[str]
    responsible: Mapped[str] = mapped_column(String(254), index=True)
    due_text: Mapped[str]
    due_kind: Mapped[str] = mapped_column(String(20))
    deadline: Mapped[dict[str, Any]]  # the Deadline value as filed
    start: Mapped[date | None]
    duration: Mapped[int | None]
    deliverable: Mapped[str]
    note: Mapped[str]
    last_day: Mapped[date | None]
    state: Mapped[str] = mapped_column(String(12))
    percent: Mapped[int]
    assigned_on: Mapped[date | None]
    deadline_revision: Mapped[int]
    done_on: Mapped[date | None]
    recorded_on: Mapped[date | None]
    result_number: Mapped[str]
    result_file_name: Mapped[str]
    result_file_sha256: Mapped[str] = mapped_column(String(64))
    state_since: Mapped[datetime | None]
    state_reason: Mapped[str]
    promise: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # the Pause value
    snooze: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class CooperatorRow(Base):
    """An agency that cooperates in a task."""

    __tablename__ = "task_cooperator"

    task: Mapped[str] = mapped_column(ForeignKey("task.key", ondelete="CASCADE"), primary_key=True)
    agency: Mapped[str] = mapped_column(ForeignKey("agency.code"), primary_key=True, index=True)
    position: Mapped[int]


class DependencyRow(Base):
    """A task waits for another; the other may be of a plan that is not filed yet, hence no foreign key."""

    __tablename__ = "dependency"
    __table_args__ = (CheckConstraint("successor <> predecessor", name="not_itself"),)

    successor: Mapped[str] = mapped_column(ForeignKey("task.key", ondelete="CASCADE"), primary_key=True)
    predecessor: Mapped[str] = mapped_column(String(260), primary_key=True, index=True)
    as_filed: Mapped[str]  # "I.1" or "vp-ubnd:II.3"
    position: Mapped[int]


class ExtensionRow(Base):
    """One granted change of a deadline."""

    __tablename__ = "task_extension"

    task: Mapped[str] = mapped_column(ForeignKey("task.key"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    old_last_day: Mapped[date | None]
    new_last_day: Mapped[date]
    reason: Mapped[str]
    document: Mapped[str]
    decided_by: Mapped[str]
    decided_at: Mapped[datetime]


class EventRow(Base):
    """One thing that happened; each row carries the hash of the row before it."""

    __tablename__ = "event"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(260), index=True)
    reason: Mapped[str]
    payload: Mapped[str]  # canonical JSON, exactly the bytes that were hashed
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)


class MailRow(Base):
    """A mail whose bytes are stored before any connection is made."""

    __tablename__ = "mail"
    __table_args__ = (
        one_of("state", MailState),
        CheckConstraint("state NOT IN ('leased', 'sending') OR lease_until IS NOT NULL", name="held_has_lease"),
        CheckConstraint("state <> 'sent' OR sent_at IS NOT NULL", name="sent_has_instant"),
        Index("ix_mail_state_next_try", "state", "next_try_at"),
        Index("ix_mail_day", "day", "kind", "recipient", "state"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)  # recipient, kind, day: one digest a day by construction
    kind: Mapped[str] = mapped_column(String(10))  # digest, urgent, report
    recipient: Mapped[str] = mapped_column(String(254), index=True)
    day: Mapped[date]
    subject: Mapped[str]
    message_id: Mapped[str] = mapped_column(String(200), unique=True)
    state: Mapped[str] = mapped_column(String(10))
    maybe_taken: Mapped[bool]  # a try ended in a way that leaves open whether the server has it
    fence: Mapped[int]  # raised by each claim; every later write names the fence it holds
    lease_until: Mapped[float | None] = mapped_column(Float)  # seconds since 1970 on the database's clock
    attempts: Mapped[int]
    first_try_at: Mapped[datetime | None]
    next_try_at: Mapped[datetime]
    last_error: Mapped[str]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


class MailBodyRow(Base):
    """The bytes of a mail, apart from it: SQLite writes a whole row anew at each change of its state."""

    __tablename__ = "mail_body"

    mail_id: Mapped[int] = mapped_column(ForeignKey("mail.id"), primary_key=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class NoticeRow(Base):
    """One thing that one role must be told, once: the unique key is what makes a second tick change nothing."""

    __tablename__ = "notice"
    __table_args__ = (
        one_of("kind", NoticeKind),
        one_of("state", NoticeState),
        CheckConstraint("state NOT IN ('mailed', 'sent') OR mail_id IS NOT NULL", name="mailed_has_mail"),
        Index("ix_notice_state_recipient", "state", "recipient"),
        Index("ix_notice_step", "subject", "revision", "rung", "nominal"),
        Index("ix_notice_held_back", "nominal", sqlite_where=_IS_HELD_BACK, postgresql_where=_IS_HELD_BACK),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(260))
    revision: Mapped[int]
    rung: Mapped[str] = mapped_column(String(60))
    nominal: Mapped[date]
    role: Mapped[str] = mapped_column(String(20))
    channel: Mapped[str] = mapped_column(String(10))
    recipient: Mapped[str] = mapped_column(String(254))
    reason: Mapped[str]
    urgent: Mapped[bool]
    state: Mapped[str] = mapped_column(String(12))
    policy_hash: Mapped[str] = mapped_column(String(64))
    may_return: Mapped[bool]  # held back for a cause that may pass: a late blocker, a promise, a snooze
    queued_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    mail_id: Mapped[int | None] = mapped_column(ForeignKey("mail.id"), index=True)


class PolicyRow(Base):
    """A reminder policy that has been in force, whole, under the SHA-256 of its content."""

    __tablename__ = "policy"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str]
    version: Mapped[str]
    content: Mapped[dict[str, Any]]
    first_used_at: Mapped[datetime]
    last_used_at: Mapped[datetime]  # when a case last began under it or was moved to it


class CaseRow(Base):
    """One climb up the ladder: a subject with one deadline keeps the policy it began with until somebody moves it."""

    __tablename__ = "reminder_case"

    subject: Mapped[str] = mapped_column(String(260), primary_key=True)  # task key, or plan key
    revision: Mapped[int] = mapped_column(primary_key=True)  # of the deadline
    policy_hash: Mapped[str] = mapped_column(ForeignKey("policy.hash"), index=True)
    begun_at: Mapped[datetime]
    moved_at: Mapped[datetime | None] = mapped_column(index=True)  # when a person last moved it to another version


class BreakerRow(Base):
    """Whether a channel may be used: open after a fault of the whole channel, until one mail has got through."""

    __tablename__ = "channel_breaker"
    __table_args__ = (
        one_of("state", BreakerState),
        CheckConstraint("state <> 'half_open' OR lease_until IS NOT NULL", name="probe_has_lease"),
    )

    channel: Mapped[str] = mapped_column(String(10), primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    cause: Mapped[str] = mapped_column(String(10))  # server, refusals
    reason: Mapped[str]
    since: Mapped[datetime]
    probe_at: Mapped[datetime]
    failures: Mapped[int]  # probes that have failed since it opened
    fence: Mapped[int]  # raised by each opening and each probe
    lease_until: Mapped[float | None] = mapped_column(Float)  # of the probe, on the database's clock


class AttemptRow(Base):
    """One try to deliver a mail."""

    __tablename__ = "attempt"

    mail_id: Mapped[int] = mapped_column(ForeignKey("mail.id"), primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)  # one attempt per claim
    at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(10))  # sent, retry, failed, unknown, obsolete, channel
    stage: Mapped[str] = mapped_column(String(10))
    reply_code: Mapped[int | None]
    reply: Mapped[str]


class BounceRow(Base):
    """A report that a mail could not be delivered, once for each mail: reading it again changes nothing."""

    __tablename__ = "bounce"

    mail_id: Mapped[int] = mapped_column(ForeignKey("mail.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)  # when it was read
    cause: Mapped[str] = mapped_column(String(10))  # address, full, unreached, channel, elsewhere
    status: Mapped[str] = mapped_column(String(12))
    detail: Mapped[str]
    carried: Mapped[list[Any]]  # kinds of the notices that were taken back: what had counted as told until then


class TickRow(Base):
    """One round of the engine: the heartbeat that `doctor` reads."""

    __tablename__ = "tick"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)  # the `now` of the round
    counts: Mapped[dict[str, Any]]


class MarkRow(Base):
    """Something that the engine has worked out, and with what it knew then: no other process need do it again."""

    __tablename__ = "mark"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    day: Mapped[date]
    seq: Mapped[int] = mapped_column(BigId)  # the last event known
    basis: Mapped[str] = mapped_column(String(64))  # hash of what else it depends on
    since: Mapped[date]  # what is watched holds from this day on
    until: Mapped[date]  # to this one


class WatchRow(Base):
    """A task that may be foreseen late from a day on; not of a task's own row: without its mark it means nothing."""

    __tablename__ = "watch"

    task: Mapped[str] = mapped_column(String(260), primary_key=True)
    day: Mapped[date]


# --- how the engine looks after itself ---


class WorkerRow(Base):
    """A process of the service, with its latest sign of life: a long delivery is told from one that hangs."""

    __tablename__ = "worker"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)  # host and process
    begun_at: Mapped[datetime]
    seen_at: Mapped[float] = mapped_column(Float)  # seconds since 1970 on the database's clock


class AuditRow(Base):
    """One look of the auditor at plans, ledger and outbox."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    ok: Mapped[bool]
    counts: Mapped[dict[str, Any]]
    cursor: Mapped[str] = mapped_column(String(200))  # the plan after which the next look begins; "": the first
    suspects: Mapped[dict[str, Any]]  # key of a notice that was missing: when that was seen first


class IdentityRow(Base):
    """Which database this is: drawn by lot when it is made, and anew when deliveries are resumed after a restore.

    The newest row is its name, the earlier ones are those of which it is the continuation.
    """

    __tablename__ = "database_identity"

    id: Mapped[int] = mapped_column(primary_key=True)
    identity: Mapped[str] = mapped_column(String(32), unique=True)


class HoldRow(Base):
    """Deliveries were stopped, because the database has forgotten mails that were sent; until a person decides."""

    __tablename__ = "delivery_hold"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    since: Mapped[datetime]
    host: Mapped[str] = mapped_column(String(100))
    mark: Mapped[dict[str, Any]]  # how far the database had come before
    ended_at: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(String(20))  # "", "assume-sent" or "resend"
    actor: Mapped[str]
    reason: Mapped[str]
