"""The registers an administrator keeps, read from files: agencies, successions, officers, absences.

Knows no database: what is already on record is passed in as `known`. Every problem of a file is returned at once, each
with its place; the sound entries come with them, and nothing may be stored while a problem of severity "error" stands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from planner.domain.agency import Absence, Agency, Officer, OfficerRole, Succession
from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.directives import read_directive
from planner.importer.register_columns import (
    ABSENCE_COLUMNS,
    AGENCY_COLUMNS,
    EXTENTS,
    OFFICER_COLUMNS,
    ROLES,
    SUCCESSION_COLUMNS,
    TIERS,
    Extent,
    Member,
    Words,
)
from planner.importer.tables import Cell, Row, plain_date, read_table

__all__ = [
    "mailbox",
    "plain_date",
    "read_absences",
    "read_agencies",
    "read_directive",
    "read_officers",
    "read_successions",
]

_CODE = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_ATOM = re.compile(r"[A-Za-z0-9_+'=~-]+(?:\.[A-Za-z0-9_+'=~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LONGEST = 500  # characters of a name, title or reason


def mailbox(text: str) -> str | None:
    """Return `text` in lower case if it is one plain ASCII mailbox, "name@host.domain" of at most 254 characters.

    Stricter than the standard on purpose: no display name, quotes, spaces, control characters or second "@", so that
    an address can never become two, nor a header line.
    """
    local, at, host = text.partition("@")
    labels = host.split(".")
    sound = (
        at == "@"
        and len(text) <= 254
        and len(local) <= 64
        and _ATOM.fullmatch(local) is not None
        and len(labels) >= 2
        and all(_LABEL.fullmatch(label) for label in labels)
    )
    return text.lower() if sound else None


@dataclass
class _Reader:
    """Reads the cells of one file and gathers what is wrong with them."""

    problems: list[Problem] = field(default_factory=list)
    failed: bool = False  #: whether the row in hand has a problem

    def blame(self, cell: Cell, code: str, message: str) -> None:
        self.failed = True
        self.problems.append(Problem(place=cell.place, code=code, message=message))

    def text(self, row: Row, name: str, *, required: bool = False) -> str:
        cell = row[name]
        text = cell.text
        if not text and required:
            self.failed = True
            if name in row.cells:  # a column that is not there has been complained of once
                self.blame(cell, "value_missing", _("The cell is empty; a value is required."))
        if any(unicodedata.category(c).startswith("C") for c in text):
            self.blame(cell, "control_character", _("Found an invisible control character; type the value again."))
        if len(text) > _LONGEST:
            message = _("Found {n} characters; at most {most} are kept.").format(n=len(text), most=_LONGEST)
            self.blame(cell, "too_long", message)
        return text

    def code(self, row: Row, name: str, *, required: bool = True) -> str:
        text = self.text(row, name, required=required)
        if text and (not _CODE.fullmatch(text) or len(text) > 64):
            message = _('Found "{found}"; a code has small letters a-z, digits, "-" and ".", at most 64: h-yen-dinh.')
            self.blame(row[name], "code_form", message.format(found=text))
        return text

    def day(self, row: Row, name: str, *, required: bool = False) -> date | None:
        cell = row[name]
        if isinstance(cell.value, date):
            return cell.value
        text = self.text(row, name, required=required)
        day = plain_date(text)
        if text and day is None:
            message = _('Found "{found}"; expected a day as 31/5/2020 or 2020-05-31.').format(found=text)
            self.blame(cell, "date_form", message)
        return day

    def span(self, row: Row, first: str, last: str, *, required: bool = False) -> tuple[date | None, date | None]:
        start, end = self.day(row, first, required=required), self.day(row, last, required=required)
        if start and end and end < start:
            message = _("The last day {last} lies before the first day {first}.").format(last=end, first=start)
            self.blame(row[last], "span_reversed", message)
        return start, end

    def mail(self, row: Row, name: str, *, required: bool = False) -> str | None:
        text = self.text(row, name, required=required)
        found = mailbox(text)
        if text and found is None:
            message = _(
                'Found "{found}"; expected one e-mail address without accents or spaces: ten@coquan.example.vn.'
            )
            self.blame(row[name], "email_form", message.format(found=text))
        return found

    def member(self, row: Row, name: str, words: Words[Member], *, required: bool = False) -> Member | None:
        """Return the member of an enumeration that a cell names."""
        text = self.text(row, name, required=required)
        found = words.find(text)
        if text and found is None:
            message = _('Found "{found}"; expected one of: {expected}.').format(found=text, expected=words.expected)
            self.blame(row[name], f"{name}_unknown", message)
        return found

    def once(self, row: Row, name: str, value: object, seen: dict[object, str]) -> None:
        if value and value in seen:
            shown = " -> ".join(value) if isinstance(value, tuple) else value
            message = _('"{found}" is already given at {place}; keep one.').format(found=shown, place=seen[value])
            self.blame(row[name], "duplicate", message)
        elif value:
            seen[value] = row[name].place

    def exists(self, row: Row, name: str, value: str | None, known: Collection[str] | None) -> None:
        if value and known is not None and value not in known:
            message = _('"{found}" is not known, neither here nor on record; add it first or correct it.')
            self.blame(row[name], "unknown", message.format(found=value))


def read_agencies(path: Path, *, known: Collection[str] = ()) -> tuple[list[Agency], list[Problem]]:
    """Read a register of agencies.

    Args:
        path: .csv, .xlsx (first sheet) or .yaml.
        known: codes on record; a parent must be among them or in the file.
    """
    rows, problems = read_table(path, AGENCY_COLUMNS)
    reader = _Reader(problems)
    codes = {row["code"].text for row in rows} | set(known)
    parents = {row["code"].text: row["parent"].text for row in rows}
    seen: dict[object, str] = {}
    agencies = []
    for row in rows:
        reader.failed = False
        code, name = reader.code(row, "code"), reader.text(row, "name", required=True)
        tier, parent = reader.member(row, "tier", TIERS, required=True), reader.code(row, "parent", required=False)
        valid_from, valid_to = reader.span(row, "valid_from", "valid_to")
        reader.once(row, "code", code, seen)
        reader.exists(row, "parent", parent, codes)
        if _stands_over_itself(code, parents):
            message = _('"{code}" stands over itself; name the agency above it.').format(code=code)
            reader.blame(row["parent"], "parent_circle", message)
        if not reader.failed and tier is not None:
            agency = Agency(code=code, name=name, tier=tier, parent=parent or None)
            agencies.append(replace(agency, valid_from=valid_from, valid_to=valid_to))
    return agencies, reader.problems


def _stands_over_itself(code: str, parents: Mapping[str, str]) -> bool:
    above, steps = parents.get(code, ""), 0
    while above and above != code and steps <= len(parents):
        above, steps = parents.get(above, ""), steps + 1
    return bool(code) and above == code


def read_successions(path: Path, *, known: Collection[str] | None = None) -> tuple[list[Succession], list[Problem]]:
    """Read which agency takes over from which, from what day on, wholly or in part.

    Args:
        path: .csv, .xlsx (first sheet) or .yaml.
        known: agency codes on record; None: codes are not looked up.
    """
    rows, problems = read_table(path, SUCCESSION_COLUMNS)
    reader = _Reader(problems)
    seen: dict[object, str] = {}
    successions = []
    for row in rows:
        reader.failed = False
        old, new = reader.code(row, "from_code"), reader.code(row, "to_code")
        on, extent = reader.day(row, "on", required=True), reader.member(row, "extent", EXTENTS)
        basis = reader.text(row, "legal_basis")
        for name, code in (("from_code", old), ("to_code", new)):
            reader.exists(row, name, code, known)
        reader.once(row, "to_code", (old, new) if old and new else None, seen)
        if old and old == new:
            reader.blame(row["to_code"], "succession_self", _("An agency cannot take over from itself."))
        if not reader.failed and on is not None:
            kept = Succession(from_code=old, to_code=new, on=on, extent=(extent or Extent.WHOLE).value)
            successions.append(replace(kept, legal_basis=basis))
    return successions, reader.problems


def read_officers(
    path: Path, *, known: Collection[str] | None = None, known_officers: Collection[str] | None = None
) -> tuple[list[Officer], list[Problem]]:
    """Read a register of officers.

    Args:
        path: .csv, .xlsx (first sheet) or .yaml.
        known: agency codes on record; None: codes are not looked up.
        known_officers: addresses on record; a substitute must be among them or in the file; None: not looked up.
    """
    rows, problems = read_table(path, OFFICER_COLUMNS)
    reader = _Reader(problems)
    people = None if known_officers is None else {row["email"].text.lower() for row in rows} | set(known_officers)
    seen: dict[object, str] = {}
    officers = []
    for row in rows:
        reader.failed = False
        email, name = reader.mail(row, "email", required=True), reader.text(row, "name", required=True)
        title, agency = reader.text(row, "title"), reader.code(row, "agency")
        role, substitute = reader.member(row, "role", ROLES), reader.mail(row, "substitute")
        valid_from, valid_to = reader.span(row, "valid_from", "valid_to")
        reader.once(row, "email", email, seen)
        reader.exists(row, "agency", agency, known)
        reader.exists(row, "substitute", substitute, people)
        if email and email == substitute:
            reader.blame(row["substitute"], "substitute_self", _("Nobody stands in for himself; name another person."))
        if not reader.failed and email is not None:
            officer = Officer(email=email, name=name, title=title, agency=agency, role=role or OfficerRole.MEMBER)
            officers.append(replace(officer, substitute=substitute, valid_from=valid_from, valid_to=valid_to))
    return officers, reader.problems


def read_absences(path: Path, *, known: Collection[str] | None = None) -> tuple[list[Absence], list[Problem]]:
    """Read who is away, from which day to which, both inclusive.

    Args:
        path: .csv, .xlsx (first sheet) or .yaml.
        known: officers' addresses on record; None: they are not looked up.
    """
    rows, problems = read_table(path, ABSENCE_COLUMNS)
    reader = _Reader(problems)
    absences = []
    for row in rows:
        reader.failed = False
        officer, substitute = reader.mail(row, "officer", required=True), reader.mail(row, "substitute")
        first, last = reader.span(row, "first_day", "last_day", required=True)
        reason = reader.text(row, "reason")
        reader.exists(row, "officer", officer, known)
        reader.exists(row, "substitute", substitute, known)
        if officer and officer == substitute:
            reader.blame(row["substitute"], "substitute_self", _("Nobody stands in for himself; name another person."))
        if not reader.failed and officer and first and last:
            absence = Absence(officer=officer, first_day=first, last_day=last, substitute=substitute, reason=reason)
            absences.append(absence)
    return absences, reader.problems
