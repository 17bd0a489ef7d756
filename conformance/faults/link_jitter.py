"""A link whose delay is never the same twice."""

from __future__ import annotations

from typing import Any

from conformance.faults.base import Observation
from conformance.faults.toxic import ToxicFault, both_ways, rose_by
from conformance.links import Link, milliseconds, probe_link

_SAMPLES = 20
# A busy machine makes one round trip or two much longer than the others; that is no jitter.
_LEFT_OUT = 2
_CLEARLY_MORE = 1.4


class LinkJitter(ToxicFault):
    """Everything on the link arrives 0 to 2 × ``jitter_ms`` milliseconds later in each direction, evenly spread."""

    name = "link-jitter"

    def __init__(self, link: Link, jitter_ms: int) -> None:
        super().__init__(link, both_ways(self.name, "latency", latency=jitter_ms, jitter=jitter_ms))
        self._jitter_ms = jitter_ms
        self._before_ns: int | None = None

    def measure_before(self) -> None:
        """How much round trips differ anyway."""
        self._before_ns = _spread_ns(self._round_trips())

    def verify(self) -> Observation:
        """Round trips differ by most of the jitter more than before: with it they spread over four times that, and the
        middle of twenty over twice that."""
        answered = self._round_trips()
        spread_ns, before_ns = _spread_ns(answered), self._before_ns
        return Observation(
            # On a link that jitters by nature, one twenty differ from the next by chance, too.
            rose_by(spread_ns, before_ns, max(self._jitter_ms * 1_000_000, _CLEARLY_MORE * (before_ns or 0))),
            f"Round trips of {_SAMPLES} questions, without the {_LEFT_OUT} shortest and longest, differ by "
            f"{milliseconds(spread_ns)} with a jitter of ± {self._jitter_ms} ms each way, and by "
            f"{milliseconds(before_ns)} before it.",
            {
                **self.expected(),
                "spread_ns": spread_ns,
                "spread_before_ns": before_ns,
                "answered": len(answered),
            },
        )

    def healed_within_ns(self) -> int:
        """Below what the jitter made of most round trips."""
        return (self.baseline_ns or 0) + self._jitter_ms * 1_000_000

    def expected(self) -> dict[str, Any]:
        """The jitter that was asked for, too."""
        return {"requested_ns": self._jitter_ms * 1_000_000, **super().expected()}

    def _round_trips(self) -> list[int]:
        times = [probe_link(self.link).rtt_ns for _ in range(_SAMPLES)]
        return [t for t in times if t is not None]


def _spread_ns(times: list[int]) -> int | None:
    """By how much most of all round trips differ; None unless all were answered."""
    return sorted(times)[-1 - _LEFT_OUT] - sorted(times)[_LEFT_OUT] if len(times) == _SAMPLES else None
