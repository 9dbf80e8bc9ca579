"""A mail as bytes: the same words give the same bytes, today and on every later try.

Knows nothing of plans, people or servers. The headers are encoded here because the generator of the standard library
damages one in six long Vietnamese subjects; every message is read back before it is handed out.
Source: RFC 5322 (format), RFC 2045-2047 (MIME), RFC 3834 (automatic mail).
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.errors import MultipartInvariantViolationDefect
from email.header import decode_header
from email.message import Message as ParsedMessage
from email.parser import BytesHeaderParser, BytesParser
from email.policy import compat32
from email.utils import format_datetime
from functools import lru_cache

from planner.config import ZONE
from planner.errors import InputRejected, PlannerError, Problem
from planner.i18n import gettext as _

LINE = 76  #: longest line of a header that holds encoded words, and of base64 (RFC 2047, 2045)
WORD = 75  #: longest encoded word
TOKEN = 900  #: longest plain word of a header left as it is (a line may have 998)

_OPEN, _CLOSE = "=?utf-8?B?", "?="
_FIXED = (
    ("MIME-Version", "1.0"),
    ("Auto-Submitted", "auto-generated"),  # asks out-of-office robots to keep quiet
    ("Precedence", "bulk"),
    ("X-Auto-Response-Suppress", "All"),
)
_OWN = {"from", "to", "subject", "date", "message-id", "content-type", "content-transfer-encoding"} | {
    name.lower() for name, _value in _FIXED
}
_HEADER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_KIND = re.compile(r"[a-z]+/[a-z0-9.+-]{1,80}")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOMAIN = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
_ADDRESS = re.compile(rf"(?=.{{3,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_DOMAIN}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What a mail says, before it becomes bytes."""

    subject: str  #: one line
    text: str  #: the plain part; every fact stands here
    html: str  #: the same, laid out


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file that goes with a mail."""

    name: str  #: plain ASCII letters, digits, ".", "-", "_"
    kind: str  #: "application/pdf"
    content: bytes


def is_address(text: str) -> bool:
    """Say whether `text` is one plain ASCII mailbox: no display name, no comment, no quotes, no list."""
    return _ADDRESS.fullmatch(text) is not None


def message_id(key: str, domain: str) -> str:
    """Return the Message-ID of the mail that `key` names: always the same, so that a repeat is known as one.

    Raises:
        InputRejected: `domain` is not a plain ASCII domain.
    """
    if re.fullmatch(_DOMAIN, domain) is None:
        raise _rejected("Message-ID", "domain", _('"{text}" is not a domain name.').format(text=_shown(domain)))
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def assemble(
    message: Message,
    *,
    sender: str,
    sender_name: str,
    to: str,
    to_name: str,
    message_id: str,
    date: datetime,
    headers: Mapping[str, str] | None = None,
    attachment: Attachment | None = None,
) -> bytes:
    """Return the mail as bytes: multipart/alternative, 7-bit, CRLF, lines of at most 998 characters.

    With an attachment that stands in a multipart/mixed before it.

    Args:
        message: what it says.
        sender: address in From; `sender_name` stands before it.
        sender_name: may be Vietnamese; may be empty.
        to: address of the one recipient.
        to_name: may be Vietnamese; may be empty.
        message_id: with its angle brackets, from `message_id`.
        date: aware; written in the province's time.
        headers: more headers, in this order; none of those that are set here.
        attachment: a file to go with it.

    Raises:
        InputRejected: a value cannot stand in a header (line break, control character, wrong address); all are listed.
        PlannerError: what was assembled does not read back as what went in.
    """
    if date.tzinfo is None:
        raise ValueError("date has no time zone")
    extra = dict(headers or {})
    _check(message, (sender, to), (sender_name, to_name), message_id, extra)
    text, html = _lines(message.text), _lines(message.html)
    digest = hashlib.sha256("\x1f".join((message_id, message.subject, text, html)).encode()).hexdigest()
    boundary = f"=_{digest[:40]}"  # "_" never stands in base64
    top = [
        _address("From", sender_name, sender),
        _address("To", to_name, to),
        _text("Subject", message.subject),
        f"Date: {format_datetime(date.astimezone(ZONE))}",
        f"Message-ID: {message_id}",
        *(f"{name}: {value}" for name, value in _FIXED),
        *(_text(name, value) for name, value in extra.items()),
    ]
    told = [
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"',
        "",
        *(line for kind, part in (("plain", text), ("html", html)) for line in _part(boundary, kind, part)),
        f"--{boundary}--",
        "",
    ]
    if attachment is None:
        data = "\r\n".join([*top, *told]).encode("ascii")
        _read_back(data, message, extra, (text, html))
        return data
    # Read back as the mail that it would be without the attachment, then with it by the library's parser.
    _read_back("\r\n".join([*top, *told]).encode("ascii"), message, extra, (text, html))
    data = "\r\n".join([*top, *_mixed(f"=_{digest[40:]}", told, attachment)]).encode("ascii")
    _read_attachment(data, attachment, (text, html))
    return data


def _mixed(boundary: str, told: list[str], attachment: Attachment) -> Iterator[str]:
    """Yield the lines of a message and a file, one after the other."""
    if _FILE_NAME.fullmatch(attachment.name) is None or _KIND.fullmatch(attachment.kind) is None:
        raise ValueError("a name or a kind of file that needs encoding")
    yield f'Content-Type: multipart/mixed;\r\n boundary="{boundary}"'
    yield ""
    yield f"--{boundary}"
    yield from told
    yield f"--{boundary}"
    yield f"Content-Type: {attachment.kind}"
    yield "Content-Transfer-Encoding: base64"
    yield f'Content-Disposition: attachment;\r\n filename="{attachment.name}"'
    yield ""
    yield _base64(attachment.content)
    yield f"--{boundary}--"
    yield ""


def _read_attachment(data: bytes, attachment: Attachment, parts: tuple[str, str]) -> None:
    """Check that a mail with a file holds its two texts and the file.

    Raises:
        PlannerError: it does not; the mail must not be sent.
    """
    read = BytesParser(policy=compat32).parsebytes(data)
    found = [
        (one.get_content_type(), one.get_filename(), one.get_payload(decode=True))
        for one in read.walk()
        if not one.is_multipart()
    ]
    wanted = [
        ("text/plain", None, parts[0].encode()),
        ("text/html", None, parts[1].encode()),
        (attachment.kind, attachment.name, attachment.content),
    ]
    if found != wanted or any(one.defects for one in read.walk()):
        raise PlannerError(
            _("The mail does not read back as it was written ({places}); it is not sent.").format(
                places=attachment.name
            )
        )


def _check(
    message: Message, addresses: tuple[str, str], names: tuple[str, str], ident: str, extra: Mapping[str, str]
) -> None:
    problems = []
    values = {"Subject": message.subject, "From": names[0], "To": names[1], "Message-ID": ident, **extra}
    for place, value in values.items():
        if not value.isprintable() and any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in value):
            text = _("{text} holds a line break or a control character; write it in one line.")
            problems.append(Problem(place=place, code="header_control", message=text.format(text=_shown(value))))
    for place, value in zip(("From", "To"), addresses, strict=True):
        if not is_address(value):
            text = _("{text} is not one e-mail address; expected: name@agency.example.vn.")
            problems.append(Problem(place=place, code="header_address", message=text.format(text=_shown(value))))
    if re.fullmatch(r"<[^<>@\s]+@[^<>@\s]+>", ident, re.ASCII) is None or not ident.isascii():
        text = _("{text} is not a message identifier.")
        problems.append(Problem(place="Message-ID", code="header_id", message=text.format(text=_shown(ident))))
    for name in extra:
        if _HEADER_NAME.fullmatch(name) is None or name.lower() in _OWN:
            text = _("{text} cannot be used as the name of an additional header.")
            problems.append(Problem(place=_shown(name), code="header_name", message=text.format(text=_shown(name))))
    if problems:
        raise InputRejected(_("The mail cannot be assembled."), problems)


def _rejected(place: str, code: str, text: str) -> InputRejected:
    return InputRejected(_("The mail cannot be assembled."), [Problem(place=place, code=code, message=text)])


def _shown(value: str) -> str:
    """Show a value with its control characters made visible, shortened."""
    return ascii(value)[:80] if not value.isprintable() else f'"{value[:80]}"'


def _lines(text: str) -> str:
    """Return `text` with CRLF at the end of every line, the last one included."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    return lines.replace("\n", "\r\n") + "\r\n"


def _part(boundary: str, kind: str, text: str) -> Iterator[str]:
    yield f"--{boundary}"
    yield f'Content-Type: text/{kind}; charset="utf-8"'
    yield "Content-Transfer-Encoding: base64"
    yield ""
    yield _base64(text.encode())


def _base64(content: bytes) -> str:
    """Return the lines of `content` in base64, without the end of the last one."""
    encoded = base64.b64encode(content).decode("ascii")
    return "\r\n".join([encoded[i : i + LINE] for i in range(0, len(encoded), LINE)])


def _text(name: str, value: str) -> str:
    """Write an unstructured header: as it is when that is safe, else wholly in encoded words."""
    words = value.split(" ")
    plain = value.isascii() and "=?" not in value and all(0 < len(word) <= TOKEN for word in words)
    return _fold(f"{name}:", words) if plain else _encoded(f"{name}:", value)


def _fold(line: str, words: list[str]) -> str:
    """Put words behind `line`, one space before each, breaking before the word that would pass the line's end."""
    done = []
    for word in words:
        # The first word stays beside the header's name: a first line without text is read wrongly by old servers.
        if len(line) + 1 + len(word) > LINE and not line.endswith(":"):
            done.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*done, line])


def _encoded(line: str, value: str) -> str:
    """Put `value` behind `line` in encoded words (RFC 2047, base64), each of whole characters."""
    done = []
    data = value.encode()
    start = 0
    while start < len(data):
        room = min(WORD, LINE - len(line) - 1) - len(_OPEN) - len(_CLOSE)
        end = start + max(room, 0) // 4 * 3
        while start < end < len(data) and _is_inside(data[end]):
            end -= 1
        if end <= start:  # no room for one character: it goes there all the same
            end = start + 1
            while end < len(data) and _is_inside(data[end]):
                end += 1
        done.append(f"{line} {_word(data[start:end])}")
        line, start = "", end
    return "\r\n".join(done) if done else f"{line} "


def _is_inside(octet: int) -> bool:
    """Say whether an octet of UTF-8 goes on with a character instead of beginning one."""
    return octet & 0xC0 == 0x80


def _word(chunk: bytes) -> str:
    return _OPEN + base64.b64encode(chunk).decode("ascii") + _CLOSE


def _address(name: str, display: str, address: str) -> str:
    """Write From or To: the display name quoted or encoded, then the address in angle brackets."""
    if not display.strip():
        return f"{name}: {address}"
    escaped = display.replace("\\", "\\\\").replace('"', '\\"')
    if display.isascii() and "=?" not in display and len(name) + len(escaped) + 4 <= LINE:
        head = f'{name}: "{escaped}"'
    else:
        head = _encoded(f"{name}:", display)
    last = head.rpartition("\r\n")[2]
    return head + (" " if len(last) + len(address) + 3 <= LINE else "\r\n ") + f"<{address}>"


def _read_back(data: bytes, message: Message, extra: Mapping[str, str], parts: tuple[str, str]) -> None:
    """Check that `data` says what went in.

    Raises:
        PlannerError: it does not; the mail must not be sent.
    """
    head, _empty, body = data.partition(b"\r\n\r\n")
    parsed: ParsedMessage = BytesHeaderParser(policy=compat32).parsebytes(head)
    wanted = {"Subject": message.subject, **extra}
    wrong = [name for name, value in wanted.items() if _decoded(str(parsed[name] or "")) != value]
    # The body is taken apart here: a general parser takes most of a mail's time for lines of base64.
    mark = b"--" + (parsed.get_boundary() or "").encode("ascii")
    *pieces, end = body.split(mark)
    found = [_piece(one) for one in pieces]
    # Python 3.11.2 (of Debian 12) misses the parts of a head that is read alone.
    defects = [one for one in parsed.defects if not isinstance(one, MultipartInvariantViolationDefect)]
    if (
        found != [b"", ("text/plain", parts[0].encode()), ("text/html", parts[1].encode())]
        or end != b"--\r\n"
        or parsed.get_content_type() != "multipart/alternative"
        or defects
    ):
        wrong.append("body")
    if wrong:
        raise PlannerError(
            _("The mail does not read back as it was written ({places}); it is not sent.").format(
                places=", ".join(wrong)
            )
        )


def _piece(raw: bytes) -> bytes | tuple[str, bytes]:
    """Read one part between two boundaries: its type and its content; as it is when it is no part in base64."""
    head, empty, content = raw.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    kind, encoding = _kind_and_encoding(head)
    if not empty or encoding != "base64":
        return raw
    return kind, base64.b64decode(content)


@lru_cache(maxsize=16)  # the parts of all mails begin with the same two heads
def _kind_and_encoding(head: bytes) -> tuple[str, str | None]:
    parsed = BytesHeaderParser(policy=compat32).parsebytes(head)
    return parsed.get_content_type(), parsed["Content-Transfer-Encoding"]


def _decoded(value: str) -> str:
    """Decode a header as a reader does: unfold, then decode its words."""
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", value)
    pieces = decode_header(unfolded)
    return "".join(p.decode(charset or "ascii") if isinstance(p, bytes) else p for p, charset in pieces)
