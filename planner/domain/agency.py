"""Agencies and the people in them, each valid for a span of days.

Knows no database. Names are compared after Unicode NFC and with both placements of the tone mark (Hoá = Hóa), never
without tone marks: Hoằng Quý is not Hoằng Quỳ. Source: domain notes, section 5 (seven such pairs in one province).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from planner.i18n import N_


class Tier(StrEnum):
    """The level of an agency; `label` is a message id, in the plural form used by reports."""

    DEPARTMENT = "department"
    DISTRICT = "district"
    COMMUNE = "commune"

    @property
    def label(self) -> str:
        """Return the message id of the tier's name."""
        return _TIER_LABELS[self]


_TIER_LABELS = {
    Tier.DEPARTMENT: N_("Provincial departments and agencies"),
    Tier.DISTRICT: N_("District people's committees"),
    Tier.COMMUNE: N_("Commune people's committees"),
}


class OfficerRole(StrEnum):
    """What a person is in the agency, as far as reminders go."""

    HEAD = "head"  #: answers for the agency
    FOCAL = "focal"  #: files the plan and is the department's contact
    MEMBER = "member"

    @property
    def label(self) -> str:
        """Return the message id of the role's name."""
        return _ROLE_LABELS[self]


_ROLE_LABELS = {
    OfficerRole.HEAD: N_("head"),
    OfficerRole.FOCAL: N_("focal officer"),
    OfficerRole.MEMBER: N_("member"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Agency:
    """One agency between two days."""

    code: str  #: own slug, stable: "h-yen-dinh.x-yen-lam"
    name: str  #: as it is addressed: "UBND huyện Yên Định"
    tier: Tier
    parent: str | None = None  #: code of the agency that stands over it
    valid_from: date | None = None  #: first day; None: since before the register began
    valid_to: date | None = None  #: last day, inclusive; None: still there

    def is_valid_on(self, day: date) -> bool:
        """Say whether the agency exists on `day`."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, kw_only=True, slots=True)
class Succession:
    """One agency takes over from another, wholly or in part."""

    from_code: str
    to_code: str
    on: date  #: first day of the successor
    extent: str = "whole"  #: "whole" or "partial"; a partial one needs a person's decision
    legal_basis: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Officer:
    """A person with a post and a mailbox."""

    email: str  #: lower case, ASCII
    name: str
    title: str  #: chức vụ: "Giám đốc"
    agency: str  #: agency code
    role: OfficerRole = OfficerRole.MEMBER
    substitute: str | None = None  #: e-mail of who stands in
    valid_from: date | None = None
    valid_to: date | None = None  #: last day, inclusive

    def is_valid_on(self, day: date) -> bool:
        """Say whether the person holds the post on `day`."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, kw_only=True, slots=True)
class Absence:
    """A person is away between two days, both inclusive."""

    officer: str  #: e-mail
    first_day: date
    last_day: date
    substitute: str | None = None  #: e-mail; None: the officer's own substitute
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadAddress:
    """Mail to an officer does not arrive: reminders pass this person over until somebody sees to the address."""

    email: str
    since: datetime  #: UTC; when it became known
    status: str = ""  #: the code of the refusal, "5.1.1"; "" when the server gave none
    detail: str = ""  #: why, and the server's words; no addresses in it


_TONES = "\u0300\u0301\u0303\u0309\u0323"


def name_key(text: str) -> str:
    """Return the key under which names are compared: NFC, lower case, single spaces, tone marks at the syllable's end.

    Moving each tone mark behind its syllable makes "Hoá" and "Hóa" one key while "Quý" and "Quỳ" stay two.
    """
    words = []
    for word in unicodedata.normalize("NFD", text.casefold()).split():
        tones = "".join(c for c in word if c in _TONES)
        words.append(unicodedata.normalize("NFC", "".join(c for c in word if c not in _TONES)) + tones)
    return " ".join(words)
