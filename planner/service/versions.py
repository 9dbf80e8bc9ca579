"""The versions of a plan: their history, what differs between two of them, and one of them as a file again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.domain.changes import PlanDecided, PlanFiled
from planner.domain.comparison import Comparison, compare
from planner.domain.plan import PlanKind, PlanRecord
from planner.domain.status import PlanState
from planner.errors import InputRejected, NotFound, Problem, Refused
from planner.i18n import gettext as _
from planner.importer.export import WRITERS, export_plan
from planner.service import filing
from planner.service.desk import Desk
from planner.service.documents import save
from planner.store import events, plans
from planner.store.engine import Session


def versions_of(desk: Desk, session: Session, text: str) -> tuple[str, list[PlanRecord]]:
    """Return a plan's key and all its versions, the oldest first.

    Raises:
        NotFound: no such plan.
    """
    key = desk.plan_key(session, text)
    found = plans.version_records(session, key)
    if not found:
        raise NotFound(_("There is no plan {plan}. See: planner plan list").format(plan=text))
    return key, found


def pick(key: str, versions: list[PlanRecord], number: int) -> PlanRecord:
    """Return one version.

    Raises:
        NotFound: there is none of that number.
    """
    for record in versions:
        if record.version == number:
            return record
    raise NotFound(
        _("{plan} has no version {version}; it has {first} to {last}.").format(
            plan=key, version=number, first=versions[0].version, last=versions[-1].version
        )
    )


def difference(old: PlanRecord, new: PlanRecord) -> Comparison:
    """Return what differs between two versions.

    Where the newer one took the older one's place, what was said then about its numbers holds; else tasks are
    recognised by their titles.
    """
    follows = new.version == old.version + 1 and old.state in (PlanState.ACCEPTED, PlanState.SUPERSEDED)
    return compare(old.plan, new.plan, dict(new.renumbered) if follows else None)


def history(desk: Desk, text: str) -> dict[str, Any]:
    """Return every version of a plan, the newest first: when, by whom, from which file, and how much it changed.

    Raises:
        NotFound: no such plan.
    """
    with desk.reading() as session:
        key, versions = versions_of(desk, session, text)
        filed: dict[int, events.Event] = {}
        decided: dict[int, events.Event] = {}
        for event in events.walk(session, subject=key):
            change = event.change
            if isinstance(change, PlanFiled):
                filed[change.record.version] = event
            elif isinstance(change, PlanDecided):
                decided[change.version] = event
    rows = []
    for n, record in enumerate(versions):
        decision = decided.get(record.version)
        rows.append(
            {
                "version": record.version,
                "receipt": record.receipt,
                "state": record.state.value,
                "filed_at": record.filed_at,
                "filed_by": filed[record.version].actor,
                "number": record.plan.number,
                "file": record.file_name,
                "sha256": record.file_sha256,
                "tasks": len(record.plan.tasks),
                "decided_at": decision.at if decision else None,
                "decided_by": decision.actor if decision else None,
                "reason": record.reason,
                "renumbered": [{"from": old, "to": new} for old, new in record.renumbered],
                "changes": difference(versions[n - 1], record).counts if n else None,
            }
        )
    return {"plan": key, "versions": rows[::-1]}


@dataclass(frozen=True, kw_only=True)
class Sides:
    """The two sides of a comparison."""

    plan: str  #: plan key
    old: str  #: "1"
    new: str  #: "2", or the name of a file
    found: Comparison
    problems: tuple[Problem, ...] = ()  #: what filing the file would tell

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form of `planner plan diff`."""
        return {
            "plan": self.plan,
            "from": self.old,
            "to": self.new,
            "identical": self.found.is_empty,
            **self.found.as_dict(),
            "problems": [problem.as_dict() for problem in self.problems],
        }


def diff(desk: Desk, text: str, *, old: int | None, new: int | None) -> Sides:
    """Return what differs between two versions, by default the newest and the one before the newer of them.

    Raises:
        NotFound: no such plan, or no such version.
        Refused: there is one version only.
    """
    with desk.reading() as session:
        key, versions = versions_of(desk, session, text)
    if len(versions) == 1 and (old is None or new is None):
        raise Refused(
            _(
                "{plan} has one version only. To see what filing a file would change: planner plan diff {text} FILE"
            ).format(plan=key, text=text)
        )
    newer = versions[-1] if new is None else pick(key, versions, new)
    if old is None:
        before = [record for record in versions if record.version < newer.version]
        older = before[-1] if before else versions[0]
    else:
        older = pick(key, versions, old)
    return Sides(plan=key, old=str(older.version), new=str(newer.version), found=difference(older, newer))


def diff_file(desk: Desk, text: str, path: Path, *, old: int | None) -> Sides:
    """Return what filing a file would change, against the version in force (or the newest, if none is).

    Raises:
        NotFound: no such plan, version or file.
        InputRejected: the file cannot be read as a plan.
        Refused: the file is the plan of another agency.
    """
    with desk.reading() as session:
        key, versions = versions_of(desk, session, text)
    in_force = next((record for record in versions if record.state is PlanState.ACCEPTED), versions[-1])
    older = in_force if old is None else pick(key, versions, old)
    loaded = filing.check(desk, path)
    if loaded.plan is None:
        raise InputRejected(_("{file} cannot be compared: it has problems.").format(file=path.name), loaded.problems)
    if loaded.plan.key != key:
        raise Refused(
            _("{file} is the plan {other}, not {plan}.").format(file=path.name, other=loaded.plan.key, plan=key)
        )
    return Sides(
        plan=key,
        old=str(older.version),
        new=path.name,
        found=compare(older.plan, loaded.plan),
        problems=loaded.problems,
    )


def export(desk: Desk, text: str, path: Path, *, version: int | None, overwrite: bool = False) -> dict[str, Any]:
    """Write a version of a plan as a file; filed again, it changes nothing.

    The file is read back before it counts as written. What keeps it from being filed today (a person who has left, an
    agency that is no more) or could not be written in this format is in "problems".

    Raises:
        InputRejected: the name of the file says no format that can be written.
        NotFound: no such plan, or no such version.
        Refused: the tasks were given by the directive itself, nobody files them; or the file is there and may not be
            overwritten.
        WorldFailed: the disk refuses.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        message = _('Found "{suffix}", expected a file name that ends in one of {known}.').format(
            suffix=suffix or path.name, known=", ".join(WRITERS)
        )
        problem = Problem(place="-o", code="format_unknown", message=message)
        raise InputRejected(_("A plan is not written in this format."), [problem])
    with desk.reading() as session:
        key, versions = versions_of(desk, session, text)
    record = versions[-1] if version is None else pick(key, versions, version)
    if record.plan.kind is PlanKind.ASSIGNED:
        raise Refused(
            _("The tasks of {plan} were given by the directive itself; there is no filed plan to write.").format(
                plan=key
            )
        )
    if path.exists() and not overwrite:
        message = _("{path} is there already and may hold your work; name another file, or add --overwrite.")
        raise Refused(message.format(path=path))
    save(path, export_plan(record.plan, suffix, desk.calendar(record.plan.calendar)))
    with desk.reading() as session:
        back = filing.load_file(path, filing.known_to(desk, session).register())
    problems = [problem for problem in back.problems if problem.severity == "error"]
    if back.plan is not None and back.plan != record.plan:
        problems = list(_not_the_same(compare(record.plan, back.plan, {}), path))
    return {
        "plan": key,
        "version": record.version,
        "file": str(path),
        "tasks": len(record.plan.tasks),
        "same": back.plan == record.plan,
        "problems": [problem.as_dict() for problem in problems],
    }


def _not_the_same(found: Comparison, path: Path) -> Iterator[Problem]:
    for one in found.changed:
        message = _('Read back, "{field}" of {code} would say "{after}" instead of "{before}".').format(
            field=one.field, code=one.code or _("the plan"), before=one.before, after=one.after
        )
        yield Problem(place=path.name, code="not_the_same", message=message, severity="warning")
    for task in (*found.added, *found.removed):
        message = _("Read back, task {code} would have another number.").format(code=task.code)
        yield Problem(place=path.name, code="not_the_same", message=message, severity="warning")
