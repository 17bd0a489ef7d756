"""Reports: consumers of stored and judged runs. Nothing here judges, and no writer can change a verdict."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from conformance.model import Requirement
from conformance.model.results import RunResult
from conformance.report.formats import (
    FORMATS,
    Document,
    Format,
    JudgedRun,
    LoadRecord,
    default_formats,
    is_report,
    write_document,
)
from conformance.report.manifest import MANIFEST_FILE, render_manifest

__all__ = ["FORMATS", "MANIFEST_FILE", "default_formats", "is_report", "write_reports"]


def write_reports(
    result: RunResult,
    load_record: LoadRecord,
    catalogue: Mapping[str, Requirement],
    folder: Path,
    formats: Iterable[Format] | None = None,
) -> tuple[str, ...]:
    """Write the formats, by default the light ones, and, last, manifest.json into the run folder.

    Returns a sentence for everything that could not be written or shown. A writer that crashes never stops the others;
    its old file, if any, is removed, because it might tell another verdict than this one.
    """
    run = JudgedRun(result, catalogue, load_record, folder)
    wanted = default_formats() if formats is None else tuple(formats)
    problems = [problem for wish in wanted for problem in _write(folder, wish, run)]
    manifest = Format("manifest", MANIFEST_FILE, "", f"{__name__}:render_run_manifest")
    return (*problems, *_write(folder, manifest, run))


def render_run_manifest(run: JudgedRun) -> Document:
    """manifest.json of everything that lies in the folder now."""
    return Document(render_manifest(run.folder))


def _write(folder: Path, wish: Format, run: JudgedRun) -> tuple[str, ...]:
    path = folder / wish.file
    try:
        if not folder.is_dir():
            raise FileNotFoundError(f"the folder {folder} is not there")
        document = wish.render(run)
        write_document(document, path)
    except Exception as error:  # a report is worth less than a verdict: no failure of one may cost the other
        said = str(error) or "no reason given"
        gone = _remove(path)
        return (f"{wish.file} could not be written ({type(error).__name__}: {said}). The verdict stands.{gone}",)
    return document.problems


def _remove(path: Path) -> str:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        return f" An older one may still be there: {error.strerror}."
    return ""
