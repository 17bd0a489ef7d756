"""Packets damaged between two sites."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.dataplane import Burst, WanLink
from conformance.faults.wan_fault import SharedOut


class WanCorruption(SharedOut):
    """One bit of each packet is flipped with the probability ``share``. Where the bit is in a header the packet does
    not arrive; where it is in data, checksums of the protocol or of the application must find it."""

    name = "wan-corruption"
    _what = "damaged"

    def __init__(self, link: WanLink, share: float, directions: Sequence[str] | None = None) -> None:
        super().__init__(link, share, {"corrupt": share}, directions)

    def _share_of(self, burst: Burst) -> float:
        return 1 - burst.arrived / burst.sent
