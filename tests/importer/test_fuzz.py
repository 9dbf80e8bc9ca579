"""Files nobody would make by hand, through every reader: real ones with bytes flipped, parts cut, swapped or mutated.

Whatever comes in, a plan or a list of problems comes out, each with a place and a text that can be printed. In the
suite a few seconds of the same examples each time; `python -m bench.fuzz --seconds 600` runs new ones for longer.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.cli.printable import printable
from planner.importer import READERS, load
from planner.importer.directives import read_directive
from planner.importer.registers import read_agencies, read_officers
from tests.hostile_files import CSV, YAML, document_parts, pack, windows_1258, workbook_parts
from tests.importer.plan_files import register

# A few dozen examples of each kind, always the same; the longer run overrides it (bench/fuzz.py).
FUZZ = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@cache
def seeds() -> dict[str, tuple[bytes, ...]]:
    """Return sound files by suffix, as bytes."""
    with tempfile.TemporaryDirectory() as name:
        excel, word = Path(name, "a.xlsx"), Path(name, "a.docx")
        pack(excel, workbook_parts())
        pack(word, document_parts())
        return {
            ".xlsx": (excel.read_bytes(),),
            ".docx": (word.read_bytes(),),
            ".csv": (CSV.encode(), CSV.encode("utf-16"), windows_1258(CSV)),
            ".yaml": (YAML.encode(),),
            ".yml": (YAML.encode(),),
        }


_PIECES = (
    *(
        b"<c r='A1'>",
        b"</c>",
        b"<row r='99999'/>",
        b"<v>1e999</v>",
        b"&#0;",
        b"&lt;",
        b"<!-- ",
        b"]]>",
        b"t='s'",
        b"<f/>",
    ),
    *(
        b"<w:tbl>",
        b"</w:tr>",
        b"<w:tc/>",
        b"<w:vMerge/>",
        b"<w:gridSpan w:val='-3'/>",
        b"xml:space='preserve'",
        b"\xff",
    ),
    *(
        b"- ",
        b"*a",
        b"&a ",
        b"!!",
        b"? ",
        b"{",
        b"]",
        b"'",
        b"\t",
        b"|\n",
        b"%YAML",
        b"\n---\n",
        b"goals:",
        b"\xc3\x28",
    ),
    *(
        b'"',
        b";",
        b",",
        b"\r",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xcc\xd2",
        b"9" * 400,
        b"31/02/2020",
        "\u202e\u0301\ufeff".encode(),
    ),
)


def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """Return `data` with a few bytes flipped, put in, taken out or repeated."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(found) - 1)))
        length = draw(st.integers(0, 60))
        match draw(st.sampled_from(("flip", "insert", "remove", "repeat", "cut"))):
            case "flip" if found:
                found[at] ^= 1 << draw(st.integers(0, 7))
            case "insert":
                found[at:at] = draw(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=20)))
            case "remove":
                del found[at : at + length]
            case "repeat":
                found[at:at] = found[at : at + length] * draw(st.integers(1, 50))
            case _:
                del found[at + 2000 :]
    return bytes(found)


@st.composite
def texts(draw: st.DrawFn, suffix: str) -> bytes:
    """Draw a mutated text file, or bytes of any kind."""
    return (
        draw(st.binary(max_size=300))
        if draw(st.integers(0, 9)) == 0
        else mutated(draw, draw(st.sampled_from(seeds()[suffix])))
    )


@st.composite
def packages(draw: st.DrawFn, suffix: str) -> bytes:
    """Draw a mutated Office file: its bytes, or the XML of its parts, or parts in each other's place."""
    whole = seeds()[suffix][0]
    if draw(st.integers(0, 3)) == 0:
        return mutated(draw, whole)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = draw(st.sampled_from(sorted(parts)))
    match draw(st.sampled_from(("xml", "xml", "xml", "swap", "drop"))):
        case "xml":
            parts[name] = mutated(draw, parts[name])
        case "swap":
            other = draw(st.sampled_from(sorted(parts)))
            parts[name], parts[other] = parts[other], parts[name]
        case _:
            del parts[name]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return packed.getvalue()


def contents(suffix: str) -> st.SearchStrategy[bytes]:
    """Return what is drawn for a suffix."""
    return packages(suffix) if suffix in (".xlsx", ".docx") else texts(suffix)


def sound(problems: Any) -> None:
    """Assert that each problem can be shown."""
    for problem in problems:
        assert problem.place
        assert problem.message
        assert problem.severity in ("error", "warning")
        for text in (problem.place, problem.message):
            printable(text).encode("utf-8")


def read_as_plan(suffix: str, data: bytes) -> None:
    """Assert that a file becomes a plan or problems."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, f"plan{suffix}")
        path.write_bytes(data)
        loaded = load(path, register())
    sound(loaded.problems)
    assert (loaded.plan is None) == any(problem.severity == "error" for problem in loaded.problems)


def read_as_register(suffix: str, data: bytes) -> None:
    """Assert that a file becomes entries or problems, whichever register it is taken for."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, f"register{suffix}")
        path.write_bytes(data)
        for read in (read_agencies, read_officers, read_directive):
            entries, problems = read(path)
            sound(problems)
            assert not entries or not any(problem.code == "not_xlsx" for problem in problems)


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_no_file_makes_a_reader_of_plans_fail(suffix: str) -> None:
    FUZZ(given(data=contents(suffix))(lambda data: read_as_plan(suffix, data)))()


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".yaml"])
def test_no_file_makes_a_reader_of_registers_fail(suffix: str) -> None:
    FUZZ(given(data=contents(suffix))(lambda data: read_as_register(suffix, data)))()
