"""The department's list of escalations: who was told of what and when, and what followed.

An internal list, so it has no letterhead and no signature. Knows no database: the service brings the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from planner import i18n
from planner.domain.notification import NoticeKind, NoticeState
from planner.domain.status import TaskState
from planner.i18n import gettext as _
from planner.reporter import html
from planner.reporter.document import Block, Column, Paragraph, Report, Row, Section, Table
from planner.templating import number, vi_date, vi_instant


@dataclass(frozen=True, kw_only=True, slots=True)
class EscalationRow:
    """One person told of one task, and how the task stands since."""

    task: str  #: short key
    title: str  #: of the task
    agency: str  #: name
    kind: NoticeKind
    rung: str  #: the policy's name of the rung: "due+5wd"
    recipient: str  #: name of the person, or the address
    sent_at: datetime | None  #: UTC; None: not sent
    state: NoticeState
    task_state: TaskState
    done_on: date | None = None  #: date of the result document
    extended_to: date | None = None  #: last day in force, when the deadline was extended


def escalation_report(rows: Iterable[EscalationRow], as_of: date) -> Report:
    """Return the list as a document, the rows in the order given."""
    columns = (
        Column(title=_("No."), width=5, align="center"),
        Column(title=_("Task"), width=27),
        Column(title=_("Lead agency"), width=16),
        Column(title=_("Notice"), width=14),
        Column(title=_("Person told"), width=14),
        Column(title=_("Sent"), width=10, align="center"),
        Column(title=_("What followed"), width=16),
    )
    found = tuple(
        Row(
            cells=(
                str(at),
                f"{row.title} ({row.task})",
                row.agency,
                f"{_(row.kind.label)} ({row.rung})",
                row.recipient,
                vi_instant(row.sent_at) if row.sent_at is not None else _(row.state.label),
                _followed(row),
            )
        )
        for at, row in enumerate(rows, 1)
    )
    blocks: tuple[Block, ...] = (Paragraph(_("Notices of delay and escalations: {n}.").format(n=number(len(found)))),)
    if found:
        blocks += (Table(columns=columns, rows=found),)
    return Report(
        language=i18n.language(),
        landscape=True,
        type_name=_("LIST OF ESCALATIONS"),
        subject="",
        period_line=_("(Up to {day})").format(day=vi_date(as_of)),
        sections=(Section(title="", blocks=blocks),),
    )


def _followed(row: EscalationRow) -> str:
    if row.done_on is not None and row.task_state in (TaskState.SUBMITTED, TaskState.CONFIRMED):
        return _("{state}; result dated {day}").format(state=_(row.task_state.label), day=vi_date(row.done_on))
    if row.extended_to is not None:
        return _("{state}; extended to {day}").format(state=_(row.task_state.label), day=vi_date(row.extended_to))
    return _(row.task_state.label)


def escalations_html(rows: Iterable[EscalationRow], as_of: date, site: Path | None = None) -> bytes:
    """Return the list as one self-contained page, UTF-8."""
    return html.render(escalation_report(rows, as_of), site)
