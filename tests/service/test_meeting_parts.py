"""Where renumbering meets filing of folders, waiting versions and other agencies' plans: log and tables stay one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from planner.domain.graph import circles
from planner.domain.plan import PlannedTask
from planner.domain.status import PlanState
from planner.errors import Refused
from planner.service import filing, folder
from planner.service.desk import Desk
from planner.service.renumbering import Answers
from planner.store import plans
from planner.store.state import as_of, present
from tests.factories import file_of, fill, focal, make_desk, make_plan, make_task, moved

A, B, C = "stttt", "snv", "vp-ubnd"


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)
    fill(desk)
    yield desk
    desk.engine.dispose()


def plan_file(folder: Path, agency: str, *tasks: PlannedTask) -> Path:
    own = [replace(task, responsible=focal(agency)) for task in tasks]
    return file_of(folder, make_plan(agency, own), f"{agency}.yaml")


def file(desk: Desk, folder: Path, agency: str, *tasks: PlannedTask, **answers: Any) -> filing.Filed:
    return filing.file(desk, plan_file(folder, agency, *tasks), answers=Answers(**answers))


def by_hand(desk: Desk) -> Desk:
    return moved(desk, settings=replace(desk.settings, auto_accept=False))


def test_two_predecessors_that_become_one_are_one_in_the_log_and_in_the_tables(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, A, make_task("I.3", title="Khảo sát"))
    file(desk, tmp_path, B, make_task("I.1", title="Chờ", after=(f"{A}:I.3", f"{A}:I.4")))
    file(desk, tmp_path, A, make_task("I.4", title="Khảo sát"), renumbered={"I.3": "I.4"})
    with desk.reading() as session:
        tables, log = present(session, desk.now, content=True).tasks, as_of(session, desk.now).tasks
    assert tables == log
    assert [task.task.after for task in log.values() if task.agency == B and task.task.title == "Chờ"] == [
        (f"{A}:I.4",)
    ]


def test_a_task_that_gives_its_number_away_closes_no_circle(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, A, make_task("I.3", title="Khảo sát"), make_task("I.4", title="Mua máy tính"))
    file(desk, tmp_path, B, make_task("I.1", title="Chờ", after=(f"{A}:I.4",)))
    found = file(desk, tmp_path, A, make_task("I.4", title="Khảo sát", after=(f"{B}:I.1",)), renumbered={"I.3": "I.4"})
    assert found.ok
    with desk.reading() as session:
        assert present(session, desk.now, content=True).tasks == as_of(session, desk.now).tasks


def test_a_version_that_waited_while_numbers_changed_places_is_not_accepted(desk: Desk, tmp_path: Path) -> None:
    first, second = make_task("I.3", title="Khảo sát"), make_task("I.4", title="Mua máy tính")
    file(desk, tmp_path, A, first, second)
    file(by_hand(desk), tmp_path, B, make_task("I.1", title="Chờ", after=(f"{A}:I.3",)))
    swapped = (replace(second, code="I.3"), replace(first, code="I.4"))
    file(desk, tmp_path, A, *swapped, renumbered={"I.3": "I.4", "I.4": "I.3"})
    with pytest.raises(Refused, match=f"{A}:I.3"):
        filing.decide(by_hand(desk), B, PlanState.ACCEPTED, "")


def test_a_folder_files_no_circle_through_a_renumbering_that_waited(desk: Desk, tmp_path: Path) -> None:
    file(desk, tmp_path, A, make_task("I.3", title="Khảo sát"))
    file(by_hand(desk), tmp_path, A, make_task("I.4", title="Khảo sát"), renumbered={"I.3": "I.4"})
    file(desk, tmp_path, C, make_task("I.1", title="Sau khảo sát", after=(f"{A}:I.3",)))
    box = tmp_path / "box"
    box.mkdir()
    plan_file(box, A, make_task("I.4", title="Khảo sát", after=(f"{B}:I.1",)))
    plan_file(box, B, make_task("I.1", title="Chờ", after=(f"{C}:I.1",)))
    folder.file_all(desk, box, on_files=lambda _n: None, on_start=lambda _n: None)
    with desk.reading() as session:
        edges = plans.dependencies(session)
    assert not circles({key for edge in edges for key in edge}, edges)
