"""Writes docs/reference.md, every command and option, from the commands themselves.

python tools/reference.py          write the page
python tools/reference.py check    change nothing; exit 1 when the page is not up to date
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference.md"

#: Options that mean the same wherever they stand; each is described once, at the top.
COMMON = ("--json", "--dry-run", "--now", "--user", "--lang", "--help")

OPENING = """# Reference: every command and option

Made from the commands by `make reference`; do not edit. The same is shown by `planner COMMAND --help`, in Vietnamese
or English.
"""


def walk(command: click.Command, path: str = "planner") -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its full name, groups before their members, in the order of `--help`."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            member = command.get_command(context, name)
            if member is None:
                raise RuntimeError(f"{path} {name} is listed but cannot be loaded")
            if not member.hidden:
                yield from walk(member, f"{path} {name}")


def page(root: click.Command) -> str:
    """Return the page for the tree below `root`."""
    commands = list(walk(root))
    parts = [OPENING, "## Options found in many commands\n", _common(commands)]
    parts += [_section(path, command) for path, command in commands]
    return "\n".join(parts)


def _common(commands: Sequence[tuple[str, click.Command]]) -> str:
    found: dict[str, click.Option] = {}
    for path, command in commands:
        for option in _options(path, command):
            found.setdefault(option.opts[-1], option)
    return _table([_option_row(found[name]) for name in COMMON if name in found])


def _options(path: str, command: click.Command) -> list[click.Option]:
    # As under the root command; click keeps the first help option that it makes for a command.
    context = click.Context(command, info_name=path, help_option_names=["-h", "--help"])
    return [p for p in command.get_params(context) if isinstance(p, click.Option) and not p.hidden]


def _section(path: str, command: click.Command) -> str:
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    options = _options(path, command)
    own = [option for option in options if option.opts[-1] not in COMMON]
    common = [option.opts[-1] for option in options if option.opts[-1] in COMMON]
    names = "".join(f" {_argument(argument)}" for argument in arguments)
    members = " COMMAND" if isinstance(command, click.Group) else ""
    lines = [f"## {path}\n", f"`{path}{' [OPTIONS]' if own else ''}{names}{members}`\n"]
    if command.help:
        lines.append(command.help.strip() + "\n")
    if own:
        lines.append(_table([_option_row(option) for option in own]))
    if common:
        lines.append("Also: " + ", ".join(f"`{name}`" for name in common) + ".\n")
    return "\n".join(lines)


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    name = f"{name}..." if argument.nargs == -1 else name
    return name if argument.required else f"[{name}]"


def _option_row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if isinstance(option.type, click.Choice):
        value = " or ".join(f"`{choice}`" for choice in option.type.choices)
    elif option.is_flag or option.count:
        value = ""
    else:
        value = option.metavar or option.type.name.upper()
    notes = [option.help.strip() if option.help else ""]
    if option.required:
        notes.append("Required.")
    if option.multiple:
        notes.append("May be given several times.")
    variables = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
    if variables:
        notes.append("Variable: " + ", ".join(f"`{name}`" for name in variables) + ".")
    if option.show_default and isinstance(option.default, str | int) and not option.is_flag:
        notes.append(f"Default: `{option.default}`.")
    cells = (names, value, " ".join(note for note in notes if note))
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _table(rows: Sequence[str]) -> str:
    return "\n".join(["| option | value | meaning |", "|---|---|---|", *rows]) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the page, or say whether it is up to date."""
    from planner.cli import cli
    from planner.i18n import speaking

    with speaking("en"):
        text = page(cli)
    if arguments == ["check"]:
        return 0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text else 1
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    PAGE.write_text(text, encoding="utf-8")
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
