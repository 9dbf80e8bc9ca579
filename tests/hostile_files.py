"""Files made to do harm, and files that merely look odd: each with what must be said of it.

Used by the tests, which ask for the problem's code and that nothing is stored, and by `python -m bench.hostile`, which
asks for the time and the memory. Big files are written in pieces; nothing here needs more memory than a few MiB.
"""

from __future__ import annotations

import io
import os
import struct
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"

TITLE = ("Mã cơ quan: stttt", "Văn bản giao: kl-2020-04-29", "Kế hoạch số 12/KH-STTTT ngày 04/5/2020")
HEADINGS = ("TT", "Nhiệm vụ", "Người chịu trách nhiệm", "Thời hạn hoàn thành", "Ghi chú")
GOAL = ("I", "100% văn bản được xử lý trên môi trường điện tử")
TASK = ("1", "Rà soát, cấp chữ ký số", "nguyen.van.a@stttt.example.vn", "trước ngày 15/5/2020", "")
ROWS: tuple[tuple[str, ...], ...] = (*((line,) for line in TITLE), HEADINGS, GOAL, TASK)

Content = bytes | Iterable[bytes]


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """One file and what must be said of it."""

    name: str  #: of the file
    make: Callable[[Path], None]  #: writes it
    code: str = ""  #: of the problem it must have; "": it is read, and no problem is an error
    warning: str = ""  #: of a warning it must have
    command: str = ""  #: what the command line says before the file is looked at, where that is something else


HOSTILE: list[Hostile] = []


def hostile(
    name: str, code: str = "", *, warning: str = ""
) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Enter a maker into the list."""

    def enter(make: Callable[[Path], None]) -> Callable[[Path], None]:
        HOSTILE.append(Hostile(name=name, make=make, code=code, warning=warning))
        return make

    return enter


def given(name: str, code: str, content: Callable[[], bytes], *, warning: str = "") -> None:
    """Enter a file by its content, made only when it is wanted."""
    hostile(name, code, warning=warning)(lambda path: _write(path, content()))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


# --- workbooks by hand ------------------------------------------------------------------------------------------------


def escape(text: str) -> str:
    """Return `text` as XML writes it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def cell(row: int, column: int, text: str, *, reference: bool = True) -> str:
    """Return a cell with its text in it, row and column from 0."""
    place = f' r="{chr(65 + column)}{row + 1}"' if reference else ""
    return f'<c{place} t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def sheet_rows(rows: Iterable[Iterable[str]], start: int = 0) -> str:
    """Return rows of text cells."""
    return "".join(
        f'<row r="{n + 1}">{"".join(cell(n, c, text) for c, text in enumerate(row) if text)}</row>'
        for n, row in enumerate(rows, start)
    )


def sheet(body: str | None = None, *, after: str = "", before: str = "") -> bytes:
    """Return the XML of a sheet."""
    rows = sheet_rows(ROWS) if body is None else body
    start = f'<?xml version="1.0" encoding="UTF-8"?>{before}<worksheet xmlns="{_MAIN}">'
    return f"{start}<sheetData>{rows}</sheetData>{after}</worksheet>".encode()


def workbook_parts(*, sheets: Iterable[str] = ("Kế hoạch",), part: str = "worksheets/sheet1.xml") -> dict[str, Content]:
    """Return the parts of a sound workbook by name; every sheet named is the same part."""
    listed = "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId1"/>' for n, name in enumerate(sheets, 1))
    return {
        "[Content_Types].xml": (
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            "</Types>"
        ).encode(),
        "_rels/.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Target="xl/workbook.xml" '
            f'Type="{_RELATIONS}/officeDocument"/></Relationships>'
        ).encode(),
        "xl/workbook.xml": (
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{listed}</sheets></workbook>'
        ).encode(),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Target="{part}" '
            f'Type="{_RELATIONS}/worksheet"/><Relationship Id="rId2" Target="sharedStrings.xml" '
            f'Type="{_RELATIONS}/sharedStrings"/><Relationship Id="rId3" Target="styles.xml" '
            f'Type="{_RELATIONS}/styles"/></Relationships>'
        ).encode(),
        "xl/worksheets/sheet1.xml": sheet(),
    }


def document_parts(body: str | None = None, *, before: str = "") -> dict[str, Content]:
    """Return the parts of a sound document by name."""
    main = f"{table(ROWS[3:])}" if body is None else body
    above = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in TITLE)
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    return {
        "[Content_Types].xml": (
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
            f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>'
        ).encode(),
        "_rels/.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Target="word/document.xml" '
            f'Type="{_RELATIONS}/officeDocument"/></Relationships>'
        ).encode(),
        "word/document.xml": (
            f'<?xml version="1.0" encoding="UTF-8"?>{before}<w:document xmlns:w="{_WORD}"><w:body>{above}{main}'
            f"</w:body></w:document>"
        ).encode(),
    }


def table(rows: Iterable[Iterable[str]]) -> str:
    """Return a table of a document."""
    lines = "".join(
        f"<w:tr>{''.join(f'<w:tc><w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p></w:tc>' for text in row)}</w:tr>"
        for row in rows
    )
    return f"<w:tbl>{lines}</w:tbl>"


def pack(path: Path, parts: Mapping[str, Content], *, level: int = 6) -> None:
    """Write a zip of parts, each whole or in pieces."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in parts.items():
            with archive.open(zipfile.ZipInfo(name) if name.endswith("/") else name, "w", force_zip64=False) as entry:
                for piece in (content,) if isinstance(content, bytes) else content:
                    entry.write(piece)


def repeated(start: str, piece: str, times: int, end: str) -> Iterable[bytes]:
    """Yield `piece` many times between two texts, some MiB in all, without holding it."""
    yield start.encode()
    many = max(1, min(times, MIB // len(piece.encode())))
    block = (piece * many).encode()
    for _ in range(times // many):
        yield block
    yield (piece * (times % many)).encode()
    yield end.encode()


def laughs(root: str, use: str) -> str:
    """Return a document type of ten entities, each ten of the one before: 10^10 letters when unfolded."""
    entities = '<!ENTITY a0 "hahahahaha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return f"<!DOCTYPE {root} [{entities}]>{use}"


def _zip_of_zeros() -> bytes:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10 * MIB))
    return inner.getvalue()


XXE = '<!DOCTYPE worksheet [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'


def _books(name: str, code: str = "", *, warning: str = "", **changes: Callable[[], Content]) -> None:
    def make(path: Path) -> None:
        parts = workbook_parts()
        parts.update({_PARTS[key]: content() for key, content in changes.items()})
        pack(path, parts, level=1)

    hostile(name, code, warning=warning)(make)


_PARTS = {
    "sheet": "xl/worksheets/sheet1.xml",
    "strings": "xl/sharedStrings.xml",
    "styles": "xl/styles.xml",
    "book": "xl/workbook.xml",
    "types": "[Content_Types].xml",
    "picture": "xl/media/image1.png",
    "macros": "xl/vbaProject.bin",
    "link": "xl/externalLinks/externalLink1.xml",
    "nested": "xl/embeddings/nested.zip",
}
_START = f'<worksheet xmlns="{_MAIN}"><sheetData>'
_END = "</sheetData></worksheet>"

_books("sound.xlsx")
_books("zip-bomb-picture.xlsx", "file_too_large", picture=lambda: repeated("", "\0" * 1024, 300 * 1024, ""))
_books("zip-bomb-sheet.xlsx", "file_too_large", sheet=lambda: repeated(_START, " " * 1024, 180 * 1024, _END))
_books("zip-nested.xlsx", nested=_zip_of_zeros)
_books(
    "entity-bomb-sheet.xlsx",
    "xml_doctype",
    sheet=lambda: sheet(sheet_rows([["&a9;"]]).replace("&amp;", "&"), before=laughs("worksheet", "")),
)
_books(
    "entity-bomb-strings.xlsx",
    "xml_doctype",
    strings=f'<?xml version="1.0"?>{laughs("sst", "")}<sst xmlns="{_MAIN}"><si><t>&a9;</t></si></sst>'.encode,
)
_books(
    "entity-bomb-quadratic.xlsx",
    "xml_doctype",
    sheet=lambda: sheet(
        f"<row><c><v>{'&b;' * 20_000}</v></c></row>", before=f'<!DOCTYPE w [<!ENTITY b "{"x" * 20_000}">]>'
    ),
)
_books("entity-bomb-types.xlsx", "xml_doctype", types=f"{laughs('Types', '')}<Types>&a9;</Types>".encode)
_books("xxe.xlsx", "xml_doctype", sheet=lambda: sheet("<row><c><v>&secret;</v></c></row>", before=XXE))
_books(
    "xxe-utf16.xlsx",
    "xml_encoding",
    sheet=lambda: (
        sheet("<row><c><v>&secret;</v></c></row>", before=XXE).decode().replace("UTF-8", "UTF-16").encode("utf-16")
    ),
)
_books(
    "xxe-utf7.xlsx",
    "xml_encoding",
    sheet=lambda: b'<?xml version="1.0" encoding="UTF-7"?>' + XXE.encode("utf-7") + _START.encode() + _END.encode(),
)
_books(
    "rows-1e6.xlsx",
    "file_too_large",
    sheet=lambda: repeated(_START, '<row><c t="inlineStr"><is><t>I.1</t></is></c></row>', 1_000_000, _END),
)
_books(
    "rows-styled-1e6.xlsx",
    "file_too_large",
    sheet=lambda: repeated(_START, '<row ht="15" customHeight="1"/>', 1_000_000, _END),
)
_books(
    "cell-far.xlsx",
    "sheet_too_large",
    sheet=lambda: sheet(sheet_rows(ROWS) + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
)
_books(
    "cell-far-unreferenced.xlsx",
    "file_too_large",
    sheet=lambda: repeated(
        _START + "<row>" + "<c><v>1</v></c>" * 16_000 + "</row>", "<row><c><v>1</v></c></row>", 100_000, _END
    ),
)
_books(
    "cell-100mb.xlsx",
    "file_too_large",
    sheet=lambda: repeated(
        _START + '<row r="1"><c r="A1" t="str"><v>', "x" * 1024, 100 * 1024, f"</v></c></row>{_END}"
    ),
)
_books(
    "string-100mb.xlsx",
    "file_too_large",
    strings=lambda: repeated(f'<sst xmlns="{_MAIN}"><si><t>', "x" * 1024, 100 * 1024, "</t></si></sst>"),
)
_books(
    "string-shared-by-9900.xlsx",
    "file_too_large",
    strings=f'<sst xmlns="{_MAIN}"><si><t>{"x" * 100_000}</t></si></sst>'.encode,
    sheet=lambda: repeated(_START, '<row><c t="s"><v>0</v></c></row>', 9_900, _END),
)
_books(
    "strings-4e6-empty.xlsx",
    "file_too_large",
    strings=lambda: repeated(f'<sst xmlns="{_MAIN}">', "<si/>", 4_000_000, "</sst>"),
)
_books(
    "styles-1e6.xlsx",
    styles=lambda: repeated(
        f'<styleSheet xmlns="{_MAIN}"><cellXfs>', '<xf numFmtId="14"/>', 1_000_000, "</cellXfs></styleSheet>"
    ),
)
_books(
    "merged-1e5.xlsx",
    "file_too_large",
    sheet=lambda: sheet(
        after="<mergeCells>" + "".join(f'<mergeCell ref="A{n}:A{n + 9}"/>' for n in range(1, 100_001)) + "</mergeCells>"
    ),
)
_books(
    "merged-9900.xlsx",
    sheet=lambda: sheet(
        after="<mergeCells>" + "".join(f'<mergeCell ref="C{n}:C{n + 9}"/>' for n in range(7, 9_907)) + "</mergeCells>"
    ),
)
_books(
    "merged-whole-sheet.xlsx",
    "no_table",
    sheet=lambda: sheet("", after='<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'),
)
_books("macros.xlsx", "macros", macros=lambda: b"\xd0\xcf\x11\xe0")
_books(
    "macros-by-type.xlsx",
    "macros",
    types=lambda: (
        b'<Types><Override PartName="/xl/workbook.xml" '
        b'ContentType="application/vnd.ms-excel.sheet.macroEnabled.main+xml"/></Types>'
    ),
)
_books(
    "external-links.xlsx",
    warning="external_links",
    link=lambda: b'<externalLink><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>',
)
_books(
    "formula-texts.xlsx",
    sheet=lambda: sheet(
        sheet_rows(
            [
                *ROWS[:5],
                ("1", "=cmd|'/c calc'!A1", TASK[2], TASK[3], "@SUM(1+1)"),
                ("2", "+84 237", TASK[2], TASK[3], "-2+3"),
            ]
        )
    ),
)
_books(
    "formula-uncalculated.xlsx",
    "cell_fault",
    sheet=lambda: sheet(
        sheet_rows(ROWS) + '<row r="7"><c r="A7"><v>2</v></c><c r="B7"><f>HYPERLINK("http://x")</f></c></row>'
    ),
)
_books(
    "cells-32k.xlsx",
    "text_too_long",
    sheet=lambda: sheet(sheet_rows([*ROWS[:5], *((str(n), "x" * 32_000, TASK[2], TASK[3]) for n in range(1, 80))])),
)
_books(
    "cells-32k-many.xlsx",
    "file_too_large",
    sheet=lambda: sheet(sheet_rows([*ROWS[:5], *((str(n), "x" * 32_000, *TASK[2:]) for n in range(1, 400))])),
)
_books(
    "deadlines-long.xlsx",
    "text_too_long",
    sheet=lambda: sheet(_tasks((str(n), "x", TASK[2], text) for n, text in _provoking(32_000))),
)
_books(
    "people-long.xlsx",
    "text_too_long",
    sheet=lambda: sheet(_tasks((str(n), "x", text, TASK[3]) for n, text in _provoking(32_000))),
)
_books(
    "numbers-long.xlsx",
    "text_too_long",
    sheet=lambda: sheet(_tasks((text, "x", *TASK[2:]) for _n, text in _provoking(32_000))),
)
_books(
    "title-long.xlsx",
    sheet=lambda: sheet(sheet_rows([*([text] for _n, text in _provoking(32_000)), *ROWS])),
)
_books(
    "rows-9900.xlsx",
    sheet=lambda: sheet(_tasks((str(n), f"Việc số {n}", *TASK[2:]) for n in range(1, 9_901))),
)
_books(
    "names-unknown.xlsx",
    "cooperating_unknown",
    sheet=lambda: sheet(
        sheet_rows([*ROWS[:3], (*HEADINGS[:4], "Cơ quan phối hợp"), GOAL])
        + sheet_rows(((str(n), "x", *TASK[2:4], f"{n}, " + "sở xyz, " * 50) for n in range(1, 4_000)), start=5)
    ),
)
_books(
    "headings-of-blanks.xlsx",
    "no_table",
    sheet=lambda: sheet(
        sheet_rows(
            [[" " * 16_000 + "(" * 16_000, "TT" + " " * 32_000, "Kế hoạch số " + " " * 32_000, "ngày " * 6_000]] * 20
        )
    ),
)
_books(
    "title-of-blanks.xlsx",
    sheet=lambda: sheet(
        sheet_rows(
            [["Kế hoạch số" + " " * 30_000 + "ngày"], ["Số: " + " " * 30_000 + "x", "kèm theo " + "a " * 15_000], *ROWS]
        )
    ),
)
_books(
    "deadlines-provoking.xlsx",
    "deadline_none",
    sheet=lambda: sheet(_tasks((str(n), "x", TASK[2], text) for n, text in _provoking(1_900))),
)
_books(
    "tcvn3.xlsx",
    "legacy_text",
    sheet=lambda: sheet(
        sheet_rows(
            [("M· c¬ quan: stttt",), ("TT", "Néi dung nhiÖm vô", "Ng­êi chÞu tr¸ch nhiÖm", "Thêi h¹n hoµn thµnh")]
        )
    ),
)
_books(
    "tcvn3-cell.xlsx",
    "legacy_text",
    sheet=lambda: sheet(sheet_rows([*ROWS[:5], ("1", "Rµ so¸t, cÊp ch÷ ký sè cho c¸n bé", *TASK[2:])])),
)
_books(
    "vni-cell.xlsx",
    "legacy_text",
    sheet=lambda: sheet(sheet_rows([*ROWS[:5], ("1", "Raø soaùt, caáp chöõ kyù soá cho caùn boä", *TASK[2:])])),
)


def _tasks(rows: Iterable[Iterable[str]]) -> str:
    return sheet_rows([*ROWS[:5], *rows])


def _provoking(length: int) -> Iterable[tuple[int, str]]:
    """Yield numbered texts of about `length` characters that make a careless pattern try very many ways."""
    for n, text in enumerate(_PROVOKING, 1):
        yield n, text * (length // len(text))


_PROVOKING = (
    *("từ ngày ", "1/", "9", "quý ", " ", "- ", "tháng 1", "ngày 1/1/2020 ", "(", "trước ", "a@", "a.", ",", "và "),
    *("Kế hoạch số ", "I", "1.", "kèm theo a ", "huyện ", "TT. ", "\n", "(1) ", "a:", '"', "ngày tháng năm "),
)


@hostile("sheets-1e5.xlsx", "file_too_large")
def _many_sheets(path: Path) -> None:
    pack(path, workbook_parts(sheets=(f"S{n}" for n in range(100_000))))


@hostile("sheet-name-control.xlsx")
def _sheet_name(path: Path) -> None:
    parts = workbook_parts(sheets=("\x1b[2J../../etc\u202egpj\nx",))
    pack(path, parts)


@hostile("sheet-part-outside.xlsx", "not_xlsx")
def _sheet_outside(path: Path) -> None:
    pack(path, workbook_parts(part="../../../../etc/passwd"))


@hostile("zip-lying-sizes.xlsx", "not_xlsx")
def _lying(path: Path) -> None:
    pack(path, {**workbook_parts(), "xl/worksheets/sheet1.xml": repeated(_START, " " * 1024, 100 * 1024, _END)})
    data = bytearray(path.read_bytes())
    true = struct.pack("<I", 100 * MIB + len(_START) + len(_END))
    assert data.count(true) >= 1
    at = data.find(true)
    while at >= 0:
        data[at : at + 4] = struct.pack("<I", 4096)
        at = data.find(true)
    path.write_bytes(data)


@hostile("zip-overlapping.xlsx", "not_xlsx")
def _overlapping(path: Path) -> None:
    """Let every entry of the directory point to the same packed bytes, under many names."""
    pack(path, workbook_parts())
    data = path.read_bytes()
    directory = data.rindex(b"PK\x01\x02")
    first, entry, end = data[: data.index(b"PK\x01\x02")], data[directory : data.rindex(b"PK\x05\x06")], b""
    name = b"xl/worksheets/sheet1.xml"
    many = b"".join(
        entry.replace(name, f"xl/worksheets/s{n:07}.xml".encode().ljust(len(name), b"_")) for n in range(1500)
    )
    whole = data[data.index(b"PK\x01\x02") : directory] + entry + many
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1506, 1506, len(whole), len(first), 0)
    path.write_bytes(first + whole + end)


@hostile("zip-entries-6e4.xlsx", "file_too_large")
def _entries(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in workbook_parts().items():
            assert isinstance(content, bytes)
            archive.writestr(name, content)
        for n in range(60_000):
            archive.writestr(zipfile.ZipInfo(f"xl/media/{n}"), b"")


@hostile("zip-same-name-twice.xlsx", "not_xlsx")
def _twice(path: Path) -> None:
    pack(path, {**workbook_parts(), "xl/worksheets/SHEET1.xml": sheet("")})


@hostile("zip-locked.xlsx", "encrypted")
def _zip_locked(path: Path) -> None:
    pack(path, workbook_parts())
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    path.write_bytes(data)


def _ole(*names: str) -> bytes:
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1000) + b"".join(n.encode("utf-16-le") + bytes(64) for n in names)


given("locked.xlsx", "encrypted", lambda: _ole("EncryptionInfo", "EncryptedPackage"))
given("locked.docx", "encrypted", lambda: _ole("EncryptionInfo", "EncryptedPackage"))
given("old-excel.xlsx", "wrong_suffix", lambda: _ole("Workbook"))
given("old-word.docx", "wrong_suffix", lambda: _ole("WordDocument"))
given("pdf.xlsx", "wrong_suffix", lambda: b"%PDF-1.7\n" + bytes(5000))
given("web-page.xlsx", "wrong_suffix", lambda: b"<html><table><tr><td>TT</td></tr></table></html>")
given("program.yaml", "wrong_suffix", lambda: b"\x7fELF" + bytes(5000))
given("picture.csv", "wrong_suffix", lambda: b"\x89PNG\r\n\x1a\n" + bytes(5000))
given("macros.xlsm", "format_unknown", lambda: b"PK\x03\x04")
given("old.doc", "format_unknown", lambda: _ole("WordDocument"))
given("table.ods", "format_unknown", lambda: b"PK\x03\x04")
given("noise.xlsx", "not_xlsx", lambda: bytes(range(256)) * 4000)
given("zip-cut.xlsx", "not_xlsx", lambda: b"PK\x03\x04" + bytes(3000))
for _suffix in ("xlsx", "docx", "csv", "yaml"):
    given(f"empty.{_suffix}", "empty_file", lambda: b"")


@hostile("word.xlsx", "wrong_suffix")
def _word_as_excel(path: Path) -> None:
    pack(path, document_parts())


@hostile("excel.docx", "wrong_suffix")
def _excel_as_word(path: Path) -> None:
    pack(path, workbook_parts())


@hostile("excel.yaml", "wrong_suffix")
def _excel_as_yaml(path: Path) -> None:
    pack(path, workbook_parts())


# --- documents --------------------------------------------------------------------------------------------------------


def _papers(
    name: str,
    code: str = "",
    *,
    warning: str = "",
    body: Callable[[], Content] | None = None,
    before: str = "",
    more: Mapping[str, Content] | None = None,
) -> None:
    def make(path: Path) -> None:
        parts = document_parts(before=before)
        if body is not None:
            whole = document_parts("@")["word/document.xml"]
            assert isinstance(whole, bytes)
            start, end = whole.decode().split("@")
            inside = body()
            parts["word/document.xml"] = _around(start, (inside,) if isinstance(inside, bytes) else inside, end)
        pack(path, {**parts, **(more or {})}, level=1)

    hostile(name, code, warning=warning)(make)


def _around(start: str, inside: Iterable[bytes], end: str) -> Iterable[bytes]:
    yield start.encode()
    yield from inside
    yield end.encode()


_papers("sound.docx")
_papers("entity-bomb.docx", "xml_doctype", before=laughs("w:document", ""))
_papers("xxe.docx", "xml_doctype", before=XXE)
_papers("macros.docx", "macros", more={"word/vbaProject.bin": b"\xd0\xcf\x11\xe0"})
_papers(
    "text-100mb.docx",
    "file_too_large",
    body=lambda: repeated("<w:p><w:r><w:t>", "x" * 1024, 100 * 1024, "</w:t></w:r></w:p>"),
)
_papers("paragraphs-4e6.docx", "file_too_large", body=lambda: repeated("", "<w:p/>", 3_900_000, ""))
_papers("paragraphs-1e6.docx", "file_too_large", body=lambda: repeated("", "<w:p/>", 1_200_000, ""))
_papers(
    "attributes.docx",
    "file_too_large",
    body=lambda: repeated(
        "", '<w:p a="" b="" c="" d="" e="" f="" g="" h="" i="" j="" k="" l="" m="" n="" o="" p="" q=""/>', 200_000, ""
    ),
)
_papers(
    "tables-nested-200.docx",
    "not_docx",
    body=("<w:tbl><w:tr><w:tc>" * 200 + "</w:tc></w:tr></w:tbl>" * 200).encode,
)
_papers("elements-nested-1e5.docx", "not_docx", body=("<w:sdt>" * 100_000 + "</w:sdt>" * 100_000).encode)
_papers(
    "cell-spans-1e9.docx",
    "file_too_large",
    body=lambda: b'<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="1000000000"/></w:tcPr><w:p/></w:tc></w:tr></w:tbl>',
)
_papers("tables-1e4.docx", "file_too_large", body=lambda: repeated("", table([["x"]]), 10_000, ""))
_papers(
    "rows-1e5.docx",
    "file_too_large",
    body=lambda: repeated(
        "<w:tbl>", "<w:tr><w:tc><w:p><w:r><w:t>x</w:t></w:r></w:p></w:tc></w:tr>", 150_000, "</w:tbl>"
    ),
)
_papers("no-table.docx", "no_table", body=lambda: b"<w:p/>")
_papers(
    "linked-field.docx",
    warning="external_links",
    body=(
        '<w:p><w:r><w:instrText>DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe "/k calc"</w:instrText></w:r></w:p>'
        + table(ROWS[3:])
    ).encode,
)
_papers(
    "formula-texts.docx", body=lambda: table([*ROWS[3:5], ("1", "=cmd|'/c calc'!A1", TASK[2], TASK[3], "@x")]).encode()
)
_papers(
    "tcvn3.docx",
    "legacy_text",
    body=lambda: table(
        [("TT", "Néi dung nhiÖm vô", "Ng­êi chÞu tr¸ch nhiÖm", "Thêi h¹n hoµn thµnh"), ("1", "ViÖc", "A", "B")]
    ).encode(),
)


# --- texts ------------------------------------------------------------------------------------------------------------

YAML = """agency: stttt
directive: kl-2020-04-29
number: 12/KH-STTTT
signed: 2020-05-04
goals:
  - code: I
    title: 100% văn bản được xử lý trên môi trường điện tử
    tasks:
      - code: I.1
        title: Rà soát, cấp chữ ký số
        responsible: nguyen.van.a@stttt.example.vn
        due: trước ngày 15/5/2020
"""
CSV = "\n".join(",".join(f'"{value}"' for value in row) for row in ROWS) + "\n"


def windows_1258(text: str) -> bytes:
    """Return Vietnamese text in windows-1258, which writes a tone as a letter of its own."""
    tones = "\u0300\u0301\u0303\u0309\u0323"
    found = bytearray()
    for letter in unicodedata.normalize("NFC", text):
        parts = unicodedata.normalize("NFD", letter)
        base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in tones))
        found += base.encode("cp1258") + "".join(part for part in parts if part in tones).encode("cp1258")
    return bytes(found)


_TCVN3_TABLE = (
    "M· c¬ quan: stttt\nTT;Néi dung nhiÖm vô;Ng­êi chÞu tr¸ch nhiÖm;Thêi h¹n hoµn thµnh\n1;Rµ so¸t, cÊp ch÷ ký sè;A;B\n"
)
_VNI_TABLE = (
    "Maõ cô quan: stttt\nTT;Noäi dung nhieäm vuï;Ngöôøi chòu traùch nhieäm;Thôøi haïn hoaøn thaønh\n1;Raø soaùt;A;B\n"
)

given("sound.yaml", "", YAML.encode)
given(
    "aliases.yaml",
    "yaml_alias",
    ("a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a, *a]\n" for n in range(2000))).encode,
)
given(
    "laughs.yaml",
    "yaml_alias",
    ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))).encode,
)
given("tags.yaml", "yaml_tag", lambda: b"agency: !!python/object/apply:os.system [touch hacked]\n")
given(
    "tag-directives.yaml",
    "yaml_directive",
    ("".join(f"%TAG !a{n}! tag:x,2020:\n" for n in range(250_000)) + "---\na: 1\n").encode,
)
given("brackets-8mb.yaml", "yaml_depth", lambda: b"[" * 8_000_000)
given("brackets-20mb.yaml", "file_too_large", lambda: b"[" * 20_000_000)
given("dashes.yaml", "yaml_depth", lambda: b"- " * 4_000_000)
given("keys-deep.yaml", "yaml_depth", lambda: b"{a: " * 2_000_000)
given("keys-complex.yaml", "yaml_depth", lambda: b"? " * 4_000_000)
given("values-4e6.yaml", "file_too_large", lambda: b"- a\n" * 2_000_000)
given("flow-values.yaml", "file_too_large", lambda: b"[" + b"a," * 4_000_000 + b"]")
given("keys-unknown.yaml", "key_unknown", lambda: "".join(f"k{n}: 1\n" for n in range(50_000)).encode())
given("scalar-8mb.yaml", "text_too_long", lambda: YAML.encode().replace(b"stttt\n", b"x" * 8_000_000 + b"\n", 1))
given("blanks-8mb.yaml", "", lambda: YAML.encode() + b" " * 8_000_000)
given("comment-8mb.yaml", "", lambda: YAML.encode() + b"#" * 8_000_000)
given("folded-8mb.yaml", "yaml_unreadable", lambda: b"'" + b"\n" * 8_000_000)
given("documents.yaml", "yaml_documents", lambda: b"a: 1\n" + b"---\n" * 1_000_000)
given("nul.yaml", "yaml_unreadable", lambda: YAML.encode() + b"\0")
given("utf-16.yaml", "not_utf8", lambda: YAML.encode("utf-16"))

given("sound.csv", "", CSV.encode)
given("bom.csv", "", lambda: CSV.encode("utf-8-sig"))
given("utf-16-le.csv", "", lambda: b"\xff\xfe" + CSV.encode("utf-16-le"))
given("utf-16-be.csv", "", lambda: b"\xfe\xff" + CSV.encode("utf-16-be"))
given("utf-16-no-mark.csv", "nul_bytes", lambda: CSV.encode("utf-16-le"))
given("utf-32.csv", "nul_bytes", lambda: CSV.encode("utf-32"))
given("utf-16-odd.csv", "nul_bytes", lambda: CSV.encode("utf-16") + b"x")
given("nul.csv", "nul_bytes", lambda: CSV.encode() + b"2,\0,x\n")
given("windows-1258.csv", "", lambda: windows_1258(CSV), warning="code_page")
given("latin-1.csv", "not_utf8", lambda: "TT,Tâche,Célèbre façade\n1,çà et là,été\n".encode("latin-1"))
given("tcvn3.csv", "legacy_text", lambda: _TCVN3_TABLE.encode("cp1252"))
given("tcvn3-in-utf8.csv", "legacy_text", _TCVN3_TABLE.encode)
given("vni.csv", "legacy_text", lambda: _VNI_TABLE.encode("cp1252"))
given("vni-in-utf8.csv", "legacy_text", _VNI_TABLE.encode)
given("quote-unclosed.csv", "csv_unreadable", lambda: CSV.encode() + b'2,"' + b"x\n" * 4_000_000)
given("field-100kb.csv", "csv_unreadable", lambda: CSV.encode() + b"2," + b"x" * 100_000)
given("cell-100mb.csv", "file_too_large", lambda: CSV.encode() + b"2," + b"x" * 100 * MIB)
given("rows-1e6.csv", "sheet_too_large", lambda: CSV.encode() + b"2,x\n" * 1_000_000)
given("columns-8e6.csv", "sheet_too_large", lambda: b"," * 8_000_000)
given("quotes-8e6.csv", "csv_unreadable", lambda: b'"' * 8_000_001)
given("blank-lines-8e6.csv", "sheet_too_large", lambda: b"\n" * 8_000_000)
given("returns-only.csv", "", lambda: CSV.replace("\n", "\r").encode())
given("formula-texts.csv", "", lambda: CSV.encode() + f"2,\"=cmd|'/c calc'!A1\",{TASK[2]},22/5/2020,@x\n".encode())


# --- what is no file --------------------------------------------------------------------------------------------------


@hostile("pipe.xlsx", "not_a_file")
def _pipe(path: Path) -> None:
    os.mkfifo(path)


@hostile("zeros.yaml", "not_a_file")
def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _folder(path: Path) -> None:
    path.mkdir()


HOSTILE.append(Hostile(name="folder.csv", make=_folder, code="not_a_file", command="usage"))


@hostile("name-\x1b[31m-\u202e-\n.yaml", "")
def _name(path: Path) -> None:
    path.write_bytes(YAML.encode())
