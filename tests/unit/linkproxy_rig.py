"""A proxy of the link proxy, with an upstream behind it, inside the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from conformance.linkproxy.proxy import Proxy, Settings
from conformance.linkproxy.toxics import TOXICS, AppliedToxic

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PATIENCE = 20.0


def toxic(kind: str, stream: str = "downstream", toxicity: float = 1.0, **attributes: int) -> AppliedToxic:
    return AppliedToxic(f"{kind}_{stream}", stream, toxicity, TOXICS[kind](**attributes))


@dataclass
class Rig:
    """``received`` is what the upstream got, ``end`` how its stream ended once it did: EOF or RST."""

    proxy: Proxy
    received: bytearray = field(default_factory=bytearray)
    end: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, _, port = self.proxy.listen.rpartition(":")
        return await asyncio.open_connection(host, int(port))

    async def reaches(self, size: int) -> None:
        """Wait until the upstream got so many bytes."""
        async with asyncio.timeout(PATIENCE):
            while len(self.received) < size:
                await asyncio.sleep(0.002)


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Echo."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def rig(talk: Talk | None = None, seed: int = 1, dial_timeout: float = 10.0) -> AsyncIterator[Rig]:
    """A running proxy; the upstream behaves as ``talk``, or takes everything and closes at the end."""
    built: Rig

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if talk is not None:
                await talk(reader, writer)
            else:
                while data := await reader.read(65536):
                    built.received.extend(data)
            how = "EOF"
        except ConnectionError:
            how = "RST"
        if not built.end.done():
            built.end.set_result(how)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy = Proxy(Settings(seed=seed, dial_timeout=dial_timeout), "p", "127.0.0.1:0", f"127.0.0.1:{port}")
    built = Rig(proxy)
    await proxy.start()
    try:
        yield built
    finally:
        proxy.stop()
        server.close()


async def within(awaitable: Awaitable[object]) -> object:
    """The result, or TimeoutError after far longer than it can take."""
    async with asyncio.timeout(PATIENCE):
        return await awaitable


async def stays_silent(reader: asyncio.StreamReader) -> bool:
    """Whether nothing comes for a while."""
    try:
        async with asyncio.timeout(0.15):
            await reader.read(1)
    except TimeoutError:
        return True
    return False
