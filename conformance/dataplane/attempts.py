"""Many attempts at once to get a packet from one place to another: a forbidden one costs its time-out, so all wait
together.

TCP counts as reached when the target's system answers, be it with a refusal: the packet has then passed every rule on
its way. UDP has no answer of its own: it counts when a raw socket at the target, which is behind the firewall there,
sees the packet. ICMP is an echo."""

from __future__ import annotations

import errno
import os
import resource
import selectors
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.dataplane.places import DataPlaneError, OpenSocket, Place, open_in
from conformance.errors import HarnessError

_SEND_EVERY_S = 0.3
_SPARE_FILES = 64
_RECEIVE = 65_536
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_ECHO, _PROTOCOL = {4: 8, 6: 128}, {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}


@dataclass(frozen=True)
class Attempt:
    """From one place to an address of another. ``protocol`` is tcp, udp or icmp; ``port`` is None for icmp."""

    source: Place
    target: Place
    address: str
    protocol: str
    port: int | None = None

    @property
    def version(self) -> int:
        """The IP version of the address."""
        return 6 if ":" in self.address else 4


@dataclass(frozen=True)
class Outcome:
    """``reached`` is None when it could not be tried; ``detail`` says what was seen."""

    reached: bool | None
    detail: str


def attempt_all(sockets: OpenSocket, attempts: Sequence[Attempt], *, timeout: float = 1.5) -> tuple[Outcome, ...]:
    """What came of each attempt, in order, after at most about ``timeout`` seconds (and the time to open sockets).

    Never raises because of an attempt: one that could not be made says so in its outcome."""
    with _Trying(sockets, attempts) as trying:
        trying.run(timeout)
        silent = Outcome(False, f"no answer within {timeout:g} s")
        return tuple(trying.outcomes.get(n, silent) for n in range(len(attempts)))


class _Trying:
    """The attempts under way: sockets, and the outcomes so far by the attempt's number."""

    def __init__(self, sockets: OpenSocket, attempts: Sequence[Attempt]) -> None:
        self._sockets = sockets
        self._attempts = attempts
        self._nonce = os.urandom(8)
        self._selector = selectors.DefaultSelector()
        self._shared: dict[tuple[str, str, int], socket.socket] = {}
        self._tcp: list[socket.socket] = []
        self.outcomes: dict[int, Outcome] = {}

    def __enter__(self) -> _Trying:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for opened in (*self._tcp, *self._shared.values()):
            opened.close()

    def run(self, timeout: float) -> None:
        """Make every attempt, until all have an outcome or the time is over."""
        _raise_file_limit(len(self._attempts))
        for number, attempt in enumerate(self._attempts):
            self._try(self._prepare, number, attempt)
        deadline = time.monotonic() + timeout
        send_at = 0.0
        while len(self.outcomes) < len(self._attempts):
            now = time.monotonic()
            if send_at <= now < deadline:
                self._send_again()
                send_at = now + _SEND_EVERY_S
            ready = self._selector.select(max(0.0, min(deadline, send_at) - time.monotonic()))
            for key, _ in ready:
                key.data()
            # What came in time is looked at though this process did not run for a while.
            if now >= deadline and (not ready or now >= deadline + timeout):
                return

    def _try(self, act: Callable[[int, Attempt], None], number: int, attempt: Attempt) -> None:
        try:
            act(number, attempt)
        except HarnessError as error:
            self.outcomes[number] = Outcome(None, f"could not be tried: {error}")
        except OSError as error:
            self.outcomes[number] = Outcome(False, f"refused on the way: {error.strerror or error}")

    def _prepare(self, number: int, attempt: Attempt) -> None:
        if attempt.protocol == "tcp":
            self._connect(number, attempt)
        elif attempt.protocol == "udp":
            self._shared_socket("send", attempt.source, attempt.version, socket.SOCK_DGRAM, 0)
            self._shared_socket("see", attempt.target, attempt.version, socket.SOCK_RAW, socket.IPPROTO_UDP)
        elif attempt.protocol == "icmp":
            proto = _PROTOCOL[attempt.version]
            self._shared_socket("echo", attempt.source, attempt.version, socket.SOCK_DGRAM, proto)
        else:
            raise DataPlaneError(f"Only tcp, udp and icmp can be tried, not {attempt.protocol!r}.")

    def _send_again(self) -> None:
        """UDP and ICMP have nobody who sends a lost packet again."""
        for number, attempt in enumerate(self._attempts):
            if number not in self.outcomes and attempt.protocol != "tcp":
                self._try(self._send, number, attempt)

    def _send(self, number: int, attempt: Attempt) -> None:
        what = "echo" if attempt.protocol == "icmp" else "send"
        token = self._nonce + struct.pack(">Q", number)
        header = struct.pack(">BBHHH", _ECHO[attempt.version], 0, 0, 0, number & 0xFFFF) if what == "echo" else b""
        sender = self._shared[what, attempt.source.netns, attempt.version]
        sender.sendto(header + token, (attempt.address, attempt.port or 0))

    def _connect(self, number: int, attempt: Attempt) -> None:
        connection = open_in(self._sockets, attempt.source, attempt.version, socket.SOCK_STREAM)
        self._tcp.append(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if attempt.version == 4:
            connection.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        else:
            connection.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        result = connection.connect_ex((attempt.address, attempt.port or 0))
        if result == errno.EINPROGRESS:
            self._selector.register(connection, selectors.EVENT_WRITE, lambda: self._connected(number, connection))
        else:
            self.outcomes[number] = _tcp_outcome(result, connection)

    def _connected(self, number: int, connection: socket.socket) -> None:
        result = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.outcomes[number] = _tcp_outcome(result, connection)
        self._selector.unregister(connection)
        connection.close()

    def _shared_socket(self, what: str, place: Place, version: int, kind: socket.SocketKind, proto: int) -> None:
        key = (what, place.netns, version)
        if key not in self._shared:
            self._shared[key] = opened = open_in(self._sockets, place, version, kind, proto)
            if what != "send":
                self._selector.register(opened, selectors.EVENT_READ, lambda: self._seen(what, place, opened))

    def _seen(self, what: str, place: Place, seeing: socket.socket) -> None:
        try:
            packet = seeing.recv(_RECEIVE)
        except OSError:
            return  # an error that an ICMP message brought: the attempt it belongs to stays without an answer
        _, ours, rest = packet.partition(self._nonce)
        if not ours or len(rest) < 8:
            return  # somebody else's
        number = struct.unpack(">Q", rest[:8])[0]
        attempt = self._attempts[number] if number < len(self._attempts) else None
        if what == "echo" and attempt is not None and attempt.source == place:
            self.outcomes[number] = Outcome(True, "answered")
        elif what == "see" and attempt is not None and attempt.target == place:
            self.outcomes[number] = Outcome(True, "arrived")


def _tcp_outcome(result: int, connection: socket.socket) -> Outcome:
    if result == 0:
        return Outcome(True, "connected")
    if result == errno.ECONNREFUSED and not _told_by_icmp(connection):
        return Outcome(True, "refused by the target's system: nothing listens there")
    return Outcome(False, f"refused on the way: {os.strerror(result)}")


def _told_by_icmp(connection: socket.socket) -> bool:
    """Whether the refusal came as an ICMP message, as from a rejecting firewall, and not from the target's TCP."""
    try:
        connection.recvmsg(64, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
    except OSError:
        return False
    return True


def _raise_file_limit(count: int) -> None:
    """Let this process open so many files more, as far as it may; each TCP attempt is one, and 1024 the usual limit.

    For good: attempts at another site may be under way in another thread."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = sum(1 for _ in Path("/proc/self/fd").iterdir()) + count + _SPARE_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if resource.RLIM_INFINITY != soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
