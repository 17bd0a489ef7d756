"""Made-up guests of a two-site VNF: real HTTP on loopback addresses, no database behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from conformance.vnf import Blueprint, Deployment, Endpoint, Guest, load_blueprint

Answers = dict[str, Any]
"""What a guest says: ``status`` to GET, and ``promote``, a status code, to POST."""


class Guests:
    """One site's database and two front-ends. Change ``answers`` while it runs; ``stop`` makes the site fall silent."""

    def __init__(self, site: str, host: str, *, primary: Endpoint | None = None) -> None:
        role = "primary" if primary is None else "standby"
        database = "writable" if primary is None else "read-only"
        self.answers: dict[str, Answers] = {
            "database-0": {"status": {"role": role, "protected": primary is None}, "promote": 200},
            "frontend-0": {"status": {"role": "frontend", "database": database}},
            "frontend-1": {"status": {"role": "frontend", "database": database}},
        }
        self._stack = ExitStack()
        # All of a role listen on one port, as real ones do, so each guest has an address of its own.
        addresses = {label: f"{host}{n}" for n, label in enumerate(self.answers, 1)}
        ports = {"database-0": self._serve(addresses["database-0"], "database-0", 0)}
        ports["frontend-0"] = self._serve(addresses["frontend-0"], "frontend-0", 0)
        ports["frontend-1"] = self._serve(addresses["frontend-1"], "frontend-1", ports["frontend-0"])
        guests = tuple(
            Guest(label, label[:-2], int(label[-1]), f"{site}/{label}", {"oam": at, "service": at})
            for label, at in addresses.items()
        )
        blueprint = _listening_at(ports["database-0"], ports["frontend-0"])
        self.deployment = Deployment(site, "run", blueprint, guests, primary=primary)

    def stop(self) -> None:
        self._stack.close()

    def _serve(self, host: str, label: str, port: int) -> int:
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200, answers[label]["status"])

            def do_POST(self) -> None:
                status = answers[label]["promote"]
                if status == 200:
                    answers["database-0"]["status"]["role"] = "primary"
                    for frontend in ("frontend-0", "frontend-1"):
                        answers[frontend]["status"]["database"] = "writable"
                self._answer(status, {"role": "primary"} if status == 200 else {"error": "not now"})

            def _answer(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                """Quiet."""

        server = ThreadingHTTPServer((host, port), Handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(server.server_close)
        self._stack.callback(server.shutdown)
        return int(server.server_port)


def _listening_at(management: int, service: int) -> Blueprint:
    shipped = load_blueprint("subscriber-db-sync")
    return shipped.model_copy(
        update={
            "management": shipped.management.model_copy(update={"port": management}),
            "service": shipped.service.model_copy(update={"port": service}),
        }
    )


@contextmanager
def guests(site: str, host: str, *, primary: Endpoint | None = None) -> Iterator[Guests]:
    """Guests at ``host`` + 1 … 3, for example ``127.77.1.``; gone afterwards."""
    made = Guests(site, host, primary=primary)
    try:
        yield made
    finally:
        made.stop()
