"""junit.xml, read by junitparser, which is not ours."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import junitparser
import pytest
from report_run import CHECKS, MadeRun, made_run

from conformance.model import Status
from conformance.report.formats.junit import render_junit


def read(run: MadeRun) -> junitparser.JUnitXml:
    return junitparser.JUnitXml.fromstring(render_junit(run.result).encode())


def cases(run: MadeRun) -> list[junitparser.TestCase]:
    return [case for suite in read(run) for case in suite]


def with_first_check(run: MadeRun, status: Status, reason: str = "Because.") -> MadeRun:
    scenario = run.result.scenarios[0]
    first = scenario.checks[0]
    changed = replace(first, verdict=replace(first.verdict, status=status, reason=reason))
    scenario = replace(scenario, checks=(changed, *scenario.checks[1:]))
    return replace(run, result=replace(run.result, scenarios=(scenario, *run.result.scenarios[1:])))


def with_first_scenario(run: MadeRun, **changes: object) -> MadeRun:
    first, *rest = run.result.scenarios
    return replace(run, result=replace(run.result, scenarios=(replace(first, **changes), *rest)))


def properties(element: junitparser.TestCase | junitparser.TestSuite) -> list[tuple[str, str]]:
    return [(p.name, p.value) for p in element.child(junitparser.Properties)]


def test_there_is_one_case_per_scenario_and_check() -> None:
    run = made_run(scenarios=3)
    found = cases(run)
    assert len(found) == 3 * len(CHECKS)
    assert found[1].name == (
        "the service is back at the second site within the recovery time objective "
        "[The first site is lost while the link is clean]"
    )
    assert found[1].classname == "The VNF survives the sudden loss of a whole site"


def test_a_violation_is_a_failure_with_its_evidence_and_requirement() -> None:
    failed = [case for case in cases(made_run()) if not case.is_passed]
    assert len(failed) == 1
    (outcome,) = failed[0].result
    assert isinstance(outcome, junitparser.Failure)
    assert outcome.message.startswith("37 of ")
    assert "lost write" in (outcome.text or "")
    assert ("requirement", "MS-GR-05") in properties(failed[0])
    assert ("verdict", "fail") in properties(failed[0])


@pytest.mark.parametrize(
    ("status", "kind", "type_"),
    [
        (Status.INCONCLUSIVE, junitparser.Error, "inconclusive"),
        (Status.ERROR, junitparser.Error, "error"),
        (Status.NOT_APPLICABLE, junitparser.Skipped, "not_applicable"),
        (Status.NOT_TESTED, junitparser.Skipped, "not_tested"),
    ],
)
def test_doubt_and_trouble_are_errors_and_only_what_does_not_apply_is_skipped(
    status: Status, kind: type, type_: str
) -> None:
    (outcome,) = cases(with_first_check(made_run(), status))[0].result
    assert isinstance(outcome, kind)
    assert (outcome.type, outcome.message) == (type_, "Because.")


def test_what_went_wrong_in_a_scenario_is_an_error_beside_its_checks() -> None:
    run = with_first_scenario(made_run(), error="The cloud was full.")
    (outcome,) = cases(run)[len(CHECKS)].result
    assert isinstance(outcome, junitparser.Error)
    assert outcome.message == "The cloud was full."


def test_a_scenario_that_judged_nothing_is_never_green() -> None:
    found = cases(with_first_scenario(made_run(), checks=(), status=Status.PASS))
    assert isinstance(found[0].result[0], junitparser.Error)


def test_a_scenario_cut_short_is_an_error_even_where_its_checks_passed() -> None:
    found = cases(with_first_scenario(made_run(), finished=False))
    assert found[len(CHECKS)].result[0].type == "unfinished"


def test_a_run_cut_short_before_any_scenario_has_an_error() -> None:
    run = made_run()
    run = replace(run, result=replace(run.result, scenarios=(), finished=False))
    assert [case.result[0].type for case in cases(run)] == ["unfinished"]


def test_the_counts_are_those_of_the_cases() -> None:
    run = with_first_check(with_first_scenario(made_run(scenarios=3), error="Trouble."), Status.NOT_APPLICABLE)
    report = read(run)
    found = [case.result[0] if case.result else None for suite in report for case in suite]
    assert report.tests == len(found) == 3 * len(CHECKS) + 1
    assert report.failures == sum(isinstance(r, junitparser.Failure) for r in found) == 1
    assert report.errors == sum(isinstance(r, junitparser.Error) for r in found) == 1
    assert report.skipped == sum(isinstance(r, junitparser.Skipped) for r in found) == 1


def test_the_run_stands_in_the_properties_of_its_suite() -> None:
    (suite,) = read(made_run())
    found = properties(suite)
    assert ("run_id", "20261122T163000Z-3fa9c1") in found
    assert ("seed", "2943810552") in found
    assert ("site", "site-b") in found
    assert ("environment.data plane", "lab, loopback: no packet data plane") in found
    assert suite.time == pytest.approx(21.5 + 21.6)


def test_characters_that_xml_cannot_hold_do_not_break_the_file() -> None:
    hostile = 'a\x00b\x1b[31m <&>"\ud800 ]]> é'
    text = render_junit(with_first_check(made_run(), Status.FAIL, hostile).result)
    message = ET.fromstring(text).find(".//failure").get("message")
    assert message == 'a\ufffdb\ufffd[31m <&>"\ufffd ]]> é'
