"""Has an Office file's cells read by a child process that cannot take this one down, and takes them over.

The parsers of Office files are large programs in other languages; a file made for the purpose may have them fill the
memory, compute for ever or end at once. The child (`cells_child.py`) is limited in all three.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from planner.errors import WorldFailed, words_of
from planner.i18n import gettext as _
from planner.importer.draft import Value
from planner.importer.package import Format, Unreadable

_SCRIPT = Path(__file__).with_name("cells_child.py")
_NO_LIBRARY = 3  # the child's exit code when it has no parser to begin with
_PATIENCE = 30  # seconds by the clock; the child's own limit is of computing, and a busy machine gives it late


def read_cells(data: bytes, form: Format) -> dict[str, Any]:
    """Return what `cells_child` reads from an Office file that has been measured.

    Raises:
        Unreadable: the file is damaged, or reading it takes more memory or time than any plan does.
        WorldFailed: the child cannot be started, or lacks its libraries.
    """
    paths = [path for path in sys.path if path]
    # Isolated, and without the site's own start: the child needs only the folders of the libraries.
    start = f"import sys; sys.path.append({str(_SCRIPT.parent)!r}); import {_SCRIPT.stem}; {_SCRIPT.stem}.main()"
    command = [sys.executable, "-I", "-S", "-c", start, form.suffix[1:], *paths]  # imported, so that bytecode is kept
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_PATIENCE, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise Unreadable("file_too_large", _too_much()) from None
    except (OSError, TypeError) as error:  # no descriptors, no memory, or no interpreter to start
        raise WorldFailed(
            _("The reader of Office files cannot be started: {reason}.").format(reason=words_of(error))
        ) from error
    if done.returncode == _NO_LIBRARY:
        reason = done.stderr.decode("utf-8", "replace").strip().rsplit("\n", 1)[-1][:300]
        raise WorldFailed(_("The reader of Office files cannot be started: {reason}.").format(reason=reason))
    if done.returncode or not done.stdout:  # ended by a limit, or by the parser itself
        raise Unreadable("file_too_large", _too_much())
    answer: dict[str, Any] = json.loads(done.stdout)
    if answer.get("refused") == "too_much":
        raise Unreadable("file_too_large", _too_much())
    if "refused" in answer:
        raise Unreadable(f"not_{form.suffix[1:]}", _(form.damaged))
    return answer


def value_of(plain: Any) -> Value:
    """Return a cell's value from its JSON form."""
    if not isinstance(plain, list):
        return plain  # type: ignore[no-any-return]
    kind, text = plain
    if kind == "seconds":
        return timedelta(seconds=text)
    return {"datetime": datetime, "date": date, "time": time}[kind].fromisoformat(text)  # type: ignore[attr-defined,no-any-return]


def _too_much() -> str:
    return _(
        "Reading the file takes more memory or time than any plan needs; copy the table of the plan into a new file."
    )
