"""How many rounds it takes to show that there is no slowdown, and what a given number of rounds can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, log, sqrt

import numpy as np
from scipy.special import nctdtr, stdtrit

ALPHA = 0.05
"""The chance that a slowdown as large as the margin passes for none."""
POWER = 0.90
"""The chance that a service without any slowdown is shown to have none, over all metrics together."""
MOST = 10_000


def power(rounds: int, sd: float, margin: float, true_slowdown: float = 0.0, alpha: float = ALPHA) -> float:
    """The chance that ``rounds`` pairs show non-inferiority, by the noncentral t distribution.

    ``sd`` is that of the log-ratios of pairs, ``margin`` and ``true_slowdown`` are factors minus one."""
    if rounds < 2:
        return 0.0
    distance = log((1 + margin) / (1 + true_slowdown))
    if sd == 0:
        return float(distance > 0)
    chance = 1 - float(nctdtr(rounds - 1, distance * sqrt(rounds) / sd, stdtrit(rounds - 1, 1 - alpha)))
    # Where the chance differs from 0 or 1 by less than a float can say, nctdtr sometimes gives no number.
    return float(distance > 0) if isnan(chance) else chance


def rounds_needed(sd: float, margin: float, wanted: float = POWER, true_slowdown: float = 0.0) -> int:
    """The fewest rounds (pairs of blocks) with which the chance of showing non-inferiority is ``wanted``; MOST when
    even that many are not enough."""
    low, high = 2, 2
    while power(high, sd, margin, true_slowdown) < wanted:
        low, high = high, high * 2
        if high >= MOST:
            return MOST
    while low < high:
        middle = (low + high) // 2
        if power(middle, sd, margin, true_slowdown) >= wanted:
            high = middle
        else:
            low = middle + 1
    return high


@dataclass(frozen=True)
class RoundPlan:
    """``rounds`` to measure in all; ``needed`` by metric, which may be more than the cap allows (``capped``)."""

    rounds: int
    needed: Mapping[str, int]
    capped: bool


def plan_rounds(pilot: Mapping[str, Sequence[float]], margin: float, cap: int) -> RoundPlan:
    """How many rounds there should be in all, from the log-ratios of those measured so far, by metric.

    Only their spread is used, never their mean: who stopped as soon as the result looks good would be fooled by
    luck. Every metric gets an equal part of the chance to miss. Plan again after the rounds that were planned, until
    the plan asks for no more: the first spread was known from few rounds. Never fewer than were measured.
    """
    wanted = 1 - (1 - POWER) / len(pilot)
    done = min(len(values) for values in pilot.values())
    needed = {name: rounds_needed(float(np.std(values, ddof=1)), margin, wanted) for name, values in pilot.items()}
    most = max(needed.values())
    return RoundPlan(max(done, min(most, cap)), needed, most > cap)
