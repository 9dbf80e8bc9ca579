"""Many mails are written by several processes: the same mails, whatever happens to a process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from planner.domain.notification import NoticeKind
from scheduler import scribes
from scheduler.scribes import Letter, Order, Unwritten
from tests.digests import AN, DEPARTMENT, NOW, TODAY, item

ROOT = Path(__file__).parents[2]


def order(n: int, site: Path | None = None, sender: str = "nhac-viec@stttt.example.vn") -> Order:
    return Order(
        key=f"mail {n}",
        officer=AN,
        agency_name=DEPARTMENT,
        items=(item(NoticeKind.OVERDUE, -n, code=f"I.{n}"), item(NoticeKind.REMINDER, n, code=f"II.{n}")),
        today=TODAY,
        now=NOW,
        language=("vi", "en")[n % 2],
        site=site,
        sender=sender,
        sender_name="Hệ thống theo dõi",
    )


def batches(count: int) -> Iterator[list[Order]]:
    return ([order(2 * n + 1), order(2 * n + 2)] for n in range(count))


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine has, three processes write, from the first mail on."""
    monkeypatch.setattr(scribes, "MANY", 1)
    monkeypatch.setattr(scribes, "_processors", lambda: 3)


@pytest.mark.usefixtures("several")
def test_several_processes_write_the_same_mails_in_the_same_order() -> None:
    alone = [scribes.write(batch) for batch in batches(9)]
    with scribes.called(18) as written:
        assert len(multiprocessing.active_children()) == 3
        together = list(written(batches(9)))
    assert together == alone
    assert all(isinstance(one, Letter) for batch in alone for one in batch)
    assert multiprocessing.active_children() == []


@pytest.mark.usefixtures("several")
def test_orders_are_taken_no_further_ahead_than_there_is_work() -> None:
    taken = []

    def counted() -> Iterator[list[Order]]:
        for batch in batches(50):
            taken.append(batch)
            yield batch

    with scribes.called(100) as written:
        next(written(counted()))
        assert len(taken) <= 3 * 2 + 1
    assert multiprocessing.active_children() == []


@pytest.mark.usefixtures("several")
def test_a_process_that_is_killed_costs_no_mail() -> None:
    with scribes.called(24) as written:
        letters = written(batches(12))
        done = [next(letters)]
        for child in multiprocessing.active_children():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
        done += letters
    assert done == [scribes.write(batch) for batch in batches(12)]


@pytest.mark.usefixtures("several")
def test_one_mail_that_cannot_be_written_leaves_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "notification" / "digest"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("{{ nothing_of_this_name }}", encoding="utf-8")
    with scribes.called(3) as written:
        [[bad, good, worse]] = written([[order(1, tmp_path), order(2), order(3, sender="@@")]])
    assert isinstance(good, Letter)
    assert isinstance(bad, Unwritten)
    assert "nothing_of_this_name" in bad.reason
    assert isinstance(worse, Unwritten)


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize("error", [OSError("no room for a semaphore"), NotImplementedError("too few semaphores")])
def test_a_machine_that_gives_no_processes_writes_all_the_same(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_args: object, **_named: object) -> None:
        raise error

    monkeypatch.setattr(scribes, "ProcessPoolExecutor", refuse)
    with scribes.called(6) as written:
        assert list(written(batches(3))) == [scribes.write(batch) for batch in batches(3)]


@pytest.mark.usefixtures("several")
def test_a_process_that_cannot_be_begun_costs_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: object) -> None:
        raise BlockingIOError("too many processes")

    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", refuse)
    with scribes.called(6) as written:
        assert list(written(batches(3))) == [scribes.write(batch) for batch in batches(3)]


CRASH = """
import multiprocessing, time
from scheduler import scribes
from tests.scheduler.test_scribes import batches

if __name__ == "__main__":
    scribes.MANY, scribes._processors = 1, lambda: 2
    with scribes.called(2000) as written:
        next(written(batches(1000)))
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        time.sleep(60)
"""


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_processes_end_with_the_one_that_began_them_even_if_it_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "crash.py"
    script.write_text(CRASH, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        children = [int(one) for one in parent.stdout.readline().split()]
        assert len(children) == 2
        assert all(map(is_alive, children))
        parent.kill()
    end = time.monotonic() + 20
    while any(map(is_alive, children)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(is_alive, children))
