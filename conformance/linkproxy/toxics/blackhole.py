"""blackhole: nothing passes, nothing is lost, nothing is closed. Not part of Toxiproxy."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conformance.linkproxy.toxics.base import Toxic

if TYPE_CHECKING:
    from conformance.linkproxy.stage import Stage


@dataclass(frozen=True)
class Blackhole(Toxic):
    """Neither data nor the end of the stream passes, on open connections and on new ones, and all of them
    stay open.

    What came meanwhile waits (64 KiB in the proxy, the rest in the sender's and the proxy's socket buffers,
    until the sender has to wait) and flows on, complete and in order, when the toxic is removed.
    """

    type: ClassVar[str] = "blackhole"

    async def pipe(self, stage: Stage) -> None:
        await asyncio.get_running_loop().create_future()
