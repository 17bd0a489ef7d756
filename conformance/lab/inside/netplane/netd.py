"""The lab's network daemon: watches what Neutron says at each site and brings it into force within 0.2 s.

Requests come over ``netd.sock`` in the lab's directory, one JSON line per connection, answered by one JSON line; file
descriptors ride with the answer.

``{"op": "sync", "site"}`` → what Neutron says at this moment is in force · ``{"op": "socket", "netns", "family",
"type", "proto"}`` → a socket that lives there · ``{"op": "netns", "netns"}`` → the namespace itself ·
``{"op": "edge", "site", "up"}`` → cut or rejoin a site · ``{"op": "site", "site", "up"}`` → forget a site's network,
or make it anew · ``{"op": "status"}`` → namespaces and sites · ``{"op": "watch", "site"}`` → a line ``{"wired": [port
ids]}`` now and whenever that has changed, until the connection is closed.
"""

from __future__ import annotations

import array
import json
import os
import selectors
import socket
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from netplane.backbone import read_sites
from netplane.sites import Site
from netplane.spaces import Netns, ToolError, is_pinned

SOCKET = "netd.sock"
SPACES = "netns"
INTERVAL = 0.2  # seconds between two looks at Neutron's databases
PATIENCE = 1.0  # seconds after a failure until the next try; and for a client to say what it wants


class Daemon:
    """All sites of the lab whose directory is the working directory."""

    def __init__(self, directory: Path) -> None:
        self._spaces = directory / SPACES
        records = read_sites(directory)
        operator, wan = Netns(self._spaces, "operator"), Netns(self._spaces, "wan")
        self._sites = {record.name: Site(record, records, self._spaces) for record in records}
        for site in self._sites.values():
            site.edge.join(operator, wan)
            site.begin()
        self._errors: dict[str, str] = {}
        self._again: dict[str, float] = {}
        self._watchers: dict[str, list[socket.socket]] = {name: [] for name in self._sites}
        self._told: dict[str, list[str]] = {}
        Path(SOCKET).unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(SOCKET)
        os.chmod(SOCKET, 0o600)
        self._listener.listen(256)
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        for site in self._sites.values():
            self._hear(site)

    def run(self) -> None:
        """Serve and watch until killed."""
        look = 0.0
        while True:
            waiting: dict[str, list[socket.socket]] = {}
            for key, _ in self._selector.select(max(0.0, look - time.monotonic())):
                if key.fileobj is self._listener:
                    self._serve(waiting)
                elif site := next((s for s in self._sites.values() if s.dhcp and s.dhcp.socket is key.fileobj), None):
                    site.dhcp.serve()
            now = time.monotonic()
            if now >= look:
                look = now + INTERVAL
                for name, site in self._sites.items():
                    if site.changed() or now >= self._again.get(name, now + 1):
                        waiting.setdefault(name, [])
            for name, clients in waiting.items():
                answer = self._reconcile(name)
                for client in clients:
                    _answer(client, answer, [])

    def _serve(self, waiting: dict[str, list[socket.socket]]) -> None:
        """Answer all who have asked by now, but for those who wait for a site: one pass answers all of them."""
        while True:
            try:
                client, _ = self._listener.accept()
            except BlockingIOError:
                return
            client.settimeout(PATIENCE)
            descriptors: list[int] = []
            try:
                request = json.loads(client.makefile("rb").readline() or b"{}")
                if request.get("op") == "sync":
                    self._sites[request["site"]]  # KeyError for one that does not exist
                    waiting.setdefault(request["site"], []).append(client)
                    continue
                if request.get("op") == "watch":
                    self._watchers[request["site"]].append(client)
                    _tell(client, self._sites[request["site"]].wired())
                    continue
                answer = getattr(self, f"_op_{request['op']}")(request, descriptors)
            except (KeyError, AttributeError, ValueError) as error:
                answer = {"error": f"netd does not understand this request: {error!r}"}
            except (OSError, ToolError) as error:
                answer = {"error": str(error)}
            _answer(client, answer, descriptors)

    def _reconcile(self, name: str) -> dict[str, Any]:
        site = self._sites[name]
        began = time.perf_counter()
        try:
            site.reconcile()
        except (ToolError, OSError, sqlite3.Error) as error:
            self._again[name] = time.monotonic() + PATIENCE
            if self._errors.get(name) != str(error):
                print(f"{name}: {error}", flush=True)
            self._errors[name] = str(error)
            return {"error": str(error)}
        self._again.pop(name, None)
        self._errors.pop(name, None)
        wired = site.wired()
        if self._told.get(name) != wired:
            self._told[name] = wired
            self._watchers[name] = [client for client in self._watchers[name] if _tell(client, wired)]
        return {"took_ms": round((time.perf_counter() - began) * 1e3, 1)}

    def _op_hello(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        return {"pid": os.getpid()}

    def _op_socket(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        family, kind = request.get("family", socket.AF_INET), request.get("type", socket.SOCK_STREAM)
        space = self._space(request)
        try:
            descriptors.append(space.socket(family, kind, request.get("proto", 0)).detach())
        finally:
            space.close()
        return {}

    def _op_netns(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        descriptors.append(self._space(request).descriptor)
        return {}

    def _op_edge(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        self._sites[request["site"]].edge.set_open(bool(request["up"]))
        return {}

    def _op_site(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        site = self._sites[request["site"]]
        if request["up"]:
            site.start()
            self._hear(site)
        else:
            if site.dhcp:
                self._selector.unregister(site.dhcp.socket)
            site.lose()
        return {}

    def _hear(self, site: Site) -> None:
        """Have the site's guests answered who ask for their address."""
        if site.dhcp and site.dhcp.socket not in self._selector.get_map():
            self._selector.register(site.dhcp.socket, selectors.EVENT_READ)

    def _op_status(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        return {
            "netns": sorted(path.name for path in self._spaces.iterdir() if path.is_file()),
            "sites": {
                name: {
                    "up": site.up,
                    "edge": site.edge.open,
                    "passes": site.passes,
                    "last_ms": round(site.took * 1e3, 1),
                    "error": self._errors.get(name),
                }
                for name, site in self._sites.items()
            },
        }

    def _space(self, request: dict[str, Any]) -> Netns:
        name = request["netns"]
        if "/" in name or not is_pinned(self._spaces / name):
            raise OSError(f"there is no network namespace {name!r}")
        return Netns(self._spaces, name)


def _tell(client: socket.socket, wired: list[str]) -> bool:
    """Tell a watcher; False when it has gone."""
    try:
        client.sendall(json.dumps({"wired": wired}).encode() + b"\n")
    except OSError:
        client.close()
        return False
    return True


def _answer(client: socket.socket, answer: dict[str, Any], descriptors: list[int]) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    try:
        client.sendmsg([json.dumps(answer).encode() + b"\n"], rights)
    except OSError:
        pass  # it has given up waiting
    client.close()
    for descriptor in descriptors:
        os.close(descriptor)


def main() -> None:
    """`python -m netplane.netd --lab NAME --directory DIRECTORY`, in DIRECTORY."""
    Daemon(Path(sys.argv[sys.argv.index("--directory") + 1])).run()


if __name__ == "__main__":
    main()
