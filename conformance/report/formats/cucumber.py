"""cucumber.json: the run in the JSON that Cucumber's reporters read.

Made of our own stored run, so that it is the same however pytest ran: an undefined step is ``undefined`` and a sentence
that was not judged is never ``passed``. Inconclusive and error are ``failed`` with their word first, because readers
show pending and skipped steps as good news. Trouble outside of the sentences is a failed ``after`` hook. Times of
single steps were never measured and are left out; ``line`` counts sentences, since the record keeps no file lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from conformance.model import Status
from conformance.model.results import RunResult, ScenarioResult
from conformance.report.formats.base import Document, JudgedRun
from conformance.report.formats.sentences import Done, Sentence, sentences, trouble, verdict_text

_ACTING = {
    Done.CARRIED_OUT: "passed",
    Done.FAILED: "failed",
    Done.NOT_REACHED: "skipped",
    Done.UNKNOWN: "skipped",
}
_JUDGED = {
    Status.PASS: "passed",
    Status.FAIL: "failed",
    Status.INCONCLUSIVE: "failed",
    Status.ERROR: "failed",
    Status.NOT_APPLICABLE: "skipped",
    Status.NOT_TESTED: "skipped",
}


def render(run: JudgedRun) -> Document:
    """cucumber.json."""
    return Document(json.dumps(features(run.result), indent=1) + "\n")


def features(result: RunResult) -> list[dict[str, Any]]:
    """One object per feature. A run that was cut short has a feature of its own that fails."""
    groups: dict[str, list[ScenarioResult]] = {}
    for scenario in result.scenarios:
        groups.setdefault(scenario.info.feature, []).append(scenario)
    found = [_feature(name, scenarios) for name, scenarios in groups.items()]
    if not result.finished:
        found.append(_cut_short(result))
    return found


def _feature(name: str, scenarios: Iterable[ScenarioResult]) -> dict[str, Any]:
    return {
        "uri": f"{_slug(name)}.feature",
        "id": _slug(name),
        "keyword": "Feature",
        "name": name,
        "description": "",
        "line": 1,
        "tags": [],
        "elements": [_element(name, scenario) for scenario in scenarios],
    }


def _element(feature: str, scenario: ScenarioResult) -> dict[str, Any]:
    info = scenario.info
    element: dict[str, Any] = {
        "id": f"{_slug(feature)};{info.id}",
        "keyword": "Scenario",
        "type": "scenario",
        "name": info.name,
        "description": "",
        "line": 2,
        "tags": [{"name": f"@{tag}", "line": 1} for tag in info.requirements],
        "steps": [_step(line, sentence, scenario) for line, sentence in enumerate(sentences(scenario), start=3)],
    }
    wrong = trouble(scenario)
    if wrong:
        result = {"status": "failed", "error_message": wrong}
        element["after"] = [{"match": {"location": "multisite-ha"}, "result": result}]
    return element


def _step(line: int, sentence: Sentence, scenario: ScenarioResult) -> dict[str, Any]:
    check = sentence.check
    result: dict[str, Any]
    location = "multisite-ha"
    if check is not None:
        known = check.check != "unknown"
        location = f"multisite-ha:{check.check}"
        result = {"status": _JUDGED[check.verdict.status] if known else "undefined"}
        if result["status"] != "passed":
            result["error_message"] = verdict_text(check)
    elif sentence.done is not None:
        result = {"status": _ACTING[sentence.done]}
        if sentence.done is Done.FAILED:
            result["error_message"] = scenario.error
    else:
        result = {"status": "undefined"}
    return {
        "keyword": f"{sentence.keyword} ",
        "name": sentence.text,
        "line": line,
        "match": {"location": location},
        "result": result,
    }


def _cut_short(result: RunResult) -> dict[str, Any]:
    message = " ".join(["The run was cut short.", *result.notes])
    step = {
        "keyword": "* ",
        "name": "the run comes to its end",
        "line": 3,
        "match": {"location": "multisite-ha"},
        "result": {"status": "failed", "error_message": message},
    }
    element = {
        "id": "run;end",
        "keyword": "Scenario",
        "type": "scenario",
        "name": "The run comes to its end",
        "description": "",
        "line": 2,
        "tags": [],
        "steps": [step],
    }
    return {**_feature("The run", ()), "uri": "run.feature", "id": "run", "elements": [element]}


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "feature"
