"""The calendars that plans name: "vn", the working days of Vietnam, and "every-day", in which each day works.

Knows no plan and no database. Public holidays come from the `holidays` package; on top of them stand the shipped
overrides (`data/working-day-overrides.csv`) and on top of those the site's own file, each line with its legal basis.
Source: design notes "Time"; the package misses some of the Government's yearly swaps of days off and days worked.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path

from planner.domain.calendar import EVERY_DAY, Calendar
from planner.errors import InputRejected, Problem, UsageRefused, words_of
from planner.i18n import gettext as _

NAMES = ("vn", EVERY_DAY.name)
SHIPPED_OVERRIDES = Path(__file__).parent / "data" / "working-day-overrides.csv"
COLUMNS = ("date", "kind", "name", "legal_basis")
_KINDS = {"off": False, "worked": True}


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """One day that is off, or worked, whatever the weekday and the public holidays say."""

    day: date
    works: bool  #: True: a day worked; False: a day off
    name: str  #: why, in a few words; may be empty
    legal_basis: str  #: the document that says so


def load(name: str, overrides: Path | None = None) -> Calendar:
    """Return the calendar of that name; the same one again as long as the site's file has not changed.

    Args:
        name: "vn" or "every-day".
        overrides: the site's CSV of days off and days worked; it wins over the shipped one, and that over the public
            holidays. "every-day" heeds none of them, but the file is read and must be sound.

    Raises:
        InputRejected: the file cannot be read or has problems; every one of them is listed with its line.
        UsageRefused: there is no calendar of that name.
    """
    if name not in NAMES:
        message = _("There is no calendar {name!r}; the calendars are: {names}.")
        raise UsageRefused(message.format(name=name, names=", ".join(NAMES)))
    return _load(name, overrides, _stamp(overrides))


@lru_cache(maxsize=8)
def _load(name: str, overrides: Path | None, _stamp: tuple[int, int] | None) -> Calendar:
    listed = read_overrides(SHIPPED_OVERRIDES) + (read_overrides(overrides) if overrides is not None else [])
    if name == EVERY_DAY.name:
        return EVERY_DAY
    by_year: dict[int, dict[date, bool]] = {}
    for override in listed:
        by_year.setdefault(override.day.year, {})[override.day] = override.works
    return Calendar(name, exceptions=lambda year: {**_public_days(year), **by_year.get(year, {})})


def _stamp(path: Path | None) -> tuple[int, int] | None:
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None  # reading it tells what is the matter
    return (found.st_mtime_ns, found.st_size) if found is not None else None


def read_overrides(path: Path) -> list[Override]:
    """Read a CSV with the columns date, kind, name, legal_basis (UTF-8; comma or semicolon between the columns).

    Dates are written 2026-01-02 or 02/01/2026; kind is "off" or "worked"; each day stands there once, with its legal
    basis. Empty lines are skipped.

    Raises:
        InputRejected: the file cannot be read or has problems; every one of them is listed with its line.
    """
    problems: list[Problem] = []
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = list(_overrides(text, path, problems))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = _("The file cannot be read: {reason}. It must be a CSV file in UTF-8.").format(reason=words_of(error))
        problems.append(Problem(place=str(path), code="calendar_file", message=message))
    if problems:
        raise InputRejected(_("The file of days off and days worked has problems; correct them first."), problems)
    return found


def _overrides(text: str, path: Path, problems: list[Problem]) -> Iterator[Override]:
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if header.count(";") > header.count(",") else ",")
    columns = [cell.strip().lower() for cell in next(reader, [])]

    def wrong(code: str, message: str) -> None:
        place = _("{file}, line {line}").format(file=path.name, line=max(1, reader.line_num))
        problems.append(Problem(place=place, code=code, message=message))

    if sorted(columns) != sorted(COLUMNS):
        message = _("Found the columns {found}; expected {expected}.")
        wrong("calendar_columns", message.format(found=", ".join(columns) or "-", expected=", ".join(COLUMNS)))
        return
    seen: dict[date, int] = {}
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            message = _("Found {found} cells; expected {expected}. A text with a comma must stand in quotation marks.")
            wrong("calendar_cells", message.format(found=len(cells), expected=len(columns)))
            continue
        row = {column: cell.strip() for column, cell in zip(columns, cells, strict=True)}
        sound = True
        day = _day(row["date"])
        if day is None:
            message = _("{found!r} is not a date; write 2026-01-02 or 02/01/2026.").format(found=row["date"])
            wrong("calendar_date", message)
        elif day in seen:
            message = _("{day} stands on line {line} already; keep one of the two.")
            wrong("calendar_day_twice", message.format(day=day.isoformat(), line=seen[day]))
            sound = False
        else:
            seen[day] = reader.line_num
        works = _KINDS.get(row["kind"].lower())
        if works is None:
            message = _('Found {found!r} as the kind of day; expected "off" or "worked".').format(found=row["kind"])
            wrong("calendar_kind", message)
        if not row["legal_basis"]:
            wrong("calendar_legal_basis", _("The legal basis is missing; name the document that decides on this day."))
            sound = False
        if sound and day is not None and works is not None:
            yield Override(day=day, works=works, name=row["name"], legal_basis=row["legal_basis"])


def _day(text: str) -> date | None:
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a plain date, no instant
        except ValueError:
            continue
    return None


@cache
def _public_days(year: int) -> Mapping[date, bool]:
    """Return the year's public holidays (False) and the Saturdays worked in exchange for a day off (True).

    The package knows the years 1901 to 2100; outside them only the weekly rhythm holds.
    """
    import holidays

    vietnam = holidays.country_holidays("VN", years=year, language="vi")
    days = {day: False for day in vietnam if day.year == year}
    days.update({day: True for day in vietnam.weekend_workdays if day.year == year})
    return days
