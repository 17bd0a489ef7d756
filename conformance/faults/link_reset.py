"""A link that answers data with a reset."""

from __future__ import annotations

from conformance.faults.base import Observation
from conformance.faults.toxic import ToxicFault, both_ways
from conformance.links import Answer, Link, probe_link


class LinkReset(ToxicFault):
    """Whoever sends something gets a TCP reset, on open connections and on new ones; what was sent is lost."""

    name = "link-reset"

    def __init__(self, link: Link) -> None:
        super().__init__(link, both_ways(self.name, "reset_peer", timeout=0))

    def verify(self) -> Observation:
        """A question ends its connection, where before it was answered."""
        seen = probe_link(self.link)
        return Observation(
            seen.answer is Answer.CLOSED and self.baseline_ns is not None,
            f"A question asked on a new connection met: {seen.answer}.",
            {**self.expected(), "answer": str(seen.answer)},
        )
