"""What the engine would do: this very moment, day by day over a span, or for one task. Leaves no trace.

Nothing is assumed but what is known now: nobody reports anything meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from planner import i18n
from planner.config import ZONE
from planner.domain.calendar import Calendar
from planner.domain.notification import MailState, Notice, NoticeState
from planner.domain.plan import State, TaskRecord
from planner.errors import NotFound
from planner.i18n import gettext as _
from planner.store import ledger, outbox
from planner.store.engine import reading
from scheduler.due import Judge
from scheduler.jobs import Facts, people_with_enough
from scheduler.policy import Policy
from scheduler.rules import Anchor, nominal_day
from scheduler.shop import Shop, local_day


def _as_dict(notice: Notice, state: State) -> dict[str, Any]:
    record = state.tasks.get(notice.subject)
    return {
        "key": notice.key,
        "kind": notice.kind.value,
        "rung": notice.rung,
        "nominal": notice.nominal,
        "role": notice.role,
        "recipient": notice.recipient or None,
        "subject": notice.subject.split("/", 1)[1],
        "task": record.task.title if record else None,
        "last_day": record.last_day if record else None,
        "state": notice.state.value,
        "reason": notice.reason,
    }


def preview(shop: Shop, now: datetime) -> dict[str, Any]:
    """Return the mails that a round at `now` would send, and what it would hold back, with the reasons.

    Outside sending hours these are the mails that wait.
    """
    today = local_day(now)
    with reading(shop.engine) as session:
        picture = shop.picture(session, now)
        known = ledger.states_by_key(session)
        digests = outbox.digests_of(session, today)
        full = people_with_enough(shop, session, today)
        written = outbox.open_mails(session)
        with i18n.speaking(shop.settings.lang):
            judged = {one.key: one for one in shop.judge(picture, now)}
        told = ledger.times_told(session, {one.subject for one in judged.values()})
        readers = ledger.readers(session)
        for mail in written:
            if mail.state is MailState.READY or mail.day < today:
                readers.update((one.key, one.recipient) for one in mail.notices)
        # Who was told the step in another role does not get it again: neither what comes back nor in another's place.
        theirs = [
            one
            for key, one in judged.items()
            if known.get(key) in ledger.HELD_BACK or one.recipient not in ("", readers.get(key, one.recipient))
        ]
        again = ledger.already_told(session, theirs)
    state = picture.state
    queued = {key: one for key, one in judged.items() if one.state is NoticeState.QUEUED and key not in again}
    waiting = [one for key, one in queued.items() if known.get(key, NoticeState.QUEUED) in _MAY_BE_QUEUED]
    have_one = {recipient for recipient, (_given_up, standing) in digests.items() if standing}
    messages = []
    for mail in written:
        if _is_given_up(mail, queued, today):
            waiting += [queued[one.key] for one in mail.notices if one.key in queued]
            if mail.kind == "digest" and mail.day == today:
                have_one.discard(mail.recipient)
        elif mail.next_try_at <= now:
            messages.append(_message(mail.recipient, mail.subject, [judged.get(o.key, o) for o in mail.notices], state))
    with i18n.speaking(shop.settings.lang):
        facts = Facts(shop, picture, today, told)
        for recipient, mine in _by_recipient(
            one for one in waiting if one.recipient not in have_one or (one.urgent and one.recipient not in full)
        ):
            subject = facts.subject(recipient, mine, now) if recipient else None
            messages.append(_message(recipient, subject, mine, state))
    held = [_as_dict(one, state) for key, one in judged.items() if key not in queued and key not in known]
    return {"now": now, "may_send": shop.may_send(now), "messages": messages, "held_back": held}


#: what the ledger may say of a notice that the next round puts into a mail, besides that it does not know it
_MAY_BE_QUEUED = (NoticeState.QUEUED, *ledger.HELD_BACK)


def _is_given_up(mail: outbox.OpenMail, queued: Mapping[str, Notice], today: date) -> bool:
    """Say whether a round would make other mails out of this one."""
    if mail.state is not MailState.READY and mail.day >= today:
        return False
    if mail.state is MailState.READY and mail.kind == "digest" and mail.day < today:
        return True
    now = [queued.get(one.key) for one in mail.notices]
    return any(
        new is None or (new.recipient, new.kind) != (old.recipient, old.kind)
        for new, old in zip(now, mail.notices, strict=True)
    )


def _message(recipient: str, subject: str | None, notices: Iterable[Notice], state: State) -> dict[str, Any]:
    return {
        "recipient": recipient or None,
        "subject": subject,
        "notices": [_as_dict(one, state) for one in notices],
    }


def _by_recipient(notices: Iterable[Notice]) -> Iterator[tuple[str, list[Notice]]]:
    for recipient, group in groupby(sorted(notices, key=lambda one: one.recipient), key=lambda one: one.recipient):
        yield recipient, list(group)


def simulate(shop: Shop, first: date, last: date) -> list[dict[str, Any]]:
    """Return the mails that the policy would send on each working day from `first` to `last`, and what it holds back.

    A day stands in the list when there is a mail, or when something is held back for the first time.
    """
    opens = shop.policy.sending.opens
    with reading(shop.engine) as session:
        picture = shop.picture(session, datetime.combine(first, time(), ZONE))
        written = outbox.open_mails(session)
        states = ledger.states_by_key(session)
        told_to = ledger.told_to(session)
        digests = outbox.digests_of(session, first)
        full = people_with_enough(shop, session, first)
    ahead = _Ahead(picture.state, states, told_to, {one.key for mail in written for one in mail.notices})
    days = []
    for offset in range((last - first).days + 1):
        now = datetime.combine(first + timedelta(days=offset), opens, ZONE)
        if not shop.may_send(now):
            continue
        with i18n.speaking(shop.settings.lang):
            judged = shop.judge(shop.picture_of(picture.state, now, picture.cases, picture.spent), now)
        mails, held = ahead.day(judged, {} if offset else digests, frozenset() if offset else full)
        if mails or held:
            days.append({"date": now.date(), "mails": mails, "held_back": held})
    return days


class _Ahead:
    """The ledger as it would be, day after day, if nobody reported anything."""

    def __init__(
        self, state: State, known: Mapping[str, NoticeState], told_to: set[tuple[Any, ...]], waiting: set[str]
    ) -> None:
        self._state, self._told_to = state, told_to
        self._told = {key for key, found in known.items() if found not in _MAY_BE_QUEUED and key not in waiting}
        self._nobody: set[str] = set()
        self._held: dict[str, NoticeState] = dict(known)

    def day(
        self, judged: list[Notice], digests: Mapping[str, tuple[int, bool]], full: frozenset[str]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the mails of one day and what is held back from that day on."""
        sent, held = [], []
        for one in judged:
            step = (one.subject, one.revision, one.rung, one.nominal, one.recipient)
            if one.state is not NoticeState.QUEUED:
                if self._held.get(one.key) is not one.state and one.key not in self._told:
                    held.append(_as_dict(one, self._state))
                self._held[one.key] = one.state
            elif one.key in (self._told if one.recipient else self._nobody):
                continue
            elif step in self._told_to and self._held.get(one.key) in ledger.HELD_BACK:
                self._told.add(one.key)
            elif not digests.get(one.recipient, (0, False))[1] or (one.urgent and one.recipient not in full):
                sent.append(one)
                self._told_to.add(step)
        self._told.update(one.key for one in sent if one.recipient)
        self._nobody.update(one.key for one in sent if not one.recipient)
        mails = [
            {"recipient": recipient or None, "notices": [_as_dict(one, self._state) for one in mine]}
            for recipient, mine in _by_recipient(sent)
        ]
        return mails, held


def route(shop: Shop, task: str, now: datetime) -> list[dict[str, Any]]:
    """Return who is told of a task at each rung, on the day it falls due, if nothing more is reported.

    Rungs that lie before the deadline in force was given are reached on the day it was: the last of them is told then,
    the others are not. What is held back by a promise or a snooze stands there twice: on its day, and on the day after
    that ends.

    Raises:
        NotFound: there is no such open task with a deadline.
    """
    with reading(shop.engine) as session:
        picture = shop.picture(session, now)
    state = picture.state
    wanted = [key for key in state.tasks if key == task or key.split("/", 1)[1] == task]
    record = state.tasks[wanted[0]] if wanted else None
    if record is None or record.last_day is None:
        raise NotFound(_("There is no open task {task} with a deadline. See: planner task list").format(task=task))
    key = record.key

    def on(day: date) -> list[Notice]:
        return Judge(
            state,
            shop.policy,
            shop.calendar(),
            datetime.combine(day, time(12), ZONE),
            department=shop.settings.department,
            dependencies=picture.dependencies,
            cases=picture.cases,
            spent=picture.spent,
        ).of(key)

    with i18n.speaking(shop.settings.lang):
        end = max(record.last_day, local_day(now)) + _AFTER_THE_LAST_RUNG
        begins = _in_force_since(record)
        begin = date.min if begins is None else shop.calendar().next_working(begins)
        days = {max(one.nominal, begin) for one in on(end)}
        ends = {
            shop.calendar().next_working(pause.until + timedelta(days=1))
            for pause in (record.promise, record.snooze)
            if pause is not None
        }
        # Asked day by day: who is in office, away or inhibited is judged as of the day on which the rung falls due.
        rows, held = [], set[str]()
        for day in sorted(days | ends):
            for one in on(day):
                after_all = one.state is NoticeState.QUEUED and one.key in held
                if max(one.nominal, begin) == day or after_all:
                    rows.append({"day": day, **_as_dict(one, state)})
                    (held.add if one.may_return else held.discard)(one.key)
        return rows


def _in_force_since(record: TaskRecord) -> date | None:
    """Return the day on which a task got its present deadline."""
    if record.extensions:
        return local_day(record.extensions[-1].decided_at)
    return record.assigned_on


def overtaken(policy: Policy, calendar: Calendar, today: date) -> list[dict[str, Any]]:
    """Return the rungs that never get a day of their own for some last days, because a higher one falls on it.

    Asked for each last day (or day of handing in, or of return) of the 365 days from `today` on.
    """
    found: Counter[tuple[str, str]] = Counter()
    for anchor in (Anchor.DUE, Anchor.FILING, Anchor.SUBMITTED, Anchor.RETURNED):
        rungs = policy.on(anchor)
        for offset in range(365):
            day = today + timedelta(days=offset)
            first = {rung.name: nominal_day(rung.trigger, day, calendar) for _place, rung in rungs}
            for place, rung in rungs:
                higher = [
                    other.name for above, other in rungs if above > place and first[other.name] == first[rung.name]
                ]
                if higher:
                    found[rung.name, higher[-1]] += 1
    return [{"rung": rung, "by": by, "days": days} for (rung, by), days in sorted(found.items())]


#: after the deadline; later than the last rung of any sensible ladder
_AFTER_THE_LAST_RUNG = timedelta(days=120)
