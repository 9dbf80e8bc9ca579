"""Mutated files through every reader for as long as is wanted: `python -m bench.fuzz --seconds 600`.

The same strategies as `tests/importer/test_fuzz.py`, with new examples each time. A file that makes a reader fail is
printed by Hypothesis in its smallest form, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import itertools
import secrets
import sys
import time
import traceback
from collections.abc import Callable

from hypothesis import HealthCheck, given, seed, settings

from planner.importer import READERS
from tests.importer.test_fuzz import contents, read_as_plan, read_as_register

_AT_ONCE = 200  # examples between two looks at the clock


def main() -> None:
    """Run, and say how many examples each reader has seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long in all; default: 60")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    cases = [(read_as_plan, suffix) for suffix in READERS] + [(read_as_register, s) for s in (".csv", ".xlsx", ".yaml")]
    seen = dict.fromkeys(cases, 0)
    for read, suffix in itertools.cycle(cases):
        if time.monotonic() > end:
            break
        number = secrets.randbits(64)
        try:
            _run(read, suffix, number)
        except Exception:  # noqa: BLE001 - whatever a reader raises is what is looked for
            traceback.print_exc()
            print(f"{read.__name__} {suffix}, seed {number}: failed")
            sys.exit(1)
        seen[read, suffix] += _AT_ONCE
    for (read, suffix), count in seen.items():
        print(f"{read.__name__:<16}  {suffix:<5}  {count:>8} files")


def _run(read: Callable[[str, bytes], None], suffix: str, number: int) -> None:
    profile = settings(max_examples=_AT_ONCE, deadline=None, database=None, suppress_health_check=list(HealthCheck))

    @seed(number)
    @profile
    @given(data=contents(suffix))
    def example(data: bytes) -> None:
        read(suffix, data)

    example()


if __name__ == "__main__":
    main()
