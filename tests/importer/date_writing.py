"""Writes deadlines whose meaning is known because they were made from it, and spells them as people do.

Nothing here asks the parser: every last day is computed before the words are chosen.
"""

from __future__ import annotations

import calendar as months
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, time, timedelta

from hypothesis import strategies as st

from planner.domain.deadline import DeadlineKind as K

ONE_DAY = timedelta(days=1)
QUARTERS = ("I", "II", "III", "IV")


@dataclass(frozen=True, kw_only=True)
class Written:
    """A deadline in words, and what it means."""

    text: str
    kind: K
    start: date | None = None
    last_day: date | None = None
    time: time | None = None
    rrule: str | None = None
    signed: date | None = None  #: the day of signing without which it has no meaning


def month_end(year: int, month: int) -> date:
    return date(year, month, months.monthrange(year, month)[1])


# --- days and periods -------------------------------------------------------------------------------------------------

days = st.dates(date(1991, 1, 1), date(2099, 12, 31))
hours = st.builds(time, st.integers(1, 23), st.integers(0, 59))


@st.composite
def spoken_days(draw: st.DrawFn, day: date) -> str:
    """A day that a word may stand before: with it no reader takes the month for the day."""
    d, m, y = day.day, day.month, day.year
    return draw(
        st.sampled_from(
            [
                f"ngày {d}/{m}/{y}",
                f"{d}/{m}/{y}",
                f"ngày {d:02d}/{m:02d}/{y}",
                f"{d}.{m}.{y}",
                f"ngày {d}-{m}-{y}",
                f"ngày {d} tháng {m} năm {y}",
                f"{d} tháng {m} năm {y}",
                f"ngày {d} tháng {m}/{y}",
                f"ngày {d}/{m} năm {y}",
                f"ngày {d}, tháng {m}, năm {y}",
                f"{y}-{m:02d}-{d:02d}",
            ]
        )
    )


@dataclass(frozen=True)
class Period:
    """A period in words: its days, and the unit that ranges and lists need."""

    text: str
    start: date
    last: date
    whole: bool  #: whether it is a RANGE by itself ("6 tháng đầu năm 2020")


@st.composite
def periods(draw: st.DrawFn) -> Period:
    year, month, quarter = draw(st.integers(1991, 2099)), draw(st.integers(1, 12)), draw(st.integers(1, 4))
    name = ("giêng hai", "hai", "ba", "tư", "năm", "sáu", "bảy", "tám", "chín", "mười", "mười một", "mười hai")
    spelled = [f"tháng {name[month - 1]} năm {year}"] if month > 1 else []
    of_month = [f"tháng {month}/{year}", f"{month}/{year}", f"tháng {month} năm {year}", f"T{month}/{year}", *spelled]
    sign = draw(st.sampled_from(["/", " năm ", " - ", "-", " "]))
    of_quarter = [f"quý {quarter}{sign}{year}", f"quý {QUARTERS[quarter - 1]}{sign}{year}"]
    first_third = f"thượng tuần tháng {month}/{year}"
    return draw(
        st.sampled_from(
            [
                *(Period(text, date(year, month, 1), month_end(year, month), whole=False) for text in of_month),
                *(
                    Period(text, date(year, 3 * quarter - 2, 1), month_end(year, 3 * quarter), whole=False)
                    for text in of_quarter
                ),
                Period(f"năm {year}", date(year, 1, 1), date(year, 12, 31), whole=False),
                Period(f"6 tháng đầu năm {year}", date(year, 1, 1), date(year, 6, 30), whole=True),
                Period(f"6 tháng cuối năm {year}", date(year, 7, 1), date(year, 12, 31), whole=True),
                Period(f"9 tháng đầu năm {year}", date(year, 1, 1), date(year, 9, 30), whole=True),
                Period(first_third, date(year, month, 1), date(year, month, 10), whole=False),
            ]
        )
    )


# --- the productions of the grammar -----------------------------------------------------------------------------------


@st.composite
def by_day(draw: st.DrawFn) -> Written:
    day = draw(days)
    word = draw(
        st.sampled_from(
            ["chậm nhất ", "chậm nhất là ", "đến ", "đến hết ", "hết ", "vào ", "không muộn hơn ", "xong: "]
            if draw(st.booleans())
            else ["Hoàn thành chậm nhất đến ", "Trình UBND tỉnh chậm nhất ", "từ nay đến ", "hoàn thành vào "]
        )
    )
    return Written(text=word + draw(spoken_days(day)), kind=K.BY, last_day=day)


@st.composite
def by_hour(draw: st.DrawFn) -> Written:
    day, at = draw(days), draw(hours)
    clock = draw(st.sampled_from([f"{at:%H}h{at:%M}", f"{at.hour} giờ {at:%M} phút", f"{at.hour}:{at:%M}"]))
    spoken = draw(spoken_days(day))
    word, kind = draw(st.sampled_from([("trước ", K.BEFORE), ("chậm nhất ", K.BY), ("", K.BY)]))
    ordered = [f"{word}{clock} ngày {day.day}/{day.month}/{day.year}", f"{word}{clock}, {spoken}"]
    if "tháng" not in spoken and "năm" not in spoken:
        ordered.append(f"{word or 'vào '}{spoken} lúc {clock}")
    text = draw(st.sampled_from(ordered))
    if not re.search("[a-zà-ỹ]{2}", text.casefold()):
        text = "hạn: " + text
    return Written(text=text, kind=kind, last_day=day, time=at)


@st.composite
def before_day(draw: st.DrawFn) -> Written:
    day = draw(days)
    word = draw(st.sampled_from(["trước ", "chậm nhất trước ", "Hoàn thành trước ", "Xong trước ", "Báo cáo trước "]))
    return Written(text=word + draw(spoken_days(day)), kind=K.BEFORE, last_day=day - ONE_DAY)


@st.composite
def from_day(draw: st.DrawFn) -> Written:
    day = draw(days)
    word, after = draw(st.sampled_from([("từ ", " trở đi"), ("từ ", ""), ("kể từ ", ""), ("Bắt đầu từ ", "")]))
    return Written(text=f"{word}{draw(spoken_days(day))}{after}", kind=K.FROM, start=day)


@st.composite
def in_period(draw: st.DrawFn) -> Written:
    period, word = draw(periods()), draw(st.sampled_from(["", "trong ", "Hoàn thành trong ", "thực hiện trong "]))
    kind = K.RANGE if period.whole else K.BY
    return Written(text=word + period.text, kind=kind, start=period.start, last_day=period.last)


@st.composite
def end_of_period(draw: st.DrawFn) -> Written:
    period = draw(periods())
    word = draw(st.sampled_from(["hết ", "đến hết ", "cuối ", "chậm nhất cuối ", "đến "]))
    before = Written(text=f"trước {period.text}", kind=K.BEFORE, last_day=period.start - ONE_DAY)
    return draw(st.sampled_from([Written(text=word + period.text, kind=K.BY, last_day=period.last), before]))


@st.composite
def day_range(draw: st.DrawFn) -> Written:
    first = draw(days)
    last = first + timedelta(days=draw(st.integers(0, 500)))
    a, b = draw(spoken_days(first)), draw(spoken_days(last))
    text = draw(st.sampled_from([f"từ {a} đến {b}", f"từ {a} đến hết {b}", f"từ {a} tới {b}"]))
    return Written(text=text, kind=K.RANGE, start=first, last_day=last)


@st.composite
def month_range(draw: st.DrawFn) -> Written:
    year, first, last = draw(st.integers(1991, 2099)), draw(st.integers(1, 11)), draw(st.integers(1, 12))
    last = max(last, first + 1)
    row = [f"từ tháng {first} đến tháng {last}/{year}", f"tháng {first} - {last}/{year}", f"T{first}-T{last}/{year}"]
    row += [f"tháng {first}-{last} năm {year}", f"tháng {first}/{year} → tháng {last}/{year}"]
    row.append(f"tháng {', '.join(map(str, range(first, last + 1)))}/{year}")
    row.append(f"tháng {', tháng '.join(map(str, range(first, last)))} và tháng {last} năm {year}")
    text = draw(st.sampled_from(row))
    return Written(text=text, kind=K.RANGE, start=date(year, first, 1), last_day=month_end(year, last))


@st.composite
def other_range(draw: st.DrawFn) -> Written:
    year, more = draw(st.integers(1991, 2070)), draw(st.integers(1, 9))
    q = draw(st.integers(1, 3))
    a, b = QUARTERS[q - 1], QUARTERS[q]
    years = [f"{year}-{year + more}", f"{year} - {year + more}", f"giai đoạn {year}-{year + more}"]
    years += [f"giai đoạn {year} - {year + more}, định hướng đến năm {year + 20}", f"từ {year} đến năm {year + more}"]
    quarters = [
        f"quý {a} - {b}/{year}",
        f"Quý {a}, {b} năm {year}",
        f"quý {a} và quý {b}/{year}",
        f"quý {a}-{b}/{year}",
    ]
    whole = (date(year, 1, 1), date(year + more, 12, 31))
    two = (date(year, 3 * q - 2, 1), month_end(year, 3 * q + 3))
    text, (start, last) = draw(st.sampled_from([(t, whole) for t in years] + [(t, two) for t in quarters]))
    return Written(text=text, kind=K.RANGE, start=start, last_day=last)


@st.composite
def without_year(draw: st.DrawFn) -> Written:
    day = draw(days.filter(lambda day: (day.month, day.day) != (2, 29)))
    d, m = day.day, day.month
    signed = day - timedelta(days=draw(st.integers(0, 330)))  # so that no month of that name ends between
    end = month_end(day.year, m)
    row = [
        Written(text=f"chậm nhất {d}/{m}", kind=K.BY, last_day=day),
        Written(text=f"trước ngày {d} tháng {m}", kind=K.BEFORE, last_day=day - ONE_DAY),
        Written(text=f"ngày {d}-{m}", kind=K.BY, last_day=day),
        Written(text=f"hết tháng {m}", kind=K.BY, last_day=end),
        Written(text=f"trong tháng {m}", kind=K.BY, start=end.replace(day=1), last_day=end),
    ]
    return replace(draw(st.sampled_from(row)), signed=signed)


@st.composite
def counted(draw: st.DrawFn) -> Written:
    signed, n = draw(days.filter(lambda day: day.year < 2090)), draw(st.integers(1, 99))
    unit, step = draw(st.sampled_from([("ngày", 1), ("tuần", 7)]))
    word = draw(st.sampled_from(["trong ", "trong vòng ", "chậm nhất ", ""]))
    event = draw(st.sampled_from(["kể từ ngày ký", "kể từ ngày ký Kế hoạch này", "sau ngày ký", "tính từ ngày ký"]))
    text = f"{word}{n} {unit} {event}"
    return Written(text=text, kind=K.RELATIVE, last_day=signed + timedelta(days=n * step), signed=signed)


@st.composite
def repeated(draw: st.DrawFn) -> Written:
    d, m = draw(st.integers(2, 28)), draw(st.integers(1, 12))
    weekday, code = draw(st.sampled_from([("thứ Hai", "MO"), ("thứ 6", "FR"), ("thứ Năm", "TH"), ("Chủ nhật", "SU")]))
    ends = "FREQ=MONTHLY;BYMONTH=3,6,9,12"
    rules = {
        "hằng ngày": "FREQ=DAILY",
        "hằng tuần": "FREQ=WEEKLY",
        "Định kỳ hằng tháng": "FREQ=MONTHLY",
        "hằng quý": "FREQ=MONTHLY;INTERVAL=3",
        "hằng năm": "FREQ=YEARLY",
        "01 lần/quý": "FREQ=MONTHLY;INTERVAL=3",
        f"ngày {d} hằng tháng": f"FREQ=MONTHLY;BYMONTHDAY={d}",
        f"trước ngày {d} hằng tháng": f"FREQ=MONTHLY;BYMONTHDAY={d - 1}",
        f"hằng tháng, chậm nhất ngày {d}": f"FREQ=MONTHLY;BYMONTHDAY={d}",
        f"ngày {d} của tháng cuối quý": f"{ends};BYMONTHDAY={d}",
        f"trước ngày {d}/{m} hằng năm": f"FREQ=YEARLY;BYMONTH={m};BYMONTHDAY={d - 1}",
        f"ngày {d} tháng {m} hằng năm": f"FREQ=YEARLY;BYMONTH={m};BYMONTHDAY={d}",
        f"{weekday} hằng tuần": f"FREQ=WEEKLY;BYDAY={code}",
        "cuối mỗi quý": f"{ends};BYMONTHDAY=-1",
    }
    text, rrule = draw(st.sampled_from(list(rules.items())))
    return Written(text=text, kind=K.RECURRING, rrule=rrule)


@st.composite
def undated(draw: st.DrawFn) -> Written:
    year = draw(st.integers(1991, 2099))
    open_after = Written(text=f"năm {year} và những năm tiếp theo", kind=K.OPEN_AFTER, start=date(year, 1, 1))
    routine = [Written(text=text, kind=K.CONTINUOUS) for text in ("Thường xuyên", "Nhiệm vụ thường xuyên")]
    needed = [Written(text=text, kind=K.CONDITIONAL) for text in ("Khi có yêu cầu", "Đột xuất", "Khi có hướng dẫn")]
    return draw(st.sampled_from([open_after, *routine, *needed]))


PRODUCTIONS: dict[str, st.SearchStrategy[Written]] = {
    "by a day": by_day(),
    "by an hour": by_hour(),
    "before a day": before_day(),
    "from a day": from_day(),
    "in a period": in_period(),
    "end of a period": end_of_period(),
    "range of days": day_range(),
    "range of months": month_range(),
    "range of quarters or years": other_range(),
    "without a year": without_year(),
    "counted from signing": counted(),
    "repeated": repeated(),
    "without a day": undated(),
}

# --- spellings --------------------------------------------------------------------------------------------------------


def without_marks(text: str) -> str:
    letters = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in letters if not unicodedata.combining(c))


def move_tones(text: str) -> str:
    """Put each tone of oa, oe, uy on the other letter: "quý" as "qúy", "hoàn" as "hòan"."""
    tone = "([\u0300\u0301\u0303\u0309\u0323])"
    moved = re.sub(rf"([ouOU])([aeyAEY]){tone}", r"\1\3\2", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", moved)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "capitals": str.upper,
    "small letters": str.lower,
    "titles": str.title,
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "double spaces": lambda text: "  " + text.replace(" ", "  ") + "\t",
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "a line a word": lambda text: text.replace(" ", "\n"),
    "zero-width characters": lambda text: "\ufeff" + text.replace(" ", " \u200b"),
    "en dash": lambda text: text.replace("-", "–"),
    "em dash": lambda text: text.replace("-", "—"),
    "spaces around signs": lambda text: re.sub(r"(?<=[0-9])([/.])(?=[0-9])", r" \1 ", text),
    "zeros": lambda text: re.sub(r"(?<![0-9TtThứhứ] )(?<![0-9T])([1-9])(?![0-9])", r"0\1", text),
    "no zeros": lambda text: re.sub(r"(?<![0-9:h])0([1-9])(?=[/. -])(?!-)", r"\1", text),
    "hàng": lambda text: text.replace("hằng", "hàng").replace("Hằng", "Hàng"),
    "quí": lambda text: text.replace("quý", "quí").replace("Quý", "Quí"),
    "other tone mark": move_tones,
    "no marks": without_marks,
    "Roman l": lambda text: re.sub(r"\bI(I*)\b", lambda m: "l" + m[1], text),
    "Roman 1": lambda text: re.sub(r"\b(I*)I\b", lambda m: m[1] + "1", text),
    "full stop": lambda text: text + ".",
    "end of a letter": lambda text: text + "./.",
    "comma": lambda text: text + ",",
    "semicolon": lambda text: text + " ;",
    "brackets": lambda text: f"({text})",
    "quotation marks": lambda text: f"“{text}”",
    "sign of a list": lambda text: f"- {text}",
    "glued": lambda text: re.sub(r"\b(ngày|tháng|năm) (?=[0-9])", r"\1", text),
}
