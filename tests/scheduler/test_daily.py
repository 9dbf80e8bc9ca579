"""The operator's line: one a working day, true, through the same outbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from scheduler import audit, mark
from tests.fakes import MailServer, Province, at, mailbox, make_province, planned

OPERATOR = "ops@example.vn"
FRIDAY, SATURDAY, MONDAY = "2020-05-15", "2020-05-16", "2020-05-18"


@pytest.fixture
def province(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    with make_province(database_url, tmp_path, smtp_port=server.port, operator=OPERATOR, lang="en") as made:
        made.file("snv", planned("I.1", FRIDAY))
        yield made


def lines(server: MailServer) -> list[str]:
    """Return what the operator was told: subject and plain text."""
    found = []
    for mail in server.to(OPERATOR):
        body = mail.get_body(("plain",))
        assert body is not None
        found.append(f"{mail['Subject']}\n{body.get_content()}")
    return found


def test_one_line_a_working_day_with_true_figures(province: Province, server: MailServer) -> None:
    for hour in (7, 8, 9, 16):  # at 7 no mail may leave yet
        province.tick(at(FRIDAY, hour))
    province.tick(at(SATURDAY))
    for hour in (8, 9):
        province.tick(at(MONDAY, hour))
    friday, monday = lines(server)
    assert friday.startswith("[planner] 15/5/2020: all is well, mails sent: 0")
    assert "rounds 1, notices queued 1, mails sent 0" in friday  # the one at 7; the present one is not over
    assert "rounds 4, notices queued 0, mails sent 2" in monday
    assert {state for (state,) in province.mails("state")} == {"sent"}


def test_it_says_what_is_wrong(province: Province, server: MailServer) -> None:
    server.data[mailbox("snv")] = "550 refused"
    province.tick(at(FRIDAY))
    with province.engine.begin() as connection:
        connection.execute(text("DELETE FROM notice WHERE state = 'superseded'"))
        connection.execute(text("UPDATE notice SET state = 'obsolete', mail_id = NULL WHERE rung = 'due'"))
    assert not audit.run(province.shop, at(FRIDAY)).ok
    province.tick(at(MONDAY))
    told = lines(server)[-1]
    assert "audits that found something: 1; notices that had been missing: 1; mails refused: 1" in " ".join(
        told.split()
    )


def test_without_an_operator_no_line_is_written(province: Province, server: MailServer) -> None:
    province.with_settings(operator=None).tick(at(FRIDAY))
    assert lines(server) == []


def test_on_hold_no_line_leaves_either(province: Province, server: MailServer) -> None:
    mark.hold(province.shop, at(FRIDAY), actor="a", reason="r")
    province.tick(at(FRIDAY))
    assert server.accepted == []
