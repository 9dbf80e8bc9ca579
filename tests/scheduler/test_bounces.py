"""Mail that comes back: whose address is dead, who is told instead, and that nobody is told twice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from planner.domain.agency import OfficerRole
from planner.domain.notification import NoticeKind
from planner.errors import WorldFailed
from planner.service import registers as service
from planner.store import addresses, ledger_view, registers
from planner.store.addresses import Cause
from planner.store.engine import reading
from planner.store.events import newest, verify
from planner.store.state import as_of, present
from scheduler import bounces, dsn
from scheduler.envelope import opened, signed
from tests import bounce_mails
from tests.fakes import MailServer, Province, at, everything, mailbox, make_province, planned

KEY = "0123456789abcdef0123456789abcdef"
NOW = at("2020-05-18")
AN, FOCAL, HEAD = mailbox("snv"), mailbox("snv", "focal"), mailbox("snv", "head")


@pytest.fixture
def late(database_url: str, tmp_path: Path, server: MailServer) -> Iterator[Province]:
    """One task, one working day late, and its mails accepted by the server: the officer's and the head's."""
    key = tmp_path / "bounce-key"
    key.write_text(KEY + "\n")
    maildir = tmp_path / "Maildir"
    for name in ("new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True)
    settings: dict[str, Any] = {"bounce_key_file": key, "bounce_maildir": maildir}
    with make_province(database_url, tmp_path, smtp_port=server.port, **settings) as made:
        made.file("snv", planned("I.1", "2020-05-15"))
        assert made.tick(NOW).sent == 2
        yield made


def sender_of(province: Province, recipient: str = AN, now: datetime = NOW) -> str:
    """Return the signed address under which the newest mail to `recipient` went out."""
    number = [one for one, to in province.mails("id", "recipient") if to == recipient][-1]
    return signed(province.shop.settings.mail_from, number, now, KEY.encode())


def dead(province: Province) -> list[str]:
    with reading(province.engine) as session:
        return list(registers.dead_addresses(session))


def put(province: Province, data: bytes, name: str = "1589763603.V1.relay") -> Path:
    folder = province.shop.settings.bounce_maildir
    assert folder is not None
    path = folder / "new" / name
    path.write_bytes(data)
    return path


# --- the envelope ---


def test_the_envelope_sender_is_signed_and_the_header_is_not(
    late: Province, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    senders = []
    handle = MailServer.handle_MAIL

    async def noted(self: MailServer, *given: object) -> str:
        senders.append(given[3])
        return await handle(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(MailServer, "handle_MAIL", noted)
    assert late.tick(at("2020-05-22")).sent == 3
    found = [opened(str(one), NOW, KEY.encode()) for one in senders]
    assert {one.mail_id for one in found if one} == {3, 4, 5}
    assert {mail["From"].addresses[0].addr_spec for mail in server.parsed()} == {late.shop.settings.mail_from}


def test_without_a_secret_mail_goes_out_unsigned_and_no_bounce_is_read(late: Province) -> None:
    plain = late.with_settings(bounce_key_file=None)
    assert plain.shop.bounce_key is None
    with pytest.raises(WorldFailed, match="bounce_key_file"):
        bounces.take(plain.shop, bounce_mails.postfix(sender_of(late), AN), NOW)
    put(late, bounce_mails.postfix(sender_of(late), AN))
    assert plain.tick(NOW).sent == 0
    assert dead(late) == []


@pytest.mark.parametrize("content", [None, "", "short"])
def test_a_secret_that_cannot_be_used_stops_the_round(late: Province, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "other-key"
    if content is not None:
        path.write_text(content)
    with pytest.raises(WorldFailed, match="other-key"):
        late.with_settings(bounce_key_file=path).tick(at("2020-05-22"))
    assert {state for _recipient, state in late.mails()} == {"sent"}  # nothing is held


# --- an address dies ---


@pytest.mark.parametrize("shape", [bounce_mails.postfix, bounce_mails.exim, bounce_mails.exchange])
def test_after_a_bounce_the_next_round_tells_the_one_who_stands_in(
    late: Province, server: MailServer, shape: object
) -> None:
    assert callable(shape)
    found = bounces.take(late.shop, shape(sender_of(late), AN), NOW + timedelta(minutes=5))
    assert (found.outcome, found.recipient, found.cause) == ("died", AN, Cause.ADDRESS)
    assert dead(late) == [AN]
    assert ("due+1wd", "responsible", AN, "bounced") in late.notices()

    done = late.tick(NOW + timedelta(minutes=10))
    assert (done.queued, done.sent) == (1, 1)
    (mail,) = server.to(FOCAL)
    body = mail.get_body(("plain",))
    assert body is not None
    assert "snv:I.1" in body.get_content()
    ((why,),) = [(row["reason"],) for row in ledger(late) if row["recipient"] == FOCAL]
    assert "Nguyễn Thị Member snv" in str(why)
    assert set(late.tick(NOW + timedelta(minutes=20)).as_dict().values()) == {0}
    assert len(server.to(AN)) == 1
    assert len(server.to(HEAD)) == 1


def ledger(province: Province) -> list[dict[str, object]]:
    with reading(province.engine) as session:
        return [dict(row) for row in ledger_view.ledger(session)]


def test_who_was_told_the_same_step_in_another_role_is_not_told_again(late: Province, server: MailServer) -> None:
    bounces.take(late.shop, bounce_mails.postfix(sender_of(late), AN), NOW)
    desk = late.desk(NOW)
    with desk.writing() as session:  # nobody but the head is left
        addresses.die(session, FOCAL, status="", detail="", at=NOW)
    assert late.tick(NOW + timedelta(minutes=10)).sent == 0
    assert len(server.to(HEAD)) == 1
    assert ("due+1wd", "responsible", AN, "bounced") in late.notices()
    assert late.tick(at("2020-05-22")).sent == 2  # the next step: the head for both, and the department
    assert len(server.to(HEAD)) == 2


def test_an_agency_whose_mail_all_comes_back_is_told_to_the_department(late: Province, server: MailServer) -> None:
    with late.desk(NOW).writing() as session:
        for one in (AN, FOCAL, HEAD):
            assert addresses.die(session, one, status="5.1.1", detail="", at=NOW)
    late.tick(at("2020-05-22"))
    assert server.recipients() == [mailbox("stttt", "focal"), HEAD, AN]


def test_a_mail_that_waits_for_a_dead_address_goes_to_the_one_who_stands_in(late: Province, server: MailServer) -> None:
    server.rcpt[AN] = "451 4.7.1 later"
    late.tick(at("2020-05-22"))
    bounces.take(late.shop, bounce_mails.postfix(signed_for(late, 1), AN), at("2020-05-22", 9))
    assert late.tick(at("2020-05-22", 10)).sent == 1
    assert len(server.to(FOCAL)) == 1
    assert ("due+5wd", "responsible", FOCAL, "sent") in late.notices()


def signed_for(province: Province, nth: int) -> str:
    number = [one for one, to in province.mails("id", "recipient") if to == AN][nth - 1]
    return signed(province.shop.settings.mail_from, number, NOW, KEY.encode())


def test_the_death_is_an_event_and_a_replay_gives_it(late: Province) -> None:
    bounces.take(late.shop, bounce_mails.postfix(sender_of(late), AN), NOW)
    with reading(late.engine) as session:
        now, replayed = present(session, NOW), as_of(session, NOW)
        (event,) = newest(session, limit=1)
        assert verify(session).ok
        before = as_of(session, NOW - timedelta(seconds=1))
    assert now.dead_addresses == replayed.dead_addresses
    assert now.dead_addresses[AN].since == NOW
    assert (event.kind, event.actor, event.subject) == ("address.died", "system", AN)
    assert AN not in event.reason
    assert before.dead_addresses == {}


def test_what_had_been_told_by_a_day_stays_the_same_figure(late: Province) -> None:
    def told(until: datetime) -> dict[NoticeKind, int]:
        with reading(late.engine) as session:
            return ledger_view.sent_counts(session, until=until)

    before = told(NOW)
    bounces.take(late.shop, bounce_mails.postfix(sender_of(late), AN), at("2020-05-19"))
    late.tick(at("2020-05-19", 9))
    assert told(NOW) == before
    assert sum(told(at("2020-05-19", 8.5)).values()) == sum(before.values()) - 1
    assert sum(told(at("2020-05-19", 10)).values()) == sum(before.values())


# --- what does not count ---


def test_a_report_read_twice_changes_nothing(late: Province) -> None:
    data = bounce_mails.postfix(sender_of(late), AN)
    bounces.take(late.shop, data, NOW)
    service.revive_address(late.desk(NOW), AN)
    before = everything(late.engine)
    assert bounces.take(late.shop, data, NOW).outcome == "repeated"
    assert everything(late.engine) == before
    assert dead(late) == []


def test_what_is_forged_late_nested_or_no_report_changes_nothing(late: Province) -> None:
    to, own = sender_of(late), late.shop.settings.mail_from
    before = everything(late.engine)
    forged = signed(own, 1, NOW, b"not the secret, but as long as it")
    expired = signed(own, 1, NOW - timedelta(days=15), KEY.encode())
    for data in (
        bounce_mails.postfix(forged, AN),
        bounce_mails.postfix(expired, AN),
        bounce_mails.postfix(own, AN),
        bounce_mails.vacation(to),
        bounce_mails.forwarded(to, bounce_mails.postfix(to, AN)),
        b"",
    ):
        found = bounces.take(late.shop, data, NOW)
        assert (found.outcome, found.is_read) == ("ignored", False)
        assert found.reason
    unknown = bounces.take(late.shop, bounce_mails.postfix(signed(own, 999, NOW, KEY.encode()), AN), NOW)
    assert (unknown.outcome, unknown.is_read) == ("unknown", False)
    for action in ("delayed", "delivered", "relayed"):
        data = bounce_mails.postfix(to, AN, action=action, status="4.4.1")
        assert bounces.take(late.shop, data, NOW).outcome == ("delayed" if action == "delayed" else "delivered")
    assert everything(late.engine) == before


def test_a_dry_run_leaves_no_trace(late: Province) -> None:
    before = everything(late.engine)
    data = bounce_mails.postfix(sender_of(late), AN)
    assert bounces.take(late.shop, data, NOW, dry_run=True).outcome == "died"
    assert everything(late.engine) == before


def test_another_mailbox_behind_the_address_is_no_proof_against_it(late: Province) -> None:
    found = bounces.take(late.shop, bounce_mails.postfix(sender_of(late), "an@elsewhere.example.vn"), NOW)
    assert (found.outcome, found.cause) == ("noted", Cause.ELSEWHERE)
    assert dead(late) == []
    assert ("due+1wd", "responsible", AN, "sent") in late.notices()


@pytest.mark.parametrize(
    ("status", "words", "cause"),
    [
        ("5.1.1", "smtp; 550 5.1.1 unknown", Cause.ADDRESS),
        ("5.1.1", 'X-Postfix; unknown user: "an"', Cause.ADDRESS),
        ("5.1.10", "smtp; 550 5.1.10 unknown", Cause.ADDRESS),
        ("5.2.1", "smtp; 550 5.2.1 closed", Cause.ADDRESS),
        ("5.0.0", "smtp; 550-5.1.1 unknown", Cause.ADDRESS),
        ("5.0.0", "smtp; 550 unknown", Cause.ADDRESS),
        ("5.2.2", "smtp; 552 5.2.2 full", Cause.FULL),
        ("4.2.2", "smtp; 452 4.2.2 full", Cause.FULL),
        ("5.4.4", "dns; no such host", Cause.UNREACHED),
        ("4.4.1", "x-unix; no answer for five days", Cause.UNREACHED),
        ("5.7.1", "smtp; 550 5.7.1 we do not take mail from you", Cause.CHANNEL),
        ("5.1.8", "smtp; 550 5.1.8 no such sender", Cause.CHANNEL),
        ("5.6.0", "x-local; cannot be converted", Cause.CHANNEL),
        ("", "no code at all", Cause.UNREACHED),
    ],
)
def test_the_codes_say_whether_it_is_the_address(status: str, words: str, cause: Cause) -> None:
    found = dsn.read(bounce_mails.postfix("a@b.vn", AN, status=status, diagnostic=words))
    assert isinstance(found, dsn.Report)
    assert bounces.cause_of(found.failures[0]) is cause


@pytest.mark.parametrize(
    ("step", "cause"),
    [("RCPT TO", Cause.ADDRESS), ("end of DATA", Cause.UNREACHED), ("MAIL FROM", Cause.UNREACHED)],
)
def test_a_bare_550_is_about_the_address_when_it_was_given_to_its_name(step: str, cause: Cause) -> None:
    data = bounce_mails.postfix("a@b.vn", AN, status="5.0.0", diagnostic="smtp; 550 no such user", step=step)
    found = dsn.read(data)
    assert isinstance(found, dsn.Report)
    assert bounces.cause_of(found.failures[0]) is cause


def test_what_was_said_at_the_name_of_another_recipient_is_not_about_this_one() -> None:
    data = bounce_mails.postfix("a@b.vn", AN, status="5.0.0", diagnostic="smtp; 550 no such user", step="end of DATA")
    said = b"Your mail did not reach one of its readers.\n"
    assert said in data
    other = said + b"\n<other@b.vn>: host mx said: 550 no such user (in reply to RCPT\n    TO command)\n"
    found = dsn.read(data.replace(said, other))
    assert isinstance(found, dsn.Report)
    assert bounces.cause_of(found.failures[0]) is Cause.UNREACHED


def test_exim_says_the_step_too() -> None:
    found = dsn.read(bounce_mails.exim("a@b.vn", AN, words="550 no such user"))
    assert isinstance(found, dsn.Report)
    assert bounces.cause_of(found.failures[0]) is Cause.ADDRESS


# --- an address that is only in trouble ---


def returned(province: Province, day: str, status: str) -> str:
    """Let the newest mail to the officer come back."""
    to = sender_of(province, now=at(day))
    words = f"smtp; 550 {status} sorry"
    return bounces.take(
        province.shop, bounce_mails.postfix(to, AN, status=status, diagnostic=words), at(day, 9)
    ).outcome


def test_a_full_mailbox_is_tried_again_the_next_day_and_then_passed_over(late: Province, server: MailServer) -> None:
    assert returned(late, "2020-05-18", "5.2.2") == "returned"
    assert dead(late) == []
    assert late.tick(at("2020-05-18", 10)).sent == 0  # one digest a day
    assert late.tick(at("2020-05-19")).sent == 1
    assert len(server.to(AN)) == 2
    assert returned(late, "2020-05-19", "5.2.2") == "died"
    assert late.tick(at("2020-05-19", 10)).sent == 1
    assert len(server.to(FOCAL)) == 1


def test_a_mail_that_arrived_in_between_begins_a_clean_sheet(late: Province) -> None:
    assert returned(late, "2020-05-18", "5.2.2") == "returned"
    assert late.tick(at("2020-05-19")).sent == 1  # stays
    late.tick(at("2020-05-22"))
    assert returned(late, "2020-05-22", "5.2.2") == "returned"


def test_a_server_out_of_reach_for_three_days_is_passed_over(late: Province) -> None:
    days = ("2020-05-18", "2020-05-19", "2020-05-20", "2020-05-21")
    outcomes = []
    for day in days:
        late.tick(at(day))
        outcomes.append(returned(late, day, "5.4.4"))
    assert outcomes == ["returned", "returned", "returned", "died"]


def test_a_refusal_of_what_we_send_never_kills_an_address(late: Province) -> None:
    for day in ("2020-05-18", "2020-05-19", "2020-05-20", "2020-05-21", "2020-05-22"):
        late.tick(at(day))
        assert returned(late, day, "5.7.1") == "returned"
    assert dead(late) == []
    with reading(late.engine) as session:
        assert addresses.other_returns(session, NOW) == 5


# --- an address lives again ---


def test_a_revived_address_gets_what_nobody_else_was_told(late: Province, server: MailServer) -> None:
    bounces.take(late.shop, bounce_mails.postfix(sender_of(late), AN), NOW)
    assert service.revive_address(late.desk(NOW), AN.upper()) == {"email": AN, "changed": True}
    assert service.revive_address(late.desk(NOW), AN) == {"email": AN, "changed": False}
    assert late.tick(at("2020-05-19")).sent == 1
    assert len(server.to(AN)) == 2


def test_what_came_back_before_a_revival_is_forgiven(late: Province) -> None:
    assert returned(late, "2020-05-18", "5.2.2") == "returned"
    late.tick(at("2020-05-19"))
    assert returned(late, "2020-05-19", "5.2.2") == "died"
    service.revive_address(late.desk(at("2020-05-19", 10)), AN)
    late.tick(at("2020-05-20"))
    assert returned(late, "2020-05-20", "5.2.2") == "returned"


def test_importing_the_address_again_revives_it(late: Province, tmp_path: Path) -> None:
    bounces.take(late.shop, bounce_mails.postfix(sender_of(late), AN), NOW)
    file = tmp_path / "officers.csv"
    file.write_text(f"email,name,title,agency,role\n{FOCAL},Trần Thị B,Chánh Văn phòng,snv,focal\n", encoding="utf-8")
    assert service.import_officers(late.desk(NOW), file)["revived"] == []
    file.write_text(f"email,name,title,agency,role\n{AN},Trần Văn A,Chuyên viên,snv,member\n", encoding="utf-8")
    assert service.import_officers(late.desk(NOW), file)["revived"] == [AN]
    assert dead(late) == []


def test_the_dead_are_listed_as_long_as_they_are_in_office(late: Province) -> None:
    bounces.take(late.shop, bounce_mails.postfix(sender_of(late), AN), NOW)
    (row,) = service.list_officers(late.desk(NOW), None, dead=True)
    assert (row["email"], row["role"]) == (AN, OfficerRole.MEMBER)
    assert row["dead"]["since"] == NOW
    assert row["dead"]["status"] == "5.1.1"
    assert "no mailbox of this name" in row["dead"]["detail"]
    assert [one["dead"] for one in service.list_officers(late.desk(NOW), "stc")] == [None] * 3


# --- the folder ---


def test_each_round_reads_the_folder_and_puts_away_what_it_has_read(late: Province, server: MailServer) -> None:
    put(late, bounce_mails.postfix(sender_of(late), AN), "1.a:2,")
    put(late, bounce_mails.vacation(sender_of(late)), "2.b")
    assert late.tick(NOW + timedelta(minutes=10)).sent == 1
    assert len(server.to(FOCAL)) == 1
    folder = late.shop.settings.bounce_maildir
    assert folder is not None
    assert sorted(path.name for path in folder.glob("*/*")) == ["1.a:2,S", "2.b:2,F"]
    assert {path.parent.name for path in folder.glob("*/*")} == {"cur"}


def test_a_kill_between_the_database_and_the_folder_does_no_harm(
    late: Province, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(late, bounce_mails.postfix(sender_of(late), AN))

    class Killed(BaseException):
        pass

    def killed(*_given: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(bounces, "_put_away", killed)
        with pytest.raises(Killed):
            late.tick(NOW + timedelta(minutes=10))
    assert path.exists()
    assert dead(late) == [AN]
    assert late.tick(NOW + timedelta(minutes=11)).sent == 1
    assert not path.exists()
    assert len(server.to(FOCAL)) == 1
    with reading(late.engine) as session:
        assert [event.kind for event in newest(session, limit=2)].count("address.died") == 1


def test_links_and_folders_in_the_folder_are_left_alone(late: Province, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bounce_mails.postfix(sender_of(late), AN))
    folder = late.shop.settings.bounce_maildir
    assert folder is not None
    (folder / "new" / "link").symlink_to(secret)
    (folder / "new" / "folder").mkdir()
    os.mkfifo(folder / "new" / "pipe")
    counts = bounces.take_folder(late.shop, folder, NOW)
    assert set(counts.as_dict().values()) == {0}
    assert dead(late) == []


def test_trouble_with_the_folder_keeps_no_mail_from_others(late: Province, tmp_path: Path) -> None:
    moved = late.with_settings(bounce_maildir=tmp_path / "nowhere")
    assert moved.tick(at("2020-05-22")).sent == 3


def test_a_mail_that_is_being_sent_is_left_for_the_next_round(late: Province) -> None:
    from planner.store import outbox
    from planner.store.engine import writing

    with writing(late.engine) as session:
        session.execute(outbox.MAIL.update().values(state="sending", lease_until=9e9))
    path = put(late, bounce_mails.postfix(sender_of(late), AN))
    folder = late.shop.settings.bounce_maildir
    assert folder is not None
    assert bounces.take_folder(late.shop, folder, NOW).left == 1
    assert path.exists()
    assert dead(late) == []


def test_what_is_no_file_or_cannot_be_put_away_keeps_nothing_else_from_being_read(
    late: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounces, "_MOST_FILES", 2)
    folder = late.shop.settings.bounce_maildir
    assert folder is not None
    for n in range(4):
        (folder / "new" / f"0{n}").mkdir()
        (folder / "new" / f"1{n}").symlink_to("/dev/zero")
    put(late, b"no report", name="2" + "x" * 254)  # with its flag the name would be too long
    put(late, bounce_mails.postfix(sender_of(late), AN), name="3")
    with pytest.raises(WorldFailed):
        bounces.take_folder(late.shop, folder, NOW)
    assert dead(late) == [AN]
