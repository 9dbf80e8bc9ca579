"""How long it takes to file plans from real .xlsx files, beside plain `executemany` inserts of the same rows.

Sizes are tasks; `--size` is the number of plans of 100 tasks each.
"""

from __future__ import annotations

import resource
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import xlsxwriter

from bench.province import DIRECTIVE, make_database, make_plans
from bench.timing import Row, arguments, show
from planner.domain.plan import Plan
from planner.importer import Loaded, load
from planner.service import filing
from planner.service.desk import Desk

_TASKS_A_PLAN = 100
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
    options = arguments(__doc__ or "", size=60)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        desk = make_database(folder, options.size)
        empty = folder / "empty.db"
        with sqlite3.connect(folder / "bench.db") as source, sqlite3.connect(empty) as copy:
            source.backup(copy)
        files = folder / "plans"
        files.mkdir()
        for plan in make_plans(options.size, _TASKS_A_PLAN):
            _write(plan, files / f"{plan.agency}.xlsx")
        show("filing", _measure(desk, folder, files, empty, options.size * _TASKS_A_PLAN), as_json=options.json)


def _measure(desk: Desk, folder: Path, files: Path, empty: Path, size: int) -> list[Row]:
    with desk.reading() as session:
        known = filing.known_to(desk, session)
    paths = sorted(files.iterdir())
    loaded: list[Loaded] = []

    def read() -> None:
        register = known.register()
        loaded.extend(load(path, register) for path in paths)

    def store() -> None:
        for path, one in zip(paths, loaded, strict=True):
            with desk.writing() as session:
                if not filing.store(desk, session, path.name, one).ok:
                    raise SystemExit(f"{path.name} was refused: {one.problems[:3]}")

    reading, storing = _time(read), _time(store)
    with sqlite3.connect(folder / "bench.db") as filed:
        rows = {table: filed.execute(f"SELECT * FROM {table}").fetchall() for table in _TABLES}  # noqa: S608
    plain = _time(lambda: _insert(rows, empty, folder / "plain.db"))
    shutil.copy(empty, folder / "whole.db")
    other = replace(desk, settings=replace(desk.settings, database_url=f"sqlite:///{folder / 'whole.db'}"))
    whole = _time(lambda: filing.file_all(other, files, on_file=lambda _one: None, on_start=lambda _n: None))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        Row(case="plain executemany", size=size, seconds=plain, peak_mib=peak, ratio=None),
        Row(case="storing, each plan atomic", size=size, seconds=storing, peak_mib=peak, ratio=storing / plain),
        Row(case="reading and checking .xlsx", size=size, seconds=reading, peak_mib=peak, ratio=reading / plain),
        Row(case="plan file-all, whole", size=size, seconds=whole, peak_mib=peak, ratio=whole / plain),
    ]


def _time(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _insert(rows: dict[str, list[tuple[Any, ...]]], empty: Path, target: Path) -> None:
    shutil.copy(empty, target)
    with sqlite3.connect(target) as database:
        database.execute("PRAGMA synchronous = FULL")
        for table, content in rows.items():
            if content:
                marks = ", ".join("?" * len(content[0]))
                database.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", content)  # noqa: S608


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
