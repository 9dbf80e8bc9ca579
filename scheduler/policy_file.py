"""A policy file as plain values, each with its line, and everything wrong with the file in our own words.

Knows YAML and the shape of a model, and nothing of what the values mean (`scheduler/policy.py` and `scheduler/trial.py`
do). Every scalar stays text: 17:00 is an hour and not a number of minutes, "no" is a word. Bounded in size and depth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from planner.errors import Problem, words_of
from planner.i18n import N_
from planner.i18n import gettext as _

Place = tuple[int | str, ...]
_Model = TypeVar("_Model", bound=BaseModel)


LARGEST = 1024 * 1024  #: bytes; the shipped ladder takes three thousand
DEEPEST = 20
LONGEST = 200  #: characters of one value
_MOST_SHOWN = 60
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})


def shown(value: Any) -> str:
    """Return a value as a message names it: text, shortened; a list or mapping stands as dots in its brackets."""
    if isinstance(value, list | tuple):
        return "[...]"
    if isinstance(value, dict):
        return "{...}"
    text = "" if value is None else str(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


class _Unreadable(Exception):
    """The file cannot be read on from here: where, the code, and what to do."""

    def __init__(self, mark: tuple[int, int], message: str, code: str = "policy_yaml") -> None:
        super().__init__(message)
        self.mark, self.code, self.message = mark, code, message


class PolicyFile:
    """A policy file as plain values, the line of each value, and what is wrong with it."""

    def __init__(self, path: Path, model: type[BaseModel]) -> None:
        self.path = path
        self._keys = ", ".join(_keys_of(model))  # what the document must have, for messages
        self.problems: list[tuple[tuple[int, int], str, str]] = []  # line and column, code, message
        self._marks: dict[Place, tuple[int, int]] = {}
        self._refused: set[Place] = set()  # whose content was not read, and is not judged

    def read(self) -> Any:
        """Return the document, or None when it cannot be read at all; every scalar stays text."""
        try:
            node = _composed(self._text())
        except _Unreadable as error:
            self._note(error.mark, error.code, error.message)
            return None
        if node is None or node.kind != "mapping":
            self._note((1, 1), "policy_shape", _("Expected the keys: {known}.").format(known=self._keys))
            return None
        return self._plain(node, ())

    def _text(self) -> str:
        try:
            with self.path.open("rb") as file:
                data = file.read(LARGEST + 1)
        except OSError as error:
            message = _("The file cannot be read: {reason}. Check it and give it again.")
            reason = _("there is no such file") if isinstance(error, FileNotFoundError) else words_of(error)
            raise _Unreadable((1, 1), message.format(reason=reason), "policy_file") from error
        if len(data) > LARGEST:
            message = _("The file is larger than {most} KiB; a policy or a table of facts takes far less.")
            raise _Unreadable((1, 1), message.format(most=LARGEST // 1024), "policy_file")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            message = _("The file is not written in UTF-8; save it as UTF-8 and try again.")
            raise _Unreadable((data[: error.start].count(b"\n") + 1, 1), message, "policy_file") from error
        found = _DIRECTIVE.search(text)
        if found:  # each is compared with all before it
            line = text.count("\n", 0, found.start()) + 1
            raise _Unreadable((line, 1), _("Lines that begin with % are not accepted; remove the line."))
        return text

    def understood(self, data: Any, model: type[_Model]) -> _Model | None:
        """Return the document as a value; None when something in it is wrong, which is noted."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            for found in errors:
                # A list whose entries are all refused is not also "too short".
                if found["type"] == "too_short" and any(_inside(other["loc"], found["loc"]) for other in errors):
                    continue
                if not any(found["loc"][:n] in self._refused for n in range(len(found["loc"]) + 1)):
                    self.add(found["loc"], _message(found, model))
        return None

    def line(self, *loc: int | str) -> int:
        """Return the line on which a value stands."""
        return self._marks.get(loc, (1, 1))[0]

    def add(self, loc: Place, message: str) -> None:
        """Note a problem at a value; a key that is missing is told at the line of what should hold it."""
        while loc and loc not in self._marks:
            loc = loc[:-1]
        self._note(self._marks.get(loc, (1, 1)), "policy_value", message)

    def sorted_problems(self) -> list[Problem]:
        """Return what is wrong from the top of the file to its end."""
        place = _("line {line}, column {column}")
        return [
            Problem(place=place.format(line=line, column=column), code=code, message=message)
            for (line, column), code, message in sorted(self.problems)
        ]

    def _note(self, mark: tuple[int, int], code: str, message: str) -> None:
        self.problems.append((mark, code, message))

    def _plain(self, node: _Node, loc: Place) -> Any:
        self._marks[loc] = node.mark
        if node.refusal:
            self._refuse(node, loc, "policy_alias" if node.kind == "alias" else "policy_tag", node.refusal)
            return ""
        if node.kind == "list":
            return [self._plain(item, (*loc, n)) for n, item in enumerate(node.items)]
        if node.kind == "scalar":
            if len(node.text) > LONGEST:
                message = _("The text has {count} characters, at most {most} are kept; shorten it.")
                self._refuse(node, loc, "policy_value", message.format(count=len(node.text), most=LONGEST))
            return None if node.plain and node.text in _NULL else node.text
        found: dict[str, Any] = {}
        for key_node, value in zip(node.items[::2], node.items[1::2], strict=True):
            key = shown(key_node.text) if key_node.kind == "scalar" else "?"
            if key in found:
                message = _('The key "{key}" stands twice; keep one.').format(key=key)
                self._note(key_node.mark, "policy_key_twice", message)
                continue
            found[key] = self._plain(value, (*loc, key))
        return found

    def _refuse(self, node: _Node, loc: Place, code: str, message: str) -> None:
        self._note(node.mark, code, message)
        self._refused.add(loc)


@dataclass(slots=True)
class _Node:
    """A value of the document."""

    mark: tuple[int, int]  #: line and column, from 1
    kind: str  #: "scalar", "list", "mapping" or "alias"
    text: str = ""
    plain: bool = False  #: a scalar without quotes
    refusal: str = ""  #: why it is not read
    items: list[_Node] = field(default_factory=list)  #: of a list; of a mapping: key, value, key, value ...


def _composed(text: str) -> _Node | None:
    """Build the tree of the only document from the parser's events; an alias is a value that is refused.

    Raises:
        _Unreadable: it is no YAML, is nested too deeply or holds several documents.
    """
    root: _Node | None = None
    open_nodes: list[_Node] = []
    documents = 0
    parser = yaml.CSafeLoader(text)
    try:
        while (event := parser.get_event()) is not None:
            if isinstance(event, yaml.NodeEvent):
                node = _node(event)
                if open_nodes:
                    open_nodes[-1].items.append(node)
                else:
                    root = node
                if node.kind in ("list", "mapping"):
                    open_nodes.append(node)
                if len(open_nodes) > DEEPEST:
                    raise _Unreadable(node.mark, _("The values are nested too deeply."))
            elif isinstance(event, yaml.CollectionEndEvent):
                open_nodes.pop()
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Unreadable(_mark(event), _("The file holds several documents (---); keep one."))
    except yaml.YAMLError as error:
        raise _stopped(error, text) from error
    finally:
        parser.dispose()
    return root


def _node(event: yaml.NodeEvent) -> _Node:
    if isinstance(event, yaml.AliasEvent):
        return _Node(_mark(event), "alias", refusal=_("Anchors and aliases are not read; write the value out."))
    tag = getattr(event, "tag", None)
    refusal = _("Tags (!) are not accepted; write the value without its tag.") if tag is not None else ""
    if isinstance(event, yaml.ScalarEvent):
        return _Node(_mark(event), "scalar", text=event.value, plain=not event.style, refusal=refusal)
    return _Node(_mark(event), "list" if isinstance(event, yaml.SequenceStartEvent) else "mapping", refusal=refusal)


def _mark(event: yaml.Event) -> tuple[int, int]:
    mark: Any = event.start_mark
    return mark.line + 1, mark.column + 1


def _stopped(error: yaml.YAMLError, text: str) -> _Unreadable:
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # a character that YAML does not know; it counts characters from the start
        before = text[: getattr(error, "position", 0) or 0]
        message = _("A character here cannot be printed; type the line anew.")
        return _Unreadable((before.count("\n") + 1, len(before) - before.rfind("\n")), message)
    message = _("The text cannot be read as YAML here; check the indentation, the colons and the quotes.")
    return _Unreadable((mark.line + 1, mark.column + 1), message)


def _inside(place: Place, outer: Place) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def _keys_of(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(root: type[BaseModel], loc: Place) -> type[BaseModel]:
    """Return the model of the value at `loc`, or of the nearest one that holds it."""
    model = root
    for part in loc:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if part in fields:
            model = _model_in(fields[str(part)].annotation) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one)) is not None), None)


_EXPECTED = {
    "missing": N_('The key "{key}" is missing.'),
    "extra_forbidden": N_('No such key: "{key}". Known keys: {known}.'),
    "string": N_('Found "{found}", expected a text of 1 to 60 characters.'),
    "bool": N_('Found "{found}", expected true or false.'),
    "int": N_('Found "{found}", expected a whole number from 1.'),
    "greater": N_('Found "{found}", expected a whole number from 1.'),
    "date": N_('Found "{found}", expected a day such as 2020-05-15.'),
    "tuple": N_("Expected a list."),
    "too_long": N_("Expected a list of at most {most} entries."),
    "too_short": N_("Expected a list with at least one entry."),
    "model": N_("Expected the keys: {known}."),
}


def _message(found: ErrorDetails, root: type[BaseModel]) -> str:
    """Return one of pydantic's findings in our own words; our own validators already speak them."""
    if found["type"] == "value_error":
        return str(found["ctx"]["error"])
    key = next((text for kind, text in _EXPECTED.items() if found["type"].startswith(kind)), None)
    if key is None:
        return found["msg"]
    loc = found["loc"]
    model = _model_at(root, loc if found["type"].startswith("model") else loc[:-1])
    return _(key).format(
        key=loc[-1] if loc else "",
        found=shown(found["input"]),
        known=", ".join(_keys_of(model)),
        most=found.get("ctx", {}).get("max_length"),
    )
