"""The site's end of the lab's network daemon (``netplane.netd``). In loopback mode there is none and nothing to do."""

from __future__ import annotations

import array
import json
import os
import socket
from pathlib import Path

from labcloud import processes, site

PATIENCE = 60.0  # seconds for an answer
RETRY_FOR = 10.0  # seconds: it is started again a moment after it has died


def sync(here: site.Site) -> None:
    """Wait until what Neutron says now, and who is switched on, is in force."""
    if here.network_daemon:
        _ask(here, {"op": "sync", "site": here.name})


def guest_space(here: site.Site, server: str) -> int | None:
    """A descriptor of the network namespace of a guest; None in loopback mode."""
    if not here.network_daemon:
        return None
    return _ask(here, {"op": "netns", "netns": f"guest-{server}"})


def _ask(here: site.Site, request: dict) -> int | None:
    """The descriptor that came with the answer, if any."""
    answers: list[tuple[dict, int | None]] = []

    def answered() -> bool:
        try:
            answers.append(_ask_once(Path(here.network_daemon), request))
        except (ConnectionError, FileNotFoundError):
            return False
        return True

    if not processes.poll(answered, RETRY_FOR, interval=0.05):
        raise RuntimeError(f"the lab's network daemon does not answer at {here.network_daemon}")
    answer, descriptor = answers[0]
    if "error" in answer:
        raise RuntimeError(f"the lab's network daemon: {answer['error']}")
    return descriptor


def _ask_once(path: Path, request: dict) -> tuple[dict, int | None]:
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(f"/proc/self/fd/{directory}/{path.name}")  # such paths are limited to 107 bytes
            connection.sendall(json.dumps(request).encode() + b"\n")
            text, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
            while text and not text.endswith(b"\n"):
                text += connection.recv(65536) or b"\n"
    finally:
        os.close(directory)
    if not text:
        raise ConnectionResetError("it closed the connection")
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    return json.loads(text), descriptors[0] if descriptors else None
