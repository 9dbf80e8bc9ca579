"""Everything one person must be told today, written as one mail.

Pure: reads no clock, no database and no policy; what is due and for whom has been decided. What a kind of notice says
stands in `templates/notification/<kind>/`; here the lines are put into groups, sorted, counted and named truthfully.
Source: design notes "Reminders and escalations"; model wording of the province's letters.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from planner import i18n, templating
from planner.config import ZONE
from planner.domain.agency import Officer
from planner.domain.notification import NoticeKind
from planner.i18n import N_, ngettext
from planner.i18n import gettext as _
from scheduler.message import Message
from scheduler.wording import Item, Line, clean, is_own, line_of

__all__ = ["Item", "Message", "compose"]

IN_FULL = 20  #: items of a group that are told in full; the rest is counted
AGENCIES_NAMED = 20  #: agencies that are named when the rest is counted
WIDTH = 72  #: columns of the plain text


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One chapter of a digest; `_GROUPS` lists them in the order of a mail."""

    name: str
    tag: str  #: message id: how the subject begins when this is the gravest group
    title: str  #: message id of the heading
    request: str  #: message id of what is asked of the reader
    first: Callable[[int], str]  #: the count, when it stands first in the subject
    then: str  #: message id of the count after another one


_GROUPS = (
    Group(
        name="overdue",
        tag=N_("[Overdue]"),
        title=N_("Overdue tasks"),
        request=N_(
            "Please complete the overdue tasks without delay, record the results with the documents that show them, "
            "and explain the causes of the delay (objective, subjective)."
        ),
        first=lambda n: ngettext("{n} task overdue", "{n} tasks overdue", n),
        then=N_("{n} overdue"),
    ),
    Group(
        name="due",
        tag=N_("[Reminder]"),
        title=N_("Tasks due soon"),
        request=N_(
            "Please complete the tasks that fall due and record the results with the documents that show them. If "
            "difficulties make the deadline impossible, please report to the head of the agency and ask for an "
            "extension in writing, with the reasons, before the deadline passes."
        ),
        first=lambda n: ngettext("{n} task due soon", "{n} tasks due soon", n),
        then=N_("{n} due soon"),
    ),
    Group(
        name="returned",
        tag=N_("[Returned]"),
        title=N_("Results returned to be redone"),
        request=N_("Please put right what was found wanting in the results returned, and hand them in again."),
        first=lambda n: ngettext("{n} result returned", "{n} results returned", n),
        then=N_("{n} returned"),
    ),
    Group(
        name="risk",
        tag=N_("[Warning]"),
        title=N_("Tasks that may miss their deadline"),
        request=N_("Please act now on the tasks that may miss their deadline."),
        first=lambda n: ngettext("{n} task may miss its deadline", "{n} tasks may miss their deadline", n),
        then=N_("{n} at risk of delay"),
    ),
    Group(
        name="filing",
        tag=N_("[Plan filing]"),
        title=N_("Plans not yet filed"),
        request=N_("Please see to it that the plans still owed are completed, issued and filed."),
        first=lambda n: ngettext("{n} plan not yet filed", "{n} plans not yet filed", n),
        then=N_("plans not yet filed: {n}"),
    ),
    Group(
        name="others",
        tag=N_("[For direction]"),
        title=N_("Tasks submitted for your direction"),
        request=N_("Please consider the tasks submitted for direction, and direct and urge their completion."),
        first=lambda n: ngettext("{n} task for your direction", "{n} tasks for your direction", n),
        then=N_("{n} for your direction"),
    ),
    Group(
        name="waiting",
        tag=N_("[Information]"),
        title=N_("Tasks that wait for another agency"),
        request=N_("Please keep in touch with the agencies whose results you wait for."),
        first=lambda n: ngettext("{n} task waits for another agency", "{n} tasks wait for another agency", n),
        then=N_("{n} waiting for another agency"),
    ),
    Group(
        name="confirmations",
        tag=N_("[Confirmation]"),
        title=N_("Results that wait for your confirmation"),
        request=N_("Please confirm the results handed in, or return them with the reasons."),
        first=lambda n: ngettext("{n} result to confirm", "{n} results to confirm", n),
        then=N_("{n} to confirm"),
    ),
)

#: Group of a kind told to the one who does the work, and to anybody else. The order is from mild to grave.
_PLACES: dict[NoticeKind, tuple[str, str]] = {
    NoticeKind.CONFIRMATION: ("confirmations", "confirmations"),
    NoticeKind.BLOCKED: ("waiting", "waiting"),
    NoticeKind.AT_RISK: ("risk", "risk"),
    NoticeKind.REMINDER: ("due", "due"),
    NoticeKind.RETURNED: ("returned", "others"),
    NoticeKind.FILING: ("filing", "filing"),
    NoticeKind.ESCALATION: ("overdue", "others"),
    NoticeKind.OVERDUE: ("overdue", "overdue"),
    NoticeKind.URGING: ("overdue", "others"),
    NoticeKind.CHAIRMAN_LIST: ("overdue", "others"),
}
_GRAVITY = list(_PLACES)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chapter:
    """A group with its lines, as a template sees it."""

    numeral: str  #: "II"
    title: str
    request: str
    count: int
    lines: tuple[Line, ...]
    rest: str  #: the items not told in full, counted by agency; "" when there are none


def compose(
    recipient: Officer,
    agency_name: str,
    items: Sequence[Item],
    *,
    today: date,
    now: datetime,
    site: Path | None = None,
    command: str = "planner",
) -> Message:
    """Write one mail that tells `recipient` every item once, in the language in force.

    Args:
        recipient: whom it addresses.
        agency_name: name of the recipient's own agency.
        items: what to tell, in any order; at least one.
        today: the day that counts are made for.
        now: the instant of the figures, shown in the mail.
        site: folder whose templates stand before the shipped ones.
        command: name of the program in the commands shown.

    Raises:
        ValueError: there is nothing to tell.
    """
    if not items:
        raise ValueError("a mail without items")
    grouped = _grouped(items, recipient)
    counts = ", ".join(
        (_(group.then) if i else group.first(len(mine))).format(n=templating.number(len(mine)))
        for i, (group, mine) in enumerate(grouped)
    )
    chapters = [_chapter(i, group, mine, recipient, today) for i, (group, mine) in enumerate(grouped)]
    local = now.astimezone(ZONE)
    context = {
        "lang": i18n.language(),
        "recipient": ", ".join(filter(None, map(clean, (recipient.name, recipient.title, agency_name)))),
        "counts": counts,
        "tag": _(grouped[0][0].tag),
        "only": chapters[0].lines[0] if sum(len(mine) for _group, mine in grouped) == 1 else None,
        "chapters": chapters,
        "at": _("{time} on {day}").format(time=f"{local:%H:%M}", day=templating.vi_date(local.date())),
        "program": command,
    }
    folder = "notification/digest"
    subject = clean(templating.render(f"{folder}/subject.txt", context, site))
    context["subject"] = subject
    text = templating.render(f"{folder}/body.txt", context, site)
    return Message(subject=subject, text=_wrap(text), html=templating.render(f"{folder}/body.html", context, site))


def _grouped(items: Iterable[Item], recipient: Officer) -> list[tuple[Group, list[Item]]]:
    """Put the items into their groups, each subject once, the most urgent first; empty groups are left out.

    Within a group a subject is told by its gravest kind. What an earlier group tells, the groups of those above and of
    risks do not repeat: the head who is also the responsible person reads of a task once.
    """
    groups: dict[str, dict[str, Item]] = {group.name: {} for group in _GROUPS}
    for item in sorted(items, key=lambda i: _GRAVITY.index(i.notice.kind)):  # a graver one replaces a milder one
        place = _PLACES[item.notice.kind][0 if is_own(item, recipient) else 1] if item.task else "filing"
        groups[place][item.notice.subject] = item
    told = groups["overdue"].keys() | groups["due"].keys()
    for name in ("risk", "others"):
        spare = (NoticeKind.AT_RISK, NoticeKind.ESCALATION)  # an urging letter must be written all the same
        groups[name] = {k: i for k, i in groups[name].items() if k not in told or i.notice.kind not in spare}
    return [(group, sorted(mine.values(), key=_urgency)) for group in _GROUPS if (mine := groups[group.name])]


def _urgency(item: Item) -> tuple[int, date, str]:
    return (item.days if item.last_day else 10**6, item.last_day or date.max, item.notice.subject)


def _chapter(place: int, group: Group, mine: Sequence[Item], recipient: Officer, today: date) -> Chapter:
    lines = tuple(line_of(i, item, recipient, today) for i, item in enumerate(mine[:IN_FULL], 1))
    return Chapter(
        numeral=("I", "II", "III", "IV", "V", "VI", "VII", "VIII")[place],
        title=_(group.title),
        request=_(group.request),
        count=len(mine),
        lines=lines,
        rest=_rest(mine[IN_FULL:]),
    )


def _rest(items: Sequence[Item]) -> str:
    if not items:
        return ""
    counted = Counter(clean(item.agency_name) for item in items)
    named = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [_("{agency}: {n}").format(agency=name, n=templating.number(n)) for name, n in named[:AGENCIES_NAMED]]
    if named[AGENCIES_NAMED:]:
        n = sum(n for _name, n in named[AGENCIES_NAMED:])
        text = _("{agencies} other agencies: {n}")
        parts.append(text.format(agencies=len(named) - AGENCIES_NAMED, n=templating.number(n)))
    text = ngettext("And {n} more, by agency: {list}.", "And {n} more, by agency: {list}.", len(items))
    return text.format(n=templating.number(len(items)), list="; ".join(parts))


_LEAD = re.compile(r" *(?:- |\d+\. )?")
_GAPS = re.compile(r"\n{3,}")
_TWO_BLANKS = re.compile(r"  (?<=\S  )")  # the blanks first: the search then leaps from one pair to the next


def _wrap(text: str) -> str:
    """Break lines at `WIDTH`, hanging under their text; a line indented by eight or more (a command) stays whole."""
    done: list[str] = []
    odd = _is_odd(text)  # asked of the whole first: hardly any text is
    for line in text.splitlines():
        if line.startswith(" " * 8) or not line.strip() or (len(line) <= WIDTH and not odd):
            done.append(line.rstrip())
        elif (odd and _is_odd(line)) or not (broken := _broken(line)):
            hang = " " * len(_lead(line))
            done += textwrap.wrap(line, WIDTH, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)
        else:
            done += broken
    return _GAPS.sub("\n\n", "\n".join(done)).strip() + "\n"


def _is_odd(text: str) -> bool:
    """Say whether the short way of breaking lines may not know a text: other blanks, or two behind a word."""
    return not text.replace("\n", "").isprintable() or _TWO_BLANKS.search(text) is not None


def _lead(line: str) -> str:
    """Return what stands before the text of a line: blanks, and the mark or number of an entry of a list."""
    found = _LEAD.match(line)
    return found.group() if found else ""


def _broken(line: str) -> list[str]:
    """Break a line of words with one blank between them, as `textwrap` would, only quicker; [] when it cannot."""
    rest, hang = line.rstrip(), ""
    done: list[str] = []
    while len(rest) > WIDTH:
        hang = hang or " " * len(_lead(line))
        indent = len(rest) - len(rest.lstrip())
        at = rest.rfind(" ", 0, WIDTH + 1)
        if at < indent + 1:  # a word that is longer than a line
            return []
        done.append(rest[:at])
        rest = hang + rest[at + 1 :]
    return [*done, rest]
