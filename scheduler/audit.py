"""The auditor: what must have been told, worked out from the plans, held against what the ledger says.

It shares nothing with a round but the pure ladder (`due.Judge`): a round may ask the database for likely candidates,
the auditor goes through all plans, page by page. A large province is covered over several looks, each of at most
`BUDGET` seconds, and each begins where the one before stopped. What it finds missing it queues itself, and says so.
Source: design notes "Reminders and escalations"; reliability notes, invariants I1 and I9.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from planner import i18n
from planner.config import ZONE
from planner.domain.notification import Notice, NoticeState
from planner.domain.plan import State
from planner.store import audits, holds, ledger, ticks
from planner.store.engine import Session, reading, writing
from planner.store.state import present
from scheduler.due import Judge
from scheduler.shop import Shop, local_day

log = logging.getLogger(__name__)

BUDGET = 20.0  #: seconds that one look at the plans may take
PAGE = 20_000  #: tasks that are in memory at a time
_SILENT_PERIODS = 3
_LATE_PERIODS = 2  #: rounds by which the ledger may lag behind the plans
_GRACE = 300.0  # seconds before what waits counts as stuck
_SHOWN = 100  # of the missing notices that are listed
_MOST_SUSPECTS = 1000
_SUSPECT_FOR = timedelta(days=1)
#: a notice in one of these states was told, is to be told, or was settled for good
_SETTLED = (
    NoticeState.QUEUED,
    NoticeState.MAILED,
    NoticeState.SENT,
    NoticeState.DEAD,
    NoticeState.SUPERSEDED,
    NoticeState.CANCELLED,
)


@dataclass(kw_only=True)
class Findings:
    """What one look found. What is a fault of the engine, and what only a person can mend, are told apart."""

    at: datetime
    plans: int = 0  #: plans in force with open work
    covered: int = 0  #: of these, how many this look went through
    expected: int = 0  #: notices that must be in the ledger
    missing: list[dict[str, Any]] = field(default_factory=list)  #: of these, the first that are not
    missed: int = 0  #: how many are not
    suspects: int = 0  #: missing too, but perhaps too new: the next look tells
    queued: int = 0  #: of what was missing, how much this look queued
    leases: int = 0  #: mails held by somebody whose lease ended long ago
    overdue: int = 0  #: mails that should have been tried long ago, while mail may leave
    unmailed: int = 0  #: notices that should be in a mail since this morning
    silent: bool = False  #: no round for three periods
    on_hold: bool = False  #: deliveries wait for a person, after a restore
    unknown: int = 0  #: mails of which nobody knows whether they arrived
    unaddressed: int = 0  #: notices for whom nobody was found: a matter of the register
    cursor: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the engine does what it must."""
        return not (self.missed or self.leases or self.overdue or self.unmailed or self.silent or self.on_hold)

    @property
    def share(self) -> float:
        """Return the part of the plans that was covered, 0 to 1."""
        return self.covered / self.plans if self.plans else 1.0

    def counts(self) -> dict[str, Any]:
        """Return the figures, for the record."""
        return {
            "plans": self.plans,
            "covered": self.covered,
            "share": round(self.share, 4),
            "expected": self.expected,
            "missing": self.missed,
            "suspects": self.suspects,
            "queued": self.queued,
            "leases": self.leases,
            "overdue": self.overdue,
            "unmailed": self.unmailed,
            "silent": self.silent,
            "on_hold": self.on_hold,
            "unknown": self.unknown,
            "unaddressed": self.unaddressed,
            "seconds": round(self.seconds, 2),
        }

    def as_dict(self) -> dict[str, Any]:
        """Return everything."""
        return {"ok": self.ok, "at": self.at, **self.counts(), "notices": self.missing}


def run(
    shop: Shop,
    now: datetime,
    *,
    budget: float = BUDGET,
    page: int = PAGE,
    dry_run: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Findings:
    """Look once, queue what is missing, keep the record.

    Args:
        shop: the tools.
        now: the instant.
        budget: seconds after which no further page of plans is begun.
        page: tasks of a page, about.
        dry_run: look only.
        stop: asked between pages whether to leave the rest to the next look.
    """
    begun = time.monotonic()
    look = _Look(shop, now)
    found = look.found
    look.machine()
    for keys in look.pages(page):
        look.plans(keys)
        if time.monotonic() - begun >= budget or stop():
            break
    found.seconds = time.monotonic() - begun
    found.suspects = len(look.suspects)
    if not dry_run:
        with writing(shop.engine) as session:
            if look.repairs:
                new = ledger.enqueue(session, look.repairs, policy=shop.policy_version, at=now)
                found.queued = new[NoticeState.QUEUED]
            audits.record(
                session,
                audits.Audit(
                    at=now, ok=found.ok, counts=found.counts(), cursor=found.cursor, suspects=look.kept_suspects()
                ),
            )
            audits.forget_old(session)
    log.log(logging.INFO if found.ok else logging.ERROR, "audit", extra={"ok": found.ok, "counts": found.counts()})
    return found


class _Look:
    """One look under way."""

    def __init__(self, shop: Shop, now: datetime) -> None:
        self._shop, self._now = shop, now
        period = timedelta(seconds=shop.settings.tick_seconds)
        self._due_by = now - _LATE_PERIODS * period  # what was due then has had its rounds
        self.found = Findings(at=now)
        self.suspects: dict[str, str] = {}
        self.repairs: list[Notice] = []
        self._checked: set[str] = set()
        with reading(shop.engine) as session:
            self._frame = present(session, now, states=())
            self._waiting = audits.waiting_plans(session)
            self._last = audits.latest(session)
            self._begun = shop.pinned(session)
            self._spent = shop.spent(session, self._begun.values())
        self.found.plans = len(self._waiting)

    def machine(self) -> None:
        """Look at rounds, leases and mails, and at what the registers owe."""
        found, period = self.found, self._shop.settings.tick_seconds
        with reading(self._shop.engine) as session:
            tick, workers = ticks.last_tick(session), ticks.workers(session)
            alive = any(worker.age <= _SILENT_PERIODS * period for worker in workers)
            # A round of the future was done before the clock was set back, and says nothing of the present.
            late = tick is None or abs(self._now - tick) > timedelta(seconds=_SILENT_PERIODS * period)
            found.silent = late and not alive
            found.on_hold = holds.standing(session) is not None
            found.unknown, found.unaddressed = audits.unknown_mails(session), audits.unaddressed(session)
            self._mails(session)
            self._compare(session, self._frame, None)

    def _mails(self, session: Session) -> None:
        """Count what is stuck; outside sending hours everything waits by right, and after their opening for a while."""
        if self.found.on_hold or not self._shop.may_send(self._now):
            return
        local = self._now.astimezone(ZONE)
        opened = datetime.combine(local.date(), self._shop.policy.sending.opens, tzinfo=ZONE)
        grace = max(_GRACE, _SILENT_PERIODS * self._shop.settings.tick_seconds)
        if self._now - opened < timedelta(seconds=grace):
            return
        self.found.leases = audits.expired_leases(session, grace)
        if not audits.held_mails(session):  # a slow server is not a stuck engine: somebody is at work
            self.found.overdue = audits.overdue_mails(session, self._now - timedelta(seconds=grace))
            self.found.unmailed = audits.unmailed(session, opened, local_day(self._now))

    def pages(self, size: int) -> Iterator[list[str]]:
        """Yield the plans in pages of about `size` tasks, from where the last look stopped, round to there."""
        order = sorted(self._waiting)
        cursor = self._last.cursor if self._last else ""
        place = next((at for at, (key, _count) in enumerate(order) if key > cursor), 0)
        some: list[str] = []
        tasks = 0
        for key, count in [*order[place:], *order[:place]]:
            some.append(key)
            tasks += count
            if tasks >= size:
                yield some
                some, tasks = [], 0
        if some:
            yield some

    def plans(self, keys: Sequence[str]) -> None:
        """Compare what some plans demand with the ledger."""
        with reading(self._shop.engine) as session:
            state, own = audits.page(session, self._frame, keys)
            self._compare(session, state, own)
        self.found.covered += len(keys)
        whole = self.found.covered >= self.found.plans
        self.found.cursor = "" if whole else keys[-1]

    def _compare(self, session: Session, state: State, own: Sequence[str] | None) -> None:
        """Compare the notices of some tasks (None: of the plans that are owed) with the ledger."""
        # Nothing was changed since that instant: then what was due by it has no excuse.
        newest = audits.newest_event(session)
        settled = newest is None or newest <= self._due_by
        with i18n.speaking(self._shop.settings.lang):
            judge = self._judge(state, self._due_by)
            judged = judge.due() if own is None else (notice for key in own for notice in judge.of(key))
            expected = {notice.key: notice for notice in judged if notice.state is NoticeState.QUEUED}
            self.found.expected += len(expected)
            self._checked.update(expected)
            gone = self._missing(session, expected)
            subjects: dict[str, None] = {}
            for notice, held in gone:
                first = self._first_seen(notice.key)
                if settled or first <= self._due_by:
                    subjects[notice.subject] = None
                    self._miss(notice, held)
                elif len(self.suspects) < _MOST_SUSPECTS:
                    self.suspects[notice.key] = first.isoformat()
            if subjects:
                present_judge = self._judge(state, self._now)
                self.repairs += [notice for subject in subjects for notice in present_judge.of(subject)]

    def _judge(self, state: State, at: datetime) -> Judge:
        picture = self._shop.picture_of(state, at, self._begun, self._spent)
        return Judge(
            picture.state,
            self._shop.policy,
            self._shop.calendar(),
            at,
            department=self._shop.settings.department,
            dependencies=picture.dependencies,
            forecasts=picture.forecasts,
            cases=picture.cases,
            spent=picture.spent,
        )

    def _missing(self, session: Session, expected: dict[str, Notice]) -> list[tuple[Notice, NoticeState | None]]:
        """Return the notices that the ledger does not hold, or holds back though they hold."""
        entries = audits.entries(session, list(expected))
        gone: list[tuple[Notice, NoticeState | None]] = []
        returned: list[Notice] = []
        for key, notice in expected.items():
            state, may_return = entries.get(key, (None, False))
            if state is NoticeState.BOUNCED:
                returned.append(notice)
            elif state is NoticeState.SUPPRESSED and not may_return:
                continue  # the same person has been told in another role
            elif state not in _SETTLED:
                gone.append((notice, state))
        again = ledger.already_told(session, returned)
        return [*gone, *((notice, NoticeState.BOUNCED) for notice in returned if notice.key not in again)]

    def _first_seen(self, key: str) -> datetime:
        earlier = self._last.suspects.get(key) if self._last else None
        return datetime.fromisoformat(earlier) if earlier else self._now

    def _miss(self, notice: Notice, held: NoticeState | None) -> None:
        self.found.missed += 1
        if len(self.found.missing) < _SHOWN:
            self.found.missing.append(
                {
                    "key": notice.key,
                    "subject": notice.subject,
                    "rung": notice.rung,
                    "nominal": notice.nominal,
                    "role": notice.role,
                    "state": held.value if held else None,
                }
            )

    def kept_suspects(self) -> dict[str, str]:
        """Return the suspects of this look, and those of earlier ones whose plans it did not come to."""
        earlier = self._last.suspects if self._last else {}
        kept = {
            key: at
            for key, at in earlier.items()
            if key not in self._checked and self._now - datetime.fromisoformat(at) < _SUSPECT_FOR
        }
        return {**kept, **self.suspects}
