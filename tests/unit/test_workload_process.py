"""The clients' process: it starts, reports, stops, and never outlives the harness."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from conformance.model import Outcome
from conformance.waiting import wait_until
from conformance.workloads import Workload, WorkloadError, WorkloadPlan, read_history, read_probes


def clients_of(folder: Path) -> list[psutil.Process]:
    """The client processes that work in ``folder``; other tests' children, dead ones among them, are none of them."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
            if str(folder) in " ".join(child.cmdline()):
                found.append(child)
    return found


class Front(BaseHTTPRequestHandler):
    """A front-end that keeps everything in memory."""

    protocol_version = "HTTP/1.1"
    records: list[list[object]] = []

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        if self.path.startswith("/records/"):
            self.records.append([len(self.records) + 1, self.path[9:], body])
        self.reply(201, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(201, {"session": f"token-{id(self)}"})

    def do_GET(self) -> None:
        self.reply(200, {"items": self.records, "next": None})

    def reply(self, status: int, body: dict[str, object]) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is what some tests are about."""


@pytest.fixture
def front() -> Iterator[str]:
    handler = type("Front", (Front,), {"records": []})
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def plan_of(folder: Path, url: str) -> WorkloadPlan:
    return WorkloadPlan(endpoints={"site-a": [url]}, folder=folder, workers=2, rate=50.0, seed=3)


def test_a_workload_counts_stops_and_leaves_a_whole_record(tmp_path: Path, front: str) -> None:
    with Workload(plan_of(tmp_path, front)) as workload:
        assert workload.start().workers_writing == 2
        wait_until(lambda: workload.counters().probes > 20, timeout=20, what="20 probes")
        end = workload.stop(final_read_from="site-a")
    history, probes = read_history(tmp_path / "history.jsonl"), read_probes(tmp_path / "probes.jsonl")
    assert history.problems + history.notes + probes.problems + probes.notes == ()
    assert all(o.outcome is Outcome.OK for o in history.operations)
    written = {(o.key, o.value) for o in history.operations if o.f == "write"}
    assert written == set(next(o.items for o in history.operations if o.complete))
    assert (end.acknowledged, end.unknown, end.probes) == (len(written), 0, len(probes.probes))
    assert end.final_read_complete is True
    assert WorkloadPlan.from_json((tmp_path / "workload.json").read_text()) == plan_of(tmp_path, front)


def test_clients_at_rest_write_nothing_until_they_are_told_to_read(tmp_path: Path, front: str) -> None:
    with Workload(plan_of(tmp_path, front)) as workload:
        workload.start()
        resting = workload.rest()
        written = (tmp_path / "history.jsonl").read_bytes()
        end = workload.stop(final_read_from="site-a")
    read = (tmp_path / "history.jsonl").read_bytes()
    assert read.startswith(written)
    assert b'"write"' not in read[len(written) :] and b'"scan"' in read[len(written) :]
    assert (resting.resting, end.acknowledged) == (True, resting.acknowledged)


def test_clients_end_by_themselves_when_the_harness_is_killed_and_the_record_stays_readable(
    tmp_path: Path, front: str
) -> None:
    (tmp_path / "workload.json").write_text(plan_of(tmp_path, front).to_json())
    harness = subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(tmp_path), front], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert harness.stdout is not None
    client = psutil.Process(int(harness.stdout.readline()))
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    harness.stdout.close()
    wait_until(lambda: not client.is_running() or client.status() == "zombie", timeout=10, what="the clients to end")
    history = read_history(tmp_path / "history.jsonl")
    assert history.problems == ()
    assert sum(o.f == "write" and o.outcome is Outcome.OK for o in history.operations) >= 2
    assert not any(o.f == "scan" for o in history.operations)


HARNESS = """
import sys
from pathlib import Path
from conformance.workloads import Workload, WorkloadPlan
plan = WorkloadPlan(endpoints={"site-a": [sys.argv[2]]}, folder=Path(sys.argv[1]), workers=2, rate=50.0, seed=3)
workload = Workload(plan)
workload.start()
print(workload._process.pid, flush=True)
while True:
    workload.counters()
"""


def test_a_killed_client_leaves_a_record_without_problems_and_is_reported(tmp_path: Path, front: str) -> None:
    with Workload(plan_of(tmp_path, front)) as workload:
        workload.start()
        (client,) = clients_of(tmp_path)
        os.kill(client.pid, signal.SIGKILL)
        wait_until(lambda: client.status() == psutil.STATUS_ZOMBIE, timeout=10, what="the client to be dead")
        with pytest.raises(WorkloadError, match=r"ended with status -9 before its work was done"):
            workload.counters()
        with pytest.raises(WorkloadError, match=r"ended with status -9 before its work was done"):
            workload.stop(final_read_from="site-a")
    assert read_history(tmp_path / "history.jsonl").problems == ()
    assert read_probes(tmp_path / "probes.jsonl").problems == ()


def test_a_workload_that_nobody_serves_says_so_and_leaves_nothing_running(tmp_path: Path) -> None:
    workload = Workload(plan_of(tmp_path, "http://127.0.0.1:1"))
    with pytest.raises(WorkloadError, match=r"Expected a write of each of 2 workers .* saw 0 .*127\.0\.0\.1:1"):
        workload.start(timeout=1.0)
    assert clients_of(tmp_path) == []


def test_a_folder_that_holds_a_record_already_is_refused_in_one_sentence(tmp_path: Path, front: str) -> None:
    (tmp_path / "history.jsonl").write_text("")
    with pytest.raises(WorkloadError, match=r"holds the record of another workload") as refused:
        Workload(plan_of(tmp_path, front)).start()
    assert "Traceback" not in str(refused.value)


def test_a_site_that_is_not_in_the_plan_cannot_be_read_back(tmp_path: Path, front: str) -> None:
    with Workload(plan_of(tmp_path, front)) as workload:
        workload.start()
        with pytest.raises(WorkloadError, match=r"'site-x': this workload knows site-a"):
            workload.stop(final_read_from="site-x")


def test_a_disk_that_is_full_ends_the_clients_with_a_sentence(tmp_path: Path, front: str) -> None:
    (tmp_path / "workload.json").write_text(plan_of(tmp_path, front).to_json())
    code = (
        "import sys, os; from conformance.workloads import recording, client\n"
        "opened = os.open\n"
        "recording.os.open = lambda path, *rest: opened('/dev/full', os.O_WRONLY)\n"
        "sys.exit(client.main())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "workload.json")],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as clients:  # fmt: skip
        assert clients.wait(timeout=30) == 3
        assert clients.stderr is not None
        said = clients.stderr.read().decode()
    assert said.count("\n") == 1 and "No space left on device" in said
