"""A plan's tasks and what waits for what, as something to draw: a picture, or a text that other programs draw.

Knows no database, no calendar and no schedule: days are whole numbers on one axis, worked out by whoever asks for a
drawing. `graph_layout` places things, `graph_svg` writes the picture, `graph_text` the DOT and Mermaid texts.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One task on the drawing."""

    key: str  #: unique on the drawing: "I.1", "vp-ubnd:II.3"
    title: str  #: "" when it is not known
    agency: str  #: code
    lane: str  #: key of the lane it stands in
    responsible: str = ""
    start: int = 0  #: first day of the work, on the axis
    finish: int = 0  #: the day after the last; equal to `start`: a milestone
    tail: int = 0  #: `finish`, and the days it may slip: how far the thin line goes
    due: int | None = None  #: the day after the last day that counts as on time; None: no deadline
    slack: int | None = None  #: days it may slip without moving the end; None: not scheduled here
    critical: bool = False
    closed: bool = False  #: no work is owed any more
    state: str = ""  #: how it stands, in words; "" for a plan that is only a file
    late: bool = False  #: the words of `state` are bad news
    outside: bool = False  #: another agency's task, waited for


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """One task waits for another."""

    before: str  #: node key
    after: str  #: node key
    critical: bool = False  #: a slip of `before` moves `after` and with it the end


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """A band of the drawing: a goal of the plan, or the tasks of others."""

    key: str
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """Everything a drawing shows; the same drawing gives the same bytes."""

    title: str
    subtitle: str  #: one line of figures
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    lanes: tuple[Lane, ...]  #: every lane that a node names
    agencies: tuple[tuple[str, str], ...]  #: code and name of every agency that a node names
    origin: date | None = None  #: the date of day 0; None: only durations are known
    days_off: tuple[tuple[int, int], ...] = ()  #: spans of days off on the axis, the second day excluded
    today: int | None = None  #: None: the drawing is of no particular day


#: Told apart with any kind of colour vision (after Okabe and Ito); red is kept for the critical path.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#8c6d1f", "#332288", "#7a9a01")
CRITICAL = "#b00020"


def colours(agencies: Iterable[str]) -> dict[str, str]:
    """Return a colour for each agency code; an agency keeps its own on every drawing unless two claim the same."""
    found: dict[str, str] = {}
    free = set(PALETTE)
    for code in sorted(set(agencies)):
        first = zlib.crc32(code.encode()) % len(PALETTE)
        row = PALETTE[first:] + PALETTE[:first]
        found[code] = next((colour for colour in row if colour in free), row[0])
        free.discard(found[code])
    return found


def _svg(drawing: Drawing) -> bytes:
    from planner.reporter.graph_svg import render

    return render(drawing)


def _dot(drawing: Drawing) -> bytes:
    from planner.reporter.graph_text import dot

    return dot(drawing).encode()


def _mermaid(drawing: Drawing) -> bytes:
    from planner.reporter.graph_text import mermaid

    return mermaid(drawing).encode()


DRAWINGS: dict[str, Callable[[Drawing], bytes]] = {"svg": _svg, "dot": _dot, "mmd": _mermaid}
"""Writers by file suffix; each is imported when it is asked for."""
