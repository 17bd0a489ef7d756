"""limit_data: closes the connection after a number of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conformance.linkproxy.sink import End
from conformance.linkproxy.toxics.base import Toxic

if TYPE_CHECKING:
    from conformance.linkproxy.stage import Stage


@dataclass(frozen=True)
class LimitData(Toxic):
    """Exactly ``bytes`` bytes pass, counted from when the toxic came to the connection; then it is closed.

    With 0 it is closed when the first data comes.
    """

    type: ClassVar[str] = "limit_data"

    bytes: int = 0

    async def pipe(self, stage: Stage) -> None:
        while (chunk := await stage.head()) is not None:
            allowed = self.bytes - stage.forwarded_bytes
            if allowed > 0:
                await stage.forward(min(allowed, len(chunk.data)))
            if stage.forwarded_bytes >= self.bytes:
                stage.finish(End.CLOSE)
                return
