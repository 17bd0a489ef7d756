"""Whether something other than the arm explains the difference: a trend over the rounds, or the order of the arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from conformance.statistics.bootstrap import Array

TREND_ALPHA = 0.01


@dataclass(frozen=True)
class Trend:
    """The straight line through log-ratios over the rounds: ``change`` from first to last, ``p`` the chance of one so
    steep without any trend. Arrays where several studies were given."""

    change: Array
    p: Array


def trend(values: Array) -> Trend:
    """The trend of ``values`` (..., rounds); at least three rounds."""
    n = values.shape[-1]
    x = np.arange(n, dtype=np.float64) - (n - 1) / 2
    square = float(np.sum(x**2))
    slope = values @ x / square
    residual = values - values.mean(axis=-1, keepdims=True) - slope[..., None] * x
    error = np.sqrt(np.sum(residual**2, axis=-1) / (n - 2) / square)
    with np.errstate(divide="ignore", invalid="ignore"):
        steepness = np.where(error > 0, np.abs(slope) / error, np.where(slope == 0, 0.0, np.inf))
    return Trend(slope * (n - 1), 2 * stdtr(n - 2, -steepness))


def drifts(values: Array, log_margin: float, metrics: int) -> NDArray[np.bool_]:
    """Whether a slowdown changes over the rounds, significantly (at TREND_ALPHA over all ``metrics`` together) and by
    more than half the margin: then its mean is not what a longer measurement would have found."""
    found = trend(values)
    return (found.p < TREND_ALPHA / metrics) & (np.abs(found.change) > log_margin / 2)


def lopsided(first_arms: Sequence[str]) -> bool:
    """Whether one arm went first in more than three quarters of the rounds: then whatever changes in the course of
    a round looks like a difference between the arms."""
    most = max(first_arms.count(arm) for arm in set(first_arms))
    return most * 4 > len(first_arms) * 3
