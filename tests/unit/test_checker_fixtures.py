"""The scenario folders under fixtures/histories are judged as their expected.json says, from the files alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.checkers.registry import CHECKS, judge
from conformance.model import Status
from conformance.records import load_scenario
from conformance.resources import fixtures_dir

HISTORIES = fixtures_dir() / "histories"
FOLDERS = sorted(path.parent for path in HISTORIES.glob("*/*/expected.json"))


def expected(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_a_stored_scenario_is_judged_as_expected(folder: Path) -> None:
    record = load_scenario(folder)
    verdicts = expected(folder)["verdicts"]
    assert set(verdicts) == {check.name for check in CHECKS.values() if check.phrase in record.info.then}
    for name, wanted in verdicts.items():
        verdict = judge(name, record)
        assert verdict.status == wanted["status"], (name, verdict.reason)
        assert wanted.get("reason", "") in verdict.reason, name


def test_good_folders_pass_every_check_and_bad_ones_do_not() -> None:
    for folder in FOLDERS:
        statuses = {wanted["status"] for wanted in expected(folder)["verdicts"].values()}
        assert (statuses == {"pass"}) == (folder.parent.name == "good"), folder


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_has_a_stored_scenario_that_it_fails_and_one_that_it_passes(name: str) -> None:
    verdicts = [expected(folder)["verdicts"] for folder in FOLDERS]
    seen = {wanted[name]["status"] for wanted in verdicts if name in wanted}
    assert {Status.PASS, Status.FAIL, Status.INCONCLUSIVE, Status.ERROR} <= seen


def test_the_then_sentences_of_stored_scenarios_are_in_the_registry() -> None:
    sentences = {check.phrase for check in CHECKS.values()}
    for folder in FOLDERS:
        assert set(load_scenario(folder).info.then) <= sentences
