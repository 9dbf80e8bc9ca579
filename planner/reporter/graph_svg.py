"""The picture of a plan as SVG: one file that a browser, an office program or a page shows without anything else.

Knows only a layout. No script, no style sheet, no identifiers and no reference outside, so that it can stand inside a
page; all text is escaped. The same drawing gives the same bytes.
Source: SVG 1.1 and 2 (`title`, `desc`, `role`, `data-*`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from xml.sax.saxutils import escape, quoteattr

from planner.i18n import gettext as _
from planner.i18n import language
from planner.reporter.drawing import CRITICAL, Drawing, Node, colours
from planner.reporter.graph_layout import MARGIN, layout
from planner.reporter.graph_shapes import Band, Bar, Label, Layout, Route
from planner.reporter.lettering import FONT, one_line
from planner.templating import vi_date

_GREY, _LINE, _LANE, _STRIPE, _OFF = "#6b7280", "#d5dbe1", "#e4e9ee", "#f5f7f9", "#eceff2"


def render(drawing: Drawing) -> bytes:
    """Return the picture, UTF-8."""
    return ("\n".join(_lines(drawing, layout(drawing))) + "\n").encode()


def _lines(drawing: Drawing, laid: Layout) -> Iterator[str]:
    width, height = _n(laid.width), _n(laid.height)
    colour = colours(code for code, _name in drawing.agencies)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" lang="{language()}" font-family={quoteattr(FONT)}>'
    )
    yield f"<title>{_text(drawing.title)}</title>"
    yield f"<desc>{_text(' '.join((drawing.subtitle, *laid.left_out)))}</desc>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield from (_band(band, laid) for band in laid.bands)
    yield from _grid(laid)
    yield '<g fill="none" stroke-linejoin="round">'
    yield from (_arrow(route) for route in laid.routes)
    yield "</g>"
    yield from (line for bar in laid.bars for line in _bar(bar, drawing, colour[bar.node.agency]))
    yield from _legend(laid, colour)
    yield from (_label(label) for label in laid.labels)
    yield "</svg>"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    return escape(one_line(text))


def _label(label: Label) -> str:
    # With textLength a font that is wider than the one measured is squeezed rather than run into its neighbour.
    bold = ' font-weight="bold"' if label.bold else ""
    return (
        f'<text x="{_n(label.x)}" y="{_n(label.y)}" font-size="{_n(label.size)}"{bold} fill="{label.colour}"'
        f' textLength="{_n(label.width)}" lengthAdjust="spacingAndGlyphs">{escape(label.text)}</text>'
    )


def _rect(x: float, y: float, width: float, height: float, looks: str) -> str:
    return f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" {looks}/>'


def _line(x1: float, y1: float, x2: float, y2: float, looks: str) -> str:
    return f'<path d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}" {looks}/>'


def _diamond(x: float, y: float, reach: float, looks: str) -> str:
    r = _n(reach)
    return f'<path d="M{_n(x)} {_n(y - reach)}l{r} {r}l-{r} {r}l-{r} -{r}z" {looks}/>'


def _band(band: Band, laid: Layout) -> str:
    return _rect(MARGIN, band.y, laid.width - 2 * MARGIN, band.height, f'fill="{_LANE if band.lane else _STRIPE}"')


def _grid(laid: Layout) -> Iterator[str]:
    lanes = [band for band in laid.bands if band.lane]
    for left, right in laid.days_off:
        yield _rect(left, laid.top, right - left, laid.bottom - laid.top, f'fill="{_OFF}"')
    for band in lanes if laid.days_off else ():
        yield _band(band, laid)
    for tick in laid.ticks:
        looks = f'stroke="{"#bcc6cf" if tick.major else _LINE}" stroke-width="{"1" if tick.major else "0.6"}"'
        yield _line(tick.x, laid.top - (34 if tick.major else 16), tick.x, laid.bottom, looks)
    yield _line(laid.left, laid.top, laid.right, laid.top, 'stroke="#9aa5b1"')
    if laid.today is not None:
        yield _line(laid.today, laid.top - 16, laid.today, laid.bottom, _TODAY)


_TODAY = 'stroke="#1f2933" stroke-width="1.2" stroke-dasharray="2 3"'


def _arrow(route: Route) -> str:
    critical = route.edge.critical
    stroke, width = (CRITICAL, 2.2) if critical else (_GREY, 1.0)
    (_, before), (x, y) = route.points[-2:]
    size = 5.0 if critical else 4.0
    way = "".join(f"{'L' if n else 'M'}{_n(px)} {_n(py)}" for n, (px, py) in enumerate(route.points))
    if y == before:
        head = f"M{_n(x)} {_n(y)}l-{_n(size)} -{_n(size * 0.6)}v{_n(size * 1.2)}z"
    else:
        back = -size if y > before else size
        head = f"M{_n(x)} {_n(y)}l-{_n(size * 0.6)} {_n(back)}h{_n(size * 1.2)}z"
    return (
        f"<g data-from={_attribute(route.edge.before)} data-to={_attribute(route.edge.after)}"
        f' data-critical="{str(critical).lower()}" stroke="{stroke}">'
        f'<path d="{way}" stroke-width="{width}"/><path d="{head}" fill="{stroke}" stroke="none"/></g>'
    )


def _attribute(text: str) -> str:
    return quoteattr(one_line(text))


def _bar(bar: Bar, drawing: Drawing, colour: str) -> Iterator[str]:
    node = bar.node
    yield f'<g data-task={_attribute(node.key)} data-critical="{str(node.critical).lower()}">'
    yield f"<title>{_text(_told(node, drawing))}</title>"
    if bar.tail > bar.x + bar.width + 0.5:
        base = bar.y + bar.height
        yield _line(bar.x + bar.width, base, bar.tail, base, _TAIL)
        yield _line(bar.tail, base - bar.height / 3, bar.tail, base, _TAIL)
    if node.critical and bar.height > 4:
        yield _diamond(MARGIN + 4, bar.middle, 3.6, f'fill="{CRITICAL}"')
    looks = f'fill="{colour}"'
    if node.outside:
        looks = f'fill="#ffffff" stroke="{colour}" stroke-width="1.4" stroke-dasharray="3 2"'
    elif node.closed:
        looks = f'fill="{colour}" fill-opacity="0.4"'
    if node.critical:
        looks += f' stroke="{CRITICAL}" stroke-width="{"2" if bar.height > 4 else "0.5"}"'
    if bar.width == 0:
        yield _diamond(bar.x, bar.middle, bar.height / 2, looks)
    else:
        yield _rect(bar.x, bar.y, bar.width, bar.height, f'rx="1.5" {looks}')
    if bar.due is not None:
        yield _flag(
            bar.due, bar.y + bar.height, min(bar.height, 9.0), late=node.due is not None and node.due < node.finish
        )
    yield "</g>"


_TAIL = 'stroke="#9aa5b1" stroke-width="1" stroke-dasharray="1.5 1.5"'


def _flag(x: float, base: float, height: float, *, late: bool) -> str:
    looks = f'fill="{CRITICAL if late else "#1f2933"}"'
    wide = _n(height * 0.6)
    return f'<path d="M{_n(x)} {_n(base)}v-{_n(height)}h-{wide}l{wide} {_n(height * 0.5)}z" {looks}/>'


def _told(node: Node, drawing: Drawing) -> str:
    """Return what a pointer resting on the bar reads."""
    parts = [f"{node.key} {node.title}".strip(), node.responsible, node.state]
    if drawing.origin is not None:
        base = drawing.origin.toordinal()
        last = max(node.start, node.finish - 1)
        parts.append(f"{_date(base + node.start)} – {_date(base + last)}")
    else:
        parts.append(_("day {first} to day {last}").format(first=node.start, last=node.finish))
    if node.slack is not None:
        parts.append(_("slack in days: {days}").format(days=node.slack))
    return " · ".join(part for part in parts if part)


def _date(ordinal: int) -> str:
    return vi_date(date.fromordinal(ordinal))


def _legend(laid: Layout, colour: dict[str, str]) -> Iterator[str]:
    for sign, x, y in laid.legend:
        kind, _colon, code = sign.partition(":")
        match kind:
            case "critical":
                yield _diamond(x + 4, y, 3.6, f'fill="{CRITICAL}"')
                yield _rect(x + 10, y - 4, 13, 8, f'rx="1.5" fill="#ffffff" stroke="{CRITICAL}" stroke-width="2"')
            case "arrow":
                yield _line(x, y, x + 18, y, f'stroke="{_GREY}"')
                yield f'<path d="M{_n(x + 22)} {_n(y)}l-4 -2.4v4.8z" fill="{_GREY}"/>'
            case "slack":
                yield _line(x, y, x + 22, y, _TAIL)
                yield _line(x + 22, y - 3, x + 22, y, _TAIL)
            case "due":
                yield _flag(x + 14, y + 4, 9, late=False)
            case "outside":
                yield _rect(
                    x,
                    y - 4,
                    22,
                    8,
                    f'rx="1.5" fill="#ffffff" stroke="{_GREY}" stroke-width="1.4" stroke-dasharray="3 2"',
                )
            case "today":
                yield _line(x + 11, y - 6, x + 11, y + 6, _TODAY)
            case _:
                yield _rect(x, y - 4, 22, 8, f'rx="1.5" fill="{colour[code]}"')
