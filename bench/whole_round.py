"""How long one whole round takes: queue what is due, write the mails, deliver them, with everything on.

`--size` is the number of tasks of the province; 10,600 of each 60,000 are due, for about 2,900 people and their heads.
Started by `python -m bench.round`. The parts are measured apart. The mail server takes everything
(`bench/smtp_sink.py`); the database commits to the disk.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from bench.delivery import databases, our_sink, show
from bench.province import DIRECTIVE, NOW
from bench.timing import Row, parser
from planner.config import ZONE, Settings
from planner.domain.agency import Officer
from planner.domain.changes import OfficersImported, tasks_of_accepted
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.plan import Goal, Plan, PlannedTask, PlanRecord
from planner.domain.status import PlanState
from planner.store import plans as stored
from scheduler import delivery, jobs
from scheduler.channels.email import EmailChannel
from scheduler.shop import Shop

_TASKS_A_PLAN = 100
_PEOPLE = 4  #: a plan, besides the head
_DUE_SHARE = 10_600 / 60_000
_LAST_DAY = date(2020, 5, 15)
_AT = datetime(2020, 5, 18, 8, tzinfo=ZONE)
_T = TypeVar("_T")


def main() -> None:
    """Measure and print."""
    asked = parser(__doc__ or "", size=60_000)
    asked.add_argument("--connections", type=int, default=None, help="default: that of the settings")
    asked.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both", help="default: both")
    options = asked.parse_args()
    kinds = ("sqlite", "postgresql") if options.database == "both" else (options.database,)
    agencies = max(1, options.size // _TASKS_A_PLAN)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name, our_sink() as (port, count):
        for kind in kinds:
            with databases(kind, Path(name) / kind, lambda desk: _fill(desk, agencies), agencies=agencies) as copy:
                settings = Settings(
                    home=Path(name), database_url=copy(), smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none"
                )
                if options.connections:
                    settings = replace(settings, smtp_connections=options.connections)
                rows += _round(kind, Shop(settings=settings), count)
    show("round", rows, [f"{agencies * _TASKS_A_PLAN} tasks"], as_json=options.json)


def _round(kind: str, shop: Shop, count: Callable[[], int]) -> list[Row]:
    settings, before, now = shop.settings, count(), _AT
    taken: dict[str, float] = {}

    def timed(part: str, run: Callable[[], _T]) -> _T:
        start = time.perf_counter()
        done = run()
        taken[part] = time.perf_counter() - start
        return done

    def channel() -> EmailChannel:
        return EmailChannel(settings.smtp_host, settings.smtp_port, "none", connections=settings.smtp_connections)

    queued = timed("queue", lambda: jobs.queue_due(shop, now))
    timed("write", lambda: jobs.fill_mails(shop, now))
    done = timed("deliver", lambda: asyncio.run(delivery.deliver_pending(shop, now, channel, lambda: False)))
    shop.close()
    if done.sent != count() - before or done.retry or done.failed or done.unknown:
        raise RuntimeError(f"not every mail was sent once: {done}")
    sizes = {"queue": queued.queued, "write": done.sent, "deliver": done.sent}
    rows = [
        Row(case=f"{kind}, {part}", size=sizes[part], seconds=seconds, peak_mib=0) for part, seconds in taken.items()
    ]
    return [*rows, Row(case=f"{kind}, whole round", size=done.sent, seconds=sum(taken.values()), peak_mib=0)]


def _fill(desk: Any, agencies: int) -> None:
    people = [
        Officer(email=f"p{n}@a{a}.example.vn", name=f"Trần Văn {n}", title="Chuyên viên", agency=f"a{a}")
        for a in range(agencies)
        for n in range(_PEOPLE)
    ]
    with desk.writing() as session:
        desk.record(session, [("officers", OfficersImported(officers=tuple(people)))])
        for n, plan in enumerate(_plans(agencies)):
            record = PlanRecord(plan=plan, version=1, state=PlanState.ACCEPTED, filed_at=NOW, receipt=f"{n:06d}/2020")
            stored.save_versions(session, [record])
            made = tasks_of_accepted(record, {}, NOW, date(2020, 5, 4))
            stored.save_tasks(session, list(made.values()), fresh=True)


def _plans(agencies: int) -> Iterator[Plan]:
    """Yield a plan for each agency; its due tasks come one to a task or so, evenly over its people."""
    for a in range(agencies):
        rows = []
        for n in range(_TASKS_A_PLAN):
            turn = a * _TASKS_A_PLAN + n
            is_due = int((turn + 1) * _DUE_SHARE) > int(turn * _DUE_SHARE)
            due = _LAST_DAY if is_due else date(2020, 10, 1) + timedelta(days=n % 60)
            rows.append(
                PlannedTask(
                    code=f"I.{n + 1}",
                    title=f"Nhiệm vụ {n + 1}: triển khai chữ ký số chuyên dùng tại các đơn vị trực thuộc",
                    responsible=f"p{int(turn * _DUE_SHARE) % _PEOPLE}@a{a}.example.vn",
                    deadline=Deadline(text=f"{due.day}/{due.month}/{due.year}", kind=DeadlineKind.BY, last_day=due),
                    duration=3,
                )
            )
        goal = Goal(code="I", title="Mục tiêu", tasks=tuple(rows))
        yield Plan(agency=f"a{a}", directive=DIRECTIVE, number=f"{a}/KH", signed=date(2020, 5, 4), goals=(goal,))
