"""Reads a plan written as YAML into a draft; every value keeps its line and column.

The tree is built from the parser's events, without recursion: tags, aliases and keys written twice are refused on the
way, and no value is reinterpreted: "1.10" and "no" stay text, only a plain 2020-05-04 is a date. Judges no content.
Source: design notes, "The command line", the plan in YAML.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import yaml

from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.draft import Cell, GoalDraft, PlanDraft, TaskDraft, clean

PLAN_KEYS = ("agency", "directive", "number", "signed", "calendar", "goals")
GOAL_KEYS = ("code", "title", "target", "tasks")
TASK_KEYS = (
    "code",
    "title",
    "responsible",
    "cooperating",
    "start",
    "due",
    "duration",
    "deliverable",
    "after",
    "note",
)
_DATE_KEYS = ("signed", "start", "due")
_DEEPEST = 20
_MOST_NODES = 200_000  # values and lists of a file; a plan of a thousand tasks has some fifteen thousand
_LARGEST_TEXT = 8 * 1024 * 1024  # bytes
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST_PROBLEMS = 200  # of the form; a file that is no plan at all need not be told so a million times


@dataclass(slots=True)
class _Node:
    """A value of the document: a scalar's text, the items of a list, or the entries of a mapping."""

    line: int  #: from 1
    column: int  #: from 1
    kind: str  #: "scalar", "list" or "mapping"
    text: str = ""
    plain: bool = False  #: a scalar written without quotes
    items: list[_Node] = field(default_factory=list)  #: of a list; of a mapping: key, value, key, value ...

    @property
    def place(self) -> str:
        return _("line {line}, column {column}").format(line=self.line, column=self.column)

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in _NULL


def read_yaml_file(name: str, data: bytes, sha256: str) -> PlanDraft:
    """Return the draft of a YAML file; what is wrong with its form is in `draft.problems`. Never raises."""
    problems: list[Problem] = []
    text = _text(name, data, problems)
    root = _compose(text, problems) if not problems else None
    if root is None and not problems:
        message = _("The file is empty; expected a plan with the keys {keys}.").format(keys=", ".join(PLAN_KEYS))
        problems.append(Problem(place=name, code="empty_file", message=message))
    if root is None or problems:
        return PlanDraft(file_name=name, sha256=sha256, format="yaml", problems=tuple(problems), readable=False)
    return _Walk(problems).plan(root, name, sha256)


def _text(name: str, data: bytes, problems: list[Problem]) -> str:
    """Return the text of a file that is fit to be parsed; of another, "" and a problem."""
    if len(data) > _LARGEST_TEXT:
        message = _("The text is larger than {most} MiB; a plan of a thousand tasks has half of one.")
        message = message.format(most=_LARGEST_TEXT // 2**20)
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


def _compose(text: str, problems: list[Problem]) -> _Node | None:
    """Build the tree of the only document; every tag, alias and excess is a problem."""
    root: _Node | None = None
    open_nodes: list[_Node] = []
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
                    raise _stop(event, "yaml_documents", _("The file holds several documents (---); keep one plan."))
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
    if depth > _DEEPEST:
        raise _stop(event, "yaml_depth", _("The values are nested too deeply for a plan."))
    if nodes > _MOST_NODES:
        message = _("The file holds more than {most} values; no plan does.").format(most=_MOST_NODES)
        raise _stop(event, "file_too_large", message)


def _stop(event: yaml.Event, code: str, message: str) -> _Refused:
    return _Refused(Problem(place=_place(event.start_mark), code=code, message=message))


def _node(event: yaml.NodeEvent, problems: list[Problem]) -> _Node:
    """Return the node an event begins; an alias and a tag are refused and stand as an empty or untagged value."""
    mark: Any = event.start_mark
    line, column = mark.line + 1, mark.column + 1
    if isinstance(event, yaml.ScalarEvent):
        node = _Node(line, column, "scalar", text=event.value, plain=not event.style)
    elif isinstance(event, yaml.SequenceStartEvent):
        node = _Node(line, column, "list")
    elif isinstance(event, yaml.MappingStartEvent):
        node = _Node(line, column, "mapping")
    else:
        node = _Node(line, column, "scalar", plain=True)
        _tell(problems, node, "yaml_alias", _("Aliases (*) are not accepted; write the value itself."))
    if getattr(event, "tag", None) is not None:
        _tell(problems, node, "yaml_tag", _("Tags (!) are not accepted; write the value without its tag."))
    return node


def _tell(problems: list[Problem], node: _Node, code: str, message: str) -> None:
    if len(problems) < _MOST_PROBLEMS:
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


class _Walk:
    """Walks the tree from plan to goals to tasks and collects what is wrong with its form."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.where = _("line {line}, column {column}")  # translated once: a plan has thousands of values

    def refuse(self, node: _Node, code: str, message: str) -> None:
        _tell(self.problems, node, code, message)

    def plan(self, root: _Node, name: str, sha256: str) -> PlanDraft:
        entries = self.entries(root, PLAN_KEYS)
        goals = tuple(self.goal(node) for node in self.items(entries.get("goals")))
        return PlanDraft(
            file_name=name,
            sha256=sha256,
            format="yaml",
            agency=self.cell(entries, "agency", root),
            directive=self.cell(entries, "directive", root),
            number=self.cell(entries, "number", root),
            signed=self.cell(entries, "signed", root),
            calendar=self.cell(entries, "calendar", root),
            goals=goals,
            problems=tuple(self.problems),
            readable=root.kind == "mapping",
        )

    def goal(self, node: _Node) -> GoalDraft:
        entries = self.entries(node, GOAL_KEYS)
        return GoalDraft(
            place=node.place,
            code=self.cell(entries, "code", node),
            title=self.cell(entries, "title", node),
            target=self.cell(entries, "target", node),
            tasks=tuple(self.task(task) for task in self.items(entries.get("tasks"))),
        )

    def task(self, node: _Node) -> TaskDraft:
        entries = self.entries(node, TASK_KEYS)
        return TaskDraft(
            place=node.place,
            code=self.cell(entries, "code", node),
            title=self.cell(entries, "title", node),
            responsible=self.cell(entries, "responsible", node),
            due=self.cell(entries, "due", node),
            start=self.cell(entries, "start", node),
            duration=self.cell(entries, "duration", node),
            deliverable=self.cell(entries, "deliverable", node),
            note=self.cell(entries, "note", node),
            cooperating=self.cells(entries, "cooperating"),
            after=self.cells(entries, "after"),
        )

    def entries(self, node: _Node, known: Sequence[str]) -> dict[str, _Node]:
        """Return the values of a mapping by key; unknown keys and keys written twice are refused."""
        found: dict[str, _Node] = {}
        if node.kind != "mapping":
            message = _("Expected keys with values here: {keys}.").format(keys=", ".join(known))
            self.refuse(node, "not_a_mapping", message)
            return found
        for key, value in zip(node.items[::2], node.items[1::2], strict=True):
            if key.kind != "scalar" or key.text not in known:
                near = difflib.get_close_matches(key.text[:40], known, n=1)
                message = _('No key "{key}" here. {nearest}Known keys: {keys}.').format(
                    key=key.text[:40],
                    nearest=_('Perhaps "{key}" is meant. ').format(key=near[0]) if near else "",
                    keys=", ".join(known),
                )
                self.refuse(key, "key_unknown", message)
            elif key.text in found:
                self.refuse(key, "key_twice", _('The key "{key}" stands here a second time.').format(key=key.text))
            else:
                found[key.text] = value
        return found

    def items(self, node: _Node | None) -> list[_Node]:
        """Return the items of a list; nothing and an empty value are an empty list."""
        if node is None or node.is_null:
            return []
        if node.kind != "list":
            self.refuse(node, "not_a_list", _("Expected a list here: each entry begins with a hyphen."))
            return []
        return node.items

    def cell(self, entries: dict[str, _Node], key: str, owner: _Node) -> Cell:
        """Return the value of a key; a missing one is an empty cell at the place of what should hold it."""
        node = entries.get(key)
        return self.value(node, key) if node is not None else Cell(None, owner.place)

    def cells(self, entries: dict[str, _Node], key: str) -> tuple[Cell, ...]:
        """Return the values of a key that may hold one value or a list."""
        node = entries.get(key)
        if node is None or node.is_null:
            return ()
        return tuple(self.value(item, key) for item in (node.items if node.kind == "list" else [node]))

    def value(self, node: _Node, key: str) -> Cell:
        place = self.where.format(line=node.line, column=node.column)
        if node.kind != "scalar":
            self.refuse(node, "not_a_value", _('Expected one value for "{key}" here.').format(key=key))
            return Cell(None, place)
        if node.is_null:
            return Cell(None, place)
        if node.plain and key in _DATE_KEYS and _ISO_DAY.fullmatch(node.text):
            try:
                return Cell(date.fromisoformat(node.text), place)
            except ValueError:  # 2020-02-30: stays text, and the deadline grammar asks about it
                pass
        return Cell(clean(node.text), place)
