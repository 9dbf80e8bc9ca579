from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from planner import points

ROOT = Path(__file__).parent.parent.parent
SOURCES = [path for top in ("planner", "scheduler") for path in sorted((ROOT / top).rglob("*.py"))]


def calls() -> Iterator[tuple[str, ast.expr]]:
    """Yield every call of `points.reach` in the program: where, and what it is given."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "points.reach":
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.args[0]


def test_every_call_names_a_place_of_the_list_and_every_place_is_called() -> None:
    names = {ast.literal_eval(argument) for _where, argument in calls()}
    assert names == set(points.POINTS)


def test_nothing_in_the_program_hooks_itself_in() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "hook" and ast.unparse(node.value) == "points"
    ]
    assert not found
    assert points.hook is None


def test_a_place_tells_its_name_to_what_is_hooked_in(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(points, "hook", heard.append)
    points.reach("accepted")
    assert heard == ["accepted"]
