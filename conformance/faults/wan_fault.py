"""What all faults of the WAN share: they set impairments in directions of a link, measure each, and take them off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import Any

from conformance.dataplane import Burst, WanLink
from conformance.faults.base import Observation, Undo
from conformance.waiting import NotReached, wait_until

# On a busy machine a packet may still be on its way, or be dropped for want of a buffer, when a fault is gone.
HEALED_WITHIN_S = 15.0
_MOST_PACKETS = 10_000
_FEWEST_PACKETS = 400
# With so many, half of them is five standard errors away: chance does not make it of what is in force, nor do the stray
# packets of a shared machine of what is not.
_EVENTS_WANTED = 100
_SHARE_THAT_SHOWS = 0.5
_INTERVAL_S = 0.0005
# Four standard errors, and what a shared machine may do to a packet or two.
_DEVIATIONS = 4.0
_SLACK = 0.005


class WanFault:
    """``impairments`` in the directions given (``site>site``), or in both. A subclass measures one figure for each
    direction and says whether it shows the fault."""

    name: str

    def __init__(self, link: WanLink, impairments: Mapping[str, Any], directions: Sequence[str] | None = None) -> None:
        self.target = link.name
        self._link = link
        self._impairments = dict(impairments)
        self._directions = tuple(directions or link.directions)
        self._baseline: Mapping[str, Any] = {}
        for direction in self._directions:
            link.flow(direction)  # says so if there is no such direction, before anything is disturbed

    def undo(self) -> Undo:
        """Take these impairments off."""
        arguments = {"control": str(self._link.control.path), "directions": list(self._directions)}
        return Undo("restore-wan", {**arguments, "impairments": list(self._impairments)})

    def measure_baseline(self) -> None:
        """Each direction as it is."""
        self._baseline = self._measure()

    def inject(self) -> None:
        """Measure the link as it is, then disturb it."""
        if not self._baseline:
            self.measure_baseline()
        self._link.change(self._impairments, self._directions)

    def verify(self) -> Observation:
        """Each disturbed direction shows what was asked for, and no other direction does."""
        measured = self._measure()
        ok = all(
            self._shows(value, self._before(direction))
            if direction in self._directions
            else self._is_whole(value, self._before(direction))
            for direction, value in measured.items()
        )
        return Observation(ok, f"{self._asked()} {self._sentence(measured)}", self._observed(measured))

    def heal(self) -> None:
        """Take the impairments off."""
        self._link.restore(tuple(self._impairments), self._directions)

    def verify_healed(self) -> Observation:
        """Every direction is measured to be whole."""
        seen: list[Mapping[str, Any]] = []

        def whole() -> bool:
            seen.append(self._measure())
            return all(self._is_whole(value, self._before(direction)) for direction, value in seen[-1].items())

        try:
            wait_until(whole, timeout=HEALED_WITHIN_S, what=f"{self.target} to be whole again")
        except NotReached:
            return Observation(False, f"After the fault, {self._sentence(seen[-1])}", self._observed(seen[-1]))
        return Observation(True, f"After the fault, {self._sentence(seen[-1])}", self._observed(seen[-1]))

    def _before(self, direction: str) -> Any:
        """What was measured before this fault, others perhaps in force already; None if it was not injected."""
        return self._baseline.get(direction)

    def _asked(self) -> str:
        values = ", ".join(f"{name} {value}" for name, value in self._impairments.items())
        return f"Asked for in {' and '.join(self._directions)}: {values}."

    def _sentence(self, measured: Mapping[str, Any]) -> str:
        return "; ".join(f"{direction}: {self._words(value)}" for direction, value in measured.items()) + "."

    def _observed(self, measured: Mapping[str, Any]) -> dict[str, Any]:
        asked = {"directions": list(self._directions), "requested": self._impairments}
        return {**asked, "measured": dict(measured), "baseline": dict(self._baseline)}

    def _measure(self) -> Mapping[str, Any]:
        """One figure for each direction of the link, a plain value."""
        raise NotImplementedError

    def _shows(self, value: Any, before: Any) -> bool:
        """Whether a figure shows the fault as it was asked for."""
        raise NotImplementedError

    def _is_whole(self, value: Any, before: Any) -> bool:
        """Whether a figure shows no fault; ``before`` is None where nothing was measured before."""
        raise NotImplementedError

    def _words(self, value: Any) -> str:
        """A figure in words."""
        raise NotImplementedError


class SharedOut(WanFault):
    """A fault that hits a share of the packets: measured by a numbered burst, within what chance allows."""

    _what = "hit"

    def __init__(
        self,
        link: WanLink,
        share: float,
        impairments: Mapping[str, Any],
        directions: Sequence[str] | None = None,
    ) -> None:
        super().__init__(link, impairments, directions)
        self._share = share
        wanted = ceil(_EVENTS_WANTED / share) if share else _MOST_PACKETS
        self._count = min(_MOST_PACKETS, max(_FEWEST_PACKETS, wanted))

    def _share_of(self, burst: Burst) -> float:
        """The share of packets that the fault hit."""
        raise NotImplementedError

    def _measure(self) -> Mapping[str, float]:
        bursts = self._link.bursts(count=self._count, interval=_INTERVAL_S)
        return {direction: self._share_of(burst) for direction, burst in bursts.items()}

    def _shows(self, value: float, before: float | None) -> bool:
        more = value - (before or 0.0)
        return more >= self._share * _SHARE_THAT_SHOWS and abs(more - self._share) <= self._allowed(self._share)

    def _is_whole(self, value: float, before: float | None) -> bool:
        return value <= (before or 0.0) + self._allowed(before or 0.0)

    def _allowed(self, share: float) -> float:
        return _DEVIATIONS * sqrt(share * (1 - share) / self._count) + _SLACK

    def _words(self, value: float) -> str:
        return f"{value:.2%} of {self._count} packets {self._what}"
