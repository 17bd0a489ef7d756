"""A site that is cut off from every other one, while it lives: what tells a quorum from a pair."""

from __future__ import annotations

from conformance.dataplane import WanLink
from conformance.faults.base import Observation, Undo
from conformance.faults.wan_cut import WanCut


class WanIsolation:
    """Every packet between a site and all the others is lost, in both directions, and nobody is told. ``link`` begins
    at that site and knows the WANs to the other sites. Clients and operators of the site still reach it."""

    name = "wan-isolation"

    def __init__(self, link: WanLink) -> None:
        self.target = f"wan of {link.near.label}"
        self._links = (link, *link.others)
        self._cuts = tuple(WanCut(one) for one in self._links)

    def undo(self) -> Undo:
        """Let packets through again."""
        directions = [direction for link in self._links for direction in link.directions]
        arguments = {"control": str(self._links[0].control.path), "directions": directions, "impairments": ["up"]}
        return Undo("restore-wan", arguments)

    def measure_baseline(self) -> None:
        """Each WAN as it is."""
        for cut in self._cuts:
            cut.measure_baseline()

    def inject(self) -> None:
        """Measure each WAN as it is, and cut it."""
        for cut in self._cuts:
            cut.inject()

    def verify(self) -> Observation:
        """Nothing passes to or from any of the others."""
        return _all([cut.verify() for cut in self._cuts])

    def heal(self) -> None:
        """Let packets through again."""
        for cut in self._cuts:
            cut.heal()

    def verify_healed(self) -> Observation:
        """Every WAN is measured to be whole."""
        return _all([cut.verify_healed() for cut in self._cuts])


def _all(seen: list[Observation]) -> Observation:
    wans = [dict(one.observed) for one in seen]
    return Observation(all(one.ok for one in seen), " ".join(one.detail for one in seen), {"wans": wans})
