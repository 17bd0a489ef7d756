"""The few accesses of a register that already contradict each other, out of a history that cannot be explained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from conformance.checkers.linearizing import Found, linearize
from conformance.checkers.registers import Access, Value

STEPS = 2_000_000
"""Effort for making a witness smaller: 2 s or so. What it has come to by then is shown."""


@dataclass(frozen=True)
class Witness:
    """``accesses`` (in the order begun) contradict each other whatever else happened; ``culprit`` is the one of them
    that was told of a value last. ``minimal``: none of them can be left out."""

    culprit: Access
    accesses: tuple[Access, ...]
    minimal: bool


def witness(accesses: Sequence[Access]) -> Witness:
    """The witness of a history that has no order."""
    ends = sorted(access.ended for access in accesses if access.ended is not None)
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high) // 2
        if linearize(_until(accesses, ends[middle]), STEPS).found is Found.NO_ORDER:
            high = middle
        else:
            low = middle + 1
    smallest, minimal = _smaller(_until(accesses, ends[low]))
    # Writes alone never contradict each other, so one of them reads.
    culprit = max((a for a in smallest if a.reads and a.ended is not None), key=lambda a: a.ended or 0)
    return Witness(culprit, tuple(smallest), minimal)


def _until(accesses: Sequence[Access], t: int) -> list[Access]:
    """What was known at ``t``: an access under way then has an unknown outcome, and a get under way says nothing."""
    return [
        access if access.ended is None or access.ended <= t else replace(access, ended=None)
        for access in accesses
        if access.begun <= t and (access.writes or (access.ended is not None and access.ended <= t))
    ]


def _smaller(kept: list[Access]) -> tuple[list[Access], bool]:
    """Leave out neighbours, ever fewer at a time, as long as what is left has no order.

    Leaving out only takes demands away as long as every value that is still read keeps all its writes: so a part that
    contradicts itself does so in the whole, too.
    """
    everything = kept
    budget = STEPS
    size = max(1, len(kept) // 2)
    while True:
        for part in _without_some(kept, size, everything):
            search = linearize(part, max(0, budget))
            budget -= search.steps + len(everything)
            if search.found is Found.NO_ORDER:
                kept = part
                size = max(1, min(size, len(kept) // 2))
                break
            if budget <= 0:
                return kept, False
        else:
            if size == 1:
                return kept, True
            size //= 2


def _without_some(kept: Sequence[Access], size: int, everything: Sequence[Access]) -> Iterator[list[Access]]:
    """What is left when so many neighbours, and whatever reads what one of them wrote, are left out."""
    for at in range(0, len(kept), size):
        if part := _closed([*kept[:at], *kept[at + size :]], everything):
            yield part


def _closed(part: list[Access], everything: Sequence[Access]) -> list[Access]:
    """The part without the accesses that read a value one of whose writes is not in it."""
    writes = _writes(everything)
    while True:
        here = _writes(part)
        left = [access for access in part if not access.reads or here[access.old] == writes[access.old]]
        if len(left) == len(part):
            return part
        part = left


def _writes(accesses: Sequence[Access]) -> Counter[Value]:
    """How many accesses write each value."""
    return Counter(access.new for access in accesses if access.writes)
