"""Delay on the link between two sites."""

from __future__ import annotations

from typing import Any

from conformance.faults.base import Observation
from conformance.faults.toxic import ToxicFault, both_ways, rose_by
from conformance.links import Link, measure_rtt, milliseconds

_SAMPLES = 5
# A delay is never shorter than asked for; the rest is for the resolution of clocks.
_SHARE_THAT_SHOWS = 0.98


class LinkDelay(ToxicFault):
    """Everything on the link, open connections included, arrives ``delay_ms`` milliseconds later in each
    direction."""

    name = "link-delay"

    def __init__(self, link: Link, delay_ms: int) -> None:
        super().__init__(link, both_ways(self.name, "latency", latency=delay_ms))
        self._delay_ms = delay_ms
        self._requested_ns = 2 * delay_ms * 1_000_000

    def verify(self) -> Observation:
        """Even the shortest of a few round trips takes twice the delay, and about that more than before."""
        rtt_ns = measure_rtt(self.link, samples=_SAMPLES)
        return Observation(
            rtt_ns is not None
            and rtt_ns >= self._requested_ns * _SHARE_THAT_SHOWS
            and rose_by(rtt_ns, self.baseline_ns, self._requested_ns),
            f"Round trip {milliseconds(rtt_ns)} with a delay of {self._delay_ms} ms each way, "
            f"{milliseconds(self.baseline_ns)} before it.",
            {**self.expected(), "rtt_ns": rtt_ns},
        )

    def healed_within_ns(self) -> int:
        """Nearer to what it was than to what the delay made it."""
        return (self.baseline_ns or 0) + self._requested_ns // 2

    def expected(self) -> dict[str, Any]:
        """The delay that was asked for, too."""
        return {"requested_ns": self._requested_ns, **super().expected()}
