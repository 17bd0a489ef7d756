"""Writing all reports: a writer that crashes is said, costs nobody else anything, and leaves nothing false behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from report_run import made_run

from conformance.model import ScenarioRecord
from conformance.report import FORMATS, write_reports
from conformance.report.formats.base import Format
from conformance.report.manifest import verify

# Allure's page needs a program of others: tests/foreign.
FILES = {f.file: f for f in FORMATS.values() if f.name != "allure-page"}


def write(folder: Path) -> tuple[str, ...]:
    run = made_run()
    (folder / "run.json").write_text("{}")
    return write_reports(run.result, run.load, run.catalogue, folder, FILES.values())


def listed(folder: Path) -> set[str]:
    """What the manifest lists, a folder of files counted once."""
    names = json.loads((folder / "manifest.json").read_text())["files"]
    return {f"{name.split('/')[0]}/" if "/" in name else name for name in names}


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets the writer of one file crash."""
    render = Format.render

    def plant(name: str) -> None:
        def crashing(self: Format, run: Any) -> Any:
            if self.file == name:
                raise ZeroDivisionError("by zero")
            return render(self, run)

        monkeypatch.setattr(Format, "render", crashing)

    return plant


def test_all_reports_are_written_and_the_manifest_covers_them(tmp_path: Path) -> None:
    assert write(tmp_path) == ()
    assert listed(tmp_path) == {*FILES, "run.json"}
    assert verify(tmp_path) == ()


@pytest.mark.parametrize("name", FILES)
def test_a_writer_that_crashes_is_said_and_the_others_write(
    name: str, tmp_path: Path, crash: Callable[[str], None]
) -> None:
    crash(name)
    (problem,) = write(tmp_path)
    assert problem.startswith(f"{name} could not be written (ZeroDivisionError: by zero). The verdict stands.")
    assert listed(tmp_path) == {*FILES, "run.json"} - {name}
    assert verify(tmp_path) == ()


@pytest.mark.parametrize("name", FILES)
def test_an_older_report_does_not_outlive_the_crash_of_its_writer(
    name: str, tmp_path: Path, crash: Callable[[str], None]
) -> None:
    write(tmp_path)
    assert (tmp_path / name).exists()
    crash(name)
    write(tmp_path)
    assert not (tmp_path / name).exists()


def test_a_folder_that_cannot_be_written_is_said_once_per_report_and_raises_nothing(tmp_path: Path) -> None:
    run = made_run()
    problems = write_reports(run.result, run.load, run.catalogue, tmp_path / "not there", FILES.values())
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
    first = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    write(tmp_path)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == first
