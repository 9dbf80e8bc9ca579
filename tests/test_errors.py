"""What the system says of a failure reaches a person in the person's language, without numbers and twice-told paths."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from planner.errors import words_of
from planner.i18n import speaking
from tests.fakes import free_port

ENGLISH = re.compile(r"Errno|No such|denied|directory|refused|space|timed|known", re.IGNORECASE)


@pytest.fixture(autouse=True)
def _in_vietnamese() -> Iterator[None]:
    with speaking("vi"):
        yield


def caught(act: Callable[[], object]) -> Exception:
    """Return what `act` raises."""
    with pytest.raises(Exception) as found:  # noqa: PT011 - which kind it is, is what is asked
        act()
    return found.value


def write_to_a_full_disk() -> None:
    """Write to a device that says what a full disk says."""
    with Path("/dev/full").open("wb", buffering=0) as file:
        file.write(b"x")


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda folder: (folder / "a.yaml").open(), "không có tệp hoặc thư mục này"),
        (lambda folder: folder.open(), "đây là thư mục, không phải là tệp"),
        (lambda folder: (folder / "file" / "b").open(), "một phần của đường dẫn không phải là thư mục"),
        (lambda folder: (folder / ("n" * 300)).open(), "tên quá dài"),
        (lambda _: write_to_a_full_disk(), "đĩa đã đầy"),
        (lambda _: socket.create_connection(("127.0.0.1", free_port())), "máy này từ chối kết nối"),
        (lambda _: socket.create_connection(("khong-co.invalid", 25)), "không tìm thấy máy mang tên này"),
        (lambda folder: (folder / "latin").read_text(encoding="utf-8"), "nội dung không phải là văn bản mã hóa UTF-8"),
        (lambda folder: json.loads((folder / "file").read_text(encoding="utf-8")), "nội dung bị hỏng"),
    ],
)
def test_a_failure_of_the_system_is_told_in_vietnamese(
    tmp_path: Path, act: Callable[[Path], object], words: str
) -> None:
    (tmp_path / "file").write_text("no json")
    (tmp_path / "latin").write_bytes("é".encode("latin-1"))
    assert words_of(caught(lambda: act(tmp_path))) == words


def test_a_failure_of_several_addresses_is_told_by_its_number() -> None:
    # `localhost` has two addresses on most machines; asyncio then joins what each of them said into one text.
    told = OSError(
        f"Multiple exceptions: [Errno {errno.ECONNREFUSED}] Connect call failed ('::1', 25, 0, 0), "
        f"[Errno {errno.ECONNREFUSED}] Connect call failed ('127.0.0.1', 25)"
    )
    assert words_of(told) == "máy này từ chối kết nối"


def test_no_answer_has_words_however_it_is_raised() -> None:
    words = "không trả lời trong thời gian chờ"
    assert [words_of(e) for e in (TimeoutError(), OSError(errno.ETIMEDOUT, "x"))] == [words] * 2


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.EMFILE, errno.EPIPE])
def test_common_failures_have_no_english_in_vietnamese(number: int) -> None:
    assert not ENGLISH.search(words_of(OSError(number, os.strerror(number), "/srv/x")))


def test_a_failure_without_a_translation_keeps_the_words_of_the_system() -> None:
    assert words_of(OSError(errno.EXDEV, "Invalid cross-device link", "/a")) == "Invalid cross-device link"
    assert words_of(OSError()) == "OSError"
