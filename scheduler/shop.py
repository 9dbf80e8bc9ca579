"""What the engine works with: database, policy, calendar, sender; and the picture of the present it judges by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from planner import calendars
from planner.config import ZONE, Settings
from planner.domain.calendar import Calendar
from planner.domain.forecast import Forecast
from planner.domain.notification import Notice
from planner.domain.outlook import dependencies_of, outlook
from planner.domain.plan import State
from planner.store import cases
from planner.store import engine as database
from planner.store.cases import Case, PolicyVersion
from planner.store.engine import Engine, Session
from planner.store.state import present
from scheduler import due, policy
from scheduler.policy import Policy


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The open work at one instant, and what is foreseen of it."""

    state: State  #: whole, or as far as some subjects are to be judged
    dependencies: list[tuple[str, str]]
    forecasts: Mapping[str, Forecast]
    cases: Mapping[Case, Policy]  #: the policy of each case that began under another version
    spent: Mapping[Case, set[tuple[str, date]]]  #: what was told on capped rungs of cases that were moved


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The tools of the engine."""

    settings: Settings

    @cached_property
    def engine(self) -> Engine:
        """Return the database, which must have this program's schema.

        Raises:
            DatabaseFailed: it is missing, unreachable, older or newer.
        """
        return database.connect_current(self.settings.resolved_database_url)

    @cached_property
    def bounce_key(self) -> bytes | None:
        """Return the secret that signs the address to which mail comes back; None: nothing is signed.

        Raises:
            WorldFailed: its file cannot be read.
        """
        return self.settings.bounce_key()

    def close(self) -> None:
        """Give back the connections to the database, if any were opened."""
        if "engine" in self.__dict__:
            self.engine.dispose()

    @cached_property
    def policy(self) -> Policy:
        """Return the ladder in force.

        Raises:
            InputRejected: the policy file has problems.
        """
        return policy.load(self.settings.policy_file)

    @property
    def policy_version(self) -> PolicyVersion:
        """Return the ladder in force as the store keeps it."""
        found = self.policy
        return PolicyVersion(hash=found.hash, name=found.name, version=found.version, content=found.content)

    def pinned(self, session: Session, subjects: Collection[str] | None = None) -> dict[Case, Policy]:
        """Return the policy of each case that goes on under another version than the one in force.

        Args:
            session: an open transaction.
            subjects: only cases of these; None: all in which somebody may still be told something.
        """
        but = self.policy.hash
        begun = cases.living(session, but=but) if subjects is None else cases.hashes(session, subjects, but=but)
        if not begun:
            return {}
        kept = cases.policies(session)
        read = {found: Policy.from_content(kept[found]) for found in set(begun.values())}
        return {case: read[found] for case, found in begun.items()}

    def versions(self) -> list[dict[str, Any]]:
        """Return each version of the ladder that was ever in force, with the number of cases that run under it."""
        with database.reading(self.engine) as session:
            return [
                {
                    "hash": one.hash,
                    "name": one.name,
                    "version": one.version,
                    "since": since,
                    "cases": count,
                    "in_force": one.hash == self.policy.hash,
                }
                for one, since, count in cases.counts(session)
            ]

    def spent(self, session: Session, begun: Iterable[Policy]) -> dict[Case, set[tuple[str, date]]]:
        """Return what was told on rungs with a cap, for cases that were moved to another version of the policy."""
        policies = {found.hash: found for found in (self.policy, *begun)}.values()
        capped = {rung.name for found in policies for rung in found.rungs if rung.cap is not None}
        return cases.spent(session, sorted(capped))

    def calendar(self, name: str = "vn") -> Calendar:
        """Return a calendar by name, with the site's overrides."""
        return calendars.load(name, self.settings.calendar_file)

    def picture(self, session: Session, now: datetime) -> Picture:
        """Return all the work as it stands at `now`; the same number of statements whatever its size.

        What is finished is part of it: when a task was done decides when those can begin that waited for it.
        """
        begun = self.pinned(session)
        return self.picture_of(present(session, now), now, begun, self.spent(session, begun.values()))

    def picture_of(
        self,
        state: State,
        now: datetime,
        begun: Mapping[Case, Policy],
        spent: Mapping[Case, set[tuple[str, date]]],
    ) -> Picture:
        """Return a state with what is foreseen of it at `now`; `begun` and `spent` are what those of the shop say."""
        return Picture(
            state=state,
            dependencies=dependencies_of(state.tasks),
            forecasts=outlook(state.tasks, state.plans, self.calendar, local_day(now)),
            cases=begun,
            spent=spent,
        )

    def judge(self, picture: Picture, now: datetime, subjects: Iterable[str] | None = None) -> list[Notice]:
        """Return everything that must have been told by `now`, in a steady order; only of `subjects`, when given."""
        judge = due.Judge(
            picture.state,
            self.policy,
            self.calendar(),
            now,
            department=self.settings.department,
            dependencies=picture.dependencies,
            forecasts=picture.forecasts,
            cases=picture.cases,
            spent=picture.spent,
        )
        if subjects is None:
            return judge.due()
        return [notice for subject in sorted(subjects, key=_tasks_first) for notice in judge.of(subject)]

    def may_send(self, now: datetime) -> bool:
        """Say whether mail may leave at `now`: inside the policy's hours, on its days."""
        return self.open_for(now) > timedelta()

    def open_for(self, now: datetime) -> timedelta:
        """Return for how long mail may leave from `now` on; nothing when it may not at all."""
        local = now.astimezone(ZONE)
        sending = self.policy.sending
        if sending.working_days_only and not self.calendar().is_working(local.date()):
            return timedelta()
        opens, closes = (datetime.combine(local.date(), each, ZONE) for each in (sending.opens, sending.closes))
        return closes - local if opens <= local else timedelta()


def _tasks_first(subject: str) -> tuple[bool, str]:
    return ":" not in subject, subject


def local_day(now: datetime) -> date:
    """Return the province's date at `now`."""
    return now.astimezone(ZONE).date()


Clock = Callable[[], datetime]
