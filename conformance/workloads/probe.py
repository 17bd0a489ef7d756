"""The open-loop probe of the service: a tick every interval, whatever became of the ones before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from conformance.model import Outcome, Probe
from conformance.workloads.pace import wait_or_stop
from conformance.workloads.plan import WorkloadPlan
from conformance.workloads.recording import ProbeRecorder
from conformance.workloads.service import Endpoint, Service
from conformance.workloads.tally import Tally


class Prober:
    """Sends tick n at start + n × interval. A late tick is sent late, never left out: see sent − due.

    A tick is a small write of its own, first at the site that served last. When that site refuses, or has not answered
    by its share of the tick's time, the next one is asked, too. The tick is ok when any of them took it.
    """

    def __init__(
        self,
        plan: WorkloadPlan,
        endpoints: Sequence[Endpoint],
        service: Service,
        recorder: ProbeRecorder,
        tally: Tally,
    ) -> None:
        self.plan = plan
        self.service = service
        self.recorder = recorder
        self.tally = tally
        self.by_site = {
            site: [endpoint for endpoint in endpoints if endpoint.site == site]
            for site in dict.fromkeys(endpoint.site for endpoint in endpoints)
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until ``stop``; ticks under way are seen through."""
        start = time.monotonic_ns()
        async with asyncio.TaskGroup() as ticks:
            n = 0
            while not stop.is_set():
                due = start + n * self.plan.probe_interval_ns
                if await wait_or_stop(stop, (due - time.monotonic_ns()) / 1e9):
                    break
                if time.monotonic_ns() >= due:
                    ticks.create_task(self.tick(n, due))
                    n += 1

    async def tick(self, n: int, due: int) -> None:
        """One probe, from sending to its record."""
        sent = time.monotonic_ns()
        site, error = await self.beat(n, sent / 1e9 + self.plan.probe_timeout)
        probe = Probe(n=n, due=due, sent=sent, done=time.monotonic_ns(), ok=site is not None, site=site, error=error)
        self.recorder.completed(probe)
        self.tally.probe(probe)

    async def beat(self, n: int, deadline: float) -> tuple[str | None, str | None]:
        """The site that took the write; or None and what every front-end that was asked said."""
        sites = list(self.by_site.values())
        errors: list[str] = []
        asked: set[asyncio.Task[Endpoint | None]] = set()
        try:
            while sites or asked:
                if sites:
                    asked.add(asyncio.create_task(self.ask_site(n, sites.pop(0), deadline, errors)))
                share = (deadline - time.monotonic()) / (len(sites) + 1) if sites else None
                done, asked = await asyncio.wait(asked, timeout=share, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if endpoint := task.result():
                        self.prefer(endpoint)
                        return endpoint.site, None
        finally:
            for task in asked:
                task.cancel()
        return None, "; ".join(errors)

    async def ask_site(
        self, n: int, endpoints: Sequence[Endpoint], deadline: float, errors: list[str]
    ) -> Endpoint | None:
        """The front-end of one site that took the write; None, with their words in ``errors``, when none did."""
        for endpoint in list(endpoints):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            answer = await self.service.ask("PUT", endpoint, f"/heartbeats/{n}", timeout=left)
            if answer.outcome is Outcome.OK:
                return endpoint
            errors.append(f"{endpoint.site}: {answer.error}")
        return None

    def prefer(self, endpoint: Endpoint) -> None:
        """Try ``endpoint`` first from now on, and its site before other sites."""
        endpoints = self.by_site.pop(endpoint.site)
        endpoints.sort(key=lambda other: other != endpoint)
        self.by_site = {endpoint.site: endpoints, **self.by_site}
