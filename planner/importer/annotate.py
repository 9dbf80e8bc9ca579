"""Gives an officer's workbook back with every problem as a note on its cell, which is coloured; the rest is untouched.

Only the parts that must change are written anew (the sheet, the styles, its notes); all others stay byte for byte. That
is why no spreadsheet library does it: those that can write a workbook back make it anew from what they understood, and
lose the rest. Knows problems and their places, not why they are problems.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.complaints import UNPRINTABLE
from planner.importer.draft import PlanDraft
from planner.importer.grid import cell_name
from planner.importer.marking import EMPTY_STYLES, RED, YELLOW, Sheet, Styles, tag
from planner.importer.notes import Notes
from planner.importer.opc import OFFICE, Package, damaged
from planner.importer.package import XLSX, Unreadable, open_package
from planner.importer.places import cell_of

_WORKBOOK = "xl/workbook.xml"
_STYLES_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"
_MOST_LINES = 20  # problems told on one cell
_MOST_CELLS = 2000  # Excel grows slow with more notes, and nobody reads them
_TOP = (0, 0)


@dataclass(frozen=True, kw_only=True)
class Annotated:
    """A workbook with its problems marked."""

    content: bytes  #: the .xlsx file
    cells: int  #: how many were coloured


def annotate(data: bytes, draft: PlanDraft, problems: Sequence[Problem]) -> Annotated:
    """Return the workbook with each problem as a note on its cell; without problems, the same bytes.

    What has no cell (the file as a whole, an option) is told on A1 of the sheet with the plan.

    Args:
        data: the .xlsx file.
        draft: what was read from it.
        problems: of the draft and of its checks.

    Raises:
        Unreadable: the file is no workbook that can be opened, or one of a kind that is not written.
    """
    if not problems:
        return Annotated(content=data, cells=0)
    open_package(data, XLSX)  # measures it
    package = Package(data)
    sheets = _sheets(package)
    marks = _marks(sheets, draft, problems)
    styles = Styles(package.edit(_styles_part(package)))
    for name in dict.fromkeys(name for name, _cell in marks):
        _mark(package, sheets[name], styles, {cell: found for (n, cell), found in marks.items() if n == name})
    return Annotated(content=package.write(), cells=len(marks))


def _sheets(package: Package) -> dict[str, str]:
    """Return the parts of the visible sheets by name, in their order."""
    root = package.look(_WORKBOOK)
    if root.tag != tag("workbook"):
        message = _("The workbook is of the kind “Strict Open XML”; save it as an ordinary Excel workbook (.xlsx).")
        raise Unreadable("not_xlsx", message)
    targets = {one.identity: one.target for one in package.relations(_WORKBOOK) if one.kind == "worksheet"}
    found = {
        one.get("name", ""): targets[one.get(f"{{{OFFICE}}}id", "")]
        for one in root.iterfind(f"{tag('sheets')}/{tag('sheet')}")
        if one.get(f"{{{OFFICE}}}id", "") in targets and one.get("state", "visible") == "visible"
    }
    if not found:
        raise Unreadable("not_xlsx", damaged())
    return found


def _styles_part(package: Package) -> str:
    known = next((one.target for one in package.relations(_WORKBOOK) if one.kind == "styles"), "")
    if known:
        return known
    part = "xl/styles.xml" if "xl/styles.xml" not in package else package.new_name("xl/styles{}.xml")
    package.put(part, EMPTY_STYLES.encode(), _STYLES_TYPE)
    package.relate(_WORKBOOK, "styles", part)
    return part


Marks = dict[tuple[str, tuple[int, int]], list[tuple[str, str]]]  # (sheet, cell) -> (severity, message)


def _marks(sheets: dict[str, str], draft: PlanDraft, problems: Sequence[Problem]) -> Marks:
    """Return what is to be told on each cell of each sheet."""
    stated = cell_of(draft.agency.place)
    home = stated[0] if stated else draft.agency.place
    home = home if home in sheets else next(iter(sheets))
    marks: Marks = {}
    left_out = 0
    for problem in problems:
        found = cell_of(problem.place)
        message = problem.message
        if found and found[0] in sheets:
            key = found[0], (found[1], found[2])
        elif problem.place in sheets:
            key = problem.place, _TOP
        else:
            key = home, _TOP
            message = message if problem.place in ("", draft.file_name) else f"{problem.place}: {message}"
        if key not in marks and len(marks) >= _MOST_CELLS:
            left_out += 1
            continue
        marks.setdefault(key, []).append((problem.severity, UNPRINTABLE.sub("?", message)))
    if left_out:
        marks.setdefault((home, _TOP), []).insert(0, ("error", _more(left_out)))
    return marks


def _mark(package: Package, part: str, styles: Styles, marks: dict[tuple[int, int], list[tuple[str, str]]]) -> None:
    root = package.edit(part)
    sheet = Sheet(root)
    notes = Notes(package, part, sheet)
    at_cell: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for cell, found in marks.items():
        anchor = sheet.anchor(*cell)
        at_cell.setdefault(anchor, []).extend(found)
    elsewhere: list[tuple[str, str]] = []
    for cell, found in at_cell.items():
        grave = any(severity == "error" for severity, _message in found)
        sheet.colour(*cell, RED if grave else YELLOW, styles)
        if cell_name(*cell) in notes.conversations and cell != _TOP:
            elsewhere += [(severity, f"{cell_name(*cell)}: {message}") for severity, message in found]
        else:
            notes.add(*cell, _lines(found))
    if elsewhere:
        notes.add(*_TOP, _lines(elsewhere))
    notes.draw()


def _lines(found: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the lines of a note, errors first: the kind in bold, the message."""
    ordered = sorted(dict.fromkeys(found), key=lambda one: one[0] != "error")
    lines = [(_("Error: ") if kind == "error" else _("Warning: "), message) for kind, message in ordered[:_MOST_LINES]]
    if len(ordered) > _MOST_LINES:
        lines.append(("", _more(len(ordered) - _MOST_LINES)))
    return lines


def _more(count: int) -> str:
    return _("and {n} more; planner plan check lists them all.").format(n=count)
