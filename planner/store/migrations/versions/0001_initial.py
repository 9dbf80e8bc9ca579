"""Lay the first tables, and make the event log append-only.

The triggers refuse UPDATE and DELETE on `event` whoever asks; only the owner of the schema can drop them, which
`planner audit verify` would then show by a broken chain.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agency",
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tier", sa.String(length=20), nullable=False),
        sa.Column("parent", sa.String(length=80), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint("tier IN ('department', 'district', 'commune')", name=op.f("ck_agency_tier_known")),
        sa.CheckConstraint(
            "valid_to IS NULL OR valid_from IS NULL OR valid_from <= valid_to", name=op.f("ck_agency_validity")
        ),
        sa.ForeignKeyConstraint(["parent"], ["agency.code"], name=op.f("fk_agency_parent")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_agency")),
    )
    with op.batch_alter_table("agency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agency_parent"), ["parent"], unique=False)
        batch_op.create_index(batch_op.f("ix_agency_tier"), ["tier"], unique=False)

    op.create_table(
        "directive",
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("filing_deadline", sa.Date(), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_directive")),
    )
    op.create_table(
        "event",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=260), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event")),
        sa.UniqueConstraint("hash", name=op.f("uq_event_hash")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_subject"), ["subject"], unique=False)

    op.create_table(
        "mail",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("maybe_taken", sa.Boolean(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state <> 'sent' OR sent_at IS NOT NULL", name=op.f("ck_mail_sent_has_instant")),
        sa.CheckConstraint(
            "state IN ('ready', 'leased', 'sending', 'sent', 'unknown', 'dead', 'bounced', 'obsolete', 'cancelled')",
            name=op.f("ck_mail_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('leased', 'sending') OR lease_until IS NOT NULL", name=op.f("ck_mail_held_has_lease")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
        sa.UniqueConstraint("key", name=op.f("uq_mail_key")),
        sa.UniqueConstraint("message_id", name=op.f("uq_mail_message_id")),
    )
    with op.batch_alter_table("mail", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mail_recipient"), ["recipient"], unique=False)
        batch_op.create_index("ix_mail_state_next_try", ["state", "next_try_at"], unique=False)
        batch_op.create_index("ix_mail_day", ["day", "kind", "recipient", "state"], unique=False)

    op.create_table(
        "worker",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("cursor", sa.String(length=200), nullable=False),
        sa.Column("suspects", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_at"), ["at"], unique=False)

    identity = op.create_table(
        "database_identity",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_database_identity")),
        sa.UniqueConstraint("identity", name=op.f("uq_database_identity_identity")),
    )
    op.bulk_insert(identity, [{"identity": uuid.uuid4().hex}])
    op.create_table(
        "delivery_hold",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("host", sa.String(length=100), nullable=False),
        sa.Column("mark", sa.JSON(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_hold")),
    )
    op.create_table(
        "tick",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tick")),
    )
    with op.batch_alter_table("tick", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tick_at"), ["at"], unique=False)

    op.create_table(
        "agency_succession",
        sa.Column("from_code", sa.String(length=80), nullable=False),
        sa.Column("to_code", sa.String(length=80), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("extent", sa.String(length=10), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.CheckConstraint("extent IN ('whole', 'partial')", name=op.f("ck_agency_succession_extent_known")),
        sa.CheckConstraint("from_code <> to_code", name=op.f("ck_agency_succession_not_itself")),
        sa.ForeignKeyConstraint(["from_code"], ["agency.code"], name=op.f("fk_agency_succession_from_code")),
        sa.ForeignKeyConstraint(["to_code"], ["agency.code"], name=op.f("fk_agency_succession_to_code")),
        sa.PrimaryKeyConstraint("from_code", "to_code", "on_day", name=op.f("pk_agency_succession")),
    )
    op.create_table(
        "mail_body",
        sa.Column("mail_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name=op.f("fk_mail_body_mail_id")),
        sa.PrimaryKeyConstraint("mail_id", name=op.f("pk_mail_body")),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Not compressed: a mail is mostly base64, which takes long to shrink by half, and is read once or twice.
        op.execute("ALTER TABLE mail_body ALTER COLUMN body SET STORAGE EXTERNAL")
    op.create_table(
        "channel_breaker",
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("cause", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.CheckConstraint(
            "state <> 'half_open' OR lease_until IS NOT NULL", name=op.f("ck_channel_breaker_probe_has_lease")
        ),
        sa.CheckConstraint("state IN ('closed', 'open', 'half_open')", name=op.f("ck_channel_breaker_state_known")),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_breaker")),
    )
    op.create_table(
        "attempt",
        sa.Column("mail_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("stage", sa.String(length=10), nullable=False),
        sa.Column("reply_code", sa.Integer(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name=op.f("fk_attempt_mail_id")),
        sa.PrimaryKeyConstraint("mail_id", "fence", name=op.f("pk_attempt")),
    )
    op.create_table(
        "bounce",
        sa.Column("mail_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("carried", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name=op.f("fk_bounce_mail_id")),
        sa.PrimaryKeyConstraint("mail_id", name=op.f("pk_bounce")),
    )
    with op.batch_alter_table("bounce", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bounce_at"), ["at"], unique=False)

    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=260), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("rung", sa.String(length=60), nullable=False),
        sa.Column("nominal", sa.Date(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("may_return", sa.Boolean(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint(
            "kind IN ('reminder', 'overdue', 'escalation', 'urging', 'chairman_list', 'at_risk', 'blocked', 'confirmation', 'filing', 'returned')",
            name=op.f("ck_notice_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'mailed', 'sent', 'dead', 'obsolete', 'superseded', 'suppressed', 'bounced', 'cancelled')",
            name=op.f("ck_notice_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('mailed', 'sent') OR mail_id IS NOT NULL", name=op.f("ck_notice_mailed_has_mail")
        ),
        sa.ForeignKeyConstraint(["mail_id"], ["mail.id"], name=op.f("fk_notice_mail_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("key", name=op.f("uq_notice_key")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_mail_id"), ["mail_id"], unique=False)
        batch_op.create_index("ix_notice_state_recipient", ["state", "recipient"], unique=False)
        batch_op.create_index("ix_notice_step", ["subject", "revision", "rung", "nominal"], unique=False)
        batch_op.create_index(
            "ix_notice_held_back",
            ["nominal"],
            unique=False,
            sqlite_where=sa.text("state IN ('obsolete', 'bounced', 'suppressed')"),
            postgresql_where=sa.text("state IN ('obsolete', 'bounced', 'suppressed')"),
        )

    op.create_table(
        "mark",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mark")),
    )
    op.create_table(
        "watch",
        sa.Column("task", sa.String(length=260), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("task", name=op.f("pk_watch")),
    )
    op.create_table(
        "policy",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_policy")),
    )
    op.create_table(
        "reminder_case",
        sa.Column("subject", sa.String(length=260), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["policy_hash"], ["policy.hash"], name=op.f("fk_reminder_case_policy_hash")),
        sa.PrimaryKeyConstraint("subject", "revision", name=op.f("pk_reminder_case")),
    )
    with op.batch_alter_table("reminder_case", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reminder_case_policy_hash"), ["policy_hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_reminder_case_moved_at"), ["moved_at"], unique=False)

    op.create_table(
        "officer",
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("agency", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("substitute", sa.String(length=254), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint("role IN ('head', 'focal', 'member')", name=op.f("ck_officer_role_known")),
        sa.ForeignKeyConstraint(["agency"], ["agency.code"], name=op.f("fk_officer_agency")),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_officer")),
    )
    with op.batch_alter_table("officer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_officer_agency"), ["agency"], unique=False)

    op.create_table(
        "plan",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("directive", sa.String(length=80), nullable=False),
        sa.Column("agency", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("accepted_version", sa.Integer(), nullable=True),
        sa.Column("latest_version", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('filed', 'assigned')", name=op.f("ck_plan_kind_known")),
        sa.ForeignKeyConstraint(["agency"], ["agency.code"], name=op.f("fk_plan_agency")),
        sa.ForeignKeyConstraint(["directive"], ["directive.code"], name=op.f("fk_plan_directive")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_plan")),
        sa.UniqueConstraint("directive", "agency", "kind", name=op.f("uq_plan_directive_agency_kind")),
    )
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plan_agency"), ["agency"], unique=False)

    op.create_table(
        "target_value",
        sa.Column("directive", sa.String(length=80), nullable=False),
        sa.Column("target", sa.String(length=20), nullable=False),
        sa.Column("agency", sa.String(length=80), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agency.code"], name=op.f("fk_target_value_agency")),
        sa.ForeignKeyConstraint(["directive"], ["directive.code"], name=op.f("fk_target_value_directive")),
        sa.PrimaryKeyConstraint("directive", "target", "agency", "on_day", name=op.f("pk_target_value")),
    )
    op.create_table(
        "dead_address",
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["email"], ["officer.email"], name=op.f("fk_dead_address_email")),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_dead_address")),
    )
    op.create_table(
        "officer_absence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("officer", sa.String(length=254), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("substitute", sa.String(length=254), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_officer_absence_order")),
        sa.ForeignKeyConstraint(["officer"], ["officer.email"], name=op.f("fk_officer_absence_officer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officer_absence")),
    )
    with op.batch_alter_table("officer_absence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_officer_absence_officer"), ["officer"], unique=False)

    op.create_table(
        "plan_version",
        sa.Column("plan", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receipt", sa.String(length=40), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("signed", sa.Date(), nullable=True),
        sa.Column("calendar", sa.String(length=20), nullable=False),
        sa.Column("task_count", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("renumbered", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "state IN ('submitted', 'accepted', 'returned', 'superseded')", name=op.f("ck_plan_version_state_known")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_plan_version_version_from_1")),
        sa.ForeignKeyConstraint(["plan"], ["plan.key"], name=op.f("fk_plan_version_plan")),
        sa.PrimaryKeyConstraint("plan", "version", name=op.f("pk_plan_version")),
        sa.UniqueConstraint("receipt", name=op.f("uq_plan_version_receipt")),
    )
    op.create_table(
        "task",
        sa.Column("key", sa.String(length=260), nullable=False),
        sa.Column("plan", sa.String(length=200), nullable=False),
        sa.Column("agency", sa.String(length=80), nullable=False),
        sa.Column("goal", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("responsible", sa.String(length=254), nullable=False),
        sa.Column("due_text", sa.Text(), nullable=False),
        sa.Column("due_kind", sa.String(length=20), nullable=False),
        sa.Column("deadline", sa.JSON(), nullable=False),
        sa.Column("start", sa.Date(), nullable=True),
        sa.Column("duration", sa.Integer(), nullable=True),
        sa.Column("deliverable", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("assigned_on", sa.Date(), nullable=True),
        sa.Column("deadline_revision", sa.Integer(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("recorded_on", sa.Date(), nullable=True),
        sa.Column("result_number", sa.Text(), nullable=False),
        sa.Column("result_file_name", sa.Text(), nullable=False),
        sa.Column("result_file_sha256", sa.String(length=64), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("promise", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("snooze", sa.JSON(none_as_null=True), nullable=True),
        sa.CheckConstraint("state <> 'confirmed' OR done_on IS NOT NULL", name=op.f("ck_task_confirmed_is_done")),
        sa.CheckConstraint(
            "state IN ('assigned', 'in_progress', 'submitted', 'confirmed', 'returned', 'suspended', 'withdrawn')",
            name=op.f("ck_task_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('submitted', 'confirmed') OR result_number <> '' OR result_file_sha256 <> ''",
            name=op.f("ck_task_done_has_result"),
        ),
        sa.CheckConstraint("duration IS NULL OR duration >= 0", name=op.f("ck_task_duration_positive")),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name=op.f("ck_task_percent_range")),
        sa.ForeignKeyConstraint(["agency"], ["agency.code"], name=op.f("fk_task_agency")),
        sa.ForeignKeyConstraint(["plan"], ["plan.key"], name=op.f("fk_task_plan")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_task")),
        sa.UniqueConstraint("plan", "code", name=op.f("uq_task_plan_code")),
    )
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_task_agency"), ["agency"], unique=False)
        batch_op.create_index(batch_op.f("ix_task_responsible"), ["responsible"], unique=False)
        batch_op.create_index("ix_task_state_last_day", ["state", "last_day"], unique=False)
        batch_op.create_index(
            "ix_task_submitted",
            ["state_since"],
            unique=False,
            sqlite_where=sa.text("state = 'submitted'"),
            postgresql_where=sa.text("state = 'submitted'"),
        )
        batch_op.create_index(
            "ix_task_returned",
            ["state_since"],
            unique=False,
            sqlite_where=sa.text("state = 'returned'"),
            postgresql_where=sa.text("state = 'returned'"),
        )

    op.create_table(
        "dependency",
        sa.Column("successor", sa.String(length=260), nullable=False),
        sa.Column("predecessor", sa.String(length=260), nullable=False),
        sa.Column("as_filed", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("successor <> predecessor", name=op.f("ck_dependency_not_itself")),
        sa.ForeignKeyConstraint(["successor"], ["task.key"], name=op.f("fk_dependency_successor"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("successor", "predecessor", name=op.f("pk_dependency")),
    )
    with op.batch_alter_table("dependency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dependency_predecessor"), ["predecessor"], unique=False)

    op.create_table(
        "task_cooperator",
        sa.Column("task", sa.String(length=260), nullable=False),
        sa.Column("agency", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agency.code"], name=op.f("fk_task_cooperator_agency")),
        sa.ForeignKeyConstraint(["task"], ["task.key"], name=op.f("fk_task_cooperator_task"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("task", "agency", name=op.f("pk_task_cooperator")),
    )
    with op.batch_alter_table("task_cooperator", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_task_cooperator_agency"), ["agency"], unique=False)

    op.create_table(
        "task_extension",
        sa.Column("task", sa.String(length=260), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("old_last_day", sa.Date(), nullable=True),
        sa.Column("new_last_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["task"], ["task.key"], name=op.f("fk_task_extension_task")),
        sa.PrimaryKeyConstraint("task", "revision", name=op.f("pk_task_extension")),
    )

    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER event_no_{action.lower()} BEFORE {action} ON event "
                "BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the event log is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
            "FOR EACH STATEMENT EXECUTE FUNCTION event_is_append_only()"
        )


def downgrade() -> None:
    op.drop_table("delivery_hold")
    op.drop_table("database_identity")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_at"))

    op.drop_table("audit")
    op.drop_table("worker")
    op.drop_table("task_extension")
    with op.batch_alter_table("task_cooperator", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_task_cooperator_agency"))

    op.drop_table("task_cooperator")
    with op.batch_alter_table("dependency", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dependency_predecessor"))

    op.drop_table("dependency")
    with op.batch_alter_table("task", schema=None) as batch_op:
        batch_op.drop_index("ix_task_returned")
        batch_op.drop_index("ix_task_submitted")
        batch_op.drop_index("ix_task_state_last_day")
        batch_op.drop_index(batch_op.f("ix_task_responsible"))
        batch_op.drop_index(batch_op.f("ix_task_agency"))

    op.drop_table("task")
    op.drop_table("plan_version")
    with op.batch_alter_table("officer_absence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_officer_absence_officer"))

    op.drop_table("officer_absence")
    op.drop_table("dead_address")
    op.drop_table("target_value")
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_plan_agency"))

    op.drop_table("plan")
    with op.batch_alter_table("officer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_officer_agency"))

    op.drop_table("officer")
    with op.batch_alter_table("reminder_case", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reminder_case_policy_hash"))
        batch_op.drop_index(batch_op.f("ix_reminder_case_moved_at"))

    op.drop_table("reminder_case")
    op.drop_table("policy")
    op.drop_table("watch")
    op.drop_table("mark")
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_index("ix_notice_held_back")
        batch_op.drop_index("ix_notice_step")
        batch_op.drop_index("ix_notice_state_recipient")
        batch_op.drop_index(batch_op.f("ix_notice_mail_id"))

    op.drop_table("notice")
    with op.batch_alter_table("bounce", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bounce_at"))

    op.drop_table("bounce")
    op.drop_table("attempt")
    op.drop_table("channel_breaker")
    op.drop_table("mail_body")
    op.drop_table("agency_succession")
    with op.batch_alter_table("tick", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tick_at"))

    op.drop_table("tick")
    with op.batch_alter_table("mail", schema=None) as batch_op:
        batch_op.drop_index("ix_mail_state_next_try")
        batch_op.drop_index(batch_op.f("ix_mail_recipient"))

    op.drop_table("mail")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_subject"))
        batch_op.drop_index(batch_op.f("ix_event_at"))

    op.drop_table("event")
    op.drop_table("directive")
    with op.batch_alter_table("agency", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_agency_tier"))
        batch_op.drop_index(batch_op.f("ix_agency_parent"))

    op.drop_table("agency")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION event_is_append_only()")
