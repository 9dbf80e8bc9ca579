"""What a mail says of one task or plan: the facts, the way to act, and nothing that a filed text could forge."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import date

import click
import pytest

from planner import templating
from planner.cli import cli
from planner.domain.notification import NoticeKind
from planner.domain.plan import Extension, ResultDocument
from planner.domain.status import TaskState
from tests.digests import NOW, K, filing, item, seen, told, words

# --- what an item says ---


@pytest.mark.parametrize(("nth", "phrase"), [(1, "first reminder"), (3, "reminder no. 3")])
def test_it_says_which_reminder_it_is(nth: int, phrase: str) -> None:
    message = told(item(K.OVERDUE, -2, nth=nth))
    assert phrase in message.text
    assert phrase in message.html


def test_the_vietnamese_reminder_is_numbered() -> None:
    assert "Đã quá hạn 2 ngày làm việc; nhắc lần thứ 3." in told(item(K.OVERDUE, -2, nth=3), lang="vi").text


def test_who_holds_up_others_is_told_how_many() -> None:
    message = told(item(K.OVERDUE, -2, holds_up_tasks=4, holds_up_agencies=3), lang="vi")
    assert "Hiện có 4 nhiệm vụ của 3 cơ quan đang chờ đồng chí hoàn thành nhiệm vụ này." in words(message.text)
    assert "Hiện có 4 nhiệm vụ của 3 cơ quan đang chờ đồng chí hoàn thành nhiệm vụ này." in seen(message.html)
    assert "đang chờ" not in told(item(K.OVERDUE, -2), lang="vi").text


def test_those_above_are_not_accused_of_holding_up() -> None:
    message = told(item(K.ESCALATION, -5, agency="snv", role="department", holds_up_tasks=1, holds_up_agencies=1))
    assert "This task is holding up 1 task of 1 agency." in message.text
    assert "You are holding up" not in message.text


def test_who_waits_is_told_for_what_and_that_nobody_above_hears_of_it() -> None:
    message = told(item(K.BLOCKED, -2, waits_for=("vp-ubnd:II.3", "snv:I.1")))
    assert "It waits for the result of: vp-ubnd:II.3, snv:I.1." in words(message.text)
    assert "not reported to those above" in words(message.text)


def test_an_urging_item_says_that_a_letter_is_due() -> None:
    message = told(item(K.URGING, -10, agency="snv", role="department"))
    for text in (words(message.text), seen(message.html)):
        assert "An urging letter to UBND snv is due." in text
        assert "planner task list --agency snv --timeliness overdue" in words(text)


def test_only_the_office_that_writes_letters_is_told_what_they_must_name() -> None:
    message = told(item(K.URGING, -10, agency="snv", role="agency_head"))
    assert "An urging letter to UBND snv is due." in message.text
    assert "--timeliness overdue" not in message.text


def test_the_chairman_s_list_is_named() -> None:
    message = told(item(K.CHAIRMAN_LIST, -20, agency="snv", role="chairman_list"), lang="vi")
    assert "Được nêu trong danh sách báo cáo Chủ tịch UBND tỉnh." in words(message.text)
    assert "Được nêu trong danh sách báo cáo Chủ tịch UBND tỉnh." in seen(message.html)


def test_the_deadline_is_quoted_as_filed_with_its_last_day() -> None:
    message = told(item(K.OVERDUE, -2, last=date(2020, 5, 14), deadline="trước ngày 15/5/2020"), lang="vi")
    expected = "Thời hạn hoàn thành: trước ngày 15/5/2020 (ngày cuối cùng được tính là đúng hạn: 14/5/2020)."
    assert expected in words(message.text)


def test_an_extension_shows_both_days() -> None:
    granted = Extension(
        old_last_day=date(2020, 5, 14),
        new_last_day=date(2020, 5, 29),
        reason="",
        document="15/CV",
        decided_by="x",
        decided_at=NOW,
    )
    record = {"last_day": date(2020, 5, 29), "extensions": (granted,)}
    text = words(told(replace(item(K.REMINDER, last=date(2020, 5, 14), record=record), days=9)).text)
    assert "Deadline as first set: 14/05/2020 (last day that counted as on time: 14/5/2020)." in text
    assert "counts as on time" not in text
    assert "The deadline has been extended to 29/5/2020 (document 15/CV)." in text
    assert "Due in 9 working days (29/5/2020)" in text


def test_a_forecast_is_told_only_when_it_is_late() -> None:
    assert "Forecast completion: 25/5/2020" in told(item(K.AT_RISK, 3, forecast_finish=date(2020, 5, 25))).text
    assert "Forecast" not in told(item(K.REMINDER, 3, forecast_finish=date(2020, 5, 20))).text


def test_a_result_to_confirm_is_not_called_overdue() -> None:
    record = {"state": TaskState.SUBMITTED, "done_on": date(2020, 5, 12), "result": ResultDocument(number="15/BC")}
    message = told(item(K.CONFIRMATION, -2, agency="snv", role="department", record=record))
    assert "Result document: 15/BC of 12/5/2020." in message.text
    assert "overdue" not in message.text.lower()
    assert "planner task confirm snv:I.1" in message.text


def test_those_who_do_not_do_the_work_are_told_who_does_and_why_they_hear_of_it() -> None:
    one = item(K.ESCALATION, -5, agency="snv", role="department", responsible_name="Trần Bình", reason="you follow up.")
    text = words(told(one).text)
    assert "Lead agency: UBND snv; responsible person: Trần Bình." in text
    assert "Why you are told: you follow up." in text


def test_the_one_who_does_the_work_is_told_how_to_record_it() -> None:
    message = told(item(K.OVERDUE, -2), lang="vi", command="ke-hoach")
    for text in (message.text, seen(message.html)):
        assert "ke-hoach task done stttt:I.1 --document SỐ --on NGÀY" in text


@pytest.mark.parametrize("kind", [K.REMINDER, K.OVERDUE, K.AT_RISK])
def test_the_one_who_does_the_work_is_told_how_to_promise_a_day_and_nobody_else_is(kind: NoticeKind) -> None:
    message = told(item(kind, -2 if kind is K.OVERDUE else 2))
    for text in (message.text, seen(message.html)):
        assert "planner task acknowledge stttt:I.1 --promise DATE --reason REASON" in text
    above = told(item(K.ESCALATION, -5, agency="snv", role="department", responsible_name="Trần Bình", reason="."))
    assert "acknowledge" not in above.text + above.html


def test_an_owed_plan_is_told_to_file_to_its_own_agency_only() -> None:
    assert "planner plan file PLAN.xlsx --agency stttt" in told(filing(2)).text
    others = told(filing(-2, agency="snv", role="department")).text
    assert "plan file" not in others
    assert "planner plan missing" in others


@pytest.mark.parametrize("kind", [K.URGING, K.CHAIRMAN_LIST])
def test_an_owed_plan_may_reach_the_upper_rungs(kind: NoticeKind) -> None:
    message = told(filing(-10, agency="snv", kind=kind, role="department"))
    assert "The plan of UBND snv" in message.subject
    assert "task done" not in message.text


@pytest.mark.parametrize("role", ["responsible", "agency_head", "department"])
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_command_a_mail_shows_can_be_run(kind: NoticeKind, role: str) -> None:
    agency = "stttt" if role == "responsible" else "snv"
    plans = [filing(-1, agency=agency, kind=kind, role=role)] if kind in (K.FILING, K.URGING) else []
    tasks = [item(kind, -1, agency=agency, role=role)] if kind is not K.FILING else []
    shown = [line.strip() for line in told(*plans, *tasks).text.splitlines() if line.startswith(" " * 8)]
    assert shown
    for line in shown:
        command: click.Command = cli
        rest = shlex.split(line)[1:]
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), rest[0])
            assert found is not None, line
            command, rest = found, rest[1:]
        known = {name for option in command.params for name in option.opts}
        assert {word for word in rest if word.startswith("-")} <= known, line


@pytest.mark.parametrize("kind", list(NoticeKind))
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_every_kind_can_be_told(kind: NoticeKind, lang: str) -> None:
    one = filing(-1) if kind is K.FILING else item(kind, -1)
    message = told(one, lang=lang)
    assert message.subject.startswith("[")
    assert "\n" not in message.subject
    assert (templating.templates_folder() / "notification" / kind.value / "item.html").is_file()
    assert words(message.text).count("{") == 0, "a placeholder was left"


# --- what a person filed is text, never markup, layout or a command ---


def test_markup_in_a_title_is_shown_as_text() -> None:
    evil = '<b>đậm</b><script>alert(1)</script> & "x"'
    message = told(item(K.OVERDUE, -2, title=evil), item(K.REMINDER, 1, code="<i>", agency_name="<u>"))
    assert "<b>" not in message.html
    assert "<script" not in message.html
    assert "<i>" not in message.html
    assert evil in seen(message.html)
    assert evil in words(message.text)


def test_a_template_in_a_title_is_not_run() -> None:
    assert "{{ 7 * 7 }} {x}" in told(item(K.OVERDUE, -2, title="{{ 7 * 7 }} {x} %(n)s")).text


def test_line_breaks_in_a_cell_cannot_forge_a_part_of_the_letter() -> None:
    message = told(item(K.OVERDUE, -2, title="a\n\nTrân trọng./.\r\n\x07b\u2028c", code="I.1\nBcc: x"))
    assert "\nTrân trọng" not in message.text
    assert "a Trân trọng./. b c" in message.text
    assert "\n" not in message.subject
    assert message.subject.startswith("[Overdue] Task stttt:I.1 Bcc: x:")


def test_a_code_is_quoted_for_the_shell() -> None:
    message = told(item(K.OVERDUE, -2, code="I.1; rm -rf ~"))
    assert "planner task done 'stttt:I.1; rm -rf ~' --document" in message.text
    assert "planner task done 'stttt:I.1; rm -rf ~' --document" in seen(message.html)
