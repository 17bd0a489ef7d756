"""Is the judgement on degradation right as often as it promises? Simulated studies with a known slowdown.

    python benchmarks/calibration.py [--studies N] [--records N] [--moves N] [--margin M] [--seed S]

Every study is measured in rounds as the product plans them (pilot, then as many as the noise seen asks for, at most
the cap), its blocks in the randomised order of the product, and judged with the product's own bounds, trend test and
planning. Noise is that of one block; the log-ratio of a pair has sqrt(2) times as much. Each round shifts both of its
blocks by 5 % and the machine slows by 20 % over a study, which pairing must take out. The four metrics of a block
(throughput, p50, p95, p99) are correlated by 0.5. "One metric" is the hardest slowdown to find: only one of the four is
slower, and the line shows the one that passes most often.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy
from numpy.typing import NDArray
from simulated_records import blocks_record, first_rounds, latencies

from conformance.checkers.blocks import blocks_of, read_blocks, whole_rounds
from conformance.checkers.degradation import check
from conformance.checkers.measuring import log_ratios, measure
from conformance.model import ScenarioRecord, Status
from conformance.profile import BlockSettings
from conformance.statistics.bootstrap import Array
from conformance.statistics.drift import drifts
from conformance.statistics.latency import PERCENTILES
from conformance.statistics.noninferiority import MIN_ROUNDS, bounds, log_margin
from conformance.statistics.planning import ALPHA, POWER, plan_rounds, rounds_needed
from conformance.statistics.schedule import REPLICATED, block_schedule
from conformance.statistics.stretches import CHUNKS, stretch
from conformance.statistics.stretches import log_ratios as log_percentile_ratios

TAIL = np.array([False, False, True, True])
METRICS = len(TAIL)
NOISES = (0.02, 0.04, 0.06, 0.08, 0.10)
SHAPES = ("normal", "skewed", "spikes")
CAPS = (24, 120)
ROUND_SD, DRIFT, CORRELATION = 0.05, 0.20, 0.5
RESAMPLES = 2000
RECORD_NOISES = (0.02, 0.05, 0.10)
MOVES = ((600, 300, 0.0), (600, 300, 0.5), (600, 300, 0.9), (1500, 1500, 0.5))


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


def block_ratios(rng: np.random.Generator, shape: str, studies: int, rounds: int, sd: float) -> Array:
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
            ratios = block_ratios(rng, shape, studies, max(CAPS), sd)
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


def rounds_of(record: ScenarioRecord) -> dict[str, list[float]]:
    """The log-ratios of every round by metric, as a runner reads them to plan."""
    rounds = whole_rounds(read_blocks(record))
    return log_ratios(rounds, measure(record, blocks_of(rounds)))


def record_study(studies: int, margin: float, seed: int) -> Iterator[str]:
    """The same from whole records, through the check itself: percentiles of real samples, guards and all."""
    settings = BlockSettings()
    yield "| noise of a block | true slowdown | rounds | pass | fail | inconclusive | why, most often |"
    yield "|---" * 7 + "|"
    rng = np.random.default_rng(seed)
    for sd in RECORD_NOISES:
        for true in (0.0, margin + 0.05, margin + 0.15):
            statuses: Counter[str] = Counter()
            reasons: Counter[str] = Counter()
            rounds = []
            for _ in range(studies):
                schedule = block_schedule(settings.max_rounds, int(rng.integers(2**32)))
                record = blocks_record(
                    rng, schedule, sd, true, margin=margin, block_s=settings.block_s, warmup_s=settings.warmup_s
                )
                ratios, done = rounds_of(record), 0
                following = settings.pilot_rounds
                while following != done:
                    done = following
                    so_far = {name: values[:done] for name, values in ratios.items()}
                    following = plan_rounds(so_far, margin, settings.max_rounds).rounds
                verdict = check(first_rounds(record, done))
                rounds.append(done)
                statuses[verdict.status] += 1
                if verdict.status is Status.INCONCLUSIVE:
                    reasons["power" if "too little power" in verdict.reason else verdict.reason[:60]] += 1
            shares = (f"{statuses[status] / studies:.0%}" for status in (Status.PASS, Status.FAIL, Status.INCONCLUSIVE))
            why = next((reason for reason, _ in reasons.most_common(1)), "")
            yield f"| {sd:.0%} | {true:.0%} | {int(np.median(rounds))} | " + " | ".join([*shares, why]) + " |"


def move_study(studies: int, seed: int) -> Iterator[str]:
    """How often the bounds of a percentile's slowdown during a move miss the truth (5 % are promised on each side),
    and how wide they are."""
    yield (
        "| probes before, during | correlation of neighbours | upper bound too low, p50 / p95 / p99 "
        "| lower bound too high, p50 / p95 / p99 | median upper bound without a slowdown, p50 / p95 / p99 |"
    )
    yield "|---" * 5 + "|"
    rng = np.random.default_rng(seed)
    for before, during, correlation in MOVES:
        low, high = np.empty((studies, 3)), np.empty((studies, 3))
        for index in range(studies):
            then, now = (latencies(rng, n, 1.0, correlation) * 3e6 for n in (before, during))
            length = min(before, during) * 20 // CHUNKS
            stretches = [stretch(range(0, 20 * len(x), 20), x.astype(int).tolist(), length) for x in (then, now)]
            _, (low[index], high[index]) = log_percentile_ratios(*stretches, PERCENTILES, (ALPHA, 1 - ALPHA), index)
        columns = [np.mean(high < 0, axis=0), np.mean(low > 0, axis=0), np.expm1(np.median(high, axis=0))]
        shown = [" / ".join(f"{value:.1%}" for value in column) for column in columns]
        yield f"| {before}, {during} | {correlation:g} | " + " | ".join(shown) + " |"


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000, help="simulated studies per line (default 2000)")
    parser.add_argument("--records", type=int, default=30, help="whole records per line (default 30)")
    parser.add_argument("--moves", type=int, default=150, help="planned moves per line (default 150)")
    parser.add_argument("--margin", type=float, default=0.10, help="the declared margin (default 0.10)")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random (default 1)")
    options = parser.parse_args()
    begun = time.process_time()
    tables = (
        (f"Blocks, {options.studies} studies per line", study(options.studies, options.margin, options.seed)),
        (f"Whole records, {options.records} per line", record_study(options.records, options.margin, options.seed)),
        (f"Latency during a move, {options.moves} moves per line", move_study(options.moves, options.seed)),
    )
    for title, lines in tables:
        print(f"**{title}**\n")
        for line in lines:
            print(line, flush=True)
        print()
    print(
        f"Margin {options.margin:.0%}, seed {options.seed}: {time.process_time() - begun:.0f} s of one core, "
        f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}."
    )


if __name__ == "__main__":
    main()
