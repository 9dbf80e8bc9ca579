"""Fixtures of this room: a mail server, and a province that sends to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import MailServer, Province, mail_server, make_province


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def province(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    with make_province(database_url, tmp_path, smtp_port=server.port) as made:
        yield made
