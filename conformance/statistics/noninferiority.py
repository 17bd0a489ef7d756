"""One-sided non-inferiority of paired blocks: is the slowdown certainly below the margin, or certainly above it?

A slowdown is the logarithm of a ratio, positive where replication is slower: the time per acknowledged write or the
latency with it, divided by that without. 10 % slower means that the same takes 10 % longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from scipy.special import stdtrit

from conformance.statistics.bootstrap import RESAMPLES, Array, bca_mean, resampling_weights
from conformance.statistics.planning import ALPHA, power

# Below this neither Student's t nor resampling keeps its level when blocks are noisy.
MIN_ROUNDS = 6


@dataclass(frozen=True)
class Slowdown:
    """What ``rounds`` pairs say of one metric; factors minus one, so 0.05 is 5 % slower.

    ``high`` is the upper bound at level 1 - ALPHA, ``low`` the lower one at the level that was asked for; ``sd`` the
    standard deviation of the log-ratios of pairs; ``power`` the chance of showing non-inferiority with so many rounds
    of such noise when there is no slowdown at all.
    """

    rounds: int
    measured: float
    low: float
    high: float
    sd: float
    power: float


def t_bounds(values: Array, levels: tuple[float, ...]) -> Array:
    """Student's bounds of the mean: ``values`` (..., n), answer (levels, ...)."""
    n = values.shape[-1]
    center, error = values.mean(axis=-1), values.std(axis=-1, ddof=1) / sqrt(n)
    return np.stack([center + stdtrit(n - 1, level) * error for level in levels])


def slowdown(log_ratios: Array, margin: float, *, tail: bool, seed: int, proof: float = ALPHA) -> Slowdown:
    """The bounds that the log-ratios of at least two rounds give, resampled (BCa) too for a ``tail``; ``proof`` is the
    error allowed to the lower bound. The same seed gives the same bounds."""
    values = np.asarray(log_ratios, dtype=np.float64)
    low, high = bounds(values, (proof, 1 - ALPHA), tail=tail, seed=seed)
    sd = float(values.std(ddof=1))
    return Slowdown(
        rounds=values.shape[-1],
        measured=_factor(float(values.mean())),
        low=_factor(float(low)),
        high=_factor(float(high)),
        sd=sd,
        power=power(values.shape[-1], sd, margin),
    )


def bounds(values: Array, levels: tuple[float, ...], *, tail: bool, seed: int, resamples: int = RESAMPLES) -> Array:
    """Bounds of the mean of ``values`` (..., n), shape (levels, ...).

    Student's; for a tail the outer one of Student's and the resampled. Where a few blocks hold a spike, as they do in
    p99, resampling alone passes a slowdown as large as the margin in up to 9 % of studies instead of 5 %, and
    Student's alone knows nothing of skewness (docs/calibration.md).
    """
    student_bounds = t_bounds(values, levels)
    if not tail:
        return student_bounds
    resampled = bca_mean(values, levels, resampling_weights(values.shape[-1], seed, resamples))
    upper = np.array(levels).reshape(-1, *[1] * (values.ndim - 1)) > 0.5
    return np.where(upper, np.maximum(student_bounds, resampled), np.minimum(student_bounds, resampled))


def log_margin(margin: float) -> float:
    """The margin on the scale of log-ratios."""
    return log(1 + margin)


def _factor(log_ratio: float) -> float:
    return exp(min(log_ratio, 50.0)) - 1
