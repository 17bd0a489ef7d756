"""The open-loop probe of a plane: a tick every interval, whatever became of the ones before."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence

from conformance.model import Outcome, Probe
from conformance.workloads.pace import wait_or_stop
from conformance.workloads.plan import WorkloadPlan
from conformance.workloads.recording import ProbeRecorder
from conformance.workloads.service import Endpoint, Service
from conformance.workloads.tally import Tally

FINER = 4
"""Into how many parts a period is cut while probes fail."""
SHORTEST_NS = 1_000_000
"""No part is shorter than this: probing harder would disturb what it looks at."""
Ask = Callable[[Endpoint, int, float], Awaitable[str | None]]
"""Asks one endpoint for tick n within so many seconds; None when it is there, else what it said."""


class OpenLoop:
    """Sends a tick every ``interval_ns``. A late tick is sent late, never left out: see sent − due.

    While the latest answer is a failure, extra ticks are sent in between, on a grid of FINER to a period: nothing but
    the distance of the last probe that failed from the first that was answered bounds when an outage ended.

    A tick asks the site that answered last first. When that site refuses, or has not answered by its share of the
    tick's ``timeout`` (seconds), the next one is asked, too. The tick is ok when any of them answered.
    """

    def __init__(
        self,
        interval_ns: int,
        timeout: float,
        endpoints: Sequence[Endpoint],
        ask: Ask,
        completed: Callable[[Probe], None],
    ) -> None:
        self.interval_ns = interval_ns
        self.timeout = timeout
        self.ask = ask
        self.completed = completed
        self.parts = max(1, min(FINER, interval_ns // SHORTEST_NS))
        self._numbers = itertools.count()
        self._latest = (-1, True)  # the number of the latest tick that is decided, and whether it was answered
        self._between: set[asyncio.Task[None]] | None = None  # extra ticks under way; None while none are wanted
        self.by_site = {
            site: [endpoint for endpoint in endpoints if endpoint.site == site]
            for site in dict.fromkeys(endpoint.site for endpoint in endpoints)
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until ``stop``; ticks under way are seen through."""
        start = time.monotonic_ns()
        async with asyncio.TaskGroup() as ticks:
            due = start
            while not await _wait_until(due, stop):
                ticks.create_task(self._scheduled(due, start, stop, ticks))
                due += self.interval_ns

    async def _scheduled(self, due: int, start: int, stop: asyncio.Event, ticks: asyncio.TaskGroup) -> None:
        """The tick of the schedule that is due at ``due``, and the extra ones that follow from its failure."""
        await self.tick(next(self._numbers), due)
        if self._failing() and self._between is None:
            self._between = set()
            await self._probe_between(self._between, start, stop, ticks)
            self._between = None

    async def _probe_between(
        self, under_way: set[asyncio.Task[None]], start: int, stop: asyncio.Event, ticks: asyncio.TaskGroup
    ) -> None:
        """Extra ticks while probes fail. Few at a time: a service that hangs is not to be buried in requests."""
        while self._failing():
            due = self._next_between(start)
            if await _wait_until(due, stop):
                return
            if self._failing() and len(under_way) < self.parts - 1:
                task = ticks.create_task(self.tick(next(self._numbers), due, extra=True))
                under_way.add(task)
                task.add_done_callback(under_way.discard)

    def _failing(self) -> bool:
        return not self._latest[1]

    def _next_between(self, start: int) -> int:
        """The next instant of the finer grid that is none of the schedule's own."""
        periods, rest = divmod(time.monotonic_ns() - start, self.interval_ns)
        part = rest * self.parts // self.interval_ns + 1
        begin = start + periods * self.interval_ns
        if part == self.parts:
            begin, part = begin + self.interval_ns, 1
        return begin + part * self.interval_ns // self.parts

    async def tick(self, n: int, due: int, *, extra: bool = False) -> None:
        """One probe, from sending to its record."""
        sent = time.monotonic_ns()
        site, error = await self.beat(n, sent / 1e9 + self.timeout)
        ok, done = site is not None, time.monotonic_ns()
        self._latest = max(self._latest, (n, ok))
        self.completed(Probe(n=n, due=due, sent=sent, done=done, ok=ok, site=site, error=error, extra=extra))

    async def beat(self, n: int, deadline: float) -> tuple[str | None, str | None]:
        """The site that answered; or None and what every endpoint that was asked said."""
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
        """The endpoint of one site that answered; None, with their words in ``errors``, when none did."""
        for endpoint in list(endpoints):
            left = deadline - time.monotonic()
            if left <= 0:
                break
            error = await self.ask(endpoint, n, left)
            if error is None:
                return endpoint
            errors.append(f"{endpoint.site}: {error}")
        return None

    def prefer(self, endpoint: Endpoint) -> None:
        """Try ``endpoint`` first from now on, and its site before other sites."""
        endpoints = self.by_site.pop(endpoint.site)
        endpoints.sort(key=lambda other: other != endpoint)
        self.by_site = {endpoint.site: endpoints, **self.by_site}


async def _wait_until(due: int, stop: asyncio.Event) -> bool:
    """Wait until ``due``, and no less: timers may be a little early. Whether ``stop`` was set."""
    while not await wait_or_stop(stop, (due - time.monotonic_ns()) / 1e9):
        if time.monotonic_ns() >= due:
            return False
    return True


class Prober(OpenLoop):
    """The probe of the service: each tick is a small write of its own, at whichever site takes it."""

    def __init__(
        self,
        plan: WorkloadPlan,
        endpoints: Sequence[Endpoint],
        service: Service,
        recorder: ProbeRecorder,
        tally: Tally,
    ) -> None:
        async def heartbeat(endpoint: Endpoint, n: int, timeout: float) -> str | None:
            answer = await service.ask("PUT", endpoint, f"/heartbeats/{n}", timeout=timeout)
            return None if answer.outcome is Outcome.OK else answer.error

        def completed(probe: Probe) -> None:
            recorder.completed(probe)
            tally.probe(probe)

        super().__init__(plan.probe_interval_ns, plan.probe_timeout, endpoints, heartbeat, completed)
