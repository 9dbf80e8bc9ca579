"""`planner --help` stays quick: it loads no database, no document library, no table printer. Nothing is timed here."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "aiosmtpd",
    "aiosmtplib",
    "alembic",
    "apscheduler",
    "asyncio",
    "babel",
    "docx",
    "holidays",
    "jinja2",
    "lxml",
    "numpy",
    "psycopg",
    "pydantic",
    "python_calamine",
    "rich",
    "sqlalchemy",
    "xlsxwriter",
    "yaml",
}

PROGRAM = """
import sys
from planner.cli import main
sys.argv[1:] = {arguments!r}
try:
    main()
finally:
    print("LOADED", *sorted({{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""


def loaded(*arguments: str) -> tuple[set[str], str]:
    """Run `planner` with `arguments` in a fresh interpreter; return the packages it loaded and what it printed."""
    command = [sys.executable, "-c", PROGRAM.format(arguments=list(arguments))]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    return set(done.stderr.partition("LOADED")[2].split()), done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["--lang", "en", "--help"]], ids=" ".join)
def test_asking_for_help_loads_no_heavy_package(arguments: list[str]) -> None:
    packages, printed = loaded(*arguments)
    assert "planner" in printed
    assert "click" in packages
    assert not packages & HEAVY


@pytest.mark.parametrize("command", ["plan", "task", "report", "agency", "db"])
def test_help_of_a_group_loads_no_database_and_no_document_library(command: str) -> None:
    packages, printed = loaded(command, "--help")
    assert f"planner {command}" in printed
    assert not packages & (HEAVY - {"asyncio"})


def test_a_command_that_needs_the_database_does_load_it() -> None:
    program = "import sys, planner.store.engine; print('LOADED', *sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)
    assert "sqlalchemy" in done.stderr.split()
