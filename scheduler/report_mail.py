"""The Chairman's report as a mail: a few figures in words, the document enclosed.

One for each directive, instant and recipient, however often it is asked for. It waits in the outbox for sending hours
as every mail does; what makes it different is told in `planner/store/outbox.py` (`HELD_FOR_A_PERSON`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from planner import i18n, templating
from planner.config import ZONE, Settings
from planner.domain.agency import Officer
from planner.domain.progress import Progress
from planner.i18n import gettext as _
from planner.store import outbox
from scheduler import message
from scheduler.wording import clean

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def report_mail(
    settings: Settings,
    progress: Progress,
    document: bytes,
    *,
    as_of: datetime,
    directive: str,
    title: str,
    to: str,
    officer: Officer | None,
    now: datetime,
) -> outbox.NewMail:
    """Return the report as a mail, bytes and all.

    Args:
        settings: who sends it.
        progress: the figures.
        document: the report as .docx.
        as_of: their cut-off instant.
        directive: code of the directive that it is about.
        title: its title.
        to: address of the one recipient.
        officer: who that is, if the register knows.
        now: when it is written.

    Raises:
        InputRejected: the address is not one mailbox, or a site's template cannot be used.
    """
    said = _words(settings.templates_dir, progress, as_of, title, officer.name if officer else "")
    day = as_of.astimezone(ZONE).date()
    key = outbox.mail_key(outbox.REPORT, to, day, [directive, as_of.astimezone(UTC).isoformat()])
    ident = message.message_id(key, settings.mail_from.rpartition("@")[2])
    enclosed = message.Attachment(name=f"bao-cao-{day.isoformat()}.docx", kind=DOCX, content=document)
    body = message.assemble(
        said,
        sender=settings.mail_from,
        sender_name=settings.mail_from_name,
        to=to,
        to_name=officer.name if officer else "",
        message_id=ident,
        date=now,
        attachment=enclosed,
    )
    return outbox.NewMail(
        kind=outbox.REPORT, recipient=to, day=day, key=key, subject=said.subject, message_id=ident, body=body
    )


def _words(site: Path | None, progress: Progress, as_of: datetime, title: str, recipient: str) -> message.Message:
    data = progress.as_dict()
    filing, tasks = data["filing"], data["tasks"]
    context = {
        "lang": i18n.language(),
        "recipient": clean(recipient),
        "title": clean(title),
        "at": templating.vi_instant(as_of),
        "figures": [
            (_("Plans owed, filed, missing"), f"{filing['owed']}, {filing['filed']}, {len(filing['missing'])}"),
            (_("Number of tasks"), templating.number(tasks["total"])),
            (_("completed on time"), templating.number(tasks["done_on_time"])),
            (_("completed late"), templating.number(tasks["done_late"])),
            (_("open, within time"), templating.number(tasks["open_in_time"])),
            (_("open, overdue"), templating.number(tasks["open_overdue"])),
        ],
    }
    folder = "notification/report"
    subject = clean(templating.render(f"{folder}/subject.txt", context, site))
    context["subject"] = subject
    text = templating.render(f"{folder}/body.txt", context, site)
    return message.Message(subject=subject, text=text, html=templating.render(f"{folder}/body.html", context, site))
