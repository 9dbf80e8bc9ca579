"""Imports only fall: this file says who may import whom, and in which room a foreign package stays."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: From the ground up. A room may import the rooms of lower floors; rooms of one floor are strangers to each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("planner",),  # the package itself: its version, nothing else
    ("planner.i18n", "planner.points"),
    ("planner.errors",),
    ("planner.config", "planner.trust"),
    ("planner.templating",),
    ("planner.domain",),
    ("planner.calendars",),
    ("planner.importer", "planner.store", "planner.reporter"),
    ("planner.samples",),
    ("planner.service",),
    ("planner.cli",),
    ("planner.__main__",),
    ("scheduler",),
)

#: Rooms that may import less than the floors below them. The longest name that fits a module decides.
ONLY: dict[str, frozenset[str]] = {
    # Pure: no files, no settings, no templates.
    "planner.domain": frozenset({"planner.errors", "planner.i18n"}),
    # Makes the files that a province's officers would send: knows plans and their forms, no database, no reports.
    "planner.samples": frozenset(
        {"planner.config", "planner.domain", "planner.errors", "planner.i18n", "planner.importer"}
    ),
    # The alarm clock and the post office. Only its commands, and the demo that plays everybody's part, speak to the
    # service and the command line.
    "scheduler": frozenset(
        {
            "planner",
            "planner.calendars",
            "planner.config",
            "planner.domain",
            "planner.errors",
            "planner.i18n",
            "planner.points",
            "planner.reporter",
            "planner.store",
            "planner.templating",
            "planner.trust",
        }
    ),
    "scheduler.cli": frozenset(room for floor in FLOORS for room in floor),
    "scheduler.cli_outbox": frozenset(room for floor in FLOORS for room in floor),
    "scheduler.cli_policy": frozenset(room for floor in FLOORS for room in floor),
    # The demo is a client of everything, as an operator is; it speaks to people only through scheduler.cli.
    "scheduler.demo": frozenset(room for floor in FLOORS for room in floor if room != "planner.cli"),
}

#: Foreign package -> the only modules (or rooms) that import it.
FOREIGN: dict[str, tuple[str, ...]] = {
    "aiosmtpd": ("scheduler.sink",),
    "aiosmtplib": ("scheduler.channels.email",),
    "alembic": ("planner.store",),
    "apscheduler": ("scheduler.daemon",),
    "click": ("planner.cli", "scheduler.cli", "scheduler.cli_outbox", "scheduler.cli_policy"),
    "docx": ("planner.importer.cells_child", "planner.reporter"),
    "holidays": ("planner.calendars",),
    "jinja2": ("planner.templating",),
    "lxml": ("planner.importer",),
    "numpy": ("planner.domain",),
    "psycopg": ("planner.store",),
    "pydantic": (
        "planner.importer",
        "planner.store.wire",
        "scheduler.policy",
        "scheduler.policy_file",
        "scheduler.trial",
    ),
    "pydantic_core": ("planner.importer", "scheduler.policy_file"),
    "python_calamine": ("planner.importer.cells_child",),
    "rich": ("planner.cli",),
    "sqlalchemy": ("planner.store",),
    "xlsxwriter": ("planner.importer", "planner.reporter", "planner.samples"),
    "yaml": ("planner.importer.export", "planner.importer.yaml_tree", "planner.samples", "scheduler.policy_file"),
}

#: Requirement -> what it is imported as, where that is not its own name.
IMPORTED_AS: dict[str, set[str]] = {
    "pydantic": {"pydantic", "pydantic_core"},
    "python-calamine": {"python_calamine"},
    "python-docx": {"docx"},
    "pyyaml": {"yaml"},
    "tzdata": set(),  # data: the time zones, for machines without their own
}
#: SQLAlchemy loads this driver by the database's URL.
LOADED_BY_URL = {"psycopg"}


def inside(module: str, room: str) -> bool:
    """Tell whether `module` is `room` or lies in it."""
    return module == room or module.startswith(f"{room}.")


def room_of(module: str) -> str | None:
    """Return the room that `module` belongs to: the longest that fits; a stray file beside the rooms is in none."""
    if module in ("planner", "planner.__version__"):
        return "planner"
    rooms = [room for floor in FLOORS for room in floor if room != "planner" and inside(module, room)]
    return max(rooms, key=len, default=None)


def floor_of(room: str) -> int:
    """Return how high a room lies."""
    return next(height for height, floor in enumerate(FLOORS) if room in floor)


def imports(source: str, module: str, *, package: bool = False) -> Iterator[tuple[int, str]]:
    """Yield (line, module) for every import in `source`, those inside functions and relative ones too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                home = parts[: len(parts) - node.level + (1 if package else 0)]
                base = ".".join([*home, *filter(None, [node.module])])
            # `from planner import config` names a room behind the package.
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def problem(module: str, imported: str) -> str | None:
    """Return what is wrong when `module` imports `imported`; None when it may."""
    top = imported.partition(".")[0]
    room, other = room_of(module), room_of(imported)
    if room is None or (other is None and top in ("planner", "scheduler")):
        return f"{module if room is None else imported} belongs to no room of FLOORS"
    if top in sys.stdlib_module_names or other == room:
        return None
    if other is None:
        homes = FOREIGN.get(top, ())
        at_home = any(inside(module, home) for home in homes)
        return None if at_home else f"{top} stays in {', '.join(homes) or 'no room: it is not in FOREIGN'}"
    if floor_of(other) >= floor_of(room):
        return f"{room} may not import {other}, which is not below it"
    narrow = max((name for name in ONLY if inside(module, name)), key=len, default=None)
    return f"{narrow} may not import {other}" if narrow is not None and other not in ONLY[narrow] else None


def modules() -> Iterator[tuple[Path, str, bool]]:
    """Yield every module of the project: path, dotted name, whether it is a package."""
    for top in ("planner", "scheduler"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            package = parts[-1] == "__init__"
            yield path, ".".join(parts[:-1] if package else parts), package


def test_imports_only_fall() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {wrong}"
        for path, module, package in modules()
        for line, imported in imports(path.read_text(encoding="utf-8"), module, package=package)
        if (wrong := problem(module, imported))
    ]
    assert not found, "\n" + "\n".join(found)


def test_every_room_of_the_floors_exists() -> None:
    names = {module for _path, module, _package in modules()}
    assert {room for floor in FLOORS for room in floor} <= {room_of(name) for name in names}
    for home in {home for homes in FOREIGN.values() for home in homes} | ONLY.keys():
        assert any(inside(name, home) for name in names), f"{home} is named here and does not exist"


def test_every_requirement_is_imported_and_in_the_table() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = project["dependencies"] + project["optional-dependencies"]["postgres"]
    names = {re.split(r"[\[<>=!~; ]", text)[0].lower() for text in required}
    imported_as = {package for name in names for package in IMPORTED_AS.get(name, {name})}
    used = {
        name.partition(".")[0]
        for path, module, package in modules()
        for _line, name in imports(path.read_text(encoding="utf-8"), module, package=package)
    }
    assert imported_as == FOREIGN.keys()
    assert imported_as - LOADED_BY_URL <= used, "required and never imported"


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("planner.domain.plan", "import planner.store.tables", "planner.domain may not import planner.store"),
        ("planner.domain.plan", "from planner.config import ZONE", "planner.domain may not import planner.config"),
        ("planner.domain.plan", "import pandas", "pandas stays in no room: it is not in FOREIGN"),
        ("planner.store.plans", "import numpy", "numpy stays in planner.domain"),
        ("planner.importer.excel", "from planner.store import plans", "planner.importer may not import planner.store"),
        ("planner.store.plans", "from ..reporter import docx", "planner.store may not import planner.reporter"),
        ("planner.service.tasks", "from planner.cli import base", "planner.service may not import planner.cli"),
        ("planner.cli.plans", "import scheduler.jobs", "planner.cli may not import scheduler"),
        ("planner.cli.plans", "import sqlalchemy.orm", "sqlalchemy stays in planner.store"),
        ("planner.samples.people", "from planner import reporter", "planner.samples may not import planner.reporter"),
        ("scheduler.jobs", "from planner.service import desk", "scheduler may not import planner.service"),
        ("scheduler.jobs", "from planner import cli", "scheduler may not import planner.cli"),
        ("scheduler.jobs", "from apscheduler.util import undefined", "apscheduler stays in scheduler.daemon"),
        ("planner.stray", "import os", "planner.stray belongs to no room of FLOORS"),
        ("planner.cli.plans", "from planner.stray import x", "planner.stray.x belongs to no room of FLOORS"),
    ],
)
@pytest.mark.parametrize("indent", ["{}", "def later():\n    {}", "if TYPE_CHECKING:\n    {}"])
def test_a_wrong_import_is_found_with_its_line(indent: str, module: str, source: str, wrong: str) -> None:
    [(line, imported)] = imports(indent.format(source), module)
    assert line == indent.count("\n") + 1
    assert (problem(module, imported) or "").startswith(wrong)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("planner.domain.plan", "from planner.i18n import N_"),
        ("planner.domain.plan", "from datetime import date"),
        ("planner.domain.plan", "from .deadline import Deadline"),
        ("planner.errors", "from planner.i18n import gettext as _"),
        ("planner.store.plans", "from sqlalchemy import select"),
        ("planner.store.plans", "from planner.domain.plan import Plan"),
        ("planner.cli.plans", "from planner import __version__"),
        ("planner.cli.plans", "import click"),
        ("scheduler.cli", "from planner.cli.base import App"),
        ("scheduler.channels.email", "from planner.errors import DeliveryError"),
    ],
)
def test_a_right_import_passes(module: str, source: str) -> None:
    [(_line, imported)] = imports(source, module)
    assert problem(module, imported) is None


def test_a_relative_import_counts_from_the_package() -> None:
    assert list(imports("from . import docx", "planner.reporter", package=True)) == [(1, "planner.reporter.docx")]
    assert list(imports("from . import docx", "planner.reporter.html")) == [(1, "planner.reporter.docx")]
    assert list(imports("from ..store import plans", "planner.reporter.html")) == [(1, "planner.store.plans")]
