"""A cut link between two sites."""

from __future__ import annotations

from conformance.faults.base import Observation, Undo
from conformance.links import Answer, Link, LinkState, await_state, measure_rtt, milliseconds, probe_link

_SAMPLES = 3


class LinkCut:
    """Open connections are closed and new ones refused, at once and in both directions."""

    name = "link-cut"

    def __init__(self, link: Link) -> None:
        self.target = link.name
        self._link = link
        self._baseline_ns: int | None = None

    def undo(self) -> Undo:
        """Remove the link; it is not left cut behind."""
        return Undo("delete-proxy", {"url": self._link.server.url, "name": self._link.name})

    def measure_baseline(self) -> None:
        """The round trip as it is."""
        self._baseline_ns = measure_rtt(self._link, samples=_SAMPLES)

    def inject(self) -> None:
        """Measure the round trip as it is, then cut."""
        if self._baseline_ns is None:
            self.measure_baseline()
        self._link.server.set_enabled(self._link.name, False)

    def verify(self) -> Observation:
        """A new connection is refused, and where connections are counted none is left."""
        seen = probe_link(self._link)
        counters = self._link.server.counters(self._link.name)
        still_open = None if counters is None else counters.open_connections
        return Observation(
            seen.answer is Answer.REFUSED and not still_open,
            f"A new connection met: {seen.answer}; connections still open: "
            f"{'not counted' if still_open is None else still_open}.",
            {"baseline_ns": self._baseline_ns, "answer": str(seen.answer), "open_connections": still_open},
        )

    def heal(self) -> None:
        """Accept connections again."""
        self._link.server.set_enabled(self._link.name, True)

    def verify_healed(self) -> Observation:
        """Connections are accepted again, and questions are answered about as fast as before."""
        limit_ns = None if self._baseline_ns is None else 2 * self._baseline_ns + 50_000_000

        def healed(state: LinkState) -> bool:
            return state.passes(limit_ns)

        ok, state = await_state(self._link, healed, what=f"{self._link.name} to be whole again")
        return Observation(
            ok,
            f"Without the cut, {state.describe()}; before the fault it was {milliseconds(self._baseline_ns)}.",
            {"baseline_ns": self._baseline_ns, **state.observed()},
        )
