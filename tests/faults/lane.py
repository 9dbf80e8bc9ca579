"""One lane of a run: a database, a mail server, and workers that are forked, hurt on purpose, and looked at afterwards.

The lane has everything imported and warmed up and holds no connection, no thread and no loop, so a worker is a fork of
some milliseconds and yet a real process: it opens its own connections, and dies of a real SIGKILL.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import select
import signal
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from planner.errors import Refused
from scheduler import envelope, mark
from scheduler.channels import Channel
from scheduler.channels.email import EmailChannel, Timeouts
from scheduler.jobs import run_round
from scheduler.shop import Shop
from tests.bounce_mails import postfix
from tests.fakes import at
from tests.faults.databases import Database
from tests.faults.province import LEASE, Home, write_plan
from tests.faults.sink import Sink
from tests.faults.worker import LONGEST, Ended, Work, Worker

QUICK = Timeouts(connect=0.3, mail=0.3, rcpt=0.3, data=0.3, dot=0.4, quit=0.2)
_PATIENCE = 0.6  # seconds past its lease that a worker stays frozen at most
_OPEN = "('ready', 'leased', 'sending', 'unknown')"


class Lane:
    """A database, a mail server and workers."""

    def __init__(self, folder: Path, database: Database) -> None:
        logging.disable(logging.CRITICAL)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.database = folder, database
        self.sink = Sink()
        self.home = Home(folder=folder, port=self.sink.port)
        self.home.prepare()
        write_plan(folder / "plan.yaml")
        self.shop = Shop(settings=self.home.settings(database.url))
        self.rounds = "round"  #: a key of `JOBS`: how this lane does its rounds

    def warm_up(self, now: datetime) -> None:
        """Do one round in this process, so that forks find everything loaded and compiled."""
        run_round(self.shop, now, self.channel(Work(rounds=())))
        self.shop.engine.dispose()
        gc.collect()
        gc.freeze()

    def close(self) -> None:
        """End the mail server and remove the database."""
        self.shop.close()
        self.sink.stop()
        self.database.discard()

    def channel(self, work: Work) -> Callable[[], Channel]:
        """Return what opens the way to this lane's mail server."""
        waits = QUICK if work.quick else Timeouts()
        return lambda: EmailChannel("127.0.0.1", self.sink.port, work.tls, timeouts=waits)

    # --- scenes

    def begin(self, snapshot: str) -> None:
        """Put everything back to a morning."""
        self.sink.script()
        self.sink.forget()
        self.database.put_back(snapshot)
        self.forget()
        for name in ("new", "cur"):
            for path in (self.home.folder / "bounces" / name).iterdir():
                path.unlink()

    def forget(self) -> None:
        """Forget how far the database had come: put back to a morning, it would be taken for a restored backup."""
        self.shop.settings.resolved_state_file.unlink(missing_ok=True)

    def resume(self, now: datetime) -> None:
        """Let a person say that a restored database may send again, if it asks."""
        with contextlib.suppress(Refused):  # it had not come so far that anything could be sent twice
            mark.resume(self.shop, now, assume_sent=False, actor="operator@example.vn", reason="drill")
        self.shop.engine.dispose()

    def bounce(self, now: datetime) -> None:
        """Lay the report into the folder that yesterday's first mail to a plain officer came back."""
        ((mail_id, recipient),) = self.database.ask(
            "SELECT id, recipient FROM mail WHERE state = 'sent' AND recipient LIKE 'member@%' ORDER BY id DESC LIMIT 1"
        )
        key = self.shop.bounce_key
        assert key is not None
        sender = envelope.signed(self.shop.settings.mail_from, mail_id, now, key)
        (self.home.folder / "bounces" / "new" / "1.report").write_bytes(postfix(sender, recipient))

    def open_work(self) -> tuple[int, int, int]:
        """Return how many mails are not settled, how many of them somebody holds, and how many notices wait."""
        row = self.database.ask(
            f"SELECT (SELECT count(*) FROM mail WHERE state IN {_OPEN}),"  # noqa: S608
            " (SELECT count(*) FROM mail WHERE state IN ('leased', 'sending')),"
            " (SELECT count(*) FROM notice WHERE state = 'queued' AND recipient <> '')"
        )[0]
        return int(row[0]), int(row[1]), int(row[2])

    def finish_day(self, day: datetime, *, patient: bool = False) -> list[str]:
        """Do rounds without faults until nothing is left; return what went wrong.

        Who is `patient` lets notices wait for the next day: nobody gets two digests on one.
        """
        self.sink.script()
        wrong: list[str] = []
        for hours in (2.5, 4, 5.5, 7, 8.5):
            if self.open_work()[1]:
                time.sleep(LEASE + 0.02)
            (ended,) = self.run(Work(rounds=(day + timedelta(hours=hours),), calm=True))
            wrong += [f"clean round: {what}" for what in (*ended.refused, ended.crash, "hung" * ended.hung) if what]
            left = self.open_work()
            if left[0] == 0 and (patient or left[2] == 0):
                break
        else:
            wrong.append(f"never quiet: {left}")
        self.sink.rest()
        return wrong

    # --- workers

    def run(
        self,
        *works: Work,
        on_ask: Callable[[], Callable[[], None] | None] | None = None,
        meanwhile: Work | None = None,
    ) -> list[Ended]:
        """Let workers work at once until all have ended.

        Args:
            works: one worker each.
            on_ask: called when a worker asks; what it returns is called a moment later, while the worker goes on.
            meanwhile: what another worker does while one is frozen, as soon as its lease is over. The frozen one goes
                on when that one has ended, or after a while: it may have stopped with the database in its hand.
        """
        running = {n: Worker(self, work) for n, work in enumerate(works)}
        ended: dict[int, Ended] = {}
        later: list[tuple[float, Callable[[], None]]] = []
        start = time.monotonic()
        other = -1  # the worker that takes over
        while running:
            ups = [one.up for one in running.values() if one.up >= 0]
            ready = select.select(ups, [], [], 0.004)[0] if ups else []
            now = time.monotonic()
            for n, one in list(running.items()):
                if one.up in ready and one.listen():
                    undo = on_ask() if on_ask else None
                    if undo:
                        later.append((now + 0.35, undo))
                    one.answer()
                if one.frozen_at and now - one.frozen_at > LEASE + 0.02:
                    if meanwhile is not None:
                        other = len(works) + len(ended) + len(running)
                        running[other] = Worker(self, meanwhile)
                        meanwhile = None
                    if other not in running or now - one.frozen_at > LEASE + _PATIENCE:
                        one.frozen_at = 0.0
                        os.kill(one.pid, signal.SIGCONT)
                if now - start > LONGEST:
                    one.ended.hung = True
                    os.kill(one.pid, signal.SIGKILL)
                if one.over():
                    ended[n] = one.ended
                    del running[n]
            for due, undo in list(later):
                if now >= due or not running:
                    later.remove((due, undo))
                    undo()
        for _due, undo in later:
            undo()
        return [ended[n] for n in sorted(ended)]


def morning(day: date) -> datetime:
    """Return the instant at which the faults of a day begin."""
    return at(day, 7.75)
