"""What a mail server's refusal means: try again, the address is dead, it is against the rules, or it will not have us.

One table, read from the top; knows no connection and no ledger.
Source: RFC 5321 section 4.2 (replies), RFC 3463 (enhanced codes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Literal

Stage = Literal["connect", "mail", "rcpt", "data"]


class Verdict(Enum):
    """What a server's refusal means for the mail."""

    RETRY = "retry"  #: this mail again, later
    DEAD = "dead"  #: the address itself was refused
    CHANNEL = "channel"  #: the server refuses us, not this recipient
    RULES = "rules"  #: refused by somebody's rules: about this mail when it is one, about us when it is many


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One line of the table of replies; what is left empty matches anything."""

    why: str
    verdict: Verdict
    stages: tuple[Stage, ...] = ()
    codes: tuple[int, ...] = ()
    enhanced: tuple[str, ...] = ()  #: beginnings of the enhanced status, "5.7."


RULES: tuple[Rule, ...] = (
    Rule(why="the server is closing or busy", codes=(421,), verdict=Verdict.RETRY),
    Rule(why="nobody has been named yet: it is about us", stages=("connect",), verdict=Verdict.CHANNEL),
    Rule(why="we must log in first, or may not", codes=(530, 534, 535, 538), verdict=Verdict.CHANNEL),
    Rule(why="for now: greylisting, a busy mailbox, no space", codes=tuple(range(400, 500)), verdict=Verdict.RETRY),
    Rule(why="the sender's address is refused", enhanced=("5.1.7", "5.1.8"), verdict=Verdict.CHANNEL),
    Rule(why="a full mailbox is emptied some day", enhanced=("5.2.2",), verdict=Verdict.RETRY),
    Rule(why="no space, or too much for it", codes=(552,), verdict=Verdict.RETRY),
    Rule(why="at MAIL only the sender has been named", stages=("mail",), verdict=Verdict.CHANNEL),
    Rule(why="somebody's security rules", enhanced=("5.7.",), verdict=Verdict.RULES),
    Rule(why="no such mailbox, or a closed one", enhanced=("5.1.", "5.2.1"), verdict=Verdict.DEAD),
    Rule(why="trouble of the server or on the way to it", enhanced=("5.3.", "5.4."), verdict=Verdict.RETRY),
    Rule(why="the address is refused", codes=(550, 551, 553), verdict=Verdict.DEAD),
    Rule(why="refused, and not said why", codes=(554,), verdict=Verdict.RULES),
)


_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")


def status_of(text: str) -> str:
    """Return the enhanced status with which a server's words begin, "5.1.1"; "" without one."""
    found = _ENHANCED.match(text)
    return found.group(1) if found else ""


def is_no_mailbox(status: str) -> bool:
    """Say whether an enhanced status means: there is no such mailbox, or it is closed for good."""
    return _begins(status, ("5.1.", "5.2.1")) and status not in ("5.1.7", "5.1.8")


def is_greylisting(stage: str, code: int | None) -> bool:
    """Say whether a refusal may be greylisting, which knows us again after some minutes."""
    return stage == "rcpt" and code in (450, 451, 452)


def is_full(status: str, code: int | None) -> bool:
    """Say whether a refusal means: the mailbox has no room."""
    return status in ("4.2.2", "5.2.2") or (code == 552 and not status)


def classify(stage: Stage, code: int, text: str) -> Verdict:
    """Return what the reply `code` with the words `text` means at `stage`; the first rule that fits decides.

    What no rule knows is tried again: giving up on an address because of an unknown reply would silence a person.
    """
    enhanced = status_of(text)
    for rule in RULES:
        if (
            (not rule.stages or stage in rule.stages)
            and (not rule.codes or code in rule.codes)
            and (not rule.enhanced or _begins(enhanced, rule.enhanced))
        ):
            return rule.verdict
    return Verdict.RETRY


def _begins(enhanced: str, beginnings: tuple[str, ...]) -> bool:
    return any(enhanced == b or (b.endswith(".") and enhanced.startswith(b)) for b in beginnings)
