"""MS-GR-08: replication takes no more from throughput and latency than the declared margin.

"No significant difference" would be no evidence of none: what has to be shown is that a slowdown as large as the
margin can be ruled out, from blocks with and without replication in a drawn order. How they are measured:
docs/no-degradation.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

import numpy as np

from conformance.checkers.blocks import (
    OTHER_CPU,
    Round,
    UnreadableBlocks,
    blocks_of,
    judged_rounds,
    not_comparable,
    read_blocks,
    stopped_early,
    whole_rounds,
)
from conformance.checkers.measuring import METRICS, TAILS, THROUGHPUT, Measurement, log_ratios, measure, typical
from conformance.checkers.words import count, listed, verb
from conformance.model import Evidence, ScenarioRecord, Status, Verdict
from conformance.model.verdict import FigureValue
from conformance.statistics.drift import drifts, trend
from conformance.statistics.latency import PERCENTILES
from conformance.statistics.noninferiority import Slowdown, log_margin, slowdown
from conformance.statistics.planning import ALPHA, POWER, rounds_needed
from conformance.statistics.schedule import REPLICATED

SEED = 1
# A p99 needs at least one probe beyond it.
FEWEST_PROBES = 100
# A slowdown of the margin must be worth so many writes of a block.
FEWEST_WRITES = 2
# So many of the probes that were due must be on record.
COVERAGE = 0.99
# Without replication the service may fail so many probes; more is no normal operation to compare with.
FAILED_WITHOUT = 0.01
# How much of a slowdown may be hidden by what is not the service, the prober's lateness or the clients' own work
# between answers: a slowdown of the margin and five points then still shows as one above a margin of up to 15 %.
HIDDEN = 0.25
WANTED = 1 - (1 - POWER) / len(METRICS)

Slowdowns = Mapping[str, Slowdown]


def check(record: ScenarioRecord, seed: int = SEED) -> Verdict:
    """Judge MS-GR-08. Figures: by metric the slowdown measured and its bounds (``p99_slowdown_percent``, ``…_low_…``,
    ``…_high_…``), the noise of pairs (``…_sd_percent``) and the power; ``rounds`` and ``rounds_needed``. ``seed`` is
    that of the resampling."""
    try:
        blocks = read_blocks(record)
        rounds = whole_rounds(blocks)
    except UnreadableBlocks as error:
        return Verdict(Status.ERROR, f"The blocks on record cannot be used. {error}")
    margin = record.info.thresholds.degradation_margin
    figures: dict[str, FigureValue] = {"blocks": len(blocks), "rounds": len(rounds), "margin_percent": margin * 100}
    if not blocks:
        return Verdict(Status.INCONCLUSIVE, "No block with or without replication is on record.", figures)
    doubt = not_comparable(rounds)
    whole, rounds = rounds, judged_rounds(rounds)
    figures |= _disturbed(whole, rounds)
    measured = () if doubt else measure(record, blocks_of(rounds))
    doubt = doubt or _not_measured(measured, margin)
    if doubt:
        return Verdict(Status.INCONCLUSIVE, doubt, figures)
    ratios = log_ratios(rounds, measured)
    found = {
        name: slowdown(np.array(values), margin, tail=name in TAILS, seed=seed, proof=ALPHA / len(METRICS))
        for name, values in ratios.items()
    }
    figures |= _figures(found, ratios, measured, margin)
    doubts = [stopped_early(record, len(rounds)), _throttled(measured, margin)]
    status, reason = _conclude(found, ratios, margin, [doubt for doubt in doubts if doubt])
    reason += _others(whole, rounds, status)
    return Verdict(status, reason, figures, tuple(_evidence(rounds, ratios)))


def _disturbed(whole: Sequence[Round], judged: Sequence[Round]) -> dict[str, FigureValue]:
    seen = [b.other_cpu for b in blocks_of(whole) if b.other_cpu is not None]
    figures: dict[str, FigureValue] = {"rounds": len(judged), "rounds_left_out": len(whole) - len(judged)}
    return figures | ({"other_cpu_percent": _percent(median(seen))} if seen else {})


def _others(whole: Sequence[Round], judged: Sequence[Round], status: Status) -> str:
    """A sentence about what other programs did to the measurement, where they did."""
    more = f"other programs had more than {OTHER_CPU:.0%} of this machine's CPU"
    left_out = len(whole) - len(judged)
    if left_out:
        return f" {count(left_out, 'further round')} {verb(left_out, 'is', 'are')} left out, for {more}."
    disturbed = sum(r.disturbed for r in judged)
    if status is not Status.INCONCLUSIVE or not disturbed:
        return ""
    return f" In {disturbed} of {count(len(judged), 'round')} {more}: it takes a quieter one."


def _arm(measured: Sequence[Measurement], replicated: bool) -> list[Measurement]:
    return [m for m in measured if (m.block.arm == REPLICATED) is replicated]


def _not_measured(measured: Sequence[Measurement], margin: float) -> str:
    """Why what was measured says nothing about the service; empty when it does."""
    for m in measured:
        ticks = m.latency.ticks if m.latency else 0
        known = ticks + (m.latency.filled if m.latency else 0)
        if known < FEWEST_PROBES:
            return f"Block {m.block.n} holds {count(ticks, 'probe')}; its p99 needs {FEWEST_PROBES} at the least."
        if known < COVERAGE * m.due - 1:
            missed = f"of {m.due} probes due in block {m.block.n}, {ticks} were sent"
            return f"The probing did not keep its schedule: {missed}."
    for replicated in (True, False):
        arm = _arm(measured, replicated)
        for p in PERCENTILES:
            own = median(m.own.get(p, 0.0) for m in arm)
            if own > HIDDEN:
                return (
                    f"The probing was late: {own:.0%} of the p{p} in {arm[0].block.arm} blocks is the prober's own "
                    f"delay, and more than {HIDDEN:.0%} hides too much of what the service does."
                )
    without = _arm(measured, False)
    share = sum(m.failed for m in without) / sum(m.latency.ticks for m in without if m.latency)
    if share > FAILED_WITHOUT:
        return f"Without replication {share:.1%} of the probes failed: that is no normal operation to compare with."
    clients = {len(m.clients) for m in measured}
    if len(clients) > 1:
        idlest = min(measured, key=lambda m: len(m.clients))
        worked = f"{count(len(idlest.clients), 'client')} worked in block {idlest.block.n}, {max(clients)} in others"
        return f"Not the same load: {worked}."
    fewest = min(without, key=lambda m: m.acknowledged)
    if fewest.acknowledged * margin < FEWEST_WRITES:
        few = f"{count(fewest.acknowledged, 'write')} acknowledged in block {fewest.block.n}, without replication"
        return f"Only {few}: too few to tell a slowdown of {margin:.0%} from a write more or less."
    return ""


def _throttled(measured: Sequence[Measurement], margin: float) -> str:
    """Why throughput could not have differed by what matters; empty when it could.

    Clients that wait for their next turn hide a slowdown: being answered later only means waiting less. Clients that
    ask again at once dilute it by the share of time that they need for themselves.
    """
    without = _arm(measured, False)
    idle = median(m.idle for m in without)
    unpaced = all(m.block.unpaced for m in measured)
    limit = HIDDEN if unpaced else margin / 4
    if idle <= limit:
        return ""
    why = "the clients are the bottleneck" if unpaced else "the load is throttled below what the service can do"
    return (
        f"Throughput could not show a slowdown: without replication the clients had nothing under way for {idle:.0%} "
        f"of the time ({limit:.1%} is allowed), so {why}."
    )


def _conclude(
    found: Slowdowns, ratios: Mapping[str, Sequence[float]], margin: float, doubts: Sequence[str]
) -> tuple[Status, str]:
    """A slowdown that is certain is a violation in spite of ``doubts`` (sentences): throttled clients would have made
    it look smaller. A pass needs every metric."""
    rounds = next(iter(found.values())).rounds
    slower = {name: s for name, s in found.items() if s.low > margin}
    if slower:
        said = ", ".join(f"{name} by {_by(s.measured)}, certainly by {_by(s.low)}" for name, s in slower.items())
        return Status.FAIL, f"In {rounds} rounds replication slows the service by more than {margin:.0%}: {said}."
    doubts = list(doubts)
    drifting = [name for name, values in ratios.items() if drifts(np.array(values), log_margin(margin), len(METRICS))]
    if drifting:
        change = float(trend(np.array(ratios[drifting[0]])).change)
        doubts.append(
            f"The effect on {listed(drifting)} is not steady: from the first round to the last it changed by "
            f"{np.expm1(change):+.0%} ({drifting[0]}), so its mean is not what a longer measurement would find."
        )
    still_open = {name: s for name, s in found.items() if s.high >= margin}
    if still_open:
        doubts.append(_open(still_open, margin))
    if doubts:
        return Status.INCONCLUSIVE, " ".join(doubts)
    said = ", ".join(f"{name} by {s.measured:+.1%} (at most {s.high:+.1%})" for name, s in found.items())
    return Status.PASS, f"In {rounds} rounds replication slows the service by less than {margin:.0%}: {said}."


def _open(found: Slowdowns, margin: float) -> str:
    """Why a slowdown of the margin cannot be ruled out: too much noise for so few rounds, or really close to it."""
    said = ", ".join(f"{name} by {_by(s.low, '+')} to {_by(s.high, '+')}" for name, s in found.items())
    inside = f"The service may be slower: {said}; so a slowdown of {margin:.0%} cannot be ruled out"
    name, noisiest = max(found.items(), key=lambda item: item[1].sd)
    if noisiest.power >= WANTED:
        return f"{inside}."
    needed = rounds_needed(noisiest.sd, margin, WANTED)
    return (
        f"{inside}: too little power. At the noise of {name} (SD {noisiest.sd:.1%}) {noisiest.rounds} rounds would "
        f"show in {noisiest.power:.0%} of cases that there is none; {needed} are needed."
    )


def _by(factor: float, sign: str = "") -> str:
    """A slowdown in words; unanswered probes make it boundless."""
    return f"{factor:{sign}.1%}" if factor < 10 else "more than 1000%"


def _figures(
    found: Slowdowns, ratios: Mapping[str, Sequence[float]], measured: Sequence[Measurement], margin: float
) -> dict[str, FigureValue]:
    figures: dict[str, FigureValue] = {
        "rounds_needed": max(rounds_needed(s.sd, margin, WANTED) for s in found.values()),
        "idle_percent": _percent(median(m.idle for m in _arm(measured, False))),
        "probes": sum(m.latency.ticks for m in measured if m.latency),
        "probes_filled": sum(m.latency.filled for m in measured if m.latency),
        "probes_failed_replicated": sum(m.failed for m in _arm(measured, True)),
        "probes_failed_unreplicated": sum(m.failed for m in _arm(measured, False)),
    }
    for name, s in found.items():
        unit = "per_s" if name == THROUGHPUT else "s"
        figures |= {
            f"{name}_replicated_{unit}": round(typical(_arm(measured, True), name), 6),
            f"{name}_unreplicated_{unit}": round(typical(_arm(measured, False), name), 6),
            f"{name}_slowdown_percent": _percent(s.measured),
            f"{name}_slowdown_low_percent": _percent(s.low),
            f"{name}_slowdown_high_percent": _percent(s.high),
            f"{name}_sd_percent": _percent(s.sd),
            f"{name}_power_percent": _percent(s.power),
            f"{name}_drift_percent": _percent(float(np.expm1(trend(np.array(ratios[name])).change))),
        }
    return figures


def _percent(share: float) -> float:
    return round(100 * share, 2)


def _evidence(rounds: Sequence[Round], ratios: Mapping[str, Sequence[float]]) -> Iterator[Evidence]:
    for index, one in enumerate(rounds):
        said = ", ".join(f"{name} {np.expm1(values[index]):+.1%}" for name, values in ratios.items())
        first = f"the {one.first} one first"
        ref = f"blocks {one.replicated.n} and {one.unreplicated.n}"
        yield Evidence("round", ref, f"Round {one.number} ({first}): with replication slower by {said}.")
