"""The forecast of many tasks in arrays is the forecast task by task; a slip moves what a new forecast would move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain import forecast as forecasts
from planner.domain import waves
from planner.domain.calendar import EVERY_DAY, Calendar
from planner.domain.forecast import Forecast, ForecastTask, columns_of, forecast
from planner.domain.graph import TaskGraph
from planner.domain.outcome import Moves, Outcome
from planner.errors import CycleFound

MAY = {date(2020, 4, 30): False, date(2020, 5, 1): False, date(2020, 5, 9): True, date(2021, 1, 1): False}
VN = Calendar("vn", exceptions=lambda year: {day: works for day, works in MAY.items() if day.year == year})
#: Without a holiday in thousands of years a calendar is made quickly.
PLAIN = Calendar("plain")
TODAY = date(2020, 5, 4)


@contextmanager
def in_arrays(narrow: int = 2) -> Iterator[None]:
    """Let every forecast be made in arrays, and waves of `narrow` tasks be reckoned as a whole."""
    with patch.object(forecasts, "MANY", 0), patch.object(waves, "NARROW", narrow):
        yield


some_day = st.dates(date(2020, 4, 20), date(2020, 6, 10)) | st.dates(date(2019, 12, 1), date(2021, 2, 1))
any_task = st.builds(
    ForecastTask,
    start=st.none() | some_day,
    plan_date=st.none() | some_day,
    duration=st.none() | st.integers(0, 12) | st.just(700),
    last_day=st.none() | some_day,
    done_on=st.none() | some_day,
    is_open=st.sampled_from([True, True, True, False]),
    percent=st.integers(0, 100),
    calendar=st.sampled_from([None, None, EVERY_DAY, PLAIN]),
)


@st.composite
def joined(draw: st.DrawFn) -> tuple[dict[str, ForecastTask], list[tuple[str, str]]]:
    """Draw tasks that wait for each other, and for some that nobody knows."""
    listed = draw(st.lists(any_task, max_size=12))
    names = draw(st.permutations([f"t{n}" for n in range(len(listed))]))
    pairs = [(a, b) for at, a in enumerate(names) for b in names[at + 1 :]] + [(a, "unknown") for a in names]
    return dict(zip(sorted(names), listed, strict=True)), draw(st.lists(st.sampled_from(pairs))) if pairs else []


narrow = st.sampled_from([1, 2, 3, 1000])


@settings(deadline=None)  # calendars are made as they are needed
@given(joined(), some_day, narrow)
def test_the_forecast_in_arrays_is_the_one_task_by_task(
    drawn: tuple[dict[str, ForecastTask], list[tuple[str, str]]], today: date, width: int
) -> None:
    tasks, pairs = drawn
    expected = forecast(tasks, pairs, VN, today)
    with in_arrays(width):
        found = forecast(tasks, pairs, VN, today)
    assert found == expected
    assert list(found) == list(expected)


@pytest.mark.parametrize("width", [1, 1000])
@pytest.mark.parametrize(
    ("done_on", "first", "last_day", "told"),
    [
        (14, 16, 17, (16, 17)),  # on a weekend, its predecessor done in time
        (15, 16, 17, (18, 18)),  # no working day is left before its last day
        (12, 11, 11, (13, 25)),  # pushed long ago, and not finished before today
        (12, 18, 22, (18, 25)),  # overdue since Friday: done on the next working day at the earliest
    ],
)
def test_the_rules_hold_in_arrays(width: int, done_on: int, first: int, last_day: int, told: tuple[int, int]) -> None:
    tasks = {
        "a": ForecastTask(done_on=date(2020, 5, done_on), is_open=False),
        "b": ForecastTask(start=date(2020, 5, first), last_day=date(2020, 5, last_day)),
    }
    today = date(2020, 5, 24) if told[1] == 25 else TODAY
    with in_arrays(width):
        found = forecast(tasks, [("a", "b")], VN, today)["b"]
    assert (found.start, found.finish) == tuple(date(2020, 5, day) for day in told)
    assert found == forecast(tasks, [("a", "b")], VN, today)["b"]


def first_late_days(
    tasks: dict[str, ForecastTask], pairs: list[tuple[str, str]], today: date, until: date
) -> dict[str, date]:
    """Return on which day each task is first foreseen late before it is, the slow and obvious way."""
    found: dict[str, date] = {}
    for n in range((until - today).days + 1):
        day = today + timedelta(days=n)
        for key, told in forecast(tasks, pairs, VN, day).items():
            if told.at_risk and (last_day := tasks[key].last_day) is not None and day <= last_day:
                found.setdefault(key, day)
    return found


def in_danger(
    tasks: dict[str, ForecastTask], pairs: list[tuple[str, str]], today: date, until: date
) -> dict[str, date]:
    """Return the same as `Outcome` tells it."""
    graph = TaskGraph(dict.fromkeys(tasks, 0), pairs, strict=False)
    found = Outcome(graph.waves, columns_of(tasks.values(), VN), today).in_danger(until)
    names = list(tasks)
    return {names[task]: day for task, day in found.items()}


@settings(deadline=None)  # calendars are made as they are needed
@given(joined(), some_day, st.integers(0, 40), narrow)
def test_no_task_is_foreseen_late_before_it_is_known_to_be_in_danger(
    drawn: tuple[dict[str, ForecastTask], list[tuple[str, str]]], today: date, days: int, width: int
) -> None:
    tasks, pairs = drawn
    until = today + timedelta(days=days)
    with patch.object(waves, "NARROW", width):
        found = in_danger(tasks, pairs, today, until)
    for key, day in first_late_days(tasks, pairs, today, until).items():
        assert found[key] <= day, key


@settings(deadline=None)  # calendars are made as they are needed
@given(joined(), some_day, st.integers(0, 40))
def test_among_tasks_of_one_calendar_danger_begins_on_the_very_day(
    drawn: tuple[dict[str, ForecastTask], list[tuple[str, str]]], today: date, days: int
) -> None:
    # What is to be done by a day off is watched from the last working day before it on.
    tasks = {
        key: replace(task, calendar=None, last_day=task.last_day and VN.next_working(task.last_day))
        for key, task in drawn[0].items()
    }
    # Through a finished task the chain is not followed: what it waited for no longer matters.
    pairs = [(a, b) for a, b in drawn[1] if b in tasks and tasks[b].is_open]
    until = today + timedelta(days=days)
    assert in_danger(tasks, pairs, today, until) == first_late_days(tasks, pairs, today, until)


last_days = st.dates(date(9998, 12, 1), date.max)


@pytest.mark.parametrize("width", [1, 1000])
@settings(deadline=None, max_examples=25)  # eight thousand years of days take a while
@given(data=st.data())
def test_at_the_end_of_all_calendars_too(width: int, data: st.DataObject) -> None:
    # "plain" only: a calendar with exceptions would be asked for each of eight thousand years.
    ends = any_task.map(
        lambda task: replace(task, calendar=PLAIN, duration=data.draw(st.sampled_from([None, 3, 10**9])))
    )
    listed = [
        replace(task, last_day=data.draw(st.none() | last_days), start=data.draw(st.none() | some_day | last_days))
        for task in data.draw(st.lists(ends, min_size=1, max_size=5))
    ]
    tasks = {f"t{n}": task for n, task in enumerate(listed)}
    pairs = list(zip(list(tasks), list(tasks)[1:], strict=False))
    with in_arrays(width):
        found = forecast(tasks, pairs, PLAIN, TODAY)
    assert found == forecast(tasks, pairs, PLAIN, TODAY)


def rows(moves: Moves) -> list[tuple[int, date, date, bool, bool]]:
    """Return each task that moves, with its finish before and after, and whether that is late."""
    return list(zip(moves.tasks, moves.before, moves.after, moves.late_before, moves.late_after, strict=True))


def slip(tasks: dict[str, ForecastTask], pairs: list[tuple[str, str]], key: str, days: int) -> dict[str, Forecast]:
    """Return the forecast if `key` were finished some working days later, the slow and obvious way."""
    finish = forecast(tasks, pairs, VN, TODAY)[key].finish
    assert finish is not None
    later = (tasks[key].calendar or VN).add(finish, days)
    found = forecast({**tasks, key: replace(tasks[key], is_open=False, done_on=later)}, pairs, VN, TODAY)
    last_day = tasks[key].last_day
    return {**found, key: replace(found[key], at_risk=last_day is not None and later > last_day)}


@settings(deadline=None)  # calendars are made as they are needed
@given(joined(), st.data(), st.integers(1, 30) | st.just(3000), narrow)
def test_a_slip_moves_what_a_new_forecast_would_move(
    drawn: tuple[dict[str, ForecastTask], list[tuple[str, str]]], data: st.DataObject, days: int, width: int
) -> None:
    tasks, pairs = drawn
    is_open = [key for key, task in tasks.items() if task.is_open]
    if not is_open:
        return
    key = data.draw(st.sampled_from(is_open))
    before, after = forecast(tasks, pairs, VN, TODAY), slip(tasks, pairs, key, days)
    with in_arrays(width):
        graph = TaskGraph(dict.fromkeys(tasks, 0), pairs, strict=False)
        outcome = Outcome(graph.waves, columns_of(tasks.values(), VN), TODAY)
        moves = outcome.impact(graph.place[key], days)
        again = outcome.impact(graph.place[key], days)
    expected = [
        (name, before[name].finish, after[name].finish, before[name].at_risk, after[name].at_risk)
        for name in graph.order()
        if before[name].finish != after[name].finish
    ]
    told = [(graph.keys[task], *rest) for task, *rest in rows(moves)]
    assert told == expected
    assert told[0][0] == key
    assert again == moves, "asking changes nothing"


def outcome_of(tasks: dict[str, ForecastTask], pairs: list[tuple[str, str]]) -> tuple[TaskGraph, Outcome]:
    graph = TaskGraph(dict.fromkeys(tasks, 0), pairs)
    return graph, Outcome(graph.waves, columns_of(tasks.values(), VN), TODAY)


def test_a_slip_is_stopped_by_the_room_behind_it_and_pushes_where_there_is_none() -> None:
    tasks = {
        "a": ForecastTask(duration=3, last_day=date(2020, 5, 7)),
        "b": ForecastTask(start=date(2020, 5, 18), last_day=date(2020, 5, 22)),
        "c": ForecastTask(duration=2, last_day=date(2020, 5, 11)),
        "d": ForecastTask(duration=1, last_day=date(2020, 5, 11)),
    }
    _graph, outcome = outcome_of(tasks, [("a", "b"), ("a", "c"), ("c", "d")])
    moves = outcome.impact(0, 2)
    # a ends on 6 May, with the slip on 8 May; 9 May is a Saturday worked; c: 7 and 8 May, then 9 and 11 May.
    assert [(task, before.day, after.day, *late) for task, before, after, *late in rows(moves)] == [
        (0, 6, 8, False, True),
        (2, 8, 11, False, False),
        (3, 9, 12, False, True),
    ]


def test_a_task_on_which_no_work_is_owed_does_not_slip() -> None:
    tasks = {"a": ForecastTask(done_on=date(2020, 4, 29), is_open=False), "b": ForecastTask(duration=2)}
    _graph, outcome = outcome_of(tasks, [("a", "b")])
    assert rows(outcome.impact(0, 5)) == []


def test_a_slip_of_thousands_of_years_ends_with_the_calendar() -> None:
    tasks = {"a": ForecastTask(duration=2, calendar=PLAIN), "b": ForecastTask(duration=2, calendar=PLAIN)}
    _graph, outcome = outcome_of(tasks, [("a", "b")])
    moves = outcome.impact(0, 10**12)
    assert (moves.tasks, moves.after) == ([0, 1], [date.max, date.max])
    assert outcome.finish.tolist() == [date(2020, 5, 5).toordinal(), date(2020, 5, 7).toordinal()]


def test_no_task_at_all_has_no_forecast() -> None:
    with in_arrays():
        assert forecast({}, [], VN, TODAY) == {}


def test_a_circle_is_refused_in_arrays() -> None:
    tasks = {"a": ForecastTask(), "b": ForecastTask()}
    with in_arrays(), pytest.raises(CycleFound):
        forecast(tasks, [("a", "b"), ("b", "a")], VN, TODAY)


def test_a_chain_of_20000_tasks_is_foreseen_to_its_end() -> None:
    tasks = {str(n): ForecastTask(duration=1, calendar=EVERY_DAY) for n in range(20_000)}
    pairs = [(str(n), str(n + 1)) for n in range(19_999)]
    with patch.object(forecasts, "MANY", 0):
        found = forecast(tasks, pairs, VN, TODAY)
    assert found["19999"].finish == TODAY + timedelta(days=19_999)
    assert found["700"].blocked_by == ("699",)
