"""The whole story on the sample, in a folder of its own: plans filed, months of rounds, every mail kept, reports.

The clock is pretended, everything else is real: real .xlsx and .yaml files, the real database, real SMTP to a sink on
this machine. The people are invented.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from planner import config, i18n
from planner.config import ZONE
from planner.domain.changes import assigned_plans
from planner.domain.plan import PlanKind
from planner.errors import Refused, WorldFailed, words_of
from planner.i18n import gettext as _
from planner.samples.thanh_hoa_2020 import load as load_sample
from planner.samples.thanh_hoa_2020 import plans as sample_plans
from planner.samples.thanh_hoa_2020.story import Event, story
from planner.service import admin, documents, filing, registers, tasks
from planner.service.desk import Desk
from planner.service.wire import as_json_text
from planner.store import plans as stored
from scheduler.channels.email import EmailChannel
from scheduler.jobs import run_round
from scheduler.shop import Shop
from scheduler.sink import Sink

FIRST, LAST = date(2020, 5, 4), date(2020, 7, 31)
REPORT_DAYS = (date(2020, 5, 25), date(2020, 6, 30), LAST)
_MARK = ".planner-demo"
_LATE_FILERS = 5  # every so many-th file comes only after reminders
_FILED, _FILED_LATE = date(2020, 5, 6), (date(2020, 5, 12), date(2020, 5, 18))


def play(
    folder: Path, *, last: date = LAST, on_start: Callable[[int], None], on_day: Callable[[], None]
) -> dict[str, Any]:
    """Play the demo into `folder` and return where everything is.

    Args:
        folder: new, empty, or an earlier demo's, which is replaced.
        last: the day on which the story stops, not after `LAST`; the reports are made on it and on earlier dates.
        on_start: told how many days there will be.
        on_day: told after each of them.

    Raises:
        Refused: the folder holds something that is not an earlier demo.
        WorldFailed: the disk refuses.
    """
    _make_room(folder)
    config_file = folder / config.FILE_NAME
    settings = config.Settings(home=folder.resolve(), lang=i18n.language())
    opening = datetime.combine(FIRST, time(7), ZONE)
    desk = Desk(settings=settings, now=opening)
    with closing(replace(desk, now=datetime.combine(date(2020, 4, 29), time(16), ZONE))) as first:
        made = admin.init(first, admin.SAMPLES[0], config_file)
    paths = sample_plans.write_plans(_folder(folder / "plans"))
    on_start((last - FIRST).days + 1)
    with Sink(folder / "mails") as sink:
        settings = replace(settings, smtp_host="127.0.0.1", smtp_port=sink.port, smtp_tls="none")
        desk = replace(desk, settings=settings)
        reports = _live(folder, desk, paths, last, on_day)
        mails = sink.count
    with desk.reading() as session:
        plans = [key for key, r in stored.plan_records(session).items() if r.plan.kind is PlanKind.FILED]
        count = len(stored.task_records(session))
    desk.engine.dispose()
    _write_index(folder, mails, reports)
    return {
        "out": str(folder),
        "agencies": made.agencies,
        "plans": len(plans),
        "tasks": count,
        "mails": mails,
        "reports": [str(path) for path in reports],
    }


def _make_room(folder: Path) -> None:
    try:
        if folder.exists() and any(folder.iterdir()):
            if not (folder / _MARK).exists():
                raise Refused(
                    _("{path} is not empty and holds no earlier demo; name another folder with -o.").format(path=folder)
                )
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).touch()
    except OSError as error:
        raise WorldFailed(
            _("{path} cannot be written: {reason}").format(path=folder, reason=words_of(error))
        ) from error


def _folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path


def _live(folder: Path, desk: Desk, paths: list[Path], last: date, on_day: Callable[[], None]) -> list[Path]:
    """Let the days pass: people act, the engine does its round each morning, reports are made."""
    shop = Shop(settings=desk.settings)
    filed_on = {path: _filing_day(at) for at, path in enumerate(paths)}
    events = _events(filed_on)
    reports: list[Path] = []

    def channel() -> EmailChannel:
        return EmailChannel(shop.settings.smtp_host, shop.settings.smtp_port, shop.settings.smtp_tls)

    for offset in range((last - FIRST).days + 1):
        today = FIRST + timedelta(days=offset)
        morning = _at(desk, datetime.combine(today, time(8), ZONE))
        for path in [path for path, day in filed_on.items() if day == today]:
            filing.file(morning, path)
        run_round(shop, morning.now, channel)
        for event in events.get(today, ()):
            _act(desk, event)
        if today in REPORT_DAYS or today == last:
            reports.extend(_report(desk, folder, today))
        on_day()
    shop.close()
    return reports


def _at(desk: Desk, now: datetime, user: str | None = None) -> Desk:
    """Return the desk of somebody at another moment, on the same open database: opening it costs more than an act."""
    acting = replace(desk, now=now, user=user)
    vars(acting)["engine"] = desk.engine
    return acting


def _filing_day(at: int) -> date:
    """Return when the file at this place of the list is filed: most in time, every fifth only after reminders."""
    if at % _LATE_FILERS != _LATE_FILERS - 1:
        return _FILED
    return _FILED_LATE[at // _LATE_FILERS % len(_FILED_LATE)]


def _events(filed_on: dict[Path, date]) -> dict[date, list[Event]]:
    """Return the story by day; what an agency did before it filed its plan is entered on the day of filing."""
    plans = [sample_plans.plan_of(one) for one in sample_plans.make_plans()]
    told = story([*plans, *assigned_plans(load_sample().directive)])
    from_day = {path.stem: day for path, day in filed_on.items()}
    by_day: dict[date, list[Event]] = {}
    for event in told:
        agency = event.task.rpartition(":")[0]
        earliest = datetime.combine(from_day.get(agency, FIRST), time(9), ZONE)
        moved = replace(event, at=max(event.at, earliest))
        by_day.setdefault(moved.at.astimezone(ZONE).date(), []).append(moved)
    return by_day


def _act(desk: Desk, event: Event) -> None:
    """Let one person do what the story says, with that person's rights."""
    acting = _at(desk, event.at, event.actor)
    data = event.data
    actions: dict[str, Callable[[], object]] = {
        "start": lambda: tasks.start(acting, event.task),
        "done": lambda: tasks.done(acting, event.task, document=data["document"], on=data["done_on"], file=None),
        "confirm": lambda: tasks.confirm(acting, event.task),
        "return": lambda: tasks.return_(acting, event.task, data["reason"]),
        "extend": lambda: tasks.extend(
            acting, event.task, to=data["new_last_day"], reason=data["reason"], document=data["document"]
        ),
        "report_target": lambda: registers.report_target(
            acting, target=data["target"], agency=data["agency"], value=data["value"], on=data["on"], directive=None
        ),
    }
    actions[event.action]()


def _report(desk: Desk, folder: Path, day: date) -> Iterator[Path]:
    out = _folder(folder / "reports")
    at = datetime.combine(day, time(17), ZONE)
    evening = _at(desk, at)
    progress, document = documents.status(evening, at, directive=None, number="")
    rows, escalated = documents.escalation_list(evening, at)
    for name, data, report, suffixes in (
        ("bao-cao", progress.as_dict(), document, ("docx", "html")),
        ("don-doc", rows, escalated, ("html",)),
    ):
        for suffix in suffixes:
            path = out / f"{name}-{day.isoformat()}.{suffix}"
            documents.write(report, path)
            yield path
        path = out / f"{name}-{day.isoformat()}.json"
        documents.save(path, as_json_text(data).encode())
        yield path


def _write_index(folder: Path, mails: int, reports: list[Path]) -> None:
    """Leave a page that says what lies where."""
    from planner.templating import render

    days = [
        {"day": one.name, "count": sum(1 for _mail in one.iterdir())} for one in sorted((folder / "mails").iterdir())
    ]
    page = render(
        "demo/index.html",
        {
            "lang": i18n.language(),
            "mails": mails,
            "days": days,
            "reports": [path.name for path in reports],
            "plans": sorted(path.name for path in (folder / "plans").iterdir()),
        },
    )
    documents.save(folder / "index.html", page.encode())
