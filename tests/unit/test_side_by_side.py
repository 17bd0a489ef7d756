"""Scenarios side by side, in real processes but without clouds: who waits for whom, what is written, and who dies."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from replay_rig import multisite_ha_run, multisite_ha_started

from conformance.cli.run import how_many
from conformance.errors import UsageError
from conformance.locking import one_at_a_time
from conformance.waiting import wait_until

# The last can be beside others, and comes first where they are; the other two cannot.
FEATURE = """
@geo-redundancy
Feature: Several
  Background:
    Given two sites, each run by a VIM of its own
    And a stateful VNF serving subscribers at the first site
    And the VNF is protected at the second site
    And clients use the service while every request is recorded

  @MS-GR-05
  Scenario Outline: <site> is lost
    When the first site is lost without warning
    And the VNF fails over to the second site
    Then no acknowledged write is lost

    Examples:
      | site |
      | One  |
      | Two  |

  @MS-GR-14
  Scenario Outline: <fault>
    When <disturbance>
    And the link heals and replication catches up
    And everything is read back at the second site
    Then replication catches up when the link heals, and nothing is lost or doubled

    Examples:
      | fault  | disturbance                                |
      | Cut    | the link is cut                            |
      | Narrow | the link carries no more than 50 kB/s      |
      | Reset  | the link answers everything with a reset   |
"""
NAMES = ["One is lost", "Two is lost", "Cut", "Narrow", "Reset"]


def results(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "run" / "results.json").read_text())  # type: ignore[no-any-return]


def told(run: dict[str, Any]) -> list[Any]:
    """What a report says, apart from when it was."""
    scenarios = [{name: value for name, value in s.items() if name != "duration_s"} for s in run["scenarios"]]
    return [run["verdict"], scenarios, run["requirements"], run["notes"]]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """The same scenarios one after the other and side by side: folders, and what was said meanwhile."""
    made = {}
    for jobs in ("1", "2"):
        folder = tmp_path_factory.mktemp(f"jobs{jobs}-")
        histories = ("good/clean", "bad/lost-writes", "bad/lost-writes", "good/link-cut")
        plans = [{"history": history, "notes": str(folder / "notes")} for history in histories]
        if jobs == "2":
            # Who waits until two have begun would wait for ever if they came one after the other.
            plans[2:] = [{**plan, "awaits": "2"} for plan in plans[2:]]
        options = ["--seed", "5", "--jobs", jobs, "--allure", str(folder / "allure")]
        done = multisite_ha_run(folder, plans, *options, feature=FEATURE)
        assert done.returncode == 1 and "Verdict: fail" in done.stdout, done.stdout + done.stderr
        made[jobs] = folder, done.stderr
    return made


def test_the_report_is_the_same_however_many_go_on_at_once(both: dict[str, tuple[Path, str]]) -> None:
    one, two = (both[jobs][0] for jobs in ("1", "2"))
    assert told(results(one)) == told(results(two))
    assert [s["name"] for s in results(two)["scenarios"]] == NAMES
    assert [s["id"][:2] for s in results(two)["scenarios"]] == ["01", "02", "03", "04", "05"]
    assert (one / "run" / "plan.json").read_text() == (two / "run" / "plan.json").read_text()
    written = [sorted(str(p.relative_to(folder)) for p in (folder / "run").rglob("*")) for folder in (one, two)]
    assert written[0] == written[1]
    shown = [[json.loads(p.read_text()) for p in (f / "allure").glob("*-result.json")] for f in (one, two)]
    statuses = [sorted((r["name"], r["status"], len(r["steps"])) for r in results) for results in shown]
    assert statuses[0] == statuses[1] and len(statuses[0]) == 5


def test_what_can_go_on_at_once_does_and_what_cannot_waits(both: dict[str, tuple[Path, str]]) -> None:
    folder, said = both["2"]
    noted = (folder / "notes").read_text().splitlines()
    assert {line[0] for line in noted[:2]} < {"3", "4", "5"}
    assert sorted([noted[-4:-2], noted[-2:]]) == [["1 begins", "1 ends"], ["2 begins", "2 ends"]]
    assert "up to 2 of them side by side" in said and "[03] Scenario 3: Cut" in said
    order = (both["1"][0] / "notes").read_text().splitlines()
    assert [line[0] for line in order] == sorted(line[0] for line in order)


def test_a_process_that_dies_is_an_error_of_its_scenario_and_of_no_other(tmp_path: Path) -> None:
    plans = [{"history": "good/clean"}, {"history": "good/clean", "dies": "protect"}, {"history": "good/link-cut"}]
    done = multisite_ha_run(tmp_path, plans, "--jobs", "2", feature=FEATURE)
    assert done.returncode == 3, done.stdout + done.stderr
    run = results(tmp_path)
    assert [s["name"] for s in run["scenarios"]] == NAMES
    assert [s["error"] for s in run["scenarios"]] == [None, "The process that carried it out died.", None, None, None]
    assert (run["scenarios"][0]["verdict"], run["scenarios"][1]["verdict"]) == ("pass", "error")
    assert run["verdict"] == "error"
    assert "The process that carried out scenario 2 died: Two is lost." in done.stdout


@pytest.mark.parametrize("terminal", [True, False])
def test_ctrl_c_has_every_process_take_back_what_it_did(tmp_path: Path, terminal: bool) -> None:
    notes, closings = tmp_path / "notes", tmp_path / "closings"
    for_ever = {"history": "good/clean", "notes": str(notes), "awaits": "99", "closings": str(closings)}
    running = multisite_ha_started(tmp_path, [for_ever], "--jobs", "2", feature=FEATURE)
    try:
        wait_until(
            lambda: notes.exists() and len(notes.read_text().splitlines()) == 2, timeout=120, what="two to begin"
        )
        # A terminal's Ctrl-C reaches all processes of the group; `kill` reaches the one that was started.
        (os.killpg if terminal else os.kill)(running.pid, signal.SIGINT)
        said, _ = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode == 3, said
    assert "Traceback" not in said, said
    begun = {line[0] for line in notes.read_text().splitlines()}
    assert {line[0] for line in closings.read_text().splitlines()} == begun
    assert list((tmp_path / "state").rglob("*.jsonl")) == [], "no journal has anything left to undo"
    assert results(tmp_path)["verdict"] == "inconclusive"


@pytest.mark.parametrize("jobs", ["0", "-1", "two", ""])
def test_a_number_of_jobs_is_a_number(jobs: str) -> None:
    with pytest.raises(UsageError, match="--jobs takes a number from 1, or auto"):
        how_many(jobs)


def test_auto_leaves_every_scenario_two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, jobs in ((1, 1), (2, 1), (3, 1), (8, 4)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert how_many("auto") == jobs


def test_who_waits_for_a_place_goes_on_when_it_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    order: list[str] = []

    def wait() -> None:
        with one_at_a_time("subnets"):
            order.append("the other")

    with one_at_a_time("subnets"):
        with one_at_a_time("something else"):
            other = threading.Thread(target=wait)
            other.start()
        other.join(0.1)
        order.append("first")
    other.join()
    assert order == ["first", "the other"]
