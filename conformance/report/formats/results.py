"""results.json: the run's verdicts for machines. Its fields are described in docs/results-schema.md."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from conformance.model import Requirement, Verdict
from conformance.model.results import CheckResult, RunResult, ScenarioResult
from conformance.model.verdict import FigureValue
from conformance.report.formats.base import Document, JudgedRun
from conformance.report.matrix import Row, matrix

SCHEMA_VERSION = "1.1"
SCHEMA_FILE = Path(__file__).with_name("results.schema.json")


def render(run: JudgedRun) -> Document:
    """results.json."""
    return Document(render_results(run.result, run.catalogue))


def render_results(result: RunResult, catalogue: Mapping[str, Requirement]) -> str:
    """The text of results.json: standard JSON (no NaN, no Infinity), keys in the documented order."""
    return json.dumps(results(result, catalogue), indent=1, allow_nan=False) + "\n"


def results(result: RunResult, catalogue: Mapping[str, Requirement]) -> dict[str, Any]:
    """The document as plain values. Every requirement of the catalogue is in it, the untested ones as such."""
    info = result.info
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": info.run_id,
        "product_version": info.product_version,
        "profile": info.profile,
        "profile_version": info.profile_version,
        "seed": info.seed,
        "vnf": info.vnf,
        "scheme": info.scheme,
        "started": info.started_wall,
        "finished": result.finished,
        "notes": list(result.notes),
        "faults_enabled": info.faults_enabled,
        "command_line": list(info.command_line),
        "environment": dict(info.environment),
        "sites": [asdict(site) for site in info.sites],
        "verdict": str(result.verdict),
        "exit_code": result.exit_code,
        "but_for_waivers": None if result.but_for_waivers is None else str(result.but_for_waivers),
        "waivers": [asdict(waiver) for waiver in info.waivers],
        "requirements": [_requirement(row) for row in matrix(result, catalogue)],
        "scenarios": [_scenario(scenario) for scenario in result.scenarios],
    }


def _requirement(row: Row) -> dict[str, Any]:
    known = row.requirement
    return {
        "id": row.result.id,
        "verdict": str(row.result.verdict),
        "reason": row.result.reason,
        "figures": figures(row.result.figures),
        "demand": row.demand,
        "waiver": None if row.result.waiver is None else asdict(row.result.waiver),
        "title": known.title if known else None,
        "use_case": known.use_case if known else None,
        "strength": str(known.strength) if known else None,
        "origin": str(known.origin) if known else None,
        "scenarios": list(row.result.scenarios),
    }


def _scenario(scenario: ScenarioResult) -> dict[str, Any]:
    info = scenario.info
    return {
        "id": info.id,
        "name": info.name,
        "feature": info.feature,
        "requirements": list(info.requirements),
        "verdict": str(scenario.status),
        "error": scenario.error,
        "finished": scenario.finished,
        "duration_s": _plain(scenario.duration_s),
        "first_site": info.first_site,
        "second_site": info.second_site,
        "thresholds": {name: _limit(value) for name, value in asdict(info.thresholds).items()},
        "faults_planned": list(info.faults_planned),
        "checks": [_check(check) for check in scenario.checks],
    }


def _check(check: CheckResult) -> dict[str, Any]:
    verdict: Verdict = check.verdict
    return {
        "check": check.check,
        "phrase": check.phrase,
        "requirements": list(check.requirements),
        "verdict": str(verdict.status),
        "reason": verdict.reason,
        "figures": figures(verdict.figures),
        "evidence": [asdict(item) for item in verdict.evidence],
    }


def figures(measured: Mapping[str, FigureValue]) -> dict[str, FigureValue]:
    """Figures as JSON can hold them."""
    return {name: _plain(value) for name, value in measured.items()}


def _limit(value: Any) -> Any:
    return figures(value) if isinstance(value, Mapping) else _plain(value)


def _plain(value: FigureValue) -> FigureValue:
    # JSON has no words for these, and null would say "not measured", which is something else.
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "infinity" if value > 0 else "-infinity"
    return value
