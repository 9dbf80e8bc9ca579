"""Opens the zip package of an Office file as far as its text goes, and measures it before any parser sees it.

What a parser is given is a new package of the few parts it needs, each unpacked here under a cap and free of document
types: sizes that lie, entries that overlap, macros and pictures never get further. Knows neither sheets nor tables.
Source: ISO/IEC 29500-2 (packages; 8.1.4: parts declare no document type).
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from planner.i18n import N_
from planner.i18n import gettext as _
from planner.importer.kinds import old_kind

LARGEST_UNPACKED = 200 * 1024 * 1024  #: bytes that the directory may declare, pictures and all
LARGEST_XML = 24 * 1024 * 1024  #: bytes of the parts that are read, as really unpacked
MOST_ENTRIES = 2000

_CHUNK = 256 * 1024
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?\bencoding\s{0,20}=\s{0,20}[\"']([^\"']{0,40})")
_MACROS = re.compile(r"(?:^|/)(?:vbaproject[^/]*\.bin|vbadata\.xml|macrosheets/.*|activex/.*)$", re.IGNORECASE)


class Unreadable(Exception):
    """The file cannot be opened; carries the problem's code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, kw_only=True)
class Format:
    """One kind of Office file."""

    suffix: str
    main: re.Pattern[str]  #: name of the part without which it is not of this kind
    wanted: re.Pattern[str]  #: names of the parts that the parser needs
    most_marks: int  #: tags and attributes; a plan of a thousand tasks has 100 thousand as a sheet, 500 as a document
    damaged: str  #: message id: it is not of this kind or damaged
    locked: str  #: message id: a password, or the old format


_COMMON = r"\[Content_Types\]\.xml|_rels/\.rels|"
XLSX = Format(
    suffix=".xlsx",
    main=re.compile(r"xl/workbook\.xml"),
    wanted=re.compile(_COMMON + r"xl/_rels/[^/]+\.rels|xl/[^/]+\.xml|xl/worksheets/[^/]+\.xml", re.IGNORECASE),
    most_marks=3_000_000,
    damaged=N_("The file is not an Excel workbook (.xlsx) or is damaged; open it in Excel and save it as .xlsx."),
    locked=N_("The workbook is locked with a password or saved as .xls; save it as .xlsx without a password."),
)
DOCX = Format(
    suffix=".docx",
    main=re.compile(r"word/document\d?\.xml"),  # some programs number it
    wanted=re.compile(_COMMON + r"word/document\d?\.xml"),
    most_marks=1_000_000,
    damaged=N_("The file is not a Word document (.docx) or is damaged; open it in Word and save it as .docx."),
    locked=N_("The document is locked with a password or saved as .doc; save it as .docx without a password."),
)


@dataclass(frozen=True, kw_only=True)
class Package:
    """What of an Office file is fit to be parsed."""

    names: frozenset[str]  #: of all entries, read or not
    parts: Mapping[str, bytes]  #: UTF-8 XML by name, without document types
    main: bytes  #: the part that makes it what it is


def pack(parts: Mapping[str, bytes]) -> bytes:
    """Return a zip of the parts alone, for a parser that takes no less."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, xml in parts.items():
            archive.writestr(zipfile.ZipInfo(name), xml)
    return packed.getvalue()


def open_package(data: bytes, form: Format) -> Package:
    """Return the parts of an Office file that are read.

    Raises:
        Unreadable: it is no such file, damaged, locked, too large, or holds macros or a document type.
    """
    if old_kind(data) is not None:
        raise Unreadable("encrypted", _(form.locked))
    if data.count(b"PK\x01\x02") > MOST_ENTRIES:  # before the directory becomes as many objects
        message = _("The file is a package of more than {most} entries; remove pictures and unused sheets.")
        raise Unreadable("file_too_large", message.format(most=MOST_ENTRIES))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            names = frozenset(entry.filename for entry in entries)
            _measure(entries, form)
            mains = [name for name in names if form.main.fullmatch(name)]
            if len(mains) != 1 or len({name.casefold() for name in names}) < len(entries):
                raise Unreadable(f"not_{form.suffix[1:]}", _(form.damaged))
            parts = _unpack(archive, [entry for entry in entries if form.wanted.fullmatch(entry.filename)])
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, RuntimeError, zlib.error) as error:
        raise Unreadable(f"not_{form.suffix[1:]}", _(form.damaged)) from error
    _refuse_macros(names, parts)
    if sum(xml.count(b"<") + xml.count(b"=") for xml in parts.values()) > form.most_marks:
        raise Unreadable("file_too_large", _too_large())
    return Package(names=names, parts=parts, main=parts[mains[0]])


def _measure(entries: list[zipfile.ZipInfo], form: Format) -> None:
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unreadable("encrypted", _(form.locked))
    if sum(entry.file_size for entry in entries) > LARGEST_UNPACKED:
        message = _("Unpacked, the file is larger than {most} MiB; remove pictures and unused sheets.")
        raise Unreadable("file_too_large", message.format(most=LARGEST_UNPACKED // 2**20))
    if any(entry.compress_type not in _PACKED for entry in entries):
        raise Unreadable(f"not_{form.suffix[1:]}", _(form.damaged))


def _unpack(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> dict[str, bytes]:
    """Unpack entries a piece at a time, so that no declared size is believed."""
    parts: dict[str, bytes] = {}
    left = LARGEST_XML
    for entry in entries:
        pieces = []
        with archive.open(entry) as packed:
            while piece := packed.read(_CHUNK):
                left -= len(piece)
                if left < 0:
                    raise Unreadable("file_too_large", _too_large())
                pieces.append(piece)
        parts[entry.filename] = _plain_xml(entry.filename, b"".join(pieces))
    return parts


def _plain_xml(name: str, xml: bytes) -> bytes:
    """Return a part that is UTF-8 and declares no document type; others are refused by their bytes, unparsed."""
    body = xml.removeprefix(b"\xef\xbb\xbf")
    declared = _ENCODING.match(body)
    encoding = declared[1].lower() if declared else b"utf-8"
    # In UTF-16 and its like a document type would not be seen as the bytes below.
    if not body.lstrip().startswith(b"<") or b"\0" in body or encoding not in (b"utf-8", b"utf8", b"us-ascii"):
        message = _('The part "{name}" of the file is not UTF-8 XML; open the file in Office and save it anew.')
        raise Unreadable("xml_encoding", message.format(name=name[:80]))
    if re.search(rb"<!(?:DOCTYPE|ENTITY)", body, re.IGNORECASE):
        message = _(
            'The part "{name}" of the file declares XML entities, which no Office program writes and which can do '
            "harm; type the plan into a new file."
        )
        raise Unreadable("xml_doctype", message.format(name=name[:80]))
    return body


def _refuse_macros(names: frozenset[str], parts: Mapping[str, bytes]) -> None:
    types = parts.get("[Content_Types].xml", b"").lower()
    if b"macroenabled" in types or b"vbaproject" in types or any(_MACROS.search(name) for name in names):
        message = _("The file holds macros, which a plan does not need; save it without macros as .xlsx or .docx.")
        raise Unreadable("macros", message)


def _too_large() -> str:
    message = _(
        "Unpacked, the text of the file is larger than {most} MiB; delete the empty rows below the table and the "
        "sheets that do not belong to the plan."
    )
    return message.format(most=LARGEST_XML // 2**20)
