"""A WAN between two sites on which packets take longer, all alike or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.dataplane import WanLink
from conformance.faults.wan_fault import WanFault

_COUNT = 20
_INTERVAL_S = 0.01
# A delay is never shorter than asked for; the rest is for the resolution of clocks.
_SHARE_THAT_SHOWS = 0.98
# Of the width of a uniform jitter, what the extremes of 20 packets span in all but one of 2000 measurements.
_SPAN_THAT_SHOWS = 0.6
_HEALED_SLACK_NS = 500_000


class WanDelay(WanFault):
    """Packets of any protocol arrive ``delay_ms`` milliseconds later, ``jitter_ms`` more or less, uniformly; their
    order stays."""

    name = "wan-delay"

    def __init__(
        self, link: WanLink, delay_ms: float, jitter_ms: float = 0.0, directions: Sequence[str] | None = None
    ) -> None:
        super().__init__(link, {"delay_ms": delay_ms, "jitter_ms": jitter_ms}, directions)
        self._least_ns = max(0.0, delay_ms - jitter_ms) * 1e6
        self._width_ns = 2e6 * min(jitter_ms, (delay_ms + jitter_ms) / 2)
        self._added_ns = delay_ms * 1e6

    def _measure(self) -> Mapping[str, dict[str, int | None]]:
        # Far enough from each other for one packet's jitter not to hold up the next.
        interval = max(_INTERVAL_S, self._width_ns / 1e9)
        bursts = self._link.bursts(count=_COUNT, interval=interval)
        return {d: {"least_ns": burst.took_ns(0), "most_ns": burst.took_ns(1)} for d, burst in bursts.items()}

    def _shows(self, value: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
        least, most = value["least_ns"], value["most_ns"]
        if least is None:
            return False
        late = least >= self._least_ns * _SHARE_THAT_SHOWS
        return bool(late and most - least >= self._width_ns * _SPAN_THAT_SHOWS and most >= self._added_ns)

    def _is_whole(self, value: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
        usual = before["least_ns"] if before else None
        # The shortest way, because a busy machine can only add to it.
        return value["least_ns"] is not None and value["least_ns"] < (usual or 0) + max(
            self._added_ns / 2, _HEALED_SLACK_NS
        )

    def _words(self, value: Mapping[str, Any]) -> str:
        if value["least_ns"] is None:
            return "no packet arrived"
        return f"packets took {value['least_ns'] / 1e6:.2f} to {value['most_ns'] / 1e6:.2f} ms"
