"""The pages keep up with the program: every command, option, setting and notice kind is documented, and README runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import click
import pytest

from planner.cli import cli
from planner.config import SETTINGS, Settings
from planner.domain.notification import NoticeKind
from planner.i18n import speaking
from tools import reference

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def text_of(page: Path) -> str:
    """Return the text of a page; a missing one is a failure that says so."""
    assert page.is_file(), f"{page.relative_to(ROOT)} is missing"
    return page.read_text(encoding="utf-8")


def section_of(text: str, heading: str) -> str:
    """Return the lines below `heading` down to the next heading; empty when there is none."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def test_every_command_and_option_is_in_the_reference() -> None:
    text = text_of(DOCS / "reference.md")
    missing = []
    for path, command in reference.walk(cli):
        section = section_of(text, path)
        wanted = [p.opts[-1] for p in command.params if isinstance(p, click.Option) and not p.hidden]
        missing += [path] if not section else [f"{path} {name}" for name in wanted if f"`{name}`" not in section]
    assert not missing, "run: make reference"


def test_the_reference_is_what_the_commands_say() -> None:
    with speaking("en"):
        assert text_of(DOCS / "reference.md") == reference.page(cli), "run: make reference"


def test_every_command_says_what_it_does() -> None:
    silent = [path for path, command in reference.walk(cli) if not (command.help or "").strip()]
    unexplained = [
        f"{path} {option.opts[-1]}"
        for path, command in reference.walk(cli)
        for option in command.params
        if isinstance(option, click.Option) and not option.help and not option.hidden
    ]
    assert not silent + unexplained


def test_every_setting_is_documented() -> None:
    text = text_of(DOCS / "settings.md")
    missing = [info.name for info in SETTINGS if not _documents(text, info.table, info.key, info.variable)]
    assert not missing
    assert {info.name for info in SETTINGS} == {field.name for field in fields(Settings)} - {"home"}


def _documents(text: str, table: str, key: str, variable: str) -> bool:
    """Tell whether one line names the key and the variable, below or beside the name of the table."""
    current = ""
    for line in text.splitlines():
        heading = re.search(r"\[([a-z]+)\]", line)
        current = heading.group(1) if heading else current
        if current == table and re.search(rf"\b{re.escape(key)}\b", line) and f"`{variable}`" in line:
            return True
    return False


def test_every_kind_of_notice_is_documented() -> None:
    text = text_of(DOCS / "reminders.md")
    assert not [kind.value for kind in NoticeKind if f"`{kind.value}`" not in text]


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text_of(page)):
            if not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken


# --- the commands in README.md ---


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of the README."""

    line: int
    command: str
    exit_code: int  #: as a trailing comment says, `# exit 1`; otherwise 0


def steps(text: str) -> Iterator[Step]:
    """Yield the commands of every ```console block: lines that begin with `$ `, a final backslash continues them."""
    inside, start = False, 0
    parts: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().startswith("```"):
            inside = not inside and line.strip() == "```console"
        elif inside and (parts or line.startswith("$ ")):
            start = start if parts else number
            parts.append(
                line.removeprefix("$ ").removesuffix("\\").strip() if not parts else line.removesuffix("\\").strip()
            )
            if not line.endswith("\\"):
                command = " ".join(parts)
                said = re.search(r"\s#.*\bexit (\d+)", command)
                yield Step(line=start, command=command, exit_code=int(said.group(1)) if said else 0)
                parts = []


def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    found = list(steps(text_of(ROOT / "README.md")))
    assert found, "README.md has no ```console block"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLANNER_")}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    for step in found:
        done = subprocess.run(
            ["bash", "-c", step.command],
            check=False,
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=240,
        )
        said = f"README.md:{step.line}: {step.command}\n{done.stdout}{done.stderr}"
        assert done.returncode == step.exit_code, said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```console\n$ planner init\nmade planner.toml\n$ ls\n```", [(2, "planner init", 0), (4, "ls", 0)]),
        ("```console\n$ planner plan check x.xlsx   # exit 1\n```", [(2, "planner plan check x.xlsx   # exit 1", 1)]),
        ("```console\n$ planner a \\\n    --b c\n```", [(2, "planner a --b c", 0)]),
        ("```\n$ make demo\n```\n```toml\n$ no\n```", []),
    ],
)
def test_commands_are_found_in_console_blocks_only(text: str, expected: list[tuple[int, str, int]]) -> None:
    assert [(step.line, step.command, step.exit_code) for step in steps(text)] == expected
