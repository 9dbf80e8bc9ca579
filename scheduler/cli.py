"""`planner scheduler ...` and `planner demo`, mounted by the entry points `planner.commands`.

Loads nothing heavy before a command runs: `planner --help` only needs the names.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planner.cli.base import (
    DAY,
    FOLDER,
    App,
    Command,
    Group,
    everywhere,
    lang_option,
    option,
    pass_app,
)
from planner.i18n import N_
from planner.i18n import gettext as _
from scheduler.cli_policy import fate, policy
from scheduler.cli_policy import shop_of as _shop

if TYPE_CHECKING:
    from planner.config import Settings
    from scheduler.channels import Channel


def email_channel(settings: Settings) -> Callable[[], Channel]:
    """Return what opens the mail channel of the settings.

    Raises:
        WorldFailed: the password file, or the one with the authorities of the mail server, cannot be read.
    """
    from planner import trust
    from planner.errors import WorldFailed, words_of
    from scheduler.channels.email import EmailChannel

    password = None
    if settings.smtp_password_file is not None:
        try:
            password = settings.smtp_password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise WorldFailed(
                _("The password file {path} cannot be read: {reason}").format(
                    path=settings.smtp_password_file, reason=words_of(error)
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
            connections=settings.smtp_connections,
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
    from planner.errors import Refused, WorldFailed
    from planner.service.doctor import held_because
    from planner.store import holds
    from planner.store.engine import reading
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
    if done.on_hold:
        with reading(shop.engine) as session:
            standing = holds.standing(session)
        raise Refused(
            _("What is due is queued, but no mail leaves. {reason} Decide with: planner scheduler resume").format(
                reason=held_because(standing) if standing is not None else ""
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
        "over": _("Urgent notices that wait for tomorrow: enough mails today"),
    }
    counts = done.as_dict()
    app.emit(counts, lambda: show_facts([(names[name], counts[name]) for name in names]))


@scheduler.command(
    help=N_("Hold the ledger against the plans; tell and queue what is missing, exit 1 if anything is wrong.")
)
@everywhere(writes=True)
@pass_app
def audit(app: App) -> None:
    """Look once with the auditor's eyes."""
    import logging

    from planner.cli.output import show_facts, show_table
    from scheduler import audit as auditor
    from scheduler.policy import Role

    logging.getLogger("scheduler").addHandler(logging.NullHandler())
    found = auditor.run(_shop(app), app.now, dry_run=app.dry_run, budget=float("inf"))
    data = found.as_dict()
    names = {
        "missing": _("Notices missing in the ledger"),
        "queued": _("Of these, queued now"),
        "leases": _("Mails held too long"),
        "overdue": _("Mails that should have been tried"),
        "unmailed": _("Notices that should be in a mail"),
        "silent": _("No round for three periods"),
        "on_hold": _("Deliveries on hold"),
        "suspects": _("Missing, perhaps too new to tell"),
        "unknown": _("Mails of unknown fate"),
        "unaddressed": _("Notices for whom nobody was found"),
        "expected": _("Notices looked for"),
        "plans": _("Plans with open work"),
        "covered": _("Of these, looked through"),
    }

    def people() -> None:
        show_facts([(names[name], data[name]) for name in names])
        if found.missing:
            show_table(
                [_("Rung"), _("Of what"), _("Role"), _("Falls due")],
                [(n["rung"], n["subject"], Role(n["role"]), n["nominal"]) for n in found.missing],
            )

    app.emit(data, people)
    if not found.ok:
        raise click.exceptions.Exit(1)


@scheduler.command(help=N_("Stop deliveries until somebody resumes them; rounds go on queueing."))
@option("--reason", metavar="TEXT", required=True, help=N_("Why; it is written down."))
@everywhere(writes=True)
@pass_app
def hold(app: App, reason: str) -> None:
    """Stop deliveries."""
    import logging

    from planner.cli.output import say
    from planner.errors import Refused
    from planner.service.tasks import require_words
    from scheduler import mark

    require_words({"--reason": reason})
    logging.getLogger("scheduler").addHandler(logging.NullHandler())
    desk = app.desk()
    with desk.reading() as session:
        desk.require_department(session)
    if not mark.hold(_shop(app), app.now, actor=desk.user or "local", reason=reason, dry_run=app.dry_run):
        raise Refused(_("Deliveries are on hold already."))
    app.emit({"on_hold": True}, lambda: say(_("No mail leaves until: planner scheduler resume")))


@scheduler.command(help=N_("After a restore: let deliveries go on, and say what becomes of what fell due meanwhile."))
@option("--assume-sent", is_flag=True, help=N_("What fell due before the restore was told; do not send it again."))
@option("--resend", is_flag=True, help=N_("Send it, even if some of it arrives a second time."))
@option("--reason", metavar="TEXT", required=True, help=N_("Why; it is written down."))
@everywhere(writes=True)
@pass_app
def resume(app: App, assume_sent: bool, resend: bool, reason: str) -> None:
    """Resume deliveries."""
    import logging

    from planner.cli.output import say
    from planner.errors import UsageRefused
    from planner.service.tasks import require_words
    from scheduler import mark

    if assume_sent == resend:
        raise UsageRefused(_("Write either --assume-sent or --resend."))
    require_words({"--reason": reason})
    logging.getLogger("scheduler").addHandler(logging.NullHandler())
    desk = app.desk()
    with desk.reading() as session:
        desk.require_department(session)
    shop = _shop(app)
    notices, mails = mark.resume(
        shop, app.now, assume_sent=assume_sent, actor=desk.user or "local", reason=reason, dry_run=app.dry_run
    )
    data = {"decision": "assume-sent" if assume_sent else "resend", "notices": notices, "mails": mails}

    def people() -> None:
        if assume_sent:
            text = _("{notices} notices and {mails} mails count as told. The next round delivers what is due since.")
            say(text.format(notices=notices, mails=mails))
        else:
            say(_("The next round delivers everything that waits."))

    app.emit(data, people)


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
        if data["held_back"]:
            _show_held(data["held_back"])
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

    def people() -> None:
        show_table(
            [_("Day"), _("Recipient"), _("Notices")],
            [
                (day["date"], mail["recipient"], [f"{n['subject']} ({n['rung']})" for n in mail["notices"]])
                for day in days
                for mail in day["mails"]
            ],
        )
        held = [{**one, "day": day["date"]} for day in days for one in day["held_back"]]
        if held:
            _show_held(held)

    app.emit(days, people)


def _show_held(held: list[dict[str, Any]]) -> None:
    """Show what is not told, and why."""
    from planner.cli.output import show_table
    from scheduler.policy import Role

    dated = "day" in held[0]
    names = [_("Rung"), _("Of what"), _("Role"), _("Recipient"), _("What becomes of it"), _("Why")]
    show_table(
        [_("Day"), *names] if dated else names,
        [
            (
                *([one["day"]] if dated else []),
                one["rung"],
                one["subject"],
                Role(one["role"]),
                one["recipient"],
                fate(one["state"]),
                one["reason"],
            )
            for one in held
        ],
        title="\n" + _("Not told"),
    )


scheduler.add_command(policy)


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
