"""Domain values as canonical JSON, both ways: what the event log hashes and the content columns hold.

Canonical: sorted keys, no spaces, UTF-8, absent values left in place as null, so that one value has one text.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter

from planner.domain import changes
from planner.domain.deadline import Deadline
from planner.domain.directive import Directive
from planner.domain.plan import Pause, Plan
from planner.i18n import N_
from planner.store.engine import JsonText

#: event kind -> the change it records; the kind is what stands in the log for ever, class names may move
KINDS: dict[str, type] = {
    "agencies.imported": changes.AgenciesImported,
    "agencies.succeeded": changes.SuccessionsRecorded,
    "officers.imported": changes.OfficersImported,
    "officer.absent": changes.AbsenceRecorded,
    "address.died": changes.AddressDied,
    "address.revived": changes.AddressRevived,
    "mail.resolved": changes.MailResolved,
    "directive.imported": changes.DirectiveImported,
    "plan.filed": changes.PlanFiled,
    "plan.decided": changes.PlanDecided,
    "task.moved": changes.TaskMoved,
    "task.extended": changes.TaskExtended,
    "task.acknowledged": changes.TaskAcknowledged,
    "task.snoozed": changes.TaskSnoozed,
    "task.resumed": changes.TaskResumed,
    "policy.moved": changes.PolicyMoved,
    "target.reported": changes.TargetReported,
}
#: event kind -> message id of what people read in its place
LABELS: dict[str, str] = {
    "agencies.imported": N_("agencies entered"),
    "agencies.succeeded": N_("agencies taken over"),
    "officers.imported": N_("officers entered"),
    "officer.absent": N_("absence recorded"),
    "address.died": N_("mail does not arrive at an address"),
    "address.revived": N_("address in use again"),
    "mail.resolved": N_("fate of a mail settled by a person"),
    "directive.imported": N_("directive entered"),
    "plan.filed": N_("plan filed"),
    "plan.decided": N_("plan accepted or returned"),
    "task.moved": N_("state or progress reported"),
    "task.extended": N_("deadline extended"),
    "task.acknowledged": N_("a day promised"),
    "task.snoozed": N_("reminders held"),
    "task.resumed": N_("reminders go on"),
    "policy.moved": N_("reminders moved to another version of the policy"),
    "target.reported": N_("target value reported"),
}
_KIND_OF = {cls: kind for kind, cls in KINDS.items()}


# made once: a call of json.dumps with options makes one each time
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(cls: type) -> TypeAdapter[Any]:
    # built once a class: making one costs a hundred times more than using it
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]


def to_plain(value: Any) -> Any:
    """Return a domain value as plain JSON data."""
    return _adapter(type(value)).dump_python(value, mode="json")


def canonical(data: Any) -> str:
    """Return plain data as canonical JSON text."""
    return _encode(data)


@lru_cache(maxsize=4096)
def deadline_text(deadline: Deadline) -> JsonText:
    """Return a deadline as JSON text; many tasks have the same one."""
    return JsonText(canonical(to_plain(deadline)))


def pause_from(data: Any) -> Pause | None:
    """Return a Pause from its plain form; None stays None."""
    value: Pause | None = None if data is None else _adapter(Pause).validate_python(data)
    return value


def kind_of(change: changes.Change) -> str:
    """Return the event kind of a change."""
    return _KIND_OF[type(change)]


def change_from(kind: str, payload: str) -> changes.Change:
    """Return the change that an event records.

    Raises:
        KeyError: the kind is of a newer program.
    """
    value: changes.Change = _adapter(KINDS[kind]).validate_json(payload)
    return value


def plan_from(data: Any) -> Plan:
    """Return a Plan from its plain form."""
    value: Plan = _adapter(Plan).validate_python(data)
    return value


def directive_from(data: Any) -> Directive:
    """Return a Directive from its plain form."""
    value: Directive = _adapter(Directive).validate_python(data)
    return value


@lru_cache(maxsize=4096)
def deadline_from_text(text: str) -> Deadline:
    """Return a Deadline from its JSON text; many tasks have the same one."""
    value: Deadline = _adapter(Deadline).validate_json(text)
    return value
