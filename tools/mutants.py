"""Breaks the program on purpose, one small place at a time, and sees that the tests notice.

python -m tools.mutants [--only NAME]... [--jobs 4] [--list] [--json]      exit 1 when a mutation survives

Each mutation of `tools/mutations.py` is made in a copy of the tree; the tests named with it are run there, on each
database by itself where both matter. It is caught when a test fails by what it saw: a module that cannot be imported or
a misspelt name proves nothing, and neither do tests that fail without any mutation. A mutation whose text stands no
longer exactly once in its file is a failure too, so that the list cannot rot.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

from tools.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parent.parent
MOST_SECONDS = 900  #: for the tests of one mutation on one database
#: what a mutation raises that was written wrongly, as pytest tells it
MISSPELT = ("SyntaxError", "ImportError", "ModuleNotFoundError", "NameError", "UnboundLocalError", "AttributeError")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the tests said to one mutation on one database."""

    mutation: str
    database: str  #: "" when it does not matter
    verdict: str  #: "caught", or what is wrong
    by: str = ""  #: the test that failed
    seconds: float = 0

    @property
    def ok(self) -> bool:
        """Whether the mutation was noticed as it must be."""
        return self.verdict == "caught"


def misplaced(root: Path, mutations: Sequence[Mutation]) -> list[str]:
    """Return the edits whose text does not stand exactly once in its file."""
    found = []
    for mutation in mutations:
        for edit in mutation.edits:
            path = root / edit.file
            times = path.read_text(encoding="utf-8").count(edit.old) if path.is_file() else 0
            if times != 1:
                found.append(f"{mutation.name}: {times} times in {edit.file}: {edit.old.strip()}")
    return found


def copy_tree(target: Path) -> None:
    """Copy what belongs to the project, its compiled modules included; as it lies in the folder, committed or not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    rooms = ("planner", "scheduler", "tests")
    subprocess.run([sys.executable, "-m", "compileall", "-q", *rooms], cwd=target, check=True, env=environment(target))


def environment(tree: Path) -> dict[str, str]:
    """Return the variables under which a copy of the tree is used, and no other copy."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PLANNER_", "PYTEST_"))}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # every process would compile everything anew
    return {**kept, "PYTHONPATH": str(tree), "HYPOTHESIS_PROFILE": "mutants"}


def importable(tree: Path, files: Sequence[str]) -> str:
    """Return why a changed module cannot be imported from `tree`, or ""."""
    modules = [
        file.removesuffix(".py").replace("/", ".")
        for file in files
        if file.endswith(".py") and "/versions/" not in file
    ]
    script = "import importlib, sys; [print(importlib.import_module(name).__file__) for name in sys.argv[1:]]"
    done = subprocess.run(
        [sys.executable, "-c", script, *modules],
        cwd=tree,
        env=environment(tree),
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["?"])[-1]
    elsewhere = [line for line in done.stdout.split() if not Path(line).is_relative_to(tree)]
    return f"imported from elsewhere: {elsewhere[0]}" if elsewhere else ""


def run_tests(tree: Path, tests: Sequence[str], database: str) -> tuple[int, list[tuple[str, str]], list[str]]:
    """Run tests in a tree until one fails; return the exit code, (test, why) of failures, and errors outside tests."""
    report = tree / f"report-{database}.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--junitxml={report}", *tests]
    if database:
        command += ["-k", database]
    with (tree / f"output-{database}.txt").open("wb") as output:
        try:
            done = subprocess.run(
                command,
                cwd=tree,
                env=environment(tree),
                check=False,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=MOST_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return -1, [], [f"no end within {MOST_SECONDS} s"]
    if not report.is_file():
        return done.returncode, [], ["pytest left no report"]
    failures, errors = [], []
    for case in ElementTree.parse(report).iterfind(".//testcase"):  # noqa: S314 - made by our own pytest a moment ago
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        failures += [(name, str(one.get("message"))) for one in case.iterfind("failure")]
        errors += [f"{name}: {one.get('message')}" for one in case.iterfind("error")]
    return done.returncode, failures, errors


def judge(code: int, failures: Sequence[tuple[str, str]], errors: Sequence[str]) -> tuple[str, str]:
    """Return the verdict on a mutation, and the test that caught it."""
    if errors:
        return f"BROKEN: {' '.join(errors[0].split())[:160]}", ""
    if code == 0:
        return "SURVIVED", ""
    if code != 1 or not failures:
        return f"BROKEN: pytest ended with {code}", ""
    name, why = failures[0]
    if any(word in why.split("\n", 1)[0].split(":", 1)[0] for word in MISSPELT):
        return f"BROKEN: {' '.join(why.split())[:160]}", name
    return "caught", name


def try_out(base: Path, mutation: Mutation, database: str) -> Outcome:
    """Make one mutation in a copy of `base` and run its tests."""
    start = time.monotonic()
    tree = base.parent / f"{mutation.name}-{database}"
    shutil.copytree(base, tree)
    try:
        for edit in mutation.edits:
            path = tree / edit.file
            path.write_text(path.read_text(encoding="utf-8").replace(edit.old, edit.new, 1), encoding="utf-8")
        trouble = importable(tree, [edit.file for edit in mutation.edits])
        verdict, by = (f"BROKEN: {trouble}", "") if trouble else judge(*run_tests(tree, mutation.tests, database))
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    return Outcome(mutation=mutation.name, database=database, verdict=verdict, by=by, seconds=time.monotonic() - start)


def try_unmutated(base: Path, number: int, tests: Sequence[str], database: str) -> Outcome:
    """Run tests where nothing is broken: only then does a failure say something."""
    start = time.monotonic()
    tree = base.parent / f"unmutated-{number}"
    shutil.copytree(base, tree)
    try:
        code, failures, errors = run_tests(tree, tests, database)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    trouble = "; ".join([*(f"{name}: {why}" for name, why in failures), *errors]) or f"pytest ended with {code}"
    return Outcome(
        mutation="(none)",
        database=database,
        verdict="passes" if code == 0 else f"FAILS WITHOUT A MUTATION: {' '.join(trouble.split())[:200]}",
        by=" ".join(tests),
        seconds=time.monotonic() - start,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Try out the mutations and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this mutation; may be repeated")
    parser.add_argument("--jobs", type=int, default=4, help="so many at once")
    parser.add_argument("--list", action="store_true", help="print the mutations and what each claims")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    unknown = set(given.only) - {mutation.name for mutation in MUTATIONS}
    if unknown:
        parser.error(f"no such mutation: {', '.join(sorted(unknown))}")
    chosen = [mutation for mutation in MUTATIONS if not given.only or mutation.name in given.only]
    if given.list:
        for mutation in chosen:
            print(f"{mutation.name:34} {mutation.claim}")
        return 0
    lost = misplaced(ROOT, chosen)
    for line in lost:
        print(line, file=sys.stderr)
    if lost:
        return 1
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        base = Path(name) / "base"
        base.mkdir()
        copy_tree(base)
        outcomes = _all(base, chosen, given.jobs)
    seconds = time.monotonic() - start
    bad = [one for one in outcomes if not one.ok and one.verdict != "passes"]
    if given.json:
        print(json.dumps({"seconds": round(seconds, 1), "outcomes": [asdict(one) for one in outcomes]}, indent=1))
    else:
        _show(outcomes)
        caught = sum(one.ok for one in outcomes)
        print(f"\n{len(chosen)} mutations, {caught} times caught, {len(bad)} times not as it must be, {seconds:.0f} s")
    return 1 if bad else 0


def _all(base: Path, chosen: Sequence[Mutation], jobs: int) -> list[Outcome]:
    selections = list(dict.fromkeys((one.tests, database) for one in chosen for database in one.databases))
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        plain = [
            pool.submit(try_unmutated, base, number, tests, database)
            for number, (tests, database) in enumerate(selections)
        ]
        mutated = [pool.submit(try_out, base, one, database) for one in chosen for database in one.databases]
        unmutated = [one.result() for one in plain]
        # Tests that pass are one line; those that do not are each told.
        return [one for one in unmutated if one.verdict != "passes"] + [one.result() for one in mutated]


def _show(outcomes: Sequence[Outcome]) -> None:
    print(f"{'mutation':34} {'database':10} {'s':>5}  caught by")
    for one in outcomes:
        print(f"{one.mutation:34} {one.database:10} {one.seconds:5.1f}  {one.by if one.ok else one.verdict}")


if __name__ == "__main__":
    sys.exit(main())
