"""Tempest itself: its own environment, a workspace, a run of a selection, and what came of each test."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from conformance.errors import HarnessError, UsageError

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"
COMPLETE = "complete"  # an environment holds this file once everything is installed
GRACE = 10.0  # seconds for an interrupted run to end by itself

SUITES = {
    "smoke": ["--smoke"],
    "api": [
        "--regex",
        r"^tempest\.api\.(identity\.(v3|admin\.v3)|image\.v2|network|volume|compute\.(servers|volumes|admin))\.",
    ],
}

EXCLUDED = {
    r"test_network_basic_ops\.TestNetworkBasicOps\.test_network_basic_ops": "pings a guest through a floating IP: in "
    "loopback mode a floating IP is an API record, and the kernel answers pings to all of 127.0.0.0/8",
}
"""Tests that are not run, by regular expression, and why: they need what the lab says it has not."""


class TempestError(HarnessError):
    """Tempest could not be installed or run."""


@dataclass(frozen=True)
class Outcome:
    """One test: ``status`` is success, fail, skip, xfail, uxsuccess or inprogress (it never ended)."""

    test: str
    status: str
    seconds: float
    detail: str

    @property
    def failed(self) -> bool:
        """Whether this counts as a failure: anything that is neither a success nor a skip."""
        return self.status not in ("success", "skip", "xfail")


def environment(cache: Path, progress: Callable[[str], None]) -> Path:
    """Tempest's own venv with exactly pinned packages, built if it is not there; returns its ``bin``."""
    key = hashlib.sha256(LOCK.read_bytes() + os.path.realpath(sys.executable).encode()).hexdigest()[:12]
    venv = cache / f"tempest-{key}"
    if not (venv / COMPLETE).exists():
        progress(f"building tempest's environment in {venv} (once)")
        shutil.rmtree(venv, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        _uv("venv", "--quiet", "--no-python-downloads", "--python", sys.executable, str(venv), cwd=cache)
        python = str(venv / "bin" / "python")
        _uv(
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--python",
            python,
            "--requirement",
            str(LOCK),
            cwd=cache,
        )
        (venv / COMPLETE).touch()
    return venv / "bin"


def selection(suite: str, regex: str | None, failed_of: Path | None) -> list[str]:
    """Arguments of ``tempest run``: for what failed in an earlier run, what ``regex`` finds, or the suite."""
    if failed_of:
        return ["--regex", "|".join(_selecting(test) for test in _failures(failed_of))]
    return ["--regex", regex] if regex else SUITES.get(suite, [])


def _failures(results: Path) -> list[str]:
    """Names of the tests that failed in the run with this results.json."""
    try:
        failed = [test["test"] for test in json.loads(results.read_text())["tests"] if test["status"] == "fail"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(f"{results} is not the results.json of a run ({error}). Give one from reports/.") from error
    if not failed:
        raise UsageError(f"No test failed in the run of {results}: there is nothing to run again.")
    return failed


def run(
    binaries: Path, workspace: Path, chosen: list[str], concurrency: int, say: Callable[[str], None]
) -> list[Outcome]:
    """Run the tests, telling each line of tempest's progress, and return what came of them."""
    (workspace / ".stestr.conf").write_text(
        "[DEFAULT]\n"
        f"test_path={_site_packages(binaries)}/tempest/test_discover\n"
        f"top_dir={_site_packages(binaries)}\n"
        r"group_regex=([^\.]*\.)*"
        "\n"
    )
    command = [
        str(binaries / "tempest"),
        "run",
        "--config-file",
        str(workspace / "tempest.conf"),
        "--concurrency",
        str(concurrency),
        "--exclude-regex",
        "|".join(EXCLUDED),
        *chosen,
    ]
    # tempest's workers are started as "python": theirs has to be found first
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    with (
        (workspace / "run.log").open("w") as log,
        subprocess.Popen(
            command,
            cwd=workspace,
            env={**os.environ, "PATH": path, "HOME": str(workspace), "PYTHON": "python"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        assert process.stdout
        try:
            for line in process.stdout:
                log.write(line)
                log.flush()
                say(line.rstrip())
        except BaseException:
            _end(process)
            raise
    # 0: all passed; 1: some did not, which the outcomes tell, or none was run
    outcomes = _outcomes(binaries, workspace)
    if not outcomes:
        last = (workspace / "run.log").read_text()[-600:]
        raise TempestError(
            f"tempest ended with exit status {process.returncode} and without a test result; expected were results of "
            f"{' '.join(chosen)[:200]}. Its last words (all of them: {workspace / 'run.log'}): {last}"
        )
    return outcomes


def _outcomes(binaries: Path, workspace: Path) -> list[Outcome]:
    """Have stestr tell its last run as subunit v2, and read that with the interpreter that has a reader of it."""
    told = subprocess.run(
        [str(binaries / "stestr"), "last", "--subunit"], cwd=workspace, capture_output=True, check=False
    )
    read = subprocess.run(
        [str(binaries / "python"), str(HERE / "read_subunit.py")],
        input=told.stdout,
        capture_output=True,
        check=False,
    )
    if read.returncode:
        raise TempestError(f"The results in {workspace}/.stestr cannot be read: {read.stderr.decode()[-600:]}")
    return [Outcome(**json.loads(line)) for line in read.stdout.splitlines()]


def _selecting(test: str) -> str:
    """Regular expression for a test reported as ``test``: a failure of setUpClass stands for its whole class."""
    broken_class = re.fullmatch(r"\w+ \(([\w.]+)\)", test)
    if broken_class:
        return re.escape(broken_class[1]) + r"\."
    return re.escape(test.partition("[")[0]) + r"(\[|$)"


def _site_packages(binaries: Path) -> Path:
    return next((binaries.parent / "lib").glob("python3*/site-packages"))


def _end(process: subprocess.Popen[str]) -> None:
    """End tempest and its workers: they are a session of their own."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _uv(*arguments: str, cwd: Path) -> None:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if not uv:
        raise TempestError(f"uv, which is installed with multisite-ha, is neither at {beside} nor on PATH.")
    said = subprocess.run([uv, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    if said.returncode:
        raise TempestError(f"uv could not build tempest's environment: {said.stderr[-600:].strip()}")
