"""The service: APScheduler rings every so many seconds, a round is done, SIGTERM ends it cleanly.

APScheduler is an alarm clock in memory and nothing more: no job store, no job state. Truth is in the database, so a
ring that comes late, twice or not at all is made good by the next one. Every few minutes the auditor looks whether the
rounds did what they must. Should the rings stop, a round hang, or the rounds not be found in the database, the process
ends, for its supervisor to start it anew.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from planner.errors import PlannerError, WorldFailed
from planner.i18n import gettext as _
from planner.store import engine as database
from planner.store import ticks
from planner.store.engine import reading, writing
from scheduler import audit, heartbeat
from scheduler.channels import Channel
from scheduler.jobs import run_round
from scheduler.shop import Shop
from scheduler.supervisor import notify, watchdog_seconds

log = logging.getLogger(__name__)

_SILENT_PERIODS = 3
_TURN = 10.0  # seconds between two looks of the service at itself, at most


def run(shop: Shop, channel: Callable[[], Channel]) -> None:
    """Serve until SIGTERM or SIGINT; finish what is held, then return.

    A round or an audit that hangs cannot be left behind: the process then ends at once, with the code of `WorldFailed`.

    Raises:
        WorldFailed: no round has ended for three periods, or the database does not know of them.
        PlannerError: the database or the policy cannot be used at the start.
    """
    shop.engine.connect().close()  # a service that cannot begin says so at once
    _hash, _key = shop.policy.hash, shop.bounce_key
    asyncio.run(_Service(shop, channel).serve())


class _Service:
    """One process of the service. Times are of the loop's own clock, which nobody can set."""

    def __init__(self, shop: Shop, channel: Callable[[], Channel]) -> None:
        self._shop, self._channel = shop, channel
        self._period = shop.settings.tick_seconds
        # A mail server may take as long over one mail as the lease lasts; what is silent longer than that, hangs.
        self._hangs_after = float(max(_SILENT_PERIODS * self._period, shop.settings.delivery_lease))
        self._audit_hangs_after = _SILENT_PERIODS * shop.settings.audit_seconds + 2 * audit.BUDGET
        self._stopping = asyncio.Event()
        self._halt = threading.Event()  # read by the round, which runs in a thread
        self._busy, self._auditing = asyncio.Lock(), asyncio.Lock()
        self._worker = f"{socket.gethostname()[:100]}:{os.getpid()}"
        self._begun = datetime.now(UTC)

    async def serve(self) -> None:
        """Serve until told to stop."""
        loop = asyncio.get_running_loop()
        self._now = loop.time
        self._last_end = self._progress = self._recorded = self._audit_begun = loop.time()
        self._last_round: datetime | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        clock = AsyncIOScheduler(timezone=UTC)
        options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        settings, start = self._shop.settings, datetime.now(UTC)
        clock.add_job(self._ring, "interval", seconds=self._period, next_run_time=start, **options)
        # The first audit soon: whoever waits for the heartbeat of a service started anew should not wait long.
        soon = start + timedelta(seconds=min(settings.audit_seconds, 2 * self._period))
        clock.add_job(self._audit, "interval", seconds=settings.audit_seconds, next_run_time=soon, **options)
        clock.start()
        log.info("service started", extra={"period": self._period})
        notify("READY=1")
        keeper = asyncio.create_task(self._keep_record())
        try:
            await self._watch()
            notify("STOPPING=1")
            await self._finish()
        finally:
            keeper.cancel()
            clock.shutdown(wait=False)
        log.info("service stopped")

    def _stop(self) -> None:
        self._halt.set()
        self._stopping.set()

    def _asked_to_stop(self) -> bool:
        """Say whether to stop; the round asks between mails, and shows by that that it goes on."""
        self._progress = self._now()
        return self._halt.is_set()

    async def _ring(self) -> None:
        async with self._busy:
            if self._halt.is_set():
                return
            self._progress, now = self._now(), datetime.now(UTC)
            try:
                await asyncio.to_thread(run_round, self._shop, now, self._channel, self._asked_to_stop)
                self._last_round = now
            except PlannerError as error:
                log.exception("round failed", extra={"code": error.code})
            self._last_end = self._now()

    async def _audit(self) -> None:
        async with self._auditing:
            if self._halt.is_set():
                return
            self._audit_begun = self._now()
            try:
                found = await asyncio.to_thread(audit.run, self._shop, datetime.now(UTC), stop=self._halt.is_set)
                await asyncio.to_thread(heartbeat.beat, self._shop, found)
            except PlannerError as error:
                log.exception("audit failed", extra={"code": error.code})

    async def _watch(self) -> None:
        """Wait for the end, and look every few seconds whether the rounds go on."""
        watchdog = watchdog_seconds()
        turn = min(self._period, _TURN, *([watchdog / 3] if watchdog else []))
        while not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), timeout=turn)
            except TimeoutError:
                self._look_at_self()
                notify("WATCHDOG=1")

    def _look_at_self(self) -> None:
        now, silence = self._now(), _SILENT_PERIODS * self._period
        self._look_for_hangs()
        # A round may take long; the lock tells a long one from one that never came.
        if not self._busy.locked() and now - self._last_end > silence:
            self._give_up(_("No round has been done for three periods; the service ends."))
        if now - self._recorded > silence:
            self._give_up(_("The database does not hold the rounds that were done; the service ends."))

    def _look_for_hangs(self) -> None:
        now = self._now()
        if self._busy.locked() and now - self._progress > self._hangs_after:
            _die(_("A round hangs; the service ends."))
        if self._auditing.locked() and now - self._audit_begun > self._audit_hangs_after:
            _die(_("The audit hangs; the service ends."))

    def _give_up(self, message: str) -> None:
        if self._auditing.locked() or self._busy.locked():  # the loop would wait for their threads, perhaps for ever
            _die(message)
        raise WorldFailed(message)

    async def _keep_record(self) -> None:
        """Leave signs of life in the database, and look whether it holds the rounds that were done here."""
        while True:
            await asyncio.sleep(self._period)
            last = self._last_round
            idle = last is None or self._now() - self._last_end > 2 * self._period
            try:
                found = await asyncio.to_thread(self._sign_and_look, last)
            except PlannerError as error:
                found = False
                log.warning("no sign of life left", extra={"code": error.code})
            # While no round succeeds, its own failure tells what is wrong.
            if found or idle:
                self._recorded = self._now()

    def _sign_and_look(self, last: datetime | None) -> bool:
        """Return whether the database, asked over a new connection, knows the round of `last`."""
        url = self._shop.settings.resolved_database_url
        # An old connection to a file goes on writing where another file has taken its place.
        fresh = database.connect_current(url)
        try:
            with reading(fresh) as session:
                found = last is None or ticks.was_recorded(session, last)
            with writing(fresh) as session:
                ticks.sign_of_life(session, self._worker, self._begun)
        finally:
            fresh.dispose()
        return found

    async def _finish(self) -> None:
        """Let the round in hand end by itself: it asks between mails whether to stop."""
        while True:
            try:
                async with asyncio.timeout(self._period):
                    async with self._busy, self._auditing:
                        break
            except TimeoutError:
                self._look_for_hangs()
                notify("WATCHDOG=1")
        try:
            with writing(self._shop.engine) as session:
                ticks.forget_worker(session, self._worker)
        except PlannerError as error:
            log.warning("no farewell left", extra={"code": error.code})


def _die(message: str) -> NoReturn:
    """End the process though one of its threads hangs: a thread cannot be ended, and Python would wait for it."""
    log.critical("service dies", extra={"reason": message})
    logging.shutdown()
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
    os._exit(WorldFailed.exit_code)
