"""Puts notes on cells of a sheet: the text into the part of its comments, the box into the drawing behind it.

Notes that are there are kept; more text is written below theirs. The drawing (VML) is not parsed, because other
programs do not always write it as XML: boxes are put in before its end. Source: ECMA-376, parts 1 (18.7) and 4 (19).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lxml import etree

from planner.importer.grid import cell_name
from planner.importer.marking import MAIN, Sheet, tag
from planner.importer.opc import OFFICE, Package, damaged, require_modest
from planner.importer.package import Unreadable

AUTHOR = "planner"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_COMMENTS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
_DRAWING_TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
_WIDTH = 300  # pixels of a box
_PER_LINE = 46  # characters, about
_LINE = 19  # pixels
_MOST_LINES = 30  # shown without pulling the box larger

_DRAWING = (
    '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:x="urn:schemas-microsoft-com:office:excel">'
    '<o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data="{block}"/></o:shapelayout></xml>'
)
_KIND = (
    '<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" path="m,l,21600r21600,l21600,xe">'
    '<v:stroke joinstyle="miter"/><v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>'
)
_BOX = (
    '<v:shape id="_x0000_s{identity}" type="#_x0000_t202" style="position:absolute;margin-left:60pt;margin-top:2pt;'
    'width:{width}pt;height:{height}pt;z-index:1;visibility:hidden" fillcolor="#ffffe1" o:insetmode="auto">'
    '<v:fill color2="#ffffe1"/><v:shadow on="t" color="black" obscured="t"/><v:path o:connecttype="none"/>'
    '<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div></v:textbox>'
    '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:Anchor>{anchor}</x:Anchor>'
    "<x:AutoFill>False</x:AutoFill><x:Row>{row}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>"
)
_NAMESPACES = {
    "v": "urn:schemas-microsoft-com:vml",
    "o": "urn:schemas-microsoft-com:office:office",
    "x": "urn:schemas-microsoft-com:office:excel",
}
_PREFIX = re.compile(r"<v:shape(?:type)?")
_BLOCK = re.compile(rb"<(?:\w{1,9}:)?idmap\b[^>]{0,200}?\bdata=[\"']([\d, ]{1,200})[\"']")
_IDENTITY = re.compile(rb"\b_x0000_s(\d{1,8})\b")
_SHAPE_END = re.compile(rb"(</(?:\w{1,9}:)?shape>)")
_ROW, _COLUMN = (re.compile(rb"<(?:\w{1,9}:)?%b>\s{0,9}(\d{1,7})\s{0,9}<" % name) for name in (b"Row", b"Column"))
_ANCHOR = re.compile(rb"(<(?:\w{1,9}:)?Anchor>)[^<]{0,200}(</)")


class Notes:
    """The notes of one sheet."""

    def __init__(self, package: Package, part: str, sheet: Sheet) -> None:
        self._package = package
        self._part = part
        self._sheet = sheet
        self._boxes: list[tuple[int, int, str]] = []  # row, column, text
        self._grown: dict[tuple[int, int], str] = {}  # notes that were there and hold more text now
        relations = package.relations(part)
        self._comments = next((one.target for one in relations if one.kind == "comments"), "")
        threads = [one.target for one in relations if one.kind == "threadedComment"]
        #: Excel shows the conversation of such a cell instead of a note.
        self.conversations = {
            one.get("ref", "") for part in threads for one in package.look(part).iter() if isinstance(one.tag, str)
        } - {""}
        if not self._comments:
            self._comments = package.new_name("xl/comments{}.xml")
            empty = f'<comments xmlns="{MAIN}"><authors/><commentList/></comments>'
            package.put(self._comments, empty.encode(), _COMMENTS_TYPE)
            package.relate(part, "comments", self._comments)
        root = package.edit(self._comments)
        authors, found = root.find(tag("authors")), root.find(tag("commentList"))
        if authors is None or found is None:
            raise Unreadable("not_xlsx", damaged())
        self._list = found
        self._by_cell = {one.get("ref", ""): one for one in self._list.iterchildren(tag("comment"))}
        names = [one.text or "" for one in authors.iterchildren(tag("author"))]
        if AUTHOR not in names:
            etree.SubElement(authors, tag("author")).text = AUTHOR
            names.append(AUTHOR)
        self._author = names.index(AUTHOR)

    def add(self, row: int, column: int, lines: list[tuple[str, str]]) -> None:
        """Write lines, each of a word in bold and a text, on a cell; a line that its note holds already is left out."""
        name = cell_name(row, column)
        comment = self._by_cell.get(name)
        is_new = comment is None
        if comment is None:
            comment = etree.SubElement(self._list, tag("comment"))
            comment.set("ref", name)
            comment.set("authorId", str(self._author))
            self._by_cell[name] = comment
        text = comment.find(tag("text"))
        if text is None:
            text = etree.Element(tag("text"))
            comment.insert(0, text)
        _as_runs(text)
        for kind, message in lines:
            before = _text_of(text)
            if f"{kind}{message}" in before:
                continue
            _run(text, f"\n{kind}" if before else kind, bold=True)
            _run(text, message)
        if is_new:
            self._boxes.append((row, column, _text_of(text)))
        else:
            self._grown[row, column] = _text_of(text)

    def draw(self) -> None:
        """Draw the boxes of the new notes, and make room in those that hold more text now."""
        drawn = self._sheet.notes_drawn_by(OFFICE)
        drawing = next((one for one in self._package.relations(self._part) if one.identity == drawn), None)
        if drawing is None:
            part = self._package.new_name("xl/drawings/vmlDrawing{}.vml")
            self._package.put(part, _DRAWING.format(block=self._free_block()).encode())
            self._package.declare_suffix("vml", _DRAWING_TYPE)
            self._sheet.show_notes(self._package.relate(self._part, "vmlDrawing", part), OFFICE)
        else:
            part = drawing.target
        content = self._package.read(part)
        require_modest(part, content)
        if self._grown:  # a piece holds one shape: what stands before the end of each
            content = b"".join(map(self._regrown, _SHAPE_END.split(content)))
        end = content.rfind(b"</xml>")
        if end < 0:
            raise Unreadable("not_xlsx", damaged())
        identity = max([1024 * self._block(content), *map(int, _IDENTITY.findall(content))])
        boxes = [] if b"_x0000_t202" in content or not self._boxes else [_KIND]
        for number, (row, column, text) in enumerate(self._boxes, start=identity + 1):
            size = {"width": _WIDTH * 3 // 4, "height": _height(text) * 3 // 4}
            anchor = self._anchor(row, column, text)
            boxes.append(_BOX.format(identity=number, row=row, column=column, anchor=anchor, **size))
        # Not every program declares the customary prefixes at the top.
        stated = "".join(
            f' xmlns:{p}="{name}"' for p, name in _NAMESPACES.items() if f"xmlns:{p}=".encode() not in content
        )
        added = "".join(_PREFIX.sub(rf"\g<0>{stated}", box, count=1) for box in boxes)
        self._package.put(part, content[:end] + added.encode() + content[end:])

    def _regrown(self, piece: bytes) -> bytes:
        row, column = _ROW.search(piece), _COLUMN.search(piece)
        text = self._grown.get((int(row[1]), int(column[1]))) if row and column else None
        if row is None or column is None or text is None:
            return piece
        anchor = self._anchor(int(row[1]), int(column[1]), text).encode()
        return _ANCHOR.sub(rb"\g<1>" + anchor + rb"\g<2>", piece)

    def _anchor(self, row: int, column: int, text: str) -> str:
        """Return where a box stands: column, pixels, row, pixels of its upper left and of its lower right corner."""
        right, beyond = _walk(column + 1, 15 + _WIDTH, self._sheet.width)
        top = max(0, row - 1)
        bottom, below = _walk(top, 10 + _height(text), self._sheet.height)
        return f"{column + 1}, 15, {top}, 10, {right}, {beyond}, {bottom}, {below}"

    def _free_block(self) -> int:
        """Return a block of 1024 shape numbers that no drawing of the workbook uses."""
        blocks = [self._block(self._package.read(part)) for part in self._package.parts("xl/drawings/", ".vml")]
        return max(blocks, default=0) + 1

    @staticmethod
    def _block(content: bytes) -> int:
        found = [int(n) for data in _BLOCK.findall(content) for n in data.replace(b" ", b"").split(b",") if n]
        return max(found, default=1)


def _walk(start: int, pixels: int, size: Callable[[int], int]) -> tuple[int, int]:
    """Return the column or row in which a length that begins at `start` ends, and how far into it."""
    at = start
    while at < start + 200 and pixels >= size(at):
        pixels -= size(at)
        at += 1
    return at, min(pixels, 1000)


def _height(text: str) -> int:
    lines = sum(-(-max(1, len(line)) // _PER_LINE) for line in text.split("\n"))
    return _LINE * min(lines, _MOST_LINES) + 12


def _text_of(text: Any) -> str:
    return "".join(one.text or "" for one in text.iter(tag("t")))


def _as_runs(text: Any) -> None:
    """Make a run of a text that stands without one: behind runs, some programs do not show it."""
    plain = text.find(tag("t"))
    if plain is not None:
        run = etree.Element(tag("r"))
        plain.addprevious(run)
        run.append(plain)
        plain.set(_SPACE, "preserve")


def _run(text: Any, words: str, *, bold: bool = False) -> None:
    run = etree.Element(tag("r"))
    look = etree.SubElement(run, tag("rPr"))
    if bold:
        etree.SubElement(look, tag("b"))
    etree.SubElement(look, tag("sz")).set("val", "11")
    etree.SubElement(look, tag("rFont")).set("val", "Times New Roman")
    said = etree.SubElement(run, tag("t"))
    said.text = words
    said.set(_SPACE, "preserve")
    runs = text.findall(tag("r"))
    if runs:
        runs[-1].addnext(run)
    else:
        text.insert(0, run)
