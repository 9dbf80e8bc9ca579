"""A round looks at few tasks, and the ledger is the one it would be if it had looked at all of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from planner import i18n
from planner.domain.agency import Absence, Officer, OfficerRole
from planner.domain.changes import (
    AbsenceRecorded,
    AddressRevived,
    Change,
    OfficersImported,
    PlanDecided,
    TaskAcknowledged,
    TaskExtended,
    TaskMoved,
    TaskResumed,
    TaskSnoozed,
)
from planner.domain.notification import MailState, NoticeState
from planner.domain.plan import Extension, Pause, PauseKind, PlannedTask, ResultDocument
from planner.domain.status import PlanState, TaskState
from planner.errors import TransitionRefused
from planner.store import addresses, cases, ledger, network, outbox, upkeep
from planner.store import plans as stored
from planner.store.engine import Engine, reading, writing
from planner.store.state import Book
from planner.store.tables import MailBodyRow, MailRow, NoticeRow
from scheduler import agenda, jobs
from scheduler.agenda import agenda_of
from scheduler.jobs import Round
from scheduler.shop import Shop
from tests.fakes import AGENCIES, DIRECTIVE, FILING_DEADLINE, Province, at, mailbox, make_province, planned

if TYPE_CHECKING:
    from tests.postgres import PostgresServer

FIRST = date(2020, 5, 4)
CODES = [agency.code for agency in AGENCIES]
PEOPLE = [mailbox(code, role.value) for code in CODES for role in OfficerRole]
OTHER = """
name: other
version: 2
sending: {from: "07:30", to: "17:00"}
rungs:
  - {name: due-5wd, trigger: due -5wd, tell: [responsible, focal], kind: reminder}
  - {name: due, trigger: due, tell: [responsible, agency_head], kind: reminder}
  - {name: again, trigger: every 2wd from due +1wd, tell: [responsible, agency_head, department], kind: overdue}
  - {name: risk, trigger: at_risk, tell: [responsible, focal], kind: at_risk}
  - {name: submitted+1wd, trigger: submitted +1wd, tell: [department], kind: confirmation}
  - {name: returned, trigger: returned +1wd, tell: [responsible, agency_head], kind: returned}
  - {name: submitted+2wd, trigger: submitted +2wd, tell: [department, agency_head], kind: confirmation}
  - {name: filing, trigger: filing, tell: [focal, agency_head], kind: filing}
"""


# --- the way that looks at everything


def judge_everything(shop: Shop, now: datetime) -> Round:
    """Do what `queue_due` does, but judge every task and every plan that is owed."""
    with reading(shop.engine) as session:
        picture = shop.picture(session, now)
    with i18n.speaking(shop.settings.lang):
        notices = shop.judge(picture, now)
    with writing(shop.engine) as session:
        settled = upkeep.reconcile(session, {notice.key: notice for notice in notices}, now)
        new = ledger.enqueue(session, notices, policy=shop.policy_version, at=now)
    return Round(
        queued=new[NoticeState.QUEUED],
        superseded=new[NoticeState.SUPERSEDED] + settled[NoticeState.SUPERSEDED],
        suppressed=new[NoticeState.SUPPRESSED] + settled[NoticeState.SUPPRESSED],
        obsolete=settled[NoticeState.OBSOLETE],
    )


def fill_from_everything(shop: Shop, now: datetime) -> jobs.Filled:
    """Do what `fill_mails` does, for all at once and with the whole picture in view."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "_PORTION", 5_000)
        patch.setattr(jobs, "picture_to_tell", lambda shop, session, now, _subjects: shop.picture(session, now))
        return jobs.fill_mails(shop, now)


def in_ledger(engine: Engine) -> list[tuple[Any, ...]]:
    """Return the whole ledger but the numbers of its rows, and the mails with their bytes."""
    notice: Any = NoticeRow.__table__
    mail: Any = MailRow.__table__
    body: Any = MailBodyRow.__table__
    columns = [column for column in notice.c if column.name not in ("id", "mail_id")]
    with engine.connect() as connection:
        told = connection.execute(
            select(*columns, mail.c.key).outerjoin(mail, mail.c.id == notice.c.mail_id).order_by(notice.c.key)
        ).all()
        mails = connection.execute(
            select(mail.c.key, mail.c.recipient, mail.c.state, mail.c.subject, body.c.body)
            .join(body, body.c.mail_id == mail.c.id)
            .order_by(mail.c.key)
        ).all()
    return [*map(tuple, told), *map(tuple, mails)]


# --- what may happen in a province

Action = Callable[[Province, datetime], None]
day_offsets = st.integers(0, 16)
agencies = st.sampled_from(CODES)


@st.composite
def tasks_of_a_plan(draw: st.DrawFn, agency: str) -> tuple[PlannedTask, ...]:
    """Return one to four tasks that wait for each other and for tasks of agencies before theirs in the register."""
    rows: list[PlannedTask] = []
    earlier = [f"{code}:I.{n}" for code in CODES[: CODES.index(agency)] for n in (1, 2)]
    for n in range(1, draw(st.integers(1, 4)) + 1):
        may_follow = [*earlier, *(one.code for one in rows)]
        after = draw(st.lists(st.sampled_from(may_follow), max_size=2, unique=True)) if may_follow else []
        start = draw(st.none() | day_offsets)
        rows.append(
            planned(
                f"I.{n}",
                FIRST + timedelta(days=draw(day_offsets)),
                agency,
                responsible=draw(st.sampled_from([mailbox(agency), mailbox(agency, "head"), "", mailbox(agency)])),
                after=tuple(after),
                duration=draw(st.none() | st.integers(0, 6)),
                start=None if start is None else FIRST + timedelta(days=start),
            )
        )
    return tuple(rows)


@st.composite
def filing(draw: st.DrawFn) -> Action:
    agency = draw(agencies)
    tasks = draw(tasks_of_a_plan(agency))
    return lambda province, now: province.file(agency, *tasks, now=now)


def change_task(province: Province, now: datetime, key: str, change: Callable[[Any], Change | None]) -> None:
    desk = province.desk(now)
    with desk.writing() as session:
        record = stored.task_records(session, keys=[key]).get(key)
        happened = None if record is None else change(record)
        if record is not None and happened is not None:
            book = Book()
            book.tasks[record.plan] = {record.key: record}
            desk.record(session, [(key, happened)], book=book)


@st.composite
def moving(draw: st.DrawFn) -> Action:
    key = f"{DIRECTIVE}/{draw(agencies)}:I.{draw(st.integers(1, 3))}"
    to = draw(st.sampled_from(TaskState))
    percent, done = draw(st.integers(0, 100)), draw(st.integers(0, 3))

    def move(province: Province, now: datetime) -> None:
        def change(record: Any) -> Change | None:
            try:
                record.state.require(to, key)
            except TransitionRefused:
                return None
            if to is TaskState.SUBMITTED:
                day = (now - timedelta(days=done)).date()
                result = ResultDocument(number="1/BC")
                return TaskMoved(task=key, to=to, percent=100, done_on=day, recorded_on=day, result=result)
            if to is TaskState.CONFIRMED:
                return TaskMoved(
                    task=key,
                    to=to,
                    percent=100,
                    done_on=record.done_on,
                    recorded_on=record.recorded_on,
                    result=record.result,
                )
            return TaskMoved(task=key, to=to, percent=percent)

        change_task(province, now, key, change)

    return move


@st.composite
def extending(draw: st.DrawFn) -> Action:
    key, days = f"{DIRECTIVE}/{draw(agencies)}:I.{draw(st.integers(1, 3))}", draw(st.integers(1, 9))

    def extend(province: Province, now: datetime) -> None:
        def change(record: Any) -> Change | None:
            if not record.state.is_open or record.last_day is None:
                return None
            return TaskExtended(
                task=key,
                extension=Extension(
                    old_last_day=record.last_day,
                    new_last_day=record.last_day + timedelta(days=days),
                    reason="-",
                    document="-",
                    decided_by="-",
                    decided_at=now,
                ),
            )

        change_task(province, now, key, change)

    return extend


@st.composite
def pausing(draw: st.DrawFn) -> Action:
    key, days = f"{DIRECTIVE}/{draw(agencies)}:I.{draw(st.integers(1, 3))}", draw(st.integers(0, 4))
    is_promise, ends = draw(st.booleans()), draw(st.booleans())

    def pause(province: Province, now: datetime) -> None:
        def change(record: Any) -> Change | None:
            kind = PauseKind.PROMISE if is_promise else PauseKind.SNOOZE
            if not record.state.is_open or record.last_day is None:
                return None
            if ends:
                return TaskResumed(task=key, what=kind)
            held = Pause(since=now.date(), until=now.date() + timedelta(days=days), reason="-", by=PEOPLE[0], at=now)
            return TaskAcknowledged(task=key, promise=held) if is_promise else TaskSnoozed(task=key, snooze=held)

        change_task(province, now, key, change)

    return pause


def record(province: Province, now: datetime, subject: str, change: Change) -> None:
    desk = province.desk(now)
    with desk.writing() as session:
        desk.record(session, [(subject, change)])


@st.composite
def being_away(draw: st.DrawFn) -> Action:
    person, days = draw(st.sampled_from(PEOPLE)), draw(st.integers(0, 4))
    stands_in = draw(st.none() | st.sampled_from(PEOPLE))

    def leave(province: Province, now: datetime) -> None:
        day = now.date()
        last = day + timedelta(days=days)
        absence = Absence(officer=person, first_day=day, last_day=last, substitute=stands_in)
        record(province, now, person, AbsenceRecorded(absence=absence))

    return leave


@st.composite
def being_unreachable(draw: st.DrawFn) -> Action:
    person, dies = draw(st.sampled_from(PEOPLE)), draw(st.booleans())

    def change(province: Province, now: datetime) -> None:
        if not dies:
            record(province, now, person, AddressRevived(email=person))
            return
        with writing(province.engine) as session:
            addresses.die(session, person, status="5.1.1", detail="no such user", at=now)

    return change


@st.composite
def changing_hands(draw: st.DrawFn) -> Action:
    agency, role, days = draw(agencies), draw(st.sampled_from(OfficerRole)), draw(st.integers(-2, 2))

    def appoint(province: Province, now: datetime) -> None:
        old = Officer(
            email=mailbox(agency, role.value),
            name="Người cũ",
            title="",
            agency=agency,
            role=role,
            valid_to=now.date() + timedelta(days=days),
        )
        new = replace(old, email=f"new-{role.value}@{agency}.example.vn", name="Người mới", valid_to=None)
        record(province, now, "officers", OfficersImported(officers=(old, new)))

    return appoint


@st.composite
def returning_a_plan(draw: st.DrawFn) -> Action:
    key = f"{DIRECTIVE}/{draw(agencies)}"

    def decide(province: Province, now: datetime) -> None:
        desk = province.desk(now)
        with desk.writing() as session:
            latest = stored.latest_record(session, key)
            if latest is not None and latest.state is PlanState.ACCEPTED:
                book = Book()
                book.versions[key] = {latest.version: latest}
                book.tasks[key] = stored.task_records(session, plan=key)
                change = PlanDecided(plan=key, version=latest.version, state=PlanState.RETURNED)
                desk.record(session, [(key, change)], book=book, reason="-")

    return decide


@st.composite
def moving_cases(draw: st.DrawFn) -> Action:
    agency = draw(agencies)

    def move(province: Province, now: datetime) -> None:
        with writing(province.engine) as session:
            under_way = [case for case in cases.hashes(session) if f"/{agency}" in case[0]]
            cases.move(session, under_way, province.shop.policy_version, now)

    return move


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[str, ...]:
    """Return what becomes of the mails of one round, in their order, over and over."""
    fates = st.sampled_from(["sent", "sent", "sent", "retry", "held", "dead", "bounced", "returned"])
    return tuple(draw(st.lists(fates, min_size=1, max_size=5)))


def deliver(engine: Engine, now: datetime, fates: Sequence[str]) -> None:
    """Let the mails that may be tried meet their fates."""
    with writing(engine) as session:
        held = sorted(outbox.claim(session, now=now, limit=1000, lease=3600), key=lambda mail: mail.recipient)
        for n, mail in enumerate(held):
            fate = fates[n % len(fates)]
            if fate == "held" or not outbox.begin_data(session, mail, now):
                continue
            state = {"retry": MailState.READY, "dead": MailState.DEAD, "bounced": MailState.BOUNCED}
            outbox.settle(
                session,
                mail,
                at=now,
                state=state.get(fate, MailState.SENT),
                outcome="-",
                stage="data",
                reply_code=None,
                reply="",
                next_try_at=now + timedelta(hours=1) if fate == "retry" else None,
            )
            if fate == "bounced":
                addresses.die(session, mail.recipient, status="5.1.1", detail="-", at=now)
            if fate == "returned":
                back = addresses.Return(mail_id=mail.id, cause=addresses.Cause.CHANNEL, status="5.7.1", detail="-")
                addresses.take_back(session, back, now)


actions = st.one_of(
    filing(),
    moving(),
    moving(),
    extending(),
    pausing(),
    being_away(),
    being_unreachable(),
    changing_hands(),
    returning_a_plan(),
    moving_cases(),
)
#: days since the last round (a clock may be wrong), hour, what happened meanwhile, mails, whether the ladder is another
steps = st.tuples(
    st.sampled_from([1, 1, 1, 1, 0, 0, 2, 5, -1]),
    st.sampled_from([6, 8, 16]),
    st.lists(actions, max_size=3),
    deliveries(),
    st.sampled_from([False] * 5 + [True]),
)


def live_through(twins: Sequence[Province], other: Path, history: Sequence[Any], first: Sequence[Action]) -> None:
    """Let the same things happen in two provinces; one looks at few tasks, the other at all."""
    few, all_ = twins
    day, is_other = FIRST, False
    by_policy = [[one.with_settings(policy_file=file).shop for one in twins] for file in (None, other)]
    for action in first:
        for province in twins:
            action(province, at(day, 7))
    for n, (days, hour, happened, fates, swap) in enumerate(history):
        day += timedelta(days=days)
        now = at(day, hour) + timedelta(minutes=n)
        is_other ^= swap
        for action in happened:
            for province in (few, all_):
                action(province, now)
        shops = by_policy[is_other]
        counted = jobs.queue_due(shops[0], now), judge_everything(shops[1], now)
        assert counted[0] == counted[1]
        assert in_ledger(few.engine) == in_ledger(all_.engine)
        assert jobs.queue_due(shops[0], now) == Round()  # a round that comes twice finds nothing to do
        if shops[0].may_send(now):
            assert jobs.fill_mails(shops[0], now) == fill_from_everything(shops[1], now)
            assert in_ledger(few.engine) == in_ledger(all_.engine)
            for province in (few, all_):
                deliver(province.engine, now, fates)


@contextmanager
def provinces(urls: Sequence[str], home: Path) -> Iterator[list[Province]]:
    with ExitStack() as stack:
        yield [stack.enter_context(make_province(url, home, filing_deadline=FILING_DEADLINE)) for url in urls]


histories = st.lists(steps, min_size=3, max_size=9)
plans_at_first = st.lists(filing(), min_size=2, max_size=5)
#: how many days ahead dangers are worked out, how many tasks are foreseen by themselves before it is done for all, and
#: how many notices are made into mails at a time
spans = st.tuples(
    st.sampled_from([31, 31, 2, 0]), st.sampled_from([10_000, 10_000, 2, 0]), st.sampled_from([5_000, 3, 1])
)


@contextmanager
def working_by(span: tuple[int, int, int]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agenda, "_AHEAD", timedelta(days=span[0]))
        patch.setattr(agenda, "_MANY", span[1])
        patch.setattr(jobs, "_PORTION", span[2])
        yield


LOOSE: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    # A failing history is long and each try of a shorter one takes its time.
    "phases": [phase for phase in Phase if phase not in (Phase.shrink, Phase.explain)],
}


@settings(max_examples=40, **LOOSE)
@given(history=histories, first=plans_at_first, span=spans)
def test_a_round_that_looks_at_few_tasks_leaves_the_ledger_of_one_that_judges_all(
    _migrated_sqlite: Path,  # noqa: PT019 - a fixture with a value
    tmp_path: Path,
    history: list[Any],
    first: list[Action],
    span: tuple[int, int, int],
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(OTHER)
    paths = [tmp_path / "few.db", tmp_path / "all.db"]
    for path in paths:
        for leftover in tmp_path.glob(f"{path.name}-*"):
            leftover.unlink()
        shutil.copyfile(_migrated_sqlite, path)
    with provinces([f"sqlite:///{path}" for path in paths], tmp_path) as twins, working_by(span):
        live_through(twins, other, history, first)


@settings(max_examples=6, **LOOSE)
@given(history=histories, first=plans_at_first, span=spans)
def test_so_it_is_on_postgresql(
    postgres_server: PostgresServer,
    _migrated_postgres: str,  # noqa: PT019 - a fixture with a value
    tmp_path: Path,
    history: list[Any],
    first: list[Action],
    span: tuple[int, int, int],
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(OTHER)
    names = [postgres_server.create_database(_migrated_postgres) for _twin in range(2)]
    with provinces([postgres_server.url(name) for name in names], tmp_path) as twins, working_by(span):
        live_through(twins, other, history, first)
    for name in names:
        postgres_server.drop_database(name)


# --- how much a round asks


@pytest.fixture
def province(database_url: str, tmp_path: Path) -> Iterator[Province]:
    with make_province(database_url, tmp_path) as made:
        yield made


def test_a_round_asks_as_often_for_many_tasks_as_for_few(province: Province) -> None:
    statements: list[str] = []
    event.listen(province.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def asked(day: str, hour: int) -> int:
        statements.clear()
        done = jobs.queue_due(province.shop, at(day, hour))
        assert bool(done.queued) == (hour == 8)
        return len(statements)

    def told(day: str) -> None:
        jobs.fill_mails(province.shop, at(day))
        deliver(province.engine, at(day), ["sent"])

    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-05-15", after=("I.1",)))
    asked("2020-05-18", 8)
    told("2020-05-18")
    province.file(
        "h-yen-dinh",
        planned("I.1", "2020-05-18", "h-yen-dinh"),
        planned("I.2", "2020-05-18", "h-yen-dinh", after=("I.1",)),
    )
    few = asked("2020-05-19", 8), asked("2020-05-19", 9)
    told("2020-05-19")
    many = (planned(f"I.{n}", "2020-05-15", "stc", after=(f"I.{n - 1}",) if n > 1 else ()) for n in range(1, 300))
    province.file("stc", *many)
    assert (asked("2020-05-20", 8), asked("2020-05-20", 9)) == few


def test_a_quiet_round_looks_at_nothing_and_writes_nothing(province: Province) -> None:
    province.file("snv", planned("I.1", "2020-05-15"), planned("I.2", "2020-08-30"))
    now = at("2020-05-18")
    jobs.queue_due(province.shop, now)
    jobs.fill_mails(province.shop, now)
    deliver(province.engine, now, ["sent"])
    with reading(province.engine) as session:
        assert agenda_of(province.shop, session, now).subjects == frozenset()
    written: list[str] = []
    event.listen(province.engine, "before_cursor_execute", lambda *args: written.append(args[2].split()[0]))
    assert jobs.queue_due(province.shop, now + timedelta(hours=1)) == Round()
    assert set(written) <= {"BEGIN", "SELECT", "WITH"}


# --- what makes a candidate, one by one; the histories above meet these seldom


def test_who_takes_over_a_role_that_was_passed_over_is_told(province: Province) -> None:
    head = mailbox("snv", "head")
    province.file("snv", planned("I.1", "2020-05-15", responsible=head))
    first = at("2020-05-18")
    assert jobs.queue_due(province.shop, first).suppressed == 1  # the head is told as the responsible person
    jobs.fill_mails(province.shop, first)
    deliver(province.engine, first, ["sent"])
    old = Officer(email=head, name="Cũ", title="", agency="snv", role=OfficerRole.HEAD, valid_to=date(2020, 5, 17))
    new = replace(old, email="new@snv.example.vn", name="Mới", valid_to=None)
    record(province, first, "officers", OfficersImported(officers=(old, new)))
    assert jobs.queue_due(province.shop, at("2020-05-18", 9)).queued == 1
    assert ("due+1wd", "agency_head", "new@snv.example.vn", "queued") in province.notices()


def test_a_deadline_moved_at_noon_warns_whoever_waits_for_it_the_same_day(province: Province) -> None:
    province.file("stttt", planned("I.1", "2020-05-12", "stttt"))
    province.file("snv", planned("I.1", "2020-05-20", duration=2, after=("stttt:I.1",)))
    jobs.queue_due(province.shop, at("2020-05-11"))
    key = f"{DIRECTIVE}/stttt:I.1"
    later = Extension(
        old_last_day=date(2020, 5, 12),
        new_last_day=date(2020, 5, 20),
        reason="-",
        document="-",
        decided_by="-",
        decided_at=at("2020-05-11", 12),
    )
    change_task(province, at("2020-05-11", 12), key, lambda _record: TaskExtended(task=key, extension=later))
    assert jobs.queue_due(province.shop, at("2020-05-11", 13)).queued == 1
    assert ("at-risk", "responsible", mailbox("snv"), "queued") in province.notices()


@pytest.mark.parametrize("filed", ["2020-05-11", "2020-05-12"])
def test_who_does_not_begin_in_time_is_warned_on_that_day_without_all_being_foreseen_anew(
    province: Province, monkeypatch: pytest.MonkeyPatch, filed: str
) -> None:
    # Filed before dangers were worked out, or after.
    rows = planned("I.1", "2020-05-29", duration=5), planned("I.2", "2020-05-29", duration=2, after=("I.1",))
    if filed == "2020-05-11":
        province.file("snv", *rows)
    jobs.queue_due(province.shop, at("2020-05-11"))
    if filed == "2020-05-12":
        province.file("snv", *rows, now=at(filed))
    monkeypatch.setattr(network, "danger", None)  # it would fail
    warned: dict[str, int] = {}
    for n in range(12, 30):
        jobs.queue_due(province.shop, at(date(2020, 5, n)))
        for rung, subject in province.notices("rung", "subject"):
            if rung == "at-risk":
                warned.setdefault(subject[-3:], n)
    # Five working days to Friday 29 May: one that begins on the 26th is late; its follower needs two more.
    assert warned == {"I.2": 22, "I.1": 26}
