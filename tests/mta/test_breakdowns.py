"""A relay that stops, is killed, holds its queue or has no space left: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from planner.store.engine import reading
from planner.store.tables import AttemptRow, MailBodyRow, MailRow
from scheduler.channels.email import EmailChannel
from tests.fakes import Province, make_province
from tests.mta.postfix import Mta, mount
from tests.mta.rounds import AN, NOW, arrived_once, many_late_tasks, taken_once, tick

PEOPLE = 40
MAILS = PEOPLE + 1  # theirs, and their head's


# --- a full disk ---


@pytest.fixture
def cramped(mta: Mta) -> Iterator[Callable[[int], None]]:
    """Let the relay keep its queue on a disk of eight megabytes, and give what leaves so many octets of it free."""
    model = mta.relay.folder / "queue-model"
    mta.relay.stop()
    mta.relay.queue.rename(model)
    mta.relay.queue.mkdir()
    with mount(mta.relay.queue, "size=8m"):
        subprocess.run(["cp", "-a", f"{model}/.", str(mta.relay.queue)], check=True)
        filler = mta.relay.queue / "filler"

        def leave(octets: int) -> None:
            filler.unlink(missing_ok=True)
            free = shutil.disk_usage(mta.relay.queue).free
            if octets < free:
                with filler.open("wb") as file:
                    for _block in range((free - octets) // 4096):
                        file.write(b"x" * 4096)

        mta.relay.settings.update(message_size_limit="200000")
        mta.relay.start()
        yield leave
        mta.relay.stop()  # nothing of it may use the disk when that goes


def test_a_full_disk_puts_every_mail_off_and_all_arrive_when_there_is_space(
    province: Province, mta: Mta, cramped: Callable[[int], None]
) -> None:
    many_late_tasks(province, PEOPLE)
    cramped(16 * 1024)
    done = tick(province, NOW)
    assert (done.sent, done.retry, done.failed, done.channel_fault) == (0, MAILS, 0, "")
    ((error,),) = set(province.mails("last_error"))
    assert "452 4.3.1 Insufficient system storage" in error
    assert tick(province, NOW + timedelta(minutes=2)).sent == 0, "still full"
    cramped(1 << 30)
    assert tick(province, NOW + timedelta(minutes=12)).sent == MAILS
    mta.settle()
    assert arrived_once(province, mta.destination) == MAILS


def test_a_disk_that_fills_up_under_the_message_itself_loses_and_doubles_nothing(
    small: Province, mta: Mta, cramped: Callable[[int], None]
) -> None:
    # A relay without the precaution to refuse while there is still some space.
    mta.relay.restart(message_size_limit="0", queue_minfree="0", virtual_mailbox_limit="0")
    many_late_tasks(small, PEOPLE)
    cramped(24 * 1024)
    now, sent, found = NOW, 0, Counter[str]()
    done = tick(small, now)
    sent += done.sent
    found.update(str(error)[:60] for (error,) in small.mails("last_error"))
    assert done.failed == done.unknown == 0
    assert done.retry > 0
    cramped(1 << 30)
    for _round in range(5):
        now += timedelta(minutes=20)
        sent += tick(small, now).sent
    assert sent == MAILS
    mta.settle()
    assert arrived_once(small, mta.destination) == MAILS
    assert "queue file write error" in mta.relay.log or "No space left" in mta.relay.log, found


# --- a relay that goes away ---


def after(mails: int, act: Callable[[], None]) -> Callable[[], bool]:
    """Return a `stop` that never stops the round, and acts once when the round has asked it so many times."""
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        if asked == mails:
            act()
        return False

    return stop


def test_a_relay_stopped_in_the_middle_of_a_round_gets_the_rest_after_its_return(province: Province, mta: Mta) -> None:
    many_late_tasks(province, PEOPLE)
    # One connection: what is under way on another one when the relay goes may be taken without our knowing.
    province = province.with_settings(smtp_connections=1)
    done = tick(province, NOW, after(12, mta.relay.stop))
    assert 0 < done.sent < MAILS
    assert done.channel_fault
    assert (done.failed, done.unknown) == (0, 0)
    mta.relay.start()
    assert tick(province, NOW + timedelta(minutes=2)).sent == MAILS - done.sent
    mta.settle()
    assert taken_once(province, mta) == MAILS


class Killer:
    """Kills the relay a moment after a round begins to send, with whatever it is doing."""

    def __init__(self, mta: Mta, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - not a secret
        self.relay = mta.relay
        self._timer: threading.Timer | None = None

    def begin(self) -> bool:
        """Set the moment, when asked for the first time; never stop the round."""
        if self._timer is None:
            self._timer = threading.Timer(
                self.chance.uniform(0.02, 0.25), self.relay.stop, kwargs={"by": signal.SIGKILL}
            )
            self._timer.start()
        return False

    def end(self) -> None:
        """Wait until it is done, and start the relay again."""
        if self._timer is not None:
            self._timer.join()
            self._timer = None
            self.relay.start()


@pytest.mark.parametrize("seed", [20, 21])
def test_a_relay_killed_again_and_again_loses_nothing_and_doubles_only_what_nobody_could_know(
    database_url: str, tmp_path: Path, smtp: dict[str, Any], mta: Mta, seed: int
) -> None:
    # What it takes stays in its queue meanwhile, so that each copy counted at the end was taken from us.
    mta.relay.restart(defer_transports="smtp")
    killer, now, kills = Killer(mta, seed), NOW, 0
    with make_province(database_url, tmp_path, members=100, **smtp) as province:
        many_late_tasks(province, 100)
        # A slow machine may get nothing through while it is killed; so there is an end to it.
        while kills < 12 and (not kills or {state for (state,) in province.mails("state")} != {"sent"}):
            tick(province, now, killer.begin)
            killer.end()
            kills += 1
            now += timedelta(minutes=12)
        for _round in range(4):
            tick(province, now)
            now += timedelta(minutes=75)
        assert {state for (state,) in province.mails("state")} == {"sent"}
        mta.relay.restart(defer_transports="")
        mta.relay.command("postqueue", "-f")
        mta.settle(60)
        names = dict(province.mails("id", "message_id"))
        arrived = mta.destination.message_ids()
        assert arrived.keys() == set(names.values()), "nothing is lost"
        with reading(province.engine) as session:
            tries = session.execute(select(AttemptRow.mail_id, AttemptRow.outcome)).all()
        unknown = Counter(names[mail] for mail, outcome in tries if outcome == "unknown")
        extra = arrived - Counter(names.values())
        assert not extra - unknown, "each extra copy is of a mail of which nobody knew whether it had been taken"
        print(f"mails {len(names)}, kills {kills}, lost 0, unknown {unknown.total()}, extra {extra.total()}")


def test_a_relay_whose_queue_is_held_got_the_mail_and_nothing_is_sent_again(small: Province, mta: Mta) -> None:
    mta.relay.restart(smtpd_client_restrictions="check_client_access static:HOLD")
    many_late_tasks(small, PEOPLE)
    assert tick(small, NOW).sent == MAILS
    assert mta.relay.queued() == {"hold": MAILS}
    assert tick(small, NOW + timedelta(hours=3)).sent == 0
    assert mta.destination.files() == []
    mta.relay.command("postsuper", "-H", "ALL")
    mta.relay.command("postqueue", "-f")
    mta.settle()
    assert arrived_once(small, mta.destination) == MAILS


# --- what is written reads as it was ---


@pytest.mark.parametrize(
    "body",
    [
        b".\r\n",
        b"..\r\n.\r\n",
        b"before\r\n.\r\nQUIT\r\n",
        b".a\r\n..b\r\n...\r\n",
        b"\r\n.\r\n\r\n.\r\n",
        b"x" * 998 + b"\r\n",
        b"." * 998 + b"\r\n",
    ],
)
async def test_lines_of_dots_and_of_998_octets_pass_through_two_servers(mta: Mta, body: bytes) -> None:
    async def yes() -> bool:
        return True

    data = b"Subject: x\r\nMessage-ID: <x@planner.example.vn>\r\n\r\n" + body
    async with EmailChannel("127.0.0.1", mta.relay.port, "none") as channel:
        assert await channel.send(sender="a@planner.example.vn", recipient=AN, data=data, before_data=yes)
    mta.settle()
    (path,) = mta.destination.files()
    _head, _empty, arrived = path.read_bytes().partition(b"\n\n")
    assert arrived == body.replace(b"\r\n", b"\n")


def test_no_line_that_the_engine_writes_is_long_enough_to_be_cut(small: Province, mta: Mta) -> None:
    many_late_tasks(small, PEOPLE)
    assert tick(small, NOW).sent == MAILS
    mta.settle()
    with reading(small.engine) as session:
        lines = select(MailRow.recipient, MailBodyRow.body).join(MailBodyRow, MailBodyRow.mail_id == MailRow.id)
        stored = {row.recipient: row.body for row in session.execute(lines)}
    for path in mta.destination.files():
        raw = path.read_bytes()
        assert max(map(len, raw.split(b"\n"))) <= 998
        to = str(BytesParser(policy=policy.default).parsebytes(raw)["To"].addresses[0].addr_spec)
        body = bytes(stored[to])
        assert max(map(len, body.split(b"\r\n"))) <= 78
        assert raw.partition(b"\n\n")[2] == body.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
