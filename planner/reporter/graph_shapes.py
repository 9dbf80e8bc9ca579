"""What a laid out drawing is made of: lines of text, bars, bands and arrows, each with its place.

Values only; units are about a pixel, x goes right and y goes down.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.reporter.drawing import Edge, Node
from planner.reporter.lettering import text_width


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """One line of text."""

    x: float  #: left edge
    y: float  #: baseline
    text: str
    size: float
    bold: bool = False
    colour: str = "#1f2933"

    @property
    def width(self) -> float:
        """Return how wide it is."""
        return text_width(self.text, self.size, bold=self.bold)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom; high enough for two marks on a capital letter."""
        return self.x, self.y - self.size * 0.98, self.x + self.width, self.y + self.size * 0.24


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One task's days."""

    node: Node
    x: float
    y: float  #: top
    width: float  #: 0: a milestone
    height: float
    tail: float  #: right end of the line of slack; `x + width` where there is none
    due: float | None  #: where its deadline is marked

    @property
    def middle(self) -> float:
        """Return the height at which arrows leave."""
        return self.y + self.height / 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """A lane, or a stripe behind every other row."""

    y: float
    height: float
    lane: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One arrow."""

    edge: Edge
    points: tuple[tuple[float, float], ...]  #: its corners; the last one is the tip


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """One mark of the axis."""

    x: float
    major: bool  #: a month or a year
    text: str  #: "" where there is no room for it


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A drawing with a place for everything."""

    width: float
    height: float
    left: float  #: where the days begin
    right: float
    top: float  #: where the rows begin
    bottom: float
    labels: tuple[Label, ...]
    bars: tuple[Bar, ...]
    bands: tuple[Band, ...]
    routes: tuple[Route, ...]
    ticks: tuple[Tick, ...]
    days_off: tuple[tuple[float, float], ...]  #: left, right
    today: float | None
    legend: tuple[tuple[str, float, float], ...]  #: what it explains, and where its sign stands: left, middle
    left_out: tuple[str, ...]  #: what is not drawn, in words
