"""The harness' side of the clients: start their process, watch it, end it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

from conformance.waiting import NotReached, wait_until
from conformance.workloads.plan import (
    HISTORY_FILE,
    LOG_FILE,
    PLAN_FILE,
    Counters,
    WorkloadError,
    WorkloadPlan,
)

FINAL_READ_SHARE = 0.8
"""Of the time ``stop`` has, how much the final read may take; the rest is for operations under way."""


class Workload:
    """Clients in a process of their own. A context manager: leaving it kills what still runs.

    They end by themselves when this process is gone.
    """

    def __init__(self, plan: WorkloadPlan) -> None:
        self.plan = plan
        self._process: subprocess.Popen[bytes] | None = None
        self._latest = Counters()
        self._reading: threading.Thread | None = None
        self._told = False

    def start(self, timeout: float = 30.0) -> Counters:
        """Start the clients; returns when every worker has had a write acknowledged.

        WorkloadError, with nothing left running, when that takes longer than ``timeout`` seconds.
        """
        if self._process is not None:
            raise WorkloadError("This workload has been started already; a new one needs a folder of its own.")
        plan_file = self.plan.folder / PLAN_FILE
        try:
            plan_file.write_text(self.plan.to_json(), encoding="utf-8")
            with (self.plan.folder / LOG_FILE).open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "conformance.workloads.client", str(plan_file)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C is for the harness, which then ends the clients in order
                )
        except OSError as error:
            raise WorkloadError(f"Cannot start the clients with {plan_file}: {error.strerror}.") from None
        self._reading = threading.Thread(target=self._read_reports, name="workload-reports", daemon=True)
        self._reading.start()
        try:
            return wait_until(self._all_write, timeout=timeout, what="a write of each worker")
        except NotReached:
            seen = self._latest
            self.kill()
            raise WorkloadError(
                f"Expected a write of each of {self.plan.workers} workers acknowledged within {timeout:g} s, "
                f"saw {seen.workers_writing} workers writing ({seen.acknowledged} writes acknowledged, "
                f"{seen.failed} failed, {seen.unknown} unknown) at {self._places()}. "
                f"What they were told is in {self.plan.folder / HISTORY_FILE}."
            ) from None
        except BaseException:
            self.kill()
            raise

    def counters(self) -> Counters:
        """How far the clients are, at most half a second ago. WorkloadError when they died."""
        status = None if self._process is None else self._process.poll()
        if status or (status == 0 and not self._told):
            raise WorkloadError(self._how_it_died())
        return self._latest

    def rest(self, timeout: float = 30.0) -> Counters:
        """End writing and probing, and leave the final read for ``stop``: what was written last can arrive first.

        WorkloadError when the clients died, or were not at rest within ``timeout`` seconds.
        """
        self._order({"rest": True})
        try:
            return wait_until(
                lambda: seen if (seen := self.counters()).resting else None, timeout=timeout, what="the clients to rest"
            )
        except NotReached as error:
            self.kill()
            raise WorkloadError(f"{error} They were killed; what they recorded is in {self.plan.folder}.") from None

    def stop(self, final_read_from: str | None, timeout: float = 120.0) -> Counters:
        """End writing and probing, then read everything back from one site (None: from none).

        WorkloadError when the clients died or did not end within ``timeout`` seconds: they are killed then.
        """
        if final_read_from is not None and final_read_from not in self.plan.endpoints:
            raise WorkloadError(
                f"Cannot read back from {final_read_from!r}: this workload knows {', '.join(self.plan.endpoints)}."
            )
        self._told = True
        process = self._order({"final_read_from": final_read_from, "timeout": timeout * FINAL_READ_SHARE})
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise WorkloadError(
                f"Expected the clients to end within {timeout:g} s; they did not and were killed. "
                f"What they recorded until then is in {self.plan.folder}."
            ) from None
        self._close()
        return self.counters()

    def kill(self) -> None:
        """SIGKILL the clients; nothing when they do not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _order(self, command: dict[str, object]) -> subprocess.Popen[bytes]:
        """Hand the clients a line. WorkloadError when they are not there to take it."""
        if self._process is None or self._process.stdin is None:
            raise WorkloadError("This workload cannot be stopped: it has not been started.")
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            self.kill()
            raise WorkloadError(self._how_it_died()) from None
        return self._process

    def _all_write(self) -> Counters | None:
        seen = self.counters()
        return seen if seen.workers_writing == self.plan.workers else None

    def _read_reports(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            self._latest = Counters(**json.loads(line))

    def _close(self) -> None:
        """Once the process has ended: take in its last report and let go of the pipes."""
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        if self._reading is not None:
            self._reading.join()
        self._process.stdout.close()
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # a command nobody was left to read

    def _places(self) -> str:
        return "; ".join(f"{site} ({', '.join(urls)})" for site, urls in self.plan.endpoints.items())

    def _how_it_died(self) -> str:
        status = self._process.wait() if self._process is not None else None
        log = self.plan.folder / LOG_FILE
        words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:] if log.exists() else []
        return (
            f"The clients' process ended with status {status} before its work was done: "
            f"{words[0] if words else 'it left no message'} (log: {log})"
        )
