"""Saves and finds agencies, officers, directives and reported values.

Each save replaces what stands under the same key; what was there before is in the event log. Order is made here and
not by the database, whose collation may put "x-a.b" before or after "x-a".
"""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter
from typing import Any

from sqlalchemy import Table, delete, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

from planner.domain.agency import Absence, Agency, DeadAddress, Officer, OfficerRole, Succession, Tier
from planner.domain.directive import Directive
from planner.domain.plan import TargetValue
from planner.store.tables import (
    AbsenceRow,
    AgencyRow,
    DeadAddressRow,
    DirectiveRow,
    OfficerRow,
    SuccessionRow,
    TargetValueRow,
    table_of,
)
from planner.store.wire import directive_from, to_plain


def upserting(session: Session, table: Table) -> Any:
    """Return the insert of the database at hand that can be told what to do on a conflict."""
    return (sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert)(table)


def upsert(session: Session, row: type[DeclarativeBase], values: Sequence[dict[str, Any]], *, replace: bool) -> None:
    """Insert rows; on a primary key that exists, replace the row or leave it as it is."""
    if not values:
        return
    table = table_of(row)
    statement = upserting(session, table)
    keys = [column.name for column in inspect(row).primary_key]
    if replace:
        changed = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    else:
        statement = statement.on_conflict_do_nothing()
    session.execute(statement, values)


def save_agencies(session: Session, agencies: Sequence[Agency]) -> None:
    """Save agencies; parents first, whatever order they come in."""
    by_code = {agency.code: agency for agency in agencies}
    parents = {a.code: [a.parent] if a.parent in by_code else [] for a in agencies}
    ordered = [by_code[code] for code in TopologicalSorter(parents).static_order() if code is not None]
    upsert(
        session,
        AgencyRow,
        [
            {
                "code": a.code,
                "name": a.name,
                "tier": a.tier.value,
                "parent": a.parent,
                "valid_from": a.valid_from,
                "valid_to": a.valid_to,
            }
            for a in ordered
        ],
        replace=True,
    )


def save_successions(session: Session, successions: Sequence[Succession]) -> None:
    """Save who took over from whom."""
    upsert(
        session,
        SuccessionRow,
        [
            {
                "from_code": s.from_code,
                "to_code": s.to_code,
                "on_day": s.on,
                "extent": s.extent,
                "legal_basis": s.legal_basis,
            }
            for s in successions
        ],
        replace=True,
    )


def save_officers(session: Session, officers: Sequence[Officer]) -> None:
    """Save officers."""
    upsert(
        session,
        OfficerRow,
        [
            {
                "email": o.email,
                "name": o.name,
                "title": o.title,
                "agency": o.agency,
                "role": o.role.value,
                "substitute": o.substitute,
                "valid_from": o.valid_from,
                "valid_to": o.valid_to,
            }
            for o in officers
        ],
        replace=True,
    )


def save_absence(session: Session, absence: Absence) -> None:
    """Save one absence."""
    session.add(
        AbsenceRow(
            officer=absence.officer,
            first_day=absence.first_day,
            last_day=absence.last_day,
            substitute=absence.substitute,
            reason=absence.reason,
        )
    )
    session.flush()


def save_dead_address(session: Session, address: DeadAddress) -> None:
    """Save that mail to an address does not arrive."""
    upsert(
        session,
        DeadAddressRow,
        [{"email": address.email, "since": address.since, "status": address.status, "detail": address.detail}],
        replace=True,
    )


def drop_dead_address(session: Session, email: str) -> None:
    """Take an address off the list of dead ones."""
    session.execute(delete(DeadAddressRow).where(DeadAddressRow.email == email))


def save_directive(session: Session, directive: Directive) -> None:
    """Save a directive."""
    upsert(
        session,
        DirectiveRow,
        [
            {
                "code": directive.code,
                "number": directive.number,
                "title": directive.title,
                "issued_on": directive.issued_on,
                "filing_deadline": directive.filing_deadline,
                "content": to_plain(directive),
            }
        ],
        replace=True,
    )


def save_value(session: Session, value: TargetValue) -> None:
    """Save a reported value."""
    upsert(
        session,
        TargetValueRow,
        [
            {
                "directive": value.directive,
                "target": value.target,
                "agency": value.agency,
                "on_day": value.on,
                "value": value.value,
            }
        ],
        replace=True,
    )


def agencies(session: Session) -> dict[str, Agency]:
    """Return every agency by code, in the order of codes, whenever it was valid."""
    found = {
        row.code: Agency(
            code=row.code,
            name=row.name,
            tier=Tier(row.tier),
            parent=row.parent,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )
        for row in session.execute(select(AgencyRow.__table__))
    }
    return dict(sorted(found.items()))


def successions(session: Session) -> tuple[Succession, ...]:
    """Return every succession, oldest first."""
    found = (
        Succession(
            from_code=row.from_code, to_code=row.to_code, on=row.on, extent=row.extent, legal_basis=row.legal_basis
        )
        for row in session.scalars(select(SuccessionRow))
    )
    return tuple(sorted(found, key=lambda s: (s.on, s.from_code, s.to_code)))


def officers(session: Session) -> dict[str, Officer]:
    """Return every officer by e-mail, in that order."""
    found = {
        row.email: Officer(
            email=row.email,
            name=row.name,
            title=row.title,
            agency=row.agency,
            role=OfficerRole(row.role),
            substitute=row.substitute,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )
        for row in session.execute(select(OfficerRow.__table__))
    }
    return dict(sorted(found.items()))


def absences(session: Session) -> tuple[Absence, ...]:
    """Return every absence in the order of entry."""
    return tuple(
        Absence(
            officer=row.officer,
            first_day=row.first_day,
            last_day=row.last_day,
            substitute=row.substitute,
            reason=row.reason,
        )
        for row in session.scalars(select(AbsenceRow).order_by(AbsenceRow.id))
    )


def dead_addresses(session: Session) -> dict[str, DeadAddress]:
    """Return every address at which mail does not arrive, by e-mail, in that order."""
    found = {
        row.email: DeadAddress(email=row.email, since=row.since, status=row.status, detail=row.detail)
        for row in session.execute(select(DeadAddressRow.__table__))
    }
    return dict(sorted(found.items()))


def directives(session: Session) -> dict[str, Directive]:
    """Return every directive by code, oldest first."""
    found = [directive_from(row.content) for row in session.scalars(select(DirectiveRow))]
    return {one.code: one for one in sorted(found, key=lambda d: (d.issued_on, d.code))}


def values(session: Session) -> tuple[TargetValue, ...]:
    """Return every reported value, oldest first."""
    found = (
        TargetValue(directive=row.directive, target=row.target, agency=row.agency, value=row.value, on=row.on)
        for row in session.scalars(select(TargetValueRow))
    )
    return tuple(sorted(found, key=lambda v: (v.on, v.directive, v.target, v.agency)))
