"""A link whose delay is never the same twice."""

from __future__ import annotations

from typing import Any

from conformance.faults.base import Observation
from conformance.faults.toxic import ToxicFault, both_ways
from conformance.links import Link, milliseconds, probe_link

_SAMPLES = 20


class LinkJitter(ToxicFault):
    """Everything on the link arrives 0 to 2 × ``jitter_ms`` milliseconds later in each direction, evenly spread."""

    name = "link-jitter"

    def __init__(self, link: Link, jitter_ms: int) -> None:
        super().__init__(link, both_ways(self.name, "latency", latency=jitter_ms, jitter=jitter_ms))
        self._jitter_ms = jitter_ms

    def verify(self) -> Observation:
        """Round trips differ by at least the jitter: of twenty, which spread over four times that, nearly all do."""
        times = [probe_link(self.link).rtt_ns for _ in range(_SAMPLES)]
        answered = [t for t in times if t is not None]
        spread_ns = max(answered) - min(answered) if len(answered) == _SAMPLES else None
        return Observation(
            spread_ns is not None and spread_ns >= self._jitter_ms * 1_000_000,
            f"Round trips of {_SAMPLES} questions differ by {milliseconds(spread_ns)} with a jitter of "
            f"± {self._jitter_ms} ms each way.",
            {**self.expected(), "spread_ns": spread_ns, "answered": len(answered)},
        )

    def healed_within_ns(self) -> int:
        """Below what the jitter made of most round trips."""
        return (self.baseline_ns or 0) + self._jitter_ms * 1_000_000

    def expected(self) -> dict[str, Any]:
        """The jitter that was asked for, too."""
        return {"requested_ns": self._jitter_ms * 1_000_000, **super().expected()}
