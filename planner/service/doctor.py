"""Looks at everything the program leans on, and says of each part that it is well, or what to do.

What only the engine knows (its policy, the wording of its mails) it looks at itself: functions of the entry points
`planner.checks` are asked too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import entry_points
from typing import Any

from planner import config, trust
from planner.domain.agency import OfficerRole
from planner.errors import PlannerError, WorldFailed, words_of
from planner.i18n import gettext as _
from planner.service.desk import Desk
from planner.store import addresses, audits, breaker, holds, ledger_view, registers, ticks
from planner.store import engine as database
from planner.store.engine import Session
from planner.templating import vi_instant


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing `doctor` looked at."""

    name: str
    ok: bool
    detail: str


def doctor(desk: Desk) -> list[Check]:
    """Look at settings, database, mail server, templates, registers and engine."""
    found = [_settings(desk), *_database(desk), _calendar(desk), _smtp(desk), _templates(desk)]
    found += _from_elsewhere(desk)
    try:
        with desk.reading() as session:
            found += [_department(desk, session), _clock(session), *_engine(desk, session)]
            found += [_channel(session), _reports(session), _outbox(session), *_addresses(desk, session)]
    except PlannerError as error:  # said under "database" too, but who watches the engine looks here
        found.append(Check(name="heartbeat", ok=False, detail=error.message))
    return [*found, _bounces(desk), _state_file(desk)]


# --- what the program stands on ---


def _settings(desk: Desk) -> Check:
    file = desk.settings.home / config.FILE_NAME
    detail = str(file) if file.exists() else _("no planner.toml; defaults are in force. Make one with: planner init")
    return Check(name="settings", ok=file.exists(), detail=detail)


def _database(desk: Desk) -> list[Check]:
    try:
        revision = database.current_revision(desk.engine)
    except PlannerError as error:
        return [Check(name="database", ok=False, detail=error.message)]
    return [Check(name="database", ok=True, detail=_("revision {revision}").format(revision=revision))]


def _calendar(desk: Desk) -> Check:
    """Look whether the site's days off can be read: without them no round counts a day."""
    file = desk.settings.calendar_file
    try:
        desk.calendar()
    except PlannerError as error:
        return Check(name="calendar", ok=False, detail=error.in_one_line())
    return Check(name="calendar", ok=True, detail=str(file) if file else _("public holidays and shipped exchanges"))


def _smtp(desk: Desk) -> Check:
    settings = desk.settings
    host, port = settings.smtp_host, settings.smtp_port
    try:
        if settings.smtp_password_file is not None:
            settings.smtp_password_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        detail = _("The password file {path} cannot be read: {reason}")
        detail = detail.format(path=settings.smtp_password_file, reason=words_of(error))
        return Check(name="smtp", ok=False, detail=detail)
    try:
        greeting = trust.greeting(host, port, settings.smtp_tls, settings.smtp_ca_file)
    except WorldFailed as error:
        detail = _("{host}:{port} does not answer: {reason}. See the settings under [smtp].").format(
            host=host, port=port, reason=error.message
        )
        return Check(name="smtp", ok=False, detail=detail)
    return Check(name="smtp", ok=True, detail=f"{host}:{port} {greeting}")


def _templates(desk: Desk) -> Check:
    """Read every template, and render the page of a report; mails are rendered by the engine's own check."""
    from planner.reporter.html import render
    from planner.reporter.sample import sample_report
    from planner.templating import environment, templates_folder

    site = desk.settings.templates_dir
    env = environment(site)
    names = env.list_templates()
    for name in names:
        try:
            env.get_template(name)
        except Exception as error:  # noqa: BLE001 - whatever a site's template does wrong is what is being asked
            return Check(name="templates", ok=False, detail=f"{name}: {error}")
    try:
        render(sample_report(desk.settings.lang, desk.today), site)
    except PlannerError as error:
        return Check(name="templates", ok=False, detail=error.message)
    detail = _("{n} templates from {folder}").format(n=len(names), folder=site or templates_folder())
    return Check(name="templates", ok=bool(names), detail=detail)


Checks = Callable[[config.Settings, datetime], "Iterator[tuple[str, bool, str]]"]


def _from_elsewhere(desk: Desk) -> list[Check]:
    found = []
    for point in entry_points(group="planner.checks"):
        look: Checks = point.load()
        found += [Check(name=name, ok=ok, detail=detail) for name, ok, detail in look(desk.settings, desk.now)]
    return found


def _department(desk: Desk, session: Session) -> Check:
    """Look whether the monitoring agency is known, and whether somebody there can be told."""
    code = desk.settings.department
    agency = registers.agencies(session).get(code)
    ok, detail = False, _("there is no agency {code} in the register; set [planner] department").format(code=code)
    if agency is not None and not agency.is_valid_on(desk.today):
        detail = _("{name} is no longer in the register; set [planner] department").format(name=agency.name)
    elif agency is not None:
        posts = (OfficerRole.FOCAL, OfficerRole.HEAD)
        ok = any(
            one.agency == code and one.role in posts and one.is_valid_on(desk.today)
            for one in registers.officers(session).values()
        )
        detail = agency.name
        if not ok:
            detail += ": " + _("neither a focal officer nor a head is in the register; nobody there is told anything")
    return Check(name="department", ok=ok, detail=detail)


_CLOCKS_APART = 60  # seconds; leases do not mind, but what is due is decided by this machine's clock


def _clock(session: Session) -> Check:
    apart = abs(time.time() - database.clock(session))
    detail = _("this machine and the database are {seconds} seconds apart").format(seconds=round(apart))
    if apart > _CLOCKS_APART:
        detail += ". " + _("Set both clocks by the same time server.")
    return Check(name="clock", ok=apart <= _CLOCKS_APART, detail=detail)


# --- the engine ---


def _engine(desk: Desk, session: Session) -> list[Check]:
    last = ticks.last_tick(session)
    if last is None:
        detail = _("the engine has never run; start it with: planner scheduler run")
        return [Check(name="heartbeat", ok=False, detail=detail)]
    return [_rounds(desk, session, last), _hold(session), _audit(desk, session), *_signal(desk)]


def _rounds(desk: Desk, session: Session, last: datetime) -> Check:
    limit = desk.settings.tick_seconds * 3
    silent = (desk.now - last).total_seconds() > limit
    detail = _("last round at {instant}").format(instant=vi_instant(last))
    at_work = [one for one in ticks.workers(session) if one.age <= limit]
    if silent and at_work:
        silent = False
        detail += ". " + _("A round is under way ({worker}).").format(worker=at_work[0].name)
    if silent:
        detail += ". " + _("The engine is silent; look at its service and its log.")
    return Check(name="heartbeat", ok=not silent, detail=detail)


def held_because(hold: holds.Hold) -> str:
    """Return in a sentence why no mail leaves: a person said so, or the database was restored."""
    if not hold.actor:
        return _("The database was restored and has forgotten mails that were sent.")
    who = _("the operator") if hold.actor == "local" else hold.actor
    return _("Stopped by {who}: {reason}.").format(who=who, reason=hold.reason.rstrip("."))


def _hold(session: Session) -> Check:
    hold = holds.standing(session)
    if hold is None:
        return Check(name="hold", ok=True, detail=_("mail may leave"))
    detail = _("no mail leaves since {instant} ({host}). {reason} Decide with: planner scheduler resume")
    detail = detail.format(instant=vi_instant(hold.since), host=hold.host, reason=held_because(hold))
    return Check(name="hold", ok=False, detail=detail)


def _audit(desk: Desk, session: Session) -> Check:
    last = audits.latest(session)
    if last is None:
        detail = _("no audit yet; the service does one every few minutes, by hand: planner scheduler audit")
        return Check(name="audit", ok=False, detail=detail)
    share = f"{float(last.counts.get('share', 1)):.0%}"
    detail = _("last audit at {instant}, {share} of the plans").format(instant=vi_instant(last.at), share=share)
    if desk.now - last.at > timedelta(seconds=3 * desk.settings.audit_seconds):
        detail += ". " + _("The auditor is silent; look at the service and its log.")
        return Check(name="audit", ok=False, detail=detail)
    if not last.ok:
        faults = ("missing", "leases", "overdue", "unmailed", "silent", "on_hold")
        wrong = ", ".join(f"{name} {int(last.counts[name])}" for name in faults if last.counts.get(name))
        detail += ". " + _("It found: {faults}. See: planner scheduler audit").format(faults=wrong)
    unaddressed = int(last.counts.get("unaddressed", 0))
    if unaddressed:
        detail += ". " + _(
            "{n} notices wait for whom nobody was found; see: planner outbox list --state queued"
        ).format(n=unaddressed)
    return Check(name="audit", ok=last.ok, detail=detail)


def _signal(desk: Desk) -> list[Check]:
    """Look at the sign that is given to the world outside."""
    settings = desk.settings
    if settings.heartbeat_file is None:
        detail = _("no heartbeat_file; whoever watches from outside has only heartbeat_url")
        if settings.heartbeat_url is None:
            detail = _("nobody outside would notice if the engine stopped; set heartbeat_url or heartbeat_file")
        return [Check(name="signal", ok=True, detail=detail)]
    try:
        told: dict[str, Any] = json.loads(settings.heartbeat_file.read_bytes())
        at = datetime.fromisoformat(told["at"])
        detail = _("last given at {instant} by {host}").format(instant=vi_instant(at), host=told["host"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        detail = _("{path} cannot be read: {reason}").format(path=settings.heartbeat_file, reason=words_of(error))
        return [Check(name="signal", ok=False, detail=detail)]
    old = desk.now - at > timedelta(seconds=3 * settings.audit_seconds)
    if old:
        detail += ". " + _("It is given only after an audit that found nothing wrong.")
    return [Check(name="signal", ok=not old, detail=detail)]


def _outbox(session: Session) -> Check:
    mails = ledger_view.mail_counts(session)
    dead, unknown, held = (mails.get(name, 0) for name in ("dead", "unknown", "held"))
    detail = _("{dead} mails refused, {unknown} of unknown fate, {held} held for a person").format(
        dead=dead, unknown=unknown, held=held
    )
    if dead or held:
        detail += ". " + _(
            "See: planner outbox list --state dead; let one be tried again with: planner outbox retry KEY"
        )
    if unknown:
        detail += ". " + _("Mails of unknown fate are sent again with the same Message-ID.")
    return Check(name="outbox", ok=not (dead or unknown or held), detail=detail)


# --- mail that comes back ---

_RECENT = timedelta(days=30)


def _channel(session: Session) -> Check:
    """Look whether mail is being held back because of the mail server."""
    opened = breaker.standing(session)
    if opened is None:
        return Check(name="channel", ok=True, detail=_("mail may leave"))
    reason = _("mail is held back since {since}; nothing is lost. {reason} It is tried again at {instant}.")
    detail = reason.format(since=vi_instant(opened.since), reason=opened.reason, instant=vi_instant(opened.probe_at))
    advice = (
        _("The mail server refuses too many recipients: ask whoever runs it whether it still relays for us.")
        if opened.cause is breaker.Cause.REFUSALS
        else _("See that the mail server runs, and the settings under [smtp].")
    )
    return Check(name="channel", ok=False, detail=f"{detail} {advice}")


def _reports(session: Session) -> Check:
    """Look whether mails wait for a person's word, because nobody knows whether they arrived."""
    held = ledger_view.held_for_a_person(session)
    detail = _("no report waits for a person's word")
    if held:
        text = _("{n} reports did not arrive, or nobody knows; find out, and say: planner outbox resolve KEY --help")
        detail = text.format(n=held)
    return Check(name="reports", ok=not held, detail=detail)


def _bounces(desk: Desk) -> Check:
    """Look whether mail that comes back is read."""
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
    return Check(name="bounces", ok=ok, detail=detail)


def _addresses(desk: Desk, session: Session) -> list[Check]:
    """Look whose address is dead."""
    officers, dead = registers.officers(session), registers.dead_addresses(session)
    others = addresses.other_returns(session, desk.now - _RECENT)
    unreached = [email for email in dead if officers[email].is_valid_on(desk.today)]
    detail = _("mail reaches everybody, as far as is known")
    if unreached:
        detail = _("mail does not arrive at {n} addresses; see: planner officer list --dead").format(n=len(unreached))
    if others:
        detail += ". " + _("{n} mails of the last 30 days came back for another reason.").format(n=others)
    return [Check(name="addresses", ok=not unreached, detail=detail)]


def _state_file(desk: Desk) -> Check:
    """Look whether a restored database would be noticed."""
    path = desk.settings.resolved_state_file
    try:
        json.loads(path.read_bytes())["databases"]
    except FileNotFoundError:
        if not path.parent.is_dir():
            return Check(name="state", ok=False, detail=_("There is no folder {path}.").format(path=path.parent))
        detail = _("{path} is written at the first round; a database restored before is not noticed").format(path=path)
        return Check(name="state", ok=True, detail=detail)
    except (OSError, ValueError, KeyError, TypeError) as error:
        detail = _("{path} cannot be read: {reason}").format(path=path, reason=words_of(error))
        return Check(name="state", ok=False, detail=detail)
    return Check(name="state", ok=True, detail=_("{path} notices a restored database").format(path=path))
