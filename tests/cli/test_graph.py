"""`planner plan graph -o`: a drawing of a stored plan, or of a file where there is no database at all."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.conftest import Run

PLAN = "goals: [{code: I, title: x, tasks: [{code: A, duration: 3}, {code: B, duration: 2, after: [A]}]}]\n"


@pytest.mark.parametrize(("suffix", "begins"), [("svg", "<?xml"), ("dot", "digraph plan {"), ("mmd", "flowchart LR")])
def test_a_file_is_drawn_without_a_database(empty: Path, run: Run, suffix: str, begins: str) -> None:
    (empty / "p.yaml").write_text(PLAN)
    said = run("plan", "graph", "p.yaml", "-o", f"x.{suffix}", "--lang", "en")
    assert (said.code, said.out) == (0, f"Written: x.{suffix}\n")
    assert (empty / f"x.{suffix}").read_text(encoding="utf-8").startswith(begins)
    assert sorted(path.name for path in empty.iterdir()) == ["p.yaml", f"x.{suffix}"]


def test_a_stored_plan_is_drawn_and_json_says_the_same_as_without_a_drawing(site: Path, run: Run) -> None:
    said = run("plan", "graph", "stttt", "-o", "x.svg", "--json")
    assert said.code == 0
    assert said.data == run("plan", "graph", "stttt", "--json").data
    root = ET.fromstring((site / "x.svg").read_bytes())  # noqa: S314 - our own text
    assert {g.get("data-task") for g in root.iter() if g.get("data-task")} == set(said.data["schedule"])


def test_an_unknown_suffix_is_wrong_usage_before_anything_is_read(empty: Path, run: Run) -> None:
    said = run("plan", "graph", "missing.yaml", "-o", "x.png", "--lang", "en")
    assert said.code == 2
    assert ".svg, .dot, .mmd" in said.err
    assert list(empty.iterdir()) == []


def test_a_disk_that_refuses_is_exit_code_5(empty: Path, run: Run) -> None:
    (empty / "p.yaml").write_text(PLAN)
    assert run("plan", "graph", "p.yaml", "-o", "missing/x.svg").code == 5


def test_without_a_drawing_the_text_stays(empty: Path, run: Run) -> None:
    (empty / "p.yaml").write_text(PLAN)
    said = run("plan", "graph", "p.yaml", "--lang", "en")
    assert said.code == 0
    assert "A -> B" in said.out
    assert [path.name for path in empty.iterdir()] == ["p.yaml"]
