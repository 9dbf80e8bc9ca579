"""Filing: a plan file becomes a version of an agency's plan, all of it or nothing.

The same content again makes no new version; a changed one makes the next, and each task keeps its identity by its code.
A version that is accepted (at once, where the setting says so and nothing is wrong) puts its tasks in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from planner.domain.changes import PlanDecided, PlanFiled, moved_keys
from planner.domain.graph import TaskGraph
from planner.domain.plan import Plan, PlanKind, PlanRecord, predecessor_key, task_key
from planner.domain.status import PlanState
from planner.errors import CycleFound, InputRejected, NotFound, Problem, Refused, WorldFailed, words_of
from planner.i18n import gettext as _
from planner.importer import Loaded, Register, load
from planner.importer.places import in_reading_order
from planner.service.desk import Desk
from planner.service.known import Known
from planner.service.renumbering import NO_ANSWERS, Answers, Refiling, record_change, refiling
from planner.service.tasks import require_words
from planner.store import plans, registers
from planner.store.engine import Session
from planner.store.state import Book


def known_to(desk: Desk, session: Session) -> Known:
    """Collect what checking needs."""
    return Known(
        agencies=registers.agencies(session),
        officers=registers.officers(session),
        directives=registers.directives(session),
        tasks=frozenset(key.split("/", 1)[1] for key in plans.task_keys(session)),
        today=desk.today,
        calendar_file=desk.settings.calendar_file,
    )


@dataclass(frozen=True, kw_only=True)
class Filed:
    """What became of one file."""

    file: str
    plan: str = ""
    agency: str = ""
    version: int = 0
    receipt: str = ""
    state: str = ""
    tasks: int = 0
    unchanged: bool = False  #: the same content was filed before; this is its receipt
    renumbered: tuple[tuple[str, str], ...] = ()  #: (old code, new code) of tasks carried on under a new number
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the file is filed."""
        return bool(self.receipt)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of `planner plan file`."""
        return {
            "file": self.file,
            "plan": self.plan or None,
            "agency": self.agency or None,
            "version": self.version or None,
            "receipt": self.receipt or None,
            "state": self.state or None,
            "tasks": self.tasks,
            "unchanged": self.unchanged,
            "renumbered": [{"from": old, "to": new} for old, new in self.renumbered],
            "problems": [problem.as_dict() for problem in self.problems],
        }


def check(
    desk: Desk,
    path: Path,
    *,
    agency: str | None = None,
    directive: str | None = None,
    answers: Answers = NO_ANSWERS,
) -> Loaded:
    """Read and check a file against the registers and the tasks that stand; write nothing."""
    with desk.reading() as session:
        known = known_to(desk, session)
        loaded = load_file(path, known.register(), agency, directive)
        if loaded.plan is not None:
            latest = plans.latest_record(session, loaded.plan.key)
            problems = _against_what_stands(desk, session, loaded, latest, answers).problems
            loaded = replace(loaded, problems=_in_order([*loaded.problems, *problems]))
    return loaded


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: in_reading_order(problem.place)))


def _against_what_stands(
    desk: Desk, session: Session, loaded: Loaded, latest: PlanRecord | None, answers: Answers
) -> Refiling:
    """Hold a sound plan against its earlier versions and the plans of other agencies."""
    assert loaded.plan is not None  # noqa: S101 - asked for sound plans only
    found = Refiling()
    if latest is not None and latest.plan != loaded.plan:
        found = refiling(desk, session, loaded.plan, loaded.draft, latest, given=answers)
    circle = _circle(session, loaded.plan, _moved(session, loaded.plan, latest, found.renumbered))
    return replace(found, problems=(*found.problems, *circle))


def _moved(
    session: Session, plan: Plan, latest: PlanRecord | None, renumbered: tuple[tuple[str, str], ...]
) -> dict[str, str]:
    """Return where the tasks of a plan would stand once its next version is in force, by their keys of today."""
    if latest is None or not renumbered:
        return {}
    coming = replace(latest, plan=plan, version=latest.version + 1, renumbered=renumbered)
    return moved_keys(coming, plans.task_records(session, plan=plan.key, in_force=False))


def load_file(path: Path, register: Register, agency: str | None = None, directive: str | None = None) -> Loaded:
    """Read and check a file against a register; write nothing."""
    try:
        return load(path, register, agency=agency, directive=directive)
    except OSError as error:
        raise WorldFailed(
            _("The file {name} cannot be read: {reason}").format(name=path, reason=words_of(error))
        ) from error


def file(
    desk: Desk,
    path: Path,
    *,
    agency: str | None = None,
    directive: str | None = None,
    answers: Answers = NO_ANSWERS,
) -> Filed:
    """File one plan; `answers` say which rows are tasks under a new number.

    Raises:
        InputRejected: the file has problems; all of them are listed and nothing was stored.
        PermissionRefused: who acts is of another agency.
    """
    with desk.writing() as session:
        loaded = load_file(path, known_to(desk, session).register(), agency, directive)
        filed = store(desk, session, path.name, loaded, answers)
        if not filed.ok:
            raise InputRejected(
                _("{file} was not filed: {n} problems. Correct them and file it again.").format(
                    file=path.name, n=sum(p.severity == "error" for p in filed.problems)
                ),
                filed.problems,
            )
        return filed


def store(desk: Desk, session: Session, name: str, loaded: Loaded, answers: Answers = NO_ANSWERS) -> Filed:
    """Store a checked plan as its agency's next version; one with problems is not stored."""
    plan = loaded.plan
    problems = list(loaded.problems)
    if plan is None:
        return Filed(file=name, problems=tuple(problems))
    desk.require_agency(session, plan.agency)
    latest = plans.latest_record(session, plan.key)
    found = _against_what_stands(desk, session, loaded, latest, answers)
    problems = list(_in_order([*problems, *found.problems]))
    if any(problem.severity == "error" for problem in problems):
        return Filed(file=name, agency=plan.agency, problems=tuple(problems))
    if latest is not None and latest.plan == plan and latest.state is not PlanState.RETURNED:
        if answers != NO_ANSWERS:
            message = _("The file is the version in force, unchanged; --renumbered and --replaced changed nothing.")
            problems.append(Problem(place=name, code="answers_unused", message=message, severity="warning"))
        return filed_as(name, latest, problems, unchanged=True)
    record = PlanRecord(
        plan=plan,
        version=latest.version + 1 if latest else 1,
        state=PlanState.ACCEPTED if desk.settings.auto_accept else PlanState.SUBMITTED,
        filed_at=desk.now,
        receipt=plans.next_receipt(session, desk.today.year),
        file_name=loaded.draft.file_name,
        file_sha256=loaded.draft.sha256,
        renumbered=found.renumbered,
    )
    book = Book()
    if latest is not None:
        book.tasks[plan.key] = plans.task_records(session, plan=plan.key, in_force=False)
    accepted = record.state is PlanState.ACCEPTED
    record_change(desk, session, PlanFiled(record=record), record, book, accepted=accepted)
    return filed_as(name, record, problems, unchanged=False)


def filed_as(name: str, record: PlanRecord, problems: Iterable[Problem], *, unchanged: bool) -> Filed:
    """Return what became of a file that is filed as a version, now or before."""
    return Filed(
        file=name,
        plan=record.plan.key,
        agency=record.plan.agency,
        version=record.version,
        receipt=record.receipt,
        state=record.state.value,
        tasks=len(record.plan.tasks),
        unchanged=unchanged,
        renumbered=record.renumbered if not unchanged else (),
        problems=tuple(problems),
    )


def _circle(session: Session, plan: Plan, moved: Mapping[str, str]) -> list[Problem]:
    """Return the problem that a plan would close a circle with the plans of other agencies, if it would.

    `moved` says which of its tasks others know under an older key.
    """
    own = [
        (predecessor_key(plan.key, reference), task_key(plan.key, task.code))
        for task in plan.tasks
        for reference in task.after
    ]
    prefix = plan.key + ":"
    leaves = any(not before.startswith(prefix) for before, _after in own)
    if not leaves:
        return []
    known = plans.dependencies_before(session, [before for before, _after in own])
    others = [(moved.get(before, before), after) for before, after in sorted(known) if not after.startswith(prefix)]
    if not any(before.startswith(prefix) for before, _after in others):
        return []
    edges = own + others
    names = dict.fromkeys(name for edge in edges for name in edge)
    try:
        TaskGraph(dict.fromkeys(names, 0), edges)
    except CycleFound as error:
        path = " -> ".join(key.split("/", 1)[1] for key in error.path)
        message = _("The dependencies run in a circle across plans: {path}. Remove one of them.").format(path=path)
        return [Problem(place=path, code="cycle", message=message)]
    return []


def decide(desk: Desk, text: str, state: PlanState, reason: str) -> dict[str, Any]:
    """Accept or return the newest version of a plan.

    Raises:
        InputRejected: it is returned without a reason.
        NotFound: the agency has filed none.
        Refused: that version is not waiting for a decision (a returned one is filed anew; only acceptance can be
            withdrawn, by returning it), the directive itself gave these tasks, or accepting would close a circle with
            plans that were accepted meanwhile.
    """
    if state is PlanState.RETURNED:
        require_words({"--reason": reason})
    with desk.writing() as session:
        desk.require_department(session)
        key = desk.plan_key(session, text)
        latest = plans.latest_record(session, key)
        if latest is None:
            raise NotFound(_("{agency} has filed no plan.").format(agency=text))
        if latest.plan.kind is PlanKind.ASSIGNED:
            raise Refused(
                _(
                    "The tasks of {plan} were given by the directive itself; there is no filed plan to decide on."
                ).format(plan=key)
            )
        allowed = {
            PlanState.ACCEPTED: (PlanState.SUBMITTED,),
            PlanState.RETURNED: (PlanState.SUBMITTED, PlanState.ACCEPTED),
        }[state]
        if latest.state not in allowed:
            raise Refused(
                _('Version {version} of {plan} is "{state}".').format(
                    version=latest.version, plan=key, state=_(latest.state.label)
                )
            )
        accepted = state is PlanState.ACCEPTED
        book = Book()
        book.versions[key] = {latest.version: latest}
        book.tasks[key] = plans.task_records(session, plan=key, in_force=False)
        if accepted:
            _require_same_numbers(session, latest)
            circle = _circle(session, latest.plan, moved_keys(latest, book.tasks[key]))
            if circle:
                raise Refused(circle[0].message, circle)
        change = PlanDecided(plan=key, version=latest.version, state=state)
        record_change(desk, session, change, latest, book, accepted=accepted, reason=reason)
        return {"plan": key, "version": latest.version, "state": state.value, "reason": reason}


def _require_same_numbers(session: Session, waiting: PlanRecord) -> None:
    """Check that the numbers a waiting version names in other plans still mean the tasks they meant when it was filed.

    Raises:
        Refused: such a task has another number since.
    """
    named = {predecessor_key(waiting.plan.key, before) for task in waiting.plan.tasks for before in task.after}
    for plan in sorted({key.rsplit(":", 1)[0] for key in named} - {waiting.plan.key}):
        for other in plans.version_records(session, plan) if plans.has_renumbered(session, plan) else ():
            in_force = other.state in (PlanState.ACCEPTED, PlanState.SUPERSEDED)
            touched = {task_key(plan, code) for pair in other.renumbered for code in pair} & named
            if in_force and touched and other.filed_at >= waiting.filed_at:
                raise Refused(
                    _(
                        "Version {version} waits for {task}; since it was filed, that number has come to mean another "
                        "task. Return it, so that it is filed anew."
                    ).format(version=waiting.version, task=min(touched).split("/", 1)[1])
                )
