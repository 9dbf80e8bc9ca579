"""Takes one safeguard after the other out of a copy of the program, and sees whether the tests notice: `make mutants`.

Each mutant is an edit of the source, named by the text that it replaces. A text that is not there any more is a failure
too: then this list is to be brought up to date.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_OUTBOX, _LEDGER, _ENGINE = "planner/store/outbox.py", "planner/store/ledger.py", "planner/store/engine.py"
_FIRST = "planner/store/migrations/versions/0001_initial.py"


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """The program without one safeguard."""

    name: str
    edits: tuple[tuple[str, str, str], ...]  #: file, text, what stands there instead; every place of the text
    faults: tuple[str, ...] = ()  #: arguments of tests.faults that should notice
    tests: tuple[str, ...] = ()  #: arguments of pytest that should notice


MUTANTS = (
    Mutant(
        name="no fence",
        edits=((_OUTBOX, 'MAIL.c.fence == bindparam("b_fence"),', ""),),
        faults=("--database", "sqlite", "--kind", "frozen past the lease", "--injections", "60"),
        tests=("tests/store/test_outbox.py",),
    ),
    Mutant(
        name="no unique key of notices",
        edits=(
            (_LEDGER, 'on_conflict_do_nothing(index_elements=["key"])', "on_conflict_do_nothing()"),
            (_FIRST, 'sa.UniqueConstraint("key", name=op.f("uq_notice_key")),', ""),
        ),
        faults=("--database", "postgresql", "--kind", "ticks doubled", "--injections", "80"),
        tests=("tests/store/test_outbox.py",),
    ),
    Mutant(
        name="writing transactions begin DEFERRED",
        edits=((_ENGINE, '"BEGIN" if reading else "BEGIN IMMEDIATE"', '"BEGIN"'),),
        faults=("--database", "sqlite", "--kind", "ticks doubled", "--injections", "80"),
        tests=("tests/store/test_outbox.py", "tests/scheduler/test_delivery.py"),
    ),
    Mutant(
        name="leases on each host's own clock",
        edits=(
            (_ENGINE, "\"((julianday('now') - 2440587.5) * 86400.0)\"", "str(time.time() + id(object()) % 7 * 900)"),
            (_ENGINE, '"EXTRACT(EPOCH FROM clock_timestamp())::float8"', "str(time.time() + id(object()) % 7 * 900)"),
        ),
        faults=("--database", "postgresql", "--kind", "killed at random", "--workers", "5", "--injections", "40"),
        tests=("tests/store/test_outbox.py",),
    ),
    Mutant(
        name="no look at the notices just before DATA",
        edits=(
            (
                _OUTBOX,
                "_HELD, ~select(ledger.NOTICE.c.id)"
                ".where(ledger.NOTICE.c.mail_id == MAIL.c.id, ledger.is_stale()).exists()",
                "_HELD",
            ),
        ),
        tests=("tests/store/test_outbox.py", "tests/scheduler/test_jobs.py"),
    ),
    Mutant(
        name="a mail cut off after DATA counts as not sent",
        edits=((_OUTBOX, "(MailState.SENDING, MailState.UNKNOWN)", "(MailState.SENDING, MailState.READY)"),),
        faults=("--database", "sqlite", "--kind", "killed at each point", "--injections", "40"),
        tests=("tests/store/test_outbox.py",),
    ),
    Mutant(
        name="the message begins before that is written down",
        edits=(("scheduler/delivery.py", "if outbox.begin_data(session, mail, now):", "if True:"),),
        faults=("--database", "sqlite", "--kind", "killed at each point", "--injections", "40"),
        tests=("tests/scheduler/test_delivery.py",),
    ),
)


def main() -> int:
    """Try every mutant; 1 when one of them lives."""
    asked = argparse.ArgumentParser(prog="python -m tests.faults.mutants", description=__doc__)
    asked.add_argument("--name", help="only this one")
    options = asked.parse_args()
    alive = []
    for mutant in MUTANTS:
        if options.name in (None, mutant.name):
            start = time.monotonic()
            by = noticed_by(mutant)
            print(f"{mutant.name}: {by or 'NOTICED BY NOBODY'} ({time.monotonic() - start:.0f} s)", flush=True)
            alive += [] if by else [mutant.name]
    return 1 if alive else 0


def noticed_by(mutant: Mutant) -> str:
    """Return which tests notice that a safeguard is gone."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        for part in ("planner", "scheduler", "templates", "tests", "pyproject.toml"):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, folder / part)
        for file, text, instead in mutant.edits:
            source = (folder / file).read_text(encoding="utf-8")
            if text not in source:
                raise SystemExit(f"{mutant.name}: {file} does not hold {text!r} any more")
            (folder / file).write_text(source.replace(text, instead), encoding="utf-8")
        found = []
        if mutant.faults and _fails(folder, "tests.faults", *mutant.faults):
            found.append(f"faults ({mutant.faults[3]})")
        if mutant.tests and _fails(folder, "pytest", "-x", "-q", "-p", "no:cacheprovider", *mutant.tests):
            found.append("tests")
        return ", ".join(found)


def _fails(folder: Path, *command: str) -> bool:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    words: Sequence[str] = (sys.executable, "-m", *command)
    return subprocess.run(words, check=False, cwd=folder, env=environment, capture_output=True).returncode != 0


if __name__ == "__main__":
    sys.exit(main())
