"""Watches for days and months that a spreadsheet has exchanged, and says why a first day cannot be read.

Excel set to American dates takes a typed 12/1/2025 for 1 December, and leaves 30/6/2025 as text because there is no
month 30. Pure, as every check. Source: domain notes, section 3 (decide dd/mm or mm/dd per file).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.complaints import error, quoted, warning
from planner.importer.draft import Cell, write_day
from planner.importer.reading import Reading

_TYPED = re.compile(r"(?:1[3-9]|2[0-9]|3[01])/(?:0?[1-9]|1[0-2])/[0-9]{4}")


def starts_are_readable(reading: Reading) -> Iterator[Problem]:
    """A start can be read in one way and does not lie after the last day."""
    for task in reading.tasks:
        if not task.draft.start:
            continue
        found = quoted(task.draft.start.text)
        if task.start is None:
            question = reading.ask_start(task.draft.start)
            message = _('Found "{text}", expected the first day of the work, for example 04/5/2020.')
            code = "start_ambiguous" if question else "start_unreadable"
            yield error(task.draft.start, code, question or message.format(text=found))
        elif task.deadline and task.deadline.last_day and task.start > task.deadline.last_day:
            message = _("The start {start} lies after the last day {last}; correct one of them.")
            last = Cell(task.deadline.last_day, "").text
            yield error(task.draft.start, "start_after_due", message.format(start=Cell(task.start, "").text, last=last))


def deadlines_are_ahead(reading: Reading) -> Iterator[Problem]:
    """Warn of a deadline that was past when the plan was signed: a wrong year is the likeliest mistake of all."""
    if reading.signed is None:
        return
    for task in reading.tasks:
        last = task.deadline.last_day if task.deadline else None
        if last is not None and last < reading.signed:
            message = _("The last day {last} lies before {signed}, the day the plan was signed; is the year right?")
            message = message.format(last=write_day(last), signed=write_day(reading.signed))
            yield warning(task.draft.due, "due_before_signed", message)


def days_are_not_exchanged(reading: Reading) -> Iterator[Problem]:
    """Warn of real dates that Excel may have made of "12/1/2025": in their column only days up to 12 became dates."""
    if reading.draft.format != "xlsx":
        return
    yield from _exchanged([task.draft.start for task in reading.tasks])
    yield from _exchanged([task.draft.due for task in reading.tasks])


def _exchanged(column: list[Cell]) -> Iterator[Problem]:
    real = [(cell, cell.value) for cell in column if isinstance(cell.value, date)]
    typed = next((cell for cell in column if isinstance(cell.value, str) and _TYPED.fullmatch(cell.value)), None)
    if typed is None or any(day.day > 12 for _cell, day in real):
        return
    message = _(
        'This date is {day}. Was {other} typed? Excel could not read "{text}" at {place}, so it may have exchanged '
        'day and month here. If so, write "{answer}".'
    )
    for cell, day in real:
        if day.day != day.month:
            other = date(day.year, day.day, day.month)
            yield warning(
                cell,
                "day_month_exchanged",
                message.format(
                    day=write_day(day),
                    other=write_day(other),
                    text=typed.text,
                    place=typed.place,
                    answer=f"ngày {write_day(other)}",
                ),
            )
