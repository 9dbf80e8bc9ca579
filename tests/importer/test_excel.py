"""Plans in Excel: finding the table, its goals, tasks and end, and what a workbook may hold instead of a value."""

from __future__ import annotations

import unicodedata
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from planner.domain.deadline import DeadlineKind
from planner.i18n import speaking
from planner.importer import Loaded, check, load
from planner.importer.grid import Grid
from planner.importer.sheet import read_grids
from tests.importer.plan_files import GOAL, HEADINGS, A, B, codes, only, register, rows, task, workbook


def loaded(folder: Path, *body: Any, **options: Any) -> Loaded:
    merge, edit = options.pop("merge", ()), options.pop("edit", None)
    return load(workbook(folder, rows(*body, **options), merge=merge, edit=edit), register())


def sound(result: Loaded) -> Any:
    assert result.plan is not None, [problem.as_dict() for problem in result.problems]
    return result.plan


def test_a_plan_with_title_block_goals_and_tasks_is_read(tmp_path: Path) -> None:
    plan = sound(
        loaded(
            tmp_path,
            GOAL,
            task(1, cooperating="Văn phòng UBND tỉnh và Sở Nội vụ"),
            task(2, after="1", responsible=B),
            ("II", "Phòng họp không giấy tờ"),
            task(1, after="I.2; vp-ubnd:II.3"),
            merge=("B6:J6", "B9:J9"),
        )
    )
    assert (plan.agency, plan.directive, plan.number, plan.signed) == (
        "stttt",
        "kl-2020-04-29",
        "12/KH-STTTT",
        date(2020, 5, 4),
    )
    assert [(goal.code, goal.title) for goal in plan.goals] == [
        ("I", GOAL[1]),
        ("II", "Phòng họp không giấy tờ"),
    ]
    assert [t.code for t in plan.tasks] == ["I.1", "I.2", "II.1"]
    assert [t.after for t in plan.tasks] == [(), ("I.1",), ("I.2", "vp-ubnd:II.3")]
    assert plan.tasks[0].cooperating == ("vp-ubnd", "snv")
    assert plan.tasks[1].responsible == B


@pytest.mark.parametrize(
    ("written", "code"),
    [(1, "I.1"), (1.0, "I.1"), ("1", "I.1"), ("1.", "I.1"), ("(1)", "I.1"), ("I.1", "I.1"), ("l.1", "I.1"),
     ("I.1.", "I.1"),      ("1.1", "I.1.1"), (1.1, "I.1.1")],
)  # fmt: skip
def test_a_task_number_gets_its_goal_in_front(tmp_path: Path, written: object, code: str) -> None:
    assert sound(loaded(tmp_path, GOAL, task(written))).tasks[0].code == code


@pytest.mark.parametrize("written", ["I", "I.", "I)", "l", " I "])
def test_a_goal_is_known_by_its_roman_numeral_as_people_type_it(tmp_path: Path, written: str) -> None:
    assert [goal.code for goal in sound(loaded(tmp_path, (written, "Mục tiêu"), task())).goals] == ["I"]


def test_a_goal_may_stand_with_its_number_in_one_merged_cell(tmp_path: Path) -> None:
    plan = sound(loaded(tmp_path, ("II. Phòng họp không giấy tờ",), task(), merge=("A6:J6",)))
    assert (plan.goals[0].code, plan.goals[0].title, plan.tasks[0].code) == ("II", "Phòng họp không giấy tờ", "II.1")


def test_goals_numbered_by_digits_are_known_by_their_merged_title(tmp_path: Path) -> None:
    plan = sound(loaded(tmp_path, (1, "Mục tiêu"), task("1.1"), (2, "Khác"), task("2.1"), merge=("B6:J6", "B8:J8")))
    assert [goal.code for goal in plan.goals] == ["1", "2"]
    assert [t.code for t in plan.tasks] == ["1.1", "2.1"]


def test_a_column_may_name_the_goal_beside_each_task(tmp_path: Path) -> None:
    headings = ("STT", "Mục tiêu", "Nhiệm vụ", "Người thực hiện", "Thời hạn")
    body = (
        (1, "I. Ký số", "Cấp chữ ký số", A, "15/5/2020"),
        (2, None, "Tập huấn", A, "20/5/2020"),
        (3, "Họp không giấy", "Lắp đặt", A, "22/5/2020"),
    )
    plan = sound(loaded(tmp_path, *body, headings=headings, merge=("B6:B7",)))
    assert [(goal.code, goal.title, [t.code for t in goal.tasks]) for goal in plan.goals] == [
        ("I", "Ký số", ["I.1", "I.2"]),
        ("II", "Họp không giấy", ["II.3"]),
    ]


def test_headings_may_span_two_rows(tmp_path: Path) -> None:
    upper = ("STT", "Nội dung công việc", "Người chịu trách nhiệm", "Thời gian thực hiện", None, "Sản phẩm")
    lower = (None, None, None, "Bắt đầu", "Hoàn thành", None)
    numbers = ("(1)", "(2)", "(3)", "(4)", "(5)", "(6)")
    body = (lower, numbers, GOAL, (1, "Cấp chữ ký số", A, date(2020, 5, 5), date(2020, 5, 20), "Báo cáo"))
    merge = ("A5:A6", "B5:B6", "C5:C6", "D5:E5", "F5:F6")
    plan = sound(loaded(tmp_path, *body, headings=upper, merge=merge))
    (only_task,) = plan.tasks
    assert (only_task.start, only_task.deadline.last_day, only_task.deliverable) == (
        date(2020, 5, 5),
        date(2020, 5, 20),
        "Báo cáo",
    )


def test_the_line_of_column_numbers_is_no_task(tmp_path: Path) -> None:
    numbers = [f"({n})" for n in range(1, 11)]
    assert len(sound(loaded(tmp_path, numbers, GOAL, task())).tasks) == 1
    assert len(sound(loaded(tmp_path, list(range(1, 11)), GOAL, task())).tasks) == 1


def test_decomposed_text_and_either_tone_placement_are_understood(tmp_path: Path) -> None:
    decomposed = [unicodedata.normalize("NFD", text) for text in HEADINGS]
    body = (
        tuple(unicodedata.normalize("NFD", text) for text in GOAL),
        task(cooperating=unicodedata.normalize("NFD", "UBND huyện Hoằng Hoá")),
    )
    plan = sound(loaded(tmp_path, *body, headings=decomposed))
    assert plan.tasks[0].cooperating == ("h-hoang-hoa",)
    assert plan.goals[0].title == GOAL[1]


def test_a_real_date_is_the_last_day_and_an_hour_is_kept(tmp_path: Path) -> None:
    plan = sound(loaded(tmp_path, GOAL, task(1, due=date(2020, 6, 5)), task(2, due=datetime(2020, 6, 5, 17, 30))))  # noqa: DTZ001
    first, second = (t.deadline for t in plan.tasks)
    assert (first.kind, first.last_day, first.text, first.time) == (
        DeadlineKind.BY,
        date(2020, 6, 5),
        "05/6/2020",
        None,
    )
    assert second.time is not None
    assert (second.last_day, second.time.hour) == (date(2020, 6, 5), 17)


def test_nhu_tren_and_merged_cells_repeat_the_value_above(tmp_path: Path) -> None:
    plan = sound(
        loaded(
            tmp_path,
            GOAL,
            task(1, responsible=B, due="22/5/2020"),
            task(2, responsible="Như trên", due=None),
            task(3, responsible="-nt-", due="Thường xuyên"),
            merge=("G7:G8",),
        )
    )
    assert [t.responsible for t in plan.tasks] == [B, B, B]
    assert [t.deadline.text for t in plan.tasks] == ["22/5/2020", "22/5/2020", "Thường xuyên"]


@pytest.mark.parametrize(
    "foot",
    [
        ("Nơi nhận:",),
        ("Người lập biểu", None, None, None, None, None, None, "GIÁM ĐỐC"),
        ("./.",),
        (None, None, None, None, "Thanh Hóa, ngày 04 tháng 5 năm 2020"),
        (None, None, None, None, "KT. GIÁM ĐỐC"),
    ],
)
def test_the_signature_ends_the_table(tmp_path: Path, foot: tuple[Any, ...]) -> None:
    result = loaded(tmp_path, GOAL, task(), (), foot, ("- Như trên;",), ("- Lưu: VT.",))
    assert len(sound(result).tasks) == 1
    assert result.problems == ()


def test_a_task_below_the_signature_is_not_lost_in_silence(tmp_path: Path) -> None:
    problem = only(loaded(tmp_path, GOAL, task(), ("Nơi nhận:",), task(2)), "row_after_end")
    assert problem.place == "Kế hoạch!A9"


def test_blank_lines_and_repeated_headings_are_passed_over(tmp_path: Path) -> None:
    assert len(sound(loaded(tmp_path, (), GOAL, (), task(), HEADINGS, (), task(2))).tasks) == 2


def test_a_column_that_is_not_read_is_told(tmp_path: Path) -> None:
    headings = (*HEADINGS, "Kinh phí")
    with speaking("en"):
        problem = only(loaded(tmp_path, GOAL, [*task(), 5000], headings=headings), "column_unknown")
    assert (problem.place, problem.severity) == ("Kế hoạch!K5", "warning")
    assert "Kinh phí" in problem.message


def test_a_missing_column_is_named_once_with_its_other_names(tmp_path: Path) -> None:
    headings = ("TT", "Nhiệm vụ", "Người chịu trách nhiệm", "Sản phẩm")
    with speaking("en"):
        problem = only(loaded(tmp_path, GOAL, (1, "Việc", A, "x"), headings=headings), "column_due_missing")
    assert "Thời hạn hoàn thành" in problem.message


def test_a_heading_in_brackets_and_another_order_are_understood(tmp_path: Path) -> None:
    headings = ("Thời hạn\n(ngày/tháng/năm)", "SỐ TT", "NỘI DUNG CÔNG VIỆC", "Lãnh đạo phụ trách")
    plan = sound(loaded(tmp_path, (None, "I", "Mục tiêu"), ("22/5/2020", "1", "Việc", A), headings=headings))
    assert plan.tasks[0].deadline.last_day == date(2020, 5, 22)


def test_a_sheet_without_a_table_says_which_headings_it_looked_for(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["Họ tên", "Lương", "Phòng"], ["A", 1, "B"]])
    with speaking("en"):
        problem = only(load(path, register()), "no_table")
    assert "Thời hạn hoàn thành" in problem.message
    assert "Lương" in problem.message


def test_the_first_sheet_with_a_table_is_read_and_the_other_told(tmp_path: Path) -> None:
    table = rows(GOAL, task())
    result = load(workbook(tmp_path, {"Bìa": [["Trang bìa"]], "Phụ lục I": table, "Phụ lục II": table}), register())
    assert sound(result).tasks
    assert only(result, "second_table").place == "Phụ lục II"


def test_a_task_without_a_goal_is_kept_and_told(tmp_path: Path) -> None:
    result = loaded(tmp_path, task(1), task(2))
    assert [t.code for t in sound(result).tasks] == ["I.1", "I.2"]
    assert only(result, "goal_missing").severity == "warning"


def test_the_target_of_a_goal_may_stand_beside_its_tasks(tmp_path: Path) -> None:
    headings = (*HEADINGS, "Chỉ tiêu")
    plan = sound(loaded(tmp_path, GOAL, [*task(1), 2.3], [*task(2), "2.3"], headings=headings))
    assert plan.goals[0].target == "2.3"
    result = loaded(tmp_path, GOAL, [*task(1), "2.3"], [*task(2), "2.7"], headings=headings)
    assert only(result, "goal_targets").place == "Kế hoạch!K8"


def test_an_error_cell_and_a_formula_without_a_result_are_told_at_their_cells(tmp_path: Path) -> None:
    def edit(sheet: Worksheet) -> None:
        sheet["G7"] = "#REF!"
        sheet["G7"].data_type = "e"
        sheet["C8"] = "=A1&B1"

    with speaking("en"):
        result = loaded(tmp_path, GOAL, task(1), task(2), edit=edit)
    told = {problem.place: problem.message for problem in result.problems if problem.code == "cell_fault"}
    assert set(told) == {"Kế hoạch!G7", "Kế hoạch!C8"}
    assert "#REF!" in told["Kế hoạch!G7"]
    assert "formula" in told["Kế hoạch!C8"]
    assert result.plan is None
    assert not {"deadline_missing", "responsible_missing"} & set(codes(result))


def test_a_calculated_formula_counts_as_its_value(tmp_path: Path) -> None:
    path = tmp_path / "calculated.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Kế hoạch")
        for row, values in enumerate(rows(GOAL, task(due=None))):
            sheet.write_row(row, 0, [value if value is not None else "" for value in values])
        sheet.write_formula(6, 6, '="22/5/"&2020', None, "22/5/2020")
    assert sound(load(path, register())).tasks[0].deadline.last_day == date(2020, 5, 22)


def test_a_number_that_excel_made_a_date_is_not_guessed(tmp_path: Path) -> None:
    assert only(loaded(tmp_path, GOAL, task(date(2020, 1, 1))), "task_code_unreadable").place == "Kế hoạch!A7"


def test_a_date_without_its_format_is_told(tmp_path: Path) -> None:
    with speaking("en"):
        problem = only(loaded(tmp_path, GOAL, task(due=43966)), "deadline_none")
    assert "43966" in problem.message


def test_hidden_sheets_are_not_read(tmp_path: Path) -> None:
    def edit(sheet: Worksheet) -> None:
        if sheet.title == "Cũ":
            sheet.sheet_state = "hidden"

    path = workbook(tmp_path, {"Cũ": rows(GOAL, task(1), task(2)), "Mới": rows(GOAL, task())}, edit=edit)
    assert len(sound(load(path, register())).tasks) == 1


def test_a_stray_cell_far_away_is_told_before_memory_is_allotted(tmp_path: Path) -> None:
    def edit(sheet: Worksheet) -> None:
        sheet["XFD1048576"] = "x"

    with speaking("en"):
        problem = only(loaded(tmp_path, GOAL, task(), edit=edit), "sheet_too_large")
    assert "XFD1048576" in problem.message


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"not a workbook", "not_xlsx"),
        (b"PK\x03\x04 cut off", "not_xlsx"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000), "encrypted"),
    ],
)
def test_what_is_no_workbook_is_one_clear_problem(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "plan.xlsx"
    path.write_bytes(content)
    result = load(path, register())
    assert codes(result) == [code]


def test_a_renamed_zip_and_a_damaged_workbook_are_told(tmp_path: Path) -> None:
    path = tmp_path / "plan.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "no workbook")
    assert codes(load(path, register())) == ["not_xlsx"]
    whole = workbook(tmp_path, rows(GOAL, task())).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert codes(load(path, register())) == ["not_xlsx"]
    damaged = bytearray(whole)
    damaged[600:900] = bytes(300)
    path.write_bytes(damaged)
    assert load(path, register()).problems == () or load(path, register()).plan is None


def test_a_workbook_that_unpacks_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = workbook(tmp_path, rows(GOAL, task()))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/media/x.bin", "w") as entry:
        for _ in range(201):
            entry.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    assert codes(load(path, register())) == ["file_too_large"]


VALUES = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
    st.sampled_from(("I", "II.", "1", "1.1", "Như trên", "Nơi nhận:", "./.", "Thường xuyên", "(1)", *HEADINGS)),
)


@settings(max_examples=150, deadline=None)
@given(
    body=st.lists(st.lists(VALUES, max_size=12), max_size=12),
    merged=st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 12), st.integers(0, 5), st.integers(0, 5)), max_size=4
    ),
    with_headings=st.booleans(),
)
def test_no_sheet_makes_the_reader_fail(
    body: list[list[Any]], merged: list[tuple[int, int, int, int]], with_headings: bool
) -> None:
    grid = Grid(
        name="Kế hoạch",
        rows=rows(*body) if with_headings else body,
        merged=tuple(((row, column), (row + down, column + across)) for row, column, down, across in merged),
    )
    result = check(read_grids("plan.xlsx", "", "xlsx", [grid]), register())
    assert result.plan is not None or result.problems
    assert all(problem.place and problem.message for problem in result.problems)
