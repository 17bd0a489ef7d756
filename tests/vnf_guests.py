"""Made-up guests of a two-site VNF: real HTTP on loopback addresses, no database behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from conformance.vnf import Blueprint, Deployment, Endpoint, Guest, load_blueprint

Answers = dict[str, Any]
"""What a guest says: ``status`` to GET; to POST a status code by the order's name (``promote``, ``quiesce`` …), 200
where none is given."""

Record = tuple[int, str, str]


class Guests:
    """One site's database and two front-ends with their agents. Change ``answers`` while it runs; ``stop`` makes the
    site fall silent."""

    def __init__(self, site: str, host: str, *, primary: Endpoint | None = None) -> None:
        role = "primary" if primary is None else "standby"
        database = "writable" if primary is None else "read-only"
        self.answers: dict[str, Answers] = {
            "database-0": {"status": {"role": role, "protected": primary is None}},
            "frontend-0": {"status": {"role": "frontend", "database": database}},
            "frontend-1": {"status": {"role": "frontend", "database": database}},
        }
        addresses = {label: f"{host}{n}" for n, label in enumerate(self.answers, 1)}
        for n in range(2):
            fares = {"role": "agent", "pid": 7, "ends": 0, "ended": None, "error": None}
            self.answers[f"agent-{n}"] = {"status": fares}
        self.records: list[Record] = []
        """What the front-ends serve."""
        self.orders: list[str] = []
        """What was posted, in order."""
        self.on_order: Callable[[str], None] = lambda order: None
        """Called after an order was carried out, with its name."""
        self._stack = ExitStack()
        # All of a role listen on one port, as real ones do, so each guest has an address of its own.
        ports = {"database-0": self._serve(addresses["database-0"], "database-0", 0)}
        ports["frontend-0"] = self._serve(addresses["frontend-0"], "frontend-0", 0)
        ports["frontend-1"] = self._serve(addresses["frontend-1"], "frontend-1", ports["frontend-0"])
        for n in range(2):
            self._serve(addresses[f"frontend-{n}"], f"agent-{n}", ports["database-0"])
        guests = tuple(
            Guest(label, label[:-2], int(label[-1]), f"{site}/{label}", {"oam": at, "service": at})
            for label, at in addresses.items()
        )
        blueprint = _listening_at(ports["database-0"], ports["frontend-0"])
        self.deployment = Deployment(site, "run", blueprint, guests, primary=primary)

    def stop(self) -> None:
        self._stack.close()

    def _serve(self, host: str, label: str, port: int) -> int:
        site, answers = self, self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/records"):
                    self._answer(200, {"items": site.records, "next": None})
                else:
                    self._answer(200, answers[label]["status"])

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"null")
                order = self.path.lstrip("/")
                site.orders.append(order)
                status = answers[label].get(order, 200)
                done = status in (200, 201)
                self._answer(status, site._carry_out(order, body) if done else {"error": "not now"})

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

    def _carry_out(self, order: str, body: Any) -> Answers:
        """What becomes of an order, and the answer to it."""
        said = self.answers["database-0"]["status"]
        if order in ("promote", "recover", "resume"):
            self._serve_writes("writable")
            answer: Answers = {"role": "primary"}
        elif order == "quiesce":
            self._serve_writes("read-only")
            answer = {"role": "quiesced", "lsn": said.get("lsn")}
        elif order == "savepoint":
            answer = {"name": body["name"], "lsn": said.get("lsn")}
        elif order == "message":
            answer = {"id": 1}
        elif order == "kill":
            answer = {"killed": 7}
        elif order == "spoil":
            self.records = [(n, key, f"ruined:{value}") for n, key, value in self.records]
            answer = {"spoilt": len(self.records)}
        else:
            answer = {}
        if order in ("promote", "recover"):
            said["role"] = "primary"
        self.on_order(order)
        return answer

    def _serve_writes(self, database: str) -> None:
        for frontend in ("frontend-0", "frontend-1"):
            self.answers[frontend]["status"]["database"] = database


def _listening_at(management: int, service: int) -> Blueprint:
    shipped = load_blueprint("subscriber-db-sync")
    return shipped.model_copy(
        update={
            "management": shipped.management.model_copy(update={"port": management}),
            "agents": shipped.agents.model_copy(update={"port": management}) if shipped.agents else None,
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
