"""What the tests with a real Postfix do again and again: give people work that is late, do a round, compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from planner.domain.notification import MailState
from planner.store import registers
from planner.store.engine import reading
from scheduler.cli import email_channel
from scheduler.jobs import Round, run_round
from tests.fakes import Province, at, mailbox, planned
from tests.mta.postfix import Mta, Postfix

NOW = at("2020-05-18")
AN, FOCAL, HEAD = mailbox("snv"), mailbox("snv", "focal"), mailbox("snv", "head")


def tick(province: Province, now: datetime, stop: Callable[[], bool] | None = None) -> Round:
    """Do one round as `planner scheduler tick` does it: through the channel that the settings ask for."""
    return run_round(province.shop, now, email_channel(province.shop.settings), stop)


def one_late_task(province: Province) -> None:
    """Let one task of the member of snv be one working day late at NOW: its mails go to member and head."""
    province.file("snv", planned("I.1", "2020-05-15"))


def many_late_tasks(province: Province, people: int = 40) -> None:
    """Let a task of each of so many people of snv be late at NOW; their head is told of all in one mail."""
    province.file(
        "snv", *(planned(f"I.{n + 1}", "2020-05-15", responsible=mailbox("snv", f"m{n}")) for n in range(people))
    )


def arrived_once(province: Province, destination: Postfix) -> int:
    """See that what the ledger calls sent lies in the mailboxes, each mail once, and nothing else; return how many.

    Compared are addresses and Message-IDs.
    """
    sent = [
        (to, name)
        for to, name, state in province.mails("recipient", "message_id", "state")
        if state == MailState.SENT.value
    ]
    found = [
        (to, str(one["Message-ID"])) for to in sorted(set(destination.recipients())) for one in destination.mails(to)
    ]
    missing, extra = Counter(sent) - Counter(found), Counter(found) - Counter(sent)
    assert not missing, missing
    assert not extra, extra
    return len(sent)


def taken_once(province: Province, mta: Mta) -> int:
    """See that the relay took what the ledger calls sent, each mail once, and that all of it arrived; return how many.

    A relay that is cut off in the middle of passing a message on passes it on again, as RFC 5321 asks: what arrives
    twice must be such a message, which the relay had taken once.
    """
    sent = Counter(name for name, state in province.mails("message_id", "state") if state == MailState.SENT.value)
    assert max(sent.values()) == 1
    assert mta.relay.accepted() == sent
    arrived = mta.destination.message_ids()
    assert arrived.keys() == sent.keys()
    assert arrived == mta.destination.accepted()
    return len(sent)


def states(province: Province) -> dict[str, str]:
    """Return the state of the last mail to each person."""
    return dict(province.mails("recipient", "state"))


def dead(province: Province) -> list[str]:
    """Return the addresses that are dead."""
    with reading(province.engine) as session:
        return sorted(registers.dead_addresses(session))
