"""Prints for people: tables that fit the terminal, colours that mean timeliness, problems with their places.

NO_COLOR is honoured, and nothing is coloured when the output is not a terminal.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from typing import IO, Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from planner.cli.printable import printable
from planner.domain.status import Timeliness
from planner.errors import Problem
from planner.i18n import gettext as _
from planner.templating import vi_date, vi_instant

# Width when the output is a file or a pipe: nothing there should be cut.
_PIPE_WIDTH = 240
_GAP = 2  # spaces between columns
_READABLE = 28  # a column of text is folded to no less than this
_HEADING_LINES = 2
_SHORT = 8  # a heading no longer than this stands in one line


def console(file: IO[str] | None = None) -> Console:
    """Return a console for `file` (default: standard output)."""
    stream = file or sys.stdout
    # emoji: ":x:" in a cell is what somebody typed, and is shown so.
    return Console(
        file=stream, highlight=False, soft_wrap=False, emoji=False, width=None if stream.isatty() else _PIPE_WIDTH
    )


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
    if isinstance(value, Enum):
        return _(value.label) if hasattr(value, "label") else str(value.value)
    if isinstance(value, (list, tuple)):
        return "; ".join(text_of(item) for item in value)  # a name may hold a comma
    return str(value)


def as_day(text: str | None) -> date | None:
    """Return the day that an ISO text of our own data names."""
    return date.fromisoformat(text) if text else None


def actor_name(actor: str) -> str:
    """Return what people read for who acted: an e-mail, or a word for one who has none."""
    return {"local": _("operator of the machine"), "system": _("the system")}.get(actor, actor)


def event_name(kind: str) -> str:
    """Return what people read for an event kind such as "task.moved"."""
    from planner.store.wire import LABELS

    return _(LABELS[kind])


def _cell(value: Any) -> Text:
    text = " ".join(printable(text_of(value)).split("\n"))
    return Text(text, style=value.tone if isinstance(value, Timeliness) else "")


def _heading_width(heading: str) -> int:
    """Return the least width in which a heading stands in two lines, or in one if it is short."""
    longest = max((min(_SHORT, len(heading)), *(len(word) for word in heading.split())))
    return next(w for w in range(longest, len(heading) + 2) if len(textwrap.wrap(heading, w)) <= _HEADING_LINES)


def _least_width(text: str) -> int:
    """Return the width below which a text is not folded: no word is broken, and a line holds enough to be read."""
    return max(min(_READABLE, len(text) * 2 // 3), *(len(word) for word in text.split()), 0)


def fitted(natural: Sequence[int], least: Sequence[int], width: int) -> tuple[dict[int, int], list[int]]:
    """Return the width of each column that stands in a row's line, and the columns that stand below the line.

    If the line is too long, columns are folded, the widest first, where that is enough; otherwise the widest column
    moves below and the rest is tried again. The first column, which names the row, is neither folded nor moved.

    Args:
        natural: the width that each column takes by itself.
        least: the width below which a column is not folded.
        width: of the terminal.
    """
    order = sorted(range(1, len(natural)), key=lambda column: -natural[column])
    for moved in range(len(order) + 1):
        line = {column: natural[column] for column in range(len(natural)) if column not in order[:moved]}
        excess = sum(line.values()) + _GAP * (len(line) - 1) - width
        for column in order[moved:]:
            cut = max(0, min(excess, natural[column] - least[column]))
            line[column] -= cut
            excess -= cut
        if excess <= 0:
            break
    return line, sorted(order[:moved])


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> None:
    """Print rows under translated column headings; say so when there are none.

    In a file or a pipe each row is one line. On a terminal what does not fit beside the rest stands below it.
    """
    out = console()
    if title:
        out.print(Text(printable(title), style="bold"))
    if not rows:
        out.print(_("Nothing to show."))
        return
    cells = [[_cell(value) for value in row] for row in rows]
    natural = [max(_heading_width(h), *(row[i].cell_len for row in cells)) for i, h in enumerate(columns)]
    least = [max(_heading_width(h), *(_least_width(row[i].plain) for row in cells)) for i, h in enumerate(columns)]
    line, below = fitted(natural, least, out.width if out.is_terminal else sum(natural) + _GAP * len(natural))
    headings = {column: textwrap.wrap(columns[column], width) for column, width in line.items()}
    for at in range(-max(len(lines) for lines in headings.values()), 0):
        texts = [Text(lines[at] if len(lines) >= -at else "", style="bold") for lines in headings.values()]
        out.print(_beside(texts, list(line.values())), soft_wrap=True)
    for row in cells:
        folded = {column: row[column].wrap(out, width) for column, width in line.items()}
        for at in range(max(len(lines) for lines in folded.values())):
            texts = [lines[at] if at < len(lines) else Text() for lines in folded.values()]
            out.print(_beside(texts, list(line.values())), soft_wrap=True)
        for column in below:
            if row[column].plain not in ("", "-"):
                for folded_line in Text.assemble(f"{columns[column]}: ", row[column]).wrap(out, out.width - _GAP):
                    out.print(_beside([Text(), folded_line], [0, folded_line.cell_len]), soft_wrap=True)


def _beside(texts: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for text, width in zip(texts, widths, strict=True):
        line.append_text(text)
        line.append(" " * (width - text.cell_len + _GAP))
    line.rstrip()
    return line


def show_facts(facts: Sequence[tuple[str, Any]]) -> None:
    """Print names and values, one a line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(escape(name[:1].upper() + name[1:]), _cell(value))
    console().print(table)


def show_problems(problems: Sequence[Problem], *, file: IO[str] | None = None) -> None:
    """Print every problem with its place, errors first."""
    out = console(file)
    table = Table(box=None, header_style="bold", pad_edge=False)
    # A long file name is folded: the message beside it must stay readable.
    longest = max((cell_len(line) for p in problems for line in printable(_(p.place)).split("\n")), default=0)
    table.add_column(_("Place"), overflow="fold", width=max(cell_len(_("Place")), min(longest, out.width // 3)))
    table.add_column(_("Kind"), no_wrap=True)
    table.add_column(_("What is wrong, and what to do"), overflow="fold")
    for problem in sorted(problems, key=lambda p: p.severity != "error"):
        tone = "red" if problem.severity == "error" else "yellow"
        kind = _("error") if problem.severity == "error" else _("warning")
        place, message = printable(_(problem.place)), printable(problem.message)
        table.add_row(escape(" ".join(place.split("\n"))), f"[{tone}]{kind}[/]", escape(message))
    out.print(table)


def say(message: str) -> None:
    """Print one line for people on standard output."""
    click.echo(printable(message))


@contextmanager
def progress_bar(label: str, *, hidden: bool = False) -> Iterator[Progress]:
    """Show a progress bar on a terminal's standard error; elsewhere, and where it is `hidden`, show nothing."""
    err = Console(file=sys.stderr, emoji=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=hidden or not err.is_terminal, transient=True) as bar:
        bar.add_task(label, total=None)
        yield bar
