"""The state at an instant: of now, read from the tables; of any past instant, replayed from the event log.

Both give the same `State`; a test holds them together. `rebuild` fills empty tables from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby

from sqlalchemy.orm import Session

from planner.config import ZONE
from planner.domain import changes
from planner.domain.agency import Absence, Agency, DeadAddress, Officer, Succession
from planner.domain.directive import Directive
from planner.domain.plan import PlanRecord, State, TargetValue, TaskRecord
from planner.domain.status import PlanState
from planner.errors import DatabaseFailed
from planner.i18n import gettext as _
from planner.store import plans, registers
from planner.store.events import Event, walk


def present(session: Session, at: datetime, *, states: Sequence[str] | None = None, content: bool = False) -> State:
    """Return the state as the tables hold it; `states` restricts the tasks, `content` adds plans as filed."""
    return State(
        at=at,
        agencies=registers.agencies(session),
        officers=registers.officers(session),
        absences=registers.absences(session),
        successions=registers.successions(session),
        directives=registers.directives(session),
        plans=plans.plan_records(session, content=content),
        tasks=plans.task_records(session, states=states),
        values=registers.values(session),
        dead_addresses=registers.dead_addresses(session),
    )


def as_of(session: Session, at: datetime) -> State:
    """Return the state that was known at `at`: the log up to the last event recorded at or before that instant."""
    book = Book()
    for event in walk(session, until=at):
        book.apply(event)
    return book.state(at)


class Book:
    """The state under construction: events go in, in their order."""

    def __init__(self) -> None:
        self.agencies: dict[str, Agency] = {}
        self.officers: dict[str, Officer] = {}
        self.absences: list[Absence] = []
        self.dead: dict[str, DeadAddress] = {}
        self.successions: dict[tuple[str, str, object], Succession] = {}
        self.directives: dict[str, Directive] = {}
        self.versions: dict[str, dict[int, PlanRecord]] = {}
        self.tasks: dict[str, dict[str, TaskRecord]] = {}
        self.values: dict[tuple[date, str, str, str], TargetValue] = {}

    def apply(self, event: Event) -> None:
        """Let one event happen.

        Raises:
            DatabaseFailed: the event is of a kind that this program does not know.
        """
        try:
            change = event.change
        except KeyError as error:
            raise DatabaseFailed(
                _("Event {seq} is of kind {kind}, which this program does not know; install the newer one.").format(
                    seq=event.seq, kind=event.kind
                )
            ) from error
        self.apply_change(change, event.at, event.reason)

    def apply_change(self, change: changes.Change, at: datetime, reason: str) -> Iterable[TaskRecord]:
        """Let one change happen and return the tasks it touched."""
        match change:
            case changes.AgenciesImported():
                self.agencies.update((agency.code, agency) for agency in change.agencies)
            case changes.SuccessionsRecorded():
                self.successions.update(((s.from_code, s.to_code, s.on), s) for s in change.successions)
            case changes.OfficersImported():
                self.officers.update((officer.email, officer) for officer in change.officers)
            case changes.AbsenceRecorded() | changes.AddressDied() | changes.AddressRevived():
                self._reach(change, at)
            case changes.DirectiveImported():
                self.directives[change.directive.code] = change.directive
            case changes.TargetReported():
                value = change.value
                self.values[(value.on, value.directive, value.target, value.agency)] = value
            case changes.PlanFiled():
                record = change.record
                self.versions.setdefault(record.plan.key, {})[record.version] = record
                if record.state is PlanState.ACCEPTED:
                    return self._accept(record, at)
            case changes.PlanDecided():
                record = replace(self.versions[change.plan][change.version], state=change.state, reason=reason)
                self.versions[change.plan][change.version] = record
                if change.state is PlanState.ACCEPTED:
                    return self._accept(record, at)
            case changes.PolicyMoved() | changes.MailResolved():
                pass  # which policy a reminder follows, and what became of a mail, is the ledger's, not the state's
            case _:
                tasks = self.tasks[change.task.rsplit(":", 1)[0]]
                tasks[change.task] = changes.change_task(tasks[change.task], change, at, reason)
                return [tasks[change.task]]
        return []

    def _reach(
        self, change: changes.AbsenceRecorded | changes.AddressDied | changes.AddressRevived, at: datetime
    ) -> None:
        """Keep who can be reached."""
        match change:
            case changes.AbsenceRecorded():
                self.absences.append(change.absence)
            case changes.AddressDied():
                self.dead[change.email] = changes.dead_address(change, at)
            case changes.AddressRevived():
                self.dead.pop(change.email, None)

    def _accept(self, record: PlanRecord, at: datetime) -> Iterable[TaskRecord]:
        key = record.plan.key
        for number, other in self.versions[key].items():
            if number != record.version and other.state is PlanState.ACCEPTED:
                self.versions[key][number] = replace(other, state=PlanState.SUPERSEDED)
        existing = self.tasks.get(key, {})
        moved = changes.moved_keys(record, existing)
        followed = self._follow(key, moved) if moved else []
        existing = changes.renumber_tasks(existing, moved) if moved else existing
        tasks = changes.tasks_of_accepted(record, existing, at, at.astimezone(ZONE).date())
        self.tasks[key] = tasks
        return [*tasks.values(), *followed]

    def _follow(self, plan: str, moved: Mapping[str, str]) -> list[TaskRecord]:
        """Let the tasks of other plans wait for the same tasks as before, by their new numbers; return those."""
        followed = []
        for other, tasks in self.tasks.items():
            for key, record in tasks.items() if other != plan else ():
                now = changes.follow_renumbering(record, moved)
                if now is not record:
                    tasks[key] = now
                    followed.append(now)
        return followed

    def state(self, at: datetime) -> State:
        """Return what has been built, in the same order as the tables give it."""
        in_force: dict[str, PlanRecord] = {}
        accepted: set[str] = set()
        for key in sorted(self.versions):
            versions = self.versions[key]
            current = next((r for r in versions.values() if r.state is PlanState.ACCEPTED), None)
            if current is not None:
                accepted.add(key)
            in_force[key] = current or versions[max(versions)]
        return State(
            at=at,
            agencies=dict(sorted(self.agencies.items())),
            officers=dict(sorted(self.officers.items())),
            absences=tuple(self.absences),
            successions=tuple(sorted(self.successions.values(), key=lambda s: (s.on, s.from_code, s.to_code))),
            directives=dict(sorted(self.directives.items(), key=lambda item: (item[1].issued_on, item[0]))),
            plans=in_force,
            tasks={key: task for plan in sorted(accepted) for key, task in self.tasks[plan].items()},
            values=tuple(self.values[key] for key in sorted(self.values)),
            dead_addresses=dict(sorted(self.dead.items())),
        )


def save_all(session: Session, happened: Sequence[changes.Change], book: Book, at: datetime, reason: str) -> None:
    """Save to the tables what changes do, in their order; plans filed one after the other are saved together."""
    for together, group in groupby(happened, lambda change: isinstance(change, changes.PlanFiled)):
        if together:
            _save_filed(
                session, [change for change in group if isinstance(change, changes.PlanFiled)], book, at, reason
            )
        else:
            for change in group:
                save(session, change, book, at, reason)


def _save_filed(session: Session, filed: Sequence[changes.PlanFiled], book: Book, at: datetime, reason: str) -> None:
    """Save filed versions with a number of statements that does not depend on how many there are."""
    keys = [change.record.plan.key for change in filed]
    # Two versions of one plan, or one that moves the edges of others: each sees what the one before has done.
    if len(set(keys)) < len(keys) or (len(filed) > 1 and any(change.record.renumbered for change in filed)):
        for change in filed:
            _save_filed(session, [change], book, at, reason)
        return
    new: list[TaskRecord] = []
    known: list[TaskRecord] = []
    renumbered: list[tuple[PlanRecord, list[TaskRecord]]] = []
    for key, change in zip(keys, filed, strict=True):
        tasks = known if book.tasks.get(key) else new
        touched = list(book.apply_change(change, at, reason))
        if change.record.renumbered:
            renumbered.append((change.record, touched))
        else:
            tasks.extend(touched)
    plans.save_versions(session, [change.record for change in filed])
    plans.save_tasks(session, new, fresh=True)
    plans.save_tasks(session, known)
    for record, touched in renumbered:
        _save_accepted(session, record, touched)


def save(session: Session, change: changes.Change, book: Book, at: datetime, reason: str) -> None:
    """Save to the tables what one change does; `book` must hold the plan and tasks it concerns."""
    match change:
        case changes.AgenciesImported():
            registers.save_agencies(session, change.agencies)
        case changes.SuccessionsRecorded():
            registers.save_successions(session, change.successions)
        case changes.OfficersImported():
            registers.save_officers(session, change.officers)
        case changes.AbsenceRecorded() | changes.AddressDied() | changes.AddressRevived():
            _save_reach(session, change, at)
        case changes.DirectiveImported():
            registers.save_directive(session, change.directive)
        case changes.TargetReported():
            registers.save_value(session, change.value)
        case changes.PlanFiled():
            _save_filed(session, [change], book, at, reason)
        case changes.PlanDecided():
            touched = list(book.apply_change(change, at, reason))
            plans.decide_version(session, change.plan, change.version, change.state, reason)
            _save_accepted(session, book.versions[change.plan][change.version], touched)
        case changes.TaskExtended():
            for record in book.apply_change(change, at, reason):
                plans.save_extension(session, record)
        case _:  # of a PolicyMoved nothing is left: the cases themselves are moved beside it, by `store/cases.py`
            for record in book.apply_change(change, at, reason):
                plans.save_move(session, record)


def _save_reach(
    session: Session, change: changes.AbsenceRecorded | changes.AddressDied | changes.AddressRevived, at: datetime
) -> None:
    match change:
        case changes.AbsenceRecorded():
            registers.save_absence(session, change.absence)
        case changes.AddressDied():
            registers.save_dead_address(session, changes.dead_address(change, at))
        case changes.AddressRevived():
            registers.drop_dead_address(session, change.email)


def _save_accepted(session: Session, record: PlanRecord, touched: Sequence[TaskRecord]) -> None:
    """Save the tasks that a version touched: once accepted its own, and those that wait for renumbered ones."""
    own = [task for task in touched if task.plan == record.plan.key]
    if record.renumbered and record.state is PlanState.ACCEPTED:
        plans.replace_tasks(session, record.plan.key, own)
        plans.save_dependencies(session, [task for task in touched if task.plan != record.plan.key])
    else:
        plans.save_tasks(session, own)


def rebuild(session: Session, events: Iterable[Event]) -> int:
    """Fill empty tables from the log and return how many events were applied."""
    book, count = Book(), 0
    for event in events:
        change = event.change
        save(session, change, book, event.at, event.reason)
        count += 1
    return count
