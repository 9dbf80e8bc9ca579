"""The Word file, read back: Decree 30/2020 element by element, and the same bytes for the same report."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any

import docx
import pytest
from docx.document import Document
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Length, Mm, Pt

from planner.i18n import speaking
from planner.reporter import FORMATS
from planner.reporter.document import Column, Letterhead, Paragraph, Report, Row, Section, Signature, Table
from planner.reporter.docx_parts import FONT, fit, text_width
from tests.reporter.province import TODAY, figures, whole_province
from tests.reporter.test_content import report_on


def opened(report: Report) -> Document:
    return docx.Document(io.BytesIO(FORMATS["docx"](report)))


@pytest.fixture(scope="module")
def report() -> Report:
    with speaking("vi"):
        return report_on(figures(*whole_province()), period="tháng 5 năm 2020", signer_name="Nguyễn Văn A")


@pytest.fixture(scope="module")
def document(report: Report) -> Document:
    return opened(report)


def looks(paragraph: Any) -> tuple[float, bool, bool]:
    """Return size, bold and italic of a paragraph's first run."""
    run = paragraph.runs[0]
    return run.font.size.pt, bool(run.bold), bool(run.italic)


def millimetres(*lengths: Length | None) -> list[int]:
    return [round(length.mm) for length in lengths if length is not None]


def test_the_paper_is_a4_with_the_margins_of_the_decree(document: Document) -> None:
    for section in document.sections:
        assert sorted(millimetres(section.page_width, section.page_height)) == [210, 297]
        margins = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
        assert millimetres(*margins) == [20, 20, 30, 15]
    assert document.sections[0].orientation == WD_ORIENT.PORTRAIT
    assert document.sections[-1].orientation == WD_ORIENT.LANDSCAPE


def test_everything_is_set_in_times_new_roman(document: Document) -> None:
    for name in ("Normal", "Heading 1", "Heading 2", "Header"):
        fonts = document.styles[name].element.rPr.find(qn("w:rFonts"))
        assert {fonts.get(qn(f"w:{kind}")) for kind in ("ascii", "hAnsi", "eastAsia", "cs")} == {FONT}
        assert fonts.get(qn("w:asciiTheme")) is None
    assert {run.font.name for p in document.paragraphs for run in p.runs} <= {None, FONT}


def test_the_body_is_fourteen_point_justified_with_an_indented_first_line(document: Document) -> None:
    style = document.styles["Normal"]
    assert style.font.size == Pt(14)
    layout = style.paragraph_format
    assert layout.alignment == WD_ALIGN_PARAGRAPH.JUSTIFY
    assert abs(layout.first_line_indent - Mm(12.7)) < 700
    assert layout.space_after == Pt(6)
    assert 1.0 <= layout.line_spacing <= 1.5


def test_the_page_number_stands_centred_on_top_of_every_page_but_the_first(document: Document) -> None:
    first = document.sections[0]
    (line,) = first.header.paragraphs
    assert "PAGE" in line._p.xml
    assert line.alignment == WD_ALIGN_PARAGRAPH.CENTER
    assert {run.font.size.pt for run in line.runs} == {13}
    assert first.first_page_header.paragraphs[0].text == ""
    assert "PAGE" not in first.first_page_header.paragraphs[0]._p.xml
    for section in document.sections:
        assert section.different_first_page_header_footer
        assert section._sectPr.find(qn("w:pgNumType")).get(qn("w:start")) == "1"
        assert section.header.is_linked_to_previous is (section._sectPr is not first._sectPr)


def test_the_letterhead_has_two_columns_without_lines_and_its_rules(document: Document) -> None:
    head, date_line = document.tables[0], document.tables[1]
    assert head._tbl.tblPr.find(qn("w:tblBorders")) is None
    left, right = head.rows[0].cells
    assert [p.text for p in left.paragraphs] == ["UBND TỈNH THANH HÓA", "SỞ THÔNG TIN VÀ TRUYỀN THÔNG", ""]
    assert [looks(p) for p in left.paragraphs[:2]] == [(12, False, False), (12, True, False)]
    assert [p.text for p in right.paragraphs] == [
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "",
    ]
    assert [looks(p) for p in right.paragraphs[:2]] == [(12, True, False), (13, True, False)]
    number, day = date_line.rows[0].cells
    assert number.paragraphs[0].text.endswith("/BC-STTTT")
    assert looks(number.paragraphs[0]) == (13, False, False)
    assert day.paragraphs[0].text == "Thanh Hóa, ngày 05 tháng 6 năm 2020"
    assert looks(day.paragraphs[0]) == (13, False, True)


def rule_length(paragraph: Any, width: float) -> float:
    assert paragraph._p.pPr.find(qn("w:pBdr")) is not None
    return float(width - paragraph.paragraph_format.left_indent.mm - paragraph.paragraph_format.right_indent.mm)


def test_the_rules_have_the_lengths_of_the_decree(document: Document) -> None:
    left, right = document.tables[0].rows[0].cells
    issuer, motto = left.paragraphs[1].text, right.paragraphs[1].text
    under_issuer = rule_length(left.paragraphs[2], left.width.mm) / text_width(issuer, 12)
    assert 1 / 3 < under_issuer < 1 / 2
    under_motto = rule_length(right.paragraphs[2], right.width.mm) / text_width(motto, 13)
    assert 0.97 < under_motto < 1.03


def test_the_elements_stand_in_the_order_of_the_decree(document: Document, report: Report) -> None:
    lines = [p.text for p in document.paragraphs if p.text]
    assert lines[:4] == ["BÁO CÁO", report.subject, report.period_line, "Kính gửi: Chủ tịch UBND tỉnh"]
    titles = [p.text for p in document.paragraphs if p.style is not None and p.style.name == "Heading 1"]
    assert titles == [s.title for s in report.sections] + [a.label for a in report.appendices]
    assert lines.index(report.closing) < lines.index("Phụ lục I")
    assert looks(document.paragraphs[[p.text for p in document.paragraphs].index("BÁO CÁO")]) == (14, True, False)


def test_the_signature_stands_right_and_the_recipients_left(document: Document) -> None:
    (block,) = [t for t in document.tables if "GIÁM ĐỐC" in t.rows[0].cells[-1].text]
    left, right = block.rows[0].cells
    assert [p.text for p in left.paragraphs] == ["Nơi nhận:", "- Như trên;", "- Lưu: VT, CNTT."]
    assert [looks(p) for p in left.paragraphs] == [(12, True, True), (11, False, False), (11, False, False)]
    assert [p.text for p in right.paragraphs if p.text] == ["GIÁM ĐỐC", "Nguyễn Văn A"]
    assert looks(right.paragraphs[0]) == (14, True, False)


def test_two_authority_lines_stand_above_the_post() -> None:
    signature = Signature(
        post="Phó Chánh Văn phòng", name="Nguyễn Văn A", authority=("TL. Chủ tịch", "KT. Chánh Văn phòng")
    )
    made = opened(Report(language="vi", type_name="THÔNG BÁO", subject="", signature=signature))
    lines = [p.text for p in made.tables[-1].rows[0].cells[1].paragraphs if p.text]
    assert lines == ["TL. CHỦ TỊCH", "KT. CHÁNH VĂN PHÒNG", "PHÓ CHÁNH VĂN PHÒNG", "Nguyễn Văn A"]


def test_each_appendix_begins_a_section_of_its_own_with_its_unfilled_reference(
    document: Document, report: Report
) -> None:
    assert len(document.sections) == 1 + len(report.appendices)
    lines = document.paragraphs
    at = [p.text for p in lines].index("Phụ lục II")
    label, title, reference = lines[at : at + 3]
    assert all(p.alignment == WD_ALIGN_PARAGRAPH.CENTER for p in (label, title, reference))
    assert [looks(p) for p in (label, title, reference)] == [(14, True, False), (14, True, False), (14, False, True)]
    assert reference.text.startswith("(Kèm theo Báo cáo số ......../BC-")


def test_the_tables_of_the_appendices_repeat_their_header_and_have_fixed_widths(document: Document) -> None:
    ruled = [t for t in document.tables if t.style is not None and t.style.name == "Table Grid"]
    assert len(ruled) >= 8
    for made in ruled:
        assert made._tbl.tblPr.find(qn("w:tblLayout")).get(qn("w:type")) == "fixed"
        repeated = [row.find(f".//{qn('w:tblHeader')}") is not None for row in made._tbl.tr_lst]
        assert repeated == [True] + [False] * (len(repeated) - 1)
        total = sum(int(c.get(qn("w:w"))) for c in made._tbl.tblGrid.findall(qn("w:gridCol"))) / 56.6929
        assert min(abs(total - 165), abs(total - 252)) < 0.5


def test_the_overdue_table_holds_what_the_report_holds(document: Document, report: Report) -> None:
    (wanted,) = [b for b in report.appendices[3].blocks if isinstance(b, Table)]
    made = document.tables[-2]
    assert [c.text for c in made.rows[0].cells] == [c.title for c in wanted.columns]
    assert [tuple(c.text for c in row.cells) for row in made.rows[1:]] == [row.cells for row in wanted.rows]


def test_the_same_report_gives_the_same_bytes_and_carries_no_clock(report: Report) -> None:
    first, second = FORMATS["docx"](report), FORMATS["docx"](report)
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    core = docx.Document(io.BytesIO(first)).core_properties
    assert core.created.date() == core.modified.date() == TODAY
    assert core.author == "Sở Thông tin và Truyền thông"
    assert FORMATS["docx"](replace(report, subject="Khác")) != first


def test_several_addressees_stand_one_a_line() -> None:
    made = opened(
        Report(language="vi", type_name="BÁO CÁO", subject="", salutation="Kính gửi:", addressees=("Sở A", "Sở B"))
    )
    lines = [p for p in made.paragraphs if p.text]
    assert [p.text for p in lines[1:]] == ["Kính gửi:", "- Sở A;", "- Sở B."]
    left = [p.paragraph_format.left_indent.mm for p in lines[1:]]
    assert left[1] == left[2] > left[0]


def test_signs_that_xml_reserves_survive() -> None:
    text = 'Kế hoạch <A & B> "số 1"'
    block = Table(columns=(Column(title="Cột", width=1),), rows=(Row(cells=(text,)),))
    made = opened(
        Report(
            language="vi",
            type_name="BÁO CÁO",
            subject=text,
            letterhead=Letterhead(superior="", issuer="Sở A & B", symbol="BC-A", place="Thanh Hóa", day=TODAY),
            sections=(Section(title="I. A", blocks=(Paragraph(text), block)),),
        )
    )
    assert [p.text for p in made.paragraphs].count(text) == 2
    assert made.tables[-1].rows[1].cells[0].text == text


def test_a_table_gives_each_column_room_for_its_longest_word_by_making_the_type_smaller() -> None:
    words = ["Tier", "Completed", "Confirmation", "Overdue", "Responsibility", "Administration", "Extensions"]
    table = Table(
        columns=tuple(Column(title=w, width=10, align="right" if at else "left") for at, w in enumerate(words)), rows=()
    )
    size, widths = fit(table, 165, 12)
    assert 10 <= size < 12
    assert abs(sum(widths) - 165) < 0.01
    for word, width in zip(words, widths, strict=True):
        assert text_width(word, size) < width
    assert fit(Table(columns=table.columns[:3], rows=()), 165, 12)[0] == 12
