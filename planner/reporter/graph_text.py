"""A plan's tasks and dependencies as text that Graphviz (.dot) or Mermaid (.mmd) draws.

Nodes are n1, n2 ... in the order of the drawing, so that no code or title can be mistaken for a word of the language;
what people read stands in the labels. Source: graphviz.org/doc/info/lang.html and .../docs/attr-types/escString;
mermaid.js.org/syntax/flowchart.html ("Special characters that break syntax", "Entity codes").
"""

from __future__ import annotations

from collections.abc import Callable

from planner.i18n import gettext as _
from planner.reporter.drawing import CRITICAL, Drawing, Node, colours
from planner.reporter.lettering import one_line

_LONGEST = 120  #: letters of a title in a label
_PLAIN_MARKS = frozenset(" .,()/-")  #: of ASCII, besides letters and figures, harmless in a Mermaid label


def label(node: Node) -> str:
    """Return what people read of a node: its code, its title if one is known, and whether it is critical."""
    title = one_line(node.title)
    if len(title) > _LONGEST:
        title = title[: _LONGEST - 1].rstrip() + "…"
    return one_line(f"{'★ ' if node.critical else ''}{node.key}{': ' if title else ''}{title}")


def dot_text(text: str) -> str:
    r"""Return a double-quoted DOT string that Graphviz shows as `text`.

    Only the quote ends such a string; a label reads `\` as an escape and `&` as the start of an entity besides.
    """
    return '"' + one_line(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") + '"'


def mermaid_text(text: str) -> str:
    """Return a quoted Mermaid label that shows as `text`: every mark that may mean something is an entity code."""
    letters = (
        letter if letter.isalnum() or letter in _PLAIN_MARKS else f"#{ord(letter)};" for letter in one_line(text)
    )
    return '"' + "".join(letters) + '"'


def dot(drawing: Drawing) -> str:
    """Return the drawing as a DOT digraph: goals as clusters, the critical path in bold."""
    colour = colours(code for code, _name in drawing.agencies)
    name = _names(drawing)
    lines = [
        "digraph plan {",
        f"  graph [rankdir=LR, charset={dot_text('UTF-8')}, labelloc=t, label={dot_text(drawing.title)}];",
        '  node [shape=box, style="rounded,filled", fillcolor=white, penwidth=1, fontname="Arial"];',
        '  edge [color="#6b7280"];',
    ]

    def node(one: Node) -> str:
        looks = [f"label={dot_text(label(one))}", f"color={dot_text(CRITICAL if one.critical else colour[one.agency])}"]
        looks += [f"tooltip={dot_text(_said(one))}"]
        looks += ["penwidth=3"] if one.critical else []
        looks += ['style="rounded,dashed"'] if one.outside else []
        return f"{name[one.key]} [{', '.join(looks)}];"

    for number, (title, nodes) in enumerate(_lanes(drawing), 1):
        lines += [f"  subgraph cluster_{number} {{", f"    label={dot_text(title)};"]
        lines += [f"    {node(one)}" for one in nodes]
        lines += ["  }"]
    for edge in drawing.edges:
        looks = f' [color="{CRITICAL}", penwidth=3]' if edge.critical else ""
        lines.append(f"  {name[edge.before]} -> {name[edge.after]}{looks};")
    return "\n".join([*lines, "}", ""])


def mermaid(drawing: Drawing) -> str:
    """Return the drawing as a Mermaid flowchart: goals as subgraphs, the critical path in bold."""
    colour = colours(code for code, _name in drawing.agencies)
    name = _names(drawing)
    lines = ["flowchart LR"]
    for number, (title, nodes) in enumerate(_lanes(drawing), 1):
        lines.append(f"  subgraph goal{number}[{mermaid_text(title)}]")
        lines += [f"    {name[one.key]}[{mermaid_text(label(one))}]" for one in nodes]
        lines.append("  end")
    lines += [f"  {name[edge.before]} {'==>' if edge.critical else '-->'} {name[edge.after]}" for edge in drawing.edges]
    classes: list[tuple[str, str, Callable[[Node], bool]]] = [
        (f"agency{number}", f"fill:#ffffff,color:#111111,stroke:{colour[code]},stroke-width:2px", _is_of(code))
        for number, (code, _name) in enumerate(drawing.agencies, 1)
    ]
    classes.append(("outside", "stroke-dasharray:5 4", lambda node: node.outside))
    classes.append(("critical", f"stroke:{CRITICAL},stroke-width:4px", lambda node: node.critical))
    for word, looks, belongs in classes:
        members = ",".join(name[node.key] for node in drawing.nodes if belongs(node))
        if members:
            lines += [f"  classDef {word} {looks}", f"  class {members} {word}"]
    return "\n".join([*lines, ""])


def _is_of(code: str) -> Callable[[Node], bool]:
    return lambda node: node.agency == code


def _names(drawing: Drawing) -> dict[str, str]:
    return {node.key: f"n{number}" for number, node in enumerate(drawing.nodes, 1)}


def _lanes(drawing: Drawing) -> list[tuple[str, list[Node]]]:
    members: dict[str, list[Node]] = {lane.key: [] for lane in drawing.lanes}
    for node in drawing.nodes:
        members[node.lane].append(node)
    return [(lane.title, members[lane.key]) for lane in drawing.lanes if members[lane.key]]


def _said(node: Node) -> str:
    parts = [node.key, node.responsible, node.agency]
    if node.slack is not None:
        parts.append(_("slack in days: {days}").format(days=node.slack))
    return " · ".join(one_line(part) for part in parts if part)
