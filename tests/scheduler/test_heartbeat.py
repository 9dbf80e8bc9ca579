"""The heartbeat tells the world that all is well, and only then; no secret of its address gets into the log."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from planner.errors import InputRejected
from scheduler import heartbeat
from scheduler.audit import Findings
from tests.fakes import Province, make_province

NOW = datetime(2020, 5, 15, 1, 0, tzinfo=UTC)
SECRET = "c0ffee-token"


class _Watch(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []
    reply: ClassVar[int] = 200

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.reply)
        if self.reply == 302:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def watch() -> Iterator[tuple[str, list[str]]]:
    """Run a receiver of heartbeats; give its address and what it was asked for."""
    _Watch.asked, _Watch.reply = [], 200
    server = HTTPServer(("127.0.0.1", 0), _Watch)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/ping/{SECRET}", _Watch.asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def province(database_url: str, tmp_path: Path) -> Iterator[Province]:
    with make_province(database_url, tmp_path, heartbeat_file=tmp_path / "heartbeat.json") as made:
        yield made


def test_all_well_is_told_in_the_file_and_at_the_address(
    province: Province, tmp_path: Path, watch: tuple[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url, asked = watch
    province.tick(NOW)
    heartbeat.beat(province.with_settings(heartbeat_url=url).shop, Findings(at=NOW, expected=7))
    told = json.loads((tmp_path / "heartbeat.json").read_text())
    assert told["at"] == told["last_tick"] == NOW.isoformat()
    assert (told["pid"], told["schema"], told["counts"]["expected"]) == (os.getpid(), "0001", 7)
    assert asked == [f"/ping/{SECRET}"]
    assert SECRET not in caplog.text
    assert [path.name for path in tmp_path.glob(".heartbeat*")] == []


def test_trouble_is_silence(province: Province, tmp_path: Path, watch: tuple[str, list[str]]) -> None:
    url, asked = watch
    heartbeat.beat(province.with_settings(heartbeat_url=url).shop, Findings(at=NOW, missed=1))
    assert not (tmp_path / "heartbeat.json").exists()
    assert asked == []


@pytest.mark.parametrize("reply", [404, 500, 302])
def test_a_receiver_that_refuses_is_logged_without_its_address(
    province: Province, watch: tuple[str, list[str]], caplog: pytest.LogCaptureFixture, reply: int
) -> None:
    url, asked = watch
    _Watch.reply = reply
    heartbeat.beat(province.with_settings(heartbeat_url=url).shop, Findings(at=NOW))
    (record,) = [one for one in caplog.records if one.message == "heartbeat not received"]
    assert vars(record)["host"] == "127.0.0.1"
    assert vars(record)["reason"] == str(reply)
    assert SECRET not in str(vars(record))
    assert asked == [f"/ping/{SECRET}"]  # no redirect is followed


@pytest.mark.parametrize("url", [f"http://127.0.0.1:9/{SECRET}", f"https://localhost:1/{SECRET} x"])
def test_a_receiver_that_is_not_there_does_no_harm(
    province: Province, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    heartbeat.beat(province.with_settings(heartbeat_url=url).shop, Findings(at=NOW))
    assert "heartbeat not received" in caplog.text
    assert SECRET not in caplog.text + str([vars(record) for record in caplog.records])


def test_a_receiver_that_answers_an_octet_at_a_time_keeps_nobody(
    province: Province, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "TIMEOUT", 0.4)
    enough, answered = threading.Event(), 0

    def drip(listening: socket.socket) -> None:
        nonlocal answered
        connection, _peer = listening.accept()
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        with connection, suppress(OSError):
            while not enough.wait(0.05):  # never as long as the timeout between two of them
                connection.sendall(b"X")
                answered += 1

    with socket.create_server(("127.0.0.1", 0)) as listening:
        dripping = threading.Thread(target=drip, args=(listening,))
        dripping.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/{SECRET}"
        asked = province.with_settings(heartbeat_url=url).shop
        heartbeat.beat(asked, Findings(at=NOW))
        heartbeat.beat(asked, Findings(at=NOW))  # while the first still hangs
        assert 0 < answered < 1000
        assert [vars(one)["reason"] for one in caplog.records if one.message == "heartbeat not received"] == [
            "timeout",
            "timeout",
        ]
        enough.set()
        dripping.join()
    for thread in [one for one in threading.enumerate() if one.name == "heartbeat"]:
        thread.join()
    assert SECRET not in caplog.text


def test_a_file_that_cannot_be_written_does_no_harm(
    province: Province, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeat.beat(province.with_settings(heartbeat_file=tmp_path / "none" / "x").shop, Findings(at=NOW))
    assert "heartbeat file not written" in caplog.text


@pytest.mark.parametrize(
    "url", [f"http://watch.example.vn/{SECRET}", f"ftp://h/{SECRET}", SECRET, f"https:///{SECRET}"]
)
def test_an_address_that_would_give_the_secret_away_is_refused_without_repeating_it(tmp_path: Path, url: str) -> None:
    from planner.config import load

    with pytest.raises(InputRejected) as refused:
        load(tmp_path, {"PLANNER_HEARTBEAT_URL": url})
    assert [problem.place for problem in refused.value.problems] == ["PLANNER_HEARTBEAT_URL"]
    assert SECRET not in str(refused.value.problems)
