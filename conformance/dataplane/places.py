"""Places in the data plane to send packets from and to, without entering them."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Protocol

from conformance.errors import HarnessError

_SO_RCVBUFFORCE = 33
_BUFFER = 8 << 20


class DataPlaneError(HarnessError):
    """Something could not be sent, measured or changed in the data plane."""


class OpenSocket(Protocol):
    """Hands out sockets that live in other network namespaces; the caller closes them."""

    def __call__(
        self, netns: str, family: socket.AddressFamily, kind: socket.SocketKind, proto: int = 0, /
    ) -> socket.socket:
        """A new socket of the namespace named ``netns``. OSError or HarnessError if it cannot be had."""


@dataclass(frozen=True)
class Place:
    """A network namespace, and the addresses at which packets reach it (empty where it has none)."""

    label: str
    netns: str
    ipv4: str = ""
    ipv6: str = ""

    def address(self, version: int) -> str:
        """Its address of IP version 4 or 6. DataPlaneError if it has none."""
        address = self.ipv4 if version == 4 else self.ipv6
        if not address:
            raise DataPlaneError(f"{self.label} should have an IPv{version} address to be measured, and has none.")
        return address


def family(version: int) -> socket.AddressFamily:
    """The socket family of an IP version."""
    return socket.AF_INET if version == 4 else socket.AF_INET6


def open_in(sockets: OpenSocket, place: Place, version: int, kind: socket.SocketKind, proto: int = 0) -> socket.socket:
    """A non-blocking socket in ``place``. DataPlaneError if it cannot be had."""
    try:
        opened = sockets(place.netns, family(version), kind, proto)
    except OSError as error:
        raise DataPlaneError(
            f"A socket in the network namespace {place.netns} was expected, and could not be had: {error}. "
            "See whether the lab is up: multisite-ha lab status."
        ) from error
    opened.setblocking(False)
    return opened


def enlarge_buffer(receiver: socket.socket) -> None:
    """Room for what arrives while this process does not run, as far as the system gives it."""
    try:
        receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    except PermissionError:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
