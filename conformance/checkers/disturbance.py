"""MS-MT-02: while the service is replicated and moved, errors, interruptions and latency stay within the margin.

Judged is the time from the beginning of the planned move to its end, against the normal service before it. There is one
move and no taking turns, so what changes by itself before the move makes the comparison of latencies inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from conformance.checkers.measuring import own_share
from conformance.checkers.probing import Outage, in_order, longest_gap, outages
from conformance.checkers.timeline import Move, last_instant, move, scheme_events
from conformance.checkers.words import NANO, between, count, seconds, span
from conformance.model import Evidence, Operation, Probe, ScenarioRecord, Status, Verdict, worst
from conformance.model.verdict import FigureValue
from conformance.statistics.latency import PERCENTILES
from conformance.statistics.noninferiority import MIN_ROUNDS, log_margin
from conformance.statistics.planning import ALPHA
from conformance.statistics.stretches import CHUNKS, Stretch, log_ratios, share_bounds, stretch

SEED = 1
FEWEST_PROBES = 100
# How much of a percentile may be the prober's own lateness: as in the judgement on degradation.
HIDDEN = 0.25
FAILED_BEFORE = 0.01
# So many probes failing in a row are an interruption; fewer are errors.
ROW = 3
# The two halves of the time before the move differ if chance would make them so once in a hundred times.
UNSTEADY = 0.01
NAMED = 100

Conclusion = tuple[Status, str]


@dataclass(frozen=True)
class Disturbed:
    """The move in [``began``, ``done``] (nanoseconds, clock uncertainty included), the probes before and during it,
    and the interruptions that reach into it."""

    move: Move
    began: int
    done: int
    before: tuple[Probe, ...]
    during: tuple[Probe, ...]
    interruptions: tuple[Outage, ...]

    def interrupted(self, begin: int, end: int) -> bool:
        """Whether [``begin``, ``end``] touches an interruption, taken at its longest."""
        return any(
            (o.start_low is None or end >= o.start_low) and (o.end_high is None or begin <= o.end_high)
            for o in self.interruptions
        )


def check(record: ScenarioRecord, seed: int = SEED) -> Verdict:
    """Judge MS-MT-02. Figures: ``interruption_low_s`` to ``interruption_high_s`` altogether, ``errors`` of
    ``operations``, and by percentile how much slower it was (``p99_slowdown_percent`` with its bounds)."""
    there = move(record)
    if there is None:
        return Verdict(Status.INCONCLUSIVE, f"No move to {record.info.second_site} is on record.")
    seen = _seen(record, there)
    figures: dict[str, FigureValue] = {
        "move_s": seconds(there.done - there.began),
        "probes_before": len(seen.before),
        "probes_during": len(seen.during),
    }
    doubt = _not_looked(record, seen)
    if doubt:
        return Verdict(Status.INCONCLUSIVE, doubt, figures)
    conclusions = [
        _interrupted(record, seen, figures),
        _failing(record, seen, figures),
        _slower(record, seen, figures, seed),
    ]
    if there.ok is not True:
        conclusions.append((Status.INCONCLUSIVE, f"The move to {there.to} did not come to a good end."))
    status = worst(s for s, _ in conclusions)
    said = [text for s, text in conclusions if s is status] + [text for s, text in conclusions if s is not status]
    return Verdict(status, " ".join(said), figures, tuple(_evidence(record, seen)))


def _seen(record: ScenarioRecord, there: Move) -> Disturbed:
    spreads = [e.observed.get("uncertainty_ns", 0) for e in scheme_events(record, "migrate")]
    spread = max([0, *(s for s in spreads if isinstance(s, int))])
    began, done = there.began - spread, there.done + spread
    probes = in_order(record.probes)
    touching = tuple(
        o
        for o in outages(probes)
        if o.scheduled >= ROW
        and (o.end_high is None or o.end_high >= began)
        and (o.start_low is None or o.start_low <= done)
    )
    scheduled = [p for p in probes if not p.extra]
    before = tuple(p for p in scheduled if p.due < began)
    return Disturbed(there, began, done, before, tuple(p for p in scheduled if began <= p.due <= done), touching)


def _not_looked(record: ScenarioRecord, seen: Disturbed) -> str:
    """Why the probes say nothing of this move; empty when they do."""
    for probes, when in ((seen.before, "before"), (seen.during, "during")):
        if len(probes) < FEWEST_PROBES:
            return (
                f"There are {count(len(probes), 'probe')} {when} the move; its p99 needs {FEWEST_PROBES} at the least."
            )
        late = max(own_share(probes).items(), key=lambda item: item[1], default=(0, 0.0))
        if late[1] > HIDDEN:
            return (
                f"The probing was late: {late[1]:.0%} of the p{late[0]} {when} the move is the prober's own delay, and "
                f"more than {HIDDEN:.0%} hides too much of what the service does."
            )
    if max(p.sent for p in record.probes) < seen.done:
        return "Probing ended before the move did."
    failed = sum(not p.ok and not seen.interrupted(p.sent, p.done) for p in seen.before) / len(seen.before)
    if failed > FAILED_BEFORE:
        return f"Before the move {failed:.1%} of the probes failed: that is no normal operation to compare with."
    return ""


def _interrupted(record: ScenarioRecord, seen: Disturbed, figures: dict[str, FigureValue]) -> Conclusion:
    """How long the service was away altogether from the beginning of the move, as an interval, against what is
    allowed. It was the move's doing until it came back, also after the move's end."""
    limit = record.info.thresholds.max_interruption_s
    low = sum(max(0, o.end_low - max(o.start_high, seen.began)) for o in seen.interruptions)
    high = sum(
        inf if o.end_high is None else o.end_high - max(o.start_low or seen.began, seen.began)
        for o in seen.interruptions
    )
    gap = longest_gap(in_order(record.probes), seen.began, seen.done)
    held = max((p.done - p.due for p in seen.during if p.ok), default=0)
    figures |= {
        "interruptions": len(seen.interruptions),
        "interruption_low_s": seconds(low),
        "interruption_high_s": high if high == inf else seconds(int(high)),
        "longest_answer_s": seconds(held),
        "longest_probe_gap_s": seconds(gap),
    }
    if held > limit * NANO:
        return Status.FAIL, f"A probe waited {span(held)} for its answer (an interruption of {limit:g} s is allowed)."
    if gap > limit * NANO:
        return (
            Status.INCONCLUSIVE,
            f"No probe was sent for {span(gap)}, in which more than {limit:g} s may have failed.",
        )
    if not seen.interruptions:
        return Status.PASS, "The service was not interrupted."
    lasted = f"{span(low)} at least" if high == inf else between(low, int(high))
    said = f"The service was interrupted {count(len(seen.interruptions), 'time')}, for {lasted} altogether"
    if low > limit * NANO:
        return Status.FAIL, f"{said}, longer than the {limit:g} s allowed."
    if high > limit * NANO:
        return Status.INCONCLUSIVE, f"{said}: the limit of {limit:g} s lies inside that."
    return Status.PASS, f"{said} ({limit:g} s are allowed)."


def _failing(record: ScenarioRecord, seen: Disturbed, figures: dict[str, FigureValue]) -> Conclusion:
    """The share of operations and probes that failed though the service was there, against what is allowed."""
    limit = record.info.thresholds.max_error_share
    during = _operations(record, seen.began, seen.done)
    operations, before = (
        [op for op in ops if not seen.interrupted(op.invoked, _end(record, op))]
        for ops in (during, _operations(record, 0, seen.began))
    )
    probes = [p for p in seen.during if not seen.interrupted(p.sent, p.done)]
    asked = len(operations) + len(probes)
    wrong = sum(not op.served for op in operations) + sum(not p.ok for p in probes)
    wrong_before = sum(not op.served for op in before)
    figures |= {"operations": len(during), "asked": asked, "errors": wrong, "errors_before": wrong_before}
    if not operations:
        return Status.INCONCLUSIVE, "No client asked anything of the service outside of interruptions during the move."
    if wrong_before > limit * len(before):
        return Status.INCONCLUSIVE, f"More than {limit:.1%} of the operations failed before the move, too."
    low, high = share_bounds(wrong, asked, ALPHA)
    figures |= {"error_share_percent": round(100 * wrong / asked, 3), "error_share_high_percent": round(100 * high, 3)}
    said = f"{wrong} of {count(asked, 'operation')} and probes outside of interruptions failed"
    if low > limit:
        return Status.FAIL, f"{said}, more than the {limit:.1%} allowed."
    if high > limit:
        return Status.INCONCLUSIVE, f"{said}: that may stand for up to {high:.1%} ({limit:.1%} is allowed)."
    return Status.PASS, f"{said} ({limit:.1%} is allowed)."


def _slower(record: ScenarioRecord, seen: Disturbed, figures: dict[str, FigureValue], seed: int) -> Conclusion:
    """The percentiles of latency during the move against those before it, outside of interruptions."""
    margin = record.info.thresholds.degradation_margin
    length = max(1, min(seen.done - seen.began, seen.began - seen.before[0].due) // CHUNKS)
    before, during = (_stretch(seen, probes, length) for probes in (seen.before, seen.during))
    if during is None or before is None or min(during.chunks, before.chunks) < MIN_ROUNDS:
        return Status.INCONCLUSIVE, "Too few probes were answered outside of interruptions to judge latency by."
    half = (seen.before[0].due + seen.began) // 2
    halves = [[p for p in seen.before if (p.due < half) is early] for early in (True, False)]
    early, late = (_stretch(seen, probes, max(1, length // 2)) for probes in halves)
    if early and late and _unsteady(early, late, margin, seed):
        return Status.INCONCLUSIVE, "Latency was changing before the move: there is nothing steady to compare with."
    measured, (low, high) = (
        np.expm1(logs) for logs in log_ratios(before, during, PERCENTILES, (ALPHA / len(PERCENTILES), 1 - ALPHA), seed)
    )
    for i, p in enumerate(PERCENTILES):
        figures |= {
            f"p{p}_slowdown_percent": round(100 * float(measured[i]), 2),
            f"p{p}_slowdown_low_percent": round(100 * float(low[i]), 2),
            f"p{p}_slowdown_high_percent": round(100 * float(high[i]), 2),
        }
    slower = [
        f"p{p} by {measured[i]:.1%}, certainly by {low[i]:.1%}" for i, p in enumerate(PERCENTILES) if low[i] > margin
    ]
    if slower:
        return Status.FAIL, f"During the move latency is higher by more than {margin:.0%}: {', '.join(slower)}."
    still_open = [f"p{p} by {low[i]:+.1%} to {high[i]:+.1%}" for i, p in enumerate(PERCENTILES) if high[i] >= margin]
    if still_open:
        return Status.INCONCLUSIVE, f"Latency may be higher by more than {margin:.0%}: {', '.join(still_open)}."
    said = ", ".join(f"p{p} by {measured[i]:+.1%} (at most {high[i]:+.1%})" for i, p in enumerate(PERCENTILES))
    return Status.PASS, f"During the move latency is higher by less than {margin:.0%}: {said}."


def _unsteady(early: Stretch, late: Stretch, margin: float, seed: int) -> bool:
    """Whether a percentile changed before the move by more than half the margin, up or down."""
    levels = (UNSTEADY / 2 / len(PERCENTILES), 1 - UNSTEADY / 2 / len(PERCENTILES))
    _, (low, high) = log_ratios(early, late, PERCENTILES, levels, seed)
    limit = log_margin(margin) / 2
    return bool(np.any(low > limit) or np.any(high < -limit))


def _stretch(seen: Disturbed, probes: Sequence[Probe], length: int) -> Stretch | None:
    kept = [p for p in probes if p.ok and not seen.interrupted(p.due, p.done)]
    return (
        stretch([p.due for p in kept], [p.done - p.due for p in kept], length)
        if len(kept) >= FEWEST_PROBES // 2
        else None
    )


def _operations(record: ScenarioRecord, begin: int, end: int) -> list[Operation]:
    return [op for op in record.history if begin <= op.invoked <= end and not op.final]


def _end(record: ScenarioRecord, op: Operation) -> int:
    """When it was answered; one that never was may have waited until the end of the record."""
    return (last_instant(record) or op.invoked) if op.completed is None else op.completed


def _evidence(record: ScenarioRecord, seen: Disturbed) -> Iterator[Evidence]:
    for o in seen.interruptions[:NAMED]:
        lasted = f"{span(o.low)} at least" if o.high is None else between(o.low, o.high)
        since = o.start_high - seen.move.began
        when = f"{span(abs(since))} {'after' if since >= 0 else 'before'} the move began"
        text = f"{count(o.probes, 'probe')} in a row failed, for {lasted}, from {when} on."
        yield Evidence("outage", f"probes {o.first}–{o.last}", text)
    during = _operations(record, seen.began, seen.done)
    wrong = [op for op in during if not op.served and not seen.interrupted(op.invoked, _end(record, op))]
    for op in wrong[:NAMED]:
        yield Evidence("operation", str(op.id), f"{op.f} {op.key} at {op.site} did not succeed: {op.error}.")
