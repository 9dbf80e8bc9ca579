"""The judge is shown outcomes that must not pass."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.fakes import at
from tests.faults import check
from tests.faults.check import Expected, Seen, Verdict
from tests.faults.lane import Lane

KEY, MAIL = "k" * 64, "<1@planner.example.vn>"
EXPECTED = Expected(notices={KEY: ("sent", "an@a.vn", "2020-05-18")}, before=frozenset())
LINE = {"message_id": MAIL, "sha256": "s", "recipient": "an@a.vn", "at": 1.0}
GOOD = Seen(
    notices={KEY: ("sent", "an@a.vn", "2020-05-18", 1)},
    chains={KEY: ("task", 0, "responsible")},
    rungs={KEY: "due"},
    mails={1: ("sent", MAIL, "s")},
    attempts=[(1, 1, at("2020-05-18"), "sent")],
    trail=[(1, "ready", "leased", 1), (1, "leased", "sending", 1), (1, "sending", "sent", 1)],
    carried=[(1, 1)],
    ids={1: KEY},
    digests=frozenset({1}),
    readers={1: "an@a.vn"},
    duplicates=0,
    accepted={MAIL: [LINE]},
    dead=set(),
)


def judged(monkeypatch: pytest.MonkeyPatch, seen: Seen, **options: Any) -> Verdict:
    def may_send(now: datetime) -> bool:
        return now <= at("2020-05-18", 17)

    monkeypatch.setattr(check, "look", lambda _lane: seen)
    monkeypatch.setattr(check, "chain_breaks_at", lambda _lane: None)
    policy = SimpleNamespace(sending=SimpleNamespace(most_a_day=2))
    lane = cast(Lane, SimpleNamespace(shop=SimpleNamespace(may_send=may_send, policy=policy)))
    return check.judge(lane, EXPECTED, **options)


def test_what_is_as_expected_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = judged(monkeypatch, GOOD)
    assert verdict.ok
    assert (verdict.lost, verdict.extra) == (0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"accepted": {}},
        {"notices": {}, "ids": {}},
        {"notices": {KEY: ("mailed", "an@a.vn", "2020-05-18", 1)}},
        {"notices": {KEY: ("dead", "an@a.vn", "2020-05-18", 1)}},
    ],
    ids=["the server has nothing", "no row", "still waiting", "given up"],
)
def test_a_notice_that_did_not_reach_the_server_is_lost(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    verdict = judged(monkeypatch, replace(GOOD, **changes))
    assert verdict.lost == 1
    assert not verdict.ok


def test_a_second_acceptance_is_explained_only_by_a_fate_noted_as_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = replace(GOOD, accepted={MAIL: [LINE, LINE]})
    verdict = judged(monkeypatch, twice)
    assert (verdict.extra, verdict.explained, verdict.ok) == (1, 0, False)
    noted = [*GOOD.trail[:2], (1, "sending", "unknown", 2), (1, "unknown", "leased", 3), (1, "leased", "sending", 3)]
    explained = replace(twice, trail=[*noted, (1, "sending", "sent", 3)], attempts=[(1, 3, at("2020-05-18"), "sent")])
    verdict = judged(monkeypatch, explained)
    assert (verdict.extra, verdict.explained, verdict.ok) == (1, 1, True)


def test_a_step_told_in_two_mails_is_an_extra_acceptance(monkeypatch: pytest.MonkeyPatch) -> None:
    other = "<2@planner.example.vn>"
    seen = replace(
        GOOD,
        mails={**GOOD.mails, 2: ("sent", other, "s")},
        carried=[(1, 1), (1, 2)],
        accepted={MAIL: [LINE], other: [{**LINE, "message_id": other}]},
    )
    verdict = judged(monkeypatch, seen)
    assert (verdict.extra, verdict.explained, verdict.ok) == (1, 0, False)


@pytest.mark.parametrize(
    ("changes", "invariant"),
    [
        ({"accepted": {MAIL: [{**LINE, "sha256": "t"}]}}, "I7"),
        ({"attempts": [(1, 7, at("2020-05-18"), "sent")]}, "I3"),
        ({"trail": [*GOOD.trail, (1, "sent", "ready", 1)]}, "I3"),
        ({"attempts": [(1, 1, at("2020-05-18", 18), "sent")]}, "I4"),
        ({"attempts": [(1, 1, at("2020-05-15"), "sent")]}, "I4"),
        ({"notices": {**GOOD.notices, "n" * 64: ("sent", "an@a.vn", "2020-05-18", 1)}}, "I1"),
        ({"accepted": {MAIL: [LINE], "<9@planner.example.vn>": [LINE]}}, "I2"),
    ],
    ids=["other bytes", "a fence of nobody", "a move back", "after hours", "before its day", "not expected", "unknown"],
)
def test_what_breaks_an_invariant_is_named(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], invariant: str
) -> None:
    seen = replace(GOOD, **changes)
    more = dict.fromkeys(seen.notices.keys() - GOOD.notices.keys(), ("task", 1, "responsible"))
    seen = replace(seen, chains={**GOOD.chains, **more}, rungs={**GOOD.rungs, **dict.fromkeys(more, "due")})
    verdict = judged(monkeypatch, seen)
    assert not verdict.ok
    assert [problem[:2] for problem in verdict.problems] == [invariant]


def test_two_rows_that_say_the_same_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not judged(monkeypatch, replace(GOOD, duplicates=1)).ok


def test_where_the_server_refused_for_good_a_dead_notice_needs_that_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = replace(
        GOOD, notices={KEY: ("dead", "an@a.vn", "2020-05-18", 1)}, mails={1: ("dead", MAIL, "s")}, accepted={}
    )
    assert judged(monkeypatch, replace(dead, attempts=[]), mode="refused").lost == 1
    trail = [*GOOD.trail[:2], (1, "sending", "dead", 1)]
    refused = replace(dead, attempts=[(1, 1, at("2020-05-18"), "failed")], trail=trail)
    assert judged(monkeypatch, refused, mode="refused").ok


LATER, SECOND = "l" * 64, "<2@planner.example.vn>"


def with_a_second_mail(arrived: float, *, day: str = "2020-05-18", digest: bool = True) -> Seen:
    """Return a second step of the same task, told to the same person in a second mail."""
    return replace(
        GOOD,
        notices={**GOOD.notices, LATER: ("sent", "an@a.vn", "2020-05-19", 2)},
        chains={**GOOD.chains, LATER: ("task", 0, "responsible")},
        rungs={**GOOD.rungs, LATER: "due+1wd"},
        mails={**GOOD.mails, 2: ("sent", SECOND, "s")},
        attempts=[*GOOD.attempts, (2, 1, at(day), "sent")],
        trail=[*GOOD.trail, *((2, old, new, fence) for _mail, old, new, fence in GOOD.trail)],
        carried=[(1, 1), (2, 2)],
        ids={1: KEY, 2: LATER},
        digests=frozenset({1, 2} if digest else {1}),
        readers={1: "an@a.vn", 2: "an@a.vn"},
        accepted={MAIL: [LINE], SECOND: [{**LINE, "message_id": SECOND, "at": arrived}]},
    )


def test_a_lower_step_that_arrives_after_a_higher_one_is_named() -> None:
    in_order, out_of_order = Verdict(), Verdict()
    check._order(in_order, with_a_second_mail(2.0))
    check._order(out_of_order, with_a_second_mail(0.5))
    assert in_order.problems == []
    assert [problem[:2] for problem in out_of_order.problems] == ["I5"]


def test_only_a_worker_a_day_ahead_may_overtake_a_mail_that_is_in_others_hands() -> None:
    overtaken = with_a_second_mail(0.5)
    later, first = overtaken.trail[3:], overtaken.trail[:3]
    in_hand = replace(overtaken, trail=[first[0], *later, *first[1:]])
    not_yet = replace(overtaken, trail=[*later, *first])
    given_back = replace(overtaken, trail=[first[0], (1, "leased", "ready", 2), *later, *first])
    for seen, skewed, problems in ((in_hand, True, 0), (in_hand, False, 1), (not_yet, True, 1), (given_back, True, 1)):
        found = Verdict()
        check._order(found, seen, skewed=skewed)
        assert len(found.problems) == problems


def test_a_step_that_is_repeated_after_a_higher_one_is_named() -> None:
    seen = with_a_second_mail(2.0)
    seen.accepted[MAIL] = [LINE, {**LINE, "at": 3.0}]
    found = Verdict()
    check._order(found, seen)
    assert [problem[:2] for problem in found.problems] == ["I5"]


@pytest.mark.parametrize(
    ("seen", "invariants"),
    [
        (with_a_second_mail(2.0, day="2020-05-19"), []),
        (with_a_second_mail(2.0, digest=False), []),
        (with_a_second_mail(2.0), ["I10"]),
    ],
    ids=["on two days", "one of them urgent", "on one day"],
)
def test_two_digests_of_one_day_are_named(monkeypatch: pytest.MonkeyPatch, seen: Seen, invariants: list[str]) -> None:
    expected = replace(EXPECTED, notices={**EXPECTED.notices, LATER: ("sent", "an@a.vn", "2020-05-18")})
    monkeypatch.setattr(sys.modules[__name__], "EXPECTED", expected)
    problems = [problem.split(":")[0] for problem in judged(monkeypatch, seen).problems]
    assert [one for one in problems if one == "I10"] == invariants


@pytest.mark.parametrize(("told_on", "lost"), [("2020-05-19", 0), ("2020-05-18", 0), ("2020-05-15", 1)])
def test_a_risk_that_nobody_saw_is_lost_unless_a_step_of_that_day_or_later_was_told(
    monkeypatch: pytest.MonkeyPatch, told_on: str, lost: int
) -> None:
    told: dict[str, tuple[str, str, str, int | None]] = {KEY: ("sent", "an@a.vn", told_on, 1)}
    expected = Expected(
        notices={KEY: ("sent", "an@a.vn", told_on), LATER: ("sent", "an@a.vn", "2020-05-18")},
        before=frozenset(),
        risks={LATER: GOOD.chains[KEY]},
    )
    monkeypatch.setattr(sys.modules[__name__], "EXPECTED", expected)
    assert judged(monkeypatch, replace(GOOD, notices=told), mode="skewed").lost == lost
    assert judged(monkeypatch, replace(GOOD, notices=told)).lost == 1, "rounds came every day"


def test_more_mails_than_the_policy_allows_in_a_day_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = with_a_second_mail(2.0, digest=False)
    third = replace(
        seen,
        attempts=[*seen.attempts, (3, 1, at("2020-05-18"), "sent")],
        trail=[*seen.trail, *((3, old, new, fence) for _mail, old, new, fence in GOOD.trail)],
        readers={**seen.readers, 3: "an@a.vn"},
    )
    assert any(problem.startswith("I10") for problem in judged(monkeypatch, third).problems)
    unsure = replace(third, trail=[*third.trail, (3, "sending", "unknown", 1)])
    assert not any(problem.startswith("I10") for problem in judged(monkeypatch, unsure).problems)
