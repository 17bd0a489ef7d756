"""Outages of other planes than the service: the OpenStack API, a media flow, or whatever else was probed.

They are measured with the same interval arithmetic as the service. Each is reported under the plane's name, and judged
only where the profile gives it a limit: the longest single outage is. Several short ones are reported as such. The
plane of another VNF is one that a requirement is about: without a limit for it nothing passes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from conformance.checkers.probing import Outage, in_order, outages
from conformance.checkers.timeline import TurningPoint
from conformance.checkers.words import NANO, between, count, seconds, span
from conformance.model import Evidence, Probe, ScenarioRecord, Status
from conformance.model.verdict import FigureValue

# A plane must have answered this many probes before the turning point: an outage of what never ran says nothing.
ANSWERED_BEFORE = 10
NAMED = 50
# The plane of a VNF beside the one under test, and the word in the sentence that deploys one.
BESIDE = "beside"


@dataclass(frozen=True)
class PlaneOutages:
    """The outages of one plane since the turning point. ``unseen`` is how long one at most lasted that no probe met
    (nanoseconds); ``doubt`` why the probes show nothing, empty when they do."""

    name: str
    probes: int
    found: tuple[Outage, ...]
    unseen: int
    doubt: str

    @property
    def low(self) -> int:
        """The longest lasted at least this long (nanoseconds)."""
        return max((o.low for o in self.found), default=0)

    @property
    def high(self) -> float:
        """The longest lasted at most this long (nanoseconds); infinite when one was not seen to begin or end."""
        return max((self.unseen, *(math.inf if o.high is None else o.high for o in self.found)))

    @property
    def total(self) -> tuple[int, float]:
        """All together, at least and at most."""
        return sum(o.low for o in self.found), sum(math.inf if o.high is None else o.high for o in self.found)

    def figures(self) -> dict[str, FigureValue]:
        """``NAME_outages``, the longest as ``NAME_outage_low_s`` and ``_high_s``, all together as
        ``NAME_outage_total_low_s`` and ``_total_high_s``."""
        low, high = self.total
        return {
            f"{self.name}_probes": self.probes,
            f"{self.name}_outages": len(self.found),
            f"{self.name}_outage_low_s": seconds(self.low),
            f"{self.name}_outage_high_s": _seconds(self.high),
            f"{self.name}_outage_total_low_s": seconds(low),
            f"{self.name}_outage_total_high_s": _seconds(high),
        }

    def judged(self, limit_s: float) -> tuple[Status, str]:
        """The longest outage against a limit, and a sentence that says so."""
        if self.doubt:
            return Status.INCONCLUSIVE, self.doubt
        lasted = f"{span(self.low)} at least" if math.isinf(self.high) else between(self.low, int(self.high))
        if not self.found:
            lasted = f"at most {span(self.unseen)}, unseen between two probes"
        said = f"The longest outage of the plane {self.name} lasted {lasted}"
        if self.high <= limit_s * NANO:
            return Status.PASS, f"{said} (limit {limit_s:g} s)."
        if self.low > limit_s * NANO:
            return Status.FAIL, f"{said}, more than the {limit_s:g} s allowed."
        return Status.INCONCLUSIVE, f"{said}: the limit of {limit_s:g} s lies inside."

    def not_judged(self) -> tuple[Status, str]:
        """For a plane that a requirement is about, without a limit: what was measured, and that it decides nothing."""
        return (
            Status.INCONCLUSIVE,
            f"{self.told()} Whether that is soon enough is open: plane_rto_s of the profile has none for {self.name}.",
        )

    def told(self) -> str:
        """What was measured, as a sentence, for a plane without a limit."""
        if self.doubt:
            return self.doubt
        if not self.found:
            return f"The plane {self.name} had no outage that a probe met."
        low, high = self.total
        lasted = f"{span(low)} at least" if math.isinf(high) else between(low, int(high))
        return f"The plane {self.name} had {count(len(self.found), 'outage')}, together {lasted} (no limit given)."

    def evidence(self, turn: TurningPoint) -> Iterator[Evidence]:
        """Each outage, the longest ones when there are many, in time order."""
        for o in sorted(sorted(self.found, key=lambda o: -o.low)[:NAMED], key=lambda o: o.end_low):
            lasted = f"{span(o.low)} at least" if o.high is None else between(o.low, o.high)
            failed = f"{count(o.probes, 'probe')} in a row failed"
            text = f"{self.name}: {failed}; the outage lasted {lasted} and began {turn.relative(o.start_high)}."
            yield Evidence(f"{self.name} outage", f"probes {o.first}–{o.last}", text)


def measure(record: ScenarioRecord, turn: TurningPoint) -> list[PlaneOutages]:
    """The outages of every plane that was probed or has a limit, by name."""
    names = sorted({*record.planes, *record.info.thresholds.plane_rto_s})
    return [measured(name, in_order(record.planes.get(name, ())), turn) for name in names]


def measured(name: str, probes: Sequence[Probe], turn: TurningPoint) -> PlaneOutages:
    """The outages that one plane's probes (in order of sending) show since the turning point."""
    found = tuple(o for o in outages(probes) if o.end_high is None or o.end_high > turn.began)
    return PlaneOutages(name, len(probes), found, _unseen(probes, turn), _not_looked(name, probes, turn))


def _unseen(probes: Sequence[Probe], turn: TurningPoint) -> int:
    """The longest time from one answered probe's sending to the next one's end: an outage may hide in it."""
    pairs = (b.done - a.sent for a, b in pairwise(probes) if a.ok and b.ok and b.done > turn.began)
    return max(pairs, default=0)


def _not_looked(name: str, probes: Sequence[Probe], turn: TurningPoint) -> str:
    if not probes:
        return f"The plane {name} was not probed."
    before = sum(p.ok and p.done <= turn.began for p in probes)
    if before < ANSWERED_BEFORE:
        answered = f"{count(before, 'probe')} of the plane {name} answered before {turn.what}"
        return f"{answered}: nothing shows that it had been running."
    if probes[-1].sent <= turn.done:
        return f"Probing of the plane {name} ended {turn.relative(probes[-1].sent)}."
    return ""


def _seconds(ns: float) -> float:
    return ns if math.isinf(ns) else seconds(int(ns))
