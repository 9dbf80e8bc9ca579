"""The pieces of a Word file that its library has no word for: rules, page numbers, repeated header rows, fixed widths.

Knows no report; lengths are millimetres and font sizes points.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.section import Section
from docx.shared import Mm, Pt
from docx.styles.style import ParagraphStyle
from docx.table import _Cell
from docx.text.paragraph import Paragraph as Line

from planner.reporter.document import Row, Table

FONT = "Times New Roman"
_TWIPS = 56.6929  #: per millimetre
_POINT = 0.352778  #: millimetres
MARGIN = 1.2  #: millimetres left and right of a cell's text
LEAST_TEXT = 24  #: millimetres of a column of running text
SMALLEST = 10  #: point, in a table

# Widths of Times New Roman Bold in thousandths of the font size; marks above and below letters add nothing.
_WIDTHS = {
    letter: width
    for letters, width in {
        " .,": 250, "il": 278, "fjt-()": 333, "sI": 389, "cerz": 444, "agovxyJ": 500, "bdđhknpquS": 556, "FP": 611,
        "BELTZ": 667, "wACDĐNRUVXY": 722, "GHKOQ": 778, "m": 833, "M": 944, "W": 1000,
    }.items()
    for letter in letters
}  # fmt: skip


def text_width(text: str, size: float) -> float:
    """Return the width of bold text on one line, in millimetres, within a few per cent."""
    letters = unicodedata.normalize("NFD", text)
    return sum(_WIDTHS.get(c, 0 if unicodedata.combining(c) else 500) for c in letters) / 1000 * size * _POINT


def element(tag: str, children: Sequence[BaseOxmlElement] = (), **attributes: str | int) -> BaseOxmlElement:
    """Return an XML element of the main namespace, `element("jc", val="center")`."""
    made: BaseOxmlElement = OxmlElement(f"w:{tag}")
    for name, value in attributes.items():
        made.set(qn(f"w:{name}"), str(value))
    made.extend(children)
    return made


def _fonts() -> BaseOxmlElement:
    return element("rFonts", ascii=FONT, hAnsi=FONT, eastAsia=FONT, cs=FONT)


def set_defaults(document: Document, language: str) -> None:
    """Set font and language under every style."""
    defaults = document.styles.element.find(qn("w:docDefaults")).find(qn("w:rPrDefault"))
    defaults.clear()
    lang = element("lang", val=language, eastAsia=language, bidi="ar-SA")
    defaults.append(element("rPr", [_fonts(), lang]))


def set_style(
    document: Document,
    name: str,
    *,
    size: int,
    bold: bool = False,
    indent: float = 0,
    before: int = 0,
    after: int = 0,
    spacing: float = 1.0,
    justified: bool = False,
    keep: bool = False,
) -> None:
    """Give a paragraph style exactly this look; what the library's blank document had is dropped."""
    style = document.styles[name]
    assert isinstance(style, ParagraphStyle)  # noqa: S101 - the names are ours
    for tag in ("w:rPr", "w:pPr"):
        old = style.element.find(qn(tag))
        kept = old.find(qn("w:outlineLvl")) if old is not None else None
        if old is not None:
            old.clear()
        if kept is not None:
            old.append(kept)
    style.element.get_or_add_rPr().insert(0, _fonts())
    style.font.size, style.font.bold = Pt(size), bold
    layout = style.paragraph_format
    layout.first_line_indent = Mm(indent)
    layout.space_before, layout.space_after, layout.line_spacing = Pt(before), Pt(after), spacing
    layout.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY if justified else WD_ALIGN_PARAGRAPH.LEFT
    layout.keep_with_next, layout.widow_control = keep, True


def restart_page_numbers(section: Section) -> None:
    """Number the pages of a section from 1."""
    for old in section._sectPr.findall(qn("w:pgNumType")):
        section._sectPr.remove(old)
    columns = section._sectPr.find(qn("w:cols"))
    number = element("pgNumType", start=1)
    if columns is None:
        section._sectPr.append(number)
    else:
        columns.addprevious(number)


def add_page_number(line: Line) -> None:
    """Put the number of the page into a line."""
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        run = line.add_run()
        run.font.size = Pt(13)
        if text:
            code = element("instrText")
            code.text = text
            run._r.append(code)
        else:
            run._r.append(element("fldChar", fldCharType=kind))


def next_line(cell: _Cell) -> Line:
    """Return the first paragraph of an untouched cell, or a new one."""
    first: Line = cell.paragraphs[0]
    if len(cell.paragraphs) == 1 and not first.runs and first._p.pPr is None:
        return first
    added: Line = cell.add_paragraph()
    return added


def add_rule(where: Document | _Cell, width: float, length: float) -> Line:
    """Draw a solid line of `length`, centred in `width`."""
    line = next_line(where) if isinstance(where, _Cell) else where.add_paragraph()
    layout = line.paragraph_format
    layout.first_line_indent, layout.space_before, layout.space_after = Pt(0), Pt(2), Pt(2)
    layout.line_spacing = Pt(4)
    layout.left_indent = layout.right_indent = Mm(max(width - length, 0) / 2)
    border = element("pBdr", [element("top", val="single", sz=6, space=0, color="000000")])
    # The schema wants borders before spacing and indentation.
    line._p.get_or_add_pPr().find(qn("w:spacing")).addprevious(border)
    return line


def add_columns(document: Document, widths: Sequence[float]) -> list[_Cell]:
    """Add one borderless row that is never split over two pages, and return its cells."""
    table = document.add_table(rows=1, cols=len(widths))
    table.autofit = False
    _fix(table._tbl, widths, margin=0)
    table.rows[0]._tr.get_or_add_trPr().append(element("cantSplit"))
    cells = list(table.rows[0].cells)
    for cell, width in zip(cells, widths, strict=True):
        cell.width = Mm(width)
    return cells


def _least(table: Table, size: float) -> list[float]:
    """Return how wide each column must be for no word of its title and no figure to break."""
    widths = []
    for at, column in enumerate(table.columns):
        texts = [column.title]
        if column.align != "left":  # figures and dates; running text may break anywhere
            texts += [row.cells[at] for row in table.rows if row.kind != "group"]
        words = {word for text in texts for word in text.split()}
        need = max((text_width(word, size) for word in words), default=0.0) + 2 * MARGIN + 0.8
        widths.append(need if column.align != "left" else max(need, LEAST_TEXT))
    return widths


def fit(table: Table, width: float, size: int) -> tuple[int, list[float]]:
    """Return the font size, `size` or a little less, and the columns' widths with which a table fits into `width`.

    The columns get their shares; one that needs more than its share takes it, and the others pay in proportion.
    """
    least = _least(table, size)
    while sum(least) > width and size > SMALLEST:
        size -= 1
        least = _least(table, size)
    fixed: dict[int, float] = {}
    while True:
        free = {at: column.width for at, column in enumerate(table.columns) if at not in fixed}
        rest = width - sum(fixed.values())
        shares = {at: rest * share / sum(free.values()) for at, share in free.items()}
        narrow = {at: least[at] for at, share in shares.items() if share < least[at]}
        if not narrow or len(narrow) == len(free):  # enough for all, or for none: then the words have to break
            return size, [fixed.get(at, shares.get(at, 0.0)) for at in range(len(table.columns))]
        fixed |= narrow


def add_table(document: Document, table: Table, width: float, size: int) -> None:
    """Add a ruled table of `width`, its header repeated on every page and no row split."""
    size, widths = fit(table, width, size)
    made = document.add_table(rows=0, cols=len(widths))
    made.style = document.styles["Table Grid"]
    made.autofit = False
    _fix(made._tbl, widths, margin=MARGIN)
    header = [_cell(c.title, w, size, "center", bold=True) for c, w in zip(table.columns, widths, strict=True)]
    made._tbl.append(element("tr", [element("trPr", [element("cantSplit"), element("tblHeader")]), *header]))
    for row in table.rows:
        made._tbl.append(element("tr", [element("trPr", [element("cantSplit")]), *_row(row, table, widths, size)]))


def _row(row: Row, table: Table, widths: Sequence[float], size: int) -> list[BaseOxmlElement]:
    if row.kind == "group":
        return [_cell(row.cells[0], sum(widths), size, "left", bold=True, span=len(widths), keep=True)]
    return [
        _cell(text, width, size, column.align, bold=row.kind == "total")
        for text, column, width in zip(row.cells, table.columns, widths, strict=True)
    ]


def _cell(
    text: str, width: float, size: int, align: str, *, bold: bool = False, span: int = 1, keep: bool = False
) -> BaseOxmlElement:
    look = [element("tcW", w=round(width * _TWIPS), type="dxa")]
    if span > 1:
        look.append(element("gridSpan", val=span))
    look.append(element("vAlign", val="center"))
    layout = [element("keepNext")] if keep else []
    layout += [
        element("spacing", before=40, after=40, line=240, lineRule="auto"),
        element("ind", firstLine=0),
        element("jc", val=align),
    ]
    weight = [element("b")] if bold else []
    written = element("t")
    written.text = text
    run = element("r", [element("rPr", [*weight, element("sz", val=size * 2), element("szCs", val=size * 2)]), written])
    return element("tc", [element("tcPr", look), element("p", [element("pPr", layout), run])])


def _fix(tbl: BaseOxmlElement, widths: Sequence[float], margin: float) -> None:
    """Fix the grid and the cells' margins of a table."""
    for column, width in zip(tbl.find(qn("w:tblGrid")).findall(qn("w:gridCol")), widths, strict=True):
        column.set(qn("w:w"), str(round(width * _TWIPS)))
    look = tbl.find(qn("w:tblPr"))
    total = look.find(qn("w:tblW"))
    total.set(qn("w:type"), "dxa")
    total.set(qn("w:w"), str(round(sum(widths) * _TWIPS)))
    side = round(margin * _TWIPS)
    margins = element("tblCellMar", [element("left", w=side, type="dxa"), element("right", w=side, type="dxa")])
    look.find(qn("w:tblLook")).addprevious(margins)
    indent = element("tblInd", w=0, type="dxa")
    total.addnext(indent)
