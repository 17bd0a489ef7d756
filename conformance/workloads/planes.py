"""Probing other planes than the service: an API's version document over HTTP, a media-like flow over UDP.

Each plane has the service probe's open loop and file format, and a file of its own, ``probes/NAME.jsonl``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from conformance.workloads.plan import PLANES_FOLDER, Plane, WorkloadError, WorkloadPlan
from conformance.workloads.probe import Ask, OpenLoop
from conformance.workloads.recording import ProbeRecorder
from conformance.workloads.service import CONNECT_TIMEOUT, Endpoint, reason

NOT_SERVING = b"not serving "
"""What stands before a datagram that is sent back by something that is there and does not serve."""


async def ask_http(http: aiohttp.ClientSession, url: str, timeout: float) -> str | None:
    """GET; anything below 400 is an answer: the list of an API's versions comes as 300."""
    limits = aiohttp.ClientTimeout(total=timeout, sock_connect=min(CONNECT_TIMEOUT, timeout))
    try:
        async with http.get(url, timeout=limits, allow_redirects=False) as response:
            await response.read()
            return None if response.status < 400 else str(response.status)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        return f"not connected: {reason(error)}"
    except TimeoutError:
        return f"no answer within {timeout:.3g} s"
    except (aiohttp.ClientError, OSError) as error:
        return f"connection broke: {reason(error)}"


class Flow(asyncio.DatagramProtocol):
    """Datagrams to one place, each of which it is to send back."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, asyncio.Future[str | None]] = {}

    def datagram_received(self, data: bytes, addr: object) -> None:
        """One came back."""
        refused = data.startswith(NOT_SERVING)
        waiting = self._waiting.get(data.removeprefix(NOT_SERVING))
        if waiting is not None and not waiting.done():
            waiting.set_result("503 not serving" if refused else None)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there: that goes for all that are under way."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(f"not connected: {reason(exc)}")

    async def ask(self, transport: asyncio.DatagramTransport, n: int, timeout: float) -> str | None:
        """Send datagram n and wait until it is back."""
        payload = b"multisite-ha probe %d" % n
        waiting: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._waiting[payload] = waiting
        transport.sendto(payload)
        try:
            async with asyncio.timeout(timeout):
                return await waiting
        except TimeoutError:
            return f"no answer within {timeout:.3g} s"
        finally:
            del self._waiting[payload]


class Flows:
    """A flow to each place, opened when it is first asked."""

    def __init__(self) -> None:
        self._flows: dict[str, tuple[asyncio.DatagramTransport, Flow]] = {}
        self._opening = asyncio.Lock()

    async def ask(self, endpoint: Endpoint, n: int, timeout: float) -> str | None:
        """Datagram n to ``host:port``."""
        host, _, port = endpoint.url.rpartition(":")
        async with self._opening:
            if endpoint.url not in self._flows:
                try:
                    self._flows[endpoint.url] = await asyncio.get_running_loop().create_datagram_endpoint(
                        Flow, remote_addr=(host.strip("[]"), int(port))
                    )
                except OSError as error:
                    return f"not connected: {reason(error)}"
        transport, flow = self._flows[endpoint.url]
        return await flow.ask(transport, n, timeout)

    def close(self) -> None:
        """Let go of all of them."""
        for transport, _ in self._flows.values():
            transport.close()


@contextlib.asynccontextmanager
async def plane_probers(plan: WorkloadPlan) -> AsyncIterator[list[OpenLoop]]:
    """A prober for each plane of the plan. WorkloadError when a plane's record exists already or cannot be written."""
    if not plan.planes:
        yield []
        return
    folder = plan.folder / PLANES_FOLDER
    _make(folder)
    flows = Flows()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

            async def over_http(endpoint: Endpoint, n: int, timeout: float) -> str | None:
                return await ask_http(http, endpoint.url, timeout)

            asks: dict[str, Ask] = {"http": over_http, "udp": flows.ask}
            yield [
                _prober(plan, plane, asks[plane.kind], ProbeRecorder(folder / f"{name}.jsonl"))
                for name, plane in plan.planes.items()
            ]
    finally:
        flows.close()


def _prober(plan: WorkloadPlan, plane: Plane, ask: Ask, recorder: ProbeRecorder) -> OpenLoop:
    endpoints = [Endpoint(site, target) for site, targets in plane.targets.items() for target in targets]
    return OpenLoop(plan.probe_interval_ns, plane.timeout, endpoints, ask, recorder.completed)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise WorkloadError(f"Cannot make {folder}: {error.strerror}.") from None
