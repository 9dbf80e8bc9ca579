"""A wheel built from the checkout holds all it needs, and runs the demo where no checkout is."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from planner import __version__

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.xdist_group("wheel")  # one worker builds and installs it once for all

#: What the wheel must hold besides Python files, by folder of the checkout -> folder of the wheel.
DATA = {
    "templates": "planner/_templates",
    "planner/locale": "planner/locale",
    "planner/data": "planner/data",
    "planner/samples": "planner/samples",
    "planner/store/migrations": "planner/store/migrations",
    "scheduler/policies": "scheduler/policies",
}


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command without any setting of ours; a failure shows what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PLANNER_", "PYTHON"))}
    done = subprocess.run(
        command, check=False, cwd=cwd, env=environment | {"PYTHONUTF8": "1"}, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, from a copy: building must neither need nor leave anything in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source)
    for name in ("planner", "scheduler", "templates"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source, cwd=folder)
    shutil.rmtree(source)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in an environment that sees our requirements and not the checkout; return its programs."""
    folder = tmp_path_factory.mktemp("elsewhere") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    # The requirements come from the environment of the tests, so that no network is needed. A path in a .pth file adds
    # its packages but does not read its .pth files: the editable checkout stays out.
    (packages / "requirements.pth").write_text("".join(f"{path}\n" for path in site.getsitepackages()))
    pip = (sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--disable-pip-version-check")
    run(*pip, "install", "--no-deps", "--no-index", "--ignore-installed", wheel, cwd=folder)
    where = run(python, "-c", "import planner; print(planner.__file__)", cwd=folder).strip()
    assert Path(where).is_relative_to(packages), "the checkout is used instead of the wheel"
    return folder / "bin"


def test_the_wheel_holds_every_file_of_data(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"{target}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, target in DATA.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".py")
    }
    assert {name.rpartition(".")[2] for name in wanted} >= {"html", "txt", "mo", "csv", "yaml", "mako"}
    assert not wanted - held


def test_the_wheel_holds_the_program_and_its_licence_only(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"planner", "scheduler", f"planner-{__version__}.dist-info"}
    assert f"planner-{__version__}.dist-info/licenses/LICENSE" in zipfile.ZipFile(wheel).namelist()


def test_the_installed_program_says_its_version(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "planner", "--version", cwd=tmp_path).strip() == f"planner {__version__}"


def test_the_installed_program_speaks_both_languages(installed: Path, tmp_path: Path) -> None:
    assert "Cách dùng:" in run(installed / "planner", "--help", cwd=tmp_path)
    assert "Usage:" in run(installed / "planner", "--lang", "en", "--help", cwd=tmp_path)


@pytest.mark.timeout(1800)  # months of ticks and thousands of mails, beside everything else that the machine tests
def test_the_installed_program_plays_the_whole_demo(installed: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = json.loads(run(installed / "planner", "demo", "-o", out, "--json", cwd=tmp_path))
    assert (told["agencies"], told["plans"]) == (606, 60)
    assert told["mails"] == len(list(out.rglob("*.eml"))) > 1000
    reports = [tmp_path / name for name in told["reports"]]
    assert {report.suffix for report in reports} >= {".docx", ".html", ".json"}
    assert all(report.stat().st_size > 1000 for report in reports)
