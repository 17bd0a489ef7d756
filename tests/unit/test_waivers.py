"""Waivers change what a run's verdict is made of: no verdict of a requirement, and never into a pass."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from click.testing import CliRunner
from evidence_run import FAILING, stored_run
from report_run import made_run
from rich.console import Console
from test_judge import passing_run

from conformance.cli import cli
from conformance.errors import UsageError
from conformance.judge import judge_run
from conformance.model import Status, Waiver
from conformance.model.results import RunResult
from conformance.profile import load_profile
from conformance.report.changes import changes
from conformance.report.formats.base import JudgedRun
from conformance.report.formats.junit import render_junit
from conformance.report.formats.needs import needs
from conformance.report.formats.oscal import assessment_results
from conformance.report.formats.results import SCHEMA_FILE, render_results
from conformance.report.formats.rtm import rows
from conformance.report.formats.testapi import details
from conformance.report.html import render_html
from conformance.report.published import read_published
from conformance.report.terminal import print_summary
from conformance.request import Request, RunOptions
from conformance.resources import fixtures_dir
from conformance.store import RUN_FILE, End, RunFolder, write_json
from conformance.waiving import read_waivers

WAIVER = Waiver("MS-GR-05", "Fixed in release 7, ticket 4711.", "Jane Doe", "2026-12-31")
SMOKE = (fixtures_dir() / "profiles" / "smoke.yaml").read_text(encoding="utf-8")


def waived_run(folder: Path, *waivers: Waiver, mandatory: tuple[str, ...] = ("MS-GR-01",)) -> RunResult:
    """A run, begun on the first of January 2026, whose one scenario passes MS-GR-01 and tests nothing else."""
    run = passing_run(folder, planned=1, of=1)
    write_json(run.path / RUN_FILE, asdict(replace(run.info(), mandatory=mandatory, waivers=waivers)))
    run.write_end(End(interrupted=False, trouble=()))
    return judge_run(RunFolder(run.path))


def verdicts(result: RunResult) -> dict[str, Status]:
    return {r.id: r.verdict for r in result.requirements if r.id in result.info.mandatory}


def test_what_is_waived_and_untested_leaves_the_run_inconclusive_and_says_that_the_rest_passes(tmp_path: Path) -> None:
    untested = Waiver("MS-GR-08", "No load generator at this site yet.", "Jane Doe", "2026-01-01")
    result = waived_run(tmp_path, untested, mandatory=("MS-GR-01", "MS-GR-08"))
    assert verdicts(result) == {"MS-GR-01": Status.PASS, "MS-GR-08": Status.NOT_TESTED}
    assert (result.verdict, result.exit_code, result.but_for_waivers) == (Status.INCONCLUSIVE, 2, Status.PASS)
    assert result.notes == (
        "What is mandatory and was not waived is a pass.",
        "MS-GR-08 is not tested, and waived by Jane Doe until 2026-01-01: No load generator at this site yet.",
    )


def test_a_violation_that_is_waived_stays_one_and_fails_the_run_no_more(tmp_path: Path) -> None:
    run = RunFolder(stored_run(tmp_path, FAILING))
    info = replace(run.info(), mandatory=("MS-GR-01", "MS-GR-05"))
    assert judge_run(run).exit_code == 1
    write_json(run.path / RUN_FILE, asdict(replace(info, waivers=(WAIVER,))))
    result = judge_run(run)
    assert verdicts(result)["MS-GR-05"] is Status.FAIL
    assert (result.verdict, result.exit_code, result.but_for_waivers) == (Status.INCONCLUSIVE, 2, Status.PASS)
    assert f"MS-GR-05 is fail, and {WAIVER}." in result.notes


def test_another_violation_fails_the_run_all_the_same(tmp_path: Path) -> None:
    run = RunFolder(stored_run(tmp_path, FAILING))
    other = replace(run.info(), mandatory=("MS-GR-01", "MS-GR-05"), waivers=(replace(WAIVER, requirement="MS-GR-01"),))
    write_json(run.path / RUN_FILE, asdict(other))
    assert (judge_run(run).verdict, judge_run(run).exit_code) == (Status.FAIL, 1)


def test_a_waiver_that_had_expired_when_the_run_began_counts_as_none_and_that_is_said(tmp_path: Path) -> None:
    late = Waiver("MS-GR-08", "No load generator at this site yet.", "Jane Doe", "2025-12-31")
    result = waived_run(tmp_path, late, mandatory=("MS-GR-01", "MS-GR-08"))
    assert (result.verdict, result.but_for_waivers) == (Status.INCONCLUSIVE, None)
    assert "The waiver of MS-GR-08 expired on 2025-12-31 and counts as none." in result.notes
    assert all(r.waiver is None for r in result.requirements)


def test_a_waiver_of_what_passes_is_said_to_be_unneeded_and_changes_nothing(tmp_path: Path) -> None:
    result = waived_run(tmp_path, replace(WAIVER, requirement="MS-GR-01"))
    assert (result.verdict, result.exit_code, result.but_for_waivers) == (Status.PASS, 0, None)
    assert result.notes == ("The waiver of MS-GR-01 is not needed: it passes.",)


def test_a_waiver_of_what_is_not_mandatory_changes_nothing(tmp_path: Path) -> None:
    result = waived_run(tmp_path, WAIVER)
    assert (result.verdict, result.but_for_waivers) == (Status.PASS, None)
    assert result.notes == ("The waiver of MS-GR-05 changes nothing: profile smoke does not demand it.",)


def test_an_error_of_the_harness_cannot_be_waived(tmp_path: Path) -> None:
    run = passing_run(tmp_path, planned=1, of=1)
    (run.scenario_folder("01-one") / "events.jsonl").open("a").write("no JSON\n")
    info = replace(run.info(), waivers=(replace(WAIVER, requirement="MS-GR-01"),))
    write_json(run.path / RUN_FILE, asdict(info))
    run.write_end(End(interrupted=False, trouble=()))
    result = judge_run(RunFolder(run.path))
    assert (result.verdict, result.but_for_waivers) == (Status.ERROR, None)
    assert "The waiver of MS-GR-01 covers no error: nothing was judged there." in result.notes


def waived() -> JudgedRun:
    """A run with a violation that is waived."""
    run = made_run()
    requirements = tuple(replace(r, waiver=WAIVER) if r.id == "MS-GR-05" else r for r in run.result.requirements)
    info = replace(run.result.info, waivers=(WAIVER,), profile_version=3)
    result = replace(
        run.result, info=info, requirements=requirements, verdict=Status.INCONCLUSIVE, but_for_waivers=Status.PASS
    )
    return JudgedRun(result, run.catalogue, run.load, Path("run"))


def test_results_json_holds_the_waiver_beside_the_verdict(tmp_path: Path) -> None:
    document = json.loads(render_results(waived().result, waived().catalogue))
    schema = json.loads(SCHEMA_FILE.read_text())
    jsonschema.validate(document, schema, format_checker=jsonschema.FormatChecker())
    entry = next(r for r in document["requirements"] if r["id"] == "MS-GR-05")
    assert (entry["verdict"], entry["waiver"]) == ("fail", asdict(WAIVER))
    assert (document["profile_version"], document["but_for_waivers"], document["exit_code"]) == (3, "pass", 2)
    document["waivers"][0].pop("who")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_junit_keeps_a_waived_violation_a_failure_and_names_the_waiver() -> None:
    root = ET.fromstring(render_junit(waived().result).split("\n", 1)[1])
    failures = root.findall(".//failure")
    assert len(failures) == int(root.get("failures", "0")) > 0
    assert [f for f in failures if "MS-GR-05 is waived by Jane Doe until 2026-12-31" in str(f.get("message"))]
    assert root.find(".//testcase/properties/property[@name='waiver']") is not None


def test_every_report_for_people_and_tools_names_the_waiver_and_the_version_of_the_lists() -> None:
    run = waived()
    words = "waived by Jane Doe until 2026-12-31: Fixed in release 7, ticket 4711"
    page, problems = render_html(run.result, run.load, run.catalogue)
    assert not problems
    assert words in page and "smoke, version 3" in page
    console = Console(record=True, width=400)
    print_summary(run.result, run.catalogue, console)
    assert words in console.export_text()
    for document in (needs(run), assessment_results(run)):
        assert words in json.dumps(document)
    assert any(row[-1] == words for row in rows(run) if row[0] == "MS-GR-05")
    assert details(run)["requirements"]["MS-GR-05"]["waiver"] == asdict(WAIVER)


def test_diff_shows_waivers_and_versions_of_the_profile_that_differ(tmp_path: Path) -> None:
    run = waived()
    for name, result in (
        ("old", replace(run.result, info=replace(run.result.info, waivers=(), profile_version=2))),
        ("new", run.result),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(render_results(result, run.catalogue))
    found = changes(read_published(tmp_path / "old"), read_published(tmp_path / "new"))
    assert [(c.name, c.what, c.before) for c in found.asked] == [
        ("the run", "profile", "smoke, version 2"),
        ("MS-GR-05", "waiver", "not waived"),
    ]
    assert found.exit_code == 2
    said = CliRunner().invoke(cli, ["diff", str(tmp_path / "old"), str(tmp_path / "new")])
    assert "Asked for differently:" in said.output and "MS-GR-05: waiver was not waived, is waived by" in said.output
    same = changes(read_published(tmp_path / "new"), read_published(tmp_path / "new"))
    assert (same.asked, same.exit_code) == ((), 0)


def waiver_file(folder: Path, **changed: Any) -> Path:
    path = folder / "waivers.yaml"
    path.write_text(json.dumps({"waivers": [asdict(WAIVER) | changed]}))
    return path


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"requirement": "MS-GR-50"}, "there is no requirement 'MS-GR-50'. Did you mean"),
        ({"expires": "soon"}, "waivers.0.expires"),
        ({"expires": None}, "waivers.0.expires"),
        ({"reason": "because"}, "waivers.0.reason"),
        ({"who": ""}, "waivers.0.who"),
        ({"for": "ever"}, "'waivers.0.for' is not known here"),
    ],
)
def test_a_waiver_without_a_reason_a_name_or_an_end_is_refused(tmp_path: Path, changed: Any, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        read_waivers(waiver_file(tmp_path, **changed))


def test_waivers_of_the_file_and_of_the_profile_come_together_in_the_request(tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    entry = asdict(replace(WAIVER, requirement="MS-GR-01"))
    profile.write_text(f"{SMOKE}\nwaivers: {json.dumps([entry])}\n", encoding="utf-8")
    assert load_profile(str(profile)).waivers[0].waiver() == replace(WAIVER, requirement="MS-GR-01")
    request = Request.read(RunOptions(profile=str(profile), waivers=str(waiver_file(tmp_path))))
    assert [w.requirement for w in request.waivers] == ["MS-GR-01", "MS-GR-05"]
    with pytest.raises(UsageError, match="MS-GR-01 is waived twice"):
        Request.read(RunOptions(profile=str(profile), waivers=str(waiver_file(tmp_path, requirement="MS-GR-01"))))
