"""The way of each arrow: from the end of a task's bar to the beginning of the one that waits for it, never slanted.

Pure geometry. An arrow goes along its task's row, down or up in a channel, and along the row where it ends; channels
are chosen so that they pass behind few bars and do not run into each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from planner.reporter.drawing import Edge
from planner.reporter.graph_shapes import Bar, Route

_STUB = 5.0  #: at least so far an arrow runs before it turns
_APART = 2.5  #: channels nearer than this look like one
_CHOICES = 8  #: channels tried for an arrow

_Channel = tuple[float, float, float, str]  # place, upper end, lower end, the task it comes from


def routes(bars: Sequence[Bar], edges: Sequence[Edge], pitch: float, *, thorough: bool) -> Iterator[Route]:
    """Yield the arrow of every edge, the critical ones last.

    Args:
        bars: from top to bottom.
        edges: each between two of them.
        pitch: the height of a row.
        thorough: weigh the channels; otherwise the first one is taken, for drawings too large to look into.
    """
    row = {bar.node.key: place for place, bar in enumerate(bars)}
    taken: list[_Channel] = []
    for edge in sorted(edges, key=lambda edge: edge.critical):
        upper, lower = sorted((row[edge.before], row[edge.after]))
        before, after = bars[row[edge.before]], bars[row[edge.after]]
        between = bars[upper + 1 : lower] if thorough else ()
        choices = list(_choices(before, after, pitch))
        if thorough:
            place = min(
                range(len(choices)), key=lambda n: (_cost(choices[n], edge.before, between, taken), n)
            )  # the first of the best: near the task that is waited for
        else:
            place = 0
        points = choices[place]
        if thorough:
            taken += _channels(points, edge.before)
        yield Route(edge=edge, points=points)


def _choices(before: Bar, after: Bar, pitch: float) -> Iterator[tuple[tuple[float, float], ...]]:
    start = (before.x + before.width + (before.height / 2 if before.width == 0 else 0), before.middle)
    tip = (after.x - (after.height / 2 if after.width == 0 else 0), after.middle)
    down = after.y > before.y
    if tip[0] - start[0] >= 2 * _STUB:
        room = tip[0] - start[0] - 2 * _STUB
        steps = min(_CHOICES - 1, int(room / (2 * _APART)))
        near = [start[0] + _STUB + 2 * _APART * n for n in range(steps // 2 + 1)]
        far = [tip[0] - _STUB - 2 * _APART * n for n in range(steps - steps // 2)]
        for x in (*near, *far):
            yield start, (x, start[1]), (x, tip[1]), tip
    elif after.x + after.width >= start[0] and tip[0] >= start[0] - 1:
        # The next day: there is no room to turn twice, the arrow drops onto the bar's first day.
        edge_of_bar = after.y if down else after.y + after.height
        for x in (max(start[0], tip[0]) + 2.0, max(start[0], tip[0]) + 4.0):
            if x <= max(after.x + after.width, max(start[0], tip[0]) + 2.0):
                yield start, (x, start[1]), (x, edge_of_bar)
    else:  # it began before the other was done: out, back between the rows, and in from the left
        gap = before.y + before.height + pitch * 0.2 if down else before.y - pitch * 0.2
        for n in range(3):
            out, back = start[0] + _STUB + 2 * _APART * n, tip[0] - _STUB - 2 * _APART * n
            yield start, (out, start[1]), (out, gap), (back, gap), (back, tip[1]), tip


def _channels(points: tuple[tuple[float, float], ...], source: str) -> list[_Channel]:
    return [(a[0], min(a[1], b[1]), max(a[1], b[1]), source) for a, b in pairwise(points) if a[0] == b[0]]


def _cost(
    points: tuple[tuple[float, float], ...], source: str, between: Sequence[Bar], taken: Sequence[_Channel]
) -> int:
    cost = 0
    for x, top, bottom, _source in _channels(points, source):
        cost += sum(1 for bar in between if bar.x - 1 < x < bar.x + bar.width + 1)
        cost += sum(
            4
            for other, upper, lower, owner in taken
            if owner != source and abs(other - x) < _APART and upper < bottom and lower > top
        )
    return cost
