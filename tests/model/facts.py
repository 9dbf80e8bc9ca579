"""What is so in the model's province: days, rungs, people, tasks, mails, as the oracle knows them.

It shares no code with the engine: the days off are listed, and working days are counted by walking along them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

DAY = timedelta(days=1)

Key = tuple[str, int, str, date, str]  # subject, revision of the deadline, rung, the day it fell due, role

#: weekdays off and Saturdays worked in the spans that are played, as the Government decreed them
DAYS_OFF = frozenset(
    date.fromisoformat(day)
    for day in (
        *("2020-04-30", "2020-05-01"),
        *("2026-01-01", "2026-01-02"),
        *("2026-02-16", "2026-02-17", "2026-02-18", "2026-02-19", "2026-02-20"),
        *("2026-04-27", "2026-04-30", "2026-05-01"),
        *("2025-12-24", "2026-03-11", "2020-05-13"),  # the site's own
    )
)
DAYS_WORKED = frozenset(date.fromisoformat(day) for day in ("2026-01-10", "2025-12-27", "2026-03-14", "2020-05-23"))


def works(day: date) -> bool:
    """Say whether people work on a day."""
    if day in DAYS_WORKED:
        return True
    return day.weekday() < 5 and day not in DAYS_OFF


def working_day(day: date, n: int) -> date:
    """Return the n-th working day strictly after (n > 0) or before (n < 0) a day."""
    step = DAY if n > 0 else -DAY
    left = abs(n)
    while left:
        day += step
        if works(day):
            left -= 1
    return day


def moved_on(day: date) -> date:
    """Return the day, or the first working day after it."""
    while not works(day):
        day += DAY
    return day


def moved_back(day: date) -> date:
    """Return the day, or the last working day before it."""
    while not works(day):
        day -= DAY
    return day


Length = tuple[int, str]  # (10, "wd")


def reach(day: date, most: Length) -> date:
    """Return the last day that lies within a length from a day."""
    n, unit = most
    return working_day(day, n) if unit == "wd" else day + n * DAY


@dataclass(frozen=True)
class Rung:
    """A step of the ladder, as the policy's file says it."""

    name: str
    anchor: str  #: "due", "at_risk", "submitted", "returned", "filing"
    tell: tuple[str, ...]
    kind: str
    offset: int = 0
    unit: str = "wd"
    every: int = 0  #: 0: comes once
    every_unit: str = "wd"
    cap: int = 0  #: 0: no end
    urgent: bool = False

    def as_dict(self) -> dict[str, object]:
        """Return the rung as it stands in a policy's file."""
        first = self.anchor + (f" {self.offset:+d}{self.unit}" if self.offset else "")
        trigger = f"every {self.every}{self.every_unit} from {first}" if self.every else first
        found: dict[str, object] = {
            "name": self.name,
            "trigger": trigger,
            "tell": list(self.tell),
            "kind": self.kind,
        }
        if self.cap:
            found["cap"] = self.cap
        if self.urgent:
            found["urgent"] = True
        return found

    def days(self, anchor: date, today: date) -> list[date]:
        """Return the days up to today on which the rung fell due, counted from the last day or that of a move.

        A warning falls due whenever the last day is in danger; it bears that day.
        """
        if self.anchor == "at_risk":
            return [anchor]
        first = self._first(anchor)
        if first > today:
            return []
        found = [first]
        raw = anchor + self.offset * DAY if self.unit == "d" else first
        n = 0
        while self.every and not (self.cap and len(found) == self.cap):
            n += self.every
            day = working_day(first, n) if self.every_unit == "wd" else moved_on(raw + n * DAY)
            if day > today:
                break
            if day != found[-1]:
                found.append(day)
        return found

    def _first(self, anchor: date) -> date:
        if self.offset == 0:
            # A last day that is a day off is told of on the working day before it; a result that came in, or was
            # returned, on a day off waits from the next working day.
            return moved_on(anchor) if self.anchor in ("submitted", "returned") else moved_back(anchor)
        if self.unit == "wd":
            return working_day(anchor, self.offset)
        day = moved_on(anchor + self.offset * DAY)
        return day if self.offset > 0 else min(day, moved_back(anchor))


@dataclass(frozen=True)
class Ladder:
    """A policy."""

    name: str
    opens: time
    closes: time
    working_days_only: bool
    rungs: tuple[Rung, ...] = field(repr=False)
    acknowledge: Length = (10, "wd")  #: how far from today a promise may reach
    snooze: Length = (20, "wd")  #: and a snooze
    most_a_day: int = 0  #: mails to one person; 0: no end

    def as_dict(self) -> dict[str, object]:
        """Return the policy as a file holds it."""
        sending: dict[str, object] = {
            "from": f"{self.opens:%H:%M}",
            "to": f"{self.closes:%H:%M}",
            "working_days_only": self.working_days_only,
        }
        if self.most_a_day:
            sending["most_a_day"] = self.most_a_day
        return {
            "name": self.name,
            "version": 1,
            "sending": sending,
            "acknowledge": {"most": "{}{}".format(*self.acknowledge)},
            "snooze": {"most": "{}{}".format(*self.snooze)},
            "rungs": [rung.as_dict() for rung in self.rungs],
        }

    def is_open(self, local: datetime) -> bool:
        """Say whether mail may leave."""
        if self.working_days_only and not works(local.date()):
            return False
        return self.opens <= local.time() < self.closes


@dataclass
class Person:
    """Somebody of the register."""

    email: str
    agency: str
    post: str  #: "head", "focal" or "member"
    substitute: str = ""
    last_day: date = date.max  #: in office


@dataclass
class Task:
    """A task as it stands."""

    key: str
    agency: str
    responsible: str
    filed: date  #: the last day as filed
    last_day: date  #: in force
    signed: date  #: the plan
    start: date | None = None
    length: int | None = None  #: working days of the whole work, when its plan says so
    after: set[str] = field(default_factory=set)
    percent: int = 0
    revision: int = 0
    state: str = "assigned"
    handed_in: date = date.min
    returned: date = date.min
    promise: date | None = None  #: the day that who does the work has promised
    snooze: date | None = None  #: the department lets nobody be told until then

    def hand_in(self, today: date) -> None:
        """Let a result be handed in."""
        self.state, self.handed_in, self.percent = "submitted", today, 100
        self.promise = None

    def set_deadline(self, last_day: date) -> None:
        """Let another last day be in force."""
        self.last_day = last_day
        self.revision += 1
        self.promise = None

    @property
    def is_open(self) -> bool:
        """Whether work is owed."""
        return self.state in ("assigned", "in_progress", "returned")


@dataclass
class Mail:
    """A mail that was written."""

    kind: str
    day: date
    recipient: str
    keys: list[Key]
    state: str = "ready"
    given_up: bool = False  #: in this round, just before the message


@dataclass
class Post:
    """How the mail server fails."""

    down: bool = False  #: takes nothing from anybody
    refused: set[str] = field(default_factory=set)  #: addresses that it refuses for good
    cut: set[str] = field(default_factory=set)  #: whose mail it takes, but the answer is lost on the way
    hit: set[str] = field(default_factory=set)  #: whose was lost
    meanwhile: Callable[[], None] | None = None  #: happens when the first mail is about to go


@dataclass
class Row:
    """A line of the ledger."""

    state: str
    recipient: str
    kind: str
    mail: Mail | None = None
    why: str = ""  #: it is held back
    until: date | None = None  #: the end of the promise or the snooze that held it back

    def waits(self, today: date) -> bool:
        """Say whether it is still to be sent and may be changed; what was not heard of since yesterday may be, too."""
        if self.state == "queued":
            return True
        mail = self.mail
        return (
            self.state == "mailed"
            and mail is not None
            and (mail.state == "ready" or (mail.state == "unknown" and mail.day < today))
        )


@dataclass(frozen=True)
class Told:
    """What ought to be in the ledger now."""

    state: str  #: "queued", "superseded", "suppressed"
    recipient: str
    kind: str
    urgent: bool
    why: str = ""  #: it is held back


@dataclass
class Facts:
    """What is so, whoever knows of it."""

    ladder: Ladder
    department: str
    filing_deadline: date
    people: dict[str, Person]
    parents: dict[str, str] = field(default_factory=dict)
    successors: dict[str, tuple[date, str]] = field(default_factory=dict)
    owing: set[str] = field(default_factory=set)  #: agencies that owe a plan and have none
    tasks: dict[str, Task] = field(default_factory=dict)
    absences: list[tuple[str, date, date, str]] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
