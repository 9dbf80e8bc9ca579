"""The shared fixtures keep what they promise."""

from __future__ import annotations

import os
import shutil
import smtplib
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, inspect, text

if TYPE_CHECKING:
    from tests.conftest import SmtpSink

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("round_", [1, 2])
def test_each_test_has_a_migrated_database_of_its_own(engine: Engine, round_: int) -> None:
    with engine.begin() as connection:
        tables = inspect(connection).get_table_names()
        assert "alembic_version" in tables
        assert "only_once" not in tables
        connection.execute(text("CREATE TABLE only_once (a integer)"))


def test_an_empty_database_holds_no_table(empty_database_url: str) -> None:
    from planner.store.engine import connect

    engine = connect(empty_database_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_postgresql_is_spoken_to_through_a_socket_in_a_folder(postgres_url: str) -> None:
    assert postgres_url.startswith("postgresql+psycopg://planner@/test_")
    assert Path(postgres_url.partition("?host=")[2]).is_dir()


def test_the_sink_keeps_sender_recipients_and_bytes(smtp_sink: SmtpSink) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Nhắc việc"
    mail.set_content("Kính gửi đồng chí")
    with smtplib.SMTP(smtp_sink.host, smtp_sink.port) as client:
        client.send_message(mail, "from@example.vn", ["to@example.vn"])
    [(sender, recipients, content)] = smtp_sink.messages
    assert (sender, recipients) == ("from@example.vn", ["to@example.vn"])
    assert b"Subject: =?utf-8?" in content


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ties a child to its parent")
def test_a_killed_test_run_leaves_no_server_behind() -> None:
    program = (
        "import time; from tests.postgres import running_postgres\n"
        "with running_postgres() as server: print(server.pid, server.socket_folder, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        pid, folder = child.stdout.readline().split()
        was_alive = _alive(pid)
        child.kill()
    until = time.monotonic() + 30
    while _alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    shutil.rmtree(folder)
    assert was_alive
    assert not _alive(pid)


def _alive(pid: str) -> bool:
    """Tell whether a process runs; a dead one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("ci", ["true", ""], ids=["in CI", "at home"])
@pytest.mark.parametrize(
    "skipping",
    [
        "def test_skips(): pytest.skip('because')",
        "@pytest.mark.skip(reason='because')\ndef test_skips(): pass",
        "pytest.importorskip('no_such_module')",
    ],
    ids=["in the test", "by a mark", "of a whole file"],
)
def test_a_skip_is_a_failure_in_ci_only(tmp_path: Path, skipping: str, ci: str) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    (tmp_path / "test_one.py").write_text(f"import pytest\n{skipping}\n")
    (tmp_path / "test_two.py").write_text("def test_runs(): pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(tmp_path)]
    environment = os.environ | {"CI": ci}
    done = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode != 0) == bool(ci), done.stdout
    assert ("nothing may be skipped" in done.stdout) == bool(ci), done.stdout
