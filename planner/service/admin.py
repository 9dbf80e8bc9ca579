"""Looking after the house: make the database, load the sample, verify the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
from planner.errors import NotFound, Refused, WorldFailed, words_of
from planner.i18n import gettext as _
from planner.service.desk import Desk
from planner.store import engine as database
from planner.store import events, plans, registers
from planner.store.state import Book

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
        raise WorldFailed(
            _("{path} cannot be written: {reason}").format(path=config_file, reason=words_of(error))
        ) from error
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

[smtp]
# Mail goes unencrypted to this machine only. For any other: host, port = 587, tls = "starttls".
host = "localhost"
port = 25
tls = "none"
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
