"""What `planner doctor` asks the engine: is the policy sound, and can every kind of mail be written?

Each kind is rendered with made-up facts, to who does the work and to somebody above, so that a mistake in a site's
template is found before it stands in the way of a real mail.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from planner.config import ZONE, Settings
from planner.domain.agency import Officer, OfficerRole
from planner.domain.deadline import Deadline, DeadlineKind
from planner.domain.notification import Notice, NoticeKind
from planner.domain.plan import Extension, PlannedTask, ResultDocument, TaskRecord
from planner.domain.status import TaskState
from planner.errors import PlannerError
from planner.i18n import gettext as _
from planner.i18n import speaking
from planner.templating import templates_folder
from scheduler import compose, policy
from scheduler.wording import Item

_AGENCY, _NAME = "stttt", "Sở Thông tin và Truyền thông"
_ABOVE = ("agency_head", "department")


def checks(settings: Settings, now: datetime) -> Iterator[tuple[str, bool, str]]:
    """Yield each thing looked at: its name, whether it is well, and what there is to say."""
    try:
        found = policy.load(settings.policy_file)
        yield "policy", True, f"{found.name} {found.version}, {found.hash[:12]}"
    except PlannerError as error:
        yield "policy", False, error.in_one_line()
    yield _mails(settings, now)


def _mails(settings: Settings, now: datetime) -> tuple[str, bool, str]:
    today, count = now.astimezone(ZONE).date(), 0
    with speaking(settings.lang):
        kinds = ""
        try:
            for recipient, items in _letters(today):
                kinds = ", ".join(dict.fromkeys(item.notice.kind.value for item in items))
                compose.compose(recipient, _NAME, items, today=today, now=now, site=settings.templates_dir)
                count += 1
        except PlannerError as error:
            return "mails", False, f"{kinds}: {error.message}"
        folder = settings.templates_dir or templates_folder()
        return (
            "mails",
            True,
            _("{n} sample mails written with the templates of {folder}").format(n=count, folder=folder),
        )


def _letters(today: date) -> Iterator[tuple[Officer, list[Item]]]:
    """Yield for each kind and reader a mail with that alone, and at the end one with everything."""
    worker = Officer(email="an@example.vn", name="Nguyễn Thị An", title="Chuyên viên", agency=_AGENCY)
    head = Officer(email="binh@example.vn", name="Trần Văn Bình", title="Giám đốc", agency="snv", role=OfficerRole.HEAD)
    for recipient, role in ((worker, "responsible"), *((head, role) for role in _ABOVE)):
        everything = []
        for kind in NoticeKind:
            items = [_item(kind, role, today, days) for days in ((3, 0) if kind is NoticeKind.REMINDER else (-3,))]
            for item in items:
                yield recipient, [item]
            everything += items
        yield recipient, everything


def _item(kind: NoticeKind, role: str, today: date, days: int) -> Item:
    last_day = today + timedelta(days=days)
    subject = f"kl-2020/{_AGENCY}"
    if kind is not NoticeKind.FILING:
        subject += f":{len(kind)}.{days + 4}"
    notice = Notice(
        kind=kind,
        subject=subject,
        revision=0,
        rung="sample",
        nominal=today,
        role=role,
        recipient="an@example.vn",
        reason="1 < 2 & 3",
    )
    if kind is NoticeKind.FILING:
        return Item(
            notice=notice,
            task=None,
            agency_name=_NAME,
            days=days,
            filing_title="Kết luận về chuyển đổi số",
            filing_deadline=last_day,
        )
    return Item(
        notice=notice,
        task=_task(kind, subject, last_day, today),
        agency_name=_NAME,
        plan_number="12/KH-STTTT",
        plan_signed=today,
        days=days,
        forecast_finish=last_day + timedelta(days=9),
        holds_up_tasks=3,
        holds_up_agencies=2,
        waits_for=("snv:I.1",),
        nth=2,
        responsible_name="Nguyễn Thị An",
    )


def _task(kind: NoticeKind, subject: str, last_day: date, today: date) -> TaskRecord:
    handed_in = kind is NoticeKind.CONFIRMATION
    return TaskRecord(
        plan=subject.rsplit(":", 1)[0],
        agency=_AGENCY,
        goal="I",
        task=PlannedTask(
            code=subject.rsplit(":", 1)[1],
            title="Ứng dụng chữ ký số",
            responsible="an@example.vn",
            deadline=Deadline(text="ngày 15/5", kind=DeadlineKind.BY, last_day=last_day),
            deliverable="Báo cáo",
        ),
        last_day=last_day,
        state=TaskState.SUBMITTED if handed_in else TaskState.IN_PROGRESS,
        percent=40,
        extensions=(
            Extension(
                old_last_day=today,
                new_last_day=last_day,
                reason="",
                document="15/CV",
                decided_by="binh@example.vn",
                decided_at=datetime.combine(today, datetime.min.time(), ZONE),
            ),
        ),
        done_on=today if handed_in else None,
        result=ResultDocument(number="7/BC", file_name="", file_sha256="") if handed_in else None,
    )
