"""A guest that is struck is seen to be; one that was slow to answer for a moment is not taken for it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.faults import vnf_hang, vnf_kill
from conformance.faults.vnf_hang import VnfHang
from conformance.faults.vnf_kill import VnfKill
from conformance.sites import Site
from conformance.vnf import Deployment

SLOW_S = 0.8
"""Longer than anybody waits for an answer."""


class Listener(ThreadingHTTPServer):
    """A server that can be ended with its connections, as by a loss of power."""

    daemon_threads = True
    allow_reuse_address = True
    taken: list[socket.socket]

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.taken.append(connection)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet."""


class Guest:
    """A guest of the VNF and what Nova does to it. ``on_pause`` and ``on_reboot`` are what becomes of it then."""

    def __init__(self) -> None:
        self.nova = "ACTIVE"
        self.slow_questions = 0
        self.hung = threading.Event()
        self.hung.set()  # it goes on
        self.code = 200
        self.on_pause: Callable[[], None] = lambda: None
        self.on_reboot: Callable[[], None] = lambda: None
        self._listener = self._listen(0)
        self.port = self._listener.server_port

    def hang(self) -> None:
        self.nova = "PAUSED"
        self.hung.clear()

    def be_slow_once(self) -> None:
        self.slow_questions = 1

    def die(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()
        for connection in self._listener.taken:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def restart(self) -> None:
        self.die()
        threading.Timer(0.3, self._start).start()

    # -- the parts of Nova's API that are asked

    def pause_server(self, _server: str) -> None:
        self.on_pause()

    def unpause_server(self, _server: str) -> None:
        self.nova = "ACTIVE"
        self.hung.set()

    def reboot_server(self, _server: str, kind: str) -> None:
        assert kind == "HARD"
        self.on_reboot()

    def get_server(self, _server: str) -> Any:
        return SimpleNamespace(status=self.nova)

    def _start(self) -> None:
        self._listener = self._listen(self.port)

    def _listen(self, port: int) -> Listener:
        guest = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                guest.hung.wait()
                if guest.slow_questions:
                    guest.slow_questions -= 1
                    threading.Event().wait(SLOW_S)
                with suppress(OSError):
                    self.send_response(guest.code)
                    self.end_headers()
                    self.wfile.write(json.dumps({"role": "primary"}).encode())

            def log_message(self, *args: object) -> None:
                """Quiet."""

        made = Listener(("127.0.0.1", port), Handler)
        made.taken = []
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return made


@pytest.fixture
def guest() -> Iterator[Guest]:
    made = Guest()
    yield made
    made.hung.set()
    made.die()


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vnf_hang, "STRUCK_WITHIN_S", 1.0)
    monkeypatch.setattr(vnf_kill, "STRUCK_WITHIN_S", 2.0)
    monkeypatch.setattr(vnf_kill, "BACK_WITHIN_S", 3.0)


def at(guest: Guest) -> tuple[Site, Deployment]:
    @contextmanager
    def asking(_what: str) -> Iterator[Any]:
        yield SimpleNamespace(compute=guest)

    site = SimpleNamespace(name="site-a", asking=asking)
    member = SimpleNamespace(label="database-0", server_id="1")
    vnf = SimpleNamespace(
        members=lambda _role: [member],
        blueprint=SimpleNamespace(management=SimpleNamespace(role="database")),
        management_urls=(f"http://127.0.0.1:{guest.port}",),
    )
    return cast(Site, site), cast(Deployment, vnf)


def test_a_guest_that_hangs_is_seen_to_and_comes_back(guest: Guest) -> None:
    guest.on_pause = guest.hang
    fault = VnfHang(*at(guest))
    fault.inject()
    seen = fault.verify()
    assert seen.ok and seen.observed == {"before": "primary", "status": "PAUSED", "silent_asks": 3}, seen
    fault.heal()
    assert fault.verify_healed().ok


def test_a_guest_that_is_slow_once_does_not_hang(guest: Guest) -> None:
    guest.on_pause = guest.be_slow_once
    fault = VnfHang(*at(guest))
    fault.inject()
    seen = fault.verify()
    assert not seen.ok and seen.observed["status"] == "ACTIVE", seen


def test_a_guest_that_nova_only_says_is_paused_does_not_hang(guest: Guest) -> None:
    def paused_by_word() -> None:
        guest.nova = "PAUSED"
        guest.be_slow_once()

    guest.on_pause = paused_by_word
    fault = VnfHang(*at(guest))
    fault.inject()
    seen = fault.verify()
    assert not seen.ok and seen.observed["silent_asks"] == 1, seen


@pytest.mark.parametrize("gone", [True, False])
def test_a_guest_that_errs_or_refuses_does_not_hang(guest: Guest, gone: bool) -> None:
    def otherwise() -> None:
        guest.nova = "PAUSED"
        guest.code = 500
        if gone:
            guest.die()

    guest.on_pause = otherwise
    fault = VnfHang(*at(guest))
    fault.inject()
    seen = fault.verify()
    assert not seen.ok and seen.observed["silent_asks"] == 0, seen


def test_a_guest_that_starts_anew_is_seen_to(guest: Guest) -> None:
    guest.on_reboot = guest.restart
    fault = VnfKill(*at(guest))
    fault.inject()
    seen = fault.verify()
    assert seen.ok and seen.observed["question_from_before"] == "lost", seen
    fault.heal()
    assert fault.verify_healed().ok


def test_a_guest_that_is_slow_once_was_not_killed(guest: Guest) -> None:
    guest.on_reboot = guest.be_slow_once
    fault = VnfKill(*at(guest))
    fault.inject()
    seen = fault.verify()
    assert not seen.ok, seen
    assert seen.observed["silent"] and seen.observed["question_from_before"] == "answered", seen


def test_a_guest_that_does_not_come_back_has_not_started_again(guest: Guest) -> None:
    guest.on_reboot = guest.die
    fault = VnfKill(*at(guest))
    fault.inject()
    seen = fault.verify()
    assert not seen.ok and not seen.observed["answers_again"], seen


@pytest.mark.parametrize("kind", [VnfHang, VnfKill])
def test_a_guest_that_goes_on_was_not_struck(kind: type[VnfHang] | type[VnfKill], guest: Guest) -> None:
    fault = kind(*at(guest))
    fault.inject()
    assert not fault.verify().ok


@pytest.mark.parametrize("kind", [VnfHang, VnfKill])
def test_a_guest_that_was_dead_before_was_not_struck(kind: type[VnfHang] | type[VnfKill], guest: Guest) -> None:
    guest.die()
    guest.nova = "PAUSED"
    fault = kind(*at(guest))
    fault.inject()
    assert not fault.verify().ok
