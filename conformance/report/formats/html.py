"""report.html: the page for people, drawn in conformance.report.html."""

from __future__ import annotations

from conformance.report.formats.base import Document, JudgedRun
from conformance.report.html import render_html


def render(run: JudgedRun) -> Document:
    """The page, with sentences about records that could not be shown."""
    return Document(*render_html(run.result, run.load, run.catalogue))
