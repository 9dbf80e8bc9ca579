"""A mail server that refuses, hangs up, dawdles, talks nonsense, or takes mail without our hearing of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.faults.check import judge
from tests.faults.lane import morning
from tests.faults.scene import Scene, kind, tries
from tests.faults.worker import Work

_PASSING = {
    "CONNECT": ("drop", "hang", "421 4.3.2 too busy", "554 5.7.1 not you", "garbage", "long", "drip"),
    "EHLO": ("drop", "hang", "421 4.3.2 too busy", "502 5.5.1 what", "garbage", "long", "drip"),
    "STARTTLS": ("drop", "hang", "454 4.7.0 not now", "garbage", "220 and then cut"),
    "MAIL": (
        "drop",
        "hang",
        "421 4.3.2 bye",
        "450 4.2.0 later",
        "451 4.3.0 later",
        "452 4.3.1 full",
        "garbage",
        "drip",
    ),
    "RCPT": ("drop", "hang", "421 4.3.2 bye", "450 4.2.0 grey", "451 4.7.1 grey", "452 4.2.2 full", "garbage", "drip"),
    "DATA": (
        "drop",
        "hang",
        "421 4.3.2 bye",
        "450 4.2.0 later",
        "451 4.3.0 later",
        "452 4.3.1 full",
        "garbage",
        "drip",
    ),
    "BODY": ("drop", "hang"),
    "DOT": ("drop", "hang", "421 4.3.2 bye", "450 4.2.0 later", "451 4.3.0 later", "452 4.3.1 full", "garbage"),
    "RSET": ("drop", "hang", "421 4.3.2 bye", "garbage"),
    "QUIT": ("drop", "hang", "garbage"),
}
_LASTING = {
    "RCPT": ("550 5.1.1 no mailbox", "553 5.1.3 no such name", "550 5.2.1 closed"),
    "DATA": ("554 5.6.0 no such mail here",),
    "DOT": ("554 5.6.0 content refused", "550 5.1.1 no mailbox after all", "552 5.3.4 too large"),
}
_TAKEN = ("taken, drop", "taken, hang", "taken, garbage", "taken, long", "taken, drip")


@kind("mail server fails at a step")
def smtp(scene: Scene, _index: int) -> None:
    """Let the server refuse, hang up, dawdle and talk nonsense at every step, in a passing way."""
    _server(scene, lambda: _script(scene, _PASSING))


@kind("mail server refuses for good")
def refusals(scene: Scene, _index: int) -> None:
    """Let the server refuse addresses and mails for good: someone else is told, or the mail is dead and said to be."""
    _server(scene, lambda: _script(scene, _LASTING), mode="refused")


@kind("mail taken, answer lost")
def taken(scene: Scene, _index: int) -> None:
    """Let the server take mails without our hearing of it."""
    _server(scene, lambda: [_act(scene, "DOT", scene.chance.choice(_TAKEN)) for _act_ in range(3)])


def _script(scene: Scene, acts: dict[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    steps = [scene.chance.choice(list(acts)) for _act_ in range(scene.chance.randint(2, 7))]
    return [_act(scene, step, scene.chance.choice(acts[step])) for step in steps]


def _act(scene: Scene, step: str, do: str) -> dict[str, Any]:
    often = step in ("CONNECT", "EHLO", "STARTTLS", "QUIT")
    nth = scene.chance.randint(1, 3) if often else scene.chance.randint(1, 9)
    return {"step": step, "do": do, "nth": nth, "times": scene.chance.choice((1, 1, 1, 2))}


def _server(scene: Scene, script: Callable[[], list[dict[str, Any]]], mode: str = "strict") -> None:
    days = scene.days(2)
    expected = scene.expected(days)
    scene.begin(days[0])
    injected, wrong = 0, []
    for day in days:
        for now in tries(day, 7):
            acts = script()
            scene.lane.sink.script(*acts)
            tls = "starttls" if any(act["step"] == "STARTTLS" for act in acts) else "none"
            work = Work(rounds=(now,), quick=any("hang" in act["do"] for act in acts), tls=tls)  # type: ignore[arg-type]
            ended = scene.lane.run(*[work] * scene.workers)
            wrong += scene.complaints(ended)
            done = scene.lane.sink.script()
            injected += done.total()
            scene.tally.where += done
            scene.wait()
            if not any(scene.lane.open_work()) and now > morning(day):
                break
        wrong += scene.lane.finish_day(morning(day), patient=mode != "strict")
    if mode != "strict":  # what goes to somebody else may wait for that person's next digest
        wrong += scene.days_after(days[-1])
    scene.tally.take(judge(scene.lane, expected, mode=mode), injected, wrong)
