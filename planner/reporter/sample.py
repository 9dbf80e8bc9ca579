"""A made-up report with one of everything, to try out how a site's template shows it."""

from __future__ import annotations

from datetime import date

from planner.domain.status import Timeliness
from planner.reporter.document import (
    Appendix,
    Column,
    Heading,
    Letterhead,
    Paragraph,
    Report,
    Row,
    Section,
    Signature,
    Table,
)


def sample_report(language: str, day: date) -> Report:
    """Return a report that has every part a report can have."""
    table = Table(
        columns=(
            Column(title="STT", width=10, align="center"),
            Column(title="Quá hạn", width=20, align="right", tone=Timeliness.OVERDUE),
        ),
        rows=(
            Row(cells=("Sở, ban, ngành",), kind="group"),
            Row(cells=("1", "2"), tone=Timeliness.OVERDUE),
            Row(cells=("Tổng", "2"), kind="total"),
        ),
    )
    blocks = (Heading("1. < & >"), Paragraph("Nội dung"), table)
    return Report(
        language=language,
        type_name="BÁO CÁO",
        subject="Mẫu",
        letterhead=Letterhead(superior="UBND TỈNH", issuer="SỞ", symbol="BC-S", place="Thanh Hóa", day=day),
        period_line="Kỳ báo cáo",
        salutation="Kính gửi:",
        addressees=("Ủy ban nhân dân tỉnh", "Văn phòng"),
        sections=(Section(title="I. TÌNH HÌNH CHUNG", blocks=blocks),),
        closing="./.",
        signature=Signature(post="GIÁM ĐỐC", name="Nguyễn Thị An", authority=("TL. CHỦ TỊCH",)),
        recipients_title="Nơi nhận:",
        recipients=("Như trên", "Lưu: VT"),
        appendices=(Appendix(label="Phụ lục", title="Danh sách", reference="", blocks=blocks, landscape=True),),
    )
