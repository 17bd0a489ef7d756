"""Who holds an identity is asked over real HTTP, on a schedule, and every answer is on record."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from conformance.model import Holding
from conformance.records import read_lines
from conformance.waiting import wait_until
from conformance.workloads import HolderSampler, HolderTarget, WorkloadError
from conformance.workloads.holders import is_active, look, look_at_all


class Database:
    """A management interface; change ``status`` and ``code`` while it runs."""

    def __init__(self) -> None:
        self.status: Any = {"role": "primary"}
        self.code = 200
        database = self

        class Management(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(database.status).encode() if self.path == "/status" else b"?"
                self.send_response(database.code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Management)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database()
    yield made
    made.close()


def recorded(path: Path) -> list[Holding]:
    looks, problems = read_lines(path, Holding)
    assert problems == ()
    return list(looks)


def test_both_sites_are_asked_again_and_again(tmp_path: Path, database: Database) -> None:
    other = Database()
    other.status = {"role": "standby"}
    path = tmp_path / "holders.jsonl"
    targets = [HolderTarget("database", "site-a", database.url), HolderTarget("database", "site-b", other.url)]
    with HolderSampler(path, targets, interval=0.01):
        wait_until(lambda: len(recorded(path)) > 40, timeout=20, what="40 looks")
    other.close()
    looks = recorded(path)
    assert {(h.identity, h.site, h.active, h.detail) for h in looks} == {
        ("database", "site-a", True, "primary"),
        ("database", "site-b", False, "standby"),
    }
    assert min(sum(h.site == site for h in looks) for site in ("site-a", "site-b")) > 5
    assert all(h.sent <= h.done for h in looks)


def test_a_promotion_is_seen(tmp_path: Path, database: Database) -> None:
    database.status = {"role": "standby"}
    path = tmp_path / "holders.jsonl"
    with HolderSampler(path, [HolderTarget("database", "site-a", database.url)], interval=0.01):
        wait_until(lambda: len(recorded(path)) > 3, timeout=20, what="3 looks")
        database.status = {"role": "primary"}
        wait_until(lambda: recorded(path)[-1].active, timeout=20, what="the promotion")
    active = [h.active for h in recorded(path)]
    assert active == sorted(active, key=bool)


def test_a_site_that_hangs_does_not_hold_the_others_up(tmp_path: Path, database: Database) -> None:
    path = tmp_path / "holders.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        targets = [HolderTarget("database", "site-a", url), HolderTarget("database", "site-b", database.url)]
        with HolderSampler(path, targets, interval=0.01, timeout=0.2):
            wait_until(lambda: sum(h.site == "site-a" for h in recorded(path)) > 2, timeout=20, what="looks at site-a")
    looks = recorded(path)
    assert {h.active for h in looks if h.site == "site-a"} == {None}
    assert sum(h.site == "site-b" for h in looks) > 5


@pytest.mark.parametrize(
    ("status", "active"),
    [
        ({"role": "primary"}, True),
        ({"role": "primary", "writable": True}, True),
        ({"role": "primary", "writable": False}, False),
        ({"role": "standby"}, False),
        ({"role": "fenced"}, False),
        ({"role": "quiesced"}, False),
        ({"role": None}, None),
        ({}, None),
        (["primary"], None),
        (None, None),
    ],
)
def test_only_a_primary_that_takes_writes_is_active(status: Any, active: bool | None) -> None:
    assert is_active(status) is active


def test_an_error_or_nonsense_is_no_answer(database: Database) -> None:
    target = HolderTarget("database", "site-a", database.url)
    database.code = 500
    assert look(target, 5).active is None
    database.code, database.status = 200, "primary"
    assert look(target, 5).active is None


def test_nobody_listening_is_no_answer(database: Database) -> None:
    database.close()
    seen = look(HolderTarget("database", "site-a", database.url), 5)
    assert (seen.active, seen.detail) == (None, "no answer: Connection refused")


def test_a_record_that_is_there_already_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "holders.jsonl"
    path.write_text("")
    with pytest.raises(WorkloadError, match="holds the record of another workload"):
        HolderSampler(path, [HolderTarget("database", "site-a", "http://127.0.0.1:1")])


def test_a_disk_that_is_full_is_said_at_the_end(tmp_path: Path, database: Database, monkeypatch: Any) -> None:
    sampler = HolderSampler(tmp_path / "h", [HolderTarget("database", "site-a", database.url)], interval=0.01)

    def full(line: object) -> None:
        raise WorkloadError("Cannot go on recording: No space left on device.")

    monkeypatch.setattr(sampler._lines, "append", full)
    sampler.start()
    with pytest.raises(WorkloadError, match="No space left"):
        wait_until(lambda: not sampler._threads[0].is_alive(), timeout=20, what="the sampler to give up")
        sampler.stop()


def test_sampling_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkloadError, match="at least one target"):
        HolderSampler(tmp_path / "h", [])


@pytest.mark.parametrize(
    ("first", "second", "active"),
    [
        ({"role": "standby"}, {"role": "primary"}, True),
        ({"role": "primary"}, {"role": "standby"}, True),
        ({"role": "standby"}, {"role": "standby"}, False),
        ({}, {"role": "primary"}, True),
        ({}, {"role": "standby"}, None),
        ({"role": "standby"}, {}, None),
    ],
)
def test_a_site_of_several_guests_holds_it_when_one_of_them_does(
    database: Database, first: Any, second: Any, active: bool | None
) -> None:
    other = Database()
    database.status, other.status = first, second
    seen = look_at_all([HolderTarget("database", "site-a", d.url) for d in (database, other)], 5)
    other.close()
    assert (seen.active, seen.site) == (active, "site-a")
    assert seen.sent <= seen.done
