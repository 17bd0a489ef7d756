"""The sample reports in reports/sample are what the product itself wrote, whole, and small enough to keep."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from junitparser import JUnitXml

from conformance.report.formats.results import SCHEMA_FILE

SAMPLES = Path(__file__).parents[2] / "reports" / "sample"


@pytest.mark.parametrize(("name", "verdict"), [("conforming", "pass"), ("violating", "fail")])
def test_a_sample_has_the_verdict_it_is_named_for_in_all_its_files(name: str, verdict: str) -> None:
    results = json.loads((SAMPLES / name / "results.json").read_text())
    jsonschema.validate(results, json.loads(SCHEMA_FILE.read_text()))
    assert results["verdict"] == verdict
    assert results["finished"] and results["environment"]["sites"] == "lab"
    page = (SAMPLES / name / "report.html").read_text()
    assert f"Verdict: {verdict}" in page and results["run_id"] in page
    failures = JUnitXml.fromfile(str(SAMPLES / name / "junit.xml")).failures
    assert (failures > 0) is (verdict == "fail")


def test_the_violating_sample_names_the_lost_writes_and_draws_both_sites() -> None:
    page = (SAMPLES / "violating" / "report.html").read_text()
    assert "Lost writes" in page and 'class="network-graph"' in page and 'class="timeline"' in page


def test_all_samples_and_pictures_together_are_small() -> None:
    pictures = SAMPLES.parents[1] / "docs" / "images"
    files = [path for folder in (SAMPLES, pictures) for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_500_000
