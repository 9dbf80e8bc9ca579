"""`planner outbox ...`: who was told of what, what became of each mail, and what came back.

Loads nothing heavy before a command runs: `planner --help` only needs the names.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planner.cli.base import (
    CUT_OFF,
    FOLDER,
    WORDS,
    App,
    Group,
    argument,
    everywhere,
    option,
    pass_app,
)
from planner.i18n import N_
from planner.i18n import gettext as _
from scheduler.cli_policy import shop_of as _shop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scheduler.shop import Shop

STATES = ("queued", "mailed", "sent", "unknown", "dead", "obsolete", "superseded", "suppressed", "bounced", "cancelled")


#: what became of one try to deliver a mail, as the ledger writes it
_OUTCOMES = {
    "sent": N_("sent"),
    "retry": N_("to be tried again"),
    "channel": N_("to be tried again"),
    "failed": N_("could not be delivered"),
    "unknown": N_("sent or not: unknown"),
    "obsolete": N_("no longer needed, not sent"),
}


@click.group(cls=Group, help=N_("See who was told of what, and what became of each mail."))
def outbox() -> None:
    """The ledger."""


@outbox.command("list", help=N_("List the ledger: each notice with the mail that carried it."))
@option("--state", type=click.Choice(STATES), multiple=True, help=N_("Only notices in this state; may be repeated."))
@option("--task", "task", metavar="TASK", help=N_("Only notices about this task."))
@everywhere(clock=False)
@pass_app
def list_outbox(app: App, state: tuple[str, ...], task: str | None) -> None:
    """List the ledger."""
    from planner.cli.output import show_table
    from planner.domain.notification import MailState, NoticeKind, NoticeState
    from planner.store import ledger_view

    desk = app.desk()
    with desk.reading() as session:
        subject = desk.task_key(session, task) if task else ""
        rows = list(ledger_view.ledger(session, states=state, subject=subject))
        reports = [] if task else ledger_view.reports(session, states=state)
    rows += [{name: value for name, value in report.items() if name != "mail_id"} for report in reports]
    app.emit(
        rows,
        lambda: show_table(
            [_("Key"), _("State"), _("Kind"), _("Of what"), _("Rung"), _("Recipient"), _("Sent"), _("Last error")],
            [
                (
                    r["key"][:12],
                    MailState(r["mail_state"])
                    if "rung" not in r or r["mail_state"] == "unknown"
                    else NoticeState(r["state"]),
                    NoticeKind(r["kind"]) if "rung" in r else _("report"),
                    r["subject"].split("/", 1)[1] if "rung" in r else r["subject"],
                    r.get("rung"),
                    r["recipient"],
                    r["sent_at"],
                    r["last_error"] or None,
                )
                for r in rows
            ],
        ),
    )


def _whole_key(app: App, key: str) -> str:
    from planner.errors import NotFound
    from planner.store import ledger_view

    with app.desk().reading() as session:
        found = ledger_view.keys_like(session, key)
    if len(found) != 1:
        reason = _("No notice has this key.") if not found else _("Several notices begin so; write more of the key.")
        raise NotFound(reason + " " + _("See: planner outbox list"))
    return found[0]


@outbox.command(help=N_("Show one notice or report: why, in which mail, and each attempt to deliver it."))
@argument("key")
@everywhere(clock=False)
@pass_app
def show(app: App, key: str) -> None:
    """Show a notice, or the mail that carries a report."""
    from planner.store import ledger_view

    with app.desk().reading() as session:
        reports = ledger_view.reports(session, beginning=key)
        if len(reports) == 1 and not ledger_view.keys_like(session, key):
            row = dict(reports[0])
            mail = row.pop("mail_id")
        else:
            row = dict(next(iter(ledger_view.ledger(session, key=_whole_key(app, key)))))
            carrier = ledger_view.mail_of(session, row["key"])
            mail = carrier.id if carrier else None
        row["attempts_made"] = [
            {"at": a.at, "outcome": a.outcome, "stage": a.stage, "code": a.reply_code, "reply": a.reply}
            for a in (ledger_view.attempts_of(session, mail) if mail is not None else [])
        ]
        row["body"] = ledger_view.body_of(session, mail).decode("utf-8", "replace") if mail is not None else None
    app.emit(row, lambda: _show_entry(row))


def _show_entry(row: Mapping[str, Any]) -> None:
    from planner.cli.output import show_facts, show_table
    from planner.domain.notification import MailState, NoticeKind, NoticeState
    from scheduler.policy import Role

    notice = (
        [
            (_("State"), NoticeState(row["state"])),
            (_("Kind"), NoticeKind(row["kind"])),
            (_("Of what"), row["subject"].split("/", 1)[1]),
            (_("Rung"), row["rung"]),
            (_("Falls due"), row["nominal"]),
            (_("Role"), Role(row["role"])),
            (_("Why"), row["reason"]),
            (_("Queued at"), row["queued_at"]),
            (_("Settled at"), row["settled_at"]),
        ]
        if "rung" in row
        else [(_("Kind"), _("report"))]
    )
    show_facts(
        [
            (_("Key"), row["key"]),
            *notice,
            (_("Recipient"), row["recipient"] or None),
            (_("Mail"), MailState(row["mail_state"]) if row["mail_state"] else None),
            (_("Subject"), row["mail_subject"]),
            (_("Sent"), row["sent_at"]),
            (_("Message-ID"), row["message_id"]),
            (_("Last error"), row["last_error"] or None),
        ]
    )
    outcomes = {name: _(label) for name, label in _OUTCOMES.items()}
    if row["attempts_made"]:
        show_table(
            [_("When"), _("Outcome"), _("Stage"), _("Code"), _("Answer")],
            [
                (a["at"], outcomes[a["outcome"]], a["stage"].upper(), a["code"], a["reply"])
                for a in row["attempts_made"]
            ],
        )


@outbox.command(help=N_("Let a refused or waiting mail be tried again at the next round."))
@argument("key")
@everywhere(writes=True)
@pass_app
def retry(app: App, key: str) -> None:
    """Try a mail again."""
    from planner.cli.output import say
    from planner.errors import Refused
    from planner.store import upkeep

    whole = _whole_key(app, key)
    desk = app.desk()
    with desk.writing() as session:
        desk.require_department(session)
        if not upkeep.retry(session, whole, app.now):
            raise Refused(_("This notice has no mail that could be tried again."))
    app.emit({"key": whole, "state": "mailed"}, lambda: say(_("It will be tried at the next round.")))


@outbox.command(help=N_("Take a notice that still waits out of the queue for good."))
@argument("key")
@option("--reason", required=True, metavar="TEXT", help=N_("Why; it is written down."))
@everywhere(writes=True)
@pass_app
def cancel(app: App, key: str, reason: str) -> None:
    """Cancel a notice."""
    from planner.cli.output import say
    from planner.errors import Refused
    from planner.service.tasks import require_words
    from planner.store import upkeep

    require_words({"--reason": reason})
    whole = _whole_key(app, key)
    desk = app.desk()
    words = _("Taken back by {who}: {reason}.").format(
        who=desk.user or _("the operator"), reason=reason.strip().rstrip(".")
    )
    with desk.writing() as session:
        desk.require_department(session)
        if not upkeep.cancel(session, whole, app.now, reason=words):
            raise Refused(_("This notice does not wait any more; it cannot be taken back."))
    app.emit({"key": whole, "state": "cancelled"}, lambda: say(_("It will not be sent.")))


@outbox.command(help=N_("Say what became of a mail of unknown fate: it arrived, or it is to be sent again."))
@argument("key")
@option("--sent", "arrived", flag_value=True, type=bool, default=None, help=N_("It arrived; it counts as sent."))
@option("--resend", "arrived", flag_value=False, type=bool, help=N_("It did not; send it once more, the same."))
@option("--reason", type=WORDS, required=True, metavar="TEXT", help=N_("How that is known; it is written down."))
@everywhere(writes=True)
@pass_app
def resolve(app: App, key: str, arrived: bool | None, reason: str) -> None:
    """Settle an unknown fate."""
    from planner.cli.output import say
    from planner.domain.changes import MailResolved
    from planner.errors import NotFound, Refused, UsageRefused
    from planner.service.tasks import require_words
    from planner.store import ledger_view, sending

    if arrived is None:
        raise UsageRefused(_("Say --sent or --resend."))
    require_words({"--reason": reason})
    desk = app.desk()
    with desk.writing() as session:
        desk.require_department(session)
        found = ledger_view.mails_like(session, key)
        if len(found) != 1:
            reason = _("No mail has this key.") if not found else _("Several mails begin so; write more of the key.")
            raise NotFound(reason + " " + _("See: planner outbox list --state unknown"))
        [mail] = found
        if not sending.resolve(session, mail.id, arrived=arrived, at=app.now):
            raise Refused(_("What became of this mail is known, or it is being sent just now; nothing changed."))
        change = MailResolved(message_id=mail.message_id, recipient=mail.recipient, arrived=arrived)
        desk.record(session, [(mail.recipient, change)], reason=reason)
    data = {"key": mail.key, "recipient": mail.recipient, "state": "sent" if arrived else "ready"}
    app.emit(data, lambda: say(_("It counts as sent.") if arrived else _("It will be tried at the next round.")))


@outbox.command("report", help=N_("Mail the Chairman's report to one person, with the document enclosed."))
@argument("recipient", metavar="EMAIL")
@option("--as-of", type=CUT_OFF, metavar="INSTANT", help=N_("Cut-off instant of the figures. Default: now."))
@option("--directive", metavar="CODE", help=N_("The directive; default: the newest one."))
@option("--number", default="", metavar="NUMBER", help=N_("The document's number, once the records office gives one."))
@everywhere(writes=True)
@pass_app
def mail_report(app: App, recipient: str, as_of: datetime | None, directive: str | None, number: str) -> None:
    """Put the report into the outbox."""
    from planner.cli.output import say
    from planner.errors import Refused
    from planner.reporter import FORMATS
    from planner.service import documents
    from planner.store import outbox as store
    from planner.store import registers
    from scheduler.report_mail import report_mail

    desk = app.desk()
    address = recipient.strip().lower()
    with desk.reading() as session:
        desk.require_department(session)
        code = desk.directive_code(session, directive)
        title = registers.directives(session)[code].title
        officer = registers.officers(session).get(address)
    instant = as_of or app.now
    progress, document = documents.status(desk, instant, directive=code, number=number)
    mail = report_mail(
        desk.settings,
        progress,
        FORMATS["docx"](document),
        as_of=instant,
        directive=code,
        title=title,
        to=address,
        officer=officer,
        now=app.now,
    )
    with desk.writing() as session:
        desk.require_department(session)
        if not store.save_mail(session, mail, [], app.now):
            raise Refused(_("This report is in the outbox for this person already. See: planner outbox list"))
    data = {"key": mail.key, "recipient": mail.recipient, "message_id": mail.message_id, "subject": mail.subject}
    app.emit(data, lambda: say(_("It will be sent by the next round within sending hours.")))


#: what was made of a message that came back
_BOUNCES = {
    "died": N_("The address is dead from now on; reminders go to the substitute or further up."),
    "returned": N_("The mail is taken back and told again; the address is still tried."),
    "noted": N_("Written down; another mailbox refused, to which this one passes mail on."),
    "repeated": N_("This report was read before; nothing changed."),
    "later": N_("The mail is being sent just now; read the report again later."),
    "delayed": N_("The mail is late, not lost; nothing changed."),
    "delivered": N_("The mail arrived; nothing changed."),
}


@outbox.command(help=N_("Read one mail that came back: whom it did not reach, and why."))
@argument("path", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@everywhere(writes=True)
@pass_app
def bounce(app: App, path: Path) -> None:
    """Read a bounce."""
    from planner.cli.output import say, show_facts
    from planner.errors import InputRejected, Problem
    from scheduler import bounces

    shop = _bounce_shop(app)
    found = bounces.take(shop, _mail_file(path), app.now, dry_run=app.dry_run)
    if not found.is_read:
        raise InputRejected(
            _("{file} is no report about a mail of ours; nothing changed.").format(file=path),
            [Problem(place=str(path), code="bounce_unreadable", message=found.reason)],
        )
    data = {
        "outcome": str(found.outcome),
        "recipient": found.recipient,
        "cause": found.cause.value if found.cause else None,
        "status": found.status,
        "detail": found.detail,
    }

    def people() -> None:
        show_facts(
            [
                (_("Recipient"), found.recipient),
                (_("Why"), found.cause),
                (_("Code"), found.status or None),
                (_("Answer"), found.detail or None),
            ]
        )
        say(_(_BOUNCES[str(found.outcome)]))

    app.emit(data, people)


@outbox.command("bounces", help=N_("Read every new mail of a Maildir that came back; the service does so each round."))
@argument("folder", metavar="DIR", type=FOLDER, required=False)
@everywhere(writes=True)
@pass_app
def read_bounces(app: App, folder: Path | None) -> None:
    """Read a Maildir of bounces."""
    from planner.cli.output import show_facts
    from planner.errors import UsageRefused
    from scheduler import bounces

    shop = _bounce_shop(app)
    folder = folder or shop.settings.bounce_maildir
    if folder is None:
        raise UsageRefused(_("Name the Maildir, or set bounce_maildir."))
    counts = bounces.take_folder(shop, folder, app.now, dry_run=app.dry_run).as_dict()
    names = {
        "died": _("Addresses that are dead from now on"),
        "returned": _("Mails taken back"),
        "other": _("Reports that change nothing"),
        "ignored": _("No reports about a mail of ours"),
        "left": _("Left for the next time"),
    }
    app.emit(counts, lambda: show_facts([(names[name], count) for name, count in counts.items()]))


def _bounce_shop(app: App) -> Shop:
    desk = app.desk()
    with desk.reading() as session:
        desk.require_department(session)
    return _shop(app)


def _mail_file(path: Path) -> bytes:
    from planner.errors import NotFound, words_of
    from scheduler.dsn import MOST_BYTES

    if str(path) == "-":
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise NotFound(_("{path} cannot be read: {reason}").format(path=path, reason=words_of(error))) from error
