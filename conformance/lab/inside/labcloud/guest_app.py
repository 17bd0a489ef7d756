"""What a guest without user_data runs: a small HTTP server on its first fixed IP that tells who it is."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
from pathlib import Path
from typing import NoReturn

IP_FREEBIND = 15  # bind an address that is on no interface: fixed IPs outside 127.0.0.0/8
DEFAULT_PORT = 8080


class Server(http.server.ThreadingHTTPServer):
    """The server; addresses outside loopback can be bound although no interface has them."""

    daemon_threads = True

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
        super().server_bind()

    def server_activate(self) -> None:
        self.socket.listen(128)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every GET with the guest's identity, read from spec.json at each request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps(identity(self.server.server_address[0])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not worth a line on the console."""


def identity(address: str) -> dict:
    """uuid, name, host, ip, metadata, pid, and the first 16 bytes of each attached volume."""
    spec = json.loads(Path("spec.json").read_text())
    volumes = []
    for device, volume in sorted(spec["volumes"].items()):
        with open(volume["path"], "rb") as file:
            head = file.read(16).rstrip(b"\0").decode("latin1")
        volumes.append({"device": device, **volume, "head": head})
    return {
        "uuid": spec["uuid"],
        "name": spec["display_name"],
        "host": spec["host"],
        "ip": address,
        "metadata": spec["metadata"],
        "volumes": volumes,
        "pid": os.getpid(),
    }


def serve(spec: dict) -> NoReturn:
    """Serve on the first fixed IP, port from metadata ``port`` (8080); without an IP just stay, like an idle host."""
    if not spec["ips"]:
        print("no network: nothing to serve", flush=True)
        while True:
            signal.pause()
    port = int(spec["metadata"].get("port", DEFAULT_PORT))
    server = Server((spec["ips"][0], port), Handler)
    print(f"serving http://{spec['ips'][0]}:{port}/", flush=True)
    server.serve_forever()
    raise SystemExit("the server ended")
