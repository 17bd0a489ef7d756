"""A link that carries little."""

from __future__ import annotations

from typing import Any

from conformance.faults.base import Observation
from conformance.faults.toxic import ToxicFault, both_ways, rose_by
from conformance.links import QUESTION_BYTES, Link, milliseconds, time_transfer

# The first piece of a transfer leaves at once, and timers are rough.
_SHARE_THAT_SHOWS = 0.8
_SAMPLES = 3


class LinkBandwidth(ToxicFault):
    """Each connection carries ``rate_kb`` kB (1000 bytes) a second in each direction and no more."""

    name = "link-bandwidth"

    def __init__(self, link: Link, rate_kb: int) -> None:
        super().__init__(link, both_ways(self.name, "bandwidth", rate=rate_kb))
        self._rate_kb = rate_kb
        self._before_ns: int | None = None

    def measure_before(self) -> None:
        """How long a transfer takes anyway; the shortest, because a busy machine can only add to it."""
        times = [time_transfer(self.link) for _ in range(_SAMPLES)]
        self._before_ns = min((t for t in times if t is not None), default=None)

    def verify(self) -> Observation:
        """A question as long as the far end takes needs as long as the rate says, and that more than before. Only the
        way there can be measured like this; the way back is limited in the same manner."""
        expected_ns = int(QUESTION_BYTES / (self._rate_kb * 1000) * 1e9)
        took_ns = time_transfer(self.link)
        return Observation(
            took_ns is not None
            and took_ns >= expected_ns * _SHARE_THAT_SHOWS
            and rose_by(took_ns, self._before_ns, expected_ns),
            f"{QUESTION_BYTES} bytes took {milliseconds(took_ns)}; at {self._rate_kb} kB/s it should be "
            f"{milliseconds(expected_ns)}, and it took {milliseconds(self._before_ns)} before.",
            {
                **self.expected(),
                "transfer_ns": took_ns,
                "transfer_before_ns": self._before_ns,
                "transfer_expected_ns": expected_ns,
            },
        )

    def expected(self) -> dict[str, Any]:
        """The rate that was asked for, too."""
        return {"requested_bytes_per_s": self._rate_kb * 1000, **super().expected()}
