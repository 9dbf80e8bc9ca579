"""What the channel takes each failure of a mail server for, and what it keeps to itself."""

from __future__ import annotations

import logging
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from planner.errors import DeliveryError, UsageRefused
from scheduler.channels.email import EmailChannel
from scheduler.channels.replies import Verdict, classify
from tests.mail_server import RECIPIENT, SENDER, Server, send, serving, to, waits


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


async def failure(server: Server, **script: str) -> DeliveryError:
    server.script = script
    async with to(server, *script.values()) as channel:
        with pytest.raises(DeliveryError) as caught:
            await send(channel)
    return caught.value


# --- what a failure is taken for ---

RETRY, DEAD, CHANNEL, UNKNOWN = "retry", "dead", "channel", "unknown"


def meaning(error: DeliveryError) -> str:
    said = [w for w, is_it in ((DEAD, error.permanent), (CHANNEL, error.channel), (UNKNOWN, error.ambiguous)) if is_it]
    assert len(said) < 2, said
    return said[0] if said else RETRY


@pytest.mark.parametrize(
    ("step", "act", "stage", "code", "expected"),
    [
        ("CONNECT", "drop", "connect", None, RETRY),
        ("CONNECT", "hang", "connect", None, CHANNEL),
        ("CONNECT", "421 too busy", "connect", 421, RETRY),
        ("CONNECT", "554 no service here", "connect", 554, CHANNEL),
        ("EHLO", "drop", "connect", None, RETRY),
        ("EHLO", "hang", "connect", None, CHANNEL),
        ("EHLO", "550 go away", "connect", 550, CHANNEL),
        ("MAIL", "drop", "mail", None, RETRY),
        ("MAIL", "hang", "mail", None, RETRY),
        ("MAIL", "421 closing", "mail", 421, RETRY),
        ("MAIL", "451 later", "mail", 451, RETRY),
        # A reply too many would answer the next command: the message was refused, and the ledger said sent.
        ("MAIL", "250 OK\r\n250 OK", "data", None, RETRY),
        ("RCPT", "250 OK\r\n250 OK", "data", None, RETRY),
        ("DATA", "354 go on\r\n250 2.0.0 queued", "data", None, RETRY),
        ("MAIL", "530 log in first", "mail", 530, CHANNEL),
        ("MAIL", "550 5.1.8 bad sender", "mail", 550, CHANNEL),
        ("MAIL", "552 5.3.4 too big", "mail", 552, RETRY),
        ("RCPT", "drop", "rcpt", None, RETRY),
        ("RCPT", "hang", "rcpt", None, RETRY),
        ("RCPT", "421 closing", "rcpt", 421, RETRY),
        ("RCPT", "450 4.2.0 greylisted", "rcpt", 450, RETRY),
        ("RCPT", "451 later", "rcpt", 451, RETRY),
        ("RCPT", "452 4.2.2 full", "rcpt", 452, RETRY),
        ("RCPT", "550 no such user", "rcpt", 550, DEAD),
        ("RCPT", "550 5.1.1 no such user", "rcpt", 550, DEAD),
        ("RCPT", "554 5.1.1 no such user", "rcpt", 554, DEAD),
        ("RCPT", "551 moved", "rcpt", 551, DEAD),
        ("RCPT", "553 bad name", "rcpt", 553, DEAD),
        ("RCPT", "552 5.2.2 full", "rcpt", 552, RETRY),
        ("RCPT", "550 5.2.2 full", "rcpt", 550, RETRY),
        ("RCPT", "550 5.7.1 relaying denied", "rcpt", 550, RETRY),
        ("RCPT", "554 something", "rcpt", 554, RETRY),
        ("RCPT", "garbage", "rcpt", None, RETRY),
        ("DATA", "drop", "data", None, RETRY),
        ("DATA", "hang", "data", None, RETRY),
        ("DATA", "421 closing", "data", 421, RETRY),
        ("DATA", "451 later", "data", 451, RETRY),
        ("DATA", "250 what?", "data", 250, RETRY),
        ("DOT", "drop", "data", None, UNKNOWN),
        ("DOT", "taken, then drop", "data", None, UNKNOWN),
        ("DOT", "hang", "data", None, UNKNOWN),
        ("DOT", "?", "data", None, UNKNOWN),
        ("DOT", "354 go on", "data", None, UNKNOWN),
        ("DOT", "421 closing", "data", 421, RETRY),
        ("DOT", "452 no space", "data", 452, RETRY),
        ("DOT", "552 too much", "data", 552, RETRY),
        ("DOT", "550 5.1.1 no such user", "data", 550, DEAD),
        ("DOT", "554 5.7.1 refused", "data", 554, RETRY),
    ],
)
async def test_each_failure_at_each_step(
    server: Server, *, step: str, act: str, stage: str, code: int | None, expected: str
) -> None:
    error = await failure(server, **{step: act})
    assert (error.stage, error.reply_code, meaning(error)) == (stage, code, expected)
    assert len(server.mails) == (act == "taken, then drop")
    assert error.message


async def test_a_refused_connection_is_the_fault_of_the_channel() -> None:
    async with serving() as gone:
        pass
    async with to(gone) as channel:
        with pytest.raises(DeliveryError) as caught:
            await send(channel)
    assert (caught.value.stage, meaning(caught.value)) == ("connect", CHANNEL)
    assert "máy này từ chối kết nối" in caught.value.message
    assert "Errno" not in caught.value.message


async def test_a_reply_without_end_is_no_reply(server: Server) -> None:
    error = await failure(server, RCPT="250-" + "x" * 100_000)
    assert (error.stage, error.reply_code, meaning(error)) == ("rcpt", None, RETRY)


@pytest.mark.parametrize(
    ("stage", "code", "text", "verdict"),
    [
        ("rcpt", 550, "5.4.4 unable to route", Verdict.RETRY),
        ("rcpt", 550, "5.2.1 mailbox disabled", Verdict.DEAD),
        ("rcpt", 550, "5.1.10 null MX", Verdict.DEAD),
        ("rcpt", 550, "5.1.7 bad sender", Verdict.CHANNEL),
        ("mail", 550, "5.7.1 bad sender", Verdict.CHANNEL),
        ("connect", 554, "5.7.1 go away", Verdict.CHANNEL),
        ("rcpt", 550, "5.7.1 relaying denied", Verdict.RULES),
        ("rcpt", 554, "relay access denied", Verdict.RULES),
        ("rcpt", 554, "5.1.1 no such user", Verdict.DEAD),
        ("data", 554, "5.7.1 refused", Verdict.RULES),
        ("data", 530, "5.7.0 log in first", Verdict.CHANNEL),
        ("rcpt", 450, "4.7.1 greylisted", Verdict.RETRY),
        ("rcpt", 550, "mentions 5.7.1 later on", Verdict.DEAD),
        ("rcpt", 550, "5.10.1 not a 5.1 code", Verdict.DEAD),
        ("rcpt", 500, "", Verdict.RETRY),
        ("connect", 535, "5.7.8 wrong password", Verdict.CHANNEL),
        ("connect", 454, "4.7.0 no TLS now", Verdict.CHANNEL),
        ("data", 599, "never heard of", Verdict.RETRY),
    ],
)
def test_the_table_of_replies(stage: Any, code: int, text: str, verdict: Verdict) -> None:
    assert classify(stage, code, text) is verdict


# --- secrets ---


async def test_a_server_s_words_are_kept_in_one_line_without_addresses(server: Server) -> None:
    error = await failure(server, RCPT=f"550-5.1.1 <{RECIPIENT}> unknown\r\n550 5.1.1 ask {SENDER}")
    assert "@" not in error.message
    assert "\n" not in error.message
    assert "550 5.1.1" in error.message


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")  # the test server has no encryption
async def test_no_password_and_no_address_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    def wrong(*_arguments: Any) -> AuthResult:
        return AuthResult(success=False, handled=False)

    caplog.set_level(logging.DEBUG)
    async with serving(authenticator=wrong, auth_require_tls=False, auth_required=True) as server:
        channel = EmailChannel("127.0.0.1", server.port, "none", "thu", "m4t-kh4u")
        async with channel:
            with pytest.raises(DeliveryError) as caught:
                await send(channel)
    assert (caught.value.stage, caught.value.reply_code, meaning(caught.value)) == ("connect", 535, CHANNEL)
    logging.getLogger("test").exception("delivery failed", exc_info=caught.value)
    ours = "\n".join(
        logging.Formatter().format(r) + str(r.__dict__) for r in caplog.records if not r.name.startswith("mail.")
    )
    assert "delivery failed" in ours
    for secret in ("m4t-kh4u", "bTR0LWtoNHU", RECIPIENT, SENDER):
        assert secret not in ours
        assert secret not in repr(channel)


async def test_a_refused_recipient_is_not_named_in_a_trace(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    error = await failure(server, RCPT=f"550 5.1.1 <{RECIPIENT}> unknown")
    logging.getLogger("test").error("delivery failed", exc_info=error)
    trace = "\n".join(logging.Formatter().format(r) for r in caplog.records if r.name == "test")
    assert "DeliveryError" in trace
    assert RECIPIENT not in trace


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")  # the test server has no encryption
async def test_the_right_password_opens_the_way() -> None:
    def right(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"thu", b"m4t-kh4u"))

    async with serving(authenticator=right, auth_require_tls=False, auth_required=True) as server:
        async with EmailChannel("127.0.0.1", server.port, "none", "thu", "m4t-kh4u") as channel:
            await send(channel)
        assert len(server.mails) == 1


# --- encryption ---


def test_plaintext_goes_to_this_machine_only() -> None:
    for host in ("mail.example.vn", "10.0.0.1", "0.0.0.0", "localhost.example.vn"):  # noqa: S104 - not bound, refused
        with pytest.raises(UsageRefused):
            EmailChannel(host, 25, "none")
    for host in ("localhost", "127.0.0.1", "127.0.0.53", "::1"):
        EmailChannel(host, 25, "none")


def test_a_context_that_verifies_nothing_is_refused() -> None:
    blind = ssl.create_default_context()
    blind.check_hostname = False
    with pytest.raises(UsageRefused):
        EmailChannel("mail.example.vn", 587, "starttls", tls_context=blind)


async def test_where_starttls_is_not_offered_nothing_is_sent_in_clear(server: Server) -> None:
    async with EmailChannel("127.0.0.1", server.port, "starttls", "u", "p") as channel:
        with pytest.raises(DeliveryError) as caught:
            await send(channel)
    assert (caught.value.stage, meaning(caught.value)) == ("connect", CHANNEL)
    assert server.commands == ["EHLO"]
    assert server.mails == []


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate for "localhost" that lasts a day."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def server_side(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_trusted_server_takes_encrypted_mail(certificate: tuple[Path, Path], security: Any) -> None:
    context = server_side(certificate)
    options = {"ssl_context": context} if security == "tls" else {"tls_context": context, "require_starttls": True}
    async with serving(**options) as server:
        trusting = ssl.create_default_context(cafile=str(certificate[0]))
        async with EmailChannel("localhost", server.port, security, tls_context=trusting) as channel:
            for _n in range(3):
                await send(channel)
        assert len(server.mails) == 3
        assert server.connections == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_nobody_vouches_for_stops_everything(
    certificate: tuple[Path, Path], security: Any, caplog: pytest.LogCaptureFixture
) -> None:
    context = server_side(certificate)
    options = {"ssl_context": context} if security == "tls" else {"tls_context": context}
    async with serving(**options) as server:
        async with EmailChannel("localhost", server.port, security, "u", "p") as channel:
            with pytest.raises(DeliveryError) as caught:
                await send(channel)
        assert (caught.value.stage, meaning(caught.value)) == ("connect", CHANNEL)
        assert "MAIL" not in server.commands
        assert server.mails == []


@pytest.mark.parametrize(("act", "expected"), [("454 4.7.0 not now", CHANNEL), ("hang", CHANNEL), ("drop", RETRY)])
async def test_where_starttls_fails_nothing_is_sent_in_clear(
    certificate: tuple[Path, Path], act: str, expected: str
) -> None:
    async with serving(tls_context=server_side(certificate)) as server:
        server.script = {"STARTTLS": act}
        async with EmailChannel("localhost", server.port, "starttls", "u", "p", timeouts=waits(act)) as channel:
            with pytest.raises(DeliveryError) as caught:
                await send(channel)
        assert (caught.value.stage, meaning(caught.value)) == ("connect", expected)
        assert server.commands == ["EHLO", "STARTTLS"]
        assert server.mails == []
