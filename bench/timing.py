"""Measures a command or a function, and prints the rows of a measure as a table or as JSON.

A machine's speed varies from minute to minute: a row is compared only with the yardstick that ran beside it, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured case."""

    case: str  #: what ran
    size: int  #: how much of it: tasks, files, mails; 1 where there is no size
    seconds: float  #: median of the rounds
    peak_mib: float  #: highest memory: of the whole process for a command, of what was allocated for a function
    ratio: float | None = None  #: seconds by those of the yardstick; None: this is the yardstick, or there is none


def measure(
    what: Sequence[str | Path] | Callable[[], object], environment: Mapping[str, str] | None = None
) -> tuple[float, float]:
    """Run a command (a list) or a function once and return (seconds, peak MiB).

    A function runs twice, first for the time and then for the memory, because watching memory costs time.

    Raises:
        subprocess.CalledProcessError: the command failed.
    """
    if callable(what):
        start = time.perf_counter()
        what()
        seconds = time.perf_counter() - start
        tracemalloc.start()
        try:
            what()
            return seconds, tracemalloc.get_traced_memory()[1] / 2**20
        finally:
            tracemalloc.stop()
    start = time.perf_counter()
    process = subprocess.Popen(what, env=environment, stdout=subprocess.DEVNULL)
    # wait4 tells the memory of this child alone; getrusage would tell the largest of all children so far.
    _pid, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(map(str, what)))
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, usage.ru_maxrss * unit / 2**20


def compare(
    cases: Mapping[str, Sequence[str | Path] | Callable[[], object]], *, size: int = 1, rounds: int = 11
) -> list[Row]:
    """Measure `cases` in turns, `rounds` times each; the first is the yardstick of the others."""
    for what in cases.values():
        measure(what)  # the first run reads files that the others find in memory
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _round in range(rounds):
        for name, what in cases.items():
            taken[name].append(measure(what))
    rows: list[Row] = []
    for name, results in taken.items():
        seconds = statistics.median(seconds for seconds, _peak in results)
        ratio = seconds / rows[0].seconds if rows else None
        rows.append(Row(case=name, size=size, seconds=seconds, peak_mib=max(peak for _s, peak in results), ratio=ratio))
    return rows


def parser(description: str, *, size: int | None = None) -> argparse.ArgumentParser:
    """Return the command line of a measure: --json, and --size where there is one; it may add its own options."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--json", action="store_true", help="print one JSON document")
    if size is not None:
        made.add_argument("--size", type=int, default=size, help=f"default: {size}")
    return made


def arguments(description: str, *, size: int | None = None) -> argparse.Namespace:
    """Read the command line of a measure: --json, and --size where there is one."""
    return parser(description, size=size).parse_args()


def show(name: str, rows: Sequence[Row], *, as_json: bool) -> None:
    """Print the rows of the measure `name`."""
    if as_json:
        print(json.dumps({"name": name, "rows": [asdict(row) for row in rows]}, indent=2))
        return
    width = max(len(row.case) for row in rows)
    print(f"{'case':<{width}}  {'size':>9}  {'seconds':>9}  {'peak MiB':>9}  {'ratio':>6}")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        print(f"{row.case:<{width}}  {row.size:>9}  {row.seconds:>9.4f}  {row.peak_mib:>9.1f}  {ratio:>6}")
