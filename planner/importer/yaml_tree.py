"""A YAML document as a tree of nodes that know their line and column, built from the parser's events.

No recursion and bounded in depth and number; tags, aliases, directives and several documents are refused on the way.
Knows no plan and no register, and gives no value a meaning: "1.10" and "no" stay text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from planner.errors import Problem
from planner.i18n import gettext as _

LARGEST_TEXT = 8 * 1024 * 1024  #: bytes
MOST_NODES = 120_000  #: values and lists of a file; a plan of a thousand tasks has some fifteen thousand
DEEPEST = 20
LONGEST_VALUE = 32_767  #: characters
MOST_PROBLEMS = 200  #: of the form; a file that is no plan at all need not be told so a million times
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(slots=True)
class Node:
    """A value of the document: a scalar's text, the items of a list, or the entries of a mapping."""

    line: int  #: from 1
    column: int  #: from 1
    kind: str  #: "scalar", "list" or "mapping"
    text: str = ""
    plain: bool = False  #: a scalar written without quotes
    items: list[Node] = field(default_factory=list)  #: of a list; of a mapping: key, value, key, value ...

    @property
    def place(self) -> str:
        """Where the value stands, for a message."""
        return _("line {line}, column {column}").format(line=self.line, column=self.column)

    @property
    def is_null(self) -> bool:
        """Whether it stands for no value."""
        return self.plain and self.text in _NULL


def fit_text(name: str, data: bytes, problems: list[Problem]) -> str:
    """Return the text of a file that is fit to be parsed; of another, "" and a problem."""
    if len(data) > LARGEST_TEXT:
        message = _("The text is larger than {most} MiB; a plan or a register takes far less.")
        message = message.format(most=LARGEST_TEXT // 2**20)
        problems.append(Problem(place=name, code="file_too_large", message=message))
        return ""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = _("The file is not written in UTF-8; save it as UTF-8 and try again.")
        problems.append(Problem(place=_("line {line}").format(line=line), code="not_utf8", message=message))
        return ""
    found = _DIRECTIVE.search(text)
    if found:  # libyaml compares each tag directive with all before it: a megabyte of them takes seconds
        line = text.count("\n", 0, found.start()) + 1
        message = _("Lines that begin with % are not accepted; remove the line.")
        problems.append(Problem(place=_("line {line}").format(line=line), code="yaml_directive", message=message))
        return ""
    return text


def _place(mark: Any) -> str:
    return _("line {line}, column {column}").format(line=mark.line + 1, column=mark.column + 1)


class _Refused(Exception):
    """The document cannot be read on from here; its problem is collected."""


def compose(text: str, problems: list[Problem]) -> Node | None:
    """Build the tree of the only document; every tag, alias and excess is a problem."""
    root: Node | None = None
    open_nodes: list[Node] = []
    documents = nodes = 0
    parser = yaml.CSafeLoader(text)
    try:
        while (event := parser.get_event()) is not None:
            if isinstance(event, yaml.NodeEvent):
                node = _node(event, problems)
                nodes += 1
                if open_nodes:
                    open_nodes[-1].items.append(node)
                else:
                    root = node
                if node.kind != "scalar":
                    open_nodes.append(node)
                _bound(event, nodes, len(open_nodes))
            elif isinstance(event, yaml.CollectionEndEvent):
                open_nodes.pop()
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _stop(event, "yaml_documents", _("The file holds several documents (---); keep one."))
    except _Refused as refused:
        problems.append(refused.args[0])
        return None
    except yaml.YAMLError as error:
        problems.append(_unreadable(error, text))
        return None
    finally:
        parser.dispose()
    return None if root is not None and root.is_null else root


def _bound(event: yaml.Event, nodes: int, depth: int) -> None:
    if depth > DEEPEST:
        raise _stop(event, "yaml_depth", _("The values are nested too deeply."))
    if nodes > MOST_NODES:
        message = _("The file holds more than {most} values; no plan or register does.").format(most=MOST_NODES)
        raise _stop(event, "file_too_large", message)


def _stop(event: yaml.Event, code: str, message: str) -> _Refused:
    return _Refused(Problem(place=_place(event.start_mark), code=code, message=message))


def _node(event: yaml.NodeEvent, problems: list[Problem]) -> Node:
    """Return the node an event begins; an alias and a tag are refused and stand as an empty or untagged value."""
    mark: Any = event.start_mark
    line, column = mark.line + 1, mark.column + 1
    if isinstance(event, yaml.ScalarEvent):
        node = Node(line, column, "scalar", text=event.value[:LONGEST_VALUE], plain=not event.style)
        if len(event.value) > LONGEST_VALUE:
            message = _("The text has {count} characters, at most {most} are kept; shorten it.")
            tell(problems, node, "text_too_long", message.format(count=len(event.value), most=LONGEST_VALUE))
    elif isinstance(event, yaml.SequenceStartEvent):
        node = Node(line, column, "list")
    elif isinstance(event, yaml.MappingStartEvent):
        node = Node(line, column, "mapping")
    else:
        node = Node(line, column, "scalar", plain=True)
        tell(problems, node, "yaml_alias", _("Aliases (*) are not accepted; write the value itself."))
    if getattr(event, "tag", None) is not None:
        tell(problems, node, "yaml_tag", _("Tags (!) are not accepted; write the value without its tag."))
    return node


def tell(problems: list[Problem], node: Node, code: str, message: str) -> None:
    """Add a problem at a node, unless there are more than enough."""
    if len(problems) < MOST_PROBLEMS:
        problems.append(Problem(place=node.place, code=code, message=message))


def _unreadable(error: yaml.YAMLError, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        line, column = mark.line + 1, mark.column + 1
        message = _("The text cannot be read as YAML here; check the indentation, the colons and the quotes.")
    else:  # the scanner stopped at a character; it counts characters from the start
        before = text[: getattr(error, "position", 0) or 0]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = _("A character here cannot be printed; type the line anew.")
    place = _("line {line}, column {column}").format(line=line, column=column)
    return Problem(place=place, code="yaml_unreadable", message=message)
