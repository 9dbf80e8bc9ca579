"""When a rung falls due: exact days around the holidays of 30 April and 1 May 2020, and around days off."""

from datetime import date

import pytest

from planner.domain.calendar import Calendar
from planner.i18n import speaking
from scheduler.policy import load
from scheduler.rules import Anchor, Trigger, due_soon_from, nominal_day, occurrences, parse_trigger

OFF_2020 = {date(2020, 4, 30): False, date(2020, 5, 1): False}
# 2 January 2026 was exchanged for Saturday 10 January.
OFF_2026 = {date(2026, 1, 1): False, date(2026, 1, 2): False, date(2026, 1, 10): True}
VN = Calendar("vn", exceptions=lambda year: {2020: OFF_2020, 2026: OFF_2026}.get(year, {}))
FAR = date(2030, 1, 1)


def day(text: str) -> date:
    return date.fromisoformat(text)


def nominal(trigger: str, anchor: str) -> str:
    return nominal_day(parse_trigger(trigger), day(anchor), VN).isoformat()


def reached(trigger: str, anchor: str, today: str, cap: int | None = None) -> list[str]:
    return [found.isoformat() for found in occurrences(parse_trigger(trigger), day(anchor), VN, day(today), cap)]


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ("due -5wd", "2020-04-29"),  # 4-7 May are four; 30/4 and 1/5 are holidays
        ("due -3wd", "2020-05-05"),
        ("due -1wd", "2020-05-07"),
        ("due", "2020-05-08"),
        ("due +1wd", "2020-05-11"),
        ("due +5wd", "2020-05-15"),
        ("due +10wd", "2020-05-22"),
        ("due +20wd", "2020-06-05"),
        ("due +7d", "2020-05-15"),
        ("due +8d", "2020-05-18"),  # the 16th is a Saturday
        ("filing -3wd", "2020-05-05"),
        ("submitted +3wd", "2020-05-13"),
        ("at_risk", "2020-05-08"),
    ],
)
def test_working_days_are_counted_strictly_before_and_after_the_last_day(trigger: str, expected: str) -> None:
    assert nominal(trigger, "2020-05-08") == expected


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ("due -1wd", "2020-05-08"),
        ("due", "2020-05-08"),
        ("filing", "2020-05-08"),
        ("due +1wd", "2020-05-11"),
        ("submitted", "2020-05-11"),  # nothing was handed in before it was handed in
        ("submitted +1wd", "2020-05-11"),
        ("due -1d", "2020-05-08"),  # Saturday would move past Sunday, the last day itself
        ("due -3d", "2020-05-07"),
    ],
)
def test_a_last_day_on_a_sunday_is_told_on_the_friday_before(trigger: str, expected: str) -> None:
    assert nominal(trigger, "2020-05-10") == expected


def test_a_saturday_worked_in_exchange_counts_and_the_day_given_for_it_does_not() -> None:
    assert nominal("due", "2026-01-10") == "2026-01-10"
    assert nominal("due", "2026-01-02") == "2025-12-31"
    assert nominal("due +5wd", "2026-01-05") == "2026-01-10"
    assert nominal("due -1wd", "2026-01-05") == "2025-12-31"


def test_calendar_days_before_a_deadline_move_on_to_a_working_day() -> None:
    assert nominal("due -7d", "2020-05-08") == "2020-05-04"  # 1 May is a holiday, 2-3 May the weekend


def test_a_rung_is_reached_on_its_day_and_not_before() -> None:
    assert reached("due +1wd", "2020-05-08", "2020-05-10") == []
    assert reached("due +1wd", "2020-05-08", "2020-05-11") == ["2020-05-11"]
    assert reached("due -5wd", "2020-05-08", "2020-04-28") == []
    assert reached("due -5wd", "2020-05-08", "2020-09-01") == ["2020-04-29"]


def test_a_repeating_rung_comes_again_until_its_cap() -> None:
    every = "every 5wd from due +10wd"
    assert reached(every, "2020-05-08", "2020-05-21") == []
    assert reached(every, "2020-05-08", "2020-06-08") == ["2020-05-22", "2020-05-29", "2020-06-05"]
    assert reached(every, "2020-05-08", "2020-12-31", cap=2) == ["2020-05-22", "2020-05-29"]


def test_a_series_of_calendar_days_does_not_drift_over_weekends() -> None:
    assert reached("every 7d from due +1d", "2020-05-08", "2020-06-01") == [
        "2020-05-11",  # Saturday the 9th
        "2020-05-18",
        "2020-05-25",
        "2020-06-01",
    ]


def test_days_off_in_a_row_make_one_occurrence_and_not_three() -> None:
    assert reached("every 1d from due +1d", "2020-05-08", "2020-05-12") == ["2020-05-11", "2020-05-12"]


def test_a_deadline_at_the_end_of_the_calendar_stops_nobody() -> None:
    assert occurrences(parse_trigger("due +20wd"), date.max, VN, day("2020-05-08")) == ()


def test_a_task_is_due_soon_from_the_first_rung_before_its_last_day() -> None:
    policy = load()
    assert due_soon_from(policy, day("2020-05-08"), VN) == day("2020-04-29")
    after_only = policy.model_copy(update={"rungs": tuple(r for r in policy.rungs if r.trigger.offset > 0)})
    assert due_soon_from(after_only, day("2020-05-08"), VN) is None


@pytest.mark.parametrize(
    "text",
    ["due -5wd", "due", "due +7d", "every 5wd from due +10wd", "every 7d from filing", "at_risk", "submitted +3wd"],
)
def test_a_trigger_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_trigger(text)) == text


def test_spaces_and_capitals_in_a_trigger_do_not_matter() -> None:
    assert parse_trigger("  Every  5WD from Due +10wd ") == Trigger(anchor=Anchor.DUE, offset=10, every=5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "due 5wd",
        "due +0wd",
        "due +5",
        "due +5h",
        "due +1000wd",
        "due +٣wd",
        "due -5wd due",
        "submitted -1wd",
        "every 0wd from due",
        "every 5wd from at_risk",
        "every 5wd from every 5wd from due",
        "at_risk +1wd",
        "overdue +1wd",
    ],
)
def test_what_is_no_trigger_is_refused_with_what_was_found(text: str) -> None:
    with speaking("en"), pytest.raises(ValueError, match="expected a trigger such as") as caught:
        parse_trigger(text)
    assert f'"{text}"' in str(caught.value)


def test_a_trigger_says_in_words_when_it_comes() -> None:
    with speaking("en"):
        assert parse_trigger("due -1wd").describe() == "1 working day before the last day"
        assert parse_trigger("filing").describe() == "on the last day for plans"
        assert (
            parse_trigger("every 5wd from due +7d").describe()
            == "every 5 working days, from 7 calendar days after the last day"
        )
