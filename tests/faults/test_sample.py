"""A sample of the faults that `make faults` injects by the ten thousand, and the proof that the suite counts losses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from planner import points
from tests.faults.plan import entries
from tests.faults.scene import ELSEWHERE
from tests.faults.worker import HALF

ROOT = Path(__file__).parent.parent.parent


def faults(*arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """Run the command in a process of its own, which has no threads when it forks."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--json", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=280,
    )
    assert done.returncode == code, done.stderr[-4000:]
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_sample_of_all_faults_loses_nothing_and_doubles_nothing_unexplained(database: str) -> None:
    rows = faults("--database", database, "--injections", "80", "--jobs", "4")
    assert {(row["kind"], row["workers"]) for row in rows} == {(one.kind, one.workers) for one in entries(database)}
    for row in rows:
        assert row["injected"] > 0, row
        assert row["survived"] == row["injected"], row
        assert (row["lost"], row["duplicates"], row["extra"] - row["explained"]) == (0, 0, 0), row
    assert sum(row["injected"] for row in rows) >= 150
    (matrix,) = [row for row in rows if row["kind"] == "killed at each point"]
    assert matrix["where"].keys() == (points.POINTS.keys() - ELSEWHERE) | {HALF}, "a place that no round passes"


def test_an_order_of_sending_that_loses_mail_is_found_out() -> None:
    rows = faults(
        "--database", "sqlite", "--baseline", "--kind", "killed at random", "--injections", "24", "--jobs", "4"
    )
    assert sum(row["lost"] for row in rows) > 0
    assert all(row["survived"] < row["injected"] for row in rows)
