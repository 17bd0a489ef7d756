"""allure-results/: what Allure renders, in the model of allure-pytest, made of the stored run.

A test per scenario with its sentences as steps. Allure's ``failed`` is a proven violation; what is inconclusive or went
wrong in the harness is ``broken``, in a category of its own each. A scenario's history is found again by its feature
and name, so that reports over several runs show how it went before.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attr
from allure_commons.model2 import Attachment, Label, Link, StatusDetails, TestResult, TestStepResult
from allure_commons.model2 import Status as AllureStatus

from conformance.model import Requirement, Status, Strength
from conformance.model.results import CheckResult, RunResult, ScenarioResult
from conformance.records import EVENTS_FILE, SCENARIO_FILE
from conformance.report.formats.base import Document, JudgedRun
from conformance.report.formats.sentences import Done, Sentence, sentences, trouble, verdict_text
from conformance.report.formats.times import span
from conformance.report.wording import WORDS

_STATUS = {
    Status.PASS: AllureStatus.PASSED,
    Status.FAIL: AllureStatus.FAILED,
    Status.INCONCLUSIVE: AllureStatus.BROKEN,
    Status.ERROR: AllureStatus.BROKEN,
    Status.NOT_APPLICABLE: AllureStatus.SKIPPED,
    Status.NOT_TESTED: AllureStatus.SKIPPED,
}
_DONE = {
    Done.CARRIED_OUT: AllureStatus.PASSED,
    Done.FAILED: AllureStatus.BROKEN,
    Done.NOT_REACHED: AllureStatus.SKIPPED,
    Done.UNKNOWN: AllureStatus.UNKNOWN,
}
CATEGORIES = (
    {"name": "Requirement violated", "matchedStatuses": ["failed"]},
    {"name": "Inconclusive", "matchedStatuses": ["broken"], "messageRegex": r"(?s).*inconclusive: .*"},
    {"name": "Harness or infrastructure failed", "matchedStatuses": ["broken"]},
)
_NAMESPACE = uuid.UUID("6f1d3d1e-6b0f-4b7e-9d3c-5b8a3c0d9f11")


def render(run: JudgedRun) -> Document:
    """The files of allure-results/ by name."""
    files: dict[str, str | bytes] = {}
    for scenario in run.result.scenarios:
        result = _test(run, scenario, files)
        files[f"{result.uuid}-result.json"] = _json(result)
    if not run.result.finished:
        result = _cut_short(run)
        files[f"{result.uuid}-result.json"] = _json(result)
    files.update(about(run.result))
    return Document(files)


def about(result: RunResult) -> dict[str, str]:
    """The files that say which run it was, and how failures are sorted."""
    info = result.info
    facts = {
        "multisite-ha": info.product_version,
        "run": info.run_id,
        "verdict": WORDS[result.verdict].text,
        "profile": info.profile,
        "vnf": info.vnf,
        "scheme": info.scheme,
        "seed": str(info.seed),
        **info.environment,
    }
    return {
        "environment.properties": "".join(f"{_property(name)}={_one_line(v)}\n" for name, v in facts.items()),
        "categories.json": json.dumps(CATEGORIES, indent=1) + "\n",
    }


def labels(
    feature: str,
    requirements: Iterable[str],
    catalogue: Mapping[str, Requirement],
    mandatory: Iterable[str],
) -> tuple[tuple[str, str], ...]:
    """What a scenario is filed under: name and value of each label. Epics are use cases."""
    ids = tuple(requirements)
    known = [catalogue[name] for name in ids if name in catalogue]
    return (
        *(("epic", epic) for epic in dict.fromkeys(r.use_case for r in known)),
        ("feature", feature),
        ("severity", severity(known, set(mandatory))),
        *(("requirement", name) for name in ids),
        *(("tag", name) for name in ids),
    )


def severity(requirements: Iterable[Requirement], mandatory: set[str]) -> str:
    """How bad it is when a scenario fails: by the most binding requirement that it judges."""
    ranks = ["minor"]
    for requirement in requirements:
        if requirement.strength is Strength.SHALL:
            ranks.append("blocker" if requirement.id in mandatory else "critical")
        elif requirement.strength is Strength.SHOULD:
            ranks.append("critical" if requirement.id in mandatory else "normal")
    return min(ranks, key=("blocker", "critical", "normal", "minor").index)


def links(requirements: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
    """Type, address and name of a link for each requirement: its row in report.html, laid beside Allure's page."""
    return tuple(("requirement", f"report.html#{name}", name) for name in requirements)


def _test(run: JudgedRun, scenario: ScenarioResult, files: dict[str, str | bytes]) -> TestResult:
    info = scenario.info
    times = span(run, info.id)
    result = TestResult(
        uuid=_uuid(run, info.id),
        name=info.name,
        fullName=f"{info.feature}: {info.name}",
        historyId=_same("history", info.feature, info.name),
        testCaseId=_same("case", info.feature, info.name),
        titlePath=[info.feature],
        stage="finished",
        **({"start": _ms(times[0]), "stop": _ms(times[1])} if times else {}),
    )
    wrong = trouble(scenario)
    status = scenario.status
    if wrong and status is not Status.FAIL:
        status = Status.ERROR if scenario.finished or not scenario.checks else Status.INCONCLUSIVE
    result.status = _STATUS[status]
    bad = [c for c in scenario.checks if c.verdict.status not in (Status.PASS, Status.NOT_APPLICABLE)]
    said = [*([f"{status}: {wrong}"] if wrong else []), *(_complaint(check) for check in bad)]
    if said:
        result.statusDetails = StatusDetails(message=said[0], trace="\n".join(said))
    filed = labels(info.feature, info.requirements, run.catalogue, run.result.info.mandatory)
    standard = (("parentSuite", run.result.info.profile), ("suite", info.feature), ("framework", "multisite-ha"))
    result.labels = [Label(name, value) for name, value in (*filed, *standard)]
    result.links = [Link(*link) for link in links(info.requirements)]
    result.steps = [
        _step(run, scenario, number, sentence, files) for number, sentence in enumerate(sentences(scenario))
    ]
    for name in (SCENARIO_FILE, EVENTS_FILE):
        path = run.folder / "scenarios" / info.id / name
        if path.is_file():
            kind = "application/json" if name == SCENARIO_FILE else "text/plain"
            result.attachments.append(_attach(run, f"{info.id}/{name}", name, kind, path.read_bytes(), files))
    return result


def _step(
    run: JudgedRun, scenario: ScenarioResult, number: int, sentence: Sentence, files: dict[str, str | bytes]
) -> TestStepResult:
    step = TestStepResult(name=f"{sentence.keyword} {sentence.text}", stage="finished")
    check = sentence.check
    if check is None:
        step.status = _DONE[sentence.done] if sentence.done else AllureStatus.BROKEN
        if sentence.done is Done.FAILED:
            step.statusDetails = StatusDetails(message=scenario.error)
        return step
    step.status = _STATUS[check.verdict.status]
    if check.verdict.status is not Status.PASS:
        step.statusDetails = StatusDetails(message=_complaint(check))
    place = f"{scenario.info.id}/{number}"
    step.attachments.append(
        _attach(run, place, f"verdict of {check.check}", "text/plain", verdict_text(check).encode(), files)
    )
    return step


def _complaint(check: CheckResult) -> str:
    return f"{check.verdict.status}: {check.phrase}. {check.verdict.reason}"


def _attach(
    run: JudgedRun, place: str, name: str, kind: str, content: bytes, files: dict[str, str | bytes]
) -> Attachment:
    source = f"{_uuid(run, place)}-attachment.{'json' if kind == 'application/json' else 'txt'}"
    files[source] = content
    return Attachment(name=name, source=source, type=kind)


def _cut_short(run: JudgedRun) -> TestResult:
    message = " ".join(["inconclusive: The run was cut short.", *run.result.notes])
    return TestResult(
        uuid=_uuid(run, "end"),
        name="The run comes to its end",
        fullName="The run comes to its end",
        historyId=_same("history", "run", "end"),
        status=AllureStatus.BROKEN,
        statusDetails=StatusDetails(message=message),
        stage="finished",
        labels=[Label("parentSuite", run.result.info.profile), Label("suite", "The run"), Label("severity", "blocker")],
    )


def _json(item: TestResult) -> str:
    def wanted(_: Any, value: Any) -> bool:
        return bool(value) or value is False

    return json.dumps(attr.asdict(item, filter=wanted), indent=1) + "\n"


def _uuid(run: JudgedRun, place: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{run.result.info.run_id}/{place}"))


def _same(*words: str) -> str:
    return uuid.uuid5(_NAMESPACE, "\0".join(words)).hex


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _property(name: str) -> str:
    return _one_line(name).replace(" ", "_").replace("=", "_").replace(":", "_")


def _one_line(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").split())
