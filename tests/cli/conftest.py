"""A folder in which `planner` has been set up, and a way to run it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from planner import i18n
from planner.cli import cli
from tests.factories import fill, make_desk, make_plan
from tests.store.actions import accept_plan


@dataclass
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Return the one JSON document on standard output."""
        return json.loads(self.out)


Run = Callable[..., Said]


@pytest.fixture(autouse=True)
def _speak_vietnamese_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no test leave its language behind."""
    monkeypatch.delenv("LANGUAGE", raising=False)
    monkeypatch.setenv("LANGUAGE", "vi")
    i18n.use_language("vi")
    yield
    i18n.use_language("vi")


@pytest.fixture(scope="session")
def _filled_sqlite(_migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "planner.db"
    shutil.copyfile(_migrated_sqlite, path)
    desk = make_desk(f"sqlite:///{path}")
    fill(desk)
    accept_plan(desk, make_plan())
    desk.engine.dispose()
    return path


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty folder, and stand in it."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def site(empty: Path, _filled_sqlite: Path) -> Path:
    """Give a folder with settings and a small province in its database, and stand in it."""
    shutil.copyfile(_filled_sqlite, empty / "planner.db")
    (empty / "planner.toml").write_text('[database]\nurl = "sqlite:///planner.db"\n[planner]\nlang = "en"\n')
    return empty


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in this process."""
    monkeypatch.setenv("PLANNER_NOW", "2020-05-05T09:00")

    def run(*arguments: str, **env: str) -> Said:
        result = CliRunner().invoke(cli, list(arguments), prog_name="planner", env=env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    return run
