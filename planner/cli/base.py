"""What every command shares: translated help, the options found everywhere, one way to print, one way to fail.

Keeps start-up short: nothing here imports a database, a document library or a table printer at load time.
"""

from __future__ import annotations

import gettext as stdlib_gettext
import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planner import i18n
from planner.cli.printable import printable
from planner.errors import PlannerError
from planner.i18n import N_
from planner.i18n import gettext as _

if TYPE_CHECKING:
    from planner.config import Settings
    from planner.service.desk import Desk

F = TypeVar("F", bound=Callable[..., Any])


def speak(language: str) -> None:
    """Use a language for our own texts and, through the standard gettext, for click's."""
    i18n.use_language(language)
    os.environ["LANGUAGE"] = i18n.language()
    stdlib_gettext.bindtextdomain(i18n.DOMAIN, str(i18n.LOCALE_DIR))
    stdlib_gettext.textdomain(i18n.DOMAIN)


@dataclass
class App:
    """What the options found everywhere said."""

    lang: str | None = None
    now_option: datetime | None = None
    user_option: str | None = None
    as_json: bool = False
    dry_run: bool = False

    @cached_property
    def settings(self) -> Settings:
        """Return the settings in force here."""
        from planner import config

        settings = config.load()
        if self.lang is None:
            speak(settings.lang)
        return settings

    @cached_property
    def now(self) -> datetime:
        """Return the clock: --now, PLANNER_NOW, or the machine's."""
        return self.now_option or datetime.now(UTC)

    def desk(self) -> Desk:
        """Return the desk at which the service works."""
        from planner.service.desk import Desk

        user = self.user_option or self.settings.user
        desk = Desk(
            settings=replace(self.settings, lang=i18n.language()), now=self.now, user=user, dry_run=self.dry_run
        )
        click.get_current_context().call_on_close(desk.close)
        return desk

    def emit(self, data: Any, show: Callable[[], None]) -> None:
        """Print data as one JSON document, or let `show` print it for people."""
        if self.as_json:
            from planner.service.wire import as_json_text

            click.echo(printable(as_json_text(data)))
        else:
            show()
        if self.dry_run and not self.as_json:
            click.echo(_("Dry run: nothing was changed."), err=True)


pass_app = click.make_pass_decorator(App, ensure=True)


class Instant(click.ParamType[datetime]):
    """An instant: 2020-05-15T08:00, with or without a zone; a date alone means the hour of `at`."""

    name = "instant"

    def __init__(self, at: time) -> None:
        self.at = at

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the instant in UTC; one without a zone is in the province's."""
        from planner.config import ZONE

        if isinstance(value, datetime):
            return value
        try:
            text = str(value).strip()
            parsed = (
                datetime.combine(date.fromisoformat(text), self.at) if len(text) == 10 else datetime.fromisoformat(text)
            )
            instant = (parsed if parsed.tzinfo else parsed.replace(tzinfo=ZONE)).astimezone(UTC)
            sensible = _FIRST_YEAR <= instant.astimezone(ZONE).year <= _LAST_YEAR
        except (ValueError, OverflowError):
            sensible = False
        if not sensible:
            self.fail(
                _("{value!r} is no instant; write 2020-05-15 or 2020-05-15T08:00.").format(value=value), param, ctx
            )
        return instant


class Day(click.ParamType[date]):
    """A day: 2020-05-15 or 15/5/2020."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the day."""
        if isinstance(value, date):
            return value
        from planner.importer.tables import plain_date

        day = plain_date(str(value).strip())
        # "5/6/20" is no day of the year 20: it would make a late result early.
        if day is None or not _FIRST_YEAR <= day.year <= _LAST_YEAR:
            self.fail(_("{value!r} is no day; write 2020-05-15 or 15/5/2020.").format(value=value), param, ctx)
        return day


class Words(click.ParamType[str]):
    """Text that can be kept and printed: no control characters; not blank where it says something at all."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text as it was given."""
        text = str(value)
        if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text.replace("\n", "")):
            self.fail(_("{value} holds a control character; type it again.").format(value=ascii(text)), param, ctx)
        return text


#: as for deadlines in plans: what lies outside is a slip of the finger
_FIRST_YEAR, _LAST_YEAR = 1990, 2100


NOW = Instant(time(8, 0))
CUT_OFF = Instant(time.max)
DAY = Day()
WORDS = Words()
FILE = click.Path(exists=False, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)


#: What stands for a value in usage lines and lists of options; where click makes them up they are in English.
_PLACES = frozenset(
    {
        N_("OPTIONS"),
        N_("COMMAND"),
        N_("ARGS"),
        N_("CODE"),
        N_("DATE"),
        N_("DAY"),
        N_("DIR"),
        N_("DIRECTORY"),
        N_("EMAIL"),
        N_("FILE"),
        N_("INSTANT"),
        N_("INTEGER RANGE"),
        N_("KEY"),
        N_("NAME"),
        N_("NEW"),
        N_("NUMBER"),
        N_("OLD"),
        N_("PERCENT"),
        N_("PLAN"),
        N_("PLAN-or-FILE"),
        N_("TARGET"),
        N_("TASK"),
        N_("TEXT"),
        N_("VALUE"),
    }
)
_CAPITALS = re.compile(r"[A-Z]{2,}(?:[ -][A-Za-z]+)*")


def _places(text: str) -> str:
    """Translate what stands for values in `text`: "[CODE]"."""
    return _CAPITALS.sub(lambda found: _(found[0]) if found[0] in _PLACES else found[0], text)


class Argument(click.Argument):
    """An argument whose place is named in the reader's language."""

    def make_metavar(self, ctx: click.Context) -> str:
        """Return click's name of the place, translated."""
        return _places(super().make_metavar(ctx))


class Option(click.Option):
    """An option whose help and place are message ids."""

    def make_metavar(self, ctx: click.Context) -> str:
        """Return click's name of the place, translated."""
        return _places(super().make_metavar(ctx))

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return click's record, with the help translated."""
        source = self.help
        try:
            self.help = _(source) if source else source
            return super().get_help_record(ctx)
        finally:
            self.help = source


class _Translated:
    help: str | None

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first sentence of the translated help, within `limit` characters."""
        text = _(self.help).split("\n")[0].rstrip(".") if self.help else ""
        return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the translated help."""
        if self.help:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(_(self.help))


class Command(_Translated, click.Command):
    """A command whose help is a message id."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the pieces of the usage line, translated."""
        return [_places(piece) for piece in super().collect_usage_pieces(ctx)]

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first sentence of the translated help."""
        return _Translated.get_short_help_str(self, limit)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the translated help."""
        _Translated.format_help_text(self, ctx, formatter)


class Group(_Translated, click.Group):
    """A group whose help is a message id and whose commands keep the order in which they were added."""

    command_class = Command

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the pieces of the usage line, translated."""
        return [_places(piece) for piece in super().collect_usage_pieces(ctx)]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of work, not of the alphabet."""
        return list(self.commands)

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first sentence of the translated help."""
        return _Translated.get_short_help_str(self, limit)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the translated help."""
        _Translated.format_help_text(self, ctx, formatter)


Group.group_class = Group


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if isinstance(value, str) and not value.strip():  # a blank --user must not act as the operator
            raise click.BadParameter(_("the value is blank; write it out or leave the option away."), ctx, param)
        if value not in (None, False):
            setattr(ctx.ensure_object(App), name, value)
        return value

    return callback


def _set_lang(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(App).lang = value
        speak(value)


def option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Declare an option whose help is a message id."""
    if not attributes.get("is_flag") and "count" not in attributes:
        attributes.setdefault("type", WORDS)
    return click.option(*names, cls=Option, **attributes)


def argument(name: str, **attributes: Any) -> Callable[[F], F]:
    """Declare an argument."""
    attributes.setdefault("type", WORDS)
    return click.argument(name, cls=Argument, **attributes)


def lang_option(function: F) -> F:
    """Add --lang."""
    return option(
        "--lang",
        type=click.Choice(i18n.LANGUAGES),
        envvar="PLANNER_LANG",
        is_eager=True,
        expose_value=False,
        callback=_set_lang,
        help=N_("Language of what is printed."),
    )(function)


def everywhere(*, writes: bool = False, data: bool = True, clock: bool = True) -> Callable[[F], F]:
    """Add the options found everywhere: --lang, --json, --now, --user and, for a command that writes, --dry-run."""

    def decorate(function: F) -> F:
        wrapped = lang_option(function)
        wrapped = option(
            "--user",
            envvar="PLANNER_USER",
            metavar="EMAIL",
            expose_value=False,
            callback=_set("user_option"),
            help=N_("Who acts; without it the operator of this machine."),
        )(wrapped)
        if clock:
            wrapped = option(
                "--now",
                envvar="PLANNER_NOW",
                type=NOW,
                metavar="INSTANT",
                expose_value=False,
                callback=_set("now_option"),
                help=N_("Pretend that it is this instant; a date alone means 08:00."),
            )(wrapped)
        if writes:
            wrapped = option(
                "--dry-run",
                is_flag=True,
                expose_value=False,
                callback=_set("dry_run"),
                help=N_("Say what would happen and leave no trace."),
            )(wrapped)
        if data:
            wrapped = option(
                "--json",
                "as_json_flag",
                is_flag=True,
                expose_value=False,
                is_eager=True,
                callback=_set("as_json"),
                help=N_("Print one JSON document."),
            )(wrapped)
        return wrapped

    return decorate


def fail(app: App, error: PlannerError) -> None:
    """Tell a failure: as JSON on stdout where JSON was asked for, for people on stderr."""
    if app.as_json:
        body = {"code": error.code, "message": error.message, "problems": [p.as_dict() for p in error.problems]}
        click.echo(printable(json.dumps({"error": body}, ensure_ascii=False, indent=2)))
        return
    plain = bool(os.environ.get("NO_COLOR"))
    click.secho(printable(_("Error: ") + error.message), fg=None if plain else "red", err=True)
    if error.problems:
        from planner.cli.output import show_problems

        show_problems(error.problems, file=sys.stderr)
