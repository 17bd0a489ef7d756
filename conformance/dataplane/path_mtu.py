"""The longest packet that passes between two places when no router may cut it."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterable

from conformance.dataplane.places import OpenSocket, Place, enlarge_buffer, open_in

_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PROBE = 10, 23, 3
_HEADERS = {4: 28, 6: 48}
_SMALLEST = {4: 68, 6: 1280}
_STEP = 32


def path_mtu(
    sockets: OpenSocket, source: Place, target: Place, *, version: int = 4, largest: int = 9216, timeout: float = 0.3
) -> int | None:
    """Bytes of the longest IP packet that arrives with "don't fragment" set; None if not even the shortest does.

    Packets of many lengths are sent at once, twice, and those that arrive count: what earlier answers of routers made
    the system believe is not asked, and a path that drops silently is measured as well."""
    with open_in(sockets, target, version, socket.SOCK_DGRAM) as receiver:
        enlarge_buffer(receiver)
        receiver.bind((target.address(version), 0))
        with open_in(sockets, source, version, socket.SOCK_DGRAM) as sender:
            if version == 4:
                sender.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PROBE)
            else:
                sender.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PROBE)
            to = (target.address(version), receiver.getsockname()[1])
            low = _SMALLEST[version]
            coarse = _longest(sender, to, receiver, range(low, largest + 1, _STEP), _HEADERS[version], timeout)
            if coarse is None:
                return None
            fine = range(coarse, min(coarse + _STEP, largest + 1))
            return _longest(sender, to, receiver, fine, _HEADERS[version], timeout) or coarse


def _longest(
    sender: socket.socket,
    to: tuple[str, int],
    receiver: socket.socket,
    lengths: Iterable[int],
    headers: int,
    timeout: float,
) -> int | None:
    wanted = set()
    for length in lengths:
        try:
            sender.sendto(struct.pack(">I", length).ljust(length - headers, b"\0"), to)
        except OSError:
            continue  # longer than the sender's own device takes
        wanted.add(length)
    arrived: set[int] = set()
    deadline = time.monotonic() + timeout
    # What came in time is looked at though this process did not run for a while.
    while arrived != wanted and select.select([receiver], (), (), max(0.0, deadline - time.monotonic()))[0]:
        packet = receiver.recv(65_536)
        if len(packet) >= 4 and (length := struct.unpack_from(">I", packet)[0]) in wanted:
            arrived.add(length)
    return max(arrived, default=None)
