"""What must hold after every fault: the invariants of docs/reliability.md, worked out from the database and the sink.

The expectation is what the same days bring without any fault. "Told" is what the mail server wrote down, never what
the program says of itself. Two invariants are held elsewhere: I6 (who waits is held back only while somebody is urged)
by `tests/model`, and here by being equal to the days without faults; I9 (an engine that stands still is noticed) by
`tests/scheduler/test_audit.py` and `tests/scheduler/test_daemon.py`.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from planner.store import events
from planner.store.engine import reading
from scheduler.shop import local_day
from tests.faults.lane import Lane

#: how a mail may go from state to state
_MOVES = {
    "ready": {"leased", "obsolete", "dead", "bounced", "cancelled"},
    "leased": {"ready", "sending", "obsolete", "dead", "bounced", "unknown"},
    "sending": {"sent", "ready", "unknown", "dead", "bounced"},
    "unknown": {"leased", "bounced", "dead", "ready", "obsolete"},
    "sent": {"bounced"},
    "dead": {"ready", "bounced"},
    "bounced": set(),
    "obsolete": set(),
    "cancelled": set(),
}


@dataclass(kw_only=True)
class Seen:
    """What the database and the mail server say at the end of a scenario."""

    notices: dict[str, tuple[str, str, str, int | None]]  #: by key: state, recipient, nominal day, mail
    chains: dict[str, tuple[Any, ...]]  #: by key: subject, revision, role
    rungs: dict[str, str]  #: by key
    mails: dict[int, tuple[str, str, str]]  #: state, Message-ID, SHA-256 of its bytes
    attempts: list[tuple[int, int, datetime, str]]  #: mail, fence, instant, outcome
    trail: list[tuple[int, str, str, int]]  #: mail, old state, new state, fence
    carried: list[tuple[int, int]]  #: notice, mail
    ids: dict[int, str]  #: key of a notice by its id
    digests: frozenset[int]  #: mails that are digests
    readers: dict[int, str]  #: of each mail, to whom it goes
    duplicates: int  #: rows of the ledger that say what another says
    accepted: dict[str, list[dict[str, Any]]]  #: what the server took, by Message-ID
    dead: set[str]  #: addresses at which mail does not arrive


def look(lane: Lane) -> Seen:
    """Read everything."""
    ask = lane.database.ask
    rows = ask("SELECT key, state, recipient, nominal, mail_id, id, subject, revision, role, rung, channel FROM notice")
    same = Counter((row[6], row[7], row[9], str(row[3]), row[8], row[10]) for row in rows)
    accepted: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lane.sink.accepted():
        accepted[line["message_id"]].append(line)
    return Seen(
        notices={row[0]: (row[1], row[2], str(row[3]), row[4]) for row in rows},
        chains={row[0]: (row[6], row[7], row[8]) for row in rows},
        rungs={row[0]: row[9] for row in rows},
        mails={
            row[0]: (row[1], row[2], hashlib.sha256(row[3]).hexdigest())
            for row in ask("SELECT id, state, message_id, body FROM mail JOIN mail_body ON mail_id = id")
        },
        attempts=[
            (row[0], row[1], _instant(row[2]), row[3]) for row in ask("SELECT mail_id, fence, at, outcome FROM attempt")
        ],
        trail=[tuple(row) for row in ask("SELECT mail_id, old, new, fence FROM fault_trail ORDER BY id")],
        carried=[tuple(row) for row in ask("SELECT DISTINCT notice_id, mail_id FROM fault_carried")],
        digests=frozenset(row[0] for row in ask("SELECT id FROM mail WHERE kind = 'digest'")),
        readers={row[0]: row[1] for row in ask("SELECT id, recipient FROM mail")},
        # The key of an at-risk notice names the last day, which is still to come when it is told.
        ids={row[5]: row[0] for row in rows if row[9] != "at-risk"},
        duplicates=sum(count - 1 for count in same.values()),
        accepted=accepted,
        dead={row[0] for row in ask("SELECT email FROM dead_address")},
    )


def _instant(value: Any) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the days bring without faults."""

    notices: Mapping[str, tuple[str, str, str]]  #: by key: state, recipient, nominal day
    before: frozenset[str]  #: Message-IDs of mails that had been sent before the scenario began
    risks: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  #: of those at risk: what a step of it overtakes


@dataclass(kw_only=True)
class Verdict:
    """What a scenario came to."""

    lost: int = 0  #: notices that should have been told and were not
    duplicates: int = 0  #: rows of the ledger
    extra: int = 0  #: acceptances beyond one a mail
    explained: int = 0  #: of these, those of a try whose fate the ledger had noted as unknown
    problems: list[str] = field(default_factory=list)  #: everything else that does not hold

    @property
    def ok(self) -> bool:
        """Whether everything held."""
        return not (self.lost or self.duplicates or self.extra - self.explained or self.problems)


def judge(lane: Lane, expected: Expected, *, mode: str = "strict", restored: int = 0) -> Verdict:
    """Hold what is seen against what must be.

    Args:
        lane: at rest.
        expected: of the same days without faults.
        mode: "strict", or "refused" where the server refused for good, or "skewed" where a worker's clock was wrong.
        restored: acceptances that a restored backup does not know of.
    """
    seen = look(lane)
    found = Verdict(duplicates=seen.duplicates)
    _told(found, seen, expected, mode)
    _acceptances(found, seen, expected, restored)
    _writes(found, seen, lane)
    if not restored:  # what a restored backup does not know of has no row here
        _order(found, seen, skewed=mode == "skewed")
    if mode != "skewed":  # who is a day ahead writes tomorrow's digest today
        _cap(found, seen, lane)
    if (broken := chain_breaks_at(lane)) is not None:
        found.problems.append(f"I8: the chain of events breaks at {broken}")
    return found


def chain_breaks_at(lane: Lane) -> int | None:
    """Return the first event that does not fit into the chain of the log."""
    with reading(lane.shop.engine) as session:
        chain = events.verify(session)
    lane.shop.engine.dispose()
    return chain.first_bad


def _told(found: Verdict, seen: Seen, expected: Expected, mode: str) -> None:
    """I1: every notice that had to be told has one row, and its mail was taken."""
    higher: dict[tuple[Any, ...], str] = {}  # the last rung that was told, where a rung may be overtaken
    for key, (state, _recipient, nominal, _mail) in seen.notices.items():
        if seen.rungs[key] != "at-risk" and (state == "sent" or (mode == "refused" and _refused(seen, key))):
            higher[seen.chains[key]] = max(nominal, higher.get(seen.chains[key], ""))
    # Where nobody looked while a task was at risk, its day itself had come when somebody did, and was told.
    moot = {
        key
        for key, chain in expected.risks.items()
        if mode == "skewed" and key not in seen.notices and higher.get(chain, "") >= expected.notices[key][2]
    }
    for key in sorted(expected.notices.keys() - moot):
        state, recipient, nominal = expected.notices[key]
        got = seen.notices.get(key)
        if got is None:
            found.lost += 1
            found.problems.append(f"I1: no row for {key[:12]}, due {nominal}")
            continue
        if got[0] == "sent":
            state_, message_id, _sha = seen.mails[got[3] or 0]
            if message_id not in seen.accepted and message_id not in expected.before:
                found.lost += 1
                found.problems.append(f"I1: {key[:12]} counts as sent, and no server has it ({state_})")
            elif mode == "strict" and (got[0], got[1]) != (state, recipient):
                found.problems.append(f"I1: {key[:12]} is {got[:2]}, expected {(state, recipient)}")
        elif state == "sent":
            if mode == "refused" and _refused(seen, key):
                continue
            if (
                mode != "strict"
                and got[0] in ("superseded", "suppressed")
                and nominal <= higher.get(seen.chains[key], "")
            ):
                continue
            found.lost += 1
            found.problems.append(f"I1: {key[:12]} of {nominal} is {got[0]}, expected to be sent to {recipient}")
        elif mode == "strict" and got[0] != state:
            found.problems.append(f"I1: {key[:12]} is {got[0]}, expected {state}")
    if mode == "strict":
        found.problems += [f"I1: {key[:12]} was not expected" for key in seen.notices.keys() - expected.notices.keys()]


def _refused(seen: Seen, key: str) -> bool:
    """Say whether a notice ended as the server's lasting refusals make it end, and not otherwise."""
    state, recipient, _nominal, mail = seen.notices[key]
    if state in ("dead", "bounced"):
        return any(one == mail and outcome == "failed" for one, _fence, _at, outcome in seen.attempts)
    if state == "queued":  # nobody is left whose address is not dead; it stays where people see it
        return recipient == "" and bool(seen.dead)
    # Who stands in for a dead address has had the same step in another role.
    return state == "suppressed" and bool(seen.dead)


def _acceptances(found: Verdict, seen: Seen, expected: Expected, restored: int) -> None:
    """I2, I7: what the server took more than once, why, and whether it was the same mail."""
    unknown = Counter(mail for mail, _old, new, _fence in seen.trail if new == "unknown")
    known = {message_id: mail for mail, (_state, message_id, _sha) in seen.mails.items()}
    extra = explained = 0
    for message_id, lines in seen.accepted.items():
        mail = known.get(message_id)
        if mail is None:
            extra += len(lines)  # of a mail that a restored backup does not know
            if not restored:
                found.problems.append(f"I2: a mail was taken that nobody has stored: {lines}")
            continue
        state, _id, sha = seen.mails[mail]
        needed = 1 if state in ("sent", "bounced") and message_id not in expected.before else 0
        more = len(lines) - needed
        extra += max(0, more)
        explained += max(0, min(more, unknown[mail]))
        if more > unknown[mail] + restored:
            moves = [one[1:] for one in seen.trail if one[0] == mail]
            found.problems.append(f"I2: mail {mail} was taken {len(lines)} times ({lines}); its trail: {moves}")
        if not restored and {line["sha256"] for line in lines} != {sha}:
            found.problems.append(f"I7: mail {mail} left with other bytes than are stored")
    # One step told in two mails that both count as sent, is told twice too.
    sent: Counter[int] = Counter(
        notice for notice, mail in seen.carried if seen.mails.get(mail, ("",))[0] == "sent" and mail in known.values()
    )
    extra += sum(count - 1 for count in sent.values() if count > 1)
    for notice in sorted(one for one, count in sent.items() if count > 1):
        mails = sorted(mail for one, mail in seen.carried if one == notice)
        trail = [one for one in seen.trail if one[0] in mails]
        found.problems.append(f"I2: notice {notice} was told in the mails {mails}; their trail: {trail}")
    found.extra = extra
    found.explained = min(extra, explained + restored)


def _writes(found: Verdict, seen: Seen, lane: Lane) -> None:
    """I3, I4: nobody wrote with a fence that was not his, nothing moved as it may not, nothing left before its hour."""
    held = {(mail, fence) for mail, old, _new, fence in seen.trail if old in ("leased", "sending")}
    for mail, fence, at, outcome in seen.attempts:
        if (mail, fence) not in held:
            found.problems.append(f"I3: mail {mail} has a try with fence {fence} that nobody held")
        if outcome in ("sent", "unknown") and not lane.shop.may_send(at):
            found.problems.append(f"I4: mail {mail} was sent outside the hours, at {at}")
    for mail, old, new, fence in seen.trail:
        if new not in _MOVES[old]:
            found.problems.append(f"I3: mail {mail} went from {old} to {new} (fence {fence})")
    left = {mail: at for mail, _fence, at, outcome in seen.attempts if outcome == "sent"}
    for notice, mail in seen.carried:
        key = seen.ids.get(notice)
        if key and mail in left and str(left[mail].date()) < seen.notices[key][2]:
            found.problems.append(f"I4: {key[:12]} was told on {left[mail].date()}, before its day")


def _order(found: Verdict, seen: Seen, *, skewed: bool = False) -> None:
    """I5: no mail with a lower step arrives at a person after one with a higher step of the same subject.

    Where a worker's clock is wrong, its mail may overtake one that another worker has in its hands at that moment.
    """
    known = {mail: message_id for mail, (_state, message_id, _sha) in seen.mails.items()}
    taken_up: dict[int, int] = {}
    sent: dict[int, int] = {}
    for place, (mail, _old, new, _fence) in enumerate(seen.trail):
        if new == "leased":
            taken_up[mail] = place  # the last time counts: what was given back had its chance to be judged again
        elif new == "sent":
            sent.setdefault(mail, place)
    told: dict[tuple[Any, ...], list[tuple[float, str, int]]] = defaultdict(list)
    for notice, mail in seen.carried:
        key = seen.ids.get(notice)
        if key is None:
            continue
        subject, revision, _role = seen.chains[key]
        for line in seen.accepted.get(known.get(mail, ""), ()):
            told[subject, revision, line["recipient"]].append((line["at"], seen.notices[key][2], mail))
    for (subject, _revision, recipient), arrived in told.items():
        highest, by = "", 0
        for _at, day, mail in sorted(arrived):
            if day >= highest:
                highest, by = day, mail
            elif not (skewed and taken_up[mail] < sent.get(by, len(seen.trail))):
                found.problems.append(f"I5: {recipient} was told of {subject} of {day} after {highest}")


def _cap(found: Verdict, seen: Seen, lane: Lane) -> None:
    """I10: a person gets one digest a day, and no more mails than the policy allows; what may be repeated is apart."""
    unsure = {mail for mail, _old, new, _fence in seen.trail if new == "unknown"}
    most = lane.shop.policy.sending.most_a_day
    got: dict[tuple[str, date], set[int]] = defaultdict(set)
    for mail, _fence, instant, outcome in seen.attempts:
        if outcome == "sent" and mail not in unsure:
            got[seen.readers[mail], local_day(instant)].add(mail)
    for (recipient, day), mails in got.items():
        if len(mails & seen.digests) > 1:
            found.problems.append(f"I10: {recipient} got {len(mails & seen.digests)} digests on {day}")
        if most is not None and len(mails) > most:
            found.problems.append(f"I10: {recipient} got {len(mails)} mails on {day}")
