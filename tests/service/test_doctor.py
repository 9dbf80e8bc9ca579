"""The doctor says of each part that it is well, or what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from planner.domain.notification import NoticeKind
from planner.service import doctor
from planner.store import holds, ticks
from planner.store.engine import writing
from scheduler import audit, checks, heartbeat
from tests.fakes import Province, at, mail_server, make_province, planned

NOW = at("2020-05-15")


@pytest.fixture
def province(database_url: str, tmp_path: Path) -> Iterator[Province]:
    with (
        mail_server() as server,
        make_province(
            database_url, tmp_path, smtp_port=server.port, heartbeat_file=tmp_path / "beat.json", lang="en"
        ) as made,
    ):
        made.file("snv", planned("I.1", "2020-05-15"))
        made.tick(NOW)
        heartbeat.beat(made.shop, audit.run(made.shop, NOW))
        (tmp_path / "planner.toml").write_text("")
        yield made


def look(province: Province, now: datetime = NOW) -> dict[str, doctor.Check]:
    return {check.name: check for check in doctor.doctor(province.desk(now))}


def wrong(province: Province, now: datetime = NOW) -> set[str]:
    return {name for name, check in look(province, now).items() if not check.ok}


def run(province: Province, statement: str) -> None:
    with province.engine.begin() as connection:
        connection.execute(text(statement))


def test_a_well_kept_house_is_well(province: Province) -> None:
    assert wrong(province) == set()
    assert {"hold", "audit", "signal", "department", "state", "heartbeat"} <= set(look(province))


def test_silence_of_rounds_auditor_and_heartbeat_is_told(province: Province) -> None:
    assert wrong(province, NOW + timedelta(minutes=4)) == {"heartbeat"}
    assert wrong(province, NOW + timedelta(minutes=16)) == {"heartbeat", "audit", "signal"}


def test_a_long_round_under_way_is_no_silence(province: Province) -> None:
    with writing(province.engine) as session:
        ticks.sign_of_life(session, "db1:77", NOW)
    check = look(province, NOW + timedelta(minutes=4))["heartbeat"]
    assert check.ok
    assert "db1:77" in check.detail


def test_days_off_that_cannot_be_read_are_told_with_their_lines(province: Province, tmp_path: Path) -> None:
    assert wrong(province.with_settings(calendar_file=tmp_path / "none.csv")) == {"calendar"}
    file = tmp_path / "days.csv"
    file.write_text("date,kind,name,legal_basis\n2026-13-02,off,x,y\n", encoding="utf-8")
    check = look(province.with_settings(calendar_file=file))["calendar"]
    assert not check.ok
    assert "days.csv" in check.detail
    assert "2026-13-02" in check.detail


def test_a_ladder_with_problems_is_told_with_their_lines(province: Province, tmp_path: Path) -> None:
    file = tmp_path / "ladder.yaml"
    file.write_text("name: x\n", encoding="utf-8")
    check = look(province.with_settings(policy_file=file))["policy"]
    assert not check.ok
    assert "dòng 1, cột 1: " in check.detail


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_password_file_that_cannot_be_read_is_told(province: Province, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    assert wrong(province.with_settings(smtp_user="planner", smtp_password_file=file)) == {"smtp"}


def test_a_state_file_that_has_no_folder_is_told(province: Province, tmp_path: Path) -> None:
    assert wrong(province.with_settings(state_file=tmp_path / "none" / "state.json")) == {"state"}


def test_an_audit_that_found_something_is_told_with_what(province: Province) -> None:
    run(province, "UPDATE notice SET state = 'obsolete', mail_id = NULL WHERE state = 'sent'")
    audit.run(province.shop, NOW)
    check = look(province)["audit"]
    assert not check.ok
    assert "missing 1" in check.detail


def test_a_hold_is_told_with_the_command_that_ends_it(province: Province) -> None:
    with writing(province.engine) as session:
        holds.lay(session, {}, host="db1", at=NOW)
    check = look(province)["hold"]
    assert not check.ok
    assert "planner scheduler resume" in check.detail
    assert "khôi phục" in check.detail


@pytest.mark.parametrize("state", ["dead", "unknown"])
def test_mails_that_need_somebody_are_told(province: Province, state: str) -> None:
    run(province, f"UPDATE mail SET state = '{state}'")  # noqa: S608 - a word of ours
    assert wrong(province) == {"outbox"}


def test_a_department_that_nobody_knows_or_that_has_nobody_is_told(province: Province) -> None:
    assert wrong(province.with_settings(department="nobody")) == {"department"}
    run(province, "UPDATE officer SET valid_to = '2020-05-01' WHERE email LIKE '%@stttt%' AND role <> 'member'")
    assert wrong(province) == {"department"}


def test_a_heartbeat_or_mark_that_cannot_be_read_is_told(province: Province, tmp_path: Path) -> None:
    (tmp_path / "beat.json").write_text("{")
    (tmp_path / "planner-state.json").write_text(json.dumps([]))
    assert wrong(province) == {"signal", "state"}


BROKEN = {
    "notification/overdue/item.txt": "{{ line.no_such_fact }}",
    "notification/digest/body.html": "{{ 1 / 0 }}",
    "notification/blocked/subject.txt": "two\nlines {{ absent }}",
    "_macros/mail.txt": "",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_template_that_can_be_read_but_not_rendered_is_told(province: Province, tmp_path: Path, name: str) -> None:
    path = tmp_path / "site" / name
    path.parent.mkdir(parents=True)
    path.write_text(BROKEN[name])
    settings = replace(province.shop.settings, templates_dir=tmp_path / "site")
    told = {check: (ok, detail) for check, ok, detail in checks.checks(settings, NOW)}
    assert told["mails"][0] is False
    assert name.split("/")[1] in told["mails"][1]
    assert told["policy"][0] is True


def test_a_page_of_a_report_that_cannot_be_made_is_told(province: Province, tmp_path: Path) -> None:
    path = tmp_path / "site" / "report" / "report.html"
    path.parent.mkdir(parents=True)
    path.write_text("{{ report.no_such_part }}")
    assert "templates" in wrong(province.with_settings(templates_dir=tmp_path / "site"))


def test_a_policy_with_a_mistake_is_told(province: Province, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("name: x\nversion: 1\nrungs: [{name: a, trigger: someday, tell: [nobody]}]\n")
    told = {check: ok for check, ok, _detail in checks.checks(replace(province.shop.settings, policy_file=path), NOW)}
    assert told == {"policy": False, "mails": True}


def test_every_kind_is_written_to_everybody(province: Province) -> None:
    count = next(detail for name, _ok, detail in checks.checks(province.shop.settings, NOW) if name == "mails")
    readers, twice, everything = 3, 1, 1  # a reminder comes before the last day and on it
    assert count.startswith(f"{readers * (len(NoticeKind) + twice + everything)} sample mails")
