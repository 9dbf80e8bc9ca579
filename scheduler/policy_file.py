"""A policy file as plain values, each with its line, and everything wrong with the file in our own words.

Knows YAML and the shape of a model, and nothing of what the values mean (`scheduler/policy.py` and `scheduler/trial.py`
do). Every scalar stays text: 17:00 is an hour and not a number of minutes, "no" is a word.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from planner.errors import Problem
from planner.i18n import N_
from planner.i18n import gettext as _

Place = tuple[int | str, ...]
_Model = TypeVar("_Model", bound=BaseModel)


class PolicyFile:
    """A policy file as plain values, the line of each value, and what is wrong with it."""

    def __init__(self, path: Path, model: type[BaseModel]) -> None:
        self.path = path
        self._keys = ", ".join(_keys_of(model))  # what the document must have, for messages
        self.problems: list[tuple[tuple[int, int], str, str]] = []  # line and column, code, message
        self._marks: dict[Place, tuple[int, int]] = {}

    def read(self) -> Any:
        """Return the document, or None when it cannot be read at all; every scalar stays text."""
        unreadable = _("The policy cannot be read: {reason}.")
        try:
            text = self.path.read_text(encoding="utf-8-sig")
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._note(
                (mark.line + 1, mark.column + 1) if mark else (1, 1),
                "policy_yaml",
                unreadable.format(reason=error.problem),
            )
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            self._note((1, 1), "policy_file", unreadable.format(reason=error))
        else:
            if isinstance(node, yaml.MappingNode):
                return self._plain(node, (), set())
            self._note((1, 1), "policy_shape", _("Expected the keys: {known}.").format(known=self._keys))
        return None

    def understood(self, data: Any, model: type[_Model]) -> _Model | None:
        """Return the document as a value; None when something in it is wrong, which is noted."""
        try:
            return model.model_validate(data)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            for found in errors:
                # A list whose entries are all refused is not also "too short".
                if found["type"] != "too_short" or not any(_inside(other["loc"], found["loc"]) for other in errors):
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

    def _plain(self, node: yaml.Node, loc: Place, seen: set[int]) -> Any:
        self._marks[loc] = mark = (node.start_mark.line + 1, node.start_mark.column + 1)
        if id(node) in seen:
            self._note(mark, "policy_alias", _("Anchors and aliases are not read; write the value out."))
            return ""
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*loc, n), seen) for n, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return None if node.tag.endswith(":null") else node.value
        found: dict[str, Any] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            if key in found:
                mark = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
                self._note(mark, "policy_key_twice", _('The key "{key}" stands twice; keep one.').format(key=key))
                continue
            found[key] = self._plain(value, (*loc, key), seen)
        return found


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
    return _(key).format(key=loc[-1] if loc else "", found=found["input"], known=", ".join(_keys_of(model)))
