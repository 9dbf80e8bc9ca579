"""`planner init | db | audit | doctor`: looking after the house."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from planner.cli.base import App, Command, Group, everywhere, option, pass_app
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
    from planner.service import admin

    checks = admin.doctor(app.desk())

    names = {
        "settings": _("settings"),
        "database": _("database"),
        "smtp": _("mail server"),
        "templates": _("templates"),
        "clock": _("clock"),
        "heartbeat": _("engine"),
        "outbox": _("mails"),
        "bounces": _("returned mail"),
        "addresses": _("addresses"),
    }

    def people() -> None:
        out = console()
        for check in checks:
            mark = "[green]✓[/]" if check.ok else "[red]✗[/]"
            out.print(f"{mark} {names.get(check.name, check.name)}: {escape(check.detail)}", soft_wrap=True)

    app.emit({"checks": [asdict(check) for check in checks]}, people)
    if not all(check.ok for check in checks):
        raise click.exceptions.Exit(5)
