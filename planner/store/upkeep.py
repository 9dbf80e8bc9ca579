"""Keeps what waits true: notices settled that no longer hold, and what a person takes out or has tried again.

What touches notices and their mails together stands here; each of them alone in `ledger.py` and `outbox.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, and_, bindparam, case, or_, select, update
from sqlalchemy.orm import Session

from planner import points
from planner.config import ZONE
from planner.domain.notification import MailState, Notice, NoticeState
from planner.domain.status import TaskState
from planner.i18n import gettext as _
from planner.store import cases, ledger, outbox
from planner.store.plans import OPEN_STATES
from planner.store.tables import MailRow, NoticeRow, TaskRow


def reconcile(
    session: Session, judged: Mapping[str, Notice], at: datetime, *, subjects: Collection[str] | None = None
) -> Counter[NoticeState]:
    """Bring what waits in the ledger up to date: settle what is no longer to be sent, follow a change of person.

    A digest of an earlier day that nobody has begun to send is given up, for today's tells all of it as of today. One
    of unknown fate is repeated as it is while all of it holds; else it is given up too, lest a lower step come after a
    higher one. Who has been told the step in another role does not get it again in the place of somebody who left.

    Args:
        session: a writing transaction.
        judged: every notice that holds now, by key; a waiting one that is missing there is obsolete.
        at: now.
        subjects: what was judged; a waiting notice of another subject is left for the next time. None: everything was.

    Returns:
        How many notices were settled, by their new state.
    """
    today = at.astimezone(ZONE).date()
    waiting = session.execute(
        select(
            NoticeRow.id,
            NoticeRow.key,
            NoticeRow.subject,
            NoticeRow.mail_id,
            NoticeRow.recipient,
            NoticeRow.kind,
            and_(MailRow.day < today, MailRow.kind == "digest", MailRow.state == MailState.READY.value).label("is_old"),
        )
        .outerjoin(MailRow, MailRow.id == NoticeRow.mail_id)
        .where(
            or_(
                NoticeRow.state == NoticeState.QUEUED.value,
                and_(NoticeRow.state == NoticeState.MAILED.value, outbox.may_be_given_up(today)),
            )
        )
    ).all()
    others = [
        notice
        for row in waiting
        if (notice := judged.get(row.key)) is not None and notice.recipient not in ("", row.recipient)
    ]
    known = ledger.already_told(session, others)
    settled: dict[int, tuple[NoticeState, bool]] = {}
    keys: dict[int, str] = {}
    moved: dict[int, Notice] = {}
    mails: dict[int, int] = {}
    for row in waiting:
        if subjects is not None and row.subject not in subjects:
            continue
        notice = judged.get(row.key)
        if notice is None or notice.state is not NoticeState.QUEUED:
            settled[row.id] = (notice.state, notice.may_return) if notice else (NoticeState.OBSOLETE, False)
            keys[row.id] = row.key
        elif row.key in known:
            settled[row.id] = (NoticeState.SUPPRESSED, False)
            keys[row.id] = row.key
        elif (notice.recipient, notice.kind.value) != (row.recipient, row.kind):
            moved[row.id] = notice
        elif not row.is_old:
            continue
        if row.mail_id is not None:
            mails[row.id] = row.mail_id
    gone = outbox.give_up(session, set(mails.values()), today)
    # A mail that another worker has just taken up goes out as it is, and its notices with it.
    away = {notice_id for notice_id, mail_id in mails.items() if mail_id not in gone}
    done: Counter[NoticeState] = Counter()
    for then in dict.fromkeys(settled.values()):
        state, may_return = then
        for some in ledger.chunks([one for one, found in settled.items() if found == then and one not in away]):
            changed = session.execute(
                update(ledger.NOTICE)
                .where(
                    ledger.NOTICE.c.id.in_(some),
                    _as_read(ledger.NOTICE.c.mail_id.in_([mails[one] for one in some if one in mails])),
                )
                .values(state=state.value, may_return=may_return, settled_at=at)
            )
            done[state] += cast(CursorResult[Any], changed).rowcount
    # The ledger says why a notice is not told, no longer why it would have been.
    why = [
        {
            "b_id": one,
            "b_at": at,
            "b_state": state.value,
            "b_reason": _("Already told in another role.") if keys[one] in known else judged[keys[one]].reason,
        }
        for one, (state, _may_return) in settled.items()
        if keys[one] in judged and one not in away
    ]
    if why:
        session.connection().execute(_SAY_WHY, why)
    follow = [
        {
            "b_id": one,
            "b_mail": mails.get(one),
            "b_recipient": notice.recipient,
            "b_kind": notice.kind.value,
            "b_reason": notice.reason,
        }
        for one, notice in moved.items()
        if one not in away
    ]
    if follow:
        session.connection().execute(
            update(ledger.NOTICE)
            .where(ledger.NOTICE.c.id == bindparam("b_id"), _as_read(ledger.NOTICE.c.mail_id == bindparam("b_mail")))
            .values(recipient=bindparam("b_recipient"), kind=bindparam("b_kind"), reason=bindparam("b_reason")),
            follow,
        )
    ledger.release(session, sorted(gone))
    points.reach("ledger settled")
    return +done


# Only what this very round has settled: another worker may have been faster.
_SAY_WHY = (
    update(ledger.NOTICE)
    .where(
        ledger.NOTICE.c.id == bindparam("b_id"),
        ledger.NOTICE.c.state == bindparam("b_state"),
        ledger.NOTICE.c.settled_at == bindparam("b_at"),
    )
    .values(reason=bindparam("b_reason"))
)


def _as_read(in_its_mail: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a notice is still in no mail, or in the mail that it was read in, which is given up.

    Since it was read another worker may have put it into a mail, which goes out with it.
    """
    queued = ledger.NOTICE.c.state == NoticeState.QUEUED.value
    mailed = ledger.NOTICE.c.state == NoticeState.MAILED.value
    return or_(queued, and_(mailed, in_its_mail))


def follow_renumbering(session: Session, moved: Mapping[str, str]) -> None:
    """Let the ledger follow tasks to their new keys, so that nobody is told twice, and nobody of the wrong task.

    A mail that nobody has begun to send names the old number; it is given up, and the next round writes it anew.

    Args:
        session: a writing transaction.
        moved: new task key by old task key; two tasks may change places.
    """
    cases.follow_renumbering(session, moved)
    rows = [
        row
        for some in ledger.chunks(list(moved))
        for row in session.scalars(select(NoticeRow).where(NoticeRow.subject.in_(some)))
    ]
    if not rows:
        return
    gone = outbox.give_up(session, {row.mail_id for row in rows if row.mail_id is not None})
    ledger.release(session, sorted(gone))
    _rename(session, {row.id: replace(ledger.notice_of(row), subject=moved[row.subject]) for row in rows})
    session.expire_all()


@dataclass(frozen=True, kw_only=True, slots=True)
class Entered:
    """A notice of the ledger, with what the day of its step counts from."""

    id: int
    subject: str
    revision: int
    rung: str
    nominal: date
    policy: str  #: hash
    state: str | None  #: of the task; None: the notice is about a plan that is owed
    last_day: date | None  #: of the task
    since: datetime | None  #: the task is in its state


def entered(session: Session) -> Iterator[Entered]:
    """Yield the notices about tasks that are open or submitted, of their present deadlines, and about plans.

    Those of one step of one subject come together, the earliest day first.
    """
    notice = ledger.NOTICE.c
    of_task = (TaskRow.key == notice.subject, TaskRow.deadline_revision == notice.revision)
    statement = (
        select(
            notice.id,
            notice.subject,
            notice.revision,
            notice.rung,
            notice.nominal,
            notice.policy_hash.label("policy"),
            TaskRow.state,
            TaskRow.last_day,
            TaskRow.state_since.label("since"),
        )
        .outerjoin(TaskRow, and_(*of_task))
        # The key of a task has a colon, that of a plan has none.
        .where(or_(TaskRow.state.in_((*OPEN_STATES, TaskState.SUBMITTED.value)), notice.subject.not_like("%:%")))
        .order_by(notice.subject, notice.revision, notice.rung, notice.nominal)
    )
    for row in session.execute(statement.execution_options(yield_per=5000)):
        yield Entered(**row._mapping)


def follow_calendar(session: Session, moved: Mapping[int, date]) -> None:
    """Let the ledger follow steps to the days on which they fall by a calendar that was changed: told is told.

    Args:
        session: a writing transaction.
        moved: the new day by the id of a notice; several steps of a series may change places.
    """
    rows = [
        row
        for some in ledger.chunks(list(moved))
        for row in session.execute(select(ledger.NOTICE).where(ledger.NOTICE.c.id.in_(some)))
    ]
    _rename(session, {row.id: replace(ledger.notice_of(row), nominal=moved[row.id]) for row in rows})


def _rename(session: Session, notices: Mapping[int, Notice]) -> None:
    """Give rows of the ledger the subjects and days of `notices`, by id, and the keys that follow from them."""
    change = update(ledger.NOTICE).where(ledger.NOTICE.c.id == bindparam("b_id"))
    # In two steps: while they change places, a key may still be another notice's.
    session.connection().execute(
        change.values(key=bindparam("b_key")), [{"b_id": one, "b_key": f"moving {one}"} for one in notices]
    )
    session.connection().execute(
        change.values(key=bindparam("b_key"), subject=bindparam("b_subject"), nominal=bindparam("b_nominal")),
        [
            {"b_id": one, "b_key": notice.key, "b_subject": notice.subject, "b_nominal": notice.nominal}
            for one, notice in notices.items()
        ],
    )


def cancel(session: Session, notice_key: str, at: datetime, *, reason: str) -> bool:
    """Take a notice out for good that waits, or stands in a mail that nobody has begun to send; False when too late.

    What else such a mail carries goes into another one. The ledger keeps `reason`, who and why, before its own.
    """
    row = session.execute(
        select(ledger.NOTICE.c.id, ledger.NOTICE.c.mail_id, ledger.NOTICE.c.reason).where(
            ledger.NOTICE.c.key == notice_key
        )
    ).first()
    if row is None:
        return False
    gone = outbox.give_up(session, [row.mail_id] if row.mail_id is not None else [])
    ledger.release(session, sorted(gone))
    changed = session.execute(
        update(ledger.NOTICE)
        .where(ledger.NOTICE.c.id == row.id, ledger.NOTICE.c.state == NoticeState.QUEUED.value)
        .values(state=NoticeState.CANCELLED.value, settled_at=at, reason=f"{reason} {row.reason}".strip())
    )
    return cast(CursorResult[Any], changed).rowcount > 0


def retry(session: Session, notice_key: str, at: datetime) -> bool:
    """Let a mail that is dead, or waits for its next try, be tried at once; False when it is in neither state."""
    may = (MailState.DEAD.value, MailState.READY.value, MailState.UNKNOWN.value)
    # A digest of an earlier day goes as a mail of its own: a person asks for it, so it is no part of today's.
    today = at.astimezone(ZONE).date()
    mail_id = session.scalar(
        update(MailRow)
        .where(
            MailRow.id.in_(
                select(NoticeRow.mail_id).where(
                    NoticeRow.key == notice_key,
                    # What came back is told again by itself, to whoever is found in the person's place.
                    NoticeRow.state.in_((NoticeState.MAILED.value, NoticeState.DEAD.value)),
                )
            ),
            MailRow.state.in_(may),
        )
        .values(
            state=outbox.PUT_OFF,
            kind=case((MailRow.day < today, "urgent"), else_=MailRow.kind),
            next_try_at=at,
            attempts=0,
            first_try_at=None,
            fence=MailRow.fence + 1,
        )
        .returning(MailRow.id)
    )
    if mail_id is None:
        return False
    session.execute(
        update(NoticeRow)
        .where(NoticeRow.mail_id == mail_id, NoticeRow.state == NoticeState.DEAD.value)
        .values(state=NoticeState.MAILED.value, settled_at=None)
    )
    return True
