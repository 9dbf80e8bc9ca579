"""Colours cells of a sheet's XML: the fill changes, everything else about the cell stays as it is.

A cell that is not there is made, in its row and in the look of that row or column. Knows SpreadsheetML (ECMA-376,
part 1, 18.3 and 18.8); neither packages nor plans.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from planner.importer.grid import cell_name
from planner.importer.places import column_number

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RED, YELLOW = "FFFFC7CE", "FFFFEB9C"  #: fills of an error and of a warning, as Excel's own "bad" and "neutral"
EMPTY_STYLES = f"""<styleSheet xmlns="{MAIN}"><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>\
<fills count="2"><fill><patternFill patternType="none"/></fill>\
<fill><patternFill patternType="gray125"/></fill></fills>\
<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>\
<cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs></styleSheet>"""

_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([1-9]\d{0,6})")
_PLAIN = re.compile(r"[0-9]{1,7}")
_STYLE_ORDER = ("numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs")
# What stands before the drawing of its notes in the XML of a sheet, in the order that the standard sets.
_BEFORE_NOTES = frozenset(
    """
    sheetPr dimension sheetViews sheetFormatPr cols sheetData sheetCalcPr sheetProtection protectedRanges scenarios
    autoFilter sortState dataConsolidate customSheetViews mergeCells phoneticPr conditionalFormatting dataValidations
    hyperlinks printOptions pageMargins pageSetup headerFooter rowBreaks colBreaks customProperties cellWatches
    ignoredErrors smartTags drawing
    """.split()  # noqa: SIM905 - as one reads it
)


def tag(name: str) -> str:
    """Return a name of SpreadsheetML as lxml writes it."""
    return f"{{{MAIN}}}{name}"


def position(reference: str) -> tuple[int, int] | None:
    """Return row and column, from 0, of "E7"; None for anything else."""
    found = _REFERENCE.fullmatch(reference)
    return (int(found[2]) - 1, column_number(found[1])) if found else None


def corners(area: str) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return the first and the last cell of "A1:K20", or of a single cell; None for anything else."""
    first, _colon, last = area.partition(":")
    start, end = position(first), position(last or first)
    return (start, end) if start and end else None


class Styles:
    """The looks of a workbook: for each look that is asked for, the same one with another fill."""

    def __init__(self, root: Any) -> None:
        self._fills = _section(root, "fills")
        self._looks = _section(root, "cellXfs")
        self._made: dict[tuple[int, str], int] = {}
        self._colours: dict[str, int] = {}

    def filled(self, look: int, colour: str) -> int:
        """Return the number of a look that is `look` filled with `colour` (ARGB, hexadecimal)."""
        if (look, colour) not in self._made:
            known = list(self._looks.iter(tag("xf")))
            plain = etree.Element(tag("xf"), numFmtId="0", fontId="0", borderId="0")
            new = copy.deepcopy(known[look]) if look < len(known) else plain
            new.set("fillId", str(self._fill(colour)))
            new.set("applyFill", "1")
            self._looks.append(new)
            self._looks.set("count", str(len(known) + 1))
            self._made[look, colour] = len(known)
        return self._made[look, colour]

    def _fill(self, colour: str) -> int:
        if colour not in self._colours:
            count = len(list(self._fills.iter(tag("fill"))))
            pattern = etree.SubElement(etree.SubElement(self._fills, tag("fill")), tag("patternFill"))
            pattern.set("patternType", "solid")
            etree.SubElement(pattern, tag("fgColor")).set("rgb", colour)
            etree.SubElement(pattern, tag("bgColor")).set("indexed", "64")
            self._fills.set("count", str(count + 1))
            self._colours[colour] = count
        return self._colours[colour]


def _section(root: Any, name: str) -> Any:
    """Return a section of the styles; one that is missing is put in its place."""
    found = root.find(tag(name))
    if found is None:
        later = {tag(one) for one in _STYLE_ORDER[: _STYLE_ORDER.index(name)]}
        at = max((n for n, child in enumerate(root) if child.tag in later), default=-1) + 1
        found = etree.Element(tag(name))
        root.insert(at, found)
    return found


class Sheet:
    """The XML of one sheet, found by cells."""

    def __init__(self, root: Any) -> None:
        self._root = root
        data = root.find(tag("sheetData"))
        self._data = data if data is not None else etree.SubElement(root, tag("sheetData"))
        self._rows = dict(_numbered(self._data, "row"))
        self._merged = [
            area
            for one in root.iterfind(f"{tag('mergeCells')}/{tag('mergeCell')}")
            if (area := corners(one.get("ref", "")))
        ]

    def anchor(self, row: int, column: int) -> tuple[int, int]:
        """Return the cell itself, or the one that shows for it where cells are merged."""
        for start, end in self._merged:
            if start[0] <= row <= end[0] and start[1] <= column <= end[1]:
                return start
        return row, column

    def colour(self, row: int, column: int, colour: str, styles: Styles) -> None:
        """Fill a cell, which is made if it is not there."""
        cell = self._cell(row, column)
        look = cell.get("s", "0")
        cell.set("s", str(styles.filled(int(look) if _PLAIN.fullmatch(look) else 0, colour)))

    def _cell(self, row: int, column: int) -> Any:
        line = self._rows.get(row)
        if line is None:
            line = etree.Element(tag("row"), r=str(row + 1))
            later = min((number for number in self._rows if number > row), default=None)
            if later is None:
                self._data.append(line)
            else:
                self._rows[later].addprevious(line)
            self._rows[row] = line
        cells = dict(_numbered(line, "c"))
        if column in cells:
            return cells[column]
        cell = etree.Element(tag("c"), r=cell_name(row, column))
        look = line.get("s") if line.get("customFormat") in ("1", "true") else self._column_look(column)
        if look:
            cell.set("s", look)
        after = min((number for number in cells if number > column), default=None)
        if after is None:
            line.append(cell)
        else:
            cells[after].addprevious(cell)
        line.attrib.pop("spans", None)  # a hint of the columns used; without it none is wrong
        self._widen(row, column)
        return cell

    def _column_look(self, column: int) -> str | None:
        for one in self._root.iterfind(f"{tag('cols')}/{tag('col')}"):
            if _number(one, "min") <= column + 1 <= _number(one, "max"):
                look: str | None = one.get("style")
                return look
        return None

    def _widen(self, row: int, column: int) -> None:
        """Let the stated size of the sheet hold a cell."""
        stated = self._root.find(tag("dimension"))
        area = corners(stated.get("ref", "")) if stated is not None else None
        if area:
            start = min(area[0][0], row), min(area[0][1], column)
            end = max(area[1][0], row), max(area[1][1], column)
            stated.set("ref", f"{cell_name(*start)}:{cell_name(*end)}")

    def notes_drawn_by(self, namespace: str) -> str:
        """Return the identity of the relation to the drawing of the notes; "" when there is none."""
        element = self._root.find(tag("legacyDrawing"))
        return "" if element is None else str(element.get(f"{{{namespace}}}id", ""))

    def show_notes(self, identity: str, namespace: str) -> None:
        """Name the drawing of the notes, in the place that the order of elements gives it."""
        at = max((n for n, child in enumerate(self._root) if _local(child) in _BEFORE_NOTES), default=-1) + 1
        element = etree.Element(tag("legacyDrawing"), nsmap={"r": namespace})
        element.set(f"{{{namespace}}}id", identity)
        self._root.insert(at, element)

    def width(self, column: int) -> int:
        """Return the width of a column in pixels, as Excel shows it."""
        for one in self._root.iterfind(f"{tag('cols')}/{tag('col')}"):
            if _number(one, "min") <= column + 1 <= _number(one, "max"):
                return 0 if one.get("hidden") in ("1", "true") else int(_number(one, "width") * 7 + 5)
        return 64

    def height(self, row: int) -> int:
        """Return the height of a row in pixels."""
        line = self._rows.get(row)
        if line is not None and line.get("hidden") in ("1", "true"):
            return 0
        points = _number(line, "ht") if line is not None else 0
        return int(points * 4 / 3) or 20


def _numbered(parent: Any, name: str) -> Iterator[tuple[int, Any]]:
    """Yield rows or cells with their number from 0; one that states none follows the one before it."""
    number = -1
    for child in parent.iterchildren(tag(name)):
        stated = child.get("r", "")
        if name == "row":
            number = int(stated) - 1 if _PLAIN.fullmatch(stated) else number + 1
        else:
            found = position(stated)
            number = found[1] if found else number + 1
        yield number, child


def _number(element: Any, key: str) -> float:
    try:
        value = float(element.get(key, "0"))
    except ValueError:
        return 0
    return value if 0 <= value < 1e6 else 0


def _local(element: Any) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
