"""What one line of a mail says of one task or one plan, in the reader's language.

Pure and without templates: each function turns facts into sentences. Every text that a person filed passes `clean`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from planner import templating
from planner.domain.agency import Officer
from planner.domain.notification import Notice, NoticeKind
from planner.domain.plan import TaskRecord
from planner.domain.status import Timeliness
from planner.i18n import gettext as _
from planner.i18n import ngettext

_DOES_THE_WORK = ("responsible", "substitute")
_WRITES_LETTERS = ("department", "chairman_list")


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One line of a digest, with everything its wording needs."""

    notice: Notice
    task: TaskRecord | None  #: None for a plan that is owed
    agency_name: str  #: the agency that has the task or owes the plan
    plan_number: str = ""  #: "12/KH-STTTT"
    plan_signed: date | None = None
    days: int = 0  #: working days to the last day as of today: positive before, 0 on it, negative after
    forecast_finish: date | None = None
    holds_up_tasks: int = 0  #: open tasks that wait for this one
    holds_up_agencies: int = 0  #: agencies they belong to
    waits_for: tuple[str, ...] = ()  #: short keys of the tasks this one waits for
    nth: int = 1  #: this is the n-th reminder of this subject to this recipient
    responsible_name: str = ""
    filing_title: str = ""  #: title of the directive that a plan is owed under
    filing_deadline: date | None = None

    @property
    def last_day(self) -> date | None:
        """Return the last day on which it is on time."""
        return self.task.last_day if self.task else self.filing_deadline


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """An item as a template sees it: words in the reader's language, cleaned."""

    number: int  #: place in its group, from 1
    item: Item
    kind: str  #: folder of its wording
    own: bool  #: the reader does the work
    writes_letters: bool  #: the reader's office writes urging letters
    what: str  #: "Task stttt:I.1", "The plan of ..."
    title: str
    agency: str  #: name of the agency that has the task or owes the plan
    standing: str  #: "overdue by 2 working days"; "" when the deadline is not the point
    status: str  #: "Overdue by 2 working days; reminder no. 2."
    facts: tuple[str, ...]
    argument: str  #: what a command takes to name it, quoted for a shell
    agency_argument: str  #: agency code, quoted for a shell
    tone: str  #: colour name, as timeliness is shown elsewhere


def is_own(item: Item, recipient: Officer) -> bool:
    """Say whether the item is the recipient's own work: the task, or the plan of the recipient's agency."""
    if item.task is None:
        return agency_code(item) == recipient.agency
    return item.notice.role in _DOES_THE_WORK or item.task.task.responsible == recipient.email


def agency_code(item: Item) -> str:
    """Return the code of the agency that has the task or owes the plan."""
    return item.task.agency if item.task else item.notice.subject.rsplit("/", 1)[-1]


def line_of(number: int, item: Item, recipient: Officer, today: date) -> Line:
    """Put an item into words for `recipient`."""
    own = is_own(item, recipient)
    agency = clean(item.agency_name)
    if item.task is None:
        what, title = _("The plan of {agency}").format(agency=agency), clean(item.filing_title)
    else:
        what = _("Task {code}") if own else _("Task {code} of {agency}")
        what, title = what.format(code=clean(item.task.short_key), agency=agency), clean(item.task.task.title)
    late = item.last_day is not None and item.last_day < today
    facts = list(_filing_facts(item) if item.task is None else _task_facts(item, item.task, own=own))
    stands_in = item.task is not None and item.task.task.responsible != recipient.email
    if item.notice.reason and (not own or stands_in):
        facts.append(_("Why you are told: {reason}.").format(reason=clean(item.notice.reason).removesuffix(".")))
    confirms = item.notice.kind is NoticeKind.CONFIRMATION
    standing = "" if confirms else _standing(item, today)  # a result handed in is judged by its own date
    times = _("reminder no. {n}").format(n=item.nth) if item.nth > 1 else _("first reminder")
    status = "; ".join(filter(None, (standing, times)))
    soon = item.notice.kind in (NoticeKind.REMINDER, NoticeKind.RETURNED, NoticeKind.AT_RISK, NoticeKind.FILING)
    timeliness = Timeliness.DUE_SOON if soon else Timeliness.IN_TIME
    return Line(
        number=number,
        item=item,
        kind=item.notice.kind.value,
        own=own,
        writes_letters=item.notice.role in _WRITES_LETTERS,
        what=what,
        title=title,
        agency=agency,
        standing=standing,
        status=f"{status[:1].upper()}{status[1:]}.",
        facts=tuple(facts),
        argument=shlex.quote(clean(item.task.short_key if item.task else item.notice.subject)),
        agency_argument=shlex.quote(clean(agency_code(item))),
        tone=(Timeliness.OVERDUE if late and not confirms else timeliness).tone,
    )


def _standing(item: Item, today: date) -> str:
    last = item.last_day
    if last is None:
        return _("without a deadline")
    day = templating.vi_date(last)
    if last < today and item.days < 0:
        text = ngettext("overdue by {n} working day", "overdue by {n} working days", -item.days)
        return text.format(n=templating.number(-item.days))
    if last < today:  # it fell on a day off, and no working day has passed since
        return _("past its last day ({day})").format(day=day)
    if last == today:
        return _("due today ({day})").format(day=day)
    if item.days <= 0:
        return _("due on a day off, with no working day left after today ({day})").format(day=day)
    text = ngettext("due in {n} working day ({day})", "due in {n} working days ({day})", item.days)
    return text.format(n=templating.number(item.days), day=day)


def _task_facts(item: Item, task: TaskRecord, *, own: bool) -> Iterable[str]:
    """Yield what is known of a task, a sentence each."""
    if not own:
        text = (
            _("Lead agency: {agency}; responsible person: {name}.")
            if item.responsible_name
            else _("Lead agency: {agency}.")
        )
        yield text.format(agency=clean(item.agency_name), name=clean(item.responsible_name))
    yield from _promise(item, task)
    yield _result(task) if item.notice.kind is NoticeKind.CONFIRMATION else _progress(task)
    if item.notice.kind is NoticeKind.RETURNED and task.state_reason:
        yield _("Why it was returned: {reason}.").format(reason=clean(task.state_reason).removesuffix("."))
    if task.task.deliverable:
        yield _("Deliverable: {text}.").format(text=clean(task.task.deliverable).removesuffix("."))
    if item.forecast_finish and task.last_day and item.forecast_finish > task.last_day:
        yield _("Forecast completion: {day}, after the deadline.").format(day=templating.vi_date(item.forecast_finish))
    if item.holds_up_tasks > 0:
        yield _holds_up(item, own=own)
    if item.waits_for:
        yield _("It waits for the result of: {tasks}.").format(tasks=", ".join(map(clean, item.waits_for)))


def _promise(item: Item, task: TaskRecord) -> Iterable[str]:
    """Yield what the plan says of it: where it stands, by when, and the deadline in force if that is another."""
    code, number = clean(task.task.code), clean(item.plan_number)
    if number and item.plan_signed:
        text = _("Item {code} of plan No. {number} of {day}.")
        yield text.format(code=code, number=number, day=templating.vi_date(item.plan_signed))
    elif number:
        yield _("Item {code} of plan No. {number}.").format(code=code, number=number)
    deadline, in_force = task.task.deadline, templating.vi_date(task.last_day)
    if deadline.text and deadline.last_day:
        text = (
            _("Deadline as first set: {text} (last day that counted as on time: {day}).")
            if task.extensions
            else _("Deadline: {text} (last day that counts as on time: {day}).")
        )
        yield text.format(text=clean(deadline.text), day=templating.vi_date(deadline.last_day))
    elif task.last_day:
        yield _("Last day that counts as on time: {day}.").format(day=in_force)
    if task.extensions:
        document = clean(task.extensions[-1].document)
        text = _("The deadline has been extended to {day} (document {document}).")
        yield (text if document else _("The deadline has been extended to {day}.")).format(
            day=in_force, document=document
        )


def _progress(task: TaskRecord) -> str:
    return _("Present state: {state}; progress: {percent}.").format(
        state=_(task.state.label), percent=f"{task.percent}%"
    )


def _result(task: TaskRecord) -> str:
    number = clean(task.result.number or task.result.file_name) if task.result else ""
    text = _("Result document: {number} of {day}.") if number else _("Result handed in, dated {day}.")
    return text.format(number=number, day=templating.vi_date(task.done_on) or "-")


def _holds_up(item: Item, *, own: bool) -> str:
    tasks = ngettext("{n} task", "{n} tasks", item.holds_up_tasks).format(n=item.holds_up_tasks)
    if item.holds_up_agencies < 1:
        return (_("You are holding up {tasks}.") if own else _("This task is holding up {tasks}.")).format(tasks=tasks)
    agencies = ngettext("{n} agency", "{n} agencies", item.holds_up_agencies).format(n=item.holds_up_agencies)
    text = (
        _("You are holding up {tasks} of {agencies}.") if own else _("This task is holding up {tasks} of {agencies}.")
    )
    return text.format(tasks=tasks, agencies=agencies)


def _filing_facts(item: Item) -> Iterable[str]:
    if item.filing_deadline:
        yield _("Plans are to be filed by {day} at the latest.").format(day=templating.vi_date(item.filing_deadline))


def clean(text: str) -> str:
    """Return `text` in one line without control characters: a cell's line breaks must not look like our own words."""
    if not text.isprintable():  # asked first: most texts are, and letter by letter it takes a tenth of a mail's time
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())
