"""slicer: cuts data into small pieces."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conformance.linkproxy.toxics.base import Toxic

if TYPE_CHECKING:
    from conformance.linkproxy.stage import Stage


@dataclass(frozen=True)
class Slicer(Toxic):
    """Each chunk leaves in pieces of about ``average_size`` ± ``size_variation`` bytes, with ``delay``
    microseconds after each piece. Every piece is one write to the socket; timers are good for about a
    millisecond."""

    type: ClassVar[str] = "slicer"

    average_size: int = 0
    size_variation: int = 0
    delay: int = 0

    def __post_init__(self) -> None:
        if self.average_size < 1:
            raise ValueError(f"average_size must be 1 or more, not {self.average_size}")
        if self.size_variation >= self.average_size:
            raise ValueError(
                f"size_variation must be less than average_size ({self.average_size}), not {self.size_variation}"
            )

    def sizes(self, total: int, rng: random.Random) -> Iterator[int]:
        """Sizes of the pieces of a chunk of ``total`` bytes: halved, give or take the variation, until small
        enough."""
        pending = [total]
        while pending:
            size = pending.pop()
            if size - self.average_size <= self.size_variation:
                yield size
                continue
            left = size // 2
            if self.size_variation:
                left += rng.randrange(-self.size_variation, self.size_variation)
            left = min(max(left, 1), size - 1)
            pending += [size - left, left]

    async def pipe(self, stage: Stage) -> None:
        while (chunk := await stage.head()) is not None:
            for size in self.sizes(len(chunk.data), stage.rng):
                await stage.forward(size)
                if self.delay:
                    await asyncio.sleep(self.delay / 1_000_000)
