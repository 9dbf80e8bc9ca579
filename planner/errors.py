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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

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
