"""Plans in .csv: places, codes of the text, separators, and what is refused with advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.i18n import speaking
from planner.importer import load
from planner.importer.legacy_text import legacy_code
from planner.samples.thanh_hoa_2020 import HERE
from tests.hostile_files import CSV, windows_1258
from tests.importer.plan_files import GOAL, codes, csv_plan, only, register, rows, task, workbook


def test_the_same_table_is_the_same_plan_in_csv_and_excel(tmp_path: Path) -> None:
    table = rows(GOAL, task(1, cooperating="Sở Nội vụ, Văn phòng UBND tỉnh", title="Hai\ndòng"), task(2, after="1"))
    excel = load(workbook(tmp_path, table), register()).plan
    assert excel is not None
    for delimiter in ",;\t":
        assert load(csv_plan(tmp_path, table, delimiter=delimiter), register()).plan == excel


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows-1258"])
def test_every_code_that_excel_writes_is_the_same_plan(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "plan.csv"
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    path.write_bytes(windows_1258(CSV) if encoding == "windows-1258" else mark + CSV.encode(encoding))
    loaded = load(path, register())
    assert loaded.plan is not None, loaded.problems
    assert loaded.plan.goals[0].title == "100% văn bản được xử lý trên môi trường điện tử"
    assert [p.code for p in loaded.problems] == (["code_page"] if encoding == "windows-1258" else [])


def test_places_are_lines_and_columns_also_after_a_text_of_two_lines(tmp_path: Path) -> None:
    with speaking("en"):
        problem = only(
            load(csv_plan(tmp_path, rows(GOAL, task(1, title="Hai\ndòng"), task(2, due="kịp thời"))), register()),
            "deadline_none",
        )
    assert problem.place == "line 9, column 7"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_line_ending_is_read(tmp_path: Path, newline: str) -> None:
    path = tmp_path / "plan.csv"
    path.write_bytes(CSV.replace("\n", newline).encode())
    assert load(path, register()).ok


def test_a_quote_that_does_not_end_is_told_where_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    path.write_text(CSV + '2,"x\ny\nz', encoding="utf-8")
    with speaking("en"):
        problem = only(load(path, register()), "csv_unreadable")
    assert problem.place == "line 7"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Së Th«ng tin vµ TruyÒn th«ng", "TCVN3"),
        ("Ng­êi chÞu tr¸ch nhiÖm", "TCVN3"),
        ("UBND huyÖn Yªn §Þnh", "TCVN3"),
        ("Sôû Thoâng tin vaø Truyeàn thoâng", "VNI"),
        ("UBND huyeän Yeân Ñònh", "VNI"),
        ("Ngöôøi chòu traùch nhieäm", "VNI"),
        ("Sở Thông tin và Truyền thông", None),
        ("Rà soát hồ sơ (10 µm, 5 m², ½ ngày) của «Văn phòng»", None),
        ("Microsoft® Office© 2019", None),
        ("Müller, Bjørn; Café naïve", None),
        ("Công ty São Paulo, Curaçao, Málaga", None),
        ("toà, hoá, tuý, khoẻ: uỷ ban", None),
        ("Toà nhà hoà bình có ô tô và xà lan", None),
        ("cô giáo bà xã, mì ý, hà mã", None),
    ],
)
def test_a_text_in_an_old_font_is_recognised_and_no_other(text: str, code: str | None) -> None:
    assert legacy_code(text) == code


def test_no_name_of_an_agency_and_no_line_of_the_sample_looks_like_an_old_font() -> None:
    texts = [path.read_text(encoding="utf-8") for path in HERE.iterdir() if path.suffix in (".csv", ".yaml", ".md")]
    pieces = [piece.strip() for text in texts for line in text.splitlines() for piece in (line, *line.split(","))]
    assert len(pieces) > 2000
    assert [piece for piece in pieces if legacy_code(piece)] == []


def test_an_old_font_in_a_cell_is_told_at_its_cell_with_advice(tmp_path: Path) -> None:
    with speaking("en"):
        loaded = load(workbook(tmp_path, rows(GOAL, task(title="Rµ so¸t, cÊp ch÷ ký sè"))), register())
    problem = only(loaded, "legacy_text")
    assert problem.place == "Kế hoạch!B7"
    assert "TCVN3 (ABC)" in problem.message
    assert codes(loaded) == ["legacy_text"]
