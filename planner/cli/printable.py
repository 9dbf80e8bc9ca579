"""Makes any text fit to be printed: what a file, its name or its sheets bring along must not steer the terminal.

Knows no table and no colour. Escape sequences, bells and reversed writing become "?", and so do the bytes of a file
name that are no text, which could not be written at all.
"""

from __future__ import annotations

import re

# Control characters but line feed and tab; marks that reverse the direction of writing; surrogates.
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Return `text` with "?" for every character that steers the terminal or cannot be written."""
    return _STEERING.sub("?", text)
