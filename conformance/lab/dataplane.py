"""Our end of the lab's network daemon: sockets that live at any place of the lab, cutting and losing sites.

Places are network namespaces: ``operator`` (where the harness is), ``edge-SITE``, ``services-SITE``,
``guest-SERVER-ID``, ``router-ID``, ``wan``. Nothing here has to be inside of any of them.
"""

from __future__ import annotations

import array
import http.client
import json
import os
import socket
import urllib.request
from pathlib import Path
from typing import Any

from conformance.lab import namespaces
from conformance.lab.errors import LabError
from conformance.waiting import NotReached, wait_until

SOCKET = "netd.sock"
PATIENCE = 60.0  # seconds for one answer; a pass over a big site can take some
RETRY_FOR = 5.0  # seconds: the keeper starts a daemon that has died again within a fraction of one


def sync(lab: Path, site: str) -> float:
    """Wait until what Neutron of ``site`` says now is in force; returns the milliseconds it took."""
    return float(_ask(lab, {"op": "sync", "site": site})["took_ms"])


def open_socket(
    lab: Path,
    place: str,
    family: socket.AddressFamily = socket.AF_INET,
    kind: socket.SocketKind = socket.SOCK_STREAM,
    protocol: int = 0,
) -> socket.socket:
    """A fresh socket that lives at ``place``: what it sends comes from there. LabError if there is no such place."""
    request = {"op": "socket", "netns": place, "family": int(family), "type": int(kind), "proto": protocol}
    (descriptor,) = _ask(lab, request)["descriptors"]
    return socket.socket(family, kind, protocol, fileno=descriptor)


def cut(lab: Path, site: str) -> None:
    """Cut a site off from everything: its API, its floating IPs, the other sites. It goes on living."""
    _ask(lab, {"op": "edge", "site": site, "up": False})


def rejoin(lab: Path, site: str) -> None:
    """Undo ``cut``."""
    _ask(lab, {"op": "edge", "site": site, "up": True})


def lose(lab: Path, site: str) -> None:
    """Forget all of a site's network."""
    _ask(lab, {"op": "site", "site": site, "up": False})


def restore(lab: Path, site: str) -> None:
    """Make a site's network anew and join it to the others."""
    _ask(lab, {"op": "site", "site": site, "up": True})


def status(lab: Path) -> dict[str, Any]:
    """``{"netns": [..], "sites": {name: {"up", "edge", "passes", "last_ms", "error"}}}``."""
    return _ask(lab, {"op": "status"})


def _ask(lab: Path, request: dict[str, Any]) -> dict[str, Any]:
    def attempt() -> dict[str, Any] | None:
        try:
            return _ask_once(lab, request)
        except (ConnectionError, FileNotFoundError):
            namespaces.living_keeper(lab)  # without it nobody starts the daemon again
            return None

    log = lab / "netd.log"
    try:
        answer = wait_until(attempt, timeout=RETRY_FOR, what=f"the network daemon at {lab / SOCKET}")
    except NotReached as error:
        raise LabError(f"The lab's network daemon does not answer at {lab / SOCKET}. Its log is {log}.") from error
    except TimeoutError as error:
        raise LabError(f"The lab's network daemon is silent for {PATIENCE:g} s about {request}: {log}.") from error
    if "error" in answer:
        raise LabError(f"The lab's network daemon: {answer['error']}")
    return answer


def _ask_once(lab: Path, request: dict[str, Any]) -> dict[str, Any]:
    directory = os.open(lab, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(f"/proc/self/fd/{directory}/{SOCKET}")  # paths of unix sockets are limited to 107 bytes
            connection.sendall(json.dumps(request).encode() + b"\n")
            text, descriptors = b"", array.array("i")
            while not text.endswith(b"\n"):
                part, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
                for _, _, data in ancillary:
                    descriptors.frombytes(data)
                if not part:
                    raise ConnectionResetError("it closed the connection")
                text += part
    finally:
        os.close(directory)
    answer: dict[str, Any] = json.loads(text)
    return {**answer, "descriptors": list(descriptors)}


def opener(lab: Path) -> urllib.request.OpenerDirector:
    """urllib as it is spoken in the operator's namespace, whatever namespace we are in."""

    class Connection(http.client.HTTPConnection):
        def connect(self) -> None:
            try:
                self.sock = open_socket(lab, "operator")
            except LabError as error:
                raise ConnectionError(str(error)) from error
            self.sock.settimeout(self.timeout)
            self.sock.connect((self.host, self.port))

    class Handler(urllib.request.HTTPHandler):
        def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Connection, request)

    return urllib.request.build_opener(urllib.request.ProxyHandler({}), Handler())
