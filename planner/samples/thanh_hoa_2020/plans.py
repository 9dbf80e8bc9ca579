"""The plan files of the sample: 60 agencies, some in a workbook as an officer would make it, some in YAML.

The same bytes at every run: what is chosen hangs on a hash of the agency's code. Title-block lines of a workbook say
which agency and which directive it is for ("Mã cơ quan: stttt", "Văn bản giao: kl-2020-04-29").
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from planner.domain.agency import Agency, Officer, OfficerRole, Tier
from planner.domain.plan import Goal, Plan, PlannedTask
from planner.importer.dates import parse_deadline
from planner.samples.thanh_hoa_2020 import DIRECTIVE, Sample, load
from planner.samples.thanh_hoa_2020.catalogue import BY_AGENCY, BY_TIER, Aim, Work

COMMUNES = 13  #: how many of the 559 communes have a plan in the sample
YAML_FILES = 18  #: how many of the 60 plans are filed as YAML
_ROMAN = ("I", "II", "III", "IV", "V", "VI")
_LEAST, _MOST = 6, 12  # tasks of a plan


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleTask:
    """One task of a sample plan, before it is written to a file."""

    code: str  #: "II.3"
    title: str
    responsible: Officer
    due: str  #: as written; ISO for a date cell
    deliverable: str
    cooperating: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    start: date | None = None
    duration: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplePlan:
    """One sample plan, before it is written to a file."""

    agency: Agency
    number: str
    signed: date
    goals: tuple[tuple[Aim, tuple[SampleTask, ...]], ...]
    is_workbook: bool  #: filed as .xlsx, not as .yaml


def pick(agency: str, what: str, n: int) -> int:
    """Return a number below `n` that always is the same for this agency and this question."""
    return int.from_bytes(hashlib.sha256(f"{agency}|{what}".encode()).digest()[:6], "big") % n


def write_plans(folder: Path) -> list[Path]:
    """Write every sample plan into `folder` (made if need be) and return the files, in the order of the register."""
    from planner.samples.thanh_hoa_2020.workbook import write_workbook

    folder.mkdir(parents=True, exist_ok=True)
    names = {agency.code: agency.name for agency in load().agencies}
    written = []
    for plan in make_plans():
        path = folder / f"{plan.agency.code}.{'xlsx' if plan.is_workbook else 'yaml'}"
        if plan.is_workbook:
            write_workbook(plan, path, names)
        else:
            path.write_text(_yaml(plan), encoding="utf-8", newline="\n")
        written.append(path)
    return written


@cache
def make_plans() -> tuple[SamplePlan, ...]:
    """Return the sample plans: all departments and districts, and some communes."""
    sample = load()
    upper = [agency for agency in sample.agencies if agency.tier is not Tier.COMMUNE]
    communes = [agency for agency in sample.agencies if agency.tier is Tier.COMMUNE]
    some = communes[:: len(communes) // COMMUNES][:COMMUNES]
    town = next(agency for agency in communes if agency.code == "h-tinh-gia.tt-tinh-gia")  # succeeded on 1 June
    agencies = [*upper, *some[:-1], town]
    drawn = sorted(agencies, key=lambda one: (one.code != "stttt", pick(one.code, "format", 1 << 32)))
    return tuple(_plan(one, sample, is_workbook=one not in drawn[:YAML_FILES]) for one in agencies)


def _plan(agency: Agency, sample: Sample, *, is_workbook: bool) -> SamplePlan:
    code = agency.code
    people = [one for one in sample.officers if one.agency == code]
    by_mail = {one.email: one for one in people}
    workers = [one for one in people if one.role is not OfficerRole.HEAD]
    signed = date(2020, 5, 4) if code == "stttt" else date(2020, 5, 4) + timedelta(days=pick(code, "signed", 5))
    goals = []
    for (aim, works), roman in zip(_choose(agency), _ROMAN, strict=False):
        tasks: list[SampleTask] = []
        for n, work in enumerate(works, start=1):
            due = work.dues[pick(code, work.title, len(work.dues))]
            before = tasks[-1] if tasks and work.follows else None
            after = [before.code] if before else []
            if work.needs and not work.needs.startswith(f"{code}:"):
                after.append(work.needs)
            worker = workers[pick(code, work.title + "who", len(workers))]
            tasks.append(
                SampleTask(
                    code=f"{roman}.{n}",
                    title=work.title,
                    responsible=by_mail.get(work.responsible, worker),
                    due=due,
                    deliverable=work.deliverable,
                    cooperating=tuple(one for one in work.cooperating if one != code),
                    after=tuple(after),
                    start=_start(work, due, signed, before, code),
                    duration=work.duration,
                )
            )
        goals.append((aim, tuple(tasks)))
    number = _number(agency)
    return SamplePlan(agency=agency, number=number, signed=signed, goals=tuple(goals), is_workbook=is_workbook)


def _choose(agency: Agency) -> list[tuple[Aim, tuple[Work, ...]]]:
    """Choose 6 to 12 pieces of work; whatever has a task of another agency's plan to wait for is always chosen."""
    aims = BY_AGENCY.get(agency.code, BY_TIER[agency.tier])
    chosen = {
        (a, w)
        for a, aim in enumerate(aims)
        for w, work in enumerate(aim.works)
        if w < aim.least or work.needs or pick(agency.code, f"chosen {a} {w}", 100) < 40
    }
    order = sorted(
        ((a, w) for a, aim in enumerate(aims) for w in range(aim.least, len(aim.works)) if not aim.works[w].needs),
        key=lambda at: pick(agency.code, f"order {at}", 1 << 32),
    )
    for at in order:
        if len(chosen) > _MOST:
            chosen.discard(at)
        elif len(chosen) < _LEAST:
            chosen.add(at)
    return [
        (aim, tuple(work for w, work in enumerate(aim.works) if (a, w) in chosen))
        for a, aim in enumerate(aims)
        if any((a, w) in chosen for w in range(len(aim.works)))
    ]


def _start(work: Work, due: str, signed: date, before: SampleTask | None, code: str) -> date | None:
    """Return the day the work begins: after what it waits for, else the plan's day for some and none for others."""
    if work.start or work.duration:
        return date.fromisoformat(work.start) if work.start else None
    last = last_day(due, signed)
    if last is None:
        return None
    if before or work.needs:
        need = {"stttt:II.2": date(2020, 6, 11), "vp-ubnd:II.3": date(2020, 5, 15)}.get(work.needs)
        ready = need or (last_day(before.due, signed) if before else None)
        return min(_working(ready + timedelta(days=1)), last) if ready else None
    if pick(code, work.title + "start", 3) == 0:
        return None
    return max(signed, _working(last - timedelta(days=14 + pick(code, work.title + "lead", 20))))


def last_day(due: str, signed: date) -> date | None:
    """Return the last day that a deadline of the catalogue means."""
    return parse_deadline(due, signed=signed).last_day


def _working(day: date) -> date:
    return day + timedelta(days={5: 2, 6: 1}.get(day.weekday(), 0))


def _number(agency: Agency) -> str:
    if agency.code == "stttt":
        return "12/KH-STTTT"
    symbol = "UBND" if agency.tier is not Tier.DEPARTMENT else "VP" if agency.code == "vp-ubnd" else agency.code.upper()
    return f"{13 + pick(agency.code, 'number', 140)}/KH-{symbol}"


def plan_of(sample: SamplePlan) -> Plan:
    """Return a sample plan as the domain's value: what its file must give, but for the wording of date cells."""
    goals = []
    for roman, aim, tasks in goals_of(sample):
        planned = tuple(
            PlannedTask(
                code=task.code,
                title=task.title,
                responsible=task.responsible.email,
                deadline=parse_deadline(task.due, signed=sample.signed),
                cooperating=task.cooperating,
                start=task.start,
                duration=task.duration,
                deliverable=task.deliverable,
                after=task.after,
            )
            for task in tasks
        )
        goals.append(Goal(code=roman, title=aim.title, target=aim.target, tasks=planned))
    plan = Plan(agency=sample.agency.code, directive=DIRECTIVE, number=sample.number, signed=sample.signed)
    return replace(plan, goals=tuple(goals))


class _Dumper(yaml.SafeDumper):
    """Writes lists indented under their key, and every value out, as a person would."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - the base's name
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base's name
        return True


def _yaml(plan: SamplePlan) -> str:
    """Write a plan as the documented YAML form."""
    goals: list[dict[str, Any]] = []
    for (aim, tasks), roman in zip(plan.goals, _ROMAN, strict=False):
        goal: dict[str, Any] = {"code": roman, "title": aim.title}
        if aim.target:
            goal["target"] = aim.target
        goal["tasks"] = [_yaml_task(plan, task) for task in tasks]
        goals.append(goal)
    head: dict[str, Any] = {
        "agency": plan.agency.code,
        "directive": DIRECTIVE,
        "number": plan.number,
        "signed": plan.signed,
        "calendar": "vn",
        "goals": goals,
    }
    text = yaml.dump(head, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
    return f"# Kế hoạch chi tiết xử lý văn bản, thủ tục hành chính trên môi trường điện tử - {plan.agency.name}\n{text}"


def _yaml_task(plan: SamplePlan, task: SampleTask) -> dict[str, Any]:
    by_mail = plan.agency.code == "stttt" or pick(plan.agency.code, "mail", 3) > 0
    entry: dict[str, Any] = {
        "code": task.code,
        "title": task.title,
        "responsible": task.responsible.email if by_mail else task.responsible.name,
        "cooperating": list(task.cooperating),
        "start": task.start,
        "duration": task.duration,
        "due": written_due(task.due),
        "deliverable": task.deliverable,
        "after": list(task.after),
    }
    return {key: value for key, value in entry.items() if value}


def written_due(due: str) -> str:
    """Return a deadline as text: an ISO day is written day first."""
    if not due.startswith("2020-"):
        return due
    day = date.fromisoformat(due)
    return f"ngày {day.day:02d}/{day.month}/{day.year}"


def goals_of(plan: SamplePlan) -> Sequence[tuple[str, Aim, tuple[SampleTask, ...]]]:
    """Return the goals with their Roman numbers."""
    return [(roman, aim, tasks) for (aim, tasks), roman in zip(plan.goals, _ROMAN, strict=False)]
