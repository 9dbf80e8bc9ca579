"""Filing a folder: files are stored together, and yet each stands for itself, whoever else writes and whatever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from planner.domain.agency import Agency, Tier
from planner.domain.changes import AgenciesImported
from planner.domain.plan import Plan
from planner.domain.status import PlanState
from planner.errors import DatabaseFailed, PermissionRefused, WorldFailed
from planner.i18n import speaking
from planner.importer import Loaded
from planner.service import filing, folder, readers
from planner.service.desk import Desk
from planner.store import events, plans, state
from tests.factories import NOW, content, file_of, fill, focal, make_desk, make_plan, make_task, moved

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = make_desk(database_url)
    fill(desk)
    yield desk
    desk.engine.dispose()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three files make a batch."""
    monkeypatch.setattr(folder, "MOST_FILES", 3)
    monkeypatch.setattr(folder, "_FIRST", 3)


def enter(desk: Desk, count: int) -> list[str]:
    """Enter agencies a000, a001 ... and return their codes."""
    codes = [f"a{n:03d}" for n in range(count)]
    new = tuple(Agency(code=code, name=f"Cơ quan số {code}", tier=Tier.COMMUNE) for code in codes)
    with desk.writing() as session:
        desk.record(session, [("agencies", AgenciesImported(agencies=new))])
    return codes


def plans_of(desk: Desk, where: Path, count: int) -> list[str]:
    """Write the plan files of as many new agencies."""
    where.mkdir(exist_ok=True)
    codes = enter(desk, count)
    for code in codes:
        file_of(where, simple(code))
    return codes


def simple(code: str, *after: str, number: str = "1/KH") -> Plan:
    tasks = [make_task("I.1", responsible="", after=after), make_task("I.2", responsible="", after=("I.1",))]
    return make_plan(code, [replace(task, responsible=f"can.bo@{code}.example.vn") for task in tasks], number=number)


def run(desk: Desk, where: Path) -> folder.FiledAll:
    return folder.file_all(desk, where, on_files=lambda _n: None, on_start=lambda _n: None)


def receipts(result: folder.FiledAll) -> list[str]:
    return [one.receipt for one in result.files]


def sound(desk: Desk) -> bool:
    """Tell whether the log holds, receipts have no gap, and the tables are what the log says."""
    with desk.reading() as session:
        given = plans.receipts(session, 2020)
        numbers = sorted(r.receipt for r in plans.plan_records(session).values() if r.version == 1)
        told = state.as_of(session, NOW)
        there = state.present(session, NOW, content=True)
        whole = events.verify(session).ok
    return whole and len(set(numbers)) == len(numbers) <= given and told == there


# --- each for itself


def test_batches_give_what_filing_one_by_one_gives(desk: Desk, tmp_path: Path, few: None) -> None:
    codes = plans_of(desk, tmp_path / "plans", 8)
    (tmp_path / "plans" / "a003x.yaml").write_text("goals: [")
    result = run(desk, tmp_path / "plans")
    assert [one.file for one in result.files if not one.ok] == ["a003x.yaml"]
    assert [one.agency for one in result.files if one.ok] == codes
    assert [one for one in receipts(result) if one] == [f"{n:04d}/2020" for n in range(3, 11)]
    assert sound(desk)
    with desk.reading() as session:
        assert len(plans.task_records(session)) == 2 + 16


def test_a_file_that_is_gone_or_a_link_is_refused_and_the_others_are_filed(desk: Desk, tmp_path: Path) -> None:
    where = tmp_path / "plans"
    codes = plans_of(desk, where, 3)
    (tmp_path / "secret.csv").write_text("root:x:0:0", encoding="utf-8")
    (where / "a000x.yaml").symlink_to(tmp_path / "none.yaml")
    (where / "a001x.csv").symlink_to(tmp_path / "secret.csv")
    with speaking("en"):
        result = run(desk, where)
    assert [one.agency for one in result.files if one.ok] == codes
    told = [problem.message for one in result.files if not one.ok for problem in one.problems]
    assert len(told) == 2
    assert all("put the file itself" in message for message in told)
    with desk.reading() as session:
        (gone,) = readers.read_many([where / "away.yaml"], filing.known_to(desk, session))
    assert isinstance(gone, WorldFailed)


def test_a_file_that_the_database_refuses_harms_no_other(desk: Desk, tmp_path: Path) -> None:
    """A reader that knew of an agency which is not in the database makes the foreign key refuse its plan."""
    codes = plans_of(desk, tmp_path, 5)
    with desk.reading() as session:
        known = filing.known_to(desk, session)
    stranger = Agency(code="la", name="Cơ quan lạ", tier=Tier.COMMUNE)
    file_of(tmp_path, simple("la"), "a002x.yaml")
    known = replace(known, agencies={**known.agencies, "la": stranger})
    loaded = list(readers.read_many(sorted(tmp_path.glob("*.yaml")), known))
    names = sorted(path.name for path in tmp_path.glob("*.yaml"))
    before = content(desk.engine)
    with pytest.raises(DatabaseFailed), desk.writing() as session:
        folder.store_many(desk, session, list(zip(names, loaded, strict=True)))
    assert content(desk.engine) == before
    told = folder._store(list(zip(names, loaded, strict=True)), lambda batch: folder._in_one_transaction(desk, batch))
    assert [one.file for one in told if not one.ok] == ["a002x.yaml"]
    assert [one.agency for one in told if one.ok] == codes
    assert [p.code for one in told for p in one.problems if p.severity == "error"] == ["database"]
    assert sound(desk)


def test_a_broken_database_is_no_fault_of_a_file(
    desk: Desk, tmp_path: Path, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans_of(desk, tmp_path, 7)
    append, calls = events.append, []

    def breaking(*args: object, **more: object) -> object:
        calls.append(args)
        if len(calls) > 1:
            raise DatabaseFailed("disk full")
        return append(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(events, "append", breaking)
    with pytest.raises(DatabaseFailed):
        run(desk, tmp_path)
    monkeypatch.undo()
    assert sound(desk)
    with desk.reading() as session:
        assert plans.receipts(session, 2020) == 2 + 3  # the first batch stays
    again = run(desk, tmp_path)
    assert ([one.unchanged for one in again.files], sound(desk)) == ([True] * 3 + [False] * 4, True)


def test_two_files_of_one_agency_are_two_versions(desk: Desk, tmp_path: Path) -> None:
    plans_of(desk, tmp_path, 2)
    file_of(tmp_path, simple("a000", number="2/KH"), "a000-b.yaml")
    file_of(tmp_path, simple("a000", number="2/KH"), "a000-c.yaml")
    result = run(desk, tmp_path)
    assert [(one.file, one.version, one.unchanged) for one in result.files] == [
        ("a000-b.yaml", 1, False),
        ("a000-c.yaml", 1, True),
        ("a000.yaml", 2, False),
        ("a001.yaml", 1, False),
    ]
    assert receipts(result) == ["0003/2020", "0003/2020", "0004/2020", "0005/2020"]
    assert sound(desk)


def test_a_changed_file_among_unchanged_ones_is_the_next_version(desk: Desk, tmp_path: Path) -> None:
    plans_of(desk, tmp_path, 4)
    first = run(desk, tmp_path)
    file_of(tmp_path, simple("a002", number="2/KH"))
    again = run(desk, tmp_path)
    assert [(one.version, one.unchanged) for one in again.files] == [(1, True), (1, True), (2, False), (1, True)]
    assert [a == b for a, b in zip(receipts(first), receipts(again), strict=True)] == [True, True, False, True]
    assert sound(desk)


def test_plans_that_wait_for_a_decision_put_no_task_in_force(desk: Desk, tmp_path: Path) -> None:
    waiting = moved(desk, settings=replace(desk.settings, auto_accept=False))
    plans_of(waiting, tmp_path, 3)
    assert [one.state for one in run(waiting, tmp_path).files] == ["submitted"] * 3
    with desk.reading() as session:
        assert len(plans.task_records(session)) == 2  # the directive's own
        records = plans.plan_records(session).values()
        assert sum(record.state is PlanState.SUBMITTED for record in records) == 3
    assert sound(desk)


def test_circles_inside_a_folder_are_refused_where_they_close(desk: Desk, tmp_path: Path) -> None:
    enter(desk, 5)
    file_of(tmp_path, simple("a000", "a001:I.1"))
    file_of(tmp_path, simple("a001", "a002:I.1"))
    file_of(tmp_path, simple("a002", "a000:I.1"))
    file_of(tmp_path, simple("a003", "a000:I.2"))
    file_of(tmp_path, simple("a004"))
    for batch in (64, 1):
        pretended = run(moved(desk, dry_run=True), tmp_path)
        assert [one.ok for one in pretended.files] == [True, True, False, True, True], batch
    result = run(desk, tmp_path)
    assert [one.ok for one in result.files] == [True, True, False, True, True]
    [problem] = [p for p in result.files[2].problems if p.severity == "error"]
    assert (problem.code, set(problem.place.split(" -> "))) == ("cycle", {"a000:I.1", "a001:I.1", "a002:I.1"})
    assert sound(desk)


def test_a_circle_with_what_was_filed_long_ago_is_refused(desk: Desk, tmp_path: Path) -> None:
    enter(desk, 3)
    (tmp_path / "before").mkdir()
    (tmp_path / "now").mkdir()
    filing.file(desk, file_of(tmp_path / "before", simple("a000", "a001:I.2")))
    file_of(tmp_path / "now", simple("a001", "a000:I.1"))
    file_of(tmp_path / "now", simple("a002", "a000:I.1"))
    assert [one.ok for one in run(desk, tmp_path / "now").files] == [False, True]
    assert sound(desk)


# --- who files


def test_who_is_not_known_is_told_once_and_nothing_is_read(desk: Desk, tmp_path: Path) -> None:
    plans_of(desk, tmp_path, 2)
    before = content(desk.engine)
    with pytest.raises(PermissionRefused):
        run(moved(desk, user="la@example.vn"), tmp_path)
    assert content(desk.engine) == before


def test_an_officer_files_what_is_the_agencys_own_of_a_batch(desk: Desk, tmp_path: Path) -> None:
    for agency in ("stttt", "snv", "vp-ubnd"):
        file_of(tmp_path, make_plan(agency))
    result = run(moved(desk, user=focal("snv")), tmp_path)
    assert {one.file: one.ok for one in result.files} == {"snv.yaml": True, "stttt.yaml": False, "vp-ubnd.yaml": False}
    assert {p.code for one in result.files if not one.ok for p in one.problems} == {"permission"}
    assert sound(desk)


# --- a dry run


def test_a_dry_run_tells_what_filing_then_does_and_leaves_no_trace(desk: Desk, tmp_path: Path, few: None) -> None:
    plans_of(desk, tmp_path, 7)
    file_of(tmp_path, simple("a000", number="2/KH"), "a006-again.yaml")  # another batch than a000.yaml
    file_of(tmp_path, simple("a005", "a004:I.1"))
    file_of(tmp_path, simple("a004", "a000:I.1"))
    file_of(tmp_path, simple("a000", "a005:I.1"), "a000.yaml")
    (tmp_path / "a002.yaml").write_text("goals: [")
    before = content(desk.engine)
    pretended = run(moved(desk, dry_run=True), tmp_path)
    assert content(desk.engine) == before
    assert pretended == run(desk, tmp_path)
    assert [one.ok for one in pretended.files] == [True, True, False, True, True, False, True, True]
    assert [one.version for one in pretended.files if one.agency == "a000"] == [1, 2]
    assert len({one.receipt for one in pretended.files if one.ok}) == 6


# --- how much it asks of the database


def _statements(desk: Desk, where: Path) -> int:
    told: list[str] = []

    def listen(*args: object) -> None:
        told.append(str(args[2]))

    event.listen(desk.engine, "before_cursor_execute", listen)
    run(desk, where)
    event.remove(desk.engine, "before_cursor_execute", listen)
    return len(told)


def test_statements_do_not_grow_with_the_files_of_a_batch(desk: Desk, tmp_path: Path) -> None:
    codes = enter(desk, 44)
    for size, some in ((4, codes[:4]), (40, codes[4:])):
        (tmp_path / str(size)).mkdir()
        for code in some:
            file_of(tmp_path / str(size), simple(code, "stttt:I.1"))
    monkey = pytest.MonkeyPatch()
    monkey.setattr(folder, "_FIRST", 64)
    with monkey.context():
        small, large = _statements(desk, tmp_path / "4"), _statements(desk, tmp_path / "40")
        again = _statements(desk, tmp_path / "40")
    monkey.undo()
    assert small == large
    assert again <= large


def test_a_batch_has_its_bounds() -> None:
    def loaded(tasks: int) -> Loaded:
        plan = make_plan("a", [make_task(f"I.{n}") for n in range(tasks)])
        return Loaded(plan=plan, draft=None, problems=())  # type: ignore[arg-type]

    sizes = [1] * 10 + [3_000, 3_000, 3_000, 9_000, 1]
    batches = folder._Batches((f"{n}", loaded(size)) for n, size in enumerate(sizes))
    taken = []
    while batch := batches.next(4):
        taken.append([len(one.plan.tasks) for _name, one in batch if isinstance(one, Loaded) and one.plan])
    assert taken == [[1] * 4, [1] * 4, [1, 1, 3_000, 3_000], [3_000], [9_000], [1]]


# --- reading


def test_a_reader_that_dies_is_a_failure_of_the_world(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans_of(desk, tmp_path, 3)
    monkeypatch.setattr(readers, "_POOL_FROM", 1)
    monkeypatch.setattr(readers, "_processors", lambda: 2)
    monkeypatch.setattr(readers, "_read_chunk", _die)
    with pytest.raises(WorldFailed, match=r"died|chết|dừng"):
        run(desk, tmp_path)


def _die(_paths: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_readers_give_the_same_as_reading_here(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans_of(desk, tmp_path, 10)
    (tmp_path / "a003x.yaml").write_text("goals: [")
    (tmp_path / "a004x.yaml").mkdir()
    with desk.reading() as session:
        known = filing.known_to(desk, session)
    paths = sorted(tmp_path.iterdir())
    here = [str(one) for one in readers.read_many(paths, known)]
    monkeypatch.setattr(readers, "_POOL_FROM", 1)
    monkeypatch.setattr(readers, "_processors", lambda: 2)
    assert [str(one) for one in readers.read_many(paths, known)] == here


# --- several processes, and kill -9

_FILE = """
import os, signal, sys
from planner.cli import main
from planner.service import folder
kill_after = int(sys.argv.pop(1))
folder._FIRST = folder.MOST_FILES = 3
in_one_transaction, done = folder._in_one_transaction, []

def dying(desk, batch):
    if kill_after and len(done) == kill_after:  # in the middle of the next transaction
        with desk.writing() as session:
            folder.store_many(desk, session, batch)
            os.kill(os.getpid(), signal.SIGKILL)
    done.append(batch)
    return in_one_transaction(desk, batch)

folder._in_one_transaction = dying
sys.argv[0] = "planner"
main()
"""


def _start(desk: Desk, where: Path, *, kill_after: int = 0) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PLANNER_DATABASE_URL": desk.settings.database_url or "",
        "PLANNER_NOW": NOW.isoformat(),
    }
    command = [sys.executable, "-c", _FILE, str(kill_after), "plan", "file-all", str(where), "--json"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=where.parent)


def test_two_processes_file_the_same_folder_and_everything_is_filed_once(desk: Desk, tmp_path: Path) -> None:
    codes = plans_of(desk, tmp_path / "plans", 30)
    both = [_start(desk, tmp_path / "plans") for _ in range(2)]
    told = [json.loads(process.communicate(timeout=120)[0]) for process in both]
    assert [(one["filed"], one["refused"]) for one in told] == [(30, 0)] * 2
    assert [f["receipt"] for f in told[0]["files"]] == [f["receipt"] for f in told[1]["files"]]
    for one, other in zip(told[0]["files"], told[1]["files"], strict=True):
        assert one["unchanged"] != other["unchanged"]
    with desk.reading() as session:
        assert plans.receipts(session, 2020) == 2 + len(codes)
    assert sound(desk)


def test_what_was_filed_before_a_kill_stays_and_the_rest_is_filed_again(desk: Desk, tmp_path: Path) -> None:
    plans_of(desk, tmp_path / "plans", 12)
    process = _start(desk, tmp_path / "plans", kill_after=2)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    with desk.reading() as session:
        kept = plans.receipts(session, 2020) - 2
    assert 0 < kept < 12
    assert sound(desk)
    result = run(desk, tmp_path / "plans")
    assert [one.unchanged for one in result.files] == [True] * kept + [False] * (12 - kept)
    assert receipts(result) == [f"{n:04d}/2020" for n in range(3, 15)]
    assert sound(desk)


def test_readers_end_with_a_killed_parent(tmp_path: Path) -> None:
    """A reader that waited for work for ever would hold memory until the machine is restarted."""
    code = """
import os, sys, time
from pathlib import Path
from planner.domain.directive import Directive
from planner.service import readers
from planner.service.known import Known
from datetime import date

if __name__ == "__main__":
    readers._POOL_FROM, readers._processors = 1, lambda: 2
    nothing = {"agencies": {}, "officers": {}, "directives": {}, "tasks": frozenset()}
    known = Known(**nothing, today=date(2020, 5, 5), calendar_file=None)
    reading = readers.read_many(sorted(Path(sys.argv[1]).iterdir()), known)
    next(reading)
    print(os.getpid(), flush=True)
    time.sleep(60)
"""
    script = tmp_path / "parent.py"
    script.write_text(code)
    (tmp_path / "plans").mkdir()
    for n in range(8):
        (tmp_path / "plans" / f"{n}.yaml").write_text("goals: [")
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "plans")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) >= 2
    process.kill()
    process.wait()
    process.stdout.close()  # not read to its end: a reader that lives on holds it open
    last = time.monotonic() + 30
    while any(_alive(child) for child in children) and time.monotonic() < last:
        time.sleep(0.05)
    left = [child for child in children if _alive(child)]
    for child in left:
        os.kill(int(child), signal.SIGKILL)
    assert left == []


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
