"""A proxy that is stopped leaves nobody waiting: whoever had come to it is told that the connection is over."""

from __future__ import annotations

import asyncio
import gc
import socket

import pytest

from conformance.linkproxy.address import split_address
from conformance.linkproxy.proxy import Proxy, Settings


@pytest.mark.parametrize("steps", range(6))
def test_who_comes_as_the_proxy_stops_is_told_at_once(steps: int) -> None:
    # Whatever is left to the garbage collector would keep a connection open, unanswered, for minutes.
    gc.disable()
    try:
        assert asyncio.run(told_within(steps, 5.0))
    finally:
        gc.enable()


async def told_within(steps: int, limit_s: float) -> bool:
    """Have a client come while the loop is busy, and the proxy stop so many of the loop's steps later: whether the
    client is told that it is over."""
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        proxy = Proxy(Settings(seed=1), "link", "127.0.0.1:0", f"127.0.0.1:{upstream.getsockname()[1]}")
        await proxy.start()
        with socket.create_connection(split_address(proxy.listen), timeout=5) as client:
            for _ in range(steps):
                await asyncio.sleep(0)
            proxy.stop()
            client.settimeout(limit_s)
            return await asyncio.to_thread(over, client)


def over(client: socket.socket) -> bool:
    """Whether the connection ends before the client's patience does."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
