"""Every failure the project names, as one tree.

PlannerError                 exit 5  the root; a failure of the world when raised as itself
├── InputRejected            exit 1  the input has problems; all of them are listed
├── UsageRefused             exit 2  options that do not go together
├── NotFound                 exit 3  what was named does not exist
├── Refused                  exit 4  a rule or a permission says no
│   ├── PermissionRefused
│   └── TransitionRefused
├── CycleFound               exit 1  dependencies run in a circle; `.path` names them
└── WorldFailed              exit 5  database, SMTP, disk: safe to run again
    ├── DatabaseFailed
    │   └── RowsRefused          the database is well, but not what is to be stored
    └── DeliveryError                a channel could not deliver; only `scheduler/delivery.py` decides about retrying

A user's mistake in a file is not an exception but a value, `Problem`; many of them travel in one `InputRejected`.
Messages are written once, here or where the data is known, in English, and go through gettext.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from planner.i18n import N_
from planner.i18n import gettext as _

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing wrong in what a person gave us, with its place and what to do about it."""

    place: str  #: "Kế hoạch!E7", "line 12, column 9", "--as-of": where the person must look
    code: str  #: stable, English, snake_case: "date_ambiguous"
    message: str  #: translated; what was found, what is expected
    severity: Severity = "error"

    def as_dict(self) -> dict[str, str]:
        """Return the four fields for JSON."""
        return {"place": self.place, "severity": self.severity, "code": self.code, "message": self.message}


class PlannerError(Exception):
    """The root of the tree; `str(error)` is a translated message that says what to do next."""

    exit_code: ClassVar[int] = 5
    code: ClassVar[str] = "failed"

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems: tuple[Problem, ...] = tuple(problems)

    def in_one_line(self) -> str:
        """Return the message and every problem with its place, for where there is one line of room."""
        return "; ".join([self.message, *(f"{one.place}: {one.message}" for one in self.problems)])


class InputRejected(PlannerError):
    """What was given has problems; `.problems` holds every one of them."""

    exit_code = 1
    code = "input_rejected"


class CycleFound(InputRejected):
    """Dependencies run in a circle."""

    code = "cycle"

    def __init__(self, path: Sequence[str]) -> None:
        self.path: tuple[str, ...] = tuple(path)
        super().__init__(
            _("The dependencies run in a circle: {path}. Remove one of them.").format(path=" -> ".join(self.path))
        )


class UsageRefused(PlannerError):
    """The options given do not go together, or a value cannot be read."""

    exit_code = 2
    code = "usage"


class NotFound(PlannerError):
    """What was named does not exist."""

    exit_code = 3
    code = "not_found"


class Refused(PlannerError):
    """A rule says no."""

    exit_code = 4
    code = "refused"


class PermissionRefused(Refused):
    """The acting person may not do this."""

    code = "permission"


class TransitionRefused(Refused):
    """A task cannot go from its present status to the one asked for."""

    code = "transition"

    def __init__(self, task: str, now: str, wanted: str) -> None:
        super().__init__(
            _('Task {task}: "{now}" cannot become "{wanted}".').format(task=task, now=_(now), wanted=_(wanted))
        )


class WorldFailed(PlannerError):
    """The database, the mail server or the disk failed; the same command may be run again."""

    exit_code = 5
    code = "world"


class DatabaseFailed(WorldFailed):
    """The database cannot be reached, is locked, or is of another version."""

    code = "database"


class RowsRefused(DatabaseFailed):
    """The database works, and refuses what is to be stored: a constraint, or a value that does not fit."""


class DeliveryError(WorldFailed):
    """A channel did not deliver.

    `permanent` says the address itself was refused; `ambiguous` says that nobody knows whether the server
    took the message; `channel` says that the server as a whole is at fault, not this recipient. `status` is the code of
    RFC 3463 that the server gave, such as "5.1.1", or "".
    """

    code = "delivery"

    def __init__(
        self,
        reason: str,
        *,
        stage: str,
        reply_code: int | None = None,
        permanent: bool = False,
        ambiguous: bool = False,
        channel: bool = False,
        status: str = "",
    ) -> None:
        super().__init__(reason)
        self.stage = stage
        self.reply_code = reply_code
        self.permanent = permanent
        self.ambiguous = ambiguous
        self.channel = channel
        self.status = status


# What the operating system says of a failure. Python gives it in English, with its number before it and often the path
# behind it, which the messages name themselves.
_FORBIDDEN = N_("this account may not do that")
_CUT = N_("the connection was cut")
_NO_ANSWER = N_("there was no answer in time")
_NO_WAY = N_("the network knows no way to this machine")

_WORDS = {
    errno.ENOENT: N_("there is no such file or folder"),
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EISDIR: N_("it is a folder, not a file"),
    errno.ENOTDIR: N_("a part of its path is not a folder"),
    errno.ENAMETOOLONG: N_("its name is too long"),
    errno.ENOSPC: N_("the disk is full"),
    errno.EROFS: N_("the disk can be read only"),
    errno.EIO: N_("the disk reports an error"),
    errno.EMFILE: N_("too many files are open"),
    errno.ENFILE: N_("too many files are open"),
    errno.ECONNREFUSED: N_("the machine refuses the connection"),
    errno.ECONNRESET: _CUT,
    errno.ECONNABORTED: _CUT,
    errno.EPIPE: _CUT,
    errno.ETIMEDOUT: _NO_ANSWER,
    errno.EHOSTUNREACH: _NO_WAY,
    errno.ENETUNREACH: _NO_WAY,
}

_NUMBER = re.compile(r"\[Errno (\d+)\]")


def words_of(error: Exception) -> str:
    """Return why a file could not be used or a machine not be reached, as a part of a sentence without a full stop.

    What has no translation here is given in the words of the library that raised it.
    """
    import json

    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, UnicodeDecodeError):
        return _("it is not text in UTF-8")
    if isinstance(error, json.JSONDecodeError | KeyError | TypeError):
        return _("its content is damaged")
    return str(error) or type(error).__name__


def _of_system(error: OSError) -> str:
    import socket  # with every start of a command it would cost more than all errors do

    if isinstance(error, socket.gaierror):  # its numbers are those of the resolver, and other ones
        return _("no machine of this name is known")
    number = error.errno
    if number is None and (told := _NUMBER.search(str(error))):  # asyncio joins the failures of several addresses
        number = int(told[1])
    if number is None and isinstance(error, TimeoutError):
        number = errno.ETIMEDOUT
    words = _WORDS.get(number) if number is not None else None
    return _(words) if words else error.strerror or str(error) or type(error).__name__
