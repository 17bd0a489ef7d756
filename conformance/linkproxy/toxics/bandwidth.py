"""bandwidth: limits the rate."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conformance.linkproxy.toxics.base import Toxic

if TYPE_CHECKING:
    from conformance.linkproxy.stage import Stage

# Longest time between two pieces of one chunk, in seconds, and the most lateness of a timer that is made up
# for.
INTERVAL = 0.1


@dataclass(frozen=True)
class Bandwidth(Toxic):
    """Data leaves at ``rate`` KB/s (1 KB is 1000 bytes) per connection, in pieces of at most 100 ms.

    0 stalls the data; an end with no data before it still passes.
    """

    type: ClassVar[str] = "bandwidth"
    # More than one read, so that the next chunk waits already when one leaves: the line must not idle between
    # them.
    buffer_limit: ClassVar[int] = 512 * 1024

    rate: int = 0

    async def pipe(self, stage: Stage) -> None:
        loop = asyncio.get_running_loop()
        late = 0.0
        while (chunk := await stage.head()) is not None:
            if not self.rate:
                # For ever, that is until the settings change or the connection is gone.
                await loop.create_future()
            size = min(len(chunk.data), int(self.rate * 1000 * INTERVAL))
            # Timers are late, never early: what one was late is taken off the next piece's time on the line.
            due = loop.time() - late + size / (self.rate * 1000)
            await stage.wait_until(due)
            late = min(loop.time() - due, INTERVAL)
            await stage.forward(size)
