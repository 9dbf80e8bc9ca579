"""Named places in the program at which the tests of reliability kill it, freeze it, or take something away from it.

In service nothing is hooked in: a place costs one comparison, and no setting, variable or file can change that. The
names are those of docs/reliability.md; `python -m tests.faults` hooks itself in.
"""

from __future__ import annotations

from collections.abc import Callable

#: name -> what has just happened; in the order in which a round comes by
POINTS: dict[str, str] = {
    "round begun": "a round begins; nothing has been read",
    "address died": "inside the transaction: an address is entered as dead",
    "bounce entered": "inside the transaction: a returned mail is taken back",
    "bounce committed": "the database has what a report says; its file still lies among the new ones",
    "picture read": "the open work has been read",
    "judged": "what must be told is known, in memory only",
    "ledger settled": "inside the transaction: what no longer holds is settled",
    "notices entered": "inside the transaction: the ledger has the new notices",
    "notices committed": "the ledger is committed",
    "queue read": "what waits for a mail has been read",
    "mails composed": "bytes exist, in memory only",
    "mail stored": "inside the transaction: a mail and its notices are stored",
    "mails committed": "a batch of mails is committed",
    "leases reaped": "inside the transaction: what dead workers held is free again",
    "mails claimed": "inside the transaction: mails are held",
    "claim committed": "mails are held with a lease",
    "before MAIL": "a connection is ready",
    "after MAIL": "the server knows the sender",
    "after RCPT": "the server knows the recipient",
    "sending marked": "inside the transaction: the ledger says that the message begins",
    "sending committed": "that is committed; the message has not begun",
    "go-ahead given": "the server has answered 354",
    "message written": "the message and its dot are written to the connection",
    "accepted": "the server has answered 250; the ledger does not know yet",
    "settled": "inside the transaction: the outcome of a try is entered",
    "settle committed": "the outcome is committed",
    "mails delivered": "nothing is left to send",
    "tick recorded": "inside the transaction: the round has left its mark",
    "round ended": "the mark is committed",
    "events appended": "inside the transaction: the event log has the event, the tables do not",
    "change committed": "what a command changed is committed; nobody has been told so yet",
}

#: what the tests hook in; nothing else ever sets it
hook: Callable[[str], None] | None = None


def reach(name: str) -> None:
    """Say that the program has come to a place."""
    if hook is not None:
        hook(name)
