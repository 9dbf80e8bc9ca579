"""A YAML file as plain mappings, lists and text, each with its line and column.

Knows no register and no directive. Scalars stay text, so that "2.10" is not 2.1: what they mean is decided by the
field they fill. Also holds what every reader of text files says of a file that it cannot read.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import yaml

from planner.errors import Problem
from planner.i18n import gettext as _

Mark = tuple[int, int]  #: line and column, from 1
Keys = tuple[str | int, ...]  #: keys and indexes that lead to a value


def line_place(line: int, column: str | int) -> str:
    """Return the place of a value in a text file; lines count from 1, the column is a number or a heading."""
    return _("line {line}, column {column}").format(line=line, column=column)


def unreadable(path: Path, reason: str) -> Problem:
    """Return the problem of a file that cannot be opened or understood at all."""
    message = _("The file cannot be read: {reason}. Check it and give it again.").format(reason=reason.rstrip("."))
    return Problem(place=path.name, code="file_unreadable", message=message)


def unopened(path: Path, error: OSError) -> Problem:
    """Return the problem of a file that the disk does not give."""
    missing = isinstance(error, FileNotFoundError)
    return unreadable(path, _("there is no such file") if missing else error.strerror or str(error))


def decode(path: Path, problems: list[Problem]) -> str:
    """Return a file's UTF-8 text without its byte order mark; of another encoding, "" and a problem.

    Raises:
        OSError: the file cannot be opened.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = _("The file is not UTF-8 text (byte {position}). Save it again as UTF-8.")
        message = message.format(position=error.start + 1)
        problems.append(Problem(place=path.name, code="file_encoding", message=message))
        return ""


def read_yaml(path: Path) -> tuple[Any, dict[Keys, Mark], list[Problem]]:
    """Read a YAML document as mappings, lists, text and None, with the place of every value.

    Scalars stay text ("2.10", "2020-05-08"): what they mean is decided by the field they fill. Keys given twice,
    anchors and aliases, and more than one document are problems.

    Raises:
        OSError: the file cannot be opened.
    """
    problems: list[Problem] = []
    text = decode(path, problems)
    marks: dict[Keys, Mark] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = _plain(node, (), marks, problems, set()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        place = line_place(at.line + 1, at.column + 1) if at else path.name
        reason = error.problem or str(error)
        problems.append(Problem(place=place, code="yaml", message=unreadable(path, reason).message))
        return None, marks, problems
    except (yaml.YAMLError, RecursionError) as error:
        problems.append(unreadable(path, str(error)))
        return None, marks, problems
    return document, marks, problems


def _plain(node: yaml.Node, path: Keys, marks: dict[Keys, Mark], problems: list[Problem], seen: set[int]) -> Any:
    mark = (node.start_mark.line + 1, node.start_mark.column + 1)
    marks[path] = mark
    if id(node) in seen:
        message = _("Anchors and aliases are not read; write the value out.")
        problems.append(Problem(place=line_place(*mark), code="yaml_alias", message=message))
        return None
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one, (*path, n), marks, problems, seen) for n, one in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            at = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key in mapping:
                message = _('The key "{key}" stands twice; keep one.').format(key=key)
                problems.append(Problem(place=line_place(*at), code="key_twice", message=message))
                continue
            mapping[key] = _plain(value_node, (*path, key), marks, problems, seen)
            marks[(*path, key, "")] = at  # the key's own place, for a key that should not be there
        return mapping
    return None if node.tag == "tag:yaml.org,2002:null" else unicodedata.normalize("NFC", node.value)
