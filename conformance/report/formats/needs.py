"""needs.json: requirements, scenarios and verdicts as sphinx-needs reads them, for example with ``needimport``.

A requirement is a need of type ``req``, a scenario one of type ``test`` that links to the requirements it judged. Ids
are the catalogue's own, with dashes: set ``needs_id_regex = "^[A-Za-z0-9_-]+"`` in the documentation that reads them.
"""

from __future__ import annotations

import json
from typing import Any

from conformance.model.results import CheckResult, ScenarioResult
from conformance.report.formats.base import Document, JudgedRun
from conformance.report.formats.sentences import trouble
from conformance.report.matrix import Row, matrix
from conformance.report.wording import WORDS


def render(run: JudgedRun) -> Document:
    """needs.json."""
    return Document(json.dumps(needs(run), indent=1) + "\n")


def needs(run: JudgedRun) -> dict[str, Any]:
    """The document as plain values; its one version is named after the run."""
    info = run.result.info
    found = [_requirement(row) for row in matrix(run.result, run.catalogue)]
    found += [_scenario(scenario) for scenario in run.result.scenarios]
    version = {
        "created": info.started_wall,
        "creator": {"program": "multisite-ha", "version": info.product_version},
        "needs": {need["id"]: need for need in found},
        "needs_amount": len(found),
    }
    return {
        "project": f"multisite-ha {info.profile}",
        "current_version": info.run_id,
        "created": info.started_wall,
        "versions": {info.run_id: version},
    }


def scenario_need_id(scenario_id: str) -> str:
    """The id of a scenario's need: letters, digits and dashes, in capitals."""
    return f"RUN-{scenario_id.upper()}"


def _requirement(row: Row) -> dict[str, Any]:
    known = row.requirement
    tags = [str(known.strength), str(known.origin), str(known.verification)] if known else []
    statement = f"{known.statement}\n\n" if known else ""
    waiver = f" {row.result.waiver}." if row.result.waiver else ""
    tags += [row.demand] if row.demand else []
    tags += ["waived"] if waiver else []
    return {
        "id": row.result.id,
        "type": "req",
        "type_name": "Requirement",
        "title": row.title,
        "content": f"{statement}{_literal(f'{WORDS[row.result.verdict].text}: {row.result.reason}{waiver}')}",
        "status": str(row.result.verdict),
        "tags": [tag.replace(" ", "-") for tag in tags],
        "links": [],
    }


def _scenario(scenario: ScenarioResult) -> dict[str, Any]:
    judged = dict.fromkeys(r for check in scenario.checks for r in check.requirements)
    wrong = trouble(scenario)
    lines = [*([wrong] if wrong else []), *(_line(check) for check in scenario.checks)]
    return {
        "id": scenario_need_id(scenario.info.id),
        "type": "test",
        "type_name": "Test Case",
        "title": scenario.info.name,
        "content": _literal("\n".join(lines)),
        "status": str(scenario.status),
        "tags": [],
        "links": list(judged or scenario.info.requirements),
    }


def _line(check: CheckResult) -> str:
    return f"{WORDS[check.verdict.status].text}: {check.phrase}. {check.verdict.reason}"


def _literal(text: str) -> str:
    """As a literal block: what a record says is never taken for markup."""
    return "::\n\n" + "\n".join(f"   {line}" for line in text.splitlines() or [""]) + "\n"
