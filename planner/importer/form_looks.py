"""How the blank form looks: the house style of plans, Times New Roman, thin borders, bold heads.

Cells that a reader must find as they were typed are text. Source: the layout of the sample's plans.
"""

from __future__ import annotations

from typing import Any

LINE = 17.0  #: points
FONT = "Times New Roman"
_BASE: dict[str, Any] = {"font_name": FONT, "font_size": 12, "valign": "vcenter"}
_BOX = _BASE | {"border": 1, "border_color": "#808080", "text_wrap": True}
_TEXT = {"num_format": "@"}  # Excel leaves what is typed as it is
_GOAL = {"bold": True, "bg_color": "#E7EEF7"}
_GREY = {"italic": True, "font_color": "#7F7F7F", "bg_color": "#F5F5F5"}
#: name -> properties of xlsxwriter
LOOKS: dict[str, dict[str, Any]] = {
    "centre": _BASE | {"align": "center", "text_wrap": True},
    "bold": _BASE | {"align": "center", "bold": True, "text_wrap": True},
    "title": _BASE | {"align": "center", "bold": True, "font_size": 14},
    "italic": _BASE | {"align": "center", "italic": True, "text_wrap": True},
    "label": _BASE | {"align": "right"},
    "given": _BASE | {"bold": True, "align": "left", "indent": 1, "bottom": 1} | _TEXT,
    "asked": _BASE | {"bold": True, "align": "left", "indent": 1, "bottom": 1, "bg_color": "#FFF9E5"} | _TEXT,
    "head": _BOX | {"align": "center", "bold": True, "bg_color": "#D3E0F0"},
    "goal": _BOX | _GOAL | _TEXT,
    "goal_centre": _BOX | _GOAL | _TEXT | {"align": "center"},
    "grey": _BOX | _GREY | _TEXT,
    "grey_centre": _BOX | _GREY | _TEXT | {"align": "center"},
    "text": _BOX | _TEXT,
    "text_centre": _BOX | _TEXT | {"align": "center"},
    "number": _BOX | {"align": "center"},
    "list_head": _BASE | {"bold": True, "bottom": 1, "bg_color": "#D3E0F0"},
    "list": _BASE | _TEXT,
    "chapter": _BASE | {"bold": True, "font_size": 13},
    "words": _BASE | {"valign": "top", "text_wrap": True, "font_size": 13},
    "command": {"font_name": "Courier New", "font_size": 12, "bg_color": "#F2F2F2"},
}


def lines_of(text: str, width: int) -> int:
    """Return how many lines a wrapped text takes in a column, estimated a little high."""
    return -(-len(text) * 8 // (width * 7)) if text else 1
