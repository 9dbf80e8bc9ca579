"""What a directive must state to be entered, and how it is told that something is missing or cannot be read.

The models are the form of the file: a key they do not name is refused. Where a value came from (a line of YAML, a cell)
is handed in as `Places`; every complaint is told there, in the reader's language. Knows no file and no register.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from planner.domain.agency import Tier
from planner.errors import Problem
from planner.i18n import gettext as _
from planner.importer.plain_yaml import Keys
from planner.importer.tables import clean, plain_date

LONGEST_CODE = 20  #: characters of a target's or an assignment's number, as the database keeps them
LONGEST_TEXT = 2000  #: characters of a title, duty or result

_TOO_LONG = ("string_too_long", "too_long")  # the library's words for text, by the order of its validators

Places = Mapping[Keys, str]  #: keys that lead to a value -> where it stands

Text = Annotated[
    str,
    BeforeValidator(lambda value: clean(value) if isinstance(value, str) else value),
    StringConstraints(max_length=LONGEST_TEXT),
]
Filled = Annotated[Text, StringConstraints(min_length=1)]
Slug = Annotated[Text, StringConstraints(pattern=r"^[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*$", max_length=64)]
Code = Annotated[Text, StringConstraints(pattern=r"^[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*$", max_length=LONGEST_CODE)]


def _day(value: Any) -> date:
    day = plain_date(value.strip()) if isinstance(value, str) else None
    if day is None:  # the library alone would take "0" for a day of 1970
        raise PydanticCustomError("date_form", "not a day")
    return day


def _number(value: Any) -> Any:
    """Take the decimal comma and the percent sign as people write them: "98,5%"."""
    return value.strip().removesuffix("%").rstrip().replace(",", ".") if isinstance(value, str) else value


Day = Annotated[date, BeforeValidator(_day)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FilingForm(_Form):
    """Who owes a plan, and by when."""

    duty: Filled
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    deadline: Day | None = None
    note: Text = ""


class TargetForm(_Form):
    """One value to reach."""

    code: Code
    title: Filled
    value: Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False, ge=-1e12, le=1e12)]
    unit: Annotated[Text, StringConstraints(max_length=60)] = "%"
    tiers: tuple[Tier, ...] = ()
    holds_from: Day | None = None
    by: Day | None = None


class AssignmentForm(_Form):
    """One task that the directive gives; `agency` may name several or a group, each then has the task for its own."""

    code: Code
    title: Filled
    agency: Filled
    cooperating: tuple[Filled, ...] = ()
    due: Text = ""
    deliverable: Text = ""


class DirectiveForm(_Form):
    """A directive as its file states it."""

    code: Slug
    number: Annotated[Text, StringConstraints(max_length=100)] = ""
    title: Filled
    issuer: Filled
    issued_on: Day
    filing: FilingForm | None = None
    targets: tuple[TargetForm, ...] = ()
    assignments: tuple[AssignmentForm, ...] = ()
    recipients: tuple[Filled, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a file states, not judged yet: plain mappings, lists and text, each with its place."""

    document: Mapping[str, Any]
    places: Places
    day_first: bool | None = True  #: how the file writes "12/1/2025"; None: not to be told


def fill(stated: Stated) -> tuple[DirectiveForm | None, list[Problem]]:
    """Return the filled form, or None and every reason why it cannot be filled."""
    try:
        return DirectiveForm.model_validate(_without_blanks(stated.document)), []
    except ValidationError as error:
        places = [one["loc"] for one in error.errors()]
        return None, [
            _problem(one, stated.places)
            for one in error.errors()
            # a list that is empty only because what it holds is wrong is no second problem
            if one["type"] != "too_short" or not any(len(at) > len(one["loc"]) for at in places if _within(at, one))
        ]


def _within(place: tuple[int | str, ...], error: ErrorDetails) -> bool:
    return place[: len(error["loc"])] == error["loc"]


def _without_blanks(value: Any) -> Any:
    """Drop keys without a value: "deadline:" with nothing behind it is a key not given."""
    if isinstance(value, Mapping):
        return {key: _without_blanks(one) for key, one in value.items() if one is not None}
    return [_without_blanks(one) for one in value] if isinstance(value, list) else value


def _problem(error: ErrorDetails, places: Places) -> Problem:
    """Tell one complaint of the models in the reader's language, at the place it is about."""
    keys: Keys = tuple(error["loc"])
    name, kind, found = str(keys[-1]), error["type"], error["input"]
    at = places.get((*keys, "")) if kind == "extra_forbidden" else None
    while at is None:  # a missing key is told at the entry that lacks it
        at, keys = places.get(keys), keys[:-1]
    shown = found[:80] if isinstance(found, str) else type(found).__name__
    if kind == "missing" and len(error["loc"]) == 1:
        message = _('The directive does not state "{key}"; write it in the file or give --{option}.')
        code, message = "value_missing", message.format(key=name, option=name.replace("_", "-"))
    elif kind == "missing":
        code, message = "value_missing", _('The key "{key}" is missing; a value is required.').format(key=name)
    elif kind == "extra_forbidden":
        keys_known = ", ".join(_form_at(error["loc"]).model_fields)
        message = _('The key "{key}" is not expected here. Known keys: {keys}.').format(key=name, keys=keys_known)
        code = "key_unknown"
    elif kind == "date_form":
        code, message = (
            "date_form",
            _('Found "{found}"; expected a day as 31/5/2020 or 2020-05-31.').format(found=shown),
        )
    elif kind in ("float_parsing", "float_type", "finite_number", "greater_than_equal", "less_than_equal"):
        code, message = "number_form", _('Found "{found}"; expected a number such as 98.5.').format(found=shown)
    elif kind == "enum":
        message = _('Found "{found}"; expected one of: {expected}.').format(found=shown, expected="; ".join(Tier))
        code = "tier_unknown"
    elif kind in ("string_too_short", "string_type") or (kind == "too_short" and isinstance(found, str)):
        code, message = "value_missing", _('"{key}" has no text; a value is required.').format(key=name)
    elif kind == "string_pattern_mismatch" or (kind in _TOO_LONG and name == "code"):
        most = 64 if len(error["loc"]) == 1 else LONGEST_CODE
        message = _('Found "{found}"; a code has letters a-z, digits, "-" and ".", at most {most}.')
        code, message = "code_form", message.format(found=shown, most=most)
    elif kind in _TOO_LONG and isinstance(found, str):
        message = _("The text has {count} characters, at most {most} are kept; shorten it.")
        message = message.format(count=len(found), most=error["ctx"]["max_length"])
        code = "text_too_long"
    elif kind in ("tuple_type", "too_short"):
        message = _('"{key}" must be a list with at least one value: [value, value].').format(key=name)
        code = "list_form"
    else:
        message = _('Found "{found}", which cannot be read here; compare the sample directive.').format(found=shown)
        code = "value_form"
    return Problem(place=at, code=code, message=message)


def _form_at(loc: tuple[int | str, ...]) -> type[BaseModel]:
    forms: dict[str, type[BaseModel]] = {"filing": FilingForm, "targets": TargetForm, "assignments": AssignmentForm}
    return forms[str(loc[0])] if len(loc) > 1 else DirectiveForm
