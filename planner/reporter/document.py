"""An administrative document as data: letterhead, sections, tables, appendices, signature; it knows no file format.

Everything in it is finished text in the language of the reader, except the letterhead, which stays Vietnamese because
the law fixes its words. Source: Decree 30/2020/NĐ-CP, Appendix I.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from planner.domain.status import Timeliness

NATIONAL_TITLE = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
NATIONAL_MOTTO = "Độc lập - Tự do - Hạnh phúc"

Align = Literal["left", "center", "right"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Letterhead:
    """The top of an official document."""

    superior: str  #: superior agency; "" when there is none
    issuer: str  #: issuing agency
    symbol: str  #: after the number: "BC-STTTT"
    place: str  #: "Thanh Hóa"
    day: date
    number: str = ""  #: given by the records office; "" leaves room for it

    @property
    def number_line(self) -> str:
        """Return "Số: 05/BC-STTTT", or the same with room for the number."""
        number = f"{int(self.number):02d}" if self.number.isdecimal() else self.number
        return f"Số: {number or chr(0xA0) * 6}/{self.symbol}"

    @property
    def date_line(self) -> str:
        """Return "Thanh Hóa, ngày 05 tháng 6 năm 2020": days below 10 and months 1-2 have a leading zero."""
        month = f"{self.day.month:02d}" if self.day.month < 3 else str(self.day.month)
        return f"{self.place}, ngày {self.day.day:02d} tháng {month} năm {self.day.year}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """The signer."""

    post: str  #: "GIÁM ĐỐC"
    name: str = ""  #: "" leaves room for it
    authority: tuple[str, ...] = ()  #: lines above the post: "TL. CHỦ TỊCH", "KT. CHÁNH VĂN PHÒNG"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of the body."""

    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section: "1. Kết quả thực hiện các mục tiêu"."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of a table."""

    title: str
    width: int  #: share of the table's width
    align: Align = "left"
    tone: Timeliness | None = None  #: what its figures mean; formats with colour show it


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row of a table; a group row has one cell that spans the table."""

    cells: tuple[str, ...]
    kind: Literal["plain", "group", "total"] = "plain"
    tone: Timeliness | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table whose header is repeated on each page."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


Block = Paragraph | Heading | Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A numbered part: "I. TÌNH HÌNH CHUNG"."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Appendix:
    """An appendix on pages of its own."""

    label: str  #: "Phụ lục II", or "Phụ lục" when it is the only one
    title: str
    reference: str  #: the line that ties it to its document; unfilled in electronic documents
    blocks: tuple[Block, ...]
    landscape: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A whole document."""

    language: str  #: "vi" or "en"
    type_name: str  #: "BÁO CÁO"
    subject: str  #: trích yếu
    letterhead: Letterhead | None = None  #: None: an internal list
    landscape: bool = False  #: for lists too wide for a page upright; never with a letterhead
    period_line: str = ""  #: the period of the figures and when they were taken
    salutation: str = ""  #: "Kính gửi:"
    addressees: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    closing: str = ""  #: ends "./."
    signature: Signature | None = None
    recipients_title: str = ""  #: "Nơi nhận:"
    recipients: tuple[str, ...] = ()  #: without dash and mark
    appendices: tuple[Appendix, ...] = ()

    @property
    def recipient_lines(self) -> tuple[str, ...]:
        """Return the list under "Nơi nhận", each line with its dash, and with ";" or, at the end, "."."""
        last = len(self.recipients) - 1
        return tuple(f"- {text}{'.' if at == last else ';'}" for at, text in enumerate(self.recipients))

    @property
    def addressee_lines(self) -> tuple[str, ...]:
        """Return one addressee as it is; several with dash, and with ";" or, at the end, "."."""
        if len(self.addressees) < 2:
            return self.addressees
        last = len(self.addressees) - 1
        return tuple(f"- {text}{'.' if at == last else ';'}" for at, text in enumerate(self.addressees))


_ROMAN = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def roman(number: int) -> str:
    """Write 1-39 in Roman numerals."""
    text = ""
    for value, letters in _ROMAN:
        while number >= value:
            text += letters
            number -= value
    return text
