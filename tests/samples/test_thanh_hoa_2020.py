"""The sample of 2020: the register on two days, the notice, the people, the plan files and what happens to them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pytest
import yaml

from planner.config import ZONE
from planner.domain.agency import OfficerRole, Tier, name_key
from planner.domain.calendar import EVERY_DAY
from planner.domain.deadline import DeadlineKind
from planner.domain.plan import Goal, Plan, PlanKind, PlannedTask, task_key
from planner.domain.status import TaskState
from planner.importer import Register
from planner.importer import load as load_plan
from planner.importer.registers import mailbox
from planner.samples.thanh_hoa_2020 import Sample, load
from planner.samples.thanh_hoa_2020.people import officers
from planner.samples.thanh_hoa_2020.plans import make_plans, plan_of, write_plans
from planner.samples.thanh_hoa_2020.story import FIRST, LAST, Event, story

NOTICE_DAY, AFTER = date(2020, 4, 29), date(2020, 6, 1)


@pytest.fixture(scope="module")
def sample() -> Sample:
    """Load the sample once."""
    return load()


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    """Give the sample plans as they are filed."""
    return [plan_of(one) for one in make_plans()]


@pytest.fixture(scope="module")
def events(plans: list[Plan]) -> list[Event]:
    """Tell the story once."""
    return story(plans)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Write the plan files once."""
    return write_plans(tmp_path_factory.mktemp("plans"))


# --- the register ---


@pytest.mark.parametrize("day", [NOTICE_DAY, date(2020, 5, 31), AFTER, date(2020, 12, 31)])
def test_there_are_606_agencies_on_every_day_of_the_story(sample: Sample, day: date) -> None:
    valid = [agency for agency in (*sample.agencies, *sample.changes) if agency.is_valid_on(day)]
    assert Counter(agency.tier for agency in valid) == {Tier.DEPARTMENT: 20, Tier.DISTRICT: 27, Tier.COMMUNE: 559}
    codes = {agency.code for agency in valid}
    assert all(agency.parent is None or agency.parent in codes for agency in valid)
    assert all((agency.parent is None) == (agency.tier is not Tier.COMMUNE) for agency in valid)


def test_the_register_of_the_notice_day_alone_holds_all_606(sample: Sample) -> None:
    assert len(sample.agencies) == 606
    assert all(agency.is_valid_on(NOTICE_DAY) for agency in sample.agencies)


def test_the_district_and_its_communes_are_taken_over_wholly_on_the_first_of_june(sample: Sample) -> None:
    ending = {agency.code for agency in sample.agencies if agency.valid_to == AFTER - timedelta(days=1)}
    assert ending == {a.code for a in sample.agencies if a.code.partition(".")[0] == "h-tinh-gia"}
    assert {one.from_code for one in sample.successions} == ending
    assert {one.to_code for one in sample.successions} == {agency.code for agency in sample.changes}
    assert {(one.on, one.extent) for one in sample.successions} == {(AFTER, "whole")}
    assert all(agency.valid_from == AFTER for agency in sample.changes)
    wards = [agency for agency in sample.changes if agency.name.startswith("UBND phường")]
    assert (len(wards), len(sample.changes) - 1 - len(wards)) == (16, 15)
    moved = {one.from_code: one.to_code for one in sample.successions}
    assert moved["h-tinh-gia.tt-tinh-gia"] == "tx-nghi-son.p-hai-hoa"


# --- the notice ---


def test_the_notice_is_held_as_it_was_issued(sample: Sample) -> None:
    directive = sample.directive
    assert (directive.code, directive.issued_on, directive.number) == ("kl-2020-04-29", NOTICE_DAY, "")
    assert directive.filing_tiers == (Tier.DEPARTMENT, Tier.DISTRICT, Tier.COMMUNE)
    assert directive.filing_deadline == date(2020, 5, 8)
    assert "theo thời gian quy định" in directive.filing_deadline_note
    assert "người chịu trách nhiệm" in directive.filing_duty
    targets = {t.code: (t.value, t.tiers, t.holds_from or t.by) for t in directive.targets}
    department, district, commune = Tier.DEPARTMENT, Tier.DISTRICT, Tier.COMMUNE
    assert targets == {
        "2.1": (20, (), date(2020, 12, 31)),
        "2.2": (100, (), date(2020, 12, 31)),
        "2.2b": (50, (), date(2020, 12, 31)),
        "2.3": (100, (department,), date(2020, 5, 22)),
        "2.4": (100, (district,), date(2020, 6, 30)),
        "2.5": (100, (commune,), date(2020, 8, 30)),
        "2.6": (100, (department, district, commune), date(2020, 5, 22)),
        "2.7": (100, (department, district), date(2020, 8, 1)),
    }
    assert len(directive.recipients) == 8


def test_only_the_two_assignments_with_a_day_have_a_last_day(sample: Sample) -> None:
    given = {one.code: one for one in sample.directive.assignments}
    assert list(given) == [*(f"3.3.{n}" for n in range(1, 9)), "4"]
    assert {one.agency for code, one in given.items() if code != "4"} == {"stttt"}
    assert (given["4"].agency, given["4"].cooperating) == ("snv", ("stttt",))
    dated = {code: one.deadline.last_day for code, one in given.items() if one.deadline.last_day}
    assert dated == {"3.3.7": date(2020, 5, 14), "3.3.8": date(2020, 5, 14)}
    assert all(one.deadline.is_settled for one in given.values())
    assert {one.deadline.kind for code, one in given.items() if code not in dated} == {DeadlineKind.NONE}


# --- the people ---


def test_every_officer_has_an_address_of_his_own_that_a_register_accepts(sample: Sample) -> None:
    emails = [officer.email for officer in sample.officers]
    assert all(mailbox(email) == email and email.endswith(".example.vn") for email in emails)
    assert len(set(emails)) == len(emails) == 20 * 5 + 27 * 5 + 559 * 3 + 5 + 31 * 3


def test_every_agency_has_one_head_one_focal_officer_and_a_deputy_who_stands_in(sample: Sample) -> None:
    by_agency: dict[str, list[str]] = {}
    emails = {officer.email: officer for officer in sample.officers}
    for officer in sample.officers:
        by_agency.setdefault(officer.agency, []).append(officer.role.value)
        assert officer.substitute is not None
        stand_in = emails[officer.substitute]
        assert stand_in.agency == officer.agency
        assert stand_in is not officer
        if officer.role is OfficerRole.HEAD:
            assert stand_in.title.startswith("Phó ")
    agencies = {agency.code: agency for agency in (*sample.agencies, *sample.changes)}
    assert by_agency.keys() == agencies.keys()
    for code, roles in by_agency.items():
        members = 1 if agencies[code].tier is Tier.COMMUNE else 3
        assert Counter(roles) == {"head": 1, "focal": 1, "member": members}


def test_nobody_in_an_agency_shares_a_name(sample: Sample) -> None:
    names = Counter((officer.agency, name_key(officer.name)) for officer in sample.officers)
    assert max(names.values()) == 1


def test_people_serve_as_long_as_their_agency_exists(sample: Sample) -> None:
    agencies = {agency.code: agency for agency in (*sample.agencies, *sample.changes)}
    for officer in sample.officers:
        agency = agencies[officer.agency]
        assert (officer.valid_from, officer.valid_to) == (agency.valid_from, agency.valid_to)


def test_the_examples_of_the_documentation_name_real_officers_of_the_sample(sample: Sample) -> None:
    names = {officer.email: (officer.name, officer.agency, officer.role) for officer in sample.officers}
    member = OfficerRole.MEMBER
    assert names["nguyen.van.a@stttt.example.vn"] == ("Nguyễn Văn A", "stttt", member)
    assert names["tran.thi.b@stttt.example.vn"] == ("Trần Thị B", "stttt", member)
    assert names["giam.doc@stttt.example.vn"][1:] == ("stttt", OfficerRole.HEAD)


def test_the_people_of_the_former_district_keep_their_posts(sample: Sample) -> None:
    names = {(o.agency, o.role): o.name for o in sample.officers if o.role is not OfficerRole.MEMBER}
    for one in sample.successions:
        for role in (OfficerRole.HEAD, OfficerRole.FOCAL):
            assert names[one.from_code, role] == names[one.to_code, role]


def test_the_people_are_the_same_at_every_run(sample: Sample) -> None:
    assert officers(sample.agencies, sample.changes, sample.successions) == list(sample.officers)


# --- the plan files ---


def test_sixty_agencies_have_a_plan_file_most_of_them_a_workbook(sample: Sample, files: list[Path]) -> None:
    tiers = {agency.code: agency.tier for agency in sample.agencies}
    assert Counter(tiers[path.stem] for path in files) == {Tier.DEPARTMENT: 20, Tier.DISTRICT: 27, Tier.COMMUNE: 13}
    assert Counter(path.suffix for path in files) == {".xlsx": 42, ".yaml": 18}
    assert "h-tinh-gia.tt-tinh-gia" in {path.stem for path in files}


def test_every_file_is_read_without_a_complaint_and_gives_its_plan(
    sample: Sample, plans: list[Plan], files: list[Path]
) -> None:
    tasks = {task_key(plan.agency, task.code) for plan in plans for task in plan.tasks}
    register = Register(
        agencies={agency.code: agency for agency in (*sample.agencies, *sample.changes)},
        officers_by_email={officer.email: officer for officer in sample.officers},
        directives={sample.directive.code: sample.directive},
        calendar=lambda _name: EVERY_DAY,
        task_exists=tasks.__contains__,
        today=date(2020, 5, 8),
    )
    for path, plan in zip(files, plans, strict=True):
        loaded = load_plan(path, register)
        assert loaded.problems == (), path.name
        assert loaded.plan is not None
        assert (loaded.plan.number, loaded.plan.signed) == (plan.number, plan.signed)
        assert [(g.code, g.title, g.target) for g in loaded.plan.goals] == [
            (g.code, g.title, g.target) for g in plan.goals
        ]
        for filed, made in zip(loaded.plan.tasks, plan.tasks, strict=True):
            assert filed.deadline.last_day == made.deadline.last_day
            fields = ("code", "title", "responsible", "cooperating", "start", "duration", "deliverable", "after")
            assert [getattr(filed, name) for name in fields] == [getattr(made, name) for name in fields]


def test_a_workbook_opens_elsewhere_as_an_officer_would_have_laid_it_out(files: list[Path]) -> None:
    headings = set()
    for path in [path for path in files if path.suffix == ".xlsx"]:
        book = openpyxl.load_workbook(path)
        sheet = book["Kế hoạch"]
        lines = [cell.value for cell in sheet["A"][:12]]
        assert f"Mã cơ quan: {path.stem}" in lines
        assert "Văn bản giao: kl-2020-04-29" in lines
        assert any(re.fullmatch(r"Kế hoạch số \d+/KH-\w+ ngày \d\d/5/2020", str(line)) for line in lines)
        assert (sheet.page_setup.orientation, str(sheet.page_setup.paperSize)) == ("landscape", "9")
        assert sheet.freeze_panes == "C14"
        heading = sheet["B13"]
        assert (heading.font.name, heading.font.bold, heading.border.left.style) == ("Times New Roman", True, "thin")
        headings.add(tuple(cell.value for cell in sheet[13]))
    assert len(headings) > 10, "the agencies name their columns alike"


def test_the_plan_of_the_department_is_the_example_of_the_documentation(files: list[Path]) -> None:
    [path] = [path for path in files if path.stem == "stttt"]
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (document["number"], document["signed"]) == ("12/KH-STTTT", date(2020, 5, 4))
    first, second = document["goals"][0]["tasks"]
    assert (first["code"], first["due"]) == ("I.1", "trước ngày 15/5/2020")
    assert (first["responsible"], first["cooperating"]) == ("nguyen.van.a@stttt.example.vn", ["vp-ubnd"])
    assert (second["duration"], second["after"]) == (5, ["I.1", "vp-ubnd:II.3"])


def test_plans_are_of_moderate_size_and_spread_over_the_year(plans: list[Plan]) -> None:
    assert {len(plan.tasks) for plan in plans} <= set(range(6, 13))
    days = [task.deadline.last_day for plan in plans for task in plan.tasks if task.deadline.last_day]
    assert min(days) == date(2020, 5, 11)
    assert max(days) == date(2020, 12, 31)
    assert len({task.deadline.text for plan in plans for task in plan.tasks}) > 60
    assert all(date(2020, 5, 4) <= (plan.signed or FIRST) <= date(2020, 5, 8) for plan in plans)


def test_whoever_waits_waits_for_a_task_that_exists(plans: list[Plan]) -> None:
    tasks = {task_key(plan.agency, task.code): task for plan in plans for task in plan.tasks}
    assert {"vp-ubnd:II.3", "stttt:II.2"} <= tasks.keys()
    waiting = Counter(one for plan in plans for task in plan.tasks for one in task.after if ":" in one and one in tasks)
    assert sum(waiting.values()) == sum(":" in one for plan in plans for task in plan.tasks for one in task.after)
    assert waiting["vp-ubnd:II.3"] > 20
    assert waiting["stttt:II.2"] > 20


def test_two_runs_write_the_same_bytes(files: list[Path], tmp_path: Path) -> None:
    again = write_plans(tmp_path / "again")
    assert [path.name for path in again] == [path.name for path in files]
    for one, other in zip(files, again, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


# --- the story ---


def test_the_story_is_the_same_at_every_telling(plans: list[Plan], events: list[Event]) -> None:
    assert story(list(reversed(plans))) == events


def test_every_event_is_in_time_order_in_office_hours_and_within_the_story(events: list[Event]) -> None:
    assert [event.at for event in events] == sorted(event.at for event in events)
    for event in events:
        local = event.at.astimezone(ZONE)
        assert event.at.utcoffset() == timedelta()
        assert FIRST <= local.date() <= LAST
        assert local.weekday() < 5
        assert 8 <= local.hour < 17


def test_every_move_of_a_task_is_one_that_its_state_allows(plans: list[Plan], events: list[Event]) -> None:
    states = {task_key(plan.agency, task.code): TaskState.ASSIGNED for plan in plans for task in plan.tasks}
    moves = {
        "start": TaskState.IN_PROGRESS,
        "done": TaskState.SUBMITTED,
        "confirm": TaskState.CONFIRMED,
        "return": TaskState.RETURNED,
    }
    for event in events:
        if event.action == "extend":
            assert states[event.task].is_open
        elif event.action != "report_target":
            states[event.task].require(moves[event.action], event.task)
            states[event.task] = moves[event.action]
        if event.action == "done":
            assert event.data["done_on"] <= event.at.astimezone(ZONE).date()
            assert event.data["document"]


def test_everybody_acts_in_office_and_for_the_own_agency(sample: Sample, events: list[Event]) -> None:
    people = {officer.email: officer for officer in sample.officers}
    successor = {one.from_code: one.to_code for one in sample.successions}
    for event in events:
        actor, day = people[event.actor], event.at.astimezone(ZONE).date()
        assert actor.is_valid_on(day)
        if event.action in ("confirm", "return", "extend"):
            assert actor.agency == "stttt"
            continue
        agency = event.data["agency"] if event.action == "report_target" else event.task.partition(":")[0]
        assert actor.agency == (successor.get(agency, agency) if day >= AFTER else agency)


def test_nobody_finishes_before_what_he_waits_for(plans: list[Plan], events: list[Event]) -> None:
    done = {event.task: event.at for event in events if event.action == "done"}
    started = {event.task: event.at for event in events if event.action == "start"}
    for plan in plans:
        for task in plan.tasks:
            for before in task.after:
                key = before if ":" in before else task_key(plan.agency, before)
                if task_key(plan.agency, task.code) in started:
                    assert done[key] < started[task_key(plan.agency, task.code)]


def test_most_tasks_are_done_in_time_some_late_and_some_stay_overdue_for_long(
    plans: list[Plan], events: list[Event]
) -> None:
    done = {event.task: event.data["done_on"] for event in events if event.action == "done"}
    late: list[int] = []
    in_time = overdue = 0
    for plan in plans:
        for task in plan.tasks:
            last, key = task.deadline.last_day, task_key(plan.agency, task.code)
            if last is None or last > date(2020, 8, 31):
                continue
            in_time += key in done and done[key] <= last
            overdue += key not in done
            late += [(done[key] - last).days] if key in done and done[key] > last else []
    assert in_time > 2 * len(late)
    assert overdue > 10
    assert {"up to a week", "up to two", "up to four", "longer"} == {
        "up to a week" if n <= 7 else "up to two" if n <= 14 else "up to four" if n <= 28 else "longer" for n in late
    }
    actions = Counter(event.action for event in events)
    assert actions["return"] > 5
    assert actions["extend"] > 5


def test_the_two_tasks_that_others_wait_for_come_late(plans: list[Plan], events: list[Event]) -> None:
    last = {task_key(plan.agency, task.code): task.deadline.last_day for plan in plans for task in plan.tasks}
    done = {event.task: event.data["done_on"] for event in events if event.action == "done"}
    for key in ("vp-ubnd:II.3", "stttt:II.2"):
        due = last[key]
        assert due is not None
        assert done[key] > due


def test_agencies_report_values_for_the_targets_that_bind_them(sample: Sample, events: list[Event]) -> None:
    tiers = {agency.code: agency.tier for agency in (*sample.agencies, *sample.changes)}
    targets = {target.code: target for target in sample.directive.targets}
    reports = [event.data for event in events if event.action == "report_target"]
    assert {data["target"] for data in reports} == {"2.3", "2.4", "2.5", "2.6", "2.7"}
    for data in reports:
        assert tiers[data["agency"]] in targets[data["target"]].tiers
        assert 0 <= data["value"] <= 100
        assert data["on"] >= targets[data["target"]].holds_from
    assert {data["value"] for data in reports if data["target"] == "2.7"} == {0.0, 100.0}


def test_direct_assignments_are_part_of_the_story_when_they_are_given(sample: Sample) -> None:
    tasks = tuple(
        PlannedTask(code=one.code, title=one.title, responsible="giam.doc@stttt.example.vn", deadline=one.deadline)
        for one in sample.directive.assignments
        if one.agency == "stttt"
    )
    goal = Goal(code="3.3", title="Giao Sở Thông tin và Truyền thông", tasks=tasks)
    plan = Plan(agency="stttt", directive=sample.directive.code, kind=PlanKind.ASSIGNED, goals=(goal,))
    done = {event.task: event.data["done_on"] for event in story([plan]) if event.action == "done"}
    assert done.keys() == {"assigned/stttt:3.3.7", "assigned/stttt:3.3.8"}
    assert done["assigned/stttt:3.3.7"] <= date(2020, 5, 14) < done["assigned/stttt:3.3.8"]
