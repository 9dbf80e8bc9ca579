"""How long one look of the auditor takes over the whole province, beside the bare read of its open tasks.

Sizes are open tasks; everything due is in the ledger already.
"""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from datetime import UTC, date, datetime
from pathlib import Path

from bench.province import NOW, make_database, make_plans
from bench.timing import Row, arguments, show
from planner.domain.changes import tasks_of_accepted
from planner.domain.plan import PlanRecord
from planner.domain.status import PlanState
from planner.store import plans as stored
from planner.store.engine import reading
from scheduler import audit
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
                stored.save_tasks(
                    session, list(tasks_of_accepted(record, {}, NOW, date(2020, 5, 4)).values()), fresh=True
                )
        shop = Shop(settings=desk.settings)
        queue_due(shop, _DUE)

        def read() -> None:
            with reading(shop.engine) as session:
                stored.task_records(session, states=stored.WAITING_STATES)

        def look() -> None:
            found = audit.run(shop, _DUE, budget=float("inf"))
            if found.missed or found.covered != agencies:
                raise RuntimeError(f"the auditor is wrong: {found.as_dict()}")

        rows: list[Row] = []
        for name, run in (("bare read of the open tasks", read), ("one look at everything", look)):
            start = time.perf_counter()
            run()
            seconds = time.perf_counter() - start
            tracemalloc.start()
            run()
            peak = tracemalloc.get_traced_memory()[1] / 2**20
            tracemalloc.stop()
            ratio = seconds / rows[0].seconds if rows else None
            rows.append(Row(case=name, size=agencies * _TASKS_A_PLAN, seconds=seconds, peak_mib=peak, ratio=ratio))
    show("audit", rows, as_json=options.json)


if __name__ == "__main__":
    main()
