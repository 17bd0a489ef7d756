"""Waiting for the next thing to be due, or for the end, whichever comes first."""

from __future__ import annotations

import asyncio


async def wait_or_stop(stop: asyncio.Event, seconds: float) -> bool:
    """Wait ``seconds``, none when negative, or until ``stop`` is set; whether it is set."""
    if seconds <= 0:
        await asyncio.sleep(0)
    else:
        try:
            async with asyncio.timeout(seconds):
                await stop.wait()
        except TimeoutError:
            pass
    return stop.is_set()
