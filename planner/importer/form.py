"""Draws the blank workbook that an officer fills in: agency and targets stand there, names are chosen from lists.

The reader of `excel.py` reads it back without any setting: headings are those of `COLUMNS`. Nothing in it is a formula,
nothing is locked. Cells for days and numbers are text, because Excel would make a day of "2.3" and, on a computer that
puts the month first, April of "4/5". Pure: what stands in the form is handed in, bytes come out. Source: design notes,
importer; the layout is that of the sample's plans.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

import xlsxwriter
from xlsxwriter.utility import quote_sheetname, xl_range_abs

from planner.domain.agency import Agency, Tier
from planner.domain.directive import Directive, Target
from planner.i18n import gettext as _
from planner.importer.columns import BY_FIELD
from planner.importer.draft import Register, write_day
from planner.importer.form_guide import write_guide
from planner.importer.form_looks import FONT, LINE, LOOKS, lines_of
from planner.importer.form_texts import (
    BLOCK_NOTES,
    EXAMPLE_DUE,
    EXAMPLE_MARK,
    EXAMPLE_RESPONSIBLE,
    EXAMPLE_TITLE,
    EXAMPLES,
    NOTES,
)
from planner.importer.names import agency_key
from planner.importer.numerals import roman

#: field -> width in characters; the order of the columns
_WIDTHS: Mapping[str, int] = {
    "code": 8,
    "title": 40,
    "responsible": 22,
    "cooperating": 22,
    "deliverable": 19,
    "start": 12,
    "due": 18,
    "duration": 9,
    "after": 12,
    "target": 9,
    "note": 14,
}
_FIELDS = tuple(_WIDTHS)
_LAST = len(_FIELDS) - 1
_ACROSS = sum(_WIDTHS[field] for field in _FIELDS[1 : _FIELDS.index("target")])  # the width of a goal's text
_CENTRED = frozenset({"code", "start", "due", "duration", "after", "target"})
_ROWS = 60  # for tasks, shared out among the goals
_FEWEST = 6  # for each goal
_MOST_GOALS = 39  # as far as Roman numbers are read
_HEAD = 8  # row of the headings, from 0
_AGENCIES, _TARGETS = 4, 7  # first columns of the second and third list


@dataclass(frozen=True, kw_only=True)
class Form:
    """A blank form and what stands in it."""

    content: bytes  #: the .xlsx file
    goals: int  #: rows for goals that are filled in
    rows: int  #: rows for tasks
    officers: tuple[str, ...]  #: as the list offers them
    targets: tuple[str, ...]  #: codes
    cooperating: tuple[str, ...]  #: as the list offers them


def draw_form(
    agency: Agency, directive: Directive, register: Register, *, superior: str, file: str = "ke-hoach.xlsx"
) -> Form:
    """Return the blank form of an agency under a directive, its texts in the language in force.

    Args:
        agency: whose plan it will be.
        directive: under which the plan is owed.
        register: officers and agencies to choose from, and the day on which they must hold.
        superior: the name above that of a provincial department, at the top left.
        file: name of the file, for the commands that the guide shows.
    """
    buffer = io.BytesIO()
    created = datetime.combine(register.today, time())
    as_text = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, **as_text})
    book.set_properties({"title": _("Plan"), "author": agency.name, "created": created})
    drawing = _Drawing(book, agency, directive, register)
    drawing.title_block(superior)
    drawing.table()
    drawing.lists()
    drawing.validate()
    drawing.print_setup()
    drawing.guide(file)
    book.close()
    return Form(
        content=buffer.getvalue(),
        goals=len(drawing.goals),
        rows=drawing.each * max(1, len(drawing.goals)),
        officers=tuple(row[0] for row in drawing.officers),
        targets=tuple(target.code for target in directive.targets),
        cooperating=tuple(row[0] for row in drawing.cooperating),
    )


def officer_choices(agency: Agency, register: Register) -> list[tuple[str, str, str]]:
    """Return (text to choose, post, e-mail) of the agency's officers of the day, as the register orders them.

    The text is the name where the reader finds one person by it; where two share a name, or one's name is another's
    post, the e-mail stands behind it and decides.
    """
    found = []
    for officer in register.officers_by_email.values():
        if officer.agency == agency.code and officer.is_valid_on(register.today):
            alone = len(register.officers_by_agency[agency.code, agency_key(officer.name)]) == 1
            text = officer.name if alone else f"{officer.name} ({officer.email})"
            found.append((text, officer.title, officer.email))
    return found


def agency_choices(agency: Agency, register: Register) -> list[tuple[str, str]]:
    """Return (text to choose, code) of the agencies that may cooperate: departments, districts, neighbours below.

    The text is the name, or the code where several agencies bear the name.
    """
    found = []
    for other in register.agencies.values():
        near = other.parent in (agency.code, agency.parent) and other.parent is not None
        if other.code == agency.code or not other.is_valid_on(register.today):
            continue
        if other.tier is not Tier.COMMUNE or near:
            alone = len(register.agencies_by_name[agency_key(other.name)]) == 1
            found.append((other.name if alone else other.code, other.code))
    return found


class _Drawing:
    """One form in the making."""

    def __init__(self, book: Any, agency: Agency, directive: Directive, register: Register) -> None:
        self.formats = {name: book.add_format(look) for name, look in LOOKS.items()}
        names = (_("Plan"), _("Guide"), _("Lists"))
        self.plan, self.how, self.list = map(book.add_worksheet, names)
        self.agency, self.directive, self.register = agency, directive, register
        self.officers = officer_choices(agency, register)
        self.cooperating = agency_choices(agency, register)
        self.goals = [target for target in directive.targets if agency.tier in target.tiers][:_MOST_GOALS]
        self.each = max(_FEWEST, -(-_ROWS // max(1, len(self.goals))))
        self.last = _HEAD
        self.year = register.today.year
        for sheet in (self.plan, self.how, self.list):
            sheet.hide_gridlines(2)
        self.plan.set_comments_author("planner")

    def example(self, field: str) -> str:
        return EXAMPLES[field].format(year=self.year)

    def note(self, row: int, column: int, text: str) -> None:
        lines = sum(-(-max(1, len(line)) // 42) for line in text.split("\n"))
        look = {"font_name": FONT, "font_size": 11, "width": 300, "height": 22 * lines + 14, "color": "#FFFFE1"}
        self.plan.write_comment(row, column, text, look)

    # --- the plan

    def title_block(self, superior: str) -> None:
        """Write what stands above the table."""
        sheet, looks = self.plan, self.formats
        name = self.agency.name.upper()
        if self.agency.tier is not Tier.DEPARTMENT:
            superior, name = "ỦY BAN NHÂN DÂN", name.removeprefix("UBND ")
        title = (
            f"{' '.join(self.directive.title.split()).rstrip('.')}; ban hành ngày {write_day(self.directive.issued_on)}"
        )
        sheet.merge_range(0, 0, 0, 1, superior, looks["centre"])
        sheet.merge_range(1, 0, 1, 1, name, looks["bold"])
        sheet.merge_range(0, 4, 0, _LAST, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", looks["bold"])
        sheet.merge_range(1, 4, 1, _LAST, "Độc lập - Tự do - Hạnh phúc", looks["bold"])
        sheet.merge_range(2, 0, 2, _LAST, "KẾ HOẠCH CHI TIẾT", looks["title"])
        sheet.merge_range(3, 0, 3, _LAST, f"(Thực hiện {title})", looks["italic"])
        for row, height in ((0, LINE), (1, LINE * (1 + len(name) // 38)), (2, 26.0), (4, 8.0), (7, 8.0)):
            sheet.set_row(row, height)
        sheet.set_row(3, LINE * (1 + len(title) // 150))
        for row, label, value in ((5, "Mã cơ quan:", self.agency.code), (6, "Văn bản giao:", self.directive.code)):
            sheet.set_row(row, LINE + 3)
            sheet.merge_range(row, 0, row, 1, label, looks["label"])
            sheet.write_string(row, 2, value, looks["given"])
        for row, label, key in ((5, "Số kế hoạch:", "number"), (6, "Ngày ký:", "signed")):
            sheet.merge_range(row, 3, row, 4, label, looks["label"])
            sheet.merge_range(row, 5, row, 6, "", looks["asked"])
            self.note(row, 5, _(BLOCK_NOTES[key]).format(example=self.example(key)))

    def table(self) -> None:
        """Write the headings with their notes, the goals, the example and the rows to fill in."""
        sheet = self.plan
        sheet.set_row(_HEAD, 3 * LINE)
        for column, field in enumerate(_FIELDS):
            sheet.set_column(column, column, _WIDTHS[field])
            sheet.write_string(_HEAD, column, BY_FIELD[field].title, self.formats["head"])
            example = self.example(field) if field in EXAMPLES else ""
            self.note(_HEAD, column, _(NOTES[field]).format(example=example))
        goals: Sequence[Target | None] = self.goals or (None,)
        for number, target in enumerate(goals, start=1):
            cells = {"title": target.title, "target": target.code} if target else {}
            self.row({"code": roman(number)} | cells, "goal")
            if number == 1:
                self.example_row()
            for task in range(1, self.each + 1):
                self.row({"code": str(task)}, "text")

    def row(self, cells: Mapping[str, str], look: str) -> None:
        self.last += 1
        if look != "text":  # an empty row is left to grow with what is typed; not every program fits a filled one
            wide = {"title": _ACROSS} if look == "goal" else {}
            lines = max(lines_of(cells.get(field, ""), wide.get(field, width)) for field, width in _WIDTHS.items())
            self.plan.set_row(self.last, LINE * lines + 5)
        for column, field in enumerate(_FIELDS):
            name = "number" if field == "duration" and look == "text" else look
            name = f"{name}_centre" if field in _CENTRED and name != "number" else name
            if value := cells.get(field):
                self.plan.write_string(self.last, column, value, self.formats[name])
            else:
                self.plan.write_blank(self.last, column, None, self.formats[name])
        if look == "goal":  # the goal's text runs across, up to its target
            first, last = _FIELDS.index("title"), _FIELDS.index("target") - 1
            self.plan.merge_range(self.last, first, self.last, last, cells.get("title", ""), self.formats["goal"])

    def example_row(self) -> None:
        self.row(
            {
                "code": _(EXAMPLE_MARK),
                "title": f"{_(EXAMPLE_MARK)} {_(EXAMPLE_TITLE)}",
                "responsible": self.officers[0][0] if self.officers else EXAMPLE_RESPONSIBLE,
                "cooperating": self.cooperating[0][0] if self.cooperating else "",
                "deliverable": self.example("deliverable"),
                "due": EXAMPLE_DUE.format(year=self.year),
            },
            "grey",
        )

    def print_setup(self) -> None:
        """Keep the headings in sight, on the screen and on every page."""
        sheet = self.plan
        sheet.freeze_panes(_HEAD + 1, 2)
        sheet.ignore_errors({"number_stored_as_text": f"A1:{chr(65 + _LAST)}{self.last + 1}"})
        sheet.set_landscape()
        sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.6)
        sheet.repeat_rows(_HEAD)
        sheet.print_area(0, 0, self.last, _LAST)
        for each in (self.plan, self.how, self.list):
            each.set_paper(9)  # A4
            each.fit_to_pages(1, 0)
            each.set_footer("&C&P/&N")
        self.list.set_landscape()

    # --- lists to choose from

    def lists(self) -> None:
        """Write what can be chosen, side by side on a sheet of its own."""
        sheet = self.list
        rows = [(target.code, target.title) for target in self.directive.targets]
        tables: tuple[tuple[int, tuple[str, ...], tuple[int, ...], Sequence[tuple[str, ...]]], ...] = (
            (0, (_("Officer"), _("Post"), _("E-mail")), (30, 30, 36), self.officers),
            (_AGENCIES, (_("Agency"), _("Agency code")), (52, 16), self.cooperating),
            (_TARGETS, (_("Target code"), _("What it asks")), (13, 120), rows),
        )
        for first, headings, widths, lines in tables:
            for n, (text, width) in enumerate(zip(headings, widths, strict=True)):
                sheet.set_column(first + n, first + n, width)
                sheet.write_string(0, first + n, text, self.formats["list_head"])
                for row, line in enumerate(lines, start=1):
                    sheet.write_string(row, first + n, line[n], self.formats["list"])
        for gap in (_AGENCIES - 1, _TARGETS - 1):
            sheet.set_column(gap, gap, 2)
        sheet.freeze_panes(1, 0)

    def guide(self, file: str) -> None:
        """Write how to go on, on a sheet of its own."""
        names = {"plan": self.plan.name, "lists": self.list.name, "mark": _(EXAMPLE_MARK), "file": file}
        names["checked"] = _("{file}-checked.xlsx").format(file=file.removesuffix(".xlsx"))
        write_guide(self.how, self.formats, names, self.year)

    def validate(self) -> None:
        """Lay the lists on the columns; whoever types something else is asked, not stopped."""
        name = quote_sheetname(self.list.name)
        for field, column, count in (
            ("responsible", 0, len(self.officers)),
            ("target", _TARGETS, len(self.directive.targets)),
            ("cooperating", _AGENCIES, len(self.cooperating)),
        ):
            if count:
                rule: dict[str, Any] = {
                    "validate": "list",
                    "source": f"={name}!{xl_range_abs(1, column, count, column)}",
                }
                if field == "cooperating":  # several names in one cell stand in no list
                    rule["show_error"] = False
                else:
                    rule |= _asks(_("This is not in the list. Keep it all the same?"))
                self.lay(field, rule)
        days = {"validate": "integer", "criteria": "between", "minimum": 1, "maximum": 9999}
        self.lay(
            "duration", days | _asks(_("A whole number of days from 1 to 9999 is expected. Keep it all the same?"))
        )
        hint = _("A day or a period, for example: {example}").format(example=self.example("due"))
        self.lay("due", {"validate": "any", "input_message": hint})

    def lay(self, field: str, rule: Mapping[str, Any]) -> None:
        column = _FIELDS.index(field)
        if self.plan.data_validation(_HEAD + 1, column, self.last, column, dict(rule)) != 0:
            raise AssertionError(f"the rule for {field} does not fit into a workbook")


def _asks(message: str) -> dict[str, Any]:
    return {"error_type": "warning", "error_title": _("Please check"), "error_message": message}
