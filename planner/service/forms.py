"""Forms: the blank workbook for an agency, and a filed workbook given back with its problems marked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.errors import InputRejected, NotFound, Problem, Refused, UsageRefused, WorldFailed
from planner.i18n import gettext as _
from planner.importer import Loaded
from planner.importer.annotate import Annotated, annotate
from planner.importer.door import take
from planner.importer.excel import Unreadable
from planner.importer.form import draw_form
from planner.service.desk import Desk
from planner.service.documents import save
from planner.service.filing import known_to


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What a blank form holds, and where it was written."""

    path: Path
    agency: str  #: code
    directive: str  #: code
    goals: int  #: filled in from the directive's targets
    rows: int  #: for tasks
    officers: int  #: to choose from
    targets: int
    cooperating: int

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of `planner plan form`."""
        return {
            "file": str(self.path),
            "agency": self.agency,
            "directive": self.directive,
            "goals": self.goals,
            "rows": self.rows,
            "officers": self.officers,
            "targets": self.targets,
            "cooperating": self.cooperating,
        }


def draw(desk: Desk, path: Path, *, agency: str | None = None, directive: str | None = None) -> Drawn:
    """Write the blank form of an agency, by default of the agency of who acts; a dry run writes nothing.

    Raises:
        UsageRefused: no agency is named, and nobody in particular acts.
        InputRejected: the file's name does not end in .xlsx.
        NotFound: no such agency or directive.
        Refused: there is such a file already; it may hold somebody's work.
        WorldFailed: the disk refuses.
    """
    require_xlsx(path, "-o")
    with desk.reading() as session:
        officer = desk.acting_officer(session)
        code = agency or (officer.agency if officer else None)
        if code is None:
            raise UsageRefused(_("Say for which agency: --agency CODE, or who acts: --user EMAIL."))
        register = known_to(desk, session).register()
        found = register.agencies.get(code) or register.agencies.get(code.casefold())
        if found is None:
            raise NotFound(_("There is no agency {code}. See: planner agency list").format(code=code))
        if not found.is_valid_on(desk.today):
            message = _("The agency {code} does not exist on this day; see: planner agency show {code}")
            raise Refused(message.format(code=found.code))
        chosen = register.directives[desk.directive_code(session, directive)]
    if path.exists():
        raise Refused(_("{path} is there already and may hold your work; name another file.").format(path=path))
    form = draw_form(found, chosen, register, superior=desk.settings.report_superior, file=path.name)
    if not desk.dry_run:
        save(path, form.content)
    return Drawn(
        path=path,
        agency=found.code,
        directive=chosen.code,
        goals=form.goals,
        rows=form.rows,
        officers=len(form.officers),
        targets=len(form.targets),
        cooperating=len(form.cooperating),
    )


def require_annotatable(path: Path, out: Path) -> None:
    """Check, before anything is read, that a file can be given back annotated as another one.

    Raises:
        UsageRefused: the file is no .xlsx, or both are the same.
        InputRejected: the other is not named .xlsx.
    """
    if path.suffix.lower() != ".xlsx":
        message = _("--annotate needs an Excel workbook (.xlsx); {file} is none.")
        raise UsageRefused(message.format(file=path.name))
    require_xlsx(out, "--annotate")
    if path.resolve() == out.resolve() or (path.exists() and out.exists() and path.samefile(out)):
        raise UsageRefused(_("--annotate would overwrite {file}; name another file.").format(file=path))


def give_back(path: Path, out: Path, loaded: Loaded) -> Annotated | None:
    """Write a checked workbook with each problem as a note on its cell; the file itself stays as it is.

    Returns:
        What was written; None where the check itself has told that the workbook cannot be opened.

    Raises:
        Refused: the workbook is of a kind that cannot be annotated; the message says what to do.
        WorldFailed: the disk refuses, or the file has changed since it was checked.
    """
    data = take(path, (".xlsx",))
    if isinstance(data, Problem):  # a pipe, too large, something else: the check has told it
        return None
    if loaded.draft.sha256 and hashlib.sha256(data).hexdigest() != loaded.draft.sha256:
        raise WorldFailed(_("{file} was changed while it was checked; run the command again.").format(file=path))
    try:
        annotated = annotate(data, loaded.draft, loaded.problems)
    except Unreadable as error:
        if not loaded.draft.readable:
            return None
        raise Refused(
            _("{file} cannot be annotated: {reason}").format(file=path.name, reason=error.message), loaded.problems
        ) from error
    save(out, annotated.content)
    return annotated


def require_xlsx(path: Path, option: str) -> None:
    """Check that a file to be written is named as a workbook.

    Raises:
        InputRejected: its suffix is another.
    """
    if path.suffix.lower() != ".xlsx":
        message = _("{path} must be named .xlsx: it is an Excel workbook.").format(path=path.name)
        raise InputRejected(message, [Problem(place=option, code="format_unknown", message=message)])
