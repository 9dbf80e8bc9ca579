"""The last three parts of the report: the assessment, the tasks of the next period, the proposals to the Chairman.

Knows no format and computes no figure. Nothing is said that the data does not show: agencies are praised or named by
their figures alone, and a cause is stated only where a dependency between tasks proves it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from planner.domain.figures import LOOK_AHEAD, Progress
from planner.i18n import gettext as _
from planner.reporter.appendices import days
from planner.reporter.document import Block, Column, Heading, Paragraph, Row, Table
from planner.templating import number, vi_date

_NAMED = 10  #: agencies or tasks named in the text; all stand in the appendices

See = Callable[[str], str]
"""Gives the reference to an appendix by its key, with a space before it, or "" when it is left out."""


def assessment(progress: Progress, see: See) -> tuple[Block, ...]:
    """Return part III: who did well, who did not, and what the data shows of the causes."""
    best = [row for row in progress.agencies if row.counts.all_on_time]
    worst = progress.most_overdue
    blocks: list[Block] = [Heading("1. " + _("Strengths"))]
    if best:
        done = [_("{agency} ({n}/{n} tasks)").format(agency=r.name, n=number(r.counts.done_on_time)) for r in best]
        text = _("Agencies that completed all their tasks with a deadline on time: {n}, namely {names}.")
        blocks.append(Paragraph(text.format(n=number(len(best)), names=_few(done))))
    else:
        blocks.append(Paragraph(_("No agency has yet completed all its tasks with a deadline on time.")))
    blocks.append(Heading("2. " + _("Shortcomings")))
    if worst:
        late = [
            _("{agency} (overdue tasks: {n}, the longest by {days})").format(
                agency=row.name, n=number(row.counts.open_overdue), days=days(row.worst)
            )
            for row in worst
        ]
        text = _("Agencies with overdue tasks: {n}, most of them at {names}{see}.")
        blocks.append(Paragraph(text.format(n=number(len(worst)), names=_few(late), see=see("overdue"))))
    else:
        blocks.append(Paragraph(_("No agency has an overdue task.")))
    if progress.counts.done_late:
        text = _("Tasks completed after their deadline: {n}.")
        blocks.append(Paragraph(text.format(n=number(progress.counts.done_late))))
    blocks.append(Heading("3. " + _("Causes")))
    if not worst:
        blocks.append(Paragraph(_("There is no overdue task to explain.")))
        return tuple(blocks)
    text = _(
        "Overdue tasks: {all}; waiting for an unfinished task of another agency: {waiting}. For the others the data"
        " shows no cause; the lead agencies have to explain the reasons and responsibilities."
    )
    waiting = number(progress.overdue_waiting)
    blocks.append(Paragraph(text.format(all=number(progress.counts.open_overdue), waiting=waiting)))
    return tuple(blocks)


def next_period(progress: Progress) -> tuple[Block, ...]:
    """Return part IV: what falls due next."""
    end = vi_date(progress.as_of + timedelta(days=LOOK_AHEAD))
    blocks: list[Block] = []
    if progress.upcoming:
        text = _("Tasks due in the next {days} days (up to {end}): {n}.")
        shown = progress.upcoming[:_NAMED]
        if len(shown) < len(progress.upcoming):
            text += " " + _("The first {shown} are:")
        blocks.append(
            Paragraph(text.format(days=LOOK_AHEAD, end=end, n=number(len(progress.upcoming)), shown=len(shown)))
        )
        columns = (
            Column(title=_("No."), width=8, align="center"),
            Column(title=_("Task"), width=52),
            Column(title=_("Lead agency"), width=40),
            Column(title=_("Last day"), width=18, align="center"),
        )
        rows = (
            Row(cells=(str(at), line.title, line.agency_name, vi_date(line.last_day)))
            for at, line in enumerate(shown, 1)
        )
        blocks.append(Table(columns=columns, rows=tuple(rows)))
    else:
        blocks.append(
            Paragraph(_("No task is due in the next {days} days (up to {end}).").format(days=LOOK_AHEAD, end=end))
        )
    for target in progress.targets_to_come:
        text = _("Target {code} must be met from {day}: {title}.")
        blocks.append(Paragraph(text.format(code=target.code, day=vi_date(target.starts), title=target.title)))
    return tuple(blocks)


def proposals(progress: Progress, issuer: str, see: See) -> tuple[Block, ...]:
    """Return part V: what the Chairman is asked to do, and what the department has to do itself."""
    found: list[str] = []
    if progress.filing.missing:
        text = _("To direct the agencies without a plan ({n}) to file one at once{see}.")
        found.append(text.format(n=number(len(progress.filing.missing)), see=see("missing")))
    others = [row for row in progress.most_overdue if row.code != progress.department]
    if others:
        text = _(
            "To urge the agencies with overdue tasks ({n}) to complete them, to explain the causes of the delay and to"
            " name the responsible collectives and persons{see}; first of all: {names}."
        )
        names = _few([row.name for row in others])
        found.append(text.format(n=number(len(others)), see=see("overdue"), names=names))
    holding = progress.holding_up
    if holding:
        text = _("To have agencies whose unfinished tasks hold up others finish these first: {names}.")
        found.append(text.format(names=_few(list(holding))))
    for row in progress.undecided:
        text = _("To decide which of {among} takes over the unfinished tasks of {agency} ({n}).")
        found.append(text.format(among=", ".join(row.among), n=number(row.open_tasks), agency=row.name))
    blocks: list[Block] = []
    if found:
        blocks.append(Paragraph(_("{issuer} proposes to the Chairman:").format(issuer=issuer)))
        blocks.extend(Paragraph(f"{at}. {text}") for at, text in enumerate(found, 1))
    else:
        blocks.append(Paragraph(_("{issuer} has no proposal for this period.").format(issuer=issuer)))
    own = next((row for row in progress.most_overdue if row.code == progress.department), None)
    if own is not None:
        text = _("{issuer} will itself complete its own overdue tasks ({n}).")
        blocks.append(Paragraph(text.format(issuer=issuer, n=number(own.counts.open_overdue))))
    return tuple(blocks)


def _few(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return "; ".join(names)
    more = number(len(names) - _NAMED)
    return _("{names} and {n} others").format(names="; ".join(names[:_NAMED]), n=more)
