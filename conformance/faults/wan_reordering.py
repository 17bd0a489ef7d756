"""Packets that arrive behind packets sent after them."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.dataplane import Burst, WanLink
from conformance.faults.wan_fault import SharedOut


class WanReordering(SharedOut):
    """Each packet is held back by ``held_ms`` milliseconds with the probability ``share``; it is overtaken by whatever
    comes in that time."""

    name = "wan-reordering"
    _what = "late"

    def __init__(
        self, link: WanLink, share: float, held_ms: float = 10.0, directions: Sequence[str] | None = None
    ) -> None:
        super().__init__(link, share, {"reorder": share, "reorder_ms": held_ms}, directions)

    def _share_of(self, burst: Burst) -> float:
        return burst.late_share
