"""The days on which a recurring deadline falls due, against a count of every single day."""

from __future__ import annotations

import calendar as months
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.recurrence import occurrences


def deadline(rrule: str | None, start: date | None = None) -> Deadline:
    return Deadline(text="", kind=DeadlineKind.RECURRING, rrule=rrule, start=start)


def length(day: date) -> int:
    return months.monthrange(day.year, day.month)[1]


def is_last(day: date) -> bool:
    return day.day == length(day)


#: rule -> whether a day is one of its days, said in another way than the rule's
ORACLES: dict[str, Callable[[date], bool]] = {
    "FREQ=DAILY": lambda day: day.day > 0,
    "FREQ=WEEKLY": lambda day: day.weekday() == 6,
    "FREQ=MONTHLY": is_last,
    "FREQ=MONTHLY;INTERVAL=3": lambda day: is_last(day) and day.month in (3, 6, 9, 12),
    "FREQ=MONTHLY;INTERVAL=6": lambda day: (day.month, day.day) in ((6, 30), (12, 31)),
    "FREQ=YEARLY": lambda day: (day.month, day.day) == (12, 31),
    "FREQ=MONTHLY;BYMONTHDAY=25": lambda day: day.day == 25,
    "FREQ=MONTHLY;BYMONTHDAY=-1": is_last,
    "FREQ=MONTHLY;BYMONTHDAY=-2": lambda day: day.day == length(day) - 1,
    "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1": lambda day: day.day == min(30, length(day)),
    "FREQ=MONTHLY;BYMONTHDAY=15,28,29,30;BYSETPOS=1,-1": lambda day: day.day in (15, min(30, length(day))),
    "FREQ=MONTHLY;BYMONTH=3,6,9,12;BYMONTHDAY=20": lambda day: day.month % 3 == 0 and day.day == 20,
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1": lambda day: day.month == 2 and is_last(day),
    "FREQ=YEARLY;BYMONTH=6,12;BYMONTHDAY=14": lambda day: day.month in (6, 12) and day.day == 14,
    "FREQ=WEEKLY;BYDAY=MO,TH": lambda day: day.weekday() in (0, 3),
}


@pytest.mark.parametrize("rrule", ORACLES)
@given(first=st.dates(date(1990, 1, 1), date(2100, 1, 1)), count=st.integers(-3, 900))
@settings(max_examples=40, deadline=None)
def test_the_days_are_those_that_looking_at_every_day_finds(rrule: str, first: date, count: int) -> None:
    every = [first + timedelta(days=n) for n in range(count + 1)]
    found = occurrences(deadline(rrule), first, first + timedelta(days=count))
    assert list(found) == [day for day in every if ORACLES[rrule](day)]


def test_a_month_end_does_not_drift() -> None:
    found = occurrences(deadline("FREQ=MONTHLY", date(2020, 1, 31)), date(2020, 1, 1), date(2020, 5, 31))
    assert [(day.month, day.day) for day in found] == [(1, 31), (2, 29), (3, 31), (4, 30), (5, 31)]


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(2, 9), st.integers(0, 400))
def test_every_so_many_weeks_counts_from_the_week_of_the_start(since: date, weeks: int, later: int) -> None:
    monday = since - timedelta(days=since.weekday())
    first = since + timedelta(days=later)
    found = occurrences(
        deadline(f"FREQ=WEEKLY;INTERVAL={weeks}"), first, first + timedelta(days=7 * weeks - 1), since=since
    )
    assert len(found) == 1
    assert (found[0] - monday).days % (7 * weeks) == 7 * weeks - 1


def test_five_months_from_november_end_in_march() -> None:
    rule = deadline("FREQ=MONTHLY;INTERVAL=5", date(2020, 11, 1))
    assert occurrences(rule, date(2020, 1, 1), date(2021, 12, 31)) == (date(2021, 3, 31), date(2021, 8, 31))


def test_nothing_falls_before_the_start_or_after_the_end_of_the_rule() -> None:
    rule = deadline("FREQ=MONTHLY;UNTIL=20201231", date(2020, 10, 1))
    found = occurrences(rule, date(2019, 1, 1), date(2022, 1, 1))
    assert found == (date(2020, 10, 31), date(2020, 11, 30), date(2020, 12, 31))


def test_a_deadline_without_a_rule_has_no_occurrences() -> None:
    assert occurrences(deadline(None), date(2020, 1, 1), date(2021, 1, 1)) == ()


@pytest.mark.parametrize("rrule", ["FREQ=MONTHLY;BYWEEKNO=3", "FREQ=HOURLY", "FREQ=WEEKLY;INTERVAL=2"])
def test_what_cannot_be_told_is_an_error_and_no_guess(rrule: str) -> None:
    with pytest.raises(ValueError, match=r"recurrence|not known"):
        occurrences(deadline(rrule), date(2020, 1, 1), date(2021, 1, 1))
