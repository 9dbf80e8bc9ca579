"""The whole grammar of deadlines, generated: what was meant is read, however it is spelled, and noise is not."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.domain.calendar import Calendar
from planner.domain.deadline import Deadline
from planner.domain.deadline import DeadlineKind as K
from planner.importer.dates import parse_deadline
from tests.importer.date_writing import PRODUCTIONS, SPELLINGS, Written, days, month_end

WEEKDAYS = Calendar("weekdays")


def means(found: Deadline, written: Written) -> bool:
    """Whether a deadline is settled and means what was written."""
    read = (found.kind, found.start, found.last_day, found.time, found.rrule, found.question)
    return read == (written.kind, written.start, written.last_day, written.time, written.rrule, None)


def read(text: str, written: Written) -> Deadline:
    return parse_deadline(text, signed=written.signed, calendar=WEEKDAYS)


@pytest.mark.parametrize("production", PRODUCTIONS)
@given(data=st.data())
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_written_is_what_is_read_however_it_is_spelled(production: str, data: st.DataObject) -> None:
    written = data.draw(PRODUCTIONS[production])
    found = read(written.text, written)
    assert means(found, written), (written, found)
    names = data.draw(st.lists(st.sampled_from(sorted(SPELLINGS)), min_size=1, max_size=3, unique=True))
    text = written.text
    for name in names:
        text = SPELLINGS[name](text)
    found = read(text, written)
    assert found.text == text
    assert means(found, written), (text, names, written, found)


@given(days)
@settings(max_examples=200, deadline=None)
def test_the_word_for_day_may_be_left_out_where_the_numbers_leave_no_doubt(day: date) -> None:
    d, m, y = day.day, day.month, day.year
    for text in (f"{d}/{m}/{y}", f"{d:02d}/{m:02d}/{y}", f"{d}-{m}-{y}", f"{d}.{m}.{y}"):
        found = parse_deadline(text)
        if d > 12 or d == m or "." in text or re.search(r"\b0", text):
            assert (found.kind, found.last_day, found.question) == (K.BY, day, None), text
        else:
            assert found.kind is K.AMBIGUOUS, text
            assert found.question


NOISE = (
    "đ/c",
    "Nguyễn Văn A",
    "Sở TTTT",
    "ABC",
    "x",
    "%",
    "@",
    "phòng",
    "số 12",
    "km",
    "đồng",
    "âm lịch",
    "?",
    "không",
)


@pytest.mark.parametrize("production", PRODUCTIONS)
@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_word_that_does_not_belong_there_makes_it_a_question(production: str, data: st.DataObject) -> None:
    written = data.draw(PRODUCTIONS[production].filter(lambda one: "định hướng" not in one.text))
    words = written.text.split(" ")
    place = data.draw(st.integers(0, len(words)))
    text = " ".join([*words[:place], data.draw(st.sampled_from(NOISE)), *words[place:]])
    found = read(text, written)
    assert found.question or not (found.last_day or found.start), (text, found)


@pytest.mark.parametrize("production", PRODUCTIONS)
@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_slip_of_the_pen_is_read_or_asked_and_never_breaks(production: str, data: st.DataObject) -> None:
    written = data.draw(PRODUCTIONS[production])
    text = list(written.text)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text)))
        text[place : place + data.draw(st.integers(0, 2))] = data.draw(st.sampled_from(["", *"0159/.-, ;ntIl()"]))
    found = read("".join(text), written)
    assert found.text == "".join(text)
    if found.is_settled:
        assert found.kind not in (K.NONE, K.AMBIGUOUS, K.SNAPSHOT)
        assert not (found.start and found.last_day) or found.start <= found.last_day
    else:
        assert str(found.question).strip()


@given(days, st.integers(1, 500))
@settings(max_examples=200, deadline=None)
def test_two_days_are_never_one_deadline(first: date, apart: int) -> None:
    second = first + timedelta(days=apart)
    a, b = (f"{day.day}/{day.month}/{day.year}" for day in (first, second))
    for text in (f"ngày {a} và ngày {b}", f"trước {a}; trước {b}", f"ngày {a}, ngày {b}", f"- ngày {a}\n- ngày {b}"):
        found = parse_deadline(text)
        assert (found.kind, found.last_day) == (K.AMBIGUOUS, None), text
        assert found.question


@given(st.integers(1991, 2099), st.integers(1, 12), st.integers(29, 99))
def test_a_day_that_does_not_exist_is_asked(year: int, month: int, day: int) -> None:
    exists = day <= month_end(year, month).day
    for text in (f"ngày {day}/{month}/{year}", f"trước {day}/{month}/{year}", f"ngày {day} tháng {month} năm {year}"):
        found = parse_deadline(text)
        assert (found.question is None, found.last_day is not None) == (exists, exists), text


@given(st.dates(date(1991, 1, 1), date(2099, 12, 31)), st.integers(0, 6))
def test_a_weekday_beside_a_day_must_be_its_own(day: date, weekday: int) -> None:
    name = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ 6", "thứ Bảy", "Chủ nhật")[weekday]
    plain = f"{day.day}/{day.month}/{day.year}"
    for text in (f"{name}, ngày {plain}", f"ngày {plain} ({name})"):
        found = parse_deadline(text)
        if day.weekday() == weekday:
            assert (found.kind, found.last_day, found.question) == (K.BY, day, None), text
        else:
            assert (found.kind, found.last_day) == (K.AMBIGUOUS, None), text
            assert found.question


@pytest.mark.parametrize(
    "text",
    [
        "Số 85/BC-STTTT ngày 25/6/2020",
        "12/KH-STTTT",
        "0912345678",
        "I.1",
        "1.2.3",
        "100%",
        "2,5 triệu đồng",
        "1.000.000",
        "nguyen.van.a@stttt.example.vn",
        "Nguyễn Văn Nam",
        "Nam",
        "Văn phòng UBND tỉnh",
        "Phòng CNTT (đ/c Hải)",
        "15/5/2020 đ/c Nguyễn Văn A",
        "đ/c Nguyễn Văn A: 15/5/2020",
        "không trước 15/5/2020",
        "không phải tháng 5/2020",
        "ngày     tháng     năm 2020",
        "ngày ... tháng ... năm 2020",
        "tháng năm 2020",
        "ngày 05 tháng sau",
        "tháng giêng năm 2021",
        "tháng chạp năm 2020",
        "5-6/2020",
        "tháng 5/6/2020",
        "5/6 năm 2020",
        "II/2020",
        "2O20",
        "3O/6/2020",
        "l5/5/2020",
        "15/5/202O",
        "20200630",
        "２０２０",
        "2020-06-30T17:00:00Z",
        "30/6/2020 (gia hạn đến 15/7/2020)",
        "1/1/2020 2/2/2020",
        "năm học 2020-2021",
        "nhiệm kỳ 2020-2025",
        "trước Tết Nguyên đán",
        "trước và trong tháng 6/2020",
        "từ ngày 22/5/2020 trở lại",
        "tuần 25/2020",
        "=TODAY()",
        "#REF!",
        "{text}",
        "{0.__class__}",
    ],
)
def test_what_only_looks_like_a_deadline_is_a_question_without_a_day(text: str) -> None:
    found = parse_deadline(text, signed=date(2020, 4, 29), calendar=WEEKDAYS)
    assert (found.last_day, found.start, found.rrule) == (None, None, None)
    assert found.question
