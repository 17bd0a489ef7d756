"""A link between two sites that takes only short packets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conformance.dataplane import WanLink, path_mtu
from conformance.faults.wan_fault import WanFault


class WanMtu(WanFault):
    """IP packets longer than ``mtu`` bytes are cut into fragments where they may be, and dropped where not. The sender
    is told with an ICMP message, unless ``silent``: then the link is a black hole for path MTU discovery.

    After healing, a sender that was told keeps to the small MTU for up to ten minutes, as with any router."""

    name = "wan-mtu"

    def __init__(
        self, link: WanLink, mtu: int, *, silent: bool = False, directions: Sequence[str] | None = None
    ) -> None:
        super().__init__(link, {"mtu": mtu, "mtu_replies": not silent}, directions)
        self._mtu = mtu

    def _measure(self) -> Mapping[str, int | None]:
        found = {}
        for direction in self._link.directions:
            flow = self._link.flow(direction)
            found[direction] = path_mtu(self._link.sockets, flow.source, flow.target)
        return found

    def _shows(self, value: int | None, before: int | None) -> bool:
        return value == self._mtu

    def _is_whole(self, value: int | None, before: int | None) -> bool:
        return value is not None and value >= (before or self._mtu + 1)

    def _words(self, value: int | None) -> str:
        return "no packet passes uncut" if value is None else f"packets of up to {value} bytes pass uncut"
