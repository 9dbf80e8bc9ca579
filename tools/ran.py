"""Sees in pytest's own report that no test was skipped, that both databases were used, and that named files ran.

python tools/ran.py REPORT.xml FILE...      exit 1 when something is missing
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

DATABASES = ("sqlite", "postgresql")


def problems(report: str, files: Sequence[str]) -> list[str]:
    """Return what did not run, according to the text of a JUnit report."""
    cases = ElementTree.fromstring(report).findall(".//testcase")  # noqa: S314 - made by our own pytest a moment ago
    ran = [case for case in cases if case.find("skipped") is None]
    found = [f"skipped: {case.get('classname')}::{case.get('name')}" for case in cases if case not in ran]
    modules = Counter(case.get("classname", "") for case in ran)
    names = [file.removesuffix(".py").replace("/", ".") for file in files]
    found += [f"not run: {file}" for file, name in zip(files, names, strict=True) if not modules[name]]
    for database in DATABASES:
        if not any(re.search(rf"[\[-]{database}[\]-]", case.get("name", "")) for case in ran):
            found.append(f"no test ran on {database}")
    return found


def main(arguments: Sequence[str]) -> int:
    """Print what did not run."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    path, *files = arguments
    if not Path(path).is_file():
        print(f"{path}: the tests left no report", file=sys.stderr)
        return 1
    found = problems(Path(path).read_text(encoding="utf-8"), files)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
