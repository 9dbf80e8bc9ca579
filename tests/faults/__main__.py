"""Injects faults by the thousand and says what they came to: `python -m tests.faults --help`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import tests.faults.mark_first  # noqa: F401 - enters the order of sending that `--baseline` asks for
from tests.faults import report
from tests.faults.kinds import KINDS
from tests.faults.plan import Task, Wanted, entries
from tests.faults.run import run

#: what an order of sending can be compared by
BASELINE = ("killed at random", "mail server fails at a step", "mail taken, answer lost")


def main() -> int:
    """Run and print; 1 when the bar is not held."""
    asked = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    asked.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    asked.add_argument("--injections", type=int, default=10_000, help="for each database; default: 10000")
    asked.add_argument("--seed", type=int, default=1, help="chooses every chance; default: 1")
    asked.add_argument("--kind", action="append", default=[], choices=sorted(KINDS), help="only this kind; repeatable")
    asked.add_argument("--workers", type=int, default=0, help="only with so many workers")
    asked.add_argument("--only", type=int, help="only the scenario of this number, of one --kind with its --workers")
    asked.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 2), help="scenarios at a time")
    asked.add_argument("--baseline", action="store_true", help="mark as sent before sending, to see losses counted")
    asked.add_argument("--json", action="store_true", help="print the figures as one document")
    asked.add_argument("--write", type=Path, help="put the table into this page, between its two marks")
    options = asked.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # folders and servers are put away
    start = time.monotonic()
    found = []
    for kind in ("sqlite", "postgresql") if options.database == "both" else (options.database,):
        plan = entries(kind, options.kind or BASELINE * options.baseline, options.workers)
        rounds = "mark first" if options.baseline else "round"
        wanted = Wanted(plan, options.injections, options.seed, rounds)
        if options.only is not None:
            wanted.one(
                Task(
                    kind=options.kind[0],
                    workers=options.workers or 1,
                    index=options.only,
                    seed=options.seed,
                    rounds=rounds,
                )
            )
        say = partial(print, file=sys.stderr, flush=True)
        run(kind, wanted, 1 if options.only is not None else options.jobs, say=say)
        found.append((kind, list(wanted.rows.values())))
        if not options.json:
            print(report.table([found[-1]], options.seed), flush=True)
    if options.json:
        print(json.dumps(report.document(found), indent=2))
    seconds = time.monotonic() - start
    if options.baseline:  # nobody expects it to hold
        if options.write:
            report.write_baseline(options.write, found, options.seed, seconds, sys.argv[1:])
        return 0
    failures = report.failures(found)
    print(failures or f"Nothing lost. {seconds:.0f} s.", file=sys.stderr)
    if options.write and not failures:
        report.write(options.write, found, options.seed, seconds, sys.argv[1:])
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
