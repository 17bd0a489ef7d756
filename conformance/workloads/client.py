"""The clients' process: ``python -m conformance.workloads.client WORKLOAD.json``.

It is a process of its own so that nothing the harness does can delay a probe. Every REPORT_INTERVAL it
prints its Counters as one JSON line. On standard input it takes lines: ``{"rest": true}`` ends writing and
probing, and its Counters then say ``resting``; ``{"final_read_from": SITE | null, "timeout": s}`` does so where it
has not been done, reads everything back from that site, prints its Counters and ends. When standard input ends
(whoever started it is gone) it ends at once; operations under way are then without a completion, as they are.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from conformance.errors import HarnessError
from conformance.workloads.final_read import FinalRead
from conformance.workloads.plan import HISTORY_FILE, PROBES_FILE, WorkloadPlan
from conformance.workloads.planes import plane_probers
from conformance.workloads.probe import Prober
from conformance.workloads.recording import HistoryRecorder, ProbeRecorder
from conformance.workloads.registers import RegisterClient
from conformance.workloads.service import Endpoint, Service
from conformance.workloads.tally import Tally
from conformance.workloads.worker import Worker

REPORT_INTERVAL = 0.25


def report(tally: Tally) -> None:
    """Print the counters; left out when nobody reads, for nobody may hold the clients up."""
    with suppress(BlockingIOError, BrokenPipeError):
        os.write(sys.stdout.fileno(), json.dumps(asdict(tally.counters())).encode() + b"\n")


async def report_regularly(tally: Tally) -> None:
    """Report until cancelled."""
    while True:
        report(tally)
        await asyncio.sleep(REPORT_INTERVAL)


async def commands() -> asyncio.StreamReader:
    """Standard input, to be read without holding anything up."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def next_command(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next line, None when there is none any more."""
    line = await reader.readline()
    return json.loads(line) if line else None


async def work(plan: WorkloadPlan) -> None:
    """Run all clients until told to stop or left alone."""
    endpoints = [Endpoint(site, url.rstrip("/")) for site, urls in plan.endpoints.items() for url in urls]
    history = HistoryRecorder(plan.folder / HISTORY_FILE)
    probes = ProbeRecorder(plan.folder / PROBES_FILE)
    tally = Tally()
    stop = asyncio.Event()
    async with Service() as service, plane_probers(plan) as planes:
        workers = [Worker(n, plan, endpoints, service, history, tally) for n in range(plan.workers)]
        registers = [RegisterClient(n, plan, endpoints, service, history) for n in range(plan.registers)]
        prober = Prober(plan, endpoints, service, probes, tally)

        async def everything() -> None:
            async with asyncio.TaskGroup() as group:
                for loop in (prober, *planes):
                    group.create_task(loop.run(stop))
                for worker in workers:
                    group.create_task(worker.run(stop))
                for client in registers:
                    group.create_task(client.run(stop))

        reports = asyncio.create_task(report_regularly(tally))
        clients = asyncio.create_task(everything())
        orders = await commands()
        told = asyncio.create_task(next_command(orders))
        await asyncio.wait({clients, told}, return_when=asyncio.FIRST_COMPLETED)
        if clients.done():
            await clients  # only an error ends them before they are told to
        command = await told
        if command is None:
            clients.cancel()
            reports.cancel()
            await asyncio.gather(clients, reports, return_exceptions=True)
            return
        stop.set()
        await clients
        if "rest" in command:
            tally.resting = True
            report(tally)
            command = await next_command(orders)
        site = None if command is None else command["final_read_from"]
        if command is not None and site is not None:
            reader = FinalRead(
                plan.workers,
                [e for e in endpoints if e.site == site],
                service,
                history,
                plan.operation_timeout,
            )
            sessions = [session for worker in workers for session in worker.sessions]
            tally.final_read_complete = await reader.run(sessions, command["timeout"])
        reports.cancel()
        report(tally)


def main() -> int:
    """Run; 0 when it ended as told, 3 with a sentence on standard error when it could not go on."""
    if len(sys.argv) != 2:
        sys.stderr.write("Usage: python -m conformance.workloads.client WORKLOAD.json\n")
        return 64
    os.set_blocking(sys.stdout.fileno(), False)
    status = 0
    try:
        asyncio.run(work(WorkloadPlan.from_json(Path(sys.argv[1]).read_text(encoding="utf-8"))))
    except* HarnessError as errors:
        sys.stderr.write(f"{first_of(errors)}\n")
        status = 3
    return status


def first_of(error: BaseException) -> BaseException:
    """The first error inside groups of errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    sys.exit(main())
