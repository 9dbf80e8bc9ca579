"""Figures and lists as documents: what `report` writes to a file."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime
from pathlib import Path

from planner.config import ZONE
from planner.domain.notification import NoticeKind, NoticeState
from planner.domain.progress import Progress
from planner.domain.status import TaskState
from planner.errors import InputRejected, Problem, WorldFailed, words_of
from planner.i18n import gettext as _
from planner.reporter import FORMATS
from planner.reporter.content import status_report
from planner.reporter.document import Report
from planner.reporter.escalations import EscalationRow, escalation_report
from planner.service.desk import Desk
from planner.service.reports import escalations, progress_at
from planner.store import ledger_view


def status(desk: Desk, at: datetime, *, directive: str | None, number: str) -> tuple[Progress, Report]:
    """Return the Chairman's report at an instant: its figures, and the document.

    Raises:
        NotFound: no such directive.
    """
    with desk.reading() as session:
        progress, state = progress_at(desk, session, at, directive)
        told = ledger_view.sent_counts(session, until=at)
    department = state.agencies.get(desk.settings.department)
    settings = desk.settings
    report = status_report(
        progress,
        issuer=department.name if department else desk.settings.department,
        superior=settings.report_superior,
        place=settings.report_place,
        dated=at.astimezone(ZONE).date(),
        extracted_at=at,
        signer_post=settings.report_signer_post,
        signer_name=settings.report_signer_name,
        number_given=number,
        reminders=sum(told.values()),
    )
    return progress, report


def escalation_list(desk: Desk, at: datetime) -> tuple[list[dict[str, object]], Report]:
    """Return who was told of what up to an instant: as data, and as a document."""
    with desk.reading() as session:
        rows = escalations(session, at)
    lines = [
        EscalationRow(
            task=row["task"],
            title=row["title"],
            agency=row["agency_name"],
            kind=NoticeKind(row["kind"]),
            rung=row["rung"],
            recipient=row["recipient_name"],
            sent_at=row["sent_at"],
            state=NoticeState(row["state"]),
            task_state=TaskState(row["followed"]["state"]),
            done_on=row["followed"]["done_on"],
            extended_to=row["followed"]["last_day"] if row["followed"]["extensions"] else None,
        )
        for row in rows
    ]
    return rows, escalation_report(lines, _day(at))


def _day(at: datetime) -> date:
    return at.astimezone(ZONE).date()


def write(report: Report, path: Path, formats: tuple[str, ...] = tuple(FORMATS)) -> None:
    """Write a document in the format that the suffix names.

    Raises:
        InputRejected: no such format.
        WorldFailed: the disk refuses.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in formats:
        known = ", ".join((*formats, "json"))
        message = _("{suffix!r} is no format of this report; expected one of: {known}.").format(
            suffix=path.suffix, known=known
        )
        raise InputRejected(message, [Problem(place="-o", code="format_unknown", message=message)])
    save(path, FORMATS[suffix](report))


def save(path: Path, content: bytes) -> None:
    """Write bytes to a file, whole or not at all.

    Raises:
        WorldFailed: there is no such folder, or the disk refuses.
    """
    if not path.parent.is_dir():
        raise WorldFailed(_("There is no folder {path}. Make it, or name another file.").format(path=path.parent))
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):  # the failure itself is told below
            part.unlink(missing_ok=True)
        raise WorldFailed(_("{path} cannot be written: {reason}").format(path=path, reason=words_of(error))) from error
