"""MS-MT-01, MS-MT-04, MS-MT-07, MS-GR-15: in a planned move the first site is stopped last: after the service has been
replicated, and after the second site serves.

The order is proven from the scheme's events and cross-checked with what clients and samplers saw. Events are stamped
by clocks that may differ between sites: each states by how much, and an order inside that uncertainty is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.checkers.answers import Answer, answers
from conformance.checkers.timeline import FAILBACK, MIGRATE, Move, move, scheme_events
from conformance.checkers.words import between, seconds, span
from conformance.model import Event, Evidence, ScenarioRecord, Status, Verdict, worst
from conformance.model.verdict import FigureValue

REPLICATED, SERVING, STOPPING, STOPPED = "replicated", "second-serving", "first-stopping", "first-stopped"
Conclusion = tuple[Status, str]


@dataclass(frozen=True)
class Instant:
    """Something happened between ``low`` and ``high`` (nanoseconds)."""

    low: int
    high: int


@dataclass(frozen=True)
class Order:
    """A move's steps; None for what left no event. ``stop`` runs from the first site's beginning to stop to its being
    stopped; ``begun`` is whether its beginning is on record, without which ``stop.low`` is the move's beginning."""

    move: Move
    replicated: Instant | None
    serving: Instant | None
    stop: Instant | None
    begun: bool
    uncertainty: int
    misplaced: tuple[str, ...]


def replicated_first(record: ScenarioRecord) -> Verdict:
    """Judge MS-MT-01: the service had been replicated before it was stopped at the first site."""
    return _judge(record, MIGRATE, (REPLICATED,))


def serving_first(record: ScenarioRecord) -> Verdict:
    """Judge MS-MT-04: the second site was serving before the first was stopped."""
    return _judge(record, MIGRATE, (SERVING,))


def way_back(record: ScenarioRecord) -> Verdict:
    """Judge MS-MT-07 and MS-GR-15: both orders, on the way back, with the sites' parts exchanged."""
    return _judge(record, FAILBACK, (REPLICATED, SERVING))


def read_order(record: ScenarioRecord, there: Move, operation: str) -> Order:
    """The steps of a move as its events tell them. ValueError when an event's uncertainty is no length of time."""
    events = [e for e in scheme_events(record, operation) if there.began <= e.t]
    instants = [(e, _instant(e)) for e in events]

    def first(state: str, *, tried: bool = False) -> Instant | None:
        return next((i for e, i in instants if e.state == state and (tried or e.ok is not False)), None)

    stopping, stopped = first(STOPPING, tried=True), first(STOPPED)
    stop = None
    if stopping or stopped:
        last = stopped or stopping
        stop = Instant(stopping.low if stopping else there.began, last.high if last else 0)
    expected = {REPLICATED: there.to, SERVING: there.to, STOPPING: there.site, STOPPED: there.site}
    misplaced = [
        f"the event {e.state} is of {e.target}, not of {expected[e.state]}"
        for e in events
        if e.state in (SERVING, STOPPING, STOPPED) and e.target not in (None, expected[e.state])
    ]
    uncertainty = max((i.high - e.t for e, i in instants), default=0)
    return Order(there, first(REPLICATED), first(SERVING), stop, stopping is not None, uncertainty, tuple(misplaced))


def _instant(event: Event) -> Instant:
    spread = event.observed.get("uncertainty_ns", 0)
    if isinstance(spread, bool) or not isinstance(spread, int) or spread < 0:
        raise ValueError(f"the uncertainty of the event {event.name} {event.state} is {spread!r}, not nanoseconds")
    return Instant(event.t - spread, event.t + spread)


def _judge(record: ScenarioRecord, operation: str, steps: Sequence[str]) -> Verdict:
    """Figures: when each step was (``replicated_s`` … from the move's beginning), ``uncertainty_s``, and how long each
    of ``steps`` certainly preceded the stop (``replicated_lead_s``, ``serving_lead_s``; below 0: certainly not)."""
    there = move(record, operation)
    if there is None:
        where = record.info.first_site if operation == FAILBACK else record.info.second_site
        return Verdict(Status.INCONCLUSIVE, f"No move to {where} is on record.")
    order = read_order(record, there, operation)
    figures = _figures(order, steps)
    if order.misplaced:
        return Verdict(Status.INCONCLUSIVE, f"The log contradicts itself: {order.misplaced[0]}.", figures)
    if order.stop is None:
        refused = " The move was called off." if there.ok is False else ""
        reason = f"Nothing on record says that {there.site} was stopped, so there is no order to prove.{refused}"
        return Verdict(Status.INCONCLUSIVE, reason, figures)
    source, target = answers(record, there.site), answers(record, there.to)
    until = move(record, FAILBACK) if operation == MIGRATE else None
    conclusions = [_still_there(order, source, None if until is None else until.began)]
    judges = {REPLICATED: (_replicated, source), SERVING: (_serving, target)}
    conclusions += [judge(order, seen) for judge, seen in (judges[step] for step in steps)]
    status = worst(s for s, text in conclusions if text)
    said = [text for s, text in conclusions if s is status and text]
    said += [text for s, text in conclusions if s is not status and text and status is not Status.FAIL]
    if status is Status.PASS and there.ok is not True:
        status = Status.INCONCLUSIVE
        said.insert(0, f"The move to {there.to} did not come to a good end.")
    if order.uncertainty:
        said.append(f"The sites' clocks agree to {span(order.uncertainty)}, which is taken into account.")
    return Verdict(status, " ".join(said), figures, tuple(_evidence(order)))


def _against_stop(order: Order, step: Instant | None, what: str, name: str) -> Conclusion:
    """Whether a step came before the stop, by the log."""
    site, stop = order.move.site, order.stop
    assert stop is not None
    if step is None:
        return Status.FAIL, f"{site} was stopped, and nothing on record says that {what}."
    if step.high < stop.low:
        lead = between(stop.low - step.high, stop.high - step.low)
        return Status.PASS, f"By the log {what} {lead} before {site} was stopped."
    if step.low > stop.high:
        return Status.FAIL, f"{site} was stopped {span(step.low - stop.high)} at least before {what}."
    why = "their order lies within the uncertainty" if order.begun else f"no {STOPPING} event says when that began"
    return Status.INCONCLUSIVE, f"Whether {what} before {site} was stopped is open ({name}): {why}."


def _replicated(order: Order, source: Sequence[Answer]) -> Conclusion:
    """By the log; and a first site that was gone for good before the copy was complete had been stopped before it."""
    site, step = order.move.site, order.replicated
    status, text = _against_stop(order, step, f"the service had been replicated to {order.move.to}", REPLICATED)
    if step is None or status is Status.FAIL:
        return status, text
    last = max((a.sent for a in source if a.alive), default=None)
    gone = [a for a in source if not a.alive and a.sent > order.move.began and (last is None or a.sent > last)]
    if gone and gone[0].done < step.low:
        return Status.FAIL, (
            f"{site} could not be reached any more from {gone[0].what} on, {span(step.low - gone[0].done)} before the "
            "copy was complete, whatever the log says."
        )
    if status is Status.PASS and last is not None and last > step.high:
        return status, f"{text} It still answered {span(last - step.high)} after the copy was complete."
    return status, text


def _serving(order: Order, target: Sequence[Answer]) -> Conclusion:
    """By the log; and the second site must have been seen to serve, and not to refuse when it ought to serve."""
    to, step, stop = order.move.to, order.serving, order.stop
    status, text = _against_stop(order, step, f"{to} was serving", SERVING)
    if step is None or stop is None or status is Status.FAIL:
        return status, text
    served = min((a.done for a in target if a.served and a.sent >= order.move.began), default=None)
    if served is None:
        return Status.INCONCLUSIVE, f"{text} But nobody was seen to be served by {to}."
    refused = [a for a in target if a.served is False and a.sent > step.high and a.done < served]
    late = [a for a in refused if a.sent > stop.high]
    if late:
        return Status.FAIL, (
            f"The log says that {to} was serving before {order.move.site} was stopped, but {late[0].what}, sent "
            f"{span(late[0].sent - stop.high)} after the stop, was not served there, and nobody had been before."
        )
    if refused:
        return Status.INCONCLUSIVE, (
            f"The log says that {to} was serving, but {refused[0].what}, sent {span(refused[0].sent - step.high)} "
            "later, was not served there: they contradict each other."
        )
    first = f"{span(stop.low - served)} before that" if served < stop.low else f"{span(served - stop.low)} later"
    return status, f"{text} Clients were first served there {first}."


def _still_there(order: Order, source: Sequence[Answer], until: int | None) -> Conclusion:
    """A first site that served clients after it was stopped was not stopped: then the log proves nothing."""
    assert order.stop is not None
    after = [a for a in source if a.served and a.sent > order.stop.high and (until is None or a.sent < until)]
    if not after:
        return Status.PASS, ""
    return Status.INCONCLUSIVE, (
        f"The log says that {order.move.site} was stopped, but {after[0].what}, sent "
        f"{span(after[0].sent - order.stop.high)} later, was served there: the log cannot be trusted."
    )


def _figures(order: Order, steps: Sequence[str]) -> dict[str, FigureValue]:
    figures: dict[str, FigureValue] = {"uncertainty_s": seconds(order.uncertainty)}
    zero = order.move.began
    for name, step in (("replicated", order.replicated), ("serving", order.serving)):
        if step is not None:
            figures[f"{name}_s"] = seconds((step.low + step.high) // 2 - zero)
            if order.stop is not None and {"replicated": REPLICATED, "serving": SERVING}[name] in steps:
                figures[f"{name}_lead_s"] = seconds(order.stop.low - step.high)
    if order.stop is not None:
        figures |= {"stop_low_s": seconds(order.stop.low - zero), "stop_high_s": seconds(order.stop.high - zero)}
    return figures


def _evidence(order: Order) -> list[Evidence]:
    zero = order.move.began
    steps = ((REPLICATED, order.replicated), (SERVING, order.serving), ("stop of the first site", order.stop))
    return [
        Evidence("event", name, f"{between(step.low - zero, step.high - zero)} after the move began")
        for name, step in steps
        if step is not None
    ]
