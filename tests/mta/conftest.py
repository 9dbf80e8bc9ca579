"""Fixtures of the tests with a real Postfix: both servers, and a province whose mail goes through them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import Province, make_province
from tests.mta import needs
from tests.mta.postfix import Mta, empty_queue, running


@pytest.fixture(scope="session")
def postfix_queue() -> Iterator[Path]:
    """Give an empty queue directory; where Postfix cannot run, every test that needs it fails and says why."""
    assert not list(needs.missing()), list(needs.missing())
    with empty_queue() as path:
        yield path


@pytest.fixture
def mta(postfix_queue: Path) -> Iterator[Mta]:
    """Run the relay and the destination, with empty mailboxes."""
    with running(postfix_queue) as servers:
        yield servers


@pytest.fixture
def smtp(mta: Mta) -> dict[str, Any]:
    """Give the settings with which planner speaks to the relay and reads what comes back."""
    key = mta.relay.folder / "bounce-key"
    key.write_text("0123456789abcdef0123456789abcdef\n")
    return {"smtp_port": mta.relay.port, "bounce_key_file": key, "bounce_maildir": mta.bounces}


@pytest.fixture
def province(database_url: str, tmp_path: Path, smtp: dict[str, Any]) -> Iterator[Province]:
    """Make the small province, on each kind of database."""
    with make_province(database_url, tmp_path, members=40, **smtp) as made:
        yield made


@pytest.fixture
def small(sqlite_url: str, tmp_path: Path, smtp: dict[str, Any]) -> Iterator[Province]:
    """Make the small province on SQLite, for what has nothing to do with the database."""
    with make_province(sqlite_url, tmp_path, members=40, **smtp) as made:
        yield made
