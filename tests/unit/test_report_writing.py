"""Writing all reports: a writer that crashes is said, costs nobody else anything, and leaves nothing false behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from report_run import made_run

import conformance.report
from conformance.model import ScenarioRecord
from conformance.report import write_reports
from conformance.report.manifest import verify

FILES = {"results.json": "render_results", "junit.xml": "render_junit", "report.html": "render_html"}


def write(folder: Path) -> tuple[str, ...]:
    run = made_run()
    return write_reports(run.result, run.load, run.catalogue, folder)


def crash(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("by zero")


def test_all_reports_are_written_and_the_manifest_covers_them(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    assert write(tmp_path) == ()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*FILES, "manifest.json", "run.json"])
    assert set(json.loads((tmp_path / "manifest.json").read_text())["files"]) == {*FILES, "run.json"}
    assert verify(tmp_path) == ()


@pytest.mark.parametrize("name", FILES)
def test_a_writer_that_crashes_is_said_and_the_others_write(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conformance.report, FILES[name], crash)
    (problem,) = write(tmp_path)
    assert problem.startswith(f"{name} could not be written (ZeroDivisionError: by zero).")
    assert {p.name for p in tmp_path.iterdir()} == {*FILES, "manifest.json"} - {name}
    assert verify(tmp_path) == ()


def test_an_older_report_does_not_outlive_the_crash_of_its_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    monkeypatch.setattr(conformance.report, "render_html", crash)
    write(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_folder_that_cannot_be_written_is_said_once_per_report_and_raises_nothing(tmp_path: Path) -> None:
    problems = write(tmp_path / "not there")
    assert [p.split(" ")[0] for p in problems] == [*FILES, "manifest.json"]


def test_a_record_that_cannot_be_read_is_a_problem_and_the_page_is_written(tmp_path: Path) -> None:
    run = made_run()

    def load(name: str) -> ScenarioRecord:
        raise PermissionError(f"no reading of {name}")

    problems = write_reports(run.result, load, run.catalogue, tmp_path)
    assert len(problems) == 2 and all("could not be read" in problem for problem in problems)
    assert (tmp_path / "report.html").exists()


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path)
    first = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    write(tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == first
