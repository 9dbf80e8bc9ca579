"""A policy server that greylists as postgrey does: the first tries of a client, sender and recipient are put off.

Source: SMTPD_POLICY_README of Postfix.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass
class Greylist:
    """What it has seen; `now` is the test's own clock, `wait` how long a newcomer is put off."""

    now: datetime
    wait: timedelta
    port: int = 0
    first: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    refused: int = 0
    passed: int = 0

    def answer(self, asked: dict[str, str]) -> str:
        """Return the action for one recipient."""
        triple = (asked["client_address"], asked["sender"], asked["recipient"])
        if self.now - self.first.setdefault(triple, self.now) >= self.wait:
            self.passed += 1
            return "DUNNO"
        self.refused += 1
        return "DEFER_IF_PERMIT 4.2.0 Greylisted, come back later"


@contextmanager
def greylisting(now: datetime, wait: timedelta) -> Iterator[Greylist]:
    """Run one on a free port of this machine."""
    greylist = Greylist(now=now, wait=wait)
    lock = threading.Lock()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked: dict[str, str] = {}
            for line in self.rfile:
                name, _equals, value = line.decode().rstrip("\n").partition("=")
                if name:
                    asked[name] = value
                    continue
                with lock:
                    action = greylist.answer(asked)
                self.wfile.write(f"action={action}\n\n".encode())
                asked = {}

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True  # Postfix keeps its connections open
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        greylist.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield greylist
        finally:
            server.shutdown()
            thread.join(10)
