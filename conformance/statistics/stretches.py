"""Comparing one stretch of time with the one before it, where nothing can be measured in turns.

Latencies next to each other in time resemble each other, so not single ones are resampled but chunks of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from conformance.statistics.bootstrap import Array, bca

CHUNKS = 12
"""Into how many chunks the shorter of two stretches is cut."""
RESAMPLES = 2000


@dataclass(frozen=True)
class Stretch:
    """Latencies (any unit, above 0) of one stretch of time, ascending, and the number of the chunk of time each is of.
    ``chunks`` is how many chunks hold any."""

    values: Array
    chunk: NDArray[np.intp]
    chunks: int


def stretch(due: Sequence[int], latency: Sequence[int], length: int) -> Stretch:
    """What was due when and took how long, cut into chunks that are ``length`` long (the unit of ``due``)."""
    values = np.maximum(np.asarray(latency, dtype=np.float64), 1.0)
    numbers = (np.asarray(due) - min(due)) // length
    _, chunk = np.unique(numbers, return_inverse=True)
    order = np.argsort(values, kind="stable")
    return Stretch(values[order], chunk[order].astype(np.intp), int(chunk.max()) + 1)


def percentiles(of: Stretch, percents: Sequence[int], times: NDArray[np.int64] | None = None) -> Array:
    """The smallest values that so many ``percents`` of all do not exceed, each chunk counted so many ``times`` (1)."""
    total = np.arange(1, len(of.values) + 1) if times is None else np.cumsum(times[of.chunk])
    found: Array = of.values[np.searchsorted(total, np.asarray(percents) / 100 * total[-1] - 1e-9)]
    return found


def log_ratios(
    before: Stretch, after: Stretch, percents: Sequence[int], levels: tuple[float, ...], seed: int
) -> tuple[Array, Array]:
    """The logarithms of how much slower each percentile is ``after`` than ``before``, shape (percents,), and their
    bounds, shape (levels, percents).

    Chunks of either stretch are resampled; the bounds are bias-corrected and widened for the number of chunks. There
    is no acceleration: the jackknife that would estimate it is not valid for percentiles.
    """
    rng = np.random.default_rng(seed)
    replicates = np.empty((len(percents), RESAMPLES))
    for index in range(RESAMPLES):
        then, now = (rng.multinomial(s.chunks, np.full(s.chunks, 1 / s.chunks)) for s in (before, after))
        replicates[:, index] = np.log(percentiles(after, percents, now) / percentiles(before, percents, then))
    found = np.log(percentiles(after, percents) / percentiles(before, percents))
    return found, bca(found, replicates, np.zeros(len(percents)), min(before.chunks, after.chunks), levels)


def share_bounds(hits: int, of: int, error: float) -> tuple[float, float]:
    """Bounds of the share that ``hits`` ``of`` so many stand for, each wrong with the chance ``error`` at the most
    (Clopper and Pearson 1934)."""
    low = float(beta.ppf(error, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - error, hits + 1, of - hits)) if hits < of else 1.0
    return low, high
