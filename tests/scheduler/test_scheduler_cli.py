"""`planner scheduler` and `planner outbox` as people and scripts use them: words, JSON, exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from planner import i18n
from planner.cli import cli
from planner.service import tasks
from scheduler.envelope import signed
from tests import bounce_mails
from tests.fakes import (
    MailServer,
    Province,
    at,
    everything,
    free_port,
    mailbox,
    make_province,
    planned,
)

COUNTS = {"queued", "superseded", "suppressed", "obsolete", "sent", "retry", "failed", "unknown", "over"}


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Said]


@pytest.fixture
def province(sqlite_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    with make_province(sqlite_url, tmp_path, smtp_port=server.port) as made:
        made.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-08-30"))
        yield made


@pytest.fixture
def planner(province: Province, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANGUAGE", "vi")

    def run(*arguments: str, **variables: object) -> Said:
        i18n.use_language("vi")
        environment = province.environment(**variables)
        names = {name: value for name, value in environment.items() if name.startswith("PLANNER_")}
        result = CliRunner().invoke(cli, arguments, env=names, prog_name="planner")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.stdout, result.stderr)

    yield run
    i18n.use_language("vi")


def dead(planner: Run, server: MailServer) -> str:
    """Let the officer's mail be refused for good; return the key of the notice."""
    server.data[mailbox("snv")] = "550 this mail is refused"
    planner("scheduler", "tick", "--now", "2020-05-18", "--json")
    (row,) = planner("outbox", "list", "--state", "dead", "--json").data
    return str(row["key"])


# --- tick ---


def test_a_tick_prints_its_counts_as_one_document(planner: Run, server: MailServer) -> None:
    first = planner("scheduler", "tick", "--now", "2020-05-18", "--json")
    assert first.code == 0
    assert set(first.data) == COUNTS
    assert (first.data["queued"], first.data["superseded"], first.data["sent"]) == (2, 4, 2)
    assert first.err == ""
    second = planner("scheduler", "tick", "--now", "2020-05-18", "--json")
    assert set(second.data.values()) == {0}
    assert len(server.accepted) == 2


def test_a_tick_tells_people_its_counts_in_their_language(planner: Run) -> None:
    assert "Thư đã gửi" in planner("scheduler", "tick", "--now", "2020-05-18").out
    assert "Mails sent" in planner("scheduler", "tick", "--now", "2020-05-18", "--lang", "en").out


def test_a_mail_server_out_of_order_is_exit_code_5_and_loses_nothing(planner: Run, server: MailServer) -> None:
    down = planner("scheduler", "tick", "--now", "2020-05-18", "--json", PLANNER_SMTP_PORT=free_port())
    assert down.code == 5
    assert down.data["error"]["code"] == "world"
    assert down.err == ""
    rows = planner("outbox", "list", "--state", "mailed", "--json").data
    assert [(row["recipient"], row["attempts"]) for row in rows] == [(mailbox("snv"), 0), (mailbox("snv", "head"), 0)]
    assert all(row["last_error"] for row in rows)
    assert planner("scheduler", "tick", "--now", "2020-05-18T08:01", "--json").data["sent"] == 2
    assert server.recipients() == [mailbox("snv", "head"), mailbox("snv")]


def test_a_mail_server_out_of_order_is_told_to_people_without_a_trace_of_the_program(planner: Run) -> None:
    down = planner("scheduler", "tick", "--now", "2020-05-18", PLANNER_SMTP_PORT=free_port())
    assert down.code == 5
    assert down.out == ""
    assert "máy chủ thư" in down.err.lower()
    assert "Traceback" not in down.err


def test_without_a_database_every_command_says_what_to_do(planner: Run, tmp_path: Path) -> None:
    nowhere = f"sqlite:///{tmp_path / 'nowhere.db'}"
    for command in ("scheduler tick", "scheduler preview", "outbox list"):
        said = planner(*command.split(), "--json", PLANNER_DATABASE_URL=nowhere)
        assert said.code == 5, command
        assert "planner init" in said.data["error"]["message"]
    assert not (tmp_path / "nowhere.db").exists()


def test_a_password_file_that_is_missing_is_named(planner: Run, tmp_path: Path) -> None:
    said = planner("scheduler", "tick", "--json", PLANNER_SMTP_PASSWORD_FILE=tmp_path / "none.txt")
    assert said.code == 5
    assert "none.txt" in said.data["error"]["message"]


# --- foresight ---


def test_a_preview_says_what_to_whom_and_why_and_leaves_no_trace(planner: Run, province: Province) -> None:
    before = everything(province.engine)
    seen = planner("scheduler", "preview", "--now", "2020-05-18", "--json").data
    assert everything(province.engine) == before
    assert [message["recipient"] for message in seen["messages"]] == [mailbox("snv", "head"), mailbox("snv")]
    notice = seen["messages"][1]["notices"][0]
    assert {"key", "rung", "subject", "task", "last_day", "reason"} <= set(notice)
    assert (notice["rung"], notice["subject"], notice["last_day"]) == ("due+1wd", "snv:I.1", "2020-05-15")
    assert seen["messages"][1]["subject"].startswith("[Quá hạn]")
    sent = planner("scheduler", "tick", "--now", "2020-05-18", "--json").data
    assert sent["sent"] == len(seen["messages"])


def test_a_preview_for_people_names_them_and_says_when_mail_waits(planner: Run) -> None:
    open_ = planner("scheduler", "preview", "--now", "2020-05-18").out
    assert mailbox("snv") in open_
    assert "snv:I.1" in open_
    shut = planner("scheduler", "preview", "--now", "2020-05-18T22:00").out
    assert "Ngoài giờ" in shut


def test_a_simulation_lists_mails_by_day_and_leaves_no_trace(planner: Run, province: Province) -> None:
    before = everything(province.engine)
    span = ("--from", "2020-05-04", "--to", "31/5/2020")
    days = planner("scheduler", "simulate", *span, "--json").data
    assert everything(province.engine) == before
    assert [day["date"] for day in days] == [
        "2020-05-08",
        "2020-05-12",
        "2020-05-14",
        "2020-05-15",
        "2020-05-18",
        "2020-05-22",
        "2020-05-29",
    ]
    assert [mail["recipient"] for mail in days[4]["mails"]] == [mailbox("snv", "head"), mailbox("snv")]
    assert "due+5wd" in planner("scheduler", "simulate", *span).out


def test_a_simulation_that_ends_before_it_begins_is_wrong_usage(planner: Run) -> None:
    said = planner("scheduler", "simulate", "--from", "2020-06-01", "--to", "2020-05-01", "--json")
    assert said.code == 2
    assert "2020-05-01" in said.data["error"]["message"]


def test_the_route_of_a_task(planner: Run) -> None:
    rows = planner("scheduler", "policy", "route", "snv:I.1", "--now", "2020-05-06", "--json").data
    assert [(row["rung"], row["nominal"]) for row in rows if row["role"] == "agency_head"] == [
        ("due+1wd", "2020-05-18"),
        ("due+5wd", "2020-05-22"),
        ("due+10wd", "2020-05-29"),
        ("due+20wd", "2020-06-12"),
    ]
    assert planner("scheduler", "policy", "route", "snv:I.1", "--now", "2020-05-06").code == 0
    assert planner("scheduler", "policy", "route", "snv:I.7", "--json").code == 3


def test_a_policy_is_checked_and_each_mistake_named_with_its_line(planner: Run, tmp_path: Path) -> None:
    file = tmp_path / "ladder.yaml"
    file.write_text(
        "name: x\nversion: 1\nsending: {from: '07:30', to: '17:00'}\nrungs:\n"
        "  - {name: a, trigger: due -5wd, tell: [responsible], kind: reminder}\n"
    )
    assert planner("scheduler", "policy", "check", str(tmp_path / "none.yaml"), "--json").code == 3
    assert planner("scheduler", "policy", "test", str(tmp_path / "none.yaml"), "--json").code == 3
    good = planner("scheduler", "policy", "check", str(file), "--json")
    assert (good.code, good.data["ok"], good.data["rungs"]) == (0, True, 1)
    file.write_text(file.read_text().replace("due -5wd", "duo -5wd").replace("responsible", "minister"))
    bad = planner("scheduler", "policy", "check", str(file), "--json")
    assert bad.code == 1
    assert len(bad.data["error"]["problems"]) == 2
    assert all("5" in problem["place"] for problem in bad.data["error"]["problems"])
    assert planner("scheduler", "tick", "--json", PLANNER_POLICY_FILE=file).code == 1


def test_the_policy_in_force_is_shown(planner: Run) -> None:
    shown = planner("scheduler", "policy", "show", "--json").data
    assert shown["sending"] == {"from": "07:30", "to": "17:00", "working_days_only": True, "most_a_day": None}
    assert [rung["name"] for rung in shown["rungs"]][:4] == ["due-5wd", "due-3wd", "due-1wd", "due"]
    assert shown["versions"] == []  # no reminder has been due yet
    assert "07:30 - 17:00" in planner("scheduler", "policy", "show").out


def test_the_ladder_is_shown_without_a_database_too(planner: Run, tmp_path: Path) -> None:
    elsewhere = {"PLANNER_DATABASE_URL": f"sqlite:///{tmp_path / 'nothing' / 'planner.db'}"}
    said = planner("scheduler", "policy", "show", "--json", **elsewhere)
    assert said.code == 0
    assert said.data["versions"] is None
    assert "due+20wd" in planner("scheduler", "policy", "show", **elsewhere).out


def test_cases_are_moved_to_the_ladder_in_force_and_counted(planner: Run, province: Province, tmp_path: Path) -> None:
    province.tick(at("2020-05-18"))
    ladder = tmp_path / "policy.yaml"
    ladder.write_text(
        "name: site\nversion: 7\nsending: {from: 07:30, to: 17:00}\n"
        "rungs:\n  - {name: due, trigger: due, tell: [responsible], kind: reminder}\n"
    )
    new = {"PLANNER_POLICY_FILE": str(ladder)}

    def counted() -> dict[str, int]:
        rows = planner("scheduler", "policy", "show", "--json", **new).data["versions"]
        return {f"{row['name']} {row['version']}": row["cases"] for row in rows}

    assert counted() == {"default 1": 1}
    asked = ("scheduler", "policy", "move", "--all", "--reason", "thống nhất")
    tried = planner(*asked, "--dry-run", "--json", **new)
    assert (tried.code, tried.data["moved"]) == (0, 1)
    assert counted() == {"default 1": 1}
    assert "1 " in planner(*asked, **new).out
    assert counted() == {"default 1": 0, "site 7": 1}
    assert planner(*asked, "--json", **new).data["moved"] == 0
    assert planner("scheduler", "policy", "move", "--reason", "x", **new).code == 2
    refused = planner(*asked, "--user", mailbox("snv"), **new)
    assert refused.code == 4


def test_the_schema_is_printed_as_it_is_shipped(planner: Run) -> None:
    from scheduler.policy import SCHEMA_FILE

    assert planner("scheduler", "policy", "schema").out == SCHEMA_FILE.read_text(encoding="utf-8")


def test_what_is_not_told_is_shown_with_the_reason_by_preview_simulate_route_and_check(
    planner: Run, tmp_path: Path
) -> None:
    promise = ("task", "acknowledge", "snv:I.1", "--promise", "2020-05-20", "--reason", "chờ ký số")
    assert planner(*promise, "--now", "2020-05-15").code == 0
    shown = (
        planner("scheduler", "preview", "--now", "2020-05-18").out,
        planner("scheduler", "simulate", "--from", "2020-05-18", "--to", "2020-05-19").out,
        planner("scheduler", "policy", "route", "snv:I.1", "--now", "2020-05-18").out,
    )
    for out in shown:
        words = " ".join(out.split())
        assert "chờ ký số" in words
        assert "20/5/2020" in words
    file = tmp_path / "policy.yaml"
    file.write_text(
        "name: x\nversion: 1\nsending: {from: 07:30, to: 17:00}\nrungs:\n"
        "  - {name: early, trigger: due -1wd, tell: [responsible], kind: reminder}\n"
        "  - {name: last, trigger: due, tell: [responsible], kind: reminder}\n"
    )
    checked = planner("scheduler", "policy", "check", str(file), "--now", "2020-05-18", "--json").data
    (row,) = checked["superseded"]  # where the last day is a day off, both fall on the working day before it
    assert (row["rung"], row["by"]) == ("early", "last")
    assert row["days"] > 100
    assert "early" in planner("scheduler", "policy", "check", str(file)).out


# --- the ledger ---


def test_the_ledger_holds_every_notice_with_its_fate(planner: Run, server: MailServer) -> None:
    planner("scheduler", "tick", "--now", "2020-05-18", "--json")
    rows = planner("outbox", "list", "--json").data
    assert {"key", "state", "recipient", "attempts", "message_id", "last_error"} <= set(rows[0])
    assert sorted(row["state"] for row in rows) == ["sent"] * 2 + ["superseded"] * 4
    assert {row["message_id"] for row in rows if row["state"] == "sent"} == set(server.message_ids())
    assert len(planner("outbox", "list", "--state", "sent", "--json").data) == 2
    assert len(planner("outbox", "list", "--state", "sent", "--state", "superseded", "--json").data) == 6
    assert planner("outbox", "list", "--task", "snv:I.2", "--json").data == []
    assert mailbox("snv") in planner("outbox", "list").out
    assert planner("outbox", "list", "--state", "lost").code == 2


def test_a_refused_mail_is_shown_with_its_attempt_and_can_be_tried_again(planner: Run, server: MailServer) -> None:
    key = dead(planner, server)
    shown = planner("outbox", "show", key[:10], "--json").data
    assert shown["state"] == "dead"
    (attempt,) = shown["attempts_made"]
    assert (attempt["outcome"], attempt["stage"], attempt["code"]) == ("failed", "data", 550)
    assert "this mail is refused" in attempt["reply"]
    assert mailbox("snv") not in attempt["reply"]
    assert "550" in planner("outbox", "show", key[:10]).out

    server.data.clear()
    assert planner("scheduler", "tick", "--now", "2020-05-18T09:00", "--json").data["sent"] == 0
    again = planner("outbox", "retry", key[:10], "--now", "2020-05-18T09:00", "--json")
    assert (again.code, again.data) == (0, {"key": key, "state": "mailed"})
    assert planner("scheduler", "tick", "--now", "2020-05-18T09:00", "--json").data["sent"] == 1
    assert len(server.to(mailbox("snv"))) == 1
    outcomes = [one["outcome"] for one in planner("outbox", "show", key, "--json").data["attempts_made"]]
    assert outcomes == ["failed", "sent"]


def test_a_mail_tried_again_on_a_later_day_goes_beside_that_days_digest(planner: Run, server: MailServer) -> None:
    key = dead(planner, server)
    server.data.clear()
    assert planner("scheduler", "tick", "--now", "2020-05-22", "--json").data["sent"] == 3
    server.data.clear()
    assert planner("outbox", "retry", key, "--now", "2020-05-22T09:00", "--json").code == 0
    assert planner("scheduler", "tick", "--now", "2020-05-22T09:00", "--json").data["superseded"] == 1
    # A higher rung has been told meanwhile: the old one is not sent any more.
    assert len(server.to(mailbox("snv"))) == 1


def test_a_mail_whose_rung_still_holds_is_sent_when_tried_again_the_next_day(planner: Run, server: MailServer) -> None:
    key = dead(planner, server)
    server.data.clear()
    assert planner("outbox", "retry", key, "--now", "2020-05-19T09:00", "--json").code == 0
    assert planner("scheduler", "tick", "--now", "2020-05-19T09:00", "--json").data["sent"] == 1
    assert len(server.to(mailbox("snv"))) == 1


def test_a_dry_run_of_retry_and_cancel_leaves_no_trace(planner: Run, server: MailServer, province: Province) -> None:
    key = dead(planner, server)
    planner("scheduler", "tick", "--now", "2020-05-22T06:00", "--json")
    before = everything(province.engine)
    assert planner("outbox", "retry", key, "--dry-run", "--json").code == 0
    waiting = planner("outbox", "list", "--state", "queued", "--json").data[0]
    assert planner("outbox", "cancel", waiting["key"], "--reason", "r", "--dry-run", "--json").code == 0
    assert everything(province.engine) == before


def test_a_stop_by_hand_says_who_stopped_mail_and_why_not_that_a_backup_was_restored(planner: Run) -> None:
    now = ("--now", "2020-05-18T09:00")
    planner("scheduler", "hold", "--reason", "sai mẫu thư.", *now, "--json")
    said = planner("scheduler", "tick", *now, "--json")
    assert said.code == 4
    assert "do người vận hành tạm dừng, lý do: sai mẫu thư. Đề nghị" in said.data["error"]["message"]
    checks = {one["name"]: one for one in planner("doctor", *now, "--json").data["checks"]}
    assert "lý do: sai mẫu thư." in checks["hold"]["detail"]
    assert "khôi phục" not in said.data["error"]["message"] + checks["hold"]["detail"]


@pytest.mark.parametrize("reason", ["", " ", "y" * 2001])
def test_who_stops_or_resumes_mail_must_say_why(planner: Run, reason: str) -> None:
    now = ("--now", "2020-05-18T09:00")
    assert planner("scheduler", "hold", "--reason", reason, *now, "--json").code == 1
    assert planner("scheduler", "hold", "--reason", "trial", *now, "--json").code == 0
    assert planner("scheduler", "resume", "--resend", "--reason", reason, *now, "--json").code == 1
    assert planner("outbox", "resolve", "0" * 12, "--sent", "--reason", reason, *now, "--json").code == 1
    assert planner("scheduler", "resume", "--resend", "--reason", "over", *now, "--json").code == 0


def test_only_the_department_may_meddle_with_the_ledger(planner: Run, server: MailServer) -> None:
    key = dead(planner, server)
    for command in (("retry",), ("cancel", "--reason", "r")):
        said = planner("outbox", *command, key, "--json", "--user", mailbox("snv"), "--now", "2020-05-18")
        assert said.code == 4, command
    said = planner("outbox", "retry", key, "--json", "--user", mailbox("stttt"), "--now", "2020-05-18")
    assert said.code == 0


def test_what_is_sent_cannot_be_tried_again_or_taken_back(planner: Run) -> None:
    planner("scheduler", "tick", "--now", "2020-05-18", "--json")
    key = planner("outbox", "list", "--state", "sent", "--json").data[0]["key"]
    assert planner("outbox", "retry", key, "--json").code == 4
    assert planner("outbox", "cancel", key, "--reason", "r", "--json").code == 4
    assert planner("outbox", "cancel", key, "--reason", " ", "--json").code == 1


def test_a_notice_taken_back_is_never_sent_and_its_company_goes_on(
    planner: Run, province: Province, server: MailServer
) -> None:
    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-05-15"))
    server.rcpt[mailbox("snv")] = "451 4.7.1 not now"
    planner("scheduler", "tick", "--now", "2020-05-18", "--json")
    rows = planner("outbox", "list", "--state", "mailed", "--task", "snv:I.1", "--json").data
    server.rcpt.clear()
    said = planner("outbox", "cancel", rows[0]["key"], "--reason", "gửi nhầm", "--now", "2020-05-18T09:00", "--json")
    assert (said.code, said.data["state"]) == (0, "cancelled")
    kept = planner("outbox", "show", rows[0]["key"], "--json").data["reason"]
    assert kept == f"Việc gửi do người vận hành rút lại, lý do: gửi nhầm. {rows[0]['reason']}"
    assert planner("scheduler", "tick", "--now", "2020-05-18T09:00", "--json").data["sent"] == 1
    (mail,) = server.to(mailbox("snv"))
    body = mail.get_body(("plain",))
    assert body is not None
    assert "snv:I.2" in body.get_content()
    assert "snv:I.1" not in body.get_content()
    assert set(planner("scheduler", "tick", "--now", "2020-05-19", "--json").data.values()) == {0}


def test_a_key_that_names_nothing_or_too_much_is_not_found(planner: Run) -> None:
    planner("scheduler", "tick", "--now", "2020-05-18", "--json")
    assert planner("outbox", "show", "zzz", "--json").code == 3
    assert planner("outbox", "show", "", "--json").code == 3
    assert planner("outbox", "show", "%", "--json").code == 3


def test_a_task_handed_in_meanwhile_shows_as_no_longer_true(planner: Run, province: Province) -> None:
    planner("scheduler", "tick", "--now", "2020-05-18T06:00", "--json")
    tasks.done(province.desk(at("2020-05-18", 7)), "snv:I.1", document="1/BC", on=date(2020, 5, 18), file=None)
    assert planner("scheduler", "tick", "--now", "2020-05-18", "--json").data["obsolete"] == 2
    assert len(planner("outbox", "list", "--state", "obsolete", "--json").data) == 2


# --- mail that came back ---


@pytest.fixture
def signed_mail(planner: Run, tmp_path: Path) -> dict[str, object]:
    """Send the officer's mail with a signed envelope, and lay its return into a file."""
    key = tmp_path / "bounce-key"
    key.write_text("0123456789abcdef0123456789abcdef\n")
    variables: dict[str, object] = {"PLANNER_BOUNCE_KEY_FILE": key}
    assert planner("scheduler", "tick", "--now", "2020-05-18", **variables).code == 0
    # The head's mail is the first of the round, the officer's the second.
    to = signed("khong-tra-loi@planner.example.vn", 2, at("2020-05-18"), key.read_bytes().strip())
    (tmp_path / "bounce.eml").write_bytes(bounce_mails.postfix(to, mailbox("snv")))
    return variables


def test_a_bounce_read_by_hand_says_what_was_understood_and_lists_the_address(
    planner: Run, signed_mail: dict[str, object], server: MailServer
) -> None:
    line = ("outbox", "bounce", "bounce.eml", "--now", "2020-05-18T09:00")
    assert planner(*line, "--dry-run", **signed_mail).code == 0
    assert planner("officer", "list", "--dead", "--json").data == []
    said = planner(*line, **signed_mail)
    assert said.code == 0
    assert mailbox("snv") in said.out
    assert "5.1.1" in said.out
    again = planner(*line, "--json", **signed_mail)
    assert (again.code, again.data["outcome"], again.data["cause"]) == (0, "repeated", "address")

    (row,) = planner("officer", "list", "--dead", "--json").data
    assert (row["email"], row["dead"]["status"]) == (mailbox("snv"), "5.1.1")
    assert "5.1.1" in planner("officer", "list", "--agency", "snv").out
    assert "5.1.1" in planner("officer", "show", mailbox("snv")).out
    checks = {one["name"]: one for one in planner("doctor", "--json", **signed_mail).data["checks"]}
    assert not checks["addresses"]["ok"]
    assert checks["bounces"]["ok"]
    assert [row["key"] for row in planner("outbox", "list", "--state", "bounced", "--json").data]

    assert planner("scheduler", "tick", "--now", "2020-05-18T10:00", **signed_mail).code == 0
    assert len(server.to(mailbox("snv", "focal"))) == 1
    assert planner("officer", "revive", mailbox("snv"), "--json").data == {"email": mailbox("snv"), "changed": True}
    assert planner("officer", "list", "--dead", "--json").data == []


def test_a_bounce_comes_through_a_pipe(province: Province, signed_mail: dict[str, object], tmp_path: Path) -> None:
    names = {k: v for k, v in province.environment(**signed_mail).items() if k.startswith("PLANNER_")}
    data = (tmp_path / "bounce.eml").read_bytes()
    line = ["outbox", "bounce", "-", "--now", "2020-05-18T09:00", "--json"]
    result = CliRunner().invoke(cli, line, env=names, input=data)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["outcome"] == "died"


@pytest.mark.parametrize(("content", "code"), [(b"Subject: x\n\nx\n", 1), (None, 3)], ids=["no report", "no file"])
def test_what_is_no_bounce_is_refused(
    planner: Run, signed_mail: dict[str, object], tmp_path: Path, content: bytes | None, code: int
) -> None:
    if content is not None:
        (tmp_path / "other.eml").write_bytes(content)
    said = planner("outbox", "bounce", "other.eml", "--json", **signed_mail)
    assert said.code == code
    assert said.data["error"]["message"]
    if content is not None:
        (problem,) = said.data["error"]["problems"]
        assert problem["code"] == "bounce_unreadable"


def test_a_folder_of_bounces_is_read_by_hand(planner: Run, signed_mail: dict[str, object], tmp_path: Path) -> None:
    assert planner("outbox", "bounces", **signed_mail).code == 2
    assert planner("outbox", "bounces", str(tmp_path), **signed_mail).code == 3
    folder = tmp_path / "Maildir"
    for name in ("new", "cur"):
        (folder / name).mkdir(parents=True)
    (tmp_path / "bounce.eml").rename(folder / "new" / "1.a")
    done = planner("outbox", "bounces", str(folder), "--now", "2020-05-18T09:00", "--json", **signed_mail)
    assert (done.code, done.data) == (0, {"died": 1, "returned": 0, "other": 0, "ignored": 0, "left": 0})
    assert (folder / "cur" / "1.a:2,S").is_file()


def test_only_the_department_reads_bounces_and_revives(planner: Run, signed_mail: dict[str, object]) -> None:
    user = ("--user", mailbox("snv"))
    for line in (("outbox", "bounce", "bounce.eml"), ("outbox", "bounces", "."), ("officer", "revive", mailbox("snv"))):
        assert planner(*line, *user, **signed_mail).code == 4


def test_the_doctor_says_when_bounces_are_not_read(
    planner: Run, signed_mail: dict[str, object], tmp_path: Path
) -> None:
    def check(**variables: object) -> dict[str, Any]:
        checks = planner("doctor", "--json", "--lang", "en", **variables).data["checks"]
        return next(one for one in checks if one["name"] == "bounces")

    assert "not read" in check()["detail"]
    assert check()["ok"]
    assert not check(PLANNER_BOUNCE_KEY_FILE=tmp_path / "nowhere")["ok"]
    assert not check(**signed_mail, PLANNER_BOUNCE_MAILDIR=tmp_path)["ok"]
