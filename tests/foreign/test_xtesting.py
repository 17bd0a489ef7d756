"""The test case in xtesting's own run_tests: results to a TestAPI on loopback, artefacts to an S3 on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from evidence_run import PASSING, stored_run
from readers import python_with

from conformance.model import Status
from conformance.store import End, Outcome, RunFolder
from conformance.waiting import wait_until

pytestmark = pytest.mark.foreign
ROOT = Path(__file__).parents[2]
LOGGING = """[loggers]
keys=root
[handlers]
keys=console
[formatters]
keys=plain
[logger_root]
level=INFO
handlers=console
[handler_console]
class=StreamHandler
args=(sys.stdout,)
formatter=plain
[formatter_plain]
format=%(message)s
"""


@pytest.fixture(scope="module")
def python() -> Path:
    return python_with("xtesting==1.3.0", "moto[server,s3]==5.2.5", f"--editable={ROOT}")


class TestApi(ThreadingHTTPServer):
    """Takes results as OPNFV's TestAPI does, and says 400 to a record with a field missing."""

    __test__ = False
    FIELDS = frozenset(
        ("project_name", "case_name", "installer", "scenario", "pod_name", "version", "build_tag")
        + ("criteria", "start_date", "stop_date", "details")
    )

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Results)
        self.records: list[dict[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/api/v1/results"


class _Results(BaseHTTPRequestHandler):
    server: TestApi

    def do_POST(self) -> None:
        record = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        good = self.path == "/api/v1/results" and record.keys() == TestApi.FIELDS
        self.send_response(200 if good else 400)
        self.end_headers()
        self.server.records.append(record)
        self.wfile.write(json.dumps({"href": f"{self.server.url}/{len(self.server.records)}"}).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def test_api() -> Iterator[TestApi]:
    with TestApi() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def s3(python: Path, tmp_path: Path) -> Iterator[str]:
    log = tmp_path / "moto.log"
    command = [str(python.with_name("moto_server")), "-H", "127.0.0.1", "-p", "0"]
    with log.open("w") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink)
    try:
        found = wait_until(
            lambda: next((w for w in log.read_text().split() if w.startswith("http://127.0.0.1:")), None),
            timeout=60,
            what="moto to say where it listens",
        )
        yield found
    finally:
        process.terminate()
        process.wait()


def passing(folder: Path) -> None:
    stored_run(folder, PASSING)


def failing(folder: Path) -> None:
    stored_run(folder)


def cut_short(folder: Path) -> None:
    stored_run(folder, PASSING, ended=False)


def not_healed(folder: Path) -> None:
    run = RunFolder(stored_run(folder, PASSING))
    run.end_scenario(run.scenario_ids()[0], Outcome("While healing: the link stayed cut.", 9.5))


def not_cleaned_up(folder: Path) -> None:
    RunFolder(stored_run(folder, PASSING)).write_end(End(False, ("A server could not be removed.",)))


def damaged(folder: Path) -> None:
    stored_run(folder, PASSING)
    (folder / "end.json").write_text("{")


@dataclass(frozen=True)
class Case:
    """A stored run and the word that its record should have."""

    make: Callable[[Path], None]
    verdict: Status


CASES = {
    "passes": Case(passing, Status.PASS),
    "violates": Case(failing, Status.FAIL),
    "was-killed": Case(cut_short, Status.INCONCLUSIVE),
    "was-not-healed": Case(not_healed, Status.ERROR),
    "was-not-cleaned-up": Case(not_cleaned_up, Status.ERROR),
    "is-damaged": Case(damaged, Status.ERROR),
}
# Errors before there is any run: no sites, an argument that does not exist, nothing to judge.
NEVER_BEGUN = {"no-sites": {"sites": "nowhere.yaml"}, "mistyped": {"profil": "smoke"}, "nothing": {"judge": "/nowhere"}}


def run_tests(
    python: Path, home: Path, cases: dict[str, dict[str, Any]], *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`run_tests` on a testcases.yaml of these cases."""
    described = [
        {
            "case_name": name,
            "project_name": "multisite-ha",
            "criteria": 100,
            "blocking": False,
            "clean_flag": False,
            "description": "",
            "run": {"name": "multisite-ha", "args": arguments},
        }
        for name, arguments in cases.items()
    ]
    (home / ".xtesting").mkdir(exist_ok=True)
    tier = {"name": "multisite-ha", "description": "", "testcases": described}
    (home / ".xtesting" / "testcases.yaml").write_text(yaml.safe_dump({"tiers": [tier]}))
    (home / ".xtesting" / "logging.ini").write_text(LOGGING)
    launch = [str(python), str(Path(__file__).with_name("launch_xtesting.py")), str(home / "results")]
    return subprocess.run(
        [*launch, *options],
        env={**os.environ, "HOME": str(home), "no_proxy": "127.0.0.1", **environment},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_result_criteria_record_and_artefacts_are_right_whatever_happens(
    python: Path, test_api: TestApi, s3: str, tmp_path: Path
) -> None:
    cases: dict[str, dict[str, Any]] = {}
    for name, case in CASES.items():
        case.make(tmp_path / "stored" / name)
        cases[name] = {"judge": str(tmp_path / "stored" / name)}
    job = {
        "TEST_DB_URL": test_api.url,
        "INSTALLER_TYPE": "compass",
        "DEPLOY_SCENARIO": "os-nosdn-multisite-ha",
        "NODE_NAME": "pod-7",
        "BUILD_TAG": "jenkins-multisite-ha-daily-danube-12",
        "S3_ENDPOINT_URL": s3,
        "S3_DST_URL": "s3://artefacts/multisite-ha",
        "HTTP_DST_URL": "http://127.0.0.1/multisite-ha",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }
    done = run_tests(python, tmp_path, {**cases, **NEVER_BEGUN}, "-t", "all", "-r", "-p", **job)
    assert done.returncode != 0, done.stdout + done.stderr

    records = {record["case_name"]: record for record in test_api.records}
    assert len(test_api.records) == len(records) == len(CASES) + len(NEVER_BEGUN), done.stdout
    verdicts = {name: case.verdict for name, case in CASES.items()} | dict.fromkeys(NEVER_BEGUN, Status.ERROR)
    assert {n: r["details"]["verdict"] for n, r in records.items()} == {n: str(v) for n, v in verdicts.items()}
    assert {n: r["criteria"] for n, r in records.items()} == {
        n: "PASS" if v is Status.PASS else "FAIL" for n, v in verdicts.items()
    }
    for record in records.values():
        assert record["project_name"] == "multisite-ha"
        assert (record["installer"], record["pod_name"], record["version"]) == ("compass", "pod-7", "danube")
        assert record["scenario"] == "os-nosdn-multisite-ha"
    lost = records["violates"]["details"]["requirements"]["MS-GR-05"]
    assert lost["verdict"] == "fail" and lost["figures"]["rpo_operations"] > 0
    assert "nowhere.yaml" in records["no-sites"]["details"]["error"]
    assert "profil" in records["mistyped"]["details"]["error"]

    listed = requests.get(f"{s3}/artefacts?list-type=2&max-keys=1000", timeout=30).text
    for name in CASES:
        assert f"multisite-ha/{name}/run/report.html" in listed or name == "is-damaged"
        assert f"multisite-ha/{name}/multisite-ha.log" in listed
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=nobody/20261122/us-east-1/s3/aws4_request"}
    page = requests.get(f"{s3}/artefacts/multisite-ha/violates/run/results.json", headers=signed, timeout=30)
    assert page.json()["verdict"] == "fail", page.text
    assert "http://127.0.0.1/multisite-ha/violates/run/junit.xml" in records["violates"]["details"]["links"]


def test_a_pass_alone_ends_with_zero_and_replaces_what_was_there(python: Path, tmp_path: Path) -> None:
    passing(tmp_path / "stored")
    left = tmp_path / "results" / "passes" / "run"
    stored_run(left)
    done = run_tests(python, tmp_path, {"passes": {"judge": str(tmp_path / "stored")}}, "-t", "passes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((left / "scenarios").iterdir())) == len(PASSING)


def test_the_shipped_testcases_are_known_to_xtesting(python: Path, tmp_path: Path) -> None:
    shipped = yaml.safe_load((ROOT / "docs" / "ci" / "testcases.yaml").read_text())
    program = (
        "import sys, json; from conformance.xtesting import _command; from pathlib import Path\n"
        "print(json.dumps([_command(a, Path('x'))[3:] for a in json.loads(sys.argv[1])]))"
    )
    arguments = [case["run"]["args"] for tier in shipped["tiers"] for case in tier["testcases"]]
    assert {case["run"]["name"] for tier in shipped["tiers"] for case in tier["testcases"]} == {"multisite-ha"}
    command = [str(python), "-c", program, json.dumps(arguments)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    for words in json.loads(out):
        (tmp_path / "here").mkdir(exist_ok=True)
        dry = subprocess.run(
            [str(python), "-m", "conformance", *words, "--dry-run"],
            capture_output=True,
            text=True,
            cwd=tmp_path / "here",
            check=False,
        )
        assert dry.returncode == 0, dry.stderr
