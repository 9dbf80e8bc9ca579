"""The service: APScheduler rings every so many seconds, a round is done, SIGTERM ends it cleanly.

APScheduler is an alarm clock in memory and nothing more: no job store, no job state. Truth is in the database, so a
ring that comes late, twice or not at all is made good by the next one. Should the rings stop, the process ends, for its
supervisor to start it anew.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from planner.errors import PlannerError, WorldFailed
from planner.i18n import gettext as _
from scheduler.channels import Channel
from scheduler.jobs import run_round
from scheduler.shop import Shop

log = logging.getLogger(__name__)

_SILENT_PERIODS = 3


def run(shop: Shop, channel: Callable[[], Channel]) -> None:
    """Serve until SIGTERM or SIGINT; finish what is held, then return.

    Raises:
        WorldFailed: no round has ended for three periods.
        PlannerError: the database or the policy cannot be used at the start.
    """
    shop.engine.connect().close()  # a service that cannot begin says so at once
    _hash, _key = shop.policy.hash, shop.bounce_key
    asyncio.run(_serve(shop, channel))


async def _serve(shop: Shop, channel: Callable[[], Channel]) -> None:
    period = shop.settings.tick_seconds
    stopping = asyncio.Event()
    halt = threading.Event()  # read by the round, which runs in a thread
    loop = asyncio.get_running_loop()
    last_end = loop.time()
    busy = asyncio.Lock()

    def stop() -> None:
        halt.set()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)

    async def ring() -> None:
        nonlocal last_end
        async with busy:
            if halt.is_set():
                return
            try:
                await asyncio.to_thread(run_round, shop, datetime.now(UTC), channel, halt.is_set)
            except PlannerError as error:
                log.exception("round failed", extra={"code": error.code})
            last_end = loop.time()

    clock = AsyncIOScheduler(timezone=UTC)
    options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    clock.add_job(ring, "interval", seconds=period, next_run_time=datetime.now(UTC), **options)
    clock.start()
    log.info("service started", extra={"period": period})
    try:
        while not stopping.is_set():
            try:
                await asyncio.wait_for(stopping.wait(), timeout=period)
            except TimeoutError:
                # A round may take long; the lock tells a long one from one that never came.
                if not busy.locked() and loop.time() - last_end > _SILENT_PERIODS * period:
                    raise WorldFailed(_("No round has been done for three periods; the service ends.")) from None
        async with busy:  # the round in hand ends by itself: it asks `halt` between mails
            pass
    finally:
        clock.shutdown(wait=False)
    log.info("service stopped")
