"""How wide a text is when it is drawn, so that labels never run into each other on a machine whose fonts are unknown.

Knows no drawing. Widths are those of Arial, which Helvetica and Liberation Sans share; a letter that is not listed
counts as wide. Source: advance widths of Liberation Sans, in thousandths of the letter height.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"
_ELLIPSIS = "…"
_UNKNOWN = 1000

_REGULAR = {
    191: "'",
    222: "ijl’‘",
    260: "|",
    278: " !,./:;I[\\]ft",
    333: "()-`r“”·",
    334: "{}",
    355: '"',
    389: "*",
    400: "°",
    469: "^",
    500: "Jcksvxyz",
    556: "#$0123456789?L_abdeghnopquđ–§",
    584: "+<=>~",
    611: "FTZ",
    656: "ơ",
    667: "&ABEKPSVXY",
    669: "ư",
    722: "CDHNRUwĐ",
    778: "GOQ",
    833: "Mm",
    854: "Ư",
    857: "Ơ",
    889: "%",
    944: "W",
    1000: "…—",
    1015: "@",
}
_BOLD = {
    238: "'",
    278: " ,./I\\ijl’‘",
    280: "|",
    333: "!()-:;[]`ft·",
    389: "*r{}",
    400: "°",
    474: '"',
    500: "z“”",
    556: "#$0123456789J_aceksvxy–§",
    584: "+<=>^~",
    611: "?FLTZbdghnopquđ",
    667: "EPSVXY",
    711: "ơ",
    722: "&ABCDHKNRUĐ",
    724: "ư",
    778: "GOQw",
    830: "Ư",
    833: "M",
    853: "Ơ",
    889: "%m",
    944: "W",
    975: "@",
    1000: "…—",
}


def _table(widths: dict[int, str]) -> dict[str, int]:
    return {letter: width for width, letters in widths.items() for letter in letters}


_WIDTHS = {False: _table(_REGULAR), True: _table(_BOLD)}


@lru_cache(maxsize=4096)
def _advance(letter: str, bold: bool) -> int:
    table = _WIDTHS[bold]
    if letter in table:
        return table[letter]
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Cf", "Mn"):
        return 0
    parts = unicodedata.normalize("NFD", letter)  # ậ is as wide as a; ợ is as wide as ơ
    base = unicodedata.normalize("NFC", parts[:2]) if parts[1:2] == "\u031b" else parts[0]
    return table.get(base, _UNKNOWN)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of one line in the units of `size`."""
    return sum(_advance(letter, bold) for letter in unicodedata.normalize("NFC", text)) * size / 1000


def one_line(text: str) -> str:
    """Return the text on one line, composed, without what cannot be printed or may not stand in XML."""
    kept = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter
        for letter in unicodedata.normalize("NFC", text)
        if unicodedata.category(letter) not in ("Cs", "Cn") and not _turns_the_line(letter)
    )
    return " ".join(kept.split())


def _turns_the_line(letter: str) -> bool:
    # Marks that reverse the direction of what follows could make a label say something else.
    return letter in "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def shorten(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Return the text, or as many of its first letters as fit into `room` with an ellipsis; "" where nothing fits."""
    if text_width(text, size, bold=bold) <= room:
        return text
    room -= text_width(_ELLIPSIS, size, bold=bold)
    if room < 0:
        return ""
    used, kept = 0.0, 0
    for letter in text:
        used += _advance(letter, bold) * size / 1000
        if used > room:
            break
        kept += 1
    start = text[:kept]
    word = start.rsplit(" ", 1)[0] if " " in start[kept // 2 :] else start  # better a whole word than a torn one
    return word.rstrip(" ,.;:-–") + _ELLIPSIS
