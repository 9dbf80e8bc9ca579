"""The command line: the root group, which loads a command only when it is used, and exit codes for failures.

Commands of other packages join through the entry point group `planner.commands`.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import click

from planner import __version__, i18n
from planner.cli.base import App, Group, fail, lang_option, option, speak
from planner.errors import PlannerError, UsageRefused
from planner.i18n import N_
from planner.i18n import gettext as _

PLAN, FOLLOW, REGISTERS, HOUSE, OTHER = (
    N_("File plans and report work"),
    N_("Follow up"),
    N_("Registers"),
    N_("Look after the house"),
    N_("Other"),
)

#: name -> where it is, its section, its help; in the order in which people meet them. Help stands here so that
#: `planner --help` need not load the command.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "plan": ("planner.cli.plans:plan", PLAN, N_("File plans, see what they say and who has none.")),
    "task": ("planner.cli.tasks:task", PLAN, N_("Report what became of a task.")),
    "target": ("planner.cli.registers:target", PLAN, N_("Report the values of the directive's targets.")),
    "dates": ("planner.cli.plans:dates", PLAN, N_("See what a Vietnamese deadline means.")),
    "report": ("planner.cli.reports:report", FOLLOW, N_("Compile the Chairman's and the department's reports.")),
    "scheduler": ("", FOLLOW, N_("Run, try out and foresee reminders and escalations.")),
    "outbox": ("", FOLLOW, N_("See who was told of what, and what became of each mail.")),
    "directive": ("planner.cli.registers:directive", REGISTERS, N_("Directives with their targets and assignments.")),
    "agency": ("planner.cli.registers:agency", REGISTERS, N_("The register of agencies.")),
    "officer": ("planner.cli.registers:officer", REGISTERS, N_("The register of officers and their absences.")),
    "init": ("planner.cli.admin:init", HOUSE, N_("Make the settings and the database.")),
    "demo": ("", HOUSE, N_("Play the whole story on the sample, in a folder of its own.")),
    "db": ("planner.cli.admin:db", HOUSE, N_("Look after the database.")),
    "audit": ("planner.cli.admin:audit", HOUSE, N_("Read and verify the log of what happened.")),
    "doctor": ("planner.cli.admin:doctor", HOUSE, N_("See whether everything works, and what to do if not.")),
}
_SECTIONS = (PLAN, FOLLOW, REGISTERS, HOUSE, OTHER)


class Root(Group):
    """The root group: lists commands by the order of work and loads each only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return our commands, then those that other packages bring."""
        return [*COMMANDS, *(name for name in _entry_points() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        where = COMMANDS[cmd_name][0] if cmd_name in COMMANDS else ""
        if where:
            module, _colon, name = where.partition(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        point = _entry_points().get(cmd_name)
        return None if point is None else point.load()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands section by section, without loading any of ours."""
        for section in _SECTIONS:
            rows = [(name, _(text)) for name, (_where, of, text) in COMMANDS.items() if of == section]
            if section == OTHER:
                names = (name for name in _entry_points() if name not in COMMANDS)
                rows = [(n, c.get_short_help_str(70)) for n in names if (c := self.get_command(ctx, n)) is not None]
            if rows:
                with formatter.section(_(section)):
                    formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a failure of ours becomes its message and exit code."""
        app = ctx.ensure_object(App)
        asked = [*ctx._protected_args, *ctx.args]
        try:
            _require_utf8(asked)
            return super().invoke(ctx)
        except PlannerError as error:
            app.as_json = app.as_json or "--json" in asked
            fail(app, error)
            ctx.exit(error.exit_code)
        except click.UsageError as error:
            if "--json" not in asked:
                raise
            app.as_json = True
            fail(app, UsageRefused(error.format_message()))
            ctx.exit(error.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: scripts still get their document and exit code
            traceback.print_exc()
            app.as_json = app.as_json or "--json" in asked
            message = _("An unforeseen error: {error}. Nothing half-done is kept; please report the lines above.")
            fail(app, PlannerError(message.format(error=f"{type(error).__name__}: {error}")))
            ctx.exit(PlannerError.exit_code)


def _require_utf8(asked: Iterable[str]) -> None:
    if any("\udc80" <= letter <= "\udcff" for argument in asked for letter in argument):
        raise UsageRefused(_("What was typed is not UTF-8; set the terminal to UTF-8 and type it again."))


def _entry_points() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group="planner.commands")}


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"planner {__version__}")
        ctx.exit()


@click.group(
    cls=Root,
    help=N_("Follow plans through: file them, remind whoever holds things up, and report the truth on any date."),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help=N_("Show the version and exit."),
)
@lang_option
def cli() -> None:
    """Follow plans through."""


def main() -> None:
    """Run the command line."""
    # Click translates its own words as soon as they are needed, which may be before any option is read.
    arguments = sys.argv[1:]
    asked = next((b for a, b in pairwise(arguments) if a == "--lang"), None)
    asked = asked or next((a.removeprefix("--lang=") for a in arguments if a.startswith("--lang=")), None)
    speak(asked or os.environ.get("PLANNER_LANG") or i18n.language())
    cli(prog_name="planner")
