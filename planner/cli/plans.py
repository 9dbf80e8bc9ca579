"""`planner plan ...` and `planner dates ...`: file plans, look at them, see who owes one."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click

from planner.cli import versions
from planner.cli.base import DAY, FILE, FOLDER, App, Group, argument, everywhere, option, pass_app
from planner.i18n import N_
from planner.i18n import gettext as _

AGENCY = option("--agency", metavar="CODE", help=N_("The agency that files; default: the one the file names."))
DIRECTIVE = option("--directive", metavar="CODE", help=N_("The directive; default: the newest one."))
RENUMBERED = option(
    "--renumbered",
    multiple=True,
    metavar="OLD=NEW",
    help=N_("A task stands under a new number: OLD=NEW, or all; what became of it goes with it."),
)
REPLACED = option(
    "--replaced", multiple=True, metavar="OLD", help=N_("What stands in place of task OLD is another task; or all.")
)


@click.group(cls=Group, help=N_("File plans, see what they say and who has none."))
def plan() -> None:
    """File plans."""


@plan.command(help=N_("Make the blank Excel form of an agency: targets filled in, officers to choose from."))
@option("--agency", metavar="CODE", help=N_("Whose plan it will be; default: the agency of who acts."))
@DIRECTIVE
@option("-o", "--output", "path", type=FILE, required=True, help=N_("Where to write it: a new .xlsx file."))
@everywhere(writes=True)
@pass_app
def form(app: App, agency: str | None, directive: str | None, path: Path) -> None:
    """Make a blank form."""
    from planner.cli.output import say
    from planner.service import forms

    drawn = forms.draw(app.desk(), path, agency=agency, directive=directive)

    def show() -> None:
        say(
            _("Blank plan of {agency} under {directive}: {goals} goals, {officers} officers to choose from.").format(
                agency=drawn.agency, directive=drawn.directive, goals=drawn.goals, officers=drawn.officers
            )
        )
        if not app.dry_run:
            say(_("Written: {path}").format(path=path))
            say(_("Fill it in, then: planner plan check {path}").format(path=path))

    app.emit(drawn.as_dict(), show)


@plan.command(help=N_("Read a file and tell everything that is wrong in it; write nothing."))
@argument("path", metavar="FILE", type=FILE)
@AGENCY
@DIRECTIVE
@RENUMBERED
@REPLACED
@option(
    "--annotate",
    "out",
    metavar="FILE",
    type=FILE,
    help=N_("Write the workbook here too, with each problem as a note on its coloured cell."),
)
@everywhere()
@pass_app
def check(
    app: App,
    path: Path,
    agency: str | None,
    directive: str | None,
    renumbered: tuple[str, ...],
    replaced: tuple[str, ...],
    out: Path | None,
) -> None:
    """Check a file."""
    from planner.cli.output import say, show_problems
    from planner.service import filing
    from planner.service.renumbering import answers

    if out is not None:
        from planner.service import forms

        forms.require_annotatable(path, out)
    given = answers(renumbered, replaced)
    loaded = filing.check(app.desk(), path, agency=agency, directive=directive, answers=given)
    annotated = forms.give_back(path, out, loaded) if out is not None else None
    ok = not any(problem.severity == "error" for problem in loaded.problems)
    goals = len(loaded.draft.goals)
    tasks = sum(len(goal.tasks) for goal in loaded.draft.goals)
    data: dict[str, Any] = {"ok": ok, "goals": goals, "tasks": tasks}
    data["problems"] = [p.as_dict() for p in loaded.problems]
    if out is not None:
        data |= {"annotated": str(out) if annotated else None, "cells": annotated.cells if annotated else 0}

    def show() -> None:
        say(_("{file}: {goals} goals, {tasks} tasks.").format(file=path.name, goals=goals, tasks=tasks))
        if loaded.problems:
            show_problems(loaded.problems)
        if annotated is not None:
            say(_("Written: {path}, {n} cells marked.").format(path=out, n=annotated.cells))
        elif out is not None:
            say(_("{path} was not written: the workbook cannot be opened.").format(path=out))
        if ok:
            say(_("The file can be filed: planner plan file {file}").format(file=path))

    app.emit(data, show)
    if not ok:
        raise click.exceptions.Exit(1)


@plan.command(help=N_("Check a file and store it as the agency's next version, all of it or nothing."))
@argument("path", metavar="FILE", type=FILE)
@AGENCY
@DIRECTIVE
@RENUMBERED
@REPLACED
@everywhere(writes=True)
@pass_app
def file(
    app: App,
    path: Path,
    agency: str | None,
    directive: str | None,
    renumbered: tuple[str, ...],
    replaced: tuple[str, ...],
) -> None:
    """File a plan."""
    from planner.cli.output import say, show_problems
    from planner.service import filing
    from planner.service.renumbering import answers

    given = answers(renumbered, replaced)
    filed = filing.file(app.desk(), path, agency=agency, directive=directive, answers=given)

    def show() -> None:
        message = _("Filed: {plan}, version {version}, {tasks} tasks, receipt {receipt}.")
        if filed.unchanged:
            message = _(
                "Filed before and unchanged: {plan}, version {version}, {tasks} tasks, receipt {receipt}. "
                "There is no new version."
            )
        say(message.format(plan=filed.plan, version=filed.version, tasks=filed.tasks, receipt=filed.receipt))
        for old, new in filed.renumbered:
            say(_("Task {old} is {new} from now on.").format(old=old, new=new))
        if filed.problems:
            show_problems(filed.problems)

    app.emit(filed.as_dict(), show)


@plan.command("file-all", help=N_("File every plan of a folder, each one all or nothing."))
@argument("folder", metavar="DIR", type=FOLDER)
@everywhere(writes=True)
@pass_app
def file_all(app: App, folder: Path) -> None:
    """File a folder."""
    from planner.cli.output import progress_bar, say, show_problems, show_table
    from planner.service import folder as folders

    with progress_bar(_("Filing plans"), hidden=app.as_json) as bar:
        result = folders.file_all(
            app.desk(),
            folder,
            on_start=lambda total: bar.update(bar.task_ids[0], total=total),
            on_files=lambda more: bar.advance(bar.task_ids[0], more),
        )
    data = {"filed": result.filed, "refused": result.refused, "files": [one.as_dict() for one in result.files]}

    def show() -> None:
        show_table(
            [_("File"), _("Plan"), _("Version"), _("Number of tasks"), _("Receipt")],
            [(one.file, one.plan, one.version, one.tasks, one.receipt) for one in result.files if one.ok],
        )
        for one in result.files:
            if not one.ok:
                say("")
                say(_("{file} was refused:").format(file=one.file))
                show_problems(one.problems)
        say(_("{filed} filed, {refused} refused.").format(filed=result.filed, refused=result.refused))

    app.emit(data, show)
    if result.refused:
        raise click.exceptions.Exit(1)


for _command in (versions.accept, versions.return_):
    plan.add_command(_command)


@plan.command("list", help=N_("List plans with the version in force."))
@everywhere()
@pass_app
def list_(app: App) -> None:
    """List plans."""
    from planner.cli.output import show_table
    from planner.domain.status import PlanState
    from planner.service import plans

    rows = plans.list_plans(app.desk())
    app.emit(
        rows,
        lambda: show_table(
            [_("Plan"), _("Number"), _("Version"), _("State"), _("Filed at"), _("Number of tasks"), _("Receipt")],
            [
                (r["plan"], r["number"], r["version"], PlanState(r["state"]), r["filed_at"], r["tasks"], r["receipt"])
                for r in rows
            ],
        ),
    )


@plan.command(help=N_("Show a plan: its goals and tasks, each as it stands and as it is foreseen."))
@argument("name", metavar="PLAN")
@option("--version", type=int, metavar="NUMBER", help=N_("Which version, as it was filed; default: the one in force."))
@everywhere()
@pass_app
def show(app: App, name: str, version: int | None) -> None:
    """Show a plan."""
    from planner.cli.output import show_facts, show_table
    from planner.domain.status import PlanState, TaskState, Timeliness
    from planner.service import plans

    data = plans.show(app.desk(), name, version)

    def people() -> None:
        show_facts(
            [
                (_("Plan"), data["plan"]),
                (_("Number"), data["number"] or None),
                (_("Version"), data["version"]),
                (_("State"), PlanState(data["state"])),
                (_("Receipt"), data["receipt"]),
            ]
        )
        for goal in data["goals"]:
            show_table(
                [
                    _("Code"),
                    _("Task"),
                    _("Answers for it"),
                    _("Last day"),
                    _("State"),
                    _("Timeliness"),
                    _("Foreseen"),
                    _("Slack"),
                    _("Waits for"),
                ],
                [
                    (
                        ("* " if task["critical"] else "") + task["code"],
                        task["title"],
                        task["responsible"],
                        task["last_day"] or task["due_text"],
                        TaskState(task["state"]),
                        Timeliness(task["timeliness"]),
                        task["forecast_finish"],
                        task["slack"],
                        task["blocked_by"] or None,
                    )
                    for task in goal["tasks"]
                ],
                title=f"\n{goal['code']}. {goal['title']}",
            )

    app.emit(data, people)


for _command in (versions.history, versions.diff, versions.export):
    plan.add_command(_command)


@plan.command(help=N_("List the agencies that owe a plan and have none accepted."))
@DIRECTIVE
@everywhere()
@pass_app
def missing(app: App, directive: str | None) -> None:
    """List who has not filed."""
    from planner.cli.output import as_day, say, show_table
    from planner.service import plans

    rows = plans.missing(app.desk(), directive)

    def people() -> None:
        show_table(
            [_("Agency"), _("Name"), _("Filing deadline"), _("Working days late")],
            [(r["agency"], r["name"], as_day(r["filing_deadline"]), r["days_late"]) for r in rows],
        )
        say(_("{n} agencies have not filed.").format(n=len(rows)))

    app.emit(rows, people)


@plan.command(help=N_("Show order, critical path and slack of a stored plan or of a file alone."))
@argument("name", metavar="PLAN-or-FILE")
@option("-o", "--output", type=FILE, help=N_("Draw it into this file: .svg, .dot (Graphviz) or .mmd (Mermaid)."))
@everywhere()
@pass_app
def graph(app: App, name: str, output: Path | None) -> None:
    """Show the task graph."""
    from planner.cli.output import say, show_facts, show_table
    from planner.importer import READERS
    from planner.service import drawings, plans

    path = Path(name)
    is_file = path.suffix.lower() in READERS
    if output is not None:
        drawings.require_format(output, path if is_file else None)
        schedule, drawing = drawings.of_file(path, app.settings) if is_file else drawings.of_stored(app.desk(), name)
        drawings.write(drawing, output)
    else:
        schedule = plans.graph_of_file(path, app.settings) if is_file else plans.graph(app.desk(), name)
    data = schedule.as_dict()

    def people() -> None:
        if output is not None:
            say(_("Written: {path}").format(path=output))
            return
        show_facts(
            [
                (_("Number of tasks"), data["tasks"]),
                (_("Dependencies"), data["dependencies"]),
                (_("Length in days"), data["makespan_days"]),
                (_("Critical path"), " -> ".join(data["critical_path"])),
            ]
        )
        show_table(
            [_("Task"), _("Earliest start"), _("Earliest finish"), _("Latest start"), _("Latest finish"), _("Slack")],
            [
                (code, row["early_start"], row["early_finish"], row["late_start"], row["late_finish"], row["slack"])
                for code, row in data["schedule"].items()
            ],
        )

    app.emit(data, people)


@click.group(cls=Group, help=N_("See what a Vietnamese deadline means."))
def dates() -> None:
    """Deadlines."""


@dates.command(help=N_("Tell what a deadline text means, or what has to be asked about it."))
@argument("text")
@option("--signed", type=DAY, help=N_("Day on which the document was signed, for deadlines that count from it."))
@everywhere(clock=False)
@pass_app
def parse(app: App, text: str, signed: date | None) -> None:
    """Parse a deadline."""
    from planner import calendars
    from planner.cli.output import show_facts, text_of
    from planner.domain.recurrence import occurrences
    from planner.importer.dates import parse_deadline

    deadline = parse_deadline(text, signed=signed, calendar=calendars.load("vn", app.settings.calendar_file))
    data = deadline.as_dict()
    since = deadline.start or signed
    coming = (
        occurrences(deadline, since, since + timedelta(days=366), since=since) if since and since.year < 9000 else ()
    )
    names = {
        "kind": _("Kind"),
        "start": _("From") if deadline.is_settled else _("From, if so meant"),
        "last_day": _("Last day") if deadline.is_settled else _("Last day, if so meant"),
        "time": _("Hour"),
        "rrule": _("Recurrence"),
        "coming": _("Falls due on"),
        "anchor": _("Counts from"),
        "question": _("Question"),
    }
    anchors = {
        "signed": _("the day of signing"),
        "assigned": _("the day of assignment"),
        "promulgated": _("the day of issue"),
        "approved": _("the day of approval"),
        "received": _("the day of receipt"),
        "in_force": _("the day of entry into force"),
    }
    values = {
        **data,
        "kind": deadline.kind,
        "start": deadline.start,
        "last_day": deadline.last_day,
        "anchor": anchors.get(deadline.anchor or "") or _day_or_text(deadline.anchor),
        "coming": ", ".join(map(text_of, coming[:4])) + (", ..." if len(coming) > 4 else "") or None,
    }
    app.emit(data, lambda: show_facts([(names[key], values[key]) for key in names if values[key] is not None]))


def _day_or_text(anchor: str | None) -> date | str | None:
    """Return the day that a deadline counts from, if the anchor is one."""
    try:
        return date.fromisoformat(anchor or "")
    except ValueError:
        return anchor
