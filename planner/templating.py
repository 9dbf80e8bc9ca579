"""Where templates are found and how they are rendered.

A site folder stands before the packaged copy, which stands before the checkout's top-level `templates/`. Rendering is
strict (an unknown name is an error), escaped in HTML, and with a site's templates sandboxed: they may format, not
reach out.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from planner import i18n
from planner.config import ZONE
from planner.errors import InputRejected, Problem
from planner.i18n import gettext as _

_PACKAGED = Path(__file__).parent / "_templates"
_CHECKOUT = Path(__file__).parent.parent / "templates"


def templates_folder() -> Path:
    """Return the folder that holds the shipped templates."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


def vi_date(day: date | None) -> str:
    """Write a date as Vietnamese documents do, 05/6/2020: days below 10 and months 1-2 get a leading zero."""
    if day is None:
        return ""
    return f"{day.day:02d}/{day.month:02d}/{day.year}" if day.month < 3 else f"{day.day:02d}/{day.month}/{day.year}"


def vi_instant(at: datetime) -> str:
    """Write an instant in the province's time: 07:30 05/6/2020."""
    local = at.astimezone(ZONE)
    return f"{local:%H:%M} {vi_date(local.date())}"


def number(value: float, digits: int = 0) -> str:
    """Write a number with a decimal comma and thousands dots: 21.914 or 98,62."""
    text = f"{value:,.{digits}f}"
    return text.translate(str.maketrans(",.", ".,")) if i18n.language() == "vi" else text


class _Shipped(Environment):
    """For templates that are part of the program: they share the names known everywhere, and add none to them."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the names that a template knows, in one dict: through a chain of dicts each is looked up slowly."""
        return {**self.globals, **(d or {})}


@lru_cache(maxsize=8)
def environment(site: Path | None = None) -> Environment:
    """Return the Jinja environment for a site folder (None: shipped templates only)."""
    folders = [folder for folder in (site, templates_folder()) if folder is not None]
    # Our own templates are part of the program: they need no sandbox, which costs half of a mail's time, and do not
    # change while it runs.
    kind = _Shipped if site is None else ImmutableSandboxedEnvironment
    env: Environment = kind(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        autoescape=lambda name: name is not None and name.endswith((".html", ".xml")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=site is not None,
    )
    env.install_gettext_callables(i18n.gettext, i18n.ngettext, newstyle=False)  # type: ignore[attr-defined]
    env.globals["_"] = i18n.gettext  # at once: by default it looks for `gettext` in the context at each call
    env.filters.update(vi_date=vi_date, vi_instant=vi_instant, number=number)
    return env


def render(name: str, context: dict[str, Any], site: Path | None = None) -> str:
    """Render the template `name` with `context`.

    Raises:
        InputRejected: the template, or one that it includes, cannot be used; a site's own may hold any mistake.
    """
    try:
        return environment(site).get_template(name).render(context)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        message = _("The template {name} cannot be used: {reason}").format(name=name, reason=reason)
        raise InputRejected(message, [Problem(place=name, code="template", message=message)]) from error
