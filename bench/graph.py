"""How long the graph of a country takes to build, sort and foresee, beside rustworkx, networkx and plain lists.

Two shapes with the same number of tasks: "wide", where each of two dependencies a task joins a task of one of 50 levels
to one of the level before, and "chain", one task after the other. Every case runs in a process of its own, so that its
peak is its own; all must find the same length. The ratio is to rustworkx, for the forecast to the one task by task.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.graph_cases import TODAY, key
from bench.province import DIRECTIVE, make_database
from bench.timing import Row, arguments, show

_LEVELS = 50
_ROUNDS = 3
_TASKS_A_PLAN = 100
_OBJECTS = 100_000  # more tasks than that are not made into objects, one a task
_GRAPHS = {"rustworkx": "rustworkx, passes in Python", "networkx": "networkx, passes in Python", "lists": "plain lists"}


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "", size=60_000)
    rows: list[Row] = []
    for shape in ("wide", "chain"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _draw(shape, options.size, folder)
            if shape == "wide":
                _store(folder)
            rows += _measure(shape, options.size, folder)
    show("graph", rows, as_json=options.json)


def _draw(shape: str, size: int, folder: Path) -> None:
    chance = np.random.default_rng(1)
    if shape == "chain":
        before, after = np.arange(size - 1), np.arange(1, size)
    else:
        width = size // _LEVELS
        level = chance.integers(1, _LEVELS, 2 * size)
        before = (level - 1) * width + chance.integers(0, width, 2 * size)
        after = level * width + chance.integers(0, width, 2 * size)
        pairs = np.unique(before * size + after)  # rustworkx would keep a pair twice
        before, after = pairs // size, pairs % size
        mixed = chance.permutation(len(before))
        names = chance.permutation(size)  # nobody is given a graph that is sorted already
        before, after = names[before[mixed]], names[after[mixed]]
    np.savez(folder / "graph.npz", days=chance.integers(0, 10, size), before=before, after=after)


def _measure(shape: str, size: int, folder: Path) -> list[Row]:
    cases = ["rustworkx", "networkx", "lists", "arrays", "names"]
    if shape == "wide":
        cases.append("stored")
    if size <= _OBJECTS:
        cases += ["forecast_tasks", "forecast_arrays"]
    found: dict[str, list[dict[str, Any]]] = {case: [] for case in cases}
    for _round in range(_ROUNDS):
        for case in cases:
            command = [sys.executable, "-m", "bench.graph_cases", case, str(folder)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ)
            found[case].append(json.loads(done.stdout))
    graphs = [case for case in cases if not case.startswith("forecast_")]
    _agree(shape, {run["makespan"] for case in graphs for run in found[case]})
    _agree(shape, {run["makespan"] for case in cases if case not in graphs for run in found[case]})
    return list(_rows(shape, size, found))


def _agree(shape: str, lengths: set[object]) -> None:
    if len(lengths) > 1:
        raise SystemExit(f"{shape}: the cases disagree: {sorted(map(str, lengths))}")


def _rows(shape: str, size: int, found: dict[str, list[dict[str, Any]]]) -> Iterator[Row]:
    def row(case: str, what: str, *phases: str, than: Row | None = None) -> Row:
        seconds = statistics.median(sum(run["seconds"][phase] for phase in phases) for run in found[case])
        peak = max(run["peak_mib"] for run in found[case])
        ratio = seconds / than.seconds if than else None
        return Row(case=f"{shape}: {what}", size=size, seconds=seconds, peak_mib=peak, ratio=ratio)

    both = ("build and order", "passes")
    yardstick = None
    for case, what in _GRAPHS.items():
        told = row(case, what, *both, than=yardstick)
        yardstick = yardstick or told
        yield told
    yield row("arrays", "ours", *both, than=yardstick)
    yield from (row("arrays", f"ours: {phase}", phase) for phase in both)
    yield row("names", "ours, from names", *both, than=yardstick)
    if "stored" in found:
        phases = ("read from the store", *both, "forecast", "impact")
        yield row("stored", "ours, from the store, all", *phases)
        yield from (row("stored", f"from the store: {phase}", phase) for phase in phases)
        moved, most = found["stored"][0]["moved"], found["stored"][0]["most"]
        print(f"{shape}: a slip of 5 days moves {moved} tasks, one of ten years {most}", file=sys.stderr)
        yield row("stored", "from the store: impact, ten years", "impact, years")
    if "forecast_tasks" in found:
        slow = row("forecast_tasks", "forecast of objects, task by task", "forecast")
        yield from (slow, row("forecast_arrays", "forecast of objects, arrays", "forecast", than=slow))


def _store(folder: Path) -> None:
    """Put the graph into a database, straight into its tables: filing a country takes hours, reading it does not."""
    with np.load(folder / "graph.npz") as file:
        days, before, after = (file[name].tolist() for name in ("days", "before", "after"))
    plans = -(-len(days) // _TASKS_A_PLAN)
    make_database(folder, plans).close()
    with sqlite3.connect(folder / "bench.db") as database:
        database.execute("PRAGMA synchronous = OFF")
        codes = [f"a{n}" for n in range(plans)]
        keys = [f"{DIRECTIVE}/{code}" for code in codes]
        _insert(database, "plan", ({"key": k, "agency": c, **_PLAN} for k, c in zip(keys, codes, strict=True)))
        _insert(database, "plan_version", ({"plan": k, "receipt": str(n), **_VERSION} for n, k in enumerate(keys)))
        _insert(database, "task", (_task(task, length) for task, length in enumerate(days)))
        _insert(
            database,
            "dependency",
            (
                {"successor": key(b), "predecessor": key(a), "as_filed": key(a), "position": n}
                for n, (a, b) in enumerate(zip(before, after, strict=True))
            ),
        )


_PLAN = {"directive": DIRECTIVE, "kind": "filed", "accepted_version": 1, "latest_version": 1}
_VERSION = {
    "version": 1,
    "state": "accepted",
    "filed_at": "2020-05-04 01:00:00.000000",
    "file_name": "",
    "file_sha256": "",
    "reason": "",
    "number": "",
    "signed": "2020-04-29",
    "calendar": "vn",
    "task_count": _TASKS_A_PLAN,
    "renumbered": "[]",
    "content": "{}",
}


def _task(task: int, days: int) -> dict[str, Any]:
    """Return the row of a task: every tenth is done, every second has a duration of its own."""
    due = (TODAY + timedelta(days=task % 300)).isoformat()
    done = task % 10 == 0
    return {
        "key": key(task),
        "plan": key(task).partition(":")[0],
        "agency": f"a{task // _TASKS_A_PLAN}",
        "goal": "I",
        "code": key(task).partition(":")[2],
        "position": task % _TASKS_A_PLAN,
        "title": f"Nhiệm vụ {task}",
        "responsible": f"o{task % 5}@a{task // _TASKS_A_PLAN}.example.vn",
        "due_text": due,
        "due_kind": "by",
        "deadline": json.dumps({"text": due, "kind": "by", "start": None, "last_day": due}),
        "start": None,
        "duration": days if task % 2 else None,
        "deliverable": "",
        "note": "",
        "last_day": due,
        "state": "confirmed" if done else "assigned",
        "percent": 100 if done else 0,
        "assigned_on": "2020-05-04",
        "deadline_revision": 0,
        "done_on": "2020-04-28" if done else None,
        "recorded_on": None,
        "result_number": "1/BC" if done else "",
        "result_file_name": "",
        "result_file_sha256": "",
        "state_since": None,
        "state_reason": "",
    }


def _insert(database: sqlite3.Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows)
    marks = ", ".join(f":{name}" for name in first)
    statement = f"INSERT INTO {table} ({', '.join(first)}) VALUES ({marks})"  # noqa: S608 - names of our own
    database.execute(statement, first)
    database.executemany(statement, rows)


if __name__ == "__main__":
    main()
