"""The columns of each register and the words that fill them, in English and Vietnamese.

Data only. A new heading or word is one entry here; the field's own English name always counts as a heading.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from planner.domain.agency import OfficerRole, Tier, name_key
from planner.importer.tables import Columns

AGENCY_COLUMNS = Columns(
    headings={
        "code": ("mã", "mã cơ quan"),
        "name": ("tên", "tên cơ quan", "tên đơn vị"),
        "tier": ("cấp", "cấp hành chính"),
        "parent": ("parent_code", "cơ quan cấp trên", "mã cơ quan cấp trên"),
        "valid_from": ("hiệu lực từ", "từ ngày"),
        "valid_to": ("hiệu lực đến", "đến ngày", "đến hết ngày"),
    },
    required=("code", "name", "tier"),
)
SUCCESSION_COLUMNS = Columns(
    headings={
        "from_code": ("from", "mã cơ quan cũ", "từ cơ quan"),
        "to_code": ("to", "mã cơ quan mới", "cơ quan kế thừa"),
        "on": ("date", "effective_date", "ngày", "từ ngày", "ngày có hiệu lực"),
        "extent": ("phạm vi", "mức độ"),
        "legal_basis": ("căn cứ", "căn cứ pháp lý"),
    },
    required=("from_code", "to_code", "on"),
)
OFFICER_COLUMNS = Columns(
    headings={
        "email": ("e-mail", "mail", "thư điện tử", "địa chỉ thư điện tử", "hộp thư"),
        "name": ("full name", "họ và tên", "họ tên"),
        "title": ("post", "chức vụ", "chức danh"),
        "agency": ("agency_code", "mã cơ quan", "cơ quan"),
        "role": ("vai trò",),
        "substitute": ("người thay thế", "thư điện tử người thay thế"),
        "valid_from": ("hiệu lực từ", "từ ngày"),
        "valid_to": ("hiệu lực đến", "đến ngày", "đến hết ngày"),
    },
    required=("email", "name", "agency"),
)
ABSENCE_COLUMNS = Columns(
    headings={
        "officer": ("email", "e-mail", "thư điện tử", "cán bộ"),
        "first_day": ("from", "từ ngày", "nghỉ từ ngày"),
        "last_day": ("to", "đến ngày", "đến hết ngày", "nghỉ đến hết ngày"),
        "substitute": ("người thay thế", "thư điện tử người thay thế"),
        "reason": ("lý do",),
    },
    required=("officer", "first_day", "last_day"),
)
TARGET_COLUMNS = Columns(
    headings={
        "code": ("TT", "STT", "Số TT", "mã", "mã chỉ tiêu", "số", "chỉ tiêu số"),
        "title": ("chỉ tiêu", "tên chỉ tiêu", "mục tiêu", "nội dung", "nội dung chỉ tiêu", "target"),
        "value": ("giá trị", "giá trị cần đạt", "mức cần đạt", "kết quả cần đạt"),
        "unit": ("đơn vị", "đơn vị tính", "đvt"),
        "tiers": ("tier", "cấp", "cấp áp dụng", "áp dụng cho", "đối tượng áp dụng"),
        "holds_from": ("từ ngày", "áp dụng từ ngày", "hiệu lực từ"),
        "by": ("đến ngày", "đến hết ngày", "thời hạn", "thời hạn hoàn thành"),
    },
    required=("code", "title", "value"),
)


class Extent(StrEnum):
    """How much of an agency its successor takes over."""

    WHOLE = "whole"
    PARTIAL = "partial"


Member = TypeVar("Member", bound=StrEnum)


class Words(Generic[Member]):
    """The words that name the members of an enumeration: their English values and these."""

    def __init__(self, kind: type[Member], words: Mapping[str, Member]) -> None:
        known = {one.value: one for one in kind} | dict(words)
        self.expected = "; ".join(known)
        self._by_key = {name_key(word): one for word, one in known.items()}

    def find(self, text: str) -> Member | None:
        """Return the member that `text` names, if any; capitals and the tone mark's place do not matter."""
        return self._by_key.get(name_key(text))


TIERS = Words(
    Tier,
    {
        "sở": Tier.DEPARTMENT,
        "sở, ban, ngành": Tier.DEPARTMENT,
        "cấp tỉnh": Tier.DEPARTMENT,
        "tỉnh": Tier.DEPARTMENT,
        "huyện": Tier.DISTRICT,
        "cấp huyện": Tier.DISTRICT,
        "xã": Tier.COMMUNE,
        "cấp xã": Tier.COMMUNE,
    },
)
ROLES = Words(
    OfficerRole,
    {
        "người đứng đầu": OfficerRole.HEAD,
        "thủ trưởng": OfficerRole.HEAD,
        "đầu mối": OfficerRole.FOCAL,
        "cán bộ đầu mối": OfficerRole.FOCAL,
        "thành viên": OfficerRole.MEMBER,
        "cán bộ": OfficerRole.MEMBER,
    },
)
EXTENTS = Words(Extent, {"toàn bộ": Extent.WHOLE, "một phần": Extent.PARTIAL})
