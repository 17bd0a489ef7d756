"""Addresses as Toxiproxy spells them: ``host:port``, ``[v6]:port``, ``:port`` for every interface."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass


class AddressError(Exception):
    """An address cannot be used; the message is worded as Go words it, since clients show or match it."""


def split_address(address: str) -> tuple[str, int]:
    """Host (may be empty) and port of ``host:port``; AddressError if it is not of that form."""
    host, colon, port = address.rpartition(":")
    if not colon:
        raise AddressError(f"address {address}: missing port in address")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise AddressError(f"address {address}: too many colons in address")
    if not port.isascii() or not port.isdigit():
        raise AddressError(f"lookup tcp/{port}: unknown port")
    if int(port) > 65535:
        raise AddressError(f"address {port}: invalid port")
    return host, int(port)


def join_address(host: str, port: int) -> str:
    """``host:port``, with brackets where the host is an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True)
class Listen:
    """Where to listen, resolved; ``str()`` is how the API shows it."""

    family: int
    host: str
    port: int

    def __str__(self) -> str:
        return join_address(self.host, self.port)


async def resolve(address: str) -> Listen:
    """What ``address`` means; an empty host is every interface, an empty address any free port there as well.

    AddressError if it is malformed or its name is not known.
    """
    host, port = split_address(address) if address else ("", 0)
    if host in ("", "::"):
        if socket.has_dualstack_ipv6():
            return Listen(socket.AF_INET6, "::", port)
        return Listen(socket.AF_INET, "0.0.0.0", port)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressError(f"lookup {host}: {error}") from error
    # Go prefers IPv4 for a name that has both.
    family, _, _, _, where = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)[0]
    return Listen(family, str(where[0]), port)


def listening_socket(listen: Listen) -> socket.socket:
    """A listening socket there; AddressError if it cannot be had."""
    try:
        return socket.create_server(
            (listen.host, listen.port),
            family=listen.family,
            dualstack_ipv6=listen.host == "::",
            backlog=1024,
        )
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise AddressError(f"listen tcp {listen}: bind: {reason[:1].lower()}{reason[1:]}") from error
