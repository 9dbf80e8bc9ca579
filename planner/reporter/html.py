"""A report as one self-contained web page that looks like the document, on a screen, a telephone and paper.

Knows nothing of plans and figures; its look stands in `templates/report/report.html`. A site may put its own template
before the shipped one. Colours mean timeliness, as everywhere in the project.
"""

from __future__ import annotations

from pathlib import Path

from planner.i18n import speaking
from planner.reporter.document import NATIONAL_MOTTO, NATIONAL_TITLE, Block, Heading, Paragraph, Report
from planner.templating import render as render_template


def render(report: Report, site: Path | None = None) -> bytes:
    """Return the page, UTF-8; `site` is the folder whose templates stand before the shipped ones."""
    context = {
        "report": report,
        "kind": _kind,
        "national_title": NATIONAL_TITLE,
        "national_motto": NATIONAL_MOTTO,
    }
    with speaking(report.language):
        page = render_template("report/report.html", context, site)
    return page.encode()


def _kind(block: Block) -> str:
    """Return what a block is, for the template to choose by."""
    match block:
        case Paragraph():
            return "paragraph"
        case Heading():
            return "heading"
        case _:
            return "table"
