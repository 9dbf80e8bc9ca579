"""Items to tell and a person to tell them to, with every default sound."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

from planner.domain.agency import Officer
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.notification import Notice, NoticeKind
from planner.domain.plan import PlannedTask, TaskRecord
from planner.domain.status import TaskState
from planner.i18n import speaking
from scheduler.compose import Item, Message, compose

TODAY = date(2020, 5, 18)
NOW = datetime(2020, 5, 18, 0, 30, tzinfo=UTC)
AN = Officer(email="an@stttt.example.vn", name="Nguyễn Văn An", title="Phó Giám đốc", agency="stttt")
DEPARTMENT = "Sở Thông tin và Truyền thông"
K = NoticeKind


def item(
    kind: NoticeKind,
    days: int = 0,
    *,
    code: str = "I.1",
    agency: str = "stttt",
    role: str = "responsible",
    reason: str = "",
    title: str = "Cấp chữ ký số",
    last: date | None = None,
    deadline: str = "",
    record: dict[str, Any] | None = None,
    **facts: Any,
) -> Item:
    """Return an item whose last day lies `days` days from today; of An's own work unless another agency is named."""
    last = last or TODAY + timedelta(days=days)
    own = agency == "stttt"
    task = TaskRecord(
        plan=f"kl-2020-04-29/{agency}",
        agency=agency,
        goal="I",
        task=PlannedTask(
            code=code,
            title=title,
            responsible=AN.email if own else "binh@other.example.vn",
            deadline=Deadline(text=deadline or f"{last:%d/%m/%Y}", kind=DeadlineKind.BY, last_day=last),
        ),
        last_day=last,
        state=TaskState.IN_PROGRESS,
        percent=40,
    )
    task = replace(task, **(record or {}))
    facts.setdefault("agency_name", DEPARTMENT if own else f"UBND {agency}")
    return Item(notice=notice(kind, task.key, role, reason), task=task, days=days, **facts)


def filing(days: int, agency: str = "stttt", kind: NoticeKind = K.FILING, role: str = "focal", **facts: Any) -> Item:
    return Item(
        notice=notice(kind, f"kl-2020-04-29/{agency}", role, ""),
        task=None,
        agency_name=f"UBND {agency}",
        days=days,
        filing_title="Thông báo kết luận",
        filing_deadline=TODAY + timedelta(days=days),
        **facts,
    )


def notice(kind: NoticeKind, subject: str, role: str, reason: str) -> Notice:
    return Notice(
        kind=kind,
        subject=subject,
        revision=0,
        rung="r",
        nominal=TODAY,
        role=role,
        recipient=AN.email,
        reason=reason,
    )


def told(*items: Item, lang: str = "en", **options: Any) -> Message:
    with speaking(lang):
        return compose(AN, DEPARTMENT, items, today=TODAY, now=NOW, **options)


def seen(html: str) -> str:
    """Return what a reader sees of a page, its words in one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html.split("<body", 1)[1].split(">", 1)[1])).split())


def words(text: str) -> str:
    return " ".join(text.split())
