"""A workbook given back: each problem on its cell, every other part byte for byte, and a file that programs open."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from openpyxl.comments import Comment
from openpyxl.utils.cell import coordinate_from_string
from openpyxl.workbook import Workbook

from planner.errors import Problem, Severity
from planner.i18n import speaking
from planner.importer import opc
from planner.importer.annotate import annotate
from planner.importer.draft import Cell, PlanDraft
from planner.importer.excel import Unreadable
from planner.importer.grid import cell_name
from planner.importer.notes import AUTHOR

RED, YELLOW = "FFFFC7CE", "FFFFEB9C"
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
DRAFT = PlanDraft(
    file_name="p.xlsx", sha256="", format="xlsx", agency=Cell("stttt", "Kế hoạch!C3"), number=Cell(None, "Kế hoạch")
)
SHEET = "xl/worksheets/sheet1.xml"

#: What may stand in a sheet, in the order of the standard (ECMA-376, part 1, 18.3.1.99).
ORDER = """
sheetPr dimension sheetViews sheetFormatPr cols sheetData sheetCalcPr sheetProtection protectedRanges scenarios
autoFilter sortState dataConsolidate customSheetViews mergeCells phoneticPr conditionalFormatting dataValidations
hyperlinks printOptions pageMargins pageSetup headerFooter rowBreaks colBreaks customProperties cellWatches
ignoredErrors smartTags drawing legacyDrawing legacyDrawingHF drawingHF picture oleObjects controls webPublishItems
tableParts extLst
""".split()  # noqa: SIM905 - as one reads it


def problem(place: str, message: str = "Sai.", severity: Severity = "error") -> Problem:
    return Problem(place=place, code="wrong", message=message, severity=severity)


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    size = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + b"\xd0\x20\x20" * 8 for _ in range(8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def rich(*, notes: bool = True) -> bytes:
    """Return a workbook with what officers' workbooks hold beside their table."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    look = {"font_name": "Times New Roman", "font_size": 13, "border": 1, "italic": True}
    date_format, money = book.add_format(look | {"num_format": "dd/mm/yyyy"}), book.add_format({"num_format": "#,##0"})
    sheet, other, last = (book.add_worksheet(name) for name in ("Kế hoạch", "Số liệu", "Ghi chú"))
    sheet.set_column(3, 3, 20, date_format)
    sheet.set_row(20, 30, money)
    sheet.write_row(4, 1, ["TT", "Nhiệm vụ", "Thời hạn"], date_format)
    sheet.write_row(5, 1, ["1", "Tập huấn & “ký số” <x>", 43973], date_format)
    sheet.write_formula(6, 2, "=1+1", money, 2)
    sheet.merge_range("B9:D10", "gộp", date_format)
    sheet.conditional_format("B6:D7", {"type": "cell", "criteria": ">", "value": 5, "format": money})
    sheet.data_validation("E6", {"validate": "list", "source": ["a", "b"]})
    sheet.write_url("B12", "http://example.org/")
    sheet.autofilter("B5:D6")
    sheet.insert_image("H2", "a.png", {"image_data": io.BytesIO(png())})
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "='Số liệu'!$A$1:$A$3"})
    sheet.insert_chart("H9", chart)
    sheet.set_header("&C&G", {"image_center": "h.png", "image_data_center": io.BytesIO(png())})
    sheet.set_column("F:F", None, None, {"hidden": True})
    if notes:
        sheet.write_comment("C6", "Ý kiến cũ", {"author": "Lan"})
        sheet.write_comment("B6", "Không liên quan", {"author": "Lan"})
    other.write_column(0, 0, [1, 2, 3])
    other.add_table("C1:D3", {"columns": [{"header": "x"}, {"header": "y"}]})
    other.write_comment("A1", "Ở trang khác")
    last.write("A1", "chữ")
    book.define_name("Ten", "='Số liệu'!$A$1:$A$3")
    book.close()
    return buffer.getvalue()


def plain(edit: Callable[[Any], object] = lambda _sheet: None) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    sheet = book.add_worksheet("Kế hoạch")
    sheet.write("B2", "x")
    edit(sheet)
    book.close()
    return buffer.getvalue()


def parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(content: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def changed(before: bytes, after: bytes) -> tuple[set[str], set[str]]:
    """Return the parts that differ and those that are new; none is lost."""
    old, new = parts(before), parts(after)
    assert old.keys() <= new.keys()
    assert list(old) == [name for name in new if name in old]
    return {name for name in old if old[name] != new[name]}, new.keys() - old.keys()


def opened(data: bytes) -> Workbook:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl tells what it does not read
        return openpyxl.load_workbook(io.BytesIO(data))


def marked(data: bytes, *problems: Problem, draft: PlanDraft = DRAFT) -> bytes:
    with speaking("en"):
        return annotate(data, draft, problems).content


def note_on(data: bytes, cell: str, sheet: str = "Kế hoạch") -> str:
    comment = opened(data)[sheet][cell].comment
    return comment.text if comment else ""


def in_order(data: bytes, part: str = SHEET) -> list[str]:
    """Return the names of a sheet's elements, which must stand in the order of the standard."""
    names = [etree.QName(child).localname for child in etree.fromstring(parts(data)[part])]
    assert names == sorted(names, key=ORDER.index)
    return names


# --- all else untouched ---


def test_only_the_sheet_its_notes_and_the_styles_change() -> None:
    before = rich()
    after = marked(before, problem("Kế hoạch!D6"))
    drawing = "xl/drawings/vmlDrawing1.vml"
    assert changed(before, after) == ({SHEET, "xl/styles.xml", "xl/comments1.xml", drawing}, set())
    assert in_order(after).count("legacyDrawing") == 1


def test_a_sheet_without_notes_gets_new_parts_and_keeps_the_picture_of_its_header() -> None:
    before = rich(notes=False)
    after = marked(before, problem("Kế hoạch!D6"))
    differ, new = changed(before, after)
    relations = "xl/worksheets/_rels/sheet1.xml.rels"
    assert differ == {SHEET, "xl/styles.xml", "[Content_Types].xml", relations}
    assert len(new) == 2
    names = in_order(after)
    assert names.index("legacyDrawing") + 1 == names.index("legacyDrawingHF")
    assert note_on(after, "D6") == "Error: Sai."
    assert note_on(after, "A1", "Số liệu") == "Ở trang khác"


def test_the_plainest_workbook_can_be_annotated_too() -> None:
    before = plain()
    after = marked(before, problem("Kế hoạch!B2"))
    assert changed(before, after)[0] == {SHEET, "xl/styles.xml", "[Content_Types].xml"}
    in_order(after)
    assert note_on(after, "B2") == "Error: Sai."


def look_of(cell: Any) -> tuple[Any, ...]:
    looks = (cell.font, cell.border, cell.alignment, cell.protection)
    return (cell.value, cell.number_format, *map(repr, looks))


def test_every_cell_keeps_its_value_and_its_look_but_for_the_fill() -> None:
    before = rich()
    after = marked(before, problem("Kế hoạch!D6"), problem("Kế hoạch!C7", severity="warning"))
    old, new = opened(before), opened(after)
    for sheet in old:
        for row in sheet.iter_rows():
            for cell in row:
                twin = new[sheet.title][cell.coordinate]
                assert look_of(twin) == look_of(cell)
                if (sheet.title, cell.coordinate) not in (("Kế hoạch", "D6"), ("Kế hoạch", "C7")):
                    assert repr(twin.fill) == repr(cell.fill)
    fills = [new["Kế hoạch"][cell].fill.fgColor.rgb for cell in ("D6", "C7")]
    assert fills == [RED, YELLOW]
    assert new["Kế hoạch"].conditional_formatting
    assert "Ten" in new.defined_names


def test_without_problems_the_bytes_are_the_same() -> None:
    before = rich()
    assert annotate(before, DRAFT, ()).content == before


# --- notes ---


def test_a_note_that_is_there_is_kept_and_the_problem_stands_below_it() -> None:
    after = marked(rich(), problem("Kế hoạch!C6", "Trùng tên."))
    assert note_on(after, "C6") == "Ý kiến cũ\nError: Trùng tên."
    assert note_on(after, "B6") == "Không liên quan"
    assert opened(after)["Kế hoạch"]["C6"].comment.author == "Lan"
    assert parts(after)["xl/drawings/vmlDrawing1.vml"].count(b"</v:shape>") == 2


def test_a_note_names_its_author_and_tells_errors_before_warnings() -> None:
    after = marked(rich(), problem("Kế hoạch!D6", "Nhỏ.", "warning"), problem("Kế hoạch!D6", "Lớn."))
    assert note_on(after, "D6") == "Error: Lớn.\nWarning: Nhỏ."
    comment = opened(after)["Kế hoạch"]["D6"].comment
    assert comment.author == AUTHOR
    assert opened(after)["Kế hoạch"]["D6"].fill.fgColor.rgb == RED


def test_annotating_what_was_annotated_does_not_say_it_twice() -> None:
    once = marked(rich(), problem("Kế hoạch!D6"), problem("p.xlsx", "Chưa có nhiệm vụ."))
    twice = marked(once, problem("Kế hoạch!D6"), problem("p.xlsx", "Chưa có nhiệm vụ."))
    for cell in ("D6", "A1"):
        assert note_on(twice, cell) == note_on(once, cell)
    assert parts(twice)["xl/comments1.xml"].count(b"<author>") == 2


def test_boxes_are_drawn_one_for_each_note_at_its_cell_with_numbers_of_their_own() -> None:
    after = marked(rich(), problem("Kế hoạch!D6"), problem("Kế hoạch!A30"))
    drawing = etree.fromstring(parts(after)["xl/drawings/vmlDrawing1.vml"])
    office = "{urn:schemas-microsoft-com:office:excel}"
    shapes = drawing.findall("{urn:schemas-microsoft-com:vml}shape")
    at = [(s.find(f".//{office}Row").text, s.find(f".//{office}Column").text) for s in shapes]
    assert sorted(at) == [("29", "0"), ("5", "1"), ("5", "2"), ("5", "3")]
    assert len({shape.get("id") for shape in shapes}) == 4
    anchor = [int(n) for n in shapes[-2].find(f".//{office}Anchor").text.split(",")]
    assert (anchor[0], anchor[2]) == (4, 4)
    assert anchor[4] > anchor[0]
    assert anchor[6] >= anchor[2]


def test_a_box_that_was_there_grows_with_its_text() -> None:
    def size(data: bytes) -> list[str]:
        office = "{urn:schemas-microsoft-com:office:excel}"
        drawing = etree.fromstring(parts(data)["xl/drawings/vmlDrawing1.vml"])
        found = {a.getparent().find(f"{office}Column").text: a.text for a in drawing.iter(f"{office}Anchor")}
        return [found["1"], found["2"]]

    before = rich()
    after = marked(before, problem("Kế hoạch!C6", "Dài. " * 60))
    assert size(after)[0] == size(before)[0]
    bottom = [int(size(data)[1].split(",")[6]) for data in (before, after)]
    assert bottom[1] >= bottom[0] + 4


def test_notes_of_a_workbook_that_openpyxl_wrote_are_kept() -> None:
    book = Workbook()
    book.worksheets[0].title = "Kế hoạch"
    book.worksheets[0]["B2"].comment = Comment("Cũ", "Lan")
    buffer = io.BytesIO()
    book.save(buffer)
    after = marked(buffer.getvalue(), problem("Kế hoạch!B2"), problem("Kế hoạch!C3"))
    assert [note_on(after, cell) for cell in ("B2", "C3")] == ["Cũ\nError: Sai.", "Error: Sai."]
    drawing = next(data for name, data in parts(after).items() if name.endswith(".vml"))
    assert len(etree.fromstring(drawing).findall("{urn:schemas-microsoft-com:vml}shape")) == 2


def test_a_conversation_on_a_cell_is_left_alone_and_the_problem_told_on_top() -> None:
    before = parts(rich())
    relations = "xl/worksheets/_rels/sheet1.xml.rels"
    kind = "http://schemas.microsoft.com/office/2017/10/relationships/threadedComment"
    more = f'<Relationship Id="rIdT" Type="{kind}" Target="../threadedComments/t1.xml"/></Relationships>'
    before[relations] = before[relations].replace(b"</Relationships>", more.encode())
    names = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
    thread = f'<ThreadedComments xmlns="{names}"><threadedComment ref="C6" id="x"><text>Sao?</text></threadedComment>'
    before["xl/threadedComments/t1.xml"] = (thread + "</ThreadedComments>").encode()
    after = marked(packed(before), problem("Kế hoạch!C6"))
    assert note_on(after, "C6") == "Ý kiến cũ"
    assert note_on(after, "A1") == "Error: C6: Sai."
    assert opened(after)["Kế hoạch"]["C6"].fill.fgColor.rgb == RED


# --- places ---


@pytest.mark.parametrize(
    ("place", "sheet", "cell", "text"),
    [
        ("p.xlsx", "Kế hoạch", "A1", "Error: Sai."),
        ("Kế hoạch", "Kế hoạch", "A1", "Error: Sai."),
        ("Số liệu", "Số liệu", "A1", "Ở trang khác\nError: Sai."),
        ("Ghi chú!B7", "Ghi chú", "B7", "Error: Sai."),
        ("--agency", "Kế hoạch", "A1", "Error: --agency: Sai."),
        ("stttt:I.1 -> snv:I.2", "Kế hoạch", "A1", "Error: stttt:I.1 -> snv:I.2: Sai."),
        ("Không có!B7", "Kế hoạch", "A1", "Error: Không có!B7: Sai."),
        ("Kế hoạch!D10", "Kế hoạch", "B9", "Error: Sai."),
    ],
)
def test_a_problem_is_told_where_its_place_is_or_on_top(place: str, sheet: str, cell: str, text: str) -> None:
    after = marked(rich(), problem(place))
    assert note_on(after, cell, sheet) == text
    assert opened(after)[sheet][cell].fill.fgColor.rgb == RED


def test_a_cell_that_is_not_there_is_made_in_the_look_of_its_row_or_column() -> None:
    after = marked(rich(), problem("Kế hoạch!D30"), problem("Kế hoạch!A21"), problem("Kế hoạch!A1"))
    sheet = opened(after)["Kế hoạch"]
    assert (sheet["D30"].number_format, sheet["D30"].font.name) == ("dd/mm/yyyy", "Times New Roman")
    assert sheet["A21"].number_format == "#,##0"
    assert sheet.dimensions == "A1:D30"
    in_order(after)


@given(st.sets(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_any_cells_can_be_marked_and_rows_and_cells_stay_in_order(cells: set[tuple[int, int]]) -> None:
    before = plain(lambda sheet: [sheet.write(r, c, f"{r}/{c}") for r in (3, 9, 10, 30) for c in (0, 4, 5, 27)])
    after = marked(before, *(problem(f"Kế hoạch!{cell_name(*cell)}") for cell in cells))
    old, new = opened(before)["Kế hoạch"], opened(after)["Kế hoạch"]
    for row in range(1, 43):
        for column in range(1, 43):
            is_marked = (row - 1, column - 1) in cells
            cell = new.cell(row, column)
            assert cell.value == old.cell(row, column).value
            assert (cell.comment is not None, cell.fill.fgColor.rgb == RED) == (is_marked, is_marked)
    data = etree.fromstring(parts(after)[SHEET]).find(f"{MAIN}sheetData")
    rows = [int(row.get("r")) for row in data]
    assert rows == sorted(set(rows))
    for row in data:
        columns = [coordinate_from_string(c.get("r"))[0].rjust(3) for c in row]
        assert columns == sorted(set(columns))


def test_rows_and_cells_that_state_no_number_are_counted() -> None:
    content = parts(plain())
    cells = '<row><c t="inlineStr"><is><t>a</t></is></c></row><row><c/><c t="inlineStr"><is><t>b</t></is></c></row>'
    content[SHEET] = f'<worksheet xmlns="{MAIN[1:-1]}"><sheetData>{cells}</sheetData></worksheet>'.encode()
    after = marked(packed(content), problem("Kế hoạch!B2"))
    sheet = opened(after)["Kế hoạch"]
    assert (sheet["B2"].value, sheet["B2"].fill.fgColor.rgb) == ("b", RED)


def test_a_workbook_without_styles_gets_some() -> None:
    content = parts(plain())
    del content["xl/styles.xml"]
    relations = "xl/_rels/workbook.xml.rels"
    root = etree.fromstring(content[relations])
    root.remove(next(one for one in root if one.get("Type").endswith("/styles")))
    content[relations] = etree.tostring(root)
    types = etree.fromstring(content["[Content_Types].xml"])
    types.remove(next(one for one in types if one.get("PartName") == "/xl/styles.xml"))
    content["[Content_Types].xml"] = etree.tostring(types)
    assert opened(marked(packed(content), problem("Kế hoạch!B2")))["Kế hoạch"]["B2"].fill.fgColor.rgb == RED


def test_twenty_problems_of_a_cell_are_told_and_the_rest_counted() -> None:
    after = marked(plain(), *(problem("p.xlsx", f"Sai {n}.") for n in range(25)))
    lines = note_on(after, "A1").split("\n")
    assert (len(lines), lines[-1]) == (21, "and 5 more; planner plan check lists them all.")


def test_beyond_two_thousand_cells_problems_are_counted_on_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.importer.annotate._MOST_CELLS", 3)
    after = marked(plain(), *(problem(f"Kế hoạch!B{row}") for row in range(2, 9)))
    assert note_on(after, "A1") == "Error: and 4 more; planner plan check lists them all."
    assert [bool(note_on(after, f"B{row}")) for row in range(2, 9)] == [True] * 3 + [False] * 4


def test_letters_that_no_xml_holds_are_replaced() -> None:
    assert note_on(marked(plain(), problem("Kế hoạch!B2", "a\x01b\ufffec")), "B2") == "Error: a?b?c"


# --- input that is not to be trusted ---


def refused(data: bytes, *problems: Problem) -> str:
    with pytest.raises(Unreadable) as caught:
        marked(data, *(problems or [problem("Kế hoạch!B2")]))
    return caught.value.message


@pytest.mark.parametrize("part", [SHEET, "xl/styles.xml", "xl/workbook.xml", "[Content_Types].xml"])
def test_entities_and_broken_xml_are_refused(part: str) -> None:
    content = parts(plain())
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    for bad in (content[part].replace(b"?>\n", b"?>\n" + bomb), content[part][:-20], b"", b"\0" * 100):
        told = refused(packed(content | {part: bad}))
        assert any(words in told for words in ("damaged", "declares XML entities", "not UTF-8 XML"))


_RICH = rich()
_XML = sorted(name for name in parts(_RICH) if name.endswith((".xml", ".rels", ".vml")))


@given(st.sampled_from(_XML), st.floats(0, 1), st.sampled_from([b"", b"0", b"<", b'"', b">", b"x", b"9" * 5000]))
@settings(max_examples=150, deadline=None)
def test_whatever_is_damaged_the_workbook_is_annotated_or_refused(part: str, where: float, put: bytes) -> None:
    content = parts(_RICH)
    at = int(where * (len(content[part]) - 1))
    content[part] = content[part][:at] + put + content[part][at + 1 :]
    after = None
    with contextlib.suppress(Unreadable):
        after = marked(packed(content), problem("Kế hoạch!D6"), problem("Kế hoạch!C6"))
    assert after is None or content.keys() <= parts(after).keys()


def test_a_part_too_large_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opc, "LARGEST_PART", 400)
    assert "larger than" in refused(plain())


@pytest.mark.parametrize("suffix", ["comments1.xml", ".vml"])
def test_a_part_of_many_thousand_tags_is_refused_before_a_tree_is_built(suffix: str) -> None:
    content = parts(rich())
    bomb = b"<x>" + b"<a/>" * 300_000 + b"</x>"
    told = refused(packed(content | {name: bomb for name in content if name.endswith(suffix)}))
    assert "holds too much" in told


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"x" * 100])
def test_what_is_no_package_is_refused(data: bytes) -> None:
    assert "damaged" in refused(data)


def test_a_package_that_says_a_part_twice_is_refused() -> None:
    content = parts(plain())
    assert "damaged" in refused(packed(content | {SHEET.replace("sheet1", "SHEET1"): b"<x/>"}))


def test_the_strict_kind_of_workbook_is_asked_to_be_saved_anew() -> None:
    content = parts(plain())
    strict = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
    content["xl/workbook.xml"] = content["xl/workbook.xml"].replace(MAIN[1:-1].encode(), strict)
    assert "Strict" in refused(packed(content))


def test_hidden_sheets_are_no_place_for_notes() -> None:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    hidden, shown = book.add_worksheet("Ẩn"), book.add_worksheet("Thấy")
    hidden.hide()
    shown.activate()
    shown.set_first_sheet()
    book.close()
    unread: Sequence[Problem] = [problem("p.xlsx")]
    draft = PlanDraft(file_name="p.xlsx", sha256="", format="xlsx", readable=False)
    after = marked(buffer.getvalue(), *unread, draft=draft)
    assert (note_on(after, "A1", "Thấy"), note_on(after, "A1", "Ẩn")) == ("Error: Sai.", "")
