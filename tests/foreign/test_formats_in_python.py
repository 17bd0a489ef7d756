"""Formats opened by Python packages that are not ours: openpyxl, csv, sphinx-needs, in-toto, reqif."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from reqif.parser import ReqIFParser

from conformance.model import Status
from conformance.report import write_reports
from conformance.report.formats import FORMATS, JudgedRun, find_format, is_report
from conformance.report.formats.rtm import HEADINGS
from conformance.report.formats.testapi import record


def text_of(run: JudgedRun, name: str) -> str:
    content = find_format(name).render(run).content
    return content if isinstance(content, str) else bytes(content).decode("utf-8-sig")


def table(run: JudgedRun) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(run, "rtm"), newline="")))


def test_the_matrix_has_every_clause_and_every_check(stored: JudgedRun) -> None:
    rows = table(stored)
    assert {row["Requirement"] for row in rows} == set(stored.catalogue)
    judged = Counter(r for _, check in stored.judged() for r in check.requirements)
    assert Counter(row["Requirement"] for row in rows if row["Check"]) == judged
    (lost,) = [row for row in rows if row["Check verdict"] == "fail"]
    assert (lost["Requirement"], lost["Requirement verdict"]) == ("MS-GR-05", "fail")
    assert lost["Evidence"].startswith("operation") or lost["Evidence"]
    untested = next(row for row in rows if row["Requirement"] == "MS-MT-01")
    assert (untested["Check verdict"], untested["Check"]) == ("not tested", "")


def test_the_workbook_holds_the_same_as_the_csv(stored: JudgedRun) -> None:
    book = openpyxl.load_workbook(io.BytesIO(bytes(find_format("rtm-xlsx").render(stored).content)))
    sheet = book["Requirements"]
    rows = [[cell.value or "" for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == list(HEADINGS)
    assert rows[1:] == [list(row.values()) for row in table(stored)]
    assert sheet.auto_filter.ref == sheet.dimensions
    assert dict(book["Run"].iter_rows(values_only=True))["Verdict"] == "fail"


def test_no_cell_is_ever_a_formula(made: JudgedRun) -> None:
    evil = '=HYPERLINK("http://127.0.0.1/","x")'
    first, *rest = made.result.scenarios
    scenario = replace(first, info=replace(first.info, name=evil))
    run = replace(made, result=replace(made.result, scenarios=(scenario, *rest)))
    assert {row["Scenario"] for row in table(run)} >= {f"'{evil}"}
    sheet = openpyxl.load_workbook(io.BytesIO(bytes(find_format("rtm-xlsx").render(run).content)))["Requirements"]
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value == evil]
    assert cells
    assert {cell.data_type for cell in cells} == {"s"}


def test_sphinx_needs_imports_every_requirement_and_scenario(stored: JudgedRun, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(text_of(stored, "needs"))
    (tmp_path / "conf.py").write_text(
        "extensions = ['sphinx_needs']\n"
        "needs_id_regex = '^[A-Za-z0-9_-]+'\n"
        "needs_types = [dict(directive=d, title=d, prefix='', color='#fff', style='node') for d in ('req', 'test')]\n"
        "needs_build_json = True\n"
    )
    (tmp_path / "index.rst").write_text("Evidence\n========\n\n.. needimport:: run.json\n\n.. needtable::\n")
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", str(tmp_path)]
    done = subprocess.run([*command, str(tmp_path / "out")], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    read = json.loads((tmp_path / "out" / "needs.json").read_text())
    (version,) = read["versions"].values()
    needs = version["needs"]
    kinds = Counter(need["type"] for need in needs.values())
    assert kinds == {"req": len(stored.catalogue), "test": len(stored.result.scenarios)}
    assert set(stored.catalogue) <= set(needs)
    assert needs["MS-GR-05"]["status"] == "fail"
    assert needs["MS-GR-05"]["links_back"] == [n for n in needs if needs[n]["type"] == "test"]
    assert needs["MS-MT-01"]["status"] == "not_tested"


def test_in_toto_reads_the_attestation_and_its_subject_is_the_record(stored: JudgedRun) -> None:
    found = json.loads(text_of(stored, "attestation"))
    message = json_format.ParseDict(found, statement_pb2.Statement())
    statement = Statement.copy_from_pb(message)
    statement.validate()
    predicate = json_format.ParseDict(found["predicate"], test_result_pb2.TestResult())
    assert predicate.result == "FAILED"
    assert list(predicate.failed_tests) == ["MS-GR-05"]
    assert set(predicate.passed_tests) == {"MS-GR-01", "MS-GR-02", "MS-GR-03", "MS-GR-06", "MS-GR-07"}
    files = sorted(p for p in stored.folder.rglob("*") if p.is_file())
    names = [n for p in files if not is_report(n := p.relative_to(stored.folder).as_posix()) and n != "manifest.json"]
    sums = subprocess.run(["sha256sum", *names], cwd=stored.folder, capture_output=True, check=True).stdout
    assert dict(message.subject[0].digest) == {"dirHash": hashlib.sha256(sums).hexdigest()}


@pytest.mark.parametrize("status", list(Status))
def test_only_a_pass_is_attested_as_one(made: JudgedRun, status: Status) -> None:
    run = replace(made, result=replace(made.result, verdict=status))
    result = json.loads(text_of(run, "attestation"))["predicate"]["result"]
    assert (result == "PASSED") == (status is Status.PASS)
    assert (record(run, {})["criteria"] == "PASS") == (status is Status.PASS)


def test_the_reqif_package_reads_what_verifies_what(stored: JudgedRun, tmp_path: Path) -> None:
    path = tmp_path / "run.reqif"
    path.write_text(text_of(stored, "reqif"))
    bundle = ReqIFParser.parse(str(path))
    assert bundle.exceptions == []
    content = bundle.core_content.req_if_content
    objects = {
        o.identifier: {a.definition_ref.split("-")[-1]: a.value for a in o.attributes} for o in content.spec_objects
    }
    requirements = {v["id"]: v for k, v in objects.items() if k.startswith("requirement-")}
    assert set(requirements) == set(stored.catalogue)
    assert requirements["MS-GR-05"]["verdict"] == "fail"
    assert requirements["MS-GR-05"]["text"] == stored.catalogue["MS-GR-05"].statement
    scenarios = [k for k in objects if k.startswith("scenario-")]
    assert len(scenarios) == len(stored.result.scenarios)
    judged = {(s.info.id, r) for s, check in stored.judged() for r in check.requirements}
    read = {(objects[r.source]["id"], objects[r.target]["id"]) for r in content.spec_relations}
    assert read == judged
    assert [len(s.children) for s in content.specifications] == [len(requirements), len(scenarios)]


def test_reqif_survives_what_xml_cannot_hold(troubled: JudgedRun, tmp_path: Path) -> None:
    first, *rest = troubled.result.scenarios
    scenario = replace(first, error='\x00<a> & "\x1b ]]>')
    path = tmp_path / "run.reqif"
    path.write_text(text_of(replace(troubled, result=replace(troubled.result, scenarios=(scenario, *rest))), "reqif"))
    objects = ReqIFParser.parse(str(path)).core_content.req_if_content.spec_objects
    assert any('\ufffd<a> & "\ufffd ]]>' in a.value for o in objects for a in o.attributes)


def test_the_record_for_testapi_says_where_it_ran_and_what_came_of_it(stored: JudgedRun) -> None:
    job = {
        "INSTALLER_TYPE": "compass",
        "DEPLOY_SCENARIO": "os-nosdn-multisite-ha",
        "NODE_NAME": "pod-7",
        "BUILD_TAG": "jenkins-multisite-daily-danube-12",
    }
    found = record(stored, job)
    assert found | {"details": None, "stop_date": None} == {
        "project_name": "multisite-ha",
        "case_name": "smoke",
        "installer": "compass",
        "scenario": "os-nosdn-multisite-ha",
        "pod_name": "pod-7",
        "version": "danube",
        "build_tag": "jenkins-multisite-daily-danube-12",
        "criteria": "FAIL",
        "start_date": "2026-11-22 16:30:00",
        "stop_date": None,
        "details": None,
    }
    assert found["details"]["requirements"]["MS-GR-05"]["verdict"] == "fail"
    assert found["details"]["requirements"]["MS-GR-05"]["figures"]["rpo_operations"] > 0
    json.dumps(found, allow_nan=False)


def test_every_format_is_written_for_a_run_with_every_kind_of_trouble(troubled: JudgedRun) -> None:
    wanted = [f for f in FORMATS.values() if f.name != "allure-page"]
    assert write_reports(troubled.result, troubled.load, troubled.catalogue, troubled.folder, wanted) == ()
