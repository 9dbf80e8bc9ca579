"""The columns of a plan's table: what each is called in the field, and how such cells are read.

`COLUMNS` is the whole table; a new column is one line. Headings are compared by `agency_key`, so case, punctuation and
the place of tone marks do not matter, and what stands in brackets may be left out. Source: domain notes, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any

from planner.domain.deadline import Deadline, DeadlineKind
from planner.i18n import gettext as _
from planner.importer.date_words import YEARS
from planner.importer.dates import LONGEST, parse_deadline
from planner.importer.draft import Cell
from planner.importer.names import agency_key


def read_line(cell: Cell) -> str:
    """Return the cell as one line of text."""
    return " ".join(cell.text.split())


_WHOLE = re.compile(r"(\d{1,4})(?:\s*(?:ngày(?: làm việc)?|days?))?", re.IGNORECASE)


def read_days(cell: Cell) -> int | None:
    """Return a number of days above 0; None when the cell holds anything else."""
    match = _WHOLE.fullmatch(cell.text) if not isinstance(cell.value, (bool, date, time)) else None
    return int(match[1]) or None if match else None


def read_number(cell: Cell) -> str:
    """Return a task or goal number without the marks around it: "(1)", "1.", "I)" and 1.0 become "1", "1", "I", "1"."""
    return cell.text.strip("().: \t\n") if not isinstance(cell.value, (date, time)) else ""


_LEADING = re.compile(r"(?:đồng chí|đ/c|đc|ông \(bà\)|ông/bà|ông|bà|mr\.?|ms\.?)[\s:]+", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s<>()\[\],;:\"]+")  # what may stand around a mailbox


@dataclass(frozen=True, slots=True)
class Person:
    """Who a cell says is responsible: a mailbox, or names to look up in turn."""

    email: str = ""
    names: tuple[str, ...] = ()


def read_person(cell: Cell) -> Person:
    """Return the mailbox in the cell if it has one; else its text, and its text without form of address and post."""
    text = " ".join(cell.text.split())
    if "@" in text:
        email = next((word for word in _BETWEEN.split(text) if "@" in word[1:-1]), None)
        if email is not None:
            return Person(email=email.rstrip(".").lower())
    bare = _LEADING.sub("", text, count=1) if _LEADING.match(text) else text
    name = re.split(r"\s*[,;(]|\s+[-–]\s+", bare)[0]
    return Person(names=tuple(dict.fromkeys(filter(None, (text, bare, name)))))


_AMONG = re.compile(r"\s*(?:[,;&\n]|(?<![đĐ])/)\s*|\s+và\s+", re.IGNORECASE)  # what may stand between two persons
# What else may stand behind a name: a post or an office, written with capitals or without.
_NO_NAME = re.compile(
    r"(?:trưởng|phó|giám|chủ|bí|chánh|chuyên|phòng|sở|ban|chi cục|cục|trung tâm|ubnd|ủy|uỷ|văn phòng|công chức|cán bộ"
    r"|kế toán|thư ký|nhân viên|viên chức|hiệu|đội|tổ)\b",
    re.IGNORECASE,
)


def names_several(cell: Cell) -> bool:
    """Say whether a cell names more than one person: two mailboxes, or two names that are no post or office."""
    text = cell.text.strip()
    if text.count("@") > 1:
        return len({word.strip(".").lower() for word in _BETWEEN.split(text) if "@" in word[1:-1]}) > 1
    return "@" not in text and sum(map(_is_name, _AMONG.split(text))) > 1


def _is_name(part: str) -> bool:
    bare = _LEADING.sub("", part, count=1)
    words = re.split(r"\s*[(]|\s+[-–]\s+", bare)[0].split()
    return (
        2 <= len(words) <= 6
        and all(word.isalpha() and word[0].isupper() for word in words)
        and _NO_NAME.match(" ".join(words)) is None
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of the table."""

    field: str  #: of TaskDraft or GoalDraft; "goal" for a column that repeats the goal beside each task
    title: str  #: as the blank form prints it
    names: tuple[str, ...]  #: other headings met in the field, Vietnamese and English
    repeats: bool = False  #: whether "như trên" and a merged cell stand for the value above


FULL_CODE = "Mã đầy đủ"  #: heading under which a task's number stands whole: 1 under goal I is 1, not I.1


def _kinds(*endings: str) -> tuple[str, ...]:
    return tuple(f"{who} {ending}" for who in ("cơ quan", "đơn vị", "cơ quan, đơn vị") for ending in endings)


COLUMNS: tuple[Column, ...] = (
    Column(
        field="code",
        title="TT",
        names=("STT", "Số TT", "Số thứ tự", "Mã nhiệm vụ", "Mã", "No.", "No", "#", "Code", "Task code", FULL_CODE),
    ),
    Column(
        field="goal",
        title="Mục tiêu",
        names=("Nhóm nhiệm vụ", "Nhóm mục tiêu", "Goal", "Objective"),
        repeats=True,
    ),
    Column(
        field="target",
        title="Chỉ tiêu",
        names=("Mục tiêu số", "Chỉ tiêu số", "Mã chỉ tiêu", "Mã mục tiêu", "Target"),
        repeats=True,
    ),
    Column(
        field="title",
        title="Nhiệm vụ",
        names=(
            "Tên nhiệm vụ",
            "Nội dung",
            "Nội dung công việc",
            "Nội dung nhiệm vụ",
            "Nội dung thực hiện",
            "Công việc",
            "Tên công việc",
            "Mục tiêu, nhiệm vụ",
            "Nhiệm vụ, giải pháp",
            "Nội dung, nhiệm vụ",
            "Nhiệm vụ cụ thể",
            "Task",
            "Title",
            "Task name",
        ),
    ),
    Column(
        field="responsible",
        title="Người chịu trách nhiệm",
        names=(
            "Lãnh đạo phụ trách",
            "Người thực hiện",
            "Người phụ trách",
            "Người chủ trì",
            "Cán bộ phụ trách",
            "Cán bộ thực hiện",
            "Trách nhiệm",
            "Chịu trách nhiệm",
            "Thư điện tử người chịu trách nhiệm",
            "Email người chịu trách nhiệm",
            "Responsible",
            "Responsible person",
            "Owner",
        ),
        repeats=True,
    ),
    Column(
        field="lead",
        title="Cơ quan chủ trì",
        names=(*_kinds("chủ trì", "chủ trì thực hiện", "thực hiện"), "Chủ trì", "Lead", "Lead agency"),
        repeats=True,
    ),
    Column(
        field="cooperating",
        title="Cơ quan phối hợp",
        names=(*_kinds("phối hợp", "phối hợp thực hiện"), "Phối hợp", "Cooperating", "Cooperating agencies"),
        repeats=True,
    ),
    Column(
        field="deliverable",
        title="Sản phẩm",
        names=(
            "Kết quả",
            "Kết quả đầu ra",
            "Sản phẩm, kết quả",
            "Kết quả, sản phẩm",
            "Sản phẩm đầu ra",
            "Sản phẩm hoàn thành",
            "Kết quả thực hiện",
            "Deliverable",
            "Result",
        ),
        repeats=True,
    ),
    Column(
        field="start",
        title="Bắt đầu",
        names=("Ngày bắt đầu", "Thời gian bắt đầu", "Thời gian thực hiện bắt đầu", "Từ ngày", "Start", "Start date"),
        repeats=True,
    ),
    Column(
        field="due",
        title="Thời hạn hoàn thành",
        names=(
            "Thời gian",
            "Thời gian thực hiện",
            "Thời gian hoàn thành",
            "Thời hạn",
            "Thời hạn thực hiện",
            "Hạn hoàn thành",
            "Ngày hoàn thành",
            "Hoàn thành",
            "Kết thúc",
            "Ngày kết thúc",
            "Thời gian kết thúc",
            "Tiến độ",
            "Tiến độ thực hiện",
            "Tiến độ hoàn thành",
            "Đến ngày",
            "Hạn",
            "Due",
            "Due date",
            "Deadline",
        ),
        repeats=True,
    ),
    Column(
        field="duration",
        title="Số ngày thực hiện",
        names=("Số ngày", "Số ngày làm việc", "Duration", "Days"),
    ),
    Column(
        field="after",
        title="Sau nhiệm vụ",
        names=("Phụ thuộc", "Nhiệm vụ trước", "Nhiệm vụ phải xong trước", "After", "Predecessors", "Depends on"),
    ),
    Column(field="note", title="Ghi chú", names=("Note", "Notes", "Remarks"), repeats=True),
)

BY_FIELD: Mapping[str, Column] = {column.field: column for column in COLUMNS}
BY_HEADING: Mapping[str, Column] = {
    agency_key(name): column for column in COLUMNS for name in (column.title, *column.names) if agency_key(name)
} | {"#": BY_FIELD["code"]}
REQUIRED = ("code", "title", "responsible", "due")  #: columns without which a table is no plan
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


@lru_cache(maxsize=1024)
def heading(text: str) -> Column | None:
    """Return the column that a heading names, with or without what stands in brackets; None when it names none."""
    if not text or len(text) > 120:
        return None
    return (
        BY_HEADING.get(agency_key(text)) or BY_HEADING.get(agency_key(_BRACKETS.sub(" ", text))) or BY_HEADING.get(text)
    )


def read_deadline(cell: Cell, **known: Any) -> Deadline:
    """Return the deadline of a cell; a real date needs no grammar and is the last day itself.

    Args:
        cell: the cell of the due column.
        known: `signed`, `calendar`, `day_first` and `mixed`, as `parse_deadline` takes them.
    """
    value = cell.value
    if isinstance(value, date):
        at = value.time() if isinstance(value, datetime) and value.time() != time() else None
        day = value.date() if isinstance(value, datetime) else value
        if day.year not in YEARS:
            question = _("The date {day} lies too far away; correct its year.").format(day=cell.text)
            return Deadline(text=cell.text, kind=DeadlineKind.NONE, question=question)
        return Deadline(text=cell.text, kind=DeadlineKind.BY, last_day=day, time=at)
    if isinstance(value, float) and value > YEARS[-1]:  # a date that lost its format is a count of days since 1900
        question = _("Found the number {number}, expected a date; give the cell a date format.").format(
            number=cell.text
        )
        return Deadline(text=cell.text, kind=DeadlineKind.NONE, question=question)
    return parse_deadline(cell.text, **known)


def read_start(cell: Cell, **known: Any) -> date | None:
    """Return the first day that a start cell names: a day, or the first of a period; None when it has none."""
    deadline = read_deadline(cell, **known)
    if deadline.question is not None or deadline.kind not in (DeadlineKind.BY, DeadlineKind.FROM, DeadlineKind.RANGE):
        return None
    return deadline.start or deadline.last_day


# Bare numeric dates, with the word before them if it says that a day follows.
_NUMERIC_DAY = re.compile(r"(ngày\s+)?\b([0-9]{1,2})([/.\-])([0-9]{1,2})\3[0-9]{4}\b", re.IGNORECASE)


def day_comes_first(cells: list[str], heading_lines: tuple[str, ...] = ()) -> bool | None:
    """Decide for a whole file whether "12/1/2025" starts with the day; None when the file proves neither or both.

    Args:
        cells: texts of the start and due columns; a number above 12 in one place proves the order.
        heading_lines: texts above the table; they count only when the columns prove nothing.
    """
    proven, spoken = _orders(cells)
    if proven:
        return proven == {True} if len(proven) == 1 else None
    return True if spoken or any(_NUMERIC_DAY.search(text) for text in heading_lines) else None


def both_come_first(cells: list[str]) -> bool:
    """Say whether some cells of a file prove that the day comes first, and others that the month does."""
    return len(_orders(cells)[0]) == 2


def _orders(cells: list[str]) -> tuple[set[bool], bool]:
    """Return the orders that numbers above 12 prove, True for day first, and whether "ngày" stands before a date."""
    proven: set[bool] = set()
    spoken = False
    for text in cells:
        for word, first, _sign, second in _NUMERIC_DAY.findall(text[:LONGEST]):
            if (int(first) > 12) != (int(second) > 12):
                proven.add(int(first) > 12)
            spoken |= bool(word)
    return proven, spoken
