"""A table fits the terminal: what names a row stays whole, and what does not fit beside the rest stands below it."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from planner.cli import output
from planner.domain.agency import Tier
from planner.domain.status import TaskState, Timeliness
from planner.errors import Problem
from planner.i18n import speaking

KEY = "h-thieu-hoa.x-tan-chau:II.3"
MAIL = "dinh.van.vau@x-tan-chau.h-thieu-hoa.example.vn"
TITLE = "Cử cán bộ, công chức dự tập huấn và tự học sử dụng phần mềm Quản lý văn bản và Hồ sơ công việc"
COLUMNS = ("Nhiệm vụ", "Nội dung", "Người chịu trách nhiệm", "Ngày cuối của thời hạn", "Trạng thái", "Tình trạng")
ROW = (KEY, TITLE, MAIL, date(2020, 5, 14), TaskState.IN_PROGRESS, Timeliness.OVERDUE)


def printed(
    monkeypatch: pytest.MonkeyPatch,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    width: int | None,
    title: str = "",
) -> list[str]:
    """Return the lines of a table on a terminal of `width`; None: in a pipe."""
    file = io.StringIO()
    real = Console(file=file, width=width or 240, force_terminal=width is not None, color_system=None)
    monkeypatch.setattr(output, "console", lambda: real)
    with speaking("vi"):
        output.show_table(columns, rows, title=title)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160, 240, 400])
def test_keys_days_and_addresses_are_never_broken(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    lines = printed(monkeypatch, COLUMNS, [ROW], width=width)
    text = "\n".join(lines)
    assert all(len(line) <= width for line in lines)
    assert KEY in text
    assert MAIL in text
    assert "14/5/2020" in text
    for value in (TITLE, "đang thực hiện", "quá hạn"):
        assert all(word in text for word in value.split())


def test_where_there_is_room_a_row_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, COLUMNS, [ROW], width=300)
    assert [line for line in lines if KEY in line and TITLE in line and MAIL in line]
    assert len(lines) <= 3  # the headings may stand in two lines


def test_on_a_narrow_terminal_the_widest_texts_stand_below_with_their_headings(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, COLUMNS, [ROW], width=80)
    [row] = [line for line in lines if line.startswith(KEY)]
    assert "14/5/2020" in row
    assert "quá hạn" in row
    assert any(line.startswith("  Nội dung: Cử cán bộ") for line in lines)
    assert f"  Người chịu trách nhiệm: {MAIL}" in lines


def test_what_is_not_there_takes_no_line_below(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(monkeypatch, COLUMNS, [ROW, (KEY, TITLE, None, *ROW[3:])], width=80)
    assert sum(line.startswith("  Người chịu trách nhiệm") for line in lines) == 1


@pytest.mark.parametrize("many", [1, 5])
def test_in_a_pipe_each_row_is_one_line_whatever_its_length(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    lines = printed(monkeypatch, COLUMNS, [(KEY, TITLE * 5, *ROW[2:])] * many, width=None)
    rows = [line for line in lines if KEY in line]
    assert len(rows) == many
    assert all(TITLE * 5 in line and MAIL in line and not line.endswith(" ") for line in rows)


def test_a_title_stands_above_and_nothing_to_show_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, COLUMNS, [], width=80, title="I. Mục tiêu") == ["I. Mục tiêu", "Không có dữ liệu."]


def test_a_value_is_written_as_people_read_it() -> None:
    with speaking("vi"):
        assert output.text_of(TaskState.IN_PROGRESS) == "đang thực hiện"
        assert output.text_of([Tier.DEPARTMENT, Tier.COMMUNE]) == "Sở, ban, ngành cấp tỉnh; UBND cấp xã"
        assert output.text_of(date(2020, 5, 4)) == "04/5/2020"
        assert output.text_of(None) == "-"
        assert output.actor_name("local") == "người vận hành máy"
        assert output.actor_name("a@x.vn") == "a@x.vn"


widths = st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)).map(lambda two: (max(two), min(two))), min_size=1)


@given(widths, st.integers(20, 200))
def test_a_line_fits_whenever_its_first_column_does(pairs: list[tuple[int, int]], width: int) -> None:
    natural, least = [a for a, _ in pairs], [b for _, b in pairs]
    line, below = output.fitted(natural, least, width)
    assert sorted([*line, *below]) == list(range(len(pairs)))
    assert line[0] == natural[0]
    assert all(least[column] <= line[column] <= natural[column] for column in list(line)[1:])
    taken = sum(line.values()) + 2 * (len(line) - 1)
    assert taken <= width or list(line) == [0]
    if sum(natural) + 2 * (len(natural) - 1) <= width:
        assert not below


def test_a_pipe_is_no_terminal_and_a_terminal_is_one() -> None:
    master, slave = os.openpty()
    try:
        with os.fdopen(slave, "w") as terminal:
            assert output.console(terminal).is_terminal
        assert not output.console(io.StringIO()).is_terminal
    finally:
        os.close(master)


@pytest.mark.parametrize("width", [60, 100, None])
def test_a_long_place_leaves_room_for_its_message(monkeypatch: pytest.MonkeyPatch, width: int | None) -> None:
    file = io.StringIO()
    real = Console(file=file, width=width or 240, force_terminal=width is not None, color_system=None, emoji=False)
    monkeypatch.setattr(output, "console", lambda _file=None: real)
    problem = Problem(place="k" * 240 + ".csv", code="x", message="Ô này để trống :x: hãy ghi một ngày")
    with speaking("vi"):
        output.show_problems([problem])
    words = " ".join(line[-(width or 240) * 2 // 3 :] for line in file.getvalue().splitlines())
    assert all(word in words for word in problem.message.split())


def test_what_looks_like_an_emoji_is_shown_as_it_was_typed(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_problems([Problem(place="C7", code="x", message="kịp thời :x: postgres:x:101")])
    assert "kịp thời :x: postgres:x:101" in capsys.readouterr().out
