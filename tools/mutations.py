"""The mutations that the tests must notice: what is broken, where, and what the break would cost.

Data only. The texts are short so that they survive changes around them; `tests/test_tools.py` sees that each stands
exactly once in its file.
"""

from __future__ import annotations

from dataclasses import dataclass

BOTH = ("sqlite", "postgresql")
ANY = ("",)

_OUTBOX = "planner/store/outbox.py"
_SENDING = "planner/store/sending.py"
_BOOK = "scheduler/book.py"
_LEDGER = "planner/store/ledger.py"
_ENGINE = "planner/store/engine.py"
_EVENTS = "planner/store/events.py"
_JOBS = "scheduler/jobs.py"
_AGENDA = "scheduler/agenda.py"
_DELIVERY = "scheduler/delivery.py"
_DUE = "scheduler/due.py"
_SHOP = "scheduler/shop.py"
_RULE = "scheduler/rules.py"
_LADDER = "scheduler/ladder.py"
_WAITING = "scheduler/waiting.py"
_NOTICE = "planner/domain/notification.py"
_UPKEEP = "planner/store/upkeep.py"
_EMAIL = "scheduler/channels/email.py"

_STORE = ("tests/store/test_outbox.py", "tests/store/test_guards.py")
_MANY = ("tests/store/test_sending.py", "tests/scheduler/test_book.py")
_POST = ("tests/scheduler/test_delivery.py",)
_ROUNDS = ("tests/scheduler/test_jobs.py",)
_RULES = ("tests/scheduler/test_rules.py", "tests/scheduler/test_due.py", "tests/scheduler/test_ladder.py")
_CHAIN = ("tests/store/test_events.py",)
_GUARDS = ("tests/store/test_guards.py",)
_LOOKS = ("tests/scheduler/test_agenda.py",)
_CHANNEL = ("tests/scheduler/test_email_channel.py", "tests/scheduler/test_email_failures.py")
_MODEL = ("tests/model",)


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One replacement in one file."""

    file: str
    old: str  #: stands exactly once
    new: str


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One way to break the program."""

    name: str
    claim: str  #: what must not happen, and would
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]  #: arguments of pytest
    databases: tuple[str, ...] = BOTH  #: on each of these a test must fail; "": the database does not matter


def _one(file: str, old: str, new: str) -> tuple[Edit, ...]:
    return (Edit(file=file, old=old, new=new),)


MUTATIONS: tuple[Mutation, ...] = (
    # --- who holds a mail ---
    Mutation(
        name="no-fence-when-settling",
        claim="a worker that froze past its lease writes over what the next one did",
        edits=_one(
            _OUTBOX,
            'MAIL.c.fence == bindparam("b_fence"),\n        MAIL.c.state.in_(',
            'MAIL.c.fence >= bindparam("b_fence"),\n        MAIL.c.state.in_(',
        ),
        tests=_STORE,
    ),
    Mutation(
        name="no-fence-before-data",
        claim="a worker that froze past its lease sends a mail that another one holds",
        edits=_one(
            _OUTBOX,
            'MAIL.c.fence == bindparam("b_fence"),\n    MAIL.c.state == ',
            'MAIL.c.fence >= bindparam("b_fence"),\n    MAIL.c.state == ',
        ),
        tests=_STORE,
    ),
    Mutation(
        name="no-fence-for-many-at-once",
        claim="a worker that froze past its lease begins many mails that others hold",
        edits=(
            Edit(file=_SENDING, old=", MAIL.c.fence == fences)", new=")"),
            Edit(file=_SENDING, old=", MAIL.c.fence == held.c.fence)", new=")"),
        ),
        tests=_MANY,
    ),
    Mutation(
        name="claims-known-by-their-mail",
        claim="a worker that lost a mail and claimed it again sends it twice",
        edits=_one(_BOOK, "if entry.begin.claim in begun", "if entry.begin.id in {mail for mail, _fence in begun}"),
        tests=_MANY,
    ),
    Mutation(
        name="claim-leaves-the-fence",
        claim="two workers hold a mail under the same number",
        edits=_one(
            _OUTBOX,
            'fence=MAIL.c.fence + 1,\n        lease_until=DatabaseEpoch() + bindparam("b_lease")',
            'fence=MAIL.c.fence,\n        lease_until=DatabaseEpoch() + bindparam("b_lease")',
        ),
        tests=_STORE,
    ),
    Mutation(
        name="reap-takes-live-leases",
        claim="a mail is taken from a worker that is sending it",
        edits=_one(_OUTBOX, "MAIL.c.lease_until < DatabaseEpoch(),", "MAIL.c.lease_until < DatabaseEpoch() + 9999,"),
        tests=_STORE,
    ),
    Mutation(
        name="leases-never-reaped",
        claim="what a killed worker held is never sent",
        edits=_one(_DELIVERY, "outbox.reap(session, shop.settings.delivery_lease)", "None"),
        tests=_POST,
    ),
    Mutation(
        name="lease-by-the-callers-now",
        claim="leases run on the time that a caller claims it is",
        edits=_one(_OUTBOX, '"b_lease": lease})', '"b_lease": lease + (now.timestamp() - __import__("time").time())})'),
        tests=_STORE,
    ),
    Mutation(
        name="lease-by-the-hosts-clock",
        claim="a host whose clock is wrong takes mails that another one is sending",
        edits=_one(
            _OUTBOX,
            "from planner.store.engine import DatabaseEpoch, longest_lease",
            "import time\nfrom planner.store.engine import longest_lease\nfrom sqlalchemy.types import Float\n\n"
            "def DatabaseEpoch():\n"
            "    return bindparam(None, callable_=lambda: time.time(), type_=Float(), unique=True)\n",
        ),
        tests=_GUARDS,
    ),
    Mutation(
        name="claim-without-a-lock",
        claim="two workers take the same mail at once",
        edits=(
            Edit(file=_OUTBOX, old="            .with_for_update(skip_locked=True)\n", new=""),
            Edit(
                file=_OUTBOX,
                old="            .scalar_subquery()\n        ),\n        _MAY_GO,",
                new="            .scalar_subquery()\n        ),",
            ),
        ),
        tests=(*_STORE, *_POST),
        databases=("postgresql",),  # SQLite admits one writer at a time
    ),
    # --- each thing once ---
    Mutation(
        name="no-unique-key",
        claim="two hosts that queue at once enter a notice twice",
        edits=(
            Edit(
                file="planner/store/bulk.py",
                old="return f\"ON CONFLICT ({', '.join(unique)}) DO NOTHING\"",
                new='return "ON CONFLICT (id) DO NOTHING" if unique == ["key"] else "ON CONFLICT DO NOTHING"',
            ),
            Edit(
                file="planner/store/migrations/versions/0001_initial.py",
                old='sa.UniqueConstraint("key", name=op.f("uq_notice_key")),',
                new="",
            ),
        ),
        tests=_STORE,
    ),
    Mutation(
        name="a-known-key-is-an-error",
        claim="of two hosts that queue at once, one fails",
        edits=_one(
            "planner/store/bulk.py",
            "return f\"ON CONFLICT ({', '.join(unique)}) DO NOTHING\"",
            'return "" if unique else "-"',
        ),
        tests=(*_STORE, *_POST),
        databases=("postgresql",),  # SQLite admits one writer at a time
    ),
    Mutation(
        name="begin-deferred",
        claim="writers at the same time fail at once with 'locked' instead of waiting",
        edits=_one(_ENGINE, '"BEGIN" if reading else "BEGIN IMMEDIATE"', '"BEGIN" if reading else "BEGIN DEFERRED"'),
        tests=(*_STORE, *_CHAIN, *_POST),
        databases=("sqlite",),
    ),
    Mutation(
        name="digest-key-without-the-day",
        claim="who had a digest once gets no other ever",
        edits=_one(_JOBS, 'mail_key("digest", recipient, today,', 'mail_key("digest", recipient, date(2020, 1, 1),'),
        tests=_ROUNDS,
    ),
    Mutation(
        name="many-digests-a-day",
        claim="a person gets a second digest on one day",
        edits=_one(_JOBS, "return notice.urgent and notice.recipient not in full", "return True"),
        tests=_ROUNDS,
    ),
    Mutation(
        name="new-message-id-at-each-try",
        claim="a repeat after a lost answer looks like a new mail",
        edits=_one(
            _DELIVERY,
            "data=mail.body, before_data",
            'data=mail.body.replace(b"Message-ID: <", b"Message-ID: <%d." % mail.fence), before_data',
        ),
        tests=_POST,
    ),
    # --- the moment of sending ---
    Mutation(
        name="no-recheck-before-data",
        claim="a task that was handed in is reminded of",
        edits=_one(
            _OUTBOX,
            ".where(_HELD, ~select(ledger.NOTICE.c.id).where(ledger.NOTICE.c.mail_id == MAIL.c.id, "
            "ledger.is_stale()).exists())",
            ".where(_HELD)",
        ),
        tests=(*_STORE, *_ROUNDS),
    ),
    Mutation(
        name="recheck-not-heeded",
        claim="the channel sends although it was told not to",
        edits=_one(_EMAIL, "if not await before_data():", "if not await before_data() and False:"),
        tests=_CHANNEL,
        databases=ANY,
    ),
    Mutation(
        name="sending-not-recorded-before-data",
        claim="nobody knows that a killed worker may have sent a mail",
        edits=_one(_OUTBOX, ".values(state=MailState.SENDING.value, ", ".values(state=MailState.LEASED.value, "),
        tests=(*_STORE, *_POST),
    ),
    Mutation(
        name="sent-recorded-before-data",
        claim="a worker killed before the message loses the mail",
        edits=_one(_OUTBOX, ".values(state=MailState.SENDING.value, ", ".values(state=MailState.SENT.value, "),
        tests=(*_STORE, *_POST),
    ),
    Mutation(
        name="unknown-is-never-resent",
        claim="a mail of unknown fate is lost",
        edits=_one(
            _OUTBOX, "    and_(MAIL.c.state == MailState.UNKNOWN.value, MAIL.c.kind != HELD_FOR_A_PERSON),\n", ""
        ),
        tests=_STORE,
    ),
    Mutation(
        name="given-up-mail-keeps-its-notices",
        claim="what still holds of a mail given up is never told",
        edits=_one(_OUTBOX, "    ledger.release(session, [mail.id])\n", ""),
        tests=_STORE,
    ),
    Mutation(
        name="ambiguous-counts-as-not-sent",
        claim="a mail that the server may have is not known as such",
        edits=(
            Edit(file=_DELIVERY, old="if error.ambiguous:  # the message", new="if False:  # the message"),
            Edit(file=_DELIVERY, old="    if error.ambiguous:\n", new="    if False:\n"),
        ),
        tests=_POST,
    ),
    Mutation(
        name="no-waiting-between-tries",
        claim="a server in trouble is hammered",
        edits=_one(_DELIVERY, "timedelta(minutes=minutes * jitter(", "timedelta(seconds=minutes * jitter("),
        tests=_POST,
    ),
    # --- what is told ---
    Mutation(
        name="lower-rungs-told",
        claim="after an outage every rung missed is told at once",
        edits=_one(_DUE, "state=NoticeState.SUPERSEDED)", "state=NoticeState.QUEUED)"),
        tests=_ROUNDS,
    ),
    Mutation(
        name="superiors-of-the-blocked-told",
        claim="who waits for another agency is escalated",
        edits=_one(_DUE, "if subject.blocker is not None and role is not Role.RESPONSIBLE:", "if False:"),
        tests=_ROUNDS,
    ),
    Mutation(
        name="told-twice-in-two-roles",
        claim="a person with two roles is told twice",
        edits=_one(_DUE, "if officer is not None and officer.email in told:", "if False:"),
        tests=_RULES,
        databases=ANY,
    ),
    Mutation(
        name="sending-hours-ignored",
        claim="mail leaves at night",
        edits=_one(_SHOP, "closes - local if opens <= local else timedelta()", "timedelta(1)"),
        tests=_ROUNDS,
    ),
    Mutation(
        name="days-off-ignored",
        claim="mail leaves on a day off",
        edits=_one(_SHOP, "if sending.working_days_only and not", "if False and not"),
        tests=_ROUNDS,
    ),
    Mutation(
        name="held-back-never-returns",
        claim="a returned result is never reminded of again",
        edits=_one(
            _LEDGER,
            "HELD_BACK = (NoticeState.SUPPRESSED, NoticeState.OBSOLETE, NoticeState.BOUNCED)",
            "HELD_BACK = (NoticeState.BOUNCED,)",
        ),
        tests=_ROUNDS,
    ),
    # --- what only the whole, over many days, shows: the model ---
    Mutation(
        name="rungs-on-days-off",
        claim="the rung of a last day that is a day off falls on that day and is told late",
        edits=_one(_RULE, "return calendar.previous_working(anchor)\n    if", "return anchor\n    if"),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="calendar-days-not-moved-on",
        claim="a rung of calendar days falls on a day off",
        edits=_one(
            _RULE,
            "day = calendar.next_working(anchor + timedelta(days=trigger.offset))",
            "day = anchor + timedelta(days=trigger.offset)",
        ),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="repeats-without-a-cap",
        claim="a repeating rung never ends",
        edits=_one(_RULE, "while cap is None or len(days) < cap:", "while True:"),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="repeats-drift",
        claim="a day off pushes every later repeat on",
        edits=_one(
            _RULE, 'raw = anchor + timedelta(days=trigger.offset) if trigger.unit == "d" else first', "raw = first"
        ),
        tests=("tests/scheduler/test_rules.py", *_MODEL),
        databases=ANY,
    ),
    Mutation(
        name="absent-people-told",
        claim="a mail goes to somebody who is away",
        edits=_one(
            _LADDER, "frozenset(self._away) | frozenset(state.dead_addresses)", "frozenset(state.dead_addresses)"
        ),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="dead-addresses-told",
        claim="a mail goes to an address at which nothing arrives",
        edits=_one(_LADDER, "frozenset(self._away) | frozenset(state.dead_addresses)", "frozenset(self._away)"),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="successor-not-followed",
        claim="an agency that is no more is told",
        edits=_one(_LADDER, "self._owner[agency] = self._owners.of(agency)", "self._owner[agency] = agency"),
        tests=_RULES,
        databases=ANY,
    ),
    Mutation(
        name="own-agency-blocks",
        claim="an agency's own late task silences its superiors",
        edits=_one(_WAITING, " and self._owner(end) != self._owner(one)", ""),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="blocked-though-nobody-is-urged",
        claim="a late task goes quiet although nobody is told of the one it waits for",
        edits=_one(_WAITING, " and self._is_urged(end)", ""),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="blocked-by-what-is-not-late",
        claim="a late task goes quiet for one that is still in time",
        edits=_one(_WAITING, "if self._is_late(other)]", "if True]"),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="key-without-the-revision",
        claim="an extended task is never reminded of again",
        edits=_one(_NOTICE, "str(self.revision), ", '"0", '),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="key-without-the-day",
        claim="a repeating rung is told once only",
        edits=_one(_NOTICE, "self.nominal.isoformat(), ", '"", '),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="returned-mail-not-retold",
        claim="what came back is told to nobody",
        edits=_one(
            _LEDGER,
            "HELD_BACK = (NoticeState.SUPPRESSED, NoticeState.OBSOLETE, NoticeState.BOUNCED)",
            "HELD_BACK = (NoticeState.SUPPRESSED, NoticeState.OBSOLETE)",
        ),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="returned-mail-retold-to-the-same-person",
        claim="who stands in is told the same step twice",
        edits=_one(_LEDGER, "received = or_(", "received = and_("),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="yesterdays-digest-kept",
        claim="a digest that could not leave goes out beside the next day's",
        edits=_one(_UPKEEP, "elif not row.is_old:", "elif True:"),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="change-of-person-not-followed",
        claim="what waits goes to somebody who has left",
        edits=_one(_UPKEEP, "elif (notice.recipient, notice.kind.value) != (row.recipient, row.kind):", "elif False:"),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="day-handed-in-by-utc",
        claim="what was handed in before seven in the morning counts from the day before",
        edits=_one(
            _DUE, "handed_in = record.state_since.astimezone(ZONE).date()", "handed_in = record.state_since.date()"
        ),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="today-by-utc",
        claim="before seven in the morning the engine works on the day before",
        edits=_one(_DUE, "self._today = now.astimezone(ZONE).date()", "self._today = now.date()"),
        tests=_MODEL,
        databases=ANY,
    ),
    Mutation(
        name="suspended-is-open",
        claim="a suspended task is reminded of",
        edits=_one(
            "planner/domain/status.py",
            "return self in (TaskState.ASSIGNED, TaskState.IN_PROGRESS, TaskState.RETURNED)",
            "return self in (TaskState.ASSIGNED, TaskState.IN_PROGRESS, TaskState.RETURNED, TaskState.SUSPENDED)",
        ),
        tests=_MODEL,
        databases=ANY,
    ),
    # --- what is kept ---
    Mutation(
        name="not-synchronous",
        claim="a power cut takes what was recorded as sent",
        edits=_one(_ENGINE, "PRAGMA synchronous = FULL", "PRAGMA synchronous = OFF"),
        tests=_GUARDS,
        databases=("sqlite",),
    ),
    Mutation(
        name="appends-without-a-lock",
        claim="two writers give the same number in the event log, and one of them fails",
        edits=_one(
            _ENGINE,
            'if session.get_bind().dialect.name == "postgresql":\n        session.execute(text("SELECT',
            'if False:\n        session.execute(text("SELECT',
        ),
        tests=_CHAIN,
        databases=("postgresql",),
    ),
    Mutation(
        name="dry-run-commits",
        claim="what was only to be tried out is done",
        edits=_one(_ENGINE, "        if dry_run:", "        if dry_run and False:"),
        tests=_CHAIN,
    ),
    Mutation(
        name="chain-without-the-previous-hash",
        claim="an event can be taken out of the log unseen",
        edits=_one(
            _EVENTS, "        previous = digest\n    insert_rows", "        previous = GENESIS\n    insert_rows"
        ),
        tests=_CHAIN,
    ),
    # --- what comes from outside ---
    Mutation(
        name="bounce-signature-not-checked",
        claim="anybody can declare an address dead",
        edits=_one("scheduler/envelope.py", "if not hmac.compare_digest(", "if False and hmac.compare_digest("),
        tests=("tests/scheduler/test_envelope.py",),
        databases=ANY,
    ),
    # --- which tasks a round looks at ---
    Mutation(
        name="nobody-watched",
        claim="a task that comes to be in danger is looked at next month",
        edits=_one(_AGENDA, "marks.watched(self._session, self._today) if is_asked else set()", "set()"),
        tests=_LOOKS,
    ),
    Mutation(
        name="what-happened-not-watched",
        claim="a plan that is filed within the month warns nobody that its work does not begin",
        edits=_one(_AGENDA, "first_days=dict.fromkeys(changed, self._known.since)", "first_days={}"),
        tests=_LOOKS,
    ),
    # --- to whom mail is handed ---
    Mutation(
        name="plaintext-anywhere",
        claim="mail leaves this machine unencrypted",
        edits=_one(_EMAIL, "return ipaddress.ip_address(host).is_loopback", "return True"),
        tests=_CHANNEL,
        databases=ANY,
    ),
    Mutation(
        name="certificate-not-verified",
        claim="mail goes to whoever answers",
        edits=_one(_EMAIL, "if context is not None and (context.verify_mode", "if False and (context.verify_mode"),
        tests=_CHANNEL,
        databases=ANY,
    ),
)
