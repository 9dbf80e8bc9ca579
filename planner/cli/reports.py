"""`planner report ...`: the Chairman's report, and the department's list of escalations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from planner.cli.base import CUT_OFF, FILE, App, Group, everywhere, option, pass_app
from planner.i18n import N_
from planner.i18n import gettext as _

AS_OF = option(
    "--as-of",
    type=CUT_OFF,
    metavar="INSTANT",
    help=N_("Cut-off instant; a date alone means the end of that day. Default: now."),
)
OUTPUT = option("-o", "--output", "path", type=FILE, help=N_("Where to write it; the suffix names the format."))


@click.group(cls=Group, help=N_("Compile the Chairman's and the department's reports."))
def report() -> None:
    """Reports."""


def _deliver(app: App, path: Path | None, data: Any, write: Callable[[Path], None], show: Callable[[], None]) -> None:
    from planner.cli.output import say
    from planner.service import documents
    from planner.service.wire import as_json_text

    if path is not None:
        if path.suffix.lower() == ".json":
            documents.save(path, as_json_text(data).encode())
        else:
            write(path)
    if app.as_json:
        app.emit(data, show)
    elif path is None:
        show()
    else:
        say(_("Written: {path}").format(path=path))


@report.command(help=N_("The report to the Chairman on any date: .docx, .html or .json."))
@AS_OF
@OUTPUT
@option("--directive", metavar="CODE", help=N_("The directive; default: the newest one."))
@option("--number", default="", metavar="NUMBER", help=N_("The document's number, once the records office gives one."))
@everywhere()
@pass_app
def status(app: App, as_of: datetime | None, path: Path | None, directive: str | None, number: str) -> None:
    """Report to the Chairman."""
    from planner.cli.output import show_facts, show_table
    from planner.service import documents

    progress, document = documents.status(app.desk(), as_of or app.now, directive=directive, number=number)
    data = progress.as_dict()

    def percent(part: float | None) -> str:
        from planner.templating import number as written

        return "-" if part is None else f"{written(part * 100, 2)}%"

    def people() -> None:
        filing, tasks, rates = data["filing"], data["tasks"], data["rates"]
        show_facts(
            [
                (_("As of"), progress.as_of),
                (_("Plans owed, filed, missing"), f"{filing['owed']}, {filing['filed']}, {len(filing['missing'])}"),
                (_("Number of tasks"), tasks["total"]),
                (_("completed on time"), tasks["done_on_time"]),
                (_("completed late"), tasks["done_late"]),
                (_("open, within time"), tasks["open_in_time"]),
                (_("open, overdue"), tasks["open_overdue"]),
                (_("awaiting confirmation"), tasks["awaiting_confirmation"]),
                (_("no deadline"), tasks["no_deadline"]),
                (_("Completion rate among tasks due"), percent(rates["completion"])),
                (_("On-time rate among tasks due"), percent(rates["on_time"])),
            ]
        )
        if progress.overdue:
            show_table(
                [_("Overdue"), _("Title"), _("Answers for it"), _("Last day"), _("Working days late")],
                [(x.short_key, x.title, x.responsible_name, x.last_day, x.days_late) for x in progress.overdue],
            )

    _deliver(app, path, data, lambda target: documents.write(document, target), people)


@report.command(help=N_("Who was told of what, when, and what followed: .html or .json."))
@AS_OF
@OUTPUT
@everywhere()
@pass_app
def escalations(app: App, as_of: datetime | None, path: Path | None) -> None:
    """Report to the department."""
    from planner.cli.output import show_table, text_of
    from planner.domain.notification import NoticeKind, NoticeState
    from planner.service import documents

    rows, document = documents.escalation_list(app.desk(), as_of or app.now)
    _deliver(
        app,
        path,
        rows,
        lambda target: documents.write(document, target, ("html",)),
        lambda: show_table(
            [_("Task"), _("Agency"), _("Notice"), _("Person told"), _("Sent"), _("State")],
            [
                (
                    r["task"],
                    r["agency_name"],
                    f"{text_of(NoticeKind(str(r['kind'])))} ({r['rung']})",
                    r["recipient_name"],
                    r["sent_at"],
                    NoticeState(str(r["state"])),
                )
                for r in rows
            ],
        ),
    )
