"""Filing: all of a plan or nothing, as often as one likes, and never in a circle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from planner import i18n
from planner.domain.plan import Plan, TaskRecord
from planner.domain.status import PlanState, TaskState
from planner.errors import InputRejected, NotFound, PermissionRefused, Refused
from planner.service import filing, tasks
from planner.service import folder as folders
from planner.service import plans as views
from planner.service.desk import Desk
from planner.store import plans
from planner.store.state import present
from tests.factories import (
    DIRECTIVE,
    MERGER,
    NOW,
    at,
    content,
    file_of,
    fill,
    focal,
    head,
    make_deadline,
    make_desk,
    make_plan,
    make_task,
    moved,
)


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)
    fill(desk)
    yield desk
    desk.engine.dispose()


@pytest.fixture
def waiting(desk: Desk) -> Desk:
    """Return a desk whose department accepts plans itself."""
    return moved(desk, settings=replace(desk.settings, auto_accept=False))


def file(desk: Desk, folder: Path, plan: Plan, **options: Any) -> filing.Filed:
    return filing.file(desk, file_of(folder, plan), **options)


def record(desk: Desk, code: str, agency: str = "stttt") -> TaskRecord:
    key = f"{DIRECTIVE}/{agency}:{code}"
    with desk.reading() as session:
        return plans.task_records(session, keys=[key], in_force=False)[key]


def owing(desk: Desk) -> set[str]:
    return {row["agency"] for row in views.missing(desk, None)}


def test_a_filed_plan_has_a_receipt_and_its_tasks_are_in_force(desk: Desk, tmp_path: Path) -> None:
    filed = file(desk, tmp_path, make_plan())
    assert (filed.plan, filed.agency, filed.version, filed.receipt) == (f"{DIRECTIVE}/stttt", "stttt", 1, "0003/2020")
    assert (filed.state, filed.tasks, filed.unchanged, filed.problems) == ("accepted", 2, False, ())
    task = record(desk, "I.2")
    assert (task.state, task.last_day, task.assigned_on) == (TaskState.ASSIGNED, date(2020, 5, 22), date(2020, 5, 5))
    assert task.task.after == ("I.1",)


def test_receipts_run_through_the_year_and_begin_anew(desk: Desk, tmp_path: Path) -> None:
    receipts = [file(desk, tmp_path, make_plan(agency)).receipt for agency in ("stttt", "snv")]
    later = moved(desk, now=at(date(2021, 1, 4)))
    assert [*receipts, file(later, tmp_path, make_plan("vp-ubnd")).receipt] == ["0003/2020", "0004/2020", "0001/2021"]


def test_the_same_file_again_changes_nothing_and_has_the_same_receipt(desk: Desk, tmp_path: Path) -> None:
    first = file(desk, tmp_path, make_plan())
    before = content(desk.engine)
    again = file(moved(desk, now=NOW + timedelta(days=3)), tmp_path, make_plan())
    assert (again.receipt, again.version, again.unchanged) == (first.receipt, 1, True)
    assert content(desk.engine) == before


def test_the_language_of_the_clerk_does_not_make_a_new_version(desk: Desk, tmp_path: Path) -> None:
    routine = make_task("I.1", deadline=make_deadline(None))
    with i18n.speaking("vi"):
        file(desk, tmp_path, make_plan(tasks=[routine]))
    with i18n.speaking("en"):
        assert file(desk, tmp_path, make_plan(tasks=[routine])).unchanged


def test_a_changed_plan_is_the_next_version_and_each_task_keeps_its_history(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, make_plan(tasks=[make_task(f"I.{n}") for n in (1, 2, 3)]))
    tasks.progress(desk, "stttt:I.1", 40, "")
    tasks.done(desk, "stttt:I.2", document="5/BC", on=date(2020, 5, 5), file=None)
    changed = [
        make_task("I.1", title="Tên mới", deadline=make_deadline(date(2020, 6, 1))),
        make_task("I.2", deadline=make_deadline(date(2020, 6, 1))),
        make_task("I.4"),
    ]
    handed_in = record(desk, "I.2")
    later = moved(desk, now=NOW + timedelta(days=2))
    filed = file(later, tmp_path, make_plan(tasks=changed))
    assert (filed.version, filed.unchanged) == (2, False)
    kept, refiled, gone, new = (record(desk, f"I.{n}") for n in (1, 2, 3, 4))
    assert (kept.task.title, kept.state, kept.percent) == ("Tên mới", TaskState.IN_PROGRESS, 40)
    assert (kept.last_day, kept.deadline_revision) == (date(2020, 6, 1), 1)
    # A result that is handed in is judged by the deadline it was done under.
    assert (refiled.last_day, refiled.deadline_revision) == (handed_in.last_day, handed_in.deadline_revision)
    assert refiled.state is TaskState.SUBMITTED
    assert (gone.state, new.state) == (TaskState.WITHDRAWN, TaskState.ASSIGNED)
    assert (kept.assigned_on, new.assigned_on) == (date(2020, 5, 5), date(2020, 5, 7))


def test_an_extended_deadline_survives_a_version_that_does_not_touch_it(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, make_plan())
    tasks.extend(desk, "stttt:I.1", to=date(2020, 6, 30), reason="chờ", document="7/CV")
    file(desk, tmp_path, make_plan(number="13/KH"))
    assert record(desk, "I.1").last_day == date(2020, 6, 30)


def test_a_task_left_out_and_filed_again_is_open_and_has_no_old_result(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, make_plan())
    tasks.done(desk, "stttt:I.2", document="5/BC", on=date(2020, 5, 5), file=None)
    file(desk, tmp_path, make_plan(tasks=[make_task("I.1")]))
    file(desk, tmp_path, make_plan())
    task = record(desk, "I.2")
    assert (task.state, task.done_on, task.recorded_on, task.result) == (TaskState.ASSIGNED, None, None, None)


def test_a_confirmed_task_left_out_stays_confirmed(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, make_plan())
    tasks.done(desk, "stttt:I.2", document="5/BC", on=date(2020, 5, 5), file=None)
    tasks.confirm(desk, "stttt:I.2")
    file(desk, tmp_path, make_plan(tasks=[make_task("I.1")]))
    assert record(desk, "I.2").state is TaskState.CONFIRMED


def test_a_file_with_a_problem_stores_nothing_and_tells_all_of_them(desk: Desk, tmp_path: Path) -> None:
    before = content(desk.engine)
    bad = [make_task("I.1", deadline=make_deadline(text="31/02/2020")), make_task("I.2", after=("I.9",))]
    with pytest.raises(InputRejected) as rejected:
        file(desk, tmp_path, make_plan(tasks=[*bad, make_task("I.3")]))
    assert {"after_unknown"} < {problem.code for problem in rejected.value.problems}
    assert all(problem.place for problem in rejected.value.problems)
    assert content(desk.engine) == before


def test_checking_writes_nothing(desk: Desk, tmp_path: Path) -> None:
    before = content(desk.engine)
    assert filing.check(desk, file_of(tmp_path, make_plan())).ok
    assert content(desk.engine) == before


# --- permission ---


def test_an_officer_files_for_the_own_agency_and_the_department_for_all(desk: Desk, tmp_path: Path) -> None:
    assert file(moved(desk, user=focal("snv")), tmp_path, make_plan("snv")).ok
    assert file(moved(desk, user=focal("stttt").upper()), tmp_path, make_plan("vp-ubnd")).ok


def test_an_officer_of_another_agency_is_refused_and_nothing_is_stored(desk: Desk, tmp_path: Path) -> None:
    before = content(desk.engine)
    with pytest.raises(PermissionRefused) as refused:
        file(moved(desk, user=focal("snv")), tmp_path, make_plan("vp-ubnd"))
    assert (refused.value.exit_code, content(desk.engine)) == (4, before)


def test_somebody_whom_nobody_knows_is_refused(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(PermissionRefused):
        file(moved(desk, user="nguoi.la@example.vn"), tmp_path, make_plan())


def test_the_department_alone_decides_on_plans(waiting: Desk, tmp_path: Path) -> None:
    file(waiting, tmp_path, make_plan("snv"))
    with pytest.raises(PermissionRefused):
        filing.decide(moved(waiting, user=head("snv")), "snv", PlanState.ACCEPTED, "")
    assert filing.decide(moved(waiting, user=head("stttt")), "snv", PlanState.ACCEPTED, "")["state"] == "accepted"


# --- who owes a plan ---


def test_a_plan_is_missing_until_it_is_accepted_and_again_when_it_is_returned(waiting: Desk, tmp_path: Path) -> None:
    everybody = {"stttt", "vp-ubnd", "snv", "h-tinh-gia"}
    assert owing(waiting) == everybody
    assert file(waiting, tmp_path, make_plan()).state == "submitted"
    assert owing(waiting) == everybody
    filing.decide(waiting, "stttt", PlanState.ACCEPTED, "")
    assert owing(waiting) == everybody - {"stttt"}
    filing.decide(waiting, "stttt", PlanState.RETURNED, "thiếu chỉ tiêu 2.3")
    assert owing(waiting) == everybody


def test_a_missing_plan_tells_its_deadline_and_the_working_days_since(desk: Desk) -> None:
    rows = {r["agency"]: r for r in views.missing(moved(desk, now=at(date(2020, 5, 12))), None)}
    assert rows["snv"] | {"name": ""} == {
        "agency": "snv",
        "name": "",
        "tier": "department",
        "parent": None,
        "filing_deadline": "2020-05-08",
        "days_late": 2,
    }
    assert {r["days_late"] for r in views.missing(moved(desk, now=at(date(2020, 5, 8), 23)), None)} == {0}


def test_the_successor_owes_what_the_predecessor_owed(desk: Desk) -> None:
    assert owing(moved(desk, now=at(MERGER) - timedelta(hours=9))) >= {"h-tinh-gia"}
    after = owing(moved(desk, now=at(MERGER)))
    assert "tx-nghi-son" in after
    assert "h-tinh-gia" not in after


def test_the_successor_keeps_the_plan_that_the_predecessor_filed(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, make_plan("h-tinh-gia"))
    assert owing(moved(desk, now=at(MERGER))) == {"stttt", "vp-ubnd", "snv"}


def test_the_successors_people_act_for_the_predecessors_tasks(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, make_plan("h-tinh-gia"))
    before = moved(desk, user=focal("tx-nghi-son"), now=at(MERGER) - timedelta(days=1))
    with pytest.raises(PermissionRefused):
        tasks.start(before, "h-tinh-gia:I.1")
    after = moved(before, now=at(MERGER))
    assert tasks.start(after, "h-tinh-gia:I.1")["state"] == "in_progress"


# --- decisions ---


def test_a_submitted_plan_puts_no_task_in_force(waiting: Desk, tmp_path: Path) -> None:
    file(waiting, tmp_path, make_plan())
    with pytest.raises(NotFound):
        tasks.start(waiting, "stttt:I.1")
    shown = views.show(waiting, "stttt")
    assert [task["code"] for goal in shown["goals"] for task in goal["tasks"]] == ["I.1", "I.2"]
    filing.decide(waiting, "stttt", PlanState.ACCEPTED, "")
    assert tasks.start(waiting, "stttt:I.1")["state"] == "in_progress"


def test_a_returned_plan_is_out_of_force_and_can_be_filed_again(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, make_plan())
    tasks.progress(desk, "stttt:I.1", 40, "")
    filing.decide(desk, "stttt", PlanState.RETURNED, "thiếu")
    with pytest.raises(NotFound):
        tasks.show(desk, "stttt:I.1")
    again = file(desk, tmp_path, make_plan())
    assert (again.version, again.unchanged) == (2, False)
    assert record(desk, "I.1").percent == 40


def test_while_a_new_version_waits_the_old_one_is_in_force(desk: Desk, waiting: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, make_plan())
    file(waiting, tmp_path, make_plan(tasks=[make_task("I.1")]))
    with desk.reading() as session:
        state = present(session, NOW)
    assert (state.plans[f"{DIRECTIVE}/stttt"].version, record(desk, "I.2").state) == (1, TaskState.ASSIGNED)
    filing.decide(waiting, "stttt", PlanState.ACCEPTED, "")
    assert record(desk, "I.2").state is TaskState.WITHDRAWN


def test_a_plan_is_decided_once(waiting: Desk, tmp_path: Path) -> None:
    file(waiting, tmp_path, make_plan())
    filing.decide(waiting, "stttt", PlanState.ACCEPTED, "")
    with pytest.raises(Refused):
        filing.decide(waiting, "stttt", PlanState.ACCEPTED, "")
    filing.decide(waiting, "stttt", PlanState.RETURNED, "thiếu")
    for state in (PlanState.RETURNED, PlanState.ACCEPTED):
        with pytest.raises(Refused):
            filing.decide(waiting, "stttt", state, "thiếu")


def test_what_the_directive_itself_gave_cannot_be_returned(desk: Desk) -> None:
    with pytest.raises(Refused):
        filing.decide(desk, "assigned/stttt", PlanState.RETURNED, "không làm")
    assert tasks.show(desk, "assigned/stttt:3.3.7")["state"] == "assigned"


def test_a_plan_is_returned_with_a_reason(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, make_plan())
    with pytest.raises(InputRejected):
        filing.decide(desk, "stttt", PlanState.RETURNED, "  ")


def test_a_plan_that_was_never_filed_cannot_be_decided(desk: Desk) -> None:
    with pytest.raises(NotFound):
        filing.decide(desk, "snv", PlanState.ACCEPTED, "")


# --- circles across plans ---


def _first(agency: str, after: str) -> Plan:
    return make_plan(agency, [make_task("I.1", responsible=focal(agency), after=(after,))])


def test_a_circle_across_agencies_is_refused_with_its_path(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, _first("stttt", "vp-ubnd:I.1"))
    file(desk, tmp_path, _first("vp-ubnd", "snv:I.1"))
    before = content(desk.engine)
    with pytest.raises(InputRejected) as rejected:
        file(desk, tmp_path, _first("snv", "stttt:I.1"))
    [problem] = [p for p in rejected.value.problems if p.severity == "error"]
    assert problem.code == "cycle"
    path = problem.place.split(" -> ")
    assert path[0] == path[-1]
    assert set(path) == {"stttt:I.1", "vp-ubnd:I.1", "snv:I.1"}
    assert content(desk.engine) == before


def test_checking_finds_the_circle_too(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, _first("stttt", "vp-ubnd:I.1"))
    loaded = filing.check(desk, file_of(tmp_path, _first("vp-ubnd", "stttt:I.1")))
    assert "cycle" in {problem.code for problem in loaded.problems}


def test_a_circle_is_refused_when_the_plans_waited_for_a_decision(waiting: Desk, tmp_path: Path) -> None:
    file(waiting, tmp_path, _first("stttt", "vp-ubnd:I.1"))
    file(waiting, tmp_path, _first("vp-ubnd", "stttt:I.1"))
    filing.decide(waiting, "stttt", PlanState.ACCEPTED, "")
    with pytest.raises(Refused) as refused:
        filing.decide(waiting, "vp-ubnd", PlanState.ACCEPTED, "")
    assert "stttt:I.1" in refused.value.message
    assert "vp-ubnd" in owing(waiting)


def test_a_new_version_may_open_the_way(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, _first("stttt", "vp-ubnd:I.1"))
    other = make_task("I.2", title="Việc khác")
    file(desk, tmp_path, make_plan("stttt", [other]))  # I.1 is withdrawn and waits no more
    assert file(desk, tmp_path, _first("vp-ubnd", "stttt:I.1")).ok
    assert views.show(desk, "vp-ubnd")["goals"]


def test_a_chain_without_a_circle_is_welcome(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, _first("stttt", "vp-ubnd:I.1"))
    assert file(desk, tmp_path, _first("vp-ubnd", "snv:I.1")).ok
    shown = views.show(desk, "stttt")["goals"][0]["tasks"][0]
    assert shown["blocked_by"] == ["vp-ubnd:I.1"]


# --- a folder ---


def _all(desk: Desk, path: Path) -> folders.FiledAll:
    return folders.file_all(desk, path, on_files=lambda _n: None, on_start=lambda _n: None)


def test_of_a_folder_each_file_stands_for_itself(desk: Desk, tmp_path: Path) -> None:
    for agency in ("stttt", "snv"):
        file_of(tmp_path, make_plan(agency))
    file_of(tmp_path, make_plan("nobody"))
    (tmp_path / "broken.yaml").write_text("goals: [")
    (tmp_path / "picture.png").write_text("not a plan")
    (tmp_path / "folder.yaml").mkdir()
    result = _all(desk, tmp_path)
    assert {one.file: one.ok for one in result.files} == {
        "broken.yaml": False,
        "folder.yaml": False,
        "nobody.yaml": False,
        "snv.yaml": True,
        "stttt.yaml": True,
    }
    assert (result.filed, result.refused) == (2, 3)
    assert all(one.problems for one in result.files if not one.ok)


def test_a_folder_filed_again_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    for agency in ("stttt", "snv"):
        file_of(tmp_path, make_plan(agency))
    first = _all(desk, tmp_path)
    before = content(desk.engine)
    again = _all(desk, tmp_path)
    assert [one.receipt for one in again.files] == [one.receipt for one in first.files]
    assert all(one.unchanged for one in again.files)
    assert content(desk.engine) == before


def test_an_officer_files_only_the_own_plan_of_a_folder(desk: Desk, tmp_path: Path) -> None:
    for agency in ("vp-ubnd", "snv"):
        file_of(tmp_path, make_plan(agency))
    result = _all(moved(desk, user=focal("snv")), tmp_path)
    assert {one.file: one.ok for one in result.files} == {"snv.yaml": True, "vp-ubnd.yaml": False}


@pytest.mark.parametrize("make", [False, True])
def test_a_folder_that_is_missing_or_empty_is_not_found(desk: Desk, tmp_path: Path, make: bool) -> None:
    folder = tmp_path / "plans"
    if make:
        folder.mkdir()
    with pytest.raises(NotFound):
        _all(desk, folder)
