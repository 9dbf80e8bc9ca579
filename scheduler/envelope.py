"""The signed address to which a mail that cannot be delivered comes back: it says which mail, and cannot be made up.

"nhac-viec+41.5mk.0123456789abcdef@example.vn": the sender's mailbox, the mail's number, the last day on which a report
counts, and a keyed hash over both. Knows no database and no report. Source: RFC 5321 section 4.5.3.1.1 (a local part
has at most 64 octets), RFC 5233 (the part after "+" leads to the same mailbox), RFC 2104 (HMAC).
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from planner.i18n import gettext as _

#: Servers try for five days (RFC 5321 4.5.4.1), a relay and the server behind it one after the other; then some days
#: for somebody to see to a folder that nobody reads.
VALID = timedelta(days=14)
_SIGNED = 16  #: hexadecimal digits of the hash that are kept: 64 bits
_EPOCH = date(1970, 1, 1)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TOKEN = re.compile(rf"[^@]{{1,64}}\+([0-9a-z]{{1,13}})\.([0-9a-z]{{1,5}})\.([0-9a-f]{{{_SIGNED}}})@[^@]+")


def signed(mail_from: str, mail_id: int, now: datetime, key: bytes) -> str:
    """Return the envelope sender of a mail that is sent at `now`; lower case in what is added."""
    local, _at, domain = mail_from.rpartition("@")
    number, last = _written(mail_id), _written((_day(now) + VALID - _EPOCH).days)
    return f"{local}+{number}.{last}.{_hash(number, last, key)}@{domain}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """What a signed address says."""

    mail_id: int | None  #: None: it is not ours, or not any more
    reason: str = ""  #: why it is not


def opened(address: str, now: datetime, key: bytes) -> Opened | None:
    """Return what an address says; None when it does not look like a signed one."""
    found = _TOKEN.fullmatch(address.lower())
    if found is None:
        return None
    number, last, given = found.groups()
    if not hmac.compare_digest(given, _hash(number, last, key)):
        return Opened(mail_id=None, reason=_("The signature of the address is wrong: it was not made here."))
    if (_day(now) - _EPOCH).days > int(last, 36):
        return Opened(mail_id=None, reason=_("The report came too late: its address is no longer valid."))
    return Opened(mail_id=int(number, 36))


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()


def _hash(number: str, last: str, key: bytes) -> str:
    return hmac.new(key, f"planner bounce\n{number}.{last}".encode(), sha256).hexdigest()[:_SIGNED]


def _written(number: int) -> str:
    """Write a number with the digits and small letters, as `int(text, 36)` reads it."""
    text = ""
    while number or not text:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text
