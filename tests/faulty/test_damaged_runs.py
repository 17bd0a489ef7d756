"""`multisite-ha judge` on a run folder whose files were damaged: a sentence that names the file, or a verdict of error.
Never a traceback, never a pass."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

import conformance.cli
from conformance.model.results import RunInfo
from conformance.resources import fixtures_dir
from conformance.store import End, Plan, PlannedScenario, RunFolder

GOOD = fixtures_dir() / "histories" / "good" / "registers-one-copy"
SCENARIO = "scenarios/01-registers"
RUBBISH = (b"", b"\xff\xfe", b"\0", b"[" * 100_000, b"[" * 900 + b"]" * 900, b"null", b'{"id": ' + b"9" * 6000 + b"}")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run of one scenario that passed."""
    info = RunInfo(
        run_id="run-1", product_version="0", profile="smoke", seed=1, vnf="subscriber-db-sync", scheme="reference",
        started_wall="2026-01-01T00:00:00+00:00", started=0, mandatory=("MS-GR-03", "MS-GR-13"),
    )  # fmt: skip
    folder = RunFolder.create(tmp_path / "run", info)
    shutil.copytree(GOOD, tmp_path / "run" / SCENARIO)
    name = json.loads((GOOD / "scenario.json").read_text())["name"]
    folder.write_plan(Plan((PlannedScenario(name, ("MS-GR-03", "MS-GR-13")),), 1))
    folder.write_end(End(False, ()))
    return tmp_path / "run"


def judge(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["multisite-ha", "judge", str(run)])
    with pytest.raises(SystemExit) as ended:
        conformance.cli.main()
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err and "Internal error" not in said.err, said.err
    return int(str(ended.value.code)), said.out, said.err


def test_the_run_itself_passes(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(run, monkeypatch, capsys)[0] == 0


@pytest.mark.parametrize("content", RUBBISH, ids=lambda content: repr(content[:8]))
@pytest.mark.parametrize(
    "name", ["run.json", "plan.json", "end.json", f"{SCENARIO}/scenario.json", f"{SCENARIO}/outcome.json"]
)
def test_a_damaged_document_is_one_sentence_that_names_it(
    run: Path, name: str, content: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / name).write_bytes(content)
    code, _, said = judge(run, monkeypatch, capsys)
    assert code in (3, 64) and said.startswith("multisite-ha: ")
    assert Path(name).name in said and said.count("\n") == 1 and len(said) < 600


@pytest.mark.parametrize("name", ["history.jsonl", "events.jsonl", "holders.jsonl", "probes.jsonl", "probes/api.jsonl"])
def test_a_damaged_line_makes_the_run_an_error(
    run: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run / SCENARIO / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes((file.read_bytes() if file.exists() else b"") + b"\xff{\n")
    code, said, _ = judge(run, monkeypatch, capsys)
    assert code == 3 and f"{file.name} line" in " ".join(said.split())


@pytest.mark.parametrize(
    "name", ["run.json", *(f"{SCENARIO}/{n}" for n in ("scenario.json", "history.jsonl", "events.jsonl"))]
)
def test_a_folder_in_a_files_place_is_one_sentence(
    run: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / name).unlink()
    (run / name).mkdir()
    code, _, said = judge(run, monkeypatch, capsys)
    assert code in (3, 64) and Path(name).name in said and said.count("\n") == 1
