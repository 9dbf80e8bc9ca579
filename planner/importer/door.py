"""Takes a file in at the front door: only a regular file, only up to a size, and only if it is what its name says.

No parser is asked here and nothing is unpacked. A file that is refused is one problem, with what to do about it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection
from pathlib import Path

from planner.errors import NotFound, Problem, WorldFailed, words_of
from planner.i18n import gettext as _
from planner.importer.kinds import other_kind

LARGEST_FILE = 20 * 1024 * 1024  #: bytes; a plan of a thousand tasks has about a hundred thousand

# What would move a terminal's cursor, reverse its writing, or cannot be written as UTF-8.
_UNSEEMLY = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def seemly(name: str) -> str:
    """Return a file's or sheet's name with "?" for characters that are not to be printed or stored."""
    return _UNSEEMLY.sub("?", name)


def take(path: Path, suffixes: Collection[str], *, most: int = LARGEST_FILE) -> bytes | Problem:
    """Return the bytes of a file, or the problem that keeps it out.

    A pipe or a device is not waited for, and no more than `most` bytes are ever read.

    Args:
        path: the file; a link is followed.
        suffixes: of the formats that are read, in lower case.
        most: bytes.

    Raises:
        NotFound: there is no such file.
        WorldFailed: the disk or the permissions do not let it be read.
    """
    name, suffix = seemly(path.name), path.suffix.lower()
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            message = _("This is a folder, a device or a pipe, not a file; give the path of a file.")
            return Problem(place=name, code="not_a_file", message=message)
        if suffix not in suffixes:
            message = _('Files "{suffix}" are not read; save the plan as one of: {known}.')
            message = message.format(suffix=seemly(suffix) or name, known=", ".join(suffixes))
            return Problem(place=name, code="format_unknown", message=message)
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            size = os.fstat(handle).st_size
            data = file.read(most + 1) if size <= most else b""
        if size > most or len(data) > most:
            message = _("The file is larger than {most} MiB; a plan is a table without pictures.")
            return Problem(place=name, code="file_too_large", message=message.format(most=most // 2**20))
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(_("There is no file {path}.").format(path=seemly(str(path)))) from None
    except OSError as error:
        message = _("The file {path} cannot be read: {detail}.")
        raise WorldFailed(message.format(path=seemly(str(path)), detail=words_of(error))) from error
    if not data:
        message = _("The file is empty (0 bytes); save it again.")
        return Problem(place=name, code="empty_file", message=message)
    found = other_kind(suffix, data)
    if found is not None:
        message = _('The name ends in "{suffix}", but the file is {kind}. Open it in its own program and save it anew.')
        message = message.format(suffix=seemly(path.suffix), kind=found)
        return Problem(place=name, code="wrong_suffix", message=message)
    return data
