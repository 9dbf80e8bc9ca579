"""Tells from its first bytes what a file really is, whatever its name says. Parses nothing."""

from __future__ import annotations

import re

from planner.i18n import N_
from planner.i18n import gettext as _

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")

#: first bytes -> what such a file is
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", N_("a PDF document")),
    (b"{\\rtf", N_("an RTF document")),
    (b"\x89PNG", N_("a picture")),
    (b"\xff\xd8\xff", N_("a picture")),
    (b"GIF8", N_("a picture")),
    (b"II*\0", N_("a picture")),
    (b"MM\0*", N_("a picture")),
    (b"\x1f\x8b", N_("a compressed archive")),
    (b"7z\xbc\xaf\x27\x1c", N_("a compressed archive")),
    (b"Rar!", N_("a compressed archive")),
    (b"BZh", N_("a compressed archive")),
    (b"\xfd7zXZ", N_("a compressed archive")),
    (b"MZ", N_("a program")),
    (b"\x7fELF", N_("a program")),
)
_LOCKED = "EncryptedPackage".encode("utf-16-le")
_OLD = (
    ("WordDocument".encode("utf-16-le"), N_("an old Word document (.doc)")),
    ("Workbook".encode("utf-16-le"), N_("an old Excel workbook (.xls)")),
    ("Book".encode("utf-16-le"), N_("an old Excel workbook (.xls)")),
)
#: name of an entry as it stands in the zip -> (suffix, what such a package is)
_PACKAGES: tuple[tuple[bytes, str, str], ...] = (
    (b"xl/workbook.xml", ".xlsx", N_("an Excel workbook (.xlsx)")),
    (b"xl/workbook.bin", ".xlsb", N_("a binary Excel workbook (.xlsb)")),
    (b"word/document", ".docx", N_("a Word document (.docx)")),
    (b"ppt/presentation.xml", ".pptx", N_("a presentation (.pptx)")),
    (b"opendocument.spreadsheet", ".ods", N_("an OpenDocument spreadsheet (.ods)")),
    (b"opendocument.text", ".odt", N_("an OpenDocument text (.odt)")),
)
_TEXTS = (".csv", ".yaml", ".yml")
_MARKUP = re.compile(rb"\s{0,100}<(?:!doctype html|html|head|body|table)\b", re.IGNORECASE)


def old_kind(data: bytes) -> str | None:
    """Return what an OLE container holds, "" if that is not to be told; None if the file is none."""
    if not data.startswith(_OLE):
        return None
    if _LOCKED in data:
        return ""
    return next((_(text) for name, text in _OLD if name in data), "")


def other_kind(suffix: str, data: bytes) -> str | None:
    """Return what a file is, in words, if that is surely not what its suffix says; None if it may be.

    Args:
        suffix: lower-case, with its dot.
        data: the whole file: the names in a zip stand at its end.
    """
    old = old_kind(data)
    if old or (old == "" and suffix in _TEXTS):
        return old or _("a workbook or document locked with a password")
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        found = [(kind, text) for name, kind, text in _PACKAGES if name in data]
        if any(kind == suffix for kind, _text in found):
            return None
        if found:
            return _(found[0][1])
        return _("a compressed archive") if suffix in _TEXTS else None
    if _MARKUP.match(data):
        return _("a web page")
    return next((_(text) for begin, text in _BEGINNINGS if data.startswith(begin) and _is(begin, data)), None)


def _is(begin: bytes, data: bytes) -> bool:
    """Say whether a short beginning, which a text may have by chance, is meant: no text holds NUL bytes."""
    return len(begin) > 3 or b"\0" in data[:4096]
