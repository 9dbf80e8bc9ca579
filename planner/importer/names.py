"""Which agencies a cell means: several in one cell, names that hold commas, and groups such as "các sở, ban, ngành".

Names are compared by `agency_key`, never without their tone marks. Where a name stays open, that is said, not guessed.
Source: domain notes, sections 3 and 5.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from planner.domain.agency import Agency, Tier, name_key

_PUNCTUATION = re.compile(r"[^\w\s]|_")
_LONG_FORMS = {name_key("ủy ban nhân dân"): "ubnd", name_key("hội đồng nhân dân"): name_key("hđnd")}
_CODE_SEPARATOR = re.compile(r"[,;\n&]|\s+(?:và|and)\s+", re.IGNORECASE)
_SEPARATOR = re.compile(r"[,;/\n&]|\s+(?:và|cùng|với)\s+", re.IGNORECASE)
_MOST_NAMES = 60  # in one cell
_MARKS = " \t.-–+•*"
_LONGEST_NAME = 6  # "các sở, ban, ngành, đơn vị cấp tỉnh" falls into four pieces; six leaves room


@lru_cache(maxsize=16384)
def agency_key(text: str) -> str:
    """Return the key of a name or heading: `name_key` without punctuation, with UBND for its long form."""
    key = name_key(_PUNCTUATION.sub(" ", unicodedata.normalize("NFC", text)))
    for long_form, short in _LONG_FORMS.items():
        if long_form in key:
            key = key.replace(long_form, short)
    return key


_GROUPS: Mapping[str, tuple[Tier, ...]] = {
    agency_key(name): tiers
    for tiers, names in (
        (
            (Tier.DEPARTMENT,),
            (
                "các sở",
                "các sở, ngành",
                "các sở, ban, ngành",
                "các sở, ban, ngành cấp tỉnh",
                "các sở, ban, ngành, đơn vị cấp tỉnh",
                "các cơ quan cấp tỉnh",
            ),
        ),
        (
            (Tier.DISTRICT,),
            (
                "các huyện, thị xã, thành phố",
                "các huyện, thị, thành phố",
                "UBND các huyện",
                "UBND các huyện, thị, thành phố",
                "UBND các huyện, thị xã, thành phố",
                "UBND cấp huyện",
            ),
        ),
        (
            (Tier.COMMUNE,),
            ("các xã, phường, thị trấn", "UBND các xã", "UBND các xã, phường, thị trấn", "UBND cấp xã"),
        ),
    )
    for name in names
}
_OPEN_GROUPS = frozenset(
    agency_key(f"{first}{relation}")
    for first in (
        "các cơ quan",
        "các đơn vị",
        "các ngành",
        "các địa phương",
        "các cơ quan, đơn vị",
        "các sở, ngành",
        "các sở, ban, ngành",
        "các cơ quan, đơn vị, địa phương",
        "các sở, ban, ngành, đơn vị",
        "các sở, ban, ngành, địa phương",
        "các cơ quan, tổ chức",
    )
    for relation in ("", " liên quan", " có liên quan")
    if agency_key(f"{first}{relation}") not in _GROUPS
)


_AND = f" {name_key('và')} "


def index_by_name(agencies: Mapping[str, Agency]) -> Mapping[str, tuple[Agency, ...]]:
    """Return every agency under the keys of its name, "UBND huyện Yên Định" also without its "UBND"."""
    index: dict[str, tuple[Agency, ...]] = {}
    for agency in agencies.values():
        key = agency_key(agency.name)
        for name in {key, key.removeprefix("ubnd ")}:
            index[name] = (*index.get(name, ()), agency)
    return index


@dataclass(frozen=True, slots=True)
class Matched:
    """What the text of one cell names."""

    codes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()  #: texts that name nothing in the register
    open_groups: tuple[str, ...] = ()  #: "các đơn vị liên quan": names nobody in particular
    shared: tuple[tuple[str, tuple[str, ...]], ...] = ()  #: a name of several agencies, with their codes
    gone: tuple[str, ...] = ()  #: codes of agencies that do not exist on the day


def split_names(text: str) -> list[str]:
    """Return the pieces between commas, semicolons, line breaks and "và", without list marks."""
    return [text[start:end] for start, end in _pieces(text)]


def split_codes(text: str) -> list[str]:
    """Return the task numbers between separators; a slash belongs to a number ("assigned/stttt:3.3.7")."""
    pieces = _pieces(text, _CODE_SEPARATOR)
    return [text[start:end] for start, end in pieces] if len(pieces) <= _MOST_NAMES else [text]


def _pieces(text: str, separator: re.Pattern[str] = _SEPARATOR) -> list[tuple[int, int]]:
    """Return where each piece begins and ends in `text`."""
    found = []
    start = 0
    for gap in (*separator.finditer(text), None):
        end = gap.start() if gap else len(text)
        piece = text[start:end]
        left = start + len(piece) - len(piece.lstrip(_MARKS))
        right = start + len(piece.rstrip(_MARKS))
        if left < right:
            found.append((left, right))
        start = gap.end() if gap else end
    return found


def match_agencies(
    text: str,
    agencies: Mapping[str, Agency],
    by_name: Mapping[str, tuple[Agency, ...]],
    *,
    day: date,
    home: Agency | None = None,
) -> Matched:
    """Return the agencies that `text` names, the longest names first ("Sở Văn hóa, Thể thao và Du lịch" is one).

    Args:
        text: one cell: codes or names between separators.
        agencies: the register by code.
        by_name: the register by `agency_key`.
        day: the day on which the agencies must exist.
        home: the agency of the plan; of several agencies of one name the one nearest to it is meant.
    """
    pieces = _pieces(text)
    if len(pieces) > _MOST_NAMES:  # no list of agencies; groups have names of their own
        return Matched(unknown=(text,))
    codes: list[str] = []
    unknown: list[str] = []
    open_groups: list[str] = []
    shared: list[tuple[str, tuple[str, ...]]] = []
    gone: list[str] = []
    at = 0
    while at < len(pieces):
        for length in range(min(_LONGEST_NAME, len(pieces) - at), 0, -1):
            name = text[pieces[at][0] : pieces[at + length - 1][1]]
            key = agency_key(name)
            group = key.replace(_AND, " ")
            if length == 1 and name.casefold() in agencies:
                found: tuple[Agency, ...] = (agencies[name.casefold()],)
            elif group in _GROUPS:
                codes += [a.code for a in agencies.values() if a.tier in _GROUPS[group] and a.is_valid_on(day)]
                break
            elif group in _OPEN_GROUPS:
                open_groups.append(name)
                break
            else:
                found = by_name.get(key, ())
            if not found:
                continue
            valid = [agency for agency in found if agency.is_valid_on(day)]
            near = [a for a in valid if home and a.parent and a.parent in (home.code, home.parent)]
            if not valid:
                gone.append(found[0].code)
            elif len(valid) == 1 or len(near) == 1:
                codes.append((valid if len(valid) == 1 else near)[0].code)
            else:
                shared.append((name, tuple(agency.code for agency in valid)))
            break
        else:
            length = 1
            unknown.append(text[slice(*pieces[at])])
        at += length
    return Matched(tuple(dict.fromkeys(codes)), tuple(unknown), tuple(open_groups), tuple(shared), tuple(gone))
