"""Reads the plan's table from a Word document (.docx): each table is a grid, the lines above it are its title block.

Tables inside tables, headers, footers and text boxes are not read. Judges no content. The document is measured by
`package.py` and parsed by a child process. Source: ISO/IEC 29500-1, 17.4 (tables: gridSpan, vMerge).
"""

from __future__ import annotations

import re

from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.cells import read_cells
from planner.importer.draft import PlanDraft
from planner.importer.grid import Grid
from planner.importer.package import DOCX, Package, Unreadable, open_package, pack
from planner.importer.sheet import read_grids

_FIRST_LINES, _LAST_LINES = 40, 15  # above a table; its headings are looked for in 60 rows
# The head of an official letter: "Số: 12/KH-STTTT", "Thanh Hóa, ngày 04 tháng 5 năm 2020".
_NUMBER_LINE = re.compile(r"\s*Số\s{0,5}:\s{0,5}(\S{1,60})\s*")
_DAY_LINE = re.compile(r"\s*[^\d\n]{2,60},\s{0,5}(ngày\s+\d{1,2}\s+tháng\s+\d{1,2}\s+năm\s+\d{4})\s*")
_LINKED_FIELD = re.compile(rb"\b(?:DDEAUTO|DDE|LINK|INCLUDETEXT)\b")

_OOXML = "http://schemas.openxmlformats.org"
_DOCUMENT = f"{_OOXML}/officeDocument/2006/relationships/officeDocument"
_MAIN_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
#: What the parser needs beside the document itself. Styles, pictures and links are not given to it.
_FRAME = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_OOXML}/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_MAIN_TYPE}"/></Types>'
    ).encode(),
    "_rels/.rels": (
        f'<Relationships xmlns="{_OOXML}/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{_DOCUMENT}" Target="word/document.xml"/></Relationships>'
    ).encode(),
}


def read_word(name: str, data: bytes, sha256: str) -> PlanDraft:
    """Return the draft of a .docx file; a document that cannot be opened is one problem in `draft.problems`."""
    try:
        package = open_package(data, DOCX)
        grids = _grids(package)
    except Unreadable as found:
        problem = Problem(place=name, code=found.code, message=found.message)
        return PlanDraft(file_name=name, sha256=sha256, format="docx", problems=(problem,), readable=False)
    if not grids:
        message = _("The document holds no table; a plan is a table of tasks, see the headings in the plan form.")
        problem = Problem(place=name, code="no_table", message=message)
        return PlanDraft(file_name=name, sha256=sha256, format="docx", problems=(problem,), readable=False)
    draft = read_grids(name, sha256, "docx", grids)
    return draft.warned(_links(name, package))


def read_document(data: bytes) -> list[Grid]:
    """Return the tables of a .docx file, each with the lines above it.

    Raises:
        Unreadable: the document cannot be opened, or not within the memory and time that a plan needs.
    """
    return _grids(open_package(data, DOCX))


def _grids(package: Package) -> list[Grid]:
    """Return each table with the lines above it as rows of one cell."""
    grids = []
    for number, table in enumerate(read_cells(pack({**_FRAME, "word/document.xml": package.main}), DOCX)["tables"], 1):
        lines = table["above"]
        if len(lines) > _FIRST_LINES + _LAST_LINES:
            lines = lines[:_FIRST_LINES] + lines[-_LAST_LINES:]
        above = [["\n".join(map(_labelled, line.split("\n")))] for line in lines]
        down = len(above)
        merged = tuple(((first[0] + down, first[1]), (last[0] + down, last[1])) for first, last in table["merged"])
        grids.append(
            Grid(
                name=_("table {number}").format(number=number),
                rows=[*above, *table["rows"]],
                merged=merged,
                table=number,
                rows_above=down,
            )
        )
    return grids


def _labelled(line: str) -> str:
    """Return a line of an official letter's head with the label that the title block knows."""
    number, day = _NUMBER_LINE.fullmatch(line), _DAY_LINE.fullmatch(line)
    if number:
        return f"Số kế hoạch: {number[1]}"
    return f"Ngày ký: {day[1]}" if day else line


def _links(name: str, package: Package) -> tuple[Problem, ...]:
    """Say that a field takes its value from another file or program: the value last saved is read."""
    fields = re.findall(rb"<w:instrText[^>]*>([^<]*)<|\bw:instr=\"([^\"]*)\"", package.main)
    if not any(_LINKED_FIELD.search(part) for pair in fields for part in pair):
        return ()
    return (external(name),)


def external(name: str) -> Problem:
    """Return the warning that values come from another file."""
    message = _("The file takes values from other files or programs; they are not opened, the values last saved count.")
    return Problem(place=name, code="external_links", message=message, severity="warning")
