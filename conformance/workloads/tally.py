"""Counting while the clients work."""

from __future__ import annotations

from conformance.model import Outcome, Probe
from conformance.workloads.plan import Counters


class Tally:
    """What the clients have seen so far."""

    def __init__(self) -> None:
        self._writes = dict.fromkeys(Outcome, 0)
        self._writing: set[int] = set()
        self._probes = 0
        self._probes_failed = 0
        self._latency: int | None = None
        self.resting = False
        self.final_read_complete: bool | None = None

    def write(self, worker: int, outcome: Outcome) -> None:
        """Count a write's outcome."""
        self._writes[outcome] += 1
        if outcome is Outcome.OK:
            self._writing.add(worker)

    def probe(self, probe: Probe) -> None:
        """Count a probe."""
        self._probes += 1
        self._probes_failed += not probe.ok
        self._latency = probe.done - probe.due

    def counters(self) -> Counters:
        """All of it, now."""
        return Counters(
            acknowledged=self._writes[Outcome.OK],
            failed=self._writes[Outcome.FAIL],
            unknown=self._writes[Outcome.INFO],
            workers_writing=len(self._writing),
            probes=self._probes,
            probes_failed=self._probes_failed,
            last_probe_latency_ns=self._latency,
            resting=self.resting,
            final_read_complete=self.final_read_complete,
        )
