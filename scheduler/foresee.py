"""What the engine would do: this very moment, day by day over a span, or for one task. Leaves no trace.

Nothing is assumed but what is known now: nobody reports anything meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from planner import i18n
from planner.config import ZONE
from planner.domain.notification import Notice, NoticeState
from planner.domain.plan import State
from planner.errors import NotFound
from planner.i18n import gettext as _
from planner.store import outbox
from planner.store.engine import reading
from scheduler.due import Judge
from scheduler.jobs import Facts
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
    """Return the mails that a round at `now` would send, and what it would hold back, with the reasons."""
    with reading(shop.engine) as session:
        picture = shop.picture(session, now)
        ledger = outbox.states_by_key(session)
        digests = outbox.digests_of(session, local_day(now))
        told = outbox.times_told(session, picture.state.tasks.keys())
    with i18n.speaking(shop.settings.lang):
        notices = shop.judge(picture, now)
        facts = Facts(shop, picture, local_day(now), told)
        waiting = [
            one
            for one in notices
            if one.state is NoticeState.QUEUED and ledger.get(one.key, NoticeState.QUEUED) is NoticeState.QUEUED
        ]
        messages = []
        for recipient, group in groupby(sorted(waiting, key=lambda n: n.recipient), key=lambda n: n.recipient):
            mine = list(group)
            if digests.get(recipient, (0, False))[1]:
                mine = [one for one in mine if one.urgent]
            if mine:
                messages.append(
                    {
                        "recipient": recipient or None,
                        "subject": facts.subject(recipient, mine, now) if recipient else None,
                        "notices": [_as_dict(one, picture.state) for one in mine],
                    }
                )
    held = [
        _as_dict(one, picture.state) for one in notices if one.state is not NoticeState.QUEUED and one.key not in ledger
    ]
    return {"now": now, "may_send": shop.may_send(now), "messages": messages, "held_back": held}


def simulate(shop: Shop, first: date, last: date) -> list[dict[str, Any]]:
    """Return the mails that the policy would send on each working day from `first` to `last`."""
    opens = shop.policy.sending.opens
    with reading(shop.engine) as session:
        start = datetime.combine(first, time(), ZONE)
        picture = shop.picture(session, start)
        told = {key for key, state in outbox.states_by_key(session).items() if state is not NoticeState.QUEUED}
    days = []
    for offset in range((last - first).days + 1):
        now = datetime.combine(first + timedelta(days=offset), opens, ZONE)
        if not shop.may_send(now):
            continue
        with i18n.speaking(shop.settings.lang):
            notices = [one for one in shop.judge(shop.picture_of(picture.state, now), now) if one.key not in told]
        told.update(one.key for one in notices)
        sent = [one for one in notices if one.state is NoticeState.QUEUED]
        if sent:
            days.append({"date": now.date(), "mails": _mails(sent, picture.state)})
    return days


def _mails(notices: Iterable[Notice], state: State) -> list[dict[str, Any]]:
    ordered = sorted(notices, key=lambda one: one.recipient)
    return [
        {"recipient": recipient or None, "notices": [_as_dict(one, state) for one in group]}
        for recipient, group in groupby(ordered, key=lambda one: one.recipient)
    ]


def route(shop: Shop, task: str, now: datetime) -> list[dict[str, Any]]:
    """Return who would be told of a task at each rung if nothing more were reported.

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
    # The persons are those of today; the day asked about lies after the last rung of any sensible ladder.
    later = datetime.combine(max(record.last_day, local_day(now)) + timedelta(days=120), time(12), ZONE)
    with i18n.speaking(shop.settings.lang):
        judge = Judge(state, shop.policy, shop.calendar(), later, department=shop.settings.department)
        return [_as_dict(one, state) for one in judge.of(record.key)]
