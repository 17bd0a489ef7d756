"""Outages planted with known begin and end: is the truth in the stated interval, and how wide is that?

    python benchmarks/outage_calibration.py [--cases 500] [--seed 1] [--real-cases 500]

The first table is computed: a service that is away from one instant to another is probed on a fixed schedule, with
answers that take their time, hang, are lost, or are sent late by the prober. The second is measured: a real datagram
echo refuses or falls silent at instants it notes itself, and the harness's own prober asks it over the loopback device.
Printed for the begin, the end and the length of each outage: how often the truth was outside (must be never), and how
wide the stated interval was, in probe periods. "Quick" are the outages at whose two edges the answers that bound it,
and the prober's lateness there, took three quarters of a period together: those must be known to two periods.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from conformance.checkers.probing import Outage, in_order, outages
from conformance.model import Probe
from conformance.workloads.planes import NOT_SERVING, Flows
from conformance.workloads.probe import OpenLoop
from conformance.workloads.service import Endpoint

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from probe_schedule import Schedule  # noqa: E402  # beside the tests that use it

MS = 1_000_000
PERIOD = 20 * MS
REAL_PERIOD = 20 * MS
QUICK = 0.75
PATIENCE, HANG = 5.0, 0.5
"""Seconds that a probe waits: long, where all that can take long is this machine; a probe that it keeps from being
answered in time has failed like any other."""
SEEN = 3
"""So many probes find the echo there before it goes again. A return that no probe met cannot be told from none: what
went before and after it is one outage to anybody who only has the probes."""


@dataclass(frozen=True)
class Conditions:
    """How probing goes. Times in nanoseconds: ``latency`` is the longest way there, and back; ``hang`` how long a probe
    hangs in the outage (0: it is refused); ``hiccup`` the share of probes sent late, by up to 200 ms."""

    name: str
    latency: int = 2 * MS
    hang: int = 0
    hiccup: float = 0.0
    outages: int = 1


CONDITIONS = (
    Conditions("refused at once"),
    Conditions("refused, answers take up to 10 ms", latency=5 * MS),
    Conditions("refused, answers take up to 20 ms", latency=10 * MS),
    Conditions("five short outages, refused at once", outages=5),
    Conditions("hang for 300 ms", hang=300 * MS),
    Conditions("hang for 1 s", hang=1000 * MS),
    Conditions("refused, 10 % of probes up to 200 ms late", hiccup=0.1),
    Conditions("hang for 300 ms, 10 % late", hang=300 * MS, hiccup=0.1),
)


@dataclass
class Tally:
    """What came of the cases: how many truths were outside, and every width (nanoseconds)."""

    cases: int = 0
    missed: int = 0
    begin: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    length: list[int] = field(default_factory=list)
    outside: int = 0
    quick: int = 0
    quick_but_wide: int = 0

    def add(
        self, truth: tuple[int, int], slack: int, found: Sequence[Outage], probes: Sequence[Probe], period: int
    ) -> None:
        """One outage, its begin and end known to ``slack``. One that no probe met must fit between two answers."""
        self.cases += 1
        gone, back = truth
        mine = [o for o in found if o.start_low is not None and o.start_low <= back and (o.end_high or back) >= gone]
        if not mine:
            self.missed += 1
            hidden = any(a.sent - slack <= gone and back <= b.done + slack for a, b in pairwise(probes))
            self.outside += not hidden
            return
        # An answer that came late can make the interval of the outage before reach into this one.
        one = max(mine, key=lambda o: min(o.end_low, back) - max(o.start_high, gone))
        assert one.start_low is not None
        if one.end_high is None or one.high is None:
            self.outside += 1
            return
        inside = (
            one.start_low - slack <= gone <= one.start_high + slack
            and one.end_low - slack <= back <= one.end_high + slack
            and one.low - 2 * slack <= back - gone <= one.high + 2 * slack
        )
        self.outside += not inside
        self.begin.append(one.start_high - one.start_low)
        self.end.append(one.end_high - one.end_low)
        self.length.append(one.high - one.low)
        if _spent_at_edges(one, probes) <= QUICK * period:
            self.quick += 1
            self.quick_but_wide += self.length[-1] > 2 * period

    def row(self, name: str, period: int) -> str:
        """A line of the table."""
        if not self.length:
            return f"| {name} | {self.cases} | {self.missed} | {self.outside} | | | | | |"
        widths = " | ".join(_quantiles(w, period) for w in (self.begin, self.end, self.length))
        narrow = sum(w <= 2 * period for w in self.length) / len(self.length)
        quick = f"{self.quick_but_wide} of {self.quick}"
        return f"| {name} | {self.cases} | {self.missed} | {self.outside} | {widths} | {narrow:.1%} | {quick} |"


def _spent_at_edges(one: Outage, probes: Sequence[Probe]) -> int:
    """How long the two probes took whose answers bound the outage, and how late any probe of its edges was sent. An
    answered probe that took so long that it does not bound the beginning counts with the time since it was sent."""
    at = {p.n: i for i, p in enumerate(probes)}
    first, last = at[one.first], at[one.last]
    assert one.start_low is not None
    assert one.end_high is not None
    answers = one.start_high - probes[first].sent + one.end_high - probes[last + 1].sent
    overdue = probes[first - 1].sent - one.start_low if first else 0
    edges = ((one.start_low, one.start_high), (one.end_low, one.end_high))
    late = sum(max((p.sent - p.due for p in probes if p.sent > a and p.due < b), default=0) for a, b in edges)
    return answers + overdue + late


def _quantiles(widths: Sequence[int], period: int) -> str:
    """Median, 95 % and the widest, in periods."""
    ordered = sorted(widths)
    return ", ".join(
        f"{w / period:.2f}" for w in (ordered[len(ordered) // 2], ordered[len(ordered) * 95 // 100], ordered[-1])
    )


HEAD = (
    "| probes in the outage are … | outages | not met | truth outside | begin: median, 95 %, widest | end | length | "
    "≤ 2 periods | wider though quick |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|"
)


def simulate(conditions: Conditions, rng: random.Random) -> tuple[list[tuple[int, int]], tuple[Probe, ...]]:
    """True outages and what probing shows of them."""
    truth, t = [], 1000 * MS
    for _ in range(conditions.outages):
        gone = t + rng.randrange(PERIOD)
        back = gone + rng.randrange(100 * MS, 6000 * MS if conditions.outages == 1 else 500 * MS)
        truth.append((gone, back))
        t = back + 2000 * MS

    def send(n: int, due: int, extra: bool) -> Probe:
        sent = due + (rng.randrange(200 * MS) if rng.random() < conditions.hiccup else rng.randrange(MS))
        arrives = sent + rng.randrange(conditions.latency)
        done = arrives + rng.randrange(conditions.latency)
        ok = not any(a <= arrives < b for a, b in truth)
        if not ok and conditions.hang:
            done = sent + conditions.hang
        return Probe(n, due, sent, done, ok, "site-a" if ok else None, extra=extra)

    return truth, Schedule(send, PERIOD).run(t)


def simulated(cases: int, seed: int) -> None:
    """Print the computed table."""
    print(f"Computed, {PERIOD // MS} ms period, widths in periods:\n\n{HEAD}")
    for conditions in CONDITIONS:
        rng, tally = random.Random(f"{seed} {conditions.name}"), Tally()
        while tally.cases < cases:
            truth, probes = simulate(conditions, rng)
            found = outages(probes)
            for one in truth:
                tally.add(one, 0, found, probes, PERIOD)
        print(tally.row(conditions.name, PERIOD))


@dataclass(frozen=True)
class Truth:
    """From when to when the echo was away (nanoseconds), each known to ``slack``."""

    span: tuple[int, int]
    slack: int


class Echo:
    """A datagram echo that is away at times; it notes when."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.away = False
        self.silent = False
        self.served = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            data, sender = self.socket.recvfrom(2048)
            if not self.away:
                self.socket.sendto(data, sender)
                self.served += 1
            elif not self.silent:
                self.socket.sendto(NOT_SERVING + data, sender)

    async def come_and_go(self, cases: int, rng: random.Random) -> list[Truth]:
        """When it was away: after each it is there for 60 to 120 ms (longer if probes hang), and until it was seen."""
        truth = []
        extra = HANG if self.silent else 0.0
        for _ in range(cases):
            enough = self.served + SEEN
            await asyncio.sleep(rng.uniform(0.06, 0.12) + extra)
            while self.served < enough:
                await asyncio.sleep(0.005)
            gone = self._turn(True)
            await asyncio.sleep(rng.uniform(0.05, 0.2))
            back = self._turn(False)
            truth.append(Truth((gone[0], back[1]), max(gone[1] - gone[0], back[1] - back[0])))
        await asyncio.sleep(0.3 + extra)
        return truth

    def _turn(self, away: bool) -> tuple[int, int]:
        """Come or go; the instants just before and just after, between which this thread may have had to wait."""
        before = time.monotonic_ns()
        self.away = away
        return before, time.monotonic_ns()


async def measure(cases: int, silent: bool, rng: random.Random) -> tuple[list[Truth], tuple[Probe, ...]]:
    """True outages of a real echo and the probes that the harness's prober made of it."""
    echo, flows, stop = Echo(), Flows(), asyncio.Event()
    echo.silent = silent
    probes: list[Probe] = []
    place = Endpoint("site-a", f"127.0.0.1:{echo.socket.getsockname()[1]}")
    ask: Callable[..., object] = flows.ask
    prober = OpenLoop(REAL_PERIOD, HANG if silent else PATIENCE, [place], ask, probes.append)  # type: ignore[arg-type]
    running = asyncio.create_task(prober.run(stop))
    truth = await echo.come_and_go(cases, rng)
    stop.set()
    await running
    flows.close()
    return truth, in_order(probes)


def measured(cases: int, seed: int) -> None:
    """Print the measured table."""
    where = f"over the loopback device (load {os.getloadavg()[0]:.0f})"
    print(f"\nMeasured {where}, {REAL_PERIOD // MS} ms period, widths in periods:\n\n{HEAD}")
    for silent, name in (
        (False, "refused at once (real sockets)"),
        (True, "swallowed, 500 ms patience (real sockets)"),
    ):
        tally = Tally()
        truth, probes = asyncio.run(measure(cases, silent, random.Random(seed)))
        found = outages(probes)
        for one in truth:
            tally.add(one.span, one.slack, found, probes, REAL_PERIOD)
        print(tally.row(name, REAL_PERIOD))


def main() -> None:
    """Read the options and print both tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=500)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--real-cases", type=int, default=500)
    given = options.parse_args()
    simulated(given.cases, given.seed)
    if given.real_cases:
        measured(given.real_cases, given.seed)


if __name__ == "__main__":
    main()
