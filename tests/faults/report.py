"""The table of docs/reliability.md."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.plan import Row, Task

BEGIN, END = "<!-- figures: written by make faults -->", "<!-- end of figures -->"
BASELINE = "<!-- baseline -->", "<!-- end of baseline -->"
_HEAD = (
    "| fault | database | workers | injected | survived | lost | ledger duplicates | extra acceptances | explained |"
    " seed |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
)
Found = Sequence[tuple[str, Sequence[Row]]]


def table(found: Found, seed: int) -> str:
    """Return the rows of some runs as a table."""
    lines = []
    for database, rows in found:
        for row in (*rows, _sum(rows)):
            lines.append(
                f"| {row.kind} | {database} | {row.workers or ''} | {row.injected} | {row.survived} | {row.lost} |"
                f" {row.duplicates} | {row.extra} | {row.explained} | {seed} |\n"
            )
    return _HEAD + "".join(lines)


def _sum(rows: Sequence[Row]) -> Row:
    total = Row(kind="**all**", workers=0)
    for row in rows:
        for name in ("injected", "survived", "lost", "duplicates", "extra", "explained"):
            setattr(total, name, getattr(total, name) + getattr(row, name))
    return total


def document(found: Found) -> list[dict[str, Any]]:
    """Return the rows as plain values."""
    names = ("kind", "workers", "injected", "survived", "lost", "duplicates", "extra", "explained", "scenarios")
    return [
        {
            "database": database,
            **{name: getattr(row, name) for name in names},
            "where": dict(row.where),
            "failures": [{"command": task.command(database), "problems": found} for task, found in row.failures],
        }
        for database, rows in found
        for row in rows
    ]


def failures(found: Found) -> str:
    """Return what did not hold, with the commands that repeat it; empty when all held."""
    return "\n".join(
        failure(database, task, problems) for database, rows in found for row in rows for task, problems in row.failures
    )


def failure(database: str, task: Task, problems: Sequence[str]) -> str:
    """Return what did not hold in a scenario, with the command that repeats it."""
    return "\n    ".join([f"FAILED: {task.command(database)}", *sorted(problems)[:12]])


def write(page: Path, found: Found, seed: int, seconds: float, arguments: Sequence[str]) -> None:
    """Put the table, and where it comes from, between the marks of a page."""
    _put(page, BEGIN, END, _facts(seconds, arguments) + "\n\n" + table(found, seed))


def _put(page: Path, begin: str, end: str, content: str) -> None:
    before, begun, rest = page.read_text(encoding="utf-8").partition(begin)
    _old, ended, after = rest.partition(end)
    if not begun or not ended:
        raise SystemExit(f"{page} lacks its marks: {begin} and {end}")
    page.write_text(f"{before}{begin}\n\n{content}\n{end}{after}", encoding="utf-8")


def _facts(seconds: float, arguments: Sequence[str]) -> str:
    words = " ".join(f'"{word}"' if " " in word else word for word in arguments)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, `python -m tests.faults {words}`, {seconds / 60:.0f} minutes on"
        f" {os.cpu_count()} cores ({platform.machine()}, {platform.system()} {platform.release()}), Python"
        f" {platform.python_version()}, SQLite {sqlite3.sqlite_version}, PostgreSQL {_postgres()}."
    )


def write_baseline(page: Path, found: Found, seed: int, seconds: float, arguments: Sequence[str]) -> None:
    """Put what the other order of sending came to between its marks."""
    lines = [
        f"| {row.kind} | {database} | {row.workers or ''} | {row.injected} | {row.lost} | {row.extra} | {seed} |\n"
        for database, rows in found
        for row in (*rows, _sum(rows))
    ]
    columns = ("fault", "database", "workers", "injected", "lost", "extra acceptances", "seed")
    head = f"| {' | '.join(columns)} |\n|---|---{'|---:' * 5}|\n"
    _put(page, *BASELINE, _facts(seconds, arguments) + "\n\n" + head + "".join(lines))


def _postgres() -> str:
    from tests.postgres import running_postgres

    with (
        running_postgres() as server,
        psycopg.connect(f"host={server.socket_folder} user=planner dbname=postgres") as connection,
    ):
        version = connection.info.server_version
    return f"{version // 10000}.{version % 10000}"
