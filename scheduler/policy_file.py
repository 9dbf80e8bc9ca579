"""A policy file as plain values, each with its line, and everything wrong with the file.

Knows YAML and nothing of what the values mean (`scheduler/policy.py` does). Every scalar stays text: 17:00 is an hour
and not a number of minutes, "no" is a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from planner.errors import Problem
from planner.i18n import gettext as _

Place = tuple[int | str, ...]


class PolicyFile:
    """A policy file as plain values, the line of each value, and what is wrong with it."""

    def __init__(self, path: Path, keys: Sequence[str]) -> None:
        self.path = path
        self._keys = ", ".join(keys)  # what the document must have, for messages
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
