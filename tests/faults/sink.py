"""A mail server in a process of its own that writes down each mail before it says 250, and misbehaves as it is told.

What it has taken stands in a file to which it only appends, one JSON line a mail, so that nothing that happens to the
program under test can change the count. Its owner speaks to it over a socket: a script of faults, or "be still".
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import json
import os
import re
import signal
import socket
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_LONG = b"".join(b"250-%06d %s\r\n" % (n, b"x" * 400) for n in range(2500)) + b"250 end\r\n"
_DRIP = 0.004  # seconds from octet to octet
_REST = 20  # seconds that whoever was killed has connections at most, on a machine with much to do


class Sink:
    """The owner's side: starts the server, scripts it, reads what it took."""

    def __init__(self) -> None:
        # Not with the lane's files: when their disk is filled, the witness must still be able to write.
        handle, name = tempfile.mkstemp(prefix="accepted-", suffix=".jsonl")
        os.close(handle)
        self.log = Path(name)
        listening = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port: int = listening.getsockname()[1]
        self._control, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self._control.close()
            _serve(listening, theirs, self.log)
        listening.close()
        theirs.close()
        self._answers = self._control.makefile("r", encoding="utf-8")

    def _ask(self, **what: Any) -> dict[str, Any]:
        self._control.sendall(json.dumps(what).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer

    def script(self, *acts: dict[str, Any]) -> Counter[str]:
        """Set what to do wrong, and return what of the script before was done, and how often.

        Each act: `step`, `do`, from the `nth` time on (1 is the first), so many `times`.
        """
        return Counter(self._ask(script=acts)["done"])

    def rest(self) -> None:
        """Wait until all that was sent to the server has been dealt with.

        Raises:
            RuntimeError: somebody still holds a connection; what he sends would count for the next scenario.
        """
        if left := self._ask(rest=True)["open"]:
            raise RuntimeError(f"{left} connections to the mail server do not end")

    def accepted(self) -> list[dict[str, Any]]:
        """Return what was taken since `forget`: message_id, sha256, recipient, at, in order."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def forget(self) -> None:
        """Begin a new count."""
        self.rest()
        os.truncate(self.log, 0)

    def stop(self) -> None:
        """End the server."""
        self._answers.close()
        self._control.close()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.log.unlink(missing_ok=True)


def _serve(listening: socket.socket, control: socket.socket, log: Path) -> None:
    gc.freeze()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        asyncio.run(_Server(log).run(listening, control))
    finally:
        os._exit(0)


class _Server:
    def __init__(self, log: Path) -> None:
        self.handle = os.open(log, os.O_WRONLY | os.O_APPEND)
        self.acts: list[dict[str, Any]] = []
        self.done: Counter[str] = Counter()
        self.open: set[_Session] = set()

    async def run(self, listening: socket.socket, control: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_server(lambda: _Session(self), sock=listening)
        reader, writer = await asyncio.open_connection(sock=control)
        while line := await reader.readline():
            asked = json.loads(line)
            if "script" in asked:
                answer: dict[str, Any] = {"done": self.done}
                self.acts, self.done = [dict(act, seen=0) for act in asked["script"]], Counter()
            else:
                answer = {"open": await self._rest()}
            writer.write(json.dumps(answer).encode() + b"\n")

    async def _rest(self) -> int:
        for _turn in range(4):
            await asyncio.sleep(0.001)
        last = time.monotonic() + _REST
        while self.open and time.monotonic() < last:
            await asyncio.sleep(0.002)
        return len(self.open)

    def act(self, step: str) -> str | None:
        """Return what to do wrong at this step, if anything."""
        for one in self.acts:
            if one["step"] == step:
                one["seen"] += 1
                if one.get("nth", 1) <= one["seen"] < one.get("nth", 1) + one.get("times", 1):
                    self.done[f"{step}: {one['do']}"] += 1
                    return str(one["do"])
        return None

    def take(self, recipient: str, sender: str, data: bytes) -> None:
        found = _MESSAGE_ID.search(data)
        line = {
            "message_id": found.group(1).decode() if found else "",
            "sha256": hashlib.sha256(data).hexdigest(),
            "recipient": recipient,
            "sender": sender,
            "at": time.time(),
        }
        os.write(self.handle, json.dumps(line).encode() + b"\n")


class _Session(asyncio.Protocol):
    def __init__(self, server: _Server) -> None:
        self.server = server
        self.buffer = b""
        self.in_data = self.stuck = False
        self.cut_tls = False
        self.sender = self.recipient = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.open.add(self)
        self._reply("CONNECT", "220 sink.example.vn ESMTP")

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's own
        self.server.open.discard(self)

    def data_received(self, data: bytes) -> None:
        if self.stuck:
            return
        if self.cut_tls:  # the client's hello is answered by a cut
            self.transport.abort()
            return
        self.buffer += data
        while not self.stuck and not self.transport.is_closing():
            if self.in_data:
                if len(self.buffer) > 1500 and (act := self.server.act("BODY")) is not None:
                    self._misbehave(act, "")
                    continue
                body, dot, rest = self.buffer.partition(b"\r\n.\r\n")
                if not dot:
                    return
                self.buffer, self.in_data = rest, False
                self._dot(body.replace(b"\r\n..", b"\r\n.") + b"\r\n")
            else:
                line, end, rest = self.buffer.partition(b"\r\n")
                if not end:
                    return
                self.buffer = rest
                self._command(line.decode("utf-8", "replace"))

    def _command(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "EHLO":
            self._reply("EHLO", "250-sink.example.vn\r\n250-STARTTLS\r\n250 8BITMIME")
        elif verb == "STAR":
            self.cut_tls = True
            self._reply("STARTTLS", "220 go ahead")
        elif verb == "MAIL":
            self.sender = line.partition("<")[2].partition(">")[0]
            self._reply("MAIL", "250 2.1.0 ok")
        elif verb == "RCPT":
            self.recipient = line.partition("<")[2].partition(">")[0]
            self._reply("RCPT", "250 2.1.5 ok")
        elif verb == "DATA":
            self.in_data = self._reply("DATA", "354 go ahead")
        elif verb == "RSET":
            self._reply("RSET", "250 2.0.0 ok")
        elif verb == "QUIT":
            if self._reply("QUIT", "221 2.0.0 bye"):
                self.transport.close()
        else:
            self._say("502 5.5.1 unknown")

    def _dot(self, data: bytes) -> None:
        act = self.server.act("DOT") or ""
        if not act or act.startswith("taken"):
            self.server.take(self.recipient, self.sender, data)
        if act:
            self._misbehave(act.removeprefix("taken, "), "250 2.0.0 queued")
        else:
            self._say("250 2.0.0 queued as 4711")

    def _reply(self, step: str, usual: str) -> bool:
        """Answer a step; True when it was the usual answer."""
        act = self.server.act(step)
        if act is None:
            self._say(usual)
            return True
        self._misbehave(act, usual)
        return act == "drip"

    def _misbehave(self, act: str, usual: str) -> None:
        if act == "drop":
            self.transport.abort()
        elif act == "hang":
            self.stuck = True
        elif act == "garbage":
            self.transport.write(b"\x00\xff\xfe what? 25\r\n")
        elif act == "long":
            self.transport.write(_LONG)
        elif act == "drip":
            asyncio.get_running_loop().create_task(self._drip(usual.encode() + b"\r\n"))
        else:
            self._say(act)
            if act.startswith("421"):
                self.transport.close()

    async def _drip(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            for octet in data:
                if self.transport.is_closing():
                    return
                self.transport.write(bytes([octet]))
                await asyncio.sleep(_DRIP)

    def _say(self, text: str) -> None:
        self.transport.write(text.encode() + b"\r\n")
