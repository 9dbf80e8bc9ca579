"""What we write for a spreadsheet is never calculated: a text that begins like a formula stays a text."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: xlsxwriter's writers that guess a formula, a number or a link from a text, unless the workbook forbids it.
_GUESSING = {"write", "write_row", "write_column", "write_formula", "write_array_formula", "write_url"}
_SAFE = "strings_to_formulas"


def test_no_writer_of_ours_lets_a_text_become_a_formula() -> None:
    found = []
    for path in [*(ROOT / "planner").rglob("*.py"), *(ROOT / "scheduler").rglob("*.py")]:
        source = path.read_text(encoding="utf-8")
        if "xlsxwriter" not in source or _SAFE in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _GUESSING:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.func.attr}")
    assert not found, f"use write_string, or Workbook(options={{'{_SAFE}': False}}): {found}"


def test_no_csv_is_written_without_neutralising_formulas() -> None:
    writers = [
        str(path.relative_to(ROOT))
        for path in [*(ROOT / "planner").rglob("*.py"), *(ROOT / "scheduler").rglob("*.py")]
        if "csv.writer" in (text := path.read_text(encoding="utf-8")) or "csv.DictWriter" in text
    ]
    assert writers == [], "a text that begins with = + - @ needs an apostrophe before it in a .csv file"
