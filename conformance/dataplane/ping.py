"""ICMP echo between places: whether answers come, and how long they take."""

from __future__ import annotations

import select
import socket
import struct
import time
from dataclasses import dataclass

from conformance.dataplane.places import OpenSocket, Place, open_in

_ECHO = {4: 8, 6: 128}
_PROTOCOL = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_RECEIVE = 2048


@dataclass(frozen=True)
class Pings:
    """``times_ns`` are the round trips of those that were answered; ``refused`` is what the network or the system
    said, where it said something."""

    sent: int
    times_ns: tuple[int, ...]
    refused: str = ""

    @property
    def best_ns(self) -> int | None:
        """The shortest round trip, because a busy machine can only add to it; None without any."""
        return min(self.times_ns, default=None)

    @property
    def all_answered(self) -> bool:
        """Whether no echo is missing."""
        return len(self.times_ns) == self.sent


def ping(
    sockets: OpenSocket,
    source: Place,
    target: Place,
    *,
    version: int = 4,
    count: int = 5,
    interval: float = 0.01,
    timeout: float = 1.0,
) -> Pings:
    """``count`` echo requests, ``interval`` seconds apart; answers are waited for until ``timeout`` seconds after the
    last request. DataPlaneError if no socket can be had."""
    waiting: dict[int, int] = {}
    times: list[int] = []
    sent, refused = 0, ""
    with open_in(sockets, source, version, socket.SOCK_DGRAM, _PROTOCOL[version]) as echo:
        began = last = time.monotonic()
        while sent < count or waiting:
            now = time.monotonic()
            if sent < count and now >= began + sent * interval:
                waiting[sent], last = time.monotonic_ns(), now
                try:
                    echo.sendto(struct.pack(">BBHHH", _ECHO[version], 0, 0, 0, sent), (target.address(version), 0))
                except OSError as error:
                    refused = error.strerror or str(error)
                sent += 1
                continue
            due = began + sent * interval if sent < count else last + timeout
            # What came in time is looked at though this process did not run for a while.
            if select.select([echo], (), (), max(0.0, due - now))[0]:
                try:
                    answer = echo.recv(_RECEIVE)
                except OSError as error:
                    refused = error.strerror or str(error)
                    continue
                number = struct.unpack_from(">H", answer, 6)[0] if len(answer) >= 8 else -1
                if number in waiting:  # and not a second copy of an answer
                    times.append(time.monotonic_ns() - waiting.pop(number))
            elif sent == count and now >= due:
                break
    return Pings(count, tuple(times), refused)
