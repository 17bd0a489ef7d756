"""What all faults share that are toxics on a link's proxy: putting on, taking off, showing that they are gone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conformance.faults.base import Observation, Undo
from conformance.links import Link, LinkState, Toxic, await_state, measure_rtt, milliseconds

_SAMPLES = 5
# A healed link answers about as fast as before; a busy machine may add to it.
_SLACK_NS = 50_000_000
# More than one of two directions gives.
_SHARE_OF_RISE = 0.7


class ToxicFault:
    """A fault made of toxics. A subclass names itself and measures whether it bit."""

    name: str

    def __init__(self, link: Link, toxics: Iterable[Toxic]) -> None:
        self.target = link.name
        self.link = link
        self.toxics = tuple(toxics)
        self.baseline_ns: int | None = None

    def undo(self) -> Undo:
        """Remove the link, and the fault with it."""
        return Undo("delete-proxy", {"url": self.link.server.url, "name": self.link.name})

    def measure_baseline(self) -> None:
        """The round trip as it is, and what else this fault is held against."""
        self.baseline_ns = measure_rtt(self.link, samples=_SAMPLES)
        self.measure_before()

    def inject(self) -> None:
        """Measure the round trip as it is, then disturb."""
        if self.baseline_ns is None:
            self.measure_baseline()
        for toxic in self.toxics:
            self.link.server.add_toxic(self.link.name, toxic)

    def measure_before(self) -> None:
        """Measure what else the fault is held against, on the link as it is."""

    def heal(self) -> None:
        """Take the toxics off."""
        for toxic in self.toxics:
            self.link.server.remove_toxic(self.link.name, toxic.name)

    def verify_healed(self) -> Observation:
        """The toxics are off, and questions are answered about as fast as before."""
        limit_ns = self.healed_within_ns()

        def healed(state: LinkState) -> bool:
            return state.passes(limit_ns) and not any(toxic.name in state.toxics for toxic in self.toxics)

        ok, state = await_state(self.link, healed, what=f"{self.link.name} without {self.name}")
        return Observation(
            ok,
            f"Without the fault, {state.describe()}; before it, it was {milliseconds(self.baseline_ns)}.",
            {**self.expected(), **state.observed()},
        )

    def healed_within_ns(self) -> int | None:
        """The longest round trip of a link that is healed, in nanoseconds; None where none was measured before."""
        return None if self.baseline_ns is None else 2 * self.baseline_ns + _SLACK_NS

    def expected(self) -> dict[str, Any]:
        """What the measurements are held against, for the record."""
        return {"baseline_ns": self.baseline_ns}


def rose_by(measured_ns: int | None, before_ns: int | None, asked_ns: float) -> bool:
    """Whether a time is longer than before by most of what was asked for; False where either was not measured.

    A link can be slow by nature, so what it takes says nothing of a fault, only what it takes more does. Most, because
    a busy machine may have added to what it took before."""
    if measured_ns is None or before_ns is None:
        return False
    return measured_ns - before_ns >= asked_ns * _SHARE_OF_RISE


def both_ways(name: str, kind: str, **attributes: int) -> tuple[Toxic, ...]:
    """The same toxic in either direction."""
    streams = ("upstream", "downstream")
    return tuple(Toxic(f"{name}-{stream}", kind, stream, attributes=attributes) for stream in streams)
