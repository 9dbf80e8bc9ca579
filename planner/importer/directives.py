"""A directive from a file: its targets, its direct assignments, who owes a plan and by when.

YAML, or the tables people have (.xlsx, .csv, .docx). Knows no database: the agencies on record are passed in. Every
problem is returned at once, each with its place. Source: design notes, command line; notice of 29/4/2020.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from planner.domain.agency import Agency
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.directive import DirectAssignment, Directive, Target
from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.csv_file import read_csv
from planner.importer.dates import parse_deadline
from planner.importer.directive_form import AssignmentForm, DirectiveForm, Places, Stated, fill
from planner.importer.directive_sheet import read_directive_grids
from planner.importer.draft import write_day
from planner.importer.excel import Unreadable, read_workbook
from planner.importer.grid import Grid
from planner.importer.names import Matched, agency_key, index_by_name, match_agencies, split_names
from planner.importer.plain_yaml import Keys, admit, line_place, read_yaml, unopened
from planner.importer.word import read_document

SUFFIXES = (".yaml", ".yml", ".xlsx", ".csv", ".docx")


def read_directive(
    path: Path, *, known: Mapping[str, Agency] | None = None, given: Mapping[str, str] | None = None
) -> tuple[Directive | None, list[Problem]]:
    """Read a directive.

    An assignment that names several agencies, or a group of them, is one for each. It may have no deadline: then none
    is asked for. A deadline with two readings is a problem, as the directive itself must say what it means.

    Args:
        path: .yaml; or .xlsx, .csv or .docx with a table of assignments, of targets, or both.
        known: agencies on record, by code; None: agencies are taken as they are written.
        given: "code", "number", "title", "issuer" or "issued_on" stated beside the file; counts before what it says.

    Returns:
        The directive, or None if anything is wrong; and every problem, warnings among them.
    """
    try:
        stated, problems = _stated(path)
    except OSError as error:
        return None, [unopened(path, error)]
    if stated is None:
        return None, problems
    document, places = dict(stated.document), dict(stated.places)
    for key, text in (given or {}).items():
        document[key], places[key,] = text, f"--{key.replace('_', '-')}"
    form, found = fill(Stated(document=document, places=places))
    problems += found
    if form is None:
        return None, problems
    directive = _Directives(form, places, known, stated.day_first)
    problems += directive.problems
    return (None if any(p.severity == "error" for p in problems) else directive.directive), problems


def _stated(path: Path) -> tuple[Stated | None, list[Problem]]:
    suffix = path.suffix.lower()
    problems: list[Problem] = []
    if suffix in (".yaml", ".yml"):
        document, marks, problems = read_yaml(path)
        if isinstance(document, dict):
            return Stated(document=document, places={keys: line_place(*mark) for keys, mark in marks.items()}), problems
        if not problems:
            message = _("Expected a directive with the keys: {keys}.").format(
                keys=", ".join(DirectiveForm.model_fields)
            )
            problems.append(Problem(place=path.name, code="yaml_shape", message=message))
        return None, problems
    data = admit(path, problems, SUFFIXES)
    if not data:
        return None, problems
    try:
        grids, problems = _grids(path.name, suffix, data)
    except Unreadable as error:
        return None, [Problem(place=path.name, code=error.code, message=error.message)]
    if grids is None:
        return None, problems
    stated, found = read_directive_grids(path.name, grids)
    return stated, [*problems, *found]


def _grids(name: str, suffix: str, data: bytes) -> tuple[list[Grid] | None, list[Problem]]:
    if suffix == ".csv":
        grid, found = read_csv(name, data)
        return None if grid is None else [grid], list(found)
    return (read_document(data) if suffix == ".docx" else list(read_workbook(data))), []


@dataclass
class _Directives:
    """Makes a directive of a filled form and says what of it cannot hold."""

    form: DirectiveForm
    places: Places
    known: Mapping[str, Agency] | None
    day_first: bool | None
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        form = self.form
        filing = form.filing
        self.directive = Directive(
            code=form.code,
            number=form.number,
            title=form.title,
            issuer=form.issuer,
            issued_on=form.issued_on,
            filing_duty=filing.duty if filing else "",
            filing_tiers=filing.tiers if filing else (),
            filing_deadline=filing.deadline if filing else None,
            filing_deadline_note=filing.note if filing else "",
            targets=tuple(Target(**dict(one)) for one in form.targets),
            assignments=tuple(one for n, row in enumerate(form.assignments) for one in self._assignments(n, row)),
            recipients=form.recipients,
        )
        self._once("targets", [one.code for one in form.targets])
        self._once("assignments", [one.code for one in form.assignments])
        for n, target in enumerate(form.targets):
            if target.holds_from and target.by:
                message = _("A target has a day to hold from or a last day to reach it, not both.")
                self._refuse(("targets", n, "by"), "target_days", message)

    def _refuse(self, keys: Keys, code: str, message: str, *, only_warn: bool = False) -> None:
        place = next(self.places[keys[:n]] for n in range(len(keys), -1, -1) if keys[:n] in self.places)
        self.problems.append(
            Problem(place=place, code=code, message=message, severity="warning" if only_warn else "error")
        )

    def _once(self, part: str, codes: list[str]) -> None:
        for n, code in enumerate(codes):
            if code in codes[:n]:
                first = self.places[part, codes.index(code), "code"]
                message = _('"{found}" is already given at {place}; keep one.').format(found=code, place=first)
                self._refuse((part, n, "code"), "duplicate", message)

    def _assignments(self, n: int, row: AssignmentForm) -> Iterator[DirectAssignment]:
        deadline = self._deadline(n, row.due)
        leads = self._agencies(("assignments", n, "agency"), row.agency, lead=True)
        helpers = [
            code
            for i, text in enumerate(row.cooperating)
            for code in self._agencies(("assignments", n, "cooperating", i), text, lead=False)
        ]
        for lead in leads:
            yield DirectAssignment(
                code=row.code,
                title=row.title,
                agency=lead,
                deadline=deadline,
                cooperating=tuple(code for code in dict.fromkeys(helpers) if code != lead),
                deliverable=row.deliverable,
            )

    def _deadline(self, n: int, text: str) -> Deadline:
        if not text:
            return Deadline(text="", kind=DeadlineKind.NONE)
        deadline = parse_deadline(text, signed=self.form.issued_on, day_first=self.day_first)
        if deadline.kind is DeadlineKind.NONE and not any(letter.isdigit() for letter in text):
            # "kịp thời" names no day, and nobody is asked for one: the directive stands as it was issued. "30/6/202"
            # names one that cannot be read.
            return replace(deadline, question=None)
        if deadline.question is not None:
            self._refuse(("assignments", n, "due"), "date_ambiguous", deadline.question)
        return deadline

    # --- agencies

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[Agency, ...]]:
        return index_by_name(self.known or {})

    def _agencies(self, keys: Keys, text: str, *, lead: bool) -> tuple[str, ...]:
        """Return the agencies that a value names; say what in it names none, or none for certain."""
        if self.known is None:
            return tuple(split_names(text))
        found = match_agencies(text, self.known, self._by_name, day=self.form.issued_on)
        self._complain(keys, found, lead=lead)
        return found.codes

    def _complain(self, keys: Keys, found: Matched, *, lead: bool) -> None:
        for name in found.unknown:
            message = _('No agency "{text}" in the register. {nearest}')
            self._refuse(keys, "unknown", message.format(text=name[:80], nearest=self._nearest(name)))
        for name, codes in found.shared:
            message = _('"{text}" is the name of several agencies; write the code of one: {codes}.')
            self._refuse(keys, "shared_name", message.format(text=name[:80], codes=", ".join(codes[:12])))
        for code in found.gone:
            message = _("Agency {code} does not exist on {day}; name the agency that has taken over its work.")
            self._refuse(keys, "not_valid", message.format(code=code, day=write_day(self.form.issued_on)))
        for name in found.open_groups:
            if lead:
                message = _(
                    '"{text}" names no agency in particular: nobody would lead. Name the agencies that are meant.'
                )
                self._refuse(keys, "open_group", message.format(text=name[:80]))
            else:
                message = _('"{text}" names no agency in particular: none is told. Name the agencies that are meant.')
                self._refuse(keys, "open_group", message.format(text=name[:80]), only_warn=True)

    def _nearest(self, text: str) -> str:
        """Return the next step for a name that is not in the register."""
        near = difflib.get_close_matches(agency_key(text[:120]), self._by_name, n=3, cutoff=0.6)
        agencies = dict.fromkeys(self._by_name[key][0] for key in near)
        if not agencies or len(self.problems) > 20:  # looking is slow, and a hopeless file asks often
            return _('Write the code or the full name; "planner agency list" shows them.')
        names = "; ".join(f"{agency.name} ({agency.code})" for agency in agencies)
        return _("Nearest: {names}. Write the code or the full name.").format(names=names)
