"""Is the judgement on degradation right as often as it promises? Simulated studies with a known slowdown.

    python benchmarks/calibration.py [--studies N] [--margin M] [--seed S]

Every study is measured in rounds as the product plans them (pilot, then as many as the noise seen asks for, at most
the cap), its blocks in the randomised order of the product, and judged with the product's own bounds, trend test and
planning. Noise is that of one block; the log-ratio of a pair has sqrt(2) times as much. Each round shifts both of its
blocks by 5 % and the machine slows by 20 % over a study, which pairing must take out. The four metrics of a block
(throughput, p50, p95, p99) are correlated by 0.5. "One metric" is the hardest slowdown to find: only one of the four is
slower, and the line shows the one that passes most often.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from conformance.statistics.bootstrap import Array
from conformance.statistics.drift import drifts
from conformance.statistics.noninferiority import MIN_ROUNDS, bounds, log_margin
from conformance.statistics.planning import ALPHA, POWER, rounds_needed
from conformance.statistics.schedule import REPLICATED, block_schedule

TAIL = np.array([False, False, True, True])
METRICS = len(TAIL)
NOISES = (0.02, 0.04, 0.06, 0.08, 0.10)
SHAPES = ("normal", "skewed", "spikes")
CAPS = (24, 120)
ROUND_SD, DRIFT, CORRELATION = 0.05, 0.20, 0.5
RESAMPLES = 2000


@dataclass(frozen=True)
class Judged:
    """Of each study the bounds of its four slowdowns (log-ratios, shape (studies, METRICS)), whether any of them
    drifted, and how many rounds it took."""

    low: Array
    high: Array
    drifted: NDArray[np.bool_]
    rounds: NDArray[np.intp]

    def passed(self, slowed: Array, limit: float) -> float:
        """The share that passes when the metrics were really slowed by ``slowed`` (log-ratios): what is added to all
        values is added to the bounds of their mean, so the same noise serves every slowdown."""
        return float(np.mean(np.all(self.high + slowed < limit, axis=1) & ~self.drifted))

    def failed(self, slowed: Array, limit: float) -> float:
        """The share that fails."""
        return float(np.mean(np.any(self.low + slowed > limit, axis=1)))


def noise(rng: np.random.Generator, shape: str, studies: int, blocks: int, sd: float) -> Array:
    """Noise of one block with standard deviation ``sd``, shape (studies, METRICS, blocks). Skewed and spiky noise is
    that of the tails (p95, p99); throughput and median stay normal."""
    common = rng.standard_normal((studies, 1, blocks))
    own = rng.standard_normal((studies, METRICS, blocks))
    found = np.sqrt(CORRELATION) * common + np.sqrt(1 - CORRELATION) * own
    size = (studies, int(TAIL.sum()), blocks)
    if shape == "skewed":
        found[:, TAIL] = (rng.gamma(2.0, 1.0, size) - 2) / np.sqrt(2)
    elif shape == "spikes":
        spikes = np.where(rng.random(size) < 0.1, 3.0, 0.0) + rng.standard_normal(size) * 0.44
        found[:, TAIL] = (spikes - 0.3) / np.sqrt(0.81 + 0.44**2)
    return sd * found


def log_ratios(rng: np.random.Generator, shape: str, studies: int, rounds: int, sd: float) -> Array:
    """The log-ratios of every round without any slowdown, shape (studies, METRICS, rounds)."""
    found = np.empty((studies, METRICS, rounds))
    blocks = 2 * rounds
    level = np.repeat(rng.standard_normal((studies, 1, rounds)) * ROUND_SD, 2, axis=-1)
    level = level + np.linspace(0, np.log(1 + DRIFT), blocks)
    measured = noise(rng, shape, studies, blocks, sd) + level
    part = 50
    for begin in range(0, studies, part):
        arms = [block.arm == REPLICATED for block in block_schedule(rounds, int(rng.integers(2**32)))]
        signed = measured[begin : begin + part] * np.where(arms, 1.0, -1.0)
        found[begin : begin + part] = signed[..., 0::2] + signed[..., 1::2]
    return found


@cache
def needed_table(margin: float) -> tuple[Array, NDArray[np.intp]]:
    """Standard deviations of pairs, and the rounds that the product asks for at each."""
    grid = np.linspace(0.001, 0.6, 1200)
    wanted = 1 - (1 - POWER) / METRICS
    return grid, np.array([rounds_needed(float(sd), margin, wanted) for sd in grid])


def planned(ratios: Array, margin: float, cap: int) -> NDArray[np.intp]:
    """How many rounds each study takes: as the product plans, and plans again, from the spread alone."""
    grid, table = needed_table(margin)
    done = np.full(len(ratios), MIN_ROUNDS)
    while True:
        following = done.copy()
        for n in np.unique(done):
            here = done == n
            sd = ratios[here, :, :n].std(axis=-1, ddof=1).max(axis=-1)
            needed = table[np.minimum(np.searchsorted(grid, sd), len(grid) - 1)]
            following[here] = np.maximum(n, np.minimum(needed, cap))
        if np.array_equal(following, done):
            return done
        done = following


def judged(ratios: Array, rounds: NDArray[np.intp], margin: float) -> Judged:
    """The product's bounds and trend test for each study."""
    low, high = np.empty(ratios.shape[:2]), np.empty(ratios.shape[:2])
    drifted = np.empty(len(ratios), dtype=bool)
    for n in np.unique(rounds):
        here = np.flatnonzero(rounds == n)
        values = ratios[here, :, :n]
        for tail in (False, True):
            columns = np.flatnonzero(tail == TAIL)
            low[np.ix_(here, columns)], high[np.ix_(here, columns)] = bounds(
                values[:, columns], (ALPHA / METRICS, 1 - ALPHA), tail=tail, seed=1, resamples=RESAMPLES
            )
        drifted[here] = np.any(drifts(values, log_margin(margin), METRICS), axis=1)
    return Judged(low, high, drifted, rounds)


def study(studies: int, margin: float, seed: int) -> Iterator[str]:
    """The lines of the table."""
    yield (
        "| noise of a block | of the tails | cap | rounds | none: pass | none: fail | margin, one metric: pass "
        "| +5 points, one metric: pass | +5 points, all: pass | +5 points, all: fail | +15 points, all: fail |"
    )
    yield "|---" * 11 + "|"
    rng = np.random.default_rng(seed)
    limit = log_margin(margin)
    none, each = np.zeros(METRICS), np.eye(METRICS)
    for shape in SHAPES:
        for sd in NOISES:
            ratios = log_ratios(rng, shape, studies, max(CAPS), sd)
            for cap in CAPS:
                found = judged(ratios, planned(ratios, margin, cap), margin)
                more, much = limit + np.log((1 + margin + 0.05) / (1 + margin)), np.log(1 + margin + 0.15)
                shares = (
                    found.passed(none, limit),
                    found.failed(none, limit),
                    max(found.passed(one * limit, limit) for one in each),
                    max(found.passed(one * more, limit) for one in each),
                    found.passed(none + more, limit),
                    found.failed(none + more, limit),
                    found.failed(none + much, limit),
                )
                columns = [f"{sd:.0%}", shape, str(cap), str(int(np.median(found.rounds)))]
                yield "| " + " | ".join([*columns, *(f"{share:.1%}" for share in shares)]) + " |"


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies per line (default 2000)")
    parser.add_argument("--margin", type=float, default=0.10, help="the declared margin (default 0.10)")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random (default 1)")
    options = parser.parse_args()
    started = time.monotonic()
    for line in study(options.studies, options.margin, options.seed):
        print(line, flush=True)
    print(
        f"\n{options.studies} studies per line, margin {options.margin:.0%}, seed {options.seed}: "
        f"{time.monotonic() - started:.0f} s on {os.cpu_count()} cores, {platform.python_version()}"
    )


if __name__ == "__main__":
    main()
