"""One round of the engine: queue what is due, put it into mails, deliver them.

Every step may run late, twice, or on two hosts at once: the unique keys of the ledger decide, never the clock of the
caller. Nothing here is remembered between two rounds.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby, islice
from typing import TypeAlias

from planner import i18n, points
from planner.domain.directive import Directive
from planner.domain.notification import Notice, NoticeKind, NoticeState
from planner.domain.plan import State
from planner.errors import DatabaseFailed, PlannerError
from planner.store import ledger, marks, outbox, ticks, upkeep
from planner.store.engine import Session, reading, writing
from scheduler import bounces, daily, delivery, mark, moved_days, scribes
from scheduler.agenda import Agenda, agenda_of, picture_of, picture_to_tell
from scheduler.channels import Channel
from scheduler.shop import Picture, Shop, local_day
from scheduler.waiting import holding_up
from scheduler.wording import Item

log = logging.getLogger(__name__)

_BATCH = 50  # mails that are written at a time
_STORED = 200  # mails at the most that are stored at a time: when the database is slower than those who write
_PORTION = 5_000  # notices that are judged again, and made into mails, at a time


_Written: TypeAlias = tuple[outbox.NewMail, list[ledger.QueuedNotice]]


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one round did. The first four and the last count notices, the others mails."""

    queued: int = 0
    superseded: int = 0
    suppressed: int = 0
    obsolete: int = 0
    sent: int = 0
    retry: int = 0
    failed: int = 0
    unknown: int = 0
    over: int = 0  #: urgent notices that wait for the next day's digest: their reader has had the most mails of a day
    channel_fault: str = ""  #: why the mail server as a whole could not be used
    on_hold: bool = False  #: the database was restored: mail waits for a person

    def as_dict(self) -> dict[str, int]:
        """Return the counts."""
        return {
            "queued": self.queued,
            "superseded": self.superseded,
            "suppressed": self.suppressed,
            "obsolete": self.obsolete,
            "sent": self.sent,
            "retry": self.retry,
            "failed": self.failed,
            "unknown": self.unknown,
            "over": self.over,
        }


def run_round(
    shop: Shop, now: datetime, channel: Callable[[], Channel], stop: Callable[[], bool] | None = None
) -> Round:
    """Do one whole round at `now`; `stop` is asked between mails whether to leave the rest to the next round.

    It is left, too, when sending hours end: a mail server may be slow, and a round long.
    """
    stop = _at_closing_time(shop, now, stop or (lambda: False))
    _key = shop.bounce_key  # a secret that cannot be read is told before any mail is held
    points.reach("round begun")
    _read_bounces(shop, now)
    done = queue_due(shop, now)
    totals = {"obsolete": done.obsolete, "sent": 0, "retry": 0, "failed": 0, "unknown": 0}
    fault, over = "", 0
    on_hold = mark.holds_back(shop, now)
    if shop.may_send(now) and not on_hold:
        daily.write(shop, now)
        # A mail given up just before DATA frees its other notices for another mail, hence again until all is still.
        for _pass in range(3):
            filled = fill_mails(shop, now, stop)
            mark.keep(shop)  # before mail leaves: a backup of earlier than now must not send it again
            outcome = asyncio.run(delivery.deliver_pending(shop, now, channel, stop))
            for name in totals:
                totals[name] += getattr(outcome, name)
            totals["obsolete"] += filled.obsolete
            totals["failed"] += filled.refused
            over = filled.over
            fault = outcome.channel_fault
            if not outcome.given_up or fault or stop():
                break
    points.reach("mails delivered")
    result = replace(done, channel_fault=fault, on_hold=on_hold, over=over, **totals)
    with writing(shop.engine) as session:
        ticks.record_tick(session, now, result.as_dict())
    points.reach("round ended")
    mark.keep(shop)
    log.info("round", extra={"counts": result.as_dict()})
    return result


def _at_closing_time(shop: Shop, now: datetime, stop: Callable[[], bool]) -> Callable[[], bool]:
    """Return what says to stop when `stop` does, and when mail that might leave at `now` may not any more."""
    closing = time.monotonic() + shop.open_for(now).total_seconds()
    return lambda: stop() or time.monotonic() >= closing


def _read_bounces(shop: Shop, now: datetime) -> None:
    """Read what came back since the last round; trouble with the folder must not keep mail from others."""
    folder = shop.settings.bounce_maildir
    if folder is None or shop.settings.bounce_key_file is None:
        return
    try:
        counts = bounces.take_folder(shop, folder, now)
    except DatabaseFailed:
        raise
    except PlannerError as error:
        log.warning("bounces not read", extra={"code": error.code, "reason": error.message})
    else:
        if any(counts.as_dict().values()):
            log.info("bounces", extra={"counts": counts.as_dict()})


@contextmanager
def _keeping_all() -> Iterator[None]:
    """Let no memory be searched for garbage meanwhile: a round makes many small values and needs them until it ends."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_keeping_all()
def queue_due(shop: Shop, now: datetime) -> Round:
    """Enter into the ledger everything that must have been told by `now`, and settle what need not be any more."""
    agenda, picture, moved = _looked(shop, now)
    if moved:
        with writing(shop.engine) as session:
            upkeep.follow_calendar(session, moved)
        agenda, picture, _moved = _looked(shop, now)
    points.reach("picture read")
    judged: dict[str, Notice] = {}
    if picture is not None:
        with i18n.speaking(shop.settings.lang):
            judged = {notice.key: notice for notice in shop.judge(picture, now, agenda.subjects)}
    elif not agenda.is_new:
        return Round()
    points.reach("judged")
    with i18n.speaking(shop.settings.lang), writing(shop.engine) as session:
        # First what waits and need not: who no longer hears of a step in one role may have to in another.
        settled = upkeep.reconcile(session, judged, now, subjects=agenda.subjects)
        new = ledger.enqueue(session, judged, policy=shop.policy_version, at=now)
        points.reach("notices entered")
        if agenda.is_new or settled:
            marks.leave(session, agenda.mark, agenda.watched, anew=agenda.is_anew, after=agenda.before)
    points.reach("notices committed")
    return Round(
        queued=new[NoticeState.QUEUED],
        superseded=new[NoticeState.SUPERSEDED] + settled[NoticeState.SUPERSEDED],
        suppressed=new[NoticeState.SUPPRESSED] + settled[NoticeState.SUPPRESSED],
        obsolete=settled[NoticeState.OBSOLETE],
    )


def _looked(shop: Shop, now: datetime) -> tuple[Agenda, Picture | None, dict[int, date]]:
    """Return what must be looked at, what must be known to judge it (None: nothing), and notices whose days moved."""
    with reading(shop.engine) as session:
        agenda = agenda_of(shop, session, now)
        moved = moved_days.moved(session, agenda.policies, shop.calendar()) if agenda.has_new_days else {}
        return agenda, picture_of(shop, session, now, agenda) if agenda.subjects else None, moved


def fill_mails(shop: Shop, now: datetime, stop: Callable[[], bool] = lambda: False) -> Filled:
    """Put what is queued into mails, one digest a person and day.

    The bytes are stored before any connection is made and stay the same at every try. `stop` is asked between batches.
    """
    today = local_day(now)
    with reading(shop.engine) as session:
        digests = outbox.digests_of(session, today)
        full = people_with_enough(shop, session, today)
        queued = ledger.queued(session)
        waiting = [one for one in queued if _may_go(one.notice, digests, full)]
        over = sum(one.notice.urgent for one in queued if one.notice.recipient in full)
        unreached = outbox.unreached_since(session, now - delivery.GIVE_UP_AFTER) if waiting else {}
    if not waiting:
        return Filled(over=over)
    points.reach("queue read")
    obsolete = refused = 0
    with ExitStack() as hands:
        # Called before they are needed: they take a moment to begin.
        written = hands.enter_context(scribes.called(len({one.notice.recipient for one in waiting})))
        store = hands.enter_context(_storing(shop, now))
        hands.enter_context(_settled_memory())
        handed: deque[list[Bundle]] = deque()

        def orders() -> Iterator[list[scribes.Order]]:
            nonlocal obsolete
            for some in _portions(waiting):
                facts, holds, gone = _still_true(shop, now, some, before=store)
                obsolete += gone
                bundles = _bundles(holds, digests, today)
                while batch := list(islice(bundles, _BATCH)):
                    handed.append(batch)
                    yield [
                        facts.order(one.recipient, [each.notice for each in one.notices], now, one.key) for one in batch
                    ]

        letters = written(orders())
        while not stop() and (batch := next(letters, None)) is not None:
            mails = []
            for bundle, letter in zip(handed.popleft(), batch, strict=True):
                if isinstance(letter, scribes.Letter):
                    mails.append((_mail(bundle, letter, today, unreached.get(bundle.recipient)), bundle.notices))
                else:
                    refused += 1
                    facts_ = {
                        "notices": [one.id for one in bundle.notices],
                        "code": letter.code,
                        "reason": letter.reason,
                    }
                    log.error("mail not written", extra=facts_)
            points.reach("mails composed")
            store(mails)
        store([])
    return Filled(obsolete=obsolete, refused=refused, over=over)


@contextmanager
def _storing(shop: Shop, now: datetime) -> Iterator[Callable[[list[_Written]], None]]:
    """Store mails while the next ones are written.

    Yields:
        What takes mails to be stored: in one transaction after the other, each begun when the one before is committed.
        It raises what came of an earlier one. Given nothing, it waits until all is committed.
    """
    before: Future[None] | None = None
    waiting: list[_Written] = []

    def save(mails: list[_Written]) -> None:
        with writing(shop.engine) as session:
            outbox.save_mails(session, mails, now)
        points.reach("mails committed")

    def begin() -> None:
        nonlocal before, waiting
        stored, before = before, None
        if stored is not None:
            stored.result()
        some, waiting = waiting, []
        if some:
            before = beside.submit(copy_context().run, save, some)

    def store(mails: list[_Written]) -> None:
        waiting.extend(mails)
        if before is None or before.done() or len(waiting) >= _STORED:
            begin()
        while not mails and before is not None:
            begin()

    with ThreadPoolExecutor(1, "mails") as beside:
        yield store


def _portions(waiting: list[ledger.QueuedNotice]) -> Iterator[list[ledger.QueuedNotice]]:
    """Yield all notices of some people at a time: as many as are in memory with their tasks, or a little more."""
    if len(waiting) <= _PORTION:
        yield waiting
        return
    people = [list(group) for _recipient, group in groupby(waiting, key=lambda one: one.notice.recipient)]
    # Who is told of the same tasks stands together as far as may be: these are then loaded once.
    people.sort(key=lambda mine: min(one.notice.subject for one in mine))
    some: list[ledger.QueuedNotice] = []
    for mine in people:
        some += mine
        if len(some) >= _PORTION:
            yield some
            some = []
    if some:
        yield some


def _still_true(
    shop: Shop,
    now: datetime,
    waiting: list[ledger.QueuedNotice],
    *,
    before: Callable[[list[_Written]], None],
) -> tuple[Facts, list[ledger.QueuedNotice], int]:
    """Judge again what waits, on the present: between queueing and now a task may have been handed in.

    Args:
        shop: the engine's surroundings.
        now: the instant of the round.
        waiting: some notices that are queued.
        before: called with nothing before anything is written.

    Returns:
        What is needed to write of them, those that still hold, and the number of notices that no longer do.
    """
    subjects = {one.notice.subject for one in waiting}
    with reading(shop.engine) as session:
        picture = picture_to_tell(shop, session, now, subjects)
        told = ledger.times_told(session, subjects)
    with i18n.speaking(shop.settings.lang):
        found = shop.judge(picture, now, subjects)
    told_to = {one.key: (one.recipient, one.kind) for one in found if one.state is NoticeState.QUEUED}
    holds = [one for one in waiting if told_to.get(one.key) == (one.notice.recipient, one.notice.kind)]
    obsolete = 0
    if len(holds) < len(waiting):
        before([])  # two transactions of one process must not wait for each other
        with i18n.speaking(shop.settings.lang), writing(shop.engine) as session:
            judged = {one.key: one for one in found}
            obsolete = upkeep.reconcile(session, judged, now, subjects=subjects)[NoticeState.OBSOLETE]
            if any(one.notice.kind is NoticeKind.AT_RISK for one in waiting if one.key not in told_to):
                # Another worker may know better by now, and of these a round asks only when something happened.
                marks.wipe(session)
    return Facts(shop, picture, local_day(now), told), holds, obsolete


def _mail(bundle: Bundle, letter: scribes.Letter, day: date, first_try_at: datetime | None) -> outbox.NewMail:
    return outbox.NewMail(
        kind=bundle.kind,
        recipient=bundle.recipient,
        day=day,
        key=bundle.key,
        subject=letter.subject,
        message_id=letter.message_id,
        first_try_at=first_try_at,
        body=letter.body,
    )


@contextmanager
def _settled_memory() -> Iterator[None]:
    """Let no search for garbage go through what is loaded by now: it is needed until the end."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def people_with_enough(shop: Shop, session: Session, today: date) -> frozenset[str]:
    """Return who has had as many mails today as the policy allows; what is urgent waits for tomorrow's digest."""
    most = shop.policy.sending.most_a_day
    if most is None:
        return frozenset()
    return frozenset(one for one, count in outbox.mails_of(session, today).items() if count >= most)


def _may_go(notice: Notice, digests: Mapping[str, tuple[int, bool]], full: Collection[str]) -> bool:
    """Say whether a notice may go today: nobody gets a second digest, only what is urgent, and no more than the cap."""
    if not digests.get(notice.recipient, (0, False))[1]:
        return True
    return notice.urgent and notice.recipient not in full


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What came of putting notices into mails, besides the mails."""

    obsolete: int = 0  #: notices that had become untrue
    refused: int = 0  #: mails that could not be written
    over: int = 0  #: urgent notices whose reader has had the most mails of a day; they wait for the next


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Notices that go into one mail."""

    recipient: str
    kind: str  #: "digest" or "urgent"
    key: str
    notices: list[ledger.QueuedNotice]


def _bundles(
    waiting: Iterable[ledger.QueuedNotice], digests: Mapping[str, tuple[int, bool]], today: date
) -> Iterator[Bundle]:
    """Yield a bundle for each recipient of notices that may go today."""
    for recipient, group in groupby(waiting, key=lambda one: one.notice.recipient):
        mine = list(group)
        given_up, standing = digests.get(recipient, (0, False))
        if not standing:
            key = outbox.mail_key("digest", recipient, today, [str(given_up)])
            yield Bundle(recipient=recipient, kind="digest", key=key, notices=mine)
        else:
            key = outbox.mail_key("urgent", recipient, today, sorted(one.notice.key for one in mine))
            yield Bundle(recipient=recipient, kind="urgent", key=key, notices=mine)


class Facts:
    """Everything that the wording of a mail needs, looked up once for many mails."""

    def __init__(self, shop: Shop, picture: Picture, today: date, told: Mapping[tuple[str, int, str], int]) -> None:
        self._shop, self._picture, self._today, self._told = shop, picture, today, told
        self._holding = holding_up(picture.state, picture.dependencies)
        self._calendar = shop.calendar()

    @property
    def _state(self) -> State:
        return self._picture.state

    def order(self, recipient: str, notices: Iterable[Notice], now: datetime, key: str = "") -> scribes.Order:
        """Return what one mail is written from; `key` is the mail's."""
        settings = self._shop.settings
        officer = self._state.officers[recipient]
        return scribes.Order(
            key=key,
            officer=officer,
            agency_name=self._agency_name(officer.agency),
            items=tuple(self.item(notice) for notice in notices),
            today=self._today,
            now=now,
            language=settings.lang,
            site=settings.templates_dir,
            sender=settings.mail_from,
            sender_name=settings.mail_from_name,
        )

    def subject(self, recipient: str, notices: Iterable[Notice], now: datetime) -> str:
        """Return the subject of one mail."""
        return scribes.words(self.order(recipient, notices, now)).subject

    def item(self, notice: Notice) -> Item:
        """Return a notice with the facts around it."""
        nth = self._told.get((notice.subject, notice.revision, notice.recipient), 0) + 1
        record = self._state.tasks.get(notice.subject)
        if record is None:
            return self._filing_item(notice, nth)
        plan = self._state.plans[record.plan].plan
        forecast = self._picture.forecasts.get(record.key)
        tasks, agencies = self._holding.get(record.key, (0, 0))
        responsible = self._state.officers.get(record.task.responsible)
        return Item(
            notice=notice,
            task=record,
            agency_name=self._agency_name(record.agency),
            plan_number=plan.number,
            plan_signed=plan.signed,
            days=self._calendar.count(self._today, record.last_day) if record.last_day else 0,
            forecast_finish=forecast.finish if forecast else None,
            holds_up_tasks=tasks,
            holds_up_agencies=agencies,
            waits_for=tuple(key.split("/", 1)[1] for key in forecast.blocked_by) if forecast else (),
            nth=nth,
            responsible_name=responsible.name if responsible else record.task.responsible,
        )

    def _filing_item(self, notice: Notice, nth: int) -> Item:
        directive_code, _slash, agency = notice.subject.partition("/")
        directive: Directive = self._state.directives[directive_code]
        deadline = directive.filing_deadline
        return Item(
            notice=notice,
            task=None,
            agency_name=self._agency_name(agency),
            days=self._calendar.count(self._today, deadline) if deadline else 0,
            nth=nth,
            filing_title=directive.title,
            filing_deadline=deadline,
        )

    def _agency_name(self, code: str) -> str:
        agency = self._state.agencies.get(code)
        return agency.name if agency else code
