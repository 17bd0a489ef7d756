"""A WAN between two sites that carries nothing any more, in one direction or in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conformance.dataplane import WanLink
from conformance.faults.wan_fault import WanFault

_COUNT = 50
_INTERVAL_S = 0.002
# Of what arrived before: losses of another fault, still in force, are a matter of chance.
_SHARE_THAT_SHOWS = 0.8


class WanCut(WanFault):
    """Every packet is lost, those on their way too, and nobody is told: connections stay open and silent."""

    name = "wan-cut"

    def __init__(self, link: WanLink, directions: Sequence[str] | None = None) -> None:
        super().__init__(link, {"up": False}, directions)

    def _measure(self) -> Mapping[str, int]:
        bursts = self._link.bursts(count=_COUNT, interval=_INTERVAL_S)
        return {direction: burst.arrived for direction, burst in bursts.items()}

    def _shows(self, value: int, before: int | None) -> bool:
        return value == 0

    def _is_whole(self, value: int, before: int | None) -> bool:
        return value > (_COUNT if before is None else before) * _SHARE_THAT_SHOWS

    def _words(self, value: int) -> str:
        return f"{value} of {_COUNT} packets arrived"


class WanOneWayCut(WanCut):
    """As a cut, in one ``direction`` (``site>site``); the way back is as it was."""

    name = "wan-one-way-cut"

    def __init__(self, link: WanLink, direction: str) -> None:
        super().__init__(link, (direction,))
