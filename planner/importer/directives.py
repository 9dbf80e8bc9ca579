"""A directive written as YAML: its targets, its direct assignments, who owes a plan and by when.

Knows no database; agency codes on record are passed in. The models below are the file's form: a key they do not name
is refused, and every complaint of theirs is told in the reader's language at its line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from planner.domain.agency import Tier
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.directive import DirectAssignment, Directive, Target
from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.dates import parse_deadline
from planner.importer.plain_yaml import Keys, Mark, line_place, read_yaml, unopened
from planner.importer.tables import clean, plain_date

CODE = r"^[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*$"

Text = Annotated[str, BeforeValidator(lambda value: clean(value) if isinstance(value, str) else value)]
Filled = Annotated[Text, StringConstraints(min_length=1)]
Code = Annotated[Text, StringConstraints(pattern=CODE, max_length=64)]


def _day(value: Any) -> date:
    day = plain_date(value.strip()) if isinstance(value, str) else None
    if day is None:  # the library alone would take "0" for a day of 1970
        raise PydanticCustomError("date_form", "not a day")
    return day


Day = Annotated[date, BeforeValidator(_day)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Filing(_Form):
    duty: Filled
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    deadline: Day | None = None
    note: Text = ""


class _Target(_Form):
    code: Code
    title: Filled
    value: Annotated[float, Field(allow_inf_nan=False)]
    unit: Text = "%"
    tiers: tuple[Tier, ...] = ()
    holds_from: Day | None = None
    by: Day | None = None


class _Assignment(_Form):
    code: Code
    title: Filled
    agency: Code
    cooperating: tuple[Code, ...] = ()
    due: Text = ""
    deliverable: Text = ""


class _Directive(_Form):
    code: Code
    number: Text = ""
    title: Filled
    issuer: Filled
    issued_on: Day
    filing: _Filing | None = None
    targets: tuple[_Target, ...] = ()
    assignments: tuple[_Assignment, ...] = ()
    recipients: tuple[Filled, ...] = ()


def read_directive(path: Path, *, known: Collection[str] | None = None) -> tuple[Directive | None, list[Problem]]:
    """Read a directive from a .yaml file.

    An assignment may have no deadline: then none is asked for. A deadline with two readings is a problem, as the
    directive itself must say what it means.

    Args:
        path: the .yaml file.
        known: agency codes on record; None: the codes of assignments are not looked up.

    Returns:
        The directive, or None if anything is wrong; and every problem.
    """
    try:
        document, marks, problems = read_yaml(path)
    except OSError as error:
        return None, [unopened(path, error)]
    if not isinstance(document, dict):
        if not problems:
            message = _("Expected a directive with the keys: {keys}.").format(keys=", ".join(_Directive.model_fields))
            problems.append(Problem(place=path.name, code="yaml_shape", message=message))
        return None, problems
    try:
        form = _Directive.model_validate(_without_blanks(document))
    except ValidationError as error:
        places = [one["loc"] for one in error.errors()]
        for one in error.errors():  # a list that is empty only because what it holds is wrong is no second problem
            if one["type"] != "too_short" or not any(len(at) > len(one["loc"]) for at in places if _within(at, one)):
                problems.append(_problem(one, marks))
        return None, problems
    directive = _directive(form)
    problems.extend(_checks(directive, marks, known))
    return (None if problems else directive), problems


def _within(place: tuple[int | str, ...], error: ErrorDetails) -> bool:
    return place[: len(error["loc"])] == error["loc"]


def _without_blanks(value: Any) -> Any:
    """Drop keys without a value: "deadline:" with nothing behind it is a key not given."""
    if isinstance(value, dict):
        return {key: _without_blanks(one) for key, one in value.items() if one is not None}
    return [_without_blanks(one) for one in value] if isinstance(value, list) else value


def _directive(form: _Directive) -> Directive:
    filing = form.filing
    return Directive(
        code=form.code,
        number=form.number,
        title=form.title,
        issuer=form.issuer,
        issued_on=form.issued_on,
        filing_duty=filing.duty if filing else "",
        filing_tiers=filing.tiers if filing else (),
        filing_deadline=filing.deadline if filing else None,
        filing_deadline_note=filing.note if filing else "",
        targets=tuple(Target(**dict(one)) for one in form.targets),
        assignments=tuple(
            DirectAssignment(
                code=one.code,
                title=one.title,
                agency=one.agency,
                deadline=_deadline(one.due, form.issued_on),
                cooperating=one.cooperating,
                deliverable=one.deliverable,
            )
            for one in form.assignments
        ),
        recipients=form.recipients,
    )


def _deadline(text: str, issued_on: date) -> Deadline:
    if not text:
        return Deadline(text="", kind=DeadlineKind.NONE)
    deadline = parse_deadline(text, signed=issued_on, day_first=True)
    # "kịp thời" names no day, and nobody is asked for one: the directive stands as it was issued.
    return replace(deadline, question=None) if deadline.kind is DeadlineKind.NONE else deadline


def _checks(directive: Directive, marks: dict[Keys, Mark], known: Collection[str] | None) -> Iterator[Problem]:
    for part, codes in (
        ("targets", [one.code for one in directive.targets]),
        ("assignments", [one.code for one in directive.assignments]),
    ):
        for n, code in enumerate(codes):
            if code in codes[:n]:
                first = line_place(*marks[(part, codes.index(code), "code")])
                message = _('"{found}" is already given at {place}; keep one.').format(found=code, place=first)
                yield Problem(place=line_place(*marks[(part, n, "code")]), code="duplicate", message=message)
    for n, target in enumerate(directive.targets):
        if target.holds_from and target.by:
            message = _("A target has a day to hold from or a last day to reach it, not both.")
            yield Problem(place=line_place(*marks[("targets", n, "by")]), code="target_days", message=message)
    for n, one in enumerate(directive.assignments):
        if one.deadline.question is not None:
            place = line_place(*marks[("assignments", n, "due")])
            yield Problem(place=place, code="date_ambiguous", message=one.deadline.question)
        keys: list[tuple[Keys, str]] = [(("assignments", n, "agency"), one.agency)]
        keys += [(("assignments", n, "cooperating", i), code) for i, code in enumerate(one.cooperating)]
        for key, code in keys:
            if known is not None and code not in known:
                message = _('"{found}" is not known, neither here nor on record; add it first or correct it.')
                yield Problem(place=line_place(*marks[key]), code="unknown", message=message.format(found=code))


def _problem(error: ErrorDetails, marks: dict[Keys, Mark]) -> Problem:
    """Tell one complaint of the models in the reader's language, at the place it is about."""
    keys: Keys = tuple(error["loc"])
    name, kind, found = str(keys[-1]), error["type"], error["input"]
    at = marks.get((*keys, "")) if kind == "extra_forbidden" else None
    while at is None:  # a missing key is told at the entry that lacks it
        at, keys = marks.get(keys), keys[:-1]
    shown = found if isinstance(found, str) else type(found).__name__
    if kind == "missing":
        code, message = "value_missing", _('The key "{key}" is missing; a value is required.').format(key=name)
    elif kind == "extra_forbidden":
        form = _form_at(error["loc"])
        keys_known = ", ".join(form.model_fields)
        message = _('The key "{key}" is not expected here. Known keys: {keys}.').format(key=name, keys=keys_known)
        code = "key_unknown"
    elif kind == "date_form":
        code, message = (
            "date_form",
            _('Found "{found}"; expected a day as 31/5/2020 or 2020-05-31.').format(found=shown),
        )
    elif kind in ("float_parsing", "float_type", "finite_number"):
        code, message = "number_form", _('Found "{found}"; expected a number such as 98.5.').format(found=shown)
    elif kind == "enum":
        message = _('Found "{found}"; expected one of: {expected}.').format(found=shown, expected="; ".join(Tier))
        code = "tier_unknown"
    elif kind in ("string_too_short", "string_type") or (kind == "too_short" and isinstance(found, str)):
        code, message = "value_missing", _('"{key}" has no text; a value is required.').format(key=name)
    elif kind in ("string_pattern_mismatch", "string_too_long", "too_long"):
        message = _('Found "{found}"; a code has letters a-z, digits, "-" and ".", at most 64.').format(found=shown)
        code = "code_form"
    elif kind in ("tuple_type", "too_short"):
        message = _('"{key}" must be a list with at least one value: [value, value].').format(key=name)
        code = "list_form"
    else:
        message = _('Found "{found}", which cannot be read here; compare the sample directive.').format(found=shown)
        code = "value_form"
    return Problem(place=line_place(*at), code=code, message=message)


def _form_at(loc: tuple[int | str, ...]) -> type[BaseModel]:
    forms: dict[str, type[BaseModel]] = {"filing": _Filing, "targets": _Target, "assignments": _Assignment}
    return forms[str(loc[0])] if len(loc) > 1 else _Directive
