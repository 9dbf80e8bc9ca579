from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.domain.calendar import EVERY_DAY, Calendar
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.forecast import Forecast, ForecastTask, forecast, plan_durations
from planner.domain.plan import PlannedTask
from planner.errors import CycleFound


def holidays(year: int) -> Mapping[date, bool]:
    return {date(2020, 4, 30): False, date(2020, 5, 1): False} if year == 2020 else {}


VN = Calendar("vn", exceptions=holidays)
SIGNED = date(2020, 4, 29)  # a Wednesday; the next working days are 4, 5, 6, 7, 8 May


def may(day: int) -> date:
    return date(2020, 5, day)


def one(task: ForecastTask, today: date) -> Forecast:
    return forecast({"a": task}, [], VN, today)["a"]


def test_a_task_not_begun_is_forecast_for_its_last_day_and_is_no_risk() -> None:
    found = one(ForecastTask(plan_date=SIGNED, last_day=may(14)), may(13))
    assert found == Forecast(start=SIGNED, finish=may(14), at_risk=False)


def test_on_its_last_day_a_task_is_still_forecast_for_that_day() -> None:
    assert one(ForecastTask(start=may(4), last_day=may(14)), may(14)).finish == may(14)


def test_a_last_day_on_a_day_off_stays_where_it_is() -> None:
    found = one(ForecastTask(start=may(4), last_day=may(10)), may(9))
    assert (found.finish, found.at_risk) == (may(10), False)


def test_a_task_past_its_last_day_is_done_on_the_next_working_day_at_the_earliest() -> None:
    task = ForecastTask(start=SIGNED, last_day=date(2020, 4, 29))
    found = one(task, date(2020, 4, 30))
    assert (found.finish, found.at_risk) == (may(4), True)


def test_a_finished_task_was_finished_on_its_result_document_and_is_no_risk() -> None:
    task = ForecastTask(start=may(4), last_day=may(5), done_on=may(8), is_open=False, duration=30)
    assert one(task, may(20)) == Forecast(start=may(4), finish=may(8), at_risk=False)


def test_a_task_finished_before_its_start_began_on_the_day_it_was_finished() -> None:
    task = ForecastTask(start=may(18), last_day=may(22), done_on=may(8), is_open=False)
    assert one(task, may(20)).start == may(8)


def test_an_explicit_duration_of_5_days_from_29_april_ends_on_7_may() -> None:
    found = one(ForecastTask(duration=5, last_day=may(7)), date(2020, 4, 29))
    assert found == Forecast(start=date(2020, 4, 29), finish=may(7), at_risk=False)


def test_begun_on_the_holiday_the_same_duration_ends_on_8_may_and_is_at_risk() -> None:
    found = one(ForecastTask(duration=5, last_day=may(7)), date(2020, 4, 30))
    assert found == Forecast(start=may(4), finish=may(8), at_risk=True)


@pytest.mark.parametrize(
    ("percent", "finish"), [(0, may(15)), (50, may(8)), (51, may(8)), (89, may(5)), (99, may(4)), (100, may(4))]
)
def test_of_an_explicit_duration_only_what_remains_is_still_to_do(percent: int, finish: date) -> None:
    assert one(ForecastTask(duration=10, percent=percent), may(4)).finish == finish


def test_an_explicit_duration_begins_no_sooner_than_the_start() -> None:
    found = one(ForecastTask(start=may(11), duration=2), may(4))
    assert (found.start, found.finish) == (may(11), may(12))


def test_a_milestone_takes_the_day_on_which_it_is_reached() -> None:
    assert one(ForecastTask(duration=0), may(4)).finish == may(4)


def test_without_duration_and_last_day_a_task_lasts_one_day() -> None:
    assert one(ForecastTask(start=may(11)), may(4)).finish == may(11)
    assert one(ForecastTask(start=may(4)), may(9)).finish == may(11)
    assert one(ForecastTask(), may(6)) == Forecast(start=may(6), finish=may(6), at_risk=False)


def test_a_plan_signed_after_a_last_day_does_not_make_its_task_start_later() -> None:
    assert one(ForecastTask(plan_date=may(20), last_day=may(14)), may(8)).finish == may(14)


def test_a_start_after_the_last_day_is_a_risk_at_once() -> None:
    found = one(ForecastTask(start=may(18), last_day=may(14)), may(4))
    assert (found.start, found.finish, found.at_risk) == (may(18), may(18), True)


def test_a_late_predecessor_pushes_its_successor_which_keeps_its_length() -> None:
    tasks = {
        "a": ForecastTask(start=SIGNED, last_day=may(8)),
        "b": ForecastTask(start=may(11), last_day=may(15)),
    }
    before = forecast(tasks, [("a", "b")], VN, may(8))
    assert (before["b"].finish, before["b"].at_risk) == (may(15), False)
    after = forecast(tasks, [("a", "b")], VN, may(12))
    assert after["a"].finish == may(12)
    assert after["b"] == Forecast(start=may(13), finish=may(19), at_risk=True, blocked_by=("a",))
    assert after["a"].blocking == ("b",)


def test_a_slip_travels_down_a_chain_across_the_holidays() -> None:
    tasks = {
        "a": ForecastTask(start=date(2020, 4, 27), last_day=date(2020, 4, 28)),
        "b": ForecastTask(start=date(2020, 4, 29), last_day=date(2020, 4, 29)),
        "c": ForecastTask(start=may(4), last_day=may(5)),
    }
    found = forecast(tasks, [("b", "c"), ("a", "b")], VN, date(2020, 4, 29))
    assert [found[key].finish for key in "abc"] == [date(2020, 4, 29), may(4), may(6)]
    assert all(found[key].at_risk for key in "abc")


def test_a_task_pushed_long_ago_is_not_finished_before_today() -> None:
    tasks = {
        "a": ForecastTask(done_on=may(12), is_open=False),
        "b": ForecastTask(start=may(11), last_day=may(11)),
    }
    found = forecast(tasks, [("a", "b")], VN, may(24))["b"]
    assert (found.start, found.finish) == (may(13), may(25))


def test_an_early_predecessor_does_not_pull_its_successor_forward() -> None:
    tasks = {
        "a": ForecastTask(start=may(4), last_day=may(8), done_on=may(5), is_open=False),
        "b": ForecastTask(start=may(11), last_day=may(15)),
    }
    found = forecast(tasks, [("a", "b")], VN, may(6))
    assert (found["b"].start, found["b"].finish) == (may(11), may(15))
    assert found["b"].blocked_by == found["a"].blocking == ()


def test_a_start_on_a_day_off_is_not_pushed_by_a_predecessor_finished_the_friday_before() -> None:
    tasks = {"a": ForecastTask(done_on=may(8), is_open=False), "b": ForecastTask(start=may(9), last_day=may(17))}
    assert forecast(tasks, [("a", "b")], VN, may(8))["b"].finish == may(17)


def test_an_explicit_duration_begins_the_working_day_after_its_predecessor() -> None:
    tasks = {"a": ForecastTask(last_day=may(8)), "b": ForecastTask(duration=2, last_day=may(12))}
    found = forecast(tasks, [("a", "b")], VN, may(4))["b"]
    assert (found.start, found.finish, found.at_risk) == (may(11), may(12), False)


def test_a_withdrawn_predecessor_holds_nobody_up() -> None:
    tasks = {"a": ForecastTask(last_day=may(4), is_open=False), "b": ForecastTask(start=may(5), last_day=may(8))}
    found = forecast(tasks, [("a", "b")], VN, may(6))
    assert found["a"] == Forecast(start=None, finish=None, at_risk=False)
    assert found["b"] == Forecast(start=may(5), finish=may(8), at_risk=False)


def test_a_dependency_on_a_task_outside_the_forecast_is_ignored() -> None:
    tasks = {"b": ForecastTask(start=may(5), last_day=may(8))}
    assert forecast(tasks, [("a", "b"), ("b", "c")], VN, may(4))["b"].blocked_by == ()


def test_each_task_is_counted_in_its_own_plans_calendar() -> None:
    tasks = {"a": ForecastTask(duration=3), "b": ForecastTask(duration=3, calendar=EVERY_DAY)}
    found = forecast(tasks, [], VN, may(8))
    assert (found["a"].finish, found["b"].finish) == (may(12), may(10))


def test_a_duration_of_thousands_of_years_spoils_no_other_forecast() -> None:
    tasks = {"a": ForecastTask(duration=10**9), "b": ForecastTask(duration=1), "c": ForecastTask(duration=1)}
    found = forecast(tasks, [("a", "b")], VN, may(4))
    assert (found["a"].finish, found["b"].finish, found["c"].finish) == (date.max, date.max, may(4))


def test_a_circle_is_refused() -> None:
    tasks = {"a": ForecastTask(), "b": ForecastTask()}
    with pytest.raises(CycleFound):
        forecast(tasks, [("a", "b"), ("b", "a")], VN, may(4))


maybe_day = st.none() | st.dates(date(2020, 4, 20), date(2020, 6, 10))
any_task = st.builds(
    ForecastTask,
    start=maybe_day,
    plan_date=maybe_day,
    duration=st.none() | st.integers(0, 12),
    last_day=maybe_day,
    done_on=maybe_day,
    is_open=st.booleans(),
    percent=st.integers(0, 100),
)


@given(st.lists(any_task, max_size=7), st.data(), st.dates(date(2020, 4, 20), date(2020, 6, 10)))
def test_no_forecast_breaks_the_rules(listed: list[ForecastTask], data: st.DataObject, today: date) -> None:
    tasks = {str(n): task for n, task in enumerate(listed)}
    pairs = [(str(a), str(b)) for b in range(len(listed)) for a in range(b)]
    chosen = data.draw(st.lists(st.sampled_from(pairs), max_size=10)) if pairs else []
    found = forecast(tasks, chosen, VN, today)
    assert list(found) == list(tasks)
    for key, task in tasks.items():
        told = found[key]
        if not task.is_open:
            assert told.finish == task.done_on
            assert not told.at_risk
            assert told.blocked_by == told.blocking == ()
            continue
        assert told.start is not None
        assert told.finish is not None
        assert told.finish >= max(told.start, today)
        assert task.start is None or told.start >= task.start
        assert told.at_risk == (task.last_day is not None and told.finish > task.last_day)
        waits_for = {a for a, b in chosen if b == key}
        assert set(told.blocked_by) == {a for a in waits_for if tasks[a].is_open}
        assert set(told.blocking) == {b for a, b in chosen if a == key and tasks[b].is_open}
        for before in waits_for:
            finish = found[before].finish
            assert finish is None or VN.next_working(told.start) > finish


def planned(code: str, *, start: date | None = None, duration: int | None = None, **dates: date | None) -> PlannedTask:
    deadline = Deadline(text="", kind=DeadlineKind.BY, start=dates.get("begins"), last_day=dates.get("last_day"))
    return PlannedTask(code=code, title="", responsible="", deadline=deadline, start=start, duration=duration)


def test_a_plans_durations_are_as_named_or_from_start_or_signing_to_the_last_day() -> None:
    tasks = [
        planned("explicit", duration=5, start=may(4), last_day=may(29)),
        planned("milestone", duration=0),
        planned("from its start", start=may(11), begins=may(4), last_day=may(15)),
        planned("from its deadline's start", begins=may(4), last_day=may(15)),
        planned("from the plan's date", last_day=may(5)),
        planned("without a last day", start=may(4)),
        planned("due before signing", last_day=date(2020, 4, 1)),
        planned("on days off only", start=may(9), last_day=may(10)),
    ]
    assert plan_durations(tasks, SIGNED, VN) == {
        "explicit": 5,
        "milestone": 0,
        "from its start": 5,
        "from its deadline's start": 10,
        "from the plan's date": 3,
        "without a last day": 1,
        "due before signing": 1,
        "on days off only": 1,
    }
    assert plan_durations([planned("undated plan", last_day=may(5))], None, VN) == {"undated plan": 1}


def test_a_task_that_waits_for_one_in_time_is_no_risk_on_the_day_of_filing() -> None:
    tasks = {
        "first": ForecastTask(plan_date=may(4), last_day=may(14)),
        "second": ForecastTask(plan_date=may(4), last_day=may(22)),
    }
    found = forecast(tasks, [("first", "second")], VN, may(4))
    assert (found["second"].finish, found["second"].at_risk) == (may(22), False)


def test_a_task_that_waits_for_a_late_one_is_a_risk_by_the_days_it_loses() -> None:
    tasks = {
        "first": ForecastTask(plan_date=may(4), last_day=may(14)),
        "second": ForecastTask(plan_date=may(4), last_day=may(22)),
    }
    found = forecast(tasks, [("first", "second")], VN, may(18))
    # The first is done on Monday 18 May at the earliest; the second keeps its 6 working days (15 to 22 May) after it.
    assert (found["second"].start, found["second"].finish) == (may(19), may(26))
    assert found["second"].at_risk


def test_a_task_without_a_start_is_counted_from_the_last_day_of_the_one_it_waits_for() -> None:
    def planned(code: str, last_day: date, *after: str) -> PlannedTask:
        deadline = Deadline(text="-", kind=DeadlineKind.BY, last_day=last_day)
        return PlannedTask(code=code, title=code, responsible="a@b.example.vn", deadline=deadline, after=after)

    tasks = [planned("I.1", may(14)), planned("I.2", may(22), "I.1")]
    assert plan_durations(tasks, may(4), VN) == {"I.1": 9, "I.2": 6}
