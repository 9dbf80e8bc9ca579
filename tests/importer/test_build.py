"""A sound draft becomes the plan it states, word for word where words matter."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from planner.domain.plan import PlannedTask
from planner.importer import load
from tests.importer.plan_files import GOAL, A, register, rows, task, workbook


def built(folder: Path, **fields: Any) -> PlannedTask:
    loaded = load(workbook(folder, rows(GOAL, task(1), task(2, **fields))), register())
    assert loaded.plan is not None, loaded.problems
    return loaded.plan.tasks[1]


def test_the_deadline_is_kept_word_for_word(tmp_path: Path) -> None:
    deadline = built(tmp_path, due="Chậm nhất ngày 25.12.2020").deadline
    assert (deadline.text, deadline.last_day) == ("Chậm nhất ngày 25.12.2020", date(2020, 12, 25))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (A, A),
        (A.upper(), A),
        ("Nguyễn Văn A", A),
        ("Đ/c Nguyễn Văn A - Giám đốc", A),
        ("Giám đốc", A),
        ("Giám đốc Sở", "Giám đốc Sở"),
        ("nguoi.moi@stttt.example.vn", "nguoi.moi@stttt.example.vn"),
        ("Nguyễn  Văn\nMới", "Nguyễn Văn Mới"),
    ],
)
def test_the_responsible_person_is_a_registered_mailbox_or_what_was_filed(
    tmp_path: Path, written: str, kept: str
) -> None:
    assert built(tmp_path, responsible=written).responsible == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("1", ("I.1",)),
        (1, ("I.1",)),
        ("I.1", ("I.1",)),
        ("Nhiệm vụ I.1", ("I.1",)),
        ("stttt:I.1", ("I.1",)),
        ("VP-UBND: II.3, I.1", ("vp-ubnd:II.3", "I.1")),
        ("kl-2020-04-29/vp-ubnd:II.3", ("vp-ubnd:II.3",)),
        ("assigned/vp-ubnd:3.3.7", ("assigned/vp-ubnd:3.3.7",)),
        ("I.1; I.1", ("I.1",)),
    ],
)
def test_predecessors_are_kept_under_one_name(tmp_path: Path, written: object, kept: tuple[str, ...]) -> None:
    assert built(tmp_path, after=written).after == kept


def test_a_range_gives_the_start_that_no_column_gives(tmp_path: Path) -> None:
    found = built(tmp_path, due="từ ngày 04/5/2020 đến hết ngày 15/5/2020")
    assert (found.start, found.deadline.last_day) == (date(2020, 5, 4), date(2020, 5, 15))
    assert built(tmp_path, due="Tháng 5/2020").start is None


def test_lines_in_a_deliverable_stay_and_lines_in_a_title_do_not(tmp_path: Path) -> None:
    found = built(tmp_path, title="Rà soát\nchữ ký số", deliverable="Báo cáo;\nDanh sách")
    assert (found.title, found.deliverable) == ("Rà soát chữ ký số", "Báo cáo;\nDanh sách")
