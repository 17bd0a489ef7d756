"""Links that stay open and do not carry: what is sent into them arrives later, or never."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.faults.base import Observation
from conformance.faults.toxic import ToxicFault
from conformance.links import Answer, Counters, Link, Toxic, milliseconds, probe_link

_PATIENCE_S = 0.5


class SilentLink(ToxicFault):
    """A connection comes about on it, and a question asked on that stays without answer."""

    streams: tuple[str, ...]

    def verify(self) -> Observation:
        """A connection comes about, and a question asked on it stays without answer far longer than it used
        to."""
        patience_s = max(_PATIENCE_S, 4 * (self.baseline_ns or 0) / 1e9)
        before = self.link.server.counters(self.link.name)
        seen = probe_link(self.link, timeout=patience_s)
        after = self.link.server.counters(self.link.name)
        return Observation(
            seen.answer is Answer.SILENT and seen.connect_ns is not None,
            f"A question asked on a new connection met: {seen.answer}, after {patience_s:.1f} s; "
            f"before the fault it was answered in {milliseconds(self.baseline_ns)}.",
            {
                **self.expected(),
                "waited_ns": int(patience_s * 1e9),
                "connect_ns": seen.connect_ns,
                "answer": str(seen.answer),
                "passed_bytes": self._passed(before, after),
            },
        )

    def _passed(self, before: Counters | None, after: Counters | None) -> int | None:
        """Bytes that passed the silent directions during the probe, all connections together, where
        counted."""
        if before is None or after is None:
            return None
        passed = {
            "upstream": after.to_upstream - before.to_upstream,
            "downstream": after.to_client - before.to_client,
        }
        return sum(passed[stream] for stream in self.streams)


class LinkStall(SilentLink):
    """Data is held in the given directions (``upstream`` is towards the far site), nothing is closed, nothing
    lost.

    On a real Toxiproxy, which has no blackhole, a rate of 0 is the nearest there is: it lets an idle
    connection's end pass.
    """

    name = "link-stall"

    def __init__(self, link: Link, streams: Sequence[str] = ("upstream", "downstream")) -> None:
        self.streams = tuple(streams)
        kind, attributes = ("blackhole", {}) if link.server.is_embedded else ("bandwidth", {"rate": 0})
        super().__init__(link, (Toxic(f"{self.name}-{s}", kind, s, attributes=attributes) for s in self.streams))


class LinkOneWayCut(LinkStall):
    """Nothing arrives in one direction, while the other goes on: TCP keeps what it could not deliver."""

    name = "link-one-way-cut"


class LinkHalfOpen(SilentLink):
    """What is sent is thrown away, and the connections stay open: neither side is told. Healing ends them."""

    name = "link-half-open"

    def __init__(self, link: Link) -> None:
        self.streams = ("upstream", "downstream")
        never = {"timeout": 0}
        super().__init__(link, (Toxic(f"{self.name}-{s}", "timeout", s, attributes=never) for s in self.streams))
