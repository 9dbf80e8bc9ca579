"""How long one round takes to decide, beside the bare query that selects its candidates.

Sizes are open tasks, 5 % of them due, each with a duration and about 1.25 dependencies; no mail is written or sent.
Every case runs in a process of its own, so that its peak is its own and its first call is counted. "quiet" rounds find
everything told already. The ratio is to the bare query; for the full rounds to three of it and the bare inserts, once;
their name tells the other reading of the aim as well, the ratio to three times both.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, select, text

from bench.province import DIRECTIVE, make_database
from bench.timing import Row, parser, show
from planner.config import Settings
from planner.store import network
from planner.store.bulk import insert_new
from planner.store.engine import JsonText, connect, reading, writing
from planner.store.plans import OPEN_STATES
from planner.store.tables import (
    CaseRow,
    DependencyRow,
    MailRow,
    NoticeRow,
    PlanRow,
    PlanVersionRow,
    TaskRow,
    table_of,
)
from scheduler.jobs import queue_due
from scheduler.shop import Shop

_TASKS_A_PLAN = 100
_PLANS_AT_ONCE = 500
_EARLY = datetime(2020, 4, 20, 1, tzinfo=UTC)  # a working day on which nothing is due
_DUE = datetime(2020, 5, 7, 1, tzinfo=UTC)
_LAST_DAY = date(2020, 5, 7)
_TIMES = 5


def main() -> None:
    """Measure and print."""
    options = _options()
    if options.case:
        print(json.dumps(_case(options.case, options.url)))
        return
    rows: list[Row] = []
    for size in [int(size) for part in options.size for size in part.split(",")]:
        for url in options.url or ["sqlite"]:
            with tempfile.TemporaryDirectory() as name, _database(url, Path(name)) as found:
                rows += _measure(found, size, Path(name))
    show("tick", rows, as_json=options.json)


def _options() -> argparse.Namespace:
    made = parser(__doc__ or "")
    made.add_argument("--size", action="append", help="open tasks, several with commas (default: 10000,100000)")
    made.add_argument("--url", action="append", help="an empty database; default: an SQLite file")
    made.add_argument("--postgres", action="store_true", help="measure on a PostgreSQL of the measure's own as well")
    made.add_argument("--case", help=argparse.SUPPRESS)
    options = made.parse_args()
    options.size = options.size or ["10000,100000"]
    if options.case:
        (options.url,) = options.url
    elif options.postgres:
        options.url = [*(options.url or ["sqlite"]), "postgresql"]
    return options


@contextmanager
def _database(url: str, folder: Path) -> Iterator[str]:
    if url == "postgresql":
        from tests.postgres import running_postgres

        with running_postgres() as server:
            yield server.url(server.create_database())
    else:
        yield f"sqlite:///{folder / 'bench.db'}" if url == "sqlite" else url


# --- the tasks


def _fill(url: str, folder: Path, size: int) -> int:
    """Fill a database, straight into its tables, and return the number of tasks."""
    plans = max(1, size // _TASKS_A_PLAN)
    desk = make_database(folder, plans, url=url)
    chance = random.Random(1)  # noqa: S311 - no secret, the same plans at every run
    for first in range(0, plans, _PLANS_AT_ONCE):
        some = range(first, min(plans, first + _PLANS_AT_ONCE))
        keys = {n: f"{DIRECTIVE}/a{n}" for n in some}
        tasks: list[dict[str, Any]] = []
        edges: list[dict[str, Any]] = []
        for n, plan in keys.items():
            for t in range(_TASKS_A_PLAN):
                is_due = chance.random() < 0.05
                tasks.append(_task(plan, n, t, is_due=is_due))
                # What is due waits for nobody, so that nothing but its day makes it a candidate; others wait for it.
                earlier = [] if is_due else chance.sample(range(t), min(t, chance.choice((1, 1, 1, 2))))
                edges += [_edge(plan, t, before, place) for place, before in enumerate(earlier)]
        heads = [{"key": plan, "agency": f"a{n}", **_PLAN} for n, plan in keys.items()]
        versions = [{"plan": plan, "receipt": f"{n:06d}/2020", **_VERSION} for n, plan in keys.items()]
        with desk.writing() as session:
            insert_new(session, table_of(PlanRow), heads, unique=["key"])
            insert_new(session, table_of(PlanVersionRow), versions, unique=["plan", "version"])
            insert_new(session, table_of(TaskRow), tasks, unique=["key"])
            insert_new(session, table_of(DependencyRow), edges, unique=["successor", "predecessor"])
    _refresh(desk.engine)
    desk.close()
    return plans * _TASKS_A_PLAN


def _refresh(engine: Any) -> None:
    """Let the database learn what it holds, as it does by itself in time."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE"))


_PLAN = {"directive": DIRECTIVE, "kind": "filed", "accepted_version": 1, "latest_version": 1}
_VERSION = {
    "version": 1,
    "state": "accepted",
    "filed_at": datetime(2020, 4, 17, 1, tzinfo=UTC),
    "file_name": "",
    "file_sha256": "",
    "reason": "",
    "number": "1/KH",
    "signed": date(2020, 4, 17),
    "calendar": "vn",
    "task_count": _TASKS_A_PLAN,
    "renumbered": JsonText("[]"),
    "content": JsonText("{}"),
}


def _task(plan: str, n: int, t: int, *, is_due: bool) -> dict[str, Any]:
    due = _LAST_DAY if is_due else date(2020, 10, 1) + timedelta(days=t % 60)
    return {
        "key": f"{plan}:I.{t + 1}",
        "plan": plan,
        "agency": f"a{n}",
        "goal": "I",
        "code": f"I.{t + 1}",
        "position": t,
        "title": f"Nhiệm vụ {t + 1}",
        "responsible": f"o{t % 5}@a{n}.example.vn",
        "due_text": due.isoformat(),
        "due_kind": "by",
        "deadline": JsonText(f'{{"text":"{due}","kind":"by","start":null,"last_day":"{due}"}}'),
        "start": None,
        "duration": 3,
        "deliverable": "",
        "note": "",
        "last_day": due,
        "state": "assigned",
        "percent": 90 if is_due else 0,
        "assigned_on": date(2020, 4, 17),
        "deadline_revision": 0,
        "done_on": None,
        "recorded_on": None,
        "result_number": "",
        "result_file_name": "",
        "result_file_sha256": "",
        "state_since": None,
        "state_reason": "",
    }


def _edge(plan: str, t: int, before: int, place: int) -> dict[str, Any]:
    return {
        "successor": f"{plan}:I.{t + 1}",
        "predecessor": f"{plan}:I.{before + 1}",
        "as_filed": f"I.{before + 1}",
        "position": place,
    }


# --- the cases, each in a process of its own


@dataclass
class _Watch:
    """What one case cost."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    statements: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    def run(self, shop: Shop, what: Callable[[], object], times: int = 1) -> None:
        def count(*_args: object) -> None:
            self.statements += 1

        event.listen(shop.engine, "before_cursor_execute", count)
        for _time in range(times):
            self.statements = 0
            start, busy = time.perf_counter(), time.process_time()
            what()
            self.seconds.append(time.perf_counter() - start)
            self.processor.append(time.process_time() - busy)
        event.remove(shop.engine, "before_cursor_execute", count)


def _case(name: str, url: str) -> dict[str, Any]:
    """Run one case and return what it cost."""
    shop = Shop(settings=Settings(home=Path(), database_url=url))
    watch = _Watch()
    if name == "query":
        candidates = select(TaskRow.key, TaskRow.last_day, TaskRow.responsible).where(
            TaskRow.state.in_(OPEN_STATES), TaskRow.last_day <= _LAST_DAY
        )

        def query() -> None:
            with reading(shop.engine) as session:
                session.execute(candidates).all()

        watch.run(shop, query, _TIMES)
    elif name == "inserts":
        watch.seconds.append(_bare_inserts(shop))
    else:
        now, times = _ROUNDS[name]
        foreseeing: list[float] = []
        original: Any = network.danger

        def foresee(*args: Any) -> Any:
            start = time.perf_counter()
            try:
                return original(*args)
            finally:
                foreseeing.append(time.perf_counter() - start)

        vars(network)[original.__name__] = foresee
        watch.run(shop, lambda: watch.notes.update(queue_due(shop, now).as_dict()), times)
        watch.notes["foreseeing"] = sum(foreseeing)
    with Path("/proc/self/status").open() as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    return {
        "seconds": watch.seconds,
        "processor": watch.processor,
        "statements": watch.statements,
        "peak_mib": peak,
        "notes": watch.notes,
    }


_ROUNDS = {
    "early": (_EARLY, 1),
    "full": (_DUE, 1),
    "waiting": (_DUE + timedelta(minutes=1), 1),
    "quiet": (_DUE + timedelta(minutes=2), _TIMES),
    "late": (_DUE + timedelta(days=1), 1),
    "quiet again": (_DUE + timedelta(days=1, minutes=1), _TIMES),
}


def _bare_inserts(shop: Shop) -> float:
    """Take out what the round entered and enter it once more, with the driver alone; return the seconds to the commit.

    The table is left as it was.
    """
    is_sqlite = shop.engine.dialect.name == "sqlite"
    mark = "?" if is_sqlite else "%s"
    with closing(shop.engine.raw_connection()) as raw:
        cursor: Any = raw.driver_connection.cursor()  # type: ignore[union-attr]

        def begin() -> None:
            if is_sqlite:
                cursor.execute("BEGIN IMMEDIATE")

        begin()
        kept = {}
        for table in (NoticeRow.__tablename__, CaseRow.__tablename__):
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608
            kept[table] = [tuple(row) for row in cursor.fetchall()]
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608
        raw.commit()
        _refresh(shop.engine)
        start = time.perf_counter()
        begin()
        for table, rows in kept.items():
            marks = ", ".join([mark] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
        raw.commit()
        taken = time.perf_counter() - start
    _refresh(shop.engine)
    return taken


def _deliver(url: str) -> None:
    """Let everything that waits have been told, in one mail."""
    engine = connect(url)
    mail, notice = table_of(MailRow), table_of(NoticeRow)
    with writing(engine) as session:
        session.execute(
            mail.insert().values(
                key=str(time.time_ns()),
                kind="digest",
                recipient="-",
                day=_LAST_DAY,
                subject="-",
                message_id=str(time.time_ns()),
                state="sent",
                maybe_taken=False,
                fence=1,
                attempts=1,
                next_try_at=_DUE,
                last_error="",
                created_at=_DUE,
                sent_at=_DUE,
            )
        )
        last = select(mail.c.id).order_by(mail.c.id.desc()).limit(1).scalar_subquery()
        session.execute(
            notice.update().where(notice.c.state == "queued").values(state="sent", mail_id=last, settled_at=_DUE)
        )
    _refresh(engine)
    engine.dispose()


def _measure(url: str, size: int, folder: Path) -> list[Row]:
    size = _fill(url, folder, size)
    kind = url.partition(":")[0].partition("+")[0]
    rows: list[Row] = []

    def run(case: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "bench.tick", "--case", case, "--url", url]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def add(name: str, found: dict[str, Any], *, seconds: float | None = None, than: float | None = None) -> float:
        taken = statistics.median(found["seconds"]) if seconds is None else seconds
        told = f", {found['statements']} statements" if found["statements"] else ""
        if found["processor"] and found["statements"]:  # on a busy machine it says more than the clock
            told += f", processor {statistics.median(found['processor']):.2f} s"
        rows.append(
            Row(
                case=f"{kind}: {name}{told}",
                size=size,
                seconds=taken,
                peak_mib=found["peak_mib"],
                ratio=taken / than if than else None,
            )
        )
        print(rows[-1], file=sys.stderr, flush=True)  # a million tasks take their time
        return taken

    def add_round(name: str, found: dict[str, Any], than: float, thrice: float | None = None) -> None:
        notes = found["notes"]
        told = f"{notes['queued'] + notes['superseded'] + notes['suppressed']} new"
        if thrice is not None:
            told += f"; {statistics.median(found['seconds']) / thrice:.2f} of 3 x (query + inserts)"
        add(f"{name} ({told})", found, than=than)
        add(f"{name}: of it to foresee all", {**found, "statements": 0}, seconds=notes["foreseeing"])

    query = add("bare query of candidates", run("query"))
    add_round("first round of a day, nothing due", run("early"), query)
    full = run("full")
    _refresh_url(url)
    inserts = add("bare inserts of a full round", run("inserts"))
    add_round("full round", full, 3 * query + inserts, 3 * (query + inserts))
    add("round while all its mail waits", run("waiting"), than=query)
    _deliver(url)
    quiet = run("quiet")
    add("quiet round, first call of a process", quiet, seconds=quiet["seconds"][0], than=query)
    add("quiet round", quiet, seconds=statistics.median(quiet["seconds"][1:]), than=query)
    late = run("late")
    add_round("first round of the next day, all overdue", late, 3 * query + inserts, 3 * (query + inserts))
    _deliver(url)
    quiet = run("quiet again")
    add("quiet round of that day", quiet, seconds=statistics.median(quiet["seconds"][1:]), than=query)
    return rows


def _refresh_url(url: str) -> None:
    engine = connect(url)
    _refresh(engine)
    engine.dispose()


if __name__ == "__main__":
    main()
