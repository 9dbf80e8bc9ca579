"""Lets the ledger follow a calendar that was changed, so that a step that was told is not told again for its new day.

A day declared off, or worked, moves the steps that are counted across it. Whatever the ledger holds of them stays what
it is, under the day on which the step falls now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from itertools import groupby

from planner.domain.calendar import Calendar
from planner.domain.directive import Directive
from planner.domain.status import TaskState
from planner.store import registers, upkeep
from planner.store.engine import Session
from planner.store.upkeep import Entered
from scheduler.policy import Policy
from scheduler.rules import Anchor, occurrences
from scheduler.shop import local_day

_FAR = timedelta(days=366)  # beyond the last day entered no step of a series can have been moved


def moved(session: Session, policies: Mapping[str, Policy], calendar: Calendar) -> dict[int, date]:
    """Return the notices of the ledger whose steps fall on another day now, with that day, by id.

    Args:
        session: an open transaction.
        policies: under which cases stand, by hash.
        calendar: the present one.
    """
    directives = cache(lambda: registers.directives(session))  # asked for when a plan is owed
    steps = groupby(upkeep.entered(session), key=lambda one: (one.subject, one.revision, one.rung))
    return {
        notice: day
        for (_subject, _revision, name), some in steps
        for notice, day in _moved_of(list(some), name, policies, calendar, directives)
    }


def _moved_of(
    step: list[Entered],
    name: str,
    policies: Mapping[str, Policy],
    calendar: Calendar,
    directives: Callable[[], Mapping[str, Directive]],
) -> Iterator[tuple[int, date]]:
    """Yield the new days of the notices of one rung of one subject, the earliest first, by their ids."""
    policy = policies.get(step[0].policy)
    rung = next((one for one in policy.rungs if one.name == name), None) if policy is not None else None
    # A case that was moved may hold the days of two policies: which of them are the same step, nobody can say.
    if rung is None or any(one.policy != step[0].policy for one in step):
        return
    anchor = _anchor_day(step[0], rung.trigger.anchor, directives)
    if anchor is None:
        return
    if rung.trigger.anchor in (Anchor.SUBMITTED, Anchor.RETURNED):
        step = [one for one in step if one.nominal >= anchor]  # not those of an earlier result
    days = sorted({one.nominal for one in step})
    if not days:
        return
    now = occurrences(rung.trigger, anchor, calendar, days[-1] + _FAR, rung.cap)
    if len(now) < len(days):
        return
    new = dict(zip(days, now, strict=False))  # the n-th of a series stays the n-th
    for one in step:
        if new[one.nominal] != one.nominal:
            yield one.id, new[one.nominal]


def _anchor_day(one: Entered, anchor: Anchor, directives: Callable[[], Mapping[str, Directive]]) -> date | None:
    """Return the day from which a rung counts; None: it counts from none now, or from one that no calendar moves."""
    if one.state is None:
        directive = directives().get(one.subject.partition("/")[0])
        return directive.filing_deadline if directive is not None and anchor is Anchor.FILING else None
    if anchor is Anchor.DUE:
        return one.last_day
    stands_for = {Anchor.SUBMITTED: TaskState.SUBMITTED, Anchor.RETURNED: TaskState.RETURNED}
    if one.since is None or one.state != stands_for.get(anchor):
        return None
    return local_day(one.since)
