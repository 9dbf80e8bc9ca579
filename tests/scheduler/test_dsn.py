"""What is read out of a report of failed delivery, and what is no report."""

from base64 import b64encode

import pytest

from scheduler import dsn
from scheduler.dsn import NoReport, Report, read
from tests import bounce_mails

TO, AN = "planner+1.2.0123456789abcdef@planner.example.vn", "an@stttt.example.vn"


def report(data: bytes) -> Report:
    found = read(data)
    assert isinstance(found, Report), found
    return found


@pytest.mark.parametrize(
    ("data", "status", "code", "words"),
    [
        (bounce_mails.postfix(TO, AN), "5.1.1", 550, "no mailbox of this name"),
        (bounce_mails.exim(TO, AN), "5.0.0", 550, "550 5.1.1 user unknown here"),
        (bounce_mails.exchange(TO, AN), "5.1.10", 550, "RecipientNotFound; no such recipient in the directory"),
    ],
    ids=["postfix", "exim", "exchange"],
)
def test_each_servers_report_is_read(data: bytes, status: str, code: int, words: str) -> None:
    for text in (data, data.replace(b"\r\n", b"\n"), data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")):
        found = report(text)
        assert TO in found.addressed
        (one,) = found.failures
        assert (one.action, one.status, one.reply_code, one.recipients) == ("failed", status, code, frozenset({AN}))
        assert words in one.diagnostic
        assert AN not in one.diagnostic


def test_several_recipients_are_told_apart() -> None:
    second = b"Final-Recipient: rfc822; binh@stttt.example.vn\nAction: delayed\nStatus: 4.4.1\n"
    data = bounce_mails.postfix(TO, AN).replace(
        b"\n\n--4A11.1589763603/relay.example.vn\nContent-Description: Und",
        b"\n\n" + second + b"\n--4A11.1589763603/relay.example.vn\nContent-Description: Und",
    )
    assert [(one.action, one.status) for one in report(data).failures] == [("failed", "5.1.1"), ("delayed", "4.4.1")]


def test_a_status_part_in_base64_is_read() -> None:
    data = bounce_mails.postfix(TO, AN)
    start = data.index(b"Reporting-MTA")
    end = data.index(b"\n--4A11", start)
    coded = b64encode(data[start:end].replace(b"\n", b"\r\n"))
    kind = b"message/delivery-status"
    data = (data[:start] + coded + data[end:]).replace(kind, kind + b"\nContent-Transfer-Encoding: base64")
    assert report(data).failures[0].status == "5.1.1"


NONE = {
    "nothing": b"",
    "noise": bytes(range(256)) * 40,
    "an automatic answer": bounce_mails.vacation(TO),
    "a read receipt": bounce_mails.read_receipt(TO, AN),
    "a report inside another message": bounce_mails.forwarded(TO, bounce_mails.postfix(TO, AN)),
    "a report from a person": bounce_mails.postfix(TO, AN, sender="<an@example.vn>"),
    "a report without its status": bounce_mails.postfix(TO, AN).replace(b"message/delivery-status", b"text/plain"),
    "a report of nobody": bounce_mails.postfix(TO, AN).replace(b"Final-Recipient", b"X-Recipient"),
    "a report without a boundary": bounce_mails.postfix(TO, AN).replace(b"boundary=", b"x="),
    "too large": bounce_mails.postfix(TO, AN) + b"x" * dsn.MOST_BYTES,
    "a head without an end": b"Content-Type: multipart/report; boundary=x\n" + b"X-A: b\n" * 20_000,
    "a boundary of a megabyte": b'Content-Type: multipart/report; boundary="' + b"x" * 30_000 + b'"\n\n--x\n',
}


#: what the codec named by a boundary of RFC 2231 makes of its bytes, or of how errors are to be taken
ODD_BOUNDARIES = (b"*=idna''b", b"*=undefined''b", b"*=a\0b''b", b"*0*=punycode''b%FF; boundary*1*=x", b"*=hex''b")


@pytest.mark.parametrize("boundary", ODD_BOUNDARIES)
def test_a_boundary_in_an_odd_charset_is_no_report_and_ends_no_round(boundary: bytes) -> None:
    data = bounce_mails.postfix(TO, AN).replace(b"boundary=", b"boundary" + boundary + b"; x=")
    assert isinstance(read(data), NoReport)


@pytest.mark.parametrize("data", NONE.values(), ids=NONE)
def test_anything_else_is_no_report_and_says_why(data: bytes) -> None:
    found = read(data)
    assert isinstance(found, NoReport)
    assert found.reason


def test_deep_nesting_and_many_parts_and_recipients_end() -> None:
    deep = b"Content-Type: multipart/report; boundary=b0\n\n"
    for n in range(3000):
        deep += b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (n, n + 1)
    assert isinstance(read(deep), NoReport)
    many = b"--b\n\n" * 100_000
    assert isinstance(read(b"Content-Type: multipart/report; boundary=b\n\n" + many), NoReport)
    group = b"Final-Recipient: rfc822; a@b.vn\nAction: failed\nStatus: 5.1.1\n\n"
    crowd = (
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n" + group * 9000
    )
    assert len(report(crowd).failures) == 50


def test_words_of_a_server_become_one_printable_line_without_addresses() -> None:
    assert dsn.plain("550 <an@b.vn>:\x1b[31m no\n such\x00 user") == "550 <…>: [31m no such user"
    assert len(dsn.plain("x" * 5000)) == 300
