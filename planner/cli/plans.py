"""`planner plan ...` and `planner dates ...`: file plans, look at them, see who owes one."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from planner.cli.base import DAY, FILE, FOLDER, App, Group, argument, everywhere, option, pass_app
from planner.i18n import N_
from planner.i18n import gettext as _

AGENCY = option("--agency", metavar="CODE", help=N_("The agency that files; default: the one the file names."))
DIRECTIVE = option("--directive", metavar="CODE", help=N_("The directive; default: the newest one."))


@click.group(cls=Group, help=N_("File plans, see what they say and who has none."))
def plan() -> None:
    """File plans."""


@plan.command(help=N_("Read a file and tell everything that is wrong in it; write nothing."))
@argument("path", metavar="FILE", type=FILE)
@AGENCY
@DIRECTIVE
@everywhere()
@pass_app
def check(app: App, path: Path, agency: str | None, directive: str | None) -> None:
    """Check a file."""
    from planner.cli.output import say, show_problems
    from planner.service import filing

    loaded = filing.check(app.desk(), path, agency=agency, directive=directive)
    ok = not any(problem.severity == "error" for problem in loaded.problems)
    goals = len(loaded.draft.goals)
    tasks = sum(len(goal.tasks) for goal in loaded.draft.goals)
    data = {"ok": ok, "goals": goals, "tasks": tasks, "problems": [p.as_dict() for p in loaded.problems]}

    def show() -> None:
        say(_("{file}: {goals} goals, {tasks} tasks.").format(file=path.name, goals=goals, tasks=tasks))
        if loaded.problems:
            show_problems(loaded.problems)
        if ok:
            say(_("The file can be filed: planner plan file {file}").format(file=path))

    app.emit(data, show)
    if not ok:
        raise click.exceptions.Exit(1)


@plan.command(help=N_("Check a file and store it as the agency's next version, all of it or nothing."))
@argument("path", metavar="FILE", type=FILE)
@AGENCY
@DIRECTIVE
@everywhere(writes=True)
@pass_app
def file(app: App, path: Path, agency: str | None, directive: str | None) -> None:
    """File a plan."""
    from planner.cli.output import say, show_problems
    from planner.service import filing

    filed = filing.file(app.desk(), path, agency=agency, directive=directive)

    def show() -> None:
        if filed.unchanged:
            say(_("This content was filed before; nothing changed."))
        say(
            _("Filed: {plan}, version {version}, {tasks} tasks, receipt {receipt}.").format(
                plan=filed.plan, version=filed.version, tasks=filed.tasks, receipt=filed.receipt
            )
        )
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
    from planner.service import filing

    with progress_bar(_("Filing plans")) as bar:
        result = filing.file_all(
            app.desk(),
            folder,
            on_start=lambda total: bar.update(bar.task_ids[0], total=total),
            on_file=lambda _filed: bar.advance(bar.task_ids[0]),
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


@plan.command(help=N_("Accept a submitted plan; its tasks are in force from then on."))
@argument("name", metavar="PLAN")
@everywhere(writes=True)
@pass_app
def accept(app: App, name: str) -> None:
    """Accept a plan."""
    from planner.domain.status import PlanState

    _decide(app, name, PlanState.ACCEPTED, "")


@plan.command("return", help=N_("Return a plan to its agency, which then owes one again."))
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
@everywhere()
@pass_app
def show(app: App, name: str) -> None:
    """Show a plan."""
    from planner.cli.output import show_facts, show_table
    from planner.domain.status import PlanState, TaskState, Timeliness
    from planner.service import plans

    data = plans.show(app.desk(), name)

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
    from planner.cli.output import show_facts
    from planner.importer.dates import parse_deadline

    deadline = parse_deadline(text, signed=signed, calendar=calendars.load("vn", app.settings.calendar_file))
    data = deadline.as_dict()
    names = {
        "kind": _("Kind"),
        "start": _("From"),
        "last_day": _("Last day"),
        "time": _("Hour"),
        "rrule": _("Recurrence"),
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
        "anchor": anchors.get(deadline.anchor or "", deadline.anchor),
    }
    app.emit(data, lambda: show_facts([(names[key], values[key]) for key in names if values[key] is not None]))
