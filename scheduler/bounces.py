"""Reads mail that came back: which of ours it was, and what that means for its address.

Believes what carries our signature and nothing else, answers nobody. Each report counts once: what became of a mail is
written down under its number, so a file may be read twice, and a crash between the database and the folder is harmless.
Source: RFC 3464; Maildir as by its author (new, cur; the flags S and F).
"""

from __future__ import annotations

import logging
import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from planner import points
from planner.errors import NotFound, WorldFailed, words_of
from planner.i18n import gettext as _
from planner.store import addresses
from planner.store.addresses import Cause, Return, Taken
from planner.store.engine import reading, writing
from scheduler import dsn, envelope
from scheduler.channels.replies import Verdict, classify, is_full, is_no_mailbox, status_of
from scheduler.shop import Shop

log = logging.getLogger(__name__)

_MOST_FILES = 500  #: of a folder in one round; the others wait for the next one


@dataclass(frozen=True, kw_only=True, slots=True)
class Understood:
    """What was made of one message."""

    outcome: str  #: a value of `Taken`, "delayed" or "delivered" (nothing to do), or "ignored"
    reason: str = ""  #: why it is ignored; translated
    mail_id: int | None = None
    recipient: str = ""
    cause: Cause | None = None
    status: str = ""
    detail: str = ""  #: the server's words, without addresses

    @property
    def is_read(self) -> bool:
        """Whether it was a report about a mail of ours."""
        return self.outcome not in ("ignored", Taken.UNKNOWN)


def take(shop: Shop, data: bytes, now: datetime, *, dry_run: bool = False) -> Understood:
    """Read one message and do what it asks for.

    Raises:
        WorldFailed: there is no secret to know our addresses by, or the database failed.
    """
    key = shop.bounce_key
    if key is None:
        raise WorldFailed(_("Bounces cannot be read: no secret is set. See bounce_key_file in docs/settings.md."))
    report = dsn.read(data)
    if isinstance(report, dsn.NoReport):
        return Understood(outcome="ignored", reason=report.reason)
    mail_id, reason = _mail_of(report, now, key)
    if mail_id is None:
        return Understood(outcome="ignored", reason=reason)
    with reading(shop.engine) as session:
        recipient = addresses.recipient_of(session, mail_id)
    if recipient is None:
        return Understood(outcome=Taken.UNKNOWN, reason=_("There is no such mail in this database."), mail_id=mail_id)
    failure = _about(report, recipient)
    if failure.action != "failed":
        outcome = "delayed" if failure.action == "delayed" else "delivered"
        return Understood(
            outcome=outcome, mail_id=mail_id, recipient=recipient, status=failure.status, detail=failure.diagnostic
        )
    status = _status(failure)
    cause = cause_of(failure) if recipient in failure.recipients else Cause.ELSEWHERE
    back = Return(mail_id=mail_id, cause=cause, status=status, detail=failure.diagnostic)
    with writing(shop.engine, dry_run=dry_run) as session:
        taken = addresses.take_back(session, back, now)
    log.info("bounce", extra={"mail": mail_id, "code": status, "then": taken.value})
    return Understood(
        outcome=taken, mail_id=mail_id, recipient=recipient, cause=cause, status=status, detail=failure.diagnostic
    )


def _mail_of(report: dsn.Report, now: datetime, key: bytes) -> tuple[int | None, str]:
    reason = _("The report went to no address that was signed here.")
    for address in report.addressed:
        found = envelope.opened(address, now, key)
        if found is not None and found.mail_id is not None:
            return found.mail_id, ""
        reason = found.reason if found is not None else reason
    return None, reason


def _about(report: dsn.Report, recipient: str) -> dsn.Failure:
    """Return what a report says of our recipient; if it names only others, of the first that failed."""
    ours = [one for one in report.failures if recipient in one.recipients]
    failed = [one for one in ours or report.failures if one.action == "failed"]
    return (failed or ours or list(report.failures))[0]


def _status(failure: dsn.Failure) -> str:
    """Return the more exact of the two codes: that of the report, unless it says no more than its class."""
    said = status_of(failure.diagnostic[4:]) if failure.reply_code else ""  # behind "550 " or "550-"
    return said if said and (not failure.status or failure.status.endswith(".0.0")) else failure.status


def cause_of(failure: dsn.Failure) -> Cause:
    """Return why the mail of a failed recipient did not arrive.

    What is not sure is no proof against an address: 5.4.4 and a 4.x.x that a relay gave up on are "unreached".
    """
    status = _status(failure)
    if is_no_mailbox(status):
        return Cause.ADDRESS
    if is_full(status, failure.reply_code):
        return Cause.FULL
    if failure.reply_code is None and not status.startswith(("5.1.", "5.6.", "5.7.")):
        return Cause.UNREACHED
    verdict = classify("rcpt", failure.reply_code or 550, status)
    if verdict is Verdict.CHANNEL or status.startswith(("5.6.", "5.7.")):
        return Cause.CHANNEL
    # A bare "550" may have been the answer to the message itself; only RCPT is about the recipient.
    return Cause.ADDRESS if verdict is Verdict.DEAD and failure.at_rcpt else Cause.UNREACHED


@dataclass(kw_only=True)
class Counts:
    """What was found in a folder."""

    died: int = 0  #: addresses that are dead from now on
    returned: int = 0  #: mails taken back whose address is still tried
    other: int = 0  #: reports of ours that change nothing
    ignored: int = 0  #: messages that are no report about a mail of ours
    left: int = 0  #: for the next time

    def as_dict(self) -> dict[str, int]:
        """Return the counts."""
        return dict(vars(self))


def take_folder(shop: Shop, folder: Path, now: datetime, *, dry_run: bool = False) -> Counts:
    """Read what is new in a Maildir; each file goes to `cur` once the database has what it says.

    There it has the flag S (seen), or F (flagged) when it was no report about a mail of ours.

    Raises:
        NotFound: the folder is no Maildir.
        WorldFailed: it cannot be read or changed, there is no secret, or the database failed.
    """
    new, cur = folder / "new", folder / "cur"
    if not new.is_dir() or not cur.is_dir():
        raise NotFound(_("{path} is no Maildir: it needs the folders new and cur.").format(path=folder))
    counts, trouble, looked_at = Counts(), None, 0
    try:
        names = sorted(path.name for path in new.iterdir())
    except OSError as error:
        raise _unusable(folder, error) from error
    for name in names:
        if looked_at == _MOST_FILES:
            counts.left += 1
            continue
        # One file that cannot be read or put away must not keep those behind it from being read, for ever.
        try:
            data = _content(new / name)
            if data is None:
                continue
            looked_at += 1
            found = take(shop, data, now, dry_run=dry_run)
            points.reach("bounce committed")
            _count(counts, found)
            if found.outcome != Taken.LATER and not dry_run:
                _put_away(new / name, cur, "S" if found.is_read else "F")
        except OSError as error:
            trouble = trouble or error
    if trouble is not None:
        raise _unusable(folder, trouble) from trouble
    return counts


def _unusable(folder: Path, error: OSError) -> WorldFailed:
    return WorldFailed(
        _("The folder of bounces {path} cannot be used: {reason}").format(path=folder, reason=words_of(error))
    )


def _count(counts: Counts, found: Understood) -> None:
    names = {Taken.DIED: "died", Taken.RETURNED: "returned", Taken.LATER: "left"}
    name = "other" if found.is_read else "ignored"
    name = names.get(Taken(found.outcome), name) if found.outcome in set(Taken) else name
    setattr(counts, name, getattr(counts, name) + 1)


def _content(path: Path) -> bytes | None:
    """Return what a file holds, as far as it is looked at; None: it is no plain file, or has gone meanwhile."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:  # another round has put it away
        return None
    except OSError:
        if path.is_symlink():
            return None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    with os.fdopen(handle, "rb") as file:
        return file.read(dsn.MOST_BYTES + 1)


def _put_away(path: Path, cur: Path, flag: str) -> None:
    try:
        path.rename(cur / f"{path.name.partition(':')[0]}:2,{flag}")
    except FileNotFoundError:  # another round was faster; both have read the same
        log.debug("bounce put away by another round")
