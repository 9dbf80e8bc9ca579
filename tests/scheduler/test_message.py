"""A mail as bytes: what goes in is what every reader gets out, and the same words give the same bytes."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from planner.errors import InputRejected, PlannerError
from scheduler import message as room
from scheduler.message import Message, assemble, is_address, message_id

WHEN = datetime(2020, 5, 15, 0, 30, tzinfo=UTC)
LONG = "[Quá hạn] 3 nhiệm vụ quá hạn, 2 sắp đến hạn; kế hoạch xử lý văn bản, thủ tục hành chính trên môi trường điện tử"


def made(
    subject: str = "Nhắc việc", text: str = "Kính gửi\n", html: str = "<p>Kính gửi</p>\n", **changes: Any
) -> bytes:
    values: dict[str, Any] = {
        "sender": "khong-tra-loi@planner.example.vn",
        "sender_name": "Hệ thống theo dõi kế hoạch",
        "to": "an@stttt.example.vn",
        "to_name": "Nguyễn Văn An",
        "message_id": message_id("a key", "planner.example.vn"),
        "date": WHEN,
    }
    return assemble(Message(subject=subject, text=text, html=html), **(values | changes))


def parsed(data: bytes) -> EmailMessage:
    return BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(data)


def header_lines(data: bytes, name: str) -> list[str]:
    head = data.split(b"\r\n\r\n", 1)[0].decode("ascii").split("\r\n")
    start = next(i for i, line in enumerate(head) if line.startswith(f"{name}:"))
    end = next((i for i in range(start + 1, len(head)) if not head[i].startswith(" ")), len(head))
    return head[start:end]


def decoded_by_hand(lines: list[str]) -> str:
    """Decode a header by the letter of RFC 2047, without the standard library's decoder."""
    value = "".join(lines).split(":", 1)[1].removeprefix(" ")
    if "=?" not in value:
        return value
    done = ""
    for word in value.split(" "):
        found = re.fullmatch(r"=\?utf-8\?B\?([A-Za-z0-9+/]+={0,2})\?=", word)
        assert found, f"{word} is not an encoded word"
        # Each word is decoded alone: a word that ends inside a letter cannot be read.
        done += base64.b64decode(found[1], validate=True).decode("utf-8", "strict")
    return done


syllables = st.text(
    "aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạắằẳẵặấầẩẫậéèẻẽẹếềểễệíìỉĩịóòỏõọốồổỗộớờởỡợúùủũụứừửữựýỳỷỹỵĐƯỨÂÔỐ0123456789,.;()/[]“”–",
    min_size=1,
    max_size=8,
)
vietnamese = st.lists(syllables, min_size=1, max_size=45).map(" ".join)
anything = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), max_size=200)


@given(vietnamese | anything)
@example("")
@example(" ")
@example("two  spaces, one at the end ")
@example("=?utf-8?B?Zm9yZ2Vk?=")
@example("a" * 2000)
@example("a " * 300 + "b")
@example("đ" * 300)
@example("😀" * 60)
@example(LONG * 5)
def test_every_subject_is_read_as_it_was_written(subject: str) -> None:
    data = made(subject)
    lines = header_lines(data, "Subject")
    assert decoded_by_hand(lines) == subject
    assert all(len(line) <= 998 for line in lines)
    assert all(len(line) <= 76 for line in lines if "=?" in line)
    assert all(len(word) <= 75 for line in lines for word in line.split(" ") if word.startswith("=?"))


@given(vietnamese)
def test_every_vietnamese_name_stands_before_its_address(name: str) -> None:
    lines = header_lines(made(to_name=name), "To")
    *phrase, last = lines
    head, _, address = last.rpartition(" ")
    assert address == "<an@stttt.example.vn>"
    written = decoded_by_hand([*phrase, head] if head else phrase)
    assert written == (name if "=?" in lines[0] else '"' + name.replace("\\", "\\\\") + '"')
    assert all(len(line) <= 76 for line in lines)


def test_the_name_of_a_person_and_of_the_system_are_read_by_a_strict_reader() -> None:
    # Names of one encoded word: between two the standard library's own reader puts a space.
    mail = parsed(made(to_name="Nguyễn Thị Phương Thảo"))
    assert [(a.display_name, a.addr_spec) for a in mail["To"].addresses] == [
        ("Nguyễn Thị Phương Thảo", "an@stttt.example.vn")
    ]
    assert [(a.display_name, a.addr_spec) for a in mail["From"].addresses] == [
        ("Hệ thống theo dõi kế hoạch", "khong-tra-loi@planner.example.vn")
    ]


@pytest.mark.parametrize("name", ["", "An", 'An "the first", B\\C', "An <an@evil.example>", "a@b.vn,"])
def test_a_plain_name_cannot_change_who_receives(name: str) -> None:
    [address] = parsed(made(to_name=name))["to"].addresses
    assert (address.display_name, address.addr_spec) == (name, "an@stttt.example.vn")


@given(anything | st.text("\n.-=đế ", max_size=300))
def test_both_parts_carry_their_text_to_the_letter(text: str) -> None:
    mail = parsed(made(text=text, html=f"<p>{text}</p>"))
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_payload(decode=True) == (text.removesuffix("\n").replace("\n", "\r\n") + "\r\n").encode()
    assert html.get_payload(decode=True) == f"<p>{text}</p>\n".replace("\n", "\r\n").encode()
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_the_mail_is_seven_bit_with_whole_line_ends_and_short_lines() -> None:
    data = made(LONG, text="Đồng chí\n.\n" * 500)
    assert data.isascii()
    assert data.endswith(b"\r\n")
    assert data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")
    assert max(map(len, data.split(b"\r\n"))) <= 78


def test_the_same_words_give_the_same_bytes() -> None:
    assert made(LONG) == made(LONG)
    assert made(LONG) != made(LONG, text="Khác\n")


def test_robots_are_asked_not_to_answer() -> None:
    mail = parsed(made())
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Precedence"] == "bulk"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["MIME-Version"] == "1.0"
    assert not mail.defects


def test_the_date_is_written_in_the_time_of_the_province() -> None:
    assert header_lines(made(), "Date") == ["Date: Fri, 15 May 2020 07:30:00 +0700"]


def test_a_date_without_a_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="zone"):
        made(date=datetime(2020, 5, 15, 7, 30))  # noqa: DTZ001 - the mistake itself


def test_a_message_id_depends_on_its_key_alone() -> None:
    assert message_id("a", "x.vn") == message_id("a", "x.vn")
    assert message_id("a", "x.vn") != message_id("b", "x.vn")
    assert re.fullmatch(r"<[0-9a-f]{40}@x\.vn>", message_id("a", "x.vn"))


@pytest.mark.parametrize("domain", ["", "x vn", "x.vn>", "x\r\ny", "đ.vn", "-x.vn"])
def test_a_message_id_needs_a_plain_domain(domain: str) -> None:
    with pytest.raises(InputRejected) as caught:
        message_id("a", domain)
    assert [problem.place for problem in caught.value.problems] == ["Message-ID"]


@pytest.mark.parametrize("evil", ["a\r\nBcc: x@y.vn", "a\nb", "a\rb", "a\tb", "a\x00b", "a\x7fb", "a\x85b", "a\u2028b"])
@pytest.mark.parametrize("field", ["subject", "to_name", "sender_name", "header"])
def test_a_line_break_in_a_header_is_refused_with_its_place(field: str, evil: str) -> None:
    changes: dict[str, Any] = {"headers": {"X-Note": evil}} if field == "header" else {field: evil}
    with pytest.raises(InputRejected) as caught:
        made(**changes)
    place = {"subject": "Subject", "to_name": "To", "sender_name": "From", "header": "X-Note"}[field]
    assert [(p.place, p.code) for p in caught.value.problems] == [(place, "header_control")]


def test_everything_wrong_with_a_mail_is_told_at_once() -> None:
    with pytest.raises(InputRejected) as caught:
        made("a\nb", to="an@", message_id="none", headers={"Reply To": "x", "subject": "again"})
    assert [(p.place, p.code) for p in caught.value.problems] == [
        ("Subject", "header_control"),
        ("To", "header_address"),
        ("Message-ID", "header_id"),
        ('"Reply To"', "header_name"),
        ('"subject"', "header_name"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "an",
        "an@",
        "@x.vn",
        "an@x.vn,b@x.vn",
        "An <an@x.vn>",
        "alice@example.org)bob@x.vn",
        "an@x.vn\r\nRCPT TO:<b@x.vn>",
        "an@x.vn ",
        "đan@x.vn",
        "an@đ.vn",
        "a@b@c.vn",
        '"a b"@x.vn',
        ".an@x.vn",
        "an@-x.vn",
        "a" * 65 + "@x.vn",
        "an@" + "x." * 130 + "vn",
        "an@x.vn\n",
    ],
)
def test_only_one_plain_mailbox_is_an_address(text: str) -> None:
    assert not is_address(text)


def test_ordinary_addresses_are_addresses() -> None:
    assert is_address("nguyen.van.an+viec@stttt.thanhhoa.gov.vn")
    assert is_address("o'brien@localhost")


def test_more_headers_are_encoded_like_the_subject() -> None:
    mail = parsed(made(headers={"X-Planner-Kind": "bản tin", "References": "<a@x.vn> <b@x.vn>"}))
    assert mail["X-Planner-Kind"] == "bản tin"
    assert mail["References"] == "<a@x.vn> <b@x.vn>"


def test_a_damaged_mail_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = room._encoded
    monkeypatch.setattr(room, "_encoded", lambda line, value: whole(line, value.replace(" ", "")))
    with pytest.raises(PlannerError, match="Subject"):
        made(LONG)
