"""What is written for several mails at a time is written for each claim of a mail by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from planner.store import outbox, sending
from planner.store.engine import reading, writing
from planner.store.tables import AttemptRow
from scheduler import jobs
from scheduler.book import Book
from tests.fakes import Province, at, make_province, planned

NOW = at("2020-05-18")


@pytest.fixture
def province(database_url: str, tmp_path: Path) -> Iterator[Province]:
    with make_province(database_url, tmp_path) as made:
        made.file("snv", planned("I.1", "2020-05-15"))
        jobs.queue_due(made.shop, NOW)
        jobs.fill_mails(made.shop, NOW)
        yield made


def claim(province: Province) -> outbox.HeldMail:
    with writing(province.engine) as session:
        return outbox.claim(session, now=NOW, limit=1, lease=900)[0]


@pytest.fixture
def claims(province: Province) -> tuple[outbox.HeldMail, outbox.HeldMail]:
    """Two claims of one mail by one worker: it lost the first while it stood still, and came by the mail again."""
    again = claim(province)
    return replace(again, fence=again.fence - 2), again


def test_a_worker_that_lost_a_mail_and_claimed_it_again_sends_it_once(
    province: Province, claims: tuple[outbox.HeldMail, outbox.HeldMail]
) -> None:
    async def begin() -> list[tuple[bool, int]]:
        with Book(province.engine, NOW) as book:
            return list(await asyncio.gather(*(book.begin(one) for one in claims)))

    assert asyncio.run(begin()) == [(False, 0), (True, 0)]


def test_what_comes_of_a_claim_that_was_lost_is_not_written_for_the_one_that_holds(
    province: Province, claims: tuple[outbox.HeldMail, outbox.HeldMail]
) -> None:
    lost, holds = claims
    answers = (sending.Accepted(mail=lost, code=250, words="first"), sending.Accepted(mail=holds, code=251, words="ok"))

    async def settle() -> list[bool]:
        with Book(province.engine, NOW) as book:
            await book.begin(holds)
            return list(await asyncio.gather(*(book.sent(one) for one in answers)))

    assert asyncio.run(settle()) == [False, True]
    with reading(province.engine) as session:
        tries = session.execute(select(AttemptRow.mail_id, AttemptRow.fence, AttemptRow.reply_code)).all()
    assert tries == [(holds.id, holds.fence, 251)]
