"""The progress bar of `plan file-all`: on a terminal's standard error only, and true."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import NOW, file_of, fill, make_desk, make_plan

ROOT = Path(__file__).parent.parent.parent
AGENCIES = ("snv", "stttt", "vp-ubnd")


@pytest.fixture
def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """Return a folder of three plans and a file that is none."""
    desk = make_desk(sqlite_url)
    fill(desk)
    desk.close()
    where = tmp_path / "plans"
    where.mkdir()
    for agency in AGENCIES:
        file_of(where, make_plan(agency))
    (where / "broken.yaml").write_text("goals: [")
    return where


def said(folder: Path, url: str, *options: str) -> tuple[str, str]:
    """Run the command with a terminal as standard error; return standard output and what the terminal got."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "planner", "plan", "file-all", str(folder), "--now", NOW.isoformat(), *options],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PLANNER_DATABASE_URL": url, "TERM": "xterm", "COLUMNS": "100"},
        cwd=folder.parent,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not some:
            break
        shown += some
    os.close(ours)
    out, _err = process.communicate(timeout=60)
    assert process.returncode == 1  # one file was refused
    return out.decode(), shown.decode()


def test_the_bar_counts_to_all_files_and_nothing_of_it_is_on_standard_output(folder: Path, sqlite_url: str) -> None:
    out, shown = said(folder, sqlite_url)
    counts = [(int(done), int(total)) for done, total in re.findall(r"(\d+)/(\d+)", shown)]
    assert counts[-1] == (4, 4)
    assert counts == sorted(counts)
    assert {total for _done, total in counts} == {4}
    assert "\x1b" not in out
    assert "━" not in out


def test_with_json_there_is_no_bar(folder: Path, sqlite_url: str) -> None:
    out, shown = said(folder, sqlite_url, "--json")
    assert shown == ""
    assert out.startswith("{")
