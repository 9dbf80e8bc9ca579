"""The whole engine against a slow oracle: what is told, to whom, on which day, whatever people and machines do.

A state machine lets days pass, people work and mail servers fail, each on the real engine and in the oracle's facts;
after every round the ledger and the mails must be what the oracle says, line by line.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta

import pytest
import yaml
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from planner import calendars
from planner.domain.plan import PauseKind, PlannedTask
from planner.service import registers, tasks
from planner.templating import vi_date
from scheduler.policy import DEFAULT_FILE
from tests.model.facts import Mail, Post, works
from tests.model.oracle import Oracle
from tests.model.people import OPEN, People, dues, picks, works_of_plans
from tests.model.world import (
    LADDERS,
    STARTS,
    Places,
    World,
    facts,
    instant,
    postgres_places,
    sqlite_places,
)

#: `make test` plays few on SQLite; `make model` plays many, on the databases that are named
DATABASES = os.environ.get("MODEL_DATABASES", "sqlite").split(",")
EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "60"))
SHARES = int(os.environ.get("MODEL_SHARES", "1"))  #: in so many processes, each by its own chance
STEPS = int(os.environ.get("MODEL_STEPS", "30"))

#: before, at and after the edges of each policy's hours; open ones lie more than two hours apart, so that whatever a
#: mail server in trouble put off may be tried again
# A mail of unknown fate waits at most 72 seconds: no two of these are nearer, so the next round finds it due.
HOURS = (time(5), time(7, 28), time(7, 30), time(10), time(13), time(16, 29), time(17), time(23, 59))
SPAN = timedelta(days=120)
hours = st.lists(st.sampled_from(HOURS), min_size=0, max_size=3, unique=True).map(sorted)


class Model(People):
    """What may happen in a province."""

    places: Places
    seen_to_happen: Counter[str]

    @initialize(
        name=st.sampled_from(sorted(LADDERS)),
        start=st.sampled_from(STARTS),
        due=dues,
        other=dues,
        held=st.dictionaries(st.sampled_from(PauseKind), st.integers(0, 6), max_size=2),
        work=works_of_plans,
    )
    def begin(
        self,
        name: str,
        start: date,
        due: list[int],
        other: list[int],
        *,
        held: dict[PauseKind, int],
        work: Sequence[tuple[int | None, int | None]] = (),
    ) -> None:
        ladder = LADDERS[name]
        self.world = World(self.places, ladder, start)
        self.facts = facts(ladder, start)
        self.oracle = Oracle(self.facts)
        self.day, self.end = start, start + SPAN
        self.plans: dict[str, list[PlannedTask]] = {}
        self.left_out: dict[str, PlannedTask] = {}
        self.cut: set[str] = set()
        self.was_down = False  # and no mail has been taken since
        self.last_told: dict[tuple[str, int, str], date] = {}
        self.seen: set[str] = set()
        self.unheard: set[str] = set()
        self.mails_of: Counter[tuple[str, date]] = Counter()
        self.unsure_of: Counter[tuple[str, date]] = Counter()  # of those, the ones whose answer was lost
        self.digests_of: Counter[tuple[str, date]] = Counter()  # mails that say more than what is urgent
        self.unsure_digests_of: Counter[tuple[str, date]] = Counter()

        # Two agencies have plans, the one waits for the other.
        self.a_plan_is_filed("stc", due, "member", 0, joined=False, work=work)
        self.a_plan_is_filed("snv", other, "member", 0, joined=True, work=work[::-1])
        for n, (what, days) in enumerate(sorted(held.items())):
            self.reminders_are_held(what, {n, n + 2}, days)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.seen_to_happen.update(self.oracle.came_by)
            self.world.close()

    # --- time ---

    def at(self, hour: time) -> bool:
        """Move to an hour of the present day; False when it is past."""
        then = instant(self.day, hour)
        if then <= self.world.now:
            return False
        self.world.now = then
        return True

    def tomorrow(self) -> None:
        if self.day >= self.end:  # beyond it nobody has listed the days off
            return
        self.day += timedelta(days=1)
        self.world.now = instant(self.day, time(0, 1))

    @rule(days=st.integers(1, 5), at=hours, twice=st.booleans())
    def days_pass_with_rounds(self, days: int, at: list[time], twice: bool) -> None:
        for _day in range(days):
            for hour in at:
                if self.at(hour):
                    self.round()
                    if twice:
                        self.round_again()
            self.tomorrow()

    # Time passes more often than anything else happens.
    @rule(days=st.integers(2, 6), at=hours.filter(bool))
    def more_days_pass(self, days: int, at: list[time]) -> None:
        self.days_pass_with_rounds(days, at, twice=False)

    @rule(days=st.integers(2, 4), hour=st.sampled_from(HOURS[2:6]))
    def days_pass_with_a_round_each(self, days: int, hour: time) -> None:
        self.days_pass_with_rounds(days, [hour], twice=False)

    @rule(days=st.integers(1, 12), at=hours)
    def nothing_runs_for_some_days(self, days: int, at: list[time]) -> None:
        for _day in range(days):
            self.tomorrow()
        for hour in at:
            if self.at(hour):
                self.round()

    @precondition(lambda self: self.some(0, *OPEN))
    @rule(some=st.sets(picks, min_size=3, max_size=6))
    def results_come_all_day_long(self, some: set[int]) -> None:
        for hour, pick in zip(HOURS[2:6], sorted(some), strict=False):
            if self.at(hour):
                if self.some(0, *OPEN):
                    self.a_result_is_handed_in(pick)
                self.round()

    @precondition(lambda self: self.pauses())
    @rule(hour=st.sampled_from(HOURS[2:6]))
    def a_promise_or_a_snooze_ends_by_itself(self, hour: time) -> None:
        over = min(self.pauses()) + timedelta(days=1)
        for _day in range((over - self.day).days + 1):
            if self.at(hour):
                self.round()
            self.tomorrow()

    def pauses(self) -> list[date]:
        """Return the days on which the promises and snoozes end that hold."""
        known = [task for task in self.facts.tasks.values() if task.is_open or task.state == "submitted"]
        ends = [end for task in known for end in (task.promise, task.snooze)]
        return [end for end in ends if end is not None and end >= self.day]

    @rule(hour=st.sampled_from(HOURS))
    def a_round_comes(self, hour: time) -> None:
        if self.at(hour):
            self.round()

    # --- machines ---

    @precondition(lambda self: len(self.world.post.refused) < 3)  # five at once are no longer believed
    @rule(who=st.sets(picks, min_size=1, max_size=2))
    def addresses_are_closed(self, who: set[int]) -> None:
        written_to = {mail.recipient for mail in self.oracle.mails}
        emails = sorted(written_to or self.facts.people)
        self.world.post.refused |= {emails[one % len(emails)] for one in who}

    @precondition(lambda self: self.facts.dead)
    @rule(who=picks, really=st.integers(0, 2))
    def an_address_is_opened_again(self, who: int, really: int) -> None:
        if really:  # most stay dead for longer
            return
        emails = sorted(self.facts.dead)
        email = emails[who % len(emails)]
        self.world.post.refused.discard(email)
        registers.revive_address(self.world.desk(), email)
        self.facts.dead.discard(email)

    @rule()
    def the_mail_server_stops_or_comes_back(self) -> None:
        self.world.post.down = not self.world.post.down

    @precondition(lambda self: not self.world.post.down)
    @rule(who=st.lists(picks, min_size=3, max_size=9))
    def answers_will_be_lost(self, who: list[int]) -> None:
        emails = sorted(self.facts.people)
        self.cut = {emails[one % len(emails)] for one in who}

    @precondition(lambda self: self._free(0))
    @rule(pick=picks, hour=st.sampled_from(HOURS))
    def a_result_comes_while_mails_are_on_their_way(self, pick: int, hour: time) -> None:
        task = self._free(pick)
        assert task
        if not self.at(hour):
            return

        def oracle() -> None:
            task.hand_in(self.day)

        def engine() -> None:
            tasks.done(self.world.desk(), task.key, document="9/BC", on=self.day, file=None)

        self.round(oracle, engine)

    # --- what must hold ---

    def round(self, oracle: Callable[[], None] | None = None, engine: Callable[[], None] | None = None) -> None:
        local, post = self.world.now, self.world.post
        # Whose answer was lost before is heard now: lost for three days, it would be one that nobody took.
        cut = self.cut - {mail.recipient for mail in self.oracle.mails if mail.state == "unknown"}
        # After trouble one mail probes the server, and the others wait until it was heard to be taken: no matter here.
        cut = set() if self.was_down else cut
        plan = Post(post.down, post.refused, cut, meanwhile=oracle)
        dead = len(self.facts.dead)
        ought = self.oracle.round(local, plan)
        self.seen_to_happen["address found dead"] += len(self.facts.dead) - dead
        post.cut, post.hit, post.meanwhile = cut, set(), engine
        counts, taken = self.world.round()
        assert counts.over == self.oracle.over
        self.seen_to_happen["over"] += counts.over
        self.was_down = post.down or (self.was_down and not taken)
        assert (post.meanwhile is None) == (plan.meanwhile is None)
        assert post.hit == plan.hit
        post.meanwhile = None
        self.cut -= post.hit
        self.unheard |= {message_id for recipient, message_id in taken if recipient in post.hit}
        self.compare([mail for mail, _heard in ought], taken)
        self.see_what_was_told(local, taken)

    def round_again(self) -> None:
        """A second round at the same instant, as of another machine, does nothing but pass on what came back."""
        before = self.world.ledger()
        came_back = any(state == "bounced" for state, _recipient, _kind in before.values())
        unheard = any(mail.state == "unknown" for mail in self.oracle.mails)
        if not unheard:  # such a mail waits a minute
            self.round()
            assert came_back or self.world.ledger() == before

    def compare(self, ought: list[Mail], taken: list[tuple[str, str]]) -> None:
        is_ = self.world.ledger()
        should = self.oracle.ledger
        assert set(is_) == set(should), {
            "entered too much": sorted(set(is_) - set(should)),
            "not entered": sorted(set(should) - set(is_)),
        }
        wrong = {}
        for key, (state, recipient, kind) in is_.items():
            row = should[key]
            told = row.state in ("queued", "mailed", "sent")
            if state != row.state or (told and (recipient, kind) != (row.recipient, row.kind)):
                wrong[key] = {"is": (state, recipient, kind), "should be": (row.state, row.recipient, row.kind)}
            self.seen_to_happen[f"{state} {kind}"] += 1
        assert not wrong
        reasons = self.world.reasons()
        for key, row in should.items():
            if row.state == "suppressed" and row.until is not None:
                assert vi_date(row.until) in reasons[key], (key, row.why)
        carried = self.world.carried()
        went = sorted((recipient, sorted(carried[message_id])) for recipient, message_id in taken)
        assert went == sorted((mail.recipient, sorted(mail.keys)) for mail in ought)

    def see_what_was_told(self, local: datetime, taken: list[tuple[str, str]]) -> None:
        """What must hold of the mails whatever an oracle says."""
        ladder = self.facts.ladder
        carried = self.world.carried()
        if taken:
            assert ladder.opens <= local.time() < ladder.closes
            assert works(local.date()) or not ladder.working_days_only
        urgent = {rung.name for rung in ladder.rungs if rung.urgent}
        for recipient, message_id in taken:
            keys = carried[message_id]
            if message_id in self.seen:  # whose answer was lost: the same mail again
                assert message_id in self.unheard
                self.seen_to_happen["repeated"] += 1
                continue
            self.seen.add(message_id)
            today = (recipient, local.date())
            is_unsure = message_id in self.unheard
            self.mails_of[today] += 1
            if not {key[2] for key in keys} <= urgent:
                # A mail that the server may have is given up when it became untrue; what still holds goes into another.
                assert self.digests_of[today] == self.unsure_digests_of[today]
                self.digests_of[today] += 1
                self.unsure_digests_of[today] += is_unsure
            self.unsure_of[today] += is_unsure
            assert not ladder.most_a_day or self.mails_of[today] - self.unsure_of[today] <= ladder.most_a_day
            for subject, revision, rung, nominal, _role in keys:
                anchor = next(one.anchor for one in ladder.rungs if one.name == rung)
                assert self.last_told.get((subject, revision, anchor), date.min) <= nominal
                self.last_told[subject, revision, anchor] = nominal
        if ladder.is_open(local) and not self.world.post.down:
            for key, (state, recipient, _kind) in self.world.ledger().items():
                if state == "queued" and recipient:
                    assert self.mails_of[recipient, local.date()] or recipient in self.world.post.refused, key


@pytest.fixture(scope="module", params=DATABASES)
def places(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    home = tmp_path_factory.mktemp("model")
    if request.param == "sqlite":
        yield sqlite_places(home)
    else:
        yield postgres_places(home, request.getfixturevalue("postgres_server"))


def test_the_days_of_the_calendar_are_the_days_that_are_listed(places: Places) -> None:
    calendar = calendars.load("vn", places.calendar)
    for first, last in ((date(2020, 4, 10), date(2020, 8, 31)), (date(2025, 11, 1), date(2026, 7, 31))):
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        assert [day for day in days if calendar.is_working(day)] == [day for day in days if works(day)]


def test_one_of_the_ladders_is_the_shipped_one(places: Places) -> None:
    shipped = yaml.safe_load(DEFAULT_FILE.read_text(encoding="utf-8"))
    mine = yaml.safe_load(places.policies["shipped"].read_text(encoding="utf-8"))
    assert {**mine, "name": shipped["name"]} == shipped


#: what a long run must have come by, or it shows less than it seems to
ALL_OF = (
    "sent reminder",
    "sent escalation",
    "sent blocked",
    "sent chairman_list",
    "sent confirmation",
    "sent filing",
    "sent at_risk",
    "obsolete at_risk",
    "superseded overdue",
    "suppressed escalation",
    "suppressed reminder",
    "obsolete reminder",
    "mailed overdue",
    "queued filing",
    "address found dead",
    "repeated",
    "promised",
    "snoozed",
)
#: what may be too rare for a short one: a life that is written down below has all of it
EVERYTHING = (
    "promised",
    "promised and over, told after all",
    "promised and lifted, told after all",
    "snoozed",
    "snoozed and over, told after all",
    "snoozed and lifted, told after all",
    "over",
    "over, told the next day",
    "sent returned",
    "superseded returned",
)
#: and what chance must have come by when there are many
SOONER_OR_LATER = (
    *EVERYTHING,
    "promised while it waited",
    "snoozed while it waited",
    "obsolete returned",
)


def test_a_life_has_every_kind_of_news(places: Places) -> None:
    """Chance leaves things out; here they follow each other, under the ladder that has most of them."""

    class Here(Model):
        pass

    Here.places, Here.seen_to_happen = places, Counter()
    life = Here()
    try:
        life.begin(name="crowded", start=date(2020, 4, 20), due=[-4, -3, 1], other=[2, 14], held={})
        for what in PauseKind:
            for agency, lifted in (("huyen", False), ("xa-cu", True)):
                life.a_plan_is_filed(agency, [-3], "head", 0, joined=False)
                life.reminders_are_held(what, set(range(10)), 1)
                life.days_pass_with_rounds(1, [time(10)], twice=True)
                while lifted and life.pauses():
                    life.promises_and_snoozes_are_lifted(set(range(10)))
                life.days_pass_with_a_round_each(3, time(13))
        life.results_come_all_day_long({0, 1, 2, 3})
        life.days_pass_with_a_round_each(3, time(13))
        life.results_are_judged({0, 1, 2}, good=False)
        life.days_pass_with_a_round_each(2, time(10))
        life.nothing_runs_for_some_days(8, [time(10)])
    finally:
        life.teardown()
    assert [what for what in EVERYTHING if not Here.seen_to_happen[what]] == []


@pytest.mark.timeout(36000)
@pytest.mark.parametrize("share", range(SHARES))
def test_the_engine_tells_what_the_oracle_says(places: Places, share: int) -> None:
    class Here(Model):
        pass

    Here.places, Here.seen_to_happen = places, Counter()
    phases = [Phase.generate] if os.environ.get("HYPOTHESIS_PROFILE") == "mutants" else list(Phase)
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=-(-EXAMPLES // SHARES),
            stateful_step_count=STEPS,
            # A few lives are the same ones each time, so that what they must have come by is not left to chance.
            derandomize=EXAMPLES < 200 * SHARES,
            deadline=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(*(f"{what}: {times}" for what, times in sorted(Here.seen_to_happen.items())), sep="\n")
    must = (ALL_OF if EXAMPLES >= 60 * SHARES else ()) + (SOONER_OR_LATER if EXAMPLES >= 500 * SHARES else ())
    assert [what for what in must if not Here.seen_to_happen[what]] == []
