"""Figures become a document: `content` decides what it says, `docx` and `html` how it looks.

Knows no database. Each format is imported when it is asked for, so that a command that writes none stays quick.
"""

from __future__ import annotations

from collections.abc import Callable

from planner.reporter.document import Report


def render_docx(report: Report) -> bytes:
    """Return the report as a Word document; the same report gives the same bytes."""
    from planner.reporter.docx import render

    return render(report)


def render_html(report: Report) -> bytes:
    """Return the report as one self-contained page, UTF-8."""
    from planner.reporter.html import render

    return render(report)


FORMATS: dict[str, Callable[[Report], bytes]] = {"docx": render_docx, "html": render_html}
"""Renderers by file suffix. JSON is no document: it is `Progress.as_dict()`."""
