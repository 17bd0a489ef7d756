"""One client, one upstream, and the two streams between them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from conformance.linkproxy.address import AddressError, resolve, split_address
from conformance.linkproxy.namespaces import socket_in
from conformance.linkproxy.side import Side
from conformance.linkproxy.sink import End, Sink
from conformance.linkproxy.stage import Stage
from conformance.linkproxy.stream import Stream
from conformance.linkproxy.toxics.base import AppliedToxic

if TYPE_CHECKING:
    from conformance.linkproxy.proxy import Proxy


class Connection:
    """Dials the upstream as soon as a client is there, beside all other connections; reads nothing until
    then.

    Ends: an EOF is passed on and the other direction stays open until its own EOF; a reset of one side
    reaches the other as a reset; ``close`` (asked for by a toxic) closes both sides after what came before
    it.
    """

    def __init__(self, proxy: Proxy, number: int, on_gone: Callable[[Connection], None]) -> None:
        self._proxy = proxy
        self._number = number
        self._on_gone = on_gone
        counters = proxy.counters
        self.client = Side(
            received=counters.upstream,
            sent=counters.downstream,
            on_open=self._client_is_here,
            on_end=self._stream_ended,
            on_lost=self._side_lost,
        )
        self._upstream = Side(
            received=counters.downstream,
            sent=counters.upstream,
            on_open=self._upstream_is_here,
            on_end=self._stream_ended,
            on_lost=self._side_lost,
        )
        self._streams: dict[str, Stream] = {}
        self._open_ends = 2
        self._opening: asyncio.Task[object] | None = None
        self._dialling: asyncio.Task[None] | None = None

    # -- opening

    def open(self, client: socket.socket) -> None:
        """Take the client's socket; if this is closed before its side has got that, it is closed there."""
        loop = asyncio.get_running_loop()
        self._opening = loop.create_task(loop.connect_accepted_socket(lambda: self.client, client))

    def _client_is_here(self) -> None:
        self._dialling = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        try:
            async with asyncio.timeout(self._proxy.settings.dial_timeout):
                await self._connect()
        except (OSError, TimeoutError, UnicodeError, AddressError):
            self._proxy.counters.dial_failures += 1
            self._upstream.lost = True
            self.client.close()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._proxy.dial_from:
            host, port = split_address(self._proxy.upstream)
            await loop.create_connection(lambda: self._upstream, host, port)
            return
        to = await resolve(self._proxy.upstream)
        sock = socket_in(self._proxy.dial_from, to.family)
        try:
            await loop.sock_connect(sock, (to.host, to.port))
        except BaseException:
            sock.close()
            raise
        await loop.create_connection(lambda: self._upstream, sock=sock)

    def _upstream_is_here(self) -> None:
        for direction, source, target in (
            ("upstream", self.client, self._upstream),
            ("downstream", self._upstream, self.client),
        ):
            toxics = [t for t in self._proxy.toxics if t.direction == direction]
            self._streams[direction] = Stream(source, target, toxics, self._stage)

    def _stage(self, applied: AppliedToxic, output: Sink) -> Stage:
        return Stage(applied, output, self._proxy.rng(self._number, applied))

    # -- changing

    def stream(self, direction: str) -> Stream | None:
        """The stream in that direction; None while the upstream is still being dialled."""
        return self._streams.get(direction)

    def unsent(self) -> tuple[int, int]:
        """Bytes counted as forwarded (upstream, downstream) that the kernel has not taken yet."""
        return self._upstream.unsent(), self.client.unsent()

    # -- ending

    def abort(self, *, reset: bool = False) -> None:
        """Close both sides now."""
        if self._dialling is not None:
            self._dialling.cancel()
        if not self._streams:
            self._upstream.lost = True  # it never was there
        for side in (self.client, self._upstream):
            side.abort(reset=reset)

    def _stream_ended(self, target: Side, how: End) -> None:
        if how is End.RESET:
            self.abort(reset=True)
            return
        if how is End.EOF:
            self._open_ends -= 1
            target.finish_writing()
        if how is End.CLOSE or not self._open_ends:
            self.client.close()
            self._upstream.close()

    def _side_lost(self, side: Side) -> None:
        if self.client.lost and self._upstream.lost:
            for stream in self._streams.values():
                stream.stop()
            self._on_gone(self)
