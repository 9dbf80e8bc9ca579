"""Holds the text that is being read as a deadline, and makes the answers: a deadline, or a question about it.

Knows no grammar. Source: domain notes, section 3: what cannot be decided is asked, never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from planner.domain.deadline import Deadline, DeadlineKind
from planner.i18n import gettext as _
from planner.importer.date_spans import Around, Span, read_span
from planner.importer.date_words import vietnamese

if TYPE_CHECKING:
    from planner.domain.calendar import Calendar

LONGEST = 500  #: characters; a longer text is prose, not a deadline
EXAMPLES = ("trước ngày 15/5/2020", "Quý II/2020")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The text that is asked about and what is known around it."""

    text: str
    key: str  #: the text folded: what the patterns are matched against
    signed: date | None = None  #: the day the document was signed
    calendar: Calendar | None = None
    day_first: bool | None = None  #: how the file writes bare dates
    mixed: bool = False  #: whether the file writes bare dates both ways
    bare: bool = field(init=False)  #: whether the text holds no word

    def __post_init__(self) -> None:
        object.__setattr__(self, "bare", re.search("[a-z]{2}", self.key) is None)

    @property
    def quoted(self) -> str:
        """The text as a question quotes it: one line, at most 80 characters."""
        line = " ".join(self.text[:LONGEST].split())
        return line if len(line) <= 80 else line[:79] + "…"

    def deadline(self, kind: DeadlineKind, **fields: Any) -> Deadline:
        """Return a deadline of this text."""
        return Deadline(text=self.text, kind=kind, **fields)

    def question(self, kind: DeadlineKind, problem: str, expected: str = "", **fields: Any) -> Deadline:
        """Return an open deadline, whose question says what was found and what is expected.

        Args:
            kind: what was understood of the text.
            problem: translated and filled in.
            expected: translated; by default a day or a period with two examples.
            fields: days that are proposed, and whatever else was understood.
        """
        usual = _('Write a day or a period, for example "{first}" or "{second}".')
        expected = expected or usual.format(first=EXAMPLES[0], second=EXAMPLES[1])
        return self.deadline(kind, question=f"{problem} {expected}", **fields)

    def proposal(self, start: date, last: date) -> Deadline:
        """Return a question that offers the days from `start` to `last`, one of which is the last one."""
        problem = _('"{text}" names no last day; it may mean from {start} to {last}.').format(
            text=self.quoted, start=vietnamese(start), last=vietnamese(last)
        )
        expected = _("Write the last day that is meant.")
        return self.question(DeadlineKind.AMBIGUOUS, problem, expected, start=start, last_day=last)

    def several(self) -> Deadline:
        """Return the question about a text that holds several deadlines, each of them clear."""
        problem = _('"{text}" holds more than one deadline.').format(text=self.quoted)
        return self.question(DeadlineKind.AMBIGUOUS, problem, _("Keep one, or write one row for each."))

    def span(self, key: str, *, year: int | None = None) -> Span | None:
        """Read a span with what is known around this text."""
        known = Around(
            quoted=self.quoted,
            signed=self.signed,
            year=year,
            day_first=self.day_first,
            mixed=self.mixed,
            bare=self.bare,
        )
        return read_span(key, known)

    def undecided(self, kind: DeadlineKind, span: Span) -> Deadline | None:
        """Return the question a span raises; with days, they are one of two readings."""
        if span.problem is None:
            return None
        if span.last:
            days = {"start": span.start, "last_day": span.last}
            return self.question(DeadlineKind.AMBIGUOUS, span.problem, _("Write the one that is meant."), **days)
        return self.question(kind, span.problem)
