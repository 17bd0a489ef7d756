"""latency: delays data, keeping its order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conformance.linkproxy.toxics.base import Toxic

if TYPE_CHECKING:
    from conformance.linkproxy.stage import Stage


@dataclass(frozen=True)
class Latency(Toxic):
    """Each chunk leaves ``latency`` ± ``jitter`` milliseconds (uniform, never below 0) after it arrived.

    A chunk never overtakes an earlier one. The end of the stream is not delayed, except behind the data
    before it.
    """

    type: ClassVar[str] = "latency"
    # What is on its way must fit: 80 ms at 3 Gbit/s. It is also what Toxiproxy's 1024 chunks of 32 KiB hold.
    buffer_limit: ClassVar[int] = 32 * 1024 * 1024

    latency: int = 0
    jitter: int = 0

    async def pipe(self, stage: Stage) -> None:
        while (chunk := await stage.head()) is not None:
            delay = float(self.latency)
            if self.jitter:
                delay += stage.rng.uniform(-self.jitter, self.jitter)
            due = chunk.arrived + max(delay, 0.0) / 1000
            await stage.wait_until(due)
            await stage.forward(arrived=due)
