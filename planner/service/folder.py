"""Filing a folder: every plan file in it, each on its own, all of it or nothing.

Reading and checking run ahead in other processes; storing follows in the order of the names, some files in one
transaction, which is short: others who want to write get in between. What is filed stays filed if the program is
killed, and the folder can be filed again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from planner.domain.changes import Change, PlanFiled
from planner.domain.graph import circles
from planner.domain.plan import Plan, PlanRecord, predecessor_key, task_key
from planner.domain.status import PlanState
from planner.errors import NotFound, PlannerError, Problem, Refused, RowsRefused, WorldFailed, words_of
from planner.i18n import gettext as _
from planner.importer import READERS, Loaded
from planner.service import filing
from planner.service.desk import Desk
from planner.service.filing import Filed, filed_as
from planner.service.readers import read_many, without_cells
from planner.store import plans
from planner.store.engine import Session, give_way

MOST_FILES = 64  #: in one transaction
_FIRST = 8  # until the pace is known
MOST_TASKS = 8_000  #: in one transaction, except that a single file may have more
_HOLD = 0.4  # seconds for which others may be kept waiting; the number of files follows from the pace

Item = tuple[str, Loaded | WorldFailed]  # the file's name, and what reading it gave
Edge = tuple[str, str]  # task keys: the first before the second


@dataclass
class FiledAll:
    """What became of a folder."""

    files: list[Filed] = field(default_factory=list)

    @property
    def filed(self) -> int:
        """How many files are filed."""
        return sum(one.ok for one in self.files)

    @property
    def refused(self) -> int:
        """How many were refused."""
        return len(self.files) - self.filed


def file_all(desk: Desk, folder: Path, *, on_files: Callable[[int], None], on_start: Callable[[int], None]) -> FiledAll:
    """File every plan of a folder, each on its own: all of it or nothing.

    Args:
        desk: who files, and when. A dry run tells what would be, receipt numbers included.
        folder: where the files lie; those in folders below are not read.
        on_files: told how many more files are done, after they are stored.
        on_start: told how many files there are.

    Raises:
        NotFound: no such folder, or no plan file in it.
        PermissionRefused: nobody knows who acts.
        WorldFailed: the folder cannot be read, or the database failed; what was filed by then stays filed.
    """
    paths = _plan_files(folder)
    with desk.reading() as session:
        known = filing.known_to(desk, session)
        desk.acting_officer(session)
    on_start(len(paths))
    store = _Pretence(desk).store if desk.dry_run else partial(_in_one_transaction, desk)
    batches = _Batches(zip((path.name for path in paths), read_many(paths, known), strict=True))
    result, most, released = FiledAll(), _FIRST, 0.0
    while batch := batches.next(most):
        give_way(desk.engine, released)
        start = time.monotonic()
        result.files += _store(batch, store)
        released = time.monotonic()
        most = max(1, min(MOST_FILES, int(len(batch) * _HOLD / max(released - start, 0.001))))
        on_files(len(batch))
    return result


def _plan_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise NotFound(_("There is no folder {path}.").format(path=folder))
    try:
        names = sorted(folder.iterdir())
    except OSError as error:
        raise WorldFailed(
            _("The folder {path} cannot be read: {reason}").format(path=folder, reason=words_of(error))
        ) from error
    paths = [p for p in names if p.suffix.lower() in READERS and not p.name.startswith(("~", "."))]
    if not paths:
        raise NotFound(
            _("{path} holds no plan file; known kinds: {kinds}.").format(path=folder, kinds=", ".join(READERS))
        )
    return paths


class _Batches:
    """Takes files as they are read, as many at a time as are stored together."""

    def __init__(self, files: Iterator[Item]) -> None:
        self._files = files
        self._left_over: Item | None = None

    def next(self, most: int) -> list[Item]:
        """Return the next files, at most so many, and not above `MOST_TASKS`; none at the end."""
        taken: list[Item] = []
        tasks = 0
        while len(taken) < most:
            one = self._left_over or next(self._files, None)
            self._left_over = None
            if one is None:
                break
            tasks += len(plan.tasks) if (plan := _plan_of(one[1])) else 0
            if taken and tasks > MOST_TASKS:
                self._left_over = one
                break
            taken.append(one)
        return taken


def _plan_of(loaded: Loaded | WorldFailed) -> Plan | None:
    return loaded.plan if isinstance(loaded, Loaded) else None


def _store(batch: Sequence[Item], store: Callable[[Sequence[Item]], list[Filed]]) -> list[Filed]:
    """Store files together; where the database refuses one of them, each alone, and that one is told."""
    try:
        return store(batch)
    except RowsRefused as error:
        if len(batch) > 1:
            return [filed for one in batch for filed in _store([one], store)]
        return [_refused(batch[0][0], error)]


def _in_one_transaction(desk: Desk, batch: Sequence[Item]) -> list[Filed]:
    with desk.writing() as session:
        return store_many(desk, session, batch)


class _Pretence:
    """What a dry run has told so far, so that the rest is told as it would be: nothing of it is in the database."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.earlier: list[Item] = []  # what would be new versions
        self.receipts: dict[str, str] = {}  # by file name
        self.given = 0

    def store(self, batch: Sequence[Item]) -> list[Filed]:
        """Tell what would become of the next files."""
        sound = [plan for _name, loaded in batch if (plan := _plan_of(loaded))]
        keys = {plan.key for plan in sound}
        with self.desk.writing() as session:
            leaving = [plan for _name, loaded in self.earlier if (plan := _plan_of(loaded)) and _leaves(plan)]
            circle = any(map(_leaves, sound)) and _may_close_a_circle(session, [*leaving, *sound])
            concerned = keys | {plan.key for plan in leaving} if circle else keys
            before = [one for one in self.earlier if (plan := _plan_of(one[1])) and plan.key in concerned]
            count, year = plans.receipts(session, self.desk.today.year), self.desk.today.year
            told = store_many(self.desk, session, [*before, *batch])
        real: dict[str, str] = {}
        for (name, loaded), filed in zip([*before, *batch], told, strict=True):
            if not filed.ok or filed.unchanged:
                continue
            if name not in self.receipts:
                self.given += 1
                self.receipts[name] = plans.receipt(count + self.given, year)
                self.earlier.append((name, without_cells(loaded)))
            real[filed.receipt] = self.receipts[name]
        return [replace(filed, receipt=real.get(filed.receipt, filed.receipt)) for filed in told[len(before) :]]


def _unread(name: str, loaded: Loaded | WorldFailed) -> Filed:
    if isinstance(loaded, Loaded):
        return Filed(file=name, problems=loaded.problems)
    return Filed(file=name, problems=(Problem(place=name, code="unreadable", message=loaded.message),))


def store_many(desk: Desk, session: Session, batch: Sequence[Item]) -> list[Filed]:
    """Store files as `filing.store` would one after the other.

    First plans that close no circle are stored together, with a number of statements that does not depend on how many
    they are; the others one by one, each behind a savepoint.
    """
    sound = [plan for _name, loaded in batch if (plan := _plan_of(loaded))]
    latest = plans.latest_records(session, [plan.key for plan in sound])
    # A version that waits for acceptance may carry renumberings on, which move the edges that are looked at here.
    waiting = any(one.renumbered and one.state is PlanState.SUBMITTED for one in latest.values())
    each_alone = waiting or _may_close_a_circle(session, sound)
    given = plans.receipts(session, desk.today.year)
    together: list[tuple[str, Change]] = []
    stored: set[str] = set()
    result: list[Filed] = []

    def flush() -> None:
        if together:
            desk.record(session, together)
            together.clear()

    try:
        permit = desk.permit(session)
    except Refused as error:
        return [_refused(name, error) if _plan_of(loaded) else _unread(name, loaded) for name, loaded in batch]
    for name, loaded in batch:
        if not isinstance(loaded, Loaded) or loaded.plan is None:
            result.append(_unread(name, loaded))
            continue
        plan, before = loaded.plan, latest.get(loaded.plan.key)
        try:
            permit(plan.agency)
            if each_alone or plan.key in stored or (before is not None and not _same(before, plan)):
                flush()
                with session.begin_nested():
                    filed = filing.store(desk, session, name, loaded)
                given = plans.receipts(session, desk.today.year)
            elif before is not None:
                filed = filed_as(name, before, loaded.problems, unchanged=True)
            else:
                given += 1
                record = _first(desk, loaded, plan, plans.receipt(given, desk.today.year))
                together.append((plan.key, PlanFiled(record=record)))
                filed = filed_as(name, record, loaded.problems, unchanged=False)
            stored.add(plan.key)
        except Refused as error:
            filed = _refused(name, error)
        result.append(filed)
    flush()
    return result


def _refused(name: str, error: PlannerError) -> Filed:
    return Filed(file=name, problems=(Problem(place=name, code=error.code, message=error.message),))


def _same(before: PlanRecord, plan: Plan) -> bool:
    return before.plan == plan and before.state is not PlanState.RETURNED


def _first(desk: Desk, loaded: Loaded, plan: Plan, receipt: str) -> PlanRecord:
    return PlanRecord(
        plan=plan,
        version=1,
        state=PlanState.ACCEPTED if desk.settings.auto_accept else PlanState.SUBMITTED,
        filed_at=desk.now,
        receipt=receipt,
        file_name=loaded.draft.file_name,
        file_sha256=loaded.draft.sha256,
    )


def _waits(plan: Plan) -> list[Edge]:
    key = plan.key
    return [(predecessor_key(key, before), task_key(key, task.code)) for task in plan.tasks for before in task.after]


def _leaves(plan: Plan) -> bool:
    """Tell whether a task waits for another plan's; no circle across plans goes through a plan without one."""
    return any(":" in before for task in plan.tasks for before in task.after)


def _may_close_a_circle(session: Session, batch: Iterable[Plan]) -> bool:
    """Tell whether plans could close a circle, with each other and with what stands, their own old versions included.

    A yes may be wrong, because not all of that may ever hold at once; a no is certain.
    """
    own = [edge for plan in batch if _leaves(plan) for edge in _waits(plan)]
    if not own:
        return False
    edges = list({*own, *plans.dependencies_before(session, dict.fromkeys(before for before, _after in own))})
    return bool(circles(list(dict.fromkeys(name for edge in edges for name in edge)), edges))
