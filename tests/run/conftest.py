"""`multisite-ha run` as a user starts it: a process of its own, on a lab that stays up between the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from empty_labs import empty_lab

from conformance.lab import Lab
from conformance.waiting import wait_until

LAB = "run-tests"


@pytest.fixture(scope="session", autouse=True)
def lab() -> Iterator[Lab]:
    """Two running clouds, stopped after the last test."""
    with empty_lab(LAB) as made:
        made.up()
        yield made


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    exit_code: int
    stdout: str
    stderr: str
    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        """results.json."""
        return json.loads((self.folder / "results.json").read_text())  # type: ignore[no-any-return]

    @property
    def verdicts(self) -> dict[str, str]:
        """Verdict by requirement, of those that were judged."""
        return {r["id"]: r["verdict"] for r in self.results["requirements"] if r["verdict"] != "not_tested"}


@dataclass
class Running:
    """A run going on."""

    process: subprocess.Popen[str]
    folder: Path
    log: Path

    def wait_for(self, text: str, timeout: float = 180) -> None:
        """Wait until the run has said ``text``."""
        wait_until(
            lambda: text in self.log.read_text() or self.process.poll() is not None or None,
            timeout=timeout,
            what=f"the run to say {text!r}",
            interval=0.1,
        )
        assert text in self.log.read_text(), self.log.read_text()

    def family(self) -> list[psutil.Process]:
        """The run and everything it started."""
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the run itself, as `kill` would."""
        self.process.send_signal(number)

    def finish(self, timeout: float = 600) -> Outcome:
        """Wait for the end."""
        stdout, _ = self.process.communicate(timeout=timeout)
        return Outcome(self.process.returncode, stdout, self.log.read_text(), self.folder)


def _as_in_a_terminal() -> None:
    """A CI job that was started in the background ignores SIGINT, and would hand that down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start `multisite-ha run` with arguments; what still runs at the end of the test is killed."""
    started: list[Running] = []

    def begin(*arguments: str, lab: str = LAB) -> Running:
        folder = tmp_path / f"run-{len(started)}"
        log = tmp_path / f"run-{len(started)}.log"
        command = [sys.executable, "-m", "conformance", "run", "--lab", lab, "--out", str(folder), *arguments]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=log.open("w"),
            text=True,
            env={**os.environ, "TERM": "dumb"},
            preexec_fn=_as_in_a_terminal,
        )
        started.append(Running(process, folder, log))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()
