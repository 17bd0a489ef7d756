"""Packets lost between two sites."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.dataplane import Burst, WanLink
from conformance.faults.wan_fault import SharedOut


class WanLoss(SharedOut):
    """Each packet, of any protocol, is lost with the probability ``share`` in the directions given, or in both."""

    name = "wan-loss"
    _what = "lost"

    def __init__(self, link: WanLink, share: float, directions: Sequence[str] | None = None) -> None:
        super().__init__(link, share, {"loss": share}, directions)

    def _share_of(self, burst: Burst) -> float:
        return burst.lost_share
