"""How much a TCP connection between two places carries."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import TypeVar

from conformance.dataplane.places import DataPlaneError, OpenSocket, Place, open_in

T = TypeVar("T")
_CHUNK = bytes(1 << 18)
_CONNECT_S = 5.0


def measure_throughput(
    sockets: OpenSocket,
    source: Place,
    target: Place,
    *,
    version: int = 4,
    seconds: float = 1.0,
    warm_up: float = 0.3,
    congestion: str = "cubic",
) -> float:
    """Bits per second of payload that arrive at ``target``, over ``seconds`` after ``warm_up`` seconds; 0.0 if nothing
    connects. ``congestion`` is the sender's TCP congestion control, left as it is where the system does not have it.

    DataPlaneError if a socket cannot be had."""
    with open_in(sockets, target, version, socket.SOCK_STREAM) as listener:
        listener.bind((target.address(version), 0))
        listener.listen(1)
        with open_in(sockets, source, version, socket.SOCK_STREAM) as sender:
            try:
                sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
            except OSError:
                pass  # not loaded in this kernel
            receiver = _connected(sender, listener, (target.address(version), listener.getsockname()[1]))
            if receiver is None:
                return 0.0
            with receiver:
                receiver.setblocking(False)
                return _poured(sender, receiver, warm_up, seconds)


def _connected(sender: socket.socket, listener: socket.socket, to: tuple[str, int]) -> socket.socket | None:
    try:
        sender.connect(to)
    except BlockingIOError:
        pass
    except OSError:
        return None
    if not select.select([listener], (), (), _CONNECT_S)[0]:
        return None
    return listener.accept()[0]


def _poured(sender: socket.socket, receiver: socket.socket, warm_up: float, seconds: float) -> float:
    buffer = bytearray(1 << 20)
    counted = 0
    counts_from = time.monotonic() + warm_up
    ends = counts_from + seconds
    while (now := time.monotonic()) < ends:
        readable, writable, _ = select.select([receiver], [sender], (), ends - now)
        try:
            if writable:
                _tried(lambda: sender.send(_CHUNK))
            if readable:
                size = _tried(lambda: receiver.recv_into(buffer)) or 0
                counted += size if time.monotonic() >= counts_from else 0
        except OSError as error:
            raise DataPlaneError(
                f"A TCP connection that was to carry data for {seconds:g} s broke: {error.strerror}. "
                "Something else disturbs this path; look at the faults in force."
            ) from error
    return counted * 8 / seconds


def _tried(act: Callable[[], T]) -> T | None:
    try:
        return act()
    except BlockingIOError:
        return None
