"""When the harness's prober sends probes, computed."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from conformance.checkers.probing import in_order
from conformance.model import Probe
from conformance.workloads.probe import FINER


class Schedule:
    """The prober's schedule, computed: a probe every period, and while the latest answer is a failure extra ones in
    between, as conformance.workloads.probe.OpenLoop sends them. ``send`` makes a probe of (number, due, extra)."""

    def __init__(self, send: Callable[[int, int, bool], Probe], period: int) -> None:
        self.send = send
        self.period = period
        self.probes: list[Probe] = []
        self.answers: list[tuple[int, int, bool, bool]] = []  # done, number, answered, extra: a heap
        self.latest = (-1, True)
        self.under_way = 0

    def run(self, until: int) -> tuple[Probe, ...]:
        """All probes that were due by then."""
        for part in range(until * FINER // self.period):
            due, extra = part * self.period // FINER, part % FINER != 0
            self._hear(due)
            if not extra or (not self.latest[1] and self.under_way < FINER - 1):
                probe = self.send(len(self.probes), due, extra)
                self.probes.append(probe)
                self.under_way += extra
                heapq.heappush(self.answers, (probe.done, probe.n, probe.ok, extra))
        return in_order(self.probes)

    def _hear(self, now: int) -> None:
        while self.answers and self.answers[0][0] <= now:
            _, n, ok, extra = heapq.heappop(self.answers)
            self.latest = max(self.latest, (n, ok))
            self.under_way -= extra
