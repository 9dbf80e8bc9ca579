"""What the post office asks of a way to reach people: take these bytes to this person, or say why not.

Holds the protocol only; the channels are listed in `scheduler/jobs.py`. A channel knows no ledger: it learns through
`before_data` whether the mail is still to go, and tells its outcome by a receipt or a `DeliveryError`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the other side said when it took the message."""

    code: int  #: 250 for SMTP
    text: str  #: the server's words, one line: often the name of the message in its queue


class Channel(Protocol):
    """A way to reach people, opened for a round of deliveries."""

    @property
    def connections(self) -> int:
        """Return how many mails it takes at a time."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def send(
        self, *, sender: str, recipient: str, data: bytes, before_data: Callable[[], Awaitable[bool]]
    ) -> Receipt | None:
        """Take `data` to one `recipient`.

        Args:
            sender: address that failures are told to.
            recipient: address of the one person.
            data: the message, byte for byte as it is stored.
            before_data: awaited when everything but the message itself has been agreed; False means: do not send.

        Returns:
            The receipt, or None when `before_data` said no and nothing was sent.

        Raises:
            DeliveryError: it was not sent, or (`ambiguous`) nobody knows whether it was.
        """
        ...
