"""Where everything of a drawing stands: a table of tasks at the left, their days at the right, arrows between them.

Pure geometry, in units of about a pixel; knows no file format. Each task has a row of its own, so that labels cannot
meet; rows of a lane go by date, so that arrows lead down and to the right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from planner.i18n import gettext as _
from planner.i18n import ngettext
from planner.reporter.drawing import CRITICAL, Drawing, Lane, Node
from planner.reporter.graph_axis import shaded, ticks
from planner.reporter.graph_routes import routes
from planner.reporter.graph_shapes import Band, Bar, Label, Layout
from planner.reporter.lettering import one_line, shorten, text_width

MOST_TITLES = 600  #: tasks; above it rows get too narrow for words
MOST_ARROWS = 5000  #: dependencies; above it arrows are a grey mass
MARGIN = 24.0
TEXT = 11.0  #: letter height in the table
HEADING = 11.5  #: of a lane
_PITCH, _LANE, _AXIS, _HEAD = 14.0, 18.0, 36.0, 54.0
_NARROWEST, _WIDEST = 1280.0, 2400.0
_PAPER = 1.414  #: A3 and A4, landscape
_TALLEST = 9000.0  #: of all rows, when there are too many for words
_LEGEND_LINE = 18.0


@dataclass(kw_only=True)
class _Table:
    """The columns at the left."""

    columns: list[tuple[str, float]]  #: name and width, as far as they are shown
    labels: list[Label] = field(default_factory=list)

    @property
    def width(self) -> float:
        return sum(width for _name, width in self.columns)

    def write(
        self, cells: dict[str, str], y: float, *, bold: bool = False, colours: dict[str, str] | None = None
    ) -> None:
        x = MARGIN + _MARK
        for name, width in self.columns:
            text = shorten(one_line(cells.get(name, "")), width - 8, TEXT, bold=bold)
            if text:
                at = x + width - 8 - text_width(text, TEXT, bold=bold) if name == "slack" else x
                colour = (colours or {}).get(name, "#1f2933")
                self.labels.append(Label(x=at, y=y, text=text, size=TEXT, bold=bold, colour=colour))
            x += width


_MARK = 12.0  #: room for the sign of the critical path


def layout(drawing: Drawing) -> Layout:
    """Place everything."""
    named = len(drawing.nodes) <= MOST_TITLES
    lanes = list(_lanes(drawing))
    pitch = _PITCH if named else max(0.2, min(6.0, _TALLEST / len(drawing.nodes)))
    rows = pitch * len(drawing.nodes) + _LANE * len(lanes)
    top = _HEAD + _AXIS
    width = min(_WIDEST, max(_NARROWEST, _PAPER * (top + rows + 80)))
    table = _Table(columns=_columns(drawing, width) if named else [])
    left = MARGIN + (_MARK + table.width if named else 0)
    right = width - MARGIN
    first, last = extent(drawing)
    scale = (right - left) / (last - first)

    def x_of(day: int) -> float:
        return left + (day - first) * scale

    bars: list[Bar] = []
    bands: list[Band] = []
    if named:
        table.write(_headings(), top - 6, bold=True)
    before = _predecessors(drawing)
    y = top
    for lane, nodes in lanes:
        bands.append(Band(y=y, height=_LANE, lane=True))
        title = shorten(one_line(lane.title), width - 2 * MARGIN - 12, HEADING, bold=True)
        table.labels.append(Label(x=MARGIN + 6, y=y + 13, text=title, size=HEADING, bold=True))
        y += _LANE
        for number, node in enumerate(nodes):
            if number % 2 and named:
                bands.append(Band(y=y, height=pitch, lane=False))
            bars.append(_bar(node, y, pitch, x_of))
            if named:
                table.write(
                    _cells(node, before.get(node.key, ())),
                    y + 10.8,
                    bold=node.critical,
                    colours={"state": CRITICAL} if node.late else None,
                )
            y += pitch
    marks = ticks(drawing.origin, first, last, left, scale)
    labels = [*_heading_lines(drawing, width), *table.labels]
    labels += [
        Label(x=mark.x + 3, y=top - (22 if mark.major else 6), text=mark.text, size=9.5, bold=mark.major)
        for mark in marks
        if mark.text
    ]
    left_out = _left_out(drawing, named)
    legend, legend_labels, height = _legend(drawing, left_out, y + 14, width)
    arrows = len(drawing.edges) <= MOST_ARROWS
    return Layout(
        width=width,
        height=height,
        left=left,
        right=right,
        top=top,
        bottom=y,
        labels=(*labels, *legend_labels),
        bars=tuple(bars),
        bands=tuple(bands),
        routes=tuple(routes(bars, drawing.edges, pitch, thorough=named)) if arrows else (),
        ticks=tuple(marks),
        days_off=tuple((x_of(a), x_of(b)) for a, b in shaded(drawing.days_off, first, last, scale)),
        today=x_of(drawing.today) if drawing.today is not None and first <= drawing.today <= last else None,
        legend=legend,
        left_out=left_out,
    )


def extent(drawing: Drawing) -> tuple[int, int]:
    """Return the first day of the axis and the day after its last; at least one day apart."""
    days = [day for node in drawing.nodes for day in (node.start, node.finish, node.tail, node.due) if day is not None]
    first, last = min(days, default=0), max(days, default=1)
    return first, max(last, first + 1)


def _lanes(drawing: Drawing) -> Iterator[tuple[Lane, list[Node]]]:
    members: dict[str, list[Node]] = {lane.key: [] for lane in drawing.lanes}
    for node in drawing.nodes:
        members[node.lane].append(node)
    for lane in drawing.lanes:
        if members[lane.key]:  # sorting is stable: as filed where the days are the same
            yield lane, sorted(members[lane.key], key=lambda node: (node.start, node.finish))


def _bar(node: Node, y: float, pitch: float, x_of: Callable[[int], float]) -> Bar:
    height = pitch * 0.6
    x = x_of(node.start)
    width = 0.0 if node.finish == node.start else max(4.0 if pitch == _PITCH else 1.0, x_of(node.finish) - x)
    due = None if node.due is None or node.due == node.finish else x_of(node.due)
    return Bar(
        node=node, x=x, y=y + pitch * 0.2, width=width, height=height, tail=max(x + width, x_of(node.tail)), due=due
    )


def _predecessors(drawing: Drawing) -> dict[str, list[str]]:
    before: dict[str, list[str]] = {}
    for edge in drawing.edges:
        before.setdefault(edge.after, []).append(edge.before)
    return before


def _headings() -> dict[str, str]:
    return {
        "code": _("Code"),
        "title": _("Task"),
        "responsible": _("Answers for it"),
        "after": _("Waits for"),
        "slack": _("Slack"),
        "state": _("State"),
    }


def _cells(node: Node, before: list[str] | tuple[str, ...]) -> dict[str, str]:
    return {
        "code": node.key,
        "title": node.title,
        "responsible": node.responsible or (node.agency if node.outside else ""),
        "after": ", ".join(before),
        "slack": "" if node.slack is None else str(node.slack),
        "state": node.state,
    }


def _columns(drawing: Drawing, width: float) -> list[tuple[str, float]]:
    """Return the columns that have something to say, each as wide as its texts need and the drawing allows."""
    headings = _headings()
    room = {"code": 130.0, "title": width * 0.24, "responsible": 130.0, "after": 110.0, "slack": 90.0, "state": 130.0}
    before = _predecessors(drawing)
    needed = dict.fromkeys(headings, 0.0)
    for node in drawing.nodes:
        for name, text in _cells(node, before.get(node.key, ())).items():
            if text:
                needed[name] = max(needed[name], text_width(one_line(text)[:300], TEXT, bold=node.critical))
    return [
        (name, 12 + min(room[name], max(need, text_width(headings[name], TEXT, bold=True))))
        for name, need in needed.items()
        if need
    ]


def _heading_lines(drawing: Drawing, width: float) -> list[Label]:
    room = width - 2 * MARGIN
    title = shorten(one_line(drawing.title), room, 17, bold=True)
    subtitle = shorten(one_line(drawing.subtitle), room, 11)
    return [
        Label(x=MARGIN, y=28, text=title, size=17, bold=True),
        Label(x=MARGIN, y=46, text=subtitle, size=11, colour="#52606d"),
    ]


def _left_out(drawing: Drawing, named: bool) -> tuple[str, ...]:
    said = []
    if not named:
        said.append(
            ngettext(
                "Titles are left out: {n} task is too many for words.",
                "Titles are left out: {n} tasks are too many for words.",
                len(drawing.nodes),
            ).format(n=len(drawing.nodes))
        )
    if len(drawing.edges) > MOST_ARROWS:
        said.append(
            _("Arrows are left out: there are {n} dependencies; at most {most} are drawn.").format(
                n=len(drawing.edges), most=MOST_ARROWS
            )
        )
    return tuple(said)


def _legend(
    drawing: Drawing, left_out: tuple[str, ...], y: float, width: float
) -> tuple[tuple[tuple[str, float, float], ...], list[Label], float]:
    """Return the signs that are explained and their places, their texts, and where the drawing ends."""
    entries = [("critical", _("critical path: may not slip")), ("arrow", _("waits for"))]
    if any(node.tail > node.finish for node in drawing.nodes):
        entries.append(("slack", _("slack: may slip so far")))
    if any(node.due is not None and node.due != node.finish for node in drawing.nodes):
        entries.append(("due", _("last day, where the work ends on another day")))
    if any(node.outside for node in drawing.nodes):
        entries.append(("outside", _("task of another agency, waited for")))
    if drawing.today is not None:
        entries.append(("today", _("today")))
    shown = drawing.agencies[:40]  # a legend of hundreds would be longer than the drawing
    entries += [(f"agency:{code}", code if name in ("", code) else f"{code} – {name}") for code, name in shown]
    signs: list[tuple[str, float, float]] = []
    labels: list[Label] = []
    x, line = MARGIN, y + 4
    for sign, words in entries:
        text = shorten(one_line(words), 420, TEXT)
        needed = 28 + text_width(text, TEXT) + 22
        if x + needed > width - MARGIN and x > MARGIN:
            x, line = MARGIN, line + _LEGEND_LINE
        signs.append((sign, x, line))
        labels.append(Label(x=x + 28, y=line + 3.5, text=text, size=TEXT))
        x += needed
    for words in left_out:
        line += _LEGEND_LINE
        text = shorten(words, width - 2 * MARGIN, TEXT, bold=True)
        labels.append(Label(x=MARGIN, y=line + 3.5, text=text, size=TEXT, bold=True))
    return tuple(signs), labels, line + 20
