"""When a reminder or an escalation falls due.

Pure: dates in, dates out. Sends nothing and reads no clock; `today` is always a parameter, working days come from a
calendar. Source: design notes "Time" and "Reminders and escalations".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from planner.domain.calendar import Calendar
from planner.i18n import N_, ngettext
from planner.i18n import gettext as _

if TYPE_CHECKING:
    from scheduler.policy import Policy


class Anchor(StrEnum):
    """What a trigger counts from."""

    DUE = "due"  #: a task's last day in force
    FILING = "filing"  #: the last day for plans under a directive
    SUBMITTED = "submitted"  #: the day a result was handed in
    RETURNED = "returned"  #: the day a result was returned
    AT_RISK = "at_risk"  #: a forecast beyond the last day; counts from nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """When a rung falls due, as far as it can be said without a calendar."""

    anchor: Anchor
    offset: int = 0  #: in `unit`; below 0: before the anchor
    unit: str = "wd"  #: "wd" working days, "d" calendar days
    every: int | None = None  #: comes again after so many `every_unit`; None: comes once
    every_unit: str = "wd"  #: "wd" or "d"

    def __str__(self) -> str:
        first = f"{self.anchor} {self.offset:+d}{self.unit}" if self.offset else str(self.anchor)
        return f"every {self.every}{self.every_unit} from {first}" if self.every else first

    def describe(self) -> str:
        """Return the trigger in translated words: "5 working days before the last day"."""
        before, on, after = _WORDS[self.anchor]
        words = _(on)
        if self.offset:
            words = _(before if self.offset < 0 else after).format(amount=_amount(abs(self.offset), self.unit))
        if self.every:
            return _("every {amount}, from {first}").format(amount=_amount(self.every, self.every_unit), first=words)
        return words


_WORDS = {
    Anchor.DUE: (N_("{amount} before the last day"), N_("on the last day"), N_("{amount} after the last day")),
    Anchor.FILING: (
        N_("{amount} before the last day for plans"),
        N_("on the last day for plans"),
        N_("{amount} after the last day for plans"),
    ),
    Anchor.SUBMITTED: ("", N_("when the result was handed in"), N_("{amount} after the result was handed in")),
    Anchor.RETURNED: ("", N_("when the result was returned"), N_("{amount} after the result was returned")),
    Anchor.AT_RISK: ("", N_("the forecast ends after the last day"), ""),
}


def _amount(n: int, unit: str) -> str:
    if unit == "wd":
        return ngettext("{n} working day", "{n} working days", n).format(n=n)
    return ngettext("{n} calendar day", "{n} calendar days", n).format(n=n)


_FIRST_WORDS = r"(due|filing|submitted|returned)(?: ?([+-])([1-9][0-9]{0,2})(wd|d))?"
_REPEAT_WORDS = r"every ([1-9][0-9]{0,2})(wd|d) from "
_FIRST = re.compile(_FIRST_WORDS)
_REPEAT = re.compile(f"{_REPEAT_WORDS}(.+)")
#: what editors check; `parse_trigger` also takes more blanks and capitals
TRIGGER_PATTERN = f"^({Anchor.AT_RISK}|({_REPEAT_WORDS})?{_FIRST_WORDS})$"


def parse_trigger(text: str) -> Trigger:
    """Read a trigger such as "due -5wd", "filing" or "every 5wd from due +10wd".

    Raises:
        ValueError: the text is no trigger; the message is translated.
    """
    words = " ".join(text.lower().split())
    if words == Anchor.AT_RISK:
        return Trigger(anchor=Anchor.AT_RISK)
    repeat = _REPEAT.fullmatch(words)
    first = _FIRST.fullmatch(repeat[3] if repeat else words)
    # Nobody knows beforehand when a result will be handed in or returned.
    if first is None or (first[1] in (Anchor.SUBMITTED, Anchor.RETURNED) and first[2] == "-"):
        raise ValueError(
            _(
                'Found "{text}", expected a trigger such as "due -5wd", "due", "due +7d", "every 5wd from due +10wd", '
                '"at_risk", "submitted +3wd", "returned +1wd" or "filing +1wd", with numbers from 1 to 999.'
            ).format(text=text)
        )
    return Trigger(
        anchor=Anchor(first[1]),
        offset=int(first[2] + first[3]) if first[2] else 0,
        unit=first[4] or "wd",
        every=int(repeat[1]) if repeat else None,
        every_unit=repeat[2] if repeat else "wd",
    )


def nominal_day(trigger: Trigger, anchor: date, calendar: Calendar) -> date:
    """Return the day on which a trigger falls due for the first time, always a working day but for `at_risk`.

    Working days are counted strictly before or after `anchor`. Without an offset a deadline's rung falls on the last
    day, or on the working day before it when it is a day off; that of a submission or a return on the day itself or the
    next working day.
    Calendar days that end on a day off move on to the next working day, a reminder before a deadline never past the
    day that `due` stands for.

    Args:
        trigger: when, in words.
        anchor: the last day, or the local day of submission or return.
        calendar: which days are worked.
    """
    if trigger.anchor is Anchor.AT_RISK:
        return anchor  # told once for each deadline: the day in the key must not move with the forecast
    if trigger.offset == 0:
        if trigger.anchor in (Anchor.SUBMITTED, Anchor.RETURNED):
            return calendar.next_working(anchor)
        return calendar.previous_working(anchor)
    if trigger.unit == "wd":
        return calendar.add(anchor, trigger.offset)
    day = calendar.next_working(anchor + timedelta(days=trigger.offset))
    return day if trigger.offset > 0 else min(day, calendar.previous_working(anchor))


def occurrences(
    trigger: Trigger, anchor: date, calendar: Calendar, today: date, cap: int | None = None
) -> tuple[date, ...]:
    """Return the days on which a trigger has fallen due by `today`, first to last; empty when none has come.

    Args:
        trigger: when, in words; `at_risk` counts as come, its condition is for the caller to judge.
        anchor: the last day, or the local day of submission or return.
        calendar: which days are worked.
        today: the day asked about, inclusive.
        cap: most occurrences of a repeating trigger; None: no end.
    """
    if trigger.anchor is Anchor.AT_RISK:
        return (anchor,)
    if trigger.offset > 0 and today <= anchor:
        return ()  # no need to look into the calendar of a far future
    first = nominal_day(trigger, anchor, calendar)
    if first > today:
        return ()
    if trigger.every is None:
        return (first,)
    days = [first]
    # Calendar days are counted from the day before it was moved, so that the series does not drift.
    raw = anchor + timedelta(days=trigger.offset) if trigger.unit == "d" else first
    step = 0
    while cap is None or len(days) < cap:
        step += trigger.every
        if trigger.every_unit == "wd":
            day = calendar.add(first, step)
        else:
            day = calendar.next_working(raw + timedelta(days=step))
        if day > today:
            break
        if day > days[-1]:  # several days off in a row lead to one working day: one occurrence
            days.append(day)
    return tuple(days)


def due_soon_from(policy: Policy, last_day: date, calendar: Calendar) -> date | None:
    """Return the first day on which a task is due soon: its policy's earliest rung before the last day.

    Returns:
        None when the policy has no rung before the last day.
    """
    days = [
        nominal_day(rung.trigger, last_day, calendar)
        for _place, rung in policy.on(Anchor.DUE)
        if rung.trigger.offset < 0
    ]
    return min(days, default=None)
