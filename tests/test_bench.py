"""The measures run: each prints its table, at a small size, against the program as it is now."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("name", "size"), [("audit", 100), ("delivery", 40), ("filing", 2), ("graph", 300), ("tick", 100)]
)
def test_a_measure_prints_its_rows_beside_a_yardstick(name: str, size: int) -> None:
    command = [sys.executable, "-m", f"bench.{name}", "--size", str(size), "--json"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PLANNER_")}
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["name"] == name
    assert all(row["seconds"] >= 0 for row in told["rows"])
    assert any(row["ratio"] for row in told["rows"])


def test_the_round_is_measured_part_by_part() -> None:
    command = [sys.executable, "-m", "bench.round", "--size", "300", "--database", "sqlite", "--json"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PLANNER_")}
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    rows = {row["case"]: row for row in json.loads(done.stdout)["rows"]}
    assert list(rows) == ["sqlite, queue", "sqlite, write", "sqlite, deliver", "sqlite, whole round"]
    assert rows["sqlite, deliver"]["size"] == rows["sqlite, whole round"]["size"] > 0
