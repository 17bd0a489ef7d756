"""slow_close: delays the end of the stream."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conformance.linkproxy.toxics.base import Toxic

if TYPE_CHECKING:
    from conformance.linkproxy.stage import Stage


@dataclass(frozen=True)
class SlowClose(Toxic):
    """Data passes; the end of the stream passes ``delay`` milliseconds after its turn came."""

    type: ClassVar[str] = "slow_close"

    delay: int = 0

    async def pipe(self, stage: Stage) -> None:
        while await stage.head() is not None:
            await stage.forward()
        await asyncio.sleep(self.delay / 1000)
