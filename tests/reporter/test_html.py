"""The web page: complete in itself, escaped, and coloured by timeliness."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from planner.i18n import speaking
from planner.reporter import FORMATS
from planner.reporter.document import Report, Table
from planner.reporter.escalations import escalations_html
from planner.reporter.html import render
from tests.reporter.province import TODAY, figures, make_state, make_task, whole_province
from tests.reporter.test_content import OVERDUE, escalation, report_on

SCRIPT = "<script>alert('x')</script>"


class Outline(HTMLParser):
    """Collects the tags, and checks that they close in order."""

    VOID = ("meta", "hr", "col", "br")

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def outline(page: bytes) -> Outline:
    found = Outline()
    found.feed(page.decode())
    assert found.open == []
    return found


@pytest.fixture(scope="module")
def report() -> Report:
    with speaking("vi"):
        return report_on(figures(*whole_province()))


def test_the_page_says_what_the_document_says(report: Report) -> None:
    found = outline(FORMATS["html"](report))
    said = " ".join(" ".join(found.text).split())
    for text in (report.subject, report.closing, *(s.title for s in report.sections), "Độc lập - Tự do - Hạnh phúc"):
        assert text in said
    for appendix in report.appendices:
        assert f"{appendix.label} {appendix.title}" in said
    blocks = [b for s in report.sections for b in s.blocks] + [b for a in report.appendices for b in a.blocks]
    assert found.tags.count("table") == sum(isinstance(b, Table) for b in blocks)


def test_the_page_needs_nothing_from_elsewhere(report: Report) -> None:
    page = FORMATS["html"](report).decode()
    found = outline(page.encode())
    assert not {"script", "link", "img", "iframe"} & set(found.tags)
    assert not re.search(r"url\(|https?:|@import", page)
    assert '<html lang="vi">' in page
    assert 'name="viewport"' in page


def test_a_script_in_a_title_is_shown_and_not_run() -> None:
    with speaking("en"):
        report = report_on(figures(make_state(make_task("snv", last_day=OVERDUE, title=SCRIPT))))
    page = FORMATS["html"](report)
    assert b"<script" not in page
    assert b"&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page
    assert "script" not in outline(page).tags


def test_colours_mean_timeliness_and_a_zero_has_none(report: Report) -> None:
    page = FORMATS["html"](report).decode()
    cells = re.findall(r'<td class="([^"]*)">([^<]*)</td>', page)
    shown = {name for classes, _ in cells for name in classes.split() if name.startswith("tone-")}
    assert {"tone-done_on_time", "tone-done_late", "tone-in_time", "tone-overdue"} <= shown
    assert all(f".{name}" in page for name in shown)
    assert not [classes for classes, text in cells if text == "0" and "tone-" in classes]


def test_a_report_without_letterhead_has_no_national_title() -> None:
    page = FORMATS["html"](Report(language="en", type_name="LIST", subject="")).decode()
    assert "CỘNG HÒA" not in page
    assert "<h1>LIST</h1>" in page


def test_the_list_of_escalations_is_a_page_too_and_escapes_names() -> None:
    with speaking("en"):
        page = escalations_html([escalation(recipient=SCRIPT)], TODAY)
    assert b"LIST OF ESCALATIONS" in page
    assert b"<script" not in page
    assert b"07:30 15/5/2020" in page
    outline(page)


def test_a_sites_own_template_stands_before_the_shipped_one(report: Report, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").write_text("site: {{ report.type_name }}", encoding="utf-8")
    assert render(report, tmp_path).decode() == "site: BÁO CÁO"


def test_the_same_report_gives_the_same_page(report: Report) -> None:
    assert FORMATS["html"](report) == FORMATS["html"](report)
