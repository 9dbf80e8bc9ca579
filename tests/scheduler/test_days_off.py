"""No rung falls on a day off, and none is skipped for one: the real working days of 2020 to 2026, every last day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.calendars import SHIPPED_OVERRIDES, load, read_overrides
from planner.domain.notification import Notice, NoticeState
from scheduler.due import due_notices
from scheduler.policy import load as policy
from scheduler.rules import Anchor, nominal_day, occurrences
from tests.scheduler.test_due import at, state, task

VN, LADDER = load("vn"), policy()
FIRST, LAST = date(2020, 1, 1), date(2026, 12, 31)
EVERY_DAY = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
COUNTED = [rung for rung in LADDER.rungs if rung.trigger.anchor is not Anchor.AT_RISK]


@pytest.mark.parametrize("rung", COUNTED, ids=lambda rung: rung.name)
def test_for_each_day_of_seven_years_a_rung_has_one_first_day_and_it_is_worked(rung: object) -> None:
    trigger = rung.trigger  # type: ignore[attr-defined]
    for day in EVERY_DAY:
        first = nominal_day(trigger, day, VN)
        assert VN.is_working(first), (rung, day)
        # The very day it falls due it has been reached, the working day before it has not.
        assert occurrences(trigger, day, VN, first, 1) == (first,)
        assert occurrences(trigger, day, VN, VN.add(first, -1), 1) == ()


@settings(max_examples=120, deadline=None)
@given(last=st.sampled_from(EVERY_DAY[30:-40]))
def test_rounds_on_every_working_day_tell_each_top_rung_on_its_own_day(last: date) -> None:
    found = state(task(last_day=last))
    rungs = {rung.name: nominal_day(rung.trigger, last, VN) for _place, rung in LADDER.on(Anchor.DUE)}
    tops = {day: [name for name, nominal in rungs.items() if nominal == day][-1] for day in rungs.values()}
    told: dict[str, tuple[str, date]] = {}
    told_on: dict[tuple[str, date], date] = {}
    for day in EVERY_DAY[EVERY_DAY.index(last) - 25 : EVERY_DAY.index(last) + 40]:
        if not VN.is_working(day):
            continue
        for notice in due_notices(found, LADDER, VN, at(day), department="stttt"):
            if notice.state is NoticeState.QUEUED and notice.role == "responsible" and notice.key not in told:
                told[notice.key] = (notice.rung, notice.nominal)
                told_on[notice.rung, notice.nominal] = day
    assert sorted(told.values(), key=lambda one: one[1]) == sorted(
        ((name, day) for day, name in tops.items()), key=lambda one: one[1]
    )
    assert all(day == nominal for (_rung, nominal), day in told_on.items())


def queued(last: date, today: date) -> list[Notice]:
    notices = due_notices(state(task(last_day=last)), LADDER, VN, at(today), department="stttt")
    return [one for one in notices if one.state is NoticeState.QUEUED]


@pytest.mark.parametrize("off", [date(2020, 1, 23) + timedelta(days=n) for n in range(7)] + [date(2026, 1, 2)])
def test_on_the_days_off_of_tet_2020_and_of_the_swap_nothing_new_falls_due(off: date) -> None:
    assert not VN.is_working(off)
    for last in (
        EVERY_DAY[EVERY_DAY.index(off) - 22 : EVERY_DAY.index(off) + 15] if off.year == 2020 else EVERY_DAY[-365:-340]
    ):
        assert all(one.nominal != off for one in queued(last, off))


def test_the_shipped_swap_days_carry_their_legal_basis() -> None:
    shipped = {one.day: one for one in read_overrides(SHIPPED_OVERRIDES)}
    assert (shipped[date(2026, 1, 2)].works, shipped[date(2026, 1, 10)].works) == (False, True)
    assert all("12729/VPCP-KGVX" in one.legal_basis for one in shipped.values())
    assert VN.is_working(date(2020, 1, 22))
    assert VN.is_working(date(2020, 1, 30))
