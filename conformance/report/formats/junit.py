"""junit.xml: one test case per scenario and check, for CI servers.

A violation is a ``failure``. Doubt and trouble are an ``error`` (type ``inconclusive`` or ``error``), because CI
servers show a skipped test as good news. What does not apply is ``skipped``. Requirement ids stand in the properties.
A waiver changes none of that; it is named in the message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from conformance.model import Status, Waiver
from conformance.model.results import CheckResult, RunResult, ScenarioResult
from conformance.report.formats.base import Document, JudgedRun
from conformance.report.formats.xml import clean
from conformance.report.wording import figure

_TAGS = {
    Status.FAIL: "failure",
    Status.ERROR: "error",
    Status.INCONCLUSIVE: "error",
    Status.NOT_APPLICABLE: "skipped",
    Status.NOT_TESTED: "skipped",
}


@dataclass(frozen=True)
class _Case:
    """One test case; ``kind`` becomes the type attribute of what went wrong."""

    name: str
    feature: str
    status: Status
    kind: str
    message: str
    body: str
    properties: tuple[tuple[str, str], ...]


def render(run: JudgedRun) -> Document:
    """junit.xml."""
    return Document(render_junit(run.result))


def render_junit(result: RunResult) -> str:
    """The text of junit.xml. A suite per feature; the run's data are properties of each suite."""
    root = ET.Element("testsuites", name=clean(f"multisite-ha {result.info.profile}"))
    suites: list[ET.Element] = []
    waived = {r.id: r.waiver for r in result.requirements if r.waiver is not None}
    for feature, scenarios in _by_feature(result.scenarios).items():
        cases = [case for scenario in scenarios for case in _cases(scenario, waived)]
        time = sum(s.duration_s for s in scenarios if s.duration_s is not None)
        suites.append(_suite(root, feature, cases, time, result))
    if not result.finished:
        suites.append(_suite(root, "run", [_unfinished_run()], 0.0, result))
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    ET.indent(root)
    return "<?xml version='1.0' encoding='utf-8'?>\n" + ET.tostring(root, encoding="unicode") + "\n"


def _by_feature(scenarios: Iterable[ScenarioResult]) -> dict[str, list[ScenarioResult]]:
    groups: dict[str, list[ScenarioResult]] = {}
    for scenario in scenarios:
        groups.setdefault(scenario.info.feature, []).append(scenario)
    return groups


def _cases(scenario: ScenarioResult, waived: Mapping[str, Waiver]) -> list[_Case]:
    cases = [_check_case(scenario, check, waived) for check in scenario.checks]
    if scenario.error:
        kind = "error" if scenario.finished else "unfinished"
        cases.append(_scenario_case(scenario, "runs to its end", Status.ERROR, kind, scenario.error))
    elif not scenario.finished:
        cases.append(
            _scenario_case(scenario, "runs to its end", Status.ERROR, "unfinished", "The scenario was cut short.")
        )
    elif not scenario.checks:
        # A scenario that judged nothing must not turn into a green test, whatever its own status says.
        cases.append(_scenario_case(scenario, "is judged", Status.ERROR, "no-check", "No check judged this scenario."))
    return cases


def _check_case(scenario: ScenarioResult, check: CheckResult, waived: Mapping[str, Waiver]) -> _Case:
    verdict = check.verdict
    waivers = [f"{name} is {waived[name]}." for name in check.requirements if name in waived]
    figures = [": ".join(figure(name, value)) for name, value in verdict.figures.items()]
    evidence = [f"{item.kind} {item.ref}: {item.text}" for item in verdict.evidence]
    return _Case(
        name=f"{check.phrase} [{scenario.info.name}]",
        feature=scenario.info.feature,
        status=verdict.status,
        kind=str(verdict.status) if verdict.status is not Status.FAIL else check.check,
        message=" ".join([verdict.reason, *waivers]),
        body="\n".join([verdict.reason, *waivers, *figures, *evidence]),
        properties=(
            *(("requirement", name) for name in check.requirements),
            *(("waiver", text) for text in waivers),
            ("check", check.check),
            ("scenario", scenario.info.id),
            ("verdict", str(verdict.status)),
        ),
    )


def _scenario_case(scenario: ScenarioResult, name: str, status: Status, kind: str, message: str) -> _Case:
    return _Case(
        name=f"{name} [{scenario.info.name}]",
        feature=scenario.info.feature,
        status=status,
        kind=kind,
        message=message,
        body=message,
        properties=(
            *(("requirement", name) for name in scenario.info.requirements),
            ("scenario", scenario.info.id),
            ("verdict", str(status)),
        ),
    )


def _unfinished_run() -> _Case:
    message = "The run was cut short; scenarios that never began are not in this file."
    return _Case("the run comes to its end", "run", Status.ERROR, "unfinished", message, message, ())


def _suite(root: ET.Element, name: str, cases: list[_Case], time: float, result: RunResult) -> ET.Element:
    tags = [_TAGS.get(case.status) for case in cases]
    info = result.info
    suite = ET.SubElement(
        root,
        "testsuite",
        name=clean(name),
        tests=str(len(cases)),
        failures=str(tags.count("failure")),
        errors=str(tags.count("error")),
        skipped=str(tags.count("skipped")),
        time=f"{time:.3f}",
        timestamp=clean(info.started_wall),
    )
    _properties(
        suite,
        (
            ("run_id", info.run_id),
            ("product_version", info.product_version),
            ("profile", info.profile),
            ("profile_version", str(info.profile_version or "unknown")),
            ("seed", str(info.seed)),
            ("vnf", info.vnf),
            ("scheme", info.scheme),
            ("verdict", str(result.verdict)),
            *(("site", site.name) for site in info.sites),
            *((f"environment.{key}", value) for key, value in info.environment.items()),
        ),
    )
    for case in cases:
        _case(suite, case)
    return suite


def _case(suite: ET.Element, case: _Case) -> None:
    element = ET.SubElement(suite, "testcase", classname=clean(case.feature), name=clean(case.name))
    _properties(element, case.properties)
    tag = _TAGS.get(case.status)
    if tag is None:
        return
    outcome = ET.SubElement(element, tag, type=clean(case.kind), message=clean(case.message))
    outcome.text = clean(case.body)


def _properties(parent: ET.Element, pairs: Iterable[tuple[str, str]]) -> None:
    element = ET.SubElement(parent, "properties")
    for name, value in pairs:
        ET.SubElement(element, "property", name=clean(name), value=clean(value))
