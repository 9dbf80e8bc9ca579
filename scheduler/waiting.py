"""Who holds up whom: the task at the end of a chain of late ones, and how many others a task keeps waiting.

Pure, and never recursive: a chain of a hundred thousand tasks is fine. Circles are refused when plans are filed; should
one be there all the same, the dependency that closes it is left out. Source: design notes "Inhibition".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from planner.config import ZONE
from planner.domain.filing import Owners
from planner.domain.plan import State


def inner_first(
    roots: Iterable[str], inner: Callable[[str], Iterable[str]], done: set[str] | None = None
) -> Iterator[str]:
    """Yield every key that can be reached from `roots`, each after those that `inner` names for it."""
    done = set() if done is None else done
    opened: set[str] = set()
    for root in roots:
        stack = [root]
        while stack:
            key = stack[-1]
            if key in done:
                stack.pop()
            elif key in opened:
                stack.pop()
                done.add(key)
                yield key
            else:
                opened.add(key)
                stack.extend(other for other in inner(key) if other not in opened and other not in done)


class Blockers:
    """For a late task that waits for another agency's late task: the one at the end of the chain."""

    def __init__(
        self,
        before: Mapping[str, Sequence[str]],
        *,
        is_late: Callable[[str], bool],
        is_urged: Callable[[str], bool],
        owner: Callable[[str], str],
    ) -> None:
        """Prepare the answers; each is worked out once.

        Args:
            before: by task key, the tasks it waits for directly, the most pressing first.
            is_late: whether a task is open and overdue.
            is_urged: whether its responsible person is being told that it is late.
            owner: the agency that answers for a task today.
        """
        self._before, self._is_late, self._is_urged, self._owner = before, is_late, is_urged, owner
        self._ends: dict[str, str] = {}
        self._done: set[str] = set()

    def end(self, key: str) -> str | None:
        """Return the late task of another agency for which the late task `key` waits in the end, or None.

        A chain that ends in a task of the same agency blocks nobody: that agency must hear of its own lateness.
        """
        if key not in self._before:
            return None
        for one in inner_first([key], self._late_before, self._done):
            for other in self._late_before(one):
                end = self._ends.get(other, other)
                if end != one and self._owner(end) != self._owner(one) and self._is_urged(end):
                    self._ends[one] = end
                    break
        return self._ends.get(key)

    def _late_before(self, key: str) -> list[str]:
        return [other for other in self._before.get(key, ()) if self._is_late(other)]


def holding_up(state: State, dependencies: Iterable[tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """Return for each open task that others wait for, directly or indirectly, how many: (tasks, their agencies).

    Only open tasks of other agencies count, each with the agency that answers for it at the instant of `state`; tasks
    that nobody waits for are left out.

    Args:
        state: what holds.
        dependencies: pairs of task keys, the predecessor first.
    """
    after: dict[str, list[str]] = defaultdict(list)
    for earlier, later in sorted(set(dependencies)):
        if earlier != later and all(key in state.tasks and state.tasks[key].state.is_open for key in (earlier, later)):
            after[earlier].append(later)
    owners = Owners(state, state.at.astimezone(ZONE).date())
    found: dict[str, tuple[int, int]] = {}
    for keys in _groups(after):
        owner = {key: owners.of(state.tasks[key].agency) for key in keys}
        found.update(_count(keys, after, owner))
    return found


def _count(
    keys: Iterable[str], after: Mapping[str, Sequence[str]], owner: Mapping[str, str]
) -> dict[str, tuple[int, int]]:
    """Count within one group of tasks that hang together.

    Whole numbers serve as sets: bit n stands for the n-th task (or agency), so that a union is one operation.
    """
    order = list(inner_first(keys, lambda key: after.get(key, ())))
    place = {key: n for n, key in enumerate(order)}
    agency_bit = {agency: 1 << n for n, agency in enumerate(dict.fromkeys(owner[key] for key in order))}
    own: dict[str, int] = defaultdict(int)
    for key in order:
        own[owner[key]] |= 1 << place[key]
    unread = Counter(later for key in order for later in after.get(key, ()))
    waiting: dict[str, tuple[int, int]] = {}
    found: dict[str, tuple[int, int]] = {}
    for key in order:
        tasks = agencies = 0
        for later in after.get(key, ()):
            more, of = waiting.get(later, (0, 0))
            tasks |= more | 1 << place[later]
            agencies |= agency_bit[owner[later]] | of
            unread[later] -= 1
            if not unread[later]:  # nobody will ask again: a long chain keeps two sets, not all of them
                waiting.pop(later, None)
        if unread[key]:
            waiting[key] = (tasks, agencies)
        others = tasks.bit_count() - (tasks & own[owner[key]]).bit_count()
        if others:
            found[key] = (others, (agencies & ~agency_bit[owner[key]]).bit_count())
    return found


def _groups(after: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return the tasks in groups that hang together, in a steady order."""
    near: dict[str, list[str]] = defaultdict(list)
    for earlier, laters in after.items():
        for later in laters:
            near[earlier].append(later)
            near[later].append(earlier)
    groups = []
    seen: set[str] = set()
    for start in sorted(near):
        if start not in seen:
            seen.add(start)
            group = [start]
            for key in group:  # grows while it is walked
                fresh = [other for other in dict.fromkeys(near[key]) if other not in seen]
                seen.update(fresh)
                group.extend(fresh)
            groups.append(sorted(group))
    return groups
