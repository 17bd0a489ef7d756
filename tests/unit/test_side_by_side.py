"""Scenarios side by side, in real processes but without clouds: who waits for whom, what is written, and who dies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from replay_rig import multisite_ha_run

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


def test_the_report_is_the_same_however_many_go_on_at_once(tmp_path: Path) -> None:
    plans = [
        {"history": "good/clean"},
        {"history": "bad/lost-writes"},
        {"fails": "protect", "saying": "No room."},
        {"history": "good/link-cut"},
    ]
    runs = {}
    for jobs in ("1", "2"):
        folder = tmp_path / jobs
        folder.mkdir()
        done = multisite_ha_run(folder, plans, "-q", "--seed", "5", "--jobs", jobs, feature=FEATURE)
        assert done.returncode == 1, done.stdout + done.stderr
        runs[jobs] = results(folder)
    assert told(runs["1"]) == told(runs["2"])
    assert [s["name"] for s in runs["2"]["scenarios"]] == NAMES
    assert [s["id"][:2] for s in runs["2"]["scenarios"]] == ["01", "02", "03", "04", "05"]
    assert (tmp_path / "1" / "run" / "plan.json").read_text() == (tmp_path / "2" / "run" / "plan.json").read_text()
    written = [sorted(str(p.relative_to(tmp_path / n)) for p in (tmp_path / n / "run").rglob("*")) for n in "12"]
    assert written[0] == written[1]


def test_what_can_go_on_at_once_does_and_what_cannot_waits(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    alone = {"history": "good/clean", "notes": str(notes)}
    # One that waits until two have begun would wait for ever if they came one after the other.
    beside = {**alone, "awaits": "2"}
    done = multisite_ha_run(tmp_path, [alone, alone, beside], "--jobs", "2", feature=FEATURE)
    assert done.returncode != 3, done.stdout + done.stderr
    said = notes.read_text().splitlines()
    assert {line[0] for line in said[:2]} < {"3", "4", "5"}
    last = [[f"{n} begins", f"{n} ends"] for n in (said[-4][0], said[-2][0])]
    assert said[-4:] == last[0] + last[1], said
    assert {said[-4][0], said[-2][0]} == {"1", "2"}
    assert "[03]" in done.stderr and "up to 2 of them side by side" in done.stderr


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


def test_a_number_of_jobs_is_a_number(tmp_path: Path) -> None:
    for jobs in ("0", "-1", "two"):
        folder = tmp_path / jobs
        folder.mkdir()
        done = multisite_ha_run(folder, [{}], "--jobs", jobs)
        assert done.returncode == 64 and "--jobs takes a number from 1, or auto" in done.stderr
        assert not (folder / "run").exists()
