"""The sign that all is well, given to the world outside: a file, and a call of an address.

Given only after a look of the auditor that found nothing wrong, so that silence means trouble, whatever its kind. The
address may hold a secret: no log and no message shows more than its host.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from datetime import datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from planner import __version__
from planner.store import engine, ticks
from planner.store.engine import reading
from scheduler.audit import Findings
from scheduler.files import write_whole
from scheduler.shop import Shop

log = logging.getLogger(__name__)

TIMEOUT = 10.0  #: seconds that the address may take to answer, whole
_THREAD = "heartbeat"


def beat(shop: Shop, found: Findings) -> None:
    """Tell the world that all is well, if it is; what goes wrong with that is logged and does no harm."""
    if not found.ok:
        return
    if shop.settings.heartbeat_file is not None:
        try:
            write_whole(shop.settings.heartbeat_file, json.dumps(content(shop, found), indent=1) + "\n")
        except OSError as error:
            log.error("heartbeat file not written", extra={"reason": error.strerror})  # noqa: TRY400
    if shop.settings.heartbeat_url is not None:
        _call(shop.settings.heartbeat_url)


def content(shop: Shop, found: Findings) -> dict[str, Any]:
    """Return what the file says."""
    with reading(shop.engine) as session:
        last: datetime | None = ticks.last_tick(session)
    return {
        "at": found.at.isoformat(),
        "last_tick": last.isoformat() if last else None,
        "counts": found.counts(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "version": __version__,
        "schema": engine.newest_revision(shop.settings.resolved_database_url),
    }


class _Stay(HTTPRedirectHandler):
    """Follows no redirect: it could lead from https to anywhere, with the secret in the address."""

    def redirect_request(self, *_args: Any, **_kw: Any) -> None:
        """Say that there is none."""


def _call(url: str) -> None:
    """Call the address, and wait for it no longer than `TIMEOUT`.

    The library's own timeout begins anew with every octet: a receiver that answers one at a time, or a name server that
    does not answer, would keep the auditor for ever.
    """
    host = urlsplit(url).hostname
    call = threading.Thread(target=_ask, args=(url, host), name=_THREAD, daemon=True)
    # One at a time: those that hang must not become many.
    if not any(thread.name == _THREAD for thread in threading.enumerate()):
        call.start()
        call.join(TIMEOUT)
        if not call.is_alive():
            return
    log.warning("heartbeat not received", extra={"host": host, "reason": "timeout"})


def _ask(url: str, host: str | None) -> None:
    try:
        request = Request(url, method="GET", headers={"User-Agent": f"planner/{__version__}"})  # noqa: S310 - config lets https through, and http to this machine
        with build_opener(_Stay).open(request, timeout=TIMEOUT) as answer:
            answer.read(1)
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        # The text of such an error may hold the whole address.
        reason = error.reason if isinstance(error, URLError) and isinstance(error.reason, OSError) else error
        shown = getattr(reason, "code", None) or getattr(reason, "strerror", None) or type(reason).__name__
        log.warning("heartbeat not received", extra={"host": host, "reason": str(shown)})
    else:
        log.info("heartbeat", extra={"host": host})
