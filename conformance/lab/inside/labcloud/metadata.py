"""The guests' metadata service: Nova's own, at 169.254.169.254 of each guest's network.

A guest has a listener in its own network namespace, so that who asks is known by where he asks: nothing that he says of
himself is believed. In loopback mode guests have no network of their own, and there is no metadata service.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import socket
import socketserver
import struct
import threading
from wsgiref import simple_server

from netplane import kernel
from nova.api.metadata import handler

from labcloud import network, site

ADDRESS, PORT = "169.254.169.254", 80
GUEST = "labcloud.guest"  # in the environment of a request, where no header of a client's can get to
SIOCSIFADDR, SIOCSIFNETMASK = 0x8916, 0x891C
PATIENCE = 10.0  # seconds for a client to ask and to take the answer


class Application(handler.MetadataRequestHandler):
    """Nova's application, told by us whose metadata is asked for."""

    def _handle_remote_ip_request(self, req):
        return self.get_metadata_by_instance_id(req.environ[GUEST], None)


class Request(simple_server.WSGIRequestHandler):
    """One request on one connection; not logged."""

    timeout = PATIENCE

    def log_message(self, format, *args):
        pass


class Listener(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    """Answers one guest."""

    daemon_threads = True
    timeout = 0

    def __init__(self, listening: socket.socket, guest: str, application: Application):
        super().__init__((ADDRESS, PORT), Request, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_name, self.server_port = ADDRESS, PORT
        self.setup_environ()
        self.base_environ[GUEST] = guest
        self.set_app(application)


class Service:
    """The listeners of all guests of the site, tended by one thread."""

    def __init__(self, here: site.Site):
        self._here = here
        self._application = Application()
        self._listeners: dict[str, Listener] = {}
        self._changing = threading.Lock()
        self._ready = selectors.DefaultSelector()
        threading.Thread(target=self._serve, name="metadata", daemon=True).start()

    def offer(self, guest: str) -> None:
        """Answer a guest whose network is there; also again, after that was made anew."""
        listening = _listen(network.guest_space(self._here, guest))
        self.withdraw(guest)
        with self._changing:
            self._listeners[guest] = Listener(listening, guest, self._application)
            self._ready.register(self._listeners[guest], selectors.EVENT_READ)

    def withdraw(self, guest: str) -> None:
        """Let go of the guest's network, which else would outlive it."""
        with self._changing:
            listener = self._listeners.pop(guest, None)
            if listener is not None:
                self._ready.unregister(listener)
                listener.socket.close()

    def _serve(self) -> None:
        while True:
            for key, _ in self._ready.select():
                with self._changing:
                    if key.fileobj in self._listeners.values():
                        key.fileobj.handle_request()  # in a thread of its own


def _listen(space: int) -> socket.socket:
    """A listening socket in a network namespace, at the service's address there; the descriptor is closed."""
    made: list[socket.socket | OSError] = []

    def inside() -> None:
        try:
            kernel.setns(space, kernel.NEWNET)
            _add_address()
            made.append(socket.create_server((ADDRESS, PORT), backlog=32))
            made[0].setblocking(False)
        except OSError as error:
            made.append(error)
        finally:
            os.close(space)

    thread = threading.Thread(target=inside)  # a thread's network namespace is its own, and ends with it
    thread.start()
    thread.join()
    if isinstance(made[-1], OSError):
        raise made[-1]
    return made[0]


def _add_address() -> None:
    """Give the loopback device of this thread's network the service's address, and no more than that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        for request, value in ((SIOCSIFADDR, ADDRESS), (SIOCSIFNETMASK, "255.255.255.255")):
            argument = struct.pack("16sH2x4s8x", b"lo:metadata", socket.AF_INET, socket.inet_aton(value))
            fcntl.ioctl(channel, request, argument)
