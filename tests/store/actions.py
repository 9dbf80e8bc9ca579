"""What happens to a database in the store's tests, without the checks of the service."""

from __future__ import annotations

from datetime import datetime

from planner.domain.changes import PlanFiled
from planner.domain.plan import Plan, PlanRecord, TaskRecord
from planner.domain.status import PlanState
from planner.service.desk import Desk
from planner.store import plans
from planner.store.state import Book


def accept_plan(desk: Desk, plan: Plan, *, at: datetime | None = None) -> dict[str, TaskRecord]:
    """Let a plan be filed and accepted; return its tasks."""
    with desk.writing() as session:
        latest = plans.latest_record(session, plan.key)
        record = PlanRecord(
            plan=plan,
            version=latest.version + 1 if latest else 1,
            state=PlanState.ACCEPTED,
            filed_at=at or desk.now,
            receipt=plans.next_receipt(session, desk.today.year),
        )
        book = Book()
        book.tasks[plan.key] = plans.task_records(session, plan=plan.key, in_force=False)
        desk.record(session, [(plan.key, PlanFiled(record=record))], book=book)
        return book.tasks[plan.key]
