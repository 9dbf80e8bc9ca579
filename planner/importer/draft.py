"""A filed plan before anybody judges it: every cell as it was written, with the place where it stands.

Knows neither spreadsheets nor YAML, and never asks a database: what the register knows is handed in as `Register`.
Source: design notes, "The tree", importer; domain notes, section 3.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache

from planner.domain.agency import Agency, Officer
from planner.domain.calendar import Calendar
from planner.domain.deadline import Deadline
from planner.domain.directive import Directive
from planner.errors import Problem
from planner.importer.names import agency_key, index_by_name

Value = str | int | float | date | datetime | time | timedelta | None

# Copying from a word processor brings characters that nobody sees: zero-width spaces and joiners, byte order mark,
# soft hyphen and carriage return go, the no-break space becomes a space.
_UNSEEN = {0x200B: None, 0x200C: None, 0x200D: None, 0x2060: None, 0xFEFF: None, 0xAD: None, 0xA0: " ", 0x0D: None}
_ANY_UNSEEN = re.compile("[" + "".join(map(chr, _UNSEEN)) + "]")


def clean(text: str) -> str:
    """Return `text` in Unicode NFC, without invisible characters and blanks around it."""
    return _clean_short(text) if len(text) <= _SHORT else _clean(text)


_SHORT = 40  # characters: numbers, days, names and mailboxes come again and again


def _clean(text: str) -> str:
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if _ANY_UNSEEN.search(text):
        text = text.translate(_UNSEEN)
    return text.strip(" \n\t")


_clean_short = lru_cache(maxsize=4096)(_clean)


def write_day(day: date) -> str:
    """Write a day as Vietnamese documents do: 04/5/2020, but 04/02/2020."""
    return f"{day.day:02d}/{day.month:02d}/{day.year}" if day.month < 3 else f"{day.day:02d}/{day.month}/{day.year}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as it was written, and where."""

    value: Value  #: text is already `clean`
    place: str  #: "Kế hoạch!E7", "line 12, column 9"

    @property
    def text(self) -> str:
        """Return the value as a person would have typed it; "" for an empty cell."""
        value = self.value
        if isinstance(value, str):
            return value
        if value is None:
            return ""
        if isinstance(value, datetime):
            hour = f"{value:%H:%M} ngày " if value.time() != time() else ""
            return hour + write_day(value)
        if isinstance(value, date):
            return write_day(value)
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return str(value)

    def __bool__(self) -> bool:
        return self.value is not None and self.value != ""


NOWHERE = Cell(None, "")


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskDraft:
    """The cells of one task. A cell that is missing is empty and carries the place where it is missed."""

    place: str  #: of the task as a whole
    code: Cell
    title: Cell
    responsible: Cell
    due: Cell
    start: Cell
    duration: Cell
    deliverable: Cell
    note: Cell
    lead: Cell = NOWHERE  #: lead agency; only sheets have such a column
    cooperating: tuple[Cell, ...] = ()  #: each may still name several agencies
    after: tuple[Cell, ...] = ()  #: each may still name several tasks


@dataclass(frozen=True, kw_only=True, slots=True)
class GoalDraft:
    """The cells of one goal and its tasks."""

    place: str
    code: Cell
    title: Cell
    target: Cell
    tasks: tuple[TaskDraft, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanDraft:
    """One file, read but not judged."""

    file_name: str  #: without its folder
    sha256: str  #: of the bytes that were read
    format: str  #: "xlsx" or "yaml"
    agency: Cell = NOWHERE
    directive: Cell = NOWHERE
    number: Cell = NOWHERE
    signed: Cell = NOWHERE
    calendar: Cell = NOWHERE
    goals: tuple[GoalDraft, ...] = ()
    labelled: Mapping[str, Cell] = field(default_factory=dict)  #: every labelled line above the table
    heading: tuple[str, ...] = ()  #: lines above the table: they show how the file writes its dates
    problems: tuple[Problem, ...] = ()  #: what the reader itself could not accept
    readable: bool = True  #: False: nothing was read, further checks would only repeat that

    def warned(self, warnings: tuple[Problem, ...]) -> PlanDraft:
        """Return the draft with more problems of the file as a whole."""
        return replace(self, problems=(*warnings, *self.problems)) if warnings else self


@dataclass(frozen=True, kw_only=True)
class Register:
    """What a check may know beyond the file: passed in, never fetched."""

    agencies: Mapping[str, Agency]  #: by code
    officers_by_email: Mapping[str, Officer]
    directives: Mapping[str, Directive]  #: by code
    calendar: Callable[[str], Calendar]  #: "vn" or "every-day" -> calendar
    task_exists: Callable[[str], bool]  #: "agency:code" -> whether that task is filed already
    today: date

    @cached_property
    def deadlines(self) -> dict[object, Deadline]:
        """What deadline texts were found to mean, by all that this depends on; plans of one notice say the same."""
        return {}

    @cached_property
    def agencies_by_name(self) -> Mapping[str, tuple[Agency, ...]]:
        """Every agency under the keys of its name."""
        return index_by_name(self.agencies)

    @cached_property
    def officers_by_agency(self) -> Mapping[tuple[str, str], tuple[Officer, ...]]:
        """Every officer under (agency code, key of the name) and (agency code, key of the post)."""
        index: dict[tuple[str, str], tuple[Officer, ...]] = {}
        for officer in self.officers_by_email.values():
            for text in {agency_key(officer.name), agency_key(officer.title)} - {""}:
                index[officer.agency, text] = (*index.get((officer.agency, text), ()), officer)
        return index
