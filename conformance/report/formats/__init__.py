"""Every format a judged run can be written in: one file each, and this table of them."""

from __future__ import annotations

from conformance.errors import UsageError
from conformance.report.formats.base import Document, Format, JudgedRun, LoadRecord, write_document
from conformance.resources import closest

__all__ = ["FORMATS", "Document", "Format", "JudgedRun", "LoadRecord", "find_format", "write_document"]

_HERE = "conformance.report.formats"
_ALL = (
    Format("results", "results.json", "programs: every verdict, a documented JSON Schema", f"{_HERE}.results:render"),
    Format("junit", "junit.xml", "the test view of CI servers", f"{_HERE}.junit:render"),
    Format("html", "report.html", "people: one page that needs no network", f"{_HERE}.html:render"),
)
FORMATS: dict[str, Format] = {f.name: f for f in _ALL}
"""By name, in the order in which they are written."""


def find_format(name: str) -> Format:
    """The format of this name. UsageError suggests the nearest one."""
    if name not in FORMATS:
        raise UsageError(f"There is no format named {name!r}. {closest(name, list(FORMATS))}")
    return FORMATS[name]
