"""A mail server that takes everything and keeps nothing, quick enough not to be what is measured.

`python -m bench.smtp_sink` prints the port on which it listens on this machine's loopback, and serves until its input
ends. It counts what it accepted, and says the count when asked by the line "count".
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import cast

_END = b"\r\n.\r\n"
_REPLIES = {
    b"EHLO": b"250-sink\r\n250 PIPELINING\r\n",
    b"HELO": b"250 sink\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


class _Sink(asyncio.Protocol):
    accepted = 0  #: of all connections together

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._buffer = b""
        self._in_message = False
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            mark = _END if self._in_message else b"\r\n"
            piece, found, rest = self._buffer.partition(mark)
            if not found:
                return
            self._buffer = rest
            if self._in_message:
                self._in_message = False
                _Sink.accepted += 1
                self._transport.write(b"250 taken\r\n")
                continue
            verb = piece[:4].upper()
            self._in_message = verb == b"DATA"
            self._transport.write(_REPLIES.get(verb, b"250 ok\r\n"))
            if verb == b"QUIT":
                self._transport.close()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Sink, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()

    def listen() -> None:
        for line in sys.stdin:
            if line.strip() == "count":
                print(_Sink.accepted, flush=True)
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=listen, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
