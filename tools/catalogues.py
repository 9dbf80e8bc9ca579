"""Keeps the gettext catalogues, Vietnamese and English, in step with the code.

    python tools/catalogues.py update           take new messages from the code, drop unused ones, compile
    python tools/catalogues.py merge A.po B.po  the same, and fill empty Vietnamese translations from these files
    python tools/catalogues.py check            change nothing; exit 1 when something is missing

The files hold no date, host or line number, so the same code always gives the same bytes.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "planner" / "locale"
LANGUAGES = ("vi", "en")
DOMAIN = "planner"

PYTHON_ROOMS = ("planner", "scheduler")
PYTHON_KEYWORDS = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2)}
TEMPLATE_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
#: As `planner.templating` sets its environment up; `silent` off: a template that cannot be read is an error.
TEMPLATE_OPTIONS = {
    "extensions": "jinja2.ext.i18n",
    "trim_blocks": "true",
    "lstrip_blocks": "true",
    "keep_trailing_newline": "true",
    "newstyle_gettext": "true",
    "silent": "false",
}

MessageId = str | tuple[str, str]  #: singular and plural for a message that counts

#: What click itself says to a person who uses `planner`; its messages to programmers are left out.
CLICK_MESSAGES: tuple[MessageId, ...] = (
    "Usage:",
    "Options",
    "Positional arguments",
    "Commands",
    "Show this message and exit.",
    "Show the version and exit.",
    "%(prog)s, version %(version)s",
    "default: {default}",
    "required",
    "env var: {var}",
    "(dynamic)",
    "deprecated",
    "Error: {message}",
    "Aborted!",
    "Try '{command} {option}' for help.",
    "Missing command.",
    "Missing argument",
    "Missing option",
    "Missing parameter",
    "Missing {param_type}",
    "Choose from:\n\t{choices}",
    "No such command {name!r}.",
    "No such option {name!r}.",
    ("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)"),
    "Option {name!r} does not take a value.",
    ("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."),
    "Argument {name!r} takes {nargs} values.",
    ("Takes {nargs} values but 1 was given.", "Takes {nargs} values but {len} were given."),
    ("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})"),
    "Invalid value: {message}",
    "Invalid value for {param_hint}: {message}",
    ("{value!r} is not {choice}.", "{value!r} is not one of {choices}."),
    ("{value!r} does not match the format {format}.", "{value!r} does not match the formats {formats}."),
    "{value!r} is not a valid {number_type}.",
    "{value} is not in the range {range}.",
    "{value!r} is not a valid boolean. Recognized values: {states}",
    "file",
    "directory",
    "path",
    "{name} {filename!r} does not exist.",
    "{name} {filename!r} is a file.",
    "{name} {filename!r} is a directory.",
    "{name} {filename!r} is not readable.",
    "{name} {filename!r} is not writable.",
    "{name} {filename!r} is not executable.",
    "Could not open file {filename!r}: {message}",
    "unknown error",
    "Do you want to continue?",
    "Error: invalid input",
)


class _StableCatalog(Catalog):
    """A catalogue whose header is the same at every run: no dates, no tool versions."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Language", str(self.locale)),
            ("Plural-Forms", self.plural_forms),
        ]


def extracted(root: Path = ROOT) -> list[MessageId]:
    """Return every message of the code, the templates and click, sorted, each once."""
    found: set[MessageId] = set(CLICK_MESSAGES)
    for room in PYTHON_ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            found.update(_messages("python", path, PYTHON_KEYWORDS, {}))
    for path in sorted((root / "templates").rglob("*")):
        if path.is_file():
            method = "jinja2.ext:babel_extract"
            found.update(_messages(method, path, TEMPLATE_KEYWORDS, TEMPLATE_OPTIONS))
    plurals = {message[0]: message for message in found if isinstance(message, tuple)}
    return sorted({plurals.get(m, m) if isinstance(m, str) else m for m in found}, key=_singular)


def _messages(method: str, path: Path, keywords: object, options: dict[str, str]) -> Iterator[MessageId]:
    with path.open("rb") as file:
        for _line, message, _comments, _context in extract(method, file, keywords, options=options):  # type: ignore[arg-type]
            parts = (message,) if isinstance(message, str) else tuple(message)
            yield parts[0] if len(parts) == 1 else (parts[0], parts[1])


def _singular(message: str | Sequence[str]) -> str:
    return message if isinstance(message, str) else message[0]


def po_path(language: str, locale: Path = LOCALE) -> Path:
    """Return the path of the readable catalogue of `language`."""
    return locale / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(path: Path, language: str) -> Catalog:
    """Read a PO file; a missing one is an empty catalogue."""
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def translated(catalogue: Catalog, messages: Iterable[MessageId], fragments: Sequence[Catalog] = ()) -> Catalog:
    """Return `messages` with the translations of `catalogue`, and those it lacks from the first fragment with one."""
    result = _StableCatalog(locale=str(catalogue.locale), charset="utf-8", fuzzy=False)
    for message in messages:
        text = _translation(message, result.num_plurals, (catalogue, *fragments))
        result.add(message, text)
    return result


def _translation(message: MessageId, forms: int, sources: Sequence[Catalog]) -> str | tuple[str, ...]:
    for source in sources:
        entry = source.get(_singular(message))
        if entry is None or entry.fuzzy or not any(_forms(entry.string)):
            continue
        strings = _forms(entry.string)
        if isinstance(message, str):
            return strings[0]
        return (strings * forms)[:forms]  # a message that has begun to count keeps its wording
    return "" if isinstance(message, str) else ("",) * forms


def _forms(string: object) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string)  # type: ignore[arg-type]


def english(messages: Iterable[MessageId]) -> Catalog:
    """Return the English catalogue: each message says what its id says."""
    result = _StableCatalog(locale="en", charset="utf-8", fuzzy=False)
    for message in messages:
        result.add(message, message)
    return result


def po_bytes(catalogue: Catalog) -> bytes:
    """Return the readable form of a catalogue."""
    catalogue.header_comment = "# Made by tools/catalogues.py; translations are written here, messages in the code."
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=120, no_location=True, sort_output=True, ignore_obsolete=True)
    return buffer.getvalue()


def mo_bytes(catalogue: Catalog) -> bytes:
    """Return the compiled form of a catalogue."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def files(fragments: Sequence[Path] = (), root: Path = ROOT) -> dict[Path, bytes]:
    """Return every catalogue file with the content it should have."""
    messages = extracted(root)
    locale = root / "planner" / "locale"
    parts = [read(path, "vi") for path in fragments]
    catalogues = {"vi": translated(read(po_path("vi", locale), "vi"), messages, parts), "en": english(messages)}
    result: dict[Path, bytes] = {}
    for language, catalogue in catalogues.items():
        path = po_path(language, locale)
        result[path] = po_bytes(catalogue)
        result[path.with_suffix(".mo")] = mo_bytes(catalogue)
    return result


def problems(root: Path = ROOT) -> list[str]:
    """Return what is untranslated, fuzzy or unused, and which file is not as `update` would write it."""
    messages = extracted(root)
    wanted = {_singular(message) for message in messages}
    found: list[str] = []
    for language in LANGUAGES:
        path = po_path(language, root / "planner" / "locale")
        catalogue = read(path, language)
        have = {_singular(entry.id): entry for entry in catalogue if entry.id}
        found += [f"{language}: not in the catalogue: {name!r}" for name in sorted(wanted - have.keys())]
        found += [f"{language}: no longer used: {name!r}" for name in sorted(have.keys() - wanted)]
        found += [f"{language}: no longer used: {name!r}" for name in sorted(catalogue.obsolete)]
        for name in sorted(wanted & have.keys()):
            if have[name].fuzzy:
                found.append(f"{language}: marked as fuzzy: {name!r}")
            elif not all(_forms(have[name].string)):
                found.append(f"{language}: not translated: {name!r}")
    if not found:
        stale = [
            path for path, content in files(root=root).items() if not path.exists() or path.read_bytes() != content
        ]
        found += [f"{path.relative_to(root)} is not up to date" for path in stale]
    return found


def main(arguments: Sequence[str]) -> int:
    """Run one of the three commands."""
    command, *rest = arguments or ["check"]
    if command not in ("update", "merge", "check") or (command != "merge" and rest):
        print(__doc__, file=sys.stderr)
        return 2
    if command != "check":
        fragments = [Path(name) for name in rest]
        for line in _remarks(fragments):
            print(line, file=sys.stderr)
        for path, content in files(fragments).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    found = problems()
    for line in found:
        print(line, file=sys.stderr)
    print(f"{len(extracted())} messages, {len(found)} problems")
    return 1 if found else 0


def _remarks(fragments: Sequence[Path]) -> Iterator[str]:
    """Yield what a merge leaves out: messages nobody uses, and second translations of one message."""
    wanted = {_singular(message) for message in extracted()}
    chosen = {_singular(e.id): _forms(e.string) for e in read(po_path("vi"), "vi") if e.id and any(_forms(e.string))}
    for path in fragments:
        if not path.exists():
            raise FileNotFoundError(path)
        for entry in read(path, "vi"):
            if not entry.id:
                continue
            name, strings = _singular(entry.id), _forms(entry.string)
            if name not in wanted:
                yield f"{path.name}: not used by the code: {name!r}"
            elif chosen.setdefault(name, strings) != strings:
                yield f"{path.name}: {name!r} stays {chosen[name]}, not {strings}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
