"""Packets that arrive twice."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.dataplane import Burst, WanLink
from conformance.faults.wan_fault import SharedOut


class WanDuplication(SharedOut):
    """Each packet is delivered twice with the probability ``share``, one copy behind the other."""

    name = "wan-duplication"
    _what = "doubled"

    def __init__(self, link: WanLink, share: float, directions: Sequence[str] | None = None) -> None:
        super().__init__(link, share, {"duplicate": share}, directions)

    def _share_of(self, burst: Burst) -> float:
        return burst.duplicate_share
