"""`multisite-ha report`: which formats there are, and where they go."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from evidence_run import PASSING, stored_run
from report_run import made_run

from conformance.bundle import pack
from conformance.report import FORMATS, default_formats, write_reports
from conformance.report.formats import JudgedRun, find_format
from conformance.report.formats.base import FormatError


def multisite_ha(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = stored_run(tmp_path_factory.mktemp("runs") / "run", PASSING)
    done = multisite_ha("report", folder, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    written = {Path(line).name for line in done.stdout.splitlines()}
    assert written == {f.file for f in default_formats()} | {"manifest.json"}
    return folder


def test_the_list_tells_every_format_and_when_it_is_written(tmp_path: Path) -> None:
    lines = multisite_ha("report", "--list", cwd=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(FORMATS)
    assert [line.split()[0] for line in lines if "with every run" in line] == [f.name for f in default_formats()]


def test_a_format_on_demand_lies_in_the_run_folder_and_in_its_manifest(run: Path) -> None:
    done = multisite_ha("report", run, "--format", "reqif", "--format", "allure", cwd=run.parent)
    assert done.returncode == 0, done.stderr
    listed = json.loads((run / "manifest.json").read_text())["files"]
    assert "run.reqif" in listed
    assert any(name.startswith("allure-results/") for name in listed)
    assert multisite_ha("verify", run, cwd=run.parent).returncode == 0
    assert multisite_ha("judge", run, cwd=run.parent).returncode == 0, "an added report is no altered record"


def test_a_format_elsewhere_leaves_the_run_as_it_is(run: Path, tmp_path: Path) -> None:
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    done = multisite_ha("report", run, "--format", "rtm-xlsx", "--out", tmp_path / "new" / "matrix.xlsx", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new" / "matrix.xlsx").read_bytes()[:2] == b"PK"
    several = multisite_ha("report", run, "--format", "junit", "--format", "needs", "--out", tmp_path, cwd=tmp_path)
    assert several.stdout.split() == [str(tmp_path / "junit.xml"), str(tmp_path / "needs.json")]
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


def test_a_bundle_is_reported_elsewhere_and_never_changed(run: Path, tmp_path: Path) -> None:
    pack(run, "run-1", tmp_path / "run.tar.gz")
    before = (tmp_path / "run.tar.gz").read_bytes()
    refused = multisite_ha("report", "run.tar.gz", "--format", "junit", cwd=tmp_path)
    assert (refused.returncode, "--out" in refused.stderr) == (64, True)
    done = multisite_ha("report", "run.tar.gz", "--format", "junit", "--out", "j.xml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "j.xml").read_text() == (run / "junit.xml").read_text()
    assert (tmp_path / "run.tar.gz").read_bytes() == before


@pytest.mark.parametrize(
    "command",
    [
        ("report", "RUN", "--format", "rtm", "--out"),
        ("export", "RUN/scenarios/01-clean", "--format", "edn", "--out"),
        ("trend", "RUNS", "--out"),
        ("bundle", "RUN", "--out"),
    ],
)
@pytest.mark.parametrize("place", ["run.json", "scenarios/01-clean/history.jsonl", "manifest.json", "new.csv"])
def test_nothing_is_written_among_what_a_run_recorded(run: Path, command: tuple[str, ...], place: str) -> None:
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    words = [w.replace("RUNS", str(run.parent)).replace("RUN", str(run)) for w in command]
    done = multisite_ha(*words, run / place, cwd=run.parent)
    assert done.returncode == 64, done.stdout
    assert "--out" in done.stderr
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


def test_a_bundle_does_not_take_the_place_of_the_key_it_is_signed_with(run: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    private = Ed25519PrivateKey.generate()
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    before = key.read_bytes()
    done = multisite_ha("bundle", run, "--sign", key, "--out", "key.pem", cwd=tmp_path)
    assert (done.returncode, "take the place of the key" in done.stderr) == (64, True)
    assert key.read_bytes() == before


@pytest.mark.parametrize(
    "words", [("report", "RUN", "--format", "results", "--out", "r.json"), ("diff", "RUN", "RUN"),
              ("export", "RUN", "--format", "edn", "--out", "edn")]
)  # fmt: skip
def test_an_altered_record_is_nowhere_taken_for_what_the_run_wrote(
    run: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    altered = tmp_path / "altered"
    shutil.copytree(run, altered)
    file = altered / "scenarios" / "01-clean" / "scenario.json"
    text = file.read_text()
    file.write_text(text.replace('"rto_s": ', '"rto_s": 1'))
    assert file.read_text() != text
    done = multisite_ha(*(str(altered) if w == "RUN" else w for w in words), cwd=tmp_path)
    assert (done.returncode, "scenario.json has changed" in done.stderr) == (3, True), done.stdout + done.stderr


def test_forged_results_are_compared_with_nothing(run: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged"
    shutil.copytree(run, forged)
    results = forged / "results.json"
    results.write_text(results.read_text().replace('"pass"', '"fail"'))
    done = multisite_ha("diff", run, forged, cwd=tmp_path)
    assert (done.returncode, "results.json has changed" in done.stderr) == (3, True), done.stdout + done.stderr


def test_a_mistyped_format_is_answered_by_the_nearest_one(run: Path, tmp_path: Path) -> None:
    done = multisite_ha("report", run, "--format", "junti", cwd=tmp_path)
    assert (done.returncode, "Did you mean 'junit'?" in done.stderr) == (64, True)


def test_a_package_that_is_missing_is_a_sentence_and_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    made = made_run()
    with pytest.raises(FormatError, match=r"install multisite-ha\[reports\]"):
        find_format("rtm-xlsx").render(JudgedRun(made.result, made.catalogue, made.load, tmp_path))
    wanted = [find_format("rtm-xlsx"), find_format("junit")]
    (problem,) = write_reports(made.result, made.load, made.catalogue, tmp_path, wanted)
    assert "rtm.xlsx could not be written" in problem
    assert (tmp_path / "junit.xml").exists()


def test_allure_results_of_two_runs_are_not_mixed(tmp_path: Path) -> None:
    (tmp_path / "allure").mkdir()
    (tmp_path / "allure" / "mine.txt").write_text("x")
    done = multisite_ha("run", "--allure", "allure", "--dry-run", cwd=tmp_path)
    assert (done.returncode, "not an empty folder" in done.stderr) == (64, True)
    assert (tmp_path / "allure" / "mine.txt").exists()
