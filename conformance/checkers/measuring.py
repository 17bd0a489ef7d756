"""What was measured in each block: acknowledged writes per second, percentiles of latency, and how good they are."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from statistics import median

import numpy as np

from conformance.checkers.blocks import Block, Round
from conformance.checkers.words import NANO
from conformance.model import Operation, Outcome, Probe, ScenarioRecord
from conformance.statistics.latency import PERCENTILES, Latencies, Tick, latencies

MUTATIONS = frozenset({"write", "put", "cas"})
THROUGHPUT = "throughput"
METRICS = (THROUGHPUT, *(f"p{p}" for p in PERCENTILES))
TAILS = frozenset({"p95", "p99"})


@dataclass(frozen=True)
class Measurement:
    """One block. ``acknowledged`` counts the writes completed in it. ``throughput`` (per second) counts each
    acknowledged write by the part of its time that lies in the block: whole writes only would be a step of several
    percent in a short block, in every round the same, and look like a certain difference. ``latency`` is None without
    probes. ``due`` is how many probes the schedule wanted, ``failed`` how many were not answered; ``own`` the part of
    each percentile that the prober itself was late. ``clients`` had an operation under way in it, and spent the share
    ``idle`` of its time without one."""

    block: Block
    acknowledged: int
    throughput: float
    latency: Latencies | None
    due: int
    failed: int
    own: Mapping[int, float]
    clients: frozenset[int]
    idle: float


@dataclass
class _Load:
    acknowledged: int = 0
    done: float = 0.0
    busy: int = 0
    clients: set[int] = field(default_factory=set)


def measure(record: ScenarioRecord, blocks: Sequence[Block]) -> tuple[Measurement, ...]:
    """Measure each of ``blocks`` (in time order, not overlapping). O(n log n)."""
    loads = _loads(record.history, blocks)
    probes = sorted((p for p in record.probes if not p.extra), key=lambda p: p.due)
    dues = [p.due for p in probes]
    period = record.info.probe_interval_ns
    return tuple(
        _measurement(block, load, probes[bisect_left(dues, block.start) : bisect_left(dues, block.end)], period)
        for block, load in zip(blocks, loads, strict=True)
    )


def _measurement(block: Block, load: _Load, probes: Sequence[Probe], period: int) -> Measurement:
    length = block.end - block.start
    return Measurement(
        block=block,
        acknowledged=load.acknowledged,
        # Half a write stands for none, so that a block without any has a logarithm.
        throughput=max(load.done, 0.5) * NANO / length,
        latency=latencies((Tick(p.due, p.done, p.ok) for p in probes), period, block.end) if probes else None,
        due=length // period,
        failed=sum(not p.ok for p in probes),
        own=own_share(probes),
        clients=frozenset(load.clients),
        idle=1 - load.busy / (length * len(load.clients)) if load.clients else 1.0,
    )


def own_share(probes: Sequence[Probe]) -> dict[int, float]:
    """Of each percentile of latency, the share that comes from the prober's having been late. Nothing of nothing."""
    answered = [p for p in probes if p.ok]
    if not answered:
        return {}
    whole = np.percentile([p.done - p.due for p in answered], PERCENTILES)
    service = np.percentile([p.done - p.sent for p in answered], PERCENTILES)
    return {p: 1 - float(s) / max(1.0, float(w)) for p, w, s in zip(PERCENTILES, whole, service, strict=True)}


def _loads(history: Iterable[Operation], blocks: Sequence[Block]) -> list[_Load]:
    """The clients' operations, told to the blocks in which they were under way."""
    loads = [_Load() for _ in blocks]
    starts, ends = [b.start for b in blocks], [b.end for b in blocks]
    for op in history:
        if op.final:
            continue
        done = ends[-1] if op.completed is None else op.completed
        counts = op.outcome is Outcome.OK and op.f in MUTATIONS
        for index in range(bisect_right(ends, op.invoked), bisect_left(starts, done)):
            load = loads[index]
            within = min(done, ends[index]) - max(op.invoked, starts[index])
            load.busy += within
            load.clients.add(op.process)
            if counts:
                load.done += within / max(1, done - op.invoked)
                load.acknowledged += starts[index] < done <= ends[index]
    return loads


def log_ratios(rounds: Sequence[Round], measured: Iterable[Measurement]) -> dict[str, list[float]]:
    """The slowdown of every round by metric, as conformance.statistics takes it: positive where replication was slower.
    Every block of the rounds must hold probes."""
    by_n = {m.block.n: m for m in measured}
    found: dict[str, list[float]] = {name: [] for name in METRICS}
    for one in rounds:
        with_it, without = by_n[one.replicated.n], by_n[one.unreplicated.n]
        found[THROUGHPUT].append(log(without.throughput / with_it.throughput))
        assert with_it.latency is not None
        assert without.latency is not None
        for p in PERCENTILES:
            found[f"p{p}"].append(log(with_it.latency.seconds[p] / without.latency.seconds[p]))
    return found


def typical(measured: Iterable[Measurement], metric: str) -> float:
    """The median of a metric over blocks: writes per second, or seconds."""
    if metric == THROUGHPUT:
        return median(m.throughput for m in measured)
    return median(m.latency.seconds[int(metric[1:])] for m in measured if m.latency is not None)
