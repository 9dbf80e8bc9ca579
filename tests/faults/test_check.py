"""The judge is shown outcomes that must not pass."""

from __future__ import annotations

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
LINE = {"message_id": MAIL, "sha256": "s"}
GOOD = Seen(
    notices={KEY: ("sent", "an@a.vn", "2020-05-18", 1)},
    chains={KEY: ("task", 0, "responsible")},
    rungs={KEY: "due"},
    mails={1: ("sent", MAIL, "s")},
    attempts=[(1, 1, at("2020-05-18"), "sent")],
    trail=[(1, "ready", "leased", 1), (1, "leased", "sending", 1), (1, "sending", "sent", 1)],
    carried=[(1, 1)],
    ids={1: KEY},
    duplicates=0,
    accepted={MAIL: [LINE]},
    dead=set(),
)


def judged(monkeypatch: pytest.MonkeyPatch, seen: Seen, **options: Any) -> Verdict:
    def may_send(now: datetime) -> bool:
        return now <= at("2020-05-18", 17)

    monkeypatch.setattr(check, "look", lambda _lane: seen)
    monkeypatch.setattr(check, "chain_breaks_at", lambda _lane: None)
    lane = cast(Lane, SimpleNamespace(shop=SimpleNamespace(may_send=may_send)))
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
    ],
    ids=["other bytes", "a fence of nobody", "a move back", "after hours", "before its day", "not expected"],
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
