"""Looks whether the database is sound: file, schema, the chain of events, the tables, and the ledger's promises.

Changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Engine, Select, func, select, text
from sqlalchemy.orm import Session

from planner.domain.notification import MailState, NoticeState
from planner.i18n import N_
from planner.i18n import gettext as _
from planner.store import engine as database
from planner.store import events
from planner.store.audits import newest_event
from planner.store.engine import reading
from planner.store.state import as_of, present
from planner.store.tables import AttemptRow, Base, EventRow, MailRow, NoticeRow


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What one look found."""

    name: str
    ok: bool
    detail: str


def check(engine: Engine) -> list[Verdict]:
    """Look at everything; the order is from the ground up."""
    found = [_file(engine), _schema(engine)]
    if not all(one.ok for one in found):
        return found  # what stands on it cannot be asked
    with reading(engine) as session:
        found += [_chain(session), _tables(session)]
        found += [_promise(session, name, broken, statement()) for name, broken, statement in _PROMISES]
    return found


def _file(engine: Engine) -> Verdict:
    if engine.dialect.name != "sqlite":
        detail = _("PostgreSQL looks after its own files; pg_amcheck looks into them")
        return Verdict(name="file", ok=True, detail=detail)
    with reading(engine) as session:
        damage = [str(row[0]) for row in session.execute(text("PRAGMA integrity_check(5)"))]
        orphans = session.execute(text("PRAGMA foreign_key_check")).all()
    if damage != ["ok"]:
        return Verdict(
            name="file", ok=False, detail=_("The file is damaged: {reason}").format(reason="; ".join(damage))
        )
    if orphans:
        detail = _("{n} rows point to rows that are gone").format(n=len(orphans))
        return Verdict(name="file", ok=False, detail=detail)
    return Verdict(name="file", ok=True, detail=_("sound"))


def _schema(engine: Engine) -> Verdict:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    url = engine.url.render_as_string(hide_password=False)
    revision, newest = database.current_revision(engine), database.newest_revision(url)
    if revision != newest:
        detail = _("revision {revision}, this program needs {newest}").format(revision=revision, newest=newest)
        return Verdict(name="schema", ok=False, detail=detail)
    with engine.execution_options(planner_reading=True).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    if differences:
        detail = _("{n} differences from this program's tables, the first: {first}").format(
            n=len(differences), first=str(differences[0])[:300]
        )
        return Verdict(name="schema", ok=False, detail=detail)
    return Verdict(name="schema", ok=True, detail=_("revision {revision}").format(revision=revision))


def _chain(session: Session) -> Verdict:
    verdict = events.verify(session)
    if verdict.ok:
        detail = _("{n} events, the chain holds. Head: {head}").format(n=verdict.events, head=verdict.head)
    else:
        detail = _("The chain breaks at event {seq}: it, or the one before it, was changed or removed.").format(
            seq=verdict.first_bad
        )
    return Verdict(name="chain", ok=verdict.ok, detail=detail)


def _tables(session: Session) -> Verdict:
    """Compare the tables with what the events say."""
    at = newest_event(session)
    if at is None:
        return Verdict(name="tables", ok=True, detail=_("nothing has happened yet"))
    # The newest event need not be the latest by the clock: one that was set back must not cut the log short.
    at = max(at, session.execute(select(func.max(EventRow.at))).scalar_one())
    told, kept = as_of(session, at), present(session, at, content=True)
    different = [one.name for one in fields(told) if getattr(told, one.name) != getattr(kept, one.name)]
    detail = _("as the events say")
    if different:
        detail = _("not as the events say: {parts}").format(parts=", ".join(different))
    return Verdict(name="tables", ok=not different, detail=detail)


def _promise(session: Session, name: str, broken: str, statement: Select[Any]) -> Verdict:
    count = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    detail = _(broken).format(n=count) if count else _("kept")
    return Verdict(name=name, ok=not count, detail=detail)


def _notices_in(notice: NoticeState, *mails: MailState) -> Select[Any]:
    return (
        select(NoticeRow.id)
        .join(MailRow, MailRow.id == NoticeRow.mail_id)
        .where(NoticeRow.state == notice.value, MailRow.state.in_([mail.value for mail in mails]))
    )


def _sent_otherwise() -> Select[Any]:
    return _notices_in(NoticeState.SENT, *(state for state in MailState if state is not MailState.SENT))


def _left_behind() -> Select[Any]:
    settled = (MailState.SENT, MailState.DEAD, MailState.BOUNCED, MailState.OBSOLETE, MailState.CANCELLED)
    return _notices_in(NoticeState.MAILED, *settled)


def _two_digests() -> Select[Any]:
    gone = (MailState.OBSOLETE.value, MailState.CANCELLED.value)
    return (
        select(MailRow.recipient)
        .where(MailRow.kind == "digest", MailRow.state.not_in(gone))
        .group_by(MailRow.recipient, MailRow.day)
        .having(func.count() > 1)
    )


def _sent_unseen() -> Select[Any]:
    tried = select(AttemptRow.mail_id).where(AttemptRow.mail_id == MailRow.id, AttemptRow.outcome == "sent")
    return select(MailRow.id).where(MailRow.state == MailState.SENT.value, ~tried.exists())


def _sent_twice() -> Select[Any]:
    return (
        select(AttemptRow.mail_id)
        .where(AttemptRow.outcome == "sent")
        .group_by(AttemptRow.mail_id)
        .having(func.count() > 1)
    )


_PROMISES: tuple[tuple[str, str, Callable[[], Select[Any]]], ...] = (
    ("sent", N_("{n} notices count as sent, but their mail does not"), _sent_otherwise),
    ("mailed", N_("{n} notices wait in mails that are settled"), _left_behind),
    ("digests", N_("{n} times a person has two digests of one day"), _two_digests),
    ("attempts", N_("{n} mails count as sent without a successful try"), _sent_unseen),
    ("once", N_("{n} mails were accepted twice without a known reason"), _sent_twice),
)
