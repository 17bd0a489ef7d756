"""Our end of the lab's fork server: starting it, and asking it to start processes of sites."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from conformance.lab import environment, processes
from conformance.lab.errors import LabError
from conformance.waiting import wait_until

INSIDE = Path(__file__).with_name("inside")
SOCKET = "supervisor.sock"
READY_TIMEOUT = 120.0  # seconds; on a busy machine with cold disks the imports take a while


@dataclass(frozen=True)
class Job:
    """A process to start: ``entry`` is module:function below labcloud, ``log`` takes its output."""

    nursery: str
    entry: str
    args: tuple[str, ...]
    title: str
    cwd: Path
    log: Path
    within: Mapping[str, object] | None = None
    """Namespaces: ``{"netns": path}`` for a site's init, which gets a PID namespace of its own; ``{"init": pid}`` to
    join those of a site's init."""

    @property
    def what(self) -> str:
        """What it does, for people: the title without lab and directory."""
        return self.title.partition(": ")[2].partition(" [")[0]


@cache
def code_digest() -> str:
    """Digest of the OpenStack environment and of our code that runs inside it."""
    digest = hashlib.sha256(environment.key().encode())
    for path in sorted(INSIDE.rglob("*")):
        if path.suffix in (".py", ".txt"):
            digest.update(path.relative_to(INSIDE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


class Supervisor:
    """The fork server of the lab in ``directory``. It is a process of its own and outlives this object."""

    def __init__(
        self, lab: str, directory: Path, claim: str, wrap: Callable[[Sequence[str]], Sequence[str]] = list
    ) -> None:
        """``wrap`` turns its command line into the one that starts it where it is to live."""
        self._lab = lab
        self._directory = directory
        self._claim = claim
        self._wrap = wrap
        self._started: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Its output."""
        return self._directory / "supervisor.log"

    def title(self, what: str) -> str:
        """Title of a job that belongs to no site."""
        return processes.lab_title(self._lab, self._directory, what)

    def hello(self) -> dict[str, Any] | None:
        """Its description, or None when none answers."""
        try:
            return self._ask({"op": "hello"}, timeout=30)
        except OSError:
            return None

    def ensure(self, venv: Path) -> bool:
        """Start it unless a sound one with this very code is running; returns whether it was started."""
        known = self.hello()
        if known and known["code"] == code_digest() and not any(known["nurseries"].values()):
            return False
        self.stop()
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PYTHON"))}
        command = [str(environment.python(venv)), "-W", "ignore", "-m", processes.SUPERVISOR_MODULE]
        # The directory last: by that it is found before it has set its title.
        options = {"lab": self._lab, "code": code_digest(), "claim": self._claim, "directory": str(self._directory)}
        with self.log.open("wb") as output:
            self._started = subprocess.Popen(
                self._wrap([*command, *(word for name, value in options.items() for word in (f"--{name}", value))]),
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**environ, "PYTHONPATH": str(INSIDE)},
            )
        _CHILDREN.append(self._started)
        return True

    def wait_ready(self) -> None:
        """Wait until it answers: it first imports what all services share."""

        def answers() -> bool:
            if self.hello():
                return True
            if self._lives():
                return False
            raise LabError(f"The lab's supervisor ended while starting. Its log is {self.log}: {last_words(self.log)}")

        wait_until(answers, timeout=READY_TIMEOUT, what=f"the lab's supervisor to answer (log {self.log})")

    def _lives(self) -> bool:
        if self._started is not None:
            return self._started.poll() is None
        return bool(processes.supervisors(self._lab, self._directory))

    def stop(self) -> None:
        """Kill it with its nurseries and jobs; the sites' processes stay."""
        processes.kill(processes.supervisors(self._lab, self._directory))
        reap()
        (self._directory / SOCKET).unlink(missing_ok=True)

    def spawn(self, job: Job) -> int:
        """Start a process; returns its pid. Raises LabError if the service could not be imported."""
        request = {
            "op": "spawn",
            "nursery": job.nursery,
            "entry": job.entry,
            "args": list(job.args),
            "title": job.title,
            "cwd": str(job.cwd),
            "log": str(job.log),
            "within": job.within,
        }
        return int(self._ask(request, timeout=120)["pid"])

    def ends(self, pids: Iterable[int]) -> dict[int, str | None]:
        """How processes started here have ended ("exit status 1"); None for those that run."""
        answer = self._ask({"op": "ends", "pids": list(pids)}, timeout=30)
        return {int(pid): end for pid, end in answer["ends"].items()}

    def run(self, jobs: Sequence[Job], timeout: float, done: Callable[[Job], None] = lambda job: None) -> None:
        """Run jobs side by side until all have ended; LabError names the log of one that failed.

        If this is interrupted, or one job fails, the others are killed before the exception goes on.
        """
        running: dict[int, Job] = {}

        def finished() -> bool:
            for pid, end in self.ends(list(running)).items():
                if end is None:
                    continue
                job = running.pop(pid)
                if end != "exit status 0":
                    raise LabError(f"{job.what} failed ({end}). Its log is {job.log}: {last_words(job.log)}")
                done(job)
            return not running

        try:
            for job in jobs:
                running[self.spawn(job)] = job
            wait_until(finished, timeout=timeout, what=", ".join(job.what for job in jobs))
        finally:
            for pid in running:  # empty when all went well
                _kill_group(pid)

    def _ask(self, request: dict[str, Any], timeout: float) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, _short_path(self._directory) as short:
            connection.settimeout(timeout)
            connection.connect(f"{short}/{SOCKET}")
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = connection.makefile().readline()
        if not line:
            raise ConnectionError("the supervisor closed the connection")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise LabError(f"The lab's supervisor: {answer['error']}. Its log is {self.log}: {last_words(self.log)}")
        return answer


_CHILDREN: list[subprocess.Popen[bytes]] = []  # supervisors started by this process: kept so that they can be reaped


def reap() -> None:
    """Collect supervisors of ours that have ended, so that they are not zombies until this process ends."""
    _CHILDREN[:] = [child for child in _CHILDREN if child.poll() is None]


def _kill_group(leader: int) -> None:
    """Kill a job with the processes it has forked: each job leads a session of its own."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it ended in the meantime


@contextmanager
def _short_path(directory: Path) -> Iterator[str]:
    """A path to ``directory`` of a few characters: unix socket paths are limited to 107 bytes."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def last_words(log: Path, lines: int = 4) -> str:
    """The end of a log, in one line, to be shown in an error."""
    try:
        text = log.read_text(errors="replace")[-4000:]
    except OSError:
        return "(no log)"
    return " | ".join(line.strip() for line in text.splitlines()[-lines:]) or "(empty)"
