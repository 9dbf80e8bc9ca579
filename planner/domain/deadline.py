"""A deadline as it was filed, and what it means.

Knows no grammar (`importer/dates.py` reads the text) and no clock. Legal reading: "trước ngày 15/5/2020" is strictly
before, so its last day is 14/5/2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from datetime import time as TimeOfDay  # noqa: N812 - the field of this name would hide the type
from enum import StrEnum
from typing import Any

from planner.i18n import N_


class DeadlineKind(StrEnum):
    """What sort of statement a deadline text makes."""

    BY = "by"  #: by the end of a day, month, quarter or year, inclusive
    BEFORE = "before"  #: strictly before a day, or by an hour of it
    FROM = "from"  #: must hold from a day on; no last day
    RANGE = "range"  #: from one day to another, inclusive
    OPEN_AFTER = "open_after"  #: "2025 và những năm tiếp theo"
    CONTINUOUS = "continuous"  #: "Thường xuyên": routine, never overdue
    RECURRING = "recurring"  #: "Hằng quý": an occurrence per period
    RELATIVE = "relative"  #: so many days from an anchor
    CONDITIONAL = "conditional"  #: "khi có yêu cầu"
    SNAPSHOT = "snapshot"  #: "tính đến ...": the instant of a figure, not a deadline
    AMBIGUOUS = "ambiguous"  #: two readings: a question to the officer
    NONE = "none"  #: blank, "kịp thời": a question to the officer

    @property
    def label(self) -> str:
        """Return the message id of the kind's name."""
        return _LABELS[self]


_LABELS = {
    DeadlineKind.BY: N_("by the end of a day"),
    DeadlineKind.BEFORE: N_("before a day"),
    DeadlineKind.FROM: N_("must hold from a day on"),
    DeadlineKind.RANGE: N_("from one day to another"),
    DeadlineKind.OPEN_AFTER: N_("from a year on, without an end"),
    DeadlineKind.CONTINUOUS: N_("routine, without a last day"),
    DeadlineKind.RECURRING: N_("comes again every period"),
    DeadlineKind.RELATIVE: N_("counted from an event"),
    DeadlineKind.CONDITIONAL: N_("when something happens"),
    DeadlineKind.SNAPSHOT: N_("the time of a figure, not a deadline"),
    DeadlineKind.AMBIGUOUS: N_("can be read in several ways"),
    DeadlineKind.NONE: N_("no day is named"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Deadline:
    """A deadline, word for word and understood."""

    text: str  #: as filed, kept word for word
    kind: DeadlineKind
    start: date | None = None  #: first day on which the work may count, if the text names one
    last_day: date | None = None  #: last day on which completion counts as on time
    time: TimeOfDay | None = None  #: hour of the last day, Asia/Ho_Chi_Minh, when the text names one
    rrule: str | None = None  #: RFC 5545 recurrence, e.g. "FREQ=MONTHLY;BYMONTHDAY=25"
    anchor: str | None = None  #: "signed", "assigned", "promulgated" ...: what a relative deadline counts from
    question: str | None = None  #: translated question to the officer when the text cannot be decided

    @property
    def is_settled(self) -> bool:
        """Whether a plan may be filed with it: no question is open."""
        return self.question is None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of `planner dates parse`."""
        return {
            "kind": self.kind.value,
            "start": self.start.isoformat() if self.start else None,
            "last_day": self.last_day.isoformat() if self.last_day else None,
            "time": self.time.strftime("%H:%M") if self.time else None,
            "rrule": self.rrule,
            "anchor": self.anchor,
            "question": self.question,
        }
