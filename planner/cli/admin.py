"""`planner init | db | audit | doctor`: looking after the house."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from planner.cli.base import FILE, App, Command, Group, argument, everywhere, option, pass_app
from planner.i18n import N_
from planner.i18n import gettext as _


@click.command(cls=Command, help=N_("Make planner.toml and the database here, empty or with a sample's registers."))
@option("--sample", metavar="NAME", help=N_("thanh-hoa-2020: 606 real agencies and the notice of April 2020."))
@everywhere(writes=True)
@pass_app
def init(app: App, sample: str | None) -> None:
    """Make the settings and the database."""
    from planner import config
    from planner.cli.output import say
    from planner.errors import Refused
    from planner.service import admin

    path = Path.cwd() / config.FILE_NAME
    above = config.find_file(Path.cwd())
    if above is not None and above != path:
        raise Refused(
            _(
                "{path} is in force here, and its database would be changed; run this in its folder, or elsewhere."
            ).format(path=above)
        )
    made = admin.init(app.desk(), sample, path)

    def people() -> None:
        say(_("Database: {url}, revision {revision}.").format(url=made.database, revision=made.revision))
        say(
            _("{agencies} agencies, {directives} directives.").format(
                agencies=made.agencies, directives=made.directives
            )
        )
        if made.agencies:
            say(_("Next: planner plan file FILE"))
        else:
            say(_("Next: planner agency import FILE, then officer import and directive import"))

    app.emit(asdict(made), people)


@click.group(cls=Group, help=N_("Look after the database."))
def db() -> None:
    """The database."""


@db.command(help=N_("Bring the database to this program's schema."))
@everywhere(writes=True, clock=False)
@pass_app
def upgrade(app: App) -> None:
    """Upgrade the schema."""
    from planner.cli.output import say
    from planner.store import engine

    url = app.settings.resolved_database_url
    revision = engine.newest_revision(url) if app.dry_run else engine.upgrade(url)
    app.emit({"revision": revision}, lambda: say(_("The database has revision {revision}.").format(revision=revision)))


@db.command(help=N_("Tell the schema's revision and the one this program needs."))
@everywhere(clock=False)
@pass_app
def current(app: App) -> None:
    """Tell the revision."""
    from planner.cli.output import show_facts
    from planner.store import engine

    url = app.settings.resolved_database_url
    opened = engine.connect(url)
    found, wanted = engine.current_revision(opened), engine.newest_revision(url)
    opened.dispose()
    app.emit(
        {"revision": found, "newest": wanted},
        lambda: show_facts([(_("Revision of the database"), found), (_("Needed"), wanted)]),
    )


@db.command(help=N_("Copy the whole database into one file; the service may go on meanwhile."))
@argument("path", metavar="FILE", type=FILE)
@everywhere(writes=True, clock=False)
@pass_app
def backup(app: App, path: Path) -> None:
    """Copy the database."""
    from planner.cli.output import say
    from planner.store import backup as copies

    url = app.settings.resolved_database_url
    if not app.dry_run:
        copies.back_up(url, path)
    app.emit({"file": str(path)}, lambda: say(_("The database is copied to {path}.").format(path=path)))


@db.command(help=N_("Put a backup in the place of the database; what was there is kept beside it."))
@argument("path", metavar="FILE", type=FILE)
@everywhere(writes=True)
@pass_app
def restore(app: App, path: Path) -> None:
    """Restore a backup."""
    import socket

    from planner.cli.output import say
    from planner.store import backup as copies

    url = app.settings.resolved_database_url
    done = copies.restore(url, path, now=app.now, host=socket.gethostname()[:100], dry_run=app.dry_run)
    data = {
        "revision": done.revision,
        "events": done.events,
        "kept": str(done.kept) if done.kept else None,
        "on_hold": done.on_hold,
    }

    def people() -> None:
        say(_("Revision {revision}, {n} events, the chain holds.").format(revision=done.revision, n=done.events))
        if done.kept:
            say(_("The database of before: {path}").format(path=done.kept))
        if done.on_hold:
            say(
                _(
                    "Mails may have been sent that this backup does not know; none leaves until somebody decides: "
                    "planner scheduler resume"
                )
            )

    app.emit(data, people)


@db.command(help=N_("See whether the database is sound; exit 1 if not."))
@everywhere(clock=False)
@pass_app
def check(app: App) -> None:
    """Check the database."""
    from rich.markup import escape

    from planner.cli.output import console
    from planner.store import checking, engine

    opened = engine.connect_current(app.settings.resolved_database_url)
    try:
        found = checking.check(opened)
    finally:
        opened.dispose()
    names = {
        "file": _("file"),
        "schema": _("schema"),
        "chain": _("log of events"),
        "tables": _("tables"),
        "sent": _("a sent notice has a sent mail"),
        "mailed": _("a settled mail leaves no notice behind"),
        "digests": _("one digest a person and day"),
        "attempts": _("a sent mail has a successful try"),
        "once": _("no mail sent twice"),
    }

    def people() -> None:
        out = console()
        for one in found:
            mark = "[green]✓[/]" if one.ok else "[red]✗[/]"
            out.print(f"{mark} {names[one.name]}: {escape(one.detail)}", soft_wrap=True)

    app.emit({"ok": all(one.ok for one in found), "checks": [asdict(one) for one in found]}, people)
    if not all(one.ok for one in found):
        raise click.exceptions.Exit(1)


@click.group(cls=Group, help=N_("Read and verify the log of what happened."))
def audit() -> None:
    """The event log."""


@audit.command("log", help=N_("List what happened, the newest first."))
@option("--subject", metavar="KEY", help=N_("Only what concerns this plan or task."))
@option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help=N_("How many at most."))
@everywhere()
@pass_app
def log(app: App, subject: str | None, limit: int) -> None:
    """List events."""
    from planner.cli.output import actor_name, event_name, show_table
    from planner.service import admin

    rows = admin.audit_log(app.desk(), subject=subject, limit=limit)
    app.emit(
        rows,
        lambda: show_table(
            [_("No."), _("When"), _("Who"), _("What"), _("Of what"), _("Why")],
            [
                (r["seq"], r["at"], actor_name(r["actor"]), event_name(r["kind"]), r["subject"], r["reason"])
                for r in rows
            ],
        ),
    )


@audit.command(help=N_("Walk the hash chain of the log and tell the first event that does not fit."))
@everywhere()
@pass_app
def verify(app: App) -> None:
    """Verify the chain."""
    from planner.cli.output import say
    from planner.service import admin

    verdict = admin.audit_verify(app.desk())

    def people() -> None:
        if verdict.ok:
            say(_("{n} events, the chain holds. Head: {head}").format(n=verdict.events, head=verdict.head))
        else:
            say(
                _("The chain breaks at event {seq}: it, or the one before it, was changed or removed.").format(
                    seq=verdict.first_bad
                )
            )

    app.emit({"events": verdict.events, "ok": verdict.ok, "first_bad": verdict.first_bad, "head": verdict.head}, people)
    if not verdict.ok:
        raise click.exceptions.Exit(1)


@click.command(cls=Command, help=N_("See whether everything works, and what to do if not."))
@everywhere()
@pass_app
def doctor(app: App) -> None:
    """Look at everything."""
    from rich.markup import escape

    from planner.cli.output import console
    from planner.service.doctor import doctor as look

    checks = look(app.desk())

    names = {
        "settings": _("settings"),
        "database": _("database"),
        "calendar": _("working days"),
        "smtp": _("mail server"),
        "templates": _("templates"),
        "policy": _("policy"),
        "mails": _("wording of mails"),
        "department": _("department"),
        "clock": _("clock"),
        "heartbeat": _("engine"),
        "hold": _("deliveries"),
        "audit": _("auditor"),
        "signal": _("heartbeat"),
        "channel": _("way to the mail server"),
        "reports": _("reports"),
        "outbox": _("mails"),
        "bounces": _("returned mail"),
        "addresses": _("addresses"),
        "state": _("state file"),
    }

    def people() -> None:
        out = console()
        for check in checks:
            mark = "[green]✓[/]" if check.ok else "[red]✗[/]"
            out.print(f"{mark} {names.get(check.name, check.name)}: {escape(check.detail)}", soft_wrap=True)

    app.emit({"checks": [asdict(check) for check in checks]}, people)
    if not all(check.ok for check in checks):
        raise click.exceptions.Exit(5)
