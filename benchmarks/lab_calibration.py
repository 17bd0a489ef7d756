"""The calibration study with the noise of a real service: blocks that a run on the lab recorded, not simulated ones.

    multisite-ha run --profile PROFILE features/geo_redundancy/no_degradation.feature --out RUN
    python benchmarks/lab_calibration.py RUN/scenarios/01-the-service-with-and-without-replication [--studies N]

Neighbouring blocks of the *same* arm differ by nothing but noise. Studies are drawn from such pairs (whole rounds, so
that the four metrics keep hanging together, with a drawn sign), planned and judged as the product does it: without a
slowdown, and with one of five points more than the margin.
"""

from __future__ import annotations

import argparse
from math import log
from pathlib import Path

import numpy as np
from calibration import METRICS, judged, planned

from conformance.checkers.blocks import Block, blocks_of, read_blocks, whole_rounds
from conformance.checkers.measuring import Measurement, measure
from conformance.model import ScenarioRecord
from conformance.records import load_scenario
from conformance.statistics.bootstrap import Array
from conformance.statistics.latency import PERCENTILES
from conformance.statistics.noninferiority import log_margin
from conformance.statistics.schedule import ARMS


def main() -> None:
    """Read the record, draw the studies, print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("scenario", type=Path, help="folder of a scenario with blocks")
    options.add_argument("--studies", type=int, default=2000)
    options.add_argument("--margin", type=float, default=0.10)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    pairs = noise_pairs(load_scenario(given.scenario))
    spread = ", ".join(f"{sd / np.sqrt(2):.1%}" for sd in pairs.std(axis=0, ddof=1))
    print(f"{len(pairs)} pairs of blocks; noise of a block (throughput, p50, p95, p99): {spread}\n")
    print("| cap | rounds | none: pass | none: fail | +5 points: pass | +5 points: fail |\n|---|---|---|---|---|---|")
    limit, more = log_margin(given.margin), log(1 + given.margin + 0.05)
    rng = np.random.default_rng(given.seed)
    for cap in (24, 120):
        ratios = drawn(pairs, given.studies, cap, rng)
        found = judged(ratios, planned(ratios, given.margin, cap), given.margin)
        none, slowed = np.zeros(METRICS), np.full(METRICS, more)
        shares = (found.passed(none, limit), found.failed(none, limit), found.passed(slowed, limit))
        cells = [str(cap), str(int(np.median(found.rounds))), *(f"{s:.1%}" for s in shares)]
        print("| " + " | ".join([*cells, f"{found.failed(slowed, limit):.1%}"]) + " |")


def noise_pairs(record: ScenarioRecord) -> Array:
    """The log-ratios of neighbouring blocks of one arm, shape (pairs, METRICS)."""
    blocks = blocks_of(whole_rounds(read_blocks(record)))
    measured = dict(zip(blocks, measure(record, blocks), strict=True))
    found = []
    for arm in ARMS:
        mine: list[Block] = [b for b in blocks if b.arm == arm]
        found += [logs(measured[a]) - logs(measured[b]) for a, b in zip(mine[::2], mine[1::2], strict=False)]
    return np.array(found)


def logs(of: Measurement) -> Array:
    """The logarithms of a block's four metrics, larger where it is slower."""
    if of.latency is None:
        raise SystemExit(f"Block {of.block.n} holds no probes.")
    return np.array([-log(of.throughput), *(log(of.latency.seconds[p]) for p in PERCENTILES)])


def drawn(pairs: Array, studies: int, rounds: int, rng: np.random.Generator) -> Array:
    """Studies of so many rounds, shape (studies, METRICS, rounds)."""
    rows = rng.integers(len(pairs), size=(studies, rounds))
    signs = rng.choice((-1.0, 1.0), size=(studies, rounds, 1))
    return np.moveaxis(pairs[rows] * signs, -1, 1)


if __name__ == "__main__":
    main()
