"""How long each phase of a failover took, from the scheme's own events: detect, promote, serve."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.checkers.timeline import SiteLoss, TurningPoint
from conformance.checkers.words import NANO, between, seconds
from conformance.model import Event, ScenarioRecord, Status
from conformance.model.verdict import FigureValue


@dataclass(frozen=True)
class Detection:
    """How long the scheme took to notice the loss (nanoseconds): at least from when it was set to work, at
    most from the loss."""

    low: int
    high: int

    def judged(self, limit_s: float) -> tuple[Status, str]:
        """Whether that is within the limit, and a sentence that says so."""
        took = between(self.low, self.high)
        if self.high <= limit_s * NANO:
            return (
                Status.PASS,
                f"The loss was detected within {seconds(self.high):.3f} s (limit {limit_s:g} s).",
            )
        if self.low > limit_s * NANO:
            return Status.FAIL, f"Detecting the loss took {took}, over the limit of {limit_s:g} s."
        return Status.INCONCLUSIVE, f"Detecting the loss took {took}: the limit of {limit_s:g} s lies inside."


def _first(events: list[Event], *states: str) -> Event | None:
    return next((e for e in events if e.state in states and e.ok is not False), None)


def failover_events(record: ScenarioRecord, loss: SiteLoss) -> list[Event]:
    """What the scheme noted of its failover from the loss on, in time order."""
    found = (e for e in record.events if e.kind == "scheme" and e.name == "failover" and e.t >= loss.began)
    return sorted(found, key=lambda e: e.t)


def detection(record: ScenarioRecord, loss: SiteLoss, since: TurningPoint) -> Detection | None:
    """When the scheme stated that it had detected the loss, counted from ``since``; None when it said nothing of the
    kind.

    The time between the loss and the scheme's being set to work belongs to the harness: it is in the upper
    bound only.
    """
    events = failover_events(record, loss)
    noticed, begun = _first(events, "detect", "detected"), _first(events, "begin")
    if noticed is None:
        return None
    working = loss.done if begun is None else min(max(begun.t, loss.done), noticed.t)
    return Detection(max(0, noticed.t - working), max(0, noticed.t - since.began))


def phase_figures(record: ScenarioRecord, loss: SiteLoss, back: int | None) -> dict[str, FigureValue]:
    """``failover_begun_s`` from the loss to the failover's start, ``detect_s`` from the loss to its
    detection, ``promote_s`` from there (else from the failover's start) to the promotion, ``serve_s`` from
    there to the service's being ``back`` (ns). A phase that left no event has no figure."""
    events = failover_events(record, loss)
    begun, noticed = _first(events, "begin"), _first(events, "detect", "detected")
    promoted = _first(events, "promote", "promoted")
    figures: dict[str, FigureValue] = {}
    if begun:
        figures["failover_begun_s"] = seconds(begun.t - loss.began)
    if noticed:
        figures["detect_s"] = seconds(noticed.t - loss.began)
    start = noticed or begun
    if promoted and start:
        figures["promote_s"] = seconds(promoted.t - start.t)
    if promoted and back is not None:
        figures["serve_s"] = seconds(max(0, back - promoted.t))
    return figures
