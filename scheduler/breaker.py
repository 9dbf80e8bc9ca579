"""When the mail server as a whole is at fault, and when to knock again.

One recipient refused is about that recipient. Many refused in one round is about us: a relay that was set up wrongly
must not make the addresses of a province dead. Pure; the state is in `planner/store/breaker.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from planner.errors import DeliveryError
from scheduler.channels.replies import Stage, Verdict, classify

WAITS = (1, 2, 5, 10, 15)  #: minutes to the first, second ... probe; then always the last
SHARE = 0.2  #: of a round's answers; what is refused less often is about the recipients
ADDRESSES = 5  #: so many refusals in one round are believed, whatever their share
CUT_OFF = 5  #: connections in turn that the server ended before anything was agreed
ALIKE = 2  #: so many recipients refused in the same words for something else than their address are not


def next_probe(since: datetime, failures: int, now: datetime) -> datetime:
    """Return when one mail may be tried, after so many probes have failed since the breaker opened."""
    minutes = WAITS[min(failures, len(WAITS) - 1)]
    return now + timedelta(minutes=minutes * jitter(f"{since.isoformat()}:{failures}"))


def jitter(of: str) -> float:
    """Return 0.8-1.2, the same for the same text: tries must not all come back in one minute."""
    return 0.8 + 0.4 * sha256(of.encode()).digest()[0] / 255


def is_lasting(error: DeliveryError) -> bool:
    """Say whether a refusal would end the mail or its address, or is somebody's rules: believed only if it is rare."""
    return not error.channel and (error.permanent or is_rules(error))


def is_rules(error: DeliveryError) -> bool:
    """Say whether a refusal names somebody's rules, or nothing at all, instead of the address."""
    if error.channel or error.reply_code is None:
        return False
    stage: Stage = "rcpt" if error.stage == "rcpt" else "data"
    return classify(stage, error.reply_code, f"{error.status} ") is Verdict.RULES


@dataclass(kw_only=True)
class Evidence:
    """What one round has seen of the server's answers about recipients."""

    accepted: int = 0  #: mails that it took
    cut_off: int = 0  #: connections that it ended before anything was agreed, since it last took a mail
    _addresses: set[str] = field(default_factory=set)
    _others: dict[str, str] = field(default_factory=dict)  #: recipient -> words

    def refused(self, recipient: str, error: DeliveryError) -> None:
        """Note a lasting refusal."""
        if error.stage == "rcpt" and not is_rules(error):
            self._addresses.add(recipient)
        else:
            self._others[recipient] = _alike(error)

    def took(self) -> None:
        """Note a mail that the server took."""
        self.accepted += 1
        self.cut_off = 0

    def ended(self, error: DeliveryError) -> bool:
        """Note a failure; say whether the server only ever ends our connections."""
        self.cut_off += error.stage in ("connect", "mail") and error.reply_code in (None, 421)
        return self.cut_off >= CUT_OFF

    def speaks_against_server(self) -> bool:
        """Say whether so much was refused that it is about us."""
        most = self.accepted * SHARE / (1 - SHARE)  # refused / (accepted + refused) > SHARE
        refused = len(self._addresses | self._others.keys())
        alike = max(Counter(self._others.values()).values(), default=0)
        return (refused > ADDRESSES and refused > most) or (alike >= ALIKE and alike > most)


def _alike(error: DeliveryError) -> str:
    """Return a refusal without what differs from mail to mail: names, numbers."""
    words = [word for word in error.message.split() if not re.search(r"\d|…|@", word)]
    return f"{error.stage} {error.reply_code} {error.status} {' '.join(words)}"
