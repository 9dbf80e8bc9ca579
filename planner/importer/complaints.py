"""How a check says what is wrong: a problem at a cell, with what was found quoted and lists kept short."""

from __future__ import annotations

import re
from collections.abc import Iterable

from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.draft import Cell
from planner.importer.names import agency_key
from planner.importer.reading import Reading

_MOST_NAMES = 12  # of a list inside a message
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def error(cell: Cell | str, code: str, message: str) -> Problem:
    """Return a problem that keeps the plan from being filed."""
    return Problem(place=cell if isinstance(cell, str) else cell.place, code=code, message=message)


def warning(cell: Cell | str, code: str, message: str) -> Problem:
    """Return a problem that the officer should know of and may leave."""
    place = cell if isinstance(cell, str) else cell.place
    return Problem(place=place, code=code, message=message, severity="warning")


def quoted(text: str) -> str:
    """Return `text` as messages quote it: one line of at most 80 characters."""
    line = UNPRINTABLE.sub("?", " ".join(text.split()))
    return line if len(line) <= 80 else line[:79] + "…"


def listed(names: Iterable[str]) -> str:
    """Return names with commas between, the first twelve and dots when there are more."""
    found = list(names)
    return ", ".join(found[:_MOST_NAMES]) + (", …" if len(found) > _MOST_NAMES else "")


def nearest(reading: Reading, text: str) -> str:
    """Return the next step for a name that is not in the register: the names nearest to it, if any are near."""
    assert reading.register is not None  # noqa: S101 - only asked beside a register
    key = agency_key(text[:120])
    if reading.spend_search(key):
        by_name = reading.register.agencies_by_name
        names = [by_name[near][0] for near in reading.near(key)]
        if names:
            names_told = "; ".join(f"{agency.name} ({agency.code})" for agency in dict.fromkeys(names))
            return _("Nearest: {names}. Write the code or the full name.").format(names=names_told)
    return _('Write the code or the full name; "planner agency list" shows them.')
