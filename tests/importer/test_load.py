"""Reading a file: known suffixes, size, absence, and the fingerprint of what was read."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from planner.errors import NotFound
from planner.i18n import speaking
from planner.importer import LARGEST_FILE, READERS, load
from tests.importer.plan_files import GOAL, codes, csv_plan, document, only, register, rows, task, workbook, yaml_plan
from tests.importer.test_yaml_file import EXAMPLE


def test_the_fingerprint_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = workbook(tmp_path, rows(GOAL, task()))
    draft = load(path, register()).draft
    assert draft.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (draft.file_name, draft.format) == ("ke-hoach.xlsx", "xlsx")


def test_sheet_and_yaml_of_one_plan_are_one_plan(tmp_path: Path) -> None:
    body = (
        ("I", "100% văn bản, hồ sơ công việc được xử lý trên môi trường điện tử"),
        task(
            1,
            title="Rà soát, cấp chữ ký số cho cán bộ, công chức",
            cooperating="Văn phòng UBND tỉnh",
            start="04/5/2020",
            deliverable="Báo cáo rà soát",
        ),
        task(
            2,
            title="Tập huấn sử dụng phần mềm",
            responsible="tran.thi.b@stttt.example.vn",
            due="22/5/2020",
            after="1, vp-ubnd:II.3",
            duration=5,
            deliverable=None,
        ),
    )
    sheet = load(workbook(tmp_path, rows(*body)), register()).plan
    text = load(yaml_plan(tmp_path, EXAMPLE.replace('    target: "2.3"\n', "")), register()).plan
    assert sheet is not None
    assert sheet == text


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_a_suffix_in_capitals_is_the_same_format(tmp_path: Path, suffix: str) -> None:
    sources = {
        ".xlsx": lambda: workbook(tmp_path, rows(GOAL, task())),
        ".docx": lambda: document(tmp_path, rows(GOAL, task())),
        ".csv": lambda: csv_plan(tmp_path, rows(GOAL, task())),
    }
    source = sources[suffix]() if suffix in sources else yaml_plan(tmp_path, EXAMPLE)
    path = tmp_path / f"PLAN{suffix.upper()}"
    shutil.copy(source, path)
    assert load(path, register()).ok


@pytest.mark.parametrize("name", ["plan.pdf", "plan", "plan.xls"])
def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    with speaking("en"):
        problem = only(load(path, register()), "format_unknown")
    assert problem.place == name
    assert ".xlsx, .docx, .csv, .yaml, .yml" in problem.message


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.yaml"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)

    class Watched:
        def __init__(self, handle: int, _mode: str) -> None:
            self.handle = handle

        def __enter__(self) -> Watched:
            return self

        def __exit__(self, *_error: object) -> None:
            os.close(self.handle)

        def read(self, _most: int) -> bytes:
            raise AssertionError("the file was read")

    monkeypatch.setattr("planner.importer.door.os.fdopen", Watched)
    assert codes(load(path, register())) == ["file_too_large"]


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load(tmp_path / "none.yaml", register())


def test_the_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    shutil.copy(workbook(tmp_path, rows(GOAL, task())), path)
    loaded = load(path, register())
    assert loaded.plan is None
    assert codes(loaded) == ["wrong_suffix"]
