"""A mail that the server may have: whatever happens next, it stays one that it may have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from planner.store import outbox
from planner.store.engine import DatabaseEpoch, writing
from planner.store.outbox import MAIL
from tests.fakes import MailServer, Province, at, free_port, mailbox, make_province, planned

NOW, TOMORROW = at("2020-05-18"), at("2020-05-19")  # between two rungs: tomorrow there is nothing else to tell
HEAD = mailbox("snv", "head")


@pytest.fixture
def cut(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    """The server took a mail, and its answer was lost."""
    with make_province(database_url, tmp_path, smtp_port=server.port) as made:
        made.file("snv", planned("I.1", "2020-05-15", responsible=HEAD))
        server.cut_after = 1
        assert made.tick(NOW).unknown == 1
        yield made


def later(province: Province) -> datetime:
    """Return when the mail may be tried again."""
    ((then,),) = province.mails("next_try_at")
    assert isinstance(then, datetime)
    return then


def assert_repeated_as_the_same_mail(province: Province, server: MailServer) -> None:
    """Whatever reached the person a second time is the same mail."""
    assert list(server.message_ids().values()) == [2]
    assert province.mails() == [(HEAD, "sent")]


def test_a_server_that_is_gone_at_the_next_try_does_not_make_it_another_mail(cut: Province, server: MailServer) -> None:
    nowhere = cut.with_settings(smtp_port=free_port())
    nowhere.tick(later(cut))
    cut.tick(TOMORROW)
    assert_repeated_as_the_same_mail(cut, server)


def test_a_refusal_for_now_at_the_next_try_does_not_make_it_another_mail(cut: Province, server: MailServer) -> None:
    server.rcpt["*"] = "451 4.7.1 come back later"
    cut.tick(later(cut))
    server.rcpt.clear()
    cut.tick(TOMORROW)
    assert_repeated_as_the_same_mail(cut, server)


def test_a_worker_that_dies_before_the_next_try_does_not_make_it_another_mail(
    cut: Province, server: MailServer
) -> None:
    with writing(cut.engine) as session:
        assert len(outbox.claim(session, now=later(cut), limit=9, lease=900)) == 1
        session.execute(MAIL.update().values(lease_until=DatabaseEpoch() - 1))
        outbox.reap(session)
    cut.tick(TOMORROW)
    assert_repeated_as_the_same_mail(cut, server)


def test_heard_at_the_next_try_it_is_sent_as_the_same_mail(cut: Province, server: MailServer) -> None:
    assert cut.tick(later(cut) + timedelta(minutes=1)).sent == 1
    assert_repeated_as_the_same_mail(cut, server)


def test_a_lower_rung_of_unknown_fate_is_not_repeated_once_a_higher_one_is_reached(
    database_url: str, tmp_path: Path, server: MailServer
) -> None:
    with make_province(database_url, tmp_path, smtp_port=server.port) as made:
        made.file("snv", planned("I.1", "2020-05-15"))
        server.data["*"] = "?"  # no verdict, and nothing taken
        assert made.tick(at("2020-05-14", 16)).unknown == 1
        server.data.clear()
        server.rcpt["*"] = "451 4.3.0 later"
        made.tick(at("2020-05-15", 8))
        server.rcpt.clear()
        for hour in (9, 10, 11):
            made.tick(at("2020-05-15", hour))
        assert len(server.to(mailbox("snv"))) == 1
        told = dict(made.notices("rung", "state"))
    assert (told["due-1wd"], told["due"]) == ("superseded", "sent")
