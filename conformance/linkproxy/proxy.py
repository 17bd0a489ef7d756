"""One proxy: a listening address, an upstream, toxics, and the connections through it."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass

from conformance.linkproxy.address import join_address, listening_socket, resolve
from conformance.linkproxy.connection import Connection
from conformance.linkproxy.counters import Counters, StreamCounters
from conformance.linkproxy.listener import Listener
from conformance.linkproxy.toxics.base import AppliedToxic


@dataclass(frozen=True)
class Settings:
    """``seed`` decides every draw of every toxic; ``dial_timeout`` is in seconds."""

    seed: int
    dial_timeout: float = 10.0


class Proxy:
    """Created stopped; ``start`` listens. Toxics belong to the proxy and outlive stopping it."""

    def __init__(self, settings: Settings, name: str, listen: str, upstream: str, dial_from: str = "") -> None:
        self.settings = settings
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.dial_from = dial_from
        self.toxics: tuple[AppliedToxic, ...] = ()
        self.counters = Counters()
        self._listener: Listener | None = None
        self._connections: set[Connection] = set()

    @property
    def enabled(self) -> bool:
        """Whether it listens."""
        return self._listener is not None

    async def start(self) -> None:
        """Listen; ``listen`` then holds the address really used. AddressError if that cannot be had."""
        if self._listener is not None:
            return
        sock = listening_socket(await resolve(self.listen))
        self.listen = join_address(*sock.getsockname()[:2])
        self._listener = Listener(sock, self._accept)

    def stop(self) -> None:
        """Refuse new connections, close the open ones, and forget what was on its way."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in self._connections:
            connection.abort()
        self._connections.clear()

    async def differs(self, listen: str, upstream: str) -> bool:
        """Whether these are other addresses than the present ones. AddressError if ``listen`` cannot be
        one."""
        return (str(await resolve(listen)), upstream) != (self.listen, self.upstream)

    async def update(self, *, listen: str, upstream: str, enabled: bool) -> None:
        """Take over the new settings; a changed address closes all connections.

        AddressError: ``listen`` makes no sense and nothing was changed, or it is not free and the proxy is
        stopped.
        """
        if await self.differs(listen, upstream):
            self.stop()
            self.listen, self.upstream = listen, upstream
        if enabled:
            await self.start()
        else:
            self.stop()

    # -- toxics: every change acts on open connections at once

    def toxic(self, name: str) -> AppliedToxic | None:
        """The toxic of that name."""
        return next((toxic for toxic in self.toxics if toxic.name == name), None)

    def add_toxic(self, applied: AppliedToxic) -> None:
        """Append a toxic behind those of its direction."""
        self.toxics += (applied,)
        for connection in self._connections:
            if stream := connection.stream(applied.direction):
                stream.add(applied)

    def update_toxic(self, applied: AppliedToxic) -> None:
        """Replace the toxic of this name; its toxicity is drawn anew on every connection."""
        self.toxics = tuple(applied if toxic.name == applied.name else toxic for toxic in self.toxics)
        for connection in self._connections:
            if stream := connection.stream(applied.direction):
                stream.update(applied)

    def remove_toxic(self, applied: AppliedToxic) -> None:
        """Take it away; what it held flows on."""
        self.toxics = tuple(toxic for toxic in self.toxics if toxic.name != applied.name)
        for connection in list(self._connections):
            if stream := connection.stream(applied.direction):
                stream.remove(applied.name)

    # -- connections

    def rng(self, connection: int, applied: AppliedToxic) -> random.Random:
        """The source of chance of one toxic on one connection: the same seed and order of connections give
        the same draws, whatever else happens in the process."""
        return random.Random(f"{self.settings.seed}/{self.name}/{connection}/{applied.name}")

    @property
    def open_connections(self) -> int:
        """Clients connected now."""
        return len(self._connections)

    def counted(self) -> Counters:
        """The counters with what the kernel has not taken yet not counted as forwarded."""
        unsent = [connection.unsent() for connection in self._connections]
        up, down = self.counters.upstream, self.counters.downstream
        return Counters(
            upstream=StreamCounters(up.received, up.forwarded - sum(u for u, _ in unsent)),
            downstream=StreamCounters(down.received, down.forwarded - sum(d for _, d in unsent)),
            connections=self.counters.connections,
            dial_failures=self.counters.dial_failures,
        )

    def _accept(self, client: socket.socket) -> None:
        self.counters.connections += 1
        connection = Connection(self, self.counters.connections, self._connections.discard)
        self._connections.add(connection)
        connection.open(client)
