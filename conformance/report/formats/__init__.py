"""Every format a judged run can be written in: one file each, and this table of them."""

from __future__ import annotations

from conformance.errors import UsageError
from conformance.report.formats.base import Document, Format, JudgedRun, LoadRecord, write_document
from conformance.resources import closest

__all__ = [
    "FORMATS",
    "Document",
    "Format",
    "JudgedRun",
    "LoadRecord",
    "default_formats",
    "find_format",
    "is_report",
    "write_document",
]

_HERE = "conformance.report.formats"
_ALL = (
    Format("results", "results.json", "programs: every verdict, a documented JSON Schema", f"{_HERE}.results:render"),
    Format("junit", "junit.xml", "the test view of CI servers", f"{_HERE}.junit:render"),
    Format("cucumber", "cucumber.json", "whatever reads Cucumber's JSON", f"{_HERE}.cucumber:render"),
    Format("testapi", "testapi.json", "the result database of OPNFV (TestAPI)", f"{_HERE}.testapi:render"),
    Format("rtm", "rtm.csv", "auditors: the requirement traceability matrix", f"{_HERE}.rtm:render_csv"),
    Format("rtm-xlsx", "rtm.xlsx", "the same as a workbook", f"{_HERE}.rtm:render_xlsx", by_default=False),
    Format("needs", "needs.json", "documentation with sphinx-needs", f"{_HERE}.needs:render"),
    Format("reqif", "run.reqif", "requirement tools (ReqIF 1.2)", f"{_HERE}.reqif:render", by_default=False),
    Format("attestation", "attestation.json", "supply chains: in-toto, test-result", f"{_HERE}.attestation:render"),
    Format("oscal", "oscal.json", "governance: assessment results in OSCAL", f"{_HERE}.oscal:render", by_default=False),
    Format("allure", "allure-results/", "Allure, with history and steps", f"{_HERE}.allure:render", by_default=False),
    Format("allure-page", "allure.html", "Allure's page as one file", f"{_HERE}.allure_page:render", by_default=False),
    Format("html", "report.html", "people: one page that needs no network", f"{_HERE}.html:render"),
)
FORMATS: dict[str, Format] = {f.name: f for f in _ALL}
"""By name, in the order in which they are written."""


def default_formats() -> tuple[Format, ...]:
    """What every run is written in."""
    return tuple(f for f in FORMATS.values() if f.by_default)


def is_report(name: str) -> bool:
    """Whether a file of the run folder, named relative to it, is a report and can be made again."""
    return any(name == f.file or (f.file.endswith("/") and name.startswith(f.file)) for f in FORMATS.values())


def find_format(name: str) -> Format:
    """The format of this name. UsageError suggests the nearest one."""
    if name not in FORMATS:
        raise UsageError(f"There is no format named {name!r}. {closest(name, list(FORMATS))}")
    return FORMATS[name]
