"""How long `planner --help` takes, beside a bare click program. The aim: within 2 times."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from bench.timing import arguments, compare, show

BARE = '''"""A click program that does nothing."""

import click


@click.group()
def cli() -> None:
    """Do nothing."""


@cli.command()
def nothing() -> None:
    """Do nothing at all."""


def main() -> None:
    """Run."""
    cli()
'''


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # both start from bytecode, as an installed program does
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bare.py").write_text(BARE, encoding="utf-8")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
        start = "import sys; from {module} import main; sys.exit(main())"
        rows = compare(
            {
                "bare click program --help": [sys.executable, "-c", start.format(module="bare"), "--help"],
                "planner --help": [sys.executable, "-c", start.format(module="planner.cli"), "--help"],
                "planner plan --help": [sys.executable, "-c", start.format(module="planner.cli"), "plan", "--help"],
            },
            rounds=21,
        )
    show("startup", rows, as_json=options.json)


if __name__ == "__main__":
    main()
