"""A report as a Word document laid out as the records office wants it.

Knows nothing of plans and figures. The same report gives the same bytes: no clock is read and the archive's dates are
fixed. Source: Decree 30/2020/NĐ-CP, Appendix I (paper, margins, fonts, order of the elements, appendices); where it
leaves a choice (12-13, 13-14), the larger size is taken, or the smaller where the line must fit its column.
"""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

import docx
from docx.document import Document
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.section import Section as PageSection
from docx.shared import Mm, Pt
from docx.table import _Cell
from docx.text.paragraph import Paragraph as Line

from planner.reporter import docx_parts as parts
from planner.reporter.document import (
    NATIONAL_MOTTO,
    NATIONAL_TITLE,
    Appendix,
    Block,
    Heading,
    Letterhead,
    Paragraph,
    Report,
    Signature,
    Table,
)

PAPER = (210, 297)  #: A4, mm
MARGIN_TOP, MARGIN_BOTTOM, MARGIN_LEFT, MARGIN_RIGHT = 20, 20, 30, 15  #: mm
TEXT_WIDTH = PAPER[0] - MARGIN_LEFT - MARGIN_RIGHT
WIDE_TEXT_WIDTH = PAPER[1] - MARGIN_LEFT - MARGIN_RIGHT
LEFT_COLUMN = 75  #: mm, of the letterhead; the right one just holds the national title in 12 point
BODY = 14  #: point
_CENTRE = WD_ALIGN_PARAGRAPH.CENTER


def render(report: Report) -> bytes:
    """Return the document."""
    document = docx.Document()
    _prepare(document, report)
    if report.letterhead is not None:
        _letterhead(document, report.letterhead)
    _titles(document, report)
    for section in report.sections:
        if section.title:
            document.add_paragraph(section.title, style="Heading 1")
        _blocks(document, section.blocks, WIDE_TEXT_WIDTH if report.landscape else TEXT_WIDTH)
    if report.closing:
        document.add_paragraph(report.closing).paragraph_format.keep_with_next = True
    if report.signature is not None:
        _signature(document, report, report.signature)
    for appendix in report.appendices:
        _appendix(document, appendix)
    return _pack(document)


def _prepare(document: Document, report: Report) -> None:
    language = "vi-VN" if report.language == "vi" else "en-GB"
    parts.set_defaults(document, language)
    parts.set_style(document, "Normal", size=BODY, indent=12.7, after=6, spacing=1.15, justified=True)
    parts.set_style(document, "Heading 1", size=BODY, bold=True, indent=12.7, before=6, after=6, keep=True)
    parts.set_style(document, "Heading 2", size=BODY, bold=True, indent=12.7, after=6, keep=True)
    parts.set_style(document, "Header", size=13)
    first = document.sections[0]
    _page(first, landscape=report.landscape)
    first.header.is_linked_to_previous = False
    number = first.header.paragraphs[0]
    number.alignment = _CENTRE
    parts.add_page_number(number)
    first.first_page_header.is_linked_to_previous = False  # stays empty: the first page shows no number
    day = report.letterhead.day if report.letterhead is not None else None
    stamp = datetime(day.year, day.month, day.day) if day else datetime(2020, 1, 1)  # noqa: DTZ001 - a date, no instant
    core = document.core_properties
    core.author = core.last_modified_by = report.letterhead.issuer if report.letterhead else ""
    core.title, core.subject, core.comments, core.language = report.subject, report.type_name, "", language
    core.created = core.modified = stamp
    core.revision = 1


def _page(section: PageSection, *, landscape: bool) -> None:
    short, long = Mm(PAPER[0]), Mm(PAPER[1])
    section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = (long, short) if landscape else (short, long)
    section.top_margin, section.bottom_margin = Mm(MARGIN_TOP), Mm(MARGIN_BOTTOM)
    section.left_margin, section.right_margin = Mm(MARGIN_LEFT), Mm(MARGIN_RIGHT)
    section.header_distance = section.footer_distance = Mm(10)
    section.different_first_page_header_footer = True
    parts.restart_page_numbers(section)


def _letterhead(document: Document, head: Letterhead) -> None:
    right_width = TEXT_WIDTH - LEFT_COLUMN
    left, right = parts.add_columns(document, [LEFT_COLUMN, right_width])
    lines = [_line(left, head.superior.upper(), size=12)] if head.superior else []
    lines.append(_line(left, head.issuer.upper(), size=12, bold=True))
    issuer = min(parts.text_width(head.issuer.upper(), 12), LEFT_COLUMN)
    parts.add_rule(left, LEFT_COLUMN, issuer * 0.42)
    _line(right, NATIONAL_TITLE, size=12, bold=True)
    _line(right, NATIONAL_MOTTO, size=13, bold=True)
    parts.add_rule(right, right_width, parts.text_width(NATIONAL_MOTTO, 13))
    left, right = parts.add_columns(document, [LEFT_COLUMN, right_width])
    _line(left, head.number_line, size=13)
    _line(right, head.date_line, size=13, italic=True)


def _titles(document: Document, report: Report) -> None:
    _centred(document, report.type_name, bold=True, before=18)
    if report.subject:
        _centred(document, report.subject, bold=True)
        width = min(parts.text_width(report.subject, BODY), TEXT_WIDTH)
        parts.add_rule(document, TEXT_WIDTH, width * 0.4)
    if report.period_line:
        _centred(document, report.period_line, italic=True, before=6)
    lines = report.addressee_lines
    if len(lines) == 1:
        _centred(document, f"{report.salutation} {lines[0]}", before=12, after=12)
    elif lines:
        indent = 30.0
        first = _centred(document, report.salutation, before=12)
        hang = indent + parts.text_width(report.salutation.rstrip(":"), BODY)
        for line, left in [(first, indent), *((_centred(document, text), hang) for text in lines)]:
            line.alignment, line.paragraph_format.left_indent = WD_ALIGN_PARAGRAPH.LEFT, Mm(left)


def _blocks(document: Document, blocks: tuple[Block, ...], width: int, size: int = 12) -> None:
    after_table = False
    for block in blocks:
        match block:
            case Paragraph():
                line = document.add_paragraph(block.text)
            case Heading():
                line = document.add_paragraph(block.text, style="Heading 2")
            case Table():
                if after_table:
                    _gap(document)
                parts.add_table(document, block, width, size)
                after_table = True
                continue
        if after_table:
            line.paragraph_format.space_before = Pt(6)
        after_table = False


def _signature(document: Document, report: Report, signature: Signature) -> None:
    _gap(document)
    half = TEXT_WIDTH // 2
    left, right = parts.add_columns(document, [half, TEXT_WIDTH - half])
    if report.recipients:
        _line(left, report.recipients_title, size=12, bold=True, italic=True, align=WD_ALIGN_PARAGRAPH.LEFT)
    for text in report.recipient_lines:
        _line(left, text, size=11, align=WD_ALIGN_PARAGRAPH.LEFT)
    for text in (*signature.authority, signature.post):
        _line(right, text.upper(), size=BODY, bold=True)
    for _blank in range(4):  # room for the signature and the seal
        _line(right, "", size=BODY)
    _line(right, signature.name, size=BODY, bold=True)


def _appendix(document: Document, appendix: Appendix) -> None:
    _page(document.add_section(WD_SECTION.NEW_PAGE), landscape=appendix.landscape)
    label = _centred(document, appendix.label, bold=True)
    label.style = document.styles["Heading 1"]
    label.paragraph_format.first_line_indent = Pt(0)
    _centred(document, appendix.title, bold=True)
    _centred(document, appendix.reference, italic=True, after=12)
    _blocks(document, appendix.blocks, WIDE_TEXT_WIDTH if appendix.landscape else TEXT_WIDTH)


def _line(
    cell: _Cell,
    text: str,
    *,
    size: int,
    bold: bool = False,
    italic: bool = False,
    align: WD_ALIGN_PARAGRAPH = _CENTRE,
) -> Line:
    line = parts.next_line(cell)
    _dress(line, text, size, bold=bold, italic=italic)
    line.alignment = align
    return line


def _centred(
    document: Document, text: str, *, bold: bool = False, italic: bool = False, before: int = 0, after: int = 0
) -> Line:
    line = document.add_paragraph()
    _dress(line, text, BODY, bold=bold, italic=italic)
    line.alignment = _CENTRE
    line.paragraph_format.space_before, line.paragraph_format.space_after = Pt(before), Pt(after)
    return line


def _dress(line: Line, text: str, size: int, *, bold: bool, italic: bool) -> None:
    run = line.add_run(text)
    run.font.size, run.bold, run.italic = Pt(size), bold, italic
    layout = line.paragraph_format
    layout.first_line_indent, layout.space_before, layout.space_after, layout.line_spacing = Pt(0), Pt(0), Pt(0), 1.0


def _gap(document: Document) -> None:
    line = document.add_paragraph()
    line.paragraph_format.space_after = Pt(0)
    line.paragraph_format.line_spacing = Pt(8)
    line.paragraph_format.keep_with_next = True


def _pack(document: Document) -> bytes:
    raw, packed = io.BytesIO(), io.BytesIO()
    document.save(raw)
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, source.read(name))
    return packed.getvalue()
