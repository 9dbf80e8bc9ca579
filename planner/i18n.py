"""Every text a person sees, in Vietnamese (default) or English, through gettext catalogues.

Source strings are English. `gettext` translates at once; `N_` only marks a constant for the catalogue, to be
translated where it is shown. The language is a context variable, so that one process can write a mail in
Vietnamese while its terminal speaks English.
"""

from __future__ import annotations

import gettext as _stdlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

DOMAIN = "planner"
LANGUAGES = ("vi", "en")
LOCALE_DIR = Path(__file__).parent / "locale"

_language: ContextVar[str] = ContextVar("planner_language", default="vi")


@cache
def _catalogue(language: str) -> _stdlib.NullTranslations:
    return _stdlib.translation(DOMAIN, str(LOCALE_DIR), languages=[language], fallback=True)


def language() -> str:
    """Return the language in force, "vi" or "en"."""
    return _language.get()


def use_language(name: str) -> None:
    """Set the language for the rest of this context; an unknown name leaves it as it is."""
    if name in LANGUAGES:
        _language.set(name)


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Speak `name` inside the block and the former language after it."""
    token = _language.set(name if name in LANGUAGES else _language.get())
    try:
        yield
    finally:
        _language.reset(token)


def gettext(message: str) -> str:
    """Translate `message` into the language in force."""
    return _catalogue(_language.get()).gettext(message) if message else message


def ngettext(singular: str, plural: str, n: int) -> str:
    """Translate a message that counts `n` things."""
    return _catalogue(_language.get()).ngettext(singular, plural, n)


def N_(message: str) -> str:  # noqa: N802 - the customary name
    """Mark `message` for the catalogue without translating it now."""
    return message
