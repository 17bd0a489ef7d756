"""oscal.json: assessment results in OSCAL, NIST's language for controls, for tools of governance and audit.

A requirement is a control. A finding is ``satisfied`` for a pass alone; its property ``verdict`` holds our own word.
Each check is an observation with its figures, and the folder of its record as evidence.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from conformance.model import Status
from conformance.model.results import CheckResult, RequirementResult, ScenarioResult
from conformance.report.formats.base import Document, JudgedRun
from conformance.report.formats.times import run_span, span
from conformance.report.wording import figure

OSCAL_VERSION = "1.1.3"
_OURS = "urn:multisite-ha"
_NAMESPACE = uuid.UUID("a3c2a1f4-8d0e-4c58-9d55-0a5a3f6f7a10")


def render(run: JudgedRun) -> Document:
    """oscal.json."""
    return Document(json.dumps(assessment_results(run), indent=1) + "\n")


def assessment_results(run: JudgedRun) -> dict[str, Any]:
    """The document as plain values; the same for the same run, whenever it is made."""
    info = run.result.info
    begin, end = run_span(run)
    judged = [r for r in run.result.requirements if r.verdict is not Status.NOT_TESTED]
    observations = {(s.info.id, n): (s, c) for s in run.result.scenarios for n, c in enumerate(s.checks)}
    result: dict[str, Any] = {
        "uuid": _uuid(run, "result"),
        "title": f"Run {info.run_id}: {run.result.verdict}",
        "description": _prose(" ".join(run.result.notes) or f"Profile {info.profile}, VNF {info.vnf}."),
        "start": begin.isoformat(),
        "end": end.isoformat(),
        "props": [_prop("verdict", str(run.result.verdict)), _prop("seed", str(info.seed))],
        "reviewed-controls": {"control-selections": [_selection(judged)]},
    }
    if observations:
        result["observations"] = [
            _observation(run, place, scenario, check) for place, (scenario, check) in observations.items()
        ]
    if judged:
        result["findings"] = [
            _finding(run, r, [place for place, (_, check) in observations.items() if r.id in check.requirements])
            for r in judged
        ]
    return {
        "assessment-results": {
            "uuid": _uuid(run, "assessment"),
            "metadata": {
                "title": f"Multisite high availability, profile {info.profile}",
                "last-modified": end.isoformat(),
                "version": info.product_version,
                "oscal-version": OSCAL_VERSION,
            },
            "import-ap": {"href": "plan.json", "remarks": "What the run set out to do; not in OSCAL."},
            "results": [result],
        }
    }


def _selection(judged: list[RequirementResult]) -> dict[str, Any]:
    if not judged:
        return {"description": "Nothing was judged."}
    return {"include-controls": [{"control-id": requirement.id} for requirement in judged]}


def _observation(
    run: JudgedRun, place: tuple[str, int], scenario: ScenarioResult, check: CheckResult
) -> dict[str, Any]:
    times = span(run, scenario.info.id) or run_span(run)
    figures = [_prop(_token(name), figure(name, value)[1]) for name, value in check.verdict.figures.items()]
    evidence = f"{len(check.verdict.evidence)} things named by check {check.check}"
    return {
        "uuid": _observation_uuid(run, place),
        "title": _line(f"{check.phrase} ({scenario.info.name})"),
        "description": _prose(check.verdict.reason),
        "methods": ["TEST"],
        "collected": times[1].isoformat(),
        "props": [_prop("verdict", str(check.verdict.status)), *figures],
        "relevant-evidence": [{"href": f"scenarios/{scenario.info.id}", "description": evidence}],
    }


def _finding(run: JudgedRun, requirement: RequirementResult, places: list[tuple[str, int]]) -> dict[str, Any]:
    known = run.catalogue.get(requirement.id)
    passed = requirement.verdict is Status.PASS
    state = {"state": "satisfied" if passed else "not-satisfied", "reason": _reason(requirement.verdict)}
    found: dict[str, Any] = {
        "uuid": _uuid(run, f"finding/{requirement.id}"),
        "title": _line(f"{requirement.id} {known.title if known else ''}"),
        "description": _prose(requirement.reason),
        "props": [
            _prop("verdict", str(requirement.verdict)),
            *([] if requirement.waiver is None else [_prop("waiver", str(requirement.waiver))]),
        ],
        "target": {"type": "objective-id", "target-id": requirement.id, "status": state},
    }
    if places:
        found["related-observations"] = [{"observation-uuid": _observation_uuid(run, place)} for place in places]
    return found


def _reason(verdict: Status) -> str:
    return {Status.PASS: "pass", Status.FAIL: "fail"}.get(verdict, "other")


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": _OURS, "value": _line(value)}


def _observation_uuid(run: JudgedRun, place: tuple[str, int]) -> str:
    return _uuid(run, f"observation/{place[0]}/{place[1]}")


def _uuid(run: JudgedRun, place: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{run.result.info.run_id}/{place}"))


def _token(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", name if name[:1].isalpha() else f"figure-{name}")


def _line(text: str) -> str:
    return " ".join(text.split()) or "-"


def _prose(text: str) -> str:
    return text.strip() or "-"
