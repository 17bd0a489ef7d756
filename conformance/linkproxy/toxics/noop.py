"""noop: passes everything on. The starting point for a new toxic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from conformance.linkproxy.toxics.base import Toxic

if TYPE_CHECKING:
    from conformance.linkproxy.stage import Stage


@dataclass(frozen=True)
class Noop(Toxic):
    """Changes nothing."""

    type: ClassVar[str] = "noop"

    async def pipe(self, stage: Stage) -> None:
        while await stage.head() is not None:
            await stage.forward()
