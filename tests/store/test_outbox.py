"""The ledger and the outbox: each notice once, each mail in one pair of hands, on SQLite and on PostgreSQL."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from planner.domain.notification import MailState, Notice, NoticeKind, NoticeState
from planner.domain.status import PlanState
from planner.service import filing, tasks
from planner.service.desk import Desk
from planner.store import ledger, ledger_view, outbox, ticks, upkeep
from planner.store.engine import DatabaseEpoch, connect, writing
from planner.store.tables import MailRow, NoticeRow
from tests.factories import (
    DIRECTIVE,
    NOW,
    POLICY,
    TODAY,
    content,
    fill,
    focal,
    head,
    make_deadline,
    make_desk,
    make_notice,
    make_plan,
    make_task,
    moved,
)
from tests.store.actions import accept_plan

KEY = f"{DIRECTIVE}/stttt:"
QUEUED, MAILED, SENT = NoticeState.QUEUED, NoticeState.MAILED, NoticeState.SENT
OBSOLETE, SUPERSEDED, SUPPRESSED = NoticeState.OBSOLETE, NoticeState.SUPERSEDED, NoticeState.SUPPRESSED


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)
    fill(desk)
    accept_plan(desk, make_plan(tasks=[make_task(f"I.{n}") for n in range(1, 5)]))
    yield desk
    desk.engine.dispose()


def enqueue(desk: Desk, *notices: Notice) -> Counter[NoticeState]:
    with desk.writing() as session:
        return ledger.enqueue(session, notices, policy=POLICY, at=desk.now)


def reconcile(desk: Desk, *judged: Notice) -> Counter[NoticeState]:
    with desk.writing() as session:
        return upkeep.reconcile(session, {notice.key: notice for notice in judged}, desk.now)


def states(desk: Desk) -> dict[str, str]:
    """Return the state of each notice, by its task's code."""
    with desk.reading() as session:
        return {row["subject"].removeprefix(KEY): row["state"] for row in ledger_view.ledger(session)}


def mail(key: str = "m1", **fields: object) -> outbox.NewMail:
    sound = outbox.NewMail(
        kind="digest",
        recipient=focal("stttt"),
        day=TODAY,
        key=key,
        subject="Nhắc việc",
        message_id=f"<{key}@planner.example.vn>",
        body="Kính gửi đồng chí".encode(),
    )
    return replace(sound, **fields)  # type: ignore[arg-type]


def save(desk: Desk, new: outbox.NewMail, *, only: Sequence[str] = ()) -> bool:
    """Put what is queued (of the tasks `only`) into a mail."""
    with desk.writing() as session:
        some = [q for q in ledger.queued(session) if not only or q.notice.subject.removeprefix(KEY) in only]
        return outbox.save_mail(session, new, some, desk.now)


def claim(desk: Desk, *, lease: int = 900, limit: int = 10) -> list[outbox.HeldMail]:
    with writing(desk.engine) as session:
        return outbox.claim(session, now=desk.now, limit=limit, lease=lease)


def begin(desk: Desk, held: outbox.HeldMail) -> bool:
    with writing(desk.engine) as session:
        return outbox.begin_data(session, held, desk.now)


def settle(
    desk: Desk, held: outbox.HeldMail, state: MailState, next_try_at: datetime | None = None, **more: bool
) -> bool:
    with writing(desk.engine) as session:
        return outbox.settle(
            session,
            held,
            at=desk.now,
            state=state,
            outcome=state.value,
            stage="data",
            reply_code=250,
            reply="2.0.0 OK",
            next_try_at=next_try_at,
            **more,
        )


def expire(desk: Desk) -> None:
    """Let the database's clock run past every lease, then reap."""
    with writing(desk.engine) as session:
        session.execute(update(MailRow).where(MailRow.lease_until.is_not(None)).values(lease_until=DatabaseEpoch() - 1))
        outbox.reap(session)


def mail_state(desk: Desk, key: str = "m1") -> str:
    with desk.reading() as session:
        return session.scalars(select(MailRow.state).where(MailRow.key == key)).one()


NOTICES = [make_notice(f"{KEY}I.{n}") for n in range(1, 5)]


# --- the ledger ---


def test_the_same_notice_is_entered_once(desk: Desk) -> None:
    assert enqueue(desk, *NOTICES) == {QUEUED: 4}
    before = content(desk.engine)
    assert not +enqueue(moved(desk, now=NOW + timedelta(hours=1)), *NOTICES)
    assert content(desk.engine) == before


def test_a_notice_given_twice_at_once_is_entered_once(desk: Desk) -> None:
    assert enqueue(desk, NOTICES[0], NOTICES[0]) == {QUEUED: 1}


def test_two_hosts_that_queue_at_once_enter_each_notice_once(desk: Desk, database_url: str) -> None:
    many = [make_notice(f"{KEY}I.1", rung=f"r{n}") for n in range(60)]

    def queue(_n: int) -> Counter[NoticeState]:
        engine = connect(database_url)
        with writing(engine) as session:
            found = ledger.enqueue(session, many, policy=POLICY, at=NOW)
        engine.dispose()
        return found

    with ThreadPoolExecutor(4) as pool:
        total = sum(pool.map(queue, range(4)), Counter[NoticeState]())
    assert total == {QUEUED: 60}


def test_the_key_tells_revision_rung_day_role_and_channel_apart_but_not_the_person() -> None:
    notice = make_notice()
    others = [
        replace(notice, revision=1),
        replace(notice, rung="due"),
        replace(notice, nominal=date(2020, 5, 16)),
        replace(notice, role="focal"),
        replace(notice, channel="sms"),
        replace(notice, subject=f"{KEY}I.2"),
    ]
    assert len({notice.key, *(other.key for other in others)}) == 7
    assert replace(notice, recipient=head("stttt"), reason="x", kind=NoticeKind.OVERDUE).key == notice.key


def test_what_is_queued_comes_back_as_it_was(desk: Desk) -> None:
    enqueue(desk, *NOTICES)
    with desk.reading() as session:
        found = ledger.queued(session)
    assert [one.notice for one in found] == NOTICES
    assert {one.queued_at for one in found} == {NOW}


def test_a_notice_for_nobody_waits_and_is_in_no_mail(desk: Desk) -> None:
    enqueue(desk, make_notice(f"{KEY}I.1", recipient=""))
    with desk.reading() as session:
        assert ledger.queued(session) == []
    assert states(desk) == {"I.1": "queued"}


def test_a_notice_that_holds_no_more_is_obsolete(desk: Desk) -> None:
    enqueue(desk, *NOTICES)
    assert reconcile(desk, *NOTICES[1:]) == {OBSOLETE: 1}
    assert states(desk) == {"I.1": "obsolete", "I.2": "queued", "I.3": "queued", "I.4": "queued"}
    assert not reconcile(desk, *NOTICES[1:])


def test_a_notice_takes_the_state_it_is_judged_to_have(desk: Desk) -> None:
    enqueue(desk, *NOTICES)
    judged = [replace(NOTICES[0], state=SUPERSEDED), replace(NOTICES[1], state=SUPPRESSED), *NOTICES[2:]]
    assert reconcile(desk, *judged) == {SUPERSEDED: 1, SUPPRESSED: 1}
    assert states(desk) == {"I.1": "superseded", "I.2": "suppressed", "I.3": "queued", "I.4": "queued"}


def test_a_notice_follows_the_person(desk: Desk) -> None:
    enqueue(desk, NOTICES[0])
    reconcile(desk, replace(NOTICES[0], recipient=head("stttt"), reason="người thay thế"))
    with desk.reading() as session:
        [one] = ledger.queued(session)
    assert (one.notice.recipient, one.notice.reason) == (head("stttt"), "người thay thế")


def test_a_mail_that_waits_gives_back_what_still_holds(desk: Desk) -> None:
    enqueue(desk, *NOTICES)
    assert save(desk, mail())
    reconcile(desk, *NOTICES[1:])
    assert mail_state(desk) == "obsolete"
    assert states(desk) == {"I.1": "obsolete", "I.2": "queued", "I.3": "queued", "I.4": "queued"}
    assert claim(desk) == []


def test_a_mail_that_waits_is_given_up_when_its_person_changes(desk: Desk) -> None:
    enqueue(desk, *NOTICES[:2])
    save(desk, mail())
    reconcile(desk, replace(NOTICES[0], recipient=head("stttt")), NOTICES[1])
    with desk.reading() as session:
        assert {q.notice.recipient for q in ledger.queued(session)} == {head("stttt"), focal("stttt")}
    assert mail_state(desk) == "obsolete"


def test_a_mail_on_its_way_is_left_alone(desk: Desk) -> None:
    enqueue(desk, *NOTICES[:2])
    save(desk, mail())
    claim(desk)
    assert not reconcile(desk)
    assert not reconcile(desk, replace(NOTICES[0], recipient=head("stttt")), NOTICES[1])
    assert states(desk) == {"I.1": "mailed", "I.2": "mailed"}


@pytest.mark.parametrize("judged", [[], [replace(NOTICES[0], recipient=head("stttt"))]], ids=["obsolete", "moved"])
def test_a_mail_that_is_taken_up_while_it_is_reconciled_keeps_its_notices(
    postgres_url: str, judged: list[Notice]
) -> None:
    desk = make_desk(postgres_url)
    fill(desk)
    accept_plan(desk, make_plan())
    enqueue(desk, NOTICES[0])
    save(desk, mail())

    class Interrupted(Session):
        """Lets another worker claim the mail right after the ledger was read."""

        def execute(self, *args: object, **options: object) -> object:  # type: ignore[override]
            result = super().execute(*args, **options)  # type: ignore[call-overload]
            if not self.info.get("done"):
                self.info["done"] = True
                assert len(claim(desk)) == 1
            return result

    with Interrupted(desk.engine) as taken:
        upkeep.reconcile(taken, {notice.key: notice for notice in judged}, desk.now)
        taken.commit()
    assert (mail_state(desk), states(desk)) == ("leased", {"I.1": "mailed"})
    with desk.reading() as session:
        assert [row["recipient"] for row in ledger_view.ledger(session)] == [focal("stttt")]
    desk.engine.dispose()


def test_more_notices_than_a_statement_takes_are_settled_piece_by_piece(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planner.store.bulk._CHUNK", 7)
    many = [make_notice(f"{KEY}I.1", rung=f"r{n}") for n in range(40)]
    assert enqueue(desk, *many) == {QUEUED: 40}
    assert save(desk, mail())
    assert reconcile(desk, *many[:10]) == {OBSOLETE: 30}
    assert mail_state(desk) == "obsolete"
    with desk.reading() as session:
        assert len(ledger.queued(session)) == 10


# --- mails ---


def test_a_mail_is_stored_once_and_the_slower_worker_changes_nothing(desk: Desk) -> None:
    enqueue(desk, *NOTICES)
    assert save(desk, mail(), only=["I.1"])
    before = content(desk.engine)
    assert not save(desk, mail(body=b"other"), only=["I.2"])
    assert content(desk.engine) == before


def test_a_mail_whose_notice_was_taken_by_another_is_not_stored(desk: Desk) -> None:
    enqueue(desk, *NOTICES[:2])
    with desk.reading() as session:
        waiting = ledger.queued(session)
    save(desk, mail("m1"), only=["I.1"])
    before = content(desk.engine)
    with desk.writing() as session:
        assert not outbox.save_mail(session, mail("m2"), waiting, NOW)
        assert outbox.save_mail(session, mail("m3"), waiting[1:], NOW)  # the transaction goes on
    after = content(desk.engine)
    [new] = [row for row in after["mail"] if row not in before["mail"]]
    assert "m3" in new


def test_sending_settles_the_notices_with_the_mail(desk: Desk) -> None:
    enqueue(desk, *NOTICES[:2])
    save(desk, mail())
    [held] = claim(desk)
    assert (held.recipient, held.body, held.attempts, held.first_try_at) == (focal("stttt"), mail().body, 0, NOW)
    assert begin(desk, held)
    assert settle(desk, held, MailState.SENT)
    assert (mail_state(desk), states(desk)) == ("sent", {"I.1": "sent", "I.2": "sent"})
    with desk.reading() as session:
        found = ledger_view.mail_of(session, NOTICES[0].key)
        assert found is not None
        tried = [one.outcome for one in ledger_view.attempts_of(session, found.id)]
        told = ledger.times_told(session, [f"{KEY}I.1", f"{KEY}I.3"])
    assert (found.sent_at, found.attempts, tried) == (NOW, 1, ["sent"])
    assert told == {(f"{KEY}I.1", 0, focal("stttt")): 1}


def test_a_refused_address_kills_the_mail_and_its_notices(desk: Desk) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    [held] = claim(desk)
    assert settle(desk, held, MailState.DEAD)
    assert (mail_state(desk), states(desk)) == ("dead", {"I.1": "dead"})


def test_a_mail_is_tried_again_at_its_hour_and_not_before(desk: Desk) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    [held] = claim(desk)
    assert settle(desk, held, MailState.READY, NOW + timedelta(minutes=5))
    assert states(desk) == {"I.1": "mailed"}
    assert claim(moved(desk, now=NOW + timedelta(minutes=4))) == []
    [again] = claim(moved(desk, now=NOW + timedelta(minutes=5)))
    assert (again.attempts, again.first_try_at, again.body) == (1, NOW, held.body)
    assert again.fence > held.fence


def test_a_fault_of_the_whole_channel_costs_no_try(desk: Desk) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    [held] = claim(desk)
    settle(desk, held, MailState.READY, NOW, counts=False)
    assert claim(desk)[0].attempts == 0


def test_a_worker_that_lost_its_mail_can_no_longer_write(desk: Desk) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    [stale] = claim(desk)
    expire(desk)
    [held] = claim(desk)
    before = content(desk.engine)
    assert not begin(desk, stale)
    assert not settle(desk, stale, MailState.SENT)
    assert not settle(desk, stale, MailState.DEAD)
    assert content(desk.engine) == before
    assert begin(desk, held)
    assert settle(desk, held, MailState.SENT)


def test_a_try_is_recorded_once(desk: Desk) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    [held] = claim(desk)
    assert settle(desk, held, MailState.SENT)
    assert not settle(desk, held, MailState.SENT)
    assert not settle(desk, held, MailState.READY)


def test_after_its_lease_nobody_begins_to_send(desk: Desk) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    [held] = claim(desk)
    with writing(desk.engine) as session:
        session.execute(update(MailRow).values(lease_until=DatabaseEpoch() - 1))
    assert not begin(desk, held)
    assert mail_state(desk) == "leased"


def test_a_held_mail_is_taken_back_only_when_its_lease_is_over(desk: Desk) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    claim(desk)
    with writing(desk.engine) as session:
        outbox.reap(session)
    assert mail_state(desk) == "leased"
    expire(desk)
    assert mail_state(desk) == "ready"


def test_a_mail_whose_worker_died_after_data_is_of_unknown_fate_and_sent_again_the_same(desk: Desk) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    [held] = claim(desk)
    begin(desk, held)
    expire(desk)
    assert (mail_state(desk), states(desk)) == ("unknown", {"I.1": "mailed"})
    [again] = claim(desk)
    assert (again.body, again.recipient) == (held.body, held.recipient)


def test_leases_run_on_the_clock_of_the_database_and_not_on_now(desk: Desk) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    year_2030 = moved(desk, now=datetime(2030, 1, 1, tzinfo=UTC))
    [held] = claim(year_2030, lease=600)
    with writing(year_2030.engine) as session:
        outbox.reap(session)
        left = session.scalar(select(MailRow.lease_until - DatabaseEpoch()))
        clock = session.scalar(select(DatabaseEpoch()))
    assert left is not None
    assert 590 < left <= 600.01
    assert clock is not None
    assert abs(clock - datetime.now(UTC).timestamp()) < 5
    assert begin(year_2030, held)


def test_sending_begins_a_lease_anew(desk: Desk) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    [held] = claim(desk, lease=900)
    with writing(desk.engine) as session:
        session.execute(update(MailRow).values(lease_until=DatabaseEpoch() + 10))
    assert begin(desk, held)
    with desk.reading() as session:
        left = session.scalar(select(MailRow.lease_until - DatabaseEpoch()))
    assert left is not None
    assert left > 800


def _hand_in(desk: Desk) -> None:
    tasks.done(desk, "stttt:I.1", document="5/BC", on=TODAY, file=None)


def _confirm(desk: Desk) -> None:
    _hand_in(desk)
    tasks.confirm(desk, "stttt:I.1")


def _extend(desk: Desk) -> None:
    tasks.extend(desk, "stttt:I.1", to=date(2020, 6, 30), reason="chờ thiết bị", document="7/CV")


def _leave_out(desk: Desk) -> None:
    accept_plan(desk, make_plan(tasks=[make_task(f"I.{n}") for n in (2, 3, 4)]))


def _refile(desk: Desk) -> None:
    changed = [make_task("I.1", deadline=make_deadline(date(2020, 7, 1))), *(make_task(f"I.{n}") for n in (2, 3, 4))]
    accept_plan(desk, make_plan(tasks=changed))


@pytest.mark.parametrize("happens", [_hand_in, _confirm, _extend, _leave_out, _refile])
def test_just_before_sending_a_notice_that_holds_no_more_stops_its_mail(desk: Desk, happens: object) -> None:
    enqueue(desk, *NOTICES[:3])
    save(desk, mail())
    [held] = claim(desk)
    assert callable(happens)
    happens(desk)
    assert not begin(desk, held)
    assert mail_state(desk) == "obsolete"
    assert states(desk) == {"I.1": "obsolete", "I.2": "queued", "I.3": "queued"}


def test_just_before_sending_a_returned_plan_stops_the_mail(desk: Desk) -> None:
    enqueue(desk, *NOTICES[:1])
    save(desk, mail())
    [held] = claim(desk)
    filing.decide(desk, "stttt", PlanState.RETURNED, "thiếu nhiệm vụ")
    assert not begin(desk, held)


def test_progress_does_not_stop_a_mail(desk: Desk) -> None:
    enqueue(desk, *NOTICES[:1])
    save(desk, mail())
    [held] = claim(desk)
    tasks.progress(desk, "stttt:I.1", 30, "đang làm")
    assert begin(desk, held)


def test_a_plan_accepted_meanwhile_stops_the_mail_that_asks_for_it(desk: Desk) -> None:
    asked = make_notice(f"{DIRECTIVE}/snv", kind=NoticeKind.FILING, rung="filing+1wd")
    still = make_notice(f"{DIRECTIVE}/vp-ubnd", kind=NoticeKind.FILING, rung="filing+1wd")
    enqueue(desk, asked, still)
    save(desk, mail())
    [held] = claim(desk)
    accept_plan(desk, make_plan("snv"))
    assert not begin(desk, held)
    with desk.reading() as session:
        assert {r["subject"]: r["state"] for r in ledger_view.ledger(session)} == {
            f"{DIRECTIVE}/snv": "obsolete",
            f"{DIRECTIVE}/vp-ubnd": "queued",
        }


def test_a_result_that_waits_is_told_to_the_confirmer_until_it_is_confirmed(desk: Desk) -> None:
    _hand_in(desk)
    enqueue(desk, make_notice(f"{KEY}I.1", kind=NoticeKind.CONFIRMATION, role="confirmer", recipient=head("stttt")))
    save(desk, mail())
    [held] = claim(desk)
    tasks.confirm(desk, "stttt:I.1")
    assert not begin(desk, held)


# --- many workers ---


def _many_mails(desk: Desk, n: int) -> None:
    enqueue(desk, *(make_notice(f"{KEY}I.1", rung=f"r{k}") for k in range(n)))
    with desk.writing() as session:
        for one in ledger.queued(session):
            assert outbox.save_mail(session, mail(f"m{one.id}"), [one], NOW)


def _work(url: str) -> list[int]:
    """Claim a few at a time until nothing is left; return what was held."""
    engine = connect(url)
    mine: list[int] = []
    while True:
        with writing(engine) as session:
            held = outbox.claim(session, now=NOW, limit=3, lease=600)
        if not held:
            engine.dispose()
            return mine
        assert len(held) <= 3
        mine += [one.id for one in held]


def test_a_notice_on_its_way_into_one_mail_does_not_stand_in_another_too(desk: Desk) -> None:
    enqueue(desk, *NOTICES[:1])
    with desk.reading() as session:
        waiting = ledger.queued(session)

    def late() -> bool:
        with writing(desk.engine) as session:
            return outbox.save_mail(session, mail("m2"), waiting, desk.now)

    with ThreadPoolExecutor(1) as pool:
        with writing(desk.engine) as session:
            assert outbox.save_mail(session, mail("m1"), waiting, desk.now)
            other = pool.submit(late)  # it read the queue before this was committed
            with pytest.raises(TimeoutError):
                other.result(timeout=0.5)
        assert not other.result()
    with desk.reading() as session:
        assert session.scalars(select(MailRow.key)).all() == ["m1"]


def test_no_mail_is_in_two_hands_among_threads(desk: Desk, database_url: str) -> None:
    _many_mails(desk, 60)
    with ThreadPoolExecutor(6) as pool:
        held = [one for mine in pool.map(_work, [database_url] * 6) for one in mine]
    assert sorted(held) == sorted(set(held))
    assert len(held) == 60


def _work_and_tell(url: str, where: Path) -> None:
    where.write_text(" ".join(map(str, _work(url))))


def test_no_mail_is_in_two_hands_among_processes(desk: Desk, database_url: str, tmp_path: Path) -> None:
    _many_mails(desk, 60)
    context = multiprocessing.get_context("spawn")
    files = [tmp_path / f"worker{n}" for n in range(3)]
    workers = [context.Process(target=_work_and_tell, args=(database_url, where)) for where in files]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    held = [one for where in files for one in where.read_text().split()]
    assert len(held) == len(set(held)) == 60


# --- by hand ---


@pytest.mark.parametrize("state", [MailState.DEAD, MailState.READY, MailState.UNKNOWN])
def test_a_mail_that_failed_can_be_tried_at_once(desk: Desk, state: MailState) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    [held] = claim(desk)
    settle(desk, held, state, NOW + timedelta(days=1))
    with desk.writing() as session:
        assert upkeep.retry(session, NOTICES[0].key, NOW)
    [again] = claim(desk)
    assert (again.attempts, states(desk)) == (0, {"I.1": "mailed"})
    assert settle(desk, again, MailState.SENT)


@pytest.mark.parametrize("state", [MailState.SENT, MailState.LEASED])
def test_a_mail_that_is_sent_or_held_is_not_tried_again(desk: Desk, state: MailState) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    [held] = claim(desk)
    if state is MailState.SENT:
        settle(desk, held, state)
    with desk.writing() as session:
        assert not upkeep.retry(session, NOTICES[0].key, NOW)
    assert mail_state(desk) == state.value


def test_a_key_is_found_by_its_beginning(desk: Desk) -> None:
    enqueue(desk, *NOTICES)
    with desk.reading() as session:
        assert ledger_view.keys_like(session, NOTICES[0].key[:12]) == [NOTICES[0].key]
        assert len(ledger_view.keys_like(session, "")) == 2
        assert ledger_view.keys_like(session, "%") == []


def test_the_ledger_narrows_by_state_subject_key_and_instant(desk: Desk) -> None:
    enqueue(desk, *NOTICES[:2])
    enqueue(moved(desk, now=NOW + timedelta(days=1)), NOTICES[2])
    reconcile(desk, *NOTICES[1:])
    with desk.reading() as session:

        def subjects(**narrow: object) -> list[str]:
            return [r["subject"].removeprefix(KEY) for r in ledger_view.ledger(session, **narrow)]  # type: ignore[arg-type]

        assert subjects() == ["I.1", "I.2", "I.3"]
        assert subjects(states=("obsolete",)) == ["I.1"]
        assert subjects(subject=f"{KEY}I.2") == ["I.2"]
        assert subjects(key=NOTICES[2].key) == ["I.3"]
        assert subjects(until=NOW) == ["I.1", "I.2"]


def test_the_heartbeat_is_the_last_round(desk: Desk) -> None:
    with desk.writing() as session:
        assert ticks.last_tick(session) is None
        ticks.record_tick(session, NOW, {"sent": 3})
        ticks.record_tick(session, NOW + timedelta(minutes=1), {})
    with desk.reading() as session:
        assert ticks.last_tick(session) == NOW + timedelta(minutes=1)


def test_every_digest_of_a_day_given_up_is_counted(desk: Desk) -> None:
    enqueue(desk, NOTICES[0])
    save(desk, mail())
    with desk.reading() as session:
        assert outbox.digests_of(session, TODAY) == {focal("stttt"): (0, True)}
    reconcile(desk)
    with desk.reading() as session:
        assert outbox.digests_of(session, TODAY) == {focal("stttt"): (1, False)}
        assert outbox.digests_of(session, TODAY + timedelta(days=1)) == {}


def test_the_database_is_one_that_both_kinds_understand(desk: Desk) -> None:
    with desk.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM notice")).scalar() == 0
        assert connection.execute(select(NoticeRow.key)).all() == []
