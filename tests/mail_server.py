"""A real mail server in this process whose replies can be scripted, and a channel to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from scheduler.channels import Receipt
from scheduler.channels.email import EmailChannel, Timeouts

SENDER, RECIPIENT = "khong-tra-loi@planner.example.vn", "an@stttt.example.vn"
QUICK = Timeouts(connect=0.4, mail=0.4, rcpt=0.4, data=0.4, dot=0.4, quit=0.4)
PLAIN = b"Subject: x\r\n\r\nx\r\n"


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


class Server:
    """A real mail server whose replies can be scripted: step -> "drop", "hang", or the reply it gives instead."""

    def __init__(self) -> None:
        self.port = 0
        self.script: dict[str, str] = {}
        self.once: dict[str, str] = {}  #: the same, for the next time only
        self.commands: list[str] = []  #: every command of every connection, in order
        self.mails: list[tuple[str | None, list[str], bytes]] = []
        self.connections = 0
        self.open: set[asyncio.Transport] = set()
        self.most_open = 0

    async def handle_DATA(self, server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        taken = (envelope.mail_from, list(envelope.rcpt_tos), envelope.content)
        if (act := self.script.get("DOT")) is not None:
            if act == "taken, then drop":
                self.mails.append(taken)
            if act == "hang":
                await asyncio.sleep(60)
            if act.endswith("drop"):
                server.transport.abort()
            return act if act[0].isdigit() or act == "?" else ""
        self.mails.append(taken)
        return "250 2.0.0 queued as 4711"


class Scripted(SMTP):
    """aiosmtpd's own server, which looks into the script before each command."""

    def __init__(self, owner: Server, **options: Any) -> None:
        super().__init__(owner, hostname="sink.example.vn", **options)
        self.owner = owner
        self.made: set[asyncio.Transport] = set()  # the plain one, and with STARTTLS the encrypted one over it

    def connection_made(self, transport: Any) -> None:
        if transport.get_extra_info("sslcontext") is None or self.transport is None:
            self.owner.connections += 1
        self.made.add(transport)
        self.owner.open.add(transport)
        self.owner.most_open = max(self.owner.most_open, len(self.owner.open))
        act = self.owner.script.get("CONNECT")
        if act is None:
            super().connection_made(transport)
        elif act == "drop":
            transport.abort()
        elif act != "hang":
            transport.write(f"{act}\r\n".encode())
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.owner.open -= self.made
        if self.transport is not None:
            super().connection_lost(error)

    async def _scripted(self, name: str, usual: Callable[[str], Any], argument: str) -> None:
        self.owner.commands.append(name)
        act = self.owner.once.pop(name, None) or self.owner.script.get(name)
        if act == "drop":
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.abort()
        elif act == "hang":
            await asyncio.sleep(60)
        elif act is not None:
            await self.push(act)
            if act.startswith("421"):
                assert self.transport is not None
                self.transport.close()
        else:
            await usual(argument)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        await self._scripted("EHLO", super().smtp_EHLO, hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        await self._scripted("STARTTLS", super().smtp_STARTTLS, arg)

    async def smtp_MAIL(self, arg: str) -> None:  # noqa: N802
        await self._scripted("MAIL", super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg: str) -> None:  # noqa: N802
        await self._scripted("RCPT", super().smtp_RCPT, arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        await self._scripted("DATA", super().smtp_DATA, arg)

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802
        await self._scripted("RSET", super().smtp_RSET, arg)


@asynccontextmanager
async def serving(ssl_context: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Server]:
    server = Server()
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: Scripted(server, **options), "127.0.0.1", 0, ssl=ssl_context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await _turns()  # what the client has closed is told to the server first
        for transport in list(server.open):
            transport.abort()
        await listener.wait_closed()
        await _turns()


async def _turns() -> None:
    """Let the loop close sockets and end the server's tasks."""
    for _turn in range(5):
        await asyncio.sleep(0)


def waits(*acts: str) -> Timeouts:
    """Wait shortly where the server will hang, and long where a busy machine may only be slow."""
    return QUICK if "hang" in acts else Timeouts()


def to(server: Server, *acts: str, **options: Any) -> EmailChannel:
    return EmailChannel("127.0.0.1", server.port, "none", timeouts=waits(*acts), **options)


async def send(channel: EmailChannel, data: bytes = PLAIN, recipient: str = RECIPIENT) -> Receipt | None:
    return await channel.send(sender=SENDER, recipient=recipient, data=data, before_data=yes)
