"""Records for the calibration study: a service under open-loop probes and a closed loop of clients, block after block.

Latencies are drawn one by one (lognormal, spread 0.35), times the block's own factor: so a percentile of a block has
the sampling noise that a real one has, on top of the noise that the study asks for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import lfilter

from conformance.model import Event, Operation, Outcome, Probe, ScenarioInfo, ScenarioRecord, Thresholds
from conformance.statistics.bootstrap import Array
from conformance.statistics.schedule import REPLICATED, PlannedBlock

SPREAD = 0.35
PROBE_S, OPERATION_S = 0.003, 0.04
PERIOD = 20_000_000
CLIENTS = 4


def latencies(rng: np.random.Generator, n: int, factor: float, correlation: float = 0.5) -> Array:
    """Latencies relative to the median; the logarithms of neighbours are correlated by ``correlation``."""
    noise = rng.standard_normal(n)
    noise[1:] *= np.sqrt(1 - correlation**2)
    found: Array = factor * np.exp(SPREAD * lfilter([1.0], [1.0, -correlation], noise))
    return found


def blocks_record(
    rng: np.random.Generator,
    schedule: Sequence[PlannedBlock],
    sd: float,
    slowdown: float,
    *,
    margin: float,
    block_s: float,
    warmup_s: float,
) -> ScenarioRecord:
    """The record of a whole schedule of blocks in which replication makes everything slower by ``slowdown``."""
    events: list[Event] = []
    probes: list[Probe] = []
    history: list[Operation] = []
    length = round(block_s * 1e9)
    for block in schedule:
        begin = 1_000_000_000 + block.n * length
        factor = float(np.exp(sd * rng.standard_normal())) * (1 + (slowdown if block.arm == REPLICATED else 0))
        observed = {"n": block.n, "round": block.round, "warmup_s": warmup_s, "offered_per_s": None}
        events.append(Event(begin, "block", block.arm, "begin", "site-a", True, "", observed))
        events.append(Event(begin + length, "block", block.arm, "end", "site-a", True, "", observed))
        took = (latencies(rng, length // PERIOD, factor) * PROBE_S * 1e9).astype(int)
        for i, ns in enumerate(took.tolist()):
            due = begin + i * PERIOD
            probes.append(Probe(len(probes), due, due, due + ns, True, "site-a"))
        for client in range(CLIENTS):
            # Operations of one block end with it, the last one at the exact end: no client is ever idle.
            spent = latencies(rng, int(3 * block_s / OPERATION_S), factor) * OPERATION_S * 1e9
            ends = np.cumsum(spent)
            ends = np.append(ends[ends < length], length).astype(int).tolist()
            for start, end in zip([0, *ends], ends, strict=False):
                whole = end < length
                outcome = Outcome.OK if whole else Outcome.INFO
                history.append(
                    Operation(len(history), client, "write", begin + start, outcome, begin + end, "k", "v", "site-a")
                )
    history.sort(key=lambda op: op.invoked)
    info = ScenarioInfo(
        id="calibration", name="Calibration", feature="Calibration", requirements=(), then=(), faults_planned=(),
        first_site="site-a", second_site="site-b", thresholds=Thresholds(degradation_margin=margin),
        probe_interval_ns=PERIOD,
    )  # fmt: skip
    return ScenarioRecord(info, tuple(history), tuple(probes), tuple(events))


def first_rounds(record: ScenarioRecord, rounds: int) -> ScenarioRecord:
    """The record as it was after so many rounds."""
    kept = tuple(e for e in record.events if e.observed["round"] < rounds)
    end = max(e.t for e in kept)
    return ScenarioRecord(
        record.info,
        tuple(o for o in record.history if o.invoked < end),
        tuple(p for p in record.probes if p.due < end),
        kept,
    )
