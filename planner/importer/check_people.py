"""Checks of who: the responsible person, the lead agency and those that cooperate."""

from __future__ import annotations

from collections.abc import Iterator

from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.columns import names_several
from planner.importer.complaints import error, listed, nearest, quoted, warning
from planner.importer.draft import Cell
from planner.importer.names import agency_key
from planner.importer.reading import Reading, TaskReading

LONGEST_PERSON = 254  #: characters of a name or an address, as the database keeps them


def responsible_is_known(reading: Reading) -> Iterator[Problem]:
    """Every task has one responsible person, of the plan's own agency."""
    if reading.for_graph:
        return
    for task in reading.tasks:
        cell = task.draft.responsible
        if not cell:
            message = _("Nobody is responsible for this task; write the e-mail or the name of one person.")
            yield error(cell, "responsible_missing", message)
        elif len(cell.text) > LONGEST_PERSON:
            message = _("The text has {count} characters, at most {most} are kept; shorten it.")
            yield error(cell, "text_too_long", message.format(count=len(cell.text), most=LONGEST_PERSON))
        elif names_several(cell):
            message = _('"{text}" names several persons; write the one who answers for the task, and only that one.')
            yield error(cell, "responsible_several", message.format(text=quoted(cell.text)))
        elif reading.register is not None and reading.agency:
            yield from _responsible(reading, task)


def _responsible(reading: Reading, task: TaskReading) -> Iterator[Problem]:
    cell, agency = task.draft.responsible, reading.agency
    named = reading.register.agencies_by_name.get(agency_key(cell.text)) if reading.register else None
    if not task.officers and named:
        message = _(
            '"{text}" is an agency; one person answers for a task. '
            "Reminders go to the focal officer of {agency} until a person is named."
        )
        yield warning(cell, "responsible_agency", message.format(text=quoted(cell.text), agency=agency))
    elif not task.officers:
        message = _(
            '"{text}" is not among the officers of {agency}. '
            "Reminders go to its focal officer until the person is registered."
        )
        yield warning(cell, "responsible_unknown", message.format(text=quoted(cell.text), agency=agency))
    elif len(task.officers) > 1:
        message = _('"{text}" may be any of {emails}; write the e-mail of one.')
        emails = listed(officer.email for officer in task.officers)
        yield error(cell, "responsible_shared_name", message.format(text=quoted(cell.text), emails=emails))
    elif task.officers[0].agency != agency:
        message = _("{email} belongs to {other}, not to {agency}; name a person of {agency}.")
        found = task.officers[0]
        yield error(cell, "responsible_elsewhere", message.format(email=found.email, other=found.agency, agency=agency))
    elif reading.day and not task.officers[0].is_valid_on(reading.day):
        message = _("{email} does not hold the post on {day}. Reminders go to the focal officer of {agency}.")
        day = Cell(reading.day, "").text
        yield warning(
            cell, "responsible_not_valid", message.format(email=task.officers[0].email, day=day, agency=agency)
        )


def lead_is_own(reading: Reading) -> Iterator[Problem]:
    """The lead agency of a task, where a column names it, is the plan's own."""
    if reading.register is None or not reading.agency:
        return
    for task in reading.tasks:
        others = [code for code in reading.match(task.draft.lead.text).codes if code != reading.agency]
        if others:
            message = _(
                "The lead agency is {others}, but the plan is of {agency}. A plan holds its own agency's tasks."
            )
            yield error(task.draft.lead, "lead_elsewhere", message.format(others=listed(others), agency=reading.agency))


def cooperating_are_known(reading: Reading) -> Iterator[Problem]:
    """Every cooperating agency is in the register and exists on the day."""
    if reading.register is None:
        return
    for task in reading.tasks:
        for cell, found in task.cooperating:
            for text in found.unknown:
                message = _('No agency "{text}" in the register. {nearest}')
                told = message.format(text=quoted(text), nearest=nearest(reading, text))
                yield error(cell, "cooperating_unknown", told)
            for name, codes in found.shared:
                message = _('"{text}" is the name of several agencies; write the code of one: {codes}.')
                yield error(cell, "cooperating_shared_name", message.format(text=quoted(name), codes=listed(codes)))
            for code in found.gone:
                message = _("Agency {code} does not exist on {day}; name the agency that has taken over its work.")
                day = Cell(reading.day, "").text
                yield error(cell, "cooperating_not_valid", message.format(code=code, day=day))
            for text in found.open_groups:
                message = _('"{text}" names no agency in particular: none is told. Name the agencies that are meant.')
                yield warning(cell, "cooperating_open_group", message.format(text=quoted(text)))
