"""A YAML file as plain mappings, lists and text, each with its line and column.

Knows no register and no directive. Scalars stay text, so that "2.10" is not 2.1: what they mean is decided by the
field they fill. Also holds what every reader of text files says of a file that it cannot read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from pathlib import Path
from typing import Any

from planner.errors import NotFound, Problem, WorldFailed, words_of
from planner.i18n import gettext as _
from planner.importer.door import seemly, take
from planner.importer.yaml_tree import Node, compose, fit_text, tell

Mark = tuple[int, int]  #: line and column, from 1
Keys = tuple[str | int, ...]  #: keys and indexes that lead to a value


def line_place(line: int, column: str | int) -> str:
    """Return the place of a value in a text file; lines count from 1, the column is a number or a heading."""
    return _("line {line}, column {column}").format(line=line, column=column)


SUFFIXES = (".csv", ".xlsx", ".yaml", ".yml")  #: of registers
LARGEST_REGISTER = 8 * 1024 * 1024  #: bytes; the 606 agencies of a province take 60 thousand


def admit(path: Path, problems: list[Problem], suffixes: Collection[str] = SUFFIXES) -> bytes:
    """Return the bytes of a register's file; of a file that is not taken in, none and a problem.

    Raises:
        OSError: the file cannot be opened.
    """
    try:
        data = take(path, suffixes, most=LARGEST_REGISTER)
    except NotFound as error:
        raise FileNotFoundError(error.message) from error
    except WorldFailed as error:
        raise OSError(error.message) from error
    if isinstance(data, Problem):
        problems.append(data)
        return b""
    return data


def unreadable(path: Path, reason: str) -> Problem:
    """Return the problem of a file that cannot be opened or understood at all."""
    message = _("The file cannot be read: {reason}. Check it and give it again.").format(reason=reason.rstrip("."))
    return Problem(place=path.name, code="file_unreadable", message=message)


def unopened(path: Path, error: OSError) -> Problem:
    """Return the problem of a file that the disk does not give."""
    missing = isinstance(error, FileNotFoundError)
    return unreadable(path, _("there is no such file") if missing else words_of(error))


def decode(path: Path, problems: list[Problem]) -> str:
    """Return a file's UTF-8 text without its byte order mark; of a file that is not taken in, "" and a problem.

    Raises:
        OSError: the file cannot be opened.
    """
    data = admit(path, problems)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = _("The file is not UTF-8 text (byte {position}). Save it again as UTF-8.")
        message = message.format(position=error.start + 1)
        problems.append(Problem(place=seemly(path.name), code="file_encoding", message=message))
        return ""


def read_yaml(path: Path) -> tuple[Any, dict[Keys, Mark], list[Problem]]:
    """Read a YAML document as mappings, lists, text and None, with the place of every value.

    Scalars stay text ("2.10", "2020-05-08"): what they mean is decided by the field they fill. Keys given twice,
    tags, aliases, and more than one document are problems.

    Raises:
        OSError: the file cannot be opened.
    """
    problems: list[Problem] = []
    marks: dict[Keys, Mark] = {}
    data = admit(path, problems)
    text = fit_text(seemly(path.name), data, problems) if not problems else ""
    root = compose(text, problems) if not problems else None
    return (_plain(root, (), marks, problems) if root is not None else None), marks, problems


def _plain(node: Node, path: Keys, marks: dict[Keys, Mark], problems: list[Problem]) -> Any:
    marks[path] = node.line, node.column
    if node.kind == "list":
        return [_plain(one, (*path, n), marks, problems) for n, one in enumerate(node.items)]
    if node.kind == "mapping":
        mapping: dict[str, Any] = {}
        for key_node, value_node in zip(node.items[::2], node.items[1::2], strict=True):
            key = key_node.text if key_node.kind == "scalar" else "?"
            if key in mapping:
                message = _('The key "{key}" stands twice; keep one.').format(key=key)
                tell(problems, key_node, "key_twice", message)
                continue
            mapping[key] = _plain(value_node, (*path, key), marks, problems)
            marks[(*path, key, "")] = key_node.line, key_node.column  # for a key that should not be there
        return mapping
    return None if node.is_null else unicodedata.normalize("NFC", node.text)
