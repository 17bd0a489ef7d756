"""Other planes than the service are probed on the same open loop, over real sockets."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from conformance.model import Probe
from conformance.waiting import wait_until
from conformance.workloads import Plane, WorkloadError, WorkloadPlan, read_probes
from conformance.workloads.planes import NOT_SERVING, plane_probers


class Echo:
    """Sends datagrams back; ``reply`` may change what comes back, None for nothing."""

    def __init__(self) -> None:
        self.reply: Callable[[bytes], bytes | None] = lambda data: data
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            data, sender = self.socket.recvfrom(2048)
            if data == b"end":
                return
            back = self.reply(data)
            if back is not None:
                self.socket.sendto(back, sender)

    def close(self) -> None:
        host, port = self.address.split(":")
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"end", (host, int(port)))
        self.thread.join()
        self.socket.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    if made.thread.is_alive():
        made.close()


@pytest.fixture
def api() -> Iterator[tuple[str, list[int]]]:
    """An API's root; the list holds the status that it answers with."""
    statuses = [300]

    class Root(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses[0])
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Root) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", statuses
        server.shutdown()


def plan_of(folder: Path, **planes: Plane) -> WorkloadPlan:
    return WorkloadPlan({"site-a": ["http://127.0.0.1:1"]}, folder, probe_interval_ns=5_000_000, planes=planes)


def probed(plan: WorkloadPlan, name: str, until: Callable[[list[Probe]], bool]) -> list[Probe]:
    """Probe the planes until what is on record is enough; the probes of one of them."""
    path = plan.folder / "probes" / f"{name}.jsonl"

    async def run() -> None:
        stop = asyncio.Event()
        async with plane_probers(plan) as loops, asyncio.TaskGroup() as group:
            for loop in loops:
                group.create_task(loop.run(stop))
            await asyncio.to_thread(
                wait_until, lambda: until(list(read_probes(path).probes)), timeout=20, what="probes on record"
            )
            stop.set()

    asyncio.run(run())
    found = read_probes(path)
    assert found.problems == ()
    return list(found.probes)


def test_datagrams_that_come_back_are_answers_and_numbered_without_gaps(tmp_path: Path, echo: Echo) -> None:
    plan = plan_of(tmp_path, media=Plane("udp", {"site-a": [echo.address]}, timeout=30))
    probes = sorted(probed(plan, "media", lambda p: len(p) > 30), key=lambda p: p.n)
    assert [p.n for p in probes] == list(range(len(probes)))
    assert all(p.ok and p.site == "site-a" for p in probes)
    assert {b.due - a.due for a, b in zip(probes, probes[1:], strict=False)} == {5_000_000}


def test_a_flow_moves_to_the_site_that_sends_it_back(tmp_path: Path, echo: Echo) -> None:
    standby = Echo()
    standby.reply = lambda data: NOT_SERVING + data
    plan = plan_of(tmp_path, media=Plane("udp", {"site-b": [standby.address], "site-a": [echo.address]}, timeout=30))
    probes = probed(plan, "media", lambda p: len(p) > 10)
    standby.close()
    assert all(p.ok and p.site == "site-a" for p in probes)


def test_a_site_that_is_there_and_does_not_serve_says_so_at_once(tmp_path: Path, echo: Echo) -> None:
    echo.reply = lambda data: NOT_SERVING + data
    plan = plan_of(tmp_path, media=Plane("udp", {"site-a": [echo.address]}, timeout=30))
    probes = probed(plan, "media", lambda p: len(p) > 5)
    assert {p.error for p in probes} == {"site-a: 503 not serving"}


def test_nobody_listening_is_a_refusal_and_no_waiting(tmp_path: Path, echo: Echo) -> None:
    echo.close()
    plan = plan_of(tmp_path, media=Plane("udp", {"site-a": [echo.address]}, timeout=30))
    probes = probed(plan, "media", lambda p: len(p) > 5)
    assert {p.error for p in probes} == {"site-a: not connected: Connection refused"}


def test_a_datagram_that_is_swallowed_fails_when_its_time_is_over(tmp_path: Path, echo: Echo) -> None:
    echo.reply = lambda data: None if data.endswith((b" 3", b" 4")) else data
    plan = plan_of(tmp_path, media=Plane("udp", {"site-a": [echo.address]}, timeout=0.05))
    probes = probed(plan, "media", lambda p: {3, 4} <= {q.n for q in p})
    assert {3, 4} <= {p.n for p in probes if not p.ok}
    # What is left of the 0.05 s by the time that a datagram is sent.
    assert all(re.fullmatch(r"site-a: no answer within 0\.0\d+ s", str(p.error)) for p in probes if not p.ok)


def test_what_comes_back_changed_is_no_answer(tmp_path: Path, echo: Echo) -> None:
    echo.reply = lambda data: data[::-1]
    plan = plan_of(tmp_path, media=Plane("udp", {"site-a": [echo.address]}, timeout=0.05))
    assert not any(p.ok for p in probed(plan, "media", lambda p: len(p) > 3))


def test_an_api_answers_with_its_versions_or_it_does_not(tmp_path: Path, api: tuple[str, list[int]]) -> None:
    url, statuses = api
    plan = plan_of(tmp_path, api=Plane("http", {"site-b": [url]}, timeout=30))

    def enough(probes: list[Probe]) -> bool:
        if len(probes) > 5:
            statuses[0] = 503
        return any(not p.ok for p in probes)

    probes = probed(plan, "api", enough)
    assert sum(p.ok and p.site == "site-b" for p in probes) >= 5
    assert {p.error for p in probes if not p.ok} == {"site-b: 503"}


def test_planes_are_recorded_side_by_side(tmp_path: Path, echo: Echo, api: tuple[str, list[int]]) -> None:
    planes = {"media": Plane("udp", {"site-a": [echo.address]}, 30), "api": Plane("http", {"site-a": [api[0]]}, 30)}
    probed(plan_of(tmp_path, **planes), "api", lambda p: len(p) > 5)
    assert {p.name for p in (tmp_path / "probes").iterdir()} == {"api.jsonl", "media.jsonl"}
    assert all(p.ok for p in read_probes(tmp_path / "probes" / "media.jsonl").probes)


def test_without_planes_nothing_is_made(tmp_path: Path) -> None:
    async def run() -> int:
        async with plane_probers(plan_of(tmp_path)) as loops:
            return len(loops)

    assert asyncio.run(run()) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_plan_with_planes_survives_its_file(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, media=Plane("udp", {"site-a": ["127.0.0.1:9"]}, 0.2))
    assert WorkloadPlan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("name", "plane", "words"),
    [
        ("media", Plane("rtp", {"a": ["x:1"]}), "The plane 'media' is of the kind 'rtp'"),
        ("media", Plane("udp", {}), "needs at least one target"),
        ("media", Plane("udp", {"a": []}), "needs at least one target"),
        ("media", Plane("udp", {"a": ["127.0.0.1"]}), "which is not host:port"),
        ("api", Plane("http", {"a": ["127.0.0.1:80"]}), "which is not an http or https URL"),
        ("api", Plane("http", {"a": ["http://x"]}, 0), "a timeout of 0 s"),
        ("../api", Plane("http", {"a": ["http://x"]}), "must be named in small letters"),
    ],
)
def test_a_plane_that_makes_no_sense_is_refused(tmp_path: Path, name: str, plane: Plane, words: str) -> None:
    with pytest.raises(WorkloadError) as refused:
        plan_of(tmp_path, **{name: plane})
    assert words in str(refused.value)
