"""MS-GR-02: after the loss of its site the service is back at the second site within the recovery time
objective. Other planes that were probed are reported beside it, and judged where the profile gives them a limit.

What is judged is the time from the loss until the service is back for good, as an interval: a limit inside the
interval is inconclusive. Where the profile takes a manual trigger, it is the time from the order to fail over. The
outage as clients met it may have begun earlier (a stalled link holds synchronous writes up): it is reported beside it
and not judged, for the objective counts from the loss.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain

from conformance.checkers.phases import detection, failover_events, phase_figures
from conformance.checkers.planes import BESIDE, measure, measured
from conformance.checkers.probing import Outage, in_order, longest_gap, outages
from conformance.checkers.recovery import Recovery, WholeOutage, later_outages, recovery, whole_outage
from conformance.checkers.timeline import Move, SiteLoss, TurningPoint, departure
from conformance.checkers.trigger import counted_from, judge_trigger
from conformance.checkers.words import NANO, between, count, seconds, span
from conformance.model import Evidence, Probe, ScenarioRecord, Status, Verdict, worst
from conformance.model.verdict import FigureValue

# The service must have answered this many probes before the loss: an outage of what never ran says nothing.
SERVED_BEFORE = 10
# A hole in the schedule of more than this many periods is said: it makes the interval as wide as it is.
GAP_PERIODS = 5
NAMED = 100

Conclusion = tuple[Status, str]


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-GR-02. Figures: ``rto_low_s``, ``rto_high_s`` (infinite when the service was not seen
    back), ``outage_low_s`` and ``outage_high_s`` for the whole outage, the phases, how well it was
    probed, and for each other plane those of conformance.checkers.planes; where the recovery counts from an order,
    ``after_order_low_s`` and ``after_order_high_s``. O(n log n)."""
    loss = departure(record)
    if isinstance(loss, Move):
        return _moved(record, loss)
    if loss is None:
        return Verdict(Status.INCONCLUSIVE, f"The loss of {record.info.first_site} is not on record.")
    probes = in_order(record.probes)
    figures: dict[str, FigureValue] = {"probes": len(probes), "probes_failed": sum(not p.ok for p in probes)}
    doubt = _not_looked(probes, loss)
    if doubt:
        return Verdict(Status.INCONCLUSIVE, doubt, figures)
    found = outages(probes)
    back = recovery(probes, loss, record.info.second_site, record.info.probe_interval_ns)
    since = counted_from(record, loss)
    counted = back if since is loss else recovery(probes, since, record.info.second_site, record.info.probe_interval_ns)
    whole = whole_outage(found, loss, back)
    gap = longest_gap(probes, loss.began, probes[-1].sent if back.at is None else back.at)
    figures |= _figures(record, loss, back, whole, found)
    figures |= {
        "longest_probe_gap_s": seconds(gap),
        "latest_probe_s": seconds(max(p.sent - p.due for p in probes)),
    }
    if since is not loss:
        figures |= _after_order(counted)
    triggered = judge_trigger(record, loss, back)
    conclusions = [
        _recovered(record, loss, since, probes, counted),
        *_detected(record, loss, since),
        *([triggered] if triggered else []),
        *_stayed(record, found, back),
    ]
    planes = measure(record, loss)
    limits = record.info.thresholds.plane_rto_s
    conclusions += [plane.judged(limits[plane.name]) for plane in planes if plane.name in limits]
    conclusions += [plane.not_judged() for plane in planes if plane.name == BESIDE and BESIDE not in limits]
    for plane in planes:
        figures |= plane.figures()
    status = worst(s for s, _ in conclusions)
    sentences = [text for s, text in conclusions if s is status] + [text for s, text in conclusions if s is not status]
    if since is not loss:
        sentences.append(f"It was ordered {loss.relative(since.began)}, which the profile does not count.")
    sentences += _remarks(record, loss, back, whole, found, gap)
    sentences += [plane.told() for plane in planes if plane.name not in (*limits, BESIDE)]
    others = chain.from_iterable(plane.evidence(loss) for plane in planes)
    return Verdict(status, " ".join(sentences), figures, (*_evidence(found, loss), *others))


def _moved(record: ScenarioRecord, there: Move) -> Verdict:
    """A planned move loses no site: every interruption since it began is judged by itself, and the second site must
    have served for good in the end."""
    probes = in_order(record.probes)
    service = measured("service", probes, there)
    arrived = recovery(probes, there, there.to, record.info.probe_interval_ns)
    conclusions = [service.judged(record.info.thresholds.rto_s)]
    if arrived.high is None:
        conclusions.append((Status.INCONCLUSIVE, f"{there.to} was not seen to serve for good after {there.what}."))
    status = worst(s for s, _ in conclusions)
    reason = " ".join(text for s, text in conclusions if s is status)
    return Verdict(status, reason, service.figures(), tuple(service.evidence(there)))


def _not_looked(probes: Sequence[Probe], loss: SiteLoss) -> str:
    """Why these probes show nothing of this loss; empty when they do."""
    if not probes:
        return "The service was not probed."
    before = sum(p.ok and p.done <= loss.began for p in probes)
    if before < SERVED_BEFORE:
        return f"{count(before, 'probe')} answered before {loss.what}: nothing shows that the service had been running."
    if probes[-1].sent <= loss.done:
        return f"Probing ended {loss.relative(probes[-1].sent)}, so it shows nothing of what came after."
    contrary = [p for p in probes if p.ok and p.site == loss.site and p.sent >= loss.done and loss.lasts_at(p.done)]
    if contrary:
        return (
            f"{count(len(contrary), 'probe')} answered by {loss.site} while it was meant to be lost, the "
            f"first {loss.relative(contrary[0].sent)}: the loss did not reach the service."
        )
    return ""


def _recovered(
    record: ScenarioRecord, loss: SiteLoss, since: TurningPoint, probes: Sequence[Probe], back: Recovery
) -> Conclusion:
    """The recovery, as counted from ``since``, against its objective."""
    second, limit_s = record.info.second_site, record.info.thresholds.rto_s
    limit = limit_s * NANO
    if back.high is not None:
        took = f"The service was back at {second} {between(back.low, back.high)} after {since.what}"
        if back.high <= limit:
            return Status.PASS, f"{took} (limit {limit_s:g} s)."
        if back.low > limit:
            return Status.FAIL, f"{took}, later than the {limit_s:g} s allowed."
        return Status.INCONCLUSIVE, f"{took}: the limit of {limit_s:g} s lies inside that interval."
    watched = max(0, probes[-1].sent - since.done)
    if back.low > limit:
        return (
            Status.FAIL,
            f"{span(back.low)} after {since.what} the service was still not back (limit {limit_s:g} s).",
        )
    if back.up_at_end is not None:
        return Status.INCONCLUSIVE, (
            f"The service answered again at {second} when probing ended, only for {span(back.up_at_end)} "
            "so far: too short to say that it was back."
        )
    gave_up = [e for e in failover_events(record, loss) if e.state == "end" and e.ok is False]
    if record.finished and gave_up:
        why = f": {gave_up[0].detail.rstrip('.')}" if gave_up[0].detail else ""
        return (
            Status.FAIL,
            f"The failover ended in failure{why}. The service was not back {span(watched)} after {since.what}.",
        )
    return Status.INCONCLUSIVE, (
        f"The service was not back {span(watched)} after {since.what}, when probing ended; it was allowed "
        f"{limit_s:g} s."
    )


def _after_order(counted: Recovery) -> dict[str, FigureValue]:
    high = math.inf if counted.high is None else seconds(counted.high)
    return {"after_order_low_s": seconds(counted.low), "after_order_high_s": high}


def _detected(record: ScenarioRecord, loss: SiteLoss, since: TurningPoint) -> Iterator[Conclusion]:
    """The detection against its limit, where the scheme states when it detected the loss."""
    found = detection(record, loss, since)
    if found:
        yield found.judged(record.info.thresholds.detect_s)


def _stayed(record: ScenarioRecord, found: Sequence[Outage], back: Recovery) -> Iterator[Conclusion]:
    """Outages that followed the recovery: one longer than the objective is as bad as a late recovery."""
    limit_s = record.info.thresholds.rto_s
    for later in later_outages(found, back):
        lasted = span(later.low) if later.high is None else between(later.low, later.high)
        if later.low > limit_s * NANO:
            yield (
                Status.FAIL,
                f"Having come back, the service was gone again for {lasted} (limit {limit_s:g} s).",
            )
        elif later.high is None:
            yield (
                Status.INCONCLUSIVE,
                f"Having come back, the service was gone again, for {lasted} when probing ended.",
            )
        elif later.high > limit_s * NANO:
            yield (
                Status.INCONCLUSIVE,
                f"Having come back, the service was gone again for {lasted}: the limit lies inside.",
            )


def _remarks(
    record: ScenarioRecord,
    loss: SiteLoss,
    back: Recovery,
    whole: WholeOutage,
    found: Sequence[Outage],
    gap: int,
) -> Iterator[str]:
    """What a reader should know beside the judgement."""
    if whole.lead > GAP_PERIODS * record.info.probe_interval_ns:
        lasted = f"{span(whole.low)} at least" if whole.high is None else between(whole.low, whole.high)
        yield (f"For clients the outage began {span(whole.lead)} earlier, before {loss.what}; it lasted {lasted}.")
    if back.high is not None and not any(o.end_low >= loss.began for o in found):
        yield "No probe failed."
    later = later_outages(found, back)
    if later:
        longest = max(o.low for o in later)
        yield (
            f"After the recovery there {'was' if len(later) == 1 else 'were'} "
            f"{count(len(later), 'short outage')}, of {span(longest)} at most seen."
        )
    if gap > GAP_PERIODS * record.info.probe_interval_ns:
        yield f"No probe was sent for {span(gap)} in between, which makes the interval wider."
    elif whole.high is not None and whole.high - whole.low > GAP_PERIODS * record.info.probe_interval_ns:
        yield (
            f"How long the outage was for clients is known to {span(whole.high - whole.low)} only: probes at its edges "
            "were late, or waited for their answers."
        )


def _figures(
    record: ScenarioRecord, loss: SiteLoss, back: Recovery, whole: WholeOutage, found: Sequence[Outage]
) -> dict[str, FigureValue]:
    later = later_outages(found, back)
    figures: dict[str, FigureValue] = {
        "rto_low_s": seconds(back.low),
        "rto_high_s": math.inf if back.high is None else seconds(back.high),
        "rto_limit_s": record.info.thresholds.rto_s,
        "outage_low_s": seconds(whole.low),
        "outage_high_s": math.inf if whole.high is None else seconds(whole.high),
        "outage_before_loss_s": seconds(whole.lead),
        "outage_width_periods": _periods(record, whole),
        "outages": len(found),
        "later_outages": len(later),
        "longest_later_outage_s": seconds(max((o.low for o in later), default=0)),
    }
    return figures | phase_figures(record, loss, back.at)


def _periods(record: ScenarioRecord, whole: WholeOutage) -> float:
    """How wide the interval of the whole outage is."""
    if whole.high is None:
        return math.inf
    return round((whole.high - whole.low) / record.info.probe_interval_ns, 2)


def _evidence(found: Sequence[Outage], loss: SiteLoss) -> Iterator[Evidence]:
    """The outages in time order; when there are many, the longest."""
    longest = sorted(found, key=lambda o: o.low, reverse=True)[:NAMED]
    for o in sorted(longest, key=lambda o: o.end_low):
        lasted = f"{span(o.low)} at least" if o.high is None else between(o.low, o.high)
        text = (
            f"{count(o.probes, 'probe')} in a row failed; the outage lasted {lasted} and began "
            f"{loss.relative(o.start_high)}."
        )
        yield Evidence("outage", f"probes {o.first}–{o.last}", text)
