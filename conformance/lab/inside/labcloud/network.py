"""The site's end of the lab's network daemon (``netplane.netd``). In loopback mode there is none and nothing to do."""

from __future__ import annotations

import array
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labcloud import processes, site

PATIENCE = 60.0  # seconds for an answer
RETRY_FOR = 10.0  # seconds: it is started again a moment after it has died
RETRY_EVERY = 0.05


def sync(here: site.Site) -> None:
    """Wait until what Neutron says now, and who is switched on, is in force."""
    if here.network_daemon:
        _ask(here, {"op": "sync", "site": here.name})


def guest_space(here: site.Site, server: str) -> int | None:
    """A descriptor of the network namespace of a guest; None in loopback mode."""
    if not here.network_daemon:
        return None
    return _ask(here, {"op": "netns", "netns": f"guest-{server}"})


def watch(here: site.Site) -> Iterator[set[str]]:
    """For ever: the ids of the ports that are wired, now and whenever that has changed."""
    while True:
        try:
            with _connection(Path(here.network_daemon)) as connection:
                connection.sendall(json.dumps({"op": "watch", "site": here.name}).encode() + b"\n")
                connection.settimeout(None)
                for line in connection.makefile("rb"):
                    yield set(json.loads(line)["wired"])
        except (ConnectionError, FileNotFoundError):
            pass
        time.sleep(RETRY_EVERY)  # it is being started again


def _ask(here: site.Site, request: dict) -> int | None:
    """The descriptor that came with the answer, if any."""
    answers: list[tuple[dict, int | None]] = []

    def answered() -> bool:
        try:
            answers.append(_ask_once(Path(here.network_daemon), request))
        except (ConnectionError, FileNotFoundError):
            return False
        return True

    if not processes.poll(answered, RETRY_FOR, interval=RETRY_EVERY):
        raise RuntimeError(f"the lab's network daemon does not answer at {here.network_daemon}")
    answer, descriptor = answers[0]
    if "error" in answer:
        raise RuntimeError(f"the lab's network daemon: {answer['error']}")
    return descriptor


@contextmanager
def _connection(path: Path) -> Iterator[socket.socket]:
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(f"/proc/self/fd/{directory}/{path.name}")  # such paths are limited to 107 bytes
            yield connection
    finally:
        os.close(directory)


def _ask_once(path: Path, request: dict) -> tuple[dict, int | None]:
    with _connection(path) as connection:
        connection.sendall(json.dumps(request).encode() + b"\n")
        text, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
        while text and not text.endswith(b"\n"):
            text += connection.recv(65536) or b"\n"
    if not text:
        raise ConnectionResetError("it closed the connection")
    descriptors = array.array("i")
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    return json.loads(text), descriptors[0] if descriptors else None
