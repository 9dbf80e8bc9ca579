"""Promises and snoozes: who may keep the reminders about a task quiet, and for how long.

Both end by themselves on their day, and both are events. How far they may reach is the reminder policy's to say.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from planner.domain.agency import OfficerRole
from planner.domain.changes import Pausing, TaskAcknowledged, TaskResumed, TaskSnoozed
from planner.domain.plan import Pause, PauseKind, TaskRecord
from planner.domain.span import Span, parse_span
from planner.domain.status import TaskState
from planner.errors import InputRejected, PermissionRefused, Problem, Refused
from planner.i18n import gettext as _
from planner.service.desk import Desk
from planner.service.tasks import brief, find, pauses_of, require_words
from planner.store import cases, registers
from planner.store.engine import Session
from planner.store.state import Book
from planner.templating import vi_date

#: how far from today, where the policy in use does not say (it stands in the tables once a reminder was due)
FURTHEST = {PauseKind.PROMISE: "10wd", PauseKind.SNOOZE: "20wd"}
_KEYS = {PauseKind.PROMISE: "acknowledge", PauseKind.SNOOZE: "snooze"}
_OPTIONS = {PauseKind.PROMISE: "--promise", PauseKind.SNOOZE: "--until"}


def acknowledge(desk: Desk, text: str, *, until: date, reason: str) -> dict[str, Any]:
    """Promise a day by which a task will be done: until then those who do the work are not reminded.

    Raises:
        InputRejected: no reason, or a day that is past or too far away.
        Refused: the task is not open, or who acts does not answer for it.
    """
    return _pause(desk, text, PauseKind.PROMISE, until, reason)


def snooze(desk: Desk, text: str, *, until: date, reason: str) -> dict[str, Any]:
    """Hold every reminder about a task until a day; the department's decision.

    Raises:
        InputRejected: no reason, or a day that is past or too far away.
        Refused: the task is done or out of force, or who acts is not of the department.
    """
    return _pause(desk, text, PauseKind.SNOOZE, until, reason)


def lift(desk: Desk, text: str, what: PauseKind, *, reason: str) -> dict[str, Any]:
    """End a promise or a snooze before its day.

    Raises:
        InputRejected: no reason is given.
        Refused: there is none that still holds, or who acts may not do this.
    """
    require_words({"--reason": reason})
    with desk.writing() as session:
        record = find(session, desk, text)
        _permit(desk, session, record, what)
        standing = record.promise if what is PauseKind.PROMISE else record.snooze
        if standing is None or not standing.holds_on(desk.today):
            raise Refused(_("Task {task}: there is nothing to lift.").format(task=record.short_key))
        return _record(desk, session, record, TaskResumed(task=record.key, what=what), reason)


def _pause(desk: Desk, text: str, what: PauseKind, until: date, reason: str) -> dict[str, Any]:
    require_words({"--reason": reason})
    with desk.writing() as session:
        record = find(session, desk, text)
        _permit(desk, session, record, what)
        if not (record.state.is_open or (what is PauseKind.SNOOZE and record.state is TaskState.SUBMITTED)):
            raise Refused(
                _('Task {task} is "{state}"; nobody is reminded of it.').format(
                    task=record.short_key, state=_(record.state.label)
                )
            )
        _require_near(desk, until, _furthest(session, record, what), _OPTIONS[what])
        pause = Pause(until=until, reason=reason.strip(), by=desk.user.lower() if desk.user else "local", at=desk.now)
        change: Pausing = (
            TaskAcknowledged(task=record.key, promise=pause)
            if what is PauseKind.PROMISE
            else TaskSnoozed(task=record.key, snooze=pause)
        )
        return _record(desk, session, record, change, reason.strip())


def _record(desk: Desk, session: Session, record: TaskRecord, change: Pausing, reason: str) -> dict[str, Any]:
    book = Book()
    book.tasks[record.plan] = {record.key: record}
    desk.record(session, [(record.key, change)], book=book, reason=reason)
    now = book.tasks[record.plan][record.key]
    return {**brief(desk, now), **pauses_of(desk, now)}


def _permit(desk: Desk, session: Session, record: TaskRecord, what: PauseKind) -> None:
    """Check who acts: a snooze is the department's; a promise is made by who answers, a stand-in, the focal or head."""
    if what is PauseKind.SNOOZE:
        desk.require_department(session)
        return
    desk.require_agency(session, record.agency)
    officer = desk.acting_officer(session)
    if officer is None or officer.agency == desk.settings.department or officer.role is not OfficerRole.MEMBER:
        return
    named = record.task.responsible.strip().lower()
    responsible = registers.officers(session).get(named)
    may = {named, responsible.substitute if responsible else None} | {
        absence.substitute
        for absence in registers.absences(session)
        if absence.officer == named and absence.first_day <= desk.today <= absence.last_day
    }
    if officer.email not in may:
        raise PermissionRefused(
            _(
                "{user} does not answer for {task}; a promise is made by the responsible person, the substitute, the "
                "focal officer or the head."
            ).format(user=officer.email, task=record.short_key)
        )


def _furthest(session: Session, record: TaskRecord, what: PauseKind) -> Span:
    terms = cases.terms(session, (record.key, record.deadline_revision))
    return parse_span(str(terms.get(_KEYS[what], {}).get("most") or FURTHEST[what]))


def _require_near(desk: Desk, until: date, most: Span, option: str) -> None:
    latest = most.after(desk.today, desk.calendar())
    message = ""
    if until < desk.today:
        message = _("Found {day}, expected today ({today}) or a later day.")
    elif until > latest:
        message = _("Found {day}, expected {latest} at the latest: the policy allows {most} from today.")
    if message:
        message = message.format(
            day=vi_date(until), today=vi_date(desk.today), latest=vi_date(latest), most=most.describe()
        )
        raise InputRejected(
            _("The reminders are not held; nothing changed."),
            [Problem(place=option, code="pause_day", message=message)],
        )
