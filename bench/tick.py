"""How long one round takes to decide, beside the bare query that selects its candidates.

Sizes are open tasks, 5 % of them due. "quiet": everything due is in the ledger already.
"""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy import select

from bench.province import NOW, make_database, make_plans
from bench.timing import Row, arguments, show
from planner.domain.changes import tasks_of_accepted
from planner.domain.plan import PlanRecord
from planner.domain.status import PlanState
from planner.store import plans as stored
from planner.store.engine import reading
from planner.store.tables import TaskRow
from scheduler.jobs import queue_due
from scheduler.shop import Shop

_TASKS_A_PLAN = 100
_DUE = datetime(2020, 5, 7, 1, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "", size=10_000)
    agencies = max(1, options.size // _TASKS_A_PLAN)
    with tempfile.TemporaryDirectory() as folder:
        desk = make_database(Path(folder), agencies)
        with desk.writing() as session:
            for n, plan in enumerate(make_plans(agencies, _TASKS_A_PLAN)):
                record = PlanRecord(
                    plan=plan, version=1, state=PlanState.ACCEPTED, filed_at=NOW, receipt=f"{n:06d}/2020"
                )
                stored.save_versions(session, [record])
                tasks = tasks_of_accepted(record, {}, NOW, date(2020, 5, 4))
                stored.save_tasks(session, list(tasks.values()), fresh=True)
        shop = Shop(settings=desk.settings)
        candidates = select(TaskRow.key, TaskRow.last_day, TaskRow.responsible).where(
            TaskRow.state.in_(stored.OPEN_STATES), TaskRow.last_day <= date(2020, 5, 14)
        )

        def query() -> None:
            with reading(shop.engine) as session:
                session.execute(candidates).all()

        cases: list[tuple[str, Callable[[], object]]] = [
            ("bare candidate query", query),
            ("round, all due ones new", lambda: queue_due(shop, _DUE)),
            ("round, quiet", lambda: queue_due(shop, _DUE)),
        ]
        query()  # opens the database
        rows: list[Row] = []
        size = agencies * _TASKS_A_PLAN
        for name, run in cases:
            start = time.perf_counter()
            run()
            seconds = time.perf_counter() - start
            ratio = seconds / rows[0].seconds if rows else None
            rows.append(Row(case=name, size=size, seconds=seconds, peak_mib=0, ratio=ratio))
        peaks = []
        for _name, run in cases:
            tracemalloc.start()
            run()
            peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
            tracemalloc.stop()
    found = [
        Row(case=row.case, size=row.size, seconds=row.seconds, peak_mib=peak, ratio=row.ratio)
        for row, peak in zip(rows, peaks, strict=True)
    ]
    show("tick", found, as_json=options.json)


if __name__ == "__main__":
    main()
