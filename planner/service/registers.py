"""Agencies, officers and directives: entered from files, shown as of a day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from planner.domain.agency import Absence, Agency, DeadAddress, Succession
from planner.domain.changes import (
    AbsenceRecorded,
    AddressRevived,
    AgenciesImported,
    Change,
    OfficersImported,
    SuccessionsRecorded,
    TargetReported,
)
from planner.domain.plan import TargetValue
from planner.errors import InputRejected, NotFound, Problem, Refused
from planner.i18n import gettext as _
from planner.service.admin import enter_directive
from planner.service.desk import Desk
from planner.store import registers
from planner.templating import vi_date


def _must_exist(path: Path) -> None:
    if not path.exists():
        raise NotFound(_("There is no file {path}.").format(path=path))


def _accept(path: Path, problems: Sequence[Problem]) -> None:
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise InputRejected(
            _("{file} was not imported: {n} problems. Correct them and import it again.").format(
                file=path.name, n=len(errors)
            ),
            problems,
        )


def import_agencies(desk: Desk, path: Path) -> dict[str, Any]:
    """Enter agencies from a file; one of a known code replaces it.

    Raises:
        InputRejected: the file has problems; nothing was entered.
        NotFound: there is no such file.
    """
    from planner.importer.registers import read_agencies

    _must_exist(path)
    with desk.writing() as session:
        desk.require_department(session)
        before = registers.agencies(session)
        agencies, problems = read_agencies(path, known=before)
        _accept(path, [*problems, *_circles({**before, **{agency.code: agency for agency in agencies}})])
        changed = [agency for agency in agencies if before.get(agency.code) != agency]
        if changed:
            desk.record(session, [("agencies", AgenciesImported(agencies=tuple(changed)))], reason=path.name)
        return {"read": len(agencies), "changed": len(changed)}


def _circles(agencies: Mapping[str, Agency]) -> list[Problem]:
    """Return a problem for each agency that stands over itself, by what is entered now and what was before."""
    found = []
    for code in agencies:
        above, steps = agencies[code].parent, 0
        while above is not None and above in agencies and above != code and steps < len(agencies):
            above, steps = agencies[above].parent, steps + 1
        if above == code and agencies[code].parent != code:  # the file's own circles are told by its reader
            message = _('"{code}" stands over itself; name the agency above it.').format(code=code)
            found.append(Problem(place=code, code="parent_circle", message=message))
    return found


def import_successions(desk: Desk, path: Path) -> dict[str, Any]:
    """Enter who takes over from whom, from a file.

    Raises:
        InputRejected: the file has problems; nothing was entered.
        NotFound: there is no such file.
    """
    from planner.importer.registers import read_successions

    _must_exist(path)
    with desk.writing() as session:
        desk.require_department(session)
        successions, problems = read_successions(path, known=registers.agencies(session))
        before = registers.successions(session)
        _accept(path, [*problems, *_not_one_heir(dict.fromkeys([*before, *successions]))])
        changed = [one for one in successions if one not in before]
        if changed:
            desk.record(session, [("agencies", SuccessionsRecorded(successions=tuple(changed)))], reason=path.name)
        return {"read": len(successions), "changed": len(changed)}


def _not_one_heir(successions: Iterable[Succession]) -> list[Problem]:
    """Return a problem for each agency that would have two whole successors, or be its own in the end."""
    found = []
    heirs: dict[str, Succession] = {}
    for one in successions:
        if one.extent != "whole":
            continue
        other = heirs.setdefault(one.from_code, one)
        if other is not one:
            message = _('"{code}" is taken over wholly by {first} already (on {day}); one whole successor is possible.')
            message = message.format(code=one.from_code, first=other.to_code, day=vi_date(other.on))
            found.append(Problem(place=f"{one.from_code} -> {one.to_code}", code="succession_twice", message=message))
    for code in heirs:
        path = [code]
        while path[-1] in heirs and (after := heirs[path[-1]].to_code) not in path:
            path.append(after)
        if path[-1] in heirs and heirs[path[-1]].to_code == code == min(path):  # told once for the whole circle
            message = _("The agencies take over from one another in a circle: {path}.")
            message = message.format(path=" -> ".join([*path, code]))
            found.append(Problem(place=code, code="succession_circle", message=message))
    return found


def import_officers(desk: Desk, path: Path) -> dict[str, Any]:
    """Enter officers from a file; one of a known e-mail replaces it.

    An address that the file names is in use again, even if mail to it did not arrive before.

    Raises:
        InputRejected: the file has problems; nothing was entered.
        NotFound: there is no such file.
    """
    from planner.importer.registers import read_officers

    _must_exist(path)
    with desk.writing() as session:
        desk.require_department(session)
        before = registers.officers(session)
        officers, problems = read_officers(path, known=registers.agencies(session), known_officers=before)
        _accept(path, problems)
        changed = [officer for officer in officers if before.get(officer.email) != officer]
        happened: list[tuple[str, Change]] = (
            [("officers", OfficersImported(officers=tuple(changed)))] if changed else []
        )
        named = {officer.email for officer in officers}
        revived = [email for email in registers.dead_addresses(session) if email in named]
        happened += [(email, AddressRevived(email=email)) for email in revived]
        if happened:
            desk.record(session, happened, reason=path.name)
        return {"read": len(officers), "changed": len(changed), "revived": revived}


def import_directive(desk: Desk, path: Path, *, given: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Enter a directive from a file; its direct assignments become tasks at once.

    Args:
        desk: where to work.
        path: .yaml, or .xlsx or .csv with its table of assignments.
        given: "code", "number", "title", "issuer" or "issued_on" as stated beside the file.

    Raises:
        InputRejected: the file has problems, or assigns to an agency that is not in the register.
        NotFound: there is no such file.
    """
    from planner.importer.directives import read_directive

    _must_exist(path)
    with desk.writing() as session:
        desk.require_department(session)
        directive, problems = read_directive(path, known=registers.agencies(session), given=given)
        _accept(path, problems)
        if directive is None:
            raise InputRejected(_("{file} holds no directive.").format(file=path.name), problems)
        changed = registers.directives(session).get(directive.code) != directive
        if changed:
            enter_directive(desk, session, directive, reason=path.name)
        return {
            "directive": directive.code,
            "changed": changed,
            "targets": len(directive.targets),
            "assignments": len(directive.assignments),
            "problems": [problem.as_dict() for problem in problems],
        }


def list_agencies(desk: Desk, *, on: date | None, tier: str | None) -> list[dict[str, Any]]:
    """Return the agencies valid on a day (default: today)."""
    day = on or desk.today
    with desk.reading() as session:
        agencies = registers.agencies(session)
    rank = {"department": 0, "district": 1, "commune": 2}
    return [
        asdict(agency)
        for agency in sorted(agencies.values(), key=lambda a: (rank[a.tier], a.parent or "", a.code))
        if agency.is_valid_on(day) and (tier is None or agency.tier == tier)
    ]


def show_agency(desk: Desk, code: str) -> dict[str, Any]:
    """Return one agency with its people and what it became.

    Raises:
        NotFound: no such agency.
    """
    with desk.reading() as session:
        agency = registers.agencies(session).get(code)
        if agency is None:
            raise NotFound(_("There is no agency {code}. See: planner agency list").format(code=code))
        successions = registers.successions(session)
        officers = registers.officers(session)
    return {
        **asdict(agency),
        "officers": [asdict(o) for o in officers.values() if o.agency == code],
        "successors": [asdict(s) for s in successions if s.from_code == code],
        "predecessors": [asdict(s) for s in successions if s.to_code == code],
    }


def list_officers(desk: Desk, agency: str | None, *, dead: bool = False) -> list[dict[str, Any]]:
    """Return officers, of one agency or all; with `dead` only those in office whom mail does not reach."""
    with desk.reading() as session:
        officers = registers.officers(session)
        unreached = registers.dead_addresses(session)
    return [
        {**asdict(one), "dead": _dead(unreached.get(one.email))}
        for one in officers.values()
        if (agency is None or one.agency == agency)
        and (not dead or (one.email in unreached and one.is_valid_on(desk.today)))
    ]


def _dead(address: DeadAddress | None) -> dict[str, Any] | None:
    """Return since when and why mail does not arrive; None: it does, as far as is known."""
    return {"since": address.since, "status": address.status, "detail": address.detail} if address else None


def revive_address(desk: Desk, email: str) -> dict[str, Any]:
    """Let mail go to an officer's address again.

    Raises:
        NotFound: no such officer.
    """
    wanted = email.strip().lower()
    with desk.writing() as session:
        desk.require_department(session)
        if wanted not in registers.officers(session):
            raise NotFound(_("There is no officer {email}. See: planner officer list").format(email=email))
        dead = wanted in registers.dead_addresses(session)
        if dead:
            desk.record(session, [(wanted, AddressRevived(email=wanted))])
    return {"email": wanted, "changed": dead}


def show_officer(desk: Desk, email: str) -> dict[str, Any]:
    """Return one officer with the recorded absences.

    Raises:
        NotFound: no such officer.
    """
    wanted = email.strip().lower()
    with desk.reading() as session:
        officer = registers.officers(session).get(wanted)
        absences = [one for one in registers.absences(session) if one.officer == wanted]
        dead = _dead(registers.dead_addresses(session).get(wanted))
    if officer is None:
        raise NotFound(_("There is no officer {email}. See: planner officer list").format(email=email))
    return {**asdict(officer), "dead": dead, "absences": [asdict(one) for one in absences]}


def record_absence(desk: Desk, absence: Absence) -> dict[str, Any]:
    """Record that an officer is away.

    Raises:
        NotFound: the officer, or the substitute, is not in the register.
        InputRejected: the last day lies before the first.
    """
    with desk.writing() as session:
        officers = registers.officers(session)
        for email in (absence.officer, absence.substitute):
            if email is not None and email not in officers:
                raise NotFound(_("There is no officer {email}. See: planner officer list").format(email=email))
        desk.require_agency(session, officers[absence.officer].agency)
        if absence.last_day < absence.first_day:
            message = _("The last day ({last}) lies before the first ({first}).").format(
                last=vi_date(absence.last_day), first=vi_date(absence.first_day)
            )
            raise InputRejected(message, [Problem(place="--to", code="order", message=message)])
        desk.record(session, [(absence.officer, AbsenceRecorded(absence=absence))], reason=absence.reason)
    return asdict(absence)


def list_directives(desk: Desk) -> list[dict[str, Any]]:
    """Return every directive in short."""
    with desk.reading() as session:
        directives = registers.directives(session)
    return [
        {
            "code": d.code,
            "number": d.number,
            "title": d.title,
            "issued_on": d.issued_on,
            "filing_deadline": d.filing_deadline,
            "targets": len(d.targets),
            "assignments": len(d.assignments),
        }
        for d in directives.values()
    ]


def show_directive(desk: Desk, code: str | None) -> dict[str, Any]:
    """Return one directive, whole.

    Raises:
        NotFound: no such directive.
    """
    with desk.reading() as session:
        directive = registers.directives(session)[desk.directive_code(session, code)]
    return {
        **asdict(directive),
        "assignments": [
            {**asdict(a), "deadline": a.deadline.as_dict(), "due_text": a.deadline.text} for a in directive.assignments
        ],
    }


def report_target(
    desk: Desk, *, target: str, agency: str, value: float, on: date | None, directive: str | None
) -> dict[str, Any]:
    """Record the value that an agency reports for a target.

    Raises:
        InputRejected: the value is no finite number, or the day has not come yet.
        NotFound: no such target or agency.
        Refused: the target does not bind agencies of this tier.
    """
    problems = []
    if not math.isfinite(value):
        message = _("Found {value!r}, expected a number such as 98.5.").format(value=value)
        problems.append(Problem(place="VALUE", code="number_form", message=message))
    if on is not None and on > desk.today:
        message = _("Found {day}, expected a day not after today ({today}).")
        message = message.format(day=vi_date(on), today=vi_date(desk.today))
        problems.append(Problem(place="--on", code="date_in_future", message=message))
    if problems:
        raise InputRejected(_("The value is not recorded."), problems)
    with desk.writing() as session:
        code = desk.directive_code(session, directive)
        known = registers.directives(session)[code]
        if target not in {t.code for t in known.targets}:
            raise NotFound(
                _("There is no target {target}. Known: {known}.").format(
                    target=target, known=", ".join(t.code for t in known.targets)
                )
            )
        agencies = registers.agencies(session)
        if agency not in agencies:
            raise NotFound(_("There is no agency {code}. See: planner agency list").format(code=agency))
        desk.require_agency(session, agency)
        asked = next(t for t in known.targets if t.code == target)
        if asked.tiers and agencies[agency].tier not in asked.tiers:
            raise Refused(
                _("Target {target} does not bind {agency}; it binds: {tiers}.").format(
                    target=target, agency=agency, tiers="; ".join(_(tier.label) for tier in asked.tiers)
                )
            )
        if asked.unit == "%" and not 0 <= value <= 100:
            message = _("Found {value}, expected a share from 0 to 100 %.").format(value=f"{value:g}")
            raise InputRejected(
                _("The value is not recorded."), [Problem(place="VALUE", code="number_range", message=message)]
            )
        reported = TargetValue(directive=code, target=target, agency=agency, value=value, on=on or desk.today)
        desk.record(session, [(f"{code}#{target}", TargetReported(value=reported))])
    return asdict(reported)
