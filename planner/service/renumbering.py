"""A plan is filed anew: which rows seem to be tasks under another number, whose deadline moves, which task is gone.

Asks, never guesses: who files says `--renumbered I.3=I.4` (the same task; its state, results and reminders go with it)
or `--replaced I.3` (another task). Source: design notes "Plan and task lifecycle": identity by code; an extension is
decided by the department.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from planner.domain.changes import Change, moved_keys
from planner.domain.comparison import Renumbering, Titled, renumberings, similar, titles_of
from planner.domain.plan import Plan, PlannedTask, PlanRecord, TaskRecord
from planner.domain.status import PlanState, TaskState
from planner.errors import PermissionRefused, Problem, UsageRefused
from planner.i18n import gettext as _
from planner.importer import PlanDraft
from planner.importer.columns import read_number
from planner.importer.complaints import quoted
from planner.importer.draft import TaskDraft
from planner.service.desk import Desk
from planner.store import plans, upkeep
from planner.store.engine import Session
from planner.store.state import Book
from planner.templating import vi_date

ALL = "all"
_MOST_SEARCHES = 20  # tasks that are gone and get a hint; comparing titles is slow


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What who files says about renumbered rows."""

    renumbered: Mapping[str, str] = field(default_factory=dict)  #: new code by old code
    all_renumbered: bool = False
    replaced: frozenset[str] = frozenset()  #: old codes whose rows are other tasks now
    all_replaced: bool = False


NO_ANSWERS = Answers()


def answers(renumbered: Iterable[str], replaced: Iterable[str]) -> Answers:
    """Return what the options `--renumbered OLD=NEW` (or `all`) and `--replaced OLD` (or `all`) say.

    Raises:
        UsageRefused: a value is neither; both say `all`; one task is given two numbers.
    """
    pairs: dict[str, str] = {}
    renumbered, replaced = list(renumbered), list(replaced)
    for text in renumbered:
        old, equals, new = (part.strip() for part in text.partition("="))
        if text == ALL:
            continue
        if not (old and equals and new) or "=" in new:
            raise UsageRefused(
                _('--renumbered: found "{text}", expected OLD=NEW such as I.3=I.4, or "all".').format(text=text)
            )
        if pairs.get(old, new) != new or new in (code for one, code in pairs.items() if one != old):
            raise UsageRefused(_('--renumbered: "{text}" contradicts another pair.').format(text=text))
        pairs[old] = new
    codes = frozenset(text.strip() for text in replaced if text != ALL)
    both = sorted(codes & pairs.keys())
    if both or (ALL in renumbered and ALL in replaced):
        raise UsageRefused(
            _("{tasks}: given as renumbered and as replaced; keep one.").format(tasks=", ".join(both) or ALL)
        )
    return Answers(renumbered=pairs, all_renumbered=ALL in renumbered, replaced=codes, all_replaced=ALL in replaced)


@dataclass(frozen=True, kw_only=True)
class Refiling:
    """What filing a plan anew means for the tasks that stand."""

    renumbered: tuple[tuple[str, str], ...] = ()  #: (old code, new code): tasks that are carried on
    problems: tuple[Problem, ...] = ()  #: open questions, moved deadlines, tasks that are gone


def refiling(
    desk: Desk, session: Session, plan: Plan, draft: PlanDraft, latest: PlanRecord, *, given: Answers
) -> Refiling:
    """Hold a plan against the tasks that stand, and ask what only who files it can know.

    Args:
        desk: who files, and when.
        session: an open transaction.
        plan: what is to be filed.
        draft: the file it comes from, for the places of problems.
        latest: the newest version filed before; it differs from `plan`.
        given: answers to the questions of an earlier try.
    """
    base = latest
    if latest.state is not PlanState.ACCEPTED:
        base = plans.plan_records(session, content=True, key=plan.key)[plan.key]
    existing = plans.task_records(session, plan=plan.key, in_force=False)
    standing = {r.task.code: r for r in existing.values() if r.state is not TaskState.WITHDRAWN}
    if latest.state is PlanState.SUBMITTED:  # what was answered for it holds for the version that takes its place
        before = {old: new for old, new in latest.renumbered if old not in given.replaced and not given.all_replaced}
        taken = set(given.renumbered.values())
        kept = {old: new for old, new in before.items() if new not in taken and old in standing}
        codes = {task.code for task in plan.tasks}
        kept = {old: new for old, new in kept.items() if new in codes}
        given = Answers(
            renumbered={**kept, **given.renumbered},
            all_renumbered=given.all_renumbered,
            replaced=given.replaced,
            all_replaced=given.all_replaced,
        )
    asking = _Asking(plan, draft, base, standing, given)
    pairs = asking.pairs()
    problems = [*asking.wrong, *asking.open_questions, *asking.gone(pairs)]
    binding = desk.settings.auto_accept and base.state is PlanState.ACCEPTED and not _by_department(desk, session)
    problems += [*asking.deadlines(pairs, binding=binding), *asking.old_numbers(pairs)]
    return Refiling(renumbered=tuple(pairs.items()), problems=tuple(problems))


def _by_department(desk: Desk, session: Session) -> bool:
    try:
        desk.require_department(session)
    except PermissionRefused:
        return False
    return True


class _Asking:
    """One plan beside the tasks that stand."""

    def __init__(
        self, plan: Plan, draft: PlanDraft, base: PlanRecord, standing: Mapping[str, TaskRecord], given: Answers
    ) -> None:
        self.plan, self.given, self.standing = plan, given, standing
        self.tasks = {task.code: task for task in plan.tasks}
        self.drafts = {read_number(task.code): task for goal in draft.goals for task in goal.tasks}
        self.file = draft.file_name
        self.before = {task.code: task for task in base.plan.tasks}
        goals = {goal.code: goal.title for goal in base.plan.goals}
        self.candidates = renumberings(
            {code: Titled(goal=goals.get(r.goal, ""), title=r.task.title) for code, r in standing.items()},
            titles_of(plan),
        )
        self.wrong: list[Problem] = []
        self.open_questions: list[Problem] = []
        self.was: dict[str, str] = {}  # old code by new code of the tasks that are carried on
        self.asked: set[str] = set()  # old and new codes of the open questions

    def place(self, code: str, cell: str) -> str:
        """Return where a cell of a row stands; the row's number when the file is not at hand."""
        row: TaskDraft | None = self.drafts.get(code)
        return getattr(row, cell).place if row else code

    def pairs(self) -> dict[str, str]:
        """Return new code by old code of the tasks that are carried on; what is wrong or open is collected."""
        chosen = {old: new for old, new in self.given.renumbered.items() if self.is_possible(old, new)}
        for old in sorted(self.given.replaced - self.standing.keys()):
            self.refuse("--replaced", _("No task {code} stands in {plan}.").format(code=old, plan=self.plan.key))
        taken = set(chosen.values())
        for one in self.candidates:
            if one.old in self.given.renumbered or one.new in taken:
                continue
            if one.old in self.given.replaced or (self.given.all_replaced and not self.given.all_renumbered):
                continue
            if self.given.all_renumbered:
                chosen[one.old] = one.new
            else:
                self.open_questions.append(self.question(one))
                self.asked |= {one.old, one.new}
        self.was = {new: old for old, new in chosen.items()}
        return chosen

    def refuse(self, option: str, message: str) -> None:
        self.wrong.append(Problem(place=option, code="renumbered_unknown", message=message))

    def is_possible(self, old: str, new: str) -> bool:
        """Say whether `--renumbered old=new` can be meant; if not, the reason is collected."""
        if old not in self.standing:
            self.refuse("--renumbered", _("No task {code} stands in {plan}.").format(code=old, plan=self.plan.key))
        elif new not in self.tasks:
            message = _("The file holds no task {code}.")
            self.refuse("--renumbered", message.format(code=new))
        elif old == new:
            self.refuse("--renumbered", _("{code} is the same number twice.").format(code=old))
        elif (
            new in self.standing
            and new not in self.given.renumbered
            and self.standing[new].task.title == self.tasks[new].title
        ):
            message = _('{new} is task {new} "{title}" already, which stands; {old} cannot take its place.')
            self.refuse("--renumbered", message.format(new=new, old=old, title=quoted(self.tasks[new].title)))
        else:
            return True
        return False

    def question(self, one: Renumbering) -> Problem:
        message = _(
            'Task {old} "{title}" stands here as {new}. If it is the same task, file with --renumbered {old}={new}: '
            "its state, results and reminders go with it. If it is another task, file with --replaced {old}. "
            'For all such rows write "all" instead.'
        )
        message = message.format(old=one.old, new=one.new, title=quoted(one.title))
        return Problem(place=self.place(one.new, "code"), code="renumbered", message=message)

    def gone(self, pairs: Mapping[str, str]) -> Iterator[Problem]:
        """Yield a warning for each task that the new version leaves out."""
        taken = set(pairs.values())
        fresh = {c: task.title for c, task in self.tasks.items() if c not in self.standing and c not in taken}
        searches = 0
        for code, record in self.standing.items():
            carried_on = code in pairs or (code in self.tasks and code not in taken)
            if carried_on or code in self.asked or record.state is TaskState.CONFIRMED:
                continue
            message = _('Task {code} "{title}" is not in the file; it will be withdrawn.')
            message = message.format(code=code, title=quoted(record.task.title))
            searches += 1
            near = similar(record.task.title, fresh) if fresh and searches <= _MOST_SEARCHES else None
            if near is not None and code not in self.given.replaced:
                hint = _('Much like it: {new} "{title}"; if it is the same task: --renumbered {code}={new}.')
                message += " " + hint.format(code=code, new=near, title=quoted(fresh[near]))
            yield Problem(place=self.file or code, code="task_left_out", message=message, severity="warning")

    def came_from(self, code: str, pairs: Mapping[str, str]) -> TaskRecord | None:
        """Return the standing task that a row of the file carries on."""
        return self.standing.get(self.was.get(code, code if code not in pairs else ""))

    def old_numbers(self, pairs: Mapping[str, str]) -> Iterator[Problem]:
        """Yield a warning for each task of another agency that has another number since the version before."""
        for code, task in self.tasks.items():
            record = self.came_from(code, pairs)
            before = self.before.get(record.task.code) if record else None
            if record is None or before is None or before.after == record.task.after:
                continue
            for was, now in zip(before.after, record.task.after, strict=False):
                if was != now and was in task.after and now not in task.after:
                    message = _(
                        "What was {was} bears the number {now} by now. If that task is meant, write {now} here."
                    )
                    cells = self.drafts[code].after if code in self.drafts else ()
                    place = cells[0].place if cells else code
                    message = message.format(was=was, now=now)
                    yield Problem(place=place, code="after_renumbered", message=message, severity="warning")

    def deadlines(self, pairs: Mapping[str, str], *, binding: bool) -> Iterator[Problem]:
        """Yield what a moved deadline means; `binding`: the plan is in force and who files may not extend it."""
        for code, task in self.tasks.items():
            if code in self.asked:
                continue  # whose deadline it is depends on the answer
            record = self.came_from(code, pairs)
            if record is not None and record.task.deadline.last_day != task.deadline.last_day:
                found = self.moved_deadline(code, task, record, binding)
                if found is not None:
                    yield found

    def moved_deadline(self, code: str, task: PlannedTask, record: TaskRecord, binding: bool) -> Problem | None:
        old, new = record.last_day, task.deadline.last_day
        if old == new:
            return None  # an extension that was granted is now in the file too
        place = self.place(code, "due")
        days = {"old": _day(old), "new": _day(new), "task": f"{self.plan.key.split('/', 1)[1]}:{code}"}
        if record.state in (TaskState.SUBMITTED, TaskState.CONFIRMED):
            message = _("The result of {task} was handed in under the last day {old}; {new} does not change that.")
            return Problem(place=place, code="deadline_kept", message=message.format(**days), severity="warning")
        if old is not None and (new is None or new > old) and binding:
            message = _(
                "The last day of {task} would move from {old} to {new}. An extension is decided by the department: "
                "write the old day again and ask for the extension with its reason (planner task extend), or let the "
                "department file this version."
            )
            return Problem(place=place, code="deadline_moved", message=message.format(**days))
        message = _(
            "The last day of {task} moves from {old} to {new} with this version. "
            "It does not count as an extension; that is granted with planner task extend."
        )
        return Problem(place=place, code="deadline_moved", message=message.format(**days), severity="warning")


def _day(day: date | None) -> str:
    return vi_date(day) if day is not None else _("no last day")


def record_change(
    desk: Desk, session: Session, change: Change, record: PlanRecord, book: Book, *, accepted: bool, reason: str = ""
) -> None:
    """Record that a version was filed or decided; where it renumbers tasks, other plans and the ledger follow.

    Args:
        desk: who acts, and when.
        session: a writing transaction.
        change: what happened.
        record: the version concerned.
        book: holds the plan's tasks as they stand.
        accepted: whether the version is in force from now on.
        reason: why, in the words of who acts.
    """
    key = record.plan.key
    moved = moved_keys(record, book.tasks.get(key, {})) if accepted else {}
    if moved:
        for one, task in plans.waiting_for(session, moved).items():
            if task.plan != key:
                book.tasks.setdefault(task.plan, {})[one] = task
    desk.record(session, [(key, change)], book=book, reason=reason)
    if moved:
        upkeep.follow_renumbering(session, moved)
