from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.domain.calendar import EVERY_DAY, Calendar

HOLIDAYS = {date(2020, 4, 30): False, date(2020, 5, 1): False, date(2020, 5, 9): True, date(2020, 12, 31): False}


def fixed(year: int) -> Mapping[date, bool]:
    return {day: works for day, works in HOLIDAYS.items() if day.year == year}


def make_calendar() -> Calendar:
    return Calendar("test", exceptions=fixed)


def works(day: date) -> bool:
    return HOLIDAYS.get(day, day.weekday() < 5)


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


days = st.dates(date(2018, 1, 1), date(2023, 12, 31))


def test_saturday_and_sunday_are_off_and_an_exception_wins_over_the_week() -> None:
    calendar = make_calendar()
    assert calendar.is_working(date(2020, 4, 29))
    assert not calendar.is_working(date(2020, 4, 30))
    assert not calendar.is_working(date(2020, 5, 2))
    assert calendar.is_working(date(2020, 5, 9))


def test_the_working_day_after_29_april_2020_is_4_may() -> None:
    calendar = make_calendar()
    assert calendar.add(date(2020, 4, 29), 1) == date(2020, 5, 4)
    assert calendar.next_working(date(2020, 4, 30)) == date(2020, 5, 4)
    assert calendar.previous_working(date(2020, 5, 3)) == date(2020, 4, 29)
    assert calendar.add(date(2020, 5, 4), -1) == date(2020, 4, 29)


def test_a_working_day_is_its_own_next_and_previous_working_day() -> None:
    calendar = make_calendar()
    assert calendar.next_working(date(2020, 5, 4)) == date(2020, 5, 4)
    assert calendar.previous_working(date(2020, 5, 4)) == date(2020, 5, 4)


def test_adding_no_days_leaves_even_a_day_off_where_it_is() -> None:
    assert make_calendar().add(date(2020, 5, 2), 0) == date(2020, 5, 2)


def test_a_count_leaves_out_its_first_day_and_a_span_includes_both() -> None:
    calendar = make_calendar()
    assert calendar.count(date(2020, 4, 29), date(2020, 5, 4)) == 1
    assert calendar.count(date(2020, 5, 4), date(2020, 4, 29)) == -1
    assert calendar.span(date(2020, 4, 29), date(2020, 5, 4)) == 2
    assert calendar.span(date(2020, 4, 30), date(2020, 5, 3)) == 0


def test_a_span_that_ends_before_it_starts_holds_no_day() -> None:
    assert make_calendar().span(date(2020, 5, 6), date(2020, 5, 4)) == 0


def test_in_every_day_each_day_works_and_counts_are_counts_of_days() -> None:
    assert EVERY_DAY.name == "every-day"
    assert EVERY_DAY.is_working(date(2020, 5, 3))
    assert EVERY_DAY.add(date(2020, 2, 28), 2) == date(2020, 3, 1)
    assert EVERY_DAY.count(date(2000, 1, 1), date(2020, 1, 1)) == (date(2020, 1, 1) - date(2000, 1, 1)).days


@given(days, days)
def test_count_and_span_agree_with_counting_day_by_day(a: date, b: date) -> None:
    calendar, first, last = make_calendar(), min(a, b), max(a, b)
    inside = sum(map(works, days_between(first, last)))
    assert calendar.span(first, last) == inside
    assert calendar.count(first, last) == inside - works(first)
    assert calendar.count(last, first) == -(inside - works(first))


@given(days, st.integers(-800, 800).filter(bool))
def test_add_agrees_with_stepping_day_by_day(day: date, n: int) -> None:
    step = timedelta(days=1 if n > 0 else -1)
    expected, left = day, abs(n)
    while left:
        expected += step
        left -= works(expected)
    assert make_calendar().add(day, n) == expected


@given(days, days, days)
def test_questions_asked_before_do_not_change_an_answer(earlier: date, other: date, asked: date) -> None:
    used = make_calendar()
    used.is_working(earlier)
    used.is_working(other)
    assert used.is_working(asked) == works(asked)
    assert used.add(asked, 3) == make_calendar().add(asked, 3)
    assert used.add(asked, -3) == make_calendar().add(asked, -3)


def test_each_year_is_asked_for_its_exceptions_once() -> None:
    asked: list[int] = []

    def exceptions(year: int) -> Mapping[date, bool]:
        asked.append(year)
        return {}

    calendar = Calendar("test", exceptions=exceptions)
    for _ in range(3):
        calendar.count(date(2019, 5, 1), date(2021, 5, 1))
        calendar.add(date(2020, 12, 31), 1)
        calendar.add(date(2019, 1, 1), -1)
    assert sorted(asked) == [2018, 2019, 2020, 2021]


def test_a_day_beyond_the_year_9999_or_before_the_year_1_overflows() -> None:
    with pytest.raises(OverflowError):
        EVERY_DAY.add(date(9999, 12, 30), 2)
    with pytest.raises(OverflowError):
        EVERY_DAY.add(date(1, 1, 2), -2)
    with pytest.raises(OverflowError):
        EVERY_DAY.add(date(2020, 1, 1), 10**12)
    assert EVERY_DAY.add(date(9999, 12, 30), 1) == date.max
    assert EVERY_DAY.add(date(1, 1, 2), -1) == date.min


def test_a_week_without_a_working_day_is_no_calendar() -> None:
    with pytest.raises(ValueError, match="at least one weekday"):
        Calendar("never", weekend=range(7))
