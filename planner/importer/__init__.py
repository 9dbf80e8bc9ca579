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
from planner.errors import Problem
from planner.importer.build import build
from planner.importer.checks import run_checks
from planner.importer.csv_file import read_csv_file
from planner.importer.door import LARGEST_FILE, seemly, take
from planner.importer.draft import PlanDraft, Register
from planner.importer.excel import read_excel
from planner.importer.places import in_reading_order
from planner.importer.reading import Reading
from planner.importer.word import read_word
from planner.importer.yaml_file import read_yaml_file

__all__ = ["LARGEST_FILE", "READERS", "Loaded", "PlanDraft", "Register", "check", "load", "read"]

#: suffix -> reader of (file name, bytes, their SHA-256)
READERS: Mapping[str, Callable[[str, bytes, str], PlanDraft]] = {
    ".xlsx": read_excel,
    ".docx": read_word,
    ".csv": read_csv_file,
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
    name, suffix = seemly(path.name), path.suffix.lower()
    data = take(path, READERS)
    if isinstance(data, Problem):
        return PlanDraft(file_name=name, sha256="", format=suffix[1:], problems=(data,), readable=False)
    return READERS[suffix](name, data, hashlib.sha256(data).hexdigest())


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
