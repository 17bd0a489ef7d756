"""Hooks for tests: shell commands and an HTTP server that answer as a test wants, and the two sites they are for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import sites_files as files
import yaml

from conformance.model import Event
from conformance.schemes.registry import make_scheme
from conformance.sites import Site, load_sites
from conformance.vnf import Deployment

OK = '{"ok": true, "detail": "done"}'
Answer = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


class Rig:
    """A scheme with settings of a test's own, protecting a VNF at two sites."""

    def __init__(self, folder: Path, first: Deployment, second: Deployment) -> None:
        self.folder = folder
        self.first, self.second = first, second
        self.events: list[Event] = []
        self.log = folder / "scheme.log"
        a, b = load_sites(files.write(folder)).sites
        self.sites: tuple[Site, Site] = (a, b)

    def settings(self, **fields: Any) -> Path:
        """A settings file."""
        path = self.folder / "scheme.yaml"
        path.write_text(yaml.safe_dump(fields))
        return path

    def scheme(self, name: str, on_event: Callable[[Event], None] | None = None, **fields: Any) -> Any:
        """A scheme that knows the VNF already, as after protect."""
        path = self.settings(**fields)
        made: Any = make_scheme(f"{name}:{path}", on_event=on_event or self.events.append, log=self.log)
        made._sites = self.sites
        made._deployments = {"site-a": self.first, "site-b": self.second}
        return made

    @property
    def states(self) -> list[tuple[str, str, bool | None]]:
        """What was told: site, state and whether it went well."""
        return [(str(e.target), e.state, e.ok) for e in self.events]


def sh(script: str, **more: Any) -> dict[str, Any]:
    """A hook that is a shell script."""
    return {"run": ["sh", "-c", script], "timeout_s": 20} | more


def saying(*lines: str, **more: Any) -> dict[str, Any]:
    """A hook that writes these lines, whatever it is asked."""
    return sh("\n".join(f"cat <<'X'\n{line}\nX" for line in lines), **more)


def stated(vnf: Deployment, **changes: Any) -> str:
    """The last line of a hook that states what it deployed."""
    guests = [
        {"label": g.label, "role": g.role, "index": g.index, "server_id": g.server_id, "addresses": dict(g.addresses)}
        for g in vnf.guests
    ]
    return json.dumps({"ok": True, "detail": "built", "deployment": {"site": vnf.site, "guests": guests} | changes})


@contextmanager
def http_hook(answer: Answer) -> Iterator[str]:
    """A server whose POSTs ``answer`` answers; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            answer(self, json.loads(self.rfile.read(length)))

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.77.9.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.77.9.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
