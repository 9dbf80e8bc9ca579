"""On which days a recurring deadline falls due: "hằng quý", "ngày 25 hằng tháng".

Every day is computed from the calendar or from the start, never from the day before it, so nothing drifts at the end of
a month. Knows the part of RFC 5545 that the importer writes, no grammar and no clock. A rule that names no day falls
due on the last day of each of its periods. Source: design notes, "hằng quý" recurs.
"""

from __future__ import annotations

import calendar as months
from collections.abc import Iterator
from datetime import date, timedelta

from planner.domain.deadline import Deadline

_KNOWN = {"FREQ", "INTERVAL", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS", "UNTIL"}
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAY = timedelta(days=1)


def occurrences(deadline: Deadline, first: date, last: date, *, since: date | None = None) -> tuple[date, ...]:
    """Return the last days of a recurring deadline from `first` to `last`, inclusive and in order.

    Args:
        deadline: one without a rule has no occurrences; none lies before its start or after the rule's UNTIL.
        first: not before the year 1.
        last: not after the year 9900; before `first` there is nothing to return.
        since: the day from which periods count that no calendar fixes ("hai tuần một lần"), if the deadline has no
            start; a month, a quarter, half a year and a year are those of the calendar.

    Raises:
        ValueError: a rule the importer never writes, or periods that count from a day nobody has named.
    """
    if deadline.rrule is None:
        return ()
    rule = dict(part.split("=", 1) for part in deadline.rrule.split(";"))
    if not rule.keys() <= _KNOWN or rule["FREQ"] not in _UNIT_OF:
        raise ValueError(f"unknown recurrence {deadline.rrule!r}")
    begin = max(first, deadline.start or first)
    end = min(last, date.fromisoformat(rule["UNTIL"])) if "UNTIL" in rule else last
    if begin > end:
        return ()
    if "BYDAY" in rule:
        weekdays = {_WEEKDAYS.index(name) for name in rule["BYDAY"].split(",")}
        count = (end - begin).days + 1
        found: Iterator[date] = (day for n in range(count) if (day := begin + n * _DAY).weekday() in weekdays)
    elif "BYMONTHDAY" in rule:
        found = _days_of_months(rule, begin, end)
    else:
        found = _period_ends(rule, deadline.start or since, begin, end)
    return tuple(day for day in found if begin <= day <= end)


def _days_of_months(rule: dict[str, str], begin: date, end: date) -> Iterator[date]:
    """Yield the named days of each month; those a month does not have are left out, and BYSETPOS picks among the rest.

    A yearly rule names its months, so that walking through all months serves it as well.
    """
    named = {int(month) for month in rule["BYMONTH"].split(",")} if "BYMONTH" in rule else set(range(1, 13))
    for number in range(_month_number(begin), _month_number(end) + 1):
        year, month = number // 12, number % 12 + 1
        if month not in named:
            continue
        length = months.monthrange(year, month)[1]
        wanted = {n if n > 0 else length + 1 + n for n in map(int, rule["BYMONTHDAY"].split(","))}
        days = [date(year, month, n) for n in sorted(wanted) if 1 <= n <= length]
        if "BYSETPOS" in rule:
            picked = {int(n) - (int(n) > 0) for n in rule["BYSETPOS"].split(",")}
            days = sorted({days[n] for n in picked if -len(days) <= n < len(days)})
        yield from days


def _period_ends(rule: dict[str, str], origin: date | None, begin: date, end: date) -> Iterator[date]:
    """Yield the last day of each period of INTERVAL days, weeks, months or years that touches begin to end."""
    number_of, last_of = _UNIT_OF[rule["FREQ"]]
    interval = int(rule.get("INTERVAL", "1"))
    of_calendar = interval == 1 or (rule["FREQ"] == "MONTHLY" and 12 % interval == 0)
    if not of_calendar and origin is None:
        raise ValueError(f"{rule} counts from a day that is not known")
    offset = 0 if of_calendar or origin is None else number_of(origin)
    for period in range((number_of(begin) - offset) // interval, (number_of(end) - offset) // interval + 1):
        if period >= 0:
            yield last_of(offset + (period + 1) * interval - 1)


def _month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def _last_of_month(number: int) -> date:
    year, month = number // 12, number % 12 + 1
    return date(year, month, months.monthrange(year, month)[1])


#: Of each frequency: the number of the unit a day lies in, and the last day of a unit. Weeks end on Sunday.
_UNIT_OF = {
    "DAILY": (date.toordinal, date.fromordinal),
    "WEEKLY": (lambda day: (day.toordinal() - 1) // 7, lambda number: date.fromordinal(7 * number + 7)),
    "MONTHLY": (_month_number, _last_of_month),
    "YEARLY": (lambda day: day.year, lambda number: date(number, 12, 31)),
}
