"""Takes mails to the mail server, a few connections at a time, and says exactly what became of each.

Knows no ledger and no plan: bytes in, a receipt or a `DeliveryError` out. One recipient a transaction, step by step, so
that "lost before the message went out" and "nobody knows whether it arrived" are never confused.
Source: RFC 5321 (steps, timeouts), RFC 3207 (STARTTLS). The meaning of replies is in `replies.py`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, NoReturn, Self

from aiosmtplib import SMTP, SMTPConnectError, SMTPException, SMTPResponseException, SMTPServerDisconnected

from planner import points, trust
from planner.errors import DeliveryError, UsageRefused, words_of
from planner.i18n import gettext as _
from scheduler.channels import Receipt
from scheduler.channels.replies import Stage, Verdict, classify, status_of
from scheduler.message import is_address

log = logging.getLogger(__name__)

Security = Literal["tls", "starttls", "none"]

_MOST_TEXT = 500  #: characters of a server's reply that are kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """Seconds to wait for each step; a short wait at the last one is what makes duplicate mails."""

    connect: float = 30.0  #: for each of: TCP and greeting, EHLO, STARTTLS, AUTH, RSET
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0  #: from DATA to the go-ahead
    dot: float = 600.0  #: from the final dot to the verdict
    quit: float = 5.0


class _Kept:
    """An open connection and how much it has been used."""

    def __init__(self, client: SMTP, opened: float) -> None:
        self.client = client
        self.opened = opened  #: seconds on the loop's own clock
        self.mails = 0
        self.is_clean = True  #: the server remembers nothing of a transaction: MAIL may follow at once


class EmailChannel:
    """Mail over SMTP, with up to `connections` kept connections.

    Used as `async with EmailChannel(...) as channel`; the first `send` opens the first connection.
    """

    def __init__(
        self,
        host: str,
        port: int,
        tls: Security,
        user: str | None = None,
        password: str | None = None,
        *,
        connections: int = 16,
        timeouts: Timeouts | None = None,
        mails_per_connection: int = 100,
        seconds_per_connection: float = 300.0,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        """Note where the server is; nothing is opened yet.

        Args:
            host: name that its certificate must bear.
            port: its port.
            tls: "tls" from the first byte, "starttls" (required, never "if offered"), "none" to this machine only.
            user: account to log in with; None: no login.
            password: its password; never shown.
            connections: most connections at a time, at least 1.
            timeouts: seconds a step.
            mails_per_connection: a connection is closed after so many.
            seconds_per_connection: or so long after it was opened.
            tls_context: other roots of trust than the system's; must verify certificates.

        Raises:
            UsageRefused: plaintext to another machine, or a context that verifies nothing.
        """
        if tls == "none" and not _is_this_machine(host):
            raise UsageRefused(_("Without encryption mail goes to this machine only; set tls or starttls."))
        context = ssl.create_default_context() if tls_context is None and tls != "none" else tls_context
        if context is not None and (context.verify_mode is not ssl.CERT_REQUIRED or not context.check_hostname):
            raise UsageRefused(_("The certificate of the mail server must be verified."))
        self._host, self._port, self._tls, self._context = host, port, tls, context
        self._user, self._password = user, password
        self._timeouts = timeouts or Timeouts()
        self._most_mails, self._most_seconds = mails_per_connection, seconds_per_connection
        self._connections = connections
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[_Kept] = []
        self._own_name: str | None = None

    @property
    def connections(self) -> int:
        """Return how many mails it takes at a time."""
        return self._connections

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            await self._quit(self._idle.pop())

    async def send(
        self, *, sender: str, recipient: str, data: bytes, before_data: Callable[[], Awaitable[bool]]
    ) -> Receipt | None:
        """Send `data` to `recipient`; see `Channel.send`.

        Raises:
            DeliveryError: with `stage`, `reply_code` and what it means; `ambiguous` only when the whole message was
                given to the connection and no verdict came back.
        """
        _check_envelope(sender, recipient, data)
        async with self._slots:
            kept = await self._begin(sender)
            reusable = False
            try:
                receipt = await self._transact(kept, recipient, data, before_data)
                reusable = True
            except DeliveryError as error:
                # A proper reply leaves both sides in step; anything else may pair a late reply with the next command.
                reusable = error.reply_code not in (None, 421)
                raise
            finally:
                kept.mails += 1
                if reusable and kept.client.is_connected and not _has_spare_reply(kept.client):
                    self._idle.append(kept)
                else:
                    kept.client.close()
            return receipt

    async def _begin(self, sender: str) -> _Kept:
        """Return a connection on which the server has agreed to MAIL.

        After a mail that was accepted MAIL may follow at once (RFC 5321 3.3). A kept connection that is gone, or on
        which the server wants no more, shows so here: nothing of the mail is under way, and a new one is opened.
        """
        while (kept := await self._take()).mails:
            points.reach("before MAIL")
            try:
                await kept.client.mail(sender, timeout=min(self._timeouts.mail, self._timeouts.connect))
            except (SMTPException, OSError) as error:
                log.debug("kept connection dropped", extra={"error": type(error).__name__})
                kept.client.close()
            else:
                return kept
        points.reach("before MAIL")
        try:
            with _at("mail"):
                await kept.client.mail(sender, timeout=self._timeouts.mail)
        except BaseException:
            kept.client.close()
            raise
        return kept

    async def _transact(
        self, kept: _Kept, recipient: str, data: bytes, before_data: Callable[[], Awaitable[bool]]
    ) -> Receipt | None:
        client, waits = kept.client, self._timeouts
        kept.is_clean = False
        points.reach("after MAIL")
        with _at("rcpt"):
            await client.rcpt(recipient, timeout=waits.rcpt)
        points.reach("after RCPT")
        if not await before_data():
            return None
        with _at("data"):
            _require_step(client)
            ready = await client.execute_command(b"DATA", timeout=waits.data)
        if ready.code != 354:
            _refuse("data", ready.code, ready.message)
        # Not `client.data()`: it has one timeout for two waits, and cannot tell a connection lost before the go-ahead
        # (nothing was sent) from one lost after the dot (the server may have it).
        points.reach("go-ahead given")
        with _at("data"):
            if client.protocol is None:
                raise SMTPServerDisconnected("lost after the go-ahead, before the message")
            _require_step(client)
        with _at("data", ambiguous=True):
            client.protocol.write(_stuffed(data))
            points.reach("message written")
            verdict = await client.protocol.read_response(timeout=waits.dot)
            if verdict.code // 100 not in (2, 4, 5):
                raise SMTPException(f"{verdict.code} is no verdict")
        if verdict.code >= 300:
            _refuse("data", verdict.code, verdict.message)
        kept.is_clean = True
        return Receipt(verdict.code, _words(verdict.message))

    async def _take(self) -> _Kept:
        """Return a connection that is ready for MAIL, as far as is known: a kept one, or a new one."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            kept = self._idle.pop()
            if kept.mails >= self._most_mails or now - kept.opened >= self._most_seconds:
                await self._quit(kept)
            elif kept.client.is_connected and (kept.is_clean or await self._reset(kept)):
                return kept
            else:
                kept.client.close()
        return await self._open()

    async def _open(self) -> _Kept:
        if self._own_name is None:
            self._own_name = await asyncio.to_thread(socket.getfqdn)
        client = SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            local_hostname=self._own_name if self._own_name.isascii() else "localhost",
            timeout=self._timeouts.connect,
            use_tls=self._tls == "tls",
            start_tls=self._tls == "starttls",
            tls_context=self._context,
        )
        with _at("connect"):
            await client.connect()
        try:
            with _at("connect"):
                if client.is_ehlo_or_helo_needed:
                    await client.ehlo()
        except BaseException:
            client.close()
            raise
        log.debug("connection to the mail server opened", extra={"port": self._port, "security": self._tls})
        return _Kept(client, asyncio.get_running_loop().time())

    async def _reset(self, kept: _Kept) -> bool:
        """Clear what the server remembers; False, and the connection closed, when it does not answer as it should."""
        try:
            await kept.client.rset(timeout=self._timeouts.connect)
        except (SMTPException, OSError) as error:
            # The mail at hand is not touched: nothing of it is under way on this connection.
            log.debug("kept connection dropped", extra={"error": type(error).__name__})
            kept.client.close()
            return False
        return kept.client.is_connected

    async def _quit(self, kept: _Kept) -> None:
        try:
            await kept.client.quit(timeout=self._timeouts.quit)
        except (SMTPException, OSError) as error:
            # QUIT is a courtesy; every mail of this connection has its verdict already.
            log.debug("connection ended without a farewell", extra={"error": type(error).__name__})
        finally:
            kept.client.close()
            await asyncio.sleep(0)  # lets the loop close the socket


@contextmanager
def _at(stage: Stage, *, ambiguous: bool = False) -> Iterator[None]:
    """Turn what goes wrong at `stage` into a `DeliveryError`.

    The library's error is cut off (`from None`) where it carries the recipient's address, which no log may show.
    """
    try:
        yield
    except SMTPResponseException as error:
        if 200 <= error.code < 600:
            _refuse(stage, error.code, error.message)
        raise _failed(stage, _("the mail server's answer cannot be read"), ambiguous=ambiguous) from None
    except SMTPConnectError as error:
        # The library wraps a connection cut before the greeting as it wraps a refused one.
        cut = isinstance(error.__cause__, SMTPServerDisconnected)
        raise _failed(stage, trust.why(error) or _plain(error), channel=not cut) from error
    except SMTPServerDisconnected as error:
        raise _failed(stage, _("the mail server cut the connection"), ambiguous=ambiguous) from error
    except TimeoutError as error:
        text = _("the mail server did not answer in time")
        raise _failed(stage, text, ambiguous=ambiguous, channel=stage == "connect") from error
    except (SMTPException, OSError) as error:  # STARTTLS or AUTH not offered, a certificate refused, a broken socket
        raise _failed(stage, _reason(error), ambiguous=ambiguous, channel=stage == "connect") from error


def _require_step(client: SMTP) -> None:
    if _has_spare_reply(client):
        raise SMTPResponseException(-1, "a reply that nobody asked for")


def _has_spare_reply(client: SMTP) -> bool:
    """Say whether the server has said more than it was asked.

    A reply too many would be taken for the answer to the next command: one to DATA for the verdict on the message.
    """
    return bool(getattr(client.protocol, "_buffer", b""))  # what the library has received, and nobody has read


def _reason(error: Exception) -> str:
    if "STARTTLS extension not supported" in str(error):  # the library has no type of its own for it
        return trust.no_starttls()
    return trust.why(error) or _plain(error)


def _failed(stage: Stage, what: str, *, ambiguous: bool = False, channel: bool = False) -> DeliveryError:
    reason = _("Mail server, step {step}: {what}.").format(step=stage.upper(), what=what)
    return DeliveryError(reason, stage=stage, ambiguous=ambiguous, channel=channel)


def _refuse(stage: Stage, code: int, text: str) -> NoReturn:
    verdict = classify(stage, code, text)
    what = _("Mail server, step {step}: reply {code} {text}").format(step=stage.upper(), code=code, text=_words(text))
    raise DeliveryError(
        what,
        stage=stage,
        reply_code=code,
        permanent=verdict is Verdict.DEAD,
        channel=verdict is Verdict.CHANNEL,
        status=status_of(text),
    ) from None


def _words(text: str) -> str:
    """Return a server's words in one printable line without addresses, fit for a database and a log."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(r"[^\s<>]+@[^\s<>]+", "…", " ".join(line.split()))[:_MOST_TEXT]


def _plain(error: Exception) -> str:
    cause = error.__cause__  # the library wraps what the system said in words of its own
    return _words(words_of(cause if isinstance(cause, OSError) else error))


def _check_envelope(sender: str, recipient: str, data: bytes) -> None:
    if not is_address(sender):
        raise DeliveryError(_("The sender's address is not an e-mail address."), stage="mail", channel=True)
    if not is_address(recipient):
        raise DeliveryError(_("The recipient's address is not an e-mail address."), stage="rcpt", permanent=True)
    if not data.endswith(b"\r\n") or data.count(b"\r\n") != data.count(b"\n") or data.count(b"\r") != data.count(b"\n"):
        # A lone CR or LF is read differently by different servers: a way to smuggle in a second mail.
        raise DeliveryError(_("The stored mail has broken line ends; it is not sent."), stage="data")


def _stuffed(data: bytes) -> bytes:
    """Double each dot that begins a line, and end with the line that is a dot alone."""
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    return (b"." + stuffed if stuffed.startswith(b".") else stuffed) + b".\r\n"


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
