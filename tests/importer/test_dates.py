"""The grammar of deadlines: the collected examples, their spellings, and what lies beyond them."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import i18n
from planner.domain.calendar import Calendar
from planner.domain.deadline import Deadline, DeadlineKind
from planner.importer.dates import EXAMPLES, LONGEST, parse_deadline

K = DeadlineKind
SIGNED = date(2020, 4, 29)
WEEKDAYS = Calendar("weekdays")

with (Path(__file__).parent.parent / "data" / "date-expressions.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
TEXTS = ["" if row["expression"] == "(blank)" else row["expression"] for row in ROWS]


def meaning(deadline: Deadline) -> dict[str, Any]:
    """All but the words: the text and the wording of the question."""
    return {**asdict(deadline), "text": None, "question": deadline.question is not None}


def iso(day: date | None) -> str:
    return day.isoformat() if day else ""


# --- the collected examples -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=[row["expression"] for row in ROWS])
def test_each_collected_example_means_what_the_list_says(row: dict[str, str]) -> None:
    text = TEXTS[ROWS.index(row)]
    found = parse_deadline(text)
    assert found.text == text
    assert found.kind == row["kind"]
    if row["start"].startswith("anchor="):
        assert (found.anchor, found.start, found.last_day) == (row["start"].removeprefix("anchor="), None, None)
    elif row["last_day"].startswith("-"):  # no year: none without a signature, that of the next such day with it
        assert found.last_day is None
        assert iso(parse_deadline(text, signed=SIGNED).last_day) == "2020" + row["last_day"]
    else:
        assert (iso(found.start), iso(found.last_day)) == (row["start"], row["last_day"])
    expected_rule = row["recurrence_or_window"]
    assert found.rrule == (expected_rule if expected_rule.startswith("FREQ=") else None)


def test_the_collected_examples_that_cannot_be_decided_are_questions_and_no_others() -> None:
    undecided = {text for text in TEXTS if not parse_deadline(text).is_settled}
    kinds = (K.NONE, K.AMBIGUOUS, K.SNAPSHOT, K.RELATIVE)
    assert undecided == {
        text for text, row in zip(TEXTS, ROWS, strict=True) if row["kind"] in kinds or row["last_day"].startswith("-")
    }


def without_marks(text: str) -> str:
    letters = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in letters if not unicodedata.combining(c))


SPELLINGS: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "small letters": str.lower,
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "decomposed capitals": lambda text: unicodedata.normalize("NFD", text).upper(),
    "wide spaces": lambda text: "  " + text.replace(" ", " \t ") + "\n",
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "broken lines": lambda text: text.replace(" ", "\r\n"),
    "zero-width characters": lambda text: "\ufeff" + text.replace(" ", " \u200b"),
    "en dash": lambda text: text.replace("-", "–"),
    "em dash": lambda text: text.replace("-", "—"),
    "full stop": lambda text: text + ".",
    "brackets": lambda text: f"({text})",
    "hàng": lambda text: text.replace("hằng", "hàng").replace("Hằng", "Hàng"),
    "quí": lambda text: text.replace("quý", "quí").replace("Quý", "Quí"),
    "other tone mark": lambda text: text.replace("uý", "úy").replace("oà", "òa").replace("hoặc", "họăc"),
    "no marks": without_marks,
    "Roman l": lambda text: re.sub(r"\bII\b", "lI", re.sub(r"\bIII\b", "l1I", text)),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_spelling_does_not_change_the_meaning(text: str, spelling: str) -> None:
    written = SPELLINGS[spelling](text)
    found = parse_deadline(written, signed=SIGNED, calendar=WEEKDAYS)
    assert found.text == written
    assert meaning(found) == meaning(parse_deadline(text, signed=SIGNED, calendar=WEEKDAYS))


@pytest.mark.parametrize("text", [text for text in TEXTS if re.search(r"ngày \d+/\d+/\d+", text)])
@pytest.mark.parametrize("sign", [".", "-", " / "])
def test_a_separator_does_not_change_the_meaning(text: str, sign: str) -> None:
    assert meaning(parse_deadline(text.replace("/", sign))) == meaning(parse_deadline(text))


# --- beyond the list --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "start", "last_day"),
    [
        ("chậm nhất là ngày 30/6/2020", K.BY, "", "2020-06-30"),
        ("đến 30/6/2020", K.BY, "", "2020-06-30"),
        ("Thời gian hoàn thành: Quý II/2020", K.BY, "2020-04-01", "2020-06-30"),
        ("Hoàn thành trước ngày 30/6/2020.", K.BEFORE, "", "2020-06-29"),
        ("hạn:30/6/2020", K.BY, "", "2020-06-30"),
        ("trước tháng 6/2020", K.BEFORE, "", "2020-05-31"),
        ("trước quý III năm 2020", K.BEFORE, "", "2020-06-30"),
        ("từ nay đến hết năm 2020", K.BY, "", "2020-12-31"),
        ("ngày cuối cùng của tháng 2/2020", K.BY, "", "2020-02-29"),
        ("T5/2020", K.BY, "2020-05-01", "2020-05-31"),
        ("tháng 5 - 2020", K.BY, "2020-05-01", "2020-05-31"),
        ("trong quý II-2020", K.BY, "2020-04-01", "2020-06-30"),
        ("Quý 1V năm 2020", K.BY, "2020-10-01", "2020-12-31"),
        ("quý ll/2020", K.BY, "2020-04-01", "2020-06-30"),
        ("quý hai năm 2020", K.BY, "2020-04-01", "2020-06-30"),
        ("từ quý III/2020", K.FROM, "2020-07-01", ""),
        ("từ tháng 5 - 2020", K.FROM, "2020-05-01", ""),
        ("tháng 5 - 7/2020", K.RANGE, "2020-05-01", "2020-07-31"),
        ("từ tháng 5 đến tháng 7/2020", K.RANGE, "2020-05-01", "2020-07-31"),
        ("quý I-II/2020", K.RANGE, "2020-01-01", "2020-06-30"),
        ("15-20/6/2020", K.RANGE, "2020-06-15", "2020-06-20"),
        ("từ ngày 15 đến ngày 20 tháng 6 năm 2020", K.RANGE, "2020-06-15", "2020-06-20"),
        ("15/5/2020-30/6/2020", K.RANGE, "2020-05-15", "2020-06-30"),
        ("từ 15/12 đến 15/01/2021", K.RANGE, "2020-12-15", "2021-01-15"),
        ("từ ngày 1/5/2020 đến trước ngày 30/6/2020", K.RANGE, "2020-05-01", "2020-06-29"),
        ("từ 15/5/2020 đến hết quý III/2020", K.RANGE, "2020-05-15", "2020-09-30"),
        ("giai đoạn 2021-2025, tầm nhìn đến năm 2030", K.RANGE, "2021-01-01", "2025-12-31"),
        ("6 tháng cuối năm 2020", K.RANGE, "2020-07-01", "2020-12-31"),
        ("9 tháng đầu năm 2020", K.RANGE, "2020-01-01", "2020-09-30"),
        ("từ năm 2025 và các năm tiếp theo", K.OPEN_AFTER, "2025-01-01", ""),
        ("Thường xuyên trong năm 2020", K.CONTINUOUS, "2020-01-01", ""),
        ("Thường xuyên, liên tục", K.CONTINUOUS, "", ""),
        ("đột xuất khi có yêu cầu của UBND tỉnh", K.CONDITIONAL, "", ""),
        ("2020/06/30", K.BY, "", "2020-06-30"),
        ("2020-06-30 00:00:00", K.BY, "", "2020-06-30"),
    ],
)
def test_the_grammar_reads_what_the_list_does_not_hold(text: str, kind: K, start: str, last_day: str) -> None:
    found = parse_deadline(text)
    assert (found.kind, iso(found.start), iso(found.last_day), found.question) == (kind, start, last_day, None)


@pytest.mark.parametrize(
    ("text", "kind", "last_day", "hour"),
    [
        ("trước 17 giờ 30 phút, ngày 30/6/2020", K.BEFORE, date(2020, 6, 30), time(17, 30)),
        ("trước 17:30 ngày 30/6/2020", K.BEFORE, date(2020, 6, 30), time(17, 30)),
        ("chậm nhất 17h ngày 30/6/2020", K.BY, date(2020, 6, 30), time(17)),
        ("17h00 ngày 30/6/2020", K.BY, date(2020, 6, 30), time(17)),
        ("trước 24h00 ngày 30/6/2020", K.BEFORE, date(2020, 6, 30), None),
        ("trước 0h00 ngày 30/6/2020", K.BEFORE, date(2020, 6, 29), None),
    ],
)
def test_an_hour_belongs_to_the_day_it_ends_on(text: str, kind: K, last_day: date, hour: time | None) -> None:
    found = parse_deadline(text)
    assert (found.kind, found.last_day, found.time, found.question) == (kind, last_day, hour, None)


@pytest.mark.parametrize(
    ("text", "rrule"),
    [
        ("hằng ngày", "FREQ=DAILY"),
        ("hằng tháng", "FREQ=MONTHLY"),
        ("Định kỳ hàng quý", "FREQ=MONTHLY;INTERVAL=3"),
        ("định kỳ 6 tháng", "FREQ=MONTHLY;INTERVAL=6"),
        ("6 tháng một lần", "FREQ=MONTHLY;INTERVAL=6"),
        ("3 tháng/lần", "FREQ=MONTHLY;INTERVAL=3"),
        ("01 lần/tháng", "FREQ=MONTHLY"),
        ("02 lần/năm", "FREQ=MONTHLY;INTERVAL=6"),
        ("trước ngày 25 hằng tháng", "FREQ=MONTHLY;BYMONTHDAY=24"),
        ("hằng tháng, trước ngày 25", "FREQ=MONTHLY;BYMONTHDAY=24"),
        ("trước ngày 1 hằng tháng", "FREQ=MONTHLY;BYMONTHDAY=-1"),
        ("ngày 31 hằng tháng", "FREQ=MONTHLY;BYMONTHDAY=-1"),
        ("ngày 30 hằng tháng", "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1"),
        ("ngày cuối cùng của mỗi tháng", "FREQ=MONTHLY;BYMONTHDAY=-1"),
        ("cuối mỗi quý", "FREQ=MONTHLY;BYMONTH=3,6,9,12;BYMONTHDAY=-1"),
        ("chậm nhất vào ngày 20 tháng của cuối quý", "FREQ=MONTHLY;BYMONTH=3,6,9,12;BYMONTHDAY=20"),
        ("trước ngày 20/12 hằng năm", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=19"),
        ("trước 01/01 hằng năm", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31"),
        ("trước 1/3 hằng năm", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1"),
        ("quý I hằng năm", "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=-1"),
        ("trước quý II hằng năm", "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=31"),
        ("thứ Sáu hằng tuần", "FREQ=WEEKLY;BYDAY=FR"),
        ("thứ 06 hằng tuần", "FREQ=WEEKLY;BYDAY=FR"),
        ("trước thứ hai hằng tuần", "FREQ=WEEKLY;BYDAY=SU"),
        ("hằng tháng trong năm 2020", "FREQ=MONTHLY;UNTIL=20201231"),
    ],
)
def test_what_repeats_becomes_a_rule(text: str, rrule: str) -> None:
    found = parse_deadline(text)
    assert (found.kind, found.rrule, found.last_day, found.question) == (K.RECURRING, rrule, None, None)


def test_an_hour_makes_before_a_matter_of_hours_in_what_repeats() -> None:
    found = parse_deadline("trước 17h00 ngày 25 hằng tháng")
    assert (found.rrule, found.time) == ("FREQ=MONTHLY;BYMONTHDAY=25", time(17))


# --- never guessed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("31/2/2020", K.BY),
        ("trước ngày 31/2/2020", K.BEFORE),
        ("30/6/1989", K.BY),
        ("trước 30/6/2101", K.BEFORE),
        ("30/6/20", K.BY),
        ("tháng 13/2020", K.BY),
        ("quý 5/2020", K.NONE),
        ("ngày 6/30/2025", K.BY),
        ("13/13/2020", K.BY),
        ("30/6", K.BY),
        ("Quý II", K.BY),
        ("12/20", K.BY),
        ("5-6/2020", K.NONE),
        ("43982", K.NONE),
        ("-", K.NONE),
        ("cuối năm", K.BY),
        ("trước cuối tháng 6/2020", K.NONE),
        ("trước 25h00 ngày 30/6/2020", K.BEFORE),
        ("từ 30/6/2020 đến 1/5/2020", K.RANGE),
        ("2 lần/tháng", K.RECURRING),
        ("ngày 32/1 hằng năm", K.RECURRING),
        ("20 của tháng cuối kỳ báo cáo", K.RECURRING),
        ("Khi có yêu cầu, trước ngày 15/5/2020", K.AMBIGUOUS),
        ("Quý II và Quý IV/2020", K.AMBIGUOUS),
        ("trước ngày 15/5/2020; trước ngày 30/6/2020", K.AMBIGUOUS),
        ("thực hiện theo chỉ đạo chung", K.NONE),
    ],
)
def test_what_cannot_be_decided_is_a_question_without_a_day(text: str, kind: K) -> None:
    found = parse_deadline(text)
    assert (found.kind, found.start, found.last_day) == (kind, None, None)
    assert found.question


def test_a_question_quotes_what_was_found_and_shows_what_is_expected() -> None:
    with i18n.speaking("en"):
        question = parse_deadline("Sớm  nhất có thể").question or ""
    assert '"Sớm nhất có thể"' in question
    assert all(example in question for example in EXAMPLES)
    assert all(parse_deadline(example).is_settled for example in EXAMPLES)


def test_a_question_quotes_the_marks_as_they_were_typed() -> None:
    with i18n.speaking("en"):
        assert '"Tháng 13/2020"' in (parse_deadline("Tháng 13/2020").question or "")


def test_a_text_longer_than_a_deadline_is_a_question_and_stays_whole() -> None:
    text = "trước ngày 15/5/2020" + " " * LONGEST
    found = parse_deadline(text)
    assert (found.kind, found.text, found.last_day) == (K.NONE, text, None)
    assert str(len(text)) in (found.question or "")
    assert len(found.question or "") < 300


# --- day or month first -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day_first", "last_day"),
    [
        ("12/1/2025", True, date(2025, 1, 12)),
        ("12/1/2025", False, date(2025, 12, 1)),
        ("06/05/2025", None, date(2025, 5, 6)),
        ("06/05/2025", False, date(2025, 6, 5)),
        ("12.1.2025", None, date(2025, 1, 12)),
        ("5/5/2025", None, date(2025, 5, 5)),
        ("30/6/2025", False, date(2025, 6, 30)),
        ("6/30/2025", True, date(2025, 6, 30)),
        ("ngày 12/1/2025", None, date(2025, 1, 12)),
        ("ngày 12/1/2025", False, date(2025, 1, 12)),
        ("Xong trước 12/1/2025", None, date(2025, 1, 11)),
        ("đến 12/1/2025", True, date(2025, 1, 12)),
    ],
)
def test_the_file_a_word_or_a_zero_settles_which_comes_first(text: str, day_first: bool | None, last_day: date) -> None:
    found = parse_deadline(text, day_first=day_first)
    assert (found.last_day, found.question) == (last_day, None)


def test_an_undecidable_day_is_asked_with_both_readings_and_each_answer_is_clear() -> None:
    with i18n.speaking("en"):
        question = parse_deadline("12/1/2025").question or ""
    answers = re.findall(r"ngày [0-9/]+", question)
    assert [parse_deadline(answer).last_day for answer in answers] == [date(2025, 1, 12), date(2025, 12, 1)]


def test_a_single_day_names_no_first_day_of_work() -> None:
    assert parse_deadline("30/6/2020").start is None
    assert parse_deadline("tháng 6/2020").start == date(2020, 6, 1)


# --- the signature ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "last_day"),
    [
        ("30/6", date(2020, 6, 30)),
        ("29/4", date(2020, 4, 29)),
        ("28/4", date(2021, 4, 28)),
        ("ngày 29 tháng 2", date(2024, 2, 29)),
        ("trước 1/4", date(2021, 3, 31)),
        ("tháng 4", date(2020, 4, 30)),
        ("Quý I", date(2021, 3, 31)),
        ("từ 15/5 đến 30/6", date(2020, 6, 30)),
    ],
)
def test_a_missing_year_is_that_of_the_next_such_day_after_signing(text: str, last_day: date) -> None:
    found = parse_deadline(text, signed=SIGNED)
    assert (found.last_day, found.question) == (last_day, None)


@pytest.mark.parametrize(
    ("text", "last_day", "anchor"),
    [
        ("Trong 10 ngày làm việc kể từ ngày ký", date(2020, 5, 13), "signed"),
        ("Trong 10 ngày kể từ ngày ký", date(2020, 5, 9), "signed"),
        ("trong vòng 02 tuần sau ngày ký", date(2020, 5, 13), "signed"),
        ("chậm nhất 10 (mười) tháng kể từ ngày ký ban hành Kế hoạch này", date(2021, 2, 28), "signed"),
        ("ngay sau khi ký", date(2020, 4, 29), "signed"),
        ("trong 15 ngày kể từ ngày 01/6/2020", date(2020, 6, 16), "2020-06-01"),
    ],
)
def test_a_relative_deadline_is_counted_from_the_day_after_a_known_event(
    text: str, last_day: date, anchor: str
) -> None:
    found = parse_deadline(text, signed=SIGNED, calendar=WEEKDAYS)
    assert (found.kind, found.last_day, found.anchor, found.question) == (K.RELATIVE, last_day, anchor, None)


@pytest.mark.parametrize(
    "text",
    [
        "Trong 10 ngày kể từ ngày ký hợp đồng",  # another document's signature
        "chậm nhất 05 ngày làm việc kể từ ngày nhận được văn bản",
        "Trong 0 ngày kể từ ngày ký",
        "Trong 9999 ngày kể từ ngày ký",
        "Trong 3000 tháng kể từ ngày ký",
        "trong 10 ngày kể từ ngày 31/6/2020",
    ],
)
def test_a_relative_deadline_without_a_known_day_is_a_question(text: str) -> None:
    found = parse_deadline(text, signed=SIGNED, calendar=WEEKDAYS)
    assert (found.kind, found.last_day) == (K.RELATIVE, None)
    assert found.question


def test_working_days_are_not_counted_without_a_calendar() -> None:
    found = parse_deadline("Trong 10 ngày làm việc kể từ ngày ký", signed=SIGNED)
    assert (found.last_day, found.anchor) == (None, "signed")
    assert found.question


# --- properties -------------------------------------------------------------------------------------------------------

DAYS = st.dates(date(1990, 1, 2), date(2100, 12, 30))
ONE_DAY = timedelta(days=1)


@given(DAYS)
@settings(max_examples=300, deadline=None)
def test_every_usual_spelling_of_a_day_is_that_day(day: date) -> None:
    d, m, y = day.day, day.month, day.year
    for written in (
        f"ngày {d}/{m}/{y}",
        f"{d:02d}/{m:02d}/{y}" if min(d, m) < 10 else f"ngày {d:02d}/{m:02d}/{y}",
        f"{d}.{m}.{y}",
        f"ngày {d:02d}-{m}-{y}",
        f"ngày {d} tháng {m} năm {y}",
        f"{d:02d} tháng {m:02d}, {y}",
        f"{y}-{m:02d}-{d:02d}",
    ):
        assert (parse_deadline(written).kind, parse_deadline(written).last_day) == (K.BY, day), written
        assert parse_deadline(f"chậm nhất đến {written}").last_day == day, written
        assert parse_deadline(f"trước {written}").last_day == day - ONE_DAY, written
        assert parse_deadline(f"Từ {written} trở đi").start == day, written
        assert parse_deadline(f"trước 16h30 {written}").last_day == day, written


@given(DAYS)
@settings(max_examples=200, deadline=None)
def test_a_month_is_never_a_day_and_ends_before_the_next(day: date) -> None:
    for written in (
        f"tháng {day.month}/{day.year}",
        f"{day.month:02d}/{day.year}",
        f"tháng {day.month} năm {day.year}",
    ):
        found = parse_deadline(written)
        assert found.start is not None
        assert found.last_day is not None
        assert found.start <= day <= found.last_day
        assert (found.start.day, (found.last_day + ONE_DAY).day) == (1, 1)
        assert (found.last_day - found.start).days < 31


@given(DAYS, st.dates(date(1990, 1, 1), date(2090, 1, 1)))
@settings(max_examples=300, deadline=None)
def test_a_day_without_a_year_is_the_first_such_day_not_before_signing(day: date, signed: date) -> None:
    found = parse_deadline(f"ngày {day.day}/{day.month}", signed=signed).last_day
    assert found is not None
    assert found >= signed
    assert (found.day, found.month) == (day.day, day.month)
    assert all((later.day, later.month) != (day.day, day.month) for later in _days_between(signed, found))


def _days_between(first: date, end: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((end - first).days)]


ODD = ("-", "/", ",", "(", "hoặc", "hạn:", "31/2", "29/2", "0h00", "99h99", "lần/")
WORDS = [*re.findall(r"\S+", " ".join(TEXTS)), *ODD]


@given(
    st.one_of(st.text(max_size=600), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)),
    st.none() | st.dates(),
    st.sampled_from([None, True, False]),
)
@settings(max_examples=1500, deadline=None)
def test_any_text_is_a_deadline_or_a_question_and_never_an_error(
    text: str, signed: date | None, day_first: bool | None
) -> None:
    found = parse_deadline(text, signed=signed, calendar=WEEKDAYS, day_first=day_first)
    assert found.text == text
    if found.is_settled:
        assert found.kind not in (K.NONE, K.AMBIGUOUS, K.SNAPSHOT)
        dated = found.last_day or found.start or found.rrule
        assert dated or found.kind in (K.CONTINUOUS, K.CONDITIONAL)
        assert not (found.start and found.last_day) or found.start <= found.last_day


@pytest.mark.parametrize(
    "piece", ["từ ", "1", " - ", "trước ", "thứ hai ", "dự kiến ", "hoàn thành ", "2020-", "(", "quý I "]
)
def test_a_text_of_the_longest_size_is_a_question(piece: str) -> None:
    text = (piece * LONGEST)[:LONGEST]
    assert parse_deadline(text, signed=SIGNED).question
    assert parse_deadline(text * 1000).question


# --- what a mixed file leaves open ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("12/1/2025", {"mixed": True}),
        ("06/05/2025", {"mixed": True}),
        ("trước 12/1/2025", {"mixed": True}),
        ("trước 12/1/2025", {"day_first": False}),
        ("đến 12/1", {"day_first": False, "signed": SIGNED}),
        ("12/1/2025 - 12/5/2025", {}),
        ("12/1/2025 17:00", {}),
        ("từ 12/1/2025 đến 12/5/2025", {"day_first": False}),
    ],
)
def test_a_date_that_the_file_makes_doubtful_is_asked(text: str, known: dict[str, Any]) -> None:
    found = parse_deadline(text, **known)
    assert found.kind is K.AMBIGUOUS
    assert found.question


@pytest.mark.parametrize(
    ("text", "last_day"),
    [("ngày 12/1/2025", date(2025, 1, 12)), ("30/6/2025", date(2025, 6, 30)), ("6/30/2025", date(2025, 6, 30))],
)
def test_a_mixed_file_asks_nothing_that_has_one_reading(text: str, last_day: date) -> None:
    found = parse_deadline(text, mixed=True)
    assert (found.last_day, found.question) == (last_day, None)


def test_month_first_ranges_are_read_where_the_file_says_so() -> None:
    found = parse_deadline("12/1/2025 - 12/5/2025", day_first=False)
    assert (found.start, found.last_day) == (date(2025, 12, 1), date(2025, 12, 5))


# --- near misses, with what they propose ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "start", "last_day", "says"),
    [
        ("giữa tháng 6/2020", K.AMBIGUOUS, "2020-06-11", "2020-06-20", "no last day"),
        ("nửa đầu tháng 6/2020", K.AMBIGUOUS, "2020-06-01", "2020-06-15", "no last day"),
        ("tuần 3 tháng 5/2020", K.AMBIGUOUS, "2020-05-15", "2020-05-21", "no last day"),
        ("tuần cuối tháng 6/2020", K.AMBIGUOUS, "2020-06-24", "2020-06-30", "no last day"),
        ("Tháng 5/2020 (dự kiến)", K.AMBIGUOUS, "2020-05-01", "2020-05-31", "estimate"),
        ("sau ngày 30/6/2020", K.FROM, "2020-07-01", "", "after which day"),
        ("Sau 05 ngày kể từ ngày ký", K.AMBIGUOUS, "", "2020-05-04", "only after it"),
        ("05 ngày làm việc", K.RELATIVE, "", "", "how long"),
        ("sau khi được phê duyệt", K.RELATIVE, "", "", "how many days"),
        ("Đã hoàn thành", K.NONE, "", "", "how the work stands"),
        ("Theo tiến độ", K.NONE, "", "", "another document"),
        ("44012", K.NONE, "", "", "date format"),
        ("Quý 2/20", K.BY, "", "", "two digits"),
        ("tháng 6/20", K.BY, "", "", "two digits"),
        ("Quý I, III/2020", K.AMBIGUOUS, "", "", "more than one"),
        ("Hàng tháng/quý/năm", K.AMBIGUOUS, "", "", "more than one"),
        ("thứ Hai ngày 30/6/2020", K.AMBIGUOUS, "", "", "weekday"),
        ("trước 5 giờ chiều ngày 30/6/2020", K.BEFORE, "", "2020-06-30", ""),
    ],
)
def test_a_near_miss_says_what_was_found_and_proposes_what_it_can(
    text: str, kind: K, start: str, last_day: str, says: str
) -> None:
    with i18n.speaking("en"):
        found = parse_deadline(text, signed=SIGNED, calendar=WEEKDAYS)
    assert (found.kind, iso(found.start), iso(found.last_day)) == (kind, start, last_day)
    assert says in (found.question or "")
    assert bool(found.question) == bool(says)


@pytest.mark.parametrize(
    ("text", "kind", "start", "last_day"),
    [
        ("cuối giờ làm việc ngày 20/5/2020", K.BY, "", "2020-05-20"),
        ("chiều ngày 20/5/2020", K.BY, "", "2020-05-20"),
        ("thứ Ba, ngày 30/6/2020", K.BY, "", "2020-06-30"),
        ("hạ tuần tháng 2/2020", K.BY, "2020-02-21", "2020-02-29"),
        ("nửa cuối tháng 6/2020", K.RANGE, "2020-06-16", "2020-06-30"),
        ("tháng 11, 12/2020, 01/2021", K.RANGE, "2020-11-01", "2021-01-31"),
        ("tháng 12, 01/2021", K.RANGE, "2020-12-01", "2021-01-31"),
        ("Q2/2020", K.BY, "2020-04-01", "2020-06-30"),
        ("Tháng VI/2020", K.BY, "2020-06-01", "2020-06-30"),
        ("trong năm", K.BY, "2020-01-01", "2020-12-31"),
        ("từ ngày ký đến 30/6/2020", K.BY, "", "2020-06-30"),
        ("kể từ ngày ký", K.FROM, "2020-04-29", ""),
        ("Đến năm 2025, tầm nhìn 2030", K.BY, "", "2025-12-31"),
        ("2020-06-30 23:59:59", K.BY, "", "2020-06-30"),
    ],
)
def test_other_words_of_real_plans(text: str, kind: K, start: str, last_day: str) -> None:
    found = parse_deadline(text, signed=SIGNED, calendar=WEEKDAYS)
    assert (found.kind, iso(found.start), iso(found.last_day)) == (kind, start, last_day)


@pytest.mark.parametrize(
    ("text", "rrule"),
    [
        ("ngày 15 và 30 hằng tháng", "FREQ=MONTHLY;BYMONTHDAY=15,28,29,30;BYSETPOS=1,-1"),
        ("trước ngày 15/6 và 15/12 hằng năm", "FREQ=YEARLY;BYMONTH=6,12;BYMONTHDAY=14"),
        ("Thứ 2, thứ 5 hằng tuần", "FREQ=WEEKLY;BYDAY=MO,TH"),
        ("tối thiểu 01 lần/quý", "FREQ=MONTHLY;INTERVAL=3"),
        ("Hằng năm (trước 31/12)", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=30"),
    ],
)
def test_what_repeats_on_two_days_or_at_least_so_often(text: str, rrule: str) -> None:
    found = parse_deadline(text)
    assert (found.kind, found.rrule, found.question) == (K.RECURRING, rrule, None)
