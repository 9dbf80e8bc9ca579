"""Speaks to systemd, which watches over the service: ready, alive, stopping. Without systemd it says nothing.

The protocol is a line of text to a local socket (sd_notify(3)); no library is needed for it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


def notify(text: str, environ: Mapping[str, str] | None = None) -> bool:
    """Tell systemd something, such as "READY=1"; False when nobody listens."""
    address = (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # a name that is in no folder
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
        way.sendto(text.encode(), address)
        return True
    return False


def watchdog_seconds(environ: Mapping[str, str] | None = None) -> float | None:
    """Return after how many seconds of silence systemd ends this process; None: it does not watch."""
    env = os.environ if environ is None else environ
    try:
        seconds = int(env.get("WATCHDOG_USEC", "")) / 1_000_000
        watched = int(env.get("WATCHDOG_PID", os.getpid()))
    except ValueError:
        return None
    return seconds if seconds > 0 and watched == os.getpid() else None
