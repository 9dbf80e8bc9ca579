"""`planner task ...`: what became of a task."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click

from planner.cli.base import DAY, FILE, App, Group, argument, everywhere, option, pass_app
from planner.i18n import N_
from planner.i18n import gettext as _

# The values stand here because the domain is loaded only when a command runs; a test holds the two together.
STATES = ("assigned", "in_progress", "submitted", "confirmed", "returned", "suspended", "withdrawn")
TIMELINESS = ("no_deadline", "not_yet", "in_time", "due_soon", "overdue", "done_on_time", "done_late")
TASK = argument("name", metavar="TASK")


@click.group(cls=Group, help=N_("Report what became of a task."))
def task() -> None:
    """Tasks."""


@task.command("list", help=N_("List tasks, the most urgent first."))
@option("--agency", metavar="CODE", help=N_("Only tasks that this agency leads."))
@option("--responsible", metavar="EMAIL", help=N_("Only tasks that this person answers for."))
@option("--state", type=click.Choice(STATES), help=N_("Only tasks in this state."))
@option("--timeliness", type=click.Choice(TIMELINESS), help=N_("Only tasks that stand so against their deadline."))
@everywhere()
@pass_app
def list_(app: App, agency: str | None, responsible: str | None, state: str | None, timeliness: str | None) -> None:
    """List tasks."""
    from planner.cli.output import show_table
    from planner.domain.status import TaskState, Timeliness
    from planner.service import tasks

    wanted = tasks.TaskFilter(
        agency=agency,
        responsible=responsible,
        state=TaskState(state) if state else None,
        timeliness=Timeliness(timeliness) if timeliness else None,
    )
    rows = tasks.list_tasks(app.desk(), wanted)
    app.emit(
        rows,
        lambda: show_table(
            [_("Task"), _("Title"), _("Answers for it"), _("Last day"), _("State"), _("Timeliness")],
            [
                (
                    r["task"],
                    r["title"],
                    r["responsible"],
                    r["last_day"] or r["due_text"],
                    TaskState(r["state"]),
                    Timeliness(r["timeliness"]),
                )
                for r in rows
            ],
        ),
    )


@task.command(help=N_("Show one task with its history."))
@TASK
@everywhere()
@pass_app
def show(app: App, name: str) -> None:
    """Show a task."""
    from planner.cli.output import actor_name, event_name, show_facts, show_table, text_of
    from planner.domain.plan import PauseKind
    from planner.domain.status import TaskState, Timeliness
    from planner.service import tasks

    data = tasks.show(app.desk(), name)

    def _what(name: str, until: date | None) -> str:
        return _("{what}: {day}").format(what=name, day=text_of(until)) if until else name

    def people() -> None:
        show_facts(
            [
                (_("Task"), data["task"]),
                (_("Title"), data["title"]),
                (_("Answers for it"), data["responsible"]),
                (_("Deadline as filed"), data["due_text"]),
                (_("Last day"), data["last_day"]),
                (_("First last day"), data["first_last_day"]),
                (_("State"), TaskState(data["state"])),
                (_("Timeliness"), Timeliness(data["timeliness"])),
                (_("Progress"), f"{data['percent']}%"),
                (_("Deliverable"), data["deliverable"] or None),
                (_("Waits for"), data["after"] or None),
                (_("Result document"), data["document"] or data["file"]),
                (_("Done on"), data["done_on"]),
                (_("Recorded on"), data["recorded_on"]),
                *(
                    (_(kind.label).capitalize(), _pause_words(data[kind.value]))
                    for kind in PauseKind
                    if data[kind.value]
                ),
            ]
        )
        show_table(
            [_("When"), _("Who"), _("What"), _("Why")],
            [
                (
                    h["at"],
                    actor_name(h["actor"]),
                    TaskState(h["to"]) if h["to"] else _what(event_name(h["kind"]), h["until"]),
                    h["reason"],
                )
                for h in data["history"]
            ],
        )

    app.emit(data, people)


@task.command(help=N_("Show what would move if a task were finished some working days later; nothing is changed."))
@TASK
@option(
    "--days",
    type=click.IntRange(1, 3650),
    required=True,
    help=N_("How many working days after its forecast the task is finished."),
)
@everywhere()
@pass_app
def impact(app: App, name: str, days: int) -> None:
    """Show what one slip moves."""
    from planner.cli.output import say, show_table, text_of
    from planner.service.impact import impact as impact_of

    data = impact_of(app.desk(), name, days)

    def people() -> None:
        show_table(
            [_("Task"), _("Title"), _("Agency"), _("Last day"), _("Foreseen"), _("With the slip"), _("Late")],
            [
                (
                    row["task"],
                    row["title"],
                    row["agency"],
                    row["last_day"],
                    row["finish_before"],
                    row["finish_after"],
                    _lateness(row),
                )
                for row in data["moves"]
            ],
        )
        summary = _(
            "{task} {days} working days later: others that move: {others}; newly late: {late}; agencies: {who}."
        )
        say(
            summary.format(
                task=data["task"],
                days=days,
                others=len(data["moves"]) - 1,
                late=len(data["newly_late"]),
                who=text_of(data["agencies"]),
            )
        )

    app.emit(data, people)


def _lateness(row: dict[str, Any]) -> str | None:
    if not row["late_after"]:
        return None
    return _("late already") if row["late_before"] else _("newly late")


def _pause_words(pause: dict[str, Any]) -> str:
    from planner.cli.output import actor_name, text_of

    words = (
        _("until {day}, by {who}: {reason}")
        if pause["holds"]
        else _("until {day}, by {who}: {reason} (the day is past)")
    )
    return words.format(day=text_of(pause["until"]), who=actor_name(pause["by"]), reason=pause["reason"])


def _moved(app: App, move: Callable[[], dict[str, Any]]) -> None:
    from planner.cli.output import say, text_of
    from planner.domain.status import TaskState

    data = move()
    app.emit(
        data,
        lambda: say(
            _("{task}: {state}; last day {day}.").format(
                task=data["task"], state=_(TaskState(data["state"]).label), day=text_of(data["last_day"])
            )
        ),
    )


@task.command(help=N_("Record that work has begun."))
@TASK
@everywhere(writes=True)
@pass_app
def start(app: App, name: str) -> None:
    """Begin a task."""
    from planner.service import tasks

    _moved(app, lambda: tasks.start(app.desk(), name))


@task.command(help=N_("Record how far the work is, in percent."))
@TASK
@argument("percent", type=click.IntRange(0, 100))
@option("--note", default="", help=N_("What was done, or what stands in the way."))
@everywhere(writes=True)
@pass_app
def progress(app: App, name: str, percent: int, note: str) -> None:
    """Report progress."""
    from planner.service import tasks

    _moved(app, lambda: tasks.progress(app.desk(), name, percent, note))


@task.command(help=N_("Hand in the result with its document; the department confirms it."))
@TASK
@option("--document", default="", metavar="NUMBER", help=N_("Number and symbol of the result document."))
@option("--on", type=DAY, required=True, help=N_("Date of the result document: it decides whether the task is late."))
@option("--file", "path", type=FILE, help=N_("The document itself; its SHA-256 is kept."))
@everywhere(writes=True)
@pass_app
def done(app: App, name: str, document: str, on: date, path: Path | None) -> None:
    """Hand in a result."""
    from planner.service import tasks

    _moved(app, lambda: tasks.done(app.desk(), name, document=document, on=on, file=path))


@task.command(help=N_("Confirm a result: the task is done."))
@TASK
@everywhere(writes=True)
@pass_app
def confirm(app: App, name: str) -> None:
    """Confirm a result."""
    from planner.service import tasks

    _moved(app, lambda: tasks.confirm(app.desk(), name))


@task.command("return", help=N_("Return a result that is not accepted; the deadline does not change."))
@TASK
@option("--reason", required=True, help=N_("Why; the agency reads it."))
@everywhere(writes=True)
@pass_app
def return_(app: App, name: str, reason: str) -> None:
    """Return a result."""
    from planner.service import tasks

    _moved(app, lambda: tasks.return_(app.desk(), name, reason))


@task.command(help=N_("Grant a new last day; the first one stays in the record."))
@TASK
@option("--to", type=DAY, required=True, help=N_("The new last day."))
@option("--reason", required=True, help=N_("Why."))
@option("--document", required=True, metavar="NUMBER", help=N_("The document that asked for it."))
@everywhere(writes=True)
@pass_app
def extend(app: App, name: str, to: date, reason: str, document: str) -> None:
    """Extend a deadline."""
    from planner.service import tasks

    _moved(app, lambda: tasks.extend(app.desk(), name, to=to, reason=reason, document=document))


def _paused(app: App, data: dict[str, Any], kind: str) -> None:
    from planner.cli.output import say, text_of

    pause = data[kind]
    said = {
        "promise": _("{task}: promised by {day}; whoever does the work is not reminded until then."),
        "snooze": _("{task}: nobody is reminded of it through {day}."),
    }[kind]
    text = said if pause else _("{task}: the reminders go on.")
    app.emit(data, lambda: say(text.format(task=data["task"], day=text_of(pause["until"]) if pause else "")))


def _one_of(day: date | None, lift: bool, name: str) -> None:
    from planner.errors import UsageRefused

    if (day is None) is not lift:
        raise UsageRefused(_("Give either {option} DATE or --lift.").format(option=name))


@task.command(help=N_("Promise a day: until then those who do the work are not reminded; those above still are."))
@TASK
@option("--promise", "until", type=DAY, help=N_("The day by which it will be done."))
@option("--lift", is_flag=True, help=N_("End the promise now; the reminders go on."))
@option("--reason", required=True, help=N_("Why; those above read it."))
@everywhere(writes=True)
@pass_app
def acknowledge(app: App, name: str, until: date | None, lift: bool, reason: str) -> None:
    """Promise a day."""
    from planner.domain.plan import PauseKind
    from planner.service import pauses

    _one_of(until, lift, "--promise")
    data = (
        pauses.lift(app.desk(), name, PauseKind.PROMISE, reason=reason)
        if until is None
        else pauses.acknowledge(app.desk(), name, until=until, reason=reason)
    )
    _paused(app, data, "promise")


@task.command(help=N_("Hold every reminder about a task until a day; for the department."))
@TASK
@option("--until", type=DAY, help=N_("The last day on which nobody is reminded."))
@option("--lift", is_flag=True, help=N_("End it now; the reminders go on."))
@option("--reason", required=True, help=N_("Why."))
@everywhere(writes=True)
@pass_app
def snooze(app: App, name: str, until: date | None, lift: bool, reason: str) -> None:
    """Hold the reminders."""
    from planner.domain.plan import PauseKind
    from planner.service import pauses

    _one_of(until, lift, "--until")
    data = (
        pauses.lift(app.desk(), name, PauseKind.SNOOZE, reason=reason)
        if until is None
        else pauses.snooze(app.desk(), name, until=until, reason=reason)
    )
    _paused(app, data, "snooze")
