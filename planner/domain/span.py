"""A length of time as a policy writes it: "10wd", ten working days; "14d", fourteen calendar days.

Pure: working days come from a calendar. Source: design notes "Reminders and escalations".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from planner.domain.calendar import Calendar
from planner.i18n import gettext as _
from planner.i18n import ngettext

PATTERN = r"^[1-9][0-9]{0,2}(wd|d)$"


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """So many days."""

    count: int  #: 1 to 999
    unit: str  #: "wd" working days, "d" calendar days

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    def describe(self) -> str:
        """Return it in translated words: "10 working days"."""
        if self.unit == "wd":
            return ngettext("{n} working day", "{n} working days", self.count).format(n=self.count)
        return ngettext("{n} calendar day", "{n} calendar days", self.count).format(n=self.count)

    def after(self, day: date, calendar: Calendar) -> date:
        """Return the last day that lies within the span after `day`."""
        return calendar.add(day, self.count) if self.unit == "wd" else day + timedelta(days=self.count)


def parse_span(text: str) -> Span:
    """Read "10wd" or "14d".

    Raises:
        ValueError: the text is no span; the message is translated.
    """
    found = re.fullmatch(PATTERN, text.strip().lower())
    if found is None:
        raise ValueError(_('Found "{text}", expected a length such as 10wd or 14d, from 1 to 999.').format(text=text))
    return Span(count=int(text.strip()[: -len(found[1])]), unit=found[1])
