"""Reads a plan written as YAML into a draft; every value keeps its line and column.

Keys written twice or not known are refused, and no value is reinterpreted: "1.10" and "no" stay text, only a plain
2020-05-04 is a date. Judges no content; the tree of the document is built by `yaml_tree.py`.
Source: design notes, "The command line", the plan in YAML.
"""

from __future__ import annotations

import difflib
import io
import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.draft import Cell, GoalDraft, PlanDraft, TaskDraft, clean
from planner.importer.yaml_tree import MOST_PROBLEMS, Node, compose, fit_text, tell

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
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?P<hour>[ T]\d{2}:\d{2}:\d{2})?")
_MOST_COMMENTS = 60  # lines above the plan; they show how the file writes its dates, as those above a table do


def read_yaml_file(name: str, data: bytes, sha256: str) -> PlanDraft:
    """Return the draft of a YAML file; what is wrong with its form is in `draft.problems`. Never raises."""
    problems: list[Problem] = []
    text = fit_text(name, data, problems)
    root = compose(text, problems) if not problems else None
    if root is None and not problems:
        message = _("The file is empty; expected a plan with the keys {keys}.").format(keys=", ".join(PLAN_KEYS))
        problems.append(Problem(place=name, code="empty_file", message=message))
    if root is None or problems:
        return PlanDraft(file_name=name, sha256=sha256, format="yaml", problems=tuple(problems), readable=False)
    comments = itertools.takewhile(lambda line: line.startswith("#"), io.StringIO(text))
    lines = tuple(line.strip("# \n") for line in itertools.islice(comments, _MOST_COMMENTS))
    return replace(_Walk(problems).plan(root, name, sha256), heading=lines)


class _Walk:
    """Walks the tree from plan to goals to tasks and collects what is wrong with its form."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.where = _("line {line}, column {column}")  # translated once: a plan has thousands of values

    def refuse(self, node: Node, code: str, message: str) -> None:
        tell(self.problems, node, code, message)

    def plan(self, root: Node, name: str, sha256: str) -> PlanDraft:
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

    def goal(self, node: Node) -> GoalDraft:
        entries = self.entries(node, GOAL_KEYS)
        return GoalDraft(
            place=node.place,
            code=self.cell(entries, "code", node),
            title=self.cell(entries, "title", node),
            target=self.cell(entries, "target", node),
            tasks=tuple(self.task(task) for task in self.items(entries.get("tasks"))),
        )

    def task(self, node: Node) -> TaskDraft:
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

    def entries(self, node: Node, known: Sequence[str]) -> dict[str, Node]:
        """Return the values of a mapping by key; unknown keys and keys written twice are refused."""
        found: dict[str, Node] = {}
        if node.kind != "mapping":
            message = _("Expected keys with values here: {keys}.").format(keys=", ".join(known))
            self.refuse(node, "not_a_mapping", message)
            return found
        for key, value in zip(node.items[::2], node.items[1::2], strict=True):
            if len(self.problems) >= MOST_PROBLEMS:  # looking for the nearest key takes its time
                break
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

    def items(self, node: Node | None) -> list[Node]:
        """Return the items of a list; nothing and an empty value are an empty list."""
        if node is None or node.is_null:
            return []
        if node.kind != "list":
            self.refuse(node, "not_a_list", _("Expected a list here: each entry begins with a hyphen."))
            return []
        return node.items

    def cell(self, entries: dict[str, Node], key: str, owner: Node) -> Cell:
        """Return the value of a key; a missing one is an empty cell at the place of what should hold it."""
        node = entries.get(key)
        return self.value(node, key) if node is not None else Cell(None, owner.place)

    def cells(self, entries: dict[str, Node], key: str) -> tuple[Cell, ...]:
        """Return the values of a key that may hold one value or a list."""
        node = entries.get(key)
        if node is None or node.is_null:
            return ()
        return tuple(self.value(item, key) for item in (node.items if node.kind == "list" else [node]))

    def value(self, node: Node, key: str) -> Cell:
        place = self.where.format(line=node.line, column=node.column)
        if node.kind != "scalar":
            self.refuse(node, "not_a_value", _('Expected one value for "{key}" here.').format(key=key))
            return Cell(None, place)
        if node.is_null:
            return Cell(None, place)
        if node.plain and key in _DATE_KEYS and (found := _ISO_DAY.fullmatch(node.text)):
            try:
                if found["hour"]:
                    return Cell(datetime.fromisoformat(node.text), place)
                return Cell(date.fromisoformat(node.text), place)
            except ValueError:  # 2020-02-30: stays text, and the deadline grammar asks about it
                pass
        return Cell(clean(node.text), place)
