"""Records of a service measured with and without replication: what is planted in them is known exactly.

The service answers probes with latencies of a fixed shape (so the percentiles of a block are free of chance but for
``noise``) and clients one after the other. Times are seconds from the beginning of the record.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import exp
from statistics import NormalDist
from typing import Any

from builders import A, B, info, numbered

from conformance.checkers.degradation import check
from conformance.model import Event, Operation, Outcome, Probe, ScenarioRecord, Thresholds
from conformance.statistics.schedule import REPLICATED, block_schedule

PHRASE = "replication does not slow the service beyond the margin"
PERIOD = 0.025
WARMUP, COUNTED, PAUSE = 0.1, 2.6, 0.05
BASE = 0.004
Change = Callable[[ScenarioRecord], ScenarioRecord]


def when(seconds: float) -> int:
    """Seconds from the beginning of the record as the instant in nanoseconds."""
    return 1_000_000_000 + round(seconds * 1e9)


def shape(u: float) -> float:
    """Latency relative to its median at the quantile ``u``: a lognormal with a tail."""
    return exp(0.35 * NormalDist().inv_cdf(u))


@dataclass(frozen=True)
class Planted:
    """What the record is made of. Slowdowns are factors minus one: ``slower`` in everything, ``tail`` of the slowest
    tenth of the answers on top, ``growing`` from the first round to the last on top. ``noise`` is the standard
    deviation of a block. ``pace`` is what a client waits for at the least from one operation to the next (seconds),
    ``own`` its own work between two. ``late`` is how late the prober is; ``failing`` how many probes fail by arm. In
    the rounds of ``other_cpu`` other programs have that share of the machine, and the replicated block takes half as
    long again."""

    rounds: int = 6
    seed: int = 1
    slower: float = 0.0
    tail: float = 0.0
    growing: float = 0.0
    noise: float = 0.005
    drift: float = 0.0
    clients: int = 2
    operation: float = 0.125
    pace: float = 0.0
    own: float = 0.0
    late: float = 0.0
    unpaced: bool = True
    failing: Mapping[str, float] = field(default_factory=dict)
    margin: float = 0.10
    other_cpu: Mapping[int, float] = field(default_factory=dict)
    order: Callable[[int, int], Any] = block_schedule


def study(planted: Planted = Planted(), **changes: Any) -> ScenarioRecord:
    """The record of such a measurement."""
    plan = replace(planted, **changes)
    rng = random.Random(plan.seed)
    events: list[Event] = []
    spans: list[tuple[float, float, float, float, str]] = []  # begin, end, factor, tail factor, arm
    begin = 0.0
    for block in plan.order(plan.rounds, plan.seed):
        end = begin + WARMUP + COUNTED
        observed = {"n": block.n, "round": block.round, "warmup_s": WARMUP}
        observed |= {"offered_per_s": None if plan.unpaced else plan.clients / max(plan.pace, 1e-9)}
        events.append(Event(when(begin), "block", block.arm, "begin", A, True, "", observed))
        ended: dict[str, Any] = {"n": block.n, "round": block.round}
        if plan.other_cpu:
            ended["other_cpu"] = plan.other_cpu.get(block.round, 0.02)
        events.append(Event(when(end), "block", block.arm, "end", A, True, "", ended))
        factor = exp(rng.gauss(0, plan.noise)) * (1 + plan.drift * begin)
        tail = 1.0
        if block.round in plan.other_cpu and block.arm == REPLICATED:
            factor *= 1.5
        if block.arm == REPLICATED:
            factor *= (1 + plan.slower) * (1 + plan.growing * block.round / max(1, plan.rounds - 1))
            tail = 1 + plan.tail
        spans.append((begin, end + PAUSE, factor, tail, block.arm))
        begin = end + PAUSE
    thresholds = Thresholds(degradation_margin=plan.margin)
    return ScenarioRecord(
        info=info(
            id="08-replication", name="Replication does not slow", feature="Performance", requirements=("MS-GR-08",),
            then=(PHRASE,), faults_planned=(), thresholds=thresholds, probe_interval_ns=round(PERIOD * 1e9),
        ),
        history=_history(plan, spans, rng),
        probes=_probes(plan, spans, rng),
        events=tuple(events),
    )  # fmt: skip


def _probes(
    plan: Planted, spans: list[tuple[float, float, float, float, str]], rng: random.Random
) -> tuple[Probe, ...]:
    found: list[Probe] = []
    n = 0
    for begin, end, factor, tail, arm in spans:
        dues = []
        while n * PERIOD < end:
            if n * PERIOD >= begin:
                dues.append(n)
            n += 1
        # Of the probes that count, every quantile once, in a random order: nothing of a percentile is chance.
        counted = [i for i in dues if begin + WARMUP <= i * PERIOD < end - PAUSE]
        quantiles = [(k + 0.5) / len(counted) for k in range(len(counted))]
        rng.shuffle(quantiles)
        level = dict(zip(counted, quantiles, strict=True))
        failed = set(counted[: round(plan.failing.get(arm, 0) * len(counted))])
        for i in dues:
            u = level.get(i, 0.5)
            took = BASE * factor * shape(u) * (tail if u > 0.9 else 1)
            due, sent = i * PERIOD, i * PERIOD + plan.late
            ok = i not in failed
            error = None if ok else f"{A}: 503"
            found.append(Probe(i, when(due), when(sent), when(sent + took), ok, A if ok else None, error))
    return tuple(found)


def _history(
    plan: Planted, spans: list[tuple[float, float, float, float, str]], rng: random.Random
) -> tuple[Operation, ...]:
    ops: list[Operation] = []
    for client in range(plan.clients):
        t = client * plan.operation / plan.clients
        k = 0
        while t < spans[-1][1]:
            factor = next(f for begin, end, f, _, _ in spans if begin <= t < end)
            took = plan.operation * factor
            key = f"w{client}-{k}"
            ops.append(Operation(0, client, "write", when(t), Outcome.OK, when(t + took), key=key, value="v", site=A))
            t += max(took + plan.own, plan.pace)
            k += 1
    return numbered(ops)


def judged_ratio(record: ScenarioRecord, metric: str) -> float:
    """The slowdown in percent that the check reports."""
    return float(str(check(record).figures[f"{metric}_slowdown_percent"]))


__all__ = ["A", "B", "PERIOD", "PHRASE", "Change", "Planted", "judged_ratio", "study", "when"]
