"""A directive as data: what it wants reached, what it gives to whom, and who owes a plan by when.

Knows no database. The sample directive is the notice of 29 April 2020 of the province of Thanh Hóa.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from planner.domain.agency import Tier
from planner.domain.deadline import Deadline


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A value to reach, by whom, and from when it must hold."""

    code: str  #: as in the directive: "2.3"
    title: str
    value: float  #: the value to reach
    unit: str = "%"
    tiers: tuple[Tier, ...] = ()  #: the tiers it binds; empty: the province as a whole
    holds_from: date | None = None  #: the day from which it must hold
    by: date | None = None  #: the last day to reach it, when it does not name a day to hold from


@dataclass(frozen=True, kw_only=True, slots=True)
class DirectAssignment:
    """A task that the directive itself gives to one agency."""

    code: str  #: "3.3.7"
    title: str
    agency: str  #: the one that leads
    deadline: Deadline
    cooperating: tuple[str, ...] = ()
    deliverable: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Directive:
    """A notice, conclusion or directive that plans are filed under."""

    code: str  #: own slug: "kl-2020-04-29"
    number: str  #: as printed; may be empty when the copy shows none
    title: str
    issuer: str
    issued_on: date
    filing_duty: str = ""  #: the sentence that makes agencies owe a plan
    filing_tiers: tuple[Tier, ...] = ()  #: who owes a plan
    filing_deadline: date | None = None
    filing_deadline_note: str = ""  #: whose setting the deadline is
    targets: tuple[Target, ...] = ()
    assignments: tuple[DirectAssignment, ...] = ()
    recipients: tuple[str, ...] = field(default=())  #: nơi nhận, line by line
