"""A task that stands under a new number is asked about, and keeps everything that became of it when that is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from planner.domain.notification import Notice
from planner.domain.plan import PlannedTask, TaskRecord
from planner.domain.status import PlanState, TaskState
from planner.errors import InputRejected, Problem, UsageRefused
from planner.service import filing, tasks
from planner.service import plans as views
from planner.service.desk import Desk
from planner.service.renumbering import Answers, answers
from planner.store import events, ledger, ledger_view, outbox, plans
from planner.store.state import as_of, present
from tests.factories import (
    DIRECTIVE,
    NOW,
    POLICY,
    content,
    file_of,
    fill,
    focal,
    head,
    make_deadline,
    make_desk,
    make_notice,
    make_plan,
    make_task,
    moved,
)

ALL = Answers(all_renumbered=True)


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)
    fill(desk)
    yield desk
    desk.engine.dispose()


def named(*titles: str, **fields: Any) -> list[PlannedTask]:
    """Return tasks I.1, I.2 ... of these titles."""
    return [make_task(f"I.{n}", title=title, **fields) for n, title in enumerate(titles, start=1)]


def file(desk: Desk, folder: Path, planned: list[PlannedTask], given: Answers | None = None) -> filing.Filed:
    path = file_of(folder, make_plan(tasks=planned))
    return filing.file(desk, path, answers=given or Answers())


def asked(desk: Desk, folder: Path, planned: list[PlannedTask], given: Answers | None = None) -> list[Problem]:
    before = content(desk.engine)
    with pytest.raises(InputRejected) as rejected:
        file(desk, folder, planned, given)
    assert content(desk.engine) == before
    return [problem for problem in rejected.value.problems if problem.severity == "error"]


def standing(desk: Desk, agency: str = "stttt") -> dict[str, TaskRecord]:
    with desk.reading() as session:
        found = plans.task_records(session, plan=f"{DIRECTIVE}/{agency}", in_force=False)
    return {record.task.code: record for record in found.values()}


# --- asking ---


def test_a_renumbered_row_is_asked_about_at_its_cell_and_nothing_is_stored(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B"))
    [problem] = asked(desk, tmp_path, [make_task("I.1", title="A"), make_task("I.4", title="B")])
    assert (problem.code, problem.place.startswith("dòng ")) == ("renumbered", True)
    assert "--renumbered I.2=I.4" in problem.message
    assert "--replaced I.2" in problem.message


def test_checking_asks_too_and_takes_the_answer(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A"))
    path = file_of(tmp_path, make_plan(tasks=[make_task("I.9", title="A")]))
    assert "renumbered" in {problem.code for problem in filing.check(desk, path).problems}
    assert filing.check(desk, path, answers=ALL).problems == ()


def test_a_shift_and_a_swap_are_asked_about_though_every_number_still_stands(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B"))
    assert {problem.code for problem in asked(desk, tmp_path, named("B", "A"))} == {"renumbered"}
    assert len(asked(desk, tmp_path, named("mới", "A", "B"))) == 2


def test_a_plan_that_is_not_in_force_yet_may_be_renumbered_at_will(desk: Desk, tmp_path: Path) -> None:
    waiting = moved(desk, settings=replace(desk.settings, auto_accept=False))
    file(waiting, tmp_path, named("A", "B"))
    assert file(waiting, tmp_path, named("B", "A")).version == 2


def test_a_task_that_is_gone_is_told_with_what_is_much_like_it(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("Rà soát chữ ký số của cán bộ", "B"))
    changed = [make_task("I.7", title="Rà soát chữ ký số cho cán bộ"), make_task("I.2", title="B")]
    filed = file(desk, tmp_path, changed)
    [problem] = [one for one in filed.problems if one.code == "task_left_out"]
    assert problem.severity == "warning"
    assert "--renumbered I.1=I.7" in problem.message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Answers(renumbered={"I.9": "I.1"}), "I.9"),
        (Answers(renumbered={"I.1": "I.9"}), "I.9"),
        (Answers(renumbered={"I.1": "I.2"}), "I.2"),
        (Answers(renumbered={"I.1": "I.1"}), "I.1"),
        (Answers(replaced=frozenset({"I.9"})), "I.9"),
    ],
)
def test_an_answer_that_fits_no_task_is_a_problem(desk: Desk, tmp_path: Path, given: Answers, message: str) -> None:
    file(desk, tmp_path, named("A", "B"))
    problems = asked(desk, tmp_path, named("A mới", "B"), given)
    assert [problem.code for problem in problems] == ["renumbered_unknown"]
    assert message in problems[0].message


@pytest.mark.parametrize(
    ("renumbered", "replaced"),
    [
        (["I.3"], []),
        (["I.3="], []),
        (["I.3=I.4=I.5"], []),
        (["I.3=I.4", "I.3=I.5"], []),
        (["I.3=I.5", "I.4=I.5"], []),
        (["all"], ["all"]),
        (["I.3=I.4"], ["I.3"]),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(renumbered: list[str], replaced: list[str]) -> None:
    with pytest.raises(UsageRefused):
        answers(renumbered, replaced)


# --- the same task ---


def test_state_progress_evidence_and_extensions_go_with_the_task(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B", "C"))
    tasks.progress(desk, "stttt:I.1", 40, "")
    tasks.extend(desk, "stttt:I.2", to=date(2020, 6, 30), reason="chờ", document="7/CV")
    tasks.done(desk, "stttt:I.3", document="5/BC", on=date(2020, 5, 5), file=None)
    before = standing(desk)
    filed = file(moved(desk, now=NOW + timedelta(days=1)), tmp_path, named("mới", "A", "B", "C"), ALL)
    assert filed.renumbered == (("I.1", "I.2"), ("I.2", "I.3"), ("I.3", "I.4"))
    now = standing(desk)
    for old, new in filed.renumbered:
        kept = replace(before[old], task=replace(before[old].task, code=new))
        assert now[new] == kept
    assert (now["I.1"].state, now["I.1"].task.title, now["I.1"].extensions) == (TaskState.ASSIGNED, "mới", ())
    assert tasks.show(desk, "stttt:I.3")["extensions"][0]["to"] == date(2020, 6, 30)


def test_two_tasks_change_places(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B"))
    tasks.progress(desk, "stttt:I.1", 40, "")
    file(desk, tmp_path, named("B", "A"), Answers(renumbered={"I.1": "I.2", "I.2": "I.1"}))
    now = standing(desk)
    assert [(code, now[code].task.title, now[code].percent) for code in ("I.1", "I.2")] == [
        ("I.1", "B", 0),
        ("I.2", "A", 40),
    ]


def test_another_task_in_its_place_begins_anew_and_the_old_one_is_withdrawn(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B"))
    tasks.progress(desk, "stttt:I.2", 40, "")
    changed = [make_task("I.1", title="A"), make_task("I.4", title="B")]
    file(desk, tmp_path, changed, Answers(replaced=frozenset({"I.2"})))
    now = standing(desk)
    assert (now["I.2"].state, now["I.2"].percent) == (TaskState.WITHDRAWN, 40)
    assert (now["I.4"].state, now["I.4"].percent) == (TaskState.ASSIGNED, 0)


def test_a_task_whose_number_another_takes_is_not_lost(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B", "C"))
    tasks.done(desk, "stttt:I.1", document="5/BC", on=date(2020, 5, 5), file=None)
    tasks.confirm(desk, "stttt:I.1")
    file(desk, tmp_path, named("B", "C"), ALL)
    now = standing(desk)
    assert {code: (r.task.title, r.state) for code, r in now.items()} == {
        "I.1": ("B", TaskState.ASSIGNED),
        "I.2": ("C", TaskState.ASSIGNED),
        "I.1@1": ("A", TaskState.CONFIRMED),
    }
    assert tasks.show(desk, "stttt:I.1@1")["document"] == "5/BC"


def test_other_agencies_wait_for_the_same_task_as_before(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B"))
    theirs = [make_task("I.1", responsible=focal("vp-ubnd"), after=("stttt:I.1", "stttt:I.2"))]
    filing.file(desk, file_of(tmp_path, make_plan("vp-ubnd", theirs)))
    file(desk, tmp_path, named("B", "A"), ALL)
    assert standing(desk, "vp-ubnd")["I.1"].task.after == ("stttt:I.2", "stttt:I.1")
    file(desk, tmp_path, [make_task("I.5", title="A"), make_task("I.1", title="B")], ALL)
    shown = views.show(desk, "vp-ubnd")["goals"][0]["tasks"][0]
    assert set(shown["blocked_by"]) == {"stttt:I.1", "stttt:I.5"}


def test_who_still_writes_the_old_number_of_another_agencys_task_is_told(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B"))
    theirs = make_task("I.1", responsible=focal("vp-ubnd"), after=("stttt:I.1",))
    filing.file(desk, file_of(tmp_path, make_plan("vp-ubnd", [theirs])))
    file(desk, tmp_path, named("mới", "A", "B"), ALL)
    changed = make_plan("vp-ubnd", [replace(theirs, title="Tên mới")])
    [problem] = filing.file(desk, file_of(tmp_path, changed)).problems
    assert (problem.code, problem.severity, "stttt:I.2" in problem.message) == ("after_renumbered", "warning", True)
    right = make_plan("vp-ubnd", [replace(theirs, title="Tên mới nữa", after=("stttt:I.2",))])
    assert filing.file(desk, file_of(tmp_path, right)).problems == ()


def test_a_circle_is_found_under_the_new_numbers(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B"))
    theirs = [make_task("I.1", responsible=focal("vp-ubnd"), after=("stttt:I.1",))]
    filing.file(desk, file_of(tmp_path, make_plan("vp-ubnd", theirs)))
    closing = [make_task("I.1", title="B"), make_task("I.2", title="A", after=("vp-ubnd:I.1",))]
    assert {problem.code for problem in asked(desk, tmp_path, closing, ALL)} == {"cycle"}
    harmless = [make_task("I.1", title="B", after=("vp-ubnd:I.1",)), make_task("I.2", title="A")]
    assert file(desk, tmp_path, harmless, ALL).ok


def test_the_past_is_told_under_the_old_numbers_and_the_present_under_the_new(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B"))
    tasks.progress(desk, "stttt:I.1", 40, "")
    later = moved(desk, now=NOW + timedelta(days=2))
    file(later, tmp_path, named("mới", "A", "B"), ALL)
    with desk.reading() as session:
        then, now = as_of(session, NOW), as_of(session, later.now)
        assert now.tasks == present(session, later.now).tasks
        assert events.verify(session).ok
    assert then.tasks[f"{DIRECTIVE}/stttt:I.1"].percent == 40
    assert now.tasks[f"{DIRECTIVE}/stttt:I.2"].percent == 40
    assert now.tasks[f"{DIRECTIVE}/stttt:I.1"].percent == 0


def test_the_history_of_a_task_follows_it_and_leaves_out_who_bore_the_number_before(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B"))
    tasks.progress(desk, "stttt:I.1", 10, "của A")
    file(desk, tmp_path, named("mới", "A", "B"), ALL)
    tasks.progress(desk, "stttt:I.2", 20, "của A, lần hai")
    tasks.progress(desk, "stttt:I.1", 30, "của mới")
    file(desk, tmp_path, named("mới", "B", "A"), ALL)
    tasks.progress(desk, "stttt:I.3", 40, "của A, lần ba")

    def reasons(code: str) -> list[str]:
        return [one["reason"] for one in tasks.show(desk, f"stttt:{code}")["history"]]

    assert reasons("I.3") == ["của A", "I.1 -> I.2", "của A, lần hai", "I.2 -> I.3", "của A, lần ba"]
    assert reasons("I.1") == ["của mới"]


# --- the ledger ---


def told(desk: Desk) -> dict[tuple[str, str], str]:
    with desk.reading() as session:
        return {(row["subject"].split(":")[1], row["rung"]): row["key"] for row in ledger_view.ledger(session)}


def test_what_people_were_told_goes_with_the_task(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B"))
    notices = [make_notice(f"{DIRECTIVE}/stttt:I.1"), make_notice(f"{DIRECTIVE}/stttt:I.2", rung="due-3wd")]
    with desk.writing() as session:
        ledger.enqueue(session, notices, policy=POLICY, at=NOW)
    file(desk, tmp_path, named("B", "A"), ALL)

    def expected(notice: Notice, code: str) -> str:
        return replace(notice, subject=f"{DIRECTIVE}/stttt:{code}").key

    assert told(desk) == {
        ("I.2", "due-5wd"): expected(notices[0], "I.2"),
        ("I.1", "due-3wd"): expected(notices[1], "I.1"),
    }


def test_a_mail_that_names_the_old_number_and_was_not_sent_is_written_anew(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B"))
    mail = outbox.NewMail(
        kind="digest", recipient=focal("stttt"), day=NOW.date(), key="m", subject="I.1", message_id="<m>", body=b"I.1"
    )
    with desk.writing() as session:
        ledger.enqueue(session, [make_notice(f"{DIRECTIVE}/stttt:I.1")], policy=POLICY, at=NOW)
        assert outbox.save_mail(session, mail, ledger.queued(session), NOW)
    file(desk, tmp_path, named("mới", "A", "B"), ALL)
    with desk.reading() as session:
        assert [one.notice.subject for one in ledger.queued(session)] == [f"{DIRECTIVE}/stttt:I.2"]
        assert ledger_view.mail_counts(session) == {"obsolete": 1}


# --- when the department decides ---


@pytest.mark.parametrize("accepted", [True, False])
def test_a_renumbered_version_that_waits_changes_nothing_before_it_is_accepted(
    desk: Desk, tmp_path: Path, accepted: bool
) -> None:
    file(desk, tmp_path, named("A", "B"))
    tasks.progress(desk, "stttt:I.1", 40, "")
    before = standing(desk)
    waiting = moved(desk, settings=replace(desk.settings, auto_accept=False))
    file(waiting, tmp_path, named("B", "A"), ALL)
    assert standing(desk) == before
    shown = views.show(desk, "stttt", 2)["goals"][0]["tasks"]
    assert [(task["title"], task["state"]) for task in shown] == [("B", "assigned"), ("A", "in_progress")]
    filing.decide(waiting, "stttt", PlanState.ACCEPTED if accepted else PlanState.RETURNED, "xem lại")
    now = standing(desk)
    assert [now[code].percent for code in ("I.1", "I.2")] == ([0, 40] if accepted else [40, 0])


def test_an_answer_holds_for_the_version_that_takes_the_waiting_ones_place(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, named("A", "B"))
    tasks.progress(desk, "stttt:I.1", 40, "")
    waiting = moved(desk, settings=replace(desk.settings, auto_accept=False))
    file(waiting, tmp_path, named("mới", "A", "B"), ALL)
    assert file(waiting, tmp_path, named("mới", "A", "B", "thêm")).renumbered == (("I.1", "I.2"), ("I.2", "I.3"))
    filing.decide(waiting, "stttt", PlanState.ACCEPTED, "")
    assert standing(desk)["I.2"].percent == 40


# --- deadlines ---


def by(day: date, agency: str = "stttt") -> list[PlannedTask]:
    return [make_task("I.1", deadline=make_deadline(day), responsible=focal(agency))]


def test_an_officer_cannot_extend_by_filing_anew(desk: Desk, tmp_path: Path) -> None:
    officer = moved(desk, user=focal("snv"))
    path = file_of(tmp_path, make_plan("snv", by(date(2020, 5, 22), "snv")))
    filing.file(officer, path)
    later = file_of(tmp_path, make_plan("snv", by(date(2020, 6, 22), "snv")))
    with pytest.raises(InputRejected) as rejected:
        filing.file(officer, later)
    [problem] = [one for one in rejected.value.problems if one.severity == "error"]
    assert (problem.code, "22/5/2020" in problem.message, "22/6/2020" in problem.message) == (
        "deadline_moved",
        True,
        True,
    )
    assert "task extend" in problem.message
    filed = filing.file(moved(desk, user=head("stttt")), later)
    assert [one.severity for one in filed.problems if one.code == "deadline_moved"] == ["warning"]
    assert standing(desk, "snv")["I.1"].last_day == date(2020, 6, 22)


def test_where_the_department_accepts_each_version_a_later_day_is_a_warning(desk: Desk, tmp_path: Path) -> None:
    filing.file(desk, file_of(tmp_path, make_plan("snv", by(date(2020, 5, 22), "snv"))))
    waiting = moved(desk, user=focal("snv"), settings=replace(desk.settings, auto_accept=False))
    filed = filing.file(waiting, file_of(tmp_path, make_plan("snv", by(date(2020, 6, 22), "snv"))))
    assert [one.severity for one in filed.problems if one.code == "deadline_moved"] == ["warning"]


def test_an_earlier_day_is_taken_with_a_warning_and_a_granted_one_without(desk: Desk, tmp_path: Path) -> None:
    officer = moved(desk, user=focal("snv"))
    filing.file(officer, file_of(tmp_path, make_plan("snv", by(date(2020, 5, 22), "snv"))))
    tasks.extend(desk, "snv:I.1", to=date(2020, 6, 1), reason="chờ", document="7/CV")
    granted = filing.file(officer, file_of(tmp_path, make_plan("snv", by(date(2020, 6, 1), "snv"))))
    assert "deadline_moved" not in {one.code for one in granted.problems}
    earlier = filing.file(officer, file_of(tmp_path, make_plan("snv", by(date(2020, 5, 29), "snv"))))
    assert [one.severity for one in earlier.problems if one.code == "deadline_moved"] == ["warning"]


def test_a_deadline_does_not_move_under_a_result_and_that_is_told(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, by(date(2020, 5, 22)))
    tasks.done(desk, "stttt:I.1", document="5/BC", on=date(2020, 5, 5), file=None)
    filed = file(desk, tmp_path, by(date(2020, 6, 22)))
    assert [one.code for one in filed.problems] == ["deadline_kept"]
    assert standing(desk)["I.1"].last_day == date(2020, 5, 22)
