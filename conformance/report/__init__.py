"""Reports: consumers of stored and judged runs. Nothing here judges, and no writer can change a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from conformance.model import Requirement
from conformance.model.results import RunResult
from conformance.report.html import LoadRecord, render_html
from conformance.report.junit import render_junit
from conformance.report.manifest import MANIFEST_FILE, render_manifest
from conformance.report.results import render_results

RESULTS_FILE = "results.json"
JUNIT_FILE = "junit.xml"
HTML_FILE = "report.html"

__all__ = ["HTML_FILE", "JUNIT_FILE", "MANIFEST_FILE", "RESULTS_FILE", "write_reports"]

Rendered = tuple[str, tuple[str, ...]]


def write_reports(
    result: RunResult, load_record: LoadRecord, catalogue: Mapping[str, Requirement], folder: Path
) -> tuple[str, ...]:
    """Write results.json, junit.xml, report.html and, last, manifest.json into the run folder.

    Returns a sentence for everything that could not be written or shown. A writer that crashes never stops the others;
    its old file, if any, is removed, because it might tell another verdict than this one.
    """
    writers: tuple[tuple[str, Callable[[], Rendered]], ...] = (
        (RESULTS_FILE, lambda: (render_results(result, catalogue), ())),
        (JUNIT_FILE, lambda: (render_junit(result), ())),
        (HTML_FILE, lambda: render_html(result, load_record, catalogue)),
        (MANIFEST_FILE, lambda: (render_manifest(folder), ())),
    )
    return tuple(problem for name, render in writers for problem in _write(folder / name, render))


def _write(path: Path, render: Callable[[], Rendered]) -> tuple[str, ...]:
    partial = path.with_name(f"{path.name}.partial")
    try:
        text, problems = render()
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
        partial.replace(path)
    except Exception as error:  # a report is worth less than a verdict: no failure of one may cost the other
        said = str(error) or "no reason given"
        gone = _remove(partial, path)
        return (f"{path.name} could not be written ({type(error).__name__}: {said}). The verdict stands.{gone}",)
    return problems


def _remove(*paths: Path) -> str:
    try:
        for path in paths:
            path.unlink(missing_ok=True)
    except OSError as error:
        return f" An older one may still be there: {error.strerror}."
    return ""
