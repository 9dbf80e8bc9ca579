"""Recognises Vietnamese typed in the fonts of the time before Unicode: TCVN3 (ABC, .VnTime) and VNI (VNI-Times).

Such text looks right in its font and is other letters to every program: "Së Th«ng tin", "Sôû Thoâng tin". It is told
and not converted: which code it is cannot be known for sure from a few words. Source: TCVN 5712:1993 and the VNI
tables, each as Windows code page 1252 shows them.
"""

from __future__ import annotations

import re

from planner.i18n import gettext as _

# Letters that only Unicode Vietnamese has: who typed them did not use an old font.
_UNICODE = re.compile(r"[\u1ea0-\u1ef9ưƯơƠđĐăĂ]")
_SIGNS = "µ¸¶·¹¨¾¼½©ª¬­¡¢£¤¥¦§®×Ø÷"  # letters of TCVN3 that are signs in code page 1252
_LAST = "µ¸¶·¹ª¬"  # those of them that end a word
_TCVN3 = re.compile(
    rf"[A-Za-z][{_SIGNS}«»][a-z]"  # Th«ng, thµnh, Yªn
    rf"|[a-z][{_LAST}](?![^\W_])"  # vµ
    rf"|(?<![^\W_])[®§][a-zÞÐÑÒÖ×¸¶·¹]"  # §Þnh, ®Õn
    r"|[a-z][ÆÇÈÉÊËÌÎÏÐÑÒÓÔÕÖÞß]"  # nhiÖm, TruyÒn
    r"|[a-z][ëåäæçîïñöøûüþß](?![^\W_])",  # Së, chñ
)
_VNI = re.compile(
    r"a[ùøûõïêéèúüëâáàåãä]|e[ùøûõïâáàåãä]|o[ùøûõïâåä]|ô[ùøûõï]|ö[ùøûõï]|y[ùøûõ]|u[ùøûõï]|ñ[aeioöôu]|ö(?=[ngcimtpu])"
)
_WORD = re.compile(r"[^\W\d_]*[^\s\d.,;:!?()/\"'-]+")
_LONGEST = 4000  # characters looked at; a text in an old font shows it in its first line


def legacy_code(text: str) -> str | None:
    """Return "TCVN3" or "VNI" if a text is surely typed in such a font, else None.

    At least two words must show it and no letter may be one that only Unicode has, so that a foreign name or a sign
    beside a word does not make an old text of a new one.
    """
    text = text[:_LONGEST]
    if text.isascii() or _UNICODE.search(text):
        return None
    words = set(_WORD.findall(text))
    if sum(1 for word in words if _VNI.search(word.lower())) >= 2 and not any(sign in text for sign in _SIGNS):
        return "VNI"
    return "TCVN3" if sum(1 for word in words if _TCVN3.search(word)) >= 2 else None


def advice(code: str, found: str) -> str:
    """Return the message for a text in an old code: what it is and how it becomes Unicode."""
    message = _(
        'The text "{found}" is typed in the old code {code}, not in Unicode. Convert the file with UniKey Toolkit '
        "(source: {source}, destination: Unicode) and choose a Unicode font such as Times New Roman."
    )
    return message.format(found=found, code=code, source={"TCVN3": "TCVN3 (ABC)", "VNI": "VNI Windows"}[code])
