"""Agencies, officers, directives and values of targets: entered from files, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from planner.domain.agency import Absence
from planner.errors import InputRejected, NotFound, PermissionRefused, Refused
from planner.service import admin, doctor, registers, reports, tasks
from planner.service.desk import Desk
from planner.store import plans
from planner.store.state import as_of, present
from tests.factories import (
    AGENCIES,
    DIRECTIVE,
    MERGER,
    NOW,
    POLICY,
    TODAY,
    at,
    content,
    fill,
    focal,
    head,
    make_assignment,
    make_desk,
    make_directive,
    make_notice,
    make_plan,
    moved,
)
from tests.store.actions import accept_plan


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)
    fill(desk)
    yield desk
    desk.engine.dispose()


def csv(folder: Path, text: str) -> Path:
    path = folder / "register.csv"
    path.write_text(text, encoding="utf-8")
    return path


IMPORTS: dict[str, Callable[[Desk, Path], dict[str, Any]]] = {
    "agencies": registers.import_agencies,
    "successions": registers.import_successions,
    "officers": registers.import_officers,
    "directive": registers.import_directive,
}


@pytest.mark.parametrize("kind", IMPORTS)
def test_a_register_that_is_not_there_is_not_found(desk: Desk, tmp_path: Path, kind: str) -> None:
    with pytest.raises(NotFound):
        IMPORTS[kind](desk, tmp_path / "missing.csv")


@pytest.mark.parametrize("kind", IMPORTS)
def test_the_registers_are_the_departments(desk: Desk, tmp_path: Path, kind: str) -> None:
    with pytest.raises(PermissionRefused):
        IMPORTS[kind](moved(desk, user=focal("snv")), csv(tmp_path, "code,name,tier\n"))


def test_agencies_are_entered_corrected_and_entered_again(desk: Desk, tmp_path: Path) -> None:
    path = csv(tmp_path, "code,name,tier\nsnv,Sở Nội vụ tỉnh,department\nstc,Sở Tài chính,department\n")
    assert registers.import_agencies(desk, path) == {"read": 2, "changed": 2}
    assert registers.show_agency(desk, "snv")["name"] == "Sở Nội vụ tỉnh"
    before = content(desk.engine)
    assert registers.import_agencies(desk, path) == {"read": 2, "changed": 0}
    assert content(desk.engine) == before


def test_a_child_may_stand_before_its_parent_of_the_same_tier(desk: Desk, tmp_path: Path) -> None:
    rows = "code,name,tier,parent\ncc-bvtv,Chi cục,department,snn\nsnn,Sở Nông nghiệp,department,\n"
    assert registers.import_agencies(desk, csv(tmp_path, rows))["changed"] == 2


def test_nobody_stands_over_himself_by_way_of_the_register(desk: Desk, tmp_path: Path) -> None:
    registers.import_agencies(desk, csv(tmp_path, "code,name,tier,parent\nsnv,Sở Nội vụ,department,stttt\n"))
    before = content(desk.engine)
    with pytest.raises(InputRejected) as rejected:
        registers.import_agencies(desk, csv(tmp_path, "code,name,tier,parent\nstttt,Sở,department,snv\n"))
    assert {p.code for p in rejected.value.problems} == {"parent_circle"}
    assert content(desk.engine) == before


def test_agencies_are_listed_as_of_a_day_and_by_tier(desk: Desk) -> None:
    def codes(day: date, tier: str | None = "district") -> list[str]:
        return [row["code"] for row in registers.list_agencies(desk, on=day, tier=tier)]

    assert codes(MERGER - timedelta(days=1)) == ["h-tinh-gia"]
    assert codes(MERGER) == ["tx-nghi-son"]
    assert codes(TODAY, None) == ["snv", "stttt", "vp-ubnd", "h-tinh-gia", "h-tinh-gia.x-hai-chau"]
    shown = registers.show_agency(desk, "h-tinh-gia")
    assert [s["to_code"] for s in shown["successors"]] == ["tx-nghi-son"]
    assert len(shown["officers"]) == 2


def test_a_substitute_must_be_somebody(desk: Desk, tmp_path: Path) -> None:
    rows = "email,name,agency,substitute\na@snv.example.vn,Nguyễn An,snv,{}\n"
    with pytest.raises(InputRejected):
        registers.import_officers(desk, csv(tmp_path, rows.format("khong.co@snv.example.vn")))
    assert registers.import_officers(desk, csv(tmp_path, rows.format(head("snv"))))["changed"] == 1
    assert len(registers.list_officers(desk, "snv")) == 3


def test_an_officer_of_no_agency_is_a_problem_with_its_place(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(InputRejected) as rejected:
        registers.import_officers(desk, csv(tmp_path, "email,name,agency\na@b.vn,Nguyễn An,nobody\nx,,snv\n"))
    assert len(rejected.value.problems) == 3
    assert all("2" in p.place or "3" in p.place for p in rejected.value.problems)


def _away(officer: str, **fields: Any) -> Absence:
    return Absence(officer=officer, **{"first_day": TODAY, "last_day": TODAY, **fields})


def test_an_absence_is_recorded_by_the_own_agency(desk: Desk) -> None:
    registers.record_absence(moved(desk, user=focal("snv")), _away(head("snv"), substitute=focal("snv"), reason="học"))
    with desk.reading() as session:
        assert present(session, NOW).absences == (_away(head("snv"), substitute=focal("snv"), reason="học"),)


@pytest.mark.parametrize(
    ("absence", "error"),
    [
        (_away("nobody@example.vn"), NotFound),
        (_away(head("snv"), substitute="nobody@example.vn"), NotFound),
        (_away(head("snv"), last_day=TODAY - timedelta(days=1)), InputRejected),
        (_away(head("stttt")), PermissionRefused),
    ],
)
def test_an_absence_that_cannot_be_is_refused(desk: Desk, absence: Absence, error: type[Exception]) -> None:
    before = content(desk.engine)
    with pytest.raises(error):
        registers.record_absence(moved(desk, user=focal("snv")), absence)
    assert content(desk.engine) == before


DIRECTIVE_FILE = """\
code: kl-2020-07-01
title: Kết luận
issuer: Chủ tịch UBND tỉnh
issued_on: 2020-07-01
assignments:
  - code: "1.1"
    title: Báo cáo
    agency: {agency}
    due: trước ngày 15/7/2020
"""


def test_a_directive_from_a_file_makes_tasks_at_once(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text(DIRECTIVE_FILE.format(agency="snv"), encoding="utf-8")
    entered = registers.import_directive(desk, path)
    assert entered == {"directive": "kl-2020-07-01", "changed": True, "targets": 0, "assignments": 1, "problems": []}
    before = content(desk.engine)
    assert registers.import_directive(desk, path)["changed"] is False
    assert content(desk.engine) == before
    assert tasks.show(desk, "kl-2020-07-01/assigned/snv:1.1")["last_day"] == date(2020, 7, 14)
    assert [d["code"] for d in registers.list_directives(desk)] == [DIRECTIVE, "kl-2020-07-01"]
    assert registers.show_directive(desk, None)["code"] == "kl-2020-07-01"


def test_a_directive_that_assigns_to_nobody_is_a_problem(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text(DIRECTIVE_FILE.format(agency="khong-co"), encoding="utf-8")
    before = content(desk.engine)
    with pytest.raises(InputRejected) as rejected:
        registers.import_directive(desk, path)
    assert [(p.place, p.code) for p in rejected.value.problems] == [("dòng 8, cột 13", "unknown")]
    assert content(desk.engine) == before


def _enter(desk: Desk, **fields: Any) -> None:
    with desk.writing() as session:
        admin.enter_directive(desk, session, make_directive(**fields), reason="sửa")


def test_an_assignment_taken_back_is_withdrawn_and_the_others_keep_their_history(desk: Desk) -> None:
    tasks.progress(desk, "assigned/stttt:3.3.7", 30, "")
    _enter(desk, assignments=(make_assignment(), make_assignment("3.3.8")))
    assert tasks.show(desk, "assigned/stttt:3.3.7")["percent"] == 30
    assert tasks.show(desk, "assigned/stttt:3.3.8")["state"] == "assigned"
    assert tasks.show(desk, "assigned/snv:3.3.9")["state"] == "withdrawn"


def test_a_directive_may_be_corrected_again_and_again(desk: Desk) -> None:
    for given in ((), (make_assignment(),), (), (make_assignment(), make_assignment("3.3.9", "snv"))):
        _enter(desk, assignments=given)
        with desk.reading() as session:
            assert present(session, NOW, content=True).tasks == as_of(session, NOW).tasks
    assert tasks.show(desk, "assigned/snv:3.3.9")["state"] == "assigned"


def _report(desk: Desk, **fields: Any) -> dict[str, Any]:
    sound: dict[str, Any] = {"target": "2.3", "agency": "snv", "value": 98.5, "on": TODAY, "directive": None}
    return registers.report_target(desk, **{**sound, **fields})


def test_a_later_report_of_the_same_day_replaces_the_earlier(desk: Desk) -> None:
    _report(desk)
    _report(desk, value=99.0)
    with desk.reading() as session:
        assert [v.value for v in present(session, NOW).values] == [99.0]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"target": "9.9"}, NotFound),
        ({"agency": "nobody"}, NotFound),
        ({"directive": "nothing"}, NotFound),
        ({"value": float("nan")}, InputRejected),
        ({"value": float("inf")}, InputRejected),
        ({"value": 100.5}, InputRejected),
        ({"value": -1.0}, InputRejected),
        ({"target": "2.7", "agency": "tx-nghi-son", "user": focal("tx-nghi-son")}, Refused),  # of the departments
        ({"on": TODAY + timedelta(days=1)}, InputRejected),
        ({"agency": "stttt"}, PermissionRefused),
    ],
)
def test_a_report_that_cannot_be_is_refused(desk: Desk, fields: dict[str, Any], error: type[Exception]) -> None:
    before = content(desk.engine)
    with pytest.raises(error):
        _report(moved(desk, user=fields.pop("user", focal("snv"))), **fields)
    assert content(desk.engine) == before


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        (["snv,stttt,1/6/2020"], []),
        (["snv,stttt,1/6/2020", "snv,vp-ubnd,1/7/2020"], [("snv -> vp-ubnd", "succession_twice")]),
        (["snv,stttt,1/6/2020", "stttt,vp-ubnd,1/7/2020", "vp-ubnd,snv,1/8/2020"], [("snv", "succession_circle")]),
        (["stttt,vp-ubnd,1/7/2020", "vp-ubnd,stttt,1/8/2020", "snv,stttt,1/6/2020"], [("stttt", "succession_circle")]),
    ],
)
def test_the_whole_of_an_agency_goes_to_one_other_and_never_in_a_circle(
    desk: Desk, tmp_path: Path, lines: list[str], wrong: list[tuple[str, str]]
) -> None:
    def enter(*these: str) -> None:
        registers.import_successions(desk, csv(tmp_path, "\n".join(["from_code,to_code,on", *these, ""])))

    if not wrong:
        enter(*lines)
        return
    with pytest.raises(InputRejected) as together:
        enter(*lines)
    enter(lines[0])
    with pytest.raises(InputRejected) as later:
        enter(*lines)
    assert [(p.place, p.code) for p in together.value.problems] == wrong
    assert [(p.place, p.code) for p in later.value.problems] == wrong


# --- reports ---


def test_figures_of_a_past_instant_stay_the_same_for_ever(desk: Desk) -> None:
    accept_plan(desk, make_plan())
    then = at(date(2020, 5, 25))
    with desk.reading() as session:
        first, _state = reports.progress_at(desk, session, then)
    later = moved(desk, now=at(date(2020, 6, 3)))
    tasks.done(later, "stttt:I.1", document="5/BC", on=date(2020, 5, 20), file=None)
    tasks.extend(later, "stttt:I.2", to=date(2020, 7, 1), reason="chờ", document="7/CV")
    _enter(later, title="Tên khác", assignments=())
    with desk.reading() as session:
        assert reports.progress_at(later, session, then)[0] == first
        assert reports.progress_at(later, session, later.now)[0] != first


def test_before_the_directive_was_entered_there_is_no_report(desk: Desk) -> None:
    with desk.reading() as session:
        for code in (None, DIRECTIVE):
            with pytest.raises(NotFound) as error:
                reports.progress_at(desk, session, NOW - timedelta(days=1), code)
            assert DIRECTIVE in error.value.message
        with pytest.raises(NotFound):
            reports.progress_at(desk, session, NOW, "nothing")


def test_the_newest_directive_of_that_instant_is_reported(desk: Desk) -> None:
    later = moved(desk, now=NOW + timedelta(days=2))
    with later.writing() as session:
        newer = make_directive(code="kl-2020-05-06", issued_on=date(2020, 5, 6), assignments=())
        admin.enter_directive(later, session, newer, reason="")
    with desk.reading() as session:
        assert reports.progress_at(later, session, NOW)[0].directive.code == DIRECTIVE
        assert reports.progress_at(later, session, later.now)[0].directive.code == "kl-2020-05-06"


def test_the_list_of_escalations_of_an_instant_does_not_change_with_what_follows(desk: Desk) -> None:
    from planner.domain.notification import MailState, NoticeKind
    from planner.store import ledger, outbox

    accept_plan(desk, make_plan())
    with desk.writing() as session:
        notice = make_notice(kind=NoticeKind.ESCALATION, role="agency_head", recipient=head("stttt"))
        ledger.enqueue(session, [notice], policy=POLICY, at=NOW)
        [one] = ledger.queued(session)
    later = NOW + timedelta(days=3)
    with desk.reading() as session:
        first = reports.escalations(session, NOW)
    with desk.writing() as session:
        mail = outbox.NewMail(
            kind="digest", recipient=head("stttt"), day=TODAY, key="k", subject="s", message_id="<k@x.vn>", body=b""
        )
        outbox.save_mail(session, mail, [one], NOW)
        [held] = outbox.claim(session, now=later, limit=1, lease=900)
        outbox.settle(
            session, held, at=later, state=MailState.SENT, outcome="sent", stage="data", reply_code=250, reply=""
        )
    with desk.reading() as session:
        assert reports.escalations(session, NOW) == first
        [now] = reports.escalations(session, later)
    assert (first[0]["state"], first[0]["sent_at"]) == ("queued", None)
    assert (now["state"], now["sent_at"], now["recipient_name"]) == ("sent", later, "Lê Thị Hà")


# --- the house ---


def test_the_log_is_told_newest_first_and_the_chain_holds(desk: Desk) -> None:
    tasks.start(desk, "assigned/stttt:3.3.7")
    rows = admin.audit_log(desk, subject=None, limit=3)
    assert [row["seq"] for row in rows] == [7, 6, 5]
    assert [row["kind"] for row in admin.audit_log(desk, subject="officers", limit=9)] == ["officers.imported"]
    assert admin.audit_verify(desk).ok


def test_agencies_come_in_the_same_order_from_tables_and_log(desk: Desk, tmp_path: Path) -> None:
    registers.import_agencies(desk, csv(tmp_path, "code,name,tier\na-z.b,A,commune\na-z,B,district\na.z,C,district\n"))
    with desk.reading() as session:
        codes = list(present(session, NOW).agencies)
        assert (
            codes == list(as_of(session, NOW).agencies) == sorted([*(a.code for a in AGENCIES), "a-z.b", "a-z", "a.z"])
        )
        assert plans.task_keys(session) == {f"{DIRECTIVE}/assigned/stttt:3.3.7", f"{DIRECTIVE}/assigned/snv:3.3.9"}


def test_doctor_says_what_is_wrong_with_each_part(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "broken.html").write_text("{% if %}")
    settings = replace(desk.settings, smtp_port=1, templates_dir=tmp_path / "templates", home=tmp_path)
    checks = {check.name: check for check in doctor.doctor(moved(desk, settings=settings))}
    assert {
        name: check.ok
        for name, check in checks.items()
        if name in ("settings", "database", "smtp", "templates", "heartbeat")
    } == {
        "settings": False,
        "database": True,
        "smtp": False,
        "templates": False,
        "heartbeat": False,
    }
    assert all(check.detail for check in checks.values())
