"""timeout: swallows data, and closes the connection after a silence."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conformance.linkproxy.sink import End
from conformance.linkproxy.toxics.base import Toxic

if TYPE_CHECKING:
    from conformance.linkproxy.stage import Stage


@dataclass(frozen=True)
class Timeout(Toxic):
    """Data is thrown away; when none came for ``timeout`` milliseconds the connection is closed (0: never).

    Since data is missing, removing the toxic closes the connections it acted on. ``blackhole`` is the one
    that keeps them.
    """

    type: ClassVar[str] = "timeout"
    closes_on_removal: ClassVar[bool] = True

    timeout: int = 0

    async def pipe(self, stage: Stage) -> None:
        try:
            while True:
                async with asyncio.timeout(self.timeout / 1000 if self.timeout else None):
                    chunk = await stage.head()
                if chunk is None:
                    return
                stage.drop()
        except TimeoutError:
            stage.finish(End.CLOSE)
