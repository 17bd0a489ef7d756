"""`pytest features` as reporters of others see it: Allure's steps, errors of every phase, no secrets, no surprises."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from replay_rig import multisite_ha_run, pytest_features

from conformance.links import EmbeddedProxy
from conformance.redaction import forms
from conformance.resources import features_dir, fixtures_dir

PLANS = [
    {"history": "good/clean"},
    {"history": "bad/lost-writes"},
    {"fails": "protect", "saying": "The second site has no room."},
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A session with a pass, a violation and an error, and what allure-pytest wrote of it, in order."""
    folder = tmp_path_factory.mktemp("session")
    done = pytest_features(folder, PLANS, "--alluredir", str(folder / "allure"))
    assert "1 passed" in done.stdout and "2 failed" in done.stdout, done.stdout + done.stderr
    results = [json.loads(p.read_text()) for p in (folder / "allure").glob("*-result.json")]
    return folder, sorted(results, key=lambda r: r["start"])


def values(result: dict[str, Any], label: str) -> list[str]:
    return [entry["value"] for entry in result["labels"] if entry["name"] == label]


def test_allure_gets_every_sentence_as_a_step_with_its_verdict(told: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, (passed, failed, broken) = told
    assert [r["status"] for r in (passed, failed, broken)] == ["passed", "failed", "broken"]
    steps = json.loads(next((folder / "run").glob("scenarios/01-*/scenario.json")).read_text())["steps"]
    assert [step["name"] for step in passed["steps"]] == steps
    assert {step["status"] for step in passed["steps"]} == {"passed"}
    judged = failed["steps"][-6:]
    assert [step["status"] for step in judged] == ["passed", "passed", "passed", "failed", "passed", "passed"]
    (attached,) = judged[3]["attachments"]
    text = (folder / "allure" / attached["source"]).read_text()
    assert text.startswith("fail: 4 of 20 acknowledged writes are lost")
    assert [step["status"] for step in broken["steps"]] == ["passed", "passed", "broken"]
    assert broken["steps"][-1]["statusDetails"]["message"].strip().endswith("The second site has no room.")


def test_allure_gets_requirements_epics_severity_links_and_records(told: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, (result, *_) = told
    wanted = ["MS-GR-01", "MS-GR-02", "MS-GR-03", "MS-GR-05", "MS-GR-06", "MS-GR-07"]
    assert values(result, "requirement") == wanted
    assert set(wanted) <= set(values(result, "tag"))
    assert values(result, "feature") == ["The VNF survives the sudden loss of a whole site"]
    assert values(result, "epic") == ["UC2 Geographic redundancy"]
    assert values(result, "severity") == ["blocker"]
    assert values(result, "suite") == values(result, "feature")
    assert result["name"] == "The first site is lost while the link is clean"
    assert [link["name"] for link in result["links"]] == wanted
    assert [a["name"] for a in result["attachments"]][:2] == ["scenario.json", "events.jsonl"]
    facts = (folder / "allure" / "environment.properties").read_text()
    assert "verdict=fail" in facts.splitlines()


def test_which_sentence_failed_is_in_the_record_and_in_cucumbers_json(
    told: tuple[Path, list[dict[str, Any]]],
) -> None:
    run = told[0] / "run"
    outcome = json.loads(next(run.glob("scenarios/03-*/outcome.json")).read_text())
    assert (outcome["failed_step"], outcome["error"]) == (2, "The second site has no room.")
    (feature,) = json.loads((run / "cucumber.json").read_text())
    statuses = [step["result"]["status"] for step in feature["elements"][2]["steps"]]
    assert statuses[:4] == ["passed", "passed", "failed", "skipped"]
    assert "passed" not in statuses[4:]


def test_doubt_and_trouble_after_the_last_sentence_are_no_failures_and_never_green(tmp_path: Path) -> None:
    late = {"history": "good/clean", "fails": "close", "saying": "While healing: the link stayed cut."}
    files = ["--alluredir", str(tmp_path / "allure"), "--junitxml", str(tmp_path / "pytest.xml")]
    done = pytest_features(tmp_path, [{"history": "bad/fault-did-not-bite"}, late], *files, "-k", "clean or delays")
    assert done.returncode == 3, done.stdout
    assert 'errors="1" failures="1"' in (tmp_path / "pytest.xml").read_text()
    assert json.loads((tmp_path / "run" / "results.json").read_text())["verdict"] == "error"
    results = [json.loads(p.read_text()) for p in (tmp_path / "allure").glob("*-result.json")]
    doubt, trouble = sorted(results, key=lambda r: r["start"])
    assert doubt["status"] == "broken"
    assert {step["status"] for step in doubt["steps"][-6:]} == {"broken"}
    assert "inconclusive: " in doubt["statusDetails"]["message"]
    assert trouble["status"] in ("failed", "broken")


def test_an_optional_requirement_that_fails_is_in_the_verdict_and_not_in_the_exit_status(tmp_path: Path) -> None:
    profile = tmp_path / "profile.yaml"
    shipped = (fixtures_dir() / "profiles" / "smoke.yaml").read_text()
    profile.write_text(shipped.replace(", MS-GR-06]", "]").replace("[MS-GR-07]", "[MS-GR-06, MS-GR-07]"))
    told = ["--ms-profile", str(profile), "-k", "clean"]
    done = pytest_features(tmp_path, [{"history": "bad/missing-vm"}], *told)
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert {r["id"]: r["verdict"] for r in results["requirements"]}["MS-GR-07"] == "fail"
    assert (results["verdict"], done.returncode) == ("pass", 0), done.stdout


def test_a_scenario_is_chosen_by_its_name_as_a_row_of_an_outline_completes_it() -> None:
    words = ["--ms-name", "the first site's API falls silent", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", str(features_dir()), "--ms-run", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    chosen = [line for line in done.stdout.splitlines() if "::" in line]
    assert ["falls silent" in line for line in chosen] == [True], done.stdout


def test_a_test_of_another_that_fails_is_not_hidden_by_our_pass(tmp_path: Path) -> None:
    other = tmp_path / "test_other.py"
    other.write_text("def test_other():\n    assert False\n")
    done = pytest_features(tmp_path, [{"history": "good/clean"}], str(other), "-k", "clean or other")
    assert json.loads((tmp_path / "run" / "results.json").read_text())["verdict"] == "pass"
    assert done.returncode == 3, done.stdout


def test_multisite_ha_run_writes_allure_results_and_events_without_a_secret(tmp_path: Path) -> None:
    password = "canary-Pa55/word+1"
    plans = [{"history": "bad/lost-writes"}, {"fails": "deploy", "saying": f"login with {password} was refused"}]
    options = ["--allure", str(tmp_path / "allure"), "--json-events", str(tmp_path / "events.jsonl")]
    done = multisite_ha_run(tmp_path, plans, *options, password=password)
    assert done.returncode == 1, done.stdout + done.stderr
    results = [json.loads(p.read_text()) for p in (tmp_path / "allure").glob("*-result.json")]
    assert Counter(result["status"] for result in results) == {"failed": 1, "broken": 2}
    assert (tmp_path / "allure" / "categories.json").exists()
    written = [p.read_bytes() for name in ("run", "allure") for p in (tmp_path / name).rglob("*") if p.is_file()]
    written += [(tmp_path / "events.jsonl").read_bytes(), done.stdout.encode(), done.stderr.encode()]
    assert [form for form in forms(password) for content in written if form.encode() in content] == []
    assert any(b"login with *** was refused" in content for content in written)


def test_a_session_split_by_xdist_is_refused_and_shows_nothing_green(tmp_path: Path) -> None:
    done = pytest_features(tmp_path, PLANS, "-n", "2")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "leave out -n, and use multisite-ha run --jobs" in done.stderr
    assert "passed" not in done.stdout
    assert not (tmp_path / "run").exists()


def test_the_scenarios_of_another_project_are_left_alone(tmp_path: Path) -> None:
    feature = "Feature: Theirs\n  @fast\n  Scenario: One\n    Given a thing\n    Then it is\n"
    (tmp_path / "their.feature").write_text(feature)
    (tmp_path / "test_their.py").write_text(
        "from pytest_bdd import given, scenarios, then\nscenarios('their.feature')\n"
        "@given('a thing')\ndef thing(): pass\n@then('it is')\ndef it_is(): pass\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  fast\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--alluredir", str(tmp_path / "allure")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert "1 passed" in done.stdout, done.stdout
    (result,) = [json.loads(p.read_text()) for p in (tmp_path / "allure").glob("*-result.json")]
    assert "steps" not in result


def test_planted_secrets_reach_no_file_of_a_whole_session(tmp_path: Path) -> None:
    password, userinfo, token = "canary-Pa55/word+1", "canary-Proxy-9:x", "canary-Tok3n-0123456789abcdef"
    basic = base64.b64encode(f"u:{password}".encode()).decode()
    said = f"http://u:{quote(password)}@127.0.0.1/ X-Auth-Token: {token} Authorization: Basic {basic} and {password}"
    late = {"history": "good/clean", "fails": "close", "saying": said}
    plans = [{"history": "bad/lost-writes"}, {"fails": "deploy", "saying": said}, late]
    with EmbeddedProxy() as proxy:
        url = proxy.server.url.replace("://", f"://robot:{quote(userinfo, safe='')}@")
        done = pytest_features(
            tmp_path, plans, "--ms-toxiproxy", url, "--alluredir", str(tmp_path / "allure"), password=password
        )
    assert done.returncode == 1, done.stdout + done.stderr
    files = [p for folder in ("run", "allure") for p in (tmp_path / folder).rglob("*") if p.is_file()]
    kinds = Counter(p.suffix for p in files)
    assert {".json", ".jsonl", ".html", ".xml", ".csv", ".txt"} <= set(kinds)
    found = [
        (p.name, form)
        for p in files
        for canary in (password, userinfo, token)
        for form in forms(canary)
        if form.encode() in p.read_bytes()
    ]
    assert found == []
    # pytest shows the options that it was given in its own words; what we say holds none either.
    assert [f for c in (password, token) for f in forms(c) if f in done.stdout + done.stderr] == []
    assert "127.0.0.1" in (tmp_path / "run" / "run.json").read_text()
