"""reset_peer: answers data with a TCP reset."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conformance.linkproxy.sink import End
from conformance.linkproxy.toxics.base import Toxic

if TYPE_CHECKING:
    from conformance.linkproxy.stage import Stage


@dataclass(frozen=True)
class ResetPeer(Toxic):
    """When data (or the end) comes, both sides get a TCP reset ``timeout`` milliseconds later; the data is
    dropped.

    An idle connection is left alone until then, whether it was opened before the toxic came or after.
    """

    type: ClassVar[str] = "reset_peer"

    timeout: int = 0

    async def pipe(self, stage: Stage) -> None:
        await stage.head()
        await asyncio.sleep(self.timeout / 1000)
        stage.finish(End.RESET)
