"""What the blank form says to whoever fills it in: the notes on its headings, its example and its guide.

Constants are message ids, translated by `form.py` where it writes them. What stands in Vietnamese here is what an
officer types into a plan, and is the same in every language.
"""

from __future__ import annotations

from collections.abc import Mapping

from planner.i18n import N_
from planner.importer.draft import Cell

#: field -> note on its heading; "{example}" is filled in with texts of `EXAMPLES`
NOTES: Mapping[str, str] = {
    "code": N_("The number of the goal (I, II, III) or of the task within its goal (1, 2, 3). Needed in every row."),
    "title": N_("What is to be done, in one sentence. One task a row. Needed."),
    "responsible": N_(
        "One person of this agency. Choose from the list, or type the e-mail or the full name. Needed.\n\n"
        "Somebody who is not in the list yet may be named; reminders go to the focal officer until then."
    ),
    "cooperating": N_(
        "Choose an agency from the list, or type several names or codes with a semicolon between them.\n\n"
        "Example: {example}"
    ),
    "deliverable": N_("What there will be to show: a report, a decision, a list.\n\nExample: {example}"),
    "start": N_("The first day of the work: day/month/year. May stay empty.\n\nExample: {example}"),
    "due": N_(
        "Until when, as documents say it: a day (day/month/year) or a period. It must name one last day. Needed.\n\n"
        "Examples: {example}"
    ),
    "duration": N_("How many working days the work takes: a whole number. May stay empty."),
    "after": N_(
        "Numbers of the tasks that must be done first. A task of another agency: its code, a colon, the number.\n\n"
        "Examples: {example}"
    ),
    "target": N_("The target of the directive that the goal serves; choose it in the row of the goal."),
    "note": N_("Anything else. May stay empty."),
}

#: heading lines above the table -> their note
BLOCK_NOTES: Mapping[str, str] = {
    "number": N_("The plan's number, as the records office gives it.\n\nExample: {example}"),
    "signed": N_(
        "The day on which the plan is signed: day/month/year. Deadlines that count from the signing need it.\n\n"
        "Example: {example}"
    ),
}

#: field -> what an officer may type there; "{year}" is the present one
EXAMPLES: Mapping[str, str] = {
    "cooperating": "Văn phòng UBND tỉnh; snv",
    "deliverable": "Báo cáo rà soát",
    "start": "04/5/{year}",
    "due": "22/5/{year}; trước ngày 15/5/{year}; Quý II/{year}",
    "after": "I.1; vp-ubnd:II.3",
    "number": "12/KH-STTTT",
    "signed": "04/5/{year}",
}

EXAMPLE_MARK = N_("(example)")  #: stands in the number cell of the example, and before its text
EXAMPLE_MARKS = ("(ví dụ)", "(example)")  #: in every language, since a form may be filed in another
EXAMPLE_TITLE = N_("Review the staff's digital signatures and issue those that are missing")
EXAMPLE_RESPONSIBLE = "Nguyễn Văn A"
EXAMPLE_DUE = "trước ngày 15/12/{year}"

#: deadlines of the guide; what each means is worked out by the grammar itself
DEADLINES: tuple[str, ...] = (
    "22/5/{year}",
    "trước ngày 15/5/{year}",
    "tháng 10/{year}",
    "Quý II/{year}",
    "6 tháng đầu năm {year}",
    "từ ngày 04/5/{year} đến hết ngày 29/5/{year}",
    "thường xuyên",
    "kịp thời",
)

DEADLINES_HEADING = N_("Deadlines")  #: the chapter that shows them

#: heading and paragraphs of the guide; "{plan}", "{lists}", "{mark}", "{file}" are filled in
GUIDE: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        N_("Fill in"),
        (
            N_(
                'Write on the sheet "{plan}", one task a row. '
                "What each column wants is told by the note on its heading."
            ),
            N_(
                "Bold rows are goals. Those from the directive's targets stand there already; change their text, "
                "delete those without tasks, or copy one and give it the next Roman number."
            ),
            N_(
                "A row that holds nothing but its number is passed over. Insert rows where more are needed; "
                "every task needs a number that no other task of its goal has."
            ),
            N_(
                "The grey row is an example and is not filed. Delete it, or write over it and put a number in place of "
                '"{mark}".'
            ),
            N_('The sheet "{lists}" shows the officers, the targets and the agencies that can be chosen.'),
        ),
    ),
    (
        DEADLINES_HEADING,
        (
            N_(
                "Type them as documents say them, the day before the month. "
                "A deadline that names no day is asked about:"
            ),
        ),
    ),
    (
        N_("Check and file"),
        (
            N_("1. Check, as often as you like; nothing is stored:"),
            "planner plan check {file}",
            N_("2. To see the problems in the table itself, each as a note on its coloured cell:"),
            "planner plan check {file} --annotate {checked}",
            N_("3. File. Filing again after a correction makes the next version:"),
            "planner plan file {file}",
        ),
    ),
)


def example_of(code: Cell, title: Cell) -> tuple[bool, Cell | None]:
    """Say whether a row is the form's example, or a task begun over it, by its two marks.

    Returns:
        Whether the row is not to be read as a task; and the cell that still bears a mark while the other lost it, so
        that nobody's task is passed over in silence.
    """
    numbered = isinstance(code.value, str) and code.value.casefold() in EXAMPLE_MARKS
    titled = isinstance(title.value, str) and title.value.casefold().startswith(EXAMPLE_MARKS)
    if numbered == titled:
        return numbered, None
    return True, code if numbered else title
