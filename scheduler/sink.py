"""A mail server for the demo: takes every mail on this machine's loopback and keeps it as an .eml file.

Never used in service. It listens on a free port of 127.0.0.1 and forgets nothing it has said 250 to.
"""

from __future__ import annotations

import re
import socket
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller

from planner.config import ZONE

_UNSAFE = re.compile(r"[^a-z0-9.@_-]+")


class Sink:
    """Mail goes in, files come out: `<folder>/2020-05-11/nguyen.van.a@stttt.example.vn.eml`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.port = _free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        """Keep one mail."""
        content: bytes = envelope.original_content
        day = _dated(content).astimezone(ZONE).date()
        folder = self.folder / day.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        name = _UNSAFE.sub("_", envelope.rcpt_tos[0].lower())
        path, n = folder / f"{name}.eml", 1
        while path.exists():
            n += 1
            path = folder / f"{name}-{n}.eml"
        path.write_bytes(content)
        self.count += 1
        return "250 OK"


def _free_port() -> int:
    # The library cannot be given port 0: it connects to the port it was told, to see that the server answers.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _dated(content: bytes) -> datetime:
    header = re.search(rb"^Date: (.+?)\r?$", content, re.MULTILINE)
    if header is None:
        raise ValueError("a mail without a date")
    return parsedate_to_datetime(header.group(1).decode("ascii"))
