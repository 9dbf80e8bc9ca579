"""A plan written as a file and read again is the same plan, whatever it says."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.domain.calendar import EVERY_DAY
from planner.domain.deadline import Deadline
from planner.domain.plan import Goal, Plan, PlannedTask
from planner.importer import Loaded, load
from planner.importer.columns import both_come_first, day_comes_first, read_deadline
from planner.importer.complaints import UNPRINTABLE
from planner.importer.draft import Cell, clean
from planner.importer.export import export_plan
from planner.importer.legacy_text import legacy_code
from planner.importer.sheet import says_above
from tests.importer.plan_files import A, B, register

FORMATS = (".xlsx", ".yaml")
SIGNED = date(2020, 5, 4)

# --- generated plans --------------------------------------------------------------------------------------------------

_ODD = st.sampled_from(
    (
        "=1+1", "+84 237", "-5", "@SUM(A1)", "'", '"', "“", "{=A1}", "#", "# ", ": ", "- ", "...", ".", "~", "null",
        "no", "1.10", "1e5", "0123", "2020-05-04", "như trên", "_x0041_", "&amp;", "<b>", "%", "[a]", "{b: c}", "|",
        ">", "*x", "http://x.vn", "internal:A1", "e\u0301", "Hoá", "🏛", "🇻🇳", "\u2028", "\u3000", "\t", "ﬁ", "ß", "(1)",
        "Người lập", "Nơi nhận", "./.",
    )
)  # fmt: skip
_ANY = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)


def _is_unicode(text: str) -> bool:
    return legacy_code(text) is None  # what looks like an old font is refused at filing, and so never exported


_LINES = st.lists(st.one_of(_ODD, _ANY), min_size=1, max_size=5)


def _sound(text: str) -> bool:
    return bool(text) and not UNPRINTABLE.search(text)


titles = _LINES.map(lambda parts: " ".join(clean(" ".join(parts)).split())).filter(_sound).filter(_is_unicode)
long_texts = (
    st.one_of(st.just(""), _LINES.map(lambda parts: clean("\n".join(parts))))
    .filter(_is_unicode)
    .filter(lambda text: not UNPRINTABLE.search(text))
)
# What stands for "the same as above" in a table cannot be told from it there; `test_ditto...` says what happens.
table_texts = long_texts.filter(lambda text: not says_above(text))
goal_codes = st.one_of(
    st.sampled_from(["I", "II", "IV", "IX", "XXXIX", "XL", "1", "2", "10", "A", "B", "A1", "1.10"]),
)
DUES: tuple[str | date, ...] = (
    "trước ngày 15/5/2020", "22/5/2020", "05/6/2020", "5/6/2020", "Quý II/2020", "Tháng 10/2025", "10/2025", "2025",
    "Thường xuyên", "từ ngày 30/4/2020 đến hết ngày 03/5/2020", "trước 20h00 ngày 25/5/2025", "khi có yêu cầu",
    "Hằng quý", "Trong 10 ngày làm việc kể từ ngày ký", "Xong trước 30/6", "từ 5/6/2020 đến 7/6/2020", "5/22/2020",
    "ngày 05/6/2020", "6 tháng đầu năm 2020", "chậm nhất ngày 22/5/2020", "đến hết ngày 22/5/2020",
    date(2020, 6, 5), date(2020, 5, 22), date(2020, 12, 1), datetime.fromisoformat("2020-06-05T16:30"),
)  # fmt: skip


@st.composite
def deadlines(draw: Any, signed: date | None, count: int) -> list[Deadline]:
    """Draw deadlines as one file may hold them: read in the light of each other, each in one way only."""
    cells = draw(st.lists(st.sampled_from(DUES), min_size=count, max_size=count))
    written = [cell for cell in cells if isinstance(cell, str)]
    day_first = day_comes_first(written, ("04/5/2020",) if signed else ())
    known = {"signed": signed, "calendar": EVERY_DAY, "day_first": day_first, "mixed": both_come_first(written)}
    read = [read_deadline(Cell(cell, ""), **known) for cell in cells]
    routine = read_deadline(Cell("Thường xuyên", ""))
    return [one if one.question is None else routine for one in read]


@st.composite
def plans(draw: Any, texts: st.SearchStrategy[str] = long_texts) -> Plan:
    """Draw a plan that the checks accept."""
    signed = draw(st.one_of(st.none(), st.just(SIGNED)))
    numbers = draw(st.lists(goal_codes, min_size=1, max_size=3, unique=True))
    sizes = [draw(st.integers(0 if n else 1, 3)) for n in range(len(numbers))]
    dues = iter(draw(deadlines(signed, sum(sizes))))
    codes: list[str] = []
    goals = []
    for number, size in zip(numbers, sizes, strict=True):
        tasks = []
        for n in range(size):
            free = [c for c in (f"{number}.{n + 1}", str(n + 1), f"1.{n}0", f"A-{n}", f"II.{n}a") if c not in codes]
            code = draw(st.sampled_from(free)) if free else f"X.{len(codes)}"
            deadline = next(dues)
            start = draw(st.one_of(st.none(), st.just(date(2020, 5, 1)))) if deadline.last_day else None
            if start is None and deadline.kind == "range":
                start = deadline.start  # a range names both days
            elsewhere = ["vp-ubnd:II.3", "snv:1.10", "assigned/stttt:3.3.7"]
            tasks.append(
                PlannedTask(
                    code=code,
                    title=draw(titles),
                    responsible=draw(st.sampled_from([A, B, "la@x.example.vn", "Người chưa có", "=ông X"])),
                    deadline=deadline,
                    cooperating=tuple(draw(st.lists(st.sampled_from(["vp-ubnd", "snv", "svhttdl"]), unique=True))),
                    start=start if not (start and deadline.last_day and start > deadline.last_day) else None,
                    duration=draw(st.one_of(st.none(), st.integers(1, 9999))),
                    deliverable=draw(texts),
                    after=tuple(draw(st.lists(st.sampled_from([*codes, *elsewhere]), unique=True, max_size=3))),
                    note=draw(texts),
                )
            )
            codes.append(code)
        target = draw(st.sampled_from([None, "2.3", "2.7"])) if tasks else None
        goals.append(Goal(code=number, title=draw(titles), target=target, tasks=tuple(tasks)))
    return Plan(
        agency="stttt",
        directive="kl-2020-04-29",
        number=draw(st.sampled_from(["", "12/KH-STTTT", "=12/KH", "0012", "1.10"])),
        signed=signed,
        calendar=draw(st.sampled_from(["vn", "every-day"])),
        goals=tuple(goals),
    )


def written(plan: Plan, suffix: str, folder: Path) -> Loaded:
    path = folder / f"plan{suffix}"
    path.write_bytes(export_plan(plan, suffix, EVERY_DAY))
    return load(path, register())


def check(plan: Plan, suffix: str, folder: Path) -> None:
    back = written(plan, suffix, folder)
    assert back.plan == plan, [p.as_dict() for p in back.problems if p.severity == "error"]


_settings = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@_settings
@given(plan=plans(table_texts))
def test_a_workbook_written_and_read_again_is_the_same_plan(tmp_path: Path, plan: Plan) -> None:
    check(plan, ".xlsx", tmp_path)


@_settings
@given(plan=plans())
def test_a_text_file_written_and_read_again_is_the_same_plan(tmp_path: Path, plan: Plan) -> None:
    check(plan, ".yaml", tmp_path)


# --- what is worth saying by name -------------------------------------------------------------------------------------


def one_task(**fields: Any) -> Plan:
    deadline = read_deadline(Cell("trước ngày 15/5/2020", ""))
    task = PlannedTask(**{"code": "I.1", "title": "Việc", "responsible": A, "deadline": deadline, **fields})
    goal = Goal(code="I", title="Mục tiêu", tasks=(task,))
    return Plan(agency="stttt", directive="kl-2020-04-29", signed=SIGNED, goals=(goal,))


def test_a_title_that_begins_like_a_formula_is_no_formula_in_the_workbook(tmp_path: Path) -> None:
    plan = one_task(title='=HYPERLINK("http://x.vn","bấm")', note="=1+1", deliverable="@SUM(A1)")
    with zipfile.ZipFile(io.BytesIO(export_plan(plan, ".xlsx", None))) as archive:
        parts = b"".join(archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets"))
    assert b"<f>" not in parts
    assert b"<hyperlink" not in parts
    check(plan, ".xlsx", tmp_path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_number_keeps_its_zero_and_its_goal(tmp_path: Path, suffix: str) -> None:
    for code in ("1.10", "1", "10", "A-1", "I.10"):
        check(one_task(code=code), suffix, tmp_path)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("signed", [SIGNED, None])
def test_a_day_that_can_be_read_in_two_ways_stays_the_day_it_was(
    tmp_path: Path, suffix: str, signed: date | None
) -> None:
    for text, day_first in (("5/6/2020", True), ("05/6/2020", True), ("5/6/2020", False), ("từ 5/6/2020", True)):
        deadline = read_deadline(Cell(text, ""), day_first=day_first)
        proof = read_deadline(Cell("5/22/2020", ""), day_first=False)
        plan = replace(one_task(deadline=deadline), signed=signed)
        if not day_first:  # only another cell can show that a file puts the month first
            tasks = (*plan.tasks, replace(plan.tasks[0], code="I.2", deadline=proof))
            plan = replace(plan, goals=(replace(plan.goals[0], tasks=tasks),))
        check(plan, suffix, tmp_path)


def test_an_hour_in_a_date_cell_stays_in_both_formats(tmp_path: Path) -> None:
    plan = one_task(deadline=read_deadline(Cell(datetime.fromisoformat("2020-06-05T16:30"), "")))
    for suffix in FORMATS:
        check(plan, suffix, tmp_path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_two_tasks_of_one_day_each_name_it(tmp_path: Path, suffix: str) -> None:
    deadline = read_deadline(Cell(date(2020, 6, 5), ""))
    plan = one_task(deadline=deadline)
    plan = replace(plan, goals=(replace(plan.goals[0], tasks=(*plan.tasks, replace(plan.tasks[0], code="I.2"))),))
    check(plan, suffix, tmp_path)


def test_the_same_plan_gives_the_same_bytes() -> None:
    plan = one_task()
    for suffix in FORMATS:
        assert export_plan(plan, suffix, None) == export_plan(plan, suffix, None)


def test_ditto_written_out_in_a_text_file_is_not_the_same_in_a_table(tmp_path: Path) -> None:
    plan = one_task(note="một")
    tasks = (*plan.tasks, replace(plan.tasks[0], code="I.2", note="như trên"))
    plan = replace(plan, goals=(replace(plan.goals[0], tasks=tasks),))
    check(plan, ".yaml", tmp_path)
    back = written(plan, ".xlsx", tmp_path).plan
    assert back is not None
    assert [task.note for task in back.tasks] == ["một", "một"]  # `planner plan export` tells it
