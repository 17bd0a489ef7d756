"""A link on which connections linger."""

from __future__ import annotations

from typing import Any

from conformance.faults.base import Observation
from conformance.faults.toxic import ToxicFault, both_ways, rose_by
from conformance.links import Link, milliseconds, time_close

_SHARE_THAT_SHOWS = 0.98


class LinkSlowClose(ToxicFault):
    """The end of a connection arrives ``delay_ms`` milliseconds late; data passes as ever."""

    name = "link-slow-close"

    def __init__(self, link: Link, delay_ms: int) -> None:
        super().__init__(link, both_ways(self.name, "slow_close", delay=delay_ms))
        self._delay_ms = delay_ms
        self._before_ns: int | None = None

    def measure_before(self) -> None:
        """How long a close takes anyway."""
        self._before_ns = time_close(self.link)

    def verify(self) -> Observation:
        """A connection that the far end closes is seen closed only after the delay, about that later than before."""
        took_ns = time_close(self.link, timeout=5 + self._delay_ms / 1000)
        return Observation(
            took_ns is not None
            and took_ns >= self._delay_ms * 1_000_000 * _SHARE_THAT_SHOWS
            and rose_by(took_ns, self._before_ns, self._delay_ms * 1_000_000),
            f"A connection that the far end closed was seen closed after {milliseconds(took_ns)}; "
            f"the delay is {self._delay_ms} ms, and it took {milliseconds(self._before_ns)} before.",
            {**self.expected(), "close_ns": took_ns, "close_before_ns": self._before_ns},
        )

    def expected(self) -> dict[str, Any]:
        """The delay that was asked for, too."""
        return {"requested_ns": self._delay_ms * 1_000_000, **super().expected()}
