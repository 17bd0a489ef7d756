"""A link between two sites on which nothing moves any more, while its connections stay open."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.faults.base import Observation, Undo
from conformance.links import (
    Answer,
    Counters,
    Link,
    LinkState,
    Toxic,
    await_state,
    measure_rtt,
    milliseconds,
    probe_link,
)

_SAMPLES = 3
_PATIENCE_S = 0.5


class LinkStall:
    """Data is held in the given directions (``upstream`` is towards the far site), nothing is closed, nothing
    lost.

    On a real Toxiproxy, which has no blackhole, a rate of 0 is the nearest there is: it lets an idle
    connection's end pass.
    """

    name = "link-stall"

    def __init__(self, link: Link, streams: Sequence[str] = ("upstream", "downstream")) -> None:
        self.target = link.name
        self._link = link
        self._streams = tuple(streams)
        self._baseline_ns: int | None = None

    def undo(self) -> Undo:
        """Remove the link, and the stall with it."""
        return Undo("delete-proxy", {"url": self._link.server.url, "name": self._link.name})

    def inject(self) -> None:
        """Measure the round trip as it is, then stall."""
        self._baseline_ns = measure_rtt(self._link, samples=_SAMPLES)
        embedded = self._link.server.is_embedded
        for stream in self._streams:
            toxic = Toxic(
                self._toxic(stream),
                "blackhole" if embedded else "bandwidth",
                stream,
                attributes={} if embedded else {"rate": 0},
            )
            self._link.server.add_toxic(self._link.name, toxic)

    def verify(self) -> Observation:
        """A connection comes about, and a question asked on it stays without answer far longer than it used
        to."""
        patience_s = max(_PATIENCE_S, 4 * (self._baseline_ns or 0) / 1e9)
        before = self._link.server.counters(self._link.name)
        seen = probe_link(self._link, timeout=patience_s)
        after = self._link.server.counters(self._link.name)
        return Observation(
            seen.answer is Answer.SILENT and seen.connect_ns is not None,
            f"A question asked on a new connection met: {seen.answer}, after {patience_s:.1f} s; "
            f"before the stall it was answered in {milliseconds(self._baseline_ns)}.",
            {
                "baseline_ns": self._baseline_ns,
                "waited_ns": int(patience_s * 1e9),
                "connect_ns": seen.connect_ns,
                "answer": str(seen.answer),
                "passed_bytes": self._passed(before, after),
            },
        )

    def heal(self) -> None:
        """Let everything flow on."""
        for stream in self._streams:
            self._link.server.remove_toxic(self._link.name, self._toxic(stream))

    def verify_healed(self) -> Observation:
        """The stall is off, and questions are answered about as fast as before."""
        limit_ns = None if self._baseline_ns is None else 2 * self._baseline_ns + 50_000_000

        def healed(state: LinkState) -> bool:
            return state.passes(limit_ns) and not any(self._toxic(s) in state.toxics for s in self._streams)

        ok, state = await_state(self._link, healed, what=f"{self._link.name} to flow again")
        return Observation(
            ok,
            f"Without the stall, {state.describe()}; before the fault it was {milliseconds(self._baseline_ns)}.",
            {"baseline_ns": self._baseline_ns, **state.observed()},
        )

    def _toxic(self, stream: str) -> str:
        return f"{self.name}-{stream}"

    def _passed(self, before: Counters | None, after: Counters | None) -> int | None:
        """Bytes that passed the stalled directions during the probe, all connections together, where
        counted."""
        if before is None or after is None:
            return None
        passed = {
            "upstream": after.to_upstream - before.to_upstream,
            "downstream": after.to_client - before.to_client,
        }
        return sum(passed[stream] for stream in self._streams)
