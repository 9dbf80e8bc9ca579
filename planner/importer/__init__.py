"""A filed plan becomes a Plan: read the file, ask every check, build what is sound.

`READERS` is the table of formats; a new one is one file and one line. The register is handed in: nothing here asks a
database, and nothing here writes. Source: design notes, walk 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from planner.domain.plan import Plan
from planner.errors import NotFound, Problem, WorldFailed
from planner.i18n import gettext as _
from planner.importer.build import build
from planner.importer.checks import run_checks
from planner.importer.draft import PlanDraft, Register
from planner.importer.excel import read_excel
from planner.importer.places import in_reading_order
from planner.importer.reading import Reading
from planner.importer.yaml_file import read_yaml_file

__all__ = ["LARGEST_FILE", "READERS", "Loaded", "PlanDraft", "Register", "check", "load", "read"]

LARGEST_FILE = 20 * 1024 * 1024  #: bytes; a plan of a thousand tasks has about a hundred thousand

#: suffix -> reader of (file name, bytes, their SHA-256)
READERS: Mapping[str, Callable[[str, bytes, str], PlanDraft]] = {
    ".xlsx": read_excel,
    ".yaml": read_yaml_file,
    ".yml": read_yaml_file,
}


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What became of a file."""

    plan: Plan | None  #: None when any problem is an error
    draft: PlanDraft
    problems: tuple[Problem, ...]  #: errors and warnings, as one meets them reading the file

    @property
    def ok(self) -> bool:
        """Whether the plan may be filed."""
        return self.plan is not None


def read(path: Path) -> PlanDraft:
    """Return the draft of a file, read once; what is wrong with the file itself is in `draft.problems`.

    Raises:
        NotFound: there is no such file.
        WorldFailed: the disk or the permissions do not let it be read.
    """
    suffix = path.suffix.lower()

    def unread(code: str, message: str) -> PlanDraft:
        problem = Problem(place=path.name, code=code, message=message)
        return PlanDraft(file_name=path.name, sha256="", format=suffix[1:], problems=(problem,), readable=False)

    try:
        if path.stat().st_size > LARGEST_FILE:
            message = _("The file is larger than {most} MiB; a plan is a table without pictures.")
            return unread("file_too_large", message.format(most=LARGEST_FILE // 2**20))
        if suffix not in READERS:
            message = _('Files "{suffix}" are not read; save the plan as one of: {known}.')
            return unread("format_unknown", message.format(suffix=suffix or path.name, known=", ".join(READERS)))
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(_("There is no file {path}.").format(path=path)) from None
    except OSError as error:
        message = _("The file {path} cannot be read: {detail}.").format(path=path, detail=error.strerror or error)
        raise WorldFailed(message) from error
    if not data:
        return unread("empty_file", _("The file is empty (0 bytes); save the plan again."))
    return READERS[suffix](path.name, data, hashlib.sha256(data).hexdigest())


def check(
    draft: PlanDraft,
    register: Register | None,
    *,
    agency: str | None = None,
    directive: str | None = None,
    for_graph: bool = False,
) -> Loaded:
    """Ask every check about a draft and build the plan if no error stands; arguments as for `load`."""
    reading = Reading(
        draft=draft, register=register, agency_option=agency, directive_option=directive, for_graph=for_graph
    )
    problems = sorted(run_checks(reading), key=lambda problem: in_reading_order(problem.place))
    sound = draft.readable and not any(problem.severity == "error" for problem in problems)
    return Loaded(plan=build(reading) if sound else None, draft=draft, problems=tuple(problems))


def load(
    path: Path,
    register: Register | None,
    *,
    agency: str | None = None,
    directive: str | None = None,
    for_graph: bool = False,
) -> Loaded:
    """Read, check and build a plan.

    Args:
        path: a file of one of the formats in `READERS`.
        register: what is known beyond the file; None checks only what the file alone shows.
        agency: code of the agency the plan is filed for; a file that names another is a problem.
        directive: code of the directive, before the one the file names; with neither, the register's latest.
        for_graph: only order and durations are wanted: missing agency, people, texts and deadlines are no problem.

    Raises:
        NotFound: there is no such file.
        WorldFailed: the file cannot be read from the disk.
    """
    return check(read(path), register, agency=agency, directive=directive, for_graph=for_graph)
