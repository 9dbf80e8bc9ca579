"""Opens a workbook as the package of parts that it is, and writes it with every unchanged part byte for byte.

Knows zip files, relationships and content types (ECMA-376, part 2); neither cells nor plans. XML is parsed without
entities, and only up to a bound; a package that says one thing twice is refused.
"""

from __future__ import annotations

import copy
import io
import posixpath
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

from lxml import etree

from planner.i18n import gettext as _
from planner.importer.package import XLSX, Unreadable

LARGEST_PART = 24 * 1024 * 1024  #: bytes of one part that is parsed
MOST_MARKS = 1_000_000  #: tags of a sheet; a plan of a thousand tasks has 50 thousand
MOST_OTHER_MARKS = 200_000  #: tags of any other part: two thousand notes have some 30 thousand
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_TYPES_PART = "[Content_Types].xml"


def damaged() -> str:
    """Return the message that a file is no sound workbook."""
    return _(XLSX.damaged)


@dataclass(frozen=True, slots=True)
class Relation:
    """One part that another one names."""

    identity: str  #: "rId3"
    kind: str  #: the last word of its type: "comments"
    target: str  #: name of the part; "" when it lies outside the package


class Package:
    """The parts of one workbook; the changed ones are kept beside the bytes they came from."""

    def __init__(self, data: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError) as error:
            raise Unreadable("not_xlsx", damaged()) from error
        self._entries = self._archive.infolist()
        self._names = {entry.filename for entry in self._entries}
        if len({name.lower() for name in self._names}) < len(self._entries):
            raise Unreadable("not_xlsx", damaged())
        self._trees: dict[str, Any] = {}
        self._changed: dict[str, bytes] = {}

    def __contains__(self, part: str) -> bool:
        return part in self._names or part in self._changed or part in self._trees

    def read(self, part: str) -> bytes:
        """Return the bytes of a part.

        Raises:
            Unreadable: it is missing, damaged or too large.
        """
        if part in self._changed:
            return self._changed[part]
        try:
            if self._archive.getinfo(part).file_size > LARGEST_PART:
                message = _("A part of the workbook is larger than {most} MiB; remove unused rows and sheets.")
                raise Unreadable("file_too_large", message.format(most=LARGEST_PART // 2**20))
            return self._archive.read(part)
        except (KeyError, zipfile.BadZipFile, NotImplementedError, EOFError, OSError, zlib.error) as error:
            raise Unreadable("not_xlsx", damaged()) from error

    def look(self, part: str) -> Any:
        """Return the root element of a part that is not going to be changed."""
        return self._trees[part] if part in self._trees else _parsed(part, self.read(part))

    def edit(self, part: str) -> Any:
        """Return the root element of a part; what is changed in it is written."""
        if part not in self._trees:
            self._trees[part] = _parsed(part, self.read(part))
        return self._trees[part]

    def put(self, part: str, content: bytes, content_type: str = "") -> None:
        """Replace a part, or add one; a new one is declared with its type unless that goes by its suffix."""
        if content_type:
            override = etree.SubElement(self.edit(_TYPES_PART), f"{{{_TYPES}}}Override")
            override.set("PartName", f"/{part}")
            override.set("ContentType", content_type)
        self._changed[part] = content

    def declare_suffix(self, suffix: str, content_type: str) -> None:
        """Declare the type of every part with a suffix, if that is not done yet."""
        types = self.edit(_TYPES_PART)
        if not any(one.get("Extension", "").lower() == suffix for one in types.iter(f"{{{_TYPES}}}Default")):
            default = etree.Element(f"{{{_TYPES}}}Default", Extension=suffix, ContentType=content_type)
            types.insert(0, default)

    def new_name(self, pattern: str) -> str:
        """Return the first name of a pattern ("xl/comments{}.xml") that no part bears, whatever its case."""
        taken = {name.lower() for name in (*self._names, *self._changed)}
        return next(name for n in range(1, len(taken) + 2) if (name := pattern.format(n)).lower() not in taken)

    def parts(self, folder: str, suffix: str) -> list[str]:
        """Return the parts in a folder that have a suffix."""
        return sorted(n for n in self._names | self._changed.keys() if n.startswith(folder) and n.endswith(suffix))

    def relations(self, part: str) -> list[Relation]:
        """Return what a part names."""
        file = _relations_of(part)
        if file not in self:
            return []
        folder = posixpath.dirname(part)
        found = []
        for one in self.look(file).iter(f"{{{_RELATIONS}}}Relationship"):
            target = "" if one.get("TargetMode") == "External" else one.get("Target", "")
            name = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/") if target else ""
            found.append(Relation(one.get("Id", ""), one.get("Type", "").rpartition("/")[2], name))
        return found

    def relate(self, part: str, kind: str, target: str) -> str:
        """Let a part name another; return the new relation's identity."""
        file = _relations_of(part)
        if file not in self:
            self.put(file, f'<Relationships xmlns="{_RELATIONS}"/>'.encode())
        root = self.edit(file)
        taken = {one.get("Id") for one in root}
        identity = next(name for n in range(1, len(taken) + 2) if (name := f"rId{n}") not in taken)
        relation = etree.SubElement(root, f"{{{_RELATIONS}}}Relationship")
        for key, value in (("Id", identity), ("Type", f"{OFFICE}/{kind}"), ("Target", f"/{target}")):
            relation.set(key, value)
        return identity

    def write(self) -> bytes:
        """Return the package: parts in their order, new ones behind, unchanged ones byte for byte."""
        changed = self._changed | {
            part: etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
            for part, root in self._trees.items()
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry in self._entries:
                content = changed.pop(entry.filename, None)
                archive.writestr(copy.copy(entry), self._whole(entry) if content is None else content)
            for part, content in changed.items():
                archive.writestr(zipfile.ZipInfo(part), content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()

    def _whole(self, entry: zipfile.ZipInfo) -> bytes:
        try:
            return self._archive.read(entry)
        except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, zlib.error) as error:
            raise Unreadable("not_xlsx", damaged()) from error


def _relations_of(part: str) -> str:
    folder, name = posixpath.split(part)
    return f"{folder}/_rels/{name}.rels" if folder else f"_rels/{name}.rels"


def require_modest(part: str, content: bytes) -> None:
    """Check that a part holds no more tags than a person's workbook does.

    A tree takes a hundred times the bytes of the shortest tags, and is built in this process.

    Raises:
        Unreadable: it holds more.
    """
    if content.count(b"<") > (MOST_MARKS if part.startswith("xl/worksheets/") else MOST_OTHER_MARKS):
        message = _("A part of the workbook holds too much to be marked; copy the table of the plan into a new file.")
        raise Unreadable("file_too_large", message)


def _parsed(part: str, content: bytes) -> Any:
    require_modest(part, content)
    if b"<!DOCTYPE" in content:  # no workbook has one; entities would be declared there
        raise Unreadable("not_xlsx", damaged())
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable("not_xlsx", damaged()) from error
    if root.getroottree().docinfo.doctype:  # the same in another encoding
        raise Unreadable("not_xlsx", damaged())
    return root
