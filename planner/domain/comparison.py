"""What differs between two versions of a plan, and which tasks seem to stand under another number.

Pure: two plans in, changes out. A task is its number; where a title stands alone in both versions and under two numbers
it was perhaps renumbered. That is said and never decided here: only who files the plan knows.
Source: design notes "Plan and task lifecycle" (a new version keeps task identity by code).
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from planner.domain.agency import name_key
from planner.domain.plan import Goal, Plan, PlannedTask
from planner.i18n import N_

#: field of a task, in the order of the table -> message id of its name
TASK_FIELDS: Mapping[str, str] = {
    "title": N_("Title"),
    "goal": N_("Goal"),
    "responsible": N_("Answers for it"),
    "cooperating": N_("Cooperating agencies"),
    "due_text": N_("Deadline as filed"),
    "last_day": N_("Last day"),
    "start": N_("From"),
    "duration": N_("Duration"),
    "deliverable": N_("Deliverable"),
    "after": N_("Waits for"),
    "note": N_("Note"),
}
_GOAL_FIELDS: Mapping[str, str] = {"code": N_("Number"), "title": N_("Title"), "target": N_("Target")}
_PLAN_FIELDS: Mapping[str, str] = {"number": N_("Number"), "signed": N_("Signed on"), "calendar": N_("Calendar")}
#: field -> message id of its name, whatever it is a field of
FIELD_NAMES: Mapping[str, str] = {**_PLAN_FIELDS, **_GOAL_FIELDS, **TASK_FIELDS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Renumbering:
    """One title that stands under another number than before."""

    old: str  #: task code in the older version
    new: str  #: task code in the newer one
    title: str  #: as the newer version writes it


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One field that says something else than before."""

    what: str  #: "task", "goal" or "plan"
    code: str  #: of the task or goal in the newer version; "" for the plan itself
    title: str  #: of the task or goal, as the newer version writes it
    field: str  #: "title", "due_text" ...: a key of `FIELD_NAMES`
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Everything that differs between two versions."""

    added: tuple[PlannedTask, ...] = ()
    removed: tuple[PlannedTask, ...] = ()
    renumbered: tuple[Renumbering, ...] = ()
    changed: tuple[Difference, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.renumbered or self.changed)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many tasks came, went, moved to another number, and say something else than before."""
        return {
            "added": len(self.added),
            "removed": len(self.removed),
            "renumbered": len(self.renumbered),
            "changed": len({one.code for one in self.changed if one.what == "task"}),
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of `planner plan diff`."""
        return {
            "counts": self.counts,
            "added": [{"code": task.code, "title": task.title} for task in self.added],
            "removed": [{"code": task.code, "title": task.title} for task in self.removed],
            "renumbered": [{"from": one.old, "to": one.new, "title": one.title} for one in self.renumbered],
            "changed": [
                {
                    "what": one.what,
                    "code": one.code,
                    "title": one.title,
                    "field": one.field,
                    "before": _plain(one.before),
                    "after": _plain(one.after),
                }
                for one in self.changed
            ],
        }


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, kw_only=True, slots=True)
class Titled:
    """A task as far as it takes to recognise it: its goal's words and its own."""

    goal: str
    title: str


def titles_of(plan: Plan) -> dict[str, Titled]:
    """Return each task's words by its code."""
    return {task.code: Titled(goal=goal.title, title=task.title) for goal in plan.goals for task in goal.tasks}


def renumberings(old: Mapping[str, Titled], new: Mapping[str, Titled]) -> tuple[Renumbering, ...]:
    """Return the tasks whose title stands once before and once now, under different codes; in the order of `new`.

    Codes that are gone, codes that are shifted by a new row and codes that changed places are all recognised. Where a
    title stands several times ("Báo cáo kết quả" under each goal), the goal's title decides; where that does not decide
    either, nothing is said. Case, spaces and the place of tone marks do not matter.
    """
    found: dict[str, str] = {}  # new code -> old code
    for with_goal in (True, False):
        before, now, taken = _once(old, with_goal), _once(new, with_goal), set(found.values())
        for key, code in now.items():
            if key in before and code not in found and before[key] not in taken:
                found[code] = before[key]
    return tuple(
        Renumbering(old=found[code], new=code, title=words.title)
        for code, words in new.items()
        if code in found and found[code] != code
    )


def _once(tasks: Mapping[str, Titled], with_goal: bool) -> dict[tuple[str, ...], str]:
    """Return code by words, for words that stand once."""
    keys = {
        code: (name_key(words.goal), name_key(words.title)) if with_goal else (name_key(words.title),)
        for code, words in tasks.items()
    }
    count = Counter(keys.values())
    return {key: code for code, key in keys.items() if count[key] == 1 and key[-1]}


_ALIKE = 0.8  # of 1: titles nearer than this are shown beside each other
_COMPARED = 160  # characters of a title
_MOST_COMPARED = 400  # titles; the search is slow, and a wholly new plan asks for each of its tasks


def similar(title: str, candidates: Mapping[str, str]) -> str | None:
    """Return the code whose title is most like `title`, if any is much like it; a hint for people, never a decision.

    Args:
        title: what to look for.
        candidates: titles by code; of a long list only the first few hundred are compared.
    """
    wanted = name_key(title)[:_COMPARED]
    by_title = {name_key(text)[:_COMPARED]: code for code, text in list(candidates.items())[:_MOST_COMPARED]}
    near = difflib.get_close_matches(wanted, by_title, n=1, cutoff=_ALIKE)
    return by_title[near[0]] if near else None


def compare(old: Plan, new: Plan, renumbered: Mapping[str, str] | None = None) -> Comparison:
    """Return what differs from `old` to `new`.

    Args:
        old: the older version.
        new: the newer one.
        renumbered: new code by old code, where it is known; None: what `renumberings` recognises.
    """
    pairs = renumbered
    if pairs is None:
        pairs = {one.old: one.new for one in renumberings(titles_of(old), titles_of(new))}
    before = {task.code: (goal, task) for goal in old.goals for task in goal.tasks}
    now = {task.code: (goal, task) for goal in new.goals for task in goal.tasks}
    came_from = {code: one for one, code in pairs.items() if one in before and code in now}
    moved_away = set(came_from.values())
    same = {
        code: came_from.get(code, code)
        for code in now
        if code in came_from or (code in before and code not in moved_away)
    }
    continued = set(same.values())
    follow = {one: code for code, one in came_from.items()}
    changed = [
        Difference(what="plan", code="", title="", field=field, before=getattr(old, field), after=getattr(new, field))
        for field in _PLAN_FIELDS
        if getattr(old, field) != getattr(new, field)
    ]
    was_goal = _same_goals(old, new)
    goal_now = {one.code: code for code, one in was_goal.items()}
    for goal in new.goals:
        before_it = was_goal.get(goal.code)
        changed += [
            Difference(what="goal", code=goal.code, title=goal.title, field=field, before=was, after=value)
            for field in _GOAL_FIELDS
            if (value := getattr(goal, field)) != (was := getattr(before_it, field, None))
        ]
    changed += [
        Difference(what="goal", code=goal.code, title=goal.title, field="code", before=goal.code, after=None)
        for goal in old.goals
        if goal.code not in goal_now
    ]
    for code, one in same.items():
        was_words, words = _words(*before[one], follow, goal_now), _words(*now[code], {}, {})
        changed += [
            Difference(
                what="task",
                code=code,
                title=now[code][1].title,
                field=field,
                before=was_words[field],
                after=words[field],
            )
            for field in TASK_FIELDS
            if was_words[field] != words[field]
        ]
    return Comparison(
        added=tuple(task for code, (_goal, task) in now.items() if code not in same),
        removed=tuple(task for code, (_goal, task) in before.items() if code not in continued),
        renumbered=tuple(
            Renumbering(old=came_from[code], new=code, title=now[code][1].title) for code in now if code in came_from
        ),
        changed=tuple(changed),
    )


def _same_goals(old: Plan, new: Plan) -> dict[str, Goal]:
    """Return the goal of the older version by its code in the newer one: of the same words, else of the same code."""
    words: dict[str, list[Goal]] = {}
    for goal in old.goals:
        words.setdefault(name_key(goal.title), []).append(goal)
    alone = Counter(name_key(goal.title) for goal in new.goals)
    found: dict[str, Goal] = {}
    for goal in new.goals:
        like = words.get(name_key(goal.title), [])
        if len(like) == 1 and alone[name_key(goal.title)] == 1:
            found[goal.code] = like[0]
    taken = {one.code for one in found.values()}
    by_code = {goal.code: goal for goal in old.goals if goal.code not in taken}
    for goal in new.goals:
        if goal.code not in found and goal.code in by_code:
            found[goal.code] = by_code[goal.code]
    return found


def _words(goal: Goal, task: PlannedTask, follow: Mapping[str, str], goal_now: Mapping[str, str]) -> dict[str, Any]:
    """Return what a task says, field by field.

    `follow` renames the tasks of the plan it waits for, `goal_now` its goal.
    """
    return {
        "title": task.title,
        "goal": goal_now.get(goal.code, goal.code),
        "responsible": task.responsible,
        "cooperating": task.cooperating,
        "due_text": task.deadline.text,
        "last_day": task.deadline.last_day,
        "start": task.start,
        "duration": task.duration,
        "deliverable": task.deliverable,
        "after": tuple(follow.get(reference, reference) for reference in task.after),
        "note": task.note,
    }
