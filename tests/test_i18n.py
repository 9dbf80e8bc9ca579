"""Whatever a person sees has a Vietnamese and an English text, and no text is kept that nobody uses."""

from __future__ import annotations

import ast
import gettext
import re
from enum import StrEnum
from pathlib import Path

import click
import pytest
from babel.messages.extract import extract_from_dir

from planner.domain.agency import OfficerRole, Tier
from planner.domain.deadline import DeadlineKind
from planner.domain.notification import MailState, NoticeKind, NoticeState
from planner.domain.status import PlanState, TaskState, Timeliness
from planner.store import wire
from scheduler.policy import Role
from tools import catalogues

ROOT = Path(__file__).parent.parent
PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)[^{}]*\}|%\((\w+)\)[a-z]")

#: Texts that are the same in both languages: names, formats, abbreviations.
SAME_IN_BOTH: set[str] = set()


def placeholders(*texts: str) -> set[str]:
    """Return the names that `texts` leave open."""
    return {brace or percent for text in texts for brace, percent in PLACEHOLDER.findall(text)}


def entries(language: str) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return (message ids, translations) of the translated entries of a catalogue; two ids where the message counts."""
    catalogue = catalogues.read(catalogues.po_path(language), language)
    pairs = [(entry.id, entry.string) for entry in catalogue if entry.id and entry.string and all(entry.string)]
    return [(a if isinstance(a, tuple) else (a,), b if isinstance(b, tuple) else (b,)) for a, b in pairs]  # type: ignore[misc]


def test_every_text_is_translated_and_every_translation_is_used() -> None:
    found = catalogues.problems()
    assert not found, "\n" + "\n".join(found) + "\nmend the catalogue, then run: make catalogues"


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_a_translation_leaves_the_same_names_open(language: str) -> None:
    pairs = entries(language)
    assert pairs
    wrong = [
        (ids[0], text)
        for ids, texts in pairs
        for text in texts
        # One form may leave a name out ("1 day"), none may bring a name that the code does not fill.
        if not placeholders(text) <= placeholders(*ids) or (len(ids) == 1 and placeholders(text) != placeholders(*ids))
    ]
    assert not wrong


def test_a_vietnamese_text_that_counts_says_how_many() -> None:
    counted = [(ids, texts) for ids, texts in entries("vi") if len(ids) == 2]
    wrong = [ids for ids, texts in counted if placeholders(*texts) != placeholders(ids[1])]
    assert not wrong


def test_a_vietnamese_text_is_not_a_copy_of_the_english_one() -> None:
    copied = {
        ids[0]
        for ids, texts in entries("vi")
        if ids[0] == texts[0] and re.search(r"[a-z]{3,} [a-z]{2,}", PLACEHOLDER.sub("", ids[0]))
    }
    assert copied == SAME_IN_BOTH


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_the_compiled_catalogue_says_what_the_readable_one_says(language: str) -> None:
    compiled = catalogues.po_path(language).with_suffix(".mo")
    with compiled.open("rb") as file:
        translations = gettext.GNUTranslations(file)
    for ids, texts in entries(language):
        if len(ids) == 1:
            assert translations.gettext(ids[0]) == texts[0]
        else:
            assert translations.ngettext(ids[0], ids[1], 2) == texts[-1]


def test_the_messages_of_click_are_those_of_the_installed_click() -> None:
    home = str(Path(click.__file__).parent)
    keywords = {"_": None, "ngettext": (1, 2)}
    found = {message for _f, _l, message, _c, _x in extract_from_dir(home, [("**.py", "python")], keywords=keywords)}
    assert set(catalogues.CLICK_MESSAGES) <= found


def test_no_text_is_put_together_before_it_is_translated() -> None:
    wrong = []
    for path in [path for room in catalogues.PYTHON_ROOMS for path in sorted((ROOT / room).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            if node.func.id in ("_", "N_", "gettext", "ngettext") and _is_built(node.args[0]):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not wrong, "write _('... {name} ...').format(name=name)"


def test_no_text_hides_in_an_f_string_where_the_catalogue_does_not_find_it() -> None:
    wrong = []
    for path in [path for room in catalogues.PYTHON_ROOMS for path in sorted((ROOT / room).rglob("*.py"))]:
        for text in [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.JoinedStr)]:
            for node in ast.walk(text):
                called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
                if called in ("_", "N_", "gettext", "ngettext") and isinstance(node.args[0], ast.Constant):  # type: ignore[attr-defined]
                    wrong.append(f"{path.relative_to(ROOT)}:{text.lineno}")
    assert not wrong


LABELLED = (
    TaskState,
    PlanState,
    Timeliness,
    Tier,
    OfficerRole,
    DeadlineKind,
    NoticeKind,
    NoticeState,
    MailState,
    Role,
)


@pytest.mark.parametrize("kind", LABELLED, ids=lambda kind: kind.__name__)
def test_whatever_state_or_kind_a_table_shows_has_a_word_in_both_languages(kind: type[StrEnum]) -> None:
    for language in catalogues.LANGUAGES:
        known = {ids[0] for ids, _texts in entries(language)}
        assert {member.label for member in kind} <= known  # type: ignore[attr-defined]


def test_every_kind_of_event_has_a_word_in_both_languages() -> None:
    assert set(wire.LABELS) == set(wire.KINDS)
    for language in catalogues.LANGUAGES:
        assert set(wire.LABELS.values()) <= {ids[0] for ids, _texts in entries(language)}


def _is_built(argument: ast.expr) -> bool:
    formatted = isinstance(argument, ast.Call) and isinstance(argument.func, ast.Attribute)
    return isinstance(argument, ast.JoinedStr | ast.BinOp) or (
        formatted and isinstance(argument.func, ast.Attribute) and argument.func.attr in ("format", "join")  # type: ignore[attr-defined]
    )


# --- the tool itself, on a small project of its own ---


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project with one text in Python, one that counts, one in a template and an empty catalogue."""
    (tmp_path / "planner").mkdir()
    (tmp_path / "scheduler").mkdir()
    (tmp_path / "templates").mkdir()
    source = "_('Plan {name}')\nN_('late')\nngettext('{n} task', '{n} tasks', n)\n"
    (tmp_path / "planner" / "one.py").write_text(source)
    (tmp_path / "templates" / "body.txt").write_text(
        "{{ _('Dear colleague') }}{% trans n=2 %}{{ n }} day{% endtrans %}"
    )
    return tmp_path


def write(files: dict[Path, bytes]) -> None:
    """Write files, making their folders."""
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_texts_are_found_in_python_in_templates_and_in_click(project: Path) -> None:
    found = catalogues.extracted(project)
    own = [message for message in found if message not in catalogues.CLICK_MESSAGES]
    assert own == ["%(n)s day", "Dear colleague", "Plan {name}", "late", ("{n} task", "{n} tasks")]
    assert "Usage:" in found


def test_an_untranslated_text_is_a_problem_and_a_merged_fragment_mends_it(project: Path, tmp_path: Path) -> None:
    write(catalogues.files(root=project))
    assert "vi: not translated: 'late'" in catalogues.problems(project)
    assert not [line for line in catalogues.problems(project) if line.startswith("en")]
    fragment = tmp_path / "fragment.po"
    fragment.write_text(
        'msgid "late"\nmsgstr "chậm"\n\nmsgid "{n} task"\nmsgid_plural "{n} tasks"\nmsgstr[0] "{n} việc"\n'
    )
    write(catalogues.files([fragment], root=project))
    left = catalogues.problems(project)
    assert "vi: not translated: 'late'" not in left
    assert "vi: not translated: '{n} task'" not in left
    assert "vi: not translated: 'Plan {name}'" in left


def test_a_text_that_the_code_dropped_or_gained_is_a_problem(project: Path) -> None:
    write(catalogues.files(root=project))
    (project / "planner" / "one.py").write_text("_('new')")
    found = catalogues.problems(project)
    assert "vi: no longer used: 'late'" in found
    assert "en: not in the catalogue: 'new'" in found


def test_a_doubtful_translation_is_a_problem(project: Path) -> None:
    write(catalogues.files(root=project))
    path = catalogues.po_path("vi", project / "planner" / "locale")
    path.write_text(path.read_text().replace('msgid "late"\nmsgstr ""', '#, fuzzy\nmsgid "late"\nmsgstr "chậm"'))
    assert "vi: marked as fuzzy: 'late'" in catalogues.problems(project)


def test_the_same_code_gives_the_same_bytes(project: Path) -> None:
    first = catalogues.files(root=project)
    write(first)
    assert catalogues.files(root=project) == first
    text = catalogues.po_path("vi", project / "planner" / "locale").read_text()
    assert not re.search(r"\d{4}-\d\d-\d\d|#: |Babel", text)
