"""Numbered UDP packets in one direction: which arrived, when, how often, in which order, and undamaged or not.

Both ends are sockets of this process, so that the time a packet took is the difference of one clock."""

from __future__ import annotations

import select
import socket
import struct
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.dataplane.places import OpenSocket, Place, enlarge_buffer, open_in

_HEADER = struct.Struct(">IIQ")  # checksum of the rest, number, time of sending
_SO_NO_CHECK = 11
_RECEIVE = 65_536
_CATCH_UP = 10


@dataclass(frozen=True)
class Arrival:
    """``number`` counts from 0; ``took_ns`` from sending to receiving."""

    number: int
    took_ns: int


@dataclass(frozen=True)
class Burst:
    """What became of ``sent`` packets. ``arrivals`` are in the order of receiving, duplicates included; ``damaged``
    packets arrived with a wrong content and are not among them."""

    sent: int
    arrivals: tuple[Arrival, ...]
    damaged: int = 0
    refused: str = ""

    @property
    def arrived(self) -> int:
        """How many different packets arrived undamaged."""
        return len({arrival.number for arrival in self.arrivals})

    @property
    def lost_share(self) -> float:
        """Of the packets sent, those that did not arrive in any shape."""
        return 1 - min(self.sent, self.arrived + self.damaged) / self.sent

    @property
    def duplicate_share(self) -> float:
        """Further copies, per packet that arrived."""
        return (len(self.arrivals) - self.arrived) / max(1, self.arrived)

    @property
    def late_share(self) -> float:
        """Of the packets that arrived, those behind a packet sent after them: a copy never makes its original late."""
        highest, late, seen = -1, 0, set()
        for arrival in self.arrivals:
            if arrival.number not in seen and arrival.number < highest:
                late += 1
            seen.add(arrival.number)
            highest = max(highest, arrival.number)
        return late / max(1, len(seen))

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers that did not arrive undamaged, in order."""
        return tuple(sorted(set(range(self.sent)) - {arrival.number for arrival in self.arrivals}))

    @property
    def gaps(self) -> int:
        """Runs of consecutive missing packets."""
        missing = self.missing
        return sum(1 for at, number in enumerate(missing) if at == 0 or missing[at - 1] != number - 1)

    def took_ns(self, share: float) -> int | None:
        """The time that this share of the arrived packets took at most; None if none arrived."""
        times = sorted(arrival.took_ns for arrival in self.arrivals)
        return times[min(len(times) - 1, int(share * len(times)))] if times else None


@dataclass(frozen=True)
class Flow:
    """From a place to another over one IP version."""

    source: Place
    target: Place
    version: int = 4


class _Running:
    """One flow's sockets and what came so far."""

    def __init__(self, sockets: OpenSocket, flow: Flow, size: int) -> None:
        self.receiver = open_in(sockets, flow.target, flow.version, socket.SOCK_DGRAM)
        enlarge_buffer(self.receiver)
        try:
            self.receiver.bind((flow.target.address(flow.version), 0))
            self.sender = open_in(sockets, flow.source, flow.version, socket.SOCK_DGRAM)
        except BaseException:
            self.receiver.close()
            raise
        if flow.version == 4:
            # Without UDP's own checksum, which IPv6 demands, damaged packets arrive and can be counted.
            self.sender.setsockopt(socket.SOL_SOCKET, _SO_NO_CHECK, 1)
        self.to = (flow.target.address(flow.version), self.receiver.getsockname()[1])
        self.filler = bytes(n % 256 for n in range(max(0, size - _HEADER.size)))
        self.sent = 0
        self.damaged = 0
        self.refused = ""
        self.arrivals: list[Arrival] = []

    def send(self) -> None:
        rest = struct.pack(">IQ", self.sent, time.monotonic_ns()) + self.filler
        self.sent += 1
        try:
            self.sender.sendto(struct.pack(">I", zlib.crc32(rest)) + rest, self.to)
        except OSError as error:
            self.refused = error.strerror or str(error)

    def receive(self) -> None:
        while True:
            try:
                packet = self.receiver.recv(_RECEIVE)
            except OSError:
                return  # nothing more
            now = time.monotonic_ns()
            if len(packet) != _HEADER.size + len(self.filler) or zlib.crc32(packet[4:]) != int.from_bytes(packet[:4]):
                self.damaged += 1
                continue
            _, number, sent_at = _HEADER.unpack_from(packet)
            self.arrivals.append(Arrival(number, now - sent_at))

    def close(self) -> None:
        self.sender.close()
        self.receiver.close()


def send_bursts(
    sockets: OpenSocket,
    flows: Sequence[Flow],
    *,
    count: int = 400,
    interval: float = 0.001,
    size: int = 200,
    wait: float = 0.3,
) -> tuple[Burst, ...]:
    """Send ``count`` packets of ``size`` bytes in each flow, ``interval`` seconds apart, all flows at the same time;
    then wait for late ones until ``wait`` seconds passed without any. One result per flow, in order.

    DataPlaneError if a socket cannot be had."""
    running: list[_Running] = []
    try:
        for flow in flows:
            running.append(_Running(sockets, flow, size))
        _run(running, count, interval, wait)
    finally:
        for one in running:
            one.close()
    return tuple(Burst(one.sent, tuple(one.arrivals), one.damaged, one.refused) for one in running)


def _run(running: Sequence[_Running], count: int, interval: float, wait: float) -> None:
    receivers = {one.receiver: one for one in running}
    sent = 0
    send_at = quiet_since = time.monotonic()
    while True:
        now = time.monotonic()
        if sent < count and now >= send_at:
            for one in running:
                one.send()
            sent += 1
            # Time in which this process did not run is not made up for: a flood of packets would measure buffers.
            send_at = max(send_at + interval, now - _CATCH_UP * interval)
            quiet_since = now
            until = now
        else:
            until = send_at if sent < count else quiet_since + wait
            if sent == count and (now >= until or all(len(one.arrivals) >= count for one in running)):
                break
        ready = select.select(list(receivers), (), (), max(0.0, until - now))[0]
        for receiver in ready:
            receivers[receiver].receive()
            quiet_since = time.monotonic()
    for one in running:
        one.receive()
