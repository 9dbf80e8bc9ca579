"""What people do with a task: begin it, report progress, hand in its result, confirm or return it, extend it.

Each move is one event with actor, instant and reason. A result needs a document: its number, or a file whose SHA-256 is
kept. `done_on` is the date of that document, never the day of the data entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from planner.domain.changes import Change, TaskAcknowledged, TaskExtended, TaskMoved, TaskSnoozed
from planner.domain.plan import Extension, PauseKind, ResultDocument, TaskRecord
from planner.domain.status import TaskState, Timeliness, timeliness
from planner.errors import InputRejected, NotFound, Problem, Refused, WorldFailed, words_of
from planner.i18n import gettext as _
from planner.importer.door import seemly
from planner.service.desk import Desk
from planner.service.task_history import task_history
from planner.store import plans
from planner.store.engine import Session
from planner.store.state import Book
from planner.templating import vi_date

MOST_WORDS = 2000  #: characters of a reason or of the number of a document


def timeliness_of(desk: Desk, record: TaskRecord) -> Timeliness:
    """Return how a task stands today."""
    last_day = record.last_day
    return timeliness(
        state=record.state,
        start=record.task.begins,
        last_day=last_day,
        done_on=record.done_on,
        today=desk.today,
        due_soon_from=desk.calendar().add(last_day, -desk.settings.due_soon) if last_day else None,
    )


def brief(desk: Desk, record: TaskRecord) -> dict[str, Any]:
    """Return one task as plain data for lists."""
    return {
        "task": record.short_key,
        "agency": record.agency,
        "title": record.task.title,
        "responsible": record.task.responsible,
        "due_text": record.task.deadline.text,
        "last_day": record.last_day,
        "state": record.state.value,
        "percent": record.percent,
        "timeliness": timeliness_of(desk, record).value,
    }


@dataclass(frozen=True, kw_only=True)
class TaskFilter:
    """What `task list` narrows by; an absent field does not narrow."""

    agency: str | None = None
    responsible: str | None = None
    state: TaskState | None = None
    timeliness: Timeliness | None = None


def list_tasks(desk: Desk, wanted: TaskFilter) -> list[dict[str, Any]]:
    """Return tasks of plans in force, the most urgent first."""
    with desk.reading() as session:
        states = [wanted.state.value] if wanted.state else None
        records = plans.task_records(session, states=states).values()
    rows = [
        brief(desk, record)
        for record in records
        if (wanted.agency is None or record.agency == wanted.agency)
        and (wanted.responsible is None or record.task.responsible == wanted.responsible)
    ]
    if wanted.timeliness is not None:
        rows = [row for row in rows if row["timeliness"] == wanted.timeliness.value]
    # What is done or out of force is no longer urgent, however early its last day.
    settled = {state.value for state in TaskState if not state.is_open and state is not TaskState.SUBMITTED}
    return sorted(rows, key=lambda row: (row["state"] in settled, row["last_day"] or date.max, row["task"]))


def find(session: Session, desk: Desk, text: str) -> TaskRecord:
    """Return the task that a person names.

    Raises:
        NotFound: there is none in a plan in force.
    """
    key = desk.task_key(session, text)
    found = plans.task_records(session, keys=[key])
    if key not in found:
        raise NotFound(_("There is no task {task}. See: planner task list").format(task=text))
    return found[key]


def pauses_of(desk: Desk, record: TaskRecord) -> dict[str, Any]:
    """Return the promise and the snooze of a task as plain data; `holds` says whether one is in force today."""
    return {
        kind.value: None
        if pause is None
        else {
            "until": pause.until,
            "reason": pause.reason,
            "by": pause.by,
            "at": pause.at,
            "holds": pause.holds_on(desk.today),
        }
        for kind, pause in ((PauseKind.PROMISE, record.promise), (PauseKind.SNOOZE, record.snooze))
    }


def _until(change: Change) -> date | None:
    match change:
        case TaskAcknowledged():
            return change.promise.until
        case TaskSnoozed():
            return change.snooze.until
        case TaskExtended():
            return change.extension.new_last_day
    return None


def show(desk: Desk, text: str) -> dict[str, Any]:
    """Return one task with its whole record and history."""
    with desk.reading() as session:
        record = find(session, desk, text)
        history = [
            {
                "at": event.at,
                "actor": event.actor,
                "kind": event.kind,
                "to": event.change.to.value if isinstance(event.change, TaskMoved) else None,
                "until": _until(event.change),
                "reason": event.reason or note,
            }
            for event, note in task_history(session, record.key)
        ]
    return {
        **brief(desk, record),
        "goal": record.goal,
        "cooperating": list(record.task.cooperating),
        "deliverable": record.task.deliverable,
        "after": list(record.task.after),
        "deadline": record.task.deadline.as_dict(),
        "first_last_day": record.extensions[0].old_last_day if record.extensions else record.last_day,
        "extensions": [
            {"from": e.old_last_day, "to": e.new_last_day, "reason": e.reason, "document": e.document}
            for e in record.extensions
        ],
        "done_on": record.done_on,
        "recorded_on": record.recorded_on,
        "document": record.result.number if record.result else None,
        "file": record.result.file_name if record.result else None,
        "reason": record.state_reason,
        **pauses_of(desk, record),
        "history": history,
    }


def _move(desk: Desk, text: str, change: dict[str, Any], *, reason: str, by_department: bool) -> dict[str, Any]:
    with desk.writing() as session:
        record = find(session, desk, text)
        if by_department:
            desk.require_department(session)
        else:
            desk.require_agency(session, record.agency)
        record.state.require(change["to"], record.short_key)
        book = Book()
        book.tasks[record.plan] = {record.key: record}
        moved = TaskMoved(task=record.key, **{"percent": record.percent, **change})
        desk.record(session, [(record.key, moved)], book=book, reason=reason)
        return brief(desk, book.tasks[record.plan][record.key])


def start(desk: Desk, text: str) -> dict[str, Any]:
    """Record that work has begun."""
    return _move(desk, text, {"to": TaskState.IN_PROGRESS}, reason="", by_department=False)


def progress(desk: Desk, text: str, percent: int, note: str) -> dict[str, Any]:
    """Record how far the work is, 0-100 percent."""
    return _move(desk, text, {"to": TaskState.IN_PROGRESS, "percent": percent}, reason=note, by_department=False)


def done(desk: Desk, text: str, *, document: str, on: date, file: Path | None) -> dict[str, Any]:
    """Hand in the result: the number of its document or a file, and the date of that document.

    Raises:
        InputRejected: neither number nor file, a date in the future.
        NotFound: there is no such file.
        WorldFailed: the file cannot be read.
    """
    problems = []
    if not document.strip() and file is None:
        message = _("A result needs its document: give --document NUMBER, or --file FILE.")
        problems.append(Problem(place="--document", code="result_missing", message=message))
    if on > desk.today:
        message = _("Found {day}, expected a day not after today ({today}).")
        message = message.format(day=vi_date(on), today=vi_date(desk.today))
        problems.append(Problem(place="--on", code="date_in_future", message=message))
    if problems:
        raise InputRejected(_("The result cannot be handed in yet."), problems)
    digest = ""
    if file is not None:
        if file.exists() and not file.is_file():
            message = _("This is a folder, a device or a pipe, not a file; give the path of a file.")
            raise InputRejected(
                _("The result cannot be handed in yet."), [Problem(place="--file", code="not_a_file", message=message)]
            )
        try:
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            raise NotFound(_("There is no file {path}.").format(path=file)) from None
        except OSError as error:
            raise WorldFailed(
                _("The file {name} cannot be read: {reason}").format(name=file, reason=words_of(error))
            ) from error
    result = ResultDocument(number=document.strip(), file_name=seemly(file.name) if file else "", file_sha256=digest)
    change = {
        "to": TaskState.SUBMITTED,
        "percent": 100,
        "done_on": on,
        "recorded_on": desk.today,
        "result": result,
    }
    return _move(desk, text, change, reason="", by_department=False)


def require_words(given: Mapping[str, str]) -> None:
    """Check that what must be said in words is neither blank nor endless (mails repeat it); `given` is by option.

    Raises:
        InputRejected: some of it is; every option is listed.
    """
    blank = _("The option is blank; write it out, the record keeps it.")
    long = _("The text has {count} characters, at most {most} are kept; shorten it.")
    problems = [
        Problem(place=place, code="value_missing", message=blank)
        if not text.strip()
        else Problem(place=place, code="value_too_long", message=long.format(count=len(text), most=MOST_WORDS))
        for place, text in given.items()
        if not text.strip() or len(text) > MOST_WORDS
    ]
    if any(problem.code == "value_too_long" for problem in problems):
        raise InputRejected(_("The decision is not recorded; correct what is listed."), problems)
    if problems:
        raise InputRejected(_("The decision is not recorded without its grounds."), problems)


def confirm(desk: Desk, text: str) -> dict[str, Any]:
    """Confirm a result: the department's word that the task is done."""
    return _move(desk, text, {"to": TaskState.CONFIRMED}, reason="", by_department=True)


def return_(desk: Desk, text: str, reason: str) -> dict[str, Any]:
    """Return a result that is not accepted; the task is open again and its deadline unchanged.

    Raises:
        InputRejected: no reason is given.
    """
    require_words({"--reason": reason})
    return _move(desk, text, {"to": TaskState.RETURNED}, reason=reason, by_department=True)


def extend(desk: Desk, text: str, *, to: date, reason: str, document: str) -> dict[str, Any]:
    """Grant a new last day; the first one stays in the record.

    Raises:
        InputRejected: no reason or no document is given.
        Refused: the task has no deadline, is no longer open, or the new day is not later.
    """
    require_words({"--reason": reason, "--document": document})
    with desk.writing() as session:
        record = find(session, desk, text)
        desk.require_department(session)
        if not record.state.is_open:
            raise Refused(
                _('Task {task} is "{state}"; only an open task can be extended.').format(
                    task=record.short_key, state=_(record.state.label)
                )
            )
        if record.last_day is None:
            raise Refused(_("Task {task} has no last day that could be moved.").format(task=record.short_key))
        if to <= record.last_day:
            raise Refused(
                _("The new last day must be later than the one in force ({day}).").format(day=vi_date(record.last_day))
            )
        extension = Extension(
            old_last_day=record.last_day,
            new_last_day=to,
            reason=reason,
            document=document,
            decided_by=desk.user or "local",
            decided_at=desk.now,
        )
        book = Book()
        book.tasks[record.plan] = {record.key: record}
        desk.record(
            session, [(record.key, TaskExtended(task=record.key, extension=extension))], book=book, reason=reason
        )
        return brief(desk, book.tasks[record.plan][record.key])
