"""Formats opened by programs in environments of their own: Cucumber's reporter, Allure, StrictDoc."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest
from readers import node_with, python_with

from conformance.model import Status
from conformance.report.formats import JudgedRun, find_format, write_document
from conformance.report.formats.allure_page import without_analytics
from conformance.report.formats.base import FormatError

pytestmark = pytest.mark.foreign
ALLURE = "allure@3.18.0"
CUCUMBER = "multiple-cucumber-html-reporter@3.10.0"
READ_CUCUMBER = """
require("multiple-cucumber-html-reporter").generate(
  { jsonDir: process.argv[1], reportPath: process.argv[2], saveCollectedJSON: true, disableLog: true })
"""


def test_cucumbers_reporter_counts_the_same_and_shows_nothing_undecided_as_passed(
    troubled: JudgedRun, tmp_path: Path
) -> None:
    node = node_with(CUCUMBER)
    (tmp_path / "json").mkdir()
    write_document(find_format("cucumber").render(troubled), tmp_path / "json" / "cucumber.json")
    command = ["node", "-e", READ_CUCUMBER, str(tmp_path / "json"), str(tmp_path / "out")]
    subprocess.run(command, cwd=node, check=True, capture_output=True, timeout=120)
    read = json.loads((tmp_path / "out" / "enriched-output.json").read_text())
    elements = [e for feature in read["features"] for e in feature["elements"]]
    assert len(elements) == read["scenarios"]["total"] == len(troubled.result.scenarios) + 1
    shown = {e["name"]: e for e in elements}
    steps = len(troubled.result.scenarios[0].info.steps)
    statuses = [[s["result"]["status"] for s in shown[n.info.name]["steps"]] for n in troubled.result.scenarios]
    assert [s[steps + (number == 1) :] for number, s in enumerate(statuses)] == [[]] * 3 + [["failed"], []] + [
        ["failed"],
        ["failed"],
    ], "trouble beside the sentences is a failed hook"
    statuses = [s[: steps + (number == 1)] for number, s in enumerate(statuses)]
    first, lost, doubt, error, unknown, failed, killed = statuses
    assert set(first) == {"passed"}
    assert lost.count("failed") == 1
    assert doubt.count("failed") == 1
    assert error == ["skipped"] * (len(error) - 6) + ["passed"] * 6, "which sentence went wrong is not in the record"
    assert unknown.count("undefined") == 1
    assert failed[:3] == ["passed", "failed", "skipped"]
    assert set(failed[-6:]) == set(killed[-6:]) == {"failed"}
    assert read["scenarios"]["passed"] == 1
    tags = {tag["name"] for tag in shown[troubled.result.scenarios[0].info.name]["tags"]}
    assert tags == {f"@{name}" for name in troubled.result.scenarios[0].info.requirements}


@pytest.fixture
def allure_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    bin_ = node_with(ALLURE) / "node_modules" / ".bin"
    monkeypatch.setenv("PATH", f"{bin_}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("allure_on_path")
def test_allure_counts_the_same_and_knows_requirements_steps_and_attachments(
    troubled: JudgedRun, tmp_path: Path
) -> None:
    write_document(find_format("allure").render(troubled), tmp_path / "allure-results")
    command = ["allure", "generate", "--output", str(tmp_path / "page"), str(tmp_path / "allure-results")]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=240)
    assert json.loads((tmp_path / "page" / "widgets" / "statistic.json").read_text()) == {
        "total": 8,
        "passed": 1,
        "failed": 1,
        "broken": 6,
    }
    tests = [json.loads(p.read_text()) for p in (tmp_path / "page" / "data" / "test-results").glob("*.json")]
    by_name = {t["name"]: t for t in tests}
    assert set(by_name) == {s.info.name for s in troubled.result.scenarios} | {"The run comes to its end"}
    lost = troubled.result.scenarios[1]
    shown = by_name[lost.info.name]
    assert shown["groupedLabels"]["requirement"] == list(lost.info.requirements)
    assert shown["groupedLabels"]["severity"] == ["blocker"]
    assert shown["groupedLabels"]["epic"] == ["UC2 Geographic redundancy"]
    assert [link["name"] for link in shown["links"]] == list(lost.info.requirements)
    assert [f"{s['name']}" for s in shown["steps"]] == list(lost.info.steps)
    verdicts = [step["status"] for step in shown["steps"][-6:]]
    assert verdicts == ["passed", "passed", "passed", "failed", "passed", "passed"]
    (attached,) = [s for s in shown["steps"][-3]["steps"] if s["type"] == "attachment"]
    text = (tmp_path / "page" / "data" / "attachments" / f"{attached['link']['id']}.txt").read_text()
    assert text.startswith("fail: 37 of ")
    assert text.count("lost write") == 37


@pytest.mark.usefixtures("allure_on_path")
def test_allures_page_shows_the_scenarios_and_asks_nobody_anything(made: JudgedRun, tmp_path: Path) -> None:
    from browser.chromium import BINARY, open_page

    if BINARY is None:
        pytest.skip("there is no Chromium")
    page = tmp_path / "allure.html"
    write_document(find_format("allure-page").render(made), page)
    assert "google" not in page.read_text()

    async def look() -> tuple[list[str], list[str], str]:
        async with open_page(tmp_path / "profile") as browser:
            await browser.open(page.as_uri())
            shown = await browser.evaluate(
                "new Promise(done => { const look = () => document.body.innerText.includes('link is clean') ? "
                "done(document.body.innerText) : setTimeout(look, 50); look(); })"
            )
            return browser.requests, browser.complaints, shown

    requests, complaints, shown = asyncio.run(look())
    assert [url[:80] for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert all(scenario.info.name in shown for scenario in made.result.scenarios)
    assert complaints == []


def test_a_page_whose_analytics_cannot_be_found_is_refused() -> None:
    with pytest.raises(FormatError, match="analytics cannot be cut out"):
        without_analytics("<html><head></head><body><img src=//www.googletagmanager.com/x></body></html>")


def test_without_the_program_allures_page_is_refused_with_a_sentence(
    made: JudgedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FormatError, match="npm install -g allure"):
        find_format("allure-page").render(made)


def test_strictdoc_imports_the_requirements_with_their_verdicts(stored: JudgedRun, tmp_path: Path) -> None:
    python = python_with("strictdoc==0.30.4")
    write_document(find_format("reqif").render(stored), tmp_path / "run.reqif")
    command = [str(python.with_name("strictdoc")), "convert", "run.reqif", "imported"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = "\n".join(p.read_text() for p in (tmp_path / "imported").glob("*.sdoc"))
    uids = [line.removeprefix("UID: ") for line in text.splitlines() if line.startswith("UID: ")]
    scenarios = [s.info.id for s in stored.result.scenarios]
    assert sorted(uids) == sorted([*stored.catalogue, *scenarios])
    judged = {(s.info.id, requirement) for s, check in stored.judged() for requirement in check.requirements}
    assert text.count("- TYPE: Parent\n  VALUE: ") == len(judged)


READ_OSCAL = """
import json, sys
from pathlib import Path
from trestle.oscal.assessment_results import AssessmentResults
read = AssessmentResults.oscal_read(Path(sys.argv[1]))
(result,) = read.results
(selection,) = result.reviewed_controls.control_selections
print(json.dumps({
    "controls": [c.control_id for c in selection.include_controls or []],
    "states": {f.target.target_id: getattr(f.target.status.state, "value", f.target.status.state)
               for f in result.findings},
    "words": {f.target.target_id: f.props[0].value for f in result.findings},
    "related": {f.target.target_id: len(f.related_observations) for f in result.findings},
    "observations": [o.title for o in result.observations],
}, default=str))
"""


@pytest.mark.parametrize("which", ["stored", "troubled"])
def test_trestle_reads_findings_and_observations(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    run: JudgedRun = request.getfixturevalue(which)
    python = python_with("compliance-trestle==5.2.0")
    write_document(find_format("oscal").render(run), tmp_path / "oscal.json")
    command = [str(python), "-c", READ_OSCAL, str(tmp_path / "oscal.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    judged = {r.id: r.verdict for r in run.result.requirements if r.verdict is not Status.NOT_TESTED}
    assert set(read["controls"]) == set(read["states"]) == set(judged)
    assert {n: s == "satisfied" for n, s in read["states"].items()} == {n: v is Status.PASS for n, v in judged.items()}
    assert read["words"] == {name: str(verdict) for name, verdict in judged.items()}
    assert len(read["observations"]) == len(list(run.judged()))
    assert read["related"] == {name: sum(name in c.requirements for _, c in run.judged()) for name in judged}
