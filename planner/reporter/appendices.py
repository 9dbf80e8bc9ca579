"""The appendices of the report: who has not filed, the targets, the tasks by agency, what is overdue, what is at risk.

Knows no format and computes no figure. An appendix without rows is left out and the others close ranks. Hundreds of
communes are listed by district, so that the list stays readable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from planner.domain.agency import Tier
from planner.domain.figures import AgencyLine, Counts, Progress, TaskLine
from planner.domain.filing import MissingPlan
from planner.domain.status import Timeliness
from planner.i18n import gettext as _
from planner.i18n import ngettext
from planner.reporter.document import Align, Appendix, Block, Column, Paragraph, Row, Table, roman
from planner.templating import number, vi_date

_LIST_COMMUNES = 60  #: more communes with tasks than this are summed up by district
_COMMITTEE = "UBND "  #: in "UBND xã Yên Lâm"; left out where a column holds nothing else


def appendices(progress: Progress) -> dict[str, Appendix]:
    """Return the appendices that have something to show, by key, numbered in order."""
    makers: dict[str, tuple[str, Callable[[Progress], tuple[Block, ...]], bool]] = {
        "missing": (_("AGENCIES THAT HAVE NOT FILED A PLAN"), _missing, False),
        "targets": (_("RESULTS BY TARGET"), _targets, True),
        "tasks": (_("RESULTS BY AGENCY"), _by_agency, True),
        "overdue": (_("OVERDUE TASKS AND THOSE RESPONSIBLE"), _overdue, True),
        "at_risk": (_("TASKS AT RISK OF DELAY"), _at_risk, True),
    }
    made = [(key, title, blocks, wide) for key, (title, make, wide) in makers.items() if (blocks := make(progress))]
    reference = _("(Attached to Report No. ........ of ........ by ........)")
    return {
        key: Appendix(
            label=_("Appendix {number}").format(number=roman(at)) if len(made) > 1 else _("Appendix"),
            title=title,
            reference=reference,
            blocks=blocks,
            landscape=wide,
        )
        for at, (key, title, blocks, wide) in enumerate(made, 1)
    }


def percent(share: float | None) -> str:
    """Write a share of 0-1 as 98,63%; "-" when there is nothing to divide by; whole only when exactly 0 or 1."""
    if share is None:
        return "-"
    return f"{number(share * 100, 0 if share in (0, 1) else 2)}%"


def days(count: int) -> str:
    """Write a number of working days."""
    return ngettext("{n} working day", "{n} working days", count).format(n=number(count))


def tier_table(progress: Progress) -> Table:
    """Return the figures by tier with their sum."""
    rows = [_figures(_(tier.label), counts) for tier, counts in progress.by_tier.items() if counts.total]
    rows.append(_figures(_("Total"), progress.counts, kind="total"))
    return Table(columns=_figure_columns(_("Tier")), rows=tuple(rows))


def _figure_columns(first: str, width: int = 30) -> tuple[Column, ...]:
    right: Align = "right"
    return (
        Column(title=first, width=width),
        Column(title=_("Total"), width=10, align=right),
        Column(title=_("Completed on time"), width=12, align=right, tone=Timeliness.DONE_ON_TIME),
        Column(title=_("Completed late"), width=12, align=right, tone=Timeliness.DONE_LATE),
        Column(title=_("Within time"), width=10, align=right, tone=Timeliness.IN_TIME),
        Column(title=_("Overdue"), width=10, align=right, tone=Timeliness.OVERDUE),
        Column(title=_("Awaiting confirmation"), width=11, align=right),
        Column(title=_("Without deadline"), width=10, align=right, tone=Timeliness.NO_DEADLINE),
        Column(title=_("Completion rate"), width=14, align=right),
    )


def _figures(name: str, c: Counts, *, kind: str = "plain", first: tuple[str, ...] = ()) -> Row:
    cells = (
        *first,
        name,
        *(
            number(n)
            for n in (
                c.total,
                c.done_on_time,
                c.done_late,
                c.open_in_time,
                c.open_overdue,
                c.awaiting_confirmation,
                c.no_deadline,
            )
        ),
        percent(c.completion),
    )
    return Row(cells=cells, kind="total" if kind == "total" else "plain")


def _numbered(column: Iterable[Column]) -> tuple[Column, ...]:
    return (Column(title=_("No."), width=6, align="center"), *column)


def _missing(progress: Progress) -> tuple[Block, ...]:
    filing = progress.filing
    if not filing.missing:
        return ()
    blocks: list[Block] = []
    if filing.deadline is not None:
        late = filing.missing[0].days_late
        text = _("Last day for filing: {day}.") if not late else _("Last day for filing: {day}; {days} have passed.")
        blocks.append(Paragraph(text.format(day=vi_date(filing.deadline), days=days(late))))
    for tier in (Tier.DEPARTMENT, Tier.DISTRICT):
        rows = [row for row in filing.missing if row.tier is tier]
        if rows:
            blocks.append(_missing_agencies(_(tier.label), rows))
    communes = [row for row in filing.missing if row.tier is Tier.COMMUNE]
    if communes:
        blocks.append(_missing_communes(communes))
    return tuple(blocks)


def _missing_agencies(title: str, missing: Sequence[MissingPlan]) -> Table:
    columns = _numbered([Column(title=_("Agency"), width=94)])
    rows = [Row(cells=(f"{title} ({number(len(missing))})",), kind="group")]
    rows += [Row(cells=(str(at), row.name)) for at, row in enumerate(missing, 1)]
    return Table(columns=columns, rows=tuple(rows))


def _missing_communes(missing: Sequence[MissingPlan]) -> Table:
    by_district: dict[str, list[str]] = defaultdict(list)
    for row in missing:
        by_district[row.parent_name].append(row.name.removeprefix(_COMMITTEE))
    columns = _numbered(
        [
            Column(title=_("District"), width=24),
            Column(title=_("Communes"), width=10, align="right"),
            Column(title=_("Communes that have not filed"), width=60),
        ]
    )
    rows = [Row(cells=(f"{_(Tier.COMMUNE.label)} ({number(len(missing))})",), kind="group")]
    rows += [
        Row(cells=(str(at), _unit(district), number(len(names)), ", ".join(names)))
        for at, (district, names) in enumerate(by_district.items(), 1)
    ]
    return Table(columns=columns, rows=tuple(rows))


def _unit(name: str) -> str:
    short = name.removeprefix(_COMMITTEE)
    return short[:1].upper() + short[1:]


def _targets(progress: Progress) -> tuple[Block, ...]:
    if not progress.targets:
        return ()
    columns = (
        Column(title=_("Target"), width=7, align="center"),
        Column(title=_("Content"), width=36),
        Column(title=_("Bound"), width=15),
        Column(title=_("To reach"), width=8, align="right"),
        Column(title=_("From or by"), width=11, align="center"),
        Column(title=_("Agencies"), width=8, align="right"),
        Column(title=_("Reported"), width=8, align="right"),
        Column(title=_("Met"), width=7, align="right"),
        Column(title=_("Rate"), width=9, align="right"),
    )
    rows = [
        Row(
            cells=(
                line.code,
                line.title,
                _(line.tier.label) if line.tier else _("The whole province"),
                f"{number(line.value, 0 if line.value == int(line.value) else 2)}{line.unit}",
                _from_or_by(line.holds_from, line.by),
                number(line.bound),
                number(line.reported),
                number(line.attained),
                percent(line.rate),
            )
        )
        for line in progress.targets
    ]
    return (Table(columns=columns, rows=tuple(rows)),)


def _from_or_by(holds_from: date | None, by: date | None) -> str:
    if holds_from is not None:
        return _("from {day}").format(day=vi_date(holds_from))
    return _("by {day}").format(day=vi_date(by)) if by is not None else "-"


def _by_agency(progress: Progress) -> tuple[Block, ...]:
    if not progress.counts.total:
        return ()
    with_tasks = [row for row in progress.agencies if row.counts.total]
    communes = [row for row in with_tasks if row.tier is Tier.COMMUNE]
    summed = len(communes) > _LIST_COMMUNES
    rows: list[Row] = []
    for tier in Tier:
        members = [row for row in with_tasks if row.tier is tier]
        if not members:
            continue
        rows.append(Row(cells=(f"{_(tier.label)} ({number(len(members))})",), kind="group"))
        lines = (
            _districts(progress, members) if tier is Tier.COMMUNE and summed else [(r.name, r.counts) for r in members]
        )
        rows += [_figures(name, counts, first=(str(at),)) for at, (name, counts) in enumerate(lines, 1)]
    rows.append(_figures(_("Total"), progress.counts, kind="total", first=("",)))
    table = Table(columns=_numbered(_figure_columns(_("Agency"), 56)), rows=tuple(rows))
    if not summed:
        return (table,)
    return (Paragraph(_("The figures of the communes are summed up by district.")), table)


def _districts(progress: Progress, communes: Sequence[AgencyLine]) -> list[tuple[str, Counts]]:
    names = {row.code: row.name for row in progress.agencies}
    members: dict[str, int] = defaultdict(int)
    for row in communes:
        members[row.parent or ""] += 1
    text = _("Communes of {district} ({n})")
    return [
        (
            text.format(district=names.get(parent, parent).removeprefix(_COMMITTEE), n=number(n)),
            progress.by_parent[parent],
        )
        for parent, n in members.items()
    ]


def _overdue(progress: Progress) -> tuple[Block, ...]:
    if not progress.overdue:
        return ()
    columns = _numbered(
        [
            Column(title=_("Task"), width=34),
            Column(title=_("Lead agency"), width=18),
            Column(title=_("Responsible person"), width=17),
            Column(title=_("Deadline"), width=17, align="center"),
            Column(title=_("Working days late"), width=9, align="right", tone=Timeliness.OVERDUE),
        ]
    )
    rows = [
        Row(
            cells=(
                str(at),
                f"{line.title} ({line.short_key})",
                line.agency_name,
                _person(line),
                _deadline(line),
                number(line.days_late),
            )
        )
        for at, line in enumerate(progress.overdue, 1)
    ]
    return (Table(columns=columns, rows=tuple(rows)),)


def _at_risk(progress: Progress) -> tuple[Block, ...]:
    if not progress.at_risk:
        return ()
    columns = _numbered(
        [
            Column(title=_("Task"), width=32),
            Column(title=_("Lead agency"), width=18),
            Column(title=_("Last day"), width=10, align="center"),
            Column(title=_("Forecast end"), width=10, align="center", tone=Timeliness.DUE_SOON),
            Column(title=_("Waits for"), width=25),
        ]
    )
    rows = [
        Row(
            cells=(
                str(at),
                f"{line.title} ({line.short_key})",
                line.agency_name,
                vi_date(line.last_day),
                vi_date(line.forecast_finish),
                "; ".join(f"{other.title} ({other.task}, {other.agency_name})" for other in line.waits_for) or "-",
            )
        )
        for at, line in enumerate(progress.at_risk, 1)
    ]
    return (Table(columns=columns, rows=tuple(rows)),)


def _person(line: TaskLine) -> str:
    return f"{line.responsible_name}, {line.responsible_title}" if line.responsible_title else line.responsible_name


def _deadline(line: TaskLine) -> str:
    if not line.extensions:
        return line.due_text or vi_date(line.last_day)
    return _("{day} (extensions: {times}; first deadline: {first})").format(
        day=vi_date(line.last_day), times=line.extensions, first=line.due_text or vi_date(line.first_last_day)
    )
