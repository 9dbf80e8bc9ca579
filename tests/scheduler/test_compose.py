"""A digest holds everything for one person once, in the right order, truthfully counted, in a formal letter."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest

from planner.domain.notification import NoticeKind
from planner.i18n import speaking
from scheduler.compose import IN_FULL, Item, compose
from tests.digests import AN, DEPARTMENT, NOW, TODAY, K, filing, item, seen, told, words

# --- subjects ---


@pytest.mark.parametrize(
    ("one", "subject"),
    [
        (item(K.REMINDER, 3), "[Nhắc việc] Nhiệm vụ stttt:I.1 còn 3 ngày làm việc đến hạn (21/5/2020)"),
        (item(K.REMINDER, 0), "[Nhắc việc] Nhiệm vụ stttt:I.1 đến hạn trong ngày hôm nay (18/5/2020)"),
        (item(K.OVERDUE, -2), "[Quá hạn] Nhiệm vụ stttt:I.1 đã quá hạn 2 ngày làm việc"),
        (
            item(K.ESCALATION, -5, agency="snv", role="department"),
            "[Báo cáo] Nhiệm vụ snv:I.1 của UBND snv đã quá hạn 5 ngày làm việc",
        ),
        (
            item(K.URGING, -10, agency="snv", role="department"),
            "[Đôn đốc] Nhiệm vụ snv:I.1 của UBND snv đã quá hạn 10 ngày làm việc, đến kỳ ban hành công văn đôn đốc",
        ),
        (
            item(K.CHAIRMAN_LIST, -20, agency="snv", role="chairman_list"),
            "[Báo cáo Chủ tịch] Nhiệm vụ snv:I.1 của UBND snv đã quá hạn 20 ngày làm việc",
        ),
        (item(K.BLOCKED, -2), "[Thông báo] Nhiệm vụ stttt:I.1 đang chờ kết quả của cơ quan khác"),
        (
            item(K.CONFIRMATION, -2, agency="snv", role="department"),
            "[Xác nhận] Kết quả chờ xác nhận: Nhiệm vụ snv:I.1 của UBND snv",
        ),
        (filing(-1), "[Gửi kế hoạch] Kế hoạch của UBND stttt chưa gửi, đã quá hạn 1 ngày làm việc"),
    ],
)
def test_the_subject_of_one_item_is_the_official_wording(one: Item, subject: str) -> None:
    assert told(one, lang="vi").subject == subject


def test_the_subject_of_many_items_counts_them() -> None:
    items = [item(K.OVERDUE, -n, code=f"I.{n}") for n in (1, 2, 3)] + [
        item(K.REMINDER, n, code=f"II.{n}") for n in (1, 3)
    ]
    assert told(*items, lang="vi").subject == "[Quá hạn] 3 nhiệm vụ quá hạn, 2 sắp đến hạn"
    assert told(*items).subject == "[Overdue] 3 tasks overdue, 2 due soon"


def test_a_digest_without_overdue_work_does_not_cry_overdue() -> None:
    assert told(item(K.REMINDER, 1), item(K.REMINDER, 3, code="I.2")).subject == "[Reminder] 2 tasks due soon"


@pytest.mark.parametrize(
    ("today", "days", "standing"),
    [
        (date(2020, 5, 15), 0, "due on a day off, with no working day left after today (17/5/2020)"),
        (date(2020, 5, 17), 0, "due today (17/5/2020)"),
        (date(2020, 5, 18), -1, "overdue by 1 working day"),
        (date(2020, 5, 14), 1, "due in 1 working day (17/5/2020)"),
    ],
)
def test_a_last_day_on_a_day_off_is_told_as_it_is(today: date, days: int, standing: str) -> None:
    one = replace(item(K.REMINDER, last=date(2020, 5, 17)), days=days)
    with speaking("en"):
        assert compose(AN, DEPARTMENT, [one], today=today, now=NOW).subject.endswith(f": {standing}")


def test_a_saturday_after_a_friday_deadline_is_late_without_a_working_day() -> None:
    one = replace(item(K.OVERDUE, last=date(2020, 5, 15)), days=0)
    with speaking("en"):
        subject = compose(AN, DEPARTMENT, [one], today=date(2020, 5, 16), now=NOW).subject
    assert subject == "[Overdue] Task stttt:I.1: past its last day (15/5/2020)"


# --- groups and order ---


def test_the_longest_overdue_comes_first_then_the_soonest_due() -> None:
    mixed = [item(K.REMINDER, 5, code="C"), item(K.OVERDUE, -1, code="B"), item(K.OVERDUE, -9, code="A")]
    mixed.append(item(K.REMINDER, 1, code="D"))
    expected = ["A", "B", "D", "C"]
    for items in (mixed, mixed[::-1]):
        message = told(*items)
        assert re.findall(r"Task stttt:(\w)", message.text) == expected
        assert re.findall(r"Task stttt:(\w)", seen(message.html)) == expected


def test_the_groups_stand_in_the_order_of_their_gravity() -> None:
    items = [
        item(K.CONFIRMATION, -2, code="7", agency="snv", role="department"),
        item(K.BLOCKED, -1, code="6", waits_for=("vp-ubnd:II.3",)),
        item(K.ESCALATION, -5, code="5", agency="snv", role="department"),
        filing(2),
        item(K.AT_RISK, 20, code="3"),
        item(K.REMINDER, 1, code="2"),
        item(K.OVERDUE, -1, code="1"),
    ]
    message = told(*items)
    headings = re.findall(r"(?m)^([IV]+)\. (.*) \(1\)$", message.text)
    assert [numeral for numeral, _title in headings] == ["I", "II", "III", "IV", "V", "VI", "VII"]
    assert headings[0][1] == "OVERDUE TASKS"
    assert headings[6][1] == "RESULTS THAT WAIT FOR YOUR CONFIRMATION"
    assert all(title.capitalize() in message.html for _numeral, title in headings)


def test_a_head_who_does_the_work_reads_of_a_task_once() -> None:
    message = told(item(K.OVERDUE, -1), item(K.ESCALATION, -1, role="agency_head"), item(K.AT_RISK, -1))
    assert message.subject == "[Overdue] Task stttt:I.1: overdue by 1 working day"
    assert message.text.count("stttt:I.1:") == 1


def test_an_urging_letter_is_told_beside_the_writer_s_own_lateness() -> None:
    theirs = item(K.URGING, -10, agency="snv", role="department")
    message = told(item(K.OVERDUE, -10), theirs)
    assert message.subject == "[Overdue] 1 task overdue, 1 for your direction"
    assert "planner task list --agency snv --timeliness overdue" in message.text


def test_the_gravest_kind_tells_a_subject_within_a_group() -> None:
    both = [item(kind, -20, agency="snv", role="department") for kind in (K.CHAIRMAN_LIST, K.ESCALATION)]
    for items in (both, both[::-1]):
        assert told(*items).subject.startswith("[Report to the Chairman]")


def test_an_order_of_items_changes_nothing() -> None:
    items = [item(K.OVERDUE, -n, code=f"I.{n}") for n in range(1, 8)]
    assert told(*items) == told(*items[::-1])


def test_a_mail_without_items_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="without items"):
        told()


# --- many items ---


def test_twenty_are_told_in_full_and_the_rest_counted_by_agency() -> None:
    items = [
        item(K.ESCALATION, -100 + n, agency=f"d{n % 3}", code=f"{n}", role="department") for n in range(IN_FULL + 8)
    ]
    message = told(*items)
    assert message.subject == "[For direction] 28 tasks for your direction"
    entries = [int(n) for n in re.findall(r"(?m)^\d+\. Task d\d:(\d+) of", message.text)]
    assert entries == list(range(IN_FULL)), "the most urgent, in order"
    rest = "And 8 more, by agency: UBND d0: 3; UBND d2: 3; UBND d1: 2."
    assert rest in words(message.text)
    assert rest in seen(message.html)


def test_exactly_twenty_leave_no_rest() -> None:
    message = told(*(item(K.OVERDUE, -n, code=f"{n}") for n in range(1, IN_FULL + 1)))
    assert "more, by agency" not in message.text
    assert len(re.findall(r"(?m)^\d+\. Task", message.text)) == IN_FULL


def test_a_rest_of_hundreds_of_agencies_stays_readable() -> None:
    items = [item(K.ESCALATION, -1, agency=f"d{n:03}", role="department") for n in range(IN_FULL + 300)]
    message = told(*items)
    assert "280 other agencies: 280." in words(message.text)
    assert len(message.text) < 20_000


# --- the letter ---


def test_the_letter_has_its_formal_beginning_and_end() -> None:
    text = words(told(item(K.OVERDUE, -2), lang="vi").text)
    assert text.startswith("Kính gửi: Đồng chí Nguyễn Văn An, Phó Giám đốc, Sở Thông tin và Truyền thông. ")
    assert "tính đến 07:30 ngày 18/5/2020: 1 nhiệm vụ quá hạn." in text
    assert "đề nghị đồng chí khẩn trương hoàn thành, cập nhật kết quả kèm văn bản minh chứng" in text
    assert " Trân trọng./. (Thư được gửi tự động từ Hệ thống theo dõi kế hoạch. " in text


def test_a_person_without_a_title_is_addressed_without_a_gap() -> None:
    with speaking("vi"):
        text = compose(replace(AN, title=""), DEPARTMENT, [item(K.OVERDUE, -2)], today=TODAY, now=NOW).text
    assert words(text).startswith("Kính gửi: Đồng chí Nguyễn Văn An, Sở Thông tin và Truyền thông. ")


def test_the_plain_part_keeps_to_its_width_and_leaves_commands_whole() -> None:
    message = told(item(K.OVERDUE, -2, title="Xây dựng " * 40, code="I." + "1" * 70), lang="vi")
    for line in message.text.splitlines():
        assert len(line) <= 72 or line.startswith("        planner ") or "111" in line, line
    assert f"        planner task done stttt:I.{'1' * 70} --document SỐ --on NGÀY\n" in message.text
    assert "\n\n\n" not in message.text


def test_both_parts_hold_the_same_words_about_an_item() -> None:
    message = told(item(K.OVERDUE, -2, title="Rà soát & cấp <chữ ký> số", holds_up_tasks=1, nth=2), lang="vi")
    plain = words(message.text.replace("   - ", " ").replace("NHIỆM VỤ QUÁ HẠN", "Nhiệm vụ quá hạn"))
    assert plain == seen(message.html)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_the_page_is_one_narrow_column_that_fetches_nothing(lang: str) -> None:
    items = [item(kind, -3, code=str(n)) for n, kind in enumerate(NoticeKind) if kind is not K.FILING]
    html = told(*items, filing(-1), lang=lang).html
    page = _Page()
    page.feed(html)
    assert page.open == [], "every tag is closed"
    assert ("html", {"lang": lang}) in page.tags
    assert {tag for tag, _a in page.tags}.isdisjoint({"img", "script", "link", "style", "a", "iframe", "form"})
    assert "://" not in html.replace("<!DOCTYPE html>", "")
    assert "max-width:600px" in html
    assert "font-size:16px" in html
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags
    assert not [a for _tag, a in page.tags if any(name.startswith("on") for name in a)]


def test_lateness_has_its_colour_and_its_words() -> None:
    red, amber = "#b42318", "#93590a"
    assert red in told(item(K.OVERDUE, -1)).html
    assert amber not in told(item(K.OVERDUE, -1)).html
    assert amber in told(item(K.REMINDER, 1)).html
    assert red not in told(item(K.REMINDER, 1)).html


def test_a_site_may_say_a_kind_in_its_own_words(tmp_path: Path) -> None:
    folder = tmp_path / "notification" / "overdue"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("Khẩn: {{ line.what }}\n", encoding="utf-8")
    assert told(item(K.OVERDUE, -2), site=tmp_path).subject == "Khẩn: Task stttt:I.1"
    assert told(item(K.REMINDER, 1), site=tmp_path).subject.startswith("[Reminder]")


def test_who_stands_above_is_not_asked_to_put_a_returned_result_right() -> None:
    above = told(item(K.RETURNED, 5, agency="snv", role="agency_head"))
    assert "hand them in again" not in above.text
    assert "direct and urge their completion" in " ".join(above.text.split())
    assert "hand them in again" in " ".join(told(item(K.RETURNED, 5)).text.split())
