"""The product's main job, from the command line to the exit code, on two real clouds."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from empty_labs import empty_lab
from junitparser import JUnitXml

from conformance.faults.journal import leftovers
from conformance.lab import Lab

pytestmark = pytest.mark.lab

JUDGED = ["MS-GR-01", "MS-GR-02", "MS-GR-03", "MS-GR-05", "MS-GR-06", "MS-GR-07"]


def resources(lab: Lab) -> list[str]:
    """Names of everything a run made that is still there, as who is inside the lab sees it."""
    command = lab.command([sys.executable, str(Path(__file__).with_name("left_over.py")), str(lab.sites_yaml)])
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    names: list[str] = json.loads(done.stdout)
    return names


EARLIER = {left.run_id for left in leftovers()}  # in labs of others, who have to undo it themselves


def undone() -> list[str]:
    """What runs of these tests have left to be undone."""
    return [f"{left.run_id}: {left.undo}" for left in leftovers() if left.run_id not in EARLIER]


def judge_again(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conformance", "judge", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_synchronous_vnf_passes_everything_and_leaves_nothing(start: Callable, lab: Lab) -> None:
    done = start().finish()
    assert done.exit_code == 0, done.stderr + done.stdout
    assert done.verdicts == dict.fromkeys(JUDGED, "pass")
    assert len(done.results["scenarios"]) == 3
    assert done.stdout.splitlines()[-1] == f"Run folder: {done.folder}"
    assert "<html" in (done.folder / "report.html").read_text()
    assert JUnitXml.fromfile(str(done.folder / "junit.xml")).failures == 0
    assert resources(lab) == []
    assert undone() == []
    again = judge_again(done.folder)
    assert again.returncode == 0, again.stdout
    assert json.loads((done.folder / "results.json").read_text())["verdict"] == "pass"


def test_the_asynchronous_vnf_fails_on_lost_data_and_on_nothing_else(start: Callable) -> None:
    done = start("stalled", "--vnf", "subscriber-db-async").finish()
    assert done.exit_code == 1, done.stderr + done.stdout
    assert done.verdicts == {**dict.fromkeys(JUDGED, "pass"), "MS-GR-05": "fail"}
    figures = {r["id"]: r["figures"] for r in done.results["requirements"]}["MS-GR-05"]
    assert figures["rpo_operations"] > 0
    assert figures["rpo_s"] > 0
    history = next(done.folder.glob("scenarios/*/history.jsonl")).read_text()
    lost = [e for s in done.results["scenarios"] for c in s["checks"] for e in c["evidence"] if c["verdict"] == "fail"]
    assert lost
    assert f'"i": {lost[0]["ref"]},' in history or f'"i":{lost[0]["ref"]},' in history


def test_without_faults_nothing_passes(start: Callable) -> None:
    done = start("stalled", "--no-faults").finish()
    assert done.exit_code == 2, done.stderr + done.stdout
    assert set(done.verdicts.values()) == {"inconclusive"}


def test_two_scenarios_side_by_side_pass_as_they_would_alone_and_leave_nothing(start: Callable, lab: Lab) -> None:
    feature = Path(__file__).parents[2] / "features" / "geo_redundancy" / "link_faults.feature"
    done = start(str(feature), "link is cut in", "--jobs", "2").finish()
    assert done.verdicts == {"MS-GR-14": "pass"}, done.stderr + done.stdout
    spans = []
    for scenario in done.results["scenarios"]:
        lines = (done.folder / "scenarios" / scenario["id"] / "events.jsonl").read_text().splitlines()
        spans.append((json.loads(lines[0])["t"], json.loads(lines[-1])["t"]))
    (began, ended), (other_began, other_ended) = spans
    assert max(began, other_began) < min(ended, other_ended), "one came after the other"
    assert resources(lab) == []
    assert undone() == []


def test_a_killed_run_is_judged_honestly_and_healed_by_the_next(start: Callable, lab: Lab) -> None:
    killed = start("clean")
    killed.wait_for("failing over")
    family = killed.family()
    killed.signal(signal.SIGKILL)
    killed.finish()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == [], "the clients and the link proxy end with the run that started them"

    again = judge_again(killed.folder)
    assert again.returncode == 2, again.stdout + again.stderr
    verdicts = json.loads((killed.folder / "results.json").read_text())
    assert "pass" not in {r["verdict"] for r in verdicts["requirements"]}
    assert "cut short" in again.stdout

    healed = start("clean").finish()
    assert "Healing what run" in healed.stderr
    assert healed.exit_code == 0, healed.stderr + healed.stdout
    assert resources(lab) == []
    assert undone() == []


@pytest.mark.parametrize("moment", ["deploying", "clients use", "failing over"])
def test_ctrl_c_cleans_up(start: Callable, lab: Lab, moment: str) -> None:
    running = start("clean")
    running.wait_for(moment)
    family = running.family()
    running.signal(signal.SIGINT)
    done = running.finish()
    assert done.exit_code == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert psutil.wait_procs(family, timeout=1)[1] == []
    assert resources(lab) == []
    assert undone() == []
    assert lab.is_up()
    assert "pass" not in {r["verdict"] for r in done.results["requirements"]}


def test_a_run_takes_a_lab_of_its_own_down_and_leaves_nothing_to_undo(start: Callable) -> None:
    with empty_lab("run-tests-own") as own:
        done = start("clean", lab=own.name).finish()
        assert done.exit_code == 0, done.stderr + done.stdout
        assert not own.exists()
        assert undone() == []


def test_pytest_features_does_the_same(lab: Lab, tmp_path: Path) -> None:
    features = Path(__file__).parents[2] / "features"
    out = tmp_path / "run"
    command = [sys.executable, "-m", "pytest", str(features), "-k", "clean", "--ms-lab", lab.name, "--ms-out", str(out)]
    done = subprocess.run(command, cwd=features.parent, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Run folder: {out}" in done.stdout
    assert json.loads((out / "results.json").read_text())["verdict"] == "pass"
