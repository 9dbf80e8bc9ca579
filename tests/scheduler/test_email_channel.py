"""The channel against real mail servers in this process: what arrives, and over which connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser

import pytest

from planner.errors import DeliveryError
from scheduler.channels import Receipt
from scheduler.channels.email import EmailChannel
from scheduler.message import Message, assemble, message_id
from tests.mail_server import PLAIN, RECIPIENT, SENDER, Server, no, send, serving, to


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as one:
        yield one


# --- what arrives ---


async def test_what_arrives_is_what_was_stored_byte_for_byte(server: Server) -> None:
    message = Message(subject="[Quá hạn] 3 nhiệm vụ quá hạn", text="Kính gửi: Đồng chí\n.\n", html="<p>Kính gửi</p>")
    data = assemble(
        message,
        sender=SENDER,
        sender_name="Hệ thống theo dõi kế hoạch",
        to=RECIPIENT,
        to_name="Nguyễn Văn An",
        message_id=message_id("k", "planner.example.vn"),
        date=datetime(2020, 5, 15, 0, 30, tzinfo=UTC),
    )
    async with to(server) as channel:
        assert await send(channel, data) == Receipt(250, "2.0.0 queued as 4711")
    assert server.mails == [(SENDER, [RECIPIENT], data)]
    mail = BytesParser(policy=policy.default).parsebytes(server.mails[0][2])
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert mail["subject"] == message.subject
    assert plain.get_content().replace("\r\n", "\n") == message.text
    assert "Kính gửi" in html.get_content()


@pytest.mark.parametrize(
    "data", [b".\r\n", b"..\r\n.\r\n", b"a\r\n.\r\nQUIT\r\n", b".a\r\n..b\r\n...\r\n", b"\r\n.\r\n\r\n.\r\n"]
)
async def test_lines_that_begin_with_a_dot_survive(server: Server, data: bytes) -> None:
    async with to(server) as channel:
        await send(channel, data)
    assert [mail[2] for mail in server.mails] == [data]


@pytest.mark.parametrize("data", [b"", b"no end", b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\n\r\n", b"a\r\r\n"])
async def test_broken_line_ends_cannot_smuggle_a_second_mail(server: Server, data: bytes) -> None:
    async with to(server) as channel:
        with pytest.raises(DeliveryError) as caught:
            await send(channel, data)
    assert not caught.value.ambiguous
    assert server.connections == 0


@pytest.mark.parametrize(
    "address", ["alice@example.org)bob@x.vn", "a@x.vn>\r\nRCPT TO:<b@x.vn", "a@x.vn, b@x.vn", "đ@x.vn"]
)
async def test_an_address_that_is_not_one_mailbox_is_dead_before_anything_is_opened(
    server: Server, address: str
) -> None:
    async with to(server) as channel:
        with pytest.raises(DeliveryError) as caught:
            await send(channel, recipient=address)
    assert (caught.value.stage, caught.value.permanent, server.connections) == ("rcpt", True, 0)


# --- connections ---


async def test_many_mails_go_over_one_kept_connection_one_recipient_each(server: Server) -> None:
    async with to(server) as channel:
        for n in range(30):
            await send(channel, b"n: %d\r\n" % n, f"p{n}@x.vn")
    assert server.connections == 1
    assert [mail[1] for mail in server.mails] == [[f"p{n}@x.vn"] for n in range(30)]
    assert "RSET" not in server.commands, "after a mail that was taken MAIL may follow at once"


async def test_mails_at_once_share_the_allowed_connections(server: Server) -> None:
    async with to(server, connections=3) as channel:
        await asyncio.gather(*(send(channel, b"n: %d\r\n" % n) for n in range(40)))
        assert server.most_open == 3
    assert server.connections == 3
    assert Counter(mail[2] for mail in server.mails) == Counter(b"n: %d\r\n" % n for n in range(40))


async def test_a_connection_is_changed_after_its_share_of_mails(server: Server) -> None:
    async with to(server, mails_per_connection=10) as channel:
        for _n in range(30):
            await send(channel)
    assert (server.connections, len(server.mails)) == (3, 30)


async def test_a_connection_is_changed_when_it_is_old(server: Server) -> None:
    async with to(server, seconds_per_connection=0.0) as channel:
        await send(channel)
        await send(channel)
    assert (server.connections, len(server.mails)) == (2, 2)


@pytest.mark.parametrize("act", ["drop", "hang", "421 closing", "500 what?"])
async def test_a_kept_connection_that_went_away_costs_the_next_mail_nothing(server: Server, act: str) -> None:
    async with to(server, act) as channel:
        await send(channel)
        server.once = {"MAIL": act}
        await send(channel)
    assert (server.connections, len(server.mails)) == (2, 2)


@pytest.mark.parametrize("act", ["drop", "hang", "421 closing", "500 what?"])
async def test_a_connection_that_cannot_be_cleared_costs_the_next_mail_nothing(server: Server, act: str) -> None:
    async with to(server, act) as channel:
        await channel.send(sender=SENDER, recipient=RECIPIENT, data=PLAIN, before_data=no)
        server.script = {"RSET": act}
        await send(channel)
    assert (server.connections, len(server.mails)) == (2, 1)


async def test_a_server_that_refuses_the_sender_on_a_new_connection_too_is_believed(server: Server) -> None:
    async with to(server) as channel:
        await send(channel)
        server.script = {"MAIL": "550 5.1.8 bad sender"}
        with pytest.raises(DeliveryError) as caught:
            await send(channel)
    assert (caught.value.stage, caught.value.channel, server.connections) == ("mail", True, 2)


async def test_a_refused_recipient_leaves_the_connection_to_the_next(server: Server) -> None:
    async with to(server) as channel:
        server.script = {"RCPT": "550 5.1.1 no such user"}
        with pytest.raises(DeliveryError):
            await send(channel)
        server.script = {}
        await send(channel)
    assert (server.connections, len(server.mails)) == (1, 1)
    assert server.commands.count("RSET") == 1, "the transaction that was begun is cleared"


@pytest.mark.parametrize(
    ("step", "act"),
    [
        ("RCPT", "drop"),
        ("RCPT", "hang"),
        ("RCPT", "garbage"),
        ("RCPT", "450 OK\r\n250 OK"),
        ("MAIL", "250 OK\r\n250 OK"),
        ("DOT", "?"),
        ("DOT", "hang"),
        ("RCPT", "421 busy"),
    ],
)
async def test_a_connection_out_of_step_is_not_used_again(server: Server, step: str, act: str) -> None:
    async with to(server, act) as channel:
        server.script = {step: act}
        with pytest.raises(DeliveryError):
            await send(channel)
        server.script = {}
        await send(channel)
    assert (server.connections, len(server.mails)) == (2, 1)


async def test_a_cancelled_delivery_drops_its_connection_and_frees_its_place(server: Server) -> None:
    server.script = {"RCPT": "hang"}
    async with EmailChannel("127.0.0.1", server.port, "none", connections=1) as channel:
        task = asyncio.create_task(send(channel))
        while "RCPT" not in server.commands:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.script = {}
        await send(channel)
    assert (server.connections, len(server.mails)) == (2, 1)


# --- the last word before DATA ---


async def test_nothing_is_sent_when_the_last_word_is_no(server: Server) -> None:
    async with to(server) as channel:
        receipt = await channel.send(sender=SENDER, recipient=RECIPIENT, data=PLAIN, before_data=no)
        assert receipt is None
        assert server.commands == ["EHLO", "MAIL", "RCPT"]
        assert isinstance(await send(channel), Receipt)
    assert (server.connections, len(server.mails)) == (1, 1)


async def test_the_last_word_is_asked_after_the_recipient_is_accepted_and_before_data(server: Server) -> None:
    seen: list[str] = []

    async def ask() -> bool:
        seen.extend(server.commands)
        return True

    async with to(server) as channel:
        await channel.send(sender=SENDER, recipient=RECIPIENT, data=PLAIN, before_data=ask)
    assert seen == ["EHLO", "MAIL", "RCPT"]


async def test_a_refused_recipient_is_never_asked_about(server: Server) -> None:
    server.script = {"RCPT": "450 4.2.0 greylisted"}

    async def ask() -> bool:
        raise AssertionError("the ledger was told that DATA begins")

    async with to(server) as channel:
        with pytest.raises(DeliveryError):
            await channel.send(sender=SENDER, recipient=RECIPIENT, data=PLAIN, before_data=ask)
