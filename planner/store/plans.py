"""Saves and finds plans, their versions and their tasks.

A plan's content is kept as filed with its version; its tasks stand in rows of their own, each with its present state.
Writes are batches: a plan of a hundred tasks costs the same number of statements as one of ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any, cast

from sqlalchemy import Row, Text, delete, func, insert, select, update
from sqlalchemy import cast as cast_as
from sqlalchemy.orm import Session

from planner.domain.plan import (
    Extension,
    Plan,
    PlanKind,
    PlannedTask,
    PlanRecord,
    ResultDocument,
    TaskRecord,
    predecessor_key,
)
from planner.domain.status import PlanState, TaskState
from planner.store.bulk import insert_rows, keys_listed
from planner.store.registers import upsert, upserting
from planner.store.tables import (
    CooperatorRow,
    DependencyRow,
    ExtensionRow,
    PlanRow,
    PlanVersionRow,
    TaskRow,
    table_of,
)
from planner.store.wire import deadline_from_text, deadline_text, pause_from, plan_from, to_plain

_MOST_KEYS = 5000  # in one statement; SQLite takes some 32,000 values


def receipts(session: Session, year: int) -> int:
    """Return how many receipts were given in a year."""
    like = PlanVersionRow.receipt.like(f"%/{year}")
    return session.scalar(select(func.count()).select_from(PlanVersionRow).where(like)) or 0


def receipt(number: int, year: int) -> str:
    """Write a receipt number: "0001/2020"."""
    return f"{number:04d}/{year}"


def next_receipt(session: Session, year: int) -> str:
    """Return the next receipt number of the year."""
    return receipt(receipts(session, year) + 1, year)


def save_versions(session: Session, records: Sequence[PlanRecord]) -> None:
    """Save newly filed versions of different plans; an accepted one supersedes the version in force."""
    table = table_of(PlanRow)
    heads = [
        {
            "key": record.plan.key,
            "directive": record.plan.directive,
            "agency": record.plan.agency,
            "kind": record.plan.kind.value,
            "accepted_version": record.version if record.state is PlanState.ACCEPTED else None,
            "latest_version": record.version,
        }
        for record in records
    ]
    statement = upserting(session, table)
    in_force = func.coalesce(statement.excluded.accepted_version, table.c.accepted_version)
    changed = {"latest_version": statement.excluded.latest_version, "accepted_version": in_force}
    session.execute(statement.on_conflict_do_update(index_elements=["key"], set_=changed), heads)
    versions = table_of(PlanVersionRow)
    superseding = [r.plan.key for r in records if r.state is PlanState.ACCEPTED and r.version > 1]
    if superseding:
        session.execute(
            update(versions)
            .where(versions.c.plan.in_(superseding), versions.c.state == PlanState.ACCEPTED.value)
            .values(state=PlanState.SUPERSEDED.value)
        )
    insert_rows(session, versions, [_version_columns(record) for record in records])


def _version_columns(record: PlanRecord) -> dict[str, Any]:
    plan = record.plan
    return {
        "plan": plan.key,
        "version": record.version,
        "state": record.state.value,
        "filed_at": record.filed_at,
        "receipt": record.receipt,
        "file_name": record.file_name,
        "file_sha256": record.file_sha256,
        "reason": record.reason,
        "number": plan.number,
        "signed": plan.signed,
        "calendar": plan.calendar,
        "task_count": len(plan.tasks),
        "content": to_plain(plan),
        "renumbered": [list(pair) for pair in record.renumbered],
    }


def decide_version(session: Session, plan: str, version: int, state: PlanState, reason: str) -> None:
    """Record that a version was accepted or returned; an accepted one supersedes what was in force."""
    versions = PlanVersionRow
    if state is PlanState.ACCEPTED:
        session.execute(
            update(versions)
            .where(versions.plan == plan, versions.version != version, versions.state == PlanState.ACCEPTED.value)
            .values(state=PlanState.SUPERSEDED.value)
        )
        session.execute(update(PlanRow).where(PlanRow.key == plan).values(accepted_version=version))
    elif state is PlanState.RETURNED:
        session.execute(
            update(PlanRow)
            .where(PlanRow.key == plan, PlanRow.accepted_version == version)
            .values(accepted_version=None)
        )
    session.execute(
        update(versions)
        .where(versions.plan == plan, versions.version == version)
        .values(state=state.value, reason=reason)
    )


def _columns(record: TaskRecord, position: int) -> dict[str, Any]:
    task, result = record.task, record.result or ResultDocument()
    return {
        "key": record.key,
        "plan": record.plan,
        "agency": record.agency,
        "goal": record.goal,
        "code": task.code,
        "position": position,
        "title": task.title,
        "responsible": task.responsible,
        "due_text": task.deadline.text,
        "due_kind": task.deadline.kind.value,
        "deadline": deadline_text(task.deadline),
        "start": task.start,
        "duration": task.duration,
        "deliverable": task.deliverable,
        "note": task.note,
        "last_day": record.last_day,
        "state": record.state.value,
        "percent": record.percent,
        "assigned_on": record.assigned_on,
        "deadline_revision": record.deadline_revision,
        "done_on": record.done_on,
        "recorded_on": record.recorded_on,
        "result_number": result.number,
        "result_file_name": result.file_name,
        "result_file_sha256": result.file_sha256,
        "state_since": record.state_since,
        "state_reason": record.state_reason,
        "promise": to_plain(record.promise) if record.promise else None,
        "snooze": to_plain(record.snooze) if record.snooze else None,
    }


def save_tasks(session: Session, records: Sequence[TaskRecord], *, fresh: bool = False) -> None:
    """Save all tasks of some plans with their cooperators and dependencies; `fresh` says that none is stored yet."""
    if not records:
        return
    positions: dict[str, int] = {}
    columns: list[dict[str, Any]] = []
    cooperators: list[dict[str, Any]] = []
    dependencies: list[dict[str, Any]] = []
    for record in records:
        key, plan, position = record.key, record.plan, positions.get(record.plan, 0)
        positions[plan] = position + 1
        columns.append(_columns(record, position))
        cooperators += [
            {"task": key, "agency": agency, "position": at}
            for at, agency in enumerate(dict.fromkeys(record.task.cooperating))
        ]
        dependencies += _dependency_rows(record)
    if fresh:
        insert_rows(session, table_of(TaskRow), columns)
    else:
        upsert(session, TaskRow, columns, replace=True)
        keys = select(TaskRow.key).where(TaskRow.plan.in_(list(positions)))
        session.execute(delete(table_of(CooperatorRow)).where(CooperatorRow.task.in_(keys)))
        session.execute(delete(table_of(DependencyRow)).where(DependencyRow.successor.in_(keys)))
    insert_rows(session, table_of(CooperatorRow), cooperators)
    insert_rows(session, table_of(DependencyRow), dependencies)


def _dependency_rows(record: TaskRecord) -> Iterable[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for position, reference in enumerate(record.task.after):
        predecessor = predecessor_key(record.plan, reference)
        rows[predecessor] = {
            "successor": record.key,
            "predecessor": predecessor,
            "as_filed": reference,
            "position": position,
        }
    return rows.values()


def save_dependencies(session: Session, records: Sequence[TaskRecord]) -> None:
    """Save what tasks wait for, where nothing else of them changed."""
    if records:
        keys = [record.key for record in records]
        session.execute(delete(table_of(DependencyRow)).where(DependencyRow.successor.in_(keys)))
        insert_rows(session, table_of(DependencyRow), [row for record in records for row in _dependency_rows(record)])


def replace_tasks(session: Session, plan: str, records: Sequence[TaskRecord]) -> None:
    """Save all tasks of a plan anew: some have another key than before, two may have changed places."""
    own = select(TaskRow.key).where(TaskRow.plan == plan)
    for table, column in (
        (ExtensionRow, ExtensionRow.task),
        (CooperatorRow, CooperatorRow.task),
        (DependencyRow, DependencyRow.successor),
    ):
        session.execute(delete(table).where(column.in_(own)))
    session.execute(delete(TaskRow).where(TaskRow.plan == plan))
    save_tasks(session, records, fresh=True)
    extensions = [row for record in records for row in _extension_rows(record)]
    if extensions:
        session.execute(insert(ExtensionRow), extensions)


def _extension_rows(record: TaskRecord) -> list[dict[str, Any]]:
    """Return the rows of a task's extensions; their numbers only keep them in order."""
    return [
        {
            "task": record.key,
            "revision": revision,
            "old_last_day": one.old_last_day,
            "new_last_day": one.new_last_day,
            "reason": one.reason,
            "document": one.document,
            "decided_by": one.decided_by,
            "decided_at": one.decided_at,
        }
        for revision, one in enumerate(record.extensions, start=1)
    ]


def waiting_for(session: Session, keys: Iterable[str]) -> dict[str, TaskRecord]:
    """Return the tasks, in force or not, that wait for one of `keys`."""
    successors = select(DependencyRow.successor).where(DependencyRow.predecessor.in_(list(keys)))
    return task_records(session, keys=session.scalars(successors), in_force=False)


def save_move(session: Session, record: TaskRecord) -> None:
    """Save the present state of one task whose plan did not change."""
    columns = _columns(record, 0)
    columns.pop("position")
    session.execute(update(TaskRow).where(TaskRow.key == record.key).values(**columns))


def save_extension(session: Session, record: TaskRecord) -> None:
    """Save a task together with its newest extension."""
    save_move(session, record)
    newest = record.extensions[-1]
    session.execute(
        insert(ExtensionRow),
        [
            {
                "task": record.key,
                "revision": record.deadline_revision,
                "old_last_day": newest.old_last_day,
                "new_last_day": newest.new_last_day,
                "reason": newest.reason,
                "document": newest.document,
                "decided_by": newest.decided_by,
                "decided_at": newest.decided_at,
            }
        ],
    )


def plan_records(
    session: Session, *, content: bool = False, key: str | None = None, keys: Iterable[str] | None = None
) -> dict[str, PlanRecord]:
    """Return each plan's version in force, or its latest if none is; `content` adds goals and tasks as filed.

    Args:
        session: an open transaction.
        content: add what was filed.
        key: only this plan.
        keys: only these.
    """
    version = func.coalesce(PlanRow.accepted_version, PlanRow.latest_version)
    header = [
        PlanRow.key,
        PlanRow.directive,
        PlanRow.agency,
        PlanRow.kind,
        PlanVersionRow.version,
        PlanVersionRow.state,
        PlanVersionRow.filed_at,
        PlanVersionRow.receipt,
        PlanVersionRow.file_name,
        PlanVersionRow.file_sha256,
        PlanVersionRow.reason,
        PlanVersionRow.number,
        PlanVersionRow.signed,
        PlanVersionRow.calendar,
        PlanVersionRow.renumbered,
    ]
    statement = select(*header, *([PlanVersionRow.content] if content else [])).join(
        PlanVersionRow, (PlanVersionRow.plan == PlanRow.key) & (PlanVersionRow.version == version)
    )
    if key is not None:
        statement = statement.where(PlanRow.key == key)
    if keys is not None:
        statement = statement.where(PlanRow.key.in_(select(keys_listed(session, keys).c.key)))
    return {
        row.key: _plan_record(cast(Row[Any], row), content) for row in session.execute(statement.order_by(PlanRow.key))
    }


def latest_record(session: Session, key: str) -> PlanRecord | None:
    """Return a plan's newest version with its content, whatever its state; None: never filed."""
    return latest_records(session, [key]).get(key)


def latest_records(session: Session, keys: Iterable[str]) -> dict[str, PlanRecord]:
    """Return the newest version of each of some plans with its content, by key; none of one never filed."""
    newest = PlanVersionRow.version == PlanRow.latest_version
    rows = session.execute(_versions().where(PlanRow.key.in_(list(keys)), newest))
    return {row.key: _plan_record(row, content=True) for row in rows}


def has_renumbered(session: Session, key: str) -> bool:
    """Say whether a version of a plan carries tasks on under new numbers."""
    return any(session.scalars(select(PlanVersionRow.renumbered).where(PlanVersionRow.plan == key)))


def _versions() -> Any:
    return select(
        PlanRow.key,
        PlanRow.directive,
        PlanRow.agency,
        PlanRow.kind,
        *[c for c in PlanVersionRow.__table__.c if c.name != "plan"],
    ).join(PlanVersionRow, PlanVersionRow.plan == PlanRow.key)


def version_records(session: Session, key: str) -> list[PlanRecord]:
    """Return every version of a plan with its content, the oldest first; none: never filed."""
    rows = session.execute(_versions().where(PlanRow.key == key).order_by(PlanVersionRow.version))
    return [_plan_record(row, content=True) for row in rows]


def _plan_record(row: Row[Any], content: bool) -> PlanRecord:
    plan = (
        plan_from(row.content)
        if content
        else Plan(
            agency=row.agency,
            directive=row.directive,
            number=row.number,
            signed=row.signed,
            calendar=row.calendar,
            kind=PlanKind(row.kind),
        )
    )
    return PlanRecord(
        plan=plan,
        version=row.version,
        state=PlanState(row.state),
        filed_at=row.filed_at.astimezone(UTC),
        receipt=row.receipt,
        file_name=row.file_name,
        file_sha256=row.file_sha256,
        reason=row.reason,
        renumbered=tuple((old, new) for old, new in row.renumbered),
    )


OPEN_STATES = tuple(state.value for state in TaskState if state.is_open)
_STATES = {state.value: state for state in TaskState}
WAITING_STATES = (*OPEN_STATES, TaskState.SUBMITTED.value)


def task_records(
    session: Session,
    *,
    plan: str | None = None,
    keys: Iterable[str] | None = None,
    states: Sequence[str] | None = None,
    in_force: bool = True,
) -> dict[str, TaskRecord]:
    """Return tasks by key, in the order of their plans.

    Args:
        session: an open transaction.
        plan: only this plan's.
        keys: only these.
        states: only tasks in these states.
        in_force: only tasks of plans that have an accepted version.
    """
    chosen = select(TaskRow.key)
    if plan is not None:
        chosen = chosen.where(TaskRow.plan == plan)
    if states is not None:
        chosen = chosen.where(TaskRow.state.in_(states))
    if keys is not None:
        wanted = select(keys_listed(session, keys).c.key)
        chosen = wanted if plan is None and states is None else chosen.where(TaskRow.key.in_(wanted))
    around = chosen  # what belongs to tasks not in force is read in vain, which costs less than to ask each time
    if in_force:
        accepted = select(PlanRow.key).where(PlanRow.accepted_version.is_not(None))
        chosen = select(TaskRow.key).where(TaskRow.key.in_(chosen), TaskRow.plan.in_(accepted))
    everything = plan is None and keys is None and states is None
    cooperators: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    extensions: dict[str, list[Extension]] = {}

    def scoped(statement: Any, column: Any) -> Any:
        return statement if everything else statement.where(column.in_(around))

    for task, agency in session.execute(
        scoped(select(CooperatorRow.task, CooperatorRow.agency), CooperatorRow.task).order_by(
            CooperatorRow.task, CooperatorRow.position
        )
    ):
        cooperators.setdefault(task, []).append(agency)
    for task, reference in session.execute(
        scoped(select(DependencyRow.successor, DependencyRow.as_filed), DependencyRow.successor).order_by(
            DependencyRow.successor, DependencyRow.position
        )
    ):
        after.setdefault(task, []).append(reference)
    for row in session.scalars(
        scoped(select(ExtensionRow), ExtensionRow.task).order_by(ExtensionRow.task, ExtensionRow.revision)
    ):
        extensions.setdefault(row.task, []).append(
            Extension(
                old_last_day=row.old_last_day,
                new_last_day=row.new_last_day,
                reason=row.reason,
                document=row.document,
                decided_by=row.decided_by,
                decided_at=row.decided_at,
            )
        )
    table = TaskRow.__table__
    columns = [cast_as(one, Text).label(one.name) if one.name == "deadline" else one for one in table.c]
    statement = select(*columns).order_by(table.c.plan, table.c.position)
    if in_force or not everything:
        statement = statement.where(TaskRow.key.in_(chosen))
    rows = session.execute(statement)
    return {
        row.key: _task_record(
            row,
            tuple(cooperators.get(row.key, ())),
            tuple(after.get(row.key, ())),
            tuple(extensions.get(row.key, ())),
        )
        for row in rows
    }


def _task_record(
    row: Row[Any], cooperating: tuple[str, ...], after: tuple[str, ...], extensions: tuple[Extension, ...]
) -> TaskRecord:
    has_result = row.result_number or row.result_file_sha256
    return TaskRecord(
        plan=row.plan,
        agency=row.agency,
        goal=row.goal,
        task=PlannedTask(
            code=row.code,
            title=row.title,
            responsible=row.responsible,
            deadline=deadline_from_text(row.deadline),
            cooperating=cooperating,
            start=row.start,
            duration=row.duration,
            deliverable=row.deliverable,
            after=after,
            note=row.note,
        ),
        last_day=row.last_day,
        state=_STATES[row.state],
        percent=row.percent,
        assigned_on=row.assigned_on,
        deadline_revision=row.deadline_revision,
        extensions=extensions,
        done_on=row.done_on,
        recorded_on=row.recorded_on,
        result=ResultDocument(
            number=row.result_number, file_name=row.result_file_name, file_sha256=row.result_file_sha256
        )
        if has_result
        else None,
        state_since=row.state_since,
        state_reason=row.state_reason,
        promise=pause_from(row.promise),
        snooze=pause_from(row.snooze),
    )


def _waits_in_force() -> Any:
    # A withdrawn task waits for nothing, nor does one of a plan that was returned.
    return (
        select(DependencyRow.predecessor, DependencyRow.successor)
        .join(TaskRow, TaskRow.key == DependencyRow.successor)
        .join(PlanRow, PlanRow.key == TaskRow.plan)
        .where(TaskRow.state != TaskState.WITHDRAWN.value, PlanRow.accepted_version.is_not(None))
    )


def dependencies(session: Session) -> list[tuple[str, str]]:
    """Return the dependencies in force as (predecessor key, successor key); the predecessor may not be filed yet."""
    rows = session.execute(_waits_in_force().order_by(DependencyRow.successor, DependencyRow.position))
    return [(row.predecessor, row.successor) for row in rows]


def dependencies_before(session: Session, keys: Iterable[str]) -> set[tuple[str, str]]:
    """Return the dependencies in force on every way that leads to the tasks `keys`, one statement for 5000 of them."""
    wanted, found = list(keys), set[tuple[str, str]]()
    for start in range(0, len(wanted), _MOST_KEYS):
        some = wanted[start : start + _MOST_KEYS]
        ways = _waits_in_force().where(DependencyRow.successor.in_(some)).cte("ways", recursive=True)
        ways = ways.union(_waits_in_force().join(ways, ways.c.predecessor == DependencyRow.successor))
        found.update((row.predecessor, row.successor) for row in session.execute(select(ways)))
    return found


def task_keys(session: Session) -> frozenset[str]:
    """Return the key of every task ever filed."""
    return frozenset(session.scalars(select(TaskRow.key)))


def task_counts(session: Session) -> dict[str, int]:
    """Return how many tasks each plan has in force."""
    gone = TaskState.WITHDRAWN.value
    rows = session.execute(select(TaskRow.plan, func.count()).where(TaskRow.state != gone).group_by(TaskRow.plan))
    return {plan: int(count) for plan, count in rows}
