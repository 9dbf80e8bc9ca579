"""The reminder ladder as data: when each rung falls due, who is told, and at what hours mail may go.

A policy is a YAML file, read strictly: an unknown key, a key given twice, a role or trigger that does not exist are all
problems, each with its line. Knows no tasks and no people. Source: design notes "Reminders and escalations".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import time
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from planner.domain.notification import NoticeKind
from planner.domain.span import PATTERN as SPAN_PATTERN
from planner.domain.span import Span, parse_span
from planner.errors import InputRejected
from planner.i18n import N_
from planner.i18n import gettext as _
from scheduler.policy_file import PolicyFile, shown
from scheduler.rules import TRIGGER_PATTERN, Anchor, Trigger, parse_trigger

DEFAULT_FILE = Path(__file__).parent / "policies" / "default.yaml"
MOST_RUNGS = 200  #: the shipped ladder has eighteen; each is looked at for each task
SCHEMA_FILE = DEFAULT_FILE.with_name("policy.schema.json")


class Role(StrEnum):
    """Whom a rung may tell; `scheduler/ladder.py` finds the person."""

    RESPONSIBLE = "responsible"
    SUBSTITUTE = "substitute"
    FOCAL = "focal"
    AGENCY_HEAD = "agency_head"
    PARENT_AGENCY = "parent_agency"
    DEPARTMENT = "department"
    CHAIRMAN_LIST = "chairman_list"

    @property
    def label(self) -> str:
        """Return the message id of the role's name, as it stands in a sentence."""
        return _ROLE_LABELS[self]

    @property
    def does_the_work(self) -> bool:
        """Whether the role stands for the one who does the work, not for somebody above."""
        return self in (Role.RESPONSIBLE, Role.SUBSTITUTE)


_ROLE_LABELS = {
    Role.RESPONSIBLE: N_("the responsible person"),
    Role.SUBSTITUTE: N_("the responsible person's substitute"),
    Role.FOCAL: N_("the focal officer"),
    Role.AGENCY_HEAD: N_("the head of the agency"),
    Role.PARENT_AGENCY: N_("the head of the agency above"),
    Role.DEPARTMENT: N_("the monitoring agency"),
    Role.CHAIRMAN_LIST: N_("the compiler of the Chairman's list"),
}
_KINDS = {
    Anchor.DUE: (
        NoticeKind.REMINDER,
        NoticeKind.OVERDUE,
        NoticeKind.ESCALATION,
        NoticeKind.URGING,
        NoticeKind.CHAIRMAN_LIST,
    ),
    Anchor.FILING: (NoticeKind.FILING, NoticeKind.URGING, NoticeKind.CHAIRMAN_LIST),
    Anchor.SUBMITTED: (NoticeKind.CONFIRMATION,),
    Anchor.RETURNED: (NoticeKind.RETURNED,),
    Anchor.AT_RISK: (NoticeKind.AT_RISK,),
}


CLOCK_PATTERN = r"^([01]?[0-9]|2[0-3]):([0-5][0-9])$"


def choice(kind: type[StrEnum]) -> Callable[[Any], Any]:
    """Return what reads one of the members of `kind` and names them all when it finds another word."""

    def read(value: Any) -> Any:
        if value in tuple(kind):
            return kind(value)
        message = _('Found "{found}", expected one of: {expected}.')
        raise ValueError(message.format(found=shown(value), expected=", ".join(kind)))

    return read


def _clock(value: Any) -> time:
    if isinstance(value, time):
        return value
    found = re.fullmatch(CLOCK_PATTERN, str(value))
    if found is None:
        raise ValueError(_('Found "{found}", expected an hour such as 07:30.').format(found=shown(value)))
    return time(int(found[1]), int(found[2]))


def _trigger(value: Any) -> Trigger:
    return value if isinstance(value, Trigger) else parse_trigger(shown(value))


def _span(value: Any) -> Span:
    return value if isinstance(value, Span) else parse_span(shown(value))


def any_of(kind: type[StrEnum]) -> WithJsonSchema:
    """Return the JSON Schema of the members of `kind`."""
    return WithJsonSchema({"enum": [member.value for member in kind]})


def _written(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


_as_text = PlainSerializer(str, return_type=str)
Clock = Annotated[
    time,
    BeforeValidator(_clock),
    PlainSerializer(lambda at: f"{at:%H:%M}", return_type=str),
    _written(CLOCK_PATTERN, "07:30", "17:00"),
]
Length = Annotated[Span, BeforeValidator(_span), _as_text, _written(SPAN_PATTERN, "10wd", "14d")]
When = Annotated[
    Trigger, BeforeValidator(_trigger), _as_text, _written(TRIGGER_PATTERN, "due -5wd", "every 5wd from due +10wd")
]
#: an editor reads "version: 1" as a number, the policy as text
Text = Annotated[
    str,
    Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$"),
    WithJsonSchema({"type": ["string", "number"], "minLength": 1, "maxLength": 60}),
]


class Strict(BaseModel):
    """A value of a policy file: nothing in it may be unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


class Sending(Strict):
    """When mail may leave, in the province's zone."""

    opens: Clock = Field(alias="from")  #: first minute of the day
    closes: Clock = Field(alias="to")  #: from this minute on mail waits for the next day
    working_days_only: bool = True
    most_a_day: int | None = Field(default=None, ge=1)  #: mails to one person on one day, digest and all; None: no end

    @field_validator("closes")
    @classmethod
    def _after_opening(cls, closes: time, info: ValidationInfo) -> time:
        if "opens" in info.data and closes <= info.data["opens"]:
            raise ValueError(_('"to" must be later than "from".'))
        return closes


class Limit(Strict):
    """How far from today a promise or a snooze may reach."""

    most: Length


class Rung(Strict):
    """One step of the ladder."""

    name: Text  #: stands in the key of each notice: a rung renamed is a new rung
    trigger: When
    tell: tuple[Annotated[Role, BeforeValidator(choice(Role)), any_of(Role)], ...] = Field(
        min_length=1, json_schema_extra={"uniqueItems": True}
    )
    kind: Annotated[NoticeKind, BeforeValidator(choice(NoticeKind)), any_of(NoticeKind)]
    urgent: bool = False  #: at once, not in the day's digest
    cap: int | None = Field(default=None, ge=1)  #: most occurrences of a repeating rung; None: no end

    @field_validator("tell")
    @classmethod
    def _roles_fit(cls, tell: tuple[Role, ...], info: ValidationInfo) -> tuple[Role, ...]:
        if len(set(tell)) < len(tell):
            raise ValueError(_("A role stands twice in the list; keep it once."))
        trigger = info.data.get("trigger")
        if trigger is not None and trigger.anchor is Anchor.FILING and any(role.does_the_work for role in tell):
            raise ValueError(_("A plan that is not filed names no responsible person; tell focal or agency_head."))
        return tell

    @field_validator("kind")
    @classmethod
    def _kind_fits(cls, kind: NoticeKind, info: ValidationInfo) -> NoticeKind:
        trigger = info.data.get("trigger")
        if trigger is not None and kind not in _KINDS[trigger.anchor]:
            message = _('A rung on "{trigger}" cannot be of kind {kind}; expected one of: {expected}.')
            raise ValueError(message.format(trigger=trigger, kind=kind, expected=", ".join(_KINDS[trigger.anchor])))
        return kind

    @field_validator("cap")
    @classmethod
    def _cap_fits(cls, cap: int | None, info: ValidationInfo) -> int | None:
        trigger = info.data.get("trigger")
        if cap is not None and trigger is not None and trigger.every is None:
            raise ValueError(_('Only a rung that repeats ("every ...") may have a cap; remove it.'))
        return cap

    def kind_for(self, role: Role) -> NoticeKind:
        """Return what the notice is to `role`: lateness is the doer's, for those above it is an escalation."""
        if self.kind is NoticeKind.OVERDUE and not role.does_the_work:
            return NoticeKind.ESCALATION
        return self.kind


class Policy(Strict):
    """A whole ladder; of two rungs that fall on one day the later in the list stands higher."""

    name: Text
    version: Text
    sending: Sending
    acknowledge: Limit = Limit(most=Span(count=10, unit="wd"))
    snooze: Limit = Limit(most=Span(count=20, unit="wd"))
    rungs: tuple[Rung, ...] = Field(min_length=1, max_length=MOST_RUNGS)

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Policy:
        """Return the policy that `content` was taken from; it was checked when it was loaded."""
        return cls.model_validate(content)

    @cached_property
    def content(self) -> dict[str, Any]:
        """Return the whole policy as JSON values: what is kept for the cases that begin under it."""
        return self.model_dump(mode="json", by_alias=True)

    @cached_property
    def hash(self) -> str:
        """Return the SHA-256 of the content; spaces, comments and the order of keys do not change it."""
        return hashlib.sha256(json.dumps(self.content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def on(self, anchor: Anchor) -> tuple[tuple[int, Rung], ...]:
        """Return the rungs that count from `anchor`, each with its place in the ladder."""
        return tuple((place, rung) for place, rung in enumerate(self.rungs) if rung.trigger.anchor is anchor)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy file, for editors; what it cannot say, `load` checks."""
    made = Policy.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Reminder policy of planner",
        **{key: value for key, value in made.items() if key != "title"},
    }


def schema_text() -> str:
    """Return the schema as the shipped file holds it."""
    return json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"


def load(path: Path | None = None) -> Policy:
    """Read and check a policy file; None: the shipped one.

    Raises:
        InputRejected: the file cannot be used; `.problems` holds everything wrong with it, each with its line.
    """
    source = PolicyFile(path or DEFAULT_FILE, Policy)
    data = source.read()
    policy = None
    if data is not None:
        policy = source.understood(data, Policy)
        _note_twins(data, source)
    if source.problems or policy is None:
        message = _("The policy {file} has problems; correct them and run the command again.")
        raise InputRejected(message.format(file=source.path), source.sorted_problems())
    return policy


def _note_twins(data: Any, source: PolicyFile) -> None:
    """Note rungs that share a name or a trigger: of two on one day only the later would ever be told."""
    rungs = data.get("rungs") if isinstance(data, dict) else None
    for key, message in (
        ("name", _('Another rung is named "{value}" already; each needs a name of its own.')),
        ("trigger", _('Another rung stands on "{value}" already; put the roles of both into one.')),
    ):
        seen = set()
        for n, rung in enumerate(rungs if isinstance(rungs, list) else ()):
            value = rung.get(key) if isinstance(rung, dict) else None
            if not isinstance(value, str):
                continue
            plain = " ".join(value.lower().split()) if key == "trigger" else value
            if plain in seen:
                source.add(("rungs", n, key), message.format(value=value))
            seen.add(plain)
