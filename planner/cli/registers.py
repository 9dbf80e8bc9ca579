"""`planner agency | officer | directive | target ...`: the registers, from files and on the screen."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from planner.cli.base import DAY, FILE, App, Group, argument, everywhere, option, pass_app
from planner.i18n import N_
from planner.i18n import gettext as _

TIERS = ("department", "district", "commune")


def _imported(app: App, data: dict[str, Any]) -> None:
    from planner.cli.output import say

    app.emit(data, lambda: say(_("{read} read, {changed} new or changed.").format(**data)))


@click.group(cls=Group, help=N_("The register of agencies."))
def agency() -> None:
    """Agencies."""


@agency.command("import", help=N_("Enter agencies from a .csv, .xlsx or .yaml file."))
@argument("path", metavar="FILE", type=FILE)
@everywhere(writes=True)
@pass_app
def import_agencies(app: App, path: Path) -> None:
    """Enter agencies."""
    from planner.service import registers

    _imported(app, registers.import_agencies(app.desk(), path))


@agency.command("succeed", help=N_("Enter which agencies take over from which, from a file."))
@argument("path", metavar="FILE", type=FILE)
@everywhere(writes=True)
@pass_app
def succeed(app: App, path: Path) -> None:
    """Enter successions."""
    from planner.service import registers

    _imported(app, registers.import_successions(app.desk(), path))


@agency.command("list", help=N_("List the agencies of a day."))
@option("--on", type=DAY, help=N_("The day; default: today."))
@option("--tier", type=click.Choice(TIERS), help=N_("Only this tier."))
@everywhere()
@pass_app
def list_agencies(app: App, on: date | None, tier: str | None) -> None:
    """List agencies."""
    from planner.cli.output import show_table
    from planner.domain.agency import Tier
    from planner.service import registers

    rows = registers.list_agencies(app.desk(), on=on, tier=tier)
    app.emit(
        rows,
        lambda: show_table(
            [_("Code"), _("Name"), _("Tier"), _("Under"), _("From"), _("Until")],
            [(r["code"], r["name"], Tier(r["tier"]), r["parent"], r["valid_from"], r["valid_to"]) for r in rows],
        ),
    )


@agency.command("show", help=N_("Show one agency, its people and what it became."))
@argument("code")
@everywhere()
@pass_app
def show_agency(app: App, code: str) -> None:
    """Show an agency."""
    from planner.cli.output import show_facts, show_table
    from planner.domain.agency import OfficerRole, Tier
    from planner.service import registers

    data = registers.show_agency(app.desk(), code)

    def people() -> None:
        show_facts(
            [
                (_("Code"), data["code"]),
                (_("Name"), data["name"]),
                (_("Tier"), Tier(data["tier"])),
                (_("Under"), data["parent"]),
                (_("From"), data["valid_from"]),
                (_("Until"), data["valid_to"]),
                (_("Successors"), [s["to_code"] for s in data["successors"]] or None),
                (_("Predecessors"), [s["from_code"] for s in data["predecessors"]] or None),
            ]
        )
        show_table(
            [_("E-mail"), _("Name"), _("Post"), _("Role")],
            [(o["email"], o["name"], o["title"], OfficerRole(o["role"])) for o in data["officers"]],
        )

    app.emit(data, people)


@click.group(cls=Group, help=N_("The register of officers and their absences."))
def officer() -> None:
    """Officers."""


@officer.command("import", help=N_("Enter officers from a .csv, .xlsx or .yaml file."))
@argument("path", metavar="FILE", type=FILE)
@everywhere(writes=True)
@pass_app
def import_officers(app: App, path: Path) -> None:
    """Enter officers."""
    from planner.cli.output import say
    from planner.service import registers

    data = registers.import_officers(app.desk(), path)

    def people() -> None:
        say(_("{read} read, {changed} new or changed.").format(**data))
        if data["revived"]:
            say(_("In use again: {emails}.").format(emails=", ".join(data["revived"])))

    app.emit(data, people)


@officer.command("list", help=N_("List officers."))
@option("--agency", metavar="CODE", help=N_("Only this agency's."))
@option("--dead", is_flag=True, help=N_("Only those in office at whose address mail does not arrive."))
@everywhere()
@pass_app
def list_officers(app: App, agency: str | None, dead: bool) -> None:
    """List officers."""
    from planner.cli.output import show_table
    from planner.domain.agency import OfficerRole
    from planner.service import registers

    rows = registers.list_officers(app.desk(), agency, dead=dead)
    marked = any(r["dead"] for r in rows)

    def people() -> None:
        names = [_("E-mail"), _("Name"), _("Post"), _("Agency"), _("Role"), _("Substitute")]
        show_table(
            [*names, _("No mail since"), _("Why")] if marked else names,
            [
                (r["email"], r["name"], r["title"], r["agency"], OfficerRole(r["role"]), r["substitute"], *_reach(r))
                if marked
                else (r["email"], r["name"], r["title"], r["agency"], OfficerRole(r["role"]), r["substitute"])
                for r in rows
            ],
        )

    app.emit(rows, people)


def _reach(row: dict[str, Any]) -> tuple[Any, str | None]:
    """Return since when and why mail to an officer does not arrive."""
    from planner.store.addresses import in_words

    dead = row["dead"]
    return (dead["since"], in_words(dead["status"], dead["detail"])) if dead else (None, None)


@officer.command("show", help=N_("Show one officer and when the officer is away."))
@argument("email", metavar="EMAIL")
@everywhere()
@pass_app
def show_officer(app: App, email: str) -> None:
    """Show an officer."""
    from planner.cli.output import show_facts, show_table
    from planner.domain.agency import OfficerRole
    from planner.service import registers

    data = registers.show_officer(app.desk(), email)

    def people() -> None:
        show_facts(
            [
                (_("E-mail"), data["email"]),
                (_("Name"), data["name"]),
                (_("Post"), data["title"]),
                (_("Agency"), data["agency"]),
                (_("Role"), OfficerRole(data["role"])),
                (_("Substitute"), data["substitute"]),
                (_("From"), data["valid_from"]),
                (_("Until"), data["valid_to"]),
            ]
        )
        since, why = _reach(data)
        if since:
            show_facts([(_("No mail since"), since), (_("Why"), why)])
        if data["absences"]:
            show_table(
                [_("From"), _("Until"), _("Substitute"), _("Why")],
                [(a["first_day"], a["last_day"], a["substitute"], a["reason"]) for a in data["absences"]],
            )

    app.emit(data, people)


@officer.command(help=N_("Let mail go to an officer again at whose address it did not arrive."))
@argument("email", metavar="EMAIL")
@everywhere(writes=True)
@pass_app
def revive(app: App, email: str) -> None:
    """Revive an address."""
    from planner.cli.output import say
    from planner.service import registers

    data = registers.revive_address(app.desk(), email)
    said = _("Mail goes to {email} again.") if data["changed"] else _("Mail to {email} arrives; nothing changed.")
    app.emit(data, lambda: say(said.format(email=data["email"])))


@officer.command("absence", help=N_("Record that an officer is away; mail goes to the substitute meanwhile."))
@argument("email")
@option("--from", "first", type=DAY, required=True, help=N_("First day away."))
@option("--to", "last", type=DAY, required=True, help=N_("Last day away."))
@option("--substitute", metavar="EMAIL", help=N_("Who stands in; default: the officer's own substitute."))
@option("--reason", default="", help=N_("Why."))
@everywhere(writes=True)
@pass_app
def absence(app: App, email: str, first: date, last: date, substitute: str | None, reason: str) -> None:
    """Record an absence."""
    from planner.cli.output import say, text_of
    from planner.domain.agency import Absence
    from planner.service import registers

    data = registers.record_absence(
        app.desk(),
        Absence(
            officer=email.lower(),
            first_day=first,
            last_day=last,
            substitute=substitute.lower() if substitute else None,
            reason=reason,
        ),
    )
    app.emit(
        data,
        lambda: say(
            _("{email} is away from {first} to {last}.").format(
                email=email, first=text_of(data["first_day"]), last=text_of(data["last_day"])
            )
        ),
    )


@click.group(cls=Group, help=N_("Directives with their targets and assignments."))
def directive() -> None:
    """Directives."""


@directive.command(
    "import", help=N_("Enter a directive from a .yaml, .xlsx, .csv or .docx file; its direct assignments become tasks.")
)
@argument("path", metavar="FILE", type=FILE)
@option("--code", metavar="CODE", help=N_("The directive's own short code, where the file states none: nq-03-2025."))
@option("--number", metavar="NO", help=N_("Its number as printed: 03/NQ-CP."))
@option("--title", metavar="TEXT", help=N_("What it is about."))
@option("--issuer", metavar="TEXT", help=N_("Who issued it."))
@option("--issued-on", "issued_on", type=DAY, help=N_("The day it was issued."))
@everywhere(writes=True)
@pass_app
def import_directive(
    app: App,
    path: Path,
    code: str | None,
    number: str | None,
    title: str | None,
    issuer: str | None,
    issued_on: date | None,
) -> None:
    """Enter a directive."""
    from planner.cli.output import say, show_problems
    from planner.errors import Problem
    from planner.service import registers

    stated = {"code": code, "number": number, "title": title, "issuer": issuer}
    stated["issued_on"] = issued_on.isoformat() if issued_on else None
    given = {key: text for key, text in stated.items() if text}
    data = registers.import_directive(app.desk(), path, given=given)

    def people() -> None:
        if data["problems"]:
            show_problems([Problem(**problem) for problem in data["problems"]])
        if data["changed"]:
            say(
                _("Directive {code} is entered: {targets} targets, {assignments} assignments.").format(
                    code=data["directive"], targets=data["targets"], assignments=data["assignments"]
                )
            )
        else:
            say(_("Directive {code} was entered before; nothing changed.").format(code=data["directive"]))

    app.emit(data, people)


@directive.command("list", help=N_("List directives."))
@everywhere()
@pass_app
def list_directives(app: App) -> None:
    """List directives."""
    from planner.cli.output import show_table
    from planner.service import registers

    rows = registers.list_directives(app.desk())
    app.emit(
        rows,
        lambda: show_table(
            [_("Code"), _("Title"), _("Issued on"), _("Filing deadline"), _("Targets"), _("Assignments")],
            [
                (r["code"], r["title"], r["issued_on"], r["filing_deadline"], r["targets"], r["assignments"])
                for r in rows
            ],
        ),
    )


@directive.command("show", help=N_("Show a directive: targets, assignments, who must file and by when."))
@argument("code", required=False)
@everywhere()
@pass_app
def show_directive(app: App, code: str | None) -> None:
    """Show a directive."""
    from planner.cli.output import as_day, show_facts, show_table, text_of
    from planner.service import registers

    data = registers.show_directive(app.desk(), code)

    def people() -> None:
        show_facts(
            [
                (_("Code"), data["code"]),
                (_("Title"), data["title"]),
                (_("Issued on"), data["issued_on"]),
                (_("Filing deadline"), data["filing_deadline"]),
                (_("Note"), data["filing_deadline_note"] or None),
            ]
        )
        show_table(
            [_("Target"), _("Title"), _("Value"), _("Tiers"), _("From or by")],
            [
                (
                    t["code"],
                    t["title"],
                    f"{t['value']:g}{t['unit']}",
                    t["tiers"] or None,
                    _("from {day}").format(day=text_of(t["holds_from"]))
                    if t["holds_from"]
                    else _("by {day}").format(day=text_of(t["by"])),
                )
                for t in data["targets"]
            ],
        )
        show_table(
            [_("Assignment"), _("Title"), _("Agency"), _("Deadline as filed"), _("Last day")],
            [
                (a["code"], a["title"], a["agency"], a["due_text"] or None, as_day(a["deadline"]["last_day"]))
                for a in data["assignments"]
            ],
        )

    app.emit(data, people)


class Value(click.ParamType[float]):
    """A number as people write it: 98.5, 98,5 or 98,5%."""

    name = "value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        try:
            return float(str(value).strip().removesuffix("%").replace(",", "."))
        except ValueError:
            self.fail(_('Found "{found}"; expected a number such as 98.5.').format(found=value), param, ctx)


VALUE = Value()


@click.group(cls=Group, help=N_("Report the values of the directive's targets."))
def target() -> None:
    """Targets."""


@target.command("report", help=N_("Report the value that an agency has reached for a target."))
@argument("code", metavar="TARGET")
@argument("value", type=VALUE)
@option("--agency", metavar="CODE", required=True, help=N_("The agency that reports."))
@option("--on", type=DAY, help=N_("The day for which the value holds; default: today."))
@option("--directive", metavar="CODE", help=N_("The directive; default: the newest one."))
@everywhere(writes=True)
@pass_app
def report(app: App, code: str, value: float, agency: str, on: date | None, directive: str | None) -> None:
    """Report a value."""
    from planner.cli.output import say
    from planner.service import registers

    data = registers.report_target(app.desk(), target=code, agency=agency, value=value, on=on, directive=directive)
    app.emit(
        data, lambda: say(_("Target {code}: {agency} reports {value}.").format(code=code, agency=agency, value=value))
    )
