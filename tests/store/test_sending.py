"""Many mails in one statement: what concerns one of them does not concern the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from planner.store import outbox, sending
from planner.store.engine import writing
from planner.store.tables import MailRow
from scheduler import jobs
from tests.fakes import Province, at, mailbox, make_province, planned

NOW = at("2020-05-18")
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def province(database_url: str, tmp_path: Path) -> Iterator[Province]:
    with make_province(database_url, tmp_path, members=6) as made:
        tasks = (planned(f"I.{n}", "2020-05-15", responsible=mailbox("snv", f"m{n}")) for n in range(6))
        made.file("snv", *tasks)
        jobs.queue_due(made.shop, NOW)
        jobs.fill_mails(made.shop, NOW)
        yield made


@pytest.fixture
def held(province: Province) -> list[outbox.HeldMail]:
    with writing(province.engine) as session:
        return outbox.claim(session, now=LATER, limit=4, lease=900)


def states(province: Province) -> dict[int, str]:
    return dict(province.mails("id", "state"))


def accepted(*mails: outbox.HeldMail) -> list[sending.Accepted]:
    return [sending.Accepted(mail=mail, code=250, words="ok") for mail in mails]


def test_what_another_worker_took_over_stays_as_it_is(province: Province, held: list[outbox.HeldMail]) -> None:
    mine, lost = held[:3], replace(held[3], fence=held[3].fence - 1)
    with writing(province.engine) as session:
        assert sending.begin_all(session, [*mine, lost]) == {mail.claim for mail in mine}
    assert states(province)[lost.id] == "leased"
    with writing(province.engine) as session:
        assert sending.begin_all(session, [held[3]]) == {held[3].claim}
        assert sending.settle_sent(session, accepted(*mine, lost), LATER) == {mail.claim for mail in mine}
    found = states(province)
    assert [found[mail.id] for mail in held] == ["sent", "sent", "sent", "sending"]
    told = {mail_id: state for mail_id, state in province.notices("mail_id", "state") if mail_id is not None}
    assert [told[mail.id] for mail in held] == ["sent", "sent", "sent", "mailed"]


def test_a_mail_goes_back_as_if_it_had_not_been_claimed(province: Province, held: list[outbox.HeldMail]) -> None:
    before = [row for row in province.mails("id", "next_try_at") if row[0] in {mail.id for mail in held}]
    lost = replace(held[0], fence=held[0].fence + 1)
    with writing(province.engine) as session:
        sending.give_back(session, [lost, *held[1:]], LATER)
    rows = {row[0]: row[1:] for row in province.mails("id", "state", "first_try_at", "attempts", "lease_until")}
    assert rows[held[0].id][0] == "leased"
    assert {rows[mail.id] for mail in held[1:]} == {("ready", None, 0, None)}
    assert [row for row in province.mails("id", "next_try_at") if row[0] in {mail.id for mail in held}] == before


def test_a_mail_that_the_server_may_have_goes_back_as_one_that_it_may_have(
    province: Province, held: list[outbox.HeldMail]
) -> None:
    with writing(province.engine) as session:
        session.execute(update(MailRow).where(MailRow.id == held[0].id).values(maybe_taken=True))
        sending.give_back(session, held, LATER)
    found = states(province)
    assert [found[mail.id] for mail in held] == ["unknown", "ready", "ready", "ready"]


def test_what_was_tried_before_keeps_the_time_of_its_first_try(province: Province, held: list[outbox.HeldMail]) -> None:
    with writing(province.engine) as session:
        sending.give_back(session, held, NOW)  # claimed at another instant
    assert {row[0] for row in province.mails("first_try_at")} == {LATER, None}


def test_nothing_is_taken_as_sent_that_was_not_begun(province: Province, held: list[outbox.HeldMail]) -> None:
    with writing(province.engine) as session:
        assert sending.settle_sent(session, accepted(*held), LATER) == set()


def test_after_its_lease_nothing_begins(province: Province, held: list[outbox.HeldMail]) -> None:
    with writing(province.engine) as session:
        session.execute(update(MailRow).where(MailRow.id == held[0].id).values(lease_until=1))
    with writing(province.engine) as session:
        assert sending.begin_all(session, held) == {mail.claim for mail in held[1:]}


def test_none_at_all_is_no_statement(province: Province) -> None:
    with writing(province.engine) as session:
        assert sending.begin_all(session, []) == sending.settle_sent(session, [], NOW) == set()
        sending.give_back(session, [], NOW)
