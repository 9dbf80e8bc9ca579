"""A line a working day to the person who looks after the engine: what it did since the last one, and what is wrong.

It goes through the same outbox as every mail, so it comes late or not at all when the engine does; that is its use.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from html import escape
from typing import Any

from planner import i18n
from planner.i18n import gettext as _
from planner.store import audits, holds, ledger_view, outbox, registers, ticks
from planner.store.engine import Session, reading, writing
from planner.templating import vi_date, vi_instant
from scheduler import message
from scheduler.shop import Shop, local_day

KIND = "operator"
_FIRST = timedelta(days=1)  # what the first line of all looks back on
_FAULTS = ("missing", "leases", "overdue", "unmailed", "silent", "on_hold")


def write(shop: Shop, now: datetime) -> bool:
    """Put the day's line into the outbox; False when nobody wants one, or today's is there already."""
    to, today = shop.settings.operator, local_day(now)
    if to is None or not shop.calendar().is_working(today):
        return False
    key = outbox.mail_key(KIND, to, today, [])
    with reading(shop.engine) as session:
        if outbox.is_stored(session, key):
            return False
        with i18n.speaking(shop.settings.lang):
            written = _message(_figures(session, now), now)
    message_id = message.message_id(key, shop.settings.mail_from.rpartition("@")[2])
    mail = outbox.NewMail(
        kind=KIND,
        recipient=to,
        day=today,
        key=key,
        subject=written.subject,
        message_id=message_id,
        body=message.assemble(
            written,
            sender=shop.settings.mail_from,
            sender_name=shop.settings.mail_from_name,
            to=to,
            to_name="",
            message_id=message_id,
            date=now,
        ),
    )
    with writing(shop.engine) as session:
        return outbox.save_mail(session, mail, [], now)


def _figures(session: Session, now: datetime) -> dict[str, Any]:
    """Return what is told, in the order in which it is."""
    since = outbox.last_of_kind(session, KIND) or now - _FIRST
    rounds, looks = ticks.ticks_since(session, since), audits.since(session, since)
    totals = sum((Counter(counts) for counts in rounds), Counter[str]())
    mails = ledger_view.mail_counts(session)
    return {
        "since": since,
        "rounds": len(rounds),
        "queued": totals["queued"],
        "sent": totals["sent"],
        "retry": totals["retry"],
        "failed": totals["failed"],
        "audits": len(looks),
        "faulty": sum(not look.ok for look in looks),
        "missing": sum(int(look.counts.get("missing", 0)) for look in looks),
        "faults": sorted({name for look in looks for name in _FAULTS if look.counts.get(name)}),
        "unknown": mails.get("unknown", 0),
        "dead": mails.get("dead", 0),
        "addresses": len(registers.dead_addresses(session)),
        "unaddressed": audits.unaddressed(session),
        "on_hold": holds.standing(session) is not None,
    }


def _message(f: dict[str, Any], now: datetime) -> message.Message:
    wrong = [
        text.format(n=f[name])
        for name, text in (
            ("faulty", _("audits that found something: {n}")),
            ("missing", _("notices that had been missing: {n}")),
            ("failed", _("mails refused: {n}")),
            ("unknown", _("mails of unknown fate: {n}")),
            ("addresses", _("dead addresses: {n}")),
            ("unaddressed", _("notices for nobody: {n}")),
        )
        if f[name]
    ]
    lines = [
        _(
            "Since {instant}: rounds {rounds}, notices queued {queued}, mails sent {sent}, to be tried again {retry}."
        ).format(**{**f, "instant": vi_instant(f["since"])}),
        _("Audits {audits}, of which found something {faulty}.").format(**f),
        _("Attention: {list}.").format(list="; ".join(wrong)) if wrong else _("Nothing is wrong."),
        _("More: planner doctor. This mail comes on every working day; if it does not, the engine stands still."),
    ]
    day = vi_date(local_day(now))
    subject = _("[planner] {day}: all is well, mails sent: {sent}") if not wrong else _("[planner] {day}: {wrong}")
    html = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return message.Message(
        subject=subject.format(day=day, sent=f["sent"], wrong="; ".join(wrong)),
        text="\n\n".join(lines) + "\n",
        html=f'<!DOCTYPE html><html lang="{i18n.language()}"><body>{html}</body></html>\n',
    )
