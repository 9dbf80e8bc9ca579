"""Writes the guide of the blank form: how to fill in, check and file it, and what a deadline means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from planner.i18n import gettext as _
from planner.importer.dates import parse_deadline
from planner.importer.draft import write_day
from planner.importer.form_looks import lines_of
from planner.importer.form_texts import DEADLINES, DEADLINES_HEADING, GUIDE


def write_guide(sheet: Any, looks: Mapping[str, Any], names: Mapping[str, str], year: int) -> None:
    """Write the guide on a sheet.

    Args:
        sheet: an empty sheet of xlsxwriter.
        looks: the formats of the workbook by their names.
        names: what the texts of `GUIDE` leave open.
        year: of the deadlines shown.
    """
    sheet.set_column(0, 0, 46)
    sheet.set_column(1, 1, 62)
    row = 0
    for heading, paragraphs in GUIDE:
        sheet.write_string(row, 0, _(heading), looks["chapter"])
        row += 1
        for paragraph in paragraphs:
            text = _(paragraph).format(**names)
            look = "command" if text.startswith("planner ") else "words"
            sheet.merge_range(row, 0, row, 1, text, looks[look])
            sheet.set_row(row, 19.0 * lines_of(text, 125))
            row += 1
        if heading == DEADLINES_HEADING:
            row = _deadlines(sheet, looks, row, year)
        row += 1


def _deadlines(sheet: Any, looks: Mapping[str, Any], row: int, year: int) -> int:
    """Write what each kind of deadline means; return the next free row."""
    for column, text in enumerate((_("In the plan"), _("Last day that counts as on time"))):
        sheet.write_string(row, column, text, looks["head"])
    for line in DEADLINES:
        row += 1
        text = line.format(year=year)
        sheet.write_string(row, 0, text, looks["text"])
        sheet.write_string(row, 1, _meaning(text, date(year, 1, 1)), looks["text"])
    return row + 1


def _meaning(text: str, signed: date) -> str:
    """Say in one line what a deadline means."""
    deadline = parse_deadline(text, signed=signed, day_first=True)
    if deadline.question is not None:
        return _("asked about: it names no day")
    return write_day(deadline.last_day) if deadline.last_day else _("none: routine work, never overdue")
