"""The officers of the sample: invented, and the same at every run.

Each is named after a plant, so that no list of them can be taken for a real one. An agency has a head, a focal officer
and one member (communes) or three; the first member is the head's deputy and stands in for the others. From 1 June
2020 the people of huyện Tĩnh Gia hold the same posts, with new addresses, in thị xã Nghi Sơn.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace

from planner.domain.agency import Agency, Officer, OfficerRole, Succession, Tier

_FAMILIES = (
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Phan",
    "Vũ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
    "Dương",
    "Lý",
    "Hà",
    "Trịnh",
    "Mai",
    "Lò",
    "Vi",
    "Quách",
    "Cao",
    "Lương",
    "Đinh",
    "Tạ",
)
_WOMEN = (
    ("Thị", "Thanh", "Ngọc"),
    ("Sen", "Huệ", "Cúc", "Đào", "Mận", "Nhài", "Ngâu", "Quế", "Trà", "Hồng", "Lan", "Phượng", "Liễu", "Trúc", "Mơ"),
)
_MEN = (
    ("Văn", "Hữu", "Đức", "Quang"),
    ("Tùng", "Bách", "Lim", "Sến", "Trắc", "Gụ", "Mun", "Thông", "Xoan", "Lát", "Dổi", "Luồng", "Vầu", "Bàng"),
)

#: Officers whom the documentation's examples name: agency -> (member number, name).
_NAMED = {("stttt", 3): "Nguyễn Văn A", ("stttt", 4): "Trần Thị B"}
_HEAD_BOX = {"stttt": "giam.doc"}

#: Head and deputy of the departments that are no "Sở".
_POSTS = {
    "vp-ubnd": ("Chánh Văn phòng", "Phó Chánh Văn phòng"),
    "ttt": ("Chánh Thanh tra", "Phó Chánh Thanh tra"),
    "bdt": ("Trưởng Ban", "Phó Trưởng Ban"),
    "bqlkktns": ("Trưởng Ban", "Phó Trưởng Ban"),
}


def officers(
    agencies: Iterable[Agency], changes: Iterable[Agency] = (), successions: Iterable[Succession] = ()
) -> list[Officer]:
    """Return the officers of all agencies: head, focal officer, deputy, then the other members of each."""
    before = {one.to_code: one.from_code for one in successions}
    return [one for agency in (*agencies, *changes) for one in _of(agency, before.get(agency.code, agency.code))]


def host(agency: str) -> str:
    """Return the mail domain of an agency: "x-yen-lam.h-yen-dinh.example.vn"."""
    return ".".join((*reversed(agency.split(".")), "example.vn"))


def plain(name: str) -> str:
    """Return a name in small ASCII letters, its words joined by dots: "nguyen.van.a"."""
    letters = unicodedata.normalize("NFD", name.lower().replace("đ", "d"))
    return ".".join("".join(c for c in letters if not unicodedata.combining(c)).split())


def _of(agency: Agency, seed: str) -> Iterator[Officer]:
    boxes: list[str] = []
    people: list[Officer] = []
    for n, (title, role) in enumerate(_posts(agency)):
        name = _NAMED.get((agency.code, n)) or _name(seed, n, boxes)
        boxes.append(plain(name))
        box = _HEAD_BOX.get(agency.code, "lanh.dao") if role is OfficerRole.HEAD else boxes[-1]
        officer = Officer(email=f"{box}@{host(agency.code)}", name=name, title=title, agency=agency.code, role=role)
        people.append(replace(officer, valid_from=agency.valid_from, valid_to=agency.valid_to))
    _head, focal, deputy, *_others = people
    for one in people:
        yield replace(one, substitute=focal.email if one is deputy else deputy.email)


def _name(seed: str, n: int, taken: list[str]) -> str:
    attempt = 0
    while True:
        digest = hashlib.sha256(f"{seed}/{n}/{attempt}".encode()).digest()
        middles, givens = _WOMEN if digest[0] % 2 else _MEN
        words = (
            _FAMILIES[digest[1] % len(_FAMILIES)],
            middles[digest[2] % len(middles)],
            givens[digest[3] % len(givens)],
        )
        if plain(" ".join(words)) not in taken:
            return " ".join(words)
        attempt += 1


def _posts(agency: Agency) -> list[tuple[str, OfficerRole]]:
    """Return the titles and roles of an agency's people, the head first and the deputy third."""
    head, focal, member = OfficerRole.HEAD, OfficerRole.FOCAL, OfficerRole.MEMBER
    if agency.tier is Tier.DEPARTMENT:
        first, deputy = _POSTS.get(agency.code, ("Giám đốc", "Phó Giám đốc"))
        office = "Trưởng phòng Công nghệ thông tin" if agency.code == "stttt" else "Trưởng phòng Hành chính - Tổng hợp"
        return [(first, head), (office, focal), (deputy, member), ("Chuyên viên", member), ("Chuyên viên", member)]
    place = "UBND " + " ".join(agency.name.split()[1 : 3 if "thị " in agency.name or "thành phố" in agency.name else 2])
    if agency.tier is Tier.DISTRICT:
        return [
            (f"Chủ tịch {place}", head),
            ("Trưởng phòng Văn hóa và Thông tin", focal),
            (f"Phó Chủ tịch {place}", member),
            (f"Phó Chánh Văn phòng HĐND và {place}", member),
            ("Chuyên viên Phòng Nội vụ", member),
        ]
    return [(f"Chủ tịch {place}", head), ("Công chức Văn phòng - Thống kê", focal), (f"Phó Chủ tịch {place}", member)]
