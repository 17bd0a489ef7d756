"""A link between two sites that carries only so much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conformance.dataplane import WanLink, measure_throughput
from conformance.faults.wan_fault import WanFault

# TCP fills most of a link, headers take 5 % of it, and more than the link carries is a wrong measurement.
_FILLS_AT_LEAST = 0.7


class WanRate(WanFault):
    """At most ``bits_per_second`` of frames in each direction given; what would wait longer than ``queue_ms`` for
    that is dropped."""

    name = "wan-rate"

    def __init__(
        self,
        link: WanLink,
        bits_per_second: int,
        *,
        queue_ms: float = 200.0,
        directions: Sequence[str] | None = None,
    ) -> None:
        super().__init__(link, {"rate_bits": bits_per_second, "queue_ms": queue_ms}, directions)
        self._rate = bits_per_second

    def _measure(self) -> Mapping[str, float]:
        # Only where it is disturbed: measuring fills the link, and others are using it.
        found = {}
        for direction in self._directions:
            flow = self._link.flow(direction)
            found[direction] = measure_throughput(self._link.sockets, flow.source, flow.target, seconds=0.5)
        return found

    def _shows(self, value: float, before: float | None) -> bool:
        return _FILLS_AT_LEAST * self._rate <= value <= self._rate

    def _is_whole(self, value: float, before: float | None) -> bool:
        return value > self._rate

    def _words(self, value: float) -> str:
        return f"TCP carried {value / 1e6:.2f} Mbit/s"
