"""In which order two arms are measured, so that nothing but the arm itself can tell them apart."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

REPLICATED, UNREPLICATED = "replicated", "unreplicated"
ARMS = (REPLICATED, UNREPLICATED)
# Within so many rounds each arm goes first equally often: no stretch of the schedule favours one of them.
GROUP = 4


@dataclass(frozen=True)
class PlannedBlock:
    """Block ``n`` (from 0) of the whole schedule, in ``round`` (from 0), under ``arm``."""

    n: int
    round: int
    arm: str


def block_schedule(rounds: int, seed: int) -> tuple[PlannedBlock, ...]:
    """Two blocks for each of ``rounds``, one of each arm, in an order drawn with ``seed``.

    A longer schedule with the same seed begins with the shorter one, so rounds can be added to what was measured.
    """
    found: list[PlannedBlock] = []
    orders = _orders(random.Random(seed))
    for number in range(rounds):
        found += (PlannedBlock(2 * number + place, number, arm) for place, arm in enumerate(next(orders)))
    return tuple(found)


def _orders(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Without end, which arm goes first: in every group of rounds each as often as the other."""
    while True:
        group = [ARMS, ARMS[::-1]] * (GROUP // 2)
        rng.shuffle(group)
        yield from group
