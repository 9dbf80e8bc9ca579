"""What the report says, and that it says nothing the figures do not show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from planner.domain.agency import Succession, Tier
from planner.domain.figures import Counts, Progress
from planner.domain.notification import NoticeKind, NoticeState
from planner.domain.status import TaskState
from planner.i18n import speaking
from planner.reporter.content import status_report
from planner.reporter.document import Heading, Letterhead, Paragraph, Report, Table, roman
from planner.reporter.escalations import EscalationRow, escalation_report
from tests.reporter.province import NOON, TODAY, agencies, figures, make_state, make_task, whole_province

OVERDUE = TODAY - timedelta(days=10)


def report_on(progress: Progress, **fields: Any) -> Report:
    values: dict[str, Any] = {
        "issuer": "Sở Thông tin và Truyền thông",
        "superior": "UBND TỈNH THANH HÓA",
        "place": "Thanh Hóa",
        "dated": TODAY,
        "extracted_at": NOON,
        "signer_post": "GIÁM ĐỐC",
    }
    return status_report(progress, **(values | fields))


@pytest.fixture
def english() -> Iterator[None]:
    with speaking("en"):
        yield


@pytest.fixture
def sample(english: None) -> tuple[Progress, Report]:
    progress = figures(*whole_province())
    return progress, report_on(progress)


def texts(report: Report, part: int | None = None) -> str:
    sections = report.sections if part is None else report.sections[part - 1 : part]
    return "\n".join(b.text for s in sections for b in s.blocks if isinstance(b, Paragraph | Heading))


def table(report: Report, label: str) -> Table:
    (appendix,) = [a for a in report.appendices if a.label == label]
    (found,) = [b for b in appendix.blocks if isinstance(b, Table)]
    return found


def test_the_report_has_five_parts_in_order_and_ends_as_official_documents_do(sample: tuple[Progress, Report]) -> None:
    _, report = sample
    assert [s.title.split(".")[0] for s in report.sections] == ["I", "II", "III", "IV", "V"]
    assert report.closing.endswith("./.")
    assert report.type_name == "BÁO CÁO"
    assert [a.label for a in report.appendices] == [f"Appendix {n}" for n in ("I", "II", "III", "IV", "V")]


def test_the_vietnamese_report_is_vietnamese() -> None:
    with speaking("vi"):
        report = report_on(figures(*whole_province()), period="tháng 5 năm 2020")
    assert report.subject.startswith("Tình hình thực hiện Kế hoạch xử lý văn bản")
    assert report.subject.endswith("tháng 5 năm 2020")
    assert [s.title for s in report.sections] == [
        "I. TÌNH HÌNH CHUNG",
        "II. KẾT QUẢ THỰC HIỆN",
        "III. ĐÁNH GIÁ",
        "IV. NHIỆM VỤ TRỌNG TÂM KỲ TỚI",
        "V. KIẾN NGHỊ, ĐỀ XUẤT",
    ]
    assert report.recipient_lines == ("- Như trên;", "- Lưu: VT, CNTT.")
    assert (report.salutation, report.addressees) == ("Kính gửi:", ("Chủ tịch UBND tỉnh",))


def test_rates_and_thousands_are_written_as_in_vietnam() -> None:
    progress = replace(
        figures(make_state()), counts=Counts(done_on_time=14068, done_late=1983, open_in_time=5640, open_overdue=223)
    )
    with speaking("vi"):
        said = texts(report_on(progress))
    assert "21.914" in said
    assert "16.051/(16.051 + 223) = 98,63%" in said


def test_the_text_holds_the_figures_of_the_progress(sample: tuple[Progress, Report]) -> None:
    progress, report = sample
    c = progress.counts
    said = texts(report, 2)
    assert f"Total tasks: {c.total}, of which with a deadline: {c.with_deadline}" in said
    assert f"(on time {c.done_on_time}, late {c.done_late})" in said
    assert f"(within time {c.open_in_time}, overdue {c.open_overdue})" in said
    assert f"owe a plan: {progress.filing.owed}; filed: {progress.filing.filed}" in texts(report, 1)
    assert f"extensions granted: {c.extensions}" in said.lower()


def test_the_letterhead_stays_vietnamese_in_an_english_report(sample: tuple[Progress, Report]) -> None:
    head = sample[1].letterhead
    assert head is not None
    assert head.number_line == "Số: \u00a0\u00a0\u00a0\u00a0\u00a0\u00a0/BC-STTTT"
    assert head.date_line == "Thanh Hóa, ngày 05 tháng 6 năm 2020"


@pytest.mark.parametrize(
    ("day", "line"),
    [
        (date(2020, 2, 5), "Thanh Hóa, ngày 05 tháng 02 năm 2020"),
        (date(2020, 6, 29), "Thanh Hóa, ngày 29 tháng 6 năm 2020"),
        (date(2020, 12, 31), "Thanh Hóa, ngày 31 tháng 12 năm 2020"),
    ],
)
def test_days_below_ten_and_the_first_two_months_have_a_leading_zero(day: date, line: str) -> None:
    head = Letterhead(superior="", issuer="Sở", symbol="BC-S", place="Thanh Hóa", day=day)
    assert head.date_line == line


@pytest.mark.parametrize(("number", "line"), [("5", "Số: 05/BC-S"), ("05", "Số: 05/BC-S"), ("128", "Số: 128/BC-S")])
def test_a_number_below_ten_has_a_leading_zero(number: str, line: str) -> None:
    head = Letterhead(superior="", issuer="Sở", symbol="BC-S", place="", day=TODAY, number=number)
    assert head.number_line == line


def test_appendices_without_rows_are_left_out_and_references_follow(english: None) -> None:
    filed = tuple(code for code, agency in agencies().items() if agency.is_valid_on(TODAY))
    report = report_on(figures(make_state(make_task(last_day=OVERDUE), filed=filed)))
    assert [a.title for a in report.appendices] == [
        "RESULTS BY TARGET",
        "RESULTS BY AGENCY",
        "OVERDUE TASKS AND THOSE RESPONSIBLE",
    ]
    assert "not filed: 0." in texts(report, 1)
    assert "(Appendix\u00a0III)" in texts(report, 3)
    assert "Appendix\u00a0IV" not in texts(report)


def test_the_line_that_ties_an_appendix_to_its_report_is_left_unfilled(sample: tuple[Progress, Report]) -> None:
    for appendix in sample[1].appendices:
        assert "........" in appendix.reference
        assert "2020" not in appendix.reference


def test_only_agencies_that_did_everything_on_time_are_praised(english: None) -> None:
    done, late = TaskState.CONFIRMED, OVERDUE - timedelta(days=1)
    progress = figures(
        make_state(
            make_task("snv", "I.1", OVERDUE, done, OVERDUE),
            make_task("snv", "I.2", None),
            make_task("syt", "I.1", OVERDUE, done, OVERDUE),
            make_task("syt", "I.2"),  # still open, within time
            make_task("stp", "I.1", late, done, OVERDUE),
        )
    )
    said = texts(report_on(progress), 3)
    assert "Sở Nội vụ (1/1 tasks)" in said
    assert "Sở Y tế" not in said
    assert "Sở Tư pháp" not in said


def test_a_report_without_tasks_praises_nobody_blames_nobody_and_invents_no_rate(english: None) -> None:
    said = texts(report_on(figures(make_state())))
    assert "No task has been recorded yet." in said
    assert "No agency has yet completed all its tasks" in said
    assert "No agency has an overdue task." in said
    assert "Completion rate" not in said


def test_agencies_with_most_overdue_tasks_are_named_first_and_no_more_than_ten(english: None) -> None:
    codes = [code for code in agencies() if code != "tx-nghi-son"][:14]
    records = [make_task(code, "I.1", OVERDUE) for code in codes]
    records += [make_task("syt", f"II.{n}", OVERDUE) for n in range(3)]
    said = texts(report_on(figures(make_state(*records))), 3)
    assert "Agencies with overdue tasks: 14, most of them at Sở Y tế (overdue tasks: 4" in said
    assert "and 4 others" in said


def test_causes_are_stated_only_as_far_as_dependencies_show_them(sample: tuple[Progress, Report]) -> None:
    progress, report = sample
    assert progress.overdue_waiting > 0
    overdue, waiting = progress.counts.open_overdue, progress.overdue_waiting
    said = f"Overdue tasks: {overdue}; waiting for an unfinished task of another agency: {waiting}."
    assert said in texts(report, 3)


def test_the_department_does_not_urge_itself_but_owns_up(english: None) -> None:
    report = report_on(figures(make_state(make_task("stttt", last_day=OVERDUE))))
    said = texts(report, 5)
    assert "To urge" not in said
    assert "Sở Thông tin và Truyền thông will itself complete its own overdue tasks (1)." in said


def test_a_partial_succession_is_put_before_the_chairman(english: None) -> None:
    halves = tuple(
        Succession(from_code="h-quan-hoa", to_code=code, on=TODAY, extent="partial")
        for code in ("h-nga-son", "h-hau-loc")
    )
    said = texts(report_on(figures(make_state(make_task("h-quan-hoa"), successions=halves))), 5)
    assert "UBND huyện Nga Sơn, UBND huyện Hậu Lộc" in said


def test_what_is_not_known_of_letters_and_inspections_is_not_mentioned(english: None) -> None:
    progress = figures(make_state(make_task()))
    assert "nspections" not in texts(report_on(progress), 2).replace("Urging and inspection", "")
    assert "inspections: 4" in texts(report_on(progress, letters=2, inspections=4), 2)


def test_tasks_of_the_next_thirty_days_are_counted_and_the_first_ones_shown(english: None) -> None:
    records = [make_task("snv", f"I.{n}", TODAY + timedelta(days=n)) for n in range(35)]
    report = report_on(figures(make_state(*records)))
    assert "Tasks due in the next 30 days (up to 05/7/2020): 31." in texts(report, 4)
    (shown,) = [b for b in report.sections[3].blocks if isinstance(b, Table)]
    assert [row.cells[3] for row in shown.rows][:2] == ["05/6/2020", "06/6/2020"]
    assert len(shown.rows) == 10


def test_missing_communes_stand_in_one_cell_a_district(sample: tuple[Progress, Report]) -> None:
    progress, report = sample
    blocks = report.appendices[0].blocks
    rows = [row for b in blocks if isinstance(b, Table) for row in b.rows if len(row.cells) == 4]
    missing = [row for row in progress.filing.missing if row.tier is Tier.COMMUNE]
    assert sum(int(row.cells[2]) for row in rows) == len(missing)
    assert [row.cells[1] for row in rows] == ["Huyện Yên Định", "Huyện Hoằng Hóa", "Huyện Hậu Lộc", "Thị xã Nghi Sơn"]
    assert rows[0].cells[3].startswith("xã Yên ")


def test_the_table_of_overdue_tasks_names_the_responsible_person_and_counts_days(
    sample: tuple[Progress, Report],
) -> None:
    progress, report = sample
    rows = table(report, "Appendix IV").rows
    assert len(rows) == progress.counts.open_overdue
    assert rows[0].cells[3] == "Nguyễn Văn An, Phó Giám đốc"
    assert rows[0].cells[4].startswith("trước ngày")
    assert int(rows[0].cells[5]) == progress.overdue[0].days_late


def test_many_communes_are_summed_up_by_district_and_nothing_is_lost(english: None) -> None:
    known = dict(agencies())
    template = known["h-yen-dinh.x1"]
    for n in range(70):
        code = f"h-nga-son.y{n}"
        known[code] = replace(template, code=code, name=f"UBND xã Nga {n}", parent="h-nga-son")
    records = [make_task(code) for code in known if code.startswith("h-nga-son.") or code == "snv"]
    report = report_on(figures(make_state(*records, units=known)))
    rows = [row for row in table(report, "Appendix III").rows if row.kind == "plain"]
    assert [(row.cells[1], row.cells[2]) for row in rows] == [
        ("Sở Nội vụ", "1"),
        ("Communes of huyện Nga Sơn (70)", "70"),
    ]


def test_roman_numerals() -> None:
    assert [roman(n) for n in (1, 4, 5, 9, 14, 39)] == ["I", "IV", "V", "IX", "XIV", "XXXIX"]


def escalation(**fields: Any) -> EscalationRow:
    values: dict[str, Any] = {
        "task": "snv:I.1",
        "title": "Rà soát",
        "agency": "Sở Nội vụ",
        "kind": NoticeKind.ESCALATION,
        "rung": "due+1wd",
        "recipient": "Trần Thị B",
        "sent_at": datetime.fromisoformat("2020-05-15T00:30:00+00:00"),
        "state": NoticeState.SENT,
        "task_state": TaskState.IN_PROGRESS,
    }
    return EscalationRow(**(values | fields))


def test_the_list_of_escalations_tells_who_was_told_when_and_what_followed(english: None) -> None:
    report = escalation_report(
        [
            escalation(),
            escalation(task_state=TaskState.CONFIRMED, done_on=date(2020, 5, 20)),
            escalation(extended_to=date(2020, 6, 1)),
            escalation(sent_at=None, state=NoticeState.SUPERSEDED),
        ],
        TODAY,
    )
    assert report.letterhead is None
    assert report.landscape
    (block,) = [b for b in report.sections[0].blocks if isinstance(b, Table)]
    sent, followed = [row.cells[5] for row in block.rows], [row.cells[6] for row in block.rows]
    assert sent[0] == "07:30 15/5/2020"
    assert ":" not in sent[3]
    assert followed[:3] == [
        "in progress",
        "confirmed complete; result dated 20/5/2020",
        "in progress; extended to 01/6/2020",
    ]


def test_an_empty_list_of_escalations_has_no_table(english: None) -> None:
    assert not [b for b in escalation_report([], TODAY).sections[0].blocks if isinstance(b, Table)]
