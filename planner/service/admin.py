"""Looking after the house: make the database, load the sample, verify the log, see that everything is well."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from planner import config, trust
from planner.domain.changes import (
    AgenciesImported,
    Change,
    DirectiveImported,
    OfficersImported,
    PlanFiled,
    SuccessionsRecorded,
    assigned_plans,
)
from planner.domain.directive import Directive
from planner.domain.plan import PlanKind, PlanRecord
from planner.domain.status import PlanState
from planner.errors import NotFound, PlannerError, Refused, WorldFailed
from planner.i18n import gettext as _
from planner.service.desk import Desk
from planner.store import addresses, events, ledger_view, plans, registers, ticks
from planner.store import engine as database
from planner.store.state import Book
from planner.templating import vi_instant

log = logging.getLogger(__name__)

SAMPLES = ("thanh-hoa-2020",)


@dataclass(frozen=True, kw_only=True)
class Initialised:
    """What `init` made."""

    database: str  #: URL without a password
    revision: str
    agencies: int  #: valid on the directive's day, or today without one
    directives: int


def init(desk: Desk, sample: str | None, config_file: Path) -> Initialised:
    """Make planner.toml, the database and, if asked, the sample's registers.

    Running it again upgrades the schema and changes nothing else.

    Raises:
        NotFound: no such sample.
        Refused: the sample is asked for and the database holds other agencies.
    """
    if sample is not None and sample not in SAMPLES:
        raise NotFound(_("There is no sample {name}. Known: {known}.").format(name=sample, known=", ".join(SAMPLES)))
    url = desk.settings.resolved_database_url
    shown = database.connect(url).url.render_as_string(hide_password=True)
    if desk.dry_run:
        return Initialised(database=shown, revision=database.newest_revision(url), agencies=0, directives=0)
    try:
        if not config_file.exists():
            config_file.write_text(_STARTER, encoding="utf-8")
    except OSError as error:
        raise WorldFailed(_("{path} cannot be written: {reason}").format(path=config_file, reason=error)) from error
    revision = database.upgrade(url)
    if sample is not None:
        _load_sample(desk)
    with desk.reading() as session:
        directives = registers.directives(session)
        day = list(directives.values())[-1].issued_on if directives else desk.today
        valid = sum(agency.is_valid_on(day) for agency in registers.agencies(session).values())
    return Initialised(database=shown, revision=revision, agencies=valid, directives=len(directives))


_STARTER = """\
# Settings of planner. Every setting is told in docs/settings.md; a PLANNER_... variable stands before this file.

[database]
url = "sqlite:///planner.db"

[planner]
lang = "vi"
department = "stttt"
"""


def _load_sample(desk: Desk) -> None:
    from planner.samples.thanh_hoa_2020 import load

    sample = load()
    with desk.writing() as session:
        known = registers.agencies(session)
        if known:
            if set(known) != {agency.code for agency in (*sample.agencies, *sample.changes)}:
                raise Refused(_("The database already holds other agencies; load the sample into an empty one."))
            return
        changes: list[tuple[str, Change]] = [
            ("agencies", AgenciesImported(agencies=(*sample.agencies, *sample.changes))),
            ("agencies", SuccessionsRecorded(successions=sample.successions)),
            ("officers", OfficersImported(officers=sample.officers)),
        ]
        desk.record(session, changes, reason="sample thanh-hoa-2020")
        enter_directive(desk, session, sample.directive, reason="sample thanh-hoa-2020")


def enter_directive(desk: Desk, session: database.Session, directive: Directive, *, reason: str) -> None:
    """Record a directive together with the plans that its direct assignments make.

    An assignment that is already known keeps its history; a changed list of assignments is the plan's next version, and
    an agency whose last assignment is gone gets an empty one, so that its tasks are withdrawn.
    """
    changes: list[tuple[str, Change]] = [(directive.code, DirectiveImported(directive=directive))]
    desk.record(session, changes, reason=reason)
    given = assigned_plans(directive)
    kept = {plan.key for plan in given}
    emptied = [
        replace(record.plan, number=directive.number, signed=directive.issued_on, goals=())
        for key, record in plans.plan_records(session).items()
        if record.plan.kind is PlanKind.ASSIGNED and record.plan.directive == directive.code and key not in kept
    ]
    for plan in (*given, *emptied):
        latest = plans.latest_record(session, plan.key)
        if latest is not None and latest.plan == plan:
            continue
        record = PlanRecord(
            plan=plan,
            version=latest.version + 1 if latest else 1,
            state=PlanState.ACCEPTED,
            filed_at=desk.now,
            receipt=plans.next_receipt(session, desk.today.year),
        )
        book = Book()
        book.tasks[plan.key] = plans.task_records(session, plan=plan.key, in_force=False)
        desk.record(session, [(plan.key, PlanFiled(record=record))], book=book, reason=reason)


def audit_log(desk: Desk, *, subject: str | None, limit: int) -> list[dict[str, Any]]:
    """Return the newest events, newest first; `subject` may leave the directive out, as people write it."""
    with desk.reading() as session:
        if subject is not None and ":" in subject:
            subject = desk.task_key(session, subject)
        elif subject in registers.agencies(session):
            subject = desk.plan_key(session, subject)
        return [
            {
                "seq": event.seq,
                "at": event.at,
                "actor": event.actor,
                "kind": event.kind,
                "subject": event.subject,
                "reason": event.reason,
                "hash": event.hash,
            }
            for event in events.newest(session, limit=limit, subject=subject)
        ]


def audit_verify(desk: Desk) -> events.Verdict:
    """Walk the hash chain."""
    with desk.reading() as session:
        return events.verify(session)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing `doctor` looked at."""

    name: str
    ok: bool
    detail: str


def doctor(desk: Desk) -> list[Check]:
    """Look at settings, database, mail server, templates and heartbeat."""
    checks = [_settings_check(desk), *_database_checks(desk), _smtp_check(desk), _templates_check(desk)]
    return [*checks, *_clock_check(desk), *_heartbeat(desk), *_address_checks(desk)]


def _address_checks(desk: Desk) -> list[Check]:
    """Look whether mail that comes back is read, and whose address is dead."""
    settings = desk.settings
    ok, detail = True, _("what comes back by {path} is read each round").format(path=settings.bounce_maildir)
    try:
        if settings.bounce_key() is None:
            detail = _("mail that comes back later is not read; set bounce_key_file and bounce_maildir")
        elif settings.bounce_maildir is None:
            detail = _("read only by hand: planner outbox bounce FILE")
        elif not (settings.bounce_maildir / "new").is_dir():
            ok, detail = (
                False,
                _("{path} is no Maildir: it needs the folders new and cur.").format(path=settings.bounce_maildir),
            )
    except WorldFailed as error:
        ok, detail = False, error.message
    found = [Check(name="bounces", ok=ok, detail=detail)]
    try:
        with desk.reading() as session:
            officers, dead = registers.officers(session), registers.dead_addresses(session)
            others = addresses.other_returns(session, desk.now - _RECENT)
    except PlannerError:
        return found  # said under "database"
    unreached = [email for email in dead if officers[email].is_valid_on(desk.today)]
    detail = _("mail reaches everybody, as far as is known")
    if unreached:
        detail = _("mail does not arrive at {n} addresses; see: planner officer list --dead").format(n=len(unreached))
    if others:
        detail += ". " + _("{n} mails of the last 30 days came back for another reason.").format(n=others)
    return [*found, Check(name="addresses", ok=not unreached, detail=detail)]


_RECENT = timedelta(days=30)


_CLOCKS_APART = 60  # seconds; leases do not mind, but what is due is decided by this machine's clock


def _clock_check(desk: Desk) -> list[Check]:
    try:
        with desk.reading() as session:
            apart = abs(time.time() - database.clock(session))
    except PlannerError:
        return []  # said under "database"
    detail = _("this machine and the database are {seconds} seconds apart").format(seconds=round(apart))
    if apart > _CLOCKS_APART:
        detail += ". " + _("Set both clocks by the same time server.")
    return [Check(name="clock", ok=apart <= _CLOCKS_APART, detail=detail)]


def _smtp_check(desk: Desk) -> Check:
    settings = desk.settings
    host, port = settings.smtp_host, settings.smtp_port
    try:
        greeting = trust.greeting(host, port, settings.smtp_tls, settings.smtp_ca_file)
    except WorldFailed as error:
        detail = _("{host}:{port} does not answer: {reason}. See the settings under [smtp].").format(
            host=host, port=port, reason=error.message
        )
        return Check(name="smtp", ok=False, detail=detail)
    return Check(name="smtp", ok=True, detail=f"{host}:{port} {greeting}")


def _settings_check(desk: Desk) -> Check:
    file = desk.settings.home / config.FILE_NAME
    detail = str(file) if file.exists() else _("no planner.toml; defaults are in force. Make one with: planner init")
    return Check(name="settings", ok=file.exists(), detail=detail)


def _database_checks(desk: Desk) -> list[Check]:
    try:
        revision = database.current_revision(desk.engine)
    except PlannerError as error:
        return [Check(name="database", ok=False, detail=error.message)]
    return [Check(name="database", ok=True, detail=_("revision {revision}").format(revision=revision))]


def _templates_check(desk: Desk) -> Check:
    from planner.templating import environment, templates_folder

    site = desk.settings.templates_dir
    env = environment(site)
    names = env.list_templates()
    for name in names:
        try:
            env.get_template(name)
        except Exception as error:  # noqa: BLE001 - whatever a site's template does wrong is what is being asked
            return Check(name="templates", ok=False, detail=f"{name}: {error}")
    detail = _("{n} templates from {folder}").format(n=len(names), folder=site or templates_folder())
    return Check(name="templates", ok=bool(names), detail=detail)


def _heartbeat(desk: Desk) -> list[Check]:
    try:
        with desk.reading() as session:
            last, mails = ticks.last_tick(session), ledger_view.mail_counts(session)
    except PlannerError as error:
        return [Check(name="heartbeat", ok=False, detail=error.message)]
    if last is None:
        detail = _("the engine has never run; start it with: planner scheduler run")
        return [Check(name="heartbeat", ok=False, detail=detail)]
    age = (desk.now - last).total_seconds() / 60
    silent = age > desk.settings.tick_seconds * 3 / 60
    detail = _("last round at {instant}").format(instant=vi_instant(last))
    if silent:
        detail += ". " + _("The engine is silent; look at its service and its log.")
    stuck = mails.get("dead", 0) + mails.get("unknown", 0)
    return [
        Check(name="heartbeat", ok=not silent, detail=detail),
        Check(
            name="outbox",
            ok=not stuck,
            detail=_("{dead} mails refused, {unknown} of unknown fate").format(
                dead=mails.get("dead", 0), unknown=mails.get("unknown", 0)
            ),
        ),
    ]
