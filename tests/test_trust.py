"""Authorities of the mail server: whose file is used, and what is said of one that cannot be."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from planner import trust
from planner.errors import WorldFailed
from tests.mta.certificates import Authority


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nx\n", None])
def test_a_file_without_a_certificate_never_stands_for_the_machines_own(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(WorldFailed, match=r"ca\.pem"):
        trust.context(path)


def test_what_is_made_verifies_certificate_and_name() -> None:
    made = trust.context(None)
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert made.check_hostname


def test_an_error_that_has_to_do_with_no_encryption_is_left_to_others() -> None:
    assert trust.why(ConnectionResetError("cut")) == ""
    wrapped = RuntimeError("x")
    wrapped.__cause__ = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] x")
    assert "tls" in trust.why(wrapped)


@contextmanager
def answering(*answers: bytes) -> Iterator[int]:
    """Listen on a port, and give these answers, one before the first command and one after each."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _from = listening.accept()
        with suppress(ConnectionResetError), connection:
            for answer in answers:
                connection.sendall(answer)
                if not connection.recv(4096):
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        thread.join(10)
        listening.close()


def test_the_greeting_is_read() -> None:
    with answering(b"220-relay.example.vn\r\n220 ESMTP\r\n") as port:
        assert trust.greeting("127.0.0.1", port, "none", None) == "220-relay.example.vn"


@pytest.mark.parametrize(("name", "said"), [("localhost", ""), ("mail.example.vn", "host")])
def test_a_server_that_is_encrypted_from_the_first_byte_must_bear_its_name(
    name: str, said: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    certificate = authority.certificate(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file, certificate.key)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _from = listening.accept()
        with suppress(OSError), context.wrap_socket(connection, server_side=True) as safe:
            safe.sendall(b"220 relay\r\n")
            safe.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    port = listening.getsockname()[1]
    try:
        if said:
            with pytest.raises(WorldFailed, match=said):
                trust.greeting("localhost", port, "tls", authority.file)
        else:
            assert trust.greeting("localhost", port, "tls", authority.file) == "220 relay"
    finally:
        thread.join(10)
        listening.close()


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((b"220 x\r\n", b"250-x\r\n250 SIZE\r\n"), "STARTTLS"),
        ((b"220 x\r\n", b"250-x\r\n250 STARTTLS\r\n", b"454 4.7.0 not now\r\n"), "454 4.7.0 not now"),
        ((b"220 x\r\n", b"250 STARTTLS\r\n", b"220 go\r\n", b"no TLS at all"), "tls"),
    ],
)
def test_a_server_without_encryption_is_told_with_what_to_do(answers: tuple[bytes, ...], said: str) -> None:
    with answering(*answers) as port, pytest.raises(WorldFailed, match=said):
        trust.greeting("127.0.0.1", port, "starttls", None)
