"""What the tests with a real Postfix do again and again: give people work that is late, do a round, compare."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from planner.domain.notification import MailState
from planner.store import registers
from planner.store.engine import reading
from scheduler.cli import email_channel
from scheduler.jobs import Round, run_round
from tests.fakes import Province, at, mailbox, planned
from tests.mta.postfix import Postfix

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
    assert sorted(found) == sorted(sent)
    return len(sent)


def states(province: Province) -> dict[str, str]:
    """Return the state of the last mail to each person."""
    return dict(province.mails("recipient", "state"))


def dead(province: Province) -> list[str]:
    """Return the addresses that are dead."""
    with reading(province.engine) as session:
        return sorted(registers.dead_addresses(session))
