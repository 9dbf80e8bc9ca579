"""`planner plan accept`, `return`, `history`, `diff` and `export`; joined to the group in `plans.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from planner.cli.base import FILE, App, Command, argument, everywhere, option, pass_app
from planner.i18n import N_
from planner.i18n import gettext as _


@click.command(cls=Command, help=N_("Accept a submitted plan; its tasks are in force from then on."))
@argument("name", metavar="PLAN")
@everywhere(writes=True)
@pass_app
def accept(app: App, name: str) -> None:
    """Accept a plan."""
    from planner.domain.status import PlanState

    _decide(app, name, PlanState.ACCEPTED, "")


@click.command("return", cls=Command, help=N_("Return a plan to its agency, which then owes one again."))
@argument("name", metavar="PLAN")
@option("--reason", required=True, help=N_("Why; the agency reads it."))
@everywhere(writes=True)
@pass_app
def return_(app: App, name: str, reason: str) -> None:
    """Return a plan."""
    from planner.domain.status import PlanState

    _decide(app, name, PlanState.RETURNED, reason)


def _decide(app: App, name: str, state: Any, reason: str) -> None:
    from planner.cli.output import say
    from planner.service import filing

    data = filing.decide(app.desk(), name, state, reason)
    app.emit(
        data,
        lambda: say(
            _("{plan}, version {version}: {state}.").format(
                plan=data["plan"], version=data["version"], state=_(state.label)
            )
        ),
    )


@click.command(cls=Command, help=N_("List every version of a plan: when it came, from whom, what it changed."))
@argument("name", metavar="PLAN")
@everywhere()
@pass_app
def history(app: App, name: str) -> None:
    """List versions."""
    from planner.cli.output import actor_name, show_table
    from planner.domain.status import PlanState
    from planner.service import versions

    data = versions.history(app.desk(), name)

    def changes(row: dict[str, Any]) -> tuple[Any, ...]:
        counts = row["changes"]
        return tuple(counts[key] for key in ("added", "removed", "changed", "renumbered")) if counts else (None,) * 4

    app.emit(
        data,
        lambda: show_table(
            [
                _("Version"),
                _("State"),
                _("Filed at"),
                _("Filed by"),
                _("Receipt"),
                _("Number of tasks"),
                _("Added"),
                _("Left out"),
                _("Changed"),
                _("Renumbered"),
                _("File"),
                "SHA-256",
                _("Reason"),
            ],
            [
                (
                    row["version"],
                    PlanState(row["state"]),
                    row["filed_at"],
                    actor_name(row["filed_by"]),
                    row["receipt"],
                    row["tasks"],
                    *changes(row),
                    row["file"] or None,
                    row["sha256"][:12] or None,
                    row["reason"] or None,
                )
                for row in data["versions"]
            ],
            title=data["plan"],
        ),
    )


@click.command(cls=Command, help=N_("Show what differs between two versions, or what filing a file would change."))
@argument("name", metavar="PLAN")
@argument("path", metavar="[FILE]", type=FILE, required=False)
@option("--from", "old", type=int, metavar="NUMBER", help=N_("The older version; default: the one before."))
@option("--to", "new", type=int, metavar="NUMBER", help=N_("The newer version; default: the newest."))
@everywhere()
@pass_app
def diff(app: App, name: str, path: Path | None, old: int | None, new: int | None) -> None:
    """Compare versions."""
    from planner.cli.output import say, show_problems, show_table
    from planner.domain.comparison import FIELD_NAMES
    from planner.errors import UsageRefused
    from planner.service import versions

    if path is not None and new is not None:
        raise UsageRefused(_("A file stands in place of --to; give one of them."))
    desk = app.desk()
    if path is None:
        sides = versions.diff(desk, name, old=old, new=new)
    else:
        sides = versions.diff_file(desk, name, path, old=old)
    found = sides.found

    def people() -> None:
        say(_("{plan}: version {old} -> {new}").format(plan=sides.plan, old=sides.old, new=sides.new))
        if found.is_empty:
            say(_("Nothing differs."))
        if found.renumbered:
            rows = [(one.old, one.new, one.title) for one in found.renumbered]
            show_table([_("Old number"), _("New number"), _("Task")], rows, title="\n" + _("Renumbered"))
        for title, tasks in ((_("Added"), found.added), (_("Left out"), found.removed)):
            if tasks:
                rows = [(task.code, task.title, task.deadline.text) for task in tasks]
                show_table([_("Code"), _("Task"), _("Deadline as filed")], rows, title="\n" + title)
        if found.changed:
            show_table(
                [_("Code"), _("What changed"), _("Before"), _("Now")],
                [
                    (one.code or _("the plan"), _(FIELD_NAMES[one.field]), one.before or None, one.after or None)
                    for one in found.changed
                ],
                title="\n" + _("Changed"),
            )
        if sides.problems:
            say("")
            show_problems(sides.problems)

    app.emit(sides.as_dict(), people)


@click.command(cls=Command, help=N_("Write a plan as a file, .xlsx or .yaml; filed again, it changes nothing."))
@argument("name", metavar="PLAN")
@option("-o", "--output", required=True, type=FILE, metavar="FILE", help=N_("The file; its ending says the format."))
@option("--version", type=int, metavar="NUMBER", help=N_("Which version; default: the newest."))
@option("--overwrite", is_flag=True, help=N_("Write the file even if there is one of that name."))
@everywhere()
@pass_app
def export(app: App, name: str, output: Path, version: int | None, overwrite: bool) -> None:
    """Write a plan."""
    from planner.cli.output import say, show_problems
    from planner.errors import Problem
    from planner.service import versions

    data = versions.export(app.desk(), name, output, version=version, overwrite=overwrite)

    def people() -> None:
        say(_("Written: {path}").format(path=data["file"]))
        if data["problems"]:
            say(_("Filed again as it is, this file would be refused or change the plan:"))
            show_problems([Problem(**problem) for problem in data["problems"]])

    app.emit(data, people)
