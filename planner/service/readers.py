"""Reads and checks many plan files, in several processes where that is faster, and hands them over in their order.

Knows no database, so that a reading process starts quickly and stays small. Only as many files are on their way as the
taker needs next: a folder of any size takes the same memory.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context, parent_process
from pathlib import Path

from planner import i18n
from planner.errors import NotFound, WorldFailed, words_of
from planner.i18n import gettext as _
from planner.importer import Loaded, load
from planner.service.known import Known

# Starting the processes costs about as much as reading this many files.
_POOL_FROM = 48
# One process stores about as fast as four read; more of them would only take memory.
MOST_READERS = 4
_CHUNK = 4  # files that one reader is given at a time
_AHEAD = 3  # chunks on their way, for each reader


class _Reader:
    """Reads files beside one register."""

    def __init__(self, known: Known) -> None:
        self.register = known.register()
        self.have_filed = {task.split(":", 1)[0] for task in known.tasks}

    def read(self, path: Path) -> Loaded | WorldFailed:
        # Whoever may put files into the folder must not make the command read others.
        if path.is_symlink():
            return WorldFailed(_("{name} is a link; put the file itself into the folder.").format(name=path.name))
        try:
            loaded = load(path, self.register)
        except (NotFound, WorldFailed) as error:  # also a file that went away since the folder was listed
            return WorldFailed(error.message)
        except OSError as error:
            return WorldFailed(_("The file {name} cannot be read: {reason}").format(name=path, reason=words_of(error)))
        if loaded.plan is not None and loaded.plan.agency in self.have_filed:
            return loaded  # held against what stands, its cells are places of questions
        return without_cells(loaded)


_worker: list[_Reader] = []  # of a reading process: one


def read_many(paths: Sequence[Path], known: Known) -> Iterator[Loaded | WorldFailed]:
    """Yield what became of each file, in the order of `paths`; an agency's first plan comes without cells.

    Raises:
        WorldFailed: a reading process died.
    """
    readers = min(_processors(), MOST_READERS)
    if len(paths) < _POOL_FROM or readers < 2:
        yield from map(_Reader(known).read, paths)
        return
    # Not forked: a fork would share the open database with the parent.
    pool = ProcessPoolExecutor(
        max_workers=readers,
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(known, i18n.language()),
    )
    try:
        waiting: deque[Future[list[Loaded | WorldFailed]]] = deque()
        for start in range(0, len(paths), _CHUNK):
            waiting.append(pool.submit(_read_chunk, paths[start : start + _CHUNK]))
            if len(waiting) >= readers * _AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool as error:
        raise WorldFailed(
            _("A process that reads plan files died; perhaps memory ran out. Run the same command again.")
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def without_cells(loaded: Loaded | WorldFailed) -> Loaded | WorldFailed:
    """Return the same without the cells of its draft: five sixths of its size, and nobody asks for them any more."""
    if isinstance(loaded, WorldFailed):
        return loaded
    return replace(loaded, draft=replace(loaded.draft, goals=(), heading=(), problems=()))


def _begin(known: Known, language: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    i18n.use_language(language)
    _worker.append(_Reader(known))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()  # a killed parent cannot tell its readers to stop
        os._exit(1)


def _read_chunk(paths: Sequence[Path]) -> list[Loaded | WorldFailed]:
    return [_worker[0].read(path) for path in paths]
