"""Who acts, when, and on which database: what every operation is given.

`now` comes from the edge and travels in here; nothing deeper reads a clock. `user` None is whoever has the machine and
the database file; a named user may do what the register of officers lets that person do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property

from planner import calendars, points
from planner.config import ZONE, Settings
from planner.domain.agency import Officer
from planner.domain.calendar import Calendar
from planner.domain.changes import Change
from planner.domain.filing import Owners
from planner.domain.plan import State
from planner.errors import NotFound, PermissionRefused
from planner.i18n import gettext as _
from planner.store import engine as database
from planner.store import events, registers
from planner.store.engine import Engine, Session
from planner.store.state import Book, save_all


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One person at one moment, with the tools at hand."""

    settings: Settings
    now: datetime  #: UTC
    user: str | None = None  #: e-mail
    dry_run: bool = False

    @cached_property
    def engine(self) -> Engine:
        """Return the database, which must have this program's schema.

        Raises:
            DatabaseFailed: it is missing, unreachable, older or newer; the message says what to run.
        """
        return database.connect_current(self.settings.resolved_database_url)

    def close(self) -> None:
        """Give back the connections to the database, if any were opened."""
        if "engine" in self.__dict__:
            self.engine.dispose()

    @property
    def today(self) -> date:
        """Return the local date of `now`."""
        return self.now.astimezone(ZONE).date()

    def calendar(self, name: str = "vn") -> Calendar:
        """Return a calendar by name, with the site's overrides."""
        return calendars.load(name, self.settings.calendar_file)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a reading transaction."""
        with database.reading(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a writing transaction, one at a time on any database; a dry run leaves nothing behind.

        The lock comes before the first read, so that what was checked still holds when it is written.
        """
        with database.writing(self.engine, dry_run=self.dry_run) as session:
            database.lock_appends(session)
            yield session
        points.reach("change committed")

    def record(
        self, session: Session, changes: Sequence[tuple[str, Change]], *, book: Book | None = None, reason: str = ""
    ) -> None:
        """Append changes to the event log and save what they do.

        Args:
            session: a writing transaction.
            changes: each with its subject, the key under which the log finds it.
            book: holds the plans and tasks that the changes concern.
            reason: why, in the words of who acts.
        """
        events.append(session, changes, at=self.now, actor=self.user or "local", reason=reason)
        save_all(session, [change for _subject, change in changes], book or Book(), self.now, reason)

    def acting_officer(self, session: Session) -> Officer | None:
        """Return who acts; None: the operator of this machine.

        Raises:
            PermissionRefused: the named user is in no register.
        """
        if self.user is None:
            return None
        officer = registers.officers(session).get(self.user.lower())
        if officer is None or not officer.is_valid_on(self.today):
            raise PermissionRefused(
                _("{user} is not an officer in the register; ask the department to enter this address.").format(
                    user=self.user
                )
            )
        return officer

    def require_agency(self, session: Session, agency: str) -> None:
        """Check that who acts may act for `agency`: its own officers, its successor's, the department, the operator.

        Raises:
            PermissionRefused: another agency's officer.
        """
        self.permit(session)(agency)

    def permit(self, session: Session) -> Callable[[str], None]:
        """Return `require_agency` for many agencies: it reads the registers once.

        Raises:
            PermissionRefused: nobody knows who acts.
        """
        officer = self.acting_officer(session)
        owners = cache(lambda: self._owners(session))

        def check(agency: str) -> None:
            if officer is None or officer.agency in (agency, self.settings.department):
                return
            if officer.agency != owners().of(agency):
                raise PermissionRefused(
                    _("{user} belongs to {own} and may not act for {agency}.").format(
                        user=officer.email, own=officer.agency, agency=agency
                    )
                )

        return check

    def _owners(self, session: Session) -> Owners:
        state = State(
            at=self.now,
            agencies=registers.agencies(session),
            officers={},
            absences=(),
            successions=registers.successions(session),
            directives={},
            plans={},
            tasks={},
        )
        return Owners(state, self.today)

    def require_department(self, session: Session) -> None:
        """Check that who acts is of the monitoring department, or the operator.

        Raises:
            PermissionRefused: anybody else.
        """
        officer = self.acting_officer(session)
        if officer is not None and officer.agency != self.settings.department:
            raise PermissionRefused(
                _("Only the department ({department}) may do this; {user} belongs to {own}.").format(
                    department=self.settings.department, user=officer.email, own=officer.agency
                )
            )

    def directive_code(self, session: Session, wanted: str | None) -> str:
        """Return the directive named, or the newest one.

        Raises:
            NotFound: there is none, or none of that code.
        """
        known = registers.directives(session)
        if wanted is None and known:
            return list(known)[-1]
        if wanted in known:
            return wanted
        if not known:
            raise NotFound(_("There is no directive yet. Enter one with: planner directive import FILE"))
        raise NotFound(_("There is no directive {code}. Known: {known}.").format(code=wanted, known=", ".join(known)))

    def plan_key(self, session: Session, text: str) -> str:
        """Return the key that a person means by "stttt" or "kl-2020-04-29/stttt"."""
        if text.split("/", 1)[0] in registers.directives(session) and "/" in text:
            return text
        return f"{self.directive_code(session, None)}/{text}"

    def task_key(self, session: Session, text: str) -> str:
        """Return the key that a person means by "stttt:I.1".

        Raises:
            NotFound: the text names no code.
        """
        plan, colon, code = text.rpartition(":")
        if not colon:
            raise NotFound(_("A task is named AGENCY:CODE, such as stttt:I.1; found {text}.").format(text=text))
        return f"{self.plan_key(session, plan)}:{code}"
