"""The demo as a whole, on its first weeks: what its report says is what its database holds and its mailboxes got."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import docx
import pytest
from sqlalchemy import Engine, func, select

from planner.config import ZONE
from planner.store import events, ledger_view
from planner.store.engine import connect, reading
from planner.store.tables import MailBodyRow, MailRow, NoticeRow, TaskRow, TickRow
from scheduler import demo

LAST = date(2020, 5, 19)  # late filers come on the 12th and the 18th; the first tasks fall due on the 14th


@dataclass(frozen=True)
class Played:
    """A demo that has been played."""

    folder: Path
    said: dict[str, Any]
    engine: Engine
    mails: dict[Path, EmailMessage]  #: by file
    days: int

    def report(self) -> Any:
        """Return the Chairman's report of the last day, as data."""
        return json.loads((self.folder / "reports" / f"bao-cao-{LAST}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("demo") / "demo"
    days: list[int] = []
    said = demo.play(folder, last=LAST, on_start=lambda _n: None, on_day=lambda: days.append(1))
    engine = connect(f"sqlite:///{folder / 'planner.db'}")
    mails = {}
    for path in sorted((folder / "mails").glob("*/*.eml")):
        mail = message_from_bytes(path.read_bytes(), policy=default)
        assert isinstance(mail, EmailMessage)
        mails[path] = mail
    yield Played(folder=folder, said=said, engine=engine, mails=mails, days=len(days))
    engine.dispose()


pytestmark = pytest.mark.xdist_group("demo")


def test_it_lives_through_every_day_with_one_round_each(played: Played) -> None:
    assert played.days == (LAST - demo.FIRST).days + 1
    with played.engine.connect() as connection:
        rounds = connection.execute(select(TickRow.at).order_by(TickRow.id)).scalars().all()
    assert [at.astimezone(ZONE).date() for at in rounds if at is not None] == [
        date.fromordinal(demo.FIRST.toordinal() + n) for n in range(played.days)
    ]


def test_what_it_says_is_what_is_there(played: Played) -> None:
    said = played.said
    with played.engine.connect() as connection:
        tasks = connection.scalar(select(func.count()).select_from(TaskRow))
    assert said["tasks"] == tasks
    assert said["mails"] == len(played.mails) > 500
    assert said["agencies"] == 606
    assert said["plans"] == len(list((played.folder / "plans").iterdir()))
    assert said["reports"]
    assert all(Path(path).is_file() for path in said["reports"])
    assert (played.folder / "index.html").is_file()


def test_every_mail_of_the_outbox_arrived_once_byte_for_byte(played: Played) -> None:
    with played.engine.connect() as connection:
        rows = connection.execute(
            select(MailRow.message_id, MailBodyRow.body, MailRow.state, MailRow.recipient).join(
                MailBodyRow, MailBodyRow.mail_id == MailRow.id
            )
        ).all()
    sent = {row.message_id: row for row in rows if row.state == "sent"}
    assert {row.state for row in rows} <= {"sent", "obsolete"}
    ids = Counter(str(mail["Message-ID"]) for mail in played.mails.values())
    assert set(ids.values()) == {1}
    assert set(ids) == set(sent)
    for path, mail in played.mails.items():
        assert path.read_bytes() == sent[str(mail["Message-ID"])].body


def test_every_mail_parses_and_is_addressed_to_whom_its_file_names(played: Played) -> None:
    for path, mail in played.mails.items():
        assert mail.defects == [], path
        assert mail["Auto-Submitted"] == "auto-generated"
        (to,) = mail["To"].addresses
        assert path.stem == to.addr_spec
        assert path.parent.name == mail["Date"].datetime.date().isoformat()
        assert str(mail["Subject"]).startswith("[")
        for kind in ("plain", "html"):
            body = mail.get_body((kind,))
            assert body is not None
            assert "{{" not in body.get_content(), path
            assert "Kính gửi" in body.get_content()


def test_nobody_gets_two_digests_on_one_day_and_none_on_a_day_off(played: Played) -> None:
    per_day = Counter((path.parent.name, path.stem) for path in played.mails)
    assert set(per_day.values()) == {1}
    assert all(date.fromisoformat(day).weekday() < 5 for day, _person in per_day)
    with played.engine.connect() as connection:
        kinds = set(connection.execute(select(MailRow.kind)).scalars())
    assert kinds == {"digest"}


def test_nothing_waits_unsent_and_no_notice_is_told_twice(played: Played) -> None:
    with played.engine.connect() as connection:
        states = Counter(connection.execute(select(NoticeRow.state)).scalars())
        told = connection.execute(
            select(NoticeRow.subject, NoticeRow.revision, NoticeRow.rung, NoticeRow.role, NoticeRow.nominal).where(
                NoticeRow.state == "sent"
            )
        ).all()
    assert set(states) <= {"sent", "superseded", "suppressed", "obsolete"}
    assert states["sent"] > states["superseded"] > 0
    assert len(set(told)) == len(told)


def test_the_reports_figures_are_those_counted_from_the_database(played: Played) -> None:
    counts: Counter[str] = Counter()
    with played.engine.connect() as connection:
        rows = connection.execute(select(TaskRow.state, TaskRow.last_day, TaskRow.done_on)).all()
    for state, last_day, done_on in rows:
        if state in ("suspended", "withdrawn"):
            continue
        counts["total"] += 1
        if state == "submitted":
            counts["awaiting_confirmation"] += 1
        elif last_day is None:
            counts["no_deadline"] += 1
        elif state == "confirmed":
            assert done_on is not None
            counts["done_on_time" if done_on <= last_day else "done_late"] += 1
        else:
            counts["open_overdue" if last_day < LAST else "open_in_time"] += 1
    report = played.report()
    assert report["as_of"] == LAST.isoformat()
    assert {name: report["tasks"][name] for name in counts} == dict(counts)
    due = counts["done_on_time"] + counts["done_late"] + counts["open_overdue"]
    assert report["rates"]["completion"] == pytest.approx((counts["done_on_time"] + counts["done_late"]) / due)
    assert report["rates"]["on_time"] == pytest.approx(counts["done_on_time"] / due)
    assert counts["done_on_time"] > 0
    assert counts["open_overdue"] > 0
    assert counts["awaiting_confirmation"] > 0


def test_the_reports_filing_figures_are_those_of_the_plans_that_came(played: Played) -> None:
    filing = played.report()["filing"]
    assert filing["owed"] == filing["filed"] + len(filing["missing"]) == 606
    assert filing["filed"] == played.said["plans"]


def test_the_report_lists_every_overdue_task_and_no_other(played: Played) -> None:
    with played.engine.connect() as connection:
        rows = connection.execute(
            select(TaskRow.key).where(
                TaskRow.state.in_(("assigned", "in_progress", "returned")), TaskRow.last_day < LAST
            )
        ).scalars()
        overdue = sorted(str(key).split("/", 1)[1] for key in rows)
    assert sorted(row["task"] for row in played.report()["overdue"]) == overdue


def test_who_is_late_has_been_told_so(played: Played) -> None:
    told = defaultdict(set)
    with reading(played.engine) as session:
        for row in ledger_view.ledger(session, states=("sent",)):
            told[row["subject"].split("/", 1)[1]].add(row["rung"])
    late = [row["task"] for row in played.report()["overdue"]]
    assert late
    for task in late:
        assert any(rung.startswith("due+") for rung in told[task]), task


def test_the_report_opens_as_a_document(played: Played) -> None:
    document = docx.Document(str(played.folder / "reports" / f"bao-cao-{LAST}.docx"))
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in text + "\n".join(cells)
    figures = played.report()["tasks"]
    whole = text + " ".join(cells)
    for name in ("total", "done_on_time", "open_overdue"):
        assert f"{figures[name]:,}".replace(",", ".") in whole, name


def test_the_log_of_what_happened_holds(played: Played) -> None:
    with reading(played.engine) as session:
        verdict = events.verify(session)
    assert verdict.ok
    assert verdict.events > played.said["plans"] + len(played.report()["overdue"])
