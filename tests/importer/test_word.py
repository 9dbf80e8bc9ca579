"""Plans in Word: tables, merged cells, the letter's head, and what is not read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import docx

from planner.i18n import speaking
from planner.importer import load
from planner.importer.places import in_reading_order
from tests.importer.plan_files import GOAL, B, document, only, register, rows, task, workbook


def test_the_same_table_is_the_same_plan_in_word_and_excel(tmp_path: Path) -> None:
    table = rows(GOAL, task(1, cooperating="Sở Nội vụ"), task(2, after="1", duration="5"))
    excel = load(workbook(tmp_path, table), register()).plan
    assert excel is not None
    assert load(document(tmp_path, table), register()).plan == excel


def test_cells_merged_down_and_across_hold_for_each_row(tmp_path: Path) -> None:
    def merge(paper: Any) -> None:
        table = paper.tables[0]
        table.cell(1, 1).merge(table.cell(1, 9))  # the goal
        table.cell(3, 2).text = ""
        table.cell(2, 2).merge(table.cell(3, 2))  # who answers

    plan = load(document(tmp_path, rows(GOAL, task(1, responsible=B), task(2)), edit=merge), register()).plan
    assert plan is not None
    assert [one.responsible for one in plan.tasks] == [B, B]
    assert plan.goals[0].title == GOAL[1]


def test_places_name_the_table_the_row_and_the_column(tmp_path: Path) -> None:
    path = document(tmp_path, rows(GOAL, task(1), task(2, due="kịp thời")))
    with speaking("en"):
        assert only(load(path, register()), "deadline_none").place == "table 1, row 4, column 7"
    with speaking("vi"):
        place = only(load(path, register()), "deadline_none").place
    assert in_reading_order(place)[:3] == ("0001", 4, 7)


def test_the_head_of_an_official_letter_gives_number_and_day(tmp_path: Path) -> None:
    paper = docx.Document()
    head = paper.add_table(1, 2)
    head.cell(0, 0).text = "SỞ THÔNG TIN VÀ TRUYỀN THÔNG\nSố: 12/KH-STTTT"
    head.cell(0, 1).text = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nThanh Hóa, ngày 04 tháng 5 năm 2020"
    for line in ("KẾ HOẠCH", "Mã cơ quan: stttt", "Văn bản giao: kl-2020-04-29"):
        paper.add_paragraph(line)
    body = rows(GOAL, task())[4:]
    table = paper.add_table(len(body), 10)
    for row, values in enumerate(body):
        for column, value in enumerate(values):
            table.cell(row, column).text = str(value or "")
    path = tmp_path / "plan.docx"
    paper.save(str(path))
    plan = load(path, register()).plan
    assert plan is not None
    assert (plan.number, plan.signed, plan.agency) == ("12/KH-STTTT", date(2020, 5, 4), "stttt")


def test_only_the_first_table_with_known_headings_is_read_and_others_are_told(tmp_path: Path) -> None:
    def more(paper: Any) -> None:
        again = paper.add_table(2, 4)
        for column, text in enumerate(("TT", "Nhiệm vụ", "Người chịu trách nhiệm", "Thời hạn")):
            again.cell(0, column).text = text

    with speaking("en"):
        loaded = load(document(tmp_path, rows(GOAL, task()), edit=more), register())
    assert loaded.plan is not None
    assert len(loaded.plan.tasks) == 1
    problem = only(loaded, "second_table")
    assert (problem.place, problem.severity) == ("table 2", "warning")


def test_a_table_inside_a_cell_is_not_read(tmp_path: Path) -> None:
    def inner(paper: Any) -> None:
        paper.tables[0].cell(2, 1).add_table(1, 1).cell(0, 0).text = "BÊN TRONG"

    plan = load(document(tmp_path, rows(GOAL, task()), edit=inner), register()).plan
    assert plan is not None
    assert "BÊN TRONG" not in plan.tasks[0].title


def test_tracked_insertions_count_and_deletions_do_not(tmp_path: Path) -> None:
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    def track(paper: Any) -> None:
        paragraph = paper.tables[0].cell(2, 1).paragraphs[0]._p
        for xml in (
            "<w:ins {0} w:id='1' w:author='a'><w:r><w:t> thêm</w:t></w:r></w:ins>",
            "<w:del {0} w:id='2' w:author='a'><w:r><w:delText> bớt</w:delText></w:r></w:del>",
        ):
            paragraph.append(parse_xml(xml.format(nsdecls("w"))))

    plan = load(document(tmp_path, rows(GOAL, task(title="Việc")), edit=track), register()).plan
    assert plan is not None
    assert plan.tasks[0].title == "Việc thêm"
