"""MS-MT-06: where replication cannot complete, the first site is not stopped, and the service goes on there."""

from __future__ import annotations

import math

from conformance.checkers.answers import answers
from conformance.checkers.order import Order, read_order
from conformance.checkers.probing import in_order, outages
from conformance.checkers.timeline import MIGRATE, move
from conformance.checkers.words import NANO, between, count, seconds, span
from conformance.model import Evidence, ScenarioRecord, Status, Verdict, worst
from conformance.model.verdict import FigureValue

# The service goes on when it has served this much after the move was called off.
SERVED_AFTER = 10

Conclusion = tuple[Status, str]


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-MT-06. Figures: ``served_after`` (operations and probes served by the first site after the move had been
    called off), ``interruption_low_s`` and ``interruption_high_s`` (the longest since it began)."""
    there = move(record)
    if there is None:
        return Verdict(Status.INCONCLUSIVE, f"No move to {record.info.second_site} is on record.")
    order = read_order(record, there, MIGRATE)
    stop, copy = order.stop, order.replicated
    if stop is not None and (copy is None or copy.low > stop.high):
        late = "" if copy is None else f" The copy was complete {span(copy.low - stop.high)} later."
        reason = f"{there.site} was stopped although nothing says that the service had been replicated before.{late}"
        return Verdict(Status.FAIL, reason, evidence=(Evidence("event", "first-stopping", reason),))
    if copy is not None:
        reason = f"The copy at {there.to} was completed: nothing shows what becomes of a move that cannot complete one."
        return Verdict(Status.INCONCLUSIVE, reason)
    if there.ok is not False:
        ended = "ended as if it had succeeded" if there.ok else "never came to an end"
        reason = f"The move {ended}, with neither copy nor stop on record: nothing shows that it was called off."
        return Verdict(Status.INCONCLUSIVE, reason)
    return _goes_on(record, order)


def _goes_on(record: ScenarioRecord, order: Order) -> Verdict:
    """A move that was called off: does the first site go on serving?"""
    there, limit_s = order.move, record.info.thresholds.max_interruption_s
    asked = [p for p in record.probes if p.sent > there.done]
    served = sum(a.served is True and a.sent > there.done for a in answers(record, there.site))
    rows = [o for o in outages(in_order(record.probes)) if o.end_high is None or o.end_high > there.began]
    low = max((o.low for o in rows), default=0)
    high = max((math.inf if o.high is None else o.high for o in rows), default=0)
    figures: dict[str, FigureValue] = {
        "served_after": served,
        "interruptions": len(rows),
        "interruption_low_s": seconds(low),
        "interruption_high_s": high if math.isinf(high) else seconds(int(high)),
    }
    named = ((f"probes {o.first}–{o.last}", f"{count(o.probes, 'probe')} in a row failed") for o in rows[:50])
    evidence = tuple(Evidence("outage", ref, text) for ref, text in named)
    conclusions = [_served(served, len(asked), order), *_interrupted(low, high, limit_s)]
    status = worst(s for s, _ in conclusions)
    reason = " ".join(text for s, text in conclusions if s is status)
    return Verdict(status, reason, figures, evidence)


def _served(served: int, asked: int, order: Order) -> Conclusion:
    site, what = order.move.site, "after the move had been called off"
    if served >= SERVED_AFTER:
        called_off = f"The move was called off without a copy and {site} was not stopped"
        return Status.PASS, f"{called_off}: it served {served} requests afterwards."
    if asked >= SERVED_AFTER and not served:
        return Status.FAIL, f"{site} served none of {count(asked, 'probe')} {what}: the service does not go on there."
    return Status.INCONCLUSIVE, f"{site} was seen to serve only {count(served, 'request')} {what}."


def _interrupted(low: int, high: float, limit_s: float) -> list[Conclusion]:
    limit = limit_s * NANO
    if low > limit:
        return [(Status.FAIL, f"The service was interrupted for {span(low)} at least (limit {limit_s:g} s).")]
    if high > limit:
        lasted = f"{span(low)} at least" if math.isinf(high) else between(low, int(high))
        return [(Status.INCONCLUSIVE, f"An interruption lasted {lasted}: the limit of {limit_s:g} s lies inside.")]
    return []
