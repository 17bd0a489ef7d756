"""Delay on the link between two sites."""

from __future__ import annotations

from typing import Any

from conformance.faults.base import Observation, Undo
from conformance.links import Link, LinkState, Toxic, await_state, measure_rtt, milliseconds

_SAMPLES = 5
# A delay is never shorter than asked for; the rest is for the resolution of clocks.
_SHARE_THAT_SHOWS = 0.98


class LinkDelay:
    """Everything on the link, open connections included, arrives ``delay_ms`` milliseconds later in each
    direction."""

    name = "link-delay"

    def __init__(self, link: Link, delay_ms: int) -> None:
        self.target = link.name
        self._link = link
        self._delay_ms = delay_ms
        self._toxics = tuple(
            Toxic(f"{self.name}-{stream}", "latency", stream, attributes={"latency": delay_ms})
            for stream in ("upstream", "downstream")
        )
        self._requested_ns = 2 * delay_ms * 1_000_000
        self._baseline_ns: int | None = None

    def undo(self) -> Undo:
        """Remove the link, and the delay with it."""
        return Undo("delete-proxy", {"url": self._link.server.url, "name": self._link.name})

    def inject(self) -> None:
        """Measure the round trip as it is, then delay."""
        self._baseline_ns = measure_rtt(self._link, samples=_SAMPLES)
        for toxic in self._toxics:
            self._link.server.add_toxic(self._link.name, toxic)

    def verify(self) -> Observation:
        """Even the shortest of a few round trips takes twice the delay."""
        rtt_ns = measure_rtt(self._link, samples=_SAMPLES)
        return Observation(
            rtt_ns is not None and rtt_ns >= self._requested_ns * _SHARE_THAT_SHOWS,
            f"Round trip {milliseconds(rtt_ns)} with a delay of {self._delay_ms} ms each way, "
            f"{milliseconds(self._baseline_ns)} before it.",
            {**self._expected(), "rtt_ns": rtt_ns},
        )

    def heal(self) -> None:
        """Take the delay off; what is on its way arrives at once."""
        for toxic in self._toxics:
            self._link.server.remove_toxic(self._link.name, toxic.name)

    def verify_healed(self) -> Observation:
        """The delay is off, and the round trip is nearer to what it was than to what the delay made it."""
        limit_ns = (self._baseline_ns or 0) + self._requested_ns // 2

        def healed(state: LinkState) -> bool:
            return state.passes(limit_ns) and not any(toxic.name in state.toxics for toxic in self._toxics)

        ok, state = await_state(self._link, healed, what=f"{self._link.name} without delay")
        return Observation(
            ok,
            f"Without the delay, {state.describe()}; before the fault it was {milliseconds(self._baseline_ns)}.",
            {**self._expected(), **state.observed()},
        )

    def _expected(self) -> dict[str, Any]:
        return {"requested_ns": self._requested_ns, "baseline_ns": self._baseline_ns}
