"""One socket of a connection: where one stream begins and the other one ends."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

from conformance.linkproxy.counters import StreamCounters
from conformance.linkproxy.sink import Data, End, Sink

# SO_LINGER on, 0 seconds: closing the socket sends a reset.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Side(asyncio.Protocol):
    """Reads into ``destination`` once that is set, and is the Sink in which the opposite stream ends.

    ``received`` counts what is read here, ``sent`` what is written here. The callbacks belong to the
    connection: ``on_open`` when the socket is there, ``on_end`` when the stream ending here ends, ``on_lost``
    when the socket is gone.
    """

    def __init__(
        self,
        *,
        received: StreamCounters,
        sent: StreamCounters,
        on_open: Callable[[], None],
        on_end: Callable[[Side, End], None],
        on_lost: Callable[[Side], None],
    ) -> None:
        self.destination: Sink | None = None
        self.on_room: Callable[[], None] = lambda: None
        self.lost = False
        self._received = received
        self._sent = sent
        self._on_open = on_open
        self._on_end = on_end
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._write_paused = False
        self._read_paused = False
        self._read_ended = False
        self._write_end: End | None = None

    @property
    def transport(self) -> asyncio.Transport:
        """The socket's transport; there is one from ``connection_made`` on."""
        assert self._transport is not None, "used before connection_made"
        return self._transport

    # -- asyncio's side: reading

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._read_ended:  # the connection was closed while this socket was on its way here
            transport.abort()
            return
        # Paused means that something is buffered here, resumed that everything is in the kernel's hands.
        transport.set_write_buffer_limits(high=0)
        self.balance()
        self._loop.call_soon(self._pause_again)
        self._on_open()

    def _pause_again(self) -> None:
        """Symptom until Python 3.11.3: a transport that is paused when the connection is made reads all the same, for
        its reading begins one step later, and whoever speaks first is cut off."""
        if self._read_paused:
            self.transport.resume_reading()
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        destination = self.destination
        assert destination is not None, "reading is paused until there is a destination"
        self._received.received += len(data)
        destination.put(data, self._loop.time())
        if destination.full:
            self.balance()

    def eof_received(self) -> bool:
        self._end_reading(End.EOF)
        return True  # keep the socket: the other direction may still have something to say

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if exc is not None:
            self._end_reading(End.RESET)
        self._on_lost(self)

    def balance(self) -> None:
        """Read if, and only if, what is read can be put somewhere."""
        if self._transport is None or self._read_ended:
            return
        pause = self.destination is None or self.destination.full
        if pause and not self._read_paused:
            self._transport.pause_reading()
        elif self._read_paused and not pause:
            self._transport.resume_reading()
        self._read_paused = pause

    def _write_eof(self) -> None:
        if self.lost or self.transport.is_closing():
            return
        try:
            self.transport.write_eof()
        except OSError:  # the peer has reset the connection, and reading has not come across it yet
            self._end_reading(End.RESET)
            self.transport.abort()

    def _end_reading(self, how: End) -> None:
        self._read_ended = True
        if self.destination is not None:
            self.destination.end(how)

    # -- the other stream's side: writing (Sink)

    @property
    def full(self) -> bool:
        # A lost socket never has room: what cannot be delivered stays with its sender.
        return self._write_paused or self.lost or self.transport.is_closing()

    def put(self, data: Data, arrived: float) -> None:
        # A transport whose write failed is closing some time before connection_lost tells us.
        if self._write_end is None and not self.lost and not self.transport.is_closing():
            self._sent.forwarded += len(data)
            self.transport.write(data)

    def end(self, how: End) -> None:
        if self._write_end is None or (self._write_end is End.EOF and how is End.RESET):
            self._write_end = how
            self._on_end(self, how)

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._write_end is End.EOF:
            self._loop.call_soon(self._write_eof)
        self.on_room()

    # -- the connection's side

    def finish_writing(self) -> None:
        """Tell the peer that nothing more comes, after what is still buffered; keep reading."""
        if not self._write_paused:
            self._write_eof()

    def close(self) -> None:
        """Close after what is still buffered was written."""
        self._read_ended = True
        self._write_end = End.CLOSE
        if self._transport is not None:
            self._transport.close()

    def abort(self, *, reset: bool) -> None:
        """Close now; with ``reset`` the peer gets a TCP reset."""
        self._read_ended = True
        self._write_end = End.RESET if reset else End.CLOSE
        if self._transport is None or self.lost:
            return
        self._sent.forwarded -= self._transport.get_write_buffer_size()
        if reset:
            sock: socket.socket = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def unsent(self) -> int:
        """Bytes counted as forwarded that the kernel has not taken yet."""
        return 0 if self._transport is None or self.lost else self._transport.get_write_buffer_size()
