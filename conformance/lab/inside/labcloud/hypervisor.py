"""The hypervisor of a site: one small process whose children are the guests.

It is forked before any OpenStack import, so a guest costs little memory, and it is not nova: guests outlive a crash of
nova-compute as they would on a real host. Nova's driver asks it over a unix socket to start a guest; stopping needs no
request (see ``labcloud.guest.stop``).
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
from pathlib import Path

from labcloud import guest, network, processes, site

SOCKET = "hypervisor.sock"  # relative to the site's directory: unix socket paths are limited to 107 bytes


def serve() -> None:
    """Start guests until killed."""
    here = site.load()
    gc.freeze()  # guests share these pages as long as nobody collects
    Path(SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(SOCKET)
    os.chmod(SOCKET, 0o600)
    listener.listen(128)
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = selectors.DefaultSelector()
    waiting.register(listener, selectors.EVENT_READ)
    waiting.register(reader, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                with connection:
                    _answer(connection, here)
            else:
                os.read(reader, 4096)
        _reap()


def _answer(connection: socket.socket, here: site.Site) -> None:
    connection.settimeout(10)
    request = json.loads(connection.makefile().readline())
    directory = Path(request["directory"])
    space = network.guest_space(here, directory.name)
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        guest.boot(directory, here, space)
    if space is not None:
        os.close(space)
    connection.sendall(json.dumps({"pid": pid, "started": processes.started_at(pid)}).encode() + b"\n")


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def start_guest(directory: Path) -> tuple[int, int]:
    """Ask the site's hypervisor to start the guest of an instance directory; returns its init's pid and start time."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(30)
        connection.connect(SOCKET)
        connection.sendall(json.dumps({"directory": str(directory)}).encode() + b"\n")
        answer = json.loads(connection.makefile().readline())
    return answer["pid"], answer["started"]
