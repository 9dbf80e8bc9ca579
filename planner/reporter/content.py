"""What the Chairman's report says: the figures of `Progress` put into the sentences of an official report.

Knows no format and computes no figure; parts III to V stand in `assessment.py`, the appendices in `appendices.py`.
Source: the report's frame in the project's notes; section 3.2 of the notice of 29 April 2020.
"""

from __future__ import annotations

from datetime import date, datetime

from planner import i18n
from planner.domain.figures import Counts, Progress
from planner.i18n import gettext as _
from planner.reporter.appendices import appendices, percent, tier_table
from planner.reporter.assessment import See, assessment, next_period, proposals
from planner.reporter.document import (
    Align,
    Block,
    Column,
    Heading,
    Letterhead,
    Paragraph,
    Report,
    Row,
    Section,
    Signature,
    Table,
)
from planner.templating import number, vi_date, vi_instant

TYPE_NAME = "BÁO CÁO"
NO_BREAK = "\u00a0"  #: a space at which no line ends


def status_report(
    progress: Progress,
    *,
    issuer: str,
    superior: str,
    place: str,
    dated: date,
    extracted_at: datetime,
    signer_post: str,
    signer_name: str = "",
    authority: tuple[str, ...] = (),
    number_given: str = "",
    symbol: str = "",
    subject: str = "",
    period: str = "",
    since: date | None = None,
    addressee: str = "",
    recipients: tuple[str, ...] = (),
    letters: int | None = None,
    inspections: int | None = None,
    reminders: int | None = None,
) -> Report:
    """Return the report on how the plans under a directive are carried out.

    Args:
        progress: the figures.
        issuer: name of the agency that reports, "Sở Thông tin và Truyền thông".
        superior: its superior agency, as it stands at the top left.
        place: of the date line.
        dated: date of the document.
        extracted_at: instant at which the data was cut off.
        signer_post: "GIÁM ĐỐC".
        signer_name: "" leaves room for it.
        authority: lines above the post.
        number_given: the document's number; "" until the records office gives one.
        symbol: "" makes it from the department's code: BC-STTTT.
        subject: what the report is about; "" takes the wording for electronic handling of documents.
        period: "quý II năm 2020", put after the subject.
        since: first day of the period; None: figures since the beginning.
        addressee: "" takes the Chairman.
        recipients: lines of Nơi nhận; () takes the usual ones.
        letters: urging letters in the period; None: not known, not mentioned.
        inspections: inspections in the period; None: not known, not mentioned.
        reminders: notices sent in the period; None: not known, not mentioned.
    """
    topic = subject or _("Implementation of the plans for handling documents and administrative procedures online")
    chairman = addressee or _("Chairman of the Provincial People's Committee")
    annexes = appendices(progress)
    labels = {key: annex.label for key, annex in annexes.items()}

    def see(key: str) -> str:
        return f" ({labels[key].replace(' ', NO_BREAK)})" if key in labels else ""

    activity = (
        (letters, _("urging letters: {n}")),
        (inspections, _("inspections: {n}")),
        (reminders, _("reminders and notices sent: {n}")),
        (progress.counts.extensions, _("extensions granted: {n}")),
    )
    return Report(
        language=i18n.language(),
        letterhead=Letterhead(
            superior=superior,
            issuer=issuer,
            symbol=symbol or f"BC-{progress.department.upper()}",
            number=number_given,
            place=place,
            day=dated,
        ),
        type_name=TYPE_NAME,
        subject=f"{topic} {period}".strip(),
        period_line=_period_line(progress.as_of, since, extracted_at),
        salutation=_("To:"),
        addressees=(chairman,),
        sections=(
            Section(title="I. " + _("GENERAL SITUATION"), blocks=_situation(progress, issuer, see)),
            Section(
                title="II. " + _("RESULTS"),
                blocks=(
                    *_target_results(progress, see),
                    *_task_results(progress, see),
                    Heading("3. " + _("Urging and inspection")),
                    Paragraph(_sentence("; ".join(t.format(n=number(n)) for n, t in activity if n is not None))),
                ),
            ),
            Section(title="III. " + _("ASSESSMENT"), blocks=assessment(progress, see)),
            Section(title="IV. " + _("MAIN TASKS OF THE NEXT PERIOD"), blocks=next_period(progress)),
            Section(title="V. " + _("PROPOSALS"), blocks=proposals(progress, issuer, see)),
        ),
        closing=_("This is the report on: {topic}. {issuer} submits it to the {addressee} for consideration./.").format(
            topic=_lower(f"{topic} {period}".strip()), issuer=issuer, addressee=chairman
        ),
        signature=Signature(post=signer_post, name=signer_name, authority=authority),
        recipients_title=_("Recipients:"),
        recipients=recipients or (_("As above"), _("Archives: records office, IT section")),
        appendices=tuple(annexes.values()),
    )


def _period_line(as_of: date, since: date | None, extracted_at: datetime) -> str:
    if since is None:
        text = _("(Figures up to {end}; data taken at {instant})")
        return text.format(end=vi_date(as_of), instant=vi_instant(extracted_at))
    text = _("(Figures from {start} to {end}; data taken at {instant})")
    return text.format(start=vi_date(since), end=vi_date(as_of), instant=vi_instant(extracted_at))


def _situation(progress: Progress, issuer: str, see: See) -> tuple[Block, ...]:
    order, filing = progress.directive, progress.filing
    with_number = _("{title} (No. {number} of {date})") if order.number else _("{title} (of {date})")
    named = with_number.format(title=order.title, number=order.number, date=vi_date(order.issued_on))
    blocks: list[Block] = [
        Paragraph(
            _("Under {directive}, {issuer} follows up, urges, inspects and compiles the results, as follows:").format(
                directive=named, issuer=issuer
            )
        )
    ]
    if not filing.owed:
        return (*blocks, Paragraph(_("No agency owes a plan under this directive.")))
    lacking = filing.owed - filing.filed
    text = _("Agencies that owe a plan: {owed}; filed: {filed} ({rate}); not filed: {missing}{see}.").format(
        owed=number(filing.owed),
        filed=number(filing.filed),
        rate=percent(filing.rate),
        missing=number(lacking),
        see=see("missing"),
    )
    if filing.deadline is not None:
        text += " " + _("Plans had to be filed by the end of {day}.").format(day=vi_date(filing.deadline))
    blocks.append(Paragraph(text))
    right: Align = "right"
    columns = (
        Column(title=_("Tier"), width=40),
        Column(title=_("Must file"), width=15, align=right),
        Column(title=_("Filed"), width=15, align=right),
        Column(title=_("Not filed"), width=15, align=right),
        Column(title=_("Rate"), width=15, align=right),
    )
    rows = [
        Row(cells=(_(tier.label), number(owed), number(filed), number(owed - filed), percent(filed / owed)))
        for tier, (owed, filed) in filing.by_tier.items()
    ]
    blocks.append(Table(columns=columns, rows=tuple(rows)))
    return tuple(blocks)


def _target_results(progress: Progress, see: See) -> tuple[Block, ...]:
    title = Heading("1. " + _("Targets of the directive"))
    if not progress.targets:
        return (title, Paragraph(_("The directive sets no target.")))
    binding = progress.targets_in_force
    text = _("Targets: {all}; to be met by now: {now}, of which met by every agency concerned: {met}{see}.").format(
        all=number(len(progress.target_codes)),
        now=number(len(binding)),
        met=number(len(progress.targets_met)),
        see=see("targets"),
    )
    if progress.targets_unreported:
        text += " " + _("No value has been reported yet for targets {codes}.").format(
            codes=", ".join(progress.targets_unreported)
        )
    return (title, Paragraph(text))


def _task_results(progress: Progress, see: See) -> tuple[Block, ...]:
    c = progress.counts
    title = Heading("2. " + _("Tasks"))
    if not c.total:
        return (title, Paragraph(_("No task has been recorded yet.")))
    blocks: list[Block] = [
        title,
        Paragraph(
            _(
                "Total tasks: {total}, of which with a deadline: {dated}. Completed: {done} (on time {on_time}, late"
                " {late}); not completed: {open} (within time {in_time}, overdue {overdue}); awaiting confirmation:"
                " {awaiting}; without a deadline: {no_deadline}{see}."
            ).format(
                total=number(c.total),
                dated=number(c.with_deadline),
                done=number(c.done),
                on_time=number(c.done_on_time),
                late=number(c.done_late),
                open=number(c.open_in_time + c.open_overdue),
                in_time=number(c.open_in_time),
                overdue=number(c.open_overdue),
                awaiting=number(c.awaiting_confirmation),
                no_deadline=number(c.no_deadline),
                see=see("tasks"),
            )
        ),
        Paragraph(_rates(c)),
        tier_table(progress),
    ]
    if c.open_overdue:
        late = progress.ageing
        text = _(
            "Overdue tasks by working days late: up to 5 days: {a}; 6 to 10 days: {b}; 11 to 20 days: {c};"
            " over 20 days: {d}{see}."
        )
        counts = [number(late[key]) for key in ("up_to_5", "6_to_10", "11_to_20", "over_20")]
        blocks.append(Paragraph(text.format(a=counts[0], b=counts[1], c=counts[2], d=counts[3], see=see("overdue"))))
    if progress.at_risk:
        text = _("Tasks within time that are forecast to end after their deadline: {n}{see}.")
        blocks.append(Paragraph(text.format(n=number(len(progress.at_risk)), see=see("at_risk"))))
    return tuple(blocks)


def _rates(c: Counts) -> str:
    if not c.due:
        return _("No task has fallen due yet, so no completion rate is given.")
    return _(
        "Completion rate among tasks due: {done}/({done} + {overdue}) = {completion}; on-time rate among tasks due:"
        " {on_time}; completed of all tasks with a deadline: {of_all}."
    ).format(
        done=number(c.done),
        overdue=number(c.open_overdue),
        completion=percent(c.completion),
        on_time=percent(c.on_time),
        of_all=percent(c.done_of_all),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
