"""`planner scheduler ...`, `planner outbox ...` and `planner demo`, mounted by the entry points `planner.commands`.

Loads nothing heavy before a command runs: `planner --help` only needs the names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planner.cli.base import DAY, FILE, FOLDER, App, Command, Group, argument, everywhere, lang_option, option, pass_app
from planner.i18n import N_
from planner.i18n import gettext as _

if TYPE_CHECKING:
    from planner.config import Settings
    from scheduler.channels import Channel
    from scheduler.shop import Shop

STATES = ("queued", "mailed", "sent", "dead", "obsolete", "superseded", "suppressed", "bounced", "cancelled")


#: what became of one try to deliver a mail, as the ledger writes it
_OUTCOMES = {
    "sent": N_("sent"),
    "retry": N_("to be tried again"),
    "channel": N_("to be tried again"),
    "failed": N_("could not be delivered"),
    "unknown": N_("sent or not: unknown"),
    "obsolete": N_("no longer needed, not sent"),
}


def _shop(app: App) -> Shop:
    from scheduler.shop import Shop

    shop = Shop(settings=app.desk().settings)
    click.get_current_context().call_on_close(shop.close)
    return shop


def email_channel(settings: Settings) -> Callable[[], Channel]:
    """Return what opens the mail channel of the settings.

    Raises:
        WorldFailed: the password file, or the one with the authorities of the mail server, cannot be read.
    """
    from planner import trust
    from planner.errors import WorldFailed
    from scheduler.channels.email import EmailChannel
    from scheduler.delivery import CONNECTIONS

    password = None
    if settings.smtp_password_file is not None:
        try:
            password = settings.smtp_password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise WorldFailed(
                _("The password file {path} cannot be read: {reason}").format(
                    path=settings.smtp_password_file, reason=error.strerror
                )
            ) from error
    context = trust.context(settings.smtp_ca_file) if settings.smtp_tls != "none" else None

    def opened() -> Channel:
        return EmailChannel(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_tls,
            settings.smtp_user,
            password,
            connections=CONNECTIONS,
            tls_context=context,
        )

    return opened


@click.group(cls=Group, help=N_("Run, try out and foresee reminders and escalations."))
def scheduler() -> None:
    """The engine."""


@scheduler.command(help=N_("Serve until SIGTERM: a round every so many seconds."))
@everywhere(data=False, clock=False)
@pass_app
def run(app: App) -> None:
    """Run the service."""
    from scheduler import daemon
    from scheduler.logs import log_to_stderr

    log_to_stderr()
    shop = _shop(app)
    daemon.run(shop, email_channel(shop.settings))


@scheduler.command(help=N_("Do one round by hand: queue what is due, then deliver it."))
@everywhere()
@pass_app
def tick(app: App) -> None:
    """Do one round."""
    import logging

    from planner.cli.output import show_facts
    from planner.errors import WorldFailed
    from scheduler.jobs import run_round

    # What went wrong is told below; the service's log lines are for the service.
    logging.getLogger("scheduler").addHandler(logging.NullHandler())
    shop = _shop(app)
    done = run_round(shop, app.now, email_channel(shop.settings))
    if done.channel_fault:
        raise WorldFailed(
            _("What is due is queued, but the mail server cannot be used: {reason} Run this again later.").format(
                reason=done.channel_fault
            )
        )
    names = {
        "queued": _("Notices queued"),
        "superseded": _("Overtaken by a higher rung"),
        "suppressed": _("Held back"),
        "obsolete": _("No longer true"),
        "sent": _("Mails sent"),
        "retry": _("Mails to be tried again"),
        "failed": _("Mails refused"),
        "unknown": _("Mails of unknown fate"),
    }
    counts = done.as_dict()
    app.emit(counts, lambda: show_facts([(names[name], counts[name]) for name in names]))


@scheduler.command(help=N_("Show what a round would send, to whom and why; leave no trace."))
@everywhere()
@pass_app
def preview(app: App) -> None:
    """Foresee one round."""
    from planner.cli.output import say, show_table, text_of
    from scheduler import foresee

    data = foresee.preview(_shop(app), app.now)

    def people() -> None:
        if not data["may_send"]:
            say(_("Outside sending hours: mail waits for the next open minute."))
        nobody = _("nobody found")
        for mail in data["messages"]:
            show_table(
                [_("Rung"), _("Of what"), _("Last day"), _("Why")],
                [(n["rung"], n["subject"], n["last_day"], n["reason"]) for n in mail["notices"]],
                title=f"\n{mail['recipient'] or nobody}: {mail['subject'] or ''}",
            )
        counts = _("{mails} mails; {held} notices held back.")
        say(counts.format(mails=text_of(len(data["messages"])), held=text_of(len(data["held_back"]))))

    app.emit(data, people)


@scheduler.command(help=N_("Show, day by day, the mails that the policy would send if nobody reported anything."))
@option("--from", "first", type=DAY, required=True, help=N_("First day."))
@option("--to", "last", type=DAY, required=True, help=N_("Last day."))
@everywhere(clock=False)
@pass_app
def simulate(app: App, first: date, last: date) -> None:
    """Foresee a span."""
    from planner.cli.output import show_table
    from planner.errors import UsageRefused
    from scheduler import foresee

    if last < first:
        raise UsageRefused(
            _("The last day ({last}) lies before the first ({first}); exchange them.").format(last=last, first=first)
        )
    days = foresee.simulate(_shop(app), first, last)
    app.emit(
        days,
        lambda: show_table(
            [_("Day"), _("Recipient"), _("Notices")],
            [
                (day["date"], mail["recipient"], [f"{n['subject']} ({n['rung']})" for n in mail["notices"]])
                for day in days
                for mail in day["mails"]
            ],
        ),
    )


@scheduler.group(cls=Group, help=N_("The reminder ladder."))
def policy() -> None:
    """The policy."""


@policy.command("check", help=N_("Check a policy file; tell everything that is wrong in it."))
@argument("path", metavar="FILE", type=FILE)
@everywhere(clock=False)
@pass_app
def check_policy(app: App, path: Path) -> None:
    """Check a policy."""
    from planner.cli.output import say
    from scheduler import policy as ladder

    found = ladder.load(path)
    data = {"ok": True, "name": found.name, "version": found.version, "hash": found.hash, "rungs": len(found.rungs)}
    app.emit(
        data,
        lambda: say(
            _("{name}, version {version}: {n} rungs, no problem.").format(
                name=found.name, version=found.version, n=len(found.rungs)
            )
        ),
    )


@policy.command("show", help=N_("Show the ladder in force."))
@everywhere(clock=False)
@pass_app
def show_policy(app: App) -> None:
    """Show the policy."""
    from planner.cli.output import show_facts, show_table

    found = _shop(app).policy
    data: dict[str, Any] = {**found.model_dump(mode="json", by_alias=True), "hash": found.hash}

    def people() -> None:
        show_facts(
            [
                (_("Name"), f"{data['name']} {data['version']}"),
                (_("Sending hours"), f"{data['sending']['from'][:5]} - {data['sending']['to'][:5]}"),
                (_("Hash"), data["hash"]),
            ]
        )
        show_table(
            [_("Rung"), _("Falls due"), _("Who is told"), _("Kind")],
            [(rung.name, rung.trigger.describe(), rung.tell, rung.kind) for rung in found.rungs],
        )

    app.emit(data, people)


@policy.command("route", help=N_("Show who would be told of a task at each rung."))
@argument("name", metavar="TASK")
@everywhere()
@pass_app
def route(app: App, name: str) -> None:
    """Show a task's way up the ladder."""
    from planner.cli.output import show_table
    from scheduler import foresee
    from scheduler.policy import Role

    rows = foresee.route(_shop(app), name, app.now)
    app.emit(
        rows,
        lambda: show_table(
            [_("Day"), _("Rung"), _("Role"), _("Recipient"), _("Why")],
            [(r["nominal"], r["rung"], Role(r["role"]), r["recipient"], r["reason"]) for r in rows],
        ),
    )


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
    from planner.domain.notification import NoticeKind, NoticeState
    from planner.store import ledger_view

    desk = app.desk()
    with desk.reading() as session:
        subject = desk.task_key(session, task) if task else ""
        rows = list(ledger_view.ledger(session, states=state, subject=subject))
    app.emit(
        rows,
        lambda: show_table(
            [_("Key"), _("State"), _("Kind"), _("Of what"), _("Rung"), _("Recipient"), _("Sent"), _("Last error")],
            [
                (
                    r["key"][:12],
                    NoticeState(r["state"]),
                    NoticeKind(r["kind"]),
                    r["subject"].split("/", 1)[1],
                    r["rung"],
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


@outbox.command(help=N_("Show one notice: why, in which mail, and each attempt to deliver it."))
@argument("key")
@everywhere(clock=False)
@pass_app
def show(app: App, key: str) -> None:
    """Show a notice."""
    from planner.cli.output import show_facts, show_table
    from planner.domain.notification import MailState, NoticeKind, NoticeState
    from planner.store import ledger_view
    from scheduler.policy import Role

    whole = _whole_key(app, key)
    with app.desk().reading() as session:
        row = dict(next(iter(ledger_view.ledger(session, key=whole))))
        mail = ledger_view.mail_of(session, whole)
        row["attempts_made"] = [
            {"at": a.at, "outcome": a.outcome, "stage": a.stage, "code": a.reply_code, "reply": a.reply}
            for a in (mail[1] if mail else [])
        ]
        row["body"] = mail[0].body.decode("utf-8", "replace") if mail else None

    def people() -> None:
        show_facts(
            [
                (_("Key"), row["key"]),
                (_("State"), NoticeState(row["state"])),
                (_("Kind"), NoticeKind(row["kind"])),
                (_("Of what"), row["subject"].split("/", 1)[1]),
                (_("Rung"), row["rung"]),
                (_("Falls due"), row["nominal"]),
                (_("Role"), Role(row["role"])),
                (_("Recipient"), row["recipient"] or None),
                (_("Why"), row["reason"]),
                (_("Queued at"), row["queued_at"]),
                (_("Settled at"), row["settled_at"]),
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

    app.emit(row, people)


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
@everywhere(writes=True)
@pass_app
def cancel(app: App, key: str) -> None:
    """Cancel a notice."""
    from planner.cli.output import say
    from planner.errors import Refused
    from planner.store import upkeep

    whole = _whole_key(app, key)
    desk = app.desk()
    with desk.writing() as session:
        desk.require_department(session)
        if not upkeep.cancel(session, whole, app.now):
            raise Refused(_("This notice does not wait any more; it cannot be taken back."))
    app.emit({"key": whole, "state": "cancelled"}, lambda: say(_("It will not be sent.")))


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
    from planner.errors import NotFound
    from scheduler.dsn import MOST_BYTES

    if str(path) == "-":
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise NotFound(_("{path} cannot be read: {reason}").format(path=path, reason=error.strerror)) from error


@click.command(cls=Command, help=N_("Play the whole story on the sample, in a folder of its own."))
@option(
    "-o", "--output", "folder", type=FOLDER, default=Path("planner-demo"), show_default=True, help=N_("The folder.")
)
@option("--until", type=DAY, help=N_("Stop the story on this day; default: 31 July 2020."))
@option("--json", "as_json", is_flag=True, help=N_("Print one JSON document."))
@lang_option
@pass_app
def demo(app: App, folder: Path, until: date | None, as_json: bool) -> None:
    """Play the demo."""
    from planner.cli.output import progress_bar, say, text_of
    from planner.errors import UsageRefused
    from scheduler import demo as story

    app.as_json = as_json
    last = until or story.LAST
    if not story.FIRST <= last <= story.LAST:
        raise UsageRefused(
            _("The story goes from {first} to {last}.").format(first=text_of(story.FIRST), last=text_of(story.LAST))
        )
    with progress_bar(_("Playing May to July 2020")) as bar:
        done = story.play(
            folder,
            last=last,
            on_start=lambda days: bar.update(bar.task_ids[0], total=days),
            on_day=lambda: bar.advance(bar.task_ids[0]),
        )

    def people() -> None:
        say(
            _("{agencies} agencies, {plans} plans filed, {tasks} tasks, {mails} mails delivered.").format(
                agencies=done["agencies"], plans=done["plans"], tasks=done["tasks"], mails=done["mails"]
            )
        )
        reports = folder / "reports"
        say(_("Begin here: {path}").format(path=folder / "index.html"))
        say(_("The Chairman's report: {path}").format(path=reports / f"bao-cao-{last.isoformat()}.docx"))
        say(_("The mails, day by day: {path}").format(path=folder / "mails"))
        say(_("Go on by yourself: cd {path} && planner task list --now {day}").format(path=folder, day=last))

    app.emit(done, people)
