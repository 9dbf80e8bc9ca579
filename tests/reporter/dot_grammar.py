"""A strict reader of the DOT language, as far as the grammar of graphviz.org/doc/info/lang.html goes without ports."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r'\s*(?:("(?:[^"\\\n]|\\.)*")|(->)|([A-Za-z_][A-Za-z_0-9]*|-?(?:\.\d+|\d+(?:\.\d*)?))|([{}\[\]=;,]))'
)
_KEYWORDS = {"node", "edge", "graph", "digraph", "subgraph", "strict"}


@dataclass
class Graph:
    """What a file says."""

    labels: dict[str, str] = field(default_factory=dict)  #: of nodes, as they are shown
    edges: list[tuple[str, str]] = field(default_factory=list)


def shown(text: str) -> str:
    """Return a quoted string as Graphviz shows it in a label; an escape that means something else is a failure."""
    assert not re.search(r'\\(?![\\"])', re.sub(r"\\\\", "", text)), text
    assert not re.search(r"&(?!amp;)", text), text
    return re.sub(r"\\(.)", r"\1", text).replace("&amp;", "&")


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    text = text.rstrip()
    while place < len(text):
        token = _TOKEN.match(text, place)
        assert token, f"no DOT: {text[place : place + 40]!r}"
        found.append(token[0].strip())
        place = token.end()
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.graph = Graph()

    def take(self, *wanted: str) -> str:
        token = self.tokens.pop(0)
        assert not wanted or token in wanted, f"{token} where {wanted} is expected"
        return token

    def name(self) -> str:
        token = self.take()
        assert token not in (*"{}[]=;,", "->"), f"{token} is no ID"
        assert token.lower() not in _KEYWORDS, f"{token} is a keyword"
        return token

    def statements(self) -> None:
        self.take("{")
        while self.tokens[0] != "}":
            self.statement()
            if self.tokens[0] == ";":
                self.take(";")
        self.take("}")

    def statement(self) -> None:
        if self.tokens[0] in ("graph", "node", "edge"):
            self.take()
            self.attributes()
        elif self.tokens[0] == "subgraph":
            self.take()
            self.name()
            self.statements()
        else:
            name = self.name()
            if self.tokens[0] == "=":
                self.take("=")
                self.name()
            elif self.tokens[0] == "->":
                self.take("->")
                self.graph.edges.append((name, self.name()))
                self.attributes()
            else:
                self.graph.labels[name] = shown(self.attributes()["label"][1:-1])

    def attributes(self) -> dict[str, str]:
        found: dict[str, str] = {}
        if self.tokens[0] != "[":
            return found
        self.take("[")
        while self.tokens[0] != "]":
            key = self.name()
            self.take("=")
            found[key] = self.name()
            if self.tokens[0] != "]":
                self.take(",", ";")
        self.take("]")
        return found


def parse(text: str) -> Graph:
    """Return the nodes and edges of a digraph; whatever the grammar does not allow is a failure."""
    reader = _Reader(text)
    reader.take("digraph")
    reader.name()
    reader.statements()
    assert not reader.tokens
    return reader.graph
