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
import traceback
from pathlib import Path

from labcloud import guest, instance, network, processes, site

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
                    try:
                        _answer(connection, here)
                    except (OSError, RuntimeError, ValueError, KeyError):  # of one guest, or of a nova that was killed
                        traceback.print_exc()
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
        try:
            guest.boot(directory, here, space)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)  # it is no second hypervisor
    if space is not None:
        os.close(space)
    instance.remember_init(directory, pid, processes.started_at(pid))  # here: nova may be killed before it hears of it
    connection.sendall(json.dumps({"pid": pid}).encode() + b"\n")


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def start_guest(directory: Path) -> None:
    """Have the site's hypervisor start the guest of an instance directory. RuntimeError if it cannot."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(30)
        connection.connect(SOCKET)
        connection.sendall(json.dumps({"directory": str(directory)}).encode() + b"\n")
        if not connection.makefile().readline():
            raise RuntimeError(f"the site's hypervisor could not start the guest in {directory}: its output says why")
