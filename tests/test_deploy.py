"""The unit files for systemd say what the program can do."""

from __future__ import annotations

import re
import shlex
from configparser import ConfigParser
from pathlib import Path

import click
import pytest

from planner.cli import cli
from planner.config import SETTINGS, Settings
from scheduler import daemon

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted(path.name for path in DEPLOY.iterdir())


def unit(name: str) -> ConfigParser:
    """Return a unit file; of a key that is there twice, the last."""
    parser = ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read(DEPLOY / name)
    return parser


def command_of(arguments: list[str]) -> click.Command | None:
    """Return the command of the program that these words name."""
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and arguments:
        found = command.get_command(context, arguments[0])
        if found is None:
            return None
        command, arguments = found, arguments[1:]
    return None if isinstance(command, click.Group) else command


@pytest.mark.parametrize("name", [one for one in UNITS if one.endswith(".service")])
def test_the_command_of_a_service_exists(name: str) -> None:
    line = unit(name)["Service"]["ExecStart"]
    words = shlex.split(line)
    if words[0] == "/bin/sh":
        words = shlex.split(words[2].removeprefix("exec "))
    assert words[0] == "/opt/planner/bin/planner"  # where docs/operator.md installs it
    assert command_of(words[1:]) is not None, line


@pytest.mark.parametrize("name", [one for one in UNITS if one.endswith(".timer")])
def test_a_timer_has_its_service(name: str) -> None:
    assert (DEPLOY / name).with_suffix(".service").exists()
    assert unit(name)["Install"]["WantedBy"] == "timers.target"


@pytest.mark.parametrize("name", [one for one in UNITS if one.endswith(".service")])
def test_no_service_may_do_more_than_it_must(name: str) -> None:
    service = unit(name)["Service"]
    assert service["User"] == "planner"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""


def test_the_service_is_started_anew_watched_and_given_time_to_finish() -> None:
    service = unit("planner.service")["Service"]
    assert (service["Type"], service["Restart"]) == ("notify", "always")
    assert int(service["WatchdogSec"]) >= 3 * daemon._TURN
    assert int(service["TimeoutStopSec"]) >= Settings(home=ROOT).delivery_lease
    assert unit("planner.service")["Unit"]["StartLimitIntervalSec"] == "0"


def test_the_page_for_the_operator_names_every_unit_and_every_setting_of_the_engine() -> None:
    page = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    assert [name for name in UNITS if name not in page] == []
    keys = [info.key for info in SETTINGS if info.table == "scheduler"]
    assert [key for key in keys if not re.search(rf"`?{key}`?", page)] == []
