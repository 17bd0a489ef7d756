"""Runs for foreign readers: one that lost data, one with everything that can go wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from evidence_run import stored_run
from report_run import MadeRun, made_run

from conformance.catalogue import load_catalogue
from conformance.judge import judge_run
from conformance.model import Status, Verdict
from conformance.model.results import CheckResult, RunResult
from conformance.report.formats import JudgedRun
from conformance.store import RunFolder


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> JudgedRun:
    """Three stored scenarios, the last of which lost writes, judged for real."""
    folder = RunFolder(stored_run(tmp_path_factory.mktemp("stored") / "run"))
    return JudgedRun(judge_run(folder), load_catalogue(), folder.load, folder.path)


@pytest.fixture
def made(tmp_path: Path) -> JudgedRun:
    """Scenarios with all their sentences; the second lost writes."""
    return as_judged(made_run(scenarios=3), tmp_path)


@pytest.fixture
def troubled(tmp_path: Path) -> JudgedRun:
    """Seven scenarios: a pass, a violation, doubt, an error, a sentence nobody knows, a failed Given, and a kill."""
    run = made_run(scenarios=7)
    first, lost, doubt, error, unknown, failed, killed = run.result.scenarios
    scenarios = (
        first,
        lost,
        replace(doubt, status=Status.INCONCLUSIVE, checks=_with(doubt.checks, Status.INCONCLUSIVE)),
        replace(error, status=Status.ERROR, error="While healing: the link <stayed> cut & that is that."),
        replace(unknown, status=Status.ERROR, checks=_with(unknown.checks, Status.ERROR, check="unknown")),
        replace(failed, status=Status.ERROR, checks=_with(failed.checks, None), error="No room.", failed_step=1),
        replace(killed, status=Status.INCONCLUSIVE, checks=_with(killed.checks, None), finished=False),
    )
    result: RunResult = replace(run.result, scenarios=scenarios, finished=False, notes=("Never begun: one.",))
    return as_judged(replace(run, result=result), tmp_path)


def as_judged(run: MadeRun, folder: Path) -> JudgedRun:
    (folder / "run.json").write_text("{}")
    return JudgedRun(run.result, run.catalogue, run.load, folder)


def _with(checks: tuple[CheckResult, ...], status: Status | None, check: str = "") -> tuple[CheckResult, ...]:
    """The checks with the first of them changed, or (status None) all of them inconclusive."""
    if status is None:
        verdict = Verdict(Status.INCONCLUSIVE, "There is no record to judge.")
        return tuple(replace(c, verdict=verdict) for c in checks)
    first = replace(checks[0], check=check or checks[0].check, verdict=Verdict(status, "Because <it> is so."))
    return (first, *checks[1:])
