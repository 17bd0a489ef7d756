"""A test case for OPNFV's test framework xtesting: entry point `multisite-ha` of the group `xtesting.testcase`.

xtesting looks at the result alone, calls `run` a second time when it raises KeyError, and publishes what lies in the
results folder. So `run` never raises, the result is 100 for a proven pass and 0 for anything else, and the harness runs
as a process of its own, whose crash in whatever phase is an error and nothing worse.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xtesting.core import testcase

_LOG = logging.getLogger(__name__)
_OPTIONS = ("sites", "lab", "profile", "vnf", "scheme", "seed", "toxiproxy", "waivers")
_FLAGS = ("no_faults", "keep_lab")
_STOP_S = 120


class MultisiteHa(testcase.TestCase):  # type: ignore[misc]
    """Arguments in testcases.yaml: those of `multisite-ha run` (sites, lab, profile, vnf, scheme, seed, toxiproxy,
    waivers, no_faults, keep_lab, and ``selection``, a list), or ``judge``, a stored run that is judged again instead.

    ``details`` become those of the TestAPI record: the verdict and figures of each requirement, or ``error``.
    """

    def run(self, **kwargs: Any) -> int:
        """Carry it out. EX_OK when there is a verdict, whatever it says; EX_RUN_ERROR when the harness failed."""
        self.start_time = time.time()
        self.result = 0
        self.details = {"verdict": "error", "error": "The harness was interrupted."}
        try:
            verdict, self.details = self._carry_out(kwargs)
        except Exception as error:  # xtesting would publish nothing, or run it all again
            _LOG.exception("multisite-ha could not be run")
            verdict, self.details = "error", {"verdict": "error", "error": f"{type(error).__name__}: {error}"}
        finally:
            self.stop_time = time.time()
        self.result = 100 if verdict == "pass" else 0
        _LOG.info("multisite-ha: %s", verdict)
        return int(self.EX_RUN_ERROR if verdict == "error" else self.EX_OK)

    def _carry_out(self, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        results = Path(self.res_dir)
        results.mkdir(parents=True, exist_ok=True)
        folder, log = results / "run", results / "multisite-ha.log"
        if folder.exists():
            shutil.rmtree(folder)  # of this case's last time: it would be published as if it were of this one
        command = _command(arguments, folder)
        with log.open("wb") as sink:
            code = _wait(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT))
        said = log.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
        try:
            record = json.loads((folder / "testapi.json").read_text(encoding="utf-8"))["details"]
            verdict = str(record["verdict"])
        except (OSError, ValueError, KeyError, TypeError):
            return "error", {"verdict": "error", "error": f"There is no verdict; exit code {code}: {said}"}
        if (verdict == "pass") != (code == 0) or (code not in (0, 1, 2)):
            error = f"The verdict in the run folder is {verdict}, but the exit code is {code}: {said}"
            return "error", {**record, "verdict": "error", "error": error}
        return verdict, record


def _command(arguments: Mapping[str, Any], folder: Path) -> list[str]:
    program = [sys.executable, "-m", "conformance"]
    unknown = set(arguments) - {*_OPTIONS, *_FLAGS, "selection", "judge"}
    if unknown:
        known = ", ".join((*_OPTIONS, *_FLAGS, "selection", "judge"))
        raise ValueError(f"testcases.yaml gives {', '.join(sorted(unknown))}; known are {known}.")
    if "judge" in arguments:
        shutil.copytree(str(arguments["judge"]), folder)
        return [*program, "judge", str(folder)]
    command = [*program, "run", "--out", str(folder)]
    for name in _OPTIONS:
        if arguments.get(name) is not None:
            command += [f"--{name}", str(arguments[name])]
    command += [f"--{name.replace('_', '-')}" for name in _FLAGS if arguments.get(name)]
    return [*command, *map(str, arguments.get("selection") or ())]


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Its exit code. When xtesting is interrupted meanwhile, the harness is given the time to heal its faults."""
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, 9)
                process.wait()
