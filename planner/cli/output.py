"""Prints for people: tables that fit the terminal, colours that mean timeliness, problems with their places.

NO_COLOR is honoured, and nothing is coloured when the output is not a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from typing import IO, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from planner.domain.status import PlanState, TaskState, Timeliness
from planner.errors import Problem
from planner.i18n import gettext as _
from planner.templating import vi_date, vi_instant

# Width when the output is a file or a pipe: nothing there should be cut.
_PIPE_WIDTH = 240
_DAY_WIDTH = len("Thường xuyên")  # the widest thing that often stands where a day may stand


def console(file: IO[str] | None = None) -> Console:
    """Return a console for `file` (default: standard output)."""
    stream = file or sys.stdout
    return Console(file=stream, highlight=False, soft_wrap=False, width=None if stream.isatty() else _PIPE_WIDTH)


def text_of(value: Any) -> str:
    """Write one value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return vi_instant(value)
    if isinstance(value, date):
        return vi_date(value)
    if isinstance(value, (TaskState, PlanState, Timeliness)):
        return _(value.label)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, (list, tuple)):
        return ", ".join(text_of(item) for item in value)
    return str(value)


def _cell(value: Any) -> str:
    if isinstance(value, Timeliness):
        return f"[{value.tone}]{escape(text_of(value))}[/]"
    return escape(text_of(value))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> None:
    """Print rows under translated column headings; say so when there are none."""
    out = console()
    if not rows:
        out.print(_("Nothing to show."))
        return
    table = Table(title=escape(title) or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for position, heading in enumerate(columns):
        # Where it is narrow, texts are folded and days are not; the heading over days makes room by standing in lines.
        values = [row[position] for row in rows]
        days = any(isinstance(value, date) and not isinstance(value, datetime) for value in values)
        days = days and all(len(text_of(value)) <= _DAY_WIDTH for value in values)
        shown = heading.replace(" ", "\n") if days and out.is_terminal else heading
        table.add_column(shown, overflow="fold", no_wrap=days or position == 0)
    for row in rows:
        table.add_row(*[_cell(value) for value in row])
    out.print(table)


def show_facts(facts: Sequence[tuple[str, Any]]) -> None:
    """Print names and values, one a line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(escape(name), _cell(value))
    console().print(table)


def show_problems(problems: Sequence[Problem], *, file: IO[str] | None = None) -> None:
    """Print every problem with its place, errors first."""
    out = console(file)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(_("Place"), no_wrap=True)
    table.add_column(_("Kind"), no_wrap=True)
    table.add_column(_("What is wrong, and what to do"), overflow="fold")
    for problem in sorted(problems, key=lambda p: p.severity != "error"):
        tone = "red" if problem.severity == "error" else "yellow"
        kind = _("error") if problem.severity == "error" else _("warning")
        table.add_row(escape(problem.place), f"[{tone}]{kind}[/]", escape(problem.message))
    out.print(table)


def say(message: str) -> None:
    """Print one line for people on standard output."""
    click.echo(message)


@contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """Show a progress bar on a terminal's standard error; elsewhere show nothing."""
    err = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as bar:
        bar.add_task(label, total=None)
        yield bar
