"""`planner scheduler policy ...`: see, check, try out and change the reminder ladder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planner.cli.base import FILE, App, Group, argument, everywhere, option, pass_app
from planner.i18n import N_
from planner.i18n import gettext as _

if TYPE_CHECKING:
    from scheduler.shop import Shop


def shop_of(app: App) -> Shop:
    """Return the engine's tools, given back when the command ends."""
    from scheduler.shop import Shop

    shop = Shop(settings=app.desk().settings)
    click.get_current_context().call_on_close(shop.close)
    return shop


def fate(state: str) -> str:
    """Return in words what becomes of a notice that is foreseen."""
    return {"queued": _("told"), "superseded": _("replaced by a higher step"), "suppressed": _("held back")}[state]


@click.group(cls=Group, help=N_("The reminder ladder."))
def policy() -> None:
    """The policy."""


def _there(path: Path) -> Path:
    from planner.errors import NotFound

    if not path.exists():
        raise NotFound(_("There is no file {path}.").format(path=path))
    return path


@policy.command("check", help=N_("Check a policy file; tell everything that is wrong in it."))
@argument("path", metavar="FILE", type=FILE)
@everywhere()
@pass_app
def check_policy(app: App, path: Path) -> None:
    """Check a policy."""
    from planner.cli.output import say, show_table
    from scheduler import foresee
    from scheduler import policy as ladder

    found = ladder.load(_there(path))
    overtaken = foresee.overtaken(found, app.desk().calendar(), app.desk().today)
    data = {
        "ok": True,
        "name": found.name,
        "version": found.version,
        "hash": found.hash,
        "rungs": len(found.rungs),
        "superseded": overtaken,
    }

    def people() -> None:
        say(
            _("{name}, version {version}: {n} rungs, no problem.").format(
                name=found.name, version=found.version, n=len(found.rungs)
            )
        )
        if overtaken:
            show_table(
                [_("Rung"), _("Overtaken by"), _("Last days")],
                [(row["rung"], row["by"], row["days"]) for row in overtaken],
                title="\n"
                + _("Rungs that a higher one overtakes on their own day, for last days of the next 365 days"),
            )

    app.emit(data, people)


@policy.command("show", help=N_("Show the ladder in force."))
@everywhere(clock=False)
@pass_app
def show_policy(app: App) -> None:
    """Show the policy."""
    from planner.cli.output import say, show_facts, show_table
    from planner.errors import DatabaseFailed

    shop = shop_of(app)
    found = shop.policy
    data: dict[str, Any] = {**found.content, "hash": found.hash, "versions": None}
    trouble = ""
    try:
        data["versions"] = shop.versions()
    except DatabaseFailed as error:  # the ladder itself stands in a file
        trouble = error.message

    def people() -> None:
        show_facts(
            [
                (_("Name"), f"{data['name']} {data['version']}"),
                (_("Sending hours"), f"{data['sending']['from'][:5]} - {data['sending']['to'][:5]}"),
                (_("Hash"), data["hash"]),
            ]
        )
        show_table(
            [_("Rung"), _("Falls due"), _("Who is told"), _("Kind")],
            [(rung.name, rung.trigger.describe(), rung.tell, rung.kind) for rung in found.rungs],
        )
        if trouble:
            say(_("How many cases run under which version is not known: {reason}").format(reason=trouble))
        elif data["versions"]:
            show_table(
                [_("Version"), _("Hash"), _("In use since"), _("Cases"), _("In force")],
                [
                    (f"{v['name']} {v['version']}", v["hash"][:12], v["since"], v["cases"], v["in_force"])
                    for v in data["versions"]
                ],
                title="\n" + _("Cases by the version they began with, or were moved to"),
            )

    app.emit(data, people)


@policy.command("schema", help=N_("Print the JSON Schema of a policy file, for editors."))
@everywhere(data=False, clock=False)
@pass_app
def show_schema(app: App) -> None:  # noqa: ARG001 - every command is given it
    """Print the schema."""
    from scheduler import policy as ladder

    click.echo(ladder.schema_text(), nl=False)


@policy.command("test", help=N_("Put the ladder to a table of facts and expected recipients; exit 1 on a difference."))
@argument("path", metavar="FILE", type=FILE)
@option("--policy", "ladder_file", type=FILE, help=N_("The ladder to test; default: the one in force."))
@everywhere(clock=False)
@pass_app
def test_policy(app: App, path: Path, ladder_file: Path | None) -> None:
    """Test a policy."""
    from dataclasses import asdict

    from planner.cli.output import say, show_table
    from scheduler import policy as ladder
    from scheduler import trial

    shop = shop_of(app)
    found = ladder.load(_there(ladder_file)) if ladder_file is not None else shop.policy
    table, source = trial.read(_there(path))
    wrong = trial.differences(table, source, found, shop.calendar())
    expectations = sum(len(case.expect) for case in table.cases)
    data = {
        "ok": not wrong,
        "hash": found.hash,
        "cases": len(table.cases),
        "expectations": expectations,
        "differences": [asdict(one) for one in wrong],
    }

    def people() -> None:
        if wrong:
            show_table(
                [_("Line"), _("Case"), _("Expected"), _("Found"), _("Why")],
                [(one.line, one.case, one.expected or None, one.found or None, one.reason or None) for one in wrong],
            )
        say(
            _("{name}, version {version}: {cases} cases, {n} expectations, {wrong} differences.").format(
                name=found.name, version=found.version, cases=len(table.cases), n=expectations, wrong=len(wrong)
            )
        )

    app.emit(data, people)
    if wrong:
        click.get_current_context().exit(1)


@policy.command("move", help=N_("Let reminder cases go on under the version in force; for the department."))
@option("--task", metavar="TASK", help=N_("The cases of this task."))
@option("--agency", metavar="CODE", help=N_("The cases of this agency."))
@option("--all", "everything", is_flag=True, help=N_("All cases."))
@option("--reason", required=True, help=N_("Why; the log keeps it."))
@everywhere(writes=True)
@pass_app
def move_cases(app: App, task: str | None, agency: str | None, everything: bool, reason: str) -> None:
    """Move cases."""
    from planner.cli.output import say
    from planner.service import policy as service

    to = shop_of(app).policy_version
    data = service.move(app.desk(), to, task=task, agency=agency, everything=everything, reason=reason)
    app.emit(
        data,
        lambda: say(
            _("{n} cases go on under {name}, version {version}.").format(
                n=data["moved"], name=data["name"], version=data["version"]
            )
        ),
    )


@policy.command("route", help=N_("Show who would be told of a task at each rung."))
@argument("name", metavar="TASK")
@everywhere()
@pass_app
def route(app: App, name: str) -> None:
    """Show a task's way up the ladder."""
    from planner.cli.output import show_table
    from scheduler import foresee
    from scheduler.policy import Role

    rows = foresee.route(shop_of(app), name, app.now)
    app.emit(
        rows,
        lambda: show_table(
            [_("Day"), _("Rung"), _("Role"), _("Recipient"), _("What becomes of it"), _("Why")],
            [(r["day"], r["rung"], Role(r["role"]), r["recipient"], fate(r["state"]), r["reason"]) for r in rows],
        ),
    )
