"""What a report of failed delivery says: of which recipients, with which codes, and to which address it came.

Bytes in, a `Report` or the reason why there is none. Knows no database and believes nothing: whether the report is
about a mail of ours is told by the signed address alone (`envelope.py`). Only the outermost level of the message is
looked at, so that a report inside another message is none, and nothing can be nested too deep.
Source: RFC 3464 (reports), 3462 (multipart/report), 6533 (the same with UTF-8), 3463 (codes).
"""

from __future__ import annotations

import binascii
import quopri
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32

from planner.i18n import gettext as _

MOST_BYTES = 1024 * 1024  #: of one message; a report holds our mail at most once
_MOST_HEAD = 64 * 1024  #: of the headers of the message, or of one part
_MOST_PARTS = 10
_MOST_RECIPIENTS = 50
_MOST_TEXT = 300  #: characters of the server's words that are kept

_STATUS = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})\b")
_MAILBOX = re.compile(r"[^\s@<>,;:\"()\[\]]{1,64}@[A-Za-z0-9.-]{1,253}")
_AT_RCPT = re.compile(r"\b(?:in reply to|after) RCPT TO\b", re.IGNORECASE)
_KINDS = ("message/delivery-status", "message/global-delivery-status")
#: where mail servers write to whom they delivered a message
_DELIVERED = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "To")


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What a report says of one recipient."""

    action: str  #: "failed", "delayed", "delivered", "relayed" or "expanded"
    status: str  #: "5.1.1"; "" when it is missing or no code
    recipients: frozenset[str]  #: final and original recipient, lower case
    diagnostic: str  #: the other server's words, in one line, without addresses; ""
    reply_code: int | None  #: of an SMTP reply among them
    at_rcpt: bool  #: the report says that this reply was given to the recipient's name, not to the message


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A report of delivery."""

    addressed: tuple[str, ...]  #: addresses to which it was delivered, as its headers say
    failures: tuple[Failure, ...]  #: at least one


@dataclass(frozen=True, kw_only=True, slots=True)
class NoReport:
    """A message that is no report that counts."""

    reason: str  #: translated


def read(data: bytes) -> Report | NoReport:
    """Return what a message reports.

    Args:
        data: the message as it was delivered; of more than `MOST_BYTES` nothing is read.
    """
    if len(data) > MOST_BYTES:
        return NoReport(reason=_("The message is too large for a report of delivery."))
    head, body = _divided(data.replace(b"\r\n", b"\n"))
    if head is None:
        return NoReport(reason=_("This is no e-mail message: its headers are missing or too large."))
    kind, boundary = _kind(head)
    if (
        kind != "multipart/report"
        or not boundary
        or _parameter(head, "report-type").lower() not in ("delivery-status", "")
    ):
        return NoReport(reason=_("The message is no report of delivery (RFC 3464); an automatic answer, perhaps."))
    if _header(head, "Return-Path") not in ("", "<>"):
        return NoReport(reason=_("A report of delivery has no sender; this message has one."))
    parts = list(_parts(body, boundary))
    failures = tuple(_failures(_status_of(parts), _refused_by_name(parts)))
    if not failures:
        return NoReport(reason=_("The message calls itself a report, but names no recipient."))
    return Report(addressed=_addressed(head), failures=failures)


def _refused_by_name(parts: list[bytes]) -> frozenset[str]:
    """Return the recipients that were refused as they were named, as the words for people say.

    Among the fields no server tells the step at which it was refused; Postfix and Exim tell it in the first part, in
    the paragraph of the recipient.
    """
    head, content = _divided(parts[0]) if parts else (None, b"")
    if head is None or _kind(head)[0] != "text/plain":
        return frozenset()
    text = _decoded(head, content)[:_MOST_HEAD].decode("ascii", "replace")
    said = (" ".join(paragraph.split()) for paragraph in re.split(r"\n[ \t]*\n", text))
    return frozenset(
        one.lower() for paragraph in said if _AT_RCPT.search(paragraph) for one in _MAILBOX.findall(paragraph)
    )


def _status_of(parts: list[bytes]) -> bytes:
    """Return the part with the fields of the report; empty when there is none."""
    for part in parts:
        head, content = _divided(part)
        if head is not None and _kind(head)[0] in _KINDS:
            return _decoded(head, content)
    return b""


def _divided(data: bytes) -> tuple[Message | None, bytes]:
    """Divide a message or part, with LF ends, into its headers and the rest."""
    if data.startswith(b"\n"):  # a part without headers
        return None, data
    head, _empty, body = data.partition(b"\n\n")
    if not head.strip() or len(head) > _MOST_HEAD:
        return None, b""
    return BytesHeaderParser(policy=compat32).parsebytes(head + b"\n\n"), body


def _header(head: Message, name: str) -> str:
    return " ".join(str(head.get(name, "")).split())


def _kind(head: Message) -> tuple[str, str]:
    """Return the content type and the boundary; ("", "") when the header is longer than any honest one."""
    if len(str(head.get("Content-Type", ""))) > 1000:
        return "", ""
    return head.get_content_type(), _parameter(head, "boundary").rstrip()


def _parameter(head: Message, name: str) -> str:
    """Return a parameter of the content type; "" when it is missing, or written in a charset of its own.

    No honest report writes one so (RFC 2231), and the library decodes it with whatever codec the message names.
    """
    value = head.get_param(name, "")
    return value if isinstance(value, str) else ""


def _parts(body: bytes, boundary: str) -> Iterator[bytes]:
    """Yield the parts of the outermost level."""
    mark = b"--" + boundary.encode("ascii", "replace")
    lines: list[bytes] | None = None
    count = 0
    for line in body.split(b"\n"):
        stripped = line.rstrip()
        if stripped in (mark, mark + b"--"):
            if lines is not None:
                yield b"\n".join(lines)
                count += 1
            if stripped != mark or count >= _MOST_PARTS:
                return
            lines = []
        elif lines is not None:
            lines.append(line)
    if lines is not None:  # cut off before its end
        yield b"\n".join(lines)


def _decoded(head: Message, content: bytes) -> bytes:
    coding = _header(head, "Content-Transfer-Encoding").lower()
    if coding == "quoted-printable":
        return quopri.decodestring(content)
    if coding == "base64":
        try:
            return b64decode(content).replace(b"\r\n", b"\n")
        except binascii.Error:
            return b""
    return content


def _failures(content: bytes, refused: frozenset[str]) -> Iterator[Failure]:
    """Yield what the groups of fields say, which empty lines divide; the one about the whole message is passed over."""
    count = 0
    for group in re.split(rb"\n[ \t]*(?=\n)", b"\n" + content):
        fields = BytesHeaderParser(policy=compat32).parsebytes(group.strip(b"\n")[:_MOST_HEAD] + b"\n\n")
        final = _mailbox(_header(fields, "Final-Recipient"))
        action = _header(fields, "Action").lower()
        if not final or not action:
            continue
        words = _header(fields, "Diagnostic-Code")
        status = _STATUS.match(_header(fields, "Status"))
        recipients = frozenset(filter(None, (final, _mailbox(_header(fields, "Original-Recipient")))))
        yield Failure(
            action=action.split(" ")[0][:20],
            status=".".join(status.groups()) if status else "",
            recipients=recipients,
            diagnostic=plain(words.partition(";")[2] or words),
            reply_code=_reply_code(words),
            at_rcpt=bool(_AT_RCPT.search(words) or recipients & refused),
        )
        count += 1
        if count >= _MOST_RECIPIENTS:
            return


def _mailbox(field: str) -> str:
    """Return the address in "rfc822; an@example.vn"."""
    found = _MAILBOX.search(field.partition(";")[2][:1000])
    return found[0].lower().rstrip(".") if found else ""


def _reply_code(words: str) -> int | None:
    found = re.match(r"\s*smtp\s*;\s*([245]\d\d)\b", words, re.IGNORECASE)
    return int(found[1]) if found else None


def _addressed(head: Message) -> tuple[str, ...]:
    found = [one for name in _DELIVERED for value in head.get_all(name, []) for one in _MAILBOX.findall(str(value))]
    return tuple(dict.fromkeys(found))[:_MOST_RECIPIENTS]


def plain(text: str) -> str:
    """Return words of another server in one printable line, shortened, without addresses: fit for a list and a log."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[:2000]).split())
    return re.sub(r"[^\s<>]+@[^\s<>]+", "…", line)[:_MOST_TEXT]
