"""What checking a file needs to know of the registers, as plain values that another process can be given.

Knows no database: `filing.known_to` collects it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from planner import calendars
from planner.domain.agency import Agency, Officer
from planner.domain.calendar import Calendar
from planner.domain.directive import Directive
from planner.importer import Register


@dataclass(frozen=True, kw_only=True)
class Known:
    """What checking a file needs to know."""

    agencies: dict[str, Agency]
    officers: dict[str, Officer]
    directives: dict[str, Directive]
    tasks: frozenset[str]  #: "agency:code" of every filed task
    today: date
    calendar_file: Path | None

    def register(self) -> Register:
        """Return the importer's view of it."""
        return Register(
            agencies=self.agencies,
            officers_by_email=self.officers,
            directives=self.directives,
            calendar=self.calendar,
            task_exists=self.tasks.__contains__,
            today=self.today,
        )

    def calendar(self, name: str) -> Calendar:
        """Return a calendar by name."""
        return calendars.load(name, self.calendar_file)
