"""The sample: the agencies of Thanh Hóa and the notice of 29 April 2020, with invented officers.

The files beside this one are read as any administrator's files are. What is fact in them and what is not stands in
README.md. Knows no database.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from planner.domain.agency import Agency, Officer, Succession
from planner.domain.directive import Directive
from planner.errors import InputRejected, Problem
from planner.i18n import gettext as _
from planner.importer import registers
from planner.samples.thanh_hoa_2020 import people

HERE = Path(__file__).parent
DIRECTIVE = "kl-2020-04-29"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Everything a fresh database is filled with."""

    agencies: tuple[Agency, ...]  #: the 606 of 29 April 2020
    changes: tuple[Agency, ...]  #: the 32 that exist from 1 June 2020
    successions: tuple[Succession, ...]  #: who takes over from whom on 1 June 2020
    officers: tuple[Officer, ...]  #: of all the agencies above
    directive: Directive


def load() -> Sample:
    """Read the sample.

    Raises:
        InputRejected: the shipped files are damaged; every problem is listed.
    """
    problems: list[Problem] = []
    agencies, found = registers.read_agencies(HERE / "agencies.csv")
    problems += found
    changes, found = registers.read_agencies(HERE / "agencies-2020-06-01.csv")
    problems += found
    codes = {agency.code: agency for agency in (*changes, *agencies)}  # as they stood before the changes
    successions, found = registers.read_successions(HERE / "successions-2020-06-01.csv", known=codes)
    problems += found
    directive, found = registers.read_directive(HERE / "directive.yaml", known=codes)
    problems += found
    if problems or directive is None:
        raise InputRejected(_("The files of the sample are damaged; install the program again."), problems)
    return Sample(
        agencies=tuple(agencies),
        changes=tuple(changes),
        successions=tuple(successions),
        officers=tuple(people.officers(agencies, changes, successions)),
        directive=directive,
    )
