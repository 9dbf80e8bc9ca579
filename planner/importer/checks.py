"""What may be wrong in a plan: one small function for each question, all of them asked, every answer collected.

`CHECKS` is the whole table. A check is pure: it looks at a `Reading` (the draft beside the register handed in) and
returns problems; it asks no database and stops at nothing. Without a register only what the file alone shows is judged.
Source: notice of 29/4/2020, section 3.2 (what a plan must state); design notes, "Bad input".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator

from planner.domain.graph import circles
from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.check_dates import days_are_not_exchanged, deadlines_are_ahead, starts_are_readable
from planner.importer.check_people import cooperating_are_known, lead_is_own, responsible_is_known
from planner.importer.columns import read_number
from planner.importer.complaints import UNPRINTABLE, error, listed, nearest, quoted, warning
from planner.importer.draft import Cell
from planner.importer.legacy_text import advice, legacy_code
from planner.importer.names import agency_key
from planner.importer.reading import Reading

Check = Callable[[Reading], Iterable[Problem]]

LONGEST_TEXT = 2000  #: characters of one cell
LONGEST_CODE = 40
MOST_OF_A_KIND = 500  #: problems that one check tells; nobody corrects more at a time
_MOST_LEGACY = 20  # texts in an old font; where there is one, there are hundreds
_CODE = re.compile(r"[^\W_]+(?:[.\-/][^\W_]+)*")


# --- the plan as a whole ----------------------------------------------------------------------------------------------


def agency_is_known(reading: Reading) -> Iterator[Problem]:
    """The plan names an agency of the register that exists on the day, and the one it is filed for."""
    cell, option = reading.draft.agency, reading.agency_option
    place = "--agency" if option else cell.place
    text = option or cell.text
    if not text:
        if not reading.for_graph:
            yield error(
                place, "agency_missing", _('The plan names no agency. Write "Mã cơ quan: <code>" or use --agency.')
            )
        return
    if reading.register is None:
        return
    found = reading.agency_candidates
    if not found:
        message = _('No agency "{text}" in the register. {nearest}')
        yield error(place, "agency_unknown", message.format(text=quoted(text), nearest=nearest(reading, text)))
    elif len(found) > 1:
        message = _('"{text}" is the name of several agencies; write the code of one: {codes}.')
        yield error(place, "agency_shared_name", message.format(text=quoted(text), codes=listed(a.code for a in found)))
    elif reading.day and not found[0].is_valid_on(reading.day):
        message = _("Agency {code} does not exist on {day}; name the agency that has taken over its work.")
        yield error(place, "agency_not_valid", message.format(code=found[0].code, day=Cell(reading.day, "").text))
    elif option and cell and reading.register is not None:
        stated = {agency_key(found[0].code), agency_key(found[0].name)}
        if agency_key(cell.text) not in stated:
            message = _('The file says "{text}", the plan is to be filed for {code}; correct one of them.')
            yield error(cell, "agency_other", message.format(text=quoted(cell.text), code=found[0].code))


def directive_is_known(reading: Reading) -> Iterator[Problem]:
    """The plan falls under a directive of the register."""
    if reading.register is None or reading.for_graph or reading.directive is not None:
        return
    known = listed(sorted(reading.register.directives))
    place = "--directive" if reading.directive_option else reading.draft.directive.place
    text = reading.directive_option or reading.draft.directive.text
    if not known:
        yield error(
            place, "directive_missing", _("The register holds no directive; import one before plans are filed.")
        )
    else:
        message = _('No directive "{text}" in the register; known: {known}.').format(text=quoted(text), known=known)
        yield error(place, "directive_unknown", message)


def heading_is_readable(reading: Reading) -> Iterator[Problem]:
    """The day of signing and the calendar can be read."""
    signed = reading.draft.signed
    if signed and (reading.signed is None or not 1990 <= reading.signed.year <= 2100):
        message = _('Found "{text}", expected the day of signing, for example 04/5/2020.')
        yield error(signed, "signed_unreadable", message.format(text=quoted(signed.text)))
    if reading.calendar_name is None:
        message = _('Found "{text}", expected the calendar "vn" (working days) or "every-day".')
        cell = reading.draft.calendar
        yield error(cell, "calendar_unknown", message.format(text=quoted(cell.text)))


def has_tasks(reading: Reading) -> Iterator[Problem]:
    """The plan holds at least one task."""
    if not reading.tasks:
        yield error(
            reading.draft.file_name,
            "no_tasks",
            _("The plan holds no task; write at least one task under a goal."),
        )


def codes_are_unique(reading: Reading) -> Iterator[Problem]:
    """Every goal and task has a well-formed number of its own."""
    for kind, cells in (
        ("goal", [goal.code for goal in reading.draft.goals]),
        ("task", [task.draft.code for task in reading.tasks]),
    ):
        first: dict[str, Cell] = {}
        for cell in cells:
            code = read_number(cell)
            if not cell:
                message = _("The number is missing; every goal and task needs one of its own, for example I or I.1.")
                yield error(cell, f"{kind}_code_missing", message)
            elif len(code) > LONGEST_CODE or not _CODE.fullmatch(code):
                message = _(
                    'Found "{text}", expected a number such as I, 1 or I.1. If it was typed so, format as text.'
                )
                yield error(cell, f"{kind}_code_unreadable", message.format(text=quoted(cell.text)))
            elif code in first:
                message = _("The number {code} stands at {place} already; give this one another number.")
                yield error(cell, f"{kind}_code_twice", message.format(code=code, place=first[code].place))
            else:
                first[code] = cell


def titles_are_there(reading: Reading) -> Iterator[Problem]:
    """Every goal and task says what it is."""
    for goal, tasks in reading.goals:
        if not goal.title and not reading.for_graph:
            yield error(goal.title, "goal_title_missing", _("The goal has no text; write what is to be reached."))
        for task in tasks:
            if not task.title and not reading.for_graph:
                yield error(task.draft.title, "title_missing", _("The task has no text; write what is to be done."))


def targets_are_known(reading: Reading) -> Iterator[Problem]:
    """A goal that names a target names one of the directive's."""
    if reading.directive is None:
        return
    known = {target.code for target in reading.directive.targets}
    for goal, _tasks in reading.goals:
        if goal.target and read_number(goal.target) not in known:
            message = _('No target "{text}" in {directive}; its targets: {known}.').format(
                text=quoted(goal.target.text), directive=reading.directive.code, known=listed(sorted(known)) or "-"
            )
            yield error(goal.target, "target_unknown", message)


# --- when -------------------------------------------------------------------------------------------------------------


def deadlines_are_settled(reading: Reading) -> Iterator[Problem]:
    """Every task has a deadline that can be read in one way only."""
    for task in reading.tasks:
        if task.deadline is None:
            if not reading.for_graph:
                message = _(
                    'The deadline is missing. Write a day or a period, for example "22/5/2020" or "Quý II/2020".'
                )
                yield error(task.draft.due, "deadline_missing", message)
        elif task.deadline.question is not None and not (reading.for_graph and task.duration):
            yield error(task.draft.due, f"deadline_{task.deadline.kind.value}", task.deadline.question)


def durations_are_days(reading: Reading) -> Iterator[Problem]:
    """A duration is a whole number of days above 0; where only order is wanted, it stands in for the deadline."""
    for task in reading.tasks:
        cell = task.draft.duration
        if cell and task.duration is None:
            message = _('Found "{text}", expected a whole number of days from 1 to 9999.')
            yield error(cell, "duration_unreadable", message.format(text=quoted(cell.text)))


# --- after what -------------------------------------------------------------------------------------------------------


def predecessors_are_known(reading: Reading) -> Iterator[Problem]:
    """Every task waited for is in this plan, or in the plan of an agency of the register."""
    own = {task.code for task in reading.tasks}
    for task in reading.tasks:
        for before in task.after:
            if before.agency:
                yield from _other_plan(reading, before.cell, before.agency, before.key)
            elif before.key not in own:
                message = _(
                    'No task "{text}" in this plan. Write its number here, or "<agency>:<number>" of another plan.'
                )
                yield error(before.cell, "after_unknown", message.format(text=quoted(before.text)))


def _other_plan(reading: Reading, cell: Cell, agency: str, key: str) -> Iterator[Problem]:
    if reading.register is None:
        return
    if agency not in reading.register.agencies:
        message = _('No agency "{text}" in the register. {nearest}')
        yield error(cell, "after_agency_unknown", message.format(text=quoted(agency), nearest=nearest(reading, agency)))
    elif not reading.register.task_exists(key):
        message = _("Task {key} is not filed yet; the dependency counts as soon as it is.")
        yield warning(cell, "after_not_filed", message.format(key=quoted(key)))


def order_is_possible(reading: Reading) -> Iterator[Problem]:
    """The tasks of the plan do not wait for each other in a circle."""
    places: dict[tuple[str, str], Cell] = {}
    own = {task.code for task in reading.tasks}
    for task in reading.tasks:
        for before in task.after:
            if not before.agency and before.key in own:
                places.setdefault((before.key, task.code), before.cell)
    for path in circles(own_in_order(reading), places):
        message = _("The dependencies run in a circle: {path}. Remove one of them.").format(path=" -> ".join(path))
        yield error(places[path[0], path[1]], "cycle", message)


def own_in_order(reading: Reading) -> list[str]:
    """Return the codes of the plan's tasks in the order filed, each once."""
    return list(dict.fromkeys(task.code for task in reading.tasks))


# --- any text ---------------------------------------------------------------------------------------------------------


def _cells(reading: Reading) -> list[Cell]:
    draft = reading.draft
    cells = [draft.agency, draft.directive, draft.number, draft.signed, draft.calendar]
    for goal in draft.goals:
        cells += [goal.code, goal.title, goal.target]
        for task in goal.tasks:
            cells += [task.code, task.title, task.responsible, task.due, task.start, task.duration, task.deliverable]
            cells += [task.note, task.lead, *task.cooperating, *task.after]
    return cells


def texts_are_sound(reading: Reading) -> Iterator[Problem]:
    """No text is longer than a cell needs, none holds characters that cannot be printed."""
    cells = _cells(reading)
    texts = {cell.value for cell in cells if isinstance(cell.value, str)}
    if max(map(len, texts), default=0) <= LONGEST_TEXT and not UNPRINTABLE.search("\n".join(texts)):
        return  # all at once: this is asked of every text of every plan
    for cell in cells:
        if not isinstance(cell.value, str) or cell.value not in texts:
            continue
        texts.remove(cell.value)  # a text that stands in several cells is told once
        if len(cell.value) > LONGEST_TEXT:
            message = _("The text has {count} characters, at most {most} are kept; shorten it.")
            yield error(cell, "text_too_long", message.format(count=len(cell.value), most=LONGEST_TEXT))
        if UNPRINTABLE.search(cell.value):
            message = _('The text "{text}" holds characters that cannot be printed; type it anew.')
            yield error(cell, "text_unprintable", message.format(text=quoted(cell.value)))


def texts_are_unicode(reading: Reading) -> Iterator[Problem]:
    """No text is typed in a font of the time before Unicode."""
    told: set[str] = set()
    for cell in _cells(reading):
        text = cell.value
        if not isinstance(text, str) or text.isascii() or text in told or len(told) >= _MOST_LEGACY:
            continue
        code = legacy_code(text)
        if code is not None:
            told.add(text)
            yield error(cell, "legacy_text", advice(code, quoted(text)))


CHECKS: tuple[Check, ...] = (
    agency_is_known,
    directive_is_known,
    heading_is_readable,
    has_tasks,
    codes_are_unique,
    titles_are_there,
    targets_are_known,
    responsible_is_known,
    lead_is_own,
    cooperating_are_known,
    deadlines_are_settled,
    deadlines_are_ahead,
    starts_are_readable,
    days_are_not_exchanged,
    durations_are_days,
    predecessors_are_known,
    order_is_possible,
    texts_are_sound,
    texts_are_unicode,
)


def run_checks(reading: Reading) -> list[Problem]:
    """Return every problem of a plan: those its reader found, then check by check, of each the first 500.

    Where the reader found why a value is not there, that it is missing is not told again.
    """
    found = list(reading.draft.problems)
    if reading.draft.readable:
        told = {problem.place for problem in found if problem.severity == "error"}
        for check in CHECKS:
            problems = itertools.islice(check(reading), MOST_OF_A_KIND + 1)
            new = [p for p in problems if not (p.place in told and p.code.endswith("_missing"))]
            if len(new) > MOST_OF_A_KIND:
                message = _("More such problems follow; correct these first.")
                new[-1] = Problem(place=new[-1].place, code="more_problems", message=message)
            found += new
    return found
