"""The figures of a report: against a slow count, against published figures, and through an agency's succession."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.agency import Succession, Tier
from planner.domain.figures import Counts, Progress
from planner.domain.forecast import Forecast
from planner.domain.plan import TargetValue, TaskRecord
from planner.domain.progress import owner_on
from planner.domain.status import PlanState, TaskState
from planner.templating import number
from tests.reporter.province import (
    CODE,
    TODAY,
    agencies,
    directive,
    figures,
    make_plan,
    make_state,
    make_task,
    whole_province,
)

YESTERDAY = TODAY - timedelta(days=1)
NGHI_SON = Succession(from_code="h-tinh-gia", to_code="tx-nghi-son", on=date(2020, 6, 1))
PARTS = ("no_deadline", "done_on_time", "done_late", "open_in_time", "open_overdue", "awaiting_confirmation")
CODES = [code for code in agencies() if code != "tx-nghi-son"]


@st.composite
def tasks(draw: st.DrawFn) -> list[TaskRecord]:
    days = st.dates(TODAY - timedelta(days=40), TODAY + timedelta(days=40))
    found = []
    for at in range(draw(st.integers(0, 25))):
        state = draw(st.sampled_from(TaskState))
        last_day = draw(st.none() | days)
        found.append(
            make_task(
                draw(st.sampled_from(CODES)),
                f"I.{at}",
                last_day,
                state,
                draw(days) if state in (TaskState.SUBMITTED, TaskState.CONFIRMED) else None,
                draw(st.none() | days),
                extended_to=draw(st.none() | days) if last_day else None,
            )
        )
    return found


def slow_count(records: list[TaskRecord]) -> dict[str, int]:
    """Count again, by other words: one question a figure, no shared code."""
    alive = [r for r in records if r.state.value not in ("suspended", "withdrawn")]
    dated = [r for r in alive if r.last_day is not None]
    done = [r for r in dated if r.state.value == "confirmed"]
    still = [r for r in dated if r.state.value in ("assigned", "in_progress", "returned")]
    late = [r for r in still if r.last_day and (TODAY - r.last_day).days > 0]
    waiting = [r for r in still if r not in late and r.task.start is not None and r.task.start > TODAY]
    near = [r for r in still if r not in late + waiting and r.last_day and (r.last_day - TODAY).days <= 5]
    return {
        "total": len(alive),
        "no_deadline": len(alive) - len(dated),
        "done": len(done),
        "done_on_time": sum(1 for r in done if r.done_on and r.last_day and not r.done_on > r.last_day),
        "done_late": sum(1 for r in done if r.done_on and r.last_day and r.done_on > r.last_day),
        "open_in_time": len(still) - len(late),
        "open_overdue": len(late),
        "awaiting_confirmation": len(dated) - len(done) - len(still),
        "not_yet": len(waiting),
        "due_soon": len(near),
        "extensions": sum(len(r.extensions) for r in alive),
    }


@settings(max_examples=150, deadline=None)
@given(tasks())
def test_the_figures_agree_with_a_slow_count_in_all_and_by_agency(records: list[TaskRecord]) -> None:
    progress = figures(make_state(*records, filed=tuple(CODES), successions=(NGHI_SON,)))
    assert progress.counts.as_dict() == slow_count(records)
    for row in progress.agencies:
        given_to = ("h-tinh-gia", "tx-nghi-son") if row.code == "tx-nghi-son" else (row.code,)
        assert row.counts.as_dict() == slow_count([r for r in records if r.agency in given_to])
    for tier, counts in progress.by_tier.items():
        known = agencies()
        assert counts.as_dict() == slow_count([r for r in records if known[r.agency].tier is tier])


@settings(max_examples=80, deadline=None)
@given(tasks())
def test_the_parts_make_up_the_total_and_the_lists_agree_with_the_counts(records: list[TaskRecord]) -> None:
    progress = figures(make_state(*records))
    c = progress.counts
    assert c.total == sum(getattr(c, part) for part in PARTS)
    assert c.total == sum(row.counts.total for row in progress.agencies)
    assert c.total == sum(counts.total for counts in progress.by_tier.values())
    assert c.due_soon + c.not_yet <= c.open_in_time
    assert len(progress.overdue) == c.open_overdue == sum(progress.ageing.values())
    assert all(line.last_day < TODAY and line.days_late > 0 for line in progress.overdue)
    assert all(TODAY <= line.last_day <= TODAY + timedelta(days=30) for line in progress.upcoming)
    communes = [row.counts.total for row in progress.agencies if row.tier is Tier.COMMUNE]
    assert sum(communes) == sum(counts.total for counts in progress.by_parent.values())


def test_the_rate_of_the_government_report_of_2017_is_computed_from_tasks_due() -> None:
    c = Counts(done_on_time=14068, done_late=1983, open_in_time=5640, open_overdue=223)
    assert (c.total, c.done) == (21914, 16051)
    assert c.completion == 16051 / (16051 + 223)
    assert number(c.completion * 100, 2) == "98,63"
    assert c.on_time == 14068 / 16274
    assert c.done_of_all == 16051 / 21914


def test_a_rate_without_anything_due_is_none() -> None:
    assert Counts(open_in_time=3, no_deadline=2).rates() == {"completion": None, "on_time": None, "done_of_all": 0.0}
    assert Counts(no_deadline=2).done_of_all is None


def test_a_submitted_task_is_neither_done_nor_overdue_and_without_a_last_day_it_has_no_deadline() -> None:
    late = TODAY - timedelta(days=9)
    progress = figures(
        make_state(
            make_task(code="I.1", last_day=late, state=TaskState.SUBMITTED, done_on=YESTERDAY),
            make_task(code="I.2", last_day=None, state=TaskState.SUBMITTED, done_on=YESTERDAY),
            make_task(code="I.3", last_day=None, state=TaskState.CONFIRMED, done_on=YESTERDAY),
        )
    )
    assert progress.counts == Counts(awaiting_confirmation=1, no_deadline=2)
    assert progress.overdue == ()


def test_tasks_of_another_directive_do_not_count() -> None:
    other = make_task()
    foreign = TaskRecord(plan="kl-2020-04-29-bis/snv", agency="snv", goal="I", task=other.task, last_day=other.last_day)
    assert figures(make_state(other, foreign)).counts.total == 1


def test_a_directly_assigned_task_counts_with_the_filed_ones() -> None:
    task = make_task("stttt")
    given_directly = TaskRecord(
        plan=f"{CODE}/assigned/stttt", agency="stttt", goal="", task=task.task, last_day=task.last_day
    )
    assert figures(make_state(task, given_directly)).counts.total == 2


@pytest.mark.parametrize(
    ("late", "bucket"),
    [
        (1, "up_to_5"),
        (5, "up_to_5"),
        (6, "6_to_10"),
        (10, "6_to_10"),
        (11, "11_to_20"),
        (20, "11_to_20"),
        (21, "over_20"),
    ],
)
def test_overdue_tasks_age_in_four_steps(late: int, bucket: str) -> None:
    progress = figures(make_state(make_task(last_day=TODAY - timedelta(days=late))))
    assert {key for key, count in progress.ageing.items() if count} == {bucket}


def test_an_overdue_line_names_person_deadline_as_filed_and_the_first_deadline() -> None:
    first, extended = date(2020, 5, 14), date(2020, 5, 29)
    line = figures(make_state(make_task("syt", last_day=first, extended_to=extended))).overdue[0]
    assert (line.agency_name, line.responsible_name, line.responsible_title) == (
        "Sở Y tế",
        "Nguyễn Văn An",
        "Phó Giám đốc",
    )
    assert (line.due_text, line.first_last_day, line.last_day) == ("trước ngày 15/05/2020", first, extended)
    assert (line.extensions, line.days_late) == (1, 7)


def test_the_longest_overdue_comes_first() -> None:
    progress = figures(
        make_state(
            make_task(code="I.1", last_day=YESTERDAY), make_task(code="I.2", last_day=TODAY - timedelta(days=30))
        )
    )
    assert [line.short_key for line in progress.overdue] == ["snv:I.2", "snv:I.1"]


def test_a_task_forecast_after_its_last_day_is_at_risk_until_it_is_overdue() -> None:
    coming, gone = make_task("syt", "I.1"), make_task("syt", "I.2", last_day=YESTERDAY)
    blocker = make_task("vp-ubnd", "II.3", last_day=YESTERDAY, title="Kết nối trục liên thông")
    late = Forecast(start=TODAY, finish=date(2020, 6, 20), at_risk=True, blocked_by=(blocker.key,))
    progress = figures(make_state(coming, gone, blocker), {coming.key: late, gone.key: late})
    assert [line.key for line in progress.at_risk] == [coming.key]
    (waiting,) = progress.at_risk[0].waits_for
    assert (waiting.task, waiting.agency_name, waiting.elsewhere) == ("vp-ubnd:II.3", "Văn phòng UBND tỉnh", True)
    assert progress.overdue_waiting == 1
    assert progress.holding_up == ("Văn phòng UBND tỉnh",)


# --- who owes a plan ---


def owing(progress: Progress) -> set[str]:
    return set(progress.filing.owing)


def test_every_agency_of_the_day_owes_a_plan_and_only_an_accepted_one_counts() -> None:
    state = make_state(filed=("snv", "stp"))
    state.plans[f"{CODE}/syt"] = make_plan("syt", PlanState.SUBMITTED)
    state.plans[f"{CODE}/stc"] = make_plan("stc", PlanState.RETURNED)
    progress = figures(state)
    assert owing(progress) == {code for code, a in agencies().items() if a.is_valid_on(TODAY)}
    assert progress.filing.filed == 2
    missing = {row.agency: row for row in progress.filing.missing}
    assert {"syt", "stc"} <= set(missing)
    assert missing["syt"].days_late == (TODAY - date(2020, 5, 8)).days
    assert missing["h-yen-dinh.x1"].parent_name == "UBND huyện Yên Định"


def test_nobody_is_late_on_the_last_day_for_filing() -> None:
    progress = figures(make_state(), today=date(2020, 5, 8))
    assert {row.days_late for row in progress.filing.missing} == {0}


def test_the_town_that_took_over_a_district_keeps_its_plan_its_tasks_and_its_values() -> None:
    value = TargetValue(directive=CODE, target="2.4", agency="h-tinh-gia", value=100, on=date(2020, 5, 20))
    state = make_state(
        make_task("h-tinh-gia", last_day=YESTERDAY), filed=("h-tinh-gia",), successions=(NGHI_SON,), values=(value,)
    )
    before, after = figures(state, today=date(2020, 5, 31)), figures(state)
    assert "h-tinh-gia" in owing(before)
    assert "tx-nghi-son" not in owing(before)
    assert "h-tinh-gia" not in owing(after)
    assert (after.filing.owed, after.filing.filed) == (before.filing.owed, before.filing.filed)
    assert (after.overdue[0].agency, after.overdue[0].given_to) == ("tx-nghi-son", "h-tinh-gia")
    assert after.overdue[0].short_key == "h-tinh-gia:I.1"
    districts = next(line for line in after.targets if line.code == "2.4")
    assert (districts.bound, districts.reported, districts.attained) == (8, 1, 1)
    assert {row.parent_name for row in after.filing.missing if row.agency.startswith("h-tinh-gia.")} == {
        "UBND thị xã Nghi Sơn"
    }


def test_the_town_owes_a_plan_when_the_district_had_filed_none() -> None:
    progress = figures(make_state(successions=(NGHI_SON,)))
    assert "tx-nghi-son" in {row.agency for row in progress.filing.missing}


def test_a_merged_agency_has_filed_only_if_all_it_took_over_had() -> None:
    merging = (NGHI_SON, Succession(from_code="h-nga-son", to_code="tx-nghi-son", on=date(2020, 6, 1)))
    for filed, lacking in ((("h-tinh-gia",), True), (("h-tinh-gia", "h-nga-son"), False)):
        progress = figures(make_state(filed=filed, successions=merging))
        assert ("tx-nghi-son" in {row.agency for row in progress.filing.missing}) is lacking
        assert "h-nga-son" not in owing(progress)


def test_a_partial_succession_moves_nothing_and_is_listed_for_a_decision() -> None:
    halves = tuple(
        Succession(from_code="h-quan-hoa", to_code=code, on=date(2020, 6, 1), extent="partial")
        for code in ("h-nga-son", "h-hau-loc")
    )
    state = make_state(
        make_task("h-quan-hoa"),
        make_task("h-quan-hoa", "I.2", state=TaskState.CONFIRMED, done_on=YESTERDAY),
        successions=halves,
    )
    assert owner_on(state, "h-quan-hoa", TODAY) == "h-quan-hoa"
    (open_question,) = figures(state).undecided
    assert open_question.as_dict() == {
        "agency": "h-quan-hoa",
        "name": "UBND huyện Quan Hóa",
        "among": ["UBND huyện Nga Sơn", "UBND huyện Hậu Lộc"],
        "open_tasks": 1,
    }


def test_an_agency_that_gives_away_one_part_keeps_the_rest() -> None:
    part = Succession(from_code="h-quan-hoa", to_code="h-nga-son", on=date(2020, 6, 1), extent="partial")
    progress = figures(make_state(make_task("h-quan-hoa", last_day=YESTERDAY), successions=(part,)))
    assert progress.overdue[0].agency == "h-quan-hoa"
    assert "h-quan-hoa" in owing(progress)
    assert progress.undecided[0].among == ("UBND huyện Nga Sơn",)


def test_owner_follows_whole_successions_to_the_end_and_a_circle_ends_somewhere() -> None:
    chain = (NGHI_SON, Succession(from_code="tx-nghi-son", to_code="tp-thanh-hoa", on=date(2020, 6, 3)))
    state = make_state(successions=chain)
    assert owner_on(state, "h-tinh-gia", date(2020, 5, 31)) == "h-tinh-gia"
    assert owner_on(state, "h-tinh-gia", date(2020, 6, 2)) == "tx-nghi-son"
    assert owner_on(state, "h-tinh-gia", date(2020, 6, 3)) == "tp-thanh-hoa"
    back = Succession(from_code="tx-nghi-son", to_code="h-tinh-gia", on=date(2020, 6, 3))
    assert owner_on(make_state(successions=(NGHI_SON, back)), "h-tinh-gia", TODAY) == "tx-nghi-son"


# --- targets ---


def value(agency: str, reported: float, on: date, target: str = "2.3") -> TargetValue:
    return TargetValue(directive=CODE, target=target, agency=agency, value=reported, on=on)


def test_the_latest_value_of_each_agency_up_to_the_day_decides_a_target() -> None:
    values = (
        value("snv", 80, date(2020, 6, 1)),  # it fell
        value("snv", 100, date(2020, 5, 25)),  # entered afterwards, but of an earlier day
        value("syt", 90, date(2020, 5, 25)),
        value("syt", 100, date(2020, 6, 1)),
        value("stp", 100, TODAY + timedelta(days=1)),  # not yet known on the day
        value("h-nga-son", 100, date(2020, 6, 1)),  # not bound
    )
    line = next(line for line in figures(make_state(values=values)).targets if line.code == "2.3")
    assert (line.bound, line.reported, line.attained, line.rate) == (12, 2, 1, 1 / 12)


def test_a_target_of_the_province_is_reported_by_the_department() -> None:
    values = (value("snv", 99, TODAY, "2.1"), value("stttt", 20, TODAY, "2.1"))
    line = figures(make_state(values=values)).targets[0]
    assert (line.tier, line.bound, line.reported, line.attained) == (None, 1, 1, 1)


def test_targets_are_told_apart_by_the_day_they_come_into_force() -> None:
    all_met = tuple(value(code, 100, TODAY) for code, a in agencies().items() if a.tier is Tier.DEPARTMENT)
    progress = figures(make_state(values=all_met))
    assert progress.targets_in_force == ("2.3",)
    assert progress.targets_met == ("2.3",)
    assert [line.code for line in progress.targets_to_come] == ["2.4"]
    assert figures(make_state()).targets_unreported == ("2.3",)
    assert figures(make_state(values=all_met[1:])).targets_met == ()


def test_the_json_form_has_the_documented_keys_and_plain_values() -> None:
    state, forecasts = whole_province()
    found = json.loads(json.dumps(figures(state, forecasts).as_dict()))
    assert {"as_of", "filing", "tasks", "rates", "targets", "agencies", "overdue", "at_risk"} <= set(found)
    assert {"owed", "filed", "missing"} <= set(found["filing"])
    assert {"total", *PARTS} <= set(found["tasks"])
    assert found["as_of"] == "2020-06-05"
    assert found["tasks"]["total"] == sum(found["tasks"][part] for part in PARTS)
    assert len(found["overdue"]) == found["tasks"]["open_overdue"] > 5
    assert len(found["at_risk"]) == 5


def test_an_agency_outside_the_filing_tiers_owes_nothing_but_its_tasks_count() -> None:
    only = replace(directive(), filing_tiers=(Tier.DISTRICT,))
    progress = figures(make_state(make_task("snv"), order=only))
    row = next(row for row in progress.agencies if row.code == "snv")
    assert (row.filed, row.counts.total) == (None, 1)
    assert {agencies()[code].tier for code in owing(progress)} == {Tier.DISTRICT}
