"""How long it takes to file plans from real .xlsx files, beside plain `executemany` inserts of the same rows.

`--size` is the number of plans, of 100 tasks each. The yardstick inserts the rows that filing made into the same
tables, with the same indexes and CHECKs, in one transaction; its second row looks up the foreign keys too, as filing
does.
Reading and checking are measured in one process; `plan file-all` runs as people run it, with its readers beside it.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import xlsxwriter
from sqlalchemy import create_engine, make_url

from bench.province import DIRECTIVE, NOW, make_database, make_plans
from bench.timing import Row, parser
from planner.domain.plan import Plan
from planner.importer import Loaded, PlanDraft, check, read
from planner.service import filing, folder
from planner.service.desk import Desk
from planner.service.readers import MOST_READERS, without_cells
from planner.store import engine as database

_TASKS_A_PLAN = 100
_ROUNDS = 3
_TABLES = ("plan", "plan_version", "task", "task_cooperator", "dependency", "event")
_HEADER = (
    "TT",
    "Nội dung nhiệm vụ",
    "Người chịu trách nhiệm",
    "Số ngày thực hiện",
    "Thời hạn hoàn thành",
    "Sau nhiệm vụ",
)


def main() -> None:
    """Measure and print."""
    asked = parser(__doc__ or "", size=606)
    asked.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite", help="default: sqlite")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as name, _databases(options.database, Path(name), options.size) as databases:
        home = Path(name)
        files = home / "plans"
        files.mkdir()
        for plan in make_plans(options.size, _TASKS_A_PLAN):
            _write(plan, files / f"{plan.agency}.xlsx")
        rows, notes = _measure(databases, home, sorted(files.iterdir()))
    if options.json:
        print(json.dumps({"name": "filing", "rows": [asdict(row) for row in rows], **notes}, indent=2))
        return
    _show(rows, options.size, notes)


# --- databases to measure on


@dataclass(frozen=True, kw_only=True)
class _Databases:
    """Makes databases with agencies, officers and a directive, and without a plan."""

    first: Desk  #: on the one that the others are copies of
    copy: Callable[[], str]  #: makes another one and returns its URL

    def desk(self) -> Desk:
        """Return a desk on another database."""
        return replace(self.first, settings=replace(self.first.settings, database_url=self.copy()))


@contextmanager
def _databases(kind: str, home: Path, agencies: int) -> Iterator[_Databases]:
    if kind == "sqlite":
        desk = make_database(home, agencies)
        desk.close()
        count = iter(range(1000))

        def copy() -> str:
            path = home / f"copy-{next(count)}.db"
            shutil.copyfile(home / "bench.db", path)
            return f"sqlite:///{path}"

        yield _Databases(first=desk, copy=copy)
        return
    from tests.postgres import running_postgres

    with running_postgres() as server:
        template = server.create_database()
        desk = make_database(home, agencies, url=server.url(template))
        desk.close()
        yield _Databases(first=desk, copy=lambda: server.url(server.create_database(template)))


# --- what is measured


def _measure(databases: _Databases, home: Path, paths: Sequence[Path]) -> tuple[list[Row], dict[str, Any]]:
    size = len(paths) * _TASKS_A_PLAN
    desk = databases.desk()
    with desk.reading() as session:
        register = filing.known_to(desk, session).register()
    drafts: list[PlanDraft] = []
    reading = _time(lambda: drafts.extend(map(read, paths)))
    loaded: list[Loaded] = []
    checking = _time(lambda: loaded.extend(check(draft, register) for draft in drafts))
    batches = [
        [(one.draft.file_name, without_cells(one)) for one in loaded[at : at + folder.MOST_FILES]]
        for at in range(0, len(loaded), folder.MOST_FILES)
    ]
    drafts.clear()
    loaded.clear()
    gc.freeze()  # filing holds a few batches, this measure holds all: the collector must not walk them again and again
    taken: dict[str, list[float]] = {"storing": [], "plain": [], "keys": []}
    held = 0.0
    for _round in range(_ROUNDS):
        desk = databases.desk()
        times = [_time(lambda b=batch, d=desk: _store(d, b)) for batch in batches]  # type: ignore[misc]
        desk.close()
        taken["storing"].append(sum(times))
        held = max(held, *times)
        rows = _rows(desk.settings.database_url)
        taken["plain"].append(_insert(rows, databases.copy(), foreign_keys=False))
        taken["keys"].append(_insert(rows, databases.copy(), foreign_keys=True))
    storing, plain, keys = (statistics.median(taken[name]) for name in ("storing", "plain", "keys"))
    whole, noted = _whole(databases.copy(), home, paths[0].parent)
    seconds = {
        "plain executemany": plain,
        "plain executemany, foreign keys": keys,
        "storing": storing,
        "reading .xlsx, one process": reading,
        "checking, one process": checking,
    }
    measured = [
        Row(
            case=case,
            size=size,
            seconds=taken,
            peak_mib=0.0,
            ratio=taken / plain if case != "plain executemany" else None,
        )
        for case, taken in seconds.items()
    ]
    peak, ratio = noted["all"], whole / plain
    measured.append(Row(case="plan file-all, whole", size=size, seconds=whole, peak_mib=peak, ratio=ratio))
    notes = {
        "longest_transaction_seconds": held,
        "longest_wait_of_another_seconds": noted["wait"],
        "processor_seconds": noted["processor"],
        "largest_process_mib": noted["largest"],
        "readers": MOST_READERS,
        "load": os.getloadavg()[0],
    }
    return measured, notes


def _store(desk: Desk, batch: Sequence[folder.Item]) -> None:
    with desk.writing() as session:
        for filed in folder.store_many(desk, session, batch):
            if not filed.ok:
                raise SystemExit(f"{filed.file} was refused: {filed.problems[:3]}")


def _time(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return what filing stored, as the driver takes it."""
    with closing(create_engine(url).raw_connection()) as raw:
        connection: Any = raw.driver_connection
        if url.startswith("postgresql"):
            from psycopg.types.json import set_json_loads

            set_json_loads(lambda text: text if isinstance(text, str) else text.decode(), connection)
        cursor = connection.cursor()
        found = {}
        for table in _TABLES:
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608
            found[table] = [tuple(row) for row in cursor.fetchall()]
        return found


def _insert(rows: dict[str, list[tuple[Any, ...]]], url: str, *, foreign_keys: bool) -> float:
    """Insert rows with the driver alone, in one transaction, and return the seconds."""
    with closing(create_engine(url).raw_connection()) as raw:
        connection: Any = raw.driver_connection
        cursor, mark, ignore = connection.cursor(), "%s", " ON CONFLICT DO NOTHING"
        if make_url(url).get_backend_name() == "sqlite":
            mark = "?"
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        elif not foreign_keys:
            cursor.execute("SET session_replication_role = replica")
            connection.commit()

        def run() -> None:
            for table, content in rows.items():
                if content:
                    marks = ", ".join([mark] * len(content[0]))
                    cursor.executemany(f"INSERT INTO {table} VALUES ({marks}){ignore}", content)  # noqa: S608
            connection.commit()

        return _time(run)


def _whole(url: str, home: Path, files: Path) -> tuple[float, dict[str, float]]:
    """Run the command and return its seconds, and what was noted meanwhile."""
    environment = {**os.environ, "PLANNER_DATABASE_URL": url, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, "-m", "planner", "plan", "file-all", str(files), "--now", NOW.isoformat(), "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.PIPE)
    peaks = {"all": 0.0, "largest": 0.0, "wait": 0.0}
    watching = [threading.Thread(target=run, args=(process, peaks)) for run in (_watch, partial(_wait_for_turn, url))]
    for thread in watching:
        thread.start()
    out, _err = process.communicate()
    seconds = time.perf_counter() - start
    for thread in watching:
        thread.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode or json.loads(out)["refused"]:
        raise SystemExit(f"plan file-all failed with {process.returncode}: {out[:500]!r}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, {**peaks, "processor": spent}


def _watch(process: subprocess.Popen[bytes], peaks: dict[str, float]) -> None:
    """Note the memory of a process and its children, as often as it can be read without slowing them."""
    while process.poll() is None:
        sizes = [_resident(pid) for pid in (process.pid, *_children(process.pid))]
        peaks["all"], peaks["largest"] = max(peaks["all"], sum(sizes)), max(peaks["largest"], *sizes)
        time.sleep(0.05)


def _wait_for_turn(url: str, process: subprocess.Popen[bytes], peaks: dict[str, float]) -> None:
    """Be the other one who wants to write now and then, and note how long that took at most."""
    engine = database.connect(url)
    while process.poll() is None:
        start = time.perf_counter()
        with database.writing(engine, dry_run=True) as session:
            database.lock_appends(session)
            database.clock(session)  # on SQLite the first statement takes the lock
        peaks["wait"] = max(peaks["wait"], time.perf_counter() - start)
        time.sleep(0.2)
    engine.dispose()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # it has ended, or this is no Linux
        return []


def _resident(pid: int) -> float:
    """Return MiB of memory in use; pages that several processes share count for each."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _show(rows: Sequence[Row], plans: int, notes: dict[str, Any]) -> None:
    work = sum(row.seconds for row in rows if row.case.startswith(("storing", "reading", "checking")))
    width = max(len(row.case) for row in rows)
    print(f"{'case':<{width}}  {'seconds':>8}  {'share':>6}  {'plans/s':>8}  {'tasks/s':>8}  {'ratio':>6}")
    for row in rows:
        share = f"{row.seconds / work:.0%}" if row.case.startswith(("storing", "reading", "checking")) else ""
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        pace = f"{plans / row.seconds:>8.0f}  {row.size / row.seconds:>8.0f}"
        print(f"{row.case:<{width}}  {row.seconds:>8.3f}  {share:>6}  {pace}  {ratio:>6}")
    print(
        f"\nplan file-all: peak {rows[-1].peak_mib:.0f} MiB in all its processes together, "
        f"{notes['largest_process_mib']:.0f} MiB in the largest; at most {notes['readers']} readers"
    )
    print(
        f"all its processes took {notes['processor_seconds']:.1f} s of processor time; "
        f"another writer waited {notes['longest_wait_of_another_seconds']:.2f} s at most\n"
        f"longest transaction of {folder.MOST_FILES} files: {notes['longest_transaction_seconds']:.2f} s; "
        f"load of the machine: {notes['load']:.1f}"
    )


def _write(plan: Plan, path: Path) -> None:
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Kế hoạch")
    sheet.write_row(0, 0, [f"Mã cơ quan: {plan.agency}"])
    sheet.write_row(1, 0, [f"Văn bản giao: {DIRECTIVE}"])
    sheet.write_row(2, 0, [f"Kế hoạch số {plan.number} ngày 04/5/2020"])
    sheet.write_row(4, 0, _HEADER)
    sheet.write_row(5, 0, ["I", plan.goals[0].title])
    for at, task in enumerate(plan.tasks, 6):
        due = task.deadline.last_day
        text = "" if due is None else f"ngày {due.day}/{due.month}/{due.year}"
        sheet.write_row(at, 0, [task.code, task.title, task.responsible, task.duration, text, ", ".join(task.after)])
    book.close()


if __name__ == "__main__":
    main()
